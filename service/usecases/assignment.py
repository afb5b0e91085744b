"""Assigning issues: where each lies and who answers for it; of imports, of those left over, by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import select

from geo.areas import area_of, units_of
from geo.nearest import NONE
from layers import tables
from layers.ledger import Case, Event, Ledger, changed
from layers.schema import AREA_LEVELS
from layers.store import Store

from ..supervision.assignment import (
    Assignment,
    Where,
    assign,
    by_hand,
    require_departments,
    runs_itself,
    unit_named,
)
from ..supervision.rulebook import RuleBook
from . import rule_books
from .issue_lists import OPEN
from .overrides import Fault, overrides, refuse, units_named

SITE_LAYERS = {"back_alleys": "back_alley", "compounds": "compound", "toilets": "public_toilet"}
"""Layers whose rows are sites of one type; an anchor's type is its class."""


@dataclass(frozen=True)
class _Site:
    type: str
    owner: str | None
    district: str | None
    shape: Any


class Locator:
    """What the store knows of a place; reads the layers once.

    Parameters
    ----------
    store : Store
    book : RuleBook
        Says which types of site have an operator.
    """

    def __init__(self, store: Store, book: RuleBook) -> None:
        areas = store.read("areas")
        owner = units_of(areas)[0]
        self._levels: dict[str, tuple[gpd.GeoDataFrame, NDArray[np.object_]]] = {}
        for level in AREA_LEVELS:
            rows = np.flatnonzero((areas["level"] == level).to_numpy())
            if len(rows):
                self._levels[level] = areas.iloc[rows].reset_index(drop=True), owner[rows]
        self._book = book
        self._sites: dict[str, _Site] = {}
        for layer, kind in reversed(SITE_LAYERS.items()):
            self._keep(store.read(layer, columns=["unit", "district"]), kind)
        self._keep(store.read("anchors", columns=["class", "unit", "district"]), None)
        named = {name: site for name, site in self._sites.items() if shapely.get_dimensions(site.shape) == 2}
        self._compounds = [name for name, site in named.items() if site.type == "compound"]
        self._yards = [name for name, site in named.items() if runs_itself(site.type, book)]

    def where(self, lonlat: NDArray[np.float64], sites: Sequence[str | None]) -> list[Where]:
        """What is known of each place.

        Parameters
        ----------
        lonlat : (n, 2) float, EPSG:4326
        sites : (n,) str or None
            The site each issue names, by id; one that the store does not know stays as it is.

        Notes
        -----
        A place lies inside a site that is known with its ground if that holds the point; a site known as
        a point only is taken at its word. An issue of a compound lies in that compound wherever its
        point is; one of another site lies in no compound.
        """
        points = np.asarray(lonlat, dtype=np.float64).reshape(-1, 2)
        areas = {level: area_of(points, held) for level, (held, _) in self._levels.items()}
        compound = self._holding(points, self._compounds)
        yard = self._holding(points, self._yards)
        named = {
            level: [column.tolist() for column in (held["id"], _texts(held["name"]), owners)]
            for level, (held, owners) in self._levels.items()
        }
        return [
            self._one(
                site,
                {level: [column[row] for column in named[level]]
                 for level, rows in areas.items() if (row := int(rows[number])) >= 0},
                None if compound[number] == NONE else self._compounds[compound[number]],
                None if yard[number] == NONE else self._yards[yard[number]],
            )
            for number, site in enumerate(sites)
        ]  # fmt: skip

    def _one(
        self, site: str | None, areas: dict[str, list[Any]], compound: str | None, yard: str | None
    ) -> Where:
        known = self._sites.get(site or "")
        if known is not None:
            compound = site if known.type == "compound" else None
            has_ground = shapely.get_dimensions(known.shape) == 2
            if not has_ground and runs_itself(known.type, self._book):
                yard = site
            elif yard != site:
                yard = None
        runs = self._sites.get(yard or compound or "")
        kind = known or runs
        none = (None, None, None)
        district, district_name, area_owner = areas.get("subdistrict", none)
        community, community_name, community_owner = areas.get("community", none)
        return Where(
            site=site, site_type=None if kind is None else kind.type,
            inside_site=yard is not None, inside_compound=yard is None and compound is not None,
            owner=None if runs is None else runs.owner,
            district=district_name or district or (None if kind is None else kind.district),
            community=community_name or community, grid=areas.get("grid", none)[0],
            area_owner=area_owner, compound=compound, community_owner=community_owner,
            areas=tuple(str(areas[level][0]) for level in AREA_LEVELS if level in areas),
        )  # fmt: skip

    def _keep(self, table: gpd.GeoDataFrame, kind: str | None) -> None:
        kinds = table["class"].tolist() if kind is None else [kind] * len(table)
        columns = (kinds, _texts(table["unit"]), _texts(table["district"]), table.geometry.to_numpy())
        self._sites.update(
            (name, _Site(*values))
            for name, *values in zip(table["id"].tolist(), *columns, strict=True)
        )  # fmt: skip

    def _holding(self, points: NDArray[np.float64], names: list[str]) -> NDArray[np.int64]:
        """(n,) row of the site whose ground holds each point, `NONE` outside all."""
        shapes = gpd.GeoDataFrame(
            {"id": names}, geometry=[self._sites[name].shape for name in names], crs="EPSG:4326"
        )
        return area_of(points, shapes)


@dataclass(frozen=True)
class AssignReport:
    """What an assignment came to.

    Parameters
    ----------
    taken_up : int
        Imported issues that are followed up from now on.
    assigned, unchanged : int
        Issues that have got a unit or another one; looked at and left as they were.
    by_unit, by_why : {id of the lead unit: issues}, {code of the reason: issues}
        Of those assigned, the most first.
    dry_run : bool
        Nothing was stored.
    foreign : {category: ids of issues}
        Imported issues of categories that the rule book does not have: they stay on the maps and are
        not followed up.
    """

    taken_up: int
    assigned: int
    unchanged: int
    by_unit: dict[str, int]
    by_why: dict[str, int]
    dry_run: bool = False
    foreign: dict[str, list[str]] = field(default_factory=dict)


class Assigner:
    """Assigns many issues by one rule book; reads the layers and the overrides once."""

    def __init__(self, store: Store, book: RuleBook) -> None:
        self.book = book
        self._locator = Locator(store, book)
        self._overrides = overrides(store)

    def assign(
        self, categories: Sequence[str], items: Sequence[str | None], lonlat: NDArray[np.float64],
        sites: Sequence[str | None],
    ) -> list[tuple[Where, Assignment]]:  # fmt: skip
        """Where each issue lies and who answers for it (DesignError, for all categories at once)."""
        book = self.book
        require_departments(categories, book)
        known = {item.code: item for held in book.items.values() for item in held}
        places = self._locator.where(lonlat, sites)
        return [
            (
                place,
                assign(self.book.categories[code], known.get(item or ""), place, self.book, self._overrides),
            )
            for code, item, place in zip(categories, items, places, strict=True)
        ]


def assign_all(
    store: Store, *, who: str, now: datetime, issues: Sequence[str] | None = None, again: bool = False,
    dry_run: bool = False,
) -> AssignReport:  # fmt: skip
    """Take up the imported issues that nobody follows yet, and assign every issue without a unit.

    Parameters
    ----------
    issues : sequence of str, optional
        Only these, and anew if they have a unit already.
    again : bool
        The open issues are assigned anew by the rules and overrides of today, except those that
        somebody assigned by hand.
    dry_run : bool
        Only say what would become of it.

    Raises
    ------
    DesignError
        `category_without_unit`: all categories of the rule book concerned; nothing is stored.
    """
    from . import issue_book  # noqa: PLC0415 - it has the Locator from here

    fresh = _not_followed(store, issues)
    book = rule_books.current(store, now.date())
    unknown = fresh[~fresh["category"].isin(list(book.categories))]
    foreign = {str(code): part["id"].tolist() for code, part in unknown.groupby("category")}
    fresh = fresh.drop(unknown.index)
    require_departments(fresh["category"], book)
    if dry_run:
        counted = _would_be(store, fresh, book)
    else:
        adopted = issue_book.adopt(store, who=who, now=now, issues=fresh["id"].tolist()) if len(fresh) else []
        counted = [(case.lead_unit or "", case.why or "") for case in adopted if case.lead_unit]
    cases = _wanted(store, issues, again=again, but=set(fresh["id"]) if issues is None else set())
    after: list[Case] = []
    events: list[Event] = []
    for version in dict.fromkeys(case.rules for case in cases):
        part = [case for case in cases if case.rules == version]
        assigner = Assigner(store, rule_books.of_version(store, version))
        for case, (where, found) in zip(part, _assigned(assigner, part), strict=True):
            values = _values(case, where, found)
            if any(getattr(case, name) != value for name, value in values.items()):
                told, event = changed(case, at=now, recorded_at=now, who=who, action="assigned", **values)
                after.append(told)
                events.append(event)
                counted.append((found.lead_unit, found.why))
    if not dry_run:
        Ledger(store).write(after, events)
    units, whys = (Counter(column) for column in zip(*counted, strict=True)) if counted else ({}, {})
    return AssignReport(
        len(fresh), len(counted), len(cases) - len(after), _ranked(units), _ranked(whys), dry_run, foreign
    )


def _ranked(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda one: (-one[1], one[0])))


def assign_issue(
    store: Store, issue: str, *, lead: str, joint: Sequence[str] = (), why: str, who: str, now: datetime
) -> Case:
    """Assign one issue by hand; units by id, name or another name, the reason in the office's words.

    Raises
    ------
    NotFoundError
        `issue_unknown`.
    DesignError
        `assignment_refused` with all that is wrong.
    """
    ledger = Ledger(store)
    case = ledger.case(issue)
    book = rule_books.of_version(store, case.rules)
    faults: list[Fault] = []
    units = units_named([lead, *joint], book, faults)
    if not why.strip():
        faults.append(("why", ""))
    refuse(faults)
    where = Locator(store, book).where(np.array([[case.lon, case.lat]]), [case.site])[0]
    found = by_hand(units[0], units[1:], where, book)
    values = _values(case, where, found)
    after, event = changed(
        case, at=now, recorded_at=now, who=who, action="assigned", note=why.strip(), **values
    )
    ledger.write([after], [event])
    return after


def _values(case: Case, where: Where, found: Assignment) -> dict[str, Any]:
    """What an assignment sets of a case; what is known already, of its place or from an import, stays."""
    stated = case.responsible if case.lead_unit in (None, found.lead_unit) else None
    return {
        "lead_unit": found.lead_unit, "joint_units": found.joint_units, "why": found.why,
        "responsible": found.responsible or stated, "site_type": case.site_type or where.site_type,
        "district": case.district or where.district, "community": case.community or where.community,
        "grid": case.grid or where.grid,
    }  # fmt: skip


def _wanted(store: Store, issues: Sequence[str] | None, *, again: bool, but: set[str]) -> list[Case]:
    table = tables.cases.c
    gone = table.withdrawn_at.is_not(None) | table.merged_into.is_not(None)
    cases = Ledger(store).cases(~gone, *(() if issues is not None else _unassigned(again=again)))
    if issues is None:
        return [case for case in cases if case.issue not in but]
    named = set(issues)
    return [case for case in cases if case.issue in named]


def _unassigned(*, again: bool) -> tuple[Any, ...]:
    table = tables.cases.c
    without = table.lead_unit.is_(None)
    if not again:
        return (without,)
    by_rule = table.why.is_(None) | (table.why != "by_hand")
    return (without | (table.state.in_(OPEN) & by_rule),)


def _assigned(assigner: Assigner, cases: Sequence[Case]) -> list[tuple[Where, Assignment]]:
    return assigner.assign(
        [case.category for case in cases], [case.item for case in cases],
        np.array([(case.lon, case.lat) for case in cases]), [case.site for case in cases],
    )  # fmt: skip


def _would_be(store: Store, fresh: gpd.GeoDataFrame, book: RuleBook) -> list[tuple[str, str]]:
    """Lead unit and reason that imported issues would get; a unit that the list names leads."""
    point = fresh.geometry.representative_point()
    assigned = Assigner(store, book).assign(
        fresh["category"].tolist(), [None] * len(fresh), np.column_stack([point.x, point.y]),
        _texts(fresh["site"]).tolist(),
    )  # fmt: skip
    told = []
    for stated, (_, found) in zip(_texts(fresh["unit"]), assigned, strict=True):
        named = unit_named(stated, book) if stated else None
        by_list = named is not None and named != found.lead_unit
        told.append((named or found.lead_unit, "by_hand" if by_list else found.why))
    return told


def _not_followed(store: Store, issues: Sequence[str] | None) -> gpd.GeoDataFrame:
    """The issues of the layer that have no case."""
    with store.reading() as connection:
        known = set(connection.scalars(select(tables.cases.c.issue)))
    held = store.read("issues", columns=["category", "site", "unit"])
    wanted = ~held["id"].isin(known)
    if issues is not None:
        wanted &= held["id"].isin(list(issues))
    return held[wanted].reset_index(drop=True)


def _texts(values: Any) -> Any:
    """A column of text with None for what is missing or blank."""
    return values.astype(object).where(values.notna() & (values.str.strip() != ""), None)
