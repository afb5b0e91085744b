"""Tables of counts that offices fill in: posters at sites, rounds of visits to compounds.

A column is known by its heading (`data/count_words.json`, where an office can add its own words), a row
by its number in the file. Nothing is taken from a table with a fault; all faults are told at once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from geo.errors import LayerError
from layers.cells import Refused, text_of, value_of
from layers.columns import plain
from layers.faults import Fault, shorten, storable
from layers.forms import columns_of, read_sheets, value_in
from layers.refused_rows import write_refused
from layers.resources import data_path
from layers.schema import Column, Layer

from ..i18n import Lang, fault_text, text

_TOP = 30
_LAYER = Layer("counts", "counts", "数量", (), ())
_KINDS = {
    "text": Column("site", "text", "id", "编号"),
    "whole": Column("count", "integer", "count", "数量"),
    "day": Column("at", "datetime", "day", "日期"),
}


class CountsRefusedError(LayerError):
    """A table of counts with faults: nothing of it was stored."""

    code = "counts_refused"

    def __init__(self, form: Form) -> None:
        first = form.faults[0]
        super().__init__(
            f"{form.source}: {len(form.faults)} faults, nothing was stored; the first is in row {first.row},"
            f" {first.column}: {first.message}",
            file=form.source, count=len(form.faults), row=first.row, column=first.column or "-",
        )  # fmt: skip
        self.form = form


@dataclass
class Form:
    """A table as it was read, and what is wrong with it.

    Parameters
    ----------
    headings : list of str
        Of the first sheet that has them.
    fields : {field: its heading}
    rows : list of (row number, {field: cell})
    cells : {row number: its cells}
    """

    source: str
    headings: list[str] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)
    rows: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    cells: dict[str, list[Any]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def refuse(
        self, row: str, name: str, value: object, *, code: str, message: str, **facts: Any
    ) -> None:  # fmt: skip
        """Note a fault of a row in a field."""
        shown = storable(shorten(value))
        self.faults.append(Fault(row, self.fields.get(name, name), shown, code, message, facts))

    def value(self, row: str, cells: Mapping[str, Any], name: str, kind: str, *, needed: bool = True) -> Any:
        """A cell of a kind (`text`, `whole`, `day`); None for a blank or after a fault."""
        try:
            cell = value_in(cells.get(name))
            value = value_of(_KINDS[kind], _LAYER, cell, self.fields.get(name, name))
        except Refused as refusal:
            self.faults.append(refusal.fault(row))
            return None
        if value is None and needed:
            self.refuse(row, name, "", code="count_blank", message="is empty; fill it in")
        if kind == "whole" and value is not None and value < 0:
            self.refuse(row, name, value, code="count_negative", message="is below 0; write how many")
            return None
        return value

    def require_sound(self) -> None:
        """CountsRefusedError if anything is wrong."""
        if self.faults:
            order = {row: number for number, (row, _) in enumerate(self.rows)}
            self.faults.sort(key=lambda fault: order.get(fault.row, -1))
            raise CountsRefusedError(self)


def read_form(file: Path, kind: str, needed: Sequence[str]) -> Form:
    """A table (.xlsx, .xls, .csv), read in a process of its own.

    Parameters
    ----------
    kind : str
        A group of `data/count_words.json`.
    needed : sequence of str
        Fields without which a row says nothing.

    Raises
    ------
    LayerError
        `counts_headings`, `counts_empty`, and as when any foreign table is read.
    """
    form = Form(file.name)
    sheets = read_sheets(file)
    found = [(name, rows, _header(rows, kind, needed)) for name, rows in sheets.items()]
    known = [(name, rows, header) for name, rows, header in found if header is not None]
    if not known:
        raise LayerError(
            f"{form.source}: no row of headings with {_shown(kind, needed)} was found; name the columns so",
            code="counts_headings", file=form.source, headings=_shown(kind, needed),
        )  # fmt: skip
    for name, rows, header in known:
        _take_sheet(form, rows, header, f"{name}!" if len(known) > 1 else "")
    if not form.rows:
        raise LayerError(
            f"{form.source}: there is not one row under the headings; fill it in",
            code="counts_empty", file=form.source,
        )  # fmt: skip
    return form


def write_faults(out: Path, form: Form, lang: Lang) -> int:
    """The refused rows as a workbook, with the reason in front; it can be corrected and taken again."""
    reasons: dict[str, list[str]] = {}
    for fault in form.faults:
        told = f"{fault.column}: {fault_text(fault, lang)}" if fault.column else fault_text(fault, lang)
        reasons.setdefault(fault.row, []).append(told)
    rows = [("; ".join(told), row, form.cells.get(row)) for row, told in reasons.items()]
    title = text("counts.refused_title", lang, source=form.source, count=len(rows))
    heads = (text("rules.head.reason", lang), text("rules.head.row", lang))
    return write_refused(out, title, heads, form.headings, rows)


def _take_sheet(form: Form, rows: list[list[Any]], header: tuple[int, dict[str, int]], before: str) -> None:
    top, at = header
    headings = [text_of(_flat(cell)) or "" for cell in rows[top]]
    form.headings = form.headings or headings
    form.fields = form.fields or {name: headings[column] for name, column in at.items()}
    for number, row in enumerate(rows[top + 1 :], top + 2):
        filled = [cell for cell in row if text_of(_flat(cell)) is not None]
        if not filled or plain(_flat(filled[0])) in _totals():
            continue
        label = f"{before}{number}"
        form.rows.append((label, {name: _at(row, column) for name, column in at.items()}))
        form.cells[label] = [_flat(cell) for cell in row]


def _header(rows: list[list[Any]], kind: str, needed: Sequence[str]) -> tuple[int, dict[str, int]] | None:
    """The row of headings and the column of each field."""
    for number, row in enumerate(rows[:_TOP]):
        at = columns_of(map(_flat, row), _words()[kind], plain)
        if set(needed) <= set(at):
            return number, at
    return None


def _shown(kind: str, needed: Sequence[str]) -> str:
    return ", ".join(_words()[kind][name][0] for name in needed)


@cache
def _words() -> dict[str, Any]:
    told: dict[str, Any] = json.loads(data_path("count_words.json").read_text(encoding="utf-8"))
    return told


def _totals() -> set[str]:
    return {plain(word) for word in _words()["total"]}


def _at(row: list[Any], column: int) -> Any:
    return row[column] if column < len(row) else None


def _flat(cell: Any) -> Any:
    """A cell as it is shown and written again."""
    if not isinstance(cell, Mapping):
        return cell
    return str(cell["at"]).removesuffix("T00:00:00").replace("T", " ")
