"""`zhoubian priority`, `blindspots`, `compare-settings`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from geo.design import Design

from ..i18n import Lang, text
from ..usecases import exports, exposure, priority
from .design_options import with_design
from .exposure import category, heads, percent, plain, records, show_design
from .show import door, json_option, opened, print_json, say, table

_SHOWN = {
    "issue": ("id", "category", "kind", "name", "pi", "weight", "gain", "gain_points", "gain_so_far"),
    "unit": ("kind", "name", "pi", "open_issues", "weight", "priority", "expected_loss"),
    "group": ("group", "units", "touched", "open_issues", "weight", "priority", "expected_loss"),
}


def register(program: typer.Typer, lang: Lang) -> None:
    """Add the commands to the program."""
    _register_comparing(program, lang)
    json_flag = json_option(lang)

    @program.command("priority", help=text("cli.priority", lang))
    @with_design(lang)
    def priority_(
        context: typer.Context,
        design: Design,
        by: str | None = typer.Option(None, help=text("cli.priority_by", lang)),
        fixes: int | None = typer.Option(None, min=1, help=text("cli.priority_fixes", lang)),
        top: int = typer.Option(20, min=0, help=text("cli.exposure_top", lang)),
        out: Path | None = typer.Option(None, help=text("cli.table_out", lang)),
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        chosen = by or ("unit" if fixes is None else "issue")
        with opened(here) as store:
            told = priority.priority(store, design, by=by, fixes=fixes)
            on_foot = exposure.on_foot(store, design)
            if out is not None:
                exports.table_file(store, told, design, out)
        if as_json:
            print_json(
                {"settings": design.to_mapping(), "on_foot": on_foot, "by": chosen, "rows": records(told)}
            )
            return
        show_design(design.to_mapping(), here.lang, on_foot)
        names = _SHOWN[chosen if chosen in _SHOWN else "group"]
        rows = []
        for row in plain(told.head(top if fixes is None else fixes)):
            cells = {**row._asdict()}
            if "layer" in cells:
                cells["kind"] = text(f"cli.kind.{cells['layer']}", here.lang)
                cells["name"] = cells["name"] or cells.get("unit_id", cells["id"])
            if "category" in cells:
                cells["category"] = category(cells["category"], here.lang)
            rows.append([_cell(name, cells[name]) for name in names])
        table(text("cli.priority_title", here.lang), heads(names, here.lang), rows)
        if fixes is not None and len(told):
            say(text("cli.priority_sum", here.lang, count=len(told), gain=f"{told['gain'].sum():.3f}"))
        if out is not None:
            say(text("cli.written", here.lang, file=out))

    @program.command("blindspots", help=text("cli.blindspots", lang))
    @with_design(lang)
    def blindspots(
        context: typer.Context,
        design: Design,
        top: int = typer.Option(20, min=0, help=text("cli.exposure_top", lang)),
        out: Path | None = typer.Option(None, help=text("cli.table_out", lang)),
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        with opened(here) as store:
            told = priority.blind_spots(store, design)
            on_foot = exposure.on_foot(store, design)
            if out is not None:
                exports.table_file(store, told, design, out)
        if as_json:
            print_json({"settings": design.to_mapping(), "on_foot": on_foot, "rows": records(told)})
            return
        show_design(design.to_mapping(), here.lang, on_foot)
        unreached, never = int(told["unreached"].sum()), int(told["never_visited"].sum())
        outside = int(told["outside"].sum())
        say(text("cli.blindspots_sum", here.lang, unreached=unreached, outside=outside, never=never))
        rows = [
            (text(f"cli.kind.{u.layer}", here.lang), u.name or u.id, u.district, u.open_issues,
             f"{u.weight:g}", text(f"cli.blind.{_why_blind(u)}", here.lang))
            for u in plain(told.head(top))
        ]  # fmt: skip
        names = ("kind", "name", "district", "open_issues", "weight", "note")
        table(text("cli.blindspots_title", here.lang), heads(names, here.lang), rows)
        if out is not None:
            say(text("cli.written", here.lang, file=out))


def _register_comparing(program: typer.Typer, lang: Lang) -> None:
    """The command that compares readings of the rule."""
    json_flag = json_option(lang)

    @program.command("compare-settings", help=text("cli.compare", lang))
    @with_design(lang)
    def compare_settings(
        context: typer.Context,
        design: Design,
        top: int = typer.Option(20, min=0, help=text("cli.exposure_top", lang)),
        out: Path | None = typer.Option(None, help=text("cli.table_out", lang)),
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        with opened(here) as store:
            units, agreement = priority.compare_settings(store, design)
            on_foot = exposure.on_foot(store, design)
            if out is not None:
                exports.table_file(store, units, design, out)
        if as_json:
            print_json(
                {
                    "settings": design.to_mapping(),
                    "on_foot": on_foot,
                    "rows": records(units),
                    "rank_correlation": agreement.round(4).to_dict(),
                }
            )
            return
        show_design(design.to_mapping(), here.lang, on_foot)
        say(text("cli.compare_rest", here.lang))
        labels = list(agreement.columns)
        shown = [_reading(words, here.lang) for _, words in priority.SETTINGS]
        rows = [
            (text(f"cli.kind.{row['layer']}", here.lang), row["name"] or row["id"],
             f"{row['high_in']}/{len(labels)}", *(percent(row[label]) for label in labels))
            for row in records(units.head(top))
        ]  # fmt: skip
        names = heads(("kind", "name", "high_in"), here.lang)
        table(text("cli.compare_title", here.lang), [*names, *("\n".join(words) for words in shown)], rows)
        values = agreement.to_numpy(dtype=float)
        matrix = [
            (" ".join(words), *(f"{value:.2f}" for value in row))
            for words, row in zip(shown, values, strict=True)
        ]
        columns = ["\n".join(words) for words in shown]
        table(text("cli.compare_agreement", here.lang), ["", *columns], matrix)
        if out is not None:
            say(text("cli.written", here.lang, file=out))


def _reading(words: dict[str, str], lang: Lang) -> tuple[str, str]:
    """A reading of the rule in a few words: shape and radius, anchors."""
    shape = text("cli.compare.disc" if words["shape"] == "disc" else "cli.compare.ring", lang)
    anchors = text("cli.compare.all" if words["anchors"] == "all" else "cli.compare.one", lang)
    return f"{shape} {words['radius'].replace(':', '-')}", anchors


def _cell(name: str, value: object) -> object:
    if name in ("pi", "touched") and isinstance(value, float):
        return percent(value)
    return f"{value:.4g}" if isinstance(value, float) else value


def _why_blind(unit: Any) -> str:
    return "unreached" if unit.unreached else "outside" if unit.outside else "never"
