"""Words of the bulletins: rates, changes and groups as they are printed in documents and registers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction
from typing import Any

from . import clock, issue_words
from .i18n import Lang, text
from .official_document import CARD_SHADES, Align, Shade, date_words
from .supervision.rulebook import Level, RuleBook
from .supervision.site_scores import percent, rounded
from .usecases.bulletin_content import Content
from .usecases.bulletin_figures import Figures
from .usecases.bulletin_rows import Columns
from .usecases.periods import Period
from .usecases.plaques import Plaque

DASH = "—"
_EXACT = 10**9


def rate(value: float | None) -> str:
    """A part of one in per cent with one place; a dash where there is none."""
    return DASH if value is None else str(percent(_fraction(value)))


def with_sign(told: str, value: float) -> str:
    return f"+{told}" if value > 0 and told.strip("0.") else told


def change(figures: Figures, ident: str) -> str:
    """A change as it is printed: points of per cent for rates, else a number; with its sign."""
    figure = figures.found[ident]
    if figure.value is None:
        return DASH
    told = rounded(100 * _fraction(figure.value)) if figure.is_rate else f"{figure.value:d}"
    return with_sign(told, figure.value)


def moved(figures: Figures, ident: str, lang: Lang) -> str:
    """A change of a rate in words."""
    points = rounded(100 * abs(_fraction(figures[ident])))
    if not points.strip("0."):
        return text("bulletin.moved.same", lang)
    return text(f"bulletin.moved.{'up' if figures[ident] > 0 else 'down'}", lang, points=points)


def shown(figures: Figures, ident: str) -> str:
    """A figure as it is printed."""
    figure = figures.found[ident]
    return rate(figure.value) if figure.is_rate else f"{figure.value:d}"


def _fraction(value: float) -> Fraction:
    return Fraction(value).limit_denominator(_EXACT)


def period_name(kind: str, lang: Lang) -> str:
    """What a bulletin of that period is called: 双周, 月度, ..."""
    if kind[:-1].isdigit():
        return text("bulletin.period.days", lang, days=int(kind[:-1]))
    return text(f"bulletin.period.{kind}", lang)


def days_of(period: Period, lang: Lang) -> str:
    """The first and the last day."""
    return text(
        "bulletin.days", lang, since=date_words(period.since, lang), until=date_words(period.last, lang)
    )


def half_open(period: Period, lang: Lang) -> str:
    """The period as it is counted: from midnight up to, without, midnight."""
    return text(
        "bulletin.half_open", lang, since=date_words(period.since, lang), end=date_words(period.end, lang)
    )


def minute(moment: datetime, lang: Lang) -> str:
    """A day with its time."""
    local = moment.astimezone(clock.SHANGHAI)
    between = "" if lang == "zh" else " "
    return f"{date_words(local.date(), lang)}{between}{local:%H:%M}"


def unit(book: RuleBook, unit_id: str | None, lang: Lang) -> str:
    """A lead unit by name; the sub-district of the plaque stays what it is."""
    return issue_words.unit(book, unit_id, lang) if unit_id else text("bulletin.unknown", lang)


def category(book: RuleBook, code: str, lang: Lang) -> str:
    """The name of a category without its code."""
    known = book.categories.get(code)
    return code if known is None else (known.zh if lang == "zh" else known.name.replace("_", " "))


def card_word(level: Level, lang: Lang) -> str:
    """The name of a card."""
    return level.zh if lang == "zh" else level.en


def shade(book: RuleBook, level: Level) -> Shade:
    """The ground of a card's cell: its own where it is one of the usual three, else by its number."""
    if level.id in CARD_SHADES:
        return CARD_SHADES[level.id]
    usual = ("white", "yellow", "red", "black")
    return CARD_SHADES[usual[min(book.cards.number(level.id), len(usual)) - 1]]


def aligned(sides: str) -> list[Align]:
    """Sides of columns by their first letters: ``clr`` is center, left, right."""
    known: dict[str, Align] = {"c": "center", "l": "left", "r": "right"}
    return [known[side] for side in sides]


def place(row: Mapping[str, Any], lang: Lang) -> str:
    """Where an issue is: site, else address, else community or subdistrict."""
    told = row["site_name"] or row["address"] or row["community"] or row["district"] or row["site"]
    return told or text("bulletin.unknown", lang)


def row_of(content: Content, sheet: str, number: int) -> dict[str, Any]:
    """A row of a table of the register."""
    return row_at(content.tables[sheet], number)


def row_at(table: Columns, number: int) -> dict[str, Any]:
    """A row of a table."""
    return {name: column[number] for name, column in table.items()}


def plaque_why(held: Plaque, lang: Lang) -> str:
    """Why somebody holds the plaque, in a few words."""
    if not held.held:
        return ""
    if held.why == "reds":
        told = text("cli.plaque.reds", lang, count=held.facts["reds"])
    else:
        told = text("cli.plaque.score", lang, rate=rate(held.facts["rate"]))
    tied = held.facts.get("tied")
    return told + (text("cli.plaque.tied", lang, count=len(tied)) if tied else "")
