"""Records counted from the bytes of a file, by ways that share nothing with the readers.

What a reader loses without a word shows as a difference. The database of a GeoPackage is opened
read-only and immutable, never while GDAL holds it.
"""

from __future__ import annotations

import mmap
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .faults import storable
from .reading import damaged

_WINDOW = 1 << 22
_QUOTE, _BACKSLASH, _COMMA = b'"\\,'
_FEATURES = re.compile(rb'"features"\s*:\s*\[')
_SIGNIFICANT = np.ones(256, dtype=bool)
_SIGNIFICANT[list(b" \t\r\n\x1e")] = False


@contextmanager
def _mapped(path: Path) -> Iterator[mmap.mmap]:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as held:
        yield held


# -- GeoJSON ---------------------------------------------------------------------------------------


def count_features(path: Path) -> int:
    """Elements of the list `features` of a UTF-8 JSON object; without one, the objects of the file.

    Counted by the depth of brackets outside strings: a property that looks like a feature is none.
    """
    objects = commas = 0
    filled = False
    span = _Span()
    with _mapped(path) as held:
        starts = [found.end() - 1 for found in _FEATURES.finditer(held)]
        depth, quoted = 0, 0
        for begin in range(0, len(held), _WINDOW):
            window = np.frombuffer(held[begin : begin + _WINDOW], dtype=np.uint8)
            inside = (quoted + np.cumsum(_opening(held, window, begin))) & 1
            bare = (inside == 0) & (window != _QUOTE)
            opened = bare & ((window == ord("{")) | (window == ord("[")))
            closed = bare & ((window == ord("}")) | (window == ord("]")))
            after = depth + np.cumsum(opened.astype(np.int64) - closed)
            objects += int(np.count_nonzero((after == 1) & opened))
            for chosen in span.within(starts, begin, after, closed):
                commas += int(
                    np.count_nonzero(bare[chosen] & (window[chosen] == _COMMA) & (after[chosen] == 2))
                )
                filled = filled or bool(_SIGNIFICANT[window[chosen]].any())
            depth, quoted = int(after[-1]), int(inside[-1])
    return commas + filled if span.found else objects


def _opening(held: mmap.mmap, window: NDArray[np.uint8], begin: int) -> NDArray[np.int64]:
    """1 at every quotation mark that opens or closes a string, 0 elsewhere."""
    marks = window == _QUOTE
    ahead = np.empty_like(marks)
    ahead[1:] = window[:-1] == _BACKSLASH
    ahead[0] = begin > 0 and held[begin - 1] == _BACKSLASH
    for at in np.flatnonzero(marks & ahead):
        before = begin + int(at)
        while before and held[before - 1] == _BACKSLASH:
            before -= 1
        if (begin + int(at) - before) % 2:
            marks[at] = False
    counted: NDArray[np.int64] = marks.astype(np.int64)
    return counted


@dataclass
class _Span:
    """Where the list of features begins and ends, window after window."""

    found: bool = False
    open: bool = False

    def within(
        self, starts: Sequence[int], begin: int, after: NDArray[np.int64], closed: NDArray[np.bool_]
    ) -> Iterator[slice]:
        """The part of the window inside the list, without its brackets; nothing outside it."""
        first = 0
        if not self.open:
            here = [at - begin for at in starts if begin <= at < begin + len(after)]
            here = [at for at in here if after[at] == 2]
            if self.found or not here:
                return
            self.found = self.open = True
            first = here[0] + 1
        ends = np.flatnonzero(closed[first:] & (after[first:] == 1))
        last = first + int(ends[0]) if len(ends) else len(after)
        self.open = not len(ends)
        yield slice(first, last)


# -- XML -------------------------------------------------------------------------------------------


def count_elements(path: Path, *names: str) -> int:
    """Opening tags of these names, with any prefix, outside comments and CDATA."""
    wanted = "|".join(names).encode("ascii")
    pattern = re.compile(
        rb"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<(?:[\w.-]+:)?(" + wanted + rb")(?=[\s/>])", re.DOTALL
    )
    with _mapped(path) as held:
        return sum(1 for found in pattern.finditer(held) if found[1])


# -- shapefile -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ShapeCounts:
    """How many records the parts of a shapefile hold: shapes by the size of the .shx, records the
    .dbf states, records its bytes have room for, and records it marks as deleted."""

    shapes: int
    stated: int
    held: int
    deleted: int


def count_shapes(shx: Path, dbf: Path) -> ShapeCounts:
    """Counted from the sizes and the header (dBASE level 5; ESRI Shapefile 1998)."""
    shapes = max(0, (shx.stat().st_size - 100) // 8)
    size = dbf.stat().st_size
    with dbf.open("rb") as file:
        head = file.read(32)
    stated, begin, width = (int.from_bytes(head[a:b], "little") for a, b in ((4, 8), (8, 10), (10, 12)))
    held = max(0, size - begin) // width if width else 0
    if not held:
        return ShapeCounts(shapes, stated, 0, 0)
    raw = np.memmap(dbf, dtype=np.uint8, mode="r")
    flags = raw[begin : begin + min(held, shapes) * width : width]
    deleted = int(np.count_nonzero(flags == ord("*")))
    del flags, raw
    return ShapeCounts(shapes, stated, held, deleted)


# -- GeoPackage ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class GeoTable:
    """A layer that a GeoPackage lists: its name, its geometry column, whether it is a plain table."""

    name: str
    column: str
    plain: bool


@contextmanager
def _database(path: Path) -> Iterator[sqlite3.Connection]:
    """LayerError `file_damaged` for whatever the database refuses."""
    link = path.resolve().as_uri() + "?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(link, uri=True)) as held:
            held.execute("PRAGMA trusted_schema=OFF")
            yield held
    except (sqlite3.Error, UnicodeDecodeError) as fault:
        raise damaged(path, storable(str(fault))) from fault


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def geo_tables(path: Path) -> list[GeoTable]:
    """The layers with geometry in the order of the file; none where it is another database."""
    with _database(path) as held:
        known = "SELECT count(*) FROM sqlite_master WHERE name IN ('gpkg_contents', 'gpkg_geometry_columns')"
        if held.execute(known).fetchone() != (2,):
            return []
        found = held.execute(
            "SELECT g.table_name, g.column_name, m.type, m.sql FROM gpkg_geometry_columns AS g"
            " JOIN gpkg_contents AS c ON c.table_name = g.table_name"
            " JOIN sqlite_master AS m ON lower(m.name) = lower(g.table_name) AND m.type IN ('table', 'view')"
            " ORDER BY m.rowid"
        ).fetchall()
    return [
        GeoTable(str(name), str(column), kind == "table" and not _virtual(sql))
        for name, column, kind, sql in found
    ]


def _virtual(sql: Any) -> bool:
    return not isinstance(sql, str) or bool(re.match(r"\s*CREATE\s+VIRTUAL", sql, re.IGNORECASE))


def count_records(path: Path, table: GeoTable) -> int:
    """Rows of a plain table."""
    with _database(path) as held:
        return int(held.execute(f"SELECT count(*) FROM {_quoted(table.name)}").fetchone()[0])  # noqa: S608 - quoted


def with_geometry(path: Path, table: GeoTable, numbers: Sequence[int]) -> set[int]:
    """Which of these row ids have bytes where their geometry stands."""
    found: set[int] = set()
    with _database(path) as held:
        for begin in range(0, len(numbers), 500):
            some = list(numbers[begin : begin + 500])
            marks = ",".join("?" * len(some))
            sql = (
                f"SELECT rowid FROM {_quoted(table.name)} WHERE rowid IN ({marks})"  # noqa: S608 - quoted
                f" AND {_quoted(table.column)} IS NOT NULL"
            )
            found |= {int(number) for (number,) in held.execute(sql, some)}
    return found
