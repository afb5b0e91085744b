"""A plan as a calendar (RFC 5545): an event per stop, from its arrival to its leaving.

Times are in UTC, so no time zone has to be described; every calendar shows them in its own. An event
keeps its UID through the revisions of a plan and counts them in SEQUENCE, so that reading a newer
file moves the events instead of doubling them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from geo.errors import DesignError

from . import navigation
from .i18n import Lang, text
from .route_days import Call, Day, days, heading, moment, notices, told

FOLD = 75
"""Octets of a line without its end, at most."""


def calendar(record: Mapping[str, Any], lang: Lang) -> bytes:
    """One calendar with the stops of all teams.

    Raises
    ------
    DesignError
        `plan_date_needed`: the plan has no date.
    """
    if record["date"] is None:
        raise DesignError(
            f"the plan {record['name']} has no date, and a calendar needs one; plan with --date 2026-11-24",
            code="plan_date_needed", name=record["name"],
        )  # fmt: skip
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        f"PRODID:-//zhoubian//{record['version']}//{lang.upper()}",
        "CALSCALE:GREGORIAN",
        f"X-WR-CALNAME:{_text(heading(record, lang))}",
        *(
            line
            for day in days(record, lang)
            for call in day.calls
            for line in _event(record, day, call, lang)
        ),
        "END:VCALENDAR",
    ]
    return b"".join(_folded(line) for line in lines)


def _event(record: Mapping[str, Any], day: Day, call: Call, lang: Lang) -> Iterator[str]:
    stop, site = call.stop, call.site
    lon, lat = stop["enter"]
    link = navigation.amap(navigation.Place(stop["enter"], call.title), day.team["mode"])
    said = [told(call, lang), text("plan.team", lang, name=day.title), *notices(record, lang), link]
    yield "BEGIN:VEVENT"
    yield f"UID:{quote(record['name'], safe='')}-{quote(site['id'], safe='')}@zhoubian"
    yield f"DTSTAMP:{_utc(datetime.fromisoformat(record['created_at']))}"
    yield f"SEQUENCE:{record['revision']}"
    yield f"DTSTART:{_utc(moment(record['date'], stop['arrive_s']))}"
    yield f"DTEND:{_utc(moment(record['date'], stop['leave_s']))}"
    yield f"SUMMARY:{_text(call.title)}"
    if call.address:
        yield f"LOCATION:{_text(call.address)}"
    yield f"GEO:{lat:.6f};{lon:.6f}"
    yield f"CATEGORIES:{_text(day.name)}"
    yield "CLASS:CONFIDENTIAL"
    yield f"DESCRIPTION:{_text(chr(10).join(said))}"
    yield "END:VEVENT"


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _text(words: str) -> str:
    """A TEXT value: backslash, semicolon, comma and line breaks escaped."""
    for sign in ("\\", ";", ","):
        words = words.replace(sign, f"\\{sign}")
    return words.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\\n")


def _folded(line: str) -> bytes:
    """A line as octets, folded where it is longer than `FOLD`, never inside a character."""
    parts, rest, room = [], line.encode(), FOLD
    while len(rest) > room:
        cut = room
        while rest[cut] & 0xC0 == 0x80:
            cut -= 1
        parts.append(rest[:cut])
        rest, room = rest[cut:], FOLD - 1
    return b"\r\n ".join([*parts, rest]) + b"\r\n"
