"""`zhoubian coverage posters`, `households`, `schools`: what was counted against what is asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import typer

from layers.store import Store

from .. import clock
from .. import count_words as words
from ..i18n import Lang, fault_text, text
from ..usecases import coverage_count_files as files
from ..usecases import coverage_households, coverage_posters, coverage_schools, rule_books
from ..usecases.count_rows import Counted
from ..usecases.count_tables import CountsRefusedError, write_faults
from . import moments
from .exposure import records
from .show import Door, by_option, door, json_option, opened, print_json, say, table, warn

SHOWN = 20


def register(sub: typer.Typer, lang: Lang) -> None:
    """Add the commands to the sub-application `coverage`."""
    _posters(sub, lang)
    _households(sub, lang)
    _schools(sub, lang)


def _options(lang: Lang, what: str) -> tuple[Any, Any, Any, Any]:
    return (
        typer.Option(None, "--take", metavar="FILE", help=text(f"cli.counts_take_{what}", lang)),
        typer.Option(None, metavar="FILE.xlsx", help=text("cli.counts_refused", lang)),
        by_option(lang),
        typer.Option(None, metavar="FILE", help=text("cli.counts_out", lang)),
    )


def _posters(sub: typer.Typer, lang: Lang) -> None:
    take, refused, by, out_ = _options(lang, "posters")
    json_flag = json_option(lang)

    @sub.command("posters", help=text("cli.coverage_posters", lang))
    def posters(
        context: typer.Context,
        file: Path | None = take,
        refused: Path | None = refused,
        by: str = by,
        out: Path | None = out_,
        as_json: bool = json_flag,
    ) -> None:
        here, now = door(context), clock.now()
        with opened(here) as store:
            files.check_out(store, out)
            counted = None if file is None else _take(
                here, file, refused, lambda: coverage_posters.take(store, file, who=by, now=now)
            )  # fmt: skip
            answer = coverage_posters.coverage(store, now=now)
            book = rule_books.current(store, now.date())
            _write(store, answer, out, here)
        if as_json:
            print_json(_json(counted) | {
                "by_type": records(answer.by_type), "by_theme": records(answer.by_theme),
                "shortfall": records(answer.shortfall), "left_out": answer.left_out,
                "rules": answer.rules.version,
            })  # fmt: skip
            return
        _say_counted(counted, here.lang)
        _say(answer, here.lang)
        rows = [
            (words.site_type(book, kind, here.lang), sites, met, short, unknown, words.share(share))
            for kind, sites, short, met, unknown, share in answer.by_type[
                ["site_type", "sites", "short", "met", "unknown", "share"]
            ].itertuples(index=False)
        ]
        table(
            text("counts.sheet.by_type", here.lang),
            _heads(("site_type", "sites", "met", "short_sites", "unknown", "share"), here.lang), rows,
        )  # fmt: skip
        lacking = answer.shortfall
        shown = [
            (ident, name, words.site_type(book, kind, here.lang), words.theme(answer.rules, theme, here.lang),
             required, counted_, short)
            for ident, name, kind, theme, required, counted_, short in lacking[
                ["id", "name", "site_type", "theme", "required", "counted", "short"]
            ].head(SHOWN).itertuples(index=False)
        ]  # fmt: skip
        _show_list("shortfall", ("id", "name", "site_type", "theme", "required", "counted", "short"), shown,
                   len(lacking), here.lang)  # fmt: skip
        _written(out, here.lang)


def _households(sub: typer.Typer, lang: Lang) -> None:
    take, refused, by, out_ = _options(lang, "households")
    json_flag = json_option(lang)

    @sub.command("households", help=text("cli.coverage_households", lang))
    def households(
        context: typer.Context,
        file: Path | None = take,
        until: str | None = typer.Option(None, metavar="DATE", help=text("cli.counts_until", lang)),
        refused: Path | None = refused,
        by: str = by,
        out: Path | None = out_,
        as_json: bool = json_flag,
    ) -> None:
        here, now = door(context), clock.now()
        last = None if until is None else moments.day(until)
        with opened(here) as store:
            files.check_out(store, out)
            counted = None if file is None else _take(
                here, file, refused, lambda: coverage_households.take(store, file, who=by, now=now)
            )  # fmt: skip
            answer = coverage_households.coverage(store, now=now, until=last)
            _write(store, answer, out, here)
        columns = ["id", "name", "district", "rounds", "last", "visited", "households"]
        if as_json:
            print_json(_json(counted) | {
                "until": str(answer.until), "rounds": answer.rounds, "counts": answer.counts,
                "left_out": answer.left_out, "rules": answer.version,
                "behind": records(answer.behind[columns]),
            })  # fmt: skip
            return
        _say_counted(counted, here.lang)
        _say(answer, here.lang)
        shown = [_plain(row) for row in answer.behind[columns].head(SHOWN).itertuples(index=False)]
        _show_list("behind", tuple(columns), shown, len(answer.behind), here.lang)
        _written(out, here.lang)


def _schools(sub: typer.Typer, lang: Lang) -> None:
    json_flag = json_option(lang)

    @sub.command("schools", help=text("cli.coverage_schools", lang))
    def schools(
        context: typer.Context,
        out: Path | None = typer.Option(None, metavar="FILE", help=text("cli.counts_out", lang)),
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        with opened(here) as store:
            files.check_out(store, out)
            answer = coverage_schools.zones(store, now=clock.now())
            warn(store, here.lang)
            _write(store, answer, out, here)
        columns = ["id", "name", "district", "open", "closed", "venues", "nearest_m"]
        busy = answer.schools[answer.schools["state"] != "clear"]
        busy = busy.sort_values(["open", "venues", "closed", "id"], ascending=[False, False, False, True])
        if as_json:
            print_json({
                "zone_m": answer.rules.zone_m, "counts": answer.counts, "rules": answer.rules.version,
                "schools": records(busy[columns]), "found": records(answer.found.drop(columns="geometry")),
            })  # fmt: skip
            return
        _say(answer, here.lang)
        shown = [_plain(row) for row in busy[columns].head(SHOWN).itertuples(index=False)]
        _show_list("schools", tuple(columns), shown, len(busy), here.lang)
        _written(out, here.lang)


def _take(here: Door, file: Path, refused: Path | None, take: Callable[[], Counted]) -> Counted:
    """Take a table; its faults are shown, and written where that was asked."""
    try:
        return take()
    except CountsRefusedError as error:
        rows = [
            (one.row, one.column, one.value, fault_text(one, here.lang)) for one in error.form.faults[:SHOWN]
        ]
        heads = [text(f"rules.head.{name}", here.lang) for name in ("row", "column", "value", "reason")]
        count = len(error.form.faults)
        table(text("counts.refused_title", here.lang, source=file.name, count=count), heads, rows)
        if refused is not None:
            write_faults(refused, error.form, here.lang)
            say(text("cli.written", here.lang, file=refused))
        raise


def _write(store: Store, answer: files.Answer, out: Path | None, here: Door) -> None:
    if out is not None:
        files.write_answer(store, answer, rule_books.current(store, clock.now().date()), out, here.lang)


def _say(answer: files.Answer, lang: Lang) -> None:
    say(words.title(files.subject_of(answer), lang))
    for label, value in files.lines_of(answer, lang):
        say(f"{label}: {value}")


def _say_counted(counted: Counted | None, lang: Lang) -> None:
    if counted is not None:
        facts = {"new": counted.new, "changed": counted.changed, "unchanged": counted.unchanged}
        say(text("cli.counts_taken", lang, source=counted.source, rows=counted.rows, **facts))


def _json(counted: Counted | None) -> dict[str, Any]:
    if counted is None:
        return {}
    return {"taken": {"source": counted.source, "rows": counted.rows, "new": counted.new,
                      "changed": counted.changed, "unchanged": counted.unchanged}}  # fmt: skip


def _show_list(
    name: str, heads: tuple[str, ...], rows: Sequence[tuple[object, ...]], count: int, lang: Lang
) -> None:
    if rows:
        title = text("counts.listed", lang, what=text(f"counts.sheet.{name}", lang), count=count,
                     shown=len(rows))  # fmt: skip
        table(title, _heads(heads, lang), rows)


def _plain(row: tuple[Any, ...]) -> tuple[object, ...]:
    """Cells as they are shown: missing ones empty."""
    return tuple("" if pd.isna(value) else value for value in row)


def _written(out: Path | None, lang: Lang) -> None:
    if out is not None:
        say(text("cli.written", lang, file=out))


def _heads(names: tuple[str, ...], lang: Lang) -> list[str]:
    return [text(f"counts.head.{name}", lang) for name in names]
