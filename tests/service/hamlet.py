"""A hamlet small enough to derive every exposure by hand, with its issues.

Metres from the middle of the hamlet; radius 500, one anchor of each class, 1 or 2 alleys with equal
chance (the default) and as many compounds.

Markets M1 (0, 0) and M2 (3000, 0): each visited with 1/2. School S1 (0, 700): always visited.

==== ============ ===================== ================================
unit place        anchors within 500 m  exposure
==== ============ ===================== ================================
B1   (100, 0)     M1 (pool 3)           1/2 * 1/2
B2   (300, 0)     M1                    1/2 * 1/2
B3   (3100, 0)    M2 (pool 1)           1/2 * 1
B4   (9000, 0)    none                  0
B5   (100, 400)   M1, S1 (pool 2)       1 - (1 - 1/4) (1 - 3/4) = 13/16
B6   (100, 900)   S1                    3/4
C1   (310, 5)     M1 (pool 1)           1/2
C2   (3000, 200)  M2 (pool 1)           1/2
==== ============ ===================== ================================

A pool of 3 gives each unit (1/3 + 2/3) / 2 = 1/2, a pool of 2 gives (1/2 + 1) / 2 = 3/4.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import Transformer

from layers.batches import NewBatch
from layers.schema import conform
from layers.store import Store

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
BACK = Transformer.from_crs("EPSG:4547", "EPSG:4326", always_xy=True)
MIDDLE = (500_000.0, 3_385_000.0)  # on the central meridian: the scale is 1

PI = {
    "back_alleys": {"B1": 1 / 4, "B2": 1 / 4, "B3": 1 / 2, "B4": 0.0, "B5": 13 / 16, "B6": 3 / 4},
    "compounds": {"C1": 1 / 2, "C2": 1 / 2},
}
EAST, WEST = ("B1", "B2", "B3", "C1"), ("B4", "B5", "B6", "C2")

ISSUES: tuple[tuple[str, str, str | None, str | None, int | None, tuple[float, float]], ...] = (
    # id, category, state, site, count, place
    ("I1", "SS01", "found", "B1", 2, (7000, 7000)),  # by id: 7 km away, and yet it belongs to B1
    ("I2", "XF01", "carded", None, 1, (315, 10)),  # inside C1, 10 m from B2: C1
    ("I3", "HJ01", "reported_fixed", None, None, (3110, 25)),  # 25 m from B3
    ("I4", "HJ01", "found", None, 1, (3110, 35)),  # 35 m from B3: nobody's
    ("I5", "SS01", "closed", "B1", 1, (100, 0)),  # closed
    ("I6", "SS01", "found", "M1", 1, (100, 0)),  # of the market, though it lies on B1
    ("I7", "SR03", "rechecked", None, 1, (390, 40)),  # 20 m outside C1
    ("I8", "ZZ99", None, "B6", 3, (100, 900)),  # a category nobody knows
    ("I9", "SS01", "suspended", "B1", 1, (100, 0)),  # a third case of the first item of B1
    ("I10", "SS01", "fixed_on_site", "B5", 1, (100, 400)),  # settled on the spot
)


def shape(*spots: tuple[float, float], kind: Any = shapely.Point) -> Any:
    """A geometry in metres as one in degrees."""
    made = kind(spots[0]) if kind is shapely.Point else kind(spots)
    return shapely.transform(
        made, lambda xy: np.column_stack(BACK.transform(xy[:, 0] + MIDDLE[0], xy[:, 1] + MIDDLE[1]))
    )


def table(layer: str, rows: Iterable[dict[str, Any]]) -> gpd.GeoDataFrame:
    """A layer of the schema."""
    return conform(gpd.GeoDataFrame(list(rows), geometry="geometry", crs="EPSG:4326"), layer)


def anchor(unit: str, kind: str, x: float, y: float) -> dict[str, Any]:
    return {"id": unit, "name": f"点位{unit}", "class": kind, "geometry": shape((x, y))}


def _named(unit: str) -> dict[str, Any]:
    return {
        "id": unit, "name": None if unit == "B6" else f"单元{unit}",
        "district": "东街" if unit in EAST else "西街",
        "unit": {"B1": "甲单位", "B5": "甲单位", "C1": "乙单位"}.get(unit),
    }  # fmt: skip


def layers(*, issues: bool = True) -> dict[str, gpd.GeoDataFrame]:
    """The layers of the hamlet."""
    alleys = {
        "B1": (100, 0),
        "B2": (300, 0),
        "B3": (3100, 0),
        "B4": (9000, 0),
        "B5": (100, 400),
        "B6": (100, 900),
    }
    yards = {"C1": (310, 5, 60), "C2": (3000, 200, 100)}
    told = {
        "anchors": table("anchors", [
            anchor("M1", "market", 0, 0), anchor("M2", "market", 3000, 0), anchor("S1", "school", 0, 700),
        ]),
        "back_alleys": table("back_alleys", [
            {**_named(unit), "geometry": shape((x, y), (x + 20, y), kind=shapely.LineString)}
            for unit, (x, y) in alleys.items()
        ]),
        "compounds": table("compounds", [
            {**_named(unit),
             "geometry": shape((x, y), (x + a, y), (x + a, y + a), (x, y + a), kind=shapely.Polygon)}
            for unit, (x, y, a) in yards.items()
        ]),
    }  # fmt: skip
    if issues:
        rows = [
            {"id": unit, "category": category, "state": state, "site": site, "count": count,
             "found_at": pd.Timestamp(NOON), "geometry": shape(place)}
            for unit, category, state, site, count, place in ISSUES
        ]  # fmt: skip
        told["issues"] = table("issues", rows)
    return told


def add(store: Store, held: dict[str, gpd.GeoDataFrame], *, update: bool = False) -> None:
    """Into the store, as an import of today."""
    batch = NewBatch(source="村.gpkg", sha256="ab" * 32, imported_at=NOON.isoformat(), kind="layers")
    store.add(held, batch, {}, update=update)


def stored(path: Path, *, issues: bool = True) -> Path:
    """A store with the hamlet."""
    with Store.open(path, create=True) as store:
        add(store, layers(issues=issues))
    return path
