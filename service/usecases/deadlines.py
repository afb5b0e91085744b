"""When an issue found now would be due, under each colour of card."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path

from geo.errors import LayerError, NotFoundError
from layers.resources import data_path
from layers.rule_tables import plain
from layers.rules import Category

from ..supervision import rulebook
from ..supervision.cards import Cards
from ..supervision.rulebook import Level, RuleBook
from ..supervision.worktime import Span, WorkCalendar, due
from .rule_books import shipped_book


@dataclass(frozen=True)
class CardDue:
    """A card of a level: how long it runs, and its end if it comes once the one before is missed."""

    level: Level
    span: Span
    due: datetime


@dataclass(frozen=True)
class Deadlines:
    """The deadlines of an issue: `due` of what is found, then a card for each level that a miss leads to.

    A level that is passed over is not there: what is grave and overdue goes from the first card to the
    last. `cards` is empty for what is mended during the visit. `provisional`: one of them ends on a day
    whose holidays are not yet announced.
    """

    category: Category
    span: Span
    calendar: str
    due: datetime
    cards: tuple[CardDue, ...]
    provisional: bool


@cache
def work_calendar(file: Path | None = None) -> WorkCalendar:
    """The office's work calendar, by default the one of the program.

    Raises
    ------
    LayerError
        `calendar_unreadable`, with what is wrong.
    """
    path = file or data_path("rules", "work_calendar.toml")
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
        return rulebook.work_calendar(plain(told))
    except OSError as fault:
        raise _unreadable(path, str(fault.strerror)) from fault
    except (KeyError, TypeError, ValueError, AttributeError) as fault:
        raise _unreadable(path, str(fault)) from fault


def _unreadable(path: Path, detail: str) -> LayerError:
    return LayerError(
        f"{path.name}: the work calendar cannot be read ({detail}); write it as"
        " data/rules/work_calendar.toml is written",
        code="calendar_unreadable", file=path.name, detail=detail,
    )  # fmt: skip


def deadlines(
    code: str, found: datetime, *, calendar: Path | None = None, book: RuleBook | None = None
) -> Deadlines:
    """When an issue of a category is due.

    Parameters
    ----------
    code : str
        Of the category, such as ``HJ01``.
    found : datetime
        Local time.
    calendar : Path, optional
        A calendar instead of that of the rule book.
    book : RuleBook, optional
        By default the one that comes with the program.

    Raises
    ------
    NotFoundError
        `category_unknown`.
    """
    rules = book or shipped_book()
    if calendar is not None:
        rules = replace(rules, calendar=work_calendar(calendar))
    category = rules.categories.get(code.upper())
    if category is None:
        raise NotFoundError(
            f"there is no issue category {code[:20]!r}; the codes stand in data/rules/issue_categories.csv",
            code="category_unknown", given=code[:20],
        )  # fmt: skip
    days, span = rules.calendar, Span.parse(category.deadline)
    cards = () if span.unit == "on site" else tuple(_chain(Cards(rules), category, found))
    last = cards[-1].due if cards else found
    return Deadlines(
        category, span, days.version, due(found, span, days), cards, days.is_provisional(last.date())
    )


def _chain(cards: Cards, category: Category, found: datetime) -> Iterator[CardDue]:
    """The cards of an issue that nobody mends."""
    levels = {level.id: level for level in cards.book.cards.levels}
    level, since = cards.raised(None, ("not_fixed_on_site",)), found
    while level is not None:
        spans = {cards.due(since, span): span for span in cards.spans(category.code, level)}
        ends = max(spans)
        yield CardDue(levels[level], spans[ends], ends)
        missed = (f"overdue:{level}", f"overdue_severity:{category.severity}")
        level, since = cards.raised(level, missed), ends
