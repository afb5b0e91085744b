"""The second counter agrees with the readers on honest files, and with a count by hand on the rest."""

from __future__ import annotations

import csv
import io
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from layers.recount import SheetSize, sheet_part, sheet_size, text_records

cell = st.text(alphabet=st.sampled_from('ab,;\t"\n 甲　'), max_size=6)


def records(raw: bytes, tmp_path, encoding: str = "utf-8", delimiter: str = ",") -> int:
    path = tmp_path / "x.csv"
    path.write_bytes(raw)
    return text_records(path, encoding, delimiter)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.lists(cell, min_size=1, max_size=4), max_size=6),
    st.sampled_from(",;\t"),
    st.sampled_from(["utf-8", "utf-8-sig", "gb18030", "utf-16"]),
    st.sampled_from(["\r\n", "\n"]),
    st.booleans(),
)
def test_records_are_counted_as_they_were_written(
    tmp_path_factory, rows, delimiter, encoding, ending, everything
):
    written = io.StringIO()
    quoting = csv.QUOTE_ALL if everything else csv.QUOTE_MINIMAL
    csv.writer(written, delimiter=delimiter, lineterminator=ending, quoting=quoting).writerows(rows)
    last = max((n for n, row in enumerate(rows, 1) if any(word.strip() for word in row)), default=0)
    folder = tmp_path_factory.mktemp("x")
    assert records(written.getvalue().encode(encoding), folder, encoding, delimiter) == last


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("a,b\n1,2", 2),
        ("a\r1\r2\r", 3),
        ('a,b\n5" pipe,2\n3,4\n', 3),
        ('a,b\n"x ""y"" z\nnext line",2\n3,4\n', 3),
        ("a,b\n\n1,2\n\n,,\n", 3),
        ('a,b\n"never closed,1\n2,3\n', 2),
        ('a,b\n", ,"\n', 2),
        ('a,b\n""""\n', 2),
    ],
)
def test_records_counted_by_hand(tmp_path, text, count):
    assert records(text.encode(), tmp_path) == count


def test_a_quoted_tab_is_nothing(tmp_path):
    assert records(b'a\tb\n"\t"\n', tmp_path, delimiter="\t") == 1


def test_a_sheet_reaches_to_its_last_value(tmp_path):
    book = Workbook()
    first, second = book.active, book.create_sheet("乙 & 丙")
    first.append(["x"])
    for at, value in {"A1": "标题", "C3": 4, "AB7": "=IF(A1=1,2,3)", "D12": ""}.items():
        second[at] = value
    second["B40"].number_format = "0.00"
    book.save(tmp_path / "x.xlsx")
    with zipfile.ZipFile(tmp_path / "x.xlsx") as archive:
        assert sheet_size(archive, sheet_part(archive, 0)) == SheetSize(1, 26)
        # a formula that was never calculated has no value
        assert sheet_size(archive, sheet_part(archive, 1)) == SheetSize(3, 26)
        assert sheet_part(archive, 2) is None


def test_a_cell_at_the_far_corner_is_seen(tmp_path):
    book = Workbook()
    book.active["XFD1048576"] = 1
    book.save(tmp_path / "x.xlsx")
    with zipfile.ZipFile(tmp_path / "x.xlsx") as archive:
        assert sheet_size(archive, sheet_part(archive, 0)) == SheetSize(1_048_576, 16_384)
