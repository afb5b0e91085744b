"""Scores in the browser: by type, area, unit, site and round, each with its base and the round before."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from flask import Blueprint, request, url_for

from .. import issue_words
from ..i18n import Lang, text
from ..supervision.site_scores import GroupScore, percent
from ..usecases import score_rounds, score_tables
from ..usecases.score_tables import BY, Row, Scored
from .follow_nav import nav
from .pages import opened, page_lang, render

bp = Blueprint("scores", __name__)

MOST_ROUNDS = 40
"""Rounds to choose from, the newest first; the command line takes any."""


@bp.get("/scores")
def page() -> str:
    """The table of some missions; by default of the newest one that has results."""
    lang = page_lang()
    by = request.args.get("by", "type")
    wanted = [name for name in request.args.getlist("mission") if name]
    with opened() as store:
        rounds = score_tables.with_results(store)
        if not rounds:
            return render("scores.html", **nav("scores"), rounds=[], found=None)
        scored = score_tables.read(store, wanted)
        rows = score_tables.grouped(scored, by)
        before = _before(rounds, scored)
        change = None
        if before is not None and by != "mission":
            change = score_rounds.compare(store, [before], scored.missions, by)
        cycle = url_for("scores.page", by="mission", mission=rounds) if len(rounds) > 1 else None
    differences = {} if change is None else {one.group: one.change for one in change.changes}
    whole = score_tables.whole(scored)
    return render(
        "scores.html",
        **nav("scores"),
        rounds=[(name, name in scored.missions) for name in reversed(rounds[-MOST_ROUNDS:])],
        by=[(one, text(f"score.by.{one}", lang), one == by) for one in BY],
        found={
            "missions": "、".join(scored.missions) if len(scored.missions) < 4 else _many(scored, lang),
            "rules": ", ".join(scored.versions),
            "whole": percent(whole.rate) or "—",
            "base": _base(whole, lang),
            "before": None if change is None else before,
            "rows": [_row(row, by, scored, differences, lang) for row in rows],
        },
        all_rounds=cycle,
    )


def _before(rounds: list[str], scored: Scored) -> str | None:
    """The round before, where one round is looked at."""
    if len(scored.missions) != 1:
        return None
    number = rounds.index(scored.missions[0])
    return rounds[number - 1] if number else None


def _many(scored: Scored, lang: Lang) -> str:
    first, last = scored.missions[0], scored.missions[-1]
    return text("web.score_many", lang, count=len(scored.missions), first=first, last=last)


def _base(score: GroupScore, lang: Lang) -> str:
    facts = {"sites": score.sites, "items": score.items, "observations": score.observations}
    return text("web.score_base", lang, **facts)


def _row(
    row: Row, by: str, scored: Scored, differences: dict[str | None, Fraction | None], lang: Lang
) -> dict[str, Any]:
    name = row.name or row.group or text("web.score_unknown", lang)
    if by == "type":
        name = issue_words.site_type(scored.book, row.group, lang)
    difference = differences.get(row.group)
    return {
        "rank": row.rank or "",
        "name": name,
        "rate": percent(row.score.rate) or "—",
        "meter": None if row.score.rate is None else round(float(row.score.rate), 4),
        "sites": row.score.sites,
        "without": row.score.without,
        "contents": row.score.items,
        "observations": row.score.observations,
        "change": "" if difference is None else f"{float(100 * difference):+.1f}",
        "worse": difference is not None and difference < 0,
    }
