"""What typed scores come to: the year from its parts, the cycle from its years.

Domain reference §9.1: the years of a cycle weigh 15, 25 and 60 %, the parts of a year (desk review, field
assessment, questionnaire) 40, 40 and 20; the weights stand in the rule book. What is missing is told as
what it must still bring, never filled in. Site scores stand in `site_scores.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from geo.errors import DesignError


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


@dataclass(frozen=True)
class Annual:
    """Where a year stands.

    Parameters
    ----------
    score : Fraction or None
        None while parts are missing.
    so_far : Fraction
        What the known parts contribute.
    at_most : Fraction
        If every missing part came to 100.
    missing : tuple of str
    """

    score: Fraction | None
    so_far: Fraction
    at_most: Fraction
    missing: tuple[str, ...]


def annual(parts: Mapping[str, Fraction], weights: Mapping[str, Fraction]) -> Annual:
    """The score of a year from its parts, each from 0 to 100; parts without a weight count nowhere."""
    for score in parts.values():
        require_score(score)
    whole = sum(weights.values(), Fraction(0))
    so_far = (
        sum((weight * parts[part] for part, weight in weights.items() if part in parts), Fraction(0)) / whole
    )
    missing = tuple(part for part in weights if part not in parts)
    at_most = so_far + 100 * sum((weights[part] for part in missing), Fraction(0)) / whole
    return Annual(None if missing else so_far, so_far, at_most, missing)


def require_score(score: Fraction) -> None:
    """DesignError `score_range` for what lies outside 0 to 100."""
    if not 0 <= score <= 100:
        raise DesignError(
            f"a score of {float(score):g} is out of range; give 0 to 100",
            code="score_range", given=f"{float(score):g}",
        )  # fmt: skip


def cycle(
    years: Sequence[Fraction | None], target: Fraction | None = None, *, weights: Sequence[Fraction]
) -> Cycle:
    """The score of a cycle, or what the missing years need.

    Parameters
    ----------
    years : three scores from 0 to 100, None where a year has none yet
    target : Fraction, optional
    weights : of the years, which sum to 1

    Raises
    ------
    DesignError
        `score_range`; `cycle_years` for another number of years.
    """
    if len(years) != len(weights):
        raise DesignError(
            f"a cycle has {len(weights)} years, {len(years)} were given; write - for a year without a score",
            code="cycle_years", years=len(weights), given=len(years),
        )  # fmt: skip
    for score in (*years, target):
        if score is not None:
            require_score(score)
    known = [(weight, score) for weight, score in zip(weights, years, strict=True) if score is not None]
    so_far = sum((weight * score for weight, score in known), Fraction(0))
    open_weight = 1 - sum((weight for weight, _ in known), Fraction(0))
    if open_weight == 0:
        return Cycle(so_far, so_far, None, None if target is None else so_far >= target)
    if target is None:
        return Cycle(None, so_far, None, None)
    needed = max((target - so_far) / open_weight, Fraction(0))
    return Cycle(None, so_far, needed, needed <= 100)
