"""Missions in the store, what was found at their sites, and who asked for a list that was sealed.

A mission is a record with a revision: whoever changes it says which revision he has read. A result is
what was found for an item at a site; what it was before a correction stands in `result_changes`,
which is only ever added to. Nothing here reads the clock or knows a rule.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, insert, select, update

from geo.errors import DesignError, NotFoundError, StoreError

from . import sqlite_file, tables
from .ledger import as_json
from .store import Store
from .tables import iso

VERDICTS = ("yes", "no", "na", "unseen")
"""In order (符合), not in order (不符合), not applicable (不适用), not looked at (未查看)."""


@dataclass(frozen=True, kw_only=True)
class Mission:
    """A mission as it is stored; `record` is ``zhoubian-mission/1``."""

    name: str
    kind: str
    draw: str | None
    plan: str | None
    rules: str
    created_at: datetime
    starts_at: datetime
    changed_at: datetime
    revision: int
    record: dict[str, Any]

    @property
    def sites(self) -> list[dict[str, Any]]:
        """What is visited; nothing while the list is sealed."""
        found: list[dict[str, Any]] = self.record["sites"]
        return found

    @property
    def is_sealed(self) -> bool:
        """Whether the list is not open yet."""
        seal = self.record["seal"]
        return seal is not None and seal["started_at"] is None


@dataclass(frozen=True, kw_only=True)
class Result:
    """What was found for an item of the checklist at a site of a mission.

    Parameters
    ----------
    verdict : one of `VERDICTS`
    cases : int
        At least one for ``no``, else 0.
    inside_lines : bool
        The cases lie inside marked lines and do not count.
    fixed_on_site : bool
        Mended while the inspector stood there.
    photos : tuple of str
        Names of files.
    at : datetime
        When it was looked at.
    """

    mission: str
    site: str
    item: str
    verdict: str
    cases: int = 0
    inside_lines: bool = False
    fixed_on_site: bool = False
    note: str | None = None
    photos: tuple[str, ...] = ()
    at: datetime
    who: str

    @property
    def counts(self) -> bool:
        """Whether it is a finding: not in order, and not inside marked lines."""
        return self.verdict == "no" and not self.inside_lines


@dataclass(frozen=True, kw_only=True)
class ResultChange:
    """A correction of a result: {field: [before, after]} in JSON values."""

    mission: str
    site: str
    item: str
    at: datetime
    who: str
    changes: Mapping[str, Sequence[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Access:
    """Somebody asked for a list that is or was sealed."""

    at: datetime
    who: str
    what: str
    subject: str


_MISSION = tuple(one.name for one in fields(Mission))
_RESULT = tuple(one.name for one in fields(Result))
_CHANGE = tuple(one.name for one in fields(ResultChange))
_TOLD = ("verdict", "cases", "inside_lines", "fixed_on_site", "note", "photos", "at")
"""What a correction can change."""


def difference(before: Result, after: Result) -> dict[str, list[Any]]:
    """What differs between two results of the same item, as JSON values."""
    pairs = {name: [as_json(getattr(one, name)) for one in (before, after)] for name in _TOLD}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


class Missions:
    """Missions and results of a store; every method may be part of a transaction under way."""

    def __init__(self, store: Store, connection: Connection | None = None) -> None:
        self._store = store
        self._connection = connection

    # -- missions ----------------------------------------------------------------------------------

    def mission(self, name: str) -> Mission:
        """The mission of that name (NotFoundError `mission_unknown`, which tells the names there are)."""
        table = tables.missions
        with self._reading() as connection:
            query = select(*(table.c[column] for column in _MISSION))
            row = connection.execute(query.where(table.c.name == name)).one_or_none()
            known = list(connection.scalars(select(table.c.name).order_by(table.c.created_at)))
        if row is None:
            raise NotFoundError(
                f"there is no mission named {name[:60]!r}; the missions are: {', '.join(known) or '-'}",
                code="mission_unknown", name=name[:60], known=", ".join(known) or "-",
            )  # fmt: skip
        return _mission(row._asdict())

    def missions(self) -> list[Mission]:
        """Every mission, by its start and name."""
        table = tables.missions
        query = select(*(table.c[column] for column in _MISSION)).order_by(table.c.starts_at, table.c.name)
        with self._reading() as connection:
            return [_mission(row._asdict()) for row in connection.execute(query)]

    def add(self, mission: Mission) -> None:
        """Store a new mission (StoreError `mission_exists`)."""
        table = tables.missions
        with self._writing() as connection:
            taken = connection.execute(select(table.c.name).where(table.c.name == mission.name)).first()
            if taken is not None:
                raise StoreError(
                    f"there is already a mission named {mission.name!r}; choose another name",
                    code="mission_exists", name=mission.name,
                )  # fmt: skip
            row = dict(vars(mission))
            moments = {name: row[name].isoformat() for name in ("created_at", "starts_at", "changed_at")}
            connection.execute(insert(table).values(**{**row, **moments}))

    def replace(self, before: Mission, record: dict[str, Any], *, changed_at: datetime, **after: Any) -> None:
        """Put a changed record (and plan) in the place of the revision that was read.

        Raises
        ------
        StoreError
            `mission_changed`: somebody else has changed the mission since; nothing is stored.
        """
        table = tables.missions
        with self._writing() as connection:
            done = connection.execute(
                update(table)
                .where(table.c.name == before.name, table.c.revision == before.revision)
                .values(
                    record=record, changed_at=changed_at.isoformat(), revision=before.revision + 1, **after
                )
            )
            if done.rowcount != 1:
                raise StoreError(
                    f"the mission {before.name!r} was changed by somebody else in the meantime; nothing was"
                    " stored, read it again and repeat the change",
                    code="mission_changed", name=before.name,
                )  # fmt: skip

    def keep_rules(self, version: str, valid_from: str, sha256: str, record: Any, *, at: datetime) -> None:
        """Keep the rule book of the program whole, for the inspections made with it.

        It is kept as one that holds on no day: what is current is still the program's own, whichever
        that will be. A version that is stored already stays as it is.
        """
        table = tables.rule_books
        with self._writing() as connection:
            held = connection.execute(select(table.c.version).where(table.c.version == version)).first()
            if held is None:
                connection.execute(
                    insert(table).values(
                        version=version, valid_from=valid_from, valid_until=NEVER, sha256=sha256,
                        stored_at=at.isoformat(), record=record,
                    )
                )  # fmt: skip

    # -- results -----------------------------------------------------------------------------------

    def results(self, *where: ColumnElement[bool]) -> list[Result]:
        """Results that fulfil conditions on `tables.results`, in the order they were first stored."""
        table = tables.results
        query = select(*(table.c[name] for name in _RESULT)).where(*where).order_by(table.c.id)
        with self._reading() as connection:
            return [_result(row._asdict()) for row in connection.execute(query)]

    def changes(self, mission: str) -> list[ResultChange]:
        """The corrections of the results of a mission, the oldest first."""
        table = tables.result_changes
        query = select(*(table.c[name] for name in _CHANGE)).where(table.c.mission == mission)
        with self._reading() as connection:
            rows = connection.execute(query.order_by(table.c.id)).fetchall()
        return [ResultChange(**{**row._asdict(), "at": datetime.fromisoformat(row.at)}) for row in rows]

    def counts(self) -> dict[str, dict[str, int]]:
        """{mission: {verdict: number of results}}."""
        table = tables.results
        query = select(table.c.mission, table.c.verdict, func.count()).group_by(
            table.c.mission, table.c.verdict
        )
        found: dict[str, dict[str, int]] = {}
        with self._reading() as connection:
            for mission, verdict, count in connection.execute(query):
                found.setdefault(mission, {})[verdict] = count
        return found

    def write(
        self, new: Sequence[Result], corrected: Sequence[Result], changes: Sequence[ResultChange]
    ) -> None:
        """Store new results, corrected ones and what was corrected."""
        table = tables.results
        names = [name for name in _RESULT if name not in ("mission", "site", "item")]
        with self._writing() as connection:
            rows = [tuple(_row(result)[name] for name in _RESULT) for result in new]
            sqlite_file.insert_rows(connection, table, _RESULT, rows)
            if corrected:
                marks = ", ".join(f'"{name}" = ?' for name in names)
                told = [_row(result) for result in corrected]
                connection.exec_driver_sql(
                    f"UPDATE results SET {marks} WHERE mission = ? AND site = ? AND item = ?",  # noqa: S608
                    [
                        (*(row[name] for name in names), row["mission"], row["site"], row["item"])
                        for row in told
                    ],
                )
            told_changes = [
                (one.mission, one.site, one.item, iso(one.at), one.who, _told(one.changes)) for one in changes
            ]
            sqlite_file.insert_rows(connection, tables.result_changes, _CHANGE, told_changes)

    # -- accesses ----------------------------------------------------------------------------------

    def log(self, access: Access) -> None:
        """Write down who asked."""
        with self._writing() as connection:
            connection.execute(insert(tables.accesses).values(**{**vars(access), "at": iso(access.at)}))

    def accesses(self, subject: str | None = None) -> list[Access]:
        """Who asked for which list, the oldest first."""
        table = tables.accesses
        query = select(table.c.at, table.c.who, table.c.what, table.c.subject).order_by(table.c.id)
        if subject is not None:
            query = query.where(table.c.subject == subject)
        with self._reading() as connection:
            rows = connection.execute(query).fetchall()
        return [Access(datetime.fromisoformat(row.at), row.who, row.what, row.subject) for row in rows]

    # -- transactions ------------------------------------------------------------------------------

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        if self._connection is not None:
            yield self._connection
        else:
            with self._store.reading() as connection:
                yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        if self._connection is not None:
            yield self._connection
        else:
            with self._store.writing() as connection:
                yield connection


NEVER = "0001-01-01"
"""The last day of a rule book that is only kept for the inspections made with it."""


def sealing(store: Store, draw: str, now: datetime) -> Mission | None:
    """The mission that keeps a draw sealed: made from it and not begun at that time."""
    return next(
        (
            one
            for one in Missions(store).missions()
            if one.draw == draw and one.is_sealed and one.starts_at > now
        ),
        None,
    )


def sealed_error(mission: Mission) -> DesignError:
    """Nobody can read the list of that mission yet."""
    at = f"{mission.starts_at.astimezone(tables.CHINA):%Y-%m-%d %H:%M}"
    return DesignError(
        f"the mission {mission.name!r} is sealed until {at}: nobody can read its list before",
        code="mission_sealed", name=mission.name, at=at,
    )  # fmt: skip


def _told(changes: Mapping[str, Any]) -> str:
    return json.dumps(changes, ensure_ascii=False, separators=(",", ":"))


def _row(result: Result) -> dict[str, Any]:
    return {
        **vars(result),
        "inside_lines": int(result.inside_lines),
        "fixed_on_site": int(result.fixed_on_site),
        "photos": json.dumps(list(result.photos), ensure_ascii=False),
        "at": iso(result.at),
    }


def _result(row: Mapping[str, Any]) -> Result:
    return Result(
        **{
            **row,
            "inside_lines": bool(row["inside_lines"]),
            "fixed_on_site": bool(row["fixed_on_site"]),
            "photos": tuple(row["photos"]),
            "at": datetime.fromisoformat(row["at"]),
        }
    )


def _mission(row: Mapping[str, Any]) -> Mission:
    moments = {name: datetime.fromisoformat(row[name]) for name in ("created_at", "starts_at", "changed_at")}
    return Mission(**{**row, **moments})
