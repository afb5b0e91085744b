"""What is worth mending first: exposure times what is bad.

The weight of an issue is its severity; the expected weight met at a unit is its exposure times the
weight of its open issues. The loss of a unit follows the ladder of the site score: an item with 0,
1, 2 or 3 and more cases is worth 1, 0.66, 0.33 or 0 (domain reference §9.2), the score of a site is
the mean over its items; an issue has an equal part of the loss of its item.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LADDER = (1.0, 0.66, 0.33, 0.0)
"""Value of an item with 0, 1, 2, 3 and more cases: A, B, C, C#."""


def issue_losses(unit: Ints, item: Ints, cases: Ints, items: int) -> Floats:
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
        Items of the checklist, of equal weight.

    Returns
    -------
    (n,) float in [0, 1]: part of the full score of the unit; 0 without an item. The parts of one
    item and unit sum to 1 - LADDER[cases], divided by the number of items.
    """
    loss = np.zeros(len(unit))
    counted = item >= 0
    if counted.any():
        table = pd.DataFrame({"unit": unit[counted], "item": item[counted], "cases": cases[counted]})
        total = table.groupby(["unit", "item"])["cases"].transform("sum").to_numpy()
        value = np.asarray(LADDER)[np.minimum(total, len(LADDER) - 1)]
        loss[counted] = (1.0 - value) / items * table["cases"].to_numpy() / total
    return loss
