"""The map of response times as one file: how quickly litter went where, as a Folium map without a network."""

from __future__ import annotations

from typing import Any

import geopandas as gpd

from .coverage_features import coverage_ground
from .i18n import Lang, text
from .maps import inlined, json_block, map_parts, map_texts, templates
from .usecases.figure_files import percent, span
from .usecases.response_times import Responses, ResponseTimes

COLUMNS = ("issues", "late", "share", "median", "p90")


def response_file(told: ResponseTimes, roads: gpd.GeoDataFrame, lang: Lang, *, attribution: str) -> str:
    """The map as an HTML file; names of the data stand in a JSON block and are written as text."""
    ground = coverage_ground(roads, attribution)
    if len(told.issues):
        ground = {**ground, "bounds": [round(float(edge), 6) for edge in told.issues.total_bounds]}
    heads = [text(f"figures.by.{told.by}", lang)]
    heads += [text(f"figures.response.{name}", lang) for name in COLUMNS]
    data = {"ground": ground, "issues": _points(told.issues), "texts": map_texts(lang)}
    return templates().get_template("response_file.html").render(
        lang=lang,
        t=lambda code: text(f"web.{code}", lang),
        title=text("figures.response_page", lang),
        lines=lines(told, lang),
        heads=heads,
        rows=[
            _cells(text("figures.total", lang), told.total),
            *(_cells(one.key or text("figures.unknown", lang), one) for one in told.groups),
        ],
        map_element=map_parts("response_file", lang).element,
        file={**inlined("response_file", lang), "data": json_block(data)},
    )  # fmt: skip


def lines(told: ResponseTimes, lang: Lang) -> list[tuple[str, str]]:
    """What the map was made from."""
    limits = [
        text("figures.limit", lang, category=code, minutes=minutes) for code, minutes in told.limits.items()
    ]
    return [
        (text("figures.response_limit", lang), ", ".join(limits)),
        (text("figures.response_period", lang), span(told, lang)),
        (text("figures.response_cut", lang), f"{told.cut:%Y-%m-%d %H:%M}"),
        (text("figures.response_means", lang), text("figures.response_meaning", lang)),
    ]


def _points(issues: gpd.GeoDataFrame) -> list[dict[str, Any]]:
    """The issues, those in time first, so that the late ones lie on top."""
    order = {"yes": 0, "undecided": 1, "no": 2}
    minutes, streets = (
        issues[name].astype(object).where(issues[name].notna(), None) for name in ("minutes", "street")
    )
    rows = zip(
        issues["issue"], issues["in_time"], minutes, issues["found_at"], streets,
        issues.geometry.x.round(6), issues.geometry.y.round(6), strict=True,
    )  # fmt: skip
    told = [
        {
            "issue": issue, "in_time": verdict, "minutes": took,
            "found": f"{found:%Y-%m-%d %H:%M}", "street": street or "", "xy": [x, y],
        }
        for issue, verdict, took, found, street, x, y in rows
    ]  # fmt: skip
    return sorted(told, key=lambda one: order[str(one["in_time"])])


def _cells(name: str, one: Responses) -> list[str]:
    times = ("—" if value is None else f"{value:.1f}" for value in (one.median, one.p90))
    return [name, str(one.issues), str(one.late), percent(one.share), *times]
