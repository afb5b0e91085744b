"""The figures of following up: how many were found, due, closed in time, and what is open, of any period.

All figures of a period are as of its **cut-off**, the end of its last day, or now if that is earlier:
they come out the same whenever they are asked for. Issues that were withdrawn or merged count nowhere.

==================  ==================================================================================
``found``           found in the period
``fixed_on_site``   of these, mended during the visit
``due``             settled or due in the period. An issue counts once, in the period of the first of: its
                    closing; the end of its first deadline; for one whose clock stopped before that, the
                    beginning of its suspension
``suspended``       of the due, suspended at the cut-off
``closed``          of the due, closed (or mended during the visit) by the cut-off
``on_time``         of these, by the end of the first deadline; mended during the visit is in time
``finished``        closed in the period, whenever it was due
``open``            found by the cut-off and not closed then
``overdue``         of these, waiting for the unit with the first deadline missed
``rework``          failed re-checks of the issues in hand: found by the cut-off, not closed before the period
a level of card     issues in hand whose highest card by the cut-off is of this level
``close_rate``      closed / (due - suspended); None where nothing is due
``on_time_rate``    on_time / (due - suspended)
==================  ==================================================================================

The rates are those of the domain reference, §8. Each figure is the number of rows that `rows_of` gives
(the sum of their failed re-checks for ``rework``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.errors import DesignError
from layers.store import Store

from .. import clock
from ..supervision.cards import CLOSED, RUNNING
from . import rule_books
from .follow_columns import NEVER, FollowColumns, as_of, columns, local_us

BY: dict[str, str] = {
    "unit": "lead_unit", "body": "responsible", "category": "category", "district": "district",
    "type": "site_type", "source": "source",
}  # fmt: skip
"""What figures are told by, and the column of a case that says it; a body without a name is its unit."""
COUNTED = (
    "found", "fixed_on_site", "due", "suspended", "closed", "on_time", "finished", "open", "overdue",
    "rework",
)  # fmt: skip
DAY_US = 86_400_000_000

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Counts:
    """The figures of all issues or of a group; `cards` has every level of the rule book."""

    found: int
    fixed_on_site: int
    due: int
    suspended: int
    closed: int
    on_time: int
    finished: int
    open: int
    overdue: int
    rework: int
    cards: dict[str, int]

    @property
    def close_rate(self) -> float | None:
        """Closed of what was due and not suspended, 0 to 1."""
        return _rate(self.closed, self.due - self.suspended)

    @property
    def on_time_rate(self) -> float | None:
        """Closed in time of what was due and not suspended, 0 to 1."""
        return _rate(self.on_time, self.due - self.suspended)

    def to_dict(self) -> dict[str, Any]:
        """All figures by name, the levels of cards among them."""
        told = {name: getattr(self, name) for name in COUNTED}
        return {**told, **self.cards, "close_rate": self.close_rate, "on_time_rate": self.on_time_rate}


@dataclass(frozen=True)
class Group:
    """The figures of a unit, category, ...; `key` is None where the issues do not say which."""

    key: str | None
    counts: Counts


@dataclass(frozen=True)
class Day:
    """A day of the curve: found and closed on it, open at its end (or at the cut-off)."""

    day: date
    found: int
    closed: int
    open: int


@dataclass(frozen=True)
class Figures:
    """The figures of a period.

    Parameters
    ----------
    since, until : date or None
        As asked.
    cut : datetime
        As of when.
    by : str or None
        A key of `BY`.
    groups : tuple of Group
        Those with an issue in hand or due, the most open issues first.
    curve : tuple of Day
        Every day of the period; from the first finding on where it has no beginning.
    """

    since: date | None
    until: date | None
    cut: datetime
    by: str | None
    total: Counts
    groups: tuple[Group, ...]
    curve: tuple[Day, ...]


def figures(
    store: Store, *, since: date | None = None, until: date | None = None, by: str | None = None,
    now: datetime,
) -> Figures:  # fmt: skip
    """The figures of a period, see the head of this module.

    Parameters
    ----------
    since, until : date, optional
        First and last day; without, from the first finding on, and up to now.
    by : str, optional
        A key of `BY`.

    Raises
    ------
    DesignError
        `dates_reversed`, `figures_by`.
    """
    seen = _Period(store, since, until, now)
    levels = _levels(store, seen.cut)
    whole = np.zeros(len(seen.held), dtype=np.int64)
    total = seen.counts(levels, whole, 1)[0]
    groups: tuple[Group, ...] = ()
    if by is not None:
        column = _column(by)
        words = seen.held.words[column]
        told = seen.counts(levels, seen.held.codes[column], len(words))
        found = [
            Group(word, counts)
            for word, counts, here in zip(words, told, seen.touched(column), strict=True)
            if here
        ]
        groups = tuple(sorted(found, key=lambda one: (-one.counts.open, -one.counts.due, one.key or "~")))
    return Figures(since, until, seen.cut, by, total, groups, seen.curve())


def rows_of(
    store: Store, figure: str, group: str | None = None, *, since: date | None = None,
    until: date | None = None, by: str | None = None, now: datetime,
) -> list[str]:  # fmt: skip
    """The ids of the issues behind a figure, by time found and id.

    Parameters
    ----------
    figure : str
        One of `COUNTED`, or a level of card.
    group : str or None
        With `by`, the key of the group.

    Raises
    ------
    DesignError
        `figure_unknown`, `dates_reversed`, `figures_by`.
    """
    seen = _Period(store, since, until, now)
    if figure == "rework":
        chosen = seen.mask("in_hand") & (seen.held.rework > 0)
    elif figure in _levels(store, seen.cut):
        chosen = seen.mask("in_hand") & seen.held.among("colour", (figure,))
    elif figure in COUNTED:
        chosen = seen.mask(figure)
    else:
        known = ", ".join((*COUNTED, *_levels(store, seen.cut)))
        raise DesignError(
            f"{figure[:30]!r} is no figure; use one of {known}",
            code="figure_unknown", given=figure[:30], known=known,
        )  # fmt: skip
    if by is not None:
        chosen = chosen & seen.held.among(_column(by), (group,))
    rows = np.flatnonzero(chosen).tolist()
    found = seen.held.moments["found_at"]
    return [seen.held.ids[row] for row in sorted(rows, key=lambda row: (found[row], seen.held.ids[row]))]


class _Period:
    """The issues as of the cut-off of a period, and which of them a figure counts."""

    def __init__(self, store: Store, since: date | None, until: date | None, now: datetime) -> None:
        if since and until and since > until:
            raise DesignError(
                f"the period begins on {since} and ends before, on {until}; swap the dates",
                code="dates_reversed", since=str(since), until=str(until),
            )  # fmt: skip
        self.cut = cut_off(until, now)
        self.held: FollowColumns = as_of(store, columns(store), self.cut)
        self._start = -NEVER if since is None else local_us(clock.midnight(since))
        self._end = local_us(self.cut)
        self._masks = _masks(self.held, self._start, self._end)

    def mask(self, name: str) -> Bools:
        """Which issues a figure counts."""
        return self._masks[name]

    def counts(self, levels: tuple[str, ...], group: NDArray[np.integer[Any]], groups: int) -> list[Counts]:
        """The figures of each group."""

        def number(mask: Bools) -> list[int]:
            told: list[int] = np.bincount(group[mask], minlength=groups).tolist()
            return told

        told = {name: number(self._masks[name]) for name in COUNTED if name != "rework"}
        in_hand = self._masks["in_hand"]
        rework = np.bincount(group[in_hand], self.held.rework[in_hand], minlength=groups).astype(int).tolist()
        cards = {level: number(in_hand & self.held.among("colour", (level,))) for level in levels}
        return [
            Counts(
                **{name: column[row] for name, column in told.items()}, rework=rework[row],
                cards={level: column[row] for level, column in cards.items()},
            )
            for row in range(groups)
        ]  # fmt: skip

    def touched(self, column: str) -> list[bool]:
        """Which words of a column have an issue in hand or due in the period."""
        here = self._masks["in_hand"] | self._masks["due"]
        told = np.bincount(self.held.codes[column][here], minlength=len(self.held.words[column])) > 0
        return [bool(one) for one in told]

    def curve(self) -> tuple[Day, ...]:
        """The days of the period."""
        alive = self._masks["alive"]
        found = self.held.moments["found_at"][alive]
        if not len(found):
            return ()
        settled = _settled(self.held)[alive]
        settled = settled[settled <= self._end]
        first = max(self._start, int(found.min())) if self._start < 0 else self._start
        first_day, last_day = first // DAY_US, self._end // DAY_US
        if last_day < first_day:
            return ()
        days = int(last_day - first_day) + 1
        opened, shut = (_per_day(moments, first_day, days) for moments in (found, settled))
        before = int((found < first_day * DAY_US).sum() - (settled < first_day * DAY_US).sum())
        left = before + np.cumsum(opened - shut)
        start = date(1970, 1, 1) + timedelta(days=int(first_day))
        return tuple(
            Day(start + timedelta(days=number), *values)
            for number, values in enumerate(zip(opened.tolist(), shut.tolist(), left.tolist(), strict=True))
        )


_TICK = timedelta(microseconds=1)


def _masks(held: FollowColumns, start: int, end: int) -> dict[str, Bools]:
    """Which issues each figure counts."""
    moments = held.moments
    found, first = moments["found_at"], moments["first_deadline"]
    settled = _settled(held)
    alive = held.counted & (found <= end)
    shut = settled <= end
    stopped = held.among("state", ("suspended",)) & ~shut
    pause = np.where(stopped & (first == NEVER), moments["suspended_at"], NEVER)
    falls = np.minimum(np.minimum(settled, first), pause)
    due = alive & (falls >= start) & (falls <= end)
    closed = due & shut
    visit = moments["fixed_at"] <= end
    fresh = alive & (found >= start)
    left = alive & ~shut
    waiting = left & held.among("state", RUNNING)
    return {
        "alive": alive,
        "found": fresh,
        "fixed_on_site": fresh & visit,
        "due": due,
        "suspended": due & stopped,
        "closed": closed,
        "on_time": closed & (visit | (_told(held) <= np.minimum(first, NEVER - 1))),
        "finished": alive & shut & (settled >= start),
        "open": left,
        "overdue": waiting & (first < end),
        "in_hand": alive & (settled >= start),
    }


def _settled(held: FollowColumns) -> NDArray[np.int64]:
    """When each issue was closed; one that a list calls closed without saying when, from its finding on."""
    told = _told(held)
    unsaid = (told == NEVER) & held.among("state", CLOSED)
    return np.where(unsaid, held.moments["found_at"], told)


def _told(held: FollowColumns) -> NDArray[np.int64]:
    return np.minimum(held.moments["closed_at"], held.moments["fixed_at"])


def _per_day(moments: NDArray[np.int64], first_day: int, days: int) -> NDArray[np.int64]:
    at = moments // DAY_US - first_day
    return np.bincount(at[(at >= 0) & (at < days)], minlength=days).astype(np.int64)


def _levels(store: Store, cut: datetime) -> tuple[str, ...]:
    return tuple(level.id for level in rule_books.current(store, cut.date()).cards.levels)


def _column(by: str) -> str:
    if by not in BY:
        raise DesignError(
            f"figures are not told by {by[:30]!r}; use one of {', '.join(BY)}",
            code="figures_by", given=by[:30], known=", ".join(BY),
        )  # fmt: skip
    return BY[by]


def cut_off(until: date | None, now: datetime) -> datetime:
    """The moment as of which a period is told: the end of its last day, or now if that is earlier."""
    end = now if until is None else min(now, clock.midnight(clock.within(until) + timedelta(days=1)) - _TICK)
    return end.astimezone(clock.SHANGHAI)


def _rate(part: int, whole: int) -> float | None:
    return part / whole if whole > 0 else None
