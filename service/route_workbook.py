"""A plan as a workbook: an overview, a sheet per team, and what is not visited.

Printed, each sheet fits the width of A4 landscape, repeats its heading row and says in its header
that it is internal. Ids and names are text, never a formula; times are times of Excel.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import time, timedelta
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter

from layers.write import xlsx_cell

from . import navigation, route_words
from .i18n import Lang, text
from .route_days import Day, days, heading, left_out, notices, site_name

_DAY_S = 86_400
_A4 = 9
"""The number of the paper, as Excel counts."""
_HEAD = PatternFill("solid", fgColor="E8EDF3")
_WRAPPED = Alignment(wrap_text=True, vertical="top")
_THIN = Border(bottom=Side(style="thin", color="B8C0CC"))

STOP_COLUMNS = {
    "label": 8, "arrive": 9, "wait": 8, "begin": 9, "leave": 9, "name": 30, "kind": 12, "address": 26,
    "responsible": 20, "metres": 9, "travel": 9, "slack": 9, "late": 8, "remarks": 24, "site": 22,
    "lon": 12, "lat": 11, "amap": 14, "baidu": 14,
}  # fmt: skip
"""Columns of a team's sheet and how wide they are."""
TEAM_COLUMNS = {
    "team": 6, "team_name": 18, "mode": 10, "depart": 9, "back": 9, "stops": 8, "metres": 10, "travel": 9,
    "wait": 9, "service": 9, "work": 9, "over": 9,
}  # fmt: skip
LEFT_COLUMNS = {
    "site": 24, "name": 30, "kind": 14, "address": 30, "priority": 10, "required": 9, "why": 70, "reason": 16,
}  # fmt: skip


def workbook(record: Mapping[str, Any], lang: Lang) -> bytes:
    """The file as .xlsx."""
    book = Workbook(write_only=True)
    titles: set[str] = set()
    plan = days(record, lang)
    _overview(_sheet(book, text("plan.sheet.overview", lang), titles, record, lang), record, plan, lang)
    for day in plan:
        _team(_sheet(book, day.title, titles, record, lang), day, lang)
    _left_out(_sheet(book, text("plan.sheet.not_visited", lang), titles, record, lang), record, lang)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _sheet(book: Any, title: str, titles: set[str], record: Mapping[str, Any], lang: Lang) -> Any:
    """An empty sheet that prints on A4 landscape; its title made fit for Excel and unlike the others."""
    plain = "".join("_" if sign in r"[]:*?/\'" else sign for sign in title)[:28]
    chosen, number = plain, 2
    while chosen.casefold() in titles:
        chosen, number = f"{plain} {number}"[:31], number + 1
    titles.add(chosen.casefold())
    sheet = book.create_sheet(chosen)
    sheet.page_setup.paperSize = _A4
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.oddHeader.center.text = text("plan.internal", lang).replace("&", "&&")
    sheet.oddFooter.left.text = heading(record, lang).replace("&", "&&")
    sheet.oddFooter.right.text = "&P / &N"
    return sheet


def _overview(sheet: Any, record: Mapping[str, Any], plan: Sequence[Day], lang: Lang) -> None:
    _widths(sheet, TEAM_COLUMNS)
    sheet.append([_styled(sheet, heading(record, lang), font=Font(bold=True, size=14))])
    for line in (*notices(record, lang), route_words.totals(record, lang)):
        sheet.append([xlsx_cell(sheet, line)])
    for label, value in route_words.settings(record, lang):
        sheet.append([xlsx_cell(sheet, label), None, xlsx_cell(sheet, value)])
    sheet.append([])
    _heads(sheet, TEAM_COLUMNS, lang)
    for day in plan:
        route = day.route
        sheet.append([
            xlsx_cell(sheet, day.number), xlsx_cell(sheet, day.name),
            xlsx_cell(sheet, text(f"route.mode.{day.team['mode']}", lang)),
            _clock(sheet, route["depart_s"]), _clock(sheet, route["back_s"]), len(route["stops"]),
            _number(sheet, route["metres"], "#,##0"),
            *(_length(sheet, route[f"{name}_s"]) for name in ("travel", "wait", "service", "work", "over")),
        ])  # fmt: skip


def _team(sheet: Any, day: Day, lang: Lang) -> None:
    _widths(sheet, STOP_COLUMNS)
    sheet.freeze_panes = "G2"
    sheet.print_title_rows = "1:1"
    sheet.print_area = f"A1:{get_column_letter(list(STOP_COLUMNS).index('remarks') + 1)}{len(day.calls) + 1}"
    _heads(sheet, STOP_COLUMNS, lang)
    for call in day.calls:
        stop, site, way, origin = call.stop, call.site, day.way_to(call), day.origin(call, lang)
        metres = None if way is None else way["metres"]
        target = navigation.Place(stop["enter"], call.title)
        sheet.append([
            xlsx_cell(sheet, call.label), _clock(sheet, stop["arrive_s"]), _length(sheet, stop["wait_s"]),
            _clock(sheet, stop["begin_s"]), _clock(sheet, stop["leave_s"]),
            _styled(sheet, call.name, alignment=_WRAPPED),
            xlsx_cell(sheet, route_words.kind(site, lang)), xlsx_cell(sheet, call.address or None),
            xlsx_cell(sheet, site["responsible"]), _number(sheet, metres, "#,##0"),
            None if way is None or metres is None else _length(sheet, way["seconds"]),
            _length(sheet, stop["slack_s"]), _length(sheet, stop["late_s"]), None,
            xlsx_cell(sheet, site["id"]), *(_number(sheet, part, "0.000000") for part in stop["enter"]),
            _link(sheet, text("plan.amap", lang), navigation.amap(target, day.team["mode"])),
            None if origin is None
            else _link(sheet, text("plan.baidu", lang), navigation.baidu(origin, target, day.team["mode"])),
        ])  # fmt: skip


def _left_out(sheet: Any, record: Mapping[str, Any], lang: Lang) -> None:
    _widths(sheet, LEFT_COLUMNS)
    sheet.freeze_panes = "A2"
    sheet.print_title_rows = "1:1"
    _heads(sheet, LEFT_COLUMNS, lang)
    for site, one in left_out(record):
        sheet.append([
            *(xlsx_cell(sheet, words) for words in (
                site["id"], site_name(site), route_words.kind(site, lang), site["address"])),
            _number(sheet, site["priority"], "0.00####"),
            xlsx_cell(sheet, text("plan.required", lang) if site["required"] else None),
            _styled(sheet, route_words.reason(one, lang), alignment=_WRAPPED),
            xlsx_cell(sheet, one["reason"]),
        ])  # fmt: skip


def _widths(sheet: Any, columns: Mapping[str, float]) -> None:
    for index, width in enumerate(columns.values(), start=1):
        sheet.column_dimensions[get_column_letter(index)].width = width


def _heads(sheet: Any, columns: Mapping[str, float], lang: Lang) -> None:
    sheet.append([
        _styled(sheet, text(f"plan.head.{name}", lang), font=Font(bold=True), fill=_HEAD, border=_THIN,
                alignment=Alignment(wrap_text=True, vertical="center"))
        for name in columns
    ])  # fmt: skip


def _styled(sheet: Any, words: str, **style: Any) -> Any:
    cell = xlsx_cell(sheet, words)
    for name, value in style.items():
        setattr(cell, name, value)
    return cell


def _clock(sheet: Any, seconds: int) -> Any:
    """A time of the day; one of the day after counts on: 24:10."""
    if seconds < _DAY_S:
        return _number(sheet, time(seconds // 3600, seconds % 3600 // 60, seconds % 60), "hh:mm")
    return _length(sheet, seconds)


def _length(sheet: Any, seconds: int) -> Any:
    """A length of time, which may be longer than a day."""
    return _number(sheet, timedelta(seconds=seconds), "[h]:mm")


def _number(sheet: Any, value: Any, form: str) -> Any:
    cell = WriteOnlyCell(sheet, value=value)
    cell.number_format = form
    return cell


def _link(sheet: Any, words: str, address: str) -> Any:
    return _styled(sheet, words, hyperlink=address, font=Font(color="0055CC", underline="single"))
