"""A town on a grid of streets, with a draw in a store, for the tests of routes.

Streets run every 0.002 degrees, about 171 m east-west and 222 m north-south.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import geopandas as gpd
import shapely

from geo.design import ANCHOR_CLASSES, Anchors, Design, Radius, Take
from layers.batches import NewBatch
from layers.schema import conform
from layers.store import Store
from service.usecases import draws

MORNING = datetime(2026, 11, 20, 7, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
LON, LAT, STEP = 116.30, 39.95, 0.002
ACROSS = 8
"""Streets each way."""
ATTRIBUTION = "© OpenStreetMap contributors"

DESIGN = Design(
    anchors=Anchors(each=1),
    radius=Radius("fixed", (900.0,)),
    alleys=Take.parse("1"),
    compounds=Take.parse("1"),
)


def corner(column: float, row: float) -> tuple[float, float]:
    """A crossing of the grid, EPSG:4326."""
    return (round(LON + STEP * column, 7), round(LAT + STEP * row, 7))


def layers() -> dict[str, gpd.GeoDataFrame]:
    """Six anchors, 12 alleys, 10 compounds and the streets between the crossings."""
    anchors = [
        {"id": f"a{i}", "name": f"{name}点", "class": name,
         "geometry": shapely.Point(corner(1 + 2.5 * (i % 3), 2 + 3 * (i // 3)))}
        for i, name in enumerate(ANCHOR_CLASSES)
    ]  # fmt: skip
    alleys = [
        {"id": f"b{i}", "name": f"槐树{i}巷", "status": "open",
         "geometry": shapely.LineString([corner(i % 4 + 1, i // 4 * 2 + 1), corner(i % 4 + 2, i // 4 * 2 + 1)])}
        for i in range(12)
    ]  # fmt: skip
    compounds = []
    for i in range(10):
        west, south = corner(i % 5 + 1.2, i // 5 * 3 + 0.3)
        gate = shapely.MultiPoint([(round(west + 0.0004, 7), corner(0, i // 5 * 3)[1])])
        compounds.append(
            {"id": f"c{i}", "name": f"幸福{i}小区", "geometry": shapely.box(west, south, west + 8e-4, south + 8e-4),
             "gates": gate}
        )  # fmt: skip
    roads = []
    for line in range(ACROSS):
        for kind, ends in (("h", ((0, line), (ACROSS - 1, line))), ("v", ((line, 0), (line, ACROSS - 1)))):
            (x0, y0), (x1, y1) = ends
            points = [
                corner(x0 + (x1 - x0) * k / (ACROSS - 1), y0 + (y1 - y0) * k / (ACROSS - 1))
                for k in range(ACROSS)
            ]
            roads.append(
                {"id": f"{kind}{line}", "name": f"{kind}{line} 路", "class": "residential",
                 "geometry": shapely.LineString(points)}
            )  # fmt: skip
    rows: dict[str, list[dict[str, Any]]]
    rows = {"anchors": anchors, "back_alleys": alleys, "compounds": compounds, "roads": roads}
    return {
        name: conform(gpd.GeoDataFrame(held, geometry="geometry", crs="EPSG:4326"), name)
        for name, held in rows.items()
    }


def stored(path: Path, *, roads: bool = True) -> dict[str, Any]:
    """A store at `path` with the town and one draw named 抽一; the record of the draw."""
    batch = NewBatch(
        source="镇.gpkg", sha256="ab" * 32, imported_at=MORNING.isoformat(), kind="osm", datum="wgs84",
        licence="ODbL", attribution=ATTRIBUTION,
    )  # fmt: skip
    held = {name: table for name, table in layers().items() if roads or name != "roads"}
    with Store.open(path, create=True) as store:
        store.add(held, batch, {})
        return draws.run(store, DESIGN, now=MORNING, seed="种子", name="抽一").record
