"""The sample city: what it promises, and that the shipped files are the ones the generator writes."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from openpyxl import load_workbook
from python_calamine import CalamineWorkbook

from geo.crs import GEOD, gcj02_to_wgs84
from layers.resources import data_path
from layers.schema import LAYERS, conform
from layers.synthetic import SEED, sample_city
from layers.synthetic.calendar_2026 import due
from layers.synthetic.office_files import CHINESE, FILES
from layers.synthetic.plane import to_degrees
from layers.synthetic.taxonomy import RULES, SHARES
from layers.synthetic.town import draw_plan

METRIC = "EPSG:4547"
ROOT = Path(__file__).resolve().parents[2]
SHIPPED = data_path("sample")


@pytest.fixture(scope="module")
def city() -> dict[str, gpd.GeoDataFrame]:
    return sample_city(np.random.default_rng(SEED))


@pytest.fixture(scope="module")
def metric(city) -> dict[str, gpd.GeoDataFrame]:
    return {name: table.to_crs(METRIC) for name, table in city.items()}


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("样本 city")
    subprocess.run([sys.executable, "-m", "layers.synthetic", str(folder)], cwd=ROOT, check=True, timeout=300)
    return folder


def level(city, name: str) -> gpd.GeoDataFrame:
    areas = city["areas"]
    return areas[areas["level"] == name].reset_index(drop=True)


# --- the layers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_fits_its_schema(city, name):
    table, schema = city[name], LAYERS[name]
    pd.testing.assert_frame_equal(table, conform(table, name))
    assert table.crs.to_epsg() == 4326
    assert table["id"].is_unique
    assert set(table.geom_type) <= set(schema.geometry)
    assert table.is_valid.all() and not table.is_empty.any()
    for column in schema.columns:
        if column.required:
            assert table[column.name].notna().all()
        if column.allowed:
            assert set(table[column.name].dropna()) <= set(column.allowed)


def test_sizes_are_the_promised_ones(city):
    classes = {"market": 250, "mall": 350, "school": 420, "hospital": 180, "transit": 250, "community": 550}
    assert city["anchors"]["class"].value_counts().to_dict() == classes
    sizes = {name: len(table) for name, table in city.items()}
    assert (sizes["back_alleys"], sizes["compounds"], sizes["toilets"], sizes["issues"]) == (
        3000,
        3000,
        500,
        20000,
    )
    levels = city["areas"]["level"].value_counts()
    assert (levels["district"], levels["subdistrict"], levels["community"]) == (1, 12, 120)


def test_the_city_is_14_by_12_kilometres(metric):
    west, south, east, north = metric["areas"].total_bounds
    assert 13_000 < east - west < 15_000
    assert 11_000 < north - south < 13_000


def test_most_units_are_open_and_every_status_occurs(city):
    for name in ("anchors", "back_alleys", "compounds"):
        share = city[name]["status"].value_counts(normalize=True)
        assert set(share.index) == {"open", "closed", "works", "restricted", "outside"}
        assert share["open"] > 0.85


def test_another_seed_makes_another_city(city):
    other = to_degrees(draw_plan(np.random.default_rng(SEED + 1)).lanes.geometry.to_numpy())
    assert not set(shapely.to_wkb(other)) & set(shapely.to_wkb(city["back_alleys"].geometry.to_numpy()))


# --- compounds and alleys -----------------------------------------------------------------------


def test_compounds_do_not_overlap(metric):
    shapes = metric["compounds"].geometry.to_numpy()
    one, two = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    pair = one < two
    overlap = shapely.area(shapely.intersection(shapes[one[pair]], shapes[two[pair]]))
    assert overlap.sum() < 1.0


def test_no_road_crosses_a_compound(metric):
    shapes, lines = metric["compounds"].geometry.to_numpy(), metric["roads"].geometry.to_numpy()
    road, compound = shapely.STRtree(shapes).query(lines, predicate="intersects")
    assert shapely.length(shapely.intersection(lines[road], shapes[compound])).sum() < 1.0


def test_gates_stand_on_the_outline_beside_a_road(city, metric):
    gates = city["compounds"]["gates"]
    assert gates.map(lambda points: len(points.geoms)).between(1, 3).all()
    moved = gpd.GeoSeries(gates.to_numpy(), crs="EPSG:4326").to_crs(METRIC).to_numpy()
    outline = shapely.boundary(metric["compounds"].geometry.to_numpy())
    points, owner = shapely.get_parts(moved, return_index=True)
    assert shapely.distance(points, outline[owner]).max() < 1.0
    roads = shapely.STRtree(metric["roads"].geometry.to_numpy())
    gap = roads.query_nearest(points, all_matches=False, return_distance=True)[1]
    assert (gap < 40).mean() > 0.95


def test_alleys_hang_on_the_road_network(metric):
    alleys, roads = metric["back_alleys"], metric["roads"]
    lines = alleys.geometry.to_numpy()
    parts, owner = shapely.get_parts(lines, return_index=True)
    ends = np.concatenate([shapely.get_point(parts, 0), shapely.get_point(parts, -1)])
    owner = np.concatenate([owner, owner])
    streets = roads[~roads["class"].isin(["alley", "path"])].geometry.to_numpy()
    near_street = np.isin(
        np.arange(len(ends)), shapely.STRtree(streets).query(ends, predicate="dwithin", distance=30.0)[0]
    )
    end, other = shapely.STRtree(lines).query(ends, predicate="dwithin", distance=30.0)
    near_alley = np.isin(np.arange(len(ends)), end[owner[end] != other])
    assert (near_street | near_alley).mean() >= 0.95


def test_alleys_are_as_long_as_alleys_are(metric):
    length = metric["back_alleys"].length
    assert length.between(40, 600).mean() > 0.95
    assert 100 < length.median() < 250
    assert (length > 2000).sum() >= 2
    in_pieces = metric["back_alleys"].geom_type == "MultiLineString"
    assert 3 <= in_pieces.sum() <= 50
    assert (metric["back_alleys"]["pieces"][in_pieces] > 1).all()


def test_lanes_are_denser_in_the_old_town(metric):
    old = level(metric, "subdistrict").set_index("name").loc[["鼓楼街道", "文庙街道"]]
    inside = metric["back_alleys"].clip(old.union_all()).length.sum() / old.area.sum()
    everywhere = metric["back_alleys"].length.sum() / level(metric, "district").area.sum()
    assert inside > 4 * everywhere


# --- names --------------------------------------------------------------------------------------


def test_some_alleys_share_a_name_across_subdistricts(city):
    alleys = city["back_alleys"]
    districts = alleys.groupby("name")["district"].nunique()
    assert (districts > 1).sum() >= 5


def test_some_communities_and_compounds_share_a_stem(city):
    communities = set(level(city, "community")["name"].str.removesuffix("社区"))
    compounds = city["compounds"]["name"]
    assert communities & set(compounds[compounds.str.endswith("小区")].str.removesuffix("小区"))


@pytest.mark.parametrize("name", ["anchors", "compounds", "toilets"])
def test_some_names_need_gb18030(city, name):
    def fits(text: str) -> bool:
        return text.encode("gbk", "ignore").decode("gbk") == text

    rare = [text for text in city[name]["name"] if not fits(text)]
    assert {text[0] for text in rare} == {"㙟", "䶮", "𠅤"}
    assert all(text.encode("gb18030").decode("gb18030") == text for text in rare)


def test_clusters_hold_about_eight_neighbours_of_one_subdistrict(city):
    groups = city["anchors"].groupby("cluster")
    assert groups.size().between(4, 12).all()
    assert groups["district"].nunique().max() == 1


# --- areas --------------------------------------------------------------------------------------


def test_codes_nest_and_have_the_stated_lengths(city):
    for child, parent, digits in (
        ("grid", "community", 15),
        ("community", "subdistrict", 12),
        ("subdistrict", "district", 9),
    ):
        inner, outer = level(city, child), level(city, parent)
        assert inner["id"].str.fullmatch(rf"999101\d{{{digits - 6}}}").all()
        assert (inner["parent"] == inner["id"].str[:-3]).all()
        assert set(inner["parent"]) == set(outer["id"])


def test_cells_fill_the_city_without_gap_or_overlap(city):
    cells = level(city, "grid").geometry.to_numpy()
    assert shapely.coverage_is_valid(cells)
    for child, parent in (("grid", "community"), ("community", "subdistrict"), ("subdistrict", "district")):
        inner, outer = level(city, child), level(city, parent).set_index("id")
        for code, rows in inner.groupby("parent"):
            whole = shapely.union_all(rows.geometry.to_numpy())
            apart = shapely.area(shapely.symmetric_difference(whole, outer.geometry.loc[code]))
            assert apart < 1e-14  # square degrees, about 1e-4 m2


def test_cells_are_about_10_000_square_metres(metric):
    area = level(metric, "grid").area
    assert area.median() == pytest.approx(10_000, rel=0.05)
    assert area.between(5_000, 15_000).mean() > 0.99


def test_cells_are_numbered_from_the_north_west(metric):
    cells = level(metric, "grid")
    middle = cells.geometry.representative_point()
    for _, rows in cells.groupby("parent"):
        spots = middle.loc[rows.index]
        assert list(rows["id"].str[-3:].astype(int)) == list(range(1, len(rows) + 1))
        first = spots.iloc[0]
        northern = spots[spots.y > spots.y.max() - 100.0]
        assert first.x == northern.x.min()
        assert spots.iloc[-1].y < spots.y.median()


# --- issues -------------------------------------------------------------------------------------


def quadrats(points: gpd.GeoSeries, side: float) -> np.ndarray:
    x, y = points.x.to_numpy(), points.y.to_numpy()
    bins = [np.arange(axis.min(), axis.max() + side, side) for axis in (x, y)]
    return np.histogram2d(x, y, bins=bins)[0]


def test_issues_cluster_in_space(metric):
    counts = quadrats(metric["issues"].geometry, 250.0)
    assert counts.var() / counts.mean() > 20  # 1 for a Poisson process


def test_issues_come_back_to_the_same_places(city):
    issues = city["issues"]
    exact = pd.Series(shapely.to_wkb(issues.geometry.to_numpy())).duplicated().mean()
    assert exact > 0.2
    per_site = issues["site"].value_counts()
    busiest = per_site.head(len(per_site) // 10).sum() / per_site.sum()
    assert busiest > 0.35
    known = set(city["anchors"]["id"]) | set(city["back_alleys"]["id"]) | set(city["compounds"]["id"])
    assert set(issues["site"].dropna()) <= known


def test_one_hot_spot_emerges_in_the_last_three_months(metric):
    issues = metric["issues"]
    late = issues["found_at"] >= pd.Timestamp("2026-08-01", tz="Asia/Shanghai")
    counts = late.groupby([issues.geometry.x // 500, issues.geometry.y // 500]).agg(["size", "mean"])
    assert ((counts["size"] > 100) & (counts["mean"] > 0.85)).any()
    assert 0.2 < late.mean() < 0.4


def test_the_year_has_a_weekly_and_a_daily_rhythm(city):
    found = city["issues"]["found_at"]
    assert found.min() >= pd.Timestamp("2025-11-01", tz="Asia/Shanghai")
    assert found.max() < pd.Timestamp("2026-11-01", tz="Asia/Shanghai")
    assert found.is_monotonic_increasing
    per_day = found.dt.day_of_week.value_counts()
    assert per_day.loc[[5, 6]].max() < 0.6 * per_day.loc[:4].min()
    assert found.dt.hour.between(8, 17).mean() > 0.7


def test_most_issues_close_on_time_many_late_some_not_at_all(city):
    issues = city["issues"]
    closed, deadline = issues["closed_at"], issues["deadline"]
    assert (closed.dropna() >= issues["found_at"][closed.notna()]).all()
    assert closed.notna().eq(issues["state"].isin(["closed", "fixed_on_site"])).all()
    judged = closed.notna() & deadline.notna()
    assert 0.15 < (closed > deadline)[judged].mean() < 0.35
    assert 0.02 < closed.isna().mean() < 0.10
    assert set(issues["state"]) == {
        "found", "fixed_on_site", "carded", "reported_fixed", "rechecked", "closed", "suspended",
    }  # fmt: skip


def test_deadlines_follow_the_office_hours():
    # the four vectors of 4 working hours (Mon 2 Mar 2026; holiday: 1-5 May), then days and minutes
    found = ["2026-03-02T11:00", "2026-03-02T16:30", "2026-03-02T12:30", "2026-05-01T10:00",
             "2026-03-06T09:00", "2026-03-07T09:00", "2026-03-02T11:55", "2026-03-02T09:00"]  # fmt: skip
    rules = ["4wh", "4wh", "4wh", "4wh", "1wd", "1wd", "10min", "0"]
    expected = ["2026-03-02T17:00", "2026-03-03T10:30", "2026-03-02T18:00", "2026-05-06T12:00",
                "2026-03-09T18:00", "2026-03-09T18:00", "2026-03-02T12:05", "NaT"]  # fmt: skip
    answer = due(np.array(found, "datetime64[m]"), rules)
    np.testing.assert_array_equal(answer, np.array(expected, "datetime64[m]"))


def test_every_category_found_has_a_rule_and_a_department():
    for shares in SHARES.values():
        codes, parts = shares.split()[0::2], [float(part) for part in shares.split()[1::2]]
        assert set(codes) <= set(RULES)
        assert 85 <= sum(parts) <= 125
    per_group = pd.Series(list(RULES)).str[:2].value_counts().to_dict()
    assert per_group == {"HJ": 11, "SR": 9, "JT": 9, "SS": 11, "XF": 5, "GY": 3, "FW": 6, "WM": 6, "JY": 7}


# --- the files ----------------------------------------------------------------------------------


def headed(path: Path, skip: int = 0) -> pd.DataFrame:
    rows = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()[skip:]
    return pd.DataFrame(rows[1:], columns=rows[0]).replace("", None)


def read_back(folder: Path) -> dict[str, gpd.GeoDataFrame]:
    """The seven files with plain readers: text attributes under their headings, WGS-84 geometry."""
    tables = {}
    for name, file in FILES.items():
        path = folder / file
        if path.suffix == ".xlsx":
            flat = headed(path, skip=1 if name == "anchors" else 0)
            points = gpd.points_from_xy(flat["经度"].astype(float), flat["纬度"].astype(float))
            tables[name] = gpd.GeoDataFrame(flat, geometry=points, crs="EPSG:4326")
        elif path.suffix == ".csv":
            with path.open(encoding="gb18030", newline="") as lines:
                flat = pd.DataFrame(list(csv.DictReader(lines)))
            place = gcj02_to_wgs84(flat["经度"].astype(float), flat["纬度"].astype(float))
            points = gpd.points_from_xy(place.lon, place.lat)
            tables[name] = gpd.GeoDataFrame(flat, geometry=points, crs="EPSG:4326")
        else:
            tables[name] = pyogrio.read_dataframe(path)
    return tables


@pytest.fixture(scope="module")
def shipped() -> dict[str, gpd.GeoDataFrame]:
    return read_back(SHIPPED)


@pytest.mark.parametrize("name", FILES)
def test_shipped_files_hold_the_city_that_the_seed_makes(city, shipped, name):
    table, file = city[name], shipped[name]
    assert len(file) == len(table)
    for column in LAYERS[name].columns:
        heading = "点位名称" if (name, column.name) == ("anchors", "name") else column.zh
        words = CHINESE.get(column.name, {}) if name != "roads" else {}
        expected = table[column.name]
        if column.kind == "datetime":
            pd.testing.assert_series_equal(
                pd.to_datetime(file[heading]).dt.round("min").astype("datetime64[us]"),
                expected.dt.tz_localize(None), check_names=False,
            )  # fmt: skip
            continue
        told = [None if pd.isna(value) else words.get(value, value) for value in expected]
        if heading not in file:
            assert told == [None] * len(table)
            continue
        assert [None if pd.isna(value) or value == "" else value for value in file[heading]] == told
    apart = shapely.hausdorff_distance(file.geometry.to_numpy(), table.geometry.to_numpy())
    assert apart.max() < 3e-7


def test_the_command_writes_the_shipped_files(written, shipped):
    again = read_back(written)
    for name, table in shipped.items():
        plain = table.drop(columns="geometry")
        pd.testing.assert_frame_equal(again[name].drop(columns="geometry"), plain)
        apart = shapely.hausdorff_distance(again[name].geometry.to_numpy(), table.geometry.to_numpy())
        assert apart.max() < 3e-7


def test_shipped_gates_are_the_gates_of_the_city(city, shipped):
    for text, gates in zip(shipped["compounds"]["gates"], city["compounds"]["gates"], strict=True):
        told = [tuple(float(number) for number in pair.split()) for pair in text.split(";")]
        assert told == [(point.x, point.y) for point in gates.geoms]
    anchors = shipped["anchors"]
    told = zip(anchors["大门经度"], anchors["大门纬度"], strict=True)
    for (lon, lat), gates in zip(told, city["anchors"]["gates"], strict=True):
        if gates is None:
            assert pd.isna(lon) and pd.isna(lat)
        else:
            assert (lon, lat) == (gates.geoms[0].x, gates.geoms[0].y)


def test_the_files_stay_below_eight_megabytes():
    sizes = [(SHIPPED / file).stat().st_size for file in FILES.values()]
    assert sum(sizes) < 8_000_000


def test_the_site_list_has_a_title_over_its_headings():
    page = load_workbook(SHIPPED / FILES["anchors"]).active
    assert [str(cells) for cells in page.merged_cells.ranges] == ["A1:N1"]
    assert page["A2"].value == "编号"


def test_the_toilet_list_is_neither_utf8_nor_gbk_and_lies_off_by_hundreds_of_metres(city):
    raw = (SHIPPED / FILES["toilets"]).read_bytes()
    for encoding in ("utf-8", "gbk"):
        with pytest.raises(UnicodeDecodeError):
            raw.decode(encoding)
    flat = pd.DataFrame(list(csv.DictReader(raw.decode("gb18030").splitlines())))
    truth = city["toilets"].geometry
    off = GEOD.inv(flat["经度"].astype(float), flat["纬度"].astype(float), truth.x, truth.y)[2]
    assert np.min(off) > 250
    assert np.max(off) < 700


def test_the_readme_counts_the_rows_of_every_file(shipped):
    text = (SHIPPED / "README.md").read_text(encoding="utf-8")
    for name, file in FILES.items():
        assert f"| `{file}` | {len(shipped[name])} | {name} |" in text
