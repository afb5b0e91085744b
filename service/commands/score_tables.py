"""`zhoubian score table`, `score site`, `score compare`: scores of missions with their base."""

from __future__ import annotations

from pathlib import Path

import typer

from .. import score_words as words
from ..i18n import Lang, text
from ..usecases import score_files, score_rounds, score_tables
from .exposure import records
from .show import door, json_option, opened, print_json, say, table


def register(group: typer.Typer, lang: Lang) -> None:
    """Add the commands to the sub-application."""
    _table(group, lang)
    _site(group, lang)
    _compare(group, lang)


def split(missions: str | None) -> list[str]:
    """Names with commas between them, those of a Chinese keyboard too."""
    told = (missions or "").replace("，", ",").split(",")
    return [name.strip() for name in told if name.strip()]


def _table(group: typer.Typer, lang: Lang) -> None:
    json_flag = json_option(lang)

    @group.command("table", help=text("cli.score_table", lang))
    def table_(
        context: typer.Context,
        by: str = typer.Option("type", help=text("cli.score_by", lang)),
        mission: str | None = typer.Option(None, help=text("cli.score_mission", lang)),
        latest: bool = typer.Option(False, "--latest", help=text("cli.score_latest", lang)),
        out: Path | None = typer.Option(None, help=text("cli.table_out", lang)),
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        with opened(here) as store:
            score_files.check_out(store, out)
            scored = score_tables.read(store, split(mission) or score_tables.usual(store, by))
            rows = score_tables.grouped(scored, by, latest=latest)
            whole = score_tables.whole(scored, latest=latest)
            if out is not None:
                score_files.save_table(store, scored, rows, by, whole, out, here.lang)
        if as_json:
            told = records(score_tables.as_table(rows))
            print_json({**score_tables.told(scored, whole), "by": by, "latest": latest, "rows": told})
            return
        for line in words.lines(words.beside(scored, whole, here.lang), here.lang):
            say(line)
        title = text("score.title", here.lang, by=text(f"score.by.{by}", here.lang))
        shown = [words.table_row(scored, by, row, here.lang) for row in rows]
        table(title, words.heads(words.TABLE, here.lang), shown)
        if out is not None:
            say(text("cli.written", here.lang, file=out))


def _site(group: typer.Typer, lang: Lang) -> None:
    json_flag = json_option(lang)

    @group.command("site", help=text("cli.score_site", lang))
    def site_(
        context: typer.Context,
        site: str = typer.Argument(help=text("cli.score_site_id", lang)),
        mission: str | None = typer.Option(None, help=text("cli.score_mission", lang)),
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        with opened(here) as store:
            visits = score_tables.visits_of(score_tables.read(store, split(mission)), site)
        if as_json:
            print_json([score_tables.visit_told(visit) for visit in visits])
            return
        for visit in visits:
            title = text("score.site_title", here.lang, mission=visit.mission, site=visit.name or visit.site)
            table(title, words.heads(words.ITEMS, here.lang), words.item_rows(visit, here.lang))
            say(words.visit_sum(visit, here.lang))


def _compare(group: typer.Typer, lang: Lang) -> None:
    json_flag = json_option(lang)

    @group.command("compare", help=text("cli.score_compare", lang))
    def compare_(
        context: typer.Context,
        before: str = typer.Argument(help=text("cli.score_before", lang)),
        after: str = typer.Argument(help=text("cli.score_after", lang)),
        by: str = typer.Option("type", help=text("cli.score_compare_by", lang)),
        out: Path | None = typer.Option(None, help=text("cli.table_out", lang)),
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        with opened(here) as store:
            score_files.check_out(store, out)
            told = score_rounds.compare(store, split(before), split(after), by)
            if out is not None:
                score_files.save_comparison(store, told, out, here.lang)
        if as_json:
            print_json({**score_rounds.told(told), "rows": records(score_rounds.as_table(told))})
            return
        for line in words.lines(words.both_beside(told, here.lang), here.lang):
            say(line)
        title = text("score.compare_title", here.lang, by=text(f"score.by.{by}", here.lang))
        shown = [words.change_row(told, change, here.lang) for change in (told.whole, *told.changes)]
        table(title, words.heads(words.CHANGES, here.lang), shown)
        if out is not None:
            say(text("cli.written", here.lang, file=out))
