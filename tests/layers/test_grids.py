"""The cells of a form as they stand, without anybody looking for headings."""

from __future__ import annotations

from datetime import date, datetime, time

import pytest
from openpyxl import Workbook

from geo.errors import LayerError
from layers import grids


def cells(path, **arguments):
    """What the task says, by sheet."""
    told: dict[str, list] = {}
    grids.grid(
        {"file": str(path), **arguments},
        lambda message: told.setdefault(message["sheet"], []).extend(message["rows"]),
        lambda: None,
    )
    return told


def test_every_sheet_is_told_the_hidden_one_too(tmp_path):
    book = Workbook()
    book.active.title = "结果"
    for row in (["标题"], [], [None, "1-2", 3, 2.5, True]):
        book.active.append(row)
    hidden = book.create_sheet("zhoubian")
    hidden.sheet_state = "hidden"
    hidden.append(["form/1"])
    book.save(tmp_path / "表.xlsx")
    told = cells(tmp_path / "表.xlsx")
    assert list(told) == ["结果", "zhoubian"]
    assert [[cell for cell in row if cell not in (None, "")] for row in told["结果"]] == [
        ["标题"], [], ["1-2", 3, 2.5, True],
    ]  # fmt: skip
    assert told["结果"][2].index("1-2") == 1  # columns are counted from A, empty ones too
    assert told["zhoubian"] == [["form/1"]]


def test_moments_are_told_apart_from_text(tmp_path):
    book = Workbook()
    book.active.append([datetime(2026, 5, 6, 9, 30), date(2026, 1, 2), time(9, 30), "2026-01-02"])  # noqa: DTZ001
    book.save(tmp_path / "表.xlsx")
    [[first, second, third, fourth]] = cells(tmp_path / "表.xlsx")["Sheet"]
    assert first == {"at": "2026-05-06T09:30:00"}
    assert second["at"].startswith("2026-01-02")
    assert "09:30:00" in third["at"]
    assert fourth == "2026-01-02"


def test_a_cell_merged_downwards_holds_for_every_row(tmp_path):
    book = Workbook()
    for number in range(3):
        book.active.append(["M1" if number == 0 else None, number + 1])
    book.active.merge_cells("A1:A3")
    book.save(tmp_path / "表.xlsx")
    assert cells(tmp_path / "表.xlsx")["Sheet"] == [["M1", 1], ["M1", 2], ["M1", 3]]


@pytest.mark.parametrize(("sign", "encoding"), [(",", "utf-8-sig"), (";", "gb18030"), ("\t", "utf-16")])
def test_a_text_table_is_split_by_the_sign_it_uses(tmp_path, sign, encoding):
    text = "".join(sign.join(row) + "\r\n" for row in (["点位", "结果"], ["镕园，一、二", "'=1+1"]))
    (tmp_path / "表.csv").write_bytes(text.encode(encoding))
    assert cells(tmp_path / "表.csv") == {"": [["点位", "结果"], ["镕园，一、二", "=1+1"]]}


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("表.pdf", b"%PDF", "form_ending"), ("表.csv", b"", "file_empty"), ("表.xlsx", b"a,b", "file_disguised"),
        ("表.csv", b"PK\x03\x04", "file_disguised"), ("表.csv", b"a,\xff\xff", "file_encoding"),
    ],
)  # fmt: skip
def test_what_is_no_form_is_refused(tmp_path, name, content, code):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(LayerError) as refused:
        cells(tmp_path / name)
    assert refused.value.code == code


def test_a_form_has_an_end(tmp_path, monkeypatch):
    monkeypatch.setattr(grids, "MAX_ROWS", 3)
    (tmp_path / "表.csv").write_text("a,b\n" * 4)
    with pytest.raises(LayerError) as refused:
        cells(tmp_path / "表.csv")
    assert refused.value.code == "form_long"
