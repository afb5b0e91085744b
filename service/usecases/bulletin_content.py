"""What a bulletin says, before it is put into words: tables, figures, and who holds the plaque."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from layers import tables
from layers.schema import LAYERS
from layers.store import Store

from ..supervision.rulebook import RuleBook
from . import bulletin_figures, bulletin_rows, mission_sites, plaques, rule_books
from .bulletin_figures import Figures
from .bulletin_rows import Columns, Round
from .bulletin_settings import Settings, settings_of
from .missions import KINDS
from .periods import Period
from .plaques import Plaque
from .score_tables import Row

SHEETS = ("issues", "issues_before", "cards", "marks", "sites", "missions")
"""The tables that figures are asked of."""


@dataclass(frozen=True, kw_only=True)
class Content:
    """A bulletin as figures and rows.

    Parameters
    ----------
    cut : datetime
        As of when everything is.
    before : Round
        The round that scores are compared with; `figures` of issues compare with the period before.
    units, categories : in their order
    scores : {"type" or "district": rows, the best first}
    plaque : Plaque or None
        None where this is not the period of the plaque, or has not ended.
    reds : numbers of rows of the table `issues`
        Open red cards, the oldest first.
    revisit : numbers of rows of the table `sites`
        Sites for a look-back visit, the lowest score first.
    digest : str
        Of everything that decides the document.
    """

    period: Period
    cut: datetime
    book: RuleBook
    settings: Settings
    now: Round
    before: Round
    figures: Figures
    units: tuple[str | None, ...]
    categories: tuple[str, ...]
    scores: Mapping[str, list[Row]]
    plaque: Plaque | None
    reds: tuple[int, ...]
    revisit: tuple[int, ...]
    digest: str

    @property
    def is_finished(self) -> bool:
        """Whether the period has ended."""
        return self.cut.date() >= self.period.last and self.cut >= bulletin_rows.cut_of(
            self.period, self.period.ends_at
        )

    @property
    def tables(self) -> Mapping[str, Columns]:
        """The tables of the register."""
        return self.figures.tables


def settings_on(store: Store, day: date) -> Settings:
    """The settings of the bulletins by the rule book that holds on a day."""
    return settings_of(rule_books.current(store, day))


def content_of(store: Store, period: Period, *, now: datetime) -> Content:
    """Everything a bulletin of a period says; decides the plaque where the period is the one it moves by."""
    cut = bulletin_rows.cut_of(period, now)
    book = rule_books.current(store, cut.date())
    settings = settings_of(book)
    one = bulletin_rows.round_of(store, period, settings.score_kinds)
    before = bulletin_rows.round_before(store, period, settings.score_kinds)
    figures = Figures(_tables(store, book, period, one, before, settings, now))
    bulletin_figures.of_missions(figures, KINDS)
    bulletin_figures.of_issues(figures)
    units = bulletin_figures.of_units(figures, book)
    categories = bulletin_figures.of_categories(figures, settings.categories_shown)
    bulletin_figures.of_cards(figures, book)
    scores = bulletin_figures.of_scores(figures, one, before)
    plaque = None
    if period.kind == settings.period and now >= period.ends_at:
        plaque = plaques.decide(store, period.since, period.last, now=now)
    return Content(
        period=period, cut=cut, book=book, settings=settings, now=one, before=before, figures=figures,
        units=tuple(units), categories=tuple(categories), scores=scores, plaque=plaque,
        reds=_reds(figures, book), revisit=_revisit(figures),
        digest=_digest(store, figures, book, plaque, cut if now < period.ends_at else None),
    )  # fmt: skip


def _tables(
    store: Store, book: RuleBook, period: Period, one: Round, before: Round, settings: Settings, now: datetime
) -> dict[str, Columns]:
    held = {
        "issues": bulletin_rows.issues(store, period, now=now),
        "issues_before": bulletin_rows.issues(store, period.before(), now=now),
        "cards": bulletin_rows.card_events(store, book, period, now=now),
        "marks": bulletin_rows.mark_rows({"now": one, "before": before}),
        "sites": bulletin_rows.site_rows(store, one, settings.revisit_below),
        "missions": bulletin_rows.mission_rows({"now": one, "before": before}),
    }
    for name in ("issues", "issues_before"):
        held[name] = with_places(store, held[name])
    return held


def _reds(figures: Figures, book: RuleBook) -> tuple[int, ...]:
    if not book.cards.levels:
        return ()
    mask = figures.mask("issues", {"open": True, "colour": book.cards.levels[-1].id})
    return tuple(mask.nonzero()[0].tolist())  # the rows stand by time found


def _revisit(figures: Figures) -> tuple[int, ...]:
    """Each site once, however many visits say so."""
    rows = figures.mask("sites", {"revisit": True}).nonzero()[0].tolist()
    sites = figures.tables["sites"]["site"]
    first: dict[str, int] = {}
    for row in rows:
        first.setdefault(sites[row], row)
    return tuple(first.values())


# -- places --------------------------------------------------------------------------------------------


def with_places(store: Store, issues: Columns) -> Columns:
    """With the name of the site and the address of each issue, where they are known."""
    sites = sorted({site for site in issues["site"] if site})
    names = {layer: _told(store, layer, "name", sites) for layer in ("anchors", *mission_sites.TYPES)}
    layer_of = {kind: layer for layer, kind in mission_sites.TYPES.items()}
    named = [
        None if site is None else names[layer_of.get(kind or "", "anchors")].get(site)
        for site, kind in zip(issues["site"], issues["site_type"], strict=True)
    ]
    addresses = _told(store, "issues", "address", issues["issue"])
    told: Columns = {}
    for name, column in issues.items():
        told[name] = column
        if name == "site":
            told["site_name"] = named
            told["address"] = [addresses.get(issue) for issue in issues["issue"]]
    return told


def _told(store: Store, layer: str, column: str, ids: list[str]) -> dict[str, str]:
    """{id: what a column of a layer says of it}, without what says nothing."""
    if layer not in LAYERS or column not in LAYERS[layer].by_name:
        return {}
    table = tables.LAYER_TABLES[layer].name
    with store.reading() as connection:
        rows = connection.exec_driver_sql(
            f'SELECT id, "{column}" FROM {table} WHERE superseded_by IS NULL'  # noqa: S608 - names of our own
            f' AND "{column}" IS NOT NULL AND id IN (SELECT value FROM json_each(?))',
            (json.dumps(ids),),
        )
        return {row[0]: row[1] for row in rows}


def _digest(
    store: Store, figures: Figures, book: RuleBook, plaque: Plaque | None, cut: datetime | None
) -> str:
    """Of all that a document is made from; `cut` where the period has not ended."""
    told = hashlib.sha256()
    for name in SHEETS:
        for column, values in figures.tables[name].items():
            told.update(f"{name}.{column}".encode())
            told.update(repr(values).encode())
    facts: list[Any] = [
        {one.id: one.value for one in figures.found.values()}, book.version, book.bulletin,
        None if plaque is None else [plaque.unit, plaque.why, dict(plaque.facts), plaque.moved_from],
        None if cut is None else cut.isoformat(), store.data_version(("areas", "roads")),
    ]  # fmt: skip
    told.update(json.dumps(facts, sort_keys=True, ensure_ascii=False, default=str).encode())
    return told.hexdigest()
