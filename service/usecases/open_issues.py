"""The open issues of each alley and compound, with their weight and their part of the score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import select

from geo.crs import project
from geo.frame import UNIT_LAYERS, Frame
from geo.nearest import NONE, nearest_unit
from geo.priority import issue_losses
from layers import tables
from layers.rules import Item
from layers.store import Store

from ..supervision.rulebook import RuleBook
from ..supervision.site_scores import worth

OPEN_STATES = ("found", "carded", "reported_fixed", "rechecked", "suspended")
NEAR_M = 30.0
"""An issue without the id of its unit belongs to the alley or compound within this distance."""
SITE_TYPES = {"back_alleys": "back_alley", "compounds": "compound"}


@dataclass(frozen=True)
class OpenIssues:
    """The open issues that belong to a unit of the frame.

    Parameters
    ----------
    table : DataFrame
        `id`, `category`, `found_at`, `state`, `count`, `layer`, `unit` (row in the frame), `weight`
        (severity times cases), `item` (position in the checklist of its unit, -1 for none), `loss` (part
        of the unit's score, 0 to 1), `by_place` (bool).
    elsewhere : int
        Open issues that belong to no unit of the frame.
    unknown : int
        Open issues of a category that has no severity: counted with weight 1.
    """

    table: pd.DataFrame
    elsewhere: int
    unknown: int

    def weights(self, layer: str, units: int) -> NDArray[np.float64]:
        """(units,) summed weight of the open issues."""
        part = self.table[self.table["layer"] == layer]
        summed = np.bincount(part["unit"].to_numpy(), part["weight"].to_numpy(), minlength=units)
        return summed.astype(np.float64)


def open_issues(store: Store, frame: Frame, book: RuleBook) -> OpenIssues:
    """Open issues by unit: by the id they name, else by the unit they lie in or within 30 m of.

    Severities, checklists and what an item is worth are those of `book`. An issue counts against the item
    it was found at, else against the first item of the checklist with its category. Withdrawn issues and
    duplicates count nowhere.
    """
    issues = store.read("issues")
    found_at_item, void = _followed(store)
    is_open = issues["state"].isna() | issues["state"].isin(OPEN_STATES)
    issues = issues[is_open & ~issues["id"].isin(void)].reset_index(drop=True)
    layer_of = pd.Series(None, index=issues.index, dtype=object)
    unit_of = np.full(len(issues), NONE, dtype=np.int64)
    by_place = np.zeros(len(issues), dtype=bool)
    site = issues["site"].astype(object)
    for layer in UNIT_LAYERS:
        rows = pd.Series(np.arange(len(frame.units[layer])), index=frame.units[layer]["id"])
        found = site.map(rows).astype("Float64").to_numpy(dtype=float, na_value=np.nan)
        named = np.isfinite(found)
        layer_of[named], unit_of[named] = layer, found[named].astype(np.int64)
    _by_place(store, frame, issues, layer_of, unit_of, by_place)
    belongs = unit_of != NONE
    severity = {code: book.severities[one.severity].weight for code, one in book.categories.items()}
    known = issues["category"].map(severity)
    count = issues["count"].fillna(1).astype(np.int64).clip(lower=1)
    table = pd.DataFrame(issues[["id", "category", "found_at", "state"]]).assign(
        count=count,
        layer=layer_of,
        unit=unit_of,
        weight=known.fillna(1).astype(float) * count,
        by_place=by_place,
    )[belongs]
    table = table.reset_index(drop=True).assign(item=NONE, loss=0.0)
    named = table["id"].map(found_at_item)
    for layer, site_type in SITE_TYPES.items():
        items = book.items.get(site_type, ())
        by_category = {item.category: number for number, item in reversed(list(enumerate(items)))}
        by_code = {item.code: number for number, item in enumerate(items)}
        part = (table["layer"] == layer).to_numpy()
        item = named[part].map(by_code).fillna(table.loc[part, "category"].map(by_category)).fillna(NONE)
        table.loc[part, "item"] = item.astype(np.int64)
        weight, values = item_values(items, book)
        table.loc[part, "loss"] = issue_losses(
            table.loc[part, "unit"].to_numpy(), table.loc[part, "item"].to_numpy(),
            table.loc[part, "count"].to_numpy(), len(items), weight=weight, worth=values,
        )  # fmt: skip
    return OpenIssues(table, int((~belongs).sum()), int(known[belongs].isna().sum()))


def item_values(items: Sequence[Item], book: RuleBook) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(items,) weight of each item, and (items, k) its value with 0, 1, ... k - 1 and more cases."""
    values = [[float(value) for value in worth(item, book.scoring)] for item in items]
    return np.array([item.weight for item in items]), np.array(values) if values else np.ones((0, 1))


def _followed(store: Store) -> tuple[dict[str, str], set[str]]:
    """The item of the checklist of each issue that was found at one, and the issues that count nowhere."""
    cases = tables.cases
    with store.reading() as connection:
        found = connection.execute(select(cases.c.issue, cases.c.item).where(cases.c.item.is_not(None)))
        items = {row.issue: row.item for row in found}
        gone = select(cases.c.issue).where(
            cases.c.withdrawn_at.is_not(None) | cases.c.merged_into.is_not(None)
        )
        return items, set(connection.scalars(gone))


def _by_place(
    store: Store, frame: Frame, issues: gpd.GeoDataFrame, layer_of: pd.Series[Any],
    unit_of: NDArray[np.int64], by_place: NDArray[np.bool_],
) -> None:  # fmt: skip
    """Fill in the unit of issues that name none: compounds first, as an issue inside one is its own."""
    for layer, within_m in (("compounds", 0.0), ("back_alleys", NEAR_M), ("compounds", NEAR_M)):
        free = np.flatnonzero((unit_of == NONE) & issues["site"].isna().to_numpy())
        if len(free) == 0 or frame.units[layer].empty:
            continue
        table = store.read(layer, columns=["id"]).set_index("id").loc[frame.units[layer]["id"]]
        plane = project(np.asarray(table.geometry.array), frame.crs)
        points = project(np.asarray(issues.geometry.array)[free], frame.crs)
        unit, _ = nearest_unit(points, plane, crs=frame.crs, within_m=max(within_m, 1e-6))
        hit = unit != NONE
        layer_of.iloc[free[hit]], unit_of[free[hit]], by_place[free[hit]] = layer, unit[hit], True
