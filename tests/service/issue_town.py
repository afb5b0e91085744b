"""Issues around the small town for the tests of the hotspot page: a crowd at one corner, few elsewhere."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import geopandas as gpd
import numpy as np
from small_town import HOSTILE, LAT, LON, NOON, stored

from layers.batches import NewBatch
from layers.schema import conform
from layers.store import Store

CROWD = (LON + 0.001, LAT + 0.008)
DEFAULT_POINT = (LON + 0.012, LAT + 0.001)
COUNT = 900
FIRST, LAST = "2026-01-01", "2026-10-31"


def issues() -> gpd.GeoDataFrame:
    """Every third issue within some 60 m of `CROWD`; found every day at noon from `FIRST` to `LAST`."""
    rng = np.random.default_rng(5)
    near = np.arange(COUNT) % 3 == 0
    lon = np.where(near, CROWD[0] + rng.normal(0, 0.0004, COUNT), LON + rng.uniform(-0.005, 0.015, COUNT))
    lat = np.where(near, CROWD[1] + rng.normal(0, 0.0003, COUNT), LAT + rng.uniform(-0.005, 0.011, COUNT))
    first = NOON.replace(month=1, day=1)
    table = {
        "id": [f"w{i}" for i in range(COUNT)],
        "category": [HOSTILE[1] if i % 90 == 0 else ("HJ01", "HJ02", "SR01")[i % 3] for i in range(COUNT)],
        "state": ["found" if i % 2 else "closed" for i in range(COUNT)],
        "unit": [HOSTILE[0]] * COUNT,
        "address": [HOSTILE[2]] * COUNT,
        "found_at": [first + timedelta(days=i % 304) for i in range(COUNT)],
    }
    points = gpd.points_from_xy(lon, lat)
    return conform(gpd.GeoDataFrame(table, geometry=points, crs="EPSG:4326"), "issues")


def town_with_issues(path: Path, *, piled: int = 0) -> None:
    """The small town with its issues in a store, and so many more on `DEFAULT_POINT`."""
    stored(path)
    batch = NewBatch(source="问题.csv", sha256="cd" * 32, imported_at=NOON.isoformat(), kind="csv")
    with Store.open(path, create=False) as store:
        store.add({"issues": issues()}, batch, {})
        if piled:
            more = issues().iloc[:piled].assign(id=[f"p{i}" for i in range(piled)])
            more = more.set_geometry(
                gpd.points_from_xy(*np.tile(np.array([DEFAULT_POINT]).T, piled)), crs="EPSG:4326"
            )
            store.add({"issues": more}, replace(batch, sha256="ce" * 32), {})
