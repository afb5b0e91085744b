"""A cell of a table as the value a layer stores: text, number, date, code.

Values are only ever translated by the alias tables, never guessed; what cannot be read is refused
with a reason and what to do.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from .columns import known_value, plain
from .faults import Fault, shorten
from .schema import Column, Kind, Layer

SHANGHAI = ZoneInfo("Asia/Shanghai")
MAX_TEXT = 2000
CODES = ("id", "parent", "site")
"""Columns that hold ids: a number that a spreadsheet has rounded is no id."""

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_EXCEL_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 - a serial number has no zone
_SCIENTIFIC = re.compile(r"\d\.\d+E\+?\d+|\dE\+\d+", re.IGNORECASE)
_DECIMAL_CODE = re.compile(r"(\d{6,})\.0+")
_EXACT = 1e15
"""A spreadsheet keeps fifteen digits; a longer number has lost its last ones."""


class Refused(Exception):
    """Why the row at hand cannot be taken; becomes a `Fault`."""

    def __init__(self, column: str, value: object, code: str, message: str, **facts: Any) -> None:
        super().__init__(message)
        self.column, self.value, self.code, self.facts = column, value, code, facts

    def fault(self, row: str) -> Fault:
        """The refusal of that row, in text that can be stored and printed."""
        return Fault(row, self.column, storable(shorten(self.value)), self.code, str(self), self.facts)


def storable(text: str) -> str:
    """Text without control characters and halves of characters, for headings and for what is quoted."""
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", _CONTROL.sub("", text))


def text_of(value: Any) -> str | None:
    """A cell as text: whole numbers without a decimal point, blanks as missing, no control characters."""
    if type(value) is str:
        told = value
    elif value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    elif isinstance(value, bool):
        return "true" if value else "false"
    elif isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return str(int(value))
    else:
        told = str(value)
    if not (told.isascii() and told.isprintable()):
        told = _CONTROL.sub("", told.replace("\r\n", "\n").replace("\r", "\n"))
    return told.strip() or None


_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?", re.ASCII)
_NO_NUMBERS = {"nan", "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"}


def number_of(value: Any, heading: str) -> float | None:
    """A finite number, None for a blank; full-width digits and 1,234 are understood."""
    if type(value) is float and math.isfinite(value):
        return value
    told = text_of(value)
    if told is None:
        return None
    clean = unicodedata.normalize("NFKC", told).replace("\N{MINUS SIGN}", "-").rstrip("°").strip()
    if _THOUSANDS.fullmatch(clean):
        clean = clean.replace(",", "")
    if _NUMBER.fullmatch(clean) is None and clean.lower() not in _NO_NUMBERS:
        raise Refused(
            heading, value, "not_a_number", "is not a number; write it in digits, for example 114.30512"
        )
    number = float(clean)
    if not math.isfinite(number):
        raise Refused(heading, value, "not_finite", "is not a finite number; complete it")
    return number


def _integer_of(value: Any, heading: str) -> int | None:
    number = number_of(value, heading)
    if number is None:
        return None
    if not number.is_integer() or not -(2**53) < number < 2**53:
        raise Refused(heading, value, "not_whole", "is not a whole number")
    return int(number)


_DATE = re.compile(
    r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?"
    r"(?:[T\s]+(\d{1,2})[:时](\d{1,2})(?:[:分](\d{1,2})(?:\.\d+)?秒?)?分?)?\s*(Z|[+-]\d{2}:?\d{2})?",
    re.ASCII,
)
_SERIAL = re.compile(r"[2-7]\d{4}(?:\.\d+)?", re.ASCII)
_YEARS = range(1900, 2200)


def _datetime_of(value: Any, heading: str) -> datetime | None:
    """Dates as offices write them, and a spreadsheet's day numbers; without a zone Asia/Shanghai."""
    told = text_of(value)
    if told is None:
        return None
    try:
        at = _moment(value, told)
        if at.year not in _YEARS:
            raise ValueError
        return at.replace(tzinfo=SHANGHAI) if at.tzinfo is None else at.astimezone(SHANGHAI)
    except (ValueError, OverflowError):
        raise Refused(
            heading, value, "not_a_date", "is not a date; write 2024-05-06 or 2024-05-06 08:30"
        ) from None


def _moment(value: Any, told: str) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - the caller adds the zone
    if _SERIAL.fullmatch(told):
        return _EXCEL_ZERO + timedelta(seconds=round(float(told) * 86_400))
    found = _DATE.fullmatch(unicodedata.normalize("NFKC", told))
    if found is None:
        raise ValueError
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    at = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - the zone follows
    zone = found[7]
    return at if zone is None else datetime.fromisoformat(f"{at.isoformat()}{zone}")


def value_of(column: Column, layer: Layer, value: Any, heading: str) -> Any:
    """The stored value of a cell, None for a blank.

    Raises
    ------
    Refused
        If the cell cannot be that column's value.
    """
    if isinstance(value, list | dict):
        raise Refused(
            heading, value, "value_nested", "is a list or an object, not a single value; flatten the file"
        )
    if column.kind != "text":
        return _READ[column.kind](value, heading)
    told = text_of(value)
    if told is None:
        return None
    _require_storable(told, value, heading)
    if column.name in CODES:
        return _code(told, value, heading)
    return _known(column, layer, told, heading) if column.allowed else told


_READ: dict[Kind, Callable[[Any, str], Any]] = {
    "number": number_of,
    "integer": _integer_of,
    "datetime": _datetime_of,
}


def _require_storable(told: str, value: Any, heading: str) -> None:
    if len(told) > MAX_TEXT:
        raise Refused(
            heading, value, "text_long",
            f"has {len(told)} characters, at most {MAX_TEXT} are kept; shorten it",
            length=len(told), limit=MAX_TEXT,
        )  # fmt: skip
    if _SURROGATE.search(told):
        raise Refused(
            heading, value, "text_broken", "holds half a character that no file can keep; type it again"
        )


def _known(column: Column, layer: Layer, told: str, heading: str) -> str:
    """The allowed value a word stands for."""
    known = known_value(layer.name, column.name, told)
    if known is not None:
        return known
    if column.name == "class" and plain(told) in ("小区", "居民小区", "住宅小区", "compound"):
        raise Refused(
            heading, told, "compound_not_anchor",
            "names a compound (小区), which is drawn and is no anchor; import it as compounds",
        )  # fmt: skip
    raise Refused(
        heading, told, "value_unknown", f"is not known here; use one of {', '.join(column.allowed)}",
        allowed=", ".join(column.allowed),
    )  # fmt: skip


def _code(told: str, value: Any, heading: str) -> str:
    """An id as text: a code that went through a float keeps its digits, a rounded one is refused."""
    rounded = isinstance(value, float) and math.isfinite(value) and abs(value) >= _EXACT
    if rounded or _SCIENTIFIC.fullmatch(told):
        raise Refused(
            heading, told, "id_rounded",
            "is a long number that a spreadsheet has rounded; format the column as text and type it again",
        )  # fmt: skip
    whole = _DECIMAL_CODE.fullmatch(told)
    return whole[1] if whole else told
