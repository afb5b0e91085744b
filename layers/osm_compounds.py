"""Compounds: residential areas, and named blocks of flats where no area is drawn.

Blocks of one name (蓝旗营12号楼, 蓝旗营7号楼) that stand near each other are one compound, drawn as the
convex hull of the blocks: a compound is the ground between its blocks, not their footprints. A lone
block is its own footprint. Blocks inside a residential area belong to it.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from .osm_gates import GateFinder
from .osm_labels import NamedRoads, labels
from .osm_ledger import Candidate, Ledger, as_array, groups, near_pairs
from .osm_places import address
from .osm_rules import Rules
from .schema import conform


class _Unit(NamedTuple):
    lead: Candidate
    name: str | None
    shape: BaseGeometry
    plane: BaseGeometry


def stem(name: str | None, rules: Rules) -> str:
    """The name of a building without its number; empty where nothing is left that names a compound."""
    text = (name or "").strip()
    while text:
        shorter = re.sub(rules.compounds["number"], "", text).strip(" -—·")
        if shorter == text:
            break
        text = shorter
    return "" if re.fullmatch(rules.compounds["generic"], text) else text


def compounds(
    found: list[Candidate], ledger: Ledger, finder: GateFinder, named: NamedRoads
) -> gpd.GeoDataFrame:
    """Layer ``compounds``.

    Parameters
    ----------
    found : list of Candidate
        Accepted records by id. Refused here: neighbourhoods that hold compounds, blocks without a
        name of their own that stand alone.
    """
    rules = ledger.rules
    blocks = [place for place in found if place.rule.class_ == "building"]
    areas = _real_compounds([place for place in found if place.rule.class_ != "building"], ledger)
    holder = _holders(blocks, areas)
    units = _area_units(areas, blocks, holder, rules) + _block_units(
        [block for block, area in zip(blocks, holder, strict=True) if area is None], ledger
    )
    units.sort(key=lambda unit: unit.lead.thing.order)
    names = [unit.name for unit in units]
    nameless = [i for i, name in enumerate(names) if name is None]
    made = labels([units[i].plane for i in nameless], "compound", named, rules)
    for i, label in zip(nameless, made, strict=True):
        names[i] = label
    table = gpd.GeoDataFrame(
        {
            "id": [unit.lead.thing.id for unit in units],
            "name": names,
            "address": [address(unit.lead.thing.tags) for unit in units],
            "subtype": [unit.lead.subtype for unit in units],
        },
        geometry=as_array([unit.shape for unit in units]),
        crs="EPSG:4326",
    )
    shapes, planes = [unit.shape for unit in units], [unit.plane for unit in units]
    gates = np.full(len(units), None, dtype=object)
    pairs = zip(finder.on_outlines(shapes, planes), finder.at_crossings(shapes, planes), strict=True)
    gates[:] = [own if own is not None else crossing for own, crossing in pairs]
    table["gates"] = gates
    return conform(table, "compounds")


def _real_compounds(areas: list[Candidate], ledger: Ledger) -> list[Candidate]:
    """Areas without the neighbourhoods (place=*) that hold residential areas of other names."""
    housing = [area for area in areas if "landuse" in area.rule.tags]
    if not housing:
        return areas
    tree = shapely.STRtree([shapely.point_on_surface(area.metric) for area in housing])
    kept = []
    for area in areas:
        held = []
        if "place" in area.rule.tags:
            inside = (housing[i] for i in tree.query(area.metric, predicate="contains"))
            held = [other for other in inside if other.name != area.name]
        if held:
            ledger.refuse(area.thing, area.rule, "osm_holds_compounds", count=len(held))
        else:
            kept.append(area)
    return kept


def _holders(blocks: list[Candidate], areas: list[Candidate]) -> list[int | None]:
    """The smallest area that each block stands in."""
    holder: list[int | None] = [None] * len(blocks)
    if not areas:
        return holder
    tree = shapely.STRtree([area.metric for area in areas])
    spots = [shapely.point_on_surface(block.metric) for block in blocks]
    for b, a in tree.query(as_array(spots), predicate="within").T.tolist():
        known = holder[b]
        if known is None or areas[a].metric.area < areas[known].metric.area:
            holder[b] = a
    return holder


def _area_units(
    areas: list[Candidate], blocks: list[Candidate], holder: list[int | None], rules: Rules
) -> list[_Unit]:
    """Areas of one name that touch are one; a nameless area takes the commonest name of its blocks."""
    stems: list[Counter[str]] = [Counter() for _ in areas]
    for block, area in zip(blocks, holder, strict=True):
        if area is not None and (named := stem(block.name, rules)):
            stems[area][named] += 1
    touching = [
        (i, j) for i, j in near_pairs([area.metric for area in areas], 0.0).tolist()
        if areas[i].name is not None and areas[i].name == areas[j].name
    ]  # fmt: skip
    units = []
    for members in groups(len(areas), touching):
        unit = [areas[i] for i in members]
        lead = max(unit, key=lambda area: (area.metric.area, -unit.index(area)))
        name = lead.name
        if name is None and stems[members[0]]:
            name = min(stems[members[0]].items(), key=lambda item: (-item[1], item[0]))[0]
        if len(unit) == 1:
            units.append(_Unit(lead, name, lead.shape, lead.metric))
        else:
            shape = shapely.union_all([area.shape for area in unit])
            units.append(_Unit(lead, name, shape, shapely.union_all([area.metric for area in unit])))
    return units


def _block_units(blocks: list[Candidate], ledger: Ledger) -> list[_Unit]:
    """Blocks that stand in no area, grouped by the stem of their names."""
    by_stem: dict[str, list[Candidate]] = {}
    for block in blocks:
        named = stem(block.name, ledger.rules)
        if named:
            by_stem.setdefault(named, []).append(block)
        else:
            code = "osm_number_only" if block.name else "osm_unnamed_building"
            ledger.refuse(block.thing, block.rule, code)
    units = []
    for named, alike in by_stem.items():
        planes = [block.metric for block in alike]
        for members in groups(len(alike), near_pairs(planes, ledger.rules.compounds["group_m"]).tolist()):
            lead = alike[members[0]]
            if len(members) == 1:
                units.append(_Unit(lead, named, lead.shape, lead.metric))
                continue
            shape = shapely.convex_hull(shapely.union_all([alike[i].shape for i in members]))
            plane = shapely.convex_hull(shapely.union_all([alike[i].metric for i in members]))
            units.append(_Unit(lead, named, shape, plane))
    return units
