"""The rows of the layer `issues` follow the cases of their issues, whoever writes them.

Nine columns (category, found_at, site, state, closed_at, deadline, count, note, unit) are told again from
the case, so that maps and figures speak of an issue as it stands: what the history says goes before what
a list says. What was withdrawn or merged is on no map. The functions work inside the transaction of the
connection they are given.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import Connection

_TOLD = ("category", "found_at", "site", "state", "closed_at", "deadline", "count", "note")
_VALUES = {**{name: f'c."{name}"' for name in _TOLD}, "unit": "COALESCE(c.responsible, issues.unit)"}
"""What each column of a row is told; the unit of a list stays where the case names no body."""


def tell(connection: Connection, issues: Sequence[str]) -> None:
    """Tell the rows of some issues how their cases stand."""
    named = json.dumps(list(issues))
    _follow(connection, "issues.id IN (SELECT value FROM json_each(?))", (named,))


def keep_in_step(connection: Connection, batch: int | None = None) -> int:
    """Tell the rows of an import, or all rows, how their cases stand; how many rows said otherwise."""
    if batch is None:
        return _follow(connection, "TRUE", ())
    return _follow(connection, "issues.batch_id = ?", (batch,))


def _follow(connection: Connection, which: str, values: tuple[str | int, ...]) -> int:
    told = ", ".join(f'"{name}" = {value}' for name, value in _VALUES.items())
    differs = " OR ".join(f'{value} IS NOT issues."{name}"' for name, value in _VALUES.items())
    done = connection.exec_driver_sql(
        f"UPDATE issues SET {told} FROM cases c"  # noqa: S608 - names of our own
        f" WHERE {which} AND issues.superseded_by IS NULL AND c.issue = issues.id AND ({differs})",
        values,
    )
    # superseded by its own batch, so by nothing
    connection.exec_driver_sql(
        f"UPDATE issues SET superseded_by = batch_id WHERE {which} AND superseded_by IS NULL AND id IN"  # noqa: S608
        " (SELECT issue FROM cases WHERE withdrawn_at IS NOT NULL OR merged_into IS NOT NULL)",
        values,
    )
    return done.rowcount
