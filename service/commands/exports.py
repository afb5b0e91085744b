"""`zhoubian export`."""

from __future__ import annotations

from pathlib import Path

import typer

from ..i18n import Lang, text
from ..usecases import exports
from .show import door, opened, say


def register(program: typer.Typer, lang: Lang) -> None:
    """Add the command to the program."""

    @program.command("export", help=text("cli.export", lang))
    def export(
        context: typer.Context,
        what: str = typer.Argument(..., metavar="LAYER|DRAW", help=text("cli.export_what", lang)),
        out: Path = typer.Option(..., help=text("cli.export_out", lang)),
    ) -> None:
        here = door(context)
        with opened(here) as store:
            rows = exports.export(store, what, out)
        say(text("cli.exported", here.lang, rows=rows, file=out))
