"""Score tables of two rounds that are reckoned by hand, and their comparison."""

from __future__ import annotations

import random
from datetime import timedelta
from fractions import Fraction as F

import pytest
from hamlet import NOON
from score_town import FIRST, SECOND, hold, keep_rules, rules, site, town

from geo.errors import DesignError, NotFoundError, StoreError
from layers.missions import Missions, Result
from layers.store import Store
from service.usecases import score_rounds, score_tables

ONE, TWO = ["一轮"], ["二轮"]


@pytest.fixture
def store(tmp_path):
    with Store.open(town(tmp_path / "store.db"), create=False) as opened:
        yield opened


def rates(store, missions, by, **options):
    rows = score_tables.grouped(score_tables.read(store, missions), by, **options)
    return {row.group: row.score.rate for row in rows}


def grouped_table(store, missions, by):
    rows = score_tables.grouped(score_tables.read(store, missions), by)
    return score_tables.as_table(rows).set_index("group")


def test_every_site_has_the_score_of_its_sheet(store):
    visits = {(one.mission, one.site): one for one in score_tables.read(store, ["一轮", "二轮"]).visits}
    told = {key: score_tables.visit_told(visit) for key, visit in visits.items()}
    assert {key: one["percent"] or "-" for key, one in told.items()} == {
        ("一轮", "M1"): "41.5", ("一轮", "M2"): "83.0", ("一轮", "S1"): "50.0", ("一轮", "A1"): "-",
        ("二轮", "M1"): "83.0", ("二轮", "M3"): "33.0", ("二轮", "S1"): "100.0", ("二轮", "A1"): "100.0",
    }  # fmt: skip
    m1 = told["一轮", "M1"]
    assert len(visits["一轮", "M1"].score.items) == 3
    assert (m1["observations"], m1["got"], m1["possible"]) == (3, 1.66, 4.0)
    assert (m1["name"], m1["type"], m1["district"], m1["unit"]) == ("第一菜市场", "market", "东街", "甲公司")
    assert told["一轮", "A1"]["observations"] == 0


def test_a_type_is_the_mean_of_its_sites(store):
    assert rates(store, ONE, "type") == {"market": F("0.6225"), "school": F(1, 2), "back_alley": None}
    assert rates(store, TWO, "type") == {"market": F("0.58"), "school": 1, "back_alley": 1}


def test_a_round_weighs_its_types_by_the_rules(store):
    # (0.6225 + 3 * 0.5) / 4; the alley has no score. (0.58 + 3 * 1 + 1) / 5
    assert rates(store, [*ONE, *TWO], "mission") == {"一轮": F("0.530625"), "二轮": F("0.916")}
    whole = score_tables.whole(score_tables.read(store, ONE))
    assert (whole.rate, whole.sites, whole.without) == (F("0.530625"), 3, 1)
    # market-01, -02, -03, school-01, -02; 3 + 2 + 2 judged
    assert (whole.items, whole.observations) == (5, 7)


def test_areas_and_units_mix_types_by_their_weights(store):
    # 东街: (0.415 + 3 * 0.5) / 4; 西街: 0.83 alone, its alley has no score
    assert rates(store, ONE, "district") == {"东街": F("0.47875"), "西街": F("0.83")}
    assert rates(store, ONE, "community") == {"甲社区": F("0.47875"), "乙社区": F("0.83")}
    # who runs a site, else the office of the subdistrict it lies in
    assert rates(store, ONE, "unit") == {"甲公司": F("0.415"), "教育局": F(1, 2), "西街街道办": F("0.83")}


def test_rounds_together_count_a_site_once_with_all_its_points(store):
    told = rates(store, [*TWO, *ONE], "site")
    assert told == {"M1": F("4.98") / 8, "M2": F("0.83"), "M3": F("0.33"), "S1": F(3, 4), "A1": 1}
    table = grouped_table(store, [*ONE, *TWO], "type")
    assert table.loc["market", ["sites", "items", "observations"]].tolist() == [3, 3, 9]
    assert rates(store, [*ONE, *TWO], "type")["market"] == (F("0.6225") + F("0.83") + F("0.33")) / 3


def test_the_latest_result_of_a_site_may_stand_alone(store):
    assert rates(store, [*ONE, *TWO], "site", latest=True) == {
        "M1": F("0.83"), "M2": F("0.83"), "M3": F("0.33"), "S1": 1, "A1": 1,
    }  # fmt: skip
    last = score_tables.read(store, [*ONE, *TWO]).sites(latest=True)
    assert {visit.site: visit.mission for visit in last} == {
        "M1": "二轮",
        "M2": "一轮",
        "M3": "二轮",
        "S1": "二轮",
        "A1": "二轮",
    }


def test_a_last_visit_that_saw_nothing_does_not_hide_the_one_before(store):
    hold(store, "三轮", NOON + timedelta(days=1), (("M1", "market-01", "unseen", 0, False),))
    assert rates(store, [*ONE, *TWO, "三轮"], "site", latest=True)["M1"] == F("0.83")


def test_equal_scores_share_a_rank_and_none_has_none(store):
    rows = score_tables.grouped(score_tables.read(store, TWO), "type")
    assert [(row.group, row.rank) for row in rows] == [("back_alley", 1), ("school", 1), ("market", 3)]
    table = grouped_table(store, ONE, "type")
    assert table.loc["market", "rank"] == 1
    assert table["rank"].isna().to_dict()["back_alley"]
    assert table.loc["back_alley", ["sites", "without"]].tolist() == [0, 1]


def test_without_a_name_the_last_round_with_results_counts(store):
    hold(store, "明天", NOON + timedelta(days=1), (), more=(site("M1", "planned"),))
    assert score_tables.read(store, []).missions == ("二轮",)
    assert score_tables.usual(store, "mission") == ["一轮", "二轮"]


def test_a_planned_site_is_not_in_the_base_but_a_visited_one_without_results_is_told(store):
    hold(store, "三轮", NOON + timedelta(days=1), SECOND[:1], more=(site("M2", "skipped"), site("M3")))
    told = score_tables.whole(score_tables.read(store, ["三轮"]))
    assert (told.sites, told.without) == (1, 1)


def test_each_mission_keeps_its_rules(store):
    book = rules()
    book["rules"]["version"] = "试行-2"
    book["scoring"]["convention"] = "binary"
    keep_rules(store, book, "2026-11-21")
    hold(store, "三轮", NOON + timedelta(days=1), FIRST[:3], rules="试行-2")
    assert rates(store, ["三轮"], "site") == {"M1": F(1, 4)}  # A, no, no
    assert rates(store, ONE, "site")["M1"] == F("0.415")
    assert score_tables.read(store, [*ONE, "三轮"]).versions == ("试行-1", "试行-2")
    assert score_rounds.compare(store, ONE, ["三轮"]).rules_differ


def test_the_sheet_of_a_site_tells_grade_and_points(store):
    (visit,) = score_tables.visits_of(score_tables.read(store, ONE), "S1")
    assert [(item.code, mark.grade, mark.value) for item, mark, _ in visit.marks] == [
        ("school-01", "C#", 0), ("school-02", "A", 1),
    ]  # fmt: skip
    with pytest.raises(NotFoundError, match="was not visited"):
        score_tables.visits_of(score_tables.read(store, ONE), "M3")


def test_two_rounds_are_compared_over_all_sites_and_over_those_of_both(store):
    told = score_rounds.compare(store, ONE, TWO)
    assert not told.rules_differ
    market = next(change for change in told.changes if change.group == "market")
    # M2 has gone and the bad M3 has come: the type fell though its only shared site rose
    assert (market.before.rate, market.after.rate, market.change) == (F("0.6225"), F("0.58"), F("-0.0425"))
    assert (market.both_before.rate, market.both_after.rate) == (F("0.415"), F("0.83"))
    assert (market.both_before.sites, market.both_change) == (1, F("0.415"))
    assert told.whole.change == F("0.916") - F("0.530625")
    # M1 and S1: (0.415 + 3 * 0.5) / 4 and (0.83 + 3) / 4
    assert told.whole.both_change == F("0.9575") - F("0.47875")
    assert [change.group for change in told.changes] == ["school", "market", "back_alley"]


def test_new_and_gone_groups_are_told(store):
    told = {change.group: change for change in score_rounds.compare(store, ONE, TWO, "site").changes}
    assert {name: change.state for name, change in told.items()} == {
        "M1": "both", "S1": "both", "A1": "both", "M2": "gone", "M3": "new",
    }  # fmt: skip
    assert told["M3"].change is None and told["M3"].both_before is None
    assert told["A1"].change is None  # it had no score before
    table = score_rounds.as_table(score_rounds.compare(store, ONE, TWO, "site")).set_index("group")
    assert table.loc["M2", ["sites_before", "sites_after", "both_sites"]].tolist() == [1, 0, 0]


def test_rounds_without_a_shared_site_compare_nothing(store):
    hold(store, "三轮", NOON + timedelta(days=1), (("M2", "market-01", "yes", 0, False),))
    told = score_rounds.compare(store, TWO, ["三轮"])
    assert told.whole.both_change is None
    assert all(change.both_before is None for change in told.changes)


def test_what_cannot_be_answered_is_refused_in_one_sentence(store):
    with pytest.raises(NotFoundError, match="零轮, 九轮"):
        score_tables.read(store, ["零轮", "一轮", "九轮"])
    with pytest.raises(NotFoundError, match="--by 'person'"):
        grouped_table(store, ONE, "person")
    with pytest.raises(DesignError, match="both sides"):
        score_rounds.compare(store, ONE, [*TWO, *ONE])
    with pytest.raises(DesignError, match="--by mission"):
        score_rounds.compare(store, ONE, TWO, "mission")


def test_results_of_another_checklist_are_not_passed_over(store):
    hold(
        store,
        "三轮",
        NOON + timedelta(days=1),
        (("M1", "school-01", "yes", 0, False), ("M1", "market-99", "no", 1, False)),
    )
    with pytest.raises(StoreError, match="2 results"):
        score_tables.read(store, ["三轮"])


def test_a_store_without_results_says_so(tmp_path):
    with (
        Store.open(tmp_path / "leer.db", create=True) as empty,
        pytest.raises(NotFoundError, match="no mission"),
    ):
        score_tables.read(empty, [])


def plain_loop(told, key):
    """Rates of groups by nothing but loops over rows: (site, item, verdict, cases, inside lines)."""
    ladder = {0: F(100, 100), 1: F(66, 100), 2: F(33, 100)}
    sites: dict[str, list[tuple[F, F]]] = {}
    for name, item, verdict, cases, inside in told:
        if verdict in ("yes", "no"):
            counted = 0 if verdict == "yes" or inside else cases
            value = ladder.get(counted, F(0))
            if item == "school-01" and counted:
                value = F(0)
            weight = F(2) if item == "market-03" else F(1)
            sites.setdefault(name, []).append((weight * value, weight))
    groups: dict[str, dict[str, list[F]]] = {}
    for name, points in sites.items():
        rate = sum(got for got, _ in points) / sum(of for _, of in points)
        groups.setdefault(key(name), {}).setdefault(name[0], []).append(rate)
    weights = {"M": 1, "S": 3, "A": 1}
    return {
        group: sum(weights[kind] * sum(rates) / len(rates) for kind, rates in types.items())
        / sum(weights[kind] for kind in types)
        for group, types in groups.items()
    }


@pytest.mark.parametrize("seed", range(3))
def test_any_results_come_to_what_a_plain_loop_says(store, seed):
    rng = random.Random(seed)
    book = rules()
    told = []
    for name in ("M1", "M2", "M3", "S1", "A1"):
        for row in book["checklists"]:
            if row["site_type"] == {"M": "market", "S": "school", "A": "back_alley"}[name[0]]:
                verdict = rng.choice(["yes", "no", "no", "na", "unseen"])
                cases = rng.randint(1, 4) if verdict == "no" else 0
                told.append((name, row["id"], verdict, cases, verdict == "no" and rng.random() < 0.2))
    hold(store, "三轮", NOON + timedelta(days=1), tuple(told))
    places = {"M1": "东街", "S1": "东街", "M2": "西街", "M3": "西街", "A1": "西街"}
    assert rates(store, ["三轮"], "district") == plain_loop(told, places.get)
    assert rates(store, ["三轮"], "site") == plain_loop(told, str)
    assert rates(store, ["三轮"], "mission") == plain_loop(told, lambda _: "三轮")


def test_an_alley_with_the_number_of_a_market_is_another_site(store):
    alley = {**site("A1"), "id": "M1", "name": "榆树巷"}
    hold(store, "三轮", NOON + timedelta(days=14), (), more=(alley,))
    wrong = Result(mission="三轮", site="M1", item="back_alley-01", verdict="no", cases=3, inside_lines=False,
                   at=NOON, who="创城办")  # fmt: skip
    Missions(store).write([wrong], [], [])
    found = rates(store, ["一轮", "三轮"], "site")
    assert {name: rate for name, rate in found.items() if "M1" in (name or "")} == {
        "anchors/M1": F("0.415"), "back_alleys/M1": 0,
    }  # fmt: skip
    assert rates(store, ["一轮", "三轮"], "type")["market"] == F("0.6225")
    compared = score_rounds.compare(store, ONE, ["三轮"], "type")
    assert compared.whole.both_before is None  # no site was visited twice
