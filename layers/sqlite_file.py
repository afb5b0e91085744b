"""The SQLite file under the store: the only module that knows SQLite.

One library opens the file, Python's `sqlite3`; GDAL carries an SQLite of its own, and two in one
process destroy a database without an error (SQLite, "How To Corrupt", 2.2), so nothing else may
open, copy or read the file or its -wal and -shm while the program runs. A commit survives a power
cut (`synchronous=FULL` in WAL mode). Every write is BEGIN IMMEDIATE: a transaction that reads first
and writes later is refused at once when another writes, whatever the time allowed.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Select,
    Table,
    TableClause,
    column,
    create_engine,
    delete,
    event,
    select,
    table,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from geo.errors import NotFoundError, StoreError

APPLICATION_ID = int.from_bytes(b"ZhoB", "big")
"""Marks the file as a store of this program (`PRAGMA application_id`)."""

BBox = tuple[float, float, float, float]
"""minx, miny, maxx, maxy in degrees, EPSG:4326."""

_HELD = {"synchronous": 2, "foreign_keys": 1}
"""Settings that every connection must have; 2 is FULL."""

_EDGES = ("minx", "maxx", "miny", "maxy")


def open_engine(path: Path, *, create: bool, timeout: float) -> Engine:
    """An engine whose connections are durable, check foreign keys and wait `timeout` s for a lock.

    `connection.execution_options(writes=True)` before the first statement makes the transaction a
    writing one.
    """
    address = path.absolute().as_posix()
    # the path of a URI begins with a slash, before a drive letter too; without `create` no file is ever made
    slash = "" if address.startswith("/") else "/"
    uri = f"file://{slash}{quote(os.fsencode(address), safe='/:')}?mode={'rwc' if create else 'rw'}"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            uri, uri=True, timeout=timeout, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA foreign_keys=ON")
            connection.execute("PRAGMA cache_size=-32768")  # KiB: the index of a layer stays in memory
            settings = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in _HELD]
            if settings != list(_HELD.values()):
                raise StoreError(
                    f"this Python's SQLite does not keep the settings the store needs"
                    f" ({', '.join(_HELD)}); install another Python",
                    code="store_settings",
                    settings=", ".join(_HELD),
                )
        except BaseException:
            connection.close()
            raise
        return connection

    engine = create_engine(
        "sqlite://",
        creator=connect,
        poolclass=QueuePool,
        json_serializer=partial(json.dumps, ensure_ascii=False, allow_nan=False),
    )
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def require_store(engine: Engine, path: Path, *, create: bool) -> None:
    """See that the file is a store, or empty and about to become one.

    Raises
    ------
    NotFoundError
        `store_missing`: the file is empty and `create` is False.
    StoreError
        `not_a_store`: a database of something else.
    """
    with engine.connect() as connection:
        mark_found = connection.exec_driver_sql("PRAGMA application_id").scalar_one()
        tables = connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one()
    if mark_found != APPLICATION_ID:
        if mark_found or tables:
            raise _in_words(sqlite3.SQLITE_NOTADB, path, 0)
        if not create:
            raise missing(path)


def ensure_wal(engine: Engine, timeout: float) -> None:
    """Readers beside a writer, from now on: the file itself remembers it."""
    # SQLite does not wait for this lock by itself, so several first openings at once need the loop
    patience = time.monotonic() + timeout
    with closing(engine.raw_connection()) as pooled:
        connection = cast(sqlite3.Connection, pooled.driver_connection)
        while connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            try:
                connection.execute("PRAGMA journal_mode=WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > patience:
                    raise
                time.sleep(0.01)


def mark(connection: Connection) -> None:
    """Mark the file as a store, in the transaction that makes its tables."""
    connection.exec_driver_sql(f"PRAGMA application_id={APPLICATION_ID}")


@contextmanager
def told(path: Path, timeout: float) -> Iterator[None]:
    """What SQLite reports about the file, as a StoreError; a fault of the program stays what it is."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        result = getattr(cause, "sqlite_errorcode", 0) & 0xFF  # the upper bits only say where
        if result not in _WORDS:
            raise
        raise _in_words(result, path, timeout) from error
    except UnicodeEncodeError as error:
        shown = ascii(error.object)[:40]
        raise StoreError(
            f"a text cannot be stored, it holds half a character: {shown}; mend it and import again",
            code="store_text",
            text=shown,
        ) from error


def missing(path: Path) -> NotFoundError:
    """No store, or an empty file, stands at the path."""
    return NotFoundError(
        f"no store at {path}; import a file first or name one with --store",
        code="store_missing",
        path=str(path),
    )


_READONLY = (
    "store_readonly",
    "the store at {path} cannot be written; get the right to write the file and the folder {folder},"
    " or name another store with --store",
)
_LOCKED = (
    "store_locked",
    "the store at {path} is in use: another program has kept it for more than {timeout:g} s;"
    " let it finish or close it, then try again",
)
_WORDS = {
    sqlite3.SQLITE_NOTADB: (
        "not_a_store",
        "{path} is not a zhoubian store; name another file with --store",
    ),
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_READONLY: _READONLY,
    sqlite3.SQLITE_CANTOPEN: _READONLY,
    sqlite3.SQLITE_PERM: _READONLY,
    sqlite3.SQLITE_FULL: (
        "store_full",
        "the disk that holds {path} is full; free some space and try again, the store is as it was",
    ),
    sqlite3.SQLITE_IOERR: (
        "store_io",
        "the disk that holds {path} could not be read or written; check its free space and its connection"
        " and try again",
    ),
    sqlite3.SQLITE_CORRUPT: (
        "store_damaged",
        "the store at {path} is damaged; put the last backup in its place",
    ),
}
"""Code and sentence for each result code of SQLite that the user can do something about."""


def unwritable(path: Path) -> StoreError:
    """The rights of the user do not reach to the file."""
    return _in_words(sqlite3.SQLITE_PERM, path, 0)


def _in_words(result: int, path: Path, timeout: float) -> StoreError:
    code, sentence = _WORDS[result]
    facts = {"path": str(path), "folder": str(path.parent), "timeout": timeout}
    return StoreError(sentence.format(**facts), code=code, **facts)


def _boxes(layer: str) -> TableClause:
    return table(f"{layer}_boxes", column("fid"), *(column(edge) for edge in _EDGES))


def create_boxes(connection: Connection, layer: str) -> None:
    """The spatial index of a layer table: an R-tree of the bounds of its rows by `fid`."""
    connection.exec_driver_sql(f"CREATE VIRTUAL TABLE {layer}_boxes USING rtree(fid, {', '.join(_EDGES)})")


def keep_for_ever(connection: Connection, name: str) -> None:
    """Rows of a table can be added from now on, but neither changed nor taken out."""
    for verb in ("UPDATE", "DELETE"):
        connection.exec_driver_sql(
            f"CREATE TRIGGER {name}_no_{verb.lower()} BEFORE {verb} ON {name}"
            f" BEGIN SELECT RAISE(ABORT, '{name} is a history: rows are only added'); END"
        )


def insert_rows(
    connection: Connection, rows: Table, names: Sequence[str], values: Sequence[tuple[Any, ...]]
) -> None:
    """Insert many rows given as tuples of the named columns, as quickly as SQLite takes them."""
    marks = ", ".join("?" * len(names))
    quoted = ", ".join(f'"{name}"' for name in names)
    if values:
        connection.exec_driver_sql(f'INSERT INTO "{rows.name}" ({quoted}) VALUES ({marks})', list(values))  # noqa: S608


def current(connection: Connection, rows: Table, ids: Sequence[str]) -> list[tuple[str, int, int]]:
    """Id, batch and fid of the current rows that have one of the ids."""
    found = connection.exec_driver_sql(
        f'SELECT id, batch_id, fid FROM "{rows.name}" WHERE superseded_by IS NULL'  # noqa: S608
        " AND id IN (SELECT value FROM json_each(?))",
        (json.dumps(ids),),
    )
    return [(id_, batch, fid) for id_, batch, fid in found]


def add_boxes(connection: Connection, rows: Table, fids: Sequence[int], bounds: NDArray[np.float64]) -> None:
    """Index rows by their bounds (n, 4) as minx, miny, maxx, maxy."""
    ordered = bounds[:, [0, 2, 1, 3]].tolist()
    values = [(fid, *box) for fid, box in zip(fids, ordered, strict=True)]
    if values:
        connection.exec_driver_sql(f'INSERT INTO "{rows.name}_boxes" VALUES (?, ?, ?, ?, ?)', values)  # noqa: S608


def bounds(connection: Connection, rows: Table) -> BBox | None:
    """The box that holds all indexed rows, rounded outwards; None without any."""
    found = connection.exec_driver_sql(
        f'SELECT min(minx), min(miny), max(maxx), max(maxy) FROM "{rows.name}_boxes"'  # noqa: S608
    ).one()
    return None if found[0] is None else (found[0], found[1], found[2], found[3])


def remove_boxes(connection: Connection, rows: Table, fids: Select[tuple[int]] | Sequence[int]) -> None:
    """Take rows out of the index; before the rows themselves go."""
    boxes = _boxes(rows.name)
    connection.execute(delete(boxes).where(boxes.c.fid.in_(fids)))


def in_box(rows: Table, box: BBox) -> ColumnElement[bool]:
    """Rows whose bounds may meet the box; refine exactly, the index rounds outwards to 32-bit numbers."""
    boxes = _boxes(rows.name)
    minx, miny, maxx, maxy = box
    return rows.c.fid.in_(
        select(boxes.c.fid).where(
            boxes.c.minx <= maxx, boxes.c.maxx >= minx, boxes.c.miny <= maxy, boxes.c.maxy >= miny
        )
    )
