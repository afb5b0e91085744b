"""What the commands have in common on the screen: where the store is, tables, bars, JSON."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import typer
from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from layers.faults import storable
from layers.store import Store

from ..i18n import Lang, text
from ..settings import Settings
from ..usecases import datum_check

# a pipe has no width: tables are laid out for a wide screen then
stdout = Console(width=None if sys.stdout.isatty() else 140)
stderr = Console(stderr=True)

Report = Callable[[int, int | None], None]

OFFICE = "创城办"
"""Who does it, if nobody else is named."""


@dataclass(frozen=True)
class Door:
    """What every command is told: where the store is, and the language."""

    settings: Settings
    lang: Lang


def door(context: typer.Context) -> Door:
    """The common options of this call."""
    found = context.obj
    assert isinstance(found, Door)  # noqa: S101 - set by the callback that every command passes
    return found


def sub_program(program: typer.Typer, name: str, lang: Lang) -> typer.Typer:
    """A group of commands, such as `zhoubian issue ...`; what it is for is the text `cli.NAME`."""
    group = typer.Typer(help=text(f"cli.{name}", lang), no_args_is_help=True, rich_markup_mode=None)
    program.add_typer(group, name=name, help=text(f"cli.{name}", lang))
    return group


def json_option(lang: Lang) -> Any:
    """``--json`` for every command that reports something."""
    return typer.Option(False, "--json", help=text("cli.json", lang))


def by_option(lang: Lang) -> Any:
    """``--by`` for every command that writes down who did it: an office or a role, not a person's name."""
    return typer.Option(
        OFFICE, "--by", help=text("cli.by", lang), callback=lambda told: storable(told).strip() or OFFICE
    )


def print_json(value: Any) -> None:
    """JSON on standard output, Chinese readable, nothing else."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=1, default=str) + "\n")


def table(title: str, headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table; cells are text as it stands, never markup."""
    shown = Table(title=Text(title), box=box.SIMPLE_HEAD, title_justify="left", header_style="bold")
    for heading in headings:
        shown.add_column(Text(heading), overflow="fold")
    for row in rows:
        shown.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    stdout.print(shown)


def say(words: str) -> None:
    """A line on standard output, as it stands."""
    stdout.print(Text(words), soft_wrap=True)


def fail(words: str, lang: Lang) -> None:
    """What went wrong: one line on standard error, whatever the names in it hold."""
    line = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", words)
    stderr.print(Text.assemble((text("cli.error", lang), "bold red"), " ", line), soft_wrap=True)


@contextmanager
def progress(label: str) -> Iterator[Report]:
    """A bar on standard error with done, total and the time left; gone when the work is done."""
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
        TaskProgressColumn("{task.percentage:>3.0f}%", show_speed=True), TimeElapsedColumn(),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=stderr, transient=True, disable=not stderr.is_terminal) as bar:
        task = bar.add_task(label, total=None)

        def report(done: int, total: int | None) -> None:
            bar.update(task, completed=done, total=total)

        yield report


def ask(question: str, choices: Sequence[str]) -> str | None:
    """One of several, by its number; None where there is nothing to choose from."""
    for number, choice in enumerate(choices, 1):
        stderr.print(Text(f"  {number}  {choice}"))
    if not choices:
        return None
    number = 0
    while not 1 <= number <= len(choices):
        number = int(typer.prompt(question, type=int, err=True))
    return choices[number - 1]


def warn(store: Store, lang: Lang) -> None:
    """One line on standard error for every layer that lies beside another."""
    for warning in datum_check.current_warnings(store):
        stderr.print(
            Text.assemble((text("cli.warning", lang), "bold yellow"), " ", warning.told(lang)), soft_wrap=True
        )


@contextmanager
def opened(here: Door) -> Iterator[Store]:
    """The store, with a sign of life on the screen while a command works."""
    status = stderr.status(text("cli.working", here.lang))
    with Store.open(here.settings.store, create=False) as store, status:
        yield store
