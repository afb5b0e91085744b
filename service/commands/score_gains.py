"""`zhoubian score gains`: what the open issues cost in points, and the best list of fixes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from geo.design import Design

from .. import score_words as words
from ..i18n import Lang, text
from ..usecases import exports, score_files, score_gains
from ..usecases.score_gains import Gains
from .design_options import with_design
from .exposure import category, percent, plain, records, show_design
from .show import door, json_option, opened, print_json, say, table

_ALL = ("id", "category", "unit_name", "pi", "item", "cases", "item_cases", "alone", "share")
_BEST = ("number", "id", "category", "unit_name", "pi", "item", "cases", "value", "value_after", "gain",
         "gain_so_far")  # fmt: skip


def register(group: typer.Typer, lang: Lang) -> None:
    """Add the command to the sub-application."""
    json_flag = json_option(lang)

    @group.command("gains", help=text("cli.score_gains", lang))
    @with_design(lang)
    def gains_(
        context: typer.Context,
        design: Design,
        fixes: int | None = typer.Option(None, help=text("cli.score_fixes", lang)),
        top: int = typer.Option(20, min=0, help=text("cli.exposure_top", lang)),
        out: Path | None = typer.Option(None, help=text("cli.table_out", lang)),
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        with opened(here) as store:
            score_files.check_out(store, out)
            told = score_gains.gains(store, design, fixes=fixes)
            if out is not None:
                exports.table_file(store, told.table, design, out)
        if as_json:
            print_json({**score_gains.beside(told), "rows": records(told.table)})
            return
        show_design(told.settings, here.lang, told.on_foot)
        say(text(f"cli.method.{told.method}", here.lang))
        say(text("score.gains_loss", here.lang, loss=f"{told.loss:.2f}", rules=told.rules))
        facts = {"without": told.without_item, "elsewhere": told.elsewhere}
        say(text("score.gains_beside", here.lang, **facts))
        names = _ALL if fixes is None else _BEST
        shown = plain(told.table.head(top) if fixes is None else told.table)
        rows = [_cells(names, number, row._asdict(), here.lang) for number, row in enumerate(shown, 1)]
        title = "score.gains_title" if fixes is None else "score.best_title"
        table(text(title, here.lang, count=len(rows)), words.heads(names, here.lang), rows)
        if fixes is not None:
            _say_best(told, fixes, here.lang)
        if out is not None:
            say(text("cli.written", here.lang, file=out))


def _say_best(told: Gains, fixes: int, lang: Lang) -> None:
    facts = {"gain": f"{told.gain:.3f}", "by_share": f"{told.by_share:.3f}", "count": len(told.table)}
    say(text("score.best_sum", lang, **facts))
    if len(told.table) < fixes:
        say(text("score.best_short", lang, asked=fixes, count=len(told.table)))


def _cells(names: tuple[str, ...], number: int, row: dict[str, Any], lang: Lang) -> list[object]:
    shown = {
        **row, "number": number, "category": category(row["category"], lang), "pi": percent(row["pi"]),
        "unit_name": row["name"] or row["unit_id"],
    }  # fmt: skip
    return [f"{value:.3f}" if isinstance(value := shown[name], float) else value for name in names]
