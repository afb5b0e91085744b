"""The made-up city as the files an office really has: different formats, encodings, datums and headings.

The same city gives the same tables, and the same bytes as long as GDAL and zlib are the same.
"""

from __future__ import annotations

import csv
import io
import json
import re
import tempfile
import zipfile
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyogrio
import shapely
from openpyxl.workbook.workbook import Workbook

from geo.crs import wgs84_to_gcj02

from ..schema import LAYERS
from .names import CITY

FILES = {
    "anchors": "点位.xlsx",
    "back_alleys": "背街小巷.zip",
    "compounds": "居民小区.geojson",
    "roads": "道路.gpkg",
    "toilets": "公厕_GCJ02.csv",
    "areas": "区划网格.zip",
    "issues": "问题台账.xlsx",
}
"""The file of each layer."""

CHINESE: dict[str, dict[str, str]] = {
    "class": {
        "market": "农贸市场",
        "mall": "商场超市",
        "school": "学校",
        "hospital": "医院",
        "transit": "交通场站",
        "community": "城市社区",
    },
    "status": {
        "open": "正常",
        "closed": "关闭",
        "works": "施工",
        "restricted": "限制进入",
        "outside": "建成区外",
    },
    "kind": {
        "public": "公共",
        "office": "机关开放",
    },
    "level": {
        "district": "区县",
        "subdistrict": "街道",
        "community": "社区",
        "grid": "网格",
    },
    "source": {
        "mission": "测评",
        "official_feedback": "官方反馈",
        "patrol": "巡查",
        "media": "媒体",
        "complaint": "投诉",
    },
    "state": {
        "found": "发现",
        "fixed_on_site": "现场整改",
        "carded": "已发卡",
        "reported_fixed": "已反馈",
        "rechecked": "已复核",
        "closed": "已销号",
        "suspended": "缓办",
    },
}
"""Values as offices write them, by column. Classes of roads stay as they are."""

MOST_ROWS = 100_000
"""Issues that still go into a workbook."""

_WRITTEN = datetime(2026, 11, 1, 8, 0)  # noqa: DTZ001  file properties carry no zone
_ZIP_TIME = _WRITTEN.timetuple()[:6]


def write_office_files(city: dict[str, gpd.GeoDataFrame], folder: str | Path) -> list[Path]:
    """Write one file per layer, less than 8 MB together.

    Parameters
    ----------
    city : dict
        As `sample_city` returns it.
    folder : path
        Made if missing; files of the same name are replaced.

    Returns
    -------
    list of Path, in the order of the layers.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = {name: folder / file for name, file in FILES.items()}
    _write_anchors(city["anchors"], paths["anchors"])
    _write_shapefile(city["back_alleys"], "back_alleys", paths["back_alleys"])
    _write_compounds(city["compounds"], paths["compounds"])
    _write_geopackage(city["roads"], paths["roads"])
    _write_toilets(city["toilets"], paths["toilets"])
    _write_shapefile(city["areas"], "areas", paths["areas"])
    if len(city["issues"]) > MOST_ROWS:  # no sheet would hold them for long
        paths["issues"] = paths["issues"].with_suffix(".csv")
        _write_long(city["issues"], paths["issues"])
    else:
        _write_issues(city["issues"], paths["issues"])
    return list(paths.values())


def _spoken(table: gpd.GeoDataFrame, layer: str) -> pd.DataFrame:
    """The attributes under Chinese headings, allowed values in Chinese, None for what is missing."""
    columns = {}
    for column in LAYERS[layer].columns:
        values = table[column.name]
        if column.name in CHINESE and layer != "roads":
            values = values.map(CHINESE[column.name])
        columns[column.zh] = values.astype(object).where(values.notna(), None)
    return pd.DataFrame(columns)


def _write_anchors(anchors: gpd.GeoDataFrame, path: Path) -> None:
    table = _spoken(anchors, "anchors").rename(columns={"名称": "点位名称"})
    note = table.pop("备注")
    table["经度"], table["纬度"] = anchors.geometry.x, anchors.geometry.y
    gates = [None if gate is None else gate.geoms[0] for gate in anchors["gates"]]
    table["大门经度"] = [None if gate is None else gate.x for gate in gates]
    table["大门纬度"] = [None if gate is None else gate.y for gate in gates]
    table["备注"] = note
    _write_sheet(table, f"{CITY}实地测评点位表", "点位", path)


def _write_issues(issues: gpd.GeoDataFrame, path: Path) -> None:
    table = _spoken(issues, "issues")
    for column in ("发现时间", "办结时间", "整改期限"):
        table[column] = [
            None if value is None else value.to_pydatetime().replace(tzinfo=None) for value in table[column]
        ]
    table["经度"], table["纬度"] = issues.geometry.x, issues.geometry.y
    _write_sheet(table, None, "台账", path)


def _write_long(issues: gpd.GeoDataFrame, path: Path) -> None:
    """A text table for what is too long for a workbook."""
    table = _spoken(issues, "issues")
    table["经度"], table["纬度"] = issues.geometry.x, issues.geometry.y
    for column in ("发现时间", "办结时间", "整改期限"):
        table[column] = pd.to_datetime(table[column]).dt.strftime("%Y-%m-%d %H:%M")
    table.to_csv(path, index=False, encoding="utf-8-sig")


def _write_sheet(table: pd.DataFrame, title: str | None, sheet: str, path: Path) -> None:
    """One sheet; a title goes above the headings in a cell merged over all columns."""
    book: Any = Workbook()
    page = book.active
    page.title = sheet
    if title:
        page.append([title])
        page.merge_cells(start_row=1, start_column=1, end_row=1, end_column=table.shape[1])
    page.append(list(table.columns))
    for row in table.itertuples(index=False):
        page.append([None if pd.isna(value) else value for value in row])
    page.freeze_panes = page.cell(row=3 if title else 2, column=1)
    book.properties.creator = CITY
    book.properties.created = book.properties.modified = _WRITTEN
    raw = io.BytesIO()
    book.save(raw)
    with zipfile.ZipFile(raw) as packed:
        members = [(name, packed.read(name)) for name in packed.namelist()]
    stamp = rb"\g<1>" + _WRITTEN.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    core = "docProps/core.xml"
    members = [
        (name, re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", stamp, data) if name == core else data)
        for name, data in members
    ]
    _write_zip(members, path)


def _write_zip(members: Iterable[tuple[str, bytes]], path: Path) -> None:
    """A zip archive whose bytes do not depend on the time of writing."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for name, data in members:
            packed.writestr(zipfile.ZipInfo(name, _ZIP_TIME), data, zipfile.ZIP_DEFLATED, 9)


def _write_toilets(toilets: gpd.GeoDataFrame, path: Path) -> None:
    """A CSV in the code page of Chinese Windows, coordinates in GCJ-02 as a phone map gives them."""
    table = _spoken(toilets, "toilets")
    shifted = wgs84_to_gcj02(toilets.geometry.x.to_numpy(), toilets.geometry.y.to_numpy())
    table["经度"] = [f"{lon:.7f}" for lon in shifted.lon]
    table["纬度"] = [f"{lat:.7f}" for lat in shifted.lat]
    with path.open("w", encoding="gb18030", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(table.columns)
        writer.writerows(table.itertuples(index=False))


def _write_compounds(compounds: gpd.GeoDataFrame, path: Path) -> None:
    """GeoJSON; the gates are a text ``lon lat; lon lat``."""
    table = _spoken(compounds, "compounds")
    table["gates"] = [
        "; ".join(f"{point.x:.7f} {point.y:.7f}" for point in gates.geoms) for gates in compounds["gates"]
    ]
    features = []
    for row, shape in zip(table.to_dict("records"), compounds.geometry, strict=True):
        known = {key: _plain(value) for key, value in row.items() if value is not None}
        feature = {"type": "Feature", "properties": known, "geometry": shapely.geometry.mapping(shape)}
        features.append(json.dumps(feature, ensure_ascii=False, separators=(",", ":")))
    text = '{"type":"FeatureCollection","name":"居民小区","features":[\n' + ",\n".join(features) + "\n]}\n"
    path.write_text(text, encoding="utf-8", newline="\n")


def _plain(value: Any) -> Any:
    return value if isinstance(value, str) else int(value)


def _write_geopackage(roads: gpd.GeoDataFrame, path: Path) -> None:
    path.unlink(missing_ok=True)
    # an office has no column that nobody fills
    spoken = _spoken(roads, "roads").dropna(axis="columns", how="all")
    table = gpd.GeoDataFrame(spoken, geometry=roads.geometry.array, crs="EPSG:4326")
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": _WRITTEN.strftime("%Y-%m-%dT%H:%M:%S.000Z")})
    try:
        pyogrio.write_dataframe(
            table, path, layer="道路", driver="GPKG", layer_options={"SPATIAL_INDEX": "NO"}
        )
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})


def _write_shapefile(table: gpd.GeoDataFrame, layer: str, path: Path) -> None:
    """A zipped shapefile whose attribute table is GBK, headings included, as desktop GIS writes it."""
    spoken = gpd.GeoDataFrame(_spoken(table, layer), geometry=table.geometry.array, crs="EPSG:4326")
    if "合并段数" in spoken:
        spoken["合并段数"] = spoken["合并段数"].astype("int32")
    with tempfile.TemporaryDirectory() as folder:
        shape = Path(folder) / f"{path.stem}.shp"
        pyogrio.write_dataframe(
            spoken, shape, driver="ESRI Shapefile", encoding="GBK", promote_to_multi=False,
            layer_options={"DBF_DATE_LAST_UPDATE": f"{_WRITTEN:%Y-%m-%d}"},
        )  # fmt: skip
        _write_zip([(part.name, part.read_bytes()) for part in sorted(Path(folder).iterdir())], path)
