"""`zhoubian coverage toilets` in both languages: answer, JSON, file, refusal."""

from __future__ import annotations

import json

import pytest
import typer.main
from office import refused, run
from toilet_town import stored

from service.commands.program import build
from service.i18n import LANGS


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    return stored(tmp_path_factory.mktemp("town") / "镇.db")


@pytest.fixture
def town(held, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZHOUBIAN_STORE", str(held))
    return held


def told(capsys, *more, lang="en"):
    """What the command says."""
    code, out, err = run(capsys, "--lang", lang, "coverage", "toilets", *more)
    assert (code, err) == (0, "")
    return out


@pytest.mark.parametrize("lang", LANGS)
def test_every_option_has_a_help_in_the_language(lang):
    group = typer.main.get_command(build(lang)).commands["coverage"]
    assert group.help
    for parameter in group.commands["toilets"].params:
        words = parameter.help
        assert words, parameter.name
        assert parameter.name == "help" or words.isascii() == (lang == "en"), parameter.name


@pytest.mark.parametrize(
    ("lang", "words"),
    [("en", ("35.0 %", "along the street", "1 under works", "东大街", "1,300")),
     ("zh", ("35.0 %", "沿街", "施工 1 处", "东大街", "最宜增设的位置", "1,300"))],
)  # fmt: skip
def test_the_answer_stands_on_the_screen_with_its_settings(town, capsys, lang, words):
    said = told(capsys, lang=lang)
    for part in words:
        assert part in said


def test_json_holds_the_figures(town, capsys):
    answer = json.loads(told(capsys, "--rule", "walk", "--no-offices", "--json"))
    assert answer["settings"]["rule"] == "walk"
    assert answer["settings"]["offices"] is False
    # T1 covers 300 +- 490, T4 1000 +- 100; 西街 is 400 m
    assert answer["bare_m"] == pytest.approx(2000 - 790 - 200 + 400, abs=0.5)
    assert answer["next_places"][0]["rank"] == 1


def test_any_walk_names_no_place_and_says_so(town, capsys):
    assert "--rule window" in told(capsys, "--rule", "any_walk")


def test_a_file_is_written_and_said(town, capsys, tmp_path):
    told(capsys, "--out", "图.html", lang="zh")
    assert "沿街每 500 米" in (tmp_path / "图.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "wrong", [("--rule", "disc"), ("--distance", "1"), ("--classes", "巷"), ("--out", "a.doc")]
)
@pytest.mark.parametrize("lang", LANGS)
def test_what_cannot_be_is_refused_in_one_line(town, capsys, wrong, lang):
    refused(capsys, "coverage", "toilets", *wrong, lang=lang)


@pytest.mark.parametrize("more", [(), ("nothing",)])
def test_coverage_alone_and_an_unknown_command_are_refused_in_one_line(town, capsys, more):
    refused(capsys, "coverage", *more)
