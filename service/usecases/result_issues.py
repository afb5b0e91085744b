"""What a result means for the issue that it found: taken up, corrected, withdrawn, or taken up again.

An issue that nobody has acted on yet is corrected as if it had been right from the first: its time,
its card and its deadline follow. Once a unit has reported it, only what it says of the finding is
corrected, for a history only goes on. A result that turns out to be in order withdraws the issue; one
that fails again later is a new issue, under the next number: ``mission/site/item/2``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from layers.ledger import Case, Event, Ledger, changed
from layers.missions import Mission, Result
from layers.store import Store
from layers.tables import cases as cases_table

from ..supervision import cards
from ..supervision.cards import Cards, Entry
from ..supervision.rulebook import RuleBook
from . import issue_book, missions
from .issue_book import NewIssue
from .mission_sites import unit_of


@dataclass
class Steps:
    """Issues to take up, and cases as they are after the events."""

    new: list[NewIssue] = field(default_factory=list)
    corrected: list[Case] = field(default_factory=list)
    withdrawn: list[Case] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


def steps(
    store: Store,
    mission: Mission,
    pairs: Sequence[tuple[Result | None, Result]],
    *,
    who: str,
    now: datetime,
) -> Steps:
    """What new (before is None) and corrected results of a mission mean for its issues."""
    book = missions.rules_of(store, mission)
    sites = {site["id"]: site for site in mission.sites}
    held = {case.issue: case for case in Ledger(store).cases(cases_table.c.mission == mission.name)}
    told = Steps()
    rules = Cards(book)
    entry = Entry(at=now, recorded_at=now, who=who)
    for before, after in pairs:
        # by number: the site and the item of an issue may have been corrected by hand
        known: list[Case] = []
        while (number := _number(after, len(known))) in held:
            known.append(held[number])
        present = next((case for case in reversed(known) if case.withdrawn_at is None), None)
        if present is None:
            if after.counts:
                told.new.append(_issue(number, after, sites[after.site], book))
        elif present.merged_into is not None:
            continue  # the issue that it was merged into goes on alone
        elif not after.counts:
            case, events = cards.withdraw(present, entry)
            told.withdrawn.append(case)
            told.events += events
        elif fields := _corrected(present, before, after, rules):
            case, event = _correct(present, entry, fields)
            told.corrected.append(case)
            told.events.append(event)
    return told


def store_steps(
    store: Store, told: Steps, mission: Mission, *, who: str, now: datetime, connection: Connection
) -> None:
    """Store all of it in a transaction under way."""
    Ledger(store).write([*told.corrected, *told.withdrawn], told.events, connection)
    issue_book.take_up(
        store, told.new, origin=f"mission {mission.name}", who=who, now=now, connection=connection,
        rules=mission.rules,
    )  # fmt: skip


def _number(result: Result, known: int) -> str:
    """Of the issue of a result that has had so many."""
    number = "" if known == 0 else f"/{known + 1}"
    return f"{result.mission}/{result.site}/{result.item}{number}"


def _issue(issue: str, result: Result, site: Mapping[str, Any], book: RuleBook) -> NewIssue:
    return NewIssue(
        issue=issue,
        category=book.item(result.item).category, found_at=result.at, source="mission", lon=site["lon"],
        lat=site["lat"], site=unit_of(site), site_type=site["type"], item=result.item,
        mission=result.mission, count=result.cases, note=result.note, photos=result.photos,
        fixed_on_site=result.fixed_on_site, district=site["district"],
    )  # fmt: skip


def _corrected(case: Case, before: Result | None, after: Result, rules: Cards) -> dict[str, Any]:
    """The fields of a case that are different by the corrected result."""
    if before is None:
        return {}
    said = {"count": (before.cases, after.cases), "note": (before.note, after.note),
            "photos": (before.photos, after.photos)}  # fmt: skip
    wanted: dict[str, Any] = {name: right for name, (wrong, right) in said.items() if wrong != right}
    if (before.at, before.fixed_on_site) != (after.at, after.fixed_on_site) and _untouched(case):
        plain = replace(
            case, state="found", found_at=after.at, colour=None, carded_at=None, due_from=None, deadline=None,
            first_deadline=None, fixed_at=None, closed_at=None,
        )  # fmt: skip
        entry = Entry(at=after.at, recorded_at=after.at, who="")
        right, _ = cards.begin(plain, rules, entry, fixed=after.fixed_on_site)
        for name in (
            "found_at", "state", "colour", "carded_at", "due_from", "deadline", "first_deadline", "fixed_at",
            "closed_at",
        ):  # fmt: skip
            wanted[name] = getattr(right, name)
    return {name: value for name, value in wanted.items() if getattr(case, name) != value}


def _correct(case: Case, entry: Entry, fields: Mapping[str, Any]) -> tuple[Case, Event]:
    """Closed issues too: what was written down wrongly. The note is that of the finding."""
    rest = {name: value for name, value in fields.items() if name != "note"}
    right, event = changed(
        case, at=entry.at, recorded_at=entry.recorded_at, who=entry.who, action="corrected", **rest
    )
    if "note" in fields:
        changes = {**event.changes, "note": [case.note, fields["note"]]}
        right, event = replace(right, note=fields["note"]), replace(event, changes=changes)
    return right, event


def _untouched(case: Case) -> bool:
    """Whether only the visit itself and the clock have moved it."""
    acted = (case.reported_at, case.suspended_at, case.handed_over_at, case.rechecked_at)
    with_the_visit = case.closed_at is None or case.closed_at == case.found_at
    return case.rework == 0 and not any(acted) and with_the_visit
