"""The ground plan of the made-up city: river, streets, blocks, lanes and the grounds between them.

A river with riverside roads and bridges parts the city. North of it lies an old town of crooked
streets; around it four quarters carry a planned grid, each with its own bearing. Arterials make
superblocks, streets cut these into blocks, lanes cut the blocks into grounds (what a compound or a
school stands on). A few superblocks are villages the city has swallowed, as crooked as the old town.
Everything is in metres in the city's metric CRS.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import shapely
from numpy.random import Generator
from numpy.typing import NDArray
from pyproj import Transformer
from shapely import LineString, Polygon
from shapely.affinity import rotate
from shapely.ops import linemerge, split

from .grounds import GRAIN, bank_paths, cut_up, fenced, lanes_and_grounds, noded
from .plane import CENTRE, CRS_METRIC, SNAP, largest, lines_of, longest, owners, tidy

_WATER_HALF = 65.0
_BANK = 45.0
_BEARING = {"north": 0.04, "east": -0.17, "southwest": 0.10, "southeast": 0.33}


@dataclass(frozen=True)
class Plan:
    """The plan, every table in `CRS_METRIC`.

    `streets`: lines with `class`, `street` (pieces of one street share it), `quarter`.
    `lanes`: lines with `quarter`; both ends touch a street or a lane but for a few dead ends.
    `blocks`: polygons with `quarter` that fill the outline, the river included.
    `grounds`: polygons with `quarter`, clear of all roads and of each other.
    """

    outline: Polygon
    water: Polygon
    old_town: Polygon
    streets: gpd.GeoDataFrame
    lanes: gpd.GeoDataFrame
    blocks: gpd.GeoDataFrame
    grounds: gpd.GeoDataFrame


def draw_plan(rng: Generator) -> Plan:
    """The ground plan; all chance comes from `rng`."""
    site = _quarters(rng)
    streets, superblocks = _streets(rng, _arterials(rng, site), site.quarters)
    warp = _warp(rng)
    streets = streets.set_geometry(_on_ground(streets.geometry.to_numpy(), warp), crs=CRS_METRIC)
    superblocks = superblocks.set_geometry(_on_ground(superblocks.geometry.to_numpy(), warp), crs=CRS_METRIC)
    outline, corridor, water, old_town = _on_ground(
        np.array([site.outline, site.corridor, site.water, site.quarters["old"]]), warp
    )
    blocks = _blocks(streets, superblocks)
    lanes, grounds = lanes_and_grounds(rng, blocks)
    bank = bank_paths(rng, corridor, streets)
    lanes = gpd.GeoDataFrame(
        {"quarter": [*lanes["quarter"], *["river"] * len(bank)]},
        geometry=[*lanes.geometry, *bank], crs=CRS_METRIC,
    )  # fmt: skip
    streets, lanes = noded(streets, lanes)
    return Plan(outline, water, old_town, streets, lanes, blocks, fenced(grounds, streets, lanes))


class _Site(NamedTuple):
    """The quarters before the streets: polygons, and the lines that become the first roads."""

    outline: Polygon
    corridor: Polygon
    water: Polygon
    quarters: dict[str, Polygon]
    banks: list[LineString]
    old_ring: Any
    borders: list[LineString]


def _quarters(rng: Generator) -> _Site:
    angle = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    radius = (np.abs(np.cos(angle) / 7000) ** 3 + np.abs(np.sin(angle) / 6000) ** 3) ** (-1 / 3)
    for wave, size in ((3, 0.03), (5, 0.02), (8, 0.012)):
        radius *= 1 + size * np.cos(wave * angle + rng.uniform(0, 2 * np.pi))
    outline: Any = Polygon(np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]))

    x = np.arange(-9500.0, 9501.0, 110.0)
    y = -900 + 700 * np.sin(x / 1900 + 0.6) + 210 * np.sin(x / 850 + rng.uniform(0, 6)) - 0.06 * x
    river: Any = LineString(np.column_stack([x, y]))
    water = river.buffer(_WATER_HALF, quad_segs=3).intersection(outline)
    valley: Any = river.buffer(_WATER_HALF + _BANK, quad_segs=3).simplify(4)
    corridor = valley.intersection(outline)
    banks = sorted(
        lines_of(linemerge(valley.boundary.intersection(outline))), key=lambda line: line.centroid.y
    )

    middle = (-1150.0, float(np.interp(-1150.0, x, y)) + 1020.0)
    blob = 1 + 0.06 * np.cos(2 * angle + 0.5) + 0.05 * np.cos(3 * angle + rng.uniform(0, 6))
    blob += 0.02 * np.cos(7 * angle + rng.uniform(0, 6))
    ring = np.column_stack([middle[0] + 1330 * blob * np.cos(angle), middle[1] + 1120 * blob * np.sin(angle)])
    walls: Any = Polygon(ring).simplify(15)
    old_town = largest(walls.difference(valley))

    # the valley, not the corridor: its clipped ends would leave hairlines between the banks
    shores = sorted(outline.difference(valley).geoms, key=shapely.area)[-2:]
    south, north = sorted(shores, key=lambda part: part.centroid.y)
    borders = [
        LineString([(2700, 8000), (3000, 2600), (3350, -4000)]).intersection(north),
        LineString([(500, 4000), (300, -3400), (-500, -9000)]).intersection(south),
    ]
    west, east = _parted(north, borders[0])
    southwest, southeast = _parted(south, borders[1])
    quarters = {
        "old": old_town, "north": west.difference(old_town), "east": east,
        "southwest": southwest, "southeast": southeast,
    }  # fmt: skip
    return _Site(outline, corridor, water, quarters, banks[-2:], walls.boundary.difference(valley), borders)


def _parted(polygon: Any, line: Any) -> Any:
    ends = np.asarray(line.coords)
    first, last = ends[0] - (ends[1] - ends[0]) * 0.01, ends[-1] + (ends[-1] - ends[-2]) * 0.01
    parts = sorted(split(polygon, LineString([first, *ends[1:-1], last])).geoms, key=shapely.area)[-2:]
    left, right = sorted(parts, key=lambda part: part.centroid.x)
    return left, right


def _frame(lines: list[tuple[Any, str, int, str]]) -> gpd.GeoDataFrame:
    geometry, classes, street, quarter = zip(*lines, strict=True)
    return gpd.GeoDataFrame({"class": classes, "street": street, "quarter": quarter}, geometry=list(geometry))


def _arterials(rng: Generator, site: _Site) -> gpd.GeoDataFrame:
    """Ring road, riverside roads, the road around the old town, quarter borders, grids and bridges."""
    quarters = site.quarters
    lines: list[tuple[Any, str, int, str]] = [(site.outline.boundary, "trunk", 0, "ring")]
    lines += [(bank, "secondary", 1 + i, "river") for i, bank in enumerate(site.banks)]
    lines.append((site.old_ring, "secondary", 3, "old"))
    lines += [(border, "primary", 4 + i, "border") for i, border in enumerate(site.borders)]
    street, heads = 6, list[tuple[float, ...]]()
    for quarter, bearing in _BEARING.items():
        for piece, rank, family, number in _grid(rng, quarters[quarter], bearing):
            lines.append((piece, rank, street + number, quarter))
            if family == 0:
                heads += piece.coords
        street += 60
    # the old town has a crossing of two main streets of its own; the way south gets the first bridge
    cross = _cross(quarters["old"])
    lines += [(cut, "tertiary", street + 30 + i, "old") for i, cut in enumerate(cross)]
    lines += _bridges([*cross[0].coords, *heads], site, street)
    return _pieces(_frame(lines))


def _grid(rng: Generator, quarter: Polygon, bearing: float) -> list[tuple[LineString, str, int, int]]:
    """Lines of a planned grid clipped to the quarter: piece, class, family (0 crosses the river), number."""
    middle, found, number = quarter.centroid, [], 0
    for family in (0, 1):
        at, rank = -9000.0 + rng.uniform(0, 800), int(rng.integers(3))
        while at < 9000.0:
            ends = [(middle.x + at, middle.y - 12000), (middle.x + at, middle.y + 12000)]
            if family == 1:
                ends = [(middle.x - 12000, middle.y + at), (middle.x + 12000, middle.y + at)]
            line = rotate(LineString(ends), bearing, origin=middle, use_radians=True)
            for piece in lines_of(line.intersection(quarter)):
                along = shapely.line_interpolate_point(piece, np.linspace(0.05, 0.95, 19), normalized=True)
                hugging = np.mean(shapely.distance(along, quarter.boundary) < 130) > 0.4
                if piece.length > 300 and not hugging:
                    found.append((piece, "primary" if rank % 3 == 0 else "secondary", family, number))
            at, rank, number = at + rng.normal(840, 90), rank + 1, number + 1
    return found


def _bridges(heads: list[tuple[float, ...]], site: _Site, street: int) -> list[tuple[Any, str, int, str]]:
    """Bridges from arterials of the north bank, to an arterial of the south bank if one is opposite."""
    south_bank, north_bank = site.banks
    ends = [shapely.Point(xy) for xy in heads]
    opposite = [end for end in ends if end.distance(south_bank) < 1.0]
    candidates = []
    for i, end in enumerate(ends):
        if end.distance(north_bank) > 1.0:
            continue
        facing = [other for other in opposite if other.distance(end) < 275.0]
        foot = min(facing, key=end.distance) if facing else south_bank.interpolate(south_bank.project(end))
        candidates.append((i > 5, not facing, end.x, LineString([end, foot])))
    chosen: list[tuple[Any, str, int, str]] = []
    for *_, line in sorted(candidates, key=lambda candidate: candidate[:3]):
        if len(chosen) < 8 and all(line.distance(other[0]) > 1150 for other in chosen):
            chosen.append((line, "primary", street + len(chosen), "bridge"))
    return chosen


def _cross(old_town: Polygon) -> list[LineString]:
    middle, (west, south, east, north) = old_town.centroid, old_town.bounds
    x, y = middle.x, middle.y
    down = [(x - 150, north + 50), (x - 60, y + 400), (x + 40, y), (x - 30, y - 500), (x + 90, south - 50)]
    over = [(west - 50, y + 130), (x - 500, y + 10), (x + 40, y), (x + 600, y - 70), (east + 50, y + 60)]
    return [longest(LineString(line).intersection(old_town)) for line in (down, over)]


def _pieces(sources: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The sources noded and cut at every junction; each piece keeps the attributes of its source."""
    edges = tidy(shapely.get_parts(shapely.union_all(sources.geometry.to_numpy(), grid_size=SNAP)))
    owner = owners(edges, sources.geometry.to_numpy())
    pieces = sources.drop(columns="geometry").iloc[owner].reset_index(drop=True)
    return gpd.GeoDataFrame(pieces, geometry=edges, crs=sources.crs)


def _streets(
    rng: Generator, arterials: gpd.GeoDataFrame, quarters: dict[str, Polygon]
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Arterials and the streets of each superblock: a grid, or crooked cuts in the old town and villages."""
    superblocks = tidy(shapely.get_parts(shapely.polygonize(arterials.geometry.to_numpy())))
    inside = shapely.point_on_surface(superblocks)
    lines: list[tuple[Any, str, int, str]] = []
    kinds, street = [], 1000
    for block, point in zip(superblocks, inside, strict=True):
        quarter = next((name for name, area in quarters.items() if area.contains(point)), None)
        kinds.append(quarter or "river")
        if quarter is None:
            continue
        village = quarter in ("north", "southwest", "east") and 2e5 < block.area < 8e5 and rng.random() < 0.06
        if quarter == "old" or village:
            grain = GRAIN["old"]
            cuts = cut_up(rng, block, 55000.0 if village else 42000.0, grain)[0]
            kind = kinds[-1] = "village" if village else "old"
            lines += [(cut, "residential", street + i, kind) for i, cut in enumerate(cuts)]
        else:
            lines += _block_grid(rng, block, quarter, street)
        street += 40
    rows = [*arterials[["geometry", "class", "street", "quarter"]].itertuples(index=False), *lines]
    pieces = _pieces(_frame(rows))
    # some streets were never opened, which makes larger blocks
    planned = pieces["quarter"].isin(list(_BEARING)) & (pieces["class"] == "residential")
    pieces = pieces[~(planned & (rng.random(len(pieces)) < 0.10))].reset_index(drop=True)
    return pieces, gpd.GeoDataFrame({"quarter": kinds}, geometry=superblocks)


def _block_grid(rng: Generator, block: Polygon, quarter: str, street: int) -> list[tuple[Any, str, int, str]]:
    turned = rotate(block, -_BEARING[quarter], origin=(0, 0), use_radians=True)
    west, south, east, north = turned.bounds
    step = 430.0 if quarter == "east" else 285.0 + 12.0 * np.hypot(block.centroid.x, block.centroid.y) / 1000
    lines: list[tuple[Any, str, int, str]] = []
    for low, high, upright in ((west, east, True), (south, north, False)):
        n = max(1, round((high - low) / step))
        for i in range(1, n):
            at = low + (high - low) * i / n + rng.normal(0, 16)
            ends = [(at, south - 9), (at, north + 9)] if upright else [(west - 9, at), (east + 9, at)]
            line = rotate(LineString(ends), _BEARING[quarter], origin=(0, 0), use_radians=True)
            for piece in lines_of(line.intersection(block)):
                if piece.length > 110:
                    rank = "tertiary" if n > 2 and i == n // 2 else "residential"
                    lines.append((piece, rank, street + (0 if upright else 20) + i, quarter))
    return lines


def _warp(rng: Generator) -> Any:
    """A gentle bend of the whole plan and its move to the city's place in the metric CRS."""
    east, north = Transformer.from_crs("EPSG:4326", CRS_METRIC, always_xy=True).transform(*CENTRE)
    phase = rng.uniform(0, 2 * np.pi, 6)

    def move(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        x, y = xy[:, 0], xy[:, 1]
        dx = (
            70 * np.sin(y / 1300 + phase[0])
            + 40 * np.sin(x / 800 + phase[1])
            + 9 * np.sin(y / 260 + phase[2])
        )
        dy = (
            60 * np.sin(x / 1400 + phase[3])
            + 40 * np.sin(y / 900 + phase[4])
            + 9 * np.sin(x / 290 + phase[5])
        )
        return np.column_stack([x + dx + round(east), y + dy + round(north)])

    return move


def _on_ground(geometry: Any, warp: Any) -> Any:
    return shapely.set_precision(shapely.transform(geometry, warp), SNAP, mode="pointwise")


def _blocks(streets: gpd.GeoDataFrame, superblocks: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    faces = tidy(shapely.get_parts(shapely.polygonize(streets.geometry.to_numpy())))
    holder = shapely.STRtree(superblocks.geometry.to_numpy()).query_nearest(
        shapely.point_on_surface(faces), all_matches=False
    )[1]
    return gpd.GeoDataFrame(
        {"quarter": superblocks["quarter"].to_numpy()[holder]}, geometry=faces, crs=CRS_METRIC
    )
