"""The program: its commands by name, its common options, and what an error looks like."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from traceback import extract_tb

import typer

from geo.errors import ZhoubianError

from ..errors import BROKEN, outcome
from ..i18n import LANGS, Lang, error_text, text, texts
from ..settings import VERSION, Settings
from . import (
    areas,
    assign,
    bulletins,
    cards,
    coverage,
    deadlines,
    demo,
    draws,
    exports,
    exposure,
    figures,
    help_words,
    hotspot_counts,
    hotspots,
    imports,
    issues,
    layers,
    matches,
    missions,
    odds,
    priority,
    results,
    routes,
    rules,
    scores,
    serve,
    tick,
    timetable,
)
from .show import Door, fail, stderr

STOPPED = 130
"""Exit code of a program that Ctrl-C ended: 128 + SIGINT."""


def build(lang: Lang) -> typer.Typer:
    """The program with its help in a language."""
    program = typer.Typer(
        name="zhoubian",
        help=text("cli.about", lang),
        add_completion=False,
        rich_markup_mode=None,  # the tables of rich cut Chinese, which has no spaces to wrap at
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    )

    @program.callback()
    def common(
        context: typer.Context,
        store: Path | None = typer.Option(None, help=text("cli.store", lang)),
        lang_: str = typer.Option(lang, "--lang", help=text("cli.lang", lang)),
    ) -> None:
        # --lang is read before the commands are built (`commands.main`); here it only has its help
        if lang_ not in LANGS:
            raise ZhoubianError(
                f"the language {lang_!r} is unknown; use zh or en", code="lang_unknown", given=lang_
            )
        context.obj = Door(Settings.read(store), lang)

    @program.command(help=text("cli.version", lang))
    def version() -> None:
        typer.echo(f"zhoubian {VERSION}")

    subjects = (
        imports,
        layers,
        areas,
        draws,
        exposure,
        odds,
        priority,
        hotspots,
        hotspot_counts,
        routes,
        missions,
        results,
        coverage,
        assign,
        issues,
        tick,
        cards,
        figures,
        matches,
        deadlines,
        rules,
        scores,
        bulletins,
        timetable,
        exports,
        serve,
        demo,
    )
    for subject in subjects:
        subject.register(program, lang)
    help_words.tell(program, lang)
    return program


def run(arguments: list[str], lang: Lang) -> int:
    """Run one command and turn every error into one sentence on standard error."""
    try:
        code = build(lang)(arguments or ["--help"], standalone_mode=False, prog_name="zhoubian")
        sys.stdout.flush()
    except BrokenPipeError:
        raise  # the reader of the pipe has gone: nobody is left to be told (`commands.script`)
    except (typer.Abort, KeyboardInterrupt):
        code = STOPPED
    except Exception as error:  # noqa: BLE001 - a fault of the program is told too, with its place
        words, code = _told(error, lang)
        fail(words, lang)
        return code
    if code == STOPPED:  # typer may turn Ctrl-C into the code
        stderr.print(text("cli.stopped", lang))
    return code if isinstance(code, int) else 0


def _told(error: Exception, lang: Lang) -> tuple[str, int]:
    """The sentence for an error, and the exit code."""
    match error:
        case ZhoubianError():
            return error_text(error, lang), outcome(error).exit_code
        case typer.TyperException():
            return f"{_usage(error, lang)} {text('cli.see_help', lang)}", 2
        case UnicodeEncodeError():
            return text("cli.half_character", lang, shown=ascii(error.object)[:40]), 2
        case OSError():
            return text("cli.os", lang, file=error.filename or "—", detail=error.strerror or error), 1
        case _:
            frames = extract_tb(error.__traceback__)[:-6:-1]
            place = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames)
            words = text("cli.broken", lang, kind=type(error).__name__, detail=error, place=place)
            return words, BROKEN.exit_code


def _usage(error: typer.TyperException, lang: Lang) -> str:
    """What is wrong with a command line, in the language; English is typer's own."""
    kind = type(error).__name__
    told = error.format_message()
    if told == "Missing command.":
        return text("cli.usage.no_command", lang)
    if f"cli.usage.{kind}" not in texts() or lang == "en":
        return told
    parameter = getattr(error, "param", None)
    named = parameter.opts[0] if parameter is not None else getattr(error, "option_name", None)
    if named is None:  # a command or an argument too many: the message quotes it
        quoted = re.search(r"'(.*)'|\s\((.*)\)$", told)
        named = next(filter(None, quoted.groups()), "") if quoted else told
    return text(f"cli.usage.{kind}", lang, name=named)
