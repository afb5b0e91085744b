"""Reading an OpenStreetMap file (`.osm`, `.osm.pbf`) into the objects that some rule asks for.

The file is handed to libosmium as bytes: it then opens no path of its own (on Windows it could not
open a Chinese one) and starts no download. XML entities are not expanded by libosmium.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
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


def _objects(content: bytes, kind: str) -> Iterator[Any]:
    yield from osmium.FileProcessor(osmium.io.FileBuffer(content, kind)).with_areas()


def _collect(
    content: bytes, kind: str, wanted: Callable[[str, Tags], bool], progress: Progress | None
) -> Source:
    things: list[Thing] = []
    areas: dict[int, BaseGeometry] = {}
    counts = {"n": 0, "w": 0, "r": 0}
    # libosmium keeps no positions under negative ids (files saved from an editor before upload)
    unsaved: dict[int, tuple[float, float]] = {}
    seen: set[tuple[str, int]] = set()
    wkb = osmium.geom.WKBFactory()
    done = 0
    for item in _objects(content, kind):
        letter = item.type_str()
        if letter == "a" and not item.from_way() and wanted("r", dict(item.tags)):
            areas[item.orig_id()] = shapely.from_wkb(wkb.create_multipolygon(item))
        if letter not in counts or item.deleted:
            continue
        counts[letter] += 1
        done += 1
        if progress is not None and done % _PROGRESS_EVERY == 0:
            progress(done, None)
        if letter == "n" and item.id < 0 and item.location.valid():
            unsaved[item.id] = (item.location.lon, item.location.lat)
        tags = dict(item.tags)
        if not tags or not wanted(letter, tags):
            continue
        thing = Thing(letter, item.id, tags, repeats=(letter, item.id) in seen)
        seen.add((letter, item.id))
        if letter == "w":
            _place_way(thing, item.nodes, unsaved)
        elif letter == "n" and item.location.valid():
            thing.lonlat = [(item.location.lon, item.location.lat)]
        things.append(thing)
    _place_areas(things, areas)
    if progress is not None:
        progress(done, done)
    return Source(things, {"nodes": counts["n"], "ways": counts["w"], "relations": counts["r"]})


def _place_way(thing: Thing, nodes: Any, unsaved: dict[int, tuple[float, float]]) -> None:
    refs = []
    for node in nodes:
        refs.append(node.ref)
        if node.location.valid():
            thing.lonlat.append((node.lon, node.lat))
        elif node.ref in unsaved:
            thing.lonlat.append(unsaved[node.ref])
        else:
            thing.missing += 1
    thing.refs = tuple(refs)


def _place_areas(things: list[Thing], of_relation: dict[int, BaseGeometry]) -> None:
    for thing in things:
        if thing.kind == "r":
            thing.area = of_relation.get(thing.number)
        elif thing.closed and not thing.missing:
            thing.area = _polygon(thing.lonlat)


def _polygon(ring: list[tuple[float, float]]) -> BaseGeometry | None:
    """The polygon of a ring; a ring that crosses itself is mended, one without extent is None."""
    shape = shapely.make_valid(shapely.polygons(np.asarray(ring)))
    parts = [part for part in shapely.get_parts(shape) if part.geom_type in ("Polygon", "MultiPolygon")]
    if not parts:
        return None
    return shapely.union_all(parts)
