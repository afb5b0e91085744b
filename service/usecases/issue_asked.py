"""The words of a question about issues as people write them, in Chinese or English, by name or by code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from geo.errors import DesignError

from ..i18n import LANGS, text, texts
from ..supervision.assignment import unit_named
from ..supervision.rulebook import RuleBook

ALSO: Mapping[str, Mapping[str, str]] = {
    "source": {
        "投诉": "complaint", "市民投诉": "complaint", "热线": "complaint", "测评": "mission",
        "任务": "mission", "巡查发现": "patrol", "媒体曝光": "media", "反馈": "official_feedback",
    },
    "state": {"待整改": "carded", "待复核": "reported_fixed", "销号": "closed", "现场整改": "fixed_on_site"},
    "standing": {"逾期": "overdue", "超期": "overdue", "已逾期": "overdue", "撤销": "gone", "合并": "gone"},
}  # fmt: skip
"""Other words than those of the texts ``issue.<field>.<code>``."""


def several(given: str) -> tuple[str, ...]:
    """Words with commas between them, Chinese commas too."""
    return tuple(filter(None, (one.strip() for one in given.replace("，", ",").split(","))))


def meant(field: str, word: str) -> str:
    """The code of a source, state or standing; a word that is none stays as it is."""
    wanted = _plain(word)
    begins = f"issue.{field}."
    for code, pair in texts().items():
        own = code.removeprefix(begins)
        if code.startswith(begins) and wanted in map(_plain, (own, *pair.values())):
            return own
    return ALSO.get(field, {}).get(wanted, word.strip())


def colour_meant(word: str, book: RuleBook) -> str:
    """The id of a level of card by its id, its name or its word."""
    wanted = _plain(word)
    for level in book.cards.levels:
        if wanted in map(_plain, (level.id, level.zh, level.en, level.word, level.word_en)):
            return level.id
    return word.strip()


def by_rules(asked: Mapping[str, str], book: RuleBook) -> dict[str, str]:
    """A question whose colours and units are ids of the rule book.

    A name that no unit goes by is that of a responsible body.

    Raises
    ------
    DesignError
        `filter_value`: there is no such level of card.
    """
    told = dict(asked)
    if told.get("colour"):
        colours = [(one, colour_meant(one, book)) for one in several(told["colour"])]
        known = {level.id: {"zh": level.zh, "en": level.id} for level in book.cards.levels}
        for given, colour in colours:
            if colour not in known:
                raise refused("colour", given, known)
        told["colour"] = ",".join(colour for _, colour in colours)
    if told.get("unit"):
        told["unit"] = ",".join(unit_named(one, book) or one for one in several(told["unit"]))
    return told


def not_among(field: str, given: str, allowed: Sequence[str]) -> DesignError:
    """That a word is none of the codes of a field."""
    known = {}
    for word in allowed:
        code = f"issue.{field}.{word}"
        known[word] = {"zh": text(code, "zh") if code in texts() else word, "en": word}
    return refused(field, given, known)


def refused(field: str, given: str, known: Mapping[str, Mapping[str, str]]) -> DesignError:
    """The error `filter_value`, which names the choices in the language of the reader."""
    code = f"issue.field.{field}"
    names = {"zh": text(code, "zh") if code in texts() else field, "en": field}
    joined = {
        lang: ("、" if lang == "zh" else ", ").join(one[lang] for one in known.values()) for lang in LANGS
    }
    return DesignError(
        f"{given[:40]!r} is no {field}; use one of {joined['en']}",
        code="filter_value", field=names, given=given[:40], allowed=joined,
    )  # fmt: skip


def _plain(word: str) -> str:
    return word.strip().lower().replace("_", " ")
