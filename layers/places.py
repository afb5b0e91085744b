"""Where the rows of a file are: their geometry and gates in EPSG:4326, or why there is none.

A file is converted once, not row by row: the datums of Chinese maps are iterated, and a table of
20,000 issues takes a tenth of a second instead of a quarter of a minute.
"""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from geo.crs import DATUMS, to_wgs84

from .cells import Refused, number_of, text_of
from .reading import Reading
from .schema import POINT, POLYGON, Layer

Floats = NDArray[np.float64]
MAX_PIECES = 100
"""A polygon that falls into more pieces and holes than this when it is repaired is a scribble."""


@dataclass
class Places:
    """The places of a file, one entry per record.

    Parameters
    ----------
    shapes : (n,) object
        EPSG:4326, valid, of a type the layer takes; None where refused.
    gates : (n,) object
        MultiPoint or None, EPSG:4326.
    refused : dict of record number to Refused
        The first reason why the record's geometry or gates cannot be taken.
    repaired : set of int
        Records whose polygon crossed itself.
    northing_first : bool
        The columns read as x and y hold the northing first.
    """

    shapes: NDArray[np.object_]
    gates: NDArray[np.object_]
    refused: dict[int, Refused] = field(default_factory=dict)
    repaired: set[int] = field(default_factory=set)
    northing_first: bool = False


def plane_numbers(reading: Reading, at: dict[str, int]) -> Floats:
    """The coordinate columns as (n, 2), NaN where a cell is no number."""
    found = np.full((len(reading.values), 2), math.nan)
    for number, row in enumerate(reading.values):
        for axis, name in enumerate(("lon", "lat")):
            value = row[at[name]]
            if type(value) is float:
                found[number, axis] = value
                continue
            try:
                given = number_of(value, "")
            except Refused:
                continue
            if given is not None:
                found[number, axis] = given
    return found


def find_places(reading: Reading, layer: Layer, at: dict[str, int], datum: str) -> Places:
    """Geometry and gates of every record.

    Parameters
    ----------
    reading : Reading
    layer : Layer
    at : dict of field to position
        As `match_headings` returns it.
    datum : str
        As `geo.crs.to_wgs84` takes it.
    """
    count = len(reading.values)
    places = Places(np.full(count, None, object), np.full(count, None, object))
    given = _given(reading, at, datum, places)
    _move(reading, at, datum, given, places)
    _judge(layer, places)
    if layer.gates:
        _find_gates(reading, at, datum, places)
    return places


def _heading(reading: Reading, at: dict[str, int], name: str) -> str:
    return reading.headings[at[name]] if name in at else ""


def _quoted(reading: Reading, at: dict[str, int], number: int, shape: Any) -> str:
    """The place as given, for the refusal."""
    if reading.geometry is None and "lon" in at and "lat" in at and "geometry" not in at:
        row = reading.values[number]
        return f"{row[at['lon']]}, {row[at['lat']]}"
    return "" if shape is None else str(shapely.to_wkt(shape, rounding_precision=6))[:60]


# -- as given --------------------------------------------------------------------------------------


def _given(reading: Reading, at: dict[str, int], datum: str, places: Places) -> NDArray[np.object_]:
    """The geometry in the file's datum, x first; None where there is none or it cannot be read."""
    if reading.geometry is not None:
        for number, row in enumerate(reading.rows):
            if row in reading.geometry_faults:
                places.refused[number] = Refused(
                    "", reading.geometry_faults[row], "geometry_broken",
                    "has a geometry that cannot be read; draw it again",
                )  # fmt: skip
        return np.asarray(shapely.force_2d(reading.geometry), dtype=object)
    shapes = np.full(len(reading.values), None, object)
    if "lon" in at and "lat" in at:
        shapes[:] = _points(reading, at, datum, places)
    if "geometry" in at:
        _place_texts(reading, at, shapes, places)
    return shapes


def _points(reading: Reading, at: dict[str, int], datum: str, places: Places) -> NDArray[np.object_]:
    xy = plane_numbers(reading, at)
    blank = np.isnan(xy).any(axis=1)
    for number in np.flatnonzero(blank):
        try:
            for name in ("lon", "lat"):
                heading = _heading(reading, at, name)
                if number_of(reading.values[number][at[name]], heading) is None:
                    raise Refused(heading, "", "place_missing", "is empty; complete the coordinates")
        except Refused as wrong:
            places.refused[int(number)] = wrong
    if datum not in DATUMS and not CRS.from_user_input(datum).is_geographic:
        places.northing_first = _northing_first(xy)
    if places.northing_first:
        xy = xy[:, ::-1]
    shapes: NDArray[np.object_] = np.full(len(xy), None, object)
    shapes[~blank] = shapely.points(xy[~blank])
    return shapes


def _northing_first(xy: Floats) -> bool:
    """China's plane coordinates call the northing X: about 2 to 6 million, the easting below 1 million
    or with a zone number above 13 million."""
    known = xy[np.isfinite(xy).all(axis=1)]
    if not len(known):
        return False
    first, second = np.median(known, axis=0)
    return bool(1.5e6 < first < 6.5e6 and (0 < second < 1.0e6 or second > 1.3e7))


def from_text(told: str) -> Any:
    """A 2D geometry from well-known text, None where it is none."""
    # the parser recurses into collections, and a deep one would end the program
    if not told.isascii() or told.upper().count("COLLECTION") > 1:
        return None
    return shapely.force_2d(shapely.from_wkt(told, on_invalid="ignore"))


def _place_texts(reading: Reading, at: dict[str, int], shapes: NDArray[np.object_], places: Places) -> None:
    """Well-known text, where a row has it; else its coordinates serve."""
    heading = _heading(reading, at, "geometry")
    for number, row in enumerate(reading.values):
        told = text_of(row[at["geometry"]])
        if told is None:
            continue
        shape = from_text(told)
        if shape is None:
            wrong = Refused(heading, told, "geometry_broken", "is no well-known text (WKT)")
            places.refused[number] = wrong
        else:
            places.refused.pop(number, None)
            shapes[number] = shape


# -- to degrees ------------------------------------------------------------------------------------


def _move(
    reading: Reading, at: dict[str, int], datum: str, given: NDArray[np.object_], places: Places
) -> None:
    """Convert what can be converted, and refuse the rest."""
    nowhere = shapely.is_missing(given) | shapely.is_empty(given)
    for number in np.flatnonzero(nowhere):
        places.refused.setdefault(
            int(number),
            Refused(
                _heading(reading, at, "lon"), "", "place_missing",
                "has no place; complete coordinates or geometry",
            ),
        )  # fmt: skip
    usable = ~nowhere
    usable[list(places.refused)] = False
    rows = np.flatnonzero(usable)
    numbers = rows.tolist()
    xy, owner = shapely.get_coordinates(given[rows], return_index=True)
    degrees = datum in DATUMS or CRS.from_user_input(datum).is_geographic
    wrong = _first_wrong(xy, owner, degrees=degrees)
    fine = ~np.isin(owner, list(wrong))
    lonlat = np.full_like(xy, math.nan)
    lonlat[fine] = np.column_stack(to_wgs84(xy[fine, 0], xy[fine, 1], datum))
    kept = np.setdiff1d(owner, list(wrong))
    for index, code in _first_wrong(lonlat[fine], owner[fine], degrees=True).items():
        wrong[index] = code
    heading = _heading(reading, at, "lat")
    for index, code in wrong.items():
        record = numbers[index]
        quoted = _quoted(reading, at, record, given[record])
        places.refused[record] = Refused(heading, quoted, code, WRONG_PLACES[code])
    kept = np.setdiff1d(kept, list(wrong))
    moved = given[rows[kept]]
    shapely.set_coordinates(moved, lonlat[np.isin(owner, kept)])
    places.shapes[rows[kept]] = moved


WRONG_PLACES = {
    "place_not_finite": "has no place on Earth in this datum; check datum and values",
    "null_island": "is 0, 0: a place that was never measured; complete it",
    "swapped": "looks as if longitude and latitude were swapped; swap the two columns",
    "out_of_range": "is beyond 180 degrees of longitude or 90 of latitude;"
    " if these are metres, give --datum EPSG:n",
}


def _first_wrong(xy: Floats, owner: NDArray[np.int_], *, degrees: bool) -> dict[int, str]:
    """Owner -> code of the first coordinate pair that can be no place, for those that have one."""
    x, y = xy.T
    tests = [("place_not_finite", ~np.isfinite(xy).all(axis=1)), ("null_island", (x == 0) & (y == 0))]
    if degrees:
        tests += [
            ("swapped", (np.abs(y) > 90) & (np.abs(y) <= 180) & (np.abs(x) <= 90)),
            ("out_of_range", (np.abs(y) > 90) | (np.abs(x) > 180)),
            ("swapped", (x > 3) & (x < 54) & (y > 73) & (y < 90)),
        ]
    codes = [code for code, _ in tests]
    which = np.select([test for _, test in tests], range(len(tests)), default=-1)
    bad = np.flatnonzero(which >= 0)
    owners, first = np.unique(owner[bad], return_index=True)
    return {int(one): codes[which[bad[at]]] for one, at in zip(owners, first, strict=True)}


# -- of the layer's type ---------------------------------------------------------------------------


def _judge(layer: Layer, places: Places) -> None:
    """Refuse what is of another type or flat; repair polygons that cross themselves."""
    shapes = places.shapes
    polygon = np.isin(shapely.get_type_id(shapes), [3, 6])
    repair = polygon & ~shapely.is_valid(shapes)
    for number in np.flatnonzero(~shapely.is_missing(shapes)):
        try:
            shapes[number] = _typed(shapes[number], layer, repair=bool(repair[number]))
        except Refused as wrong:
            places.refused[int(number)] = wrong
            shapes[number] = None
    places.repaired = {int(number) for number in np.flatnonzero(repair & ~shapely.is_missing(shapes))}


def _typed(shape: Any, layer: Layer, *, repair: bool) -> Any:
    kind = shape.geom_type
    if kind not in layer.geometry:
        quoted = str(shapely.to_wkt(shape, rounding_precision=6))[:60]
        if layer.name == "back_alleys" and kind in POINT:
            raise Refused("", quoted, "alley_point", "is a point; a back alley is drawn as a line")
        raise Refused(
            "", quoted, "geometry_type", f"is a {kind}; the layer takes {', '.join(layer.geometry)}",
            given=kind, allowed=", ".join(layer.geometry),
        )  # fmt: skip
    if kind in POINT:
        return shape
    if kind not in POLYGON:
        if shape.length == 0:
            quoted = str(shapely.to_wkt(shape, rounding_precision=6))[:60]
            raise Refused("", quoted, "line_flat", "is a line without length; draw it again")
        return shape
    sound = shapely.make_valid(shape, method="structure", keep_collapsed=False) if repair else shape
    if sound.geom_type not in POLYGON or sound.area == 0:
        quoted = str(shapely.to_wkt(shape, rounding_precision=6))[:60]
        raise Refused("", quoted, "polygon_flat", "is a polygon without area; draw it again")
    if repair:
        pieces = _rings(sound)
        if pieces > max(MAX_PIECES, 2 * _rings(shape)):
            quoted = str(shapely.to_wkt(shape, rounding_precision=6))[:60]
            raise Refused(
                "", quoted, "polygon_tangled",
                f"crosses itself so often that it falls into {pieces} pieces; draw it again",
                pieces=pieces,
            )  # fmt: skip
    return sound


def _rings(polygon: Any) -> int:
    """Shells and holes of all its parts."""
    return len(shapely.get_rings(shapely.get_parts(polygon)))


# -- gates -----------------------------------------------------------------------------------------


def _find_gates(reading: Reading, at: dict[str, int], datum: str, places: Places) -> None:
    pairs: list[tuple[float, float]] = []
    owner: list[int] = []
    for number, row in enumerate(reading.values):
        if number in places.refused:
            continue
        try:
            found = _row_gates(reading, at, row)
        except Refused as wrong:
            places.refused[number] = wrong
            continue
        pairs += found
        owner += [number] * len(found)
    if not pairs:
        return
    xy, of = np.array(pairs, dtype=np.float64), np.array(owner)
    if places.northing_first:
        xy = xy[:, ::-1]
    degrees = datum in DATUMS or CRS.from_user_input(datum).is_geographic
    wrong_gates = _first_wrong(xy, of, degrees=degrees)
    fine = ~np.isin(of, list(wrong_gates))
    xy, of = xy[fine], of[fine]
    lonlat = np.column_stack(to_wgs84(xy[:, 0], xy[:, 1], datum))
    wrong_gates |= _first_wrong(lonlat, of, degrees=True)
    heading = _heading(reading, at, "gates") or _heading(reading, at, "gate_lat")
    for number, code in wrong_gates.items():
        told = "; ".join(f"{x:g} {y:g}" for x, y in np.array(pairs)[np.array(owner) == number])
        places.refused[number] = Refused(heading, told, code, WRONG_PLACES[code])
    kept = ~np.isin(of, list(wrong_gates))
    numbers, of_gate = np.unique(of[kept], return_inverse=True)
    points = np.asarray(shapely.points(lonlat[kept]), dtype=object)
    places.gates[numbers] = shapely.multipoints(points, indices=of_gate)


def _row_gates(reading: Reading, at: dict[str, int], row: list[Any]) -> list[tuple[float, float]]:
    points: list[tuple[float, float]] = []
    if "gate_lon" in at and "gate_lat" in at:
        lon = number_of(row[at["gate_lon"]], _heading(reading, at, "gate_lon"))
        lat = number_of(row[at["gate_lat"]], _heading(reading, at, "gate_lat"))
        if (lon is None) != (lat is None):
            missing = _heading(reading, at, "gate_lon" if lon is None else "gate_lat")
            raise Refused(missing, "", "place_missing", "is empty; complete the coordinates")
        if lon is not None and lat is not None:
            points.append((lon, lat))
    if "gates" in at:
        told = text_of(row[at["gates"]])
        if told is not None:
            points.extend(_gate_points(told, _heading(reading, at, "gates")))
    return points


def _gate_points(told: str, heading: str) -> list[tuple[float, float]]:
    """``lon lat; lon lat`` or a WKT point or MultiPoint."""
    clean = unicodedata.normalize("NFKC", told)
    numbers = re.sub(r"(?i)multipoint|point|[()]", " ", clean).replace(",", ";")
    try:
        pairs = [[number_of(word, heading) for word in part.split()] for part in numbers.split(";")]
        return [(lon, lat) for lon, lat in filter(None, pairs) if lon is not None and lat is not None]
    except (Refused, ValueError):
        raise Refused(
            heading, told, "gates_unreadable", 'is no list of gates; write "lon lat; lon lat"'
        ) from None
