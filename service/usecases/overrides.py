"""Decisions of the office on who is responsible, which go before the rules.

An override is added and taken back, never changed or deleted: what held at a time can be read later.
It decides what is assigned from then on; issues that are assigned already stay, until somebody has
the open ones assigned again (`assignment.assign_all(..., again=True)`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update

from geo.errors import DesignError, NotFoundError
from layers import tables
from layers.store import Store
from layers.tables import iso

from ..i18n import Lang, text
from ..supervision.assignment import Override, unit_named
from ..supervision.rulebook import RuleBook
from . import rule_books

Fault = tuple[str, str]
"""What is wrong (the text is ``assign.fault.<code>``), and what was given."""
SITE_LAYERS = ("anchors", "back_alleys", "compounds", "toilets")
_LANGS: tuple[tuple[Lang, str], ...] = (("en", "; "), ("zh", "；"))


def overrides(store: Store, *, removed: bool = False) -> list[Override]:
    """The overrides that hold, the oldest first; `removed`: those taken back too."""
    table = tables.overrides
    query = select(table).order_by(table.c.id)
    if not removed:
        query = query.where(table.c.removed_at.is_(None))
    with store.reading() as connection:
        return [_override(dict(row)) for row in connection.execute(query).mappings()]


def add(
    store: Store, *, lead: str, why: str, who: str, now: datetime, joint: Sequence[str] = (),
    category: str | None = None, site: str | None = None, area: str | None = None,
) -> Override:  # fmt: skip
    """Add an override.

    Parameters
    ----------
    lead, joint : str, sequence of str
        Units by their id, name or another name of theirs.
    category, site, area : str, optional
        At least one. A code; the id of a site; the id or name of an area of any level.
    why : str
        The reason of the office, in its words.

    Raises
    ------
    DesignError
        `assignment_refused` with all that is wrong.
    """
    book = rule_books.current(store, now.date())
    faults: list[Fault] = []
    units = units_named([lead, *joint], book, faults)
    if not why.strip():
        faults.append(("why", ""))
    if not (category or site or area):
        faults.append(("condition", ""))
    if category and category not in book.categories:
        faults.append(("category", category))
    if site and not any(store.existing_ids(layer, [site]) for layer in SITE_LAYERS):
        faults.append(("site", site))
    area_id = _area(store, area, faults) if area else None
    refuse(faults)
    values: dict[str, Any] = {
        "category": category or None, "site": site or None, "area": area_id, "lead_unit": units[0],
        "joint_units": " ".join(dict.fromkeys(unit for unit in units[1:] if unit != units[0])),
        "why": why.strip(), "at": iso(now), "who": who,
    }  # fmt: skip
    with store.writing() as connection:
        number = connection.execute(insert(tables.overrides).values(**values)).inserted_primary_key
    assert number is not None  # noqa: S101 - the table numbers its rows
    return _override({**values, "id": number[0], "removed_at": None})


def remove(store: Store, number: int, *, now: datetime) -> Override:
    """Take an override back (NotFoundError `override_unknown`, DesignError `override_removed`)."""
    table = tables.overrides
    with store.writing() as connection:
        row = connection.execute(select(table).where(table.c.id == number)).mappings().one_or_none()
        if row is None:
            raise NotFoundError(
                f"there is no override {number}; zhoubian override lists those there are",
                code="override_unknown", number=number,
            )  # fmt: skip
        if row["removed_at"] is not None:
            raise DesignError(
                f"override {number} was taken back already, at {row['removed_at'][:16]}",
                code="override_removed", number=number, at=row["removed_at"][:16].replace("T", " "),
            )  # fmt: skip
        connection.execute(update(table).where(table.c.id == number).values(removed_at=iso(now)))
    return _override({**row, "removed_at": iso(now)})


def units_named(names: Sequence[str], book: RuleBook, faults: list[Fault]) -> list[str]:
    """The ids of units by id, name or another name; those nobody has are added to the faults."""
    found = []
    for name in names:
        unit = unit_named(name, book)
        if unit is None:
            faults.append(("unit", name))
        found.append(unit or "")
    return found


def refuse(faults: Sequence[Fault]) -> None:
    """DesignError `assignment_refused` that tells all faults, if there are any."""
    if faults:
        english, chinese = (
            mark.join(text(f"assign.fault.{code}", lang, given=given[:60]) for code, given in faults)
            for lang, mark in _LANGS
        )
        raise DesignError(
            f"nothing was changed, {len(faults)} things are wrong: {english}",
            code="assignment_refused", count=len(faults), told=chinese,
        )  # fmt: skip


def _area(store: Store, given: str, faults: list[Fault]) -> str | None:
    areas = store.read("areas", columns=["name", "level"])
    ids = areas["id"][(areas["id"] == given).to_numpy() | (areas["name"] == given).fillna(False).to_numpy()]
    if len(ids) == 1:
        return str(ids.iloc[0])
    if len(ids):
        faults.append(("areas", f"{given} ({', '.join(ids[:5])})"))
    else:
        faults.append(("area", given))
    return None


def _override(row: dict[str, Any]) -> Override:
    removed = row["removed_at"]
    return Override(
        **{
            **row,
            "joint_units": tuple((row["joint_units"] or "").split()),
            "at": datetime.fromisoformat(row["at"]),
            "removed_at": None if removed is None else datetime.fromisoformat(removed),
        }
    )
