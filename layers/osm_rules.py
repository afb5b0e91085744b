"""Which OpenStreetMap object belongs to which layer: the rule table `data/osm_rules.toml`.

Rules of a layer are tried in order, the first that fits decides. Sizes and neighbours are looked at
later (`osm.py`), once there are metres; here only tags and names.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from geo.travel import MODES, Mode

from .resources import data_path

Tags = dict[str, str]
Shape = Literal["line", "place", "area"]

_ANY = "*"
_RULE_KEYS = {
    "tags", "any_key", "without", "name", "named", "class", "subtype", "refuse",
    "min_m", "max_m", "min_m2", "max_m2", "refuse_inside",
}  # fmt: skip


@dataclass(frozen=True)
class Rule:
    """One line of the table; `refuse` empty means accept. Lengths in m, areas in m2."""

    tags: dict[str, frozenset[str] | None]
    any_key: tuple[str, ...]
    without: dict[str, frozenset[str] | None]
    name: re.Pattern[str] | None
    named: bool | None
    class_: str
    subtype: str
    refuse: str
    min_m: float
    max_m: float
    min_m2: float
    max_m2: float
    refuse_inside: frozenset[str]
    leads: frozenset[str]
    """Without any of these keys an object is none of this rule's."""

    def fits(self, tags: Tags, name: str | None) -> bool:
        """Whether tags and name meet every condition."""
        for key, values in self.tags.items():
            value = tags.get(key)
            if value is None or (values is not None and value not in values):
                return False
        if self.any_key and not any(key in tags for key in self.any_key):
            return False
        if self.named is not None and self.named != (name is not None):
            return False
        for key, values in self.without.items():
            value = tags.get(key)
            if value is not None and (values is None or value in values):
                return False
        return self.name is None or (name is not None and self.name.search(name) is not None)

    def deciding(self, tags: Tags) -> tuple[str, str]:
        """Key and value that brought the object here."""
        for key in (self.subtype, *self.any_key):
            if key in tags:
                return key, tags[key]
        return "", ""


@dataclass(frozen=True)
class Access:
    """What tags say of who may use a road; see `osm_access.py`."""

    opens: frozenset[str]
    keys: dict[Mode, tuple[str, ...]]
    own: dict[Mode, frozenset[str]]
    closes: dict[Mode, frozenset[str]]
    closed_by: dict[Mode, dict[str, frozenset[str]]]


@dataclass(frozen=True)
class Rules:
    """The whole table."""

    name_keys: tuple[str, ...]
    objects: dict[str, frozenset[str]]
    shapes: dict[str, Shape]
    by_layer: dict[str, tuple[Rule, ...]]
    keys: frozenset[str]
    reasons: dict[str, str]
    labels: dict[str, str]
    alleys: dict[str, float]
    anchors: dict[str, Any]
    gates: dict[str, Any]
    compounds: dict[str, Any]
    access: Access

    def name_of(self, tags: Tags) -> str | None:
        """The name of an object on one line, None if it has none."""
        for key in self.name_keys:
            name = " ".join(tags.get(key, "").split())
            if name:
                return name
        return None

    def match(self, layer: str, kind: str, tags: Tags) -> Rule | None:
        """The rule that decides about an object in a layer, None if it is no candidate.

        Parameters
        ----------
        kind : {"n", "w", "r"}
            Node, way or relation.
        """
        if kind not in self.objects[layer]:
            return None
        near = [rule for rule in self.by_layer[layer] if not rule.leads.isdisjoint(tags)]
        name = self.name_of(tags) if near else None
        return next((rule for rule in near if rule.fits(tags, name)), None)


def _values(table: dict[str, Any]) -> dict[str, frozenset[str] | None]:
    return {key: None if given == _ANY else frozenset(given) for key, given in table.items()}


def _rule(entry: dict[str, Any]) -> Rule:
    unknown = set(entry) - _RULE_KEYS
    if unknown:
        raise ValueError(f"osm_rules.toml: unknown keys {sorted(unknown)} in {entry}")
    tags = _values(entry.get("tags", {}))
    return Rule(
        tags=tags,
        any_key=tuple(entry.get("any_key", ())),
        without=_values(entry.get("without", {})),
        name=re.compile(entry["name"]) if "name" in entry else None,
        named=entry.get("named"),
        class_=entry.get("class", ""),
        subtype=entry.get("subtype", next(iter(tags), "")),
        refuse=entry.get("refuse", ""),
        min_m=float(entry.get("min_m", 0.0)),
        max_m=float(entry.get("max_m", "inf")),
        min_m2=float(entry.get("min_m2", 0.0)),
        max_m2=float(entry.get("max_m2", "inf")),
        refuse_inside=frozenset(entry.get("refuse_inside", ())),
        leads=frozenset([next(iter(tags))] if tags else entry.get("any_key", ())),
    )


def _access(table: dict[str, Any]) -> Access:
    return Access(
        opens=frozenset(table["opens"]),
        keys={mode: tuple(table["keys"][mode]) for mode in MODES},
        own={mode: frozenset(table["own"][mode]) for mode in MODES},
        closes={mode: frozenset(table["closes"][mode]) for mode in MODES},
        closed_by={
            mode: {key: frozenset(values) for key, values in table["closed_by"][mode].items()}
            for mode in MODES
        },
    )


@cache
def load_rules() -> Rules:
    """The table shipped with the program; a mistake in it raises."""
    table = tomllib.loads(data_path("osm_rules.toml").read_text(encoding="utf-8"))
    by_layer = {layer: tuple(_rule(entry) for entry in entries) for layer, entries in table["rules"].items()}
    for layer, rules in by_layer.items():
        for rule in rules:
            if rule.refuse and rule.refuse not in table["reasons"]:
                raise ValueError(f"osm_rules.toml: {layer} refuses with the unknown reason {rule.refuse!r}")
    every = [rule for rules in by_layer.values() for rule in rules]
    return Rules(
        name_keys=tuple(table["names"]["keys"]),
        objects={layer: frozenset(given["objects"]) for layer, given in table["layers"].items()},
        shapes={layer: given["shape"] for layer, given in table["layers"].items()},
        by_layer=by_layer,
        keys=frozenset(key for rule in every for key in (*rule.tags, *rule.any_key)),
        reasons=table["reasons"],
        labels=table["labels"],
        alleys=table["alleys"],
        anchors=table["anchors"],
        gates=table["gates"],
        compounds=table["compounds"],
        access=_access(table["access"]),
    )
