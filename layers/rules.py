"""The tables an office may replace: issue categories, checklists, and how long and when a site is visited."""

from __future__ import annotations

import csv
import re
import unicodedata
from dataclasses import dataclass
from functools import cache

from geo.errors import DesignError

from .resources import data_path


@dataclass(frozen=True)
class Category:
    """One issue category: stable code, Chinese name, identifier, department, severity 1-3."""

    code: str
    zh: str
    name: str
    department: str
    severity: int
    deadline: str
    digital_city: str = ""


@dataclass(frozen=True)
class Item:
    """One item of a checklist: the category of issue it counts, its words, its weight in the score.

    A `strict` item is worth nothing from the first case on. `department` leads what is found.
    """

    code: str
    site_type: str
    category: str
    zh: str
    en: str
    department: str = ""
    weight: float = 1.0
    strict: bool = False


@cache
def categories() -> dict[str, Category]:
    """All categories by code."""
    with data_path("rules", "issue_categories.csv").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        return {
            row["code"]: Category(
                row["code"], row["zh"], row["id"], row["department"], int(row["severity"]), row["deadline"]
            )
            for row in rows
        }


@cache
def checklist(site_type: str) -> tuple[Item, ...]:
    """The items of a site type, in their order."""
    with data_path("rules", "checklists.csv").open(encoding="utf-8", newline="") as file:
        return tuple(
            Item(row["id"], row["site_type"], row["category"], row["zh"], row["en"])
            for row in csv.DictReader(file)
            if row["site_type"] == site_type
        )


@dataclass(frozen=True)
class VisitRule:
    """How long a visit of a kind of site takes and when it can be made, in seconds of the day."""

    service_s: int
    windows_s: tuple[tuple[int, int], ...]


@cache
def visit_rules() -> dict[str, VisitRule]:
    """The visit of every kind of site: anchor classes, `back_alley`, `compound`."""
    with data_path("rules", "visits.csv").open(encoding="utf-8", newline="") as file:
        return {
            row["kind"]: VisitRule(
                round(60 * float(row["service_min"])),
                tuple(span_of(words) for words in row["windows"].split()),
            )
            for row in csv.DictReader(file)
        }


def span_of(words: str) -> tuple[int, int]:
    """``08:00-12:00`` in seconds of the day.

    Raises
    ------
    DesignError
        `span_unreadable`, also for one that ends before it begins.
    """
    found = re.fullmatch(r"\s*(\d{1,2}):([0-5]\d)\s*[-–~—]\s*(\d{1,2}):([0-5]\d)\s*", _plain(words))
    if found:
        first, last = (3600 * int(found[i]) + 60 * int(found[i + 1]) for i in (1, 3))
        if first < last <= 24 * 3600:
            return first, last
    raise DesignError(
        f"{words[:40]!r} is no span of a day; write it as 08:00-12:00, the earlier time first",
        code="span_unreadable", given=words[:40],
    )  # fmt: skip


def _plain(words: str) -> str:
    """With the digits and marks of a Chinese keyboard made plain."""
    return unicodedata.normalize("NFKC", words)
