"""`zhoubian cycle`: the score of the three years, and what is still needed."""

from __future__ import annotations

from fractions import Fraction

import typer

from geo.errors import DesignError

from ..i18n import Lang, text
from ..supervision.scores import CYCLE
from ..usecases import scores
from .show import door, json_option, print_json, say


def register(program: typer.Typer, lang: Lang) -> None:
    """Add the command to the program."""
    json_flag = json_option(lang)

    @program.command("cycle", help=text("cli.cycle", lang))
    def cycle(
        context: typer.Context,
        years: str = typer.Argument(metavar="Y1,Y2,Y3", help=text("cli.cycle_years", lang)),
        target: str | None = typer.Option(None, help=text("cli.cycle_target", lang)),
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        told = scores.cycle(
            [_score(word) for word in years.replace("，", ",").split(",")],
            None if target is None else _score(target),
        )
        if as_json:
            print_json(
                {name: value if value is None or isinstance(value, bool) else float(value)
                 for name, value in vars(told).items()}
            )  # fmt: skip
            return
        weights = " + ".join(f"{100 * weight:g} %" for weight in map(float, CYCLE))
        say(text("cli.cycle_weights", here.lang, weights=weights))
        if told.score is not None:
            say(text("cli.cycle_score", here.lang, score=f"{float(told.score):.2f}"))
        else:
            say(text("cli.cycle_so_far", here.lang, score=f"{float(told.so_far):.2f}"))
        if told.needed is not None:
            code = "cli.cycle_needed" if told.reachable else "cli.cycle_out_of_reach"
            say(text(code, here.lang, target=target, needed=f"{float(told.needed):.2f}"))
        elif told.reachable is not None:
            say(text("cli.cycle_reached" if told.reachable else "cli.cycle_missed", here.lang, target=target))


def _score(word: str) -> Fraction | None:
    """A number of a score; ``-`` is a year without one."""
    clean = word.strip()
    if clean in ("-", "－", "—"):
        return None
    try:
        return Fraction(clean)
    except (ValueError, ZeroDivisionError):
        raise DesignError(
            f"{clean[:20]!r} is no score; write a number from 0 to 100, or - for a year without one",
            code="score_unreadable", given=clean[:20],
        ) from None  # fmt: skip
