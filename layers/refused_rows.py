"""Refused rows as a workbook: their cells as they stood in the file, with the reason in front.

The workbook can be corrected and imported again: the headings are those of the file, and the columns
added here are none that a layer knows. It is written row by row, however many there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from openpyxl import Workbook

from .write import whole, xlsx_cell

MOST_ROWS = 1_048_000
"""A sheet holds 1,048,576 rows."""


def write_refused(
    path: Path,
    title: str,
    added: tuple[str, str],
    headings: Sequence[str],
    rows: Iterable[tuple[str, str, Sequence[Any] | None]],
) -> int:
    """Write the workbook and return how many rows it holds.

    Parameters
    ----------
    path : Path
        Ending .xlsx.
    title : str
        Stands above the headings.
    added : (str, str)
        Headings of the reason and of the row number in the file.
    headings : sequence of str
        Of the file.
    rows : iterable of (reason, row number, cells or None)

    Raises
    ------
    LayerError
        If it cannot be written.
    """
    count = 0
    with whole(path) as temporary:
        book = Workbook(write_only=True)
        sheet = book.create_sheet()
        sheet.append([xlsx_cell(sheet, title)])
        sheet.append([xlsx_cell(sheet, heading) for heading in (*added, *headings)])
        for reason, row, cells in rows:
            sheet.append([xlsx_cell(sheet, value) for value in (reason, row, *(cells or ()))])
            count += 1
            if count == MOST_ROWS:
                break
        book.save(temporary)
    return count
