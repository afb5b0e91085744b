"""Posters, households and school zones as files: tables for Excel and WPS, GeoJSON, the map as one page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from layers import write
from layers.store import Store

from .. import count_words as words
from ..i18n import Lang, text
from ..supervision.rulebook import RuleBook
from .coverage_households import HouseholdCoverage
from .coverage_posters import PosterCoverage
from .coverage_schools import SchoolZones
from .exports import ending_of, refuse_store

Answer = PosterCoverage | HouseholdCoverage | SchoolZones
ENDINGS = (".xlsx", ".csv", ".geojson", ".html", ".htm")


def check_out(store: Store, out: Path | None) -> None:
    """Refuse a place for a file before the work begins (LayerError `out_ending`, `out_is_store`)."""
    if out is not None:
        ending_of(out, ENDINGS)
        refuse_store(store, out)


def write_answer(store: Store, answer: Answer, book: RuleBook, out: Path, lang: Lang) -> None:
    """Write a file; the ending of `out` says the format, the language is that of its words.

    A .csv holds the list that is worked through: what is missing, who is behind, what was found.
    """
    ending = ending_of(out, ENDINGS)
    refuse_store(store, out)
    if ending in (".html", ".htm"):
        from ..count_page import count_file  # noqa: PLC0415 - Folium takes a quarter second

        page = count_file(answer, book, store.read("roads"), lang).encode()
        with write.whole(out) as temporary:
            temporary.write_bytes(page)
        return
    if ending == ".geojson":
        write.write_geojson(_layers(answer), out)
        return
    sheets, lines = _sheets(answer, book, lang)
    if ending == ".csv":
        write.write_csv(next(iter(sheets.values())), out)
        return
    heads = [text(f"counts.head.{name}", lang) for name in ("setting", "value")]
    settings = pd.DataFrame(lines, columns=heads)
    write.write_xlsx({**sheets, text("counts.sheet.settings", lang): settings}, out)


def subject_of(answer: Answer) -> str:
    """posters, households or schools."""
    if isinstance(answer, PosterCoverage):
        return "posters"
    return "households" if isinstance(answer, HouseholdCoverage) else "schools"


def lines_of(answer: Answer, lang: Lang) -> words.Lines:
    """The figures and settings that stand beside an answer."""
    if isinstance(answer, PosterCoverage):
        return words.posters(answer, lang)
    if isinstance(answer, HouseholdCoverage):
        return words.households(answer, lang)
    return words.schools(answer, lang)


def _layers(answer: Answer) -> dict[str, gpd.GeoDataFrame]:
    if isinstance(answer, PosterCoverage):
        return {"posters": answer.sites.assign(rules=answer.rules.version)}
    if isinstance(answer, HouseholdCoverage):
        stated = {"until": str(answer.until), "asked": answer.rounds, "rules": answer.version}
        return {"households": answer.compounds.assign(**stated)}
    stated = {"zone_m": answer.rules.zone_m, "rules": answer.rules.version}
    told = {"schools": answer.schools.assign(**stated), "found": answer.found}
    return {name: table for name, table in told.items() if len(table) or name == "schools"}


def _sheets(answer: Answer, book: RuleBook, lang: Lang) -> tuple[dict[str, pd.DataFrame], words.Lines]:
    """The tables of an answer by the names of their sheets; the list that is worked through comes first."""
    subject = subject_of(answer)
    said: dict[str, Callable[[Any], str]] = {
        "site_type": lambda name: words.site_type(book, name, lang),
        "share": words.share,
        "state": lambda name: words.state(subject, name, lang) if name else "",
    }
    if isinstance(answer, PosterCoverage):
        rules = answer.rules
        said["theme"] = lambda name: words.theme(rules, name, lang)
        columns = ["id", "name", "site_type", "district", "theme", "required", "counted", "short"]
        site_columns = ["id", "name", "site_type", "district", "state", "short", "length_m"]
        told = {
            "shortfall": answer.shortfall[columns],
            "sites": pd.DataFrame(answer.sites)[site_columns].round({"length_m": 1}),
            "by_type": answer.by_type,
            "by_theme": answer.by_theme,
        }
    elif isinstance(answer, HouseholdCoverage):
        columns = ["id", "name", "district", "rounds", "last", "visited", "households"]
        told = {
            "behind": pd.DataFrame(answer.behind)[columns],
            "compounds": pd.DataFrame(answer.compounds)[columns],
        }
    else:
        points = answer.found.geometry
        found = answer.found.assign(lon=points.x.round(7), lat=points.y.round(7))
        names = dict(zip(answer.schools["id"], answer.schools["name"], strict=True))
        said["school_name"] = lambda school: names[school]
        said["kind"] = lambda kind: text(f"counts.kind.{kind}", lang)
        said["found_state"] = lambda name: text(f"counts.found.{name}", lang) if name else ""
        said["measured_from"] = lambda name: text(f"counts.from.{name}", lang)
        listed = pd.DataFrame(found.drop(columns="geometry")).rename(columns={"state": "found_state"})
        listed.insert(1, "school_name", listed["school"])
        told = {"found": listed, "schools": pd.DataFrame(answer.schools.drop(columns="geometry"))}
    return {
        text(f"counts.sheet.{name}", lang): words.headed(words.worded(table, said), lang)
        for name, table in told.items()
    }, lines_of(answer, lang)
