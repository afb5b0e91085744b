"""Areas of responsibility: faults of known square metres, shares of known length, the area of a point."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

from geo.area_owners import counts, owner_level_of, responsible
from geo.areas import FAULTS, LEVELS, NOTES, area_of, check_areas, units_of
from geo.errors import CRSError, LayerError
from geo.grid_codes import check_codes
from layers.schema import AREA_LEVELS

PLANE = "EPSG:4547"
EAST, NORTH = 500_000.0, 3_385_000.0


def box(west, south, east, north):
    """A rectangle in metres from the corner of the town."""
    return shapely.box(EAST + west, NORTH + south, EAST + east, NORTH + north)


def line(*spots):
    return shapely.LineString([(EAST + x, NORTH + y) for x, y in spots])


def point(x, y):
    return shapely.Point(EAST + x, NORTH + y)


def areas(*rows, crs=PLANE):
    """Rows of id, level, parent, unit, polygon."""
    columns = ("id", "level", "parent", "unit")
    held = {name: [row[at] for row in rows] for at, name in enumerate(columns)}
    return gpd.GeoDataFrame(held, geometry=[row[4] for row in rows], crs=crs)


def units(*shapes, crs=PLANE):
    return gpd.GeoDataFrame({"id": [f"U{at}" for at in range(len(shapes))]}, geometry=list(shapes), crs=crs)


def quarters(**changed):
    """A community of 200 m by 200 m in four cells of 1 ha; a shape given by name replaces the cell's."""
    cells = {
        "a": box(0, 100, 100, 200), "b": box(100, 100, 200, 200),
        "c": box(0, 0, 100, 100), "d": box(100, 0, 200, 100),
    }  # fmt: skip
    whole = areas(
        ("P", "community", None, "居委会", box(0, 0, 200, 200)),
        *((name, "grid", "P", "网格员", shape) for name, shape in {**cells, **changed}.items()),
    )
    return whole[~whole.geometry.isna()].reset_index(drop=True)


def told(check, kind):
    """Areas, square metres and sliver of every finding of a kind."""
    rows = check.findings[check.findings["kind"] == kind]
    return [(row.areas, round(row.area_m2, 6), bool(row.sliver)) for row in rows.itertuples()]


def test_the_levels_are_those_of_the_schema():
    assert LEVELS == AREA_LEVELS


def test_four_cells_that_fill_their_community_have_no_fault():
    check = check_areas(quarters())
    assert check.findings.empty
    assert check.checked == {"community": 1, "grid": 4}
    assert check.ignored == 0


def test_an_overlap_is_told_once_with_its_ground_and_its_polygon():
    check = check_areas(quarters(a=box(0, 100, 110, 200)))
    assert told(check, "overlap") == [("a b", 1000.0, False)]
    assert check.findings.geometry.iloc[0].equals(box(100, 100, 110, 200))
    assert len(check.faults) == 1


def test_ground_of_three_is_in_three_pairs():
    check = check_areas(quarters(c=box(0, 0, 110, 110), a=box(0, 100, 110, 200)))
    # c and a share 110 x 10, c and b 10 x 10, c and d 10 x 100, a and b 10 x 100
    assert told(check, "overlap") == [
        ("a b", 1000.0, False), ("a c", 1100.0, False), ("b c", 100.0, False), ("c d", 1000.0, False),
    ]  # fmt: skip


def test_the_same_polygon_twice_and_one_inside_the_other_overlap():
    twice = check_areas(quarters(e=box(0, 0, 100, 100)))
    assert told(twice, "overlap") == [("c e", 10_000.0, False)]
    inside = check_areas(quarters(e=box(20, 20, 40, 40)))
    assert told(inside, "overlap") == [("c e", 400.0, False)]


def test_a_gap_is_told_with_its_parent_and_its_neighbours():
    check = check_areas(quarters(d=box(120, 0, 200, 100)))
    assert told(check, "gap") == [("a b c d", 2000.0, False)]  # a touches it in its corner
    assert check.findings["parent"].tolist() == ["P"]
    assert check.findings.geometry.iloc[0].equals(box(100, 0, 120, 100))


def test_of_many_neighbours_of_a_gap_the_first_twelve_are_named():
    # 4 x 4 cells, each half a metre short of the next: one web of gaps
    side = 99.5
    cells = [
        (f"{x}{y}", "grid", "P", "甲", box(x * 100, y * 100, x * 100 + side, y * 100 + side))
        for x in range(4)
        for y in range(4)
    ]
    whole = 300 + side
    check = check_areas(areas(("P", "community", None, "甲", box(0, 0, whole, whole)), *cells))
    names = " ".join(f"{x}{y}" for x in range(3) for y in range(4))
    assert told(check, "gap") == [(f"{names} +4", whole**2 - 16 * side**2, True)]


def test_two_gaps_of_one_parent_are_two_findings():
    check = check_areas(quarters(c=box(10, 0, 100, 100), d=box(100, 0, 190, 100)))
    assert sorted(told(check, "gap")) == [("a c", 1000.0, False), ("b d", 1000.0, False)]


def test_what_reaches_out_of_the_parent_is_told():
    check = check_areas(quarters(d=box(100, 0, 230, 100)))
    assert told(check, "outside") == [("d", 3000.0, False)]
    assert check.findings["other"].tolist() == ["P"]


def test_a_strip_nowhere_wider_than_a_metre_is_a_sliver():
    check = check_areas(quarters(a=box(0, 100, 100.9, 200), d=box(100.6, 0, 200, 100)))
    assert told(check, "overlap") == [("a b", 90.0, True)]
    assert told(check, "gap") == [("a b c d", 60.0, True)]
    # a strip of w by 100 m: 2 * 100 w / (200 + 2 w)
    assert check.findings["width_m"].tolist() == pytest.approx([180 / 201.8, 120 / 201.2])
    wide = check_areas(quarters(a=box(0, 100, 100.9, 200)), sliver_m=0.5)
    assert told(wide, "overlap") == [("a b", 90.0, False)]


def test_what_is_within_the_tolerance_is_counted_and_no_fault():
    thin = check_areas(quarters(a=box(0, 100, 100.04, 200)))  # 4 m2, but 4 cm wide
    assert thin.findings.empty
    assert thin.ignored == 1
    small = quarters(a=box(0, 100, 100.5, 102).union(box(0, 100, 100, 200)))  # 0.5 m by 2 m: 1 m2
    assert check_areas(small).findings.empty
    assert told(check_areas(small, tolerance_m2=0.9), "overlap") == [("a b", 1.0, True)]


def test_without_a_parents_polygon_holes_and_narrow_slots_are_gaps():
    ring = [
        ("1", "community", None, "甲", box(0, 0, 300, 100)), ("2", "community", None, "甲", box(0, 200, 300, 300)),
        ("3", "community", None, "甲", box(0, 100, 100, 200)), ("4", "community", None, "甲", box(200, 100, 300, 200)),
    ]  # fmt: skip
    assert told(check_areas(areas(*ring)), "gap") == [("1 2 3 4", 10_000.0, False)]
    slot = [("1", "grid", "X", "甲", box(0, 0, 100, 100)), ("2", "grid", "X", "甲", box(100.5, 0, 200, 100))]
    assert told(check_areas(areas(*slot)), "gap") == [("1 2", 50.0, True)]
    apart = [("1", "grid", "X", "甲", box(0, 0, 100, 100)), ("2", "grid", "X", "甲", box(130, 0, 230, 100))]
    assert check_areas(
        areas(*apart)
    ).findings.empty  # two villages: nobody says that the field between is missing


def test_an_invalid_polygon_is_told_and_the_rest_still_checked():
    bow = shapely.Polygon([(EAST + x, NORTH + y) for x, y in ((0, 0), (100, 100), (100, 0), (0, 100))])
    check = check_areas(quarters(c=bow, a=box(0, 100, 110, 200)))
    assert check.findings["kind"].tolist()[0] == "invalid"
    assert check.findings["other"].iloc[0] == "Self-intersection"
    assert told(check, "overlap") == [("a b", 1000.0, False)]
    # a bow tie of two triangles of 50 x 100 / 2 leaves as much again, in two parts
    assert sorted(size for _, size, _ in told(check, "gap")) == [2500.0, 2500.0]


def test_an_area_without_a_polygon_is_invalid():
    held = quarters()
    held.loc[4, "geometry"] = shapely.Polygon()
    check = check_areas(held)
    assert check.findings[["kind", "areas", "other"]].iloc[0].tolist() == ["invalid", "d", "no polygon"]
    assert told(check, "gap") == [("a b c", 10_000.0, False)]


def test_a_parent_without_a_polygon_leaves_the_holes_between_its_areas():
    ring = shapely.difference(box(0, 0, 300, 300), box(100, 100, 200, 200))
    held = areas(
        ("P", "community", None, "甲", shapely.Polygon()), ("a", "grid", "P", "甲", ring.intersection(box(0, 0, 150, 300))),
        ("b", "grid", "P", "甲", ring.intersection(box(150, 0, 300, 300))),
    )  # fmt: skip
    check = check_areas(held)
    assert check.findings["kind"].tolist() == ["invalid", "gap"]
    assert told(check, "gap") == [("a b", 10_000.0, False)]


def test_parents_that_are_missing_unknown_or_of_the_same_level_are_told():
    check = check_areas(
        areas(
            ("D", "district", None, "区", box(0, 0, 300, 100)),
            ("1", "community", "D", None, box(0, 0, 100, 100)),
            ("2", "community", None, "甲", box(100, 0, 200, 100)),
            ("3", "community", "nowhere", "甲", box(200, 0, 250, 100)),
            ("4", "community", "1", "甲", box(250, 0, 300, 100)),
        )
    )
    kinds = {row.kind: (row.areas, row.other) for row in check.findings.itertuples()}
    assert kinds["parent_missing"][0] == "2"
    assert kinds["parent_unknown"] == ("3", "nowhere")
    assert kinds["parent_level"] == ("4", "1")
    assert kinds["unit_inherited"] == ("1", "D")


def test_the_topmost_level_needs_no_parent():
    assert check_areas(areas(("1", "grid", "elsewhere", "甲", box(0, 0, 9, 9)))).findings.empty


def test_an_area_without_a_unit_has_that_of_its_parent_and_without_any_it_is_a_fault():
    held = areas(
        ("D", "district", None, " ", box(0, 0, 200, 100)),
        ("S", "subdistrict", "D", "街道办", box(0, 0, 100, 100)),
        ("T", "subdistrict", "D", None, box(100, 0, 200, 100)),
        ("C", "community", "S", None, box(0, 0, 100, 100)),
        ("G", "grid", "C", None, box(0, 0, 100, 100)),
    )
    unit, stated = units_of(held)
    assert unit.tolist() == [None, "街道办", None, "街道办", "街道办"]
    assert stated.tolist() == [None, "S", None, "S", "S"]
    check = check_areas(held)
    assert {row.areas for row in check.faults.itertuples()} == {"D", "T"}
    assert set(check.faults["kind"]) == {"unit_missing"}
    inherited = check.findings[check.findings["kind"] == "unit_inherited"]
    assert inherited[["areas", "other"]].values.tolist() == [["C", "S"], ["G", "S"]]


def test_a_circle_of_parents_ends():
    held = areas(("1", "grid", "2", None, box(0, 0, 9, 9)), ("2", "grid", "1", None, box(9, 0, 18, 9)))
    assert units_of(held)[0].tolist() == [None, None]
    assert set(check_areas(held).faults["kind"]) == {"parent_level", "unit_missing"}


def test_an_area_that_was_not_divided_is_a_note_and_no_gap():
    held = areas(
        ("1", "community", None, "甲", box(0, 0, 100, 100)), ("2", "community", None, "乙", box(100, 0, 200, 100)),
        ("g", "grid", "1", "甲", box(0, 0, 100, 100)),
    )  # fmt: skip
    check = check_areas(held)
    assert check.findings[["kind", "level", "areas"]].values.tolist() == [["undivided", "grid", "2"]]
    assert check.faults.empty


def test_an_id_given_twice_is_a_fault():
    held = areas(("1", "grid", None, "甲", box(0, 0, 9, 9)), ("1", "grid", None, "乙", box(9, 0, 18, 9)))
    assert check_areas(held).faults[["kind", "areas"]].values.tolist() == [["id_repeated", "1"]]
    with pytest.raises(LayerError) as caught:
        responsible(units(point(1, 1)), held)
    assert caught.value.code == "areas_repeated"


def test_only_the_levels_asked_for_are_checked():
    held = quarters(a=box(0, 100, 110, 200))
    assert check_areas(held, levels=("community",)).findings.empty
    assert check_areas(held, levels=("community",)).checked == {"community": 1}


def test_degrees_are_refused():
    with pytest.raises(CRSError):
        check_areas(quarters().to_crs(4326))


def test_random_coverages_have_the_overlaps_that_every_pair_shows():
    rng = np.random.default_rng(7)
    for _ in range(20):
        corners = rng.integers(0, 60, (12, 2)) * 10.0
        cells = [
            box(x, y, x + w, y + h)
            for (x, y), (w, h) in zip(corners, rng.integers(1, 9, (12, 2)) * 10.0, strict=True)
        ]
        held = areas(*((f"{at:02d}", "grid", None, "甲", cell) for at, cell in enumerate(cells)))
        every = {
            (f"{i:02d} {j:02d}", cells[i].intersection(cells[j]).area)
            for i in range(12) for j in range(i + 1, 12) if cells[i].intersection(cells[j]).area > 1
        }  # fmt: skip
        found = {(pair, size) for pair, size, _ in told(check_areas(held), "overlap")}
        assert {pair for pair, _ in found} == {pair for pair, _ in every}
        assert dict(found) == pytest.approx(dict(every))


def test_every_kind_of_finding_is_a_fault_or_a_note():
    assert not set(FAULTS) & set(NOTES)


def test_the_sample_city_is_covered_once_and_its_codes_nest():
    file = Path(__file__).resolve().parents[2] / "data" / "sample" / "区划网格.zip"
    city = gpd.read_file(file, encoding="GBK")
    city.columns = ["id", "name", "level", "parent", "unit", "geometry"]
    words = {"区县": "district", "街道": "subdistrict", "社区": "community", "网格": "grid"}
    city["level"] = city["level"].map(words)
    check = check_areas(city.to_crs(PLANE))
    assert check.checked == {"district": 1, "subdistrict": 12, "community": 120, "grid": 14_832}
    assert check.findings.empty
    assert check.ignored == 0
    parents = city["parent"].astype(object).where(city["parent"].notna(), None)
    assert check_codes(city["id"].tolist(), city["level"].tolist(), parents.tolist()) == []


# -- who is responsible ------------------------------------------------------------------------------

TOWN = areas(
    ("S", "subdistrict", None, "街道办", box(0, 0, 400, 100)),
    ("1", "community", "S", "甲", box(0, 0, 100, 100)),
    ("2", "community", "S", "乙", box(100, 0, 200, 100)),
    ("3", "community", "S", None, box(200, 0, 300, 100)),
    ("4", "community", "none", None, box(400, 0, 500, 100)),
)


def row(shape, **wanted):
    found = responsible(units(shape), TOWN, **wanted).iloc[0]
    return found["area"], round(found["share"], 9), found["why"], found["state"], found["owner"]


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (line((10, 50), (90, 50)), ("1", 1.0, "inside", "one", "甲")),
        (line((70, 50), (170, 50)), ("2", 0.7, "largest", "one", "乙")),
        (line((50, 50), (150, 50)), ("1", 0.5, "tie", "ambiguous", "甲")),
        (line((100, 10), (100, 90)), ("1", 1.0, "tie", "ambiguous", "甲")),  # along the border
        (line((210, 50), (290, 50)), ("3", 1.0, "inside", "one", "街道办")),  # the unit of the subdistrict
        (line((410, 50), (490, 50)), ("4", 1.0, "inside", "no_owner", None)),
        (line((0, 500), (9, 500)), (None, 0.0, "outside", "outside", None)),
        (line((50, 50), (50, 250)), ("1", 0.25, "partly", "one", "甲")),
        (line((0.05, 50), (100.05, 50)), ("1", 0.9995, "inside", "one", "甲")),  # 5 cm over the border
        (line((50, 99.97), (50, 199.97)), ("1", 0.0003, "partly", "one", "甲")),  # 3 cm, and nowhere else
        (box(90, 0, 120, 100), ("2", round(2 / 3, 9), "largest", "one", "乙")),
        (box(50, 0, 150, 100), ("1", 0.5, "tie", "ambiguous", "甲")),
        (point(150, 50), ("2", 1.0, "inside", "one", "乙")),
        (point(100, 50), ("1", 1.0, "tie", "ambiguous", "甲")),
        (line((150, 50), (150, 50)), ("2", 1.0, "inside", "one", "乙")),  # no length: a point
        (shapely.Polygon(line((50, 50), (120, 50), (50, 50)).coords), ("1", 1.0, "inside", "one", "甲")),  # no ground
        (box(100, 0, 200, 100), ("2", 1.0, "inside", "one", "乙")),  # touching both neighbours is not lying in them
    ],
)  # fmt: skip
def test_the_largest_share_is_responsible_and_equal_shares_go_to_the_smallest_id(shape, expected):
    found = tuple(None if value != value else value for value in row(shape))
    assert found == expected


def test_three_equal_thirds_go_to_the_smallest_id_however_they_are_rounded():
    third = line((0, 50), (300, 50))
    found = responsible(units(third), TOWN).iloc[0]
    assert (found["area"], found["areas"], found["why"]) == ("1", 3, "tie")
    assert found["split"] == "1 33.3%; 2 33.3%; 3 33.3%"


@pytest.mark.parametrize(("west", "middle", "east"), list(permutations("123")))
def test_shares_that_differ_by_less_than_a_millionth_are_equal_wherever_the_areas_lie(west, middle, east):
    # the border lies 0.01 mm west of the middle of the first wire: a ten-millionth more for one side
    held = areas(
        (west, "community", None, "甲", box(0, 0, 99.99999, 100)),
        (middle, "community", None, "乙", box(99.99999, 0, 200, 100)),
        (east, "community", None, "丙", box(200, 0, 300, 100)),
    )
    found = responsible(units(line((0, 50), (200, 50)), line((100, 50), (300, 50))), held)
    assert found["area"].tolist() == [min(west, middle), min(middle, east)]
    assert found["why"].tolist() == ["tie", "tie"]


def test_every_level_is_named_and_the_states_add_up():
    held = units(line((10, 50), (90, 50)), line((50, 50), (150, 50)), point(0, 900), point(450, 50))
    proof = responsible(held, TOWN)
    assert proof["subdistrict"].fillna("-").tolist() == ["S", "S", "-", "-"]
    assert proof["community"].fillna("-").tolist() == ["1", "1", "-", "4"]
    assert counts(proof) == {
        "n": 4, "one": 1, "ambiguous": 1, "outside": 1, "no_owner": 1, "split": 1, "not_nested": 0,
    }  # fmt: skip


def test_the_largest_share_of_two_levels_may_lie_in_two_branches_and_is_told():
    # 60 m in community 1 in two cells of 30 m, 40 m in community 2 in one cell
    held = areas(
        ("1", "community", None, "甲", box(0, 0, 60, 10)), ("2", "community", None, "乙", box(60, 0, 100, 10)),
        ("1a", "grid", "1", None, box(0, 0, 30, 10)), ("1b", "grid", "1", None, box(30, 0, 60, 10)),
        ("2a", "grid", "2", None, box(60, 0, 100, 10)),
    )  # fmt: skip
    found = responsible(units(line((0, 5), (100, 5))), held).iloc[0]
    assert (found["community"], found["grid"], found["owner"]) == ("1", "2a", "甲")
    assert not found["nested"]
    by_cell = responsible(units(line((0, 5), (100, 5))), held, owner_level="grid").iloc[0]
    assert (by_cell["area"], by_cell["owner"], by_cell["owner_from"]) == ("2a", "乙", "2")


def test_the_level_that_owns_is_the_finest_above_the_grid():
    assert owner_level_of(TOWN) == "community"
    assert owner_level_of(areas(("g", "grid", None, "甲", box(0, 0, 9, 9)))) == "grid"
    for wanted, code in (("grid", "areas_level"), ("district", "areas_level")):
        with pytest.raises(LayerError) as caught:
            responsible(units(point(1, 1)), TOWN, owner_level=wanted)
        assert caught.value.code == code
    with pytest.raises(LayerError) as caught:
        responsible(units(point(1, 1)), TOWN.iloc[:0])
    assert caught.value.code == "areas_none"


def test_no_units_make_an_empty_proof():
    assert counts(responsible(units(), TOWN))["n"] == 0


def test_shares_are_those_of_cutting_one_by_one():
    rng = np.random.default_rng(3)
    cells = areas(
        *(
            (f"{x}{y}", "grid", None, "甲", box(x * 50, y * 50, x * 50 + 50, y * 50 + 50))
            for x in range(6)
            for y in range(6)
        )
    )
    for _ in range(30):
        wire = line(*rng.uniform(0, 300, (4, 2)))
        found = responsible(units(wire), cells).iloc[0]
        share = {
            name: wire.intersection(cell).length / wire.length
            for name, cell in zip(cells["id"], cells.geometry, strict=True)
        }
        assert found["share"] == pytest.approx(max(share.values()), abs=1e-9)
        assert share[found["area"]] == pytest.approx(found["share"], abs=1e-9)
        assert found["areas"] == sum(part >= 1e-3 for part in share.values())


# -- the area of a point -----------------------------------------------------------------------------

SQUARES = areas(
    ("9", "grid", None, "甲", shapely.box(114.0, 33.0, 114.1, 33.1)),
    ("10", "grid", None, "甲", shapely.box(114.1, 33.0, 114.2, 33.1)),
    ("2", "grid", None, "甲", shapely.box(114.2, 33.0, 114.3, 33.1)),
    crs="EPSG:4326",
)


def test_a_point_is_in_its_area_and_on_a_border_in_that_of_the_smallest_id():
    spots = [(114.05, 33.05), (114.1, 33.05), (114.2, 33.05), (114.25, 33.1), (115.0, 33.0), (np.nan, 33.0)]
    # as text "10" < "2" < "9"
    assert area_of(np.array(spots), SQUARES).tolist() == [0, 1, 1, 2, -1, -1]


def test_points_and_areas_may_be_none():
    assert area_of(np.empty((0, 2)), SQUARES).tolist() == []
    assert area_of(np.array([[114.05, 33.05]]), SQUARES.iloc[:0]).tolist() == [-1]


def test_the_area_of_a_point_is_looked_up_in_degrees_only():
    with pytest.raises(CRSError) as caught:
        area_of(np.array([[114.05, 33.05]]), SQUARES.to_crs(PLANE))
    assert caught.value.code == "areas_not_wgs84"
