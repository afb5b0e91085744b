"""OpenStreetMap files written by hand, one for each rule; the expected values are read off the drawing."""

from __future__ import annotations

import json
import string
from pathlib import Path

import osmium
import pytest
from osm_draft import Draft
from pyproj import Geod

from geo.errors import LayerError
from layers.osm import ATTRIBUTION, LICENCE, OSM_LAYERS, OsmReading, read_osm
from layers.osm_compounds import stem
from layers.osm_rules import load_rules
from layers.resources import data_path
from layers.schema import LAYERS

GEOD = Geod(ellps="GRS80")


@pytest.fixture
def draft() -> Draft:
    return Draft()


@pytest.fixture
def read(tmp_path):
    def read(draft: Draft) -> OsmReading:
        return read_osm(draft.save(tmp_path))

    return read


def reasons(reading: OsmReading) -> dict[str, str]:
    return {fault.row: fault.code for fault in reading.every_fault}


def names(reading: OsmReading, layer: str) -> list[str]:
    return reading.layers[layer]["name"].tolist() if layer in reading.layers else []


def row(reading: OsmReading, layer: str, key: str):
    table = reading.layers[layer]
    return table[table["id"] == key].iloc[0]


def note_codes(reading: OsmReading) -> list[str]:
    return [note.code for note in reading.notes]


# ------------------------------------------------------------------------------------------ roads


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"highway": "motorway_link"}, "motorway"),
        ({"highway": "trunk"}, "trunk"),
        ({"highway": "primary_link"}, "primary"),
        ({"highway": "secondary"}, "secondary"),
        ({"highway": "tertiary_link"}, "tertiary"),
        ({"highway": "residential"}, "residential"),
        ({"highway": "unclassified"}, "residential"),
        ({"highway": "living_street"}, "residential"),
        ({"highway": "pedestrian"}, "residential"),
        ({"highway": "service", "service": "alley"}, "alley"),
        ({"highway": "service", "service": "driveway"}, "service"),
        ({"highway": "service"}, "service"),
        ({"highway": "footway"}, "path"),
        ({"highway": "steps"}, "path"),
        ({"highway": "track"}, "path"),
    ],
)
def test_highway_becomes_a_road_class_and_keeps_its_raw_value(draft, read, tags, expected):
    draft.line([(0, 0), (100, 0)], tags)
    road = row(read(draft), "roads", "w1")
    assert (road["class"], road["subtype"]) == (expected, tags["highway"])


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({}, "no"),
        ({"oneway": "yes"}, "yes"),
        ({"oneway": "1"}, "yes"),
        ({"oneway": "-1"}, "reverse"),
        ({"oneway": "no", "junction": "roundabout"}, "no"),
        ({"junction": "roundabout"}, "yes"),
        ({"oneway": "reversible"}, None),
    ],
)
def test_oneway_is_yes_no_reverse_or_unknown(draft, read, tags, expected):
    draft.line([(0, 0), (100, 0)], {"highway": "primary", **tags})
    given = row(read(draft), "roads", "w1")["oneway"]
    assert given == expected if expected else given is None or given != given


def test_motorway_is_one_way_without_saying_so(draft, read):
    draft.line([(0, 0), (100, 0)], {"highway": "motorway"})
    assert row(read(draft), "roads", "w1")["oneway"] == "yes"


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"highway": "residential"}, None),
        ({"highway": "residential", "access": "yes", "foot": "yes", "motor_vehicle": "yes"}, None),
        ({"highway": "residential", "motor_vehicle": "no"}, "walk bike"),
        ({"highway": "residential", "vehicle": "no"}, "walk"),
        ({"highway": "residential", "vehicle": "no", "bicycle": "yes"}, "walk bike"),
        ({"highway": "residential", "bicycle": "dismount"}, "walk drive"),
        ({"highway": "service", "access": "private"}, "walk bike"),  # the ways of a compound
        ({"highway": "service", "access": "private", "motor_vehicle": "destination"}, None),
        ({"highway": "service", "access": "no"}, "none"),
        ({"highway": "service", "access": "no", "foot": "designated"}, "walk"),
        ({"highway": "primary", "foot": "no"}, "bike drive"),
        ({"highway": "trunk", "motorroad": "yes"}, "drive"),
        ({"highway": "trunk", "motorroad": "yes", "foot": "yes"}, "walk drive"),
        ({"highway": "motorway"}, None),
        ({"highway": "motorway", "bicycle": "no"}, None),
        ({"highway": "steps"}, None),
        ({"highway": "steps", "bicycle": "yes"}, "walk bike"),
        ({"highway": "pedestrian"}, None),
        ({"highway": "pedestrian", "access": "yes"}, None),  # not of cars
        ({"highway": "pedestrian", "motor_vehicle": "yes"}, "walk bike drive"),
        ({"highway": "footway", "bicycle": "no"}, "walk"),
        ({"highway": "footway", "bicycle": "yes"}, None),
        ({"highway": "residential", "foot": "who knows"}, None),
    ],
)
def test_who_may_use_a_road_is_told_where_tags_differ_from_its_class(draft, read, tags, expected):
    draft.line([(0, 0), (100, 0)], tags)
    given = row(read(draft), "roads", "w1")["modes"]
    assert given == expected if expected else given is None or given != given


def test_who_may_use_a_road_is_one_of_the_values_of_the_layer(draft, read):
    closings = [{"foot": "no"}, {"bicycle": "no"}, {"motor_vehicle": "no"}]
    for number in range(8):
        tags = {
            key: value for bit, tag in enumerate(closings) if number >> bit & 1 for key, value in tag.items()
        }
        draft.line([(0, 10 * number), (100, 10 * number)], {"highway": "residential", **tags})
    roads = read(draft).layers["roads"]
    told = roads["modes"].dropna().tolist()
    assert len(told) == 7
    assert set(told) == set(LAYERS["roads"].by_name["modes"].allowed) - {"walk bike drive"}


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ({"highway": "construction"}, "osm_no_road_today"),
        ({"highway": "proposed"}, "osm_no_road_today"),
        ({"highway": "platform"}, "osm_no_road_today"),
        ({"highway": "elevator"}, "osm_unknown_road"),
        ({"highway": "footway", "area": "yes"}, "osm_area_not_line"),
    ],
)
def test_what_is_no_road_is_refused_with_its_reason(draft, read, tags, code):
    draft.line([(0, 0), (100, 0)], tags)
    reading = read(draft)
    assert reasons(reading) == {"way 1": code}
    assert reading.counts["roads"].read == reading.counts["roads"].refused == 1


def test_road_without_name_takes_the_chinese_one(draft, read):
    draft.line([(0, 0), (100, 0)], {"highway": "primary", "name:zh": " 学院 路 "})
    assert names(read(draft), "roads") == ["学院 路"]


def test_crossing_and_bus_stop_nodes_are_no_roads(draft, read):
    draft.node(0, 0, {"highway": "crossing"})
    draft.node(5, 0, {"highway": "bus_stop", "name": "大石桥"})
    reading = read(draft)
    assert all(count.read == 0 for count in reading.counts.values())
    assert not reading.layers


# ------------------------------------------------------------------------------------- back alleys


def lane(name: str | None = None, highway: str = "residential", **more: str) -> dict[str, str]:
    return {"highway": highway, **({"name": name} if name else {}), **more}


def test_touching_pieces_of_one_name_are_one_alley(draft, read):
    middle = draft.node(100, 0)
    draft.way([middle, draft.node(200, 0)], lane("东草厂胡同"), number=9)
    draft.way([draft.node(0, 0), middle], lane("东草厂胡同"), number=4)
    reading = read(draft)
    alley = row(reading, "back_alleys", "w4")
    assert alley["pieces"] == 2
    assert alley.geometry.geom_type == "LineString"
    assert GEOD.geometry_length(alley.geometry) == pytest.approx(200, rel=2e-3)
    count = reading.counts["back_alleys"]
    assert (count.read, count.accepted, count.refused, count.merged) == (2, 2, 0, 1)


def test_pieces_of_one_name_that_do_not_touch_stay_apart(draft, read):
    draft.line([(0, 0), (100, 0)], lane("东草厂胡同"))
    draft.line([(101, 0), (200, 0)], lane("东草厂胡同"))
    assert read(draft).layers["back_alleys"]["id"].tolist() == ["w1", "w2"]


def test_touching_pieces_of_two_names_stay_apart(draft, read):
    middle = draft.node(100, 0)
    draft.way([draft.node(0, 0), middle], lane("东草厂胡同"))
    draft.way([middle, draft.node(200, 0)], lane("西草厂胡同"))
    assert names(read(draft), "back_alleys") == ["东草厂胡同", "西草厂胡同"]


def test_side_arm_of_the_same_name_belongs_to_the_alley(draft, read):
    middle = draft.node(100, 0)
    draft.way([draft.node(0, 0), middle, draft.node(200, 0)], lane("福绥里"))
    draft.way([middle, draft.node(100, 80)], lane("福绥里"))
    alley = row(read(draft), "back_alleys", "w1")
    assert alley["pieces"] == 2
    assert alley.geometry.geom_type == "MultiLineString"


def test_two_alleys_of_one_name_that_only_cross_stay_apart(draft, read):
    middle = draft.node(100, 0)
    draft.way([draft.node(0, 0), middle, draft.node(200, 0)], lane("一巷"))
    draft.way([draft.node(100, -50), middle, draft.node(100, 50)], lane("一巷"))
    assert len(read(draft).layers["back_alleys"]) == 2


def nameless_pair(draft: Draft) -> int:
    middle = draft.node(100, 0)
    draft.way([draft.node(0, 0), middle], lane(highway="living_street"))
    draft.way([middle, draft.node(200, 0)], lane(highway="living_street"))
    return middle


def test_nameless_pieces_join_where_only_they_meet(draft, read):
    nameless_pair(draft)
    assert read(draft).layers["back_alleys"]["pieces"].tolist() == [2]


def test_junction_ends_a_nameless_alley(draft, read):
    middle = nameless_pair(draft)
    draft.line([(100, 300), (400, 300)], {"highway": "primary"})
    draft.way([middle, draft.node(100, 300)], {"highway": "tertiary"})
    assert read(draft).layers["back_alleys"]["pieces"].tolist() == [1, 1]


def test_road_that_passes_through_ends_a_nameless_alley(draft, read):
    middle = nameless_pair(draft)
    draft.way([draft.node(100, -90), middle, draft.node(100, 90)], {"highway": "primary"})
    assert read(draft).layers["back_alleys"]["pieces"].tolist() == [1, 1]


def test_drive_does_not_end_a_nameless_alley(draft, read):
    middle = nameless_pair(draft)
    draft.way([middle, draft.node(100, 60)], {"highway": "service"})
    assert read(draft).layers["back_alleys"]["pieces"].tolist() == [2]


def test_nameless_pieces_of_two_kinds_stay_apart(draft, read):
    middle = draft.node(100, 0)
    draft.way([draft.node(0, 0), middle], lane(highway="living_street"))
    draft.way([middle, draft.node(200, 0)], lane(highway="service", service="alley"))
    assert read(draft).layers["back_alleys"]["subtype"].tolist() == ["living_street", "alley"]


@pytest.mark.parametrize(
    ("tags", "metres", "code"),
    [
        (lane(highway="living_street"), 15, "osm_too_short"),
        (lane(highway="living_street"), 30, None),
        (lane(), 450, None),
        (lane(), 550, "osm_too_long"),
        (lane("成府路"), 550, "osm_too_long"),
        (lane("后海北沿胡同"), 550, None),
        (lane(highway="living_street"), 900, None),
        (lane(access="private"), 100, "osm_private"),
        (lane(access="private", foot="yes"), 100, None),
        (lane("荷花巷", access="no"), 100, "osm_private"),
        (lane(highway="service", service="alley", access="private"), 100, "osm_private"),
    ],
)
def test_alley_is_accepted_or_refused_by_length_and_access(draft, read, tags, metres, code):
    draft.line([(0, 0), (metres, 0)], tags)
    count = read(draft).counts["back_alleys"]
    assert (count.accepted, count.refused) == ((0, 1) if code else (1, 0))
    assert reasons(read(draft)) == ({"way 1": code} if code else {})


def test_pieces_too_short_alone_make_an_alley_together(draft, read):
    middle = draft.node(15, 0)
    draft.way([draft.node(0, 0), middle], lane("小巷"))
    draft.way([middle, draft.node(30, 0)], lane("小巷"))
    assert read(draft).counts["back_alleys"].accepted == 2


def test_square_is_no_alley(draft, read):
    draft.box(0, 0, 60, 60, {"highway": "pedestrian", "area": "yes", "name": "理学院北广场"})
    reading = read(draft)
    assert {(f.row, f.code) for f in reading.every_fault} == {
        ("way 1", "osm_area_not_line"),
        ("way 1", "osm_square"),
    }


@pytest.mark.parametrize(
    ("highway", "name", "is_alley"),
    [
        ("tertiary", "南锣鼓巷", True),
        ("unclassified", "百花深处胡同", True),
        ("service", "和平里", True),
        ("footway", "延庆弄", True),
        ("service", "交道口北三条", True),
        ("path", "打磨厂夹道", True),
        ("tertiary", "辛安里坊", True),
        ("unclassified", "学院南巷东段", True),
        ("unclassified", "学院南巷（北段）", True),
        ("service", "福建里12弄", True),
        ("secondary", "东四十条", False),
        ("unclassified", "里仁街", False),
        ("unclassified", "三里河路", False),
        ("service", "五公里", False),
        ("service", "停车场", False),
        ("service", None, False),
        ("footway", None, False),
    ],
)
def test_name_makes_an_alley_of_a_road_up_to_tertiary(draft, read, highway, name, is_alley):
    draft.line([(0, 0), (100, 0)], lane(name, highway))
    assert read(draft).counts["back_alleys"].read == int(is_alley)


def test_pavement_named_like_its_alley_is_no_second_alley(draft, read):
    draft.line([(0, 0), (100, 0)], lane("草厂胡同", "footway", footway="sidewalk"))
    assert read(draft).counts["back_alleys"].read == 0


def test_alley_over_two_kilometres_stays_and_is_told(draft, read):
    draft.line([(0, 0), (2100, 0)], lane("长胡同"))
    draft.line([(0, 90), (1900, 90)], lane("短胡同"))
    reading = read(draft)
    assert len(reading.layers["back_alleys"]) == 2
    (long,) = [note for note in reading.notes if note.code == "osm_long_alley"]
    assert (long.facts["id"], long.facts["name"]) == ("w1", "长胡同")
    assert long.facts["metres"] == pytest.approx(2100, rel=2e-3)


def test_nameless_alleys_are_called_after_the_nearest_named_road(draft, read):
    draft.line([(0, 0), (500, 0)], {"highway": "primary", "name": "清华东路"})
    draft.line([(0, 900), (500, 900)], {"highway": "primary", "name": "北四环"})
    for x in (50, 150):
        draft.line([(x, 50), (x, 120)], lane(highway="living_street"))
    draft.line([(50, 800), (150, 800)], lane(highway="living_street"))
    assert names(read(draft), "back_alleys") == [
        "无名巷1（近清华东路）",
        "无名巷2（近清华东路）",
        "无名巷（近北四环）",
    ]


def test_far_road_gives_no_name(draft, read):
    draft.line([(0, 1500), (500, 1500)], {"highway": "primary", "name": "清华东路"})
    draft.line([(0, 0), (100, 0)], lane(highway="living_street"))
    assert names(read(draft), "back_alleys") == ["无名巷"]


def test_label_is_english_where_roads_carry_no_chinese_name(read):
    draft = Draft(lon=24.94, lat=60.17)
    draft.line([(0, 0), (500, 0)], {"highway": "primary", "name": "Aleksanterinkatu"})
    draft.line([(0, 700), (500, 700)], {"highway": "primary", "name": "Kaivokatu"})
    draft.line([(0, 900), (500, 900)], {"highway": "primary", "name": "北京路"})
    draft.line([(0, 50), (100, 50)], lane(highway="living_street"))
    draft.box(0, 100, 100, 100, {"landuse": "residential"})
    reading = read(draft)
    assert names(reading, "back_alleys") == ["alley near Aleksanterinkatu"]
    assert names(reading, "compounds") == ["compound near Aleksanterinkatu"]


def test_braces_in_a_road_name_stay_what_they_are(draft, read):
    draft.line([(0, 0), (500, 0)], {"highway": "primary", "name": "{0.__class__}{{7*7}}路"})
    draft.line([(0, 50), (100, 50)], lane(highway="living_street"))
    assert names(read(draft), "back_alleys") == ["无名巷（近{0.__class__}{{7*7}}路）"]


# ----------------------------------------------------------------------------------------- anchors


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"amenity": "marketplace"}, ("market", "marketplace")),
        ({"shop": "greengrocer", "name": "明光寺农贸市场"}, ("market", "greengrocer")),
        ({"building": "retail", "name": "四道口菜市场"}, ("market", "retail")),
        ({"shop": "supermarket", "name": "物美"}, ("mall", "supermarket")),
        ({"shop": "mall"}, ("mall", "mall")),
        ({"shop": "department_store"}, ("mall", "department_store")),
        ({"amenity": "kindergarten"}, ("school", "kindergarten")),
        ({"amenity": "college"}, ("school", "college")),
        ({"building": "school"}, ("school", "school")),
        ({"amenity": "hospital"}, ("hospital", "hospital")),
        ({"healthcare": "hospital"}, ("hospital", "hospital")),
        ({"amenity": "clinic", "name": "东升镇社区卫生服务中心"}, ("hospital", "clinic")),
        ({"amenity": "dentist", "name": "北大口腔医院"}, ("hospital", "dentist")),
        ({"railway": "station", "name": "清河站"}, ("transit", "station")),
        ({"railway": "station", "public_transport": "stop_position"}, ("transit", "station")),
        ({"station": "subway", "public_transport": "station"}, ("transit", "subway")),
        ({"amenity": "bus_station"}, ("transit", "bus_station")),
        ({"amenity": "ferry_terminal"}, ("transit", "ferry_terminal")),
        ({"amenity": "community_centre"}, ("community", "community_centre")),
        ({"office": "government", "name": "静淑苑社区居委会"}, ("community", "government")),
        ({"building": "yes", "name": "东王庄党群服务中心"}, ("community", "yes")),
    ],
)
def test_anchor_class_and_kind_follow_the_tags(draft, read, tags, expected):
    draft.node(0, 0, tags)
    anchor = row(read(draft), "anchors", "n1")
    assert (anchor["class"], anchor["subtype"]) == expected


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ({"amenity": "veterinary", "name": "芭比堂动物医院"}, "osm_veterinary"),
        ({"amenity": "hospital", "name": "中国农业大学动物医院"}, "osm_veterinary"),
        ({"amenity": "clinic", "name": "美联众合宠物医院"}, "osm_veterinary"),
        ({"healthcare": "hospital", "name": "Happy Pet Hospital"}, "osm_veterinary"),
        ({"amenity": "clinic", "name": "同仁诊所"}, "osm_clinic"),
        ({"amenity": "marketplace", "name": "中国移动"}, "osm_not_market"),
        ({"amenity": "school", "name": "海淀驾校"}, "osm_driving_school"),
        ({"building": "school", "name": "化学学院北门"}, "osm_gate"),
        ({"highway": "bus_stop", "public_transport": "station"}, "osm_single_stop"),
    ],
)
def test_what_only_looks_like_an_anchor_is_refused_with_its_reason(draft, read, tags, code):
    draft.node(0, 0, tags)
    reading = read(draft)
    assert reasons(reading) == {"node 1": code}
    assert "anchors" not in reading.layers


@pytest.mark.parametrize(
    "tags",
    [
        {"highway": "bus_stop", "name": "蓝旗营"},
        {"public_transport": "platform", "name": "蓝旗营"},
        {"public_transport": "stop_position", "name": "蓝旗营"},
        {"railway": "subway_entrance", "station": "subway", "name": "A口"},
        {"shop": "convenience", "name": "便利超市"},
        {"amenity": "pharmacy"},
        {"landuse": "commercial", "name": "某某小区"},
        {"name": "矿业大学社区居委会"},
    ],
)
def test_stops_entrances_and_small_things_are_no_candidates(draft, read, tags):
    draft.node(0, 0, tags)
    assert read(draft).counts["anchors"].read == 0


def test_node_inside_the_area_of_its_school_is_the_same_anchor(draft, read):
    draft.box(0, 0, 100, 100, {"amenity": "school", "name": "中关村中学"})
    draft.node(50, 50, {"amenity": "school", "name": "中关村中学"})
    draft.node(60, 60, {"amenity": "school"})
    reading = read(draft)
    assert reading.layers["anchors"]["id"].tolist() == ["w1"]
    assert reading.layers["anchors"].geometry.iloc[0].geom_type == "Polygon"
    count = reading.counts["anchors"]
    assert (count.read, count.accepted, count.merged) == (3, 3, 1)


def test_station_with_a_node_for_each_line_is_one_anchor(draft, read):
    draft.node(0, 0, {"railway": "station", "name": "五道口"})
    draft.node(250, 0, {"railway": "station", "name": "五道口站"})
    draft.node(250, 100, {"station": "subway", "name": "五道口（13号线）"})
    draft.node(900, 0, {"railway": "station", "name": "五道口"})
    assert read(draft).layers["anchors"]["id"].tolist() == ["n1", "n4"]


def test_two_shops_of_one_chain_stay_two_anchors(draft, read):
    draft.node(0, 0, {"shop": "supermarket", "name": "物美"})
    draft.node(40, 0, {"shop": "supermarket", "name": "物美"})
    assert len(read(draft).layers["anchors"]) == 2


def test_two_nameless_markets_side_by_side_stay_two_anchors(draft, read):
    draft.node(0, 0, {"amenity": "marketplace"})
    draft.node(30, 0, {"amenity": "marketplace"})
    assert len(read(draft).layers["anchors"]) == 2


def test_nameless_area_never_ties_two_names_together(draft, read):
    draft.box(0, 0, 100, 100, {"amenity": "school"})
    draft.node(30, 50, {"amenity": "school", "name": "第一小学"})
    draft.node(70, 50, {"amenity": "school", "name": "第二小学"})
    assert sorted(names(read(draft), "anchors")) == ["第一小学", "第二小学"]


def test_same_name_of_two_classes_stays_two_anchors(draft, read):
    draft.node(0, 0, {"amenity": "university", "name": "协和"})
    draft.node(0, 0, {"amenity": "hospital", "name": "协和"})
    assert len(read(draft).layers["anchors"]) == 2


def test_building_or_college_on_a_campus_is_part_of_the_university(draft, read):
    draft.box(0, 0, 500, 500, {"amenity": "university", "name": "清华大学"})
    draft.box(100, 100, 30, 30, {"building": "school", "name": "工物馆"})
    draft.node(200, 200, {"amenity": "college", "name": "工学院"})
    draft.node(300, 300, {"amenity": "kindergarten", "name": "洁华幼儿园"})
    draft.box(700, 0, 30, 30, {"building": "school", "name": "实验楼"})
    reading = read(draft)
    assert names(reading, "anchors") == ["洁华幼儿园", "清华大学", "实验楼"]
    assert reasons(reading) == {"way 2": "osm_part_of", "node 9": "osm_part_of"}
    assert {fault.facts["other"] for fault in reading.every_fault} == {"清华大学"}


def test_building_of_a_college_that_stands_alone_is_part_of_it(draft, read):
    draft.box(0, 0, 200, 200, {"amenity": "college", "name": "职业学院"})
    draft.box(50, 50, 30, 30, {"building": "school", "name": "实训楼"})
    assert names(read(draft), "anchors") == ["职业学院"]


def test_school_building_drawn_twice_does_not_vanish(draft, read):
    for _ in range(2):
        draft.box(0, 0, 30, 30, {"building": "school", "name": "实验楼"})
    assert names(read(draft), "anchors") == ["实验楼"]


def test_gates_on_the_outline_come_main_entrance_first(draft, read):
    corners = [draft.node(x, y) for x, y in ((0, 0), (200, 0), (200, 200), (0, 200))]
    plain = draft.node(50, 0, {"barrier": "gate"})
    named = draft.node(100, 0, {"barrier": "gate", "name": "南门"})
    closed = draft.node(150, 0, {"barrier": "gate", "name": "小门", "access": "private"})
    escape = draft.node(200, 50, {"entrance": "emergency", "name": "应急门"})
    main = draft.node(200, 100, {"entrance": "main"})
    draft.node(100, 100, {"entrance": "yes"})  # a building inside
    draft.node(100, 230, {"barrier": "gate"})  # a neighbour's gate
    ring = [corners[0], plain, named, closed, corners[1], escape, main, corners[2], corners[3], corners[0]]
    draft.way(ring, {"amenity": "school", "name": "附中"})
    gates = row(read(draft), "anchors", "w1")["gates"]
    expected = [lonlat(draft, number) for number in (main, named, plain, closed, escape)]
    assert [(point.x, point.y) for point in gates.geoms] == pytest.approx(expected)


def lonlat(draft: Draft, number: int) -> pytest.approx:
    text = next(node for node in draft.nodes if node.startswith(f'<node id="{number}" '))
    parts = text.split('"')
    return pytest.approx((float(parts[3]), float(parts[5])), abs=1.1e-7)  # a file keeps seven digits


def test_metro_entrance_is_a_gate_of_the_nearest_station(draft, read):
    draft.node(0, 0, {"railway": "station", "name": "五道口"})
    draft.node(1000, 0, {"railway": "station", "name": "知春路"})
    draft.node(20, 0, {"amenity": "bus_station", "name": "五道口公交场站"})
    near = draft.node(100, 0, {"railway": "subway_entrance"})
    other = draft.node(900, 0, {"railway": "subway_entrance"})
    draft.node(500, 0, {"railway": "subway_entrance"})
    reading = read(draft)
    gates = {key: row(reading, "anchors", key)["gates"] for key in ("n1", "n2", "n3")}
    assert gates["n3"] is None
    assert [(p.x, p.y) for p in gates["n1"].geoms] == [lonlat(draft, near)]
    assert [(p.x, p.y) for p in gates["n2"].geoms] == [lonlat(draft, other)]


def test_city_without_a_market_is_read_and_told(draft, read):
    draft.node(0, 0, {"amenity": "hospital", "name": "校医院"})
    reading = read(draft)
    assert "osm_no_market" in note_codes(reading)
    assert "osm_no_hospital" not in note_codes(reading)
    assert names(reading, "anchors") == ["校医院"]


def test_anchor_far_from_every_road_is_told(draft, read):
    draft.line([(0, 0), (100, 0)], {"highway": "primary"})
    draft.node(1500, 0, {"railway": "station", "name": "近站"})
    draft.node(2500, 0, {"railway": "station", "name": "远站"})
    (far,) = [note for note in read(draft).notes if note.code == "osm_far_anchors"]
    assert far.facts == {"count": 1, "metres": 2000}


# --------------------------------------------------------------------------------------- compounds


@pytest.mark.parametrize(
    ("tags", "side", "code"),
    [
        ({"landuse": "residential", "name": "静淑苑"}, 30, None),
        ({"landuse": "residential"}, 60, "osm_too_small"),  # 0.36 ha
        ({"landuse": "residential"}, 80, None),  # 0.64 ha
        ({"landuse": "residential", "name": "大片"}, 990, None),  # 98 ha
        ({"landuse": "residential", "name": "大片"}, 1010, "osm_too_large"),  # 102 ha
        ({"place": "neighbourhood", "name": "东王庄"}, 200, None),
        ({"place": "quarter", "name": "五道口"}, 1010, "osm_too_large"),
        ({"landuse": "residential", "name": "紫荆学生公寓区"}, 200, "osm_dormitory"),
        ({"building": "dormitory", "name": "紫荆学生公寓9号楼"}, 30, "osm_dormitory"),
        ({"building": "house", "name": "12号"}, 10, "osm_house"),
        ({"building": "residential", "name": "15号楼"}, 30, "osm_number_only"),
        ({"building": "residential", "name": "南2楼"}, 30, "osm_number_only"),
        ({"building": "apartments"}, 30, "osm_unnamed_building"),
        ({"building": "apartments", "name": "交大附中分校"}, 30, "osm_not_residential"),
        ({"building": "apartments", "name": "胜因院"}, 30, None),
    ],
)
def test_compound_is_accepted_or_refused_by_kind_name_and_size(draft, read, tags, side, code):
    draft.box(0, 0, side, side, tags)
    reading = read(draft)
    assert reasons(reading) == ({"way 1": code} if code else {})
    assert reading.counts["compounds"].merged == (0 if code else 1)


def test_neighbourhood_known_as_a_point_is_no_compound(draft, read):
    draft.node(0, 0, {"place": "neighbourhood", "name": "双泉堡"})
    draft.line([(0, 0), (10, 0), (10, 10)], {"landuse": "residential", "name": "开口"})
    assert reasons(read(draft)) == {"node 1": "osm_not_area", "way 1": "osm_not_area"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("蓝旗营12号楼", "蓝旗营"),
        ("西王庄小区甲6楼", "西王庄小区"),
        ("华清嘉园A座", "华清嘉园"),
        ("学院路20号院3号楼", "学院路20号院"),
        ("科大花园2栋3单元", "科大花园"),
        ("胜因院", "胜因院"),
        ("15号楼", ""),
        ("9公寓", ""),
        ("西南19", ""),
        ("41", ""),
        ("Building 41", ""),
        ("家属27号楼", ""),
        (None, ""),
    ],
)
def test_stem_is_the_name_without_the_number_of_the_block(name, expected):
    assert stem(name, load_rules()) == expected


def test_near_blocks_of_one_stem_are_one_compound_and_far_ones_another(draft, read):
    draft.box(0, 0, 20, 20, {"building": "residential", "name": "蓝旗营1号楼"})
    draft.box(120, 0, 20, 20, {"building": "residential", "name": "蓝旗营2号楼"})  # 100 m of ground between
    draft.box(400, 0, 20, 20, {"building": "residential", "name": "蓝旗营3号楼"})
    reading = read(draft)
    assert reading.layers["compounds"]["id"].tolist() == ["w1", "w3"]
    assert names(reading, "compounds") == ["蓝旗营", "蓝旗营"]
    area = abs(GEOD.geometry_area_perimeter(reading.layers["compounds"].geometry.iloc[0])[0])
    assert area == pytest.approx(140 * 20, rel=5e-3)  # the hull of both, with the ground between


def test_block_inside_a_residential_area_belongs_to_it(draft, read):
    draft.box(0, 0, 200, 200, {"landuse": "residential", "name": "静淑苑"})
    draft.box(20, 20, 20, 20, {"building": "residential", "name": "静淑东里9号楼"})
    draft.box(60, 60, 20, 20, {"building": "residential"})
    reading = read(draft)
    assert names(reading, "compounds") == ["静淑苑"]
    count = reading.counts["compounds"]
    assert (count.read, count.accepted, count.merged) == (3, 3, 1)


def test_nameless_area_takes_the_commonest_name_of_its_blocks(draft, read):
    draft.box(0, 0, 200, 200, {"landuse": "residential"})
    for x, name in ((20, "东王庄1号楼"), (60, "东王庄2号楼"), (100, "安宁里1号楼"), (140, "3号楼")):
        draft.box(x, 20, 20, 20, {"building": "apartments", "name": name})
    assert names(read(draft), "compounds") == ["东王庄"]


def test_block_belongs_to_the_smallest_area_around_it(draft, read):
    draft.line([(0, -20), (500, -20)], {"highway": "primary", "name": "学清路"})
    draft.box(0, 0, 400, 400, {"landuse": "residential"})
    draft.box(100, 100, 100, 100, {"landuse": "residential"})
    draft.box(120, 120, 20, 20, {"building": "apartments", "name": "东王庄1号楼"})
    assert names(read(draft), "compounds") == ["无名小区（近学清路）", "东王庄"]


def test_nameless_compounds_are_called_after_the_nearest_road(draft, read):
    draft.line([(0, -20), (500, -20)], {"highway": "primary", "name": "学清路"})
    draft.box(0, 0, 100, 100, {"landuse": "residential"})
    draft.box(200, 0, 100, 100, {"landuse": "residential"})
    assert names(read(draft), "compounds") == ["无名小区1（近学清路）", "无名小区2（近学清路）"]


def test_neighbourhood_that_holds_compounds_is_none_itself(draft, read):
    draft.box(0, 0, 600, 600, {"place": "neighbourhood", "name": "东升"})
    draft.box(50, 50, 100, 100, {"landuse": "residential", "name": "甲园"})
    draft.box(300, 50, 100, 100, {"landuse": "residential", "name": "乙园"})
    reading = read(draft)
    assert names(reading, "compounds") == ["甲园", "乙园"]
    assert reasons(reading) == {"way 1": "osm_holds_compounds"}


def test_area_drawn_twice_under_one_name_is_one_compound(draft, read):
    draft.box(0, 0, 200, 200, {"place": "neighbourhood", "name": "东王庄"})
    draft.box(50, 50, 100, 100, {"landuse": "residential", "name": "东王庄"})
    assert read(draft).layers["compounds"]["id"].tolist() == ["w1"]


def test_relation_with_a_hole_is_one_compound_without_the_hole(draft, read):
    outer = draft.box(0, 0, 300, 300, {})
    inner = draft.box(100, 100, 100, 100, {})
    members = [("way", outer, "outer"), ("way", inner, "inner")]
    draft.relation(members, {"type": "multipolygon", "landuse": "residential", "name": "双泉堡甲2号院"})
    compound = row(read(draft), "compounds", "r1").geometry
    assert abs(GEOD.geometry_area_perimeter(compound)[0]) == pytest.approx(80_000, rel=5e-3)


def test_relation_of_two_outlines_with_a_common_edge_is_one_area(draft, read):
    left = draft.box(0, 0, 100, 100, {})
    a, b = (node for node in range(2, 4))
    right = draft.way([a, draft.node(200, 0), draft.node(200, 100), b, a], {})
    members = [("way", left, "outer"), ("way", right, "outer")]
    draft.relation(members, {"type": "multipolygon", "landuse": "residential", "name": "双院"})
    compound = row(read(draft), "compounds", "r1").geometry
    assert compound.geom_type == "Polygon"
    assert abs(GEOD.geometry_area_perimeter(compound)[0]) == pytest.approx(20_000, rel=5e-3)


def test_hole_at_the_edge_of_a_relation_is_no_part_of_it(draft, read):
    corners = [(0, 0), (100, 0), (200, 0), (300, 0), (300, 300), (0, 300)]
    ring = [draft.node(x, y) for x, y in corners]
    outer = draft.way([*ring, ring[0]], {})
    a, b = ring[1], ring[2]
    inner = draft.way([a, b, draft.node(200, 100), draft.node(100, 100), a], {})
    members = [("way", outer, "outer"), ("way", inner, "inner")]
    draft.relation(members, {"type": "multipolygon", "landuse": "residential", "name": "凹院"})
    compound = row(read(draft), "compounds", "r1").geometry
    assert abs(GEOD.geometry_area_perimeter(compound)[0]) == pytest.approx(80_000, rel=5e-3)


def test_relation_that_does_not_close_is_refused(draft, read):
    outer = draft.line([(0, 0), (300, 0), (300, 300)], {})
    inner = draft.box(100, 100, 100, 100, {})
    members = [("way", outer, "outer"), ("way", inner, "inner")]
    draft.relation(members, {"type": "multipolygon", "landuse": "residential", "name": "院"})
    assert reasons(read(draft)) == {"relation 1": "osm_relation_incomplete"}


def test_relation_with_a_missing_member_is_refused(draft, read):
    outer = draft.box(0, 0, 300, 300, {})
    members = [("way", outer, "outer"), ("way", 999, "inner")]
    draft.relation(members, {"type": "multipolygon", "landuse": "residential", "name": "院"})
    assert reasons(read(draft)) == {"relation 1": "osm_relation_incomplete"}


def compound_with_lane(draft: Draft, places: list[tuple[float, float]], highway: str = "service") -> None:
    draft.box(0, 0, 200, 200, {"landuse": "residential", "name": "静淑苑"})
    draft.line(places, {"highway": highway})


def test_small_road_that_crosses_the_outline_makes_a_gate(draft, read):
    compound_with_lane(draft, [(100, -50), (100, 100)])
    (gate,) = row(read(draft), "compounds", "w1")["gates"].geoms
    assert (gate.x, gate.y) == pytest.approx((draft.lon + 100 / 85_394, draft.lat), abs=2e-7)


@pytest.mark.parametrize(
    ("places", "highway"),
    [
        ([(0, -50), (0, 250)], "service"),  # along the outline
        ([(100, -50), (100, -5)], "service"),  # ends before it
        ([(100, 20), (100, 100)], "service"),  # stays inside
        ([(100, -50), (100, 100)], "primary"),  # too large to be a gate
    ],
)
def test_road_that_does_not_enter_makes_no_gate(draft, read, places, highway):
    compound_with_lane(draft, places, highway)
    assert row(read(draft), "compounds", "w1")["gates"] is None


def test_road_that_turns_at_the_outline_makes_no_gate(draft, read):
    ring = [draft.node(x, y) for x, y in ((0, 0), (100, 0), (200, 0), (200, 200), (0, 200))]
    draft.way([*ring, ring[0]], {"landuse": "residential", "name": "静淑苑"})
    draft.way([draft.node(0, -100), ring[1], draft.node(200, -100)], {"highway": "service"})
    assert row(read(draft), "compounds", "w1")["gates"] is None


def test_gate_node_counts_before_a_crossing(draft, read):
    compound_with_lane(draft, [(100, -50), (100, 100)])
    gate = draft.node(200, 100, {"barrier": "lift_gate"})
    gates = row(read(draft), "compounds", "w1")["gates"]
    assert [(point.x, point.y) for point in gates.geoms] == [lonlat(draft, gate)]


def test_community_is_an_anchor_and_compound_is_not(draft, read):
    draft.box(0, 0, 100, 100, {"landuse": "residential", "name": "静淑苑小区"})
    draft.box(300, 0, 20, 20, {"building": "yes", "name": "静淑苑社区居委会"})
    reading = read(draft)
    assert names(reading, "anchors") == ["静淑苑社区居委会"]
    assert names(reading, "compounds") == ["静淑苑小区"]


# ----------------------------------------------------------------------------------------- toilets


def test_toilets_are_points_and_areas_open_to_the_public(draft, read):
    draft.node(0, 0, {"amenity": "toilets", "name": "二里庄车站", "opening_hours": "24/7"})
    draft.box(50, 0, 10, 10, {"amenity": "toilets", "building": "yes"})
    draft.node(90, 0, {"amenity": "toilets", "access": "customers"})
    reading = read(draft)
    table = reading.layers["toilets"]
    assert table["id"].tolist() == ["n1", "w1"]
    assert table.geom_type.tolist() == ["Point", "Polygon"]
    assert table["kind"].tolist() == ["public", "public"]
    assert table["hours"].iloc[0] == "24/7"
    assert reasons(reading) == {"node 6": "osm_private"}


# ---------------------------------------------------------------------------- positions and files


def test_way_with_a_missing_node_is_refused_and_counted(draft, read):
    here = draft.node(0, 0)
    draft.way([here, 777, draft.node(100, 0)], {"highway": "primary"})
    draft.way([here, 777, 778, here], {"amenity": "school", "name": "附中"})
    reading = read(draft)
    assert reasons(reading) == {"way 1": "osm_missing_nodes", "way 2": "osm_missing_nodes"}
    assert [(f.facts["missing"], f.facts["total"]) for f in reading.every_fault] == [(1, 3), (2, 4)]
    assert reading.counts["roads"].refused == reading.counts["anchors"].refused == 1


def test_file_of_ways_without_any_node_refuses_every_way(draft, read):
    draft.way([1, 2], {"highway": "primary"})
    reading = read(draft)
    assert reasons(reading) == {"way 1": "osm_missing_nodes"}
    assert reading.objects == {"nodes": 0, "ways": 1, "relations": 0}


def test_node_off_the_earth_is_refused(tmp_path):
    path = tmp_path / "a.osm"
    path.write_text(
        '<osm version="0.6"><node id="1" lon="116" lat="99.9"><tag k="amenity" v="hospital"/></node></osm>'
    )
    assert reasons(read_osm(path)) == {"node 1": "osm_no_position"}


def test_way_without_length_is_refused(draft, read):
    spot = draft.node(0, 0)
    draft.way([spot, draft.node(0, 0)], {"highway": "primary"})
    draft.way([spot], {"highway": "primary"})
    assert reasons(read(draft)) == {"way 1": "osm_no_extent", "way 2": "osm_no_extent"}


def test_repeated_object_counts_once(draft, read):
    ends = [draft.node(0, 0), draft.node(100, 0)]
    draft.way(ends, {"highway": "primary"}, number=5)
    draft.way(ends, {"highway": "primary"}, number=5)
    reading = read(draft)
    assert reading.layers["roads"]["id"].tolist() == ["w5"]
    assert reasons(reading) == {"way 5": "osm_repeated"}


def test_objects_not_yet_uploaded_keep_their_positions(draft, read):
    ends = [draft.node(0, 0, number=-1), draft.node(100, 0, number=-2)]
    draft.way(ends, {"highway": "primary", "oneway": "-1"}, number=-7)
    road = row(read(draft), "roads", "w-7")
    assert GEOD.geometry_length(road.geometry) == pytest.approx(100, rel=2e-3)
    assert road["oneway"] == "reverse"


def test_outline_that_crosses_itself_still_covers_ground(draft, read):
    refs = [draft.node(x, y) for x, y in ((0, 0), (200, 200), (200, 0), (0, 200))]
    draft.way([*refs, refs[0]], {"landuse": "residential", "name": "领结"})
    shape = row(read(draft), "compounds", "w1").geometry
    assert shape.is_valid
    assert abs(GEOD.geometry_area_perimeter(shape)[0]) == pytest.approx(20_000, rel=5e-3)


def pbf(draft: Draft, folder: Path) -> Path:
    path = folder / "城市.osm.pbf"
    # osmium opens paths by itself here, so it gets a plain name
    plain = folder / "city.osm.pbf"
    with osmium.SimpleWriter(str(plain)) as writer:
        for item in osmium.FileProcessor(osmium.io.FileBuffer(draft.text().encode(), "osm")):
            writer.add(item)
    plain.rename(path)
    return path


def test_pbf_holds_the_same_as_xml(draft, tmp_path):
    draft.line([(0, 0), (300, 0)], {"highway": "residential", "name": "草厂胡同"})
    draft.box(0, 50, 100, 100, {"landuse": "residential", "name": "静淑苑"})
    xml, binary = read_osm(draft.save(tmp_path)), read_osm(pbf(draft, tmp_path))
    assert xml.counts == binary.counts
    for layer in ("roads", "back_alleys", "compounds"):
        assert xml.layers[layer]["name"].tolist() == binary.layers[layer]["name"].tolist()
        assert xml.layers[layer].geometry.geom_equals(binary.layers[layer].geometry).all()


def spoilt(kind: str, draft: Draft, folder: Path) -> Path:
    draft.line([(0, 0), (300, 0)], {"highway": "residential", "name": "草厂胡同"})
    xml, binary = draft.text().encode(), pbf(draft, folder).read_bytes()
    content, name = {
        "empty": (b"", "a.osm"),
        "empty pbf": (b"", "a.osm.pbf"),
        "noise": (bytes(range(256)) * 8, "a.osm.pbf"),
        "page": (b"<html><body>404</body></html>", "a.osm"),
        "cut xml": (xml[: len(xml) * 2 // 3], "a.osm"),
        "cut pbf": (binary[: len(binary) - 10], "a.osm.pbf"),
        "pbf named osm": (binary, "a.osm"),
        "xml named pbf": (xml, "a.osm.pbf"),
        "no version": (b"<osm><node id='1' lat='1' lon='2'/></osm>", "a.osm"),
        "bad number": (b"<osm version='0.6'><node id='1' lat='abc' lon='2'/></osm>", "a.osm"),
        "entity": (
            b'<!DOCTYPE o [<!ENTITY e SYSTEM "file:///etc/passwd">]><osm version="0.6"><node id="1" lat="1"'
            b' lon="2"><tag k="amenity" v="&e;"/></node></osm>',
            "a.osm",
        ),
    }[kind]
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "kind",
    ["empty", "empty pbf", "noise", "page", "cut xml", "cut pbf", "pbf named osm", "xml named pbf",
     "no version", "bad number", "entity"],
)  # fmt: skip
def test_spoilt_file_is_one_sentence_and_nothing_else(draft, tmp_path, kind):
    with pytest.raises(LayerError) as caught:
        read_osm(spoilt(kind, draft, tmp_path))
    assert caught.value.code == "osm_unreadable"
    assert caught.value.message.startswith("a.osm")
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.osm", None, "osm_open"),
        ("a.osm", b"<osm version='0.6'></osm>", "osm_no_objects"),
        ("a.geojson", b"{}", "osm_ending"),
        ("a.osm.gz", b"x", "osm_ending"),
    ],
)
def test_file_that_is_no_osm_file_says_why(tmp_path, name, content, code):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(LayerError) as caught:
        read_osm(path)
    assert caught.value.code == code


def test_progress_ends_at_the_number_of_objects(draft, tmp_path):
    draft.line([(0, 0), (100, 0)], {"highway": "primary"})
    calls: list[tuple[int, int | None]] = []
    read_osm(draft.save(tmp_path), lambda done, total: calls.append((done, total)))
    assert calls == [(3, 3)]


def test_reading_names_its_source(draft, read):
    draft.line([(0, 0), (100, 0)], {"highway": "primary"})
    reading = read(draft)
    assert (reading.attribution, reading.licence) == (ATTRIBUTION, LICENCE)
    assert ATTRIBUTION == "© OpenStreetMap contributors"
    assert list(reading.counts) == list(OSM_LAYERS)


def test_order_of_objects_in_the_file_changes_nothing(draft, tmp_path):
    middle = nameless_pair(draft)
    draft.way([middle, draft.node(100, 60)], lane("花园巷"))
    draft.line([(0, -40), (300, -40)], {"highway": "primary", "name": "学院路"})
    outer, inner = draft.box(0, 100, 300, 300, {}), draft.box(100, 200, 100, 100, {})
    members = [("way", outer, "outer"), ("way", inner, "inner")]
    draft.relation(members, {"type": "multipolygon", "landuse": "residential", "name": "静淑苑"})
    one = read_osm(draft.save(tmp_path))
    items = draft.relations + draft.ways[::-1] + draft.nodes[::-1]  # as query services may answer
    path = tmp_path / "answer.osm"
    path.write_text(f'<osm version="0.6">{"".join(items)}</osm>', encoding="utf-8")
    two = read_osm(path)
    assert one.counts == two.counts
    assert list(one.layers) == list(two.layers) == ["roads", "back_alleys", "compounds"]
    for layer, table in one.layers.items():
        plain = [column for column in table.columns if column not in ("gates", "geometry")]
        assert table[plain].equals(two.layers[layer][plain])
        assert table.geometry.geom_equals(two.layers[layer].geometry).all()


def test_deleted_object_is_no_object(tmp_path):
    path = tmp_path / "a.osm"
    path.write_text(
        '<osm version="0.6"><node id="1" visible="false" version="2"><tag k="amenity" v="hospital"/></node>'
        '<node id="2" lon="116" lat="40"><tag k="amenity" v="hospital"/></node></osm>'
    )
    reading = read_osm(path)
    assert reading.objects["nodes"] == reading.counts["anchors"].read == 1


# ------------------------------------------------------------------------------- the rule table


def test_every_class_of_the_table_is_a_class_of_the_layer():
    rules = load_rules()
    for layer in ("roads", "anchors"):
        given = {rule.class_ for rule in rules.by_layer[layer] if not rule.refuse}
        assert given <= set(LAYERS[layer].by_name["class"].allowed)


def test_every_reason_and_note_stands_in_both_languages():
    texts = json.loads(data_path("texts", "osm.json").read_text(encoding="utf-8"))
    rules = load_rules()
    assert {code.removeprefix("fault.") for code in texts if code.startswith("fault.")} == set(rules.reasons)
    for code, pair in texts.items():
        fields = [{f for _, f, _, _ in string.Formatter().parse(pair[lang]) if f} for lang in ("zh", "en")]
        assert fields[0] == fields[1], code
    for code, message in rules.reasons.items():
        assert texts[f"fault.{code}"]["en"] == message
    notes = [f"osm_no_{what}" for what in (*OSM_LAYERS, *LAYERS["anchors"].by_name["class"].allowed)]
    for code in (*notes, "osm_long_alley", "osm_far_anchors"):
        assert f"note.{code}" in texts
