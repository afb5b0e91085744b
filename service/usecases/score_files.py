"""Score tables as files for Excel and WPS, with the base and the rules they follow from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from layers import write
from layers.store import Store

from .. import score_words as words
from ..i18n import Lang, text
from ..supervision.site_scores import GroupScore
from . import score_rounds, score_tables
from .exports import ending_of, refuse_store
from .score_rounds import Comparison
from .score_tables import Row, Scored

ENDINGS = (".csv", ".xlsx")
RATES = ("rate", "before", "after", "change", "both_before", "both_after", "both_change")


def check_out(store: Store, out: Path | None) -> None:
    """Refuse a file that cannot be written before anything is reckoned (LayerError)."""
    if out is not None:
        ending_of(out, ENDINGS)
        refuse_store(store, out)


def save_table(
    store: Store, scored: Scored, rows: Sequence[Row], by: str, whole: GroupScore, out: Path, lang: Lang
) -> None:
    """Scores by group with headings in the language."""
    named = [words.group(scored.book, by, row.group, row.name, lang) for row in rows]
    table = score_tables.as_table(rows).assign(name=named).drop(columns="percent")
    save(store, table, words.beside(scored, whole, lang), out, lang)


def save_comparison(store: Store, told: Comparison, out: Path, lang: Lang) -> None:
    """Two rounds with headings in the language."""
    named = [words.group(told.after.book, told.by, one.group, one.name, lang) for one in told.changes]
    states = [words.state(one, lang) for one in told.changes]
    table = score_rounds.as_table(told).assign(name=named, state=states)
    save(store, table, words.both_beside(told, lang), out, lang)


def save(store: Store, table: pd.DataFrame, beside: Mapping[str, str], out: Path, lang: Lang) -> None:
    """A table, and what it follows from as a sheet, in CSV as a last column.

    Rates and changes are numbers in percent with two places.
    """
    check_out(store, out)
    told = table.copy()
    for name in (column for column in RATES if column in told):
        told[name] = (100 * told[name].astype("float64")).round(2)
    told.columns = pd.Index(words.heads(list(told.columns), lang))
    settings = text("score.head.beside", lang)
    if out.suffix.lower() == ".csv":
        write.write_csv(told.assign(**{settings: json.dumps(dict(beside), ensure_ascii=False)}), out)
        return
    rows = pd.DataFrame(list(beside.items()), columns=words.heads(("what", "told"), lang))
    write.write_xlsx({text("score.sheet", lang): told, settings: rows}, out)
