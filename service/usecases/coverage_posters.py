"""Public-interest posters: what was counted at each site against what the rule book asks.

A site meets the rules if every theme it is asked for, and all of them together, are there in number.
A site that nobody counted is unknown, never short.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from layers.columns import plain
from layers.store import Store

from ..supervision.coverage_rules import PosterRules, poster_rules
from . import layers as layer_cases
from . import rule_books
from .count_rows import POSTERS, Counted
from .count_tables import Form, read_form
from .coverage_sites import Sites, sites_of

STATES = ("short", "met", "unknown")
LAYERS = ("anchors", "back_alleys", "compounds", "toilets", "roads")


@dataclass(frozen=True)
class PosterCoverage:
    """Posters counted and required.

    Parameters
    ----------
    rules : PosterRules
    rows : DataFrame
        A row per site and thing asked: key, id, name, site_type, district, theme (empty: all together),
        required, counted, short, length_m; the counted are missing where nobody counted.
    sites : GeoDataFrame, EPSG:4326
        A row per site that is asked something: key, id, name, site_type, district, state, short, length_m.
    by_type : DataFrame
        site_type, sites, met, short, unknown, share (met of those counted; missing where none is); last
        row `all`.
    by_theme : DataFrame
        site_type, theme, required, counted, short, sites: over the sites that were counted.
    left_out : int
        Sites of these types that are closed, under works, restricted or outside the built-up area.
    attribution : str
    damaged : int
        Posters that were counted as damaged, wherever they hang.
    """

    rules: PosterRules
    rows: pd.DataFrame
    sites: gpd.GeoDataFrame
    by_type: pd.DataFrame
    by_theme: pd.DataFrame
    left_out: int
    attribution: str
    damaged: int = 0

    @property
    def shortfall(self) -> pd.DataFrame:
        """What is missing, the sites that lack most first."""
        lacking = self.rows[self.rows["short"].fillna(0) > 0]
        return lacking.sort_values(["short", "key", "theme"], ascending=[False, True, True])


def take(store: Store, file: Path, *, who: str, now: datetime) -> Counted:
    """Store the counts of a table: site, theme, count and how many of them are damaged.

    What is known and not in the table stays; what differs is replaced.

    Raises
    ------
    CountsRefusedError
        With all faults; nothing is stored.
    LayerError
        As `count_tables.read_form`.
    """
    rules = poster_rules(rule_books.current(store, now.date()))
    form = read_form(file, "posters", ("site", "theme", "count"))
    told = _told(form, sites_of(store, rules.street_classes), rules)
    form.require_sound()
    with store.writing() as connection:
        return POSTERS.put(connection, told, source=form.source, who=who, now=now)


def coverage(store: Store, *, now: datetime) -> PosterCoverage:
    """Counted against required, site by site.

    Raises
    ------
    DesignError
        `coverage_unset`.
    """
    rules = poster_rules(rule_books.current(store, now.date()))
    sites = sites_of(store, rules.street_classes)
    asked = sites.table["site_type"].isin({one.site_type for one in rules.required}).to_numpy()
    shown = sites.table[asked & sites.open].reset_index(drop=True)
    rows = _rows(shown, rules, _counts(store, rules))
    state = _states(rows, shown)
    placed = shown.assign(**state)[[
        "key", "id", "name", "site_type", "district", "state", "short", "length_m", "geometry",
    ]]  # fmt: skip
    known = rows[rows["counted"].notna()]
    by_theme = known.groupby(["site_type", "theme"], as_index=False, sort=False).agg(
        required=("required", "sum"),
        counted=("counted", "sum"),
        short=("short", "sum"),
        sites=("key", "size"),
    )  # fmt: skip
    return PosterCoverage(
        rules, rows, placed, _by_type(placed), by_theme, int((asked & ~sites.open).sum()),
        layer_cases.attribution(store, LAYERS), _damaged(store),
    )  # fmt: skip


# -- taking ------------------------------------------------------------------------------------------


def _told(form: Form, sites: Sites, rules: PosterRules) -> dict[tuple[str, str], tuple[int, int]]:
    """{(site, theme): (count, damaged)} of the rows that can be read; faults go to the form."""
    words = {plain(name): theme.id for theme in rules.themes.values() for name in theme.names}
    told: dict[tuple[str, str], tuple[int, int]] = {}
    first: dict[tuple[str, str], str] = {}
    for row, cells in form.rows:
        site = sites.key_of(form, row, form.value(row, cells, "site", "text"), "site")
        theme = _theme(form, row, form.value(row, cells, "theme", "text"), words, rules)
        count = form.value(row, cells, "count", "whole")
        damaged = form.value(row, cells, "damaged", "whole", needed=False) or 0
        if count is not None and damaged > count:
            form.refuse(
                row, "damaged", damaged, code="count_damaged",
                message=f"more are damaged than hang there ({count}); the count is of all of them",
                count=count,
            )  # fmt: skip
        if site is None or theme is None:
            continue
        if (site, theme) in first:
            form.refuse(
                row, "theme", cells.get("theme"), code="count_twice",
                message=f"row {first[site, theme]} tells of the same; keep one of them",
                first=first[site, theme],
            )  # fmt: skip
            continue
        first[site, theme] = row
        if count is not None:
            told[site, theme] = (count, damaged)
    return told


def _theme(
    form: Form, row: str, told: str | None, words: Mapping[str, str], rules: PosterRules
) -> str | None:
    if told is None:
        return None
    theme = words.get(plain(told))
    if theme is None:
        known = ", ".join(one.zh for one in rules.themes.values())
        form.refuse(
            row, "theme", told, code="count_theme",
            message=f"is no theme of the rules; the themes are {known}, others are added in coverage",
            known=known,
        )  # fmt: skip
    return theme


# -- reckoning ---------------------------------------------------------------------------------------


def _counts(store: Store, rules: PosterRules) -> dict[str, dict[str, int]]:
    """{site: {theme: posters that count}}."""
    found: dict[str, dict[str, int]] = {}
    with store.reading() as connection:
        known = POSTERS.known(connection)
    for (site, theme), (count, damaged) in known.items():
        found.setdefault(site, {})[theme] = rules.counted(count, damaged)
    return found


def _damaged(store: Store) -> int:
    with store.reading() as connection:
        return sum(damaged for _, damaged in POSTERS.known(connection).values())


def _rows(sites: pd.DataFrame, rules: PosterRules, counts: Mapping[str, Mapping[str, int]]) -> pd.DataFrame:
    by_type: dict[str, list[Any]] = {}
    for one in rules.required:
        by_type.setdefault(one.site_type, []).append(one)
    rows = []
    for key, ident, name, site_type, district, length_m in sites[
        ["key", "id", "name", "site_type", "district", "length_m"]
    ].itertuples(index=False):
        counted = counts.get(key)
        for one in by_type[site_type]:
            need = one.need(None if pd.isna(length_m) else length_m)
            seen = None if counted is None else _seen(counted, one.theme)
            short = None if seen is None else max(need - seen, 0)
            rows.append((key, ident, name, site_type, district, one.theme or "", need, seen, short, length_m))
    columns = ["key", "id", "name", "site_type", "district", "theme", "required", "counted", "short",
               "length_m"]  # fmt: skip
    table = pd.DataFrame(rows, columns=columns)
    return table.astype({"required": "int64", "counted": "Int64", "short": "Int64", "length_m": "float64"})


def _seen(counted: Mapping[str, int], theme: str | None) -> int:
    return sum(counted.values()) if theme is None else counted.get(theme, 0)


def _states(rows: pd.DataFrame, sites: pd.DataFrame) -> dict[str, Any]:
    """State and shortfall of each site: the largest that any of the things asked lacks.

    What a theme lacks is part of what all of them lack, so the two are not added up: the themes are,
    and the whole stands beside them.
    """
    themed = rows[rows["theme"] != ""].groupby("key")["short"].sum(min_count=1)
    whole = rows[rows["theme"] == ""].groupby("key")["short"].max()
    lacking = pd.concat([themed, whole], axis=1).astype("Float64").max(axis=1).reindex(sites["key"])
    state = ["unknown" if pd.isna(one) else "short" if one > 0 else "met" for one in lacking]
    return {"state": state, "short": lacking.astype("Int64").to_numpy()}


def _by_type(sites: pd.DataFrame) -> pd.DataFrame:
    told = []
    groups = [*sites.groupby("site_type", sort=False), ("all", sites)]
    for site_type, part in groups:
        counts = {state: int((part["state"] == state).sum()) for state in STATES}
        known = counts["met"] + counts["short"]
        told.append(
            {"site_type": site_type, "sites": len(part), **counts,
             "share": counts["met"] / known if known else float("nan")}
        )  # fmt: skip
    return pd.DataFrame(told, columns=["site_type", "sites", "met", "short", "unknown", "share"])
