"""The cases of a store as columns of numbers: read once, kept in step with the history, seen as of a moment.

A figure of a past period must come out the same whenever it is asked for, so what an issue was at a
moment is found by taking back the events after it, newest first: each tells what was before. Taken
back is what moved the issue (cards, reports, closing, suspension); what put the record right holds
for all times: an issue that was withdrawn or merged counts nowhere, and belongs to the unit it has now.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from layers import tables
from layers.ledger import last_event
from layers.store import Store
from layers.tables import iso

Ints = NDArray[np.int64]

WORDS = ("category", "source", "lead_unit", "responsible", "district", "site_type", "state", "colour")
MOMENTS = ("found_at", "closed_at", "fixed_at", "first_deadline", "suspended_at")
NEVER = np.iinfo(np.int64).max
"""The moment of what has not happened."""
RECORD = ("found", "adopted", "assigned", "noted", "corrected", "withdrawn", "merged", "linked")
"""Actions that make the record or put it right; all others move the issue and are taken back."""

_STATUS_WORDS = ("state", "colour")
_STATUS_MOMENTS = ("closed_at", "fixed_at", "first_deadline", "suspended_at")
_BODY = "COALESCE(responsible, lead_unit)"
"""Who has to mend it: a body by its name, or else the kind of unit by its id."""
_COLUMNS = ("issue", *WORDS, *MOMENTS, "rework", "withdrawn_at", "merged_into")
_SELECTED = ", ".join(_BODY if name == "responsible" else name for name in _COLUMNS)
_MOST_KEPT = 4
_PIECE = 20_000


@dataclass(frozen=True)
class FollowColumns:
    """Cases as columns, one entry per issue; the arrays are never changed.

    Parameters
    ----------
    ids : tuple of str
    index : {id: row}
    words : {name of `WORDS`: what its numbers stand for}; number 0 is None.
    codes : {name of `WORDS`: (n,) int32}
    moments : {name of `MOMENTS`: (n,) int64}
        Microseconds of local time (Asia/Shanghai) since 1970, `NEVER` where there is none.
    rework : (n,) int64
    counted : (n,) bool
        Neither withdrawn nor merged.
    last : int
        Number of the newest event they follow; `mark`: what that event was.
    """

    ids: tuple[str, ...]
    index: Mapping[str, int]
    words: Mapping[str, tuple[str | None, ...]]
    codes: Mapping[str, NDArray[np.int32]]
    moments: Mapping[str, Ints]
    rework: Ints
    counted: NDArray[np.bool_]
    last: int
    mark: tuple[Any, ...]

    def __len__(self) -> int:
        return len(self.ids)

    def among(self, name: str, wanted: Sequence[str | None]) -> NDArray[np.bool_]:
        """Which issues have one of the words."""
        table = np.array([word in wanted for word in self.words[name]], dtype=bool)
        chosen: NDArray[np.bool_] = table[self.codes[name]]
        return chosen


def local_us(moment: datetime) -> int:
    """Microseconds of local time since 1970, as the columns have them."""
    local = moment.astimezone(tables.CHINA).replace(tzinfo=None)
    return int(np.datetime64(local, "us").astype(np.int64))


_kept: dict[Path, FollowColumns] = {}
_seen: dict[tuple[Any, ...], FollowColumns] = {}
_lock = threading.Lock()


def columns(store: Store) -> FollowColumns:
    """The cases of a store as they are now; only what has changed since the last call is read."""
    with _lock:
        held = _kept.get(store.path)
    with store.reading() as connection:
        last = last_event(connection)
        if held is not None and not _continues(connection, held):
            held = None
        if held is None:
            held = _read(connection, last)
        elif held.last != last:
            held = _refreshed(connection, held, last)
    with _lock:
        _kept.pop(store.path, None)  # the one used last stands last
        _kept[store.path] = held
        while len(_kept) > _MOST_KEPT:
            _kept.pop(next(iter(_kept)))
    return held


def as_of(store: Store, held: FollowColumns, moment: datetime) -> FollowColumns:
    """What the issues were at a moment: the events after it taken back."""
    key = (store.path, held.mark, held.last, moment)
    with _lock:
        found = _seen.get(key)
    if found is None:
        found = _taken_back(store, held, moment)
    with _lock:
        _seen.pop(key, None)
        _seen[key] = found
        while len(_seen) > _MOST_KEPT:
            _seen.pop(next(iter(_seen)))
    return found


def _taken_back(store: Store, held: FollowColumns, moment: datetime) -> FollowColumns:
    marks = ", ".join("?" * len(RECORD))
    with store.reading() as connection:
        # the plus keeps SQLite from walking through the whole history by its number
        result = connection.exec_driver_sql(
            "SELECT issue, changes FROM events WHERE at > ? AND +id <= ?"  # noqa: S608
            f" AND action NOT IN ({marks}) ORDER BY +id DESC",
            (iso(moment), held.last, *RECORD),
        )
        undone = result.cursor.fetchall()
    if not undone:
        return held
    before: dict[str, dict[str, Any]] = {}
    for issue, changes in undone:
        told = before.setdefault(issue, {})
        for name, pair in json.loads(changes).items():
            told[name] = pair[0]
    rows = [(held.index[issue], told) for issue, told in before.items()]
    words, codes = dict(held.words), dict(held.codes)
    for name in _STATUS_WORDS:
        found = [(row, told[name]) for row, told in rows if name in told]
        words[name], numbers = _coded([word for _, word in found], words[name])
        codes[name] = _with(codes[name], [row for row, _ in found], numbers)
    moments = dict(held.moments)
    for name in _STATUS_MOMENTS:
        found = [(row, told[name]) for row, told in rows if name in told]
        moments[name] = _with(moments[name], [row for row, _ in found], _moments([t for _, t in found]))
    found = [(row, told["rework"]) for row, told in rows if "rework" in told]
    rework = _with(held.rework, [row for row, _ in found], np.array([n or 0 for _, n in found], np.int64))
    return replace(held, words=words, codes=codes, moments=moments, rework=rework)


def _continues(connection: Connection, held: FollowColumns) -> bool:
    """Whether the store is still the one that was read: its history holds the event read last."""
    return held.mark == _mark(connection, held.last)


def _mark(connection: Connection, last: int) -> tuple[Any, ...]:
    events = tables.events.c
    query = select(events.issue, events.at, events.recorded_at, events.action).where(events.id == last)
    row = connection.execute(query).one_or_none()
    return () if row is None else tuple(row)


def _read(connection: Connection, last: int) -> FollowColumns:
    found = connection.exec_driver_sql(f"SELECT {_SELECTED} FROM cases")  # noqa: S608 - our own names
    nothing = dict.fromkeys(WORDS, (None,))
    held = FollowColumns(
        (), {}, nothing, {name: np.empty(0, np.int32) for name in WORDS},
        {name: np.empty(0, np.int64) for name in MOMENTS}, np.empty(0, np.int64), np.empty(0, bool), last,
        _mark(connection, last),
    )  # fmt: skip
    pieces = []
    words: Mapping[str, tuple[str | None, ...]] = nothing
    while rows := found.cursor.fetchmany(_PIECE):
        piece = _piece(rows, replace(held, words=words))
        words = piece.words
        pieces.append(piece)
    return replace(_joined([held, *pieces]), words=words)


def _refreshed(connection: Connection, held: FollowColumns, last: int) -> FollowColumns:
    """With the cases that events have changed since."""
    events = tables.events.c
    query = select(events.issue).where(events.id > held.last).distinct()
    changed = list(connection.scalars(query))
    if len(changed) > len(held) // 4:
        return _read(connection, last)
    found = connection.exec_driver_sql(
        f"SELECT {_SELECTED} FROM cases"  # noqa: S608 - our own names
        " WHERE issue IN (SELECT value FROM json_each(?))",
        (json.dumps(changed),),
    )
    piece = _piece(found.fetchall(), held)
    at = np.array([held.index.get(issue, -1) for issue in piece.ids], dtype=np.int64)
    known = np.flatnonzero(at >= 0)
    patched = _patched(held, at[known], _chosen(piece, known))
    if len(known) < len(piece):
        patched = _joined([patched, _chosen(piece, np.flatnonzero(at < 0))])
    return replace(patched, words=piece.words, last=last, mark=_mark(connection, last))


def _piece(rows: Sequence[Sequence[Any]], before: FollowColumns) -> FollowColumns:
    """Rows of the table as columns, their words numbered on from `before`."""
    told = dict(zip(_COLUMNS, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(_COLUMNS, ())
    words: dict[str, tuple[str | None, ...]] = {}
    codes: dict[str, NDArray[np.int32]] = {}
    for name in WORDS:
        words[name], codes[name] = _coded(told[name], before.words[name])
    gone = zip(told["withdrawn_at"], told["merged_into"], strict=True)
    return replace(
        before, ids=tuple(told["issue"]), words=words, codes=codes,
        moments={name: _moments(told[name]) for name in MOMENTS},
        rework=np.array(told["rework"], dtype=np.int64),
        counted=np.array([withdrawn is None and merged is None for withdrawn, merged in gone], dtype=bool),
    )  # fmt: skip


def _joined(pieces: Sequence[FollowColumns]) -> FollowColumns:
    ids = tuple(issue for piece in pieces for issue in piece.ids)
    return replace(
        pieces[0],
        ids=ids,
        index={issue: row for row, issue in enumerate(ids)},
        codes={name: np.concatenate([piece.codes[name] for piece in pieces]) for name in WORDS},
        moments={name: np.concatenate([piece.moments[name] for piece in pieces]) for name in MOMENTS},
        rework=np.concatenate([piece.rework for piece in pieces]),
        counted=np.concatenate([piece.counted for piece in pieces]),
    )


def _chosen(piece: FollowColumns, rows: Ints) -> FollowColumns:
    return replace(
        piece,
        ids=tuple(piece.ids[row] for row in rows.tolist()),
        codes={name: column[rows] for name, column in piece.codes.items()},
        moments={name: column[rows] for name, column in piece.moments.items()},
        rework=piece.rework[rows],
        counted=piece.counted[rows],
    )


def _patched(held: FollowColumns, rows: Ints, piece: FollowColumns) -> FollowColumns:
    """With other values in some rows."""
    return replace(
        held,
        codes={name: _with(column, rows, piece.codes[name]) for name, column in held.codes.items()},
        moments={name: _with(column, rows, piece.moments[name]) for name, column in held.moments.items()},
        rework=_with(held.rework, rows, piece.rework),
        counted=_with(held.counted, rows, piece.counted),
    )


def _with(column: NDArray[Any], rows: Sequence[int] | Ints, values: NDArray[Any]) -> NDArray[Any]:
    """A copy of a column with other values in some rows."""
    if not len(rows):
        return column
    copy = column.copy()
    copy[np.asarray(rows, dtype=np.int64)] = values
    return copy


def _coded(
    column: Sequence[str | None], before: tuple[str | None, ...]
) -> tuple[tuple[str | None, ...], NDArray[np.int32]]:
    """The words so far and those of a column, and the column as numbers."""
    known = {word: number for number, word in enumerate(before)}
    numbers, found = pd.factorize(np.array(column, dtype=object), use_na_sentinel=False)
    table = [known.setdefault(None if pd.isna(word) else word or None, len(known)) for word in found]
    return tuple(known), np.array(table, dtype=np.int32)[numbers] if len(numbers) else np.empty(0, np.int32)


def _moments(column: Sequence[str | None]) -> Ints:
    """Moments as the store has them, or their local part."""
    # 2026-05-06T08:30:00.000000+08:00: the local time stands in the text
    moments = np.array([text[:26] if text else "NaT" for text in column], dtype="U26").astype("M8[us]")
    return np.where(np.isnat(moments), NEVER, moments.astype(np.int64))
