"""What the results of an inspection come to: items, sites, and the score of a type or an area.

Domain reference §9.2. An item is worth a part of its weight by its number of cases: `binary` all or
nothing, `ladder` in steps (A, B, C, C#), strict items without the steps between. The score rate of a
site is the weighted mean over its applicable items; that of an area is the mean over the sites of
each type, then the weighted mean over the types. Everything is exact until it is printed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from layers.rules import Item

from .rulebook import Scoring

NOT_JUDGED = ("na", "unseen")
"""Verdicts that leave the score: 不适用, 未查看."""


@dataclass(frozen=True)
class Mark:
    """What a result of an item is worth.

    Parameters
    ----------
    grade : str
        Of the ladder; `yes` or `no` where the convention is binary.
    value : Fraction
        Part of the item's weight, 0 to 1.
    cases : int
        Those that count.
    """

    grade: str
    value: Fraction
    cases: int


@dataclass(frozen=True)
class Score:
    """Points of one or more sites with their base.

    Parameters
    ----------
    got, possible : Fraction
        Sum of weight times value, and of the weights.
    items : frozenset of str
        The items of the checklists that were judged (测评内容).
    observations : int
        How often an item was judged at a site (观测点次).
    """

    got: Fraction = Fraction(0)
    possible: Fraction = Fraction(0)
    items: frozenset[str] = frozenset()
    observations: int = 0

    @property
    def rate(self) -> Fraction | None:
        """Score rate in [0, 1]; None where nothing was judged."""
        return self.got / self.possible if self.possible else None

    def __add__(self, other: Score) -> Score:
        return Score(
            self.got + other.got, self.possible + other.possible, self.items | other.items,
            self.observations + other.observations,
        )  # fmt: skip


@dataclass(frozen=True)
class GroupScore:
    """The score of a group of sites with its base.

    Parameters
    ----------
    rate : Fraction or None
        In [0, 1]; None where no site of a type that weighs anything has a score.
    sites : int
        Those with a score; `without`: those where no item was applicable, which no mean counts.
    items, observations : int
        As in `Score`: different items, and how often one was judged.
    types : {site type: (mean rate, sites)}
    """

    rate: Fraction | None
    sites: int
    without: int
    items: int
    observations: int
    types: Mapping[str, tuple[Fraction, int]]


def counted_cases(verdict: str, cases: int, *, inside_lines: bool) -> int:
    """The cases that count: none inside marked lines, at least one where the verdict is no."""
    return 0 if verdict == "yes" or inside_lines else max(cases, 1)


def mark(
    item: Item, verdict: str, cases: int, scoring: Scoring, *, inside_lines: bool = False
) -> Mark | None:
    """What a result is worth; None for an item that does not apply or was not seen.

    Parameters
    ----------
    verdict : "yes", "no", "na" or "unseen"
    cases : int
        As they were counted, those inside marked lines too.
    scoring : Scoring
        Convention, cuts and values of the rule book that the inspection was made with.
    inside_lines : bool
        The cases lie inside marked lines (停车线内) and do not count.
    """
    if verdict in NOT_JUDGED:
        return None
    counted = counted_cases(verdict, cases, inside_lines=inside_lines)
    if scoring.conventions.get(item.site_type, scoring.convention) == "binary":
        return Mark("no", Fraction(0), counted) if counted else Mark("yes", Fraction(1), 0)
    step = max(number for number, cut in enumerate(scoring.cuts) if counted >= cut)
    if item.strict and step:
        step = len(scoring.cuts) - 1
    return Mark(scoring.grades[step], scoring.values[step], counted)


def worth(item: Item, scoring: Scoring) -> tuple[Fraction, ...]:
    """Value of an item with 0, 1, 2, ... cases; more cases are worth the last value."""
    last = max(scoring.cuts[-1], 1)
    marks = (mark(item, "no" if cases else "yes", cases, scoring) for cases in range(last + 1))
    return tuple(one.value for one in marks if one is not None)


def weight_of(item: Item) -> Fraction:
    """The weight as the rule book writes it."""
    return Fraction(str(item.weight))


def score(judged: Iterable[tuple[Item, Mark | None]]) -> Score:
    """The points of a site from the marks of its items; those without a mark leave both sums."""
    held = [(item, weight_of(item), one.value) for item, one in judged if one is not None]
    return Score(
        sum((weight * value for _, weight, value in held), Fraction(0)),
        sum((weight for _, weight, _ in held), Fraction(0)),
        frozenset(item.code for item, _, _ in held),
        len(held),
    )


def combined(sites: Iterable[tuple[str, Score]], type_weights: Mapping[str, Fraction]) -> GroupScore:
    """The score of an area: mean over the sites of a type, then weighted mean over the types.

    Parameters
    ----------
    sites : of (site type, points), one for each site
    type_weights : mapping
        1 for a type that is not named.
    """
    rates: dict[str, list[Fraction]] = {}
    whole, without = Score(), 0
    for kind, points in sites:
        whole += points
        if points.rate is None:
            without += 1
        else:
            rates.setdefault(kind, []).append(points.rate)
    types = {kind: (sum(held, Fraction(0)) / len(held), len(held)) for kind, held in sorted(rates.items())}
    weights = {kind: type_weights.get(kind, Fraction(1)) for kind in types}
    total = sum(weights.values(), Fraction(0))
    mean = sum((weights[kind] * rate for kind, (rate, _) in types.items()), Fraction(0))
    return GroupScore(
        mean / total if total else None,
        sum(count for _, count in types.values()),
        without, len(whole.items), whole.observations, types,
    )  # fmt: skip


def percent(rate: Fraction | None, places: int = 1) -> str | None:
    """A rate as it is printed: ``70.1``; exact halves go up, as in official tables."""
    return None if rate is None else rounded(100 * rate, places)


def rounded(number: Fraction, places: int = 1) -> str:
    """A number with so many places; exact halves go away from zero."""
    scale = 10**places
    whole = (abs(number) * scale + Fraction(1, 2)).__floor__()
    sign = "-" if number < 0 and whole else ""
    head, tail = divmod(whole, scale)
    return f"{sign}{head}.{tail:0{places}d}" if places else f"{sign}{head}"
