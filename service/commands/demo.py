"""`zhoubian demo`."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import typer

from .. import clock
from ..i18n import Lang, text
from ..settings import Settings
from ..usecases import demo
from . import imports, serve
from .draws import show as show_draw
from .routes import show as show_plan
from .show import Door, door, progress, say


def register(program: typer.Typer, lang: Lang) -> None:
    """Add the command to the program."""

    @program.command("demo", help=text("cli.demo", lang))
    def demo_(
        context: typer.Context,
        folder: Path = typer.Option(Path("demo"), help=text("cli.demo_folder", lang)),
        host: str = typer.Option("127.0.0.1", help=text("cli.serve_host", lang)),
        port: int = typer.Option(8000, help=text("cli.serve_port", lang), min=0, max=65535),
        serve_: bool = typer.Option(True, "--serve/--no-serve", help=text("cli.demo_serve", lang)),
    ) -> None:
        here = door(context)
        for file, kind, options in demo.missing(folder):
            with progress(file.name) as report:
                done = demo.take_in(folder, file, kind, options, now=clock.now(), progress=report)
            imports.show(done, here, limit=5)
        if demo.year_missing(folder):
            with progress(text("cli.demo_year", here.lang)) as report:
                year = demo.play_year(folder, progress=report)
            facts = {"missions": year.missions, "found": year.found, "adopted": year.adopted}
            say(text("cli.demo_year_done", here.lang, **facts))
        result = demo.finish(folder, here.lang, now=clock.now())
        show_draw(result.name, result.record, result.rows, here.lang)
        show_plan(result.plan, here.lang)
        for file in result.files:
            say(text("cli.written", here.lang, file=file))
        if serve_:
            address = f"/draws/{quote(result.name)}"
            serve.run(Door(Settings(store=demo.store_path(folder)), here.lang), host, port, address)
