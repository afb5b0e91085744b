"""The settings of the bulletins as the rule book has them; what an older book lacks is as shipped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from geo.errors import DesignError
from layers.rule_tables import Places, shipped

from ..supervision.rule_bulletin_faults import PLACEHOLDER, bulletin_faults
from ..supervision.rule_checks import Checks
from ..supervision.rulebook import RuleBook
from .periods import kind_of


@dataclass(frozen=True)
class Advice:
    """A sentence of the last section; `when`: only where that figure is above nothing."""

    zh: str
    en: str
    when: str


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How bulletins are made; see `data/rules/bulletin.toml`."""

    office: Mapping[str, str]
    city: str
    recipient: Mapping[str, str]
    title: Mapping[str, str]
    start: date
    period: str
    internal: bool
    score_kinds: tuple[str, ...]
    score_classes: tuple[float, ...]
    categories_shown: int
    listed: int
    revisit_below: float
    plaque_by: Literal["reds", "score"]
    plaque_of: Literal["unit", "district"]
    advice: tuple[Advice, ...]


def settings_of(book: RuleBook) -> Settings:
    """The settings of a rule book.

    Raises
    ------
    DesignError
        `bulletin_settings`, for all that cannot be used at once.
    """
    told: dict[str, Any] = {**shipped()["bulletin"], **book.bulletin}
    checks = Checks({"bulletin": told}, Places())
    bulletin_faults(checks)
    if checks.found:
        wrong = ", ".join(f"{one.column} = {one.value}" for one in checks.found)
        raise DesignError(
            f"the bulletin settings of the rule book {book.version} cannot be used: {wrong}; the comments of"
            " data/rules/bulletin.toml say what may stand there",
            code="bulletin_settings", version=book.version, wrong=wrong,
        )  # fmt: skip
    plaque = {"by": "reds", "of": "unit", **told["plaque"]}
    advice = tuple(Advice(one["zh"], one["en"], one.get("when", "")) for one in told["next"])
    return Settings(
        office={"zh": told["office"], "en": told["office_en"]}, city=told["city"],
        recipient={"zh": told["recipient"], "en": told["recipient_en"]},
        title={"zh": told["title"], "en": told["title_en"]}, start=date.fromisoformat(str(told["start"])),
        period=kind_of(told["period"]), internal=bool(told["internal"]),
        score_kinds=tuple(told["score_kinds"]),
        score_classes=tuple(sorted((float(cut) for cut in told["score_classes"]), reverse=True)),
        categories_shown=told["categories_shown"], listed=told["listed"],
        revisit_below=float(told["revisit_below"]), plaque_by=plaque["by"], plaque_of=plaque["of"],
        advice=advice,
    )  # fmt: skip


def filled(words: str, facts: Mapping[str, object]) -> str:
    """A text with its placeholders replaced; nothing else in it means anything."""
    return PLACEHOLDER.sub(lambda found: str(facts[found[1]]), words)
