"""A hotspot map that leaves the house: one picture with its legend, one page that asks no network.

The picture is drawn with the font that comes with Pillow, so its words are English and its numbers ASCII;
all settings, Chinese ones too, stand in its text chunk `zhoubian` as JSON.
"""

from __future__ import annotations

import base64
import io
import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo
from pyproj import Transformer

from geo.crs import WGS84

from . import hotspot_pictures as pictures
from . import hotspot_words as words
from .heat_image import square_root_scale
from .i18n import Lang, text
from .maps import inlined, json_block, map_parts, map_texts, templates
from .usecases.hotspot_city import City
from .usecases.hotspot_files import Answer
from .usecases.hotspots import Comparison, Emergence, Heat, Spots

_LONG = 1100
"""Pixels of the longer side of a picture."""
_LEGEND = 330
_MARGIN = 14


@dataclass(frozen=True)
class Drawn:
    """A map and its legend.

    Parameters
    ----------
    picture : bytes
        PNG in Web Mercator.
    bounds : west, south, east, north in degrees.
    legend : list of (swatch as data address, words)
    """

    picture: bytes
    bounds: tuple[float, float, float, float]
    legend: list[tuple[str, str]]


def drawn(answer: Answer, lang: Lang) -> Drawn:
    """The picture of an answer with the words of its classes."""
    found = answer.found
    if isinstance(found, Heat):
        scale = square_root_scale(pictures.highest(found))
        rows = [(row["swatch"], f"{row['from']:g} – {row['to']:g}") for row in pictures.surface_legend(scale)]
        return Drawn(pictures.surface_picture(found, scale), pictures.surface_bounds(found), rows)
    classed = _classed(found)
    legend = [
        (
            row["swatch"],
            text("hot.cells", lang, name=words.class_words(row["name"], lang), cells=row["cells"]),
        )
        for row in classed.legend()
        if row["cells"]
    ]
    return Drawn(classed.picture(), classed.bounds, legend)


def _classed(found: Spots | Comparison | Emergence) -> pictures.Classed:
    match found:
        case Spots():
            return pictures.spots_classes(found)
        case Comparison():
            return pictures.change_classes(found)
        case Emergence():
            return pictures.emerging_classes(found)


# -- one picture -----------------------------------------------------------------------------------


def sheet(answer: Answer) -> bytes:
    """PNG: the map with the outline of the area and the numbered places, and the legend beside it."""
    shown = drawn(answer, "en")
    map_ = Image.open(io.BytesIO(shown.picture)).convert("RGBA")
    stretch = _LONG / max(map_.size)
    size = (max(1, round(map_.width * stretch)), max(1, round(map_.height * stretch)))
    kind = Image.Resampling.BOX if stretch < 1 else Image.Resampling.NEAREST
    map_ = map_.resize(size, kind)
    lines = words.lines(answer.facts(), "en", answer.wanted.to_query())
    legend = _legend(shown, answer, lines)
    whole = Image.new(
        "RGB", (size[0] + 3 * _MARGIN + _LEGEND, max(size[1], legend.height) + 2 * _MARGIN), "white"
    )
    place = _Place(shown.bounds, size)
    under = ImageDraw.Draw(whole)
    _outlines(under, answer.found.city, place)
    whole.paste(map_, (_MARGIN, _MARGIN), map_)
    over = ImageDraw.Draw(whole)
    for spot in answer.spots:
        _marker(over, place(np.array([[spot.lon, spot.lat]]))[0], str(spot.rank))
    _scale_bar(over, place, size)
    whole.paste(legend, (size[0] + 2 * _MARGIN, _MARGIN))
    info = PngInfo()
    info.add_itxt("zhoubian", json.dumps(answer.settings(), ensure_ascii=False))
    out = io.BytesIO()
    # two hundred colours are enough for a map of twelve, and a third of the bytes
    whole.quantize(200, dither=Image.Dither.NONE).save(out, format="PNG", pnginfo=info, optimize=True)
    return out.getvalue()


class _Place:
    """Degrees to pixels of the sheet."""

    def __init__(self, bounds: tuple[float, float, float, float], size: tuple[int, int]) -> None:
        self._forward = Transformer.from_crs(WGS84, 3857, always_xy=True)
        (self._west, east), (south, self._north) = self._forward.transform(bounds[::2], bounds[1::2])
        self._step = (east - self._west) / size[0], (self._north - south) / size[1]
        self.pixel_m = self._step[0] * math.cos(math.radians((bounds[1] + bounds[3]) / 2))

    def __call__(self, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
        x, y = self._forward.transform(lonlat[:, 0], lonlat[:, 1])
        return np.column_stack(
            [_MARGIN + (x - self._west) / self._step[0], _MARGIN + (self._north - y) / self._step[1]]
        )


def _outlines(draw: ImageDraw.ImageDraw, city: City, place: _Place) -> None:
    """The area, its parts and the named roads, pale, so that the reader knows where he is."""
    back = Transformer.from_crs(city.issues.crs, WGS84, always_xy=True)

    def pixels(line: Any) -> list[tuple[float, float]]:
        at = shapely.get_coordinates(line) + city.issues.origin
        return [tuple(one) for one in place(np.column_stack(back.transform(at[:, 0], at[:, 1]))).tolist()]

    roads = city.names.get("roads")
    groups: list[tuple[Any, str, int]] = [([] if roads is None else roads.tree.geometries, "#cfd6db", 1)]
    if city.districts is not None:
        groups.append((shapely.boundary(city.districts.tree.geometries), "#9aa7b0", 1))
    groups.append(([shapely.boundary(city.area)], "#37434d", 2))
    for shapes, colour, width in groups:
        for line in shapely.get_parts(shapely.simplify(np.asarray(shapes, dtype=object), 10.0)):
            draw.line(pixels(line), fill=colour, width=width)


def _marker(draw: ImageDraw.ImageDraw, at: NDArray[np.float64], number: str) -> None:
    x, y = at.tolist()
    draw.ellipse((x - 9, y - 9, x + 9, y + 9), fill="#ffffff", outline="#1f2a33", width=2)
    draw.text((x, y), number, fill="#1f2a33", font=_font(11), anchor="mm")


def _scale_bar(draw: ImageDraw.ImageDraw, place: _Place, size: tuple[int, int]) -> None:
    room = place.pixel_m * size[0] / 4
    tens = 10 ** math.floor(math.log10(room))
    metres = max(step * tens for step in (1, 2, 5) if step * tens <= room)
    x, y = _MARGIN + 6, size[1] + _MARGIN - 8
    draw.line((x, y, x + metres / place.pixel_m, y), fill="#1f2a33", width=3)
    told = f"{metres / 1000:g} km" if metres >= 1000 else f"{metres:g} m"
    draw.text((x, y - 5), told, fill="#1f2a33", font=_font(13), anchor="ls")


def _legend(shown: Drawn, answer: Answer, lines: list[tuple[str, str]]) -> Image.Image:
    """Title, unit, classes and settings below each other."""
    column = Image.new("RGB", (_LEGEND, 1600), "white")
    draw = ImageDraw.Draw(column)
    y = 0
    heading = [(words.title(answer.subject, "en"), 19), (words.unit(answer.subject, "en"), 13)]
    for told, size in heading:
        y = _paragraph(draw, y, told, size) + 4
    for swatch, told in shown.legend:
        patch = Image.open(io.BytesIO(base64.b64decode(swatch.partition(",")[2]))).convert("RGBA")
        column.paste(patch, (0, y + 2), patch)
        draw.rectangle((0, y + 2, patch.width, y + 2 + patch.height), outline="#9aa7b0")
        draw.text((patch.width + 8, y + 1), _ascii(told), fill="#1f2a33", font=_font(13))
        y += 19
    y += 8
    for label, value in lines:
        y = _paragraph(draw, y, f"{label}: {value}", 12) + 3
    return column.crop((0, 0, _LEGEND, min(column.height, y + 4)))


def _paragraph(draw: ImageDraw.ImageDraw, y: int, told: str, size: int) -> int:
    line = ""
    for word in [*_ascii(told).split(), None]:
        longer = f"{line} {word}".strip()
        if word is not None and draw.textlength(longer, font=_font(size)) <= _LEGEND:
            line = longer
            continue
        draw.text((0, y), line, fill="#1f2a33", font=_font(size))
        y += round(size * 1.35)
        line = word or ""
    return y


def _ascii(told: str) -> str:
    """With a mark for every letter that the font has not; the text chunk has them all."""
    return told.replace("–", "-").encode("ascii", "replace").decode("ascii")


def _font(size: int) -> Any:
    return ImageFont.load_default(size)


# -- one page --------------------------------------------------------------------------------------


def page(answer: Answer, lang: Lang) -> str:
    """The map, its legend, list and settings as one HTML file that opens from a disk."""
    shown = drawn(answer, lang)
    west, south, east, north = shown.bounds
    city = answer.found.city
    data = {
        "picture": f"data:image/png;base64,{base64.b64encode(shown.picture).decode('ascii')}",
        "bounds": [west, south, east, north],
        "lines": _lines(city),
        "spots": [{"rank": spot.rank, "xy": [spot.lon, spot.lat]} for spot in answer.spots],
        "attribution": city.attribution,
        "texts": map_texts(lang),
    }
    return templates().get_template("hotspot_file.html").render(
        lang=lang,
        t=lambda code: text(f"web.{code}", lang),
        title=words.title(answer.subject, lang),
        unit=words.unit(answer.subject, lang),
        legend=shown.legend,
        spots=_listed(answer, lang),
        lines=words.lines(answer.facts(), lang, answer.wanted.to_query()),
        map_element=map_parts("hotspot_file", lang).element,
        file={**inlined("hotspot_file", lang), "data": json_block(data)},
    )  # fmt: skip


def _listed(answer: Answer, lang: Lang) -> list[dict[str, Any]]:
    """The places of the list as the page shows them."""
    return [
        {
            "rank": spot.rank,
            "name": spot.place or text("hot.no_name", lang),
            "district": spot.district,
            "told": text(
                "hot.spot", lang, issues=spot.issues, places=spot.places, place_days=spot.place_days,
                density=f"{spot.density:.0f}",
            ),
        }
        for spot in answer.spots
    ]  # fmt: skip


def _lines(city: City) -> dict[str, list[list[list[float]]]]:
    """The area, its parts and the named roads as lines of (lon, lat)."""
    back = Transformer.from_crs(city.issues.crs, WGS84, always_xy=True)

    def degrees(shapes: Any) -> list[list[list[float]]]:
        found = []
        for line in shapely.get_parts(shapely.simplify(np.asarray(shapes, dtype=object), 5.0)):
            at = shapely.get_coordinates(line) + city.issues.origin
            lonlat = np.column_stack(back.transform(at[:, 0], at[:, 1]))
            found.append(np.round(lonlat, 5).tolist())
        return found

    roads, parts = city.names.get("roads"), city.districts
    return {
        "roads": [] if roads is None else degrees(roads.tree.geometries),
        "areas": [] if parts is None else degrees(shapely.boundary(parts.tree.geometries)),
        "ground": degrees([shapely.boundary(city.area)]),
    }
