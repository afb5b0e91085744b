"""Exposure of the whole sample city against two thousand random inspections of it."""

import numpy as np
import pytest
from whole_file import check, read_file

from geo.design import Anchors, Design, Radius
from geo.exposure import exposure
from geo.frame import LAYERS, build_frame
from geo.simulation import inspections
from layers.resources import data_path

FILES = {"anchors": "点位.xlsx", "back_alleys": "背街小巷.zip", "compounds": "居民小区.geojson"}
INSPECTIONS = 2000


@pytest.fixture(scope="module")
def city():
    return {
        layer: check(read_file(data_path("sample", FILES[layer]), layer), layer, datum="wgs84").table
        for layer in LAYERS
    }


@pytest.mark.parametrize("radius", ["1000", "500:2000"])
def test_units_of_the_sample_city_come_as_often_as_their_exposure_says(city, radius):
    design = Design(anchors=Anchors.parse("5"), radius=Radius.parse(radius))
    frame = build_frame(city, design)
    found = exposure(frame, design)
    hits = {layer: np.zeros(len(units)) for layer, units in frame.units.items()}
    # that these inspections follow the law of the draw is tested in test_exposure_more.py
    for told in inspections(frame, design, np.random.default_rng(20261120), INSPECTIONS):
        for layer, groups in told.items():
            hits[layer][np.unique(np.concatenate([np.array(units, dtype=int) for units in groups]))] += 1
    z = []
    for layer, part in found.layers.items():
        seen = hits[layer]
        expected = INSPECTIONS * part.pi
        often = expected >= 5
        z.append((seen - expected)[often] / np.sqrt(expected * (1 - part.pi))[often])
        # the number of different units per inspection is known exactly as well: 4 standard errors
        assert abs(seen.sum() / INSPECTIONS - part.expected_distinct) < 4 * np.sqrt(
            part.expected_distinct / INSPECTIONS
        )
    z = np.concatenate(z)
    assert len(z) > 4000
    assert abs(z.mean()) < 0.06
    assert 0.95 < z.std() < 1.05
    assert np.abs(z).max() < 6
