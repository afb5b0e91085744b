"""Which issues a map speaks of: one filter for an address, a command line and a caption."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.crs import from_wgs84
from geo.errors import DesignError
from layers.issue_columns import IssueColumns, day_number
from layers.rules import categories
from layers.schema import ISSUE_SOURCES, ISSUE_STATES

from .issue_asked import meant, not_among, several

MAX_CORNERS = 200
LISTS = ("category", "district", "unit", "severity", "source", "state")


@dataclass(frozen=True, kw_only=True)
class IssueFilter:
    """What is wanted; whatever is left empty does not matter.

    Parameters
    ----------
    category : tuple of str
        Codes, or the letters that a group of codes begins with (``HJ``).
    district, unit, source, state : tuple of str
    severity : tuple of str
        ``1``, ``2``, ``3`` of the category.
    since, until : date
        Local dates of finding, both included.
    hours : (first, last)
        Hours of the day, both included; ``(22, 5)`` is the night.
    within : tuple of (lon, lat)
        Corners of a polygon, EPSG:4326.
    """

    category: tuple[str, ...] = ()
    district: tuple[str, ...] = ()
    unit: tuple[str, ...] = ()
    severity: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    state: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None
    hours: tuple[int, int] | None = None
    within: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        if self.since is not None and self.until is not None and self.since > self.until:
            raise DesignError(
                f"the period begins on {self.since} and ends before, on {self.until}; swap the dates",
                code="dates_reversed", since=str(self.since), until=str(self.until),
            )  # fmt: skip
        for name, allowed in (("source", ISSUE_SOURCES), ("state", ISSUE_STATES), ("severity", "123")):
            unknown = [one for one in getattr(self, name) if one not in allowed]
            if unknown:
                raise not_among(name, unknown[0], allowed)

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> IssueFilter:
        """From the parameters of an address: lists with commas, ``since=2026-01-01``, ``hours=22-5``,
        ``within=lon,lat;lon,lat;...``; others are not looked at.
        """
        told: dict[str, Any] = {
            name: tuple(meant(name, one) for one in several(query.get(name, ""))) for name in LISTS
        }
        for name in ("since", "until"):
            if query.get(name):
                told[name] = day_of(name, query[name])
        if query.get("hours"):
            told["hours"] = _hours(query["hours"])
        if query.get("within"):
            told["within"] = _corners(query["within"])
        return cls(**told)

    def to_query(self) -> dict[str, str]:
        """The parameters that `from_query` reads; nothing for what does not matter."""
        told: dict[str, str] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None or value == ():
                continue
            if field.name == "hours":
                told["hours"] = f"{value[0]}-{value[1]}"
            elif field.name == "within":
                told["within"] = ";".join(f"{lon:.6f},{lat:.6f}" for lon, lat in value)
            else:
                told[field.name] = ",".join(value) if isinstance(value, tuple) else value.isoformat()
        return told

    def mask(self, issues: IssueColumns) -> NDArray[np.bool_]:
        """(n,) bool: the issues that are wanted."""
        chosen = np.ones(len(issues), dtype=bool)
        if self.since is not None:
            chosen &= issues.day >= _column_day(self.since)
        if self.until is not None:
            chosen &= issues.day <= _column_day(self.until)
        if self.hours is not None:
            first, last = self.hours
            after, before = issues.hour >= first, issues.hour <= last
            chosen &= (after & before) if first <= last else (after | before)
        if self.category or self.severity:
            column = issues.words["category"]
            chosen &= column.among(word for word in column.words if word and self._wants(word))
        for name in ("district", "unit", "source", "state"):
            wanted: Sequence[str] = getattr(self, name)
            if wanted:
                chosen &= issues.words[name].among(wanted)
        if self.within:
            lonlat = np.array(self.within)
            xy = np.column_stack(from_wgs84(lonlat[:, 0], lonlat[:, 1], f"EPSG:{issues.crs.to_epsg()}"))
            ring = shapely.Polygon(xy - issues.origin)
            shapely.prepare(ring)
            rows = np.flatnonzero(chosen)
            inside = shapely.contains_xy(ring, issues.xy[rows, 0], issues.xy[rows, 1])
            chosen[rows[~inside]] = False
        return chosen

    def _wants(self, code: str) -> bool:
        if self.category and not any(code == one or code.startswith(one) for one in self.category):
            return False
        if not self.severity:
            return True
        known = categories().get(code)
        return known is not None and str(known.severity) in self.severity


def _column_day(day: date) -> np.uint16:
    """A day as the column of days counts; whatever lies outside it is its first or last day."""
    return np.uint16(min(max(0, day_number(day)), np.iinfo(np.uint16).max))


def day_of(name: str, told: str) -> date:
    """A date of an address, such as 2026-05-06 (DesignError `filter_date`)."""
    try:
        return date.fromisoformat(told.strip())
    except ValueError:
        raise DesignError(
            f"{name} {told[:40]!r} is no date; write 2026-05-06",
            code="filter_date", field=name, given=told[:40],
        ) from None  # fmt: skip


def _hours(told: str) -> tuple[int, int]:
    first, sign, last = told.partition("-")
    if not (sign and first.isdigit() and last.isdigit() and int(first) < 24 and int(last) < 24):
        raise DesignError(
            f"{told!r} are no hours of the day; write 22-5", code="filter_hours", given=told[:40]
        )
    return int(first), int(last)


def _corners(told: str) -> tuple[tuple[float, float], ...]:
    try:
        found = [tuple(float(one) for one in pair.split(",")) for pair in told.split(";")]
        corners = tuple((lon, lat) for lon, lat in found)
    except ValueError:
        corners = ()
    # GEOS does not take a number that is none for a corner
    enough = 3 <= len(corners) <= MAX_CORNERS and bool(np.isfinite(np.array(corners)).all())
    ring = shapely.Polygon(corners) if enough else None
    sound = ring is not None and ring.is_valid and ring.area > 0
    if not sound:
        raise DesignError(
            f"the drawn area is no polygon of 3 to {MAX_CORNERS} corners that does not cross itself;"
            " draw it again",
            code="filter_area", limit=MAX_CORNERS,
        )  # fmt: skip
    return corners
