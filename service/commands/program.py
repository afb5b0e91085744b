"""The program: its commands by name, its common options, and what an error looks like."""

from __future__ import annotations

from pathlib import Path

import typer
from rich.markup import escape

from geo.errors import ZhoubianError

from ..errors import outcome
from ..i18n import LANGS, Lang, error_text, text
from ..settings import VERSION, Settings
from . import demo, draws, exports, imports, layers, serve
from .show import Door, stderr


def build(lang: Lang) -> typer.Typer:
    """The program with its help in a language."""
    program = typer.Typer(
        name="zhoubian",
        help=text("cli.about", lang),
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    )

    @program.callback()
    def common(
        context: typer.Context,
        store: Path | None = typer.Option(None, help=text("cli.store", lang)),
        lang_: str = typer.Option(lang, "--lang", help=text("cli.lang", lang)),
    ) -> None:
        # --lang is read before the commands are built (`commands.main`); here it only has its help
        context.obj = Door(Settings.read(store), lang_ if lang_ in LANGS else lang)

    @program.command(help=text("cli.version", lang))
    def version() -> None:
        typer.echo(f"zhoubian {VERSION}")

    for subject in (imports, layers, draws, exports, serve, demo):
        subject.register(program, lang)
    return program


def run(arguments: list[str], lang: Lang) -> int:
    """Run one command and turn every error into one sentence on standard error."""
    try:
        code = build(lang)(arguments, standalone_mode=False, prog_name="zhoubian")
    except ZhoubianError as error:
        stderr.print(
            f"[bold red]{text('cli.error', lang)}[/] {escape(error_text(error, lang))}", soft_wrap=True
        )
        return outcome(error).exit_code
    except typer.TyperException as error:
        hint = text("cli.see_help", lang)
        stderr.print(
            f"[bold red]{text('cli.error', lang)}[/] {escape(error.format_message())} {hint}", soft_wrap=True
        )
        return 2
    except (typer.Abort, KeyboardInterrupt):
        stderr.print(text("cli.stopped", lang))
        return 130
    return code if isinstance(code, int) else 0
