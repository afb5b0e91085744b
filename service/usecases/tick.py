"""The passing of time: cards that fell due go up, suspensions that ended run on.

`tick` may run once a minute or once a month, by a timer or by hand: what it writes down took effect at
the missed deadlines, so the outcome does not depend on how often it ran. A clock that went wrong does no
harm: one that went back is refused, and one that leaped ahead has to be confirmed.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, func, insert, or_, select

from geo.errors import DesignError
from layers import tables
from layers.ledger import Case, Event, Ledger
from layers.store import Store
from layers.tables import iso

from ..supervision.cards import RUNNING, caught_up
from .issue_ground import Books

LEAP = timedelta(days=31)
"""A longer time without anything happening is more likely a wrong clock than a quiet office."""


@dataclass(frozen=True, kw_only=True)
class TickReport:
    """What a tick did.

    Parameters
    ----------
    at : datetime
    before : datetime or None
        The tick before.
    looked_at : int
        Open issues whose deadline has passed or whose suspension has ended.
    raised : {colour: number of raises to it}
    resumed : int
    issues : tuple of str
        What was changed.
    """

    at: datetime
    before: datetime | None
    looked_at: int = 0
    raised: dict[str, int] = field(default_factory=dict)
    resumed: int = 0
    issues: tuple[str, ...] = ()


def tick(store: Store, *, now: datetime, anyway: bool = False) -> TickReport:
    """Raise every card that is overdue by now, and let ended suspensions run on.

    Parameters
    ----------
    now : datetime
        The present moment.
    anyway : bool
        Also if the clock has leaped ahead by more than 31 days.

    Raises
    ------
    DesignError
        `tick_back`: now lies before the last tick; `tick_jump`; `calendar_ends`. Nothing is changed.
    """
    with store.writing() as connection:
        before = _last(connection)
        _require_sane(connection, before, now, anyway=anyway)
        books = Books(store)
        due = _due(store, connection, books, now)
        cases: list[Case] = []
        events: list[Event] = []
        for case in due:
            after, more = caught_up(case, books.of_version(case.rules), now)
            if more:
                cases.append(after)
                events += more
        Ledger(store).write(cases, events, connection)
        raised = Counter(event.changes["colour"][1] for event in events if event.action == "raised")
        report = TickReport(
            at=now, before=before, looked_at=len(due), raised=dict(raised),
            resumed=sum(event.action == "resumed" for event in events),
            issues=tuple(case.issue for case in cases),
        )  # fmt: skip
        if before != now or cases:
            _keep(connection, report)
    return report


def _due(store: Store, connection: Connection, books: Books, now: datetime) -> list[Case]:
    """The open issues that time has done something to, by time found and id."""
    cases = tables.cases.c
    versions = connection.scalars(select(cases.rules).distinct()).all()
    told = iso(now)
    return Ledger(store).cases(
        cases.withdrawn_at.is_(None), cases.merged_into.is_(None),
        or_(
            and_(cases.state == "suspended", cases.suspended_until <= told),
            *(
                and_(cases.state.in_(RUNNING), cases.deadline < told, cases.rules == version,
                     _colour_in(books.of_version(version).may_rise()))
                for version in versions
            ),
        ),
    )  # fmt: skip


def _colour_in(levels: list[str | None]) -> ColumnElement[bool]:
    colour = tables.cases.c.colour
    known = colour.in_([level for level in levels if level is not None])
    return known | colour.is_(None) if None in levels else known


def _last(connection: Connection) -> datetime | None:
    told = connection.execute(select(func.max(tables.ticks.c.at))).scalar_one()
    return None if told is None else datetime.fromisoformat(told)


def _require_sane(connection: Connection, before: datetime | None, now: datetime, *, anyway: bool) -> None:
    if before is not None and now < before:
        raise DesignError(
            f"it is said to be {now:%Y-%m-%d %H:%M}, but the last tick was at {before:%Y-%m-%d %H:%M}; set"
            " the clock right, nothing was changed",
            code="tick_back", now=f"{now:%Y-%m-%d %H:%M}", last=f"{before:%Y-%m-%d %H:%M}",
        )  # fmt: skip
    events = tables.events.c
    newest = connection.execute(select(events.recorded_at).order_by(events.id.desc()).limit(1)).scalar()
    known = [before, None if newest is None else datetime.fromisoformat(newest)]
    last = max((moment for moment in known if moment is not None), default=now)
    if now - last > LEAP and not anyway:
        raise DesignError(
            f"it is said to be {now:%Y-%m-%d %H:%M}, {(now - last).days} days after the last entry of"
            f" {last:%Y-%m-%d %H:%M}; if the clock is right, run zhoubian tick --anyway; nothing was changed",
            code="tick_jump", now=f"{now:%Y-%m-%d %H:%M}", last=f"{last:%Y-%m-%d %H:%M}",
            days=(now - last).days,
        )  # fmt: skip


def _keep(connection: Connection, report: TickReport) -> None:
    counts = {"looked_at": report.looked_at, "raised": report.raised, "resumed": report.resumed}
    connection.execute(insert(tables.ticks).values(at=iso(report.at), counts=counts))
