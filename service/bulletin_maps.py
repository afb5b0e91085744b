"""The maps of a bulletin: issues by the colour of their card, scores by subdistrict; A4, 300 dpi."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely

from layers.store import Store

from .bulletin import MapOf
from .bulletin_words import card_word, half_open, period_name, rate
from .i18n import Lang, text
from .map_sheet import CARD_MARKS, Area, Line, Mark, Theme, map_sheet
from .usecases.bulletin_content import Content
from .usecases.bulletin_figures import NONE

_BORDER = Line("#5B6670", 0.35, (3.0, 1.2))
_NO_CARD = Mark("plus", "#6B7480", 1.8)
_CLASSES = (
    Area("#2E8B57", "dots", outline=Line("#5B6670", 0.35)),
    Area("#3B7DB8", "rising", outline=Line("#5B6670", 0.35)),
    Area("#D9822B", "crossed", outline=Line("#5B6670", 0.35)),
    Area("#B3261E", "solid", 0.55, outline=Line("#5B6670", 0.35)),
)
"""From the best class to the worst; more classes than these share the last."""
_CROWD, _SMALL = 250, 0.72
"""From so many marks on they are drawn smaller."""


def maps_of(store: Store, content: Content, lang: Lang) -> list[MapOf]:
    """The maps that there is something for: none without a place to draw."""
    subdistricts = _subdistricts(store)
    roads = store.read("roads") if store.count("roads") else None
    found = []
    for name, themes in (
        ("cards", _cards(content, subdistricts, lang)),
        ("scores", _scores(content, subdistricts, lang)),
    ):
        if not themes:
            continue
        caption = text(f"bulletin.map.{name}", lang, period=period_name(content.period.kind, lang))
        picture = map_sheet(
            themes, lang, roads=roads, paper="figure",
            settings=text(f"bulletin.map_settings.{name}", lang, period=half_open(content.period, lang)),
            source=content.settings.office[lang], day=content.cut.date(), internal=content.settings.internal,
        )  # fmt: skip
        found.append(MapOf(picture, caption, name))
    return found


def _subdistricts(store: Store) -> gpd.GeoDataFrame:
    areas = (
        store.read("areas")
        if store.count("areas")
        else gpd.GeoDataFrame({"level": []}, geometry=[], crs=4326)
    )
    return areas[areas["level"] == "subdistrict"].reset_index(drop=True)


def _cards(content: Content, subdistricts: gpd.GeoDataFrame, lang: Lang) -> list[Theme]:
    """Issues found in the period by the highest card they had at its end."""
    told = content.tables["issues"]
    fresh = np.array(told["found"], dtype=bool)
    if not fresh.any():
        return []
    points = gpd.GeoSeries(
        np.asarray(shapely.points(np.array(told["lon"])[fresh], np.array(told["lat"])[fresh])),
        crs="EPSG:4326",
    )
    colours = np.array([colour or "" for colour in told["colour"]], dtype=object)[fresh]
    themes = (
        [Theme(subdistricts, _BORDER, text("bulletin.map_border", lang), "name")] if len(subdistricts) else []
    )
    levels = content.book.cards.levels
    marks = [("", text("bulletin.map_no_card", lang), _NO_CARD)]
    marks += [
        (
            level.id,
            card_word(level, lang),
            CARD_MARKS.get(level.id) or list(CARD_MARKS.values())[min(number, 3)],
        )
        for number, level in enumerate(levels)
    ]
    for colour, words, mark in marks:
        chosen = colours == colour
        if chosen.any():
            size = mark.size_mm * (_SMALL if len(points) > _CROWD else 1)
            small = Mark(mark.shape, mark.colour, size, mark.hollow)
            table = gpd.GeoDataFrame(geometry=points[chosen], crs="EPSG:4326")
            themes.append(
                Theme(table, small, text("bulletin.map_count", lang, words=words, count=int(chosen.sum())))
            )
    return themes


def _scores(content: Content, subdistricts: gpd.GeoDataFrame, lang: Lang) -> list[Theme]:
    """Subdistricts by the class of their score."""
    figures, cuts = content.figures, content.settings.score_classes
    rates = {
        _stem(row.group or ""): figures[f"district.{row.group or NONE}.now.rate"]
        for row in content.scores["district"]
    }
    names = list(subdistricts["name"]) if len(subdistricts) else []
    told = [rates.get(_stem(name or "")) for name in names]
    if not any(value is not None for value in told):
        return []
    table = subdistricts.assign(
        shown=[
            f"{name} {rate(value)}" if value is not None else name
            for name, value in zip(names, told, strict=True)
        ]
    )
    classes = np.array([_class(value, cuts) for value in told])
    themes = []
    for number in (*range(len(cuts) + 1), -1):
        chosen = table[classes == number]
        if len(chosen):
            style = _BORDER if number < 0 else _CLASSES[min(number, len(_CLASSES) - 1)]
            themes.append(Theme(chosen, style, _class_words(number, cuts, lang), "shown"))
    return themes


def _stem(name: str) -> str:
    """A subdistrict without the word for one: lists of sites often leave it out."""
    for ending in ("街道办事处", "街道办", "街道"):
        if name.endswith(ending) and len(name) > len(ending):
            return name.removesuffix(ending)
    return name


def _class(value: float | None, cuts: tuple[float, ...]) -> int:
    """0 for the best class; -1 without a score."""
    if value is None:
        return -1
    return next((number for number, cut in enumerate(cuts) if 100 * value >= cut - 1e-9), len(cuts))


def _class_words(number: int, cuts: tuple[float, ...], lang: Lang) -> str:
    if number < 0:
        return text("bulletin.map_no_score", lang)
    if number == 0:
        return text("bulletin.map_from", lang, least=f"{cuts[0]:g}")
    if number == len(cuts):
        return text("bulletin.map_below", lang, most=f"{cuts[-1]:g}")
    return text("bulletin.map_between", lang, least=f"{cuts[number]:g}", most=f"{cuts[number - 1]:g}")
