"""The pair table against what others do, alternating in one run; ratios of process time.

    python tests/bench/bench_pairs.py

2,000 anchors x 20,000 alleys within 2 km. Peers: an STRtree box query with `shapely.distance`,
buffers with `geopandas.sjoin` and with `geopandas.overlay` at four radii. Promised: at most 0.6 x
the first, 5 x faster than the second, 40 x faster than the third, distances equal to 1e-6 m.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import geopandas as gpd
import numpy as np
import shapely
from cities import CRS, alleys, anchors

from geo.buffers import PairTable, entry_distances

RADII_M = (500.0, 1000.0, 1500.0, 2000.0)


def timed(work: Callable[[], object]) -> tuple[float, object]:
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def main() -> int:
    """Print the medians and ratios; 1 if a promise is broken."""
    points, lines = anchors(2000), alleys(20_000)
    scale = np.ones(len(points))
    left = gpd.GeoDataFrame(geometry=points, crs=CRS)
    right = gpd.GeoDataFrame(geometry=lines, crs=CRS)

    def ours() -> PairTable:
        return entry_distances(points, lines, crs=CRS, scale=scale, radius_m=2000.0)

    def tree() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        box = shapely.bounds(points) + np.array([-2000.0, -2000.0, 2000.0, 2000.0])
        a, u = shapely.STRtree(lines).query(shapely.box(*box.T))
        d = shapely.distance(points[a], lines[u])
        return a[d <= 2000], u[d <= 2000], d[d <= 2000]

    def sjoin() -> int:
        return sum(
            len(left.assign(geometry=left.buffer(r)).sjoin(right, predicate="intersects")) for r in RADII_M
        )

    def overlay() -> int:
        return sum(
            len(
                gpd.overlay(
                    right, left.assign(geometry=left.buffer(r)), how="intersection", keep_geom_type=False
                )
            )
            for r in RADII_M
        )

    ours(), tree()  # caches, first imports
    fast: list[tuple[float, float]] = []
    for _ in range(7):
        (mine, pairs), (theirs, found) = timed(ours), timed(tree)
        fast.append((mine, theirs))
    a, u, d = found  # type: ignore[misc]
    order = np.lexsort((u, a))
    assert isinstance(pairs, PairTable)
    same = np.array_equal(pairs.anchor, a[order]) and np.array_equal(pairs.unit, u[order])
    error = float(np.abs(pairs.entry_m - d[order]).max())
    ratio = statistics.median(m / t for m, t in fast)
    own = statistics.median(m for m, _ in fast)
    print(f"{len(pairs):,} pairs, {own:.3f} s; equal pairs: {same}, largest difference {error:.1e} m")
    print(f"ours / STRtree box + distance: {ratio:.2f} (promised at most 0.60)")
    slow = [(timed(sjoin)[0], timed(ours)[0]) for _ in range(3)]
    by_sjoin = statistics.median(t / m for t, m in slow)
    print(f"buffers + sjoin at four radii / ours: {by_sjoin:.1f} (promised at least 5)")
    slowest, mine = timed(overlay)[0], timed(ours)[0]
    print(f"buffers + overlay at four radii / ours: {slowest / mine:.0f} (promised at least 40)")
    kept = same and error < 1e-6 and ratio <= 0.6 and by_sjoin >= 5 and slowest / mine >= 40
    return 0 if kept else 1


if __name__ == "__main__":
    raise SystemExit(main())
