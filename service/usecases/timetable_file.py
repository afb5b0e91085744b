"""A work list from a file of the office, read by its headings, all of it or nothing; and back into one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from geo.errors import LayerError
from layers import write
from layers.cells import Refused, text_of, value_of
from layers.columns import plain
from layers.faults import Fault, shorten, storable
from layers.forms import columns_of, read_sheets, value_in
from layers.resources import data_path
from layers.schema import Column, Layer
from layers.store import Store

from ..i18n import Lang, text
from .exports import ending_of, refuse_store
from .timetable import MAX_TEXT, Task, next_number, put, tasks

MOST = 2_000
_TOP = 20
_LAYER = Layer("tasks", "tasks", "工作任务", (), ())
_COLUMNS = {
    "id": Column("id", "text", "id", "编号"),
    "title": Column("title", "text", "title", "任务"),
    "due": Column("due", "datetime", "due", "截止日期"),
    "period": Column("period", "text", "period", "周期"),
    "unit": Column("unit", "text", "unit", "责任单位"),
    "done_at": Column("done_at", "datetime", "done at", "完成日期"),
    "note": Column("note", "text", "note", "备注"),
}

Row = Sequence[Any]


@dataclass(frozen=True)
class TakenTasks:
    """What a file came to. With faults nothing was stored.

    `new`, `changed`, `same`: tasks that were not there, that read otherwise now, that are as they were.
    """

    new: int
    changed: int
    same: int
    faults: tuple[Fault, ...]


def take(store: Store, file: Path, *, year: int | None = None) -> TakenTasks:
    """Take the tasks of a workbook or a text table in; one of a known id is corrected.

    Without ids a row with title and day of a task in the store is that task; what the file does not
    tell of it, such as that it is done, stays.

    Parameters
    ----------
    year : int, optional
        Of dates without one, such as 5月6日.

    Raises
    ------
    LayerError
        The file cannot be read; `tasks_headings`, `tasks_many`.
    """
    at, headings, rows = _table(file.name, read_sheets(file))
    faults: list[Fault] = []
    told = {str(number): _read(at, headings, row, str(number), year, faults) for number, row in rows}
    read = {number: values for number, values in told.items() if values is not None}
    faults += _twice(read, headings, at)
    if faults:
        return TakenTasks(0, 0, 0, tuple(sorted(faults, key=lambda fault: int(fault.row))))
    return _store(store, list(read.values()))


def _table(
    name: str, grids: Mapping[str, Sequence[Row]]
) -> tuple[dict[str, int], list[str], list[tuple[int, Row]]]:
    """Field -> column, the headings, and the rows below them with their numbers: of the first such sheet."""
    for grid in grids.values():
        for top, row in enumerate(grid[:_TOP]):
            at = _headings(row)
            if "title" in at and "due" in at:
                below = [
                    (number, cells)
                    for number, cells in enumerate(grid[top + 1 :], start=top + 2)
                    if any(text_of(value_in(cell)) for cell in cells)
                ]
                if len(below) > MOST:
                    raise LayerError(
                        f"{name}: {len(below)} rows are more than a work list has; give at most {MOST}",
                        code="tasks_many", file=name, count=len(below), most=MOST,
                    )  # fmt: skip
                return at, [text_of(value_in(cell)) or "" for cell in row], below
    raise LayerError(
        f"{name}: no row has the headings of a work list; it needs at least 任务 (task) and 截止日期"
        " (due date)",
        code="tasks_headings", file=name,
    )  # fmt: skip


def _headings(row: Row) -> dict[str, int]:
    return columns_of((text_of(value_in(cell)) for cell in row), _words()["headings"], plain)


def _read(
    at: Mapping[str, int],
    headings: Sequence[str],
    row: Row,
    number: str,
    year: int | None,
    faults: list[Fault],
) -> dict[str, Any] | None:
    """The values of a row by field; whatever is wrong with its cells goes to the faults."""
    told: dict[str, Any] = {}
    before = len(faults)
    for name, place in at.items():
        value = value_in(row[place]) if place < len(row) else None
        try:
            told[name] = _cell(name, value, headings[place], year)
        except Refused as refused:
            faults.append(refused.fault(number))
    for name, code in (("title", "task_without_title"), ("due", "task_without_day")):
        if len(faults) == before and told.get(name) is None:
            faults.append(_missing(number, headings[at[name]], code))
    return None if len(faults) > before else told


def _missing(number: str, heading: str, code: str) -> Fault:
    if code == "task_without_title":
        return Fault(number, heading, "", "task_without_title", "has no title; say what is to be done")
    return Fault(number, heading, "", "task_without_day", "has no day; write when it is due, as 2024-05-06")


def _cell(name: str, value: Any, heading: str, year: int | None) -> Any:
    read = value_of(_COLUMNS[name], _LAYER, value, heading, year)
    if isinstance(read, datetime):
        return read.date()
    if isinstance(read, str) and len(read) > MAX_TEXT:
        raise Refused(
            heading, value, "task_long",
            f"has {len(read)} characters, at most {MAX_TEXT} are kept; shorten it",
            length=len(read), limit=MAX_TEXT,
        )  # fmt: skip
    if name != "period" or read is None:
        return read
    known = {plain(word): period for period, words in _words()["periods"].items() for word in words}
    if plain(read) not in known:
        raise Refused(
            heading, value, "task_period_unknown",
            "is no period; write 周, 月, 季度, 年 (week, month, quarter, year) or leave it blank",
        )  # fmt: skip
    return known[plain(read)] or None


def _twice(read: Mapping[str, Mapping[str, Any]], headings: Row, at: Mapping[str, int]) -> list[Fault]:
    """Tasks that stand in the file more than once: by their id, those without by title and day."""
    first: dict[Any, str] = {}
    faults = []
    for number, told in read.items():
        key = told.get("id") or (told["title"], told["due"])
        if first.setdefault(key, number) != number:
            heading = headings[at["id" if told.get("id") else "title"]]
            shown = storable(shorten(told.get("id") or told["title"]))
            faults.append(
                Fault(number, heading, shown, "task_twice",
                      f"is the task of row {first[key]} again; leave one of them", {"first": first[key]})
            )  # fmt: skip
    return faults


def _store(store: Store, read: Sequence[Mapping[str, Any]]) -> TakenTasks:
    held = tasks(store)
    by_id = {task.id: task for task in held}
    by_words = {(task.title, task.due): task for task in held}
    changed: list[Task] = []
    new = same = 0
    with store.writing() as connection:
        number = next_number(connection)
        for told in read:
            code = told.get("id")
            before = by_id.get(code) if code else by_words.get((told["title"], told["due"]))
            # a blank does not say that a task is not done
            values = {name: value for name, value in told.items() if name not in ("id", "done_at") or value}
            if before is None:
                new, number = new + 1, number + (0 if code else 1)
                changed.append(Task(**{"id": f"T{number - 1}", **values}))
            elif replace(before, **values) == before:
                same += 1
            else:
                changed.append(replace(before, **values))
        put(connection, changed)
    return TakenTasks(new, len(changed) - new, same, ())


@cache
def _words() -> dict[str, dict[str, list[str]]]:
    told: dict[str, dict[str, list[str]]] = json.loads(
        data_path("task_words.json").read_text(encoding="utf-8")
    )
    return told


def save(store: Store, held: Sequence[Task], out: Path, lang: Lang) -> None:
    """The tasks as a list that can be filled in and taken again: .csv or .xlsx."""
    ending = ending_of(out, (".csv", ".xlsx"))
    refuse_store(store, out)
    rows = [
        {name: _shown(name, getattr(task, name), lang) for name in _COLUMNS}
        for task in held
    ]  # fmt: skip
    headings = [text(f"task.head.{name}", lang) for name in _COLUMNS]
    table = pd.DataFrame([list(row.values()) for row in rows], columns=headings)
    if ending == ".csv":
        write.write_csv(table, out)
    else:
        write.write_xlsx({text("task.sheet", lang): table}, out)


def _shown(name: str, value: Any, lang: Lang) -> str | None:
    if value is None:
        return None
    return text(f"task.period.{value}", lang) if name == "period" else str(value)
