"""A plan as the days of its teams: each stop with its site, named the same way on every output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from layers.write import printable

from . import navigation, route_words
from .clock import SHANGHAI
from .i18n import Lang, text


@dataclass(frozen=True)
class Call:
    """One stop of a team.

    Parameters
    ----------
    label : str
        The team's id and the stop's number: ``2-05``.
    stop, site : mapping
        As the plan records them.
    name : str
        Of the site, or its id where it has none.
    address : str
        Empty where none is known.
    """

    label: str
    stop: Mapping[str, Any]
    site: Mapping[str, Any]
    name: str
    address: str

    @property
    def title(self) -> str:
        """Label and name."""
        return f"{self.label} {self.name}"


@dataclass(frozen=True)
class Day:
    """A team with its route.

    Parameters
    ----------
    index : int
        Counts the teams of the plan from 0.
    number : str
        The id of the team, which it keeps when another team falls out; it chooses the colour.
    name : str
        As it was given, else "team" and its number; without control characters.
    """

    index: int
    number: str
    name: str
    team: Mapping[str, Any]
    route: Mapping[str, Any]
    calls: tuple[Call, ...]

    @property
    def title(self) -> str:
        """Number and name."""
        return self.name if self.number in self.name else f"{self.number} {self.name}"

    def drawn_legs(self) -> list[Mapping[str, Any]]:
        """The legs that are a way: no line stands for one that there is not."""
        return [leg for leg in self.route["legs"] if leg["metres"] is not None and len(leg["path"]) > 1]

    def way_to(self, call: Call) -> Mapping[str, Any] | None:
        """The leg that ends at a stop; None to the first one from an open start."""
        return next((leg for leg in self.route["legs"] if leg["to"] == call.site["id"]), None)

    def origin(self, call: Call, lang: Lang) -> navigation.Place | None:
        """Where the leg to a stop begins."""
        way = self.way_to(call)
        if way is None or not way["path"]:
            return None
        return navigation.Place(way["path"][0], self.place(way["from"], lang))

    def line(self, lang: Lang) -> str:
        """The team and its day in one line."""
        return route_words.team_line({**self.team, "name": self.name}, self.route, lang)

    def place(self, end: str, lang: Lang) -> str:
        """What the end of a leg is called: a stop by its title, the team's start and end by name."""
        for call in self.calls:
            if call.site["id"] == end:
                return call.title
        named = self.team["start_name"]
        if end == "end" and self.team["end"] != self.team["start"]:
            named = None
        return printable(named) if named else text(f"plan.{end}", lang)


def days(record: Mapping[str, Any], lang: Lang) -> list[Day]:
    """The teams of a plan in their order, those without stops too."""
    sites = {site["id"]: site for site in record["sites"]}
    found = []
    for index, (team, route) in enumerate(zip(record["teams"], record["routes"], strict=True)):
        number = printable(team["id"])
        name = printable(route_words.team_name(team, lang))
        calls = tuple(_call(number, stop, sites[stop["site"]]) for stop in route["stops"])
        found.append(Day(index, number, name, team, route, calls))
    return found


def _call(number: str, stop: Mapping[str, Any], site: Mapping[str, Any]) -> Call:
    address = printable(site["address"] or "")
    return Call(f"{number}-{stop['number']:02d}", stop, site, site_name(site), address)


def site_name(site: Mapping[str, Any]) -> str:
    """The name of a site, or its id where it has none; without control characters."""
    return printable(site["name"] or site["unit"])


def left_out(record: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """The sites that are not visited, each with what the plan says of it."""
    sites = {site["id"]: site for site in record["sites"]}
    return [(sites[one["site"]], one) for one in record["dropped"]]


def moment(on: str, seconds: int) -> datetime:
    """Seconds of a day, written 2026-11-24, in Asia/Shanghai."""
    return datetime.combine(date.fromisoformat(on), time(), SHANGHAI) + timedelta(seconds=seconds)


def utc(at: datetime) -> str:
    """A moment as ``2026-11-24T00:05:00Z``."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def exact_time(seconds: int) -> str:
    """Seconds of the day as 08:05:59."""
    return f"{route_words.clock_time(seconds)}:{seconds % 60:02d}"


def heading(record: Mapping[str, Any], lang: Lang) -> str:
    """What every output begins with: whose it is, what it is, and its name."""
    return text("plan.heading", lang, name=printable(record["name"]), revision=record["revision"])


def notices(record: Mapping[str, Any], lang: Lang) -> list[str]:
    """What every output says of the plan: that it is internal, what travel was measured on, warnings."""
    said = [
        text("plan.internal", lang),
        f"{text('route.label.roads', lang)}: {route_words.roads(record, lang)}",
        record["roads"]["source"],
        *route_words.warnings(record, lang),
    ]
    return [printable(line) for line in said if line]


def told(call: Call, lang: Lang) -> str:
    """A stop in one line: kind, arrival, waiting, leaving, and how it is entered."""
    stop = call.stop
    words = text(
        "plan.stop", lang, kind=route_words.kind(call.site, lang), arrive=exact_time(stop["arrive_s"]),
        leave=exact_time(stop["leave_s"]),
    )  # fmt: skip
    if stop["wait_s"]:
        words += text("plan.wait", lang, begin=exact_time(stop["begin_s"]))
    if stop["late_s"]:
        words += text("plan.late", lang, late=route_words.minutes(stop["late_s"], lang))
    return words
