"""Reading an OpenStreetMap file (`.osm`, `.osm.pbf`) into the objects that some rule asks for.

The file is handed to libosmium as bytes: it then opens no path of its own (on Windows it could not
open a Chinese one) and starts no download. XML entities are not expanded by libosmium.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import osmium
import shapely
from shapely.geometry.base import BaseGeometry

from geo.errors import LayerError

from .osm_rules import Tags

Progress = Callable[[int, int | None], None]

FORMATS = {".osm.pbf": "pbf", ".pbf": "pbf", ".osm": "osm"}
_KINDS = {"n": "node", "w": "way", "r": "relation"}
_PROGRESS_EVERY = 20_000


@dataclass
class Thing:
    """One object of the file, in EPSG:4326.

    `lonlat` holds the nodes of a way in order, or the one position of a node; it is empty for a
    relation. `area` is the polygon of a closed way or of a complete multipolygon relation.
    `missing` counts nodes without a position, `repeats` says the object stood in the file before.
    """

    kind: str
    number: int
    tags: Tags
    refs: tuple[int, ...] = ()
    lonlat: list[tuple[float, float]] = field(default_factory=list)
    area: BaseGeometry | None = None
    missing: int = 0
    repeats: bool = False

    @property
    def id(self) -> str:
        """``n123``, ``w123`` or ``r123``."""
        return f"{self.kind}{self.number}"

    @property
    def row(self) -> str:
        """``way 123``, as a fault names it."""
        return f"{_KINDS[self.kind]} {self.number}"

    @property
    def order(self) -> tuple[str, int]:
        """Sorts by kind, then by number."""
        return self.kind, self.number

    @property
    def closed(self) -> bool:
        """Whether a way returns to its first node."""
        return len(self.refs) > 3 and self.refs[0] == self.refs[-1]


@dataclass(frozen=True)
class Source:
    """The wanted objects of a file in file order, and how many objects of each kind it holds."""

    things: list[Thing]
    objects: dict[str, int]


def file_format(path: Path) -> str:
    """``osm`` (XML) or ``pbf`` by the ending of the name.

    Raises
    ------
    LayerError
        If the name has none of the endings of `FORMATS`.
    """
    name = path.name.lower()
    for ending, kind in FORMATS.items():
        if name.endswith(ending):
            return kind
    raise LayerError(
        f"{path.name} is not named as an OpenStreetMap file; its name must end in .osm or .osm.pbf"
        " (unpack .gz and .bz2 first)",
        code="osm_ending",
        file=path.name,
    )


def read_source(path: Path, wanted: Callable[[str, Tags], bool], progress: Progress | None) -> Source:
    """Every object that `wanted(kind, tags)` asks for, with its positions.

    Raises
    ------
    LayerError
        If the file cannot be opened, is damaged, cut off or not OpenStreetMap, or holds no object.
    """
    kind = file_format(path)
    try:
        content = path.read_bytes()
    except OSError as fault:
        raise LayerError(
            f"{path.name} cannot be opened: {fault.strerror}; check the path and the rights",
            code="osm_open",
            file=path.name,
            reason=str(fault.strerror),
        ) from fault
    try:
        source = _collect(content, kind, wanted, progress)
    except (RuntimeError, ValueError, osmium.InvalidLocationError) as fault:
        raise LayerError(
            f"{path.name} is damaged, cut off or not an OpenStreetMap file ({fault});"
            " nothing was read from it: fetch it again or export it as .osm or .osm.pbf",
            code="osm_unreadable",
            file=path.name,
            reason=str(fault),
        ) from fault
    if not any(source.objects.values()):
        raise LayerError(
            f"{path.name} is an OpenStreetMap file without a single object; export it again",
            code="osm_no_objects",
            file=path.name,
        )
    return source


class _Disordered(Exception):
    """A node after a way: the positions of that way are not known yet."""


@dataclass
class _Collector:
    """Takes the objects of a file one by one; usable as a handler of libosmium."""

    wanted: Callable[[str, Tags], bool]
    members: set[int]
    progress: Progress | None
    things: list[Thing] = field(default_factory=list)
    rings: dict[int, list[tuple[float, float]]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=lambda: {"n": 0, "w": 0, "r": 0})
    done: int = 0
    # libosmium keeps no positions under negative ids (files saved from an editor before upload)
    unsaved: dict[int, tuple[float, float]] = field(default_factory=dict)
    seen: set[tuple[str, int]] = field(default_factory=set)

    def _take(self, item: Any) -> Thing | None:
        """Count an object; the thing it is, if it is wanted."""
        kind = item.type_str()
        if item.deleted:
            return None
        self.counts[kind] += 1
        self.done += 1
        if self.progress is not None and self.done % _PROGRESS_EVERY == 0:
            self.progress(self.done, None)
        if not len(item.tags):  # asked first: it costs a tenth of making the dict
            return None
        tags = dict(item.tags)
        if not self.wanted(kind, tags):
            return None
        key = (kind, item.id)
        thing = Thing(kind, item.id, tags, repeats=key in self.seen)
        self.seen.add(key)
        self.things.append(thing)
        return thing

    def node(self, node: Any) -> None:
        if self.counts["w"]:
            raise _Disordered
        thing = self._take(node)
        if thing is None and node.id >= 0:
            return  # most nodes are only corners of ways
        location = node.location
        if location.valid():
            place = (location.lon, location.lat)
            if node.id < 0:
                self.unsaved[node.id] = place
            if thing is not None:
                thing.lonlat = [place]

    def way(self, way: Any) -> None:
        thing = self._take(way)
        ring = way.id in self.members
        if thing is None and not ring:
            return
        refs = [node.ref for node in way.nodes]
        lonlat = []
        for node in way.nodes:
            if node.location.valid():
                lonlat.append((node.lon, node.lat))
            elif node.ref in self.unsaved:
                lonlat.append(self.unsaved[node.ref])
        if ring and len(lonlat) == len(refs):
            self.rings[way.id] = lonlat
        if thing is not None:
            thing.refs, thing.lonlat, thing.missing = tuple(refs), lonlat, len(refs) - len(lonlat)

    def relation(self, relation: Any) -> None:
        self._take(relation)


def _collect(
    content: bytes, kind: str, wanted: Callable[[str, Tags], bool], progress: Progress | None
) -> Source:
    outlines = {
        relation.id: [member.ref for member in relation.members if member.type == "w"]
        for relation in osmium.FileProcessor(osmium.io.FileBuffer(content, kind), osmium.osm.RELATION)
        if relation.tags.get("type") in ("multipolygon", "boundary") and wanted("r", dict(relation.tags))
    }
    members = {way for ways in outlines.values() for way in ways}
    found = _Collector(wanted, members, progress)
    steps = {"n": found.node, "w": found.way, "r": found.relation}
    try:
        for item in osmium.FileProcessor(osmium.io.FileBuffer(content, kind)).with_locations():
            if item.type_str() in steps:
                steps[item.type_str()](item)
    except _Disordered:
        # an answer of a query service may hold its ways first; sorting needs the whole file in memory
        found = _Collector(wanted, members, progress)
        reader = osmium.MergeInputReader()
        reader.add_buffer(content, kind)
        reader.apply(found, idx="flex_mem", simplify=True)
    for thing in found.things:
        if thing.kind == "r":
            thing.area = _assembled([found.rings.get(way) for way in outlines.get(thing.number, [])])
        elif thing.closed and not thing.missing:
            thing.area = _polygonal(shapely.Polygon(thing.lonlat))
    if progress is not None:
        total = sum(found.counts.values())
        progress(total, total)
    nodes, ways, relations = (found.counts[letter] for letter in "nwr")
    return Source(found.things, {"nodes": nodes, "ways": ways, "relations": relations})


def _assembled(outlines: list[list[tuple[float, float]] | None]) -> BaseGeometry | None:
    """The area of a multipolygon by its outlines, None if one is missing or does not close."""
    complete = [outline for outline in outlines if outline is not None and len(set(outline)) > 1]
    if not complete or len(complete) < len(outlines):
        return None
    # an edge that two outlines share is no edge of the area (libosmium cancels it in the same way)
    edges: Counter[tuple[tuple[float, float], ...]] = Counter()
    for outline in complete:
        edges.update(tuple(sorted(edge)) for edge in pairwise(outline) if edge[0] != edge[1])
    lines = shapely.MultiLineString([edge for edge, times in edges.items() if times % 2])
    _, cuts, dangles, broken = shapely.polygonize_full([lines])
    if not (cuts.is_empty and dangles.is_empty and broken.is_empty):
        return None
    return _polygonal(shapely.build_area(lines))


def _polygonal(shape: BaseGeometry) -> BaseGeometry | None:
    """The ground a shape covers; one that crosses itself is mended, one without extent is None."""
    parts = shapely.get_parts(shapely.make_valid(shape))
    ground = [part for part in parts if part.geom_type in ("Polygon", "MultiPolygon")]
    return shapely.union_all(ground) if ground else None
