"""A filled-in result sheet, read by its headings: rows of results, and whatever is wrong with them.

Offices sort, add title rows, delete columns and merge cells, so a column is known by its heading and
never by its place. Where the values themselves have come away from their headings, nothing of the
file is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PureWindowsPath
from typing import Any

from geo.errors import LayerError
from layers.cells import Refused, text_of, value_of
from layers.faults import Fault, shorten, storable
from layers.forms import value_in
from layers.missions import Mission
from layers.schema import Column, Layer

from .. import result_words
from ..result_sheets import FORM
from .mission_sites import unit_of

_TOP = 30
_PHOTO_SIGNS = str.maketrans("；，、,\n", ";;;;;")
_COLUMNS = {
    "site": Column("site", "text", "site", "点位编号"),
    "item": Column("site", "text", "item", "项目编号"),
    "cases": Column("count", "integer", "cases", "处数"),
    "note": Column("note", "text", "note", "备注"),
    "photos": Column("note", "text", "photos", "照片"),
    "at": Column("at", "datetime", "checked at", "检查时间"),
}
_LAYER = Layer("results", "results", "检查结果", (), ())


@dataclass(frozen=True, kw_only=True)
class ResultRow:
    """What somebody says of an item at a site; `row` is where it stands in the file.

    `cases` None is not told; `at` None too: then it is the time of another row of the site, else now.
    `readable` is False where a cell could not be read, of which a fault tells.
    """

    site: str
    item: str
    verdict: str
    cases: int | None = None
    inside_lines: bool = False
    fixed_on_site: bool = False
    note: str | None = None
    photos: tuple[str, ...] = ()
    at: datetime | None = None
    mission: str | None = None
    row: str = ""
    readable: bool = True


@dataclass(frozen=True)
class Sheet:
    """A sheet of a form: its headings by field, and its rows with their numbers."""

    name: str
    headings: list[str]
    at: Mapping[str, int]
    rows: list[tuple[str, list[Any]]]

    def heading(self, name: str) -> str:
        """The heading of a field as it stands in the file."""
        return self.headings[self.at[name]]

    def cell(self, cells: Sequence[Any], name: str) -> Any:
        """The cell of a field in a row, None where there is no such column."""
        place = self.at.get(name)
        return None if place is None or place >= len(cells) else cells[place]

    def value(self, cells: Sequence[Any], name: str) -> Any:
        """The same, a moment as such."""
        return value_in(self.cell(cells, name))

    def in_order(self, cells: Sequence[Any], other: Sheet) -> list[Any]:
        """The cells of a row as the columns of another sheet are ordered."""
        if self.headings == other.headings:
            return list(cells)
        names = {place: name for name, place in other.at.items()}
        return [self.cell(cells, names.get(place, "")) for place in range(len(other.headings))]


@dataclass(frozen=True)
class Form:
    """A file with result sheets; `stated` is what its hidden sheet says of it."""

    file: str
    sheets: list[Sheet]
    stated: Mapping[str, str] = field(default_factory=dict)


def form_of(file: str, grids: Mapping[str, Sequence[Sequence[Any]]]) -> Form:
    """The result sheets among the sheets of a file.

    Raises
    ------
    LayerError
        `results_headings`: no sheet has the headings of results, or the best one lacks some.
    """
    told = {name: grid for name, grid in grids.items() if grid and grid[0] and grid[0][0] == FORM}
    stated = {str(row[0]): str(row[1]) for grid in told.values() for row in grid[1:] if len(row) > 1}
    found: list[Sheet] = []
    nearest: dict[str, int] = {}
    shown = {name: grid for name, grid in grids.items() if name not in told}
    for name, grid in shown.items():
        for top, row in enumerate(grid[:_TOP]):
            at = result_words.headings(row)
            if all(key in at for key in result_words.KEYS):
                words = [text_of(cell) or "" for cell in row]
                rows = [
                    (f"{name}!{number}" if len(shown) > 1 else str(number), list(cells))
                    for number, cells in enumerate(grid[top + 1 :], start=top + 2)
                ]
                found.append(Sheet(name, words, at, rows))
                break
            nearest = max(nearest, at, key=len)
    if not found:
        raise _headings_missing(file, nearest)
    return Form(file, found, stated)


def _headings_missing(file: str, nearest: Mapping[str, int]) -> LayerError:
    needed = {"site": "点位编号", "item": "项目编号", "verdict": "结果"}
    lacking = ", ".join(word for key, word in needed.items() if key not in nearest)
    return LayerError(
        f"{file}: no sheet has the headings of a result sheet: {lacking} is missing; fill in the sheet that"
        " zhoubian mission sheet writes and leave its headings as they are. Nothing was taken",
        code="results_headings", file=file, lacking=lacking,
    )  # fmt: skip


def read_rows(
    form: Form, mission: Mission, items: Mapping[str, str]
) -> tuple[list[ResultRow], list[Fault], int]:
    """The rows that are filled in, the faults of their cells, and the number of rows left blank.

    Parameters
    ----------
    items : {item: type of site}
        Of the rule book of the mission.

    Raises
    ------
    LayerError
        `results_shifted`: the values do not stand under their headings.
    """
    known = _Known(mission, items)
    rows: list[ResultRow] = []
    faults: list[Fault] = []
    blank = 0
    for sheet in form.sheets:
        filled = dict(_filled(sheet))
        shifted = [row for row, cells in sheet.rows if known.is_shifted(sheet, cells)]
        if shifted and 2 * len(shifted) >= len({*filled, *shifted}):
            raise _shifted(form.file, sheet, shifted)
        astray = set(shifted)
        for row, cells in sheet.rows:
            if row in astray:
                given = storable(shorten(text_of(sheet.value(cells, "site"))))
                message = "the values of this row do not stand under their headings: move them back"
                faults.append(Fault(row, sheet.heading("site"), given, "result_shifted", message))
            elif row in filled:
                told, wrong = _row(sheet, row, cells)
                rows.append(told)
                faults += wrong
            else:
                blank += known.has_site(text_of(sheet.value(cells, "site")))
    return rows, faults, blank


def _filled(sheet: Sheet) -> Iterator[tuple[str, list[Any]]]:
    """Rows that say something, without those of sums and signatures."""
    told = ("verdict", "cases", "note", "photos", "at")
    for row, cells in sheet.rows:
        if any(result_words.is_total(cell) for cell in cells[:3]):
            continue
        values = [text_of(sheet.value(cells, name)) for name in told]
        flags = [result_words.flag(sheet.value(cells, name)) for name in ("inside_lines", "fixed_on_site")]
        keys = [text_of(sheet.value(cells, name)) for name in ("site", "item")]
        said = any(value is not None for value in values) or True in flags
        if said and (any(keys) or values[0] is not None):
            yield row, cells


class _Known:
    """The ids of a mission, to see values that have come away from their headings."""

    def __init__(self, mission: Mission, items: Mapping[str, str]) -> None:
        self._sites = {site["id"] for site in mission.sites}
        self._sites |= {f"{site['layer']}/{unit_of(site)}" for site in mission.sites}
        self._items = items

    def has_site(self, word: str | None) -> bool:
        return word in self._sites

    def is_shifted(self, sheet: Sheet, cells: Sequence[Any]) -> bool:
        """Whether the id of an item, or a verdict, stands in another column than its own.

        Where the site has come away, so has the item, which stands to its right; ids of sites may be
        bare numbers, that stand in other columns too.
        """
        words = [text_of(value_in(cell)) for cell in cells]
        but = {sheet.at.get(name) for name in ("note", "photos", "before")}

        def astray(name: str, fits: Callable[[str], bool], elsewhere: Callable[[str], bool]) -> bool:
            own = sheet.at[name]
            here = words[own] if own < len(words) else None
            if here is not None and fits(here):
                return False
            others = (word for place, word in enumerate(words) if place != own and place not in but)
            return any(word is not None and elsewhere(word) for word in others)

        def is_item(word: str) -> bool:
            return word in self._items

        return astray("item", is_item, is_item) or astray(
            "verdict",
            lambda word: result_words.verdict(word) is not None,
            lambda word: word in result_words.FULL_VERDICTS,
        )


def _shifted(file: str, sheet: Sheet, rows: Sequence[str]) -> LayerError:
    return LayerError(
        f"{file}: in {len(rows)} rows, the first is {rows[0]}, the values do not stand under their headings"
        f" ({sheet.heading('site')}, {sheet.heading('item')}, {sheet.heading('verdict')}): the columns were"
        " shifted; move them back under their headings. Nothing was taken",
        code="results_shifted", file=file, count=len(rows), first=rows[0], site=sheet.heading("site"),
        item=sheet.heading("item"), verdict=sheet.heading("verdict"),
    )  # fmt: skip


def _row(sheet: Sheet, row: str, cells: Sequence[Any]) -> tuple[ResultRow, list[Fault]]:
    """A row as it was meant, and what of it cannot be read."""
    faults: list[Fault] = []
    found: dict[str, Any] = {}
    for name, column in _COLUMNS.items():
        cell = sheet.value(cells, name)
        try:
            found[name] = None if cell is None else value_of(column, _LAYER, cell, sheet.heading(name))
        except Refused as wrong:
            found[name] = None
            faults.append(wrong.fault(row))
    for name, meaning in (("inside_lines", result_words.flag), ("fixed_on_site", result_words.flag)):
        cell = sheet.value(cells, name)
        found[name] = meaning(cell)
        if found[name] is None:
            faults.append(
                Fault(
                    row,
                    sheet.heading(name),
                    storable(shorten(cell)),
                    "result_flag",
                    "is neither 是 (yes) nor 否 (no)",
                )
            )
    given = text_of(sheet.value(cells, "verdict"))
    verdict = result_words.verdict(given)
    if verdict is None:
        faults.append(_no_verdict(sheet, row, given))
    photos, unnamed = _photos(sheet, row, found.pop("photos"))
    return ResultRow(
        **{**found, "site": found["site"] or "", "item": found["item"] or "",
           "inside_lines": bool(found["inside_lines"]), "fixed_on_site": bool(found["fixed_on_site"])},
        verdict=verdict or "", photos=photos, mission=text_of(sheet.value(cells, "mission")), row=row,
        readable=not faults,
    ), [*faults, *unnamed]  # fmt: skip


def _no_verdict(sheet: Sheet, row: str, given: str | None) -> Fault:
    words = "、".join(result_words.FULL_VERDICTS)
    if given is None:
        return Fault(
            row, sheet.heading("verdict"), "", "result_blank",
            f"the row is filled in but says no result: write one of {words}", {"words": words},
        )  # fmt: skip
    return Fault(
        row, sheet.heading("verdict"), storable(shorten(given)), "result_word",
        f"is no result: write one of {words}", {"words": words},
    )  # fmt: skip


def _photos(sheet: Sheet, row: str, given: str | None) -> tuple[tuple[str, ...], list[Fault]]:
    """Names of files without any folder before them: what a sheet says is never followed."""
    parts = [part.strip() for part in (given or "").translate(_PHOTO_SIGNS).split(";")]
    names = [PureWindowsPath(part).name for part in parts if part]
    wrong = [name for name in names if name in ("", ".", "..") or len(name) > 200]
    faults = [
        Fault(
            row,
            sheet.heading("photos"),
            storable(shorten(name)),
            "photo_name",
            "is not the name of a photo file",
        )
        for name in wrong
    ]
    return tuple(dict.fromkeys(name for name in names if name not in wrong)), faults
