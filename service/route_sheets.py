"""One sheet of paper per team: the map of its day, its stops, a checklist for each stop.

A page in one file that asks no network for anything and needs no script; printed, it is A4. The
code beside a stop opens Amap's page or app on a phone and leads from where the phone is to the stop:
a `geo:` link would be WGS-84 and exact, but few phones in China open one from their camera. It carries
the number of the stop, not its name.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import segno
from markupsafe import Markup

from geo.crs import GEOD
from layers.rules import checklist
from layers.write import printable

from . import navigation, route_words
from .i18n import Lang, text
from .maps import templates
from .resources import static_path
from .route_colours import colour_of
from .route_days import Call, Day, days, heading, notices
from .route_map import route_map

_ROOM, _ROW, _LINE, _LEAST_MAP, _FLOWING_MAP = 2265.0, 168.0, 38.0, 740.0, 950.0
"""Tenths of a millimetre on the first page: what map, stops and notices share, a stop, a line of notices,
the least height of a map, and its height where the stops run over to the next page."""
COMPASS = ("n", "ne", "e", "se", "s", "sw", "w", "nw")


def sheets(
    record: Mapping[str, Any],
    roads: gpd.GeoDataFrame | None,
    lang: Lang,
    *,
    source: str = "",
    teams: Sequence[int] | None = None,
) -> str:
    """The sheets of some teams as one HTML file.

    Parameters
    ----------
    record : mapping
        A plan (``zhoubian-plan/1``).
    roads : GeoDataFrame or None, EPSG:4326
        The road layer; what lies outside a map is left out.
    source : str
        Whose data the roads are.
    teams : sequence of int, optional
        Which teams, counted from 0; by default all. A team without stops has a sheet that says so.
    """
    chosen = [day for day in days(record, lang) if teams is None or day.index in teams]
    style = static_path("zhoubian", "route-sheet.css").read_text(encoding="utf-8") + _own_style(chosen, lang)
    return templates().get_template("route_sheet.html").render(
        lang=lang,
        say=lambda code, **facts: text(code, lang, **facts),
        title=heading(record, lang),
        style=Markup(style),  # noqa: S704 - ours: no text of a user is in it
        policy=f"default-src 'none'; style-src '{_digest(style)}'; base-uri 'none'; form-action 'none'",
        sheets=[_sheet(record, day, roads, source, lang) for day in chosen],
    )  # fmt: skip


def _sheet(
    record: Mapping[str, Any], day: Day, roads: gpd.GeoDataFrame | None, source: str, lang: Lang
) -> dict[str, Any]:
    """What the template shows of a team."""
    used = record["roads"]
    estimate = text("route.estimate", lang, circuity=used["circuity"]) if used["estimate"] else ""
    said = [line for line in notices(record, lang) if line not in (estimate, text("plan.internal", lang))]
    wide = 70 if lang == "zh" else 110  # signs in a line of notices
    lines = sum(1 + len(line) // wide for line in (*said, text("sheet.code_told", lang)))
    lines += 4 if estimate else 0
    height = _ROOM - _LINE * lines - _ROW * len(day.calls)
    fits = height >= _LEAST_MAP
    drawn = ""
    if day.calls:
        height = height if fits else _FLOWING_MAP
        drawn = route_map(day, roads, lang, height=height, source=source or record["roads"]["source"])
    return {
        "colour": day.index,
        "number": day.number,
        "name": day.name,
        "plan": printable(record["name"]),
        "facts": _facts(record, day, lang),
        "notices": said,
        "estimate": estimate,
        "fits": fits,
        "map": Markup(drawn),  # noqa: S704 - route_map escapes
        "stops": [_stop(day, call, lang) for call in day.calls],
        "depart": route_words.clock_time(day.route["depart_s"]),
        "back": route_words.clock_time(day.route["back_s"]),
        "start": None if day.team["start"] is None else day.place("start", lang),
        "end": None if day.team["end"] is None else day.place("end", lang),
        "home": None if day.team["end"] is None or not day.calls
        else route_words.way(day.route["legs"][-1], lang),
    }  # fmt: skip


def _facts(record: Mapping[str, Any], day: Day, lang: Lang) -> list[tuple[str, str]]:
    team, route, clock = day.team, day.route, route_words.clock_time
    over = (
        text("sheet.over", lang, time=route_words.minutes(route["over_s"], lang)) if route["over_s"] else ""
    )
    told = {
        "date": record["date"] or text("route.no_date", lang),
        "mode": text(f"route.mode.{team['mode']}", lang),
        "shift": f"{clock(team['shift'][0])}–{clock(team['shift'][1])}",
        "out": f"{clock(route['depart_s'])}–{clock(route['back_s'])}{over}",
        "stops": str(len(day.calls)),
        "km": f"{route['metres'] / 1000:.1f} km · {route_words.hours(route['travel_s'], lang)}",
    }
    return [(text(f"sheet.fact.{name}", lang), value) for name, value in told.items()]


def _stop(day: Day, call: Call, lang: Lang) -> dict[str, Any]:
    stop, site, clock = call.stop, call.site, route_words.clock_time
    way, mode = day.way_to(call), day.team["mode"]
    here, origin = navigation.Place(stop["enter"], call.title), day.origin(call, lang)
    opened = site["windows"][stop["window"]] if stop["window"] is not None else None
    return {
        "number": stop["number"],
        "label": call.label,
        "name": call.name,
        "kind": route_words.kind(site, lang),
        "address": call.address,
        "responsible": printable(site["responsible"] or ""),
        "entry": _entry(call, lang),
        "way": "" if way is None else route_words.way(way, lang),
        "arrive": clock(stop["arrive_s"]),
        "begin": clock(stop["begin_s"]),
        "leave": clock(stop["leave_s"]),
        "wait": route_words.minutes(stop["wait_s"], lang) if stop["wait_s"] else "",
        "slack": route_words.minutes(stop["slack_s"], lang),
        "late": route_words.minutes(stop["late_s"], lang) if stop["late_s"] else "",
        "open": "" if opened is None else f"{clock(opened[0])}–{clock(opened[1])}",
        "code": _code(navigation.amap(navigation.Place(stop["enter"], call.label), mode)),
        "amap": navigation.amap(here, mode, origin),
        "baidu": None if origin is None else navigation.baidu(origin, here, mode),
        "geo": navigation.geo(stop["enter"]),
        "items": [item.zh if lang == "zh" else item.en for item in checklist(site["checklist"])],
    }


def _entry(call: Call, lang: Lang) -> str:
    """At which end an alley is entered and at which it is left; empty for other sites."""
    enter, leave = call.stop["enter"], call.stop["exit"]
    if enter == leave:
        return ""
    bearing = GEOD.inv(*leave, *enter)[0]
    enters = round(bearing / 45) % 8
    return text(
        "sheet.entry", lang, enter=text(f"sheet.compass.{COMPASS[enters]}", lang),
        leave=text(f"sheet.compass.{COMPASS[(enters + 4) % 8]}", lang),
    )  # fmt: skip


def _code(address: str) -> Markup:
    """The QR code of an address as one path, its quiet zone included."""
    code = segno.make(address, error="m", boost_error=False, micro=False)
    drawn = code.svg_inline(omitsize=True, border=4, svgclass="code", lineclass=None)
    return Markup(drawn)  # noqa: S704 - squares only


def _own_style(chosen: Sequence[Day], lang: Lang) -> str:
    """The colour of each team, and the foot of every page."""
    teams = "".join(f".team-{day.index}{{--team:{colour_of(day.number)}}}" for day in chosen)
    return f'{teams}@page{{@bottom-left{{content:"{text("plan.internal", lang)}"}}}}'


def _digest(style: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode('ascii')}"
