"""Gates: where one enters an anchor or a compound."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from shapely.geometry.base import BaseGeometry

from .osm_ledger import Candidate, as_array, to_plane
from .osm_rules import Rules
from .osm_source import Thing

Gates = list[shapely.MultiPoint | None]


def is_gate(thing_kind: str, tags: dict[str, str], rules: Rules) -> bool:
    """Whether a node is a gate, an entrance or a metro entrance."""
    return thing_kind == "n" and (
        tags.get("barrier") in rules.gates["barriers"]
        or tags.get("entrance", "no") != "no"
        or tags.get("railway") == "subway_entrance"
    )


def _rank(thing: Thing, rules: Rules) -> tuple[int, int]:
    """The main entrance first, then gates with a name, other gates, closed and service ones last; by id."""
    tags = thing.tags
    if tags.get("entrance") == "main":
        return 0, thing.number
    if tags.get("entrance") in rules.gates["last"] or tags.get("access") in ("private", "no"):
        return 3, thing.number
    return (1 if rules.name_of(tags) else 2), thing.number


class GateFinder:
    """The gates of a file, looked up by outline or by distance.

    Parameters
    ----------
    things : list of Thing
        Any objects; gate nodes among them are used.
    roads : list of Candidate
        Accepted roads: where a small one crosses an outline that has no gate of its own is a gate.
    """

    def __init__(self, things: list[Thing], roads: list[Candidate], rules: Rules, crs: CRS) -> None:
        self._rules = rules
        gates = [t for t in things if t.lonlat and not t.repeats and is_gate(t.kind, t.tags, rules)]
        gates.sort(key=lambda thing: _rank(thing, rules))
        metro = [thing.tags.get("railway") == "subway_entrance" for thing in gates]
        self._metro = [thing for thing, below in zip(gates, metro, strict=True) if below]
        self._other = [thing for thing, below in zip(gates, metro, strict=True) if not below]
        self._metro_plane = _planes(self._metro, crs)
        self._other_tree = shapely.STRtree(_planes(self._other, crs))
        self._small = [road for road in roads if road.rule.class_ in rules.gates["crossing"]]
        self._road_tree = shapely.STRtree([road.metric for road in self._small])

    def on_outlines(self, shapes: list[BaseGeometry], planes: list[BaseGeometry]) -> Gates:
        """Gate nodes on the outline of each area, the main one first; None for a point or without any."""
        outlines = [_outline(plane) for plane in planes]
        area, gate = self._other_tree.query(
            as_array(outlines), predicate="dwithin", distance=self._rules.gates["outline_m"]
        )
        found: list[list[int]] = [[] for _ in shapes]
        for a, g in sorted(zip(area.tolist(), gate.tolist(), strict=True)):
            found[a].append(g)
        return [_points([self._other[g].lonlat[0] for g in gates]) for gates in found]

    def at_crossings(self, shapes: list[BaseGeometry], planes: list[BaseGeometry]) -> Gates:
        """Where small roads enter each area: nodes of the road on the outline, or plain crossings.

        Roads that only run along the outline make no gate. Larger road classes come first.
        """
        area, road = self._road_tree.query(as_array(planes), predicate="intersects")
        order = {name: i for i, name in enumerate(self._rules.gates["crossing"])}
        found: list[list[tuple[int, float, float]]] = [[] for _ in shapes]
        for a, r in zip(area.tolist(), road.tolist(), strict=True):
            line = self._small[r]
            if line.metric.intersection(planes[a]).length <= 1.0:
                continue
            crossing = shapely.intersection(line.shape, _outline(shapes[a]))
            rank = order[line.rule.class_]
            found[a].extend(
                (rank, point.x, point.y)
                for point in shapely.get_parts(crossing)
                if point.geom_type == "Point"
            )
        return [_points(list(dict.fromkeys((x, y) for _, x, y in sorted(places)))) for places in found]

    def of_stations(self, planes: list[BaseGeometry]) -> list[list[tuple[float, float]]]:
        """Metro entrances, each with the nearest of the stations within `gates.entrance_m`."""
        found: list[list[tuple[float, float]]] = [[] for _ in planes]
        if not planes or not self._metro:
            return found
        tree = shapely.STRtree(planes)
        pairs = tree.query_nearest(
            self._metro_plane, max_distance=self._rules.gates["entrance_m"], all_matches=False
        )
        for entrance, station in pairs.T:
            found[station].append(self._metro[entrance].lonlat[0])
        return found


def _planes(things: list[Thing], crs: CRS) -> NDArray[np.object_]:
    return to_plane([shapely.Point(thing.lonlat[0]) for thing in things], crs)


def _outline(shape: BaseGeometry) -> BaseGeometry:
    return shape.boundary if shape.geom_type in ("Polygon", "MultiPolygon") else shapely.Point()


def _points(lonlat: list[tuple[float, float]]) -> shapely.MultiPoint | None:
    return shapely.MultiPoint(lonlat) if lonlat else None
