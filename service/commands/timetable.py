"""`zhoubian timetable`: the dated work list of the desk review."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import typer

from .. import clock
from ..i18n import Lang, fault_text, text
from ..usecases import timetable, timetable_file
from ..usecases.timetable import Task
from . import moments
from .show import Door, door, fail, json_option, opened, print_json, say, sub_program, table

_SHOWN = ("id", "due", "title", "period", "unit", "standing", "note")


def register(program: typer.Typer, lang: Lang) -> None:
    """Add the sub-application to the program."""
    group = sub_program(program, "timetable", lang)
    _listing(group, lang)
    _changing(group, lang)
    _taking(group, lang)


def _listing(group: typer.Typer, lang: Lang) -> None:
    json_flag = json_option(lang)

    @group.command("list", help=text("cli.timetable_list", lang))
    def list_(
        context: typer.Context,
        within: str = typer.Option("month", help=text("cli.timetable_within", lang)),
        on: str | None = typer.Option(None, metavar="DAY", help=text("cli.timetable_on", lang)),
        done: bool = typer.Option(False, "--done", help=text("cli.timetable_done_too", lang)),
        out: Path | None = typer.Option(None, help=text("cli.table_out", lang)),
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        day = _day_or_today(on)
        with opened(here) as store:
            held = timetable.due(store, day, within, done=done)
            if out is not None:
                timetable_file.save(store, held, out, here.lang)
        _show(held, day, here, as_json=as_json)
        if out is not None and not as_json:
            say(text("cli.written", here.lang, file=out))


def _changing(group: typer.Typer, lang: Lang) -> None:
    json_flag = json_option(lang)

    @group.command("add", help=text("cli.timetable_add", lang))
    def add(
        context: typer.Context,
        title: str = typer.Argument(help=text("cli.timetable_title", lang)),
        due: str = typer.Option(..., metavar="DAY", help=text("cli.timetable_due", lang)),
        every: str | None = typer.Option(None, help=text("cli.timetable_every", lang)),
        times: int = typer.Option(1, help=text("cli.timetable_times", lang)),
        unit: str | None = typer.Option(None, help=text("cli.timetable_unit", lang)),
        note: str | None = typer.Option(None, help=text("cli.timetable_note", lang)),
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        first = moments.day(due)
        with opened(here) as store:
            made = timetable.add(store, title, first, period=every, times=times, unit=unit, note=note)
        _show(made, clock.now().date(), here, as_json=as_json)

    @group.command("done", help=text("cli.timetable_done", lang))
    def done(
        context: typer.Context,
        tasks: list[str] = typer.Argument(help=text("cli.timetable_ids", lang)),
        on: str | None = typer.Option(None, metavar="DAY", help=text("cli.timetable_done_on", lang)),
        undo: bool = typer.Option(False, "--undo", help=text("cli.timetable_undo", lang)),
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        day = _day_or_today(on)
        with opened(here) as store:
            held = timetable.mark_done(store, tasks, None if undo else day)
        _show(held, day, here, as_json=as_json)

    @group.command("remove", help=text("cli.timetable_remove", lang))
    def remove(
        context: typer.Context, tasks: list[str] = typer.Argument(help=text("cli.timetable_ids", lang))
    ) -> None:
        here = door(context)
        with opened(here) as store:
            timetable.remove(store, tasks)
        say(text("task.removed", here.lang, count=len(set(tasks))))


def _taking(group: typer.Typer, lang: Lang) -> None:
    json_flag = json_option(lang)

    @group.command("import", help=text("cli.timetable_import", lang))
    def import_(
        context: typer.Context,
        file: Path = typer.Argument(help=text("cli.timetable_file", lang)),
        year: int | None = typer.Option(None, help=text("cli.timetable_year", lang)),
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        with opened(here) as store:
            told = timetable_file.take(store, file, year=year)
        if as_json:
            faults = [vars(fault) for fault in told.faults]
            print_json({"new": told.new, "changed": told.changed, "same": told.same, "faults": faults})
        elif not told.faults:
            say(text("task.taken", here.lang, new=told.new, changed=told.changed, same=told.same))
        if told.faults:
            if not as_json:
                rows = [(one.row, one.column, one.value, fault_text(one, here.lang)) for one in told.faults]
                heads = [text(f"cli.head.{name}", here.lang) for name in ("row", "column", "value", "reason")]
                table(text("task.faults", here.lang, count=len(rows)), heads, rows)
            fail(text("task.nothing_taken", here.lang, file=file.name, count=len(told.faults)), here.lang)
            raise typer.Exit(1)


def _day_or_today(words: str | None) -> date:
    return clock.now().date() if words is None else moments.day(words)


def _show(held: Sequence[Task], day: date, here: Door, *, as_json: bool) -> None:
    if as_json:
        print_json([{**vars(task), "standing": task.standing(day)} for task in held])
        return
    rows = [[_cell(name, task, day, here.lang) for name in _SHOWN] for task in held]
    title = text("task.title", here.lang, count=len(held), day=day)
    table(title, [text(f"task.head.{name}", here.lang) for name in _SHOWN], rows)


def _cell(name: str, task: Task, day: date, lang: Lang) -> Any:
    if name == "standing":
        word = text(f"task.standing.{task.standing(day)}", lang)
        return word if task.done_at is None else f"{word} {task.done_at}"
    if name == "period":
        return None if task.period is None else text(f"task.period.{task.period}", lang)
    return getattr(task, name)
