"""All cells of a filled-in form, sheet by sheet, as they stand: the task ``grid`` of the worker.

Nothing is judged here and no heading is looked for: whoever sent the form out knows what it looks
like. Cells go out as JSON values; moments as ``{"at": ISO 8601}``, so that the 2 January that a
spreadsheet makes of ``1-2`` can be told from text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import python_calamine

from geo.errors import LayerError

from .decoding import find_encoding, require_fitting
from .faults import storable
from .intake import plain_cell
from .read_tables import require_narrow, require_workbook, sheet_rows, sheet_sizes, split_text, unquoted
from .reading import not_what_it_says, require_size, require_text, unreadable

WORKBOOKS = (".xlsx", ".xls")
TEXTS = (".csv", ".tsv", ".txt")
MAX_ROWS = 200_000
"""Of all sheets of a form together."""
_PIECE = 1_000


def grid(arguments: dict[str, Any], say: Callable[[dict[str, Any]], None], step: Callable[[], None]) -> None:
    """Messages ``{"sheet": name, "rows": [[cell]]}``, a sheet in several where it is long.

    Arguments: ``file``, and ``encoding`` of a text table, found out where it is None. Rows are counted
    from the first of the sheet on, empty ones included.

    Raises
    ------
    LayerError
        As when a table is read, and `form_long`.
    """
    path = Path(arguments["file"])
    ending = path.suffix.lower()
    if ending not in (*WORKBOOKS, *TEXTS):
        raise unreadable(path, f"a form is read from {', '.join((*WORKBOOKS, *TEXTS))}", code="form_ending")
    size = path.stat().st_size
    if size == 0:
        raise unreadable(path, "it is empty; export it again", code="file_empty")
    require_size(path, size)
    left = MAX_ROWS
    with _sheets(path, arguments.get("encoding")) as sheets:
        for name, rows in sheets:
            step()
            while some := list(islice(rows, _PIECE)):
                left -= len(some)
                if left < 0:
                    raise unreadable(
                        path,
                        f"it has more than {MAX_ROWS} rows, as no form does; delete the empty rows",
                        code="form_long", most=MAX_ROWS,
                    )  # fmt: skip
                say({"sheet": storable(name), "rows": [[_cell(value) for value in row] for row in some]})


@contextmanager
def _sheets(path: Path, encoding: str | None) -> Iterator[Iterator[tuple[str, Iterator[list[Any]]]]]:
    if path.suffix.lower() in TEXTS:
        yield iter([("", _text_rows(path, encoding))])
        return
    try:
        if path.suffix.lower() == ".xlsx":
            require_workbook(path)
        with python_calamine.load_workbook(str(path)) as book:
            names = list(book.sheet_names)
            sizes = sheet_sizes(path, names)
            for name in names:
                require_narrow(path, name, sizes.get(name))
            yield ((name, sheet_rows(book.get_sheet_by_name(name))) for name in names)
    except LayerError:
        raise
    except (python_calamine.CalamineError, OSError, ValueError) as fault:
        raise not_what_it_says(path, "an Excel workbook", reason=str(fault)[:120]) from fault


def _text_rows(path: Path, wish: str | None) -> Iterator[list[Any]]:
    """The records of a text table, split by the sign that splits its first lines most often."""
    require_text(path, "a text table")
    encoding = find_encoding(path, wish)
    require_fitting(path, encoding)
    with path.open(encoding=encoding, newline="") as file:
        sample = file.read(20_000)
    if "\0" in sample:
        raise not_what_it_says(path, "a text table")
    for row in split_text(path, encoding, max(",;\t", key=sample.count)):
        yield [unquoted(cell) for cell in row]


def _cell(value: Any) -> Any:
    if isinstance(value, datetime | date | time):
        return {"at": value.isoformat()}
    if isinstance(value, timedelta):
        return {"at": str(value)}
    return plain_cell(value)
