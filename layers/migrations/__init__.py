"""The versions of the store's schema.

A version is a file in `versions/`, written by hand and never changed once released; its number is
the next one, and `HEAD` moves with it. `tests/layers/test_store.py` holds that a store migrated to
`HEAD` is what `layers/tables.py` says.
"""

from __future__ import annotations

import threading
from pathlib import Path

from sqlalchemy import Connection

HEAD = "0004"
"""The version this program writes. Versions are four-digit numbers in their order."""

_one_at_a_time = threading.Lock()
"""alembic keeps the migration it runs in a module, for all threads."""


def upgrade(connection: Connection) -> None:
    """Bring the schema to `HEAD` inside the transaction of the connection; the caller commits."""
    # here, because alembic takes longer to import than a current store takes to open
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    with _one_at_a_time:
        command.upgrade(config, HEAD)
