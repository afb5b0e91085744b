"""Where the rows of a file are: their geometry and gates in EPSG:4326, or why there is none.

A file is converted once, not row by row: the datums of Chinese maps are iterated, and a table of
20,000 issues takes a tenth of a second instead of a quarter of a minute.
"""

from __future__ import annotations

import math
import re
import unicodedata
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from geo.crs import DATUMS, to_wgs84

from .cells import Refused, degrees_of, number_of, text_of
from .reading import Reading
from .schema import POINT, POLYGON, Layer

Floats = NDArray[np.float64]
SIMPLE_NUMBER = re.compile(r"-?\d{1,9}(?:\.\d{1,15})?", re.ASCII)
_KINDS = {"Point": 0, "LineString": 1, "Polygon": 3, "MultiPoint": 4, "MultiLineString": 5, "MultiPolygon": 6}
_POINTS, _POLYGONS = [0, 4], [3, 6]
_LONGEST_PAIR = 80
MAX_PIECES = 100
"""A polygon that falls into more pieces and holes than this when it is repaired is a scribble."""


MAX_CORNERS = 200_000
"""Of one shape: a million take a minute to be buffered."""
SCRIBBLE = 60
"""Edges that meet the box of an edge, on the average, from which a polygon is a scribble."""


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
    """

    shapes: NDArray[np.object_]
    gates: NDArray[np.object_]
    refused: dict[int, Refused] = field(default_factory=dict)
    repaired: set[int] = field(default_factory=set)


AXES: tuple[Literal["lon", "lat"], ...] = ("lon", "lat")


def plane_numbers(reading: Reading, at: dict[str, int]) -> tuple[Floats, dict[int, Refused]]:
    """The coordinate columns as (n, 2), NaN where a cell is empty or no number, and why it is none."""
    found = np.full((len(reading.values), 2), math.nan)
    refused: dict[int, Refused] = {}
    for axis, name in enumerate(AXES):
        heading, position = reading.headings[at[name]], at[name]
        numbers = found[:, axis]
        for number, row in enumerate(reading.values):
            value = row[position]
            if type(value) is float:
                numbers[number] = value
            elif type(value) is str and SIMPLE_NUMBER.fullmatch(value):
                numbers[number] = float(value)
            elif value is not None and number not in refused:
                try:
                    given = degrees_of(value, heading, name)
                except Refused as wrong:
                    refused[number] = wrong
                    continue
                if given is not None:
                    numbers[number] = given
    return found, refused


def find_places(
    reading: Reading, layer: Layer, at: dict[str, int], datum: str, *, northing_first: bool
) -> Places:
    """Geometry and gates of every record.

    Parameters
    ----------
    reading : Reading
    layer : Layer
    at : dict of field to position
        As `match_headings` returns it.
    datum : str
        As `geo.crs.to_wgs84` takes it.
    northing_first : bool
        The columns read as x and y hold the northing first.
    """
    count = len(reading.values)
    places = Places(np.full(count, None, object), np.full(count, None, object))
    given = _given(reading, at, places, northing_first=northing_first)
    _move(reading, at, datum, given, places)
    _judge(layer, places)
    if layer.gates and {"gates", "gate_lon"} & at.keys():
        _find_gates(reading, at, datum, places, northing_first=northing_first)
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


def _given(
    reading: Reading, at: dict[str, int], places: Places, *, northing_first: bool
) -> NDArray[np.object_]:
    """The geometry in the file's datum, x first; None where there is none or it cannot be read."""
    if reading.geometry is not None:
        for number, row in enumerate(reading.rows):
            if row in reading.geometry_faults:
                places.refused[number] = Refused(
                    "", reading.geometry_faults[row], "geometry_broken",
                    "has a geometry that cannot be read; draw it again",
                )  # fmt: skip
        return _in_order(shapely.force_2d(reading.geometry), northing_first=northing_first)
    shapes = np.full(len(reading.values), None, object)
    if "lon" in at and "lat" in at:
        shapes[:] = _points(reading, at, places, northing_first=northing_first)
    if "geometry" in at:
        _place_texts(reading, at, shapes, places, northing_first=northing_first)
    return shapes


def _in_order(shapes: Any, *, northing_first: bool) -> NDArray[np.object_]:
    """The geometries with x first."""
    if northing_first:
        shapes = shapely.transform(shapes, lambda xy: xy[:, ::-1])
    return np.asarray(shapes, dtype=object)


def _points(
    reading: Reading, at: dict[str, int], places: Places, *, northing_first: bool
) -> NDArray[np.object_]:
    xy, refused = plane_numbers(reading, at)
    places.refused |= refused
    blank = np.isnan(xy).any(axis=1)
    for number in np.flatnonzero(blank).tolist():
        if number not in refused:
            empty = "lon" if np.isnan(xy[number, 0]) else "lat"
            places.refused[number] = Refused(
                _heading(reading, at, empty), "", "place_missing", "is empty; complete the coordinates"
            )
    if northing_first:
        xy = xy[:, ::-1]
    shapes: NDArray[np.object_] = np.full(len(xy), None, object)
    shapes[~blank] = shapely.points(xy[~blank])
    return shapes


def is_northing_first(xy: Floats) -> bool:
    """China's plane coordinates call the northing X: about 2 to 6 million, the easting below 1 million
    or with a zone number above 13 million; that of Web Mercator is above 8 million."""
    known = xy[np.isfinite(xy).all(axis=1)]
    if not len(known):
        return False
    first, second = np.median(known, axis=0)
    return bool(1.5e6 < first < 6.5e6 and (0 < second < 1.0e6 or second > 8.0e6))


_BETWEEN = re.compile(r"[,;、\s]+")


def from_text(told: str) -> Any:
    """A 2D geometry from well-known text, or a point from ``114.3001, 30.6002``; None where it is neither."""
    if len(told) < _LONGEST_PAIR:
        pair = _BETWEEN.split(unicodedata.normalize("NFKC", told).strip("()[] "))
        if len(pair) == 2:
            with suppress(Refused):
                x, y = (degrees_of(part, "", axis) for part, axis in zip(pair, AXES, strict=True))
                return None if x is None or y is None else shapely.Point(x, y)
    # the parser recurses into collections, and a deep one would end the program
    if not told.isascii() or told.upper().count("COLLECTION") > 1:
        return None
    return shapely.force_2d(shapely.from_wkt(told, on_invalid="ignore"))


def _place_texts(
    reading: Reading,
    at: dict[str, int],
    shapes: NDArray[np.object_],
    places: Places,
    *,
    northing_first: bool,
) -> None:
    """Well-known text, where a row has it; else its coordinates serve."""
    heading = _heading(reading, at, "geometry")
    for number, row in enumerate(reading.values):
        told = text_of(row[at["geometry"]])
        if told is None:
            continue
        shape = from_text(told)
        if shape is None:
            wrong = Refused(
                heading,
                told,
                "geometry_broken",
                "is neither well-known text (WKT) nor a pair such as 114.3, 30.6",
            )
            places.refused[number] = wrong
        else:
            places.refused.pop(number, None)
            shapes[number : number + 1] = _in_order([shape], northing_first=northing_first)


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
    there = ~shapely.is_missing(shapes)
    kinds = shapely.get_type_id(shapes)
    polygon = np.isin(kinds, _POLYGONS)
    repair = polygon & ~shapely.is_valid(shapes)
    other = ~np.isin(kinds, [_KINDS[name] for name in layer.geometry])
    flat = (~polygon & ~np.isin(kinds, _POINTS) & (shapely.length(shapes) == 0)) | (
        polygon & (shapely.area(shapes) == 0)
    )
    large: list[int] = np.flatnonzero(shapely.get_num_coordinates(shapes) > MAX_CORNERS).tolist()
    for number in large:
        count = int(shapely.get_num_coordinates(shapes[number]))
        places.refused[number] = Refused(
            "", f"{count} corners", "shape_large",
            f"has {count} corners, at most {MAX_CORNERS} are taken; simplify it or cut it up",
            count=count, limit=MAX_CORNERS,
        )  # fmt: skip
        shapes[number] = None
        there[number] = False
    for number in np.flatnonzero(there & (repair | other | flat)).tolist():
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
    if repair and _is_scribble(shape):
        quoted = str(shapely.to_wkt(shape, rounding_precision=6))[:60]
        raise Refused("", quoted, "polygon_scribble", "crosses itself all over; draw it again")
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


def _is_scribble(polygon: Any) -> bool:
    """Whether the edges of a large polygon lie on top of each other, so that a repair would take hours.

    Judged by 200 edges spread over it: the boxes of a real outline's edges meet few others.
    """
    xy = shapely.get_coordinates(polygon)
    if len(xy) < 1000:
        return False
    edges: NDArray[np.object_] = np.asarray(shapely.linestrings(np.stack([xy[:-1], xy[1:]], axis=1)))
    some = edges[:: max(1, len(edges) // 200)]
    return bool(shapely.STRtree(edges).query(some).shape[1] > SCRIBBLE * len(some))


def _rings(polygon: Any) -> int:
    """Shells and holes of all its parts."""
    return len(shapely.get_rings(shapely.get_parts(polygon)))


# -- gates -----------------------------------------------------------------------------------------


def _find_gates(
    reading: Reading, at: dict[str, int], datum: str, places: Places, *, northing_first: bool
) -> None:
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
    if northing_first:
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
        lon = degrees_of(row[at["gate_lon"]], _heading(reading, at, "gate_lon"), "lon")
        lat = degrees_of(row[at["gate_lat"]], _heading(reading, at, "gate_lat"), "lat")
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
