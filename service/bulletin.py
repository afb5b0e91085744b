"""The bulletin (督查测评通报) as an official document: what a period was like, in figures of its register."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from . import clock, issue_words
from .bulletin_follow_up import cards, look_back, next_steps, plaque
from .bulletin_words import (
    DASH,
    aligned,
    category,
    change,
    days_of,
    half_open,
    minute,
    moved,
    period_name,
    rate,
    shown,
    unit,
)
from .i18n import Lang, text
from .map_sheet import Picture
from .official_document import OfficialDocument, date_words
from .score_words import names
from .usecases.bulletin_content import Content
from .usecases.bulletin_figures import NONE
from .usecases.bulletin_rows import Round
from .usecases.bulletin_settings import filled

_MAP_MM = 156.0
_MOST_NAMES = 4


@dataclass(frozen=True)
class Sent:
    """What a bulletin bears: number of the year (0: a draft), time of writing, name of its register."""

    year: int
    number: int
    written_at: datetime
    register: str


@dataclass(frozen=True)
class MapOf:
    """A map with its caption and the name of its file."""

    picture: Picture
    caption: str
    file: str


def document(content: Content, sent: Sent, maps: Sequence[MapOf], lang: Lang) -> bytes:
    """The bulletin as .docx; the same content makes the same bytes."""
    settings = content.settings
    office = settings.office[lang]
    paper = OfficialDocument(lang, made_at=sent.written_at, internal=settings.internal, author=office)
    facts = facts_of(content, sent, lang)
    code = "bulletin.number" if sent.number else "bulletin.draft"
    number = text(code, lang, year=sent.year, number=sent.number)
    paper.title(filled(settings.title[lang], facts), number)
    paper.recipient(settings.recipient[lang])
    paper.paragraph(text("bulletin.opening", lang, days=days_of(content.period, lang)))
    if not content.is_finished:
        paper.paragraph(text("bulletin.unfinished", lang, cut=minute(content.cut, lang)))
    _overall(paper, content, lang)
    _basis(paper, content, sent, lang)
    _scores(paper, content, lang)
    _issues(paper, content, lang)
    cards(paper, content, lang)
    plaque(paper, content, lang)
    look_back(paper, content, lang)
    next_steps(paper, content, facts, lang)
    paper.attachments([*(one.caption for one in maps), text("bulletin.register", lang, file=sent.register)])
    paper.signature(office, sent.written_at.astimezone(clock.SHANGHAI).date())
    for number_of, one in enumerate(maps, start=1):
        paper.page_break()
        paper.paragraph(text("bulletin.attachment", lang, number=number_of))
        paper.picture(one.picture.png, _MAP_MM, one.caption)
    return paper.save()


def facts_of(content: Content, sent: Sent, lang: Lang) -> dict[str, object]:
    """What the texts of the settings may ask for."""
    figures, period = content.figures, content.period
    levels = content.book.cards.levels
    return {
        "office": content.settings.office[lang], "city": content.settings.city, "year": sent.year,
        "number": sent.number, "name": period_name(period.kind, lang),
        "since": date_words(period.since, lang),
        "until": date_words(min(period.last, content.cut.date()), lang),
        "next": date_words(period.after().last, lang), "open": figures["issue.now.open"],
        "overdue": figures["issue.now.overdue"],
        "red": figures[f"card.{levels[-1].id}.open"] if levels else 0, "revisit": figures["site.revisit"],
        "day": date_words(sent.written_at.astimezone(clock.SHANGHAI).date(), lang),
    }  # fmt: skip


# -- sections ------------------------------------------------------------------------------------------


def _overall(paper: OfficialDocument, content: Content, lang: Lang) -> None:
    figures = content.figures
    paper.heading1(text("bulletin.overall", lang))
    kinds = [
        text("bulletin.kind_count", lang, kind=text(f"bulletin.kind.{kind}", lang), count=number)
        for kind in ("mock", "unannounced", "makeup", "lookback")
        if (number := figures[f"mission.{kind}"])
    ]
    if figures["mission.held"]:
        paper.paragraph(
            text("bulletin.held", lang, held=figures["mission.held"], kinds=_joined(kinds, lang),
                 sites=figures["site.visited"])
            + _score_sentence(content, lang)
        )  # fmt: skip
    else:
        paper.paragraph(text("bulletin.held_none", lang))
    facts = {name: shown(figures, f"issue.now.{name}") for name in _OVERALL}
    paper.paragraph(text("bulletin.issues_told", lang, **facts))
    paper.paragraph(text("bulletin.open_told", lang, **facts))
    rows = [
        [text(f"bulletin.figure_name.{name}", lang), shown(figures, f"issue.now.{name}"),
         shown(figures, f"issue.before.{name}"), change(figures, f"issue.change.{name}")]
        for name in _OVERALL
    ]  # fmt: skip
    paper.table(
        [text(f"bulletin.column.{name}", lang) for name in ("figure", "now", "before", "change")], rows,
        [66, 30, 30, 30], aligns=aligned("lrrr"),
        caption=text("bulletin.overall_table", lang),
    )  # fmt: skip


_OVERALL = (
    "found", "fixed_on_site", "due", "suspended", "closed", "on_time", "close_rate", "on_time_rate", "open",
    "overdue", "rework",
)  # fmt: skip


def _score_sentence(content: Content, lang: Lang) -> str:
    figures = content.figures
    if figures["score.now.rate"] is None:
        return text("bulletin.score_none", lang)
    told = text(
        "bulletin.score_told", lang, rate=rate(figures["score.now.rate"]),
        **{name: figures[f"score.now.{name}"] for name in ("sites", "items", "observations")},
    )  # fmt: skip
    if figures["score.before.rate"] is None:
        return told + text("bulletin.stop", lang)
    return told + text(
        "bulletin.score_before", lang, rate=rate(figures["score.before.rate"]),
        moved=moved(figures, "score.change", lang),
    )  # fmt: skip


def _basis(paper: OfficialDocument, content: Content, sent: Sent, lang: Lang) -> None:
    """How everything is counted."""
    period = content.period
    paper.note(
        text(
            "bulletin.basis", lang, period=half_open(period, lang), cut=minute(content.cut, lang),
            before=half_open(period.before(), lang), rules=content.book.version, register=sent.register,
        )
    )  # fmt: skip


def _scores(paper: OfficialDocument, content: Content, lang: Lang) -> None:
    paper.heading1(text("bulletin.scores", lang))
    if not content.now.scoring:
        paper.paragraph(text("bulletin.no_scores", lang))
        return
    paper.paragraph(_rounds(content.now, content.before, lang))
    for by in ("type", "district"):
        paper.heading2(text(f"bulletin.scores_by.{by}", lang))
        paper.table(
            [text(f"bulletin.column.{name}", lang)
             for name in ("rank", by, "rate", "sites", "items", "observations", "rate_before", "points")],
            _score_rows(content, by, lang), [12, 44, 18, 14, 14, 18, 18, 18],
            aligns=aligned("clrrrrrr"),
            caption=text(f"bulletin.scores_table.{by}", lang),
        )  # fmt: skip
    paper.note(text("bulletin.score_basis", lang))


def _missions(told: Sequence[str], lang: Lang) -> str:
    """The names of missions; of many the first and the last."""
    if len(told) <= _MOST_NAMES:
        return names(told, lang)
    return text("bulletin.missions", lang, first=told[0], last=told[-1], count=len(told))


def _rounds(now: Round, before: Round, lang: Lang) -> str:
    told = text("bulletin.round", lang, missions=_missions(now.scoring, lang))
    if before.scoring:
        told += text(
            "bulletin.round_before",
            lang,
            missions=_missions(before.scoring, lang),
            days=days_of(before.period, lang),
        )
    if now.looking_back:
        told += text("bulletin.round_lookback", lang, missions=_missions(now.looking_back, lang))
    return told


_SCORED = ("rate", "sites", "items", "observations")


def _score_rows(content: Content, by: str, lang: Lang) -> list[list[str | float | None]]:
    figures = content.figures
    found: list[list[str | float | None]] = []
    for row in content.scores[by]:
        under = f"{by}.{row.group or NONE}"
        name = issue_words.site_type(content.book, row.group, lang) if by == "type" else row.group
        found.append(
            [
                DASH if row.rank is None else row.rank, name or text("bulletin.unknown", lang),
                *(shown(figures, f"{under}.now.{one}") for one in _SCORED),
                shown(figures, f"{under}.before.rate"), change(figures, f"{under}.change"),
            ]
        )  # fmt: skip
    return found


def _issues(paper: OfficialDocument, content: Content, lang: Lang) -> None:
    figures = content.figures
    paper.heading1(text("bulletin.issues", lang))
    paper.heading2(text("bulletin.by_category", lang))
    if content.categories:
        paper.table(
            [text(f"bulletin.column.{name}", lang)
             for name in ("rank", "category", "found", "share", "found_before", "open")],
            [
                [number, category(content.book, code, lang),
                 *(shown(figures, f"category.{code}.{one}") for one in ("found", "share", "before", "open"))]
                for number, code in enumerate(content.categories, start=1)
            ],
            [12, 64, 20, 20, 20, 20], aligns=aligned("clrrrr"),
            caption=text("bulletin.category_table", lang, count=len(content.categories)),
        )  # fmt: skip
    else:
        paper.paragraph(text("bulletin.no_issues", lang))
    paper.heading2(text("bulletin.by_unit", lang))
    columns = ("found", "due", "closed", "on_time", "open", "overdue", "close_rate", "on_time_rate")
    if content.units:
        paper.table(
            [text(f"bulletin.column.{name}", lang) for name in ("lead_unit", *columns)],
            [
                [unit(content.book, one, lang),
                 *(shown(figures, f"unit.{one or NONE}.{name}") for name in columns)]
                for one in content.units
            ],
            [30, 11, 14, 14, 17, 14, 21, 17.5, 17.5], aligns=aligned("lrrrrrrrr"),
            caption=text("bulletin.unit_table", lang),
        )  # fmt: skip
        paper.note(text("bulletin.unit_basis", lang))
    else:
        paper.paragraph(text("bulletin.no_units", lang))


def _joined(parts: Sequence[str], lang: Lang) -> str:
    return ("、" if lang == "zh" else ", ").join(parts)
