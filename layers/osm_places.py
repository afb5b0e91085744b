"""Anchors and toilets: which records are one place, and what is part of another.

A station has a node for every line and often a building; a school has an area and a node. Records
of one class and one name near each other are one anchor.
"""

from __future__ import annotations

import re

import geopandas as gpd
import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from geo.design import ANCHOR_CLASSES

from .osm_gates import GateFinder, Gates
from .osm_ledger import Candidate, Ledger, as_array, groups, near_pairs
from .schema import conform

_METRO = ("station", "subway", "halt")
"""Subtypes of transit anchors that metro entrances lead to."""


def anchors(places: list[Candidate], ledger: Ledger, finder: GateFinder) -> gpd.GeoDataFrame:
    """Layer ``anchors``: records of one place merged, areas kept, gates attached.

    Parameters
    ----------
    places : list of Candidate
        Accepted records by id; those inside another of a kind named by `refuse_inside` are refused.

    Notes
    -----
    The id, the subtype and the name are those of the largest area, else of the first point; several
    areas of one place (a school on both sides of a lane) are one multipolygon.
    """
    standing = _without_parts(places, ledger)
    merged = [
        [of_class[i] for i in members]
        for class_ in ANCHOR_CLASSES
        for of_class in [[place for place in standing if place.rule.class_ == class_]]
        for members in groups(len(of_class), _same_place(of_class, class_, ledger))
    ]
    leads = [_lead(unit) for unit in merged]
    shapes, planes = [], []
    for unit, lead in zip(merged, leads, strict=True):
        shapes.append(_together([place.shape for place in unit], lead.shape))
        planes.append(_together([place.metric for place in unit], lead.metric))
    table = gpd.GeoDataFrame(
        {
            "id": [lead.thing.id for lead in leads],
            "name": [
                lead.name or next((place.name for place in unit if place.name), None)
                for unit, lead in zip(merged, leads, strict=True)
            ],
            "class": [lead.rule.class_ for lead in leads],
            "subtype": [lead.subtype for lead in leads],
            "address": [address(lead.thing.tags) for lead in leads],
        },
        geometry=as_array(shapes),
        crs="EPSG:4326",
    )
    gates = np.full(len(table), None, dtype=object)
    gates[:] = _gates(leads, shapes, planes, finder)
    table["gates"] = gates
    return conform(table, "anchors")


def toilets(places: list[Candidate]) -> gpd.GeoDataFrame:
    """Layer ``toilets``: points and areas as they are."""
    table = gpd.GeoDataFrame(
        {
            "id": [place.thing.id for place in places],
            "name": [place.name for place in places],
            "address": [address(place.thing.tags) for place in places],
            "unit": [place.thing.tags.get("operator") for place in places],
            "kind": [place.rule.class_ for place in places],
            "hours": [place.thing.tags.get("opening_hours") for place in places],
        },
        geometry=as_array([place.shape for place in places]),
        crs="EPSG:4326",
    )
    return conform(table, "toilets")


def address(tags: dict[str, str]) -> str | None:
    """``addr:full``, else street and house number."""
    parts = [tags.get("addr:street"), tags.get("addr:housenumber")]
    return tags.get("addr:full") or " ".join(part for part in parts if part) or None


def is_area(shape: BaseGeometry) -> bool:
    """Whether a geometry covers ground."""
    return shape.geom_type in ("Polygon", "MultiPolygon")


def _without_parts(places: list[Candidate], ledger: Ledger) -> list[Candidate]:
    """Places that are no part of another, such as a teaching building on a campus."""
    areas = [place for place in places if is_area(place.metric)]
    inner = [place for place in places if place.rule.refuse_inside]
    if not areas or not inner:
        return places
    tree = shapely.STRtree([place.metric for place in areas])
    spots = [shapely.point_on_surface(place.metric) for place in inner]
    parts: dict[str, Candidate] = {}
    for i, a in sorted(tree.query(as_array(spots), predicate="within").T.tolist()):
        part, whole = inner[i], areas[a]
        # two areas under one rule could hold each other, and both would go
        fits = part.rule is not whole.rule and part.rule.class_ == whole.rule.class_
        if fits and whole.subtype in part.rule.refuse_inside:
            parts.setdefault(part.thing.id, whole)
    for place in inner:
        if place.thing.id in parts:
            whole = parts[place.thing.id]
            ledger.refuse(place.thing, place.rule, "osm_part_of", other=whole.name or whole.thing.id)
    return [place for place in places if place.thing.id not in parts]


def _same_place(places: list[Candidate], class_: str, ledger: Ledger) -> list[tuple[int, int]]:
    """Pairs of records of one class that are one place.

    Same name: within `anchors.merge_m` of the class. Of a nameless record and another of the same
    kind: if one stands in the other; a nameless record never ties two names together.
    """
    options = ledger.rules.anchors
    strip = options["name"].get(class_)
    keys = [_key(place.name, strip) for place in places]
    planes = [place.metric for place in places]
    near = near_pairs(planes, options["merge_m"][class_]).tolist()
    pairs = [(i, j) for i, j in near if keys[i] and keys[i] == keys[j]]
    taken: set[int] = set()
    for i, j in near_pairs(planes, 0.0).tolist():
        if bool(keys[i]) == bool(keys[j]) or places[i].subtype != places[j].subtype:
            if not keys[i] and not keys[j] and places[i].subtype == places[j].subtype:
                pairs.append((i, j))
            continue
        nameless = j if keys[i] else i
        if nameless not in taken:
            taken.add(nameless)
            pairs.append((i, j))
    return pairs


def _key(name: str | None, strip: str | None) -> str:
    """What is compared of a name."""
    key = "".join((name or "").split()).casefold()
    while strip and key and (shorter := re.sub(strip, "", key)) != key and shorter:
        key = shorter
    return key


def _lead(unit: list[Candidate]) -> Candidate:
    return max(unit, key=lambda place: (place.metric.area, -unit.index(place)))


def _together(shapes: list[BaseGeometry], lead: BaseGeometry) -> BaseGeometry:
    areas = [shape for shape in shapes if is_area(shape)]
    return shapely.union_all(areas) if len(areas) > 1 else lead


def _gates(
    leads: list[Candidate], shapes: list[BaseGeometry], planes: list[BaseGeometry], finder: GateFinder
) -> Gates:
    gates = finder.on_outlines(shapes, planes)
    metro = [i for i, lead in enumerate(leads) if lead.rule.class_ == "transit" and lead.subtype in _METRO]
    for i, entrances in zip(metro, finder.of_stations([planes[i] for i in metro]), strict=True):
        own = gates[i]
        before = [] if own is None else [(point.x, point.y) for point in own.geoms]
        if before or entrances:
            gates[i] = shapely.MultiPoint(before + entrances)
    return gates
