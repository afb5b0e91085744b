"""Whole inspections by chance, for the settings that have no exact way.

The law is that of `geo.draw`, with a numpy generator in place of tickets: thousands of inspections
take seconds. Every number that comes from here carries its standard error.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .choice import Choice, sizes_of
from .design import Design
from .frame import UNIT_LAYERS, Frame
from .groups import Pool, drawn_groups, pool_of, ranked_layers
from .strata import anchor_strata, clusters_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Simulated:
    """Exposure of one layer; see `exposure.LayerExposure`."""

    pi: Floats
    expected: Floats
    reaching: Ints
    se: Floats


def _chosen(
    pool: Pool, choice: Choice, sizes: Ints | None, taken: set[int], rng: np.random.Generator
) -> list[int]:
    """The units one surrounding draws; those in `taken` are passed over."""
    numbers, chances = zip(*choice.chances, strict=True)
    asked = int(numbers[int(np.searchsorted(np.cumsum(chances)[:-1], rng.random(), side="right"))])
    members, widened = pool.final(choice, asked)
    unit = pool.unit[members]
    number = int(choice.number(asked, np.array([len(unit)]), widened=widened)[0])
    if taken:
        unit = unit[[row not in taken for row in unit.tolist()]]
    if number == 0 or len(unit) == 0:
        return []
    weight = np.ones(len(unit)) if sizes is None else sizes[unit].astype(np.float64)
    if choice.repeat:
        return list(map(int, np.unique(rng.choice(unit, number, p=weight / weight.sum()))))
    # the smallest exponential times are draws in proportion to size, one after the other
    order = np.argsort(rng.exponential(size=len(unit)) / weight)
    return list(map(int, unit[order[: min(number, len(unit))]]))


def inspections(
    frame: Frame, design: Design, rng: np.random.Generator, count: int
) -> Iterator[dict[str, list[list[int]]]]:
    """Random inspections.

    Yields
    ------
    dict of layer to a list of unit rows for each surrounding
    """
    strata = anchor_strata(frame, design)
    if design.per == "cluster":
        label = clusters_of(frame, strata)
    else:
        label = strata.of if design.per == "class" else np.arange(len(strata.of))
    ranked = ranked_layers(frame, design.inner_m if design.shape == "ring" else 0.0)
    choice = {layer: Choice.of(design, layer) for layer in UNIT_LAYERS}
    sizes = {layer: sizes_of(frame, layer) for layer in UNIT_LAYERS}
    for _ in range(count):
        groups = drawn_groups(strata, design, label, rng)
        told: dict[str, list[list[int]]] = {layer: [] for layer in UNIT_LAYERS}
        taken: dict[str, set[int]] = {layer: set() for layer in UNIT_LAYERS}
        for number in rng.permutation(len(groups)):
            for layer in UNIT_LAYERS:
                pool = pool_of(ranked[layer], groups[number])
                units = _chosen(pool, choice[layer], sizes[layer], taken[layer], rng)
                if design.duplicate == "redrawn":
                    taken[layer].update(units)
                told[layer].append(units)
        yield told


def simulated_exposure(
    frame: Frame, design: Design, rng: np.random.Generator, count: int, detect: float
) -> dict[str, Simulated]:
    """Exposure as frequencies of `count` inspections.

    The standard error is that of a frequency with two successes and two failures added (Agresti and
    Coull 1998), so that it is not 0 for a unit that was never or always drawn.
    """
    seen = {layer: np.zeros(len(frame.units[layer])) for layer in UNIT_LAYERS}
    draws = {layer: np.zeros(len(frame.units[layer])) for layer in UNIT_LAYERS}
    for told in inspections(frame, design, rng, count):
        for layer, groups in told.items():
            rows = np.array([row for units in groups for row in units], dtype=np.int64)
            times = np.bincount(rows, minlength=len(draws[layer]))
            draws[layer] += times
            visits = times if design.duplicate == "twice" else np.minimum(times, 1)
            seen[layer] += 1.0 - (1.0 - detect) ** visits
    strata = anchor_strata(frame, design)
    result = {}
    for layer, ranked in ranked_layers(frame, design.inner_m if design.shape == "ring" else 0.0).items():
        near = (strata.drawn > 0)[strata.of[ranked.anchor]] & (ranked.entry_m <= design.reach_m)
        reaching = np.bincount(ranked.unit[near], minlength=ranked.units)
        pi = seen[layer] / count
        smooth = (seen[layer] + 2.0) / (count + 4.0)
        se = np.where(reaching > 0, np.sqrt(smooth * (1.0 - smooth) / count), 0.0)
        result[layer] = Simulated(pi, draws[layer] / count, reaching, se)
    return result
