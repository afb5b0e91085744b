"""A plan as GeoJSON (RFC 7946): stops, legs and the sites that are not visited."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from . import navigation, route_words
from .i18n import Lang
from .route_colours import colour_of
from .route_days import Call, Day, days, exact_time, heading, left_out, moment, notices, site_name


def geojson(record: Mapping[str, Any], lang: Lang) -> bytes:
    """One FeatureCollection; `role` says what a feature is: `stop`, `leg`, `not_visited`.

    Times stand three ways: whole seconds of the day as the plan has them (`arrive_s`), as text
    (`arrive`), and, where the plan has a date, as a moment (`arrive_at`). A leg without a way has no
    geometry.
    """
    features = [feature for day in days(record, lang) for feature in _day(record, day, lang)]
    features += [_left(site, one, lang) for site, one in left_out(record)]
    collection = {
        "type": "FeatureCollection",
        "title": heading(record, lang),
        "notices": notices(record, lang),
        "plan": {
            key: record[key] for key in ("name", "revision", "draw", "date", "engine", "roads", "totals")
        },
        "features": features,
    }
    return (json.dumps(collection, ensure_ascii=False, allow_nan=False, indent=1) + "\n").encode()


def _day(record: Mapping[str, Any], day: Day, lang: Lang) -> Iterator[dict[str, Any]]:
    common = {"team": day.team["id"], "team_name": day.name, "colour": colour_of(day.team["id"])}
    for call in day.calls:
        yield _feature("Point", call.stop["enter"], {"role": "stop", **common, **_stop(record, call, lang)})
    for leg in day.route["legs"]:
        facts = {
            "role": "leg", **common, "from": leg["from"], "to": leg["to"],
            "from_name": day.place(leg["from"], lang), "to_name": day.place(leg["to"], lang),
            "metres": leg["metres"], "seconds": leg["seconds"], **_times(record, leg, "depart", "arrive"),
        }  # fmt: skip
        yield _feature("LineString", leg["path"] if leg["metres"] is not None else None, facts)


def _stop(record: Mapping[str, Any], call: Call, lang: Lang) -> dict[str, Any]:
    stop, site = call.stop, call.site
    return {
        "label": call.label, "number": stop["number"], "site": site["id"], "name": call.name,
        "kind": route_words.kind(site, lang), "address": call.address or None,
        **_times(record, stop, "arrive", "begin", "leave"),
        "wait_s": stop["wait_s"], "slack_s": stop["slack_s"], "late_s": stop["late_s"],
        "exit": stop["exit"], "reversed": stop["reversed"], "geo": navigation.geo(stop["enter"]),
    }  # fmt: skip


def _times(record: Mapping[str, Any], of: Mapping[str, Any], *names: str) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for name in names:
        seconds = of[f"{name}_s"]
        told |= {f"{name}_s": seconds, name: exact_time(seconds), f"{name}_at": None}
        if record["date"] is not None:
            told[f"{name}_at"] = moment(record["date"], seconds).isoformat()
    return told


def _left(site: Mapping[str, Any], one: Mapping[str, Any], lang: Lang) -> dict[str, Any]:
    facts = {
        "role": "not_visited", "site": site["id"], "name": site_name(site),
        "kind": route_words.kind(site, lang), "reason": one["reason"], "why": route_words.reason(one, lang),
    }  # fmt: skip
    return _feature("Point", site["lonlat"], facts)


def _feature(kind: str, coordinates: Any, properties: dict[str, Any]) -> dict[str, Any]:
    geometry = None if coordinates is None else {"type": kind, "coordinates": coordinates}
    return {"type": "Feature", "properties": properties, "geometry": geometry}
