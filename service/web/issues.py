"""Issues in the browser: lists with filters, one issue with its history, the board of cards.

Every state of a list stands in its address; what is shown can be taken away as a file. Nothing is
changed here.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, request, url_for
from werkzeug.datastructures import MultiDict

from layers.ledger import Case, Event, Ledger
from layers.schema import ISSUE_SOURCES, ISSUE_STATES
from layers.store import Store

from .. import clock, issue_words
from ..i18n import Lang, text
from ..supervision.rulebook import Level, RuleBook
from ..usecases import issue_asked, issue_lists, rule_books
from ..usecases.issue_lists import STANDINGS, IssueQuery, Listing
from .follow_nav import nav
from .pages import fresh, opened, page_lang, render

bp = Blueprint("issues", __name__)

SIZE = 50
MOST_PAGES = 1_000_000
BOARD = 60
"""Cards shown of a colour; the list has them all."""
FILES = ("xlsx", "csv")
LEFT_TO_FACTS = ("issue", "lon", "lat", "rules", "photos", "due_from")
OPENING = ("found", "adopted")
"""What a line of the history leaves to the facts above it: these fields, and all of its first line."""


@bp.get("/issues")
def page() -> str:
    """The list, filtered and a page at a time."""
    lang, now = page_lang(), clock.now()
    number = min(max(request.args.get("page", 1, type=int), 1), MOST_PAGES)
    with opened() as store:
        book = rule_books.current(store, now.date())
        query = IssueQuery.from_query(issue_asked.by_rules(_told(request.args), book))
        found = issue_lists.listing(store, query, now=now, page=number, size=SIZE)
        known = issue_lists.choices(store)
    last = max(-(-found.total // SIZE), 1)
    return render(
        "issues.html",
        **nav("issues"),
        query=query.to_query(),
        fields=_fields(book, known, query, lang),
        since=query.since,
        until=query.until,
        rows=[_row(book, case, lang, now) for case in found.cases],
        total=found.total,
        colours=_colours(book, found, query, lang),
        number=number,
        last=last,
        before=url_for("issues.page", **query.to_query(), page=number - 1) if number > 1 else None,
        after=url_for("issues.page", **query.to_query(), page=number + 1) if number < last else None,
        files=[(kind, url_for("issues.file", kind=kind, **query.to_query())) for kind in FILES],
    )


@bp.get("/issues.<any(xlsx, csv):kind>")
def file(kind: str) -> Response:
    """The whole list as a file."""
    from ..usecases import issue_files  # noqa: PLC0415 - writing files loads GDAL, which no page needs

    with opened() as store, tempfile.TemporaryDirectory() as folder:
        book = rule_books.current(store, clock.now().date())
        query = IssueQuery.from_query(issue_asked.by_rules(_told(request.args), book))
        path = Path(folder) / f"issues.{kind}"
        issue_files.write_list(store, query, path, page_lang(), now=clock.now())
        body = path.read_bytes()
    answer = Response(body, mimetype="application/octet-stream")
    answer.headers["Content-Disposition"] = f'attachment; filename="issues.{kind}"'
    return fresh(answer)


@bp.get("/issues/<path:issue>")
def one(issue: str) -> str:
    """An issue: its facts and its whole history."""
    lang, now = page_lang(), clock.now()
    with opened() as store:
        ledger = Ledger(store)
        case = ledger.case(issue)
        history = ledger.history(issue)
        book = rule_books.of_version(store, case.rules)
    return render(
        "issue.html",
        **nav("issues"),
        issue=case.issue,
        title=issue_words.category(book, case.category, lang),
        card=_card(book, case.colour, lang),
        state=text(f"issue.state.{case.state}", lang),
        overdue=_overdue(case, now),
        facts=[
            (label, words, _leads_to(name, case))
            for name, label, words in issue_words.facts(book, case, lang)
        ],
        history=[_line(book, event, lang) for event in reversed(history)],
    )


@bp.get("/cards")
def board() -> str:
    """Open cards by colour, the nearest deadline first."""
    lang, now = page_lang(), clock.now()
    with opened() as store:
        book = rule_books.current(store, now.date())
        columns = [_column(store, book, level, lang) for level in book.cards.levels]
    return render("cards.html", **nav("cards"), columns=columns)


def _told(args: MultiDict[str, str]) -> dict[str, str]:
    """The parameters of the address; one that stands several times, as a form sends it, with commas."""
    return {name: ",".join(filter(None, args.getlist(name))) for name in args}


def _fields(
    book: RuleBook, known: dict[str, list[str]], query: IssueQuery, lang: Lang
) -> list[dict[str, Any]]:
    """The lists to choose from."""
    words: dict[str, list[tuple[str, str]]] = {
        "standing": [(one, text(f"issue.standing.{one}", lang)) for one in STANDINGS],
        "state": [(one, text(f"issue.state.{one}", lang)) for one in ISSUE_STATES],
        "colour": [(one.id, issue_words.card(book, one.id, lang)) for one in book.cards.levels],
        "unit": [(one, issue_words.unit(book, one, lang)) for one in known["unit"]],
        "category": [(one, issue_words.category(book, one, lang)) for one in sorted(known["category"])],
        "district": [(one, one) for one in sorted(known["district"])],
        "source": [(one, text(f"issue.source.{one}", lang)) for one in ISSUE_SOURCES],
        "mission": [(one, one) for one in sorted(known["mission"])],
    }
    chosen = query.to_query()
    return [
        {
            "name": name,
            "label": issue_words.field(name, lang),
            "choices": options if chosen.get(name, "") in ("", *(code for code, _ in options))
            else [*options, (chosen[name], chosen[name])],
            "chosen": chosen.get(name, ""),
        }
        for name, options in words.items()
    ]  # fmt: skip


def _colours(book: RuleBook, found: Listing, query: IssueQuery, lang: Lang) -> list[dict[str, Any]]:
    rest = {name: told for name, told in query.to_query().items() if name != "colour"}
    return [
        {**_card(book, level.id, lang), "count": found.by_colour.get(level.id, 0),
         "address": url_for("issues.page", **rest, colour=level.id)}
        for level in book.cards.levels
    ]  # fmt: skip


def _card(book: RuleBook, colour: str | None, lang: Lang) -> dict[str, Any]:
    """A colour as a word and a class of the page's style."""
    level = next((one for one in book.cards.levels if one.id == colour), None)
    if level is None:
        return {"id": "", "word": "", "name": "", "style": "none"}
    return {
        "id": level.id,
        "word": level.word if lang == "zh" else level.word_en,
        "name": issue_words.card(book, level.id, lang),
        "style": f"{level.pattern}-{min(book.cards.number(level.id), 5)}",
    }


def _overdue(case: Case, now: Any) -> bool:
    running = case.state in ("found", "carded")
    return running and case.deadline is not None and case.deadline < now


def _row(book: RuleBook, case: Case, lang: Lang, now: Any) -> dict[str, Any]:
    return {
        "issue": case.issue,
        "address": url_for("issues.one", issue=case.issue),
        "category": issue_words.category(book, case.category, lang),
        "card": _card(book, case.colour, lang),
        "state": text(f"issue.state.{case.state}", lang),
        "unit": case.responsible or issue_words.unit(book, case.lead_unit, lang),
        "district": case.district or "",
        "found": issue_words.when(case.found_at),
        "deadline": issue_words.when(case.deadline),
        "overdue": _overdue(case, now),
        "closed": issue_words.when(case.closed_at),
    }


def _column(store: Store, book: RuleBook, level: Level, lang: Lang) -> dict[str, Any]:
    now = clock.now()
    query = IssueQuery(colour=(level.id,), standing="open")
    found, total = issue_lists.soonest(store, query, now=now, most=BOARD)
    return {
        **_card(book, level.id, lang),
        "total": total,
        "cards": [_row(book, case, lang, now) for case in found],
        "address": url_for("issues.page", **query.to_query()),
    }


def _leads_to(name: str, case: Case) -> str | None:
    """Where a fact leads, if it is another issue."""
    other = case.recurs if name == "recurs" else case.merged_into if name == "merged_into" else None
    return None if other is None else url_for("issues.one", issue=other)


def _line(book: RuleBook, event: Event, lang: Lang) -> dict[str, Any]:
    changes = [
        (
            issue_words.field(name, lang),
            issue_words.value(book, name, before, lang),
            issue_words.value(book, name, after, lang),
        )
        for name, (before, after) in event.changes.items()
        if name not in LEFT_TO_FACTS and event.action not in OPENING
    ]
    return {
        "at": issue_words.when(event.at),
        "recorded": issue_words.when(event.recorded_at) if event.recorded_at != event.at else "",
        "who": issue_words.who(event.who, lang),
        "action": text(f"issue.action.{event.action}", lang),
        "note": event.note or "",
        "changes": changes,
    }
