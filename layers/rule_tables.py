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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from functools import cache
from pathlib import Path
from typing import Any

from .decoding import find_encoding
from .reading import require_size, unreadable
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


@dataclass(frozen=True)
class Places:
    """Where the tables of a rule book stand in the file that they come from.

    Parameters
    ----------
    rows : {table: the number of each of its rows}
        By default those of a text table: the first row is 2.
    keys : {table: {setting: its row}}
    sheets : {table: name of its sheet or file}
    broken : {table: what its reader says}
        Tables that cannot be read at all.
    ignored : tuple of str
        Sheets that are none of the book's.
    """

    rows: Mapping[str, Sequence[str]] = field(default_factory=dict)
    keys: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    sheets: Mapping[str, str] = field(default_factory=dict)
    broken: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()

    def sheet(self, table: str) -> str:
        """The sheet or file of a table; its own name where none is known."""
        return self.sheets.get(table, table)

    def row(self, table: str, at: int | str | None) -> str:
        """The row of a record, counted from 0 on, or of a setting; empty where there is none."""
        if isinstance(at, int):
            rows = self.rows.get(table)
            return str(at + 2) if rows is None else rows[at]
        return self.keys.get(table, {}).get(at or "", "")


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


def take_folder(folder: Path) -> tuple[RuleTables, Places]:
    """The files of an office's folder, in whatever encoding; what cannot be read is told, not raised.

    Raises
    ------
    LayerError
        `rules_folder_empty` where none of the files is there; as for any text that is too large.
    """
    tables: RuleTables = {}
    broken: dict[str, str] = {}
    sheets = {name: f"{name}.csv" for name in COLUMNS} | {name: f"{name}.toml" for name in SETTINGS}
    there = {name: folder / file for name, file in sheets.items() if (folder / file).is_file()}
    if not there:
        raise unreadable(
            folder,
            "there is no table of a rule book in it; name an .xlsx of zhoubian rules export, or a folder"
            " with files such as units.csv and cards.toml",
            code="rules_folder_empty",
        )
    for name, path in there.items():
        require_size(path, path.stat().st_size)
        try:
            told = path.read_text(encoding=find_encoding(path, None))
            if name in COLUMNS:
                tables[name] = list(csv.DictReader(told.splitlines(keepends=True), strict=True))
            else:
                tables[name] = plain(tomllib.loads(told.removeprefix("\ufeff")))
        except (OSError, ValueError, csv.Error) as fault:
            broken[name] = str(fault)
    return tables, Places(sheets=sheets, broken=broken)


def version_of(tables: RuleTables) -> str:
    """The version that a rule book gives itself, as far as it can be told."""
    head = tables.get("rules")
    return str(head.get("version", "-"))[:40] if isinstance(head, Mapping) else "-"


def plain(value: Any) -> Any:
    """TOML values as JSON values: dates and times as ISO 8601 text."""
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value.isoformat() if isinstance(value, (date, datetime, time)) else value


def digest(tables: RuleTables) -> str:
    """SHA-256 of a rule book: the same for the same rules, whatever file they came in."""
    told = json.dumps(_exact(tables), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(told.encode()).hexdigest()


def _exact(value: Any) -> Any:
    """The same value for the same number: 1.0 is 1."""
    if isinstance(value, Mapping):
        return {key: _exact(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_exact(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
