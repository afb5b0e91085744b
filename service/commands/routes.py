"""`zhoubian routes`, `plan`, `plans`, `sheet`: routes of a draw, and work with a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer

from geo.errors import DesignError
from layers.rules import span_of
from layers.store import Store

from .. import clock, route_words
from ..i18n import Lang, error_text, text
from ..usecases import route_outputs, routes
from ..usecases.route_sites import SitesWanted
from ..usecases.route_teams import TeamsWanted, team_words
from . import moments
from .show import Door, door, json_option, opened, print_json, progress, say, table, warn


def register(program: typer.Typer, lang: Lang) -> None:
    """Add the commands to the program."""
    _register_making(program, lang)
    _register_editing(program, lang)
    json_flag = json_option(lang)
    named: Any = typer.Argument(help=text("cli.plan_name", lang))

    @program.command("plans", help=text("cli.plans", lang))
    def plans(context: typer.Context, as_json: bool = json_flag) -> None:
        here = door(context)
        with opened(here) as store:
            found = routes.listing(store)
        if as_json:
            print_json([asdict(plan) for plan in found])
            return
        heads = [text(f"cli.head.{head}", here.lang) for head in ("name", "draw", "at", "revision")]
        rows = [(p.name, p.draw, p.changed_at[:16].replace("T", " "), p.revision) for p in found]
        table(text("cli.plans_title", here.lang), heads, rows)

    @program.command("sheet", help=text("cli.sheet", lang))
    def sheet(
        context: typer.Context,
        name: str = named,
        team: str | None = typer.Option(None, help=text("cli.sheet_team", lang)),
        out: Path = typer.Option(..., help=text("cli.sheet_out", lang)),
    ) -> None:
        here = door(context)
        with opened(here) as store:
            route_outputs.write_sheet(store, name, team, out, here.lang)
        say(text("cli.written", here.lang, file=out))


def _register_making(program: typer.Typer, lang: Lang) -> None:
    json_flag = json_option(lang)

    def told(name: str) -> str:
        return text(f"cli.routes.{name}", lang)

    @program.command("routes", help=text("cli.routes", lang))
    def routes_(
        context: typer.Context,
        draw: str | None = typer.Argument(None, help=told("draw")),
        teams: int | None = typer.Option(None, help=told("teams")),
        team: list[str] | None = typer.Option(None, metavar="NAME=VALUE;...", help=told("team")),
        shift: str = typer.Option("08:00-12:00", help=told("shift")),
        mode: str = typer.Option("walk", help=told("mode")),
        start: str | None = typer.Option(None, metavar="LON,LAT", help=told("start")),
        start_anchor: str | None = typer.Option(None, metavar="ID", help=told("start_anchor")),
        end: str | None = typer.Option(None, metavar="same|open|LON,LAT", help=told("end")),
        max_work: str | None = typer.Option(None, metavar="H:MM", help=told("max_work")),
        must: list[str] | None = typer.Option(None, metavar="ID,ID", help=told("must")),
        lookback: list[str] | None = typer.Option(None, metavar="ID,ID", help=told("lookback")),
        any_one: list[str] | None = typer.Option(None, metavar="ID,ID", help=told("any_one")),
        needs: list[str] | None = typer.Option(None, metavar="ID=SKILL", help=told("needs")),
        service: list[str] | None = typer.Option(None, metavar="ID|KIND=MINUTES", help=told("service")),
        window: list[str] | None = typer.Option(None, metavar="ID|KIND=08:00-09:30", help=told("window")),
        date_: str | None = typer.Option(None, "--date", metavar="2026-11-24", help=told("date")),
        seconds: float | None = typer.Option(None, min=0.1, max=3600, help=told("seconds")),
        iterations: int | None = typer.Option(None, min=1, max=1_000_000, help=told("iterations")),
        seed: int = typer.Option(1, min=0, help=told("seed")),
        name: str | None = typer.Option(None, help=told("name")),
        server: str | None = typer.Option(None, metavar="URL", help=told("server")),
        out: Path | None = typer.Option(None, metavar="DIR", help=told("out")),
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        _apart("--teams", teams, "--team", team)
        _apart("--seconds", seconds, "--iterations", iterations)
        asked = TeamsWanted(
            tuple(team_words(one) for one in team) if team else 1 if teams is None else teams,
            mode=mode, shift=shift, start=start, start_anchor=start_anchor, end=end, max_work=max_work,
        )  # fmt: skip
        sites = SitesWanted(
            must=_ids(must), lookback=_ids(lookback), any_one=tuple(_ids([one]) for one in any_one or []),
            needs={key: _ids([words]) for key, words in _pairs(needs, "needs").items()},
            service_s={key: _minutes(words) for key, words in _pairs(service, "service").items()},
            windows_s={
                key: tuple(span_of(part) for part in words.split())
                for key, words in _pairs(window, "window").items()
            },
        )  # fmt: skip
        wanted = routes.Wanted(
            draw=draw, sites=sites, teams=asked, seed=seed, name=name,
            date=None if date_ is None else moments.day(date_), roads=server,
            seconds=None if iterations is not None else 10.0 if seconds is None else seconds,
            iterations=iterations,
        )  # fmt: skip
        with Store.open(here.settings.store, create=False) as store:
            record = routes.begin(store, wanted, now=clock.now())
            record = _improved(here, store, record["name"])
            _finish(here, store, record, out, as_json=as_json)


def _register_editing(program: typer.Typer, lang: Lang) -> None:
    json_flag = json_option(lang)

    def told(name: str) -> str:
        return text(f"cli.plan.{name}", lang)

    @program.command("plan", help=text("cli.plan", lang))
    def plan(
        context: typer.Context,
        name: str = typer.Argument(help=text("cli.plan_name", lang)),
        add: list[str] | None = typer.Option(None, metavar="ID", help=told("add")),
        remove: list[str] | None = typer.Option(None, metavar="ID", help=told("remove")),
        drop_team: str | None = typer.Option(None, metavar="TEAM", help=told("drop_team")),
        move: str | None = typer.Option(None, metavar="ID", help=told("move")),
        to: str | None = typer.Option(None, metavar="TEAM", help=told("to")),
        at: int | None = typer.Option(None, min=1, help=told("at")),
        lock: list[str] | None = typer.Option(None, metavar="ID|team/N", help=told("lock")),
        unlock: list[str] | None = typer.Option(None, metavar="ID|team/N", help=told("unlock")),
        solve: bool = typer.Option(False, "--solve", help=told("solve")),
        seconds: float | None = typer.Option(None, min=0.1, max=3600, help=text("cli.routes.seconds", lang)),
        iterations: int | None = typer.Option(
            None, min=1, max=1_000_000, help=text("cli.routes.iterations", lang)
        ),
        seed: int | None = typer.Option(None, min=0, help=text("cli.routes.seed", lang)),
        out: Path | None = typer.Option(None, metavar="DIR", help=text("cli.routes.out", lang)),
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        if (move is None) != (to is None):
            raise DesignError(
                "--move and --to go together: which stop, and to which team", code="move_and_to"
            )
        _apart("--seconds", seconds, "--iterations", iterations)
        for option, given in (("--seconds", seconds), ("--iterations", iterations), ("--seed", seed)):
            _only_with(option, given, "--solve", solve)
        _only_with("--at", at, "--move", move is not None)
        with Store.open(here.settings.store, create=False) as store:
            edits = [
                *(routes.adding(one) for one in add or []),
                *(routes.removing(one) for one in remove or []),
            ]
            if drop_team is not None:
                edits.append(routes.dropping(drop_team))
            if move is not None and to is not None:
                edits.append(routes.moving(move, to, at))
            edits += [
                routes.locking(what, on) for on, what in ((True, _ids(lock)), (False, _ids(unlock))) if what
            ]
            if edits:
                routes.change(store, name, edits, revision=None, now=clock.now())
            record = routes.record_of(store, name)
            if solve:
                record = _improved(here, store, name, seconds=seconds, iterations=iterations, seed=seed)
            _finish(here, store, record, out, as_json=as_json)


def _improved(here: Door, store: Store, name: str, **how: Any) -> dict[str, Any]:
    with progress(text("cli.routes_searching", here.lang)) as report:
        return routes.improve(
            store, name, now=clock.now, progress=lambda _, share: report(round(100 * share), 100), **how
        )


def _finish(here: Door, store: Store, record: dict[str, Any], out: Path | None, *, as_json: bool) -> None:
    """Show a plan, and write its files where that is asked for."""
    if as_json:
        print_json(record)
    else:
        show(record, here.lang)
        warn(store, here.lang)
    if out is not None:
        written = route_outputs.write_all(store, record["name"], out, here.lang)
        if not as_json:
            for file in written.files:
                say(text("cli.written", here.lang, file=file))
            for fault in written.refused:
                say(error_text(fault, here.lang))


def show(record: Mapping[str, Any], lang: Lang) -> None:
    """The plan as tables: settings, each team's day, what is not visited and why."""
    for label, value in route_words.settings(record, lang):
        say(f"{label}: {value}")
    names = {site["id"]: site for site in record["sites"]}
    columns = ("number", "arrive", "begin", "leave", "stop", "kind", "to_here", "slack", "late")
    heads = [text(f"cli.head.{head}", lang) for head in columns]
    for team, route in zip(record["teams"], record["routes"], strict=True):
        ways = {leg["to"]: leg for leg in route["legs"]}
        rows = [_row(stop, names[stop["site"]], ways.get(stop["site"]), lang) for stop in route["stops"]]
        table(route_words.team_line(team, route, lang), heads, rows)
    if record["dropped"]:
        rows = [
            (names[one["site"]]["name"] or one["site"], route_words.kind(names[one["site"]], lang),
             route_words.issues(names[one["site"]]["priority"]), route_words.reason(one, lang))
            for one in record["dropped"]
        ]  # fmt: skip
        heads = [text(f"cli.head.{head}", lang) for head in ("stop", "kind", "priority", "why")]
        table(text("cli.routes_dropped", lang, count=len(rows)), heads, rows)
    for line in (*route_words.warnings(record, lang), route_words.totals(record, lang)):
        say(line)


def _row(
    stop: Mapping[str, Any], site: Mapping[str, Any], way: Mapping[str, Any] | None, lang: Lang
) -> tuple[object, ...]:
    at = route_words.clock_time
    return (
        stop["number"], at(stop["arrive_s"]), at(stop["begin_s"]), at(stop["leave_s"]),
        site["name"] or site["id"], route_words.kind(site, lang),
        "" if way is None else route_words.way(way, lang),
        route_words.minutes(stop["slack_s"], lang),
        route_words.minutes(stop["late_s"], lang) if stop["late_s"] else "",
    )  # fmt: skip


def _apart(one: str, given: object, other: str, too: object) -> None:
    """Two options that would overrule each other are refused."""
    if given is not None and too:
        raise DesignError(f"{one} and {other} exclude each other", code="options_apart", one=one, other=other)


def _only_with(option: str, given: object, needs: str, there: bool) -> None:
    """An option that would do nothing is refused."""
    if given is not None and not there:
        raise DesignError(
            f"{option} does something only with {needs}", code="option_needs", option=option, needs=needs
        )


def _ids(given: Sequence[str] | None) -> tuple[str, ...]:
    return tuple(
        one.strip() for words in given or () for one in words.replace("，", ",").split(",") if one.strip()
    )


def _pairs(given: Sequence[str] | None, option: str) -> dict[str, str]:
    """``A=b`` words as a dict; a fault names the option."""
    told = {}
    for words in given or ():
        name, equals, value = (part.strip() for part in words.partition("="))
        if not equals or not name or not value:
            raise DesignError(
                f"--{option} {words[:40]!r}: write a site or a kind, = and the value",
                code="pair_unreadable", option=option, given=words[:40],
            )  # fmt: skip
        told[name] = value
    return told


def _minutes(words: str) -> int:
    try:
        seconds = round(60 * float(words))
    except (ValueError, OverflowError):
        seconds = 0
    if not 0 < seconds <= 24 * 3600:
        raise DesignError(
            f"{words[:20]!r} is no length of a visit; write minutes, such as 15",
            code="minutes_unreadable", given=words[:20],
        )  # fmt: skip
    return seconds
