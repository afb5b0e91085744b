"""Archives are judged by their directory, unpacked under names of ours, and never trusted."""

from __future__ import annotations

import json
import stat
import zipfile

import pyogrio
import pytest
from feature_files import archive, feature, geojson, places, read, refused, saved, shapefile, zipped

from layers.bundle import look, unpack, unpack_all
from layers.read_features import PARTS

POINTS = json.dumps({"type": "FeatureCollection", "features": [feature(name="甲")]})


def info(name: str, **given: int) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name)
    for field, value in given.items():
        setattr(made, field, value)
    return made


def written(path, *members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members:
            made.writestr(name, content)
    return path


def test_the_only_table_is_read_and_the_rest_told_by_name(tmp_path):
    path = archive(tmp_path / "x.zip", a_geojson=POINTS, readme_docx="x", l_vrt="<OGRVRTDataSource/>")
    whole = read(path)
    assert whole.values == [["甲"]]
    assert whole.noted("zip_ignored") == {"count": 2, "names": "readme.docx, l.vrt"}


def test_of_several_tables_the_user_is_asked_and_may_name_one_and_its_layer(tmp_path):
    for layer in ("甲", "乙"):
        pyogrio.write_dataframe(
            places(name=[layer, layer]), tmp_path / "g.gpkg", layer=layer, append=layer == "乙"
        )
    path = written(
        tmp_path / "x.zip", ("某区/g.gpkg", (tmp_path / "g.gpkg").read_bytes()), ("a.geojson", POINTS)
    )
    assert PARTS[".zip"](path) == ["某区/g.gpkg", "a.geojson"]
    assert refused(path).facts["parts"] == "某区/g.gpkg, a.geojson"
    assert read(path, part="a.geojson").values == [["甲"]]
    for part in ("某区/g.gpkg/乙", "g.gpkg/乙"):
        assert read(path, part=part).column("name") == ["乙", "乙"]
    told = refused(path, part="g.gpkg")
    assert (told.code, told.facts["file"]) == ("part_needed", "x.zip/某区/g.gpkg")
    assert refused(path, part="b.geojson").code == "part_unknown"


def test_a_table_called_like_the_layer_is_taken(tmp_path):
    path = archive(tmp_path / "x.zip", a_geojson="{}", toilets_geojson=POINTS)
    assert read(path).noted("other_layers") == {"read": "toilets.geojson", "others": "a.geojson"}


def test_two_shapefiles_are_asked_about_but_what_a_mac_adds_is_not_one(tmp_path):
    folder = shapefile(tmp_path / "in", "a")
    path = zipped(tmp_path / "x.zip", folder)
    with zipfile.ZipFile(path, "a") as made:
        made.writestr("__MACOSX/._a.shp", b"mac")
        made.writestr("._a.shp", b"mac")
        made.writestr("a.sbn", b"index")
    assert len(read(path).values) == 2
    assert "zip_ignored" not in [note.code for note in read(path).notes]
    shapefile(folder, "b")
    assert refused(zipped(tmp_path / "y.zip", folder)).code == "part_needed"


@pytest.mark.parametrize(
    "name", ["../a.geojson", "/tmp/a.geojson", "C:\\a.geojson", "x/../../a.geojson", "..\\a.geojson"]
)
def test_names_that_lead_out_are_ignored_by_name_and_nothing_is_written_there(tmp_path, name):
    path = written(tmp_path / "x.zip", (name, POINTS), ("b.geojson", POINTS))
    before = set(tmp_path.parent.rglob("*"))
    assert read(path).noted("zip_ignored") == {"count": 1, "names": name.replace("\\", "/")}
    assert set(tmp_path.parent.rglob("*")) == before
    assert refused(written(tmp_path / "y.zip", (name, POINTS))).code == "zip_empty"


def test_names_written_by_a_chinese_windows_are_shown_right(tmp_path):
    path = archive(tmp_path / "x.zip", aaaaaaaa_geojson=POINTS, b_geojson=POINTS)
    raw = path.read_bytes().replace(b"aaaaaaaa", "公厕一览".encode("gbk"))
    assert refused(saved(path, raw)).facts["parts"] == "公厕一览.geojson, b.geojson"
    assert read(path, part="公厕一览.geojson").values == [["甲"]]


def test_a_bomb_is_refused_by_its_directory(tmp_path):
    assert refused(archive(tmp_path / "x.zip", a_geojson=b" " * 20_000_000)).code == "file_bomb"
    assert refused(archive(tmp_path / "y.kmz", doc_kml=b" " * 20_000_000)).code == "file_bomb"


def test_what_unpacks_far_but_to_little_is_no_bomb(tmp_path):
    assert read(archive(tmp_path / "x.zip", a_geojson=POINTS + " " * 5_000_000)).values == [["甲"]]


def test_a_directory_that_lies_about_the_size_unpacks_no_more_than_it_states(tmp_path):
    path = archive(tmp_path / "x.zip", a_geojson=POINTS + " " * 3_000_000)
    raw = bytearray(path.read_bytes())
    at = raw.index(b"PK\x01\x02")
    raw[at + 24 : at + 28] = (1000).to_bytes(4, "little")
    saved(path, bytes(raw))
    assert refused(path).code == "file_damaged"
    [entry] = look(path, (".geojson",)).entries
    (tmp_path / "out").mkdir()
    with pytest.raises(Exception, match="damaged"):
        unpack(path, entry, tmp_path / "out")
    assert sum(file.stat().st_size for file in (tmp_path / "out").iterdir()) <= 1000


def test_too_many_entries_are_refused(tmp_path):
    assert (
        refused(written(tmp_path / "x.zip", *((f"{n}.jpg", "") for n in range(1001)))).code == "zip_entries"
    )
    assert refused(written(tmp_path / "y.zip", *((f"{n}.jpg", "") for n in range(1000)))).code == "zip_empty"


def test_archives_inside_links_and_passwords_are_refused_with_words(tmp_path):
    assert refused(archive(tmp_path / "a.zip", b_zip=b"PK", c_geojson=POINTS)).facts["names"] == "b.zip"
    link = info("l.shp", create_system=3, external_attr=(stat.S_IFLNK | 0o777) << 16)
    assert refused(written(tmp_path / "b.zip", (link, "/etc/passwd"))).code == "zip_link"
    path = archive(tmp_path / "c.zip", c_geojson=POINTS)
    raw = bytearray(path.read_bytes())
    for start, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.index(start) + flags] |= 1
    assert refused(saved(path, bytes(raw))).code == "zip_locked"


def test_a_damaged_member_is_refused(tmp_path):
    raw = bytearray(zipped(tmp_path / "x.zip", shapefile(tmp_path / "in")).read_bytes())
    raw[raw.index(b"\0\0\x27\x0a") + 40] ^= 0xFF
    assert refused(saved(tmp_path / "y.zip", bytes(raw))).code == "file_damaged"


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x1f\x8b\x08", b"<x/>" * 100])
def test_what_is_no_zip_is_refused(tmp_path, content):
    assert refused(saved(tmp_path / "x.zip", content)).code == "file_disguised"


def test_an_empty_member_is_refused_by_its_own_name(tmp_path):
    told = refused(archive(tmp_path / "x.zip", a_geojson=b""))
    assert (told.code, told.facts["file"]) == ("file_empty", "x.zip/a.geojson")


def test_a_zip_without_a_shp_says_which_part_is_missing(tmp_path):
    path = zipped(tmp_path / "x.zip", shapefile(tmp_path / "in"), leave_out=(".shp",))
    assert refused(path).facts["missing"] == ".shp"


def test_all_tables_are_unpacked_under_names_of_ours(tmp_path):
    folder = shapefile(tmp_path / "in", "背街小巷")
    geojson(folder / "公厕.geojson", feature())
    path = zipped(tmp_path / "x.zip", folder, "某区/")
    (tmp_path / "out").mkdir()
    members = unpack_all(path, tmp_path / "out", (".shp", ".geojson"))
    assert sorted((member.name, member.ending) for member in members) == [
        ("某区/公厕.geojson", ".geojson"),
        ("某区/背街小巷.shp", ".shp"),
    ]
    assert all(part.name.startswith("member") for part in (tmp_path / "out").iterdir())
