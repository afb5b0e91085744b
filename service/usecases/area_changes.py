"""Cut an area, or number the grid cells: what changes is written to a file that the office imports again.

The store is never changed here: `zhoubian import FILE --as areas --update` does that, and can be taken back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from geo.area_cuts import CELL_M2, cut_by_axes, cut_by_line, cut_into_cells
from geo.area_owners import shares_of
from geo.areas import LEVELS
from geo.crs import WGS84, parse_datum, project, to_wgs84
from geo.errors import LayerError, NotFoundError
from geo.grid_codes import DIGITS, MOST, SERIAL
from geo.grid_codes import number as numbered
from layers import write
from layers.store import Store
from layers.worker import Worker

from .areas import level_named, level_words, on_plane, read_areas, require_out
from .imports import take_in_parts

Geometries = NDArray[np.object_]

ENDINGS = (".geojson", ".gpkg")
"""A spreadsheet cell has no room for a long border."""

_NUMBER = r"[-+]?\d+(?:\.\d+)?"
_SPOTS = re.compile(rf"\s*{_NUMBER}\s*[,，]\s*{_NUMBER}(?:[\s;；]+{_NUMBER}\s*[,，]\s*{_NUMBER})*\s*")


@dataclass(frozen=True)
class Cutting:
    """How an area is cut: by one of `line`, `axes`, `cell_m2`.

    Parameters
    ----------
    line : str, optional
        ``lon,lat lon,lat ...``, or the name of a file with lines.
    axes : (along, across), optional
        Strips along the longer and the shorter side of the area; with `north` from west to east and
        from south to north.
    cell_m2 : float, optional
        Ground of a cell.
    north : bool
        Axes of the plane instead of the area's own.
    datum : str, optional
        Of the line; by default what the file states, WGS-84 for text.
    level : str, optional
        Of the pieces: the level of the area or a finer one. By default the area's own, for cells grid.
    """

    line: str | None = None
    axes: tuple[int, int] | None = None
    cell_m2: float | None = None
    north: bool = False
    datum: str | None = None
    level: str | None = None


@dataclass(frozen=True)
class Change:
    """Areas as they shall become.

    Parameters
    ----------
    areas : GeoDataFrame, EPSG:4326
        The columns of the layer, and `old_id`: the id that the ground had before.
    ground_m2 : list of float
        Of each row, in the metric plane.
    numbered, changed : int
        Grid cells that were numbered, and those of them whose code is another now.
    moved : int
        Areas below that have another parent now.
    astride : list of str
        Those of them that lie in several pieces: they reach out of their new parent.
    left_over : int
        Ids of the store that the file does not have: they stay in the store unless their import is
        taken back.
    batches : list of int
        The imports to take back in that case; the file then holds every area.
    """

    areas: gpd.GeoDataFrame
    ground_m2: list[float]
    numbered: int = 0
    changed: int = 0
    moved: int = 0
    astride: list[str] = field(default_factory=list)
    left_over: int = 0
    batches: list[int] = field(default_factory=list)


def cut(store: Store, area: str, how: Cutting) -> Change:
    """The pieces of an area, as areas.

    Pieces of the area's own level: the largest keeps its id and name, the others get the next free
    serial numbers, or ``id-2``, ``id-3`` where the id is no code; areas below go to the piece that holds
    most of them. Pieces of a finer level lie in the area, which stays as it is.

    Raises
    ------
    NotFoundError
        `area_unknown`.
    LayerError
        `cut_how`: not exactly one way to cut; `cut_level`; `cut_divided`: the area has areas below
        already; those of `geo.area_cuts`, `read_line` and `geo.grid_codes.number`.
    """
    ways = [how.line is not None, how.axes is not None, how.cell_m2 is not None]
    if sum(ways) != 1:
        raise LayerError(
            "say one way to cut: by a line (--line), by axes (--axes 3x2) or into cells (--cells 10000)",
            code="cut_how",
        )
    stored = read_areas(store)
    areas, crs = on_plane(stored)
    row = _row_of(areas, area)
    own = str(areas["level"].iloc[row])
    level = level_named(how.level) if how.level else "grid" if how.cell_m2 is not None else own
    if LEVELS.index(level) < LEVELS.index(own):
        held, wider = level_words(own), level_words(level)
        raise LayerError(
            f"{area} is of the level {held}, its pieces cannot be of the wider level {wider}",
            code="cut_level", area=area, own=held, level=wider,
        )  # fmt: skip
    below = np.flatnonzero(areas["parent"] == area)
    if level != own and len(below):
        raise LayerError(
            f"{area} is divided into {len(below)} areas already;"
            " cut one of those, or take their import back first",
            code="cut_divided", area=area, count=len(below),
        )  # fmt: skip
    pieces = _pieces(areas.geometry.iloc[row], how, crs)
    if level != own:
        return _change(stored, areas, _divided(areas, row, pieces, level), crs)
    made = _split(areas, row, pieces)
    moved, astride = _under(areas.iloc[below], made, crs)
    change = _change(stored, areas, [*made, *moved], crs)
    return replace(change, moved=len(moved), astride=astride)


def number(store: Store, communities: Sequence[str] = ()) -> Change:
    """Codes of fifteen digits for the grid cells, from west to east and from north to south.

    Parameters
    ----------
    communities : sequence of str
        Ids of the communities whose cells are numbered; by default all that have cells.

    Raises
    ------
    NotFoundError
        `area_unknown`.
    LayerError
        `number_none`: no grid cells there; `code_parent`, `code_many`; `number_taken`: a code is the
        id of an area that is not numbered now. Nothing is written then.
    """
    stored = read_areas(store)
    areas, crs = on_plane(stored)
    cells = areas[areas["level"] == "grid"]
    for community in communities:
        _row_of(areas, community)
    if communities:
        cells = cells[cells["parent"].isin(list(communities))]
    if not len(cells):
        raise LayerError("there are no grid cells to number there; cut a community first", code="number_none")
    codes = dict[str, str]()
    for parent, rows in cells.groupby(cells["parent"].fillna(""), sort=True):
        found = numbered(rows.geometry.to_numpy(), str(parent))
        codes |= dict(zip(rows["id"], found, strict=True))
    others = set(areas["id"]) - set(codes)
    taken = sorted(others & set(codes.values()))
    if taken:
        raise LayerError(
            f"{len(taken)} codes, such as {taken[0]}, are ids of areas that are not numbered now;"
            " number all communities at once",
            code="number_taken", count=len(taken), first=taken[0],
        )  # fmt: skip
    left_over = len(set(codes) - set(codes.values()))
    kept = areas if left_over else cells
    rows = [
        {**told, "id": codes.get(told["id"], told["id"]), "name": _renamed(told["name"], told["id"], codes),
         "old_id": told["id"]}
        for told in kept.to_dict("records")
    ]  # fmt: skip
    change = _change(
        stored, areas, sorted(rows, key=lambda one: (LEVELS.index(one["level"]), one["id"])), crs
    )
    return replace(
        change, numbered=len(codes), changed=sum(old != new for old, new in codes.items()),
        left_over=left_over, batches=[batch.id for batch in store.came_with(["areas"])] if left_over else [],
    )  # fmt: skip


def write_change(store: Store, change: Change, out: Path) -> None:
    """The changed areas as .geojson or .gpkg, to be imported again (LayerError `out_ending`)."""
    require_out(store, out, ENDINGS)
    if out.suffix.lower() == ".geojson":
        write.write_geojson({"areas": change.areas}, out)
    else:
        write.write_gpkg({"areas": change.areas}, out)


def read_line(told: str, datum: str | None) -> shapely.Geometry:
    """A cutting line in EPSG:4326: from text ``lon,lat lon,lat``, or from a file of any format with lines.

    Raises
    ------
    LayerError
        `line_short`: one point is no line; `line_refused`: records of the file are no lines; what a
        file that cannot be read is refused for.
    """
    known = None if datum is None else parse_datum(datum)
    if _SPOTS.fullmatch(told):
        spots = np.array(re.findall(_NUMBER, told), dtype=np.float64).reshape(-1, 2)
        if len(spots) < 2:
            raise LayerError("one point is no line; give at least two: lon,lat lon,lat", code="line_short")
        return shapely.LineString(np.column_stack(to_wgs84(spots[:, 0], spots[:, 1], known or "wgs84")))
    file = Path(told)
    shapes: list[shapely.Geometry] = []
    with Worker() as worker:
        taken, _ = take_in_parts(worker, file)
        arguments = {"file": taken.name, "kind": "back_alleys", "datum": known}
        for message in worker.run("take", arguments, shown=file.name):
            piece: dict[str, Any] = message.get("piece", {"geometry": [], "faults": []})
            shapes += shapely.from_wkb([bytes.fromhex(shape) for shape in piece["geometry"]]).tolist()
            if piece["faults"]:
                fault = piece["faults"][0]
                raise LayerError(
                    f"{file.name}: row {fault['row']} cannot cut ({fault['message']});"
                    " keep in the file only the lines to cut by",
                    code="line_refused", file=file.name, row=fault["row"],
                )  # fmt: skip
    return shapely.union_all(shapes)


# -- parts -----------------------------------------------------------------------------------------


def _row_of(areas: gpd.GeoDataFrame, area: str) -> int:
    rows = np.flatnonzero(areas["id"] == area)
    if not len(rows):
        raise NotFoundError(
            f"there is no area with the id {area}; `zhoubian export areas --out FILE.xlsx` lists them",
            code="area_unknown", area=area,
        )  # fmt: skip
    return int(rows[0])


def _pieces(area: shapely.Geometry, how: Cutting, crs: CRS) -> Geometries:
    if how.line is not None:
        line = read_line(how.line, how.datum)
        return cut_by_line(area, project(np.array([line], dtype=object), crs)[0])
    if how.axes is not None:
        return cut_by_axes(area, *how.axes, north=how.north)
    return cut_into_cells(area, CELL_M2 if how.cell_m2 is None else how.cell_m2, north=how.north)


def _split(areas: gpd.GeoDataFrame, row: int, pieces: Geometries) -> list[dict[str, Any]]:
    """Pieces of the area's own level."""
    area = dict(areas.iloc[row])
    largest = int(np.argmax(np.round(shapely.area(pieces), 3)))
    fresh = _fresh_ids(areas, row, len(pieces) - 1)
    made, serial = list[dict[str, Any]](), 1
    for at, shape in enumerate(pieces):
        if at == largest:
            made.append({**area, "geometry": shape, "old_id": area["id"]})
            continue
        serial += 1
        name = _renamed(area["name"], area["id"], {area["id"]: fresh[serial - 2]})
        if name == area["name"] and isinstance(name, str):
            name = f"{name}-{serial}"
        made.append({**area, "id": fresh[serial - 2], "name": name, "geometry": shape, "old_id": area["id"]})
    return made


def _fresh_ids(areas: gpd.GeoDataFrame, row: int, count: int) -> list[str]:
    """The next free serial numbers beside an area with a code, else ``id-2``, ``id-3`` ..."""
    area, level = str(areas["id"].iloc[row]), str(areas["level"].iloc[row])
    known = set(areas["id"])
    if level != "district" and re.fullmatch(rf"\d{{{DIGITS[level]}}}", area, re.ASCII):
        above = area[:-SERIAL]
        beside = [
            int(one[-SERIAL:]) for one in known if re.fullmatch(rf"{above}\d{{{SERIAL}}}", one, re.ASCII)
        ]
        last = max(beside)
        if last + count > MOST:
            raise LayerError(
                f"{above} would hold {last + count} areas, and serial numbers of three digits end at {MOST};"
                " number its areas anew first, or cut into fewer pieces",
                code="code_full", parent=above, count=last + count, most=MOST,
            )  # fmt: skip
        return [f"{above}{last + k:0{SERIAL}d}" for k in range(1, count + 1)]
    free = (made for k in range(2, 2 + count + len(known)) if (made := f"{area}-{k}") not in known)
    return [next(free) for _ in range(count)]


def _divided(areas: gpd.GeoDataFrame, row: int, pieces: Geometries, level: str) -> list[dict[str, Any]]:
    """Pieces of a finer level, inside the area."""
    area = dict(areas.iloc[row])
    if re.fullmatch(rf"\d{{{DIGITS[level] - SERIAL}}}", area["id"], re.ASCII):
        ids = numbered(pieces, area["id"], level)
    else:
        ids = [f"{area['id']}-{k:0{SERIAL}d}" for k in range(1, len(pieces) + 1)]
    return [
        {**area, "id": made, "level": level, "parent": area["id"], "geometry": shape, "old_id": area["id"],
         "name": f"{area['name']}{made[-SERIAL:]}" if isinstance(area["name"], str) else None}
        for made, shape in zip(ids, pieces, strict=True)
    ]  # fmt: skip


def _under(
    below: gpd.GeoDataFrame, made: list[dict[str, Any]], crs: CRS
) -> tuple[list[dict[str, Any]], list[str]]:
    """Areas below that have another parent now, and those of all that lie in several pieces."""
    if not len(below):
        return [], []
    pieces = gpd.GeoDataFrame(pd.DataFrame(made), geometry="geometry", crs=crs)
    shares = shares_of(below, pieces)
    large = shares.share * shapely.area(below.geometry.to_numpy())[shares.unit] > 1.0
    several = np.bincount(shares.unit[large], minlength=len(below)) > 1
    have, first = np.unique(shares.unit, return_index=True)
    moved = []
    for at, position in zip(have.tolist(), first.tolist(), strict=True):
        parent = made[int(shares.area[position])]["id"]
        told = dict(below.iloc[at])
        if parent != told["parent"]:
            moved.append({**told, "parent": parent, "old_id": told["id"]})
    return moved, sorted(str(name) for name in below["id"][several])


def _renamed(name: Any, old: str, codes: dict[str, str]) -> Any:
    """A name that holds the old serial number gets the new one."""
    new = codes.get(old)
    if new is None or not isinstance(name, str):
        return name
    return re.sub(rf"(?<!\d){re.escape(old[-SERIAL:])}(?!\d)", new[-SERIAL:], name, count=1)


def _change(
    stored: gpd.GeoDataFrame, areas: gpd.GeoDataFrame, rows: list[dict[str, Any]], crs: CRS
) -> Change:
    """The rows in EPSG:4326; corners that were there before keep their degrees to the last digit."""
    table = pd.DataFrame(rows)[["id", "name", "level", "parent", "unit", "old_id", "geometry"]]
    shapes: Geometries = table["geometry"].to_numpy(dtype=object)
    was = shapely.get_coordinates(areas.geometry.to_numpy()).tolist()
    known = dict(
        zip(map(tuple, was), shapely.get_coordinates(stored.geometry.to_numpy()).tolist(), strict=True)
    )

    def back(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        degrees = np.column_stack(to_wgs84(xy[:, 0], xy[:, 1], f"EPSG:{crs.to_epsg()}"))
        for at, spot in enumerate(map(tuple, xy.tolist())):
            degrees[at] = known.get(spot, degrees[at])
        return degrees

    told = gpd.GeoDataFrame(
        table.drop(columns="geometry"), geometry=shapely.transform(shapes, back), crs=WGS84
    )
    return Change(told, shapely.area(shapes).tolist())
