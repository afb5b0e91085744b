"""`zhoubian coverage toilets`: a public toilet every 500 m, its gaps, the best next places."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from .. import clock
from .. import coverage_words as words
from ..i18n import Lang, text
from ..usecases import coverage_files
from ..usecases import coverage_toilets as toilets
from . import coverage_counts
from .exposure import records
from .show import door, json_option, opened, print_json, say, table, warn


def register(program: typer.Typer, lang: Lang) -> None:
    """Add the sub-application to the program."""
    group = typer.Typer(help=text("cli.coverage", lang), rich_markup_mode=None)
    program.add_typer(group, name="coverage", help=text("cli.coverage", lang))
    _toilets(group, lang)
    coverage_counts.register(group, lang)


def _toilets(group: typer.Typer, lang: Lang) -> None:
    json_flag = json_option(lang)

    @group.command("toilets", help=text("cli.coverage_toilets", lang))
    def toilets_(
        context: typer.Context,
        rule: str | None = typer.Option(None, help=text("cli.coverage_rule", lang)),
        distance: float | None = typer.Option(None, help=text("cli.coverage_distance", lang)),
        beside: float | None = typer.Option(None, help=text("cli.coverage_beside", lang)),
        offices: bool | None = typer.Option(
            None, "--offices/--no-offices", help=text("cli.coverage_offices", lang)
        ),
        classes: str | None = typer.Option(None, help=text("cli.coverage_classes", lang)),
        places: int = typer.Option(
            toilets.NEXT_PLACES,
            "--next",
            min=0,
            max=toilets.MOST_PLACES,
            help=text("cli.coverage_next", lang),
        ),
        top: int = typer.Option(20, min=0, help=text("cli.coverage_top", lang)),
        out: Path | None = typer.Option(None, help=text("cli.coverage_out", lang)),
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        given = {
            "rule": rule, "distance_m": distance, "beside_m": beside, "offices": offices, "classes": classes,
        }  # fmt: skip
        with opened(here) as store:
            coverage_files.check_out(store, out)
            asked = toilets.asked_of(store, clock.now().date(), given)
            answer = toilets.coverage(store, asked, places)
            warn(store, here.lang)
            if out is not None:
                coverage_files.write_coverage(store, answer, out, here.lang)
        if as_json:
            print_json(_json(answer))
            return
        _show(answer, top, here.lang)
        if out is not None:
            say(text("cli.written", here.lang, file=out))


def _json(answer: toilets.ToiletCoverage) -> dict[str, Any]:
    return {
        "settings": answer.asked.to_mapping(),
        **answer.facts(),
        "by_class": records(answer.by_class),
        "gaps": records(answer.gaps.drop(columns="geometry")),
        "next_places": [
            {**row, "lon": round(point.x, 7), "lat": round(point.y, 7)}
            for row, point in zip(
                records(answer.places.drop(columns="geometry")), answer.places.geometry, strict=True
            )
        ],
    }


def _show(answer: toilets.ToiletCoverage, top: int, lang: Lang) -> None:
    say(words.title(answer.asked, lang))
    for label, value in words.lines(answer, lang):
        say(f"{label}: {value}")
    rows = [
        (words.kind(kind, lang),
         words.km(street_m), words.km(asked_m), words.km(bare_m),
         words.share_words(None if asked_m == 0 else share))
        for kind, street_m, asked_m, bare_m, share in answer.by_class.itertuples(index=False)
    ]  # fmt: skip
    table(
        text("cli.coverage_by_class", lang),
        _heads(("class", "street_km", "asked_km", "bare_km", "share"), lang),
        rows,
    )
    shown = answer.gaps.head(top)
    gaps = [
        (ident, words.street(name, lang), words.kind(kind, lang), f"{metres:,.0f}")
        for ident, name, kind, metres in shown[["id", "name", "class", "length_m"]].itertuples(index=False)
    ]
    title = text("cli.coverage_gaps", lang, count=len(answer.gaps), shown=len(shown))
    table(title, _heads(("id", "street", "class", "length_m"), lang), gaps)
    if answer.asked.rule == "any_walk":
        say(text("cli.coverage_no_places", lang))
    if len(answer.places):
        next_ones = [
            (rank, words.street(street, lang), f"{gain:,.0f}", f"{point.x:.6f} {point.y:.6f}")
            for rank, street, gain, point in answer.places.itertuples(index=False)
        ]
        table(
            text("cli.coverage_places", lang), _heads(("rank", "street", "gain_m", "lonlat"), lang), next_ones
        )


def _heads(names: tuple[str, ...], lang: Lang) -> list[str]:
    return [text(f"coverage.head.{name}", lang) for name in names]
