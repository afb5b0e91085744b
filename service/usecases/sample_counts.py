"""Tables of counts as the made-up city's offices sent them in: posters at sites, rounds of household visits.

They are written as workbooks and taken in as an office takes them. Chance comes from one seed.
"""

from __future__ import annotations

import tempfile
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.random import Generator

from layers import write
from layers.store import Store
from layers.synthetic import SEED

from ..supervision.coverage_rules import poster_rules
from . import coverage_households, coverage_posters, rule_books
from .coverage_sites import sites_of

_COUNTED = {"market": 0.9, "mall": 0.85, "arterial": 0.7, "back_alley": 0.1}
"""How many sites of a type sent a count."""
_VISITED = 0.92
_FIRST_ROUND = date(2026, 3, 9)
_BETWEEN = timedelta(days=62)


def take(store: Store, *, who: str, now: datetime) -> None:
    """Take both tables into a store of the sample city."""
    rng = np.random.default_rng([SEED, 11])
    with tempfile.TemporaryDirectory() as folder:
        posters, rounds = Path(folder) / "公益广告统计.xlsx", Path(folder) / "入户宣传统计.xlsx"
        write.write_xlsx({"公益广告": _posters(store, rng, now)}, posters)
        write.write_xlsx({"入户宣传": _rounds(store, rng)}, rounds)
        coverage_posters.take(store, posters, who=who, now=now)
        coverage_households.take(store, rounds, who=who, now=now)


def _posters(store: Store, rng: Generator, now: datetime) -> pd.DataFrame:
    """Posters by theme at most markets, malls and streets and at some alleys."""
    rules = poster_rules(rule_books.current(store, now.date()))
    sites = sites_of(store, rules.street_classes).table
    rows: list[dict[str, Any]] = []
    for site in sites.itertuples():
        if rng.random() >= _COUNTED.get(site.site_type, 0.0):
            continue
        along = 1.0 if np.isnan(site.length_m) else max(site.length_m / 400, 0.4)
        for theme in rules.themes.values():
            count = int(rng.poisson(2.4 * along))
            if count:
                damaged = int(rng.binomial(count, 0.06))
                rows.append({"点位编号": site.key, "主题": theme.zh, "数量": count, "破损": damaged})
    return pd.DataFrame(rows)


def _rounds(store: Store, rng: Generator) -> pd.DataFrame:
    """Up to three rounds of visits to most compounds, two months apart."""
    compounds = store.read("compounds", columns=["id", "households"])
    rows = []
    for compound in compounds.itertuples():
        made = int(rng.choice([1, 2, 3, 4], p=[0.1, 0.22, 0.5, 0.18])) if rng.random() < _VISITED else 0
        for number in range(1, made + 1):
            day = _FIRST_ROUND + (number - 1) * _BETWEEN + timedelta(days=int(rng.integers(0, 25)))
            homes = (
                None if pd.isna(compound.households) else round(compound.households * rng.uniform(0.4, 0.9))
            )
            rows.append({"小区编号": compound.id, "轮次": number, "日期": str(day), "户数": homes})
    return pd.DataFrame(rows)
