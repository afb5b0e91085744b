"""`zhoubian cards`: the board of open cards by colour, and cards for printing."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import typer

from geo.errors import DesignError

from .. import clock, issue_words
from ..i18n import Lang, text
from ..usecases import cards, rule_books
from .show import door, json_option, opened, print_json, say, table


def register(program: typer.Typer, lang: Lang) -> None:
    """Add the command to the program."""

    @program.command("cards", help=text("cli.cards", lang))
    def cards_(
        context: typer.Context,
        level: str | None = typer.Option(None, metavar="LEVEL", help=text("cli.cards_level", lang)),
        sheet: list[str] | None = typer.Option(None, metavar="ISSUE", help=text("cli.cards_sheet", lang)),
        out: Path | None = typer.Option(None, metavar="FILE", help=text("cli.cards_out", lang)),
        as_json: bool = json_option(lang),
    ) -> None:
        here, now = door(context), clock.now()
        if sheet and (level is not None or out is None):
            raise DesignError(
                "--sheet prints single issues: give --out FILE.html, and no --level", code="cards_options"
            )
        with opened(here) as store:
            if out is not None:
                count = cards.write_sheets(store, out, here.lang, now=now, issues=sheet or (), level=level)
                say(text("cli.cards_written", here.lang, file=out, count=count))
                return
            columns = cards.board(store, now=now, level=level)
            book = rule_books.current(store, now.date())
        if as_json:
            print_json([asdict(column) for column in columns])
            return
        for column in columns:
            title = text(
                "cli.cards_title", here.lang, card=issue_words.card(book, column.level.id, here.lang),
                open=column.open, overdue=column.overdue, suspended=column.suspended,
            )  # fmt: skip
            heads = ("issue", "category", "unit", "site", "state", "deadline")
            rows = [
                (case.issue, issue_words.category(book, case.category, here.lang),
                 case.responsible or issue_words.unit(book, case.lead_unit, here.lang), case.site,
                 text(f"issue.state.{case.state}", here.lang), issue_words.when(case.deadline))
                for case in column.nearest
            ]  # fmt: skip
            if rows:
                table(title, [issue_words.field(head, here.lang) for head in heads], rows)
            else:
                say(title)
