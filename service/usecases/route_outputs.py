"""A plan of the store as files: for maps, GPS receivers, Excel and WPS, calendars and paper."""

from __future__ import annotations

from pathlib import Path

from layers import write
from layers.store import Store

from ..i18n import Lang
from ..route_files import Written
from ..route_files import write_all as write_files
from ..route_sheets import sheets
from . import exports, routes


def write_all(store: Store, name: str, folder: Path, lang: Lang) -> Written:
    """Every file of a plan into a folder.

    Raises
    ------
    LayerError
        If the folder or a file cannot be written.
    """
    record, roads, source = routes.plan_data(store, name)
    return write_files(record, folder, lang, roads=roads, source=source)


def write_sheet(store: Store, name: str, team: str | None, out: Path, lang: Lang) -> None:
    """The sheet of a team (None: of all, one behind the other) as one HTML file for printing.

    Raises
    ------
    LayerError
        `out_ending` for another ending than .html, or if the file cannot be written.
    NotFoundError
        `plan_team_unknown`.
    """
    exports.ending_of(out, (".html",))
    exports.refuse_store(store, out)
    record, roads, source = routes.plan_data(store, name)
    chosen = None if team is None else [routes.team_row(record["teams"], team)]
    page = sheets(record, roads, lang, source=source, teams=chosen)
    with write.whole(out) as temporary:
        temporary.write_text(page, encoding="utf-8")
