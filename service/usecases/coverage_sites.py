"""The sites at which something is counted, of every layer, and who is meant by the words of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import Geod

from geo.design import STATUSES_EXCLUDED
from layers.store import Store

from .count_tables import Form

POINT_LAYERS = {"back_alleys": "back_alley", "compounds": "compound", "toilets": "public_toilet"}
STREETS = "roads"
"""Layer of the streets; a street is known by its name, for its pieces are no sites."""
_GEOD = Geod(ellps="WGS84")


@dataclass(frozen=True)
class Sites:
    """Sites of a city.

    Parameters
    ----------
    table : GeoDataFrame, EPSG:4326
        key (``layer/id``, unique), id, name, site_type, layer, district, status, length_m (of lines).
    """

    table: gpd.GeoDataFrame
    _by_key: dict[str, int] = field(init=False, repr=False, compare=False)
    _by_id: dict[str, list[int]] = field(init=False, repr=False, compare=False)
    _by_name: dict[str, list[int]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_key", {key: row for row, key in enumerate(self.table["key"])})
        for name, column in (("_by_id", "id"), ("_by_name", "name")):
            rows: dict[str, list[int]] = {}
            for row, told in enumerate(self.table[column]):
                if told:
                    rows.setdefault(told, []).append(row)
            object.__setattr__(self, name, rows)

    def key_of(self, form: Form, row: str, told: str | None, name: str) -> str | None:
        """The key of the site that a cell names by ``layer/id``, id or name; else a fault."""
        if told is None:
            return None
        if told in self._by_key:
            return told
        found = self._by_id.get(told) or self._by_name.get(told, [])
        keys = [str(self.table["key"].iloc[one]) for one in found]
        if len(keys) == 1:
            return keys[0]
        if keys:
            form.refuse(
                row, name, told, code="count_site_ambiguous",
                message=f"several sites are called so ({', '.join(keys[:3])}); write one of these",
                keys=", ".join(keys[:3]),
            )  # fmt: skip
        else:
            form.refuse(
                row,
                name,
                told,
                code="count_site_unknown",
                message="is no site of the store; check the id, or import the site first",
            )
        return None

    @property
    def open(self) -> NDArray[np.bool_]:
        """(n,) whether a site can be asked anything: not closed, under works, restricted or outside."""
        told: NDArray[np.bool_] = ~self.table["status"].isin(STATUSES_EXCLUDED).to_numpy()
        return told


def sites_of(store: Store, street_classes: Sequence[str]) -> Sites:
    """All sites: anchors, alleys, compounds, toilets, and the named streets of some classes of road."""
    parts = []
    for layer in ("anchors", *POINT_LAYERS):
        held = store.read(layer)
        if len(held):
            kinds = held["class"] if layer == "anchors" else POINT_LAYERS[layer]
            parts.append(_part(held, layer, kinds))
    streets = _streets(store, street_classes)
    parts += [streets] if len(streets) else []
    columns = ["key", "id", "name", "site_type", "layer", "district", "status", "length_m", "geometry"]
    if not parts:
        return Sites(gpd.GeoDataFrame({name: [] for name in columns}, geometry="geometry", crs="EPSG:4326"))
    whole = pd.concat([part[columns] for part in parts], ignore_index=True)
    return Sites(gpd.GeoDataFrame(whole, geometry="geometry", crs="EPSG:4326"))


def lengths_m(geometry: Any) -> NDArray[np.float64]:
    """Lengths of lines on the ellipsoid, in metres."""
    return np.array([_GEOD.geometry_length(shape) for shape in geometry], dtype=np.float64)


def _part(held: gpd.GeoDataFrame, layer: str, kinds: Any) -> gpd.GeoDataFrame:
    is_line = layer == "back_alleys"
    return gpd.GeoDataFrame(
        {
            "key": [f"{layer}/{one}" for one in held["id"]],
            "id": held["id"].to_numpy(dtype=object),
            "name": _words(held["name"]),
            "site_type": kinds,
            "layer": layer,
            "district": _words(held["district"]),
            "status": _words(held["status"]),
            "length_m": lengths_m(held.geometry) if is_line else np.full(len(held), np.nan),
        },
        geometry=held.geometry.to_numpy(),
        crs="EPSG:4326",
    )


def _streets(store: Store, classes: Sequence[str]) -> gpd.GeoDataFrame:
    """Named streets, their pieces together; a piece open one way is mostly one of two carriageways."""
    roads = store.read("roads", columns=["name", "class", "oneway"])
    chosen = roads[roads["class"].isin(list(classes)) & roads["name"].notna()]
    if not len(chosen):
        return gpd.GeoDataFrame()
    half = np.where(chosen["oneway"].isin(["yes", "reverse"]), 0.5, 1.0)
    chosen = chosen.assign(length_m=lengths_m(chosen.geometry) * half)
    groups = chosen.groupby(chosen["name"].astype(object), sort=True)
    names = list(groups.groups)
    shapes = [
        shapely.multilinestrings(list(shapely.get_parts(part.geometry.to_numpy()))) for _, part in groups
    ]
    return gpd.GeoDataFrame(
        {
            "key": [f"{STREETS}/{name}" for name in names], "id": names, "name": names,
            "site_type": "arterial", "layer": STREETS, "district": "", "status": "",
            "length_m": groups["length_m"].sum().to_numpy(),
        },
        geometry=shapes, crs="EPSG:4326",
    )  # fmt: skip


def _words(column: pd.Series[Any]) -> NDArray[np.object_]:
    told: NDArray[np.object_] = column.astype(object).where(column.notna(), "").to_numpy()
    return told
