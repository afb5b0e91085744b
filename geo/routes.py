"""Mock-inspection routes: a routing problem in numbers, and what a plan is.

Teams with a shift visit sites with opening windows; there may be more sites than time. A site can
be done in several ways, its *tasks*: an alley from either end, a school in the morning or in the
afternoon. Of the tasks of a site, and of the sites of a group, at most one is done.

The goals, in this order: required sites, then priority (expected issues), then travel, then even
working times. Times are whole seconds of the day.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

NO_WAY_S = 10_000_000
"""Travel where there is no way: longer than any shift."""

POINTS = 10_000
"""The largest priority of a problem in whole points; the others in proportion, at least 1."""

Routes = tuple[tuple[int, ...], ...]
"""For each team the tasks it does, in order."""


@dataclass(frozen=True)
class Problem:
    """Sites, tasks and teams as arrays; s sites, t tasks, k teams, p travel profiles.

    Parameters
    ----------
    task_site : (t,) int
        The site of each task.
    service_s : (t,) int
        From begin to leave.
    early_s, late_s : (t,) int
        Earliest and latest BEGIN of service (the closing time less the service is taken off already).
        A task with late_s < early_s can never be done.
    priority : (s,) float
        Expected issues, 0 or more.
    required : (s,) bool
    group : (s,) int
        Sites with the same number are alternatives: at most one is visited; -1: none.
    travel_s : (p, t, t) int
        From the exit of a task to the entry of another; `NO_WAY_S` where there is no way.
    profile : (k,) int
        The travel profile of each team.
    start_s, end_s : (k, t) int
        From the team's start to the entry of a task, and from its exit to the team's end (0: open end).
    shift_s : (k, 2) int
        Earliest start and latest end.
    work_s : (k,) int
        Longest time from start to end, waiting included.
    allowed : (k, t) bool
        Whether a team may do a task (mode, skills, locks).
    """

    task_site: Ints
    service_s: Ints
    early_s: Ints
    late_s: Ints
    priority: Floats
    required: Bools
    group: Ints
    travel_s: Ints
    profile: Ints
    start_s: Ints
    end_s: Ints
    shift_s: Ints
    work_s: Ints
    allowed: Bools

    @property
    def sites(self) -> int:
        """How many sites there are."""
        return len(self.priority)

    @property
    def tasks(self) -> int:
        """How many tasks there are."""
        return len(self.task_site)

    @property
    def teams(self) -> int:
        """How many teams there are."""
        return len(self.profile)

    @property
    def points(self) -> Ints:
        """(s,) the priority of each site in whole points, 1 to `POINTS`."""
        largest = float(self.priority.max(initial=0.0))
        if largest <= 0:
            return np.ones(self.sites, np.int64)
        return np.maximum(np.rint(self.priority / largest * POINTS).astype(np.int64), 1)


@dataclass(frozen=True)
class Score:
    """How good routes are; compare with `key`, larger is better.

    Parameters
    ----------
    required : int
        Required sites visited (of a group: that one of it is).
    points : int
        Sum of `Problem.points` over the sites visited.
    travel_s : int
    longest_s : int
        The longest working time of a team.
    """

    required: int
    points: int
    travel_s: int
    longest_s: int

    @property
    def key(self) -> tuple[int, int, int, int]:
        """Ordered by the goals."""
        return (self.required, self.points, -self.travel_s, -self.longest_s)
