"""The longest walk that takes no edge twice: exact on trees and rings, never too short elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from geo.longest_walk import bridges, longest_walks


def every_trail(nodes, u, v, length):
    """(e,) longest trail through each edge, by trying them all."""
    out = [[] for _ in range(nodes)]
    for edge, (a, b) in enumerate(zip(u, v, strict=True)):
        out[a].append((edge, b))
        if a != b:
            out[b].append((edge, a))
    best = np.zeros(len(u))

    def walk(node, taken, metres):
        for edge in taken:
            best[edge] = max(best[edge], metres)
        for edge, other in out[node]:
            if edge not in taken:
                walk(other, {*taken, edge}, metres + length[edge])

    for node in range(nodes):
        walk(node, set(), 0.0)
    return best


def test_a_fork_is_walked_from_arm_to_arm():
    # arms of 300, 250 and 100 m that meet at node 0
    u, v, length = np.array([0, 0, 0]), np.array([1, 2, 3]), np.array([300.0, 250.0, 100.0])
    assert longest_walks(4, u, v, length).tolist() == [550.0, 550.0, 400.0]


def test_a_ring_is_walked_once_round_and_a_stub_adds_its_length():
    u, v = np.array([0, 1, 2, 2]), np.array([1, 2, 0, 3])
    length = np.array([100.0, 100.0, 200.0, 120.0])
    assert longest_walks(4, u, v, length).tolist() == [520.0] * 4


def test_loops_and_parallel_edges_are_no_bridges():
    u, v = np.array([0, 0, 1, 2]), np.array([1, 1, 2, 2])
    assert bridges(3, u, v).tolist() == [False, False, True, False]


@pytest.mark.parametrize("seed", range(30))
def test_a_random_tree_agrees_with_every_walk(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 9))
    u = np.array([rng.integers(0, node) for node in range(1, n)])
    v = np.arange(1, n)
    length = rng.integers(1, 50, n - 1).astype(float)
    np.testing.assert_allclose(longest_walks(n, u, v, length), every_trail(n, u, v, length))


@pytest.mark.parametrize("seed", range(40))
def test_a_random_network_is_never_told_too_short(seed):
    rng = np.random.default_rng([seed, 1])
    n, e = int(rng.integers(2, 6)), int(rng.integers(1, 9))
    u, v = rng.integers(0, n, (2, e))
    length = rng.integers(1, 50, e).astype(float)
    found, exact = longest_walks(n, u, v, length), every_trail(n, u, v, length)
    assert (found >= exact - 1e-9).all()
    assert (found <= length.sum() + 1e-9).all()


@pytest.mark.parametrize("seed", range(20))
def test_bridges_are_those_of_networkx(seed):
    nx = pytest.importorskip("networkx")
    rng = np.random.default_rng([seed, 2])
    n = 30
    pairs = np.unique(np.sort(rng.integers(0, n, (35, 2)), axis=1), axis=0)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    expected = {tuple(sorted(edge)) for edge in nx.bridges(nx.Graph(pairs.tolist()))}
    found = bridges(n, pairs[:, 0], pairs[:, 1])
    assert {tuple(pair) for pair in pairs[found].tolist()} == expected


def test_nothing_is_walked_on_nothing():
    assert len(longest_walks(3, np.empty(0, int), np.empty(0, int), np.empty(0))) == 0
