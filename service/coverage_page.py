"""The Folium map of toilet coverage, served and as one file; the page carries no value of the data."""

from __future__ import annotations

from typing import Any

import geopandas as gpd

from . import coverage_words as words
from .coverage_features import coverage_features, coverage_ground
from .i18n import Lang, text
from .maps import empty_page, inlined, json_block, map_parts, map_texts, templates
from .usecases.coverage_toilets import ToiletCoverage


def coverage_page(lang: Lang, **values: Any) -> str:
    """The page, served; streets, toilets and figures come later.

    Parameters
    ----------
    values
        `ground`, `api`, `download`, `texts`, `map_script` (addresses), `static`, `home`, `other_lang`, and
        `rules`, `defaults`: what there is to choose from and what holds if nothing is chosen.
    """
    return empty_page("coverage", lang, **values)


def coverage_file(answer: ToiletCoverage, roads: gpd.GeoDataFrame, lang: Lang) -> str:
    """The same map as one HTML file that opens from a disk and asks no network for anything."""
    data = {
        "ground": coverage_ground(roads, answer.attribution),
        "coverage": told(answer, lang),
        "texts": map_texts(lang),
    }
    return templates().get_template("coverage_file.html").render(
        lang=lang,
        t=lambda code: text(f"web.{code}", lang),
        title=words.title(answer.asked, lang),
        lines=words.lines(answer, lang),
        map_element=map_parts("coverage", lang).element,
        file={**inlined("coverage", lang), "data": json_block(data)},
    )  # fmt: skip


def told(answer: ToiletCoverage, lang: Lang) -> dict[str, Any]:
    """What the map shows, with its words."""
    features = coverage_features(answer)
    return {
        **features,
        "title": words.title(answer.asked, lang),
        "share": words.share_words(features["facts"]["share"]),
        "words": words.lines(answer, lang),
        "legend": words.legend(answer, lang),
        "classes": {row["class"]: words.kind(row["class"], lang) for row in features["by_class"]},
        "shares": [words.share_words(row["share"]) for row in features["by_class"]],
    }  # fmt: skip
