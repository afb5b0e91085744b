"""Toilet coverage in words: the reading, what counts, the share and what was left out, for every door."""

from __future__ import annotations

from .i18n import Lang, text
from .usecases.coverage_toilets import ToiletCoverage, ToiletRule

STATUSES = ("closed", "works", "restricted", "outside", "office")


def title(asked: ToiletRule, lang: Lang) -> str:
    """What the map shows."""
    return text(f"coverage.title.{asked.rule}", lang, distance=f"{asked.distance_m:g}")


def share_words(share: float | None) -> str:
    """A share with one decimal; never full or empty where it is not."""
    if share is None:
        return "—"
    told = f"{100 * share:.1f} %"
    return {"100.0 %": "> 99.9 %", "0.0 %": "< 0.1 %"}.get(told, told) if 0 < share < 1 else told


def km(metres: float) -> str:
    """Kilometres with one decimal."""
    return f"{metres / 1000:,.1f}"


def street(name: str, lang: Lang) -> str:
    """The name of a street, or that it has none."""
    return name or text("coverage.unnamed", lang)


def kind(name: str, lang: Lang) -> str:
    """A class of road, or all of them."""
    return text("coverage.all", lang) if name == "all" else text(f"page.class.{name}", lang)


def left_out(answer: ToiletCoverage, lang: Lang) -> list[str]:
    """What was left out, one entry per reason."""
    told, asked = answer.left_out, answer.asked
    metres = {"distance": f"{asked.distance_m:g}", "beside": f"{asked.beside_m:g}"}
    words = [text(f"coverage.left.{why}", lang, count=told[why]) for why in STATUSES if told.get(why)]
    if told.get("far"):
        words.append(text(f"coverage.left.far.{asked.rule}", lang, count=told["far"], **metres))
    if told["short_m"] > 0:
        words.append(text("coverage.left.short", lang, km=km(told["short_m"]), distance=metres["distance"]))
    if told["other_m"] > 0:
        words.append(text("coverage.left.other", lang, km=km(told["other_m"])))
    return words


def lines(answer: ToiletCoverage, lang: Lang) -> list[tuple[str, str]]:
    """Labels and values that stand beside every map, table and file."""
    asked, facts = answer.asked, answer.facts()
    metres = {"distance": f"{asked.distance_m:g}", "beside": f"{asked.beside_m:g}"}
    classes = text("coverage.comma", lang).join(text(f"page.class.{kind}", lang) for kind in asked.classes)
    said = text("coverage.share.none", lang)
    if facts["share"] is not None:
        said = text("coverage.share.said", lang, share=share_words(facts["share"]),
                    bare=km(facts["bare_m"]), asked=km(facts["asked_m"]))  # fmt: skip
    counted = "coverage.counted.said" if asked.offices else "coverage.counted.no_offices"
    told = [
        (text("coverage.share", lang), said),
        (text("coverage.rule", lang), text(f"coverage.rule.{asked.rule}", lang, **metres)),
        (text("coverage.streets", lang), text("coverage.streets.said", lang, classes=classes)),
        (text("coverage.counted", lang), text(counted, lang, public=facts["public"], office=facts["office"])),
        (
            text("coverage.left_out", lang),
            text("coverage.sep", lang).join(left_out(answer, lang)) or text("coverage.left.none", lang),
        ),
        (text("coverage.rules", lang), asked.version),
    ]
    if answer.attribution:
        told.append((text("coverage.source", lang), answer.attribution))
    return told


def legend(answer: ToiletCoverage, lang: Lang) -> list[tuple[str, str]]:
    """The lines that a small legend on the map has room for; all of them stand below it."""
    short = {text(f"coverage.{code}", lang) for code in ("share", "counted", "left_out", "source")}
    return [line for line in lines(answer, lang) if line[0] in short]
