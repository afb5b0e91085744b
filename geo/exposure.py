"""How likely is each alley and compound to be inspected?

Exact first-order inclusion probabilities of the draw in `geo.draw`: anchors without replacement in
each class, a radius, then one or two units of each pool. They are the consequence of the stated
settings, never a forecast. Two settings leave no exact way: units drawn anew when drawn before, and
surroundings of several anchors that chance puts together in too many ways; these are simulated, and
the result says so with its standard error. tests/geo/test_exposure.py enumerates every possible draw.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .balance import balanced_bracket
from .choice import Choice, needs_simulation, sizes_of
from .design import Design, Radius
from .errors import DesignError
from .frame import UNIT_LAYERS, Frame
from .groups import grouped_exposure
from .mixing import Cells, mix, union
from .pools import Ranked, chances_at_anchors, rank_pairs
from .simulation import simulated_exposure
from .strata import (
    Strata,
    Surroundings,
    anchor_strata,
    panel_mean,
    radius_cells,
    radius_panels,
    surroundings,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Method = Literal["exact", "simulated", "bracket", "approximate"]

CELLS_MAX = 40_000_000
"""Radii times pairs up to which one radius shared by a round is averaged exactly."""
INSPECTIONS = 2000


@dataclass(frozen=True)
class LayerExposure:
    """Exposure of one layer; arrays align with the units of the frame.

    Parameters
    ----------
    pi : (units,) float in [0, 1]
        Chance to be inspected at least once.
    expected_draws : (units,) float
        Expected number of surroundings that draw the unit; at least `pi`.
    n_reaching : (units,) int
        Surroundings (anchors, or classes or clusters drawn as one) that can draw the unit.
    by_stratum : (units, strata) float, or None
        Chance to be drawn by each stratum; None where strata do not act one by one.
    chances : (pairs,) float, or None
        Chance at each surrounding if that is drawn, in the order of `Ready.ranked`.
    se : (units,) float
        Standard error of `pi`; 0 where it is exact.
    method : str
        `exact`; `simulated`; `bracket`: `pi` is the middle of the certified bounds `low` and `high`;
        `approximate`: exact but for anchors that a forced distance passes over.
    low, high : (units,) float, or None
        Certified bounds of `pi` for a balanced draw.
    """

    pi: Floats
    expected_draws: Floats
    n_reaching: Ints
    by_stratum: Floats | None
    chances: Floats | None
    se: Floats
    method: Method
    low: Floats | None = None
    high: Floats | None = None

    @property
    def expected_distinct(self) -> float:
        """Expected number of different units inspected."""
        return float(self.pi.sum())


@dataclass(frozen=True)
class Ready:
    """What of an exposure does not change with numbers, counts and the law of the radius.

    Parameters
    ----------
    inner_m : float
        Inner radius the pairs were ranked for; 0 for discs.
    around : Surroundings
    ranked : dict of layer to Ranked
    cells : dict of layer to Cells
    """

    inner_m: float
    around: Surroundings
    ranked: dict[str, Ranked]
    cells: dict[str, Cells]

    def fits(self, inner_m: float, around: Surroundings) -> bool:
        """Whether another design has the same members and surroundings."""
        return (
            self.inner_m == inner_m
            and np.array_equal(self.around.of_anchor, around.of_anchor)
            and np.array_equal(self.around.strata.of, around.strata.of)
        )


@dataclass(frozen=True)
class Exposure:
    """Exposure of all layers of a frame under one design.

    Parameters
    ----------
    design : Design
        The settings: they stand beside every number.
    strata : Strata
        Anchors of each class: how many, how many are drawn.
    layers : dict of layer to LayerExposure
    ready : Ready, or None
        What it was computed from, where surroundings are known beforehand.
    """

    design: Design
    strata: Strata
    layers: dict[str, LayerExposure]
    ready: Ready | None

    @property
    def method(self) -> Method:
        """The method of the layers; `exact` only if every layer is."""
        others: list[Method] = [layer.method for layer in self.layers.values() if layer.method != "exact"]
        return others[0] if others else "exact"


def inner_of(design: Design) -> float:
    """Inner radius in metres; 0 for a disc."""
    return design.inner_m if design.shape == "ring" else 0.0


def prepare(frame: Frame, design: Design, around: Surroundings | None = None) -> Ready | None:
    """Sort the pairs once; give the result to `exposure` for every design on the same frame.

    Returns
    -------
    Ready, or None for a design whose surroundings chance puts together.
    """
    around = around or surroundings(frame, design)
    if around is None:
        return None
    inner_m = inner_of(design)
    ranked, cells = {}, {}
    for layer in UNIT_LAYERS:
        pairs = around.pairs(frame.pairs[layer], inner_m)
        table = rank_pairs(pairs, around.count, len(frame.units[layer]), inner_m=inner_m)
        ranked[layer] = table
        cells[layer] = Cells.of(
            table.unit, np.repeat(around.strata.of, np.diff(table.starts)), len(around.strata.names)
        )
    return Ready(inner_m, around, ranked, cells)


def ready_for(frame: Frame, design: Design, around: Surroundings, ready: Ready | None) -> Ready:
    """What was prepared before, with the numbers of this design; prepared now where it does not fit."""
    if ready is not None and ready.fits(inner_of(design), around):
        return replace(ready, around=around)
    made = prepare(frame, design, around)
    assert made is not None  # noqa: S101 - the surroundings are known
    return made


def mixed(p: Floats, cells: Cells, units: int, strata: Strata) -> tuple[Floats, Floats]:
    """Chances of units from their chances at surroundings.

    Parameters
    ----------
    p : (pairs,) float
        In the order of the ranked pairs.

    Returns
    -------
    pi : (units,) float
    by_stratum : (units, strata) float
    """
    by_stratum = np.zeros((units, len(strata.names)))
    by_stratum[cells.unit, cells.stratum] = mix(
        p[cells.order], cells.starts, strata.drawn[cells.stratum], strata.held[cells.stratum]
    )
    acting = np.flatnonzero(strata.drawn)
    pi = by_stratum[:, acting[0]].copy() if len(acting) == 1 else union(by_stratum)
    return pi, by_stratum


def _expected(p: Floats, ranked: Ranked, strata: Strata) -> Floats:
    weight = np.repeat(strata.fraction[strata.of], np.diff(ranked.starts))
    return np.bincount(ranked.unit, weight * p, minlength=ranked.units).astype(np.float64)


def exact_radii(design: Design, pairs: int, entries: Floats) -> list[tuple[float, Radius]] | None:
    """The radii to average over, with their chances; None where there are too many.

    A radius of each anchor's own, or a fixed one, is one entry: its law is exact at the anchors.
    """
    if design.radius_per == "anchor" or design.radius.law == "fixed":
        return [(1.0, design.radius)]
    if design.radius.law == "uniform":
        low, high = design.radius.radii_m
        inside = int(((entries > low) & (entries < high)).sum())
        if inside * pairs > CELLS_MAX:
            return None
    return radius_cells(design.radius, entries)


def simulation_missing(what: str) -> DesignError:
    """The error for settings that need a simulation when no random generator was given."""
    return DesignError(
        f"{what} has no exact chance; allow a simulation, or change that setting",
        code="simulation_needed", what=what,
    )  # fmt: skip


def _layer(
    ranked: Ranked,
    cells: Cells,
    strata: Strata,
    design: Design,
    choice: Choice,
    sizes: Ints | None,
    rng: np.random.Generator | None,
    detect: float,
) -> LayerExposure:
    reach = (strata.drawn > 0)[np.repeat(strata.of, np.diff(ranked.starts))]

    def at(radius: Radius) -> tuple[Floats, Floats, Floats]:
        p = chances_at_anchors(ranked, radius, choice, sizes)
        if design.duplicate == "twice":
            return p, *mixed(detect * p, cells, ranked.units, strata)
        pi, by_stratum = mixed(p, cells, ranked.units, strata)
        return p, detect * pi, detect * by_stratum

    def told(p: Floats, pi: Floats, by_stratum: Floats, se: Floats, method: Method) -> LayerExposure:
        reaching = np.bincount(ranked.unit[(p > 0) & reach], minlength=ranked.units)
        expected = _expected(p, ranked, strata)
        return LayerExposure(pi, expected, reaching, by_stratum, p, se, method)

    radii = exact_radii(design, len(ranked), ranked.entry_m)
    none = np.zeros(ranked.units)
    if radii is not None and len(radii) == 1:
        return told(*at(radii[0][1]), none, "exact")
    total = [np.zeros(len(ranked)), np.zeros(ranked.units), np.zeros((ranked.units, len(strata.names)))]
    if radii is not None:
        for weight, radius in radii:
            total = [part + weight * value for part, value in zip(total, at(radius), strict=True)]
        return told(total[0], total[1], total[2], none, "exact")
    if rng is None:
        raise simulation_missing("a radius between two bounds, shared by a whole round of this size,")
    values = []
    for panel in radius_panels(design.radius, rng):
        here = []
        for radius in panel:
            p, pi, by_stratum = at(radius)
            total[0] += p
            total[2] += by_stratum
            here.append(pi)
        values.append(here)
    pi, se = panel_mean(np.array(values))
    number = sum(map(len, values))
    return told(total[0] / number, pi, total[2] / number, se, "simulated")


def must_simulate(frame: Frame, design: Design) -> bool:
    """Whether only a simulation of whole inspections can tell."""
    if design.duplicate == "redrawn" and anchor_strata(frame, design).drawn.sum() > 1:
        around = surroundings(frame, design)
        return around is None or int(around.strata.drawn.sum()) > 1
    return any(needs_simulation(Choice.of(design, layer), sizes_of(frame, layer)) for layer in UNIT_LAYERS)


def exposure(
    frame: Frame,
    design: Design,
    *,
    ready: Ready | None = None,
    rng: np.random.Generator | None = None,
    inspections: int = INSPECTIONS,
    detect: float = 1.0,
) -> Exposure:
    """The chance of every unit of the frame to be inspected.

    Parameters
    ----------
    frame : Frame
        Built with a design of the same rules, statuses and weights, and at least the same reach.
    design : Design
    ready : Ready, optional
        From `prepare` on the same frame, to spare the sorting; not used where it does not fit.
    rng : Generator, optional
        Used only where there is no exact way.
    inspections : int
        How many inspections are simulated then.
    detect : float in (0, 1]
        Chance that a visit finds an issue that is there: `pi` becomes the chance that an issue at the
        unit is found. A unit drawn by two surroundings is visited once, or twice as `duplicate` says.

    Raises
    ------
    DesignError
        More anchors asked for than there are; a simulation is needed and `rng` is missing.
    FrameError
        A draw per cluster with anchors that have none; pairs that are not of this frame.
    """
    strata = anchor_strata(frame, design)
    if not 0 < detect <= 1:
        raise DesignError(
            f"a discovery rate of {detect:g} is impossible; give a number above 0, at most 1",
            code="detect_range", given=f"{detect:g}",
        )  # fmt: skip
    if design.method == "balanced" and (must_simulate(frame, design) or design.per != "anchor"):
        raise DesignError(
            "a balanced draw has certified bounds around single anchors, with units that are not drawn anew;"
            " leave --method balanced out",
            code="balanced_settings",
        )
    if must_simulate(frame, design):
        if rng is None:
            raise simulation_missing("drawing units anew, or three and more by size,")
        parts = simulated_exposure(frame, design, rng, inspections, detect)
        return Exposure(
            design,
            strata,
            {
                layer: LayerExposure(part.pi, part.expected, part.reaching, None, None, part.se, "simulated")
                for layer, part in parts.items()
            },
            None,
        )
    around = surroundings(frame, design)
    layers: dict[str, LayerExposure] = {}
    if around is None:
        for layer, found in grouped_exposure(
            frame, design, inner_of(design), rng, inspections, detect
        ).items():
            method: Method = "exact" if found.exact else "simulated"
            layers[layer] = LayerExposure(
                found.pi, found.expected, found.reaching, None, None, found.se, method
            )
        return Exposure(design, strata, layers, None)
    ready = ready_for(frame, design, around, ready)
    for layer in UNIT_LAYERS:
        layers[layer] = _layer(
            ready.ranked[layer],
            ready.cells[layer],
            around.strata,
            design,
            Choice.of(design, layer),
            sizes_of(frame, layer),
            rng,
            detect,
        )
        if design.method == "balanced":
            layers[layer] = _bracketed(layers[layer], ready.ranked[layer], around.strata, design, detect)
        elif design.force_distance:
            layers[layer] = replace(layers[layer], method="approximate")
    return Exposure(design, strata, layers, ready)


def _bracketed(
    part: LayerExposure, ranked: Ranked, strata: Strata, design: Design, detect: float
) -> LayerExposure:
    """The certified bounds for anchors drawn by the local pivotal method."""
    if part.chances is None or (design.radius_per == "round" and design.radius.law != "fixed"):
        raise DesignError(
            "a balanced draw has certified bounds around single anchors with their own or a fixed radius;"
            " draw the anchors by simple random sampling, or change the radius",
            code="balanced_settings",
        )
    bounds = balanced_bracket(detect * part.chances, ranked, strata)
    middle = 0.5 * (bounds.low + bounds.high)
    return replace(part, pi=middle, by_stratum=None, method="bracket", low=bounds.low, high=bounds.high)
