"""The later sections of the bulletin: supervision cards, the black plaque, look-back visits, next steps."""

from __future__ import annotations

from collections.abc import Mapping

from . import issue_words
from .bulletin_words import (
    card_word,
    category,
    place,
    rate,
    row_of,
    shade,
    shown,
    unit,
)
from .i18n import Lang, text
from .official_document import CARD_SHADES, OfficialDocument, date_words
from .usecases.bulletin_content import Content
from .usecases.bulletin_settings import filled


def cards(paper: OfficialDocument, content: Content, lang: Lang) -> None:
    """Cards issued and open by colour; the open ones of the highest colour one by one."""
    figures, levels = content.figures, content.book.cards.levels
    paper.heading1(text("bulletin.cards", lang))
    if not levels:
        paper.paragraph(text("bulletin.no_cards", lang))
        return
    paper.table(
        [text(f"bulletin.column.{name}", lang) for name in ("card", "issued", "open_cards")],
        [
            [card_word(level, lang), shown(figures, f"card.{level.id}.issued"),
             shown(figures, f"card.{level.id}.open")]
            for level in levels
        ],
        [40, 40, 40], shades={(row, 0): shade(content.book, level) for row, level in enumerate(levels)},
        aligns=["left", "right", "right"], caption=text("bulletin.card_table", lang),
    )  # fmt: skip
    top = levels[-1]
    count = figures[f"card.{top.id}.open"]
    told = text("bulletin.reds", lang, card=card_word(top, lang), count=count,
                handed_over=figures["card.handed_over"])  # fmt: skip
    most = content.settings.listed
    if count > most:
        told += text("bulletin.reds_listed", lang, most=most)
    paper.paragraph(told)
    listed = content.reds[:most]
    if listed:
        paper.table(
            [text(f"bulletin.column.{name}", lang)
             for name in ("rank", "card", "unit", "category", "place", "days")],
            [[number, card_word(top, lang), *_red(content, row, lang)]
             for number, row in enumerate(listed, start=1)],
            [10, 18, 33, 41, 36, 18],
            shades={(row, 1): shade(content.book, top) for row in range(len(listed))},
            aligns=["center", "center", "left", "left", "left", "right"],
            caption=text("bulletin.red_table", lang, card=card_word(top, lang)),
        )  # fmt: skip
        paper.note(text("bulletin.red_basis", lang))


def _red(content: Content, number: int, lang: Lang) -> list[str | float | None]:
    row = row_of(content, "issues", number)
    whose = row["responsible"] or unit(content.book, row["lead_unit"], lang)
    days = (content.cut.date() - row["found_at"].date()).days
    return [whose, category(content.book, row["category"], lang), place(row, lang), days]


def plaque(paper: OfficialDocument, content: Content, lang: Lang) -> None:
    """Who holds the black plaque from now on, why, and from whom it moves."""
    paper.heading1(text("bulletin.plaque", lang))
    held = content.plaque
    if held is None:
        other = (
            "bulletin.plaque_waits"
            if content.period.kind == content.settings.period
            else "bulletin.plaque_other"
        )
        paper.paragraph(text(other, lang))
        return
    name = unit(content.book, held.unit, lang)
    before = unit(content.book, held.moved_from, lang)
    if not held.held:
        told = text("bulletin.plaque_nobody", lang)
        if held.moved_from:
            told += text("bulletin.plaque_returned", lang, before=before)
    else:
        why = (
            text("bulletin.plaque_reds", lang, count=held.facts["reds"])
            if held.why == "reds"
            else text("bulletin.plaque_score", lang, rate=rate(held.facts["rate"]))
        )
        moves = "kept" if held.moved_from == held.unit else "moved" if held.moved_from else "first"
        told = text(f"bulletin.plaque_{moves}", lang, unit=name, why=why, before=before)
        if tied := held.facts.get("tied"):
            told += text(
                "bulletin.plaque_tied", lang, units=_units(content, tied, lang),
                rule=text(f"bulletin.plaque_by.{held.facts['broken_by']}", lang),
            )  # fmt: skip
    paper.paragraph(told)
    if held.held:
        paper.table(
            [text(f"bulletin.column.{name}", lang) for name in ("plaque", "plaque_from", "plaque_until")],
            [[name, date_words(content.period.end, lang), text("bulletin.plaque_next", lang)]], [60, 45, 45],
            shades={(0, 0): CARD_SHADES["black"]}, aligns=["left", "center", "center"],
        )  # fmt: skip
    paper.note(text(f"bulletin.plaque_rule.{content.settings.plaque_by}", lang))


def _units(content: Content, ids: list[str], lang: Lang) -> str:
    return ("、" if lang == "zh" else ", ").join(unit(content.book, one, lang) for one in ids)


def look_back(paper: OfficialDocument, content: Content, lang: Lang) -> None:
    """Sites that were visited again, those that failed again, and those that should be visited again."""
    figures = content.figures
    paper.heading1(text("bulletin.look_back", lang))
    if figures["site.looked_back"]:
        paper.paragraph(
            text(
                "bulletin.looked_back",
                lang,
                sites=figures["site.looked_back"],
                again=figures["site.failed_before"],
            )
        )
    else:
        paper.paragraph(text("bulletin.no_look_back", lang))
    count, most = figures["site.revisit"], content.settings.listed
    limit = f"{content.settings.revisit_below:g}"
    if not count:
        paper.paragraph(text("bulletin.no_revisit", lang, limit=limit))
        return
    told = text("bulletin.revisit", lang, count=count, limit=limit)
    paper.paragraph(told + (text("bulletin.revisit_listed", lang, most=most) if count > most else ""))
    paper.table(
        [text(f"bulletin.column.{name}", lang)
         for name in ("rank", "site", "type", "district", "rate", "failed", "again")],
        revisit_rows(content, lang, most), [12, 42, 24, 25, 18, 21, 14],
        aligns=["center", "left", "left", "left", "right", "right", "center"],
        caption=text("bulletin.revisit_table", lang),
    )  # fmt: skip


def revisit_rows(content: Content, lang: Lang, most: int | None = None) -> list[list[str | float | None]]:
    """The sites for a look-back visit, the lowest score first."""
    found: list[list[str | float | None]] = []
    for number, at in enumerate(content.revisit[:most], start=1):
        row = row_of(content, "sites", at)
        again = content.figures.mask("sites", {"site": row["site"], "failed_before": True}).any()
        found.append(
            [number, row["name"] or row["site"], issue_words.site_type(content.book, row["type"], lang),
             row["district"] or "", rate(row["rate"]), row["failed"],
             text("bulletin.yes", lang) if again else ""]
        )  # fmt: skip
    return found


def next_steps(paper: OfficialDocument, content: Content, facts: Mapping[str, object], lang: Lang) -> None:
    """The sentences of the settings that hold."""
    paper.heading1(text("bulletin.next", lang))
    told = [one for one in content.settings.advice if not one.when or facts[one.when]]
    for number, one in enumerate(told, start=1):
        paper.paragraph(f"{number}. " + filled(one.zh if lang == "zh" else one.en, facts))
