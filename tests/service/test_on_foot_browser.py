"""The choice of distance on the page of exposure, in a real Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from chromium import served
from river_town import stored

from service.web.app import create_app

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def service(tmp_path_factory) -> Iterator[str]:
    with served(create_app(stored(tmp_path_factory.mktemp("river") / "town.db"), "zh")) as address:
        yield address


def shown(page, **settings) -> None:
    page.wait_for_function(
        """(wanted) => { const shown = new URLSearchParams(document.body.dataset.design || "-");
            return Object.keys(wanted).every((key) => shown.get(key) === wanted[key]); }""",
        arg=settings,
        timeout=20_000,
    )


def test_the_same_radius_on_foot_leaves_the_other_bank_out(page, service):
    page.goto(f"{service}/exposure?lang=en&alleys=1&rule=majority")
    shown(page, metric="straight", rule="majority")
    words = page.locator("#zb-words")
    assert "straight-line distance" in words.inner_text()
    page.locator("[name=metric]").select_option("walk")
    # half of an alley is not reached by one way: the rule goes back, and is not offered
    shown(page, metric="walk", rule="intersects")
    disabled = page.locator("[name=rule] option").evaluate_all(
        "(all) => all.filter((one) => one.disabled).map((one) => one.value)"
    )
    assert disabled == ["majority", "part"]
    assert "within 1000 m on foot" in words.inner_text()
    assert "more than 50 m from the nearest road (such as off)" in words.inner_text()
    assert "by air" in words.inner_text()
    assert page.locator("#zb-fault").is_hidden()
    numbers = page.evaluate(
        "() => fetch('/api/exposure/numbers?' + document.body.dataset.design).then((a) => a.json())"
    )
    alleys = numbers["layers"]["back_alleys"]
    assert dict(zip(alleys["id"], alleys["pi"], strict=True)) == {"across": 0, "near": 0.5, "off": 0.5}
    assert parse_qs(urlsplit(page.url).query)["metric"] == ["walk"]
    page.reload()
    shown(page, metric="walk")
    assert page.locator("[name=metric]").input_value() == "walk"
    page.locator("[name=metric]").select_option("straight")
    shown(page, metric="straight")
    assert page.locator("[name=rule] option[value=part]").is_enabled()
