"""When an issue found now would be due, under each colour of card."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from geo.errors import LayerError, NotFoundError
from layers.resources import data_path
from layers.rule_tables import plain
from layers.rules import Category, categories

from ..supervision import rulebook
from ..supervision.worktime import Span, WorkCalendar, due, half

LEAST_YELLOW = Span(4, "wh")
RED = Span(1, "wd")


@dataclass(frozen=True)
class Deadlines:
    """The deadlines of an issue: of the white card, then each from the moment the one before is missed.

    `yellow` and `red` are None for what is mended during the visit.
    """

    category: Category
    span: Span
    calendar: str
    white: datetime
    yellow_span: Span | None
    yellow: datetime | None
    red: datetime | None


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


def deadlines(code: str, found: datetime, *, calendar: Path | None = None) -> Deadlines:
    """When an issue of a category is due.

    Parameters
    ----------
    code : str
        Of the category, such as ``HJ01``.
    found : datetime
        Local time.

    Raises
    ------
    NotFoundError
        `category_unknown`.
    """
    known = categories()
    if code.upper() not in known:
        raise NotFoundError(
            f"there is no issue category {code[:20]!r}; the codes stand in data/rules/issue_categories.csv",
            code="category_unknown", given=code[:20],
        )  # fmt: skip
    days = work_calendar(calendar)
    category = known[code.upper()]
    span = Span.parse(category.deadline)
    white = due(found, span, days)
    if span.unit == "on site":
        return Deadlines(category, span, days.version, white, None, None, None)
    shorter = half(span, days)
    if shorter.unit == "min" or shorter.amount < LEAST_YELLOW.amount:
        shorter = LEAST_YELLOW
    yellow = due(white, shorter, days)
    return Deadlines(category, span, days.version, white, shorter, yellow, due(yellow, RED, days))
