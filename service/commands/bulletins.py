"""`zhoubian bulletin`, `bulletins`, `plaque`: documents of a period, and who holds the plaque."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import typer

from geo.errors import DesignError

from .. import clock, issue_words
from ..bulletin_words import days_of, period_name, plaque_why, rate, unit
from ..i18n import Lang, text
from ..usecases import bulletins, dispatch_lists, plaques, rule_books
from ..usecases.bulletins import Written
from .moments import moment_or_now, said
from .show import door, json_option, opened, print_json, say, table

KINDS = ("bulletin", *dispatch_lists.DISPATCHES, "lookback")


def register(program: typer.Typer, lang: Lang) -> None:
    """Add the commands to the program."""
    _register_writing(program, lang)
    _register_asking(program, lang)


def _register_writing(program: typer.Typer, lang: Lang) -> None:
    def told(name: str) -> str:
        return text(f"cli.bulletin.{name}", lang)

    @program.command("bulletin", help=text("cli.bulletin", lang))
    def bulletin(
        context: typer.Context,
        out: Path = typer.Option(..., metavar="FILE.docx", help=told("out")),
        until: str | None = typer.Option(None, metavar="DATE", help=told("until")),
        period: str | None = typer.Option(None, metavar="PERIOD", help=told("period")),
        kind: str = typer.Option("bulletin", metavar="|".join(KINDS), help=told("kind")),
        number: int | None = typer.Option(None, min=1, help=told("number")),
        now: str | None = typer.Option(None, metavar="TIME", help=told("now")),
        as_json: bool = json_option(lang),
    ) -> None:
        if kind not in KINDS:
            raise DesignError(
                f"{kind[:30]!r} is no kind of document; use one of {', '.join(KINDS)}",
                code="bulletin_kind", given=kind[:30], known=", ".join(KINDS),
            )  # fmt: skip
        here, at = door(context), moment_or_now(now)
        day = None if until is None else _day(until)
        written: Written | None = None
        with opened(here) as store:
            if kind in dispatch_lists.DISPATCHES:
                wanted = day or at.astimezone(clock.SHANGHAI).date()
                files = dispatch_lists.write_dispatch(store, kind, wanted, out, here.lang, now=at)
            else:
                asked = bulletins.period_of(store, until=day, kind=period, now=at)
                if kind == "lookback":
                    files = dispatch_lists.write_look_back(store, asked, out, here.lang, now=at)
                else:
                    done = bulletins.write(store, asked, out, here.lang, now=at, number=number)
                    written, files = done.written, [done.document, done.register, *done.maps]
        if as_json:
            facts = {} if written is None else _facts(written)
            print_json({**facts, "files": [str(path) for path in files]})
            return
        say(_headline(written, here.lang))
        for path in files:
            say(f"  {path}")


def _headline(written: Written | None, lang: Lang) -> str:
    """What was written: a bulletin with its number, a draft, or a list."""
    if written is None:
        return text("cli.bulletin.list_written", lang)
    code = "written" if written.number else "draft"
    return text(
        f"cli.bulletin.{code}", lang, year=written.year, number=written.number, version=written.version,
        period=f"{period_name(written.period.kind, lang)} {days_of(written.period, lang)}",
    )  # fmt: skip


def _register_asking(program: typer.Typer, lang: Lang) -> None:
    json_flag = json_option(lang)

    @program.command("bulletins", help=text("cli.bulletins", lang))
    def bulletins_(context: typer.Context, as_json: bool = json_flag) -> None:
        here = door(context)
        with opened(here) as store:
            found = bulletins.listing(store)
        if as_json:
            print_json([_facts(one) for one in found])
            return
        if not found:
            say(text("cli.bulletins.none", here.lang))
            return
        names = ("number", "kind", "days", "written", "version", "open", "rate", "rules")
        table(
            text("cli.bulletins", here.lang), [text(f"cli.bulletins.{name}", here.lang) for name in names],
            [
                [
                    f"{one.year}-{one.number}", period_name(one.period.kind, here.lang),
                    days_of(one.period, here.lang), said(one.written_at), one.version,
                    one.record["figures"]["issue.now.open"], rate(one.record["figures"]["score.now.rate"]),
                    one.record["rules"],
                ]
                for one in found
            ],
        )  # fmt: skip

    @program.command("plaque", help=text("cli.plaque", lang))
    def plaque(context: typer.Context, as_json: bool = json_flag) -> None:
        here = door(context)
        with opened(here) as store:
            found = plaques.history(store)
            book = rule_books.current(store, clock.now().date())
        if as_json:
            print_json([asdict(one) for one in found])
            return
        if not found:
            say(text("cli.plaque.none", here.lang))
            return
        nobody = text("cli.plaque.nobody", here.lang)
        table(
            text("cli.plaque", here.lang),
            [text(f"cli.plaque.{name}", here.lang) for name in ("days", "unit", "why", "from")],
            [
                [
                    f"{one.since} – {one.until}",
                    unit(book, one.unit, here.lang) if one.held else nobody, plaque_why(one, here.lang),
                    text("cli.plaque.kept", here.lang) if one.held and one.moved_from == one.unit
                    else issue_words.unit(book, one.moved_from, here.lang),
                ]
                for one in found
            ],
        )  # fmt: skip


def _facts(one: Written) -> dict[str, Any]:
    period = one.period
    return {
        "year": one.year, "number": one.number, "version": one.version, "period": period.kind,
        "since": str(period.since), "until": str(period.last), "written_at": one.written_at.isoformat(),
        "rules": one.record["rules"], "digest": one.record["digest"], "figures": one.record["figures"],
    }  # fmt: skip


def _day(words: str) -> date:
    try:
        return date.fromisoformat(words.strip())
    except ValueError:
        raise DesignError(
            f"until {words[:40]!r} is no date; write 2026-05-06", code="filter_date", field="until",
            given=words[:40],
        ) from None  # fmt: skip
