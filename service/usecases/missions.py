"""Make a mission, list them, hand one out to whoever may see it.

A mission is a list of sites with a status each: mock (模拟测评), unannounced (暗访: made from a sealed
draw, nobody knows the list before it starts), look-back (回头看: what failed in earlier missions) and
make-up (补检: what nobody saw in earlier missions). It keeps the version of the rules that it was
made with. Whoever asks for the list of an unannounced mission is written down.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from geo.errors import DesignError
from layers.missions import Access, Mission, Missions, sealed_error
from layers.rule_tables import digest, shipped
from layers.store import Store

from .. import clock
from ..supervision.rulebook import RuleBook
from . import draws, mission_sites, rule_books
from .mission_sites import Sites

FORMAT = "zhoubian-mission/1"
KINDS = ("mock", "unannounced", "lookback", "makeup")
STATUSES = ("planned", "visited", "skipped")


@dataclass(frozen=True, kw_only=True)
class MissionLine:
    """A mission in the list of all; what its list would give away is None while it is sealed.

    `failed` counts results that are not in order, `results` all of them.
    """

    name: str
    kind: str
    draw: str | None
    plan: str | None
    rules: str
    starts_at: datetime
    sealed: bool
    sites: int | None
    visited: int
    skipped: int
    results: int
    failed: int


# -- asking ----------------------------------------------------------------------------------------


def listing(store: Store) -> list[MissionLine]:
    """All missions, by their start."""
    held = Missions(store)
    counts = held.counts()
    return [_line(mission, counts.get(mission.name, {})) for mission in held.missions()]


def _line(mission: Mission, counts: Mapping[str, int]) -> MissionLine:
    status = [site["status"] for site in mission.sites]
    return MissionLine(
        name=mission.name, kind=mission.kind, draw=mission.draw, plan=mission.plan, rules=mission.rules,
        starts_at=mission.starts_at, sealed=mission.is_sealed,
        sites=None if mission.is_sealed else len(status), visited=status.count("visited"),
        skipped=status.count("skipped"), results=sum(counts.values()), failed=counts.get("no", 0),
    )  # fmt: skip


def of(store: Store, name: str, *, now: datetime, who: str, what: str = "list") -> Mission:
    """A mission with its list; who asks for that of an unannounced one is written down, answered or not.

    Parameters
    ----------
    what : str
        What the list is wanted for, as it is written down: ``list``, ``sheet``, ``results``.

    Raises
    ------
    NotFoundError
        `mission_unknown`.
    DesignError
        `mission_sealed` before its start, `mission_not_started` until it is opened.
    """
    held = Missions(store)
    mission = held.mission(name)
    if mission.kind == "unannounced":
        held.log(Access(now, who, f"{what}_refused" if mission.is_sealed else what, name))
    require_open(mission, now)
    return mission


def stored(store: Store, name: str, *, now: datetime) -> Mission:
    """A mission whose list is open, for whoever has that list already (errors as `of`)."""
    mission = Missions(store).mission(name)
    require_open(mission, now)
    return mission


def require_open(mission: Mission, now: datetime) -> None:
    """DesignError as `of` raises it."""
    if not mission.is_sealed:
        return
    if now < mission.starts_at:
        raise sealed_error(mission)
    raise DesignError(
        f"the mission {mission.name!r} has not been started: its list is still sealed; open it with"
        f" zhoubian mission start {mission.name} --second TEXT",
        code="mission_not_started", name=mission.name,
    )  # fmt: skip


def accesses(store: Store, name: str) -> list[Access]:
    """Who asked for a list that was sealed, the oldest first (NotFoundError `mission_unknown`)."""
    held = Missions(store)
    held.mission(name)
    return held.accesses(name)


def rules_of(store: Store, mission: Mission) -> RuleBook:
    """The rule book that a mission was made with."""
    return rule_books.of_version(store, mission.rules)


def fingerprint(mission: Mission) -> str:
    """A checksum of the site list and the version of the rules."""
    lines = sorted(f"{site['id']} {site['type']}" for site in mission.sites)
    return hashlib.sha256("\n".join([mission.rules, *lines]).encode()).hexdigest()[:16]


def told(mission: Mission) -> dict[str, Any]:
    """A mission as JSON values."""
    moments = {name: getattr(mission, name).isoformat() for name in ("created_at", "starts_at", "changed_at")}
    return {**vars(mission), **moments}


# -- making ----------------------------------------------------------------------------------------


def create(
    store: Store,
    name: str,
    kind: str,
    *,
    draw: str | None = None,
    plan: str | None = None,
    sites: Sequence[str] = (),
    of: Sequence[str] = (),
    starts_at: datetime | None = None,
    now: datetime,
    who: str,
) -> Mission:
    """Make a mission and store it.

    Parameters
    ----------
    kind : one of `KINDS`
    draw, plan : str or None
        Names in the store. An unannounced mission is made from a sealed draw, and gets its plan when
        it has started; the draw of a plan need not be named.
    sites : sequence of str
        Ids that must be visited.
    of : sequence of str
        The missions that a look-back or make-up mission follows.
    starts_at : datetime, optional
        By default the day of the plan, else now.

    Raises
    ------
    ZhoubianError
        For what cannot be; nothing is stored then.
    """
    _require_name(name)
    if kind not in KINDS:
        raise DesignError(
            f"{kind[:40]!r} is no kind of mission; the kinds are {', '.join(KINDS)}",
            code="mission_kind", given=kind[:40], kinds=", ".join(KINDS),
        )  # fmt: skip
    planned = None if plan is None else store.plan(plan).record
    draw = require_same_draw(draw, plan, planned)
    starts_at = starts_at or _start(planned, now)
    found: list[dict[str, Any]] = []
    gone: list[str] = []
    seal = None
    if kind == "unannounced":
        seal = _seal(store, name, draw, plan)
        mission_sites.named(store, sites)
    else:
        wanted = mission_sites.joined(
            _earlier(store, kind, of), open_sites(store, draw, planned), mission_sites.named(store, sites)
        )
        found, gone = mission_sites.described(store, wanted)
        _require_sites(found, kind, of)
    book = rule_books.current(store, starts_at.date())
    record = {
        "format": FORMAT, "by": who, "sites": found, "gone": gone, "must": list(sites), "seal": seal,
        "of": list(dict.fromkeys(of)),
    }  # fmt: skip
    mission = Mission(
        name=name, kind=kind, draw=draw, plan=plan, rules=book.version, created_at=now, starts_at=starts_at,
        changed_at=now, revision=1, record=record,
    )  # fmt: skip
    with store.writing() as connection:
        held = Missions(store, connection)
        held.add(mission)
        rules = shipped()
        if book.version == rules["rules"]["version"]:
            held.keep_rules(book.version, rules["rules"]["valid_from"], digest(rules), rules, at=now)
    return mission


def _require_name(name: str) -> None:
    if not draws.NAME.fullmatch(name) or name != name.strip() or name in (".", ".."):
        raise DesignError(
            f"{name[:40]!r} cannot be the name of a mission; use 1 to 60 letters, digits or Chinese"
            " characters without / or \\",
            code="mission_name", given=name[:40],
        )  # fmt: skip


def require_same_draw(draw: str | None, plan: str | None, planned: Mapping[str, Any] | None) -> str | None:
    """The draw of a mission: the one that is named, else that of its plan; they must not differ."""
    of_plan = None if planned is None else planned["draw"]
    if draw is not None and of_plan is not None and of_plan != draw:
        raise DesignError(
            f"the plan {plan!r} was made for the draw {of_plan!r}, not for {draw!r}; name the plan of this"
            " draw, or leave the draw out",
            code="mission_plan_other", plan=plan, of=of_plan, draw=draw,
        )  # fmt: skip
    return draw or of_plan


def _start(planned: Mapping[str, Any] | None, now: datetime) -> datetime:
    if planned is None or planned["date"] is None:
        return now
    return datetime.combine(date.fromisoformat(planned["date"]), time(), clock.SHANGHAI)


def _seal(store: Store, name: str, draw: str | None, plan: str | None) -> dict[str, Any]:
    """What is known of a sealed mission: the draw and its commitment."""
    if draw is None:
        raise DesignError(
            f"an unannounced mission is made from a sealed draw; make one with zhoubian draw --sealed and"
            f" name it: zhoubian mission new {name} --kind unannounced --draw DRAW",
            code="mission_draw_needed", name=name,
        )  # fmt: skip
    row = store.draw(draw)
    if row.state != "sealed":
        raise DesignError(
            f"the draw {draw!r} is open: everybody can read its list already, so it cannot be unannounced;"
            " make a sealed draw, or a mock mission of this one",
            code="mission_draw_open", draw=draw,
        )  # fmt: skip
    if other := next((one.name for one in Missions(store).missions() if one.draw == draw), None):
        raise DesignError(
            f"the sealed draw {draw!r} already serves the mission {other!r}, and opening one would open both;"
            " seal another draw",
            code="mission_draw_taken", draw=draw, other=other,
        )  # fmt: skip
    if plan is not None:
        raise DesignError(
            "an unannounced mission gets its plan when it has started, for nobody knows its sites before;"
            f" then: zhoubian mission start {name} --plan PLAN",
            code="mission_plan_early", name=name,
        )  # fmt: skip
    return {"draw": draw, "commitment": row.record["commitment"], "started_at": None, "started_by": None}


def open_sites(store: Store, draw: str | None, planned: Mapping[str, Any] | None) -> Sites:
    """The sites of a draw that is no secret, and of a plan."""
    return mission_sites.joined(
        {} if draw is None else mission_sites.of_draw(draws.record_of(store, draw)),
        {} if planned is None else mission_sites.of_plan(planned),
    )


def _earlier(store: Store, kind: str, names: Sequence[str]) -> Sites:
    """The sites that a look-back or make-up mission goes to again."""
    if kind not in ("lookback", "makeup"):
        if names:
            raise DesignError(
                f"only look-back and make-up missions follow others; leave --of {', '.join(names)[:60]} out"
                " or make a mission of one of these kinds",
                code="mission_of_kind", names=", ".join(names)[:60],
            )  # fmt: skip
        return {}
    if not names:
        raise DesignError(
            "a look-back or make-up mission follows earlier ones; name them with --of M1,M2",
            code="mission_of_needed",
        )
    held = Missions(store)
    missions = [held.mission(name) for name in dict.fromkeys(names)]
    for mission in missions:
        if mission.is_sealed:
            raise sealed_error(mission)
    return mission_sites.failed(store, missions) if kind == "lookback" else mission_sites.missed(missions)


def _require_sites(found: Sequence[Mapping[str, Any]], kind: str, of: Sequence[str]) -> None:
    if found:
        return
    names = ", ".join(of)
    if kind == "lookback":
        raise DesignError(
            f"nothing failed in {names}: there is nothing to look back on", code="mission_nothing_failed",
            names=names,
        )  # fmt: skip
    if kind == "makeup":
        raise DesignError(
            f"every site of {names} was visited: there is nothing to make up for",
            code="mission_nothing_missed", names=names,
        )  # fmt: skip
    raise DesignError(
        "there is nothing to visit: name a draw, a plan, or sites with --must", code="mission_no_sites"
    )
