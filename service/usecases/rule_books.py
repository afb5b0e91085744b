"""Which rules hold: the rule books of a store, and the one that comes with the program."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, select

from geo.errors import NotFoundError
from layers import tables
from layers.missions import Missions
from layers.rule_tables import RuleTables, digest, shipped
from layers.store import Store

from ..supervision.rulebook import RuleBook, build

_built: dict[str, RuleBook] = {}


def current(store: Store, on: date) -> RuleBook:
    """The rule book that holds on a day: the newest stored one that does, else the program's."""
    books = tables.rule_books
    query = (
        select(books.c.sha256, books.c.record)
        .where(books.c.valid_from <= on.isoformat())
        .where(books.c.valid_until.is_(None) | (books.c.valid_until >= on.isoformat()))
        .order_by(books.c.valid_from.desc(), books.c.stored_at.desc(), books.c.version.desc())
    )
    with store.reading() as connection:
        row = connection.execute(query.limit(1)).one_or_none()
    return shipped_book() if row is None else _book(row.sha256, row.record)


def shipped_book() -> RuleBook:
    """The rule book that comes with the program."""
    return _book(_shipped_digest(), shipped())


def of_version(store: Store, version: str) -> RuleBook:
    """The rule book of a version (NotFoundError `rules_unknown`)."""
    books = tables.rule_books
    with store.reading() as connection:
        row = connection.execute(
            select(books.c.sha256, books.c.record).where(books.c.version == version)
        ).one_or_none()
    if row is not None:
        return _book(row.sha256, row.record)
    if shipped()["rules"]["version"] == version:
        return shipped_book()
    raise unknown(version)


def keep(store: Store, versions: Iterable[str], at: datetime, connection: Connection) -> None:
    """Keep the program's own rules whole in the store if something is made with them.

    The next program may bring others, and what was inspected keeps the rules it was made with.
    """
    own = shipped()
    if own["rules"]["version"] in set(versions):
        head = own["rules"]
        Missions(store, connection).keep_rules(
            head["version"], head["valid_from"], _shipped_digest(), own, at=at
        )


def unknown(version: str) -> NotFoundError:
    """The error of a version that nobody knows."""
    return NotFoundError(
        f"there is no rule book of version {version[:40]!r}; zhoubian rules check tells those there are",
        code="rules_unknown", given=version[:40],
    )  # fmt: skip


@lru_cache(1)
def _shipped_digest() -> str:
    return digest(shipped())


def _book(sha256: str, record: RuleTables | Any) -> RuleBook:
    if sha256 not in _built:
        _built[sha256] = build(record)
    return _built[sha256]
