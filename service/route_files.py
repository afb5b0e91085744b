"""A plan as files: for maps, for GPS receivers, for Excel and WPS, for calendars, for paper.

Every file says that it is internal, gives the arrival that the plan gives, and says so when travel
was only estimated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd

from geo.errors import LayerError, ZhoubianError
from layers.write import whole

from .i18n import Lang
from .route_calendar import calendar
from .route_geojson import geojson
from .route_gpx import gpx
from .route_kml import kml
from .route_sheets import sheets
from .route_workbook import workbook


@dataclass(frozen=True)
class Kind:
    """A kind of file: its media type, and what makes it of a plan."""

    media: str
    make: Callable[[Mapping[str, Any], Lang], bytes]


KINDS: dict[str, Kind] = {
    "geojson": Kind("application/geo+json", geojson),
    "gpx": Kind("application/gpx+xml", gpx),
    "kml": Kind("application/vnd.google-earth.kml+xml", kml),
    "xlsx": Kind("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", workbook),
    "ics": Kind("text/calendar; charset=utf-8", calendar),
}
"""By ending."""


@dataclass(frozen=True)
class Written:
    """What was written, and why something was not.

    Parameters
    ----------
    files : list of Path
    refused : list of ZhoubianError
        One per file that this plan cannot give, such as a calendar of a plan without a date.
    """

    files: list[Path]
    refused: list[ZhoubianError]


def write_all(
    record: Mapping[str, Any],
    folder: Path,
    lang: Lang,
    *,
    roads: gpd.GeoDataFrame | None = None,
    source: str = "",
) -> Written:
    """Every file of a plan into a folder, which is made if it is not there.

    Parameters
    ----------
    record : mapping
        A plan (``zhoubian-plan/1``).
    roads, source
        The road layer and whose data it is, for the sheets.

    Raises
    ------
    LayerError
        If the folder or a file cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise LayerError(
            f"{folder.name} cannot be written ({fault.strerror}); close it elsewhere, free space"
            " or choose another folder",
            code="out_not_written", file=folder.name, detail=str(fault.strerror),
        ) from fault  # fmt: skip
    written = Written([], [])
    for ending, kind in KINDS.items():
        try:
            content = kind.make(record, lang)
        except ZhoubianError as fault:
            written.refused.append(fault)
        else:
            written.files.append(_write(folder / f"routes.{ending}", content))
    for index, team in enumerate(record["teams"]):
        page = sheets(record, roads, lang, source=source, teams=[index])
        written.files.append(_write(folder / f"sheet-{team['id']}.html", page.encode()))
    return written


def _write(path: Path, content: bytes) -> Path:
    with whole(path) as temporary:
        temporary.write_bytes(content)
    return path
