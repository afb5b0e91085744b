"""Supervision cards on paper: one A4 page each, in one file that needs no network and no script.

A card reads the same from a mono laser printer: its colour is a word and a pattern as well. Names of
persons are none of its business: units are named, and whoever signs does so by hand.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from layers.ledger import Case, Event
from layers.write import printable

from . import clock, issue_words
from .i18n import Lang, text, texts
from .maps import templates
from .resources import static_path
from .supervision.rulebook import Level, RuleBook

NOTE_MOST, PHOTOS_MOST, NAMED_MOST = 220, 6, 110
"""Signs of a note, photos by name, and signs of any other value on a card: it is one page."""
PATTERNS: Mapping[str, str] = {
    "none": "",
    "diagonal": "M-2 2 L2 -2 M0 12 L12 0 M10 14 L14 10",
    "cross": "M-2 2 L2 -2 M0 12 L12 0 M10 14 L14 10 M-2 10 L2 14 M0 0 L12 12 M10 -2 L14 2",
    "dots": "M3 3 h0.01 M9 9 h0.01",
}
"""Lines in a square of 12 units that is laid side by side."""


@dataclass(frozen=True)
class Printed:
    """What is on a card: the issue, how it came to its colour, and the names around it."""

    case: Case
    history: Sequence[Event]
    book: RuleBook
    level: Level | None
    site_name: str | None
    address: str | None


def sheets(printed: Sequence[Printed], lang: Lang, *, now: datetime) -> str:
    """Cards as one HTML file, one on a page.

    Parameters
    ----------
    printed : sequence of Printed
        Each with a level.
    now : datetime
        Printed at the foot.
    """
    made = text("card.made", lang, at=_moment(now, lang))
    style = static_path("zhoubian", "card-sheet.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    return templates().get_template("card_sheet.html").render(
        lang=lang,
        say=lambda code, **facts: text(code, lang, **facts),
        title=text("card.file_title", lang, count=len(printed)),
        style=Markup(style),  # noqa: S704 - ours: no text of a user is in it
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
        patterns=PATTERNS,
        made=made,
        cards=[_card(one, one.level, lang) for one in printed if one.level is not None],
    )  # fmt: skip


def _card(one: Printed, level: Level, lang: Lang) -> dict[str, object]:
    """What the template shows of a card."""
    case, book = one.case, one.book
    due = "—" if case.deadline is None else _moment(case.deadline, lang)
    return {
        "word": level.word if lang == "zh" else level.word_en,
        "name": level.zh if lang == "zh" else level.en,
        "colour": level.colour,
        "pattern": level.pattern if level.pattern in PATTERNS else "none",
        "number": case.issue,
        "rows": [
            [(_label(name, lang), _short(words, most)) for name, words, most in row]
            for row in _fields(one, level, lang)
        ],
        "due": due,
        "demand": text("card.demand" if case.deadline else "card.demand_open", lang, due=due),
        "threat": _next(book, level, lang),
        "copies": ("、" if lang == "zh" else ", ").join(_copy(name, lang) for name in level.copies) or "—",
    }  # fmt: skip


def _fields(one: Printed, level: Level, lang: Lang) -> list[list[tuple[str, str, int]]]:
    """Rows of (field, words, most signs)."""
    case, book = one.case, one.book
    lead = issue_words.unit(book, case.lead_unit, lang)
    owner = f"{lead} · {case.responsible}" if case.responsible and case.responsible != lead else lead
    place = " · ".join(filter(None, (one.site_name or case.site, one.address)))
    area = " · ".join(filter(None, (case.district, case.community)))
    severity = book.severities.get(case.severity)
    grave = "" if severity is None else severity.zh if lang == "zh" else severity.en
    reason = _reason(one, level, lang)
    since = "" if case.due_from is None else _moment(case.due_from, lang)
    return [
        [("lead_unit", owner, NAMED_MOST)],
        [("joint_units", issue_words.units(book, case.joint_units, lang), NAMED_MOST)],
        [("category", issue_words.category(book, case.category, lang), NAMED_MOST)],
        [("severity", grave, 20), ("count", str(case.count), 20)],
        [("place", place, NAMED_MOST)],
        [("area", area, 50), ("grid", case.grid or "", 40)],
        [("found_at", _moment(case.found_at, lang), 40),
         ("source", issue_words.value(book, "source", case.source, lang), 40)],
        [("note", case.note or "", NOTE_MOST)],
        [("photos", _photos(case, lang), 3 * NAMED_MOST)],
        [("reason", reason, NAMED_MOST), ("since", since, 40)],
    ]  # fmt: skip


def _reason(one: Printed, level: Level, lang: Lang) -> str:
    """Why the card has its colour, as the history tells it."""
    before: Event | None = None
    for event in one.history:
        if event.action == "raised" and event.changes.get("colour", ("", ""))[1] == level.id:
            if before is not None and before.action == "failed" and before.at == event.at:
                return text("card.reason.failed", lang, count=before.changes["rework"][1])
            lower = issue_words.card(one.book, event.changes["colour"][0], lang)
            return text("card.reason.overdue", lang, card=lower)
        before = event
    if one.case.recurs and "recurrence" in level.triggers:
        return text("card.reason.recurrence", lang, issue=one.case.recurs)
    return text("card.reason.not_fixed_on_site", lang)


def _next(book: RuleBook, level: Level, lang: Lang) -> str:
    """What happens when the deadline is missed: the next level, if a missed deadline leads to one."""
    levels = book.cards.levels
    above = [one for one in levels if f"overdue:{level.id}" in one.triggers]
    if not above:
        return ""
    return text("card.next", lang, card=above[-1].zh if lang == "zh" else above[-1].en)


def _photos(case: Case, lang: Lang) -> str:
    named = ("、" if lang == "zh" else ", ").join(case.photos[:PHOTOS_MOST])
    left = len(case.photos) - PHOTOS_MOST
    return named if left <= 0 else text("card.photos_more", lang, named=named, count=left)


def _label(name: str, lang: Lang) -> str:
    return text(f"card.field.{name}", lang)


def _copy(name: str, lang: Lang) -> str:
    return text(f"card.copy.{name}", lang) if f"card.copy.{name}" in texts() else name


def _short(words: str, most: int) -> str:
    """One line of print: no control characters, and not longer than the card has room for."""
    told = " ".join(printable(words).split())
    return told if len(told) <= most else f"{told[: most - 1]}…"


def _moment(moment: datetime, lang: Lang) -> str:
    """2024年5月6日17时30分, or 6 May 2024, 17:30."""
    from .official_document import date_words  # noqa: PLC0415 - it loads the writer of documents

    here = moment.astimezone(clock.SHANGHAI)
    day = date_words(here.date(), lang)
    if lang == "en":
        return f"{day}, {here:%H:%M}"
    return f"{day}{here.hour}时{here.minute}分" if here.minute else f"{day}{here.hour}时"
