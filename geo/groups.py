"""Surroundings of several anchors that chance puts together.

One draw of units serves all drawn anchors of a class, or of a cluster, so the pool is a union of
discs that depends on which anchors were drawn. Where there are few such sets (and few radii) they are
gone through one by one, and the result is exact; otherwise sets are drawn at random and the chance
given the set is averaged, which has a standard error, and says so.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .choice import Choice, bad_in_pools, chance_of_one, sized_bad, sized_chances, sizes_of
from .design import WIDEN_TO_M, Design, Radius
from .errors import DesignError
from .frame import UNIT_LAYERS, Frame
from .mixing import union
from .pools import Ranked, rank_pairs
from .strata import Strata, anchor_strata, clusters_of, common_radius, radius_cells

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

SETS_MAX = 20_000
"""Sets of anchors with their radii up to which all are gone through."""


@dataclass(frozen=True)
class Group:
    """Drawn anchors that share one draw of units, and the radius of each."""

    rows: tuple[int, ...]
    radii_m: tuple[float, ...]


Block = Iterable[tuple[float, list[Group]]]
"""Equally possible sets: their chances and the surroundings they form."""


@dataclass(frozen=True)
class Plan:
    """All that chance may put together, or a sample of it.

    Parameters
    ----------
    exact : bool
    cases : iterator of (chance, blocks)
        Blocks are independent of each other within a case.
    """

    exact: bool
    cases: Iterator[tuple[float, list[Block]]]


def _sets(
    strata: Strata, chosen: list[int], label: Ints, own: list[tuple[float, Radius]]
) -> Iterator[tuple[float, list[Group]]]:
    """Every set of anchors of some strata, with every combination of their own radii."""
    rows = [strata.rows(s).tolist() for s in chosen]
    drawn = [int(strata.drawn[s]) for s in chosen]
    weight = 1.0 / math.prod(math.comb(len(r), n) for r, n in zip(rows, drawn, strict=True))
    choices = [itertools.combinations(r, n) for r, n in zip(rows, drawn, strict=True)]
    for parts in itertools.product(*choices):
        anchors = [row for part in parts for row in part]
        for radii in itertools.product(own, repeat=len(anchors)):
            chance = weight * math.prod(w for w, _ in radii)
            yield chance, _grouped(anchors, [r.radii_m[0] for _, r in radii], label)


def _grouped(anchors: list[int], radii: list[float], label: Ints) -> list[Group]:
    groups: dict[int, list[tuple[int, float]]] = {}
    for row, radius in zip(anchors, radii, strict=True):
        groups.setdefault(int(label[row]), []).append((row, radius))
    return [Group(tuple(a for a, _ in m), tuple(r for _, r in m)) for m in groups.values()]


def plan(
    frame: Frame, design: Design, entries: Floats, rng: np.random.Generator | None, inspections: int
) -> Plan:
    """Which anchors are drawn together, with which radii.

    Parameters
    ----------
    entries : float
        Entry distances that matter: a continuous radius is cut at them.

    Raises
    ------
    DesignError
        Too many sets, and no `rng` to draw some of them.
    """
    strata = anchor_strata(frame, design)
    label = clusters_of(frame, strata) if design.per == "cluster" else strata.of
    live = np.flatnonzero(strata.drawn).tolist()
    blocks = [live] if design.per == "cluster" else [[s] for s in live]
    few = design.radius.law != "uniform" or len(entries) <= SETS_MAX
    cells = radius_cells(design.radius, entries) if few else []
    shared = cells if design.radius_per == "round" else [(1.0, design.radius)]
    own = 1 if common_radius(design) else len(cells)
    count = len(shared) * sum(
        math.prod(math.comb(int(strata.held[s]), int(strata.drawn[s])) for s in block)
        * own ** int(sum(strata.drawn[s] for s in block))
        for block in blocks
    )
    if few and count <= SETS_MAX:
        return Plan(
            True,
            (
                (
                    weight,
                    [
                        _sets(strata, block, label, [(1.0, radius)] if common_radius(design) else cells)
                        for block in blocks
                    ],
                )
                for weight, radius in shared
            ),
        )
    if rng is None:
        raise DesignError(
            f"there are {count if few else 'too many'} ways to put anchors together per {design.per};"
            " allow a simulation, or draw per anchor",
            code="simulation_needed", what=f"per {design.per}",
        )  # fmt: skip
    return Plan(False, _sampled(strata, design, label, rng, inspections))


def _sampled(
    strata: Strata, design: Design, label: Ints, rng: np.random.Generator, inspections: int
) -> Iterator[tuple[float, list[Block]]]:
    for _ in range(inspections):
        yield 1.0 / inspections, [[(1.0, drawn_groups(strata, design, label, rng))]]


def drawn_groups(strata: Strata, design: Design, label: Ints, rng: np.random.Generator) -> list[Group]:
    """One random set of anchors with random radii, as surroundings."""
    anchors = [
        int(row)
        for s in np.flatnonzero(strata.drawn)
        for row in rng.choice(strata.rows(int(s)), int(strata.drawn[s]), replace=False)
    ]
    chances = rng.random(1 if design.radius_per == "round" else len(anchors))
    radii = [design.radius.at(float(chance)) for chance in chances]
    return _grouped(anchors, radii * len(anchors) if len(radii) == 1 else radii, label)


@dataclass(frozen=True)
class Pool:
    """The candidates of one surrounding.

    Parameters
    ----------
    unit : (m,) int
        Units with a pair to some anchor of the group.
    entry_m : (m,) float
        The smallest of their entry distances.
    inside : (m,) bool
        Within the radius of some anchor.
    top_m : float
        The largest radius of the group.
    """

    unit: Ints
    entry_m: Floats
    inside: Bools
    top_m: float

    def final(self, choice: Choice, asked: int) -> tuple[Bools, bool]:
        """The members when so many are asked for, and whether the pool was widened for them."""
        if int(self.inside.sum()) in choice.widened_from(asked):
            ranked = np.sort(self.entry_m[self.entry_m <= WIDEN_TO_M])
            if len(ranked) and ranked[min(asked, len(ranked)) - 1] > self.top_m:
                return self.entry_m <= ranked[min(asked, len(ranked)) - 1], True
        return self.inside, False


def pool_of(ranked: Ranked, group: Group) -> Pool:
    """The candidates of a group of anchors."""
    parts = [slice(int(ranked.starts[row]), int(ranked.starts[row + 1])) for row in group.rows]
    unit = np.concatenate([ranked.unit[part] for part in parts])
    entry = np.concatenate([ranked.entry_m[part] for part in parts])
    inside = np.concatenate(
        [ranked.entry_m[part] <= radius for part, radius in zip(parts, group.radii_m, strict=True)]
    )
    if len(parts) > 1:
        units, number = np.unique(unit, return_inverse=True)
        smallest, within = np.full(len(units), np.inf), np.zeros(len(units), dtype=bool)
        np.minimum.at(smallest, number, entry)
        np.logical_or.at(within, number, inside)
        unit, entry, inside = units, smallest, within
    return Pool(unit, entry, inside, max(group.radii_m))


def pool_chances(pool: Pool, choice: Choice, sizes: Ints | None) -> Floats:
    """(m,) chance of each candidate to be drawn."""
    result = np.zeros(len(pool.unit))
    for asked, chance in choice.chances:
        members, widened = pool.final(choice, asked)
        held = np.array([int(members.sum())])
        if asked == 0 or held[0] == 0:
            continue
        if sizes is None:
            result[members] += chance * chance_of_one(choice, asked, held, widened=widened)[0]
        else:
            size = sizes[pool.unit[members]].astype(np.float64)
            result[members] += chance * sized_chances(size, held, choice, asked, widened=widened)[0]
    return result


def pool_bad(pool: Pool, choice: Choice, bad: Bools, sizes: Ints | None) -> Floats:
    """(most + 1,) distribution of the number of bad units drawn; `bad` is (units,)."""
    law = np.zeros(choice.most + 1)
    for asked, chance in choice.chances:
        members, widened = pool.final(choice, asked)
        unit = pool.unit[members]
        held = np.array([len(unit)])
        if sizes is None:
            part = bad_in_pools(choice, asked, held, np.array([int(bad[unit].sum())]), widened=widened)[:, 0]
        else:
            number = int(choice.number(asked, held, widened=widened)[0])
            part = sized_bad(sizes[unit].astype(np.float64), bad[unit], number, repeat=choice.repeat)
        law[: len(part)] += chance * part
    return law


@dataclass(frozen=True)
class Grouped:
    """Exposure of one layer; see `exposure.LayerExposure`."""

    pi: Floats
    expected: Floats
    reaching: Ints
    se: Floats
    exact: bool


def ranked_layers(frame: Frame, inner_m: float) -> dict[str, Ranked]:
    """The pairs of single anchors, sorted, for every layer."""
    return {
        layer: rank_pairs(frame.pairs[layer], len(frame.anchors), len(frame.units[layer]), inner_m=inner_m)
        for layer in UNIT_LAYERS
    }


def grouped_exposure(
    frame: Frame,
    design: Design,
    inner_m: float,
    rng: np.random.Generator | None,
    inspections: int,
    detect: float,
) -> dict[str, Grouped]:
    """Exposure where chance decides which anchors form a surrounding.

    Raises
    ------
    DesignError
        Too many sets to go through, and no `rng`.
    """
    strata = anchor_strata(frame, design)
    each = detect if design.duplicate == "twice" else 1.0
    result = {}
    for layer, ranked in ranked_layers(frame, inner_m).items():
        choice, sizes = Choice.of(design, layer), sizes_of(frame, layer)
        found = plan(frame, design, ranked.entry_m, rng, inspections)
        total, square, expected = np.zeros((3, ranked.units))
        for weight, blocks in found.cases:
            chances = []
            for block in blocks:
                mean = np.zeros(ranked.units)
                for chance, groups in block:
                    missed = np.zeros(ranked.units)
                    for group in groups:
                        pool = pool_of(ranked, group)
                        p = pool_chances(pool, choice, sizes)
                        expected[pool.unit] += weight * chance * p
                        with np.errstate(divide="ignore"):
                            missed[pool.unit] += np.log1p(-each * p)
                    mean -= chance * np.expm1(missed)
                chances.append(np.minimum(mean, 1.0))
            pi = detect / each * union(np.stack(chances), axis=0)
            total += weight * pi
            square += weight * pi * pi
        spread = np.zeros(ranked.units)
        if not found.exact:
            spread = np.sqrt(np.maximum(square - total * total, 0.0) / max(inspections - 1, 1))
        near = (strata.drawn > 0)[strata.of[ranked.anchor]] & (ranked.entry_m <= design.reach_m)
        reaching = np.bincount(ranked.unit[near], minlength=ranked.units)
        result[layer] = Grouped(total, expected, reaching, spread, found.exact)
    return result
