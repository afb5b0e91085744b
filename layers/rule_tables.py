"""The rule book as tables of text: the files of `data/rules`, a stored version of an office, a workbook.

Nothing is judged here: `service/supervision/rulebook.py` says what the tables mean and what is wrong
with them. A rule book is kept as one JSON value, so that an old inspection can be read with the
rules it was made with.
"""

from __future__ import annotations

import csv
import hashlib
import json
import tomllib
from collections.abc import Mapping
from datetime import date, datetime, time
from functools import cache
from pathlib import Path
from typing import Any

from .resources import data_path

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "units": ("id", "zh", "en", "aliases", "scope", "source"),
    "site_types": ("id", "zh", "en", "role", "geometry", "leads", "source"),
    "checklists": ("id", "site_type", "zh", "en", "department", "category", "weight", "strict", "source"),
    "issue_categories": ("code", "zh", "id", "department", "deadline", "severity", "digital_city", "source"),
    "severities": ("level", "zh", "en", "weight", "source"),
    "visits": ("kind", "service_min", "windows", "source"),
}
"""The tables that are lists, as CSV files, with their columns."""
SETTINGS = ("rules", "cards", "scoring", "work_calendar", "coverage", "bulletin")
"""The tables that are settings, as TOML files; `rules` holds the version and from when on it holds."""

RuleTables = dict[str, Any]
"""{name: rows as {column: text} for `COLUMNS`, else a mapping of JSON values for `SETTINGS`}."""


@cache
def shipped() -> RuleTables:
    """The rule book that comes with the program."""
    return read_folder(data_path("rules"))


def read_folder(folder: Path) -> RuleTables:
    """The files of a folder such as `data/rules`, as they stand (OSError, ValueError as they come)."""
    tables: RuleTables = {}
    for name in COLUMNS:
        with (folder / f"{name}.csv").open(encoding="utf-8-sig", newline="") as file:
            tables[name] = [dict(row) for row in csv.DictReader(file)]
    for name in SETTINGS:
        told = tomllib.loads((folder / f"{name}.toml").read_text(encoding="utf-8-sig"))
        tables[name] = plain(told)
    return tables


def plain(value: Any) -> Any:
    """TOML values as JSON values: dates and times as ISO 8601 text."""
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value.isoformat() if isinstance(value, (date, datetime, time)) else value


def digest(tables: RuleTables) -> str:
    """SHA-256 of a rule book: the same for the same rules, whatever file they came in."""
    told = json.dumps(tables, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(told.encode()).hexdigest()
