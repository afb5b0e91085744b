"""Every visible text in Chinese and English, by code.

The texts stand in `data/texts/*.json` as `{code: {"zh": ..., "en": ...}}`. Placeholders are
`str.format` fields filled from plain values.
"""

from __future__ import annotations

import json
import locale
import os
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

from geo.errors import ZhoubianError
from layers.faults import Fault
from layers.resources import data_path

Lang = Literal["zh", "en"]
LANGS: tuple[Lang, ...] = ("zh", "en")


@cache
def texts() -> dict[str, dict[str, str]]:
    """All texts by code; a code that stands in two files is a mistake and raises."""
    found: dict[str, dict[str, str]] = {}
    for path in sorted(data_path("texts").glob("*.json")):
        for code, pair in json.loads(path.read_text(encoding="utf-8")).items():
            if code in found:
                raise ValueError(f"text {code!r} stands twice, the second time in {path.name}")
            found[code] = pair
    return found


def text(code: str, lang: Lang, **facts: Any) -> str:
    """The text of a code in a language, its placeholders filled."""
    return texts()[code][lang].format(**facts)


def error_text(error: ZhoubianError, lang: Lang) -> str:
    """An error in a language: English is the message itself, Chinese comes from its code and facts.

    A fact that is a tuple of errors, which this one gathers, is told as their sentences; one that is
    ``{"zh": ..., "en": ...}`` in the language.
    """
    return _translated(f"error.{error.code}", error.message, error.facts, lang)


def fault_text(fault: Fault, lang: Lang) -> str:
    """A fault of a row in a language."""
    return _translated(f"fault.{fault.code}", fault.message, fault.facts, lang)


def _translated(code: str, message: str, facts: Mapping[str, Any], lang: Lang) -> str:
    pair = texts().get(code)
    if lang == "en" or pair is None:
        return message
    return pair[lang].format(**{name: _said(fact, lang) for name, fact in facts.items()})


def _said(fact: Any, lang: Lang) -> Any:
    if isinstance(fact, dict) and set(fact) == set(LANGS):
        return fact[lang]
    gathered = isinstance(fact, tuple) and fact and all(isinstance(one, ZhoubianError) for one in fact)
    return "；".join(error_text(one, lang) for one in fact) if gathered else fact


def system_lang() -> Lang:
    """ZHOUBIAN_LANG if set, else Chinese on a Chinese system, else English."""
    chosen = os.environ.get("ZHOUBIAN_LANG", "").lower()[:2]
    if chosen in LANGS:
        return chosen
    named = os.environ.get("LC_ALL") or os.environ.get("LANG") or (locale.getlocale()[0] or "")
    return "zh" if named.lower().startswith(("zh", "chinese")) else "en"
