"""The town of the two rounds with issues whose cards and figures are reckoned by hand.

The fortnights are counted from Monday, 5 January 2026: one ends with 8 November, the next with the 22nd.
Deadlines: SR03 (city management) and HJ05 (sanitation) one work day, JT06 (traffic police) ten.

====  ========  =============  ============================================================
id    category  found          what became of it
====  ========  =============  ============================================================
E1    SR03      10 Nov, 9:00   fixed on site
E2    SR03      10 Nov, 9:00   white, due 11 Nov 18:00; closed 11 Nov 16:00
E3    SR03      10 Nov, 9:00   white, due 11 Nov 18:00: yellow, 4 working hours to 12 Nov 12:00: red
E4    HJ05      3 Nov, 9:00    white, due 4 Nov 18:00: yellow, to 5 Nov 12:00: red; closed 12 Nov 10:00
E5    long      20 Nov, 9:00   white, due much later
E6    HJ05      10 Nov, 9:00   withdrawn
====  ========  =============  ============================================================
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hamlet import shape
from score_town import town as score_town

from layers.store import Store
from service.usecases import issue_actions, issue_book, rule_books
from service.usecases.issue_book import NewIssue
from service.usecases.tick import tick

SHANGHAI = ZoneInfo("Asia/Shanghai")
WHO = "创城办"
LONG = "JT06"


def at(day: int, hour: int, minute: int = 0, month: int = 11) -> datetime:
    """A moment of 2026."""
    return datetime(2026, month, day, hour, minute, tzinfo=SHANGHAI)


AFTER = at(23, 9)
"""The morning after the period."""
PLACES = {
    "E1": (100, 100),
    "E2": (300, 300),
    "E3": (500, 500),
    "E4": (1500, 500),
    "E5": (1200, 100),
    "E6": (700, 700),
    "E7": (1700, 900),
}


def issue(name: str, category: str, found_at: datetime, **more: Any) -> NewIssue:
    place = shape(PLACES[name])
    return NewIssue(
        issue=name, category=category, found_at=found_at, source="patrol", lon=place.x, lat=place.y, **more
    )


def town(path: Path) -> Path:
    """A store in which all of it has happened, up to the morning of 23 November."""
    score_town(path)
    with Store.open(path, create=False) as store:
        assert rule_books.current(store, AFTER.date()).categories["SR03"].deadline == "1 wd"
        take(store, [issue("E4", "HJ05", at(3, 9))], now=at(3, 9, 5))
        tick(store, now=at(9, 8))
        take(
            store,
            [
                issue("E1", "SR03", at(10, 9), fixed_on_site=True), issue("E2", "SR03", at(10, 9)),
                issue("E3", "SR03", at(10, 9), note="=1+1"), issue("E6", "HJ05", at(10, 9)),
            ],
            now=at(10, 9, 5),
        )  # fmt: skip
        act(store, "E6", "withdraw", at(10, 10))
        settle(store, "E2", at(11, 10), at(11, 16))
        settle(store, "E4", at(12, 9), at(12, 10))
        take(store, [issue("E5", LONG, at(20, 9))], now=at(20, 9, 5))
        tick(store, now=AFTER)
    return path


def take(store: Store, new: list[NewIssue], *, now: datetime) -> None:
    issue_book.take_up(store, new, origin="巡查", who=WHO, now=now)


def act(store: Store, name: str, action: str, now: datetime, **facts: Any) -> None:
    issue_actions.act(store, name, action, who=WHO, now=now, **facts)


def settle(store: Store, name: str, reported: datetime, closed: datetime) -> None:
    act(store, name, "report", reported)
    act(store, name, "recheck", closed, passed=True)
    act(store, name, "close", closed)
