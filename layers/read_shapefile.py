"""Shapefiles: five files that have to agree, read under names of ours in a folder of ours."""

from __future__ import annotations

import codecs
import re
import shutil
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from pyproj import CRS
from pyproj.exceptions import CRSError as ProjCRSError

from .bundle import SHAPEFILE_PARTS, lacking
from .count_rows import ShapeCounts, count_shapes
from .decoding import known_encoding
from .faults import Note, storable
from .pieces import begun
from .read_vector import Source
from .reading import Opened, Wishes, not_what_it_says, unreadable

_SAMPLE = 20_000_000
_BYTES = "ISO-8859-1"
"""GDAL is told this, which gives every byte as one character; what they mean is found out here."""


_CODE_PAGES = {"65001": "utf-8", "88591": "latin-1"}


def read_shp(path: Path, layer: str, wishes: Wishes) -> Opened:  # noqa: ARG001 - every reader takes the layer
    """A shapefile with its .shx and .dbf beside it, whatever the case of their endings.

    Raises
    ------
    LayerError
        `file_disguised`, `zip_parts` (a part is missing), `shapefile_counts` (its parts hold
        different numbers of records), `encoding_unknown`, `file_damaged`.
    """
    return begun(_steps(path, wishes))


def _steps(path: Path, wishes: Wishes) -> Generator[Any, None, None]:
    with tempfile.TemporaryDirectory() as folder:
        shp = _own_copy(path, Path(folder))
        counts = count_shapes(shp.with_suffix(".shx"), shp.with_suffix(".dbf"))
        notes = _agreement(path, counts)
        unusable = _unusable_prj(shp.with_suffix(".prj"))
        encoding = _encoding(path, shp, wishes.encoding)
        notes.append(Note("encoding", {"encoding": encoding.upper()}))
        source = Source(
            shp, path, None, _BYTES, _decoder(encoding), lambda missing: _drawn(shp, missing), by_number=True
        )
        yield counts.shapes - counts.deleted
        stated = {} if unusable is None else {"datum": None, "datum_unusable": unusable}
        yield from source.pieces(notes, counts.shapes, **stated)


def _own_copy(path: Path, folder: Path) -> Path:
    with path.open("rb") as file:
        if file.read(4) != b"\0\0\x27\x0a":
            raise not_what_it_says(path, "a shapefile")
    beside = {part.name.lower(): part for part in sorted(path.parent.iterdir(), reverse=True)}
    stem = path.stem.lower()
    missing = ", ".join(part for part in SHAPEFILE_PARTS[1:3] if stem + part not in beside)
    if missing:
        raise lacking(path, missing)
    for part in SHAPEFILE_PARTS:
        if part == ".shp":
            shutil.copyfile(path, folder / "layer.shp")
        elif stem + part in beside:
            shutil.copyfile(beside[stem + part], folder / f"layer{part}")
    return folder / "layer.shp"


def _agreement(path: Path, counts: ShapeCounts) -> list[Note]:
    """A header that states a wrong number is told; parts of different length are refused."""
    if counts.stated == counts.shapes <= counts.held:
        return []
    if counts.held == counts.shapes < counts.stated:
        return [Note("dbf_count", {"stated": counts.stated, "held": counts.held})]
    records = min(counts.stated, counts.held)
    raise unreadable(
        path,
        f"its .shx holds {counts.shapes} shapes and its .dbf {records} records;"
        " export all parts again together",
        code="shapefile_counts",
        shapes=counts.shapes,
        records=records,
    )


def _drawn(shp: Path, numbers: list[int]) -> set[int]:
    """Which records have a geometry by what the file says: their type is not 0, or they are cut off."""
    found = set()
    with shp.open("rb") as shapes, shp.with_suffix(".shx").open("rb") as index:
        for number in numbers:
            index.seek(100 + 8 * number)
            shapes.seek(2 * int.from_bytes(index.read(4), "big") + 8)
            if shapes.read(4) != bytes(4):
                found.add(number)
    return found


def _unusable_prj(path: Path) -> str | None:
    """What the .prj says, if PROJ cannot read it; it is then taken away, so that GDAL does not try."""
    if not path.exists():
        return None
    told = path.read_bytes()[:20_000].decode("utf-8", errors="replace").strip()
    try:
        CRS.from_wkt(told)
    except ProjCRSError:
        path.unlink()
        return storable(told)[:80]
    return None


# -- text ------------------------------------------------------------------------------------------


def _encoding(path: Path, shp: Path, wish: str | None) -> str:
    """The encoding wished for, what the .cpg states where it fits, else UTF-8 or GB18030."""
    if wish is not None:
        return known_encoding(path, wish)
    records = _records(shp.with_suffix(".dbf"))
    stated = _stated(shp.with_suffix(".cpg"))
    if stated is not None and _fits(records, stated):
        return stated
    return "utf-8" if _fits(records, "utf-8") else "gb18030"


def _stated(path: Path) -> str | None:
    """Python's name of what a .cpg says, None where it says nothing known."""
    told = path.read_bytes()[:40].decode("ascii", errors="replace").strip() if path.exists() else ""
    number = re.search(r"\d{3,5}$", told)
    names = [told] if number is None else [told, f"cp{number[0]}", _CODE_PAGES.get(number[0], "")]
    for name in names:
        try:
            found = codecs.lookup(name).name
            "".encode(found)
        except (LookupError, ValueError):
            continue
        return "gb18030" if found in ("gbk", "gb2312", "cp936") else found
    return None


def _records(path: Path) -> bytes:
    """The records without the header, which is binary: 200 records put the byte C8 into it."""
    with path.open("rb") as file:
        head = file.read(32)
        file.seek(int.from_bytes(head[8:10], "little"))
        return file.read(_SAMPLE)


def _fits(records: bytes, encoding: str) -> bool:
    """Whether most of the text can be read so: a name cut off at the width of its field ends in half
    a character."""
    told = records.decode(encoding, errors="replace")
    broken = told.count("\N{REPLACEMENT CHARACTER}")
    foreign = sum(1 for sign in told if sign > "\x7f")
    return broken * 5 <= foreign


def _decoder(encoding: str) -> Callable[[str], str]:
    def decoded(text: str) -> str:
        if text.isascii():
            return text
        told = text.encode(_BYTES).decode(encoding, errors="replace")
        return told.rstrip("\N{REPLACEMENT CHARACTER}")

    return decoded
