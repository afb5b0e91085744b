"""Where is it, in words? Subdistrict, community and address of a place in the made-up city."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.random import Generator
from numpy.typing import NDArray
from shapely import MultiPoint, Polygon

from ..schema import conform
from .division import Division
from .names import CITY
from .plane import Geometries, to_degrees

_ROAD_RANK = {
    "trunk": 9.0, "primary": 3.0, "secondary": 1.0, "tertiary": 0.0, "residential": 0.0,
    "alley": 4.0, "path": 30.0,
}  # fmt: skip
"""How far, in metres, a gate would rather move than open on a road of this class."""


@dataclass(frozen=True)
class Gazetteer:
    """Looks places up: `roads` are the named and unnamed roads in the metric CRS."""

    outline: Polygon
    division: Division
    roads: gpd.GeoDataFrame

    def locate(self, points: Geometries) -> pd.DataFrame:
        """`district`, `community`, `code` (of the community) and `address` of metric points."""
        rows = self.division.communities.iloc[self.division.community_of(points)]
        named = self.roads[self.roads["name"].notna()]
        lines = named.geometry.to_numpy()
        nearest = shapely.STRtree(lines).query_nearest(points, all_matches=False)[1]
        number = (shapely.line_locate_point(lines[nearest], points) // 5).astype(int) + 1
        streets = named["name"].to_numpy()[nearest]
        address = [f"{CITY}{street}{n}号" for street, n in zip(streets, number, strict=True)]
        return pd.DataFrame(
            {
                "district": rows["subdistrict"].to_numpy(),
                "community": rows["name"].to_numpy(),
                "code": rows["code"].to_numpy(),
                "address": address,
            }
        )

    def statuses(self, rng: Generator, shapes: Geometries) -> NDArray[np.object_]:
        """Mostly open; some closed, under works, restricted; near the edge some outside the built-up area."""
        edge = shapely.distance(shapes, self.outline.boundary) < 260
        status = rng.choice(
            ["open", "closed", "works", "restricted"], len(shapes), p=[0.955, 0.012, 0.025, 0.008]
        )
        return np.where(edge & (rng.random(len(shapes)) < 0.4), "outside", status).astype(object)

    def gates(self, rng: Generator, grounds: Geometries) -> list[MultiPoint]:
        """One to three gates on the outline of each ground, on the sides that face a road."""
        lines = self.roads.geometry.to_numpy()
        rank = np.array([_ROAD_RANK[c] for c in self.roads["class"]])
        tree = shapely.STRtree(lines)
        found = []
        for ground in grounds:
            corners = np.asarray(ground.exterior.coords)
            start, way = corners[:-1], np.diff(corners, axis=0)
            long = np.hypot(*way.T) > 10.0
            start, way = (start[long], way[long]) if long.any() else (start, way)
            spots = start + way * rng.uniform(0.3, 0.7, len(start))[:, None]
            (_, road), gap = tree.query_nearest(
                shapely.points(spots), all_matches=False, return_distance=True
            )
            order = np.argsort(gap + rank[road] + rng.uniform(0, 2, len(gap)), kind="stable")
            facing = order[gap[order] < 40.0]
            wanted = 1 if ground.area < 6000 else int(rng.choice([1, 2, 3], p=[0.35, 0.45, 0.2]))
            kept = facing[:wanted] if len(facing) else order[:1]
            found.append(MultiPoint(spots[kept]))
        return found


def layer(table: Any, name: str) -> gpd.GeoDataFrame:
    """The metric table as the layer of that name, EPSG:4326."""
    moved = table.set_geometry(to_degrees(table.geometry.to_numpy()), crs="EPSG:4326", inplace=False)
    if "gates" in moved:
        gates = moved["gates"].to_numpy().copy()
        there = np.array([gate is not None for gate in gates])
        gates[there] = to_degrees(gates[there])
        moved["gates"] = gates
    return conform(moved, name)


def numbered(prefix: str, n: int) -> list[str]:
    """Ids such as XQ0001: the prefix and four digits or as many as it takes."""
    width = max(4, len(str(n)))
    return [f"{prefix}{i:0{width}d}" for i in range(1, n + 1)]
