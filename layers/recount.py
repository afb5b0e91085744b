"""The second counter: records of a table counted from the raw bytes.

It shares no code with the readers, so that a record that a reader loses without a word is noticed.
A record here is a line of a text table outside quotes, or a row of a sheet that holds a value.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BLOCK = 1 << 20
_EMPTY = re.compile(r'"\s*"')
_CLOSING = re.compile(rb'(?:[^"]|"")*+"')


def text_records(path: Path, encoding: str, delimiter: str) -> int:
    """Records of a text table up to the last one that holds anything, headings and titles included.

    Quotes count where a field begins with one; a line that holds none costs nothing but its length.
    """
    seen = counted = 0
    inside = False
    record = b""
    sign = delimiter.encode()
    for line in _lines(path, encoding):
        inside = _ends_inside(line, sign, inside=inside) if b'"' in line else inside
        record = record + line if len(record) < _BLOCK else record
        if not inside:
            seen += 1
            counted = counted if _blank(record, sign, encoding) else seen
            record = b""
    return counted if not inside else seen + 1


def _lines(path: Path, encoding: str) -> Iterator[bytes]:
    """Physical lines as bytes in which quote, delimiter and line end are single bytes."""
    if encoding.startswith(("utf-16", "utf-32")):
        with path.open(encoding=encoding, newline="") as text:
            yield from (line.encode("utf-8", "surrogatepass") for line in text)
        return
    with path.open("rb") as file:
        head = file.read(_BLOCK)
        file.seek(3 if head.startswith(b"\xef\xbb\xbf") else 0)
        if b"\r" in head and b"\n" not in head:  # the line end of old Macs
            rest = file.read().split(b"\r")
            yield from rest if rest[-1] else rest[:-1]
        else:
            yield from file


def _blank(line: bytes, sign: bytes, encoding: str) -> bool:
    """Whether a line holds nothing but blanks of any script; most lines are told by their first letters."""
    if any(48 <= letter <= 122 and letter != 59 for letter in line[:64]):
        return False
    told = line.decode("utf-8" if encoding.startswith("utf") else encoding, "replace").strip("\r\n")
    mark = re.escape(sign.decode())
    # a quoted cell may hold the delimiter
    cells = re.findall(rf'"(?:[^"]|"")*+"|[^{mark}]+', told)
    return not any(cell.strip() for cell in cells if not _EMPTY.fullmatch(cell))


def _ends_inside(line: bytes, sign: bytes, *, inside: bool) -> bool:
    """Whether the end of the line lies inside a quoted field."""
    at = 0
    while True:
        if not inside:
            if line[at : at + 1] != b'"':  # a plain field: quotes within it are text
                end = line.find(sign, at)
                if end < 0:
                    return False
                at = end + 1
                continue
            at += 1
        closing = _CLOSING.match(line, at)
        if closing is None:
            return True
        inside = False
        end = line.find(sign, closing.end())
        if end < 0:
            return False
        at = end + 1


# -- workbooks -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SheetSize:
    """The last row and column of a sheet that hold a value, from 1; 0 for an empty sheet.

    Of a sheet with up to 26 columns 26 are told: nobody needs to know it better.
    """

    rows: int
    columns: int

    @property
    def cells(self) -> int:
        """Cells from A1 to the last one."""
        return self.rows * self.columns


_SHEET = re.compile(rb"<(?:\w+:)?sheet\b[^>]*>")
_NAME = re.compile(rb'\bname="([^"]*)"')
_RELATION = re.compile(rb'\br(?:elationships)?:id="([^"]*)"|\b\w+:id="([^"]*)"')
_TARGET = re.compile(rb"<(?:\w+:)?Relationship\b[^>]*>")
_ROW = re.compile(rb"<(?:\w+:)?row\b")
_ROW_NUMBER = re.compile(rb'^[^>]*?\br="(\d+)"')
_VALUE = re.compile(rb"<(?:\w+:)?(?:v|t)(?:\s[^>]*)?>[^<]")
_LETTERS = re.compile(rb' r="([A-Z]{1,3})\d')


def sheet_part(archive: zipfile.ZipFile, number: int) -> str | None:
    """The name of the part that holds the sheet of that position, None where the workbook does not say."""
    try:
        sheets = _SHEET.findall(archive.read("xl/workbook.xml"))
        relations = _TARGET.findall(archive.read("xl/_rels/workbook.xml.rels"))
    except KeyError:
        return None
    if number >= len(sheets):
        return None
    wanted = _RELATION.search(sheets[number])
    if wanted is None:
        return None
    key = wanted[1] or wanted[2]
    for relation in relations:
        if b'Id="' + key + b'"' in relation:
            target = re.search(rb'Target="([^"]*)"', relation)
            if target is not None:
                told = target[1].decode("utf-8", "replace")
                name = told.lstrip("/") if told.startswith("/") else f"xl/{told}"
                return name if name in archive.namelist() else None
    return None


def sheet_size(archive: zipfile.ZipFile, part: str) -> SheetSize:
    """How far a sheet reaches, from its XML in blocks; a row without a number follows the one before.

    The cells of a row stand in their order, so the last one tells how wide it is.
    """
    last = rows = columns = 0
    for piece in _row_pieces(archive, part):
        number = _ROW_NUMBER.match(piece)
        last = int(number[1]) if number else last + 1
        if _VALUE.search(piece):
            rows = max(rows, last)
            wide = _LETTERS.match(piece, piece.rfind(b' r="'))
            if wide:
                columns = max(columns, _column(wide[1]))
    return SheetSize(rows, max(columns, 26) if rows else 0)


def _row_pieces(archive: zipfile.ZipFile, part: str) -> Iterator[bytes]:
    """What stands behind each ``<row``, one piece a row."""
    held, started = b"", False
    with archive.open(part) as opened:
        while block := opened.read(_BLOCK):
            *whole, held = _rows(held + block)
            if not started and whole:
                whole, started = whole[1:], True  # what stands before the first row
            yield from whole
    if started:
        yield held


def _rows(block: bytes) -> list[bytes]:
    """Split before the rows; the regular expression is for names with a prefix, and for rowBreaks."""
    if b":row" in block or b"<rowB" in block:
        return _ROW.split(block)
    return block.split(b"<row")


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
