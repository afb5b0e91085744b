"""The page of exposure and its answers, without a browser; the numbers are a stand-in's."""

from __future__ import annotations

import gzip
import json
import re

import fake_exposure
import numpy as np
import pytest
from html_page import Page
from small_town import ATTRIBUTION, HOSTILE, LAT, LON, NOON, layers, stored

from geo.design import Design
from layers.batches import NewBatch
from layers.schema import ISSUE_STATES
from layers.store import Store
from service.design_words import design_settings
from service.exposure_features import exposure_geometry
from service.i18n import LANGS, texts
from service.resources import static_path
from service.usecases import exposure
from service.web.app import create_app

NUMBERS = "/api/exposure/numbers?anchors=1&radius=600&shape=disc&rule=intersects"
WHY = "/api/exposure/why?layer=back_alleys&id=b00&radius=600"
POOL = "/api/exposure/pool?id=a0&radius=600"
ANSWERS = ("/api/exposure/geometry", NUMBERS, WHY, POOL, "/map/exposure.zh.js")


@pytest.fixture(autouse=True)
def stand_in(monkeypatch):
    """The pages are tested here, not the reckoning."""
    for case in fake_exposure.USE_CASES:
        monkeypatch.setattr(exposure, case.__name__, case)


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    path = tmp_path_factory.mktemp("town") / "town.db"
    stored(path)
    return path


@pytest.fixture
def client(town):
    return create_app(town, "zh").test_client()


# -------------------------------------------------------------------------------- the page


@pytest.mark.parametrize("address", ["/exposure", *ANSWERS])
def test_every_answer_carries_the_policy(client, address):
    answer = client.get(address, buffered=True)
    assert answer.status_code == 200
    assert (
        "default-src 'self'; script-src 'self'; style-src 'self'" in answer.headers["Content-Security-Policy"]
    )


@pytest.mark.parametrize("lang", LANGS)
def test_the_page_is_our_own_and_everything_it_names_is_there(client, lang):
    page = Page(client.get(f"/exposure?lang={lang}").text)
    assert page.of("script") == []
    assert page.of("style") == []
    assert page.handlers == []
    assert "style" not in page.given
    for target in page.addresses:
        assert target.startswith("/") and not target.startswith("//")
        assert client.get(target, buffered=True).status_code == 200, target
    assert client.get(page.given["data-texts"]).json["map.exposure.consequence"]


@pytest.mark.parametrize("lang", LANGS)
def test_the_page_says_that_exposure_is_no_forecast(client, lang):
    said = " ".join(Page(client.get(f"/exposure?lang={lang}").text).of("p"))
    assert {"zh": "不是对真实测评的预测", "en": "no forecast of a real inspection"}[lang] in said


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_of_the_query_reaches_the_page(client, name):
    plain = client.get("/exposure?lang=en").text
    assert client.get("/exposure", query_string={"lang": "en", "radius": name, name: name}).text == plain


def test_the_page_offers_the_stated_settings(client):
    html = client.get("/exposure?lang=en").text
    slider = re.search(r'<input id="zb-radius"[^>]*>', html)[0]
    assert 'min="200" max="2000" step="50"' in slider
    assert 'name="unknown" value="500:2000"' in html
    for name, values in {
        "anchors": ["1", "2", "3", "all"],
        "shape": ["disc", "ring"],
        "rule": ["intersects", "midpoint", "majority", "within", "part"],
    }.items():
        select = re.search(rf'<select name="{name}">(.*?)</select>', html)[1]
        assert re.findall(r'value="([^"]*)"', select) == values


def test_the_home_page_leads_to_exposure(client):
    page = Page(client.get("/?lang=zh").text)
    assert "/exposure" in page.addresses
    assert "抽中概率" in page.of("b")


def test_an_empty_store_offers_no_exposure(tmp_path):
    Store.open(tmp_path / "none.db", create=True).close()
    assert "/exposure" not in Page(create_app(tmp_path / "none.db").test_client().get("/").text).addresses


def lightness(colour: str) -> float:
    """CIE L* of an sRGB colour."""
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    ]
    y = float(np.dot(linear, (0.2126, 0.7152, 0.0722)))
    return 116 * y ** (1 / 3) - 16 if y > 0.008856 else 903.3 * y


def test_a_grey_print_keeps_the_order_of_the_classes():
    source = static_path("zhoubian/exposure-scale.js").read_text(encoding="utf-8")
    colours = re.findall(r"#[0-9a-f]{6}", re.search(r"COLORS = \[(.*?)\]", source)[1])
    edges = [json.loads(f"[{found}]") for found in re.findall(r"edges: \[(.*?)\]", source)]
    assert all(len(colours) == len(one) + 2 for one in edges)
    steps = -np.diff([lightness(colour) for colour in colours])
    assert steps.min() > 4  # a step of 2 can be seen side by side


def test_every_state_of_an_issue_has_words():
    assert {f"map.exposure.state.{state}" for state in ISSUE_STATES} <= texts().keys()


# ------------------------------------------------------------------------------ the geometry


def test_the_geometry_is_every_unit_with_its_name_and_place():
    town = layers()
    shown = exposure_geometry(town, attribution=ATTRIBUTION)
    for layer in ("back_alleys", "compounds"):
        assert [unit["id"] for unit in shown["units"][layer]] == town[layer]["id"].tolist()
        assert [unit["name"] for unit in shown["units"][layer]] == town[layer]["name"].tolist()
    (line,) = shown["units"]["back_alleys"][3]["paths"]
    expected = [[LON + 0.0021, LAT + 0.001], [LON + 0.0022, LAT + 0.0025]]
    np.testing.assert_allclose(np.cumsum(np.reshape(line, (-1, 2)), axis=0) / 1e6, expected, atol=1e-6)
    assert len(shown["units"]["compounds"][6]["paths"]) == 2
    assert shown["units"]["compounds"][7]["xy"] == [round(LON + 0.0084, 6), round(LAT + 0.0028, 6)]
    assert shown["anchors"][4] == {
        "id": "a4",
        "name": HOSTILE[4],
        "class": "transit",
        "xy": [LON + 0.004, LAT + 0.004],
    }
    assert shown["bounds"] == pytest.approx([LON - 0.002, LAT - 0.002, LON + 0.012, LAT + 0.008])
    assert shown["attribution"] == ATTRIBUTION


def test_a_city_without_layers_has_an_empty_geometry():
    shown = exposure_geometry({}, attribution="")
    assert shown["bounds"] is None
    assert shown["units"] == {"back_alleys": [], "compounds": []}
    assert shown["roads"] == shown["anchors"] == []


def test_geometry_is_fetched_once_for_all_settings(client, monkeypatch):
    packed = client.get("/api/exposure/geometry", headers={"Accept-Encoding": "gzip"})
    assert json.loads(gzip.decompress(packed.data)) == client.get("/api/exposure/geometry").json
    monkeypatch.setattr(exposure, "geometry", None)
    again = client.get("/api/exposure/geometry", headers={"If-None-Match": packed.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert "paths" not in client.get(NUMBERS).text


# ------------------------------------------------------------------------------- the numbers


def test_numbers_come_with_the_settings_in_words(client):
    zh, en = (client.get(f"{NUMBERS}&lang={lang}").json for lang in ("zh", "en"))
    assert ["周边范围", "圆，半径 600 米"] in zh["words"]
    assert ["Surroundings", "disc of radius 600 m"] in en["words"]
    assert zh["layers"] == en["layers"]
    assert zh["settings"]["radius"] == {"law": "fixed", "radii_m": [600.0]}


def test_the_words_are_those_of_the_design():
    assert design_settings(Design().to_mapping(), "en")[0] == ("Anchors", "1 of every class")


@pytest.mark.parametrize("change", ["radius=650", "anchors=all", "shape=ring&inner=300", "rule=midpoint"])
def test_another_setting_has_another_tag_and_the_same_has_the_same(client, change):
    kept = {part.split("=")[0] for part in change.split("&")}
    base = "&".join(part for part in NUMBERS.split("?")[1].split("&") if part.split("=")[0] not in kept)
    first = client.get(NUMBERS).headers["ETag"]
    assert client.get(f"/api/exposure/numbers?{base}&{change}").headers["ETag"] != first
    assert client.get(NUMBERS).headers["ETag"] == first


def test_what_belongs_to_the_page_is_no_setting(client):
    plain = client.get(NUMBERS)
    for key in ("by=priority", "units=compounds", "layer=x", "id=x"):
        assert client.get(f"{NUMBERS}&{key}").headers["ETag"] == plain.headers["ETag"]


def test_numbers_are_reckoned_once(client, monkeypatch):
    first = client.get(NUMBERS)
    monkeypatch.setattr(exposure, "numbers", None)
    assert client.get(NUMBERS).data == first.data
    assert client.get(NUMBERS, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304


def test_an_import_makes_new_numbers(tmp_path):
    stored(tmp_path / "town.db")
    client = create_app(tmp_path / "town.db", "zh").test_client()
    before = {address: client.get(address).headers["ETag"] for address in ANSWERS[:4]}
    more = layers()["back_alleys"].head(1).assign(id="b99")
    batch = NewBatch(source="巷.csv", sha256="cd" * 32, imported_at=NOON.isoformat(), kind="roads")
    with Store.open(tmp_path / "town.db", create=False) as store:
        store.add({"back_alleys": more}, batch, {})
    after = {address: client.get(address).headers["ETag"] for address in ANSWERS[:4]}
    assert all(before[address] != after[address] for address in before)
    assert "b99" in client.get(NUMBERS).json["layers"]["back_alleys"]["id"]


def test_a_number_that_is_none_is_a_fault_and_never_sent(client, monkeypatch):
    def broken(store, design):
        return {"settings": design.to_mapping(), "layers": {"back_alleys": {"pi": [float("nan")]}}}

    monkeypatch.setattr(exposure, "numbers", broken)
    assert client.get("/api/exposure/numbers?radius=777").status_code == 500


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("radius=x", "not_a_number"),
        ("radius=9", "radius_range"),
        ("rule=%3Cb%3E", "unknown_option"),
        ("shape=ring&radius=400&inner=500", "ring_inside_out"),
        ("anchors=0", "anchors_none"),
    ],
)
def test_an_impossible_setting_is_told_and_nothing_is_shown(client, query, code):
    answer = client.get(f"/api/exposure/numbers?{query}&lang=en")
    assert (answer.status_code, answer.json["error"]["code"]) == (400, code)
    assert answer.mimetype == "application/json"


# ------------------------------------------------------------------------------------- why


def test_why_and_pool_are_those_of_the_use_case(client):
    told = client.get(WHY).json
    assert told["id"] == "b00"
    assert sum(anchor["share"] for anchor in told["anchors"]) == pytest.approx(1)
    assert {anchor["id"] for anchor in told["anchors"]} <= {f"a{i}" for i in range(6)}
    assert client.get(POOL).json["class"] == "market"


def test_why_asks_for_a_drawn_layer_and_a_known_unit(client):
    wrong = client.get("/api/exposure/why?layer=roads&id=r0&lang=en")
    assert (wrong.status_code, wrong.json["error"]["code"]) == (400, "unknown_option")
    assert client.get("/api/exposure/why?layer=compounds&id=zz").status_code == 404
    assert client.get("/api/exposure/pool").status_code == 404
