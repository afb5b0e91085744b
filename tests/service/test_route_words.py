"""A plan in words: what is said is true, and says who is meant."""

from __future__ import annotations

from service.route_words import reason

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
