"""The follow-up of issues in the store: cases, and the history that made them.

A case is what the history of an issue comes to: folding the `changes` of its events, oldest first,
over nothing gives the case (`folded`). Events are only ever added; the store refuses to change one.
The row of the issue in the layer `issues` follows the case in the same transaction (`issue_rows.py`),
so that maps and figures speak of the issue as it stands. Nothing here reads the clock or knows a rule.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from geo.errors import NotFoundError, StoreError

from . import issue_rows, sqlite_file, tables
from .store import Store
from .tables import iso

MOMENTS = tuple(column.name for column in tables.cases.columns if isinstance(column.type, tables.Moment))
"""Columns of a case that hold moments; in a `Case` they are datetimes at +08:00."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """An issue that is followed up.

    Parameters
    ----------
    issue : str
        Its id in the layer `issues`.
    category, source, state : str
        As `layers.schema` and the rule book have them.
    mission, site, site_type, item : str or None
        Where it was found: mission, id of the site or unit, its type, the item of the checklist.
    lead_unit : str or None
        Id of the lead unit in the rule book; `joint_units`: further ids.
    responsible : str or None
        The name of whoever has to mend it: the property company, the office of that subdistrict.
    district, community, grid : str or None
        Names of subdistrict and community, code of the grid cell.
    why : str or None
        Code of the reason of the assignment.
    rules : str
        Version of the rule book it is judged by.
    colour : str or None
        Highest level of card reached; closing keeps it.
    count, severity, rework : int
        Cases it stands for; 1 to 3; failed re-checks.
    due_from, deadline, first_deadline : datetime or None
        When the present deadline began to run and ends; the one of the first card.
    left_s : int or None
        Working seconds left when it was suspended.
    recurs : str or None
        The closed issue that it repeats. `merged_into`: the issue it is a duplicate of.
    withdrawn_at : datetime or None
        The result it came from was corrected: it counts nowhere.
    lon, lat : float, EPSG:4326
    revision : int
        Number of events.
    """

    issue: str
    category: str
    source: str
    found_at: datetime
    rules: str
    lon: float
    lat: float
    state: str = "found"
    count: int = 1
    severity: int = 1
    rework: int = 0
    mission: str | None = None
    site: str | None = None
    site_type: str | None = None
    item: str | None = None
    lead_unit: str | None = None
    joint_units: tuple[str, ...] = ()
    responsible: str | None = None
    district: str | None = None
    community: str | None = None
    grid: str | None = None
    why: str | None = None
    colour: str | None = None
    approver: str | None = None
    recurs: str | None = None
    merged_into: str | None = None
    note: str | None = None
    left_s: int | None = None
    due_from: datetime | None = None
    deadline: datetime | None = None
    first_deadline: datetime | None = None
    fixed_at: datetime | None = None
    carded_at: datetime | None = None
    reported_at: datetime | None = None
    rechecked_at: datetime | None = None
    closed_at: datetime | None = None
    suspended_at: datetime | None = None
    suspended_until: datetime | None = None
    handed_over_at: datetime | None = None
    withdrawn_at: datetime | None = None
    photos: tuple[str, ...] = ()
    revision: int = 0


@dataclass(frozen=True, kw_only=True)
class Event:
    """A line of the history of an issue: who did what, when, and what it changed.

    `changes` is {field of the case: [before, after]} in JSON values (moments as ISO 8601 text); `at` is
    when it took effect, `recorded_at` when it was written down.
    """

    issue: str
    at: datetime
    recorded_at: datetime
    who: str
    action: str
    changes: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    note: str | None = None


CASE_FIELDS = tuple(one.name for one in fields(Case))
_EVENT_FIELDS = tuple(one.name for one in fields(Event))


def changed(
    case: Case,
    *,
    at: datetime,
    recorded_at: datetime,
    who: str,
    action: str,
    note: str | None = None,
    **after: Any,
) -> tuple[Case, Event]:
    """The case with other values, and the event that says so; values that stay are not told."""
    before = {name: getattr(case, name) for name in after}
    told = {
        name: [as_json(before[name]), as_json(value)]
        for name, value in after.items()
        if value != before[name]
    }
    event = Event(
        issue=case.issue, at=at, recorded_at=recorded_at, who=who, action=action, changes=told, note=note
    )
    return _with(case, {**after, "revision": case.revision + 1}), event


def opened(case: Case, *, at: datetime, recorded_at: datetime, who: str, action: str = "found",
           note: str | None = None) -> tuple[Case, Event]:  # fmt: skip
    """A new case and its first event, which tells all its values."""
    told = {
        name: [None, as_json(value)]
        for name, value in vars(case).items()
        if value is not None and value != () and name not in ("issue", "revision")
    }
    event = Event(
        issue=case.issue, at=at, recorded_at=recorded_at, who=who, action=action, changes=told, note=note
    )
    return _with(case, {"revision": 1}), event


def _with(case: Case, values: Mapping[str, Any]) -> Case:
    """`dataclasses.replace`, which would look at each of the forty fields, at a tenth of its time."""
    other = object.__new__(Case)
    vars(other).update(vars(case), **values)
    return other


def folded(issue: str, history: Iterable[Event]) -> Case:
    """The case that a whole history comes to."""
    values: dict[str, Any] = {"issue": issue}
    count = 0
    for event in history:
        values.update({name: pair[1] for name, pair in event.changes.items()})
        count += 1
    return _case({**values, "revision": count})


class Ledger:
    """Cases and history of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def case(self, issue: str) -> Case:
        """The case of an issue (NotFoundError `issue_unknown`)."""
        found = self.cases(tables.cases.c.issue == issue)
        if not found:
            raise NotFoundError(
                f"there is no issue {issue[:60]!r} that is followed up; zhoubian issue list tells them all,"
                " zhoubian assign takes up what was imported",
                code="issue_unknown", given=issue[:60],
            )  # fmt: skip
        return found[0]

    def cases(self, *where: ColumnElement[bool], limit: int | None = None) -> list[Case]:
        """Cases that fulfil conditions on `tables.cases`, by time found and id."""
        table = tables.cases
        query = select(*(table.c[name] for name in CASE_FIELDS)).where(*where)
        query = query.order_by(table.c.found_at, table.c.issue)
        with self._store.reading() as connection:
            rows = connection.execute(query if limit is None else query.limit(limit)).fetchall()
        return [_case(dict(zip(CASE_FIELDS, row, strict=True))) for row in rows]

    @staticmethod
    def named(connection: Connection, issues: Sequence[str]) -> list[Case]:
        """The cases of some issues as a transaction under way sees them."""
        rows = connection.execute(
            select(*(tables.cases.c[name] for name in CASE_FIELDS)).where(
                tables.cases.c.issue.in_(_each(issues))
            )
        )
        return [_case(dict(zip(CASE_FIELDS, row, strict=True))) for row in rows]

    def history(self, issue: str) -> list[Event]:
        """The history of an issue, the oldest event first."""
        table = tables.events
        query = select(*(table.c[name] for name in _EVENT_FIELDS)).where(table.c.issue == issue)
        with self._store.reading() as connection:
            rows = connection.execute(query.order_by(table.c.id)).fetchall()
        return [_event(dict(zip(_EVENT_FIELDS, row, strict=True))) for row in rows]

    def write(
        self, cases: Sequence[Case], events: Sequence[Event], connection: Connection | None = None
    ) -> None:
        """Store events and the cases they lead to: all of it or nothing.

        Parameters
        ----------
        cases : sequence of Case
            As they are after the events, each once; a case with as many events here as its revision
            is new.
        events : sequence of Event
            In their order.
        connection : Connection, optional
            Of a transaction of the store that is under way.

        Raises
        ------
        StoreError
            `issue_changed`: somebody else has changed one of the cases since it was read.
        """
        if connection is not None:
            _write(connection, cases, events)
        else:
            with self._store.writing() as own:
                _write(own, cases, events)


def _write(connection: Connection, cases: Sequence[Case], events: Sequence[Event]) -> None:
    steps: dict[str, int] = {}
    for event in events:
        steps[event.issue] = steps.get(event.issue, 0) + 1
    new = [case for case in cases if steps.get(case.issue, 0) == case.revision]
    old = [case for case in cases if steps.get(case.issue, 0) != case.revision]
    _require_unchanged(connection, {case.issue: case.revision - steps.get(case.issue, 0) for case in old})
    if old:
        # only what changed: SQLite then leaves the indexes on the rest alone
        changed_fields = {name for event in events for name in event.changes}
        names = [name for name in CASE_FIELDS if name in changed_fields or name == "revision"]
        marks = ", ".join(f'"{name}" = ?' for name in names)
        connection.exec_driver_sql(
            f"UPDATE cases SET {marks} WHERE issue = ?",  # noqa: S608 - names of our own
            [(*(_cell(case, name) for name in names), case.issue) for case in old],
        )
    if new:
        told = [tuple(_cell(case, name) for name in CASE_FIELDS) for case in new]
        sqlite_file.insert_rows(connection, tables.cases, CASE_FIELDS, told)
    _add_events(connection, events)
    issue_rows.tell(connection, [case.issue for case in cases])


def _add_events(connection: Connection, events: Sequence[Event]) -> None:
    told = [
        (event.issue, iso(event.at), iso(event.recorded_at), event.who, event.action,
         json.dumps(event.changes, ensure_ascii=False, separators=(",", ":")), event.note)
        for event in events
    ]  # fmt: skip
    sqlite_file.insert_rows(connection, tables.events, _EVENT_FIELDS, told)


def _require_unchanged(connection: Connection, expected: Mapping[str, int]) -> None:
    if not expected:
        return
    found = connection.exec_driver_sql(
        "SELECT issue, revision FROM cases WHERE issue IN (SELECT value FROM json_each(?))",
        (json.dumps(list(expected)),),
    )
    held = {row.issue: row.revision for row in found}
    wrong = sorted(issue for issue, revision in expected.items() if held.get(issue) != revision)
    if wrong:
        raise StoreError(
            f"{len(wrong)} issues were changed by somebody else in the meantime, the first is {wrong[0]};"
            " nothing was stored, read them again and repeat the change",
            code="issue_changed", count=len(wrong), first=wrong[0],
        )  # fmt: skip


def followed(connection: Connection, issues: Sequence[str]) -> set[str]:
    """Those of the issues that have a case."""
    found = connection.exec_driver_sql(
        "SELECT issue FROM cases WHERE issue IN (SELECT value FROM json_each(?))", (json.dumps(list(issues)),)
    )
    return set(found.scalars())


def _each(issues: Sequence[str]) -> Select[tuple[Any]]:
    """Any number of ids for a condition: more than SQLite takes as values of one statement."""
    return select(func.json_each(json.dumps(list(issues))).table_valued("value").c.value)


def last_event(connection: Connection) -> int:
    """The number of the newest event; 0 without any."""
    return int(connection.execute(select(func.coalesce(func.max(tables.events.c.id), 0))).scalar_one())


def as_json(value: Any) -> Any:
    """A value of a history as JSON has it: moments as ISO 8601 text."""
    if isinstance(value, datetime):
        return iso(value)
    return list(value) if isinstance(value, tuple) else value


def _cell(case: Case, name: str) -> Any:
    """A value of a case as the table keeps it."""
    value = getattr(case, name)
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, tuple):
        return " ".join(value) if name == "joint_units" else json.dumps(list(value), ensure_ascii=False)
    return value


def _case(row: Mapping[str, Any]) -> Case:
    """A case from a row of the table or from the values that a history tells."""
    values = dict(row)
    for name in MOMENTS:
        if values.get(name) is not None:
            values[name] = datetime.fromisoformat(values[name])
    joint = values.get("joint_units") or ()
    values["joint_units"] = tuple(joint.split()) if isinstance(joint, str) else tuple(joint)
    values["photos"] = tuple(values.get("photos") or ())
    return Case(**values)


def _event(row: Mapping[str, Any]) -> Event:
    at, recorded = (datetime.fromisoformat(row[name]) for name in ("at", "recorded_at"))
    return Event(**{**row, "at": at, "recorded_at": recorded})
