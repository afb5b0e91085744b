"""Every fault of a file's rows, and the rows that may be stored.

Nothing vanishes: accepted + refused = rows in the file, and every refusal names row, column, value,
reason and what to do. Values are only ever translated by the alias tables, never guessed.
"""

from __future__ import annotations

import hashlib
import math
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from geo.crs import WGS84, geometry_to_wgs84, to_wgs84
from geo.errors import LayerError
from geo.frame import CITY_DEGREES

from .columns import PLACE, known_value, match_headings, plain
from .faults import Fault, Note, shorten
from .read import Reading
from .schema import LAYERS, POINT, POLYGON, Column, Layer, conform

SHANGHAI = ZoneInfo("Asia/Shanghai")
MAX_TEXT = 2000
_TOTALS = {"合计", "总计", "小计", "total", "totals", "sum"}
_VETS = re.compile("宠物|兽医|动物(医|诊|门诊|保健)|\\bvet(erinary|s)?\\b", re.IGNORECASE)
_DORMITORY = re.compile("宿舍|dormitory", re.IGNORECASE)
_COMMITTEE = re.compile("居委会|居民委员会|社区服务中心|党群服务中心|社区工作站")
_EXCEL_ZERO = datetime(1899, 12, 30, tzinfo=SHANGHAI)


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


class _Refused(Exception):
    """Why the row at hand cannot be taken; becomes a Fault."""

    def __init__(self, column: str, value: object, code: str, message: str, **facts: Any) -> None:
        super().__init__(message)
        self.column, self.value, self.code, self.facts = column, value, code, facts


def _text(value: Any) -> str | None:
    """A cell as text: whole numbers without a decimal point, blanks as missing."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    told = str(value).replace("\0", "").strip()
    return told or None


def _number(value: Any, heading: str) -> float | None:
    told = _text(value)
    if told is None:
        return None
    clean = unicodedata.normalize("NFKC", told).replace(",", "").rstrip("°")
    try:
        number = float(clean)
    except ValueError:
        raise _Refused(
            heading, value, "not_a_number", "is not a number; write it in digits, for example 114.30512"
        ) from None
    if not math.isfinite(number):
        raise _Refused(heading, value, "not_finite", "is not a finite number; complete it")
    return number


def _integer(value: Any, heading: str) -> int | None:
    number = _number(value, heading)
    if number is None:
        return None
    if not number.is_integer() or not -(2**53) < number < 2**53:
        raise _Refused(heading, value, "not_whole", "is not a whole number")
    return int(number)


_DATE = re.compile(
    r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?"
    r"(?:[T\s]+(\d{1,2})[:时](\d{1,2})(?:[:分](\d{1,2})(?:\.\d+)?秒?)?分?)?\s*(Z|[+-]\d{2}:?\d{2})?"
)


def _datetime(value: Any, heading: str) -> datetime | None:
    """Dates as offices write them; without a zone they are Asia/Shanghai."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=SHANGHAI)
    if isinstance(value, int | float) and not isinstance(value, bool) and 20_000 < value < 80_000:
        return _EXCEL_ZERO + timedelta(days=float(value))
    told = _text(value)
    if told is None:
        return None
    found = _DATE.fullmatch(unicodedata.normalize("NFKC", told))
    try:
        if found is None:
            raise ValueError
        year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
        at = datetime(year, month, day, hour, minute, second, tzinfo=SHANGHAI)
        zone = found[7]
        if zone:
            at = datetime.fromisoformat(f"{at:%Y-%m-%dT%H:%M:%S}{'+00:00' if zone == 'Z' else zone}")
    except ValueError:
        raise _Refused(
            heading, value, "not_a_date", "is not a date; write 2024-05-06 or 2024-05-06 08:30"
        ) from None
    return at.astimezone(SHANGHAI)


def _value(column: Column, layer: Layer, value: Any, heading: str) -> Any:
    """The stored value of a cell."""
    if column.kind == "number":
        return _number(value, heading)
    if column.kind == "integer":
        return _integer(value, heading)
    if column.kind == "datetime":
        return _datetime(value, heading)
    told = _text(value)
    if told is None:
        return None
    if len(told) > MAX_TEXT:
        raise _Refused(
            heading, value, "text_long",
            f"has {len(told)} characters, at most {MAX_TEXT} are kept; shorten it",
            length=len(told), limit=MAX_TEXT,
        )  # fmt: skip
    if not column.allowed:
        return told
    known = known_value(layer.name, column.name, told)
    if known is not None:
        return known
    if column.name == "class" and plain(told) in ("小区", "居民小区", "住宅小区", "compound"):
        raise _Refused(
            heading, value, "compound_not_anchor",
            "names a compound (小区), which is drawn and is no anchor; import it as compounds",
        )  # fmt: skip
    raise _Refused(
        heading, value, "value_unknown", f"is not known here; use one of {', '.join(column.allowed)}",
        allowed=", ".join(column.allowed),
    )  # fmt: skip


def _id_from_content(layer: str, record: dict[str, Any], geometry: Any) -> str:
    """An id for a row that has none: the same content gets the same id in every import."""
    content = f"{layer}|{record.get('class')}|{record.get('name')}|".encode()
    wkb = shapely.to_wkb(shapely.set_precision(geometry, 1e-7, mode="pointwise"), byte_order=1)
    return "x" + hashlib.sha256(content + wkb).hexdigest()[:15]


_SCIENTIFIC = re.compile(r"\d(\.\d+)?E\+?\d+", re.IGNORECASE)


def _checked_id(layer: Layer, told: str | None, heading: str) -> str | None:
    if told is not None and _SCIENTIFIC.fullmatch(told):
        raise _Refused(
            heading, told, "id_rounded",
            "is a long number that a spreadsheet has rounded; format the column as text and type it again",
        )  # fmt: skip
    if layer.name == "areas" and told is None:
        raise _Refused(heading, told, "value_missing", "is missing; every area needs its code")
    return told


def _name_traps(layer: Layer, record: dict[str, Any], heading: str) -> None:
    name = record.get("name") or ""
    if layer.name == "anchors" and record.get("class") == "hospital" and _VETS.search(name):
        raise _Refused(heading, name, "vet", "is an animal clinic, not a hospital; leave it out")
    if layer.name == "compounds" and _DORMITORY.search(name):
        raise _Refused(heading, name, "dormitory", "is a dormitory, not a compound; leave it out")
    if layer.name == "compounds" and _COMMITTEE.search(name):
        raise _Refused(
            heading, name, "community_not_compound",
            "is a residents' committee (社区), not a compound (小区);"
            " import it as an anchor of class community",
        )  # fmt: skip


# -- places ----------------------------------------------------------------------------------------


def _northing_first(x: NDArray[np.float64], y: NDArray[np.float64]) -> bool:
    """China's plane coordinates call the northing X: about 2 to 6 million, the easting below 1 million
    or with a zone number above 13 million."""
    known = np.isfinite(x) & np.isfinite(y)
    if not known.any():
        return False
    first, second = float(np.median(x[known])), float(np.median(y[known]))
    return 1.5e6 < first < 6.5e6 and (0 < second < 1.0e6 or second > 1.3e7)


def _degrees_fault(lon: float, lat: float, given: str) -> _Refused | None:
    """What is wrong with a place in degrees, or None."""
    if not (math.isfinite(lon) and math.isfinite(lat)):
        return _Refused(
            "", given, "place_not_finite", "has no place on Earth in this datum; check datum and values"
        )
    if abs(lat) > 90 and abs(lon) <= 90:
        return _Refused("", given, "swapped", "has a latitude beyond 90: longitude and latitude look swapped")
    if abs(lat) > 90 or abs(lon) > 180:
        return _Refused(
            "", given, "out_of_range",
            "is beyond 180 degrees of longitude or 90 of latitude; if these are metres, give --datum EPSG:n",
        )  # fmt: skip
    if lon == 0 and lat == 0:
        return _Refused("", given, "null_island", "is 0, 0: a place that was never measured; complete it")
    if 3 < lon < 54 and 73 < lat < 90:
        return _Refused("", given, "swapped", "would lie in the Arctic: longitude and latitude look swapped")
    return None


def _gate_points(told: str, heading: str) -> list[tuple[float, float]]:
    """``lon lat; lon lat`` or a WKT point or MultiPoint."""
    clean = unicodedata.normalize("NFKC", told)
    numbers = re.sub(r"(?i)multipoint|point|[()]", " ", clean).replace(",", ";")
    try:
        points = [
            (float(lon), float(lat))
            for lon, lat in (part.split() for part in numbers.split(";") if part.strip())
        ]
    except ValueError:
        raise _Refused(
            heading, told, "gates_unreadable", 'is no list of gates; write "lon lat; lon lat"'
        ) from None
    if not all(math.isfinite(value) for point in points for value in point):
        raise _Refused(heading, told, "gates_unreadable", 'is no list of gates; write "lon lat; lon lat"')
    return points


class _Places:
    """Geometry of the rows, from a geometry column, from coordinates, or from the file itself."""

    def __init__(self, reading: Reading, layer: Layer, at: dict[str, int], datum: str) -> None:
        self.reading, self.layer, self.at, self.datum = reading, layer, at, datum
        self.swap = False
        if (
            reading.geometry is None
            and "lon" in at
            and "lat" in at
            and datum not in ("wgs84", "cgcs2000", "gcj02", "bd09")
        ):
            self.swap = not CRS.from_user_input(datum).is_geographic and _northing_first(
                *(
                    np.array([_plain_number(row[at[name]]) for row in reading.values])
                    for name in ("lon", "lat")
                )
            )

    def heading(self, name: str) -> str:
        return self.reading.headings[self.at[name]] if name in self.at else ""

    def raw(self, number: int, row: list[Any]) -> Any:
        """The geometry of a row in the file's datum."""
        if self.reading.geometry is not None:
            told = self.reading.geometry_faults.get(self.reading.rows[number])
            if told is not None:
                raise _Refused(
                    "", told, "geometry_broken", "has a geometry that cannot be read; draw it again"
                )
            return self.reading.geometry[number]
        if "geometry" in self.at and _text(row[self.at["geometry"]]) is not None:
            told = str(_text(row[self.at["geometry"]]))
            shape = shapely.from_wkt(told, on_invalid="ignore")
            if shape is None:
                raise _Refused(
                    self.heading("geometry"), told, "geometry_broken", "is no well-known text (WKT)"
                )
            return shape
        if "lon" not in self.at or "lat" not in self.at:
            return None
        x = _number(row[self.at["lon"]], self.heading("lon"))
        y = _number(row[self.at["lat"]], self.heading("lat"))
        if x is None or y is None:
            name = "lon" if x is None else "lat"
            raise _Refused(self.heading(name), "", "place_missing", "is empty; complete the coordinates")
        return shapely.Point(y, x) if self.swap else shapely.Point(x, y)

    def geometry(self, number: int, row: list[Any]) -> Any:
        """The geometry of a row in EPSG:4326, of a type the layer takes, valid."""
        shape = self.raw(number, row)
        given = self._given(row, shape)
        if shape is None or shape.is_empty:
            raise _Refused(
                self.heading("lon"), "", "place_missing", "has no place; complete coordinates or geometry"
            )
        if not np.isfinite(shapely.get_coordinates(shape)).all():
            raise _Refused(
                self.heading("lon"), given, "place_not_finite", "has coordinates that are no numbers"
            )
        moved = geometry_to_wgs84(np.array([shape], dtype=object), self.datum)[0]
        for lon, lat in shapely.get_coordinates(moved):
            wrong = _degrees_fault(float(lon), float(lat), given)
            if wrong is not None:
                wrong.column = self.heading("lat")
                raise wrong
        return self._typed(moved, given)

    def _given(self, row: list[Any], shape: Any) -> str:
        if self.reading.geometry is None and "lon" in self.at and "lat" in self.at:
            return f"{row[self.at['lon']]}, {row[self.at['lat']]}"
        return "" if shape is None else shapely.to_wkt(shape, rounding_precision=6)[:60]

    def _typed(self, shape: Any, given: str) -> Any:
        kind = shape.geom_type
        if kind not in self.layer.geometry:
            if self.layer.name == "back_alleys" and kind in POINT:
                raise _Refused("", given, "alley_point", "is a point; a back alley is drawn as a line")
            raise _Refused(
                "", given, "geometry_type", f"is a {kind}; the layer takes {', '.join(self.layer.geometry)}",
                given=kind, allowed=", ".join(self.layer.geometry),
            )  # fmt: skip
        if kind in POLYGON and not shape.is_valid:
            shape = shapely.make_valid(shape, method="structure")
        if kind in POLYGON and (shape.geom_type not in POLYGON or shape.area == 0):
            raise _Refused("", given, "polygon_flat", "is a polygon without area; draw it again")
        if kind not in POLYGON and kind not in POINT and shape.length == 0:
            raise _Refused("", given, "line_flat", "is a line without length; draw it again")
        return shape

    def gates(self, row: list[Any]) -> Any:
        """MultiPoint in EPSG:4326, or None."""
        points: list[tuple[float, float]] = []
        if "gate_lon" in self.at and "gate_lat" in self.at:
            lon = _number(row[self.at["gate_lon"]], self.heading("gate_lon"))
            lat = _number(row[self.at["gate_lat"]], self.heading("gate_lat"))
            if lon is not None and lat is not None:
                points.append((lon, lat))
        if "gates" in self.at:
            told = _text(row[self.at["gates"]])
            if told is not None:
                points.extend(_gate_points(told, self.heading("gates")))
        if not points:
            return None
        x, y = np.array(points).T
        moved = np.column_stack(to_wgs84(y, x, self.datum) if self.swap else to_wgs84(x, y, self.datum))
        for lon_, lat_ in moved:
            wrong = _degrees_fault(float(lon_), float(lat_), str(points)[:60])
            if wrong is not None:
                wrong.column = self.heading("gates") or self.heading("gate_lat")
                raise wrong
        return shapely.MultiPoint(moved)


def _plain_number(value: Any) -> float:
    try:
        return float(_number(value, "") or math.nan)
    except _Refused:
        return math.nan


# -- the whole file --------------------------------------------------------------------------------


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
    _require_columns(reading, schema, at, anchor_class)
    places = _Places(reading, schema, at, datum)
    if places.swap:
        notes.append(Note("northing_first", {"column": reading.headings[at["lon"]]}))
    records: list[dict[str, Any]] = []
    shapes: list[Any] = []
    rows: list[int] = []
    faults: list[tuple[int, Fault]] = []
    seen: dict[str, str] = {}
    for number, row in enumerate(reading.values):
        if progress is not None and number % 500 == 0:
            progress(number, len(reading.values))
        try:
            record, shape = _row(schema, reading, at, places, number, row, anchor_class)
            first = seen.setdefault(record["id"], reading.rows[number])
            if first != reading.rows[number]:
                raise _Refused(
                    places.heading("id"), record["id"], "id_twice",
                    f"stands already in row {first}; give every record its own id", first=first,
                )  # fmt: skip
        except _Refused as wrong:
            faults.append((number, _fault(reading.rows[number], wrong)))
            continue
        records.append(record)
        shapes.append(shape)
        rows.append(number)
    kept, away = _near(np.array(shapes, dtype=object), reading, rows)
    faults.extend(away)
    table = gpd.GeoDataFrame(
        pd.DataFrame([records[index] for index in kept], columns=_columns(schema)),
        geometry=[shapes[index] for index in kept],
        crs=WGS84,
    )
    if len(kept) and (ungated := _lost(reading, at, schema)):
        notes.append(Note("columns_unused", {"count": len(ungated), "columns": ", ".join(ungated)[:200]}))
    return Checked(
        table=conform(table, layer),
        rows=[reading.rows[rows[index]] for index in kept],
        faults=[fault for _, fault in sorted(faults, key=lambda pair: pair[0])],
        read=len(reading.values),
        datum=datum,
        notes=notes,
    )


def _columns(schema: Layer) -> list[str]:
    return [column.name for column in schema.columns] + (["gates"] if schema.gates else [])


def _lost(reading: Reading, at: dict[str, int], schema: Layer) -> list[str]:
    """Headings of the file that no column of the layer takes up: said, so that nothing goes silently."""
    wanted = {*_columns(schema), *PLACE}
    used = {position for name, position in at.items() if name in wanted}
    return [heading for position, heading in enumerate(reading.headings) if heading and position not in used]


def _settle_datum(reading: Reading, at: dict[str, int], datum: str | None, notes: list[Note]) -> str:
    stated = reading.datum
    if datum is not None:
        if stated is not None and CRS.from_user_input(stated) != CRS.from_user_input(WGS84):
            notes.append(
                Note("datum_overruled", {"stated": CRS.from_user_input(stated).name, "datum": datum})
            )
        return datum
    if stated is not None:
        known = CRS.from_user_input(stated)
        epsg = known.to_epsg()
        return {4326: "wgs84", 4490: "cgcs2000"}.get(epsg or 0, f"EPSG:{epsg}" if epsg else known.to_string())
    values = _plane_coordinates(reading, at)
    if values.size and np.abs(values).max() > 180:
        raise LayerError(
            f"the coordinates (up to {np.abs(values).max():.0f}) are no degrees and the file states no datum;"
            " say it with --datum EPSG:n, for example EPSG:4547",
            code="datum_needed",
            largest=f"{np.abs(values).max():.0f}",
        )
    notes.append(Note("datum_assumed", {}))
    return "wgs84"


def _plane_coordinates(reading: Reading, at: dict[str, int]) -> NDArray[np.float64]:
    """The coordinates, if most of them are no degrees; a few wild values are row faults instead."""
    if reading.geometry is not None:
        found = shapely.get_coordinates(reading.geometry)
    elif "lon" in at and "lat" in at:
        found = np.array(
            [[_plain_number(row[at["lon"]]), _plain_number(row[at["lat"]])] for row in reading.values]
        )
    else:
        return np.empty(0)
    finite = found[np.isfinite(found)]
    return finite if finite.size and np.median(np.abs(finite)) > 180 else np.empty(0)


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


def _row(
    schema: Layer, reading: Reading, at: dict[str, int], places: _Places, number: int, row: list[Any],
    anchor_class: str | None,
) -> tuple[dict[str, Any], Any]:  # fmt: skip
    if all(_text(cell) is None for cell in row) and (
        reading.geometry is None or reading.geometry[number] is None
    ):
        raise _Refused("", "", "row_empty", "is empty; delete the row")
    if reading.geometry is None and any(plain(cell) in _TOTALS for cell in row[:3]):
        raise _Refused("", "合计", "row_total", "is a total, not a record; delete the row")
    record: dict[str, Any] = {}
    for column in schema.columns:
        heading = places.heading(column.name)
        given = row[at[column.name]] if column.name in at else None
        if column.name == "class" and schema.name == "anchors" and anchor_class and "class" not in at:
            given = anchor_class
        value = _value(column, schema, given, heading)
        if column.name == "id":
            value = _checked_id(schema, value, heading)
        elif column.required and value is None:
            raise _Refused(heading, given, "value_missing", "is missing; complete it")
        record[column.name] = value
    _name_traps(schema, record, places.heading("name"))
    shape = places.geometry(number, row)
    if schema.gates:
        record["gates"] = places.gates(row)
    if record["id"] is None:
        record["id"] = _id_from_content(schema.name, record, shape)
    return record, shape


def _near(
    shapes: NDArray[np.object_], reading: Reading, rows: list[int]
) -> tuple[list[int], list[tuple[int, Fault]]]:
    """Rows within reach of the file's middle; a place in another province is a mistake, not a site."""
    if len(shapes) < 3:
        return list(range(len(shapes))), []
    bounds = shapely.bounds(shapes)
    middle = 0.5 * (bounds[:, :2] + bounds[:, 2:])
    city = np.median(middle, axis=0)
    away = (np.abs(middle - city) > CITY_DEGREES).any(axis=1)
    faults = [
        (
            rows[index],
            _fault(
                reading.rows[rows[index]],
                _Refused(
                    "", f"{middle[index, 0]:.5f}, {middle[index, 1]:.5f}", "outside_city",
                    f"lies more than {CITY_DEGREES:g} degrees from the middle of this file;"
                    " check the coordinates",
                    degrees=f"{CITY_DEGREES:g}",
                ),
            ),
        )
        for index in np.flatnonzero(away)
    ]  # fmt: skip
    return np.flatnonzero(~away).tolist(), faults


def _fault(row: str, wrong: _Refused) -> Fault:
    return Fault(row, wrong.column, shorten(wrong.value), wrong.code, str(wrong), wrong.facts)
