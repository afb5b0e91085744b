"""Take what was found at the sites of a mission: all of it or nothing, and a correction as a correction.

A row says of an item at a site: in order, not in order (and how many cases), not applicable, not
looked at. What is not in order outside marked lines becomes an issue, under the number
``mission/site/item``. Taking the same rows twice changes nothing the second time; of a corrected
sheet only what differs is changed, with what stood there before, and the issue goes along.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from geo.errors import DesignError, LayerError
from layers.faults import Fault
from layers.missions import Mission, Missions, Result, ResultChange, difference
from layers.store import Store
from layers.tables import results as results_table

from .. import clock
from . import missions, result_issues
from .result_judging import Judge, Said
from .result_rows import ResultRow

__all__ = ["ResultRow", "ResultsReport", "results_of", "take_results"]


@dataclass(frozen=True, kw_only=True)
class ResultsReport:
    """What became of the rows.

    Parameters
    ----------
    applied : bool
        False for a dry run, and whenever there is a fault: then nothing was stored.
    rows, blank, new, changed, unchanged : int
        Rows that say something, rows not filled in; results that are new, corrected, as before.
    assumed : int
        Rows not in order without a number of cases: one is taken.
    untimed : int
        Rows without a time, at a site without any: the time of taking is taken.
    visited : list of site ids
        That count as visited from now on.
    taken_up, corrected, withdrawn : list of issue ids
    faults : list of Fault
        All of them at once.
    stale : bool
        The sheet was written for another list of sites of this mission.
    """

    mission: str
    applied: bool = False
    rows: int = 0
    blank: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    assumed: int = 0
    untimed: int = 0
    visited: list[str] = field(default_factory=list)
    taken_up: list[str] = field(default_factory=list)
    corrected: list[str] = field(default_factory=list)
    withdrawn: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    stale: bool = False

    def require(self) -> ResultsReport:
        """The report, or LayerError `results_refused` if nothing was taken for its faults."""
        if self.faults:
            first = self.faults[0]
            raise LayerError(
                f"{len(self.faults)} faults in the results of {self.mission!r}, and nothing was taken; the"
                f" first: row {first.row or '-'}, {first.column} {first.value!r} {first.message}",
                code="results_refused", count=len(self.faults), mission=self.mission, row=first.row or "-",
                column=first.column, value=first.value,
            )  # fmt: skip
        return self


def take_results(
    store: Store,
    mission: str,
    rows: Sequence[ResultRow],
    *,
    who: str,
    now: datetime,
    photos: Collection[str] | None = None,
    dry_run: bool = False,
    faults: Sequence[Fault] = (),
    headings: Mapping[str, str] | None = None,
) -> ResultsReport:
    """Take rows of results into a mission.

    Parameters
    ----------
    photos : collection of str, optional
        Names of the photo files there are; without it the names of the rows are taken as they stand.
    dry_run : bool
        Only say what would become of the rows.
    faults : sequence of Fault
        What was wrong with the rows before, told along with what is found here.
    headings : mapping of field to heading, optional
        How the columns are called where the rows come from.

    Returns
    -------
    ResultsReport; if it has faults, nothing was stored.

    Raises
    ------
    NotFoundError
        `mission_unknown`.
    DesignError
        `mission_sealed`, `mission_not_started`, `mission_early`; `issues_refused` if an issue cannot be
        taken up.
    StoreError
        `mission_changed`.
    """
    found = Missions(store).mission(mission)
    missions.require_open(found, now)
    _require_begun(found, now)
    judge = Judge(found, missions.rules_of(store, found), now, photos, headings)
    sound, wrong = judge.rows(rows)
    if wrong or faults:
        place = {row.row: number for number, row in enumerate(rows)}
        told = sorted([*faults, *wrong], key=lambda fault: place.get(fault.row, -1))
        return ResultsReport(mission=mission, rows=len(rows), faults=told)
    if dry_run:
        return _Taking(store, found, sound, who, now).report()
    with store.writing() as connection:
        # read again: what was stored in the meantime is compared with too
        fresh = Missions(store, connection).mission(mission)
        return _Taking(store, fresh, sound, who, now, connection).apply()


def _require_begun(mission: Mission, now: datetime) -> None:
    if now < mission.starts_at:
        start = clock.minute(mission.starts_at)
        raise DesignError(
            f"the mission {mission.name!r} begins on {start}: nothing can have been found before",
            code="mission_early", name=mission.name, start=start,
        )  # fmt: skip


def results_of(store: Store, mission: str, *, site: str | None = None) -> list[Result]:
    """The results of a mission as they stand now, those of one site if one is named."""
    where = [results_table.c.mission == mission]
    if site is not None:
        where.append(results_table.c.site == site)
    return Missions(store).results(*where)


# -- taking ----------------------------------------------------------------------------------------


class _Taking:
    """Sound rows against what is stored: what is new, what differs, and what becomes of the issues."""

    def __init__(
        self,
        store: Store,
        mission: Mission,
        said: Sequence[Said],
        who: str,
        now: datetime,
        connection: Connection | None = None,
    ) -> None:
        self._store, self._mission, self._said = store, mission, said
        self._who, self._now, self._connection = who, now, connection
        self._held = Missions(store, connection)
        stored = self._held.results(results_table.c.mission == mission.name)
        self._stored = {(one.site, one.item): one for one in stored}
        self._new: list[Result] = []
        self._corrected: list[tuple[Result, Result]] = []
        self._untimed = 0
        self._compare()
        pairs: list[tuple[Result | None, Result]] = [(None, one) for one in self._new]
        pairs += self._corrected
        self._steps = result_issues.steps(store, mission, pairs, who=who, now=now)

    def _compare(self) -> None:
        times: dict[str, datetime] = {}
        for one in self._said:
            if one.at is not None:
                times.setdefault(one.site["id"], one.at)
        for one in self._said:
            key = one.site["id"], one.row.item
            before = self._stored.get(key)
            at = one.at or (before.at if before is not None else times.get(key[0]))
            self._untimed += at is None
            after = Result(
                mission=self._mission.name, site=key[0], item=key[1], verdict=one.row.verdict,
                cases=one.cases, inside_lines=one.row.inside_lines, fixed_on_site=one.row.fixed_on_site,
                note=one.row.note, photos=one.row.photos, at=at or self._now, who=self._who,
            )  # fmt: skip
            if before is None:
                self._new.append(after)
            elif difference(before, after):
                self._corrected.append((before, after))

    def report(self, *, applied: bool = False) -> ResultsReport:
        """What becomes of the rows."""
        steps = self._steps
        return ResultsReport(
            mission=self._mission.name, applied=applied, rows=len(self._said), new=len(self._new),
            changed=len(self._corrected), unchanged=len(self._said) - len(self._new) - len(self._corrected),
            assumed=sum(one.row.verdict == "no" and one.row.cases is None for one in self._said),
            untimed=self._untimed, visited=self._visited(), taken_up=[one.issue for one in steps.new],
            corrected=[case.issue for case in steps.corrected],
            withdrawn=[case.issue for case in steps.withdrawn],
        )  # fmt: skip

    def apply(self) -> ResultsReport:
        """Store all of it in the transaction under way."""
        assert self._connection is not None  # noqa: S101 - only called within one
        told = self.report(applied=True)
        changes = [
            ResultChange(
                mission=after.mission, site=after.site, item=after.item, at=self._now, who=self._who,
                changes=difference(before, after),
            )
            for before, after in self._corrected
        ]  # fmt: skip
        self._held.write(self._new, [after for _, after in self._corrected], changes)
        if told.visited:
            sites = [
                {**site, "status": "visited", "why": None} if site["id"] in told.visited else site
                for site in self._mission.sites
            ]
            record = {**self._mission.record, "sites": sites}
            self._held.replace(self._mission, record, changed_at=self._now)
        result_issues.store_steps(
            self._store, self._steps, self._mission, who=self._who, now=self._now,
            connection=self._connection,
        )  # fmt: skip
        return told

    def _visited(self) -> list[str]:
        """Sites at which something was looked at now, and that did not count as visited."""
        seen = {one.site["id"] for one in self._said if one.row.verdict != "unseen"}
        return [
            site["id"] for site in self._mission.sites if site["id"] in seen and site["status"] != "visited"
        ]
