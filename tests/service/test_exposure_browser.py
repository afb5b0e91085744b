"""The exposure page in a real Chromium: settings answer at once, geometry stays, names stay text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import fake_exposure
import numpy as np
import pytest
import shapely
from chromium import painted, served
from small_town import ATTRIBUTION, HOSTILE, NOON, layers, stored

from layers.batches import NewBatch
from layers.schema import conform
from layers.store import Store
from service.usecases import exposure
from service.web.app import create_app

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def service(tmp_path_factory) -> Iterator[str]:
    store = tmp_path_factory.mktemp("town") / "town.db"
    stored(store)
    alleys = layers()["back_alleys"]
    issues = alleys.iloc[[0, 0, 2]].assign(
        id=["w0", "w1", "w2"],
        category="{{7*7}}<b>",
        found_at=NOON,
        state="carded",
        site=["b00", "b00", "b02"],
    )
    far = (
        alleys.iloc[[1]]
        .assign(id="b77", name="远巷")
        .set_geometry(alleys.geometry.iloc[[1]].translate(0.05, 0))
    )
    with Store.open(store, create=False) as held:
        held.add(
            {"issues": conform(issues.set_geometry(shapely.centroid(issues.geometry.to_numpy()), crs="EPSG:4326"), "issues"), "back_alleys": far},
            NewBatch(source="问题.csv", sha256="ef" * 32, imported_at=NOON.isoformat(), kind="csv"), {},
        )  # fmt: skip
    patch = pytest.MonkeyPatch()
    for case in fake_exposure.USE_CASES:
        patch.setattr(exposure, case.__name__, case)
    with served(create_app(store, "zh")) as address:
        yield address
    patch.undo()


def shown(page, **settings) -> None:
    """Wait until the page shows the numbers of these settings."""
    page.wait_for_function(
        """(wanted) => { const shown = new URLSearchParams(document.body.dataset.design || "-");
            return Object.keys(wanted).every((key) => shown.get(key) === wanted[key]); }""",
        arg=settings,
        timeout=20_000,
    )


def open_page(page, service: str, query: str = "lang=en") -> None:
    page.goto(f"{service}/exposure?{query}")
    page.wait_for_selector("body[data-ready=yes]", timeout=30_000)
    page.wait_for_selector("body[data-design]", timeout=30_000)


def slide(page, radius_m: int) -> None:
    page.locator("#zb-radius").evaluate(
        "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input', {bubbles: true})); }",
        str(radius_m),
    )


def asked(page, part: str) -> list[str]:
    return [address for address in page.watch.requests if part in address]


def numbers_shown(page) -> dict:
    return page.evaluate(
        "() => fetch('/api/exposure/numbers?' + document.body.dataset.design).then((a) => a.json())"
    )


def legend(page) -> dict[str, list[str]]:
    rows = page.locator(".zb-legend tr").evaluate_all(
        "(rows) => rows.map((row) => Array.from(row.cells, (cell) => cell.textContent))"
    )
    return {row[1].replace("\xa0", " "): row[2:] for row in rows[1:]}


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_map_is_drawn_and_asks_nobody_else(page, service, lang):
    open_page(page, service, f"lang={lang}")
    for pane in ("overlay", "zb-roads", "zb-labels"):
        assert painted(page, pane) > 500, pane
    assert page.watch.foreign(service) == []
    assert page.watch.faults == []
    said = page.locator("body").inner_text()
    words = {
        "zh": ("抽中概率", "一次检查到访该处的概率", "圆，半径 1000 米", "不是对真实测评的预测", "承担了 60% 的抽中概率"),
        "en": ("Exposure", "chance that one inspection visits it", "disc of radius 1000 m", "no forecast of a real inspection", "of the chance."),
    }  # fmt: skip
    for part in words[lang]:
        assert part in said
    assert ATTRIBUTION in page.locator(".leaflet-control-attribution").inner_text()


def test_the_classes_are_the_same_at_every_setting_and_hold_every_unit(page, service):
    classes = [
        "≥ 50 %",
        "20–50 %",
        "5–20 %",
        "2–5 %",
        "1–2 %",
        "0.5–1 %",
        "0.2–0.5 %",
        "0.1–0.2 %",
        "< 0.1 %",
        "0",
    ]
    for query in ("lang=en", "lang=en&radius=300&anchors=all&shape=disc"):
        open_page(page, service, query)
        found = legend(page)
        assert list(found) == [*classes, "blind spot: no anchor"]
        # 15 alleys of which one is closed; 8 compounds
        assert [sum(int(row[i]) for row in found.values()) for i in (0, 1)] == [14, 8]
        assert found["blind spot: no anchor"][0] != "0"
        numbers = numbers_shown(page)["layers"]
        for i, layer in enumerate(("back_alleys", "compounds")):
            percent = 100 * np.array(numbers[layer]["pi"])
            counts, _ = np.histogram(percent, [1e-300, 0.1, 0.2, 0.5, 1, 2, 5, 20, 50, 101])
            assert [int(found[name][i]) for name in classes[-2::-1]] == counts.tolist()


def test_a_new_radius_fetches_numbers_and_no_geometry(page, service):
    open_page(page, service)
    before = legend(page)
    slide(page, 300)
    shown(page, radius="300")
    assert page.locator("#zb-radius-said").inner_text() == "300 m"
    assert "disc of radius 300 m" in page.locator("#zb-words").inner_text()
    assert legend(page) != before
    assert len(asked(page, "/api/exposure/geometry")) == 1
    assert len(asked(page, "/api/exposure/numbers")) == 2
    slide(page, 1000)
    shown(page, radius="1000")
    assert len(asked(page, "/api/exposure/numbers")) == 2
    assert legend(page) == before


def test_a_drag_of_the_slider_is_one_request(page, service):
    open_page(page, service)
    page.locator("#zb-radius").evaluate(
        """(slider) => { for (let value = 200; value < 2000; value += 50) {
            slider.value = value; slider.dispatchEvent(new Event("input", {bubbles: true})); } }"""
    )
    shown(page, radius="1950")
    assert len(asked(page, "/api/exposure/numbers")) == 2


def test_while_an_answer_is_awaited_only_the_last_wish_is_kept(page, service):
    open_page(page, service)
    held: list = []

    def hold_the_first(route) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    page.route("**/api/exposure/numbers*", hold_the_first)
    for radius_m in (300, 400, 500):
        slide(page, radius_m)
        page.wait_for_timeout(200)
    assert len(asked(page, "/api/exposure/numbers")) == 2
    held[0].continue_()
    shown(page, radius="500")
    assert len(asked(page, "/api/exposure/numbers")) == 3


def test_every_setting_reaches_the_numbers_and_the_address(page, service):
    open_page(page, service)
    page.locator("[name=unknown]").check()
    page.locator("[name=anchors]").select_option("all")
    page.locator("[name=rule]").select_option("midpoint")
    page.locator("[name=shape]").select_option("ring")
    settings = {"radius": "500:2000", "anchors": "all", "rule": "midpoint", "shape": "ring"}
    shown(page, **settings)
    page.locator(".zb-segments label", has_text="Priority").click()
    page.locator(".zb-segments label", has_text="Compounds").click()
    assert page.locator("#zb-radius").is_disabled()
    query = {key: value[0] for key, value in parse_qs(urlsplit(page.url).query).items()}
    assert query == {**settings, "metric": "straight", "by": "priority", "units": "compounds"}
    page.reload()
    shown(page, **settings)
    assert page.locator("[name=unknown]").is_checked()
    assert page.locator("[name=rule]").input_value() == "midpoint"
    assert "compounds" in page.locator("#zb-picture h2").first.inner_text()
    assert page.locator(".zb-legend b").inner_text() == "Priority"
    page.locator("#zb-other-lang").click()
    shown(page, **settings)
    assert "整改优先" in page.locator(".zb-legend").inner_text()


def test_a_setting_of_the_address_that_no_control_knows_is_kept(page, service):
    open_page(page, service, "lang=en&alleys=2&anchors=market%3D1&radius=300:900")
    shown(page, alleys="2", anchors="market=1", radius="300:900")
    assert page.locator("[name=anchors]").input_value() == "market=1"
    assert page.locator("#zb-radius-said").inner_text() == "300–900 m"
    slide(page, 700)
    shown(page, alleys="2", anchors="market=1", radius="700")


def test_a_ring_keeps_its_radius_beyond_the_inner_one(page, service):
    open_page(page, service, "lang=en&radius=300")
    page.locator("[name=shape]").select_option("ring")
    shown(page, shape="ring", radius="550")
    assert page.locator("#zb-fault").is_hidden()


def test_the_inner_radius_goes_with_the_ring(page, service):
    open_page(page, service, "lang=en&shape=ring&inner=300&radius=400")
    shown(page, shape="ring", inner="300", radius="400")
    page.locator("[name=shape]").select_option("disc")
    shown(page, shape="disc")
    assert "inner" not in page.url
    assert page.locator("#zb-fault").is_hidden()


def test_an_impossible_setting_is_said_and_the_old_picture_is_dimmed(page, service):
    open_page(page, service, "lang=en")
    page.goto(f"{service}/exposure?lang=en&radius=9999")
    page.locator("#zb-fault").wait_for(state="visible")
    assert "out of range" in page.locator("#zb-fault").inner_text()
    assert "zb-stale" in page.locator("body").get_attribute("class")
    slide(page, 800)
    shown(page, radius="800")
    assert page.locator("#zb-fault").is_hidden()
    assert "zb-stale" not in page.locator("body").get_attribute("class")


def test_a_unit_tells_its_chance_its_anchors_and_its_issues(page, service):
    open_page(page, service, "lang=en&radius=600")
    page.locator(".zb-top .zb-row[data-id=b00]").click()
    page.locator(".zb-big").wait_for()
    said = page.locator("#zb-chosen").inner_text()
    for part in (
        "b00",
        "Expected draws",
        "Reached by",
        "Where its chance comes from",
        "pool of",
        "Open issues: 2",
        "assigned",
        "no forecast",
    ):
        assert part in said
    assert "{{7*7}}<b>" in said
    shares = [
        float(re.sub("[^0-9.]", "", text))
        for text in page.locator(".zb-reason .zb-row-side").all_inner_texts()
    ]
    assert sum(shares) == pytest.approx(100, abs=0.5)
    assert painted(page, "zb-halo") > 100
    slide(page, 200)
    shown(page, radius="200")
    page.wait_for_function("(old) => document.getElementById('zb-chosen').innerText !== old", arg=said)
    page.locator(".zb-close").click()
    assert page.locator("#zb-chosen").is_hidden()


def test_a_blind_spot_is_listed_and_says_that_no_anchor_reaches_it(page, service):
    open_page(page, service, "lang=en&radius=600")
    assert legend(page)["blind spot: no anchor"][0] == "1"
    page.locator(".zb-blind .zb-row", has_text="远巷").click()
    page.locator(".zb-big").wait_for()
    said = page.locator("#zb-chosen").inner_text()
    assert "blind spot: no anchor reaches it" in said
    assert "Where its chance comes from" not in said


def test_an_anchor_shows_its_pool_and_a_row_leads_on(page, service):
    open_page(page, service, "lang=en&radius=600")
    page.locator(".zb-top .zb-row").first.click()
    page.locator(".zb-reason").first.click()
    page.locator("#zb-chosen", has_text="Its pool of alleys").wait_for()
    assert page.locator("#zb-chosen h2").inner_text() in HOSTILE
    assert painted(page, "zb-buffers") > 100
    page.locator(".zb-reason").first.click()
    page.locator(".zb-big").wait_for()


def test_a_click_on_the_map_tells_the_unit_under_it(page, service):
    open_page(page, service, "lang=zh&radius=600")
    for kind in ("农贸市场", "商场超市", "学校", "医院", "交通场站", "社区"):
        page.locator(".leaflet-control-layers-overlays label", has_text=kind).locator("input").click()
    page.locator(".zb-top .zb-row[data-id=b03]").click()
    page.locator(".zb-big").wait_for()
    page.locator(".zb-close").click()
    box = page.locator(".folium-map").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.locator("#zb-chosen", has_text="b03").wait_for()


def test_a_closed_unit_is_on_the_map_and_said_to_be_out_of_the_frame(page, service):
    open_page(page, service, "lang=en&radius=600")
    page.locator(".zb-top .zb-row[data-id=b12]").click()
    page.locator(".zb-big").wait_for()
    box = page.locator(".folium-map").bounding_box()
    # b13 lies 0.0007 degrees east of b12, at zoom 15 a degree is 256 * 2**15 / 360 pixels
    page.mouse.click(box["x"] + box["width"] / 2 + 0.0007 * 256 * 2**15 / 360, box["y"] + box["height"] / 2)
    page.locator("#zb-chosen", has_text="b13").wait_for()
    assert "Not in the frame under these settings" in page.locator("#zb-chosen").inner_text()
    assert page.watch.faults == []


def test_the_sentence_of_the_curve_is_true(page, service):
    """The leading n carry at least 60 % and n - 1 of them do not."""
    open_page(page, service, "lang=en&radius=400")
    said = page.locator(".zb-sentence").inner_text()
    count = int(re.match(r"These (\d+) alleys", said)[1])
    numbers = page.evaluate(
        "() => fetch('/api/exposure/numbers?' + document.body.dataset.design).then((a) => a.json())"
    )
    pi = sorted(numbers["layers"]["back_alleys"]["pi"], reverse=True)
    assert sum(pi[:count]) >= 0.6 * sum(pi) > sum(pi[: count - 1])
    bars = page.locator(".zb-chart").first.locator(".zb-chart-count").all_text_contents()
    assert sum(int(text) for text in bars if text) == len(pi)


def test_hostile_names_are_shown_as_text(page, service):
    open_page(page, service, "lang=zh")
    names = set(page.locator(".zb-top:not(.zb-blind) .zb-row-name").all_inner_texts())
    assert names <= {*HOSTILE, "槐树巷"}
    assert len(names & set(HOSTILE)) == 6
    assert page.locator("img").count() == 0
    assert page.title().startswith("抽中概率")
    assert "62710561" not in page.content()


def test_blind_spots_are_switched_off_and_on(page, service):
    open_page(page, service, "lang=en&radius=200")
    box = page.locator(".leaflet-control-layers-overlays label", has_text="Blind spots").locator("input")
    before = painted(page, "overlay")
    box.click()
    page.wait_for_timeout(100)
    assert painted(page, "overlay") < before
    box.click()
    page.wait_for_timeout(100)
    assert painted(page, "overlay") == pytest.approx(before, rel=0.02)


def test_a_narrow_screen_shows_everything_below_each_other(page, service):
    page.set_viewport_size({"width": 390, "height": 800})
    open_page(page, service)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    settings, view = page.locator("#zb-settings").bounding_box(), page.locator(".folium-map").bounding_box()
    picture = page.locator("#zb-picture").bounding_box()
    assert settings["y"] + settings["height"] <= view["y"] + 1
    assert view["y"] + view["height"] <= picture["y"]


def test_a_print_is_a_page_with_the_map_its_legend_and_its_settings(page, service):
    open_page(page, service, "lang=zh")
    page.emulate_media(media="print")
    page.evaluate("() => window.dispatchEvent(new Event('beforeprint'))")
    assert not page.locator("#zb-settings").is_visible()
    assert page.locator(".zb-legend").is_visible()
    caption = page.locator(".zb-caption").bounding_box()
    assert caption["y"] + caption["height"] <= 190 * 96 / 25.4
    assert "不是对真实测评的预测" in page.locator(".zb-caption").inner_text()
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")
    assert page.watch.faults == []
