"""GPX 1.0 and 1.1: waypoints where a layer takes points, tracks and routes where it takes lines."""

from __future__ import annotations

import re
from collections.abc import Generator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import shapely
from shapely.geometry.base import BaseGeometry

from .count_rows import count_elements
from .faults import Note
from .pieces import begun, unknown_part
from .read_kml import Unreadable, element_pieces
from .read_xml import Form, open_xml
from .reading import Opened, Wishes, unreadable
from .schema import LAYERS

GPX = Form("GPX", "gpx", frozenset({"wpt", "trk", "rte"}))
PARTS = {"waypoints": ("wpt",), "tracks": ("trk",), "routes": ("rte",)}
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_GEOMETRY = ("trkseg", "rtept", "link", "bounds")


def read_gpx(path: Path, layer: str, wishes: Wishes) -> Opened:
    """What fits the geometry of the layer, or the part named: waypoints, tracks, routes.

    Raises
    ------
    LayerError
        `gpx_no_areas` for a layer of areas alone, `gpx_nothing_fits` where the file has none of what fits,
        `part_unknown`.
    """
    return begun(_steps(path, layer, wishes))


def gpx_parts(path: Path) -> list[str]:
    """Which of waypoints, tracks and routes the file has."""
    counts = _counts(path, Wishes())
    return [part for part, tags in PARTS.items() if any(counts[tag] for tag in tags)]


def _counts(path: Path, wishes: Wishes) -> dict[str, int]:
    counts = dict.fromkeys(GPX.records, 0)
    for record in open_xml(path, GPX, wishes).records():
        counts[record.element.tag] += 1
    return counts


def _fitting(path: Path, layer: str, part: str | None) -> tuple[str, ...]:
    if part is not None:
        if part not in PARTS:
            raise unknown_part(path, list(PARTS), part)
        return PARTS[part]
    geometry = LAYERS[layer].geometry
    if "Point" in geometry:
        return ("wpt",)
    if "LineString" in geometry:
        return ("trk", "rte")
    raise unreadable(
        path, "GPX holds points and lines, and this layer needs areas; draw them", code="gpx_no_areas"
    )


def _steps(path: Path, layer: str, wishes: Wishes) -> Generator[Any, None, None]:
    tags = _fitting(path, layer, wishes.part)
    file = open_xml(path, GPX, wishes)
    headings: dict[str, None] = {}
    counts = dict.fromkeys(GPX.records, 0)
    for record in file.records():
        counts[record.element.tag] += 1
        if record.element.tag in tags:
            headings.update(dict.fromkeys(_texts(record.element)))
    facts = {"waypoints": counts["wpt"], "tracks": counts["trk"], "routes": counts["rte"]}
    if not any(counts[tag] for tag in tags):
        raise unreadable(
            path,
            f"nothing in it fits this layer: {counts['wpt']} waypoints, {counts['trk']} tracks,"
            f" {counts['rte']} routes",
            code="gpx_nothing_fits",
            **facts,
        )
    notes = []
    if any(count for tag, count in counts.items() if tag not in tags):
        notes.append(Note("gpx_read", {"read": sum(counts[tag] for tag in tags), **facts}))
    yield None if file.encoding.startswith("utf-16") else count_elements(path, *tags)
    wanted = (record.element for record in file.records() if record.element.tag in tags)
    yield from element_pieces(wanted, list(headings), _texts, _shape, notes)


def _texts(element: Element) -> dict[str, str]:
    """Column -> text of the element's own children and of its extensions."""
    found: dict[str, str] = {}
    for child in element:
        held = child.iter() if child.tag == "extensions" else [child]
        for leaf in held:
            text = (leaf.text or "").strip()
            if text and not len(leaf) and leaf.tag not in _GEOMETRY:
                found.setdefault(leaf.tag, text)
    return found


def _shape(element: Element) -> BaseGeometry:
    if element.tag == "wpt":
        return shapely.Point(_position(element))
    if element.tag == "rte":
        return _line([_position(point) for point in element.iterfind("rtept")])
    lines = [[_position(point) for point in run.iterfind("trkpt")] for run in element.iterfind("trkseg")]
    # a receiver that was switched on and off leaves runs without a point
    lines = [line for line in lines if line]
    if not lines:
        raise Unreadable("a track without points")
    return _line(lines[0]) if len(lines) == 1 else shapely.MultiLineString([_line(line) for line in lines])


def _line(positions: list[tuple[float, float]]) -> shapely.LineString:
    if len(positions) < 2:
        raise Unreadable(f"a line of {len(positions)} points")
    return shapely.LineString(positions)


def _position(element: Element) -> tuple[float, float]:
    told = [element.get(name, "").strip() for name in ("lon", "lat")]
    if not all(map(_NUMBER.fullmatch, told)):
        raise Unreadable(f"lon {told[0] or 'missing'}, lat {told[1] or 'missing'}")
    return float(told[0]), float(told[1])
