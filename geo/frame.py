"""What could be inspected: the sampling frame, its fingerprint, and who is near whom.

The frame is sorted by id before anything is computed, so a draw depends only on what the layers
hold, never on the order of their rows. Its hash is SHA-256 over the sorted digests of all anchors
and units, excluded ones too: whoever publishes it cannot change the frame afterwards.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from .buffers import AlleyRule, Geometries, PairTable, entry_distances
from .crs import CITY_DEGREES, WGS84, metric_crs, project, scale_at
from .design import ANCHOR_CLASSES, Design
from .errors import CRSError, DesignError, FrameError
from .walking import OnFoot, Positions, Walkways, anchor_footing, footing, inside_at_once, walking_pairs

UNIT_LAYERS = ("back_alleys", "compounds")
LAYERS = ("anchors", *UNIT_LAYERS)
WALKED = "roads"
"""The layer that decides a draw by walking distance too."""
DIGEST_COLUMNS = {
    "anchors": ("class", "cluster", "status"),
    "back_alleys": ("status",),
    "compounds": ("status", "households"),
    WALKED: ("class", "subtype", "modes"),
}
"""The columns beside id, geometry and gates that can decide a draw."""


@dataclass(frozen=True)
class Seal:
    """The fingerprint of one layer: digest of every unit by id, and the hash over all of them."""

    units: dict[str, str]
    hash: str = field(init=False)

    def __post_init__(self) -> None:
        lines = "\n".join(f"{unit} {digest}" for unit, digest in sorted(self.units.items()))
        object.__setattr__(self, "hash", hashlib.sha256(lines.encode()).hexdigest())

    def changes(self, now: Seal) -> dict[str, list[str]]:
        """Ids that came, went, moved (geometry or gates) or changed (an attribute) since this seal."""
        both = self.units.keys() & now.units.keys()
        moved = sorted(unit for unit in both if self.units[unit][:16] != now.units[unit][:16])
        changed = sorted(unit for unit in both if self.units[unit][16:] != now.units[unit][16:])
        return {
            "came": sorted(now.units.keys() - self.units.keys()),
            "went": sorted(self.units.keys() - now.units.keys()),
            "moved": moved,
            "changed": [unit for unit in changed if unit not in set(moved)],
        }


def _canonical(geometry: NDArray[np.object_]) -> list[bytes]:
    """Little-endian 2D WKB with degrees rounded to 7 decimals (1 cm); empty for a missing geometry."""
    rounded = shapely.transform(geometry, lambda xy: np.round(xy, 7) + 0.0)
    wkb = shapely.to_wkb(rounded, byte_order=1, output_dimension=2)
    return [blob if blob is not None else b"" for blob in wkb]


def seal(table: gpd.GeoDataFrame, layer: str) -> Seal:
    """The fingerprint of a layer.

    The digest of a unit is 32 hex digits: 16 of SHA-256 over the WKB of its geometry and gates, 16
    over its deciding attributes as a JSON list.
    """
    place = _canonical(np.asarray(table.geometry.array))
    if "gates" in table:
        place = [a + b for a, b in zip(place, _canonical(table["gates"].to_numpy(dtype=object)), strict=True)]
    columns = [
        [None if pd.isna(value) else value for value in table[name].astype(object)]
        if name in table
        else [None] * len(table)
        for name in DIGEST_COLUMNS[layer]
    ]
    units: dict[str, str] = {}
    for number, unit in enumerate(table["id"]):
        attributes = json.dumps([column[number] for column in columns], ensure_ascii=False, default=str)
        units[str(unit)] = (
            hashlib.sha256(place[number]).hexdigest()[:16]
            + hashlib.sha256(attributes.encode()).hexdigest()[:16]
        )
    return Seal(units)


@dataclass(frozen=True)
class Frame:
    """The anchors and units that may be drawn, and the entry distance of every pair.

    Parameters
    ----------
    crs : CRS
        The city's metric plane.
    anchors : DataFrame
        Eligible anchors sorted by id: `id`, `class`, `cluster`, and `x`, `y` in the plane of `crs`.
    units : dict of layer to DataFrame
        Eligible units sorted by id: `id`, `size` (integer weight: 1, centimetres, m2 or households).
    pairs : dict of layer to PairTable
        Rows are those of `anchors` and `units[layer]`; entry distances up to `Design.reach_m`.
    seals : dict of layer to Seal
        Fingerprints of the whole layers; of the roads too where distance is walked.
    excluded : dict of layer to dict
        How many were left out, by status or `cooldown`.
    reach_m : float
        Pairs farther apart were not measured.
    on_foot : dict of layer to OnFoot
        Which places lie far from the roads or cut off; empty where distance is a straight line.
    """

    crs: CRS
    anchors: pd.DataFrame
    units: dict[str, pd.DataFrame]
    pairs: dict[str, PairTable]
    seals: dict[str, Seal]
    excluded: dict[str, dict[str, int]]
    reach_m: float
    on_foot: dict[str, OnFoot] = field(default_factory=dict)

    @property
    def hash(self) -> str:
        """SHA-256 over the layers' hashes: what is published before a sealed draw."""
        return frame_hash(self.seals)


def frame_layers(design: Design) -> tuple[str, ...]:
    """The layers that decide a draw, in the order of the frame's hash."""
    return (*LAYERS, WALKED) if design.metric == "walk" else LAYERS


def frame_hash(seals: Mapping[str, Seal]) -> str:
    """SHA-256 over the hashes of the layers, in the order of `frame_layers`."""
    text = "\n".join(f"{layer} {seals[layer].hash}" for layer in (*LAYERS, WALKED) if layer in seals)
    return hashlib.sha256(text.encode()).hexdigest()


def _checked(table: gpd.GeoDataFrame, layer: str) -> gpd.GeoDataFrame:
    """The layer sorted by id, with the faults that would ruin a draw refused."""
    if table.crs is None or not CRS.from_user_input(table.crs).equals(CRS.from_user_input(WGS84)):
        raise CRSError(
            f"{layer}: the frame takes longitude and latitude in EPSG:4326, not {table.crs}",
            code="frame_crs",
            layer=layer,
            crs=str(table.crs),
        )
    ids = table["id"]
    if ids.isna().any():
        raise FrameError(
            f"{layer}: {int(ids.isna().sum())} rows have no id",
            code="id_missing",
            layer=layer,
            count=int(ids.isna().sum()),
        )
    twice = ids[ids.duplicated()].unique()
    if len(twice):
        raise FrameError(
            f"{layer}: {len(twice)} ids stand more than once ({', '.join(map(str, twice[:5]))});"
            " give every unit its own id",
            code="id_duplicate",
            layer=layer,
            count=len(twice),
            ids=", ".join(map(str, twice[:5])),
        )
    geometry = np.asarray(table.geometry.array)
    bad = shapely.is_missing(geometry) | shapely.is_empty(geometry)
    bad |= ~np.isfinite(shapely.bounds(geometry)).all(axis=1)
    if bad.any():
        names = ", ".join(map(str, ids[bad][:5]))
        raise FrameError(
            f"{layer}: {int(bad.sum())} units have no usable geometry ({names}); mend or remove them",
            code="geometry_unusable",
            layer=layer,
            count=int(bad.sum()),
            ids=names,
        )
    return table.sort_values("id", key=lambda column: column.astype(object), ignore_index=True)


def _city_crs(tables: Mapping[str, gpd.GeoDataFrame]) -> CRS:
    """The metric CRS at the median place; a unit hundreds of kilometres away is named, not drawn."""
    middle = {
        layer: 0.5 * (bounds[:, :2] + bounds[:, 2:])
        for layer, table in tables.items()
        if len(table)
        for bounds in [shapely.bounds(np.asarray(table.geometry.array))]
    }
    lon, lat = np.median(np.concatenate(list(middle.values())), axis=0)
    for layer, places in middle.items():
        far = (np.abs(places - (lon, lat)) > CITY_DEGREES).any(axis=1)
        if far.any():
            names = ", ".join(map(str, tables[layer]["id"][far][:5]))
            raise FrameError(
                f"{layer}: {int(far.sum())} units lie more than {CITY_DEGREES:g} degrees from the middle of"
                f" the city ({names}); check their coordinates or undo that import",
                code="far_away",
                layer=layer,
                count=int(far.sum()),
                ids=names,
                degrees=CITY_DEGREES,
            )
    return metric_crs(float(lon), float(lat))


def _eligible(
    table: gpd.GeoDataFrame, design: Design, visited: Collection[str]
) -> tuple[gpd.GeoDataFrame, dict[str, int]]:
    status = (
        table["status"].astype(object)
        if "status" in table
        else pd.Series(None, index=table.index, dtype=object)
    )
    out = status.isin(design.exclude_status)
    counts = {str(name): int(n) for name, n in status[out].value_counts().sort_index().items()}
    cooling = table["id"].isin(set(visited)) & ~out
    if cooling.any():
        counts["cooldown"] = int(cooling.sum())
    return table[~(out | cooling)].reset_index(drop=True), counts


def _gates_or(table: gpd.GeoDataFrame, other: NDArray[np.object_], *, first: bool) -> NDArray[np.object_]:
    """Gates where a row has them (only the main one if `first`), else `other`."""
    if "gates" not in table:
        return other
    gates = table["gates"].to_numpy(dtype=object)
    has = ~(shapely.is_missing(gates) | shapely.is_empty(gates))
    result = other.copy()
    result[has] = shapely.get_geometry(gates[has], 0) if first else gates[has]
    return result


def _sizes(
    table: gpd.GeoDataFrame, plane: NDArray[np.object_], layer: str, design: Design
) -> NDArray[np.int64]:
    """Integer weights, so that a weighted draw is the same on every machine."""
    weight = design.alley_weight if layer == "back_alleys" else design.compound_weight
    if weight == "equal":
        return np.ones(len(table), dtype=np.int64)
    if weight == "length":
        sizes = np.round(shapely.length(plane) * 100.0)
    elif weight == "area":
        sizes = np.round(shapely.area(plane))
    else:
        sizes = table["households"].astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    bad = ~(np.isfinite(sizes) & (sizes > 0))
    if bad.any():
        names = ", ".join(map(str, table["id"][bad][:5]))
        raise FrameError(
            f"{layer}: {int(bad.sum())} units have no {weight} above 0 to be weighted by ({names});"
            " complete them or draw with equal chance",
            code="weight_unusable",
            layer=layer,
            count=int(bad.sum()),
            weight=weight,
            ids=names,
        )
    return sizes.astype(np.int64)


def _walked(
    tables: Mapping[str, gpd.GeoDataFrame], design: Design, network: Walkways | None
) -> Walkways | None:
    """The network that distances are walked on, None for straight lines."""
    if design.metric != "walk":
        return None
    if network is None or WALKED not in tables or tables[WALKED].empty:
        raise FrameError(
            "walking distance needs roads, and there are none; import them with"
            " zhoubian import FILE --as roads, or measure in a straight line: --metric straight",
            code="roads_needed",
        )
    return network


def _anchor_places(anchors: gpd.GeoDataFrame, design: Design, crs: CRS) -> Geometries:
    """Where distance begins, in the plane: main gate, centroid or the whole shape of each anchor."""
    shape = project(np.asarray(anchors.geometry.array), crs)
    if design.anchor_rule == "boundary":
        return shape
    # the centroid is taken in the plane: that of degrees differs by centimetres
    places = shapely.centroid(shape)
    if design.anchor_rule == "gate" and "gates" in anchors:
        gates = project(anchors["gates"].to_numpy(dtype=object), crs)
        places = _gates_or(anchors.assign(gates=gates), places, first=True)
    return np.asarray(places, dtype=object)


def _compound_places(table: gpd.GeoDataFrame, plane: Geometries, design: Design, crs: CRS) -> Geometries:
    """Where the distance to a compound ends, in the plane: its gates, its shape or its centroid."""
    if design.compound_rule == "centroid":
        return np.asarray(shapely.centroid(plane), dtype=object)
    if design.compound_rule == "gate" and "gates" in table:
        gates = project(table["gates"].to_numpy(dtype=object), crs)
        return _gates_or(table.assign(gates=gates), plane, first=False)
    return plane


def _straight_pairs(
    anchors: gpd.GeoDataFrame, places: Geometries, units: dict[str, Geometries], design: Design, crs: CRS
) -> dict[str, PairTable]:
    lonlat = shapely.centroid(np.asarray(anchors.geometry.array))
    scale = scale_at(crs, shapely.get_x(lonlat), shapely.get_y(lonlat))
    rules: dict[str, AlleyRule] = {"back_alleys": design.alley_rule}
    return {
        layer: entry_distances(
            places, plane, crs=crs, scale=scale, radius_m=design.reach_m, rule=rules.get(layer, "intersects")
        )
        for layer, plane in units.items()
    }


def _walked_pairs(
    network: Walkways,
    ids: dict[str, list[str]],
    places: Geometries,
    units: dict[str, Geometries],
    design: Design,
    crs: CRS,
) -> tuple[dict[str, PairTable], dict[str, OnFoot]]:
    """Walking distances of the pairs, and which places the roads do not serve."""
    starts = Positions.of(places, crs)
    on_foot = {"anchors": anchor_footing(network, starts, ids["anchors"])}
    pairs: dict[str, PairTable] = {}
    for layer, shapes in units.items():
        rule: AlleyRule = design.alley_rule if layer == "back_alleys" else "intersects"
        middles = rule == "midpoint"
        ends = Positions.of(
            shapely.line_interpolate_point(shapes, 0.5, normalized=True) if middles else shapes, crs
        )
        on_foot[layer] = footing(network, ends, ids[layer])
        found = walking_pairs(network, starts.lonlat, ends, len(shapes), metres=design.reach_m, rule=rule)
        pairs[layer] = inside_at_once(found, places, shapes)
    return pairs, on_foot


def build_frame(
    tables: Mapping[str, gpd.GeoDataFrame],
    design: Design,
    *,
    visited: Mapping[str, Collection[str]] | None = None,
    network: Walkways | None = None,
) -> Frame:
    """The sampling frame of a design.

    Parameters
    ----------
    tables : dict of layer to GeoDataFrame
        `anchors`, `back_alleys`, `compounds` in EPSG:4326 with unique text ids, and `roads` where the
        design asks for walking distance; others are not read.
    design : Design
    visited : dict of layer to ids, optional
        Units that rest because they were visited within `Design.cooldown_days`.
    network : Walkways, optional
        Made of the table `roads`; needed for walking distance, else not looked at.

    Raises
    ------
    FrameError
        Missing or duplicate ids, unusable geometry, unusable weights, a place far from the city,
        no anchors, no units of a kind that the design draws, or no roads to walk on (`roads_needed`).
    CRSError
        For tables that are not in EPSG:4326.
    """
    checked = {layer: _checked(tables[layer], layer) for layer in LAYERS}
    takes = {"back_alleys": design.alleys, "compounds": design.compounds}
    for layer, table in checked.items():
        wanted = layer == "anchors" or takes[layer].chances[-1][0] > 0
        if wanted and table.empty:
            raise FrameError(
                f"the layer {layer} is empty; import it first"
                + ("" if layer == "anchors" else f", or draw without it: --{layer.removeprefix('back_')} 0"),
                code="layer_empty" if layer != "anchors" else "anchors_empty",
                layer=layer,
                option=layer.removeprefix("back_"),
            )
    crs = _city_crs(checked)
    walked = _walked(tables, design, network)
    if walked is not None:
        checked[WALKED] = _checked(tables[WALKED], WALKED)
    excluded: dict[str, dict[str, int]] = {}
    rest = visited or {}
    anchors, excluded["anchors"] = _eligible(checked["anchors"], design, ())
    places = _anchor_places(anchors, design, crs)
    units: dict[str, pd.DataFrame] = {}
    measured: dict[str, Geometries] = {}
    for layer in UNIT_LAYERS:
        table, excluded[layer] = _eligible(checked[layer], design, rest.get(layer, ()))
        plane = project(np.asarray(table.geometry.array), crs)
        units[layer] = pd.DataFrame(
            {"id": table["id"].astype(object), "size": _sizes(table, plane, layer, design)}
        )
        measured[layer] = plane if layer == "back_alleys" else _compound_places(table, plane, design, crs)
    on_foot: dict[str, OnFoot] = {}
    if walked is None:
        pairs = _straight_pairs(anchors, places, measured, design, crs)
    else:
        ids = {layer: table["id"].tolist() for layer, table in (("anchors", anchors), *units.items())}
        pairs, on_foot = _walked_pairs(walked, ids, places, measured, design, crs)
    unknown = ~anchors["class"].isin(ANCHOR_CLASSES)
    if unknown.any():
        names = ", ".join(map(str, anchors["class"][unknown].unique()[:5]))
        raise DesignError(
            f"anchors have {int(unknown.sum())} rows of unknown class ({names})",
            code="class_unknown",
            given=names,
            allowed=", ".join(ANCHOR_CLASSES),
        )
    columns: dict[str, Any] = {"id": anchors["id"].astype(object), "class": anchors["class"].astype(object)}
    columns["cluster"] = anchors["cluster"].astype(object) if "cluster" in anchors else None
    middle = shapely.centroid(places)
    columns["x"], columns["y"] = shapely.get_x(middle), shapely.get_y(middle)
    return Frame(
        crs=crs,
        anchors=pd.DataFrame(columns),
        units=units,
        pairs=pairs,
        seals={layer: seal(table, layer) for layer, table in checked.items()},
        excluded=excluded,
        reach_m=design.reach_m,
        on_foot=on_foot,
    )
