"""A plan as GPX 1.1: a track per team, a waypoint per stop, never a route.

A `rte` would be planned anew by the receiver; a `trk` is followed as it is. A track has a segment per
leg, because what is walked inside a site is no leg. WGS-84, as GPX says.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from . import route_words
from .i18n import Lang
from .route_days import Call, Day, days, heading, moment, notices, told, utc

NAMESPACE = "http://www.topografix.com/GPX/1/1"


def gpx(record: Mapping[str, Any], lang: Lang) -> bytes:
    """UTF-8 text; a waypoint's time is the arrival, in UTC, where the plan has a date."""
    root = ET.Element(
        "gpx", {"xmlns": NAMESPACE, "version": "1.1", "creator": f"zhoubian {record['version']}"}
    )
    metadata = ET.SubElement(root, "metadata")
    _say(metadata, "name", heading(record, lang))
    _say(metadata, "desc", "\n".join(notices(record, lang)))
    _say(metadata, "time", utc(datetime.fromisoformat(record["created_at"])))
    plan = days(record, lang)
    for day in plan:
        for call in day.calls:
            _waypoint(root, record, call, lang)
    for day in plan:
        _track(root, day, lang)
    ET.indent(root)
    written: bytes = ET.tostring(root, encoding="UTF-8", xml_declaration=True)
    return written + b"\n"


def _waypoint(root: ET.Element, record: Mapping[str, Any], call: Call, lang: Lang) -> None:
    point = _point(root, "wpt", call.stop["enter"])
    if record["date"] is not None:
        _say(point, "time", utc(moment(record["date"], call.stop["arrive_s"])))
    _say(point, "name", call.title)
    _say(point, "desc", told(call, lang))
    _say(point, "type", route_words.kind(call.site, lang))


def _track(root: ET.Element, day: Day, lang: Lang) -> None:
    track = ET.SubElement(root, "trk")
    _say(track, "name", day.title)
    _say(track, "desc", day.line(lang))
    _say(track, "number", str(day.index + 1))
    for leg in day.drawn_legs():
        segment = ET.SubElement(track, "trkseg")
        for lonlat in leg["path"]:
            _point(segment, "trkpt", lonlat)


def _point(parent: ET.Element, tag: str, lonlat: Sequence[float]) -> ET.Element:
    return ET.SubElement(parent, tag, {"lat": f"{lonlat[1]:.6f}", "lon": f"{lonlat[0]:.6f}"})


def _say(parent: ET.Element, tag: str, words: str) -> None:
    ET.SubElement(parent, tag).text = words
