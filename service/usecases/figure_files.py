"""The figures of following up as a file: groups, curve, and what the numbers mean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from layers import write
from layers.store import Store

from .. import issue_words
from ..i18n import Lang, text
from ..supervision.rulebook import RuleBook
from .exports import ending_of, refuse_store
from .follow_figures import BY, COUNTED, Counts, Figures
from .response_times import ResponseTimes

RATES = ("close_rate", "on_time_rate")


def write_figures(told: Figures, out: Path, store: Store, book: RuleBook, lang: Lang) -> int:
    """Write .xlsx (figures, curve, settings and definitions) or .csv (the figures); returns the rows."""
    ending = ending_of(out, (".xlsx", ".csv"))
    refuse_store(store, out)
    groups = group_table(told, book, lang)
    if ending == ".csv":
        write.write_csv(groups, out)
        return len(groups)
    curve = pd.DataFrame(
        [(day.day.isoformat(), day.found, day.closed, day.open) for day in told.curve],
        columns=[text(f"figures.{name}", lang) for name in ("day", "found", "finished", "open")],
    )
    as_of = text("figures.as_of", lang, cut=f"{told.cut:%Y-%m-%d %H:%M}")
    about = pd.DataFrame(
        [(period(told, lang), as_of), *meanings(lang)],
        columns=[text("figures.name", lang), text("figures.meaning", lang)],
    )
    sheets = {"figures": groups, "curve": curve, "about": about}
    write.write_xlsx({text(f"figures.sheet.{name}", lang): table for name, table in sheets.items()}, out)
    return len(groups)


def group_table(told: Figures, book: RuleBook, lang: Lang) -> pd.DataFrame:
    """One row for each group and one for all, with headings in a language; rates as percentages."""
    names = [*COUNTED, *told.total.cards]
    headings = [text(f"figures.by.{told.by}", lang) if told.by else text("figures.name", lang)]
    headings += [heading(name, book, lang) for name in (*names, *RATES)]
    rows = [[word(told.by, group.key, book, lang), *_cells(group.counts, names)] for group in told.groups]
    rows.append([text("figures.total", lang), *_cells(told.total, names)])
    return pd.DataFrame(rows, columns=headings)


def heading(name: str, book: RuleBook, lang: Lang) -> str:
    """The name of a figure; levels of cards by the rule book."""
    known = name in COUNTED or name in RATES
    return text(f"figures.{name}", lang) if known else issue_words.card(book, name, lang)


def word(by: str | None, key: str | None, book: RuleBook, lang: Lang) -> str:
    """The key of a group in words."""
    if key is None:
        return text("figures.unknown", lang)
    return issue_words.value(book, BY[by or "unit"], key, lang)


def meanings(lang: Lang) -> list[tuple[str, str]]:
    """What each figure counts."""
    names = (*COUNTED, "cards", *RATES)
    return [(text(f"figures.{name}", lang), text(f"figures.means.{name}", lang)) for name in names]


def period(told: Figures | ResponseTimes, lang: Lang) -> str:
    """The period in words."""
    return text("figures.period", lang, span=span(told, lang))


def span(told: Figures | ResponseTimes, lang: Lang) -> str:
    """First and last day of a period."""
    since = told.since.isoformat() if told.since else text("figures.beginning", lang)
    return text("figures.span", lang, since=since, until=f"{told.cut:%Y-%m-%d}")


def percent(rate: float | None) -> str:
    """A rate with one decimal; a dash where nothing was due."""
    return "—" if rate is None else f"{100 * rate:.1f}%"


def _cells(counts: Counts, names: list[str]) -> list[Any]:
    told = counts.to_dict()
    return [*(told[name] for name in names), *(percent(told[name]) for name in RATES)]
