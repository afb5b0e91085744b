"""What stands beside a hotspot map: its lines, its unit and the words of its classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .i18n import Lang, text

SUBJECTS = ("density", "hotspots", "emerging", "change")


def title(subject: str, lang: Lang) -> str:
    """What the map shows."""
    return text(f"hot.title.{subject}", lang)


def unit(subject: str, lang: Lang) -> str:
    """What the numbers of the legend are."""
    return text(f"hot.unit.{subject}", lang)


def class_words(name: str, lang: Lang) -> str:
    """A class of a legend: ``hot_99``, ``cold_persistent``, ``more_double`` and the others."""
    side, _, kind = name.partition("_")
    code = f"hot.class.{name}"
    if side in ("hot", "cold") and not kind.isdigit():
        return text("hot.of_kind", lang, side=text(f"hot.{side}", lang), kind=text(f"hot.kind.{kind}", lang))
    return text(code, lang)


def lines(facts: Mapping[str, Any], lang: Lang, wanted: Mapping[str, str]) -> list[tuple[str, str]]:
    """Labels and values of everything that decided a map, what was left out among them."""
    told = [
        ("method", text(f"hot.method.{facts['subject']}", lang, **_method(facts, lang))),
        ("period", _period(facts, lang)),
        ("issues", text("hot.matched", lang, matched=facts["matched"], issues=facts["issues"])),
        ("left_out", _left_out(facts, lang)),
        *(("weight", told) for told in _weights(facts, lang)),
        ("filter", "; ".join(f"{name} {value}" for name, value in wanted.items()) or text("hot.all", lang)),
        ("ground", text(f"hot.ground.{facts['ground']}", lang)),
    ]
    if facts["ground"] == "hull" and facts["subject"] in ("hotspots", "emerging"):
        told.append(("caution", text("hot.no_areas", lang)))
    if facts.get("hit_rate") is not None:
        share = {"share": f"{100 * facts['area_share']:.0f} %", "hits": f"{100 * facts['hit_rate']:.0f} %"}
        told.append(("forecast", text("hot.forecast", lang, **share, pai=f"{facts['pai']:.1f}")))
    if facts["attribution"]:
        told.append(("attribution", facts["attribution"]))
    return [(text(f"hot.line.{name}", lang), value) for name, value in told]


def _method(facts: Mapping[str, Any], lang: Lang) -> dict[str, Any]:
    told: dict[str, Any] = {"cell": f"{facts['cell_m']:g}"}
    if facts["subject"] == "density":
        shape = "hot.quartic" if facts["radius_m"] is not None else "hot.gaussian"
        sizes = {"bandwidth": f"{facts['bandwidth_m']:g}", "radius": f"{facts['radius_m'] or 0:g}"}
        told["kernel"] = text(shape, lang, **sizes)
        told["edge"] = text(f"hot.edge.{facts['edge']}", lang)
    elif facts["subject"] == "change":
        told.update(
            since=facts["before_since"], until=facts["before_until"], before=facts["before_matched"],
            after=facts["matched"],
        )  # fmt: skip
    else:
        told["radius"] = f"{facts['radius_m']:g}"
        if facts["subject"] == "emerging":
            told.update(first=facts["months"][0], last=facts["months"][-1], months=len(facts["months"]))
    return told


def _weights(facts: Mapping[str, Any], lang: Lang) -> list[str]:
    """What an issue counts, where it does not count one."""
    told = []
    if facts.get("weight"):
        told.append(text(f"hot.weight.{facts['weight']}", lang))
    if facts.get("half_life_days"):
        told.append(text("hot.half_life", lang, days=f"{facts['half_life_days']:g}"))
    return told


def _period(facts: Mapping[str, Any], lang: Lang) -> str:
    return text("hot.period", lang, since=facts["since"], until=facts["until"], days=facts["days"])


def _left_out(facts: Mapping[str, Any], lang: Lang) -> str:
    parts = [text("hot.out.piled", lang, count=facts["piled"])]
    if facts["resent"]:
        parts.append(text("hot.out.resent", lang, count=facts["resent"]))
    if "outside" in facts:
        parts.append(text("hot.out.outside", lang, count=facts["outside"]))
    if "merged" in facts:
        parts.append(text("hot.out.merged", lang, count=facts["merged"]))
    if "left_out" in facts:
        parts.append(text("hot.out.months", lang, count=facts["left_out"]))
    return text("hot.out.join", lang).join(parts)
