"""`zhoubian deadline`: when an issue is due."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import typer

from ..i18n import Lang, text
from ..supervision.rulebook import RuleBook
from ..supervision.worktime import Span
from ..usecases import deadlines, rule_books
from .moments import moment_or_now, said
from .show import Door, door, json_option, opened, print_json, say, table


def register(program: typer.Typer, lang: Lang) -> None:
    """Add the command to the program."""
    json_flag = json_option(lang)

    @program.command("deadline", help=text("cli.deadline", lang))
    def deadline(
        context: typer.Context,
        category: str = typer.Argument(help=text("cli.deadline_category", lang)),
        found: str | None = typer.Option(None, help=text("cli.deadline_found", lang)),
        calendar: Path | None = typer.Option(None, help=text("cli.deadline_calendar", lang)),
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        at = moment_or_now(found)
        told = deadlines.deadlines(category, at, calendar=calendar, book=_book(here, at))
        if as_json:
            print_json(
                {
                    "category": told.category.code, "found": at.isoformat(), "deadline": told.span.words(),
                    "calendar": told.calendar, "due": told.due.isoformat(), "provisional": told.provisional,
                    "cards": {card.level.id: card.due.isoformat() for card in told.cards},
                }
            )  # fmt: skip
            return
        heading = {
            "category": told.category.code,
            "name": told.category.zh if here.lang == "zh" else told.category.name,
            "found": said(at), "span": _length(told.span, here.lang), "calendar": told.calendar,
        }  # fmt: skip
        if not told.cards:
            say(text("cli.deadline_title", here.lang, **heading))
            say(text("cli.deadline_on_site", here.lang))
            return
        heads = [text(f"cli.head.{head}", here.lang) for head in ("card", "length", "due")]
        shown = [
            (
                card.level.zh if here.lang == "zh" else card.level.en,
                _length(card.span, here.lang),
                said(card.due),
            )
            for card in told.cards
        ]
        table(text("cli.deadline_title", here.lang, **heading), heads, shown)
        if told.provisional:
            say(text("cli.deadline_provisional", here.lang))


def _book(here: Door, at: datetime) -> RuleBook | None:
    """The rules of the office, where it has a store."""
    if not here.settings.store.exists():
        return None
    with opened(here) as store:
        return rule_books.current(store, at.date())


def _length(span: Span, lang: Lang) -> str:
    return text(f"deadline.unit.{span.unit}", lang, amount=span.amount)
