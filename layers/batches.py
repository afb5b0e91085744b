"""A batch in the tables of the store: how one import goes in, and comes out again without a trace.

The functions work inside the transaction of the connection they are given; `store.py` opens it.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar, cast

import numpy as np
from sqlalchemy import Connection, Select, Table, delete, func, insert, select, update

from geo.errors import NotFoundError

from . import issue_rows, sqlite_file
from .faults import Fault, shorten
from .ids import is_made
from .tables import LAYER_TABLES, Rows, batches, refusals, stored_names

_CHUNK = 500  # numbers named in one statement: an SQLite may allow no more than 999 values
_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class NewBatch:
    """What is known of an import before it is stored.

    `source` is the name of the file as the user knows it and `sha256` that of its bytes;
    `imported_at` ISO 8601 at +08:00; `kind` the word after ``--as``; `options` whatever else
    decided the result; `counts` per layer at least read, accepted, refused and merged.
    """

    source: str
    sha256: str
    imported_at: str
    kind: str
    datum: str | None = None
    licence: str | None = None
    attribution: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Batch(NewBatch):
    """A stored import; its `counts` also say how many rows were new and how many updated older ones."""

    id: int
    undone_at: str | None = None


def _chunks(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    return (items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK))


def current_ids(connection: Connection, layer: str, ids: Sequence[str]) -> set[str]:
    """Those of the ids that are current in the store."""
    return {id_ for id_, _, _ in sqlite_file.current(connection, LAYER_TABLES[layer], ids)}


class Addition:
    """An import on its way into the tables, piece by piece, inside one transaction.

    Parameters
    ----------
    connection : Connection
        In a writing transaction; whoever opened it commits or rolls back.
    batch : NewBatch
        What is known so far; `finish` has the last word on counts.
    update : bool
        Rows whose id is in the store supersede it; without, they are refused.
    """

    def __init__(self, connection: Connection, batch: NewBatch, *, update: bool) -> None:
        self._connection = connection
        self._update = update
        result = connection.execute(insert(batches).values(asdict(batch)))
        (self.number,) = cast(tuple[int], result.inserted_primary_key)
        self._next: dict[str, int] = {}
        self._first: dict[str, int] = {}
        self._labels: dict[str, _Labels] = {}
        self._new: Counter[str] = Counter()
        self._updated: Counter[str] = Counter()

    def put(self, layer: str, rows: Rows) -> list[Fault]:
        """Store rows; those whose id is taken come back: `id_twice`, `record_same`, `id_in_store`."""
        table = LAYER_TABLES[layer]
        if layer not in self._next:
            last = self._connection.execute(select(func.max(table.c.fid))).scalar_one() or 0
            self._next[layer] = self._first[layer] = last + 1
            self._labels[layer] = _Labels()
        held = {
            id_: (batch, fid) for id_, batch, fid in sqlite_file.current(self._connection, table, rows.ids)
        }
        faults: list[Fault] = []
        kept: list[bool] = []
        older: list[int] = []
        here: dict[str, str] = {}
        for id_, label in zip(rows.ids, rows.labels, strict=True):
            batch, fid = held.get(id_, (None, 0))
            first = here.get(id_)
            if batch == self.number:
                first = self._labels[layer][fid - self._first[layer]]
            kept.append(first is None and (batch is None or self._update))
            if kept[-1]:
                here[id_] = label
                older += [fid] if batch is not None else []
            else:
                faults.append(_in_store(id_, label) if first is None else _twice(id_, label, first))
        if faults:
            rows = rows.where(kept)
        for chunk in _chunks(older):
            self._connection.execute(
                update(table).where(table.c.fid.in_(chunk)).values(superseded_by=self.number)
            )
        start = self._next[layer]
        names = ["fid", "batch_id", *stored_names(layer)]
        sqlite_file.insert_rows(
            self._connection, table, names,
            [(fid, self.number, *row) for fid, row in enumerate(rows.values, start)],
        )  # fmt: skip
        sqlite_file.add_boxes(self._connection, table, range(start, start + len(rows.ids)), rows.bounds)
        self._next[layer] += len(rows.ids)
        self._labels[layer].add(rows.labels)
        self._updated[layer] += len(older)
        self._new[layer] += len(rows.ids) - len(older)
        return faults

    def withdraw(self, layer: str, labels: Iterable[str]) -> list[str]:
        """Take stored rows of this import out again by their row numbers; those that were stored."""
        table = LAYER_TABLES[layer]
        wanted = set(labels)
        first = self._first.get(layer, 0)
        held = self._labels.get(layer, _Labels())
        fids = [first + at for at in range(len(held)) if held[at] in wanted] if wanted else []
        gone: list[str] = []
        for chunk in _chunks(fids):
            ids = self._connection.scalars(select(table.c.id).where(table.c.fid.in_(chunk))).all()
            sqlite_file.remove_boxes(self._connection, table, chunk)
            self._connection.execute(delete(table).where(table.c.fid.in_(chunk)))
            back = self._connection.execute(
                update(table)
                .where(table.c.superseded_by == self.number, table.c.id.in_(ids))
                .values(superseded_by=None)
            )
            self._updated[layer] -= back.rowcount
            self._new[layer] -= len(ids) - back.rowcount
            gone += [held[fid - first] for fid in chunk]
        return gone

    def refuse(
        self, layer: str, faults: Sequence[Fault], cells: Mapping[str, Sequence[Any]] | None = None
    ) -> None:
        """Keep refused rows with their reasons, and their cells by row number where there are any."""
        told = cells or {}
        rows = [
            {**vars(fault), "layer": layer, "facts": _plain(fault.facts), "cells": told.get(fault.row)}
            for fault in faults
        ]
        if rows:
            self._connection.execute(insert(refusals).values(batch_id=self.number), rows)

    def stored(self, layer: str) -> int:
        """Rows of a layer that are in by now."""
        return self._new[layer] + self._updated[layer]

    def refused(self, limit: int | None = None) -> Iterator[tuple[str, Fault, list[Any] | None]]:
        """Layer, fault and cells of the rows refused so far."""
        return refused(self._connection, self.number, limit)

    def reasons(self) -> dict[str, dict[str, int]]:
        """How many rows of each layer were refused for each reason."""
        return refused_by_code(self._connection, self.number)

    def finish(self, **known: Any) -> Batch:
        """The batch with its last word on `counts`, `datum`, `options` or whatever else is `known` now.

        Rows of issues that are followed up already say what their history says.
        """
        if "issues" in self._next:
            issue_rows.keep_in_step(self._connection, self.number)
        counts = {layer: dict(given) for layer, given in known.pop("counts", {}).items()}
        for layer in self._next:
            counts.setdefault(layer, {}).update(new=self._new[layer], updated=self._updated[layer])
        self._connection.execute(
            update(batches).where(batches.c.id == self.number).values(counts=counts, **known)
        )
        return one(self._connection, self.number)


class _Labels:
    """Row numbers in the order of storing; as numbers where they are numbers, for a file may be long."""

    def __init__(self) -> None:
        self._numbers = array("q")
        self._words: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, at: int) -> str:
        return self._words.get(at) or str(self._numbers[at])

    def add(self, labels: Iterable[str]) -> None:
        for label in labels:
            number = int(label) if label.isdigit() else -1
            if str(number) != label:
                self._words[len(self._numbers)] = label
            self._numbers.append(number)


def _twice(id_: str, label: str, first: str) -> Fault:
    if is_made(id_):
        return Fault(
            label, "", "", "record_same",
            f"says the same as row {first}: one record twice; delete one, or give each an id of its own",
            {"first": first},
        )  # fmt: skip
    return Fault(
        label, "id", shorten(id_), "id_twice",
        f"stands already in row {first}; give every record its own id", {"first": first},
    )  # fmt: skip


def _in_store(id_: str, label: str) -> Fault:
    return Fault(
        label, "id", shorten(id_), "id_in_store",
        "is in the store already; import with --update to replace it, or undo that import",
    )  # fmt: skip


def refused(
    connection: Connection, batch_id: int, limit: int | None = None
) -> Iterator[tuple[str, Fault, list[Any] | None]]:
    """Layer, fault and cells of the refused rows of a batch, in the order they were refused."""
    names = ("row", "column", "value", "code", "message", "facts")
    query = (
        select(refusals.c.layer, refusals.c.cells, *(refusals.c[name] for name in names))
        .where(refusals.c.batch_id == batch_id)
        .order_by(refusals.c.id)
        .limit(limit)
    )
    for layer, cells, *values in connection.execute(query):
        yield layer, Fault(*values), cells


def refused_by_code(connection: Connection, batch_id: int) -> dict[str, dict[str, int]]:
    """How many rows of each layer were refused for each reason."""
    query = (
        select(refusals.c.layer, refusals.c.code, func.count())
        .where(refusals.c.batch_id == batch_id)
        .group_by(refusals.c.layer, refusals.c.code)
        .order_by(refusals.c.layer, func.count().desc(), refusals.c.code)
    )
    found: dict[str, dict[str, int]] = {}
    for layer, code, count in connection.execute(query):
        found.setdefault(layer, {})[code] = count
    return found


def ids_of(connection: Connection, layer: str, batch_id: int) -> set[str]:
    """The ids of the rows that are current by a batch."""
    table = LAYER_TABLES[layer]
    query = select(table.c.id).where(table.c.batch_id == batch_id, table.c.superseded_by.is_(None))
    return set(connection.scalars(query))


def take_out(connection: Connection, table: Table, batch_id: int) -> None:
    """Delete the rows of a batch and bring back what they had superseded."""
    # a row of this batch that was itself superseded hands its predecessor on to its successor
    own = table.alias()
    successor = (
        select(own.c.superseded_by)
        .where(own.c.batch_id == batch_id, own.c.id == table.c.id, own.c.superseded_by.is_not(None))
        .scalar_subquery()
    )
    predecessor = table.c.superseded_by == batch_id
    connection.execute(
        update(table).where(predecessor, successor.is_not(None)).values(superseded_by=successor)
    )
    sqlite_file.remove_boxes(connection, table, select(table.c.fid).where(table.c.batch_id == batch_id))
    connection.execute(delete(table).where(table.c.batch_id == batch_id))
    # last, because an id is current once at most
    connection.execute(update(table).where(predecessor).values(superseded_by=None))


def found(connection: Connection, query: Select[Any]) -> list[Batch]:
    """The batches of a query over the table of batches, in their order."""
    rows = connection.execute(query.order_by(batches.c.id))
    return [Batch(**row._mapping) for row in rows]


def one(connection: Connection, batch_id: int) -> Batch:
    """The batch of that number (NotFoundError `batch_unknown`)."""
    same = found(connection, select(batches).where(batches.c.id == batch_id))
    if not same:
        raise NotFoundError(
            f"there is no batch {batch_id} in the store; look the numbers up with zhoubian imports",
            code="batch_unknown",
            batch=batch_id,
        )
    return same[0]


def _plain(value: Any) -> Any:
    """A fact as JSON can hold it: NumPy's numbers as numbers, what is no plain value as its text."""
    if isinstance(value, np.generic):
        value = value.item()
    match value:
        case dict():
            return {str(key): _plain(held) for key, held in value.items()}
        case list() | tuple():
            return [_plain(held) for held in value]
        case float() if not math.isfinite(value):
            return str(value)
        case None | bool() | int() | float() | str():
            return value
    return str(value)
