"""The hotspot page and its answers, without a browser."""

from __future__ import annotations

import base64
import io
import re
import time
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from html_page import Page
from issue_town import COUNT, CROWD, DEFAULT_POINT, FIRST, LAST, issues, town_with_issues
from PIL import Image
from pyproj import CRS, Transformer
from small_town import HOSTILE, stored

from geo.emerging import KINDS
from geo.hotspots import CLASSES
from layers.rasters import Raster
from layers.schema import ISSUE_SOURCES, ISSUE_STATES
from service.heat_image import square_root_scale
from service.hotspot_pictures import CHANGE_LOOKS, EMERGING_LOOKS, GI_LOOKS, Classed
from service.i18n import LANGS, texts
from service.resources import static_path
from service.web.app import create_app
from service.web.hotspots import VIEWS

API = "/api/hotspots"


def ready(app, wait_s: float = 20.0):
    client = app.test_client()
    until = time.monotonic() + wait_s
    while client.get(f"{API}/state").json["state"] == "reading" and time.monotonic() < until:
        time.sleep(0.02)
    return client


@pytest.fixture(scope="module")
def store_path(tmp_path_factory):
    path = tmp_path_factory.mktemp("issues") / "town.db"
    town_with_issues(path)
    return path


@pytest.fixture(scope="module")
def client(store_path):
    return ready(create_app(store_path, "zh"))


def picture(client, address: str) -> Image.Image:
    answer = client.get(address)
    assert answer.mimetype == "image/png"
    found = Image.open(io.BytesIO(answer.data))
    assert found.mode == "P"
    return found


def at(found: Image.Image, bounds, lon: float, lat: float) -> int:
    """The class of the pixel at a place, by Web Mercator."""
    west, south, east, north = bounds
    across, down = (lon - west) / (east - west), (mercator(north) - mercator(lat))
    down /= mercator(north) - mercator(south)
    return np.asarray(found)[int(down * found.height), int(across * found.width)]


def mercator(lat: float) -> float:
    return float(np.arctanh(np.sin(np.radians(lat))))


# ---------------------------------------------------------------------------------------- the page


@pytest.mark.parametrize("lang", LANGS)
def test_the_page_is_our_own_and_everything_it_names_is_there(client, lang):
    answer = client.get(f"/hotspots?lang={lang}")
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    page = Page(answer.text)
    assert page.of("script") == [] and page.of("style") == [] and page.handlers == []
    assert "style" not in page.given
    for target in page.addresses:
        assert target.startswith("/") and not target.startswith("//")
        assert client.get(target, buffered=True).status_code == 200, target


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_of_the_query_reaches_the_page(client, name):
    plain = client.get("/hotspots?lang=en").text
    asked = {"lang": "en", "category": name, "view": name, name: name}
    assert client.get("/hotspots", query_string=asked).text == plain


def test_the_home_page_leads_to_the_hotspots(client):
    page = Page(client.get("/?lang=zh").text)
    assert "/hotspots" in page.addresses
    assert "热点地图" in page.of("b")


def test_the_issues_are_read_beside_the_requests_and_only_once(store_path):
    app = create_app(store_path, "zh")
    first = app.test_client().get(f"{API}/choices")
    assert (first.status_code, first.json["error"]["code"]) == (503, "issues_being_read")
    client = ready(app)
    desk = app.extensions["zhoubian_hotspots"].desk
    city = desk.city()
    assert client.get(f"{API}/choices").json["issues"] == COUNT
    assert desk.city() is city


def test_a_store_without_issues_says_so_on_the_page(tmp_path):
    stored(tmp_path / "none.db")
    client = create_app(tmp_path / "none.db", "zh").test_client()
    told = client.get(f"{API}/state").json
    while told["state"] == "reading":
        told = client.get(f"{API}/state").json
    assert told["state"] == "failed"
    assert "导入" in told["message"] and "zhoubian import" not in told["message"]


@pytest.mark.parametrize(
    "code",
    [
        *(f"class.{look.name}" for look in (*GI_LOOKS, *CHANGE_LOOKS, *EMERGING_LOOKS)),
        *(f"state.{state}" for state in ISSUE_STATES),
        *(f"source.{source}" for source in ISSUE_SOURCES),
    ],
)
def test_every_class_and_value_has_words(code):
    assert f"map.hotspots.{code}" in texts()


def test_the_scripts_ask_only_for_texts_that_exist():
    scripts = [static_path(f"zhoubian/hotspots-{part}.js") for part in ("words", "area", "map")]
    source = "".join(script.read_text(encoding="utf-8") for script in scripts)
    whole = set(re.findall(r'\bsay\("([a-z_.]+)"[,)]', source))
    whole |= {found for pair in re.findall(r'say\([^"(]+\? "(\w+)" : "(\w+)"', source) for found in pair}
    begun = set(re.findall(r'\bsay\("([a-z_.]+\.)" \+', source))
    known = {code.removeprefix("map.hotspots.") for code in texts() if code.startswith("map.hotspots.")}
    assert whole and whole <= known
    assert begun == {"title.", "method.", "class."}
    assert {start + view for start in ("title.", "method.") for view in VIEWS} <= known


def test_every_class_of_the_statistics_has_a_look():
    assert {look.name for look in GI_LOOKS} == set(CLASSES.values()) - {"none"}
    assert {look.name for look in EMERGING_LOOKS} == {
        f"{side}_{kind}" for side in ("hot", "cold") for kind in KINDS[1:]
    }


# --------------------------------------------------------------------------------------- a density


def test_the_density_says_unit_period_and_what_was_left_out(client):
    said = client.get(API).json
    facts = said["facts"]
    assert (facts["since"], facts["until"], facts["days"]) == (FIRST, LAST, 304)
    assert facts["used"] + facts["outside"] + facts["piled"] == facts["matched"] == COUNT
    assert facts["bandwidth_m"] == 150
    assert texts()["map.hotspots.unit"] == {
        "zh": "每平方公里每30天的问题数",
        "en": "issues per km² per 30 days",
    }
    assert len(said["legend"]) == 11  # twelve classes, the lowest is not drawn
    assert all(row["swatch"].startswith("data:image/png;base64,") for row in said["legend"])


def test_the_darkest_pixel_lies_on_the_crowd(client):
    said = client.get(API).json
    found = picture(client, said["picture"]["address"])
    assert at(found, said["picture"]["bounds"], *CROWD) == np.asarray(found).max() == 11
    assert at(found, said["picture"]["bounds"], CROWD[0] + 0.009, CROWD[1]) <= 3
    assert found.info["transparency"][0] == 0


def test_a_tile_says_the_same_as_the_picture(client):
    said = client.get(API).json
    zoom = 15
    x = int((CROWD[0] + 180) / 360 * 2**zoom)
    y = int((1 - mercator(CROWD[1]) / np.pi) / 2 * 2**zoom)
    address = said["tiles"]["address"].replace("{z}", str(zoom)).replace("{x}", str(x)).replace("{y}", str(y))
    tile = picture(client, address)
    assert tile.size == (256, 256)
    west, east = (360 * one / 2**zoom - 180 for one in (x, x + 1))
    north, south = (np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * one / 2**zoom)))) for one in (y, y + 1))
    assert at(tile, (west, south, east, north), *CROWD) == 11


def test_a_geocoders_default_point_is_shown_and_not_counted(tmp_path):
    town_with_issues(tmp_path / "piled.db", piled=400)
    client = ready(create_app(tmp_path / "piled.db", "en"))
    pile = client.get(f"{API}/choices").json["piles"]
    assert [one["issues"] for one in pile] == [400]
    assert pile[0]["xy"] == pytest.approx(DEFAULT_POINT, abs=2e-5)
    facts = client.get(API).json["facts"]
    assert (facts["piled"], facts["used"] + facts["outside"]) == (400, COUNT)


def test_a_category_halves_what_the_legend_says(client):
    said = client.get(f"{API}?category=SR01").json["facts"]
    assert said["matched"] == sum(code == "SR01" for code in issues()["category"])
    assert client.get(f"{API}?category=HJ,SR").json["facts"]["matched"] == COUNT - 10


def test_every_month_is_drawn_in_the_same_classes(client):
    said = client.get(f"{API}/frames").json
    assert [frame["month"] for frame in said["months"]] == [f"2026-{month:02d}" for month in range(1, 11)]
    asked = [parse_qs(urlsplit(frame["address"]).query) for frame in said["months"]]
    assert {one["vmax"][0] for one in asked} == {f"{said['vmax']:.10g}"}
    assert square_root_scale(said["vmax"]).breaks[-1] == said["vmax"] == said["legend"][0]["to"]
    highest = [np.asarray(picture(client, frame["address"])).max() for frame in said["months"]]
    assert max(highest) == 11 and min(highest) < 11
    assert sum(frame["used"] for frame in said["months"]) == client.get(API).json["facts"]["used"]


def test_only_complete_months_are_frames(client):
    found = client.get(f"{API}/frames?since=2026-01-15&until=2026-03-30").json["months"]
    assert [frame["month"] for frame in found] == ["2026-02"]
    asked = parse_qs(urlsplit(found[0]["address"]).query)
    assert (asked["since"], asked["until"]) == (["2026-02-01"], ["2026-02-28"])
    answer = client.get(f"{API}/frames?since=2026-01-15&until=2026-02-20")
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "no_month")


# --------------------------------------------------------------------------------- the other views


def test_hot_cells_lie_on_the_crowd_and_are_counted(client):
    said = client.get(f"{API}?view=spots").json
    found = picture(client, said["picture"]["address"])
    names = [look.name for look in GI_LOOKS]
    assert ["none", *names][at(found, said["picture"]["bounds"], *CROWD)] == "hot_99"
    cells = {row["name"]: row["cells"] for row in said["legend"]}
    assert cells == {name: said["facts"]["cells"][name] for name in names}


def test_a_cell_is_drawn_where_it_lies():
    """One hot cell of 100 m at the third row from the south, the seventh column, in Harbin's corner of UTM."""
    codes = np.zeros((20, 30), np.uint8)
    codes[2, 6] = len(GI_LOOKS)
    x0, y0 = 330_000.0, 5_070_000.0
    plane = Raster(np.zeros((80, 120), np.float32), x0, y0, 25.0, CRS.from_epsg(32652))
    drawn = Classed(codes, plane, GI_LOOKS, {})
    found = Image.open(io.BytesIO(drawn.picture()))
    place = Transformer.from_crs(32652, 4326, always_xy=True).transform
    for column, row in [(6, 2), (6, 17), (23, 2), (5, 2), (6, 3)]:
        expected = codes[row, column]
        assert at(found, drawn.bounds, *place(x0 + 100 * column + 50, y0 + 100 * row + 50)) == expected


def test_what_is_cold_is_hatched_so_that_a_grey_print_tells_it(client):
    for row in client.get(f"{API}?view=spots").json["legend"]:
        swatch = Image.open(io.BytesIO(base64.b64decode(row["swatch"].partition(",")[2])))
        assert bool((np.asarray(swatch) == 0).any()) == row["name"].startswith("cold"), row["name"]


def test_hexagons_hold_every_issue_that_was_used(client):
    said = client.get(f"{API}?view=hexagons").json
    assert sum(said["issues"]) == said["facts"]["used"]
    assert len(said["paths"]) == len(said["classes"]) == len(said["rates"])
    assert {len(path) for path in said["paths"]} == {12}


def test_the_period_before_is_as_long_when_it_is_left_out(client):
    facts = client.get(f"{API}?view=change&since=2026-06-01&until=2026-06-30").json["facts"]
    assert (facts["before_since"], facts["before_until"]) == ("2026-05-02", "2026-05-31")
    halves = client.get(f"{API}?view=change").json["facts"]
    assert (halves["before_since"], halves["before_until"], halves["since"]) == (
        "2026-01-01",
        "2026-06-01",
        "2026-06-02",
    )


def test_two_sides_share_their_classes(client):
    said = client.get(f"{API}/sides?before_since=2026-01-01&before_until=2026-03-31&since=2026-04-01").json
    asked = [parse_qs(urlsplit(side["address"]).query) for side in said["sides"]]
    assert asked[0]["vmax"] == asked[1]["vmax"]
    assert [one["since"][0] for one in asked] == ["2026-01-01", "2026-04-01"]


# ------------------------------------------------------------------------- list and single issues


def test_the_first_of_the_list_is_the_crowd_and_the_map_checks_itself(client):
    said = client.get(f"{API}/top?lang=en").json
    worst = said["rows"][0]
    assert abs(worst["lon"] - CROWD[0]) < 0.001 and abs(worst["lat"] - CROWD[1]) < 0.001
    assert worst["issues"] >= COUNT / 3
    assert said["forecast"]["pai"] == pytest.approx(
        said["forecast"]["hit_rate"] / said["forecast"]["area_share"]
    )
    assert said["forecast"]["pai"] > 1


def test_single_issues_are_those_of_the_filter_in_the_box(client):
    west, south, east, north = CROWD[0] - 0.001, CROWD[1] - 0.001, CROWD[0] + 0.001, CROWD[1] + 0.001
    query = f"bbox={west},{south},{east},{north}&state=found&since=2026-03-01&until=2026-05-31"
    shown = {row["id"] for row in client.get(f"{API}/issues.json?{query}").json["issues"]}
    table = issues()
    x, y = table.geometry.x, table.geometry.y
    month = table["found_at"].dt.month
    expected = table[
        x.between(west, east) & y.between(south, north) & month.between(3, 5) & (table["state"] == "found")
    ]
    assert shown == set(expected["id"]) and shown


# -------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ("?since=2026-05-01&until=2026-01-01", "dates_reversed"),
        ("?since=2027-01-01", "dates_reversed"),
        ("?since=tomorrow", "filter_date"),
        ("?hours=25-1", "filter_hours"),
        ("?bandwidth=nan", "hotspots_number"),
        ("?bandwidth=5", "hotspots_number"),
        ("?vmax=0", "hotspots_number"),
        ("?view=heat", "unknown_option"),
        ("?view=spots&category=none", "too_few"),
        ("?view=emerging&since=2026-08-01", "few_steps"),
        ("?within=1,2;3,4", "filter_area"),
        ("/issues.json?bbox=0,0,9,9", "hotspots_box"),
        ("/issues.json", "hotspots_box"),
    ],
)
@pytest.mark.parametrize("lang", LANGS)
def test_what_cannot_be_shown_is_told_in_one_sentence(client, asked, code, lang):
    sign = "&" if "?" in asked else "?"
    answer = client.get(f"{API}{asked}{sign}lang={lang}")
    assert (answer.status_code, answer.json["error"]["code"]) == (400, code)
    said = answer.json["error"]["message"]
    assert bool(re.search("[一-鿿]", said)) == (lang == "zh") and "{" not in said


@pytest.mark.parametrize("asked", ["", "/top", "/frames", "/sides", "?view=hexagons", "?view=change"])
@pytest.mark.parametrize("filtered", ["category=none", "since=0001-01-01&until=9999-12-31"])
def test_a_filter_that_takes_nothing_or_all_time_is_answered(client, asked, filtered):
    sign = "&" if "?" in asked else "?"
    assert client.get(f"{API}{asked}{sign}{filtered}").status_code == 200


def test_an_answer_that_the_browser_holds_is_not_sent_again(client):
    address = client.get(API).json["picture"]["address"]
    for one in (API, address):
        etag = client.get(one).headers["ETag"]
        assert client.get(one, headers={"If-None-Match": etag}).status_code == 304
