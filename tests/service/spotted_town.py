"""A town of 4 x 4 km whose issues are known one by one: a lattice of single reports, one street that is
really bad, and one point where a geocoder drops what it does not find.

Metres from the middle; the plane is EPSG:4547 on its central meridian, so metres are metres.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import shapely
from hamlet import add, shape, table

from layers.store import Store

FIRST = date(2025, 11, 1)
DAYS = 365
STREET = (1000.0, 500.0)
BAD = 270
PILE = (-1010.0, -905.0)
PILED = 60


def _report(number: int, x: float, y: float, day: int, category: str) -> dict[str, Any]:
    return {
        "id": f"I{number}", "x": x, "y": y, "day": FIRST + timedelta(days=day % DAYS), "hour": number % 24,
        "category": category, "source": ("patrol", "complaint")[number % 2],
        "state": ("found", "closed", None)[number % 3], "district": "东街" if x > 0 else "西街",
        "unit": "城管局" if number % 5 else None,
    }  # fmt: skip


def reports() -> list[dict[str, Any]]:
    """All issues: 1600 on a lattice of 100 m, 270 on 27 spots around the street, 60 on one point."""
    rows = []
    for number in range(1600):
        row, column = divmod(number, 40)
        category = ("HJ01", "HJ03", "SR03")[number % 3]
        rows.append(_report(number, 100 * column - 1950, 100 * row - 1950, number, category))
    for number in range(BAD):
        row, column = divmod(number % 27, 9)
        x, y = STREET[0] + 100 * (column - 4) + 8, STREET[1] + 100 * (row - 1) + 8
        rows.append(_report(1600 + number, x, y, number * DAYS // BAD, "SS01"))
    for number in range(PILED):
        rows.append(_report(1600 + BAD + number, *PILE, 6 * number, "HJ02"))
    return rows


def layers(*, areas: bool = True) -> dict[str, Any]:
    """The layers of the town."""
    issues = [
        {
            **{name: row[name] for name in ("id", "category", "source", "state", "district", "unit")},
            "found_at": pd.Timestamp(f"{row['day']}T{row['hour']:02}:30:00+08:00"),
            "geometry": shape((row["x"], row["y"])),
        }
        for row in reports()
    ]
    alley = shape((1000, 505), (1100, 505), kind=shapely.LineString)
    far = shape((-1500, 1500), (-1400, 1500), kind=shapely.LineString)
    told = {
        "issues": table("issues", issues),
        "back_alleys": table("back_alleys", [
            {"id": "B1", "name": "槐树巷", "unit": "甲单位", "geometry": alley},
            {"id": "B2", "name": "远巷", "unit": "乙单位", "geometry": far},
        ]),
    }  # fmt: skip
    if areas:
        told["areas"] = table("areas", [
            _area("D", "全区", "district", -2000, 2000), _area("E", "东街", "subdistrict", 0, 2000),
            _area("W", "西街", "subdistrict", -2000, 0),
        ])  # fmt: skip
    return told


def _area(unit: str, name: str, level: str, west: float, east: float) -> dict[str, Any]:
    ring = shape((west, -2000), (east, -2000), (east, 2000), (west, 2000), kind=shapely.Polygon)
    return {"id": unit, "name": name, "level": level, "geometry": ring}


def stored(path: Path, *, areas: bool = True) -> Path:
    """A store with the town."""
    with Store.open(path, create=True) as store:
        add(store, layers(areas=areas))
    return path
