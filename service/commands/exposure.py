"""`zhoubian exposure` and `why`: the exact chance of every unit under stated settings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import typer

from geo.design import Design
from layers.rules import categories

from .. import design_words
from ..i18n import Lang, text
from ..usecases import exports, exposure
from .design_options import with_design
from .show import door, json_option, opened, print_json, say, table, warn


def register(program: typer.Typer, lang: Lang) -> None:
    """Add the commands to the program."""
    json_flag = json_option(lang)

    @program.command("exposure", help=text("cli.exposure", lang))
    @with_design(lang)
    def exposure_(
        context: typer.Context,
        design: Design,
        top: int = typer.Option(20, min=0, help=text("cli.exposure_top", lang)),
        out: Path | None = typer.Option(None, help=text("cli.exposure_out", lang)),
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        with opened(here) as store:
            units, beside = exposure.units(store, design)
            picture = exposure.picture(units)
            warn(store, here.lang)
            if out is not None:
                exports.units_file(store, units, beside, out)
        if as_json:
            print_json({**beside, "picture": picture, "units": records(units)})
            return
        show_settings(beside, here.lang)
        shown = units.head(top)
        rows = [
            (text(f"cli.kind.{u.layer}", here.lang), u.name or u.id, u.district,
             within(u.pi, u.low, u.high, u.se), f"{u.expected_draws:.4f}",
             u.reached_by, u.open_issues, f"{u.priority:.3f}")
            for u in plain(shown)
        ]  # fmt: skip
        names = ("kind", "name", "district", "pi", "expected", "reached_by", "open_issues", "priority")
        table(text("cli.exposure_title", here.lang, count=len(units)), heads(names, here.lang), rows)
        for layer, told in picture.items():
            facts = {
                "layer": text(f"layer.{layer}", here.lang),
                "share": percent(told["share"]),
                **told["counts"],
            }
            say(text("cli.exposure_curve", here.lang, **facts))
        if out is not None:
            say(text("cli.written", here.lang, file=out))

    @program.command("why", help=text("cli.why", lang))
    @with_design(lang)
    def why(
        context: typer.Context,
        design: Design,
        unit: str = typer.Argument(..., help=text("cli.why_unit", lang)),
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        with opened(here) as store:
            told = exposure.why(store, design, exposure.layer_of(store, unit), unit)
        if as_json:
            print_json(told)
            return
        show_design(told["settings"], here.lang)
        say(text(f"cli.method.{told['method']}", here.lang))
        pi = within(told["pi"], told["low"], told["high"], told["se"])
        say(text("cli.why_sum", here.lang, name=told["name"] or told["id"], pi=pi,
                 expected=f"{told['expected']:.6g}"))  # fmt: skip
        rows = [
            (text(f"map.class.{a['class']}", here.lang), a["name"] or a["id"], f"{a['entry_m']:.0f}",
             f"{a['pool']:g}", percent(a["visited"]), percent(a["p"]), percent(a["share"]))
            for a in told["anchors"]
        ]  # fmt: skip
        names = ("class", "anchor", "entry", "pool", "visited", "p", "share")
        table(text("cli.why_title", here.lang, count=len(rows)), heads(names, here.lang), rows)
        if told["issues"]:
            found = [
                (issue["id"], category(issue["category"], here.lang), f"{issue['weight']:g}",
                 f"{issue['gain']:.4g}", f"{issue['gain_points']:.4g}")
                for issue in told["issues"]
            ]  # fmt: skip
            columns = ("id", "category", "weight", "gain", "gain_points")
            title = text("cli.why_issues", here.lang, count=len(found))
            table(title, heads(columns, here.lang), found)


def show_design(settings: dict[str, Any], lang: Lang, on_foot: dict[str, Any] | None = None) -> None:
    """The settings that everything below follows from, and which places the roads do not serve."""
    told = design_words.foot_settings(on_foot or {}, lang)
    for label, value in design_words.design_settings(settings, lang) + told:
        say(f"{label}: {value}")


def show_settings(beside: dict[str, Any], lang: Lang) -> None:
    """The settings beside every number, how exact it is, and what was left out."""
    show_design(beside["settings"], lang, beside["on_foot"])
    say(text(f"cli.method.{beside['method']}", lang))
    left_out = sum(sum(reasons.values()) for reasons in beside["excluded"].values())
    say(text("cli.exposure_beside", lang, excluded=left_out, elsewhere=beside["issues_elsewhere"]))


def heads(names: Sequence[str], lang: Lang) -> list[str]:
    """Headings of a table."""
    return [text(f"cli.head.{name}", lang) for name in names]


def percent(chance: float) -> str:
    """A chance with three figures; one that is not certain is never shown as certain."""
    told = f"{100 * chance:.3g} %"
    return "> 99.9 %" if told == "100 %" and chance < 1 else told


def within(chance: float, low: float | None, high: float | None, se: float) -> str:
    """A chance with its bounds or its standard error, where it has any."""
    if low is not None and high is not None and high > low:
        return f"{percent(low)} – {percent(high)}"
    return f"{percent(chance)} ± {percent(se)}" if se > 0 else percent(chance)


def category(code: str, lang: Lang) -> str:
    """The name of an issue category, the code where it has none."""
    known = categories().get(code)
    if known is None:
        return code
    return known.zh if lang == "zh" else known.name.replace("_", " ")


def plain(units: pd.DataFrame) -> Any:
    """Rows with None for what is missing."""
    return units.astype(object).where(units.notna(), None).itertuples(index=False)


def records(units: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON values."""
    return [dict(zip(units.columns, row, strict=True)) for row in plain(units)]
