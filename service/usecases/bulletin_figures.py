"""The figures of a bulletin: each is a question to a table of its register, asked here and open to all.

A document prints nothing but figures of this list, so whoever has the register can repeat every one:
filter the sheet that a figure names by its conditions, and count. Scores are exact (`score_tables`);
their rows are the observations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..supervision.rulebook import RuleBook
from ..supervision.site_scores import GroupScore
from . import score_tables
from .bulletin_rows import FLAGS, Columns, Round

NONE = "none"
"""In the id of a figure: those that belong to no unit, category, ..."""
RATES = ("close_rate", "on_time_rate")


@dataclass(frozen=True)
class Figure:
    """A number of a document and how it is found again.

    Parameters
    ----------
    id : str
        Such as ``unit.city_mgmt.overdue``.
    value : int, float or None
        Rates in [0, 1]; None where there is nothing to divide by.
    about : str
        Code of its definition (text ``bulletin.figure.ABOUT``).
    sheet : str
        The table of the register: a key of `Figures.tables`.
    where : pairs of column and value
        What the rows must say.
    how : "count", "sum COLUMN", "distinct COLUMN", "rate", "score" or "change"
    of : ids of the figures that a rate or a change is reckoned from
    """

    id: str
    value: float | None
    about: str
    sheet: str
    where: tuple[tuple[str, Any], ...] = ()
    how: str = "count"
    of: tuple[str, ...] = ()

    @property
    def is_rate(self) -> bool:
        """Whether the value is a part of one."""
        return self.how in ("rate", "score", "change")


@dataclass
class Figures:
    """Figures over tables, by their ids."""

    tables: Mapping[str, Columns]
    found: dict[str, Figure] = field(default_factory=dict)
    _arrays: dict[tuple[str, str], NDArray[np.object_]] = field(default_factory=dict)

    def __getitem__(self, ident: str) -> Any:
        """The value of a figure."""
        return self.found[ident].value

    def count(self, ident: str, about: str, sheet: str, **where: Any) -> int:
        """The number of rows that say so."""
        number = int(self.mask(sheet, where).sum())
        self._keep(Figure(ident, number, about, sheet, tuple(where.items())))
        return number

    def sum(self, ident: str, about: str, sheet: str, column: str, **where: Any) -> int:
        """The sum of a column over the rows that say so."""
        chosen = self._array(sheet, column)[self.mask(sheet, where)]
        number = int(sum(value or 0 for value in chosen))
        self._keep(Figure(ident, number, about, sheet, tuple(where.items()), f"sum {column}"))
        return number

    def distinct(self, ident: str, about: str, sheet: str, column: str, **where: Any) -> int:
        """How many different values of a column the rows have that say so."""
        number = len(set(self._array(sheet, column)[self.mask(sheet, where)].tolist()) - {None})
        self._keep(Figure(ident, number, about, sheet, tuple(where.items()), f"distinct {column}"))
        return number

    def rate(self, ident: str, about: str, part: str, whole: str, less: str | None = None) -> None:
        """One figure divided by another, perhaps less a third."""
        base = self[whole] - (self[less] if less else 0)
        of = (part, whole, *((less,) if less else ()))
        self._keep(
            Figure(
                ident, self[part] / base if base > 0 else None, about, self.found[part].sheet, (), "rate", of
            )
        )

    def score(self, ident: str, about: str, rate: Fraction | None, **where: Any) -> None:
        """A score rate over the observations that say so."""
        value = None if rate is None else float(rate)
        self._keep(Figure(ident, value, about, "marks", tuple(where.items()), "score"))

    def change(self, ident: str, about: str, now: str, before: str) -> None:
        """A figure less an earlier one."""
        told = None if self[now] is None or self[before] is None else self[now] - self[before]
        how = "change" if self.found[now].is_rate else "difference"
        self._keep(Figure(ident, told, about, self.found[now].sheet, (), how, (now, before)))

    def mask(self, sheet: str, where: Mapping[str, Any]) -> NDArray[np.bool_]:
        """Which rows of a table say so."""
        rows = len(next(iter(self.tables[sheet].values()), []))
        chosen = np.ones(rows, dtype=bool)
        for column, value in where.items():
            told = self._array(sheet, column)
            chosen &= np.equal(told, value).astype(bool) if value is not None else _missing(told)
        return chosen

    def groups(self, sheet: str, column: str) -> list[Any]:
        """The values of a column, in order; None last."""
        told = set(self.tables[sheet][column])
        return sorted(told - {None}) + ([None] if None in told else [])

    def _array(self, sheet: str, column: str) -> NDArray[np.object_]:
        if (sheet, column) not in self._arrays:
            values = self.tables[sheet][column]
            told = np.empty(len(values), dtype=object)
            told[:] = values
            self._arrays[sheet, column] = told
        return self._arrays[sheet, column]

    def _keep(self, figure: Figure) -> None:
        self.found[figure.id] = figure


def _missing(told: NDArray[np.object_]) -> NDArray[np.bool_]:
    return np.array([value is None for value in told], dtype=bool)


# -- what a bulletin tells -----------------------------------------------------------------------------


def of_issues(figures: Figures) -> None:
    """Found, due, closed, on time, open, overdue, rework: of this period and of the one before."""
    for when, sheet in (("now", "issues"), ("before", "issues_before")):
        for flag in FLAGS:
            figures.count(f"issue.{when}.{flag}", flag, sheet, **{flag: True})
        figures.sum(f"issue.{when}.rework", "rework", sheet, "rework")
        _rates(figures, f"issue.{when}")
    for name in (*FLAGS, "rework", *RATES):
        figures.change(f"issue.change.{name}", "change", f"issue.now.{name}", f"issue.before.{name}")


def of_units(figures: Figures, book: RuleBook) -> list[str | None]:
    """The same for each lead unit with something in hand; those with the most overdue issues first."""
    units = figures.groups("issues", "lead_unit")
    highest = book.cards.levels[-1].id if book.cards.levels else None
    for unit in units:
        under = f"unit.{unit or NONE}"
        for flag in ("found", "due", "suspended", "closed", "on_time", "open", "overdue"):
            figures.count(f"{under}.{flag}", flag, "issues", **{flag: True}, lead_unit=unit)
        figures.count(f"{under}.red", "issued", "cards", issued=highest, lead_unit=unit)
        _rates(figures, under)

    def order(unit: str | None) -> tuple[int, int, int, str]:
        told = [figures[f"unit.{unit or NONE}.{name}"] for name in ("overdue", "open", "due")]
        return -told[0], -told[1], -told[2], unit or "~"

    return sorted(units, key=order)


def of_categories(figures: Figures, most: int) -> list[str]:
    """The categories with the most issues found in the period, and how many it was the period before."""
    told = {
        code: figures.count(f"category.{code}.found", "found", "issues", found=True, category=code)
        for code in figures.groups("issues", "category")
    }
    chosen = sorted((code for code, number in told.items() if number), key=lambda code: (-told[code], code))
    for code in chosen[:most]:
        figures.count(f"category.{code}.before", "found", "issues_before", found=True, category=code)
        figures.count(f"category.{code}.open", "open", "issues", open=True, category=code)
        figures.rate(f"category.{code}.share", "share", f"category.{code}.found", "issue.now.found")
    return chosen[:most]


def of_cards(figures: Figures, book: RuleBook) -> None:
    """Cards issued in the period and open at its end, by colour; red ones that were handed over."""
    for level in book.cards.levels:
        figures.count(f"card.{level.id}.issued", "issued", "cards", issued=level.id)
        figures.count(f"card.{level.id}.open", "open_cards", "issues", open=True, colour=level.id)
    figures.count("card.handed_over", "handed_over", "cards", action="handed_over")


def of_missions(figures: Figures, kinds: Sequence[str]) -> None:
    """Missions held in the period by kind; the sites they visited."""
    figures.count("mission.held", "missions", "missions", round="now")
    for kind in kinds:
        figures.count(f"mission.{kind}", "missions", "missions", round="now", kind=kind)
    figures.distinct("site.visited", "visited", "sites", "site")
    figures.count("site.looked_back", "looked_back", "sites", kind="lookback")
    figures.count("site.failed_before", "failed_before", "sites", failed_before=True)
    figures.distinct("site.revisit", "revisit", "sites", "site", revisit=True)


def of_scores(figures: Figures, now: Round, before: Round) -> dict[str, list[score_tables.Row]]:
    """Score rates with their bases: of all, by type of site and by subdistrict, and the round before."""
    rows: dict[str, list[score_tables.Row]] = {}
    for when, one in (("now", now), ("before", before)):
        whole = None if one.scored is None else score_tables.whole(one.scored)
        _score(figures, f"score.{when}", whole, round=when)
    figures.change("score.change", "change", "score.now.rate", "score.before.rate")
    for by in ("type", "district"):
        told = [] if now.scored is None else score_tables.grouped(now.scored, by)
        earlier = {} if before.scored is None else {
            row.group: row for row in score_tables.grouped(before.scored, by)
        }  # fmt: skip
        for row in told:
            under = f"{by}.{row.group or NONE}"
            _score(figures, f"{under}.now", row.score, round="now", **{by: row.group})
            old = earlier.get(row.group)
            _score(figures, f"{under}.before", None if old is None else old.score, round="before",
                   **{by: row.group})  # fmt: skip
            figures.change(f"{under}.change", "change", f"{under}.now.rate", f"{under}.before.rate")
        rows[by] = told
    return rows


def _score(figures: Figures, under: str, held: GroupScore | None, **where: Any) -> None:
    figures.score(f"{under}.rate", "score", None if held is None else held.rate, **where)
    scored = {**where, "judged": True}
    figures.distinct(f"{under}.sites", "score_sites", "marks", "site", **scored)
    figures.distinct(f"{under}.items", "score_items", "marks", "item", **scored)
    figures.count(f"{under}.observations", "observations", "marks", **scored)


def _rates(figures: Figures, under: str) -> None:
    for rate, part in (("close_rate", "closed"), ("on_time_rate", "on_time")):
        figures.rate(f"{under}.{rate}", rate, f"{under}.{part}", f"{under}.due", f"{under}.suspended")
