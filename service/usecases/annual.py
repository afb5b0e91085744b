"""The scores of whole years, typed in by their parts, the cycle they make, and the negative list.

Only the field assessment is done with the help of this program; what the desk review, the questionnaire
and the official field assessment came to is typed in. A year may also be typed in as a whole, which then
stands for its parts. The negative list (负面清单) is a flag beside a year: nothing is ever subtracted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction

from sqlalchemy import delete, insert, select, update

from geo.errors import DesignError, NotFoundError
from layers import tables
from layers.store import Store

from ..supervision import scores
from ..supervision.rulebook import RuleBook
from ..supervision.scores import Annual, Cycle, require_score
from . import rule_books

WHOLE = "year"
"""The part that stands for all parts of a year."""
YEARS = range(1990, 2101)
MAX_TEXT = 500


@dataclass(frozen=True)
class Flag:
    """An entry of the negative list; `removed_at` once it was taken off."""

    id: int
    year: int
    subject: str
    note: str
    at: str
    who: str
    removed_at: str | None


@dataclass(frozen=True)
class Year:
    """What is known of a year.

    Parameters
    ----------
    parts : {part: score}, as typed; one that has no weight any more counts nowhere
    weights : {part: weight} by the rules that held at its end
    annual : Annual
        From the parts.
    typed : Fraction or None
        The whole year as it was typed.
    flags : tuple of Flag
        Its negative list as it stands.
    rules : str
        Version of the rule book.
    """

    year: int
    parts: Mapping[str, Fraction]
    weights: Mapping[str, Fraction]
    annual: Annual
    typed: Fraction | None
    flags: tuple[Flag, ...]
    rules: str

    @property
    def score(self) -> Fraction | None:
        """What was typed for the whole year, else what its parts come to; None while neither is known."""
        return self.annual.score if self.typed is None else self.typed

    @property
    def differs(self) -> bool:
        """Whether the whole that was typed is not what its parts come to."""
        return None not in (self.typed, self.annual.score) and self.typed != self.annual.score


@dataclass(frozen=True)
class CycleOf:
    """The cycle of three years that begins with the first of `years`."""

    years: tuple[Year, ...]
    weights: tuple[Fraction, ...]
    target: Fraction
    told: Cycle


def set_part(
    store: Store, year: int, part: str, score: Fraction | None, *, who: str, now: datetime,
    note: str | None = None,
) -> None:  # fmt: skip
    """Type in the score of a part of a year, or take it out again.

    Parameters
    ----------
    part : str
        A part of the rule book (`desk`, `field`, `survey`), or `year` for the whole.
    score : Fraction or None
        0 to 100; None takes it out.

    Raises
    ------
    DesignError
        `score_year`, `score_part`, `score_range`.
    """
    _require_year(year)
    allowed = (*_book(store, year, now).scoring.annual, WHOLE)
    if part not in allowed:
        raise DesignError(
            f"{part[:40]!r} is no part of a year's score; use {', '.join(allowed)}",
            code="score_part", given=part[:40], allowed=", ".join(allowed),
        )  # fmt: skip
    if score is not None:
        require_score(score)
    table = tables.typed_scores
    with store.writing() as connection:
        connection.execute(delete(table).where(table.c.year == year, table.c.part == part))
        if score is not None:
            connection.execute(
                insert(table).values(
                    year=year, part=part, score=float(score), note=note, at=now.isoformat(), who=who
                )
            )


def years(store: Store, *, now: datetime) -> list[Year]:
    """Every year that has a typed score or an entry of the negative list, the earliest first."""
    table = tables.typed_scores
    with store.reading() as connection:
        held = list(
            connection.execute(select(table.c.year, table.c.part, table.c.score).order_by(table.c.year))
        )
    flags = negative_list(store)
    found = sorted({*(row.year for row in held), *(flag.year for flag in flags)})
    typed = {year: {row.part: Fraction(str(row.score)) for row in held if row.year == year} for year in found}
    return [_year(_book(store, year, now), year, typed[year], flags) for year in found]


def cycle_of(store: Store, first: int, target: Fraction | None = None, *, now: datetime) -> CycleOf:
    """The cycle that begins with a year, from what is known of its years.

    Parameters
    ----------
    target : Fraction, optional
        That of the rule book, if not given.
    """
    _require_year(first)
    scoring = rule_books.current(store, now.date()).scoring
    wanted = range(first, first + len(scoring.cycle))
    known = {year.year: year for year in years(store, now=now)}
    held = [known.get(year) or _year(_book(store, year, now), year, {}, []) for year in wanted]
    aim = scoring.target if target is None else target
    told = scores.cycle([year.score for year in held], aim, weights=scoring.cycle)
    return CycleOf(tuple(held), scoring.cycle, aim, told)


def _year(book: RuleBook, year: int, typed: Mapping[str, Fraction], flags: list[Flag]) -> Year:
    weights = book.scoring.annual
    parts = {part: score for part, score in typed.items() if part != WHOLE}
    own = tuple(flag for flag in flags if flag.year == year)
    return Year(
        year, parts, weights, scores.annual(parts, weights), typed.get(WHOLE), own, book.version
    )  # fmt: skip


def _book(store: Store, year: int, now: datetime) -> RuleBook:
    """The rules that held at the end of a year; those of today for one that has not ended."""
    return rule_books.current(store, min(now.date(), date(year, 12, 31)))


def year_of(words: str) -> int:
    """A year as people write it, ``2025`` or ``2025年`` (DesignError `score_year`)."""
    clean = words.strip().removesuffix("年")
    year = int(clean) if clean.isascii() and clean.isdigit() and len(clean) == 4 else 0
    _require_year(year, words)
    return year


def _require_year(year: int, told: object = None) -> None:
    shown = str(year if told is None else told)[:20]
    if year not in YEARS:
        raise DesignError(
            f"{shown} is no year of an assessment; give one from {YEARS[0]} to {YEARS[-1]}",
            code="score_year", given=shown, first=YEARS[0], last=YEARS[-1],
        )  # fmt: skip


# ------------------------------------------------------------------ negative list


def negative_list(store: Store, *, removed: bool = False) -> list[Flag]:
    """The entries of the negative list by year, with `removed` those that were taken off too."""
    table = tables.negative_flags
    query = select(*(table.c[name] for name in Flag.__dataclass_fields__)).order_by(table.c.year, table.c.id)
    with store.reading() as connection:
        rows = connection.execute(query if removed else query.where(table.c.removed_at.is_(None))).fetchall()
    return [Flag(*row) for row in rows]


def add_flag(store: Store, year: int, subject: str, *, who: str, now: datetime, note: str = "") -> int:
    """Put something on the negative list of a year; returns its number (DesignError `flag_text`)."""
    _require_year(year)
    clean = subject.strip()
    if not clean or len(clean) > MAX_TEXT or len(note) > MAX_TEXT:
        raise DesignError(
            f"an entry of the negative list says what it is in 1 to {MAX_TEXT} characters, and so its note",
            code="flag_text", most=MAX_TEXT,
        )  # fmt: skip
    table = tables.negative_flags
    with store.writing() as connection:
        values = {"year": year, "subject": clean, "note": note.strip(), "at": now.isoformat(), "who": who}
        return int(connection.scalars(insert(table).returning(table.c.id), [values]).one())


def remove_flag(store: Store, flag: int, *, now: datetime) -> None:
    """Take an entry off the negative list; it is kept as removed (NotFoundError `flag_unknown`)."""
    table = tables.negative_flags
    with store.writing() as connection:
        done = connection.execute(
            update(table)
            .where(table.c.id == flag, table.c.removed_at.is_(None))
            .values(removed_at=now.isoformat())
        )
        if done.rowcount != 1:
            raise NotFoundError(
                f"the negative list has no entry {flag}; zhoubian score negative tells them",
                code="flag_unknown", given=flag,
            )  # fmt: skip
