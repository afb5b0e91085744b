"""Which unit does an issue belong to? The one it lies in or next to."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from .crs import require_metric

NONE = -1


def nearest_unit(
    points: NDArray[np.object_], units: NDArray[np.object_], *, crs: Any, within_m: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The nearest unit of each point, if it is near enough.

    Parameters
    ----------
    points, units : (n,), (u,) shapely geometries
        In the plane of `crs`, metric.
    within_m : float
        Largest distance; 0 m inside a polygon. Of units equally near the first serves.

    Returns
    -------
    unit : (n,) int64, `NONE` where no unit is near enough
    distance_m : (n,) float64, infinite there
    """
    require_metric(crs)
    unit = np.full(len(points), NONE, dtype=np.int64)
    distance = np.full(len(points), np.inf)
    if len(points) and len(units):
        (point, found), gap = shapely.STRtree(units).query_nearest(
            points, max_distance=within_m, return_distance=True, all_matches=True
        )
        order = np.lexsort((found, point))
        first = order[np.unique(point[order], return_index=True)[1]]
        unit[point[first]], distance[point[first]] = found[first], gap[first]
    return unit, distance
