"""`zhoubian layers`."""

from __future__ import annotations

import typer

from ..i18n import Lang, text
from ..usecases import layers
from .show import door, json_option, opened, print_json, say, table, warn


def register(program: typer.Typer, lang: Lang) -> None:
    """Add the command to the program."""
    json_flag = json_option(lang)

    @program.command("layers", help=text("cli.layers", lang))
    def layers_(context: typer.Context, as_json: bool = json_flag) -> None:
        here = door(context)
        with opened(here) as store:
            found = layers.summary(store)
            warn(store, here.lang)
        if as_json:
            print_json(found)
            return
        if not found:
            say(text("cli.layers_none", here.lang))
            return
        heads = [
            text(f"cli.head.{name}", here.lang)
            for name in ("layer", "count", "extent", "source", "datum", "licence")
        ]
        rows = []
        for entry in found:
            extent = entry["extent"]
            told = (
                "" if extent is None else f"{extent[0]:.4f} {extent[1]:.4f} – {extent[2]:.4f} {extent[3]:.4f}"
            )
            for number, source in enumerate(entry["sources"]):
                licence = " ".join(part for part in (source["licence"], source["attribution"]) if part)
                first = (entry[here.lang], entry["count"], told) if number == 0 else ("", "", "")
                rows.append((*first, f"{source['batch']}: {source['source']}", source["datum"], licence))
        table(text("cli.layers_title", here.lang, store=here.settings.store), heads, rows)
