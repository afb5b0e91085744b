"""What is done with the candidates of a layer: who is refused and why, who belongs together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from shapely.geometry.base import BaseGeometry

from geo.crs import project

from .faults import Fault, shorten
from .osm_rules import Rule, Rules
from .osm_source import Thing


@dataclass(frozen=True)
class Candidate:
    """An object that a rule of a layer speaks of, with its geometry in EPSG:4326 and in metres."""

    thing: Thing
    rule: Rule
    name: str | None
    shape: BaseGeometry
    metric: BaseGeometry

    @property
    def subtype(self) -> str:
        """The deciding tag value."""
        return self.rule.deciding(self.thing.tags)[1]


@dataclass
class Ledger:
    """Candidates read and refused in one layer; accepted = read - refused, always."""

    rules: Rules
    read: int = 0
    faults: list[Fault] = field(default_factory=list)

    @property
    def refused(self) -> int:
        """Candidates refused so far; a candidate is refused once."""
        return len(self.faults)

    def refuse(self, thing: Thing, rule: Rule, code: str, **facts: Any) -> None:
        """Write down why a candidate is refused."""
        key, value = rule.deciding(thing.tags)
        shown = {"value": shorten(value), **facts}
        message = self.rules.reasons[code].format(**shown)
        self.faults.append(Fault(thing.row, key, shorten(value), code, message, shown))


def geometry_of(thing: Thing, shape: str) -> BaseGeometry | str:
    """The geometry of an object for a layer of lines, places or areas, else the code of the reason.

    A place is an area where there is one, else a point.
    """
    found: BaseGeometry | None = thing.area
    reason = "osm_relation_incomplete" if thing.kind == "r" else "osm_no_extent"
    if thing.missing:
        found, reason = None, "osm_missing_nodes"
    elif shape == "line":
        found = shapely.LineString(thing.lonlat) if len(set(thing.lonlat)) > 1 else None
    elif thing.kind == "n" and shape == "place":
        found, reason = (shapely.Point(thing.lonlat[0]) if thing.lonlat else None), "osm_no_position"
    elif thing.kind == "n" or (thing.kind == "w" and not thing.closed):
        found, reason = None, "osm_not_area"
    return reason if found is None else found


def collect(things: Iterable[Thing], layer: str, rules: Rules, crs: CRS) -> tuple[Ledger, list[Candidate]]:
    """The candidates of a layer that survive tags, geometry and area, by id; the others are in the ledger."""
    ledger = Ledger(rules)
    found: list[tuple[Thing, Rule, BaseGeometry]] = []
    for thing in sorted(things, key=lambda thing: thing.order):
        rule = rules.match(layer, thing.kind, thing.tags)
        if rule is None:
            continue
        ledger.read += 1
        if thing.repeats:
            ledger.refuse(thing, rule, "osm_repeated")
            continue
        if rule.refuse:
            ledger.refuse(thing, rule, rule.refuse, access=thing.tags.get("access", ""))
            continue
        shape = geometry_of(thing, rules.shapes[layer])
        if isinstance(shape, str):
            ledger.refuse(thing, rule, shape, missing=thing.missing, total=len(thing.refs))
        else:
            found.append((thing, rule, shape))
    metric = to_plane([shape for _, _, shape in found], crs)
    kept = []
    for (thing, rule, shape), plane in zip(found, metric, strict=True):
        if not _fitting_area(thing, rule, plane, ledger):
            continue
        kept.append(Candidate(thing, rule, rules.name_of(thing.tags), shape, plane))
    return ledger, kept


def _fitting_area(thing: Thing, rule: Rule, plane: BaseGeometry, ledger: Ledger) -> bool:
    if plane.area < rule.min_m2:
        ledger.refuse(
            thing, rule, "osm_too_small", hectares=round(plane.area / 1e4, 2), limit=f"{rule.min_m2 / 1e4:g}"
        )
        return False
    if plane.area > rule.max_m2:
        ledger.refuse(
            thing, rule, "osm_too_large", hectares=round(plane.area / 1e4, 2), limit=f"{rule.max_m2 / 1e4:g}"
        )
        return False
    return True


def as_array(shapes: Sequence[BaseGeometry]) -> NDArray[np.object_]:
    """(n,) geometries; without rows still an array of objects, which a list would not become."""
    return np.array(shapes, dtype=object)


def to_plane(shapes: Sequence[BaseGeometry], crs: CRS) -> NDArray[np.object_]:
    """EPSG:4326 geometries in metres."""
    # building a transformer takes 30 ms, most layers of a small file are empty
    return project(as_array(shapes), crs) if len(shapes) else as_array(shapes)


def groups(n: int, pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Items 0..n-1 grouped so that the items of every pair are together; groups and items in order."""
    root = list(range(n))

    def find(item: int) -> int:
        while root[item] != item:
            root[item] = root[root[item]]
            item = root[item]
        return item

    for a, b in pairs:
        low, high = sorted((find(a), find(b)))
        root[high] = low
    members: dict[int, list[int]] = {}
    for item in range(n):
        members.setdefault(find(item), []).append(item)
    return list(members.values())


def near_pairs(shapes: list[BaseGeometry], within_m: float) -> NDArray[np.int_]:
    """(k, 2) index pairs i < j of metric geometries at most `within_m` metres apart."""
    if not shapes:
        return np.empty((0, 2), dtype=np.int_)
    tree = shapely.STRtree(shapes)
    pairs = tree.query(shapes, predicate="dwithin", distance=within_m).T
    ordered: NDArray[np.int_] = pairs[pairs[:, 0] < pairs[:, 1]]
    return ordered
