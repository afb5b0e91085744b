"""What the page of imports sends, taken apart; what a page of ours would not send is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from geo.errors import LayerError

from ..usecases import import_sources, imports

_LONGEST = 500
_TEXTS = ("datum", "class", "part", "encoding", "licence", "attribution")
_SWITCHES = ("update", "keep_duplicates")


def json_of(told: str) -> Mapping[str, Any]:
    """An object of JSON (LayerError `import_option`)."""
    try:
        found = json.loads(told)
    except (ValueError, RecursionError) as fault:
        raise _unfit("JSON") from fault
    if not isinstance(found, dict):
        raise _unfit("JSON")
    return found


def options_of(told: Any, shown: str) -> imports.Options:
    """What the page says of a file.

    Parameters
    ----------
    told : value of JSON
    shown : str
        The file's name, which may say what it holds.

    Raises
    ------
    LayerError
        `import_option`, `kind_needed`.
    """
    if not isinstance(told, dict):
        raise _unfit("options")
    unknown = told.keys() - {*_TEXTS, *_SWITCHES, "kind", "year", "columns"}
    if unknown:
        raise _unfit(sorted(unknown)[0])
    words: dict[str, str | None] = {name: _words(told, name) for name in (*_TEXTS, "kind")}
    columns, year = told.get("columns") or {}, told.get("year")
    if not isinstance(columns, dict) or len(columns) > _LONGEST:
        raise _unfit("columns")
    if year is not None and not (isinstance(year, int) and 1990 <= year <= 2100):
        raise _unfit("year")
    for name in _SWITCHES:
        if not isinstance(told.get(name, False), bool):
            raise _unfit(name)
    return imports.Options(
        words["kind"] or import_sources.require_kind(shown),
        datum=words["datum"],
        given_class=words["class"],
        part=words["part"],
        encoding=words["encoding"],
        columns={field: heading for field in columns if (heading := _words(columns, field)) is not None},
        year=year,
        update=told.get("update", False),
        keep_duplicates=told.get("keep_duplicates", False),
        licence=words["licence"],
        attribution=words["attribution"],
    )


def _words(told: Mapping[str, Any], name: str) -> str | None:
    """A text of the options; None where there is none or an empty one."""
    value = told.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise _unfit(name)
    return value


def _unfit(name: str) -> LayerError:
    shown = name[:40]
    return LayerError(
        f"the page sent a setting that cannot be used ({shown}); load the page anew and try again",
        code="import_option", option=shown,
    )  # fmt: skip
