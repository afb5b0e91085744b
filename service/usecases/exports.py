"""A layer or a draw as a file for Excel, WPS, QGIS or another office."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.buffers import discs
from geo.crs import WGS84, metric_crs, project, scale_at
from geo.design import Design
from geo.errors import LayerError, NotFoundError
from geo.frame import LAYERS as FRAME_LAYERS
from layers import write
from layers.schema import LAYERS
from layers.store import Store

from ..features import anchor_points
from ..i18n import Lang
from . import datum_check, draws
from .exposure import picture

ENDINGS = (".geojson", ".gpkg", ".csv", ".xlsx")


def ending_of(out: Path, allowed: tuple[str, ...]) -> str:
    """The ending that says the format (LayerError `out_ending` for another)."""
    ending = out.suffix.lower()
    if ending not in allowed:
        raise LayerError(
            f"{out.name}: the ending says the format; use one of {', '.join(allowed)}",
            code="out_ending", file=out.name, allowed=", ".join(allowed),
        )  # fmt: skip
    return ending


def refuse_store(store: Store, out: Path) -> None:
    """Nothing is written over the store (LayerError `out_is_store`)."""
    if out.exists() and out.samefile(store.path):
        raise LayerError(
            f"{out.name} is the store itself and is not overwritten; choose another --out",
            code="out_is_store", file=out.name,
        )  # fmt: skip


def export(store: Store, what: str, out: Path) -> int:
    """Write a layer or a draw; the ending of `out` says the format.

    Returns
    -------
    int
        Rows written.

    Raises
    ------
    NotFoundError
        If `what` names neither a layer that holds something nor a draw.
    LayerError
        If the file cannot be written.
    """
    names = [heading.name for heading in store.draws()]
    if what not in LAYERS and what not in names:
        raise NotFoundError(
            f"{what!r} is neither a layer nor a draw; the layers are {', '.join(LAYERS)},"
            f" the draws {', '.join(names[-10:]) or '(none yet)'}",
            code="export_unknown", name=what, layers=", ".join(LAYERS), draws=", ".join(names[-10:]) or "-",
        )  # fmt: skip
    refuse_store(store, out)
    if what in LAYERS:
        return _layer(store, what, out)
    record = draws.record_of(store, what)
    if ending_of(out, (*ENDINGS, ".json")) == ".json":
        with write.whole(out) as temporary:
            temporary.write_text(json.dumps(record, ensure_ascii=False, indent=1), encoding="utf-8")
        return sum(len(visits) for visits in record["visits"].values())
    return _draw(store, record, out)


def _layer(store: Store, layer: str, out: Path) -> int:
    ending = ending_of(out, ENDINGS)
    table = store.read(layer)
    if table.empty:
        raise NotFoundError(
            f"the layer {layer} is empty; import it first", code="layer_empty_export", layer=layer
        )
    if ending == ".geojson":
        write.write_geojson({layer: table}, out)
    elif ending == ".gpkg":
        write.write_gpkg({layer: table}, out)
    elif ending == ".csv":
        write.write_csv(table, out)
    else:
        write.write_xlsx({layer: table}, out)
    return len(table)


def _draw(store: Store, record: Mapping[str, Any], out: Path) -> int:
    rows = pd.DataFrame(draws.table(store, record))
    if out.suffix.lower() == ".csv":
        write.write_csv(rows, out)
        return len(rows)
    if out.suffix.lower() == ".xlsx":
        settings = pd.DataFrame(_settings(record), columns=["setting", "value"])
        write.write_xlsx({"draw": rows, "settings": settings}, out)
        return len(rows)
    tables = _draw_layers(store, record)
    if out.suffix.lower() == ".geojson":
        write.write_geojson(tables, out)
    else:
        write.write_gpkg(tables, out)
    return sum(len(table) for table in tables.values())


def _settings(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Everything that decided the draw, as rows."""
    head = [(name, record.get(name)) for name in ("name", "created_at", "version", "seed", "second", "round")]
    design = [(f"design.{name}", value) for name, value in record["design"].items()]
    frame = [("frame.hash", record["frame"]["hash"]), ("frame.crs", record["frame"]["crs"])]
    counts = [(f"frame.{layer}", seal["count"]) for layer, seal in record["frame"]["layers"].items()]
    on_foot = [(f"frame.on_foot.{layer}", met) for layer, met in record["frame"].get("on_foot", {}).items()]
    told = [*head, ("commitment", record.get("commitment")), *design, *frame, *counts, *on_foot]
    return _rows(told)


def _rows(settings: Iterable[tuple[str, Any]]) -> list[tuple[str, str]]:
    """Names and values as cells: text as it stands, anything else as JSON."""
    return [
        (name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        for name, value in settings
    ]


def _draw_layers(store: Store, record: Mapping[str, Any]) -> dict[str, gpd.GeoDataFrame]:
    """Drawn anchors, their surroundings, and the units to visit, each as a layer."""
    drawn = {anchor["id"]: anchor for group in record["surroundings"] for anchor in group["anchors"]}
    tables: dict[str, gpd.GeoDataFrame] = {}
    for layer in FRAME_LAYERS:
        found = store.read(layer)
        if layer == "anchors":
            found = found[found["id"].isin(drawn)].reset_index(drop=True)
            tables[layer] = found
            if record["design"].get("metric") != "walk":  # nobody's reach on foot is a circle
                tables["surroundings"] = _surroundings(found, drawn, record["design"])
            continue
        by_unit: dict[str, list[str]] = {}
        for visit in record["visits"][layer]:
            by_unit.setdefault(visit["id"], []).extend(visit["anchors"])
        found = found[found["id"].isin(by_unit)].reset_index(drop=True)
        tables[layer] = found.assign(drawn_by=[", ".join(by_unit[unit]) for unit in found["id"]])
    return {name: table for name, table in tables.items() if len(table)}


def _surroundings(
    anchors: gpd.GeoDataFrame, drawn: Mapping[str, Mapping[str, Any]], design: Mapping[str, Any]
) -> gpd.GeoDataFrame:
    """Buffer polygons of the drawn anchors, for the eye: membership was decided by distance."""
    places = anchor_points(anchors, design["anchor_rule"])
    middle = shapely.centroid(places)
    lon, lat = shapely.get_x(middle), shapely.get_y(middle)
    crs = metric_crs(float(np.median(lon)), float(np.median(lat)))
    radius = np.array([drawn[unit]["radius_m"] for unit in anchors["id"]])
    inner = design["inner_m"] if design["shape"] == "ring" else 0.0
    shapes = discs(project(places, crs), radius, scale_at(crs, lon, lat), crs=crs, inner_m=inner)
    table = pd.DataFrame(anchors[["id", "name", "class"]]).assign(radius_m=radius, inner_m=inner)
    return gpd.GeoDataFrame(table, geometry=shapes, crs=crs).to_crs(WGS84)


def map_file(store: Store, name: str, out: Path, lang: Lang) -> int:
    """The Folium map of a draw as one HTML file without network; returns its size in bytes."""
    from ..maps import draw_file  # noqa: PLC0415 - Folium takes a quarter second that other commands need not wait

    ending_of(out, (".html", ".htm"))
    refuse_store(store, out)
    record, layers, attribution = draws.map_data(store, name)
    told = [warning.told(lang) for warning in datum_check.current_warnings(store)]
    page = draw_file(record, layers, lang, attribution=attribution, warnings=told)
    written = page.encode()
    with write.whole(out) as temporary:
        temporary.write_bytes(written)
    return len(written)


def table_file(store: Store, table: pd.DataFrame, design: Design, out: Path) -> None:
    """A table with the settings it follows from, as .csv or .xlsx."""
    refuse_store(store, out)
    rows = pd.DataFrame(_rows(design.to_mapping().items()), columns=["setting", "value"])
    if ending_of(out, (".csv", ".xlsx")) == ".csv":
        words = json.dumps(design.to_mapping(), ensure_ascii=False)
        write.write_csv(table.assign(settings=words), out)
    else:
        write.write_xlsx({"table": table, "settings": rows}, out)


def units_file(store: Store, units: pd.DataFrame, beside: Mapping[str, Any], out: Path) -> None:
    """Exposure of every unit with its place: .gpkg, .geojson, .csv or .xlsx, the settings in each row."""
    ending = ending_of(out, ENDINGS)
    refuse_store(store, out)
    words = json.dumps(beside["settings"], ensure_ascii=False)
    if ending == ".csv":
        write.write_csv(units.assign(settings=words), out)
        return
    if ending == ".xlsx":
        told = picture(units)
        counts = [
            (layer, edge, count)
            for layer, part in told.items()
            for edge, count in zip(part["edges"], part["histogram"], strict=True)
        ]
        on_foot = [(f"on_foot.{layer}", json.dumps(met)) for layer, met in beside["on_foot"].items()]
        settings = [("settings", words), ("method", beside["method"]), *on_foot]
        sheets = {
            "exposure": units,
            "histogram": pd.DataFrame(counts, columns=["layer", "from", "units"]),
            "curve": pd.DataFrame({layer: part["curve"] for layer, part in told.items()}),
            "settings": pd.DataFrame(settings, columns=["setting", "value"]),
        }
        write.write_xlsx(sheets, out)
        return
    tables: dict[str, gpd.GeoDataFrame] = {}
    for layer, part in units.groupby("layer"):
        places = store.read(str(layer), columns=["id"]).set_index("id").geometry
        tables[str(layer)] = gpd.GeoDataFrame(
            part.assign(settings=words).reset_index(drop=True),
            geometry=places.loc[part["id"]].to_numpy(),
            crs=WGS84,
        )
    (write.write_geojson if ending == ".geojson" else write.write_gpkg)(tables, out)
