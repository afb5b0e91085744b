"""More from the same chances: two units together, several rounds, history, and who reaches a unit."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .buffers import PairTable
from .design import Anchors, Design
from .errors import DesignError, FrameError
from .exposure import (
    INSPECTIONS,
    Exposure,
    Ready,
    exact_radii,
    must_simulate,
    ready_for,
    simulation_missing,
)
from .findings import BadLaws, bad_visits, refuse_balanced
from .frame import LAYERS, UNIT_LAYERS, Frame
from .simulation import inspections as simulate
from .strata import anchor_strata, surroundings

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Unit = tuple[str, int]
"""A unit as its layer and its row in `frame.units[layer]`."""


def _pair_law(both: Floats, one: Floats, other: Floats, drawn: int, held: int) -> Floats:
    """(4,) P(neither, one, other, both are drawn) by a stratum; recurrence over its surroundings."""
    first, second = np.maximum(one - both, 0.0), np.maximum(other - both, 0.0)
    most = min(drawn, len(both))
    state = np.zeros((most + 1, 4))
    state[0, 0] = 1.0
    left = np.arange(drawn, drawn - most - 1, -1, dtype=np.float64)
    for i, (a, b, c) in enumerate(zip(first.tolist(), second.tolist(), both.tolist(), strict=True)):
        hit = np.minimum(left / (held - i), 1.0)[:, None]
        moved = (state * hit)[:-1]
        state = state * (1.0 - hit)
        none, only, another, two = moved.T
        state[1:, 0] += none * (1 - a - b - c)
        state[1:, 1] += none * a + only * (1 - b - c)
        state[1:, 2] += none * b + another * (1 - a - c)
        state[1:, 3] += none * c + only * (b + c) + another * (a + c) + two
    return np.asarray(state.sum(axis=0))


def joint(
    frame: Frame,
    design: Design,
    one: Unit,
    other: Unit,
    *,
    ready: Ready | None = None,
    rng: np.random.Generator | None = None,
    inspections: int = INSPECTIONS,
) -> tuple[float, float]:
    """Chance that one inspection draws both of two units, of the same kind or not.

    Returns
    -------
    chance, se : float
        The standard error is 0 where the chance is exact.

    Raises
    ------
    DesignError
        The two are the same; a simulation is needed and `rng` is missing.
    """
    if one == other:
        raise DesignError("the chance of two units needs two different ones", code="joint_same")
    refuse_balanced(design)
    around = None if must_simulate(frame, design) else surroundings(frame, design)
    marks = [_marks(frame, [one]), _marks(frame, [other]), _marks(frame, [one, other])]
    if around is None:
        if not must_simulate(frame, design):
            a, b, union = (bad_visits(frame, design, mark, rng=rng, inspections=1) for mark in marks)
            if {a.method, b.method, union.method} == {"exact"}:
                return a.at_least_one + b.at_least_one - union.at_least_one, 0.0
        return _simulated(frame, design, one, other, rng, inspections)
    ready = ready_for(frame, design, around, ready)
    first, second, together = (BadLaws(frame, design, ready, mark) for mark in marks)
    radii = exact_radii(design, len(together.merged), together.merged.entry_m)
    if radii is None:
        return _simulated(frame, design, one, other, rng, inspections)
    strata, chance = around.strata, 0.0
    for weight, radius in radii:
        both = _spread(together(radius), together.rows, around.count, 2)
        each = [_spread(laws(radius), laws.rows, around.count, 1) for laws in (first, second)]
        law = np.array([1.0, 0.0, 0.0, 0.0])
        for stratum in np.flatnonzero(strata.drawn):
            rows = together.rows[strata.of[together.rows] == stratum]
            part = _pair_law(
                both[rows], each[0][rows], each[1][rows],
                int(strata.drawn[stratum]), int(strata.held[stratum]),
            )  # fmt: skip
            mixed = np.zeros(4)
            for i, j in np.ndindex(4, 4):
                mixed[i | j] += law[i] * part[j]  # as bits: 1 the one, 2 the other
            law = mixed
        chance += weight * float(law[3])
    return chance, 0.0


def _marks(frame: Frame, chosen: Collection[Unit]) -> dict[str, NDArray[np.bool_]]:
    marks: dict[str, NDArray[np.bool_]] = {}
    for layer, row in chosen:
        held = len(frame.units[layer])
        if not 0 <= row < held:
            raise FrameError(
                f"{layer}: there is no row {row}, the frame holds {held} units",
                code="row_unknown", layer=layer, row=row, held=held,
            )  # fmt: skip
        marks.setdefault(layer, np.zeros(held, dtype=bool))[row] = True
    return marks


def _spread(laws: Floats, rows: Ints, count: int, number: int) -> Floats:
    result = np.zeros(count)
    if laws.shape[1] > number:
        result[rows] = laws[:, number]
    return result


def _simulated(
    frame: Frame, design: Design, one: Unit, other: Unit, rng: np.random.Generator | None, count: int
) -> tuple[float, float]:
    if rng is None:
        raise simulation_missing("the chance of two units under these settings")
    both = 0
    for told in simulate(frame, design, rng, count):
        both += all(any(row in units for units in told[layer]) for layer, row in (one, other))
    smooth = (both + 2) / (count + 4)
    return both / count, float(np.sqrt(smooth * (1 - smooth) / count))


def independent_rounds(pi: Floats, rounds: int) -> Floats:
    """Chance to be inspected in at least one of several rounds that know nothing of each other."""
    with np.errstate(divide="ignore"):
        return np.asarray(-np.expm1(rounds * np.log1p(-np.asarray(pi))) + 0.0)  # never a negative zero


def rounds_until_seen(pi: Floats, chance: float = 0.95) -> Floats:
    """The number of independent rounds after which a unit was inspected with at least this chance.

    Returns
    -------
    float, whole numbers; infinite where `pi` is 0.
    """
    pi = np.asarray(pi, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        needed = np.log1p(-chance) / np.log1p(-pi)
    # a quotient that is whole but for rounding is whole
    needed = np.maximum(np.ceil(needed * (1.0 - 1e-13)), 1.0)
    return np.where(pi <= 0, np.inf, needed)


def without_repetition(frame: Frame, design: Design, rounds: int) -> Design:
    """The design of one round that has the exposure of several rounds together, no anchor twice.

    Notes
    -----
    Rounds of n anchors each that never repeat one are together a simple random sample of
    `rounds * n`; units are drawn anew in each. `exposure` of the returned design is exact for them.

    Raises
    ------
    DesignError
        Fewer anchors than that; or surroundings of several anchors, a radius shared by a round, or
        units drawn anew, which rounds do not share.
    """
    strata, around = anchor_strata(frame, design), surroundings(frame, design)
    single = around is not None and around.count == len(frame.anchors)
    plain = design.method == "srs" and not design.must_visit and not design.force_distance
    if not single or not plain or (design.radius_per == "round" and design.radius.law != "fixed"):
        raise DesignError(
            "rounds without repetition need a simple random draw around single anchors with their own or a"
            " fixed radius, and no anchor that must be visited",
            code="rounds_settings",
        )
    if must_simulate(frame, design):
        raise simulation_missing("a series of rounds with units drawn anew or by size")
    for name, drawn, held in zip(strata.names, strata.drawn.tolist(), strata.held.tolist(), strict=True):
        if drawn * rounds > held:
            raise DesignError(
                f"class {name}: {rounds} rounds of {drawn} anchors need more than the {held} there are;"
                " ask for fewer rounds",
                code="rounds_too_many", name=name, rounds=rounds, drawn=drawn, held=held,
            )  # fmt: skip
    chosen = tuple(
        (name, drawn * rounds)
        for name, drawn in zip(strata.names, strata.drawn.tolist(), strict=True)
        if drawn
    )
    return replace(design, anchors=Anchors(by_class=chosen), per="anchor")


def remaining(frame: Frame, drawn: Mapping[str, Collection[str]]) -> Frame:
    """The frame after what was drawn is taken out: exposure on it is exposure given that history.

    Parameters
    ----------
    drawn : dict of layer to ids
        `anchors` that will not be visited again, `back_alleys` and `compounds` that rest; a layer that
        is left out stays whole. Pools shrink by the resting units, strata by the anchors.

    Raises
    ------
    FrameError
        An id that is not in the frame.
    """
    tables = {"anchors": frame.anchors, **frame.units}
    kept, excluded = {}, {layer: dict(counts) for layer, counts in frame.excluded.items()}
    for layer in LAYERS:
        gone, ids = set(drawn.get(layer, ())), tables[layer]["id"]
        unknown = sorted(gone - set(ids))
        if unknown:
            raise FrameError(
                f"{layer}: {len(unknown)} ids are not in the frame ({', '.join(unknown[:5])})",
                code="id_unknown", layer=layer, count=len(unknown), ids=", ".join(unknown[:5]),
            )  # fmt: skip
        kept[layer] = ~ids.isin(gone).to_numpy()
        if gone:
            excluded.setdefault(layer, {})["drawn"] = len(gone)
    number = {layer: np.cumsum(mask) - 1 for layer, mask in kept.items()}
    pairs = {}
    for layer in UNIT_LAYERS:
        old = frame.pairs[layer]
        both = kept["anchors"][old.anchor] & kept[layer][old.unit]
        pairs[layer] = PairTable(
            number["anchors"][old.anchor[both]], number[layer][old.unit[both]], old.entry_m[both]
        )
    return replace(
        frame,
        anchors=tables["anchors"][kept["anchors"]].reset_index(drop=True),
        units={layer: tables[layer][kept[layer]].reset_index(drop=True) for layer in UNIT_LAYERS},
        pairs=pairs,
        excluded=excluded,
    )


@dataclass(frozen=True)
class Reaching:
    """The surroundings that can draw one unit, the largest share first.

    Parameters
    ----------
    anchors : tuple of tuple of int
        Rows of the anchors of each surrounding.
    entry_m : (s,) float
    chance : (s,) float
        Chance to be drawn there, if the surrounding is.
    fraction : (s,) float
        n/N: chance that the surrounding is drawn.
    share : (s,) float
        Its part of the expected draws; the sum is 1.
    """

    anchors: tuple[tuple[int, ...], ...]
    entry_m: Floats
    chance: Floats
    fraction: Floats
    share: Floats


def reaching(exposed: Exposure, layer: str, unit: int) -> Reaching:
    """Why a unit has its exposure: who reaches it, and how much each adds.

    Raises
    ------
    DesignError
        Chance puts the surroundings together, so that no anchor has a part of its own.
    """
    part, ready = exposed.layers[layer], exposed.ready
    if ready is None or part.chances is None:
        raise DesignError(
            "under these settings no single anchor has a share in a unit; draw per anchor to see shares",
            code="no_shares",
        )
    ranked, strata = ready.ranked[layer], ready.around.strata
    at = np.flatnonzero(ranked.unit == unit)
    rows = np.searchsorted(ranked.starts, at, side="right") - 1
    fraction = strata.fraction[strata.of[rows]]
    expected = fraction * part.chances[at]
    order = np.argsort(-expected, kind="stable")
    order = order[expected[order] > 0]
    total = expected.sum()
    return Reaching(
        tuple(tuple(np.flatnonzero(ready.around.of_anchor == row).tolist()) for row in rows[order]),
        ranked.entry_m[at[order]],
        part.chances[at[order]],
        fraction[order],
        expected[order] / total if total > 0 else expected[order],
    )
