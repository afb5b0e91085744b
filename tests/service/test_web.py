"""The pages and answers of the service, without a browser."""

from __future__ import annotations

import gzip
import json
import mimetypes
import sqlite3
from contextlib import closing

import pytest
from html_page import Page
from small_town import ATTRIBUTION, DESIGN, HOSTILE, NOON, layers, stored

from geo.errors import DesignError, FrameError, NotFoundError, StoreError
from layers.batches import NewBatch
from layers.store import Store
from service.errors import outcome
from service.usecases import draws
from service.web.app import create_app

NAME = "第一次"
PAGES = ("/", f"/draws/{NAME}", "/draws/none", "/nowhere", "/health")
ANSWERS = (f"/api/draws/{NAME}", "/texts/zh.json", "/map/draw.zh.js", "/static/zhoubian/draw.css")


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    path = tmp_path_factory.mktemp("town") / "town.db"
    stored(path, NAME)
    return path


@pytest.fixture
def client(town):
    return create_app(town, "zh").test_client()


# ------------------------------------------------------------------------------ every page


@pytest.mark.parametrize("address", [*PAGES, *ANSWERS])
def test_every_answer_carries_a_policy_that_allows_this_service_only(client, address):
    answer = client.get(address, buffered=True)
    rules = dict(rule.split(" ", 1) for rule in answer.headers["Content-Security-Policy"].split("; "))
    assert rules["default-src"] == rules["script-src"] == rules["style-src"] == "'self'"
    assert rules["object-src"] == rules["base-uri"] == "'none'"
    assert rules["frame-ancestors"] == "'self'"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("address", PAGES[:4])
def test_no_page_holds_a_foreign_address_or_an_inline_script(client, address, lang):
    page = Page(client.get(f"{address}?lang={lang}").text)
    assert page.addresses
    assert all(target.startswith("/") and not target.startswith("//") for target in page.addresses)
    assert page.of("script") == []
    assert page.of("style") == []
    assert page.handlers == []


@pytest.mark.parametrize("address", PAGES[:2])
def test_everything_a_page_names_is_there(client, address):
    for target in Page(client.get(address).text).addresses:
        assert client.get(target, buffered=True).status_code == 200, target


def test_a_script_is_a_script_whatever_the_machine_thinks(town, monkeypatch):
    monkeypatch.setitem(mimetypes.types_map, ".js", "text/plain")  # as some Windows registries say
    client = create_app(town, "zh").test_client()
    for name, kind in [
        ("draw-map.js", "text/javascript"),
        ("draw.css", "text/css"),
        ("icon.svg", "image/svg+xml"),
    ]:
        answer = client.get(f"/static/zhoubian/{name}", buffered=True)
        assert answer.mimetype == kind
    assert client.get("/map/draw.en.js").mimetype == "text/javascript"


def test_health_is_told_to_machines(client, tmp_path):
    assert client.get("/health").json == {"status": "ok"}
    answer = create_app(tmp_path / "none.db", "en").test_client().get("/health")
    assert (answer.status_code, answer.json["error"]["code"]) == (503, "store_missing")


def test_the_draw_page_names_its_features_texts_and_script(client):
    given = Page(client.get(f"/draws/{NAME}").text).given
    assert client.get(given["data-api"]).json["format"] == "zhoubian-map/1"
    assert client.get(given["data-texts"]).json["map.legend"] == "图例"
    assert "zhoubian.drawMap(map_zhoubian" in client.get("/map/draw.zh.js").text


def test_the_home_page_lists_draws_and_layers_with_their_origin(client):
    html = client.get("/").text
    assert f">{NAME}</a>" in html
    for said in (
        "背街小巷",
        ">14<",
        "镇.gpkg",
        "wgs84",
        "ODbL",
        "© OpenStreetMap contributors &amp; 某街道办",
    ):
        assert said in html


def test_the_settings_stand_on_the_draw_page(client):
    text = " ".join(Page(client.get(f"/draws/{NAME}").text).of("dd"))
    assert "圆，半径 600 米" in text
    assert "种子<1>" in text


# -------------------------------------------------------------------------------- language


def test_a_chosen_language_is_remembered(town):
    client = create_app(town, "zh").test_client()
    assert 'lang="zh-CN"' in client.get("/").text
    assert '<html lang="en">' in client.get("/?lang=en").text
    assert '<html lang="en">' in client.get("/").text
    assert '<html lang="zh-CN">' in client.get("/?lang=zh").text


def test_an_unknown_language_changes_nothing(client):
    answer = client.get("/?lang=%3Cscript%3E")
    assert '<html lang="zh-CN">' in answer.text
    assert "Set-Cookie" not in answer.headers
    assert client.get("/texts/fr.json").status_code == 404


# ---------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("error", "status", "exit_code"),
    [
        (NotFoundError("x", code="draw_unknown"), 404, 1),
        (NotFoundError("x", code="store_missing"), 503, 1),
        (StoreError("x", code="store_locked"), 503, 75),
        (StoreError("x", code="draw_exists"), 400, 1),
        (DesignError("x"), 400, 1),
        (DesignError("x", code="draw_sealed"), 409, 1),
        (FrameError("x"), 400, 1),
    ],
)
def test_an_error_has_one_status_and_exit_code(error, status, exit_code):
    assert outcome(error) == (status, exit_code)


def test_an_unknown_draw_is_not_found_in_both_languages(client):
    assert client.get("/draws/none").status_code == 404
    assert "没有名为" in client.get("/draws/none").text
    answer = client.get("/api/draws/none?lang=en")
    assert answer.status_code == 404
    assert answer.json["error"]["code"] == "draw_unknown"
    assert answer.json["error"]["message"].startswith("there is no draw named 'none'")


def test_an_unknown_page_is_told_plainly(client):
    assert client.get("/nowhere").status_code == 404
    assert "没有这个页面" in client.get("/nowhere").text
    assert client.post("/").status_code == 405
    assert client.get("/static/../app.py").status_code == 404


def test_a_missing_store_is_unavailable_and_its_folder_is_not_told(tmp_path):
    answer = create_app(tmp_path / "none.db", "en").test_client().get("/")
    assert answer.status_code == 503
    assert "none.db" in answer.text
    assert str(tmp_path) not in answer.text


def test_a_locked_store_is_unavailable(tmp_path, monkeypatch):
    stored(tmp_path / "town.db", NAME)

    def locked(store):
        raise StoreError("the store is in use", code="store_locked", path=str(store.path), timeout=1.0)

    monkeypatch.setattr(draws, "listing", locked)
    assert create_app(tmp_path / "town.db").test_client().get("/").status_code == 503


@pytest.mark.parametrize("address", ["/", f"/api/draws/{NAME}"])
def test_a_fault_of_the_program_is_logged_and_never_shown(tmp_path, monkeypatch, caplog, address):
    stored(tmp_path / "town.db", NAME)

    def broken(*_):
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr(draws, "listing", broken)
    monkeypatch.setattr(draws, "map_data", broken)
    answer = create_app(tmp_path / "town.db", "en").test_client().get(address)
    assert answer.status_code == 500
    assert "tell the administrator" in answer.text
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert "a secret of the inside" in caplog.text


def test_a_sealed_draw_is_listed_and_has_no_map_yet(tmp_path):
    stored(tmp_path / "town.db", NAME)
    with Store.open(tmp_path / "town.db", create=False) as store:
        draws.run(store, DESIGN, now=NOON, name="封存", sealed=True)
    client = create_app(tmp_path / "town.db", "zh").test_client()
    assert "已封存" in client.get("/").text
    assert client.get("/draws/封存").status_code == 409


# ---------------------------------------------------------------------------- the features


def test_features_come_gzipped_or_plain_and_are_the_same(client):
    plain = client.get(f"/api/draws/{NAME}")
    packed = client.get(f"/api/draws/{NAME}", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert json.loads(plain.data)["attribution"] == ATTRIBUTION


def test_unchanged_features_are_not_sent_or_made_twice(client, monkeypatch):
    first = client.get(f"/api/draws/{NAME}")
    monkeypatch.setattr(draws, "map_data", None)
    again = client.get(f"/api/draws/{NAME}", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    assert again.data == b""
    assert client.get(f"/draws/{NAME}").status_code == 200


def test_an_import_makes_new_features(tmp_path):
    stored(tmp_path / "town.db", NAME)
    client = create_app(tmp_path / "town.db", "zh").test_client()
    before = client.get(f"/api/draws/{NAME}")
    more = layers()["roads"].head(1).assign(id="r99", name="新路")
    batch = NewBatch(source="路.csv", sha256="cd" * 32, imported_at=NOON.isoformat(), kind="roads")
    with Store.open(tmp_path / "town.db", create=False) as store:
        store.add({"roads": more}, batch, {})
    after = client.get(f"/api/draws/{NAME}", headers={"If-None-Match": before.headers["ETag"]})
    assert after.status_code == 200
    assert {road["name"] for road in after.json["roads"]} - {
        road["name"] for road in before.json["roads"]
    } == {"新路"}


@pytest.mark.parametrize("name", [name for name in HOSTILE if "/" not in name])
def test_a_hostile_name_of_a_draw_is_text_everywhere(tmp_path, name):
    stored(tmp_path / "town.db", name)
    client = create_app(tmp_path / "town.db", "zh").test_client()
    (link,) = [target for target in Page(client.get("/").text).addresses if target.startswith("/draws/")]
    answer = client.get(link)
    assert answer.status_code == 200
    page = Page(answer.text)
    assert page.of("h1") == [name]
    assert page.tags.count("img") == 0
    assert page.handlers == []
    assert "62710561" not in answer.text
    anchors = client.get(page.given["data-api"]).json["anchors"]
    assert {anchor["name"] for anchor in anchors} == set(HOSTILE[:6])


def test_the_store_is_left_closed_by_every_request(town, client):
    for address in (*PAGES, *ANSWERS):
        client.get(address, buffered=True)
    with closing(sqlite3.connect(town, timeout=0.1)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        connection.rollback()
