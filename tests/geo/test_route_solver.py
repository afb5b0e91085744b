from dataclasses import replace
from itertools import count

import numpy as np
import pytest
from small_plans import LAST, best_key, every_route, plan_key, problem, random_problem

from geo import route_engine, route_solver
from geo.route_insertion import insert_all
from geo.route_solver import broken, solve
from geo.route_times import score
from geo.routes import NO_WAY_S

EMPTY = ((), ())


def seconds():
    """A clock that goes a hundredth of a second at each look."""
    return (tick / 100 for tick in count()).__next__


@pytest.mark.parametrize("seed", range(40))
def test_the_answer_is_the_best_of_all_plans(seed):
    p = random_problem(seed)
    solved = solve(p, seed=1, iterations=200)
    assert plan_key(p, solved.routes) == best_key(p)
    assert solved.iterations == 200 and solved.spent_s == 0


@pytest.mark.parametrize("seed", range(6))
def test_a_plan_is_broken_where_trying_every_departure_says_so(seed):
    p = random_problem(seed, tasks=4)
    everything = replace(p, allowed=np.ones_like(p.allowed), work_s=np.full(2, LAST), late_s=np.full(4, LAST))
    routes = [route for route, _ in every_route(replace(everything, shift_s=np.tile([0, LAST], (2, 1))), 0)]
    for route in routes:
        assert broken(p, (route, ())) == (plan_key(p, (route, ())) is None)
    assert broken(p, ((),)) and not broken(p, EMPTY)


def test_the_same_seed_and_iterations_give_the_same_routes():
    p = random_problem(2, tasks=9)
    assert solve(p, seed=4, iterations=150) == solve(p, seed=4, iterations=150)


@pytest.mark.parametrize(
    "rubbish",
    [
        EMPTY,  # worse than insertion
        ((0, 0), (1,)),  # twice
        ((0, 1, 2), (2,)),  # by both teams
        ((2, 1, 0, 1, 2), ()),
        ((0,),),  # a team is missing
    ],
)
def test_no_engine_can_answer_with_less_than_insertion(rubbish, monkeypatch):
    p = problem()
    monkeypatch.setattr(route_engine, "search", lambda *_, **__: (rubbish, 7))
    solved = solve(p, seed=1, iterations=20)
    assert not broken(p, solved.routes)
    assert score(p, solved.routes).key >= score(p, insert_all(p, seed=1, rounds=0)).key
    assert score(p, solved.routes).points == p.points.sum()


def test_an_engine_that_is_late_is_not_believed(monkeypatch):
    p = problem(late_s=np.array([3, 3, LAST]), work_s=np.full(2, 12), shift_s=np.tile([0, 12], (2, 1)))
    monkeypatch.setattr(route_engine, "search", lambda *_, **__: (((0, 1, 2), ()), 7))
    solved = solve(p, seed=1, iterations=20)
    assert solved.engine == "insertion" and solved.version == ""
    assert solved.routes in (((0,), ()), ((), (0,)))


def test_without_pyvrp_insertion_answers(monkeypatch):
    monkeypatch.setattr(route_engine, "find_spec", lambda name: None)
    p = random_problem(5)
    solved = solve(p, seed=1, iterations=2000)
    assert (solved.engine, solved.version) == ("insertion", "")
    assert plan_key(p, solved.routes) == best_key(p)


@pytest.mark.parametrize("installed", [True, False])
def test_a_search_by_time_ends_in_time(installed, monkeypatch):
    if not installed:
        monkeypatch.setattr(route_engine, "find_spec", lambda name: None)
    told = []
    solved = solve(
        random_problem(5, tasks=8), seed=1, seconds=3, clock=seconds(),
        progress=lambda best, share: told.append((best.key, share)),
    )  # fmt: skip
    assert 2 < solved.spent_s < 4
    shares = [share for _, share in told]
    assert shares == sorted(shares) and shares[-1] == 1.0 and 20 < len(shares) < 110
    assert [key for key, _ in told] == sorted(key for key, _ in told)
    assert told[-1][0] == score(random_problem(5, tasks=8), solved.routes).key


def test_a_search_by_time_ends_early_where_nothing_gets_better(monkeypatch):
    monkeypatch.setattr(route_solver, "PATIENCE", 10)
    assert solve(problem(), seed=1, seconds=1e6, clock=seconds()).spent_s < 100


def test_a_search_by_time_needs_a_clock():
    with pytest.raises(TypeError, match="clock"):
        solve(problem(), seed=1, seconds=3)


@pytest.mark.parametrize("installed", [True, False])
@pytest.mark.parametrize("at", [0.0, 0.4, 0.97])
def test_what_progress_raises_ends_the_search(installed, at, monkeypatch):
    class CancelledError(Exception):
        pass

    def cancel(best, share):
        if share >= at:
            raise CancelledError

    if not installed:
        monkeypatch.setattr(route_engine, "find_spec", lambda name: None)
    with pytest.raises(CancelledError):
        solve(random_problem(5), seed=1, iterations=200, progress=cancel)


def test_a_school_is_seen_at_either_end_of_the_day():
    # one site, open 0-1 or 30-31; the other takes a team's whole morning; one team only
    p = problem(
        task_site=np.array([0, 0, 1]), early_s=np.array([0, 30, 0]), late_s=np.array([1, 31, 2]),
        service_s=np.array([2, 2, 20]), priority=np.ones(2), required=np.zeros(2, bool), group=np.full(2, -1),
        travel_s=np.zeros((1, 3, 3), int), start_s=np.ones((2, 3), int), end_s=np.ones((2, 3), int),
        shift_s=np.array([[0, LAST], [0, 0]]),
    )  # fmt: skip
    assert solve(p, seed=1, iterations=50).routes == ((2, 1), ())


def test_an_alley_is_entered_at_one_end_and_left_at_the_other():
    # on the line: start 0, an alley from 2 to 9, a site at 10, end at 12
    travel = np.array(
        [[0, 0, 1], [0, 0, 8], [8, 1, 0]]
    )  # rows: exits at 9, 2, 10; columns: entries at 2, 9, 10
    p = problem(
        task_site=np.array([0, 0, 1]), service_s=np.array([7, 7, 1]), priority=np.ones(2),
        required=np.zeros(2, bool), group=np.full(2, -1), travel_s=travel[None],
        start_s=np.tile([2, 9, 10], (2, 1)), end_s=np.tile([3, 10, 2], (2, 1)),
    )  # fmt: skip
    routes = solve(p, seed=1, iterations=50).routes
    assert routes == ((0, 2), ()) and score(p, routes).travel_s == 5


def test_required_sites_come_before_any_points():
    # time for one site of three: the required one, whatever the others are worth
    p = problem(priority=np.array([100.0, 100.0, 0.01]), required=np.array([False, False, True]))
    p = replace(p, shift_s=np.array([[0, 21], [0, 0]]))  # out to 9 and back is 18, and 3 there
    assert solve(p, seed=1, iterations=50).routes == ((2,), ())


def test_of_more_required_sites_than_time_as_many_as_possible_are_seen():
    p = problem(required=np.ones(3, bool), shift_s=np.array([[0, 16], [0, 0]]))
    solved = solve(p, seed=1, iterations=100)
    assert score(p, solved.routes).required == 2 == best_key(p)[0]
    assert set(solved.routes[0]) == {0, 1}


def test_a_point_is_worth_any_travel():
    # a site worth a ten-thousandth of the best is fetched from the far end
    p = problem(priority=np.array([1.0, 1.0, 0.0001]))
    assert score(p, solve(p, seed=1, iterations=100).routes).points == 20_001


@pytest.mark.parametrize(
    "changes",
    [
        {"shift_s": np.zeros((2, 2), int)},  # no time
        {"shift_s": np.tile([LAST, 0], (2, 1))},  # the end before the start
        {"work_s": np.zeros(2, int)},
        {"allowed": np.zeros((2, 3), bool)},
        {"late_s": np.full(3, -1)},  # never open
        {"start_s": np.full((2, 3), NO_WAY_S)},
        {"end_s": np.full((2, 3), NO_WAY_S)},
        {"service_s": np.full(3, LAST + 1)},
    ],
)
def test_what_cannot_be_done_is_left_out(changes):
    assert solve(problem(**changes), seed=1, iterations=20).routes == EMPTY
    assert (
        route_engine.search(problem(**changes), seed=1, over=lambda done, _: done >= 5, patience=None)[0]
        == EMPTY
    )


def test_no_sites_and_no_teams():
    none = np.zeros(0, np.int64)
    empty = problem(
        task_site=none, service_s=none, early_s=none, late_s=none, priority=np.zeros(0),
        required=none.astype(bool), group=none, travel_s=np.zeros((1, 0, 0), int), start_s=np.zeros((2, 0), int),
        end_s=np.zeros((2, 0), int), allowed=np.zeros((2, 0), bool),
    )  # fmt: skip
    assert solve(empty, seed=1, iterations=20).routes == EMPTY
    nobody = problem(
        profile=none, start_s=np.zeros((0, 3), int), end_s=np.zeros((0, 3), int),
        shift_s=np.zeros((0, 2), int), work_s=none, allowed=np.zeros((0, 3), bool),
    )  # fmt: skip
    assert solve(nobody, seed=1, iterations=20).routes == ()


def test_given_routes_are_the_least_that_is_answered():
    p = problem()
    assert (
        score(p, solve(p, seed=1, iterations=1, routes=((0, 1, 2), ())).routes).key
        >= score(p, ((0, 1, 2), ())).key
    )


def test_frozen_teams_keep_their_routes_and_their_sites():
    p = problem(group=np.array([0, 0, -1]))
    assert solve(p, seed=1, iterations=20, routes=((1,), ()), frozen=[0]).routes == ((1,), (2,))
    late = problem(late_s=np.array([0, 0, LAST]))
    assert solve(late, seed=1, iterations=20, routes=((1, 0), ()), frozen=[0]).routes == ((1, 0), (2,))


def test_prizes_leave_room_in_64_bits():
    many = 5000
    p = replace(
        problem(), priority=np.ones(many), required=np.ones(many, bool), group=np.full(many, -1),
        shift_s=np.tile([0, 86_400], (2, 1)), work_s=np.full(2, 86_400),
    )  # fmt: skip
    worth = route_engine.prizes(p)
    assert worth.min() > 0 and int(worth.max()) * many * 1000 < 2**63
