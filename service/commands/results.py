"""`zhoubian results`: take what was found from a filled-in sheet or from the command line, and show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import typer

from geo.errors import DesignError, ZhoubianError
from layers.missions import Result

from .. import clock, result_words
from ..i18n import Lang, error_text, fault_text, text
from ..usecases import missions, result_files, results
from ..usecases.mission_sites import one_of
from ..usecases.result_rows import ResultRow
from ..usecases.results import ResultsReport
from .moments import moment, said
from .show import by_option, door, fail, json_option, opened, print_json, say, sub_program, table

FAULTY = 1
SHOWN = 50
"""Faults on the screen; all of them stand in the workbook of refused rows and in the JSON."""


def register(program: typer.Typer, lang: Lang) -> None:
    """Add the commands to the program."""
    group = sub_program(program, "results", lang)
    _register_taking(group, lang)
    _register_setting(group, lang)
    _register_showing(group, lang)


def _register_taking(group: typer.Typer, lang: Lang) -> None:
    def told(name: str) -> str:
        return text(f"cli.results.{name}", lang)

    @group.command("take", help=told("take"))
    def take(
        context: typer.Context,
        file: Path = typer.Argument(metavar="FILE.xlsx", help=told("file")),
        mission: str = typer.Option(..., help=told("mission")),
        photos: Path | None = typer.Option(None, metavar="DIR", help=told("photos")),
        refused: Path | None = typer.Option(None, metavar="FILE.xlsx", help=told("refused")),
        encoding: str | None = typer.Option(None, help=told("encoding")),
        dry_run: bool = typer.Option(False, "--dry-run", help=told("dry_run")),
        by: str = by_option(lang),
        as_json: bool = json_option(lang),
    ) -> None:
        here = door(context)
        with opened(here) as store:
            report = result_files.take_file(
                store, mission, file, who=by, now=clock.now(), photos=photos, dry_run=dry_run,
                refused=refused, lang=here.lang, encoding=encoding,
            )  # fmt: skip
        _finish(report, here.lang, as_json=as_json, dry_run=dry_run)


def _register_setting(group: typer.Typer, lang: Lang) -> None:
    def told(name: str) -> str:
        return text(f"cli.results.{name}", lang)

    @group.command("set", help=told("set"))
    def set_(
        context: typer.Context,
        mission: str = typer.Argument(help=told("mission")),
        site: str = typer.Argument(help=text("cli.mission.site", lang)),
        item: str = typer.Argument(help=told("item")),
        verdict: str = typer.Argument(metavar="yes|no|na|unseen", help=told("verdict")),
        cases: int | None = typer.Option(None, help=told("cases")),
        inside_lines: bool = typer.Option(False, "--inside-lines", help=told("inside_lines")),
        fixed: bool = typer.Option(False, "--fixed", help=told("fixed")),
        note: str | None = typer.Option(None, help=told("note")),
        photo: list[str] | None = typer.Option(None, help=told("photo")),
        at: str | None = typer.Option(None, metavar="2026-05-06 09:30", help=told("at")),
        by: str = by_option(lang),
        as_json: bool = json_option(lang),
    ) -> None:
        here = door(context)
        row = ResultRow(
            site=site, item=item, verdict=_verdict(verdict), cases=cases, inside_lines=inside_lines,
            fixed_on_site=fixed, note=note, photos=tuple(photo or ()),
            at=None if at is None else moment(at),
        )  # fmt: skip
        now = clock.now()
        with opened(here) as store:
            row = replace(row, site=one_of(missions.stored(store, mission, now=now), site)["id"])
            report = results.take_results(store, mission, [row], who=by, now=now)
        _finish(report, here.lang, as_json=as_json, dry_run=False)


def _register_showing(group: typer.Typer, lang: Lang) -> None:
    def told(name: str) -> str:
        return text(f"cli.results.{name}", lang)

    @group.command("show", help=told("show"))
    def show(
        context: typer.Context,
        mission: str = typer.Argument(help=told("mission")),
        site: str | None = typer.Option(None, help=text("cli.mission.site", lang)),
        out: Path | None = typer.Option(None, metavar="FILE.xlsx|csv", help=told("out")),
        by: str = by_option(lang),
        as_json: bool = json_option(lang),
    ) -> None:
        here = door(context)
        now = clock.now()
        with opened(here) as store:
            found = missions.of(store, mission, now=now, who=by, what="results")
            chosen = None if site is None else one_of(found, site)["id"]
            held = results.results_of(store, mission, site=chosen)
            if out is not None:
                result_files.write_results(store, mission, out, site=chosen, lang=here.lang, who=by, now=now)
        if as_json:
            print_json([_json(one) for one in held])
        elif out is None:
            _show(held, {one["id"]: one["name"] for one in found.sites}, mission, here.lang)
        if out is not None and not as_json:
            say(text("cli.written", here.lang, file=out))


def _verdict(word: str) -> str:
    found = result_words.verdict(word)
    if found is None:
        raise DesignError(
            f"{word[:40]!r} is no result; write yes (符合), no (不符合), na (不适用) or unseen (未查看)",
            code="verdict_unknown", given=word[:40],
        )  # fmt: skip
    return found


def _finish(report: ResultsReport, lang: Lang, *, as_json: bool, dry_run: bool) -> None:
    """What became of the rows; with faults the table of all of them, and exit code 1."""
    if as_json:
        faults = [{**vars(fault), "message": fault_text(fault, lang)} for fault in report.faults]
        print_json({**vars(report), "faults": faults})
    elif report.faults:
        _show_faults(report, lang)
    else:
        _show_report(report, lang, dry_run=dry_run)
    if report.faults:
        try:
            report.require()
        except ZhoubianError as error:
            fail(error_text(error, lang), lang)
        raise typer.Exit(FAULTY)


def _show_report(report: ResultsReport, lang: Lang, *, dry_run: bool) -> None:
    code = "cli.results.would" if dry_run else "cli.results.taken"
    say(
        text(
            code,
            lang,
            mission=report.mission,
            rows=report.rows,
            new=report.new,
            changed=report.changed,
            unchanged=report.unchanged,
            blank=report.blank,
        )
    )
    say(
        text(
            "cli.results.issues",
            lang,
            taken=len(report.taken_up),
            corrected=len(report.corrected),
            withdrawn=len(report.withdrawn),
            visited=len(report.visited),
        )
    )
    if report.assumed:
        say("· " + text("cli.results.assumed", lang, count=report.assumed))
    if report.untimed:
        say("· " + text("cli.results.untimed", lang, count=report.untimed, at=said(clock.now())))
    if report.stale:
        say("· " + text("cli.results.stale", lang))


def _show_faults(report: ResultsReport, lang: Lang) -> None:
    heads = [text(f"cli.head.{name}", lang) for name in ("row", "column", "value", "reason")]
    rows = [(one.row, one.column, one.value, fault_text(one, lang)) for one in report.faults[:SHOWN]]
    title = text("cli.results.faults_title", lang, mission=report.mission, count=len(report.faults))
    table(title, heads, rows)
    if len(report.faults) > SHOWN:
        say(text("cli.results.more", lang, count=len(report.faults) - SHOWN))


def _show(held: list[Result], names: Mapping[str, str | None], mission: str, lang: Lang) -> None:
    columns = ("site", "name", "item", "verdict", "cases", "inside_lines", "fixed_on_site", "note", "at")
    yes = text("results.flag.yes", lang)
    rows: list[tuple[Any, ...]] = [
        (one.site, names.get(one.site), one.item, text(f"results.verdict.{one.verdict}", lang),
         one.cases or None, yes if one.inside_lines else None, yes if one.fixed_on_site else None, one.note,
         said(one.at))
        for one in held
    ]  # fmt: skip
    heads = [text(f"results.head.{name}", lang) for name in columns]
    table(text("cli.results.title", lang, mission=mission, count=len(rows)), heads, rows)


def _json(result: Result) -> dict[str, Any]:
    return {**vars(result), "photos": list(result.photos), "at": result.at.isoformat()}
