"""Tables to files: GeoJSON, GeoPackage, CSV, xlsx, whole or not at all.

A file is written under another name beside its place and then put there in one step, so a killed
program or a full disk never leaves half a file. Text that begins like a formula stays text.
"""

from __future__ import annotations

import csv
import json
import math
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyogrio
import shapely
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from geo.errors import LayerError

FORMULA = re.compile(r"'*[=+\-@\t\r]")
"""How text begins that a spreadsheet takes for a formula, apostrophes of ours before it included."""

NOT_A_NUMBER = re.compile(r"'*(\d{12,}|0\d+|\d{1,2}[-/]\d{1,2}([-/]\d{1,2})?)")
"""Text that a spreadsheet would round (a grid code of 15 digits), strip (0012) or take for a day (1-2)."""

_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends without an error.

    Raises
    ------
    LayerError
        If the folder is missing, not writable, or full.
    """
    if not path.parent.is_dir():
        raise LayerError(
            f"the folder {path.parent} does not exist; make it first",
            code="out_folder",
            folder=str(path.parent),
        )
    # the ending stays: GDAL and Excel choose by it
    temporary = path.with_name(f".zhoubian-{secrets.token_hex(6)}{path.suffix}")
    try:
        temporary.open("xb").close()
        yield temporary
        with temporary.open("rb+") as done:
            os.fsync(done.fileno())
        temporary.replace(path)
    except (OSError, pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as fault:
        raise _not_written(path, fault) from fault
    finally:
        temporary.unlink(missing_ok=True)


def _not_written(path: Path, fault: Exception) -> LayerError:
    reason = getattr(fault, "strerror", None) or str(fault)
    return LayerError(
        f"{path.name} cannot be written ({reason}); close it elsewhere, free space or choose another folder",
        code="out_not_written", file=path.name, detail=reason,
    )  # fmt: skip


def _flat(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Gates as text ``lon lat; lon lat``, which `validate.py` reads back."""
    if "gates" not in table:
        return table

    def told(gates: Any) -> str | None:
        if gates is None or gates.is_empty:
            return None
        return "; ".join(f"{lon:.7f} {lat:.7f}" for lon, lat in shapely.get_coordinates(gates))

    return table.assign(
        gates=pd.Series([told(gates) for gates in table["gates"]], index=table.index, dtype="str")
    )


def _plain(value: Any) -> Any:
    """A cell value: missing as None, times as ISO text."""
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, pd.Timestamp):
        return value.isoformat(sep=" ", timespec="seconds")
    return value.item() if hasattr(value, "item") else value


def _cells(table: pd.DataFrame) -> tuple[list[str], Iterator[list[Any]]]:
    """Headings and rows; a geometry becomes lon and lat of a point, else WKT."""
    if isinstance(table, gpd.GeoDataFrame):
        flat = _flat(table)
        shapes = flat.geometry
        flat = pd.DataFrame(flat.drop(columns=shapes.name))
        if (shapes.geom_type == "Point").all():
            flat["lon"], flat["lat"] = shapes.x.round(7), shapes.y.round(7)
        else:
            flat["geometry"] = shapely.to_wkt(shapes.to_numpy(), rounding_precision=7)
        table = flat
    rows = ([_plain(value) for value in row] for row in table.itertuples(index=False, name=None))
    return [str(name) for name in table.columns], rows


def _csv_cell(value: Any) -> Any:
    """An apostrophe before what a spreadsheet would not leave as text; reading takes it away again."""
    changed = isinstance(value, str) and (FORMULA.match(value) or NOT_A_NUMBER.fullmatch(value))
    return f"'{value}" if changed else value


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """CSV as UTF-8 with a byte order mark, so that Excel and WPS open it; formulas stay text."""
    headings, rows = _cells(table)
    with whole(path) as temporary, temporary.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(headings)
        writer.writerows([_csv_cell(value) for value in row] for row in rows)


def write_xlsx(sheets: Mapping[str, pd.DataFrame], path: Path) -> None:
    """A workbook with one sheet per table; every text is a text cell, never a formula."""
    with whole(path) as temporary:
        book = Workbook(write_only=True)
        for name, table in sheets.items():
            sheet = book.create_sheet(name[:31])
            headings, rows = _cells(table)
            sheet.append(headings)
            for row in rows:
                sheet.append([xlsx_cell(sheet, value) for value in row])
        book.save(temporary)


def xlsx_cell(sheet: Any, value: Any) -> Any:
    """A value as a cell of a write-only sheet; text is text, never a formula."""
    if not isinstance(value, str):
        return value
    cell = WriteOnlyCell(sheet, value=printable(value)[:32_767])
    cell.data_type = "s"  # openpyxl takes "=1+1" for a formula
    return cell


def printable(text: str) -> str:
    """Without the control characters that neither a workbook nor XML can hold."""
    return _UNPRINTABLE.sub("", text)


def write_geojson(tables: Mapping[str, gpd.GeoDataFrame], path: Path) -> None:
    """One FeatureCollection; where there are several tables each feature names its own in `layer`."""
    with whole(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write('{"type": "FeatureCollection", "features": [')
        before = "\n"
        for name, table in tables.items():
            for feature in _features(table, None if len(tables) == 1 else name):
                file.write(before + feature)
                before = ",\n"
        file.write("\n]}\n")


def _features(table: gpd.GeoDataFrame, layer: str | None) -> Iterator[str]:
    flat = _flat(table)
    shapes = shapely.to_geojson(flat.geometry.to_numpy())
    values = pd.DataFrame(flat.drop(columns=flat.geometry.name))
    for row, shape in zip(values.itertuples(index=False, name=None), shapes, strict=True):
        properties = {name: _plain(value) for name, value in zip(values.columns, row, strict=True)}
        if layer is not None:
            properties["layer"] = layer
        told = json.dumps(properties, ensure_ascii=False, allow_nan=False)
        yield f'{{"type": "Feature", "properties": {told}, "geometry": {shape}}}'


def write_gpkg(tables: Mapping[str, gpd.GeoDataFrame], path: Path) -> None:
    """A GeoPackage with one layer per table."""
    with whole(path) as temporary:
        temporary.unlink()
        for name, table in tables.items():
            pyogrio.write_dataframe(_flat(table), temporary, layer=name, driver="GPKG")
