"""Two rounds at a few sites whose scores are reckoned by hand.

Rules: ladder 1, 0.66, 0.33, 0; market-03 weighs 2, school-01 is strict, schools weigh 3.

====  ==========  ======================================  =====================================
site  place       round 一轮                               round 二轮
====  ==========  ======================================  =====================================
M1    东街, 甲社区   A, B, C#: (1 + 0.66) / 4 = 0.415         A, A, B: (2 + 2 * 0.66) / 4 = 0.83
M2    西街, 乙社区   A, B, not applicable: 1.66 / 2 = 0.83    not there
M3    西街, 乙社区   not there                               C: 0.33
S1    东街, 甲社区   strict with a case, A: 1 / 2             A, A inside lines: 1
A1    西街, 乙社区   not seen: no score                      A: 1
====  ==========  ======================================  =====================================
"""

from __future__ import annotations

import copy
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import shapely
from hamlet import NOON, add, shape, table
from sqlalchemy import insert

from layers import tables
from layers.missions import Mission, Missions, Result
from layers.rule_tables import digest, shipped
from layers.store import Store

VERSION = "试行-1"
PLACES = {"M1": (100, 100), "S1": (200, 100), "M2": (1100, 100), "M3": (1200, 100), "A1": (1300, 100)}
NAMES = {"M1": "第一菜市场", "M2": "第二菜市场", "M3": "=第三菜市场", "S1": "实验小学", "A1": "槐树巷"}
TYPES = {"M": "market", "S": "school", "A": "back_alley"}
LAYERS = {"M": "anchors", "S": "anchors", "A": "back_alleys"}
UNITS = {"M1": "甲公司", "M3": "甲公司", "S1": "教育局"}

# site, item, verdict, cases, inside marked lines
FIRST = (
    ("M1", "market-01", "yes", 0, False), ("M1", "market-02", "no", 1, False), ("M1", "market-03", "no", 3, False),
    ("M2", "market-01", "yes", 0, False), ("M2", "market-02", "no", 1, False), ("M2", "market-03", "na", 0, False),
    ("S1", "school-01", "no", 1, False), ("S1", "school-02", "yes", 0, False), ("A1", "back_alley-01", "unseen", 0, False),
)  # fmt: skip
SECOND = (
    ("M1", "market-01", "yes", 0, False), ("M1", "market-02", "yes", 0, False), ("M1", "market-03", "no", 1, False),
    ("M3", "market-01", "no", 2, False), ("S1", "school-01", "yes", 0, False), ("S1", "school-02", "no", 4, True),
    ("A1", "back_alley-01", "yes", 0, False),
)  # fmt: skip


def rules() -> dict[str, Any]:
    """The rule book of the town, as tables."""
    book: dict[str, Any] = copy.deepcopy(dict(shipped()))
    book["rules"]["version"] = VERSION
    book["scoring"]["type_weights"] = {"school": 3}
    for row in book["checklists"]:
        if row["id"] == "market-03":
            row["weight"] = "2"
        if row["id"] == "school-01":
            row["strict"] = "yes"
    return book


def site(name: str, status: str = "visited") -> dict[str, Any]:
    """A site as the record of a mission has it."""
    place = shape(PLACES[name])
    return {
        "id": name, "type": TYPES[name[0]], "layer": LAYERS[name[0]], "name": NAMES[name],
        "district": "东街" if name in ("M1", "S1") else "西街", "unit": UNITS.get(name), "lon": place.x,
        "lat": place.y, "must_visit": False, "team": None, "order": None, "status": status, "why": None,
        "anchors": [],
    }  # fmt: skip


def keep_rules(store: Store, book: dict[str, Any], valid_from: str = "2020-01-01") -> None:
    with store.writing() as connection:
        connection.execute(
            insert(tables.rule_books).values(
                version=book["rules"]["version"], valid_from=valid_from, valid_until=None, sha256=digest(book),
                stored_at=NOON.isoformat(), record=book,
            )
        )  # fmt: skip


def hold(
    store: Store, name: str, starts_at: datetime, told: tuple[tuple[str, str, str, int, bool], ...],
    *, rules: str = VERSION, more: tuple[dict[str, Any], ...] = (),
) -> None:  # fmt: skip
    """A mission with its results."""
    sites = [site(one) for one in dict.fromkeys(row[0] for row in told)]
    record = {"format": "zhoubian-mission/1", "sites": [*sites, *more], "seal": None, "of": []}
    missions = Missions(store)
    missions.add(
        Mission(
            name=name, kind="mock", draw=None, plan=None, rules=rules, created_at=starts_at, starts_at=starts_at,
            changed_at=starts_at, revision=1, record=record,
        )
    )  # fmt: skip
    results = [
        Result(mission=name, site=one, item=item, verdict=verdict, cases=cases, inside_lines=inside,
               at=starts_at, who="创城办")
        for one, item, verdict, cases, inside in told
    ]  # fmt: skip
    missions.write(results, [], [])


def square(name: str, level: str, east: float, unit: str | None = None) -> dict[str, Any]:
    """An area of a thousand metres by a thousand."""
    ring = [(east, 0), (east + 1000, 0), (east + 1000, 1000), (east, 1000)]
    return {
        "id": f"a-{name}",
        "name": name,
        "level": level,
        "unit": unit,
        "geometry": shape(*ring, kind=shapely.Polygon),
    }


def town(path: Path) -> Path:
    """A store with the rules, the areas and both rounds."""
    with Store.open(path, create=True) as store:
        areas = [
            square("甲社区", "community", 0), square("乙社区", "community", 1000),
            square("东街街道", "subdistrict", 0, "东街街道办"), square("西街街道", "subdistrict", 1000, "西街街道办"),
        ]  # fmt: skip
        add(store, {"areas": table("areas", areas)})
        keep_rules(store, rules())
        hold(store, "二轮", NOON, SECOND)
        hold(store, "一轮", NOON - timedelta(days=14), FIRST)
    return path
