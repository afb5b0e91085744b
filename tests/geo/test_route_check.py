"""The checker finds every fault once planted; the timetable is what the checker and brute force say."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from route_instances import DAY_S, UNHURRIED, can_be_done, on_a_line, problems_and_routes, simulate

from geo.route_check import Violation, check
from geo.route_times import score, timetable, timetables
from geo.routes import NO_WAY_S, Score

# four sites at 10, 20, 30, 40 of a line, service 5, two teams from 0; site 1 opens at 40 only, site 3
# is an alternative of site 2, team 1 may not do task 0.
PROBLEM = on_a_line(
    [10, 20, 30, 40],
    teams=2,
    shift=(0, 100),
    service=5,
    early=[0, 40, 0, 0],
    late=[50, 50, 50, 50],
    group=[-1, -1, 7, 7],
    allowed=[[1, 1, 1, 1], [0, 1, 1, 1]],
)
ROUTES = ((0, 1), (2,))


def codes(found):
    return [violation.code for violation in found]


def test_by_hand():
    # from 0 to place 10 (10 s), service 5, to place 20 (10 s): 25 s of way before site 1 opens at 40
    table = timetable(PROBLEM, 0, (0, 1))
    assert table.depart_s == 15
    first, second = table.visits
    assert (first.arrive_s, first.begin_s, first.leave_s, first.wait_s) == (25, 25, 30, 0)
    assert (second.arrive_s, second.begin_s, second.leave_s, second.wait_s) == (40, 40, 45, 0)
    assert (table.back_s, table.work_s, table.travel_s, table.service_s) == (65, 50, 40, 10)
    assert (second.slack_s, first.slack_s) == (10, 10)  # site 1 may begin until 50; no waiting between
    assert table.over_s == 0


def test_a_valid_plan_breaks_nothing():
    assert check(PROBLEM, ROUTES, timetables(PROBLEM, ROUTES)) == ()
    assert check(PROBLEM, ((), ()), timetables(PROBLEM, ((), ()))) == ()


def test_one_route_per_team():
    assert check(PROBLEM, ((0,),)) == (Violation("team_count", facts={"routes": 1, "teams": 2}),)


@pytest.mark.parametrize("task", [4, -1])
def test_unknown_task(task):
    assert check(PROBLEM, ((0, task), ())) == (Violation("task_unknown", 0, 1, {"task": task, "tasks": 4}),)


def test_site_twice_though_by_another_task():
    twin = on_a_line([10, 10], teams=2, shift=(0, 100), task_site=[0, 0])
    facts = {"site": 0, "other_team": 0, "other_index": 0}
    assert check(twin, ((0,), (1,))) == (Violation("site_twice", 1, 0, facts),)


def test_two_of_a_group():
    facts = {"site": 3, "other_site": 2, "group": 7}
    assert check(PROBLEM, ((2,), (3,))) == (Violation("group_twice", 1, 0, facts),)


def test_task_that_the_team_may_not_do():
    assert check(PROBLEM, ((), (0,))) == (Violation("not_allowed", 1, 0, {"task": 0, "site": 0}),)


@pytest.mark.parametrize(
    ("name", "where", "index"), [("start_s", (0, 0), 0), ("travel_s", (0, 0, 1), 1), ("end_s", (0, 1), 2)]
)
def test_no_way(name, where, index):
    ways = getattr(PROBLEM, name).copy()
    ways[where] = NO_WAY_S
    broken = replace(PROBLEM, **{name: ways})
    assert check(broken, ROUTES) == (Violation("no_way", 0, index, {"stops": 2}),)


def test_begins_late_and_pushes_what_is_behind():
    # 2 (30), service 5, 1 (20): at 45 is in time; then 0 (10) at 60, 10 s after its last moment
    facts = {"task": 0, "site": 0, "by_s": 10}
    assert check(PROBLEM, ((2, 1, 0), ())) == (Violation("begins_late", 0, 2, facts),)


def test_window_that_never_opens():
    never = replace(PROBLEM, late_s=np.array([50, 39, 50, 50]))
    assert check(never, ((1,), ())) == (Violation("begins_late", 0, 0, {"task": 1, "site": 1, "by_s": 1}),)


@pytest.mark.parametrize(("last", "by"), [(65, 0), (64, 1), (50, 15)])
def test_beyond_the_shift(last, by):
    short = replace(PROBLEM, shift_s=np.array([[0, last], [0, 100]]))
    expected = [Violation("beyond_shift", 0, None, {"by_s": by})] if by else []
    assert list(check(short, ROUTES)) == expected


@pytest.mark.parametrize(("work", "by"), [(50, 0), (49, 1), (0, 50)])
def test_beyond_the_working_time_though_the_start_is_free(work, by):
    # leaving at 15 the day of team 0 is 50 s long (test_by_hand); leaving at 0 it would be 65
    short = replace(PROBLEM, work_s=np.array([work, 100]))
    expected = [Violation("beyond_work", 0, None, {"by_s": by})] if by else []
    assert list(check(short, ROUTES)) == expected


VISIT_LIES = [
    ("arrive_s", 1, {"time_false"}),
    ("begin_s", 1, {"time_false", "slack_false"}),
    ("begin_s", -1, {"begins_early", "time_false", "slack_false"}),
    ("leave_s", 1, {"time_false"}),
    ("wait_s", 1, {"time_false"}),
    ("slack_s", 1, {"slack_false"}),
    ("slack_s", -1, {"slack_false"}),
    ("slack_s", -100, {"slack_false"}),
    ("late_s", 1, {"late_false"}),
    ("task", 1, {"other_tasks"}),
]


@pytest.mark.parametrize(("name", "by", "expected"), VISIT_LIES)
def test_false_time_of_a_visit(name, by, expected):
    tables = timetables(PROBLEM, ROUTES)
    visits = tables[0].visits
    lie = replace(visits[1], **{name: getattr(visits[1], name) + by})
    told = (replace(tables[0], visits=(visits[0], lie)), tables[1])
    found = codes(check(PROBLEM, ROUTES, told))
    assert expected <= set(found) | ({"slack_false"} if name == "begin_s" else set())
    assert set(found) <= expected | {"time_false"}


@pytest.mark.parametrize("name", ["back_s", "travel_s", "wait_s", "service_s", "over_s"])
def test_false_sum(name):
    tables = timetables(PROBLEM, ROUTES)
    told = (replace(tables[0], **{name: getattr(tables[0], name) + 1}), tables[1])
    found = check(PROBLEM, ROUTES, told)
    assert (name, "time_false") in [(violation.facts["what"], violation.code) for violation in found]


@pytest.mark.parametrize(("depart", "code"), [(-1, "departs_early"), (14, "departs_badly")])
def test_false_departure(depart, code):
    tables = timetables(PROBLEM, ROUTES)
    told = (replace(tables[0], depart_s=depart), tables[1])
    assert code in codes(check(PROBLEM, ROUTES, told))


@pytest.mark.parametrize("name", ["depart_s", "back_s", "travel_s", "over_s"])
def test_false_times_of_a_team_that_stays(name):
    tables = timetables(PROBLEM, ((0, 1), ()))
    told = (tables[0], replace(tables[1], **{name: 1}))
    assert codes(check(PROBLEM, ((0, 1), ()), told)) == ["time_false"]


def test_timetables_of_another_plan():
    assert codes(check(PROBLEM, ROUTES, timetables(PROBLEM, ((0,), (2,))))) == ["other_tasks"]
    assert codes(check(PROBLEM, ROUTES, ())) == ["other_tasks"]


TOLD_FALSELY = {
    "other_tasks", "departs_early", "departs_badly", "begins_early", "time_false", "slack_false", "late_false"
}  # fmt: skip


@UNHURRIED
@given(problems_and_routes())
def test_timetables_are_true_even_of_hopeless_routes(case):
    problem, routes = case
    found = check(problem, routes, timetables(problem, routes))
    assert not TOLD_FALSELY & set(codes(found))


@UNHURRIED
@given(problems_and_routes())
def test_checker_agrees_with_every_departure(case):
    problem, routes = case
    found = check(problem, routes)
    for team, route in enumerate(routes):
        wrong = {violation.team == team for violation in found if violation.code != "group_twice"}
        assert can_be_done(problem, team, route) == (True not in wrong)


@UNHURRIED
@given(problems_and_routes(max_teams=1, min_teams=1))
def test_departure_is_the_best_of_all(case):
    problem, (route,) = case
    first = int(problem.shift_s[0, 0])
    if any(violation.code == "no_way" for violation in check(problem, (route,))) or not route:
        return
    at_once, back_at_once = simulate(problem, 0, route, first)
    days = {}
    for depart in range(first, first + 6 * DAY_S):
        begins, back = simulate(problem, 0, route, depart)
        pairs = zip(begins, at_once, route, strict=True)
        if all(begin <= max(must, problem.late_s[task]) for begin, must, task in pairs) and (
            back <= max(back_at_once, problem.shift_s[0, 1])
        ):
            days[depart] = back - depart
    best = min(days, key=lambda depart: (days[depart], depart))
    table = timetable(problem, 0, route)
    assert (table.depart_s, table.work_s) == (best, days[best])


@UNHURRIED
@given(problems_and_routes(), st.data())
def test_slack_of_a_visit_is_what_delaying_it_shows(case, data):
    problem, routes = case
    full = [team for team, route in enumerate(routes) if route]
    if not full:
        return
    team = data.draw(st.sampled_from(full))
    route, table = routes[team], timetable(problem, team, routes[team])
    index = data.draw(st.integers(0, len(route) - 1))

    def fine(delay):
        now = table.visits[index].begin_s + delay
        profile = problem.profile[team]
        for before, task in zip((None, *route[index:]), route[index:], strict=False):
            if before is not None:
                now += int(problem.service_s[before] + problem.travel_s[profile, before, task])
                now = max(now, int(problem.early_s[task]))
            if now > problem.late_s[task]:
                return False
        back = now + int(problem.service_s[route[-1]] + problem.end_s[team, route[-1]])
        return back <= problem.shift_s[team, 1] and back - table.depart_s <= problem.work_s[team]

    delays = [delay for delay in range(5 * DAY_S) if fine(delay)]
    assert table.visits[index].slack_s == max(delays, default=0)


def test_slack_is_nothing_when_the_day_is_too_long_already():
    # site 0 must begin by 20, so the team leaves at 10; site 2 opens at 80, after a wait at it, and
    # the team is back at 115: site 1 could begin later and nothing would change, but the day is over
    problem = on_a_line([10, 20, 30], teams=1, shift=(0, 100), service=5, early=[0, 0, 80], late=[20, 90, 90])
    table = timetable(problem, 0, (0, 1, 2))
    assert (table.depart_s, table.back_s, table.over_s) == (10, 115, 15)
    assert [visit.wait_s for visit in table.visits] == [0, 0, 30]
    assert [visit.slack_s for visit in table.visits] == [0, 0, 0]


def test_score_by_hand():
    # points: 4 of 8 is half of the largest; groups count once; the longest day is team 0's 50 s
    problem = replace(
        PROBLEM, priority=np.array([4.0, 8.0, 2.0, 0.0]), required=np.array([True, False, True, True])
    )
    assert score(problem, ROUTES) == Score(2, 5000 + 10000 + 2500, 40 + 60, 65)
    assert score(problem, ((), ())) == Score(0, 0, 0, 0)


@UNHURRIED
@given(problems_and_routes())
def test_score_counts_what_is_there(case):
    problem, routes = case
    sites = {int(problem.task_site[task]) for route in routes for task in route}
    duties = {
        (int(problem.group[s]), s if problem.group[s] < 0 else -1) for s in sites if problem.required[s]
    }
    found = score(problem, routes)
    assert found.required == len(duties)
    assert found.points == sum(int(problem.points[site]) for site in sites)
    assert found.travel_s == sum(table.travel_s for table in timetables(problem, routes))
