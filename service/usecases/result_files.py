"""Result sheets out and in: the workbook of a mission, its filled-in copy, and the rows refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pandas as pd

from geo.errors import LayerError
from layers.cells import text_of
from layers.faults import Fault
from layers.forms import read_sheets, value_in
from layers.missions import Mission, Result
from layers.refused_rows import write_refused
from layers.store import Store
from layers.write import whole, write_csv

from .. import clock, result_sheets
from ..i18n import Lang, fault_text, text
from . import missions, results
from .result_rows import Form, form_of, read_rows
from .results import ResultsReport


def write_sheet(
    store: Store, name: str, out: Path, *, lang: Lang, who: str, now: datetime, filled: bool = False
) -> None:
    """Write the result sheet of a mission, blank or with what was taken so far.

    Who asks for that of an unannounced mission is written down, and stands on every page.

    Raises
    ------
    ZhoubianError
        As `missions.of`; if the file cannot be written.
    """
    if out.suffix.lower() != ".xlsx":
        raise LayerError(
            f"{out.name}: a result sheet is a workbook, write it as .xlsx", code="sheet_ending", file=out.name
        )
    mission = missions.of(store, name, now=now, who=who, what="results" if filled else "sheet")
    told = result_sheets.workbook(
        mission, missions.rules_of(store, mission), lang, stated=_stated(mission, who, now),
        results=results.results_of(store, name) if filled else (),
        watermark=watermark(mission, lang, who=who, now=now),
    )  # fmt: skip
    with whole(out) as temporary:
        temporary.write_bytes(told)


def watermark(mission: Mission, lang: Lang, *, who: str, now: datetime) -> str | None:
    """Who exported the list of an unannounced mission, and when; None for other missions."""
    if mission.kind != "unannounced":
        return None
    return text("mission.watermark", lang, who=who, at=clock.minute(now))


def _stated(mission: Mission, who: str, now: datetime) -> dict[str, str]:
    return {
        "mission": mission.name, "rules": mission.rules, "sites": missions.fingerprint(mission),
        "written_at": now.isoformat(), "by": who,
    }  # fmt: skip


def write_results(
    store: Store, name: str, out: Path, *, site: str | None = None, lang: Lang, who: str, now: datetime
) -> None:
    """The results of a mission as a workbook that can be corrected and taken again, or as .csv.

    Raises
    ------
    LayerError
        `results_none`, `results_out`.
    """
    if not results.results_of(store, name, site=site):
        raise LayerError(
            f"the mission {name!r} has no results yet; take them in with zhoubian results take",
            code="results_none", name=name,
        )  # fmt: skip
    ending = out.suffix.lower()
    if ending == ".xlsx" and site is None:
        write_sheet(store, name, out, lang=lang, who=who, now=now, filled=True)
    elif ending == ".csv":
        mission = missions.of(store, name, now=now, who=who, what="results")
        write_csv(_table(mission, results.results_of(store, name, site=site), lang, who=who, now=now), out)
    else:
        raise LayerError(
            f"{out.name}: results are written as .xlsx or .csv, those of one site as .csv; change the ending",
            code="results_out", file=out.name,
        )  # fmt: skip


def _table(mission: Mission, held: Sequence[Result], lang: Lang, *, who: str, now: datetime) -> pd.DataFrame:
    names = {site["id"]: site["name"] for site in mission.sites}
    yes = text("results.flag.yes", lang)
    rows = [
        {
            "mission": one.mission, "site": one.site, "name": names[one.site], "item": one.item,
            "verdict": text(f"results.verdict.{one.verdict}", lang),
            "cases": str(one.cases) if one.verdict == "no" else None,
            "inside_lines": yes if one.inside_lines else None,
            "fixed_on_site": yes if one.fixed_on_site else None, "note": one.note,
            "photos": "; ".join(one.photos) or None, "at": clock.minute(one.at),
        }
        for one in held
    ]  # fmt: skip
    if (sign := watermark(mission, lang, who=who, now=now)) is not None:
        rows = [{**row, "watermark": sign} for row in rows]
    table = pd.DataFrame(rows)
    return table.rename(columns={name: text(f"results.head.{name}", lang) for name in table.columns})


# -- taking ----------------------------------------------------------------------------------------


def read_form(file: Path, *, encoding: str | None = None) -> Form:
    """A filled-in result sheet, read in a process of its own.

    Raises
    ------
    LayerError
        If the file cannot be read, or is no result sheet (`results_headings`).
    """
    return form_of(file.name, read_sheets(file, encoding=encoding))


def take_file(
    store: Store,
    mission: str,
    file: Path,
    *,
    who: str,
    now: datetime,
    photos: Path | None = None,
    dry_run: bool = False,
    refused: Path | None = None,
    lang: Lang = "zh",
    encoding: str | None = None,
) -> ResultsReport:
    """Take a filled-in result sheet: all of it or, where anything is wrong, nothing.

    Parameters
    ----------
    photos : Path, optional
        The folder in which the photos lie that the sheet names.
    refused : Path, optional
        A workbook for the refused rows, with the reasons, in `lang`.
    encoding : str, optional
        Of a text table; by default it is found out.

    Raises
    ------
    LayerError
        If the file as a whole cannot be taken: `results_headings`, `results_shifted`,
        `results_other_mission`, `results_other_rules`, `results_empty`, `photos_folder`.
    ZhoubianError
        As `results.take_results`.
    """
    found = missions.stored(store, mission, now=now)
    names = None if photos is None else _photo_names(photos)
    form = read_form(file, encoding=encoding)
    _require_same_mission(form, found)
    book = missions.rules_of(store, found)
    items = {item.code: item.site_type for listed in book.items.values() for item in listed}
    rows, faults, blank = read_rows(form, found, items)
    if not rows and not faults:
        raise LayerError(
            f"{form.file}: nothing is filled in; write 符合, 不符合, 不适用 or 未查看 in the column 结果",
            code="results_empty", file=form.file,
        )  # fmt: skip
    sheet = form.sheets[0]
    report = results.take_results(
        store, mission, rows, who=who, now=now, photos=names, dry_run=dry_run, faults=faults,
        headings={name: sheet.heading(name) for name in sheet.at},
    )  # fmt: skip
    if refused is not None and report.faults:
        _write_refused(form, report.faults, refused, lang)
    stale = form.stated.get("sites", missions.fingerprint(found)) != missions.fingerprint(found)
    return ResultsReport(**{**vars(report), "blank": blank, "stale": stale})


def _photo_names(folder: Path) -> set[str]:
    if not folder.is_dir():
        raise LayerError(
            f"there is no folder of photos {folder}; check the name", code="photos_folder", folder=str(folder)
        )
    return {entry.name for entry in folder.iterdir() if entry.is_file()}


def _require_same_mission(form: Form, mission: Mission) -> None:
    """LayerError for a sheet that was written for another mission, or by other rules."""
    named = (text_of(sheet.value(cells, "mission")) for sheet in form.sheets for _, cells in sheet.rows)
    told = {name for name in named if name is not None}
    stated = form.stated.get("mission")
    others = told - {mission.name}
    given = stated if stated not in (None, mission.name) else None
    if given is None and len(others) == 1 and mission.name not in told:
        given = next(iter(others))
    if given is not None:
        raise LayerError(
            f"{form.file} is a result sheet of the mission {given!r}, not of {mission.name!r}; say --mission"
            f" {given}, or take the sheet of {mission.name}. Nothing was taken",
            code="results_other_mission", file=form.file, given=given, name=mission.name,
        )  # fmt: skip
    rules = form.stated.get("rules", mission.rules)
    if rules != mission.rules:
        raise LayerError(
            f"{form.file} was written by the rules {rules}, the mission {mission.name!r} goes by"
            f" {mission.rules}; write the sheet anew with zhoubian mission sheet {mission.name}. Nothing was"
            " taken",
            code="results_other_rules", file=form.file, given=rules, name=mission.name, rules=mission.rules,
        )  # fmt: skip


def _write_refused(form: Form, faults: Sequence[Fault], out: Path, lang: Lang) -> None:
    """The refused rows as they stand in the file, with all reasons of each in front."""
    reasons: dict[str, list[str]] = {}
    for fault in faults:
        reasons.setdefault(fault.row, []).append(f"{fault.column} {fault.value} {fault_text(fault, lang)}")
    first = form.sheets[0]
    rows = [
        ("; ".join(reasons[row]), row, [value_in(cell) for cell in sheet.in_order(cells, first)])
        for sheet in form.sheets
        for row, cells in sheet.rows
        if row in reasons
    ]
    write_refused(
        out, text("results.refused_title", lang, file=form.file, count=len(rows)),
        (text("results.reason", lang), text("results.row", lang)), first.headings, rows,
    )  # fmt: skip
