"""What a score comes to: the cycle of three years, and the ladder of a site.

Domain reference §9: the years of a cycle weigh 15, 25 and 60 %; an item is worth 100, 66, 33 or 0 % by
its cases, and items that do not apply or were not seen leave the score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from geo.errors import DesignError

CYCLE = (Fraction(15, 100), Fraction(25, 100), Fraction(60, 100))
"""Weights of the three years."""


@dataclass(frozen=True)
class Cycle:
    """Where a cycle stands.

    Parameters
    ----------
    score : Fraction or None
        Of the whole cycle; None while years are missing.
    so_far : Fraction
        What the known years contribute.
    needed : Fraction or None
        In each missing year, to reach the target; None without a target or missing years.
    reachable : bool or None
        Whether that is at most 100 (a score below 0 is never needed: then 0).
    """

    score: Fraction | None
    so_far: Fraction
    needed: Fraction | None
    reachable: bool | None


def cycle(years: Sequence[Fraction | None], target: Fraction | None = None) -> Cycle:
    """The score of a cycle, or what the missing years need.

    Parameters
    ----------
    years : three scores from 0 to 100, None where a year has none yet
    target : Fraction, optional

    Raises
    ------
    DesignError
        `score_range`; `cycle_years` for another number of years.
    """
    if len(years) != len(CYCLE):
        raise DesignError(
            f"a cycle has {len(CYCLE)} years, {len(years)} were given; write - for a year without a score",
            code="cycle_years", years=len(CYCLE), given=len(years),
        )  # fmt: skip
    for score in (*years, target):
        if score is not None and not 0 <= score <= 100:
            raise DesignError(
                f"a score of {float(score):g} is out of range; give 0 to 100",
                code="score_range", given=f"{float(score):g}",
            )  # fmt: skip
    known = [(weight, score) for weight, score in zip(CYCLE, years, strict=True) if score is not None]
    so_far = sum((weight * score for weight, score in known), Fraction(0))
    open_weight = 1 - sum((weight for weight, _ in known), Fraction(0))
    if open_weight == 0:
        return Cycle(so_far, so_far, None, None if target is None else so_far >= target)
    if target is None:
        return Cycle(None, so_far, None, None)
    needed = max((target - so_far) / open_weight, Fraction(0))
    return Cycle(None, so_far, needed, needed <= 100)
