"""How quickly litter goes: response times where the deadline runs in real time (the 10-minute rule).

The response time of an issue is the time from its finding to its closing, or to its being mended during
the visit, in minutes of the clock. In time is what took no longer than the deadline of its category
(HJ03: 10 minutes). An issue that is still open is late once that time has passed, and undecided before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from sqlalchemy import select

from geo.crs import metric_crs, project
from geo.errors import DesignError
from geo.nearest import NONE, nearest_unit
from layers import tables, write
from layers.store import Store
from layers.tables import iso

from .. import clock
from ..i18n import Lang
from ..supervision.rulebook import RuleBook
from ..supervision.worktime import Span
from . import rule_books
from .exports import ending_of, refuse_store
from .follow_figures import cut_off
from .layers import attribution

Place = Literal["district", "community", "street"]
PLACES: tuple[Place, ...] = ("district", "community", "street")
STREET_M = 50.0
"""An issue belongs to the nearest street or alley with a name within this distance."""


@dataclass(frozen=True)
class Responses:
    """Response times of a group of issues.

    Parameters
    ----------
    key : str or None
        Name of the subdistrict, community or street; None where nobody knows, and for all together.
    issues, in_time, late, undecided : int
        `late` has those that are open past their time too.
    share : float or None
        in_time / (in_time + late).
    median, p90 : float or None
        Minutes, of the mended ones: half, and nine of ten, took no longer (the smallest such time).
    """

    key: str | None
    issues: int
    in_time: int
    late: int
    undecided: int
    share: float | None
    median: float | None
    p90: float | None


@dataclass(frozen=True)
class ResponseTimes:
    """The response times of a period.

    Parameters
    ----------
    by : str
        One of `PLACES`.
    limits : {category: minutes}
    issues : GeoDataFrame, EPSG:4326
        `issue`, `category`, `found_at`, `closed_at`, `minutes` (missing while open), `in_time` (text: yes,
        no, undecided), `district`, `community`, `street`, `site`.
    groups : tuple of Responses
        The smallest share in time first.
    """

    since: date | None
    until: date | None
    cut: datetime
    by: str
    limits: dict[str, float]
    total: Responses
    groups: tuple[Responses, ...]
    issues: gpd.GeoDataFrame


def response_times(
    store: Store, *, since: date | None = None, until: date | None = None, by: str = "district",
    now: datetime,
) -> ResponseTimes:  # fmt: skip
    """Response times of what was found from one day to another, as known at the end or now.

    Parameters
    ----------
    by : "district", "community" or "street"

    Raises
    ------
    DesignError
        `figures_by`, `dates_reversed`.
    """
    if by not in PLACES:
        raise DesignError(
            f"response times are not told by {by[:30]!r}; use one of {', '.join(PLACES)}",
            code="figures_by", given=by[:30], known=", ".join(PLACES),
        )  # fmt: skip
    if since and until and since > until:
        raise DesignError(
            f"the period begins on {since} and ends before, on {until}; swap the dates",
            code="dates_reversed", since=str(since), until=str(until),
        )  # fmt: skip
    end = cut_off(until, now)
    limits = real_time_limits(rule_books.current(store, end.date()))
    issues = _issues(store, limits, None if since is None else clock.midnight(since), end)
    issues["street"] = _streets(store, issues) if len(issues) else []
    groups = [
        _responses(None if pd.isna(key) else str(key), part)
        for key, part in issues.groupby(by, dropna=False, sort=False)
    ]
    groups.sort(key=lambda one: (2.0 if one.share is None else one.share, -one.issues, one.key or "~"))
    return ResponseTimes(since, until, end, by, limits, _responses(None, issues), tuple(groups), issues)


def real_time_limits(book: RuleBook) -> dict[str, float]:
    """The categories whose deadline runs in real time, with their minutes."""
    spans = {code: Span.parse(category.deadline) for code, category in book.categories.items()}
    return {code: float(span.amount) for code, span in spans.items() if span.unit == "min"}


def write_responses(told: ResponseTimes, out: Path, store: Store, lang: Lang) -> int:
    """Write the issues as .geojson or .gpkg, groups and issues as .xlsx, groups as .csv, a map as .html."""
    ending = ending_of(out, (".geojson", ".gpkg", ".xlsx", ".csv", ".html"))
    refuse_store(store, out)
    if ending == ".html":
        from ..response_page import response_file  # noqa: PLC0415 - Folium takes a quarter second

        page = response_file(told, store.read("roads"), lang, attribution=attribution(store, ("roads",)))
        with write.whole(out) as temporary:
            temporary.write_bytes(page.encode())
        return len(told.issues)
    groups = pd.DataFrame([vars(one) for one in (told.total, *told.groups)])
    if ending == ".geojson":
        write.write_geojson({"responses": told.issues}, out)
    elif ending == ".gpkg":
        write.write_gpkg({"responses": told.issues}, out)
    elif ending == ".csv":
        write.write_csv(groups, out)
    else:
        write.write_xlsx({"groups": groups, "issues": told.issues}, out)
    return len(told.issues)


def _issues(
    store: Store, limits: dict[str, float], since: datetime | None, end: datetime
) -> gpd.GeoDataFrame:
    table = tables.cases.c
    names = (
        "issue", "category", "found_at", "closed_at", "fixed_at", "district", "community", "site", "lon",
        "lat",
    )  # fmt: skip
    query = select(*(table[name] for name in names)).where(
        table.category.in_(list(limits)), table.withdrawn_at.is_(None), table.merged_into.is_(None),
        table.found_at <= iso(end),
    )  # fmt: skip
    if since is not None:
        query = query.where(table.found_at >= iso(since))
    with store.reading() as connection:
        rows = connection.execute(query.order_by(table.found_at, table.issue)).fetchall()
    held = pd.DataFrame(rows, columns=list(names))
    found = _moments(held["found_at"])
    shut = _moments(held["fixed_at"].where(held["fixed_at"].notna(), held["closed_at"]))
    shut = shut.where(shut <= pd.Timestamp(end))
    limit = held["category"].map(limits).astype(float)
    minutes = (shut - found).dt.total_seconds() / 60
    waited = (pd.Timestamp(end) - found).dt.total_seconds() / 60
    late = (minutes > limit) | (minutes.isna() & (waited > limit))
    verdict = np.select([minutes <= limit, late], ["yes", "no"], "undecided")
    return gpd.GeoDataFrame(
        {
            "issue": held["issue"], "category": held["category"], "found_at": found, "closed_at": shut,
            "minutes": minutes.round(1), "in_time": verdict, "district": held["district"],
            "community": held["community"], "site": held["site"],
        },
        geometry=shapely.points(held[["lon", "lat"]].to_numpy(dtype=float).reshape(-1, 2)), crs="EPSG:4326",
    )  # fmt: skip


def _streets(store: Store, issues: gpd.GeoDataFrame) -> list[str | None]:
    """The name of the street or alley of each issue, None where none with a name is near."""
    points = np.asarray(issues.geometry.array)
    box = np.array([point.bounds[:2] for point in points])
    low, high = box.min(axis=0) - 0.001, box.max(axis=0) + 0.001
    lines: list[Any] = []
    names: list[str] = []
    for layer in ("roads", "back_alleys"):
        held = store.read(layer, columns=["name"], bbox=(*low.tolist(), *high.tolist()))
        held = held[held["name"].notna()]
        lines += list(held.geometry.array)
        names += held["name"].tolist()
    if not lines:
        return [None] * len(issues)
    crs = metric_crs(*box.mean(axis=0).tolist())
    shapes: NDArray[np.object_] = np.empty(len(lines), dtype=object)
    shapes[:] = lines
    unit, _ = nearest_unit(project(points, crs), project(shapes, crs), crs=crs, within_m=STREET_M)
    return [None if row == NONE else names[row] for row in unit.tolist()]


def _responses(key: str | None, part: gpd.GeoDataFrame) -> Responses:
    verdicts = part["in_time"]
    in_time, late = int((verdicts == "yes").sum()), int((verdicts == "no").sum())
    minutes = np.sort(part["minutes"].dropna().to_numpy(dtype=float))
    share = in_time / (in_time + late) if in_time + late else None
    return Responses(
        key, len(part), in_time, late, len(part) - in_time - late, share, _quantile(minutes, 0.5),
        _quantile(minutes, 0.9),
    )  # fmt: skip


def _quantile(ordered: NDArray[np.float64], share: float) -> float | None:
    """The smallest value that at least so large a share does not exceed."""
    if not len(ordered):
        return None
    return float(np.quantile(ordered, share, method="inverted_cdf"))


def _moments(texts: Sequence[Any] | pd.Series[Any]) -> pd.Series[Any]:
    return pd.to_datetime(pd.Series(texts), format="ISO8601", utc=True).dt.tz_convert(clock.SHANGHAI)
