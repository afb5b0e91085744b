"""Road layers for tests: drawn in metres, generated cities, and networkx as the slow, obvious oracle."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

import geopandas as gpd
import numpy as np
import pytest
from pyproj import Geod, Transformer
from shapely import LineString

GEOD = Geod(ellps="GRS80")
LON, LAT = 114.3, 30.6
PLANE = Transformer.from_crs(
    f"+proj=aeqd +lon_0={LON} +lat_0={LAT} +ellps=GRS80", "EPSG:4326", always_xy=True
)


def at(x, y):
    """Metres east and north of the middle of Wuhan as lon, lat."""
    return PLANE.transform(x, y)


def spots(*places):
    """(n, 2) positions of places given in metres."""
    return np.array([at(*place) for place in places])


def layer(*lines, **columns):
    """A road layer; lines are lists of places in metres, geometries are taken as they are."""
    shapes = [LineString([at(*v) for v in line]) if isinstance(line, list) else line for line in lines]
    table = {"class": ["residential"] * len(lines), "subtype": None, "oneway": "no"} | columns
    return gpd.GeoDataFrame(table, geometry=shapes, crs="EPSG:4326")


def city(seed, side=8, block=120.0, *, gone=0.25, oneway=0.0):
    """Streets on a crooked grid, some blocks missing: ways of several blocks, bent, doubled, loops."""
    rng = np.random.default_rng(seed)
    corner = np.stack(np.meshgrid(np.arange(side), np.arange(side), indexing="ij"), axis=-1) * block
    corner = corner + rng.uniform(-0.3, 0.3, corner.shape) * block
    lines = []
    for way in (*corner, *corner.transpose(1, 0, 2)):
        run = [tuple(way[0])]
        for here, there in pairwise(way):
            if rng.random() < gone:
                lines.append(run)
                run = [tuple(there)]
                continue
            if rng.random() < 0.4:
                run.append(tuple((here + there) / 2 + rng.uniform(-0.15, 0.15, 2) * block))
            run.append(tuple(there))
        lines.append(run)
    flat = corner.reshape(-1, 2)
    for x, y in flat[rng.choice(len(flat), side // 2, replace=False)]:  # loops that hang on a corner
        lines.append([(x, y), (x + 30, y + 20), (x + 15, y + 45), (x, y)])
    lines = [run for run in lines if len(run) > 1]
    for number in rng.choice(len(lines), side // 2, replace=False):  # a second, longer way between two places
        a, b = np.array(lines[number][0]), np.array(lines[number][-1])
        lines.append([tuple(a), tuple((a + b) / 2 + rng.uniform(-0.4, 0.4, 2) * block), tuple(b)])
    lines.append(list(lines[0]))  # the same line twice
    way = rng.choice(["no", "yes", "reverse"], len(lines), p=[1 - oneway, oneway / 2, oneway / 2])
    kind = rng.choice(["primary", "residential", "alley"], len(lines))
    return layer(*lines, **{"class": kind, "oneway": way})


def people(seed, n, side=8, block=120.0):
    """(n, 2) positions in and around such a city."""
    places = np.random.default_rng([seed, 7]).uniform(-0.3 * block, (side - 0.7) * block, (n, 2))
    return np.array([at(*place) for place in places])


class Oracle:
    """The same network at the level of single segments in networkx, positions inserted as nodes.

    Lengths are geodesics; feet come from a loop over all segments in a plane.
    """

    def __init__(self, roads, crs, *, directed=False, kmh=None):
        self.nx = pytest.importorskip("networkx")
        self.to_plane = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform
        self.to_lonlat = Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform
        self.segments = []  # key, key, lon/lat pair, open there, open back, seconds per metre
        for line, way, kind in zip(roads.geometry, roads["oneway"], roads["class"], strict=True):
            places = list(line.coords)
            pace = 3.6 / kmh[kind] if kmh else 1.0
            for a, b in pairwise(places):
                if a != b:
                    there, back = not directed or way != "reverse", not directed or way != "yes"
                    self.segments.append((self.key(a), self.key(b), a, b, there, back, pace))
        ends = np.array([(s[2], s[3]) for s in self.segments])
        self.plane = np.stack(self.to_plane(ends[..., 0], ends[..., 1]), axis=-1)
        self.metres = GEOD.inv(ends[:, 0, 0], ends[:, 0, 1], ends[:, 1, 0], ends[:, 1, 1])[2]
        self.feet = defaultdict(list)
        self.worth = self._worth()

    @staticmethod
    def key(place):
        return round(place[0] * 1e7), round(place[1] * 1e7)

    def _worth(self):
        graph = self.nx.DiGraph()
        for a, b, *_, there, back, _pace in self.segments:
            graph.add_nodes_from((a, b))
            graph.add_edges_from([(a, b)] * there + [(b, a)] * back)
        part = {
            node: n for n, nodes in enumerate(self.nx.strongly_connected_components(graph)) for node in nodes
        }
        road = defaultdict(float)
        for (a, b, *_), metres in zip(self.segments, self.metres, strict=True):
            if part[a] == part[b]:
                road[part[a]] += metres
        limit = min(2_000.0, 0.1 * max(road.values()))
        return np.array([part[a] == part[b] and road[part[a]] >= limit for a, b, *_ in self.segments])

    def insert(self, name, place):
        """A node for a position; its gap in metres."""
        x, y = self.to_plane(*place)
        (ax, ay), (bx, by) = self.plane[:, 0].T, self.plane[:, 1].T
        dx, dy = bx - ax, by - ay
        share = np.clip(((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy), 0, 1)
        fx, fy = ax + share * dx, ay + share * dy
        away = np.where(self.worth, np.hypot(fx - x, fy - y), np.inf)
        nearest = int(np.argmin(away))
        self.feet[nearest].append((share[nearest], name))
        foot = self.to_lonlat(fx[nearest], fy[nearest])
        return GEOD.inv(*place, *foot)[2]

    def graph(self):
        """A graph with every segment cut at the feet on it; of parallel pieces the cheapest."""
        graph = self.nx.DiGraph()

        def add(a, b, metres, pace):
            if a != b and metres * pace < graph.get_edge_data(a, b, {"seconds": np.inf})["seconds"]:
                graph.add_edge(a, b, metres=metres, seconds=metres * pace)

        for number, (a, b, _, _, there, back, pace) in enumerate(self.segments):
            chain = [(0.0, a), *sorted(self.feet[number], key=lambda foot: foot[0]), (1.0, b)]
            for (s, one), (t, two) in pairwise(chain):
                if there or s == t:  # at the end of a one-way segment one stands on the corner
                    add(one, two, self.metres[number] * (t - s), pace)
                if back or s == t:
                    add(two, one, self.metres[number] * (t - s), pace)
        return graph

    def table(self, sources, targets, weight="metres"):
        """Weights and metres of the best ways, gaps not included, and the gaps of both lists."""
        gaps = [
            [self.insert((side, n), place) for n, place in enumerate(places)]
            for side, places in enumerate((sources, targets))
        ]
        graph = self.graph()
        cost = np.full((len(sources), len(targets)), np.inf)
        metres = cost.copy()
        for n in range(len(sources)):
            best, ways = self.nx.single_source_dijkstra(graph, (0, n), weight=weight)
            for m in range(len(targets)):
                if (1, m) in best:
                    cost[n, m] = best[1, m]
                    way = ways[1, m]
                    metres[n, m] = sum(graph[a][b]["metres"] for a, b in pairwise(way))
        return cost, metres, np.array(gaps[0]), np.array(gaps[1])
