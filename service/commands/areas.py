"""`zhoubian areas`: check, owners, cut, number."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
import typer

from geo.areas import SLIVER_M, TOLERANCE_M2
from geo.errors import LayerError

from ..i18n import Lang, text
from ..usecases import area_changes, areas
from ..usecases.area_changes import Change, Cutting
from ..usecases.areas import Owners, Report
from .show import door, json_option, opened, print_json, say, sub_program, table, warn

SHOWN = 20
FAULTY = 1


def register(program: typer.Typer, lang: Lang) -> None:
    """Add the commands to the program."""
    group = sub_program(program, "areas", lang)
    _register_looking(group, lang)
    _register_changing(group, lang)


def _register_looking(group: typer.Typer, lang: Lang) -> None:
    json_flag = json_option(lang)

    @group.command("check", help=text("cli.areas_check", lang))
    def check(
        context: typer.Context,
        level: str | None = typer.Option(None, help=text("cli.areas_check_level", lang)),
        tolerance: float = typer.Option(
            TOLERANCE_M2, min=0, help=text("cli.areas_check_tolerance", lang, tolerance=TOLERANCE_M2)
        ),
        out: Path | None = typer.Option(None, help=text("cli.areas_check_out", lang)),
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        with opened(here) as store:
            areas.require_out(store, out)
            found = areas.check(store, level=level, tolerance_m2=tolerance)
        if out is not None:
            areas.write_check(found, out, here.lang)
        if as_json:
            print_json({"faults": found.faults, "checked": found.checked, "ignored": found.ignored,
                        "tolerance_m2": found.tolerance_m2, "sliver_m": found.sliver_m,
                        "findings": found.rows()})  # fmt: skip
        else:
            _show_check(found, here.lang)
            _written(out, here.lang)
        if found.faults:
            raise typer.Exit(FAULTY)

    @group.command("owners", help=text("cli.areas_owners", lang))
    def owners(
        context: typer.Context,
        level: str | None = typer.Option(None, help=text("cli.areas_owners_level", lang)),
        out: Path | None = typer.Option(None, help=text("cli.areas_owners_out", lang)),
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        with opened(here) as store:
            areas.require_out(store, out)
            found = areas.owners(store, level=level)
            warn(store, here.lang)
        if out is not None:
            areas.write_owners(found, out, here.lang)
        if as_json:
            print_json(
                {"proved": found.proved, "level": found.level, "counts": found.counts, "units": found.rows()}
            )
        else:
            _show_owners(found, here.lang)
            _written(out, here.lang)
        if not found.proved:
            raise typer.Exit(FAULTY)


def _register_changing(group: typer.Typer, lang: Lang) -> None:
    where: Any = typer.Option(..., help=text("cli.areas_out_change", lang))

    @group.command("cut", help=text("cli.areas_cut", lang))
    def cut(
        context: typer.Context,
        area: str = typer.Argument(..., help=text("cli.areas_cut_area", lang)),
        line: str | None = typer.Option(
            None, metavar="FILE|LON,LAT LON,LAT", help=text("cli.areas_cut_line", lang)
        ),
        axes: str | None = typer.Option(None, metavar="3x2", help=text("cli.areas_cut_axes", lang)),
        cells: float | None = typer.Option(None, metavar="M2", help=text("cli.areas_cut_cells", lang)),
        north: bool = typer.Option(False, "--north", help=text("cli.areas_cut_north", lang)),
        datum: str | None = typer.Option(None, help=text("cli.areas_cut_datum", lang)),
        level: str | None = typer.Option(None, help=text("cli.areas_cut_level", lang)),
        out: Path = where,
    ) -> None:
        here = door(context)
        strips = None if axes is None else _strips(axes)
        with opened(here) as store:
            areas.require_out(store, out, area_changes.ENDINGS)
            change = area_changes.cut(store, area, Cutting(line, strips, cells, north, datum, level))
            area_changes.write_change(store, change, out)
        _show_pieces(area, change, here.lang)
        _next(change, out, here.lang)

    @group.command("number", help=text("cli.areas_number", lang))
    def number(
        context: typer.Context,
        community: list[str] | None = typer.Option(None, help=text("cli.areas_number_community", lang)),
        out: Path = where,
    ) -> None:
        here = door(context)
        with opened(here) as store:
            areas.require_out(store, out, area_changes.ENDINGS)
            change = area_changes.number(store, community or ())
            area_changes.write_change(store, change, out)
        say(text("cli.areas_numbered", here.lang, count=change.numbered, changed=change.changed))
        _next(change, out, here.lang)


def _strips(axes: str) -> tuple[int, int]:
    found = re.fullmatch(r"\s*(\d{1,4})\s*[xX×*]\s*(\d{1,4})\s*", axes)
    if found is None:
        raise LayerError(
            f"{axes[:20]} is no number of strips;"
            " write it as 3x2: 3 along the longer side, 2 along the shorter",
            code="cut_axes", given=axes[:20],
        )  # fmt: skip
    return int(found[1]), int(found[2])


def _show_check(found: Report, lang: Lang) -> None:
    checked = ", ".join(f"{_level(level, lang)} {count}" for level, count in found.checked.items())
    title = text(
        "cli.areas_check_title",
        lang,
        checked=checked,
        tolerance=f"{found.tolerance_m2:g}",
        sliver=f"{SLIVER_M:g}",
    )
    counted = [
        (areas.kind_words(one["kind"], lang), _level(one["level"], lang), one["count"], one["slivers"],
         _m2(one["area_m2"]))
        for one in found.counts()
    ]  # fmt: skip
    say(title)
    if counted:
        heads = _heads(("finding", "level", "cases", "slivers", "m2"), lang)
        table(text("cli.areas_counts", lang), heads, counted)
    faults = found.findings[found.findings["fault"]]
    if not len(faults):
        say(text("cli.areas_check_none", lang))
    else:
        rows = [
            (areas.kind_words(row.kind, lang), _level(row.level, lang), row.areas, _told(row.parent),
             _told(row.other), _m2(row.area_m2))
            for row in faults.head(SHOWN).itertuples()
        ]  # fmt: skip
        heads = _heads(("finding", "level", "areas", "parent", "other", "m2"), lang)
        table(text("cli.areas_largest", lang), heads, rows)
        if len(faults) > SHOWN:
            say(text("cli.areas_more", lang, count=len(faults) - SHOWN))
    if found.ignored:
        say("· " + text("cli.areas_check_ignored", lang, count=found.ignored))


def _show_owners(found: Owners, lang: Lang) -> None:
    states = ("one", "ambiguous", "outside", "no_owner", "split", "not_nested")
    rows = [
        (text(f"layer.{layer}", lang), text(f"area.state.{state}", lang), told[state])
        for layer, told in found.counts.items()
        for state in states
    ]
    title = text("cli.areas_owners_title", lang, level=_level(found.level, lang))
    table(title, _heads(("layer", "state", "cases"), lang), rows)
    open_ = found.proof[found.proof["state"] != "one"]
    if not len(open_):
        say(text("cli.areas_proved", lang, count=len(found.proof)))
        return
    shown = [
        (row.id, _told(row.name), text(f"area.state.{row.state}", lang), _told(row.area), f"{row.share:.0%}",
         _told(row.split), _told(row.owner))
        for row in open_.head(SHOWN).itertuples()
    ]  # fmt: skip
    heads = _heads(("unit_id", "name", "state", "area", "share", "other", "owner"), lang)
    table(text("cli.areas_not_proved", lang, count=len(open_)), heads, shown)
    if len(open_) > SHOWN:
        say(text("cli.areas_more", lang, count=len(open_) - SHOWN))


def _show_pieces(area: str, change: Change, lang: Lang) -> None:
    pieces = len(change.areas) - change.moved
    rows = [
        (
            row.id,
            _told(row.name),
            _level(row.level, lang),
            _told(row.parent),
            _told(row.unit),
            f"{ground:.1f}",
        )
        for row, ground in zip(change.areas.head(pieces).itertuples(), change.ground_m2, strict=False)
    ]
    heads = _heads(("unit_id", "name", "level", "parent", "owner", "m2"), lang)
    table(text("cli.areas_cut_title", lang, area=area, count=pieces), heads, rows[:SHOWN])
    if len(rows) > SHOWN:
        say(text("cli.areas_more", lang, count=len(rows) - SHOWN))
    if change.moved:
        say("· " + text("cli.areas_moved", lang, count=change.moved))
    if change.astride:
        say("· " + text("cli.areas_astride", lang, count=len(change.astride), first=change.astride[0]))


def _next(change: Change, out: Path, lang: Lang) -> None:
    """What is left to do: the store has not changed."""
    _written(out, lang)
    if change.left_over:
        batches = ", ".join(map(str, change.batches))
        say("· " + text("cli.areas_left_over", lang, count=change.left_over, batches=batches))
    say("· " + text("cli.areas_import_next", lang, file=out))


def _written(out: Path | None, lang: Lang) -> None:
    if out is not None:
        say(text("cli.written", lang, file=out))


def _heads(names: tuple[str, ...], lang: Lang) -> list[str]:
    return [text(f"area.head.{name}", lang) for name in names]


def _level(level: str, lang: Lang) -> str:
    return text(f"area.level.{level}", lang)


def _told(value: Any) -> str:
    return "" if value is None or pd.isna(value) else str(value)


def _m2(value: float) -> str:
    return "" if pd.isna(value) or not value else f"{value:.1f}"
