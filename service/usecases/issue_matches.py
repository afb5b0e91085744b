"""What belongs together: issues that may be one and the same, and where else the same may be (举一反三).

Nothing is merged or opened here: candidates are told, somebody decides (`zhoubian issue merge`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import shapely
from sqlalchemy import ColumnElement, select

from geo.crs import metric_crs, project
from geo.frame import UNIT_LAYERS
from layers import tables
from layers.ledger import Case, Ledger
from layers.store import Store

from ..supervision.recurrence import Findings, alike
from . import rule_books
from .also_there import also_there
from .hotspot_city import LAYERS_READ, read_city
from .issue_lists import OPEN
from .layers import attribution

HOURS = 24
"""Findings further apart in time are two (default)."""
MOST = 20


@dataclass(frozen=True)
class Pair:
    """Two open issues that may be one: the earlier, the later, metres and hours between them."""

    first: Case
    second: Case
    metres: float
    hours: float


@dataclass(frozen=True)
class Elsewhere:
    """A site where the same category was found.

    Parameters
    ----------
    site, name, site_type, district, responsible : str or None
    alike : tuple of str
        In what it is like the site asked about: `type`, `district`, `body` (who runs it).
    open, found : int
        Issues of the category there: not yet closed, and all.
    last : datetime
        When the newest was found.
    """

    site: str
    name: str | None
    site_type: str | None
    district: str | None
    responsible: str | None
    alike: tuple[str, ...]
    open: int
    found: int
    last: datetime


@dataclass(frozen=True)
class Unseen:
    """A site like the one asked about from which nobody has reported the category."""

    site: str
    name: str | None
    district: str | None
    alike: tuple[str, ...]
    metres: float


@dataclass(frozen=True)
class Lookalikes:
    """Where the same as an issue may be.

    Parameters
    ----------
    case : Case
    elsewhere : tuple of Elsewhere
        Sites that have or had the same, the most alike first, then those with the most open.
    more : int
        Further such sites that are left out.
    unseen : tuple of Unseen
        Alike sites without a report of it, the most alike first, then the nearest.
    duplicates : tuple of Pair
    """

    case: Case
    elsewhere: tuple[Elsewhere, ...]
    more: int
    unseen: tuple[Unseen, ...]
    duplicates: tuple[Pair, ...]


def duplicates(
    store: Store, *, now: datetime, hours: float = HOURS, issue: str | None = None
) -> list[Pair]:  # fmt: skip
    """Open issues of the same category and site (else within `near_m` of the rules) found within hours.

    Parameters
    ----------
    hours : float
        The last hour is included.
    issue : str, optional
        Only pairs that this issue is one of.

    Raises
    ------
    NotFoundError
        `issue_unknown`.
    """
    table = tables.cases.c
    where: list[ColumnElement[bool]] = [
        table.state.in_(OPEN), table.withdrawn_at.is_(None), table.merged_into.is_(None),
    ]  # fmt: skip
    ledger = Ledger(store)
    if issue is not None:
        where.append(table.category == ledger.case(issue).category)
    cases = ledger.cases(*where)
    lonlat = np.array([(case.lon, case.lat) for case in cases], dtype=np.float64).reshape(-1, 2)
    findings = Findings(
        [case.category for case in cases], [case.site for case in cases], lonlat,
        [case.found_at for case in cases],
    )  # fmt: skip
    near_m = rule_books.current(store, now.date()).cards.near_m
    pairs = alike(findings, near_m=near_m, within=timedelta(hours=hours))
    told = [(cases[first], cases[second]) for first, second in pairs]
    if issue is not None:
        told = [pair for pair in told if issue in (pair[0].issue, pair[1].issue)]
    return [_pair(first, second) for first, second in told]


def lookalikes(store: Store, issue: str, *, now: datetime) -> Lookalikes:
    """Where the same as an issue may be: sites of the same type, area or body, and those not looked at.

    Raises
    ------
    NotFoundError
        `issue_unknown`.
    """
    case = Ledger(store).case(issue)
    found = _elsewhere(store, case)
    return Lookalikes(
        case, tuple(found[:MOST]), max(0, len(found) - MOST), tuple(_unseen(store, case)),
        tuple(duplicates(store, now=now, issue=issue)),
    )  # fmt: skip


@dataclass
class _Site:
    site_type: str | None
    district: str | None
    responsible: str | None
    open: int = 0
    moments: list[str] = field(default_factory=list)


def _elsewhere(store: Store, case: Case) -> list[Elsewhere]:
    table = tables.cases.c
    names = ("site", "site_type", "district", "responsible", "state", "found_at")
    query = select(*(table[name] for name in names)).where(
        table.category == case.category, table.site.is_not(None), table.withdrawn_at.is_(None),
        table.merged_into.is_(None),
    )  # fmt: skip
    sites: dict[str, _Site] = {}
    with store.reading() as connection:
        for site, site_type, district, responsible, state, found_at in connection.execute(query):
            held = sites.setdefault(site, _Site(site_type, district, responsible))
            held.open += state in OPEN
            held.moments.append(found_at)
    sites.pop(case.site or "", None)
    names_of = _names(store, list(sites))
    told = [
        Elsewhere(
            site, names_of.get(site), one.site_type, one.district, one.responsible, alike_in, one.open,
            len(one.moments), datetime.fromisoformat(max(one.moments)),
        )
        for site, one in sites.items()
        if (alike_in := _alike_in(case, one.site_type, one.district, one.responsible))
    ]  # fmt: skip
    return sorted(told, key=lambda one: (-len(one.alike), -one.open, -one.found, one.site))


def _alike_in(
    case: Case, site_type: str | None, district: str | None, responsible: str | None
) -> tuple[str, ...]:
    same = {
        "type": case.site_type is not None and site_type == case.site_type,
        "district": case.district is not None and district == case.district,
        "body": case.responsible is not None and responsible == case.responsible,
    }
    return tuple(name for name, there in same.items() if there)


def _names(store: Store, sites: Sequence[str]) -> dict[str, str]:
    if not sites:
        return {}
    found: dict[str, str] = {}
    wanted = set(sites)
    for layer in ("toilets", *UNIT_LAYERS, "anchors"):
        table = tables.LAYER_TABLES[layer].c
        query = select(table.id, table.name).where(table.superseded_by.is_(None), table.name.is_not(None))
        with store.reading() as connection:
            found.update((id_, name) for id_, name in connection.execute(query) if id_ in wanted)
    return found


def _unseen(store: Store, case: Case) -> list[Unseen]:
    """Alike sites without a report: of alleys and compounds by their profile, of anchors by their class."""
    if case.site is None:
        return []
    if any(store.existing_ids(layer, [case.site]) for layer in UNIT_LAYERS):
        city = read_city(store, attribution(store, LAYERS_READ))
        told = also_there(store, city, case.site, case.category).unseen
        seen = _seen(store, case)
        return [
            Unseen(one.id, one.name, one.district or None, one.alike, one.metres)
            for one in told
            if one.id not in seen
        ]
    return _unseen_anchors(store, case)


def _unseen_anchors(store: Store, case: Case) -> list[Unseen]:
    anchors = store.read("anchors", columns=["name", "class", "subtype", "district", "unit"])
    here = np.flatnonzero((anchors["id"] == case.site).to_numpy())
    if not len(here):
        return []
    own = anchors.iloc[int(here[0])]
    same = ((anchors["class"] == own["class"]) & (anchors["id"] != case.site)).to_numpy()
    rows = anchors[same & ~anchors["id"].isin(_seen(store, case)).to_numpy()]
    if rows.empty:
        return []
    point = own.geometry.representative_point()
    crs = metric_crs(point.x, point.y)
    shapes, (middle,) = project(np.asarray(rows.geometry.array), crs), project(np.array([own.geometry]), crs)
    alike_in = {name: (rows[name] == own[name]).fillna(False).tolist() for name in ("subtype", "district")}
    words = (rows[name].astype(object).where(rows[name].notna(), None) for name in ("id", "name", "district"))
    columns = (*words, shapely.distance(shapes, middle).tolist(), *alike_in.values())
    told = [
        Unseen(
            site, name, district,
            ("type", *(word for word, here in zip(alike_in, same_as, strict=True) if here)), round(far, 1),
        )
        for site, name, district, far, *same_as in zip(*columns, strict=True)
    ]  # fmt: skip
    return sorted(told, key=lambda one: (-len(one.alike), one.metres, one.site))[:MOST]


def _seen(store: Store, case: Case) -> set[str]:
    """Sites from which the category was reported, or where an inspection looked for it."""
    cases, results = tables.cases.c, tables.results.c
    book = rule_books.of_version(store, case.rules)
    items = [item.code for listed in book.items.values() for item in listed if item.category == case.category]
    reported = select(cases.site).where(
        cases.category == case.category, cases.site.is_not(None), cases.withdrawn_at.is_(None)
    )
    looked_at = select(results.site).where(results.item.in_(items), results.verdict.in_(("yes", "no")))
    with store.reading() as connection:
        return {*connection.scalars(reported.distinct()), *connection.scalars(looked_at.distinct())}


def _pair(first: Case, second: Case) -> Pair:
    crs = metric_crs(first.lon, first.lat)
    places = project(shapely.points([(first.lon, first.lat), (second.lon, second.lat)]), crs)
    hours = (second.found_at - first.found_at).total_seconds() / 3600
    return Pair(first, second, round(float(shapely.distance(*places)), 1), round(hours, 2))
