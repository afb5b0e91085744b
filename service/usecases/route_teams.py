"""The teams of a plan: how many, from where, when, and how they move."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from geo.errors import DesignError
from geo.travel import MODES
from layers.rules import span_of
from layers.store import Store

from .route_sites import place_of

MOST_TEAMS = 60


@dataclass(frozen=True)
class TeamsWanted:
    """Teams as a user asks for them.

    Parameters
    ----------
    teams : int or tuple of dict
        So many alike, or one dict each with any of name, mode, start, end, shift, max_work, skills in
        the words of the options.
    mode, shift, start, start_anchor, end, max_work : str or None
        For every team that does not say otherwise. `start`, `end`: ``lon,lat``; `end` also ``same``
        (as the start) or ``open``; without a start a team begins at its first stop.
    """

    teams: int | tuple[Mapping[str, str], ...] = 1
    mode: str = "walk"
    shift: str = "08:00-12:00"
    start: str | None = None
    start_anchor: str | None = None
    end: str | None = None
    max_work: str | None = None


TEAM_WORDS = ("name", "mode", "start", "start_anchor", "end", "shift", "max_work", "skills")


def teams_of(store: Store, wanted: TeamsWanted) -> list[dict[str, Any]]:
    """The teams as the record holds them.

    Raises
    ------
    DesignError
        `no_teams`, `teams_many`, `team_names`, `mode_unknown`, `place_unreadable`, `span_unreadable`,
        `work_unreadable`.
    NotFoundError
        `site_unknown` for a start anchor.
    """
    count = wanted.teams if isinstance(wanted.teams, int) else len(wanted.teams)
    if count < 1:
        raise DesignError("a plan needs at least one team; say --teams 1 or more", code="no_teams")
    if count > MOST_TEAMS:  # before a list of so many is made
        raise DesignError(
            f"{count} teams are more than {MOST_TEAMS}; make a plan for each part of the city",
            code="teams_many", count=count, most=MOST_TEAMS,
        )  # fmt: skip
    asked: Sequence[Mapping[str, str]]
    asked = [{}] * count if isinstance(wanted.teams, int) else wanted.teams
    shared = {name: getattr(wanted, name) for name in TEAM_WORDS if hasattr(wanted, name)}
    teams = [_team(store, str(number), {**shared, **one}) for number, one in enumerate(asked, 1)]
    _require_apart(teams)
    return teams


def team_words(text: str) -> dict[str, str]:
    """``name=一组; mode=bike; skills=食品 英语`` as a dict.

    Raises
    ------
    DesignError
        `team_unreadable`.
    """
    told = {}
    for part in re.split(r"[;；]", text):
        if not part.strip():
            continue
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or name not in TEAM_WORDS or name in told:
            raise DesignError(
                f"{part.strip()[:40]!r} is no part of a team; write name=value with one of"
                f" {', '.join(TEAM_WORDS)}, each once, and ; between them",
                code="team_unreadable", given=part.strip()[:40], allowed=", ".join(TEAM_WORDS),
            )  # fmt: skip
        told[name] = value
    return told


def place(text: str) -> list[float]:
    """``114.3,30.6`` as [lon, lat].

    Raises
    ------
    DesignError
        `place_unreadable`, also for a latitude that comes first.
    """
    try:
        lon, lat = (float(part) for part in text.replace("，", ",").split(","))
    except ValueError:
        lon = lat = math.nan
    if not (-180 <= lon <= 180 and -85 <= lat <= 85):
        raise DesignError(
            f"{text[:40]!r} is no place; write longitude,latitude in degrees of WGS-84: 114.305,30.593",
            code="place_unreadable", given=text[:40],
        )  # fmt: skip
    return [round(lon, 6), round(lat, 6)]


def _require_apart(teams: Sequence[Mapping[str, Any]]) -> None:
    """A name says which team is meant: it is not that of another one, nor another one's number."""
    for team in teams:
        for other in teams:
            if team is not other and team["name"] in (other["name"], other["id"]):
                raise DesignError(
                    f"team {team['id']} is called {team['name']!r}, and so is team {other['id']};"
                    " give them different names, none the number of another",
                    code="team_names", name=team["name"], number=team["id"], other=other["id"],
                )  # fmt: skip


def _team(store: Store, number: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    mode = str(asked["mode"]).strip().lower()
    if mode not in MODES:
        raise DesignError(
            f"the mode {mode[:20]!r} is unknown; use {', '.join(MODES)}",
            code="mode_unknown", given=mode[:20], allowed=", ".join(MODES),
        )  # fmt: skip
    start, start_name = _start(store, asked)
    shift = span_of(str(asked["shift"]))
    return {
        "id": number, "name": _one_line(asked.get("name")) or number, "mode": mode,
        "start": start, "start_name": start_name, "end": _end(start, asked.get("end")),
        "shift": list(shift), "work_s": _work_s(shift, asked.get("max_work")),
        "skills": re.split(r"[\s,，、]+", asked["skills"].strip()) if asked.get("skills") else [],
    }  # fmt: skip


def _one_line(name: Any) -> str:
    """A name for headings and file names: without line breaks and control characters."""
    printable = "".join(letter if letter.isprintable() else " " for letter in str(name or ""))
    return " ".join(printable.split())[:40].rstrip()


def _start(store: Store, asked: Mapping[str, Any]) -> tuple[list[float] | None, str | None]:
    if asked.get("start"):
        return place(str(asked["start"])), None
    if asked.get("start_anchor"):
        return place_of(store, "anchors", str(asked["start_anchor"]))
    return None, None


def _end(start: list[float] | None, asked: Any) -> list[float] | None:
    if asked in (None, "", "same"):
        return start
    return None if asked == "open" else place(str(asked))


def _work_s(shift: tuple[int, int], asked: Any) -> int:
    """The longest working time: hours (3.5 or 3:30), never more than the shift."""
    whole = shift[1] - shift[0]
    if asked in (None, ""):
        return whole
    found = re.fullmatch(r"(\d{1,2})(?::([0-5]\d)|(\.\d{1,3}))?", str(asked).strip())
    seconds = round(3600 * (int(found[1]) + int(found[2] or 0) / 60 + float(found[3] or 0))) if found else 0
    if seconds <= 0:
        raise DesignError(
            f"{str(asked)[:20]!r} is no working time; write hours such as 3.5 or 3:30",
            code="work_unreadable", given=str(asked)[:20],
        )  # fmt: skip
    return min(seconds, whole)
