"""A typed score read, and a cycle said, the same for every command that speaks of years."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from geo.errors import DesignError

from ..i18n import LANGS, Lang, text
from ..score_words import PARTS
from ..supervision.scores import Cycle
from ..supervision.site_scores import rounded
from .show import say


def score_of(word: str) -> Fraction | None:
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


def part_of(word: str) -> str:
    """The part of a year's score that a word names in either language, else the word itself."""
    clean = word.strip()
    named = {text(f"score.part.{part}", lang): part for part in PARTS for lang in LANGS}
    return named.get(clean, clean)


def plain(told: Cycle) -> dict[str, Any]:
    """A cycle as JSON values."""
    return {
        name: value if value is None or isinstance(value, bool) else float(value)
        for name, value in vars(told).items()
    }


def say_cycle(told: Cycle, weights: Sequence[Fraction], target: str | None, lang: Lang) -> None:
    """Where a cycle stands, what is missing, and whether the target can still be reached."""
    shown = " + ".join(f"{100 * weight:g} %" for weight in map(float, weights))
    say(text("cli.cycle_weights", lang, weights=shown))
    if told.score is not None:
        say(text("cli.cycle_score", lang, score=rounded(told.score, 2)))
    else:
        say(text("cli.cycle_so_far", lang, score=rounded(told.so_far, 2)))
    if told.needed is not None:
        code = "cli.cycle_needed" if told.reachable else "cli.cycle_out_of_reach"
        say(text(code, lang, target=target, needed=rounded(told.needed, 2)))
    elif told.reachable is not None:
        say(text("cli.cycle_reached" if told.reachable else "cli.cycle_missed", lang, target=target))
