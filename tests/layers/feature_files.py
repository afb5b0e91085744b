"""Feature files made for the tests, and the whole of what a reader gives of one."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import pyogrio
import pytest
from shapely import Point
from shapely.geometry.base import BaseGeometry

from geo.errors import LayerError
from layers.faults import Note
from layers.read_features import READERS
from layers.reading import Reading, Wishes

POINT = {"type": "Point", "coordinates": [114.31, 30.51]}


@dataclass
class Whole:
    """All pieces of a file put together; every piece had the same headings and datum."""

    pieces: list[Reading]
    counted: int | None

    @property
    def headings(self) -> list[str]:
        return self.pieces[0].headings

    @property
    def rows(self) -> list[str]:
        return [row for piece in self.pieces for row in piece.rows]

    @property
    def values(self) -> list[list[Any]]:
        return [row for piece in self.pieces for row in piece.values]

    @property
    def geometry(self) -> list[BaseGeometry | None]:
        return [shape for piece in self.pieces for shape in piece.geometry]

    @property
    def wkt(self) -> list[str | None]:
        return [None if shape is None else shape.wkt for shape in self.geometry]

    @property
    def faults(self) -> dict[str, str]:
        return {row: told for piece in self.pieces for row, told in piece.geometry_faults.items()}

    @property
    def datum(self) -> str | None:
        return self.pieces[0].datum

    @property
    def unusable(self) -> str | None:
        return self.pieces[0].datum_unusable

    @property
    def notes(self) -> list[Note]:
        return self.pieces[0].notes

    def noted(self, code: str) -> dict[str, Any]:
        return next(note.facts for note in self.notes if note.code == code)

    def column(self, heading: str) -> list[Any]:
        at = self.headings.index(heading)
        return [row[at] for row in self.values]


def read(path: Path, layer: str = "toilets", **wishes: Any) -> Whole:
    """What the reader of that ending gives; an honest file's records are as many as were counted."""
    opened = READERS[path.suffix.lower()](path, layer, Wishes(**wishes))
    whole = Whole(list(opened.pieces), opened.counted)
    for piece in whole.pieces:
        assert (piece.headings, piece.datum) == (whole.headings, whole.datum)
        assert len(piece.rows) == len(piece.values) == len(piece.geometry)
        assert all(len(row) == len(piece.headings) for row in piece.values)
    told = [note for piece in whole.pieces for note in piece.notes]
    assert all(note not in told[:at] for at, note in enumerate(told))
    if whole.counted is not None:
        assert whole.counted == len(whole.rows)
    return whole


def refused(path: Path, layer: str = "toilets", **wishes: Any) -> LayerError:
    with pytest.raises(LayerError) as caught:
        read(path, layer, **wishes)
    assert path.name in str(caught.value)
    assert "member0" not in str(caught.value)
    assert str(path.parent) not in str(caught.value)
    return caught.value


def saved(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def geojson(path: Path, *features: object, **members: object) -> Path:
    path.write_text(json.dumps({"type": "FeatureCollection", **members, "features": features}), "utf-8")
    return path


def feature(geometry: object = POINT, **properties: object) -> dict[str, object]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def places(crs: str | None = "EPSG:4326", **columns: list[object]) -> gpd.GeoDataFrame:
    held = columns or {"name": ["甲公厕", "乙公厕"]}
    return gpd.GeoDataFrame(held, geometry=[Point(114.31, 30.51), Point(114.32, 30.52)], crs=crs)


def shapefile(
    folder: Path, name: str = "layer", *, crs: str | None = "EPSG:4326", encoding: str = "UTF-8"
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    pyogrio.write_dataframe(places(crs), folder / f"{name}.shp", encoding=encoding)
    return folder


def zipped(path: Path, folder: Path, prefix: str = "", *, leave_out: Sequence[str] = ()) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for part in sorted(folder.iterdir()):
            if part.suffix not in leave_out:
                archive.write(part, prefix + part.name)
    return path


def archive(path: Path, **members: bytes | str) -> Path:
    """A zip; in the names `__` stands for a slash and `_` for a dot."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(name.replace("__", "/").replace("_", "."), content)
    return path
