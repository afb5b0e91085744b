"""Areas of the sample city against what others do, in one run; process time and ratios.

    python tests/bench/bench_areas.py

100,000 points in 14,832 grid cells against `geopandas.sjoin`; overlaps of the cells against
`geopandas.overlay` of the layer with itself, every second cell moved by 3 m; over the city and over a
quarter of it. Promised: all points within 1 s, the whole check (gaps, parents and units too) within
5 s, neither longer than three times the peer's part of it, the same answers.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely

from geo.areas import PRECISION_M, TOLERANCE_M2, AreaCheck, area_of, check_areas
from geo.crs import WGS84, metric_crs, project

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample" / "区划网格.zip"
LEVELS = {"区县": "district", "街道": "subdistrict", "社区": "community", "网格": "grid"}
POINTS = 100_000


def timed(work: Callable[[], object], times: int = 3) -> tuple[float, object]:
    best, result = np.inf, None
    for _ in range(times):
        start = time.process_time()
        result = work()
        best = min(best, time.process_time() - start)
    return best, result


def shifted(areas: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Every second cell moved 3 m east: thousands of overlaps and gaps."""
    shapes = areas.geometry.to_numpy().copy()
    grid = np.flatnonzero(areas["level"] == "grid")[::2]
    shapes[grid] = shapely.transform(shapes[grid], lambda xy: xy + np.array([3.0, 0.0]))
    return areas.set_geometry(gpd.GeoSeries(shapes, crs=areas.crs))


def points_in_cells(cells: gpd.GeoDataFrame, count: int) -> tuple[float, bool]:
    """Seconds for `area_of`, and whether the peer agrees."""
    box = cells.total_bounds
    spots = np.random.default_rng(1).uniform(box[:2], box[2:], (count, 2))
    points = gpd.GeoDataFrame(geometry=gpd.points_from_xy(*spots.T), crs=WGS84)
    ours, rows = timed(lambda: area_of(spots, cells))
    theirs, joined = timed(lambda: points.sjoin(cells[["id", "geometry"]], predicate="intersects"))
    assert isinstance(rows, np.ndarray)
    assert isinstance(joined, gpd.GeoDataFrame)
    found = {at: cells["id"].iloc[row] for at, row in enumerate(rows.tolist()) if row >= 0}
    same = dict(joined["id"].groupby(level=0).min()) == found
    print(f"{count:,} points in {len(cells):,} cells: {ours:.2f} s, sjoin {theirs:.2f} s, same: {same}")
    return ours, same and ours < 3 * theirs


def whole_check(areas: gpd.GeoDataFrame) -> tuple[float, bool]:
    """Seconds for `check_areas` of broken areas, and whether the peer finds the same overlaps."""
    grid = areas[areas["level"] == "grid"][["id", "geometry"]]
    ours, report = timed(lambda: check_areas(areas), 2)
    theirs, laid = timed(lambda: gpd.overlay(grid, grid, how="intersection", keep_geom_type=True), 1)
    assert isinstance(report, AreaCheck)
    assert isinstance(laid, gpd.GeoDataFrame)
    wide = 2 * laid.area / laid.length > PRECISION_M
    pairs = laid[(laid["id_1"] < laid["id_2"]) & (laid.area > TOLERANCE_M2) & wide]
    mine = report.findings[report.findings["kind"] == "overlap"]
    same = bool(np.isclose(mine["area_m2"].sum(), pairs.area.sum(), rtol=1e-3))
    print(
        f"check of {len(areas):,} areas with {len(report.findings):,} findings: {ours:.2f} s,"
        f" overlay of the cells alone {theirs:.2f} s, same overlaps: {same}"
    )
    return ours, same and ours < 3 * theirs


def main() -> int:
    """Print the figures; 1 if a promise is broken."""
    warnings.simplefilter("ignore")  # overlay says that it drops lines
    city = gpd.read_file(SAMPLE, encoding="GBK")
    city.columns = ["id", "name", "level", "parent", "unit", "geometry"]
    city["level"] = city["level"].map(LEVELS)
    crs = metric_crs(*city.total_bounds.reshape(2, 2).mean(axis=0))
    plane = city.set_geometry(gpd.GeoSeries(project(city.geometry.to_numpy(), crs), crs=crs))
    seconds: dict[str, list[float]] = {"area_of": [], "check_areas": []}
    kept = True
    for towns in (3, 12):
        prefixes = tuple(f"999101{town:03d}" for town in range(1, towns + 1))
        held = city["id"].str.startswith(prefixes)
        cells = city[(city["level"] == "grid") & held].reset_index(drop=True)
        took, agrees = points_in_cells(cells, POINTS * towns // 12)
        seconds["area_of"].append(took)
        took, also = whole_check(shifted(plane[held].reset_index(drop=True)))
        seconds["check_areas"].append(took)
        kept &= agrees and also
    for name, (quarter, whole) in seconds.items():
        print(f"{name}: four times the city takes {whole / quarter:.1f} times as long")
    return 0 if kept and seconds["area_of"][1] < 1 and seconds["check_areas"][1] < 5 else 1


if __name__ == "__main__":
    raise SystemExit(main())
