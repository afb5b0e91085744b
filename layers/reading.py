"""What a file holds, before anybody has judged its rows; and how a file as a whole is refused.

A table is read in pieces, so that a million rows need no more memory than twenty thousand.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.errors import LayerError

from .columns import header_set
from .faults import Note

MAX_BYTES = 500_000_000
_BOMB_BYTES = 50_000_000
_BOMB_RATIO = 200
"""Tables of an office shrink ten- to fiftyfold in a zip file."""


PIECE = 10_000
"""Records of a table that are in memory at a time."""


@dataclass(frozen=True)
class Wishes:
    """What the user said about a file; whatever is left out is found out.

    Parameters
    ----------
    part : str or None
        The sheet, layer or folder of the file.
    encoding : str or None
        A name that Python knows, for text tables and the .dbf of shapefiles.
    columns : dict of field to heading
        Which heading holds which field of the layer, before any alias.
    remembered : dict of header set to such a dict
        What was said earlier of tables with the same headings (`columns.header_set`).
    """

    part: str | None = None
    encoding: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    remembered: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def for_headings(self, headings: Sequence[object]) -> Mapping[str, str]:
        """What was said now, else earlier, of a table with these headings."""
        return self.columns or self.remembered.get(header_set(headings), {})


@dataclass(frozen=True)
class Opened:
    """A table of a file, open for reading.

    Parameters
    ----------
    pieces : iterator of Reading
        The records in their order, at least one piece; all have the same headings and datum.
    counted : int or None
        Records of the table, counted from the raw bytes by a way of its own that shares nothing
        with the reader; None where the format has no second way.
    """

    pieces: Iterator[Reading]
    counted: int | None = None


@dataclass(frozen=True)
class Reading:
    """A piece of what a file holds.

    Parameters
    ----------
    headings : list of str
        As they stand in the file.
    rows : list of str
        The row number of every record as a spreadsheet shows it (for GeoJSON and the like: the
        number of the feature from 1).
    values : list of lists
        One list per record, as long as `headings`.
    geometry : array of shapely geometry or None
        None where the file is a table without geometry.
    geometry_faults : dict of row to reason
        Records whose geometry could not be read at all.
    too_wide : dict of row to number of cells
        Records with more cells than the file has headings: nobody knows which cell is which.
    too_short : int
        Records with fewer cells than the file has headings; what is missing is empty.
    datum : str or None
        The datum the file states (``EPSG:n`` or well-known text), None where it states none.
    datum_unusable : str or None
        What the file states as its datum though it is none that can be used.
    notes : list of Note
        What a user should know: title rows passed over, the encoding found, further layers. Those
        of a table stand with its first piece.
    titles : str
        What stands above the headings.
    """

    headings: list[str]
    rows: list[str]
    values: list[list[Any]]
    geometry: NDArray[np.object_] | None = None
    geometry_faults: dict[str, str] = field(default_factory=dict)
    too_wide: dict[str, int] = field(default_factory=dict)
    too_short: int = 0
    datum: str | None = None
    datum_unusable: str | None = None
    notes: list[Note] = field(default_factory=list)
    titles: str = ""


_NO_TEXT = (b"PK\x03\x04", b"SQLite f", b"%PDF", b"\xd0\xcf\x11\xe0", b"\x1f\x8b")
"""First bytes of archives, databases, documents and gzip."""


def unreadable(path: Path, reason: str, *, code: str, **facts: Any) -> LayerError:
    """A file that cannot be taken in, with the reason and what to do."""
    return LayerError(f"{path.name}: {reason}", code=code, file=path.name, **facts)


def not_what_it_says(path: Path, wanted: str, reason: str = "") -> LayerError:
    """A file whose content belies its ending."""
    told = f" ({reason})" if reason else ""
    return LayerError(
        f"{path.name} is not {wanted}, although its name says so{told}; export it again or rename it",
        code="file_disguised",
        file=path.name,
        wanted=wanted,
    )


def require_text(path: Path, wanted: str) -> None:
    """LayerError `file_disguised` if a file that should be text is an archive, database or document."""
    with path.open("rb") as file:
        if file.read(16).startswith(_NO_TEXT):
            raise not_what_it_says(path, wanted)


def damaged(path: Path, fault: object) -> LayerError:
    """A file that is what it says, but broken."""
    detail = str(fault)[:120]
    return unreadable(
        path, f"it is damaged or incomplete ({detail})", code="file_damaged", detail=detail
    )  # fmt: skip


def require_size(path: Path, size: int) -> None:
    """LayerError `file_large` beyond the limit."""
    if size > MAX_BYTES:
        raise LayerError(
            f"{path.name} holds {size / 1e6:.0f} MB, at most {MAX_BYTES / 1e6:.0f} MB can be read; split it",
            code="file_large",
            file=path.name,
            size=round(size / 1e6),
            limit=round(MAX_BYTES / 1e6),
        )


def require_unpacked_size(
    path: Path,
    members: Iterable[zipfile.ZipInfo],
    *,
    ratio: float = _BOMB_RATIO,
    beyond: int = _BOMB_BYTES,
) -> None:
    """Refuse an archive by its directory, before anything is unpacked (`file_large`, `file_bomb`).

    `ratio` of unpacked to packed is allowed `beyond` so many bytes.
    """
    members = list(members)
    size = sum(member.file_size for member in members)
    packed = sum(member.compress_size for member in members)
    require_size(path, size)
    if size > beyond and size > ratio * packed:
        raise unreadable(
            path,
            f"it unpacks from {packed / 1e6:.1f} to {size / 1e6:.0f} MB, as no real table does;"
            " delete the empty rows and columns and save it again",
            code="file_bomb",
            size=round(size / 1e6),
        )
