"""Bulletins in the browser: those that were written, links to make one, and who holds the black plaque.

A link makes the document of its period and hands it over. Asked for again with nothing changed, the
number and every byte are the same, so a link may be followed as often as one likes.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, request, url_for

from .. import clock, issue_words
from ..bulletin_words import days_of, period_name, plaque_why, unit
from ..i18n import Lang, text
from ..supervision.rulebook import RuleBook
from ..usecases import bulletin_content, bulletins, dispatch_lists, plaques, rule_books
from ..usecases.bulletins import Written
from ..usecases.issue_filters import day_of
from ..usecases.periods import PRESETS, Period, containing, ended
from ..usecases.plaques import Plaque
from .follow_nav import nav
from .pages import fresh, opened, page_lang, render
from .safety import refuse_foreign_links

bp = Blueprint("bulletins", __name__)

RECENT = 6
"""Periods of the regular bulletin that the page offers."""
LISTS = (*dispatch_lists.DISPATCHES, "lookback")
_KIND = "any(bulletin, weekly, daily, lookback)"
_ENDING = "any(docx, xlsx, zip)"


@bp.get("/bulletins")
def page() -> str:
    """What there is, and what can be made."""
    lang, now = page_lang(), clock.now()
    with opened() as store:
        book = rule_books.current(store, now.date())
        settings = bulletin_content.settings_on(store, now.date())
        written = bulletins.listing(store)
        held = plaques.history(store)
    today = now.date()
    recent = [containing(today, settings.period, settings.start)]
    for _ in range(RECENT):
        recent.append(recent[-1].before())
    others = [ended(now, kind, settings.start) for kind in PRESETS if kind != settings.period]
    return render(
        "bulletins.html",
        **nav("bulletins"),
        periods=[_offer(period, now, lang) for period in (*recent, *others)],
        lists=[
            {"name": text(f"web.bulletins.{kind}", lang),
             "files": [(ending, _address(kind, ending, today)) for ending in ("docx", "xlsx")]}
            for kind in LISTS
        ],
        written=[_written(one, lang) for one in reversed(written)],
        plaques=[_plaque(book, one, lang) for one in reversed(held)],
    )  # fmt: skip


@bp.get(f"/bulletins/<{_KIND}:kind>.<{_ENDING}:ending>")
def file(kind: str, ending: str) -> Response:
    """Make a document and hand it over: the document, its register, or all of it with the maps."""
    refuse_foreign_links()
    lang, now = page_lang(), clock.now()
    until = request.args.get("until")
    day = day_of("until", until) if until else None
    with opened() as store, tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / f"{kind}.docx"
        if kind in dispatch_lists.DISPATCHES:
            dispatch_lists.write_dispatch(store, kind, day or now.date(), out, lang, now=now)
        else:
            period = bulletins.period_of(store, until=day, kind=request.args.get("period"), now=now)
            out = Path(folder) / f"{kind}-{period.last}.docx"
            if kind == "lookback":
                dispatch_lists.write_look_back(store, period, out, lang, now=now)
            else:
                bulletins.write(store, period, out, lang, now=now)
        body = _packed(Path(folder)) if ending == "zip" else out.with_suffix(f".{ending}").read_bytes()
    answer = Response(body, mimetype="application/octet-stream")
    answer.headers["Content-Disposition"] = f'attachment; filename="{out.stem}.{ending}"'
    return fresh(answer)


def _packed(folder: Path) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:  # docx, xlsx and png are packed already
        for path in sorted(folder.iterdir()):
            archive.writestr(zipfile.ZipInfo(path.name, (1980, 1, 1, 0, 0, 0)), path.read_bytes())
    return packed.getvalue()


def _address(kind: str, ending: str, day: date, period: str | None = None) -> str:
    return url_for("bulletins.file", kind=kind, ending=ending, until=day.isoformat(), period=period)


def _offer(period: Period, now: datetime, lang: Lang) -> dict[str, Any]:
    return {
        "kind": period_name(period.kind, lang),
        "days": days_of(period, lang),
        "running": now < period.ends_at,
        "files": [
            (ending, _address("bulletin", ending, period.since, period.kind))
            for ending in ("docx", "xlsx", "zip")
        ],
    }


def _written(one: Written, lang: Lang) -> dict[str, Any]:
    return {
        "number": f"{one.year}-{one.number}",
        "kind": period_name(one.period.kind, lang),
        "days": days_of(one.period, lang),
        "at": issue_words.when(one.written_at),
        "version": one.version,
    }


def _plaque(book: RuleBook, one: Plaque, lang: Lang) -> dict[str, Any]:
    return {
        "days": f"{one.since} – {one.until}",
        "unit": unit(book, one.unit, lang) if one.held else text("cli.plaque.nobody", lang),
        "why": plaque_why(one, lang),
        "before": text("cli.plaque.kept", lang)
        if one.held and one.moved_from == one.unit
        else issue_words.unit(book, one.moved_from, lang),
    }
