"""Which table of a file is meant, and its records in pieces."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from geo.errors import LayerError

from .faults import Note, shorten, storable
from .reading import PIECE, Opened, Reading, unreadable

T = TypeVar("T")
_NAMED = 12
"""Parts of a file that a sentence names before it breaks off."""


def batches(items: Iterable[T]) -> Iterator[list[T]]:
    """The items in lists of at most `PIECE`; an empty list where there is none."""
    rest = iter(items)
    batch = list(islice(rest, PIECE))
    yield batch
    while len(batch) == PIECE and (batch := list(islice(rest, PIECE))):
        yield batch


def begun(steps: Generator[Any, None, None]) -> Opened:
    """A generator whose first step is the number counted and whose further steps are the pieces.

    So the folder or the handle the generator holds open is given back when it is dropped half-way.
    """
    counted = next(steps)
    return Opened(_told_once(steps), counted)


def _told_once(pieces: Iterator[Reading]) -> Iterator[Reading]:
    """What is told of one piece is not told again of the next."""
    told: list[Note] = []
    for piece in pieces:
        new = [note for note in piece.notes if note not in told]
        told += new
        yield replace(piece, notes=new)


def listed(names: Iterable[str]) -> str:
    """Names as a sentence shows them: storable, shortened, a dozen at most."""
    told = [storable(shorten(name)) for name in names]
    return ", ".join(told[:_NAMED]) + (" …" if len(told) > _NAMED else "")


def choose(path: Path, names: Sequence[str], layer: str, part: str | None) -> tuple[str, list[Note]]:
    """The part that was asked for, the only one, or the one that is called like the layer.

    Raises
    ------
    LayerError
        `part_unknown` if no part has that name; `part_needed` if there are several and none is
        called like the layer.
    """
    if part is not None:
        for name in names:
            if part in (name, storable(name)):
                return name, []
        raise unknown_part(path, names, part)
    if len(names) == 1:
        return names[0], []
    same = [name for name in names if PurePosixPath(name).stem.lower() == layer]
    if len(same) == 1:
        others = listed(name for name in names if name != same[0])
        return same[0], [Note("other_layers", {"read": storable(same[0]), "others": others})]
    raise needed(path, names)


def needed(path: Path, names: Sequence[str]) -> LayerError:
    """LayerError `part_needed`: several would do, and nobody has said which."""
    return unreadable(
        path,
        f"it holds {len(names)} tables ({listed(names)}); say which with --part NAME",
        code="part_needed",
        count=len(names),
        parts=listed(names),
    )


def unknown_part(path: Path, names: Sequence[str], part: str) -> Exception:
    """LayerError `part_unknown`, with the names there are."""
    return unreadable(
        path,
        f"it holds no layer {storable(shorten(part))}; there are {listed(names)}",
        code="part_unknown",
        part=storable(shorten(part)),
        parts=listed(names),
    )
