"""Small layers for the tests of the store, also used by the processes that those tests start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from layers.batches import NewBatch
from layers.schema import conform

NOON = "2026-11-20T12:00:00+08:00"


def new_batch(source: str = "街巷.xlsx", **given: Any) -> NewBatch:
    """An import of back alleys at noon."""
    return NewBatch(source=source, sha256="ab" * 32, imported_at=NOON, kind="back_alleys", **given)


def alleys(ids: Sequence[str], name: str = "槐树巷") -> gpd.GeoDataFrame:
    """One short alley per id, all beside each other in Beijing."""
    starts = np.column_stack([np.linspace(116.3, 116.4, len(ids)), np.full(len(ids), 39.9)])
    lines = shapely.linestrings(np.stack([starts, starts + np.array([0.0001, 0.002])], axis=1))
    table = gpd.GeoDataFrame({"id": list(ids), "name": name}, geometry=lines, crs="EPSG:4326")
    return conform(table, "back_alleys")


def many_alleys(count: int, seed: int = 1) -> gpd.GeoDataFrame:
    """Crooked alleys of eight corners all over a city."""
    chance = np.random.default_rng(seed)
    start = chance.uniform((116.2, 39.8), (116.6, 40.1), (count, 1, 2))
    lines = shapely.linestrings(start + chance.normal(0, 3e-4, (count, 8, 2)).cumsum(axis=1))
    ids = [f"way {number}" for number in range(count)]
    table = gpd.GeoDataFrame({"id": ids, "name": "槐树巷", "pieces": 2}, geometry=lines, crs="EPSG:4326")
    return conform(table, "back_alleys")
