"""The cards: a board of the open ones by colour, and what is printed on one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select

from geo.errors import DesignError, NotFoundError
from layers import tables
from layers.ledger import Case, Event, Ledger
from layers.store import Store
from layers.write import whole

from .. import card_sheets
from ..card_sheets import Printed
from ..i18n import Lang
from ..supervision.rulebook import Level, RuleBook
from . import issue_lists, rule_books
from .assignment import SITE_LAYERS
from .exports import ending_of, refuse_store
from .issue_asked import colour_meant
from .issue_lists import IssueQuery

SHOWN = 5
"""Cards of a colour that are named, those with the nearest deadline."""
MOST = 500
"""Cards on one sheet file: more than anybody prints at once."""


@dataclass(frozen=True)
class Column:
    """The open cards of a level: how many there are, are overdue, are suspended, and the most urgent."""

    level: Level
    open: int
    overdue: int
    suspended: int
    nearest: tuple[Case, ...]


def board(store: Store, *, now: datetime, level: str | None = None) -> list[Column]:
    """The open cards by level, the lowest first (NotFoundError `card_level_unknown`)."""
    book = rule_books.current(store, now.date())
    chosen = book.cards.levels if level is None else (_level(book, level),)
    columns = []
    for one in chosen:
        of_level = (one.id,)
        query = IssueQuery(colour=of_level, standing="open")
        nearest, total = issue_lists.soonest(store, query, now=now, most=SHOWN)
        late, still = (
            issue_lists.soonest(store, asked, now=now, most=0)[1]
            for asked in (
                IssueQuery(colour=of_level, standing="overdue"),
                IssueQuery(colour=of_level, state=("suspended",)),
            )
        )
        columns.append(Column(one, total, late, still, tuple(nearest)))
    return columns


def one(store: Store, issue: str) -> tuple[Case, list[Event], RuleBook]:
    """An issue, its history, and the rule book it is judged by (NotFoundError `issue_unknown`)."""
    ledger = Ledger(store)
    case = ledger.case(issue)
    return case, ledger.history(issue), rule_books.of_version(store, case.rules)


def write_sheets(
    store: Store,
    out: Path,
    lang: Lang,
    *,
    now: datetime,
    issues: Sequence[str] = (),
    level: str | None = None,
) -> int:
    """Write cards for printing, one on a page, as one HTML file; returns how many.

    Parameters
    ----------
    issues : sequence of str
        These, in this order; or
    level : str, optional
        all open cards of a level, the nearest deadline first.

    Raises
    ------
    DesignError
        `card_none`: an issue that has no card, or a level without an open one; `cards_many`.
    NotFoundError
        `issue_unknown`, `card_level_unknown`.
    """
    ending_of(out, (".html",))
    refuse_store(store, out)
    printed = [_printed(store, issue) for issue in issues or _open(store, level, now)]
    without = [told.case.issue for told in printed if told.level is None]
    if without or not printed:
        named = ", ".join(without[:10]) or str(level)
        raise DesignError(
            f"there is no card to print for {named}; an issue mended during the visit has none, and"
            " zhoubian cards tells the open ones",
            code="card_none", named=named,
        )  # fmt: skip
    with whole(out) as temporary:
        temporary.write_text(card_sheets.sheets(printed, lang, now=now), encoding="utf-8")
    return len(printed)


def _open(store: Store, level: str | None, now: datetime) -> list[str]:
    if level is None:
        raise DesignError("say which cards: --sheet ISSUE, or --level with a colour", code="cards_which")
    known = _level(rule_books.current(store, now.date()), level)
    query = IssueQuery(colour=(known.id,), standing="open")
    found, total = issue_lists.soonest(store, query, now=now, most=MOST)
    if total > MOST:
        raise DesignError(
            f"there are {total} open cards of this level, more than {MOST} in one file; print them by issue"
            " (--sheet ISSUE), the lists hold the rest (zhoubian issue list --out)",
            code="cards_many", count=total, most=MOST,
        )  # fmt: skip
    return [case.issue for case in found]


def _printed(store: Store, issue: str) -> Printed:
    case, history, book = one(store, issue)
    name, address = _site(store, case.site)
    level = next((known for known in book.cards.levels if known.id == case.colour), None)
    return Printed(case, history, book, level, name, address or _address(store, issue))


def _site(store: Store, site: str | None) -> tuple[str | None, str | None]:
    """Name and address of a site or unit."""
    with store.reading() as connection:
        for layer in ("anchors", *SITE_LAYERS) if site else ():
            table = tables.LAYER_TABLES[layer].c
            address = table.get("address", table.district)
            query = select(table.name, address).where(table.id == site, table.superseded_by.is_(None))
            row = connection.execute(query).one_or_none()
            if row is not None:
                return row[0], row[1] if "address" in table else None
    return None, None


def _address(store: Store, issue: str) -> str | None:
    table = tables.LAYER_TABLES["issues"].c
    query = select(table.address).where(table.id == issue, table.superseded_by.is_(None))
    with store.reading() as connection:
        return connection.execute(query).scalar_one_or_none()


def _level(book: RuleBook, given: str) -> Level:
    """A level by its id, its name or its word."""
    wanted = colour_meant(given, book)
    for level in book.cards.levels:
        if level.id == wanted:
            return level
    known = ", ".join(f"{level.id} ({level.zh})" for level in book.cards.levels)
    raise NotFoundError(
        f"there is no colour of card {given[:20]!r}; the levels are {known}",
        code="card_level_unknown", given=given[:20], known=known,
    )  # fmt: skip
