"""The work list of the desk review (网上申报): what is due when, and what is done.

Titles and dates only. Documents are neither kept nor handed in here (domain reference §1, §14).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from geo.errors import DesignError, NotFoundError
from layers import tables
from layers.store import Store

from ..supervision.timetable import PERIODS, repeated, window

MAX_TIMES = 60
MAX_TEXT = 500


@dataclass(frozen=True, kw_only=True)
class Task:
    """A piece of work with its day; `period`: one of `PERIODS` if it comes back so, else None."""

    id: str
    title: str
    due: date
    period: str | None = None
    unit: str | None = None
    done_at: date | None = None
    note: str | None = None

    def standing(self, day: date) -> str:
        """`done`, `overdue` (its day is past) or `open`; on its day it is still open."""
        return "done" if self.done_at is not None else "overdue" if self.due < day else "open"


_NAMES = tuple(one.name for one in fields(Task))


def tasks(store: Store) -> list[Task]:
    """Every task by its day and id."""
    table = tables.tasks
    with store.reading() as connection:
        rows = connection.execute(
            select(*(table.c[name] for name in _NAMES)).order_by(table.c.due, table.c.id)
        )
        return [_task(row._mapping) for row in rows]


def due(store: Store, day: date, within: str = "month", *, done: bool = False) -> list[Task]:
    """What is due in the week, month, quarter or year that holds a day, and all that is overdue.

    Parameters
    ----------
    within : str
        One of `PERIODS`, or `all`.
    done : bool
        Those that are done too.

    Raises
    ------
    NotFoundError
        `unknown_option` for another period.
    """
    if within not in (*PERIODS, "all"):
        raise NotFoundError(
            f"--within {within!r} is unknown; use {', '.join((*PERIODS, 'all'))}",
            code="unknown_option", option="within", given=within, allowed=", ".join((*PERIODS, "all")),
        )  # fmt: skip
    first, last = (date.min, date.max) if within == "all" else window(day, within)
    return [
        task
        for task in tasks(store)
        if (done or task.done_at is None) and (first <= task.due <= last or task.standing(day) == "overdue")
    ]


def add(
    store: Store, title: str, first: date, *, period: str | None = None, times: int = 1,
    unit: str | None = None, note: str | None = None,
) -> list[Task]:  # fmt: skip
    """A task, or as many as the times that it comes back, each with its own day.

    Raises
    ------
    DesignError
        `task_title`, `task_period`, `task_times`.
    """
    clean = title.strip()
    if not clean or len(clean) > MAX_TEXT:
        raise DesignError(
            f"a task says what is to be done in 1 to {MAX_TEXT} characters", code="task_title", most=MAX_TEXT
        )
    if period not in (None, *PERIODS):
        raise DesignError(
            f"{period!r} is no period of a task; use {', '.join(PERIODS)} or leave it out",
            code="task_period", given=str(period), allowed=", ".join(PERIODS),
        )  # fmt: skip
    if not 1 <= times <= MAX_TIMES or (times > 1 and period is None):
        raise DesignError(
            f"a task comes back 1 to {MAX_TIMES} times, and more than once only with a period",
            code="task_times", most=MAX_TIMES,
        )  # fmt: skip
    days = repeated(first, period, times) if period is not None else [first]
    with store.writing() as connection:
        number = next_number(connection)
        made = [
            Task(id=f"T{number + row}", title=clean, due=day, period=period, unit=unit, note=note)
            for row, day in enumerate(days)
        ]
        put(connection, made)
    return made


def mark_done(store: Store, ids: Sequence[str], day: date | None) -> list[Task]:
    """Say that tasks are done on a day, or with None that they are not; all or nothing."""
    table = tables.tasks
    with store.writing() as connection:
        _require_known(connection, ids)
        done_at = None if day is None else day.isoformat()
        connection.execute(update(table).where(table.c.id.in_(ids)).values(done_at=done_at))
    return [task for task in tasks(store) if task.id in ids]


def remove(store: Store, ids: Sequence[str]) -> None:
    """Take tasks off the list; all or nothing (NotFoundError `task_unknown`)."""
    table = tables.tasks
    with store.writing() as connection:
        _require_known(connection, ids)
        connection.execute(delete(table).where(table.c.id.in_(ids)))


def put(connection: Connection, made: Sequence[Task]) -> None:
    """Store tasks, in the place of those with the same id."""
    table = tables.tasks
    connection.execute(delete(table).where(table.c.id.in_([task.id for task in made])))
    rows = [
        {name: value.isoformat() if isinstance(value, date) else value for name, value in vars(task).items()}
        for task in made
    ]
    if rows:
        connection.execute(insert(table), rows)


def next_number(connection: Connection) -> int:
    """The number of the next task that has no id of its own."""
    ids = connection.scalars(select(tables.tasks.c.id)).all()
    return 1 + max((int(one[1:]) for one in ids if one[:1] == "T" and one[1:].isdecimal()), default=0)


def _require_known(connection: Connection, ids: Sequence[str]) -> None:
    known = set(connection.scalars(select(tables.tasks.c.id)))
    if missing := [one for one in ids if one not in known]:
        raise NotFoundError(
            f"there is no task {', '.join(missing)[:200]}; zhoubian timetable list --within all tells them",
            code="task_unknown", given=", ".join(missing)[:200],
        )  # fmt: skip


def _task(row: Any) -> Task:
    days = {name: None if row[name] is None else date.fromisoformat(row[name]) for name in ("due", "done_at")}
    return Task(**{**row, **days})
