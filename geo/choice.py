"""What one pool gives: how many units, each with which chance, and how many bad ones among them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .design import Design
from .errors import DesignError
from .frame import Frame

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Choice:
    """How units are chosen from a pool.

    Parameters
    ----------
    chances : tuple of (int, float)
        Numbers asked for, with their chances.
    skip : bool
        A pool smaller than asked gives nothing, instead of all it holds.
    widen_short, widen_empty : bool
        A pool that is short or empty is widened to the asked number, at most to 2 km.
    repeat : bool
        The same unit may be chosen again (it is one visit all the same).
    """

    chances: tuple[tuple[int, float], ...]
    skip: bool = False
    widen_short: bool = False
    widen_empty: bool = False
    repeat: bool = False

    @classmethod
    def of(cls, design: Design, layer: str) -> Choice:
        """The choice of a design in one layer."""
        take = design.alleys if layer == "back_alleys" else design.compounds
        return cls(
            chances=tuple((number, float(chance)) for number, chance in take.chances),
            skip=design.short_pool == "skip",
            widen_short=design.short_pool == "widen",
            widen_empty=design.empty_pool == "widen",
            repeat=design.replace == "within_anchor",
        )

    @property
    def most(self) -> int:
        """The largest number that may be asked for."""
        return self.chances[-1][0]

    @property
    def widens(self) -> bool:
        """Whether some pool may be widened."""
        return self.widen_empty or (self.widen_short and not self.repeat)

    def widened_from(self, asked: int) -> range:
        """The pool sizes that are widened when so many are asked for."""
        if asked == 0:
            return range(0)
        stop = asked if self.widen_short and not self.repeat else 1
        return range(0 if self.widen_empty else 1, stop)

    def number(self, asked: int, pool: Ints, *, widened: bool) -> Ints:
        """How many choices are made from pools of these sizes."""
        short = pool < asked
        if self.repeat:
            made = np.where(pool > 0, asked, 0)
            return np.where(short, 0, made) if self.skip and widened else made
        return np.where(short, 0 if self.skip else pool, asked)


def chance_of_one(choice: Choice, asked: int, pool: Ints, *, widened: bool = False) -> Floats:
    """Chance of each unit in pools of these sizes when all units are alike; 0 for an empty pool."""
    number = choice.number(asked, pool, widened=widened)
    size = np.maximum(pool, 1)
    if not choice.repeat:
        return np.asarray(number / size)
    with np.errstate(divide="ignore"):
        seen = -np.expm1(np.maximum(number, 1) * np.log1p(-1.0 / size))
    return np.where(number > 0, seen, 0.0)


def three_by_size() -> DesignError:
    """What has neither a short form nor a simulation here."""
    return DesignError(
        "three and more units drawn by their size from a larger pool have no exact law;"
        " draw at most two, or with equal chance",
        code="three_by_size",
    )


def sized_chances(sizes: Floats, ends: Ints, choice: Choice, asked: int, *, widened: bool) -> Floats:
    """Chances of the units of several nested pools, drawn in proportion to their sizes.

    Parameters
    ----------
    sizes : (m,) float
        Sizes in the order of entry.
    ends : (r,) int
        Pool sizes: pool r holds the first `ends[r]` units.

    Returns
    -------
    (r, m) float

    Notes
    -----
    Without repetition, two of l: (s_i/W) (1 + sum over j != i of s_j/(W - s_j)) (Horvitz and
    Thompson 1952, section 5). More than two of a larger pool have no short form.

    Raises
    ------
    DesignError
        Three or more of a larger pool; `needs_simulation` says so beforehand.
    """
    inside = np.arange(len(sizes)) < ends[:, None]
    total = np.cumsum(sizes)[ends - 1][:, None]
    part = np.where(inside, sizes / total, 0.0)
    number = choice.number(asked, ends, widened=widened)[:, None]
    if choice.repeat:
        with np.errstate(divide="ignore"):
            return np.where(number > 0, -np.expm1(np.maximum(number, 1) * np.log1p(-part)), 0.0)
    everything = (number >= ends[:, None]) & inside
    if asked <= 1:
        return np.where(number > 0, part, 0.0)
    if asked == 2:
        rest = np.where(inside & (ends[:, None] > 1), total - sizes, 1.0)
        second = np.where(inside, sizes / rest, 0.0)
        before, after = np.zeros_like(second), np.zeros_like(second)
        np.cumsum(second[:, :-1], axis=1, out=before[:, 1:])
        np.cumsum(second[:, :0:-1], axis=1, out=after[:, -2::-1])
        drawn = part * (1.0 + before + after)
        return np.where(everything, 1.0, np.where(number > 0, drawn, 0.0))
    if (number < ends[:, None]).any() and (number > 0).any():
        short = (number == 0) | (number >= ends[:, None])
        if not short.all():
            raise three_by_size()
    return everything.astype(np.float64)


def bad_in_pools(choice: Choice, asked: int, pool: Ints, bad: Ints, *, widened: bool = False) -> Floats:
    """Distribution of the number of different bad units drawn from pools when all units are alike.

    Parameters
    ----------
    pool, bad : (r,) int
        Units and bad units in each pool.

    Returns
    -------
    (asked + 1, r) float; column sums are 1.
    """
    law = np.zeros((asked + 1, len(pool)))
    law[0] = 1.0
    number = choice.number(asked, pool, widened=widened)
    for turn in range(asked):
        left = np.maximum(pool if choice.repeat else pool - turn, 1)
        for met in range(min(turn, asked - 1), -1, -1):
            hit = np.where(turn < number, np.clip(bad - met, 0, None) / left, 0.0)
            moved = law[met] * np.minimum(hit, 1.0)
            law[met] -= moved
            law[met + 1] += moved
    return law


def sized_bad(sizes: Floats, bad: Bools, number: int, *, repeat: bool) -> Floats:
    """As `bad_in_pools`, for one pool drawn in proportion to sizes, at most two choices.

    Returns
    -------
    (number + 1,) float
    """
    law = np.zeros(number + 1)
    total = float(sizes.sum())
    if number == 0:
        law[0] = 1.0
    elif number == len(sizes) and not repeat:
        law[int(bad.sum())] = 1.0
    elif number == 1:
        law[1] = float(sizes[bad].sum()) / total
        law[0] = float(sizes[~bad].sum()) / total
    elif number == 2:
        first = sizes / total
        left = total if repeat else total - sizes
        others_bad = float(sizes[bad].sum()) - np.where(bad, sizes, 0.0)
        good = float(sizes[~bad].sum())
        others_good = (
            (good + np.where(bad & repeat, sizes, 0.0)) if repeat else good - np.where(bad, 0.0, sizes)
        )
        law[2] = float((first * others_bad / left)[bad].sum())
        law[0] = float((first * others_good / left)[~bad].sum())
        law[1] = float((first * others_bad / left)[~bad].sum() + (first * others_good / left)[bad].sum())
    else:
        raise three_by_size()
    return law


def needs_simulation(choice: Choice, sizes: Ints | None) -> bool:
    """Whether a draw by size has no closed form: three or more without repetition."""
    return sizes is not None and choice.most > 2 and not choice.repeat


def sizes_of(frame: Frame, layer: str) -> Ints | None:
    """The weights of a layer; None where all are the same."""
    sizes: Ints = frame.units[layer]["size"].to_numpy(dtype=np.int64)
    return None if len(sizes) == 0 or (sizes == sizes[0]).all() else sizes
