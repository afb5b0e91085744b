"""What is wrong with the coverage settings of a rule book: posters, households, school zones.

A part that a book does not have is no fault: it is asked for when it is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layers.schema import ROAD_CLASSES

from .rule_checks import Checks
from .rule_setting_faults import texts

TABLE = "coverage"


def coverage_faults(checks: Checks, site_types: set[str], categories: set[str]) -> None:
    """The parts `posters`, `households` and `schools`."""
    told = checks.settings(TABLE)
    if told is None:
        return
    parts: dict[str, Mapping[str, Any]] = {}
    for name in ("posters", "households", "schools"):
        if name in told:
            part = checks.setting(TABLE, told, name, dict)
            if part is not None:
                parts[name] = part
    if "posters" in parts:
        _poster_faults(checks, parts["posters"], site_types)
    if "households" in parts:
        checks.only(TABLE, parts["households"], ("rounds",), under="households.")
        _number(checks, parts["households"], "rounds", "households.", whole=True)
    if "schools" in parts:
        _school_faults(checks, parts["schools"], categories)


def _poster_faults(checks: Checks, told: Mapping[str, Any], site_types: set[str]) -> None:
    under = "posters."
    checks.only(TABLE, told, ("damaged_counts", "street_classes", "themes", "required"), under=under)
    checks.setting(TABLE, told, "damaged_counts", bool, under=under)
    for name in texts(checks, TABLE, told, "street_classes", under):
        checks.word(TABLE, f"{under}street_classes", f"{under}street_classes", name, ROAD_CLASSES)
    themes = _theme_faults(checks, checks.setting(TABLE, told, "themes", list, under=under) or [])
    for number, row in enumerate(checks.setting(TABLE, told, "required", list, under=under) or [], 1):
        within = f"{under}required.{number}."
        if not isinstance(row, dict):
            checks.form(TABLE, within.rstrip("."), row)
            continue
        checks.only(TABLE, row, ("site_type", "themes", "count", "per_m"), under=within)
        site_type = checks.setting(TABLE, row, "site_type", str, under=within)
        path = f"{within}site_type"
        checks.known(TABLE, path, path, site_type, site_types, of="site_types")
        if row.get("themes"):
            for theme in texts(checks, TABLE, row, "themes", within):
                path = f"{within}themes"
                checks.known(TABLE, path, path, theme, themes, of="posters.themes")
        _number(checks, row, "count", within, whole=True)
        if "per_m" in row:
            _number(checks, row, "per_m", within)


def _theme_faults(checks: Checks, told: list[Any]) -> set[str]:
    """The ids of the themes; a word that stands for two of them is a fault."""
    owner: dict[str, str] = {}
    ids = set()
    for number, one in enumerate(told, 1):
        under = f"posters.themes.{number}."
        if not isinstance(one, dict):
            checks.form(TABLE, under.rstrip("."), one)
            continue
        checks.only(TABLE, one, ("id", "zh", "en", "aliases"), under=under)
        words = [checks.setting(TABLE, one, key, str, under=under) for key in ("id", "zh", "en")]
        if "aliases" in one:
            words += texts(checks, TABLE, one, "aliases", under)
        theme = str(words[0])
        ids.add(theme)
        for word in dict.fromkeys(filter(None, words)):
            if owner.setdefault(word, under) != under:
                checks.note(
                    TABLE, f"{under}id", f"{under}id", word, code="rules_theme_twice",
                    message=f"{word} stands for another theme already; keep it with one of them", name=word,
                )  # fmt: skip
    return ids


def _school_faults(checks: Checks, told: Mapping[str, Any], categories: set[str]) -> None:
    under = "schools."
    checks.only(TABLE, told, ("zone_m", "categories", "unsuitable"), under=under)
    _number(checks, told, "zone_m", under)
    for category in texts(checks, TABLE, told, "categories", under):
        path = f"{under}categories"
        checks.known(TABLE, path, path, category, categories, of="issue_categories")
    texts(checks, TABLE, told, "unsuitable", under)


def _number(checks: Checks, told: Mapping[str, Any], key: str, under: str, *, whole: bool = False) -> None:
    given = checks.setting(TABLE, told, key, object, under=under)
    if given is not None:
        checks.number(TABLE, f"{under}{key}", f"{under}{key}", given, least=1, whole=whole)
