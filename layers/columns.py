"""Which heading means which column, and which word means which value: Chinese and English.

The words stand in `data/header_aliases.json` and `data/value_aliases.json`, where an office can add
its own.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import zip_longest

from geo.errors import LayerError

from .resources import data_path
from .schema import LAYERS

LEFT_OUT = "-"
"""Instead of a heading: the field is not read, whatever the headings are."""

PLACE = ("lon", "lat", "geometry", "gates", "gate_lon", "gate_lat")
"""Fields a file may have that become geometry."""


def plain(text: object) -> str:
    """A heading or a word without case, width, spaces and the unit in brackets."""
    known = unicodedata.normalize("NFKC", "" if text is None else str(text)).strip().lower()
    return known.split("(")[0].replace(" ", "").replace("\n", "")


@cache
def _aliases(layer: str) -> dict[str, str]:
    """Plain heading -> field, for one layer; the layer's own words come before the common ones."""
    stated = json.loads(data_path("header_aliases.json").read_text(encoding="utf-8"))
    known = {column.name for column in LAYERS[layer].columns} | set(PLACE)
    found: dict[str, str] = {}
    for column in LAYERS[layer].columns:
        for word in (column.name, column.en, column.zh):
            found.setdefault(plain(word), column.name)
    for group in (stated.get(layer, {}), stated["common"]):
        for name, words in group.items():
            if name in known:
                for word in words:
                    found.setdefault(plain(word), name)
    return found


@cache
def _values(layer: str, column: str) -> dict[str, str]:
    stated = json.loads(data_path("value_aliases.json").read_text(encoding="utf-8"))
    group = stated.get(f"{layer}.{column}", stated.get(column, {}))
    found = {plain(word): value for value, words in group.items() for word in words}
    for value in LAYERS[layer].by_name[column].allowed:
        found.setdefault(plain(value), value)
    return found


def header_set(headings: Sequence[object]) -> str:
    """The headings of a table as a key: without case, width, order and blanks."""
    return "|".join(sorted({word for word in map(plain, headings) if word}))


def match_headings(
    headings: Sequence[object], layer: str, chosen: Mapping[str, str] | None = None
) -> dict[str, int]:
    """Field -> position of its heading. Where two headings mean one field, the first serves.

    `chosen` names the heading of some fields, before any alias; `LEFT_OUT` for those not to be read.
    """
    aliases = _aliases(layer)
    plains = [plain(heading) for heading in headings]
    found = {
        name: plains.index(plain(heading))
        for name, heading in (chosen or {}).items()
        if heading != LEFT_OUT and plain(heading) in plains
    }
    taken = set(found.values())
    left_out = {name for name, heading in (chosen or {}).items() if heading == LEFT_OUT}
    for position, heading in enumerate(plains):
        name = aliases.get(heading)
        if name is not None and name not in found and name not in left_out and position not in taken:
            found[name] = position
    return found


def require_chosen(headings: Sequence[str], layer: str, chosen: Mapping[str, str]) -> None:
    """LayerError `map_field` for a field that the layer has not, `map_column` for a missing heading."""
    fields = [column.name for column in LAYERS[layer].columns] + list(PLACE)
    wrong = [name for name in chosen if name not in fields]
    if wrong:
        raise LayerError(
            f"--map names fields that {layer} does not have: {', '.join(wrong)};"
            f" its fields are {', '.join(fields)}",
            code="map_field", layer=layer, given=", ".join(wrong), fields=", ".join(fields),
        )  # fmt: skip
    plains = {plain(heading) for heading in headings}
    absent = [word for word in chosen.values() if word != LEFT_OUT and plain(word) not in plains]
    if absent:
        raise LayerError(
            f"--map names columns that the file does not have: {', '.join(absent)};"
            f" its headings are {', '.join(headings)[:200]}",
            code="map_column", given=", ".join(absent)[:200], headings=", ".join(headings)[:200],
        )  # fmt: skip


@dataclass(frozen=True)
class Header:
    """The headings of a table: first row, rows it takes up, the headings, how many are known."""

    top: int
    depth: int
    headings: list[str]
    known: int


def find_header(
    grid: Sequence[Sequence[object]],
    layer: str,
    for_headings: Callable[[Sequence[object]], Mapping[str, str]] = lambda _: {},
) -> Header | None:
    """The first of thirty rows that names two fields or more: rows above it are titles.

    `for_headings` tells what a user said of a table with such headings.
    A second row of headings under a merged one (坐标 above 经度, 纬度) is part of it.
    """
    for top, row in enumerate(grid[:30]):
        known = len(match_headings(row, layer, for_headings(row)))
        if known < 2:
            continue
        headings = _told(row)
        below = _told(grid[top + 1]) if top + 1 < len(grid) else []
        if any(below) and all(plain(word) in _aliases(layer) for word in below if word):
            both = [low or high for low, high in zip_longest(below, headings, fillvalue="")]
            both_known = len(match_headings(both, layer, for_headings(both)))
            if both_known > known:
                return Header(top, 2, both, both_known)
        return Header(top, 1, headings, known)
    return None


def _told(row: Sequence[object]) -> list[str]:
    return ["" if cell is None else str(cell).strip() for cell in row]


@lru_cache(maxsize=10_000)
def known_value(layer: str, column: str, given: str) -> str | None:
    """The allowed value a word stands for, or None."""
    return _values(layer, column).get(plain(given))
