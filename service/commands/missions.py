"""`zhoubian mission`: make a mission, open a sealed one, say how its stops stand, write its result sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer

from layers.missions import Mission

from .. import clock, issue_words
from ..i18n import Lang, text
from ..supervision.rulebook import RuleBook
from ..usecases import mission_progress, missions, result_files
from .moments import moment, said
from .show import by_option, door, json_option, opened, print_json, say, sub_program, table


def register(program: typer.Typer, lang: Lang) -> None:
    """Add the commands to the program."""
    group = sub_program(program, "mission", lang)
    _register_making(group, lang)
    _register_asking(group, lang)
    _register_going(group, lang)


def _register_making(group: typer.Typer, lang: Lang) -> None:
    json_flag = json_option(lang)

    def told(name: str) -> str:
        return text(f"cli.mission.{name}", lang)

    @group.command("new", help=told("new"))
    def new(
        context: typer.Context,
        name: str = typer.Argument(help=told("name")),
        kind: str = typer.Option("mock", help=told("kind")),
        draw: str | None = typer.Option(None, help=told("draw")),
        plan: str | None = typer.Option(None, help=told("plan")),
        must: list[str] | None = typer.Option(None, metavar="ID,ID", help=told("must")),
        of: list[str] | None = typer.Option(None, metavar="M1,M2", help=told("of")),
        starts: str | None = typer.Option(None, metavar="2026-05-06 08:00", help=told("starts")),
        by: str = by_option(lang),
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        with opened(here) as store:
            made = missions.create(
                store, name, kind, draw=draw, plan=plan, sites=_several(must), of=_several(of),
                starts_at=None if starts is None else moment(starts), now=clock.now(), who=by,
            )  # fmt: skip
            book = missions.rules_of(store, made)
        if as_json:
            print_json(missions.told(made))
        elif made.is_sealed:
            say(text("cli.mission.made_sealed", here.lang, name=name, start=said(made.starts_at)))
        else:
            _show(made, book, here.lang)


def _register_asking(group: typer.Typer, lang: Lang) -> None:
    json_flag = json_option(lang)
    named: Any = typer.Argument(help=text("cli.mission.name", lang))
    office: Any = by_option(lang)

    @group.command("list", help=text("cli.mission.list", lang))
    def listing(context: typer.Context, as_json: bool = json_flag) -> None:
        here = door(context)
        with opened(here) as store:
            found = missions.listing(store)
        if as_json:
            print_json([{**asdict(one), "starts_at": one.starts_at.isoformat()} for one in found])
            return
        names = ("name", "kind", "starts", "draw", "plan", "sites", "visited", "skipped", "results", "failed")
        rows = [
            (one.name, text(f"mission.kind.{one.kind}", here.lang), said(one.starts_at), one.draw, one.plan,
             text("mission.sealed", here.lang) if one.sites is None else one.sites, one.visited, one.skipped,
             one.results, one.failed)
            for one in found
        ]  # fmt: skip
        heads = [text(f"cli.mission.head.{name}", here.lang) for name in names]
        table(text("cli.mission.list_title", here.lang, count=len(found)), heads, rows)

    @group.command("show", help=text("cli.mission.show", lang))
    def show(context: typer.Context, name: str = named, by: str = office, as_json: bool = json_flag) -> None:
        here = door(context)
        with opened(here) as store:
            found = missions.of(store, name, now=clock.now(), who=by)
            book = missions.rules_of(store, found)
        if as_json:
            print_json(missions.told(found))
        else:
            _show(found, book, here.lang)

    @group.command("sheet", help=text("cli.mission.sheet", lang))
    def sheet(
        context: typer.Context,
        name: str = named,
        out: Path = typer.Option(..., metavar="FILE.xlsx", help=text("cli.mission.out", lang)),
        by: str = office,
    ) -> None:
        here = door(context)
        with opened(here) as store:
            result_files.write_sheet(store, name, out, lang=here.lang, who=by, now=clock.now())
        say(text("cli.written", here.lang, file=out))

    @group.command("access", help=text("cli.mission.access", lang))
    def access(context: typer.Context, name: str = named, as_json: bool = json_flag) -> None:
        here = door(context)
        with opened(here) as store:
            found = missions.accesses(store, name)
        if as_json:
            print_json([{**vars(one), "at": one.at.isoformat()} for one in found])
            return
        rows = [(said(one.at), one.who, text(f"mission.access.{one.what}", here.lang)) for one in found]
        heads = [text(f"cli.mission.head.{head}", here.lang) for head in ("at", "who", "what")]
        table(text("cli.mission.access_title", here.lang, name=name, count=len(found)), heads, rows)


def _register_going(group: typer.Typer, lang: Lang) -> None:
    json_flag = json_option(lang)
    named: Any = typer.Argument(help=text("cli.mission.name", lang))
    office: Any = by_option(lang)

    @group.command("start", help=text("cli.mission.start", lang))
    def start(
        context: typer.Context,
        name: str = named,
        second: str | None = typer.Option(None, help=text("cli.mission.second", lang)),
        plan: str | None = typer.Option(None, help=text("cli.mission.plan", lang)),
        by: str = office,
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        with opened(here) as store:
            found = mission_progress.start(store, name, second, plan=plan, now=clock.now(), who=by)
            book = missions.rules_of(store, found)
        if as_json:
            print_json(missions.told(found))
        else:
            _show(found, book, here.lang)

    @group.command("status", help=text("cli.mission.status", lang))
    def status(
        context: typer.Context,
        name: str = named,
        site: str = typer.Argument(help=text("cli.mission.site", lang)),
        status: str = typer.Argument(metavar="visited|skipped|planned", help=text("cli.mission.to", lang)),
        why: str | None = typer.Option(None, help=text("cli.mission.why", lang)),
        by: str = office,
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        with opened(here) as store:
            found = mission_progress.set_status(store, name, site, status, why=why, now=clock.now(), who=by)
        if as_json:
            print_json(missions.told(found))
            return
        words = text(f"mission.status.{status}", here.lang)
        say(text("cli.mission.status_set", here.lang, name=name, site=site, status=words))


def _several(given: Sequence[str] | None) -> list[str]:
    """Ids or names that were given one by one or with commas."""
    words = ",".join(given or ()).replace("，", ",").split(",")
    return [word.strip() for word in words if word.strip()]


def _show(mission: Mission, book: RuleBook, lang: Lang) -> None:
    """The stops of a mission as a table."""
    names = ("team", "order", "site", "name", "type", "district", "must", "status", "why")
    must = text("results.flag.yes", lang)
    rows = [
        (site["team"], site["order"], site["id"], site["name"],
         issue_words.site_type(book, site["type"], lang), site["district"],
         must if site["must_visit"] else None, text(f"mission.status.{site['status']}", lang), site["why"])
        for site in mission.sites
    ]  # fmt: skip
    title = text(
        "cli.mission.title", lang, name=mission.name, kind=text(f"mission.kind.{mission.kind}", lang),
        start=said(mission.starts_at), rules=mission.rules, count=len(rows),
    )  # fmt: skip
    table(title, [text(f"cli.mission.head.{name}", lang) for name in names], rows)
    if mission.record["gone"]:
        gone = ", ".join(mission.record["gone"])
        say(text("cli.mission.gone", lang, count=len(mission.record["gone"]), ids=gone))
