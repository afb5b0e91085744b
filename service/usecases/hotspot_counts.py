"""Issues by the units that people name: squares, hexagons, subdistricts, grid cells, alleys, compounds.

Each row has its count, its size and its rate; areas also the rate drawn to that of the city, because a
short street with two issues is no worse than a long one with forty.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo.crs import to_wgs84
from geo.errors import DesignError, StatisticsError
from geo.grid import hexagons_over, locate_areas, tally
from geo.rates import STATES, per_100m, per_hectare, shrink, visit_states
from layers import write
from layers.store import Store

from .draws import visited
from .exports import ending_of
from .hotspot_city import City, on_plane
from .hotspots import HEXAGON_M, Selection, select
from .issue_filters import IssueFilter

BY = ("squares", "hexagons", "subdistrict", "grid", "back_alleys", "compounds")
ENDINGS = (".geojson", ".gpkg", ".csv", ".xlsx")
SQUARE_M = 200.0
OWN_M = 30.0
"""An issue belongs to the nearest alley or compound within this distance."""


@dataclass(frozen=True)
class Counts:
    """Issues by unit.

    Parameters
    ----------
    table : GeoDataFrame, EPSG:4326
        `id`, `name`, `issues`, a size, a rate; squares and hexagons without issues are left out, named
        units without issues are there with 0.
    by : str
        A key of `BY`.
    elsewhere : int
        Issues that belong to no unit.
    """

    table: gpd.GeoDataFrame
    by: str
    elsewhere: int
    selection: Selection


def counts(store: Store, city: City, wanted: IssueFilter, by: str, *, size_m: float | None = None) -> Counts:
    """Count issues by units.

    Parameters
    ----------
    by : str
        One of `BY`.
    size_m : float, optional
        Side of a square, width of a hexagon flat to flat; 200 m by default.

    Raises
    ------
    DesignError
        `counts_by` for an unknown word.
    StatisticsError
        `no_units` if the store has none of them.
    """
    if by not in BY:
        raise DesignError(
            f"issues cannot be counted by {by!r}; use one of {', '.join(BY)}",
            code="counts_by", given=by[:40], allowed=", ".join(BY),
        )  # fmt: skip
    chosen = select(city, wanted)
    xy = city.issues.xy[chosen.rows].astype(np.float64)
    if by in ("squares", "hexagons"):
        table, unit = _cells(city, xy, by, size_m)
    elif by in ("back_alleys", "compounds"):
        table, unit = _sites(store, city, xy, by)
    else:
        table, unit = _areas(store, city, xy, by)
    table["per_30_days"] = table["issues"] * 30.0 / chosen.days
    return Counts(table, by, int(np.count_nonzero(unit < 0)), chosen)


def _framed(columns: dict[str, Any], shapes: NDArray[np.object_], city: City) -> gpd.GeoDataFrame:
    """A table in EPSG:4326 of shapes in metres around the origin."""
    epsg = f"EPSG:{city.issues.crs.to_epsg()}"

    def degrees(at: NDArray[np.float64]) -> NDArray[np.float64]:
        moved = at + city.issues.origin
        return np.column_stack(to_wgs84(moved[:, 0], moved[:, 1], epsg))

    moved = np.asarray(shapely.transform(shapes, degrees), dtype=object)
    return gpd.GeoDataFrame(columns, geometry=moved, crs="EPSG:4326")


def _cells(
    city: City, xy: NDArray[np.float64], by: str, size_m: float | None
) -> tuple[gpd.GeoDataFrame, NDArray[np.int64]]:
    if by == "hexagons":
        held = hexagons_over(city.area, size_m or HEXAGON_M)
        unit = held.locate(xy[:, 0], xy[:, 1])
        found = tally(unit, len(held))
        km2, shapes = held.share * held.hexagon_km2, held.polygons()
        ids = [f"{q},{r}" for q, r in zip(held.q.tolist(), held.r.tolist(), strict=True)]
    else:
        ground = city.window(size_m or SQUARE_M)
        grid = ground.grid
        inside = np.flatnonzero(ground.inside)
        number = np.full(ground.inside.size, -1, dtype=np.int64)
        number[inside] = np.arange(len(inside))
        cell = grid.locate(xy[:, 0], xy[:, 1])
        unit = np.where(cell >= 0, number[cell], -1)
        found = tally(unit, len(inside))
        row, column = np.divmod(inside, grid.nx)
        west, south = grid.x + column * grid.cell_m, grid.y + row * grid.cell_m
        shapes = np.asarray(shapely.box(west, south, west + grid.cell_m, south + grid.cell_m), dtype=object)
        km2 = ground.share.ravel()[inside] * grid.cell_km2
        ids = [f"{c},{r}" for c, r in zip(column.tolist(), row.tolist(), strict=True)]
    some = np.flatnonzero(found)
    columns = {
        "id": [ids[at] for at in some], "name": None, "issues": found[some].astype(np.int64),
        "km2": km2[some], "per_km2": found[some] / km2[some],
    }  # fmt: skip
    return _framed(columns, shapes[some], city), unit


def _sites(
    store: Store, city: City, xy: NDArray[np.float64], by: str
) -> tuple[gpd.GeoDataFrame, NDArray[np.int64]]:
    units = store.read(by, columns=["name", "district", "unit"])
    _require(len(units), by)
    shapes = on_plane(units.geometry.array, city.issues)
    points = np.asarray(shapely.points(xy), dtype=object)
    rate = per_100m if by == "back_alleys" else per_hectare
    found = rate(points, pd.Series(shapes), crs=city.issues.crs, within_m=OWN_M)
    been = units["id"].isin(visited(store)[by]).to_numpy()
    state = visit_states(been.astype(np.int64), found.table["issues"].to_numpy())
    table = gpd.GeoDataFrame(
        units[["id", "name", "district", "unit"]], geometry=units.geometry, crs=units.crs
    )
    table["issues"] = found.table["issues"].to_numpy().astype(np.int64)
    for column in found.table.columns[1:]:
        table[column] = found.table[column].to_numpy()
    table["visited"] = [STATES[int(one)] for one in state]
    return table, found.unit


def _areas(
    store: Store, city: City, xy: NDArray[np.float64], by: str
) -> tuple[gpd.GeoDataFrame, NDArray[np.int64]]:
    areas = store.read("areas", columns=["name", "level", "unit"])
    areas = areas[areas["level"] == by].reset_index(drop=True)
    _require(len(areas), by)
    shapes = on_plane(areas.geometry.array, city.issues)
    unit = locate_areas(shapes, xy[:, 0], xy[:, 1])
    found = tally(unit, len(areas))
    table = gpd.GeoDataFrame(areas[["id", "name", "unit"]], geometry=areas.geometry, crs=areas.crs)
    table["issues"] = found.astype(np.int64)
    table["km2"] = shapely.area(shapes) / 1e6
    table["per_km2"] = found / table["km2"].to_numpy()
    if len(city.streets):
        length = _street_km(city, shapes)
        known = length > 0
        table["street_km"] = length
        table["per_street_km"] = np.divide(found, length, out=np.full(len(found), np.nan), where=known)
        smooth = np.full(len(found), np.nan)
        if known.any():
            smooth[known] = shrink(found[known], length[known]).rate
        table["per_street_km_smoothed"] = smooth
    return table, unit


def _street_km(city: City, shapes: NDArray[np.object_]) -> NDArray[np.float64]:
    """Kilometres of road in each area."""
    area, street = shapely.STRtree(city.streets).query(shapes, predicate="intersects")
    whole = shapely.contains_properly(shapes[area], city.streets[street])
    length = shapely.length(city.streets[street])
    length[~whole] = shapely.length(shapely.intersection(shapes[area[~whole]], city.streets[street[~whole]]))
    return np.bincount(area, length / 1000.0, minlength=len(shapes)).astype(np.float64)


def _require(count: int, by: str) -> None:
    if not count:
        raise StatisticsError(
            f"the store holds no {by}, so issues cannot be counted by them; import them first",
            code="no_units", by=by,
        )  # fmt: skip


def rows(found: Counts) -> list[dict[str, Any]]:
    """The units as JSON values, those with most issues first."""
    table = pd.DataFrame(found.table.drop(columns="geometry")).sort_values(
        ["issues", "id"], ascending=[False, True], kind="stable"
    )
    plain = table.astype(object).where(table.notna(), None)
    return [{str(name): value for name, value in row.items()} for row in plain.to_dict("records")]


def write_counts(found: Counts, path: Path) -> None:
    """Write the units as .geojson, .gpkg, .csv or .xlsx by the ending (LayerError `out_ending`)."""
    tables = {"counts": found.table}
    match ending_of(path, ENDINGS):
        case ".geojson":
            write.write_geojson(tables, path)
        case ".gpkg":
            write.write_gpkg(tables, path)
        case ".csv":
            write.write_csv(found.table, path)
        case _:
            write.write_xlsx(tables, path)
