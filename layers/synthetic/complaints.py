"""A year of issues: they cluster, come back to the same places, and close late as real ones do.

Every place (a spot on an alley, a gate, a street corner) has a heavy-tailed weight, larger in the
crooked quarters and around markets, so a few places are found again and again. Persistent hot spots
last all year, one fades in spring, one emerges in the last three months. Categories, departments and
deadlines follow the issue taxonomy of the assessment; closing times are lognormal around them.
"""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.random import Generator
from numpy.typing import NDArray

from .calendar_2026 import FIRST_DAY, LAST_DAY, day_weights, due, hours
from .gazetteer import Gazetteer
from .plane import CRS_METRIC, Geometries, points_at, when
from .taxonomy import DEPARTMENTS, NOTES, RULES, SHARES, SLOW, SOURCES
from .town import Plan

ISSUES = 20_000
_ZONE = "Asia/Shanghai"
_HOT, _HOT_SIZE = 6, 210
_FADING_SIZE, _EMERGING_SIZE = 260, 420
_SPREAD_M = 85.0


def issues_of(
    rng: Generator, plan: Plan, anchors: gpd.GeoDataFrame, alleys: gpd.GeoDataFrame,
    compounds: gpd.GeoDataFrame, gazetteer: Gazetteer, issues: int = ISSUES,
) -> gpd.GeoDataFrame:  # fmt: skip
    """So many issues from 1 November 2025 to 31 October 2026, in order of time; metric CRS."""
    spots = _spots(rng, plan, anchors, alleys, compounds)
    times = issues / ISSUES
    gathered = sum(round(size * times) for size in (*[_HOT_SIZE] * _HOT, _FADING_SIZE, _EMERGING_SIZE))
    everyday = _everyday(rng, spots, issues - gathered)
    hot = _hot_spots(rng, spots, anchors, plan, times)
    table = pd.concat([everyday, *hot], ignore_index=True)
    table = table.sort_values("found_at", kind="stable", ignore_index=True)
    table["category"] = _categories(rng, table["kind"])
    table = table.join(_closing(rng, table))
    points = points_at(table[["x", "y"]].to_numpy())
    where = gazetteer.locate(points)
    department = table["category"].map(lambda code: DEPARTMENTS[RULES[code][0]])
    keeper = table["keeper"].where(table["keeper"].notna(), where["district"] + "办事处")
    noted = rng.random(len(table)) < 0.09
    for column in ("found_at", "deadline", "closed_at"):
        table[column] = table[column].dt.tz_localize(_ZONE)
    return gpd.GeoDataFrame(
        {
            "id": [f"WT{i:05d}" for i in range(1, len(table) + 1)],
            **table[["category", "found_at", "closed_at", "deadline"]],
            "source": rng.choice(list(SOURCES), len(table), p=list(SOURCES.values())),
            **table[["state", "site"]],
            "count": 1 + rng.poisson(0.35, len(table)),
            "district": where["district"],
            "address": where["address"],
            "unit": department.where(department != "", keeper),
            "note": when(noted, rng.choice(NOTES, len(table))),
        },
        geometry=points, crs=CRS_METRIC,
    )  # fmt: skip


def _spots(
    rng: Generator,
    plan: Plan,
    anchors: gpd.GeoDataFrame,
    alleys: gpd.GeoDataFrame,
    compounds: gpd.GeoDataFrame,
) -> pd.DataFrame:
    """Places where issues are found: kind, site, keeper, x, y and a heavy-tailed weight."""
    twice = alleys.loc[np.repeat(alleys.index, 2)]
    along = [line.interpolate(at, normalized=True) for line, at in
             zip(twice.geometry, rng.uniform(0.05, 0.95, len(twice)), strict=True)]  # fmt: skip
    gates = [gate.geoms[0] for gate in compounds["gates"]]
    street = plan.streets[~plan.streets["class"].isin(["trunk"])].geometry.to_numpy()
    corner = shapely.line_interpolate_point(street, rng.uniform(0, 1, len(street)), normalized=True)
    parts = (
        ("alley", twice["id"], twice["unit"], along, 0.9),
        ("compound", compounds["id"], compounds["unit"], gates, 0.8),
        (anchors["class"], anchors["id"], anchors["unit"], list(anchors.geometry), 1.5),
        ("street", None, None, list(corner), 0.55),
    )
    table = pd.concat(
        [
            pd.DataFrame({
                "kind": kind if isinstance(kind, str) else list(kind),
                "site": np.array([None] * len(points) if site is None else list(site), dtype=object),
                "keeper": np.array([None] * len(points) if keeper is None else list(keeper), dtype=object),
                "point": np.array(points, dtype=object), "share": share,
            })
            for kind, site, keeper, points, share in parts
        ],
        ignore_index=True,
    )  # fmt: skip
    points = table["point"].to_numpy(dtype=object)
    table[["x", "y"]] = shapely.get_coordinates(points)
    table["weight"] = (
        table["share"] * _intensity(plan, anchors, points) * np.minimum(1 + rng.pareto(1.25, len(table)), 45)
    )
    return table.drop(columns=["point", "share"])


def _intensity(plan: Plan, anchors: gpd.GeoDataFrame, points: Geometries) -> NDArray[np.float64]:
    """Relative rate: high in the crooked quarters and within 250 m of a market, low at the edge."""
    markets = anchors[anchors["class"] == "market"].geometry.to_numpy()
    to_market = shapely.STRtree(markets).query_nearest(points, all_matches=False, return_distance=True)[1]
    crooked = plan.blocks[plan.blocks["quarter"].isin(["old", "village"])].geometry.to_numpy()
    inside = np.isin(np.arange(len(points)), shapely.STRtree(crooked).query(points, predicate="within")[0])
    away = shapely.distance(points, plan.old_town)
    return np.asarray((1 + 0.9 * inside + 1.2 * (to_market < 200)) * np.exp(-away / 5500))


def _everyday(rng: Generator, spots: pd.DataFrame, n: int) -> pd.DataFrame:
    """Issues at spots drawn by weight; nearly half at exactly the same place as before, as addresses are."""
    rows = rng.choice(len(spots), n, p=spots["weight"] / spots["weight"].sum())
    table = spots.iloc[rows].reset_index(drop=True)
    moved = rng.random(n) < 0.40
    table["x"] += np.where(moved, rng.normal(0, 14, n), 0.0)
    table["y"] += np.where(moved, rng.normal(0, 14, n), 0.0)
    table["found_at"] = _times(rng, day_weights(), n)
    return table


def _hot_spots(
    rng: Generator, spots: pd.DataFrame, anchors: gpd.GeoDataFrame, plan: Plan, times: float
) -> list[pd.DataFrame]:
    """Hot spots around markets 900 m apart: six all year, one fading in spring, one emerging since August."""
    days = np.arange(FIRST_DAY, LAST_DAY + 1)
    ago = (days - np.datetime64("2026-08-01")).astype(float)
    emerging = day_weights() * np.clip(ago / 30, 0, None) ** 1.2
    fading = day_weights() * (days < np.datetime64("2026-03-10"))
    markets = anchors[anchors["class"] == "market"].geometry.to_numpy()
    away = shapely.distance(markets, plan.old_town)
    centres: list[Any] = []
    for row in rng.permutation(len(markets)):
        # the last two, fading and emerging, lie far out where few issues hide them
        far = len(centres) >= _HOT
        if (2200 < away[row] < 4200 if far else away[row] < 2600) and all(
            markets[row].distance(other) > 900 for other in centres
        ):
            centres.append(markets[row])
        if len(centres) == _HOT + 2:
            break
    plans = [(centre, day_weights(), _HOT_SIZE) for centre in centres[:_HOT]]
    plans += [(centres[_HOT], fading, _FADING_SIZE), (centres[_HOT + 1], emerging, _EMERGING_SIZE)]
    return [_around(rng, spots, centre, weights, round(size * times)) for centre, weights, size in plans]


def _around(
    rng: Generator, spots: pd.DataFrame, centre: Any, weights: NDArray[np.float64], size: int
) -> pd.DataFrame:
    xy = shapely.get_coordinates(centre) + rng.normal(0, _SPREAD_M, (size, 2))
    sites = points_at(spots[["x", "y"]].to_numpy())
    nearest = shapely.STRtree(sites).query_nearest(points_at(xy), all_matches=False)[1]
    table: pd.DataFrame = spots.iloc[nearest].reset_index(drop=True)
    table[["x", "y"]] += rng.normal(0, 9, (size, 2))
    table["found_at"] = _times(rng, weights, size)
    return table


def _times(rng: Generator, weights: NDArray[np.float64], n: int) -> NDArray[np.datetime64]:
    day = rng.choice(np.arange(FIRST_DAY, LAST_DAY + 1), n, p=weights / weights.sum())
    return np.asarray(day.astype("datetime64[m]") + hours(rng, n))


def _categories(rng: Generator, kinds: pd.Series) -> NDArray[np.object_]:
    result = np.empty(len(kinds), dtype=object)
    for kind, rows in sorted(kinds.groupby(kinds).indices.items()):
        words = SHARES[str(kind)].split()
        share = np.array(words[1::2], dtype=float)
        result[rows] = rng.choice(words[0::2], len(rows), p=share / share.sum())
    return result


def _closing(rng: Generator, table: pd.DataFrame) -> pd.DataFrame:
    """Deadline, closing time and state of each issue, seen on the morning after the last day."""
    n = len(table)
    found = table["found_at"].to_numpy().astype("datetime64[m]")
    rules = [RULES[code] for code in table["category"]]
    deadline = due(found, [rule[1] for rule in rules])
    on_site = np.isnat(deadline) | (rng.random(n) < 0.10)
    slow = np.array([SLOW.get(rule[0], 0.0) for rule in rules])
    allowed = np.where(np.isnat(deadline), 0, (deadline - found).astype(int))
    minutes = np.where(on_site, rng.integers(3, 35, n), allowed * rng.lognormal(-0.62 + slow, 0.95))
    closed = found + np.maximum(minutes.astype(int), 3).astype("timedelta64[m]")
    of_day = (closed - closed.astype("datetime64[D]")).astype(int)
    late = ~on_site & ((of_day < 7 * 60) | (of_day >= 21 * 60))
    morning = closed.astype("datetime64[D]") + (of_day >= 21 * 60).astype("timedelta64[D]")
    closed = np.where(late, morning.astype("datetime64[m]") + np.timedelta64(8 * 60 + 20, "m")
                      + rng.integers(0, 120, n).astype("timedelta64[m]"), closed)  # fmt: skip
    forgotten = ~on_site & (rng.random(n) < 0.045)
    today = (LAST_DAY + 1).astype("datetime64[m]")
    still_open = forgotten | (closed >= today)
    waiting = rng.choice(["carded", "reported_fixed", "rechecked"], n, p=[0.62, 0.24, 0.14]).astype(object)
    waiting[today - found < np.timedelta64(24 * 60, "m")] = "found"
    long_term = np.isin(table["category"], ["SR04", "SS06", "SS11", "SR06"]) & (rng.random(n) < 0.25)
    waiting[long_term] = "suspended"
    done = np.where(on_site & (rng.random(n) < 0.5), "fixed_on_site", "closed")
    return pd.DataFrame({
        "deadline": deadline.astype("datetime64[us]"),
        "closed_at": np.where(still_open, np.datetime64("NaT"), closed).astype("datetime64[us]"),
        "state": np.where(still_open, waiting, done),
    })  # fmt: skip
