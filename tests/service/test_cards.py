"""Cards go up when deadlines are missed, by whatever table of levels the rule book has."""

import copy
import random
from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from card_walker import Walker

from geo.errors import DesignError
from layers.ledger import Case, folded, opened
from layers.rule_tables import shipped
from service.supervision import cards
from service.supervision.cards import Cards, Entry
from service.supervision.rulebook import build

SHANGHAI = ZoneInfo("Asia/Shanghai")
BOOK = build(shipped())
RULES = Cards(BOOK)


def at(words):
    """``05-06 16:30`` of 2026: a Wednesday; 1 to 5 May are days off, Saturday the 9th is worked."""
    return datetime.fromisoformat(f"2026-{words}").replace(tzinfo=SHANGHAI)


def entry(words, note=None, written=None):
    return Entry(at=at(words), recorded_at=at(written or words), who="创城办", note=note)


def bare(category="HJ01", found="05-06 11:00", book=BOOK, **more):
    severity = book.categories[category].severity
    values = {"category": category, "source": "patrol", "severity": severity, "rules": book.version, **more}
    return Case(issue="I1", found_at=at(found), lon=114.0, lat=30.5, **values)


def carded(category="HJ01", found="05-06 11:00", rules=RULES, **more):
    case, _ = cards.begin(bare(category, found, rules.book, **more), rules, entry(found), fixed=False)
    return case


def later(case, now, rules=RULES):
    return cards.caught_up(case, rules, at(now))[0]


def moves(case, *steps, rules=RULES):
    """``report 05-06 12:00``, ``fail ...``, ``pass ...``, ``close ...`` one after the other."""
    for step in steps:
        word, when = step.split(" ", 1)
        if word in ("pass", "fail"):
            case, _ = cards.recheck(case, rules, entry(when), passed=word == "pass")
        else:
            case, _ = getattr(cards, word)(case, rules, entry(when))
    return case


# ------------------------------------------------------------------------------------------ deadlines


@pytest.mark.parametrize(
    ("found", "due"),
    [
        ("05-06 11:00", "05-06 17:00"),  # over the noon break
        ("05-06 16:30", "05-07 10:30"),
        ("05-06 12:30", "05-06 18:00"),  # counts from 14:00
        ("05-03 10:00", "05-06 12:00"),  # a holiday: counts from 8:00 of the next work day
        ("05-08 16:30", "05-09 10:30"),  # a Saturday that is worked
        ("05-09 16:30", "05-11 10:30"),
    ],
)
def test_a_white_card_of_four_working_hours_is_due_as_the_reference_says(found, due):
    case = carded("HJ01", found)
    assert (case.state, case.colour, case.deadline, case.first_deadline) == (
        "carded", "white", at(due), at(due),
    )  # fmt: skip


def test_half_of_five_work_days_are_twenty_working_hours():
    # SR07: 5 wd, found on Wednesday: due Tuesday 18:00, over the worked Saturday; 20 wh are 2.5 days
    case = later(carded("SR07", "05-06 11:00"), "05-13 09:00")
    assert (case.colour, case.due_from) == ("yellow", at("05-12 18:00"))
    assert case.deadline == at("05-15 12:00")


def test_a_yellow_card_has_four_working_hours_at_least():
    # JT01: 2 wh; half of it is one hour, which is too short
    case = later(carded("JT01", "05-06 09:00"), "05-06 11:30")
    assert (case.colour, case.due_from, case.deadline) == ("yellow", at("05-06 11:00"), at("05-06 17:00"))


def test_a_yellow_card_after_ten_minutes_has_four_working_hours():
    case = later(carded("HJ03", "05-06 09:00"), "05-06 09:30")
    assert (case.colour, case.due_from, case.deadline) == ("yellow", at("05-06 09:10"), at("05-06 15:10"))


def test_ten_minutes_run_at_night_too():
    assert carded("HJ03", "05-06 22:00").deadline == at("05-06 22:10")


def test_a_red_card_is_due_at_the_close_of_the_next_work_day():
    case = later(carded("HJ01", "05-06 11:00"), "05-07 11:30")
    # white until 17:00, yellow 4 wh until 11:00 of the 7th, red until the 8th
    assert (case.colour, case.due_from, case.deadline) == ("red", at("05-07 11:00"), at("05-08 18:00"))


def test_a_deadline_is_kept_until_its_last_minute():
    case = carded("HJ01", "05-06 11:00")
    assert later(case, "05-06 17:00").colour == "white"
    assert moves(case, "report 05-06 17:00").colour == "white"
    assert later(case, "05-06 17:01").colour == "yellow"


# ------------------------------------------------------------------------------------------- colours


def test_a_grave_issue_goes_from_white_to_red_at_once():
    # XF01: severity 3, 2 wh
    case, events = cards.caught_up(carded("XF01", "05-06 09:00"), RULES, at("05-06 11:30"))
    assert case.colour == "red"
    assert [(event.at, event.action) for event in events] == [(at("05-06 11:00"), "raised")]
    assert case.deadline == at("05-07 18:00")


def test_the_first_failed_recheck_is_yellow_and_the_second_red():
    case = moves(carded(found="05-06 08:00"), "report 05-06 09:00", "fail 05-06 10:00")
    assert (case.state, case.colour, case.rework, case.deadline) == (
        "carded", "yellow", 1, at("05-06 16:00"),
    )  # fmt: skip
    case = moves(case, "report 05-06 11:00", "fail 05-06 15:00")
    assert (case.state, case.colour, case.rework, case.deadline) == ("carded", "red", 2, at("05-07 18:00"))


def test_a_third_failed_recheck_stays_red_with_a_new_deadline():
    case = carded(found="05-06 08:00")
    for hour in ("09", "10", "11"):
        case = moves(case, f"report 05-06 {hour}:00", f"fail 05-06 {hour}:30")
    assert (case.colour, case.rework, case.due_from) == ("red", 3, at("05-06 11:30"))


def test_a_failed_recheck_of_a_yellow_card_stays_yellow_and_runs_anew():
    case = later(carded(found="05-06 08:00"), "05-06 12:30")  # white missed at 12:00
    assert (case.colour, case.deadline) == ("yellow", at("05-06 18:00"))
    case = moves(case, "report 05-06 15:00", "fail 05-06 16:00")
    assert (case.colour, case.rework, case.deadline) == ("yellow", 1, at("05-07 10:00"))


def test_a_recurrence_begins_at_yellow():
    case = carded(found="05-06 08:00", recurs="I0")
    assert (case.colour, case.deadline, case.first_deadline) == (
        "yellow", at("05-06 12:00"), at("05-06 12:00"),
    )  # fmt: skip


def test_a_report_stops_the_clock_until_the_recheck():
    case = moves(carded(found="05-06 11:00"), "report 05-06 16:00")
    assert later(case, "05-20 09:00") == case
    assert moves(case, "pass 05-20 09:00", "close 05-20 09:05").colour == "white"


def test_closing_keeps_the_colour():
    case = moves(carded(found="05-06 11:00"), "report 05-06 17:30", "pass 05-06 17:40", "close 05-06 17:50")
    assert (case.state, case.colour, case.closed_at) == ("closed", "yellow", at("05-06 17:50"))
    assert later(case, "12-30 12:00") == case


def test_after_the_highest_card_nothing_more_is_raised_and_the_handing_over_is_recorded_once():
    case, events = cards.caught_up(carded(found="05-06 11:00"), RULES, at("06-30 12:00"))
    assert [event.action for event in events] == ["raised", "raised"]
    case, _ = cards.hand_over(case, RULES, entry("06-30 12:00"))
    assert (case.state, case.handed_over_at) == ("carded", at("06-30 12:00"))
    with pytest.raises(DesignError) as error:
        cards.hand_over(case, RULES, entry("07-01 12:00"))
    assert error.value.code == "issue_handed_over"


def test_handing_over_needs_the_highest_card():
    with pytest.raises(DesignError) as error:
        cards.hand_over(carded(found="05-06 11:00"), RULES, entry("05-06 12:00"))
    assert error.value.code == "issue_not_highest"


# ------------------------------------------------------------------------- the visit, and after closing


def test_what_is_mended_during_the_visit_is_closed_with_it():
    case, events = cards.begin(bare(), RULES, entry("05-06 11:00"), fixed=True)
    assert [event.action for event in events] == ["fixed_on_site", "closed"]
    assert (case.state, case.colour, case.fixed_at, case.closed_at, case.first_deadline) == (
        "closed", None, at("05-06 11:00"), at("05-06 11:00"), at("05-06 11:00"),
    )  # fmt: skip


def test_conduct_that_is_only_counted_gets_no_card():
    case, events = cards.begin(bare("JT03"), RULES, entry("05-06 11:00"), fixed=False)  # jaywalking: on site
    assert [event.action for event in events] == ["closed"]
    assert (case.state, case.colour, case.fixed_at, case.closed_at) == (
        "closed", None, None, at("05-06 11:00"),
    )  # fmt: skip


def test_conduct_that_somebody_carded_elsewhere_has_no_deadline_until_a_recheck_fails():
    # what is corrected during the visit has no length that a white card could take
    assert RULES.deadline("JT03", "white", at("05-06 11:00")) == (None, False)
    assert RULES.deadline("JT03", "yellow", at("05-06 11:00")) == (at("05-06 17:00"), False)
    case = bare("JT03", state="carded", colour="white", carded_at=at("05-06 11:00"))
    assert later(case, "06-30 12:00") == case


def test_it_can_be_said_later_on_the_same_day_that_it_was_mended_during_the_visit():
    case = moves(carded(found="05-06 11:00"), "fix_on_site 05-06 15:00")
    assert (case.state, case.colour, case.fixed_at) == ("closed", "white", at("05-06 15:00"))
    with pytest.raises(DesignError) as error:
        moves(carded(found="05-06 11:00"), "fix_on_site 05-07 08:00")
    assert error.value.code == "issue_not_the_visit"


@pytest.mark.parametrize("step", ["report", "pass", "fail", "close", "resume", "fix_on_site", "hand_over"])
def test_a_closed_issue_is_never_reopened(step):
    done = moves(carded(found="05-06 11:00"), "report 05-06 12:00", "pass 05-06 13:00", "close 05-06 14:00")
    with pytest.raises(DesignError) as error:
        moves(done, f"{step} 05-06 15:00")
    assert error.value.code == "issue_closed"
    assert "zhoubian issue add" in error.value.message


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        (["pass 05-06 12:00"], "issue_not_reported"),
        (["close 05-06 12:00"], "issue_not_rechecked"),
        (["report 05-06 12:00", "close 05-06 13:00"], "issue_not_rechecked"),
        (["report 05-06 12:00", "report 05-06 13:00"], "issue_not_carded"),
        (["resume 05-06 12:00"], "issue_not_suspended"),
        (["report 05-06 10:59"], "entry_too_early"),
        (["report 05-06 12:00", "pass 05-06 11:59"], "entry_too_early"),
    ],
)
def test_a_step_that_does_not_follow_is_refused(steps, code):
    with pytest.raises(DesignError) as error:
        moves(carded(found="05-06 11:00"), *steps)
    assert error.value.code == code


def test_what_has_not_happened_yet_cannot_be_written_down():
    with pytest.raises(DesignError) as error:
        cards.report(carded(), RULES, entry("05-06 15:00", written="05-06 14:59"))
    assert error.value.code == "entry_future"


# --------------------------------------------------------------------------------------- suspension


def suspended(case, when, until):
    return cards.suspend(case, RULES, entry(when), approver="分管领导", until=at(until))[0]


def test_a_suspension_keeps_the_working_time_that_is_left():
    # 4 wh from 11:00: one hour is over at noon, three are left
    case = suspended(carded(found="05-06 11:00"), "05-06 12:00", "05-11 00:00")
    assert (case.state, case.left_s, case.deadline) == ("suspended", 3 * 3600, None)
    assert later(case, "05-10 23:59") == case
    assert later(case, "05-11 00:00").state == "carded"
    case = later(case, "05-11 09:00")
    assert (case.state, case.deadline, case.first_deadline) == (
        "carded", at("05-11 11:00"), at("05-11 11:00"),
    )  # fmt: skip


def test_resuming_by_hand_runs_on_from_there():
    case = suspended(carded(found="05-06 11:00"), "05-06 12:00", "06-01 00:00")
    case = moves(case, "resume 05-07 17:00")  # one hour that day, two the next
    assert (case.state, case.deadline, case.suspended_until) == ("carded", at("05-08 10:00"), None)


def test_minutes_are_kept_in_real_time():
    case = suspended(carded("HJ03", "05-06 22:00"), "05-06 22:04", "05-07 03:00")
    assert case.left_s == 360
    assert later(case, "05-07 03:01").deadline == at("05-07 03:06")


def test_a_card_that_was_raised_before_keeps_its_first_deadline():
    case = later(carded(found="05-06 11:00"), "05-06 17:30")
    case = later(suspended(case, "05-06 17:30", "05-11 00:00"), "05-11 08:00")
    # yellow from 17:00: 3.5 of 4 wh are left
    assert (case.deadline, case.first_deadline) == (at("05-11 11:30"), at("05-06 17:00"))


@pytest.mark.parametrize(
    ("approver", "until", "code"),
    [("", "05-11 00:00", "suspension_approver"), ("市长", "05-06 12:00", "suspension_ends")],
)
def test_a_suspension_needs_an_approver_and_an_end(approver, until, code):
    with pytest.raises(DesignError) as error:
        cards.suspend(carded(), RULES, entry("05-06 12:00"), approver=approver, until=at(until))
    assert error.value.code == code


# ------------------------------------------------------------------------- withdrawn, merged, corrected


def test_a_withdrawn_issue_counts_nowhere_and_moves_no_more():
    case, _ = cards.withdraw(carded(), entry("05-06 12:00", "重复登记"))
    assert not cards.counts(case)
    assert later(case, "06-30 12:00") == case
    with pytest.raises(DesignError) as error:
        moves(case, "report 05-06 13:00")
    assert error.value.code == "issue_withdrawn"


def test_a_merged_issue_leads_to_the_one_that_goes_on():
    other = Case(**{**vars(carded()), "issue": "I2"})
    case, into, events = cards.merge(carded(), other, entry("05-06 12:00"))
    assert (case.merged_into, into.colour) == ("I2", "white")
    assert [(event.issue, event.action, event.note) for event in events] == [
        ("I1", "merged", None), ("I2", "linked", "I1"),
    ]  # fmt: skip
    with pytest.raises(DesignError) as error:
        moves(case, "report 05-06 13:00")
    assert (error.value.code, error.value.facts["into"]) == ("issue_merged", "I2")


@pytest.mark.parametrize("into", ["itself", "a withdrawn one", "a merged one"])
def test_an_issue_is_merged_only_into_one_that_goes_on(into):
    other = Case(**{**vars(carded()), "issue": "I2"})
    if into == "itself":
        other = carded()
    elif into == "a withdrawn one":
        other, _ = cards.withdraw(other, entry("05-06 12:00"))
    else:
        other, _, _ = cards.merge(other, Case(**{**vars(other), "issue": "I3"}), entry("05-06 12:00"))
    with pytest.raises(DesignError) as error:
        cards.merge(carded(), other, entry("05-06 12:00"))
    assert error.value.code == "merge_into"


def test_an_empty_note_is_none():
    with pytest.raises(DesignError) as error:
        cards.note(carded(), entry("05-06 12:00", note=" "))
    assert error.value.code == "note_empty"


# ------------------------------------------------------------------------------------ other rule books


def book_with(levels):
    tables = copy.deepcopy(shipped())
    tables["cards"]["level"] = [
        {"zh": one["id"], "en": one["id"], "word": one["id"], "word_en": one["id"], "colour": "#ffffff",
         "pattern": "none", "copies": [], **one}
        for one in levels
    ]  # fmt: skip
    return Cards(build(tables))


GREEN_FIRST = book_with([
    {"id": "green", "triggers": ["not_fixed_on_site"], "deadline": "2 wh"},
    {"id": "blue", "triggers": ["overdue:green"], "deadline": "category"},
    {"id": "purple", "triggers": ["overdue:blue", "failed_recheck:3"], "deadline": "half"},
    {"id": "black", "triggers": ["overdue:purple"], "deadline": "2 wd"},
])  # fmt: skip


def test_four_levels_of_other_names_go_up_one_by_one():
    case, events = cards.caught_up(carded("HJ01", "05-06 08:00", GREEN_FIRST), GREEN_FIRST, at("05-30 12:00"))
    # 2 wh until 10:00; 4 wh until 16:00; half of them, 2 wh, until 18:00; 2 wd until the 8th
    told = [(event.at, event.changes["colour"][1]) for event in events]
    assert told == [(at("05-06 10:00"), "blue"), (at("05-06 16:00"), "purple"), (at("05-06 18:00"), "black")]
    assert case.deadline == at("05-08 18:00")


def test_only_the_failed_recheck_that_the_book_names_raises():
    case = carded("HJ01", "05-06 08:00", GREEN_FIRST)
    for hour, colour in (("08", "green"), ("09", "green"), ("10", "purple")):
        case = moves(case, f"report 05-06 {hour}:00", f"fail 05-06 {hour}:10", rules=GREEN_FIRST)
        assert case.colour == colour


def test_a_level_that_no_missed_deadline_leads_up_from_is_left_alone():
    rules = book_with([
        {"id": "white", "triggers": ["not_fixed_on_site"], "deadline": "category"},
        {"id": "red", "triggers": ["failed_recheck:1"], "deadline": "1 wd"},
    ])  # fmt: skip
    case = carded("HJ01", "05-06 08:00", rules)
    assert later(case, "06-30 12:00", rules) == case
    assert rules.may_rise() == []


def test_the_levels_that_may_rise_are_those_below_the_highest():
    assert RULES.may_rise() == [None, "white", "yellow"]


def test_a_calendar_that_ends_is_said_in_one_sentence():
    ends = Cards(replace(RULES.book, calendar=replace(RULES.book.calendar, last=date(2026, 12, 31))))
    with pytest.raises(DesignError) as error:
        carded("SR04", "12-28 09:00", rules=ends)  # 20 work days
    assert error.value.code == "calendar_ends"


# -------------------------------------------------------------------------------------- random histories

HOLIDAYS = frozenset(date(2026, 5, day) for day in range(1, 6))
MAKEUP = frozenset([date(2026, 5, 9)])
CATEGORIES = {"HJ01": (4, "wh"), "HJ02": (2, "wh"), "HJ03": (10, "min"), "HJ05": (1, "wd"),
              "JY01": (3, "wd"), "XF01": (2, "wh"), "XF04": (2, "wd")}  # fmt: skip
MOVES = {"report": "reported_fixed", "pass": "rechecked", "fail": "failed", "close": "closed",
         "suspend": "suspended", "resume": "resumed"}  # fmt: skip


def history(seed):
    """A random category and finding, and what an office may have done, in the order of time."""
    dice = random.Random(seed)
    found = at("04-28 00:00") + timedelta(minutes=dice.randrange(4 * 24 * 60))
    moment, actions = found, []
    for _ in range(dice.randrange(9)):
        moment += timedelta(minutes=dice.choice((7, 61, 233, 1001, 2903)))
        action = dice.choice(("report", "report", "fail", "fail", "pass", "close", "suspend", "resume"))
        until = moment + timedelta(minutes=dice.randrange(1, 6000)) if action == "suspend" else None
        actions.append((moment, action, until))
    now = moment + timedelta(minutes=dice.randrange(6000))
    return dice.choice(list(CATEGORIES)), found, dice.random() < 0.3, actions, now


def done(case, moment, action, until):
    step = Entry(at=moment, recorded_at=moment, who="创城办")
    if action in ("pass", "fail"):
        return cards.recheck(case, RULES, step, passed=action == "pass")
    if action == "suspend":
        return cards.suspend(case, RULES, step, approver="分管领导", until=until)
    return {"report": cards.report, "close": cards.close, "resume": cards.resume}[action](case, RULES, step)


def lived(seed, ticks=()):
    """The case and its events after a random history, with ticks in between."""
    category, found, again, actions, now = history(seed)
    case, first = opened(
        Case(issue="I1", category=category, source="patrol", found_at=found, rules=BOOK.version, lon=0.0,
             lat=0.0, severity=BOOK.categories[category].severity, recurs="I0" if again else None),
        at=found, recorded_at=found, who="创城办",
    )  # fmt: skip
    step = Entry(at=found, recorded_at=found, who="创城办")
    case, more = cards.begin(case, RULES, step, fixed=False)
    events = [first, *more]
    for moment, action, until in sorted([*actions, *((tick, "tick", None) for tick in ticks)],
                                        key=lambda one: one[0]):  # fmt: skip
        try:
            if action == "tick":
                case, more = cards.caught_up(case, RULES, moment)
            else:
                case, more = done(case, moment, action, until)
        except DesignError:
            continue
        events += more
    case, more = cards.caught_up(case, RULES, now)
    return case, events + more


@pytest.mark.parametrize("seed", range(60))
def test_a_random_history_comes_out_as_the_walker_by_minutes_says(seed):
    category, found, again, actions, now = history(seed)
    walker = Walker(found, CATEGORIES[category], BOOK.categories[category].severity, again, HOLIDAYS, MAKEUP)
    walker.walk(actions, now)
    case, events = lived(seed)
    assert [(event.at, event.action) for event in events[1:]] == walker.told
    assert (case.state, case.colour, case.rework) == (walker.state, walker.colour, walker.rework)
    if case.state == "carded" and case.deadline > now:
        assert case.deadline == walker.deadline(now)


def test_the_random_histories_hold_everything():
    told = {event.action for seed in range(60) for event in lived(seed)[1]}
    assert told >= {"carded", "raised", *MOVES.values()}


@pytest.mark.parametrize("seed", range(100, 140))
def test_it_does_not_matter_how_often_the_clock_is_looked_at(seed):
    dice = random.Random(seed)
    _, found, _, _, now = history(seed)
    minutes = int((now - found).total_seconds() // 60)
    ticks = [found + timedelta(minutes=dice.randrange(minutes + 1)) for _ in range(12)]
    seldom, often = lived(seed)[0], lived(seed, ticks)[0]
    assert often == seldom
    assert cards.caught_up(often, RULES, now) == (often, [])
    assert cards.caught_up(often, RULES, found) == (often, [])  # a clock that went back


@pytest.mark.parametrize("seed", range(200, 240))
def test_the_history_adds_up_to_the_case(seed):
    case, events = lived(seed)
    assert folded("I1", events) == case
    numbers = [BOOK.cards.number(event.changes["colour"][1]) for event in events if "colour" in event.changes]
    assert numbers == sorted(set(numbers))
