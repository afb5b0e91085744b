"""The rule book goes through a workbook and comes back the same."""

from __future__ import annotations

import copy
import shutil
import subprocess
from datetime import datetime

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layers.resources import data_path
from layers.rule_tables import COLUMNS, SETTINGS, digest, shipped, take_folder
from layers.rule_workbook import read, settings_from, settings_of, write

SOFFICE = shutil.which("soffice")


def words(code):
    return f"词 {code}"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "规则 册.xlsx"
    write(path, shipped(), words)
    return path


def test_the_shipped_book_comes_back_the_same(file):
    tables, places = read(file)
    assert digest(tables) == digest(shipped())
    assert places.ignored == ()
    assert set(places.sheets) == {*COLUMNS, *SETTINGS}


@pytest.mark.skipif(SOFFICE is None, reason="LibreOffice (soffice) is not installed")
def test_it_comes_back_the_same_after_libreoffice_saved_it(file, tmp_path):
    out = tmp_path / "saved"
    profile = (tmp_path / "profile").as_uri()
    subprocess.run(
        [SOFFICE, f"-env:UserInstallation={profile}", "--headless", "--convert-to", "xlsx", "--outdir", out, file],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    tables, _ = read(out / file.name)
    assert digest(tables) == digest(shipped())


def test_codes_and_hyphens_stay_text(tmp_path):
    tables = copy.deepcopy(shipped())
    tables["units"][0]["aliases"] = "110108001001001"
    tables["checklists"][0]["source"] = "1-2"
    tables["checklists"][1]["zh"] = "=1+1"
    tables["issue_categories"][0]["digital_city"] = "0012"
    path = tmp_path / "book.xlsx"
    write(path, tables, words)
    back, _ = read(path)
    assert back["units"][0]["aliases"] == "110108001001001"
    assert back["checklists"][0]["source"] == "1-2"
    assert back["checklists"][1]["zh"] == "=1+1"
    assert digest(back) == digest(tables)
    for cell in openpyxl.load_workbook(path)["units 词 sheet.units"][3]:
        assert (cell.data_type, cell.number_format) == ("s", "@")


def test_what_a_clerk_types_into_cells_is_read_as_it_is_meant(file, tmp_path):
    book = openpyxl.load_workbook(file)
    calendar = next(sheet for sheet in book if sheet.title.startswith("work_calendar"))
    calendar.append([None, "holidays", "2027-01-01；2027-01-03"])  # full-width, no kind
    next(row for row in calendar if row[1].value == "last")[2].value = datetime(  # noqa: DTZ001 - as a spreadsheet holds it
        2027, 12, 31
    )
    cards = next(sheet for sheet in book if sheet.title.startswith("cards"))
    next(row for row in cards if row[1].value == "recurrence_days")[2].value = 15.0
    units = next(sheet for sheet in book if sheet.title.startswith("units"))
    units.insert_rows(4, 2)  # empty rows
    units.append(["new_unit", " 新单位 ", "new", None, "all", "D", None, "旁注"])
    items = next(sheet for sheet in book if sheet.title.startswith("checklists"))
    items["H3"] = "是"  # strict
    book.create_sheet("我的笔记").append(["别管我"])
    path = tmp_path / "edited.xlsx"
    book.save(path)
    tables, places = read(path)
    assert tables["work_calendar"]["holidays"][-1] == ["2027-01-01", "2027-01-03"]
    assert tables["work_calendar"]["last"] == "2027-12-31"
    assert tables["cards"]["recurrence_days"] == 15
    assert tables["units"][-1]["zh"] == "新单位"
    assert [item["strict"] for item in tables["checklists"][:2]] == ["yes", "no"]
    assert tables["units"][-1]["(H)"] == "旁注"  # a cell under no heading is not lost
    assert places.rows["units"][:2] == ["3", "6"]
    assert places.ignored == ("我的笔记",)


def test_a_setting_that_stands_twice_is_kept_for_the_checks_to_find():
    assert settings_from([("a", 1, "number"), ("a", 2, "number")]) == {"a": [1, 2]}
    assert settings_from([("a", 1, "number"), ("a.b", 2, "number")]) == {"a": 1}


def test_a_list_of_tables_and_a_list_of_lists_in_rows():
    told = {
        "level": [{"id": "white", "n": 1}, {"id": "red", "n": 0.5}],
        "days": [["a", "b"], ["c", "d"]],
        "no": [],
    }
    rows = list(settings_of(told))
    assert rows == [
        ("level.1.id", "white", "text"), ("level.1.n", 1, "number"), ("level.2.id", "red", "text"),
        ("level.2.n", 0.5, "number"), ("days", "a; b", "rows"), ("days", "c; d", "rows"), ("no", "", "list"),
    ]  # fmt: skip
    assert settings_from(rows) == told


names = st.from_regex(r"[a-z]\w{0,5}", fullmatch=True)
scalars = st.one_of(
    st.booleans(),
    st.integers(-(10**17), 10**17),
    st.floats(-1e6, 1e6, width=32),
    st.text(max_size=8),
    st.none(),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4) | names, inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(names, values, max_size=4))
def test_any_settings_come_back_from_their_rows(told):
    assert digest(settings_from(list(settings_of(told)))) == digest(told)


def test_a_folder_of_an_office_in_gbk_is_read(tmp_path):
    for path in data_path("rules").iterdir():
        text = path.read_text(encoding="utf-8-sig")
        (tmp_path / path.name).write_bytes(text.encode("gb18030"))
    tables, places = take_folder(tmp_path)
    assert digest(tables) == digest(shipped())
    assert places.sheet("units") == "units.csv"


def test_a_file_that_cannot_be_parsed_is_told_with_the_others(tmp_path):
    (tmp_path / "cards.toml").write_text("level = [", encoding="utf-8")
    (tmp_path / "units.csv").write_text('id,zh\n"cwb,创', encoding="utf-8")
    tables, places = take_folder(tmp_path)
    assert tables == {}
    assert set(places.broken) == {"cards", "units"}
