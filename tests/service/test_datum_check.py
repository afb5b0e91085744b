"""What a user is told about the datum of a file and about layers that lie apart."""

from __future__ import annotations

import json
import time

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from small_town import NOON

from geo.crs import from_wgs84, to_wgs84
from geo.offset import CAUSES, COMPASS
from layers.batches import NewBatch
from layers.schema import conform
from layers.store import Store
from service.i18n import LANGS, text, texts
from service.usecases import datum_check, demo

LON, LAT = 114.31, 30.55
RNG = np.random.default_rng(20261120)
DEGREE_M = np.array([96_000.0, 111_000.0])  # near 30.55 N


def _place(metres):
    return np.array([LON, LAT]) + np.asarray(metres, float) / DEGREE_M


STREETS = [shapely.linestrings(_place(RNG.uniform(-2000, 2000, (3, 2)))) for _ in range(40)]
ON_STREETS = np.array(
    [
        street.interpolate(share, normalized=True).coords[0]
        for street in STREETS
        for share in (0.11, 0.36, 0.8)
    ]
) + RNG.normal(0, 4e-5, (120, 2))
NAMES = [f"第{number}站" for number in range(120)]


def _wrong(places, was, taken):
    """Where places lie when their coordinates in one datum are imported as another."""
    return np.column_stack(to_wgs84(*np.column_stack(from_wgs84(*places.T, was)).T, taken))


def _points(layer, places, **columns):
    rows = gpd.GeoDataFrame(
        {"id": [f"{layer[0]}{i}" for i in range(len(places))], **columns},
        geometry=shapely.points(places),
        crs="EPSG:4326",
    )
    return conform(rows, layer)


def _roads(lines=STREETS):
    rows = {"id": [f"r{i}" for i in range(len(lines))], "class": "residential"}
    return conform(gpd.GeoDataFrame(rows, geometry=list(lines), crs="EPSG:4326"), "roads")


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "s.db", create=True) as opened:
        yield opened


def _add(store, **layers):
    batch = NewBatch(
        source="a.xlsx", sha256="ab" * 32, imported_at=NOON.isoformat(), kind="anchors", datum="wgs84"
    )
    return store.add(layers, batch, {})


# -- layers in the store ---------------------------------------------------------------------------


def test_layers_in_order_give_no_warning(store):
    _add(
        store,
        roads=_roads(),
        anchors=_points("anchors", ON_STREETS, name=NAMES, **{"class": "transit"}),
        toilets=_points("toilets", ON_STREETS[::2], name=NAMES[::2]),
    )
    assert datum_check.warnings(store) == []


def test_an_empty_store_gives_no_warning(store):
    assert datum_check.warnings(store) == []


@pytest.mark.parametrize(("was", "taken"), [cause.split("_as_") for cause in CAUSES])
def test_the_layer_in_the_wrong_datum_is_named_with_the_datum_to_import_it_in(store, was, taken):
    _add(
        store,
        roads=_roads(),
        anchors=_points("anchors", ON_STREETS, name=NAMES, **{"class": "transit"}),
        toilets=_points("toilets", _wrong(ON_STREETS, was, taken)),
    )
    (warning,) = datum_check.warnings(store)
    assert (warning.layer, warning.against, warning.offset.cause) == ("toilets", "roads", f"{was}_as_{taken}")
    assert f"--datum {was}" in warning.told("en")
    assert f"--datum {was}" in warning.told("zh")
    assert "公共卫生间" in warning.told("zh")
    told = json.loads(json.dumps(warning.as_json()))
    assert (told["layer"], told["cause"]) == ("toilets", f"{was}_as_{taken}")


def test_undoing_the_wrong_import_ends_the_warning(store):
    _add(store, roads=_roads())
    wrong = _add(store, toilets=_points("toilets", _wrong(ON_STREETS, "gcj02", "wgs84")))
    before = store.data_version(datum_check.LAYERS_READ)
    assert len(datum_check.warnings(store)) == 1
    store.undo(wrong.id, NOON.isoformat())
    assert datum_check.warnings(store) == []
    assert store.data_version(datum_check.LAYERS_READ) != before


def test_without_roads_names_and_sites_tell_what_lies_beside_the_anchors(store):
    places = ON_STREETS[:12]
    moved = _wrong(places, "gcj02", "wgs84")
    issues = {
        "category": "HJ01",
        "found_at": pd.Timestamp(NOON),
        "site": [f"a{i % 12}" for i in range(24)],
    }
    _add(
        store,
        anchors=_points("anchors", places, name=NAMES[:12], **{"class": "transit"}),
        compounds=_points("compounds", moved, name=NAMES[:12]),
        issues=_points("issues", np.vstack([moved, moved]), **issues),
    )
    found = {warning.layer: warning for warning in datum_check.warnings(store)}
    assert set(found) == {"compounds", "issues"}
    for warning, pairs in ((found["compounds"], 12), (found["issues"], 24)):
        assert (warning.against, warning.offset.count) == ("anchors", pairs)
        assert warning.offset.cause == "gcj02_as_wgs84"
        assert warning.offset.spread_m < 1.0


def test_a_step_of_no_datum_is_told_without_a_cause(store):
    places = ON_STREETS[:8]
    _add(
        store,
        anchors=_points("anchors", places, name=NAMES[:8], **{"class": "transit"}),
        toilets=_points("toilets", places + np.array([0.0, 0.0045]), name=NAMES[:8]),
    )
    (warning,) = datum_check.warnings(store)
    assert (warning.offset.direction, round(warning.offset.metres, -1)) == ("n", 500)
    assert "for a reason unknown" in warning.told("en")
    assert "北面" in warning.told("zh")


@pytest.mark.parametrize("lang", LANGS)
def test_every_direction_has_a_name(lang):
    assert len({text(f"offset.direction.{way}", lang) for way in COMPASS}) == 8


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    folder = tmp_path_factory.mktemp("city")
    for file, kind, options in demo.missing(folder):
        if kind not in ("areas", "issues"):
            demo.take_in(folder, file, kind, options, now=NOON)
    with Store.open(demo.store_path(folder), create=False) as opened:
        yield opened


def test_the_sample_city_is_in_order_and_its_toilets_are_missed_when_taken_as_wgs84(city):
    started = time.process_time()
    assert datum_check.warnings(city) == []
    assert time.process_time() - started < 3.0  # about 0.5 s where nothing else runs
    toilets = city.read("toilets")
    lonlat = shapely.get_coordinates(toilets.geometry.to_numpy())
    raw = np.column_stack(from_wgs84(*lonlat.T, "gcj02"))
    assert datum_check.guess(city, raw).verdict.winner == "gcj02"


# -- before an import ------------------------------------------------------------------------------


def _sentence(guess, lang="en"):
    code = f"note.{guess.note.code}"
    assert not text(code, "zh", **guess.note.facts).isascii()
    json.dumps(guess.as_json())
    return text(code, lang, **guess.note.facts)


@pytest.mark.parametrize(("datum", "label"), [("wgs84", "WGS-84"), ("gcj02", "GCJ-02"), ("bd09", "BD-09")])
def test_the_datum_of_a_file_is_told_with_the_metres_of_all_three(store, datum, label):
    _add(store, roads=_roads())
    guess = datum_check.guess(store, np.column_stack(from_wgs84(*ON_STREETS.T, datum)))
    assert guess.note.code == "datum_fits"
    assert _sentence(guess).startswith(f"these points fit {label} best: ")
    assert all(other in _sentence(guess) for other in datum_check.LABELS.values() if other != "CGCS2000")
    assert "not applied" in _sentence(guess)


def test_known_names_tell_the_datum(store):
    _add(store, anchors=_points("anchors", ON_STREETS[:9], name=NAMES[:9], **{"class": "transit"}))
    raw = np.column_stack(from_wgs84(*ON_STREETS[:9].T, "bd09"))
    guess = datum_check.guess(store, raw, NAMES[:9])
    assert (guess.note.code, guess.note.facts["datum"]) == ("datum_fits_names", "BD-09")
    assert guess.note.facts["count"] == 9


@pytest.mark.parametrize("northing_first", [False, True])
def test_metres_are_told_by_the_system_that_fits_the_city(store, northing_first):
    _add(store, roads=_roads())
    raw = np.column_stack(from_wgs84(*ON_STREETS.T, "EPSG:4547"))
    guess = datum_check.guess(store, raw[:, ::-1] if northing_first else raw)
    assert guess.verdict.winner == "EPSG:4547"
    assert guess.systems[0].northing_first == northing_first


def test_metres_without_a_city_are_listed_and_none_is_chosen():
    raw = np.column_stack(from_wgs84(*ON_STREETS.T, "EPSG:4526"))
    guess = datum_check.guess(None, raw)
    assert guess.verdict is None
    assert "EPSG:4526: 114.31, 30.55" in _sentence(guess)


@pytest.mark.parametrize("xy", [np.empty((0, 2)), [[np.nan, 1.0]], [[120.6, 31.3]] * 40])
def test_points_with_nothing_near_them_are_told_so(store, xy):
    _add(store, roads=_roads())
    guess = datum_check.guess(store, xy)
    assert (guess.verdict, guess.note.code) == (None, "datum_no_reference")
    assert "no roads to compare" in _sentence(guess)


def test_few_points_and_points_anywhere_are_told_to_be_no_evidence(store):
    _add(store, roads=_roads())
    assert datum_check.guess(store, ON_STREETS[:3]).note.code == "datum_few_points"
    anywhere = _place(np.random.default_rng(1).uniform(-1500, 1500, (100, 2)))
    guess = datum_check.guess(store, anywhere)
    assert (guess.verdict.winner, guess.note.code) == (None, "datum_undecided")
    assert "ask where the data come from" in _sentence(guess)


def test_names_that_lie_anywhere_tell_nothing(store):
    _add(store, anchors=_points("anchors", ON_STREETS[:9], name=NAMES[:9], **{"class": "transit"}))
    guess = datum_check.guess(store, ON_STREETS[100:109], NAMES[:9])
    assert guess.note.code == "datum_undecided_names"
    assert "9 names" in _sentence(guess)


def test_every_note_of_the_datum_is_one_that_can_be_given():
    given = {
        "datum_fits", "datum_fits_clear", "datum_fits_names", "datum_fits_alone", "datum_undecided",
        "datum_undecided_names", "datum_few_points", "datum_no_reference", "datum_systems",
    }  # fmt: skip
    assert all(f"note.{code}" in texts() for code in given)


@pytest.mark.testdata
def test_suzhou_has_nothing_to_compare_with(store, test_data):
    table = pd.read_csv(test_data / "suzhou_compounds_west" / "compounds_west_bd09.csv")
    _add(store, roads=_roads())
    guess = datum_check.guess(store, table[["lng_bd09", "lat_bd09"]], list(table["name"]))
    assert guess.note.code == "datum_no_reference"
