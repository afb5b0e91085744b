"""Deadlines in working hours: the vectors of the domain reference, and a clock that walks minute by minute."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from office import refused, run

from geo.errors import DesignError, LayerError
from layers.rules import categories
from service.supervision.worktime import Span, WorkCalendar, due, half, worked
from service.usecases.deadlines import deadlines, work_calendar

ZONE = ZoneInfo("Asia/Shanghai")
# Monday 4 May is a holiday, Saturday 9 May a work day
OFFICE = WorkCalendar(
    "t", ((time(8), time(12)), (time(14), time(18))), frozenset({date(2026, 5, 4)}), frozenset({date(2026, 5, 9)}),
    date(2026, 4, 1), date(2026, 7, 31),
)  # fmt: skip
FOUR = Span(4, "wh")


def at(day, clock):
    return datetime.combine(date(2026, 5, day), time.fromisoformat(clock), ZONE)


def by_the_minute(found, minutes):
    """The slow clock: one working minute after the other."""
    now = found
    while minutes:
        open_ = any(begin <= now.time() < end for begin, end in OFFICE.shifts)
        day = now.date()
        works = day in OFFICE.makeup or (day.weekday() < 5 and day not in OFFICE.holidays)
        minutes -= open_ and works
        now += timedelta(minutes=1)
    return now


@pytest.mark.parametrize(
    ("found", "ends"),
    [
        (at(6, "11:00"), at(6, "17:00")),
        (at(6, "16:30"), at(7, "10:30")),
        (at(6, "12:30"), at(6, "18:00")),
        (at(4, "15:00"), at(5, "12:00")),  # found on a holiday
        (at(8, "16:30"), at(9, "10:30")),  # over to a make-up Saturday
        (at(9, "18:00"), at(11, "12:00")),  # over a Sunday
        (at(6, "08:00"), at(6, "12:00")),  # ends at the close of the morning, not at its reopening
    ],
)
def test_four_working_hours_as_the_domain_reference_counts(found, ends):
    assert due(found, FOUR, OFFICE) == ends


@pytest.mark.parametrize(
    ("span", "ends"),
    [("1 wd", at(7, "18:00")), ("2 wd", at(8, "18:00")), ("3 wd", at(9, "18:00")), ("4 wd", at(11, "18:00"))],
)
def test_a_work_day_ends_at_the_close_of_the_nth_day_after(span, ends):
    assert due(at(6, "09:00"), Span.parse(span), OFFICE) == ends
    assert due(at(6, "22:00"), Span.parse(span), OFFICE) == ends


def test_minutes_run_in_real_time_and_on_site_is_at_once():
    assert due(at(6, "17:55"), Span.parse("10 min"), OFFICE) == at(6, "18:05")
    assert due(at(6, "17:55"), Span.parse("on site"), OFFICE) == at(6, "17:55")


def test_half_a_deadline_is_counted_in_working_hours_and_rounded_up():
    assert half(Span(5, "wd"), OFFICE) == Span(20, "wh")
    assert half(Span(5, "wh"), OFFICE) == Span(3, "wh")
    assert half(Span(4, "wh"), OFFICE) == Span(2, "wh")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 12 * 1440), st.integers(1, 30))
def test_working_hours_are_those_of_a_clock_that_walks(start, hours):
    found = at(1, "00:00") + timedelta(minutes=start)
    ends = due(found, Span(hours, "wh"), OFFICE)
    assert ends == by_the_minute(found, 60 * hours)
    assert worked(found, ends, OFFICE) == timedelta(hours=hours)


def test_no_time_is_worked_backwards_or_at_night():
    assert worked(at(6, "12:00"), at(6, "11:00"), OFFICE) == timedelta()
    assert worked(at(6, "18:00"), at(7, "08:00"), OFFICE) == timedelta()
    assert worked(at(6, "11:00"), at(6, "15:00"), OFFICE) == timedelta(hours=2)


def test_a_calendar_that_ends_is_told_not_guessed():
    with pytest.raises(DesignError) as told:
        due(datetime(2026, 7, 31, 17, tzinfo=ZONE), Span(2, "wd"), OFFICE)
    assert told.value.code == "calendar_ends"
    assert "2026-08-01" in str(told.value)


@pytest.mark.parametrize("text", ["", "4", "4 h", "0 wh", "-1 wd", "wh 4", "1.5 wd"])
def test_what_is_no_deadline_is_refused(text):
    with pytest.raises(DesignError):
        Span.parse(text)


def test_every_category_has_a_deadline_that_can_be_read():
    for category in categories().values():
        assert Span.parse(category.deadline).words() == category.deadline


def test_the_shipped_calendar_is_that_of_the_announcements():
    days = work_calendar()
    # 2026: 9 days of Spring Festival with two Saturdays worked (State Council, 4 November 2025)
    assert not any(days.is_work_day(date(2026, 2, day)) for day in range(15, 24))
    assert days.is_work_day(date(2026, 2, 14))
    assert days.is_work_day(date(2026, 2, 28))
    assert sum(days.is_work_day(date(2026, 1, 1) + timedelta(days=n)) for n in range(365)) == 248
    assert days.day_minutes == 480


def test_each_card_runs_from_the_one_before():
    told = deadlines("hj01", datetime(2026, 5, 6, 16, 30, tzinfo=ZONE))
    assert (told.span, told.due) == (FOUR, at(7, "10:30"))
    # half of 4 wh is 2 wh, but a yellow card runs 4 wh at least
    assert [(card.level.id, card.span, card.due) for card in told.cards] == [
        ("white", FOUR, at(7, "10:30")), ("yellow", FOUR, at(7, "16:30")), ("red", Span(1, "wd"), at(8, "18:00")),
    ]  # fmt: skip


def test_what_is_grave_and_overdue_goes_from_white_to_red():
    told = deadlines("SS02", at(6, "09:00"))
    assert [(card.level.id, card.due) for card in told.cards] == [
        ("white", at(6, "15:00")), ("red", at(7, "18:00")),
    ]  # fmt: skip


def test_a_deadline_beyond_the_announced_holidays_is_said_to_be_provisional():
    assert not deadlines("SR03", datetime(2026, 12, 1, 9, tzinfo=ZONE)).provisional
    told = deadlines("SS06", datetime(2026, 11, 28, 9, tzinfo=ZONE))
    # 30 work days after Saturday 28 November: 24 in December and on 30 November, 1 January is off
    assert (told.due, told.provisional) == (datetime(2027, 1, 11, 18, tzinfo=ZONE), True)


def test_what_is_mended_on_site_has_no_cards():
    told = deadlines("WM01", at(6, "10:00"))
    assert (told.due, told.cards) == (at(6, "10:00"), ())


def test_a_calendar_of_the_office_is_read_and_its_faults_are_told(tmp_path):
    file = tmp_path / "本单位.toml"
    good = 'version = "a"\nfirst = 2026-01-01\nlast = 2026-12-31\nshifts = [["09:00", "17:00"]]\nholidays = []\nmakeup = []\n'
    file.write_text(good, encoding="utf-8")
    assert work_calendar(file).day_minutes == 480
    for wrong in (
        good.replace('["09:00", "17:00"]', '["17:00", "09:00"]'),
        good.replace("makeup = []", "makeup = [2026-05-06]"),
        good.replace("holidays = []", "holidays = [[2026-05-06, 2026-05-01]]"),
        good.replace("first = 2026-01-01\n", ""),
        "version = ",
    ):
        other = tmp_path / f"{hash(wrong)}.toml"
        other.write_text(wrong, encoding="utf-8")
        with pytest.raises(LayerError) as told:
            work_calendar(other)
        assert told.value.code == "calendar_unreadable"


@pytest.mark.parametrize(("lang", "words"), [("zh", "黄卡"), ("en", "yellow card")])
def test_the_command_tells_all_three_cards(capsys, lang, words):
    code, out, err = run(capsys, "--lang", lang, "deadline", "HJ01", "--found", "2026-05-06 16:30")
    assert code == 0, err
    assert words in out
    assert [moment in out for moment in ("2026-05-07 10:30", "2026-05-07 16:30", "2026-05-08 18:00")] == [
        True
    ] * 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("deadline", "XX99"), "issue_categories.csv"),
        (("deadline", "HJ01", "--found", "yesterday"), "2026-05-06 16:30"),
        (("deadline", "HJ01", "--found", "2031-05-06 10:00"), "make-up"),
        (("deadline", "HJ01", "--calendar", "none.toml"), "none.toml"),
    ],
)
def test_what_cannot_be_told_is_one_sentence(capsys, arguments, words):
    assert words in refused(capsys, *arguments)
