"""Each reason is true: relax what it says and the site enters, a second less and it does not.

What is possible is decided by going through every departure, order and place (`route_instances`),
never by the code under test.
"""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from route_instances import (
    UNHURRIED,
    all_routes,
    can_be_done,
    on_a_line,
    plans,
    problems,
    problems_and_routes,
)

from geo.route_places import fits, places
from geo.route_reasons import Reason, reasons, unvisited
from geo.route_times import timetable
from geo.routes import NO_WAY_S

FOR_ANY_PLAN = {"never_open", "window_short", "skills", "no_way", "window_missed", "shift_short"}
AS_IT_STANDS = {"alternative", "fits", "exchange", "needs_time", "worse"}


def only(problem, routes, site):
    return next(reason for reason in reasons(problem, routes) if reason.site == site)


# --- by hand: a line, teams at 0, shift 0 - 100, visits of 10 s -----------------------------------


def line(places_, **more):
    more = {"teams": 1, "shift": (0, 100)} | more
    return on_a_line(places_, **more)


def test_nothing_to_explain():
    problem = line([10])
    assert reasons(problem, ((0,),)) == ()
    assert unvisited(problem, ((),)) == (0,)


def test_never_open():
    problem = line([10], priority=[1.0, 1.0])
    assert only(problem, ((),), 1) == Reason(1, "never_open")


def test_window_short_of_the_longest_window():
    problem = line([10, 10], task_site=[0, 0], early=[40, 50], late=[30, 45])
    assert only(problem, ((),), 0) == Reason(0, "window_short", {"task": 1, "missing_s": 5})


def test_skills():
    problem = line([10], teams=2, allowed=[[0], [0]])
    assert only(problem, ((), ()), 0) == Reason(0, "skills", {"teams": 2})


def test_no_team_at_all():
    problem = line([10], teams=0, allowed=np.zeros((0, 1)))
    assert only(problem, (), 0) == Reason(0, "skills", {"teams": 0})


def test_no_way_back():
    problem = line([10], teams=2)
    problem.start_s[0, 0] = NO_WAY_S
    problem.end_s[1, 0] = NO_WAY_S
    assert only(problem, ((), ()), 0) == Reason(0, "no_way", {"teams": 2, "there": 1})


def test_window_missed_by_the_nearest_team():
    problem = line([30], teams=2, late=[20])
    problem.start_s[1, 0] = 25
    facts = {"team": 1, "task": 0, "by_s": 5}
    assert only(problem, ((), ()), 0) == Reason(0, "window_missed", facts)


def test_shift_short_by_the_clock_and_by_the_working_time():
    # opens at 80, leaves at 90, back at 110: 10 s after the shift; 50 s of work where 45 are allowed
    problem = line([20], early=[80], work=[45])
    facts = {"team": 0, "task": 0, "missing_s": 10, "shift_s": 10, "work_s": 5}
    assert only(problem, ((),), 0) == Reason(0, "shift_short", facts)


def test_alternative():
    problem = line([10, 20], group=[3, 3])
    assert only(problem, ((1,),), 0) == Reason(0, "alternative", {"other": 1, "group": 3})


def test_fits_as_it_stands():
    # between the start and site 1 it costs no way
    problem = line([10, 20])
    facts = {"team": 0, "position": 0, "task": 0, "travel_s": 0}
    assert only(problem, ((1,),), 0) == Reason(0, "fits", facts)


def test_needs_time():
    # 40 there, 10 + 10 of service, 40 back: 100; a third visit on the way asks for 10 s more
    problem = line([20, 40, 40], priority=[1.0, 9.0, 9.0])
    facts = {"team": 0, "position": 0, "task": 0, "missing_s": 10, "shift_s": 10, "work_s": 10}
    assert only(problem, ((1, 2),), 0) == Reason(0, "needs_time", facts)


def test_needs_the_least_time_not_the_least_way():
    # team 0 passes by but is back at its last second: 10 s missing; team 1 would go 20 s more, has 25 s
    # left of the 30 s it takes: 5 s missing
    shift = np.array([[0, 30], [0, 55]])
    problem = replace(
        line([10, 10, -10], teams=2, priority=[1.0, 9.0, 9.0]), shift_s=shift, work_s=shift[:, 1]
    )
    facts = {"team": 1, "position": 0, "task": 0, "missing_s": 5, "shift_s": 5, "work_s": 5}
    assert only(problem, ((1,), (2,)), 0) == Reason(0, "needs_time", facts)


def test_worse():
    # both must begin at 20 sharp
    problem = line([10, 20], early=[20, 20], late=[20, 20], priority=[1.0, 2.5])
    facts = {
        "team": 0, "position": 0, "task": 0, "stops": 1,
        "priority": 1.0, "required": 0, "lost_priority": 2.5, "lost_required": 0,
    }  # fmt: skip
    assert only(problem, ((1,),), 0) == Reason(0, "worse", facts)


def test_no_more_time_helps_where_there_is_no_way_between():
    # from the start to either and back, but from neither to the other
    problem = line([10, 20], priority=[1.0, 2.5])
    problem.travel_s[0] = NO_WAY_S
    assert only(problem, ((1,),), 0).code == "worse"


def test_a_route_with_a_forbidden_stop_takes_no_more():
    problem = line([10, 10, 10], allowed=[[1, 0, 1]])
    where = places(problem, ((1, 2),), runs=True)
    entries = zip(where.first, where.after, fits(problem, where, 0).possible, strict=True)
    assert [(first, after) for first, after, possible in entries if possible] == [(0, 1), (0, 2)]


@pytest.mark.parametrize("name", ["start_s", "end_s"])
@pytest.mark.parametrize("task", [0, 1])
def test_a_missing_way_is_no_long_way(name, task):
    # windows that close after anything, even a travel of `NO_WAY_S`
    problem = line([10, 20], late=[NO_WAY_S * 9] * 2)
    getattr(problem, name)[0, task] = NO_WAY_S
    where = places(problem, ((1,),))
    usable = {"start_s": {0: 1, 1: 0}, "end_s": {0: 0, 1: 1}}[name][task]  # away from the missing way
    assert np.flatnonzero(fits(problem, where, 0).possible).tolist() == [usable]


@pytest.mark.parametrize(
    ("required", "priority"), [([False, False], [3.0, 2.5]), ([True, False], [0.0, 9.0])]
)
def test_exchange_when_the_plan_could_be_better(required, priority):
    problem = line([10, 20], early=[20, 20], late=[20, 20], priority=priority, required=required)
    reason = only(problem, ((1,),), 0)
    assert reason.code == "exchange"
    assert (reason.facts["lost_priority"], reason.facts["lost_required"]) == (priority[1], 0)


# --- whatever the problem ----------------------------------------------------------------------------


def enters(problem, routes, site, *, stops=0):
    """Teams and places where the site can take the place of `stops` stops, by every departure."""
    for team, route in enumerate(routes):
        for first in range(len(route) - stops + 1):
            for task in np.flatnonzero(problem.task_site == site):
                if can_be_done(problem, team, (*route[:first], int(task), *route[first + stops :])):
                    yield team, first, int(task)


def with_time(problem, team, shift_s, work_s):
    shift, work = problem.shift_s.copy(), problem.work_s.copy()
    shift[team, 1] += shift_s
    work[team] += work_s
    return replace(problem, shift_s=shift, work_s=work)


def with_window(problem, task, seconds):
    late = problem.late_s.copy()
    late[task] += seconds
    return replace(problem, late_s=late)


@UNHURRIED
@given(problems_and_routes(max_sites=4))
def test_every_unvisited_site_has_one_reason(case):
    problem, routes = case
    visited = {int(problem.task_site[task]) for route in routes for task in route}
    assert [reason.site for reason in reasons(problem, routes)] == sorted(set(range(problem.sites)) - visited)


@UNHURRIED
@given(problems(metric=True, max_sites=4, max_teams=2))
def test_reasons_for_any_plan_hold_for_every_plan(problem):
    stay = ((),) * problem.teams
    for reason in reasons(problem, stay):
        if reason.code not in FOR_ANY_PLAN:
            continue
        others = [site for site in range(problem.sites) if site != reason.site]
        for size in range(3):
            for chosen in itertools.combinations(others, size):
                for route in all_routes(problem, (reason.site, *chosen)):
                    assert not any(can_be_done(problem, team, route) for team in range(problem.teams))


@UNHURRIED
@given(problems(max_sites=4))
def test_reasons_for_any_plan_go_when_relaxed(problem):
    stay = ((),) * problem.teams
    for reason in reasons(problem, stay):
        facts, site = reason.facts, reason.site
        if reason.code == "window_short":
            assert (
                only(with_window(problem, facts["task"], facts["missing_s"]), stay, site).code != reason.code
            )
            nearly = only(with_window(problem, facts["task"], facts["missing_s"] - 1), stay, site)
            assert (nearly.code, nearly.facts["missing_s"]) == (reason.code, 1)
        elif reason.code == "skills" and problem.teams:
            allowed = problem.allowed.copy()
            allowed[0, problem.task_site == site] = True
            assert only(replace(problem, allowed=allowed), stay, site).code != reason.code
        elif reason.code == "no_way":
            start, end = problem.start_s.copy(), problem.end_s.copy()
            start[start == NO_WAY_S] = 1
            end[end == NO_WAY_S] = 1
            assert only(replace(problem, start_s=start, end_s=end), stay, site).code != reason.code
            if facts["there"] == 0:
                assert only(replace(problem, end_s=end), stay, site) == reason
        elif reason.code == "window_missed":
            relaxed = with_window(problem, facts["task"], facts["by_s"])
            assert only(relaxed, stay, site).code != reason.code
            nearly = only(with_window(problem, facts["task"], facts["by_s"] - 1), stay, site)
            assert (nearly.code, nearly.facts["by_s"]) == (reason.code, 1)
        elif reason.code == "shift_short":
            team, shift, work = facts["team"], facts["shift_s"], facts["work_s"]
            alone = (facts["task"],)
            assert can_be_done(with_time(problem, team, shift, work), team, alone)
            assert not shift or not can_be_done(with_time(problem, team, shift - 1, work), team, alone)
            assert not work or not can_be_done(with_time(problem, team, shift, work - 1), team, alone)
            less = facts["missing_s"] - 1
            nearly = problem
            for each in range(problem.teams):
                nearly = with_time(nearly, each, less, less)
            assert not list(enters(nearly, stay, site))


@settings(UNHURRIED, max_examples=200)
@given(plans(min_sites=4, max_sites=7, max_teams=2))
def test_reasons_of_a_plan_go_when_relaxed(case):
    problem, routes = case
    visited = {int(problem.task_site[task]) for route in routes for task in route}
    for reason in reasons(problem, routes):
        facts, site = reason.facts, reason.site
        mates = (
            problem.group == problem.group[site]
            if problem.group[site] >= 0
            else np.zeros(problem.sites, bool)
        )
        rivals = {int(other) for other in np.flatnonzero(mates)} & visited
        if reason.code in FOR_ANY_PLAN:
            assert not list(enters(problem, routes, site))
            continue
        assert (reason.code == "alternative") == bool(rivals)
        if reason.code == "alternative":
            assert facts["other"] in rivals
            freed = tuple(tuple(t for t in route if problem.task_site[t] not in rivals) for route in routes)
            assert only(problem, freed, site).code != "alternative"
            continue
        entries = list(enters(problem, routes, site))
        assert (reason.code == "fits") == bool(entries)
        if reason.code == "fits":
            assert (facts["team"], facts["position"], facts["task"]) in entries
        elif reason.code == "needs_time":
            team, shift, work = facts["team"], facts["shift_s"], facts["work_s"]
            place = (team, facts["position"], facts["task"])
            assert place in enters(with_time(problem, team, shift, work), routes, site)
            nearly = problem
            for each in range(problem.teams):
                nearly = with_time(nearly, each, facts["missing_s"] - 1, facts["missing_s"] - 1)
            assert not list(enters(nearly, routes, site))
        else:
            assert_least_loss(problem, routes, site, reason)


def assert_least_loss(problem, routes, site, reason):
    """`exchange` and `worse` name the cheapest run of stops in whose place the site fits."""
    losses = {}
    for stops in range(1, max(len(route) for route in routes) + 1):
        for team, first, task in enters(problem, routes, site, stops=stops):
            sites = problem.task_site[list(routes[team][first : first + stops])]
            loss = (int(problem.required[sites].sum()), int(problem.points[sites].sum()))
            losses[team, first, task, stops] = (loss, float(problem.priority[sites].sum()))
    facts = reason.facts
    named = losses[facts["team"], facts["position"], facts["task"], facts["stops"]]
    assert named[0] == min(loss for loss, _ in losses.values())
    assert (facts["lost_required"], facts["lost_priority"]) == (named[0][0], named[1])
    gain = (int(problem.required[site]), int(problem.points[site]))
    assert (reason.code == "exchange") == (gain > named[0])
    if reason.code == "worse":
        assert not list(enters(with_time(problem, facts["team"], 1000, 1000), routes, site))


ANY = problems_and_routes(clean=True, min_teams=1)
LIKELY = problems_and_routes(clean=True, easy=True, metric=True, min_teams=1)


@settings(UNHURRIED, max_examples=200)
@given(st.one_of(ANY, LIKELY))
def test_places_are_what_the_timetable_says(case):
    problem, routes = case
    where = places(problem, routes, runs=True)
    for site in unvisited(problem, routes):
        for task in np.flatnonzero(problem.task_site == site):
            found = fits(problem, where, int(task))
            for index in range(len(where.team)):
                team = int(where.team[index])
                before = routes[team]
                route = (*before[: where.first[index]], int(task), *before[where.after[index] :])
                assert found.feasible[index] == can_be_done(problem, team, route)
                if found.possible[index]:
                    table, old = timetable(problem, team, route), timetable(problem, team, before)
                    assert found.over_s[index] == table.over_s
                    assert found.travel_s[index] == table.travel_s - old.travel_s
                    assert not any(visit.late_s for visit in table.visits)


@pytest.mark.parametrize("code", sorted(AS_IT_STANDS | FOR_ANY_PLAN - {"never_open"}))
def test_the_instances_show_every_code(code):
    # the properties above would say nothing of a code that never comes up
    cases = (
        plans(min_sites=4, max_sites=7, max_teams=2)
        if code in AS_IT_STANDS
        else plans(easy=False, metric=False)
    )
    once = settings(UNHURRIED, max_examples=2000, database=None, derandomize=True, phases=[Phase.generate])
    find(cases, lambda case: code in {reason.code for reason in reasons(*case)}, settings=once)
