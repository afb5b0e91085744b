"""Local maxima by the look at every pair, and what last period's hot area caught."""

import numpy as np
import pytest

from geo.errors import CRSError, StatisticsError
from geo.peaks import NONE, catchment, forecast, hot_area, local_maxima

CRS = "EPSG:32650"


def hill(at, height, shape=(40, 50), sigma=3.0):
    y, x = np.mgrid[: shape[0], : shape[1]]
    return height * np.exp(-((y - at[0]) ** 2 + (x - at[1]) ** 2) / (2 * sigma**2))


def places(peaks):
    return list(zip(peaks.row.tolist(), peaks.column.tolist(), strict=True))


def test_hills_are_found_the_highest_first():
    surface = hill((10, 10), 2) + hill((30, 40), 5) + hill((0, 49), 1)
    found = local_maxima(surface, cell_m=25, apart_m=150, most=20)
    assert places(found) == [(30, 40), (10, 10), (0, 49)]
    assert found.value[0] == surface[30, 40]


def test_of_two_near_hills_the_higher_stands_and_at_the_distance_both():
    surface = np.zeros((20, 20))
    surface[5, 5], surface[5, 9] = 3, 2
    assert places(local_maxima(surface, cell_m=25, apart_m=101, most=9)) == [(5, 5)]
    assert places(local_maxima(surface, cell_m=25, apart_m=100, most=9)) == [(5, 5), (5, 9)]


def test_peaks_match_the_look_at_every_cell():
    surface = np.random.default_rng(1).random((30, 30)).round(2)
    cells = sorted(np.ndindex(30, 30), key=lambda at: (-surface[at], at))
    tops = [
        (y, x)
        for y, x in cells
        if surface[y, x] == surface[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2].max()
    ]
    chosen = []
    for at in tops:
        if all(np.hypot(*np.subtract(at, other)) >= 4 for other in chosen):
            chosen.append(at)
    assert places(local_maxima(surface, cell_m=10, apart_m=40, most=1000)) == chosen
    assert places(local_maxima(surface, cell_m=10, apart_m=40, most=5)) == chosen[:5]


def test_a_plateau_is_one_peak():
    surface = np.zeros((20, 20))
    surface[4:7, 4:7] = 1
    assert places(local_maxima(surface, cell_m=10, apart_m=50, most=9)) == [(4, 4)]


@pytest.mark.parametrize("value", [0.0, 3.0, np.nan])
def test_a_flat_surface_has_no_peak(value):
    assert places(local_maxima(np.full((9, 9), value), cell_m=10, apart_m=20, most=9)) == []


def test_cells_outside_are_no_peak_and_hide_none():
    surface = hill((10, 10), 2)
    surface[:, :10] = np.nan
    assert places(local_maxima(surface, cell_m=25, apart_m=100, most=9)) == [(10, 10)]


def test_an_issue_belongs_to_the_nearest_peak_within_the_radius():
    peaks = np.array([[0.0, 0.0], [200.0, 0.0]])
    xy = np.array([[99.0, 0.0], [101.0, 0.0], [0.0, 150.0], [0.0, 150.1], [-900.0, 0.0]])
    assert catchment(xy, peaks, crs=CRS, radius_m=150).tolist() == [0, 1, 0, NONE, NONE]


def test_without_peaks_or_issues_nobody_belongs_anywhere():
    assert catchment(np.zeros((2, 2)), np.zeros((0, 2)), crs=CRS, radius_m=9).tolist() == [NONE, NONE]
    assert catchment(np.zeros((0, 2)), np.zeros((1, 2)), crs=CRS, radius_m=9).tolist() == []
    with pytest.raises(CRSError):
        catchment(np.zeros((1, 2)), np.zeros((1, 2)), crs="EPSG:4490", radius_m=9)


def test_the_hot_area_is_the_densest_tenth():
    surface = np.arange(100.0).reshape(10, 10)
    area = hot_area(surface, 0.1)
    assert np.flatnonzero(area).tolist() == list(range(90, 100))


def test_the_hot_area_is_a_share_of_the_inside_and_holds_no_empty_cell():
    surface = np.zeros((10, 10))
    surface[0, :3] = 1
    surface[5:] = np.nan
    assert hot_area(surface, 0.04).sum() == 2
    assert hot_area(surface, 0.5).sum() == 3


def test_pai_of_a_worked_example():
    # Chainey et al. 2008: 25 % of the issues in 5 % of the area make a PAI of 5
    counts = np.zeros((10, 20), int)
    counts[0, :10], counts[5] = 2, 3
    area = np.zeros((10, 20), bool)
    area[0, :10] = True
    found = forecast(area, np.ones((10, 20), bool), counts)
    assert (found.hit_rate, found.area_share, found.issues) == (0.25, 0.05, 80)
    assert found.pai == pytest.approx(5)


def test_issues_outside_are_no_miss():
    counts = np.full((4, 4), 1)
    inside = np.zeros((4, 4), bool)
    inside[:2] = True
    area = np.zeros((4, 4), bool)
    area[0] = True
    assert forecast(area, inside, counts).hit_rate == 0.5
    assert forecast(area, inside, counts).pai == 1


def test_a_map_that_tells_nothing_has_a_pai_of_one():
    rng = np.random.default_rng(2)
    area = hot_area(rng.random((100, 100)), 0.2)
    found = forecast(area, np.ones((100, 100), bool), rng.poisson(20.0, (100, 100)))
    # 2,000 cells of 200,000 issues: a standard error of 0.0045
    assert found.pai == pytest.approx(1, abs=0.0225)


def test_nothing_hot_and_nothing_next_are_told():
    with pytest.raises(StatisticsError) as told:
        hot_area(np.zeros((3, 3)), 0.1)
    assert (told.value.code, told.value.facts) == ("nothing_hot", {"cells": 9})
    with pytest.raises(StatisticsError) as told:
        forecast(np.ones((3, 3), bool), np.ones((3, 3), bool), np.zeros((3, 3), int))
    assert told.value.code == "no_next_issues"
