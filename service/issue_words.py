"""What stands in a case, in words: units, categories, cards and moments as people write them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from layers.ledger import MOMENTS, Case

from . import clock
from .i18n import Lang, text, texts
from .supervision.cards import TICKER
from .supervision.rulebook import RuleBook


def unit(book: RuleBook, unit_id: str | None, lang: Lang) -> str:
    """The name of a lead unit; an id that the rule book does not know stays as it is."""
    known = book.units.get(unit_id or "")
    return (unit_id or "") if known is None else (known.zh if lang == "zh" else known.en)


def units(book: RuleBook, ids: Sequence[str], lang: Lang) -> str:
    """Several units in one line."""
    return ("、" if lang == "zh" else ", ").join(unit(book, one, lang) for one in ids)


def category(book: RuleBook, code: str, lang: Lang) -> str:
    """Code and name of a category."""
    known = book.categories.get(code)
    if known is None:
        return code
    return f"{code} {known.zh if lang == 'zh' else known.name.replace('_', ' ')}"


def site_type(book: RuleBook, code: str | None, lang: Lang) -> str:
    """The name of a type of site."""
    known = book.site_types.get(code or "")
    return (code or "") if known is None else (known.zh if lang == "zh" else known.en)


def card(book: RuleBook, colour: str | None, lang: Lang) -> str:
    """The name of a colour of card."""
    level = next((one for one in book.cards.levels if one.id == colour), None)
    return (colour or "") if level is None else (level.zh if lang == "zh" else level.en)


def when(moment: datetime | None) -> str:
    """Local time to the minute."""
    return "" if moment is None else clock.minute(moment)


def who(told: str, lang: Lang) -> str:
    """Who made an entry; what the passing of time has done is the system's."""
    return text("issue.who.system", lang) if told == TICKER else told


def field(name: str, lang: Lang) -> str:
    """The name of a field of a case."""
    return text(f"issue.field.{name}", lang) if f"issue.field.{name}" in texts() else name


def value(book: RuleBook, name: str, told: Any, lang: Lang) -> str:
    """A value of a case, as the case has it or as its history tells it (moments as text)."""
    if told is None or told in ((), []):
        return ""
    if name in _NAMED:
        return _NAMED[name](book, told, lang)
    if name in MOMENTS:
        return when(told if isinstance(told, datetime) else datetime.fromisoformat(told))
    return f"{told:.6f}" if isinstance(told, float) else str(told)


def _coded(prefix: str) -> Callable[[RuleBook, Any, Lang], str]:
    def words(_: RuleBook, told: Any, lang: Lang) -> str:
        return text(f"{prefix}.{told}", lang) if f"{prefix}.{told}" in texts() else str(told)

    return words


_NAMED: Mapping[str, Callable[[RuleBook, Any, Lang], str]] = {
    "category": category,
    "lead_unit": unit,
    "responsible": unit,  # in figures: the kind of unit where no body is named
    "joint_units": units,
    "site_type": site_type,
    "colour": card,
    "state": _coded("issue.state"),
    "source": _coded("issue.source"),
    "why": _coded("assign.why"),
    "photos": lambda _, told, __: "; ".join(told),
}


FACTS = (
    "category", "state", "colour", "severity", "count", "lead_unit", "joint_units", "responsible", "why",
    "district", "community", "grid", "site", "site_type", "item", "mission", "source", "found_at",
    "carded_at", "due_from", "deadline", "first_deadline", "reported_at", "rechecked_at", "closed_at",
    "fixed_at", "rework", "suspended_at", "suspended_until", "approver", "handed_over_at", "recurs",
    "merged_into", "withdrawn_at", "rules", "note", "photos", "lon", "lat",
)  # fmt: skip


def facts(book: RuleBook, case: Case, lang: Lang) -> list[tuple[str, str, str]]:
    """(field, its name, its value in words) of whatever a case has."""
    told = ((name, field(name, lang), value(book, name, getattr(case, name), lang)) for name in FACTS)
    return [(name, label, words) for name, label, words in told if words]
