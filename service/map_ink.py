"""What a printed map is drawn with: marks, lines and areas, told apart by shape and pattern in grey too.

Drawn twice as fine as printed and then made smaller, so that slanting edges are smooth.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw

from .map_plane import PX_PER_MM, Geometries

Floats = NDArray[np.float64]
Shape = Literal["circle", "square", "triangle", "down", "diamond", "star", "plus", "cross"]
Pattern = Literal["solid", "rising", "falling", "crossed", "level", "dots"]

FINE = 2
_UNIT = PX_PER_MM * FINE
"""Pixels of the fine drawing in a millimetre."""


@dataclass(frozen=True)
class Mark:
    """A point: filled, or hollow with its colour as the edge."""

    shape: Shape
    colour: str
    size_mm: float = 2.6
    hollow: bool = False


@dataclass(frozen=True)
class Line:
    """A line, or the outline of an area; `dash_mm` are lengths drawn and left out by turns."""

    colour: str
    width_mm: float = 0.5
    dash_mm: tuple[float, ...] = ()
    edge: str = ""
    """The colour of a thin edge on both sides; none if empty."""


@dataclass(frozen=True)
class Area:
    """A filled area with or without an outline."""

    colour: str
    pattern: Pattern = "solid"
    opacity: float = 0.35
    outline: Line | None = None


Style = Mark | Line | Area

CARD_MARKS: Mapping[str, Mark] = {
    "white": Mark("circle", "#1F2933", hollow=True),
    "yellow": Mark("triangle", "#F2B705", size_mm=3.0),
    "red": Mark("square", "#C0281C"),
    "black": Mark("star", "#111111", size_mm=3.6),
}
"""The colours of cards as in the tables of a document: ○, △, ■, ★."""


def _regular(corners: int, turn: float, inner: float = 1.0) -> Floats:
    """Corners of a polygon in a circle of radius 1, every second one drawn in by `inner`."""
    count = corners * (1 if inner == 1.0 else 2)
    angle = np.radians(turn) + np.arange(count) * math.tau / count
    radius = np.where(np.arange(count) % 2 == 0, 1.0, inner)
    return np.column_stack([radius * np.sin(angle), -radius * np.cos(angle)])


_PLUS = np.array(
    [(-1, -3), (1, -3), (1, -1), (3, -1), (3, 1), (1, 1),
     (1, 3), (-1, 3), (-1, 1), (-3, 1), (-3, -1), (-1, -1)]
) / 3.2  # fmt: skip
_HALF = math.sqrt(0.5)
_OUTLINES: Mapping[str, Floats] = {
    "square": _regular(4, 45) * 1.12,
    "triangle": _regular(3, 0) * 1.15 + (0, 0.14),
    "down": _regular(3, 180) * 1.15 - (0, 0.14),
    "diamond": _regular(4, 0) * 1.1,
    "star": _regular(5, 0, 0.45) * 1.15,
    "plus": _PLUS,
    "cross": _PLUS @ np.array([(_HALF, _HALF), (-_HALF, _HALF)]),
}


class Canvas:
    """The fine drawing; places are pixels of the print.

    Parameters
    ----------
    width, height : int
        Pixels of the print.
    """

    def __init__(self, width: int, height: int) -> None:
        self.image = Image.new("RGB", (width * FINE, height * FINE), "#FFFFFF")
        self._draw = ImageDraw.Draw(self.image)

    def printed(self) -> Image.Image:
        """The drawing as it is printed."""
        return self.image.reduce(FINE)

    def style(self, shapes: Geometries, style: Style) -> None:
        """Draw geometries, already in pixels and cut to the frame, in a style."""
        if isinstance(style, Mark):
            self.marks(spots(shapes), style)
        elif isinstance(style, Line):
            self.lines(shapes, style)
        else:
            self.areas(shapes, style)

    # ------------------------------------------------------------------------------- points

    def marks(self, places: Floats, mark: Mark) -> None:
        """A mark at each place; the lower on the sheet, the later, so that rows overlap like tiles."""
        for x, y in places[np.lexsort((places[:, 0], places[:, 1]))] * FINE:
            self._mark(float(x), float(y), mark)

    def _mark(self, x: float, y: float, mark: Mark) -> None:
        radius = mark.size_mm / 2 * _UNIT
        edge = 0.16 * _UNIT
        fill, rim = ("#FFFFFF", mark.colour) if mark.hollow else (mark.colour, "#1A1A1A")
        inner = radius - (0.42 * _UNIT if mark.hollow else edge)
        for size, colour in ((radius + 0.22 * _UNIT, "#FFFFFF"), (radius, rim), (inner, fill)):
            if mark.shape == "circle":
                self._draw.ellipse((x - size, y - size, x + size, y + size), fill=colour)
            else:
                corners = _OUTLINES[mark.shape] * size + (x, y)
                self._draw.polygon([tuple(corner) for corner in corners.tolist()], fill=colour)

    # -------------------------------------------------------------------------------- lines

    def lines(self, shapes: Geometries, line: Line) -> None:
        """Lines, and the outlines of areas; a border that two areas share is drawn once if it is dashed."""
        paths = list(_paths(shapes, once=bool(line.dash_mm)))
        if line.edge:
            self.strokes(paths, line.edge, line.width_mm + 0.3)
        if line.dash_mm:
            unit = PX_PER_MM
            paths = [piece for path in paths for piece in _dashes(path, [unit * mm for mm in line.dash_mm])]
        self.strokes(paths, line.colour, line.width_mm)

    def strokes(self, paths: Iterable[Floats], colour: str, width_mm: float) -> None:
        """Plain lines of a width on paper."""
        width = max(round(width_mm * _UNIT), 1)
        for path in paths:
            xy = (path * FINE).ravel().tolist()
            self._draw.line(xy, fill=colour, width=width, joint="curve" if width > 3 else None)

    # -------------------------------------------------------------------------------- areas

    def areas(self, shapes: Geometries, area: Area) -> None:
        """Areas with their holes, and then their outlines."""
        mask = Image.new("L", self.image.size, 0)
        pen = ImageDraw.Draw(mask)
        parts = [part for part in shapely.get_parts(shapes) if part.geom_type == "Polygon"]
        level = 255 if area.pattern != "solid" else round(255 * area.opacity)
        for part in sorted(parts, key=lambda one: -one.area):
            pen.polygon((shapely.get_coordinates(part.exterior) * FINE).ravel().tolist(), fill=level)
            for hole in part.interiors:
                pen.polygon((shapely.get_coordinates(hole) * FINE).ravel().tolist(), fill=0)
        box = mask.getbbox()
        if box is None:
            return
        mask = mask.crop(box)
        if area.pattern != "solid":
            mask = ImageChops.multiply(mask, pattern_mask(area.pattern, box))
        self.image.paste(area.colour, box, mask)
        if area.outline is not None:
            self.lines(shapes, area.outline)


def pattern_mask(pattern: Pattern, box: Sequence[int]) -> Image.Image:
    """Where a pattern carries ink inside a box of the fine drawing; one box continues the other."""
    left, top, right, bottom = box
    row, column = np.ogrid[top:bottom, left:right]
    step, pen = round(1.5 * _UNIT), round(0.28 * _UNIT)
    full = np.broadcast_to(False, (bottom - top, right - left))
    if pattern in ("rising", "crossed"):
        full = full | ((row + column) % step < pen * 1.4)
    if pattern in ("falling", "crossed"):
        full = full | ((column - row) % step < pen * 1.4)
    if pattern == "level":
        full = full | (row % step < pen)
    if pattern == "dots":
        near = (
            np.minimum(row % step, step - row % step) ** 2
            + np.minimum(column % step, step - column % step) ** 2
        )
        full = near < (1.1 * pen) ** 2
    return Image.fromarray(np.where(full, 255, 0).astype(np.uint8))


def spots(shapes: Geometries) -> Floats:
    """(n, 2) places of points; of a line or an area a place on it."""
    parts = shapely.get_parts(shapes)
    parts = parts[~shapely.is_empty(parts)]
    flat = np.where(shapely.get_type_id(parts) == 0, parts, shapely.point_on_surface(parts))
    return np.asarray(shapely.get_coordinates(flat), dtype=np.float64)


def _paths(shapes: Geometries, *, once: bool) -> Iterable[Floats]:
    """Coordinates of lines and of outlines."""
    parts = shapely.get_parts(shapes)
    kinds = shapely.get_type_id(parts)
    edges = shapely.boundary(parts[kinds == 3])
    if once and len(edges):
        edges = shapely.get_parts(np.array([shapely.line_merge(shapely.union_all(edges))]))
    for line in (*parts[(kinds == 1) | (kinds == 2)], *shapely.get_parts(edges)):
        yield np.asarray(shapely.get_coordinates(line), dtype=np.float64)


def _dashes(path: Floats, pattern: Sequence[float]) -> list[Floats]:
    """Pieces of a line: the first, third, ... length of the pattern drawn, over and over."""
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
    turns = math.ceil(along[-1] / sum(pattern)) if along[-1] else 0
    ends = np.concatenate([[0.0], np.cumsum(np.tile(pattern, turns))]) if turns else np.zeros(1)
    pieces = []
    for index, (start, end) in enumerate(pairwise(ends.tolist())):
        if index % 2 == 0 and start < along[-1]:
            stop = min(end, along[-1])
            at = np.concatenate([[start], along[(along > start) & (along < stop)], [stop]])
            pieces.append(np.column_stack([np.interp(at, along, path[:, side]) for side in (0, 1)]))
    return pieces
