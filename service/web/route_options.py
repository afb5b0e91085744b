"""What the routes page sends, taken apart; what a page of ours would not send is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from geo.errors import DesignError

from ..usecases import routes
from ..usecases.route_sites import SitesWanted
from ..usecases.route_teams import TEAM_WORDS, TeamsWanted

MOST_SECONDS = 600
_LONGEST = 200
_LARGE = 1_000_000_000
_SITES = ("must", "lookback", "any_one")
_TEAMS = ("teams", "mode", "shift", "start", "start_anchor", "end", "max_work")
_PLAN = ("draw", "name", "date", "seconds", "seed")


def object_of(body: str) -> Mapping[str, Any]:
    """The body of a request: an object of JSON (DesignError `plan_request`)."""
    try:
        found = json.loads(body or "{}")
    except (ValueError, RecursionError) as fault:
        raise unfit("JSON") from fault
    if not isinstance(found, dict):
        raise unfit("JSON")
    return found


def unfit(what: str) -> DesignError:
    """What is raised for a field that is missing or not of its kind: `plan_request`."""
    return DesignError(
        f"the request is not one of this page ({what}); load the page anew and try again",
        code="plan_request", what=what,
    )  # fmt: skip


def words(told: Mapping[str, Any], field: str) -> str:
    """A field that holds a short text."""
    value = told.get(field)
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST:
        raise unfit(field)
    return value


def whole(told: Mapping[str, Any], field: str) -> int:
    """A field that holds a whole number, 0 or more."""
    value = told.get(field)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _LARGE:
        raise unfit(field)
    return value


def seconds_of(told: Mapping[str, Any]) -> float | None:
    """How long to solve; None where nothing is told."""
    value = told.get("seconds")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= MOST_SECONDS:
        raise unfit("seconds")
    return float(value)


def _ids(told: Any, field: str) -> tuple[str, ...]:
    if not isinstance(told, list):
        raise unfit(field)
    return tuple(words({field: one}, field) for one in told)


def wanted_of(told: Mapping[str, Any]) -> routes.Wanted:
    """What the form asks for, and what another program may ask for beside it."""
    unknown = told.keys() - {*_SITES, *_TEAMS, *_PLAN}
    if unknown:
        raise unfit(sorted(unknown)[0][:40])
    any_one = told.get("any_one") or []
    if not isinstance(any_one, list):
        raise unfit("any_one")
    sites = SitesWanted(
        must=_ids(told.get("must") or [], "must"),
        lookback=_ids(told.get("lookback") or [], "lookback"),
        any_one=tuple(_ids(group, "any_one") for group in any_one),
    )
    given: dict[str, Any] = {
        name: words(told, name) for name in _TEAMS if name != "teams" and told.get(name) is not None
    }
    given["teams"] = _teams(told.get("teams", 1))
    plan: dict[str, Any] = {
        name: words(told, name) for name in ("draw", "name") if told.get(name) is not None
    }
    if told.get("date") is not None:
        plan["date"] = _date(words(told, "date"))
    if told.get("seconds") is not None:
        plan["seconds"] = seconds_of(told)
    if told.get("seed") is not None:
        plan["seed"] = whole(told, "seed")
    return routes.Wanted(sites=sites, teams=TeamsWanted(**given), **plan)


def _teams(told: Any) -> int | tuple[dict[str, str], ...]:
    if isinstance(told, int) and not isinstance(told, bool):
        return min(max(told, 0), _LARGE)
    if not isinstance(told, list):
        raise unfit("teams")
    for team in told:
        if not isinstance(team, dict) or team.keys() - set(TEAM_WORDS):
            raise unfit("teams")
        for name in team:
            words(team, name)
    return tuple(told)


def _date(told: str) -> date:
    try:
        return date.fromisoformat(told)
    except ValueError as fault:
        raise unfit("date") from fault
