"""What the hotspot page shows beside its pictures: choices, ground, hexagons, months, list, issues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo.crs import from_wgs84, to_wgs84
from geo.errors import DesignError, StatisticsError
from geo.peaks import Forecast
from geo.spreading import Kernel
from layers.issue_columns import WORDS, IssueColumns, Words, date_of, day_number
from layers.rules import categories
from layers.store import Store

from .features import paths, road_lines
from .heat_image import square_root_scale
from .hotspot_pictures import highest, surface_bounds, surface_legend
from .i18n import Lang, text, texts
from .usecases.hotspot_city import City
from .usecases.hotspots import Heat, HexCounts, facts, heat, top, top_rows
from .usecases.issue_filters import IssueFilter

MOST_MONTHS = 24
MOST_WORDS = 500
"""Of a list to choose from; the most frequent ones."""
EDGE_SHARE = 0.25
"""A hexagon with less of its area on the ground has no density of its own."""


def category_name(code: str, lang: Lang) -> str:
    """A category in words; whatever the office's table does not know stays as it came."""
    known = categories().get(code)
    if known is None:
        return code
    return known.zh if lang == "zh" else known.name.replace("_", " ")


def choices(city: City, lang: Lang) -> dict[str, Any]:
    """The words that issues have, with how many have them; the period, the bounds."""
    lists: dict[str, list[dict[str, Any]]] = {}
    for column in WORDS:
        words = city.issues.words[column]
        counts = np.bincount(words.codes, minlength=len(words.words))
        some = [at for at in np.argsort(-counts, kind="stable").tolist() if at and counts[at]][:MOST_WORDS]
        lists[column] = [
            {"code": words.words[at], "name": _word(column, words.words[at], lang), "issues": int(counts[at])}
            for at in (some if column != "category" else sorted(some, key=lambda at: words.words[at]))
        ]
    severity: dict[str, int] = {}
    for row in lists["category"]:
        known = categories().get(row["code"])
        row["group"] = row["code"][:2] if known else ""
        if known:
            severity[str(known.severity)] = severity.get(str(known.severity), 0) + row["issues"]
    lists["severity"] = [
        {"code": code, "name": text(f"map.hotspots.severity.{code}", lang), "issues": severity[code]}
        for code in sorted(severity)
    ]
    groups = {row["group"] for row in lists["category"] if row["group"]}
    first, last = city.days
    return {
        "lists": lists,
        "groups": {code: _group(code, lang) for code in sorted(groups)},
        "period": [date_of(first).isoformat(), date_of(last).isoformat()],
        "issues": len(city.issues),
        "bounds": _degrees_box(city),
        "piles": _piles(city),
        "attribution": city.attribution,
    }


def _word(column: str, word: str, lang: Lang) -> str:
    if column == "category":
        return category_name(word, lang)
    code = f"map.hotspots.{column}.{word}"
    return text(code, lang) if code in texts() else word


def _group(code: str, lang: Lang) -> str:
    told = f"map.hotspots.group.{code}"
    return text(told, lang) if told in texts() else code


def _degrees(city: City, geometry: Any) -> Any:
    epsg = f"EPSG:{city.issues.crs.to_epsg()}"

    def moved(at: NDArray[np.float64]) -> NDArray[np.float64]:
        there = at + city.issues.origin
        return np.column_stack(to_wgs84(there[:, 0], there[:, 1], epsg))

    return shapely.transform(geometry, moved)


def _piles(city: City) -> list[dict[str, Any]]:
    """The places that hold far too many issues, with how many, the fullest first."""
    at, issues = np.unique(np.round(city.issues.xy[city.piled]), axis=0, return_counts=True)
    points = _degrees(city, np.asarray(shapely.points(at.astype(np.float64)), dtype=object))
    xy = np.round(shapely.get_coordinates(points), 6).tolist()
    order = np.argsort(-issues, kind="stable")
    return [{"xy": xy[row], "issues": int(issues[row])} for row in order]


def _degrees_box(city: City) -> list[float]:
    bounds = shapely.bounds(_degrees(city, city.area))
    return [round(float(one), 6) for one in bounds]


def ground(city: City, store: Store) -> dict[str, Any]:
    """The outline of the study area and the roads, as `features` encodes them."""
    outline = _degrees(city, shapely.simplify(city.area, 5.0))
    roads = store.read("roads", columns=["name", "class"]) if store.count("roads") else None
    return {"outline": paths(outline), "roads": road_lines(roads)}


# -- hexagons --------------------------------------------------------------------------------------


def hexagon_rows(found: HexCounts, vmax: float | None) -> dict[str, Any]:
    """Hexagons that hold issues: corners, issues, and the class of issues per km2 and 30 days.

    A hexagon at the edge is measured by its part of the ground; where less than a quarter lies on it,
    it is drawn without a density.
    """
    area_km2 = np.sqrt(3) / 2 * (found.width_m / 1000) ** 2
    chosen = found.selection
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = found.issues / (found.share * area_km2) * (30 / chosen.days)
    known = found.share >= EDGE_SHARE
    most = vmax or (float(rate[known].max()) if known.any() else 0.0)
    scale = square_root_scale(most)
    legend = surface_legend(scale)
    legend[-1]["from"] = 0.0  # a hexagon that holds an issue is always drawn
    codes = np.where(known, np.maximum(scale.classes(rate.astype(np.float32)), 1), 0)
    return {
        "facts": {**facts(found.city, chosen), "width_m": found.width_m, "used": int(found.issues.sum()),
                  "outside": len(chosen.rows) - int(found.issues.sum()), "hexagons": len(found.issues)},
        "legend": legend,
        "colours": [f"#{colour}" for colour in scale.colours],
        "paths": _hexagon_paths(found.polygons),
        "issues": found.issues.tolist(),
        "rates": [round(float(one), 1) if ok else None for one, ok in zip(rate, known, strict=True)],
        "classes": codes.tolist(),
    }  # fmt: skip


def _hexagon_paths(polygons: NDArray[np.object_]) -> list[list[int]]:
    """`features.path` of many hexagons at once, the last corner left out."""
    corners = shapely.get_coordinates(polygons).reshape(len(polygons), 7, 2)[:, :6]
    micro = np.rint(corners * 1e6).astype(np.int64)
    steps = np.diff(micro, axis=1, prepend=np.zeros((len(polygons), 1, 2), np.int64))
    told: list[list[int]] = steps.reshape(len(polygons), 12).tolist()
    return told


# -- time ------------------------------------------------------------------------------------------


def two_periods(
    city: City, wanted: IssueFilter, since: date | None, until: date | None
) -> tuple[IssueFilter, tuple[date, date]]:
    """The later and the earlier period of a comparison.

    Without an earlier one: as many days before the filter's `since`, else the two halves of the period.
    """
    first, last = city.days
    ends = wanted.until or date_of(last)
    if since is not None and until is not None:
        begins = wanted.since or _later(until, 1)
    elif wanted.since is not None and day_number(wanted.since) > first:
        begins = wanted.since
        replace(wanted, until=ends)  # refused here if it ends before it begins
        days = (ends - begins).days + 1
        since, until = _later(begins, -days), _later(begins, -1)
    else:
        start = wanted.since or date_of(first)
        half = ((ends - start).days + 1) // 2
        if half < 1:
            raise DesignError(
                f"the period {start} to {ends} cannot be halved; choose two periods",
                code="hotspots_no_halves", since=str(start), until=str(ends),
            )  # fmt: skip
        since, until = ends - timedelta(days=2 * half - 1), ends - timedelta(days=half)
        begins = until + timedelta(days=1)
    return replace(wanted, since=begins, until=ends), (since, until)


def _later(day: date, days: int) -> date:
    """A day some days later, or the last (first) that there is."""
    return date.fromordinal(min(max(day.toordinal() + days, 1), date.max.toordinal()))


def month_frames(city: City, wanted: IssueFilter, kernel: Kernel) -> dict[str, Any]:
    """The last complete months of the period, and the highest density of them all.

    Raises
    ------
    StatisticsError
        `no_month` if no month is complete.
    """
    first, last = city.days
    since, until = date_of(first), date_of(last)
    if wanted.since is not None:  # who names the first of a month wants the month, whatever the first issue
        since = max(wanted.since, since.replace(day=1))
    if wanted.until is not None:
        until = min(wanted.until, _months(until, until)[0][1])
    found = [month for month in _months(since, until) if month[0] >= since and month[1] <= until]
    if not found:
        raise StatisticsError(
            f"no month lies complete between {since} and {until}; take a longer period",
            code="no_month", since=str(since), until=str(until),
        )  # fmt: skip
    most, told = 0.0, []
    bounds: Sequence[float] = ()
    for begins, ends in found[-MOST_MONTHS:]:
        frame = heat(city, replace(wanted, since=begins, until=ends), kernel=kernel)
        most, bounds = max(most, highest(frame)), surface_bounds(frame)
        told.append(
            {
                "month": f"{begins:%Y-%m}",
                "since": begins.isoformat(),
                "until": ends.isoformat(),
                "used": frame.surface.taken.used,
                "facts": frame.facts(),
            }
        )
    return {
        "months": told,
        "vmax": square_root_scale(most).breaks[-1],
        "bounds": bounds,
        "dropped": len(found) - len(told),
    }


def _months(since: date, until: date) -> list[tuple[date, date]]:
    found, begins = [], since.replace(day=1)
    while begins <= until:
        following = (begins + timedelta(days=32)).replace(day=1)
        found.append((begins, following - timedelta(days=1)))
        begins = following
    return found


# -- the list and single issues --------------------------------------------------------------------


def top_list(found: Heat, forecast: Forecast | None, lang: Lang, most: int) -> dict[str, Any]:
    """The worst places with their categories in words, and the check of the map against itself."""
    rows = top_rows(top(found, most))
    for row in rows:
        row["categories"] = [[category_name(code, lang), number] for code, number in row["categories"]]
    check = None if forecast is None else {
        "hit_rate": float(forecast.hit_rate), "area_share": float(forecast.area_share),
        "pai": float(forecast.pai), "issues": int(forecast.issues),
    }  # fmt: skip
    return {"rows": rows, "forecast": check}


def issue_points(
    store: Store,
    city: City,
    wanted: IssueFilter,
    box: tuple[float, float, float, float],
    lang: Lang,
    most: int,
) -> dict[str, Any]:
    """The issues of a box that the filter takes, the latest first."""
    columns = [*WORDS, "found_at", "address"]
    table = store.read("issues", bbox=box, columns=columns)
    chosen = table[wanted.mask(_columns(table, city))] if len(table) else table
    chosen = chosen.sort_values(["found_at", "id"], ascending=[False, True])
    shown = chosen.head(most)
    points = shapely.get_coordinates(shapely.centroid(shown.geometry.to_numpy()))
    rows = [
        {
            "id": row.id, "xy": [round(x, 6), round(y, 6)], "found_at": str(row.found_at)[:16],
            "category": category_name(_plain(row.category), lang),
            "state": _word("state", _plain(row.state), lang),
            "source": _word("source", _plain(row.source), lang),
            "unit": _plain(row.unit), "address": _plain(row.address),
        }
        for row, (x, y) in zip(shown.itertuples(), points.tolist(), strict=True)
    ]  # fmt: skip
    return {"issues": rows, "more": len(chosen) - len(shown)}


def _plain(value: Any) -> str:
    return "" if value is None or pd.isna(value) else str(value)


def _columns(table: gpd.GeoDataFrame, city: City) -> IssueColumns:
    """Rows of the store as the filter reads them."""
    at = shapely.get_coordinates(shapely.centroid(table.geometry.to_numpy()))
    xy = np.column_stack(from_wgs84(at[:, 0], at[:, 1], f"EPSG:{city.issues.crs.to_epsg()}"))
    words = {}
    for column in WORDS:
        codes, known = pd.factorize(table[column].astype(object))
        words[column] = Words(("", *map(str, known)), (codes + 1).astype(np.uint32))
    found = pd.to_datetime(table["found_at"])
    days = (found.dt.tz_localize(None).dt.normalize() - pd.Timestamp(date_of(0))).dt.days
    return IssueColumns(
        city.issues.crs, city.issues.origin, (xy - city.issues.origin).astype(np.float32),
        days.to_numpy().astype(np.uint16), found.dt.hour.to_numpy().astype(np.uint8), words,
    )  # fmt: skip
