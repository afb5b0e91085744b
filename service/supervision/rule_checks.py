"""Gather everything that is wrong with a rule book, each fault with the place where an office mends it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from layers.faults import Fault, shorten
from layers.rule_tables import Places, RuleTables

_MISSING = object()


class Checks:
    """The tables of a rule book, asked for value by value; what is wrong with one is noted and told as None.

    Parameters
    ----------
    tables : RuleTables
    places : Places
        Where each row and setting stands, for the faults.

    Attributes
    ----------
    absent : set of (table, column)
        Columns that are missing altogether: told once, not for every row.
    """

    def __init__(self, tables: RuleTables, places: Places) -> None:
        self.tables = tables
        self.found: list[Fault] = []
        self.absent: set[tuple[str, str]] = set()
        self.places = places

    def note(
        self, table: str, at: int | str | None, column: str, value: object, *, code: str, message: str,
        **facts: Any,
    ) -> None:  # fmt: skip
        """Note a fault.

        Parameters
        ----------
        table : str
            A name of `COLUMNS` or `SETTINGS`.
        at : int, str or None
            Row of a list from 0 on; a key of settings; None for the whole table.
        column : str
            The column, or the key of a setting; empty for the whole row.
        """
        if (table, column) in self.absent:
            return
        row = self.places.row(table, at)
        told = {"sheet": self.places.sheet(table), "table": table, **facts}
        self.found.append(Fault(row, column, shorten(value), code, message, told))

    # -- lists ---------------------------------------------------------------------------------------

    def rows(self, table: str) -> Iterator[tuple[int, Mapping[str, str]]]:
        """The rows of a list, those that are no mapping left out."""
        rows = self.tables.get(table)
        for number, row in enumerate(rows if isinstance(rows, list) else ()):
            if isinstance(row, Mapping):
                yield number, row

    def unique(self, table: str, column: str) -> set[str]:
        """The values of a column that names the rows; one that repeats or is missing is a fault."""
        seen: dict[str, int] = {}
        for number, row in self.rows(table):
            told = self.cell(table, number, row, column)
            if told is None:
                continue
            if told in seen:
                first = self.places.row(table, seen[told])
                self.note(
                    table, number, column, told, code="rules_id_twice",
                    message=f"{told} stands in row {first} already; give each row its own", first=first,
                )  # fmt: skip
            seen.setdefault(told, number)
        return set(seen)

    def cell(self, table: str, number: int, row: Mapping[str, Any], column: str) -> str | None:
        """A cell that must hold something."""
        told = row.get(column)
        if isinstance(told, str) and told.strip():
            return told
        self.note(
            table, number, column, told, code="rules_cell_empty",
            message=f"{column} is empty; fill it in", name=column,
        )  # fmt: skip
        return None

    def known(
        self, table: str, at: int | str, column: str, told: str | None, known: set[str], *, of: str
    ) -> None:
        """Note a name that stands in no row of the table `of`."""
        if told is not None and told not in known:
            self.note(
                table, at, column, told, code="rules_unknown_name",
                message=f"{shorten(told)} is not in the table {of}; correct it or add it there",
                name=shorten(told), of=of,
            )  # fmt: skip

    def word(
        self, table: str, at: int | str, column: str, told: object, allowed: tuple[str, ...]
    ) -> str | None:
        """One of a few words."""
        if isinstance(told, str) and told in allowed:
            return told
        self.note(
            table, at, column, told, code="rules_word",
            message=f"is not one of {', '.join(allowed)}; write one of them", allowed=", ".join(allowed),
        )  # fmt: skip
        return None

    def number(
        self, table: str, at: int | str, column: str, told: object, *, least: float = 0.0, whole: bool = False
    ) -> float | None:
        """A number, not below `least`."""
        try:
            number = float("" if isinstance(told, bool) else told)  # type: ignore[arg-type]
            if not least <= number < 1e9 or (whole and number != int(number)):
                raise ValueError
        except (TypeError, ValueError):
            kind = "whole number" if whole else "number"
            self.note(
                table, at, column, told, code="rules_whole_number" if whole else "rules_number",
                message=f"is no {kind} from {least:g} on; write one", least=f"{least:g}",
            )  # fmt: skip
            return None
        return number

    # -- settings ------------------------------------------------------------------------------------

    def settings(self, table: str) -> Mapping[str, Any] | None:
        """The settings of a table; None where it is missing, which `rule_faults` tells."""
        told = self.tables.get(table)
        return told if isinstance(told, Mapping) else None

    def setting(self, table: str, told: Mapping[str, Any], key: str, kind: type, *, under: str = "") -> Any:
        """A setting of a kind (str, int, list, dict); None after a fault."""
        path = f"{under}{key}"
        value = told.get(key, _MISSING)
        if value is _MISSING:
            self.note(
                table, under.rstrip(".") or None, path, "", code="rules_setting_missing",
                message=f"the setting {path} is missing; add it", name=path,
            )  # fmt: skip
            return None
        if not isinstance(value, kind) or (kind is str and not str(value).strip()):
            self.form(table, path, value)
            return None
        return value

    def form(self, table: str, path: str, value: object) -> None:
        """Note a setting that is written in another way than the program's own."""
        self.note(
            table, path, path, value, code="rules_setting_form",
            message=f"{path} is not written as the program's own rules write it; compare with rules export",
            name=path,
        )  # fmt: skip

    def day(self, table: str, path: str, value: object) -> date | None:
        """A day as ISO 8601."""
        try:
            return date.fromisoformat(str(value))
        except ValueError:
            self.note(
                table, path, path, value, code="rules_day",
                message=f"{shorten(value)} is no day; write it as 2027-01-01",
            )  # fmt: skip
            return None

    def only(self, table: str, told: Mapping[str, Any], names: tuple[str, ...], *, under: str = "") -> None:
        """Note settings that nobody knows: most often a word that is misspelt."""
        for name in told:
            if name not in names:
                path = f"{under}{name}"
                self.note(
                    table, path, path, "", code="rules_setting_unknown",
                    message=f"the setting {path} is unknown; delete it, or write one of {', '.join(names)}",
                    name=shorten(path), allowed=", ".join(names),
                )  # fmt: skip
