"""Around a printed map: title, mark, frame, north arrow, scale bar, legend, settings, date and source."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import shapely
from PIL import Image, ImageDraw

from .i18n import Lang, text
from .map_fonts import Fonts
from .map_ink import Area, Canvas, Line, Mark, Style
from .map_plane import Plane, bar_metres, px
from .official_document import date_words

_INK, _SOFT, _RULE = "#111111", "#4A5560", "#9AA3AE"
_TITLE_MM, _MARK_MM, _HEAD_MM, _WORD_MM, _SMALL_MM = 6.4, 4.0, 3.5, 3.1, 2.75
_ROW_MM, _LINE_MM, _SCALE_MM, _GAP_MM = 5.8, 4.1, 54.0, 4.0
_SWATCH_MM = (9.0, 4.6)


@dataclass(frozen=True)
class Paper:
    """A sheet in millimetres; beside the frame (`side`) or below it stands what explains the map."""

    width: float
    height: float
    margin: float
    frame_width: float
    side: bool


_PAPERS = {
    "portrait": Paper(210, 297, 10, 190, side=False),
    "landscape": Paper(297, 210, 10, 190, side=True),
    "figure": Paper(156, 205, 0, 156, side=False),
}


def paper_of(name: str) -> Paper:
    """A sheet by its name: portrait, landscape or figure."""
    return _PAPERS[name]


class Pen:
    """Writes on the sheet; places are pixels."""

    def __init__(self, picture: Image.Image, fonts: Fonts) -> None:
        self.picture, self.fonts = picture, fonts
        self.draw = ImageDraw.Draw(picture)

    def left(
        self, words: str, x: float, y: float, mm: float, colour: str = _INK, *, bold: bool = False
    ) -> float:
        """Words whose capital letters are centred on `y`; how wide they are."""
        font = self.fonts.at(px(mm), bold=bold)
        told = self.fonts.told(words)
        self.draw.text((x, y), told, font=font, fill=colour, anchor="lm")
        return font.getlength(told)

    def right(self, words: str, x: float, y: float, mm: float, colour: str = _INK) -> None:
        """Words that end at `x`."""
        self.draw.text((x, y), self.fonts.told(words), font=self.fonts.at(px(mm)), fill=colour, anchor="rm")

    def centred(
        self,
        words: str,
        x: float,
        y: float,
        size: int,
        colour: str,
        *,
        bold: bool = False,
        halo: bool = False,
    ) -> None:
        """Words around a place."""
        edge = max(size // 9, 3) if halo else 0
        self.draw.text(
            (x, y), self.fonts.told(words), font=self.fonts.at(size, bold=bold), fill=colour, anchor="mm",
            stroke_width=edge, stroke_fill="#FFFFFF",
        )  # fmt: skip

    def turned(self, words: str, x: float, y: float, degrees: float, size: int, colour: str) -> None:
        """Words around a place, turned clockwise, with a white edge."""
        told, font = self.fonts.told(words), self.fonts.at(size)
        edge = max(size // 8, 3)
        room = (math.ceil(font.getlength(told)) + 4 * edge, 2 * size + 4 * edge)
        tile = Image.new("RGBA", room, (255, 255, 255, 0))
        ImageDraw.Draw(tile).text(
            (room[0] / 2, room[1] / 2), told, font=font, fill=colour, anchor="mm",
            stroke_width=edge, stroke_fill="#FFFFFF",
        )  # fmt: skip
        tile = tile.rotate(-degrees, resample=Image.Resampling.BICUBIC, expand=True)
        self.picture.paste(tile, (round(x - tile.width / 2), round(y - tile.height / 2)), tile)

    def lines(self, words: str, width: float, mm: float) -> list[str]:
        """Words broken into lines of a width; Latin words stay whole."""
        font = self.fonts.at(px(mm))
        return wrapped(self.fonts.told(words), width, font.getlength)


def wrapped(words: str, width: float, measure: Callable[[str], float]) -> list[str]:
    """Lines no wider than `width`, broken between Chinese signs or after spaces."""
    lines, line = [], ""
    for piece in re.findall(r"[!-~]+ ?|.", words):
        if line and measure((line + piece).rstrip()) > width:
            lines.append(line.rstrip())
            line = ""
        line += piece
    return [*lines, line.rstrip()] if line.strip() else lines


class Panel:
    """Where the frame lies on the sheet, and all that stands around it.

    `frame_mm` is (left, top, width, height).
    """

    def __init__(
        self, paper: Paper, fonts: Fonts, lang: Lang, legend: Sequence[tuple[Style, str]], settings: str,
        source: str, day: date | None, *, title: str, internal: bool,
    ) -> None:  # fmt: skip
        self.paper, self.lang, self.legend = paper, lang, legend
        self.title, self.internal, self.day = title, internal, day
        self._told = [text("map_sheet.settings", lang, settings=settings)] if settings else []
        self._source = text("map_sheet.source", lang, source=source) if source else ""
        self._date = text("map_sheet.day", lang, day=date_words(day, lang)) if day else ""
        measure = fonts.at(px(_SMALL_MM)).getlength
        band = 14.0 if title else 9.0 if internal else 0.0
        top = paper.margin + band
        self._columns = 1 if paper.side else 3 if paper.frame_width > 170 else 2
        self._rows = math.ceil(len(legend) / self._columns)
        if paper.side:
            below = 0.0
        else:
            lines = sum(len(wrapped(fonts.told(line), px(paper.frame_width), measure)) for line in self._told)
            lines += 2  # what cannot be seen, date and source
            self._block = max((7.0 if legend else 0) + self._rows * _ROW_MM, 17.0)
            below = _GAP_MM + self._block + lines * _LINE_MM
        height = paper.height - paper.margin - top - below - (0.0 if paper.margin else 0.5)
        self.frame_mm = (paper.margin, top, paper.frame_width, height)

    def draw(self, pen: Pen, plane: Plane, notices: Sequence[str]) -> None:
        """Everything around the map."""
        left, top, width, height = self.frame_mm
        self._band(pen)
        self._north(pen, plane)
        if self.paper.side:
            x = left + width + 6
            room = self.paper.width - self.paper.margin - x
            y = self._legend(pen, x, top + 1, room)
            self._scale(pen, plane, x, y + 6, room)
            told = [*self._told, *notices, self._date, self._source]
            lines = [line for words in told if words for line in pen.lines(words, px(room), _SMALL_MM)]
            self._lines(pen, lines, x, top + height - len(lines) * _LINE_MM)
        else:
            y = top + height + _GAP_MM
            self._legend(pen, left, y, width - _SCALE_MM)
            self._scale(pen, plane, left + width - _SCALE_MM + 4, y, _SCALE_MM - 4)
            lines = [line for words in self._told for line in pen.lines(words, px(width), _SMALL_MM)]
            end = text("map_sheet.and", self.lang).join(part for part in (self._date, self._source) if part)
            lines += [" ".join(notices), end] if notices else [end]
            self._lines(pen, lines, left, self.paper.height - self.paper.margin - len(lines) * _LINE_MM)
        edge = (px(left), px(top), px(left) + px(width) - 1, px(top) + px(height) - 1)
        pen.draw.rectangle(edge, outline="#000000", width=5)

    def _band(self, pen: Pen) -> None:
        """Title in the middle, the mark to the left."""
        y = px(self.paper.margin + (5.5 if self.title else 4))
        used = 0.0
        if self.internal:
            x = px(self.paper.margin)
            words = text("paper.internal", self.lang)
            used = pen.left(words, x + px(1.6), y, _MARK_MM, bold=True) + px(3.2)
            pen.draw.rectangle((x, y - px(3.3), x + used, y + px(3.3)), outline=_INK, width=4)
        room = px(self.paper.width - 2 * self.paper.margin) - 2 * used - px(4)
        size = px(_TITLE_MM)
        told = pen.fonts.told(self.title)
        while size > px(3) and pen.fonts.at(size, bold=True).getlength(told) > room:
            size -= 2
        pen.centred(told, px(self.paper.width / 2), y, size, _INK, bold=True)

    def _legend(self, pen: Pen, x: float, y: float, room: float) -> float:
        """Swatches with words in columns; the place below, in mm."""
        if not self.legend:
            return y
        pen.left(text("map_sheet.legend", self.lang), px(x), px(y + 2.2), _HEAD_MM, bold=True)
        column = room / self._columns
        for index, (style, words) in enumerate(self.legend):
            at_x = x + index // self._rows * column
            at_y = y + 7 + index % self._rows * _ROW_MM
            pen.picture.paste(swatch(style), (px(at_x), px(at_y)))
            font = pen.fonts.at(px(_WORD_MM))
            told = pen.fonts.told(words)
            wide = px(column - _SWATCH_MM[0] - 4)
            while len(told) > 2 and font.getlength(told) > wide:
                told = told.removesuffix("…")[:-1] + "…"
            pen.left(told, px(at_x + _SWATCH_MM[0] + 2), px(at_y + _SWATCH_MM[1] / 2), _WORD_MM)
        return y + 7 + self._rows * _ROW_MM

    def _scale(self, pen: Pen, plane: Plane, x: float, y: float, room: float) -> None:
        """1 : n and a bar of a round length, exact to the pixel."""
        number = f"{plane.scale:,}".replace(",", " ")
        pen.left(text("map_sheet.scale", self.lang, scale=number), px(x), px(y + 2.2), _HEAD_MM, bold=True)
        metres = bar_metres(plane, room - 8)
        high = px(1.7)
        left, top = px(x), px(y + 10.4)
        ends = [left + round(metres * plane.px_per_m * part / 4) for part in range(5)]
        pen.draw.rectangle((left, top, ends[4] - 1, top + high), fill="#FFFFFF", outline="#000000", width=2)
        for part in (0, 2):
            pen.draw.rectangle((ends[part], top, ends[part + 1], top + high), fill="#000000")
        unit, per = ("km", 1000) if metres >= 1000 else ("m", 1)
        for end, share in ((ends[0], 0.0), (ends[2], 0.5), (ends[4], 1.0)):
            words = f"{metres * share / per:g}"
            words += f" {text(f'map_sheet.{unit}', self.lang)}" if share == 1 else ""
            pen.centred(words, end, top - px(2.3), px(_SMALL_MM), _INK)
        pen.left(text("map_sheet.unscaled", self.lang), left, top + px(4.6), _SMALL_MM - 0.2, _SOFT)

    def _lines(self, pen: Pen, lines: Sequence[str], x: float, y: float) -> None:
        for number, line in enumerate(lines):
            pen.left(line, px(x), px(y + (number + 0.55) * _LINE_MM), _SMALL_MM, _SOFT)

    def _north(self, pen: Pen, plane: Plane) -> None:
        """An arrow to true north, turned against the grid of the plane."""
        left, top, width, _ = self.frame_mm
        wide, high = px(13), px(19)
        x, y = px(left) + px(width) - wide - px(2), px(top) + px(2)
        pen.draw.rectangle((x, y, x + wide, y + high), fill="#FFFFFF", outline=_RULE, width=2)
        fine = 4
        tile = Image.new("RGB", (wide * fine - 16, px(11.5) * fine), "#FFFFFF")
        turn = math.radians(plane.north)
        spin = np.array([(math.cos(turn), math.sin(turn)), (-math.sin(turn), math.cos(turn))])
        for corners, colour in (
            ([(0, -5.4), (3.0, 5.2), (0, 3.2)], "#000000"),
            ([(0, -5.4), (-3.0, 5.2), (0, 3.2)], "#FFFFFF"),
        ):
            xy = np.array(corners) @ spin * px(1) * fine + (tile.width / 2, tile.height / 2)
            places = [tuple(corner) for corner in xy.tolist()]
            pen_tile = ImageDraw.Draw(tile)
            pen_tile.polygon(places, fill=colour)
            pen_tile.line([*places, places[0]], fill="#000000", width=2 * fine, joint="curve")
        pen.picture.paste(tile.reduce(fine), (x + 2, y + px(6.4)))
        pen.centred(text("map_sheet.north", self.lang), x + wide / 2, y + px(3.8), px(3.8), _INK, bold=True)


def swatch(style: Style) -> Image.Image:
    """A piece of the map for the legend, drawn by what draws the map."""
    wide, high = (px(side) for side in _SWATCH_MM)
    canvas = Canvas(wide, high)
    shape: shapely.Geometry
    if isinstance(style, Mark):
        shape = shapely.Point(wide / 2, high / 2)
    elif isinstance(style, Line):
        shape = shapely.LineString([(4, high / 2), (wide - 4, high / 2)])
    else:
        shape = shapely.box(6, 6, wide - 6, high - 6)
    canvas.style(np.array([shape], dtype=object), style)
    if isinstance(style, Area) and style.outline is None:
        canvas.lines(np.array([shape], dtype=object), Line("#6B7480", 0.12))
    return canvas.printed()
