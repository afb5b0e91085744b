"""Entering one issue by hand: from a patrol, a newspaper, a call."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import shapely
from sqlalchemy import select

from geo.errors import DesignError, NotFoundError
from layers import tables
from layers.ledger import Case
from layers.schema import ISSUE_SOURCES
from layers.store import Store

from .assignment import SITE_LAYERS
from .issue_asked import meant, not_among
from .issue_book import NewIssue, take_up

ORIGIN = "issue add"


def enter(
    store: Store,
    category: str,
    *,
    who: str,
    now: datetime,
    found_at: datetime | None = None,
    source: str = "patrol",
    lon: float | None = None,
    lat: float | None = None,
    site: str | None = None,
    issue: str | None = None,
    **more: Any,
) -> Case:
    """Take up one issue.

    Parameters
    ----------
    category : str
        Code, such as ``HJ01``.
    found_at : datetime, optional
        By default now.
    lon, lat : float, optional, EPSG:4326
        By default a point of the site.
    site : str, optional
        Id of a site or unit of the store.
    issue : str, optional
        Its number; by default the day and a number that nobody has.
    **more
        `count`, `note`, `photos`, `fixed_on_site`, `address` of `NewIssue`.

    Raises
    ------
    NotFoundError
        `site_not_stored`.
    DesignError
        `issue_place`: neither a site nor a place; `filter_value`; `issues_refused`.
    """
    found = found_at or now
    given, source = source, meant("source", source)
    if source not in ISSUE_SOURCES:
        raise not_among("source", given, ISSUE_SOURCES)
    if (lon is None) != (lat is None) or (lon is None and site is None):
        raise DesignError(
            "an issue needs a place: give --lon and --lat, or the id of its site (--site), or both",
            code="issue_place",
        )
    site_type = None
    if site is not None:
        site_type, lonlat = _site(store, site)
        lon, lat = lonlat if lon is None else (lon, lat)
    assert lon is not None  # noqa: S101 - told above
    assert lat is not None  # noqa: S101
    new = NewIssue(
        issue=(issue or "").strip() or next_number(store, found), category=category.strip().upper(),
        found_at=found, source=source, lon=lon, lat=lat, site=site, site_type=site_type, **more,
    )  # fmt: skip
    return take_up(store, [new], origin=ORIGIN, who=who, now=now)[0]


def next_number(store: Store, day: datetime) -> str:
    """``20260506-001``: the day, and a number that no issue of that day has."""
    layer, known = tables.LAYER_TABLES["issues"].c.id, tables.cases.c.issue
    begins = f"{day:%Y%m%d}-"
    with store.reading() as connection:
        ids = [
            *connection.scalars(select(layer).where(layer.startswith(begins))),
            *connection.scalars(select(known).where(known.startswith(begins))),
        ]
    numbers = [int(one[len(begins) :]) for one in ids if re.fullmatch(r"\d{1,9}", one[len(begins) :])]
    return f"{begins}{max(numbers, default=0) + 1:03d}"


def _site(store: Store, site: str) -> tuple[str, tuple[float, float]]:
    """Type and a point of a site or unit."""
    for layer in ("anchors", *SITE_LAYERS):
        table = tables.LAYER_TABLES[layer].c
        kind = table["class"] if layer == "anchors" else table.id
        query = select(kind, table.geom).where(table.id == site, table.superseded_by.is_(None))
        with store.reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is not None:
            point = shapely.point_on_surface(shapely.from_wkb(row.geom))
            return str(row[0]) if layer == "anchors" else SITE_LAYERS[layer], (point.x, point.y)
    raise NotFoundError(
        f"no anchor, alley, compound or toilet of the store has the id {site[:60]!r}; give its id as the map"
        " shows it, or the place (--lon, --lat)",
        code="site_not_stored", given=site[:60],
    )  # fmt: skip
