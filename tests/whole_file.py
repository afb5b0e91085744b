"""A whole file at once, for tests: all pieces of a reading, and the outcome of checking them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from layers.faults import Fault, Note
from layers.read import open_file
from layers.reading import Reading, Wishes
from layers.tables import from_rows, stored_names
from layers.validate import Checker


def read_file(path: Path, layer: str, **wishes: Any) -> Reading:
    """The pieces of a file joined; what the reader counted is compared with what it counted from the bytes."""
    opened = open_file(path, layer, Wishes(**wishes))
    pieces = list(opened.pieces)
    first = pieces[0]
    assert all(piece.headings == first.headings for piece in pieces)
    read = sum(len(piece.rows) for piece in pieces)
    assert opened.counted in (None, read), f"{opened.counted} counted, {read} read"
    geometry = None
    if first.geometry is not None:
        geometry = np.concatenate([piece.geometry for piece in pieces])
    return Reading(
        first.headings,
        [row for piece in pieces for row in piece.rows],
        [row for piece in pieces for row in piece.values],
        geometry,
        {row: why for piece in pieces for row, why in piece.geometry_faults.items()},
        {row: cells for piece in pieces for row, cells in piece.too_wide.items()},
        sum(piece.too_short for piece in pieces),
        first.datum,
        first.datum_unusable,
        [note for piece in pieces for note in piece.notes],
        first.titles,
    )


@dataclass(frozen=True)
class WholeCheck:
    """The accepted rows of a file as a table, and the rest as `Checked` has it."""

    table: gpd.GeoDataFrame
    rows: list[str]
    faults: list[Fault]
    read: int
    datum: str
    notes: list[Note]
    fixed: list[str]


def check(reading: Reading, layer: str, **options: Any) -> WholeCheck:
    """Check a reading in one piece."""
    checker = Checker(layer, **options)
    checked = checker.piece(reading)
    names = stored_names(layer)[:-1]
    wkb = shapely.to_wkb(checked.geometry)
    gates = [] if checked.gates is None else [shapely.to_wkb(checked.gates)]
    rows = [(*row, *more) for row, more in zip(checked.values, zip(*gates, wkb, strict=True), strict=True)]
    return WholeCheck(
        from_rows(rows, layer, names),
        checked.rows,
        checked.faults,
        checked.read,
        checker.datum,
        checker.notes(),
        checked.fixed,
    )
