"""An office takes the rule book out, changes it, and takes it in as a version of its own."""

from __future__ import annotations

import copy
import json
import shutil
from datetime import date, datetime

import openpyxl
import pytest
from office import refused, run

from geo.errors import LayerError, NotFoundError
from layers import rule_workbook
from layers.ledger import Case, Ledger, opened
from layers.resources import data_path
from layers.rule_tables import digest, shipped
from layers.store import Store
from service.clock import SHANGHAI
from service.supervision.rule_faults import RulesUnsoundError
from service.usecases import rule_books, rule_editing

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=SHANGHAI)


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "city.db", create=True) as opened_:
        yield opened_


def book(path, version="2026.2", since="2026-11-01", **changes):
    """A workbook of an office: the shipped rules with another deadline for HJ01."""
    tables = copy.deepcopy(shipped())
    tables["rules"] |= {"version": version, "valid_from": since} | changes
    tables["issue_categories"][0]["deadline"] = "1 wd"
    rule_workbook.write(path, tables, str)
    return path


def test_a_changed_book_holds_from_its_day_on(store, tmp_path):
    taken = rule_editing.take(store, book(tmp_path / "新.xlsx"), now=NOW)
    assert taken.stored
    assert taken.checked.changes == {"rules": (0, 0, 2), "issue_categories": (0, 0, 1)}
    assert rule_books.current(store, NOW.date()).categories["HJ01"].deadline == "1 wd"
    assert rule_books.current(store, date(2026, 10, 31)).categories["HJ01"].deadline == "4 wh"
    # what was inspected with the old version keeps it
    assert rule_books.of_version(store, "2026.1").categories["HJ01"].deadline == "4 wh"
    told = [(one.version, one.origin, one.holds) for one in rule_editing.versions(store, NOW.date())]
    assert told == [("2026.1", "shipped", False), ("2026.2", "stored", True)]


def test_the_same_file_again_changes_nothing(store, tmp_path):
    file = book(tmp_path / "新.xlsx")
    rule_editing.take(store, file, now=NOW)
    before = rule_editing.versions(store, NOW.date())
    assert not rule_editing.take(store, file, now=NOW.replace(hour=13)).stored
    assert rule_editing.versions(store, NOW.date()) == before


@pytest.mark.parametrize("version", ["2026.1", "2026.2"])
def test_a_version_keeps_its_rules(store, tmp_path, version):
    rule_editing.take(store, book(tmp_path / "新.xlsx"), now=NOW)
    other = book(tmp_path / "又.xlsx", version, zh="另一套")
    with pytest.raises(LayerError) as told:
        rule_editing.take(store, other, now=NOW)
    assert told.value.code == "rules_version_taken"


def test_a_dry_run_stores_nothing(store, tmp_path):
    assert not rule_editing.take(store, book(tmp_path / "新.xlsx"), now=NOW, dry_run=True).stored
    assert [one.origin for one in rule_editing.versions(store, NOW.date())] == ["shipped"]


def test_a_folder_of_tables_is_taken_too(store, tmp_path):
    folder = tmp_path / "规则"
    shutil.copytree(data_path("rules"), folder)
    head = (folder / "rules.toml").read_text(encoding="utf-8")
    (folder / "rules.toml").write_text(head.replace('"2026.1"', '"乙"'), encoding="utf-8")
    assert rule_editing.take(store, folder, now=NOW).checked.version == "乙"


def test_with_faults_nothing_is_stored_and_all_are_written(store, tmp_path):
    file = book(tmp_path / "新.xlsx")
    edited = openpyxl.load_workbook(file)
    categories = next(sheet for sheet in edited if sheet.title.startswith("issue_categories"))
    # rows 1 and 2 are the headings, HJ01 stands in row 3: department in D, deadline in E
    categories["D3"], categories["E4"] = "环卫局", "两小时"
    edited.save(file)
    out = tmp_path / "错误.xlsx"
    with pytest.raises(RulesUnsoundError) as told:
        rule_editing.take(store, file, now=NOW, refused=out, lang="zh")
    assert [(one.row, one.column) for one in told.value.found] == [("3", "department"), ("4", "deadline")]
    assert [one.origin for one in rule_editing.versions(store, NOW.date())] == ["shipped"]
    title, heads, *rows = openpyxl.load_workbook(out).active.iter_rows(values_only=True)
    assert title[0] == "新.xlsx：2 处错误"
    assert heads == ("原因", "行", "工作表", "列", "值", "怎么改")
    assert [row[1:5] for row in rows] == [
        ("3", categories.title, "department", "环卫局"),
        ("4", categories.title, "deadline", "两小时"),
    ]
    assert all(row[0] and row[5] for row in rows)


def test_a_category_of_open_issues_cannot_be_dropped(store, tmp_path):
    found = [
        opened(
            Case(
                issue=f"I{number}", category=category, source="patrol", found_at=NOW, rules="2026.1",
                severity=1, lon=116.3, lat=39.9, state=state,
            ),
            at=NOW, recorded_at=NOW, who="创城办",
        )
        for number, (category, state) in enumerate([("HJ10", "carded"), ("HJ10", "found"), ("HJ10", "closed"),
                                                    ("HJ09", "closed")])
    ]  # fmt: skip
    Ledger(store).write([case for case, _ in found], [event for _, event in found])
    tables = copy.deepcopy(shipped())
    tables["rules"]["version"] = "丙"
    tables["issue_categories"] = [
        row for row in tables["issue_categories"] if row["code"] not in ("HJ09", "HJ10")
    ]
    file = tmp_path / "丙.xlsx"
    rule_workbook.write(file, tables, str)
    with pytest.raises(RulesUnsoundError) as told:
        rule_editing.take(store, file, now=NOW)
    # two of the three are open; HJ09 has only closed ones
    (fault,) = told.value.found
    assert (fault.code, fault.value, fault.facts["count"]) == ("rules_category_used", "HJ10", 2)


def test_a_version_that_was_kept_for_a_mission_can_be_made_to_hold(store, tmp_path):
    file = tmp_path / "本软件.xlsx"
    rule_editing.export(store, file, "zh", NOW)
    assert rule_editing.take(store, file, now=NOW).stored  # the program's own, now the office's for good
    assert [(one.version, one.origin) for one in rule_editing.versions(store, NOW.date())] == [
        ("2026.1", "stored")
    ]
    assert not rule_editing.take(store, file, now=NOW).stored


def test_a_version_nobody_knows_is_not_written(store, tmp_path):
    with pytest.raises(NotFoundError):
        rule_editing.export(store, tmp_path / "x.xlsx", "zh", NOW, "1999")
    with pytest.raises(LayerError):
        rule_editing.export(store, tmp_path / "x.csv", "zh", NOW)


def test_the_rules_that_something_was_made_with_are_kept_for_a_later_program(store, monkeypatch):
    with store.writing() as connection:
        rule_books.keep(store, ["2026.1"], NOW, connection)
        rule_books.keep(store, ["2026.1"], NOW, connection)
    assert [(one.version, one.origin) for one in rule_editing.versions(store, NOW.date())] == [
        ("2026.1", "shipped")
    ]
    later = copy.deepcopy(shipped())
    later["rules"]["version"] = "2027.1"
    later["issue_categories"][0]["deadline"] = "9 wd"
    for module in (rule_books, rule_editing):
        monkeypatch.setattr(module, "shipped", lambda: later)
    rule_books._shipped_digest.cache_clear()
    try:
        assert rule_books.of_version(store, "2026.1").categories["HJ01"].deadline == "4 wh"
        assert rule_books.current(store, NOW.date()).version == "2027.1"
        told = [(one.version, one.origin, one.holds) for one in rule_editing.versions(store, NOW.date())]
        assert told == [("2027.1", "shipped", True), ("2026.1", "kept", False)]
    finally:
        rule_books._shipped_digest.cache_clear()


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_workbook_speaks_both_languages_and_comes_back_the_same(tmp_path, lang):
    file = tmp_path / "book.xlsx"
    rule_editing.export(None, file, lang, NOW)
    tables, _ = rule_workbook.read(file)
    assert digest(tables) == digest(shipped())
    sheet = openpyxl.load_workbook(file).worksheets[1]
    assert sheet["B1"].value == ("名称" if lang == "zh" else "Chinese name")
    assert sheet["B2"].value == "zh"


# -- at the command line -----------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_commands_go_round(folder, capsys):
    code, out, err = run(capsys, "--lang", "en", "rules", "export", "--out", "book.xlsx")
    assert (code, err) == (0, "")
    code, out, _ = run(capsys, "--lang", "en", "rules", "check", "book.xlsx")
    assert code == 0
    assert "22 units, 36 types of site, 151 items, 67 categories" in out
    assert "no faults found" in out
    book(folder / "新.xlsx")
    code, out, _ = run(capsys, "--lang", "en", "rules", "import", "新.xlsx")
    assert code == 0
    assert "version 2026.2 is stored and holds from 2026-11-01 on" in out
    code, out, _ = run(capsys, "--lang", "en", "rules", "check", "--json")
    assert code == 0
    assert [(one["version"], one["origin"], one["faults"]) for one in json.loads(out)] == [
        ("2026.1", "shipped", []), ("2026.2", "stored", []),
    ]  # fmt: skip
    code, out, _ = run(capsys, "--lang", "zh", "rules", "check")
    assert code == 0
    assert "本单位导入" in out


def test_faults_are_shown_and_end_with_one(folder, capsys):
    book(folder / "坏.xlsx", valid_until="2020-01-01")
    code, out, _ = run(capsys, "--lang", "en", "rules", "check", "坏.xlsx")
    assert code == 1
    assert "would hold on no day" in out
    code, out, err = run(capsys, "--lang", "zh", "rules", "import", "坏.xlsx", "--refused", "错.xlsx")
    assert code == 1
    assert "没有一天有效" in out
    assert "1 处错误" in err
    assert (folder / "错.xlsx").is_file()
    assert not (folder / "zhoubian.db").exists()  # no store is made for a book that is refused


def test_a_fault_names_its_column_as_the_workbook_heads_it(folder, capsys):
    file = book(folder / "坏.xlsx")
    edited = openpyxl.load_workbook(file)
    categories = next(sheet for sheet in edited if sheet.title.startswith("issue_categories"))
    categories["E4"] = "两小时"
    edited.save(file)
    code, out, _ = run(capsys, "--lang", "zh", "rules", "check", "坏.xlsx")
    assert code == 1
    assert "整改时限" in out
    assert "deadline" not in out
    assert "deadline" in run(capsys, "--lang", "en", "rules", "check", "坏.xlsx")[1]


@pytest.mark.parametrize(
    "arguments",
    [
        ("import", "没有.xlsx"),
        ("import", "units.csv"),
        ("export", "--out", "book.docx"),
        ("export", "--out", "book.xlsx", "--version", "1999"),
        ("check", "empty"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(folder, capsys, arguments):
    (folder / "empty").mkdir()
    refused(capsys, "rules", *arguments)
