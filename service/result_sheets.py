"""The result sheet of a mission: a row per site and item, to print, to fill in and to take back.

What is typed comes back through `service/usecases/result_rows.py`, which finds every column by its
heading. Ids are text cells, so that ``1-2`` stays ``1-2`` and fifteen digits stay fifteen. A hidden
sheet says which mission and which rules the sheet is for.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from layers.missions import VERDICTS, Mission, Result
from layers.write import printable

from . import issue_words
from .clock import SHANGHAI, minute
from .i18n import Lang, text
from .supervision.rulebook import RuleBook

FORM = "zhoubian-results/1"
"""The first cell of the hidden sheet."""
HIDDEN = "zhoubian"
COLUMNS = {
    "mission": 10, "site": 13, "name": 20, "type": 11, "item": 15, "words": 34, "before": 10, "verdict": 9,
    "cases": 6, "inside_lines": 8, "fixed_on_site": 9, "note": 22, "photos": 16, "at": 16,
}  # fmt: skip
"""Columns and how wide they are; `before` only for a mission that looks back."""
_GIVEN = ("mission", "site", "name", "type", "item", "words", "before")
"""What nobody fills in."""
_TEXTS = (*_GIVEN, "note", "photos")
_FLAGS = ("inside_lines", "fixed_on_site")
_A4 = 9
_LINE = 17.0
"""Points of a line: room to write by hand."""
_HEAD = PatternFill("solid", fgColor="E8EDF3")
_FILLED_IN = PatternFill("solid", fgColor="FFFBEA")
_WRAPPED = Alignment(wrap_text=True, vertical="top")
_THIN, _THICK = Side(style="thin", color="9AA3B0"), Side(style="medium", color="4A5464")


def workbook(
    mission: Mission,
    book: RuleBook,
    lang: Lang,
    *,
    stated: Mapping[str, str],
    results: Sequence[Result] = (),
    watermark: str | None = None,
) -> bytes:
    """The file as .xlsx: a sheet per team, one where there are no teams.

    Parameters
    ----------
    stated : mapping
        What the hidden sheet says, so that the file can be known again.
    results : sequence of Result
        What is filled in already.
    watermark : str, optional
        Who wrote the sheet and when, on every page.
    """
    file = Workbook(write_only=True)
    known = {(one.site, one.item): one for one in results}
    for title, sites in _parts(mission, lang):
        sheet = _sheet(file, title, mission, lang, watermark)
        _fill(sheet, mission, sites, book, known, lang, watermark)
    hidden = file.create_sheet(HIDDEN)
    hidden.sheet_state = "hidden"
    hidden.append([_text(hidden, FORM)])
    for key, value in stated.items():
        hidden.append([_text(hidden, key), _text(hidden, value)])
    made = io.BytesIO()
    file.save(made)
    return made.getvalue()


def _parts(mission: Mission, lang: Lang) -> list[tuple[str, list[dict[str, Any]]]]:
    teams = sorted({site["team"] for site in mission.sites if site["team"] is not None})
    if not teams:
        return [(text("results.sheet", lang), mission.sites)]
    parts = [
        (text("results.sheet_team", lang, team=team), [one for one in mission.sites if one["team"] == team])
        for team in teams
    ]
    left = [one for one in mission.sites if one["team"] is None]
    return [*parts, (text("results.sheet_no_team", lang), left)] if left else parts


def _sheet(file: Any, title: str, mission: Mission, lang: Lang, watermark: str | None) -> Any:
    """An empty sheet that prints on A4 landscape, its headings on every page."""
    sheet = file.create_sheet(title)
    sheet.page_setup.paperSize = _A4
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.page_margins.left = sheet.page_margins.right = 0.4
    sheet.oddHeader.center.text = _sign(watermark or text("plan.internal", lang))
    sheet.oddFooter.left.text = _sign(f"{mission.name} · {title}")
    sheet.oddFooter.right.text = "&P / &N"
    return sheet


def _sign(words: str) -> str:
    """Text of a page header, in which & begins a code."""
    return printable(words)[:200].replace("&", "&&")


def _fill(
    sheet: Any,
    mission: Mission,
    sites: Sequence[Mapping[str, Any]],
    book: RuleBook,
    known: Mapping[tuple[str, str], Result],
    lang: Lang,
    watermark: str | None,
) -> None:
    columns = [name for name in COLUMNS if name != "before" or mission.kind == "lookback"]
    for index, name in enumerate(columns, start=1):
        sheet.column_dimensions[get_column_letter(index)].width = COLUMNS[name]
    titles = [_title(mission, book, lang), text("results.guide", lang), *([watermark] if watermark else [])]
    top = len(titles) + 1
    sheet.freeze_panes = f"{get_column_letter(columns.index('words') + 1)}{top + 1}"
    sheet.print_title_rows = f"{top}:{top}"
    rows = sum(len(book.items.get(site["type"], ())) for site in sites)
    for name, words in _choices(lang).items():
        letter = get_column_letter(columns.index(name) + 1)
        _drop_down(sheet, words, f"{letter}{top + 1}:{letter}{top + max(rows, 1)}")
    for number, title in enumerate(titles):
        sheet.append([_text(sheet, title, font=Font(bold=number == 0, size=14 if number == 0 else 10))])
    head = Border(bottom=_THICK)
    sheet.row_dimensions[top].height = 2 * _LINE
    sheet.append(
        [
            _text(sheet, text(f"results.head.{name}", lang), font=Font(bold=True), fill=_HEAD, border=head,
                  alignment=Alignment(wrap_text=True, vertical="center"))
            for name in columns
        ]
    )  # fmt: skip
    styles: dict[tuple[str, bool], Any] = {}
    for site in sites:
        for number, item in enumerate(book.items.get(site["type"], ())):
            result = known.get((site["id"], item.code))
            values = _values(mission, site, item, book, result, lang)
            top += 1
            sheet.row_dimensions[top].height = _LINE * _lines(values)
            sheet.append([_cell(sheet, name, values[name], number == 0, styles) for name in columns])


def _lines(values: Mapping[str, Any]) -> int:
    """Lines that the longest text of a row takes; a Chinese sign is as wide as two letters."""
    long = [
        sum(2 if ord(sign) > 0x2E7F else 1 for sign in value) / (COLUMNS[name] + 1)
        for name, value in values.items()
        if isinstance(value, str)
    ]
    return max(1, *map(math.ceil, long))


def _title(mission: Mission, book: RuleBook, lang: Lang) -> str:
    return text(
        "results.title", lang, name=mission.name, kind=text(f"mission.kind.{mission.kind}", lang),
        start=minute(mission.starts_at), rules=book.version,
    )  # fmt: skip


def _choices(lang: Lang) -> dict[str, list[str]]:
    """What the drop-down lists offer."""
    flags = [text(f"results.flag.{flag}", lang) for flag in ("yes", "no")]
    return {
        "verdict": [text(f"results.verdict.{verdict}", lang) for verdict in VERDICTS],
        **dict.fromkeys(_FLAGS, flags),
    }


def _drop_down(sheet: Any, words: Sequence[str], cells: str) -> None:
    """Offered, not enforced: whoever ticks with √ may."""
    offered = DataValidation("list", formula1=f'"{",".join(words)}"', allow_blank=True)
    offered.showErrorMessage = False
    offered.add(cells)
    sheet.data_validations.append(offered)


def _values(
    mission: Mission, site: Mapping[str, Any], item: Any, book: RuleBook, result: Result | None, lang: Lang
) -> dict[str, Any]:
    before = text("results.verdict.no", lang) if item.code in site["failed"] else None
    values: dict[str, Any] = {
        "mission": mission.name, "site": site["id"], "name": site["name"] or "",
        "type": issue_words.site_type(book, site["type"], lang),
        "item": item.code, "words": item.zh if lang == "zh" else item.en, "before": before,
        **dict.fromkeys(("verdict", "cases", "inside_lines", "fixed_on_site", "note", "photos", "at")),
    }  # fmt: skip
    if result is not None:
        flags = {name: text("results.flag.yes", lang) if getattr(result, name) else None for name in _FLAGS}
        values |= {
            "verdict": text(f"results.verdict.{result.verdict}", lang), **flags,
            "cases": result.cases if result.verdict == "no" else None, "note": result.note,
            "photos": "; ".join(result.photos) or None,
            "at": result.at.astimezone(SHANGHAI).replace(tzinfo=None),
        }  # fmt: skip
    return values


def _cell(sheet: Any, name: str, value: Any, first: bool, styles: dict[tuple[str, bool], Any]) -> Any:
    """A cell of a column; the first row of a site has a thick line above. Styles are worked out once."""
    is_text = name in _TEXTS or isinstance(value, str)
    cell = WriteOnlyCell(sheet, value=printable(value or "")[:32_767] or None if is_text else value)
    if is_text and cell.value is not None:
        cell.data_type = "s"
    if (name, first) not in styles:
        filled = {"fill": _FILLED_IN} if name not in _GIVEN else {}
        border = Border(top=_THICK if first else _THIN, left=_THIN, right=_THIN, bottom=_THIN)
        _styled(cell, {"border": border, "alignment": _WRAPPED, **filled})
        cell.number_format = "@" if name in _TEXTS else "yyyy-mm-dd hh:mm" if name == "at" else "General"
        styles[name, first] = cell._style
    cell._style = styles[name, first]
    return cell


def _text(sheet: Any, words: str, **style: Any) -> Any:
    """A cell that is text whatever is in it, and stays text when somebody types into it."""
    cell = WriteOnlyCell(sheet, value=printable(words)[:32_767] or None)
    if cell.value is not None:
        cell.data_type = "s"
    cell.number_format = "@"
    return _styled(cell, style)


def _styled(cell: Any, style: Mapping[str, Any]) -> Any:
    for name, value in style.items():
        setattr(cell, name, value)
    return cell
