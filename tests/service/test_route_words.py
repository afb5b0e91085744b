"""A plan in words: what is said is true, and says who is meant."""

from __future__ import annotations

from service.route_words import reason, warnings

SHORT = {"reason": "shift_short", "facts": {"missing_s": 61, "shift_s": 61, "work_s": 0}}


def test_a_team_without_a_name_is_called_by_its_number():
    facts = {**SHORT["facts"], "team": "1"}
    told = reason({**SHORT, "facts": facts}, "en")
    assert told.startswith("even as its only visit Team 1 lacks 2 min")
    named = reason({**SHORT, "facts": {**facts, "team": "东组"}}, "zh")
    assert named.startswith("即使只去这一处，东组")
    assert reason({**SHORT, "facts": facts}, "zh").startswith("即使只去这一处，第 1 组")


def test_teams_alike_are_not_said_to_lack_more():
    assert "no other team lacks less" in reason({**SHORT, "facts": {**SHORT["facts"], "team": "1"}}, "en")


def test_an_uneven_plan_and_missed_required_sites_are_told():
    record = {
        "warnings": [], "roads": {"estimate": False},
        "totals": {"required": 3, "required_visited": 1, "longest_work_s": 6000, "mean_work_s": 4000.0},
    }  # fmt: skip
    missed, uneven = warnings(record, "en")
    assert missed.startswith("2 required sites are not visited")
    assert "1.50 times the mean" in uneven
    even = {**record["totals"], "required_visited": 3, "longest_work_s": 4600}
    assert warnings({**record, "totals": even}, "en") == []
