"""The map of a team's day for paper: roads, legs with arrows, numbered stops, as SVG.

Drawn on the metric plane of the city from the road layer alone, so it needs no tiles and no network.
A unit of the drawing is a tenth of a millimetre on paper. It stays readable in black and white: roads
are light, legs dark with a white edge, stops are numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from shapely import LineString

from geo.crs import metric_crs, project, scale_at, to_wgs84
from layers.write import printable

from .i18n import Lang, text
from .label_places import Box, apart, around, beside
from .route_colours import colour_of
from .route_days import Day
from .street_names import Street, street_names

Floats = NDArray[np.float64]

WIDTH = 1900
"""190 mm: A4 within its margins."""
LEAST_M = 400.0
"""The map shows at least so much of the city."""
_PAD = 110.0
"""Around everything that is shown."""
_BADGE = 27.0
_LABEL = 30.0
_ROAD_LABEL = 22.0

_WIDTHS = {
    "path": 4, "alley": 6, "residential": 10, "tertiary": 16, "secondary": 20, "primary": 26, "trunk": 30,
}  # fmt: skip
"""How wide a road is drawn where a tenth of a millimetre is half a metre or less (1:5000); the least
important first."""
_EDGED = ("residential", "tertiary", "secondary", "primary", "trunk")


@dataclass(frozen=True)
class _Sheet:
    """From degrees to the drawing."""

    plane: CRS
    left: float
    top: float
    units_per_m: float
    height: float

    def place(self, lonlat: Sequence[Sequence[float]] | Floats) -> Floats:
        """(n, 2) of the drawing for positions (n, 2) in EPSG:4326."""
        return self.shapes(np.array(shapely.points(np.asarray(lonlat, dtype=np.float64).reshape(-1, 2))))

    def shapes(self, geometry: NDArray[np.object_]) -> Floats:
        return self.drawn(shapely.get_coordinates(project(geometry, self.plane)))

    def drawn(self, plane_xy: Floats) -> Floats:
        """Plane metres to the drawing; y grows downwards."""
        return (plane_xy - (self.left, self.top)) * (self.units_per_m, -self.units_per_m)

    @property
    def frame(self) -> Box:
        return Box(0, 0, WIDTH, self.height)


def route_map(day: Day, roads: gpd.GeoDataFrame | None, lang: Lang, *, height: float, source: str) -> str:
    """The map of a team as an `<svg>` element for the inside of a page.

    Parameters
    ----------
    day : Day
        With at least one stop.
    roads : GeoDataFrame or None, EPSG:4326
        `class`, `name` and lines; what lies outside the map is left out here.
    height : float
        In tenths of a millimetre; the width is `WIDTH`.
    source : str
        Whose data the roads are; stands under the map.

    Notes
    -----
    Every text of the data is escaped. No style attribute is used: the policy of the page forbids them.
    """
    sheet = _sheet(day, height)
    paths = [sheet.place(leg["path"]) for leg in day.drawn_legs()]
    at = sheet.place([call.stop["enter"] for call in day.calls])
    ends = _ends(day, sheet, lang)
    true = np.vstack([at, *([x, y] for x, y, _ in ends)])
    marks = apart(true, 2 * _BADGE + 4, Box(_BADGE, _BADGE, WIDTH - _BADGE, height - _BADGE))
    north = Box(WIDTH - 100, 16, WIDTH - 16, 140)
    bar = Box(0, height - 66, 640, height)
    said = text("sheet.source", lang, source=printable(source)) if source else ""
    foot = Box(WIDTH - 24 - _text_width(said, 20), height - 46, WIDTH, height)
    taken = [north, bar, foot, *(around(x, y, _BADGE) for x, y in marks)]
    insides = _insides(day, sheet)
    along = np.vstack([np.empty((0, 2)), *(_spread(path, 12.0) for path in (*paths, *insides))])
    names = [_short(call.name) for call in day.calls]
    sizes = [(_text_width(name, _LABEL) + 8, _LABEL * 1.15) for name in names]
    labels = beside(marks[: len(at)], sizes, radius=_BADGE + 3, frame=sheet.frame, taken=taken, avoid=along)
    taken += [box for box in labels if box is not None]
    lines = _roads(roads, sheet)
    parts = [
        f'<svg class="map" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" role="img">',
        f"<title>{escape(day.title)}</title>",
        f'<rect width="{WIDTH}" height="{height:g}" fill="#fff"/>',
        *_road_lines(lines, min(math.sqrt(sheet.units_per_m / 2), 1.0)),
        *_road_names(lines, sheet, taken, along),
        *(f'<path class="inside" d="{_path(line)}"/>' for line in insides),
        *_legs(paths, colour_of(day.team["id"])),
        *_leads(true, marks),
        *(_end(x, y, word) for (x, y), (_, _, word) in zip(marks[len(at) :], ends, strict=True)),
        *_stops(day, marks[: len(at)]),
        *(_label(name, box) for name, box in zip(names, labels, strict=True) if box is not None),
        _north(north, lang),
        _scale_bar(sheet, day, lang),
        f'<text class="halo source" x="{WIDTH - 14}" y="{height - 14:g}">{escape(said)}</text>',
        f'<rect class="frame" x="1" y="1" width="{WIDTH - 2}" height="{height - 2:g}"/>',
        "</svg>",
    ]
    return "\n".join(parts)


def scale_number(day: Day, height: float) -> int:
    """The n of 1 : n on paper, to two digits."""
    ground_m = 1 / _sheet(day, height).units_per_m  # of a tenth of a millimetre
    exact = ground_m / 1e-4
    step = int(10 ** (math.floor(math.log10(exact)) - 1))
    return round(exact / step) * step


def _sheet(day: Day, height: float) -> _Sheet:
    shown = [call.stop[end] for call in day.calls for end in ("enter", "exit")]
    shown += [day.team[end] for end in ("start", "end") if day.team[end] is not None]
    shown += [lonlat for leg in day.drawn_legs() for lonlat in leg["path"]]
    lonlat = np.array(shown, dtype=np.float64)
    middle = (lonlat.min(axis=0) + lonlat.max(axis=0)) / 2
    plane = metric_crs(float(middle[0]), float(middle[1]))
    xy = shapely.get_coordinates(project(np.array(shapely.points(lonlat)), plane))
    low, high = xy.min(axis=0), xy.max(axis=0)
    units = min((np.array((WIDTH, height)) - 2 * _PAD) / np.maximum(high - low, LEAST_M / 2))
    centre = (low + high) / 2
    return _Sheet(
        plane,
        float(centre[0] - WIDTH / 2 / units),
        float(centre[1] + height / 2 / units),
        float(units),
        height,
    )


# ------------------------------------------------------------------------------------------- roads


@dataclass(frozen=True)
class _Line:
    """One line of a road on the drawing."""

    kind: str
    name: str
    xy: Floats


def _roads(roads: gpd.GeoDataFrame | None, sheet: _Sheet) -> list[_Line]:
    if roads is None or roads.empty:
        return []
    corners = np.array([(0, 0), (WIDTH, 0), (WIDTH, sheet.height), (0, sheet.height)], dtype=np.float64)
    plane = corners / (sheet.units_per_m, -sheet.units_per_m) + (sheet.left, sheet.top)
    degrees = np.column_stack(to_wgs84(plane[:, 0], plane[:, 1], f"EPSG:{sheet.plane.to_epsg()}"))
    (west, south), (east, north) = degrees.min(axis=0), degrees.max(axis=0)
    near = roads.iloc[roads.sindex.query(shapely.box(west, south, east, north))]
    flat = shapely.transform(project(near.geometry.to_numpy(), sheet.plane), sheet.drawn)
    cut = shapely.clip_by_rect(shapely.simplify(flat, 1.0), -40, -40, WIDTH + 40, sheet.height + 40)
    return [
        _Line(kind, name if isinstance(name, str) else "", shapely.get_coordinates(part))
        for shape, kind, name in zip(cut, near["class"], near["name"], strict=True)
        for part in shapely.get_parts(shape)
        if part.geom_type == "LineString"
    ]


def _road_lines(lines: Sequence[_Line], thin: float) -> list[str]:
    """Edges of all roads first, so that crossings look open; a class as one path, thin on a small scale."""
    drawn = {kind: " ".join(_path(line.xy) for line in lines if line.kind == kind) for kind in _WIDTHS}
    edges = [
        f'<path class="road edge" stroke-width="{_WIDTHS[kind] * thin + 5:.1f}" d="{drawn[kind]}"/>'
        for kind in _EDGED
        if drawn[kind]
    ]
    fills = [
        f'<path class="road {kind}" stroke-width="{width * thin:.1f}" d="{drawn[kind]}"/>'
        for kind, width in _WIDTHS.items()
        if drawn[kind]
    ]
    return edges + fills


def _road_names(lines: Sequence[_Line], sheet: _Sheet, taken: list[Box], along: Floats) -> list[str]:
    """The name of each road once, along its longest straight piece that has room; great roads first."""
    order = list(_WIDTHS)
    streets = (Street(line.name, order.index(line.kind), line.xy) for line in lines if line.kind in _WIDTHS)
    found = street_names(
        streets, _ROAD_LABEL, shown=lambda name: _short(printable(name)),
        width=lambda words: _text_width(words, _ROAD_LABEL), frame=sheet.frame, taken=taken, avoid=along,
    )  # fmt: skip
    return [
        f'<text class="halo street" x="{x:.0f}" y="{y + _ROAD_LABEL * 0.36:.0f}" font-size="{_ROAD_LABEL:g}"'
        f' text-anchor="middle" transform="rotate({degrees:.1f} {x:.0f} {y:.0f})">{escape(words)}</text>'
        for words, x, y, degrees in found
    ]


# -------------------------------------------------------------------------------------------- legs


def _legs(paths: Sequence[Floats], colour: str) -> list[str]:
    """Each leg a little to the right of its road, so that there and back stay apart, and its arrows."""
    moved = [_to_the_right(path, 7.0) for path in paths]
    lines = [_path(path) for path in moved]
    edges = [f'<path class="leg" stroke="#fff" stroke-width="20" d="{line}"/>' for line in lines]
    fills = [f'<path class="leg" stroke="{colour}" stroke-width="12" d="{line}"/>' for line in lines]
    return [*edges, *fills, *(_arrow(*arrow) for path in moved for arrow in _arrows(path))]


def _to_the_right(path: Floats, by: float) -> Floats:
    """A line beside a line; the line itself where it is too winding for that."""
    line = LineString(LineString(path).simplify(1.0).coords)
    if line.length < 4 * by:
        return path
    # on paper y grows downwards: the left of shapely is the right of the road
    moved = line.offset_curve(by)
    fits = moved.geom_type == "LineString" and 0.8 < moved.length / line.length < 1.25
    return np.asarray(shapely.get_coordinates(moved)) if fits else path


def _arrows(path: Floats) -> list[tuple[float, float, float]]:
    """Places (x, y, degrees) of arrows, one in the middle of a leg and more on a long one."""
    line = LineString(path)
    if line.length < 40:
        return []
    count = max(round(line.length / 260), 1)
    found = []
    for index in range(count):
        at = line.length * (index + 0.5) / count
        a, b = (np.array(line.interpolate(place).coords[0]) for place in (max(at - 9, 0.0), at + 9))
        found.append((*((a + b) / 2), math.degrees(math.atan2(b[1] - a[1], b[0] - a[0]))))
    return found


def _arrow(x: float, y: float, degrees: float) -> str:
    turn = f"translate({x:.0f} {y:.0f}) rotate({degrees:.0f})"
    return f'<path class="arrow" transform="{turn}" d="M-13 -14L17 0L-13 14L-6 0Z"/>'


def _insides(day: Day, sheet: _Sheet) -> list[Floats]:
    """A line where a stop is entered at one end and left at the other."""
    return [
        sheet.place([call.stop["enter"], call.stop["exit"]])
        for call in day.calls
        if call.stop["enter"] != call.stop["exit"]
    ]


# ------------------------------------------------------------------------------- stops and margins


def _leads(true: Floats, marks: Floats) -> list[str]:
    """A line from each mark that had to give way to its true place."""
    told = []
    for place, mark in zip(true, marks, strict=True):
        if np.hypot(*(place - mark)) > 6:
            told.append(f'<path class="lead" d="{_path(np.array([place, mark]))}"/>')
            told.append(f'<circle cx="{place[0]:.0f}" cy="{place[1]:.0f}" r="8"/>')
    return told


def _stops(day: Day, marks: Floats) -> list[str]:
    """A numbered disc per stop."""
    told = []
    for call, (x, y) in zip(day.calls, marks, strict=True):
        told.append(f'<circle class="badge" cx="{x:.0f}" cy="{y:.0f}" r="{_BADGE:g}"/>')
        told.append(
            f'<text class="number" x="{x:.0f}" y="{y + 11:.0f}" text-anchor="middle"'
            f' font-size="{31 if call.stop["number"] < 100 else 24}">{call.stop["number"]}</text>'
        )
    return told


def _ends(day: Day, sheet: _Sheet, lang: Lang) -> list[tuple[float, float, str]]:
    """Where the team starts and ends, with the letter that stands there; one for both at one place."""
    start, end = day.team["start"], day.team["end"]
    if start is not None and start == end:
        return [(*sheet.place([start])[0], text("sheet.start_end", lang))]
    letters = ((start, text("sheet.start", lang)), (end, text("sheet.end", lang)))
    return [(*sheet.place([lonlat])[0], letter) for lonlat, letter in letters if lonlat is not None]


def _end(x: float, y: float, word: str) -> str:
    half, side = _BADGE - 2, 2 * _BADGE - 4
    size = 28 if len(word) == 1 else 21
    return (
        f'<rect class="end" x="{x - half:.0f}" y="{y - half:.0f}" width="{side:g}" height="{side:g}"/>'
        f'<text class="word" x="{x:.0f}" y="{y + size * 0.36:.0f}" text-anchor="middle" font-size="{size}">'
        f"{escape(word)}</text>"
    )


def _label(name: str, box: Box) -> str:
    y = box.bottom - (box.bottom - box.top) * 0.26
    place = f'x="{box.left + 4:.0f}" y="{y:.0f}" font-size="{_LABEL:g}"'
    return f'<text class="halo name" {place}>{escape(name)}</text>'


def _north(box: Box, lang: Lang) -> str:
    x, y = (box.left + box.right) / 2, box.top
    return (
        f'<path d="M{x:g} {y:g}l26 78l-26 -18l-26 18z" fill="#222"/>'
        f'<text class="halo" x="{x:g}" y="{y + 112:g}" text-anchor="middle" font-size="30">'
        f"{text('sheet.north', lang)}</text>"
    )


def _scale_bar(sheet: _Sheet, day: Day, lang: Lang) -> str:
    """A bar of a round length on the ground, at most a quarter of the width."""
    lon, lat = day.calls[0].stop["enter"]
    units = sheet.units_per_m * float(scale_at(sheet.plane, [lon], [lat])[0])
    room = WIDTH / 4 / units
    power = 10.0 ** math.floor(math.log10(room))
    metres = next(step * power for step in (5, 2, 1) if step * power <= room)
    wide, x, y = metres * units, 24, sheet.height - 24
    half = wide / 2
    words = f"{metres:g} m" if metres < 1000 else f"{metres / 1000:g} km"
    scale = text("sheet.scale", lang, scale=f"{scale_number(day, sheet.height):,}".replace(",", " "))
    return (
        f'<rect class="margin" x="{x - 10}" y="{y - 44:g}" width="{wide + 320:.0f}" height="58"/>'
        f'<rect class="half" x="{x}" y="{y - 10:g}" width="{half:.1f}" height="10"/>'
        f'<rect class="bar" x="{x}" y="{y - 10:g}" width="{wide:.1f}" height="10"/>'
        f'<text x="{x}" y="{y - 18:g}" font-size="22">0</text>'
        f'<text x="{x + wide:.0f}" y="{y - 18:g}" font-size="22" text-anchor="middle">{words}</text>'
        f'<text x="{x + wide + 44:.0f}" y="{y:g}" font-size="22">{escape(scale)}</text>'
    )


# ------------------------------------------------------------------------------------------ drawing


def _path(xy: Floats) -> str:
    """The `d` of a line in whole units, each point as the step from the one before."""
    whole = np.rint(xy).astype(np.int64)
    steps = np.diff(whole, axis=0)
    told = [f"M{whole[0, 0]} {whole[0, 1]}"]
    told += [f"l{x} {y}" for x, y in steps if x or y]
    return "".join(told)


def _spread(path: Floats, gap: float) -> Floats:
    """Places along a line, `gap` apart."""
    found = [path[:1]]
    for a, b in pairwise(path):
        count = max(math.ceil(float(np.hypot(*(b - a))) / gap), 1)
        found.append(a + (b - a) * (np.arange(1, count + 1) / count)[:, None])
    return np.vstack(found)


def _short(name: str, most: int = 12) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"


def _text_width(words: str, size: float) -> float:
    """About how wide a text is: a Chinese character is as wide as the font is high, others about half."""
    return size * sum(0.58 if ord(sign) < 0x2E80 else 1.0 for sign in words)
