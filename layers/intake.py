"""What a worker does with a foreign file: read it, check it, and tell the rows in JSON values.

Everything here runs in the process of `worker.py`; nothing here opens a store. Rows go out piece by
piece, so that neither side ever holds a whole file.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.crs import to_wgs84
from geo.errors import LayerError

from .cells import text_of
from .columns import match_headings
from .duplicates import Findings, address_keys, find
from .faults import Note, storable
from .places import is_northing_first, plane_numbers
from .read import FEATURES, list_parts, open_file
from .reading import Opened, Reading, Wishes
from .sandbox import require_allowed_drivers
from .schema import LAYERS
from .validate import Checked, Checker, is_plane, known_crs, settle_datum

Say = Callable[[dict[str, Any]], None]
Step = Callable[[], None]

FIRST = 20
"""Records that are shown before an import."""
MAX_CELL = 32_767
"""Characters that a cell of a workbook holds; a longer one of a refused row is left out."""
MESSAGE_LETTERS = 8_000_000
"""Of the shapes of one message."""
SAMPLE = 2_000
"""Places that are compared with the city's roads to find the datum."""


# -- take ------------------------------------------------------------------------------------------


def take(arguments: dict[str, Any], say: Say, step: Step) -> dict[str, Any]:
    """Read and check a table; messages ``piece`` with rows and refusals, ``progress``; then the end.

    Parameters
    ----------
    arguments : dict
        ``file`` (a name in the worker's folder), ``kind``, and the options of `Checker` and `Wishes`.
    say, step : callable
        To send a message; to begin a new step of computing.
    """
    if arguments["kind"] == "osm":
        return _take_osm(arguments, say)
    kind = str(arguments["kind"])
    wishes = _wishes(arguments)
    opened = _open(arguments, wishes)
    checker = Checker(
        kind,
        datum=arguments.get("datum"),
        given_class=arguments.get("class"),
        for_headings=wishes.for_headings,
        year=arguments.get("year"),
        near=None if arguments.get("near") is None else tuple(arguments["near"]),
    )
    gathered = _Gathered(kind)
    read = 0
    first: Reading | None = None
    for reading in opened.pieces:
        step()
        checked = checker.piece(reading)
        first = first or reading
        read += checked.read
        gathered.add(checked)
        for piece in _pieces(kind, reading, checked):
            say({"piece": piece})
        say({"progress": [read, opened.counted]})
    if opened.counted is not None and opened.counted != read:
        raise LayerError(
            f"the file holds {opened.counted} records by a count of its bytes, but {read} were read;"
            " nothing was stored: export it again in another format",
            code="rows_lost", counted=opened.counted, read=read,
        )  # fmt: skip
    assert first is not None  # noqa: S101 - every reader gives at least one piece
    if not read:
        raise LayerError("there is not one record in the file; export it again with its rows", code="no_rows")
    step()
    headings = first.headings
    found = gathered.findings()
    named = headings[checker.at["name"]] if "name" in checker.at else ""
    xy, names = _sample(first, checker.at)
    notes = [*checker.notes(), *(found.notes() if found else ())]
    return {
        "datum": checker.datum,
        "headings": headings,
        "spatial": first.geometry is not None,
        "stated": first.datum,
        "sample": xy.tolist(),
        "names": names,
        "columns": {name: headings[at] for name, at in checker.at.items()},
        "counted": opened.counted,
        "read": read,
        "notes": [asdict(note) for note in notes],
        "repeats": [asdict(fault) for fault in (found.faults(named) if found else ())],
    }


def _wishes(arguments: Mapping[str, Any]) -> Wishes:
    return Wishes(
        part=arguments.get("part"),
        encoding=arguments.get("encoding"),
        columns=arguments.get("columns") or {},
        remembered=arguments.get("remembered") or {},
    )


def _open(arguments: Mapping[str, Any], wishes: Wishes) -> Opened:
    """Open the table; no driver of GDAL may be there that is not allowed."""
    path = Path(arguments["file"])
    _require_drivers(path)
    return open_file(path, str(arguments["kind"]), wishes)


def _require_drivers(path: Path) -> None:
    if path.suffix.lower() in FEATURES:
        from .read_vector import drivers  # noqa: PLC0415 - a table needs none of it

        require_allowed_drivers(drivers())


def _pieces(kind: str, reading: Reading, checked: Checked) -> Iterator[dict[str, Any]]:
    """A checked piece as messages, several where its shapes are long; the refusals go with the first."""
    shapes = [wkb.hex() for wkb in shapely.to_wkb(checked.geometry, output_dimension=2)]
    gates = None
    if checked.gates is not None:
        found = shapely.to_wkb(checked.gates, output_dimension=2)
        gates = [None if wkb is None else wkb.hex() for wkb in found]
    wanted = {fault.row for fault in checked.faults if fault.code not in PASSED_OVER}
    head = {
        "read": checked.read,
        "fixed": checked.fixed,
        "faults": [asdict(fault) for fault in checked.faults],
        "cells": _cells(reading, wanted),
    }
    for start, end in _spans(shapes):
        yield {
            "layer": kind,
            "labels": checked.rows[start:end],
            "values": checked.values[start:end],
            "geometry": shapes[start:end],
            "gates": None if gates is None else gates[start:end],
            **head,
        }
        head = {"read": 0, "fixed": [], "faults": [], "cells": {}}


def _spans(shapes: list[str]) -> Iterator[tuple[int, int]]:
    """Starts and ends of runs of shapes that make one message each; at least one run."""
    start = length = 0
    for at, shape in enumerate(shapes):
        if length and length + len(shape) > MESSAGE_LETTERS:
            yield start, at
            start, length = at, 0
        length += len(shape)
    yield start, len(shapes)


def _cells(reading: Reading, wanted: Collection[str]) -> dict[str, list[Any]]:
    """The cells of rows as they stand in the file, the geometry as well-known text behind them."""
    kept = {}
    for number, row in enumerate(reading.rows) if wanted else ():
        if row not in wanted:
            continue
        cells = [plain_cell(value) for value in reading.values[number]]
        if reading.geometry is not None:
            shape = reading.geometry[number]
            told = "" if shape is None else str(shapely.to_wkt(shape, rounding_precision=8))
            cells.append(told if len(told) <= MAX_CELL else "")
        kept[row] = cells
    return kept


def cells(arguments: dict[str, Any], say: Say, step: Step) -> None:
    """The cells of the rows named in ``rows``, of a table that was taken before; messages ``cells``."""
    wanted = set(arguments["rows"])
    opened = _open(arguments, _wishes(arguments))
    for reading in opened.pieces:
        step()
        say({"cells": _cells(reading, wanted)})


PASSED_OVER = ("row_empty", "row_total")
"""Reasons of rows that are no records: there is nothing to correct in them."""


def plain_cell(value: Any) -> Any:
    """A cell as JSON and a workbook can hold it."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, datetime | date):
        return value.isoformat(sep=" ") if isinstance(value, datetime) else value.isoformat()
    return storable(str(value))[:MAX_CELL]


class _Gathered:
    """What is compared across the pieces of a file: names and places, as small as they can be kept."""

    def __init__(self, kind: str) -> None:
        self._at = {column.name: at for at, column in enumerate(LAYERS[kind].columns)}
        self._is_issues = kind == "issues"
        self._compared = kind not in ("roads", "areas")
        self._rows: list[NDArray[np.int64]] = []
        self._places: list[NDArray[np.float64]] = []
        self._addresses: list[NDArray[Any]] = []
        self._minutes: list[NDArray[Any]] = []
        self._words: dict[str, list[str | None]] = {}

    def add(self, checked: Checked) -> None:
        if not self._compared or not checked.rows:
            return
        bounds = shapely.bounds(checked.geometry)
        self._rows.append(np.array([int(row) for row in checked.rows], dtype=np.int64))
        self._places.append(0.5 * (bounds[:, :2] + bounds[:, 2:]))
        if "address" in self._at:
            self._addresses.append(address_keys(self._column(checked, "address")))
        if self._is_issues:
            moments = self._column(checked, "found_at")
            minutes = np.array([told[:16] for told in moments], dtype="M8[m]")
            self._minutes.append(minutes.astype(np.int64, copy=False))
        for word in ("category",) if self._is_issues else ("name", "class"):
            if word in self._at:
                told = (None if one is None else sys.intern(one) for one in self._column(checked, word))
                self._words.setdefault(word, []).extend(told)

    def _column(self, checked: Checked, name: str) -> list[Any]:
        at = self._at[name]
        return [row[at] for row in checked.values]

    def findings(self) -> Findings | None:
        if not self._rows:
            return None
        return find(
            _joined(self._rows),
            self._words.get("name"),
            self._words.get("class"),
            _joined(self._places),
            addresses=_joined(self._addresses) if self._addresses else None,
            categories=self._words.get("category"),
            minutes=_joined(self._minutes) if self._minutes else None,
        )


def _joined(pieces: list[NDArray[Any]]) -> NDArray[Any]:
    """The pieces as one array; they themselves are given up, for a file may be long."""
    joined = np.concatenate(pieces)
    pieces.clear()
    return joined


# -- OpenStreetMap ---------------------------------------------------------------------------------


def _take_osm(arguments: dict[str, Any], say: Say) -> dict[str, Any]:
    # here, because they load the machinery of tables, which no other format needs
    from .osm import read_osm  # noqa: PLC0415
    from .tables import to_rows  # noqa: PLC0415

    reading = read_osm(Path(arguments["file"]), lambda done, total: say({"progress": [done, total]}))
    for layer, table in reading.layers.items():
        gated = "gates" in table
        rows = to_rows(table, layer)
        last = -2 if gated else -1
        shapes = [row[-1].hex() for row in rows.values]
        for start, end in _spans(shapes):
            some = rows.values[start:end]
            gates = [None if row[-2] is None else row[-2].hex() for row in some] if gated else None
            say({"piece": {
                "layer": layer, "labels": rows.ids[start:end], "values": [row[:last] for row in some],
                "geometry": shapes[start:end], "gates": gates,
                "read": 0, "fixed": [], "faults": [], "cells": {},
            }})  # fmt: skip
    for layer, faults in reading.faults.items():
        say({"piece": {"layer": layer, "labels": [], "values": [], "geometry": [], "gates": None, "read": 0,
                       "fixed": [], "faults": [asdict(fault) for fault in faults], "cells": {}}})  # fmt: skip
    return {
        "datum": "wgs84",
        "counts": {layer: asdict(count) for layer, count in reading.counts.items()},
        "notes": [asdict(note) for note in [*reading.notes, Note("osm_objects", dict(reading.objects))]],
        "licence": reading.licence,
        "attribution": reading.attribution,
    }


# -- look ------------------------------------------------------------------------------------------


def look(arguments: dict[str, Any], say: Say, step: Step) -> dict[str, Any]:  # noqa: ARG001 - as every task
    """The first records of a table as they stand in the file, and which column was taken for what."""
    kind = str(arguments["kind"])
    wishes = _wishes(arguments)
    opened = _open(arguments, wishes)
    reading = next(opened.pieces)
    at = match_headings(reading.headings, kind, wishes.for_headings(reading.headings))
    xy, names = _sample(reading, at)
    return {
        "headings": reading.headings,
        "columns": {name: reading.headings[position] for name, position in at.items()},
        "first": [[plain_cell(value) for value in row] for row in reading.values[:FIRST]],
        "rows": reading.rows[:FIRST],
        "counted": opened.counted,
        "spatial": reading.geometry is not None,
        "notes": [asdict(note) for note in reading.notes],
        "sample": xy.tolist(),
        "names": names,
        **_datum(reading, at, arguments, xy),
    }


def _datum(
    reading: Reading, at: dict[str, int], arguments: Mapping[str, Any], xy: NDArray[np.float64]
) -> dict[str, Any]:
    """In which datum the table would be read, whether it states one, and where the sample would lie.

    A system that the file states as text is read by PROJ here, and not in the parent.
    """
    near = arguments.get("near")
    stated = None if reading.datum is None else known_crs(reading.datum)
    told: dict[str, Any] = {
        "stated": reading.datum_unusable or (stated and stated.name),
        "datum": None,
        "lonlat": [],
    }
    try:
        datum = settle_datum(reading, at, arguments.get("datum"), None if near is None else tuple(near), [])
    except LayerError as unknown:
        return {**told, "datum_fault": unknown.code}
    told |= {"datum": datum, "datum_fault": None}
    plane = is_plane(datum)
    if not plane:
        xy = xy[(np.abs(xy) <= (180.0, 90.0)).all(axis=1)]
    turned = plane and is_northing_first(xy)
    x, y = (1, 0) if turned else (0, 1)
    lonlat = np.column_stack(to_wgs84(xy[:, x], xy[:, y], datum))
    return {**told, "lonlat": lonlat[np.isfinite(lonlat).all(axis=1)].tolist()}


def _sample(reading: Reading, at: Mapping[str, int]) -> tuple[NDArray[np.float64], list[str | None]]:
    """Places of the first piece, spread over it, as they stand in the file; and the names there."""
    if reading.geometry is not None:
        there = np.flatnonzero(~shapely.is_missing(reading.geometry) & ~shapely.is_empty(reading.geometry))
        bounds = shapely.bounds(reading.geometry[there])
        found = 0.5 * (bounds[:, :2] + bounds[:, 2:])
    elif "lon" in at and "lat" in at:
        found = plane_numbers(reading, dict(at))[0]
        there = np.arange(len(found))
    else:
        return np.empty((0, 2)), []
    good = np.isfinite(found).all(axis=1)
    found, there = found[good], there[good]
    some = np.unique(np.linspace(0, len(found) - 1, min(SAMPLE, len(found))).astype(int))
    column = at.get("name")
    names = [None if column is None else text_of(reading.values[row][column]) for row in there[some]]
    return found[some], names


def parts(arguments: dict[str, Any], say: Say, step: Step) -> dict[str, Any]:  # noqa: ARG001 - as every task
    """The sheets, layers or files that a file holds; empty where it is one table."""
    path = Path(arguments["file"])
    _require_drivers(path)
    return {"parts": list_parts(path)}
