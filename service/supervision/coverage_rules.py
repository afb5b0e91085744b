"""What the rule book asks of posters, households and school zones (domain reference §10)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Any

from geo.errors import DesignError

from .rulebook import RuleBook


@dataclass(frozen=True)
class Theme:
    """A theme of posters; `names` are all words for it."""

    id: str
    zh: str
    en: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Required:
    """How many posters a site of a type needs.

    Parameters
    ----------
    theme : str or None
        None counts all themes together.
    count : int
    per_m : int or None
        The count is for every so many metres of a street.
    """

    site_type: str
    theme: str | None
    count: int
    per_m: Fraction | None

    def need(self, length_m: float | None) -> int:
        """How many: of a street its share of the length, rounded up, so that a short one needs one too."""
        if self.per_m is None:
            return self.count
        # to the centimetre: a street of 400.0000001 m is one of 400 m
        return max(1, ceil(self.count * Fraction(round((length_m or 0.0) * 100), 100) / self.per_m))


@dataclass(frozen=True)
class PosterRules:
    """All that is asked of posters."""

    themes: Mapping[str, Theme]
    required: tuple[Required, ...]
    street_classes: tuple[str, ...]
    damaged_counts: bool
    version: str

    def counted(self, count: int, damaged: int) -> int:
        """Posters that count of those that hang there."""
        return count if self.damaged_counts else count - damaged


@dataclass(frozen=True)
class SchoolRules:
    """What does not belong within `zone_m` of a school: issues and kinds of site."""

    zone_m: float
    categories: tuple[str, ...]
    unsuitable: tuple[str, ...]
    version: str


def poster_rules(book: RuleBook) -> PosterRules:
    """The rules of posters (DesignError `coverage_unset` where the book has none)."""
    told = _part(book, "posters")
    themes = {
        one["id"]: Theme(
            one["id"], one["zh"], one["en"], (one["id"], one["zh"], one["en"], *one.get("aliases", ()))
        )
        for one in told["themes"]
    }
    required = tuple(
        Required(
            row["site_type"], theme, int(row["count"]),
            Fraction(str(row["per_m"])) if row.get("per_m") else None,
        )
        for row in told["required"]
        for theme in (row.get("themes") or [None])
    )  # fmt: skip
    return PosterRules(
        themes, required, tuple(told["street_classes"]), bool(told["damaged_counts"]), book.version
    )


def household_rounds(book: RuleBook) -> int:
    """How many rounds of visits every compound needs (DesignError `coverage_unset`)."""
    return int(_part(book, "households")["rounds"])


def school_rules(book: RuleBook) -> SchoolRules:
    """The rules of school zones (DesignError `coverage_unset`)."""
    told = _part(book, "schools")
    return SchoolRules(
        float(told["zone_m"]), tuple(told["categories"]), tuple(told["unsuitable"]), book.version
    )


def _part(book: RuleBook, name: str) -> Mapping[str, Any]:
    part = book.coverage.get(name)
    if part is None:
        raise DesignError(
            f"the rule book {book.version} says nothing of {name}; add the table [{name}] to coverage, as"
            " zhoubian rules export writes it",
            code="coverage_unset", part=name, version=book.version,
        )  # fmt: skip
    found: Mapping[str, Any] = part
    return found
