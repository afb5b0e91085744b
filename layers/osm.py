"""From an OpenStreetMap file to roads, anchors, back alleys, compounds and toilets.

Which object becomes what stands in `data/osm_rules.toml`. Every object a rule speaks of is counted,
and either accepted or refused with a reason; accepted records that are one thing on the ground are
merged into one unit afterwards. Lengths and areas are taken in the metric CRS of the place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely

from geo.crs import inside_china, metric_crs
from geo.design import ANCHOR_CLASSES

from . import osm_access
from .faults import Fault, Note
from .osm_alleys import back_alleys
from .osm_compounds import compounds
from .osm_gates import GateFinder, is_gate
from .osm_labels import named_roads
from .osm_ledger import Candidate, Ledger, as_array, collect
from .osm_places import anchors, toilets
from .osm_rules import Rules, Tags, load_rules
from .osm_source import Source, Thing, read_source
from .schema import conform

ATTRIBUTION = "© OpenStreetMap contributors"
LICENCE = "ODbL 1.0"
OSM_LAYERS = ("roads", "anchors", "back_alleys", "compounds", "toilets")


@dataclass(frozen=True)
class OsmCount:
    """Objects of a file in one layer: read = accepted + refused; `merged` units remain of the accepted."""

    read: int
    accepted: int
    refused: int
    merged: int


@dataclass(frozen=True)
class OsmReading:
    """What an OpenStreetMap file holds.

    Parameters
    ----------
    layers : dict of GeoDataFrame
        Tables that fit `layers/schema.py`, only those with rows.
    counts : dict of OsmCount
        For every layer of `OSM_LAYERS`.
    faults : dict of layer to list of Fault
        One for each refused candidate; an object refused in two layers stands twice.
    objects : dict of int
        Nodes, ways and relations in the file.
    notes : list of Note
        What is missing or unusual.
    """

    layers: dict[str, gpd.GeoDataFrame]
    counts: dict[str, OsmCount]
    faults: dict[str, list[Fault]]
    objects: dict[str, int]
    notes: list[Note]
    attribution: str = ATTRIBUTION
    licence: str = LICENCE

    @property
    def every_fault(self) -> list[Fault]:
        """The faults of all layers."""
        return [fault for faults in self.faults.values() for fault in faults]


def read_osm(path: Path, progress: Callable[[int, int | None], None] | None = None) -> OsmReading:
    """Read a `.osm` or `.osm.pbf` file.

    Parameters
    ----------
    path : Path
        OpenStreetMap XML or PBF; positions are WGS-84 and are not shifted.
    progress : callable, optional
        Called with the objects read so far and their total, None while it is unknown.

    Raises
    ------
    LayerError
        If the file cannot be opened, is damaged, cut off, empty or not OpenStreetMap. Nothing of
        such a file is returned.
    """
    rules = load_rules()
    source = read_source(path, _wanted(rules), progress)
    # a file in which nothing has a place still counts what it refuses; no distance is taken there
    return _layers(source, rules, _middle(source) or (0.0, 0.0))


def _layers(source: Source, rules: Rules, where: tuple[float, float]) -> OsmReading:
    crs = metric_crs(*where)
    books: dict[str, Ledger] = {}
    found: dict[str, list[Candidate]] = {}
    for layer in OSM_LAYERS:
        books[layer], found[layer] = collect(source.things, layer, rules, crs)
    with_name = [(road.name, road.metric) for road in found["roads"] if road.name]
    named = named_roads(
        [name for name, _ in with_name],
        [line for _, line in with_name],
        in_china=bool(inside_china(*where)),
    )
    finder = GateFinder(source.things, found["roads"], rules, crs)
    alleys, long = back_alleys(found["back_alleys"], found["roads"], books["back_alleys"], named)
    tables = {
        "roads": _roads(found["roads"], rules),
        "anchors": anchors(found["anchors"], books["anchors"], finder),
        "back_alleys": alleys,
        "compounds": compounds(found["compounds"], books["compounds"], finder, named),
        "toilets": toilets(found["toilets"]),
    }
    counts = {
        layer: OsmCount(book.read, book.read - book.refused, book.refused, len(tables[layer]))
        for layer, book in books.items()
    }
    notes = _missing(tables, counts)
    notes += [Note("osm_long_alley", facts) for facts in long]
    far = _far(tables["anchors"], found["anchors"], found["roads"], rules)
    if far:
        notes.append(Note("osm_far_anchors", {"count": far, "metres": round(rules.anchors["far_m"])}))
    faults = {layer: book.faults for layer, book in books.items()}
    layers = {layer: table for layer, table in tables.items() if len(table)}
    return OsmReading(layers, counts, faults, source.objects, notes)


def _wanted(rules: Rules) -> Callable[[str, Tags], bool]:
    def wanted(kind: str, tags: Tags) -> bool:
        if is_gate(kind, tags, rules):
            return True
        if rules.keys.isdisjoint(tags):
            return False
        return any(rules.match(layer, kind, tags) for layer in OSM_LAYERS)

    return wanted


def _middle(source: Source) -> tuple[float, float] | None:
    """Median place of the objects, which a few far ones cannot move; None without any place."""
    spots = [thing.lonlat[0] for thing in source.things if thing.lonlat]
    areas = [thing.area for thing in source.things if thing.kind == "r" and thing.area is not None]
    spots += [(spot.x, spot.y) for spot in shapely.point_on_surface(as_array(areas))]
    if not spots:
        return None
    lon, lat = np.median(np.asarray(spots), axis=0).tolist()
    return lon, lat


def _roads(found: list[Candidate], rules: Rules) -> gpd.GeoDataFrame:
    table = gpd.GeoDataFrame(
        {
            "id": [road.thing.id for road in found],
            "name": [road.name for road in found],
            "class": [road.rule.class_ for road in found],
            "subtype": [road.thing.tags["highway"] for road in found],
            "oneway": [_oneway(road.thing) for road in found],
        },
        geometry=as_array([road.shape for road in found]),
        crs="EPSG:4326",
    )
    table["modes"] = osm_access.modes(table, [road.thing.tags for road in found], rules.access)
    return conform(table, "roads")


def _oneway(thing: Thing) -> str | None:
    """yes, no or reverse; None for a direction that changes (reversible, alternating) or is unreadable.

    Without a tag a way is two-way, except motorways and roundabouts (the rule of the OpenStreetMap wiki).
    """
    implied = thing.tags["highway"] == "motorway" or thing.tags.get("junction") in ("roundabout", "circular")
    value = thing.tags.get("oneway", "yes" if implied else "no")
    known = {"yes": "yes", "true": "yes", "1": "yes", "no": "no", "false": "no", "0": "no",
             "-1": "reverse", "reverse": "reverse"}  # fmt: skip
    return known.get(value)


def _missing(tables: dict[str, gpd.GeoDataFrame], counts: dict[str, OsmCount]) -> list[Note]:
    """Which layers and which anchor classes the file does not have."""
    notes = [Note(f"osm_no_{layer}") for layer in OSM_LAYERS if counts[layer].merged == 0]
    present = set(tables["anchors"]["class"]) if counts["anchors"].merged else set()
    return notes + [Note(f"osm_no_{name}") for name in ANCHOR_CLASSES if name not in present]


def _far(table: gpd.GeoDataFrame, places: list[Candidate], roads: list[Candidate], rules: Rules) -> int:
    """Anchors farther than `anchors.far_m` from every road of the file."""
    if not roads:
        return 0
    of_anchor = {place.thing.id: place.metric for place in places}
    planes = [of_anchor[key] for key in table["id"]]
    tree = shapely.STRtree([road.metric for road in roads])
    near = tree.query(as_array(planes), predicate="dwithin", distance=rules.anchors["far_m"])[0]
    return len(planes) - len(np.unique(near))
