"""Text tables and workbooks: the grid of cells, its headings and the titles above them, in pieces."""

from __future__ import annotations

import csv
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

import python_calamine

from geo.errors import LayerError

from .columns import Header, find_header
from .decoding import find_encoding, require_fitting
from .faults import Note, storable
from .pieces import choose, needed
from .reading import (
    PIECE,
    Opened,
    Reading,
    Wishes,
    damaged,
    not_what_it_says,
    require_text,
    require_unpacked_size,
    unreadable,
)
from .recount import SheetSize, sheet_part, sheet_size, text_records

MAX_CELL = 1_000_000
MAX_CELLS = 30_000_000
"""Cells from A1 to the last one of a sheet: the reader keeps a place for each of them."""

_HEAD = 40
_TITLES = 30
"""Rows among which the headings are looked for, as `columns.find_header` does."""
_SAMPLE = 200_000
_QUOTED = re.compile(r"'+([=+\-@\t\r]|\d{1,2}[-/]\d{1,2}([-/]\d{1,2})?$)")

Row = list[Any]


def _headings_unknown(path: Path, head: list[Row]) -> LayerError:
    """LayerError `headings_unknown` with what the first row reads, and what may be the headings."""
    filled = [sum(isinstance(cell, str) and bool(cell.strip()) for cell in row) for row in head[:_TITLES]]
    likely = head[filled.index(max(filled))] if filled else []
    seen = storable(", ".join(str(cell) for row in head[:1] for cell in row if cell not in (None, "")))
    return unreadable(
        path,
        f"no row of headings was recognised (the first row reads: {seen[:120]});"
        " the headings need at least a name or id and a place (经度, 纬度);"
        " say which is which with --map field=heading",
        code="headings_unknown",
        seen=seen[:120],
        headings=[storable(str(cell or "").strip())[:100] for cell in likely[:200]],
    )


def _pieces(header: Header, head: list[Row], rest: Iterator[Row], notes: list[Note]) -> Iterator[Reading]:
    """The records under the headings; rows above them are titles."""
    if header.top:
        notes = [*notes, Note("title_rows", {"count": header.top})]
    titles = storable(" ".join(str(cell) for row in head[: header.top] for cell in row if cell))[:500]
    headings = [storable(heading) for heading in header.headings]
    first = header.top + header.depth
    rows = _without_tail(chain(head[first:], rest))
    first_piece = Reading(headings, [], [], notes=notes, titles=titles)
    yield _filled(first_piece, list(islice(rows, PIECE)), first + 1)
    while values := list(islice(rows, PIECE)):
        first += PIECE
        yield _filled(replace(first_piece, notes=[]), values, first + 1)


def _filled(empty: Reading, values: list[Row], first: int) -> Reading:
    """A piece with its records, each as wide as the headings."""
    width = len(empty.headings)
    too_wide: dict[str, int] = {}
    too_short = 0
    if any(len(row) != width for row in values):
        for number, row in enumerate(values):
            if len(row) > width and any(str(cell).strip() for cell in row[width:] if cell is not None):
                too_wide[str(first + number)] = len(row)
            too_short += 0 < len(row) < width
        values = [row[:width] + [None] * (width - len(row)) for row in values]
    rows = [str(first + number) for number in range(len(values))]
    return replace(empty, rows=rows, values=values, too_wide=too_wide, too_short=too_short)


def _without_tail(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows up to the last one that holds anything."""
    blank: list[Row] = []
    for row in rows:
        first = next(filter(None, row), None)
        if (type(first) is str and first.strip()) or any(
            str(cell).strip() for cell in row if cell is not None
        ):
            yield from blank
            blank.clear()
            yield row
        else:
            blank.append(row)


# -- text tables -----------------------------------------------------------------------------------


def read_text(path: Path, layer: str, wishes: Wishes) -> Opened:
    """A text table with commas, semicolons or tabs.

    A record with more cells than headings is marked as too wide: a name with a comma in it shifts
    all that follows.
    """
    require_text(path, "a text table")
    encoding = find_encoding(path, wishes.encoding)
    require_fitting(path, encoding)
    with path.open(encoding=encoding, newline="") as file_:
        sample = file_.read(_SAMPLE)
    if "\0" in sample:
        raise not_what_it_says(path, "a text table")
    if not sample or sample.isspace():
        raise unreadable(path, "it is empty; export it again", code="file_empty")
    delimiter = _delimiter(sample, layer, wishes)
    grid = split_text(path, encoding, delimiter)
    if _holds(path, b"'"):
        grid = ([unquoted(cell) for cell in row] for row in grid)
    head = list(islice(grid, _HEAD))
    header = find_header(head, layer, wishes.for_headings)
    if header is None:
        raise _headings_unknown(path, head)
    counted = text_records(path, encoding, delimiter) - header.top - header.depth
    notes = [Note("encoding", {"encoding": encoding.upper()})]
    return Opened(_pieces(header, head, grid, notes), max(counted, 0))


def _holds(path: Path, sign: bytes) -> bool:
    with path.open("rb") as file:
        return any(sign in block for block in iter(lambda: file.read(1 << 20), b""))


def unquoted(cell: str) -> str:
    """`write.py`, and Excel by hand, put an apostrophe before text that looks like a formula."""
    return cell[1:] if cell.startswith("'") and _QUOTED.match(cell) else cell


def _delimiter(sample: str, layer: str, wishes: Wishes) -> str:
    """The one that makes the headings readable; text may well hold more commas than the headings."""
    lines = sample.splitlines()[:30]

    def recognised(delimiter: str) -> tuple[int, int]:
        grid = [line.replace('"', "").split(delimiter) for line in lines]
        header = find_header(grid, layer, wishes.for_headings)
        return (0 if header is None else header.known, sum(len(row) for row in grid))

    return max(",;\t", key=recognised)


def split_text(path: Path, encoding: str, delimiter: str) -> Iterator[Row]:
    """The cells of every record."""
    csv.field_size_limit(MAX_CELL)
    with path.open(encoding=encoding, newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        try:
            yield from reader
        except csv.Error as fault:
            raise unreadable(
                path,
                f"line {reader.line_num}: {fault}; mend the quotes there",
                code="csv_broken",
                line=reader.line_num,
                detail=str(fault),
            ) from fault


# -- workbooks -------------------------------------------------------------------------------------


def read_xlsx(path: Path, layer: str, wishes: Wishes) -> Opened:
    """A sheet of an .xlsx workbook: the one named, else the only one whose headings are known."""
    require_workbook(path)
    return _read_sheet(path, layer, wishes, "an Excel workbook (.xlsx)")


def read_xls(path: Path, layer: str, wishes: Wishes) -> Opened:
    """A sheet of an .xls workbook of Excel 97 to 2003; what is really another format is told."""
    with path.open("rb") as file:
        start = file.read(512)
    if start.startswith(b"PK\x03\x04"):
        raise not_what_it_says(path, "an old Excel workbook (.xls)", reason="it is an .xlsx workbook")
    if not start.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        markup = b"<html" in start.lower() or b"<table" in start.lower() or b"<?xml" in start.lower()
        what = "it is a web page or XML; open it in Excel or WPS and save it as .xlsx"
        told = what if markup else "it may be a text table; rename it to .csv"
        raise not_what_it_says(path, "an old Excel workbook (.xls)", reason=told)
    return _read_sheet(path, layer, wishes, "an old Excel workbook (.xls)")


def sheets(path: Path) -> list[str]:
    """The names of the sheets of a workbook, those with cells (charts have none).

    Raises
    ------
    LayerError
        As when the workbook is read.
    """
    try:
        if path.suffix.lower() == ".xlsx":
            require_workbook(path)
        with python_calamine.load_workbook(str(path)) as book:
            return list(book.sheet_names)
    except (python_calamine.CalamineError, OSError, ValueError) as fault:
        raise not_what_it_says(path, "an Excel workbook", reason=str(fault)[:120]) from fault


@dataclass(frozen=True)
class _Sheet:
    """A sheet of a workbook, its first rows read."""

    name: str
    head: list[Row]
    rest: Iterator[Row]
    header: Header | None

    @property
    def known(self) -> bool:
        """Whether it has known headings and something below them."""
        return self.header is not None and len(self.head) > self.header.top + self.header.depth


def _read_sheet(path: Path, layer: str, wishes: Wishes, wanted: str) -> Opened:
    try:
        with python_calamine.load_workbook(str(path)) as book:
            names = list(book.sheet_names)
            if not names:
                raise unreadable(path, "the workbook has no sheet", code="file_no_sheet")
            sizes = sheet_sizes(path, names)
            sheet = _chosen_sheet(path, book, names, sizes, layer, wishes)
    except (python_calamine.CalamineError, OSError, ValueError) as fault:
        raise not_what_it_says(path, wanted, reason=str(fault)[:120]) from fault
    header = sheet.header
    if header is None:
        raise _headings_unknown(path, sheet.head)
    notes: list[Note] = []
    if len(names) > 1:
        others = ", ".join(storable(name) for name in names if name != sheet.name)
        notes.append(Note("other_sheets", {"read": storable(sheet.name), "others": others}))
    size = sizes.get(sheet.name)
    counted = None if size is None else max(size.rows - header.top - header.depth, 0)
    return Opened(_pieces(header, sheet.head, sheet.rest, notes), counted)


def _chosen_sheet(
    path: Path, book: Any, names: list[str], sizes: dict[str, SheetSize], layer: str, wishes: Wishes
) -> _Sheet:
    """The sheet that is named, else the only one whose headings are known; the first if none are.

    A question (LayerError `part_needed`) if several are.
    """

    def opened(name: str) -> _Sheet:
        require_narrow(path, name, sizes.get(name))
        rows = sheet_rows(book.get_sheet_by_name(name))
        head = list(islice(rows, _HEAD))
        return _Sheet(name, head, rows, find_header(head, layer, wishes.for_headings))

    if wishes.part is not None:
        return opened(choose(path, names, layer, wishes.part)[0])
    found: _Sheet | None = None
    several: list[str] = []
    for name in names:
        size = sizes.get(name)
        if len(names) > 1 and size is not None and (size.rows == 0 or size.cells > MAX_CELLS):
            continue
        sheet = opened(name)
        if sheet.known or (found is None and len(names) == 1):
            found = found or sheet
            several.append(name)
    if len(several) > 1:
        raise needed(path, several)
    return found or opened(names[0])


def require_narrow(path: Path, name: str, size: SheetSize | None) -> None:
    """Refuse a sheet whose last cell lies so far out that the room up to it would not fit."""
    if size is not None and size.cells > MAX_CELLS:
        raise unreadable(
            path,
            f"the sheet {name!r} reaches to row {size.rows} and column {size.columns};"
            " delete the stray cells far out, or save it as .csv",
            code="sheet_vast",
            part=storable(name),
            rows=size.rows,
            columns=size.columns,
        )


def sheet_sizes(path: Path, names: list[str]) -> dict[str, SheetSize]:
    """How far each sheet of an .xlsx reaches; an .xls says nothing of it before it is read."""
    if path.suffix.lower() != ".xlsx":
        return {}
    found = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for number, name in enumerate(names):
                part = sheet_part(archive, number)
                if part is not None:
                    found[name] = sheet_size(archive, part)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as fault:
        raise damaged(path, fault) from fault
    return found


def require_workbook(path: Path) -> None:
    """Refuse what is no zip file, unpacks beyond reason, or defines entities, as no workbook may."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            require_unpacked_size(path, members)
            for member in members:
                if member.filename.endswith((".xml", ".rels")) and not member.flag_bits & 1:
                    with archive.open(member) as part:
                        if b"<!DOCTYPE" in part.read(4096):
                            raise damaged(path, f"{storable(member.filename)} defines entities")
    except zipfile.BadZipFile as fault:
        raise not_what_it_says(path, "an Excel workbook (.xlsx)") from fault
    except (NotImplementedError, RuntimeError, EOFError, OSError) as fault:
        raise damaged(path, fault) from fault


def sheet_rows(sheet: python_calamine.CalamineSheet) -> Iterator[Row]:
    """All rows from A1; a cell merged downwards holds for every row it spans."""
    left = sheet.start[1] if sheet.start else 0
    spans: dict[int, list[tuple[int, int, int]]] = {}
    for (top, column), (bottom, _) in sheet.merged_cell_ranges or ():
        if bottom > top:
            spans.setdefault(top, []).append((column, bottom, top))
    if not left and not spans:
        yield from sheet.iter_rows()
        return
    holding: list[tuple[int, int, Any]] = []  # column, last row, value
    for number, row in enumerate(sheet.iter_rows()):
        cells = [None] * left + row if left else row
        holding = [held for held in holding if held[1] >= number]
        for column, _, value in holding:
            if column < len(cells) and cells[column] in (None, ""):
                cells[column] = value
        for column, bottom, _ in spans.get(number, ()):
            if column < len(cells):
                holding.append((column, bottom, cells[column]))
        yield cells


READERS = {".csv": read_text, ".tsv": read_text, ".txt": read_text, ".xlsx": read_xlsx, ".xls": read_xls}
PARTS = {".xlsx": sheets, ".xls": sheets}
