"""The map in a real Chromium: drawn, usable, silent towards the outside, in both languages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from chromium import painted, served
from small_town import ATTRIBUTION, HOSTILE, layers, stored

from service.maps import draw_file
from service.web.app import create_app

pytestmark = pytest.mark.browser

NAME = "第一次"


@pytest.fixture(scope="module")
def service(tmp_path_factory) -> Iterator[str]:
    store = tmp_path_factory.mktemp("town") / "town.db"
    stored(store, NAME)
    with served(create_app(store, "zh")) as address:
        yield address


@pytest.fixture(scope="module")
def single(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("stick")
    record = stored(folder / "town.db", NAME)
    file = folder / "map.html"
    file.write_text(draw_file(record, layers(), "zh", attribution=ATTRIBUTION), encoding="utf-8")
    return file


def open_map(page, address: str) -> None:
    page.goto(address)
    page.wait_for_selector("body[data-ready=yes]", timeout=30_000)


def toggle(page, name: str) -> None:
    page.locator(".leaflet-control-layers-overlays label", has_text=name).locator("input").click()


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_map_is_drawn_and_asks_nobody_else(page, service, lang):
    page.context.set_offline(False)
    open_map(page, f"{service}/draws/{quote(NAME)}?lang={lang}")
    for pane in ("overlay", "zb-roads", "zb-buffers", "zb-labels"):
        assert painted(page, pane) > 500, pane
    assert page.watch.foreign(service) == []
    assert page.watch.faults == []
    legend = page.locator(".leaflet-control-layers-overlays").inner_text()
    assert ("Which anchor drew which" if lang == "en" else "点位与抽中对象连线") in legend
    assert page.locator(".zb-surrounding").count() == 6
    assert ATTRIBUTION in page.locator(".leaflet-control-attribution").inner_text()
    assert page.locator(".leaflet-control-scale-line").count() == 1


@pytest.mark.parametrize("address", ["/", "/draws/none", "/nowhere"])
def test_the_other_pages_ask_nobody_else(page, service, address):
    page.goto(service + address)
    assert page.locator(".zb-bar").count() == 1
    assert page.watch.foreign(service) == []
    assert [fault for fault in page.watch.faults if "404" not in fault] == []


def test_a_row_of_the_list_shows_its_feature(page, service):
    open_map(page, f"{service}/draws/{quote(NAME)}?lang=zh")
    row = page.locator(".zb-row[data-key^='back_alleys/']").first
    ident = row.get_attribute("data-key").removeprefix("back_alleys/")
    row.click()
    details = page.locator(".zb-details")
    details.wait_for()
    said = details.inner_text()
    for label in ("背街小巷", ident, "由此点位抽中", "距离", "池内总数", "机会均等"):
        assert label in said
    assert "zb-row--on" in row.get_attribute("class")
    assert painted(page, "zb-halo") > 100
    page.locator(".zb-row--anchor").nth(1).click()
    page.wait_for_function("() => document.querySelectorAll('.zb-details').length === 1")
    assert page.locator(".zb-details h3").inner_text() in HOSTILE
    assert page.watch.faults == []


def test_a_click_on_the_map_shows_the_feature_under_it(page, service):
    open_map(page, f"{service}/draws/{quote(NAME)}?lang=en")
    page.locator(".zb-row--anchor").first.click()
    name = page.locator(".zb-details h3").inner_text()
    page.locator(".leaflet-popup-close-button").click()
    page.locator(".zb-details").wait_for(state="detached")
    box = page.locator(".folium-map").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.locator(".zb-details").wait_for()
    assert page.locator(".zb-details h3").inner_text() == name


@pytest.mark.parametrize("layer", ["背街小巷（抽样框）", "周边范围", "道路", "学校"])
def test_a_layer_is_switched_off_and_on(page, service, layer):
    open_map(page, f"{service}/draws/{quote(NAME)}?lang=zh")
    pane = {"周边范围": "zb-buffers", "道路": "zb-roads"}.get(layer, "overlay")
    before = painted(page, pane)
    toggle(page, layer)
    page.wait_for_timeout(100)
    without = painted(page, pane)
    assert without < before
    toggle(page, layer)
    page.wait_for_timeout(100)
    assert painted(page, pane) == pytest.approx(before, rel=0.02)


def test_reserves_are_hidden_until_they_are_asked_for(page, service):
    open_map(page, f"{service}/draws/{quote(NAME)}?lang=zh")
    box = page.locator(".leaflet-control-layers-overlays label", has_text="备选").locator("input")
    assert not box.is_checked()
    before = painted(page, "overlay")
    box.click()
    page.wait_for_timeout(100)
    assert painted(page, "overlay") > before


def test_hostile_names_are_shown_as_text(page, service):
    open_map(page, f"{service}/draws/{quote(NAME)}?lang=zh")
    names = page.locator(".zb-row--anchor .zb-row-name").all_inner_texts()
    assert sorted(names) == sorted(HOSTILE[:6])
    assert page.title().startswith(NAME)
    assert page.locator("img").count() == 0
    assert "62710561" not in page.content()


def test_a_narrow_screen_shows_everything_below_each_other(page, service):
    page.set_viewport_size({"width": 390, "height": 800})
    open_map(page, f"{service}/draws/{quote(NAME)}?lang=en")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    legend = page.locator(".leaflet-control-layers-overlays")
    assert not legend.is_visible()
    page.locator(".zb-legend-button").click()
    assert legend.is_visible()


def test_a_print_is_a_page_with_the_map_and_its_settings(page, service):
    open_map(page, f"{service}/draws/{quote(NAME)}?lang=zh")
    page.emulate_media(media="print")
    page.evaluate("() => window.dispatchEvent(new Event('beforeprint'))")
    assert not page.locator(".zb-bar").is_visible()
    map_box, caption = page.locator(".folium-map").bounding_box(), page.locator(".zb-caption").bounding_box()
    a4_mm = 190 * 96 / 25.4
    assert caption["y"] + caption["height"] <= a4_mm
    assert map_box["height"] > 0.6 * a4_mm
    # as strokes the erasing of each canvas would be white and hide the one below
    assert page.pdf(prefer_css_page_size=True, print_background=True).count(b"/Subtype /Image") >= 3
    assert page.watch.faults == []


def test_the_single_file_shows_the_same_with_the_network_shut(page, single):
    page.context.set_offline(True)
    open_map(page, single.as_uri())
    assert page.watch.foreign(single.as_uri()) == []
    assert page.watch.faults == []
    for pane in ("overlay", "zb-roads", "zb-buffers", "zb-labels"):
        assert painted(page, pane) > 500, pane
    assert page.locator(".zb-surrounding").count() == 6
    assert sorted(page.locator(".zb-row--anchor .zb-row-name").all_inner_texts()) == sorted(HOSTILE[:6])
    page.locator(".zb-row[data-key^='compounds/']").first.click()
    assert "居民小区" in page.locator(".zb-details").inner_text()


def test_the_policy_of_the_single_file_stops_a_request(page, single):
    open_map(page, single.as_uri())
    answer = page.evaluate("() => fetch('http://127.0.0.1:9/').then(() => 'sent', () => 'stopped')")
    assert answer == "stopped"
    assert any("Content Security Policy" in fault for fault in page.watch.faults)
