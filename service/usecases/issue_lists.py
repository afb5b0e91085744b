"""The issues that are followed up, as lists: one filter for an address, a command line and a file.

A list is a question to the table of cases that can be asked again; withdrawn and merged issues are in
no list unless asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, func, select

from geo.errors import DesignError
from layers import tables
from layers.ledger import Case, Ledger
from layers.schema import ISSUE_SOURCES, ISSUE_STATES
from layers.store import Store

from .. import clock
from .issue_asked import meant, not_among, several
from .issue_filters import day_of

OPEN = ("found", "carded", "reported_fixed", "rechecked", "suspended")
WORDS = ("state", "colour", "unit", "category", "district", "source", "mission", "site")
Standing = Literal["", "open", "closed", "overdue", "gone"]
STANDINGS: tuple[Standing, ...] = ("open", "overdue", "closed", "gone")
"""Not yet mended; past its deadline; mended; withdrawn or merged."""

COLUMNS = (
    "issue", "category", "state", "colour", "lead_unit", "joint_units", "responsible", "district",
    "community", "grid", "site", "site_type", "item", "mission", "source", "found_at", "first_deadline",
    "deadline", "carded_at", "reported_at", "rechecked_at", "closed_at", "rework", "count", "severity",
    "recurs", "suspended_until", "approver", "handed_over_at", "why", "rules", "note", "lon", "lat",
)  # fmt: skip
"""Columns of a list as a file, in their order."""


@dataclass(frozen=True, kw_only=True)
class IssueQuery:
    """What is wanted; whatever is left empty does not matter.

    Parameters
    ----------
    state, source, colour, category, unit, district, mission, site : tuple of str
        Any of these; `category` also takes the letters that a group of codes begins with, `unit` the id
        of a lead unit or the name of a responsible body.
    standing : str
        One of `STANDINGS`: at the moment `now` of `where`.
    since, until : date
        Local dates of finding, both included.
    """

    state: tuple[str, ...] = ()
    colour: tuple[str, ...] = ()
    unit: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    district: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    mission: tuple[str, ...] = ()
    site: tuple[str, ...] = ()
    standing: Standing = ""
    since: date | None = None
    until: date | None = None

    def __post_init__(self) -> None:
        if self.since and self.until and self.since > self.until:
            raise DesignError(
                f"the period begins on {self.since} and ends before, on {self.until}; swap the dates",
                code="dates_reversed", since=str(self.since), until=str(self.until),
            )  # fmt: skip
        allowed = {"source": ISSUE_SOURCES, "state": ISSUE_STATES, "standing": ("", *STANDINGS)}
        for name, words in allowed.items():
            given = getattr(self, name)
            for one in (given,) if isinstance(given, str) else given:
                if one not in words:
                    raise not_among(name, one, [word for word in words if word])

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> IssueQuery:
        """From the parameters of an address: lists with commas, ``since=2026-01-01``.

        States, sources and the standing are known by their Chinese words too.
        """
        told: dict[str, Any] = {
            name: tuple(meant(name, one) for one in several(query.get(name, ""))) for name in WORDS
        }
        told["standing"] = meant("standing", query.get("standing", ""))
        for name in ("since", "until"):
            if query.get(name):
                told[name] = day_of(name, query[name])
        return cls(**told)

    def to_query(self) -> dict[str, Any]:
        """The parameters that `from_query` reads; nothing for what does not matter."""
        told: dict[str, Any] = {}
        for one in fields(self):
            value = getattr(self, one.name)
            if value:
                told[one.name] = ",".join(value) if isinstance(value, tuple) else str(value)
        return told

    def where(self, now: datetime) -> list[ColumnElement[bool]]:
        """The conditions on `tables.cases`."""
        cases = tables.cases.c
        found: list[ColumnElement[bool]] = []
        for name in ("state", "colour", "district", "source", "mission", "site"):
            if getattr(self, name):
                found.append(cases[name].in_(getattr(self, name)))
        if self.unit:
            found.append(cases.lead_unit.in_(self.unit) | cases.responsible.in_(self.unit))
        if self.category:
            known = [cases.category.startswith(code, autoescape=True) for code in self.category]
            found.append(known[0] if len(known) == 1 else _any(known))
        if self.since:
            found.append(cases.found_at >= tables.iso(clock.midnight(self.since)))
        if self.until:
            after = clock.midnight(clock.within(self.until) + timedelta(days=1))
            found.append(cases.found_at < tables.iso(after))
        gone = cases.withdrawn_at.is_not(None) | cases.merged_into.is_not(None)
        found.append(gone if self.standing == "gone" else ~gone)
        if self.standing in ("open", "overdue"):
            found.append(cases.state.in_(OPEN))
        if self.standing == "overdue":
            found += [
                cases.deadline < tables.iso(now),
                cases.state.not_in(("suspended", "reported_fixed", "rechecked")),
            ]
        if self.standing == "closed":
            found.append(cases.state.in_(("closed", "fixed_on_site")))
        return found


def _any(conditions: list[ColumnElement[bool]]) -> ColumnElement[bool]:
    joined = conditions[0]
    for one in conditions[1:]:
        joined = joined | one
    return joined


@dataclass(frozen=True)
class Listing:
    """A page of a list: its cases, how many there are in all, and of which colours and states."""

    cases: list[Case]
    total: int
    by_colour: dict[str | None, int]
    by_state: dict[str, int]


def listing(store: Store, query: IssueQuery, *, now: datetime, page: int = 1, size: int = 50) -> Listing:
    """The issues of a question, the newest first, a page at a time."""
    table = tables.cases
    where = query.where(now)
    newest = (
        select(table.c.issue)
        .where(*where)
        .order_by(table.c.found_at.desc(), table.c.issue)
        .limit(size)
        .offset((page - 1) * size)
    )
    counts = (
        select(table.c.colour, table.c.state, func.count())
        .where(*where)
        .group_by(table.c.colour, table.c.state)
    )
    with store.reading() as connection:
        ids = list(connection.scalars(newest))
        groups = connection.execute(counts).fetchall()
    by_colour: dict[str | None, int] = {}
    by_state: dict[str, int] = {}
    for colour, state, count in groups:
        by_colour[colour] = by_colour.get(colour, 0) + count
        by_state[state] = by_state.get(state, 0) + count
    found = {case.issue: case for case in Ledger(store).cases(table.c.issue.in_(ids))} if ids else {}
    return Listing([found[issue] for issue in ids], sum(by_state.values()), by_colour, by_state)


def soonest(store: Store, query: IssueQuery, *, now: datetime, most: int) -> tuple[list[Case], int]:
    """The issues of a question whose deadline is nearest, at most so many, and how many there are."""
    table = tables.cases
    where = query.where(now)
    order = (table.c.deadline.is_(None), table.c.deadline, table.c.issue)
    with store.reading() as connection:
        ids = list(connection.scalars(select(table.c.issue).where(*where).order_by(*order).limit(most)))
        total = connection.execute(select(func.count()).select_from(table).where(*where)).scalar_one()
    found = {case.issue: case for case in Ledger(store).cases(table.c.issue.in_(ids))} if ids else {}
    return [found[issue] for issue in ids], total


def choices(store: Store) -> dict[str, list[str]]:
    """What there is to choose from in each word of a question, the commonest first."""
    table = tables.cases
    found = {}
    columns = {"unit": "lead_unit", **{n: n for n in ("category", "district", "mission", "colour")}}
    with store.reading() as connection:
        for name, column in columns.items():
            told = table.c[column]
            query = select(told).where(told.is_not(None)).group_by(told).order_by(func.count().desc(), told)
            found[name] = [str(word) for word in connection.scalars(query)]
    return found
