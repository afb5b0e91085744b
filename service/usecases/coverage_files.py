"""Toilet coverage as a file: tables for QGIS, Excel and WPS, or the map as one page."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import pandas as pd

from layers import write
from layers.store import Store

from .. import coverage_words as words
from ..i18n import Lang
from .coverage_toilets import ToiletCoverage
from .exports import ending_of, refuse_store

ENDINGS = (".geojson", ".gpkg", ".csv", ".xlsx", ".html", ".htm")


def check_out(store: Store, out: Path | None) -> None:
    """Refuse a place for a file before the work begins (LayerError `out_ending`, `out_is_store`)."""
    if out is not None:
        ending_of(out, ENDINGS)
        refuse_store(store, out)


def write_coverage(store: Store, answer: ToiletCoverage, out: Path, lang: Lang) -> None:
    """Write a file; the ending of `out` says the format, the language is that of words.

    A .csv holds the gaps; the others the gaps, the next places and the toilets. The settings stand in
    every row, in a workbook on a sheet of their own.
    """
    ending = ending_of(out, ENDINGS)
    refuse_store(store, out)
    if ending in (".html", ".htm"):
        from ..coverage_page import coverage_file  # noqa: PLC0415 - Folium takes a quarter second

        page = coverage_file(answer, store.read("roads"), lang).encode()
        with write.whole(out) as temporary:
            temporary.write_bytes(page)
        return
    tables = {"gaps": answer.gaps, "next_places": answer.places, "toilets": answer.toilets}
    told = json.dumps({**answer.asked.to_mapping(), **answer.facts()}, ensure_ascii=False)
    if ending == ".xlsx":
        settings = pd.DataFrame(
            [*words.lines(answer, lang), ("settings", told)], columns=["setting", "value"]
        )
        sheets = {"gaps": _plain(answer.gaps), **{name: tables[name] for name in ("next_places", "toilets")}}
        write.write_xlsx({**sheets, "by_class": answer.by_class, "settings": settings}, out)
    elif ending == ".csv":
        write.write_csv(_plain(answer.gaps).assign(settings=told), out)
    else:
        stated = {name: table.assign(settings=told) for name, table in tables.items() if len(table)}
        (write.write_geojson if ending == ".geojson" else write.write_gpkg)(stated, out)


def _plain(gaps: gpd.GeoDataFrame) -> pd.DataFrame:
    """Gaps with the positions of their two ends: what a spreadsheet can hold of a line."""
    ends = [(*shape.coords[0], *shape.coords[-1]) for shape in gaps.geometry]
    at = pd.DataFrame(ends, columns=["from_lon", "from_lat", "to_lon", "to_lat"]).round(7)
    return pd.concat([pd.DataFrame(gaps.drop(columns="geometry")), at], axis=1)
