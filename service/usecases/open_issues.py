"""The open issues of each alley and compound, with their weight and their part of the score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geo.crs import project
from geo.frame import UNIT_LAYERS, Frame
from geo.nearest import NONE, nearest_unit
from geo.priority import issue_losses
from layers.rules import categories, checklist
from layers.store import Store

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
        (severity times cases), `loss` (part of the unit's score, 0 to 1), `by_place` (bool).
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


def open_issues(store: Store, frame: Frame) -> OpenIssues:
    """Open issues by unit: by the id they name, else by the unit they lie in or within 30 m of."""
    issues = store.read("issues")
    issues = issues[issues["state"].isna() | issues["state"].isin(OPEN_STATES)].reset_index(drop=True)
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
    known = issues["category"].map({code: entry.severity for code, entry in categories().items()})
    count = issues["count"].fillna(1).astype(np.int64).clip(lower=1)
    table = pd.DataFrame(issues[["id", "category", "found_at", "state"]]).assign(
        count=count,
        layer=layer_of,
        unit=unit_of,
        weight=known.fillna(1).astype(float) * count,
        by_place=by_place,
    )[belongs]
    table = table.reset_index(drop=True).assign(loss=0.0)
    for layer, site_type in SITE_TYPES.items():
        items = checklist(site_type)
        item_of = {item.category: number for number, item in reversed(list(enumerate(items)))}
        part = (table["layer"] == layer).to_numpy()
        item = table.loc[part, "category"].map(item_of).fillna(-1).to_numpy(dtype=np.int64)
        table.loc[part, "loss"] = issue_losses(
            table.loc[part, "unit"].to_numpy(), item, table.loc[part, "count"].to_numpy(), len(items)
        )
    return OpenIssues(table, int((~belongs).sum()), int(known[belongs].isna().sum()))


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
