"""What an error means at the two doors: the HTTP status and the exit code, in one table."""

from __future__ import annotations

from typing import NamedTuple

from geo.errors import NotFoundError, ZhoubianError


class Outcome(NamedTuple):
    """How a door ends when an error reaches it."""

    status: int
    exit_code: int


REFUSED = Outcome(400, 1)
"""Everything that the table does not name: what was asked cannot be done as asked."""

NOT_FOUND = Outcome(404, 1)

BROKEN = Outcome(500, 70)
"""A fault of the program itself; 70 is EX_SOFTWARE of sysexits.h."""

BY_CODE: dict[str, Outcome] = {
    "draw_sealed": Outcome(409, 1),
    "plan_changed": Outcome(409, 1),
    "mission_changed": Outcome(409, 1),
    "mission_sealed": Outcome(409, 1),
    "mission_not_started": Outcome(409, 1),
    "plan_solving": Outcome(409, 1),
    "batch_needed": Outcome(409, 1),
    "batch_undone": Outcome(409, 1),
    "batch_followed": Outcome(409, 1),
    "issue_changed": Outcome(409, 1),
    "cross_site": Outcome(403, 1),
    "import_shut": Outcome(403, 1),
    "issues_being_read": Outcome(503, 75),
    "jobs_full": Outcome(503, 75),
    "road_server_unreachable": Outcome(503, 75),
    "road_server_refused": Outcome(502, 1),
    "road_server_odd": Outcome(502, 1),
    "road_server_profile": Outcome(502, 1),
    "store_locked": Outcome(503, 75),  # 75 is EX_TEMPFAIL of sysexits.h: the same call may work later
    "store_missing": Outcome(503, 1),
    "store_folder_missing": Outcome(503, 1),
    "store_readonly": Outcome(503, 1),
    "store_full": Outcome(503, 1),
    "store_io": Outcome(503, 1),
    "store_damaged": Outcome(503, 1),
    "not_a_store": Outcome(503, 1),
    "store_newer": Outcome(503, 1),
    "store_is_folder": Outcome(503, 1),
}
"""Codes with an outcome of their own: mostly that the store cannot serve anybody now."""


def outcome(error: ZhoubianError) -> Outcome:
    """Status and exit code of an error: by its code, else by its class."""
    if error.code in BY_CODE:
        return BY_CODE[error.code]
    return NOT_FOUND if isinstance(error, NotFoundError) else REFUSED
