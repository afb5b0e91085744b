"""The rule book as an office edits it: check it, write it as one workbook, take a new version into the store.

A version that is stored is never changed: what was inspected, assigned or scored with it keeps it. A
book with any fault is refused whole, with all its faults.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Row, func, insert, select, update

from geo.errors import LayerError
from layers import rule_workbook, tables
from layers.faults import Fault, Note
from layers.refused_rows import write_refused
from layers.rule_tables import COLUMNS, SETTINGS, Places, RuleTables, digest, shipped, take_folder, version_of
from layers.store import Store

from ..i18n import Lang, fault_text, text, texts
from ..supervision import rule_faults
from ..supervision.cards import CLOSED
from ..supervision.rule_faults import RulesUnsoundError
from . import rule_books


@dataclass(frozen=True)
class Version:
    """A version of the rules.

    Parameters
    ----------
    origin : str
        ``shipped`` with the program, ``stored`` by the office, or ``kept`` for what was inspected with it.
    holds : bool
        It is the one that holds today.
    """

    version: str
    zh: str
    en: str
    valid_from: str
    valid_until: str | None
    sha256: str
    stored_at: str | None
    origin: str
    holds: bool
    tables: RuleTables = field(repr=False)


@dataclass(frozen=True)
class Checked:
    """What a rule book holds and what is wrong with it.

    Parameters
    ----------
    source : str
        Name of the file or folder, or the version.
    counts : {table: rows}
    changes : {table: (added, removed, changed)}
        Against the rules that hold today; only tables that differ.
    faults : list of Fault
        Each names its `sheet` in its facts.
    notes : list of Note
    ignored : tuple of str
        Sheets that are no part of a rule book.
    """

    source: str
    version: str
    valid_from: str
    sha256: str
    counts: Mapping[str, int]
    changes: Mapping[str, tuple[int, int, int]]
    faults: list[Fault]
    notes: list[Note]
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True)
class Taken:
    """A rule book that was taken in. `stored`: False in a dry run and where the store had it already."""

    checked: Checked
    stored: bool


# -- what there is -----------------------------------------------------------------------------------


def versions(store: Store | None, today: date) -> list[Version]:
    """The versions there are, the one that comes with the program first, then by the day they begin."""
    own = shipped()
    holding = own["rules"]["version"] if store is None else rule_books.current(store, today).version
    found: list[Version] = []
    if store is not None:
        books = tables.rule_books
        with store.reading() as connection:
            rows = connection.execute(select(books).order_by(books.c.valid_from, books.c.stored_at)).all()
        found = [_version(row.record, _origin(row, own), holding, row.stored_at) for row in rows]
    if version_of(own) not in {one.version for one in found}:
        found.insert(0, _version(own, "shipped", holding, None))
    return found


def _origin(row: Row[Any], own: RuleTables) -> str:
    """Where a stored version comes from: one that holds on no day was only kept."""
    if not row.valid_until or row.valid_until >= row.valid_from:
        return "stored"
    return "shipped" if digest(row.record) == digest(own) else "kept"


def _version(record: RuleTables, origin: str, holding: str, stored_at: str | None) -> Version:
    head = record["rules"]
    return Version(
        str(head["version"]), head["zh"], head["en"], head["valid_from"], head.get("valid_until"),
        digest(record), stored_at, origin, head["version"] == holding, record,
    )  # fmt: skip


def check_store(store: Store | None, now: datetime) -> list[tuple[Version, Checked]]:
    """Every version there is, checked; notes only of the one that holds today."""
    found = []
    for version in versions(store, now.date()):
        checked = _checked(store if version.holds else None, version.version, version.tables, Places(), now)
        found.append((version, checked if version.holds else replace(checked, notes=[])))
    return found


def check_file(store: Store | None, file: Path, now: datetime) -> Checked:
    """A workbook or a folder of an office, checked; nothing is stored.

    Raises
    ------
    LayerError
        `rules_file`, and as when any workbook is read.
    """
    told, places = _read(file)
    return _checked(store, file.name, told, places, now)


# -- out and in --------------------------------------------------------------------------------------


def export(store: Store | None, out: Path, lang: Lang, now: datetime, version: str | None = None) -> Version:
    """Write a version of the rules as a workbook, by default the one that holds today.

    Raises
    ------
    NotFoundError
        `rules_unknown`.
    LayerError
        `rules_out`, or if it cannot be written.
    """
    if out.suffix.lower() != ".xlsx":
        raise LayerError(
            f"{out.name}: the rules are written as a workbook; name a file that ends in .xlsx",
            code="rules_out", file=out.name,
        )  # fmt: skip
    known = versions(store, now.date())
    found = next((one for one in known if one.version == version or (version is None and one.holds)), None)
    if found is None:
        raise rule_books.unknown(version or "")
    rule_workbook.write(out, found.tables, lambda code: _words(code, lang))
    return found


def take_into(
    path: Path, file: Path, *, now: datetime, dry_run: bool = False, refused: Path | None = None,
    lang: Lang = "zh",
) -> Taken:  # fmt: skip
    """`take` into the store at a path; none is made for a book that is not taken."""
    if not path.exists():
        checked = check_file(None, file, now)
        if checked.faults:
            raise _refusal(checked, refused, lang)
        if dry_run:
            return Taken(checked, stored=False)
    with Store.open(path, create=True) as store:
        return take(store, file, now=now, dry_run=dry_run, refused=refused, lang=lang)


def take(
    store: Store, file: Path, *, now: datetime, dry_run: bool = False, refused: Path | None = None,
    lang: Lang = "zh",
) -> Taken:  # fmt: skip
    """Store a version of the rules that an office has written.

    Parameters
    ----------
    refused : Path, optional
        Where the faults are written as a workbook, if there are any.

    Raises
    ------
    RulesUnsoundError
        With all faults.
    LayerError
        `rules_version_taken`: the version is there with other rules; `rules_file`; as when any workbook is
        read.
    """
    told, places = _read(file)
    checked = _checked(store, file.name, told, places, now)
    if checked.faults:
        raise _refusal(checked, refused, lang)
    known = {one.version: one for one in versions(store, now.date())}.get(checked.version)
    if known is not None and known.sha256 != checked.sha256:
        raise LayerError(
            f"{file.name}: there is a version {checked.version} with other rules already, and what was"
            " inspected with it keeps it; give the changed rules a version of their own in the table rules",
            code="rules_version_taken", file=file.name, version=checked.version,
        )  # fmt: skip
    if dry_run or (known is not None and known.origin == "stored"):
        return Taken(checked, stored=False)
    _store(store, told, checked.sha256, now)
    return Taken(checked, stored=True)


def _refusal(checked: Checked, refused: Path | None, lang: Lang) -> RulesUnsoundError:
    if refused is not None:
        write_faults(refused, checked, lang)
    return RulesUnsoundError(checked.version, checked.faults)


def _store(store: Store, told: RuleTables, sha256: str, now: datetime) -> None:
    """Add a version; one that was only kept now holds as it says."""
    head, books = told["rules"], tables.rule_books
    holds = {"valid_from": head["valid_from"], "valid_until": head.get("valid_until") or None}
    with store.writing() as connection:
        mended = connection.execute(
            update(books).where(books.c.version == head["version"]).values(stored_at=now.isoformat(), **holds)
        )
        if not mended.rowcount:
            connection.execute(
                insert(books).values(
                    version=head["version"], sha256=sha256, stored_at=now.isoformat(), record=told, **holds
                )
            )


def write_faults(out: Path, checked: Checked, lang: Lang) -> int:
    """Write the faults of a rule book as a workbook: reason, row, sheet, column, value, what to do."""
    heads = {name: text(f"rules.head.{name}", lang) for name in ("reason", "row", "sheet", "column", "value",
                                                                "advice")}  # fmt: skip
    rows = []
    for fault in checked.faults:
        reason, advice = parted(fault_text(fault, lang))
        rows.append((reason, fault.row, [fault.facts["sheet"], fault.column, fault.value, advice]))
    title = text("rules.faults_title", lang, source=checked.source, count=len(rows))
    named = [heads[name] for name in ("sheet", "column", "value", "advice")]
    return write_refused(out, title, (heads["reason"], heads["row"]), named, rows)


def parted(sentence: str) -> tuple[str, str]:
    """What is wrong, and what to do."""
    reason, _, advice = sentence.replace("；", "; ").partition("; ")
    return reason, advice


# -- checking ----------------------------------------------------------------------------------------


def _read(file: Path) -> tuple[RuleTables, Places]:
    if file.is_dir():
        return take_folder(file)
    if file.suffix.lower() not in (".xlsx", ".xls"):
        raise LayerError(
            f"{file.name} is no rule book; name an .xlsx of zhoubian rules export, or a folder with its"
            " tables as .csv and .toml",
            code="rules_file", file=file.name,
        )  # fmt: skip
    return rule_workbook.read(file)


def _checked(
    store: Store | None, source: str, told: RuleTables, places: Places, now: datetime
) -> Checked:  # fmt: skip
    found = rule_faults.faults(told, places)
    if not found and store is not None:
        found = list(_used_elsewhere(store, told, places))
    counts = {name: len(told[name]) for name in COLUMNS if isinstance(told.get(name), list)}
    if found:
        return Checked(source, version_of(told), "", "", counts, {}, found, [], places.ignored)
    present = shipped() if store is None else _holding(store, now.date())
    notes = rule_faults.warnings(told, now.date())
    return Checked(
        source, version_of(told), told["rules"]["valid_from"], digest(told), counts, changes(present, told),
        [], notes, places.ignored,
    )  # fmt: skip


def _holding(store: Store, today: date) -> RuleTables:
    return next(one.tables for one in versions(store, today) if one.holds)


def _used_elsewhere(store: Store, told: RuleTables, places: Places) -> Iterator[Fault]:
    """Categories of open issues that a book does not have: nobody would know when they are due."""
    cases, known = tables.cases, {row["code"] for row in told["issue_categories"]}
    open_ = (cases.c.withdrawn_at.is_(None), cases.c.merged_into.is_(None), cases.c.state.not_in(CLOSED))
    with store.reading() as connection:
        query = select(cases.c.category, func.count()).where(*open_).group_by(cases.c.category)
        used = {str(category): int(count) for category, count in connection.execute(query)}
    table = "issue_categories"
    for category in sorted(set(used) - known):
        yield Fault(
            "", "code", category, code="rules_category_used",
            message=f"{used[category]} open issues are of the category {category}, which the table does not"
            " have; keep it until they are closed",
            facts={"sheet": places.sheet(table), "table": table, "count": used[category],
                   "category": category},
        )  # fmt: skip


def changes(before: RuleTables, after: RuleTables) -> dict[str, tuple[int, int, int]]:
    """Rows and settings that were added, removed and changed, by table; only tables that differ."""
    found = {}
    for name in (*COLUMNS, *SETTINGS):
        one, other = _by_key(name, before), _by_key(name, after)
        told = (
            len(other.keys() - one.keys()), len(one.keys() - other.keys()),
            sum(one[key] != other[key] for key in one.keys() & other.keys()),
        )  # fmt: skip
        if any(told):
            found[name] = told
    return found


def _by_key(name: str, told: RuleTables) -> dict[str, Any]:
    if name in COLUMNS:
        return {row[COLUMNS[name][0]]: row for row in told.get(name, [])}
    found: dict[str, Any] = {}
    for key, value, _ in rule_workbook.settings_of(told.get(name, {})):
        found.setdefault(key, []).append(json.dumps(value))
    return found


def _words(code: str, lang: Lang) -> str:
    """A text of the workbook; a setting without a meaning of its own has none."""
    pair = texts().get(f"rules.{code}")
    return "" if pair is None else pair[lang]
