"""The Folium maps of posters, households and school zones, served and as one file.

One page and one script serve all three; the page carries no value of the data.
"""

from __future__ import annotations

from typing import Any

import geopandas as gpd

from . import count_words as words
from .count_features import features, ground
from .i18n import Lang, text
from .maps import ICON, KINDS, OLD_BROWSER, inlined, json_block, map_parts, map_texts, templates
from .supervision.rulebook import RuleBook
from .usecases.coverage_count_files import Answer, lines_of, subject_of

SUBJECTS = ("posters", "households", "schools")


def count_page(subject: str, lang: Lang, **values: Any) -> str:
    """The page of a subject, served; everything of the data comes later.

    Parameters
    ----------
    values
        `api`, `ground`, `texts`, `map_script` (addresses), `files` (endings and addresses), `others` (names
        of the other subjects and their addresses), `static`, `home`, `other_lang`.
    """
    kind = f"counts_{subject}"
    return templates().get_template("counts.html").render(
        lang=lang,
        t=lambda code: text(f"web.{code}", lang),
        subject=kind,
        map_element=map_parts(kind, lang).element,
        styles=KINDS[kind].styles,
        scripts=KINDS[kind].scripts,
        old_browser=OLD_BROWSER,
        icon=ICON,
        **values,
    )  # fmt: skip


def count_file(answer: Answer, book: RuleBook, roads: gpd.GeoDataFrame, lang: Lang) -> str:
    """The same map as one HTML file that opens from a disk and asks no network for anything."""
    subject = subject_of(answer)
    kind = f"counts_{subject}"
    data = {
        "ground": ground(roads, answer),
        "answer": features(answer, book, lang),
        "texts": map_texts(lang),
    }
    return templates().get_template("counts_file.html").render(
        lang=lang,
        t=lambda code: text(f"web.{code}", lang),
        title=words.title(subject, lang),
        lines=lines_of(answer, lang),
        map_element=map_parts(kind, lang).element,
        file={**inlined(kind, lang), "data": json_block(data)},
    )  # fmt: skip
