"""The page of toilet coverage and its answers, without a browser."""

from __future__ import annotations

import numpy as np
import pytest
from html_page import Page
from pyproj import Geod
from toilet_town import ATTRIBUTION, HOSTILE, stored

from layers.store import Store
from service.i18n import LANGS
from service.web.app import create_app

TOILETS = "/api/coverage/toilets"
GEOD = Geod(ellps="GRS80")


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    return stored(tmp_path_factory.mktemp("town") / "镇.db")


@pytest.fixture
def client(town):
    return create_app(town, "zh").test_client()


def metres(paths) -> float:
    """Length of paths as they are sent."""
    total = 0.0
    for path in paths:
        at = np.cumsum(np.reshape(path, (-1, 2)), axis=0) / 1e6
        total += GEOD.line_length(at[:, 0], at[:, 1])
    return total


@pytest.mark.parametrize("address", ["/coverage", TOILETS, "/api/coverage/roads", "/map/coverage.zh.js"])
def test_every_answer_carries_the_policy(client, address):
    answer = client.get(address, buffered=True)
    assert answer.status_code == 200
    assert "default-src 'self'; script-src 'self'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("lang", LANGS)
def test_the_page_is_our_own_and_everything_it_names_is_there(client, lang):
    page = Page(client.get(f"/coverage?lang={lang}").text)
    assert page.of("script") == []
    assert page.of("style") == []
    assert page.handlers == []
    assert "style" not in page.given
    for target in page.addresses:
        assert target.startswith("/") and not target.startswith("//")
        assert client.get(target, buffered=True).status_code == 200, target


def test_the_page_holds_what_holds_if_nothing_is_chosen(client):
    page = client.get("/coverage?lang=en&rule=walk&distance=<b>").text
    assert 'data-rule="window" data-distance="500" data-beside="50" data-offices="1"' in page
    assert "<b>" not in page


def test_the_streets_of_an_answer_add_up(client):
    told = client.get(f"{TOILETS}?lang=en").json
    assert [gap["name"] for gap in told["gaps"]] == ["东大街"]
    assert metres(told["gaps"][0]["paths"]) == pytest.approx(1300, abs=1)
    assert metres(told["covered"]) == pytest.approx(700, abs=1)
    assert metres(told["short"]) == pytest.approx(400, abs=1)
    assert told["share"] == "35.0 %"
    assert told["title"] == "A public toilet every 500 m along each street"
    assert {one["name"]: one["counted"] for one in told["toilets"]} == {
        HOSTILE: "yes", "=机关公厕": "yes", "施工公厕": "works", "远处公厕": "far",
    }  # fmt: skip
    assert [place["rank"] for place in told["places"]] == [1, 2]
    assert told["classes"]["all"] == "all"
    assert any(ATTRIBUTION in value for _, value in told["words"])


def test_the_settings_of_the_address_are_those_of_the_answer(client):
    told = client.get(f"{TOILETS}?lang=zh&rule=walk&distance=600&offices=0&next=1").json
    # T1 is 10 m off: 590 m to both sides of 300; T4 is 400 m off: 200 m to both sides of 1000
    assert metres(told["covered"]) == pytest.approx(890 + 310, abs=1)
    assert len(told["places"]) == 1
    assert told["title"] == "步行 600 米内可达公共卫生间"


@pytest.mark.parametrize(
    ("query", "code"),
    [("rule=<script>", "coverage_rule"), ("distance=0", "coverage_distance"), ("distance=x", "coverage_number"),
     ("beside=-3", "coverage_beside"), ("classes=road", "coverage_classes")],
)  # fmt: skip
@pytest.mark.parametrize("lang", LANGS)
def test_an_impossible_setting_is_told_in_a_sentence(client, query, code, lang):
    answer = client.get(f"{TOILETS}?{query}&lang={lang}")
    assert answer.status_code == 400
    assert answer.json["error"]["code"] == code
    assert answer.json["error"]["message"].isascii() == (lang == "en")


def test_what_the_browser_has_is_not_sent_again_until_the_layers_change(client):
    first = client.get(TOILETS)
    again = client.get(TOILETS, headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304


def test_the_map_can_be_taken_along_as_one_file(client):
    answer = client.get("/coverage/map.html?lang=en&rule=walk")
    assert "coverage-walk.html" in answer.headers["Content-Disposition"]
    page = Page(answer.text)
    assert [address for address in page.addresses if not address.startswith("data:")] == []
    assert "within 500 m on foot" in answer.text


def test_the_home_page_leads_to_the_coverage(client):
    page = Page(client.get("/?lang=zh").text)
    assert "/coverage" in page.addresses
    assert "公共卫生间覆盖" in page.of("b")


def test_a_store_without_roads_says_what_to_do(tmp_path):
    Store.open(tmp_path / "none.db", create=True).close()
    client = create_app(tmp_path / "none.db", "zh").test_client()
    assert client.get("/coverage").status_code == 200
    answer = client.get(TOILETS)
    assert answer.json["error"]["code"] == "coverage_no_roads"
    assert "请先导入道路" in answer.json["error"]["message"]
    assert client.get("/api/coverage/roads").json == {"roads": [], "bounds": None, "attribution": ""}
