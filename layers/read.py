"""Any of the common formats, as it stands in the file: headings, values, row numbers, geometry.

Nothing is judged here but the file itself: whether it is what its name says, whether all of it can
be read, and in which datum it says it is. `validate.py` judges the rows.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from . import read_features, read_tables
from .reading import Reading, require_size, unreadable

READERS: dict[str, Callable[[Path, str], Reading]] = {**read_tables.READERS, **read_features.READERS}


def read_file(path: Path, layer: str) -> Reading:
    """Read a file of any format this version knows.

    Parameters
    ----------
    path : Path
        Ending .csv, .tsv, .xlsx, .geojson, .json, .gpkg or .zip (a zipped shapefile).
    layer : str
        Which layer it will become: decides which headings are looked for.

    Raises
    ------
    LayerError
        If the file is missing, empty, too large, damaged, or not what its name says.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise unreadable(
            path, f"endings known are {', '.join(READERS)}, .osm and .osm.pbf", code="file_ending"
        )
    if not path.is_file():
        raise unreadable(path, "there is no such file; check the name", code="file_missing")
    try:
        size = path.stat().st_size
        if size == 0:
            raise unreadable(path, "it is empty; export it again", code="file_empty")
        require_size(path, size)
        return reader(path, layer)
    except OSError as fault:
        reason = fault.strerror or str(fault)
        raise unreadable(
            path, f"it cannot be read ({reason}); check your rights to it", code="file_locked", detail=reason
        ) from fault
