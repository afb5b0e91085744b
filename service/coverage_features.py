"""What the coverage page draws: streets and toilets as compact JSON values, free of language.

The encoding is that of `features`; roads come apart, once, whatever is asked.
"""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from geo.intervals import Intervals, left_over

from .features import ROAD_TOLERANCE_DEG, Geometries, extent, names_of, paths, road_lines
from .usecases.coverage_toilets import ToiletCoverage

FORMAT = "zhoubian-coverage-map/1"


def coverage_ground(roads: gpd.GeoDataFrame, attribution: str) -> dict[str, Any]:
    """The roads behind the coverage, and where the map opens."""
    return {"roads": road_lines(roads), "bounds": extent({"roads": roads}), "attribution": attribution}


def coverage_features(answer: ToiletCoverage) -> dict[str, Any]:
    """Gaps, covered and unasked streets, toilets and next places.

    Returns
    -------
    dict
        `gaps`: id, name, class, metres, paths. `covered`, `short`: paths. `toilets`: name, kind, counted,
        xy. `places`: rank, street, metres, xy. `by_class`: class, street_m, asked_m, bare_m, share. `facts`
        as in `ToiletCoverage.facts`.
    """
    gaps, found = answer.gaps, answer.found
    whole = np.arange(len(found.streets))
    free = left_over(whole, found.streets.length_m, _unseamed(answer))
    asked = found.asked[free.on]
    by_class = [
        {**row, "share": None if np.isnan(row["share"]) else row["share"]}
        for row in answer.by_class.round({"street_m": 1, "asked_m": 1, "bare_m": 1}).to_dict("records")
    ]
    toilets = answer.toilets
    return {
        "format": FORMAT,
        "facts": answer.facts(),
        "by_class": by_class,
        "gaps": [
            {"id": ident, "name": name, "class": kind, "metres": metres, "paths": paths(shape)}
            for ident, name, kind, metres, shape in zip(
                gaps["id"], gaps["name"], gaps["class"], gaps["length_m"], _thin(gaps.geometry.to_numpy()),
                strict=True,
            )
        ],
        "covered": _lines(answer, free.take(asked)),
        "short": _lines(answer, free.take(~asked)),
        "toilets": [
            {"name": name, "kind": kind, "counted": counted, "xy": xy}
            for name, kind, counted, xy in zip(
                names_of(toilets), toilets["kind"], toilets["counted"], _xy(toilets), strict=True
            )
        ],
        "places": [
            {"rank": int(rank), "street": street, "metres": float(gain), "xy": xy}
            for rank, street, gain, xy in zip(
                answer.places["rank"], answer.places["street"], answer.places["gain_m"], _xy(answer.places),
                strict=True,
            )
        ],
    }  # fmt: skip


def _unseamed(answer: ToiletCoverage) -> Intervals:
    """The gaps of lines, one that passes the seam of a ring as two."""
    gaps, size = answer.found.gaps, answer.found.streets.length_m
    over = gaps.high > size[gaps.on]
    on = np.concatenate([gaps.on, gaps.on[over]])
    low = np.concatenate([gaps.low, np.zeros(over.sum())])
    high = np.concatenate([np.minimum(gaps.high, size[gaps.on]), (gaps.high - size[gaps.on])[over]])
    order = np.lexsort((low, on))
    return Intervals(on[order], low[order], high[order])


def _xy(table: gpd.GeoDataFrame) -> list[list[float]]:
    told: list[list[float]] = np.round(shapely.get_coordinates(table.geometry.to_numpy()), 6).tolist()
    return told


def _thin(shapes: Geometries) -> Geometries:
    thin: Geometries = np.asarray(shapely.simplify(shapes, ROAD_TOLERANCE_DEG), dtype=object)
    return thin


def _lines(answer: ToiletCoverage, stretches: Intervals) -> list[list[int]]:
    graph, streets = answer.found.graph, answer.found.streets
    held = [
        streets.path(graph, line, low, high)
        for line, low, high in zip(
            stretches.on.tolist(), stretches.low.tolist(), stretches.high.tolist(), strict=True
        )
    ]
    held = [xy for xy in held if len(xy) > 1]
    if not held:
        return []
    owner = np.repeat(np.arange(len(held)), [len(xy) for xy in held])
    shapes: Geometries = np.asarray(
        shapely.linestrings(graph.lonlat(np.concatenate(held)), indices=owner), dtype=object
    )
    return [path for shape in _thin(shapes) for path in paths(shape)]
