"""`zhoubian import`, `zhoubian undo`, `zhoubian imports`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import typer

from geo.design import ANCHOR_CLASSES
from layers.faults import Fault, Note

from .. import clock
from ..i18n import Lang, fault_text, text
from ..usecases import imports
from .show import Door, door, json_option, print_json, progress, say, table

SHOWN = 20


def register(program: typer.Typer, lang: Lang) -> None:
    """Add the commands to the program."""
    json_flag = json_option(lang)

    @program.command("import", help=text("cli.import", lang))
    def import_(
        context: typer.Context,
        file: Path = typer.Argument(..., metavar="FILE", help=text("cli.import_file", lang)),
        kind: str = typer.Option(
            ..., "--as", help=text("cli.import_as", lang, kinds=", ".join(imports.KINDS))
        ),
        datum: str | None = typer.Option(None, help=text("cli.import_datum", lang)),
        class_: str | None = typer.Option(
            None, "--class", help=text("cli.import_class", lang, classes=", ".join(ANCHOR_CLASSES))
        ),
        update: bool = typer.Option(False, "--update", help=text("cli.import_update", lang)),
        licence: str | None = typer.Option(None, help=text("cli.import_licence", lang)),
        attribution: str | None = typer.Option(None, help=text("cli.import_attribution", lang)),
        all_: bool = typer.Option(False, "--all", help=text("cli.import_all", lang)),
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        limit = None if all_ else SHOWN
        try:
            with progress(file.name) as report:
                done = imports.run(
                    here.settings.store, file, kind, now=clock.now(), datum=datum, anchor_class=class_,
                    update=update, licence=licence, attribution=attribution, progress=report,
                )  # fmt: skip
        except imports.NothingAcceptedError as refused:
            if as_json:
                print_json(refused.report)
            else:
                _show_notes(refused.notes, refused.faults, here.lang, limit)
            raise
        if as_json:
            print_json(imports.as_json(done))
        else:
            show(done, here, limit)

    @program.command("undo", help=text("cli.undo", lang))
    def undo(
        context: typer.Context,
        batch: int = typer.Argument(..., help=text("cli.undo_batch", lang)),
    ) -> None:
        here = door(context)
        undone = imports.undo(here.settings.store, batch, now=clock.now())
        say(text("cli.undone", here.lang, batch=undone.id, source=undone.source))

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
            for name in ("batch", "source", "as", "accepted", "refused", "at", "undone")
        ]
        rows = [
            (b.id, b.source, b.kind,
             *(sum(c.get(k, 0) for c in b.counts.values()) for k in ("accepted", "refused")),
             b.imported_at[:16].replace("T", " "), (b.undone_at or "")[:16].replace("T", " "))
            for b in found
        ]  # fmt: skip
        table(text("cli.imports_title", here.lang), heads, rows)


def show(done: imports.ImportReport, here: Door, limit: int | None) -> None:
    """The report as a person reads it."""
    lang = here.lang
    heads = [text(f"cli.head.{name}", lang) for name in ("layer", "read", "accepted", "refused", "units")]
    rows = [
        (text(f"layer.{layer}", lang), c["read"], c["accepted"], c["refused"], c["merged"])
        for layer, c in done.batch.counts.items()
    ]
    title = text("cli.imported", lang, source=done.batch.source, batch=done.batch.id, datum=done.batch.datum)
    table(title, heads, rows)
    _show_notes(done.notes, done.faults, lang, limit)


def _show_notes(
    notes: Sequence[Note], refused: Mapping[str, Sequence[Fault]], lang: Lang, limit: int | None
) -> None:
    for note in notes:
        say("· " + text(f"note.{note.code}", lang, **note.facts))
    faults = [fault for group in refused.values() for fault in group]
    if faults:
        heads = [text(f"cli.head.{name}", lang) for name in ("row", "column", "value", "reason")]
        rows_ = [(f.row, f.column, f.value, fault_text(f, lang)) for f in faults[:limit]]
        table(text("cli.refused_title", lang, count=len(faults)), heads, rows_)
        if limit is not None and len(faults) > limit:
            say(text("cli.refused_more", lang, count=len(faults) - limit))
