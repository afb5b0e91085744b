"""The settings of a draw in words, as they stand beside every map and document."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from geo.design import Design
from layers.schema import DRAWN

from .i18n import Lang, text

ALSO = ("alley_weight", "compound_weight", "duplicate", "short_pool", "empty_pool", "replace")
"""Choices that are told when they are not the default."""


def settings(record: dict[str, Any], lang: Lang) -> list[tuple[str, str]]:
    """Label and value of each setting that decides a draw, in reading order.

    Parameters
    ----------
    record : dict
        A draw record (``zhoubian-draw/1``).
    """
    lines = [("seed", record["seed"])]
    if record.get("second"):
        lines.append(("second", record["second"]))
    lines += [
        ("round", str(record["round"])),
        ("frame", record["frame"]["hash"][:12]),
        ("date", record["created_at"].replace("T", " ")[:16]),
        ("counts", _counts(record, lang)),
    ]
    empty = [stratum["stratum"] for stratum in record["strata"] if stratum["anchors"] == 0]
    if empty:
        names = text("set.comma", lang).join(text(f"map.class.{name}", lang) for name in empty)
        lines.append(("empty_classes", names))
    told = foot_settings(record["frame"].get("on_foot", {}), lang)
    return design_settings(record["design"], lang) + _labelled(lines, lang) + told


def design_settings(design: dict[str, Any], lang: Lang) -> list[tuple[str, str]]:
    """Label and value of each setting of a design, in reading order.

    Parameters
    ----------
    design : dict
        As `Design.to_mapping` writes it.
    """
    lines = [
        ("anchors", _anchors(design["anchors"], lang)),
        ("range", _range(design, lang)),
        ("take", _take(design, lang)),
        ("rules", _rules(design, lang)),
    ]
    unusual = _unusual(design, lang)
    if unusual:
        lines.append(("also", text("set.comma", lang).join(unusual)))
    return _labelled(lines, lang)


def foot_settings(on_foot: dict[str, Any], lang: Lang) -> list[tuple[str, str]]:
    """What to know of the places that the roads do not serve; nothing for a straight line.

    Parameters
    ----------
    on_foot : dict
        As `geo.draw.told_on_foot` tells it.
    """
    words = []
    for layer, met in on_foot.items():
        name = text(f"layer.{layer}", lang)
        words += [
            text(f"set.on_foot.{what}", lang, layer=name, count=met[what], first=met[f"{what}_first"])
            for what in ("far", "apart", "edge")
            if met[what]
        ]
    return _labelled([("on_foot", text("set.semicolon", lang).join(words))], lang) if words else []


def circle_settings(design: dict[str, Any], lang: Lang) -> list[tuple[str, str]]:
    """What the circles of a map mean where membership is not decided by them."""
    if design.get("metric") != "walk":
        return []
    return _labelled([("circle", text("set.circle_walk", lang))], lang)


def _labelled(lines: list[tuple[str, str]], lang: Lang) -> list[tuple[str, str]]:
    return [(text(f"set.{code}", lang), value) for code, value in lines]


def _anchors(words: str, lang: Lang) -> str:
    """``all``, ``2`` or ``market=1,school=all``, as the design writes it."""
    every = text("set.anchors_all", lang)
    if words == "all":
        return every
    if "=" not in words:
        return text("set.anchors_each", lang, n=words)
    pairs = [part.split("=") for part in words.split(",")]
    return text("set.comma", lang).join(
        text(
            "set.anchors_class",
            lang,
            name=text(f"map.class.{name}", lang),
            n=every if number == "all" else number,
        )
        for name, number in pairs
    )


def _range(design: dict[str, Any], lang: Lang) -> str:
    radii = [f"{radius:g}" for radius in design["radius"]["radii_m"]]
    per = text(f"set.random.{design['radius_per']}", lang)
    radius = text(
        f"set.radius_{design['radius']['law']}", lang, a=radii[0], b=radii[-1], per=per, all=" / ".join(radii)
    )
    code = f"set.{design['shape']}_walk" if design.get("metric") == "walk" else f"set.{design['shape']}"
    return text(code, lang, radius=radius, inner=f"{design['inner_m']:g}")


def _take(design: dict[str, Any], lang: Lang) -> str:
    return text(
        "set.take_words",
        lang,
        per=text(f"set.per_{design['per']}", lang),
        alleys=_chances(design["alleys"], lang),
        compounds=_chances(design["compounds"], lang),
    )


def _chances(chances: dict[str, Any], lang: Lang) -> str:
    if len(chances) == 1:
        return next(iter(chances))
    shares = {number: Fraction(share) for number, share in chances.items()}
    if len(set(shares.values())) == 1:
        return text("set.or", lang).join(shares)
    return text("set.or", lang).join(
        text("set.take_item", lang, n=number, share=f"{float(share):.4g}") for number, share in shares.items()
    )


def _rules(design: dict[str, Any], lang: Lang) -> str:
    names = {
        part: text(f"set.rule.{design[f'{part}_rule']}", lang) for part in ("alley", "compound", "anchor")
    }
    metric = text(f"set.metric.{design.get('metric', 'straight')}", lang)
    return text("set.rules_words", lang, metric=metric, **names)


def _unusual(design: dict[str, Any], lang: Lang) -> list[str]:
    """What else decides and is not the default, a few words each."""
    default = Design().to_mapping()
    design = {**default, **design}  # a record may be older than a setting
    words = [
        text(f"set.also.{option}.{design[option]}", lang)
        for option in ALSO
        if design[option] != default[option]
    ]
    if design["method"] == "balanced":
        words.append(text("set.also.balanced", lang))
    if design["must_visit"]:
        words.append(text("set.also.must_visit", lang, ids="/".join(design["must_visit"])))
    if design["min_distance_m"]:
        metres = f"{design['min_distance_m']:g}"
        forced = design["force_distance"]
        words.append(
            text("set.also.force_distance" if forced else "set.also.min_distance", lang, metres=metres)
        )
    if design["cooldown_days"]:
        words.append(text("set.also.cooldown_days", lang, days=design["cooldown_days"]))
    if design["exclude_status"] != default["exclude_status"]:
        out = "/".join(text(f"map.out.{status}", lang) for status in design["exclude_status"])
        words.append(text("set.also.exclude_status", lang, out=out or "0"))
    return words


def _counts(record: dict[str, Any], lang: Lang) -> str:
    frame = record["frame"]
    notes = [surrounding[layer]["note"] for surrounding in record["surroundings"] for layer in DRAWN]
    return text(
        "set.counts_words",
        lang,
        **{name: layer["count"] for name, layer in frame["layers"].items()},
        excluded=sum(number for reasons in frame["excluded"].values() for number in reasons.values()),
        short=notes.count("short_pool"),
        empty=notes.count("empty_pool"),
        widened=notes.count("widened"),
    )
