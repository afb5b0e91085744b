"""Large workbooks in one go: the same rows make the same bytes, a hundred thousand rows in seconds.

`write.write_xlsx` is for small tables. Here the parts of the workbook are written as text: every text is
a shared text cell with the text format, so a grid code of 15 digits, ``1-2`` and ``=1+1`` stay what they
are, also where somebody edits them; moments are moments. No time of writing goes into the file.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np

from .write import printable, whole

_PLAIN, _TEXT, _MOMENT, _PERCENT, _HEAD, _DAY, _POINTS = range(7)
_PIECE = 2_000
_MOST_SIGNS = 32_767
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_DECLARED = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - cells have no zone


@dataclass(frozen=True)
class Sheet:
    """A sheet: its name, and its columns by heading, all of one length.

    Values are text, numbers, True and False, days, moments (local, without a zone) or None. A heading in
    `percents` holds parts of one that are shown in per cent; `widths` are in characters.
    """

    name: str
    columns: Mapping[str, Sequence[Any]]
    percents: frozenset[str] = frozenset()
    widths: Mapping[str, float] = field(default_factory=dict)


def write_workbook(sheets: Sequence[Sheet], path: Path) -> None:
    """Write sheets with a heading that stays and can be filtered by (LayerError as `write.whole`)."""
    shared: dict[str, int] = {}
    with whole(path) as temporary, zipfile.ZipFile(temporary, "w") as file:
        for number, sheet in enumerate(sheets, start=1):
            with file.open(_entry(f"xl/worksheets/sheet{number}.xml"), "w", force_zip64=True) as part:
                for piece in _sheet(sheet, shared):
                    part.write(piece.encode())
        names = [sheet.name[:31] for sheet in sheets]
        for name, body in (
            ("xl/sharedStrings.xml", _shared(shared)),
            ("xl/styles.xml", _STYLES),
            ("xl/workbook.xml", _workbook(names)),
            ("xl/_rels/workbook.xml.rels", _relations(len(names))),
            ("_rels/.rels", _ROOT),
            ("[Content_Types].xml", _types(len(names))),
        ):
            file.writestr(_entry(name), _DECLARED + body)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry._compresslevel = 4  # type: ignore[attr-defined]
    entry.create_system = 0
    return entry


def _sheet(sheet: Sheet, shared: dict[str, int]) -> Iterator[str]:
    headings = list(sheet.columns)
    columns = [column if isinstance(column, list) else list(column) for column in sheet.columns.values()]
    rows = len(columns[0]) if columns else 0
    letters = [_letters(number) for number in range(len(headings))]
    widths = "".join(
        f'<col min="{n}" max="{n}" width="{sheet.widths.get(heading, 14):g}" customWidth="1"/>'
        for n, heading in enumerate(headings, start=1)
    )
    yield (
        f'{_DECLARED}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
        f"<cols>{widths}</cols><sheetData>"
    )
    head = "".join(f'<c s="{_HEAD}" t="s"><v>{_number(heading, shared)}</v></c>' for heading in headings)
    yield f"<row>{head}</row>"
    for first in range(0, rows, _PIECE):
        cells = [
            _cells(column[first : first + _PIECE], heading in sheet.percents, shared)
            for heading, column in zip(headings, columns, strict=True)
        ]
        yield "".join(f"<row>{''.join(row)}</row>" for row in zip(*cells, strict=True))
    last = f"{letters[-1]}{rows + 1}" if letters else "A1"
    yield f'</sheetData><autoFilter ref="A1:{last}"/></worksheet>'


def _cells(values: Sequence[Any], percent: bool, shared: dict[str, int]) -> list[str]:
    """The cells of a piece of a column; a value that is repeated is told once."""
    told: dict[Any, str] = {}
    found = []
    for value in values:
        key = (type(value), value)
        cell = told.get(key)
        if cell is None:
            cell = told[key] = _cell(value, percent, shared)
        found.append(cell)
    return found


def _cell(value: Any, percent: bool, shared: dict[str, int]) -> str:
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return f'<c s="{_TEXT}"/>'
    if isinstance(value, str):
        return f'<c s="{_TEXT}" t="s"><v>{_number(value, shared)}</v></c>'
    if isinstance(value, bool | np.bool_):
        return f'<c t="b"><v>{int(value)}</v></c>'
    if isinstance(value, datetime):
        since = value - _EPOCH
        serial = since.days + since.seconds / 86_400
        return f'<c s="{_MOMENT}"><v>{serial!r}</v></c>'
    if isinstance(value, date):
        return f'<c s="{_DAY}"><v>{(value - _EPOCH.date()).days}</v></c>'
    style = _PERCENT if percent else _POINTS if isinstance(value, float) else _PLAIN
    plain = value.item() if hasattr(value, "item") else value
    return f'<c s="{style}"><v>{plain!r}</v></c>'


def _number(words: str, shared: dict[str, int]) -> int:
    return shared.setdefault(words, len(shared))


def _shared(shared: Mapping[str, int]) -> str:
    told = "".join(
        f'<si><t xml:space="preserve">{escape(printable(words)[:_MOST_SIGNS])}</t></si>' for words in shared
    )
    return f'<sst xmlns="{_MAIN}" uniqueCount="{len(shared)}">{told}</sst>'


def _letters(number: int) -> str:
    """Letters of a column counted from 0: A, B, ..., Z, AA."""
    told = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        told = chr(65 + rest) + told
    return told


_STYLES = (
    f'<styleSheet xmlns="{_MAIN}"><numFmts count="2">'
    '<numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd\\ hh:mm"/>'
    '<numFmt numFmtId="165" formatCode="yyyy\\-mm\\-dd"/></numFmts>'
    '<fonts count="2"><font><sz val="10"/><name val="宋体"/></font>'
    '<font><b/><sz val="10"/><name val="宋体"/></font></fonts>'
    '<fills count="3"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill>'
    '<fill><patternFill patternType="solid"><fgColor rgb="FFE8E8E8"/></patternFill></fill></fills>'
    '<borders count="1"><border/></borders>'
    '<cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="7">'
    '<xf/><xf numFmtId="49" applyNumberFormat="1"/><xf numFmtId="164" applyNumberFormat="1"/>'
    '<xf numFmtId="10" applyNumberFormat="1"/><xf fontId="1" fillId="2" applyFont="1" applyFill="1"/>'
    '<xf numFmtId="165" applyNumberFormat="1"/><xf/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)
_ROOT = (
    f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1"'
    f' Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
)


def _workbook(names: Sequence[str]) -> str:
    told = "".join(
        f'<sheet name="{escape(name, {chr(34): "&quot;"})}" sheetId="{n}" r:id="rId{n}"/>'
        for n, name in enumerate(names, start=1)
    )
    return f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{told}</sheets></workbook>'


def _relations(sheets: int) -> str:
    told = [
        f'<Relationship Id="rId{n}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in range(1, sheets + 1)
    ]
    told += [
        f'<Relationship Id="rId{sheets + n}" Type="{_OFFICE}/{kind}" Target="{name}.xml"/>'
        for n, (kind, name) in enumerate((("styles", "styles"), ("sharedStrings", "sharedStrings")), start=1)
    ]
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{"".join(told)}</Relationships>'


def _types(sheets: int) -> str:
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = [("/xl/workbook.xml", "sheet.main"), ("/xl/styles.xml", "styles"),
             ("/xl/sharedStrings.xml", "sharedStrings")]  # fmt: skip
    parts += [(f"/xl/worksheets/sheet{n}.xml", "worksheet") for n in range(1, sheets + 1)]
    told = "".join(f'<Override PartName="{name}" ContentType="{kind}.{of}+xml"/>' for name, of in parts)
    return (
        f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels"'
        f' ContentType="application/vnd.openxmlformats-package.relationships+xml"/>{told}</Types>'
    )
