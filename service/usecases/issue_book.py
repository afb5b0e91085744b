"""Taking issues up: what was found becomes an issue with a unit that answers for it, and a first card.

An issue is a row of the layer `issues` (what was found, where) and a case with its history (what became
of it). `take_up` makes both for what an inspection, a patrol or a caller found; `adopt` makes the case
for rows that came in through an import. Either everything is stored or nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

import geopandas as gpd
import shapely
from sqlalchemy import Connection, select

from geo.errors import DesignError
from layers import batches, sqlite_file, tables
from layers.batches import Addition, NewBatch
from layers.issue_rows import keep_in_step
from layers.ledger import Case, Event, Ledger, changed, followed, opened
from layers.store import Store

from ..supervision import cards
from ..supervision.cards import Cards, Entry
from ..supervision.rulebook import RuleBook
from . import rule_books
from .issue_ground import Books, NewIssue, Places, repeated

__all__ = ["NewIssue", "adopt", "take_up"]

KIND = "follow_up"
"""Kind of the batches that hold issues which did not come in as a file."""
OUTSIDE_DEG = 0.05
"""How far outside everything the store knows an issue may lie, about 5 km: beyond it the place is wrong."""
TOLD = 10
"""Issues named of each kind of fault."""
PIECE = 5_000
"""Imported issues taken up at a time, so that a long list needs no more memory than a short one."""
FAULTS = ("category", "unit", "outside", "twice", "future")

_UNIT = ("lead_unit", "joint_units", "responsible", "district", "community", "grid", "why")
"""What the assignment of an issue says."""


def take_up(
    store: Store,
    new: Sequence[NewIssue],
    *,
    origin: str,
    who: str,
    now: datetime,
    connection: Connection | None = None,
    rules: str | None = None,
) -> list[Case]:
    """Take up what was found: rows of the layer, cases, units, first cards, links to what it repeats.

    Parameters
    ----------
    origin : str
        Where it comes from, for the list of imports: the mission, the sheet, "issue add".
    connection : Connection, optional
        Of a transaction of the store that is under way.
    rules : str, optional
        Version of the rule book they are judged by, such as that of a mission; by default the one that
        holds on the day each was found.

    Returns
    -------
    list of Case, in the order given.

    Raises
    ------
    DesignError
        `issues_refused` with all faults of all issues; `calendar_ends`.
    """
    if not new:
        return []
    books = Books(store, rules)
    with writing_of(store, connection) as writing:
        told = [books.on(one.found_at.date()) for one in new]
        _require_sound(writing, new, told, now)
        links = repeated(store, new, told)
        found = Places(store).located(new, told, [None] * len(new))
        cases: list[Case] = []
        events: list[Event] = []
        for one, book, link, facts in zip(new, told, links, found, strict=True):
            entry = Entry(at=one.found_at, recorded_at=now, who=who)
            case, more = _taken_up(one, books.cards(book), link, facts, entry)
            cases.append(case)
            events += more
        _add_rows(writing, new, origin, now)
        rule_books.keep(store, {book.version for book in told}, now, writing)
        Ledger(store).write(cases, events, writing)
    return cases


def adopt(store: Store, *, who: str, now: datetime, issues: Sequence[str] | None = None) -> list[Case]:
    """Follow up imported issues that nobody follows yet; what the list says of them is kept.

    Parameters
    ----------
    issues : sequence of str, optional
        Only these; by default all.

    Returns
    -------
    list of Case: the new ones, by the order of the layer.

    Raises
    ------
    DesignError
        `issues_refused`, `calendar_ends`.

    Notes
    -----
    An issue that was neither carded nor closed gets its first card as of its finding, with the deadline
    of the list where there is one. Colours above the first come with the next tick, from the deadline on.
    A row of an issue that is followed up already, brought by a later import, is put in step with its
    history again.
    """
    books = Books(store)
    with store.writing() as writing:
        keep_in_step(writing)
        rows = _unfollowed(writing, issues)
        new = [row.issue for row in rows]
        told = [books.on(one.found_at.date()) for one in new]
        faults = _faults_of_rules(new, told)
        _refuse(faults, len(new))
        links = repeated(store, new, told, [row.closed_at for row in rows])
        rule_books.keep(store, {book.version for book in told}, now, writing)
        places = Places(store)
        cases: list[Case] = []
        for piece in range(0, len(rows), PIECE):
            part = slice(piece, piece + PIECE)
            found = places.located(new[part], told[part], [row.unit for row in rows[part]])
            adopted = [
                opened(
                    _adopted(row, books.cards(book), link, facts),
                    at=row.issue.found_at, recorded_at=now, who=who, action="adopted",
                )
                for row, book, link, facts in zip(rows[part], told[part], links[part], found, strict=True)
            ]  # fmt: skip
            Ledger(store).write([case for case, _ in adopted], [event for _, event in adopted], writing)
            cases += [case for case, _ in adopted]
    return cases


class _Row(NamedTuple):
    """An imported issue: what was found, and how it stands by the list."""

    issue: NewIssue
    state: str | None
    closed_at: datetime | None
    deadline: datetime | None
    unit: str | None


def _unfollowed(connection: Connection, wanted: Sequence[str] | None) -> list[_Row]:
    layer, cases = tables.LAYER_TABLES["issues"].c, tables.cases.c
    query = (
        select(*(layer[name] for name in _IMPORTED))
        .where(layer.superseded_by.is_(None), layer.id.not_in(select(cases.issue)))
        .order_by(layer.fid)
    )
    rows = [tuple(row) for row in connection.execute(query)]
    if wanted is not None:
        chosen = set(wanted)
        rows = [row for row in rows if row[0] in chosen]
    # of several points the middle
    points = shapely.get_coordinates(shapely.centroid(shapely.from_wkb([row[-1] for row in rows])))
    return [_row(*row[:-1], *point) for row, point in zip(rows, points.tolist(), strict=True)]


_IMPORTED = (
    "id", "category", "found_at", "source", "site", "count", "note", "district", "address", "state",
    "closed_at", "deadline", "unit", "geom",
)  # fmt: skip


def _row(
    issue: str, category: str, found_at: str, source: str | None, site: str | None, count: int | None,
    note: str | None, district: str | None, address: str | None, state: str | None, closed_at: str | None,
    deadline: str | None, unit: str | None, lon: float, lat: float,
) -> _Row:  # fmt: skip
    found = NewIssue(
        issue=issue, category=category, found_at=datetime.fromisoformat(found_at),
        source=source or "official_feedback", lon=lon, lat=lat, site=site, count=max(count or 1, 1),
        note=note, district=district, address=address,
    )  # fmt: skip
    return _Row(found, state, _moment(closed_at), _moment(deadline), unit)


def _moment(told: str | None) -> datetime | None:
    return None if told is None else datetime.fromisoformat(told)


def _adopted(row: _Row, rules: Cards, link: str | None, facts: dict[str, Any]) -> Case:
    """The case of an imported issue as it stands by the list."""
    one = row.issue
    state = "closed" if row.closed_at is not None and row.state != "fixed_on_site" else row.state or "found"
    on_site = rules.book.categories[one.category].deadline.strip().lower() == "on site"
    stands: dict[str, Any] = {
        "state": state, "closed_at": row.closed_at, "deadline": row.deadline,
        "first_deadline": row.deadline, "due_from": None if row.deadline is None else one.found_at,
    }  # fmt: skip
    if state == "fixed_on_site":
        stands["fixed_at"] = row.closed_at or one.found_at
    elif state == "found" and on_site and row.deadline is None:
        visit = one.found_at
        stands.update(state="closed", closed_at=visit, deadline=visit, first_deadline=visit, due_from=visit)
    elif state != "closed":
        happened = ["not_fixed_on_site", *(["recurrence"] if link and state == "found" else [])]
        level = rules.raised(None, happened)
        due = row.deadline
        if due is not None:  # a day that the calendar does not know would stop every later tick
            rules.book.calendar.is_work_day(due.date())
        elif state != "suspended":
            due, _ = rules.deadline(one.category, level, one.found_at)
        stands.update(
            state="carded" if state == "found" else state, colour=level, carded_at=one.found_at,
            due_from=one.found_at, deadline=due, first_deadline=due,
        )  # fmt: skip
    return Case(
        issue=one.issue, category=one.category, source=one.source, found_at=one.found_at,
        rules=rules.book.version, lon=one.lon, lat=one.lat, count=one.count, site=one.site, note=one.note,
        severity=rules.book.categories[one.category].severity, recurs=link, **facts, **stands,
    )  # fmt: skip


def _taken_up(
    one: NewIssue, rules: Cards, link: str | None, facts: dict[str, Any], entry: Entry
) -> tuple[Case, list[Event]]:
    """Found, assigned, and carded or closed with the visit."""
    case = Case(
        issue=one.issue, category=one.category, source=one.source, found_at=one.found_at,
        rules=rules.book.version, lon=one.lon, lat=one.lat, count=one.count, mission=one.mission,
        severity=rules.book.categories[one.category].severity, site=one.site, item=one.item,
        site_type=facts["site_type"], note=one.note, photos=one.photos, recurs=link,
    )  # fmt: skip
    told: dict[str, Any] = {"at": entry.at, "recorded_at": entry.recorded_at, "who": entry.who}
    case, found = opened(case, **told)
    units = {name: facts[name] for name in _UNIT}
    case, assigned = changed(case, action="assigned", **told, **units)
    case, more = cards.begin(case, rules, entry, fixed=one.fixed_on_site)
    return case, [found, assigned, *more]


@contextmanager
def writing_of(store: Store, connection: Connection | None) -> Iterator[Connection]:
    """The transaction under way, else one of its own."""
    if connection is not None:
        yield connection
    else:
        with store.writing() as own:
            yield own


def _require_sound(
    connection: Connection, new: Sequence[NewIssue], books: Sequence[RuleBook], now: datetime
) -> None:
    """DesignError `issues_refused` with every fault of every issue."""
    faults = _faults_of_rules(new, books)
    taken = batches.current_ids(connection, "issues", [one.issue for one in new])
    taken |= followed(connection, [one.issue for one in new])
    box = _extent(connection)
    for one in new:
        if one.issue in taken:
            faults["twice"].append(one.issue)
        taken.add(one.issue)
        if not _inside(one.lon, one.lat, box):
            faults["outside"].append(f"{one.issue} ({one.lon:.4f}, {one.lat:.4f})")
        if one.found_at > now:
            faults["future"].append(f"{one.issue} ({one.found_at:%Y-%m-%d %H:%M})")
    _refuse(faults, len(new))


def _faults_of_rules(new: Sequence[NewIssue], books: Sequence[RuleBook]) -> dict[str, list[str]]:
    faults: dict[str, list[str]] = {name: [] for name in FAULTS}
    for one, book in zip(new, books, strict=True):
        category = book.categories.get(one.category)
        if category is None:
            faults["category"].append(f"{one.issue} ({one.category[:20]})")
        elif category.department not in book.units:
            faults["unit"].append(f"{one.issue} ({one.category})")
    return faults


def _refuse(faults: dict[str, list[str]], of: int) -> None:
    """One error of the kinds of faults there are, with the issues of each."""
    count = sum(map(len, faults.values()))
    if not count:
        return
    told = {
        name: ", ".join(named[:TOLD]) + (" …" if len(named) > TOLD else "")
        for name, named in faults.items()
        if named
    }
    reasons = tuple(_fault(name, named) for name, named in told.items())
    raise DesignError(
        f"{count} faults in {of} issues, and none was taken up: {'; '.join(one.message for one in reasons)}",
        code="issues_refused", count=count, of=of, reasons=reasons, **told,
    )  # fmt: skip


def _fault(kind: str, named: str) -> DesignError:
    """The sentence of a kind of fault."""
    match kind:
        case "category":
            return DesignError(
                f"category not in the rule book: {named} (zhoubian rules export shows those there are)",
                code="issue_category_unknown", named=named,
            )  # fmt: skip
        case "unit":
            return DesignError(
                f"category without a responsible unit: {named} (give it one in the rule book)",
                code="issue_category_unit", named=named,
            )  # fmt: skip
        case "outside":
            return DesignError(
                f"place far outside the layers of the store: {named} (is longitude before latitude?)",
                code="issue_outside", named=named,
            )  # fmt: skip
        case "twice":
            return DesignError(
                f"number that an issue has already: {named} (choose another)",
                code="issue_number_taken", named=named,
            )  # fmt: skip
        case _:
            return DesignError(f"found after now: {named}", code="issue_not_yet_found", named=named)


def _extent(connection: Connection) -> sqlite_file.BBox | None:
    """The box around all layers but the issues."""
    boxes = [
        box
        for layer, table in tables.LAYER_TABLES.items()
        if layer != "issues" and (box := sqlite_file.bounds(connection, table)) is not None
    ]
    if not boxes:
        return None
    west, south, east, north = zip(*boxes, strict=True)
    return min(west), min(south), max(east), max(north)


def _inside(lon: float, lat: float, box: sqlite_file.BBox | None) -> bool:
    west, south, east, north = box or (-180.0, -90.0, 180.0, 90.0)
    edge = 0.0 if box is None else OUTSIDE_DEG
    return west - edge <= lon <= east + edge and south - edge <= lat <= north + edge


def _add_rows(connection: Connection, new: Sequence[NewIssue], origin: str, now: datetime) -> None:
    """The rows of the layer, as a batch of their own; the ledger fills in what follows from the case."""
    rows = [
        {
            "id": one.issue, "category": one.category, "found_at": one.found_at, "source": one.source,
            "site": one.site, "count": one.count, "district": one.district, "address": one.address,
            "note": one.note,
        }
        for one in new
    ]  # fmt: skip
    points = shapely.points([(one.lon, one.lat) for one in new])
    prepared = tables.to_rows(gpd.GeoDataFrame(rows, geometry=points, crs="EPSG:4326"), "issues")
    told = json.dumps(rows, default=str, ensure_ascii=False, sort_keys=True)
    counts = {"issues": {"read": len(new), "accepted": len(new), "refused": 0, "merged": 0}}
    batch = NewBatch(
        source=origin, sha256=hashlib.sha256(told.encode()).hexdigest(), imported_at=now.isoformat(),
        kind=KIND, counts=counts,
    )  # fmt: skip
    adding = Addition(connection, batch, update=False)
    adding.put("issues", prepared)
    adding.finish(counts=counts)
