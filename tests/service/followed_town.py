"""Issues with their histories in a store, made with the rules of the program: a few by hand, many by chance."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from geo.errors import DesignError
from layers.ledger import Case, Event, Ledger, changed, opened
from layers.rule_tables import shipped
from layers.store import Store
from service.supervision import cards
from service.supervision.cards import Cards, Entry
from service.supervision.rulebook import build

SHANGHAI = ZoneInfo("Asia/Shanghai")
BOOK = build(shipped())
RULES = Cards(BOOK)
WHO = "创城办"


def at(words: str) -> datetime:
    """``2026-05-06 16:30`` in Shanghai."""
    return datetime.fromisoformat(words).replace(tzinfo=SHANGHAI)


class Followed:
    """An issue step by step, with the rules of the shipped book."""

    def __init__(
        self, issue: str, category: str, found: datetime, *, fixed: bool = False, **facts: Any
    ) -> None:
        values = {
            "source": "mission", "lon": 114.0, "lat": 30.6, "rules": BOOK.version,
            "severity": BOOK.categories[category].severity,
            "lead_unit": BOOK.categories[category].department, **facts,
        }  # fmt: skip
        case = Case(issue=issue, category=category, found_at=found, **values)
        self.case, first = opened(case, at=found, recorded_at=found, who=WHO)
        self.events: list[Event] = [first]
        self._took(cards.begin(self.case, RULES, _entry(found), fixed=fixed))

    def report(self, moment: datetime) -> Followed:
        return self._took(cards.report(self.case, RULES, _entry(moment)))

    def recheck(self, moment: datetime, *, passed: bool = True) -> Followed:
        return self._took(cards.recheck(self.case, RULES, _entry(moment), passed=passed))

    def close(self, moment: datetime) -> Followed:
        return self._took(cards.close(self.case, RULES, _entry(moment)))

    def mended(self, moment: datetime) -> Followed:
        """Reported, re-checked and closed at once."""
        return self.report(moment).recheck(moment).close(moment)

    def fix(self, moment: datetime) -> Followed:
        """Mended during the visit after all."""
        return self._took(cards.fix_on_site(self.case, RULES, _entry(moment)))

    def suspend(self, moment: datetime, until: datetime) -> Followed:
        return self._took(cards.suspend(self.case, RULES, _entry(moment), approver="分管领导", until=until))

    def tick(self, moment: datetime) -> Followed:
        return self._took(cards.caught_up(self.case, RULES, moment))

    def withdraw(self, moment: datetime) -> Followed:
        return self._took(cards.withdraw(self.case, _entry(moment)))

    def assign(self, moment: datetime, unit: str) -> Followed:
        case, event = changed(
            self.case, at=moment, recorded_at=moment, who=WHO, action="assigned", lead_unit=unit
        )
        return self._took((case, [event]))

    def _took(self, step: tuple[Case, list[Event]]) -> Followed:
        self.case = step[0]
        self.events += step[1]
        return self


def _entry(moment: datetime) -> Entry:
    return Entry(at=moment, recorded_at=moment, who=WHO)


def stored(path: Path, followed: Iterable[Followed]) -> Store:
    """A store with them; to be closed by the caller."""
    store = Store.open(path, create=True)
    write(store, followed)
    return store


def write(store: Store, followed: Iterable[Followed]) -> None:
    held = list(followed)
    Ledger(store).write([one.case for one in held], [event for one in held for event in one.events])


def by_chance(issues: int, seed: int) -> list[Followed]:
    """Issues of some months of 2026: closed in time and late, failed, raised, suspended, left, withdrawn."""
    rng = np.random.default_rng(seed)
    codes = sorted(BOOK.categories)
    made = []
    for number in range(issues):
        found = at("2026-03-02 08:00") + timedelta(minutes=int(rng.integers(0, 60 * 24 * 90)))
        district = (None, "东街", "西街", "南街")[int(rng.integers(4))]
        source = ("mission", "patrol", "complaint")[int(rng.integers(3))]
        site_type = (None, "back_alley", "compound")[int(rng.integers(3))]
        body = (None, "安居物业", "东街街道办")[int(rng.integers(3))]
        one = Followed(
            f"W{number:03d}", codes[int(rng.integers(len(codes)))], found, fixed=bool(rng.random() < 0.15),
            district=district, source=source, site_type=site_type, responsible=body,
        )  # fmt: skip
        _fate(one, rng)
        made.append(one)
    return made


def _fate(one: Followed, rng: np.random.Generator) -> None:
    end = at("2026-06-20 12:00")
    try:
        while cards.is_open(one.case) and rng.random() < 0.85:
            moment = cards.latest(one.case) + timedelta(hours=float(rng.exponential(50)) + 1)
            if rng.random() < 0.15:
                one.suspend(moment, moment + timedelta(days=float(rng.integers(2, 40))))
                continue
            one.report(moment).recheck(moment + timedelta(hours=5), passed=bool(rng.random() < 0.7))
            if one.case.state == "rechecked":
                one.close(moment + timedelta(hours=float(rng.integers(5, 60))))
    except DesignError:  # it was suspended when it would have been reported: it stays so
        pass
    if cards.is_open(one.case) and cards.latest(one.case) < end and rng.random() < 0.8:
        one.tick(end)
    if rng.random() < 0.05:
        one.withdraw(end + timedelta(days=1))
    elif rng.random() < 0.2:
        one.assign(end + timedelta(days=2), "housing")
