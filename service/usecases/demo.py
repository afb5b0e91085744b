"""The sample city from its office files to a drawn, mapped and exported mock inspection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from geo.design import Design
from geo.errors import LayerError
from layers.resources import data_path
from layers.store import Store

from ..i18n import Lang
from . import bulletins, draws, exports, imports, route_outputs, routes, sample_year
from .route_teams import TeamsWanted

NAME = "demo"
SEED = "2026-11-20 双色球 07 11 23 27 30 31 + 05"
TEAMS = TeamsWanted(3, mode="bike")
FILES: tuple[tuple[str, str, Mapping[str, Any]], ...] = (
    ("道路.gpkg", "roads", {}),
    ("点位.xlsx", "anchors", {"datum": "wgs84"}),
    ("背街小巷.zip", "back_alleys", {}),
    ("居民小区.geojson", "compounds", {}),
    ("公厕_GCJ02.csv", "toilets", {"datum": "gcj02"}),
    ("区划网格.zip", "areas", {}),
    ("问题台账.xlsx", "issues", {"datum": "wgs84"}),
)
"""The files of `data/sample/`, what they are, and what an office would say with them."""


@dataclass(frozen=True)
class Result:
    """The demo's draw, the plan of its routes, and the files written beside the store."""

    name: str
    record: dict[str, Any]
    rows: list[dict[str, Any]]
    plan: dict[str, Any]
    files: list[Path]


def store_path(folder: Path) -> Path:
    """Where the demo keeps its store."""
    return folder / "zhoubian.db"


def missing(folder: Path) -> list[tuple[Path, str, Mapping[str, Any]]]:
    """The sample files that the demo's store does not hold yet: none on a second call."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LayerError(
            f"the folder {folder} cannot be made ({error.strerror}); choose another --folder",
            code="demo_folder", folder=str(folder), detail=str(error.strerror),
        ) from error  # fmt: skip
    held: set[tuple[str, str]] = set()
    if store_path(folder).exists():
        with Store.open(store_path(folder), create=False) as store:
            held = {(b.source, b.kind) for b in store.batches() if b.undone_at is None}
    return [
        (data_path("sample", name), kind, options)
        for name, kind, options in FILES
        if (name, kind) not in held
    ]


def take_in(
    folder: Path,
    file: Path,
    kind: str,
    options: Mapping[str, Any],
    *,
    now: datetime,
    progress: imports.Progress | None = None,
) -> imports.ImportReport:
    """Import one sample file the way a user would."""
    report = imports.run(
        store_path(folder), file, imports.Options(kind, **options), now=now, progress=progress
    )
    if report.total("accepted") == 0:
        raise LayerError(
            f"{file.name}: the sample file was not taken in", code="sample_broken", file=file.name
        )
    return report


def year_missing(folder: Path) -> bool:
    """Whether the city has still to play its year: not on a second call."""
    with Store.open(store_path(folder), create=False) as store:
        return not sample_year.played(store)


def play_year(folder: Path, *, progress: imports.Progress | None = None) -> sample_year.Year:
    """Missions every two weeks, what they found, and how it ended."""
    with Store.open(store_path(folder), create=False) as store:
        return sample_year.play(store, progress=progress)


def _bulletin(store: Store, folder: Path, lang: Lang) -> list[Path]:
    """The last bulletin of the year, with its register and maps."""
    every = sample_year.periods_of(store)
    of_the_year = [period for period in every if period.last.year == every[-1].last.year]
    made = bulletins.write(
        store, every[-1], folder / "bulletin.docx", lang, now=sample_year.END, number=len(of_the_year)
    )
    return [made.document, made.register, *made.maps]


def finish(folder: Path, lang: Lang, *, now: datetime) -> Result:
    """Draw with the stated defaults, plan three teams on bicycles, and write the files beside the store."""
    with Store.open(store_path(folder), create=False) as store:
        if NAME not in {heading.name for heading in store.draws()}:
            draws.run(store, Design(), now=now, seed=SEED, name=NAME)
        record = draws.record_of(store, NAME)
        files = [folder / f"{NAME}.{ending}" for ending in ("html", "xlsx", "json", "gpkg")]
        exports.map_file(store, NAME, files[0], lang)
        for file in files[1:]:
            exports.export(store, NAME, file)
        if NAME not in {heading.name for heading in store.plans()}:
            wanted = routes.Wanted(
                NAME, teams=TEAMS, iterations=300, seconds=None, name=NAME, date=now.date()
            )
            routes.begin(store, wanted, now=now)
            routes.improve(store, NAME, now=lambda: now)
        files += _bulletin(store, folder, lang)
        files += route_outputs.write_all(store, NAME, folder / "routes", lang).files
        return Result(NAME, record, draws.table(store, record), routes.record_of(store, NAME), files)
