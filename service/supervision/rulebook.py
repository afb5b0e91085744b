"""What the rules are: the tables of a rule book, read into values that the other rules work with.

Whatever a city may decide otherwise stands in these tables and nowhere in the code (domain
reference §1, §3-§9). `build` refuses a book that is not sound, with all its faults at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from fractions import Fraction
from typing import Any

from layers.rule_tables import RuleTables, version_of
from layers.rules import Category, Item

from .rule_faults import RulesUnsoundError, faults
from .worktime import Span, WorkCalendar


@dataclass(frozen=True)
class Unit:
    """A kind of responsible unit (责任单位); `aliases` are other names that offices use for it."""

    id: str
    zh: str
    en: str
    aliases: tuple[str, ...]
    scope: str


@dataclass(frozen=True)
class SiteType:
    """A type of site. `role`: anchor, drawn, must_visit, facility or other; `leads`: default lead units."""

    id: str
    zh: str
    en: str
    role: str
    geometry: str
    leads: tuple[str, ...]


@dataclass(frozen=True)
class Severity:
    """A severity of issues and its weight."""

    level: int
    zh: str
    en: str
    weight: float


@dataclass(frozen=True)
class Level:
    """A colour of card.

    Parameters
    ----------
    id, zh, en : str
    word, word_en : str
        The colour as a word, for prints without colours.
    colour, pattern : str
        ``#rrggbb``; none, diagonal, cross, dots.
    triggers : tuple of str
        What raises an issue to this level (see `data/rules/cards.toml`).
    deadline : "category", "half" or Span
    least : Span or None
        The shortest deadline where it is half of another.
    copies : tuple of str
        Who gets a copy.
    """

    id: str
    zh: str
    en: str
    word: str
    word_en: str
    colour: str
    pattern: str
    triggers: tuple[str, ...]
    deadline: str | Span
    least: Span | None
    copies: tuple[str, ...]


@dataclass(frozen=True)
class CardRules:
    """The colours from the lowest to the highest, and what counts as a recurrence."""

    levels: tuple[Level, ...]
    recurrence_days: int
    near_m: float

    def number(self, level: str | None) -> int:
        """1 for the lowest colour, one more for each above it, 0 for none."""
        return 0 if level is None else 1 + [one.id for one in self.levels].index(level)


@dataclass(frozen=True)
class Scoring:
    """How results become scores.

    Parameters
    ----------
    convention : "ladder" or "binary", by default; `conventions` by site type
    grades, values, cuts : tuples of equal length
        Grade and value of an item from so many cases on, ascending.
    type_weights : {site type: weight}; 1 where none is named
    annual : {part: weight}
    cycle : weights of the three years; they sum to 1
    target : the score a cycle should reach
    """

    convention: str
    conventions: Mapping[str, str]
    grades: tuple[str, ...]
    values: tuple[Fraction, ...]
    cuts: tuple[int, ...]
    type_weights: Mapping[str, Fraction]
    annual: Mapping[str, Fraction]
    cycle: tuple[Fraction, ...]
    target: Fraction


@dataclass(frozen=True)
class RuleBook:
    """A version of the rules.

    Parameters
    ----------
    items : {site type: its checklist in its order}
    bulletin, coverage : mapping
        Settings of the documents and of the coverage rules, as they stand in their files.
    """

    version: str
    valid_from: date
    valid_until: date | None
    zh: str
    en: str
    units: Mapping[str, Unit]
    site_types: Mapping[str, SiteType]
    items: Mapping[str, tuple[Item, ...]]
    categories: Mapping[str, Category]
    severities: Mapping[int, Severity]
    cards: CardRules
    scoring: Scoring
    calendar: WorkCalendar
    bulletin: Mapping[str, Any]
    coverage: Mapping[str, Any]

    def item(self, code: str) -> Item:
        """An item by its id (KeyError)."""
        return next(item for item in self.items[code.rsplit("-", 1)[0]] if item.code == code)


def build(tables: RuleTables) -> RuleBook:
    """The rule book that the tables tell.

    Raises
    ------
    RulesUnsoundError
        With all faults at once, where the tables are no sound book.
    """
    if found := faults(tables):
        raise RulesUnsoundError(version_of(tables), found)
    head = tables["rules"]
    items: dict[str, tuple[Item, ...]] = {}
    for row in tables["checklists"]:
        item = Item(
            row["id"], row["site_type"], row["category"], row["zh"], row["en"], row["department"],
            float(row["weight"]), row["strict"] == "yes",
        )  # fmt: skip
        items[item.site_type] = (*items.get(item.site_type, ()), item)
    return RuleBook(
        version=str(head["version"]),
        valid_from=date.fromisoformat(head["valid_from"]),
        valid_until=date.fromisoformat(head["valid_until"]) if head.get("valid_until") else None,
        zh=head["zh"],
        en=head["en"],
        units={
            row["id"]: Unit(row["id"], row["zh"], row["en"], tuple(row["aliases"].split()), row["scope"])
            for row in tables["units"]
        },
        site_types={
            row["id"]: SiteType(
                row["id"], row["zh"], row["en"], row["role"], row["geometry"], tuple(row["leads"].split())
            )
            for row in tables["site_types"]
        },
        items=items,
        categories={
            row["code"]: Category(
                row["code"], row["zh"], row["id"], row["department"], int(row["severity"]), row["deadline"],
                row["digital_city"],
            )
            for row in tables["issue_categories"]
        },
        severities={
            int(row["level"]): Severity(int(row["level"]), row["zh"], row["en"], float(row["weight"]))
            for row in tables["severities"]
        },
        cards=_cards(tables["cards"]),
        scoring=_scoring(tables["scoring"]),
        calendar=work_calendar(tables["work_calendar"]),
        bulletin=tables["bulletin"],
        coverage=tables["coverage"],
    )  # fmt: skip


def _cards(told: Mapping[str, Any]) -> CardRules:
    levels = tuple(
        Level(
            one["id"], one["zh"], one["en"], one["word"], one["word_en"], one["colour"], one["pattern"],
            tuple(one["triggers"]),
            one["deadline"] if one["deadline"] in ("category", "half") else Span.parse(one["deadline"]),
            Span.parse(one["least"]) if one.get("least") else None, tuple(one["copies"]),
        )
        for one in told["level"]
    )  # fmt: skip
    return CardRules(levels, int(told["recurrence_days"]), float(told["near_m"]))


def _scoring(told: Mapping[str, Any]) -> Scoring:
    ladder = told["ladder"]
    years = [_fraction(weight) for weight in told["cycle"]["weights"]]
    return Scoring(
        told["convention"],
        told["conventions"],
        tuple(ladder["grades"]),
        tuple(_fraction(value) for value in ladder["values"]),
        tuple(ladder["cuts"]),
        {name: _fraction(weight) for name, weight in told["type_weights"].items()},
        {name: _fraction(weight) for name, weight in told["annual"].items()},
        tuple(year / sum(years) for year in years),
        _fraction(told["cycle"]["target"]),
    )


def _fraction(number: float) -> Fraction:
    """The number as it is written: 0.66 is 66/100."""
    return Fraction(str(number))


def work_calendar(told: Mapping[str, Any]) -> WorkCalendar:
    """The working hours, holidays and make-up days of an office (KeyError, TypeError, ValueError)."""
    shifts = tuple((time.fromisoformat(begin), time.fromisoformat(end)) for begin, end in told["shifts"])
    edges = [moment for shift in shifts for moment in shift]
    if not shifts or edges != sorted(set(edges)):
        raise ValueError("shifts must ascend and must not overlap")
    holidays: set[date] = set()
    for begin, end in (map(date.fromisoformat, days) for days in told["holidays"]):
        if end < begin:
            raise ValueError(f"the holiday of {begin} ends before it begins")
        holidays.update(begin + timedelta(days=day) for day in range((end - begin).days + 1))
    makeup = frozenset(map(date.fromisoformat, told["makeup"]))
    if wrong := sorted(day for day in makeup if day in holidays or day.weekday() < 5):
        raise ValueError(f"{wrong[0]} is no Saturday or Sunday, or is a holiday as well")
    first, last = date.fromisoformat(told["first"]), date.fromisoformat(told["last"])
    since = told.get("provisional_from")
    return WorkCalendar(
        str(told["version"]), shifts, frozenset(holidays), makeup, first, last,
        None if since is None else date.fromisoformat(since),
    )  # fmt: skip
