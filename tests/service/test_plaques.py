"""The black plaque: by hand, with ties, with nobody, moved and kept."""

from __future__ import annotations

import shutil
from datetime import date

import pytest
from bulletin_town import AFTER, act, at, take, town
from hamlet import shape
from score_town import keep_rules, rules
from sqlalchemy import delete

from geo.errors import DesignError
from layers import tables
from layers.store import Store
from service.usecases import plaques
from service.usecases.issue_book import NewIssue
from service.usecases.tick import tick

BEFORE, NOW = (date(2026, 10, 26), date(2026, 11, 8)), (date(2026, 11, 9), date(2026, 11, 22))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return town(tmp_path_factory.mktemp("plaque") / "store.db")


@pytest.fixture
def store(made, tmp_path):
    path = tmp_path / "copy.db"
    shutil.copy(made, path)
    with Store.open(path, create=False) as opened:
        yield opened


def set_rules(store, **plaque):
    """The office's rules with other settings of the plaque."""
    book = rules()
    book["bulletin"]["plaque"] = plaque
    with store.writing() as connection:
        connection.execute(delete(tables.rule_books))
    keep_rules(store, book)


def test_it_goes_to_the_unit_with_the_most_red_cards_and_moves(store):
    first = plaques.decide(store, *BEFORE, now=AFTER)
    assert (first.unit, first.why, dict(first.facts)) == ("sanitation", "reds", {"of": "unit", "reds": 1})
    assert first.moved_from is None
    second = plaques.decide(store, *NOW, now=AFTER)
    assert (second.unit, second.moved_from) == ("city_mgmt", "sanitation")
    assert [one.unit for one in plaques.history(store)] == ["sanitation", "city_mgmt"]


def test_decided_again_it_is_the_same(store):
    once = plaques.decide(store, *NOW, now=AFTER)
    again = plaques.decide(store, *NOW, now=at(30, 9))
    assert again == once
    assert again.at == AFTER


def test_a_period_without_a_red_card_has_no_holder(store):
    held = plaques.decide(store, date(2026, 9, 28), date(2026, 10, 11), now=AFTER)
    assert (held.held, held.unit, held.why) == (False, "", "nobody")
    plaques.decide(store, *BEFORE, now=AFTER)
    assert plaques.history(store)[1].moved_from is None


def test_what_was_put_right_changes_the_holder(store):
    plaques.decide(store, *NOW, now=AFTER)
    act(store, "E3", "withdraw", at(24, 9))
    assert not plaques.decide(store, *NOW, now=at(24, 10)).held


def test_it_moves_only_when_the_period_has_ended(store):
    with pytest.raises(DesignError) as refused:
        plaques.decide(store, *NOW, now=at(22, 23, 59))
    assert refused.value.code == "plaque_unfinished"
    assert plaques.history(store) == []


def more(store, name, category, found_at, place):
    spot = shape(place)
    new = NewIssue(issue=name, category=category, found_at=found_at, source="patrol", lon=spot.x, lat=spot.y)
    take(store, [new], now=found_at)


@pytest.fixture
def tied(made, tmp_path):
    """Another red card of the same period, with another unit; nothing has been decided."""
    path = tmp_path / "tied.db"
    shutil.copy(made, path)
    with Store.open(path, create=False) as opened:
        more(opened, "T1", "HJ05", at(16, 9), (400, 900))  # due the 17th; red the 18th at 12:00
        tick(opened, now=at(30, 9))
        yield opened


def test_a_tie_goes_to_more_overdue_issues_then_to_the_lower_rate(tied):
    # both have a red card and an overdue issue; city management closed 2 of 3 on time, sanitation 0 of 1
    held = plaques.decide(tied, *NOW, now=at(30, 9))
    assert held.unit == "sanitation"
    assert held.facts["tied"] == ["sanitation", "city_mgmt"]
    assert held.facts["broken_by"] == "on_time_rate"


def test_more_overdue_issues_break_a_tie_first(made, tmp_path):
    path = tmp_path / "overdue.db"
    shutil.copy(made, path)
    with Store.open(path, create=False) as store:
        more(store, "T1", "HJ05", at(16, 9), (400, 900))
        more(store, "T3", "SR05", at(19, 9), (900, 200))  # 1 wd: due the 20th 18:00, yellow to Monday 12:00
        tick(store, now=at(30, 9))
        held = plaques.decide(store, *NOW, now=at(30, 9))
    assert (held.unit, held.facts["broken_by"]) == ("city_mgmt", "overdue")
    assert held.facts["reds"] == 1


def test_by_score_it_goes_to_the_lowest_rate(store):
    set_rules(store, by="score", of="district")
    # the second round: 东街 (0.83 + 3) / 4, 西街 (0.33 + 1) / 2
    held = plaques.decide(store, *NOW, now=AFTER)
    assert (held.unit, held.why, held.facts["rate"]) == ("西街", "score", pytest.approx(0.665))
    # the first round: 东街 0.47875, 西街 0.83
    assert plaques.decide(store, *BEFORE, now=AFTER).unit == "东街"
    assert not plaques.decide(store, date(2026, 9, 28), date(2026, 10, 11), now=AFTER).held


def test_by_subdistrict_reds_count_where_they_were_found(store):
    set_rules(store, by="reds", of="district")
    # E4 in the west, E3 in the east
    assert plaques.decide(store, *BEFORE, now=AFTER).unit == "西街街道"
    assert plaques.decide(store, *NOW, now=AFTER).unit == "东街街道"
