"""`zhoubian import`, `undo`, `imports`, `refused`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import typer

from geo.errors import LayerError, ZhoubianError
from layers.faults import Fault, Note
from layers.intake import PASSED_OVER

from .. import clock
from ..errors import outcome
from ..i18n import Lang, error_text, fault_text, text
from ..usecases import import_look, import_sources, imports
from ..usecases.datum_check import label
from .show import Door, ask, door, fail, json_option, print_json, progress, say, table

SHOWN = 20
FIRST_ROWS = 5
FIRST_COLUMNS = 10
ALL = "all"
"""``--part all``: every sheet, layer or file, one after the other."""


def register(program: typer.Typer, lang: Lang) -> None:
    """Add the commands to the program."""
    json_flag = json_option(lang)

    def told(name: str, **facts: Any) -> str:
        return text(f"cli.import_{name}", lang, **facts)

    @program.command("import", help=text("cli.import", lang))
    def import_(
        context: typer.Context,
        file: Path = typer.Argument(..., metavar="FILE", help=told("file")),
        kind: str | None = typer.Option(None, "--as", help=told("as", kinds=", ".join(imports.KINDS))),
        datum: str | None = typer.Option(None, help=told("datum")),
        class_: str | None = typer.Option(None, "--class", help=told("class", classes=", ".join(_classes()))),
        part: str | None = typer.Option(None, "--part", "--sheet", "--layer", help=told("part")),
        encoding: str | None = typer.Option(None, help=told("encoding")),
        map_: list[str] | None = typer.Option(None, "--map", metavar="FIELD=HEADING", help=told("map")),
        year: int | None = typer.Option(None, min=1990, max=2100, help=told("year")),
        update: bool = typer.Option(False, "--update", help=told("update")),
        keep_duplicates: bool = typer.Option(False, "--keep-duplicates", help=told("keep_duplicates")),
        dry_run: bool = typer.Option(False, "--dry-run", help=told("dry_run")),
        refused: Path | None = typer.Option(None, metavar="FILE.xlsx", help=told("refused")),
        licence: str | None = typer.Option(None, help=told("licence")),
        attribution: str | None = typer.Option(None, help=told("attribution")),
        all_: bool = typer.Option(False, "--all", help=told("all")),
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        options = imports.Options(
            kind or "", datum=datum, given_class=class_, part=part, encoding=encoding,
            columns=_mapping(map_ or []), year=year, update=update, keep_duplicates=keep_duplicates,
            licence=licence, attribution=attribution, dry_run=dry_run,
        )  # fmt: skip
        done = _Import(here, as_json=as_json, limit=None if all_ else SHOWN, refused=refused)
        files = import_sources.files_of(file)
        jobs = [
            (one, chosen)
            for one in files
            for chosen in done.chosen(
                one, replace(options, kind=kind or import_sources.require_kind(one.name))
            )
        ]
        if refused is not None and len(jobs) > 1:
            raise LayerError(
                "--refused goes with one table; write those of each with zhoubian refused BATCH --out",
                code="refused_several",
            )
        for one, chosen in jobs:
            done.take(one, chosen, alone=len(jobs) == 1)
        done.finish()

    @program.command("undo", help=text("cli.undo", lang))
    def undo(
        context: typer.Context,
        batch: int = typer.Argument(..., help=text("cli.undo_batch", lang)),
        anyway: bool = typer.Option(False, "--anyway", help=text("cli.undo_anyway", lang)),
    ) -> None:
        here = door(context)
        undone = imports.undo(here.settings.store, batch, now=clock.now(), anyway=anyway)
        say(text("cli.undone", here.lang, batch=undone.id, source=undone.source))

    @program.command("refused", help=text("cli.refused", lang))
    def refused_(
        context: typer.Context,
        batch: int = typer.Argument(..., help=text("cli.refused_batch", lang)),
        out: Path = typer.Option(..., metavar="FILE.xlsx", help=text("cli.refused_out", lang)),
    ) -> None:
        here = door(context)
        count = imports.refused_again(here.settings.store, batch, out, here.lang)
        say(text("cli.refused_written", here.lang, count=count, file=out))

    @program.command("imports", help=text("cli.imports", lang))
    def history(context: typer.Context, as_json: bool = json_flag) -> None:
        here = door(context)
        found = imports.history(here.settings.store)
        if as_json:
            print_json(
                [
                    {"batch": b.id, "source": b.source, "as": b.kind, "imported_at": b.imported_at,
                     "datum": b.datum,
                     "counts": b.counts, "undone_at": b.undone_at}
                    for b in found
                ]
            )  # fmt: skip
            return
        heads = [
            text(f"cli.head.{name}", here.lang)
            for name in ("batch", "source", "as", "accepted", "fixed", "refused", "at", "undone")
        ]
        rows = [
            (b.id, b.source, b.kind,
             *(sum(c.get(k, 0) for c in b.counts.values()) for k in ("accepted", "fixed", "refused")),
             b.imported_at[:16].replace("T", " "), (b.undone_at or "")[:16].replace("T", " "))
            for b in found
        ]  # fmt: skip
        table(text("cli.imports_title", here.lang), heads, rows)


def _classes() -> list[str]:
    return list(dict.fromkeys(word for kind in imports.KINDS for word in imports.classes_of(kind)))


def _mapping(given: list[str]) -> dict[str, str]:
    """``field=heading`` as a user types it."""
    pairs = [one.partition("=") for one in given]
    wrong = [
        one
        for one, (field, sign, heading) in zip(given, pairs, strict=True)
        if not (field and sign and heading)
    ]
    if wrong:
        raise LayerError(
            f"--map {wrong[0]!r} is not field=heading; write for example --map lon=经度", code="map_form",
            given=wrong[0],
        )  # fmt: skip
    return {field.strip(): heading.strip() for field, _, heading in pairs}


class _Import:
    """The files of one call, one after the other, and what is shown of each."""

    def __init__(self, here: Door, *, as_json: bool, limit: int | None, refused: Path | None) -> None:
        self._here = here
        self._json: list[dict[str, Any]] | None = [] if as_json else None
        self._limit = limit
        self._refused = refused
        self._failed: list[tuple[Path, ZhoubianError]] = []

    def chosen(self, file: Path, options: imports.Options) -> Iterator[imports.Options]:
        """One set of options per part that is to be imported."""
        if options.part != ALL:
            yield options
            return
        parts: list[str | None] = [*import_sources.parts_of(file)]
        yield from (replace(options, part=part) for part in parts or [None])

    def take(self, file: Path, options: imports.Options, *, alone: bool) -> None:
        """Import one table; of several files the others go on when one fails."""
        try:
            self._show(self._run(file, options))
        except ZhoubianError as error:
            if error.code == "part_needed" and alone and options.part is None and (part := self._ask(file)):
                self._show(self._run(file, replace(options, part=part)))
                return
            if isinstance(error, imports.NothingAcceptedError):
                self._show(error.report)
            elif self._json is not None:
                self._json.append({"source": file.name, "error": imports.error_json(error)})
            if alone:
                self.finish()
                raise
            self._failed.append((file, error))

    def finish(self) -> None:
        """The JSON of all, and the files that failed."""
        if self._json is not None:
            print_json(self._json[0] if len(self._json) == 1 else self._json)
        for _, error in self._failed:
            fail(error_text(error, self._here.lang), self._here.lang)
        if self._failed:
            raise typer.Exit(max(outcome(error).exit_code for _, error in self._failed))

    def _run(self, file: Path, options: imports.Options) -> imports.ImportReport:
        def write(report: imports.ImportReport, rows: imports.RefusedRows) -> None:
            assert self._refused is not None  # noqa: S101 - only called where it is given
            imports.refused_workbook(self._refused, report.batch, rows, self._here.lang)

        if options.dry_run and self._json is None:
            show_look(import_look.look(self._here.settings.store, file, options), self._here.lang)
        with progress(file.name) as report:
            return imports.run(
                self._here.settings.store, file, options, now=clock.now(), progress=report,
                refused=None if self._refused is None else write,
            )  # fmt: skip

    def _ask(self, file: Path) -> str | None:
        """Which part is meant, where somebody sits at the screen to be asked."""
        if self._json is not None or not sys.stdin.isatty():
            return None
        return ask(text("cli.which_part", self._here.lang, file=file.name), import_sources.parts_of(file))

    def _show(self, report: imports.ImportReport) -> None:
        if self._json is not None:
            self._json.append(imports.as_json(report))
        else:
            show(report, self._here, self._limit)


def show_look(found: import_look.LookReport, lang: Lang) -> None:
    """The first rows as they stand in the file, under what each column was taken for."""
    if not found.headings:
        return
    field_of = {heading: field for field, heading in (found.columns or {}).items()}
    heads = [
        heading if heading not in field_of else f"{heading} → {field_of[heading]}"
        for heading in found.headings[:FIRST_COLUMNS]
    ]
    more = len(found.headings) - FIRST_COLUMNS
    rows = [(row, *cells[:FIRST_COLUMNS]) for row, cells in zip(found.rows, found.first, strict=True)]
    title = text("cli.look_title", lang, source=found.file, encoding=found.encoding or "—")
    table(title, [text("cli.head.row", lang), *heads], rows[:FIRST_ROWS])
    if more > 0:
        say(text("cli.look_more", lang, count=more, columns=", ".join(found.headings[FIRST_COLUMNS:])[:200]))


def show(done: imports.ImportReport, here: Door, limit: int | None) -> None:
    """The report as a person reads it."""
    lang = here.lang
    names = ("layer", "read", "accepted", "fixed", "refused", "units")
    heads = [text(f"cli.head.{name}", lang) for name in names]
    rows = [
        (text(f"layer.{layer}", lang), c["read"], c["accepted"], c["fixed"], c["refused"], c["merged"])
        for layer, c in done.batch.counts.items()
    ]
    facts = {"source": done.batch.source, "datum": label(done.batch.datum or "")}
    if not done.stored:
        title = text("cli.dry_run_title", lang, **facts)
    else:
        title = text("cli.imported", lang, batch=done.batch.id, **facts)
    table(title, heads, rows)
    _show_notes(done.notes, lang)
    _show_reasons(done.reasons, lang)
    _show_refused(done, lang, limit)


def _show_notes(notes: Sequence[Note], lang: Lang) -> None:
    for note in notes:
        say("· " + text(f"note.{note.code}", lang, **note.facts))


def _show_reasons(reasons: Mapping[str, Mapping[str, int]], lang: Lang) -> None:
    """Rows that are no records at all are counted in a line of their own: there is nothing to mend."""
    empty, totals = [sum(of_layer.get(code, 0) for of_layer in reasons.values()) for code in PASSED_OVER]
    if empty or totals:
        say("· " + text("cli.passed_over", lang, empty=empty, totals=totals))


def _show_refused(done: imports.ImportReport, lang: Lang, limit: int | None) -> None:
    faults: list[Fault] = [
        fault for group in done.faults.values() for fault in group if fault.code not in PASSED_OVER
    ]
    count = sum(
        number
        for of_layer in done.reasons.values()
        for code, number in of_layer.items()
        if code not in PASSED_OVER
    )
    if not faults:
        return
    heads = [text(f"cli.head.{name}", lang) for name in ("row", "column", "value", "reason")]
    rows = [(f.row, f.column, f.value, fault_text(f, lang)) for f in faults[:limit]]
    table(text("cli.refused_title", lang, count=count), heads, rows)
    if len(rows) < count:
        say(text("cli.refused_more", lang, count=count - len(rows)))
