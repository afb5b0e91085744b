"""The short lists between bulletins: each Monday, each day when it is necessary, and before looking back.

The weekly and the daily list (每周一调度、每天一调度) fit on one page: what is open, overdue and due soon, by
unit, and the most pressing issues. The look-back list (回头看) has every site of a period at which
something was not in order. The rows stand in a workbook beside the document.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

from layers.store import Store
from layers.workbooks import write_workbook

from .. import clock
from ..dispatch_sheets import dispatch_document, dispatch_register, look_back_document, look_back_register
from ..i18n import Lang
from ..supervision.cards import RUNNING
from ..supervision.rulebook import RuleBook
from . import bulletin_rows, rule_books
from .bulletin_content import with_places
from .bulletin_figures import NONE, Figures
from .bulletin_settings import Settings, settings_of
from .bulletins import put
from .exports import ending_of, refuse_store
from .periods import Period, containing

DISPATCHES = ("weekly", "daily")
COUNTED = ("found", "open", "overdue", "due_soon", "red")


@dataclass(frozen=True, kw_only=True)
class Dispatch:
    """A weekly or daily list.

    Parameters
    ----------
    period : Period
        The week, or the day.
    cut : datetime
        As of when.
    units : in the order of what presses
    pressing : numbers of rows of the table `issues`
        Red cards, then overdue ones, then those due soon; the nearest deadline first.
    """

    kind: str
    period: Period
    cut: datetime
    book: RuleBook
    settings: Settings
    figures: Figures
    units: tuple[str | None, ...]
    pressing: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class LookBack:
    """The sites of a period at which something was not in order, the lowest score first."""

    period: Period
    cut: datetime
    book: RuleBook
    settings: Settings
    figures: Figures
    missions: tuple[str, ...]


def dispatch(store: Store, kind: str, day: date, *, now: datetime) -> Dispatch:
    """The weekly or daily list of a day, as of its end or of now."""
    book = rule_books.current(store, day)
    settings = settings_of(book)
    window = containing(day, "week" if kind == "weekly" else "1d", settings.start)
    asked = Period(window.kind, window.since, day + timedelta(days=1), window.start)
    cut = bulletin_rows.cut_of(asked, now)
    issues = with_places(store, bulletin_rows.issues(store, asked, now=now))
    end = datetime.combine(window.end, time())
    at = cut.astimezone(clock.SHANGHAI).replace(tzinfo=None)
    top = book.cards.levels[-1].id if book.cards.levels else None
    issues["due_soon"] = [
        state in RUNNING and deadline is not None and at <= deadline < end
        for state, deadline in zip(issues["state"], issues["deadline"], strict=True)
    ]
    issues["red"] = [
        is_open and colour is not None and colour == top
        for is_open, colour in zip(issues["open"], issues["colour"], strict=True)
    ]
    figures = Figures({"issues": issues})
    for name in COUNTED:
        figures.count(f"all.{name}", name, "issues", **{name: True})
    units = figures.groups("issues", "lead_unit")
    for unit in units:
        for name in COUNTED:
            figures.count(f"unit.{unit or NONE}.{name}", name, "issues", **{name: True}, lead_unit=unit)
    told = {unit: [figures[f"unit.{unit or NONE}.{name}"] for name in COUNTED] for unit in units}
    units = [unit for unit in units if any(told[unit])]
    units.sort(key=lambda unit: (-told[unit][2], -told[unit][4], -told[unit][1], unit or "~"))
    return Dispatch(
        kind=kind, period=window, cut=cut, book=book, settings=settings, figures=figures, units=tuple(units),
        pressing=_pressing(figures),
    )  # fmt: skip


def _pressing(figures: Figures) -> tuple[int, ...]:
    issues = figures.tables["issues"]
    chosen = [
        row
        for row, standing in enumerate(zip(issues["red"], issues["overdue"], issues["due_soon"], strict=True))
        if any(standing)
    ]
    never = datetime.max  # noqa: DTZ901 - a table has local times without a zone
    return tuple(
        sorted(
            chosen,
            key=lambda row: (
                not issues["red"][row], not issues["overdue"][row], issues["deadline"][row] or never,
                issues["issue"][row],
            ),
        )
    )  # fmt: skip


def look_back(store: Store, period: Period, *, now: datetime) -> LookBack:
    """The look-back list of a period."""
    cut = bulletin_rows.cut_of(period, now)
    book = rule_books.current(store, cut.date())
    settings = settings_of(book)
    one = bulletin_rows.round_of(store, period, settings.score_kinds)
    every = bulletin_rows.site_rows(store, one, settings.revisit_below)
    wrong = [number for number, failed in enumerate(every["failed"]) if failed]
    sites = {name: [column[number] for number in wrong] for name, column in every.items()}
    figures = Figures({"sites": sites})
    figures.distinct("site.failed", "failed_sites", "sites", "site")
    figures.distinct("unit.failed", "failed_units", "sites", "unit")
    figures.count("site.failed_before", "failed_before", "sites", failed_before=True)
    figures.distinct("site.revisit", "revisit", "sites", "site", revisit=True)
    return LookBack(
        period=period, cut=cut, book=book, settings=settings, figures=figures,
        missions=(*one.scoring, *one.looking_back),
    )  # fmt: skip


def write_dispatch(store: Store, kind: str, day: date, out: Path, lang: Lang, *, now: datetime) -> list[Path]:
    """Write the weekly or daily list as .docx with its rows as .xlsx (LayerError as `bulletins.write`)."""
    ending_of(out, (".docx",))
    refuse_store(store, out)
    told = dispatch(store, kind, day, now=now)
    register = out.with_suffix(".xlsx")
    write_workbook(dispatch_register(told, lang), register)
    put(out, dispatch_document(told, register.name, lang))
    return [out, register]


def write_look_back(store: Store, period: Period, out: Path, lang: Lang, *, now: datetime) -> list[Path]:
    """Write the look-back list as .docx with its rows as .xlsx, or as .xlsx alone."""
    ending = ending_of(out, (".docx", ".xlsx"))
    refuse_store(store, out)
    told = look_back(store, period, now=now)
    register = out.with_suffix(".xlsx")
    write_workbook(look_back_register(told, lang), register)
    if ending == ".xlsx":
        return [register]
    put(out, look_back_document(told, register.name, lang))
    return [out, register]
