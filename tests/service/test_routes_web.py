"""The routes page and its answers, without a browser."""

from __future__ import annotations

import io
import re
import threading
import time
import zipfile

import pytest
from html_page import Page
from route_town import stored
from small_town import HOSTILE

from geo.design import ANCHOR_CLASSES
from geo.routes import Score
from layers.store import Store
from service.background import Jobs
from service.i18n import LANGS, texts
from service.resources import static_path
from service.route_colours import TEAM_COLOURS
from service.route_files import KINDS
from service.usecases import routes
from service.web import routes as door
from service.web.app import create_app

OURS = {"X-Zhoubian": "1", "Origin": "http://localhost"}
WANTED = {"draw": "抽一", "teams": 2, "mode": "bike", "shift": "07:30-12:00", "start": "116.305,39.955"}


@pytest.fixture(scope="module")
def store_path(tmp_path_factory):
    path = tmp_path_factory.mktemp("routes") / "town.db"
    stored(path)
    return path


@pytest.fixture
def client(store_path, monkeypatch):
    """A service that makes plans and solves none, unless a test asks for it."""
    monkeypatch.setattr(door, "_improve", lambda record, told: None)
    return create_app(store_path, "zh").test_client()


def post(client, address, told, **headers):
    return client.post(address, json=told, headers={**OURS, **headers})


def made(client, **more):
    answer = post(client, "/api/routes", {**WANTED, **more})
    assert answer.status_code == 201, answer.json
    return answer.json


def stops(plan):
    return [[stop["site"] for stop in route["stops"]] for route in plan["routes"]]


# ---------------------------------------------------------------------------------------- the page


@pytest.mark.parametrize("lang", LANGS)
def test_the_page_is_our_own_and_everything_it_names_is_there(client, lang):
    plan = made(client)
    for address in ("/routes", plan["page"]):
        answer = client.get(f"{address}?lang={lang}")
        assert answer.status_code == 200
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
        page = Page(answer.text)
        assert page.of("script") == [] and page.of("style") == [] and page.handlers == []
        assert "style=" not in answer.text
        for target in page.addresses:
            assert target.startswith("/") and not target.startswith("//")
            assert client.get(target, buffered=True).status_code == 200, target
        assert texts()["web.routes_internal"][lang] in answer.text


def test_every_plan_is_in_the_list_the_newest_first(client):
    first, second = made(client)["plan"]["name"], made(client)["plan"]["name"]
    page = client.get("/routes").text
    assert 0 < page.index(f">{second}<") < page.index(f">{first}<")


@pytest.mark.parametrize("name", [name for name in HOSTILE if "/" not in name])
def test_a_hostile_name_stays_text(client, name):
    plan = made(client, name=name)
    assert plan["plan"]["name"] == name
    for address in ("/routes", plan["page"]):
        page = Page(client.get(address).text)
        assert page.of("script") == [] and page.handlers == [] and "img" not in page.tags
    listed = Page(client.get("/routes").text)
    assert name in listed.of("b")
    assert client.get(f"/api/routes/{plan['page'].rpartition('/')[2]}").json["plan"]["name"] == name


def test_nothing_of_the_query_reaches_the_page(client):
    plain = client.get("/routes?lang=en").text
    for name in HOSTILE:
        assert client.get("/routes", query_string={"lang": "en", "draw": name, name: name}).text == plain


def test_the_home_page_and_the_draw_lead_to_the_routes(client):
    assert "/routes" in Page(client.get("/").text).addresses
    assert any(one.startswith("/routes?draw=") for one in Page(client.get("/draws/抽一").text).addresses)


def test_the_scripts_ask_only_for_texts_that_exist():
    scripts = sorted(static_path("zhoubian").glob("routes-*.js"))
    source = "".join(script.read_text(encoding="utf-8") for script in scripts)
    known = {code.removeprefix("map.routes.") for code in texts() if code.startswith("map.routes.")}
    whole = set(re.findall(r'\bsay\("([a-z_.]+)"[,)]', source))
    whole |= {one for pair in re.findall(r'\bsay\([^"()]+\? "(\w+)" : "(\w+)"', source) for one in pair}
    begun = set(re.findall(r'\bsay\("([a-z_.]+\.)" \+', source))
    ends = {
        "kind.": {"back_alley", "compound"},
        "mode.": {"walk", "bike", "drive"},
        "leg.": {"walk", "bike", "drive"},
        "engine.": {"insertion", "pyvrp", "vroom", "edited"},
        "file.": {*door.FILES, "sheets"},
        "from.": {"must", "lookback", "added"},
        "link.": {"amap", "baidu", "geo"},
    }
    assert whole <= known
    assert begun == ends.keys()
    assert {start + end for start in begun for end in ends[start]} <= known
    used = whole | {start + end for start in begun for end in ends[start]}
    spoken = set(re.findall(r'"([a-z_]+)"', source))
    assert {code for code in known - used if code not in spoken} == set()


# ------------------------------------------------------------------------------------------ a plan


def test_a_plan_comes_with_what_the_page_shows_beside_it(client):
    answer = made(client)
    plan = answer["plan"]
    assert plan["format"] == "zhoubian-plan/1" and plan["revision"] == 1
    assert answer["estimate"] is None
    assert answer["colours"] == list(TEAM_COLOURS[:2])
    assert set(answer["reasons"]) == {one["site"] for one in plan["dropped"]}
    visited = [site for route in stops(plan) for site in route]
    assert set(answer["links"]) == set(visited) and visited
    kinds = [one["kind"] for one in answer["links"][visited[0]]]
    assert kinds == ["amap", "baidu", "geo"]
    for site in visited:
        for link in answer["links"][site]:
            assert re.match(r"https://uri\.amap\.com/|https://api\.map\.baidu\.com/|geo:", link["address"])


def test_a_team_without_a_start_has_no_way_to_its_first_stop(client):
    answer = made(client, start=None, end="open")
    first = answer["plan"]["routes"][0]["stops"][0]["site"]
    assert [one["kind"] for one in answer["links"][first]] == ["amap", "geo"]


def test_a_plan_that_the_browser_holds_is_not_sent_again_until_it_changes(client):
    plan = made(client)["plan"]
    address = f"/api/routes/{plan['name']}"
    etag = client.get(address).headers["ETag"]
    assert client.get(address, headers={"If-None-Match": etag}).status_code == 304
    assert client.get(f"{address}?lang=en", headers={"If-None-Match": etag}).status_code == 200
    first = plan["routes"][0]["stops"][0]["site"]
    assert post(client, f"{address}/lock", {"site": first, "locked": True, "revision": 1}).status_code == 200
    assert client.get(address, headers={"If-None-Match": etag}).status_code == 200


def test_the_roads_are_there_for_every_plan(client):
    ground = client.get("/api/route-ground").json
    assert len(ground["roads"]) == 16 and "OpenStreetMap" in ground["attribution"]
    assert ground["bounds"] == pytest.approx([116.30, 39.95, 116.314, 39.964])


def test_a_team_may_start_from_a_drawn_anchor(client):
    anchors = client.get("/api/route-starts/抽一").json["anchors"]
    assert {one["class"] for one in anchors} == set(ANCHOR_CLASSES)
    plan = made(client, start=None, start_anchor=anchors[0]["id"])["plan"]
    assert plan["teams"][0]["start"] == pytest.approx(anchors[0]["lonlat"], abs=1e-6)
    assert plan["teams"][0]["start_name"] == anchors[0]["name"]


@pytest.mark.parametrize("kind", [*KINDS, "zip"])
def test_a_plan_is_taken_away_as_a_file(client, kind):
    answer = made(client, date="2026-11-24")
    address = next(one["address"] for one in answer["files"] if one["kind"] == kind)
    taken = client.get(address)
    assert taken.status_code == 200 and taken.data
    assert f"attachment; filename={answer['plan']['name']}.{kind}" in taken.headers["Content-Disposition"]
    if kind == "zip":
        inside = zipfile.ZipFile(io.BytesIO(taken.data)).namelist()
        assert {name.rpartition(".")[2] for name in inside} == {*KINDS, "html"}
        assert len([name for name in inside if name.endswith(".html")]) == 2


def test_a_plan_without_a_date_offers_no_calendar(client):
    answer = made(client)
    assert "ics" not in [one["kind"] for one in answer["files"]]
    assert client.get(f"{answer['page']}/files/ics").status_code == 400


def test_a_sheet_opens_as_a_page_where_no_script_runs(client):
    answer = made(client)
    for address in (*answer["sheets"], f"{answer['page']}/sheets"):
        sheet = client.get(address)
        assert sheet.status_code == 200
        assert "default-src 'none'" in sheet.headers["Content-Security-Policy"]
        assert "script-src" not in sheet.headers["Content-Security-Policy"]
    assert client.get(f"{answer['page']}/sheets/3").status_code == 404
    assert client.get(f"{answer['page']}/files/exe").status_code == 404


def test_the_amount_of_a_draw_is_that_of_its_plan(client):
    plan = made(client)["plan"]
    assert client.get("/api/route-amount/抽一").json == {
        "sites": len(plan["sites"]),
        "service_s": sum(site["service_s"] for site in plan["sites"]),
    }


# ---------------------------------------------------------------------------------------- by hand


def test_a_stop_goes_to_another_team_and_the_times_follow(client):
    plan = made(client)["plan"]
    site = plan["routes"][0]["stops"][0]["site"]
    asked = {"site": site, "team": "2", "position": 1, "revision": 1}
    moved = post(client, f"/api/routes/{plan['name']}/move", asked).json["plan"]
    assert moved["revision"] == 2 and moved["engine"]["name"] == "edited"
    assert stops(moved)[1][0] == site and site not in stops(moved)[0]
    assert moved["routes"][1]["work_s"] != plan["routes"][1]["work_s"]
    assert client.get(f"/api/routes/{plan['name']}").json["plan"] == moved


def test_a_stop_goes_where_it_fits_best_when_no_place_is_told(client):
    plan = made(client)["plan"]
    site = plan["routes"][0]["stops"][0]["site"]
    moved = post(client, f"/api/routes/{plan['name']}/move", {"site": site, "team": "2", "revision": 1}).json
    assert site in stops(moved["plan"])[1]


def test_a_stop_and_a_team_are_locked_and_unlocked(client):
    plan = made(client)["plan"]
    address, site = f"/api/routes/{plan['name']}/lock", plan["routes"][0]["stops"][0]["site"]
    locked = post(client, address, {"site": site, "locked": True, "revision": 1}).json["plan"]
    assert locked["routes"][0]["stops"][0]["locked"] is True
    locked = post(client, address, {"team": "2", "locked": True, "revision": 2}).json["plan"]
    assert [route["locked"] for route in locked["routes"]] == [False, True]
    freed = post(client, address, {"team": "2", "locked": False, "revision": 3}).json["plan"]
    assert not any(route["locked"] for route in freed["routes"])


def test_a_site_is_found_added_and_taken_out_with_a_reason(client):
    plan = made(client)["plan"]
    known = {site["id"] for site in plan["sites"]}
    address = f"/api/routes/{plan['name']}"
    found = client.get(f"{address}/sites", query_string={"q": "槐树"}).json["sites"]
    assert found and all("槐树" in one["name"] and one["kind"] == "back_alley" for one in found)
    assert not {f"{one['layer']}/{one['unit']}" for one in found} & known
    site = f"{found[0]['layer']}/{found[0]['unit']}"
    more = post(client, f"{address}/add", {"site": site, "revision": 1}).json["plan"]
    assert site in {one["id"] for one in more["sites"]}
    less = post(client, f"{address}/remove", {"site": site, "revision": 2}).json
    assert site not in [one for route in stops(less["plan"]) for one in route]
    assert less["reasons"][site] == texts()["route.reason.removed"]["zh"]


def test_a_search_without_words_or_without_a_match_finds_nothing(client):
    name = made(client)["plan"]["name"]
    for words in ("", "  ", "没有这样的地方", "x" * 5000):
        assert client.get(f"/api/routes/{name}/sites", query_string={"q": words}).json == {"sites": []}


def test_a_team_falls_out_and_nothing_is_lost(client):
    plan = made(client)["plan"]
    answer = post(client, f"/api/routes/{plan['name']}/drop_team", {"team": "1", "revision": 1}).json
    left = answer["plan"]
    assert answer["colours"] == [TEAM_COLOURS[1]]  # as on the sheets that are printed already
    assert [team["id"] for team in left["teams"]] == ["2"]
    assert client.get(f"/routes/{plan['name']}/sheets/2").status_code == 200
    assert client.get(f"/routes/{plan['name']}/sheets/1").status_code == 404
    told = [site for route in stops(left) for site in route] + [one["site"] for one in left["dropped"]]
    assert sorted(told) == sorted(site["id"] for site in plan["sites"])


# ----------------------------------------------------------------------------------------- solving


def ended(client, name, wait_s=20.0):
    until = time.monotonic() + wait_s
    while True:
        job = client.get(f"/api/routes/{name}/job").json
        if job["state"] not in ("waiting", "running") or time.monotonic() > until:
            return job
        time.sleep(0.02)


def test_a_plan_is_there_at_once_and_solved_in_the_background(store_path):
    client = create_app(store_path, "zh").test_client()
    answer = post(client, "/api/routes", {**WANTED, "seconds": 0.5})
    assert (answer.status_code, answer.json["plan"]["revision"]) == (201, 1)
    name = answer.json["plan"]["name"]
    assert ended(client, name)["state"] == "done"
    assert client.get(f"/api/routes/{name}").json["plan"]["revision"] == 2


@pytest.fixture
def slow(store_path, monkeypatch):
    """A service whose solving goes on until `go` is set, or until somebody stops it."""
    go, told = threading.Event(), threading.Event()

    def improve(store, name, *, now, seconds, progress):
        while not go.wait(0.01):
            progress(Score(0, 10_000, 600, 1200), 0.25)
            told.set()
        return {"revision": 7}

    monkeypatch.setattr(routes, "improve", improve)
    client = create_app(store_path, "zh").test_client()
    name = made(client)["plan"]["name"]
    assert told.wait(10)
    yield client, name, go
    go.set()


def test_the_page_is_told_how_far_and_how_good(slow):
    client, name, go = slow
    job = client.get(f"/api/routes/{name}/job").json
    assert (job["state"], job["share"]) == ("running", 0.25)
    assert (job["best"]["travel_s"], job["best"]["longest_s"]) == (600, 1200)
    plan = client.get(f"/api/routes/{name}").json["plan"]
    assert job["best"]["issues"] == pytest.approx(max(site["priority"] for site in plan["sites"]), abs=1e-3)
    go.set()
    assert ended(client, name)["state"] == "done"


def test_a_plan_that_is_being_solved_is_not_changed_by_hand_nor_solved_twice(slow):
    client, name, _ = slow
    for action, told in (("drop_team", {"team": "1", "revision": 1}), ("improve", {})):
        answer = post(client, f"/api/routes/{name}/{action}", told)
        assert (answer.status_code, answer.json["error"]["code"]) == (409, "plan_solving")


def test_solving_is_stopped_and_the_routes_stay(slow):
    client, name, _ = slow
    before = client.get(f"/api/routes/{name}").json
    assert post(client, f"/api/routes/{name}/job", {}).status_code == 200
    assert ended(client, name)["state"] == "cancelled"
    assert client.get(f"/api/routes/{name}").json == before


def test_where_too_many_plans_wait_the_routes_are_made_all_the_same(slow):
    client, _, _ = slow
    client.application.extensions["zhoubian_routes"].jobs._most = 1
    name = made(client)["plan"]["name"]
    assert client.get(f"/api/routes/{name}/job").json["state"] == "none"
    answer = post(client, f"/api/routes/{name}/improve", {})
    assert (answer.status_code, answer.json["error"]["code"]) == (503, "jobs_full")


def test_what_solving_failed_of_is_told(store_path, monkeypatch):
    def improve(*_, **__):
        raise RuntimeError("secret")

    monkeypatch.setattr(routes, "improve", improve)
    client = create_app(store_path, "zh").test_client()
    job = ended(client, made(client)["plan"]["name"])
    assert job["state"] == "failed" and job["message"] == texts()["web.broken"]["zh"]


def test_jobs_of_one_sort_do_not_wait_for_another():
    assert Jobs(3)._most == 3 and Jobs()._most == 2


# ----------------------------------------------------------------------------------------- refused


def test_a_change_to_an_old_revision_is_refused(client):
    plan = made(client)["plan"]
    address = f"/api/routes/{plan['name']}/drop_team"
    answer = post(client, address, {"team": "1", "revision": 9})
    assert (answer.status_code, answer.json["error"]["code"]) == (409, "plan_changed")
    assert client.get(f"/api/routes/{plan['name']}").json["plan"] == plan


@pytest.mark.parametrize(
    "address",
    [
        "/routes/none",
        "/api/routes/none",
        "/api/routes/none/sites",
        "/routes/none/files/gpx",
        "/api/route-starts/none",
    ],
)
def test_what_is_not_there_is_not_found(client, address):
    assert client.get(address).status_code == 404


@pytest.mark.parametrize("action", ["move", "lock", "drop_team", "add", "remove", "improve", "job"])
def test_a_foreign_page_changes_nothing(client, action):
    plan = made(client)["plan"]
    address = f"/api/routes/{plan['name']}/{action}"
    for headers in ({}, {"X-Zhoubian": "1", "Origin": "http://evil.example"}, {"Origin": "http://localhost"}):
        answer = client.post(address, json={"team": "1", "revision": 1}, headers=headers)
        assert (answer.status_code, answer.json["error"]["code"]) == (403, "cross_site")
    assert client.post("/api/routes", json=WANTED).status_code == 403
    assert client.get(f"/api/routes/{plan['name']}").json["plan"] == plan


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"teams": 0}, "no_teams"),
        ({"teams": -1}, "no_teams"),
        ({"teams": 10**9}, "teams_many"),
        ({"teams": 10**30}, "teams_many"),
        ({"teams": "many"}, "plan_request"),
        ({"teams": True}, "plan_request"),
        ({"teams": [{"colour": "red"}]}, "plan_request"),
        ({"mode": "fly"}, "mode_unknown"),
        ({"shift": "12:00-08:00"}, "span_unreadable"),
        ({"start": "39.9,116.3"}, "place_unreadable"),
        ({"max_work": "much"}, "work_unreadable"),
        ({"date": "2026-02-31"}, "plan_request"),
        ({"seconds": 1e9}, "plan_request"),
        ({"seconds": -1}, "plan_request"),
        ({"must": "A1"}, "plan_request"),
        ({"must": [7]}, "plan_request"),
        ({"must": ["nowhere"]}, "site_unknown"),
        ({"name": "a/b"}, "plan_name"),
        ({"surprise": 1}, "plan_request"),
    ],
)
def test_a_wish_that_cannot_be_is_told_in_one_sentence(client, told, code, lang):
    answer = post(client, f"/api/routes?lang={lang}", {**WANTED, **told})
    assert answer.status_code in (400, 404)
    assert answer.json["error"]["code"] == code
    said = answer.json["error"]["message"]
    assert bool(re.search("[一-鿿]", said)) == (lang == "zh") and "{" not in said


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"site": "x" * 300, "team": "1", "revision": 1},
        {"site": 7, "team": "1", "revision": 1},
        {"site": "a", "team": "1", "position": -1, "revision": 1},
        {"site": "a", "team": "1", "position": 1.5, "revision": 1},
        {"site": "a", "team": "1", "revision": True},
        {"site": "a", "team": "1"},
    ],
)
def test_a_move_that_no_page_of_ours_would_ask_for_is_refused(client, told):
    name = made(client)["plan"]["name"]
    answer = post(client, f"/api/routes/{name}/move", told)
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "plan_request")


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 5000])
def test_a_body_that_is_no_object_is_refused(client, body):
    name = made(client)["plan"]["name"]
    answer = client.post(f"/api/routes/{name}/move", data=body, headers=OURS)
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "plan_request")


def test_a_body_that_is_too_large_is_refused(client):
    answer = client.post("/api/routes", data=b" " * (door.MOST_BYTES + 1), headers=OURS)
    assert (answer.status_code, answer.json["error"]["code"]) == (413, "too_large")


def test_a_store_without_roads_is_planned_and_says_that_it_is_an_estimate(tmp_path, monkeypatch):
    monkeypatch.setattr(door, "_improve", lambda record, told: None)
    stored(tmp_path / "none.db", roads=False)
    client = create_app(tmp_path / "none.db", "zh").test_client()
    assert client.get("/api/route-ground").json["roads"] == []
    answer = made(client)
    assert answer["plan"]["roads"]["estimate"] is True
    assert "1.25" in answer["estimate"] and answer["estimate"] not in answer["warnings"]


def test_a_store_without_draws_offers_none(tmp_path):
    with Store.open(tmp_path / "empty.db", create=True):
        pass
    client = create_app(tmp_path / "empty.db", "zh").test_client()
    assert texts()["web.routes_no_draws"]["zh"] in client.get("/routes").text
    assert client.get("/api/route-ground").json["bounds"] is None
