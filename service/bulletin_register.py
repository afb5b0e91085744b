"""The register of a bulletin: every figure, and the rows that each is counted from, as sheets in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from layers.workbooks import Sheet

from . import issue_words
from .bulletin_words import half_open, minute, unit
from .i18n import Lang, text, texts
from .supervision.rulebook import RuleBook
from .usecases.bulletin_content import SHEETS, Content
from .usecases.bulletin_figures import NONE, Figure, Figures
from .usecases.bulletin_rows import FLAGS, Columns

_WIDE = {"issue": 30, "category": 26, "site_name": 24, "address": 24, "note": 30, "item_name": 40,
         "mission": 20, "name": 26, "failed_items": 60, "responsible": 22, "definition": 60, "where": 44,
         "id": 30, "joint_units": 22, "at": 17, "recorded_at": 17, "found_at": 17,
         "deadline": 17}  # fmt: skip
_RATES = {"rate"}
_YES_NO = {*FLAGS, "due_soon", "red", "inside_lines", "judged", "failed_before", "revisit", "scoring"}


def sheets(content: Content, title: str, written_at: datetime, lang: Lang) -> list[Sheet]:
    """The sheets of the register, the figures first."""
    words = Words(content.book, lang)
    found = [
        figures_sheet(content.figures, words),
        *(table_sheet(name, content.tables[name], words) for name in SHEETS),
    ]
    return [*found, _units(content, lang), _about(content, title, written_at, lang)]


class Words:
    """Values of the tables in a language; each told once."""

    def __init__(self, book: RuleBook, lang: Lang) -> None:
        self.book, self.lang = book, lang
        self._told: dict[tuple[str, Any], Any] = {}

    def value(self, column: str, value: Any) -> Any:
        """A value as its cell has it."""
        if value is None or (isinstance(value, int | float | datetime) and not isinstance(value, bool)):
            return value
        key = (column, value)
        if key not in self._told:
            self._told[key] = self._said(column, value)
        return self._told[key]

    def heading(self, column: str) -> str:
        """The heading of a column."""
        code = f"bulletin.register.{column}"
        return text(code, self.lang) if code in texts() else issue_words.field(column, self.lang)

    def condition(self, figure: Figure) -> str:
        """What the rows of a figure must say, by the headings of its sheet."""
        between = "；" if self.lang == "zh" else "; "
        empty = text("bulletin.empty", self.lang)
        told = [
            f"{self.heading(column)}={empty if value is None else self.value(column, value)}"
            for column, value in figure.where
        ]
        return between.join(told)

    def _said(self, column: str, value: Any) -> Any:
        if column in _YES_NO:
            return text("bulletin.yes" if value else "bulletin.no", self.lang)
        if column == "failed_items":
            return "；".join(self._either(pair) for pair in value)
        if column == "item_name":
            return self._either(value)
        known = _SAID.get(column)
        if known is not None:
            return known(self.book, value, self.lang)
        if isinstance(value, bool):
            return text("bulletin.yes" if value else "bulletin.no", self.lang)
        return issue_words.value(self.book, column, value, self.lang)

    def _either(self, pair: tuple[str, str]) -> str:
        return pair[0] if self.lang == "zh" else pair[1]


def _coded(prefix: str) -> Callable[[RuleBook, Any, Lang], str]:
    return lambda _, told, lang: text(f"{prefix}.{told}", lang)


_SAID: Mapping[str, Callable[[RuleBook, Any, Lang], str]] = {
    "joint_units": lambda book, told, lang: issue_words.units(book, told.split(), lang),
    "type": issue_words.site_type,
    "before": issue_words.card,
    "after": issue_words.card,
    "issued": issue_words.card,
    "action": _coded("issue.action"),
    "kind": _coded("bulletin.kind"),
    "round": _coded("bulletin.round_of"),
    "verdict": _coded("score.verdict"),
    "lead_unit": unit,
    "note": lambda _, told, __: told,
}


def table_sheet(name: str, table: Columns, words: Words) -> Sheet:
    """A table in words."""
    columns = {
        words.heading(column): [words.value(column, one) for one in values]
        for column, values in table.items()
    }
    widths = {words.heading(column): width for column, width in _WIDE.items() if column in table}
    percents = frozenset(words.heading(column) for column in table if column in _RATES)
    return Sheet(text(f"bulletin.sheet.{name}", words.lang), columns, percents, widths)


def figures_sheet(figures: Figures, words: Words) -> Sheet:
    """Every figure with its definition and where it is counted."""
    lang = words.lang
    names = ("id", "label", "value", "percent", "definition", "sheet", "where", "how")
    told: dict[str, list[Any]] = {name: [] for name in names}
    for figure in figures.found.values():
        rate = figure.is_rate
        values = (
            figure.id, _label(figure, words), None if rate else figure.value,
            figure.value if rate else None, text(f"bulletin.figure.{figure.about}", lang),
            text(f"bulletin.sheet.{figure.sheet}", lang), words.condition(figure), _how(figure, words),
        )  # fmt: skip
        for name, value in zip(names, values, strict=True):
            told[name].append(value)
    headings = {name: text(f"bulletin.register.figure_{name}", lang) for name in names}
    return Sheet(
        text("bulletin.sheet.figures", lang), {headings[name]: told[name] for name in names},
        frozenset([headings["percent"]]),
        {headings["id"]: 30, headings["label"]: 30, headings["definition"]: 60, headings["where"]: 40,
         headings["how"]: 60},
    )  # fmt: skip


def _label(figure: Figure, words: Words) -> str:
    """What a figure is called: its group and its name."""
    lang = words.lang
    head, _, rest = figure.id.partition(".")
    name = text(f"bulletin.figure_name.{figure.about}", lang)
    group = rest.split(".")[0]
    if head == "unit":
        name = f"{unit(words.book, None if group == NONE else group, lang)} {name}"
    elif head == "category":
        name = f"{issue_words.category(words.book, group, lang)} {name}"
    elif head == "type":
        name = f"{issue_words.site_type(words.book, group, lang)} {name}"
    elif head == "district":
        name = f"{text('bulletin.unknown', lang) if group == NONE else group} {name}"
    elif head == "card" and group != "handed_over":
        name = f"{issue_words.card(words.book, group, lang)} {name}"
    elif head == "mission" and group != "held":
        name = f"{text(f'bulletin.kind.{group}', lang)} {name}"
    if ".before." in f"{figure.id}." or figure.sheet == "issues_before":
        name += text("bulletin.of_before", lang)
    return name


def _how(figure: Figure, words: Words) -> str:
    """How a figure is reckoned from its rows or from other figures."""
    lang = words.lang
    how, _, column = figure.how.partition(" ")
    facts: dict[str, str] = {"column": words.heading(column) if column else ""}
    if how == "rate":
        base = figure.of[1] if len(figure.of) < 3 else f"({figure.of[1]} - {figure.of[2]})"
        facts["formula"] = f"{figure.of[0]} / {base}"
    elif how in ("change", "difference"):
        facts["formula"] = f"{figure.of[0]} - {figure.of[1]}"
    return text(f"bulletin.how.{how}", lang, **facts)


def _units(content: Content, lang: Lang) -> Sheet:
    """The lead units with their figures."""
    figures = content.figures
    names = ("found", "due", "suspended", "closed", "on_time", "open", "overdue", "red")
    rates = ("close_rate", "on_time_rate")
    told: dict[str, Sequence[Any]] = {
        issue_words.field("lead_unit", lang): [unit(content.book, one, lang) for one in content.units]
    }
    for name in (*names, *rates):
        heading = text(f"bulletin.figure_name.{'issued' if name == 'red' else name}", lang)
        if name == "red":
            top = content.book.cards.levels[-1].id if content.book.cards.levels else None
            heading = f"{issue_words.card(content.book, top, lang)} {heading}"
        told[heading] = [figures[f"unit.{one or NONE}.{name}"] for one in content.units]
    percents = frozenset(text(f"bulletin.figure_name.{name}", lang) for name in rates)
    return Sheet(text("bulletin.sheet.units", lang), told, percents,
                 {issue_words.field("lead_unit", lang): 24})  # fmt: skip


def _about(content: Content, title: str, written_at: datetime, lang: Lang) -> Sheet:
    """What the register is of, and how it is read."""
    period = content.period
    facts = {
        "title": title, "period": half_open(period, lang), "before": half_open(period.before(), lang),
        "cut": minute(content.cut, lang), "rules": content.book.version, "written": minute(written_at, lang),
        "office": content.settings.office[lang], "digest": content.digest,
    }  # fmt: skip
    told = [(text(f"bulletin.about.{name}", lang), value) for name, value in facts.items()]
    told += [
        (text("bulletin.about.how", lang), text(f"bulletin.about.how_{number}", lang)) for number in (1, 2, 3)
    ]
    names = [text(f"bulletin.register.{name}", lang) for name in ("about", "said")]
    return Sheet(
        text("bulletin.sheet.about", lang),
        {name: [row[number] for row in told] for number, name in enumerate(names)}, frozenset(),
        {names[0]: 22, names[1]: 100},
    )  # fmt: skip
