"""What is worth mending first: exposure times what is bad.

The weight of an issue is its severity; the expected weight met at a unit is its exposure times the
weight of its open issues. The loss of a unit follows the ladder of the site score: an item with 0,
1, 2 or 3 and more cases is worth 1, 0.66, 0.33 or 0 (domain reference §9.2; a rule book may say
otherwise), the score of a site is the weighted mean over its items; an issue has an equal part of the
loss of its item. What several fixes gain together is no sum of these parts: `best_fixes` says which
to choose.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LADDER = (1.0, 0.66, 0.33, 0.0)
"""Value of an item with 0, 1, 2, 3 and more cases: A, B, C, C#."""

_NOISE = 1e-12
"""Sums that differ by rounding alone are equal."""


def issue_losses(
    unit: Ints, item: Ints, cases: Ints, items: int, *, weight: Floats | None = None,
    worth: Floats | None = None,
) -> Floats:  # fmt: skip
    """The part of each issue in the score loss of its unit.

    Parameters
    ----------
    unit : (n,) int
        The unit of each open issue.
    item : (n,) int
        The checklist item it counts against; -1 where the checklist of the unit has none.
    cases : (n,) int
        How many cases the record stands for, at least 1.
    items : int
        Items of the checklist.
    weight : (items,) float, optional
        Of each item; equal, if not given.
    worth : (items, k) float, optional
        Value of each item with 0, 1, ... k - 1 and more cases; `LADDER`, if not given.

    Returns
    -------
    (n,) float in [0, 1]: part of the full score of the unit; 0 without an item. The parts of one
    item and unit sum to weight * (worth[0] - worth[cases]) / sum of the weights.
    """
    loss = np.zeros(len(unit))
    counted = item >= 0
    if counted.any():
        weight = np.ones(items) if weight is None else weight
        worth = np.tile(LADDER, (items, 1)) if worth is None else worth
        table = pd.DataFrame({"unit": unit[counted], "item": item[counted], "cases": cases[counted]})
        total = table.groupby(["unit", "item"])["cases"].transform("sum").to_numpy()
        of = table["item"].to_numpy()
        lost = worth[of, 0] - worth[of, np.minimum(total, worth.shape[1] - 1)]
        loss[counted] = weight[of] * lost / weight.sum() * table["cases"].to_numpy() / total
    return loss


def fix_gains(cases: Ints, worth: Floats) -> Floats:
    """What fixing 0, 1, 2, ... of the issues of one item at one unit gains, in values of the item.

    Parameters
    ----------
    cases : (n,) int
        Cases of each issue, at least 1.
    worth : (k,) float
        Value with 0, 1, ... k - 1 and more cases; it never rises.

    Returns
    -------
    (n + 1,) float
        Of the best choice of so many issues: those with the most cases, as fewer cases left are never
        worth less. Not a straight line: the first fix of four single cases may gain nothing.
    """
    left = cases.sum() - np.concatenate([[0], np.cumsum(np.sort(cases)[::-1])])
    value = worth[np.minimum(left, len(worth) - 1)]
    return np.asarray(value - value[0], dtype=np.float64)


def best_fixes(gains: Sequence[Floats], fixes: int) -> Ints:
    """How many issues to fix in each group so that so many fixes gain the most.

    Parameters
    ----------
    gains : sequence of (n + 1,) float
        Gain of fixing 0, 1, ... n issues of a group; 0 first, never falling, of any shape.
    fixes : int
        At most so many issues in all.

    Returns
    -------
    (groups,) int; their sum is at most `fixes`, and no more than are needed for the gain.

    Notes
    -----
    Gains of different groups add up, those within a group do not: a multiple-choice knapsack with
    costs 0, 1, ... n. Dynamic programme over the groups, best[x] = max over m of best[x - m] +
    gains[m]; exact for every shape (the greedy choice of the largest next gain is not, as its first
    step may gain nothing). O(fixes * issues) time, O(fixes * groups) memory.
    """
    best = np.zeros(fixes + 1)
    widest = max((len(gain) for gain in gains), default=1)
    chosen = np.zeros((len(gains), fixes + 1), dtype=np.min_scalar_type(widest))
    for row, gain in enumerate(gains):
        before = best.copy()
        for count in range(1, min(len(gain) - 1, fixes) + 1):
            tried = before[: fixes + 1 - count] + gain[count]
            better = tried > best[count:] + _NOISE
            best[count:][better] = tried[better]
            chosen[row, count:][better] = count
    counts = np.zeros(len(gains), dtype=np.int64)
    left = fixes
    for row in range(len(gains) - 1, -1, -1):
        counts[row] = chosen[row, left]
        left -= int(counts[row])
    return counts
