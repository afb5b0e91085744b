"""The score of the cycle of three years."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from fractions import Fraction

from layers.store import Store

from ..supervision import scores
from ..supervision.scores import Cycle
from . import rule_books


def weights(store: Store | None, on: date) -> tuple[Fraction, ...]:
    """What the three years weigh by the rules of a store on a day; by those of the program without one."""
    book = rule_books.shipped_book() if store is None else rule_books.current(store, on)
    return book.scoring.cycle


def cycle(
    years: Sequence[Fraction | None],
    target: Fraction | None = None,
    *,
    weights: Sequence[Fraction] | None = None,
) -> Cycle:
    """Where a cycle stands, and what the missing years need to reach a target; scores are typed in.

    Without `weights` the years weigh what the program's own rules say.
    """
    held = rule_books.shipped_book().scoring.cycle if weights is None else weights
    return scores.cycle(years, target, weights=held)
