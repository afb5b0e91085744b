"""The number of a bulletin in its year: the place of its period among those of its kind that end in the year.

A bulletin that is skipped keeps its number free, and in whatever order they are written the numbers stand
in the order of the periods. An office that counts otherwise says the number of one bulletin; those after
it are counted on from there.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from geo.errors import DesignError

from .periods import Period


def place(period: Period, after: date | None = None) -> int:
    """Its place among the periods of its kind that end in its year, or of these after a day."""
    number, one = 0, period
    while one.last.year == period.last.year and (after is None or one.last > after):
        number, one = number + 1, one.before()
    return number


def number_of(period: Period, taken: Mapping[date, int], wanted: int | None = None) -> int:
    """The number of a bulletin that has none yet.

    Parameters
    ----------
    taken : {last day: number}
        The bulletins of its year and kind that have one.
    wanted : int, optional
        What the office says; otherwise counted on from the bulletin before, else back from the one after,
        else its place in the year.

    Raises
    ------
    DesignError
        `bulletin_number`, `bulletin_number_none`: numbers would not stand in the order of the periods.
    """
    before = max((last for last in taken if last < period.last), default=None)
    after = min((last for last in taken if last > period.last), default=None)
    number = _counted(period, taken, before, after) if wanted is None else wanted
    wrong = before if before is not None and taken[before] >= number else (
        after if after is not None and taken[after] <= number else None
    )  # fmt: skip
    if wrong is None:
        return number
    facts = {"last": str(period.last), "until": str(wrong), "other": taken[wrong]}
    if wanted is not None:
        raise DesignError(
            f"number {wanted} does not fit the period up to {period.last}, for the one up to {wrong} has"
            f" number {taken[wrong]} and numbers stand in the order of the periods; choose another or leave"
            " it out",
            code="bulletin_number", number=wanted, **facts,
        )  # fmt: skip
    raise DesignError(
        f"the period up to {period.last} has no number left, for the one up to {wrong} has number"
        f" {taken[wrong]} and numbers stand in the order of the periods; take another period",
        code="bulletin_number_none", **facts,
    )  # fmt: skip


def _counted(period: Period, taken: Mapping[date, int], before: date | None, after: date | None) -> int:
    if before is not None:
        return taken[before] + max(place(period, before), 1)
    if after is None:
        return place(period)
    between, one = 0, period.after()
    while one.last <= after:
        between, one = between + 1, one.after()
    number = taken[after] - max(between, 1)
    return number if number > 0 else taken[after]  # none is left: refused for being taken
