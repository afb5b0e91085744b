"""A name for what has none: an anonymous alley or compound is called after the nearest named road."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

import shapely
from shapely.geometry.base import BaseGeometry

from .osm_rules import Rules

_HAN = re.compile(r"[㐀-鿿]")


@dataclass(frozen=True)
class NamedRoads:
    """Names and metric lines of the roads that have a name; `chinese` decides the language of labels."""

    names: list[str]
    lines: list[BaseGeometry]
    chinese: bool


def named_roads(names: list[str], lines: list[BaseGeometry], *, in_china: bool) -> NamedRoads:
    """Labels are Chinese where most road names are, or, where no road has a name, in China."""
    han = sum(_HAN.search(name) is not None for name in names)
    return NamedRoads(names, lines, 2 * han > len(names) if names else in_china)


def labels(shapes: list[BaseGeometry], what: str, roads: NamedRoads, rules: Rules) -> list[str]:
    """One label for each metric geometry, in their order; labels that would repeat are numbered.

    Parameters
    ----------
    what : {"alley", "compound"}
    """
    near: list[str | None] = [None] * len(shapes)
    if roads.names and shapes:
        tree = shapely.STRtree(roads.lines)
        found = tree.query_nearest(shapes, max_distance=rules.alleys["label_within_m"], all_matches=True)
        for shape, road in found.T:
            known = near[shape]
            # several roads may be equally near (a crossing): the first name by code point
            near[shape] = min(filter(None, (known, roads.names[road])))
    prefix = f"{'zh' if roads.chinese else 'en'}_{what}"
    total, count = Counter(near), Counter[str | None]()
    made = []
    for road in near:
        count[road] += 1
        template = prefix + ("_alone" if road is None else "") + ("_numbered" if total[road] > 1 else "")
        made.append(rules.labels[template].format(road=road, number=count[road]))
    return made
