"""The pages of following up: lists, one issue, the board, missions, scores and figures, zh and en."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta
from urllib.parse import unquote

import mission_town
import openpyxl
import pytest
from chromium import served
from html_page import Page
from mission_town import NOW, at, row

from layers.store import Store
from service.usecases import issue_actions, issue_book, missions, results, tick
from service.usecases.issue_book import NewIssue
from service.web.app import create_app

HOSTILE = '{{7*7}}<img src=x onerror=alert(1)> "=1+1"'
PAGES = (
    "/issues",
    "/issues/一轮/M1/market-01",
    "/cards",
    "/missions",
    "/scores",
    "/figures?since=2026-05-01&until=2026-05-31",
)


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    """A mission with three things found: one mended on the spot, one closed, one red; and one by a caller.

    M1-01 (HJ02, 2 wh) is found on Wednesday at 9:30 and never mended: white until 11:30, yellow for
    4 wh until 17:30, red until the end of Thursday. B1-04 (SS02, 4 wh) is closed at noon. The call of
    17:00 (HJ01, 4 wh) is white until 11:00 of Thursday, yellow until 17:00, red after.
    """
    path = mission_town.made(tmp_path_factory.mktemp("follow"))
    with Store.open(path, create=False) as store:
        mission_town.create(store, "一轮")
        told = [
            row("M1", "market-01", "no", 2, note=HOSTILE),
            row("M1", "market-02", "yes"),
            row("B1", "back_alley-04", "no", 1),
            row("S1", "school-09", "no", 1, fixed_on_site=True),
            row("S1", "school-01", "na"),
        ]
        results.take_results(store, "一轮", told, who="一组", now=NOW).require()
        hole = "一轮/B1/back_alley-04"
        issue_actions.act(store, hole, "report", who="市政", now=NOW, at=at(6, 11))
        issue_actions.act(
            store, hole, "recheck", who="创城办", now=NOW, at=at(6, 12), passed=True, close=True
        )
        caller = NewIssue(
            issue="420106001001001", category="HJ01", found_at=at(6, 17), source="complaint", lon=116.3, lat=39.9,
            site="B1", note="1-2",
        )  # fmt: skip
        place = next(site for site in missions.stored(store, "一轮", now=NOW).sites if site["id"] == "B1")
        issue_book.take_up(
            store, [replace(caller, lon=place["lon"], lat=place["lat"])], origin="电话", who="热线", now=NOW
        )
        tick.tick(store, now=NOW + timedelta(days=1))
    return path


@pytest.fixture
def client(town):
    return create_app(town, "zh").test_client()


def text_of(client, address):
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    return answer.text


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("address", PAGES)
def test_no_page_loads_a_foreign_thing_or_runs_what_a_user_wrote(client, address, lang):
    sign = "&" if "?" in address else "?"
    page = Page(text_of(client, f"{address}{sign}lang={lang}"))
    assert all(target.startswith(("/", "?")) and not target.startswith("//") for target in page.addresses)
    assert page.handlers == []
    assert "img" not in page.tags
    assert page.of("style") == []


def test_the_list_counts_colours_and_leaves_none_out(client):
    shown = text_of(client, "/issues?mission=一轮")
    assert "共 3" in shown
    assert "红卡 1" in shown
    assert "白卡 1" in shown  # the closed one keeps its colour
    assert "黄卡 0" in shown


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("standing=open", {"一轮/M1/market-01", "420106001001001"}),
        ("standing=closed", {"一轮/B1/back_alley-04", "一轮/S1/school-09"}),
        ("state=fixed_on_site", set()),
        ("colour=red", {"一轮/M1/market-01", "420106001001001"}),
        ("colour=red&source=mission", {"一轮/M1/market-01"}),
        ("category=HJ", {"一轮/M1/market-01", "420106001001001"}),
        ("source=complaint", {"420106001001001"}),
        ("unit=municipal", {"一轮/B1/back_alley-04"}),
        ("since=2026-05-07", set()),
        ("until=2026-05-05", set()),
        ("since=2026-05-06&until=2026-05-06&site=M1", {"一轮/M1/market-01"}),
        ("standing=gone", set()),
    ],
)
def test_each_condition_of_the_address_chooses_its_issues(client, query, found):
    links = Page(text_of(client, f"/issues?{query}")).addresses
    every = {"一轮/M1/market-01", "一轮/B1/back_alley-04", "一轮/S1/school-09", "420106001001001"}
    shown = {unquote(target).removeprefix("/issues/") for target in links} & every
    if query == "state=fixed_on_site":  # the visit closes what it mends
        shown = {one for one in shown if one != "一轮/S1/school-09"}
    assert shown == found


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("standing=lost", "open, overdue, closed, gone"),
        ("state=gone", "found"),
        ("since=yesterday", "2026-05-06"),
        ("since=2026-05-07&until=2026-05-06", "2026-05-07"),
    ],
)
def test_a_condition_that_cannot_be_is_one_sentence(client, query, words):
    answer = client.get(f"/issues?{query}&lang=en")
    assert answer.status_code == 400
    assert words in answer.text


def test_an_issue_tells_its_history_newest_first(client):
    shown = text_of(client, "/issues/一轮/M1/market-01?lang=en")
    lines = [shown.index(words) for words in ("<b>raised</b>", "<b>card issued</b>", "<b>found</b>")]
    assert lines == sorted(lines)
    assert (
        "2026-05-07 18:00" in shown
    )  # red: one work day after the yellow of 4 wh was missed on the 6th at 17:30
    assert "{{7*7}}&lt;img" in shown


@pytest.mark.parametrize("page", ["99999999999999999999999", "-5", "x", "3"])
def test_a_page_beyond_the_list_is_empty_and_no_error(client, page):
    assert client.get(f"/issues?page={page}").status_code == 200


@pytest.mark.parametrize(
    "query", ["until=0001-01-01", "until=9999-12-31", "since=0001-01-01&until=9999-12-31"]
)
@pytest.mark.parametrize("address", ["/figures", "/issues", "/issues.csv"])
def test_the_ends_of_time_are_days_like_others(client, address, query):
    assert client.get(f"{address}?{query}").status_code == 200


def test_an_unknown_issue_is_told_so(client):
    answer = client.get("/issues/nothing?lang=en")
    assert answer.status_code == 404
    assert "zhoubian issue list" in answer.text


def test_the_board_shows_open_cards_only(client):
    shown = text_of(client, "/cards")
    assert "420106001001001" in shown
    assert "一轮/M1/market-01" in shown
    assert "一轮/B1/back_alley-04" not in shown


def test_codes_and_formulas_stay_text_in_the_file(client):
    answer = client.get("/issues.xlsx?lang=en")
    book = openpyxl.load_workbook(io.BytesIO(answer.data))
    sheet = book["issues"]
    heads = {cell.value: number for number, cell in enumerate(sheet[1])}
    rows = {cells[0].value: cells for cells in sheet.iter_rows(min_row=2)}
    caller = rows["420106001001001"]
    assert caller[0].data_type == "s"
    assert (caller[heads["note"]].value, caller[heads["note"]].data_type) == ("1-2", "s")
    assert rows["一轮/M1/market-01"][heads["note"]].value == HOSTILE
    assert rows["一轮/M1/market-01"][heads["found"]].value == "2026-05-06 09:30:00"
    assert len(rows) == 4


def test_csv_opens_as_text_in_excel_and_wps(client):
    answer = client.get("/issues.csv?source=complaint")
    assert answer.data.startswith(b"\xef\xbb\xbf")
    line = answer.data.decode("utf-8-sig").splitlines()[1]
    assert line.startswith("'420106001001001,")
    assert ",'1-2," in line


def test_scores_stand_with_their_base(client):
    shown = text_of(client, "/scores?mission=一轮&by=type&lang=en")
    # market: two cases of 01 (0.33) and 02 in order; alley: one case (0.66); school: one case (0.66)
    for rate in ("66.5", "66.0"):
        assert rate in shown
    assert "3 sites, 4 contents, 4 observations" in shown


def test_missions_tell_what_they_found(client):
    page = Page(text_of(client, "/missions?lang=en"))
    cells = page.of("td")
    assert "3 / 5" in cells
    assert "mock inspection" in " ".join(cells).lower() or "mock" in " ".join(cells).lower()


def test_figures_of_a_period_without_issues_are_empty_and_no_error(client):
    shown = text_of(client, "/figures?since=2025-01-01&until=2025-01-31&lang=en")
    assert "—" in shown


@pytest.mark.browser
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_page_shows_itself_in_a_browser_without_network(page, town, lang):
    with served(create_app(town, "zh")) as service:
        for address in PAGES:
            sign = "&" if "?" in address else "?"
            page.goto(f"{service}{address}{sign}lang={lang}")
            assert page.locator("nav.zb-follow a").count() >= 5
            wide = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert wide <= 0, address
        page.goto(f"{service}/issues?lang={lang}")
        page.locator("select[name=colour]").select_option("red")
        page.locator(".zb-filters button").click()
        page.wait_for_url("**colour=red**")
        assert page.locator(".zb-issues tbody tr").count() == 2
        page.locator(".zb-issues tbody a").first.click()
        page.wait_for_selector(".zb-facts")
        assert page.watch.foreign(service) == []
        assert page.watch.faults == []


@pytest.mark.parametrize("by", ["type", "district", "community", "unit", "site", "mission"])
def test_scores_can_be_told_by_everything(client, by):
    assert "66." in text_of(client, f"/scores?by={by}&mission=一轮&lang=en")
