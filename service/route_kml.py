"""A plan as KML 2.2: a folder per team with its stops and legs in the team's colour."""

from __future__ import annotations

import html
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from typing import Any

from . import route_words
from .i18n import Lang, text
from .route_colours import colour_of
from .route_days import Call, Day, days, heading, left_out, moment, notices, site_name, told, utc

NAMESPACE = "http://www.opengis.net/kml/2.2"


def kml(record: Mapping[str, Any], lang: Lang) -> bytes:
    """UTF-8 text; a stop lasts from its arrival to its leaving where the plan has a date.

    A description is HTML to the programs that show it, so what comes from the data is escaped twice.
    """
    root = ET.Element("kml", {"xmlns": NAMESPACE})
    document = ET.SubElement(root, "Document")
    _say(document, "name", heading(record, lang))
    _describe(document, notices(record, lang))
    plan = days(record, lang)
    for day in plan:
        _style(document, day)
    for day in plan:
        folder = _folder(document, day.title)
        _describe(folder, [day.line(lang)])
        for call in day.calls:
            _stop(folder, record, day, call, lang)
        for leg in day.drawn_legs():
            _leg(folder, record, day, leg, lang)
    _left_out(document, record, lang)
    ET.indent(root)
    written: bytes = ET.tostring(root, encoding="UTF-8", xml_declaration=True)
    return written + b"\n"


def _style(document: ET.Element, day: Day) -> None:
    style = ET.SubElement(document, "Style", {"id": _style_id(day)})
    colour = colour_of(day.team["id"])
    ordered = f"ff{colour[5:7]}{colour[3:5]}{colour[1:3]}"  # KML: opacity, blue, green, red
    _say(ET.SubElement(style, "IconStyle"), "color", ordered)
    line = ET.SubElement(style, "LineStyle")
    _say(line, "color", ordered)
    _say(line, "width", "5")


def _style_id(day: Day) -> str:
    return f"team{day.index + 1}"


def _stop(folder: ET.Element, record: Mapping[str, Any], day: Day, call: Call, lang: Lang) -> None:
    stop = call.stop
    mark = _placemark(folder, call.title, [told(call, lang), *filter(None, [call.address])])
    _span(mark, record, stop["arrive_s"], stop["leave_s"])
    _say(mark, "styleUrl", f"#{_style_id(day)}")
    _say(ET.SubElement(mark, "Point"), "coordinates", _coordinates([stop["enter"]]))


def _leg(folder: ET.Element, record: Mapping[str, Any], day: Day, leg: Mapping[str, Any], lang: Lang) -> None:
    name = f"{day.place(leg['from'], lang)} → {day.place(leg['to'], lang)}"
    mark = _placemark(folder, name, [route_words.way(leg, lang)])
    _span(mark, record, leg["depart_s"], leg["arrive_s"])
    _say(mark, "styleUrl", f"#{_style_id(day)}")
    line = ET.SubElement(mark, "LineString")
    _say(line, "tessellate", "1")
    _say(line, "coordinates", _coordinates(leg["path"]))


def _left_out(document: ET.Element, record: Mapping[str, Any], lang: Lang) -> None:
    left = left_out(record)
    if not left:
        return
    folder = _folder(document, text("plan.not_visited", lang, count=len(left)))
    for site, one in left:
        mark = _placemark(folder, site_name(site), [route_words.reason(one, lang)])
        _say(ET.SubElement(mark, "Point"), "coordinates", _coordinates([site["lonlat"]]))


def _folder(parent: ET.Element, name: str) -> ET.Element:
    folder = ET.SubElement(parent, "Folder")
    _say(folder, "name", name)
    return folder


def _placemark(folder: ET.Element, name: str, lines: Sequence[str]) -> ET.Element:
    mark = ET.SubElement(folder, "Placemark")
    _say(mark, "name", name)
    _describe(mark, lines)
    return mark


def _describe(parent: ET.Element, lines: Sequence[str]) -> None:
    _say(parent, "description", "<br>".join(html.escape(line) for line in lines))


def _span(mark: ET.Element, record: Mapping[str, Any], begin_s: int, end_s: int) -> None:
    if record["date"] is not None:
        span = ET.SubElement(mark, "TimeSpan")
        _say(span, "begin", utc(moment(record["date"], begin_s)))
        _say(span, "end", utc(moment(record["date"], end_s)))


def _coordinates(line: Sequence[Sequence[float]]) -> str:
    return " ".join(f"{lon:.6f},{lat:.6f}" for lon, lat in line)


def _say(parent: ET.Element, tag: str, words: str) -> None:
    ET.SubElement(parent, tag).text = words
