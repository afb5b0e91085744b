"""The hamlet with nobody's issues yet, and what was found in it in May 2026."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
from hamlet import add, layers, shape, table

from layers.ledger import Case
from layers.store import Store
from service.clock import SHANGHAI
from service.usecases import issue_book
from service.usecases.issue_book import NewIssue

OFFICE = "创城办"
SPOTS = {"B1": (100, 0), "B2": (300, 0), "C1": (320, 10), "M1": (0, 0), "S1": (0, 700)}


def at(words: str) -> datetime:
    """``05-06 16:30`` of 2026: a Wednesday; 1 to 5 May are days off, Saturday the 9th is worked."""
    return datetime.fromisoformat(f"2026-{words}").replace(tzinfo=SHANGHAI)


def founded(path: Path) -> Path:
    """A store with the layers of the hamlet."""
    with Store.open(path, create=True) as store:
        add(store, layers(issues=False))
    return path


def new(issue: str, category: str = "HJ01", found: str = "05-06 11:00", site: str | None = "B1",
        place: tuple[float, float] | None = None, **more: Any) -> NewIssue:  # fmt: skip
    """What was found at a site of the hamlet, or metres from its middle."""
    point = shape(place or SPOTS[site or "B1"])
    return NewIssue(
        issue=issue, category=category, found_at=at(found), lon=point.x, lat=point.y, site=site,
        **{"source": "patrol", **more},
    )  # fmt: skip


def taken(store: Store, *what: NewIssue, now: str = "05-06 12:00") -> list[Case]:
    """Taken up at noon of the day."""
    return issue_book.take_up(store, what, origin="巡查", who=OFFICE, now=at(now))


def imported(store: Store, rows: Iterable[dict[str, Any]], *, update: bool = False) -> None:
    """Issues as an import has them: `place` in metres, moments as `at` reads them."""
    told = []
    for row in rows:
        values = {"category": "HJ01", "found_at": "05-06 11:00", "place": SPOTS["B1"], **row}
        values["geometry"] = shape(values.pop("place"))
        for name in ("found_at", "closed_at", "deadline"):
            if values.get(name) is not None:
                values[name] = pd.Timestamp(at(values[name]))
        told.append(values)
    add(store, {"issues": table("issues", told)}, update=update)
