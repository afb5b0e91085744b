"""What an issue needs to know before it is taken up: its rules, who answers for it, what it repeats."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import select

from layers import tables
from layers.cells import text_of
from layers.rules import Item
from layers.store import Store

from ..recent import Recent
from ..supervision.assignment import Assignment, assign, unit_named
from ..supervision.cards import Cards
from ..supervision.recurrence import NONE, Findings, recurs
from ..supervision.rulebook import RuleBook
from . import assignment, rule_books
from .overrides import overrides


@dataclass(frozen=True, kw_only=True)
class NewIssue:
    """What was found.

    Parameters
    ----------
    issue : str
        An id that no issue of the store has.
    category, source : str
        Code of the rule book; one of `layers.schema.ISSUE_SOURCES`.
    found_at : datetime
    lon, lat : float, EPSG:4326
    site, site_type, item, mission : str or None
        Where it was found: id and type of the site or unit, item of the checklist, mission.
    count : int
        How many cases it stands for.
    fixed_on_site : bool
        It was mended during the visit.

    Notes
    -----
    Texts are kept as an import keeps them: without control characters, blanks as missing; a number is one
    line.
    """

    issue: str
    category: str
    found_at: datetime
    source: str
    lon: float
    lat: float
    site: str | None = None
    site_type: str | None = None
    item: str | None = None
    mission: str | None = None
    count: int = 1
    note: str | None = None
    photos: tuple[str, ...] = ()
    fixed_on_site: bool = False
    district: str | None = None
    address: str | None = None

    def __post_init__(self) -> None:
        photos = tuple(name for name in map(text_of, self.photos) if name)
        kept = {"issue": " ".join((text_of(self.issue) or "").split()), "photos": photos}
        for name, value in {**kept, "note": text_of(self.note), "address": text_of(self.address)}.items():
            object.__setattr__(self, name, value)


class Books:
    """The rule books by the day something was found, or one for all days."""

    def __init__(self, store: Store, version: str | None = None) -> None:
        self._store = store
        self._fixed = None if version is None else rule_books.of_version(store, version)
        self._by_day: dict[date, RuleBook] = {}
        self._cards: dict[str, Cards] = {}

    def on(self, day: date) -> RuleBook:
        """The book for what was found on a day."""
        if self._fixed is not None:
            return self._fixed
        if day not in self._by_day:
            self._by_day[day] = rule_books.current(self._store, day)
        return self._by_day[day]

    def cards(self, book: RuleBook) -> Cards:
        """The card rules of a book, with the deadlines worked out so far."""
        if book.version not in self._cards:
            self._cards[book.version] = Cards(book)
        return self._cards[book.version]

    def of_version(self, version: str) -> Cards:
        """The card rules that an issue of this version is judged by."""
        if version not in self._cards:
            self._cards[version] = Cards(rule_books.of_version(self._store, version))
        return self._cards[version]


_LAYERS = ("anchors", *assignment.SITE_LAYERS, "areas")
_LOCATORS: Recent[assignment.Locator] = Recent(2)
"""The last ones made, for as long as their layers stay as they are."""


class Places:
    """Where issues lie and who answers for them; reads the layers once for each rule book."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._decisions = overrides(store)
        self._locators: dict[str, assignment.Locator] = {}
        self._items: dict[str, dict[str, Item]] = {}

    def located(
        self, new: Sequence[NewIssue], books: Sequence[RuleBook], stated: Sequence[str | None]
    ) -> list[dict[str, Any]]:
        """Place and units of each issue, as fields of its case.

        `stated` are the units that a list itself names; they go before the rules.
        """
        found: list[dict[str, Any]] = [{}] * len(new)
        for book, rows in _by_book(books):
            locator, items = self._of(book)
            lonlat = np.array([(new[row].lon, new[row].lat) for row in rows], dtype=np.float64)
            places = locator.where(lonlat, [new[row].site for row in rows])
            for row, place in zip(rows, places, strict=True):
                one = new[row]
                where = place if place.site_type else replace(place, site_type=one.site_type)
                category, item = book.categories[one.category], items.get(one.item or "")
                unit = assign(category, item, where, book, self._decisions)
                unit = _named_by_the_list(unit, stated[row], book)
                found[row] = {
                    "site_type": one.site_type or where.site_type,
                    "district": where.district or one.district, "community": where.community,
                    "grid": where.grid, "lead_unit": unit.lead_unit, "joint_units": unit.joint_units,
                    "responsible": unit.responsible, "why": unit.why,
                }  # fmt: skip
        return found

    def _of(self, book: RuleBook) -> tuple[assignment.Locator, dict[str, Item]]:
        if book.version not in self._locators:
            key = (self._store.path, self._store.data_version(_LAYERS), book.version)
            self._locators[book.version] = _LOCATORS.get(key, lambda: assignment.Locator(self._store, book))
            self._items[book.version] = {item.code: item for listed in book.items.values() for item in listed}
        return self._locators[book.version], self._items[book.version]


def _named_by_the_list(unit: Assignment, stated: str | None, book: RuleBook) -> Assignment:
    if not stated:
        return unit
    named = unit_named(stated, book)
    if named is None:  # a name of its own: that of the department, if no body of the place leads
        by_department = unit.responsible is None and unit.why in ("category", "item")
        return replace(unit, responsible=stated) if by_department else unit
    if named == unit.lead_unit:
        return unit
    others = tuple(one for one in (unit.lead_unit, *unit.joint_units) if one != named)
    return replace(unit, lead_unit=named, joint_units=others, responsible=None, why="by_hand")


def repeated(
    store: Store,
    new: Sequence[NewIssue],
    books: Sequence[RuleBook],
    closings: Sequence[datetime | None] = (),
) -> list[str | None]:
    """The closed issue that each repeats, by the rules of its book.

    `closings`: when those that come closed were closed; later ones may repeat them.
    """
    ids, before = _closed(store, {one.category for one in new})
    with_these = [row for row, closing in enumerate(closings) if closing is not None]
    if with_these:
        # a moment after its own finding, so that nothing repeats itself
        at = [max(closings[row], new[row].found_at + timedelta(seconds=1)) for row in with_these]  # type: ignore[type-var]
        ids += [new[row].issue for row in with_these]
        before += [(new[row], moment) for row, moment in zip(with_these, at, strict=True)]
    if not before:
        return [None] * len(new)
    earlier = _findings(before)
    links: list[str | None] = [None] * len(new)
    for book, rows in _by_book(books):
        found = _findings([(new[row], new[row].found_at) for row in rows])
        for row, match in zip(rows, recurs(found, earlier, book.cards).tolist(), strict=True):
            links[row] = None if match == NONE else ids[match]
    return links


def _closed(store: Store, categories: Iterable[str]) -> tuple[list[str], list[tuple[Any, Any]]]:
    """Ids and rows of the closed issues of some categories, with the moment of closing."""
    table = tables.cases.c
    query = select(table.issue, table.category, table.site, table.lon, table.lat, table.closed_at).where(
        table.closed_at.is_not(None), table.withdrawn_at.is_(None), table.merged_into.is_(None),
        table.category.in_(set(categories)),
    )  # fmt: skip
    with store.reading() as connection:
        rows = connection.execute(query).fetchall()
    return [row.issue for row in rows], [(row, datetime.fromisoformat(row.closed_at)) for row in rows]


def _findings(told: Sequence[tuple[Any, datetime]]) -> Findings:
    return Findings(
        [one.category for one, _ in told], [one.site for one, _ in told],
        np.array([(one.lon, one.lat) for one, _ in told], dtype=np.float64).reshape(-1, 2),
        [moment for _, moment in told],
    )  # fmt: skip


def _by_book(books: Sequence[RuleBook]) -> list[tuple[RuleBook, list[int]]]:
    """Each book with the rows that it holds for."""
    rows: dict[str, list[int]] = {}
    for row, book in enumerate(books):
        rows.setdefault(book.version, []).append(row)
    return [(books[held[0]], held) for held in rows.values()]
