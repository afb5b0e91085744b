"""The figures of following up: a few issues counted by hand, many counted by plain loops over histories."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from followed_town import BOOK, Followed, at, by_chance, stored, write

from geo.errors import DesignError
from layers.ledger import Case, Event, folded
from layers.store import Store
from service.supervision.cards import counts
from service.usecases.follow_figures import BY, COUNTED, figures, rows_of

NOW = at("2026-05-20 12:00")
LEVELS = ("white", "yellow", "red")


def by_hand() -> dict[str, Followed]:
    """Working days are 8:00-12:00 and 14:00-18:00; 6 to 8 May 2026 are Wednesday to Friday, 9 May is worked too."""
    east, west = {"district": "东街"}, {"district": "西街"}
    return {
        # HJ01 has 4 working hours: due at 15:00 the same day
        "A": Followed("A", "HJ01", at("2026-05-06 09:00"), **east).mended(at("2026-05-06 11:00")),
        # late: yellow from 15:00 on, closed the next day
        "B": Followed("B", "HJ01", at("2026-05-06 09:00"), **east).tick(at("2026-05-07 08:00"))
        .mended(at("2026-05-07 09:00")),
        # 1 wd: due on 7 May at 18:00; left lying, its card goes up with the tick
        "C": Followed("C", "SR03", at("2026-05-06 10:00"), **west).tick(NOW),
        # counted on site: closed with the visit
        "D": Followed("D", "WM01", at("2026-05-06 10:00"), **west),
        "E": Followed("E", "HJ01", at("2026-05-07 09:00"), fixed=True),
        "F": Followed("F", "SS01", at("2026-05-07 09:00"), **west)
        .suspend(at("2026-05-08 09:00"), at("2026-06-30 09:00")),
        # 7 wd after 8 May: 9, 11, 12, 13, 14, 15, 18: due on 18 May
        "G": Followed("G", "SS01", at("2026-05-08 09:00"), **west),
        "H": Followed("H", "SR03", at("2026-05-08 09:00"), **west).report(at("2026-05-08 10:00"))
        .recheck(at("2026-05-08 11:00"), passed=False).mended(at("2026-05-08 16:00")),
        "I": Followed("I", "HJ01", at("2026-05-08 09:00")).withdraw(at("2026-05-08 10:00")),
    }  # fmt: skip


@pytest.fixture
def town(tmp_path):
    with stored(tmp_path / "zhoubian.db", by_hand().values()) as store:
        yield store


def test_everything_up_to_now_is_counted_as_by_hand(town):
    total = figures(town, now=NOW).total
    assert total.to_dict() == {
        "found": 8,  # all but the withdrawn I
        "fixed_on_site": 1,  # E
        "due": 8,  # A B D E H closed, C and G missed their first deadline, F suspended before its own
        "suspended": 1,  # F
        "closed": 5,  # A B D E H
        "on_time": 4,  # not B
        "finished": 5,
        "open": 3,  # C F G
        "overdue": 2,  # C G
        "rework": 1,  # H
        "white": 3,  # A F G: nothing has ticked for G
        "yellow": 2,  # B at 15:00, H after the failed re-check
        "red": 1,  # C: yellow from 7 May 18:00, 4 working hours more, red since 8 May 12:00
        "close_rate": 5 / 7,
        "on_time_rate": 4 / 7,
    }


def test_a_week_is_told_as_it_stood_at_its_end(town):
    week = figures(town, since=date(2026, 5, 4), until=date(2026, 5, 7), now=NOW, by="district")
    assert week.cut == at("2026-05-07 23:59:59.999999")
    total = week.total.to_dict()
    # found: A B C D on the 6th, E F on the 7th; due: A B D E, and C since 18:00 of the 7th; F is not suspended yet
    assert [total[name] for name in ("found", "due", "suspended", "closed", "on_time", "open")] == [
        6,
        5,
        0,
        4,
        3,
        2,
    ]
    # C has just become yellow, it is red only on the 8th
    assert [total[name] for name in LEVELS] == [2, 2, 0]
    assert total["overdue"] == 1
    told = {group.key: group.counts for group in week.groups}
    assert set(told) == {"东街", "西街", None}
    assert (told["东街"].due, told["东街"].close_rate, told["东街"].on_time_rate) == (2, 1.0, 0.5)
    assert (told["西街"].due, told["西街"].closed) == (2, 1)
    assert told[None].on_time == 1


def test_a_period_that_is_not_over_is_told_as_of_now(town):
    early = at("2026-05-07 12:00")  # before the deadline of C and the suspension of F
    told = figures(town, until=date(2026, 5, 31), now=early)
    assert told.cut == early
    assert (told.total.due, told.total.open, told.total.suspended, told.curve[-1].day.day) == (4, 2, 0, 7)


def test_each_issue_is_due_in_one_period_only(town):
    first = rows_of(town, "due", until=date(2026, 5, 7), now=NOW)
    second = rows_of(town, "due", since=date(2026, 5, 8), now=NOW)
    assert (first, second) == (["A", "B", "C", "D", "E"], ["F", "G", "H"])
    # C and H closed or not: what is closed later does not come back as due
    assert figures(town, since=date(2026, 5, 8), now=NOW).total.closed == 1


def test_what_was_mended_during_the_visit_is_in_time_whenever_it_was_written_down(tmp_path):
    # due at 15:00 of the day, said at 17:00 to have been mended during the visit
    late = Followed("A", "HJ01", at("2026-05-06 09:00")).fix(at("2026-05-06 17:00"))
    with stored(tmp_path / "town.db", [late]) as store:
        total = figures(store, now=NOW).total
    assert (total.fixed_on_site, total.due, total.closed, total.on_time) == (1, 1, 1, 1)


def test_the_curve_counts_found_closed_and_open_day_by_day(town):
    curve = figures(town, since=date(2026, 5, 5), until=date(2026, 5, 9), now=NOW).curve
    assert [(day.day.day, day.found, day.closed, day.open) for day in curve] == [
        (5, 0, 0, 0), (6, 4, 2, 2), (7, 2, 2, 2), (8, 2, 1, 3), (9, 0, 0, 3),
    ]  # fmt: skip
    whole = figures(town, now=NOW).curve
    assert (whole[0].day, whole[-1].day, whole[-1].open) == (date(2026, 5, 6), date(2026, 5, 20), 3)


def test_a_store_without_issues_has_figures_of_nothing(tmp_path):
    with Store.open(tmp_path / "empty.db", create=True) as store:
        told = figures(store, now=NOW, by="unit")
        assert told.total.found == told.total.due == told.total.open == 0
        assert told.total.close_rate is None
        assert (told.groups, told.curve) == ((), ())
        assert rows_of(store, "open", now=NOW) == []


def test_figures_follow_what_is_written_afterwards(town):
    before = figures(town, now=NOW)
    write(town, [Followed("J", "HJ01", at("2026-05-19 09:00")).mended(at("2026-05-19 10:00"))])
    later = figures(town, now=NOW)
    assert (later.total.found, later.total.closed) == (before.total.found + 1, before.total.closed + 1)
    left = by_hand()["G"]
    left.events.clear()
    write(town, [left.mended(at("2026-05-20 09:00"))])
    assert figures(town, now=NOW).total.open == before.total.open - 1
    # and the past stays what it was
    assert (
        figures(town, until=date(2026, 5, 18), now=NOW).total
        == figures(town, until=date(2026, 5, 18), now=NOW + timedelta(days=90)).total
    )


@pytest.mark.parametrize("wrong", [{"by": "person"}, {"since": date(2026, 5, 2), "until": date(2026, 5, 1)}])
def test_what_cannot_be_counted_is_refused(town, wrong):
    with pytest.raises(DesignError):
        figures(town, now=NOW, **wrong)


def test_a_figure_nobody_knows_is_refused(town):
    with pytest.raises(DesignError, match="is no figure"):
        rows_of(town, "praise", now=NOW)


# ------------------------------------------------------------------ the slow, obvious way

RECORD = ("found", "adopted", "assigned", "noted", "corrected", "withdrawn", "merged", "linked")


def slow(histories: dict[str, list[Event]], since: datetime, cut: datetime) -> dict[str, list[Case]]:
    """The rows of every figure: histories folded up to the cut-off, then asked one question after the other."""
    rows: dict[str, list[Case]] = {name: [] for name in (*COUNTED, *LEVELS)}
    for issue, history in histories.items():
        if not counts(folded(issue, history)):
            continue
        case = folded(issue, [event for event in history if event.at <= cut or event.action in RECORD])
        if case.found_at > cut:
            continue
        shut = case.closed_at or case.fixed_at
        suspended = case.state == "suspended"
        moments = [moment for moment in (shut, case.first_deadline) if moment is not None]
        if suspended and case.first_deadline is None:
            moments.append(case.suspended_at)
        if case.found_at >= since:
            rows["found"].append(case)
            if case.fixed_at is not None:
                rows["fixed_on_site"].append(case)
        if moments and since <= min(moments) <= cut:
            rows["due"].append(case)
            if suspended:
                rows["suspended"].append(case)
            if shut is not None:
                rows["closed"].append(case)
                if case.fixed_at is not None or case.first_deadline is None or shut <= case.first_deadline:
                    rows["on_time"].append(case)
        if shut is None:
            rows["open"].append(case)
            waits = case.state in ("found", "carded")
            if waits and case.first_deadline is not None and case.first_deadline < cut:
                rows["overdue"].append(case)
        elif shut >= since:
            rows["finished"].append(case)
        if shut is None or shut >= since:
            rows["rework"] += [case] * case.rework
            if case.colour is not None:
                rows[case.colour].append(case)
    return rows


def key_of(case: Case, column: str) -> str | None:
    """What an issue is told under: a body without a name by its unit."""
    return case.responsible or case.lead_unit if column == "responsible" else getattr(case, column)


@pytest.mark.parametrize("seed", [1, 2])
def test_many_issues_are_counted_as_plain_loops_over_their_histories_count_them(tmp_path, seed):
    made = by_chance(250, seed)
    histories = {one.case.issue: one.events for one in made}
    now = at("2026-07-10 12:00")
    with stored(tmp_path / "town.db", made) as store:
        for since, until in (
            (None, None), (date(2026, 4, 1), date(2026, 4, 14)), (date(2026, 5, 18), None),
            (None, date(2026, 3, 31)), (date(2026, 6, 1), date(2026, 6, 1)),
        ):  # fmt: skip
            first = at("1970-01-01 00:00") if since is None else at(f"{since} 00:00")
            cut = now if until is None else at(f"{until} 23:59:59.999999")
            expected = slow(histories, first, cut)
            for by, column in BY.items():
                told = figures(store, since=since, until=until, by=by, now=now)
                keys = {key_of(case, column) for case in expected["due"]}
                assert keys <= {group.key for group in told.groups}
                for group in told.groups:
                    for name, cases in expected.items():
                        mine = [case for case in cases if key_of(case, column) == group.key]
                        assert group.counts.to_dict()[name] == len(mine), (since, until, by, group.key, name)
            for name, cases in expected.items():
                assert told.total.to_dict()[name] == len(cases), (since, until, name)
                order = sorted({(case.found_at, case.issue) for case in cases})
                ids = rows_of(store, name, since=since, until=until, now=now)
                assert ids == [issue for _, issue in order], (since, until, name)
            for day in told.curve[::9]:
                end = min(at(f"{day.day} 23:59:59.999999"), cut)
                assert day.open == len(slow(histories, first, end)["open"]), day


def test_the_levels_are_those_of_the_rule_book(town):
    assert (
        tuple(figures(town, now=NOW).total.cards) == tuple(level.id for level in BOOK.cards.levels) == LEVELS
    )
