"""Scores as people read them: rates with their base, groups and grades by name, changes with a sign.

The rows of every score table in words, the same at the command line, on pages and in documents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from . import issue_words
from .i18n import Lang, text
from .supervision.rulebook import RuleBook
from .supervision.site_scores import GroupScore, Mark, percent, rounded, weight_of
from .usecases.score_rounds import Change, Comparison
from .usecases.score_tables import Row, Scored, Visit

Cells = Sequence[object]
NONE = "—"
PARTS = ("desk", "field", "survey", "year")

TABLE = ("rank", "name", "rate", "sites", "items", "observations", "without")
ITEMS = ("item", "item_words", "grade", "cases", "inside", "weight", "points")
CHANGES = (
    "name", "before", "after", "change", "both_sites", "both_before", "both_after", "both_change", "state",
)  # fmt: skip


def heads(names: Sequence[str], lang: Lang) -> list[str]:
    """Headings of a score table."""
    return [text(f"score.head.{name}", lang) for name in names]


def base(held: GroupScore, lang: Lang) -> str:
    """The count base and the rate in one line, as published reports have it."""
    facts = {"sites": held.sites, "items": held.items, "observations": held.observations}
    told = percent(held.rate)
    line = text("score.base_none", lang, **facts)
    if told is not None:
        line = text("score.base", lang, **facts, rate=told)
    return line + (text("score.base_without", lang, count=held.without) if held.without else "")


def beside(scored: Scored, whole: GroupScore, lang: Lang) -> dict[str, str]:
    """What a table of scores never stands without: the missions, the base, the version of the rules."""
    rules = names(scored.versions, lang)
    if len(scored.versions) > 1:
        rules += text("score.rules_several", lang, version=scored.book.version)
    return {
        text("score.missions", lang): names(scored.missions, lang),
        text("score.base_label", lang): base(whole, lang),
        text("score.rules", lang): rules,
    }


def both_beside(told: Comparison, lang: Lang) -> dict[str, str]:
    """What a comparison never stands without: both rounds with their base and rules."""
    sides = ((told.before, told.whole.before), (told.after, told.whole.after))
    found = {
        text(f"score.round_{number}", lang): text(
            "score.round", lang, missions=names(scored.missions, lang), rules=names(scored.versions, lang),
            base="" if whole is None else base(whole, lang),
        )
        for number, (scored, whole) in enumerate(sides, 1)
    }  # fmt: skip
    both = told.whole.both_before
    notes = [
        text(code, lang)
        for code, holds in (("score.rules_differ", told.rules_differ), ("score.none_shared", both is None))
        if holds
    ]
    return {**found, **({text("score.note", lang): " ".join(notes)} if notes else {})}


def table_row(scored: Scored, by: str, row: Row, lang: Lang) -> Cells:
    """A group in the order of `TABLE`."""
    held = row.score
    return (
        row.rank, group(scored.book, by, row.group, row.name, lang), rate(held), held.sites, held.items,
        held.observations, held.without or None,
    )  # fmt: skip


def item_rows(visit: Visit, lang: Lang) -> list[Cells]:
    """The items of a visited site in the order of `ITEMS`."""
    return [
        (
            item.code, item.zh if lang == "zh" else item.en, grade(mark, result.verdict, lang),
            result.cases or None, text("score.inside", lang) if result.inside_lines else None,
            f"{item.weight:g}", NONE if mark is None else rounded(weight_of(item) * mark.value, 2),
        )
        for item, mark, result in visit.marks
    ]  # fmt: skip


def visit_sum(visit: Visit, lang: Lang) -> str:
    """What the items of a visited site come to."""
    points, told = visit.score, percent(visit.score.rate)
    if told is None:
        return text("score.site_none", lang)
    return text(
        "score.site_sum", lang, got=rounded(points.got, 2), possible=f"{float(points.possible):g}", rate=told,
        observations=points.observations,
    )  # fmt: skip


def change_row(told: Comparison, one: Change, lang: Lang) -> Cells:
    """A group of a comparison, or the whole of it, in the order of `CHANGES`."""
    is_whole = one is told.whole
    called = (
        text("score.whole", lang) if is_whole else group(told.after.book, told.by, one.group, one.name, lang)
    )
    return (
        called, rate(one.before), rate(one.after), change(one.change),
        0 if one.both_before is None else one.both_before.sites, rate(one.both_before), rate(one.both_after),
        change(one.both_change), None if one.state == "both" else state(one, lang),
    )  # fmt: skip


def rate(held: GroupScore | None) -> str:
    """A rate in percent; a dash where there is none."""
    return NONE if held is None else percent(held.rate) or NONE


def change(difference: Fraction | None) -> str:
    """A change in percentage points with its sign; a dash where there is none."""
    if difference is None:
        return NONE
    told = rounded(100 * difference)
    return f"+{told}" if difference > 0 and told.strip("0.") else told


def group(book: RuleBook, by: str, group_id: str | None, name: str | None, lang: Lang) -> str:
    """A group by its name; what belongs to none is said to be unknown."""
    if group_id is None:
        return text("score.unknown", lang)
    return issue_words.site_type(book, group_id, lang) if by == "type" else (name or group_id)


def grade(mark: Mark | None, verdict: str, lang: Lang) -> str:
    """A grade of the ladder as it stands, else the verdict in words."""
    if mark is None:
        return text(f"score.verdict.{verdict}", lang)
    return text(f"score.verdict.{mark.grade}", lang) if mark.grade in ("yes", "no") else mark.grade


def state(one: Change, lang: Lang) -> str:
    """Whether a group is in both rounds, new or gone."""
    return text(f"score.state.{one.state}", lang)


def names(missions: Sequence[str], lang: Lang) -> str:
    """Several names in one line."""
    return ("、" if lang == "zh" else ", ").join(missions)


def part(name: str, lang: Lang) -> str:
    """A part of a year's score; one that only a rule book of the office knows stays as it is."""
    return text(f"score.part.{name}", lang) if name in PARTS else name


def lines(told: Mapping[str, str], lang: Lang) -> list[str]:
    """Names and values, one line each."""
    return [f"{name}{'：' if lang == 'zh' else ': '}{value}" for name, value in told.items()]
