"""The rows behind a bulletin: issues as they were at the end of its period, card events, visits, marks.

What an issue was at a moment is found by taking back the events after it, as `follow_columns` does for
the figures; what put the record right holds for all times. Values are codes; `bulletin_register.py` turns
them into words.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select

from layers import tables
from layers.ledger import MOMENTS
from layers.missions import Mission, Missions
from layers.store import Store
from layers.tables import iso

from .. import clock
from ..supervision.rulebook import RuleBook
from . import follow_figures, mission_sites, score_tables
from .follow_columns import RECORD
from .issue_lists import COLUMNS
from .periods import Period
from .score_tables import Scored

Columns = dict[str, list[Any]]
"""A table as columns of one length."""
ISSUES = (*COLUMNS, "fixed_at", "suspended_at")
"""What the register tells of an issue: enough to count it again by its dates."""
FLAGS = ("found", "fixed_on_site", "due", "suspended", "closed", "on_time", "finished", "open", "overdue")
"""What an issue counts for, as `follow_figures` defines it."""
CARD_ACTIONS = (
    "carded", "raised", "reported_fixed", "rechecked", "failed", "closed", "suspended", "resumed",
    "handed_over", "fixed_on_site",
)  # fmt: skip
_NEW_COLOUR = "$.colour[1]"
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class Round:
    """The missions of a period that have results: those that make the score, and look-back visits."""

    period: Period
    held: tuple[Mission, ...]
    scoring: tuple[str, ...]
    looking_back: tuple[str, ...]
    scored: Scored | None
    looked_back: Scored | None


def cut_of(period: Period, now: datetime) -> datetime:
    """As of when the figures of a period are: its last moment, or now if that is earlier."""
    return min(now, period.ends_at - _TICK).astimezone(clock.SHANGHAI)


# -- issues --------------------------------------------------------------------------------------------


def issues(store: Store, period: Period, *, now: datetime) -> Columns:
    """The issues in hand in a period, as of its end: found by then, not closed before it began.

    Columns `ISSUES` (moments as local datetimes) and `FLAGS`.
    """
    asked = {"since": period.since, "until": period.last, "now": now}
    counted = {flag: set(follow_figures.rows_of(store, flag, **asked)) for flag in FLAGS}  # type: ignore[arg-type]
    ids = counted["finished"] | counted["open"]
    rows = _as_of(store, ids, cut_of(period, now))
    columns = zip(*rows, strict=True) if rows else ((),) * len(ISSUES)
    told: Columns = {name: list(column) for name, column in zip(ISSUES, columns, strict=True)}
    for name in ISSUES:
        if name in MOMENTS:
            told[name] = [_local(moment) for moment in told[name]]
    for flag, members in counted.items():
        told[flag] = [issue in members for issue in told["issue"]]
    return told


def _as_of(store: Store, ids: set[str], cut: datetime) -> list[tuple[Any, ...]]:
    """Rows of cases by time found and id, the events after a moment taken back."""
    wanted = json.dumps(sorted(ids))
    before: dict[str, dict[str, Any]] = {}
    with store.reading() as connection:
        found = connection.exec_driver_sql(
            f"SELECT {', '.join(ISSUES)} FROM cases"  # noqa: S608 - names of our own
            " WHERE issue IN (SELECT value FROM json_each(?)) ORDER BY found_at, issue",
            (wanted,),
        ).fetchall()
        marks = ", ".join("?" * len(RECORD))
        undone = connection.exec_driver_sql(
            "SELECT issue, changes FROM events"  # noqa: S608 - marks alone
            f" WHERE at > ? AND action NOT IN ({marks}) ORDER BY id DESC",
            (iso(cut), *RECORD),
        )
        for issue, changes in undone:  # a year of history is too much to hold at once
            if issue in ids:
                told = before.setdefault(issue, {})
                told.update((name, pair[0]) for name, pair in json.loads(changes).items())
    rows = []
    for row in found:
        taken_back = before.get(row[0], {})
        if taken_back:
            rows.append(tuple(taken_back.get(name, value) for name, value in zip(ISSUES, row, strict=True)))
        else:
            rows.append(tuple(row))
    return rows


def card_events(store: Store, book: RuleBook, period: Period, *, now: datetime) -> Columns:
    """Every event of a card in a period; of issues that count.

    Whatever gives an issue a colour issues a card: an issue of an imported list gets its own when it is
    taken up. `issued` is the colour of a card that was issued by the event; one that was put right later
    and that the issue never had is none.
    """
    events, cases = tables.events.c, tables.cases.c
    query = (
        select(
            events.issue, events.at, events.recorded_at, events.action, events.changes, cases.colour,
            cases.category, cases.lead_unit, cases.responsible, cases.district, cases.site,
        )
        .join_from(tables.events, tables.cases, events.issue == cases.issue)
        .where(
            events.at >= iso(period.begins_at), events.at <= iso(cut_of(period, now)),
            or_(events.action.in_(CARD_ACTIONS), func.json_extract(events.changes, _NEW_COLOUR).is_not(None)),
            cases.withdrawn_at.is_(None), cases.merged_into.is_(None),
        )
        .order_by(events.at, events.id)
    )  # fmt: skip
    told: Columns = {name: [] for name in _CARDS}
    levels = _levels(book)
    with store.reading() as connection:
        for row in connection.execute(query):  # a year has too many to hold them all twice
            before, after = row.changes.get("colour") or (None, None)
            highest = book.cards.number(row.colour) if row.colour in levels else 0
            issued = after if after in levels and book.cards.number(after) <= highest else None
            values = (
                _local(row.at), _local(row.recorded_at), row.issue, row.action, before, after, issued,
                _local((row.changes.get("deadline") or (None, None))[1]), row.category, row.lead_unit,
                row.responsible, row.district, row.site,
            )  # fmt: skip
            for name, value in zip(_CARDS, values, strict=True):
                told[name].append(value)
    return told


_CARDS = (
    "at", "recorded_at", "issue", "action", "before", "after", "issued", "deadline", "category", "lead_unit",
    "responsible", "district", "site",
)  # fmt: skip


def _levels(book: RuleBook) -> set[str]:
    return {level.id for level in book.cards.levels}


def _local(moment: str | None) -> datetime | None:
    """Local time of a moment of the store, to the second and without its zone."""
    return None if moment is None else datetime.fromisoformat(moment[:19])


# -- missions ------------------------------------------------------------------------------------------


def round_of(store: Store, period: Period, kinds: Sequence[str]) -> Round:
    """The missions that began in a period and have results."""
    with_results = set(score_tables.with_results(store))
    held = tuple(
        mission
        for mission in Missions(store).missions()
        if mission.name in with_results and period.begins_at <= mission.starts_at < period.ends_at
    )
    scoring = tuple(mission.name for mission in held if mission.kind in kinds)
    back = tuple(mission.name for mission in held if mission.kind == "lookback")
    return Round(
        period, held, scoring, back,
        score_tables.read(store, scoring) if scoring else None,
        score_tables.read(store, back) if back else None,
    )  # fmt: skip


def round_before(store: Store, period: Period, kinds: Sequence[str]) -> Round:
    """The round before a period: the missions of the last earlier period that has any that are scored."""
    with_results = set(score_tables.with_results(store))
    earlier = [
        mission.starts_at
        for mission in Missions(store).missions()
        if mission.name in with_results and mission.kind in kinds and mission.starts_at < period.begins_at
    ]
    found = period.before()
    while earlier and found.begins_at > max(earlier):
        found = found.before()
    return round_of(store, found, kinds)


def mission_rows(rounds: Mapping[str, Round]) -> Columns:
    """The missions of this round and the one before."""
    names = ("round", "mission", "kind", "starts_at", "rules", "sites", "visited", "scoring")
    told: Columns = {name: [] for name in names}
    for label, one in rounds.items():
        for mission in one.held:
            status = [site["status"] for site in mission.sites]
            values = (
                label, mission.name, mission.kind,
                mission.starts_at.astimezone(clock.SHANGHAI).replace(tzinfo=None), mission.rules,
                len(status), status.count("visited"), mission.name in one.scoring,
            )  # fmt: skip
            for name, value in zip(names, values, strict=True):
                told[name].append(value)
    return told


MARKS = ("round", "mission", "site", "name", "type", "district", "unit", "item", "item_name", "verdict",
         "cases", "inside_lines", "fixed_on_site", "weight", "grade", "value", "got", "type_weight",
         "judged")  # fmt: skip


def mark_rows(rounds: Mapping[str, Round]) -> Columns:
    """Every observation of the missions that make the scores, and of the look-back visits.

    `round` is ``now`` or ``before`` for what makes a score, else ``lookback``. What has no value (not
    applicable, not seen) is in no sum.
    """
    told: Columns = {name: [] for name in MARKS}
    for label, one in rounds.items():
        for scored, name in ((one.scored, label), (one.looked_back if label == "now" else None, "lookback")):
            for row in _marks(scored, name) if scored is not None else ():
                for column, value in zip(MARKS, row, strict=True):
                    told[column].append(value)
    return told


def _marks(scored: Scored, label: str) -> list[tuple[Any, ...]]:
    weights = scored.book.scoring.type_weights
    return [
        (
            label, visit.mission, visit.site, visit.name, visit.type, visit.district, visit.unit, item.code,
            (item.zh, item.en), result.verdict, result.cases, result.inside_lines, result.fixed_on_site,
            float(item.weight), None if mark is None else mark.grade,
            None if mark is None else float(mark.value),
            None if mark is None else float(mark.value) * float(item.weight),
            float(weights.get(visit.type, 1)), mark is not None,
        )
        for visit in scored.visits
        for item, mark, result in visit.marks
    ]  # fmt: skip


SITES = ("mission", "kind", "site", "name", "type", "district", "unit", "items", "observations", "rate",
         "failed", "failed_items", "cases", "failed_before", "revisit")  # fmt: skip


def site_rows(store: Store, one: Round, revisit_below: float) -> Columns:
    """The sites that were visited in a round, the lowest score first.

    `failed` is the number of items that were not in order outside marked lines; `failed_before`: a
    look-back visit found again what had failed; `revisit`: a look-back visit is proposed, for the score
    is below the limit or what failed before failed again.
    """
    kinds = {mission.name: mission.kind for mission in one.held}
    earlier = _failed_before(store, one)
    rows = []
    for scored in (one.scored, one.looked_back):
        for visit in scored.visits if scored is not None else ():
            wrong = [(item, result) for item, _, result in visit.marks if result.counts]
            again = sorted({item.code for item, _ in wrong} & earlier.get((visit.mission, visit.site), set()))
            rate = None if visit.score.rate is None else float(visit.score.rate)
            low = visit.score.rate is not None and 100 * visit.score.rate < revisit_below
            rows.append(
                (
                    visit.mission, kinds[visit.mission], visit.site, visit.name, visit.type, visit.district,
                    visit.unit, len(visit.score.items), visit.score.observations, rate, len(wrong),
                    tuple((item.zh, item.en) for item, _ in wrong), sum(result.cases for _, result in wrong),
                    bool(again), bool(again) or low,
                )
            )  # fmt: skip
    rows.sort(key=lambda row: (row[9] is None, row[9] or 0, row[2]))
    return {name: [row[number] for row in rows] for number, name in enumerate(SITES)}


def _failed_before(store: Store, one: Round) -> dict[tuple[str, str], set[str]]:
    """{(look-back mission, site): items that had failed in the missions it looks back on}."""
    by_name = {mission.name: mission for mission in Missions(store).missions()}
    found: dict[tuple[str, str], set[str]] = {}
    for mission in one.held:
        if mission.kind != "lookback":
            continue
        of = [by_name[name] for name in mission.record.get("of", ()) if name in by_name]
        wanted = mission_sites.failed(store, of)
        for site in mission.sites:
            known = wanted.get(mission_sites.key_of(site))
            if known is not None:
                found[mission.name, site["id"]] = set(known.failed)
    return found
