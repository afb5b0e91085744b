"""What a layer is: its columns, types, units and allowed values, and its geometry.

Every table that travels through the house is a GeoDataFrame in EPSG:4326 that fits one of the
`LAYERS` below. Ids are text. Labels are given in English and Chinese; the terms are those of the
civilized-city offices (社区 is a residents' committee area and an anchor; 小区 is a compound and is
drawn; the two are never confused).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from geo.design import ANCHOR_CLASSES, STATUSES_EXCLUDED

if TYPE_CHECKING:
    import geopandas as gpd

Kind = Literal["text", "integer", "number", "datetime"]

POINT = ("Point", "MultiPoint")
LINE = ("LineString", "MultiLineString")
POLYGON = ("Polygon", "MultiPolygon")

UNIT_STATUSES = ("open", *STATUSES_EXCLUDED)
"""Whether a unit may be inspected: open, closed, under works, restricted, outside the built-up area."""

ROAD_CLASSES = (
    "motorway", "trunk", "primary", "secondary", "tertiary", "residential", "alley", "service", "path",
)  # fmt: skip
ROAD_MODES = (
    "walk", "bike", "drive", "walk bike", "walk drive", "bike drive", "walk bike drive", "none",
)  # fmt: skip
"""Who may use a road, where that is not what its class says: one or several of three, or nobody."""
AREA_LEVELS = ("district", "subdistrict", "community", "grid")
ISSUE_STATES = (
    "found", "fixed_on_site", "carded", "reported_fixed", "rechecked", "closed", "suspended",
)  # fmt: skip
ISSUE_SOURCES = ("mission", "official_feedback", "patrol", "media", "complaint")
TOILET_KINDS = ("public", "office")


@dataclass(frozen=True)
class Column:
    """One column of a layer.

    `kind` is the stored type; `unit` is empty for a pure number; `allowed` lists the only values a
    text column takes. A `required` column refuses a row without a value; any other may be missing.
    """

    name: str
    kind: Kind
    en: str
    zh: str
    unit: str = ""
    required: bool = False
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layer:
    """One layer: name, labels, geometry types and columns (`id` and `geometry` are always there)."""

    name: str
    en: str
    zh: str
    geometry: tuple[str, ...]
    columns: tuple[Column, ...]
    gates: bool = False
    by_name: dict[str, Column] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {column.name: column for column in self.columns})


_ID = Column("id", "text", "id", "编号", required=True)
_NAME = Column("name", "text", "name", "名称")
_ADDRESS = Column("address", "text", "address", "地址")
_STATUS = Column("status", "text", "status", "状态", allowed=UNIT_STATUSES)
_DISTRICT = Column("district", "text", "district or subdistrict", "所属街道")
_UNIT = Column("unit", "text", "responsible unit", "责任单位")
_NOTE = Column("note", "text", "note", "备注")

LAYERS: dict[str, Layer] = {
    layer.name: layer
    for layer in (
        Layer(
            "anchors", "anchors (fixed points)", "固定点位", POINT + POLYGON,
            (
                _ID, _NAME,
                Column("class", "text", "class", "类别", required=True, allowed=ANCHOR_CLASSES),
                Column("subtype", "text", "kind", "细类"),
                Column("cluster", "text", "point cluster", "点位群"),
                _DISTRICT, _ADDRESS, _UNIT, _STATUS, _NOTE,
            ),
            gates=True,
        ),
        Layer(
            "back_alleys", "back alleys", "背街小巷", LINE,
            (
                _ID, _NAME, _DISTRICT, _UNIT, _STATUS,
                Column("subtype", "text", "kind", "细类"),
                Column("pieces", "integer", "records merged into this unit", "合并段数"),
                _NOTE,
            ),
        ),
        Layer(
            "compounds", "residential compounds", "居民小区", POINT + POLYGON,
            (
                _ID, _NAME, _DISTRICT, _ADDRESS, _UNIT, _STATUS,
                Column("subtype", "text", "kind", "细类"),
                Column("households", "integer", "households", "户数"),
                Column("buildings", "integer", "buildings", "楼栋数"),
                Column("built_year", "integer", "year built", "建成年份"),
                _NOTE,
            ),
            gates=True,
        ),
        Layer(
            "roads", "roads", "道路", LINE,
            (
                _ID, _NAME,
                Column("class", "text", "class", "等级", required=True, allowed=ROAD_CLASSES),
                Column("subtype", "text", "kind", "细类"),
                Column("oneway", "text", "one-way", "单行", allowed=("yes", "no", "reverse")),
                Column("modes", "text", "open to", "可通行方式", allowed=ROAD_MODES),
            ),
        ),
        Layer(
            "toilets", "public toilets", "公共卫生间", POINT + POLYGON,
            (
                _ID, _NAME, _DISTRICT, _ADDRESS, _UNIT, _STATUS,
                Column("kind", "text", "public or opened office toilet", "类型", allowed=TOILET_KINDS),
                Column("hours", "text", "opening hours", "开放时间"),
            ),
        ),
        Layer(
            "areas", "administrative areas and grid cells", "行政区划与网格", POLYGON,
            (
                _ID, _NAME,
                Column("level", "text", "level", "层级", required=True, allowed=AREA_LEVELS),
                Column("parent", "text", "id of the area that holds it", "上级编号"),
                _UNIT,
            ),
        ),
        Layer(
            "issues", "issues", "问题", POINT,
            (
                _ID,
                Column("category", "text", "category code", "问题类别", required=True),
                Column("found_at", "datetime", "found at", "发现时间", unit="Asia/Shanghai", required=True),
                Column("closed_at", "datetime", "closed at", "办结时间", unit="Asia/Shanghai"),
                Column("deadline", "datetime", "deadline", "整改期限", unit="Asia/Shanghai"),
                Column("source", "text", "source", "来源", allowed=ISSUE_SOURCES),
                Column("state", "text", "state", "办理状态", allowed=ISSUE_STATES),
                Column("site", "text", "id of the site or unit", "点位编号"),
                Column("count", "integer", "cases", "处数"),
                _DISTRICT, _ADDRESS, _UNIT, _NOTE,
            ),
        ),
    )
}  # fmt: skip

CLASS_COLUMN = {"anchors": "class", "roads": "class", "areas": "level"}
"""The column of a layer that one word of the user fills for a whole file that lacks it."""

DRAWN = ("back_alleys", "compounds")
"""The layers whose units are drawn."""

DTYPES: dict[Kind, Any] = {
    "text": "str",
    "integer": "Int64",
    "number": "float64",
    "datetime": "datetime64[us, Asia/Shanghai]",
}


def conform(table: gpd.GeoDataFrame, layer: str) -> gpd.GeoDataFrame:
    """The same rows with exactly the columns, order and dtypes of the layer.

    Columns the layer does not know are left out, missing ones are filled with missing values. Rows
    and values are not checked here: `validate.py` does that.

    Parameters
    ----------
    table : GeoDataFrame, EPSG:4326
        `gates`, where the layer has them: MultiPoint or None, EPSG:4326; for an anchor the first
        point is the main gate.
    layer : str
        A key of `LAYERS`.

    Returns
    -------
    GeoDataFrame, EPSG:4326, index 0..n-1.
    """
    # here, because a reader of foreign files that makes no table starts twice as fast without them
    import geopandas as gpd  # noqa: PLC0415
    import pandas as pd  # noqa: PLC0415

    schema = LAYERS[layer]
    n = len(table)
    columns: dict[str, object] = {}
    for column in schema.columns:
        given = table[column.name].reset_index(drop=True) if column.name in table else pd.Series([None] * n)
        columns[column.name] = given.astype(DTYPES[column.kind])
    if schema.gates:
        gates = np.full(n, None, dtype=object)
        if "gates" in table:
            gates[:] = table["gates"].to_numpy()
        columns["gates"] = gates
    return gpd.GeoDataFrame(columns, geometry=np.asarray(table.geometry.array), crs="EPSG:4326")
