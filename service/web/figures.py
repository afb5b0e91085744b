"""The figures of following up in the browser: of a period, by unit, and as a curve."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from flask import Blueprint, request, url_for

from .. import clock, issue_words
from ..i18n import Lang, text
from ..supervision.rulebook import RuleBook
from ..usecases import follow_figures, issue_filters, rule_books
from ..usecases.follow_figures import BY, Counts, Day
from .follow_nav import nav
from .pages import opened, page_lang, render

bp = Blueprint("figures", __name__)

DAYS = 90
"""The period that is shown at first, ending today."""
WIDE, HIGH = 1000, 220
SHOWN = ("found", "fixed_on_site", "due", "closed", "on_time", "open", "overdue", "rework")
RATES = ("close_rate", "on_time_rate")


@bp.get("/figures")
def page() -> str:
    """Totals, groups and curve of a period."""
    lang, now = page_lang(), clock.now()
    until = clock.within(_day("until") or now.date())
    since = _day("since") or until - timedelta(days=DAYS)
    by = request.args.get("by", "unit")
    with opened() as store:
        told = follow_figures.figures(store, since=since, until=until, by=by, now=now)
        book = rule_books.current(store, now.date())
    levels = [(level.id, issue_words.card(book, level.id, lang)) for level in book.cards.levels]
    return render(
        "figures.html",
        **nav("figures"),
        since=since,
        until=until,
        by=[(one, text(f"figures.by.{one}", lang), one == by) for one in BY],
        cut=issue_words.when(told.cut),
        heads=[(name, text(f"figures.{name}", lang)) for name in (*SHOWN, *RATES)],
        levels=levels,
        total=_counts(told.total),
        rows=[
            {
                "name": _name(book, by, group.key, lang),
                "address": _rows_address(by, group.key, since, until),
                **_counts(group.counts),
            }
            for group in told.groups
        ],
        curve=_curve(told.curve),
    )


def _day(name: str) -> date | None:
    given = request.args.get(name)
    return issue_filters.day_of(name, given) if given else None


def _counts(counts: Counts) -> dict[str, Any]:
    told = {name: getattr(counts, name) for name in SHOWN}
    rates = {name: getattr(counts, name) for name in RATES}
    shown = {name: "—" if rate is None else f"{100 * rate:.1f} %" for name, rate in rates.items()}
    return {**told, **shown, "cards": counts.cards}


def _name(book: RuleBook, by: str, key: str | None, lang: Lang) -> str:
    if key is None:
        return text("web.score_unknown", lang)
    return issue_words.value(book, BY[by], key, lang)


def _rows_address(by: str, key: str | None, since: date, until: date) -> str | None:
    """The list of the issues of a group that were found in the period."""
    names = {"unit": "unit", "category": "category", "district": "district", "source": "source"}
    if by not in names or key is None:
        return None
    query: dict[str, Any] = {names[by]: key, "since": since, "until": until}
    return url_for("issues.page", **query)


def _curve(days: tuple[Day, ...]) -> dict[str, Any] | None:
    """Lines of what is open and of what was closed up to each day, as points of a picture."""
    if len(days) < 2:
        return None
    closed, total = [], 0
    for day in days:
        total += day.closed
        closed.append(total)
    top = max(1, *closed, *(day.open for day in days))
    step = WIDE / (len(days) - 1)

    def points(values: list[int]) -> str:
        return " ".join(f"{step * i:.1f},{HIGH - HIGH * v / top:.1f}" for i, v in enumerate(values))

    return {
        "open": points([day.open for day in days]),
        "closed": points(closed),
        "wide": WIDE,
        "high": HIGH,
        "top": top,
        "first": days[0].day,
        "last": days[-1].day,
    }
