"""`zhoubian density`, `hotspots`, `emerging`, `compare-periods`, `top`: where is it bad, is it real?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, cast

import typer

from geo.density import Edge
from geo.emerging import KINDS
from geo.errors import DesignError
from layers.rasters import write_geotiff

from .. import hotspot_words
from ..i18n import Lang, text
from ..usecases import hotspot_files, hotspots
from ..usecases.hotspot_city import LAYERS_READ, City, read_city
from ..usecases.hotspot_files import Answer
from ..usecases.issue_filters import IssueFilter
from ..usecases.layers import attribution
from .exposure import category, heads
from .filter_options import bandwidth_option, kernel_option, kernel_told, with_filter
from .show import Door, door, json_option, opened, print_json, progress, say, table, warn


def register(program: typer.Typer, lang: Lang) -> None:
    """Add the commands to the program."""
    _register_density(program, lang)
    _register_tests(program, lang)


def _register_density(program: typer.Typer, lang: Lang) -> None:
    json_flag, bandwidth, kernel = json_option(lang), bandwidth_option(lang), kernel_option(lang)
    edge: Any = typer.Option("uniform", "--edge", help=text("cli.edge", lang))
    number: Any = typer.Option(20, "--n", min=1, max=200, help=text("cli.top_n", lang))

    @program.command("density", help=text("cli.density", lang))
    @with_filter(lang)
    def density(
        context: typer.Context,
        wanted: IssueFilter,
        bandwidth: str = bandwidth,
        kernel: str = kernel,
        edge: str = edge,
        cell: float | None = typer.Option(None, "--cell", help=text("cli.density_cell", lang)),
        weight: str = typer.Option("", "--weight", help=text("cli.density_weight", lang)),
        half_life: float | None = typer.Option(None, "--half-life", help=text("cli.density_half_life", lang)),
        number: int = number,
        out: Path | None = typer.Option(None, help=text("cli.hotspot_out", lang)),
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        shape = kernel_told(kernel, bandwidth)
        with _city(here, out) as city:
            found = hotspots.heat(
                city, wanted, kernel=shape, edge=cast(Edge, edge), cell_m=cell, weight=weight,
                half_life_days=half_life,
            )  # fmt: skip
            answer = Answer(
                found, wanted, hotspots.top(found, number), hotspots.hexagons(city, wanted),
                hotspots.prediction(city, wanted, kernel=shape),
            )  # fmt: skip
        _show(here, answer, out, as_json=as_json)

    @program.command("street-rate", help=text("cli.street_rate", lang))
    @with_filter(lang)
    def street_rate(
        context: typer.Context,
        wanted: IssueFilter,
        bandwidth: str = bandwidth,
        kernel: str = kernel,
        out: Path | None = typer.Option(None, help=text("cli.street_rate_out", lang)),
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        shape = kernel_told(kernel, bandwidth)
        with _city(here, out, hotspot_files.RASTER_ENDINGS) as city:
            found = hotspots.per_street(city, wanted, kernel=shape)
        if out is not None:
            write_geotiff(found.raster, out)
        facts = found.facts()
        if as_json:
            print_json({**facts, "filter": wanted.to_query()})
            return
        told = {"subject": "density", **facts}
        for label, value in hotspot_words.lines(told, here.lang, wanted.to_query()):
            say(f"{label}: {value}")
        cells = [(text(f"cli.state.{name}", here.lang), count) for name, count in facts["cells"].items()]
        most, least = f"{found.highest:.3g}", f"{found.rate.least:g}"
        say(text("cli.street_rate_title", here.lang, highest=most, least=least))
        table(
            text("cli.classes_title", here.lang, cell=f"{facts['cell_m']:g}"),
            heads(("class_of", "cells"), here.lang),
            cells,
        )
        if out is not None:
            say(text("cli.written", here.lang, file=out))

    @program.command("top", help=text("cli.top", lang))
    @with_filter(lang)
    def top(
        context: typer.Context,
        wanted: IssueFilter,
        number: int = number,
        bandwidth: str = bandwidth,
        kernel: str = kernel,
        edge: str = edge,
        out: Path | None = typer.Option(None, help=text("cli.top_out", lang)),
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        shape = kernel_told(kernel, bandwidth)
        with _city(here, out, hotspot_files.TOP_ENDINGS) as city:
            found = hotspots.heat(city, wanted, kernel=shape, edge=cast(Edge, edge))
            answer = Answer(found, wanted, hotspots.top(found, number))
        _show(here, answer, out, as_json=as_json)


def _register_tests(program: typer.Typer, lang: Lang) -> None:
    json_flag = json_option(lang)
    out_option: Any = typer.Option(None, "--out", help=text("cli.hotspot_out", lang))

    @program.command("hotspots", help=text("cli.hotspots", lang))
    @with_filter(lang)
    def hotspots_(
        context: typer.Context,
        wanted: IssueFilter,
        cell: float = typer.Option(hotspots.TEST_CELL_M, "--cell", help=text("cli.cell", lang)),
        out: Path | None = out_option,
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        with _city(here, out) as city:
            answer = Answer(hotspots.spots(city, wanted, cell_m=cell), wanted)
        _show(here, answer, out, as_json=as_json)

    @program.command("emerging", help=text("cli.emerging", lang))
    @with_filter(lang)
    def emerging(
        context: typer.Context,
        wanted: IssueFilter,
        cell: float = typer.Option(hotspots.EMERGING_CELL_M, "--cell", help=text("cli.cell", lang)),
        out: Path | None = out_option,
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        with _city(here, out) as city:
            answer = Answer(hotspots.emergence(city, wanted, cell_m=cell), wanted)
        _show(here, answer, out, as_json=as_json)

    @program.command("compare-periods", help=text("cli.compare_periods", lang))
    @with_filter(lang)
    def compare_periods(
        context: typer.Context,
        wanted: IssueFilter,
        before: str = typer.Option(..., "--before", help=text("cli.before", lang)),
        cell: float = typer.Option(hotspots.CHANGE_CELL_M, "--cell", help=text("cli.cell", lang)),
        out: Path | None = out_option,
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        earlier = _period(before)
        with _city(here, out) as city:
            answer = Answer(hotspots.comparison(city, wanted, earlier, cell_m=cell), wanted)
        _show(here, answer, out, as_json=as_json)


@contextmanager
def _city(here: Door, out: Path | None, endings: tuple[str, ...] = hotspot_files.ENDINGS) -> Iterator[City]:
    """The city of the store, read with a bar on the screen; a file that cannot be is refused before."""
    with opened(here) as store:
        hotspot_files.check_out(store, out, endings)
        with progress(text("cli.reading_issues", here.lang)) as report:
            city = read_city(store, attribution(store, LAYERS_READ), report)
        warn(store, here.lang)
        yield city


def _period(told: str) -> tuple[date, date]:
    """``SINCE:UNTIL`` as two dates, the earlier first."""
    since, sign, until = told.partition(":")
    if not (sign and since and until):
        raise DesignError(
            f"{told[:40]!r} is no period; write 2026-01-01:2026-03-31", code="period_told", given=told[:40]
        )
    period = IssueFilter.from_query({"since": since, "until": until})
    assert period.since is not None and period.until is not None  # noqa: S101 - both were told
    return period.since, period.until


# -- on the screen ---------------------------------------------------------------------------------


def _show(here: Door, answer: Answer, out: Path | None, *, as_json: bool) -> None:
    if out is not None:
        hotspot_files.write_answer(answer, out, here.lang)
    facts = answer.facts()
    if as_json:
        listed = {} if answer.subject != "density" else {"top": hotspots.top_rows(answer.spots)}
        print_json({**answer.settings(), **listed})
        return
    for label, value in hotspot_words.lines(facts, here.lang, answer.wanted.to_query()):
        say(f"{label}: {value}")
    if answer.subject == "density":
        _show_top(answer, here.lang)
    else:
        _show_classes(facts, here.lang)
    if out is not None:
        say(text("cli.written", here.lang, file=out))


def _show_top(answer: Answer, lang: Lang) -> None:
    rows = [
        (spot.rank, spot.place or text("hot.no_name", lang), spot.district, f"{spot.density:.1f}",
         spot.issues, spot.places, spot.place_days, "—" if spot.change is None else f"{spot.change:.2f}",
         *(f"{category(word, lang)} {count}" for word, count in spot.categories[:1] or (("", ""),)),
         spot.unit, f"{spot.lon:.5f}, {spot.lat:.5f}")
        for spot in answer.spots
    ]  # fmt: skip
    names = ("rank", "place", "district", "density", "issues", "places", "place_days", "change", "most",
             "responsible", "lonlat")  # fmt: skip
    table(text("cli.top_title", lang, count=len(rows)), heads(names, lang), rows)


def _show_classes(facts: dict[str, Any], lang: Lang) -> None:
    if facts["subject"] == "hotspots":
        counts = {name: facts["cells"][name] for name in reversed(facts["cells"]) if name != "none"}
        counts["none"] = facts["cells"]["none"]
    elif facts["subject"] == "emerging":
        counts = {f"{side}_{kind}": facts[side][kind] for side in ("hot", "cold") for kind in KINDS[1:]}
    else:
        counts = {name: facts[name] for name in ("worse", "better")}
        counts["unsure"] = facts["shown"] - sum(counts.values())
    rows = [(hotspot_words.class_words(name, lang), count) for name, count in counts.items()]
    title = text("cli.classes_title", lang, cell=f"{facts['cell_m']:g}")
    table(title, heads(("class_of", "cells"), lang), rows)
