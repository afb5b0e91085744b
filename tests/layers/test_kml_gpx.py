"""KML, KMZ and GPX: every placemark, waypoint and track is a row, and nothing outside is touched."""

from __future__ import annotations

import pytest
import shapely
from feature_files import archive, read, refused, saved

from layers.count_rows import count_elements
from layers.read_features import PARTS


def kml(inside: str, head: str = '<?xml version="1.0" encoding="UTF-8"?>') -> str:
    return f'{head}<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{inside}</Document></kml>'


def mark(name: str = "甲", shape: str = "<Point><coordinates>114.31,30.51</coordinates></Point>") -> str:
    return f"<Placemark><name>{name}</name>{shape}</Placemark>"


def coords(tag: str, text: str) -> str:
    return f"<{tag}><coordinates>{text}</coordinates></{tag}>"


def ring(text: str) -> str:
    return f"<LinearRing><coordinates>{text}</coordinates></LinearRing>"


SQUARE = "0,0 0,4 4,4 4,0 0,0"
HOLE = "1,1 2,1 2,2 1,2 1,1"


@pytest.mark.parametrize(
    ("shape", "wkt"),
    [
        (coords("Point", "114.31,30.51"), "POINT (114.31 30.51)"),
        (coords("Point", " 114.31 , 30.51 ,5 "), "POINT (114.31 30.51)"),
        (coords("Point", "1.1431e2,-30,"), "POINT (114.31 -30)"),
        (coords("LineString", "\n1,2,0\n3,4,0\t5,6"), "LINESTRING (1 2, 3 4, 5 6)"),
        (
            f"<Polygon><outerBoundaryIs>{ring(SQUARE)}</outerBoundaryIs><innerBoundaryIs>{ring(HOLE)}</innerBoundaryIs></Polygon>",
            "POLYGON ((0 0, 0 4, 4 4, 4 0, 0 0), (1 1, 2 1, 2 2, 1 2, 1 1))",
        ),
        (
            f"<MultiGeometry>{coords('Point', '1,2')}{coords('Point', '3,4')}</MultiGeometry>",
            "MULTIPOINT ((1 2), (3 4))",
        ),
        (
            f"<MultiGeometry><MultiGeometry>{coords('LineString', '1,2 3,4')}</MultiGeometry>{coords('LineString', '5,6 7,8')}</MultiGeometry>",
            "MULTILINESTRING ((1 2, 3 4), (5 6, 7 8))",
        ),
        (
            f"<MultiGeometry>{coords('Point', '1,2')}{coords('LineString', '5,6 7,8')}</MultiGeometry>",
            "GEOMETRYCOLLECTION (POINT (1 2), LINESTRING (5 6, 7 8))",
        ),
        ("<gx:Track><gx:coord>1 2 9</gx:coord><gx:coord>3 4</gx:coord></gx:Track>", "LINESTRING (1 2, 3 4)"),
    ],
)
def test_every_geometry_of_kml_is_read(tmp_path, shape, wkt):
    [found] = read(saved(tmp_path / "x.kml", kml(mark(shape=shape)))).geometry
    assert found.normalize().equals_exact(shapely.from_wkt(wkt).normalize(), 0)


@pytest.mark.parametrize(
    "shape",
    [
        coords("Point", ""), coords("Point", "abc,def"), coords("Point", "114.31"), coords("Point", "nan,1"),
        coords("Point", "114,30,0,20"), coords("Point", "1,2 3,4"), coords("Point", "1_0,2"), "<Point/>",
        coords("LineString", "1,2"), coords("LineString", "1,2 no,3"), coords("LineString", "1,2, 3,4"),
        f"<Polygon><outerBoundaryIs>{ring('0,0 0,4 4,4 4,0')}</outerBoundaryIs></Polygon>", "<Polygon/>",
        "<MultiGeometry/>", "<Model><Location/></Model>", "<gx:Track><gx:coord>1</gx:coord></gx:Track>",
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_a_fault_of_its_row_and_moves_no_other(tmp_path, shape):
    whole = read(saved(tmp_path / "x.kml", kml(mark("甲") + mark("乙", shape) + mark("丙"))))
    assert whole.column("name") == ["甲", "乙", "丙"]
    assert [found is None for found in whole.geometry] == [False, True, False]
    assert set(whole.faults) == {"2"}
    assert whole.faults["2"]


def test_a_placemark_without_geometry_is_a_row_without_fault(tmp_path):
    whole = read(saved(tmp_path / "x.kml", kml(mark() + mark(shape=""))))
    assert (whole.geometry[1], whole.faults) == (None, {})


def test_names_descriptions_and_extended_data_are_columns(tmp_path):
    inside = (
        '<Placemark id="p7"><name> 甲 </name><description><![CDATA[<b>x</b>{{7*7}}]]></description>'
        '<ExtendedData><Data name="类别"><value>公厕</value></Data><Data name="name"><value>旧名</value></Data>'
        '<SchemaData schemaUrl="#s"><SimpleData name="户数">12</SimpleData></SchemaData></ExtendedData>'
        "</Placemark>"
    )
    whole = read(saved(tmp_path / "x.kml", kml(inside)))
    assert dict(zip(whole.headings, whole.values[0], strict=True)) == {
        "name": "甲", "description": "<b>x</b>{{7*7}}", "类别": "公厕", "户数": "12", "id": "p7",
    }  # fmt: skip
    assert whole.datum == "EPSG:4326"


FOLDERS = (
    f"<Folder><name>东区</name><Folder><name>公厕</name>{mark('甲')}</Folder>"
    f"<Folder><name>小区</name>{mark('乙')}{mark('丙')}</Folder></Folder>"
    "<Folder><name>空</name></Folder>"
)


def test_of_several_folders_the_user_is_asked_and_a_folder_brings_those_inside(tmp_path):
    path = saved(tmp_path / "x.kml", kml(FOLDERS))
    assert PARTS[".kml"](path) == ["东区/公厕", "东区/小区"]
    assert refused(path).facts["parts"] == "东区/公厕, 东区/小区"
    assert read(path, part="东区/小区").column("name") == ["乙", "丙"]
    assert read(path, part="东区").column("name") == ["甲", "乙", "丙"]
    assert refused(path, part="东").code == "part_unknown"


def test_a_folder_without_any_geometry_is_passed_over_with_a_word_and_read_when_named(tmp_path):
    folders = (
        f"<Folder><name>区</name><Folder><name>说明</name>{mark('甲', '')}</Folder>"
        f"<Folder><name>点</name>{mark('乙')}</Folder></Folder>"
    )
    path = saved(tmp_path / "x.kml", kml(folders))
    assert read(path).column("name") == ["乙"]
    assert read(path).noted("other_layers") == {"read": "区/点", "others": "区/说明"}
    assert read(path, part="区").column("name") == ["甲", "乙"]


def test_a_folder_called_like_the_layer_is_taken(tmp_path):
    inside = (
        f"<Folder><name>toilets</name>{mark('甲')}</Folder><Folder><name>别的</name>{mark('乙')}</Folder>"
    )
    whole = read(saved(tmp_path / "x.kml", kml(inside)))
    assert whole.column("name") == ["甲"]
    assert whole.noted("other_layers")["others"] == "别的"


def test_pieces_number_on(tmp_path, monkeypatch):
    monkeypatch.setattr("layers.pieces.PIECE", 2)
    whole = read(saved(tmp_path / "x.kml", kml("".join(mark(name) for name in "abcde"))))
    assert [piece.rows for piece in whole.pieces] == [["1", "2"], ["3", "4"], ["5"]]
    assert whole.column("name") == list("abcde")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "gb18030"])
@pytest.mark.parametrize("declared", ["UTF-8", "GB2312", ""])
def test_kml_is_read_in_the_encoding_it_has_whatever_it_declares(tmp_path, encoding, declared):
    head = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
    if declared == "UTF-8" and encoding.startswith("utf-16"):
        head = '<?xml version="1.0" encoding="UTF-16"?>'
    path = saved(tmp_path / "x.kml", kml(mark("龘巷"), head).encode(encoding))
    assert read(path).column("name") == ["龘巷"]


@pytest.mark.parametrize("size", [1, 3, 50])
def test_chunks_of_any_size_give_the_same_records(tmp_path, monkeypatch, size):
    monkeypatch.setattr("layers.decoding._CHUNK", size)
    assert read(saved(tmp_path / "x.kml", kml(FOLDERS)), part="东区").column("name") == ["甲", "乙", "丙"]


DOCTYPES = [
    '<!DOCTYPE k [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
    '<!DOCTYPE k SYSTEM "http://127.0.0.1:9/x.dtd">',
    '<!DOCTYPE k [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>',
    "<!DOCTYPE kml>",
]


@pytest.mark.parametrize("doctype", DOCTYPES)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("kind", ["kml", "gpx"])
def test_a_document_type_is_refused_before_any_entity_is_known(
    tmp_path, monkeypatch, doctype, encoding, kind
):
    def no_network(*_: object) -> None:
        raise AssertionError("something outside was read")

    monkeypatch.setattr("socket.socket.connect", no_network)
    text = f"{doctype}<{kind}><Placemark><name>&e;</name></Placemark></{kind}>"
    assert refused(saved(tmp_path / f"x.{kind}", text.encode(encoding))).code == "xml_entities"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("<OGRVRTDataSource/>", "file_disguised"),
        ("PK\x03\x04", "file_disguised"),
        ("no xml", "file_disguised"),
        ("<kml><Document><Placemark>", "file_damaged"),
        ("<kml><Placemark>&e;</Placemark></kml>", "file_damaged"),
        ("<kml>" + "<Folder>" * 5000 + "</Folder>" * 5000 + "</kml>", "file_damaged"),
        (kml(mark(shape="<MultiGeometry>" * 5000 + "</MultiGeometry>" * 5000)), "file_damaged"),
        ("<kml><Document/></kml>", "kml_empty"),
    ],
)
def test_what_is_no_kml_is_refused(tmp_path, text, code):
    assert refused(saved(tmp_path / "x.kml", text)).code == code


def test_links_are_told_and_not_followed(tmp_path):
    link = "<NetworkLink><Link><href>http://127.0.0.1:9/x.kml</href></Link></NetworkLink>"
    assert read(saved(tmp_path / "x.kml", kml(link + mark()))).noted("links_ignored") == {"count": 1}
    assert refused(saved(tmp_path / "y.kml", kml(link))).facts["links"] == 1


def test_the_second_count_passes_over_comments_and_text(tmp_path):
    text = kml(
        f"<!-- {mark()} --><a:Placemark/><description><![CDATA[{mark()}]]></description>{mark()}<Placemarks/>"
    )
    assert count_elements(saved(tmp_path / "x.kml", text), "Placemark") == 2


# -- KMZ -------------------------------------------------------------------------------------------


def test_a_kmz_is_read_from_its_main_document_which_is_told(tmp_path):
    path = archive(tmp_path / "x.kmz", a_kml=kml(mark("乙")), doc_kml=kml(mark("甲")), files__x_png=b"png")
    whole = read(path)
    assert whole.column("name") == ["甲"]
    assert whole.noted("other_layers") == {"read": "doc.kml", "others": "a.kml"}


def test_the_folders_of_a_kmz_can_be_named(tmp_path):
    path = archive(tmp_path / "x.kmz", doc_kml=kml(FOLDERS))
    assert PARTS[".kmz"](path) == ["东区/公厕", "东区/小区"]
    assert read(path, part="东区/公厕").column("name") == ["甲"]
    assert refused(path).code == "part_needed"


def test_a_kmz_without_a_kml_is_refused(tmp_path):
    assert refused(archive(tmp_path / "x.kmz", a_txt=b"x")).code == "kmz_empty"
    assert refused(archive(tmp_path / "y.kmz", doc_kml=b"<html/>")).code == "file_disguised"


# -- GPX -------------------------------------------------------------------------------------------

TRACK = (
    '<trk><name>巷</name><extensions><a:line><a:color>red</a:color></a:line></extensions><trkseg><trkpt lat="30" lon="114"/><trkpt lat="31" lon="115"/></trkseg><trkseg/>'
    '<trkseg><trkpt lat="32" lon="116"/><trkpt lat="33" lon="117"/></trkseg></trk>'
)
ROUTE = (
    '<rte><name>路</name><rtept lat="30" lon="114"/><rtept lat="31" lon="115"><name>x</name></rtept></rte>'
)
WAYPOINT = '<wpt lat="30.51" lon="114.31"><name>甲</name><desc>d</desc><link href="http://127.0.0.1:9/"><text>t</text></link></wpt>'


def gpx(*inside: str) -> str:
    return f'<gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1">{"".join(inside)}</gpx>'


def test_waypoints_become_points_and_the_rest_is_told(tmp_path):
    whole = read(saved(tmp_path / "x.gpx", gpx(WAYPOINT, TRACK, ROUTE)), "toilets")
    assert (whole.wkt, whole.headings, whole.values) == (
        ["POINT (114.31 30.51)"],
        ["name", "desc"],
        [["甲", "d"]],
    )
    assert whole.noted("gpx_read") == {"read": 1, "waypoints": 1, "tracks": 1, "routes": 1}


def test_tracks_and_routes_become_lines(tmp_path):
    whole = read(saved(tmp_path / "x.gpx", gpx(WAYPOINT, TRACK, ROUTE)), "roads")
    assert whole.wkt == [
        "MULTILINESTRING ((114 30, 115 31), (116 32, 117 33))",
        "LINESTRING (114 30, 115 31)",
    ]
    assert (whole.column("name"), whole.column("color")) == (["巷", "路"], ["red", None])


def test_a_kind_of_gpx_can_be_named(tmp_path):
    path = saved(tmp_path / "x.gpx", gpx(WAYPOINT, TRACK))
    assert PARTS[".gpx"](path) == ["waypoints", "tracks"]
    assert read(path, "toilets", part="tracks").column("name") == ["巷"]
    assert refused(path, part="x").code == "part_unknown"
    assert refused(path, part="routes").code == "gpx_nothing_fits"
    assert refused(path, "areas").code == "gpx_no_areas"


@pytest.mark.parametrize(
    "broken",
    [
        '<wpt lat="x" lon="1"/>',
        '<wpt lat="1"/>',
        '<wpt lat="nan" lon="1"/>',
        "<wpt/>",
        '<wpt lat="" lon=""/>',
    ],
)
def test_a_waypoint_that_cannot_be_read_is_a_fault_of_its_row(tmp_path, broken):
    whole = read(saved(tmp_path / "x.gpx", gpx(WAYPOINT, broken, WAYPOINT)))
    assert [found is None for found in whole.geometry] == [False, True, False]
    assert set(whole.faults) == {"2"}


@pytest.mark.parametrize(
    "broken",
    [
        "<trk/>",
        '<trk><trkseg><trkpt lat="1" lon="1"/></trkseg></trk>',
        "<rte/>",
        TRACK.replace('"31"', '"x"'),
    ],
)
def test_a_line_that_cannot_be_read_is_a_fault_of_its_row(tmp_path, broken):
    whole = read(saved(tmp_path / "x.gpx", gpx(TRACK, broken)), "roads")
    assert set(whole.faults) == {"2"}


@pytest.mark.testdata
def test_no_fetched_placemark_or_track_is_lost_without_a_word(test_data):
    """Two Placemarks of one file and three of another are dropped by GDAL, and abc,def becomes 0,0."""
    folder = test_data / "malformed" / "fetched" / "togeojson"
    known = {"twopoints.kml": (2, 0), "bad.kml": (3, 3), "gxmultitrack.kml": (3, 0), "styles.kml": (2, 0)}
    for name, (records, faults) in known.items():
        whole = read(folder / name)
        assert (len(whole.rows), len(whole.faults)) == (records, faults), name
    assert len(read(folder / "wpt.gpx").rows) == 40
    assert len(read(folder / "style.gpx", "roads").rows) == 21
