"""Coverage of streets by toilets: streets worked by hand, dense samples, and every place tried."""

from __future__ import annotations

import numpy as np
import pytest
from streets import at, city, layer, people, spots

from geo.coverage import cover
from geo.coverage_gain import candidates, next_places
from geo.errors import DesignError
from geo.roads import build_graph
from geo.roadside import points_on
from geo.snapping import EdgeTree
from geo.streets import make_streets

NONE = np.empty((0, 2))


def town(*lines, names=None):
    graph = build_graph(layer(*lines), "walk")
    named = np.array(names or [""] * len(lines), object)[graph.row]
    return graph, make_streets(graph, named)


def gaps(found):
    """(line, from, to) to the decimetre."""
    held = found.gaps
    return [
        (line, round(low, 1), round(high, 1))
        for line, low, high in zip(held.on.tolist(), held.low.tolist(), held.high.tolist(), strict=True)
    ]


def near(*stretches):
    return [pytest.approx(stretch, abs=0.2) for stretch in stretches]


STREET = [(0, 0), (2000, 0)]


# -- along the street


def test_a_street_without_a_toilet_is_one_gap():
    found = cover(*town(STREET), NONE)
    assert gaps(found) == near((0, 0, 2000))
    assert found.share == pytest.approx(0.0, abs=1e-9)


def test_a_gap_is_what_lies_between_two_toilets_more_than_500_m_apart_and_so_are_the_ends():
    # 300, 400, 700 and 600 m: the last two are too long
    found = cover(*town(STREET), spots((300, 10), (700, -30), (1400, 0)))
    assert gaps(found) == near((0, 700, 1400), (0, 1400, 2000))
    assert found.bare_m == pytest.approx(1300, abs=0.2)
    assert found.share == pytest.approx(0.35, abs=1e-3)
    assert found.serves.all()


@pytest.mark.parametrize(("length", "asked"), [(499.0, False), (501.0, True)])
def test_a_street_shorter_than_the_window_is_asked_nothing(length, asked):
    found = cover(*town([(0, 0), (length, 0)]), NONE)
    assert found.asked.tolist() == [asked]
    assert found.bare_m == pytest.approx(length if asked else 0.0, abs=0.1)
    assert found.street_m == pytest.approx(length, abs=0.1)


def test_without_anything_asked_the_share_is_no_number():
    assert np.isnan(cover(*town([(0, 0), (100, 0)]), NONE).share)


def test_a_toilet_farther_than_50_m_from_the_street_is_not_beside_it_and_is_told():
    found = cover(*town(STREET), spots((1000, 51), (1000, 49)))
    assert found.serves.tolist() == [False, True]
    assert gaps(cover(*town(STREET), spots((1000, 51)))) == near((0, 0, 2000))
    wider = cover(*town(STREET), spots((1000, 51)), beside_m=60)
    assert gaps(wider) == near((0, 0, 1000), (0, 1000, 2000))


def test_the_street_is_measured_round_its_corners_and_over_its_crossings():
    # 400 m east, then 400 m north; a toilet at 300 m: 500 m are left, exactly as many as allowed
    lines = [(0, 0), (400, 0)], [(400, 0), (400, 400)], [(300, -100), (300, 0)]
    found = cover(*town(*lines, names=["弯街", "弯街", ""]), spots((300, 5)), distance_m=501)
    assert gaps(found) == []
    found = cover(*town(*lines, names=["弯街", "弯街", ""]), spots((300, 5)), distance_m=499)
    assert found.bare_m == pytest.approx(500, abs=0.2)


def test_both_carriageways_have_a_toilet_between_them_and_one_far_away_serves_one():
    lines = STREET, [(0, 40), (2000, 40)]
    found = cover(*town(*lines, names=["大道", "大道"]), spots((1000, 20)), distance_m=999)
    assert gaps(found) == near((0, 0, 1000), (0, 1000, 2000), (1, 0, 1000), (1, 1000, 2000))
    found = cover(*town(*lines, names=["大道", "大道"]), spots((1000, -20)), distance_m=999)
    assert len(gaps(found)) == 3  # 60 m from the second


def test_a_street_that_comes_back_past_a_toilet_has_it_twice():
    # 600 m out, 40 m across, 600 m back; the toilet stands between, 400 m out
    out_and_back = [(0, 0), (600, 0), (600, 40), (0, 40)]
    found = cover(*town(out_and_back), spots((400, 20)), distance_m=430)
    # 400 | 200 + 40 + 200 = 440 | 400
    assert gaps(found) == near((0, 400, 840))


def test_two_toilets_on_one_edge_and_one_at_its_end():
    found = cover(*town(STREET), spots((0, 0), (400, 0), (900, 0), (1500, 0)), distance_m=510)
    assert gaps(found) == near((0, 900, 1500))


def test_a_ring_with_one_toilet_is_a_gap_round_to_itself():
    square = [(0, 0), (200, 0), (200, 200), (0, 200), (0, 0)]
    found = cover(*town(square), spots((100, 0)))
    assert gaps(found) == near((0, 100, 900))
    assert found.bare_m == pytest.approx(800, abs=0.2)
    two = cover(*town(square), spots((100, 0), (100, 200)))
    assert gaps(two) == []
    three = cover(*town(square), spots((0, 20), (0, 120)))  # at 780 and 680 m: 700 m are left over the seam
    assert three.bare_m == pytest.approx(700, abs=0.2)


def test_a_toilet_at_the_seam_of_a_ring_stands_there_once():
    square = [(0, 0), (200, 0), (200, 200), (0, 200), (0, 0)]
    found = cover(*town(square), spots((-10, -10)))
    assert found.bare_m == pytest.approx(800, abs=0.2)
    assert len(gaps(found)) == 1


@pytest.mark.parametrize("seed", range(4))
def test_every_window_without_a_toilet_is_found_and_no_other(seed):
    """Points every metre: one is bare if some run of more than 300 m that holds it has no toilet."""
    graph = build_graph(city(seed, side=5), "walk")
    streets = make_streets(graph, np.full(len(graph), "", object))
    toilets = people(seed, 12, side=5)
    found = cover(graph, streets, toilets, distance_m=300, beside_m=30)
    xy = graph.plane(toilets)
    for line in range(len(streets)):
        path = streets.path(graph, line, 0.0, float(streets.length_m[line]))
        step = np.hypot(*np.diff(path, axis=0).T)
        along = np.append(0.0, np.cumsum(step))
        n = max(int(along[-1]), 1)
        metre = (np.arange(n) + 0.5) * along[-1] / n
        here = np.column_stack([np.interp(metre, along, path[:, 0]), np.interp(metre, along, path[:, 1])])
        stands = []
        for toilet in xy:
            away = np.hypot(*(here - toilet).T)
            runs = np.split(np.arange(n), np.flatnonzero(np.diff(away <= 30)) + 1)
            stands += [metre[run[np.argmin(away[run])]] for run in runs if away[run[0]] <= 30]
        if streets.ring[line]:
            continue  # worked by hand above
        ends = np.array([0.0, *sorted(stands), along[-1]])
        expected = np.diff(ends)[np.diff(ends) > 300].sum()
        mine = found.gaps.metres[found.gaps.on == line].sum()
        if np.abs(np.diff(ends) - 300).min() > 3:
            assert mine == pytest.approx(expected, abs=4 * len(ends)), line


# -- on foot


def test_walking_500_m_to_a_toilet_counts_the_way_off_the_road():
    found = cover(*town(STREET), spots((300, 30)), rule="walk")
    assert gaps(found) == near((0, 770, 2000))
    assert found.asked.all()


def test_a_toilet_too_far_from_any_road_serves_nobody_and_is_told():
    found = cover(*town(STREET), spots((300, 501), (1000, 400)), rule="walk")
    assert found.serves.tolist() == [False, True]
    assert gaps(found) == near((0, 0, 900), (0, 1100, 2000))


def test_two_toilets_on_one_edge_leave_the_middle():
    found = cover(*town(STREET), spots((100, 0), (1800, 0)), rule="walk", distance_m=300)
    assert gaps(found) == near((0, 400, 1500))


def test_the_way_round_a_loop_meets_in_the_middle():
    # 1,200 m round; the toilet hangs on a stub of 100 m: 400 m each way round are covered
    ring = [(0, 0), (400, 0), (400, 200), (0, 200), (0, 0)]
    found = cover(*town(ring, [(0, 0), (-100, 0)]), spots((-100, 0)), rule="walk")
    assert found.bare_m == pytest.approx(400, abs=0.2)


def test_parallel_edges_are_covered_each_by_its_own_length():
    straight, bow = [(0, 0), (300, 0)], [(0, 0), (0, 400), (300, 400), (300, 0)]
    found = cover(*town(straight, bow), spots((0, 0)), rule="walk")
    # bow, 1,100 m: 500 m from one side and 200 m from the other are covered
    assert found.bare_m == pytest.approx(400, abs=0.2)


def test_an_island_without_a_toilet_is_not_covered():
    found = cover(*town(STREET, [(0, 900), (2000, 900)]), spots((1000, 0)), rule="walk", distance_m=1000)
    assert found.bare_m == pytest.approx(2000, abs=0.5)


def test_without_a_toilet_nothing_is_covered_on_foot():
    found = cover(*town(STREET), NONE, rule="walk")
    assert found.bare_m == pytest.approx(2000, abs=0.2)


@pytest.mark.parametrize("seed", range(3))
def test_the_covered_length_on_foot_is_that_of_dense_samples_in_networkx(seed):
    nx = pytest.importorskip("networkx")
    graph = build_graph(city(seed, side=6), "walk")
    streets = make_streets(graph, np.full(len(graph), "", object))
    toilets = people(seed, 6, side=6)
    found = cover(graph, streets, toilets, rule="walk", distance_m=200)
    peer = nx.Graph()
    step, inner = 2.0, {}
    for edge in range(len(graph)):
        size = float(graph.length_m[edge])
        n = max(int(size // step), 1)
        chain = [("n", int(graph.u[edge])), *(("e", edge, i) for i in range(n)), ("n", int(graph.v[edge]))]
        # samples in the middle of n equal pieces
        metres = [size / n / 2, *[size / n] * (n - 1), size / n / 2]
        for a, b, m in zip(chain[:-1], chain[1:], metres, strict=True):
            peer.add_edge(a, b, metres=min(m, peer.get_edge_data(a, b, {"metres": np.inf})["metres"]))
        inner.update({("e", edge, i): size / n for i in range(n)})
    snaps = EdgeTree(graph).snap(toilets)  # snapping has tests of its own
    for edge, offset, gap in zip(
        snaps.edge.tolist(), snaps.offset_m.tolist(), snaps.gap_m.tolist(), strict=True
    ):
        size = float(graph.length_m[edge])
        n = max(int(size // step), 1)
        for i in range(n):
            metres = gap + abs(offset - (i + 0.5) * size / n)
            known = peer.get_edge_data("all", ("e", edge, i), {"metres": np.inf})["metres"]
            peer.add_edge("all", ("e", edge, i), metres=min(known, metres))
    reached = nx.single_source_dijkstra_path_length(peer, "all", weight="metres")
    expected = sum(size for node, size in inner.items() if reached.get(node, np.inf) > 200)
    assert found.bare_m == pytest.approx(expected, abs=2 * step * np.sqrt(len(graph)) + 0.01 * expected)


# -- any walk


def test_any_walk_goes_round_corners_that_no_window_sees():
    lines, names = ([(0, 0), (400, 0)], [(400, 0), (400, 200)]), ["东街", "西街"]
    assert cover(*town(*lines, names=names), NONE).bare_m == 0
    found = cover(*town(*lines, names=names), NONE, rule="any_walk")
    assert found.bare_m == pytest.approx(600, abs=0.2)
    # a toilet at the corner takes 50 m of both: walks of 350 and 150 m are left
    found = cover(*town(*lines, names=names), spots((400, 0)), rule="any_walk")
    assert found.bare_m == 0


def test_a_walk_ends_50_m_from_a_toilet_to_the_point():
    # 30 m beside: the disc takes 40 m on either side, so 960 m are left on each
    found = cover(*town(STREET), spots((1000, 30)), rule="any_walk", distance_m=959)
    assert gaps(found) == near((0, 0, 960), (0, 1040, 2000))
    assert cover(*town(STREET), spots((1000, 30)), rule="any_walk", distance_m=961).bare_m == 0


def test_nobody_turns_round_at_a_dead_end():
    # arms of 200, 200 and 250 m: the longest walk is 450 m
    arms = [(0, 0), (-200, 0)], [(0, 0), (0, 200)], [(0, 0), (250, 0)]
    assert cover(*town(*arms), NONE, rule="any_walk").bare_m == 0
    # 300, 250 and 100: only the first two make more than 500
    arms = [(0, 0), (-300, 0)], [(0, 0), (0, 250)], [(0, 0), (100, 0)]
    assert cover(*town(*arms), NONE, rule="any_walk").bare_m == pytest.approx(550, abs=0.2)


def test_a_block_is_walked_once_round():
    square = [(0, 0), (100, 0), (100, 100), (0, 100), (0, 0)]
    assert cover(*town(square), NONE, rule="any_walk").bare_m == 0
    found = cover(*town(square, [(0, 0), (-120, 0)]), NONE, rule="any_walk")
    assert found.bare_m == pytest.approx(520, abs=0.2)


@pytest.mark.parametrize("seed", range(4))
def test_a_gap_of_the_window_longer_by_two_widths_is_a_gap_of_any_walk(seed):
    """400 m against 300 m and 50 m at both ends, but for the metres beside a toilet."""
    graph = build_graph(city(seed, side=6), "walk")
    streets = make_streets(graph, np.full(len(graph), "", object))
    toilets = people(seed, 8, side=6)
    window = cover(graph, streets, toilets, distance_m=400)
    walk = cover(graph, streets, toilets, distance_m=300, rule="any_walk")
    covered = {edge: [] for edge in range(len(graph))}
    for edge, low, high in zip(walk.bare.on, walk.bare.low, walk.bare.high, strict=True):
        covered[edge].append((low, high))
    xy = graph.plane(toilets)
    for edge, low, high in zip(window.bare.on, window.bare.low, window.bare.high, strict=True):
        middle = (low + high) / 2
        beside = np.hypot(*(xy - points_on(graph, np.array([edge]), np.array([middle]))).T).min() <= 51
        assert beside or any(a <= middle <= b for a, b in covered[edge])


# -- all readings


@pytest.mark.parametrize("rule", ["window", "walk", "any_walk"])
def test_streets_that_are_none_are_covered_by_nothing(rule):
    graph = build_graph(layer(STREET), "walk")
    streets = make_streets(graph, np.array([""], object), np.array([False]))
    found = cover(graph, streets, spots((0, 0)), rule=rule)
    assert (found.street_m, found.bare_m, len(found.gaps)) == (0, 0, 0)
    assert np.isnan(found.share)


@pytest.mark.parametrize("rule", ["window", "walk", "any_walk"])
def test_metres_by_kind_add_up_to_the_whole(rule):
    graph = build_graph(city(2, side=6), "walk")
    streets = make_streets(graph, np.full(len(graph), "", object))
    found = cover(graph, streets, people(2, 5, side=6), rule=rule, distance_m=250)
    street, asked, bare = found.by_kind(np.arange(len(graph)) % 3, 3)
    assert street.sum() == pytest.approx(found.street_m)
    assert asked.sum() == pytest.approx(found.asked_m)
    assert bare.sum() == pytest.approx(found.bare_m)
    assert found.gaps.metres.sum() == pytest.approx(found.bare_m)
    assert (bare <= asked + 1e-6).all()


@pytest.mark.parametrize(
    ("wrong", "code"),
    [({"rule": "radius"}, "coverage_rule"), ({"distance_m": 10.0}, "coverage_distance"),
     ({"beside_m": float("nan")}, "coverage_beside")],
)  # fmt: skip
def test_a_reading_that_does_not_exist_is_refused(wrong, code):
    with pytest.raises(DesignError) as refused:
        cover(*town(STREET), NONE, **wrong)
    assert refused.value.code == code


# -- the best next places


def test_the_next_toilet_on_foot_stands_where_it_covers_most():
    # 2,000 m bare: the first covers 500 m to both sides, in the end everything is covered
    found = cover(*town(STREET), NONE, rule="walk")
    gains = [one.gain_m for one in next_places(found, 5)]
    assert gains[0] == pytest.approx(1000, abs=0.5)
    assert sum(gains) == pytest.approx(2000, abs=3)


@pytest.mark.parametrize("seed", range(3))
def test_each_gain_on_foot_is_what_a_new_reckoning_finds_and_no_candidate_has_more(seed):
    graph = build_graph(city(seed, side=5), "walk")
    streets = make_streets(graph, np.full(len(graph), "", object))
    toilets = people(seed, 2, side=5)
    found = cover(graph, streets, toilets, rule="walk", distance_m=150)
    chosen = next_places(found, 3, step_m=60)
    edge, offset, bound = candidates(found, 60)
    before = found.bare_m
    tried = []
    for e, o, most in zip(edge.tolist(), offset.tolist(), bound.tolist(), strict=True):
        there = graph.lonlat(points_on(graph, np.array([e]), np.array([o])))
        gain = (
            before
            - cover(graph, streets, np.concatenate([toilets, there]), rule="walk", distance_m=150).bare_m
        )
        assert gain <= most + 1e-6
        tried.append(gain)
    assert chosen[0].gain_m == pytest.approx(max(tried), abs=0.05)
    built = toilets
    for one in chosen:
        built = np.concatenate([built, [[one.lon, one.lat]]])
        after = cover(graph, streets, built, rule="walk", distance_m=150).bare_m
        assert one.gain_m == pytest.approx(before - after, abs=0.05)
        before = after
    assert [one.gain_m for one in chosen] == sorted((one.gain_m for one in chosen), reverse=True)


def test_the_next_toilet_along_a_street_closes_what_it_can():
    # 900 m bare: one toilet anywhere from 400 to 500 m closes all of it
    first, *more = next_places(cover(*town([(0, 0), (900, 0)]), NONE), 3)
    assert first.gain_m == pytest.approx(900, abs=0.2)
    assert more == []
    # 1,400 m: 500 m with the first, the remaining 900 m with the second
    gains = [one.gain_m for one in next_places(cover(*town([(0, 0), (1400, 0)]), NONE), 5)]
    assert gains == [pytest.approx(500, abs=0.2), pytest.approx(900, abs=0.2)]


def test_a_crossing_of_two_gaps_helps_both():
    cross = [(-450, 0), (0, 0), (450, 0)], [(0, -450), (0, 0), (0, 450)]
    first = next_places(cover(*town(*cross, names=["横街", "纵街"]), NONE), 1)[0]
    assert first.gain_m == pytest.approx(1800, abs=0.5)
    assert (first.lon, first.lat) == pytest.approx(at(0, 0), abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_each_gain_along_streets_is_what_a_new_reckoning_finds(seed):
    graph = build_graph(city(seed, side=7), "walk")
    streets = make_streets(graph, np.full(len(graph), "", object))
    built = people(seed, 6, side=7)
    found = cover(graph, streets, built, distance_m=300, beside_m=20)
    before = found.bare_m
    chosen = next_places(found, 4)
    assert chosen
    for one in chosen:
        built = np.concatenate([built, [[one.lon, one.lat]]])
        after = cover(graph, streets, built, distance_m=300, beside_m=20).bare_m
        assert one.gain_m == pytest.approx(before - after, abs=0.1)
        before = after


def test_a_ring_with_one_toilet_is_closed_by_the_second_and_one_without_is_helped_by_none_alone():
    square = [(0, 0), (200, 0), (200, 200), (0, 200), (0, 0)]
    assert next_places(cover(*town(square), NONE), 5) == []
    gains = [one.gain_m for one in next_places(cover(*town(square), spots((0, 20))), 5)]
    assert gains == [pytest.approx(800, abs=0.5)]


def test_next_places_are_not_defined_for_any_walk():
    with pytest.raises(DesignError) as refused:
        next_places(cover(*town(STREET), NONE, rule="any_walk"), 1)
    assert refused.value.code == "coverage_next_any"


@pytest.mark.parametrize("rule", ["window", "walk"])
def test_where_nothing_is_bare_no_place_is_named(rule):
    found = cover(*town([(0, 0), (600, 0)]), spots((300, 0)), rule=rule)
    assert next_places(found, 5) == []
