"""The life of an issue: cards whose colour goes up when a deadline is missed, reports, re-checks, closing.

Which event raises an issue to which level stands in the rule book (`CardRules`): nothing here knows how
many levels there are or what they are called. Every function takes a case and gives the changed case
with the events that say what changed; the clock is an argument (domain reference §8).

What the rules leave open is decided here, as follows.

- A deadline at 17:00 is missed after 17:00. The raise takes effect at the missed deadline, whenever it
  is written down, and the next deadline runs from there.
- The clock runs while the unit has to act: not while its report waits for a re-check, not while the
  issue is suspended. A suspension keeps what is left: working time, or real time where the deadline is
  in minutes.
- A failed re-check opens a new deadline of the present colour, or of the one it is raised to.
- What belongs to a category that is mended "on site" is corrected or counted during the visit and
  closed with it: it gets no card, for nothing is left that a deadline could be set for.
- After the deadline of the highest level nothing more is raised; that the issue was handed over is
  recorded once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from geo.errors import DesignError
from layers.ledger import Case, Event, changed

from .rulebook import Level, RuleBook
from .worktime import Span, due, half, work_on, worked

Step = tuple[Case, list[Event]]

TICKER = "zhoubian"
"""Who writes down what the passing of time has done."""
RUNNING = ("found", "carded")
"""States in which the deadline runs."""
CLOSED = ("fixed_on_site", "closed")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An entry into a history: when it takes effect and is written down, by whom, with which words."""

    at: datetime
    recorded_at: datetime
    who: str
    note: str | None = None


@dataclass
class Cards:
    """The rules of a book with the deadlines that were worked out, for many cases at once."""

    book: RuleBook
    _due: dict[tuple[datetime, Span], datetime] = field(default_factory=dict)
    _levels: dict[str, Level] = field(init=False)
    _spans: dict[tuple[str, str | None], tuple[Span, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._levels = {level.id: level for level in self.book.cards.levels}

    @property
    def highest(self) -> str | None:
        """The level above which there is none."""
        return self.book.cards.levels[-1].id if self.book.cards.levels else None

    def raised(self, present: str | None, happened: Collection[str]) -> str | None:
        """The highest level above the present one that something of what happened leads to."""
        floor = self.book.cards.number(present)
        for level in reversed(self.book.cards.levels[floor:]):
            if not set(happened).isdisjoint(level.triggers):
                return level.id
        return None

    def overdue(self, case: Case) -> str | None:
        """The level that an issue is raised to when its present deadline is missed."""
        return self.raised(case.colour, (f"overdue:{case.colour}", f"overdue_severity:{case.severity}"))

    def may_rise(self) -> list[str | None]:
        """The levels from which a missed deadline of some issue leads up; None is no card at all."""
        severities = [f"overdue_severity:{level}" for level in self.book.severities]
        levels = (None, *self._levels)
        return [level for level in levels if self.raised(level, (f"overdue:{level}", *severities))]

    def deadline(self, category: str, level: str | None, since: datetime) -> tuple[datetime | None, bool]:
        """When a card of a level is due that was issued at a moment, and whether it runs in real time.

        None where the category is mended on site and the level has no time of its own.
        """
        found = [(self.due(since, span), span.unit == "min") for span in self.spans(category, level)]
        return max(found, key=lambda one: one[0], default=(None, False))

    def spans(self, category: str, level: str | None) -> tuple[Span, ...]:
        """The lengths of which the longest is the deadline of a card of a level."""
        if (category, level) not in self._spans:
            self._spans[category, level] = tuple(self._lengths(category, level))
        return self._spans[category, level]

    def due(self, since: datetime, span: Span) -> datetime:
        """`worktime.due` in the calendar of the book, worked out once for each moment and length."""
        if (since, span) not in self._due:
            self._due[since, span] = due(since, span, self.book.calendar)
        return self._due[since, span]

    def _lengths(self, category: str, level: str | None) -> Iterable[Span]:
        of_category = Span.parse(self.book.categories[category].deadline)
        found = self._levels[level] if level is not None else None
        if found is not None and isinstance(found.deadline, Span):
            yield found.deadline
        elif of_category.unit != "on site":
            halved = found is not None and found.deadline == "half"
            yield half(of_category, self.book.calendar) if halved else of_category
        if found is not None and found.least is not None:
            yield found.least


def counts(case: Case) -> bool:
    """Whether an issue counts at all: it was neither withdrawn nor merged into another."""
    return case.withdrawn_at is None and case.merged_into is None


def is_open(case: Case) -> bool:
    """Whether something is left to do."""
    return counts(case) and case.state not in CLOSED


def latest(case: Case) -> datetime:
    """The moment of the last entry that moved an issue: none that moves it can come before."""
    moments = (
        case.found_at, case.due_from, case.fixed_at, case.carded_at, case.reported_at, case.rechecked_at,
        case.closed_at, case.suspended_at, case.handed_over_at, case.withdrawn_at,
    )  # fmt: skip
    return max(moment for moment in moments if moment is not None)


def on_site(case: Case, cards: Cards) -> bool:
    """Whether issues of this category are corrected or counted during the visit."""
    return cards.book.categories[case.category].deadline.strip().lower() == "on site"


def begin(case: Case, cards: Cards, entry: Entry, *, fixed: bool) -> Step:
    """A new issue gets its first card, or is closed with the visit.

    Parameters
    ----------
    case : Case
        In state `found`; with `recurs` where it repeats a closed issue.
    fixed : bool
        It was mended during the visit.
    """
    if fixed or on_site(case, cards):
        return _with_the_visit(case, entry, fixed=fixed)
    happened = ["not_fixed_on_site", *(["recurrence"] if case.recurs else [])]
    level = cards.raised(None, happened)
    due_at, _ = cards.deadline(case.category, level, case.found_at)
    return _moved(
        case, entry, "carded", state="carded", colour=level, carded_at=entry.at, due_from=case.found_at,
        deadline=due_at, first_deadline=due_at,
    )  # fmt: skip


def caught_up(
    case: Case, cards: Cards, now: datetime, *, recorded_at: datetime | None = None, who: str = TICKER
) -> Step:
    """What the passing of time has done to an issue by a moment: resumed and raised, in that order of time.

    Raises
    ------
    DesignError
        `calendar_ends`.
    """
    events: list[Event] = []
    written = recorded_at or now
    while counts(case):
        ended = case.suspended_until
        if case.state == "suspended" and ended is not None and ended <= now:
            case, more = _resumed(case, cards, Entry(at=ended, recorded_at=written, who=who))
        elif case.state in RUNNING and case.deadline is not None and case.deadline < now:
            level = cards.overdue(case)
            if level is None:
                break
            entry = Entry(at=case.deadline, recorded_at=written, who=who)
            case, more = _raised(case, cards, entry, level)
        else:
            break
        events += more
    return case, events


def fix_on_site(case: Case, cards: Cards, entry: Entry) -> Step:
    """It was mended during the visit after all, on the day it was found; a card it got meanwhile stays."""
    case, events = _ready(case, cards, entry, RUNNING, "issue_not_carded")
    if entry.at.date() != case.found_at.astimezone(entry.at.tzinfo).date() or case.rework:
        raise DesignError(
            f"issue {case.issue} was found on {_day(case.found_at)}; what is mended later was not"
            " mended during the visit: report it (zhoubian issue report)",
            code="issue_not_the_visit", issue=case.issue, found=_day(case.found_at),
        )  # fmt: skip
    case, more = _with_the_visit(case, entry, fixed=True)
    return case, events + more


def report(case: Case, cards: Cards, entry: Entry) -> Step:
    """The unit says that it is mended."""
    case, events = _ready(case, cards, entry, RUNNING, "issue_not_carded")
    case, more = _moved(case, entry, "reported_fixed", state="reported_fixed", reported_at=entry.at)
    return case, events + more


def recheck(case: Case, cards: Cards, entry: Entry, *, passed: bool) -> Step:
    """Somebody has looked: it is mended, or it goes back with a new deadline and perhaps a new colour."""
    case, events = _ready(case, cards, entry, ("reported_fixed",), "issue_not_reported")
    if passed:
        case, more = _moved(case, entry, "rechecked", state="rechecked", rechecked_at=entry.at)
        return case, events + more
    rework = case.rework + 1
    level = cards.raised(case.colour, [f"failed_recheck:{rework}"])
    due_at, _ = cards.deadline(case.category, case.colour, entry.at)
    case, more = _moved(
        case, entry, "failed", state="carded", rework=rework, rechecked_at=entry.at, due_from=entry.at,
        deadline=due_at,
    )  # fmt: skip
    events += more
    if level is not None:
        case, more = _raised(case, cards, entry, level)
        events += more
    return case, events


def close(case: Case, cards: Cards, entry: Entry) -> Step:
    """It is struck off the list (销号); the colour stays."""
    case, events = _ready(case, cards, entry, ("rechecked", "fixed_on_site"), "issue_not_rechecked")
    case, more = _moved(case, entry, "closed", state="closed", closed_at=entry.at)
    return case, events + more


def suspend(case: Case, cards: Cards, entry: Entry, *, approver: str, until: datetime) -> Step:
    """Somebody who may do so stops the clock until a day."""
    case, events = _ready(case, cards, entry, RUNNING, "issue_not_carded")
    if not approver.strip():
        raise DesignError(
            f"issue {case.issue} can be suspended only by somebody's approval; say whose (--approver)",
            code="suspension_approver", issue=case.issue,
        )  # fmt: skip
    if until <= entry.at:
        raise DesignError(
            f"the suspension of issue {case.issue} would end on {_day(until)}, before it begins; name a later"
            " day (--until)",
            code="suspension_ends", issue=case.issue, until=_day(until),
        )  # fmt: skip
    first = {"first_deadline": None} if case.first_deadline == case.deadline else {}
    case, more = _moved(
        case, entry, "suspended", state="suspended", approver=approver.strip(), suspended_at=entry.at,
        suspended_until=until, left_s=_left(case, cards, entry.at), deadline=None, **first,
    )  # fmt: skip
    return case, events + more


def resume(case: Case, cards: Cards, entry: Entry) -> Step:
    """The clock runs on before the suspension ends by itself."""
    case, events = _ready(case, cards, entry, ("suspended",), "issue_not_suspended")
    case, more = _resumed(case, cards, entry)
    return case, events + more


def hand_over(case: Case, cards: Cards, entry: Entry) -> Step:
    """It was handed over after the highest card: all that the product records of what follows."""
    case, events = _ready(case, cards, entry, (*RUNNING, "reported_fixed", "rechecked"), "issue_not_carded")
    if case.handed_over_at is not None:
        raise DesignError(
            f"issue {case.issue} was handed over already, on {_day(case.handed_over_at)}; that is recorded"
            " once",
            code="issue_handed_over", issue=case.issue, day=_day(case.handed_over_at),
        )  # fmt: skip
    if case.colour is None or case.colour != cards.highest:
        raise DesignError(
            f"issue {case.issue} has no card of the highest level yet; it can be handed over only after that",
            code="issue_not_highest", issue=case.issue,
        )  # fmt: skip
    case, more = _moved(case, entry, "handed_over", handed_over_at=entry.at)
    return case, events + more


def note(case: Case, entry: Entry) -> Step:
    """Words for the history; the issue stays as it is."""
    if not (entry.note or "").strip():
        raise DesignError(
            f"there is nothing to note of issue {case.issue}; write the words (--note)",
            code="note_empty", issue=case.issue,
        )  # fmt: skip
    return _moved(case, entry, "noted")


def correct(case: Case, entry: Entry, **after: Any) -> Step:
    """What was written down wrongly, such as the number of cases; closed issues too."""
    _require_counted(case)
    return _moved(case, entry, "corrected", **after)


def withdraw(case: Case, entry: Entry) -> Step:
    """It was no issue: it counts nowhere from now on, and stays in the books."""
    _require_counted(case)
    return _moved(case, entry, "withdrawn", state="closed", withdrawn_at=entry.at)


def merge(case: Case, into: Case, entry: Entry) -> tuple[Case, Case, list[Event]]:
    """It is the same as another issue, which goes on alone; the history of both says so."""
    _require_counted(case)
    if not counts(into) or into.issue == case.issue:
        raise DesignError(
            f"issue {case.issue} cannot be merged into {into.issue}: that is the same one, was withdrawn"
            " or was itself merged; name the issue that goes on",
            code="merge_into", issue=case.issue, into=into.issue,
        )  # fmt: skip
    case, events = _moved(case, entry, "merged", state="closed", merged_into=into.issue)
    other = Entry(at=entry.at, recorded_at=entry.recorded_at, who=entry.who, note=case.issue)
    into, more = _moved(into, other, "linked")
    return case, into, events + more


def _moved(case: Case, entry: Entry, action: str, **after: Any) -> Step:
    case, event = changed(
        case, at=entry.at, recorded_at=entry.recorded_at, who=entry.who, action=action, note=entry.note,
        **after,
    )  # fmt: skip
    return case, [event]


def _raised(case: Case, cards: Cards, entry: Entry, level: str) -> Step:
    due_at, _ = cards.deadline(case.category, level, entry.at)
    return _moved(case, entry, "raised", colour=level, due_from=entry.at, deadline=due_at)


def _with_the_visit(case: Case, entry: Entry, *, fixed: bool) -> Step:
    """Mended, or only counted, during the visit: struck off with it."""
    visit = {} if case.first_deadline else {"deadline": case.found_at, "first_deadline": case.found_at}
    events: list[Event] = []
    if fixed:
        case, events = _moved(case, entry, "fixed_on_site", state="fixed_on_site", fixed_at=entry.at, **visit)
    case, more = _moved(case, entry, "closed", state="closed", closed_at=entry.at, **visit)
    return case, events + more


def _left(case: Case, cards: Cards, at: datetime) -> int:
    """Seconds left of the present deadline, of the kind of time it runs in."""
    if case.deadline is None:
        return 0
    if _real_time(case, cards):
        return max(0, round((case.deadline - at).total_seconds()))
    return round(worked(at, case.deadline, cards.book.calendar).total_seconds())


def _real_time(case: Case, cards: Cards) -> bool:
    return cards.deadline(case.category, case.colour, case.due_from or case.found_at)[1]


def _resumed(case: Case, cards: Cards, entry: Entry) -> Step:
    due_at: datetime | None
    if case.left_s is None:  # how long it had stood still before it was taken up is unknown
        due_at, _ = cards.deadline(case.category, case.colour, entry.at)
    elif _real_time(case, cards):
        due_at = entry.at + timedelta(seconds=case.left_s)
    else:
        due_at = work_on(entry.at, case.left_s, cards.book.calendar)
    first = {"first_deadline": due_at} if case.first_deadline is None else {}
    return _moved(
        case, entry, "resumed", state="carded", suspended_until=None, left_s=None, due_from=entry.at,
        deadline=due_at, **first,
    )  # fmt: skip


def _ready(case: Case, cards: Cards, entry: Entry, states: Collection[str], code: str) -> Step:
    """The case caught up to the time of an entry that moves it, if it can be moved then."""
    _require_counted(case)
    if case.state == "closed":
        on = "" if case.closed_at is None else _day(case.closed_at)
        raise DesignError(
            f"issue {case.issue} is closed ({on or 'day unknown'}) and is never reopened; take up what was"
            " found again as a new issue (zhoubian issue add), which is linked to the old one",
            code="issue_closed", issue=case.issue, day=on or "—",
        )  # fmt: skip
    if entry.at > entry.recorded_at:
        raise DesignError(
            f"issue {case.issue}: {_minute(entry.at)} has not come yet; name the time at which it was done",
            code="entry_future", issue=case.issue, at=_minute(entry.at),
        )  # fmt: skip
    if entry.at < latest(case):
        raise DesignError(
            f"issue {case.issue}: {_minute(entry.at)} lies before its last entry of {_minute(latest(case))},"
            " and a history only goes on; name a later time and say the rest in a note",
            code="entry_too_early", issue=case.issue, at=_minute(entry.at), last=_minute(latest(case)),
        )  # fmt: skip
    case, events = caught_up(case, cards, entry.at, recorded_at=entry.recorded_at)
    if case.state not in states:
        raise DesignError(_REFUSALS[code].format(issue=case.issue), code=code, issue=case.issue)
    return case, events


_REFUSALS = {
    "issue_not_carded": "issue {issue} is not waiting to be mended; see how it stands (zhoubian issue show)",
    "issue_not_reported": "issue {issue} was not reported as mended, so there is nothing to re-check; report"
    " it first (zhoubian issue report)",
    "issue_not_rechecked": "issue {issue} has not passed a re-check, so it cannot be closed; re-check it"
    " first (zhoubian issue recheck --passed)",
    "issue_not_suspended": "issue {issue} is not suspended, so there is nothing to resume",
}


def _require_counted(case: Case) -> None:
    if case.merged_into is not None:
        raise DesignError(
            f"issue {case.issue} was merged into {case.merged_into}; go on with that one",
            code="issue_merged", issue=case.issue, into=case.merged_into,
        )  # fmt: skip
    if case.withdrawn_at is not None:
        raise DesignError(
            f"issue {case.issue} was withdrawn on {_day(case.withdrawn_at)} and counts nowhere; take it up"
            " anew if it is one after all (zhoubian issue add)",
            code="issue_withdrawn", issue=case.issue, day=_day(case.withdrawn_at),
        )  # fmt: skip


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
