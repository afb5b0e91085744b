"""A filled-in form in the hands of whoever sent it out: its sheets, its moments, the columns it names.

The file itself is read by the task ``grid`` of the worker (`grids.py`), in a process of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from .worker import Worker


def read_sheets(file: Path, *, encoding: str | None = None) -> dict[str, list[list[Any]]]:
    """All rows of all sheets, in their order.

    Parameters
    ----------
    encoding : str, optional
        Of a text table; by default it is found out.

    Raises
    ------
    LayerError
        As `grids.grid`, and as when any foreign file is taken in.
    """
    sheets: dict[str, list[list[Any]]] = {}
    with Worker() as worker:
        taken, _, _ = worker.take_in(file)
        for message in worker.run("grid", {"file": taken.name, "encoding": encoding}):
            if "sheet" in message:
                sheets.setdefault(message["sheet"], []).extend(message["rows"])
    return sheets


def value_in(cell: Any) -> Any:
    """A cell as the readers of cells know it: a moment as such, text where it is none after all."""
    if not isinstance(cell, Mapping):
        return cell
    told = str(cell["at"])
    try:
        return datetime.fromisoformat(told)
    except ValueError:
        return told


def columns_of(
    headings: Iterable[object], words: Mapping[str, Sequence[str]], plain: Callable[[object], str]
) -> dict[str, int]:
    """Field -> column of a row of headings; where several mean one field, its best word serves.

    Parameters
    ----------
    words : {field: its headings, the best first}
    plain : function of a heading
        What two spellings of one heading have in common.
    """
    plains = [plain(heading) for heading in headings]
    found: dict[str, int] = {}
    for field, known in words.items():
        for word in map(plain, known):
            if word in plains:
                found[field] = plains.index(word)
                break
    return found
