"""The tables of the store, generated from the layer schemas, and the way of a layer into rows and back.

The same tables serve SQLite and PostGIS. Two column types hide the difference: the program always
hands `Geometry` plain WKB and `Moment` ISO 8601 text, made and read for a whole column at once. A
row of a layer is never changed in place: a later batch supersedes it, and undoing that batch
brings it back. The version of the schema is that of `layers/migrations`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import compress
from typing import Any, cast

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import TypeEngine, UserDefinedType

from geo.errors import CRSError, StoreError

from . import schema

CHINA = timezone(timedelta(hours=8))


def iso(moment: datetime) -> str:
    """A moment as the store keeps it (see `Moment`)."""
    return moment.astimezone(CHINA).isoformat(timespec="microseconds")


class Geometry(UserDefinedType[bytes]):
    """Flat WKB in EPSG:4326: a BLOB on SQLite, `geometry(kind,4326)` on PostGIS."""

    cache_ok = True

    def __init__(self, kind: str = "GEOMETRY") -> None:
        self.kind = kind

    def get_col_spec(self, **_: Any) -> str:
        return "BLOB"

    def bind_processor(self, dialect: Dialect) -> Callable[[bytes | None], Any] | None:
        if dialect.name != "postgresql":
            return None
        return lambda wkb: (
            None
            if wkb is None
            else shapely.to_wkb(shapely.set_srid(shapely.from_wkb(wkb), 4326), hex=True, include_srid=True)
        )

    def result_processor(self, dialect: Dialect, _coltype: object) -> Callable[[Any], bytes | None] | None:
        if dialect.name != "postgresql":
            return None
        return lambda ewkb: None if ewkb is None else shapely.to_wkb(shapely.from_wkb(ewkb))


@compiles(Geometry, "postgresql")
def _geometry_on_postgis(kind: Geometry, *_: Any, **__: Any) -> str:
    return f"geometry({kind.kind},4326)"


class Moment(UserDefinedType[str]):
    """ISO 8601 text at +08:00, which sorts by time: TEXT on SQLite, timestamptz on PostGIS."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "TEXT"

    def result_processor(self, dialect: Dialect, _coltype: object) -> Callable[[Any], str | None] | None:
        if dialect.name != "postgresql":
            return None

        def text(moment: datetime | None) -> str | None:
            return None if moment is None else iso(moment)

        return text


@compiles(Moment, "postgresql")
def _moment_on_postgis(*_: Any, **__: Any) -> str:
    return "TIMESTAMP WITH TIME ZONE"


ROW_NUMBER = BigInteger().with_variant(Integer, "sqlite")
"""Type of a numbering key: only INTEGER numbers by itself on SQLite."""

STORED_AS: dict[schema.Kind, type[TypeEngine[Any]]] = {
    "text": Text,
    "integer": BigInteger,
    "number": Double,
    "datetime": Moment,
}

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

batches = Table(
    "batches",
    metadata,
    Column("id", ROW_NUMBER, primary_key=True),
    Column("source", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("imported_at", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("datum", Text),
    Column("licence", Text),
    Column("attribution", Text),
    Column("options", JSON, nullable=False),
    Column("counts", JSON, nullable=False),
    Column("undone_at", Text),
)

refusals = Table(
    "refusals",
    metadata,
    Column("id", ROW_NUMBER, primary_key=True),
    Column("batch_id", ForeignKey("batches.id"), nullable=False, index=True),
    Column("layer", Text, nullable=False),
    Column("row", Text, nullable=False),
    Column("column", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("facts", JSON, nullable=False),
    Column("cells", JSON),
)

mappings = Table(
    "mappings",
    metadata,
    Column("layer", Text, primary_key=True),
    Column("headings", Text, primary_key=True),
    Column("columns", JSON, nullable=False),
)

draws = Table(
    "draws",
    metadata,
    Column("name", Text, primary_key=True),
    Column("created_at", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("record", JSON, nullable=False),
    Column("secret", JSON(none_as_null=True)),
)

plans = Table(
    "plans",
    metadata,
    Column("name", Text, primary_key=True),
    Column("draw", Text),
    Column("created_at", Text, nullable=False),
    Column("changed_at", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("record", JSON, nullable=False),
)

rule_books = Table(
    "rule_books",
    metadata,
    Column("version", Text, primary_key=True),
    Column("valid_from", Text, nullable=False),
    Column("valid_until", Text),
    Column("sha256", Text, nullable=False),
    Column("stored_at", Text, nullable=False),
    Column("record", JSON, nullable=False),
)

missions = Table(
    "missions",
    metadata,
    Column("name", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("draw", Text),
    Column("plan", Text),
    Column("rules", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("starts_at", Text, nullable=False),
    Column("changed_at", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("record", JSON, nullable=False),
)

results = Table(
    "results",
    metadata,
    Column("id", ROW_NUMBER, primary_key=True),
    Column("mission", ForeignKey("missions.name"), nullable=False),
    Column("site", Text, nullable=False),
    Column("item", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("cases", Integer, nullable=False),
    Column("inside_lines", Integer, nullable=False),
    Column("fixed_on_site", Integer, nullable=False, server_default="0"),
    Column("note", Text),
    Column("photos", JSON, nullable=False),
    Column("at", Moment, nullable=False),
    Column("who", Text, nullable=False),
    UniqueConstraint("mission", "site", "item"),
)

result_changes = Table(
    "result_changes",
    metadata,
    Column("id", ROW_NUMBER, primary_key=True),
    Column("mission", Text, nullable=False, index=True),
    Column("site", Text, nullable=False),
    Column("item", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("who", Text, nullable=False),
    Column("changes", JSON, nullable=False),
)

cases = Table(
    "cases",
    metadata,
    Column("issue", Text, primary_key=True),
    *(
        Column(name, Text, nullable=name not in ("category", "source", "rules", "state"))
        for name in (
            "category", "source", "mission", "site", "site_type", "item", "lead_unit", "joint_units",
            "responsible", "district", "community", "grid", "why", "rules", "state", "colour", "approver",
            "recurs", "merged_into", "note",
        )
    ),
    Column("count", Integer, nullable=False),
    Column("severity", Integer, nullable=False),
    Column("rework", Integer, nullable=False),
    Column("left_s", BigInteger),
    Column("found_at", Moment, nullable=False),
    *(
        Column(name, Moment)
        for name in (
            "due_from", "deadline", "first_deadline", "fixed_at", "carded_at", "reported_at", "rechecked_at",
            "closed_at", "suspended_at", "suspended_until", "handed_over_at", "withdrawn_at",
        )
    ),
    Column("lon", Double, nullable=False),
    Column("lat", Double, nullable=False),
    Column("photos", JSON, nullable=False),
    Column("revision", Integer, nullable=False),
    Index("ix_cases_state_deadline", "state", "deadline"),
    Index("ix_cases_found_at", "found_at"),
    Index("ix_cases_site_category", "site", "category"),
)  # fmt: skip
"""An issue that is followed up, as its history has made it; one row per issue."""

events = Table(
    "events",
    metadata,
    Column("id", ROW_NUMBER, primary_key=True),
    Column("issue", ForeignKey("cases.issue"), nullable=False, index=True),
    Column("at", Moment, nullable=False, index=True),
    Column("recorded_at", Moment, nullable=False),
    Column("who", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("changes", JSON, nullable=False),
    Column("note", Text),
)
"""The history of the issues: only ever added to; the store itself refuses to change or delete a row."""

ticks = Table(
    "ticks",
    metadata,
    Column("id", ROW_NUMBER, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("counts", JSON, nullable=False),
)

overrides = Table(
    "overrides",
    metadata,
    Column("id", ROW_NUMBER, primary_key=True),
    *(Column(name, Text) for name in ("category", "site", "area", "lead_unit", "joint_units", "why")),
    Column("at", Moment, nullable=False),
    Column("who", Text, nullable=False),
    Column("removed_at", Moment),
)

typed_scores = Table(
    "typed_scores",
    metadata,
    Column("year", Integer, primary_key=True),
    Column("part", Text, primary_key=True),
    Column("score", Double, nullable=False),
    Column("note", Text),
    Column("at", Moment, nullable=False),
    Column("who", Text, nullable=False),
)

negative_flags = Table(
    "negative_flags",
    metadata,
    Column("id", ROW_NUMBER, primary_key=True),
    Column("year", Integer, nullable=False),
    Column("subject", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("who", Text, nullable=False),
    Column("removed_at", Moment),
)

plaques = Table(
    "plaques",
    metadata,
    Column("until", Text, primary_key=True),
    Column("since", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("facts", JSON, nullable=False),
    Column("at", Moment, nullable=False),
)
"""Who holds the rotating black plaque (流动黑牌), bulletin period by bulletin period."""

bulletins = Table(
    "bulletins",
    metadata,
    Column("until", Text, primary_key=True),
    Column("period", Text, primary_key=True),
    Column("since", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("written_at", Moment, nullable=False),
    Column("record", JSON, nullable=False),
)

poster_counts = Table(
    "poster_counts",
    metadata,
    Column("site", Text, primary_key=True),
    Column("theme", Text, primary_key=True),
    Column("count", Integer, nullable=False),
    Column("damaged", Integer, nullable=False),
    Column("at", Moment, nullable=False),
    Column("who", Text, nullable=False),
)

household_rounds = Table(
    "household_rounds",
    metadata,
    Column("compound", Text, primary_key=True),
    Column("round", Integer, primary_key=True),
    Column("day", Text, nullable=False),
    Column("households", Integer),
    Column("at", Moment, nullable=False),
    Column("who", Text, nullable=False),
)

tasks = Table(
    "tasks",
    metadata,
    Column("id", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("period", Text),
    Column("due", Text, nullable=False),
    Column("unit", Text),
    Column("done_at", Text),
    Column("note", Text),
)
"""The dated list of work of the desk review: titles and days, no documents."""

accesses = Table(
    "accesses",
    metadata,
    Column("id", ROW_NUMBER, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("who", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("subject", Text, nullable=False),
)
"""Who asked for a list that is or was sealed."""


def _layer_table(layer: schema.Layer) -> Table:
    values = [
        Column(column.name, STORED_AS[column.kind], nullable=not column.required) for column in layer.columns
    ]
    gates = [Column("gates", Geometry("MULTIPOINT"))] if layer.gates else []
    table = Table(
        layer.name,
        metadata,
        Column("fid", ROW_NUMBER, primary_key=True),
        Column("batch_id", ForeignKey("batches.id"), nullable=False),
        Column("superseded_by", ForeignKey("batches.id")),
        *values,
        *gates,
        Column("geom", Geometry(), nullable=False),
        UniqueConstraint("batch_id", "id"),
    )
    current = table.c.superseded_by.is_(None)
    Index(f"uq_{layer.name}_current", table.c.id, unique=True, sqlite_where=current, postgresql_where=current)
    return table


LAYER_TABLES: dict[str, Table] = {name: _layer_table(layer) for name, layer in schema.LAYERS.items()}
"""One table per layer. A row without `superseded_by` is current; an id is current once at most."""


@dataclass(frozen=True)
class Rows:
    """Rows of a layer ready to be stored.

    `values` holds one tuple per row in the order of `stored_names`; `bounds` is (n, 4) as minx, miny,
    maxx, maxy; `labels` are the row numbers in the file they come from, where there is one.
    """

    ids: list[str]
    values: list[tuple[Any, ...]]
    bounds: NDArray[np.float64]
    labels: list[str]

    def where(self, kept: Sequence[bool]) -> Rows:
        """Only the rows of which `kept` says so."""
        chosen = np.asarray(kept, dtype=bool)
        return Rows(
            list(compress(self.ids, chosen)),
            list(compress(self.values, chosen)),
            self.bounds[chosen],
            list(compress(self.labels, chosen)),
        )


def stored_names(layer: str) -> list[str]:
    """The columns that a row of a layer brings along, in their order."""
    gates = ["gates"] if schema.LAYERS[layer].gates else []
    return [*schema.LAYERS[layer].by_name, *gates, "geom"]


def to_rows(table: gpd.GeoDataFrame, layer: str) -> Rows:
    """The rows of a layer as the store keeps them.

    Parameters
    ----------
    table : GeoDataFrame, EPSG:4326
        Columns the layer does not know are left out, heights too.
    layer : str
        A key of `LAYERS`.

    Raises
    ------
    CRSError
        If the table is not in EPSG:4326.
    StoreError
        `rows_incomplete` for a required value that is missing or a geometry that is missing, empty
        or not finite; `ids_twice` for an id that stands in the table more than once.
    """
    if table.crs is None or table.crs.to_epsg() != 4326:
        raise CRSError(
            f"{layer}: the store takes EPSG:4326 only, not {table.crs}; convert the table first",
            code="store_crs",
            layer=layer,
            crs=str(table.crs),
        )
    table = schema.conform(table, layer)
    bounds = shapely.bounds(table.geometry.to_numpy()).reshape(len(table), 4)
    _require_whole(table, layer, bounds)
    columns = {
        column.name: _stored(table[column.name], column.kind) for column in schema.LAYERS[layer].columns
    }
    if schema.LAYERS[layer].gates:
        columns["gates"] = _wkb(table["gates"].to_numpy())
    columns["geom"] = _wkb(table.geometry.to_numpy())
    values = list(zip(*columns.values(), strict=True))
    return Rows(columns["id"], values, bounds, [""] * len(table))


def told_rows(
    layer: str,
    labels: list[str],
    values: Sequence[Sequence[Any]],
    geometry: Sequence[str],
    gates: Sequence[str | None] | None,
) -> Rows:
    """Rows as the reader of a foreign file tells them: values in the layer's order, WKB in hexadecimal.

    The geometry is looked at once more on this side: what a reader says is not believed.

    Raises
    ------
    StoreError
        `rows_incomplete` for a geometry that is missing, empty or not finite.
    """
    # by bytes, because GEOS takes eight times as long to read hexadecimal
    wkb = [bytes.fromhex(told) for told in geometry]
    shapes = _geometries(wkb)
    bounds = shapely.bounds(shapes).reshape(len(shapes), 4)
    missing = int((~np.isfinite(bounds).all(axis=1)).sum())
    if missing or len(shapes) != len(values):
        raise _incomplete(layer, "geometry", missing or abs(len(shapes) - len(values)), len(values))
    ids = [row[0] for row in values]
    if gates is None:
        stored = [(*row, shape) for row, shape in zip(values, wkb, strict=True)]
    else:
        points = (None if told is None else bytes.fromhex(told) for told in gates)
        stored = [(*row, gate, shape) for row, gate, shape in zip(values, points, wkb, strict=True)]
    return Rows(ids, stored, bounds, labels)


def from_rows(rows: Sequence[Sequence[Any]], layer: str, names: Sequence[str]) -> gpd.GeoDataFrame:
    """The table that `to_rows` was made from, with the dtypes of the schema.

    Parameters
    ----------
    rows : sequence of (values of `names` in their order, WKB of the geometry)
    layer : str
        A key of `LAYERS`.
    names : sequence of str
        Columns of the layer, `gates` among them where wanted.

    Returns
    -------
    GeoDataFrame, EPSG:4326, index 0..n-1.
    """
    *values, geometry = zip(*rows, strict=True) if rows else [()] * (len(names) + 1)
    columns = {
        name: _geometries(given)
        if name == "gates"
        else _restored(given, schema.LAYERS[layer].by_name[name].kind)
        for name, given in zip(names, values, strict=True)
    }
    return gpd.GeoDataFrame(columns, geometry=_geometries(geometry), crs="EPSG:4326")


def _require_whole(table: gpd.GeoDataFrame, layer: str, bounds: NDArray[np.float64]) -> None:
    missing = {
        column.name: int(table[column.name].isna().sum())
        for column in schema.LAYERS[layer].columns
        if column.required
    }
    missing["geometry"] = int((~np.isfinite(bounds).all(axis=1)).sum())
    for column, count in missing.items():
        if count:
            raise _incomplete(layer, column, count, len(table))
    twice = table["id"][table["id"].duplicated()]
    if len(twice):
        raise StoreError(
            f"{layer}: {len(twice)} rows repeat an id of the same table, the first is {twice.iloc[0]!r};"
            " give each row its own id",
            code="ids_twice",
            layer=layer,
            count=len(twice),
            first=twice.iloc[0],
        )


def _incomplete(layer: str, column: str, count: int, rows: int) -> StoreError:
    return StoreError(
        f"{layer}: {count} of {rows} rows have no usable value in {column};"
        " check the layer before it is stored",
        code="rows_incomplete",
        layer=layer,
        column=column,
        count=count,
        rows=rows,
    )


def _stored(values: pd.Series[Any], kind: schema.Kind) -> list[Any]:
    given = values.notna()
    if kind == "datetime":
        local = values.dt.tz_convert(CHINA).dt.tz_localize(None).to_numpy("datetime64[us]")
        texts = np.datetime_as_string(local, unit="us")
        return [f"{text}+08:00" if there else None for text, there in zip(texts, given, strict=True)]
    return values.astype(object).where(given, None).tolist()


def _restored(values: Sequence[Any], kind: schema.Kind) -> pd.Series[Any]:
    given: Any = list(values)
    if kind == "datetime":
        given = pd.to_datetime(given, format="ISO8601", utc=True)
    # the type at once: whole numbers with gaps would pass through floats otherwise
    restored: pd.Series[Any] = pd.Series(given, dtype=cast(Any, schema.DTYPES[kind]))
    return restored


def _wkb(geometries: NDArray[np.object_]) -> list[bytes | None]:
    wkb: list[bytes | None] = shapely.to_wkb(geometries, output_dimension=2).tolist()
    return wkb


def _geometries(wkb: Sequence[bytes | None]) -> NDArray[np.object_]:
    # filled, not converted: numpy would cut equally long byte strings into an "S" array
    blobs = np.empty(len(wkb), dtype=object)
    blobs[:] = wkb
    return np.asarray(shapely.from_wkb(blobs), dtype=object)
