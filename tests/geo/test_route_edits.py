"""Edits lose nothing and break nothing they need not; locks keep what is agreed."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from route_instances import UNHURRIED, can_be_done, on_a_line, plans, problems_and_routes

from geo.errors import NotFoundError
from geo.route_check import check
from geo.route_edits import Locks, drop_team, freeze, insert, move, remove
from geo.route_times import timetable, timetables
from geo.routes import NO_WAY_S

# five sites on a line, teams from 0, visits of 10 s, shift 0 - 100
LINE = on_a_line([10, 20, 30, 40, 20], teams=2, shift=(0, 100), priority=[1.0, 2.0, 3.0, 4.0, 5.0])
ROUTES = ((0, 2), (3,))


def visited(problem, routes):
    return sorted(int(problem.task_site[task]) for route in routes for task in route)


# --- by hand -----------------------------------------------------------------------------------------


def test_move_to_a_place_of_another_team():
    assert move(LINE, ROUTES, 0, 1, 0) == ((2,), (0, 3))
    assert move(LINE, ROUTES, 0, 1, 1) == ((2,), (3, 0))


def test_move_within_a_route_counts_without_the_site():
    assert move(LINE, ROUTES, 0, 0, 1) == ((2, 0), (3,))
    assert move(LINE, ROUTES, 2, 0, 0) == ((2, 0), (3,))


def test_move_beyond_the_end_is_last():
    assert move(LINE, ROUTES, 3, 0, 99) == ((0, 2, 3), ())
    assert move(LINE, ROUTES, 3, 0, -1) == ((3, 0, 2), ())


def test_move_is_never_refused_and_its_lateness_is_told():
    hurried = replace(LINE, late_s=np.array([15, 1000, 1000, 1000, 1000]))
    routes = move(hurried, ROUTES, 0, 1, 1)
    assert routes == ((2,), (3, 0))
    # at 40, leaves 50, at 10 again at 80: 65 s after its last moment
    assert timetable(hurried, 1, routes[1]).visits[1].late_s == 65
    forbidden = replace(LINE, allowed=np.zeros((2, 5), bool))
    assert move(forbidden, ROUTES, 0, 1, 0) == ((2,), (0, 3))


def test_an_alley_is_entered_at_the_nearer_end():
    # tasks 1 and 2: the alley between 20 and 30, from either end; task 0 at 10, task 3 at 40
    problem = on_a_line([10, 20, 30, 40], teams=1, shift=(0, 200), task_site=[0, 1, 1, 2])
    travel = problem.travel_s.copy()
    travel[0, 1, :], travel[0, 2, :] = problem.travel_s[0, 2], problem.travel_s[0, 1]  # left at the other
    problem = replace(problem, travel_s=travel)
    assert move(problem, ((0, 3),), 1, 0, 1) == ((0, 1, 3),)
    assert move(problem, ((3, 0),), 1, 0, 1) == ((3, 2, 0),)
    assert move(problem, ((3, 0),), 1, 0, 1, keep_task=1) == ((3, 1, 0),)


def test_a_school_is_visited_at_the_end_of_the_day_that_is_left():
    # tasks 0 and 1: the same place in the morning and in the afternoon
    problem = on_a_line(
        [10, 10, 20], teams=1, shift=(0, 100), task_site=[0, 0, 1], early=[0, 60, 0], late=[15, 70, 99]
    )
    assert move(problem, ((2,),), 0, 0, 0) == ((0, 2),)
    assert move(problem, ((2,),), 0, 0, 1) == ((2, 1),)


def test_the_team_does_what_it_may_and_can_rather_than_what_is_nearer():
    alley = on_a_line([10, 30], teams=1, shift=(0, 30), task_site=[0, 0], allowed=[[0, 1]])
    assert move(alley, ((),), 0, 0, 0) == ((1,),)
    walled = on_a_line([10, 30], teams=1, shift=(0, 30), task_site=[0, 0])
    walled.end_s[0, 0] = NO_WAY_S
    walled.late_s[1] = -NO_WAY_S  # later than any way round
    assert move(walled, ((),), 0, 0, 0) == ((1,),)


def test_remove():
    assert remove(LINE, ROUTES, 0) == ((2,), (3,))
    assert remove(LINE, ROUTES, 1) == ROUTES


def test_insert_on_the_way():
    # 20 lies on the way of both teams for nothing: team 0 first, between 10 and 30
    assert insert(LINE, ROUTES, 1) == ((0, 1, 2), (3,))
    assert insert(LINE, ROUTES, 1, team=1) == ((0, 2), (1, 3))
    assert insert(LINE, ROUTES, 1, team=0, position=0) == ((1, 0, 2), (3,))


def test_insert_where_it_breaks_nothing_though_the_way_is_longer():
    # team 0 is back at 80 of 85: no room for 10 s; team 1 goes 10 there and back more
    tight = replace(LINE, shift_s=np.array([[0, 85], [0, 100]]), work_s=np.array([85, 100]))
    assert insert(tight, ((0, 2), ()), 1) == ((0, 2), (1,))


def test_insert_makes_the_least_late_where_nothing_fits():
    # the way of both leads past it; team 0 would be 5 s over (90 of 85), team 1 8 s (100 of 92)
    full = replace(LINE, shift_s=np.array([[0, 85], [0, 92]]), work_s=np.array([85, 92]))
    assert insert(full, ROUTES, 1) == ((0, 1, 2), (3,))
    # and now team 0 10 s
    fuller = replace(LINE, shift_s=np.array([[0, 80], [0, 92]]), work_s=np.array([80, 92]))
    assert insert(fuller, ROUTES, 1) == ((0, 2), (1, 3))


def test_a_site_that_cannot_be_done_at_all():
    closed = replace(LINE, priority=np.ones(6), required=np.zeros(6, bool), group=np.full(6, -1))
    with pytest.raises(NotFoundError) as caught:
        insert(closed, ROUTES, 5)
    assert (caught.value.code, caught.value.facts) == ("site_no_task", {"site": 5})


def test_nobody_to_visit_it():
    nobody = on_a_line([10], teams=0, shift=(0, 100))
    with pytest.raises(NotFoundError) as caught:
        insert(nobody, (), 0)
    assert caught.value.code == "no_team"


def test_a_team_falls_ill_and_nobody_takes_over():
    assert drop_team(LINE, ((0, 2), (3,)), 0, reinsert=False) == (((), (3,)), (0, 2))


def test_the_dearest_goes_first_and_the_rest_is_told():
    # team 1 has 10 s left: site 2 (priority 3) takes them, site 0 is visited by nobody
    assert drop_team(LINE, ((0, 2), (3,)), 0) == (((), (2, 3)), (0,))
    required = replace(LINE, required=np.array([True, False, False, False, False]))
    assert drop_team(required, ((0, 2), (3,)), 0) == (((), (0, 3)), (2,))


def test_an_alternative_is_not_visited_beside():
    grouped = replace(LINE, group=np.array([1, -1, -1, 1, -1]))
    assert drop_team(grouped, ((0,), (3,)), 0) == (((), (3,)), (0,))


def test_lock_of_a_stop():
    # 10 there, 10 of service, 20 on: site 2 is agreed for 40
    frozen = freeze(LINE, ROUTES, Locks(sites=frozenset([2])), slack_s=5)
    assert timetable(LINE, 0, ROUTES[0]).visits[1].begin_s == 40
    assert (frozen.problem.early_s[2], frozen.problem.late_s[2]) == (35, 45)
    assert frozen.problem.allowed[:, 2].tolist() == [True, False]
    assert frozen.problem.required.tolist() == [False, False, True, False, False]
    assert frozen.problem.allowed[:, [0, 1, 3, 4]].all()
    assert frozen.inner(ROUTES) == ROUTES
    assert LINE.late_s[2] == 1000  # the problem itself is as it was


def test_lock_stays_inside_the_window_but_an_agreed_late_time_holds():
    windows = replace(LINE, early_s=np.array([0, 0, 38, 0, 0]), late_s=np.array([99, 99, 41, 30, 99]))
    frozen = freeze(windows, ROUTES, Locks(sites=frozenset([2, 3])), slack_s=5)
    assert (frozen.problem.early_s[2], frozen.problem.late_s[2]) == (38, 41)
    assert (frozen.problem.early_s[3], frozen.problem.late_s[3]) == (35, 40)  # begins at 40, late by 10


def test_alternatives_of_a_locked_stop_are_for_nobody():
    grouped = replace(LINE, group=np.array([1, -1, 2, 1, 2]), required=np.ones(5, bool))
    frozen = freeze(grouped, ((0, 2), ()), Locks(sites=frozenset([0])))
    assert frozen.problem.allowed.tolist() == [[1, 1, 1, 0, 1], [0, 1, 1, 0, 1]]


def test_lock_holds_for_a_team_that_should_not_have_been_sent():
    forced = replace(LINE, allowed=np.array([[1, 1, 0, 1, 1], [1, 1, 1, 1, 1]], bool))
    frozen = freeze(forced, ROUTES, Locks(sites=frozenset([2])))
    assert frozen.problem.allowed[:, 2].tolist() == [True, False]


def test_lock_of_a_team():
    grouped = replace(LINE, group=np.array([1, 1, -1, -1, -1]))
    frozen = freeze(grouped, ROUTES, Locks(teams=frozenset([0])))
    # without its sites 0 and 2, and without 1, the alternative of 0
    assert (frozen.sites.tolist(), frozen.teams.tolist()) == ([3, 4], [1])
    assert frozen.problem.travel_s[0].tolist() == [[0, 20], [20, 0]]
    assert frozen.problem.priority.tolist() == [4.0, 5.0]
    assert frozen.inner(ROUTES) == ((0,),)
    assert frozen.join(((1, 0),)) == ((0, 2), (4, 3))


def test_all_teams_locked_leaves_nothing_to_do():
    frozen = freeze(LINE, ROUTES, Locks(teams=frozenset([0, 1])))
    assert (frozen.problem.teams, frozen.join(())) == (0, ROUTES)


def test_a_site_that_nobody_visits_cannot_be_locked():
    with pytest.raises(NotFoundError) as caught:
        freeze(LINE, ROUTES, Locks(sites=frozenset([1, 4, 0])))
    assert (caught.value.code, caught.value.facts) == ("lock_unvisited", {"site": 1, "count": 2})


# --- whatever the problem ----------------------------------------------------------------------------


@UNHURRIED
@given(problems_and_routes(min_sites=1, min_teams=1), st.data())
def test_edits_lose_nothing(case, data):
    problem, routes = case
    before = set(visited(problem, routes))
    site = data.draw(st.integers(0, problem.sites - 1))
    team = data.draw(st.integers(0, problem.teams - 1))
    position = data.draw(st.integers(0, problem.sites))
    assert visited(problem, remove(problem, routes, site)) == sorted(before - {site})
    for changed in (
        move(problem, routes, site, team, position),
        insert(problem, routes, site),
        insert(problem, routes, site, team=team),
        insert(problem, routes, site, position=position),
    ):
        assert visited(problem, changed) == sorted(before | {site})
        kept = [[t for t in route if problem.task_site[t] != site] for route in changed]
        assert kept == [[t for t in route if problem.task_site[t] != site] for route in routes]
    changed, left = drop_team(problem, routes, team)
    assert changed[team] == ()
    assert sorted([*visited(problem, changed), *left]) == sorted(before)


@UNHURRIED
@given(problems_and_routes(min_sites=1, min_teams=1), st.data())
def test_a_move_and_its_reverse_give_the_same_routes(case, data):
    problem, routes = case
    stops = [(team, index) for team, route in enumerate(routes) for index in range(len(route))]
    if not stops:
        return
    team, index = data.draw(st.sampled_from(stops))
    task = routes[team][index]
    site = int(problem.task_site[task])
    there = move(
        problem, routes, site, data.draw(st.integers(0, problem.teams - 1)), data.draw(st.integers(0, 5))
    )
    assert move(problem, there, site, team, index, keep_task=task) == routes


@UNHURRIED
@given(plans(min_sites=2, max_teams=2), st.data())
def test_insert_is_the_cheapest_of_all_that_break_nothing(case, data):
    problem, routes = case
    site = data.draw(st.integers(0, problem.sites - 1))
    without = remove(problem, routes, site)
    ways = []
    for team, route in enumerate(without):
        for position in range(len(route) + 1):
            for task in np.flatnonzero(problem.task_site == site):
                longer = (*route[:position], int(task), *route[position:])
                if can_be_done(problem, team, longer):
                    more = (
                        timetable(problem, team, longer).travel_s - timetable(problem, team, route).travel_s
                    )
                    ways.append(more)
    changed = insert(problem, routes, site)
    if ways:
        total = sum(table.travel_s for table in timetables(problem, changed))
        assert total - sum(table.travel_s for table in timetables(problem, without)) == min(ways)
        assert {fault.code for fault in check(problem, changed)} <= {"group_twice"}
    else:
        assert check(problem, changed) != ()


@UNHURRIED
@given(plans(min_sites=3, max_sites=6, min_teams=2), st.data())
def test_a_team_that_falls_ill_leaves_a_plan_that_keeps_every_rule(case, data):
    problem, routes = case
    ill = data.draw(st.integers(0, problem.teams - 1))
    changed, left = drop_team(problem, routes, ill)
    assert check(problem, changed) == ()
    groups = {int(problem.group[s]) for s in visited(problem, changed)} - {-1}
    for site in left:
        if problem.group[site] in groups:
            continue
        for team, route in enumerate(changed):
            for task in np.flatnonzero(problem.task_site == site):
                for place in range(len(route) + 1):
                    longer = (*route[:place], int(task), *route[place:])
                    assert team == ill or not can_be_done(problem, team, longer)


@st.composite
def locked_plans(draw):
    problem, routes = draw(plans(min_sites=3, max_sites=6))
    sites = visited(problem, routes)
    locks = Locks(
        frozenset(site for site in sites if draw(st.booleans())),
        frozenset(team for team in range(problem.teams) if draw(st.integers(0, 3)) == 0),
    )
    return problem, routes, locks, draw(st.integers(0, 20))


@UNHURRIED
@given(locked_plans())
def test_an_agreed_plan_keeps_its_locks_and_its_times(case):
    problem, routes, locks, slack_s = case
    frozen = freeze(problem, routes, locks, slack_s=slack_s)
    inner = frozen.inner(routes)
    assert frozen.join(inner) == routes
    assert check(frozen.problem, inner) == ()
    whole = [timetable(problem, int(team), routes[team]) for team in frozen.teams]
    for table, small in zip(whole, timetables(frozen.problem, inner), strict=True):
        assert (small.depart_s, small.back_s) == (table.depart_s, table.back_s)
        assert [visit.begin_s for visit in small.visits] == [visit.begin_s for visit in table.visits]


@UNHURRIED
@given(locked_plans(), st.data())
def test_what_is_solved_under_locks_is_a_plan_that_keeps_them(case, data):
    problem, routes, locks, slack_s = case
    frozen = freeze(problem, routes, locks, slack_s=slack_s)
    inner = frozen.inner(routes)
    order = data.draw(st.permutations(range(frozen.problem.sites if frozen.problem.teams else 0)))
    for site in order:  # a solver of sorts
        without = remove(frozen.problem, inner, site)
        for changed in (without, insert(frozen.problem, inner, site)):
            gone = changed == without and frozen.sites[site] in locks.sites
            if not gone and check(frozen.problem, changed) == () and data.draw(st.booleans()):
                inner = changed
    joined = frozen.join(inner)
    assert check(problem, joined) == ()
    assert all(joined[team] == routes[team] for team in locks.teams)
    assert locks.sites <= set(visited(problem, joined))
    agreed = {v.task: v.begin_s for table in timetables(problem, routes) for v in table.visits}
    begin = {int(problem.task_site[task]): moment for task, moment in agreed.items()}
    for team, table in enumerate(timetables(frozen.problem, inner)):
        for visit in table.visits:
            site = int(frozen.sites[frozen.problem.task_site[visit.task]])
            if site in locks.sites:
                assert abs(visit.begin_s - begin[site]) <= slack_s
                old = next(i for i, r in enumerate(routes) if site in problem.task_site[list(r)])
                assert int(frozen.teams[team]) == old
