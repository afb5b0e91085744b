"""`zhoubian rules`: check, export, import."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer

from layers.store import Store

from .. import clock
from ..i18n import Lang, fault_text, text, texts
from ..supervision.rule_faults import RulesUnsoundError
from ..usecases import rule_editing
from ..usecases.rule_editing import Checked, Version
from .show import Door, door, json_option, print_json, say, sub_program, table

FAULTY = 1


def register(program: typer.Typer, lang: Lang) -> None:
    """Add the commands to the program."""
    group = sub_program(program, "rules", lang)
    json_flag = json_option(lang)
    book: Any = typer.Argument(..., metavar="FILE|FOLDER", help=text("cli.rules_file", lang))

    @group.command("check", help=text("cli.rules_check", lang))
    def check(
        context: typer.Context,
        file: Path | None = typer.Argument(None, metavar="FILE|FOLDER", help=text("cli.rules_file", lang)),
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        told: Sequence[tuple[Version | None, Checked]]
        with _store(here) as store:
            if file is None:
                told = rule_editing.check_store(store, clock.now())
            else:
                told = [(None, rule_editing.check_file(store, file, clock.now()))]
        if as_json:
            shown = [_json(version, checked, here.lang) for version, checked in told]
            print_json(shown if file is None else shown[0])
        elif file is None:
            _show_versions([(version, checked) for version, checked in told if version], here.lang)
        else:
            _show(told[0][1], here.lang)
        if any(checked.faults for _, checked in told):
            raise typer.Exit(FAULTY)

    @group.command("export", help=text("cli.rules_export", lang))
    def export(
        context: typer.Context,
        out: Path = typer.Option(..., metavar="FILE.xlsx", help=text("cli.rules_out", lang)),
        version: str | None = typer.Option(None, help=text("cli.rules_version", lang)),
    ) -> None:
        here = door(context)
        with _store(here) as store:
            written = rule_editing.export(store, out, here.lang, clock.now(), version)
        say(text("cli.rules_written", here.lang, version=written.version, file=out))

    @group.command("import", help=text("cli.rules_import", lang))
    def import_(
        context: typer.Context,
        file: Path = book,
        dry_run: bool = typer.Option(False, "--dry-run", help=text("cli.rules_dry_run", lang)),
        refused: Path | None = typer.Option(None, metavar="FILE.xlsx", help=text("cli.rules_refused", lang)),
    ) -> None:
        here = door(context)
        try:
            taken = rule_editing.take_into(
                here.settings.store, file, now=clock.now(), dry_run=dry_run, refused=refused, lang=here.lang
            )
        except RulesUnsoundError as error:
            _show_faults(error.found, file.name, here.lang)
            if refused is not None:
                count = len(error.found)
                say(text("cli.rules_faults_written", here.lang, count=count, file=refused))
            raise
        _show(taken.checked, here.lang)
        version = taken.checked.version
        if taken.stored:
            since = taken.checked.valid_from
            say(text("cli.rules_stored", here.lang, version=version, since=since))
        else:
            say(text("cli.rules_dry", here.lang) if dry_run
                else text("cli.rules_known", here.lang, version=version))  # fmt: skip


@contextmanager
def _store(here: Door) -> Iterator[Store | None]:
    """The store where there is one: the program's own rules hold without it."""
    if not here.settings.store.exists():
        yield None
        return
    with Store.open(here.settings.store, create=False) as store:
        yield store


def _show_versions(told: list[tuple[Version, Checked]], lang: Lang) -> None:
    names = ("version", "name", "from", "until", "origin", "stored_at", "holds", "faults")
    rows = [
        (one.version, one.zh if lang == "zh" else one.en, one.valid_from, one.valid_until,
         text(f"rules.origin.{one.origin}", lang), (one.stored_at or "")[:16].replace("T", " "),
         text("rules.yes", lang) if one.holds else "", len(checked.faults))
        for one, checked in told
    ]  # fmt: skip
    table(text("cli.rules_versions", lang), _heads(names, lang), rows)
    for _, checked in told:
        if checked.faults:
            _show_faults(checked.faults, checked.source, lang)
        _show_notes(checked, lang)


def _show(checked: Checked, lang: Lang) -> None:
    names = {"units": "units", "types": "site_types", "items": "checklists", "categories": "issue_categories"}
    counts = {name: checked.counts.get(of, 0) for name, of in names.items()}
    say(text("cli.rules_checked", lang, source=checked.source, version=checked.version, **counts))
    _show_notes(checked, lang)
    if checked.faults:
        _show_faults(checked.faults, checked.source, lang)
        return
    say(text("cli.rules_sound", lang))
    if not checked.changes:
        say(text("cli.rules_same", lang))
        return
    rows = [
        (f"{name} {text(f'rules.sheet.{name}', lang)}", *numbers) for name, numbers in checked.changes.items()
    ]
    table(text("cli.rules_changes", lang), _heads(("sheet", "added", "removed", "changed"), lang), rows)


def _show_notes(checked: Checked, lang: Lang) -> None:
    for note in checked.notes:
        say("· " + text(f"note.{note.code}", lang, **note.facts))
    if checked.ignored:
        say("· " + text("cli.rules_ignored", lang, sheets=", ".join(checked.ignored)))


def _show_faults(faults: list[Any], source: str, lang: Lang) -> None:
    rows = [
        (_named("sheet", one.facts["sheet"], lang), one.row, _named("column", one.column, lang), one.value,
         *rule_editing.parted(fault_text(one, lang)))
        for one in faults
    ]  # fmt: skip
    names = ("sheet", "row", "column", "value", "reason", "advice")
    table(text("rules.faults_title", lang, source=source, count=len(rows)), _heads(names, lang), rows)


def _named(kind: str, name: str, lang: Lang) -> str:
    """A sheet or column as a Chinese workbook heads it; in English as the tables name it."""
    code = f"rules.{kind}.{name}"
    return text(code, lang) if lang == "zh" and code in texts() else name


def _json(version: Version | None, checked: Checked, lang: Lang) -> dict[str, Any]:
    told: dict[str, Any] = {} if version is None else asdict(version)
    told.pop("tables", None)
    faults = [
        {"sheet": one.facts["sheet"], "row": one.row, "column": one.column, "value": one.value,
         "code": one.code, "message": fault_text(one, lang)}
        for one in checked.faults
    ]  # fmt: skip
    return told | {
        "source": checked.source, "version": checked.version, "sha256": checked.sha256,
        "counts": checked.counts, "changes": checked.changes, "faults": faults,
        "notes": [{"code": note.code, **note.facts} for note in checked.notes],
        "ignored": checked.ignored,
    }  # fmt: skip


def _heads(names: tuple[str, ...], lang: Lang) -> list[str]:
    return [text(f"rules.head.{name}", lang) for name in names]
