"""Everything that is wrong with a rule book at once, and what an office should know of a sound one.

Faults make a book useless and are refused; warnings are told and the book is taken.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from geo.errors import DesignError
from layers.faults import Fault, Note, shorten
from layers.rule_tables import COLUMNS, SETTINGS, Places, RuleTables
from layers.rules import span_of

from .rule_bulletin_faults import bulletin_faults
from .rule_checks import Checks
from .rule_coverage_faults import coverage_faults
from .rule_setting_faults import (
    calendar_faults,
    card_faults,
    deadline_faults,
    head_faults,
    scoring_faults,
)

ROLES = ("anchor", "drawn", "must_visit", "facility", "other")
GEOMETRIES = ("point", "line", "polygon")
FORESIGHT = timedelta(days=60)
"""How long before its end a work calendar is told to be extended."""

_ITEM = re.compile(r"([a-z][a-z0-9_]*)-\d{2}")
_CATEGORY = re.compile(r"[A-Z]{2}\d{2}")
_NAME = re.compile(r"[a-z][a-z0-9_]*")


class RulesUnsoundError(DesignError):
    """A rule book that cannot be used; all its faults, for the doors to show."""

    code = "rules_unsound"

    def __init__(self, version: str, found: list[Fault]) -> None:
        first = found[0]
        where = " ".join(filter(None, (first.facts["sheet"], first.row, first.column)))
        super().__init__(
            f"the rule book {version} has {len(found)} faults and is not taken; the first is in {where}:"
            f" {first.message}; zhoubian rules check tells them all",
            version=version, count=len(found), where=where,
        )  # fmt: skip
        self.found = found


def faults(tables: RuleTables, places: Places | None = None) -> list[Fault]:
    """All faults of a rule book, table by table; empty for a sound one.

    Every fault names its sheet and its table in its facts.
    """
    checks = Checks(tables, places or Places())
    _tables_there(checks)
    units = checks.unique("units", "id")
    site_types = checks.unique("site_types", "id")
    categories = checks.unique("issue_categories", "code")
    severities = checks.unique("severities", "level")
    _unit_faults(checks)
    _site_type_faults(checks, units)
    _severity_faults(checks)
    _category_faults(checks, units, severities)
    _item_faults(checks, units, site_types, categories)
    _visit_faults(checks, site_types)
    _, until = head_faults(checks)
    card_faults(checks, severities)
    scoring_faults(checks, site_types)
    calendar_faults(checks, until)
    coverage_faults(checks, site_types, categories)
    bulletin_faults(checks)
    return checks.found


def warnings(tables: RuleTables, today: date) -> list[Note]:
    """What the office should see to in a sound rule book."""
    notes = []
    head, calendar = tables["rules"], tables["work_calendar"]
    last = date.fromisoformat(calendar["last"])
    if last < today:
        notes.append(Note("rules_calendar_over", {"last": str(last)}))
    elif last - today <= FORESIGHT:
        notes.append(Note("rules_calendar_near", {"last": str(last), "days": (last - today).days}))
    since = calendar.get("provisional_from")
    if since is not None and date.fromisoformat(since) - today <= FORESIGHT:
        notes.append(Note("rules_calendar_provisional", {"since": since}))
    if head.get("valid_until") and date.fromisoformat(head["valid_until"]) < today:
        notes.append(Note("rules_over", {"until": head["valid_until"]}))
    named = {day[:4] for days in calendar["holidays"] for day in days}
    first = date.fromisoformat(calendar["first"])
    years = [
        str(year)
        for year in range(first.year, last.year + 1)
        if any(first <= date(year, month, 1) <= last for month in (1, 10)) and str(year) not in named
    ]
    if years:
        notes.append(Note("rules_year_without_holidays", {"years": ", ".join(years)}))
    return notes


def _tables_there(checks: Checks) -> None:
    """Missing and unknown tables and columns."""
    for table in (*COLUMNS, *SETTINGS):
        kind: type = list if table in COLUMNS else Mapping
        held = checks.tables.get(table)
        if broken := checks.places.broken.get(table):
            checks.note(
                table, None, "", "", code="rules_table_broken",
                message=f"cannot be read ({shorten(broken, 120)}); mend it there",
                detail=shorten(broken, 120),
            )  # fmt: skip
        elif not isinstance(held, kind) or not held:
            checks.note(
                table, None, "", "", code="rules_table_missing",
                message=f"the table {table} is missing or empty; take it from zhoubian rules export",
                name=table,
            )  # fmt: skip
    for table in checks.tables:
        if table not in (*COLUMNS, *SETTINGS):
            checks.note(
                table, None, "", "", code="rules_table_unknown",
                message=f"the table {table} is unknown; delete it", name=table,
            )  # fmt: skip
    for table, columns in COLUMNS.items():
        rows = [row for _, row in checks.rows(table)]
        if isinstance(checks.tables.get(table), list) and len(rows) < len(checks.tables[table]):
            checks.note(
                table, None, "", "", code="rules_table_broken",
                message="cannot be read (a row is no record); mend it there", detail="a row is no record",
            )  # fmt: skip
        if not rows:
            continue
        missing = [column for column in columns if all(row.get(column) is None for row in rows)]
        unknown = {str(name) for row in rows for name in row if name not in columns}
        for code, names, what in (
            ("rules_columns_missing", missing, "missing; add them"),
            ("rules_columns_unknown", sorted(unknown), f"unknown; the columns are {', '.join(columns)}"),
        ):
            if names:
                checks.note(
                    table, None, ", ".join(names), "", code=code,
                    message=f"columns are {what}", names=", ".join(names), allowed=", ".join(columns),
                )  # fmt: skip
        checks.absent |= {(table, column) for column in missing}


def _unit_faults(checks: Checks) -> None:
    """Names, and aliases that two units share."""
    owner: dict[str, str] = {}
    for number, row in checks.rows("units"):
        _named(checks, "units", number, row, ("zh", "en"))
        unit = row.get("id") or ""
        _form(checks, "units", number, "id", unit)
        for name in dict.fromkeys([row.get("zh") or "", *(row.get("aliases") or "").split()]):
            if name and owner.setdefault(name, unit) != unit:
                checks.note(
                    "units", number, "aliases", name, code="rules_alias_twice",
                    message=f"{name} is also a name of {owner[name]}; keep it with one of them",
                    name=name, other=owner[name],
                )  # fmt: skip


def _site_type_faults(checks: Checks, units: set[str]) -> None:
    for number, row in checks.rows("site_types"):
        _named(checks, "site_types", number, row, ("zh", "en"))
        _form(checks, "site_types", number, "id", row.get("id") or "")
        checks.word("site_types", number, "role", row.get("role"), ROLES)
        checks.word("site_types", number, "geometry", row.get("geometry"), GEOMETRIES)
        for unit in (checks.cell("site_types", number, row, "leads") or "").split():
            checks.known("site_types", number, "leads", unit, units, of="units")


def _severity_faults(checks: Checks) -> None:
    for number, row in checks.rows("severities"):
        _named(checks, "severities", number, row, ("zh", "en"))
        if row.get("level"):
            checks.number("severities", number, "level", row["level"], least=1, whole=True)
        checks.number("severities", number, "weight", row.get("weight"))


def _category_faults(checks: Checks, units: set[str], severities: set[str]) -> None:
    checks.unique("issue_categories", "id")
    for number, row in checks.rows("issue_categories"):
        table = "issue_categories"
        _named(checks, table, number, row, ("zh",))
        _form(checks, table, number, "id", row.get("id") or "")
        code = row.get("code") or ""
        if code and not _CATEGORY.fullmatch(code):
            checks.note(
                table, number, "code", code, code="rules_category_form",
                message=f"{code} is no code; write two capital letters and two digits, such as HJ01",
            )  # fmt: skip
        unit = checks.cell(table, number, row, "department")
        checks.known(table, number, "department", unit, units, of="units")
        deadline = checks.cell(table, number, row, "deadline")
        if deadline is not None:
            deadline_faults(checks, table, number, "deadline", deadline)
        severity = checks.cell(table, number, row, "severity")
        checks.known(table, number, "severity", severity, severities, of="severities")


def _item_faults(checks: Checks, units: set[str], site_types: set[str], categories: set[str]) -> None:
    table = "checklists"
    checks.unique(table, "id")
    for number, row in checks.rows(table):
        _named(checks, table, number, row, ("zh", "en"))
        site_type = checks.cell(table, number, row, "site_type")
        checks.known(table, number, "site_type", site_type, site_types, of="site_types")
        item = row.get("id") or ""
        found = _ITEM.fullmatch(item)
        if item and (found is None or found[1] != site_type):
            checks.note(
                table, number, "id", item, code="rules_item_form",
                message=f"{item} is not the type of site, a hyphen and two digits; write {site_type}-01",
                site_type=site_type or "market",
            )  # fmt: skip
        unit = checks.cell(table, number, row, "department")
        checks.known(table, number, "department", unit, units, of="units")
        category = checks.cell(table, number, row, "category")
        if category is not None and category not in categories:
            checks.note(
                table, number, "category", category, code="rules_category_missing",
                message=f"the table of categories and deadlines has no {category}; add it there or name"
                " another",
                category=category,
            )  # fmt: skip
        checks.number(table, number, "weight", row.get("weight"))
        checks.word(table, number, "strict", row.get("strict"), ("yes", "no"))


def _visit_faults(checks: Checks, site_types: set[str]) -> None:
    checks.unique("visits", "kind")
    for number, row in checks.rows("visits"):
        checks.known("visits", number, "kind", row.get("kind") or None, site_types, of="site_types")
        checks.number("visits", number, "service_min", row.get("service_min"))
        for words in (checks.cell("visits", number, row, "windows") or "").split():
            try:
                span_of(words)
            except DesignError:
                checks.note(
                    "visits", number, "windows", words, code="rules_window",
                    message=f"{words} is no span of a day; write it as 08:00-12:00",
                )  # fmt: skip


def _named(checks: Checks, table: str, number: int, row: Mapping[str, Any], columns: tuple[str, ...]) -> None:
    for column in columns:
        checks.cell(table, number, row, column)


def _form(checks: Checks, table: str, number: int, column: str, told: str) -> None:
    if told and not _NAME.fullmatch(told):
        checks.note(
            table, number, column, told, code="rules_id_form",
            message=f"{told} is no id; write small letters, digits and _, such as city_mgmt",
        )  # fmt: skip
