"""`zhoubian figures`: what was found, due, closed in time and is open, and how quickly litter goes."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import typer

from geo.errors import DesignError

from .. import clock
from ..i18n import Lang, text
from ..usecases import figure_files, follow_figures, response_times, rule_books
from ..usecases.figure_files import percent, period
from ..usecases.follow_figures import BY, COUNTED, Figures
from ..usecases.response_times import PLACES, ResponseTimes
from . import moments
from .show import Door, door, json_option, opened, print_json, say, table

SHOWN = 30
COLUMNS = ("due", "closed", "on_time", "suspended", "open", "overdue", "rework")


def register(program: typer.Typer, lang: Lang) -> None:
    """Add the command to the program."""
    json_flag = json_option(lang)
    known = {"known": ", ".join(BY), "places": ", ".join(PLACES)}

    @program.command("figures", help=text("cli.figures", lang))
    def figures(
        context: typer.Context,
        since: str | None = typer.Option(None, help=text("cli.figures_since", lang)),
        until: str | None = typer.Option(None, help=text("cli.figures_until", lang)),
        by: str | None = typer.Option(None, "--by", help=text("cli.figures_by", lang, **known)),
        response: bool = typer.Option(False, "--response", help=text("cli.figures_response", lang)),
        rows: str | None = typer.Option(
            None, "--rows", help=text("cli.figures_rows", lang, known=", ".join(COUNTED))
        ),
        group: str | None = typer.Option(None, help=text("cli.figures_group", lang)),
        out: Path | None = typer.Option(None, help=text("cli.figures_out", lang)),
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        days = (_day(since), _day(until))
        if response:
            _response(here, days, by or "district", out, as_json=as_json)
        elif rows is not None:
            _rows(here, rows, group, days, by, as_json=as_json)
        else:
            _figures(here, days, by, out, as_json=as_json)


def _figures(
    here: Door, days: tuple[date | None, date | None], by: str | None, out: Path | None, *, as_json: bool
) -> None:
    with opened(here) as store:
        told = follow_figures.figures(store, since=days[0], until=days[1], by=by, now=clock.now())
        book = rule_books.current(store, told.cut.date())
        if out is not None:
            figure_files.write_figures(told, out, store, book, here.lang)
    if as_json:
        print_json(_plain(told))
        return
    names = [*COLUMNS, *told.total.cards]
    grouped = [(figure_files.word(by, one.key, book, here.lang), one.counts) for one in told.groups]
    shown = [*grouped[:SHOWN], (text("figures.total", here.lang), told.total)]
    heads = [text(f"figures.by.{by}" if by else "figures.name", here.lang)]
    heads += [figure_files.heading(name, book, here.lang) for name in (*names, *figure_files.RATES)]
    cells = []
    for name, counts in shown:
        flat = counts.to_dict()
        rates = (percent(counts.close_rate), percent(counts.on_time_rate))
        cells.append((name, *(flat[column] for column in names), *rates))
    table(f"{period(told, here.lang)}, {_as_of(told, here.lang)}", heads, cells)
    say(f"{text('figures.due', here.lang)}: {text('figures.means.due', here.lang)}")
    if out is not None:
        say(text("cli.written", here.lang, file=out))


def _rows(
    here: Door, figure: str, group: str | None, days: tuple[date | None, date | None], by: str | None,
    *, as_json: bool,
) -> None:  # fmt: skip
    with opened(here) as store:
        ids = follow_figures.rows_of(
            store, figure, group, since=days[0], until=days[1], by=by, now=clock.now()
        )
    if as_json:
        print_json(ids)
        return
    say(text("cli.figures_rows_of", here.lang, figure=figure, count=len(ids)))
    for issue in ids:
        say(issue)


def _response(
    here: Door, days: tuple[date | None, date | None], by: str, out: Path | None, *, as_json: bool
) -> None:
    if by not in PLACES:
        raise DesignError(
            f"with --response, --by is one of {', '.join(PLACES)}",
            code="figures_response", known=", ".join(PLACES),
        )  # fmt: skip
    with opened(here) as store:
        told = response_times.response_times(store, since=days[0], until=days[1], by=by, now=clock.now())
        if out is not None:
            response_times.write_responses(told, out, store, here.lang)
    if as_json:
        print_json(
            {"limits": told.limits, "as_of": told.cut.isoformat(), "by": by, "total": asdict(told.total),
             "groups": [asdict(one) for one in told.groups]}
        )  # fmt: skip
        return
    if not told.total.issues:
        say(text("figures.response_none", here.lang))
        return
    _response_table(told, by, here.lang)
    if out is not None:
        say(text("cli.written", here.lang, file=out))


def _response_table(told: ResponseTimes, by: str, lang: Lang) -> None:
    limits = [
        text("figures.limit", lang, category=code, minutes=minutes) for code, minutes in told.limits.items()
    ]
    title = text(
        "figures.response_title", lang, limits=", ".join(limits), period=period(told, lang),
        as_of=_as_of(told, lang),
    )  # fmt: skip
    names = ("issues", "in_time", "late", "undecided", "share", "median", "p90")
    heads = [text(f"figures.by.{by}", lang), *(text(f"figures.response.{name}", lang) for name in names)]
    named = [(one.key or text("figures.unknown", lang), one) for one in told.groups[:SHOWN]]
    cells = [
        (name, one.issues, one.in_time, one.late, one.undecided, percent(one.share), one.median, one.p90)
        for name, one in (*named, (text("figures.total", lang), told.total))
    ]
    table(title, heads, cells)


def _as_of(told: Figures | ResponseTimes, lang: Lang) -> str:
    return text("figures.as_of", lang, cut=f"{told.cut:%Y-%m-%d %H:%M}")


def _day(words: str | None) -> date | None:
    return None if words is None else moments.day(words)


def _plain(told: Figures) -> dict[str, Any]:
    return {
        "since": told.since, "until": told.until, "as_of": told.cut.isoformat(), "by": told.by,
        "total": told.total.to_dict(),
        "groups": [{"key": one.key, **one.counts.to_dict()} for one in told.groups],
        "curve": [asdict(day) for day in told.curve],
    }  # fmt: skip
