"""What the page of hotspots costs for a million issues: a filtered view, a tile, the bytes of a year.

    python tests/bench/bench_hotspot_page.py [issues]

Promised: filter, density and picture within 0.2 s of computing, a tile within 10 ms, one view within
0.15 MB and the page with a slider of twelve months within 0.5 MB, at most 16 bytes per issue kept.
Beside it stands what Folium's own HeatMap would send for the same issues.
"""

from __future__ import annotations

import gzip
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date

import numpy as np
import shapely
from folium.plugins import HeatMap
from pyproj import CRS

from layers.issue_columns import IssueColumns, Words, day_number
from layers.rasters import sampled, tile_place, web_place
from service.heat_image import INFERNO, png, square_root_scale
from service.usecases import hotspots
from service.usecases.hotspot_city import City
from service.usecases.issue_filters import IssueFilter

SIDE_M = 20_000.0


def city(issues: int) -> City:
    """A city of 20 x 20 km: a third of the issues at 8,000 addresses, a third in 60 clusters, the rest even."""
    rng = np.random.default_rng(1)
    third = issues // 3
    addresses = rng.uniform(0, SIDE_M, (8_000, 2))
    weights = rng.pareto(1.2, 8_000) + 1
    repeated = addresses[rng.choice(8_000, third, p=weights / weights.sum())]
    middles = rng.uniform(0, SIDE_M, (60, 2))
    gathered = middles[rng.integers(0, 60, third)] + rng.normal(0, 200, (third, 2))
    even = rng.uniform(0, SIDE_M, (issues - 2 * third, 2))
    xy = np.concatenate([repeated, gathered, even]).clip(0, SIDE_M) - SIDE_M / 2
    words = {}
    for name, count in (("category", 67), ("district", 13), ("unit", 150), ("source", 5), ("state", 7)):
        named = ("", *(f"{name}{i:03d}" if name != "category" else f"HJ{i:02d}" for i in range(1, count + 1)))
        words[name] = Words(named, rng.integers(1, count + 1, issues).astype(np.uint8))
    columns = IssueColumns(
        CRS.from_epsg(4547), (500_000.0, 3_385_000.0), xy.astype(np.float32),
        rng.integers(day_number(date(2025, 11, 1)), day_number(date(2026, 10, 31)) + 1, issues).astype(np.uint16),
        rng.integers(0, 24, issues).astype(np.uint8), words,
    )  # fmt: skip
    area = shapely.box(-SIDE_M / 2, -SIDE_M / 2, SIDE_M / 2, SIDE_M / 2)
    none = np.empty(0, dtype=object)
    return City(
        columns,
        area,
        "district",
        np.zeros(issues, dtype=bool),
        np.zeros(issues, dtype=bool),
        {},
        none,
        None,
        "",
        "bench",
    )


def cpu(work: Callable[[], object], times: int = 5) -> float:
    """Seconds of computing, the median of some runs after one that does not count."""
    work()
    found = []
    for _ in range(times):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return sorted(found)[times // 2]


def main() -> None:
    issues = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    town = city(issues)
    print(f"{issues:,} issues, {town.issues.nbytes / issues:.1f} bytes each kept (promised 16)")
    wanted = IssueFilter(category=("HJ0", "HJ1", "HJ2"), since=date(2025, 12, 1), until=date(2026, 9, 30))

    def view(chosen: IssueFilter = wanted, most: float | None = None) -> bytes:
        found = hotspots.heat(town, chosen)
        values = found.surface.values
        scale = square_root_scale(most or float(np.nanmax(values)))
        place = web_place(found.raster)
        return png(scale.classes(sampled(values, place)), INFERNO)

    print(f"filter, density, picture: {cpu(view) * 1000:6.0f} ms (promised 200)")
    for name, work in (
        ("  filter", lambda: hotspots.select(town, wanted)),
        ("  filter and density", lambda: hotspots.heat(town, wanted)),
        ("Gi* of place-days", lambda: hotspots.spots(town, wanted)),
        ("top 20", lambda: hotspots.top(hotspots.heat(town, wanted))),
        ("emerging, 12 months", lambda: hotspots.emergence(town, IssueFilter())),
    ):
        print(f"{name + ':':25} {cpu(work, 3) * 1000:6.0f} ms")
    found = hotspots.heat(town, wanted)
    scale = square_root_scale(float(np.nanmax(found.surface.values)))

    def tile(x: int) -> bytes:
        place = tile_place(found.raster, 16, x, 26_916)
        return png(scale.classes(sampled(found.surface.values, place)), INFERNO)

    print(f"a tile: {cpu(lambda: [tile(53_517 + i) for i in range(10)]) * 100:6.1f} ms (promised 10)")
    one = len(view())
    year = (
        sum(
            len(view(replace(wanted, since=date(2026, month, 1), until=date(2026, month, 28)), 3000.0))
            for month in range(1, 13)
            if month < 11
        )
        * 12
        // 10
    )
    print(
        f"one view {one / 1e6:.3f} MB (promised 0.15), pictures of twelve months {year / 1e6:.3f} MB (page 0.5)"
    )
    some = np.round(town.issues.xy[: min(issues, 100_000)].astype(float) / 1e5 + 30, 6).tolist()
    heat = HeatMap(some)
    folium = len(gzip.compress(repr(heat.data).encode())) * issues // len(some)
    print(f"Folium's HeatMap would send {folium / 1e6:.1f} MB zipped: {folium / one:.0f} x one view")


if __name__ == "__main__":
    main()
