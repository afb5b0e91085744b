"""What a table of counts says against what is known: new rows, rows that say otherwise, the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, insert, select, update

from layers import tables


@dataclass(frozen=True)
class Counted:
    """What a table of counts changed."""

    source: str
    rows: int
    new: int
    changed: int

    @property
    def unchanged(self) -> int:
        """Rows that said what was known."""
        return self.rows - self.new - self.changed


@dataclass(frozen=True)
class CountRows:
    """A table of the store in which offices count: what its rows are known by, and what they say."""

    table: Table
    keys: tuple[str, ...]
    values: tuple[str, ...]

    def known(self, connection: Connection) -> dict[Any, Any]:
        """{keys of a row: its values}."""
        columns = [self.table.c[name] for name in (*self.keys, *self.values)]
        rows = connection.execute(select(*columns))
        return {tuple(row[: len(self.keys)]): tuple(row[len(self.keys) :]) for row in rows}

    def put(
        self, connection: Connection, told: Mapping[Any, Any], *, source: str, who: str, now: datetime
    ) -> Counted:
        """Add what is new and replace what is said otherwise; what is not told of stays."""
        known = self.known(connection)
        new = changed = 0
        for key, values in told.items():
            which = dict(zip(self.keys, key, strict=True))
            row = {**dict(zip(self.values, values, strict=True)), "at": now.isoformat(), "who": who}
            if key not in known:
                connection.execute(insert(self.table).values(**which, **row))
                new += 1
            elif known[key] != values:
                connection.execute(update(self.table).filter_by(**which).values(**row))
                changed += 1
        return Counted(source, len(told), new, changed)


POSTERS = CountRows(tables.poster_counts, ("site", "theme"), ("count", "damaged"))
ROUNDS = CountRows(tables.household_rounds, ("compound", "round"), ("day", "households"))
