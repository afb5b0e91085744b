"""Back alleys: which ways are pieces of one alley, and what it is called.

One physical alley in several records would get several tickets in a draw. Pieces of the same name
that touch at an end of one of them are one unit; nameless pieces of the same kind are one unit
where exactly two street ends meet (a junction ends an alley).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise
from typing import Any

import geopandas as gpd
import shapely
from shapely.geometry.base import BaseGeometry

from .osm_labels import NamedRoads, labels
from .osm_ledger import Candidate, Ledger, as_array, groups
from .schema import conform

_MINOR = ("service", "path")
"""A drive or a footpath that meets an alley does not end it."""


def back_alleys(
    pieces: list[Candidate], roads: list[Candidate], ledger: Ledger, named: NamedRoads
) -> tuple[gpd.GeoDataFrame, list[dict[str, Any]]]:
    """Drawable units, and the facts of those longer than `alleys.long_m` of the rule table.

    Parameters
    ----------
    pieces : list of Candidate
        Accepted ways of the layer, by id. Pieces of a unit whose length does not fit are refused.
    roads : list of Candidate
        Accepted roads: where they meet nameless pieces is a junction.

    Returns
    -------
    GeoDataFrame
        Layer ``back_alleys``; the id is that of the way with the smallest number.
    list of dict
        id, name, metres.
    """
    units = []
    for members in groups(len(pieces), _joints(pieces, roads)):
        unit = [pieces[i] for i in members]
        metres = sum(piece.metric.length for piece in unit)
        shortest = min(piece.rule.min_m for piece in unit)
        longest = max(piece.rule.max_m for piece in unit)
        if shortest <= metres <= longest:
            units.append(unit)
            continue
        code, limit = ("osm_too_short", shortest) if metres < shortest else ("osm_too_long", longest)
        for piece in unit:
            ledger.refuse(piece.thing, piece.rule, code, metres=round(metres), limit=round(limit))
    names = [next((piece.name for piece in unit if piece.name), None) for unit in units]
    nameless = [i for i, name in enumerate(names) if name is None]
    planes = [shapely.union_all([piece.metric for piece in units[i]]) for i in nameless]
    for i, label in zip(nameless, labels(planes, "alley", named, ledger.rules), strict=True):
        names[i] = label
    table = gpd.GeoDataFrame(
        {
            "id": [unit[0].thing.id for unit in units],
            "name": names,
            "subtype": [max(unit, key=lambda piece: piece.metric.length).subtype for unit in units],
            "pieces": [len(unit) for unit in units],
        },
        geometry=as_array([_line(unit) for unit in units]),
        crs="EPSG:4326",
    )
    long = [
        {"id": unit[0].thing.id, "name": name, "metres": round(metres)}
        for unit, name in zip(units, names, strict=True)
        if (metres := sum(piece.metric.length for piece in unit)) > ledger.rules.alleys["long_m"]
    ]
    return conform(table, "back_alleys"), long


def _line(unit: list[Candidate]) -> BaseGeometry:
    if len(unit) == 1:
        return unit[0].shape
    return shapely.line_merge(shapely.union_all([piece.shape for piece in unit]))


def _joints(pieces: list[Candidate], roads: list[Candidate]) -> list[tuple[int, int]]:
    """Pairs of pieces that are one alley."""
    at: dict[tuple[str, int], list[int]] = defaultdict(list)
    ends: set[tuple[str, int]] = set()
    for i, piece in enumerate(pieces):
        if piece.name:
            refs = piece.thing.refs
            for ref in set(refs):
                at[piece.name, ref].append(i)
            ends.update((piece.name, ref) for ref in (refs[0], refs[-1]))
    pairs = [pair for place in ends for pair in pairwise(at[place])]

    arms: Counter[int] = Counter()
    own = {piece.thing.number for piece in pieces}
    for road in roads:
        if road.rule.class_ in _MINOR and road.thing.number not in own:
            continue
        refs = road.thing.refs
        arms.update(refs[:-1])
        arms.update(refs[1:])
    meeting: dict[tuple[str, int], list[int]] = defaultdict(list)
    for i, piece in enumerate(pieces):
        if not piece.name:
            refs = piece.thing.refs
            for ref in {refs[0], refs[-1]}:
                if arms[ref] == 2:
                    meeting[piece.subtype, ref].append(i)
    return pairs + [(both[0], both[1]) for both in meeting.values() if len(both) == 2]
