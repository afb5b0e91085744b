"""Issues by the units that people name, clusters, weights and 举一反三, in a town known one by one."""

from __future__ import annotations

import json
import math

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import spotted_town as town
from hamlet import add, shape, table

from geo.errors import DesignError, NotFoundError, StatisticsError
from layers.rules import categories
from layers.store import Store
from service.commands import main
from service.i18n import text
from service.usecases import hotspots
from service.usecases.also_there import also_there
from service.usecases.hotspot_city import read_city
from service.usecases.hotspot_counts import BY, counts, rows
from service.usecases.issue_filters import IssueFilter

ROWS = [row for row in town.reports() if (row["x"], row["y"]) != town.PILE]
ALL = IssueFilter()


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = town.stored(tmp_path_factory.mktemp("counts") / "town.db")
    with Store.open(path, create=False) as opened:
        compounds = [
            {"id": "C1", "name": "甲小区", "subtype": "老旧", "built_year": 1990, "unit": "物业甲",
             "geometry": _square(-1000, -1000, 140)},
            {"id": "C2", "name": "乙小区", "subtype": "老旧", "built_year": 1993, "unit": "物业乙",
             "geometry": _square(-600, -1000, 140)},
            {"id": "C3", "name": "丙小区", "subtype": "老旧", "built_year": 1988, "unit": "物业丙",
             "geometry": _square(1999, -1999, 1)},
            {"id": "C4", "name": "丁小区", "subtype": "商品房", "built_year": 2020, "unit": "物业丁",
             "geometry": _square(-1999, 1999, 1)},
        ]  # fmt: skip
        roads = [{"id": "R1", "class": "residential",
                  "geometry": shape((-2000, 0), (2000, 0), kind=shapely.LineString)}]  # fmt: skip
        add(opened, {"compounds": table("compounds", compounds), "roads": table("roads", roads)})
        yield opened


def _square(x: float, y: float, half: float):
    corners = (x - half, y - half), (x + half, y - half), (x + half, y + half), (x - half, y + half)
    return shape(*corners, kind=shapely.Polygon)


@pytest.fixture(scope="module")
def city(store):
    return read_city(store, "")


@pytest.mark.parametrize("by", [by for by in BY if by != "grid"])
def test_every_issue_is_in_one_unit_or_told_to_be_elsewhere(store, city, by):
    found = counts(store, city, ALL, by)
    assert found.table["issues"].sum() + found.elsewhere == len(ROWS)
    assert found.table.crs.to_epsg() == 4326
    assert json.dumps(rows(found))


def test_subdistricts_hold_what_lies_in_them_and_their_street_length(store, city):
    found = counts(store, city, ALL, "subdistrict").table.set_index("id")
    east = sum(row["x"] > 0 for row in ROWS)
    assert found["issues"].to_dict() == {"E": east, "W": len(ROWS) - east}
    assert found["km2"].tolist() == pytest.approx([8, 8], rel=1e-6)
    assert found["street_km"].tolist() == pytest.approx([2, 2], rel=1e-6)
    assert found.loc["E", "per_street_km"] == pytest.approx(east / 2, rel=1e-6)
    assert found.loc["E", "per_30_days"] == pytest.approx(east * 30 / town.DAYS)


def test_an_alley_counts_what_lies_within_thirty_metres_per_hundred(store, city):
    found = counts(store, city, ALL, "back_alleys").table.set_index("id")
    near = [row for row in ROWS if abs(row["y"] - 505) <= 30 and 970 <= row["x"] <= 1130]
    line = shapely.LineString([(1000, 505), (1100, 505)])
    own = sum(line.distance(shapely.Point(row["x"], row["y"])) <= 30 for row in near)
    assert own > 0
    assert found.loc["B1", "issues"] == own
    assert found.loc["B1", "per_100m"] == pytest.approx(own, rel=1e-6)
    assert found.loc["B2", "visited"] == "never"


def test_a_compound_counts_per_hectare(store, city):
    found = counts(store, city, ALL, "compounds").table.set_index("id")
    own = sum(max(abs(row["x"] + 1000), abs(row["y"] + 1000)) <= 150 for row in ROWS)  # 10 m outside too
    assert found.loc["C1", "issues"] == own == 16
    assert found.loc["C1", "per_ha"] == pytest.approx(own / 7.84, rel=1e-6)


@pytest.mark.parametrize(
    ("by", "error", "code"), [("moon", DesignError, "counts_by"), ("grid", StatisticsError, "no_units")]
)
def test_units_that_there_are_not_are_refused(store, city, by, error, code):
    with pytest.raises(error) as caught:
        counts(store, city, ALL, by)
    assert caught.value.code == code


def test_severity_weighs_as_the_table_of_categories_says(city):
    plain, heavy = hotspots.heat(city, ALL), hotspots.heat(city, ALL, weight="severity")
    expected = sum(categories()[row["category"]].severity for row in ROWS)
    assert heavy.surface.taken.weight == expected
    assert plain.surface.taken.weight == len(ROWS)
    with pytest.raises(DesignError) as caught:
        hotspots.heat(city, ALL, weight="anger")
    assert caught.value.code == "weight_unknown"


def test_an_issue_a_half_life_ago_counts_half(city):
    found = hotspots.heat(city, ALL, half_life_days=30)
    last = max(row["day"] for row in ROWS)
    expected = sum(2 ** (-(last - row["day"]).days / 30) for row in ROWS)
    assert found.surface.taken.weight == pytest.approx(expected, rel=1e-9)
    assert found.surface.days == pytest.approx(30 / math.log(2) * (1 - 2 ** (-town.DAYS / 30)))


def test_the_bad_street_is_the_likeliest_cluster(city):
    first = hotspots.clusters(city, IssueFilter(category=("SS01",)))[0]
    back = gpd.GeoSeries([shapely.Point(first.lon, first.lat)], crs=4326).to_crs("EPSG:4547")[0]
    assert math.dist((back.x - 500_000, back.y - 3_385_000), town.STREET) < 700
    assert first.p == 0.001
    assert first.cases > 5 * first.expected


def test_a_bandwidth_is_advised_from_distinct_places(city):
    found = hotspots.bandwidth_advice(city, ALL)
    assert found.best_m in hotspots.ADVISED_M
    assert found.score.max() == found.score[list(found.bandwidths_m).index(found.best_m)]
    assert found.places == len({(row["x"], row["y"]) for row in ROWS})


def test_a_rate_per_street_is_blank_away_from_streets(city):
    found = hotspots.per_street(city, ALL)
    grid = found.rate.issues.window.grid
    x, y = grid.centres()
    far = np.abs(y) > 1500
    assert np.isnan(found.rate.values[far]).all()
    middle = found.rate.values[np.argmin(np.abs(y)), np.argmin(np.abs(x))]
    # one issue per 0.01 km2 beside one street: 100 a year per km2, in 30 days; street smoothed over 150 m
    assert middle == pytest.approx(100 * 30 / town.DAYS / (1000 / (math.sqrt(2 * math.pi) * 150)), rel=0.05)


def test_where_else_the_same_is_and_where_nobody_has_looked(store, city):
    found = also_there(store, city, "C1", "HJ01")
    own = sum(
        max(abs(row["x"] + 1000), abs(row["y"] + 1000)) <= 150 and row["category"] == "HJ01" for row in ROWS
    )
    assert (found.name, found.issues) == ("甲小区", own)
    assert [unit.id for unit in found.nearby] == ["C2"]
    assert found.nearby[0].metres == pytest.approx(120, abs=0.2)
    assert [(unit.id, unit.alike) for unit in found.unseen] == [("C3", ("subtype", "built_year"))]
    with pytest.raises(NotFoundError):
        also_there(store, city, "C9", "HJ01")


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_commands_answer(tmp_path, monkeypatch, capsys, lang):
    monkeypatch.chdir(tmp_path)
    town.stored(tmp_path / "zhoubian.db")
    assert main(["--lang", lang, "count", "--by", "subdistrict", "--out", "数.xlsx"]) == 0
    assert pd.read_excel("数.xlsx", engine="openpyxl")["issues"].sum() == len(ROWS)
    assert main(["--lang", lang, "clusters", "--category", "SS01"]) == 0
    assert main(["--lang", lang, "bandwidth"]) == 0
    assert main(["--lang", lang, "also", "B1", "--category", "SS"]) == 0
    assert main(["--lang", lang, "density", "--weight", "severity", "--half-life", "30"]) == 0
    out = capsys.readouterr().out
    assert text("hot.weight.severity", lang) in out
    assert text("hot.half_life", lang, days="30") in out
    assert "东街" in out
    assert "槐树巷" in out
    assert main(["street-rate"]) == 1  # this town has no road
    capsys.readouterr()
    assert main(["also", "B1", "--category", "SS", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["layer"] == "back_alleys"


def test_a_rate_per_street_is_a_geotiff_and_its_cells_are_told(store, tmp_path, capsys):
    out = tmp_path / "率.tif"
    assert main(["--store", str(store.path), "street-rate", "--out", str(out), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["cells"]["thin"] + facts["cells"]["never"] > 0
    assert facts["cells"]["found"] > 0
    assert out.read_bytes()[:2] == b"II"
