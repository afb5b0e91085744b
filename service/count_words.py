"""Posters, households and school zones in words: titles, figures, states, for every door."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from .i18n import Lang, text
from .supervision.coverage_rules import PosterRules
from .supervision.rulebook import RuleBook
from .usecases.coverage_households import HouseholdCoverage
from .usecases.coverage_posters import STATES, PosterCoverage
from .usecases.coverage_schools import SchoolZones

Lines = list[tuple[str, str]]


def site_type(book: RuleBook, name: str, lang: Lang) -> str:
    """A type of site; ``all`` is all of them."""
    if name == "all":
        return text("counts.all", lang)
    known = book.site_types.get(name)
    return name if known is None else known.zh if lang == "zh" else known.en


def theme(rules: PosterRules, name: str, lang: Lang) -> str:
    """A theme of posters; an empty one is all of them together."""
    if not name:
        return text("counts.all_themes", lang)
    known = rules.themes.get(name)
    return name if known is None else known.zh if lang == "zh" else known.en


def share(value: float | None) -> str:
    """A share in per cent; a dash where there is nothing to take it of."""
    return "—" if value is None or pd.isna(value) else f"{value:.1%}"


def state(subject: str, name: str, lang: Lang) -> str:
    """A class of a subject: `posters`, `households`, `schools`."""
    return text(f"map.layer.{subject}_{name}", lang)


def posters(answer: PosterCoverage, lang: Lang) -> Lines:
    """What stands beside the map and the tables of posters."""
    whole = answer.by_type.iloc[-1]
    counts = {name: int(whole[name]) for name in STATES}
    return [
        _line("asked_sites", text("counts.sites_of", lang, count=int(whole["sites"])), lang),
        _line("result", text("counts.posters_result", lang, **counts), lang),
        _line("share", share(whole["share"]), lang),
        _line("missing", text("counts.posters_missing", lang, count=int(answer.sites["short"].sum())), lang),
        _line("damaged", text("counts.damaged_" + ("yes" if answer.rules.damaged_counts else "no"), lang,
                              count=answer.damaged), lang),
        _line("streets", text("counts.streets_note", lang), lang),
        _line("left_out", text("counts.left_out", lang, count=answer.left_out), lang),
        _line("rules", answer.rules.version, lang),
    ]  # fmt: skip


def households(answer: HouseholdCoverage, lang: Lang) -> Lines:
    """What stands beside the map and the table of rounds."""
    counts = {f"n{number}": answer.counts[name] for number, name in enumerate(answer.counts)}
    met = int(answer.compounds["met"].sum())
    told = bool((answer.compounds["rounds"] > 0).any())  # before the first visit there is no share
    return [
        _line("until", str(answer.until), lang),
        _line("asked_rounds", text("counts.rounds_asked", lang, count=answer.rounds), lang),
        _line("result", text("counts.households_result", lang, **counts), lang),
        _line("share", share(met / len(answer.compounds) if told else None), lang),
        _line("left_out", text("counts.left_out", lang, count=answer.left_out), lang),
        _line("rules", answer.version, lang),
    ]


def schools(answer: SchoolZones, lang: Lang) -> Lines:
    """What stands beside the map and the table of school zones."""
    measured = answer.schools["measured_from"]
    how = {name: int((measured == name).sum()) for name in ("gate", "point", "outline")}
    return [
        _line("zone", text("counts.zone", lang, metres=f"{answer.rules.zone_m:g}"), lang),
        _line("looked_for", text("counts.looked_for", lang, categories=_join(answer.rules.categories, lang),
                                 kinds=_join(answer.rules.unsuitable, lang)), lang),
        _line("result", text("counts.schools_result", lang, **answer.counts), lang),
        _line("measured", text("counts.measured", lang, **how), lang),
        _line("rules", answer.rules.version, lang),
    ]  # fmt: skip


def title(subject: str, lang: Lang) -> str:
    """The title of a subject."""
    return text(f"counts.title.{subject}", lang)


def headed(table: pd.DataFrame, lang: Lang) -> pd.DataFrame:
    """A table under headings in a language."""
    return table.rename(columns={name: text(f"counts.head.{name}", lang) for name in table.columns})


def worded(table: pd.DataFrame, words: Mapping[str, Any]) -> pd.DataFrame:
    """A table with some columns put into words: {column: function of a value}."""
    told = {
        name: [word(value) for value in table[name]] for name, word in words.items() if name in table.columns
    }
    return table.assign(**told)


def _line(name: str, value: str, lang: Lang) -> tuple[str, str]:
    return text(f"counts.line.{name}", lang), value


def _join(words: Sequence[str], lang: Lang) -> str:
    return ("、" if lang == "zh" else ", ").join(words) or "—"
