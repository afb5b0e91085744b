"""What the pages say of errors, faults and notes: without the words of the command line.

Where a text tells what to type, ``page.error.<code>``, ``page.fault.<code>`` or ``page.note.<code>``
tells what to choose on the page instead.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from geo.errors import ZhoubianError
from layers.faults import Fault, Note

from ..i18n import Lang, error_text, fault_text, text, texts


def of_error(error: ZhoubianError, lang: Lang) -> str:
    """An error as a page shows it; where the store lies on the server is nobody's business."""
    own = _own("error", error.code, error.facts, lang)
    message = own or error_text(error, lang)
    path = Path(error.facts["path"]) if "path" in error.facts else Path()
    if path.is_absolute():
        message = message.replace(str(path), path.name).replace(str(path.parent), "…")
    return message


def of_fault(fault: Fault, lang: Lang) -> str:
    """Why a row was refused."""
    return _own("fault", fault.code, fault.facts, lang) or fault_text(fault, lang)


def of_note(note: Note, lang: Lang) -> str:
    """What a reader should know of a file."""
    return _own("note", note.code, note.facts, lang) or text(f"note.{note.code}", lang, **note.facts)


def _own(kind: str, code: str, facts: dict[str, Any], lang: Lang) -> str | None:
    pair = texts().get(f"page.{kind}.{code}")
    return None if pair is None else pair[lang].format(**facts)
