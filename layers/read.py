"""Any of the common formats, as it stands in the file: headings, values, row numbers, geometry.

Nothing is judged here but the file itself: whether it is what its name says, whether all of it can
be read, and in which datum it says it is. `checking.py` judges the rows.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from . import read_tables
from .reading import Opened, Wishes, require_size, unreadable

Reader = Callable[[Path, str, Wishes], Opened]

FEATURES = (".geojson", ".json", ".gpkg", ".shp", ".kml", ".kmz", ".gpx", ".zip")
"""Endings that `read_features` reads; it is loaded when one is met, for it brings GDAL along."""

ENDINGS = (*read_tables.READERS, *FEATURES)


def _reader(ending: str) -> Reader | None:
    if ending in FEATURES:
        from . import read_features  # noqa: PLC0415

        return read_features.READERS[ending]
    return read_tables.READERS.get(ending)


def open_file(path: Path, layer: str, wishes: Wishes | None = None) -> Opened:
    """Open a table of a file of any format this version knows.

    Parameters
    ----------
    path : Path
        Its ending is one of `ENDINGS`.
    layer : str
        Which layer it will become: decides which headings are looked for.
    wishes : Wishes, optional
        What the user said about the file.

    Raises
    ------
    LayerError
        If the file is missing, empty, too large, damaged, or not what its name says; while the
        pieces are read too.
    """
    reader = _reader(path.suffix.lower())
    if reader is None:
        raise unreadable(
            path, f"endings known are {', '.join(ENDINGS)}, .osm and .osm.pbf", code="file_ending"
        )
    if not path.is_file():
        raise unreadable(path, "there is no such file; check the name", code="file_missing")
    try:
        size = path.stat().st_size
        if size == 0:
            raise unreadable(path, "it is empty; export it again", code="file_empty")
        require_size(path, size)
        return reader(path, layer, wishes or Wishes())
    except OSError as fault:
        reason = fault.strerror or str(fault)
        raise unreadable(
            path, f"it cannot be read ({reason}); check your rights to it", code="file_locked", detail=reason
        ) from fault


def list_parts(path: Path) -> list[str]:
    """The sheets, layers or files that a file holds; empty where it can only be one table."""
    ending = path.suffix.lower()
    listing: Callable[[Path], list[str]] | None = read_tables.PARTS.get(ending)
    if listing is None and ending in FEATURES:
        from . import read_features  # noqa: PLC0415

        listing = read_features.PARTS.get(ending)
    return [] if listing is None else listing(path)
