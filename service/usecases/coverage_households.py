"""Rounds of visits to every household: how many each compound has had before the assessment.

「要至少开展不低于3轮入户宣传活动」: a compound with fewer rounds than the rule book asks is behind; one
without any was not visited.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
from sqlalchemy import select

from geo.design import STATUSES_EXCLUDED
from layers import tables
from layers.store import Store

from ..supervision.coverage_rules import household_rounds
from . import layers as layer_cases
from . import rule_books
from .count_rows import ROUNDS, Counted
from .count_tables import Form, read_form
from .coverage_sites import Sites, sites_of

CLASSES = ("0", "1", "2", "3+")
MOST_ROUNDS = 99


@dataclass(frozen=True)
class HouseholdCoverage:
    """Rounds per compound.

    Parameters
    ----------
    until : date
        The last day that counts.
    rounds : int
        How many the rule book asks for.
    compounds : GeoDataFrame, EPSG:4326
        id, name, district, rounds (number of rounds until then), last (day of the last one), visited
        (households of the round that reached most), households, rounds_class (one of `CLASSES`), met.
    counts : {class: compounds}
    left_out : int
        Compounds that are closed, under works, restricted or outside the built-up area.
    version : str
        Of the rule book.
    """

    until: date
    rounds: int
    compounds: gpd.GeoDataFrame
    counts: dict[str, int]
    left_out: int
    version: str
    attribution: str

    @property
    def unvisited(self) -> gpd.GeoDataFrame:
        """Compounds without a round."""
        return self.compounds[self.compounds["rounds"] == 0]

    @property
    def behind(self) -> gpd.GeoDataFrame:
        """Compounds with fewer rounds than asked, the furthest behind first."""
        return self.compounds[~self.compounds["met"]].sort_values(["rounds", "id"])


def take(store: Store, file: Path, *, who: str, now: datetime) -> Counted:
    """Store the rounds of a table: compound, number of the round, day, households reached.

    Raises
    ------
    CountsRefusedError
        With all faults; nothing is stored.
    LayerError
        As `count_tables.read_form`.
    """
    form = read_form(file, "households", ("compound", "round", "day"))
    sites = sites_of(store, ())
    with store.writing() as connection:
        told = _told(form, sites, ROUNDS.known(connection), now.date())
        form.require_sound()
        return ROUNDS.put(connection, told, source=form.source, who=who, now=now)


def coverage(store: Store, *, now: datetime, until: date | None = None) -> HouseholdCoverage:
    """Rounds of every compound up to and including a day, by default today.

    Raises
    ------
    DesignError
        `coverage_unset`.
    """
    book = rule_books.current(store, now.date())
    asked, last_day = household_rounds(book), until or now.date()
    held = store.read("compounds")
    out = held["status"].isin(STATUSES_EXCLUDED).to_numpy()
    shown = held[~out].reset_index(drop=True)
    table = tables.household_rounds
    with store.reading() as connection:
        rows = connection.execute(
            select(table.c.compound, table.c.day, table.c.households).where(
                table.c.day <= last_day.isoformat()
            )
        ).fetchall()
    done = pd.DataFrame(rows, columns=["compound", "day", "households"]).groupby("compound")
    number = np.asarray(done.size().reindex(shown["id"], fill_value=0), dtype=np.int64)
    compounds = gpd.GeoDataFrame(
        {
            "id": shown["id"], "name": shown["name"], "district": shown["district"], "rounds": number,
            "last": done["day"].max().reindex(shown["id"]).to_numpy(dtype=object),
            "visited": done["households"].max().reindex(shown["id"]).astype("Float64").astype("Int64").array,
            "households": shown["households"],
            "rounds_class": [CLASSES[min(int(one), 3)] for one in number], "met": number >= asked,
        },
        geometry=shown.geometry.to_numpy(), crs="EPSG:4326",
    )  # fmt: skip
    counts = {name: int((compounds["rounds_class"] == name).sum()) for name in CLASSES}
    attribution = layer_cases.attribution(store, ("compounds",))
    return HouseholdCoverage(last_day, asked, compounds, counts, int(out.sum()), book.version, attribution)


Rounds = dict[tuple[str, int], tuple[str, int | None]]
"""{(compound, number of the round): (day, households)}."""


def _told(form: Form, sites: Sites, held: Rounds, today: date) -> Rounds:
    """The rounds of the rows that can be read; faults go to the form."""
    told: Rounds = {}
    first: dict[tuple[str, int], str] = {}
    for row, cells in form.rows:
        compound = _compound(form, row, sites, form.value(row, cells, "compound", "text"))
        number = form.value(row, cells, "round", "whole")
        day = form.value(row, cells, "day", "day")
        households = form.value(row, cells, "households", "whole", needed=False)
        if number is not None and not 1 <= number <= MOST_ROUNDS:
            form.refuse(
                row, "round", number, code="count_round",
                message=f"is no number of a round; write 1 to {MOST_ROUNDS}", most=MOST_ROUNDS,
            )  # fmt: skip
            number = None
        if day is not None and day.date() > today:
            form.refuse(
                row, "day", day.date(), code="count_future",
                message=f"lies after today, {today}; write the day of the visit", today=str(today),
            )  # fmt: skip
        if compound is None or number is None:
            continue
        if (compound, number) in first:
            form.refuse(
                row, "round", number, code="count_twice",
                message=f"row {first[compound, number]} tells of the same; keep one of them",
                first=first[compound, number],
            )  # fmt: skip
            continue
        first[compound, number] = row
        if day is not None:
            told[compound, number] = (day.date().isoformat(), households)
    _order_faults(form, {**held, **told}, first)
    return told


def _order_faults(form: Form, rounds: Rounds, rows: dict[tuple[str, int], str]) -> None:
    """A round cannot come before the one that precedes it."""
    before: tuple[str, int] | None = None
    for key in sorted(rounds):
        if before is not None and before[0] == key[0] and rounds[key][0] < rounds[before][0]:
            row = rows.get(key) or rows.get(before)
            if row is not None:
                form.refuse(
                    row, "day", rounds[key][0] if key in rows else rounds[before][0], code="count_order",
                    message=f"round {key[1]} ({rounds[key][0]}) lies before round {before[1]}"
                    f" ({rounds[before][0]}); correct the day or the round",
                    late=key[1], late_day=rounds[key][0], early=before[1], early_day=rounds[before][0],
                )  # fmt: skip
        before = key


def _compound(form: Form, row: str, sites: Sites, told: str | None) -> str | None:
    key = sites.key_of(form, row, told, "compound")
    if key is None:
        return None
    if not key.startswith("compounds/"):
        form.refuse(
            row, "compound", told, code="count_no_compound",
            message="is a site, but no residential compound (小区); check the id",
        )  # fmt: skip
        return None
    return key.removeprefix("compounds/")
