"""`zhoubian matches`: issues that may be one, and where else the same may be (举一反三)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import typer

from .. import clock, issue_words
from ..i18n import Lang, text
from ..supervision.rulebook import RuleBook
from ..usecases import issue_matches, rule_books
from ..usecases.issue_matches import HOURS, Lookalikes, Pair
from .show import door, json_option, opened, print_json, say, table


def register(program: typer.Typer, lang: Lang) -> None:
    """Add the command to the program."""
    json_flag = json_option(lang)

    @program.command("matches", help=text("cli.matches", lang))
    def matches(
        context: typer.Context,
        issue: str | None = typer.Option(None, help=text("cli.matches_issue", lang)),
        duplicates: bool = typer.Option(False, "--duplicates", help=text("cli.matches_duplicates", lang)),
        hours: float = typer.Option(HOURS, min=0, help=text("cli.matches_hours", lang)),
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        now = clock.now()
        found: Lookalikes | None = None
        with opened(here) as store:
            pairs = issue_matches.duplicates(store, now=now, hours=hours, issue=issue)
            if issue is not None and not duplicates:
                found = issue_matches.lookalikes(store, issue, now=now)
            book = rule_books.current(store, now.date())
        if as_json:
            more = {} if found is None else {
                "elsewhere": [asdict(one) for one in found.elsewhere], "more": found.more,
                "unseen": [asdict(one) for one in found.unseen],
            }  # fmt: skip
            print_json({"duplicates": [_plain(pair) for pair in pairs], **more})
            return
        _pairs(pairs, hours, book, here.lang)
        if found is not None:
            _lookalikes(found, book, here.lang)


def _plain(pair: Pair) -> dict[str, Any]:
    return {
        "first": pair.first.issue, "second": pair.second.issue, "category": pair.first.category,
        "site": pair.first.site or pair.second.site, "metres": pair.metres, "hours": pair.hours,
    }  # fmt: skip


def _pairs(pairs: Sequence[Pair], hours: float, book: RuleBook, lang: Lang) -> None:
    title = text("matches.pairs", lang, count=len(pairs), near=book.cards.near_m, hours=hours)
    if not pairs:
        say(title)
        return
    rows = [
        (
            pair.first.issue, pair.second.issue, issue_words.category(book, pair.first.category, lang),
            pair.first.site or pair.second.site, pair.metres, pair.hours,
        )
        for pair in pairs
    ]  # fmt: skip
    table(title, _heads(("first", "second", "category", "site", "metres", "hours"), lang), rows)


def _lookalikes(found: Lookalikes, book: RuleBook, lang: Lang) -> None:
    elsewhere = [
        (
            one.site, one.name, issue_words.site_type(book, one.site_type, lang), one.district,
            one.responsible, _alike(one.alike, lang), one.open, one.found, issue_words.when(one.last),
        )
        for one in found.elsewhere
    ]  # fmt: skip
    unseen = [(one.site, one.name, one.district, _alike(one.alike, lang), one.metres) for one in found.unseen]
    columns = ("site", "name", "type", "district", "body", "alike", "open", "found", "last")
    _titled(text("matches.elsewhere", lang, more=found.more), columns, elsewhere, lang)
    _titled(text("matches.unseen", lang), ("site", "name", "district", "alike", "metres"), unseen, lang)


def _titled(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], lang: Lang) -> None:
    if rows:
        table(title, _heads(columns, lang), rows)
    else:
        say(f"{title}: {text('matches.none', lang)}")


def _alike(names: Sequence[str], lang: Lang) -> str:
    return ("、" if lang == "zh" else ", ").join(text(f"matches.alike.{name}", lang) for name in names)


def _heads(names: Sequence[str], lang: Lang) -> list[str]:
    return [text(f"matches.head.{name}", lang) for name in names]
