"""The hotspot page in a real Chromium: the address holds the state, a filter changes the picture, names stay text."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from chromium import served
from issue_town import town_with_issues
from small_town import HOSTILE

from service.web.app import create_app

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def service(tmp_path_factory) -> Iterator[str]:
    store = tmp_path_factory.mktemp("issues") / "town.db"
    town_with_issues(store)
    with served(create_app(store, "zh")) as address:
        yield address


def open_page(page, service: str, query: str = "lang=en") -> None:
    page.goto(f"{service}/hotspots?{query}")
    page.wait_for_selector("body[data-ready=yes]", timeout=30_000)
    page.wait_for_selector("body[data-listed]", timeout=30_000)


def shown(page, **state) -> None:
    """Wait until the page shows this state."""
    page.wait_for_function(
        """(wanted) => { const shown = new URLSearchParams(document.body.dataset.shown || "-");
            return Object.keys(wanted).every((key) => shown.get(key) === wanted[key]); }""",
        arg=state,
        timeout=20_000,
    )


def overlay(page) -> str:
    """The address of the picture on the map."""
    return page.locator(".leaflet-zb-picture-pane img.zb-overlay").last.get_attribute("src")


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_map_is_drawn_with_its_legend_and_asks_nobody_else(page, service, lang):
    open_page(page, service, f"lang={lang}")
    assert page.watch.foreign(service) == []
    assert page.watch.faults == []
    words = {
        "zh": ("每平方公里每30天的问题数", "带宽 150 米", "2026-01-01 至 2026-10-31", "未采用", "自我检验"),
        "en": ("issues per km² per 30 days", "bandwidth 150 m", "2026-01-01 to 2026-10-31", "left out", "Check on itself"),
    }  # fmt: skip
    said = page.locator("body").inner_text()
    for part in words[lang]:
        assert part in said
    width = page.locator(".leaflet-zb-picture-pane img.zb-overlay").evaluate("(image) => image.naturalWidth")
    assert width > 100


def test_a_filter_changes_the_picture_and_stands_in_the_address(page, service):
    open_page(page, service)
    before = overlay(page)
    page.locator("[data-list=category] summary").click()
    page.locator('[data-list=category] input[value="SR"]').check()
    shown(page, category="SR")
    assert overlay(page) != before
    assert parse_qs(urlsplit(page.url).query)["category"] == ["SR"]
    assert page.locator("[data-list=category] input[value=SR01]").is_checked()
    page.locator("[name=preset][value='400']").check(force=True)
    shown(page, category="SR", bandwidth="400")
    held = overlay(page)
    page.reload()
    shown(page, category="SR", bandwidth="400")
    assert overlay(page) == held
    page.locator("#zb-clear").click()
    page.wait_for_function("() => !new URLSearchParams(document.body.dataset.shown).get('category')")


def test_one_of_a_group_taken_out_leaves_the_others(page, service):
    open_page(page, service, "lang=en&category=HJ")
    page.locator("[data-list=category] summary").click()
    page.locator("[data-list=category] input[value=HJ01]").uncheck()
    shown(page, category="HJ02")


@pytest.mark.parametrize("view", ["hexagons", "spots", "change"])
def test_every_view_has_its_legend(page, service, view):
    open_page(page, service, f"lang=en&view={view}")
    assert page.locator(".zb-legend tr").count() >= 6
    assert page.watch.faults == []
    # the town has no areas: to Gi* land without people would be a quiet place
    said = "without areas in the store" in page.locator(".zb-legend").inner_text()
    assert said == (view in ("spots", "emerging"))


def test_what_cannot_be_shown_leaves_the_map_as_it_was(page, service):
    open_page(page, service, "lang=en&until=2026-08-31")
    before = overlay(page)
    page.locator("[name=view][value=emerging]").check(force=True)
    page.wait_for_selector("#zb-fault:not([hidden])")
    assert "too few for a trend" in page.locator("#zb-fault").inner_text()
    assert overlay(page) == before
    page.locator("[name=view][value=spots]").check(force=True)
    shown(page, view="spots")
    assert page.locator("#zb-fault").is_hidden()


def test_the_slider_changes_pictures_and_no_class(page, service):
    open_page(page, service)
    page.locator("#zb-months").check()
    page.wait_for_selector("body[data-month='2026-10']")
    legend = page.locator(".zb-legend table").inner_text()
    asked = len([one for one in page.watch.requests if "/api/hotspots?" in one])
    page.locator("#zb-month").evaluate(
        "(slider) => { slider.value = 2; slider.dispatchEvent(new Event('input')); }"
    )
    page.wait_for_selector("body[data-month='2026-03']")
    assert "month=2026-03" in page.url
    assert page.locator(".zb-legend table").inner_text() == legend
    assert len([one for one in page.watch.requests if "/api/hotspots?" in one]) == asked
    page.wait_for_function(
        """() => { const seen = Array.from(document.querySelectorAll("img.zb-overlay"))
            .filter((one) => one.style.opacity === "1").map((one) => one.src);
            return seen.length === 1 && seen[0].includes("since=2026-03-01"); }"""
    )


def test_two_maps_move_together(page, service):
    open_page(page, service, "lang=en&view=change&side=1")
    page.wait_for_selector("#zb-second img.zb-overlay")
    page.locator(".zb-top button").first.click()
    both = page.evaluate(
        """() => Array.from(document.querySelectorAll('.leaflet-zb-picture-pane img.zb-overlay'),
            (one) => one.getBoundingClientRect().width)"""
    )
    assert len(both) == 2 and both[0] == pytest.approx(both[1], rel=0.01)


def test_a_place_of_the_list_is_shown_with_its_single_issues_and_names_stay_text(page, service):
    open_page(page, service)
    page.locator(".zb-top button").first.click()
    page.locator(".leaflet-control-zoom-in").click()
    page.wait_for_selector("body[data-issues]", timeout=20_000)
    assert int(page.locator("body").get_attribute("data-issues")) > 100
    page.wait_for_selector(".leaflet-tile-loaded")
    assert page.title() != "hit"
    assert page.locator("#zb-lists").get_by_text(HOSTILE[1]).count() == 1
    assert HOSTILE[0] in page.locator(".zb-top").inner_text()
    assert page.evaluate("() => document.querySelectorAll('#zb-scroll img, #zb-scroll script').length") == 0
    assert page.watch.faults == []


def test_an_area_is_drawn_by_its_corners_and_dropped_again(page, service):
    open_page(page, service)
    all_of_it = page.locator(".zb-legend").inner_text()
    page.locator("#zb-area").click()
    frame = page.locator(".folium-map").bounding_box()
    corners = [(0.35, 0.15), (0.55, 0.15), (0.55, 0.45), (0.35, 0.45)]
    for across, down in corners[:-1]:
        page.mouse.click(frame["x"] + across * frame["width"], frame["y"] + down * frame["height"])
        page.wait_for_timeout(600)
    across, down = corners[-1]
    page.mouse.dblclick(frame["x"] + across * frame["width"], frame["y"] + down * frame["height"])
    page.wait_for_function("() => document.body.dataset.shown.includes('within=')")
    drawn = parse_qs(urlsplit(page.url).query)["within"][0].split(";")
    assert len(drawn) == 4
    lons, lats = zip(*((float(one) for one in corner.split(",")) for corner in drawn), strict=True)
    assert lons[0] == lons[3] < lons[1] == lons[2]
    assert lats[0] == lats[1] > lats[2] == lats[3]
    assert page.locator(".zb-legend").inner_text() != all_of_it
    page.locator("#zb-within").click()
    page.wait_for_function("() => !document.body.dataset.shown.includes('within=')")
    assert page.locator(".zb-legend").inner_text() == all_of_it


def test_a_drawing_is_given_up_with_escape_and_a_line_is_no_area(page, service):
    open_page(page, service)
    frame = page.locator(".folium-map").bounding_box()
    x, y = frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2
    page.locator("#zb-area").click()
    page.mouse.click(x, y)
    page.keyboard.press("Escape")
    page.wait_for_timeout(400)
    assert "within" not in page.url
    assert page.locator("#zb-area").inner_text() == "Draw an area"
    page.locator("#zb-area").click()
    page.mouse.click(x, y)
    page.wait_for_timeout(600)
    page.mouse.dblclick(x + 80, y)
    page.wait_for_selector("#zb-fault:visible")
    assert "no polygon" in page.locator("#zb-fault").inner_text()
