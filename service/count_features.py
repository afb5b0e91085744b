"""What the maps of posters, households and school zones draw: places by class, with their words.

The encoding is that of `features`. Words are text of the data and are shown as text by the script.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from . import count_words as words
from .features import extent, paths, road_lines
from .i18n import Lang, text
from .supervision.rulebook import RuleBook
from .usecases.coverage_count_files import Answer, lines_of, subject_of
from .usecases.coverage_households import CLASSES, HouseholdCoverage
from .usecases.coverage_posters import PosterCoverage
from .usecases.coverage_schools import SchoolZones

FORMAT = "zhoubian-classes-map/1"
_THIN_DEG = 0.000_005


def ground(roads: gpd.GeoDataFrame, answer: Answer) -> dict[str, Any]:
    """The roads behind, and where the map opens."""
    return {
        "roads": road_lines(roads),
        "bounds": extent({"roads": roads, "places": _places(answer)}),
        "attribution": answer.attribution,
    }


def features(answer: Answer, book: RuleBook, lang: Lang) -> dict[str, Any]:
    """Places of an answer.

    Returns
    -------
    dict
        `title`, `words` (label and value), `legend` (group, its words, how many), `places`: [group, lon,
        lat, words, paths, kind], where kind is ``point``, ``line`` or ``area``.
    """
    subject = subject_of(answer)
    places, shapes = _places(answer), _shapes(answer)
    groups = [f"{subject}_{name}" for name in _classes(answer)]
    middles = np.round(shapely.get_coordinates(shapely.centroid(places.geometry.to_numpy())), 6).tolist()
    told = [
        [group, *middle, said, [] if kind == "point" else paths(shape), kind]
        for group, middle, said, shape, kind in zip(
            groups, middles, _said(answer, book, lang), _thin(answer, shapes), _kinds(shapes), strict=True
        )
    ]
    names = list(dict.fromkeys(_order(answer)))
    return {
        "format": FORMAT,
        "title": words.title(subject, lang),
        "words": lines_of(answer, lang),
        "legend": [
            [f"{subject}_{name}", words.state(subject, name, lang), groups.count(f"{subject}_{name}")]
            for name in names
        ],
        "places": told,
    }


def _places(answer: Answer) -> gpd.GeoDataFrame:
    """Where each place is shown."""
    if isinstance(answer, PosterCoverage):
        held = answer.sites.geometry.to_numpy()
        lines = np.isin(shapely.get_type_id(held), (1, 5))
        at = np.where(lines, _middles(held), shapely.centroid(held))
        return gpd.GeoDataFrame(answer.sites[["id"]], geometry=at, crs="EPSG:4326")
    if isinstance(answer, HouseholdCoverage):
        held = answer.compounds
        return held.assign(geometry=shapely.point_on_surface(held.geometry.to_numpy()))
    return answer.places


def _middles(shapes: Any) -> Any:
    """The middle of the longest part of each line; of what is no line, its first point."""
    longest = []
    for shape in shapes:
        parts = shapely.get_parts(shape)
        part = max(parts, key=lambda one: one.length)
        is_line = shapely.get_type_id(part) == 1
        longest.append(part.interpolate(0.5, normalized=True) if is_line else part.centroid)
    found = np.empty(len(longest), dtype=object)
    found[:] = longest
    return found


def _shapes(answer: Answer) -> Any:
    if isinstance(answer, PosterCoverage):
        return answer.sites.geometry.to_numpy()
    held = answer.compounds if isinstance(answer, HouseholdCoverage) else answer.schools
    return held.geometry.to_numpy()


def _thin(answer: Answer, shapes: Any) -> Any:
    """With fewer corners where none is missed; a circle keeps all of its own."""
    return shapes if isinstance(answer, SchoolZones) else shapely.simplify(shapes, _THIN_DEG)


def _kinds(shapes: Any) -> list[str]:
    kinds = {1: "line", 5: "line", 3: "area", 6: "area"}
    return [kinds.get(int(kind), "point") for kind in shapely.get_type_id(shapes)]


def _classes(answer: Answer) -> list[str]:
    if isinstance(answer, PosterCoverage):
        return list(answer.sites["state"])
    if isinstance(answer, HouseholdCoverage):
        return [name.rstrip("+") for name in answer.compounds["rounds_class"]]
    return list(answer.schools["state"])


def _order(answer: Answer) -> Iterable[str]:
    """The classes in the order of the legend."""
    if isinstance(answer, PosterCoverage):
        return ("short", "met", "unknown")
    if isinstance(answer, HouseholdCoverage):
        return (name.rstrip("+") for name in CLASSES)
    return ("open", "venue", "past", "clear")


def _said(answer: Answer, book: RuleBook, lang: Lang) -> list[str]:
    """What the map says of each place."""
    if isinstance(answer, PosterCoverage):
        return _posters_said(answer, book, lang)
    if isinstance(answer, HouseholdCoverage):
        return [
            text("counts.tip.households", lang, name=_name(name, ident), rounds=rounds,
                 last="" if last is None or pd.isna(last) else f" ({last})")
            for name, ident, rounds, last in answer.compounds[
                ["name", "id", "rounds", "last"]
            ].itertuples(index=False)
        ]  # fmt: skip
    return _schools_said(answer, lang)


def _posters_said(answer: PosterCoverage, book: RuleBook, lang: Lang) -> list[str]:
    lacking: dict[str, list[str]] = {}
    for key, theme, short in answer.shortfall[["key", "theme", "short"]].itertuples(index=False):
        name = words.theme(answer.rules, theme, lang)
        lacking.setdefault(key, []).append(text("counts.tip.lacks", lang, theme=name, count=short))
    said = []
    for key, ident, name, kind, state in answer.sites[["key", "id", "name", "site_type", "state"]].itertuples(
        index=False
    ):
        facts = {"name": _name(name, ident), "kind": words.site_type(book, kind, lang)}
        told = ("、" if lang == "zh" else ", ").join(lacking.get(key, ()))
        said.append(
            text("counts.tip.posters", lang, **facts, told=told or words.state("posters", state, lang))
        )
    return said


def _schools_said(answer: SchoolZones, lang: Lang) -> list[str]:
    return [
        text("counts.tip.schools", lang, name=_name(name, ident), open=open_, closed=closed, venues=venues)
        for name, ident, open_, closed, venues in answer.schools[
            ["name", "id", "open", "closed", "venues"]
        ].itertuples(index=False)
    ]


def _name(name: Any, ident: str) -> str:
    return str(ident) if name is None or pd.isna(name) or not name else str(name)
