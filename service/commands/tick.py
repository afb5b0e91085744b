"""`zhoubian tick`: let time pass over the cards."""

from __future__ import annotations

from dataclasses import asdict

import typer

from .. import issue_words
from ..i18n import Lang, text
from ..usecases import rule_books
from ..usecases.tick import tick
from .moments import moment_or_now, said
from .show import door, json_option, opened, print_json, say


def register(program: typer.Typer, lang: Lang) -> None:
    """Add the command to the program."""

    @program.command("tick", help=text("cli.tick", lang))
    def tick_(
        context: typer.Context,
        now: str | None = typer.Option(None, "--now", metavar="TIME", help=text("cli.tick_now", lang)),
        anyway: bool = typer.Option(False, "--anyway", help=text("cli.tick_anyway", lang)),
        as_json: bool = json_option(lang),
    ) -> None:
        here = door(context)
        with opened(here) as store:
            told = tick(store, now=moment_or_now(now), anyway=anyway)
            book = rule_books.current(store, told.at.date())
        if as_json:
            print_json(asdict(told))
            return
        raised = "、" if here.lang == "zh" else ", "
        words = raised.join(
            text("cli.tick_raised", here.lang, card=issue_words.card(book, colour, here.lang), count=count)
            for colour, count in told.raised.items()
        )
        say(
            text("cli.tick_done", here.lang, at=said(told.at), looked_at=told.looked_at,
                 raised=words or text("cli.tick_none", here.lang), resumed=told.resumed)
        )  # fmt: skip
        if sum(told.raised.values()) > len(told.issues):
            say("· " + text("cli.tick_twice", here.lang))
