"""GeoJSON, GeoPackage and zipped shapefiles: features with their geometry and their datum.

GeoJSON is read by the standard library, so that no link in it is ever followed. GDAL sees only
GeoPackages and shapefiles that have been checked to be one, under names of ours.
"""

from __future__ import annotations

import json
import lzma
import re
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyogrio
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.exceptions import CRSError as ProjCRSError

from geo.crs import WGS84

from .cells import storable
from .faults import Note
from .read_tables import decode
from .reading import Reading, damaged, not_what_it_says, require_unpacked_size, unreadable

SHAPEFILE_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")
_EPSG = re.compile(
    r"(?:urn:(?:x-)?ogc:def:crs:EPSG:[\w.]*:|EPSG:|https?://www\.opengis\.net/def/crs/EPSG/[\w.]+/)(\d{4,6})",
    re.IGNORECASE,
)
_CRS84 = re.compile(
    r"(?:urn:(?:x-)?ogc:def:crs:OGC:[\w.]*:|OGC:|https?://www\.opengis\.net/def/crs/OGC/[\w.]+/)CRS84",
    re.IGNORECASE,
)


# -- GeoJSON ---------------------------------------------------------------------------------------


def read_geojson(path: Path, layer: str) -> Reading:  # noqa: ARG001 - every reader takes the layer
    """A FeatureCollection; an id beside the properties serves where they have none."""
    try:
        document = json.loads(decode(path.read_bytes())[0])
    except (ValueError, RecursionError) as fault:
        raise not_what_it_says(path, "GeoJSON", reason=str(fault)[:120]) from fault
    features = document.get("features") if isinstance(document, dict) else None
    if not isinstance(features, list):
        raise not_what_it_says(path, "a GeoJSON FeatureCollection")
    datum, unusable = _geojson_datum(document.get("crs"))
    records = [_properties(feature) for feature in features]
    keys = list(dict.fromkeys(key for record in records for key in record or ()))
    rows = [str(number + 1) for number in range(len(features))]
    faults = {row: "not a feature" for row, record in zip(rows, records, strict=True) if record is None}
    return Reading(
        headings=[storable(key) for key in keys],
        rows=rows,
        values=[[(record or {}).get(key) for key in keys] for record in records],
        geometry=_geojson_geometry(features, rows, faults),
        geometry_faults=faults,
        datum=datum,
        datum_unusable=unusable,
    )


def _properties(feature: Any) -> dict[str, Any] | None:
    """The properties with the feature's id, None where it is no feature."""
    if not isinstance(feature, dict):
        return None
    given = feature.get("properties")
    if given is not None and not isinstance(given, dict):
        return None
    return {**({"id": feature["id"]} if "id" in feature else {}), **(given or {})}


def _geojson_geometry(features: list[Any], rows: list[str], faults: dict[str, str]) -> NDArray[np.object_]:
    told: list[str | None] = []
    for row, feature in zip(rows, features, strict=True):
        shape = feature.get("geometry") if isinstance(feature, dict) else None
        if row in faults or shape is None:
            told.append(None)
        elif not isinstance(shape, dict) or _nested(shape):
            faults[row] = "no geometry"
            told.append(None)
        else:
            told.append(json.dumps(shape))
    geometry: NDArray[np.object_] = np.full(len(told), None, dtype=object)
    if told:
        geometry[:] = shapely.from_geojson(np.array(told, dtype=object), on_invalid="ignore")
    for number in np.flatnonzero(shapely.is_missing(geometry)):
        if told[number] is not None:
            faults[rows[number]] = str(told[number])[:80]
    return geometry


def _nested(shape: dict[str, Any]) -> bool:
    """A collection in a collection: the parser recurses, and a deep one would end the program."""
    members = shape.get("geometries")
    return isinstance(members, list) and any(
        isinstance(member, dict) and "geometries" in member for member in members
    )


def _geojson_datum(stated: Any) -> tuple[str | None, str | None]:
    """GeoJSON is WGS-84; an old `crs` member may name another one, a link is never followed."""
    if stated is None:
        return WGS84, None
    inside = stated.get("properties") if isinstance(stated, dict) else None
    name = inside.get("name") if isinstance(inside, dict) else None
    if isinstance(name, str):
        if _CRS84.fullmatch(name):
            return WGS84, None
        code = _EPSG.fullmatch(name)
        if code:
            return f"EPSG:{code[1]}", None
    return None, storable(name if isinstance(name, str) else str(stated))[:80]


# -- GDAL ------------------------------------------------------------------------------------------


@contextmanager
def _gdal(path: Path, notes: list[Note]) -> Iterator[None]:
    """What GDAL warns of becomes a note, what it refuses a LayerError."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            yield
        except (RuntimeError, ValueError, OverflowError) as fault:
            raise damaged(path, str(fault).replace(str(path), path.name)) from fault
    for warning in told:
        detail = storable(str(warning.message).replace(str(path), path.name))[:120]
        notes.append(Note("reader_warned", {"detail": detail}))


def _read_vector(source: Path, path: Path, name: str | None, encoding: str | None) -> Reading:
    """One layer of a GeoPackage or shapefile that has been checked to be one."""
    notes: list[Note] = []
    with _gdal(path, notes):
        meta, _, wkb, fields = pyogrio.raw.read(
            source, layer=name, encoding=encoding, force_2d=True, datetime_as_string=True
        )
    if wkb is None:
        raise unreadable(path, "it has no layer with geometry", code="file_no_layer")
    geometry: NDArray[np.object_] = np.full(len(wkb), None, dtype=object)
    geometry[:] = shapely.from_wkb(wkb, on_invalid="ignore")
    rows = [str(number + 1) for number in range(len(geometry))]
    there = np.array([blob is not None for blob in wkb], dtype=bool)
    faults = {
        rows[number]: "damaged geometry" for number in np.flatnonzero(there & shapely.is_missing(geometry))
    }
    columns = [column.tolist() for column in fields]
    values = [list(record) for record in zip(*columns, strict=True)] if columns else [[] for _ in rows]
    headings = [storable(heading) for heading in meta["fields"]]
    return Reading(headings, rows, values, geometry, faults, datum=meta["crs"], notes=notes)


def read_gpkg(path: Path, layer: str) -> Reading:
    """The layer of that name, else the first with geometry."""
    with path.open("rb") as file:
        if file.read(16) != b"SQLite format 3\0":
            raise not_what_it_says(path, "a GeoPackage")
    ignored: list[Note] = []
    with _gdal(path, ignored):
        names = [str(name) for name, kind in pyogrio.list_layers(path) if kind is not None]
    if not names:
        raise unreadable(path, "it has no layer with geometry", code="file_no_layer")
    chosen = layer if layer in names else names[0]
    reading = _read_vector(path, path, chosen, None)
    if reading.datum is None:
        reading = replace(reading, datum_unusable="a number that the file does not explain")
    elif "undefined" in reading.datum[:60].lower():
        reading = replace(reading, datum=None)  # the standard's word for coordinates nobody has named
    if len(names) > 1:
        others = ", ".join(name for name in names if name != chosen)
        reading.notes.append(Note("other_layers", {"read": storable(chosen), "others": storable(others)}))
    return reading


# -- shapefiles ------------------------------------------------------------------------------------


def read_zip(path: Path, layer: str) -> Reading:  # noqa: ARG001 - every reader takes the layer
    """The one shapefile of an archive, whatever its folder and the script of its name."""
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, NotImplementedError) as fault:
        raise not_what_it_says(path, "a zip file") from fault
    with archive, tempfile.TemporaryDirectory() as folder:
        shape = _unpack(path, archive, Path(folder))
        if shape.read_bytes()[:4] != b"\0\0\x27\x0a":
            raise not_what_it_says(path, "a zipped shapefile")
        unusable = _unusable_prj(shape.with_suffix(".prj"))
        encoding = None if shape.with_suffix(".cpg").exists() else _dbf_encoding(shape.with_suffix(".dbf"))
        reading = _read_vector(shape, path, None, encoding)
    return reading if unusable is None else replace(reading, datum=None, datum_unusable=unusable)


def _unpack(path: Path, archive: zipfile.ZipFile, folder: Path) -> Path:
    """Write the parts under a name of ours: names inside an archive are never used as paths."""
    members = {
        info.filename.lower(): info
        for info in archive.infolist()
        # what a Mac adds to every archive
        if not info.is_dir() and not PurePosixPath(info.filename).name.startswith("._")
    }
    shapes = [name for name in members if name.endswith(".shp")]
    if len(shapes) != 1:
        raise unreadable(
            path,
            f"it holds {len(shapes)} shapefiles (.shp), one is needed",
            code="zip_shapes",
            count=len(shapes),
        )
    stem = shapes[0][:-4]
    parts = {suffix: members[stem + suffix] for suffix in SHAPEFILE_PARTS if stem + suffix in members}
    missing = ", ".join(suffix for suffix in (".shp", ".shx", ".dbf") if suffix not in parts)
    if missing:
        raise unreadable(
            path, f"the shapefile lacks its {missing}; add it to the zip", code="zip_parts", missing=missing
        )
    require_unpacked_size(path, parts.values())
    if any(info.flag_bits & 1 for info in parts.values()):
        raise unreadable(
            path, "it is locked with a password; unpack it and zip it again without", code="zip_locked"
        )
    try:
        for suffix, info in parts.items():
            Path(folder, f"layer{suffix}").write_bytes(archive.read(info))
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, OSError) as fault:
        raise damaged(path, fault) from fault
    return Path(folder, "layer.shp")


def _unusable_prj(path: Path) -> str | None:
    """What the .prj says, if PROJ cannot read it; it is then taken away, so that GDAL does not try."""
    if not path.exists():
        return None
    told = path.read_bytes()[:20_000].decode("utf-8", errors="replace").strip()
    try:
        CRS.from_wkt(told)
    except ProjCRSError:
        path.unlink()
        return storable(told)[:80]
    return None


def _dbf_encoding(path: Path) -> str:
    """A .dbf without .cpg from a Chinese office is UTF-8 or GB18030, never the Latin-1 GDAL assumes.

    Judged by the records alone (the header is binary), and by most of the text: a UTF-8 name cut
    off at the width of its field ends in half a character.
    """
    raw = path.read_bytes()
    records = raw[int.from_bytes(raw[8:10], "little") :]
    told = records.decode("utf-8", errors="replace")
    broken = told.count("\N{REPLACEMENT CHARACTER}")
    foreign = sum(1 for sign in told if sign > "\x7f")
    return "GB18030" if broken * 5 > foreign else "UTF-8"


READERS = {".geojson": read_geojson, ".json": read_geojson, ".gpkg": read_gpkg, ".zip": read_zip}
