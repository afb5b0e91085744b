"""GeoJSON: every feature is a row, no link is followed, and a second count agrees."""

from __future__ import annotations

import json

import pytest
from feature_files import POINT, feature, geojson, read, refused, saved

from layers import reading
from layers.count_rows import count_features


def test_geojson_without_crs_is_wgs84_by_its_standard(tmp_path):
    whole = read(geojson(tmp_path / "x.geojson", feature(name="甲")))
    assert (whole.datum, whole.headings, whole.values) == ("EPSG:4326", ["name"], [["甲"]])
    assert whole.wkt == ["POINT (114.31 30.51)"]


@pytest.mark.parametrize(
    ("name", "datum"),
    [
        ("urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:4326"),
        ("urn:ogc:def:crs:EPSG::4490", "EPSG:4490"),
        ("EPSG:4547", "EPSG:4547"),
        ("http://www.opengis.net/def/crs/EPSG/0/4490", "EPSG:4490"),
    ],
)
@pytest.mark.parametrize("last", [False, True])
def test_geojson_with_a_named_crs_is_in_it_wherever_it_stands(tmp_path, name, datum, last):
    crs = {"type": "name", "properties": {"name": name}}
    members = {"features": [feature()], "crs": crs} if last else {"crs": crs, "features": [feature()]}
    path = saved(tmp_path / "x.geojson", json.dumps({"type": "FeatureCollection", **members}))
    assert read(path).datum == datum


@pytest.mark.parametrize(
    "crs",
    [
        {"type": "link", "properties": {"href": "http://127.0.0.1:9/x.wkt", "type": "ogcwkt"}},
        {"type": "name", "properties": {"name": "http://127.0.0.1:9/x.wkt"}},
        {"type": "name", "properties": {"name": "+proj=pipeline +step +proj=hgridshift +grids=/etc/passwd"}},
        {"type": "name", "properties": {"name": "http://127.0.0.1:9/EPSG:4326"}},
        {"type": "name", "properties": "EPSG:4326"},
        "EPSG:4326",
        7,
    ],
)
def test_a_crs_that_is_no_name_is_handed_on_as_unusable_and_never_followed(tmp_path, crs, monkeypatch):
    def no_network(*_: object) -> None:
        raise AssertionError("a link was followed")

    monkeypatch.setattr("socket.socket.connect", no_network)
    whole = read(geojson(tmp_path / "x.geojson", feature(), crs=crs))
    assert whole.datum is None
    assert whole.unusable


def test_features_without_a_usable_geometry_are_kept_as_rows(tmp_path):
    deep: dict[str, object] = POINT
    for _ in range(300):
        deep = {"type": "GeometryCollection", "geometries": [deep]}
    bad = [None, {}, [], "x", {"type": "Point"}, {"type": "Point", "coordinates": ["a", "b"]}, deep]
    features = [feature(), *(feature(shape) for shape in bad), None, 5, [], {"properties": [1]}]
    whole = read(geojson(tmp_path / "x.geojson", *features))
    assert whole.rows == [str(number) for number in range(1, 13)]
    assert [shape is not None for shape in whole.geometry] == [True] + [False] * 11
    assert set(whole.faults) == {str(number) for number in range(3, 13)}  # 2: null is legal


def test_the_id_of_a_feature_serves_where_its_properties_have_none(tmp_path):
    whole = read(geojson(tmp_path / "x.geojson", {**feature(name="甲"), "id": "a"}, feature(id="b")))
    assert whole.column("id") == ["a", "b"]


def test_headings_lose_halves_of_characters(tmp_path):
    assert read(geojson(tmp_path / "x.geojson", feature(**{"\ud800a\0": 1}))).headings == [
        "\N{REPLACEMENT CHARACTER}a"
    ]


def test_pieces_number_on_and_have_the_headings_of_all(tmp_path, monkeypatch):
    monkeypatch.setattr("layers.pieces.PIECE", 3)
    features = [feature(name=str(number), **({"late": 1} if number == 6 else {})) for number in range(7)]
    whole = read(geojson(tmp_path / "x.geojson", *features))
    assert [len(piece.rows) for piece in whole.pieces] == [3, 3, 1]
    assert whole.rows == list("1234567")
    assert whole.headings == ["name", "late"]
    assert whole.column("late") == [None] * 6 + [1]


def test_a_piece_is_small_enough_for_memory():
    assert reading.PIECE <= 20_000


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
def test_chunks_of_any_size_give_the_same_records(tmp_path, monkeypatch, size):
    path = geojson(tmp_path / "x.geojson", feature(name='甲\\"]}', n=-12.5e3), feature(n=123), crs=None)
    known = read(path)
    monkeypatch.setattr("layers.decoding._CHUNK", size)
    monkeypatch.setattr("layers.count_rows._WINDOW", size)
    again = read(path)
    assert (again.values, again.wkt) == (known.values, known.wkt)
    assert known.values == [['甲\\"]}', -12500.0], [None, 123]]


@pytest.mark.parametrize("text", [json.dumps(feature(name="甲")), json.dumps(POINT)])
def test_a_feature_or_a_geometry_alone_is_one_record(tmp_path, text):
    assert read(saved(tmp_path / "x.geojson", text)).wkt == ["POINT (114.31 30.51)"]


@pytest.mark.parametrize("mark", ["", "\x1e"])
def test_one_feature_a_line_is_read(tmp_path, mark):
    lines = "".join(f"{mark}{json.dumps(feature(name=name))}\n" for name in "甲乙丙")
    assert read(saved(tmp_path / "x.geojson", lines)).values == [["甲"], ["乙"], ["丙"]]


def test_gb18030_is_read_and_said(tmp_path):
    text = json.dumps({"type": "FeatureCollection", "features": [feature(name="龘巷")]}, ensure_ascii=False)
    path = saved(tmp_path / "x.geojson", text.encode("gb18030"))
    assert read(path).values == [["龘巷"]]
    assert read(path).noted("encoding") == {"encoding": "GB18030"}
    assert read(path, encoding="gbk").values == [["龘巷"]]
    assert refused(path, encoding="nonsense").code == "encoding_unknown"


@pytest.mark.parametrize(
    "text",
    [
        '"hello"', "[]", "{}", '{"features": 5}', '{"type": "FeatureCollection"}', "[" * 200_000,
        '{"features": [' + "[" * 200_000, '{"features": [{}]} x', '{"features": [{},]}', '{"features": [{}',
        '{"features": [{} {}]}', '{"features": [],}', '{"features": [], "features": []}', "{7: 1}",
    ],
)  # fmt: skip
def test_what_is_no_geojson_is_refused(tmp_path, text):
    assert refused(saved(tmp_path / "x.geojson", text)).code == "file_disguised"


def test_an_empty_collection_is_one_piece_without_records(tmp_path):
    whole = read(geojson(tmp_path / "x.geojson"))
    assert [len(piece.rows) for piece in whole.pieces] == [0]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ('{"features": []}', 0),
        ('{"features": [ ]}', 0),
        ('{"features": [{}]}', 1),
        ('{"features": [null, 5, [1, 2], {"a": [1, {}]}]}', 4),
        # a property that looks like a list of features, before and after, and one in a string
        ('{"crs": {"features": [1, 2, 3]}, "features": [{"features": [1, 2]}], "x": [1, 2, 3]}', 1),
        ('{"x": "\\"features\\": [1, 2", "features": [{"a": "]}, {"}, {}], "y": {"features": [1, 2]}}', 2),
        ('{"x": "\\\\", "features": [{"a": "\\\\\\""}, {}]}', 2),
        ('{"type": "Feature"}\n{"type": "Feature"}\n', 2),
    ],
)
@pytest.mark.parametrize("window", [1, 5, 1 << 22])
def test_the_second_count_looks_at_brackets_not_at_words(tmp_path, monkeypatch, text, count, window):
    monkeypatch.setattr("layers.count_rows._WINDOW", window)
    assert count_features(saved(tmp_path / "x.geojson", text)) == count
