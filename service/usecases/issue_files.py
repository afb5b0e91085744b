"""A list of issues as a file for Excel and WPS: words in a language, codes as text, times as they sort."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from layers import write
from layers.ledger import Case, Ledger
from layers.store import Store

from .. import clock, issue_words
from ..i18n import Lang, text
from ..supervision.rulebook import RuleBook
from . import rule_books
from .exports import ending_of, refuse_store
from .issue_lists import COLUMNS, IssueQuery

_PLAIN = ("note", "lon", "lat", "count", "severity", "rework")


def table_of(cases: list[Case], book: RuleBook, lang: Lang) -> pd.DataFrame:
    """Cases as rows with headings and values in words; category and units keep their codes beside them."""
    rows = [
        {issue_words.field(name, lang): _cell(book, name, case, lang) for name in COLUMNS} for case in cases
    ]
    return pd.DataFrame(rows, columns=[issue_words.field(name, lang) for name in COLUMNS])


def write_list(store: Store, query: IssueQuery, out: Path, lang: Lang, *, now: datetime) -> int:
    """Write the issues of a question as .xlsx or .csv; returns how many there are."""
    ending = ending_of(out, (".xlsx", ".csv"))
    refuse_store(store, out)
    cases = Ledger(store).cases(*query.where(now))
    table = table_of(cases, rule_books.current(store, now.date()), lang)
    if ending == ".csv":
        write.write_csv(table, out)
    else:
        asked: list[tuple[str, Any]] = [
            (issue_words.field(name, lang), told) for name, told in query.to_query().items()
        ]
        asked += [
            (text("issue.file.made", lang), f"{now:%Y-%m-%d %H:%M}"),
            (text("issue.file.rows", lang), len(table)),
        ]
        settings = pd.DataFrame(
            asked, columns=[text("issue.file.setting", lang), text("issue.file.value", lang)]
        )
        write.write_xlsx(
            {text("issue.file.sheet", lang): table, text("issue.file.about", lang): settings}, out
        )
    return len(table)


def _cell(book: RuleBook, name: str, case: Case, lang: Lang) -> Any:
    told = getattr(case, name)
    if isinstance(told, datetime):
        return told.astimezone(clock.SHANGHAI).replace(tzinfo=None, microsecond=0)
    return told if name in _PLAIN or told is None else issue_words.value(book, name, told, lang) or None
