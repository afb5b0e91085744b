"""A fault of a row: what is wrong, where, and what to do."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Fault:
    """One refused row (or OSM object), told so that its owner can mend it.

    Parameters
    ----------
    row : str
        Row number in the file as a spreadsheet shows it, or ``way 123`` for OSM.
    column : str
        Heading in the file, or ``""`` when the whole row is at fault.
    value : str
        The value as given, shortened to 40 characters.
    code : str
        Stable name of the fault; ``fault.<code>`` is its translation.
    message : str
        Reason and next step, one English sentence.
    facts : dict
        Values named in the message.
    """

    row: str
    column: str
    value: str
    code: str
    message: str
    facts: dict[str, Any] = field(default_factory=dict)


def shorten(value: object, length: int = 40) -> str:
    """The value as text, at most `length` characters."""
    text = "" if value is None else str(value)
    return text if len(text) <= length else text[: length - 1] + "…"


def storable(text: str) -> str:
    """Text without control characters and halves of characters, for headings and for what is quoted."""
    return SURROGATE.sub("\N{REPLACEMENT CHARACTER}", CONTROL.sub("", text))


@dataclass(frozen=True)
class Note:
    """Something the reader of a file should know; ``note.<code>`` is its translation."""

    code: str
    facts: dict[str, Any] = field(default_factory=dict)
