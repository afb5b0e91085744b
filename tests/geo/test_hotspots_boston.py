"""Boston 311 of 2015: real counts are skewed, and a geocoder's default is no hot spot."""

import numpy as np
import pandas as pd
import pytest
from pyproj import Transformer
from scipy.stats import norm

from geo.hotspots import benjamini_hochberg, gi_star, window
from geo.place_days import pile_ups, place_days, place_numbers

pytestmark = pytest.mark.testdata
CRS = "EPSG:32619"
CELL_M = 200.0
CITY_HALL = (-71.0587, 42.3594)


@pytest.fixture(scope="module")
def cases(test_data):
    table = pd.read_csv(
        test_data / "boston_311" / "boston_311_2015.csv.gz",
        usecols=["OPEN_DT", "REASON", "LATITUDE", "LONGITUDE"],
    )
    opened = pd.to_datetime(table["OPEN_DT"], format="%m/%d/%Y %I:%M:%S %p")
    table["day"] = opened.to_numpy().astype("datetime64[D]").astype(int)
    return table


@pytest.fixture(scope="module")
def xy(cases):
    plane = Transformer.from_crs("EPSG:4326", CRS, always_xy=True)
    return np.column_stack(plane.transform(cases["LONGITUDE"].to_numpy(), cases["LATITUDE"].to_numpy()))


def test_the_only_pile_up_is_the_default_point_at_city_hall(cases, xy):
    place = place_numbers(xy, crs=CRS)
    reports = np.bincount(place)
    (piled,) = np.flatnonzero(pile_ups(reports))
    here = cases[place == piled]
    assert len(here) == 17_070
    assert (here["LONGITUDE"].iloc[0], here["LATITUDE"].iloc[0]) == CITY_HALL


def test_relabelled_graffiti_is_no_hot_spot(cases, xy):
    # 200 labellings of the counts of one real category; the normal z fails the same maps
    place = place_numbers(xy, crs=CRS)
    chosen = (cases["REASON"] == "Graffiti").to_numpy() & ~pile_ups(np.bincount(place))[place]
    cell = ((xy - xy.min(axis=0)) // CELL_M).astype(int)
    shape = tuple(cell.max(axis=0) + 1)
    inside = np.zeros(shape, bool)
    inside[tuple(cell.T)] = True
    first = np.flatnonzero(chosen)[place_days(xy[chosen], cases["day"].to_numpy()[chosen], crs=CRS).first]
    counts = np.zeros(shape, int)
    np.add.at(counts, tuple(cell[first].T), 1)
    rng = np.random.default_rng(1)
    rate = found = by_normal = 0
    for _ in range(200):
        map_ = np.zeros(shape, int)
        map_[inside] = rng.permutation(counts[inside])
        spots = gi_star(map_, inside, window(400, CELL_M))
        rate += np.mean(spots.p_hot[inside] <= 0.001) / 200
        found += bool((spots.q <= 0.05).any())
        by_normal += bool((benjamini_hochberg(2 * norm.sf(np.abs(spots.z[inside]))) <= 0.05).any())
    assert 0.0005 <= rate <= 0.002
    assert found <= 20
    assert by_normal > 60
    # and the counts as they lie are hot
    assert (gi_star(counts, inside, window(400, CELL_M)).bin == 3).sum() > 100
