"""What can be wrong with a row of results, all of it at once, one sentence each."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from layers.faults import Fault, shorten, storable
from layers.missions import VERDICTS, Mission

from .. import clock
from ..supervision.rulebook import RuleBook
from .mission_sites import unit_of
from .result_rows import ResultRow

MOST_CASES = 1000
VERDICT_WORDS = ", ".join(VERDICTS)
HEADINGS = {
    "mission": "任务", "site": "点位编号", "item": "项目编号", "verdict": "结果", "cases": "处数",
    "fixed_on_site": "现场整改", "photos": "照片", "at": "检查时间",
}  # fmt: skip
"""What the columns are called in faults of rows that came from no file."""


@dataclass(frozen=True)
class Said:
    """A sound row, with the site it belongs to; `at` may still be open."""

    site: Mapping[str, Any]
    row: ResultRow
    cases: int
    at: datetime | None


class Judge:
    """What can be wrong with a row, all of it at once."""

    def __init__(
        self,
        mission: Mission,
        book: RuleBook,
        now: datetime,
        photos: Collection[str] | None,
        headings: Mapping[str, str] | None = None,
    ) -> None:
        self._mission, self._now = mission, now
        self._headings = {**HEADINGS, **(headings or {})}
        self._sites = {site["id"]: site for site in mission.sites}
        self._sites |= {f"{site['layer']}/{unit_of(site)}": site for site in mission.sites}
        self._items = {item.code: item.site_type for listed in book.items.values() for item in listed}
        self._names = {one.id: {"zh": one.zh, "en": one.en} for one in book.site_types.values()}
        self._photos = None if photos is None else {name.casefold() for name in photos}

    def rows(self, rows: Sequence[ResultRow]) -> tuple[list[Said], list[Fault]]:
        """The sound rows, each item of a site once, and the faults of the others."""
        said: dict[tuple[str, str], Said] = {}
        faults: list[Fault] = []
        for given in rows:
            row = replace(given, item=unicodedata.normalize("NFKC", given.item).strip())
            wrong = list(self._wrong(row))
            faults += wrong
            if wrong or not row.readable:
                continue
            site = self._sites[row.site]
            one = Said(site, row, self._cases(row), self._at(row))
            other = said.setdefault((site["id"], row.item), one)
            if other is not one and _told(other) != _told(one):
                faults.append(
                    self._fault(
                        row, "item", row.item, "result_twice",
                        f"stands twice for this site with different results, first in row {other.row.row};"
                        " leave one of them", first=other.row.row,
                    )
                )  # fmt: skip
        return list(said.values()), faults

    def _fault(
        self, row: ResultRow, name: str, value: object, code: str, message: str, **facts: Any
    ) -> Fault:
        return Fault(row.row, self._headings[name], storable(shorten(value)), code, message, facts)

    def _wrong(self, row: ResultRow) -> Iterator[Fault]:
        name = self._mission.name
        if row.mission not in (None, name):
            yield self._fault(
                row, "mission", row.mission, "result_other_mission",
                f"is another mission: this sheet is taken into {name}", mission=name,
            )  # fmt: skip
        site = self._sites.get(row.site)
        if site is None and (row.site or row.readable):
            yield self._fault(
                row, "site", row.site, "result_site_unknown",
                f"is no site of the mission {name}: it was not drawn, or the id is written differently",
                mission=name,
            )  # fmt: skip
        yield from self._wrong_item(row, site)
        yield from self._wrong_verdict(row)
        for photo in row.photos if self._photos is not None else ():
            if photo.casefold() not in (self._photos or ()):
                yield self._fault(row, "photos", photo, "photo_missing", "is not in the folder of the photos")
        at = self._at(row)
        if at is not None and at > self._now:
            yield self._fault(row, "at", clock.minute(at), "result_in_future", "has not come yet")
        elif at is not None and at < self._mission.starts_at:
            start = clock.minute(self._mission.starts_at)
            yield self._fault(
                row, "at", clock.minute(at), "result_before_mission",
                f"is before the mission, which began on {start}", start=start,
            )  # fmt: skip

    def _wrong_item(self, row: ResultRow, site: Mapping[str, Any] | None) -> Iterator[Fault]:
        of = self._items.get(row.item)
        if of is None and (row.item or row.readable):
            yield self._fault(
                row, "item", row.item, "result_item_unknown",
                f"is no item of the rules {self._mission.rules}", rules=self._mission.rules,
            )  # fmt: skip
        elif of is not None and site is not None and of != site["type"]:
            other, own = (self._names.get(kind, {"zh": kind, "en": kind}) for kind in (of, site["type"]))
            yield self._fault(
                row, "item", row.item, "result_item_type",
                f"is an item for another type of site ({other['en']}); this site is {own['en']}",
                of=other, type=own,
            )  # fmt: skip

    def _wrong_verdict(self, row: ResultRow) -> Iterator[Fault]:
        if row.verdict not in VERDICTS and row.readable:
            yield self._fault(
                row, "verdict", row.verdict, "result_verdict", f"is none of {VERDICT_WORDS}",
                known=VERDICT_WORDS,
            )  # fmt: skip
        if row.cases is not None and not 0 <= row.cases <= MOST_CASES:
            yield self._fault(
                row, "cases", row.cases, "result_cases_many",
                f"is no number of cases from 0 to {MOST_CASES}", most=MOST_CASES,
            )  # fmt: skip
        elif row.verdict == "no" and row.cases == 0:
            yield self._fault(
                row, "cases", 0, "result_no_case",
                "cannot be: what is not in order has at least one case; write how many, or 符合 (in order)",
            )  # fmt: skip
        elif row.verdict in VERDICTS and row.verdict != "no" and row.cases:
            yield self._fault(
                row, "cases", row.cases, "result_cases_in_order",
                "cases, but the result is not 不符合 (not in order); correct one of the two",
            )  # fmt: skip
        if row.fixed_on_site and row.verdict in VERDICTS and row.verdict != "no":
            yield self._fault(
                row, "fixed_on_site", "是", "result_fixed_in_order",
                "was mended on the spot, but the result is not 不符合 (not in order); correct one of the two",
            )  # fmt: skip

    def _cases(self, row: ResultRow) -> int:
        if row.verdict != "no":
            return 0
        return 1 if row.cases is None else row.cases

    def _at(self, row: ResultRow) -> datetime | None:
        """The time of a row; a day without a time means the start of the mission on its first day."""
        at, start = row.at, self._mission.starts_at.astimezone(clock.SHANGHAI)
        if at is None:
            return None
        day = at.astimezone(clock.SHANGHAI)
        only_day = (day.hour, day.minute, day.second) == (0, 0, 0)
        return start if only_day and day.date() == start.date() else day


def _told(said: Said) -> tuple[Any, ...]:
    row = said.row
    return row.verdict, said.cases, row.inside_lines, row.fixed_on_site, row.note, row.photos, said.at
