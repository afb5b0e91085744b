"""Every fault of a file's rows, and the rows that may be stored.

Nothing vanishes: accepted + refused = rows in the file (the accepted are as they stood there, or
fixed), and every refusal names row, column, value, reason and what to do.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.exceptions import CRSError as ProjCRSError

from geo.crs import CITY_DEGREES, DATUMS, WGS84, to_wgs84
from geo.errors import LayerError
from geo.plane_systems import suggestions

from .cells import Refused, column_of, text_of
from .columns import PLACE, match_headings, plain, require_chosen
from .faults import Fault, Note
from .ids import made_id
from .places import Places, find_places, from_text, is_northing_first, plane_numbers
from .reading import Reading
from .schema import CLASS_COLUMN, LAYERS, Layer

MAX_DEGREES = 180.0
MOST_COMPARED = 10_000
_YEAR = re.compile(r"(?<!\d)(20\d\d)(?!\d)")

_TOTALS = {"合计", "总计", "小计", "共计", "total", "totals", "sum"}
_VETS = re.compile("宠物|兽医|动物(医|诊|门诊|保健)|\\bvet(erinary|s)?\\b", re.IGNORECASE)
_DORMITORY = re.compile("宿舍|dormitory", re.IGNORECASE)
_COMMITTEE = re.compile("居委会|居民委员会|社区服务中心|党群服务中心|社区工作站")


@dataclass(frozen=True)
class Checked:
    """The outcome of checking a piece of a table.

    Parameters
    ----------
    rows : list of str
        The row number of each accepted row.
    values : list of lists
        One list per accepted row, in the order of the layer's columns; moments are ISO 8601 text.
    geometry : (n,) object
        EPSG:4326.
    gates : (n,) object or None
        MultiPoint or None, EPSG:4326, where the layer has gates.
    fixed : list of str
        The row numbers of the accepted rows of which something was mended.
    faults : list of Fault
        One per refused row.
    read : int
        Records of the piece: always len(rows) + len(faults).
    """

    rows: list[str]
    values: list[list[Any]]
    geometry: NDArray[np.object_]
    gates: NDArray[np.object_] | None
    fixed: list[str]
    faults: list[Fault]
    read: int


class Checker:
    """Checks a table against a layer, piece by piece.

    What holds for the whole table (the datum, which column is which, the middle of the city) is
    settled by the first piece.

    Parameters
    ----------
    layer : str
        A key of `LAYERS`.
    datum : str, optional
        As `geo.crs.parse_datum` returns it; it overrules what the file states. Without either,
        coordinates within the range of degrees are taken as WGS-84 and a note says so.
    given_class : str, optional
        What every row is, where the file has no such column (`schema.CLASS_COLUMN`).
    for_headings : callable, optional
        Headings -> which of them holds which field, before any alias (`Wishes.for_headings`).
    year : int, optional
        Of dates that name none; by default the only year that the titles of the table name.
    near : (lon, lat), optional
        Where the city is, degrees: orders what a plane without a datum may be.
    """

    def __init__(
        self,
        layer: str,
        *,
        datum: str | None = None,
        given_class: str | None = None,
        for_headings: Callable[[Sequence[object]], Mapping[str, str]] = lambda _: {},
        year: int | None = None,
        near: tuple[float, float] | None = None,
    ) -> None:
        self.schema = LAYERS[layer]
        self.datum = datum or ""
        self.at: dict[str, int] = {}
        self._given_datum = datum
        self._given_class = given_class
        self._for_headings = for_headings
        self._year = year
        self._near = near
        self._northing_first = False
        self._middle: NDArray[np.float64] | None = None
        self._begun = False
        self._notes: list[Note] = []
        self._unused: list[str] = []
        self._counts: Counter[str] = Counter()

    def piece(self, reading: Reading) -> Checked:
        """Check every record of a piece.

        Raises
        ------
        LayerError
            If a required column is missing from the file, the file has no place at all, or its
            coordinates and its datum do not fit.
        """
        self._notes += reading.notes
        if not self._begun:
            self._begin(reading)
            self._begun = True
        schema, at, count = self.schema, self.at, len(reading.values)
        places = find_places(reading, schema, at, self.datum, northing_first=self._northing_first)
        columns, refused, mended = self._columns_of(reading)
        if schema.name in ("anchors", "compounds"):
            _name_traps(schema, columns, reading.headings[at["name"]] if "name" in at else "", refused)
        for number, wrong in places.refused.items():
            refused.setdefault(number, wrong)
        _row_traps(reading, columns.get("name"), refused)
        self._far_away(places, refused)
        kept = np.setdiff1d(np.arange(count), list(refused)) if refused else np.arange(count)
        numbers = kept.tolist()
        _give_ids(schema, columns, numbers, places)
        self._counts["repaired"] += len(places.repaired.intersection(numbers))
        self._counts["short_rows"] += reading.too_short
        self._counts["kept"] += len(numbers)
        held = [columns[column.name] for column in schema.columns]
        if refused:
            held = [[values[number] for number in numbers] for values in held]
        return Checked(
            rows=[reading.rows[number] for number in numbers] if refused else reading.rows,
            values=[list(row) for row in zip(*held, strict=True)],
            geometry=places.shapes[kept],
            gates=places.gates[kept] if schema.gates else None,
            fixed=[
                reading.rows[number] for number in sorted((places.repaired | mended).intersection(numbers))
            ],
            faults=[refused[number].fault(reading.rows[number]) for number in sorted(refused)],
            read=count,
        )

    def notes(self) -> list[Note]:
        """What a user should know though nothing was refused, after the last piece."""
        notes = list(self._notes)
        for code in ("repaired", "short_rows"):
            if self._counts[code]:
                notes.append(Note(code, {"count": self._counts[code]}))
        if self._counts["kept"] and self._unused:
            told = ", ".join(self._unused)[:200]
            notes.append(Note("columns_unused", {"count": len(self._unused), "columns": told}))
        return notes

    def _begin(self, reading: Reading) -> None:
        chosen = self._for_headings(reading.headings)
        require_chosen(reading.headings, self.schema.name, chosen)
        self.at = at = match_headings(reading.headings, self.schema.name, chosen)
        if chosen:
            told = ", ".join(f"{name}={heading}" for name, heading in chosen.items())
            self._notes.append(Note("columns_chosen", {"columns": told[:200]}))
        self.datum = settle_datum(reading, at, self._given_datum, self._near, self._notes)
        _require_fitting_datum(reading, at, self.datum)
        _require_columns(reading, self.schema, at, self._given_class)
        self._unused = _unused(reading, at, self.schema)
        if is_plane(self.datum):
            found = _coordinates(reading, at)
            self._northing_first = is_northing_first(found)
            if self._northing_first:
                column = reading.headings[at["lon"]] if "lon" in at else "x"
                self._notes.append(Note("northing_first", {"column": column}))
                found = found[:, ::-1]
            _require_on_earth(found, self.datum, self._near)
        if self._year is None:
            years = {int(found) for found in _YEAR.findall(reading.titles)}
            if len(years) == 1:
                self._year = years.pop()

    def _columns_of(self, reading: Reading) -> tuple[dict[str, list[Any]], dict[int, Refused], set[int]]:
        """Values by column, the first refusal of each row, and the rows in which a value was mended."""
        schema, at, count = self.schema, self.at, len(reading.values)
        given = list(zip(*reading.values, strict=True)) if count else [()] * len(reading.headings)
        columns: dict[str, list[Any]] = {}
        refused: dict[int, Refused] = {}
        mended: set[int] = set()
        for column in schema.columns:
            position = at.get(column.name)
            heading = "" if position is None else reading.headings[position]
            cells: Sequence[Any] = [None] * count if position is None else given[position]
            if position is None and column.name == CLASS_COLUMN.get(schema.name):
                cells = [self._given_class] * count
            values, wrong, better = column_of(column, schema, cells, heading, self._year)
            columns[column.name] = values
            mended |= better
            for number, why in wrong.items():
                refused.setdefault(number, why)
            if column.required and (column.name != "id" or (schema.name == "areas" and position is not None)):
                for number, value in enumerate(values):
                    if value is None and number not in refused:
                        refused[number] = Refused(
                            heading, cells[number], "value_missing", "is missing; complete it"
                        )
        return columns, refused, mended

    def _far_away(self, places: Places, refused: dict[int, Refused]) -> None:
        """Refuse what lies far from the middle of the file: another province is a mistake, not a site."""
        good = ~shapely.is_missing(places.shapes)
        good[list(refused)] = False
        numbers = np.flatnonzero(good)
        bounds = shapely.bounds(places.shapes[numbers])
        middle = 0.5 * (bounds[:, :2] + bounds[:, 2:])
        if self._middle is None:
            if len(numbers) < 3:
                return
            self._middle = np.median(middle, axis=0)
        away = (np.abs(middle - self._middle) > CITY_DEGREES).any(axis=1)
        for number, (lon, lat) in zip(numbers[away].tolist(), middle[away], strict=True):
            refused[number] = Refused(
                "", f"{lon:.5f}, {lat:.5f}", "outside_city",
                f"lies more than {CITY_DEGREES:g} degrees from the middle of this file;"
                " check the coordinates",
                degrees=f"{CITY_DEGREES:g}",
            )  # fmt: skip


def is_plane(datum: str) -> bool:
    """Whether a datum, as `settle_datum` returns it, has metres."""
    return datum not in DATUMS and not CRS.from_user_input(datum).is_geographic


def _unused(reading: Reading, at: dict[str, int], schema: Layer) -> list[str]:
    """Headings of the file that no column of the layer takes up: said, so that nothing goes silently."""
    wanted = {*schema.by_name, *PLACE} if schema.gates else {*schema.by_name, "lon", "lat", "geometry"}
    used = {position for name, position in at.items() if name in wanted}
    return [heading for position, heading in enumerate(reading.headings) if heading and position not in used]


def settle_datum(
    reading: Reading,
    at: dict[str, int],
    datum: str | None,
    near: tuple[float, float] | None,
    notes: list[Note],
) -> str:
    """The datum in which a file is read: the one given, else the one it states, else WGS-84 for degrees.

    Parameters
    ----------
    datum : str, optional
        What the user says.
    near : (lon, lat) degrees, optional
        The city.
    notes : list of Note
        Gets what was overruled or assumed.

    Raises
    ------
    LayerError
        `datum_unusable`, `datum_needed`: only the user can say it.
    """
    stated = None if reading.datum is None else known_crs(reading.datum)
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
    _require_plain_headings(reading, at)
    largest = _largest_if_plane(reading, at)
    if largest is not None:
        systems = suggestions(_coordinates(reading, at)[:MOST_COMPARED], near)
        if not systems:
            raise LayerError(
                f"the coordinates (up to {largest:.0f}) are no degrees, the file states no datum, and no"
                " usual plane of China has such numbers;"
                " ask where the file comes from and say --datum EPSG:n",
                code="datum_nowhere",
                largest=f"{largest:.0f}",
            )
        raise LayerError(
            f"the coordinates (up to {largest:.0f}) are no degrees and the file states no datum;"
            f" say it with --datum EPSG:n; it may be {systems}",
            code="datum_needed",
            largest=f"{largest:.0f}",
            systems=systems,
        )
    notes.append(Note("datum_assumed", {}))
    return "wgs84"


_DATUM_WORDS = (
    ("bd09", re.compile("bd-?_?09|baidu|百度", re.IGNORECASE)),
    ("gcj02", re.compile("gcj|amap|gaode|高德|火星|腾讯", re.IGNORECASE)),
)


def _require_plain_headings(reading: Reading, at: dict[str, int]) -> None:
    """A heading such as lng_bd09 says the datum: it is asked for, not passed over."""
    for heading in (reading.headings[at[name]] for name in ("lon", "lat", "geometry") if name in at):
        for datum, words in _DATUM_WORDS:
            if words.search(heading):
                raise LayerError(
                    f"the heading {heading[:40]} says that the coordinates are {datum};"
                    f" confirm it with --datum {datum}, or say another",
                    code="datum_in_heading", heading=heading[:40], datum=datum,
                )  # fmt: skip


def _require_fitting_datum(reading: Reading, at: dict[str, int], datum: str) -> None:
    """Degrees read as the metres of a plane would all land at one corner of it, without a fault."""
    if not is_plane(datum):
        return
    found = _coordinates(reading, at)
    if found.size and np.median(np.abs(found)) <= MAX_DEGREES:
        raise LayerError(
            f"the coordinates (such as {found[0, 0]:g}) are degrees,"
            f" and {CRS.from_user_input(datum).name} has metres;"
            " say the datum of the degrees: --datum wgs84, cgcs2000, gcj02 or bd09",
            code="datum_not_metres",
            first=f"{found[0, 0]:g}",
            datum=CRS.from_user_input(datum).name,
        )


def _require_on_earth(xy: NDArray[np.float64], datum: str, near: tuple[float, float] | None) -> None:
    """An easting with its zone number in front, read as one without, would end beyond the world."""
    if not len(xy):
        return
    x, y = np.median(xy, axis=0)
    lon, lat = to_wgs84(np.array([x]), np.array([y]), datum)
    if np.isfinite(lon[0]) and np.isfinite(lat[0]):
        return
    first = f"{xy[0, 0]:.0f}, {xy[0, 1]:.0f}"
    systems = suggestions(xy[:MOST_COMPARED], near)
    if not systems:
        raise LayerError(
            f"the coordinates (such as {first}) cannot be {datum[:40]}, nor any usual plane of China;"
            " ask where the file comes from and say --datum EPSG:n",
            code="datum_beyond", first=first, datum=datum[:40],
        )  # fmt: skip
    raise LayerError(
        f"the coordinates (such as {first}) cannot be {datum[:40]};"
        f" say their datum with --datum EPSG:n; it may be {systems}",
        code="datum_unfit", first=first, datum=datum[:40], systems=systems,
    )  # fmt: skip


def known_crs(stated: str) -> CRS | None:
    """The CRS, if it is one that places on Earth can be taken from."""
    try:
        known = CRS.from_user_input(stated)
    except ProjCRSError:
        return None
    return known if known.is_geographic or known.is_projected else None


def _coordinates(reading: Reading, at: dict[str, int]) -> NDArray[np.float64]:
    """(n, 2) finite coordinates as they stand in the file; of a column of WKT those of 1,000 rows."""
    if reading.geometry is not None:
        found = shapely.get_coordinates(reading.geometry)
    elif "geometry" in at:
        told = (text_of(row[at["geometry"]]) for row in reading.values[:1000])
        found = shapely.get_coordinates([from_text(wkt) for wkt in told if wkt is not None])
    elif "lon" in at and "lat" in at:
        found = plane_numbers(reading, at)[0]
    else:
        found = np.empty((0, 2))
    finite: NDArray[np.float64] = found[np.isfinite(found).all(axis=1)]
    return finite


def _largest_if_plane(reading: Reading, at: dict[str, int]) -> float | None:
    """The largest coordinate, if most are no degrees; a few wild values are row faults instead."""
    sizes = np.abs(_coordinates(reading, at))
    return float(sizes.max()) if sizes.size and np.median(sizes) > MAX_DEGREES else None


def _require_columns(reading: Reading, schema: Layer, at: dict[str, int], given_class: str | None) -> None:
    missing = [
        column
        for column in schema.columns
        if column.required
        and column.name not in at
        and column.name != "id"
        and not (column.name == CLASS_COLUMN.get(schema.name) and given_class)
    ]
    if missing:
        names = ", ".join(f"{column.name} ({column.zh})" for column in missing)
        wanted = CLASS_COLUMN.get(schema.name)
        allowed = schema.by_name[wanted].allowed if wanted else ()
        hint = f"; say it with --class {'|'.join(allowed)}" if wanted in [c.name for c in missing] else ""
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


def _name_traps(
    layer: Layer, columns: dict[str, list[Any]], heading: str, refused: dict[int, Refused]
) -> None:
    """Refuse what its name says is of another kind."""
    anchors = layer.name == "anchors"
    classes = columns["class"] if anchors else columns["name"]
    for number, (name, kind) in enumerate(zip(columns["name"], classes, strict=True)):
        if name is None or number in refused:
            continue
        if anchors:
            if kind == "hospital" and _VETS.search(name):
                refused[number] = Refused(
                    heading, name, "vet", "is an animal clinic, not a hospital; leave it out"
                )
        elif _DORMITORY.search(name):
            refused[number] = Refused(
                heading, name, "dormitory", "is a dormitory, not a compound; leave it out"
            )
        elif _COMMITTEE.search(name):
            refused[number] = Refused(
                heading, name, "community_not_compound",
                "is a residents' committee (社区), not a compound (小区);"
                " import it as an anchor of class community",
            )  # fmt: skip


def _row_traps(reading: Reading, names: list[Any] | None, refused: dict[int, Refused]) -> None:
    """Rows that are no record at all: too wide, empty, totals; this comes before any other reason."""
    width = len(reading.headings)
    index = {row: number for number, row in enumerate(reading.rows)} if reading.too_wide else {}
    for row, cells in reading.too_wide.items():
        refused[index[row]] = Refused(
            "", reading.values[index[row]][-1] or "", "row_wide",
            f"has {cells} cells, more than there are headings; put text with a separator in quotes",
            cells=cells, headings=width,
        )  # fmt: skip
    if reading.geometry is None and names is not None:
        for number, name in enumerate(names):
            if name in _TOTALS:
                refused.setdefault(number, _total(name))
    for number, wrong in list(refused.items()):
        if wrong.code == "row_wide":
            continue
        cells_ = reading.values[number]
        faulty = reading.rows[number] in reading.geometry_faults
        nowhere = reading.geometry is None or reading.geometry[number] is None
        if nowhere and not faulty and not any(map(text_of, cells_)):
            refused[number] = Refused("", "", "row_empty", "is empty; delete the row")
        elif reading.geometry is None:
            for cell in cells_[:3]:
                if isinstance(cell, str) and len(cell) < 12 and plain(cell) in _TOTALS:
                    refused[number] = _total(cell)
                    break


def _total(cell: str) -> Refused:
    return Refused("", cell, "row_total", "is a total, not a record; delete the row")


def _give_ids(schema: Layer, columns: dict[str, list[Any]], numbers: list[int], places: Places) -> None:
    """An id for rows that have none: the same content gets the same id in every import.

    A place is told by class, name and geometry, so that a changed remark does not make another one
    of it; issues repeat at the same place and are told by all they say.
    """
    ids = columns["id"]
    without = [number for number in numbers if ids[number] is None]
    if not without:
        return
    shapes = shapely.set_precision(places.shapes[without], 1e-7, mode="pointwise")
    classes, names = columns.get("class"), columns.get("name")
    for number, wkb in zip(without, shapely.to_wkb(shapes, byte_order=1), strict=True):
        if schema.name == "issues":
            content = "|".join(str(columns[column.name][number]) for column in schema.columns)
        else:
            content = f"{classes[number] if classes else None}|{names[number] if names else None}"
        ids[number] = made_id(f"{schema.name}|{content}|".encode() + wkb)
