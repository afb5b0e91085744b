import sys
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from small_plans import LAST, best_key, every_route, least_work, plan_key, problem, random_problem, travel

from geo import route_moves
from geo.route_insertion import best_insertion, insert_all, preview
from geo.route_runs import NEVER, Run, Terms, score_of
from geo.route_times import score, timetable
from geo.routes import NO_WAY_S

MANY = range(40)


@pytest.mark.parametrize("seed", range(12))
def test_the_least_working_time_is_that_of_the_best_departure(seed):
    p = random_problem(seed, tasks=4)
    terms = Terms(p)
    for team in range(p.teams):
        for route, _ in every_route(p, team):
            work = least_work(p, team, route)
            assert terms.duration(team, route) == work
            assert Run(terms, team, route).work_s == work
            assert timetable(p, team, route).work_s == work


@pytest.mark.parametrize("seed", range(12))
def test_a_task_fits_where_the_longer_route_can_be_done_and_costs_what_that_costs_more(seed):
    p = random_problem(seed, tasks=4)
    terms = Terms(p)
    for team in range(p.teams):
        for route, way in every_route(p, team):
            if len(route) == p.tasks:
                continue
            run = Run(terms, team, route)
            fits, extra, longer = run.insertions()
            for place, task in product(range(len(route) + 1), range(p.tasks)):
                if task in route:
                    continue
                wider = (*route[:place], task, *route[place:])
                work = least_work(p, team, wider)
                assert bool(fits[place, task]) == (work is not None)
                if work is not None:
                    assert extra[place, task] == travel(p, team, wider) - way
                    assert longer[place, task] == work - run.work_s


@pytest.mark.parametrize("seed", MANY)
def test_insertion_finds_the_best_of_all_plans(seed):
    p = random_problem(seed)
    assert plan_key(p, insert_all(p, seed=1, rounds=300)) == best_key(p)


@pytest.mark.parametrize("seed", range(10))
def test_moves_save_what_they_say(seed):
    p = random_problem(seed, tasks=8)
    order = np.random.default_rng(seed).permutation(8).tolist()
    cut = seed % 7 + 1
    one, two = Run(Terms(p), 0, tuple(order[:cut])), Run(Terms(p), 1, tuple(order[cut:]))
    now = travel(p, 0, one.route) + travel(p, 1, two.route)
    changes = list(route_moves._exchanges(one.terms, one, two))
    for saved, first, second in changes:
        assert saved == travel(p, 0, first) + travel(p, 1, second) - now
        assert sorted((*first, *second)) == list(range(8))
    found = {change[1:] for change in changes}
    for i, j in product(range(cut + 1), range(9 - cut)):  # every exchange of single stops and of tails
        for i_end, j_end in ((min(i + 1, cut), min(j + 1, 8 - cut)), (cut, 8 - cut)):
            first = one.route[:i] + two.route[j:j_end] + one.route[i_end:]
            second = two.route[:j] + one.route[i:i_end] + two.route[j_end:]
            if travel(p, 0, first) + travel(p, 1, second) < now:
                assert (first, second) in found


@pytest.mark.parametrize("seed", range(10))
def test_polish_keeps_the_sites_and_never_lengthens(seed):
    p = random_problem(seed)
    terms = Terms(p)
    longest = max((r for r, _ in every_route(p, 0) if plan_key(p, (r, ())) is not None), key=len)
    runs = [Run(terms, 0, longest), Run(terms, 1, ())]
    after = route_moves.polish(terms, runs)
    assert {terms.site[t] for run in after for t in run.route} == {terms.site[t] for t in runs[0].route}
    assert score_of(terms, after).travel_s <= runs[0].travel_s
    assert plan_key(p, tuple(run.route for run in after)) is not None


def test_a_route_walked_in_the_wrong_order_is_put_right():
    p = problem(shift_s=np.tile([0, 100], (2, 1)), work_s=np.full(2, 100), late_s=np.full(3, 100))
    after = route_moves.polish(Terms(p), [Run(Terms(p), 0, (1, 0, 2)), Run(Terms(p), 1, ())])
    # out to 9 and back, in any order that does not turn round: 18
    assert after[0].travel_s + after[1].travel_s == 18


def test_the_same_seed_gives_the_same_routes():
    p = random_problem(3, tasks=8)
    assert insert_all(p, seed=5, rounds=30) == insert_all(p, seed=5, rounds=30)


def test_no_sites_and_no_teams_give_empty_routes():
    none = np.zeros(0, np.int64)
    empty = replace(
        problem(), task_site=none, service_s=none, early_s=none, late_s=none, priority=np.zeros(0),
        required=none.astype(bool), group=none, travel_s=np.zeros((1, 0, 0), int), start_s=np.zeros((2, 0), int),
        end_s=np.zeros((2, 0), int), allowed=np.zeros((2, 0), bool),
    )  # fmt: skip
    assert insert_all(empty, seed=1, rounds=3) == ((), ())
    nobody = replace(
        problem(), profile=none, start_s=np.zeros((0, 3), int), end_s=np.zeros((0, 3), int),
        shift_s=np.zeros((0, 2), int), work_s=none, allowed=np.zeros((0, 3), bool),
    )  # fmt: skip
    assert insert_all(nobody, seed=1, rounds=3) == ()
    assert best_insertion(nobody, (), 0) is None


def test_an_alley_is_entered_at_the_nearer_end():
    # one alley from 2 to 9 on the line, as tasks 2->9 and 9->2; the team starts at 0 and ends at 10
    p = problem(
        task_site=np.zeros(2, int), service_s=np.full(2, 7), early_s=np.zeros(2, int), late_s=np.full(2, LAST),
        priority=np.ones(1), required=np.zeros(1, bool), group=np.full(1, -1), travel_s=np.zeros((1, 2, 2), int),
        start_s=np.tile([2, 9], (2, 1)), end_s=np.tile([1, 8], (2, 1)), allowed=np.ones((2, 2), bool),
    )  # fmt: skip
    assert insert_all(p, seed=1, rounds=5)[0] == (0,)


def test_frozen_routes_stay_and_nothing_of_them_is_done_twice():
    p = problem(group=np.array([0, 0, -1]))
    assert insert_all(p, ((1,), ()), seed=1, rounds=10, frozen=[0]) == ((1,), (2,))
    late = problem(late_s=np.array([0, 0, LAST]))  # a frozen route that is late stays, too
    assert insert_all(late, ((1, 0), ()), seed=1, rounds=10, frozen=[0]) == ((1, 0), (2,))


def test_a_site_is_added_where_it_costs_least():
    p = problem()
    # team 1 passes 5 on its way to 9: no extra travel; team 0 would walk from 2 to 5 and back
    assert best_insertion(p, ((0,), (2,)), 1) == (1, 0, 1, 0)
    assert best_insertion(p, ((0,), (1, 2)), 1) is None  # visited
    assert best_insertion(problem(group=np.array([0, 0, -1])), ((0,), ()), 1) is None  # another of its group
    assert best_insertion(problem(allowed=np.zeros((2, 3), bool)), ((), ()), 1) is None


def test_a_late_route_takes_nothing():
    p = problem(late_s=np.array([0, LAST, LAST]))
    assert best_insertion(p, ((0,), ()), 1).team == 1


def test_the_working_time_counts_with_a_free_departure():
    # the site opens at 30; leaving at 28 the team works 2 + 3 + 2 = 7
    p = problem(
        early_s=np.array([30, 0, 0]), work_s=np.full(2, 7), allowed=np.array([[True, False, False]] * 2)
    )
    assert insert_all(p, seed=1, rounds=0) == ((0,), ())
    short = replace(p, work_s=np.full(2, 6))
    assert insert_all(short, seed=1, rounds=0) == ((), ())


def test_a_preview_breaks_no_rule_with_and_without_vroom(monkeypatch):
    p = random_problem(8, tasks=8)
    with_vroom = preview(p, seed=1)
    monkeypatch.setitem(sys.modules, "vroom", None)
    without = preview(p, seed=1)
    assert plan_key(p, with_vroom) >= plan_key(p, without)
    assert score(p, without).points > 0


def test_costs_of_what_never_fits_are_never():
    p = problem(travel_s=np.full((1, 3, 3), NO_WAY_S))
    run = Run(Terms(p), 0, (0,))
    assert (run.cheapest[0][1:] == NEVER).all()
