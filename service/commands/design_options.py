"""The options that make a `Design`, the same for every command that draws or reckons with one."""

from __future__ import annotations

from typing import Any, get_args

import typer

from geo import buffers
from geo import design as d
from geo.design import Anchors, Design, Radius, Take
from geo.errors import DesignError

from ..i18n import Lang, text

_CHOICES: dict[str, Any] = {
    "shape": d.Shape, "compound_rule": d.CompoundRule, "anchor_rule": d.AnchorRule, "metric": d.Metric,
    "radius_per": d.RadiusPer, "per": d.Per, "duplicate": d.Duplicate, "short_pool": d.ShortPool,
    "empty_pool": d.EmptyPool, "replace": d.Replace, "alley_weight": d.AlleyWeight,
    "compound_weight": d.CompoundWeight, "rule": buffers.AlleyRule,
}  # fmt: skip
_FREE = ("anchors", "radius", "inner", "alleys", "compounds", "exclude_status", "cooldown_days", "reserves")


def design_options(lang: Lang) -> dict[str, Any]:
    """One typer option per setting of a design, its help in a language."""
    found: dict[str, Any] = {}
    for name in (*_FREE, *_CHOICES):
        allowed = f" [{' | '.join(get_args(_CHOICES[name]))}]" if name in _CHOICES else ""
        words = text(f"cli.design.{name}", lang) + allowed
        found[name] = typer.Option(None, f"--{name.replace('_', '-')}", help=words)
    return found


def make_design(given: dict[str, Any]) -> Design:
    """The design of the options that were given; the rest keeps its default.

    Raises
    ------
    DesignError
        For unreadable, unknown or impossible settings.
    """
    values = {name: value for name, value in given.items() if value is not None}
    known: dict[str, Any] = {}
    readers = {
        "anchors": Anchors.parse,
        "radius": Radius.parse,
        "alleys": Take.parse,
        "compounds": Take.parse,
    }
    for name, read in readers.items():
        if name in values:
            known[name] = read(values.pop(name))
    if "rule" in values:
        known["alley_rule"] = values.pop("rule")
    if "inner" in values:
        known["inner_m"] = values.pop("inner")
        if values.get("shape") != "ring":
            raise DesignError("--inner belongs to a ring; add --shape ring", code="inner_without_ring")
    if "exclude_status" in values:
        words = [word.strip() for word in values.pop("exclude_status").split(",")]
        known["exclude_status"] = tuple(word for word in words if word and word != "none")
    if values.get("shape") == "ring" and "radius" not in known:
        # the stated ring runs from 500 m to 2 km; 1000 m is the default of a disc
        known["radius"] = Radius("fixed", (d.WIDEN_TO_M,))
    return Design(**known, **values)
