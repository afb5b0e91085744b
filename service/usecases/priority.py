"""What to mend first, what no inspection comes to, and what stays likely however the rule is read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from geo.design import Anchors, Design
from geo.errors import DesignError, NotFoundError
from geo.findings import touch
from geo.frame import UNIT_LAYERS
from layers.store import Store

from . import layers as layer_cases
from .designs import make_design
from .exposure import SIMULATION_SEED, frame_of, issues_of, reckon, units

BY = ("unit", "district", "responsible", "issue")


def priority(
    store: Store, design: Design, *, by: str | None = None, fixes: int | None = None
) -> pd.DataFrame:
    """What to mend first.

    Parameters
    ----------
    by : str
        `issue`: every open issue with the gain of fixing it; `unit`: alleys and compounds;
        `district`, `responsible`: sums over them, with the chance that an inspection comes there (not
        a number for a balanced draw). `unit`, with `fixes` `issue`, if not given.
    fixes : int, optional
        Only so many rows of `issue`, in the order of their gain: the gains add up.

    Returns
    -------
    DataFrame, the largest gain first. `gain`: expected weighted issues no longer met; `gain_points`:
    expected points of 100 of a site score no longer lost.
    """
    if by not in (None, *BY):
        raise NotFoundError(
            f"--by {by!r} is unknown; use {', '.join(BY)}",
            code="unknown_option", option="by", given=by, allowed=", ".join(BY),
        )  # fmt: skip
    if fixes is not None and by not in (None, "issue"):
        raise DesignError(
            f"--fixes lists issues and does not go with --by {by}; leave one of them out",
            code="fixes_by", given=by,
        )  # fmt: skip
    table, _ = units(store, design)
    if by == "issue" or fixes is not None:
        frame, found = reckon(store, design)
        issues = issues_of(store, frame)
        told = issues.table.copy()
        told["unit_id"] = [
            frame.units[layer]["id"].iloc[row] for layer, row in zip(told["layer"], told["unit"], strict=True)
        ]
        pi = np.array([found.layers[la].pi[row] for la, row in zip(told["layer"], told["unit"], strict=True)])
        told = told.assign(pi=pi, gain=pi * told["weight"], gain_points=100.0 * pi * told["loss"])
        named = table.set_index(["layer", "id"])[["name", "district", "unit"]]
        told = told.drop(columns="unit").join(named, on=["layer", "unit_id"])
        told = _largest_first(told, "gain", "id")
        told["gain_so_far"] = told["gain"].cumsum()
        keep = ["id", "category", "state", "layer", "unit_id", "name", "district", "unit", "pi", "weight",
                "gain", "gain_points", "gain_so_far"]  # fmt: skip
        return told[keep] if fixes is None else told[keep].head(fixes)
    if by in (None, "unit"):
        return _largest_first(table, "priority", "id")
    return _by_group(store, design, table, "district" if by == "district" else "unit")


def _largest_first(table: pd.DataFrame, number: str, name: str) -> pd.DataFrame:
    """By a number, then by name: numbers that differ by rounding alone are equal."""
    rounded = table.assign(**{number: table[number].round(12)})
    order = rounded.sort_values([number, name], ascending=[False, True]).index
    return table.loc[order].reset_index(drop=True)


def _by_group(store: Store, design: Design, table: pd.DataFrame, column: str) -> pd.DataFrame:
    frame, ready = frame_of(store, design)
    known = table.assign(group=table[column].astype(object).where(table[column].notna(), "—"))
    labels = sorted(known["group"].unique())
    number = {label: index for index, label in enumerate(labels)}
    groups = {}
    for layer in UNIT_LAYERS:
        part = known[known["layer"] == layer].set_index("id")["group"]
        groups[layer] = part.loc[frame.units[layer]["id"]].map(number).to_numpy(dtype=np.int64)
    chance, se = np.full((2, len(labels)), np.nan)
    if design.method == "srs":
        rng = np.random.default_rng(SIMULATION_SEED)
        chance, se = touch(frame, design, groups, len(labels), ready=ready, rng=rng)
    sums = known.groupby("group")[["open_issues", "weight", "priority", "expected_loss"]].sum()
    sums["units"] = known.groupby("group").size()
    told = sums.loc[labels].reset_index().assign(touched=chance, se=se)
    return _largest_first(told, "priority", "group")


def blind_spots(store: Store, design: Design) -> pd.DataFrame:
    """Units that no anchor reaches at any allowed radius, and units no draw has visited yet.

    Columns: layer, id, name, district, unit, pi, unreached (no anchor within 2 km, or within the radius
    of the settings if that is larger), outside (exposure 0 under the settings), never_visited,
    open_issues, weight. A unit stands here if one of the three holds.
    """
    table, _ = units(store, design)
    frame, _ = frame_of(store, design)
    reached = {
        layer: set(frame.units[layer]["id"].to_numpy(dtype=object)[np.unique(frame.pairs[layer].unit)])
        for layer in UNIT_LAYERS
    }
    visited: dict[str, set[str]] = {layer: set() for layer in UNIT_LAYERS}
    for heading in store.draws():
        if heading.state == "drawn":
            for layer, visits in store.draw(heading.name).record["visits"].items():
                visited[layer].update(visit["id"] for visit in visits)

    def missing_in(known: dict[str, set[str]]) -> pd.Series[bool]:
        absent = [unit not in known[layer] for layer, unit in zip(table["layer"], table["id"], strict=True)]
        return pd.Series(absent, index=table.index, dtype=bool)

    unreached, outside, never = missing_in(reached), table["pi"] == 0, missing_in(visited)
    keep = ["layer", "id", "name", "district", "unit", "pi", "open_issues", "weight"]
    told = table[keep].assign(unreached=unreached, outside=outside, never_visited=never)
    told = told[unreached | outside | never]
    order = ["unreached", "outside", "weight", "id"]
    return told.sort_values(order, ascending=[False, False, False, True], ignore_index=True)


SETTINGS: tuple[tuple[str, dict[str, str]], ...] = tuple(
    (
        f"{shape} {radius} {'all' if anchors == 'all' else '1/class'}",
        {"shape": shape, "radius": radius, "anchors": anchors},
    )
    for shape in ("disc", "ring")
    for radius in (("500", "2000", "500:2000") if shape == "disc" else ("1000", "2000"))
    for anchors in ("1", "all")
)
"""Readings of the rule that are compared: what stays high under all of them is high for certain."""
HIGH_SHARE = 0.1


def compare_settings(store: Store, design: Design) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Which units stay likely however the rule is read.

    Parameters
    ----------
    design : Design
        Shape, radius and anchors are replaced by each of `SETTINGS`; the rest stays.

    Returns
    -------
    units : DataFrame
        layer, id, name, one column of exposure per setting, `high_in`: in how many settings the unit
        is among the likeliest tenth of its layer, one at least; those that are always first.
    agreement : DataFrame
        Spearman rank correlation of the settings over all units of both layers.
    """
    columns: dict[str, pd.Series[float]] = {}
    names = None
    for label, words in SETTINGS:
        chosen = make_design({**words})
        varied = replace(
            design, shape=chosen.shape, radius=chosen.radius, anchors=Anchors.parse(words["anchors"]),
            inner_m=chosen.inner_m,
        )  # fmt: skip
        frame, found = reckon(store, varied)
        columns[label] = pd.concat(
            [pd.Series(part.pi, index=[f"{layer}|{u}" for u in frame.units[layer]["id"]])
             for layer, part in found.layers.items()]
        )  # fmt: skip
        names = names or {layer: layer_cases.names(store, layer) for layer in UNIT_LAYERS}
    wide = pd.DataFrame(columns)
    layer = pd.Series([key.split("|", 1)[0] for key in wide.index], index=wide.index)
    unit = pd.Series([key.split("|", 1)[1] for key in wide.index], index=wide.index)
    rank = wide.groupby(layer).rank(ascending=False, method="min")
    places = np.ceil(HIGH_SHARE * layer.map(layer.value_counts()))
    high = (rank.le(places, axis=0) & (wide > 0)).sum(axis=1)
    assert names is not None  # noqa: S101 - there is at least one setting
    called = [names[la].get(u) for la, u in zip(layer, unit, strict=True)]
    name = pd.Series(called, index=wide.index, dtype=object)
    told = wide.assign(layer=layer, id=unit, high_in=high, name=name)
    told = told[["layer", "id", "name", "high_in", *wide.columns]]
    order = told.assign(mean=wide.mean(axis=1)).sort_values(["high_in", "mean"], ascending=False).index
    return told.loc[order].reset_index(drop=True), wide.rank().corr()
