"""The roads under a printed map: light, the great ones with edges, thinner where the scale is small."""

from __future__ import annotations

import math
from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import shapely

from layers.write import printable

from .map_ink import Canvas
from .map_plane import Plane, px
from .street_names import Street

_ROADS = {
    "path": (0.18, "#D3D7DD"), "service": (0.25, "#D3D7DD"), "alley": (0.35, "#CBD0D7"),
    "residential": (0.55, "#CBD0D7"), "tertiary": (0.9, "#C9CED5"), "secondary": (1.2, "#B9C0C9"),
    "primary": (1.5, "#A9B1BC"), "trunk": (1.7, "#98A2AF"), "motorway": (1.7, "#98A2AF"),
}  # fmt: skip
"""Millimetres at 1:10 000 and the colour of edges or of the whole line, the least important first."""
_NO_NAME_FROM, _FEW_NAMES_FROM = 60_000, 20_000
"""Scales from which only the great roads have names, and from which small streets have none."""
_MINOR_UNTIL = {"path": 12_000, "service": 15_000, "alley": 40_000, "residential": 160_000}
"""Scales beyond which small streets are left out."""
_FILL, _EDGE_MM, _LEAST_EDGED_MM = "#FFFFFF", 0.16, 0.75


def streets_of(roads: gpd.GeoDataFrame | None, plane: Plane) -> list[Street]:
    """The roads that the frame shows, in pixels, cut at its edge.

    Parameters
    ----------
    roads : GeoDataFrame or None, EPSG:4326
        `class`, `name` and lines.
    """
    if roads is None or roads.empty:
        return []
    kept = [kind for kind in _ROADS if plane.scale <= _MINOR_UNTIL.get(kind, plane.scale)]
    near = roads.iloc[roads.sindex.query(shapely.box(*plane.degrees()))]
    near = near[near["class"].isin(kept)]
    flat = shapely.simplify(plane.shapes(near.geometry.to_numpy()), 0.4)
    cut = shapely.clip_by_rect(flat, -30, -30, plane.width + 30, plane.height + 30)
    order = list(_ROADS)
    parts, row = shapely.get_parts(cut, return_index=True)
    names, kinds = near["name"].to_numpy(), near["class"].to_numpy()
    return [
        Street(printable(names[index]) if isinstance(names[index], str) else "", order.index(kinds[index]),
               np.asarray(shapely.get_coordinates(part)))
        for part, index in zip(parts, row, strict=True)
        if part.geom_type == "LineString"
    ]  # fmt: skip


def draw_streets(canvas: Canvas, streets: Sequence[Street], scale: int) -> None:
    """Edges of all roads before their middles, so that crossings look open."""
    thin = min(max(math.sqrt(10_000 / scale), 0.3), 1.5)
    by_rank: dict[int, list[Street]] = {}
    for street in streets:
        by_rank.setdefault(street.rank, []).append(street)
    looks = list(_ROADS.values())
    for edges in (True, False):
        for rank in sorted(by_rank):
            width, colour = looks[rank][0] * thin, looks[rank][1]
            paths = [street.xy for street in by_rank[rank]]
            edged = width >= _LEAST_EDGED_MM
            if edges:
                canvas.strokes(paths, colour, width)
            elif edged:
                canvas.strokes(paths, _FILL, width - 2 * _EDGE_MM)


def named_streets(streets: Sequence[Street], scale: int) -> list[Street]:
    """The streets whose names are worth the room at a scale."""
    least = "primary" if scale >= _NO_NAME_FROM else "tertiary" if scale >= _FEW_NAMES_FROM else "path"
    lowest = list(_ROADS).index(least)
    return [street for street in streets if street.rank >= lowest and street.name]


NAME_PX = px(2.3)
"""How high the name of a street is written."""
