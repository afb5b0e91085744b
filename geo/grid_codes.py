"""The codes of areas: 6 digits of the county (GB/T 2260), then 3 of the subdistrict, the community, the cell.

A unit grid cell has 15 digits, which are text: a spreadsheet shows them as 1.1E+14 and may save them
so. Cells are numbered from west to east, row by row from north to south (GB/T 30428).

What a row is, the standard leaves open. Here: the middle of a cell is its centre of gravity. The first
row begins with the northernmost middle and holds every cell whose middle lies at most half a typical
cell further south; the next row begins with the northernmost that is left, and so on. A typical cell
is as high as the median of the cells' own heights (of the upright boxes around them). Inside a row the
cell with the more westerly middle comes first, of two equally far west the more northerly. North and
west are those of the city's plane. The order of the input plays no part.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from .errors import LayerError

Ints = NDArray[np.int64]
Geometries = NDArray[np.object_]

DIGITS = {"district": 6, "subdistrict": 9, "community": 12, "grid": 15}
SERIAL = 3
MOST = 999

WRONG = (
    "float", "float_whole", "length", "not_digits", "zero_serial", "prefix", "repeated", "serial_gap",
)  # fmt: skip
"""What can be wrong with a code, as `CodeFault.kind`."""

_FLOAT = re.compile(r"[+]?\d+(\.\d+)?[eE][+]?\d{1,3}")
_POINT_ZERO = re.compile(r"\d+\.0+")


@dataclass(frozen=True)
class CodeFault:
    """A code that is none, or not the one it should be.

    Parameters
    ----------
    kind : str
        One of `WRONG`.
    level, code : str
    detail : str
        float_whole: the code it was; length: its digits; prefix: the parent's code; serial_gap: the
        numbers left out (`code` is then the parent's); repeated: how often.
    """

    kind: str
    level: str
    code: str
    detail: str = ""


def reading_order(cells: Geometries) -> Ints:
    """Rows of the cells from north to south, inside a row from west to east; see above.

    Parameters
    ----------
    cells : (n,) polygons, metres

    Returns
    -------
    (n,) int64
        Row numbers in the order of reading.
    """
    if not len(cells):
        return np.empty(0, dtype=np.int64)
    x, y = shapely.get_coordinates(shapely.centroid(cells)).T
    bounds = shapely.bounds(cells)
    half = 0.5 * float(np.median(bounds[:, 3] - bounds[:, 1]))
    # a micrometre counts as nothing, so that rounding cannot tear a row apart
    x, y = np.round(x, 6), np.round(y, 6)
    from_north = np.lexsort((x, -y))
    band = np.zeros(len(cells), dtype=np.int64)
    row, top = -1, np.inf
    for at in from_north.tolist():
        if top - y[at] > half:
            row, top = row + 1, y[at]
        band[at] = row
    order: Ints = np.lexsort((-y, x, band)).astype(np.int64)
    return order


def number(cells: Geometries, parent: str, level: str = "grid") -> list[str]:
    """The code of each cell of one parent, 001, 002 ... in reading order.

    Parameters
    ----------
    cells : (n,) polygons, metres
    parent : str
        The code of the area that holds them: 12 digits for grid cells.

    Raises
    ------
    LayerError
        `code_parent`: the parent's code is none; `code_many`: more than 999 cells.
    """
    above = DIGITS[level] - SERIAL
    if not re.fullmatch(rf"\d{{{above}}}", parent, re.ASCII):
        raise LayerError(
            f"{parent} is no code of {above} digits, so what lies in it cannot be numbered;"
            " give the area its code first",
            code="code_parent", parent=parent, digits=above,
        )  # fmt: skip
    if len(cells) > MOST:
        raise LayerError(
            f"{parent} holds {len(cells)} cells, and serial numbers of three digits end at {MOST};"
            " cut the area in two, or make larger cells",
            code="code_many", parent=parent, count=len(cells), most=MOST,
        )  # fmt: skip
    codes = [""] * len(cells)
    for serial, row in enumerate(reading_order(cells).tolist(), 1):
        codes[row] = f"{parent}{serial:0{SERIAL}d}"
    return codes


def fault_of(code: Any, level: str) -> CodeFault | None:
    """What is wrong with a code by itself, None where nothing is."""
    digits = DIGITS[level]
    if isinstance(code, float) and code.is_integer():
        whole = f"{code:.0f}"
        kind = "float_whole" if len(whole) == digits else "float"
        return CodeFault(kind, level, repr(code), whole if kind == "float_whole" else "")
    told = "" if code is None else str(code)
    plain = told.strip()
    if _FLOAT.fullmatch(plain) or _POINT_ZERO.fullmatch(plain):
        return _float(told, plain, level)
    if not re.fullmatch(r"[0-9]+", told):
        return CodeFault("not_digits", level, told)
    if len(told) != digits:
        return CodeFault("length", level, told, str(len(told)))
    if level != "district" and told.endswith("0" * SERIAL):
        return CodeFault("zero_serial", level, told)
    return None


def _float(told: str, plain: str, level: str) -> CodeFault:
    """A number that a spreadsheet made of a code; the code itself, where no digit is lost."""
    mantissa = re.split("[eE]", plain)[0]
    known = len(mantissa.replace(".", "").rstrip("0")) if "e" in plain.lower() else DIGITS[level]
    whole = f"{float(plain):.0f}"
    # 1.1E+14 shows two digits, and nobody knows whether the others were noughts
    if len(whole) == DIGITS[level] and known > DIGITS[level] - SERIAL:
        return CodeFault("float_whole", level, told, whole)
    return CodeFault("float", level, told)


def check_codes(ids: Sequence[Any], levels: Sequence[str], parents: Sequence[Any]) -> list[CodeFault]:
    """Everything that is wrong with the codes of areas, all levels together.

    A level of which no id looks like a code (`levels_with_codes`) is left out: such a city has ids of
    its own.

    Parameters
    ----------
    ids, levels, parents : (n,)
        A missing parent is None.

    Notes
    -----
    Serial numbers start at 001 in every parent and leave none out. A code that is faulty by itself is
    told once and not looked at again.
    """
    meant = levels_with_codes(ids, levels)
    faults: list[CodeFault] = []
    seen: dict[tuple[str, str], int] = {}
    serials: dict[tuple[str, str], set[int]] = {}
    for code, level, parent in zip(ids, levels, parents, strict=True):
        if level not in meant:
            continue
        wrong = fault_of(code, level)
        if wrong is not None:
            faults.append(wrong)
            continue
        seen[level, code] = seen.get((level, code), 0) + 1
        above = code[:-SERIAL]
        if level == "district":
            continue
        if isinstance(parent, str) and parent and parent != above:
            faults.append(CodeFault("prefix", level, code, parent))
        serials.setdefault((level, above), set()).add(int(code[-SERIAL:]))
    faults += [CodeFault("repeated", level, code, str(n)) for (level, code), n in seen.items() if n > 1]
    for (level, above), numbers in serials.items():
        lost = sorted(set(range(1, max(numbers) + 1)) - numbers)
        if lost:
            faults.append(CodeFault("serial_gap", level, above, _ranges(lost)))
    return faults


def levels_with_codes(ids: Iterable[Any], levels: Iterable[str]) -> set[str]:
    """The levels of which at least one id is a code, or a number that was one."""
    meant: set[str] = set()
    for code, level in zip(ids, levels, strict=True):
        if level in DIGITS and level not in meant:
            wrong = fault_of(code, level)
            if wrong is None or wrong.kind in ("float", "float_whole", "zero_serial"):
                meant.add(level)
    return meant


def _ranges(numbers: list[int]) -> str:
    """001-003, 007."""
    runs: list[list[int]] = []
    for value in numbers:
        if runs and runs[-1][1] == value - 1:
            runs[-1][1] = value
        else:
            runs.append([value, value])
    return ", ".join(f"{a:03d}" if a == b else f"{a:03d}-{b:03d}" for a, b in runs)
