"""A cell of a table as the value a layer stores: text, number, date, code.

Values are only ever translated by the alias tables, never guessed; what cannot be read is refused
with a reason and what to do.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from .columns import known_value, plain
from .faults import CONTROL, SURROGATE, Fault, shorten, storable
from .schema import Column, Kind, Layer

SHANGHAI = ZoneInfo("Asia/Shanghai")
CHINA = timezone(timedelta(hours=8))
MAX_TEXT = 2000
CODES = ("id", "parent", "site")
"""Columns that hold ids: a number that a spreadsheet has rounded is no id."""

_EXCEL_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 - a serial number has no zone
_SCIENTIFIC = re.compile(r"\d\.\d+E\+?\d+|\dE\+\d+", re.IGNORECASE)
_DECIMAL_CODE = re.compile(r"(\d{6,})\.0+")
_FORCED_TEXT = re.compile(r"'(?=[\d０-９])")
"""An apostrophe before digits: so people keep a spreadsheet from rounding them."""
_FORCED_DIGITS = re.compile(r"'(\d{12,}|0\d+)")
"""The same before what `write.py` writes so, where it is no id."""
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
        told = CONTROL.sub("", told.replace("\r\n", "\n").replace("\r", "\n"))
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
    clean = _FORCED_TEXT.sub("", clean, count=1) if clean.startswith("'") else clean
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


_UNIT = re.compile(
    r"([\d,]+(?:\.0+)?)\s*(?:户|栋|幢|座|楼|处|个|件|起|次|年|层|households|buildings)", re.ASCII
)


def _integer_of(value: Any, heading: str) -> int | None:
    if type(value) is str:
        # 350户, 2005年: the unit that the column has anyway
        with_unit = _UNIT.fullmatch(unicodedata.normalize("NFKC", value).strip())
        value = with_unit[1] if with_unit else value
    try:
        number = number_of(value, heading)
    except Refused as wrong:
        if wrong.code != "not_a_number":
            raise
        raise Refused(
            heading, value, "not_a_count", "is not a whole number; write it in digits, for example 2"
        ) from None
    if number is None:
        return None
    if not number.is_integer() or not -(2**53) < number < 2**53:
        raise Refused(heading, value, "not_whole", "is not a whole number")
    return int(number)


_HEMISPHERE = {"e": ("lon", 1), "东": ("lon", 1), "东经": ("lon", 1), "w": ("lon", -1), "西": ("lon", -1),
               "西经": ("lon", -1), "n": ("lat", 1), "北": ("lat", 1), "北纬": ("lat", 1),
               "s": ("lat", -1), "南": ("lat", -1), "南纬": ("lat", -1)}  # fmt: skip
_SIDE = r"(东经|西经|北纬|南纬|[东西南北ewns])?"
_DEGREES = re.compile(
    rf"{_SIDE}:?(\d{{1,3}}(?:\.\d+)?)(?:[°度d](?:(\d{{1,2}}(?:\.\d+)?)(?:['分m](?:(\d{{1,2}}(?:\.\d+)?)(?:\"|秒|s)?)?)?)?)?{_SIDE}",
    re.ASCII,
)
_PRIMES = str.maketrans(
    {"′": "'", "’": "'", "‘": "'", "＇": "'", "″": '"', "”": '"', "“": '"', "＂": '"', "º": "°", "˚": "°"}
)


def degrees_of(value: Any, heading: str, axis: str) -> float | None:
    """A coordinate: a number, or degrees with minutes and seconds (114°18′30″, 东经114度18分30秒).

    `axis` is ``lon`` or ``lat``; east in a column of latitudes is no coordinate.
    """
    try:
        return number_of(value, heading)
    except Refused as wrong:
        if wrong.code != "not_a_number":
            raise
        told = (
            unicodedata.normalize("NFKC", str(value).translate(_PRIMES)).replace(" ", "").replace("''", '"')
        )
        found = _DEGREES.fullmatch(told.lower())
        if found is None:
            raise
    before, degrees, minutes, seconds, after = found.groups()
    side = before or after
    known, sign = _HEMISPHERE[side] if side else (axis, 1)
    parts = float(degrees), float(minutes or 0), float(seconds or 0)
    broken = any("." in part for part, finer in ((degrees, minutes), (minutes or "", seconds)) if finer)
    if known != axis or (before and after) or parts[1] >= 60 or parts[2] >= 60 or broken:
        raise Refused(
            heading, value, "not_degrees",
            "is no such coordinate; write decimal degrees, for example 114.30512",
        )  # fmt: skip
    return sign * (parts[0] + parts[1] / 60 + parts[2] / 3600)


_DATE = re.compile(
    r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})(?:\s*日)?"
    r"(?:(?:(?<=日)\s*|[T\s]+)(上午|下午)?\s*(\d{1,2})"
    r"(?:[:时](\d{1,2})(?:[:分](\d{1,2})(?:\.\d+)?秒?)?分?|时)(?:\s*([AP]M))?)?"
    r"\s*(Z|[+-]\d{2}:?\d{2})?",
    re.ASCII | re.IGNORECASE,
)
_COMPACT = re.compile(r"(20\d\d)(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?", re.ASCII)
"""20240506, with the time as 202405060830 or 20240506083000."""
_AMERICAN = re.compile(
    r"(\d{1,2})/(\d{1,2})/(\d{4})\s+(\d{1,2}):(\d{2})(?::(\d{2}))?\s*([AP]M)", re.ASCII | re.IGNORECASE
)
"""With AM or PM the month comes first; without, 5/6/2024 is two days, and neither is guessed."""
_WITHOUT_YEAR = re.compile(r"(\d{1,2})\s*月\s*(\d{1,2})\s*日?(?:\s*(\d{1,2})[:时](\d{1,2})分?)?", re.ASCII)
_SERIAL = re.compile(r"[2-7]\d{4}(?:\.\d+)?", re.ASCII)
_YEARS = range(1900, 2200)


def _datetime_of(value: Any, heading: str, year: int | None = None) -> datetime | None:
    """Dates as offices write them, and a spreadsheet's day numbers; without a zone Asia/Shanghai."""
    told = text_of(value)
    if told is None:
        return None
    try:
        at = _moment(value, told)
        if at is None:
            at = _in_year(told, value, heading, year)
        if at.year not in _YEARS:
            raise ValueError
        return at.replace(tzinfo=SHANGHAI) if at.tzinfo is None else at.astimezone(SHANGHAI)
    except (ValueError, OverflowError):
        raise Refused(
            heading, value, "not_a_date", "is not a date; write 2024-05-06 or 2024-05-06 08:30"
        ) from None


def _in_year(told: str, value: Any, heading: str, year: int | None) -> datetime:
    """5月6日 in the year that the titles of the table or the user name; ValueError if it is no date."""
    found = _WITHOUT_YEAR.fullmatch(unicodedata.normalize("NFKC", told))
    if found is None:
        raise ValueError
    if year is None:
        raise Refused(
            heading, value, "date_without_year",
            "has no year; say it with --year, for example --year 2024, or write 2024-05-06",
        )  # fmt: skip
    month, day, hour, minute = (int(part or 0) for part in found.groups())
    return datetime(year, month, day, hour, minute)  # noqa: DTZ001 - the caller adds the zone


def _moment(value: Any, told: str) -> datetime | None:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - the caller adds the zone
    if _SERIAL.fullmatch(told):
        return _EXCEL_ZERO + timedelta(seconds=round(float(told) * 86_400))
    clean = unicodedata.normalize("NFKC", told)
    compact = _COMPACT.fullmatch(clean)
    if compact is not None:
        year, month, day, hour, minute, second = (int(part or 0) for part in compact.groups())
        return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - the caller adds the zone
    found = _DATE.fullmatch(clean)
    if found is None:
        return _american(clean)
    y, m, d, early, h, mi, sec, late, zone = found.groups()
    at = datetime(  # noqa: DTZ001 - the zone follows
        int(y), int(m), int(d), _hour(h or "0", early or late), int(mi or 0), int(sec or 0)
    )
    return at if zone is None else datetime.fromisoformat(f"{at.isoformat()}{zone}")


def _american(told: str) -> datetime | None:
    found = _AMERICAN.fullmatch(told)
    if found is None:
        return None
    month, day, year, hour, minute, second, half = found.groups()
    return datetime(  # noqa: DTZ001 - the caller adds the zone
        int(year), int(month), int(day), _hour(hour, half), int(minute), int(second or 0)
    )


def _hour(told: str, half: str | None) -> int:
    """The hour of the day; 下午15时 is said too, 15 AM is no hour (ValueError)."""
    hour = int(told)
    if half is None:
        return hour
    if half.upper() in ("下午", "PM"):
        return hour + 12 if hour < 12 else hour
    if hour > 12:
        raise ValueError
    return hour % 12


def column_of(
    column: Column, layer: Layer, given: Iterable[Any], heading: str, year: int | None = None
) -> tuple[list[Any], dict[int, Refused], set[int]]:
    """The stored values of a column, the refused cells by position, and the positions of mended ones.

    Moments are ISO 8601 text at +08:00. A cell is mended where its value is not what stood there:
    an id that a spreadsheet made a decimal or wide digits of, a date that was given its year.
    """
    given = list(given)
    refused: dict[int, Refused] = {}
    mended: set[int] = set()
    simple = column.kind == "text" and not column.allowed
    code, moment = column.name in CODES, column.kind == "datetime"
    if simple and _is_ordinary(given, code=code):
        return [value.strip() or None for value in given], refused, mended
    found: list[Any] = []
    known: dict[str, Any] = {}
    for number, value in enumerate(given):
        plain_text = type(value) is str
        if plain_text:
            if value in known:
                found.append(known[value])
                continue
            if moment and (quick := _iso_moment(value)) is not None:
                known[value] = quick
                found.append(quick)
                continue
        elif value is None:
            found.append(None)
            continue
        try:
            read = value_of(column, layer, value, heading, year)
        except Refused as wrong:
            refused[number] = wrong
            found.append(None)
            continue
        if moment and read is not None:
            if plain_text and _WITHOUT_YEAR.fullmatch(unicodedata.normalize("NFKC", value.strip())):
                mended.add(number)
            read = read.astimezone(CHINA).isoformat(timespec="microseconds")
        elif code and plain_text and read != value.strip():
            mended.add(number)
        found.append(read)
        if plain_text and number not in mended:
            known[value] = read
    return found, refused, mended


def _is_ordinary(given: Sequence[Any], *, code: bool) -> bool:
    """Whether a column is text without anything to mend or refuse: told by a look at all of it at once."""
    try:
        joined = "".join(given)
    except TypeError:  # a number, a date or no cell at all among them
        return False
    if not joined.isprintable() or (given and max(map(len, given)) > MAX_TEXT):
        return False
    return not code or (joined.isascii() and not any(sign in joined for sign in ".+'"))


def _iso_moment(value: str) -> str | None:
    """The stored form of ``2024-05-06`` with or without ``08:30`` or ``08:30:15``, as most files write it.

    Not before 1992: until then summer time was kept, which `ZoneInfo` knows.
    """
    if len(value) not in (10, 16, 19) or not "1992" <= value[:4] < "2200" or not value.isascii():
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    return at.isoformat(timespec="microseconds") + "+08:00" if at.tzinfo is None else None


def value_of(column: Column, layer: Layer, value: Any, heading: str, year: int | None = None) -> Any:
    """The value of a cell, None for a blank.

    Raises
    ------
    Refused
        If the cell cannot be that column's value.
    """
    if isinstance(value, list | dict):
        raise Refused(
            heading, value, "value_nested", "is a list or an object, not a single value; flatten the file"
        )
    if column.kind == "datetime":
        return _datetime_of(value, heading, year)
    if column.kind != "text":
        return _READ[column.kind](value, heading)
    told = text_of(value)
    if told is None:
        return None
    if isinstance(value, date | timedelta) and column.name != "note":
        raise Refused(
            heading, value, "text_is_date",
            "is a date where text belongs: a spreadsheet makes 2 January of 1-2;"
            " format the column as text and type it again",
        )  # fmt: skip
    _require_storable(told, value, heading)
    if column.name in CODES:
        return _code(told, value, heading)
    if column.allowed:
        return _known(column, layer, told, heading)
    return told[1:] if told.startswith("'") and _FORCED_DIGITS.fullmatch(told) else told


_READ: dict[Kind, Callable[[Any, str], Any]] = {
    "number": number_of,
    "integer": _integer_of,
}


def _require_storable(told: str, value: Any, heading: str) -> None:
    if len(told) > MAX_TEXT:
        raise Refused(
            heading, value, "text_long",
            f"has {len(told)} characters, at most {MAX_TEXT} are kept; shorten it",
            length=len(told), limit=MAX_TEXT,
        )  # fmt: skip
    if SURROGATE.search(told):
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
    if not column.required:
        raise Refused(
            heading, told, "word_unknown",
            f"is not known here; use one of {', '.join(column.allowed)},"
            f" or leave the column out with --map {column.name}=-",
            allowed=", ".join(column.allowed), field=column.name,
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
    # wide digits are the same id, and a code that a spreadsheet made a decimal of keeps its digits
    told = _FORCED_TEXT.sub("", told, count=1) if told.startswith("'") else told
    narrow = unicodedata.normalize("NFKC", told)
    if not narrow.isascii():
        return told
    whole = _DECIMAL_CODE.fullmatch(narrow)
    return whole[1] if whole else narrow
