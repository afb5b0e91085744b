"""`zhoubian routes`, `plan`, `plans`, `sheet`: a planner at the terminal."""

from __future__ import annotations

import json

import pytest
from office import refused, run
from route_town import stored

from service.i18n import LANGS

QUICK = ("--iterations", "40", "--mode", "bike")


@pytest.fixture
def office(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ZHOUBIAN_STORE", raising=False)
    stored(tmp_path / "zhoubian.db")
    return tmp_path


@pytest.mark.parametrize("lang", LANGS)
def test_a_draw_becomes_routes_on_the_screen_and_as_files(office, capsys, lang):
    code, out, err = run(
        capsys, "--lang", lang, "routes", "抽一", "--teams", "2", *QUICK, "--date", "2026-11-24", "--out", "路线",
    )  # fmt: skip
    assert code == 0, err
    names = sorted(file.name for file in (office / "路线").iterdir())
    assert names == [
        "routes.geojson", "routes.gpx", "routes.ics", "routes.kml", "routes.xlsx", "sheet-1.html", "sheet-2.html",
    ]  # fmt: skip
    assert all(name in out for name in names)
    assert ("骑行" if lang == "zh" else "by bicycle") in out
    code, out, _ = run(capsys, "--lang", lang, "plans")
    assert code == 0
    assert "抽一" in out


def test_every_arrival_on_the_screen_is_the_record_s(office, capsys):
    code, out, _ = run(capsys, "--lang", "en", "routes", "抽一", "--name", "甲", *QUICK)
    assert code == 0
    record = json.loads(run(capsys, "plan", "甲", "--json")[1])
    for route in record["routes"]:
        for stop in route["stops"]:
            assert f"{stop['arrive_s'] // 3600:02d}:{stop['arrive_s'] % 3600 // 60:02d}" in out


def test_without_a_date_the_calendar_is_refused_and_the_rest_written(office, capsys):
    code, out, _ = run(capsys, "--lang", "en", "routes", "抽一", *QUICK, "--out", "r")
    assert code == 0
    assert not (office / "r" / "routes.ics").exists()
    assert (office / "r" / "routes.gpx").exists()
    assert "--date" in out


def test_a_plan_is_changed_in_words(office, capsys):
    run(capsys, "routes", "抽一", "--teams", "2", "--name", "甲", *QUICK)
    before = json.loads(run(capsys, "plan", "甲", "--json")[1])
    site = before["routes"][0]["stops"][0]["site"]
    code, out, err = run(
        capsys, "plan", "甲", "--move", site, "--to", "2", "--at", "1", "--lock", f"{site},team/1", "--json"
    )
    assert code == 0, err
    after = json.loads(out)
    assert after["routes"][1]["stops"][0]["site"] == site
    assert after["routes"][1]["stops"][0]["locked"]
    assert after["routes"][0]["locked"]
    assert after["revision"] == before["revision"] + 1
    solved = json.loads(run(capsys, "plan", "甲", "--solve", "--iterations", "30", "--json")[1])
    assert site in [stop["site"] for stop in solved["routes"][1]["stops"]]


def test_of_several_changes_all_are_made_or_none(office, capsys):
    run(capsys, "routes", "抽一", "--teams", "2", "--name", "甲", *QUICK)
    before = json.loads(run(capsys, "plan", "甲", "--json")[1])
    site = before["routes"][0]["stops"][0]["site"]
    assert "9" in refused(capsys, "plan", "甲", "--remove", site, "--move", "a1", "--to", "9")
    assert json.loads(run(capsys, "plan", "甲", "--json")[1]) == before


def test_teams_in_words_and_sites_by_name(office, capsys):
    code, out, err = run(
        capsys, "--lang", "en", "routes", "--must", "c0,c1", "--lookback", "compounds/c2", "--needs", "c0=英语",
        "--window", "compound=08:30-11:00", "--service", "c1=5", "--team", "name=甲队; skills=英语",
        "--team", "name=乙队; mode=walk; start=116.305,39.955; end=open", "--iterations", "30", "--name", "看", "--json",
    )  # fmt: skip
    assert code == 0, err
    record = json.loads(out)
    assert [team["name"] for team in record["teams"]] == ["甲队", "乙队"]
    by_id = {site["unit"]: site for site in record["sites"]}
    assert by_id["c1"]["service_s"] == 300
    assert by_id["c0"]["windows"] == [[30600, 39600]]
    assert (by_id["c2"]["from"], by_id["c0"]["from"]) == ("lookback", "must")
    assert "compounds/c0" in [stop["site"] for stop in record["routes"][0]["stops"]]


def test_a_sheet_is_written_for_one_team_or_all(office, capsys):
    run(capsys, "routes", "抽一", "--teams", "2", "--name", "甲", *QUICK)
    assert run(capsys, "sheet", "甲", "--team", "2", "--out", "二.html")[0] == 0
    assert run(capsys, "sheet", "甲", "--out", "all.html")[0] == 0
    assert (office / "二.html").stat().st_size < (office / "all.html").stat().st_size


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("routes",), "--must"),
        (("routes", "none"), "none"),
        (("routes", "抽一", "--teams", "0"), "at least one team"),
        (("routes", "抽一", "--mode", "fly"), "walk, bike, drive"),
        (("routes", "抽一", "--shift", "12:00-08:00"), "08:00-12:00"),
        (("routes", "抽一", "--start", "39.95,116.30"), "longitude,latitude"),
        (("routes", "抽一", "--start", "118.3,39.95"), "km from the nearest"),
        (("routes", "抽一", "--service", "market=x"), "minutes"),
        (("routes", "抽一", "--needs", "market"), "--needs"),
        (("routes", "抽一", "--date", "tomorrow"), "2026-11-24"),
        (("plan", "none"), "none"),
        (("sheet", "none", "--out", "a.html"), "none"),
    ],
)
def test_what_cannot_be_is_one_sentence_that_says_what_to_do(office, capsys, arguments, words):
    assert words in refused(capsys, *arguments)


def test_a_move_says_where_to(office, capsys):
    run(capsys, "routes", "抽一", "--name", "甲", *QUICK)
    assert "--to" in refused(capsys, "plan", "甲", "--move", "a0")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("routes", "抽一", "--teams", "2", "--team", "name=A"), "--teams and --team exclude each other"),
        (("routes", "抽一", "--seconds", "1", "--iterations", "5"), "--seconds and --iterations exclude each other"),
        (("plan", "甲", "--iterations", "5"), "--iterations does something only with --solve"),
        (("plan", "甲", "--at", "2"), "--at does something only with --move"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("office")
def test_options_that_would_do_nothing_are_refused(words, said, capsys):
    assert said in " ".join(refused(capsys, *words).split())
