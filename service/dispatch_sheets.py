"""The weekly and the daily list on one page, and the look-back list, as documents and workbooks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from layers.workbooks import Sheet

from . import clock, issue_words
from .bulletin_register import Words, figures_sheet, table_sheet
from .bulletin_words import (
    aligned,
    card_word,
    category,
    days_of,
    half_open,
    minute,
    place,
    rate,
    row_at,
    shade,
    shown,
    unit,
)
from .i18n import Lang, text
from .official_document import OfficialDocument, date_words, em
from .score_words import names
from .usecases.bulletin_figures import NONE

if TYPE_CHECKING:
    from .usecases.dispatch_lists import Dispatch, LookBack

_LINES = 17
"""Lines of small text that one page has for the rows of both tables."""
_MOST_UNITS = 10
_EM_MM = {"zh": 3.75, "en": 3.6}
"""How wide a character of Chinese is; Latin letters count half, and lines of English break earlier."""
_UNIT_MM = (52.0, 21.0, 21.0, 21.0, 21.0, 20.0)
_PRESSING_MM = (20.0, 34.0, 42.0, 34.0, 26.0)


def dispatch_document(told: Dispatch, register: str, lang: Lang) -> bytes:
    """The list on one page."""
    figures, office = told.figures, told.settings.office[lang]
    paper = OfficialDocument(lang, made_at=told.cut, internal=told.settings.internal, author=office)
    day = date_words(told.cut.astimezone(clock.SHANGHAI).date(), lang)
    paper.title(text(f"dispatch.title.{told.kind}", lang), text("dispatch.by", lang, office=office, day=day))
    facts = {name: figures[f"all.{name}"] for name in ("found", "open", "overdue", "due_soon", "red")}
    paper.paragraph(
        text(
            f"dispatch.told.{told.kind}",
            lang,
            cut=minute(told.cut, lang),
            days=days_of(told.period, lang),
            **facts,
        )
    )
    shown_units = told.units[:_MOST_UNITS]
    columns = ("found", "open", "overdue", "due_soon", "red")
    rows: list[list[str | float | None]] = [
        [unit(told.book, one, lang), *(shown(figures, f"unit.{one or NONE}.{name}") for name in columns)]
        for one in shown_units
    ]
    rows.append([_total(len(told.units), lang), *(shown(figures, f"all.{name}") for name in columns)])
    headings = [text("bulletin.column.lead_unit", lang)]
    headings += [text(f"dispatch.column.{name}.{told.kind}", lang) for name in columns]
    paper.table(headings, rows, _UNIT_MM, aligns=aligned("lrrrrr"), caption=text("dispatch.units", lang))
    pressing = _pressing(told, lang, _LINES - _lines(rows, _UNIT_MM, lang))
    if pressing:
        levels = told.book.cards.levels
        marks = {
            (row, 0): shade(told.book, level)
            for row, number in enumerate(told.pressing[: len(pressing)])
            for level in levels
            if level.id == told.figures.tables["issues"]["colour"][number]
        }
        paper.table(
            [text(f"bulletin.column.{name}", lang)
             for name in ("card", "unit", "category", "place", "due_at")],
            pressing, _PRESSING_MM, shades=marks, aligns=aligned("clllc"),
            caption=text("dispatch.pressing", lang, shown=len(pressing), count=len(told.pressing)),
        )  # fmt: skip
    paper.note(text("dispatch.basis", lang, register=register))
    return paper.save()


def _total(units: int, lang: Lang) -> str:
    return text("dispatch.total", lang, units=units)


def _pressing(told: Dispatch, lang: Lang, room: int) -> list[list[str | float | None]]:
    """As many of the most pressing issues as the page has lines for."""
    found: list[list[str | float | None]] = []
    levels = {level.id: level for level in told.book.cards.levels}
    for number in told.pressing:
        row = row_at(told.figures.tables["issues"], number)
        level = levels.get(row["colour"] or "")
        deadline = row["deadline"]
        cells: list[str | float | None] = [
            "" if level is None else card_word(level, lang),
            row["responsible"] or unit(told.book, row["lead_unit"], lang),
            category(told.book, row["category"], lang), place(row, lang),
            "" if deadline is None else f"{deadline:%Y-%m-%d}",
        ]  # fmt: skip
        room -= _lines([[f"■ {cells[0]}", *cells[1:]]], _PRESSING_MM, lang)
        if room < 0:
            break
        found.append(cells)
    return found


def _lines(rows: Sequence[Sequence[str | float | None]], widths: Sequence[float], lang: Lang) -> int:
    """How many lines of a table rows take, as wide as Chinese is."""
    return sum(
        max(
            math.ceil(max(em(str(cell or "")), 1) * _EM_MM[lang] / (width - 2.5))
            for cell, width in zip(row, widths, strict=True)
        )
        for row in rows
    )


def dispatch_register(told: Dispatch, lang: Lang) -> list[Sheet]:
    """Every figure of the list and the issues behind it."""
    words = Words(told.book, lang)
    return [
        figures_sheet(told.figures, words), table_sheet("issues", told.figures.tables["issues"], words),
    ]  # fmt: skip


# -- looking back --------------------------------------------------------------------------------------


def look_back_document(told: LookBack, register: str, lang: Lang) -> bytes:
    """Every site at which something was not in order, with what it was."""
    figures, office = told.figures, told.settings.office[lang]
    paper = OfficialDocument(lang, made_at=told.cut, internal=told.settings.internal, author=office)
    with paper.landscape():
        paper.title(text("dispatch.title.lookback", lang), days_of(told.period, lang))
        if not told.missions:
            paper.paragraph(text("bulletin.held_none", lang))
            return paper.save()
        paper.paragraph(
            text(
                "dispatch.told.lookback", lang, missions=names(told.missions, lang),
                sites=figures["site.failed"], units=figures["unit.failed"],
                again=figures["site.failed_before"],
                revisit=figures["site.revisit"], limit=f"{told.settings.revisit_below:g}",
            )
        )  # fmt: skip
        paper.table(
            [text(f"bulletin.column.{name}", lang) for name in _LOOK_BACK], _look_back_rows(told, lang),
            [11, 38, 22, 24, 34, 17, 62, 12, 12],
            aligns=aligned("cllllrlcc"),
            caption=text("dispatch.look_back_table", lang),
        )  # fmt: skip
        paper.note(
            text("dispatch.look_back_basis", lang, period=half_open(told.period, lang), register=register)
        )
    return paper.save()


_LOOK_BACK = ("rank", "site", "type", "district", "unit", "rate", "failed_items", "again", "revisit")


def _look_back_rows(told: LookBack, lang: Lang) -> list[list[str | float | None]]:
    table = told.figures.tables["sites"]
    found: list[list[str | float | None]] = []
    for number in range(len(table["site"])):
        row = row_at(table, number)
        wrong = ("；" if lang == "zh" else "; ").join(
            pair[0 if lang == "zh" else 1] for pair in row["failed_items"]
        )
        found.append(
            [
                number + 1, row["name"] or row["site"], issue_words.site_type(told.book, row["type"], lang),
                row["district"] or "", row["unit"] or "", rate(row["rate"]), wrong,
                *(text("bulletin.yes", lang) if row[name] else "" for name in ("failed_before", "revisit")),
            ]
        )  # fmt: skip
    return found


def look_back_register(told: LookBack, lang: Lang) -> list[Sheet]:
    """The sites as a workbook, with the figures of the document."""
    words = Words(told.book, lang)
    return [table_sheet("sites", told.figures.tables["sites"], words), figures_sheet(told.figures, words)]
