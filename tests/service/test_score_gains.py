"""Expected points of the hamlet's issues, and the best list of fixes, by hand and by trying every list."""

from __future__ import annotations

import copy
from dataclasses import replace
from itertools import combinations

import pandas as pd
import pytest
from hamlet import NOON, PI, add, shape, stored, table
from score_town import keep_rules

from geo.errors import DesignError
from layers.ledger import Case, Ledger, opened
from layers.rule_tables import shipped
from layers.store import Store
from service.usecases.designs import make_design
from service.usecases.score_gains import gains

DESIGN = make_design({"radius": "500"})
B1, B3, C1 = (
    100 * PI["back_alleys"]["B1"] / 14,
    100 * PI["back_alleys"]["B3"] / 14,
    100 * PI["compounds"]["C1"] / 15,
)
"""Expected points of a whole item: back_alley has 14 items of equal weight, compound 15."""


@pytest.fixture
def hamlet(tmp_path):
    with Store.open(stored(tmp_path / "hamlet.db"), create=False) as store:
        yield store


def more(store: Store, *rows: tuple[str, str, str, int]) -> None:
    """Further open issues: id, category, site, cases."""
    told = [
        {"id": name, "category": category, "state": "found", "site": site, "count": count,
         "found_at": pd.Timestamp(NOON), "geometry": shape((0, 0))}
        for name, category, site, count in rows
    ]  # fmt: skip
    add(store, {"issues": table("issues", told)})


def column(told, name):
    return dict(zip(told.table["id"], told.table[name], strict=True))


def test_the_expected_loss_is_exposure_times_loss(hamlet):
    told = gains(hamlet, DESIGN)
    # B1: three cases of one item, lost whole. B3: one case. C1: two items with one case each
    assert told.loss == pytest.approx(B1 + 0.34 * B3 + 2 * 0.34 * C1, rel=1e-12)
    assert column(told, "share") == pytest.approx(
        {"I1": B1 * 2 / 3, "I9": B1 / 3, "I3": 0.34 * B3, "I2": 0.34 * C1, "I7": 0.34 * C1}, rel=1e-12
    )
    assert (told.without_item, told.elsewhere) == (1, 2)  # ZZ99 at B6; I4 and I6
    assert told.settings == DESIGN.to_mapping()


def test_each_fix_tells_what_it_gains_alone(hamlet):
    told = gains(hamlet, DESIGN)
    # I1 stands for two of the three cases: 3 -> 1 case is C# -> B; I9: 3 -> 2 is C# -> C
    assert column(told, "alone") == pytest.approx(
        {"I1": 0.66 * B1, "I9": 0.33 * B1, "I3": 0.34 * B3, "I2": 0.34 * C1, "I7": 0.34 * C1}, rel=1e-12
    )
    assert list(column(told, "alone")) == sorted(
        column(told, "alone"), key=lambda i: (-column(told, "alone")[i], i)
    )
    assert told.gain is None and "gain" not in told.table


def test_the_best_list_tells_true_gains_step_by_step(hamlet):
    told = gains(hamlet, DESIGN, fixes=2)
    # one fix gains 0.34 * B3 = 1.21, 0.66 * B1 = 1.18, 0.34 * C1 = 1.13, then 0.34 * B1
    assert 0.34 * B3 > 0.66 * B1 > 0.34 * C1
    assert told.table["id"].tolist() == ["I3", "I1"]
    assert told.table["gain"].tolist() == pytest.approx([0.34 * B3, 0.66 * B1])
    assert told.table["gain_so_far"].tolist() == pytest.approx([0.34 * B3, 0.34 * B3 + 0.66 * B1])
    assert told.table[["value", "value_after"]].to_numpy().tolist() == [[0.66, 1.0], [0.0, 0.66]]
    assert told.gain == pytest.approx(0.34 * B3 + 0.66 * B1)


def test_all_fixes_together_gain_the_whole_loss(hamlet):
    told = gains(hamlet, DESIGN, fixes=50)
    assert len(told.table) == 5
    assert told.gain == pytest.approx(told.loss, rel=1e-12)
    assert told.by_share == pytest.approx(told.loss, rel=1e-12)


def test_the_best_list_beats_the_largest_shares_where_a_fix_gains_nothing(hamlet):
    # B5 (13/16) has five single cases of one item: the first two fixes gain nothing at all
    more(hamlet, *((f"J{number}", "SS02", "B5", 1) for number in range(5)))
    whole = 100 * 13 / 16 / 14
    told = gains(hamlet, DESIGN, fixes=2)
    assert whole / 5 < 0.34 * B3
    assert told.table["id"].tolist() == ["I3", "I1"]
    five = gains(hamlet, DESIGN, fixes=5)
    assert set(five.table["id"]) == {f"J{number}" for number in range(5)}
    assert five.gain == pytest.approx(whole)
    # by share: I3 (1.21), I1 (1.19), then three of the five (1.16 each), which leave C
    assert 0.34 * B3 > B1 * 2 / 3 > whole / 5 > 0.34 * C1
    assert five.by_share == pytest.approx(0.34 * B3 + 0.66 * B1 + 0.33 * whole)


def reference(told, fixes):
    """The best gain of every list of at most so many issues, each reckoned anew from its cases."""
    ladder = [1.0, 0.66, 0.33, 0.0]
    issues = told.table.to_dict("records")
    weight = {"back_alleys": 14, "compounds": 15}

    def gain(chosen):
        left = {}
        for number, issue in enumerate(issues):
            key = (issue["unit_id"], issue["item"])
            pi, n, cases, now = left.get(key, (issue["pi"], weight[issue["layer"]], 0, 0))
            left[key] = (pi, n, cases + issue["cases"] * (number not in chosen), now + issue["cases"])
        return sum(100 * pi / n * (ladder[min(a, 3)] - ladder[min(b, 3)]) for pi, n, a, b in left.values())

    return max(
        gain(set(some)) for size in range(fixes + 1) for some in combinations(range(len(issues)), size)
    )


@pytest.mark.parametrize("fixes", [1, 2, 3, 4, 5, 6])
def test_no_other_list_gains_more(hamlet, fixes):
    more(
        hamlet, ("J1", "SS02", "B5", 1), ("J2", "SS02", "B5", 1), ("J3", "SS02", "B5", 1), ("J4", "SS05", "B5", 2),
        ("J5", "SS05", "B5", 1), ("J6", "XF01", "C1", 4), ("J7", "XF01", "C2", 1),
    )  # fmt: skip
    told = gains(hamlet, DESIGN, fixes=fixes)
    assert told.gain == pytest.approx(reference(gains(hamlet, DESIGN), fixes), abs=1e-10)
    assert told.gain >= told.by_share - 1e-12
    assert len(told.table) <= fixes


def followed(issue: str, **facts) -> Case:
    return Case(
        issue=issue, category="SS01", source="mission", found_at=NOON, rules="x", lon=0.0, lat=0.0, **facts
    )


def write(store: Store, *cases: Case) -> None:
    """Cases with their first event."""
    made = [opened(case, at=NOON, recorded_at=NOON, who="创城办") for case in cases]
    Ledger(store).write([case for case, _ in made], [event for _, event in made])


def test_a_withdrawn_issue_and_a_duplicate_count_nowhere(hamlet):
    write(hamlet, followed("I1", withdrawn_at=NOON), followed("I3", merged_into="I4"))
    told = gains(hamlet, DESIGN)
    assert set(told.table["id"]) == {"I9", "I2", "I7"}
    # one case is left at B1
    assert column(told, "alone")["I9"] == pytest.approx(0.34 * B1)


def test_an_issue_counts_at_the_item_it_was_found_at(hamlet):
    write(hamlet, followed("I9", item="back_alley-14"))
    told = gains(hamlet, DESIGN)
    assert column(told, "item")["I9"] == "back_alley-14"
    # I1 alone has two cases of its item, I9 one of another
    assert column(told, "alone")["I9"] == pytest.approx(0.34 * B1)
    assert column(told, "alone")["I1"] == pytest.approx(0.67 * B1)


def test_weights_and_strict_items_come_from_the_rules_of_the_day(hamlet, monkeypatch):
    book = copy.deepcopy(dict(shipped()))
    book["rules"]["version"] = "严格"
    first = next(
        row for row in book["checklists"] if row["site_type"] == "back_alley" and row["category"] == "SS01"
    )
    first.update(weight="3", strict="yes")
    keep_rules(hamlet, book)
    told = gains(hamlet, DESIGN)
    assert told.rules == "严格"
    whole = 100 * PI["back_alleys"]["B1"] * 3 / 16
    # a strict item with a case left is still lost
    assert (column(told, "alone")["I1"], column(told, "alone")["I9"]) == (0, 0)
    assert column(told, "share")["I1"] == pytest.approx(whole * 2 / 3)
    assert gains(hamlet, DESIGN, fixes=2).gain == pytest.approx(whole)


def test_no_number_of_fixes_is_refused(hamlet):
    with pytest.raises(DesignError, match="no number"):
        gains(hamlet, DESIGN, fixes=0)
    with pytest.raises(DesignError, match="at most 1000"):
        gains(hamlet, DESIGN, fixes=1001)


def test_a_hamlet_without_issues_loses_nothing(tmp_path):
    with Store.open(stored(tmp_path / "leer.db", issues=False), create=False) as empty:
        told = gains(empty, replace(DESIGN), fixes=3)
    assert (told.loss, told.gain, told.by_share, len(told.table)) == (0, 0, 0, 0)
