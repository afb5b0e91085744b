"""Every fault of a file's rows, and the rows that may be stored.

Nothing vanishes: accepted + refused = rows in the file, and every refusal names row, column, value,
reason and what to do.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.exceptions import CRSError as ProjCRSError

from geo.crs import DATUMS, WGS84
from geo.errors import LayerError
from geo.frame import CITY_DEGREES

from .cells import Refused, text_of, value_of
from .columns import PLACE, match_headings, plain
from .faults import Fault, Note
from .places import Places, find_places, from_text, plane_numbers
from .reading import Reading
from .schema import LAYERS, Layer, conform

MAX_DEGREES = 180.0

_TOTALS = {"合计", "总计", "小计", "共计", "total", "totals", "sum"}
_VETS = re.compile("宠物|兽医|动物(医|诊|门诊|保健)|\\bvet(erinary|s)?\\b", re.IGNORECASE)
_DORMITORY = re.compile("宿舍|dormitory", re.IGNORECASE)
_COMMITTEE = re.compile("居委会|居民委员会|社区服务中心|党群服务中心|社区工作站")


@dataclass(frozen=True)
class Checked:
    """The outcome of checking a file.

    Parameters
    ----------
    table : GeoDataFrame
        Accepted rows, conforming to the layer.
    rows : list of str
        The row number of each accepted row.
    faults : list of Fault
        One per refused row.
    read : int
        Records in the file: always len(table) + len(faults).
    notes : list of Note
        What a user should know though nothing was refused.
    datum : str
        The datum the coordinates were taken in.
    """

    table: gpd.GeoDataFrame
    rows: list[str]
    faults: list[Fault]
    read: int
    datum: str
    notes: list[Note] = field(default_factory=list)


def check(
    reading: Reading,
    layer: str,
    *,
    datum: str | None = None,
    anchor_class: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Checked:
    """Check every record of a file against a layer.

    Parameters
    ----------
    reading : Reading
        As `read_file` returns it.
    layer : str
        A key of `LAYERS`.
    datum : str, optional
        As `geo.crs.parse_datum` returns it; it overrules what the file states. Without either,
        coordinates within the range of degrees are taken as WGS-84 and a note says so.
    anchor_class : str, optional
        The class of every row, for anchors whose file has no such column.
    progress : callable, optional
        Called with (rows done, rows in all).

    Raises
    ------
    LayerError
        If a required column is missing from the file, or the file has no place at all.
    """
    schema = LAYERS[layer]
    at = match_headings(reading.headings, layer)
    notes = list(reading.notes)
    datum = _settle_datum(reading, at, datum, notes)
    _require_fitting_datum(reading, at, datum)
    _require_columns(reading, schema, at, anchor_class)
    places = find_places(reading, schema, at, datum)
    if places.northing_first:
        notes.append(Note("northing_first", {"column": reading.headings[at["lon"]]}))
    records: dict[int, dict[str, Any]] = {}
    refused: dict[int, Refused] = {}
    for number in range(len(reading.values)):
        if progress is not None and number % 500 == 0:
            progress(number, len(reading.values))
        try:
            records[number] = _row(schema, reading, at, places, number, anchor_class)
        except Refused as wrong:
            refused[number] = wrong
    _far_away(records, places, refused)
    _give_ids(schema, records, places)
    _same_ids(reading, at, records, refused)
    kept = list(records)
    table = gpd.GeoDataFrame(
        pd.DataFrame(list(records.values()), columns=[column.name for column in schema.columns]),
        geometry=places.shapes[kept],
        crs=WGS84,
    )
    if schema.gates:
        table["gates"] = pd.Series(list(places.gates[kept]), index=table.index, dtype=object)
    if repaired := len(places.repaired & records.keys()):
        notes.append(Note("repaired", {"count": repaired}))
    if kept and (unused := _unused(reading, at, schema)):
        notes.append(Note("columns_unused", {"count": len(unused), "columns": ", ".join(unused)[:200]}))
    return Checked(
        table=conform(table, layer),
        rows=[reading.rows[number] for number in kept],
        faults=[refused[number].fault(reading.rows[number]) for number in sorted(refused)],
        read=len(reading.values),
        datum=datum,
        notes=notes,
    )


def _columns(schema: Layer) -> list[str]:
    return [column.name for column in schema.columns] + (["gates"] if schema.gates else [])


def _unused(reading: Reading, at: dict[str, int], schema: Layer) -> list[str]:
    """Headings of the file that no column of the layer takes up: said, so that nothing goes silently."""
    wanted = {*_columns(schema), *PLACE}
    used = {position for name, position in at.items() if name in wanted}
    return [heading for position, heading in enumerate(reading.headings) if heading and position not in used]


def _settle_datum(reading: Reading, at: dict[str, int], datum: str | None, notes: list[Note]) -> str:
    stated = None if reading.datum is None else _known_crs(reading.datum)
    unusable = reading.datum_unusable or (reading.datum if stated is None else None)
    if datum is not None:
        if unusable is not None or (stated is not None and stated != CRS.from_user_input(WGS84)):
            told = unusable if stated is None else stated.name
            notes.append(Note("datum_overruled", {"stated": told, "datum": datum}))
        return datum
    if unusable is not None:
        raise LayerError(
            f"the file states a coordinate system that cannot be used ({unusable[:80]});"
            " say it with --datum, for example --datum EPSG:4547",
            code="datum_unusable",
            stated=unusable[:80],
        )
    if stated is not None:
        epsg = stated.to_epsg()
        return {4326: "wgs84", 4490: "cgcs2000"}.get(
            epsg or 0, f"EPSG:{epsg}" if epsg else stated.to_wkt()
        )  # fmt: skip
    largest = _largest_if_plane(reading, at)
    if largest is not None:
        raise LayerError(
            f"the coordinates (up to {largest:.0f}) are no degrees and the file states no datum;"
            " say it with --datum EPSG:n, for example EPSG:4547",
            code="datum_needed",
            largest=f"{largest:.0f}",
        )
    notes.append(Note("datum_assumed", {}))
    return "wgs84"


def _require_fitting_datum(reading: Reading, at: dict[str, int], datum: str) -> None:
    """Degrees read as the metres of a plane would all land at one corner of it, without a fault."""
    if datum in DATUMS or CRS.from_user_input(datum).is_geographic:
        return
    found = _coordinates(reading, at)
    if found.size and np.median(np.abs(found)) <= MAX_DEGREES:
        raise LayerError(
            f"the coordinates (such as {found[0]:g}) are degrees, and {CRS.from_user_input(datum).name} has"
            " metres; say the datum of the degrees: --datum wgs84, cgcs2000, gcj02 or bd09",
            code="datum_not_metres",
            first=f"{found[0]:g}",
            datum=CRS.from_user_input(datum).name,
        )


def _known_crs(stated: str) -> CRS | None:
    """The CRS, if it is one that places on Earth can be taken from."""
    try:
        known = CRS.from_user_input(stated)
    except ProjCRSError:
        return None
    return known if known.is_geographic or known.is_projected else None


def _coordinates(reading: Reading, at: dict[str, int]) -> NDArray[np.float64]:
    """All finite coordinates of the file, as they stand there; of a column of WKT those of 1,000 rows."""
    if reading.geometry is not None:
        found = shapely.get_coordinates(reading.geometry)
    elif "geometry" in at:
        told = (text_of(row[at["geometry"]]) for row in reading.values[:1000])
        found = shapely.get_coordinates([from_text(wkt) for wkt in told if wkt is not None])
    elif "lon" in at and "lat" in at:
        found = plane_numbers(reading, at)
    else:
        found = np.empty((0, 2))
    finite: NDArray[np.float64] = found[np.isfinite(found)]
    return finite


def _largest_if_plane(reading: Reading, at: dict[str, int]) -> float | None:
    """The largest coordinate, if most are no degrees; a few wild values are row faults instead."""
    sizes = np.abs(_coordinates(reading, at))
    return float(sizes.max()) if sizes.size and np.median(sizes) > MAX_DEGREES else None


def _require_columns(reading: Reading, schema: Layer, at: dict[str, int], anchor_class: str | None) -> None:
    missing = [
        column
        for column in schema.columns
        if column.required
        and column.name not in at
        and column.name != "id"
        and not (column.name == "class" and schema.name == "anchors" and anchor_class)
    ]
    if schema.name == "areas" and "id" not in at:
        missing.insert(0, schema.by_name["id"])
    if missing:
        names = ", ".join(f"{column.name} ({column.zh})" for column in missing)
        hint = "; say it with --class" if schema.name == "anchors" else ""
        raise LayerError(
            f"the file has no column for {names}; its headings are {', '.join(reading.headings)[:200]}{hint}",
            code="column_missing",
            columns=names,
            headings=", ".join(reading.headings)[:200],
        )
    if reading.geometry is None and "geometry" not in at and not {"lon", "lat"} <= at.keys():
        raise LayerError(
            f"the file has no coordinates: name two columns 经度 and 纬度 (lon, lat) or one geometry (WKT);"
            f" its headings are {', '.join(reading.headings)[:200]}",
            code="place_columns_missing",
            headings=", ".join(reading.headings)[:200],
        )


def _name_traps(layer: Layer, record: dict[str, Any], heading: str) -> None:
    name = record.get("name") or ""
    if layer.name == "anchors" and record.get("class") == "hospital" and _VETS.search(name):
        raise Refused(heading, name, "vet", "is an animal clinic, not a hospital; leave it out")
    if layer.name == "compounds" and _DORMITORY.search(name):
        raise Refused(heading, name, "dormitory", "is a dormitory, not a compound; leave it out")
    if layer.name == "compounds" and _COMMITTEE.search(name):
        raise Refused(
            heading, name, "community_not_compound",
            "is a residents' committee (社区), not a compound (小区);"
            " import it as an anchor of class community",
        )  # fmt: skip


def _row(
    schema: Layer, reading: Reading, at: dict[str, int], places: Places, number: int,
    anchor_class: str | None,
) -> dict[str, Any]:  # fmt: skip
    row = reading.values[number]
    _row_traps(reading, number, row)
    record: dict[str, Any] = {}
    for column in schema.columns:
        position = at.get(column.name)
        given = None if position is None else row[position]
        heading = "" if position is None else reading.headings[position]
        if position is None and column.name == "class" and schema.name == "anchors":
            given = anchor_class
        value = value_of(column, schema, given, heading)
        if value is None and column.required and (column.name != "id" or schema.name == "areas"):
            raise Refused(heading, given, "value_missing", "is missing; complete it")
        record[column.name] = value
    _name_traps(schema, record, reading.headings[at["name"]] if "name" in at else "")
    if number in places.refused:
        raise places.refused[number]
    return record


def _row_traps(reading: Reading, number: int, row: list[Any]) -> None:
    """Rows that are no record at all."""
    nowhere = reading.geometry is None or reading.geometry[number] is None
    if nowhere and reading.rows[number] not in reading.geometry_faults and not any(map(text_of, row)):
        raise Refused("", "", "row_empty", "is empty; delete the row")
    if reading.rows[number] in reading.too_wide:
        cells, width = reading.too_wide[reading.rows[number]], len(reading.headings)
        raise Refused(
            "", row[-1] or "", "row_wide",
            f"has {cells} cells, more than there are headings; put text with a separator in quotes",
            cells=cells, headings=width,
        )  # fmt: skip
    if reading.geometry is None:
        for cell in row[:3]:
            if isinstance(cell, str) and len(cell) < 12 and plain(cell) in _TOTALS:
                raise Refused("", cell, "row_total", "is a total, not a record; delete the row")


def _far_away(records: dict[int, dict[str, Any]], places: Places, refused: dict[int, Refused]) -> None:
    """Refuse what lies far from the file's middle: another province is a mistake, not a site."""
    if len(records) < 3:
        return
    numbers = np.array(list(records))
    bounds = shapely.bounds(places.shapes[numbers])
    middle = 0.5 * (bounds[:, :2] + bounds[:, 2:])
    away = (np.abs(middle - np.median(middle, axis=0)) > CITY_DEGREES).any(axis=1)
    for number, (lon, lat) in zip(numbers[away].tolist(), middle[away], strict=True):
        del records[number]
        refused[number] = Refused(
            "", f"{lon:.5f}, {lat:.5f}", "outside_city",
            f"lies more than {CITY_DEGREES:g} degrees from the middle of this file; check the coordinates",
            degrees=f"{CITY_DEGREES:g}",
        )  # fmt: skip


def _give_ids(schema: Layer, records: dict[int, dict[str, Any]], places: Places) -> None:
    """An id for rows that have none: the same content gets the same id in every import.

    A place is told by class, name and geometry, so that a changed remark does not make another one
    of it; issues repeat at the same place and are told by all they say.
    """
    without = [number for number, record in records.items() if record["id"] is None]
    shapes = shapely.set_precision(places.shapes[without], 1e-7, mode="pointwise")
    for number, wkb in zip(without, shapely.to_wkb(shapes, byte_order=1), strict=True):
        record = records[number]
        if schema.name == "issues":
            content = "|".join(str(value) for value in record.values())
        else:
            content = f"{record.get('class')}|{record.get('name')}"
        record["id"] = "x" + hashlib.sha256(f"{schema.name}|{content}|".encode() + wkb).hexdigest()[:15]


def _same_ids(
    reading: Reading, at: dict[str, int], records: dict[int, dict[str, Any]], refused: dict[int, Refused]
) -> None:
    """Refuse every row whose id stands further up."""
    heading = reading.headings[at["id"]] if "id" in at else ""
    seen: dict[str, str] = {}
    for number in list(records):
        told = records[number]["id"]
        first = seen.setdefault(told, reading.rows[number])
        if first != reading.rows[number]:
            del records[number]
            refused[number] = Refused(
                heading, told, "id_twice",
                f"stands already in row {first}; give every record its own id", first=first,
            )  # fmt: skip
