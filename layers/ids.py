"""Ids for records that have none: the same content gets the same id in every import."""

from __future__ import annotations

import hashlib
import re

_MADE = re.compile("x[0-9a-f]{15}", re.ASCII)


def made_id(content: bytes) -> str:
    """An id of 16 characters that depends on the content alone."""
    return "x" + hashlib.sha256(content).hexdigest()[:15]


def is_made(id_: str) -> bool:
    """Whether an id has the form of those made here."""
    return _MADE.fullmatch(id_) is not None
