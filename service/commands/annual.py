"""`zhoubian score annual`, `score negative`: years typed in by their parts, with the negative list."""

from __future__ import annotations

from typing import Any

import typer

from .. import clock
from .. import score_words as words
from ..i18n import Lang, text
from ..supervision.site_scores import rounded
from ..usecases import annual
from ..usecases.annual import Year
from .cycle_words import part_of, plain, say_cycle, score_of
from .show import by_option, door, json_option, opened, print_json, say, table


def register(group: typer.Typer, lang: Lang) -> None:
    """Add the commands to the sub-application."""
    _annual(group, lang)
    _negative(group, lang)


def _annual(group: typer.Typer, lang: Lang) -> None:
    json_flag = json_option(lang)

    @group.command("annual", help=text("cli.score_annual", lang))
    def annual_(
        context: typer.Context,
        typed: tuple[str, str, str] | None = typer.Option(
            None, "--set", metavar="YEAR PART SCORE", help=text("cli.score_set", lang)
        ),
        note: str | None = typer.Option(None, help=text("cli.score_note", lang)),
        by: str = by_option(lang),
        cycle_from: str | None = typer.Option(None, help=text("cli.score_cycle_from", lang)),
        target: str | None = typer.Option(None, help=text("cli.cycle_target", lang)),
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        now = clock.now()
        with opened(here) as store:
            if typed is not None:
                year, part = annual.year_of(typed[0]), part_of(typed[1])
                annual.set_part(store, year, part, score_of(typed[2]), who=by, now=now, note=note)
            years = annual.years(store, now=now)
            aim = None if target is None else score_of(target)
            first = None if cycle_from is None else annual.year_of(cycle_from)
            cycle = None if first is None else annual.cycle_of(store, first, aim, now=now)
        if as_json:
            told: dict[str, Any] = {"years": [_year(year) for year in years]}
            if cycle is not None:
                told["cycle"] = {"first": first, "target": float(cycle.target), **plain(cycle.told)}
            print_json(told)
            return
        _show(years, here.lang)
        if cycle is not None:
            say(text("score.cycle_title", here.lang, first=cycle.years[0].year, last=cycle.years[-1].year))
            say_cycle(cycle.told, cycle.weights, f"{float(cycle.target):g}", here.lang)


def _show(years: list[Year], lang: Lang) -> None:
    """The years with their parts; the negative list stands beside a score and is never subtracted."""
    if not years:
        say(text("score.annual_none", lang))
        return
    parts = list(dict.fromkeys(part for year in years for part in (*year.weights, *year.parts)))
    heads = [text("score.head.year", lang), *(words.part(part, lang) for part in parts)]
    heads += words.heads(("annual", "typed", "still", "flags"), lang)
    rows = [
        (year.year, *(_part(year, part) for part in parts), _points(year.annual.score), _points(year.typed),
         _still(year, lang), "；".join(flag.subject for flag in year.flags))
        for year in years
    ]  # fmt: skip
    table(text("score.annual_title", lang), heads, rows)
    for year in years:
        if year.differs:
            facts = {"year": year.year, "typed": _points(year.typed), "parts": _points(year.annual.score)}
            say(text("score.annual_differs", lang, **facts))
    say(text("score.negative_aside", lang))


def _points(score: Any) -> str:
    return words.NONE if score is None else rounded(score, 2)


def _part(year: Year, part: str) -> str:
    weight = year.weights.get(part)
    shown = _points(year.parts.get(part))
    return shown if weight is None else f"{shown} ({float(100 * weight / sum(year.weights.values())):g} %)"


def _still(year: Year, lang: Lang) -> str | None:
    """What a year without all its parts can still come to."""
    if not year.annual.missing or year.typed is not None:
        return None
    return text(
        "score.annual_range", lang, low=rounded(year.annual.so_far, 2), high=rounded(year.annual.at_most, 2)
    )


def _year(year: Year) -> dict[str, Any]:
    return {
        "year": year.year, "parts": {part: float(score) for part, score in year.parts.items()},
        "weights": {part: float(weight) for part, weight in year.weights.items()},
        "annual": None if year.annual.score is None else float(year.annual.score),
        "typed": None if year.typed is None else float(year.typed),
        "score": None if year.score is None else float(year.score), "so_far": float(year.annual.so_far),
        "at_most": float(year.annual.at_most), "missing": list(year.annual.missing), "rules": year.rules,
        "negative_list": [vars(flag) for flag in year.flags],
    }  # fmt: skip


def _negative(group: typer.Typer, lang: Lang) -> None:
    json_flag = json_option(lang)

    @group.command("negative", help=text("cli.score_negative", lang))
    def negative_(
        context: typer.Context,
        add: str | None = typer.Option(None, metavar="TEXT", help=text("cli.negative_add", lang)),
        year: str | None = typer.Option(None, help=text("cli.negative_year", lang)),
        note: str = typer.Option("", help=text("cli.score_note", lang)),
        remove: int | None = typer.Option(None, metavar="NUMBER", help=text("cli.negative_remove", lang)),
        every: bool = typer.Option(False, "--all", help=text("cli.negative_all", lang)),
        by: str = by_option(lang),
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        now = clock.now()
        with opened(here) as store:
            if add is not None:
                in_year = now.year if year is None else annual.year_of(year)
                annual.add_flag(store, in_year, add, who=by, now=now, note=note)
            if remove is not None:
                annual.remove_flag(store, remove, now=now)
            flags = annual.negative_list(store, removed=every)
        if as_json:
            print_json([vars(flag) for flag in flags])
            return
        rows = [
            (flag.id, flag.year, flag.subject, flag.note, flag.at[:10], (flag.removed_at or "")[:10])
            for flag in flags
        ]
        names = ("number", "year", "flag", "note", "day", "removed")
        table(text("score.negative_title", here.lang, count=len(flags)), words.heads(names, here.lang), rows)
        say(text("score.negative_aside", here.lang))
