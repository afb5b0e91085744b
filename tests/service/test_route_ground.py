"""From sites and teams to a problem in numbers and back, on a plane where distances are plain."""

from __future__ import annotations

import numpy as np
import pytest

from geo.errors import DesignError
from geo.routes import NO_WAY_S
from geo.travel import Legs, Path, Snapped
from service.usecases.route_ground import make_ground, record_routes, routes_of, totals
from service.usecases.route_record import _without_road

PACE = {"walk": 0.8, "bike": 0.4, "drive": 0.2}


class Plane:
    """A unit of the plane is 100 m; on foot it takes 80 s, by car 20 s. Beyond x = 50 there is no road."""

    name, estimate = "plane", False

    def snap(self, lonlat, mode):
        far = lonlat[:, 0] > 50
        return Snapped(lonlat, np.where(far, np.inf, 0.0), np.where(lonlat[:, 0] > 40, 1, 0))

    def matrix(self, sources, targets, mode):
        metres = 100 * np.abs(sources[:, None, :] - targets[None, :, :]).sum(axis=2)
        metres[(sources[:, None, 0] > 40) != (targets[None, :, 0] > 40)] = np.inf
        return Legs(metres, metres * PACE[mode])

    def path(self, source, target, mode):
        metres = 100 * float(np.abs(source - target).sum())
        return Path(np.array([source, [target[0], source[1]], target]), metres, metres * PACE[mode])


def site(name, lonlat, ends=None, **more):
    return {
        "id": name, "unit": name, "name": name, "lonlat": lonlat, "ends": ends, "length_m": 125.0 if ends else None,
        "service_s": 600, "windows": [[28800, 43200]], "priority": 1.0, "required": False, "group": None,
        "skills": [], **more,
    }  # fmt: skip


def team(number, mode="walk", start=None, end=None, **more):
    return {
        "id": number, "name": f"队{number}", "mode": mode, "start": start, "end": end,
        "shift": [28800, 43200], "work_s": 14400, "skills": [], **more,
    }  # fmt: skip


SITES = [site("a", [0.0, 0.0]), site("lane", [5.0, 1.0], [[4.0, 1.0], [6.0, 1.0]])]


def test_an_alley_is_entered_at_either_end_and_left_at_the_other():
    ground = make_ground(SITES, [team("1")], Plane())
    assert [(task.site, task.enter, task.leave, task.reversed) for task in ground.tasks] == [
        (0, 0, 0, False), (1, 1, 2, False), (1, 2, 1, True),
    ]  # fmt: skip
    # from a (0, 0) to the west end (4, 1): 500 m; from the east end (6, 1) back to a: 700 m
    assert ground.problem.travel_s[0, 0, 1] == 400
    assert ground.problem.travel_s[0, 1, 0] == 560
    assert ground.problem.service_s.tolist() == [600, 600, 600]


def test_by_car_an_alley_is_walked_there_and_back():
    ground = make_ground(SITES, [team("1", "drive")], Plane())
    assert [(task.enter, task.leave) for task in ground.tasks] == [(0, 0), (1, 1), (2, 2)]
    # 125 m once more at 1.25 m/s
    assert ground.problem.service_s.tolist() == [600, 700, 700]
    assert ground.problem.late_s.tolist() == [42600, 42500, 42500]


def test_teams_of_two_modes_have_their_own_tasks_and_times():
    ground = make_ground(SITES, [team("1", "drive"), team("2", "walk")], Plane())
    through = [task.through for task in ground.tasks]
    assert ground.problem.allowed.tolist() == [
        [way is not True for way in through], [way is not False for way in through]
    ]  # fmt: skip
    first, second = ground.problem.profile
    assert ground.problem.travel_s[second].max() == 4 * ground.problem.travel_s[first].max()


def test_every_window_is_a_task_and_ends_a_service_before_it_closes():
    ground = make_ground([site("s", [0.0, 0.0], windows=[[0, 3600], [7200, 9000]])], [team("1")], Plane())
    assert ground.problem.early_s.tolist() == [0, 7200]
    assert ground.problem.late_s.tolist() == [3000, 8400]


def test_a_start_counts_and_an_open_end_does_not():
    ground = make_ground(SITES, [team("1", start=[1.0, 0.0])], Plane())
    assert ground.problem.start_s.tolist() == [[80, 320, 480]]
    assert ground.problem.end_s.tolist() == [[0, 0, 0]]


def test_where_there_is_no_way_the_travel_says_so():
    ground = make_ground([*SITES, site("island", [45.0, 0.0])], [team("1")], Plane())
    assert ground.problem.travel_s[0, 0, 3] == NO_WAY_S
    assert ground.problem.travel_s[0, 3, 3] == 0


def test_a_site_far_from_every_road_is_out_of_reach():
    ground = make_ground([*SITES, site("sea", [60.0, 0.0])], [team("1", start=[0.0, 0.0])], Plane())
    assert ground.problem.start_s[0, 3] == NO_WAY_S


def test_skills_decide_who_may_go():
    able = team("2", skills=["英语", "食品"])
    ground = make_ground([site("s", [0.0, 0.0], skills=["食品"])], [team("1"), able], Plane())
    assert ground.problem.allowed.tolist() == [[False], [True]]


def test_no_team_and_starts_without_roads_are_refused():
    with pytest.raises(DesignError) as refused:
        make_ground(SITES, [], Plane())
    assert refused.value.code == "no_teams"
    with pytest.raises(DesignError) as refused:
        make_ground(SITES, [team("1", start=[60.0, 0.0]), team("2", end=[70.0, 0.0])], Plane())
    assert refused.value.code == "start_far"
    assert refused.value.facts["count"] == 2
    with pytest.raises(DesignError) as refused:
        make_ground(SITES, [team("1", start=[60.0, 0.0], end=[60.0, 0.0])], Plane())
    assert refused.value.facts["count"] == 1


def test_a_record_tells_each_way_and_leads_back_to_its_routes():
    ground = make_ground(SITES, [team("1", start=[0.0, 1.0], end=[9.0, 1.0]), team("2")], Plane())
    routes = ((0, 2), ())
    told = record_routes(ground, routes, {"lane": True, "team/2": True})
    first, second = told
    # start (0, 1) -> a (0, 0): 100 m; a -> east end of the lane (6, 1): 700 m; west end (4, 1) -> (9, 1): 500 m
    assert [leg["metres"] for leg in first["legs"]] == [100, 700, 500]
    assert [(leg["from"], leg["to"]) for leg in first["legs"]] == [
        ("start", "a"),
        ("a", "lane"),
        ("lane", "end"),
    ]
    assert first["metres"] == 1300
    assert first["travel_s"] == 1040
    assert first["depart_s"] == 28800
    assert [stop["arrive_s"] for stop in first["stops"]] == [28880, 28880 + 600 + 560]
    assert first["back_s"] == 28880 + 600 + 560 + 600 + 400
    assert [(leg["depart_s"], leg["arrive_s"]) for leg in first["legs"]][-1] == (30640, first["back_s"])
    assert first["stops"][1]["enter"] == [6.0, 1.0]
    assert first["stops"][1]["exit"] == [4.0, 1.0]
    assert [stop["locked"] for stop in first["stops"]] == [False, True]
    assert (second["locked"], second["stops"], second["legs"], second["work_s"]) == (True, [], [], 0)
    assert first["legs"][1]["path"] == [[0.0, 0.0], [6.0, 0.0], [6.0, 1.0]]
    assert routes_of(ground, told) == routes


def test_without_start_and_end_the_ways_are_those_between_stops():
    ground = make_ground(SITES, [team("1")], Plane())
    (told,) = record_routes(ground, ((1, 0),), {})
    assert [(leg["from"], leg["to"]) for leg in told["legs"]] == [("lane", "a")]
    assert told["legs"][0]["metres"] == 700


def test_totals_count_what_is_visited():
    sites = [site("a", [0.0, 0.0], priority=2.0, required=True), site("b", [1.0, 0.0], priority=3.0)]
    ground = make_ground(sites, [team("1"), team("2")], Plane())
    routes = ((0,), ())
    sums = totals(ground, routes, record_routes(ground, routes, {}))
    assert (sums["sites"], sums["visited"], sums["required"], sums["required_visited"]) == (2, 1, 1, 1)
    assert (sums["priority"], sums["priority_visited"]) == (5.0, 2.0)
    assert (sums["longest_work_s"], sums["mean_work_s"]) == (600, 300.0)


def test_an_alley_whose_far_end_is_off_the_road_is_still_near_by_car():
    lane = site("lane", [49.0, 0.0], [[49.0, 0.0], [51.0, 0.0]])
    assert _without_road(make_ground([lane], [team("1", mode="drive")], Plane())) == set()
    assert _without_road(make_ground([lane], [team("1")], Plane())) == {0}
