"""The dated work list: periods, files of an office, and the command."""

from __future__ import annotations

import json
from datetime import date

import pytest
from office import refused, run
from openpyxl import Workbook, load_workbook

from geo.errors import DesignError, LayerError, NotFoundError
from layers.store import Store
from service.supervision.timetable import repeated, window
from service.usecases import timetable, timetable_file
from service.usecases.timetable import Task

DAY = date(2026, 5, 6)  # a Wednesday


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "store.db", create=True) as opened:
        yield opened


def sheet(path, *rows):
    book = Workbook()
    for row in rows:
        book.active.append(list(row))
    book.save(path)
    return path


HEAD = ("编号", "事项", "完成时限", "周期", "责任单位", "备注")


@pytest.mark.parametrize(
    ("day", "period", "first", "last"),
    [
        (DAY, "week", date(2026, 5, 4), date(2026, 5, 10)),
        (date(2026, 5, 10), "week", date(2026, 5, 4), date(2026, 5, 10)),
        (date(2026, 1, 1), "week", date(2025, 12, 29), date(2026, 1, 4)),
        (DAY, "month", date(2026, 5, 1), date(2026, 5, 31)),
        (date(2024, 2, 29), "month", date(2024, 2, 1), date(2024, 2, 29)),
        (DAY, "quarter", date(2026, 4, 1), date(2026, 6, 30)),
        (date(2026, 12, 31), "quarter", date(2026, 10, 1), date(2026, 12, 31)),
        (DAY, "year", date(2026, 1, 1), date(2026, 12, 31)),
    ],
)
def test_a_period_spans_whole_days(day, period, first, last):
    assert window(day, period) == (first, last)


def test_work_comes_back_on_the_same_day_or_the_last_of_a_shorter_month():
    days = repeated(date(2026, 1, 31), "month", 3)
    assert days == [date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31)]
    assert repeated(date(2026, 11, 30), "quarter", 2) == [date(2026, 11, 30), date(2027, 2, 28)]
    assert repeated(date(2024, 2, 29), "year", 2) == [date(2024, 2, 29), date(2025, 2, 28)]
    assert repeated(date(2026, 12, 28), "week", 2) == [date(2026, 12, 28), date(2027, 1, 4)]


def test_what_is_due_and_what_is_late_is_listed(store):
    for title, day in (
        ("甲", date(2026, 5, 10)),
        ("乙", date(2026, 5, 11)),
        ("丙", date(2026, 4, 1)),
        ("丁", DAY),
    ):
        timetable.add(store, title, day)
    assert [task.title for task in timetable.due(store, DAY, "week")] == ["丙", "丁", "甲"]
    assert [task.title for task in timetable.due(store, DAY)] == ["丙", "丁", "甲", "乙"]
    late, today, *_ = timetable.due(store, DAY)
    assert (late.standing(DAY), today.standing(DAY)) == ("overdue", "open")
    timetable.mark_done(store, [late.id, today.id], DAY)
    assert [task.title for task in timetable.due(store, DAY, "week")] == ["甲"]
    assert [task.title for task in timetable.due(store, DAY, "week", done=True)] == ["丁", "甲"]
    timetable.mark_done(store, [today.id], None)
    assert [task.title for task in timetable.due(store, DAY, "week")] == ["丁", "甲"]
    timetable.remove(store, [today.id])
    assert [task.title for task in timetable.tasks(store)] == ["丙", "甲", "乙"]


def test_a_task_that_comes_back_is_several_tasks(store):
    made = timetable.add(store, "志愿服务台账", date(2026, 3, 31), period="quarter", times=4, unit="文明办")
    assert [task.due for task in made] == [
        date(2026, 3, 31),
        date(2026, 6, 30),
        date(2026, 9, 30),
        date(2026, 12, 31),
    ]
    assert [task.id for task in timetable.tasks(store)] == ["T1", "T2", "T3", "T4"]
    assert timetable.add(store, "总结", DAY)[0].id == "T5"


def test_what_is_no_task_is_refused_and_nothing_stored(store):
    for wrong in (
        {"title": " "},
        {"title": "长" * 501},
        {"period": "周"},
        {"times": 2},
        {"period": "week", "times": 61},
    ):
        with pytest.raises(DesignError):
            timetable.add(store, **{"title": "甲", "first": DAY, **wrong})
    timetable.add(store, "甲", DAY)
    for act in (
        lambda: timetable.mark_done(store, ["T1", "T9"], DAY),
        lambda: timetable.remove(store, ["T1", "T9"]),
    ):
        with pytest.raises(NotFoundError, match="T9"):
            act()
    assert [task.done_at for task in timetable.tasks(store)] == [None]
    with pytest.raises(NotFoundError, match="--within"):
        timetable.due(store, DAY, "decade")


# -- files


def test_a_list_of_an_office_is_read_by_its_headings(store, tmp_path):
    file = sheet(
        tmp_path / "任务.xlsx", ("2026年网上申报任务分解表",), HEAD, ("1-2", "未成年人思想道德", "2026.5.6", "每季度", "教育局", "第1条"),
        (), (None, "社区志愿服务", date(2026, 6, 1), None, None, None), ("A3", "诚信建设", "6月15日", "月", "发改委", None),
    )  # fmt: skip
    told = timetable_file.take(store, file, year=2026)
    assert (told.new, told.changed, told.same, told.faults) == (3, 0, 0, ())
    assert timetable.tasks(store) == [
        Task(id="1-2", title="未成年人思想道德", due=DAY, period="quarter", unit="教育局", note="第1条"),
        Task(id="T1", title="社区志愿服务", due=date(2026, 6, 1)),
        Task(id="A3", title="诚信建设", due=date(2026, 6, 15), period="month", unit="发改委"),
    ]


def test_taking_a_corrected_list_changes_what_changed(store, tmp_path):
    rows = [("a", "甲", "2026-05-06", None, "教育局", None), (None, "乙", "2026-05-07", None, None, None)]
    timetable_file.take(store, sheet(tmp_path / "1.xlsx", HEAD, *rows))
    timetable.mark_done(store, ["a"], DAY)
    same = timetable_file.take(store, sheet(tmp_path / "2.xlsx", HEAD, *rows))
    assert (same.new, same.changed, same.same) == (0, 0, 2)
    rows[0] = ("a", "甲", "2026-05-16", None, "民政局", None)
    told = timetable_file.take(store, sheet(tmp_path / "3.xlsx", HEAD, *rows))
    assert (told.new, told.changed, told.same) == (0, 1, 1)
    (moved,) = [task for task in timetable.tasks(store) if task.id == "a"]
    assert (moved.due, moved.unit, moved.done_at) == (date(2026, 5, 16), "民政局", DAY)


def test_all_faults_are_told_at_once_and_nothing_is_taken(store, tmp_path):
    file = sheet(
        tmp_path / "任务.xlsx", HEAD, ("a", "好的", "2026-05-06"), ("b", None, "2026-05-06"), ("c", "没有日期", None),
        ("d", "错日期", "五月"), ("e", "错周期", "2026-05-06", "天天"), ("a", "重复", "2026-05-08"), (None, "长" * 501, "2026-05-06"),
    )  # fmt: skip
    told = timetable_file.take(store, file)
    assert [(fault.row, fault.code) for fault in told.faults] == [
        ("3", "task_without_title"), ("4", "task_without_day"), ("5", "not_a_date"), ("6", "task_period_unknown"),
        ("7", "task_twice"), ("8", "task_long"),
    ]  # fmt: skip
    assert timetable.tasks(store) == []


def test_what_is_no_work_list_is_refused(store, tmp_path):
    with pytest.raises(LayerError) as told:
        timetable_file.take(store, sheet(tmp_path / "a.xlsx", ("名称", "经度"), ("x", 1)))
    assert told.value.code == "tasks_headings"
    many = [(None, f"任务{number}", "2026-05-06") for number in range(2001)]
    with pytest.raises(LayerError) as told:
        timetable_file.take(store, sheet(tmp_path / "b.xlsx", HEAD, *many))
    assert told.value.code == "tasks_many"
    (tmp_path / "c.xlsx").write_text("no workbook")
    with pytest.raises(LayerError):
        timetable_file.take(store, tmp_path / "c.xlsx")
    with pytest.raises(LayerError):
        timetable_file.take(store, tmp_path / "missing.xlsx")


@pytest.mark.parametrize("ending", ["xlsx", "csv"])
def test_a_written_list_comes_back_as_it_was(store, tmp_path, ending):
    timetable.add(store, "=甲+1", DAY, period="week", times=2, unit="教育局", note="1-2")
    timetable.mark_done(store, ["T2"], DAY)
    before = timetable.tasks(store)
    file = tmp_path / f"list.{ending}"
    timetable_file.save(store, before, file, "zh")
    with Store.open(tmp_path / "other.db", create=True) as other:
        assert timetable_file.take(other, file).new == 2
        assert timetable.tasks(other) == before


# -- the command


def test_the_command_keeps_the_list(capsys, tmp_path):
    path = tmp_path / "store.db"
    Store.open(path, create=True).close()

    def told(*arguments, lang="zh"):
        code, out, err = run(capsys, "--store", path, "--lang", lang, "timetable", *arguments)
        assert code == 0, err
        return out

    assert "每季度" in told(
        "add", "志愿服务台账", "--due", "2026-05-06", "--every", "quarter", "--times", "2", "--unit", "文明办"
    )
    out = told("list", "--on", "2026-05-07")
    assert "志愿服务台账" in out
    assert "已逾期" in out
    assert "2026-08-06" not in out
    assert "2026-08-06" in told("list", "--on", "2026-05-07", "--within", "all", "--out", tmp_path / "x.xlsx")
    assert [cell.value for cell in load_workbook(tmp_path / "x.xlsx").active[1]][:3] == [
        "编号",
        "任务",
        "截止日期",
    ]
    assert "已完成 2026-05-07" in told("done", "T1", "--on", "2026-05-07")
    held = json.loads(told("list", "--on", "2026-05-07", "--within", "all", "--json"))
    assert [(task["id"], task["standing"]) for task in held] == [("T2", "open")]
    told("done", "T1", "--undo")
    assert "taken off" in told("remove", "T1", "T2", lang="en")
    assert "新增 2 项" in told("import", tmp_path / "x.xlsx")
    assert json.loads(told("import", tmp_path / "x.xlsx", "--json"))["same"] == 2


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_command_refuses_in_one_sentence(capsys, tmp_path, lang):
    path = tmp_path / "store.db"
    Store.open(path, create=True).close()
    for arguments in (
        ("add", "甲", "--due", "5月"), ("add", "甲", "--due", "2026-05-06", "--every", "day"), ("done", "T1"),
        ("add", "甲", "--due", "2026-05-06", "--times", "3"), ("list", "--within", "decade"), ("list", "--out", "x.pdf"),
    ):  # fmt: skip
        words = refused(capsys, "--store", path, "timetable", *arguments, lang=lang)
        assert lang == "en" or not words.isascii()


def test_the_command_tells_every_fault_of_a_file(capsys, tmp_path):
    path = tmp_path / "store.db"
    Store.open(path, create=True).close()
    file = sheet(tmp_path / "任务.xlsx", HEAD, ("b", None, "2026-05-06"), ("c", "没有日期", None))
    code, out, err = run(capsys, "--store", path, "--lang", "zh", "timetable", "import", file)
    assert code == 1
    assert "没有写明任务内容" in out
    assert "没有截止日期" in out
    assert "一条也没有录入" in err
