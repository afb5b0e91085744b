"""What GDAL reads: layers of GeoPackages, and the records of a shapefile, piece by piece.

GDAL sees only files that have been checked to be one of these two, and only plain tables of them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import shapely
from numpy.typing import NDArray

from .count_rows import GeoTable, count_records, geo_tables, with_geometry
from .faults import Note, storable
from .pieces import begun, choose, listed
from .reading import PIECE, Opened, Reading, Wishes, damaged, not_what_it_says, unreadable


def drivers() -> list[str]:
    """The drivers that GDAL has in this process."""
    return list(pyogrio.list_drivers())


@contextmanager
def _gdal(path: Path, shown: Path, notes: list[Note]) -> Iterator[None]:
    """What GDAL warns of becomes a note, what it refuses a LayerError."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            yield
        except (RuntimeError, ValueError, OverflowError) as fault:
            raise damaged(shown, storable(str(fault).replace(str(path), shown.name))) from fault
    for warning in told:
        detail = storable(str(warning.message).replace(str(path), shown.name))[:120]
        note = Note("reader_warned", {"detail": detail})
        if note not in notes:
            notes.append(note)


@dataclass(frozen=True)
class Source:
    """A layer open for reading by GDAL.

    Parameters
    ----------
    path, shown : Path
        Where it lies, and the file the user knows.
    layer : str or None
    encoding : str or None
        As what GDAL is to take the bytes of text.
    text : function
        Text as GDAL gives it -> text as it is meant.
    geometry_there : function
        Record numbers whose geometry GDAL gave none for -> those that have one in the file.
    options : dict
        Of GDAL's driver.
    by_number : bool
        Whether a record's number in the file is its place there, counted from 0.
    """

    path: Path
    shown: Path
    layer: str | None
    encoding: str | None
    text: Callable[[str], str]
    geometry_there: Callable[[list[int]], set[int]]
    options: dict[str, str] = field(default_factory=dict)
    by_number: bool = False

    def pieces(self, notes: list[Note], total: int, **stated: Any) -> Iterator[Reading]:
        """Every record once, at most `PIECE` at a time; `stated` overrules the datum of the layer.

        `total` is the number of records there should be: asked for more, GDAL's binding takes the
        complaint about a damaged geometry for the reason why they end.
        """
        for begin in range(0, max(total, 1), PIECE):
            with _gdal(self.path, self.shown, notes):
                meta, numbers, wkb, fields = pyogrio.raw.read(
                    self.path,
                    layer=self.layer,
                    encoding=self.encoding,
                    force_2d=True,
                    datetime_as_string=True,
                    return_fids=True,
                    skip_features=begin,
                    max_features=min(PIECE, max(total - begin, 1)),
                    **self.options,
                )
            if wkb is None:
                raise unreadable(self.shown, "it has no layer with geometry", code="file_no_layer")
            datum = {"datum": meta["crs"], "datum_unusable": None} | stated
            if self.by_number:
                # GDAL goes on behind deleted records of a shapefile, into the next piece
                kept = numbers < begin + PIECE
                numbers, wkb, fields = numbers[kept], wkb[kept], [column[kept] for column in fields]
            yield self._piece(meta, numbers, wkb, fields, begin, notes, datum)

    def _piece(
        self,
        meta: dict[str, Any],
        numbers: NDArray[np.int64],
        wkb: NDArray[np.object_],
        fields: list[NDArray[Any]],
        begin: int,
        notes: list[Note],
        datum: dict[str, str | None],
    ) -> Reading:
        geometry: NDArray[np.object_] = np.full(len(wkb), None, dtype=object)
        geometry[:] = shapely.from_wkb(wkb, on_invalid="ignore")
        rows = [
            str(at + 1) for at in (numbers.tolist() if self.by_number else range(begin, begin + len(wkb)))
        ]
        missing = np.flatnonzero(shapely.is_missing(geometry))
        there = self.geometry_there([int(numbers[at]) for at in missing if wkb[at] is None])
        faults = {
            rows[at]: "damaged geometry" for at in missing if wkb[at] is not None or int(numbers[at]) in there
        }
        columns = [self._column(column) for column in fields]
        values = [list(record) for record in zip(*columns, strict=True)] if columns else [[] for _ in rows]
        headings = [storable(self.text(heading)) for heading in meta["fields"]]
        return Reading(headings, rows, values, geometry, faults, notes=notes, **datum)  # type: ignore[arg-type]

    def _column(self, column: NDArray[Any]) -> list[Any]:
        values: list[Any] = column.tolist()
        if self.encoding is None or column.dtype != object:
            return values
        return [self.text(value) if isinstance(value, str) else value for value in values]


# -- GeoPackage ------------------------------------------------------------------------------------


def read_gpkg(path: Path, layer: str, wishes: Wishes) -> Opened:
    """A table with geometry: the one named, the only one, or the one called like the layer.

    Views are refused: what a view computes is nobody's record, and it may never end.

    Raises
    ------
    LayerError
        `file_disguised`, `file_damaged`, `gpkg_open` (changes not written into the file yet),
        `file_no_layer`, `layer_is_view`, `part_needed`, `part_unknown`.
    """
    return begun(_steps(path, layer, wishes))


def gpkg_parts(path: Path) -> list[str]:
    """Tables with geometry, in the order of the file."""
    return [table.name for table in _tables(path) if table.plain]


def _tables(path: Path) -> list[GeoTable]:
    with path.open("rb") as file:
        if file.read(16) != b"SQLite format 3\0":
            raise not_what_it_says(path, "a GeoPackage")
    beside = path.with_name(path.name + "-wal")
    if beside.exists() and beside.stat().st_size:
        raise unreadable(
            path,
            "another program has it open and has not written all changes into it; close it there first",
            code="gpkg_open",
        )
    return geo_tables(path)


def _steps(path: Path, layer: str, wishes: Wishes) -> Generator[Any, None, None]:
    tables = {table.name: table for table in _tables(path)}
    if not tables:
        raise unreadable(path, "it has no layer with geometry", code="file_no_layer")
    plain = [name for name, table in tables.items() if table.plain]
    if not plain or wishes.part in tables.keys() - set(plain):
        views = listed(tables.keys() - set(plain))
        raise unreadable(
            path,
            f"{views} is computed by a view; save it as a layer of its own",
            code="layer_is_view",
            parts=views,
        )
    name, notes = choose(path, plain, layer, wishes.part)
    table = tables[name]
    counted = count_records(path, table)
    # immutable: no file is made beside it, so that a read-only folder is enough
    source = Source(
        path, path, name, None, str, lambda missing: with_geometry(path, table, missing), {"IMMUTABLE": "YES"}
    )
    yield counted
    for piece in source.pieces(notes, counted):
        yield _with_known_datum(piece)


def _with_known_datum(piece: Reading) -> Reading:
    if piece.datum is None:
        return replace(piece, datum_unusable="a number that the file does not explain")
    if "undefined" in piece.datum[:60].lower():
        return replace(piece, datum=None)  # the standard's word for coordinates nobody has named
    return piece
