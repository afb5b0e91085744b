"""How the made-up city is divided: district, subdistricts, communities, unit grid cells.

Cells of about 10 000 m2 follow the blocks; communities are sets of cells, subdistricts sets of
communities, so everything nests by construction. Codes: 6 digits of the (invented) county, 3 of the
subdistrict, 3 of the community, 3 of the cell, each numbered from the north-west to the south-east.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import LineString, Polygon
from shapely.ops import split

from ..schema import conform
from .names import CITY, Stems
from .plane import CRS_METRIC, Geometries, lines_of, tidy, to_degrees
from .town import Plan

COUNTY = "999101"
"""No province has the number 99."""

COMMUNITIES = 120
_CELL_M2 = 10_000.0
_SMALL_M2 = 3_000.0
_CELL_SNAP = 0.2
"""Corners of cells lie on a grid of 20 cm: coarser than the rounding of degrees, so no cell can fold over."""
_PEOPLE = {"old": 3.0, "village": 2.4, "north": 1.0, "southwest": 0.85, "southeast": 0.7, "east": 0.5}
"""Relative density of people, which decides how large a community is."""

Ints = NDArray[np.intp]


@dataclass(frozen=True)
class Division:
    """`areas`: the layer, EPSG:4326. `communities`: code, name, subdistrict, shape in `CRS_METRIC`."""

    areas: gpd.GeoDataFrame
    communities: gpd.GeoDataFrame

    def community_of(self, points: Geometries) -> Ints:
        """Row of `communities` of each metric point; outside all of them, the nearest."""
        tree = shapely.STRtree(self.communities.geometry.to_numpy())
        return np.asarray(tree.query_nearest(points, all_matches=False)[1])


def divide(plan: Plan, words: Stems) -> Division:
    """The administrative areas and grid cells of the plan; nothing here is left to chance."""
    community, subdistrict_of = _communities(plan.blocks)
    pieces = [_quartered(block) for block in plan.blocks.geometry]
    cells = np.array([cell for piece, _ in pieces for cell in piece], dtype=object)
    of = np.repeat(community, [len(piece) for piece, _ in pieces])
    dry = of >= 0
    nearest = shapely.STRtree(cells[dry]).query_nearest(cells[~dry], all_matches=False)
    of[np.flatnonzero(~dry)[nearest[0]]] = of[dry][nearest[1]]
    borders = [
        *shapely.boundary(plan.blocks.geometry.to_numpy()),
        *(cut for _, cuts in pieces for cut in cuts),
    ]
    cells, of = _fitted(cells, of, borders)
    cells, of = _rejoined(*_without_slivers(cells, of))
    return _coded(cells, of, subdistrict_of, words)


def _communities(blocks: gpd.GeoDataFrame) -> tuple[Ints, Ints]:
    """Community of each block, -1 on the river, and the subdistrict of each community."""
    people = shapely.area(blocks.geometry.to_numpy()) * np.array(
        [_PEOPLE.get(q, 0.0) for q in blocks["quarter"]]
    )
    middle = shapely.get_coordinates(shapely.centroid(blocks.geometry.to_numpy()))
    quarter = blocks["quarter"].to_numpy()
    river = shapely.union_all(blocks.geometry.to_numpy()[quarter == "river"])
    x, y = middle.T
    banks = shapely.get_coordinates(river)
    order = np.argsort(banks[:, 0])
    north = y > np.interp(x, banks[order, 0], banks[order, 1])
    result, above = np.full(len(blocks), -1), list[int]()
    town = 0
    for here, subdistricts in ((quarter == "old", 2), (north & (quarter != "old"), 6), (~north, 4)):
        rows = np.flatnonzero(here & (quarter != "river"))
        for group in _balanced(rows, middle, people, subdistricts):
            share = max(4, round(COMMUNITIES * people[group].sum() / people.sum()))
            for members in _balanced(group, middle, people, share):
                result[members] = len(above)
                above.append(town)
            town += 1
    return result, np.array(above)


def _balanced(rows: Ints, middle: NDArray[np.float64], weight: NDArray[np.float64], parts: int) -> list[Ints]:
    """Rows cut in two again and again, across their longer extent, into parts of equal weight."""
    if parts <= 1 or len(rows) <= 1:
        return [rows]
    axis = int(np.argmax(np.ptp(middle[rows], axis=0)))
    ordered = rows[np.lexsort((middle[rows, 1 - axis], middle[rows, axis]))]
    total = np.cumsum(weight[ordered])
    cut = int(np.searchsorted(total, total[-1] * (parts // 2) / parts)) + 1
    cut = min(max(cut, 1), len(ordered) - 1)
    low = _balanced(ordered[:cut], middle, weight, parts // 2)
    return low + _balanced(ordered[cut:], middle, weight, parts - parts // 2)


def _quartered(block: Polygon) -> tuple[list[Polygon], list[Any]]:
    """Cells of about 10 000 m2, and the cuts: across the long side of the block again and again."""
    done, cuts, todo = list[Any](), list[Any](), list[Any]([block])
    while todo:
        part = todo.pop()
        n = round(part.area / _CELL_M2)
        if n < 2:
            done.append(part)
            continue
        corners = shapely.get_coordinates(shapely.oriented_envelope(part))[:4]
        one, two = corners[1] - corners[0], corners[3] - corners[0]
        if np.hypot(*one) < np.hypot(*two):
            one, two = two, one
        at = corners[0] + one * (n // 2) / n
        line = LineString([at - two * 0.5, at + two * 1.5])
        # a little longer than the part, so that it certainly meets what it ends on
        cuts += [_longer(piece) for piece in lines_of(line.intersection(part))]
        todo += list(split(part, line).geoms)
    return done, cuts


def _longer(line: LineString) -> LineString:
    ends = np.asarray(line.coords)
    more = 0.04 * (ends[-1] - ends[0]) / line.length
    return LineString([ends[0] - more, *ends[1:-1], ends[-1] + more])


def _fitted(cells: Geometries, of: Ints, lines: list[Any]) -> tuple[Geometries, Ints]:
    """The faces of borders and cuts: neighbours share every vertex, so rounding opens no gap."""
    noded = shapely.union_all(np.array(lines, dtype=object), grid_size=_CELL_SNAP)
    faces = tidy(shapely.get_parts(shapely.polygonize(shapely.get_parts(noded))))
    return faces, of[
        shapely.STRtree(cells).query_nearest(shapely.point_on_surface(faces), all_matches=False)[1]
    ]


def _touching(shapes: Geometries) -> tuple[Ints, Ints, NDArray[np.float64]]:
    """Pairs of neighbours and the length of the border they share, m."""
    one, two = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    one, two = one[one != two], two[one != two]
    shared = shapely.length(
        shapely.intersection(shapely.boundary(shapes[one]), shapely.boundary(shapes[two]))
    )
    return one[shared > 0], two[shared > 0], shared[shared > 0]


def _without_slivers(cells: Geometries, of: Ints) -> tuple[Geometries, Ints]:
    """Cells below 3 000 m2 join the neighbour of their community with the longest shared border."""
    small = shapely.area(cells) < _SMALL_M2
    one, two, shared = _touching(cells)
    into: dict[int, int] = {}
    for k in np.lexsort((two, -shared)):
        a, b = int(one[k]), int(two[k])
        if small[a] and of[a] == of[b] and a not in into and into.get(b, b) != a:
            into[a] = b
    groups: dict[int, list[int]] = {}
    for a in range(len(cells)):
        target, seen = a, {a}
        while target in into and into[target] not in seen:
            target = into[target]
            seen.add(target)
        groups.setdefault(target, []).append(a)
    merged = [cells[g[0]] if len(g) == 1 else shapely.coverage_union_all(cells[g]) for g in groups.values()]
    result = np.empty(len(merged), dtype=object)
    result[:] = merged
    return result, of[list(groups)]


def _rejoined(cells: Geometries, of: Ints) -> tuple[Geometries, Ints]:
    """Cells cut off from the main part of their community go to the community they border most."""
    one, two, shared = _touching(cells)
    of = of.copy()
    for _ in range(2):
        main = np.zeros(len(cells), dtype=bool)
        for number in np.unique(of):
            rows = np.flatnonzero(of == number)
            body = max(shapely.get_parts(shapely.coverage_union_all(cells[rows])), key=shapely.area)
            main[rows] = shapely.intersects(body, shapely.point_on_surface(cells[rows]))
        for row in np.flatnonzero(~main):
            links = (one == row) & main[two]
            if links.any():
                numbers, where = np.unique(of[two[links]], return_inverse=True)
                of[row] = numbers[np.argmax(np.bincount(where, shared[links]))]
                main[row] = True
    return cells, of


def _reading_order(points: NDArray[np.float64], band_m: float) -> Ints:
    """Rows in bands from north to south, and inside a band from west to east."""
    band = np.floor((points[:, 1].max() - points[:, 1]) / band_m)
    return np.asarray(np.lexsort((-points[:, 1], points[:, 0], band)))


def _numbered(points: NDArray[np.float64], groups: Ints, band_m: float) -> Ints:
    """1, 2, 3 ... inside each group, in reading order."""
    numbers = np.zeros(len(points), dtype=int)
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        numbers[rows[_reading_order(points[rows], band_m)]] = np.arange(1, len(rows) + 1)
    return numbers


def _coded(cells: Geometries, of: Ints, subdistrict_of: Ints, words: Stems) -> Division:
    """Codes, names and shapes of every level, the finest first."""
    degrees = to_degrees(cells)
    middle = shapely.get_coordinates(shapely.point_on_surface(cells))
    present, of = np.unique(of, return_inverse=True)
    above, n = subdistrict_of[present], len(present)
    centre = np.column_stack([np.bincount(of, middle[:, axis]) / np.bincount(of) for axis in (0, 1)])
    heads = np.column_stack([np.bincount(above, centre[:, axis]) / np.bincount(above) for axis in (0, 1)])
    towns = np.array([f"{COUNTY}{i:03d}" for i in _numbered(heads, np.zeros(len(heads), int), 3000.0)])
    codes = np.array(
        [f"{towns[a]}{i:03d}" for a, i in zip(above, _numbered(centre, above, 900.0), strict=True)]
    )
    grid = np.array([f"{codes[c]}{i:03d}" for c, i in zip(of, _numbered(middle, of, 100.0), strict=True)])
    town_names = np.array([f"{stem}街道" for stem in ("鼓楼", "文庙", *words.fair[: len(heads) - 2])])
    names = np.array([f"{stem}社区" for stem in words.fair[len(heads) : len(heads) + n]])

    shapes = np.array([shapely.coverage_union_all(degrees[of == c]) for c in range(n)], dtype=object)
    town_shapes = np.array(
        [shapely.coverage_union_all(shapes[above == t]) for t in range(len(heads))], dtype=object
    )
    city = shapely.coverage_union_all(town_shapes)
    rows: list[tuple[Any, ...]] = [(COUNTY, CITY, "district", None, f"{CITY}创建文明城市工作办公室", city)]
    rows += [
        (towns[t], town_names[t], "subdistrict", COUNTY, f"{town_names[t]}办事处", town_shapes[t])
        for t in np.argsort(towns)
    ]
    rows += [
        (codes[c], names[c], "community", towns[above[c]], f"{names[c]}居委会", shapes[c])
        for c in np.argsort(codes)
    ]
    rows += [
        (
            grid[g],
            f"{names[of[g]]}{grid[g][-3:]}网格",
            "grid",
            codes[of[g]],
            f"{names[of[g]]}居委会",
            degrees[g],
        )
        for g in np.argsort(grid)
    ]
    *columns, geometry = zip(*rows, strict=True)
    table = dict(zip(("id", "name", "level", "parent", "unit"), columns, strict=True))
    areas = conform(gpd.GeoDataFrame(table, geometry=list(geometry), crs="EPSG:4326"), "areas")
    ground = np.array([shapely.coverage_union_all(cells[of == c]) for c in range(n)], dtype=object)
    communities = gpd.GeoDataFrame(
        {"code": codes, "name": names, "subdistrict": town_names[above]}, geometry=ground, crs=CRS_METRIC
    )
    return Division(areas, communities.sort_values("code", ignore_index=True))
