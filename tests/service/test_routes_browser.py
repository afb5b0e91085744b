"""The routes page in a real Chromium: a plan is made, drawn, solved and changed by hand; names stay text."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chromium import painted, served
from route_town import MORNING, stored
from small_town import HOSTILE

from layers.store import Store
from service.i18n import texts
from service.usecases import routes
from service.usecases.route_teams import TeamsWanted
from service.web.app import create_app

pytestmark = pytest.mark.browser

TEAMS = ({"name": HOSTILE[1]}, {"name": HOSTILE[2][:40]})


@pytest.fixture(scope="module")
def store_path(tmp_path_factory):
    path = tmp_path_factory.mktemp("routes") / "town.db"
    stored(path)
    return path


@pytest.fixture(scope="module")
def service(store_path) -> Iterator[str]:
    with served(create_app(store_path, "zh")) as address:
        yield address


@pytest.fixture
def plan(store_path) -> str:
    """The name of a plan that nobody has changed yet."""
    teams = TeamsWanted(TEAMS, mode="bike", start="116.305,39.955", shift="07:30-12:00")
    with Store.open(store_path, create=False) as store:
        return routes.begin(store, routes.Wanted(draw="抽一", teams=teams), now=MORNING)["name"]


def record(store_path, name):
    with Store.open(store_path, create=False) as store:
        return routes.record_of(store, name)


def open_plan(page, service, name, lang="en"):
    page.goto(f"{service}/routes/{name}?lang={lang}")
    revision(page, 1)
    page.wait_for_selector("body[data-ready=yes]")


def revision(page, number):
    page.wait_for_selector(f"body[data-revision='{number}']", timeout=30_000)


def listed(page):
    """The sites of each team, in the order of the page."""
    return page.evaluate(
        """() => Array.from(document.querySelectorAll(".zb-team"),
            (card) => Array.from(card.querySelectorAll(".zb-stop"), (stop) => stop.dataset.site))"""
    )


def times(page):
    return page.locator(".zb-stop-time").all_inner_texts()


def in_record(held):
    return [[stop["site"] for stop in route["stops"]] for route in held["routes"]]


def stop(page, site):
    return page.locator(f'.zb-stop[data-site="{site}"]')


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_plan_is_drawn_beside_its_list_and_nobody_else_is_asked(page, service, plan, store_path, lang):
    open_plan(page, service, plan, lang)
    assert listed(page) == in_record(record(store_path, plan))
    assert painted(page, "overlay") > 5000 and painted(page, "zb-roads") > 5000
    assert texts()["web.routes_internal"][lang] in page.locator("h1").last.inner_text()
    assert page.watch.foreign(service) == []
    assert page.watch.faults == []
    assert page.title() != "hit"
    assert page.locator(".zb-team-name b").all_inner_texts() == [team["name"] for team in TEAMS]
    assert page.evaluate("() => document.querySelectorAll('#zb-scroll img, #zb-scroll script').length") == 0


def test_a_plan_is_made_shown_at_once_and_solved_meanwhile(page, service):
    page.goto(f"{service}/routes?lang=en&draw=抽一")
    page.wait_for_selector("body[data-ready=yes]")
    page.locator("[name=teams]").fill("2")
    page.locator("[name=mode][value=bike]").check(force=True)
    page.locator("[name=start][value=map]").check(force=True)
    page.locator(".zb-go").click()
    assert "Click on the map" in page.locator("#zb-start-said").inner_text()
    frame = page.locator(".folium-map").bounding_box()
    page.mouse.click(frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2)
    page.wait_for_function(
        "() => document.getElementById('zb-start-said').textContent.startsWith('Start at')"
    )
    page.locator("[name=seconds]").select_option("5")
    page.locator(".zb-go").click()
    revision(page, 1)
    assert "/routes/" in page.url and page.locator("#zb-new").is_hidden()
    page.wait_for_selector("#zb-progress:not([hidden])")
    assert page.locator("#zb-solve").is_hidden()
    page.wait_for_function(
        "() => document.querySelector('#zb-progress p').textContent.includes('best so far')"
    )
    page.locator("#zb-stop").click()
    page.wait_for_selector("body[data-job=cancelled]", timeout=20_000)
    assert page.locator("#zb-solve").is_visible()
    assert page.watch.faults == []


def test_what_cannot_be_planned_is_said_and_the_form_stays(page, service):
    page.goto(f"{service}/routes?lang=en")
    page.wait_for_selector("body[data-ready=yes]")
    page.locator("[name=must]").fill("一号，nowhere")
    page.locator(".zb-go").click()
    page.wait_for_selector("body[data-fault=site_unknown]")
    page.locator("[name=must]").fill("")
    page.locator("[name=from]").fill("12:00")
    page.locator("[name=until]").fill("08:00")
    page.locator(".zb-go").click()
    page.wait_for_selector("body[data-fault=span_unreadable]")
    assert "12:00-08:00" in page.locator("#zb-fault").inner_text()
    assert page.locator(".zb-go").is_enabled()


def test_a_button_moves_a_stop_and_the_times_change_without_a_solver(page, service, plan, store_path):
    open_plan(page, service, plan)
    before, first = times(page), listed(page)[0]
    stop(page, first[0]).locator("[data-act=select]").click()
    stop(page, first[0]).locator("[data-act=later]").click()
    revision(page, 2)
    assert listed(page)[0] == [first[1], first[0], *first[2:]] == in_record(record(store_path, plan))[0]
    assert times(page) != before
    assert page.locator("#zb-told").inner_text().startswith("Working times now")


def test_the_keyboard_moves_a_stop_and_stays_on_it(page, service, plan):
    open_plan(page, service, plan)
    first = listed(page)[0]
    stop(page, first[1]).locator("[data-act=select]").focus()
    page.keyboard.press("Alt+ArrowUp")
    revision(page, 2)
    assert listed(page)[0][:2] == [first[1], first[0]]
    assert page.evaluate("() => document.activeElement.closest('[data-site]').dataset.site") == first[1]
    page.keyboard.press("Enter")
    page.wait_for_selector(".zb-stop.zb-on .zb-stop-tools")


def test_a_stop_is_dragged_to_another_team(page, service, plan, store_path):
    page.set_viewport_size({"width": 1280, "height": 1600})
    open_plan(page, service, plan)
    before, was = times(page), listed(page)
    giver = max((0, 1), key=lambda team: len(was[team]))
    site = was[giver][1]
    head = page.locator(".zb-team-head").nth(1 - giver)
    stop(page, site).locator(".zb-stop-number").drag_to(head)
    revision(page, 2)
    assert listed(page)[1 - giver] == [site, *was[1 - giver]]
    assert listed(page)[giver] == [one for one in was[giver] if one != site]
    assert listed(page) == in_record(record(store_path, plan))
    assert times(page) != before
    assert page.locator(".zb-change").count() == 2
    assert page.watch.faults == []


def test_a_stop_is_sent_to_a_team_and_taken_out_with_its_reason(page, service, plan, store_path):
    open_plan(page, service, plan)
    site = listed(page)[0][0]
    stop(page, site).locator("[data-act=select]").click()
    stop(page, site).locator("[data-act=to]").select_option("2")
    revision(page, 2)
    assert site in listed(page)[1]
    page.once("dialog", lambda dialog: dialog.accept())
    stop(page, site).locator("[data-act=remove]").click()
    revision(page, 3)
    missed = page.locator(f'.zb-missed[data-site="{site}"]')
    assert texts()["route.reason.removed"]["en"] in missed.inner_text()
    missed.locator("[data-act=to]").select_option("1")
    revision(page, 4)
    assert site in in_record(record(store_path, plan))[0]


def test_a_late_stop_says_by_how_much(page, service, plan, store_path):
    open_plan(page, service, plan)
    held = record(store_path, plan)
    ends = {site["id"]: site["windows"][-1][1] for site in held["sites"]}
    site, route = min(
        ((stop["site"], route) for route in held["routes"] for stop in route["stops"]),
        key=lambda one: ends[one[0]],
    )
    last = page.locator(".zb-team").nth(held["routes"].index(route)).locator(".zb-stop").last
    number = 1
    while listed(page)[held["routes"].index(route)][-1] != site:
        number += 1
        stop(page, site).locator("[data-act=select]").focus()
        page.keyboard.press("Alt+ArrowDown")
        revision(page, number)
    late = max(stop["late_s"] for one in record(store_path, plan)["routes"] for stop in one["stops"])
    assert last.locator(".zb-late").count() == (1 if late else 0)
    if late:
        assert "late" in last.inner_text()


def test_a_lock_is_kept_and_a_team_falls_out_only_when_sure(page, service, plan):
    open_plan(page, service, plan)
    site = listed(page)[0][0]
    stop(page, site).locator("[data-act=lock]").click()
    revision(page, 2)
    assert stop(page, site).locator("[data-act=lock]").get_attribute("aria-pressed") == "true"
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.locator("[data-act=drop_team]").first.click()
    assert page.locator(".zb-team").count() == 2
    page.once("dialog", lambda dialog: dialog.accept())
    page.locator("[data-act=drop_team]").first.click()
    revision(page, 3)
    assert page.locator(".zb-team").count() == 1


def test_a_site_is_found_by_name_and_added(page, service, plan, store_path):
    open_plan(page, service, plan)
    page.locator(".zb-adding summary").click()
    page.locator("#zb-seek").fill("幸福")
    page.locator("#zb-found button").first.click()
    revision(page, 2)
    assert record(store_path, plan)["sites"][-1]["from"] == "added"


def test_a_plan_that_somebody_else_changed_is_read_anew(page, service, plan, store_path):
    open_plan(page, service, plan)
    site = listed(page)[0][0]
    with Store.open(store_path, create=False) as store:
        routes.change(store, plan, [routes.moving(site, "2", 1)], revision=1, now=MORNING)
    stop(page, site).locator("[data-act=lock]").click()
    page.wait_for_selector("body[data-fault=plan_changed]")
    revision(page, 2)
    assert listed(page)[1][0] == site
    assert page.locator("#zb-fault").is_visible()


def test_map_and_list_point_at_each_other_and_links_open_only_on_a_click(page, service, plan):
    open_plan(page, service, plan)
    site = listed(page)[0][0]
    stop(page, site).locator("[data-act=select]").click()
    assert painted(page, "zb-halo") > 50
    links = stop(page, site).locator(".zb-links a")
    assert links.count() == 3
    for link in links.all():
        assert link.get_attribute("rel") == "noopener noreferrer"
        assert link.get_attribute("target") == "_blank"
    assert page.watch.foreign(service) == []


def test_a_stop_on_the_map_opens_its_facts_and_its_row(page, service, plan, store_path):
    open_plan(page, service, plan)
    held = record(store_path, plan)
    call = held["routes"][0]["stops"][-1]
    lon, lat = call["enter"]
    x, y = page.evaluate(
        "([lat, lon]) => { const p = map_zhoubian.latLngToContainerPoint([lat, lon]); return [p.x, p.y]; }",
        [lat, lon],
    )
    frame = page.locator(".folium-map").bounding_box()
    page.mouse.click(frame["x"] + x, frame["y"] + y)
    popup = page.locator(".leaflet-popup-content")
    site = next(site for site in held["sites"] if site["id"] == call["site"])
    assert site["name"] in popup.inner_text()
    arrive = f"{call['arrive_s'] // 3600:02d}:{call['arrive_s'] % 3600 // 60:02d}"
    assert arrive in popup.inner_text()
    assert page.locator(".zb-stop.zb-on").get_attribute("data-site") == call["site"]
    assert page.watch.faults == []


def test_a_phone_sees_the_map_and_then_the_list(page, service, plan):
    page.set_viewport_size({"width": 390, "height": 844})
    open_plan(page, service, plan)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    view, list_ = page.locator(".folium-map").bounding_box(), page.locator("#zb-plan").bounding_box()
    assert view["y"] + view["height"] <= list_["y"] + 1


def test_without_roads_the_page_and_its_print_say_that_travel_is_an_estimate(page, tmp_path):
    stored(tmp_path / "none.db", roads=False)
    with Store.open(tmp_path / "none.db", create=False) as store:
        name = routes.begin(store, routes.Wanted(draw="抽一"), now=MORNING)["name"]
    with served(create_app(tmp_path / "none.db", "zh")) as address:
        open_plan(page, address, name)
        for part in ("#zb-estimate", ".zb-caption"):
            assert "straight line x 1.25" in page.locator(part).inner_text()
        assert page.watch.faults == []


def test_thousands_of_unvisited_sites_are_counted_and_listed_on_request(page, service, plan, store_path):
    held = record(store_path, plan)
    site, many = held["sites"][0], 3000
    for number in range(many):
        held["sites"].append({**site, "id": f"anchors/x{number}", "unit": f"x{number}", "planned": False})
        held["dropped"].append({"site": f"anchors/x{number}", "reason": "too_many", "facts": {"most": 600}})
    with Store.open(store_path, create=False) as store:
        store.update_plan(plan, {**held, "revision": 2}, MORNING.isoformat(), revision=1)
    page.goto(f"{service}/routes/{plan}?lang=en")
    revision(page, 2)
    dropped = len(held["dropped"])
    assert page.locator(".zb-dropped h2").inner_text() == f"Not visited: {dropped}"
    assert page.locator(".zb-missed").count() == 60
    page.locator(".zb-more").click()
    assert page.locator(".zb-missed").count() == dropped
    assert page.watch.faults == []


def test_a_print_is_a_page_with_the_map_and_then_the_lists(page, service, plan):
    open_plan(page, service, plan, "zh")
    page.emulate_media(media="print")
    page.evaluate("() => window.dispatchEvent(new Event('beforeprint'))")
    assert not page.locator(".zb-tools").is_visible()
    assert "内部资料" in page.locator(".zb-print-title").inner_text()
    if not page.evaluate("() => document.getElementById('zb-notes').hidden"):
        assert page.locator("#zb-notes li").first.is_visible()
    caption = page.locator(".zb-caption").bounding_box()
    assert caption["y"] + caption["height"] <= 190 * 96 / 25.4
    assert painted(page, "overlay") > 5000
    # as strokes the erasing of each canvas would be white and hide the one below
    assert page.pdf(prefer_css_page_size=True, print_background=True).count(b"/Subtype /Image") >= 3
    assert page.watch.faults == []
