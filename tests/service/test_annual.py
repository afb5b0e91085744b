"""Typed years, the cycle they make, and the negative list, which never takes a point away."""

from __future__ import annotations

import copy
from datetime import timedelta
from fractions import Fraction as F

import pytest
from hamlet import NOON
from score_town import keep_rules

from geo.errors import DesignError, NotFoundError
from layers.rule_tables import shipped
from layers.store import Store
from service.supervision.scores import annual
from service.usecases.annual import add_flag, cycle_of, negative_list, remove_flag, set_part, years

OFFICE = {"who": "创城办", "now": NOON}
WEIGHTS = {"desk": F(40), "field": F(40), "survey": F(20)}


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "store.db", create=True) as opened:
        yield opened


def typed(store, year, /, **parts):
    for part, score in parts.items():
        set_part(store, year, part, None if score is None else F(str(score)), **OFFICE)


def test_a_year_is_the_weighted_mean_of_its_parts():
    told = annual({"desk": F(90), "field": F(80), "survey": F("75.5")}, WEIGHTS)
    # 36 + 32 + 15.1
    assert (told.score, told.at_most, told.missing) == (F("83.1"), F("83.1"), ())


def test_a_missing_part_leaves_a_range_and_no_score():
    told = annual({"desk": F(90), "survey": F(75)}, WEIGHTS)
    assert (told.score, told.so_far, told.at_most, told.missing) == (None, F(51), F(91), ("field",))
    nothing = annual({}, WEIGHTS)
    assert (nothing.so_far, nothing.at_most, nothing.missing) == (0, 100, ("desk", "field", "survey"))


def test_weights_need_not_add_up_to_a_hundred():
    assert annual({"a": F(60), "b": F(90)}, {"a": F(1), "b": F(2)}).score == 80


def test_typed_parts_come_back_exactly(store):
    typed(store, 2025, desk="83.1", field="80", survey="66.7")
    (year,) = years(store, now=NOON)
    assert year.parts == {"desk": F("83.1"), "field": F(80), "survey": F("66.7")}
    assert year.score == (40 * F("83.1") + 40 * 80 + 20 * F("66.7")) / 100
    assert not year.differs


def test_typing_again_corrects_and_nothing_takes_out(store):
    typed(store, 2025, desk=80)
    typed(store, 2025, desk=90)
    assert years(store, now=NOON)[0].parts == {"desk": 90}
    typed(store, 2025, desk=None)
    assert years(store, now=NOON) == []


def test_the_whole_year_goes_before_its_parts_and_a_difference_is_told(store):
    typed(store, 2025, desk=90, field=80, survey=75, year="84.5")
    (year,) = years(store, now=NOON)
    assert (year.score, year.annual.score, year.differs) == (F("84.5"), F(83), True)


def test_the_third_year_of_the_domain_reference(store):
    typed(store, 2024, year=80)
    typed(store, 2025, desk=90, field=80, survey=80)  # 36 + 32 + 16
    told = cycle_of(store, 2024, F(88), now=NOON)
    assert [year.score for year in told.years] == [80, 84, None]
    assert told.told.needed == F(275, 3)
    assert (told.told.reachable, told.told.score) == (True, None)


def test_a_target_out_of_reach_is_said(store):
    typed(store, 2024, year=60)
    typed(store, 2025, year=60)
    told = cycle_of(store, 2024, now=NOON)
    # the target of the rule book: (90 - 9 - 15) / 0.6
    assert (told.target, told.told.needed, told.told.reachable) == (90, 110, False)


def test_a_whole_cycle_has_a_score(store):
    for year, score in ((2024, 80), (2025, 84), (2026, 90)):
        typed(store, year, year=score)
    assert cycle_of(store, 2024, now=NOON).told.score == 87
    # the next cycle knows nothing yet
    assert cycle_of(store, 2027, now=NOON).told.so_far == 0


def test_weights_are_those_of_the_rules_at_the_end_of_the_year(store):
    book = copy.deepcopy(dict(shipped()))
    book["rules"].update(version="旧", valid_from="2020-01-01", valid_until="2024-12-31")
    book["scoring"]["annual"] = {"desk": 50, "field": 50}
    keep_rules(store, book, "2020-01-01")
    with store.writing() as connection:
        connection.exec_driver_sql("UPDATE rule_books SET valid_until = '2024-12-31'")
    for year in (2024, 2025):
        typed(store, year, desk=90, field=80)
    first, second = years(store, now=NOON)
    assert (first.score, first.rules) == (85, "旧")
    assert (second.score, second.annual.missing) == (None, ("survey",))


def test_weights_of_the_cycle_come_from_the_rule_book(store):
    book = copy.deepcopy(dict(shipped()))
    book["rules"]["version"] = "平均"
    book["scoring"]["cycle"] = {"weights": [1, 1, 1], "target": 85}
    keep_rules(store, book)
    typed(store, 2024, year=80)
    typed(store, 2025, year=81)
    told = cycle_of(store, 2024, now=NOON)
    assert (told.weights, told.told.needed) == ((F(1, 3),) * 3, 3 * 85 - 80 - 81)


def test_the_negative_list_is_a_flag_and_takes_nothing_away(store):
    typed(store, 2025, year=84)
    flag = add_flag(store, 2025, " 发生较大安全事故 ", note="应急通报第3期", **OFFICE)
    (year,) = years(store, now=NOON)
    assert year.score == 84
    assert [(one.subject, one.note, one.who) for one in year.flags] == [
        ("发生较大安全事故", "应急通报第3期", "创城办")
    ]
    remove_flag(store, flag, now=NOON + timedelta(days=1))
    assert negative_list(store) == []
    assert [one.id for one in negative_list(store, removed=True)] == [flag]
    with pytest.raises(NotFoundError, match="no entry"):
        remove_flag(store, flag, now=NOON)


def test_a_flag_alone_makes_a_year_known(store):
    add_flag(store, 2023, "黑臭水体反弹", **OFFICE)
    (year,) = years(store, now=NOON)
    assert (year.year, year.score, len(year.flags)) == (2023, None, 1)


@pytest.mark.parametrize(
    ("year", "part", "score"),
    [(2025, "desk", "100.5"), (2025, "desk", "-1"), (2025, "总", "9"), (25, "desk", "9")],
)
def test_what_is_no_score_is_refused_and_nothing_stored(store, year, part, score):
    with pytest.raises(DesignError):
        set_part(store, year, part, F(score), **OFFICE)
    assert years(store, now=NOON) == []


@pytest.mark.parametrize("subject", ["", "  ", "长" * 501])
def test_an_entry_of_the_list_says_what_it_is(store, subject):
    with pytest.raises(DesignError):
        add_flag(store, 2025, subject, **OFFICE)
