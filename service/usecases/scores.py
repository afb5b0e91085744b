"""The score of the cycle of three years."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from ..supervision import scores
from ..supervision.scores import Cycle


def cycle(years: Sequence[Fraction | None], target: Fraction | None = None) -> Cycle:
    """Where a cycle stands, and what the missing years need to reach a target; scores are typed in."""
    return scores.cycle(years, target)
