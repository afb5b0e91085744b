"""Scores of missions: by site, type, area, unit and round (`score_rounds.py`: how two rounds differ).

Everything is reckoned anew from the results in the store, each mission by the version of the rules it
was made with (`supervision/site_scores.py` says how). A score never stands without its base: the sites
that have one, the items judged there, and how often one was judged. Only places and units are ranked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from geo.areas import area_of
from geo.errors import NotFoundError, StoreError
from layers import tables
from layers.missions import Mission, Missions, Result
from layers.rules import Item
from layers.store import Store

from ..supervision.rulebook import RuleBook
from ..supervision.site_scores import GroupScore, Mark, Score, combined, mark, percent, score, weight_of
from . import rule_books
from .mission_sites import unit_of

BY = ("type", "district", "community", "unit", "site", "mission")


@dataclass(frozen=True, kw_only=True)
class Visit:
    """A site in a mission with its points.

    `unit` is who runs the site, else who is responsible for the area it lies in; `marks` are its results
    in the order of the checklist. `place` tells the site in all missions: its id, or ``layer/id`` where
    missions visited sites of the same id in several layers.
    """

    mission: str
    site: str
    place: str
    name: str | None
    type: str
    district: str | None
    community: str | None
    unit: str | None
    score: Score
    marks: tuple[tuple[Item, Mark | None, Result], ...] = ()


@dataclass(frozen=True)
class Scored:
    """The visits of some missions, the earliest mission first, and the rule books they follow.

    A site that several missions visited stands once for each.
    """

    visits: tuple[Visit, ...]
    missions: tuple[str, ...]
    books: Mapping[str, RuleBook]

    @property
    def book(self) -> RuleBook:
        """The rule book of the latest mission: it says what the types of site weigh."""
        return self.books[self.missions[-1]]

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions of the rules that the missions were made with."""
        return tuple(sorted({book.version for book in self.books.values()}))

    def sites(self, *, latest: bool = False) -> list[Visit]:
        """Each site once: with the points of all its visits together or, `latest`, of its last one."""
        found: dict[str, Visit] = {}
        for visit in self.visits:
            before = found.get(visit.place)
            if before is None or (latest and visit.score.rate is not None):
                found[visit.place] = visit
            elif not latest:
                found[visit.place] = replace(visit, score=before.score + visit.score)
        return list(found.values())


@dataclass(frozen=True)
class Row:
    """A group with its score. `rank`: 1 for the best; equal scores share one; None without a score."""

    group: str | None
    name: str | None
    score: GroupScore
    rank: int | None


def with_results(store: Store) -> list[str]:
    """The missions that have results, the earliest first."""
    held = Missions(store)
    counts = held.counts()
    return [mission.name for mission in held.missions() if mission.name in counts]


def usual(store: Store, by: str) -> list[str]:
    """The missions that are looked at where none is named: all for a table by round, else the last one."""
    every = with_results(store)
    return every if by == "mission" else every[-1:]


def read(store: Store, missions: Sequence[str]) -> Scored:
    """The points of every site that the missions visited.

    Parameters
    ----------
    missions : sequence of str
        Names; the last one that has results where none is given.

    Raises
    ------
    NotFoundError
        `score_mission_unknown`, for all unknown names at once; `scores_none` where nothing has results.
    StoreError
        `results_foreign`: results that do not belong to the record or the rules of their mission.
    """
    wanted = list(dict.fromkeys(missions)) or usual(store, "")
    if not wanted:
        raise NotFoundError(
            "no mission has results yet; take them in with zhoubian results take", code="scores_none"
        )
    held = Missions(store)
    every = held.missions()
    if missing := [name for name in wanted if name not in {mission.name for mission in every}]:
        known = ", ".join(mission.name for mission in every) or "-"
        raise NotFoundError(
            f"there is no mission named {', '.join(missing)[:200]}; the missions are: {known}",
            code="score_mission_unknown", given=", ".join(missing)[:200], known=known,
        )  # fmt: skip
    chosen = [mission for mission in every if mission.name in wanted]
    results: dict[str, list[Result]] = {mission.name: [] for mission in chosen}
    for result in held.results(tables.results.c.mission.in_(wanted)):
        results[result.mission].append(result)
    books = {mission.name: rule_books.of_version(store, mission.rules) for mission in chosen}
    areas = _Areas(store, [site for mission in chosen for site in mission.sites])
    twice = _in_several_layers(every)
    visits = [
        visit
        for mission in chosen
        for visit in _visits(mission, results[mission.name], books[mission.name], areas, twice)
    ]
    return Scored(tuple(visits), tuple(mission.name for mission in chosen), books)


def _in_several_layers(missions: Iterable[Mission]) -> set[str]:
    """Ids that sites of several layers bear, such as numbers that each list counts anew."""
    layers: dict[str, set[str]] = {}
    for mission in missions:
        for site in mission.sites:
            layers.setdefault(unit_of(site), set()).add(site["layer"])
    return {unit for unit, held in layers.items() if len(held) > 1}


def _visits(
    mission: Mission, results: Sequence[Result], book: RuleBook, areas: _Areas, twice: Collection[str]
) -> Iterable[Visit]:
    """The visited sites of a mission: those with results, and those that are said to be visited."""
    by_site: dict[str, dict[str, Result]] = {}
    for result in results:
        by_site.setdefault(result.site, {})[result.item] = result
    _require_own(mission, by_site, book)
    for site in mission.sites:
        judged = by_site.get(site["id"], {})
        if not judged and site.get("status") != "visited":
            continue
        marks = tuple(
            (item, _mark(item, judged[item.code], book), judged[item.code])
            for item in book.items.get(site["type"], ())
            if item.code in judged
        )
        district, community, unit = areas.of(site)
        bare = unit_of(site)
        yield Visit(
            mission=mission.name, site=site["id"],
            place=f"{site['layer']}/{bare}" if bare in twice else bare,
            name=site.get("name"), type=site["type"],
            district=district, community=community, unit=unit,
            score=score((item, one) for item, one, _ in marks), marks=marks,
        )  # fmt: skip


def _require_own(mission: Mission, by_site: Mapping[str, Collection[str]], book: RuleBook) -> None:
    types = {site["id"]: site["type"] for site in mission.sites}
    codes = {kind: {item.code for item in items} for kind, items in book.items.items()}
    foreign = sorted(
        f"{site}/{item}"
        for site, judged in by_site.items()
        for item in judged
        if item not in codes.get(types.get(site, ""), ())
    )
    if foreign:
        raise StoreError(
            f"mission {mission.name}: {len(foreign)} results belong to no site or checklist of the mission,"
            f" the first is {foreign[0]}; import its sheet again",
            code="results_foreign", mission=mission.name, count=len(foreign), first=foreign[0],
        )  # fmt: skip


def _mark(item: Item, result: Result, book: RuleBook) -> Mark | None:
    return mark(item, result.verdict, result.cases, book.scoring, inside_lines=result.inside_lines)


class _Areas:
    """Subdistrict, community and responsible unit of the places of sites."""

    def __init__(self, store: Store, sites: Sequence[Mapping[str, Any]]) -> None:
        spots = sorted({(float(site["lon"]), float(site["lat"])) for site in sites})
        points = np.array(spots, dtype=np.float64).reshape(-1, 2)
        held = store.read("areas") if spots else gpd.GeoDataFrame()
        self._in: dict[str, dict[tuple[float, float], tuple[str, str | None]]] = {}
        for level in ("subdistrict", "community") if len(held) else ():
            chosen = held[held["level"] == level].reset_index(drop=True)
            names = [_text(name) or code for code, name in zip(chosen["id"], chosen["name"], strict=True)]
            units = [_text(unit) for unit in chosen["unit"]]
            rows = area_of(points, chosen).tolist()
            self._in[level] = {
                spot: (names[row], units[row]) for spot, row in zip(spots, rows, strict=True) if row >= 0
            }

    def of(self, site: Mapping[str, Any]) -> tuple[str | None, str | None, str | None]:
        """District, community and unit; what the record of the mission says goes first."""
        spot = (float(site["lon"]), float(site["lat"]))
        district, owner = self._in.get("subdistrict", {}).get(spot, (None, None))
        community, nearer = self._in.get("community", {}).get(spot, (None, None))
        return site.get("district") or district, community, site.get("unit") or owner or nearer


def _text(value: Any) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


# ------------------------------------------------------------------ tables


_PLACE = ("mission", "site", "name", "type", "district", "community", "unit")


def as_table(rows: Sequence[Row]) -> pd.DataFrame:
    """Groups as a table.

    Columns: group, name, rank, rate (in [0, 1]), percent (as it is printed), sites (with a score),
    without (without an applicable item), items, observations.
    """
    told = [
        {
            "group": row.group, "name": row.name, "rank": row.rank, "rate": _float(row.score.rate),
            "percent": percent(row.score.rate), "sites": row.score.sites, "without": row.score.without,
            "items": row.score.items, "observations": row.score.observations,
        }
        for row in rows
    ]  # fmt: skip
    names = ["group", "name", "rank", "rate", "percent", "sites", "without", "items", "observations"]
    return pd.DataFrame(told, columns=names).astype({"rank": "Int64", "rate": "float64"})


def grouped(scored: Scored, by: str = "type", *, latest: bool = False) -> list[Row]:
    """The groups with their scores, the best first, those without a score at the end.

    Parameters
    ----------
    by : str
        One of `BY`. By mission each counts its own visits by its own rules; otherwise a site that
        several missions visited counts once.
    latest : bool
        Only the last visit of a site that has a score.
    """
    key = _key(by)
    visits = list(scored.visits) if by == "mission" else scored.sites(latest=latest)
    rows = []
    for group, held in _groups(visits, key).items():
        book = scored.books[held[0].mission] if by == "mission" else scored.book
        found = combined(((visit.type, visit.score) for visit in held), book.scoring.type_weights)
        rows.append(Row(group, held[0].name if by == "site" else group, found, None))
    if by == "mission":  # rounds follow each other, they do not compete
        return sorted(rows, key=lambda row: scored.missions.index(row.group or ""))
    return _ranked(rows)


def whole(scored: Scored, *, latest: bool = False) -> GroupScore:
    """The score of all sites together with its base."""
    sites = scored.sites(latest=latest)
    return combined(((visit.type, visit.score) for visit in sites), scored.book.scoring.type_weights)


def only(scored: Scored, sites: Collection[str]) -> Scored:
    """The same missions with some of their sites, by `place`."""
    return replace(scored, visits=tuple(visit for visit in scored.visits if visit.place in sites))


def visits_of(scored: Scored, site: str) -> list[Visit]:
    """The visits of a site with the marks of its items (NotFoundError `score_site_unknown`)."""
    found = [visit for visit in scored.visits if site in (visit.site, visit.place)]
    if not found:
        raise NotFoundError(
            f"{site[:60]!r} was not visited in {', '.join(scored.missions)}; zhoubian score table --by site"
            " tells the sites that were",
            code="score_site_unknown", given=site[:60], missions=", ".join(scored.missions),
        )  # fmt: skip
    return found


def told(scored: Scored, whole: GroupScore) -> dict[str, Any]:
    """What stands beside every table, as JSON values."""
    return {
        "missions": list(scored.missions), "rules": list(scored.versions), "rate": _float(whole.rate),
        "percent": percent(whole.rate), "sites": whole.sites, "without": whole.without,
        "items": whole.items, "observations": whole.observations,
    }  # fmt: skip


def visit_told(visit: Visit) -> dict[str, Any]:
    """A visit with its items, as JSON values."""
    items = [
        {
            "item": item.code, "verdict": result.verdict, "cases": result.cases,
            "inside_lines": result.inside_lines, "grade": None if mark is None else mark.grade,
            "weight": item.weight, "strict": item.strict,
            "points": None if mark is None else float(weight_of(item) * mark.value), "note": result.note,
        }
        for item, mark, result in visit.marks
    ]  # fmt: skip
    points = visit.score
    return {
        **{name: getattr(visit, name) for name in _PLACE}, "got": float(points.got),
        "possible": float(points.possible), "rate": _float(points.rate), "percent": percent(points.rate),
        "observations": points.observations, "items": items,
    }  # fmt: skip


def _key(by: str) -> Callable[[Visit], str | None]:
    if by not in BY:
        raise NotFoundError(
            f"--by {by!r} is unknown; use {', '.join(BY)}",
            code="unknown_option", option="by", given=by, allowed=", ".join(BY),
        )  # fmt: skip
    name = "place" if by == "site" else by
    return lambda visit: getattr(visit, name)


def _groups(visits: Iterable[Visit], key: Callable[[Visit], str | None]) -> dict[str | None, list[Visit]]:
    groups: dict[str | None, list[Visit]] = {}
    for visit in visits:
        groups.setdefault(key(visit), []).append(visit)
    return groups


def _ranked(rows: Iterable[Row]) -> list[Row]:
    def order(row: Row) -> tuple[bool, Fraction, str]:
        rate = row.score.rate
        return rate is None, -(rate or Fraction(0)), row.group or ""

    ordered = sorted(rows, key=order)
    rates = [row.score.rate for row in ordered]
    return [
        row if rate is None else replace(row, rank=1 + rates.index(rate))
        for row, rate in zip(ordered, rates, strict=True)
    ]


def _float(rate: Fraction | None) -> float | None:
    return None if rate is None else float(rate)
