"""Lanes inside the blocks, and the grounds between them: what a compound, a school, a market stands on."""

from __future__ import annotations

from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import shapely
from numpy.random import Generator
from numpy.typing import NDArray
from shapely import LineString, Polygon
from shapely.ops import linemerge, split

from .plane import CRS_METRIC, SNAP, largest, longest, points_at

HALF_ROAD = {"trunk": 26.0, "primary": 25.0, "secondary": 19.0, "tertiary": 14.0, "residential": 9.5,
             "alley": 4.5, "path": 3.0}  # fmt: skip
"""From the centre line of a road to the fence beside it, m."""


_REACH = 0.03
"""What ends within 3 cm of a line ends on it."""


class Grain(NamedTuple):
    """How a quarter is cut into grounds: size of a ground (m2), chance of a lane, bends and skew of a cut."""

    ground_m2: float
    lane: float
    bend_m: float
    skew: float


GRAIN = {
    "old": Grain(3900.0, 0.97, 6.0, 0.16),
    "village": Grain(5200.0, 0.95, 4.5, 0.12),
    "north": Grain(21000.0, 0.70, 1.2, 0.015),
    "southwest": Grain(23000.0, 0.68, 1.2, 0.02),
    "southeast": Grain(27000.0, 0.56, 0.0, 0.01),
    "east": Grain(40000.0, 0.45, 0.0, 0.01),
}


def cut_up(
    rng: Generator, polygon: Polygon, stop_m2: float, grain: Grain
) -> tuple[list[LineString], list[Polygon]]:
    """Cut across the long side again and again until the parts are about `stop_m2` large."""
    cuts, done, todo = [], [], [polygon]
    while todo:
        part = todo.pop()
        if part.area < stop_m2 * float(np.exp(rng.normal(0.35, 0.35))):
            done.append(part)
            continue
        cut = _cut(rng, part, grain)
        if cut is None:
            done.append(part)
        else:
            cuts.append(cut[0])
            todo += cut[1]
    return cuts, done


def _cut(rng: Generator, polygon: Polygon, grain: Grain) -> tuple[LineString, list[Polygon]] | None:
    """One cut across the long axis of the polygon: the line inside and the two parts."""
    corners = shapely.get_coordinates(shapely.oriented_envelope(polygon))[:4]
    sides = np.array([corners[1] - corners[0], corners[2] - corners[1]])
    size = np.hypot(*sides.T)
    along, across = (0, 1) if size[0] >= size[1] else (1, 0)
    if size[along] < 20:
        return None
    for _ in range(5):
        at = corners[0] + sides[0] / 2 + sides[1] / 2 + sides[along] * rng.uniform(-0.14, 0.14)
        turn = rng.normal(0, grain.skew)
        way = sides[across] / size[across]
        way = np.array(
            [way[0] * np.cos(turn) - way[1] * np.sin(turn), way[0] * np.sin(turn) + way[1] * np.cos(turn)]
        )
        chord = LineString([at - way * size[across], at + way * size[across]]).intersection(polygon)
        if chord.geom_type != "LineString" or chord.length < 25:
            continue
        ends = np.asarray(chord.coords)
        bends = int(chord.length // 45) if grain.bend_m >= 3 else int(grain.bend_m > 0 and chord.length > 150)
        shifts = rng.normal(0, grain.bend_m, bends)[:, None] * np.array([-way[1], way[0]])
        spots = ends[0] + np.linspace(0, 1, bends + 2)[1:-1, None] * (ends[1] - ends[0]) + shifts
        out = (ends[1] - ends[0]) / chord.length
        line = LineString([ends[0] - out, *spots, ends[1] + out])
        inner: Any = line.intersection(polygon)
        parts: list[Any] = list(split(polygon, line).geoms)
        if (
            inner.geom_type == "LineString"
            and len(parts) == 2
            and min(p.area for p in parts) > 0.25 * polygon.area
        ):
            return inner, parts
    return None


def lanes_and_grounds(rng: Generator, blocks: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    middle = blocks.geometry.union_all().centroid
    lanes: list[tuple[str, LineString]] = []
    grounds: list[tuple[str, Polygon]] = []
    for quarter, block in zip(blocks["quarter"], blocks.geometry, strict=True):
        if quarter == "river":
            continue
        grain = GRAIN[quarter]
        away_km = block.distance(middle) / 1000
        stop = grain.ground_m2 * (1.0 if grain.bend_m >= 3 else 0.75 + (away_km / 6) ** 2)
        cuts, parts = cut_up(rng, block, stop, grain)
        grounds += [(quarter, part) for part in parts]
        open_lines: list[Any] = [block.boundary]
        for cut in cuts:
            ends = [shapely.Point(cut.coords[0]), shapely.Point(cut.coords[-1])]
            reached = [min(shapely.distance(end, line) for line in open_lines) < 0.05 for end in ends]
            dead_end = any(reached) and rng.random() < 0.08
            if (all(reached) or dead_end) and rng.random() < grain.lane:
                open_lines.append(cut)
                lanes.append((quarter, cut))
    return _table(lanes), _table(grounds)


def _table(rows: list[tuple[str, Any]]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {"quarter": [row[0] for row in rows]}, geometry=[row[1] for row in rows], crs=CRS_METRIC
    )


def bank_paths(rng: Generator, corridor: Polygon, streets: gpd.GeoDataFrame) -> list[LineString]:
    """Two footpaths of more than 2 km along the water, joined to the riverside road at both ends."""
    shores = streets[streets["quarter"] == "river"]
    paths = []
    for _, shore in shores.groupby("street"):
        merged = longest(linemerge(list(shore.geometry)))
        start = merged.length * rng.uniform(0.45, 0.6)
        ends = [merged.interpolate(start), merged.interpolate(start + 2500.0)]
        spots = [merged.interpolate(start + along) for along in np.arange(60.0, 2450.0, 70.0)]
        inner = corridor.buffer(-22.0).boundary
        near = [inner.interpolate(inner.project(spot)) for spot in spots]
        paths.append(LineString([ends[0], *near, ends[1]]))
    return paths


def noded(streets: gpd.GeoDataFrame, lanes: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Streets and lanes with a vertex of both wherever a lane ends."""
    n = len(streets)
    lines = np.concatenate([streets.geometry.to_numpy(), lanes.geometry.to_numpy()])
    lines = shapely.set_precision(lines, SNAP, mode="pointwise")
    ends = _shared_ends(lines, n)
    tree = shapely.STRtree(lines)
    end, line = tree.query(points_at(ends), predicate="dwithin", distance=_REACH)
    coords = [shapely.get_coordinates(item) for item in lines]
    for row in range(n, len(lines)):
        coords[row][[0, -1]] = ends[[2 * (row - n), 2 * (row - n) + 1]]
    for row in np.unique(line):
        at = ends[end[line == row]]
        at = at[~(at[:, None] == coords[row]).all(axis=2).any(axis=1)]
        if len(at):
            at = np.unique(at, axis=0)
            old = shapely.LineString(coords[row])
            where = np.concatenate(
                [shapely.line_locate_point(old, points_at(xy)) for xy in (coords[row], at)]
            )
            if old.is_ring:
                where[len(coords[row]) - 1] = old.length
            coords[row] = np.concatenate([coords[row], at])[np.argsort(where, kind="stable")]
    result = np.array([LineString(xy) for xy in coords], dtype=object)
    return (
        streets.set_geometry(result[:n], crs=CRS_METRIC),
        lanes.set_geometry(result[n:], crs=CRS_METRIC),
    )


def _shared_ends(lines: NDArray[np.object_], n: int) -> NDArray[np.float64]:
    """Ends of the lanes (rows from `n`), two each; moved to a vertex or an earlier end within 3 cm."""
    own = shapely.get_coordinates([shapely.get_point(lines[n:], i) for i in (0, -1)])
    ends = own.reshape(2, -1, 2).transpose(1, 0, 2).reshape(-1, 2)
    points = points_at(ends)
    one, two = shapely.STRtree(points).query(points, predicate="dwithin", distance=_REACH)
    first = np.arange(len(points))
    np.minimum.at(first, one, two)
    ends = ends[first]
    corners = points_at(np.unique(shapely.get_coordinates(lines[:n]), axis=0))
    near, corner = shapely.STRtree(corners).query_nearest(
        points_at(ends), max_distance=_REACH, all_matches=False
    )
    ends[near] = shapely.get_coordinates(corners[corner])
    return np.asarray(ends)


def fenced(grounds: gpd.GeoDataFrame, streets: gpd.GeoDataFrame, lanes: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The grounds drawn back from the roads around them; what is left too small is dropped."""
    lines = np.concatenate([streets.geometry.to_numpy(), lanes.geometry.to_numpy()])
    half = np.array([HALF_ROAD[c] for c in streets["class"]] + [HALF_ROAD["alley"]] * len(lanes))
    beds = shapely.buffer(lines, half, quad_segs=1, cap_style="square", join_style="mitre")
    shapes = shapely.buffer(grounds.geometry.to_numpy(), -1.5, join_style="mitre")
    ground, bed = shapely.STRtree(beds).query(shapes, predicate="intersects")
    order = np.argsort(bed, kind="stable")
    by_ground: dict[int, list[int]] = {}
    for g, b in zip(bed[order], ground[order], strict=True):
        by_ground.setdefault(int(b), []).append(int(g))
    for g, touching in by_ground.items():
        rest = shapely.difference(shapes[g], shapely.union_all(beds[touching]))
        shapes[g] = largest(rest) if not shapely.is_empty(rest) else rest
    shapes = shapely.set_precision(shapely.simplify(shapes, 0.6), SNAP)
    good = (shapely.get_type_id(shapes) == 3) & (shapely.area(shapes) > 900) & shapely.is_valid(shapes)
    return grounds.set_geometry(shapes, crs=CRS_METRIC)[good].reset_index(drop=True)
