"""`zhoubian deadline`: when an issue is due."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import typer

from ..i18n import Lang, text
from ..supervision.worktime import Span
from ..usecases import deadlines
from ..usecases.deadlines import RED, Deadlines
from .moments import moment_or_now, said
from .show import door, json_option, print_json, say, table


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
        told = deadlines.deadlines(category, at, calendar=calendar)
        rows = _rows(told)
        if as_json:
            print_json(
                {
                    "category": told.category.code, "found": at.isoformat(), "deadline": told.span.words(),
                    "calendar": told.calendar,
                    **{card: None if due is None else due.isoformat() for card, _, due in rows},
                }
            )  # fmt: skip
            return
        heading = {
            "category": told.category.code,
            "name": told.category.zh if here.lang == "zh" else told.category.name,
            "found": said(at), "span": _length(told.span, here.lang), "calendar": told.calendar,
        }  # fmt: skip
        if told.yellow is None:
            say(text("cli.deadline_title", here.lang, **heading))
            say(text("cli.deadline_on_site", here.lang))
            return
        heads = [text(f"cli.head.{head}", here.lang) for head in ("card", "length", "due")]
        shown = [
            (text(f"deadline.card.{card}", here.lang), _length(span, here.lang), said(due))
            for card, span, due in rows
            if span is not None and due is not None
        ]
        table(text("cli.deadline_title", here.lang, **heading), heads, shown)


def _rows(told: Deadlines) -> list[tuple[str, Span | None, datetime | None]]:
    return [
        ("white", told.span, told.white), ("yellow", told.yellow_span, told.yellow), ("red", RED, told.red),
    ]  # fmt: skip


def _length(span: Span, lang: Lang) -> str:
    return text(f"deadline.unit.{span.unit}", lang, amount=span.amount)
