"""Open the list of a sealed mission, give a mission its plan, say how its stops stand."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from geo.errors import DesignError
from layers.missions import Access, Mission, Missions, Result, sealed_error
from layers.store import Store
from layers.tables import results

from . import draws, mission_sites, missions


def start(
    store: Store, name: str, second: str | None, *, now: datetime, who: str, plan: str | None = None
) -> Mission:
    """Open the list of an unannounced mission at or after its start, or give a mission its plan.

    Parameters
    ----------
    second : str or None
        The second value of the sealed draw, named by somebody else; None where the list is open.
    plan : str, optional
        A plan for the draw of the mission.

    Raises
    ------
    DesignError
        `mission_sealed` before the start, `mission_second`, `mission_started`, `mission_plan_other`.
    """
    held = Missions(store)
    mission = held.mission(name)
    if mission.is_sealed:
        held.log(Access(now, who, "start_refused" if now < mission.starts_at else "start", name))
        if now < mission.starts_at:
            raise sealed_error(mission)
        mission = _unsealed(store, mission, second, now=now, who=who)
    elif plan is None:
        raise DesignError(
            f"the list of the mission {name!r} is open already; zhoubian mission show {name} tells it, and"
            " --plan gives it a plan",
            code="mission_started", name=name,
        )  # fmt: skip
    return mission if plan is None else _planned(store, mission, plan, now=now)


def _unsealed(store: Store, mission: Mission, second: str | None, *, now: datetime, who: str) -> Mission:
    assert mission.draw is not None  # noqa: S101 - `_seal` has made sure
    if store.draw(mission.draw).state == "sealed":
        if second is None:
            raise DesignError(
                f"the list of {mission.name!r} is sealed; name the second value that was"
                " agreed on with --second",
                code="mission_second", name=mission.name,
            )  # fmt: skip
        draws.unseal(store, mission.draw, second, now=now)
    wanted = mission_sites.joined(
        missions.open_sites(store, mission.draw, None), mission_sites.named(store, mission.record["must"])
    )
    found, gone = mission_sites.described(store, wanted)
    seal = {**mission.record["seal"], "started_at": now.isoformat(), "started_by": who}
    record = {**mission.record, "sites": found, "gone": gone, "seal": seal}
    return _replaced(store, mission, record, now)


def _planned(store: Store, mission: Mission, plan: str, *, now: datetime) -> Mission:
    """The mission with the teams and the order of a plan, and its further sites; statuses stay."""
    planned = store.plan(plan).record
    missions.require_same_draw(mission.draw, plan, planned)
    known = {mission_sites.key_of(site): site for site in mission.sites}
    told = mission_sites.of_plan(planned)
    more, gone = mission_sites.described(store, {key: one for key, one in told.items() if key not in known})
    if twice := sorted({site["id"] for site in more} & {site["id"] for site in mission.sites}):
        raise DesignError(
            f"the plan {plan!r} adds sites that bear the id of others in this mission"
            f" ({', '.join(twice[:5])}); take them out of the plan, or make a mission of the plan",
            code="mission_site_twice", plan=plan, ids=", ".join(twice[:5]),
        )  # fmt: skip
    kept = [
        {**site, "team": None, "order": None}
        if key not in told
        else {**site, "team": told[key].team, "order": told[key].order,
              "must_visit": site["must_visit"] or told[key].must_visit}
        for key, site in known.items()
    ]  # fmt: skip
    record = {**mission.record, "sites": mission_sites.in_order([*kept, *more]),
              "gone": [*mission.record["gone"], *gone]}  # fmt: skip
    return _replaced(store, mission, record, now, plan=plan)


def _replaced(store: Store, mission: Mission, record: dict[str, Any], now: datetime, **after: Any) -> Mission:
    held = Missions(store)
    held.replace(mission, record, changed_at=now, **after)
    return held.mission(mission.name)


def set_status(
    store: Store,
    name: str,
    site: str,
    status: str,
    *,
    why: str | None = None,
    now: datetime,
    who: str,
    revision: int | None = None,
) -> Mission:
    """Say how a stop stands.

    Parameters
    ----------
    status : one of `missions.STATUSES`
    why : str or None
        Must be told for a site that is skipped.
    revision : int, optional
        The revision that the user saw.

    Raises
    ------
    DesignError
        `mission_status`, `mission_why`, `mission_site_unknown`, or `mission_site_seen`: a site with
        results was visited, whatever anybody says.
    StoreError
        `mission_changed`.
    """
    if status not in missions.STATUSES:
        raise DesignError(
            f"{status[:40]!r} is no status of a stop; write {', '.join(missions.STATUSES)}",
            code="mission_status", given=status[:40], known=", ".join(missions.STATUSES),
        )  # fmt: skip
    why = (why or "").strip() or None
    if status == "skipped" and why is None:
        raise DesignError("say why the site is skipped, with --why", code="mission_why")
    with store.writing() as connection:
        held = Missions(store, connection)
        mission = held.mission(name)
        missions.require_open(mission, now)
        chosen = mission_sites.one_of(mission, site)
        if revision is not None and revision != mission.revision:
            mission = replace(mission, revision=revision)  # which the store refuses
        if status != "visited" and (count := len(_seen(held, mission, chosen["id"]))):
            raise DesignError(
                f"{count} items were looked at at {chosen['id']}, so it was visited;"
                " correct the results first",
                code="mission_site_seen", site=chosen["id"], count=count,
            )  # fmt: skip
        sites = [
            {**one, "status": status, "why": why, "said_by": who} if one is chosen else one
            for one in mission.sites
        ]
        held.replace(mission, {**mission.record, "sites": sites}, changed_at=now)
        return held.mission(name)


def _seen(held: Missions, mission: Mission, site: str) -> list[Result]:
    return held.results(
        results.c.mission == mission.name, results.c.site == site, results.c.verdict != "unseen"
    )
