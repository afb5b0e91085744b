"""Which anchors share one draw of units, and how many of them are drawn: a design on a frame.

Surroundings are what the units are drawn around: single anchors, or all drawn anchors of a class or
cluster together. Where it is certain which anchors form a surrounding, the whole draw reduces to
surroundings drawn without replacement within strata, and everything about it is exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .buffers import PairTable
from .design import ANCHOR_CLASSES, Design, Radius
from .errors import DesignError, FrameError
from .frame import Frame

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PANELS, PANEL_RADII = 8, 8
"""Parts of a continuous law that a round shares, and radii tried in each, where it is simulated."""


@dataclass(frozen=True)
class Strata:
    """Strata of anchors, or of surroundings.

    Parameters
    ----------
    names : tuple of str
    of : (rows,) int
        The stratum of each anchor or surrounding.
    drawn, held : (strata,) int
        n of N, without replacement; 0 of N for a class that is not visited.
    """

    names: tuple[str, ...]
    of: Ints
    drawn: Ints
    held: Ints

    @property
    def fraction(self) -> Floats:
        """n/N, 0 for an empty stratum."""
        return np.asarray(self.drawn / np.maximum(self.held, 1))

    def rows(self, stratum: int) -> Ints:
        """The rows of a stratum."""
        return np.flatnonzero(self.of == stratum)


def anchor_strata(frame: Frame, design: Design) -> Strata:
    """The classes as strata, with the numbers a design draws.

    Raises
    ------
    DesignError
        More anchors asked for than there are, or fewer than must be visited.
    FrameError
        An anchor that must be visited is not in the frame.
    """
    if design.reach_m > frame.reach_m:
        raise FrameError(
            f"the frame reaches {frame.reach_m:g} m, the design needs {design.reach_m:g} m;"
            " build the frame with this design",
            code="frame_reach", reach=f"{frame.reach_m:g}", wanted=f"{design.reach_m:g}",
        )  # fmt: skip
    classes = frame.anchors["class"].to_numpy(dtype=object)
    of = np.zeros(len(classes), dtype=np.int64)
    drawn, held = np.zeros((2, len(ANCHOR_CLASSES)), dtype=np.int64)
    for number, name in enumerate(ANCHOR_CLASSES):
        of[classes == name] = number
        held[number] = int((classes == name).sum())
    asked = design.anchors.numbers(dict(zip(ANCHOR_CLASSES, held.tolist(), strict=True)))
    for number, name in enumerate(ANCHOR_CLASSES):
        drawn[number] = asked.get(name, 0)
    if not design.must_visit:
        return Strata(ANCHOR_CLASSES, of, drawn, held)
    # must-visit anchors are strata of their own, drawn whole; the others share what is left
    must = _must_visit(frame, design)
    sure = np.array([int((must & (of == number)).sum()) for number in range(len(ANCHOR_CLASSES))])
    for name, wanted, number in zip(ANCHOR_CLASSES, sure.tolist(), drawn.tolist(), strict=True):
        if wanted > number:
            raise DesignError(
                f"class {name}: {wanted} anchors must be visited, {number} are drawn;"
                f" ask for at least {name}={wanted}",
                code="must_visit_many", name=name, must=wanted, asked=number,
            )  # fmt: skip
    names = (*ANCHOR_CLASSES, *(f"{name} (must visit)" for name in ANCHOR_CLASSES))
    return Strata(
        names,
        np.where(must, of + len(ANCHOR_CLASSES), of),
        np.concatenate([drawn - sure, sure]),
        np.concatenate([held - sure, sure]),
    )


def _must_visit(frame: Frame, design: Design) -> NDArray[np.bool_]:
    unknown = sorted(set(design.must_visit) - set(frame.anchors["id"]))
    if unknown:
        raise FrameError(
            f"{len(unknown)} anchors that must be visited are not in the frame ({', '.join(unknown[:5])}):"
            " unknown, or left out by their status",
            code="must_visit_unknown", count=len(unknown), ids=", ".join(unknown[:5]),
        )  # fmt: skip
    return np.asarray(frame.anchors["id"].isin(design.must_visit))


def clusters_of(frame: Frame, strata: Strata) -> Ints:
    """A number for the cluster of each anchor that can be drawn; -1 for the others.

    Raises
    ------
    FrameError
        An anchor that can be drawn has no cluster.
    """
    live = strata.drawn[strata.of] > 0
    names = frame.anchors["cluster"]
    without = frame.anchors["id"][live & names.isna().to_numpy()].tolist()
    if without:
        raise FrameError(
            f"{len(without)} anchors that can be drawn have no cluster ({', '.join(map(str, without[:5]))});"
            " fill the column cluster, or draw per anchor or per class",
            code="cluster_missing", count=len(without), ids=", ".join(map(str, without[:5])),
        )  # fmt: skip
    result = np.full(len(names), -1, dtype=np.int64)
    if live.any():
        _, number = np.unique(names.to_numpy(dtype=object)[live].astype(str), return_inverse=True)
        result[live] = number
    return result


@dataclass(frozen=True)
class Surroundings:
    """Surroundings that are known beforehand.

    Parameters
    ----------
    of_anchor : (anchors,) int
        The surrounding of each anchor, -1 for one that is never visited.
    strata : Strata
        Strata of the surroundings.
    """

    of_anchor: Ints
    strata: Strata

    @property
    def count(self) -> int:
        """How many surroundings there are."""
        return len(self.strata.of)

    def pairs(self, pairs: PairTable, inner_m: float) -> PairTable:
        """Entry distances of surroundings: the smallest of their anchors', ring or disc."""
        if self.count == len(self.of_anchor) and (self.of_anchor == np.arange(self.count)).all():
            return pairs
        keep = (self.of_anchor[pairs.anchor] >= 0) & (pairs.entry_m >= inner_m)
        group, unit, entry = self.of_anchor[pairs.anchor[keep]], pairs.unit[keep], pairs.entry_m[keep]
        order = np.lexsort((entry, unit, group))
        group, unit, entry = group[order], unit[order], entry[order]
        first = np.ones(len(group), dtype=bool)
        first[1:] = (group[1:] != group[:-1]) | (unit[1:] != unit[:-1])
        return PairTable(group[first], unit[first], entry[first])


def common_radius(design: Design) -> bool:
    """Whether all anchors of one inspection have the same radius."""
    return design.radius.law == "fixed" or design.radius_per == "round"


def surroundings(frame: Frame, design: Design) -> Surroundings | None:
    """The surroundings of a design, or None where chance decides which anchors form one."""
    strata = anchor_strata(frame, design)
    alone = Surroundings(np.arange(len(strata.of)), strata)
    if design.per == "anchor":
        return alone
    if design.per == "class":
        joined = (strata.drawn == strata.held) & (strata.drawn > 1)
        if (joined & ~common_radius(design)).any() or ((strata.drawn > 1) & ~joined).any():
            return None
        if not joined.any():
            return alone
        label = np.where(joined[strata.of], len(strata.of) + strata.of, np.arange(len(strata.of)))
        _, first, number = np.unique(label, return_index=True, return_inverse=True)
        return Surroundings(
            number,
            Strata(
                strata.names,
                strata.of[first],
                np.where(joined, 1, strata.drawn),
                np.where(joined, 1, strata.held),
            ),
        )
    return _clusters(frame, design, strata, alone)


def _clusters(frame: Frame, design: Design, strata: Strata, alone: Surroundings) -> Surroundings | None:
    cluster = clusters_of(frame, strata)
    sizes = np.bincount(cluster[cluster >= 0])
    if strata.drawn.sum() <= 1 or (len(sizes) and sizes.max() <= 1):
        return alone
    certain = (strata.drawn == strata.held) | (strata.drawn == 0)
    if not certain.all() or not common_radius(design):
        return None
    count = len(sizes)
    return Surroundings(
        cluster, Strata(("all",), np.zeros(count, dtype=np.int64), np.array([count]), np.array([count]))
    )


def radius_cells(radius: Radius, entries: Floats) -> list[tuple[float, Radius]]:
    """A law of the radius as a list of fixed radii with chances, none of which a pair can tell apart.

    Parameters
    ----------
    entries : float
        All entry distances that matter.
    """
    if radius.law != "uniform":
        return [(1.0 / len(radius.radii_m), Radius("fixed", (r,))) for r in radius.radii_m]
    low, high = radius.radii_m
    inner = np.unique(entries[(entries > low) & (entries < high)])
    edges = np.concatenate([[low], inner, [high]])
    # a pool changes at its entry distance, which belongs to the larger radius: halfway is inside
    return [
        ((b - a) / (high - low), Radius("fixed", (0.5 * (a + b),)))
        for a, b in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
    ]


def radius_panels(radius: Radius, rng: np.random.Generator) -> list[list[Radius]]:
    """Random radii in each of equal parts of a uniform law: a stratified simulation of it."""
    low, high = radius.radii_m
    edges = np.linspace(low, high, PANELS + 1)
    at = edges[:-1, None] + (high - low) / PANELS * rng.random((PANELS, PANEL_RADII))
    return [[Radius("fixed", (r,)) for r in panel] for panel in at.tolist()]


def panel_mean(values: Floats) -> tuple[Floats, Floats]:
    """Mean and standard error of (panels, radii, ...) values at the radii of `radius_panels`."""
    mean = values.mean(axis=(0, 1))
    variance = values.var(axis=1, ddof=1).sum(axis=0) / (values.shape[0] ** 2 * values.shape[1])
    return np.asarray(mean), np.asarray(np.sqrt(variance))
