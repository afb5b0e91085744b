"""A town of a few streets with a draw in a store, for the tests of the map and its pages."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import geopandas as gpd
import shapely

from geo.design import Anchors, Design, Radius, Take
from geo.draw import make_record
from geo.frame import build_frame
from geo.lottery import Lottery
from layers.batches import NewBatch
from layers.schema import ANCHOR_CLASSES, conform
from layers.store import Store
from service.usecases import draws

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
LON, LAT = 116.30, 39.95
ATTRIBUTION = "© OpenStreetMap contributors & 某街道办"

HOSTILE = (
    "{{7919*7919}}",
    "<script>document.title='hit'</script>",
    "</script><img src=x onerror=alert(1)>",
    "${7919*7919}",
    "100{% off",
    "{# gone #}&amp;",
    "'\";--`",
)
"""Names as nobody should give them: markup, template text, a closing tag."""

DESIGN = Design(
    anchors=Anchors(each=1),
    radius=Radius("fixed", (600.0,)),
    alleys=Take.parse("2"),
    compounds=Take.parse("1"),
    reserves=1,
)


def layers() -> dict[str, gpd.GeoDataFrame]:
    """Six anchors, 14 alleys, 8 compounds (one a point, one with a yard), 6 streets; hostile names."""
    anchors = [
        {
            "id": f"a{i}",
            "name": HOSTILE[i],
            "class": kind,
            "geometry": shapely.Point(LON + 0.004 * (i % 3), LAT + 0.004 * (i // 3)),
        }
        for i, kind in enumerate(ANCHOR_CLASSES)
    ]
    alleys = [
        {
            "id": f"b{i:02d}",
            "name": HOSTILE[i % 7] if i % 2 else "槐树巷",
            "status": "closed" if i == 13 else "open",
            "geometry": shapely.LineString(
                [(LON + 0.0007 * i, LAT + 0.001), (LON + 0.0007 * i + 0.0001, LAT + 0.0025)]
            ),
        }
        for i in range(14)
    ]
    compounds: list[dict[str, Any]] = []
    for i in range(8):
        west, south = LON + 0.0012 * i, LAT + 0.0028
        ground: Any = shapely.box(west, south, west + 0.0008, south + 0.0008)
        if i == 6:
            ground = ground.difference(
                shapely.box(west + 0.0002, south + 0.0002, west + 0.0004, south + 0.0004)
            )
        if i == 7:
            ground = shapely.Point(west, south)
        gate = shapely.MultiPoint([(west + 0.0004, south)])
        compounds.append({"id": f"c{i}", "name": HOSTILE[6 - i % 7], "geometry": ground, "gates": gate})
    roads = [
        {
            "id": f"r{i}",
            "name": HOSTILE[i // 2],
            "class": ("primary", "residential")[i % 2],
            "geometry": shapely.LineString(
                [(LON - 0.002, LAT + 0.002 * i - 0.002), (LON + 0.012, LAT + 0.002 * i - 0.002)]
            ),
        }
        for i in range(6)
    ]
    rows = {"anchors": anchors, "back_alleys": alleys, "compounds": compounds, "roads": roads}
    return {
        name: conform(gpd.GeoDataFrame(held, geometry="geometry", crs="EPSG:4326"), name)
        for name, held in rows.items()
    }


def stored(path: Path, name: str = "第一次", design: Design = DESIGN) -> dict[str, Any]:
    """A store at `path` with the town and one draw; the record of the draw."""
    batch = NewBatch(
        source="镇.gpkg",
        sha256="ab" * 32,
        imported_at=NOON.isoformat(),
        kind="osm",
        datum="wgs84",
        licence="ODbL",
        attribution=ATTRIBUTION,
    )
    with Store.open(path, create=True) as store:
        store.add(layers(), batch, {})
        return draws.run(store, design, now=NOON, seed="种子<1>", name=name).record


def record(design: Design = DESIGN) -> dict[str, Any]:
    """The record of a draw of the town, without a store."""
    town = layers()
    made = make_record(build_frame(town, design), design, Lottery("种子<1>"))
    return {"name": "第一次", "created_at": NOON.isoformat(), "version": "0", "commitment": None, **made}
