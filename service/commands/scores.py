"""`zhoubian cycle`: the score of the three years, and what is still needed; the group `zhoubian score`."""

from __future__ import annotations

from fractions import Fraction

import typer

from layers.store import Store

from .. import clock
from ..i18n import Lang, text
from ..usecases import scores
from . import annual, score_gains, score_tables
from .cycle_words import plain, say_cycle, score_of
from .show import Door, door, json_option, print_json, sub_program


def register(program: typer.Typer, lang: Lang) -> None:
    """Add the command and the sub-application to the program."""
    json_flag = json_option(lang)

    @program.command("cycle", help=text("cli.cycle", lang))
    def cycle(
        context: typer.Context,
        years: str = typer.Argument(metavar="Y1,Y2,Y3", help=text("cli.cycle_years", lang)),
        target: str | None = typer.Option(None, help=text("cli.cycle_target", lang)),
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        weights = _weights(here)
        aim = None if target is None else score_of(target)
        told = scores.cycle(
            [score_of(word) for word in years.replace("，", ",").split(",")], aim, weights=weights
        )
        if as_json:
            print_json(plain(told))
            return
        say_cycle(told, weights, target, here.lang)

    group = sub_program(program, "score", lang)
    for subject in (score_tables, score_gains, annual):
        subject.register(group, lang)


def _weights(here: Door) -> tuple[Fraction, ...]:
    """By the rules of the store; a cycle can be reckoned without one."""
    today = clock.now().date()
    if not here.settings.store.is_file():
        return scores.weights(None, today)
    with Store.open(here.settings.store, create=False) as store:
        return scores.weights(store, today)
