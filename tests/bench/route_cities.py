"""A city office's mock inspection, made up: anchors, each with two alleys and a compound, by bicycle.

Markets open in the morning, schools at either end of the day; there is more to see than time.
"""

from __future__ import annotations

import numpy as np

from geo.routes import Problem

HOUR = 3600
SHIFT = (8 * HOUR, 12 * HOUR)
SPEED_M_S = 11 / 3.6 / 1.25
"""Bicycle, over straight lines with the usual detour."""


def office(sites: int, teams: int, seed: int, *, side_m: float = 11_000, starts: int = 3) -> Problem:
    """A problem with one task per site; the teams begin and end at one to three places."""
    random = np.random.default_rng(seed)
    anchors = -(-sites // 4)
    middle = random.uniform(0, side_m, (anchors, 2))
    xy, service, early, late = [], [], [], []
    for at in middle:
        kind = random.choice(3)
        minutes, window = {
            0: (25, (8.0, 9.5)),
            1: (15, (11.0, 11 + 2 / 3) if random.random() < 0.7 else (8.0, 8.5)),
            2: (20, (8.0, 12.0)),
        }[int(kind)]
        angle, far = random.uniform(0, 2 * np.pi, 3), random.uniform(500, 2000, 3)
        xy += [at, *(at + np.column_stack([np.cos(angle), np.sin(angle)]) * far[:, None])]
        service += [minutes, 10, 10, 15]
        early += [window[0], 8, 8, 8]
        late += [window[1], 12, 12, 12]
    xy = np.array(xy)[:sites]
    hours = (np.array(early)[:sites] * HOUR, np.array(late)[:sites] * HOUR)
    homes = random.uniform(0.25 * side_m, 0.75 * side_m, (3, 2))[np.arange(teams) % starts]
    return Problem(
        task_site=np.arange(sites),
        service_s=np.array(service)[:sites] * 60,
        early_s=np.rint(hours[0]).astype(np.int64),
        late_s=np.rint(hours[1]).astype(np.int64),
        priority=random.integers(10, 100, sites).astype(float),
        required=np.zeros(sites, bool),
        group=np.full(sites, -1),
        travel_s=seconds(xy, xy)[None],
        profile=np.zeros(teams, np.int64),
        start_s=seconds(homes, xy),
        end_s=seconds(homes, xy),
        shift_s=np.tile(SHIFT, (teams, 1)),
        work_s=np.full(teams, 4 * HOUR),
        allowed=np.ones((teams, sites), bool),
    )


def seconds(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """(n, m) whole seconds of travel."""
    return np.rint(np.linalg.norm(one[:, None] - two[None], axis=2) / SPEED_M_S).astype(np.int64)
