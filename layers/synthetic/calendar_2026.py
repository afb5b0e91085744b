"""The office calendar of the sample year: 1 November 2025 to 31 October 2026.

Work days are Monday to Friday without the public holidays, 8:00-12:00 and 14:00-18:00. Make-up work
days at weekends are left out: this calendar only dates made-up issues.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Times = NDArray[np.datetime64]

FIRST_DAY = np.datetime64("2025-11-01")
LAST_DAY = np.datetime64("2026-10-31")

_PERIODS = (
    ("2026-01-01", 3), ("2026-02-15", 9), ("2026-04-04", 3), ("2026-05-01", 5),
    ("2026-06-19", 3), ("2026-09-25", 3), ("2026-10-01", 7),
)  # fmt: skip
_HOLIDAYS = np.concatenate([np.datetime64(first) + np.arange(days) for first, days in _PERIODS])
_BY_WEEKDAY = np.array([1.08, 1.02, 1.0, 1.0, 0.95, 0.42, 0.32])
_BY_HOUR = np.array(
    [1, 1, 1, 1, 1, 2, 6, 14, 40, 62, 58, 36, 14, 22, 48, 56, 44, 28, 16, 14, 11, 7, 4, 2], float
)
_CAMPAIGNS = ("2025-12-08", "2026-03-16", "2026-05-18", "2026-07-13", "2026-09-07", "2026-10-19")


def day_weights() -> NDArray[np.float64]:
    """Relative number of issues found on each day: weekly rhythm, quiet holidays, ten-day campaigns."""
    days = np.arange(FIRST_DAY, LAST_DAY + 1)
    weights = _BY_WEEKDAY[(days.astype(int) + 3) % 7] * np.linspace(0.9, 1.15, len(days))
    weights = np.where(np.isin(days, _HOLIDAYS), weights * 0.3, weights)
    for first in _CAMPAIGNS:
        since = (days - np.datetime64(first)).astype(int)
        weights = np.where((since >= 0) & (since < 10), weights * 1.7, weights)
    return np.asarray(weights)


def hours(rng: Generator, n: int) -> NDArray[np.timedelta64]:
    """Minutes of the day at which issues are found: mid-morning and mid-afternoon above all."""
    hour = rng.choice(24, n, p=_BY_HOUR / _BY_HOUR.sum())
    return np.asarray((hour * 60 + rng.integers(0, 60, n)).astype("timedelta64[m]"))


def due(found: Times, deadlines: Sequence[str]) -> Times:
    """When each issue falls due.

    Parameters
    ----------
    found : (n,) datetime64[m], local time
    deadlines : (n,) of str
        ``4wh`` working hours, ``2wd`` working days, ``10min`` real time, ``0`` corrected on site.

    Returns
    -------
    (n,) datetime64[m]; NaT for what is corrected on site. Working days end at 18:00 of the n-th work
    day after the day found; working hours count from the time found or the next opening.
    """
    amount = np.array([int(text.rstrip("whdmin")) for text in deadlines])
    unit = np.array([text.lstrip("0123456789") for text in deadlines])
    day = found.astype("datetime64[D]")
    minute = (found - day).astype(int)

    working = np.is_busday(day, holidays=_HOLIDAYS)
    spent = np.where(working, np.clip(minute - 480, 0, 240) + np.clip(minute - 840, 0, 240), 0)
    total = spent + amount * 60
    days, rest = (total - 1) // 480, (total - 1) % 480 + 1
    last = np.busday_offset(day, np.maximum(days, 0), roll="forward", holidays=_HOLIDAYS)
    by_hours = last.astype("datetime64[m]") + np.where(rest <= 240, 480 + rest, 600 + rest).astype(
        "timedelta64[m]"
    )

    last = np.busday_offset(day, amount, roll="backward", holidays=_HOLIDAYS)
    by_days = last.astype("datetime64[m]") + np.timedelta64(18 * 60, "m")

    result = np.full(len(found), np.datetime64("NaT"), dtype="datetime64[m]")
    result = np.where(unit == "wh", by_hours, result)
    result = np.where(unit == "wd", by_days, result)
    return np.where(unit == "min", found + amount.astype("timedelta64[m]"), result)
