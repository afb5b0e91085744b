"""What is wrong with the bulletin settings of a rule book.

A setting that a book does not have is no fault: it is as the program's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .rule_checks import Checks
from .rule_setting_faults import texts

TABLE = "bulletin"
PLACEHOLDERS = (
    "office", "city", "year", "number", "name", "since", "until", "next", "open", "overdue", "red", "revisit",
    "day",
)  # fmt: skip
"""What a text of the settings may ask for."""
PLACEHOLDER = re.compile(r"\{(\w*)\}")
MISSION_KINDS = ("mock", "unannounced", "lookback", "makeup")
PERIODS = ("week", "fortnight", "month", "two-months", "quarter", "year")

_TEXTS = ("office", "office_en", "recipient", "recipient_en", "title", "title_en")
_WHOLE = ("categories_shown", "listed")
_PLAQUE: Mapping[str, tuple[str, ...]] = {"by": ("reds", "score"), "of": ("unit", "district")}
_DAYS = re.compile(r"0*[1-9]\d{0,2}\s*d")
_KNOWN = (*_TEXTS, "city", "start", "period", "internal", "score_kinds", "score_classes", *_WHOLE,
          "revisit_below", "plaque", "next")  # fmt: skip


def bulletin_faults(checks: Checks) -> None:
    """Who writes to whom, periods, what is shown, the plaque, and the sentences of the last section."""
    told = checks.settings(TABLE)
    if told is None:
        return
    checks.only(TABLE, told, _KNOWN)
    for key in (key for key in _TEXTS if key in told):
        words = checks.setting(TABLE, told, key, str)
        if words is not None and key.startswith("title"):
            _placeholders(checks, key, words)
    if not isinstance(told.get("city", ""), str):
        checks.form(TABLE, "city", told["city"])
    if "start" in told:
        checks.day(TABLE, "start", told["start"])
    if "period" in told and not _DAYS.fullmatch(str(told["period"])):
        checks.word(TABLE, "period", "period", told["period"], (*PERIODS, "10d"))
    if "internal" in told:
        checks.setting(TABLE, told, "internal", bool)
    _number_faults(checks, told)
    if "plaque" in told:
        _plaque_faults(checks, checks.setting(TABLE, told, "plaque", dict) or {})
    if "next" in told:
        _advice_faults(checks, checks.setting(TABLE, told, "next", list) or [])


def _number_faults(checks: Checks, told: Mapping[str, Any]) -> None:
    """Scores and how much is shown."""
    for kind in texts(checks, TABLE, told, "score_kinds", "") if "score_kinds" in told else ():
        checks.word(TABLE, "score_kinds", "score_kinds", kind, MISSION_KINDS)
    if "score_classes" in told:
        for cut in checks.setting(TABLE, told, "score_classes", list) or ():
            checks.number(TABLE, "score_classes", "score_classes", cut)
    for key in (key for key in _WHOLE if key in told):
        if checks.setting(TABLE, told, key, int) is not None:
            checks.number(TABLE, key, key, told[key], least=1, whole=True)
    if "revisit_below" in told:
        checks.number(TABLE, "revisit_below", "revisit_below", told["revisit_below"])


def _plaque_faults(checks: Checks, told: Mapping[str, Any]) -> None:
    checks.only(TABLE, told, tuple(_PLAQUE), under="plaque.")
    for key, allowed in _PLAQUE.items():
        if key in told:
            checks.word(TABLE, f"plaque.{key}", f"plaque.{key}", told[key], allowed)


def _advice_faults(checks: Checks, told: list[Any]) -> None:
    for number, one in enumerate(told, 1):
        under = f"next.{number}."
        if not isinstance(one, dict):
            checks.form(TABLE, under.rstrip("."), one)
            continue
        checks.only(TABLE, one, ("zh", "en", "when"), under=under)
        for key in ("zh", "en"):
            words = checks.setting(TABLE, one, key, str, under=under)
            if words is not None:
                _placeholders(checks, f"{under}{key}", words)
        if one.get("when", "") != "":
            checks.word(TABLE, f"{under}when", f"{under}when", one["when"], PLACEHOLDERS)


def _placeholders(checks: Checks, path: str, words: str) -> None:
    allowed = tuple(f"{{{name}}}" for name in PLACEHOLDERS)
    for name in PLACEHOLDER.findall(words):
        if name not in PLACEHOLDERS:
            checks.word(TABLE, path, path, f"{{{name}}}", allowed)
