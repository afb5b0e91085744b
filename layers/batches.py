"""A batch in the tables of the store: how one import goes in, and comes out again without a trace.

The functions work inside the transaction of the connection they are given; `store.py` opens it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, cast

import numpy as np
from sqlalchemy import Connection, Select, Table, delete, insert, select, update

from geo.errors import NotFoundError, StoreError

from . import sqlite_file
from .faults import Fault
from .tables import LAYER_TABLES, Rows, batches, refusals

_CHUNK = 500  # ids named in one statement: an SQLite may allow no more than 999 values


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


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK))


def current_ids(connection: Connection, layer: str, ids: Sequence[str]) -> set[str]:
    """Those of the ids that are current in the store."""
    table = LAYER_TABLES[layer]
    current = select(table.c.id).where(table.c.superseded_by.is_(None))
    return {id_ for chunk in _chunks(ids) for id_ in connection.scalars(current.where(table.c.id.in_(chunk)))}


def _ids_exist(layer: str, known: set[str], ids: Sequence[str]) -> StoreError:
    first = ", ".join([id_ for id_ in ids if id_ in known][:5])
    return StoreError(
        f"{layer}: {len(known)} ids are already in the store, the first are {first};"
        " import with --update to replace them or undo the earlier import",
        code="ids_exist",
        layer=layer,
        count=len(known),
        first=first,
    )


def _insert(connection: Connection, table: Table, rows: Rows, known: set[str], number: int) -> None:
    current = table.c.superseded_by.is_(None)
    for chunk in _chunks(sorted(known)):
        older = update(table).where(current, table.c.id.in_(chunk))
        connection.execute(older.values(superseded_by=number))
    if rows.ids:
        connection.execute(insert(table).values(batch_id=number), rows.values)
    stored = select(table.c.id, table.c.fid).where(table.c.batch_id == number)
    fids = {row.id: row.fid for row in connection.execute(stored)}
    sqlite_file.add_boxes(connection, table, [fids[id_] for id_ in rows.ids], rows.bounds)


def put_in(
    connection: Connection,
    prepared: Mapping[str, Rows],
    batch: NewBatch,
    faults: Mapping[str, Sequence[Fault]],
    *,
    update_known: bool,
) -> Batch:
    """Store the rows and refusals of an import under a new number (StoreError `ids_exist`)."""
    known = {layer: current_ids(connection, layer, rows.ids) for layer, rows in prepared.items()}
    counts = {layer: dict(given) for layer, given in batch.counts.items()}
    for layer, rows in prepared.items():
        if known[layer] and not update_known:
            raise _ids_exist(layer, known[layer], rows.ids)
        new = len(rows.ids) - len(known[layer])
        counts.setdefault(layer, {}).update(new=new, updated=len(known[layer]))
    result = connection.execute(insert(batches).values({**asdict(batch), "counts": counts}))
    (number,) = cast(tuple[int], result.inserted_primary_key)
    for layer, rows in prepared.items():
        _insert(connection, LAYER_TABLES[layer], rows, known[layer], number)
    refused = [
        {**asdict(fault), "layer": layer, "facts": _plain(fault.facts)}
        for layer, of_layer in faults.items()
        for fault in of_layer
    ]
    if refused:
        connection.execute(insert(refusals).values(batch_id=number), refused)
    return one(connection, number)


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
    sqlite_file.remove_boxes(connection, table, batch_id)
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
