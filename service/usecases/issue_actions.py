"""What an office does with an issue: report, re-check, close, suspend, correct, merge, withdraw, hand over.

Each action first brings the issue up to the time at which it was done, so that a card that fell due
before is raised before, whether or not somebody has run the tick. Several issues at once: all or none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from geo.crs import GEOD
from geo.errors import DesignError, NotFoundError
from layers.cells import text_of
from layers.ledger import Case, Event, Ledger
from layers.store import Store

from ..supervision import cards
from ..supervision.cards import Cards, Entry, Step
from .issue_ground import Books

CORRECTED = ("count", "photos", "site", "site_type", "item")
"""What a correction may change: what was written down, never what became of it."""


def _rechecked(case: Case, rules: Cards, entry: Entry, facts: Mapping[str, Any]) -> Step:
    case, events = cards.recheck(case, rules, entry, passed=bool(facts["passed"]))
    if facts["passed"] and facts.get("close"):
        case, more = cards.close(case, rules, entry)
        events += more
    return case, events


def _corrections(case: Case, facts: Mapping[str, Any]) -> dict[str, Any]:
    """What differs from what is written down."""
    wrong = [name for name in facts if name not in CORRECTED]
    if wrong:
        raise DesignError(
            f"issue {case.issue}: {wrong[0]} is not corrected by hand; correct {', '.join(CORRECTED)}, or"
            " withdraw the issue and take it up anew",
            code="correction_field", issue=case.issue, field=wrong[0], allowed=", ".join(CORRECTED),
        )  # fmt: skip
    if (count := facts.get("count")) is not None and count < 1:
        raise DesignError(
            f"issue {case.issue} cannot stand for {count} cases; withdraw it if there was none",
            code="correction_count", issue=case.issue, count=count,
        )  # fmt: skip
    return {name: value for name, value in facts.items() if value != getattr(case, name)}


_Move = Callable[[Case, Cards, Entry, Mapping[str, Any]], Step]

MOVES: Mapping[str, _Move] = {
    "report": lambda case, rules, entry, _: cards.report(case, rules, entry),
    "recheck": _rechecked,
    "close": lambda case, rules, entry, _: cards.close(case, rules, entry),
    "suspend": lambda case, rules, entry, facts: cards.suspend(
        case, rules, entry, approver=text_of(facts.get("approver")) or "", until=facts["until"]
    ),
    "resume": lambda case, rules, entry, _: cards.resume(case, rules, entry),
    "hand_over": lambda case, rules, entry, _: cards.hand_over(case, rules, entry),
    "fix_on_site": lambda case, rules, entry, _: cards.fix_on_site(case, rules, entry),
    "note": lambda case, _, entry, __: cards.note(case, entry),
    "correct": lambda case, _, entry, facts: cards.correct(case, entry, **_corrections(case, facts)),
    "withdraw": lambda case, _, entry, __: cards.withdraw(case, entry),
}
"""What each action does to one issue; merging takes two and stands apart."""


def act(
    store: Store,
    issue: str,
    action: str,
    *,
    who: str,
    now: datetime,
    at: datetime | None = None,
    note: str | None = None,
    **facts: Any,
) -> Case:
    """Do something with an issue.

    Parameters
    ----------
    action : str
        One of `MOVES`, or ``merge``.
    at : datetime, optional
        When it was done, by default now; never before the last entry that moved the issue.
    **facts
        `recheck`: passed, close (a passed one is struck off at once); `suspend`: approver, until;
        `correct`: fields of `CORRECTED`; `merge`: into, anyway.

    Raises
    ------
    NotFoundError
        `issue_unknown`.
    DesignError
        What the issue stands in the way with, such as `issue_closed`.
    """
    return act_all(store, [issue], action, who=who, now=now, at=at, note=note, **facts)[0]


def act_all(
    store: Store,
    issues: Sequence[str],
    action: str,
    *,
    who: str,
    now: datetime,
    at: datetime | None = None,
    note: str | None = None,
    **facts: Any,
) -> list[Case]:
    """The same with several issues: all of them or none.

    Raises
    ------
    DesignError
        The one reason of the one issue that refuses; `issues_refuse` with the reasons of all.
    """
    entry = Entry(at=at or now, recorded_at=now, who=who, note=text_of(note))
    if action == "merge":
        return _merge(store, issues, str(facts["into"]), entry, anyway=bool(facts.get("anyway")))
    move = MOVES[action]
    wanted = list(dict.fromkeys(issues))
    return _change(store, wanted, lambda case, rules: move(case, rules, entry, facts))


def _change(store: Store, issues: Sequence[str], move: Callable[[Case, Cards], Step]) -> list[Case]:
    books = Books(store)
    with store.writing() as writing:
        before = _cases(writing, issues)
        after: list[Case] = []
        events: list[Event] = []
        faults: list[DesignError] = []
        for case in before:
            try:
                moved, more = move(case, books.of_version(case.rules))
            except DesignError as fault:
                faults.append(fault)
                continue
            after.append(moved)
            events += more
        _refuse(faults, len(before))
        changed = [case for case, was in zip(after, before, strict=True) if case.revision != was.revision]
        Ledger(store).write(changed, events, writing)
    return after


def _merge(store: Store, issues: Sequence[str], into: str, entry: Entry, *, anyway: bool) -> list[Case]:
    """Merge issues into one that goes on; what is hardly the same only `anyway`."""
    books = Books(store)
    with store.writing() as writing:
        target, *merged = _cases(writing, [into, *dict.fromkeys(issues)])
        events: list[Event] = []
        faults: list[DesignError] = []
        after: list[Case] = []
        for case in merged:
            try:
                if not anyway:
                    _require_alike(case, target, books.of_version(case.rules).book.cards.near_m)
                case, target, more = cards.merge(case, target, entry)  # noqa: PLW2901 - as it is afterwards
            except DesignError as fault:
                faults.append(fault)
                continue
            after.append(case)
            events += more
        _refuse(faults, len(merged))
        Ledger(store).write([*after, target], events, writing)
    return after


def _require_alike(case: Case, into: Case, near_m: float) -> None:
    """DesignError where one can hardly be the other: it is of another category, or of another place."""
    if case.category != into.category:
        raise DesignError(
            f"issue {case.issue} ({case.category}) and {into.issue} ({into.category}) are of different"
            " categories and hardly one and the same; if they are, add --anyway",
            code="merge_category", issue=case.issue, category=case.category, into=into.issue,
            other=into.category,
        )  # fmt: skip
    if case.site is not None and case.site == into.site:
        return
    metres = float(GEOD.inv(case.lon, case.lat, into.lon, into.lat)[2])
    if metres > near_m:
        raise DesignError(
            f"issue {case.issue} and {into.issue} lie {metres:.0f} m apart, more than {near_m:g} m, and not"
            " at one site; if they are one and the same, add --anyway",
            code="merge_far", issue=case.issue, into=into.issue, metres=f"{metres:.0f}",
            near_m=f"{near_m:g}",
        )  # fmt: skip


def _cases(connection: Connection, issues: Sequence[str]) -> list[Case]:
    """The cases in the order asked for (NotFoundError `issue_unknown`, `issues_unknown`)."""
    found = {case.issue: case for case in Ledger.named(connection, issues)}
    missing = [issue for issue in dict.fromkeys(issues) if issue not in found]
    if missing:
        named = ", ".join(issue[:60] for issue in missing[:10])
        raise NotFoundError(
            f"{len(missing)} of {len(issues)} issues are not followed up: {named}; zhoubian issue list tells"
            " them all, zhoubian assign takes up what was imported",
            code="issues_unknown", count=len(missing), of=len(issues), named=named,
        )  # fmt: skip
    return [found[issue] for issue in issues]


def _refuse(faults: Sequence[DesignError], of: int) -> None:
    """The only reason as it is; several as one that tells them all."""
    if len(faults) == 1 and of == 1:
        raise faults[0]
    if faults:
        told = "; ".join(fault.message for fault in faults)
        raise DesignError(
            f"{len(faults)} of {of} issues refuse, and none was changed: {told}",
            code="issues_refuse", count=len(faults), of=of, reasons=tuple(faults),
        )  # fmt: skip
