"""A store with two banks and one bridge: an alley 300 m away by air is 1,400 m away on foot.

across 对岸巷 at (0, 300)---------(550, 300)   north bank
                                      |  bridge
market (0, 0)------near 近巷 (400, 0)-(550, 0)   south bank; the gate of the compound at (200, -20)
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import geopandas as gpd
import numpy as np
import shapely
from pyproj import Transformer

from layers.batches import NewBatch
from layers.schema import conform
from layers.store import Store

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
LINES = {
    "south": [(0, 0), (550, 0)],
    "bridge": [(550, 0), (550, 300)],
    "north": [(0, 300), (550, 300)],
}
ALLEYS = {"across": [(0, 300), (0, 360)], "near": [(400, 0), (400, -60)], "off": [(500, -80), (500, -130)]}
NAMES = {"across": "对岸巷", "near": "近巷", "off": "远离道路巷"}
BACK = Transformer.from_crs("EPSG:4547", "EPSG:4326", always_xy=True)


def degrees(shape: shapely.Geometry) -> shapely.Geometry:
    """Metres east and north of a place on the central meridian, where the scale is 1, to EPSG:4326."""
    return shapely.transform(
        shape, lambda xy: np.column_stack(BACK.transform(xy[:, 0] + 500_000.0, xy[:, 1] + 3_385_000.0))
    )


def table(layer: str, rows: list[dict[str, object]]) -> gpd.GeoDataFrame:
    """Rows with `geometry` (and `gates`) in metres as a layer."""
    for row in rows:
        row["geometry"] = degrees(row["geometry"])
        if row.get("gates") is not None:
            row["gates"] = degrees(row["gates"])
    return conform(gpd.GeoDataFrame(rows, geometry="geometry", crs="EPSG:4326"), layer)


def roads(**modes: str) -> gpd.GeoDataFrame:
    """The three roads; by keyword who may use one."""
    return table("roads", [
        {"id": road, "class": "residential", "modes": modes.get(road), "geometry": shapely.LineString(line)}
        for road, line in LINES.items()
    ])  # fmt: skip


def layers() -> dict[str, gpd.GeoDataFrame]:
    """One market, three alleys, one compound."""
    return {
        "anchors": table("anchors", [
            {"id": "market", "name": "江边菜市场", "class": "market", "geometry": shapely.Point(0, 0)},
        ]),
        "back_alleys": table("back_alleys", [
            {"id": alley, "name": NAMES[alley], "geometry": shapely.LineString(line)}
            for alley, line in ALLEYS.items()
        ]),
        "compounds": table("compounds", [
            {"id": "home", "name": "江边小区", "geometry": shapely.box(150, -120, 250, -20),
             "gates": shapely.MultiPoint([(200, -20)])},
        ]),
    }  # fmt: skip


def batch(source: str) -> NewBatch:
    """An import at noon."""
    return NewBatch(source=source, sha256="ab" * 32, imported_at=NOON.isoformat(), kind="roads")


def stored(path: Path, *, with_roads: bool = True) -> Path:
    """The town in a store; its roads are the second batch."""
    with Store.open(path, create=True) as store:
        store.add(layers(), batch("镇.gpkg"), {})
        if with_roads:
            store.add({"roads": roads()}, batch("道路.gpkg"), {})
    return path
