"""Import over the web without a browser: what it answers, whom it refuses, what it never tells."""

from __future__ import annotations

import io
import json
import re
import tempfile
import threading
import time
from pathlib import Path

import pytest
import waitress
from html_page import Page
from openpyxl import load_workbook
from small_town import LAT, LON, NOON, layers, stored

from geo.crs import wgs84_to_gcj02
from geo.errors import NotFoundError, StoreError
from geo.offset import Offset
from layers.batches import NewBatch
from layers.columns import LEFT_OUT
from layers.store import Store
from service import background, uploads
from service.commands import main
from service.i18n import LANGS, texts
from service.resources import static_path
from service.usecases import datum_check, exports, imports
from service.web import imports as door
from service.web.app import create_app

OURS = {"X-Zhoubian": "1", "Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}
TOILETS = (
    "编号,名称,经度,纬度\r\nT1,东街公厕,116.301,39.951\r\nT2,西街公厕,116.302,39.952\r\nT3,坏,abc,39.95\r\n"
)
GB18030 = TOILETS.encode("gb18030")

HOSTILE_NAMES = (
    "../../../etc/公厕.csv",
    "..\\..\\windows\\公厕.csv",
    "C:\\公厕.csv",
    "/etc/passwd/公厕.csv",
    "<img src=x onerror=alert(1)>公厕.csv",
    "{{7919*7919}}公厕.csv",
    "公厕\x00.php\x1b[2J.csv",
    "公厕" + "长" * 400 + ".csv",
    "-rf 公厕.csv",
)


@pytest.fixture
def town(tmp_path):
    path = tmp_path / "town.db"
    stored(path)
    return path


@pytest.fixture
def app(town):
    return create_app(town, "zh")


@pytest.fixture
def client(app):
    return app.test_client()


def sent(client, name="公厕.csv", content=GB18030, *, lang="en", headers=OURS, **options):
    return client.post(
        f"/api/import/look?lang={lang}", headers=headers,
        data={"files": (io.BytesIO(content), name), "options": json.dumps(options)},
    )  # fmt: skip


def begun(client, token, *, dry_run, lang="en", **options):
    body = {"token": token, "dry_run": dry_run, "options": options}
    return client.post(f"/api/import/jobs?lang={lang}", headers=OURS, json=body)


def finished(client, started):
    assert started.status_code == 202, started.json
    while (job := client.get(f"/api/import/jobs/{started.json['id']}").json)["state"] in (
        "waiting",
        "running",
    ):
        time.sleep(0.02)
    return job


def ids(store, layer="toilets"):
    with Store.open(store, create=False) as held:
        return set(held.read(layer)["id"])


# ------------------------------------------------------------------------------ the way of a file


def test_a_look_shows_encoding_rows_columns_and_where_they_lie(client):
    told = sent(client).json
    assert (told["file"], told["kind"], told["encoding"], told["counted"]) == (
        "公厕.csv",
        "toilets",
        "GB18030",
        3,
    )
    assert told["columns"] == {"id": "编号", "name": "名称", "lon": "经度", "lat": "纬度"}
    assert told["first"][0] == ["T1", "东街公厕", "116.301", "39.951"]
    assert told["rows"] == ["2", "3", "4"]
    assert (told["stated"], told["datum"], told["datum_fault"]) == (None, "wgs84", None)
    assert told["read_as"] == [[116.301, 39.951], [116.302, 39.952]]
    assert [place["datum"] for place in told["places"]] == ["wgs84", "gcj02", "bd09"]
    assert {road["class"] for road in told["roads"]} == {"primary", "residential"}
    assert "lon" in {field["name"] for field in told["fields"]}


def test_a_preview_moves_the_points_by_the_datum(client):
    lon, lat = wgs84_to_gcj02(LON, LAT)
    rows = f"名称,经度,纬度\n甲,{float(lon):.8f},{float(lat):.8f}\n"
    places = {place["datum"]: place["lonlat"] for place in sent(client, content=rows.encode()).json["places"]}
    assert places["gcj02"][0] == pytest.approx([LON, LAT], abs=2e-6)
    assert places["wgs84"][0] == pytest.approx([float(lon), float(lat)], abs=1e-6)


def test_plane_coordinates_are_shown_under_every_system_that_lands_in_the_city(client):
    rows = "名称,X,Y\n" + "".join(f"点{i},{4423700 + 100 * i},{440200 + 100 * i}\n" for i in range(5))
    told = sent(client, content=rows.encode()).json
    assert (told["datum"], told["datum_fault"]) == (None, "datum_needed")
    found = {place["datum"]: place["lonlat"][0] for place in told["places"]}
    assert found["EPSG:4548"] == pytest.approx([116.3, 39.95], abs=0.01)  # CGCS2000, central meridian 117


def test_a_chosen_column_is_the_one_shown_and_imported(client, town):
    rows = "编号,名称,别名,经度,纬度\nT1,甲,乙,116.3,39.95\n".encode()
    told = sent(client, content=rows, columns={"name": "别名"}).json
    assert told["columns"]["name"] == "别名"
    job = finished(
        client, begun(client, told["token"], dry_run=False, kind="toilets", columns={"name": "别名"})
    )
    assert job["state"] == "done"
    with Store.open(town, create=False) as store:
        assert list(store.read("toilets")["name"]) == ["乙"]


def test_a_column_is_left_out_where_its_field_is_not_to_be_read(client):
    told = sent(client, columns={"name": LEFT_OUT, "id": "编号"}).json
    assert told["columns"] == {"id": "编号", "lon": "经度", "lat": "纬度"}


def test_the_class_of_all_rows_is_asked_for_where_no_column_tells_it(client, town):
    told = sent(client, "点位.csv").json
    assert (told["kind"], told["class_field"], "class" in told["columns"]) == ("anchors", "class", False)
    finished(client, begun(client, told["token"], dry_run=False, kind="anchors", **{"class": "market"}))
    with Store.open(town, create=False) as store:
        held = store.read("anchors").set_index("id")
    assert held.loc[["T1", "T2"], "class"].tolist() == ["market", "market"]


def test_a_dry_run_tells_all_and_stores_nothing_and_the_import_follows(client, town):
    token = sent(client).json["token"]
    job = finished(client, begun(client, token, dry_run=True, kind="toilets"))
    report = job["report"]
    assert (job["state"], job["done"], job["total"], job["error"]) == ("done", 3, 3, None)
    assert (report["stored"], report["batch"]) == (False, None)
    assert {name: report["layers"][0][name] for name in ("read", "accepted", "fixed", "refused")} == {
        "read": 3, "accepted": 2, "fixed": 0, "refused": 1,
    }  # fmt: skip
    (fault,) = report["refused"]
    assert (fault["code"], fault["file"], fault["row"], fault["field"], fault["value"]) == (
        "not_a_number", "公厕.csv", "4", "经度", "abc",
    )  # fmt: skip
    assert ids(town) == set()
    job = finished(client, begun(client, token, dry_run=False, kind="toilets"))
    assert job["report"]["batch"] == 2
    assert ids(town) == {"T1", "T2"}


def test_the_refused_rows_come_back_as_a_workbook(client):
    token = sent(client).json["token"]
    job = finished(client, begun(client, token, dry_run=False, kind="toilets"))
    for address in (job["workbook"], "/api/imports/2/refused.xlsx"):
        answer = client.get(address, buffered=True)
        assert answer.status_code == 200
        assert "refused.xlsx" in answer.headers["Content-Disposition"]
        sheet = load_workbook(io.BytesIO(answer.data)).active
        assert "T3" in [cell.value for cell in list(sheet.rows)[2]]


def test_an_imported_file_is_no_longer_kept(client, app):
    told = sent(client).json
    upload = app.extensions["zhoubian_uploads"].get(told["token"])
    finished(client, begun(client, told["token"], dry_run=False, kind="toilets"))
    assert list(upload.folder.glob("input*")) == []


def test_a_file_without_a_good_row_stores_nothing_and_tells_why(client, town):
    rows = "名称,经度,纬度\n甲,abc,39.95\n".encode()
    job = finished(
        client, begun(client, sent(client, content=rows).json["token"], dry_run=False, kind="toilets")
    )
    assert (job["state"], job["error"]["code"]) == ("failed", "nothing_accepted")
    assert job["report"]["refused"][0]["code"] == "not_a_number"
    assert job["workbook"]
    assert ids(town) == set()


def test_the_parts_of_a_shapefile_come_together(client, tmp_path):
    import geopandas as gpd  # noqa: PLC0415

    alleys = layers()["back_alleys"].head(3)[["id", "name", "geometry"]]
    gpd.GeoDataFrame(alleys).to_file(tmp_path / "背街小巷.shp", encoding="utf-8", engine="pyogrio")
    parts = [(io.BytesIO(part.read_bytes()), part.name) for part in sorted(tmp_path.glob("背街小巷.*"))]
    answer = client.post("/api/import/look", headers=OURS, data={"files": parts, "options": "{}"})
    assert (answer.status_code, answer.json["file"], answer.json["counted"]) == (200, "背街小巷.shp", 3)
    assert answer.json["stated"] == "WGS 84"


def test_several_tables_are_a_question_and_then_an_answer(client, tmp_path):
    from openpyxl import Workbook  # noqa: PLC0415

    book = Workbook()
    for name in ("一季度", "二季度"):
        sheet = book.active if name == "一季度" else book.create_sheet(name)
        sheet.title = name
        sheet.append(["编号", "名称", "经度", "纬度"])
        sheet.append([name, "甲", 116.3, 39.95])
    book.save(tmp_path / "x.xlsx")
    told = sent(client, "公厕.xlsx", (tmp_path / "x.xlsx").read_bytes()).json
    assert (told["part_needed"], told["parts"]) == (True, ["一季度", "二季度"])
    form = {"token": told["token"], "options": json.dumps({"part": "二季度"})}
    told = client.post("/api/import/look", headers=OURS, data=form).json
    assert (told["part_needed"], told["part"], told["first"][0][0]) == (False, "二季度", "二季度")


# ------------------------------------------------------------------------------------------ undo


def test_an_import_is_undone_and_listed_as_undone(client, town):
    finished(client, begun(client, sent(client).json["token"], dry_run=False, kind="toilets"))
    assert client.post("/api/imports/2/undo", headers=OURS, json={}).status_code == 200
    assert ids(town) == set()
    assert "已撤销" in client.get("/imports?lang=zh").text
    again = client.post("/api/imports/2/undo?lang=en", headers=OURS, json={})
    assert (again.status_code, again.json["error"]["code"]) == (409, "batch_undone")


def test_an_import_that_draws_need_is_undone_only_when_it_is_said_again(client, town):
    answer = client.post("/api/imports/1/undo?lang=zh", headers=OURS, json={})
    assert (answer.status_code, answer.json["error"]["code"]) == (409, "batch_needed")
    assert "第一次" in answer.json["error"]["message"]
    assert len(ids(town, "anchors")) == 6
    assert client.post("/api/imports/1/undo", headers=OURS, json={"anyway": True}).status_code == 200
    assert ids(town, "anchors") == set()


# ---------------------------------------------------------------------------------- who may do it


CHANGING = ("/api/import/look", "/api/import/jobs", "/api/import/jobs/x/cancel", "/api/imports/1/undo")
FOREIGN = {
    "a form of another site": {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    "a script of another site": {**OURS, "Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    "another service of this computer": {**OURS, "Origin": "http://localhost:9999", "Sec-Fetch-Site": "same-site"},
    "a browser that names the origin only": {"X-Zhoubian": "1", "Origin": "https://evil.example"},
    "a page without an origin": {**OURS, "Origin": "null"},
    "an address typed": {**OURS, "Sec-Fetch-Site": "none"},
    "no header of ours": {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"},
    "nothing told": {"X-Zhoubian": "1"},
}  # fmt: skip


@pytest.mark.parametrize("address", CHANGING)
@pytest.mark.parametrize("who", FOREIGN)
def test_only_a_page_of_this_service_may_change_anything(client, town, who, address):
    for lang in LANGS:
        answer = client.post(f"{address}?lang={lang}", headers=FOREIGN[who], json={"anyway": True})
        assert (answer.status_code, answer.json["error"]["code"]) == (403, "cross_site")
        message = texts()["error.cross_site"][lang].replace("；", "; ").partition("; ")[0]
        assert answer.json["error"]["message"] == message
    assert len(ids(town, "anchors")) == 6


def test_an_old_browser_that_names_only_the_origin_is_welcome(client):
    assert sent(client, headers={"X-Zhoubian": "1", "Origin": "http://localhost"}).status_code == 200


def test_a_name_of_a_foreign_site_that_leads_here_is_refused(town):
    client = create_app(town, "zh", hosts=None).test_client()
    evil = {**OURS, "Host": "evil.example", "Origin": "http://evil.example"}
    assert client.post("/api/imports/1/undo", headers=evil, json={}).json["error"]["code"] == "cross_site"
    number = {**OURS, "Host": "192.168.1.7:8000", "Origin": "http://192.168.1.7:8000"}
    assert client.post("/api/imports/1/undo", headers=number, json={}).json["error"]["code"] == "batch_needed"


def test_where_imports_are_shut_the_page_says_so_and_nothing_is_changed(town):
    client = create_app(town, "zh", imports_open=False).test_client()
    for lang in LANGS:
        assert texts()["web.import_shut"][lang] in client.get(f"/import?lang={lang}").text
        assert 'type="file"' not in client.get("/import").text
        assert "data-undo" not in client.get("/imports").text
    for address in CHANGING:
        answer = client.post(address, headers=OURS, json={"anyway": True})
        assert (answer.status_code, answer.json["error"]["code"]) == (403, "import_shut")
    assert client.get("/api/imports/1/refused.xlsx").status_code == 403
    assert len(ids(town, "anchors")) == 6


def test_where_everybody_may_import_the_page_says_so(town):
    client = create_app(town, "en", hosts=None, imports_open=True).test_client()
    assert texts()["web.import_everybody"]["en"] in client.get("/import").text


def test_a_visit_changes_nothing(client):
    for address in CHANGING:
        assert client.get(address).status_code in (404, 405)


# ------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_hostile_name_is_shown_and_never_opened(client, app, town, name):
    answer = sent(client, name, kind="toilets")
    assert answer.status_code == 200
    shown = answer.json["file"]
    assert shown.endswith("csv") and shown.isprintable() and len(shown) <= 120
    assert "/" not in shown and "\\" not in shown
    upload = app.extensions["zhoubian_uploads"].get(answer.json["token"])
    assert upload.file.name == "input.csv"
    job = finished(client, begun(client, answer.json["token"], dry_run=False, kind="toilets"))
    assert job["report"]["source"] == shown
    page = Page(client.get("/imports").text)
    assert shown in page.of("td")
    assert page.tags.count("img") == 0
    assert page.handlers == []


def test_a_name_of_several_lines_is_one_line():
    assert uploads.plain_name("公厕\r\nSet-Cookie: a=b\t.csv") == "公厕  Set-Cookie: a=b .csv"
    assert uploads.plain_name("..") == uploads.plain_name("a/") == ""


def test_a_file_that_is_too_large_is_refused_before_it_is_read(client, monkeypatch):
    monkeypatch.setattr(door, "MAX_REQUEST", 10_000)
    for lang in LANGS:
        answer = sent(client, content=b"x" * 20_000, lang=lang)
        assert (answer.status_code, answer.json["error"]["code"]) == (413, "too_large")
        assert answer.json["error"]["message"] == texts()["web.too_large"][lang]


def test_a_request_without_a_file_has_a_small_limit_of_its_own(client):
    answer = client.post("/api/import/jobs", headers=OURS, json={"token": "x" * 2_000_000})
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"kind": "nonsense"}, "kind_unknown"),
        ({"kind": "osm"}, "kind_mismatch"),
        ({"datum": "mars"}, "datum_unknown"),
        ({"encoding": "klingon"}, "encoding_unknown"),
        ({"columns": {"nose": "名称"}}, "map_field"),
        ({"surprise": 1}, "import_option"),
        ({"year": "2024"}, "import_option"),
        ({"update": "yes"}, "import_option"),
        ({"columns": {"name": 7}}, "import_option"),
        ({"columns": ["name"]}, "import_option"),
        ({"part": "x" * 600}, "import_option"),
    ],
)
def test_a_setting_that_cannot_be_is_a_sentence_in_both_languages(client, options, code):
    token = sent(client).json["token"]
    for lang in LANGS:
        answer = begun(client, token, dry_run=True, lang=lang, **{"kind": "toilets", **options})
        error = answer.json.get("error") or finished(client, answer)["error"]
        assert error["code"] == code
        assert set(error) == {"code", "file", "row", "field", "value", "message", "hint"}
        said = error["message"] + error["hint"]
        for named in ("公厕.csv", "名称"):
            said = said.replace(named, "")
        assert said.isascii() is (lang == "en")


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"x"', b"[" * 5_000, b"\xff\xfe"])
def test_nonsense_in_place_of_json_is_a_sentence(client, body):
    answer = client.post("/api/import/jobs", headers=OURS, data=body)
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "import_option")


def test_a_file_whose_name_tells_nothing_keeps_its_place_while_the_reader_is_asked(client):
    answer = sent(client, "数据.csv", lang="zh")
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "kind_needed")
    assert "内容是" in answer.json["error"]["hint"]
    form = {"token": answer.json["token"], "options": json.dumps({"kind": "toilets"})}
    assert client.post("/api/import/look", headers=OURS, data=form).json["counted"] == 3


def test_no_file_several_files_and_a_forgotten_one_are_told(client):
    answer = client.post("/api/import/look", headers=OURS, data={"options": "{}"})
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "upload_none")
    two = [(io.BytesIO(b"a"), "a.csv"), (io.BytesIO(b"b"), "b.csv")]
    answer = client.post("/api/import/look", headers=OURS, data={"files": two})
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "upload_several")
    for answer in (
        client.post("/api/import/look", headers=OURS, data={"token": "../x"}),
        begun(client, "none", dry_run=True),
    ):
        assert (answer.status_code, answer.json["error"]["code"]) == (404, "upload_gone")
    assert client.get("/api/import/jobs/none").json["error"]["code"] == "job_unknown"
    assert client.get("/api/import/jobs/none/refused.xlsx").status_code == 404


BROKEN = {
    "公厕.csv": b"\x00\x01\x02" * 50,
    "公厕.xlsx": b"PK\x03\x04 not really",
    "公厕.geojson": b'{"type": "FeatureCollection", "features": [',
    "公厕.zip": b"PK\x05\x06" + bytes(18),
    "公厕.gpkg": b"SQLite format 3\x00" + bytes(200),
    "公厕.kml": b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><kml>&a;</kml>',
    "公厕.exe": b"MZ",
    "公厕.csv ": b"",
}


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_a_sentence_that_names_the_file_and_no_path(client, name, lang):
    answer = sent(client, name, BROKEN[name], lang=lang, kind="toilets")
    assert answer.status_code == 400, answer.json
    error = answer.json["error"]
    assert "公厕" in (error["file"] or "") + error["message"]
    for secret in (tempfile.gettempdir(), "input.", "Traceback", "zhoubian-w"):
        assert secret not in answer.text
    if lang == "zh":
        assert not error["message"].replace("公厕", "").isascii()


def test_no_answer_tells_where_anything_lies(client, town, monkeypatch):
    def full(*_, **__):
        raise StoreError(f"the store at {town} is full", code="store_full", path=str(town), detail="x")

    answers = [sent(client, name) for name in ("公厕.csv", "数据.csv", "公厕.xlsx")]
    token = answers[0].json["token"]
    job = finished(client, begun(client, token, dry_run=False, kind="toilets"))
    told = [answer.text for answer in answers] + [json.dumps(job, ensure_ascii=False)]
    told += [client.get(page).text for page in ("/import", "/imports", "/api/warnings", "/api/import/jobs/x")]
    monkeypatch.setattr(imports, "run", full)
    token = sent(client).json["token"]
    told.append(json.dumps(finished(client, begun(client, token, dry_run=False, kind="toilets"))))
    assert "store_full" in told[-1]
    for text in told:
        assert tempfile.gettempdir() not in text
        assert str(town.parent) not in text
        assert "input.csv" not in text


def test_a_fault_of_the_program_is_logged_and_never_shown(client, monkeypatch, caplog):
    def broken(*_, **__):
        raise RuntimeError("a secret of the inside")

    token = sent(client).json["token"]
    monkeypatch.setattr(imports, "run", broken)
    job = finished(client, begun(client, token, dry_run=False, kind="toilets"))
    assert (job["state"], job["error"]["code"]) == ("failed", "broken")
    assert "secret" not in json.dumps(job)
    assert "a secret of the inside" in caplog.text


# ----------------------------------------------------------------------------- under way, cancelled


def test_an_import_tells_how_far_it_is_and_is_stopped_without_a_trace(client, app, town, monkeypatch):
    reached, go_on = threading.Event(), threading.Event()
    real = imports.run

    def slow(*arguments, progress, **options):
        def report(done, total):
            reached.set()
            assert go_on.wait(20)
            progress(done, total)

        return real(*arguments, progress=report, **options)

    monkeypatch.setattr(imports, "run", slow)
    before = ids(town, "toilets"), len(imports.history(town))
    token = sent(client).json["token"]
    started = begun(client, token, dry_run=False, kind="toilets")
    address = f"/api/import/jobs/{started.json['id']}"
    assert reached.wait(20)
    assert client.get(address).json["state"] == "running"
    behind = begun(client, token, dry_run=True, kind="toilets")
    full = begun(client, token, dry_run=True, kind="toilets")
    assert (full.status_code, full.json["error"]["code"]) == (503, "jobs_full")
    for under_way in (started, behind):
        client.post(f"/api/import/jobs/{under_way.json['id']}/cancel", headers=OURS)
    go_on.set()
    assert [finished(client, job)["state"] for job in (started, behind)] == ["cancelled", "cancelled"]
    assert app.extensions["zhoubian_uploads"].get(token).in_use == 0
    assert (ids(town, "toilets"), len(imports.history(town))) == before


def test_a_job_tells_its_rate_and_the_time_left():
    job = background.Job("x", lambda report: {}, state="running", done=500, total=2_000)
    job.began_s = time.monotonic() - 10.0
    told = job.as_json()
    assert told["rate"] == pytest.approx(50, abs=1)
    assert told["left_s"] == pytest.approx(30, abs=1)


def test_what_a_job_left_is_forgotten_after_an_hour(monkeypatch):
    jobs = background.Jobs()
    job = jobs.start(lambda report: {"x": 1})
    while job.ended_s is None:
        time.sleep(0.01)
    assert jobs.get(job.id).result == {"x": 1}
    job.ended_s -= background.KEPT_S + 1
    with pytest.raises(NotFoundError):
        jobs.get(job.id)


@pytest.mark.parametrize(
    ("arguments", "open_", "hosts"),
    [
        ([], True, True),
        (["--host", "localhost"], True, True),
        (["--host", "0.0.0.0"], False, False),
        (["--host", "192.168.1.7"], False, False),
        (["--host", "0.0.0.0", "--allow-import"], True, False),
    ],
)
def test_other_computers_import_only_where_it_is_allowed(town, monkeypatch, arguments, open_, hosts):
    served = []

    class Server:
        effective_port = 8000

        def run(self):
            pass

        def close(self):
            pass

    monkeypatch.setattr(waitress, "create_server", lambda app, **_: served.append(app) or Server())
    assert main(["--store", str(town), "serve", *arguments]) == 0
    assert served[0].config["IMPORTS"] is open_
    assert (served[0].config["HOSTS"] is not None) is hosts


# ------------------------------------------------------------------------------ what is kept where


def wrote(size):
    return lambda path: path.write_bytes(b"x" * size)


def test_a_file_is_kept_for_an_hour_unless_it_is_in_use():
    held = uploads.Uploads()
    idle, used = held.take_in([("a.csv", wrote(3))]), held.take_in([("b.csv", wrote(3))])
    held.use(used, +1)
    for upload in (idle, used):
        upload.asked_s -= uploads.KEPT_S + 1
    held.sweep()
    assert (idle.folder.exists(), used.file.read_bytes()) == (False, b"xxx")
    with pytest.raises(NotFoundError):
        held.get(idle.token)


def test_the_oldest_file_makes_room_for_a_new_one(monkeypatch):
    monkeypatch.setattr(uploads, "MOST_BYTES", 100)
    held = uploads.Uploads()
    kept = [held.take_in([(f"{number}.csv", wrote(40))]) for number in range(3)]
    assert [upload.file.exists() for upload in kept] == [False, True, True]


def test_nothing_is_left_of_a_file_that_could_not_be_written():
    def broken(path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    held = uploads.Uploads()
    first = held.take_in([("a.csv", wrote(1))])
    with pytest.raises(OSError, match="No space"):
        held.take_in([("b.csv", broken)])
    assert list(first.folder.parent.iterdir()) == [first.folder]


# -------------------------------------------------------------------------------------- warnings


BESIDE = datum_check.OffsetWarning(
    "anchors", "roads", Offset(520.4, "ne", "gcj02_as_wgs84", "near", 60, None)
)


@pytest.fixture
def askew(monkeypatch):
    """The anchors of every store lie 520 m beside the roads."""
    monkeypatch.setattr(datum_check, "current_warnings", lambda store: [BESIDE])


def test_a_warning_is_told_in_both_languages(client, askew):
    (told,) = client.get("/api/warnings").json
    assert (told["layer"], told["against"], told["metres"]) == ("anchors", "roads", 520.4)
    for lang in LANGS:
        assert told[lang] == BESIDE.told(lang)


@pytest.mark.parametrize(
    "command", [["layers"], ["draw", "--seed", "s"], ["exposure"], ["map", "第一次", "--out", "m.html"]]
)
def test_every_command_on_layers_tells_the_warning_beside_its_answer(
    town, askew, capsys, monkeypatch, command
):
    monkeypatch.chdir(town.parent)
    assert main(["--store", str(town), "--lang", "en", *command]) == 0
    out, err = capsys.readouterr()
    assert err.count("520 m") == 1
    assert "520 m" not in out


def test_a_map_in_one_file_carries_the_warning(town, askew, tmp_path):
    with Store.open(town, create=False) as store:
        exports.map_file(store, "第一次", tmp_path / "m.html", "zh")
    page = Page((tmp_path / "m.html").read_text(encoding="utf-8"))
    assert BESIDE.told("zh") in page.of("p")


def test_a_town_in_order_has_no_warning(client):
    answer = client.get("/api/warnings")
    assert (answer.status_code, answer.json) == (200, [])
    assert client.get("/api/warnings", headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


def test_warnings_are_reckoned_once_for_every_state_of_the_layers(town, monkeypatch):
    reckoned = []
    monkeypatch.setattr(datum_check, "warnings", lambda store: reckoned.append(1) or [])
    with Store.open(town, create=False) as store:
        datum_check.current_warnings(store)
        datum_check.current_warnings(store)
        assert len(reckoned) == 1
        batch = NewBatch(source="路.csv", sha256="cd" * 32, imported_at=NOON.isoformat(), kind="roads")
        store.add({"roads": layers()["roads"].head(1).assign(id="r99")}, batch, {})
        datum_check.current_warnings(store)
    assert len(reckoned) == 2


@pytest.mark.parametrize("address", ["/", "/import", "/imports", "/exposure", "/draws/第一次"])
def test_every_page_asks_for_the_warnings(client, address):
    page = Page(client.get(address).text)
    assert page.given["data-warnings"] == "/api/warnings"
    assert "/static/zhoubian/warnings.js" in page.addresses


def test_every_text_that_the_scripts_show_is_there_with_its_facts():
    known = {code.removeprefix("page."): pair for code, pair in texts().items() if code.startswith("page.")}
    source = "".join(
        file.read_text(encoding="utf-8") for file in sorted(static_path("zhoubian").glob("import*.js"))
    )
    result = static_path("zhoubian", "import-result.js").read_text(encoding="utf-8")
    codes = set(re.findall(r'say\((?:\w+ \? )?"(\w+)"', source)) | {"tried", "stored", "nothing_stored"}
    codes |= {f"head_{name}" for line in re.findall(r"= (\[.*\]);", result)[:2] for name in json.loads(line)}
    codes |= {"head_layer", "to_history", "to_home"}
    codes -= {"head_", "to_"}
    assert len(codes) > 30
    assert codes - known.keys() == set()
    for code, facts in re.findall(r'say\("(\w+)", \{ ([^}]*) \}\)', source):
        given = set(re.findall(r"(\w+):", facts))
        assert set(re.findall(r"\{(\w+)\}", known[code]["zh"])) <= given, code


@pytest.mark.parametrize("address", ["/import", "/imports"])
@pytest.mark.parametrize("lang", LANGS)
def test_the_pages_hold_no_foreign_address_and_no_inline_script(client, address, lang):
    page = Page(client.get(f"{address}?lang={lang}").text)
    assert page.of("script") == [] and page.of("style") == [] and page.handlers == []
    for target in page.addresses:
        assert target.startswith("/") and client.get(target, buffered=True).status_code == 200, target
