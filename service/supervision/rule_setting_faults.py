"""What is wrong with the settings of a rule book: version, cards, scoring, work calendar."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, time
from typing import Any

from geo.errors import DesignError

from .rule_checks import Checks
from .worktime import Span

PATTERNS = ("none", "diagonal", "cross", "dots")
CONVENTIONS = ("ladder", "binary")
_TRIGGER = re.compile(r"(not_fixed_on_site|recurrence)|(overdue|failed_recheck|overdue_severity):(\w+)")
_LEVEL = (
    "id", "zh", "en", "word", "word_en", "colour", "pattern", "triggers", "deadline", "least", "copies",
)  # fmt: skip


def head_faults(checks: Checks) -> tuple[date | None, date | None]:
    """Version, names and validity; the days from and until when the book holds."""
    told = checks.settings("rules")
    if told is None:
        return None, None
    checks.only("rules", told, ("version", "valid_from", "valid_until", "zh", "en"))
    for key in ("version", "zh", "en"):
        checks.setting("rules", told, key, str)
    begin = checks.setting("rules", told, "valid_from", str)
    first = None if begin is None else checks.day("rules", "valid_from", begin)
    last = checks.day("rules", "valid_until", told["valid_until"]) if told.get("valid_until") else None
    if first is not None and last is not None and last < first:
        checks.note(
            "rules", "valid_until", "valid_until", last, code="rules_reversed",
            message=f"{last} lies before {first}; the rules would hold on no day", first=str(first),
            last=str(last),
        )  # fmt: skip
    return first, last


# -- cards -----------------------------------------------------------------------------------------


def card_faults(checks: Checks, severities: set[str]) -> None:
    """The colours of the supervision cards."""
    told = checks.settings("cards")
    if told is None:
        return
    checks.only("cards", told, ("recurrence_days", "near_m", "level"))
    for key, whole in (("recurrence_days", True), ("near_m", False)):
        given = checks.setting("cards", told, key, object)
        if given is not None:
            checks.number("cards", key, key, given, whole=whole)
    levels = checks.setting("cards", told, "level", list)
    if levels is None:
        return
    if not levels:
        checks.form("cards", "level", "")
    lower: list[str] = []
    for number, level in enumerate(levels, 1):
        under = f"level.{number}."
        if not isinstance(level, dict):
            checks.form("cards", under.rstrip("."), level)
            continue
        _level_faults(checks, level, under, lower, severities)
        lower.append(str(level.get("id")))
    first = levels[0] if levels and isinstance(levels[0], dict) else {}
    if isinstance(first.get("triggers"), list) and "not_fixed_on_site" not in first["triggers"]:
        checks.note(
            "cards", "level.1.triggers", "level.1.triggers", ", ".join(map(str, first["triggers"])),
            code="rules_no_first_card",
            message="the lowest card is not issued for what cannot be mended on site, so nobody would"
            " get one; add not_fixed_on_site",
        )  # fmt: skip


def _level_faults(
    checks: Checks, level: Mapping[str, Any], under: str, lower: list[str], severities: set[str]
) -> None:
    checks.only("cards", level, _LEVEL, under=under)
    for key in ("zh", "en", "word", "word_en"):
        checks.setting("cards", level, key, str, under=under)
    name = checks.setting("cards", level, "id", str, under=under)
    if name is not None and name in lower:
        checks.note(
            "cards", f"{under}id", f"{under}id", name, code="rules_level_twice",
            message=f"the level {name} stands twice; give each its own id", name=name,
        )  # fmt: skip
    colour = checks.setting("cards", level, "colour", str, under=under)
    if colour is not None and not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
        checks.note(
            "cards", f"{under}colour", f"{under}colour", colour, code="rules_colour",
            message=f"{colour} is no colour; write it as #ffd54a",
        )  # fmt: skip
    pattern = checks.setting("cards", level, "pattern", str, under=under)
    if pattern is not None:
        checks.word("cards", f"{under}pattern", f"{under}pattern", pattern, PATTERNS)
    deadline = checks.setting("cards", level, "deadline", str, under=under)
    if deadline is not None and deadline not in ("category", "half"):
        deadline_faults(checks, "cards", f"{under}deadline", f"{under}deadline", deadline)
    if level.get("least") is not None:
        deadline_faults(checks, "cards", f"{under}least", f"{under}least", level["least"])
    texts(checks, "cards", level, "copies", under)
    for trigger in texts(checks, "cards", level, "triggers", under):
        _trigger_faults(checks, f"{under}triggers", trigger, lower, severities)


def _trigger_faults(checks: Checks, path: str, trigger: str, lower: list[str], severities: set[str]) -> None:
    found = _TRIGGER.fullmatch(trigger)
    kind, what = (found[2], str(found[3])) if found else (None, "")
    known = kind not in ("failed_recheck", "overdue_severity") or (
        what in severities if kind == "overdue_severity" else what.isdecimal() and int(what) > 0
    )
    if found is None or not known:
        checks.note(
            "cards", path, path, trigger, code="rules_trigger",
            message=f"{trigger} raises no card; write not_fixed_on_site, recurrence, overdue:LEVEL,"
            " failed_recheck:N or overdue_severity:N with a severity there is",
        )  # fmt: skip
    elif kind == "overdue" and what not in lower:
        checks.note(
            "cards", path, path, trigger, code="rules_trigger_level",
            message=f"{trigger}: {what} is no lower level; cards only go up, the levels below are"
            f" {', '.join(lower) or '-'}",
            level=what, lower=", ".join(lower) or "-",
        )  # fmt: skip


# -- scoring ---------------------------------------------------------------------------------------


def scoring_faults(checks: Checks, site_types: set[str]) -> None:
    """How results become scores."""
    told = checks.settings("scoring")
    if told is None:
        return
    checks.only("scoring", told, ("convention", "ladder", "conventions", "type_weights", "annual", "cycle"))
    checks.word("scoring", "convention", "convention", told.get("convention"), CONVENTIONS)
    for key in ("conventions", "type_weights"):
        for site_type, given in (checks.setting("scoring", told, key, dict) or {}).items():
            path = f"{key}.{site_type}"
            checks.known("scoring", path, path, site_type, site_types, of="site_types")
            if key == "conventions":
                checks.word("scoring", path, path, given, CONVENTIONS)
            else:
                checks.number("scoring", path, path, given)
    for part, weight in (checks.setting("scoring", told, "annual", dict) or {}).items():
        checks.number("scoring", f"annual.{part}", f"annual.{part}", weight)
    _ladder_faults(checks, checks.setting("scoring", told, "ladder", dict))
    _cycle_faults(checks, checks.setting("scoring", told, "cycle", dict))


def _ladder_faults(checks: Checks, ladder: Mapping[str, Any] | None) -> None:
    if ladder is None:
        return
    under = "ladder."
    grades = texts(checks, "scoring", ladder, "grades", under)
    values = _numbers(checks, ladder, "values", under)
    cuts = _numbers(checks, ladder, "cuts", under)
    if not (grades and values and cuts):
        return
    if not len(grades) == len(values) == len(cuts):
        checks.note(
            "scoring", "ladder.grades", "ladder", "", code="rules_ladder_lengths",
            message=f"{len(grades)} grades, {len(values)} values, {len(cuts)} cuts; give as many of each",
            grades=len(grades), values=len(values), cuts=len(cuts),
        )  # fmt: skip
    if values != sorted(set(values), reverse=True) or values[0] > 1 or len(set(grades)) < len(grades):
        checks.note(
            "scoring", "ladder.values", "ladder.values", _shown(values), code="rules_ladder_values",
            message="the values must fall from grade to grade, from 1 at most to 0 at least, and no grade"
            " stand twice; order them",
        )  # fmt: skip
    if cuts != sorted(set(cuts)) or cuts[0] != 0 or any(cut != int(cut) for cut in cuts):
        checks.note(
            "scoring", "ladder.cuts", "ladder.cuts", _shown(cuts), code="rules_ladder_cuts",
            message="the numbers of cases must rise from 0 on in whole numbers; order them",
        )  # fmt: skip


def _cycle_faults(checks: Checks, cycle: Mapping[str, Any] | None) -> None:
    if cycle is None:
        return
    weights = _numbers(checks, cycle, "weights", "cycle.")
    if weights and (len(weights) != 3 or not all(weights)):
        checks.note(
            "scoring", "cycle.weights", "cycle.weights", _shown(weights), code="rules_cycle",
            message="a cycle has three years, each with a weight above 0; write three numbers",
        )  # fmt: skip
    target = checks.setting("scoring", cycle, "target", object, under="cycle.")
    if target is not None:
        checks.number("scoring", "cycle.target", "cycle.target", target)


# -- work calendar -----------------------------------------------------------------------------------


def calendar_faults(checks: Checks, until: date | None) -> None:
    """Working hours, holidays and make-up days; `until` is the last day that the book says it holds."""
    told = checks.settings("work_calendar")
    if told is None:
        return
    table = "work_calendar"
    checks.only(table, told, ("version", "first", "last", "provisional_from", "shifts", "holidays", "makeup"))
    checks.setting(table, told, "version", str)
    _shift_faults(checks, checks.setting(table, told, "shifts", list))
    first, last = (_day_of(checks, told, key) for key in ("first", "last"))
    if first is not None and last is not None and last < first:
        _reversed(checks, "last", first, last)
    if last is not None and until is not None and last < until:
        checks.note(
            table, "last", "last", last, code="rules_calendar_ends",
            message=f"the calendar ends on {last}, the rules hold until {until}; add the holidays and"
            " make-up days up to then",
            last=str(last), until=str(until),
        )  # fmt: skip
    if "provisional_from" in told:
        _day_of(checks, told, "provisional_from")
    off = _holidays(checks, checks.setting(table, told, "holidays", list) or [])
    for given in checks.setting(table, told, "makeup", list) or ():
        day = checks.day(table, "makeup", given)
        if day is None:
            continue
        if day.weekday() < 5 or any(begin <= day <= end for begin, end in off):
            checks.note(
                table, "makeup", "makeup", day, code="rules_makeup",
                message=f"{day} is no Saturday or Sunday, or is a holiday as well; take it out of one",
            )  # fmt: skip


def _shift_faults(checks: Checks, shifts: list[Any] | None) -> None:
    if shifts is None:
        return
    try:
        edges = [time.fromisoformat(moment) for shift in shifts for moment in shift]
        if not shifts or any(len(shift) != 2 for shift in shifts) or edges != sorted(set(edges)):
            raise ValueError
    except (TypeError, ValueError):
        checks.note(
            "work_calendar", "shifts", "shifts", _shown(shifts), code="rules_shifts",
            message="the working hours must be from and to, rise and not overlap; write 08:00; 12:00 and"
            " 14:00; 18:00",
        )  # fmt: skip


def _holidays(checks: Checks, holidays: list[Any]) -> list[tuple[date, date]]:
    found = []
    for given in holidays:
        if not isinstance(given, list) or len(given) != 2:
            checks.form("work_calendar", "holidays", given)
            continue
        begin, end = (checks.day("work_calendar", "holidays", day) for day in given)
        if begin is None or end is None:
            continue
        if end < begin:
            _reversed(checks, "holidays", begin, end)
        else:
            found.append((begin, end))
    return found


def _reversed(checks: Checks, path: str, first: date, last: date) -> None:
    checks.note(
        "work_calendar", path, path, last, code="rules_calendar_reversed",
        message=f"{last} lies before {first}; the first day comes first", first=str(first), last=str(last),
    )  # fmt: skip


# -- kinds of values ---------------------------------------------------------------------------------


def deadline_faults(checks: Checks, table: str, at: int | str, column: str, told: object) -> None:
    """A deadline that `Span.parse` does not read."""
    try:
        Span.parse(str(told))
    except DesignError:
        checks.note(
            table, at, column, told, code="rules_deadline",
            message="is no deadline; write 4 wh (working hours), 3 wd (work days), 10 min or on site",
        )  # fmt: skip


def texts(checks: Checks, table: str, told: Mapping[str, Any], key: str, under: str) -> list[str]:
    """A list of texts; empty after a fault."""
    found = checks.setting(table, told, key, list, under=under) or []
    if not all(isinstance(one, str) and one.strip() for one in found):
        checks.form(table, f"{under}{key}", _shown(found))
        return []
    return found


def _numbers(checks: Checks, told: Mapping[str, Any], key: str, under: str) -> list[float]:
    found = checks.setting("scoring", told, key, list, under=under) or []
    numbers = [checks.number("scoring", f"{under}{key}", f"{under}{key}", one) for one in found]
    return [] if None in numbers else [float(one) for one in found]


def _day_of(checks: Checks, told: Mapping[str, Any], key: str) -> date | None:
    given = checks.setting("work_calendar", told, key, str)
    return None if given is None else checks.day("work_calendar", key, given)


def _shown(values: object) -> str:
    return "; ".join(map(str, values)) if isinstance(values, list) else str(values)
