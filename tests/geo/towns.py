"""A small town drawn on a metric plane, for tests of frame and draw."""

import geopandas as gpd
import numpy as np
import shapely
from pyproj import Transformer

from geo.design import ANCHOR_CLASSES

BACK = Transformer.from_crs("EPSG:4547", "EPSG:4326", always_xy=True)
CENTRE = (500_000.0, 3_385_000.0)  # on the central meridian: the scale is 1


def degrees(shapes):
    """Plane geometries around (0, 0) to EPSG:4326."""
    array = np.empty(len(shapes), dtype=object)
    array[:] = list(shapes)
    return shapely.transform(
        array, lambda xy: np.column_stack(BACK.transform(xy[:, 0] + CENTRE[0], xy[:, 1] + CENTRE[1]))
    )


def layer(ids, shapes, **columns):
    """A layer with the given columns."""
    return gpd.GeoDataFrame({"id": list(ids), **columns}, geometry=degrees(shapes), crs="EPSG:4326")


def alley(x, y, length=20.0):
    """A straight alley whose nearest point to the west is (x, y)."""
    return shapely.LineString([(x, y), (x + length, y)])


def town(anchors=12, alleys=60, compounds=50, size=3000.0, seed=0):
    """Anchors of all classes, alleys and compounds at random."""
    rng = np.random.default_rng(seed)
    spots = rng.uniform(0, size, (anchors + alleys + compounds, 2))
    a, b = anchors, anchors + alleys
    return {
        "anchors": layer(
            (f"a{n:03d}" for n in range(anchors)),
            [shapely.Point(spot) for spot in spots[:a]],
            **{"class": [ANCHOR_CLASSES[n % 6] for n in range(anchors)],
               "cluster": [f"g{int(spot[0] > size / 2)}" for spot in spots[:a]]},
        ),
        "back_alleys": layer(
            (f"b{n:03d}" for n in range(alleys)), [alley(x, y, 30 + 10 * (n % 7)) for n, (x, y) in enumerate(spots[a:b])]
        ),
        "compounds": layer(
            (f"c{n:03d}" for n in range(compounds)),
            [shapely.Point(spot).buffer(60, quad_segs=2) for spot in spots[b:]],
            households=[100 + n for n in range(compounds)],
        ),
    }  # fmt: skip
