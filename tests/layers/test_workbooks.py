"""Large workbooks: read back by openpyxl and calamine, the same bytes for the same rows."""

# ruff: noqa: DTZ001 - cells have no zone
from __future__ import annotations

import zipfile
from datetime import date, datetime

import openpyxl
import pytest
from lxml import etree
from python_calamine import CalamineWorkbook

from geo.errors import LayerError
from layers.workbooks import Sheet, write_workbook

ROWS = {
    "编码": ["410100001001001", "1-2", "=1+1", "0012", None],
    "数": [1, 2.5, True, None, float("nan")],
    "时": [datetime(2026, 5, 6, 16, 30), date(2026, 5, 6), None, datetime(2026, 1, 1), datetime(1999, 12, 31, 23, 59)],
    "率": [0.5, 1 / 3, None, 1.0, 0.0],
    "文": ["两\n行", "<b>&\"'", "\x00\ud800控制", "　前后 ", ""],
}  # fmt: skip


@pytest.fixture
def path(tmp_path):
    out = tmp_path / "台账.xlsx"
    write_workbook([Sheet("甲<&", ROWS, frozenset(["率"]), {"文": 40}), Sheet("空", {"a": []})], out)
    return out


def cells(path):
    sheet = openpyxl.load_workbook(path)["甲<&"]
    return {column[0].value: list(column[1:]) for column in sheet.iter_cols()}


def test_codes_dates_and_formulas_stay_text(path):
    found = cells(path)["编码"]
    assert [cell.value for cell in found] == ROWS["编码"]
    assert {cell.data_type for cell in found[:4]} == {"s"}
    assert {cell.number_format for cell in found} == {"@"}


def test_numbers_moments_and_rates_are_what_they_are(path):
    found = cells(path)
    assert [cell.value for cell in found["数"]] == [1, 2.5, True, None, None]
    assert [cell.value for cell in found["时"]] == [
        datetime(2026, 5, 6, 16, 30), datetime(2026, 5, 6), None, datetime(2026, 1, 1),
        datetime(1999, 12, 31, 23, 59),
    ]  # fmt: skip
    assert [cell.value for cell in found["率"]] == [0.5, pytest.approx(1 / 3), None, 1, 0]
    assert found["率"][0].number_format == "0.00%"


def test_text_comes_back_without_what_xml_cannot_hold(path):
    assert [cell.value for cell in cells(path)["文"]] == ["两\n行", "<b>&\"'", "控制", "　前后 ", None]


def test_another_reader_reads_the_same(path):
    book = CalamineWorkbook.from_path(path)
    assert book.sheet_names == ["甲<&", "空"]
    rows = book.get_sheet_by_name("甲<&").to_python()
    assert rows[0] == list(ROWS)
    assert [row[0] for row in rows[1:5]] == ROWS["编码"][:4]
    assert book.get_sheet_by_name("空").to_python() == [["a"]]


def test_the_heading_stays_and_can_be_filtered_by(path):
    sheet = openpyxl.load_workbook(path)["甲<&"]
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", "A1:E6")


def test_the_same_rows_make_the_same_bytes(path, tmp_path):
    other = tmp_path / "b.xlsx"
    write_workbook([Sheet("甲<&", ROWS, frozenset(["率"]), {"文": 40}), Sheet("空", {"a": []})], other)
    assert other.read_bytes() == path.read_bytes()


def test_every_part_is_xml(path):
    with zipfile.ZipFile(path) as parts:
        for name in parts.namelist():
            etree.fromstring(parts.read(name))


def test_columns_beyond_z_have_their_letters(tmp_path):
    out = tmp_path / "wide.xlsx"
    write_workbook([Sheet("宽", {f"c{number}": [number] for number in range(60)})], out)
    sheet = openpyxl.load_workbook(out)["宽"]
    assert sheet.auto_filter.ref == "A1:BH2"  # 26 + 26 + 8
    assert [cell.value for cell in sheet[2]] == list(range(60))


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(LayerError) as refused:
        write_workbook([Sheet("a", {"a": [1]})], tmp_path / "nowhere" / "a.xlsx")
    assert refused.value.code == "out_folder"
