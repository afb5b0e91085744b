"""The coverage page in a real Chromium: settings answer, the file opens from a disk, names stay text."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from chromium import painted, served
from toilet_town import HOSTILE, stored

from service.web.app import create_app

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def service(tmp_path_factory) -> Iterator[str]:
    store = stored(tmp_path_factory.mktemp("town") / "镇.db")
    with served(create_app(store, "zh")) as address:
        yield address


def shown(page, query: str) -> None:
    page.wait_for_selector(f'body[data-shown="{query}"]', timeout=30_000)


@pytest.mark.parametrize(
    ("lang", "words"),
    [("zh", ("35.0 %", "沿街每 500 米至少一处公共卫生间", "东大街", "1,300 米", "施工 1 处", "最宜增设的位置", "规则版本")),
     ("en", ("35.0 %", "A public toilet every 500 m along each street", "1,300 m", "1 under works", "Best next places"))],
)  # fmt: skip
def test_the_map_is_drawn_and_asks_nobody_else(page, service, lang, words):
    page.goto(f"{service}/coverage?lang={lang}")
    shown(page, "default")
    said = page.locator("body").inner_text()
    for part in words:
        assert part in said
    for pane in ("zb-streets", "zb-roads"):
        assert painted(page, pane) > 100, pane
    assert sorted(page.locator(".zb-next-mark").all_inner_texts()) == ["1", "2"]
    assert page.watch.foreign(service) == []
    assert page.watch.faults == []


def test_a_setting_changes_answer_and_address_and_survives_a_reload(page, service):
    page.goto(f"{service}/coverage?lang=en")
    shown(page, "default")
    page.locator(".zb-segments label", has_text="on foot").click()
    shown(page, "rule=walk")
    page.locator("[name=offices]").uncheck()
    shown(page, "rule=walk&offices=0")
    page.locator("[name=distance]").fill("600")
    page.locator("[name=distance]").press("Tab")
    shown(page, "rule=walk&distance=600&offices=0")
    assert page.locator("[name=beside]").is_disabled()
    assert page.locator(".zb-share b").inner_text() == "50.0 %"  # 890 + 310 of 2,400 m
    query = {key: value[0] for key, value in parse_qs(urlsplit(page.url).query).items()}
    assert query == {"rule": "walk", "distance": "600", "offices": "0"}
    page.reload()
    shown(page, "rule=walk&distance=600&offices=0")
    assert page.locator("[name=distance]").input_value() == "600"
    page.locator("#zb-other-lang").click()
    shown(page, "rule=walk&distance=600&offices=0")
    assert "步行 600 米内可达公共卫生间" in page.locator(".zb-legend").inner_text()
    assert "rule=walk&distance=600&offices=0" in page.locator("#zb-save").get_attribute("href")


def test_an_impossible_setting_is_said_and_the_old_picture_is_dimmed(page, service):
    page.goto(f"{service}/coverage?lang=en&distance=9")
    page.locator("#zb-fault").wait_for(state="visible")
    assert "give 50 to 5000 m" in page.locator("#zb-fault").inner_text()
    page.locator("[name=distance]").fill("500")
    page.locator("[name=distance]").press("Tab")
    shown(page, "default")
    assert page.locator("#zb-fault").is_hidden()


def test_rows_lead_to_the_map_and_names_stay_text(page, service):
    page.goto(f"{service}/coverage?lang=en")
    shown(page, "default")
    page.locator(".zb-gaps .zb-row").click()
    assert "东大街, gap of 1,300 m" in page.locator(".leaflet-tooltip").inner_text()
    page.locator(".zb-top .zb-row", has_text="+800 m").click()
    page.goto(f"{service}/coverage?lang=en&next=0")
    shown(page, "next=0")
    held = page.evaluate("() => fetch('/api/coverage/toilets?lang=en').then((a) => a.json())")
    (spot,) = [one["xy"] for one in held["toilets"] if one["name"] == HOSTILE]
    assert painted(page, "zb-streets") > 100
    x, y = page.evaluate(
        "(xy) => { const p = map_zhoubian.latLngToContainerPoint([xy[1], xy[0]]); return [p.x, p.y]; }", spot
    )
    box = page.locator(".folium-map").bounding_box()
    page.mouse.move(box["x"] + x - 60, box["y"] + y - 60)
    page.wait_for_function(  # the map looks where the pointer is no more often than every 32 ms
        """([x, y]) => { const canvas = document.querySelector(".leaflet-zb-streets-pane canvas");
            canvas.dispatchEvent(new MouseEvent("mousemove", {clientX: x, clientY: y, bubbles: true}));
            return document.querySelector(".leaflet-tooltip") !== null; }""",
        arg=[box["x"] + x, box["y"] + y],
    )
    assert HOSTILE in page.locator(".leaflet-tooltip").inner_text()
    assert page.locator("img[src=x]").count() == 0
    assert page.watch.faults == []


def test_the_file_opens_from_a_disk_with_the_network_shut(page, service, tmp_path):
    answer = page.request.get(f"{service}/coverage/map.html?lang=zh")
    file = tmp_path / "公厕 覆盖.html"
    file.write_bytes(answer.body())
    page.context.set_offline(True)
    page.goto(file.as_uri())
    page.wait_for_selector("body[data-ready=yes]", timeout=30_000)
    assert "东大街" in page.locator("#zb-picture").inner_text()
    assert "不足 500 米、不作要求的街道 0.4 公里" in page.locator("#zb-words").inner_text()
    assert painted(page, "zb-streets") > 100
    assert page.watch.foreign("file://") == []
    assert page.watch.faults == []
