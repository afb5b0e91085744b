"""The options that make a `Design`, the same for every command that draws or reckons with one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import typer

from geo import buffers
from geo import design as d

from ..i18n import Lang, text
from ..usecases.designs import make_design
from .shared_options import with_options

_CHOICES: dict[str, Any] = {
    "shape": d.Shape, "rule": buffers.AlleyRule, "compound_rule": d.CompoundRule, "anchor_rule": d.AnchorRule,
    "metric": d.Metric, "radius_per": d.RadiusPer, "per": d.Per, "duplicate": d.Duplicate,
    "short_pool": d.ShortPool, "empty_pool": d.EmptyPool, "replace": d.Replace,
    "alley_weight": d.AlleyWeight, "compound_weight": d.CompoundWeight, "method": d.Method,
}  # fmt: skip
_TYPES: dict[str, type] = {
    **dict.fromkeys(
        ("anchors", "radius", "alleys", "compounds", *_CHOICES, "exclude_status", "must_visit"), str
    ),
    "inner": float,
    "min_distance": float,
    "force_distance": bool,
    "cooldown_days": int,
    "reserves": int,
}


def _option(name: str, lang: Lang) -> Any:
    allowed = f" [{' | '.join(get_args(_CHOICES[name]))}]" if name in _CHOICES else ""
    words = text(f"cli.design.{name}", lang) + allowed
    return typer.Option(None, f"--{name.replace('_', '-')}", help=words)


def with_design(lang: Lang) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command every option of a design; it gets the finished `Design` as `design`."""
    types = {name: kind | None for name, kind in _TYPES.items()}
    return with_options("design", types, lambda name: _option(name, lang), make_design)
