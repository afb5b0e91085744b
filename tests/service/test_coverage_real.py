"""The toilets of Haidian: gaps on three streets, held against the raw file of OpenStreetMap.

Nothing is shared with the program: ways are read from the XML, lengths are geodesics, ways along a street
are networkx's, toilets are the nodes of the file.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import UTC, date, datetime
from itertools import pairwise

import numpy as np
import pytest
from pyproj import Geod

from layers.store import Store
from service.usecases import coverage_toilets as toilets
from service.usecases import imports

pytestmark = pytest.mark.testdata

NOW = datetime(2026, 5, 6, 8, tzinfo=UTC)
GEOD = Geod(ellps="WGS84")
TILES = ("tsinghua_2017.osm", "cau_2026.osm")


class Raw:
    """The ways of one name in a file, as a graph of their nodes, and the toilets of the file."""

    def __init__(self, file, name):
        nx = pytest.importorskip("networkx")
        tree = ET.parse(file).getroot()
        at = {node.get("id"): (float(node.get("lon")), float(node.get("lat"))) for node in tree.iter("node")}
        tagged = {
            kind: [(one, {tag.get("k"): tag.get("v") for tag in one.iter("tag")}) for one in tree.iter(kind)]
            for kind in ("node", "way")
        }
        self.toilets = {
            node.get("id"): at[node.get("id")]
            for node, tags in tagged["node"]
            if tags.get("amenity") == "toilets"
        }
        self.nx, self.graph, self.lines = nx, nx.Graph(), []
        for way, tags in tagged["way"]:
            if tags.get("name") == name and "highway" in tags:
                places = [at[nd.get("ref")] for nd in way.iter("nd")]
                for a, b in pairwise(places):
                    self.lines.append((a, b))
                    self.graph.add_edge(a, b, metres=GEOD.inv(*a, *b)[2])

    def foot(self, place):
        """The nearest of points 0.25 m apart on the street: its segment, the point, and how far away."""
        best = (np.inf, None, None)
        for a, b in self.lines:
            n = max(int(self.graph.edges[a, b]["metres"] / 0.25), 1)
            share = np.arange(n + 1) / n
            lon, lat = a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])
            away = GEOD.inv(lon, lat, np.full(n + 1, place[0]), np.full(n + 1, place[1]))[2]
            nearest = int(np.argmin(away))
            best = min(best, (away[nearest], (a, b), (lon[nearest], lat[nearest])), key=lambda one: one[0])
        return best

    def along(self, one, two):
        """Metres along the street between the feet of two places."""
        graph = self.graph.copy()
        for name, place in (("one", one), ("two", two)):
            _, (a, b), foot = self.foot(place)
            for end in (a, b):
                graph.add_edge(name, end, metres=GEOD.inv(*foot, *end)[2])
        if self.foot(one)[1] == self.foot(two)[1]:
            graph.add_edge("one", "two", metres=GEOD.inv(*self.foot(one)[2], *self.foot(two)[2])[2])
        return self.nx.shortest_path_length(graph, "one", "two", weight="metres")


@pytest.fixture(scope="module")
def haidian(test_data, tmp_path_factory):
    store = tmp_path_factory.mktemp("haidian") / "h.db"
    for tile in TILES:
        imports.run(
            store, test_data / "beijing_haidian_osm" / tile, imports.Options("osm", update=True), now=NOW
        )
    return store


def gaps(store, name, **given):
    with Store.open(store, create=False) as held:
        asked = toilets.asked_of(held, date(2026, 11, 28), given)
        found = toilets.coverage(held, asked, 0).gaps
    return found[found["name"] == name]


def ends(gap):
    return gap.coords[0], gap.coords[-1]


@pytest.mark.parametrize(
    ("name", "tile"), [("成府路", TILES[0]), ("清华东路", TILES[1]), ("学院路", TILES[1])]
)
def test_every_gap_of_a_street_is_as_long_as_the_raw_file_says_and_ends_at_a_toilet_or_at_its_end(
    haidian, test_data, name, tile
):
    raw = Raw(test_data / "beijing_haidian_osm" / tile, name)
    found = gaps(haidian, name)
    assert len(found) > 1
    for line, metres in zip(found.geometry, found["length_m"], strict=True):
        assert metres > 500
        one, two = ends(line)
        assert raw.along(one, two) == pytest.approx(metres, abs=1.0), (name, metres)
        at = np.array(line.coords)
        for toilet in raw.toilets.values():
            # a toilet beside the gap stands at one of its ends
            away = GEOD.inv(*at.T, *np.tile(toilet, (len(at), 1)).T)[2]
            nearest = tuple(at[np.argmin(away)])
            if away.min() <= 49:
                assert min(GEOD.inv(*nearest, *end)[2] for end in (one, two)) < 60
        for end in (one, two):
            beside = min((GEOD.inv(*end, *toilet)[2] for toilet in raw.toilets.values()), default=np.inf)
            node = min(raw.graph, key=lambda place: GEOD.inv(*end, *place)[2])
            assert beside <= 50 or GEOD.inv(*end, *node)[2] < 0.5
