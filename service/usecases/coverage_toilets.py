"""A public toilet every 500 m: which streets have it, where the gaps are, where the next would help most.

The reading, its distances and what counts as a street come from the rule book and may be changed for one
answer; they stand beside every figure, with what was left out and why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo.coverage import Coverage, Rule, check, cover
from geo.coverage_gain import NextPlace, next_places
from geo.crs import WGS84
from geo.design import STATUSES_EXCLUDED
from geo.errors import DesignError, LayerError
from geo.streets import make_streets
from layers.road_graphs import road_network
from layers.schema import ROAD_CLASSES
from layers.store import Store

from ..recent import Recent
from . import layers as layer_cases
from . import rule_books

LAYERS = ("roads", "toilets")
MOST_PLACES = 100
NEXT_PLACES = 10

_FOUND: Recent[ToiletCoverage] = Recent(4)


@dataclass(frozen=True, kw_only=True)
class ToiletRule:
    """What is asked.

    Parameters
    ----------
    rule : str
        `window`, `walk` or `any_walk`, see `geo/coverage.py`.
    distance_m, beside_m : float
    offices : bool
        Opened toilets of offices count.
    classes : tuple of str
        Classes of road that are streets; of these those open to walkers.
    version : str
        Of the rule book that the defaults come from.
    """

    rule: Rule
    distance_m: float
    beside_m: float
    offices: bool
    classes: tuple[str, ...]
    version: str

    def to_mapping(self) -> dict[str, Any]:
        """As plain values, for a file."""
        return asdict(self) | {"classes": list(self.classes)}


@dataclass(frozen=True)
class ToiletCoverage:
    """An answer.

    Parameters
    ----------
    asked : ToiletRule
    found : Coverage
    toilets : GeoDataFrame, EPSG:4326
        id, name, kind, status and `counted`: `yes`; else why not: a status, `office` (left out by the
        flag), `far` (too far from every road to serve). Points.
    gaps : GeoDataFrame, EPSG:4326
        Uncovered stretches, the longest first: id, name and class of the street, length_m. Lines.
    places : GeoDataFrame, EPSG:4326
        Best next places in their order: rank, street, gain_m. Points.
    by_class : DataFrame
        class, street_m, asked_m, bare_m, share (of the metres asked of) for each class and, last, `all`.
    left_out : mapping of reason to count
        Of toilets as in `counted`; `short_streets`: lines too short to be asked anything, `short_m` their
        metres; `other_m`: metres of road open to walkers that are no street here.
    attribution : str
    """

    asked: ToiletRule
    found: Coverage
    toilets: gpd.GeoDataFrame
    gaps: gpd.GeoDataFrame
    places: gpd.GeoDataFrame
    by_class: pd.DataFrame
    left_out: Mapping[str, int | float]
    attribution: str

    def facts(self) -> dict[str, Any]:
        """The figures that stand beside the map."""
        whole = self.by_class.iloc[-1]
        counted = self.toilets["counted"] == "yes"
        return {
            "street_m": float(whole["street_m"]), "asked_m": float(whole["asked_m"]),
            "bare_m": float(whole["bare_m"]),
            "share": None if np.isnan(whole["share"]) else float(whole["share"]),
            "gaps": len(self.gaps),
            "public": int((counted & (self.toilets["kind"] != "office")).sum()),
            "office": int((counted & (self.toilets["kind"] == "office")).sum()),
            "left_out": dict(self.left_out),
        }  # fmt: skip


def asked_of(store: Store, today: date, given: Mapping[str, Any] | None = None) -> ToiletRule:
    """The rule of the office's rule book, with what is given in its place (None: nothing).

    Raises
    ------
    DesignError
        `coverage_rule`, `coverage_distance`, `coverage_beside`, `coverage_classes`; `coverage_toilets_unset`
        if the rule book does not say all of it.
    """
    book = rule_books.current(store, today)
    told = dict(book.coverage.get("toilets", {}))
    told |= {name: value for name, value in (given or {}).items() if value is not None}
    try:
        rule, offices, classes = str(told["rule"]), bool(told["offices"]), told["classes"]
        distance_m, beside_m = float(told["distance_m"]), float(told["beside_m"])
    except (KeyError, TypeError, ValueError) as fault:
        raise DesignError(
            f"the rule book {book.version} does not say what is asked of toilets ({fault}); write the table"
            " [toilets] of coverage as data/rules/coverage.toml has it",
            code="coverage_toilets_unset", version=book.version, detail=str(fault),
        ) from fault  # fmt: skip
    if isinstance(classes, str):
        classes = [name.strip() for name in classes.replace("，", ",").split(",") if name.strip()]
    unknown = [name for name in classes if name not in ROAD_CLASSES]
    if unknown or not classes:
        raise DesignError(
            f"{unknown[0][:30] if unknown else 'nothing'!r} is no class of road; use some of"
            f" {', '.join(ROAD_CLASSES)}",
            code="coverage_classes",
            given=", ".join(name[:30] for name in unknown) or "-", allowed=", ".join(ROAD_CLASSES),
        )  # fmt: skip
    check(rule, distance_m, beside_m)
    return ToiletRule(
        rule=rule,  # type: ignore[arg-type] # checked
        distance_m=distance_m, beside_m=beside_m, offices=offices,
        classes=tuple(dict.fromkeys(classes)), version=book.version,
    )  # fmt: skip


def asked_in(store: Store, today: date, query: Mapping[str, str]) -> ToiletRule:
    """The rule of a page's query: `rule`, `distance`, `beside`, `offices` (1 or 0), `classes`."""
    names = {"rule": "rule", "distance": "distance_m", "beside": "beside_m", "classes": "classes"}
    given: dict[str, Any] = {names[key]: query[key] for key in names if query.get(key)}
    for name in ("distance_m", "beside_m"):
        if name in given:
            given[name] = _number(given[name])
    if query.get("offices") in ("0", "1"):
        given["offices"] = query["offices"] == "1"
    return asked_of(store, today, given)


def _number(told: str) -> float:
    try:
        return float(told)
    except ValueError:
        raise DesignError(
            f"{told[:20]!r} is no number of metres", code="coverage_number", given=told[:20]
        ) from None


def places_in(query: Mapping[str, str]) -> int:
    """How many next places a page's query asks for."""
    told = query.get("next", "")
    return (
        min(int(told), MOST_PLACES) if told.isdecimal() and told.isascii() and len(told) < 5 else NEXT_PLACES
    )


def version(store: Store) -> str:
    """Another text whenever an answer may change."""
    return str(store.data_version(LAYERS))


def coverage(store: Store, asked: ToiletRule, places: int = NEXT_PLACES) -> ToiletCoverage:
    """Which streets are covered, the gaps, and the best next places.

    Parameters
    ----------
    places : int
        How many; none are looked for under `any_walk`, where they are not defined.

    Raises
    ------
    LayerError
        `coverage_no_roads`: there is nothing to measure along.
    """
    count = 0 if asked.rule == "any_walk" else max(0, min(places, MOST_PLACES))
    key = (str(store.path), version(store), asked, count)
    return _FOUND.get(key, lambda: _reckon(store, asked, count))


def _reckon(store: Store, asked: ToiletRule, count: int) -> ToiletCoverage:
    network = road_network(store, ("walk",))
    if network is None:
        raise LayerError(
            "the store holds no roads, and toilets are measured along them; import the roads first",
            code="coverage_no_roads",
        )
    graph = network.graph("walk")
    roads = store.read("roads", columns=["name", "class"])
    names = roads["name"].astype(object).where(roads["name"].notna(), "").to_numpy()[graph.row]
    classes = roads["class"].to_numpy(dtype=object).astype(str)[graph.row]
    streets = make_streets(graph, names, np.isin(classes, asked.classes))
    toilets = _toilets(store, asked)
    counted = np.flatnonzero(toilets["counted"] == "yes")
    lonlat = shapely.get_coordinates(toilets.geometry.to_numpy()[counted])
    found = cover(
        graph, streets, lonlat, rule=asked.rule, distance_m=asked.distance_m, beside_m=asked.beside_m
    )
    toilets.loc[toilets.index[counted[~found.serves]], "counted"] = "far"
    short = ~found.asked
    reasons = toilets.loc[toilets["counted"] != "yes", "counted"].value_counts()
    left_out: dict[str, int | float] = {
        **{str(reason): int(many) for reason, many in reasons.items()},
        "short_streets": int(short.sum()), "short_m": float(streets.length_m[short].sum()),
        "other_m": float(graph.length_m.sum()) - found.street_m,
    }  # fmt: skip
    chosen = next_places(found, count) if count else []
    return ToiletCoverage(
        asked, found, toilets, _gaps(found, classes), _places(chosen, names),
        _by_class(found, classes), left_out, layer_cases.attribution(store, LAYERS),
    )  # fmt: skip


def _toilets(store: Store, asked: ToiletRule) -> gpd.GeoDataFrame:
    """All toilets as points, and which of them count."""
    held = store.read("toilets")
    status = held["status"].astype(object).where(held["status"].notna(), "open").to_numpy().astype(str)
    kind = held["kind"].astype(object).where(held["kind"].notna(), "public").to_numpy().astype(str)
    counted = np.where(np.isin(status, STATUSES_EXCLUDED), status, "yes").astype(object)
    if not asked.offices:
        counted[(counted == "yes") & (kind == "office")] = "office"
    columns = {
        "id": held["id"].to_numpy(), "name": held["name"].to_numpy(), "kind": kind, "status": status,
        "counted": counted,
    }  # fmt: skip
    return gpd.GeoDataFrame(columns, geometry=shapely.centroid(held.geometry.to_numpy()), crs=WGS84)


def _gaps(found: Coverage, classes: NDArray[np.str_]) -> gpd.GeoDataFrame:
    graph, streets, gaps = found.graph, found.streets, found.gaps
    rows, lines = [], []
    for line, low, high in zip(gaps.on.tolist(), gaps.low.tolist(), gaps.high.tolist(), strict=True):
        metres: dict[str, float] = {}
        for edge, begin, end in streets.pieces(line, low, high):
            kind = str(classes[edge])
            metres[kind] = metres.get(kind, 0.0) + abs(end - begin)
        path = streets.path(graph, line, low, high)
        if len(path) < 2:
            continue
        rows.append(
            (str(streets.name[line]), max(metres, key=lambda kind: metres[kind]), round(high - low, 1))
        )
        lines.append(path)
    order = sorted(range(len(rows)), key=lambda row: (-rows[row][2], rows[row][0], row))
    sizes = [len(lines[row]) for row in order]
    xy = np.concatenate([lines[row] for row in order]) if order else np.empty((0, 2))
    shapes = shapely.linestrings(
        graph.lonlat(xy) if order else xy, indices=np.repeat(np.arange(len(order)), sizes).astype(np.intp)
    )
    table = pd.DataFrame([rows[row] for row in order], columns=["name", "class", "length_m"])
    table.insert(0, "id", [f"G{number:04d}" for number in range(1, len(order) + 1)])
    return gpd.GeoDataFrame(table, geometry=shapes, crs=WGS84)


def _places(chosen: list[NextPlace], names: NDArray[np.object_]) -> gpd.GeoDataFrame:
    table = pd.DataFrame(
        {
            "rank": range(1, len(chosen) + 1),
            "street": [str(names[place.edge]) for place in chosen],
            "gain_m": [round(place.gain_m, 1) for place in chosen],
        }
    )
    points = shapely.points([place.lon for place in chosen], [place.lat for place in chosen])
    return gpd.GeoDataFrame(table, geometry=points, crs=WGS84)


def _by_class(found: Coverage, classes: NDArray[np.str_]) -> pd.DataFrame:
    """The classes that hold streets, in the order of the schema, and all of them."""
    number = np.array(
        [ROAD_CLASSES.index(kind) if kind in ROAD_CLASSES else -1 for kind in classes], np.int64
    )
    figures = np.column_stack(found.by_kind(number, len(ROAD_CLASSES)))
    rows = [(kind, *figures[n]) for n, kind in enumerate(ROAD_CLASSES) if figures[n, 0] > 0]
    rows.append(("all", *figures.sum(axis=0)))
    table = pd.DataFrame(rows, columns=["class", "street_m", "asked_m", "bare_m"])
    asked = table["asked_m"].to_numpy()
    share = np.divide(table["bare_m"].to_numpy(), asked, out=np.full(len(table), np.nan), where=asked > 0)
    return table.assign(share=np.clip(np.round(1.0 - share, 9), 0.0, 1.0))
