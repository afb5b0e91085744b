"""What the open issues cost in points, and which fixes bring back the most.

Expected score loss = sum over the units of exposure x loss (domain reference §5.5, §9.2): the points of
100 of its site score that a unit has lost, times its chance to be inspected under the stated settings.
It is their consequence, never a forecast of the real inspectors, and is told with them.

The gains of fixes do not add up within an item of a unit: of four cases the first fixed gains nothing,
the second a third of the item. So the best list of so many fixes is found over all of them together
(`geo.priority.best_fixes`), not by taking the largest gains.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geo.design import Design
from geo.draw import told_on_foot
from geo.errors import DesignError
from geo.frame import UNIT_LAYERS, Frame
from geo.nearest import NONE
from geo.priority import best_fixes, fix_gains
from layers.store import Store

from .. import clock
from ..supervision.rulebook import RuleBook
from . import rule_books
from .exposure import issues_of, reckon
from .open_issues import SITE_TYPES, OpenIssues, item_values

MOST_FIXES = 1000
_ISSUE = ("id", "category", "item", "state", "layer", "unit_id", "name", "district", "unit", "pi", "cases",
          "item_cases", "value", "alone", "share")  # fmt: skip


@dataclass(frozen=True)
class Gains:
    """What the open issues cost, and what fixing them gains; points of 100 of a site score.

    Parameters
    ----------
    table : DataFrame
        Open issues that an item of the checklist counts: id, category, item (its code), state, layer,
        unit_id, name, district, unit (responsible), pi, cases, item_cases (of all open issues of that item
        and unit), value (of the item now, 0 to 1), alone (gain if only this one is fixed), share (its
        equal part of the loss). A best list tells also value_after (of the item, when this issue and
        those above it are fixed), gain (what it adds to those above it) and gain_so_far.
    loss : float
        Expected loss of all units now.
    fixes : int or None
        As asked for; the table then holds the best list, else every issue, the largest `alone` first.
    by_share : float or None
        What as many fixes gain together if those with the largest share are chosen instead.
    without_item : int
        Open issues of units that no item of the checklist counts: fixing them gains no points.
    elsewhere : int
        Open issues at no unit of the frame.
    rules : str
        Version of the rule book that says what items are worth.
    settings : dict
        The design the exposure follows from; `method` and `on_foot` stand beside it.
    """

    table: pd.DataFrame
    loss: float
    fixes: int | None
    by_share: float | None
    without_item: int
    elsewhere: int
    rules: str
    settings: dict[str, Any]
    method: str
    on_foot: dict[str, dict[str, Any]]

    @property
    def gain(self) -> float | None:
        """Points that the best list gains; None without one."""
        return None if self.fixes is None else float(self.table["gain"].sum())


@dataclass(frozen=True)
class _Group:
    """The open issues of one item at one unit.

    Parameters
    ----------
    rows : (n,) int
        Of the table, most cases first.
    cases : (n,) int
    worth : (k,) float
        Value of the item with 0, 1, ... k - 1 and more cases.
    points : float
        Expected points of the whole item: 100 x exposure x its part of the weights.
    """

    rows: NDArray[np.int64]
    cases: NDArray[np.int64]
    worth: NDArray[np.float64]
    points: float

    def value(self, cases: NDArray[np.int64]) -> NDArray[np.float64]:
        """Of the item with so many cases."""
        return self.worth[np.minimum(cases, len(self.worth) - 1)]

    @property
    def gains(self) -> NDArray[np.float64]:
        """(n + 1,) expected points when the first 0, 1, ... n of them are fixed."""
        return self.points * fix_gains(self.cases, self.worth)

    def together(self, fixed: NDArray[np.bool_]) -> float:
        """Expected points when some of them are fixed."""
        left = self.value(np.array([self.cases[~fixed].sum(), self.cases.sum()]))
        return float(self.points * (left[0] - left[1]))


def gains(store: Store, design: Design, *, fixes: int | None = None) -> Gains:
    """What the open issues of alleys and compounds cost, and what to fix first.

    Parameters
    ----------
    fixes : int, optional
        The best list of at most so many issues: no other choice of as many gains more. Issues that gain
        nothing beyond the others are left out, so it may be shorter.

    Raises
    ------
    DesignError
        `fixes_many` for more than `MOST_FIXES`, `fixes_none` for less than one.
    """
    _require(fixes)
    book = rule_books.current(store, clock.now().date())
    frame, found = reckon(store, design)
    issues = issues_of(store, frame)
    table = _told(store, frame, issues, {layer: part.pi for layer, part in found.layers.items()})
    groups = _groups(table, book)
    table = _filled(table, groups, book)[[*_ISSUE]]
    chosen = _by_alone(table) if fixes is None else _best(table, groups, fixes)
    return Gains(
        chosen.reset_index(drop=True), float(table["share"].sum()), fixes,
        None if fixes is None else _together(table, groups, fixes),
        int((issues.table["item"] == NONE).sum()), issues.elsewhere, book.version, design.to_mapping(),
        found.method, told_on_foot(frame),
    )  # fmt: skip


def beside(told: Gains) -> dict[str, Any]:
    """What stands beside the issues, as JSON values."""
    names = ("settings", "method", "on_foot", "rules", "loss", "fixes", "gain", "by_share", "without_item",
             "elsewhere")  # fmt: skip
    return {name: getattr(told, name) for name in names}


def _require(fixes: int | None) -> None:
    if fixes is not None and fixes < 1:
        raise DesignError(
            f"--fixes {fixes} is no number of fixes; give 1 or more", code="fixes_none", given=fixes
        )
    if fixes is not None and fixes > MOST_FIXES:
        raise DesignError(
            f"--fixes {fixes} is more than one week can mend; at most {MOST_FIXES} are chosen at a time",
            code="fixes_many", given=fixes, most=MOST_FIXES,
        )  # fmt: skip


def _told(store: Store, frame: Frame, issues: OpenIssues, pi: dict[str, NDArray[np.float64]]) -> pd.DataFrame:
    """The issues that an item counts, by unit and item, most cases first, whatever order the layer has."""
    parts = []
    for layer in UNIT_LAYERS:
        own = issues.table[(issues.table["layer"] == layer) & (issues.table["item"] != NONE)]
        rows = own["unit"].to_numpy(dtype=np.int64)
        codes = frame.units[layer]["id"].to_numpy(dtype=object)[rows]
        named = store.read(layer, columns=["id", "name", "district", "unit"]).set_index("id")
        place = pd.DataFrame(named.loc[codes, ["name", "district", "unit"]]).set_axis(own.index)
        chance = pi[layer][rows]
        told = own.drop(columns="unit").join(place).rename(columns={"count": "cases"})
        parts.append(told.assign(unit_id=codes, pi=chance, share=100.0 * chance * own["loss"]))
    order = ["layer", "unit_id", "item", "cases", "id"]
    return pd.concat(parts).sort_values(order, ascending=[True, True, True, False, True], ignore_index=True)


def _groups(table: pd.DataFrame, book: RuleBook) -> list[_Group]:
    """The issues by unit and item."""
    values = {layer: item_values(book.items.get(kind, ()), book) for layer, kind in SITE_TYPES.items()}
    key = table.groupby(["layer", "unit_id", "item"], sort=True).ngroup().to_numpy()
    starts = np.flatnonzero(np.diff(key, prepend=-1))  # the table is sorted so
    cases, item, pi = (table[name].to_numpy() for name in ("cases", "item", "pi"))
    layers = table["layer"].to_numpy(dtype=object)
    groups = []
    for start, end in pairwise([*starts, len(table)]):
        rows = np.arange(start, end)
        weight, worth = values[str(layers[start])]
        points = 100.0 * float(pi[start]) * float(weight[item[start]] / weight.sum())
        groups.append(_Group(rows, cases[rows], worth[item[start]], points))
    return groups


def _filled(table: pd.DataFrame, groups: list[_Group], book: RuleBook) -> pd.DataFrame:
    """With the code, cases and value of the item, and what each issue gains if only it is fixed."""
    total, value, alone = np.zeros(len(table), np.int64), np.zeros(len(table)), np.zeros(len(table))
    for group in groups:
        every = group.cases.sum()
        total[group.rows] = every
        value[group.rows] = group.value(every)
        alone[group.rows] = group.points * (group.value(every - group.cases) - group.value(every))
    items = {layer: book.items.get(kind, ()) for layer, kind in SITE_TYPES.items()}
    codes = [items[layer][item].code for layer, item in zip(table["layer"], table["item"], strict=True)]
    return table.assign(item=codes, item_cases=total, value=value, alone=alone)


def _by_alone(table: pd.DataFrame) -> pd.DataFrame:
    """The largest gain first; numbers that differ by rounding alone are equal."""
    rounded = table.assign(alone=table["alone"].round(12), share=table["share"].round(12))
    order = rounded.sort_values(["alone", "share", "id"], ascending=[False, False, True]).index
    return table.loc[order]


def _best(table: pd.DataFrame, groups: list[_Group], fixes: int) -> pd.DataFrame:
    """The best list: items that gain most per fix first, the issues of an item together."""
    counts = best_fixes([group.gains for group in groups], min(fixes, len(table)))
    chosen = [(group, int(count)) for group, count in zip(groups, counts, strict=True) if count]
    chosen.sort(key=lambda one: -round(float(one[0].gains[one[1]]) / one[1], 12))  # stable: then by unit
    rows = [row for group, count in chosen for row in group.rows[:count]]
    steps = [step for group, count in chosen for step in np.diff(group.gains[: count + 1])]
    after = [
        float(group.value(group.cases[number + 1 :].sum()))
        for group, count in chosen
        for number in range(count)
    ]
    gain = np.array(steps, dtype=np.float64)
    return table.loc[rows].assign(value_after=after, gain=gain, gain_so_far=np.cumsum(gain))


def _together(table: pd.DataFrame, groups: list[_Group], fixes: int) -> float:
    """What as many fixes gain if those with the largest share of the loss are chosen."""
    rounded = table.assign(share=table["share"].round(12))
    taken = np.zeros(len(table), dtype=bool)
    taken[rounded.sort_values(["share", "id"], ascending=[False, True]).index[:fixes]] = True
    return sum(group.together(taken[group.rows]) for group in groups if taken[group.rows].any())
