"""The tables an office may replace: issue categories with their severity, checklists with their items."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache

from .resources import data_path


@dataclass(frozen=True)
class Category:
    """One issue category: stable code, Chinese name, identifier, department, severity 1-3."""

    code: str
    zh: str
    name: str
    department: str
    severity: int


@dataclass(frozen=True)
class Item:
    """One item of a checklist, and the category of issue it counts."""

    code: str
    site_type: str
    category: str


@cache
def categories() -> dict[str, Category]:
    """All categories by code."""
    with data_path("issue_categories.csv").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        return {
            row["code"]: Category(row["code"], row["zh"], row["id"], row["department"], int(row["severity"]))
            for row in rows
        }


@cache
def checklist(site_type: str) -> tuple[Item, ...]:
    """The items of a site type, in their order."""
    with data_path("checklists.csv").open(encoding="utf-8", newline="") as file:
        return tuple(
            Item(row["id"], row["site_type"], row["category"])
            for row in csv.DictReader(file)
            if row["site_type"] == site_type
        )
