"""`zhoubian assign`, `override`: who has to mend what, by the rules, by hand, by decision of the office."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import typer

from geo.errors import DesignError

from .. import clock, issue_words
from ..i18n import Lang, text
from ..supervision.assignment import Override
from ..supervision.rulebook import RuleBook
from ..usecases import assignment, overrides, rule_books
from .show import Door, by_option, door, json_option, opened, print_json, say, table


def register(program: typer.Typer, lang: Lang) -> None:
    """Add the commands to the program."""
    _register_assign(program, lang)
    _register_override(program, lang)


def _register_assign(program: typer.Typer, lang: Lang) -> None:
    json_flag = json_option(lang)

    @program.command("assign", help=text("cli.assign", lang))
    def assign(
        context: typer.Context,
        issue: str | None = typer.Argument(None, help=text("cli.assign_issue", lang)),
        lead: str | None = typer.Option(None, help=text("cli.assign_lead", lang)),
        joint: str = typer.Option("", help=text("cli.assign_joint", lang)),
        why: str = typer.Option("", help=text("cli.assign_why", lang)),
        again: bool = typer.Option(False, "--again", help=text("cli.assign_again", lang)),
        dry_run: bool = typer.Option(False, "--dry-run", help=text("cli.assign_dry", lang)),
        by: str = by_option(lang),
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        if (issue is None) != (lead is None) or (issue is None and (joint or why)):
            raise DesignError(
                "--lead, --joint and --why assign one issue by hand: give its id and --lead",
                code="assign_options",
            )
        if issue is not None and lead is not None:
            _by_hand(here, issue, lead, joint, why, by, as_json=as_json)
            return
        with opened(here) as store:
            told = assignment.assign_all(store, who=by, now=clock.now(), again=again, dry_run=dry_run)
            book = rule_books.current(store, clock.now().date())
        if as_json:
            print_json(asdict(told))
            return
        say(text("cli.assign_would" if dry_run else "cli.assign_done", here.lang, **_counts(told)))
        if told.foreign:
            named = [f"{code} ({len(ids)}: {', '.join(ids[:3])})" for code, ids in told.foreign.items()]
            facts = {"count": sum(map(len, told.foreign.values())), "version": book.version}
            say(text("cli.assign_foreign", here.lang, categories="; ".join(named), **facts))
        units = [(issue_words.unit(book, unit, here.lang), count) for unit, count in told.by_unit.items()]
        reasons = [(text(f"assign.why.{code}", here.lang), count) for code, count in told.by_why.items()]
        for title, rows in (("cli.assign_units", units), ("cli.assign_reasons", reasons)):
            if rows:
                table(text(title, here.lang), _heads(("name", "count"), here.lang), rows)


def _by_hand(here: Door, issue: str, lead: str, joint: str, why: str, by: str, *, as_json: bool) -> None:
    with opened(here) as store:
        case = assignment.assign_issue(
            store, issue, lead=lead, joint=_several(joint), why=why, who=by, now=clock.now()
        )
        book = rule_books.of_version(store, case.rules)
    if as_json:
        print_json(
            {
                name: getattr(case, name)
                for name in ("issue", "lead_unit", "joint_units", "responsible", "why")
            }
        )
        return
    joined = issue_words.units(book, case.joint_units, here.lang) or "—"
    lead_name = issue_words.unit(book, case.lead_unit, here.lang)
    say(text("cli.assign_one", here.lang, issue=case.issue, lead=lead_name, joint=joined))


def _register_override(program: typer.Typer, lang: Lang) -> None:
    json_flag = json_option(lang)

    @program.command("override", help=text("cli.override", lang))
    def override(
        context: typer.Context,
        category: str | None = typer.Option(None, help=text("cli.override_category", lang)),
        site: str | None = typer.Option(None, help=text("cli.override_site", lang)),
        area: str | None = typer.Option(None, help=text("cli.override_area", lang)),
        lead: str | None = typer.Option(None, help=text("cli.assign_lead", lang)),
        joint: str = typer.Option("", help=text("cli.assign_joint", lang)),
        why: str = typer.Option("", help=text("cli.assign_why", lang)),
        remove: int | None = typer.Option(None, help=text("cli.override_remove", lang)),
        everything: bool = typer.Option(False, "--all", help=text("cli.override_all", lang)),
        by: str = by_option(lang),
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        given = bool(category or site or area or joint or why)
        if (lead is not None and remove is not None) or (lead is None and given):
            raise DesignError(
                "either add an override with --lead or take one back with --remove", code="override_options"
            )
        with opened(here) as store:
            if remove is not None:
                told = [overrides.remove(store, remove, now=clock.now())]
            elif lead is not None:
                told = [
                    overrides.add(
                        store, lead=lead, joint=_several(joint), why=why, who=by, now=clock.now(),
                        category=category, site=site, area=area,
                    )
                ]  # fmt: skip
            else:
                told = overrides.overrides(store, removed=everything)
            book = rule_books.current(store, clock.now().date())
        if as_json:
            print_json([asdict(one) for one in told])
        elif remove is not None or lead is not None:
            code = "cli.override_gone" if remove is not None else "cli.override_added"
            say(text(code, here.lang, number=told[0].id))
        else:
            _list(told, book, here.lang)


def _list(told: list[Override], book: RuleBook, lang: Lang) -> None:
    columns = ("number", "category", "site", "area", "lead", "joint", "reason", "by", "since", "removed")
    rows = [
        (
            one.id, one.category, one.site, one.area, issue_words.unit(book, one.lead_unit, lang),
            issue_words.units(book, one.joint_units, lang), one.why, one.who, issue_words.when(one.at),
            issue_words.when(one.removed_at),
        )
        for one in told
    ]  # fmt: skip
    table(text("cli.override_title", lang, count=len(told)), _heads(columns, lang), rows)


def _heads(names: Sequence[str], lang: Lang) -> list[str]:
    return [text(f"assign.head.{name}", lang) for name in names]


def _several(words: str) -> list[str]:
    """Names with commas between, Chinese ones too."""
    plain = words.replace("，", ",").replace("、", ",")
    return [word.strip() for word in plain.split(",") if word.strip()]


def _counts(told: assignment.AssignReport) -> dict[str, Any]:
    return {"taken_up": told.taken_up, "assigned": told.assigned, "unchanged": told.unchanged}
