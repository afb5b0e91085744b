"""A hamlet with a mission, and its result sheet, for the tests of missions and results.

The mission 第一轮 begins on Wednesday 6 May 2026 at 08:00 and visits the market M1, the school S1, the
alleys B1 and B5 and the compound C1. 东街 is the subdistrict of B1 and C1, 西街 that of B5.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import hamlet
from openpyxl import Workbook, load_workbook

from layers.missions import Mission
from layers.store import Store
from service.usecases import missions, result_files
from service.usecases.result_rows import ResultRow

SHANGHAI = ZoneInfo("Asia/Shanghai")
SITES = ("M1", "S1", "B1", "B5", "C1")
ITEMS = {"M1": 15, "S1": 13, "B1": 14, "B5": 14, "C1": 15}
"""How many items the checklist of each has: domain reference 6.4, 6.6, 6.1, 6.1, 6.2."""
HEAD = 3
"""The row of the headings: a title and a guide stand above."""


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of May 2026."""
    return datetime(2026, 5, day, hour, minute, tzinfo=SHANGHAI)


START, NOW = at(6, 8), at(6, 18)


def copied(template: Path, folder: Path) -> Path:
    """A store of its own for a test."""
    path = folder / f"周边-{template.name}"
    shutil.copy(template, path)
    return path


def made(folder: Path) -> Path:
    """A store with the hamlet and the mission."""
    path = hamlet.stored(folder / "母版.db", issues=False)
    with Store.open(path, create=False) as store:
        create(store)
    return path


def create(store: Store, name: str = "第一轮", sites: tuple[str, ...] = SITES, **more: Any) -> Mission:
    """A mock mission of those sites."""
    return missions.create(
        store, name, "mock", sites=sites, **{"starts_at": START, "now": START, "who": "创城办", **more}
    )


def row(site: str, item: str, verdict: str, cases: int | None = None, **more: Any) -> ResultRow:
    """A row, seen at half past nine unless it says otherwise."""
    return ResultRow(site=site, item=item, verdict=verdict, cases=cases, **{"at": at(6, 9, 30), **more})


def sheet(store: Store, file: Path, name: str = "第一轮", lang: Any = "zh") -> Path:
    """The blank result sheet."""
    result_files.write_sheet(store, name, file, lang=lang, who="创城办", now=START)
    return file


def filled(file: Path, told: dict[tuple[str, str], dict[str, Any]], head: int = HEAD) -> Path:
    """Type into a result sheet, by the words of its headings: {(site, item): {heading: value}}."""
    book = load_workbook(file)
    for page in book.worksheets:
        if page.sheet_state == "hidden":
            continue
        columns = {cell.value: cell.column for cell in page[head]}
        for cells in page.iter_rows(min_row=head + 1):
            key = (cells[columns["点位编号"] - 1].value, cells[columns["项目编号"] - 1].value)
            for heading, value in told.get(key, {}).items():
                cells[columns[heading] - 1].value = value
    book.save(file)
    return file


def grid(file: Path) -> list[list[Any]]:
    """The rows of the first sheet."""
    page = load_workbook(file).worksheets[0]
    return [[cell.value for cell in cells] for cells in page.iter_rows()]


def resaved(file: Path, change: Callable[[list[list[Any]]], list[list[Any]]], target: Path) -> Path:
    """The first sheet alone, its rows changed, as somebody saves it under another name."""
    book = Workbook()
    book.active.title = "Sheet1"
    for cells in change(grid(file)):
        book.active.append(cells)
    book.save(target)
    return target
