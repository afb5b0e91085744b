"""Results: a filled-in sheet comes back, and what was found becomes issues; nothing is half taken.

Alley items of the domain reference 6.1: 06 is HJ01 (4 working hours), 08 is SR01. Working hours are
8 to 12 and 14 to 18; 6 May 2026 is a Wednesday.
"""

from __future__ import annotations

import csv
import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import hamlet
import pytest
import xlwt
from mission_town import (
    HEAD,
    ITEMS,
    NOW,
    SITES,
    START,
    at,
    copied,
    create,
    filled,
    grid,
    made,
    resaved,
    row,
    sheet,
)
from openpyxl import load_workbook
from sqlalchemy import func, select

from geo.errors import ZhoubianError
from layers import tables
from layers.ledger import Ledger, folded
from layers.missions import Missions
from layers.store import Store
from service import result_words
from service.i18n import error_text, fault_text
from service.supervision import cards
from service.usecases import issue_actions, missions, result_files, results
from service.usecases.result_rows import form_of, read_rows

ALLEY, VENDING, GARBAGE = "B1", "back_alley-08", "back_alley-06"


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    return made(tmp_path_factory.mktemp("results"))


@pytest.fixture
def store(template, tmp_path):
    with Store.open(copied(template, tmp_path), create=False) as opened:
        yield opened


def take(store, *rows, now=NOW, **how: Any):
    report = results.take_results(store, "第一轮", rows, who="一组", now=now, **how)
    return report.require()


def case(store, issue: str):
    return Ledger(store).case(issue)


def actions(store, issue: str) -> list[str]:
    return [event.action for event in Ledger(store).history(issue)]


def counted(store) -> dict[str, int]:
    """How many rows each table of the follow-up holds."""
    held = (tables.results, tables.result_changes, tables.cases, tables.events)
    with store.reading() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in held
        }


def told(store) -> dict[tuple[str, str], tuple[str, int]]:
    return {(one.site, one.item): (one.verdict, one.cases) for one in results.results_of(store, "第一轮")}


# -- what a result becomes -------------------------------------------------------------------------


def test_what_is_not_in_order_becomes_an_issue_of_that_mission_site_and_item(store):
    report = take(store, row(ALLEY, GARBAGE, "no", 3, note="桶边", photos=("1.jpg",)))
    assert report.taken_up == ["第一轮/B1/back_alley-06"]
    found = case(store, "第一轮/B1/back_alley-06")
    assert (found.category, found.source, found.mission, found.site, found.site_type, found.item) == (
        "HJ01", "mission", "第一轮", "B1", "back_alley", GARBAGE,
    )  # fmt: skip
    assert (found.count, found.note, found.photos, found.found_at) == (3, "桶边", ("1.jpg",), at(6, 9, 30))
    assert found.deadline == at(6, 15, 30)  # two and a half hours before noon, one and a half after
    site = next(one for one in missions.of(store, "第一轮", now=NOW, who="x").sites if one["id"] == ALLEY)
    assert (found.lon, found.lat) == (site["lon"], site["lat"])
    assert (site["status"], report.visited) == ("visited", ["B1"])


def test_only_a_finding_outside_marked_lines_becomes_an_issue(store):
    report = take(
        store, row(ALLEY, VENDING, "no", 5, inside_lines=True), row(ALLEY, "back_alley-01", "yes"),
        row(ALLEY, "back_alley-02", "na"), row(ALLEY, "back_alley-03", "unseen"),
    )  # fmt: skip
    assert (report.new, report.taken_up) == (4, [])
    assert told(store)[ALLEY, VENDING] == ("no", 5)
    assert take(store, row(ALLEY, VENDING, "no", 5)).taken_up == ["第一轮/B1/back_alley-08"]
    assert take(store, row(ALLEY, VENDING, "no", 5, inside_lines=True)).withdrawn == [
        "第一轮/B1/back_alley-08"
    ]


def test_what_is_mended_on_the_spot_is_closed_with_the_visit(store):
    take(store, row(ALLEY, GARBAGE, "no", fixed_on_site=True))
    found = case(store, "第一轮/B1/back_alley-06")
    assert (found.state, found.fixed_at, found.closed_at) == ("closed", at(6, 9, 30), at(6, 9, 30))


def test_no_number_means_one_case_and_is_told(store):
    report = take(store, row(ALLEY, GARBAGE, "no"), row(ALLEY, VENDING, "no", 2))
    assert report.assumed == 1
    assert told(store)[ALLEY, GARBAGE] == ("no", 1)


def test_nobody_was_there_where_nothing_was_looked_at(store):
    assert take(store, row(ALLEY, GARBAGE, "unseen")).visited == []


def test_a_row_without_a_time_has_that_of_its_site_else_now(store):
    report = take(
        store, row(ALLEY, GARBAGE, "yes", at=None), row(ALLEY, VENDING, "yes", at=at(6, 10)),
        row("B5", GARBAGE, "yes", at=None), row("C1", "compound-01", "yes", at=at(6, 0)),
    )  # fmt: skip
    times = {(one.site, one.item): one.at for one in results.results_of(store, "第一轮")}
    assert times == {
        (ALLEY, GARBAGE): at(6, 10), (ALLEY, VENDING): at(6, 10), ("B5", GARBAGE): NOW,
        ("C1", "compound-01"): START,  # the day alone: when the mission began
    }  # fmt: skip
    assert report.untimed == 1


# -- taken again -----------------------------------------------------------------------------------

ROWS = (row(ALLEY, GARBAGE, "no", 2, note="甲"), row(ALLEY, VENDING, "yes"), row("M1", "market-01", "no"))


def test_taking_the_same_rows_twice_is_taking_them_once(store):
    take(store, *ROWS)
    before = counted(store), Missions(store).mission("第一轮").revision
    # found, assigned and carded for each of two issues
    assert before[0] == {"results": 3, "result_changes": 0, "cases": 2, "events": 6}
    again = take(store, *ROWS, now=at(7, 9))
    assert (again.new, again.changed, again.unchanged, again.taken_up) == (0, 0, 3, [])
    assert (counted(store), Missions(store).mission("第一轮").revision) == before


def test_a_row_taken_again_without_its_time_is_the_same_row(store):
    take(store, *ROWS)
    assert take(store, *(replace(one, at=None) for one in ROWS)).unchanged == 3


def test_of_a_corrected_sheet_only_what_differs_is_changed(store):
    take(store, *ROWS)
    before = counted(store)
    report = take(store, replace(ROWS[0], cases=5, note="乙"), *ROWS[1:], now=at(7, 9))
    assert (report.changed, report.unchanged, report.corrected) == (1, 2, ["第一轮/B1/back_alley-06"])
    after = counted(store)
    assert {name: after[name] - before[name] for name in after} == {
        "results": 0, "result_changes": 1, "cases": 0, "events": 1,
    }  # fmt: skip
    [change] = Missions(store).changes("第一轮")
    assert (change.site, change.item, change.at, change.who) == (ALLEY, GARBAGE, at(7, 9), "一组")
    assert change.changes == {"cases": [2, 5], "note": ["甲", "乙"]}
    event = Ledger(store).history("第一轮/B1/back_alley-06")[-1]
    assert (event.action, event.changes) == ("corrected", {"count": [2, 5], "note": ["甲", "乙"]})


def test_a_result_that_was_in_order_after_all_withdraws_its_issue(store):
    take(store, *ROWS)
    report = take(store, replace(ROWS[0], verdict="yes", cases=None))
    assert report.withdrawn == ["第一轮/B1/back_alley-06"]
    assert case(store, "第一轮/B1/back_alley-06").withdrawn_at == NOW
    [change] = Missions(store).changes("第一轮")
    assert change.changes == {"verdict": ["no", "yes"], "cases": [2, 0]}


def test_what_fails_again_after_a_withdrawal_is_a_new_issue(store):
    take(store, *ROWS)
    take(store, replace(ROWS[0], verdict="yes", cases=None))
    report = take(store, replace(ROWS[0], cases=4))
    assert report.taken_up == ["第一轮/B1/back_alley-06/2"]
    new, old = (case(store, f"第一轮/B1/back_alley-06{end}") for end in ("/2", ""))
    assert (new.count, new.withdrawn_at, cards.counts(old), new.recurs) == (4, None, False, None)


def test_a_result_knows_its_issue_whose_site_was_corrected_by_hand(store):
    take(store, row(ALLEY, GARBAGE, "no", 2))
    number = f"第一轮/{ALLEY}/{GARBAGE}"
    issue_actions.act(store, number, "correct", who="创城办", now=NOW, site="B5")
    assert take(store, row(ALLEY, GARBAGE, "no", 3)).corrected == [number]
    assert (case(store, number).count, case(store, number).site) == (3, "B5")
    assert take(store, row(ALLEY, GARBAGE, "yes")).withdrawn == [number]


def test_a_corrected_time_moves_finding_card_and_deadline(store):
    take(store, *ROWS)
    take(store, replace(ROWS[0], at=at(6, 11)))
    found = case(store, "第一轮/B1/back_alley-06")
    assert (found.found_at, found.due_from) == (at(6, 11), at(6, 11))
    assert found.deadline == found.first_deadline == at(6, 17)  # an hour before noon, three after
    issues = store.read("issues").set_index("id")
    assert issues.loc["第一轮/B1/back_alley-06", "found_at"] == at(6, 11)
    assert issues.loc["第一轮/B1/back_alley-06", "deadline"] == at(6, 17)
    assert folded(found.issue, Ledger(store).history(found.issue)) == found


def test_mended_on_the_spot_can_be_corrected_both_ways(store):
    take(store, *ROWS)
    take(store, replace(ROWS[0], fixed_on_site=True))
    found = case(store, "第一轮/B1/back_alley-06")
    assert (found.state, found.fixed_at, found.colour) == ("closed", at(6, 9, 30), None)
    take(store, ROWS[0])
    found = case(store, "第一轮/B1/back_alley-06")
    assert (found.state, found.fixed_at, found.closed_at) == ("carded", None, None)
    assert (found.colour, found.deadline) == ("white", at(6, 15, 30))
    assert actions(store, found.issue) == ["found", "assigned", "carded", "corrected", "corrected"]


def test_once_a_unit_has_reported_it_only_the_finding_is_corrected(store):
    take(store, *ROWS)
    ledger, entry = Ledger(store), cards.Entry(at=at(6, 14), recorded_at=at(6, 14), who="环卫处")
    book = missions.rules_of(store, Missions(store).mission("第一轮"))
    reported, events = cards.report(case(store, "第一轮/B1/back_alley-06"), cards.Cards(book), entry)
    ledger.write([reported], events)
    take(store, replace(ROWS[0], at=at(6, 11), cases=7))
    found = case(store, "第一轮/B1/back_alley-06")
    assert (found.count, found.found_at, found.deadline) == (7, at(6, 9, 30), at(6, 15, 30))
    assert found.state == "reported_fixed"


# -- the sheet -------------------------------------------------------------------------------------

FILLED = {
    (ALLEY, GARBAGE): {"结果": "不符合", "处数": "２处", "备注": "桶边", "照片": "IMG 1.jpg；b.JPG",
                       "检查时间": datetime(2026, 5, 6, 9, 30)},  # noqa: DTZ001 - as a spreadsheet has it
    (ALLEY, VENDING): {"结果": "×", "处数": 4, "划线内": "是"},
    ("M1", "market-01"): {"结果": "不合格", "现场整改": "√", "检查时间": "2026.5.6 10:15"},
    ("M1", "market-02"): {"结果": "√"},
    ("C1", "compound-01"): {"结果": "不涉及"},
    ("S1", "school-01"): {"结果": "未查看"},
}  # fmt: skip
READ = {
    (ALLEY, GARBAGE): ("no", 2), (ALLEY, VENDING): ("no", 4), ("M1", "market-01"): ("no", 1),
    ("M1", "market-02"): ("yes", 0), ("C1", "compound-01"): ("na", 0), ("S1", "school-01"): ("unseen", 0),
}  # fmt: skip


def take_file(store, file, **how: Any):
    return result_files.take_file(store, "第一轮", file, who="一组", now=NOW, **how)


def read(store, rows: list[list[Any]], hidden: list[list[Any]] | None = None):
    """The rows of a grid as they are taken from a file, without the process that reads it."""
    grids = {"Sheet1": rows, **({} if hidden is None else {"zhoubian": hidden})}
    mission = Missions(store).mission("第一轮")
    book = missions.rules_of(store, mission)
    items = {item.code: item.site_type for listed in book.items.values() for item in listed}
    return read_rows(form_of("表.xlsx", grids), mission, items)


@pytest.fixture(scope="module")
def typed_once(template, tmp_path_factory):
    file = tmp_path_factory.mktemp("sheet") / "结果.xlsx"
    with Store.open(copied(template, file.parent), create=False) as opened:
        return filled(sheet(opened, file), FILLED)


@pytest.fixture(scope="module")
def typed_rows(typed_once):
    return grid(typed_once)


@pytest.fixture
def typed(typed_once, tmp_path):
    """The sheet of the mission, filled in."""
    return Path(shutil.copy(typed_once, tmp_path))


@pytest.fixture
def rows(typed_rows):
    """Its rows, for a test to spoil."""
    return [list(cells) for cells in typed_rows]


def test_a_sheet_has_a_row_for_every_item_of_every_site(rows):
    keys = [(cells[1], cells[4].rsplit("-", 1)[0]) for cells in rows[HEAD:]]
    assert {site: [one for one, _ in keys].count(site) for site in SITES} == ITEMS
    assert len({(cells[1], cells[4]) for cells in rows[HEAD:]}) == sum(ITEMS.values())


def test_a_filled_in_sheet_comes_back(store, typed):
    report = take_file(store, typed)
    assert report.applied
    assert told(store) == READ
    assert (report.rows, report.blank) == (6, sum(ITEMS.values()) - 6)
    by_key = {(one.site, one.item): one for one in results.results_of(store, "第一轮")}
    first = by_key[ALLEY, GARBAGE]
    assert (first.note, first.photos, first.at) == ("桶边", ("IMG 1.jpg", "b.JPG"), at(6, 9, 30))
    assert by_key[ALLEY, VENDING].inside_lines
    assert by_key["M1", "market-01"].fixed_on_site
    assert by_key["M1", "market-02"].at == at(6, 10, 15)
    assert sorted(report.taken_up) == ["第一轮/B1/back_alley-06", "第一轮/M1/market-01"]


def test_what_was_taken_can_be_written_corrected_and_taken_again(store, typed, tmp_path):
    take_file(store, typed)
    back = tmp_path / "结果回写.xlsx"
    result_files.write_results(store, "第一轮", back, lang="zh", who="创城办", now=NOW)
    assert take_file(store, back).unchanged == 6
    again = take_file(store, filled(back, {(ALLEY, GARBAGE): {"处数": 9}}))
    assert (again.changed, again.unchanged, again.corrected) == (1, 5, ["第一轮/B1/back_alley-06"])


def test_a_sheet_in_english_comes_back_too(store, tmp_path):
    file = sheet(store, tmp_path / "results.xlsx", lang="en")
    book = load_workbook(file)
    columns = {cell.value: cell.column for cell in book.worksheets[0][HEAD]}
    cells = book.worksheets[0][HEAD + 1]
    cells[columns["result"] - 1].value, cells[columns["cases"] - 1].value = "no", 2
    cells[columns["checked at"] - 1].value = "2026-05-06 09:00"
    book.save(file)
    assert take_file(store, file).applied
    assert list(told(store).values()) == [("no", 2)]


def _old_workbook(rows, path):
    """As Excel 97 to 2003 has it."""
    book = xlwt.Workbook()
    page = book.add_sheet("结果")
    style = xlwt.easyxf(num_format_str="yyyy-mm-dd hh:mm")
    for y, cells in enumerate(rows):
        for x, value in enumerate(cells):
            if value is not None:
                page.write(y, x, value, *([style] if isinstance(value, datetime) else []))
    book.save(str(path))


def _gbk(rows, path):
    with path.open("w", encoding="gbk", newline="") as file:
        csv.writer(file).writerows([["" if cell is None else cell for cell in cells] for cells in rows])


@pytest.mark.parametrize("write", [_old_workbook, _gbk], ids=["xls", "csv in GBK"])
def test_a_sheet_saved_in_an_older_format_is_the_same_sheet(store, rows, tmp_path, write):
    path = tmp_path / ("旧.xls" if write is _old_workbook else "旧.csv")
    write(rows, path)
    assert take_file(store, path).applied
    assert told(store) == READ


def test_an_encoding_can_be_named(store, tmp_path):
    path = tmp_path / "大五码.csv"
    path.write_bytes("site,item,result,note\nB1,back_alley-06,no,垃圾\n".encode("big5"))
    assert take_file(store, path, encoding="big5").applied
    assert [one.note for one in results.results_of(store, "第一轮")] == ["垃圾"]


def _columns_turned_round(rows):
    return [list(reversed(cells)) for cells in rows]


def _a_column_put_in(rows):
    return [[*cells[:2], None if n < HEAD - 1 else f"x{n}", *cells[2:]] for n, cells in enumerate(rows)]


def _titles_on_top(rows):
    return [
        ["2026年模拟测评"],
        [],
        ["填表单位：一组", None, "2026年5月"],
        *rows,
        [],
        ["合计", None, 6],
        ["填表人：张某"],
    ]


def _other_words(rows):
    names = {
        "点位编号": "点位编码",
        "项目编号": "指标编号",
        "结果": " 检查结果（必填）",
        "处数": "问题\n处数",
    }
    return [
        [names.get(cell, cell) if n == HEAD - 1 else cell for cell in cells] for n, cells in enumerate(rows)
    ]


def _without_what_nobody_needs(rows):
    keep = [
        n for n, cell in enumerate(rows[HEAD - 1]) if cell not in ("任务", "类型", "点位名称", "检查内容")
    ]
    return [[cells[n] if n < len(cells) else None for n in keep] for cells in rows]


def _only_what_is_filled_in(rows):
    verdict = rows[HEAD - 1].index("结果")
    return [cells for n, cells in enumerate(rows) if n < HEAD or cells[verdict]][::1]


@pytest.mark.parametrize(
    "change",
    [
        _columns_turned_round, _a_column_put_in, _titles_on_top, _other_words, _without_what_nobody_needs,
        _only_what_is_filled_in,
    ],
)  # fmt: skip
def test_columns_are_known_by_their_headings(store, rows, change):
    found, faults, _ = read(store, change(rows))
    assert faults == []
    report = take(store, *found)
    assert (report.rows, told(store)) == (6, READ)


def test_a_sheet_saved_anew_with_its_columns_moved_is_read_by_the_process_too(store, typed, tmp_path):
    file = resaved(typed, lambda rows: _titles_on_top(_columns_turned_round(rows)), tmp_path / "WPS.xlsx")
    assert take_file(store, file).applied
    assert told(store) == READ


def test_teams_have_sheets_of_their_own_that_all_come_back(store, tmp_path):
    mission = Missions(store).mission("第一轮")
    team = {"B1": (1, 1), "M1": (2, 1), "S1": (2, 2)}
    sites = [{**one, "team": team.get(one["id"], (None, None))[0], "order": 1} for one in mission.sites]
    Missions(store).replace(mission, {**mission.record, "sites": sites}, changed_at=NOW)
    file = sheet(store, tmp_path / "结果.xlsx")
    assert load_workbook(file).sheetnames == ["1组", "2组", "未分组", "zhoubian"]
    bad = {**FILLED, ("M1", "market-02"): {"结果": "还行"}}
    report = take_file(store, filled(file, bad))
    assert [(fault.row, fault.code) for fault in report.faults] == [("2组!5", "result_word")]
    assert take_file(store, filled(file, FILLED)).applied
    assert told(store) == READ


def test_ids_stay_what_they_are(store, tmp_path):
    """A site called 1-2, one of fifteen digits, and a name that looks like a formula."""
    place = {"geometry": hamlet.shape((50, 300), (60, 300), kind=hamlet.shapely.LineString)}
    hamlet.add(store, {"back_alleys": hamlet.table("back_alleys", [
        {"id": "1-2", "name": "=1+1", **place}, {"id": "110108001000123", "name": "@SUM(A1)", **place},
    ])})  # fmt: skip
    create(store, "编号", ("1-2", "110108001000123"))
    file = filled(sheet(store, tmp_path / "结果.xlsx", "编号"), {
        ("1-2", GARBAGE): {"结果": "符合"}, ("110108001000123", GARBAGE): {"结果": "符合"},
    })  # fmt: skip
    assert {cells[2] for cells in grid(file)[HEAD:]} == {"=1+1", "@SUM(A1)"}
    cell = load_workbook(file).worksheets[0].cell(HEAD + 1, 2)
    assert (cell.number_format, cell.data_type) == ("@", "s")
    report = result_files.take_file(store, "编号", file, who="x", now=NOW)
    assert report.applied
    assert {one.site for one in results.results_of(store, "编号")} == {"1-2", "110108001000123"}


def test_a_look_back_sheet_says_what_failed_last_time(store, tmp_path):
    take(store, *ROWS)
    missions.create(store, "回头看", "lookback", of=["第一轮"], starts_at=NOW, now=NOW, who="创城办")
    rows = grid(sheet(store, tmp_path / "回头看.xlsx", "回头看"))
    before = rows[HEAD - 1].index("上次结果")
    told_before = [(cells[1], cells[4]) for cells in rows[HEAD:] if cells[before] == "不符合"]
    assert told_before == [("M1", "market-01"), (ALLEY, GARBAGE)]


# -- words -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("meaning", "words"),
    [
        ("yes", "符合 合格 是 √ ✓ ✔️ Y ｙ yes OK 达标 TRUE 符合。"),
        ("no", "不符合 不合格 否 × ✗ X ｘ N no 不达标 FALSE ❌ 不符合（2处）"),
        ("na", "不适用 不涉及 NA ｎａ N/A / ／ 无此项"),
        ("unseen", "未查看 未查 unseen 未检查"),
        (None, "也许 待定 ？ 2 -"),
    ],
)
def test_verdicts_are_understood_in_many_spellings(meaning, words):
    assert {word: result_words.verdict(word) for word in words.split()} == dict.fromkeys(
        words.split(), meaning
    )


def test_a_blank_is_no_flag_and_other_words_are_none():
    assert [result_words.flag(cell) for cell in (None, "", " ", "否", 0, "是", True, 1, "Ｙ", "部分")] == [
        False, False, False, False, False, True, True, True, True, None,
    ]  # fmt: skip


# -- bad input -------------------------------------------------------------------------------------

FAULTS = {
    "result_site_unknown": row("B2", GARBAGE, "no"),
    "result_item_unknown": row(ALLEY, "back_alley-99", "no"),
    "result_item_type": row(ALLEY, "market-01", "no"),
    "result_other_mission": row(ALLEY, GARBAGE, "no", mission="第二轮"),
    "result_verdict": row(ALLEY, GARBAGE, "maybe"),
    "result_no_case": row(ALLEY, GARBAGE, "no", 0),
    "result_cases_in_order": row(ALLEY, GARBAGE, "yes", 2),
    "result_fixed_in_order": row(ALLEY, GARBAGE, "yes", fixed_on_site=True),
    "result_cases_many": row(ALLEY, GARBAGE, "no", 1001),
    "result_in_future": row(ALLEY, GARBAGE, "no", at=at(6, 18, 1)),
    "result_before_mission": row(ALLEY, GARBAGE, "no", at=at(6, 7, 59)),
    "photo_missing": row(ALLEY, GARBAGE, "no", photos=("没有.jpg",)),
}


@pytest.mark.parametrize("code", FAULTS)
def test_a_wrong_row_is_told_in_both_languages_and_nothing_is_taken(code, store):
    before = counted(store)
    good = row("M1", "market-01", "no", photos=("有.JPG",))
    report = results.take_results(
        store, "第一轮", [good, FAULTS[code]], who="一组", now=NOW, photos={"有.jpg"}
    )
    assert [fault.code for fault in report.faults] == [code]
    [fault] = report.faults
    assert fault.message
    chinese = fault_text(fault, "zh")
    assert not chinese.isascii()
    assert "{" not in chinese
    assert not report.applied
    assert counted(store) == before
    with pytest.raises(ZhoubianError) as refused:
        report.require()
    assert error_text(refused.value, "zh").startswith("任务 第一轮 的结果有 1 处错误")


def test_all_faults_of_all_rows_are_told_at_once(store):
    report = results.take_results(store, "第一轮", list(FAULTS.values()), who="x", now=NOW, photos=())
    assert {fault.code for fault in report.faults} == set(FAULTS)
    worst = row("B2", "back_alley-99", "yes", 3, at=at(7, 0), row="9")
    many = results.take_results(store, "第一轮", [worst], who="x", now=NOW)
    assert [fault.code for fault in many.faults] == [
        "result_site_unknown", "result_item_unknown", "result_cases_in_order", "result_in_future",
    ]  # fmt: skip


def test_the_same_item_twice_with_different_results_is_a_fault_and_twice_the_same_is_not(store):
    one = row(ALLEY, GARBAGE, "no", 2, row="5")
    report = results.take_results(store, "第一轮", [one, replace(one, cases=3, row="8")], who="x", now=NOW)
    assert [(fault.row, fault.code, fault.facts) for fault in report.faults] == [
        ("8", "result_twice", {"first": "5"})
    ]
    assert take(store, one, replace(one, row="8")).new == 1


def wrong(rows, heading, number, value):
    """A grid with one cell changed: that of a heading in a row, counted as a spreadsheet counts."""
    place = rows[HEAD - 1].index(heading)
    rows[number - 1][place] = value
    return rows


@pytest.mark.parametrize(
    ("heading", "value", "code"),
    [
        ("结果", "差不多", "result_word"), ("处数", "若干", "not_a_count"), ("处数", "1.5", "not_whole"),
        ("划线内", "部分", "result_flag"), ("检查时间", "上周三", "not_a_date"),
        ("点位编号", {"at": "2026-01-02T00:00:00"}, "text_is_date"), ("照片", "../..", "photo_name"),
        ("点位编号", 1.1010800100012346e17, "id_rounded"),
    ],
)  # fmt: skip
def test_a_cell_that_cannot_be_read_is_told_with_its_heading(store, rows, heading, value, code):
    first = HEAD + 2  # market-02 of M1
    _, faults, _ = read(store, wrong(rows, heading, first, value))
    assert [(fault.row, fault.column, fault.code) for fault in faults] == [(str(first), heading, code)]
    assert not fault_text(faults[0], "zh").isascii()


def test_a_row_that_says_something_but_no_result_is_told(store, rows):
    _, faults, _ = read(store, wrong(rows, "备注", HEAD + 5, "忘了填结果"))
    assert [(fault.row, fault.code) for fault in faults] == [(str(HEAD + 5), "result_blank")]


def test_faults_of_cells_and_of_sense_come_together(store, typed, tmp_path):
    file = filled(typed, {("M1", "market-02"): {"结果": "差不多", "检查时间": "2026-05-09"},
                          ("M1", "market-03"): {"结果": "符合", "处数": 3}})  # fmt: skip
    report = take_file(store, file)
    assert [(fault.row, fault.code) for fault in report.faults] == [
        ("5", "result_word"), ("5", "result_in_future"), ("6", "result_cases_in_order"),
    ]  # fmt: skip
    assert told(store) == {}


def _shifted_right(rows):
    """Somebody put a cell in before the ids, below the headings."""
    return [cells if n < HEAD else [cells[0], None, *cells[1:]] for n, cells in enumerate(rows)]


def _shifted_left(rows):
    """Somebody deleted the names of the sites, and the rest moved up beside the ids."""
    return [cells if n < HEAD else [*cells[:2], *cells[3:], None] for n, cells in enumerate(rows)]


@pytest.mark.parametrize("change", [_shifted_right, _shifted_left])
def test_values_that_came_away_from_their_headings_are_not_taken(store, rows, change):
    with pytest.raises(ZhoubianError) as refused:
        read(store, change(rows))
    assert (refused.value.code, refused.value.facts["count"]) == ("results_shifted", sum(ITEMS.values()))
    assert "错列" in error_text(refused.value, "zh")


@pytest.mark.parametrize("change", [_shifted_right, _shifted_left])
@pytest.mark.parametrize("number", [HEAD + 1, HEAD + 2])
def test_a_single_shifted_row_is_told_by_its_number(store, rows, change, number):
    """The second says √ only, which lies under another heading now."""
    rows[number - 1] = change(rows)[number - 1]
    _, faults, _ = read(store, rows)
    assert [(fault.row, fault.code) for fault in faults] == [(str(number), "result_shifted")]


def test_a_row_for_another_site_is_not_taken_for_a_shifted_one(store, rows):
    """Ids may be bare numbers, which stand in other columns too."""
    found, faults, _ = read(store, wrong(rows, "点位编号", HEAD + 1, "99"))
    assert faults == []
    report = results.take_results(store, "第一轮", found, who="x", now=NOW)
    assert [fault.code for fault in report.faults] == ["result_site_unknown"]


def test_missing_headings_are_named(store, rows):
    with pytest.raises(ZhoubianError) as refused:
        read(store, wrong(rows, "结果", HEAD, "备用"))
    assert (refused.value.code, refused.value.facts["lacking"]) == ("results_headings", "结果")


def test_a_photo_is_looked_for_by_its_name_alone(store, typed, tmp_path):
    folder = tmp_path / "照片"
    folder.mkdir()
    (folder / "IMG 1.jpg").write_bytes(b"")
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(b"")
    file = filled(typed, {(ALLEY, GARBAGE): {"照片": f"..\\照片\\IMG 1.jpg; {secret}; C:\\x\\b.jpg"}})
    report = take_file(store, file, photos=folder)
    assert [(fault.code, fault.value) for fault in report.faults] == [
        ("photo_missing", "secret.jpg"), ("photo_missing", "b.jpg"),
    ]  # fmt: skip


def test_refused_rows_can_be_corrected_in_their_workbook(store, typed, tmp_path):
    bad = filled(typed, {("M1", "market-02"): {"结果": "差不多"}})
    refused = tmp_path / "有误.xlsx"
    assert take_file(store, bad, refused=refused).faults
    rows = grid(refused)
    assert rows[1][:4] == ["错误原因", "原行号", "任务", "点位编号"]
    assert "差不多" in rows[2][0]
    assert rows[2][1] == "5"
    again = resaved(refused, lambda told: [*told[:2], *(["", "", *wrong_row(cells)] for cells in told[2:])],
                    tmp_path / "改正.xlsx")  # fmt: skip
    assert take_file(store, again).new == 1


def wrong_row(cells):
    return ["符合" if cell == "差不多" else cell for cell in cells[2:]]


def test_a_dry_run_tells_all_and_stores_nothing(store, typed):
    before = counted(store)
    report = take_file(store, typed, dry_run=True)
    assert (report.applied, report.new, len(report.taken_up), sorted(report.visited)) == (
        False, 6, 2, [ALLEY, "C1", "M1"],
    )  # fmt: skip
    assert counted(store) == before


def test_a_sheet_of_another_mission_is_told_in_one_sentence(store, tmp_path):
    create(store, "第二轮")
    file = filled(sheet(store, tmp_path / "二.xlsx", "第二轮"), {("M1", "market-01"): {"结果": "符合"}})
    with pytest.raises(ZhoubianError) as refused:
        take_file(store, file)
    assert refused.value.code == "results_other_mission"
    assert error_text(refused.value, "zh").startswith("二.xlsx 是任务 第二轮 的结果表，不是 第一轮 的")


def test_without_the_hidden_sheet_the_column_says_that_it_is_another_mission(store, typed, tmp_path):
    create(store, "第二轮")
    file = resaved(typed, lambda rows: rows, tmp_path / "另存.xlsx")
    with pytest.raises(ZhoubianError) as refused:
        result_files.take_file(store, "第二轮", file, who="x", now=NOW)
    assert (refused.value.code, refused.value.facts["given"]) == ("results_other_mission", "第一轮")


def test_a_sheet_by_other_rules_is_refused(store, typed):
    book = load_workbook(typed)
    for cells in book["zhoubian"].iter_rows():
        if cells[0].value == "rules":
            cells[1].value = "2019.1"
    book.save(typed)
    with pytest.raises(ZhoubianError) as refused:
        take_file(store, typed)
    assert refused.value.code == "results_other_rules"
    assert "2019.1" in error_text(refused.value, "zh")


def test_a_blank_sheet_and_a_missing_folder_are_told(store, tmp_path):
    file = sheet(store, tmp_path / "空.xlsx")
    for how, code in (({}, "results_empty"), ({"photos": tmp_path / "无"}, "photos_folder")):
        with pytest.raises(ZhoubianError) as refused:
            take_file(store, file, **how)
        assert refused.value.code == code
        assert not error_text(refused.value, "zh").isascii()


def test_a_file_that_is_no_form_is_refused(store, tmp_path):
    for name, content in (("图.png", b"\x89PNG"), ("坏.xlsx", b"PK\x03\x04nothing")):
        file = tmp_path / name
        file.write_bytes(content)
        with pytest.raises(ZhoubianError) as refused:
            take_file(store, file)
        assert not error_text(refused.value, "zh").isascii()
        assert name in refused.value.message
