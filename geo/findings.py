"""What an inspection meets among the units that are bad: at all, how many, and where it sets foot.

A bad unit that two surroundings draw counts twice in the number of bad visits. The radius of an
anchor serves its alleys and its compounds, so the two kinds are counted together, not as if apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .buffers import PairTable
from .choice import Choice, sizes_of
from .design import Design, Radius
from .errors import DesignError, FrameError
from .exposure import (
    INSPECTIONS,
    Exposure,
    Ready,
    exact_radii,
    inner_of,
    must_simulate,
    prepare,
    ready_for,
    simulation_missing,
)
from .frame import UNIT_LAYERS, Frame
from .groups import plan, pool_bad, pool_of, ranked_layers
from .mixing import mix, mix_counts, union
from .pools import bad_by_pool, pool_law, rank_pairs
from .simulation import inspections as simulate
from .strata import panel_mean, radius_panels, surroundings

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Met:
    """How many bad visits an inspection makes.

    Parameters
    ----------
    at_least_one : float
        P(some bad unit is drawn).
    law : (x,) float
        P(0, 1, ... bad visits).
    se : (x,) float
        Standard error of `law`; 0 where it is exact.
    at_least_one_se : float
    method : str
    """

    at_least_one: float
    law: Floats
    se: Floats
    at_least_one_se: float
    method: Literal["exact", "simulated"]

    @property
    def mean(self) -> float:
        """Expected number of bad visits."""
        return float(self.law @ np.arange(len(self.law)))


def _flags(frame: Frame, bad: Mapping[str, Bools]) -> dict[str, Bools]:
    for layer, flags in bad.items():
        if layer not in UNIT_LAYERS or len(flags) != len(frame.units[layer]):
            raise FrameError(
                f"{layer}: {len(flags)} marks do not fit the frame; give one for each of its units",
                code="marks_length", layer=layer, count=len(flags),
            )  # fmt: skip
    return {layer: np.asarray(flags, dtype=bool) for layer, flags in bad.items() if np.any(flags)}


def refuse_balanced(design: Design) -> None:
    """Only bounds of single units are known where anchors are spread over the city.

    Raises
    ------
    DesignError
        The draw is balanced.
    """
    if design.method == "balanced":
        raise DesignError(
            "a balanced draw has certified bounds for single units only, not for several together;"
            " leave --method balanced out",
            code="balanced_together",
        )


class BadLaws:
    """Distributions of the bad units drawn at each surrounding that reaches one, for any radius.

    Parameters
    ----------
    bad : dict of layer to (units,) bool
        At least one layer, each with at least one mark.
    """

    def __init__(self, frame: Frame, design: Design, ready: Ready, bad: dict[str, Bools]) -> None:
        near = [ready.ranked[layer].anchor[flags[ready.ranked[layer].unit]] for layer, flags in bad.items()]
        rows = np.unique(np.concatenate(near))
        strata = ready.around.strata
        rows = rows[strata.drawn[strata.of[rows]] > 0]
        tables = [ready.ranked[layer].only(rows) for layer in bad]
        self.laws = [
            bad_by_pool(table, Choice.of(design, layer), flags, sizes_of(frame, layer))
            for table, (layer, flags) in zip(tables, bad.items(), strict=True)
        ]
        offsets = np.cumsum([0, *(table.units for table in tables)])
        together = PairTable(
            np.concatenate([table.anchor for table in tables]),
            np.concatenate([table.unit + offset for table, offset in zip(tables, offsets, strict=False)]),
            np.concatenate([table.entry_m for table in tables]),
        )
        self.merged = rank_pairs(together, len(rows), int(offsets[-1]))
        kind = np.searchsorted(offsets, self.merged.unit, side="right") - 1
        starts, anchor = self.merged.starts, self.merged.anchor
        self.zero: list[Ints] = []
        self.at: list[Ints] = []
        for number, table in enumerate(tables):
            # how many of this kind lie no farther than each pair of the merged list
            count = np.concatenate([[0], np.cumsum(kind == number)])
            held = count[1:] - np.repeat(count[starts[:-1]], np.diff(starts))
            first = table.starts[:-1] + np.arange(len(rows))
            self.zero.append(first)
            self.at.append(first[anchor] + held)
        self.anchor = anchor
        self.rows = rows

    def __call__(self, radius: Radius) -> Floats:
        """(surroundings, x) float."""
        pool, empty = pool_law(self.merged, radius)
        result = np.zeros((len(self.rows), 1 + sum(law.shape[1] - 1 for law in self.laws)))
        inside = [law[at] for law, at in zip(self.laws, self.at, strict=True)]
        outside = [law[zero] for law, zero in zip(self.laws, self.zero, strict=True)]
        for counts in np.ndindex(*(law.shape[1] for law in self.laws)):
            mass, rest = pool.copy(), empty.copy()
            for x, part, other in zip(counts, inside, outside, strict=True):
                mass *= part[:, x]
                rest *= other[:, x]
            result[:, sum(counts)] += np.bincount(self.anchor, mass, minlength=len(self.rows)) + rest
        return result


def _mixed(laws: Floats, rows: Ints, ready: Ready) -> tuple[float, Floats]:
    """At least one, and the distribution, over the surroundings of all strata."""
    strata = ready.around.strata
    total, chances = np.ones(1), []
    for stratum in np.flatnonzero(strata.drawn):
        here = strata.of[rows] == stratum
        if not here.any():
            continue
        n, held = int(strata.drawn[stratum]), int(strata.held[stratum])
        part = mix_counts(list(laws[here]), n, held)
        total = np.convolve(total, part)
        some = laws[here, 1:].sum(axis=1)
        chances.append(mix(np.minimum(some, 1.0), np.zeros(1, np.int64), np.array([n]), np.array([held]))[0])
    return float(union(np.array(chances))) if chances else 0.0, total


def bad_visits(
    frame: Frame,
    design: Design,
    bad: Mapping[str, Bools],
    *,
    ready: Ready | None = None,
    rng: np.random.Generator | None = None,
    inspections: int = INSPECTIONS,
) -> Met:
    """How many bad units an inspection meets.

    Parameters
    ----------
    bad : dict of layer to (units,) bool
    ready, rng, inspections
        As for `exposure`.

    Notes
    -----
    Exact: at each surrounding the bad among the drawn are hypergeometric given the pool; over
    surroundings the recurrence of `mix_counts`. `at_least_one` adds first hits, so it is exact to the
    last digits even when tiny.

    Raises
    ------
    FrameError
        Marks that do not fit the layers.
    DesignError
        A simulation is needed and `rng` is missing.
    """
    flags = _flags(frame, bad)
    refuse_balanced(design)
    if not flags:
        return Met(0.0, np.ones(1), np.zeros(1), 0.0, "exact")
    if must_simulate(frame, design):
        return _simulated(frame, design, flags, rng, inspections, distinct=False)
    around = surroundings(frame, design)
    if around is None:
        return _grouped(frame, design, flags, rng, inspections)
    ready = ready_for(frame, design, around, ready)
    laws = BadLaws(frame, design, ready, flags)
    radii = exact_radii(design, len(laws.merged), laws.merged.entry_m)
    if radii is not None:
        met, total = 0.0, np.zeros(1)
        for weight, radius in radii:
            one, law = _mixed(laws(radius), laws.rows, ready)
            met, total = met + weight * one, _added(total, weight * law)
        return Met(met, total, np.zeros(len(total)), 0.0, "exact")
    if rng is None:
        raise simulation_missing("a radius between two bounds, shared by a whole round of this size,")
    panels = radius_panels(design.radius, rng)
    told = [[_mixed(laws(radius), laws.rows, ready) for radius in panel] for panel in panels]
    longest = max(len(law) for panel in told for _, law in panel)
    some, some_se = panel_mean(np.array([[one for one, _ in panel] for panel in told]))
    total, se = panel_mean(
        np.array([[np.pad(law, (0, longest - len(law))) for _, law in panel] for panel in told])
    )
    return Met(float(some), total, se, float(some_se), "simulated")


def _added(one: Floats, other: Floats) -> Floats:
    size = max(len(one), len(other))
    return np.pad(one, (0, size - len(one))) + np.pad(other, (0, size - len(other)))


def _grouped(
    frame: Frame, design: Design, bad: dict[str, Bools], rng: np.random.Generator | None, inspections: int
) -> Met:
    ranked = ranked_layers(frame, inner_of(design))
    entries = np.concatenate([ranked[layer].entry_m for layer in bad])
    found = plan(frame, design, entries, rng, inspections)
    total, square = np.zeros(1), np.zeros(1)
    for weight, blocks in found.cases:
        law = np.ones(1)
        for block in blocks:
            mean = np.zeros(1)
            for chance, groups in block:
                part = np.ones(1)
                for group in groups:
                    for layer, flags in bad.items():
                        choice, sizes = Choice.of(design, layer), sizes_of(frame, layer)
                        part = np.convolve(
                            part, pool_bad(pool_of(ranked[layer], group), choice, flags, sizes)
                        )
                mean = _added(mean, chance * part)
            law = np.convolve(law, mean)
        total = _added(total, weight * law)
        square = _added(square, weight * law * law)
    some = float(total[1:].sum())
    if found.exact:
        return Met(some, total, np.zeros(len(total)), 0.0, "exact")
    se = np.sqrt(np.maximum(square - total * total, 0.0) / max(inspections - 1, 1))
    return Met(some, total, se, float(se[0]), "simulated")


def _simulated(
    frame: Frame,
    design: Design,
    bad: dict[str, Bools],
    rng: np.random.Generator | None,
    inspections: int,
    *,
    distinct: bool,
) -> Met:
    if rng is None:
        raise simulation_missing("a number of different units, or this way to draw,")
    counts = np.zeros(1)
    for told in simulate(frame, design, rng, inspections):
        met = 0
        for layer, flags in bad.items():
            rows = [row for units in told[layer] for row in units if flags[row]]
            met += len(set(rows)) if distinct else len(rows)
        counts = _added(counts, np.eye(1, met + 1, met)[0])
    law = counts / inspections
    smooth = (counts + 2.0) / (inspections + 4.0)
    se = np.sqrt(smooth * (1.0 - smooth) / inspections)
    return Met(float(law[1:].sum()), law, se, float(se[0]), "simulated")


def distinct_bad(
    frame: Frame,
    design: Design,
    bad: Mapping[str, Bools],
    rng: np.random.Generator,
    *,
    inspections: int = INSPECTIONS,
) -> Met:
    """How many different bad units an inspection meets: simulated, with its standard error.

    Its mean is exact elsewhere: the sum of `pi` over the bad units.
    """
    flags = _flags(frame, bad)
    return _simulated(frame, design, flags, rng, inspections, distinct=True)


def touch(
    frame: Frame,
    design: Design,
    groups: Mapping[str, Ints],
    count: int,
    *,
    ready: Ready | None = None,
    rng: np.random.Generator | None = None,
    inspections: int = INSPECTIONS,
) -> tuple[Floats, Floats]:
    """Chance that an inspection comes to an area at all, alleys and compounds together.

    Parameters
    ----------
    groups : dict of layer to (units,) int
        The area of each unit, 0 to `count - 1`, for example its subdistrict; -1: none.

    Returns
    -------
    chance, se : (count,) float
        The standard error is 0 where the chance is exact.
    """
    ready = ready or (None if must_simulate(frame, design) else prepare(frame, design))
    chance, se = np.zeros((2, count))
    for area in range(count):
        bad = {layer: np.asarray(label) == area for layer, label in groups.items()}
        met = bad_visits(frame, design, bad, ready=ready, rng=rng, inspections=inspections)
        chance[area], se[area] = met.at_least_one, met.at_least_one_se
    return chance, se


def expected_issues(exposed: Exposure, issues: Mapping[str, Floats]) -> float:
    """Expected number (or weight) of issues found: the sum of issues times the chance to find one.

    Parameters
    ----------
    exposed : Exposure
        Made with the discovery rate as `detect`.
    issues : dict of layer to (units,) float
        Open issues of each unit, or their weights.
    """
    return float(sum(np.asarray(issues[layer]) @ exposed.layers[layer].pi for layer in issues))
