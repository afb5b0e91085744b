"""`zhoubian draw`, `unseal`, `draws`, `verify`, `map`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from geo.design import Design
from geo.draw import Verification

from .. import clock, design_words
from ..i18n import Lang, text
from ..usecases import draws, exports
from .design_options import with_design
from .show import door, json_option, opened, print_json, say, table, warn


def register(program: typer.Typer, lang: Lang) -> None:
    """Add the commands to the program."""
    _register_making(program, lang)
    json_flag = json_option(lang)
    named: Any = typer.Argument(help=text("cli.draw_name", lang))

    @program.command("draws", help=text("cli.draws", lang))
    def listing(context: typer.Context, as_json: bool = json_flag) -> None:
        here = door(context)
        with opened(here) as store:
            found = draws.listing(store)
        if as_json:
            print_json([{"name": d.name, "created_at": d.created_at, "state": d.state} for d in found])
            return
        heads = [text(f"cli.head.{head}", here.lang) for head in ("name", "at", "state")]
        rows = [
            (d.name, d.created_at[:16].replace("T", " "), text(f"cli.state.{d.state}", here.lang))
            for d in found
        ]
        table(text("cli.draws_title", here.lang), heads, rows)

    @program.command("verify", help=text("cli.verify", lang))
    def verify(
        context: typer.Context,
        draw: str = typer.Argument(..., help=text("cli.verify_draw", lang)),
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        with opened(here) as store:
            file = draw.lower().endswith(".json")
            record = draws.read_record(Path(draw)) if file else draws.record_of(store, draw)
            found = draws.verify(store, record)
        if as_json:
            print_json({"same": found.same, "frame_same": found.frame_same, "draw_same": found.draw_same,
                        "sealed_true": found.sealed_true, "record_true": found.record_true,
                        "changes": found.changes})  # fmt: skip
        else:
            for line in verdict(found, draw, here.lang):
                say(line)
        if not found.same:
            raise typer.Exit(1)

    @program.command("map", help=text("cli.map", lang))
    def map_(
        context: typer.Context,
        name: str = named,
        out: Path = typer.Option(..., help=text("cli.map_out", lang)),
    ) -> None:
        here = door(context)
        with opened(here) as store:
            size = exports.map_file(store, name, out, here.lang)
            warn(store, here.lang)
        say(text("cli.map_written", here.lang, file=out, size=f"{size / 1e6:.1f}"))


def _register_making(program: typer.Typer, lang: Lang) -> None:
    """The commands that make a draw."""
    json_flag = json_option(lang)

    @program.command("draw", help=text("cli.draw", lang))
    @with_design(lang)
    def draw(
        context: typer.Context,
        design: Design,
        seed: str | None = typer.Option(None, help=text("cli.draw_seed", lang)),
        round_: int = typer.Option(1, "--round", help=text("cli.draw_round", lang)),
        name: str | None = typer.Option(None, help=text("cli.draw_new_name", lang)),
        sealed: bool = typer.Option(False, "--sealed", help=text("cli.draw_sealed", lang)),
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        with opened(here) as store:
            made = draws.run(
                store, design, now=clock.now(), seed=seed, round_number=round_, name=name, sealed=sealed
            )
            rows = draws.table(store, made.record) if made.state == "drawn" else []
            warn(store, here.lang)
        if as_json:
            print_json(made.record)
        elif made.state == "sealed":
            say(text("cli.sealed", here.lang, name=made.name, commitment=made.record["commitment"]))
        else:
            show(made.name, made.record, rows, here.lang)

    @program.command("unseal", help=text("cli.unseal", lang))
    def unseal(
        context: typer.Context,
        name: str = typer.Argument(help=text("cli.draw_name", lang)),
        second: str = typer.Option(..., help=text("cli.unseal_second", lang)),
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        with opened(here) as store:
            made = draws.unseal(store, name, second, now=clock.now())
            rows = draws.table(store, made.record)
        if as_json:
            print_json(made.record)
        else:
            show(made.name, made.record, rows, here.lang)


def verdict(found: Verification, name: str, lang: Lang) -> list[str]:
    """Whether the draw is confirmed, and what is different where it is not."""
    lines = [text("cli.verified" if found.same else "cli.not_verified", lang, name=name)]
    if not found.record_true:
        lines.append(text("cli.verify_record", lang))
    if found.sealed_true is not None:
        lines.append(text("cli.verify_seal_true" if found.sealed_true else "cli.verify_seal_false", lang))
    for layer, changes in found.changes.items():
        counts = {kind: len(ids) for kind, ids in changes.items()}
        first = ", ".join(next((ids for ids in changes.values() if ids), [])[:5])
        lines.append(
            text("cli.verify_layer", lang, layer=text(f"layer.{layer}", lang), first=first, **counts)
        )
    if not found.frame_same:
        lines.append(text("cli.verify_still" if found.draw_same else "cli.verify_other", lang))
    elif not found.draw_same:
        lines.append(text("cli.verify_altered", lang))
    return lines


def show(name: str, record: dict[str, Any], rows: list[dict[str, Any]], lang: Lang) -> None:
    """The draw as a table, with the settings that decided it."""
    for label, value in design_words.settings(record, lang):
        say(f"{label}: {value}")
    names = ("class", "anchor", "radius", "kind", "pool", "unit", "entry", "note")
    heads = [text(f"cli.head.{head}", lang) for head in names]
    shown: list[tuple[object, ...]] = []
    last = ""
    for row in rows:
        key = f"{row['surrounding']} {row['anchor']}"
        opening = (
            text(f"map.class.{row['class']}", lang), row["anchor_name"] or row["anchor"],
            f"{row['radius_m']:g}",
        ) if key != last else ("", "", "")  # fmt: skip
        last = key
        note = "" if row["note"] is None else text(f"cli.note.{row['note']}", lang)
        if row["role"] == "reserve":
            note = " ".join(part for part in (text("cli.note.reserve", lang), note) if part)
        unit = "—" if row["unit"] is None else (row["unit_name"] or row["unit"])
        entry = "" if row["entry_m"] is None else f"{row['entry_m']:.0f}"
        shown.append((*opening, text(f"cli.kind.{row['kind']}", lang), row["pool"], unit, entry, note))
    table(text("cli.draw_title", lang, name=name), heads, shown)
    for line in spread(record, lang):
        say(line)
    visits = {layer: len(units) for layer, units in record["visits"].items()}
    say(text("cli.draw_visits", lang, alleys=visits["back_alleys"], compounds=visits["compounds"], name=name))


def spread(record: dict[str, Any], lang: Lang) -> list[str]:
    """How evenly the drawn anchors lie, and which are too near to each other."""
    told = record.get("spread")
    if told is None:
        return []
    facts = {"voronoi": f"{told['voronoi']:.3f}", "random": f"{told['voronoi_random']:.3f}"}
    lines = [text("cli.spread", lang, **facts, share=f"{100 * told['better_than']:.0f} %")]
    if told["near"]:
        first = told["near"][0]
        metres = f"{first['distance_m']:.0f}"
        names = {"one": first["one"], "other": first["other"], "metres": metres}
        lines.append(
            text("cli.near", lang, count=len(told["near"]), distance=f"{told['min_distance_m']:g}", **names)
        )
    if record["design"].get("force_distance"):
        lines.append(text("cli.forced", lang))
    return lines
