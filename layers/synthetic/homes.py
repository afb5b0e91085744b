"""Residential compounds: walled grounds with gates on a road."""

from __future__ import annotations

from itertools import islice
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.random import Generator
from numpy.typing import NDArray

from .gazetteer import Gazetteer, numbered
from .names import Stems, compound_names, with_rare
from .plane import CRS_METRIC
from .town import Plan

COMPOUNDS = 3000
_WEIGHT = {"old": 0.45, "village": 0.4, "north": 1.0, "southwest": 1.0, "southeast": 0.95, "east": 0.3}
_COMPANIES = 40


def compound_grounds(rng: Generator, plan: Plan) -> NDArray[np.intp]:
    """Rows of `plan.grounds` that became compounds: of a size and shape to live on, fewer at the edge."""
    shapes = plan.grounds.geometry.to_numpy()
    area = shapely.area(shapes)
    full = area / shapely.area(shapely.oriented_envelope(shapes))
    weight = plan.grounds["quarter"].map(_WEIGHT).to_numpy(dtype=float)
    weight = weight * np.clip(shapely.distance(shapes, plan.outline.boundary) / 1200, 0.3, 1.0)
    weight = np.where((area > 1500) & (area < 90_000) & (full > 0.55), weight, 0.0)
    return np.sort(rng.choice(len(shapes), COMPOUNDS, replace=False, p=weight / weight.sum()))


def compounds_on(
    rng: Generator, plan: Plan, rows: NDArray[np.intp], gazetteer: Gazetteer, words: Stems
) -> gpd.GeoDataFrame:
    """The compounds on the chosen grounds; metric CRS."""
    grounds = plan.grounds.iloc[rows].reset_index(drop=True)
    shapes = grounds.geometry.to_numpy()
    where = gazetteer.locate(shapely.point_on_surface(shapes))
    crooked = grounds["quarter"].isin(["old", "village"]).to_numpy()
    old = crooked | (rng.random(len(rows)) < 0.25)
    year = np.where(old, rng.integers(1978, 2001, len(rows)), rng.integers(1999, 2025, len(rows)))
    per_building = np.where(old, rng.uniform(900, 1500, len(rows)), rng.uniform(1500, 2600, len(rows)))
    buildings = np.maximum(1, np.round(shapely.area(shapes) / per_building)).astype(int)
    households = buildings * np.where(old, rng.integers(18, 49, len(rows)), rng.integers(40, 121, len(rows)))
    return gpd.GeoDataFrame(
        {
            "id": numbered("XQ", len(rows)),
            "name": _names(rng, words, old),
            "district": where["district"],
            "address": where["address"],
            "unit": _keepers(rng, where, old, words),
            "status": gazetteer.statuses(rng, shapes),
            "subtype": np.where(year < 2001, "老旧小区", np.where(crooked, "自建房小区", "商品房小区")),
            "households": households,
            "buildings": buildings,
            "built_year": year,
            "gates": gazetteer.gates(rng, shapes),
        },
        geometry=shapes, crs=CRS_METRIC,
    )  # fmt: skip


def _names(rng: Generator, words: Stems, old: NDArray[np.bool_]) -> list[str]:
    names = np.empty(len(old), dtype=object)
    for age in (True, False):
        made = list(islice(compound_names(words, old=age), int((old == age).sum())))
        names[old == age] = [made[i] for i in rng.permutation(len(made))]
    return with_rare(list(names))


def _keepers(rng: Generator, where: Any, old: NDArray[np.bool_], words: Stems) -> list[str]:
    """Property companies, each busy in a few subdistricts; many old compounds are kept by the community."""
    companies = [f"{stem}物业服务有限公司" for stem in words.fair[-_COMPANIES:]]
    districts = {name: i for i, name in enumerate(sorted(set(where["district"])))}
    pick = rng.integers(0, _COMPANIES // 4, len(old))
    alone = rng.random(len(old)) < np.where(old, 0.45, 0.03)
    return [
        f"{community}居委会" if by_itself else companies[(districts[district] * 3 + int(k)) % _COMPANIES]
        for community, by_itself, district, k in zip(
            where["community"], alone, where["district"], pick, strict=True
        )
    ]
