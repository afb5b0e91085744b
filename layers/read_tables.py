"""CSV and Excel: the grid of cells, its encoding, its headings and the titles above them."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from pathlib import Path
from typing import Any

import python_calamine

from .cells import storable
from .columns import Header, find_header
from .faults import Note
from .reading import Reading, damaged, not_what_it_says, require_unpacked_size, unreadable

MAX_CELL = 1_000_000
_SAMPLE = 200_000
_QUOTED_FORMULA = re.compile(r"'+[=+\-@\t\r]")


def decode(raw: bytes) -> tuple[str, str]:
    """Text and the encoding found: a byte order mark, else strict UTF-8, else GB18030.

    Chinese offices write GBK or GB18030; a guess by statistics takes short GBK files for Big5 or
    Korean, the ladder does not. Bytes that are none of these raise UnicodeDecodeError.
    """
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if raw.startswith(mark):
            return raw.decode(encoding), encoding
    try:
        return raw.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return raw.decode("gb18030"), "gb18030"


Grid = list[list[Any]]


def _table(path: Path, grid: Grid, header: Header | None, notes: list[Note]) -> Reading:
    """Headings and records of a grid of cells; rows above the headings are titles."""
    if header is None:
        seen = storable(", ".join(str(cell) for row in grid[:1] for cell in row if cell not in (None, "")))
        raise unreadable(
            path,
            f"no row of headings was recognised (the first row reads: {seen[:120]});"
            " the headings need at least a name or id and a place (经度, 纬度)",
            code="headings_unknown",
            seen=seen[:120],
        )
    if header.top:
        notes = [*notes, Note("title_rows", {"count": header.top})]
    width = max(len(row) for row in grid[header.top :])
    headings = [storable(heading) for heading in header.headings]
    headings += [""] * (width - len(headings))
    first = header.top + header.depth
    body = [row + [None] * (width - len(row)) for row in grid[first:]]
    while body and all(cell is None or str(cell).strip() == "" for cell in body[-1]):
        body.pop()
    rows = [str(first + 1 + number) for number in range(len(body))]
    return Reading(headings, rows, body, notes=notes)


# -- CSV -------------------------------------------------------------------------------------------


def read_csv(path: Path, layer: str) -> Reading:
    """A text table with commas, semicolons or tabs.

    A record with more cells than headings is marked as too wide: a name with a comma in it shifts
    all that follows.
    """
    raw = path.read_bytes()
    if raw.startswith((b"PK\x03\x04", b"SQLite f", b"%PDF", b"\xd0\xcf\x11\xe0")) or (
        b"\0" in raw[:4096] and not raw.startswith((b"\xff\xfe", b"\xfe\xff"))
    ):
        raise not_what_it_says(path, "a text table")
    try:
        text, encoding = decode(raw)
    except UnicodeDecodeError as fault:
        line = raw.count(b"\n", 0, fault.start) + 1
        raise unreadable(
            path,
            f"byte {fault.start + 1} (line {line}) fits neither UTF-8, UTF-16 nor GB18030; save it as UTF-8",
            code="file_encoding",
            byte=fault.start + 1,
            line=line,
        ) from fault
    grid: Grid = [[_unquoted(cell) for cell in row] for row in _split(path, text, _delimiter(text, layer))]
    header = find_header(grid, layer)
    reading = _table(path, grid, header, [Note("encoding", {"encoding": encoding.upper()})])
    if header is not None:
        _mark_too_wide(reading, grid, header)
    return reading


def _unquoted(cell: str) -> str:
    """`write.py`, and Excel by hand, put an apostrophe before text that looks like a formula."""
    return cell[1:] if cell.startswith("'") and _QUOTED_FORMULA.match(cell) else cell


def _delimiter(text: str, layer: str) -> str:
    """The one that makes the headings readable; text may well hold more commas than the headings."""
    sample = text[:_SAMPLE].splitlines()[:30]

    def recognised(delimiter: str) -> tuple[int, int]:
        grid = [line.replace('"', "").split(delimiter) for line in sample]
        header = find_header(grid, layer)
        return (0 if header is None else header.known, sum(len(row) for row in grid))

    return max(",;\t", key=recognised)


def _split(path: Path, text: str, delimiter: str) -> list[list[str]]:
    before = csv.field_size_limit(MAX_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        return list(reader)
    except csv.Error as fault:
        raise unreadable(
            path,
            f"line {reader.line_num}: {fault}; mend the quotes there",
            code="csv_broken",
            line=reader.line_num,
            detail=str(fault),
        ) from fault
    finally:
        csv.field_size_limit(before)


def _mark_too_wide(reading: Reading, grid: Grid, header: Header) -> None:
    width = len(grid[header.top])
    for row, cells in zip(reading.rows, grid[header.top + header.depth :], strict=False):
        if any(cell.strip() for cell in cells[width:]):
            reading.too_wide[row] = len(cells)


# -- Excel -----------------------------------------------------------------------------------------


def read_xlsx(path: Path, layer: str) -> Reading:
    """The first sheet of a workbook whose headings are known."""
    _require_workbook(path)
    try:
        with python_calamine.load_workbook(str(path)) as book:
            names = book.sheet_names
            if not names:
                raise unreadable(path, "the workbook has no sheet", code="file_no_sheet")
            for chosen in names:
                grid = _grid(book.get_sheet_by_name(chosen))
                header = find_header(grid, layer)
                if header is not None:
                    break
            else:
                chosen = names[0]
                grid = _grid(book.get_sheet_by_name(chosen))
    except (python_calamine.CalamineError, OSError, ValueError) as fault:
        raise not_what_it_says(path, "an Excel workbook (.xlsx)", reason=str(fault)[:120]) from fault
    notes: list[Note] = []
    if len(names) > 1:
        others = ", ".join(name for name in names if name != chosen)
        notes.append(Note("other_sheets", {"read": storable(chosen), "others": storable(others)}))
    return _table(path, grid, header, notes)


def _require_workbook(path: Path) -> None:
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


def _grid(sheet: python_calamine.CalamineSheet) -> Grid:
    """All cells from A1; a cell merged downwards holds for every row it spans."""
    grid: Grid = [list(row) for row in sheet.to_python(skip_empty_area=False)]
    for (top, left), (bottom, _) in sheet.merged_cell_ranges or ():
        for row in grid[top + 1 : bottom + 1]:
            if left < len(row) and row[left] in (None, ""):
                row[left] = grid[top][left]
    return grid


READERS = {".csv": read_csv, ".tsv": read_csv, ".xlsx": read_xlsx}
