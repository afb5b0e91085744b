"""`zhoubian count`, `also`, `clusters`, `bandwidth`: issues by units, where else, and how to look."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer

from ..i18n import Lang, text
from ..usecases import also_there, hotspot_counts, hotspot_files, hotspots
from ..usecases.hotspot_city import LAYERS_READ, read_city
from ..usecases.issue_filters import IssueFilter
from ..usecases.layers import attribution
from .exposure import heads
from .filter_options import with_filter
from .show import door, json_option, opened, print_json, say, table, warn

SHOWN = 20


def register(program: typer.Typer, lang: Lang) -> None:
    """Add the commands to the program."""
    _register_count(program, lang)
    _register_clusters(program, lang)
    _register_advice(program, lang)


def _register_count(program: typer.Typer, lang: Lang) -> None:
    json_flag = json_option(lang)

    @program.command("count", help=text("cli.count", lang))
    @with_filter(lang)
    def count(
        context: typer.Context,
        wanted: IssueFilter,
        by: str = typer.Option(
            "subdistrict", "--by", help=text("cli.count_by", lang, units=", ".join(hotspot_counts.BY))
        ),
        size: float | None = typer.Option(None, "--size", min=10, help=text("cli.count_size", lang)),
        out: Path | None = typer.Option(None, help=text("cli.count_out", lang)),
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        with opened(here) as store:
            hotspot_files.check_out(store, out, hotspot_counts.ENDINGS)
            city = read_city(store, attribution(store, LAYERS_READ))
            warn(store, here.lang)
            found = hotspot_counts.counts(store, city, wanted, by, size_m=size)
            facts = hotspots.facts(city, found.selection)
        if out is not None:
            hotspot_counts.write_counts(found, out)
        rows = hotspot_counts.rows(found)
        if as_json:
            print_json({**facts, "by": found.by, "elsewhere": found.elsewhere, "units": rows})
            return
        columns = [name for name in rows[0] if name != "id"] if rows else []
        shown = [tuple(_short(row[name]) for name in columns) for row in rows[:SHOWN]]
        table(text("cli.count_title", here.lang, by=found.by, **_period(facts)), columns, shown)
        if len(rows) > SHOWN:
            say(text("cli.count_more", here.lang, count=len(rows) - SHOWN))
        _left_out(facts, found.elsewhere, here.lang)
        if out is not None:
            say(text("cli.written", here.lang, file=out))


def _register_clusters(program: typer.Typer, lang: Lang) -> None:
    json_flag = json_option(lang)

    @program.command("clusters", help=text("cli.clusters", lang))
    @with_filter(lang)
    def clusters(context: typer.Context, wanted: IssueFilter, as_json: bool = json_flag) -> None:
        here = door(context)
        with opened(here) as store:
            city = read_city(store, attribution(store, LAYERS_READ))
            warn(store, here.lang)
            found = hotspots.clusters(city, wanted)
            facts = hotspots.facts(city, hotspots.select(city, wanted))
        if as_json:
            print_json({**facts, "clusters": [asdict(one) for one in found]})
            return
        rows = [
            (at, f"{c.lon:.5f}, {c.lat:.5f}", f"{c.radius_m:.0f}", c.cases, f"{c.expected:.0f}",
             f"{c.relative_risk:.2f}", f"{c.p:.3f}")
            for at, c in enumerate(found, 1)
        ]  # fmt: skip
        names = ("rank", "lonlat", "radius", "place_days", "expected_days", "times", "p_value")
        table(text("cli.clusters_title", here.lang, **_period(facts)), heads(names, here.lang), rows)
        _left_out(facts, 0, here.lang)


def _register_advice(program: typer.Typer, lang: Lang) -> None:
    json_flag = json_option(lang)

    @program.command("bandwidth", help=text("cli.bandwidth_advice", lang))
    @with_filter(lang)
    def bandwidth(context: typer.Context, wanted: IssueFilter, as_json: bool = json_flag) -> None:
        here = door(context)
        with opened(here) as store:
            found = hotspots.bandwidth_advice(read_city(store, ""), wanted)
        curve = dict(zip(found.bandwidths_m.tolist(), found.score.tolist(), strict=True))
        if as_json:
            print_json(
                {"best_m": found.best_m, "at_end": found.at_end, "places": found.places, "curve": curve}
            )
            return
        rows = [(f"{metres:g}", f"{score:.4f}") for metres, score in curve.items()]
        table(text("cli.bandwidth_title", here.lang), heads(("metres", "score"), here.lang), rows)
        code = "cli.bandwidth_at_end" if found.at_end else "cli.bandwidth_best"
        say(text(code, here.lang, metres=f"{found.best_m:g}", places=found.places))

    @program.command("also", help=text("cli.also", lang))
    def also(
        context: typer.Context,
        unit: str = typer.Argument(..., help=text("cli.also_unit", lang)),
        category: str = typer.Option(..., "--category", help=text("cli.also_category", lang)),
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        with opened(here) as store:
            found = also_there.also_there(store, read_city(store, ""), unit, category)
        if as_json:
            print_json(asdict(found))
            return
        say(text("cli.also_here", here.lang, name=found.name, category=category, count=found.issues))
        for code, units in (("cli.also_nearby", found.nearby), ("cli.also_unseen", found.unseen)):
            rows = [
                (u.id, u.name, u.district, f"{u.metres:.0f}", u.issues,
                 ", ".join(text(f"cli.alike.{word}", here.lang) for word in u.alike))
                for u in units
            ]  # fmt: skip
            names = ("id", "name", "district", "metres", "issues", "alike")
            table(text(code, here.lang), heads(names, here.lang), rows)


def _period(facts: dict[str, Any]) -> dict[str, Any]:
    return {"since": facts["since"], "until": facts["until"]}


def _left_out(facts: dict[str, Any], elsewhere: int, lang: Lang) -> None:
    """What was left out is always printed."""
    say(
        "· "
        + text(
            "cli.count_left_out", lang, matched=facts["matched"], piled=facts["piled"], elsewhere=elsewhere
        )
    )


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)
