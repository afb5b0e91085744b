"""`zhoubian issue`: the issues that are followed up, one of them, and what an office does with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import typer

from geo.errors import DesignError
from layers.ledger import Case, Event

from .. import clock, issue_words
from ..i18n import Lang, text
from ..supervision.rulebook import RuleBook
from ..usecases import cards, issue_actions, issue_asked, issue_entry, issue_lists, rule_books
from ..usecases.issue_lists import IssueQuery
from .moments import moment, moment_or_now
from .show import Door, by_option, door, json_option, opened, print_json, say, sub_program, table


def register(program: typer.Typer, lang: Lang) -> None:
    """Add the commands to the program."""
    issues = sub_program(program, "issue", lang)
    _register_list(issues, lang)
    _register_one(issues, lang)
    _register_steps(issues, lang)
    _register_pauses(issues, lang)
    _register_corrections(issues, lang)


class _Options:
    """The options that every step has."""

    def __init__(self, lang: Lang) -> None:
        self.ids: Any = typer.Argument(..., metavar="ID...", help=text("cli.issue_ids", lang))
        self.by: Any = by_option(lang)
        self.at: Any = typer.Option(None, "--at", metavar="TIME", help=text("cli.issue_at", lang))
        self.note: Any = typer.Option(None, "--note", help=text("cli.issue_note_option", lang))
        self.json: Any = json_option(lang)


def _register_list(issues: typer.Typer, lang: Lang) -> None:
    def told(name: str) -> str:
        return text(f"cli.issue_list.{name}", lang)

    @issues.command("list", help=text("cli.issue_list", lang))
    def list_(
        context: typer.Context,
        state: list[str] | None = typer.Option(None, metavar="WORD", help=told("state")),
        colour: list[str] | None = typer.Option(None, metavar="LEVEL", help=told("colour")),
        unit: list[str] | None = typer.Option(None, metavar="UNIT", help=told("unit")),
        category: list[str] | None = typer.Option(None, metavar="CODE", help=told("category")),
        district: list[str] | None = typer.Option(None, metavar="NAME", help=told("district")),
        source: list[str] | None = typer.Option(None, metavar="WORD", help=told("source")),
        mission: list[str] | None = typer.Option(None, metavar="NAME", help=told("mission")),
        site: list[str] | None = typer.Option(None, metavar="ID", help=told("site")),
        overdue: bool = typer.Option(False, "--overdue", help=told("overdue")),
        standing: str = typer.Option("", metavar="open|closed|overdue|gone", help=told("standing")),
        since: str | None = typer.Option(None, metavar="DATE", help=told("since")),
        until: str | None = typer.Option(None, metavar="DATE", help=told("until")),
        most: int = typer.Option(50, "--most", min=1, max=10_000, help=told("most")),
        out: Path | None = typer.Option(None, metavar="FILE", help=told("out")),
        as_json: bool = json_option(lang),
    ) -> None:
        here, now = door(context), clock.now()
        words = {
            "state": state, "colour": colour, "category": category, "district": district, "source": source,
            "mission": mission, "site": site, "unit": unit,
        }  # fmt: skip
        asked = {name: ",".join(given or ()) for name, given in words.items()}
        asked |= {"standing": "overdue" if overdue else standing, "since": since or "", "until": until or ""}
        with opened(here) as store:
            book = rule_books.current(store, now.date())
            query = IssueQuery.from_query(issue_asked.by_rules(asked, book))
            if out is not None:
                from ..usecases import issue_files  # noqa: PLC0415 - writing files loads GDAL

                count = issue_files.write_list(store, query, out, here.lang, now=now)
                say(text("cli.issue_written", here.lang, file=out, count=count))
                return
            found = issue_lists.listing(store, query, now=now, size=most)
        if as_json:
            print_json({"total": found.total, "issues": [asdict(case) for case in found.cases]})
            return
        title = text("cli.issue_list_title", here.lang, total=found.total, shown=len(found.cases))
        heads = ("issue", "category", "state", "colour", "unit", "site", "found_at", "deadline")
        rows = [_row(book, case, here.lang) for case in found.cases]
        table(title, [issue_words.field(head, here.lang) for head in heads], rows)


def _register_one(issues: typer.Typer, lang: Lang) -> None:
    def told(name: str) -> str:
        return text(f"cli.issue_add.{name}", lang)

    json_flag = json_option(lang)

    @issues.command("show", help=text("cli.issue_show", lang))
    def show(
        context: typer.Context,
        issue: str = typer.Argument(..., help=text("cli.issue_id", lang)),
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        with opened(here) as store:
            case, history, book = cards.one(store, issue)
        if as_json:
            print_json({"issue": asdict(case), "history": [asdict(event) for event in history]})
            return
        for _, label, words in issue_words.facts(book, case, here.lang):
            say(f"{label}: {words}")
        heads = [issue_words.field(name, here.lang) for name in ("at", "who", "action", "changes", "note")]
        rows = [_line(book, event, here.lang) for event in history]
        table(text("cli.issue_history", here.lang, issue=case.issue), heads, rows)

    @issues.command("add", help=text("cli.issue_add", lang))
    def add(
        context: typer.Context,
        category: str = typer.Argument(..., metavar="CODE", help=told("category")),
        lon: float | None = typer.Option(None, help=told("lon")),
        lat: float | None = typer.Option(None, help=told("lat")),
        site: str | None = typer.Option(None, metavar="ID", help=told("site")),
        found: str | None = typer.Option(None, metavar="TIME", help=told("found")),
        source: str = typer.Option("patrol", help=told("source")),
        note: str | None = typer.Option(None, help=told("note")),
        count: int = typer.Option(1, min=1, help=told("count")),
        photo: list[str] | None = typer.Option(None, metavar="FILE", help=told("photo")),
        address: str | None = typer.Option(None, help=told("address")),
        fixed: bool = typer.Option(False, "--fixed", help=told("fixed")),
        number: str | None = typer.Option(None, "--id", metavar="ID", help=told("number")),
        by: str = by_option(lang),
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        with opened(here) as store:
            case = issue_entry.enter(
                store, category, who=by, now=clock.now(), found_at=moment_or_now(found), source=source,
                lon=lon, lat=lat, site=site, issue=number, note=note, count=count,
                photos=tuple(photo or ()), address=address, fixed_on_site=fixed,
            )  # fmt: skip
            book = rule_books.of_version(store, case.rules)
        _told(here, [case], book, as_json=as_json)


def _register_steps(issues: typer.Typer, lang: Lang) -> None:
    its = _Options(lang)

    @issues.command("report", help=text("cli.issue_report", lang))
    def report(
        context: typer.Context, ids: list[str] = its.ids, by: str = its.by, at: str | None = its.at,
        note: str | None = its.note, as_json: bool = its.json,
    ) -> None:  # fmt: skip
        _do(context, ids, "report", by, at, note, as_json=as_json)

    @issues.command("recheck", help=text("cli.issue_recheck", lang))
    def recheck(
        context: typer.Context, ids: list[str] = its.ids,
        passed: bool | None = typer.Option(
            None, "--passed/--failed", help=text("cli.issue_passed", lang)
        ),
        close: bool = typer.Option(False, "--close", help=text("cli.issue_recheck_close", lang)),
        by: str = its.by, at: str | None = its.at, note: str | None = its.note, as_json: bool = its.json,
    ) -> None:  # fmt: skip
        if passed is None or (close and not passed):
            raise DesignError(
                "say how the re-check went: --passed or --failed; --close goes with --passed only",
                code="recheck_result",
            )
        _do(context, ids, "recheck", by, at, note, as_json=as_json, passed=passed, close=close)

    @issues.command("close", help=text("cli.issue_close", lang))
    def close_(
        context: typer.Context, ids: list[str] = its.ids, by: str = its.by, at: str | None = its.at,
        note: str | None = its.note, as_json: bool = its.json,
    ) -> None:  # fmt: skip
        _do(context, ids, "close", by, at, note, as_json=as_json)

    @issues.command("fixed", help=text("cli.issue_fixed", lang))
    def fixed(
        context: typer.Context, ids: list[str] = its.ids, by: str = its.by, at: str | None = its.at,
        note: str | None = its.note, as_json: bool = its.json,
    ) -> None:  # fmt: skip
        _do(context, ids, "fix_on_site", by, at, note, as_json=as_json)


def _register_pauses(issues: typer.Typer, lang: Lang) -> None:
    its = _Options(lang)

    @issues.command("suspend", help=text("cli.issue_suspend", lang))
    def suspend(
        context: typer.Context, ids: list[str] = its.ids,
        approver: str = typer.Option(..., help=text("cli.issue_approver", lang)),
        until: str = typer.Option(..., metavar="DATE", help=text("cli.issue_until", lang)),
        by: str = its.by, at: str | None = its.at, note: str | None = its.note, as_json: bool = its.json,
    ) -> None:  # fmt: skip
        _do(context, ids, "suspend", by, at, note, as_json=as_json, approver=approver, until=_end(until))

    @issues.command("resume", help=text("cli.issue_resume", lang))
    def resume(
        context: typer.Context, ids: list[str] = its.ids, by: str = its.by, at: str | None = its.at,
        note: str | None = its.note, as_json: bool = its.json,
    ) -> None:  # fmt: skip
        _do(context, ids, "resume", by, at, note, as_json=as_json)

    @issues.command("hand-over", help=text("cli.issue_hand_over", lang))
    def hand_over(
        context: typer.Context, ids: list[str] = its.ids, by: str = its.by, at: str | None = its.at,
        note: str | None = its.note, as_json: bool = its.json,
    ) -> None:  # fmt: skip
        _do(context, ids, "hand_over", by, at, note, as_json=as_json)


def _register_corrections(issues: typer.Typer, lang: Lang) -> None:
    its = _Options(lang)

    @issues.command("note", help=text("cli.issue_note", lang))
    def note_(
        context: typer.Context, ids: list[str] = its.ids, by: str = its.by, at: str | None = its.at,
        note: str | None = its.note, as_json: bool = its.json,
    ) -> None:  # fmt: skip
        _do(context, ids, "note", by, at, note, as_json=as_json)

    @issues.command("correct", help=text("cli.issue_correct", lang))
    def correct(
        context: typer.Context, ids: list[str] = its.ids,
        count: int = typer.Option(..., help=text("cli.issue_count", lang)),
        by: str = its.by, at: str | None = its.at, note: str | None = its.note, as_json: bool = its.json,
    ) -> None:  # fmt: skip
        _do(context, ids, "correct", by, at, note, as_json=as_json, count=count)

    @issues.command("merge", help=text("cli.issue_merge", lang))
    def merge(
        context: typer.Context, ids: list[str] = its.ids,
        into: str = typer.Option(..., metavar="ID", help=text("cli.issue_into", lang)),
        anyway: bool = typer.Option(False, "--anyway", help=text("cli.issue_merge_anyway", lang)),
        by: str = its.by, at: str | None = its.at, note: str | None = its.note, as_json: bool = its.json,
    ) -> None:  # fmt: skip
        _do(context, ids, "merge", by, at, note, as_json=as_json, into=into, anyway=anyway)

    @issues.command("withdraw", help=text("cli.issue_withdraw", lang))
    def withdraw(
        context: typer.Context, ids: list[str] = its.ids, by: str = its.by, at: str | None = its.at,
        note: str | None = its.note, as_json: bool = its.json,
    ) -> None:  # fmt: skip
        _do(context, ids, "withdraw", by, at, note, as_json=as_json)


def _do(
    context: typer.Context, ids: Sequence[str], action: str, by: str, at: str | None, note: str | None,
    *, as_json: bool, **facts: Any,
) -> None:  # fmt: skip
    """One step with one or several issues: all of them or none."""
    here, now = door(context), clock.now()
    done_at = now if at is None else moment(at)
    with opened(here) as store:
        done = issue_actions.act_all(store, ids, action, who=by, now=now, at=done_at, note=note, **facts)
        book = rule_books.current(store, now.date())
    _told(here, done, book, as_json=as_json, did=_did(action, facts, here.lang), at=done_at)


def _did(action: str, facts: Mapping[str, Any], lang: Lang) -> str:
    """What was done, as the history calls it."""
    names = [_DID[action]]
    if action == "recheck":
        names = ["rechecked", "closed"] if facts["close"] else ["rechecked" if facts["passed"] else "failed"]
    told = ("、" if lang == "zh" else ", ").join(text(f"issue.action.{name}", lang) for name in names)
    return f"{told} {issue_words.field('count', lang)} {facts['count']}" if action == "correct" else told


_DID = {
    "report": "reported_fixed", "recheck": "rechecked", "close": "closed", "suspend": "suspended",
    "resume": "resumed", "hand_over": "handed_over", "fix_on_site": "fixed_on_site", "note": "noted",
    "correct": "corrected", "merge": "merged", "withdraw": "withdrawn",
}  # fmt: skip


def _told(
    here: Door, done: Sequence[Case], book: RuleBook, *, as_json: bool, did: str | None = None,
    at: datetime | None = None,
) -> None:  # fmt: skip
    """What was done with the issues and how they stand now, a line for each."""
    if as_json:
        print_json([asdict(case) for case in done])
        return
    for case in done:
        lead = case.responsible or issue_words.unit(book, case.lead_unit, here.lang)
        until = issue_words.when(case.suspended_until)
        words = {
            "issue": case.issue, "category": issue_words.category(book, case.category, here.lang),
            "state": text(f"issue.state.{case.state}", here.lang) + (f" → {until}" if until else ""),
            "unit": lead, "card": issue_words.card(book, case.colour, here.lang) or "—",
            "due": issue_words.when(case.deadline) or "—", "did": did, "at": issue_words.when(at),
            "into": case.merged_into,
        }  # fmt: skip
        if case.merged_into:
            code = "cli.issue_merged"
        elif case.withdrawn_at:
            code = "cli.issue_withdrawn"
        else:
            code = "cli.issue_stands" if did is None else "cli.issue_did"
        say(text(code, here.lang, **words))


def _row(book: RuleBook, case: Case, lang: Lang) -> tuple[object, ...]:
    return (
        case.issue, issue_words.category(book, case.category, lang),
        text(f"issue.state.{case.state}", lang), issue_words.card(book, case.colour, lang),
        case.responsible or issue_words.unit(book, case.lead_unit, lang), case.site,
        issue_words.when(case.found_at), issue_words.when(case.deadline),
    )  # fmt: skip


def _line(book: RuleBook, event: Event, lang: Lang) -> tuple[object, ...]:
    """A line of the history; what the first entry tells stands above it as the facts."""
    changes = [] if event.action in ("found", "adopted") else [
        f"{issue_words.field(name, lang)}: {issue_words.value(book, name, before, lang) or '—'} → "
        f"{issue_words.value(book, name, after, lang) or '—'}"
        for name, (before, after) in event.changes.items()
    ]  # fmt: skip
    action = text(f"issue.action.{event.action}", lang)
    who = issue_words.who(event.who, lang)
    return issue_words.when(event.at), who, action, "; ".join(changes), event.note


def _end(words: str) -> datetime:
    """The end of a suspension: a moment, or the last minute of a day."""
    try:
        day = date.fromisoformat(words.strip())
    except ValueError:
        return moment(words)
    return datetime.combine(day, time(23, 59), clock.SHANGHAI)
