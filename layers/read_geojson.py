"""GeoJSON by the standard library, feature by feature, so that no link in it is ever followed.

A file is gone through twice: once for its headings and its datum, once for its features. Only a
piece of them is in memory at a time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.crs import WGS84

from .count_rows import count_features
from .decoding import find_encoding, text_chunks
from .faults import Note, storable
from .pieces import batches, begun
from .reading import Opened, Reading, Wishes, not_what_it_says, require_text

_EPSG = re.compile(
    r"(?:urn:(?:x-)?ogc:def:crs:EPSG:[\w.]*:|EPSG:|https?://www\.opengis\.net/def/crs/EPSG/[\w.]+/)(\d{4,6})",
    re.IGNORECASE,
)
_CRS84 = re.compile(
    r"(?:urn:(?:x-)?ogc:def:crs:OGC:[\w.]*:|OGC:|https?://www\.opengis\.net/def/crs/OGC/[\w.]+/)CRS84",
    re.IGNORECASE,
)
_GEOMETRIES = (
    "Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection",
)  # fmt: skip
_NEXT = re.compile(r"[ \t\r\n]*,[ \t\r\n]*(?={)")
_BLANKS = re.compile(r"[ \t\r\n\x1e]*")


def read_geojson(path: Path, layer: str, wishes: Wishes) -> Opened:  # noqa: ARG001 - every reader takes the layer
    """A FeatureCollection, a feature, a geometry, or one feature a line (RFC 7946, RFC 8142).

    The id beside the properties serves where they have none; a `crs` that is no name of a known
    form is handed on as unusable.

    Raises
    ------
    LayerError
        `file_disguised` if it is no GeoJSON, `file_encoding` if it is no text.
    """
    return begun(_steps(path, wishes))


def _steps(path: Path, wishes: Wishes) -> Generator[Any, None, None]:
    require_text(path, "GeoJSON")
    encoding = find_encoding(path, wishes.encoding)
    keys: dict[str, None] = {}
    stated = None
    for name, value in _records(path, encoding):
        if name is None:
            keys.update(dict.fromkeys(_properties(value) or ()))
        elif name == "crs":
            stated = value
    yield count_features(path) if encoding.startswith("utf-8") else None
    datum, unusable = _datum(stated)
    found = enumerate((value for name, value in _records(path, encoding) if name is None), start=1)
    for batch in batches(found):
        yield _piece(batch, list(keys), datum, unusable, encoding)


def _piece(
    batch: list[tuple[int, Any]], keys: list[str], datum: str | None, unusable: str | None, encoding: str
) -> Reading:
    rows = [str(number) for number, _ in batch]
    features = [feature for _, feature in batch]
    records = [_properties(feature) for feature in features]
    faults = {row: "not a feature" for row, record in zip(rows, records, strict=True) if record is None}
    return Reading(
        headings=[storable(key) for key in keys],
        rows=rows,
        values=[[(record or {}).get(key) for key in keys] for record in records],
        geometry=_geometry(features, rows, faults),
        geometry_faults=faults,
        datum=datum,
        datum_unusable=unusable,
        notes=[] if encoding.startswith("utf-8") else [Note("encoding", {"encoding": encoding.upper()})],
    )


def _properties(feature: Any) -> dict[str, Any] | None:
    """The properties with the feature's id, None where it is no feature."""
    if not isinstance(feature, dict):
        return None
    given = feature.get("properties")
    if given is not None and not isinstance(given, dict):
        return None
    return {**({"id": feature["id"]} if "id" in feature else {}), **(given or {})}


def _geometry(features: list[Any], rows: list[str], faults: dict[str, str]) -> NDArray[np.object_]:
    told: list[str | None] = []
    for row, feature in zip(rows, features, strict=True):
        shape = feature.get("geometry") if isinstance(feature, dict) else None
        if row in faults or shape is None:
            told.append(None)
        elif not isinstance(shape, dict) or _nested(shape):
            faults[row] = "no geometry"
            told.append(None)
        else:
            told.append(json.dumps(shape))
    geometry: NDArray[np.object_] = np.full(len(told), None, dtype=object)
    if told:
        geometry[:] = shapely.from_geojson(np.array(told, dtype=object), on_invalid="ignore")
    for number in np.flatnonzero(shapely.is_missing(geometry)):
        if told[number] is not None:
            faults[rows[number]] = str(told[number])[:80]
    return geometry


def _nested(shape: dict[str, Any]) -> bool:
    """A collection in a collection: the parser recurses, and a deep one would end the program."""
    members = shape.get("geometries")
    return isinstance(members, list) and any(
        isinstance(member, dict) and "geometries" in member for member in members
    )


def _datum(stated: Any) -> tuple[str | None, str | None]:
    """GeoJSON is WGS-84; an old `crs` member may name another one, a link is never followed."""
    if stated is None:
        return WGS84, None
    inside = stated.get("properties") if isinstance(stated, dict) else None
    name = inside.get("name") if isinstance(inside, dict) else None
    if isinstance(name, str):
        if _CRS84.fullmatch(name):
            return WGS84, None
        code = _EPSG.fullmatch(name)
        if code:
            return f"EPSG:{code[1]}", None
    return None, storable(name if isinstance(name, str) else str(stated))[:80]


# -- the text --------------------------------------------------------------------------------------


def _records(path: Path, encoding: str) -> Iterator[tuple[str | None, Any]]:
    """Every feature as (None, feature), every other member of the outermost object by its name."""
    text = _Text(text_chunks(path, encoding))
    try:
        yield from _outermost(text)
    except (ValueError, RecursionError) as fault:
        raise not_what_it_says(path, "GeoJSON", reason=storable(str(fault))[:120]) from fault


def _outermost(text: _Text) -> Iterator[tuple[str | None, Any]]:
    members: dict[str, Any] = {}
    listed = False
    for name, value in _members(text):
        if name is None or name == "features":
            listed = True
        else:
            members[name] = value
        if name != "features":
            yield name, value
    alone = text.peek() == ""
    if listed and alone:
        return
    kind = members.get("type")
    if alone and kind in _GEOMETRIES:
        yield None, {"properties": None, "geometry": members}
    elif kind == "Feature" and not listed:
        yield None, members
        while text.peek():
            yield None, text.value()
    else:
        raise ValueError("something follows its end" if listed else "it holds no features")


def _members(text: _Text) -> Iterator[tuple[str | None, Any]]:
    """Members of an object; those of the list `features` one by one, and then ("features", None)."""
    text.take("{")
    listed = False
    while text.peek() != "}":
        name = text.value()
        if not isinstance(name, str):
            raise ValueError("a name is missing")
        text.take(":")
        if name == "features":
            if listed:
                raise ValueError("it has two lists of features")
            listed = True
            yield from ((None, value) for value in _elements(text))
            yield name, None
        else:
            yield name, text.value()
        if text.peek() != "}":
            text.take(",")
            if text.peek() == "}":
                raise ValueError("a name is missing")
    text.take("}")


def _elements(text: _Text) -> Iterator[Any]:
    text.take("[")
    while text.peek() != "]":
        yield text.value()
        while text.comma():
            yield text.value()
        if text.peek() != "]":
            text.take(",")
            if text.peek() == "]":
                raise ValueError("an element is missing")
    text.take("]")


@dataclass
class _Text:
    """JSON read value by value from chunks of text."""

    chunks: Iterator[str]
    held: str = ""
    at: int = 0

    def peek(self) -> str:
        """The next character that is no blank, "" at the end."""
        while True:
            found = _BLANKS.match(self.held, self.at)
            self.at = self.at if found is None else found.end()
            if self.at < len(self.held) or not self._more():
                return self.held[self.at : self.at + 1]

    def take(self, wanted: str) -> None:
        """Pass over a sign that has to stand here."""
        if self.peek() != wanted:
            raise ValueError(f"{wanted} is missing")
        self.at += 1

    def comma(self) -> bool:
        """Pass over a comma and what is around it, where all that is in sight and an object follows."""
        found = _NEXT.match(self.held, self.at)
        if found is None:
            return False
        self.at = found.end()
        return True

    def value(self) -> Any:
        """The next value. What is cut off by the end of a chunk is read again with more text."""
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self.held, self.at)
            except json.JSONDecodeError:
                if not self._more():
                    raise
                continue
            # a number may go on in the next chunk
            if end == len(self.held) and self._more():
                continue
            self.at = end
            return value

    def _more(self) -> bool:
        """Twice as much text, so that a long value is tried only a few times."""
        kept = self.held[self.at :]
        added: list[str] = []
        wanted = max(1, len(kept))
        while wanted > 0 and (chunk := next(self.chunks, None)) is not None:
            added.append(chunk)
            wanted -= len(chunk)
        self.held, self.at = kept + "".join(added), 0
        return any(added)


_DECODER = json.JSONDecoder()
