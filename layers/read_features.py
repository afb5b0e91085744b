"""Formats with geometry of their own, and archives of any format.

`READERS` and `PARTS` say by ending who reads a file and who lists the layers in it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from . import read_tables
from .bundle import Contents, Entry, look, shown_as, unpack
from .faults import Note, storable
from .pieces import begun, choose, listed
from .read_geojson import read_geojson
from .read_gpx import gpx_parts, read_gpx
from .read_kml import kml_parts, kmz_parts, read_kml, read_kmz
from .read_shapefile import read_shp
from .read_vector import gpkg_parts, read_gpkg
from .reading import Opened, Reading, Wishes, unreadable

Reader = Callable[[Path, str, Wishes], Opened]


def read_zip(path: Path, layer: str, wishes: Wishes, readers: Mapping[str, Reader]) -> Opened:
    """The only table of an archive, the one called like the layer, or the one that is named.

    Parameters
    ----------
    wishes : Wishes
        `part` is ``entry`` or ``entry/part of it``; of the entry the last name is enough where no
        other has it.
    readers : dict of ending to reader
        Of all formats an archive may hold.
    """
    return begun(_steps(path, layer, wishes, readers))


def zip_parts(path: Path, endings: Mapping[str, Any]) -> list[str]:
    """Names of the tables of an archive."""
    return [entry.name for entry in look(path, tuple(endings)).entries]


def _steps(
    path: Path, layer: str, wishes: Wishes, readers: Mapping[str, Reader]
) -> Generator[Any, None, None]:
    contents = look(path, tuple(readers))
    if not contents.entries:
        _refuse_empty(path, contents)
    entry, part, notes = _chosen(path, contents, layer, wishes.part)
    if contents.ignored:
        notes.append(Note("zip_ignored", {"count": len(contents.ignored), "names": listed(contents.ignored)}))
    with tempfile.TemporaryDirectory() as folder:
        member = unpack(path, entry, Path(folder))
        with shown_as(member, f"{path.name}/{storable(entry.name)}"):
            if not member.stat().st_size:
                raise unreadable(member, "it is empty; export it again", code="file_empty")
            opened = readers[entry.ending](member, layer, replace(wishes, part=part))
            yield opened.counted
            for piece in opened.pieces:
                yield _told_with(piece, notes)


def _told_with(piece: Reading, notes: list[Note]) -> Reading:
    return replace(piece, notes=[*notes, *piece.notes])


def _refuse_empty(path: Path, contents: Contents) -> None:
    lonely = {PurePosixPath(name).suffix.lower() for name in contents.ignored}
    if lonely & {".dbf", ".shx"}:
        raise unreadable(
            path, "the shapefile lacks its .shp; add it to the zip", code="zip_parts", missing=".shp"
        )
    raise unreadable(
        path,
        f"it holds no table that can be read ({listed(contents.ignored)})",
        code="zip_empty",
        names=listed(contents.ignored),
    )


def _chosen(
    path: Path, contents: Contents, layer: str, part: str | None
) -> tuple[Entry, str | None, list[Note]]:
    entries = {entry.name: entry for entry in contents.entries}
    if part is not None:
        short = [PurePosixPath(name).name for name in entries]
        for name, entry in entries.items():
            last = PurePosixPath(name).name
            for known in (name, last) if short.count(last) == 1 else (name,):
                if part == known:
                    return entry, None, []
                if part.startswith(f"{known}/"):
                    return entry, part.removeprefix(f"{known}/"), []
        if len(entries) == 1:
            # one table: what is named is a part of it
            return contents.entries[0], part, []
    name, notes = choose(path, list(entries), layer, part)
    return entries[name], None, notes


_FEATURES: dict[str, Reader] = {
    ".geojson": read_geojson,
    ".json": read_geojson,
    ".gpkg": read_gpkg,
    ".kml": read_kml,
    ".kmz": read_kmz,
    ".gpx": read_gpx,
    ".shp": read_shp,
}
_ALL: dict[str, Reader] = {**read_tables.READERS, **_FEATURES}

READERS: dict[str, Reader] = {**_FEATURES, ".zip": partial(read_zip, readers=_ALL)}

PARTS: dict[str, Callable[[Path], list[str]]] = {
    ".gpkg": gpkg_parts,
    ".kml": kml_parts,
    ".kmz": kmz_parts,
    ".gpx": gpx_parts,
    ".zip": partial(zip_parts, endings=_ALL),
}
