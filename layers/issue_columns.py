"""The issues of a city as columns of numbers: a million of them in 16 MB, filtered in milliseconds.

Words are kept once, in a list, and each issue holds the number of its word. Places are metres on the
metric plane of the city, in single precision around a middle (a millimetre in a city).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import count
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from geo.crs import from_wgs84, metric_crs

from .store import Store

WORDS = ("category", "district", "unit", "source", "state")
"""Columns of words, kept as numbers."""

_FIRST_DAY = date(2000, 1, 1)
_POINT = 21
"""Bytes of a point in WKB: byte order, type, x, y."""


@dataclass(frozen=True)
class Words:
    """A column of words: `codes[i]` is the place of the word of issue i in `words`; 0 is no word."""

    words: tuple[str, ...]
    codes: NDArray[np.unsignedinteger[Any]]

    def among(self, wanted: Iterable[str]) -> NDArray[np.bool_]:
        """Which issues have one of the words."""
        table = np.isin(np.array(self.words, dtype=object), list(wanted))
        chosen: NDArray[np.bool_] = table[self.codes]
        return chosen


@dataclass(frozen=True)
class IssueColumns:
    """Issues as columns; all arrays have one entry per issue, in the order of the store.

    Parameters
    ----------
    crs : CRS
        The metric plane.
    origin : (x, y) metres
        Added to `xy`.
    xy : (n, 2) float32, metres from the origin.
    day : (n,) uint16, days since 2000-01-01, local date of finding.
    hour : (n,) uint8, local hour 0 to 23.
    words : dict of column to Words, for `WORDS`.
    """

    crs: CRS
    origin: tuple[float, float]
    xy: NDArray[np.float32]
    day: NDArray[np.uint16]
    hour: NDArray[np.uint8]
    words: Mapping[str, Words]

    def __len__(self) -> int:
        return len(self.day)

    @property
    def nbytes(self) -> int:
        """Bytes kept."""
        codes = sum(column.codes.nbytes for column in self.words.values())
        return self.xy.nbytes + self.day.nbytes + self.hour.nbytes + codes


def day_number(day: date) -> int:
    """Days since 2000-01-01."""
    return (day - _FIRST_DAY).days


def date_of(number: int) -> date:
    """The date of a day number."""
    return date.fromordinal(_FIRST_DAY.toordinal() + int(number))


def read_columns(store: Store, progress: Callable[[int, int | None], None] | None = None) -> IssueColumns:
    """All current issues of a store as columns."""
    coders = {name: _Coder() for name in WORDS}
    places: list[NDArray[np.float64]] = []
    days: list[NDArray[np.uint16]] = []
    hours: list[NDArray[np.uint8]] = []
    total, done = store.count("issues"), 0
    for values, wkb in store.stream("issues", (*WORDS, "found_at")):
        *words, found = values
        for name, column in zip(WORDS, words, strict=True):
            coders[name].add(column)
        places.append(_points(wkb))
        # 2026-05-06T08:30:00.000000+08:00: the local time stands in the text
        text = np.array(found, dtype="S13")
        days.append((text.astype("S10").astype("M8[D]") - np.datetime64(_FIRST_DAY)).astype(np.uint16))
        hours.append(
            np.frombuffer(text.tobytes(), dtype="S1")
            .reshape(-1, 13)[:, 11:]
            .copy()
            .view("S2")
            .ravel()
            .astype(np.uint8)
        )
        done += len(wkb)
        if progress is not None:
            progress(done, total)
    lonlat = np.concatenate(places) if places else np.empty((0, 2))
    middle = np.median(lonlat, axis=0) if len(lonlat) else (0.0, 0.0)
    crs = metric_crs(float(middle[0]), float(middle[1]))
    xy = np.column_stack(from_wgs84(lonlat[:, 0], lonlat[:, 1], f"EPSG:{crs.to_epsg()}"))
    origin = tuple(np.round(np.median(xy, axis=0), -3).tolist()) if len(xy) else (0.0, 0.0)
    return IssueColumns(
        crs,
        (float(origin[0]), float(origin[1])),
        (xy - origin).astype(np.float32),
        np.concatenate(days) if days else np.empty(0, np.uint16),
        np.concatenate(hours) if hours else np.empty(0, np.uint8),
        {name: coder.words() for name, coder in coders.items()},
    )


def _points(wkb: list[bytes]) -> NDArray[np.float64]:
    """(n, 2) degrees; the middle of what is no single point."""
    if set(map(len, wkb)) == {_POINT}:
        raw = np.frombuffer(b"".join(wkb), dtype=np.uint8).reshape(-1, _POINT)[:, 5:]
        return np.ascontiguousarray(raw).view("<f8").reshape(-1, 2).copy()
    blobs = np.empty(len(wkb), dtype=object)
    blobs[:] = wkb
    bounds = shapely.bounds(shapely.from_wkb(blobs))
    middles: NDArray[np.float64] = 0.5 * (bounds[:, :2] + bounds[:, 2:])
    return middles


class _Coder:
    """Numbers words in the order of their coming; 0 stands for none."""

    def __init__(self) -> None:
        self._of: defaultdict[str | None, int] = defaultdict(count(1).__next__, {None: 0})
        self._pieces: list[NDArray[np.uint32]] = []

    def add(self, column: list[str | None]) -> None:
        numbers = map(self._of.__getitem__, column)
        self._pieces.append(np.fromiter(numbers, dtype=np.uint32, count=len(column)))

    def words(self) -> Words:
        """The words in alphabetical order, so that the order of import changes nothing."""
        named = [word for word in self._of if word is not None]
        ordered = sorted(named)
        codes = np.concatenate(self._pieces) if self._pieces else np.empty(0, np.uint32)
        turn = np.zeros(len(self._of), dtype=np.min_scalar_type(len(self._of)))
        for number, word in enumerate(ordered, 1):
            turn[self._of[word]] = number
        return Words(("", *ordered), turn[codes])
