"""A rule book as one workbook that an office edits: a sheet per table, and back.

Lists stand under a row of Chinese headings and a row of the program's own names; settings stand in rows
of meaning, name, value and kind. Every text is a text cell, so that ``1-2`` and codes of 15 digits stay
what they are. Reading goes by the program's names alone, through the worker (`forms.py`); nothing is
judged here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter

from .forms import read_sheets
from .rule_tables import COLUMNS, SETTINGS, Places, RuleTables, shipped
from .write import whole, xlsx_cell

SETTING_COLUMNS = ("meaning", "key", "value", "kind")
ABOUT = 8
"""Lines of the first sheet."""
Words = Callable[[str], str]
"""The text of a code: ``about.1``, ``sheet.units``, ``column.zh``, ``meaning.cards.near_m``."""

_GREY = PatternFill("solid", fgColor="FFE8E8E8")
_WIDE = {"zh", "en", "aliases", "scope", "key", "value", "meaning", "windows", "digital_city"}
_ABOUT_WIDTH = 100
_YES_NO = {"yes": True, "no": False, "是": True, "否": False}
_SETTING_KEYS = ("key", "value")
_ABOUT_SHEET = "about"
_HEADING_AMONG = 10
_SPLIT = re.compile(r"\s*[;；\n]\s*")
_WHOLE = re.compile(r"[+-]?\d{1,400}")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


# -- writing -----------------------------------------------------------------------------------------


def write(path: Path, tables: RuleTables, words: Words) -> None:
    """Write a rule book as a workbook.

    Raises
    ------
    LayerError
        If it cannot be written.
    """
    with whole(path) as temporary:
        book = Workbook(write_only=True)
        about = book.create_sheet(f"{_ABOUT_SHEET} {words('sheet.about')}"[:31])
        about.column_dimensions["A"].width = _ABOUT_WIDTH
        for line in range(1, ABOUT + 1):
            sentence = words(f"about.{line}")
            cell = _text(about, sentence)
            cell.alignment = Alignment(vertical="top", wrap_text=True)
            about.row_dimensions[line].height = 16 * -(-2 * len(sentence) // _ABOUT_WIDTH)
            about.append([cell])
        for name, columns in COLUMNS.items():
            rows = ([row.get(column, "") for column in columns] for row in tables[name])
            _write_sheet(book, name, columns, rows, words)
        for name in SETTINGS:
            settings = (
                (_meaning(name, setting[0], words), *setting) for setting in settings_of(tables[name])
            )
            _write_sheet(book, name, SETTING_COLUMNS, settings, words)
        book.save(temporary)


def _write_sheet(
    book: Workbook, name: str, columns: Sequence[str], rows: Iterator[Sequence[Any]], words: Words
) -> None:
    sheet = book.create_sheet(f"{name} {words(f'sheet.{name}')}"[:31])
    sheet.freeze_panes = "A3"
    for number, column in enumerate(columns, 1):
        sheet.column_dimensions[get_column_letter(number)].width = 44 if column in _WIDE else 16
    headings = [_text(sheet, words(f"column.{column}")) for column in columns]
    names = [_text(sheet, column) for column in columns]
    for cell in headings:
        cell.font, cell.fill = Font(bold=True), _GREY
    for cell in names:
        cell.font, cell.fill = Font(color="FF707070"), _GREY
    sheet.append(headings)
    sheet.append(names)
    for row in rows:
        sheet.append([_text(sheet, value) if isinstance(value, str) else value for value in row])


def _text(sheet: Any, value: str) -> WriteOnlyCell:
    cell: WriteOnlyCell = xlsx_cell(sheet, value)
    cell.number_format = "@"  # what is typed over it stays text too
    return cell


def _meaning(table: str, key: str, words: Words) -> str:
    return words(f"meaning.{table}.{_general(key)}")


# -- settings as rows and back -------------------------------------------------------------------------


def settings_of(told: Mapping[str, Any], under: str = "") -> Iterator[tuple[str, Any, str]]:
    """Settings as rows of (key, value, kind); `settings_from` is the way back.

    Keys of tables in tables are joined by dots; the tables of a list are numbered from 1 on. A list of
    lists makes one row of each.
    """
    for name, value in told.items():
        key = f"{under}{name}"
        if not re.fullmatch(r"\w+", name) or name.isdecimal():
            yield key, json.dumps(value, ensure_ascii=False), "json"
        elif isinstance(value, Mapping) and value and all(map(_plain_name, value)):
            yield from settings_of(value, f"{key}.")
        elif isinstance(value, list) and value and all(_is_table(one) for one in value):
            for number, one in enumerate(value, 1):
                yield from settings_of(one, f"{key}.{number}.")
        elif isinstance(value, list) and value and all(_are_texts(one) and one for one in value):
            yield from ((key, "; ".join(one), "rows") for one in value)
        else:
            yield (key, *_leaf(value))


def settings_from(rows: Sequence[tuple[str, Any, str]]) -> dict[str, Any]:
    """The settings that rows tell; a value that is not of its kind stays text, for the checks to find."""
    told = _Table()
    for key, value, kind in rows:
        *parents, name = key.split(".")
        node: Any = told
        for parent in parents:
            node = node.setdefault(parent, _Table()) if isinstance(node, _Table) else None
        if not isinstance(node, _Table):
            continue
        read = _read(value, kind)
        if kind == "rows":
            held = node.setdefault(name, [])
            if isinstance(held, list) and value != "":
                held.append(read)
        elif name in node:  # a setting that stands twice is none that a check takes
            node[name] = [node[name], read]
        else:
            node[name] = read
    return {name: _with_lists(value) for name, value in told.items()}


class _Table(dict[str, Any]):
    """A table that keys with dots make, in distinction from a value that is a mapping."""


def _with_lists(value: Any) -> Any:
    """Tables that are numbered as a list."""
    if not isinstance(value, _Table):
        return value
    whole_ = {name: _with_lists(one) for name, one in value.items()}
    if whole_ and all(name.isdecimal() for name in whole_):
        return [whole_[name] for name in sorted(whole_, key=int)]
    return whole_


def _plain_name(name: str) -> bool:
    return re.fullmatch(r"\w+", name) is not None and not name.isdecimal()


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping) and bool(value) and all(map(_plain_name, value))


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(one, str) and one and not _SPLIT.search(one) and one == one.strip() for one in value
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _leaf(value: Any) -> tuple[Any, str]:
    """A value and its kind."""
    if isinstance(value, bool):
        found: tuple[Any, str] = "yes" if value else "no", "yes_no"
    elif _is_number(value) and abs(value) < 1e15:
        found = value, "number"
    elif isinstance(value, str) and value == value.strip() and "\r" not in value:
        found = value, "text"
    elif isinstance(value, Mapping) and not value:
        found = "", "table"
    elif isinstance(value, list) and value and all(map(_is_number, value)):
        found = "; ".join(map(str, value)), "numbers"
    elif _are_texts(value):
        found = "; ".join(value), "list"
    else:
        found = json.dumps(value, ensure_ascii=False), "json"
    return found


def _read(value: Any, kind: str) -> Any:
    """A value of a kind; the cell itself where it is none."""
    told = value.strip() if isinstance(value, str) else value
    read: Any = str(told)
    if kind == "number":
        read = _number(told)
    elif kind == "yes_no":
        read = _YES_NO.get(str(told).lower(), told)
    elif kind in ("list", "rows", "numbers"):
        parts = [part for part in _SPLIT.split(str(told)) if part]
        read = [_number(part) for part in parts] if kind == "numbers" else parts
    elif kind == "table":
        read = {}
    elif kind == "json":
        with suppress(ValueError):
            read = json.loads(str(told))
    return read


def _number(told: Any) -> Any:
    if isinstance(told, float) and told.is_integer():
        return int(told)
    if not isinstance(told, str):
        return told
    if _WHOLE.fullmatch(told):
        return int(told)
    return float(told) if _NUMBER.fullmatch(told) else told


# -- reading -----------------------------------------------------------------------------------------


def read(file: Path) -> tuple[RuleTables, Places]:
    """The tables of a workbook and where they stand in it.

    Raises
    ------
    LayerError
        As when any foreign workbook is read.
    """
    tables: RuleTables = {}
    rows: dict[str, list[str]] = {}
    keys: dict[str, dict[str, str]] = {}
    names: dict[str, str] = {}
    ignored = []
    for sheet, grid in read_sheets(file).items():
        table = sheet.split()[0] if sheet.split() else ""
        if table not in (*COLUMNS, *SETTINGS) or table in names:
            ignored += [] if table == _ABOUT_SHEET else [sheet]
            continue
        names[table] = sheet
        columns = COLUMNS.get(table, _SETTING_KEYS)
        records = list(_records(grid, columns))
        if table in COLUMNS:
            tables[table] = [_in_english(row) for _, row in records]
            rows[table] = [str(number) for number, _ in records]
            continue
        told = [(str(row["key"]), row.get("value", ""), str(row.get("kind", ""))) for _, row in records]
        tables[table] = settings_from(
            [(key, value, kind or _kind_of(table, key)) for key, value, kind in told if key]
        )
        keys[table] = {}
        for (number, _), (key, _, _) in zip(records, told, strict=True):
            keys[table].setdefault(key, str(number))
    return tables, Places(rows=rows, keys=keys, sheets=names, ignored=tuple(ignored))


def _in_english(row: dict[str, Any]) -> dict[str, Any]:
    """是 and 否 are yes and no."""
    if row.get("strict") in _YES_NO:
        return {**row, "strict": "yes" if _YES_NO[row["strict"]] else "no"}
    return row


def _kind_of(table: str, key: str) -> str:
    """The kind of a setting whose row does not say it: that of the program's own rules, else text."""
    return _kinds().get((table, _general(key)), "text")


@cache
def _kinds() -> dict[tuple[str, str], str]:
    return {
        (table, _general(key)): kind for table in SETTINGS for key, _, kind in settings_of(shipped()[table])
    }


def _general(key: str) -> str:
    """A key without the numbers of its tables."""
    return re.sub(r"[.][0-9]+(?=[.]|$)", "", key)


def _records(grid: list[list[Any]], columns: Sequence[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Rows under the row of the program's names, with their numbers; empty ones are none."""
    named = [[str(_told(cell)) for cell in row] for row in grid[:_HEADING_AMONG]]
    fits = [len({*columns} & {*row}) if columns[0] in row else 0 for row in named]
    if 2 * max(fits, default=0) < len(columns):
        return
    top = fits.index(max(fits))
    names = named[top]
    for at, row in enumerate(grid[top + 1 :], top + 2):
        cells = [_told(cell) for cell in row]
        if any(cell != "" for cell in cells):
            record: dict[str, Any] = dict.fromkeys(filter(None, names), "")
            for column, (name, cell) in enumerate(zip_longest(names, cells, fillvalue=""), 1):
                if name or cell != "":
                    record[name or f"({get_column_letter(column)})"] = (
                        str(cell) if columns[0] != "key" else cell
                    )
            yield at, record


def _told(cell: Any) -> Any:
    """A cell as it is written: text trimmed, days as ISO 8601, times to the minute, other numbers kept."""
    if isinstance(cell, Mapping):
        return re.sub(r"(?<=:\d\d):00$", "", str(cell["at"]).removesuffix("T00:00:00"))
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, str):
        return cell.strip()
    return int(cell) if isinstance(cell, float) and cell.is_integer() else cell
