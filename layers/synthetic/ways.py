"""Roads with their names, and the back alleys among them."""

from __future__ import annotations

from itertools import chain, islice

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.random import Generator
from numpy.typing import NDArray
from shapely import MultiLineString

from .gazetteer import Gazetteer, numbered
from .names import Stems, alley_names, road_names
from .plane import CRS_METRIC, points_at, when
from .town import Plan

BACK_ALLEYS = 3000
_SAME_NAME = 12
_IN_TWO_PIECES = 15
_FIXED = {0: "外环路", 1: "滨河南路", 2: "滨河北路", 3: "环城路"}
_CROOKED = ("old", "village")


def roads_of(rng: Generator, plan: Plan, words: Stems, lane_names: pd.Series) -> gpd.GeoDataFrame:
    """Every street and lane as a road: `id`, `name`, `class`, `subtype`, `oneway`; metric CRS."""
    streets, lanes = plan.streets, plan.lanes
    names = _street_names(plan, words)
    oneway = (streets["class"] == "residential") & (rng.random(len(streets)) < 0.05)
    bank = lanes["quarter"] == "river"
    roads = pd.DataFrame(
        {
            "name": [*streets["street"].map(names), *lane_names],
            "class": [*streets["class"], *np.where(bank, "path", "alley")],
            "subtype": [*when(streets["quarter"] == "bridge", "桥"), *when(bank, "步道")],
            "oneway": [*np.where(oneway, "yes", "no"), *["no"] * len(lanes)],
        }
    )
    roads.insert(0, "id", numbered("DL", len(roads)))
    return gpd.GeoDataFrame(roads, geometry=[*streets.geometry, *lanes.geometry], crs=CRS_METRIC)


def _street_names(plan: Plan, words: Stems) -> dict[int, str]:
    """One name per street; no name twice."""
    names, used = dict(_FIXED), set(_FIXED.values())
    wide, narrow = road_names(words, wide=True), road_names(words, wide=False)
    bridges = iter(words.fair[::-1])
    ranks = plan.streets.groupby("street")[["class", "quarter"]].first()
    for street, rank, quarter in ranks.itertuples():
        if street in names:
            continue
        if quarter == "bridge":
            names[street] = f"{next(bridges)}大桥"
            continue
        pool = wide if rank in ("primary", "secondary") else narrow
        names[street] = next(name for name in pool if name not in used)
        used.add(names[street])
    return names


def lane_names(rng: Generator, plan: Plan, words: Stems) -> pd.Series:
    """A name for each lane: old trades in the crooked quarters, the next street and a number elsewhere."""
    lanes = plan.lanes
    made = list(islice(alley_names(words), int(lanes["quarter"].isin(_CROOKED).sum())))
    crooked = iter([made[i] for i in rng.permutation(len(made))])
    streets = _street_names(plan, words)
    near = shapely.STRtree(plan.streets.geometry.to_numpy()).query_nearest(
        lanes.geometry.to_numpy(), all_matches=False
    )[1]
    numbers: dict[str, int] = {}
    names = []
    for quarter, row in zip(lanes["quarter"], near, strict=True):
        street = streets[plan.streets["street"].iloc[row]]
        numbers[street] = numbers.get(street, 0) + 1
        if quarter in _CROOKED:
            names.append(next(crooked))
        elif quarter == "river":
            names.append(f"{street[:3]}步道")
        else:
            names.append(f"{street}{numbers[street]}{'巷' if len(street) % 2 else '弄'}")
    return pd.Series(names, dtype=object)


def listed_lanes(rng: Generator, plan: Plan) -> NDArray[np.intp]:
    """Which lanes the register of back alleys lists: all crooked ones and the paths, others until 3000."""
    crooked = plan.lanes["quarter"].isin((*_CROOKED, "river")).to_numpy()
    planned = np.flatnonzero(~crooked)
    wanted = min(len(planned), BACK_ALLEYS + _IN_TWO_PIECES - int(crooked.sum()))
    return np.sort([*np.flatnonzero(crooked), *rng.permutation(planned)[:wanted]])


def back_alleys(
    rng: Generator, plan: Plan, gazetteer: Gazetteer, names: pd.Series, listed: NDArray[np.intp]
) -> gpd.GeoDataFrame:
    """The register of back alleys; metric CRS. Some share a name across subdistricts, some are cut in two."""
    lanes = plan.lanes.iloc[listed].reset_index(drop=True)
    lines = lanes.geometry.to_numpy().copy()
    first, second = _facing_pairs(lines, np.isin(lanes["quarter"], _CROOKED))
    for one, two in zip(first, second, strict=True):
        lines[one] = MultiLineString([lines[one], lines[two]])
    where = gazetteer.locate(shapely.line_interpolate_point(lanes.geometry.to_numpy(), 0.5, normalized=True))
    table = gpd.GeoDataFrame(
        {
            "name": names.iloc[listed].to_numpy(),
            "district": where["district"],
            "unit": where["district"] + "办事处",
            "status": gazetteer.statuses(rng, lines),
            "subtype": np.where(lanes["quarter"].isin(_CROOKED), "小巷", "背街"),
            "pieces": shapely.get_num_geometries(lines),
            "note": when(shapely.get_num_geometries(lines) > 1, "被道路隔为两段"),
        },
        geometry=lines, crs=CRS_METRIC,
    )  # fmt: skip
    table = table.drop(index=second).reset_index(drop=True)
    crooked = table.index[table["subtype"] == "小巷"]
    here = table.loc[crooked, "district"]
    home = crooked[here == here.iloc[0]][:_SAME_NAME]
    away = crooked[here != here.iloc[0]][:: max(1, len(crooked) // 40)][:_SAME_NAME]
    table.loc[away, "name"] = table.loc[home, "name"].to_numpy()[: len(away)]
    table.insert(0, "id", numbered("XX", len(table)))
    return table


def _facing_pairs(lines: NDArray[np.object_], crooked: NDArray[np.bool_]) -> tuple[list[int], list[int]]:
    """Planned lanes whose ends face each other across a street without meeting, a few pairs."""
    ends = points_at(np.array([line.coords[i] for line in lines for i in (0, -1)]))
    one, two = shapely.STRtree(ends).query(ends, predicate="dwithin", distance=60.0)
    apart = shapely.distance(lines[one // 2], lines[two // 2])
    fits = (one < two) & (apart > 8) & ~crooked[one // 2] & ~crooked[two // 2]
    pairs: list[tuple[int, int]] = []
    for a, b in zip(one[fits] // 2, two[fits] // 2, strict=True):
        if not {int(a), int(b)} & set(chain(*pairs)):
            pairs.append((int(a), int(b)))
    step = max(1, len(pairs) // _IN_TWO_PIECES)
    chosen = pairs[::step][:_IN_TWO_PIECES]
    return [a for a, _ in chosen], [b for _, b in chosen]
