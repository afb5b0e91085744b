"""KML and KMZ: placemarks with their extended data, folder by folder.

Read by our own code (OGC KML 2.2): GDAL makes 0,0 of coordinates it cannot read, and drops
placemarks, both without a word. No link, icon or style is ever followed.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geo.crs import WGS84

from .bundle import look, shown_as, unpack
from .count_rows import count_elements
from .faults import Note, shorten, storable
from .pieces import batches, begun, choose, listed, unknown_part
from .read_xml import Form, Record, XmlFile, open_xml
from .reading import Opened, Reading, Wishes, unreadable

KML = Form("KML", "kml", frozenset({"Placemark"}), frozenset({"Document", "Folder"}))
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_POSITION = re.compile(rf"({_NUMBER}),({_NUMBER})(?:,(?:{_NUMBER})?)?", re.ASCII)
_TRACK_POINT = re.compile(rf"({_NUMBER})\s+({_NUMBER})(?:\s+{_NUMBER})?", re.ASCII)
_LOOSE_COMMA = re.compile(r"\s*,\s*")
_SHAPES = frozenset(
    {"Point", "LineString", "LinearRing", "Polygon", "MultiGeometry", "Track", "MultiTrack", "Model"}
)
_MULTI: dict[str, Callable[..., BaseGeometry]] = {
    "Point": shapely.MultiPoint,
    "LineString": shapely.MultiLineString,
    "Polygon": shapely.MultiPolygon,
}
_TEXTS = ("name", "description", "address", "phoneNumber")


def read_kml(path: Path, layer: str, wishes: Wishes) -> Opened:
    """The placemarks of a folder: the one named, the only one, or the one called like the layer.

    A folder that is named brings the folders inside it along. What Google calls extended data
    becomes columns; a description is kept as the text it is.
    """
    return begun(_steps(path, layer, wishes, []))


def read_kmz(path: Path, layer: str, wishes: Wishes) -> Opened:
    """The main document of a KMZ, doc.kml or the first at the top; which one is told in a note."""
    return begun(_unzipped(path, layer, wishes))


def kml_parts(path: Path) -> list[str]:
    """Folders that hold placemarks, as `path/of/folders`."""
    return _drawn(_folders(open_xml(path, KML, Wishes()))[0])


def kmz_parts(path: Path) -> list[str]:
    """Folders of the main document."""
    with tempfile.TemporaryDirectory() as folder:
        document, name, _ = _main_document(path, Path(folder))
        with shown_as(document, f"{path.name}/{storable(name)}"):
            return kml_parts(document)


def _unzipped(path: Path, layer: str, wishes: Wishes) -> Generator[Any, None, None]:
    with tempfile.TemporaryDirectory() as folder:
        document, name, notes = _main_document(path, Path(folder))
        with shown_as(document, f"{path.name}/{storable(name)}"):
            yield from _steps(document, layer, wishes, notes)


def _main_document(path: Path, folder: Path) -> tuple[Path, str, list[Note]]:
    contents = look(path, (".kml",))
    entries = contents.entries
    if not entries:
        raise unreadable(path, "there is no .kml in it; export it again", code="kmz_empty")
    # the standard: doc.kml, or the first at the top
    chosen = min(entries, key=lambda entry: (entry.name != "doc.kml", "/" in entry.name))
    unsafe = [name for name in contents.ignored if name in contents.unsafe]
    notes = [Note("zip_ignored", {"count": len(unsafe), "names": listed(unsafe)})] if unsafe else []
    if len(entries) > 1:
        others = listed(entry.name for entry in entries if entry != chosen)
        notes.append(Note("other_layers", {"read": storable(chosen.name), "others": others}))
    return unpack(path, chosen, folder), chosen.name, notes


@dataclass
class Folder:
    """Placemarks that lie directly in a folder: how many, any geometry, the columns they have."""

    marks: int = 0
    drawn: bool = False
    headings: dict[str, None] = field(default_factory=dict)


# -- placemarks ------------------------------------------------------------------------------------


def _folders(file: XmlFile) -> tuple[dict[str, Folder], int]:
    """Folders by name, and the placemarks of the file."""
    found: dict[str, Folder] = {}
    marks = 0
    for record in file.records():
        folder = found.setdefault(_folder(record), Folder())
        folder.marks += 1
        marks += 1
        folder.drawn = folder.drawn or any(child.tag in _SHAPES for child in record.element)
        folder.headings.update(dict.fromkeys(_texts(record.element)))
    return found, marks


def _drawn(folders: dict[str, Folder]) -> list[str]:
    """Folders with any geometry; all, where none has."""
    return [name for name, folder in folders.items() if folder.drawn] or list(folders)


def _folder(record: Record) -> str:
    return "/".join(record.folders) or "kml"


def _inside(name: str, part: str) -> bool:
    return any(told == part or told.startswith(f"{part}/") for told in (name, storable(name)))


def _steps(path: Path, layer: str, wishes: Wishes, notes: list[Note]) -> Generator[Any, None, None]:
    file = open_xml(path, KML, wishes)
    folders, marks = _folders(file)
    links = file.elements["NetworkLink"]
    chosen, told = _chosen(path, folders, links, layer, wishes.part)
    notes = [*notes, *told]
    if links:
        notes.append(Note("links_ignored", {"count": links}))
    inside = [folder for name, folder in folders.items() if _inside(name, chosen)]
    headings = dict.fromkeys(heading for folder in inside for heading in folder.headings)
    others = marks - sum(folder.marks for folder in inside)
    yield None if file.encoding.startswith("utf-16") else count_elements(path, "Placemark") - others
    wanted = (record.element for record in file.records() if _inside(_folder(record), chosen))
    yield from element_pieces(wanted, list(headings), _texts, placemark_shape, notes)


def element_pieces(
    elements: Iterable[Element],
    headings: list[str],
    texts: Callable[[Element], dict[str, str]],
    shape: Callable[[Element], BaseGeometry | None],
    notes: list[Note],
) -> Iterator[Reading]:
    """Elements of an XML file as records: their texts by heading, their geometry in WGS-84."""
    for batch in batches(enumerate(elements, start=1)):
        rows = [str(number) for number, _ in batch]
        held = [element for _, element in batch]
        faults: dict[str, str] = {}
        yield Reading(
            headings=[storable(heading) for heading in headings],
            rows=rows,
            values=[[told.get(key) for key in headings] for told in map(texts, held)],
            geometry=shapes(held, rows, faults, shape),
            geometry_faults=faults,
            datum=WGS84,
            notes=notes,
        )


def _chosen(
    path: Path, folders: dict[str, Folder], links: int, layer: str, part: str | None
) -> tuple[str, list[Note]]:
    if not folders:
        raise unreadable(
            path,
            f"it holds no placemark ({links} links to other files are not followed)",
            code="kml_empty",
            links=links,
        )
    if part is None:
        names = _drawn(folders)
        chosen, notes = choose(path, names, layer, None)
        bare = listed(name for name in folders if name not in names and not _inside(name, chosen))
        if bare and not notes:
            notes.append(Note("other_layers", {"read": storable(chosen), "others": bare}))
        return chosen, notes
    if not any(_inside(name, part) for name in folders):
        raise unknown_part(path, list(folders), part)
    return part, []


def _texts(mark: Element) -> dict[str, str]:
    """Column -> text. A placemark's own name comes before one in its extended data, its id after."""
    found = {name: text for name in _TEXTS if (text := (mark.findtext(name) or "").strip())}
    when = mark.findtext("TimeStamp/when") or mark.findtext("TimeSpan/begin")
    if when:
        found["when"] = when.strip()
    for data in mark.iterfind("ExtendedData//*[@name]"):
        told = data.text if data.tag == "SimpleData" else data.findtext("value")
        if data.tag in ("SimpleData", "Data") and told and told.strip():
            found.setdefault(data.attrib["name"], told.strip())
    if "id" in mark.attrib:
        found.setdefault("id", mark.attrib["id"])
    return found


# -- geometry --------------------------------------------------------------------------------------


class Unreadable(Exception):
    """Why a geometry cannot be read: what stands in the file."""


def shapes(
    elements: list[Element],
    rows: list[str],
    faults: dict[str, str],
    shape_of: Callable[[Element], BaseGeometry | None],
) -> NDArray[np.object_]:
    """The geometry of every element; None and an entry in `faults` where it cannot be read."""
    found: NDArray[np.object_] = np.full(len(elements), None, dtype=object)
    for number, element in enumerate(elements):
        try:
            found[number] = shape_of(element)
        except Unreadable as fault:
            faults[rows[number]] = storable(shorten(fault, 80)) or "no coordinates"
        except (shapely.GEOSException, ValueError) as fault:
            faults[rows[number]] = storable(shorten(fault, 80))
    return found


def placemark_shape(mark: Element) -> BaseGeometry | None:
    """The geometry of a placemark in WGS-84, x first, without height; None where it has none.

    Raises
    ------
    Unreadable
        If there is one and any part of it cannot be read.
    """
    drawn = [child for child in mark if child.tag in _SHAPES]
    return _together([_shape(child) for child in drawn]) if drawn else None


def _shape(element: Element) -> BaseGeometry:
    match element.tag:
        case "Point":
            [point] = _require(_positions(element), 1, 1)
            return shapely.Point(point)
        case "LineString":
            return shapely.LineString(_require(_positions(element), 2))
        case "LinearRing":
            return shapely.LineString(_ring(element))
        case "Polygon":
            outer = element.find("outerBoundaryIs/LinearRing")
            if outer is None:
                raise Unreadable("no outer boundary")
            holes = [_ring(ring) for ring in element.iterfind("innerBoundaryIs/LinearRing")]
            return shapely.Polygon(_ring(outer), holes)
        case "Track":
            return shapely.LineString(_require(list(_track(element)), 2))
        case "MultiGeometry" | "MultiTrack":
            return _together([_shape(child) for child in element if child.tag in _SHAPES])
    raise Unreadable(element.tag)


def _together(parts: list[BaseGeometry]) -> BaseGeometry:
    """One geometry alone, several of a kind as a multi-geometry, else a collection."""
    if not parts:
        raise Unreadable("no geometry inside")
    if len(parts) == 1:
        return parts[0]
    flat = [piece for part in parts for piece in getattr(part, "geoms", (part,))]
    kinds = {piece.geom_type for piece in flat}
    multi = _MULTI.get(kinds.pop()) if len(kinds) == 1 else None
    if multi is not None:
        return multi(flat)
    return shapely.GeometryCollection(flat)


def _positions(element: Element) -> list[tuple[float, float]]:
    """Positions of the element; a blank beside a comma belongs to no position."""
    text = (element.findtext("coordinates") or "").strip()
    found = []
    for told in _LOOSE_COMMA.sub(",", text).split():
        position = _POSITION.fullmatch(told)
        if position is None:
            raise Unreadable(told)
        found.append((float(position[1]), float(position[2])))
    return found


def _track(element: Element) -> Iterator[tuple[float, float]]:
    for coord in element.iterfind("coord"):
        position = _TRACK_POINT.fullmatch((coord.text or "").strip())
        if position is None:
            raise Unreadable(coord.text or "empty coord")
        yield float(position[1]), float(position[2])


def _ring(element: Element) -> list[tuple[float, float]]:
    ring = _require(_positions(element), 4)
    if ring[0] != ring[-1]:
        raise Unreadable(f"a ring that is not closed: {ring[0]} … {ring[-1]}")
    return ring


def _require(
    positions: list[tuple[float, float]], fewest: int, most: int | None = None
) -> list[tuple[float, float]]:
    if len(positions) < fewest or (most is not None and len(positions) > most):
        raise Unreadable(f"{len(positions)} positions")
    return positions
