"""Maps for paper: A4 at 300 dpi with scale bar, north arrow, legend, settings, date and source.

Drawn on the metric plane of the place from own vectors alone: no tiles, no network, no outline of a
country. The same input gives the same bytes. Marks differ by shape and areas by pattern as well as by
colour, so a grey print says the same.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from PIL import Image

from geo.errors import LayerError

from .i18n import Lang, text
from .label_places import Box, around, beside
from .map_fonts import Fonts, find_fonts
from .map_furniture import Panel, Pen, paper_of
from .map_ink import CARD_MARKS, Area, Canvas, Line, Mark, Style, spots
from .map_plane import DPI, Geometries, Plane, plane_around, px
from .map_streets import NAME_PX, draw_streets, named_streets, streets_of
from .street_names import Street, street_names

__all__ = ["CARD_MARKS", "Area", "Line", "Mark", "Picture", "Theme", "map_sheet"]

Floats = NDArray[np.float64]

_LABEL_MM, _AREA_LABEL_MM, _MOST_LABELS = 2.6, 3.4, 200
_BLACK = "#111111"
_AROUND_MARK = np.array([(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)], dtype=np.float64)


def _steps() -> Floats:
    """Where else a label may stand, the near places first."""
    grid = [(x, y) for x in range(-5, 6) for y in range(-6, 7)]
    return np.array(sorted(grid, key=lambda one: (math.hypot(*one), one)), dtype=np.float64)


_STEPS = _steps()


@dataclass(frozen=True)
class Theme:
    """Some features that are drawn alike.

    Parameters
    ----------
    table : GeoDataFrame, EPSG:4326
        Points, lines or areas; rows without a place are passed over.
    style : Mark, Line or Area
        A mark for a line or an area stands on a place within it; a line for an area is its outline.
    legend : str
        What the legend says; not in the legend if empty.
    label : str
        The column whose text stands beside each feature; none if empty.
    """

    table: gpd.GeoDataFrame
    style: Style
    legend: str = ""
    label: str = ""


@dataclass(frozen=True)
class Picture:
    """A sheet as PNG, how large it is on paper, its scale 1 : n there, and what it says it does not show."""

    png: bytes
    width_mm: float
    height_mm: float
    scale: int
    notices: tuple[str, ...] = ()


def map_sheet(
    themes: Sequence[Theme],
    lang: Lang,
    *,
    title: str = "",
    roads: gpd.GeoDataFrame | None = None,
    around: gpd.GeoDataFrame | gpd.GeoSeries | None = None,
    scale: int | None = None,
    paper: str = "portrait",
    settings: str = "",
    source: str = "",
    day: date | None = None,
    internal: bool = True,
) -> Picture:
    """A map for paper.

    Parameters
    ----------
    themes : sequence of Theme
        Drawn in this order, the last on top.
    title : str
        Above the map; a picture in a document has its caption there instead.
    roads : GeoDataFrame or None, EPSG:4326
        The road layer; what lies outside is left out here.
    around : EPSG:4326, optional
        What the map shows; by default all that is drawn.
    scale : int, optional
        The n of 1 : n; by default the largest round one at which all of `around` fits. On a sheet
        1 : 10 000 shows a disc of 500 m and 1 : 25 000 one of 2 km.
    paper : "portrait", "landscape" or "figure"
        A4, or 156 x 205 mm for a page of an official document, where it must be placed at that width.
    settings, source : str
        How the figures came about; whose data it is.
    day : date, optional
        The date of the sheet.
    internal : bool
        Whether it is marked 内部资料.

    Raises
    ------
    LayerError
        `map_empty`: nothing to draw. `map_font_missing`, `map_font_unfit`: see `find_fonts`.
    DesignError
        `map_scale`.
    """
    fonts = find_fonts(lang)
    sheet = paper_of(paper)
    legend = [(theme.style, theme.legend) for theme in themes if theme.legend]
    panel = Panel(sheet, fonts, lang, legend, settings, source, day, title=title, internal=internal)
    plane = plane_around(_shown(themes, around), px(panel.frame_mm[2]), px(panel.frame_mm[3]), scale)
    drawn = _Drawn(plane, themes, fonts)
    picture = Image.new("RGB", (px(sheet.width), px(sheet.height)), "#FFFFFF")
    picture.paste(drawn.picture(roads), (px(panel.frame_mm[0]), px(panel.frame_mm[1])))
    notices = drawn.notices(lang)
    panel.draw(Pen(picture, fonts), plane, notices)
    out = io.BytesIO()
    picture.save(out, format="PNG", dpi=(DPI, DPI), compress_level=6)
    return Picture(out.getvalue(), sheet.width, sheet.height, plane.scale, tuple(notices))


def _shown(themes: Sequence[Theme], around: gpd.GeoDataFrame | gpd.GeoSeries | None) -> Geometries:
    tables = [theme.table for theme in themes] if around is None else [around]
    shapes = np.concatenate([np.empty(0, dtype=object), *(table.geometry.to_numpy() for table in tables)])
    shapes = shapes[~(shapely.is_missing(shapes) | shapely.is_empty(shapes))]
    if not len(shapes):
        raise LayerError(
            "there is nothing to draw on the map: no feature of its layers has a place; import them first, or"
            " ask for another period or area",
            code="map_empty",
        )
    return np.asarray(shapes, dtype=object)


class _Drawn:
    """The themes within the frame."""

    def __init__(self, plane: Plane, themes: Sequence[Theme], fonts: Fonts) -> None:
        self.plane, self.themes, self.fonts = plane, themes, fonts
        self.outside = 0
        self.unwritten = 0
        self._cut = [self._within(theme) for theme in themes]
        self._frame = Box(0, 0, plane.width, plane.height)
        self._taken = [Box(plane.width - px(17), 0, plane.width, px(23))]

    def _within(self, theme: Theme) -> tuple[Geometries, list[str]]:
        """What of a theme lies in the frame, in pixels, and its labels."""
        wide, high = self.plane.width, self.plane.height
        shapes = theme.table.geometry.to_numpy()
        there = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
        flat = self.plane.shapes(shapes[there])
        cut = shapely.clip_by_rect(shapely.make_valid(flat), -60, -60, wide + 60, high + 60)
        kept = ~shapely.is_empty(cut)
        if isinstance(theme.style, Mark):
            kept &= shapely.intersects(cut, shapely.box(0, 0, wide, high))
            self.outside += int(np.sum(~kept))
        names = theme.table[theme.label].to_numpy()[there][kept] if theme.label else []
        told = [name if isinstance(name, str) else "" for name in names]
        return np.asarray(cut[kept], dtype=object), told

    def picture(self, roads: gpd.GeoDataFrame | None) -> Image.Image:
        """Areas, then roads, then lines and marks, then words."""
        canvas = Canvas(self.plane.width, self.plane.height)
        streets = streets_of(roads, self.plane)
        for under in (True, False):
            for theme, (shapes, _) in zip(self.themes, self._cut, strict=True):
                if isinstance(theme.style, Area) == under and len(shapes):
                    canvas.style(shapes, theme.style)
            if under:
                draw_streets(canvas, streets, self.plane.scale)
        printed = canvas.printed()
        self._words(Pen(printed, self.fonts), named_streets(streets, self.plane.scale))
        return printed

    def _words(self, pen: Pen, streets: Sequence[Street]) -> None:
        """Labels of features, then names of streets where there is room."""
        marks = [
            (spots(cut), theme.style.size_mm / 2)
            for theme, (cut, _) in zip(self.themes, self._cut, strict=True)
            if isinstance(theme.style, Mark) and len(cut)
        ]
        avoid = np.vstack([np.empty((0, 2)), *(places for places, _ in marks)])
        for theme, (shapes, names) in zip(self.themes, self._cut, strict=True):
            if theme.label and len(shapes):
                self._labels(pen, theme.style, shapes, names, avoid)
        self._taken += [around(x, y, px(size)) for places, size in marks for x, y in places.tolist()]
        font = self.fonts.at(NAME_PX)
        named = [street for street in streets if self.fonts.writes(street.name)]
        self.unwritten += len({street.name for street in streets}) - len({one.name for one in named})
        for words, x, y, degrees in street_names(
            named, NAME_PX, shown=lambda name: name if len(name) <= 14 else name[:13] + "…",
            width=font.getlength, frame=self._frame, taken=self._taken, avoid=avoid,
        ):  # fmt: skip
            pen.turned(words, x, y, degrees, NAME_PX, "#6B7480")

    def _labels(
        self, pen: Pen, style: Style, shapes: Geometries, names: Sequence[str], avoid: Floats
    ) -> None:
        """The labels of a theme: beside marks, within areas."""
        seen = shapely.intersection(shapes, shapely.box(*self._frame))
        told = [(shape, name) for shape, name in zip(seen, names, strict=True) if name and not shape.is_empty]
        fit = [(shape, name) for shape, name in told if self.fonts.writes(name)]
        self.unwritten += len(told) - len(fit)
        fit = fit[:_MOST_LABELS]
        if not fit:
            return
        mark = style if isinstance(style, Mark) else None
        size = px(_AREA_LABEL_MM if mark is None else _LABEL_MM)
        font = self.fonts.at(size, bold=mark is None)
        words = [self.fonts.told(name) for _, name in fit]
        sizes = [(font.getlength(one) + px(0.8), size * 1.2) for one in words]
        places = np.vstack([spots(np.array([shape], dtype=object))[:1] for shape, _ in fit])
        if mark is None:
            boxes = self._within_areas([shape for shape, _ in fit], places, sizes, avoid)
        else:
            radius = px(mark.size_mm / 2 + 0.3)
            boxes = beside(places, sizes, radius=radius, frame=self._frame, taken=self._taken, avoid=avoid)
        for one, box in zip(words, boxes, strict=True):
            if box is not None:
                self._taken.append(box)
                middle = ((box.left + box.right) / 2, (box.top + box.bottom) / 2)
                colour = "#2F3A46" if mark is None else _BLACK
                pen.centred(one, *middle, size, colour, bold=mark is None, halo=True)

    def _within_areas(
        self,
        shapes: Sequence[shapely.Geometry],
        places: Floats,
        sizes: Sequence[tuple[float, float]],
        avoid: Floats,
    ) -> list[Box | None]:
        """A free box in each area, near its middle and on few marks; None where there is none."""
        found: list[Box | None] = []
        near = avoid[:, None] + _AROUND_MARK * px(1.5)  # a mark is not only its middle
        for shape, place, (wide, high) in zip(shapes, places, sizes, strict=True):
            steps = _STEPS * (wide * 0.3, high * 0.7)
            shapely.prepare(shape)
            choices = []
            for number, (x, y) in enumerate((place + steps).tolist()):
                box = Box(x - wide / 2, y - high / 2, x + wide / 2, y + high / 2)
                others = [*self._taken, *(one for one in found if one is not None)]
                inside = number == 0 or shapely.contains_properly(shape, shapely.Point(x, y))
                if inside and box.within(self._frame) and not any(box.overlaps(other) for other in others):
                    choices.append((box.covers(near.reshape(-1, 2)), number, box))
            found.append(min(choices)[2] if choices else None)
        return found

    def notices(self, lang: Lang) -> list[str]:
        """What the reader cannot see on the sheet."""
        told = []
        if self.outside:
            told.append(text("map_sheet.outside", lang, count=self.outside))
        if self.unwritten:
            told.append(text("map_sheet.unwritten", lang, count=self.unwritten))
        return told
