"""The rotating black plaque (流动黑牌): who holds it from one bulletin to the next.

By the settings of the bulletin (D) it goes to the unit or subdistrict with the most red cards issued in
the period, or with the lowest score. A tie is told, and broken by: more issues overdue at the end of the
period; then the lower on-time rate; then the order of the rule book or of the names. Where there is no red
card, or no score, nobody holds it. Units and places only, never persons.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from geo.errors import DesignError
from layers import tables
from layers.store import Store
from layers.tables import iso

from ..supervision.rulebook import RuleBook
from . import bulletin_rows, follow_figures, rule_books, score_tables
from .bulletin_settings import Settings, settings_of
from .follow_figures import Counts
from .periods import Period

BROKEN_BY = ("overdue", "on_time_rate", "order")
NOBODY = ""


@dataclass(frozen=True, kw_only=True)
class Plaque:
    """Who holds the plaque from the end of a period on.

    Parameters
    ----------
    unit : str
        Id of a lead unit, or name of a subdistrict; empty where nobody holds it.
    why : str
        ``reds``, ``score``, or ``nobody``.
    facts : mapping
        `of`: unit or district; `reds` or `rate` of the holder, `tied`: all with the same; `broken_by`: one
        of `BROKEN_BY` where there was a tie.
    moved_from : str or None
        Who held it before; None where nobody did.
    """

    since: date
    until: date
    unit: str
    why: str
    facts: Mapping[str, Any]
    at: datetime
    moved_from: str | None = None

    @property
    def held(self) -> bool:
        """Whether somebody holds it."""
        return self.unit != NOBODY


def decide(store: Store, since: date, until: date, *, now: datetime) -> Plaque:
    """Decide who holds the plaque after a period, and keep it; asked again it is the same.

    Parameters
    ----------
    since, until : date
        First and last day of the period.

    Raises
    ------
    DesignError
        `plaque_unfinished`: the period has not ended.
    """
    period = Period("", since, date.fromordinal(until.toordinal() + 1), since)
    if now < period.ends_at:
        raise DesignError(
            f"the period up to {until} has not ended: the plaque moves at its end", code="plaque_unfinished",
            until=str(until),
        )  # fmt: skip
    book = rule_books.current(store, until)
    settings = settings_of(book)
    unit, why, facts = _by_score(store, period, settings, book, now) if settings.plaque_by == "score" else (
        _by_reds(store, period, settings, book, now)
    )  # fmt: skip
    with store.writing() as connection:
        known = _kept(connection, until)
        told = (since, unit, why, facts)
        if known is None or (known.since, known.unit, known.why, known.facts) != told:
            table = tables.plaques
            connection.execute(delete(table).where(table.c.until == until.isoformat()))
            connection.execute(
                insert(table).values(
                    until=until.isoformat(), since=since.isoformat(), unit=unit, why=why, facts=facts,
                    at=iso(now),
                )
            )  # fmt: skip
    return next(one for one in history(store) if one.until == until)


def history(store: Store) -> list[Plaque]:
    """Who held the plaque, the oldest period first."""
    table = tables.plaques
    with store.reading() as connection:
        rows = connection.execute(select(table).order_by(table.c.until)).fetchall()
    found: list[Plaque] = []
    before: str | None = None
    for row in rows:
        found.append(_plaque(dict(row._mapping), before))
        before = row.unit or None
    return found


def _kept(connection: Connection, until: date) -> Plaque | None:
    table = tables.plaques
    row = connection.execute(select(table).where(table.c.until == until.isoformat())).one_or_none()
    return None if row is None else _plaque(dict(row._mapping), None)


def _plaque(row: Mapping[str, Any], before: str | None) -> Plaque:
    return Plaque(
        since=date.fromisoformat(row["since"]), until=date.fromisoformat(row["until"]), unit=row["unit"],
        why=row["why"], facts=row["facts"], at=datetime.fromisoformat(row["at"]), moved_from=before,
    )  # fmt: skip


# -- who it is -----------------------------------------------------------------------------------------

Decision = tuple[str, str, dict[str, Any]]


def _by_reds(store: Store, period: Period, settings: Settings, book: RuleBook, now: datetime) -> Decision:
    """Most cards of the highest level issued in the period."""
    column = "lead_unit" if settings.plaque_of == "unit" else "district"
    highest = book.cards.levels[-1].id if book.cards.levels else None
    events = bulletin_rows.card_events(store, book, period, now=now)
    reds: dict[str, int] = {}
    for colour, whose in zip(events["issued"], events[column], strict=True):
        if colour is not None and colour == highest and whose:
            reds[whose] = reds.get(whose, 0) + 1
    facts: dict[str, Any] = {"of": settings.plaque_of, "reds": max(reds.values(), default=0)}
    first = [name for name, number in reds.items() if number == facts["reds"]]
    return _chosen(store, period, book, first, "reds", facts, now)


def _by_score(store: Store, period: Period, settings: Settings, book: RuleBook, now: datetime) -> Decision:
    """The lowest score of the missions that count."""
    one = bulletin_rows.round_of(store, period, settings.score_kinds)
    rows = [] if one.scored is None else score_tables.grouped(one.scored, settings.plaque_of)
    rates = {row.group: row.score.rate for row in rows if row.group and row.score.rate is not None}
    facts: dict[str, Any] = {"of": settings.plaque_of}
    lowest = min(rates.values(), default=None)
    if lowest is not None:
        facts["rate"] = float(lowest)
    first = [name for name, rate in rates.items() if rate == lowest]
    return _chosen(store, period, book, first, "score", facts, now)


def _chosen(
    store: Store, period: Period, book: RuleBook, first: list[str], why: str, facts: dict[str, Any],
    now: datetime,
) -> Decision:  # fmt: skip
    """The one of several with the same; a tie is broken as the head of this module says."""
    if not first:
        return NOBODY, "nobody", facts
    groups = follow_figures.figures(
        store, since=period.since, until=period.last, by=facts["of"], now=now
    ).groups
    counts = {group.key: group.counts for group in groups}
    order = {unit: number for number, unit in enumerate(book.units)}
    keys = {name: (*_standing(counts.get(name)), order.get(name, len(order)), name) for name in first}
    ranked = sorted(first, key=lambda name: keys[name])
    if len(ranked) > 1:
        one, two = keys[ranked[0]], keys[ranked[1]]
        broken = next(number for number in range(len(one)) if one[number] != two[number])
        facts = {**facts, "tied": ranked, "broken_by": BROKEN_BY[min(broken, 2)]}
    return ranked[0], why, facts


def _standing(counts: Counts | None) -> tuple[int, float]:
    """Sorts the worse first: more overdue, then less on time."""
    if counts is None:
        return 0, 2.0
    rate = counts.on_time_rate
    return -counts.overdue, 2.0 if rate is None else rate
