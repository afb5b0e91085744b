"""A store with many issues and their histories, for the benchmark: made with the rules of the program.

About six entries for each issue: found, assigned, carded, reported, re-checked (some fail), closed; some
fixed during the visit, some raised, some suspended, some left open past their deadline. Seeded.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import geopandas as gpd
import numpy as np
import shapely

from geo.errors import DesignError
from layers import tables
from layers.batches import NewBatch
from layers.ledger import Case, Event, Ledger, changed, opened
from layers.schema import conform
from layers.store import Store
from service.supervision import cards
from service.supervision.cards import Cards, Entry
from service.usecases import rule_books

SHANGHAI = ZoneInfo("Asia/Shanghai")
BEGIN = datetime(2025, 11, 20, 8, 0, tzinfo=SHANGHAI)
END = datetime(2026, 10, 30, 12, 0, tzinfo=SHANGHAI)
"""The moment of the benchmark: the last tick is a week old then."""
TICKED = END - timedelta(days=7)
WHO = "创城办"
SITE_TYPES = ("back_alley", "compound", "market", "school", "hospital", "mall")
SOURCES = ("mission", "patrol", "complaint", "official_feedback", "media")


def build(path: Path, issues: int, seed: int = 7) -> tuple[int, int]:
    """Make the store; returns how many issues and entries it has."""
    entries = 0
    with Store.open(path, create=True) as store:
        for piece in _pieces(store, issues, np.random.default_rng(seed)):
            held = [case for case, _ in piece]
            rows = {
                "id": [case.issue for case in held], "category": [case.category for case in held],
                "found_at": [case.found_at for case in held], "site": [case.site for case in held],
                "source": [case.source for case in held], "district": [case.district for case in held],
            }  # fmt: skip
            points = shapely.points([(case.lon, case.lat) for case in held])
            layer = gpd.GeoDataFrame(rows, geometry=points, crs="EPSG:4326")
            batch = NewBatch(source="bench", sha256="ab" * 32, imported_at=END.isoformat(), kind="follow_up")
            events = [event for _, history in piece for event in history]
            with store.adding(batch) as adding:
                adding.put("issues", tables.to_rows(layer, "issues"))
                adding.finish(counts={"issues": {"read": len(held), "accepted": len(held)}})
            Ledger(store).write(held, events)
            entries += len(events)
    return issues, entries


def _pieces(
    store: Store, issues: int, rng: np.random.Generator, size: int = 5_000
) -> Iterator[list[tuple[Case, list[Event]]]]:
    rules = Cards(rule_books.current(store, END.date()))
    codes = sorted(rules.book.categories)
    for first in range(0, issues, size):
        yield [
            _one(f"W{number:06d}", rules, codes, rng) for number in range(first, min(first + size, issues))
        ]


def _one(issue: str, rules: Cards, codes: list[str], rng: np.random.Generator) -> tuple[Case, list[Event]]:
    span = int((END - BEGIN).total_seconds() // 60)
    at = BEGIN + timedelta(minutes=int(rng.integers(0, span)))
    code = codes[int(rng.integers(len(codes)))]
    site = int(rng.integers(8_000))
    case = Case(
        issue=issue, category=code, source=SOURCES[int(rng.integers(5))], found_at=at,
        rules=rules.book.version, lon=114.8 + 0.2 * float(rng.random()), lat=32.9 + 0.2 * float(rng.random()),
        severity=rules.book.categories[code].severity, site=f"S{site:04d}", site_type=SITE_TYPES[site % 6],
        district=f"街道{site % 12}", community=f"社区{site % 120}",
    )  # fmt: skip
    case, event = opened(case, at=at, recorded_at=at, who=WHO)
    history = [event]
    lead = rules.book.categories[code].department
    case, event = changed(
        case, at=at, recorded_at=at, who=WHO, action="assigned", lead_unit=lead,
        joint_units=("subdistrict",), why="category",
    )  # fmt: skip
    history.append(event)
    case, more = cards.begin(case, rules, _entry(at), fixed=bool(rng.random() < 0.1))
    history += more
    for _ in range(3):
        if not cards.is_open(case):
            break
        try:
            case, more = _step(case, rules, rng)
        except DesignError:  # too late for this step: it stays as it is
            break
        history += more
        if not more:
            break
    if cards.is_open(case):
        case, more = cards.caught_up(case, rules, TICKED)
        history += more
    return case, history


def _step(case: Case, rules: Cards, rng: np.random.Generator) -> tuple[Case, list[Event]]:
    """Report, re-check and closing of a card, or a suspension; nothing where it is left lying."""
    at = cards.latest(case) + timedelta(hours=float(rng.exponential(60)) + 0.5)
    if at > TICKED or rng.random() < 0.03:
        return case, []
    if rng.random() < 0.02:
        return cards.suspend(case, rules, _entry(at), approver="分管领导", until=at + timedelta(days=30))
    case, events = cards.report(case, rules, _entry(at))
    passed = bool(rng.random() > 0.15)
    at += timedelta(hours=20)
    case, more = cards.recheck(case, rules, _entry(at), passed=passed)
    events += more
    if passed:
        case, more = cards.close(case, rules, _entry(at + timedelta(minutes=5)))
        events += more
    return case, events


def _entry(at: datetime) -> Entry:
    return Entry(at=at, recorded_at=at, who=WHO)


WEST, SOUTH, SIDE_DEG = 114.8, 32.9, 0.2
CELLS = 120
"""Grid cells along each side of the city: 14,400 cells of 155 x 185 m, 144 communities, 16 subdistricts."""


def ground(path: Path, compounds: int = 3_000, seed: int = 11) -> None:
    """A store with nested areas of four levels, and compounds that do not overlap."""
    rng = np.random.default_rng(seed)
    areas = [_square("district", 0, 0, 1, "district")]
    for level, parts, above, parent in (
        ("subdistrict", 4, 1, "district"), ("community", 12, 4, "subdistrict"),
        ("grid", CELLS, 12, "community"),
    ):  # fmt: skip
        for x, y in np.ndindex(parts, parts):
            named = {"parent": _id(parent, x * above // parts, y * above // parts)}
            areas.append(
                {**_square(level, x, y, parts, None if level == "grid" else f"{level} office"), **named}
            )
    lots = rng.choice(100 * 100, compounds, replace=False)
    yards = [
        {
            "id": f"C{number:04d}", "name": f"小区{number}", "unit": f"物业{number % 40}" if number % 5 else None,
            "geometry": _box(int(lot) % 100, int(lot) // 100, 100, 0.8),
        }
        for number, lot in enumerate(lots)
    ]  # fmt: skip
    held = {
        name: conform(gpd.GeoDataFrame(rows, geometry="geometry", crs="EPSG:4326"), name)
        for name, rows in (("areas", areas), ("compounds", yards))
    }
    with Store.open(path, create=True) as store:
        store.add(
            held, NewBatch(source="bench", sha256="cd" * 32, imported_at=END.isoformat(), kind="bench"), {}
        )


def _id(level: str, x: int, y: int) -> str:
    return f"{level}-{x:03d}-{y:03d}"


def _square(level: str, x: int, y: int, parts: int, unit: str | None) -> dict[str, object]:
    name = _id(level, x, y)
    ground = _box(x, y, parts, 1.0)
    return {"id": name, "name": name, "level": level, "parent": None, "unit": unit, "geometry": ground}


def _box(x: int, y: int, parts: int, share: float) -> shapely.Polygon:
    """A square of a chessboard over the city."""
    side = SIDE_DEG / parts
    west, south = WEST + x * side, SOUTH + y * side
    return shapely.box(west, south, west + share * side, south + share * side)
