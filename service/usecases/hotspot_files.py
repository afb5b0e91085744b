"""A hotspot map as a file: a page, a picture with its legend, a GeoTIFF, or a table for QGIS and Excel.

Tables hold the cells that say something (a GeoTIFF holds them all); the settings that a number follows
from stand in every row, or on a sheet of their own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo.crs import WGS84, to_wgs84
from geo.emerging import KINDS
from geo.hotspots import CLASSES
from geo.peaks import Forecast
from geo.window import Window
from layers import write
from layers.rasters import Raster, write_geotiff
from layers.store import Store

from ..i18n import Lang
from .exports import ending_of, refuse_store
from .hotspot_city import City
from .hotspots import Comparison, Emergence, Heat, HexCounts, Spots, TopSpot, raster, top_rows
from .issue_filters import IssueFilter

ENDINGS = (".html", ".htm", ".png", ".tif", ".tiff", ".geojson", ".gpkg", ".csv", ".xlsx")
RASTER_ENDINGS = (".tif", ".tiff")
TOP_ENDINGS = (".html", ".htm", ".png", ".geojson", ".gpkg", ".csv", ".xlsx")

Found = Heat | Spots | Comparison | Emergence


@dataclass(frozen=True)
class Answer:
    """What a command found, and what it was asked.

    Parameters
    ----------
    found : Heat, Spots, Comparison or Emergence
    wanted : IssueFilter
    spots : the list of places, where there is one.
    counts : hexagons of a density.
    forecast : what the first half of the period foretold of the second.
    """

    found: Found
    wanted: IssueFilter
    spots: list[TopSpot] = field(default_factory=list)
    counts: HexCounts | None = None
    forecast: Forecast | None = None

    @property
    def subject(self) -> str:
        """``density``, ``hotspots``, ``change`` or ``emerging``."""
        return {Heat: "density", Spots: "hotspots", Comparison: "change", Emergence: "emerging"}[
            type(self.found)
        ]

    def facts(self) -> dict[str, Any]:
        """What every legend and every file says."""
        facts = {"subject": self.subject, **self.found.facts()}
        if self.forecast is not None:
            facts.update(
                hit_rate=float(self.forecast.hit_rate), area_share=float(self.forecast.area_share),
                pai=float(self.forecast.pai),
            )  # fmt: skip
        return facts

    def settings(self) -> dict[str, Any]:
        """The facts and the filter, as they stand in a file."""
        return {**self.facts(), "filter": self.wanted.to_query()}


def check_out(store: Store, out: Path | None, endings: tuple[str, ...] = ENDINGS) -> None:
    """Refuse a place for a file before the work begins (LayerError `out_ending`, `out_is_store`)."""
    if out is not None:
        ending_of(out, endings)
        refuse_store(store, out)


def write_answer(answer: Answer, out: Path, lang: Lang) -> None:
    """Write a file; the ending of `out` says the format, the language is that of pages.

    Raises
    ------
    LayerError
        If the file cannot be written.
    """
    ending = ending_of(out, ENDINGS)
    if ending in (".html", ".htm", ".png"):
        # Folium and Pillow take a quarter second that the other formats need not wait
        from ..hotspot_sheets import page, sheet  # noqa: PLC0415

        written = sheet(answer) if ending == ".png" else page(answer, lang).encode()
        with write.whole(out) as temporary:
            temporary.write_bytes(written)
    elif ending in (".tif", ".tiff"):
        write_geotiff(answer_raster(answer), out)
    else:
        _write_tables(answer, out, ending)


def answer_raster(answer: Answer) -> Raster:
    """The number of every cell: density, z of Gi*, number of the kind, or ratio of the periods."""
    found = answer.found
    match found:
        case Heat():
            return found.raster
        case Spots():
            return raster(found.spots.z, found.window, found.city)
        case Comparison():
            # "from nothing to something" is no number
            ratio = np.where(np.isfinite(found.change.ratio), found.change.ratio, np.nan)
            return raster(ratio, found.window, found.city)
        case Emergence():
            kind = np.where(found.window.inside, found.emerging.kind, np.nan)
            return raster(kind, found.window, found.city)


def _write_tables(answer: Answer, out: Path, ending: str) -> None:
    held = tables(answer)
    settings = answer.settings()
    words = json.dumps(settings, ensure_ascii=False)
    if ending == ".xlsx":
        rows = [
            (name, value if isinstance(value, str | int | float) else json.dumps(value, ensure_ascii=False))
            for name, value in settings.items()
        ]
        sheets = {name: _centred(table) for name, table in held.items()}
        write.write_xlsx({**sheets, "settings": pd.DataFrame(rows, columns=["setting", "value"])}, out)
    elif ending == ".csv":
        write.write_csv(_centred(next(iter(held.values()))).assign(settings=words), out)
    else:
        stated = {name: table.assign(settings=words) for name, table in held.items()}
        (write.write_geojson if ending == ".geojson" else write.write_gpkg)(stated, out)


def _centred(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """With the middle of a cell in place of its outline: a spreadsheet shows lon and lat."""
    return table.set_geometry(shapely.centroid(table.geometry.to_numpy()), crs=WGS84)


def tables(answer: Answer) -> dict[str, gpd.GeoDataFrame]:
    """The tables of an answer by name, the main one first, in EPSG:4326."""
    found = answer.found
    match found:
        case Heat():
            held = {} if answer.counts is None else {"hexagons": _hexagons(answer.counts)}
            return {**held, "top": top_table(answer.spots)} if held else {"top": top_table(answer.spots)}
        case Spots():
            says = found.window.inside & (found.spots.bin != 0)
            columns = {
                "class": np.array([CLASSES[one] for one in found.spots.bin[says].tolist()], dtype=object),
                **{name: getattr(found.spots, name)[says] for name in ("z", "p", "q")},
            }
            return {"cells": _cells(found.window, found.city, says, columns)}
        case Comparison():
            says = found.window.inside & found.change.shown
            ratio = found.change.ratio[says]
            finite = np.isfinite(ratio)
            columns = {
                "ratio": np.where(finite, ratio, np.nan), "none_before": ~finite,
                **{name: getattr(found.change, name)[says] for name in ("p", "q", "expected")},
            }  # fmt: skip
            return {"cells": _cells(found.window, found.city, says, columns)}
        case Emergence():
            kind = found.emerging.kind
            says = found.window.inside & (kind != 0)
            named = [f"{'hot' if one > 0 else 'cold'}_{KINDS[abs(one)]}" for one in kind[says].tolist()]
            columns = {
                "kind": np.array(named, dtype=object),
                "hot_months": found.emerging.hot.sum(axis=0)[says],
                "cold_months": found.emerging.cold.sum(axis=0)[says],
                "last_z": found.emerging.z[-1][says],
                "trend_p": found.emerging.trend.p[says],
                "place_days": found.cube.counts.sum(axis=0)[says],
            }
            return {"cells": _cells(found.window, found.city, says, columns)}


def _cells(
    ground: Window, city: City, says: NDArray[np.bool_], columns: Mapping[str, NDArray[Any]]
) -> gpd.GeoDataFrame:
    """Cells as squares of the metric plane."""
    row, column = np.nonzero(says)
    x, y = ground.grid.centres()
    half = ground.grid.cell_m / 2
    squares = shapely.box(x[column] - half, y[row] - half, x[column] + half, y[row] + half)
    epsg = f"EPSG:{city.issues.crs.to_epsg()}"

    def degrees(at: NDArray[np.float64]) -> NDArray[np.float64]:
        moved = at + city.issues.origin
        return np.column_stack(to_wgs84(moved[:, 0], moved[:, 1], epsg))

    return gpd.GeoDataFrame(dict(columns), geometry=shapely.transform(squares, degrees), crs=WGS84)


def _hexagons(counts: HexCounts) -> gpd.GeoDataFrame:
    km2 = counts.share * (np.sqrt(3) / 2 * counts.width_m**2 / 1e6)
    rate = np.divide(counts.issues * 30.0, km2 * counts.selection.days,
                     out=np.full(len(km2), np.nan), where=km2 > 0)  # fmt: skip
    columns = {"issues": counts.issues, "km2": km2, "per_km2_30d": rate}
    return gpd.GeoDataFrame(columns, geometry=counts.polygons, crs=WGS84)


def top_table(spots: list[TopSpot]) -> gpd.GeoDataFrame:
    """The list of places as points."""
    columns = [name for name in TopSpot.__dataclass_fields__ if name not in ("lon", "lat")]
    rows = [
        {**row, "categories": "; ".join(f"{word} {count}" for word, count in row["categories"])}
        for row in top_rows(spots)
    ]
    points = shapely.points([row["lon"] for row in rows], [row["lat"] for row in rows])
    return gpd.GeoDataFrame(pd.DataFrame(rows, columns=columns), geometry=points, crs=WGS84)
