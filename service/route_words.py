"""A plan of routes in words: times, reasons, warnings and settings, the same on every output."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from .i18n import Lang, text

EVEN = 1.15
"""Longest over mean working time beyond which a plan is called uneven."""


def clock_time(seconds: int) -> str:
    """Seconds of the day as 08:05; the next day counts on: 24:10."""
    return f"{seconds // 3600:02d}:{seconds % 3600 // 60:02d}"


def minutes(seconds: float, lang: Lang) -> str:
    """A length of time in whole minutes, at least 1 for anything above 0."""
    return text("route.minutes", lang, minutes=_minutes(seconds))


def hours(seconds: float, lang: Lang) -> str:
    """A length of time in hours and minutes."""
    whole = round(seconds / 60)
    return text("route.hours", lang, hours=whole // 60, minutes=f"{whole % 60:02d}")


def kind(site: Mapping[str, Any], lang: Lang) -> str:
    """What kind of site it is."""
    if site["layer"] == "anchors":
        return text(f"map.class.{site['kind']}", lang)
    return text(f"cli.kind.{site['layer']}", lang)


def way(leg: Mapping[str, Any], lang: Lang) -> str:
    """How far and how long a leg is."""
    if leg["metres"] is None:
        return text("route.no_way", lang)
    return text("route.way", lang, metres=f"{leg['metres']:,.0f}", minutes=_minutes(leg["seconds"]))


def team_name(team: Mapping[str, Any], lang: Lang) -> str:
    """What a team is called; one without a name by its number."""
    return team["name"] if team["name"] != team["id"] else _called(team["id"], lang)


def _called(name: str, lang: Lang) -> str:
    """A name that is only a number is that of a team without one: a name is never another's number."""
    return text("route.team_number", lang, number=name) if name.isdecimal() and name.isascii() else name


def team_line(team: Mapping[str, Any], route: Mapping[str, Any], lang: Lang) -> str:
    """A team and its day in one line."""
    mode = text(f"route.mode.{team['mode']}", lang)
    if not route["stops"]:
        return text("route.team_idle", lang, name=team_name(team, lang), mode=mode)
    told = text(
        "route.team", lang, name=team_name(team, lang), mode=mode, depart=clock_time(route["depart_s"]),
        back=clock_time(route["back_s"]), stops=len(route["stops"]), work=hours(route["work_s"], lang),
        travel=hours(route["travel_s"], lang), km=f"{route['metres'] / 1000:.1f}",
    )  # fmt: skip
    if route["over_s"]:
        told += text("route.team_over", lang, minutes=_minutes(route["over_s"]))
    return told


def settings(record: Mapping[str, Any], lang: Lang) -> list[tuple[str, str]]:
    """What decided a plan: label and value."""
    chosen, engine = record["settings"], record["engine"]
    told = [
        ("plan", record["name"]),
        ("draw", record["draw"] or text("route.no_draw", lang)),
        ("date", record["date"] or text("route.no_date", lang)),
        ("roads", roads(record, lang)),
        ("engine", text(f"route.engine.{engine['name']}", lang, version=engine["version"])),
        ("seed", str(chosen["seed"])),
    ]
    return [(text(f"route.label.{label}", lang), value) for label, value in told]


def roads(record: Mapping[str, Any], lang: Lang) -> str:
    """What travel was measured on, and how far that can be trusted."""
    used = record["roads"]
    words = text(f"route.roads.{used['engine']}", lang, circuity=used["circuity"])
    return words + (text("route.approximate", lang) if used["approximate"] else "")


def reason(dropped: Mapping[str, Any], lang: Lang) -> str:
    """Why a site is not visited; times in whole minutes, rounded up."""
    facts = {
        name.removesuffix("_s"): math.ceil(value / 60) if name.endswith("_s") else value
        for name, value in dropped["facts"].items()
    }
    if "team" in facts:
        facts["team"] = _called(str(facts["team"]), lang)
    for name in ("priority", "lost_priority"):
        if name in facts:
            facts[name] = issues(facts[name])
    return text(f"route.reason.{dropped['reason']}", lang, **facts)


def issues(expected: float) -> str:
    """Expected issues to two places, smaller ones to two digits: most are far below one."""
    places = 2 if expected <= 0 else min(max(2, 1 - math.floor(math.log10(expected))), 9)
    return f"{expected:.{places}f}"


def warnings(record: Mapping[str, Any], lang: Lang) -> list[str]:
    """What to know before a plan is trusted."""
    told = []
    for warning in record["warnings"]:
        facts = dict(warning["facts"])
        if "mode" in facts:
            facts["mode"] = text(f"route.mode.{facts['mode']}", lang)
        if "layer" in facts:
            facts["layer"] = text(f"layer.{facts['layer']}", lang)
        told.append(text(f"route.warning.{warning['code']}", lang, **facts))
    if record["roads"]["estimate"]:
        told.insert(0, text("route.estimate", lang, circuity=record["roads"]["circuity"]))
    sums = record["totals"]
    if sums["required_visited"] < sums["required"]:
        missed = sums["required"] - sums["required_visited"]
        told.append(text("route.required_missed", lang, count=missed))
    if sums["longest_work_s"] > EVEN * sums["mean_work_s"]:
        ratio = sums["longest_work_s"] / sums["mean_work_s"]
        told.append(text("route.uneven", lang, ratio=f"{ratio:.2f}"))
    return told


def totals(record: Mapping[str, Any], lang: Lang) -> str:
    """What a plan comes to, in one line."""
    sums = record["totals"]
    share = 100 * sums["priority_visited"] / sums["priority"] if sums["priority"] else 100.0
    return text(
        "route.totals", lang, visited=sums["visited"], sites=sums["sites"],
        required=sums["required"], required_visited=sums["required_visited"], share=f"{share:.1f}",
        travel=hours(sums["travel_s"], lang), km=f"{sums['metres'] / 1000:.1f}",
        longest=hours(sums["longest_work_s"], lang), mean=hours(sums["mean_work_s"], lang),
    )  # fmt: skip


def _minutes(seconds: float) -> int:
    return max(round(seconds / 60), 1) if seconds > 0 else 0
