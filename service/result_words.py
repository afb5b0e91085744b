"""The words of a filled-in result sheet: headings, verdicts, yes and no, as people write them.

They stand in `data/result_words.json`, where an office can add its own. The first of each is what a
sheet in Chinese offers, see `service/result_sheets.py`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

from layers.cells import text_of
from layers.columns import plain
from layers.forms import columns_of
from layers.resources import data_path

KEYS = ("site", "item", "verdict")
"""Without these a row says nothing."""
FULL_VERDICTS = ("符合", "不符合", "不适用", "未查看")
"""Words that stand in no other column."""
_EMOJI = "\N{VARIATION SELECTOR-16}"


@cache
def _words() -> dict[str, Any]:
    told: dict[str, Any] = json.loads(data_path("result_words.json").read_text(encoding="utf-8"))
    return told


@cache
def _meanings(group: str) -> dict[str, str]:
    return {_plain(word): meaning for meaning, words in _words()[group].items() for word in words}


def _plain(cell: object) -> str:
    word = plain((text_of(cell) or "").replace(_EMOJI, ""))
    return word.rstrip("。.;:") or word


def headings(row: Sequence[object]) -> dict[str, int]:
    """Field -> column of a row of headings; where several mean one field, its best word serves."""
    return columns_of(row, _words()["headings"], _plain)


def verdict(cell: object) -> str | None:
    """What a cell says of an item; None if it says nothing known."""
    return _meanings("verdicts").get(_plain(cell))


def flag(cell: object) -> bool | None:
    """Yes or no; a blank is no, None stands for neither."""
    word = _plain(cell)
    told = _meanings("flags").get(word) if word else "no"
    return None if told is None else told == "yes"


def is_total(cell: object) -> bool:
    """Whether a cell begins a row of sums."""
    return _plain(cell) in map(_plain, _words()["totals"])
