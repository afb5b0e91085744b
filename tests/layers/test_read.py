"""Every format as it stands in the file, and every file that is not what its name says."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import pytest
from openpyxl import Workbook
from whole_file import read_file

from geo.errors import LayerError
from layers.reading import Reading

HEAD = ["编号", "名称", "经度", "纬度"]
ROWS = [["1", "甲公厕", "114.31", "30.51"], ["2", "乙公厕", "114.32", "30.52"]]


def cells(reading: Reading) -> list[list[str]]:
    return [["" if cell is None else str(cell) for cell in row] for row in reading.values]


def noted(reading: Reading, code: str) -> dict[str, object]:
    return next(note.facts for note in reading.notes if note.code == code)


def refused(path: Path, layer: str = "toilets") -> str:
    with pytest.raises(LayerError) as caught:
        read_file(path, layer)
    assert path.name in str(caught.value)
    return caught.value.code


def saved(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


# -- CSV -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_csv_is_read_with_any_common_delimiter(tmp_path, delimiter, ending):
    text = ending.join(delimiter.join(row) for row in [HEAD, *ROWS]) + ending
    reading = read_file(saved(tmp_path / "公厕.csv", text.encode()), "toilets")
    assert (reading.headings, cells(reading), reading.rows) == (HEAD, ROWS, ["2", "3"])


def test_the_delimiter_is_the_one_that_makes_the_headings_known(tmp_path):
    text = "id;geometry\na;LINESTRING (114.1 30.1, 114.2 30.2, 114.3 30.3, 114.4 30.4)\n"
    assert read_file(saved(tmp_path / "x.csv", text.encode()), "roads").headings == ["id", "geometry"]


@pytest.mark.parametrize(
    ("encoding", "mark", "said"),
    [
        ("utf-8", b"", "UTF-8"),
        ("utf-8-sig", b"", "UTF-8-SIG"),
        ("utf-16-le", b"\xff\xfe", "UTF-16"),
        ("utf-16-be", b"\xfe\xff", "UTF-16"),
        ("gb18030", b"", "GB18030"),
    ],
)
def test_the_encoding_is_found_and_said_rare_characters_included(tmp_path, encoding, mark, said):
    row = ["1", "龘㙍𠮷巷", "114.31", "30.51"]  # GBK; GB18030 four bytes; beyond the basic plane
    text = ",".join(HEAD) + "\n" + ",".join(row) + "\n"
    reading = read_file(saved(tmp_path / "x.csv", mark + text.encode(encoding)), "toilets")
    assert reading.headings[0] == "编号"
    assert cells(reading) == [row]
    assert noted(reading, "encoding") == {"encoding": said}


def test_plain_gbk_is_read(tmp_path):
    text = ",".join(HEAD) + "\n" + ",".join(ROWS[0]) + "\n"
    assert cells(read_file(saved(tmp_path / "x.csv", text.encode("gbk")), "toilets")) == [ROWS[0]]


def test_bytes_of_no_encoding_are_refused_with_their_line(tmp_path):
    path = saved(tmp_path / "x.csv", b"id,lon,lat\n1,114,30\n2,\xff\xff\xff,30\n")
    with pytest.raises(LayerError, match=r"byte 23 \(line 3\)") as caught:
        read_file(path, "toilets")
    assert caught.value.code == "file_encoding"


def test_a_row_with_more_cells_than_headings_is_marked(tmp_path):
    text = "name,lon,lat\n甲,114.1,30.1\n乙,东门,114.2,30.2\n丙,114.3,30.3,,\n"
    reading = read_file(saved(tmp_path / "x.csv", text.encode()), "toilets")
    assert reading.too_wide == {"3": 4}


@pytest.mark.parametrize("text", ['name,lon,lat\n"甲,114.1,30.1\n', 'name,lon,lat\n"甲"乙,114.1,30.1\n'])
def test_quotes_that_do_not_match_are_refused(tmp_path, text):
    assert refused(saved(tmp_path / "x.csv", text.encode())) == "csv_broken"


def test_a_cell_of_fifty_megabytes_is_refused_with_its_line(tmp_path):
    path = saved(tmp_path / "x.csv", b"name,lon,lat\n" + b"a" * 50_000_000 + b",114.1,30.1\n")
    with pytest.raises(LayerError, match="line 2"):
        read_file(path, "toilets")


def test_titles_above_the_headings_and_blank_lines_below_are_no_records(tmp_path):
    text = f"某区公厕一览表,,,\n填表日期：2026年5月,,,\n{','.join(HEAD)}\n{','.join(ROWS[0])}\n,,,\n,,,\n"
    reading = read_file(saved(tmp_path / "x.csv", text.encode()), "toilets")
    assert (reading.rows, cells(reading)) == (["4"], [ROWS[0]])
    assert noted(reading, "title_rows") == {"count": 2}


def test_headings_in_two_rows_are_read_together(tmp_path):
    text = "编号,名称,坐标,\n,,经度,纬度\n1,甲公厕,114.31,30.51\n"
    reading = read_file(saved(tmp_path / "x.csv", text.encode()), "toilets")
    assert (reading.headings, reading.rows, cells(reading)) == (HEAD, ["3"], [ROWS[0]])


def test_a_table_without_known_headings_says_what_it_saw(tmp_path):
    path = saved(tmp_path / "x.csv", "甲公厕,114.31,30.51\n".encode())
    with pytest.raises(LayerError, match=r"甲公厕, 114\.31") as caught:
        read_file(path, "toilets")
    assert caught.value.code == "headings_unknown"


# -- Excel -----------------------------------------------------------------------------------------


def book(path: Path, *sheets: tuple[str, list[list[object]]], merged: tuple[str, ...] = ()) -> Path:
    made = Workbook()
    made.remove(made.active)
    for name, rows in sheets:
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(row)
        for cells_ in merged:
            sheet.merge_cells(cells_)
    made.save(path)
    return path


def test_xlsx_with_a_merged_title_and_merged_headings_is_read(tmp_path):
    rows = [
        ["某区公共卫生间一览表", None, None, None],
        ["编号", "名称", "坐标", None],
        [None, None, "经度", "纬度"],
        [1, "甲公厕", 114.31, 30.51],
    ]
    path = book(tmp_path / "x.xlsx", ("表", rows), merged=("A1:D1", "A2:A3", "B2:B3", "C2:D2"))
    reading = read_file(path, "toilets")
    assert (reading.headings, reading.rows) == (HEAD, ["4"])
    assert reading.values == [[1.0, "甲公厕", 114.31, 30.51]]


def test_a_cell_merged_downwards_holds_for_every_row(tmp_path):
    rows = [
        ["名称", "街道", "经度", "纬度"],
        ["甲", "胜利街", 114.1, 30.1],
        ["乙", None, 114.2, 30.2],
        ["丙", None, 114.3, 30.3],
    ]
    reading = read_file(book(tmp_path / "x.xlsx", ("表", rows), merged=("B2:B3",)), "toilets")
    assert [row[1] for row in reading.values] == ["胜利街", "胜利街", ""]


def test_the_first_sheet_with_known_headings_is_read_and_the_others_named(tmp_path):
    path = book(tmp_path / "x.xlsx", ("说明", [["请勿外传"]]), ("公厕", [HEAD, *ROWS]), ("旧", [HEAD]))
    reading = read_file(path, "toilets")
    assert len(reading.values) == 2
    assert noted(reading, "other_sheets") == {"read": "公厕", "others": "说明, 旧"}


def rezipped(path: Path, member: str, content: bytes) -> Path:
    """The workbook with one member replaced."""
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, held in (parts | {member: content}).items():
            new.writestr(name, held)
    return path


def test_a_workbook_that_defines_entities_is_refused(tmp_path):
    path = book(tmp_path / "x.xlsx", ("公厕", [HEAD, *ROWS]))
    bad = b'<?xml version="1.0"?><!DOCTYPE k [<!ENTITY e SYSTEM "file:///etc/passwd">]><worksheet/>'
    assert refused(rezipped(path, "xl/worksheets/sheet1.xml", bad)) == "file_damaged"


def test_a_workbook_that_unpacks_beyond_reason_is_refused_by_its_directory(tmp_path):
    path = book(tmp_path / "x.xlsx", ("公厕", [HEAD, *ROWS]))
    assert refused(rezipped(path, "xl/worksheets/sheet1.xml", b" " * 60_000_000)) == "file_bomb"


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.95])
def test_a_truncated_workbook_is_refused(tmp_path, kept):
    whole = book(tmp_path / "x.xlsx", ("公厕", [HEAD, *ROWS])).read_bytes()
    assert refused(saved(tmp_path / "y.xlsx", whole[: int(len(whole) * kept)])) == "file_disguised"


# -- not what the name says ------------------------------------------------------------------------

VRT = b'<OGRVRTDataSource><OGRVRTLayer name="x"><SrcDataSource>/etc/passwd</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>'


def _contents() -> dict[str, bytes]:
    sheet = io.BytesIO()
    Workbook().save(sheet)
    return {
        "vrt": VRT,
        "xlsx": sheet.getvalue(),
        "gzip": b"\x1f\x8b\x08\0\0\0\0\0",
        "pdf": b"%PDF-1.7\n",
        "xls": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500),
        "sqlite": b"SQLite format 3\0" + bytes(100),
        "noise": struct.pack("<64I", *range(64)),
    }


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".xlsx", ".geojson", ".json", ".gpkg", ".zip"])
@pytest.mark.parametrize("content", sorted(_contents()))
def test_a_file_that_is_not_what_its_name_says_is_refused_by_name(tmp_path, ending, content):
    path = saved(tmp_path / f"文件{ending}", _contents()[content])
    expected = {"file_disguised", "file_damaged", "headings_unknown", "zip_empty", "file_encoding"}
    assert refused(path) in expected
    assert b"root:" not in str(refused(path)).encode()


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".xlsx", ".geojson", ".json", ".gpkg", ".zip"])
def test_an_empty_file_is_refused(tmp_path, ending):
    assert refused(saved(tmp_path / f"x{ending}", b"")) == "file_empty"


@pytest.mark.parametrize("ending", [".dwg", ".vrt", ".pdf", ".exe", ""])
def test_other_endings_are_refused_with_the_known_ones(tmp_path, ending):
    assert refused(saved(tmp_path / f"x{ending}", VRT)) == "file_ending"


def test_a_missing_file_is_refused(tmp_path):
    assert refused(tmp_path / "x.csv") == "file_missing"
