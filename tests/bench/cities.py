"""The city of the benchmarks: 20 x 20 km, anchors and bent alleys at random."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

CRS = "EPSG:4547"
SIDE_M = 20_000.0
CORNER = np.array([500_000.0, 3_385_000.0])


def anchors(n: int, seed: int = 0, side_m: float = SIDE_M) -> NDArray[np.object_]:
    """Points, uniform in the square."""
    places = np.random.default_rng([seed, 1]).uniform(0, side_m, (n, 2)) + CORNER
    return np.asarray(shapely.points(places))


def alleys(n: int, seed: int = 0, side_m: float = SIDE_M) -> NDArray[np.object_]:
    """Lines of 2 to 7 segments, about 170 m long."""
    rng = np.random.default_rng([seed, 2])
    found = np.empty(n, dtype=object)
    for number in range(n):
        steps = int(rng.integers(2, 8))
        heading = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.3, steps))
        length = rng.lognormal(np.log(150), 0.5) / steps
        corners = np.cumsum(length * np.column_stack([np.cos(heading), np.sin(heading)]), axis=0)
        start = rng.uniform(0, side_m, 2) + CORNER
        found[number] = shapely.LineString(np.vstack([start, start + corners]))
    return found
