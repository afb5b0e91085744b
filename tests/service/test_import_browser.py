"""The pages of imports in a real Chromium: look, choose, try, take in, undo; nothing from elsewhere.

ZHOUBIAN_SCREENSHOTS names a folder for pictures of every step, to be looked at by a person.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import waitress
from chromium import painted
from small_town import HOSTILE, LAT, LON, stored

from geo.crs import wgs84_to_gcj02
from geo.offset import Offset
from layers.store import Store
from service.usecases import datum_check, imports
from service.web.app import create_app

pytestmark = pytest.mark.browser

COUNT = 60
WRONG = "<b>坏行</b>"
ROAD_LATS = LAT + 0.002 * np.arange(6) - 0.002
"""The six streets of the town run east along these."""


@pytest.fixture
def town(tmp_path) -> Path:
    stored(tmp_path / "town.db")
    return tmp_path / "town.db"


@pytest.fixture
def service(town) -> Iterator[str]:
    app = create_app(town, "zh", hosts={"127.0.0.1"})
    server = waitress.create_server(app, host="127.0.0.1", port=0, threads=8)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.close()


def places() -> np.ndarray:
    """60 places on the streets of the town, EPSG:4326."""
    number = np.arange(COUNT)
    return np.column_stack([LON - 0.001 + 0.0002 * number, ROAD_LATS[number % 6]])


def office_file(folder: Path, name: str = "公厕.csv", *, count: int = COUNT) -> Path:
    """A table of toilets as an office has it: GB18030, GCJ-02, a title, a bad row, a total, hostile text."""
    lon, lat = wgs84_to_gcj02(*places()[np.arange(count) % COUNT].T)
    lines = ["某区公厕一览表,,,,", "编号,名称,另名,经度,纬度"]
    lines += [f"T{i},公厕{i},{HOSTILE[i % 7].replace(',', ' ')},{lon[i]:.7f},{lat[i]:.7f}".replace('"', "") for i in range(count)]  # fmt: skip
    lines += [f"T-1,{WRONG},,东经,39.95", f"合计,{count},,,"]
    file = folder / name
    file.write_bytes("\r\n".join(lines).encode("gb18030"))
    return file


def picture(page, name: str) -> None:
    folder = os.environ.get("ZHOUBIAN_SCREENSHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def open_page(page, service: str, lang: str = "zh", address: str = "/import") -> None:
    page.goto(f"{service}{address}?lang={lang}")
    page.wait_for_selector("body[data-ready=yes]")


def look(page, file: Path) -> None:
    page.set_input_files("#zb-files", str(file))
    page.click("#zb-look")
    page.wait_for_selector("#zb-found:not([hidden])", timeout=60_000)


def after(page, act) -> None:
    """Do something that makes the page look again, and wait until it has."""
    before = page.evaluate("document.body.dataset.looked")
    act()
    page.wait_for_function("(before) => document.body.dataset.looked !== before", arg=before, timeout=60_000)


def run(page, button: str, state: str) -> None:
    page.click(button)
    page.wait_for_selector(f"#zb-result[data-state={state}]:not([hidden])", timeout=60_000)


def shown_first(page) -> list[float]:
    return [float(part) for part in page.get_attribute("#zb-map", "data-first").split(",")]


def toilets(town: Path):
    with Store.open(town, create=False) as store:
        return store.read("toilets")


@pytest.mark.parametrize(("lang", "width"), [("zh", 1280), ("en", 390), ("en", 1280), ("zh", 390)])
def test_a_file_of_an_office_is_looked_at_tried_taken_in_and_undone(
    page, service, town, tmp_path, lang, width
):
    page.set_viewport_size({"width": width, "height": 860})
    open_page(page, service, lang)
    picture(page, f"import-{lang}-{width}-0")
    look(page, office_file(tmp_path))
    assert page.locator("#zb-kind").input_value() == "toilets"
    assert "GB18030" in page.locator("#zb-encoding option").first.inner_text()
    assert page.locator("#zb-grid tbody tr").count() == 20
    assert page.locator("#zb-grid tbody tr").first.locator("td").nth(1).inner_text() == "公厕0"

    # where it lies: 500 m beside as it stands, on the street under GCJ-02
    assert page.get_attribute("#zb-map", "data-points") == str(COUNT)
    assert painted(page, "zb-roads") > 500
    assert abs(shown_first(page)[0] - places()[0, 0]) > 0.004
    assert "GCJ-02" in page.locator("#zb-guess").inner_text()
    assert page.locator(".zb-datums label", has_text="GCJ-02").locator("em").count() == 1
    page.locator(".zb-datums label", has_text="GCJ-02").click()
    assert shown_first(page) == pytest.approx(places()[0], abs=2e-6)

    # a column is taken for something else
    after(page, lambda: page.locator("#zb-grid select[data-heading='另名']").select_option("name"))
    assert page.locator("#zb-grid select[data-heading='名称']").input_value() == ""
    picture(page, f"import-{lang}-{width}-1")

    run(page, "#zb-try", "tried")
    assert toilets(town).empty
    said = page.locator("#zb-result").inner_text()
    assert "东经" in said
    with page.expect_download() as download:
        page.locator(".zb-refused-head a").click()
    assert download.value.suggested_filename.endswith(".xlsx")
    picture(page, f"import-{lang}-{width}-2")

    run(page, "#zb-take", "stored")
    held = toilets(town)
    assert len(held) == COUNT
    np.testing.assert_allclose(np.column_stack([held.geometry.x, held.geometry.y]), places(), atol=2e-6)
    assert held["name"].iloc[1] == HOSTILE[1]
    picture(page, f"import-{lang}-{width}-3")

    open_page(page, service, lang, "/imports")
    picture(page, f"imports-{lang}-{width}-0")
    page.locator(".zb-undo").first.click()
    picture(page, f"imports-{lang}-{width}-1")
    with page.expect_navigation():
        page.click("#zb-yes")
    assert page.locator("tr.zb-gone").count() == 1
    assert toilets(town).empty
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    assert page.locator("img").count() == 0
    assert page.watch.foreign(service, f"blob:{service}") == []
    assert page.watch.faults == []


def test_an_import_that_draws_need_is_asked_about_twice(page, service, town):
    open_page(page, service, "zh", "/imports")
    page.locator(".zb-undo").first.click()
    page.click("#zb-no")
    assert not page.locator("#zb-ask").is_visible()
    page.locator(".zb-undo").first.click()
    page.click("#zb-yes")
    page.wait_for_function("() => document.getElementById('zb-question').textContent.includes('第一次')")
    with Store.open(town, create=False) as store:
        assert store.count("anchors") == 6
    with page.expect_navigation():
        page.click("#zb-yes")
    with Store.open(town, create=False) as store:
        assert store.count("anchors") == 0


def test_a_file_whose_name_tells_nothing_is_asked_about_and_not_sent_again(page, service, tmp_path):
    open_page(page, service)
    page.set_input_files("#zb-files", str(office_file(tmp_path, "数据.csv")))
    page.click("#zb-look")
    page.wait_for_selector("#zb-look-fault:not([hidden])")
    assert "内容是" in page.locator("#zb-look-fault").inner_text()
    page.locator("#zb-kind").select_option("toilets")
    page.wait_for_selector("#zb-found:not([hidden])", timeout=60_000)
    assert not page.locator("#zb-look-fault").is_visible()
    assert page.locator("#zb-counted").inner_text() == f"共 {COUNT + 2} 行"


def test_the_wrong_encoding_is_told_and_the_right_one_chosen_again(page, service, tmp_path):
    open_page(page, service)
    look(page, office_file(tmp_path))
    page.locator("#zb-encoding").select_option("utf-8")
    page.wait_for_selector("#zb-look-fault:not([hidden])")
    assert "UTF-8" in page.locator("#zb-look-fault").inner_text()
    after(page, lambda: page.locator("#zb-encoding").select_option("gb18030"))
    assert not page.locator("#zb-look-fault").is_visible()


def test_a_table_with_headings_of_its_own_is_read_as_the_reader_says(page, service, town, tmp_path):
    rows = "甲,乙,丙\n" + "".join(f"公厕{i},{LON},{LAT + 0.0001 * i}\n" for i in range(5))
    (tmp_path / "公厕.csv").write_text(rows, encoding="utf-8")
    open_page(page, service, "en")
    look(page, tmp_path / "公厕.csv")
    assert "say below what each column is" in page.locator("#zb-look-fault").inner_text()
    assert not page.locator("#zb-go-step").is_visible()
    for heading, field in (("甲", "name"), ("乙", "lon"), ("丙", "lat")):
        after(
            page,
            lambda h=heading, f=field: page.locator(f"#zb-grid select[data-heading='{h}']").select_option(f),
        )
    assert not page.locator("#zb-look-fault").is_visible()
    assert page.locator("#zb-grid tbody tr").count() == 5
    run(page, "#zb-take", "stored")
    assert list(toilets(town)["name"]) == [f"公厕{i}" for i in range(5)]


def test_a_typed_system_is_shown_on_the_map_and_used(page, service, town, tmp_path):
    rows = "编号,名称,X,Y\n" + "".join(
        f"T{i},公厕{i},{4423700 + 100 * i},{440200 + 100 * i}\n" for i in range(20)
    )
    (tmp_path / "公厕.csv").write_text(rows, encoding="utf-8")
    open_page(page, service, "en")
    look(page, tmp_path / "公厕.csv")
    assert page.locator(".zb-datums label").count() > 1

    def typed() -> None:
        page.fill("#zb-datum-other", "epsg:4548")
        page.press("#zb-datum-other", "Tab")

    after(page, typed)
    assert shown_first(page) == pytest.approx([116.3, 39.95], abs=0.01)
    run(page, "#zb-take", "stored")
    assert len(toilets(town)) == 20


def test_a_long_import_shows_how_far_it_is_and_stops(page, service, town, tmp_path, monkeypatch):
    reached, go_on = threading.Event(), threading.Event()
    real = imports.run

    def slow(*arguments, progress, **options):
        def report(done, total):
            progress(done, total)
            reached.set()
            assert go_on.wait(30)
            progress(done, total)

        return real(*arguments, progress=report, **options)

    monkeypatch.setattr(imports, "run", slow)
    open_page(page, service, "en")
    look(page, office_file(tmp_path))
    page.click("#zb-take")
    assert reached.wait(30)
    page.wait_for_function("() => document.getElementById('zb-far').textContent.includes('/')")
    assert f"{COUNT + 2} / {COUNT + 2} rows" in page.locator("#zb-far").inner_text()
    assert page.locator("#zb-take").is_disabled()
    picture(page, "import-progress")
    with page.expect_response("**/cancel"):
        page.click("#zb-cancel")
    go_on.set()
    page.wait_for_selector("body[data-ended=cancelled]")
    assert "nothing was stored" in page.locator("#zb-fault").inner_text()
    assert toilets(town).empty
    assert page.locator("#zb-take").is_enabled()


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("address", ["/", "/import", "/imports", "/exposure", "/draws/第一次"])
def test_a_layer_that_lies_beside_is_told_on_every_page(page, service, monkeypatch, lang, address):
    askew = datum_check.OffsetWarning(
        "anchors", "roads", Offset(520.4, "ne", "gcj02_as_wgs84", "near", 60, None)
    )
    monkeypatch.setattr(datum_check, "current_warnings", lambda store: [askew])
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 860})
        page.goto(f"{service}{address}?lang={lang}")
        page.wait_for_selector("body[data-warned='1']")
        alert = page.locator("[role=alert]:visible")
        assert alert.inner_text() == askew.told(lang)
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
        if address not in ("/", "/import", "/imports"):
            page.wait_for_selector("body[data-ready=yes]", timeout=30_000)
            page.wait_for_timeout(300 if os.environ.get("ZHOUBIAN_SCREENSHOTS") else 0)
        picture(page, f"warned-{address.split('/')[1] or 'home'}-{lang}-{width}")
    assert page.watch.foreign(service) == []


def test_a_store_in_order_shows_no_bar(page, service):
    page.goto(f"{service}/")
    page.wait_for_selector("body[data-warned='0']")
    assert not page.locator("#zb-warnings").is_visible()
