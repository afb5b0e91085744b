"""Any of the common formats, as it stands in the file: headings, values, row numbers, geometry.

Nothing is judged here but the file itself: whether it is what its name says, whether all of it can
be read, and in which datum it says it is. `validate.py` judges the rows.
"""

from __future__ import annotations

import csv
import io
import json
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import python_calamine
import shapely
from numpy.typing import NDArray

from geo.crs import WGS84
from geo.errors import LayerError

from .columns import find_header
from .faults import Note

MAX_BYTES = 500_000_000
MAX_CELL = 1_000_000
SHAPEFILE_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")


@dataclass(frozen=True)
class Reading:
    """What a file holds.

    Parameters
    ----------
    headings : list of str
        As they stand in the file.
    rows : list of str
        The row number of every record as a spreadsheet shows it (for GeoJSON and the like: the
        number of the feature from 1).
    values : list of lists
        One list per record, as long as `headings`.
    geometry : array of shapely geometry or None
        None where the file is a table without geometry.
    geometry_faults : dict of row to reason
        Records whose geometry could not be read at all.
    datum : str or None
        The datum the file states, None where it states none.
    notes : list of Note
        What a user should know: title rows passed over, the encoding found, further layers.
    """

    headings: list[str]
    rows: list[str]
    values: list[list[Any]]
    geometry: NDArray[np.object_] | None = None
    geometry_faults: dict[str, str] = field(default_factory=dict)
    datum: str | None = None
    notes: list[Note] = field(default_factory=list)


def unreadable(path: Path, reason: str, *, code: str, **facts: Any) -> LayerError:
    """A file that cannot be taken in, with the reason and what to do."""
    return LayerError(f"{path.name}: {reason}", code=code, file=path.name, **facts)


def not_what_it_says(path: Path, wanted: str, reason: str = "") -> LayerError:
    """A file whose content belies its ending."""
    told = f" ({reason})" if reason else ""
    return LayerError(
        f"{path.name} is not {wanted}, although its name says so{told}; export it again or rename it",
        code="file_disguised",
        file=path.name,
        wanted=wanted,
    )


def too_large(path: Path, size: int, limit: int) -> LayerError:
    """A file beyond the limit."""
    return LayerError(
        f"{path.name} holds {size / 1e6:.0f} MB, at most {limit / 1e6:.0f} MB can be read; split it",
        code="file_large",
        file=path.name,
        size=round(size / 1e6),
        limit=round(limit / 1e6),
    )


def read_file(path: Path, layer: str) -> Reading:
    """Read a file of any format this version knows.

    Parameters
    ----------
    path : Path
        Ending .csv, .tsv, .xlsx, .geojson, .json, .gpkg or .zip (a zipped shapefile).
    layer : str
        Which layer it will become: decides which headings are looked for.

    Raises
    ------
    LayerError
        If the file is missing, empty, too large, damaged, or not what its name says.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise unreadable(
            path, f"endings known are {', '.join(READERS)}, .osm and .osm.pbf", code="file_ending"
        )
    if not path.is_file():
        raise unreadable(path, "there is no such file; check the name", code="file_missing")
    size = path.stat().st_size
    if size == 0:
        raise unreadable(path, "it is empty; export it again", code="file_empty")
    if size > MAX_BYTES:
        raise too_large(path, size, MAX_BYTES)
    return reader(path, layer)


# -- tables ----------------------------------------------------------------------------------------


def decode(raw: bytes) -> tuple[str, str]:
    """Text and the encoding found: a byte order mark, else strict UTF-8, else GB18030.

    Chinese offices write GBK or GB18030; a guess by statistics takes short GBK files for Big5 or
    Korean, the ladder does not. Bytes that are none of these raise UnicodeDecodeError.
    """
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if raw.startswith(mark):
            return raw.decode(encoding), encoding
    try:
        return raw.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return raw.decode("gb18030"), "gb18030"


def _table(path: Path, layer: str, grid: Sequence[Sequence[Any]], notes: list[Note]) -> Reading:
    """Headings and records of a grid of cells; rows above the headings are titles."""
    top = find_header([list(row) for row in grid[:30]], layer)
    if top is None:
        seen = ", ".join(str(cell) for row in grid[:1] for cell in row if cell not in (None, ""))
        raise unreadable(
            path,
            f"no row of headings was recognised (the first row reads: {seen[:120]});"
            " the headings need at least a name or id and a place (经度, 纬度)",
            code="headings_unknown",
            seen=seen[:120],
        )
    if top:
        notes = [*notes, Note("title_rows", {"count": top})]
    width = max((len(row) for row in grid[top:]), default=0)
    headings = ["" if cell is None else str(cell).strip() for cell in grid[top]]
    headings += [""] * (width - len(headings))
    body = [list(row) + [None] * (width - len(row)) for row in grid[top + 1 :]]
    while body and all(cell is None or str(cell).strip() == "" for cell in body[-1]):
        body.pop()
    rows = [str(top + 2 + number) for number in range(len(body))]
    return Reading(headings, rows, body, notes=notes)


def _read_csv(path: Path, layer: str) -> Reading:
    raw = path.read_bytes()
    head = raw[:8]
    if head.startswith((b"PK\x03\x04", b"SQLite f", b"%PDF", b"\xd0\xcf\x11\xe0")) or (
        b"\0" in raw[:4096] and not head.startswith((b"\xff\xfe", b"\xfe\xff"))
    ):
        raise not_what_it_says(path, "a text table")
    try:
        text, encoding = decode(raw)
    except UnicodeDecodeError as fault:
        raise unreadable(
            path,
            f"byte {fault.start + 1} fits neither UTF-8, UTF-16 nor GB18030; save it as UTF-8",
            code="file_encoding",
            byte=fault.start + 1,
        ) from fault
    sample = "\n".join(text.splitlines()[:30])
    delimiter = max(",;\t", key=sample.count)
    before = csv.field_size_limit(MAX_CELL)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        grid = list(reader)
    except csv.Error as fault:
        raise unreadable(
            path,
            f"line {reader.line_num}: {fault}; mend the quotes there",
            code="csv_broken",
            line=reader.line_num,
            detail=str(fault),
        ) from fault
    finally:
        csv.field_size_limit(before)
    return _table(path, layer, grid, [Note("encoding", {"encoding": encoding.upper()})])


def _read_xlsx(path: Path, layer: str) -> Reading:
    if not zipfile.is_zipfile(path):
        raise not_what_it_says(path, "an Excel workbook (.xlsx)")
    try:
        with python_calamine.load_workbook(str(path)) as book:
            names = book.sheet_names
            if not names:
                raise unreadable(path, "the workbook has no sheet", code="file_no_sheet")
            grid = book.get_sheet_by_index(0).to_python(skip_empty_area=False)
    except (python_calamine.CalamineError, OSError) as fault:
        raise not_what_it_says(path, "an Excel workbook (.xlsx)") from fault
    notes: list[Note] = []
    if len(names) > 1:
        notes.append(Note("other_sheets", {"read": names[0], "others": ", ".join(names[1:])}))
    return _table(path, layer, grid, notes)


# -- features --------------------------------------------------------------------------------------


def _geojson_datum(document: dict[str, Any], path: Path) -> str:
    """GeoJSON is WGS-84; an old `crs` member may name another one, a link is never followed."""
    stated = document.get("crs")
    if stated is None:
        return WGS84
    name = stated.get("properties", {}).get("name") if isinstance(stated, dict) else None
    if not isinstance(name, str):
        raise unreadable(
            path,
            "its crs member is no name; remove it or give --datum",
            code="geojson_crs",
            crs=str(stated)[:60],
        )
    tail = name.rsplit(":", 1)[-1]
    return WGS84 if tail in ("CRS84", "4326") else f"EPSG:{tail}"


def _read_geojson(path: Path, layer: str) -> Reading:  # noqa: ARG001 - every reader takes the layer
    raw = path.read_bytes()
    try:
        document = json.loads(decode(raw)[0])
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as fault:
        raise not_what_it_says(path, "GeoJSON", reason=str(fault)[:120]) from fault
    features = document.get("features") if isinstance(document, dict) else None
    if not isinstance(features, list):
        raise not_what_it_says(path, "a GeoJSON FeatureCollection")
    datum = _geojson_datum(document, path)
    headings = list(
        dict.fromkeys(
            key
            for feature in features
            if isinstance(feature, dict)
            for key in (feature.get("properties") or {})
        )
    )
    if any(isinstance(feature, dict) and "id" in feature for feature in features) and "id" not in headings:
        headings.insert(0, "id")
    rows = [str(number + 1) for number in range(len(features))]
    geometry = np.full(len(features), None, dtype=object)
    faults: dict[str, str] = {}
    values: list[list[Any]] = []
    for number, feature in enumerate(features):
        record: dict[str, Any] = {}
        if isinstance(feature, dict) and isinstance(feature.get("properties") or {}, dict):
            record = dict(feature.get("properties") or {})
            record.setdefault("id", feature.get("id"))
            if feature.get("geometry") is not None:
                try:
                    geometry[number] = shapely.from_geojson(json.dumps(feature["geometry"]))
                except (shapely.errors.GEOSException, TypeError, ValueError) as fault:
                    faults[rows[number]] = str(fault)[:80]
        else:
            faults[rows[number]] = "not a feature"
        values.append([record.get(key) for key in headings])
    return Reading(headings, rows, values, geometry, faults, datum)


def _read_vector(source: Path, path: Path, name: str | None, encoding: str | None) -> Reading:
    """One layer of a GeoPackage or shapefile that has been checked to be one."""
    try:
        meta, _, wkb, fields = pyogrio.raw.read(source, layer=name, encoding=encoding, force_2d=True)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, UnicodeDecodeError) as fault:
        raise unreadable(
            path,
            f"it is damaged or incomplete ({str(fault)[:120]})",
            code="file_damaged",
            detail=str(fault)[:120],
        ) from fault
    geometry = np.full(len(fields[0]) if fields else len(wkb), None, dtype=object)
    faults: dict[str, str] = {}
    if wkb is not None:
        geometry[:] = shapely.from_wkb(wkb, on_invalid="ignore")
        for number in np.flatnonzero([blob is not None for blob in wkb] & shapely.is_missing(geometry)):
            faults[str(number + 1)] = "damaged geometry"
    columns = [column.tolist() for column in fields]
    values = [list(record) for record in zip(*columns, strict=True)] if columns else [[] for _ in geometry]
    rows = [str(number + 1) for number in range(len(geometry))]
    return Reading(list(meta["fields"]), rows, values, geometry, faults, meta["crs"])


def _read_gpkg(path: Path, layer: str) -> Reading:
    with path.open("rb") as file:
        if file.read(16) != b"SQLite format 3\0":
            raise not_what_it_says(path, "a GeoPackage")
    try:
        names = [str(name) for name, kind in pyogrio.list_layers(path) if kind is not None]
    except pyogrio.errors.DataSourceError as fault:
        raise not_what_it_says(path, "a GeoPackage") from fault
    if not names:
        raise unreadable(path, "it has no layer with geometry", code="file_no_layer")
    chosen = layer if layer in names else names[0]
    reading = _read_vector(path, path, chosen, None)
    if len(names) > 1:
        others = ", ".join(name for name in names if name != chosen)
        reading.notes.append(Note("other_layers", {"read": chosen, "others": others}))
    return reading


def _read_zip(path: Path, layer: str) -> Reading:  # noqa: ARG001 - every reader takes the layer
    if not zipfile.is_zipfile(path):
        raise not_what_it_says(path, "a zip file")
    with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory() as folder:
        members = {info.filename: info for info in archive.infolist() if not info.is_dir()}
        shapes = [name for name in members if name.lower().endswith(".shp")]
        if len(shapes) != 1:
            raise unreadable(
                path,
                f"it holds {len(shapes)} shapefiles (.shp), one is needed",
                code="zip_shapes",
                count=len(shapes),
            )
        stem = shapes[0][:-4]
        # names inside the archive are never used as paths: the parts are written under a name of ours
        parts = {
            suffix: members[name]
            for name in members
            for suffix in SHAPEFILE_PARTS
            if name[: -len(suffix)] == stem and name.lower().endswith(suffix)
        }
        missing = [suffix for suffix in (".shp", ".shx", ".dbf") if suffix not in parts]
        if missing:
            raise unreadable(
                path,
                f"the shapefile lacks its {', '.join(missing)}",
                code="zip_parts",
                missing=", ".join(missing),
            )
        total = sum(info.file_size for info in parts.values())
        if total > MAX_BYTES:
            raise too_large(path, total, MAX_BYTES)
        try:
            for suffix, info in parts.items():
                Path(folder, f"layer{suffix}").write_bytes(archive.read(info))
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError) as fault:
            raise unreadable(
                path, f"it is damaged or locked ({fault})", code="file_damaged", detail=str(fault)[:120]
            ) from fault
        shape = Path(folder, "layer.shp")
        if shape.read_bytes()[:4] != b"\0\0\x27\x0a":
            raise not_what_it_says(path, "a zipped shapefile")
        encoding = None if ".cpg" in parts else _dbf_encoding(Path(folder, "layer.dbf"))
        return _read_vector(shape, path, None, encoding)


def _dbf_encoding(path: Path) -> str:
    """A .dbf without .cpg from a Chinese office is UTF-8 or GB18030, never the Latin-1 GDAL assumes."""
    try:
        path.read_bytes().decode("utf-8", errors="strict")
    except UnicodeDecodeError:
        return "GB18030"
    return "UTF-8"


READERS: dict[str, Callable[[Path, str], Reading]] = {
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".xlsx": _read_xlsx,
    ".geojson": _read_geojson,
    ".json": _read_geojson,
    ".gpkg": _read_gpkg,
    ".zip": _read_zip,
}
