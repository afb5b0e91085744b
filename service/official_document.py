"""Official documents as .docx, after GB/T 9704-2012: title, recipient, headings, tables, pictures, signature.

The same calls make the same bytes: the moment is an argument and nothing else is asked. Every text of a
user is plain text of the document, never a field; a shaded cell says its colour in words, by a sign and by
a pattern too, so a grey print says the same.
"""

from __future__ import annotations

import io
import unicodedata
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal
from xml.sax.saxutils import escape

from docx import Document
from docx.enum.section import WD_ORIENT, WD_SECTION
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import parse_xml
from docx.oxml.ns import qn
from docx.shared import Mm, Pt
from docx.text.paragraph import Paragraph
from PIL import Image

from layers.write import printable

from .i18n import Lang, text
from .official_layout import (
    BODY_PT,
    LANDSCAPE,
    NAMESPACE,
    PAGE_NUMBER_PT,
    PORTRAIT,
    Page,
    font_table_xml,
    settings_xml,
    styles_xml,
    twips,
)

Align = Literal["left", "center", "right"]

KEPT_ROWS = 12
"""A table with more rows may go on on the next page."""
_DIGITS = "零一二三四五六七八九"
_KEPT = ("/styles", "/settings", "/fontTable", "/image", "/header", "/footer")
"""Relations of the document that stay; theme, thumbnail and the like of the empty file go."""
_TWIPS_PER_MM = 1440 / 25.4


@dataclass(frozen=True)
class Shade:
    """The ground of a cell: a sign before its words, a pattern of Word, its colour and the fill under it."""

    sign: str
    pattern: str
    colour: str
    fill: str


CARD_SHADES: Mapping[str, Shade] = {
    "white": Shade("○", "clear", "auto", "FFFFFF"),
    "yellow": Shade("△", "thinDiagStripe", "F2C200", "FFF6CC"),
    "red": Shade("■", "thinDiagCross", "E06A5F", "F3B6AF"),
    "black": Shade("★", "pct25", "808080", "D0D0D0"),
}
"""The colours of cards and the black plaque."""


def chinese_date(day: date) -> str:
    """As official documents write a day: 2024年5月6日."""
    return f"{day.year}年{day.month}月{day.day}日"


def date_words(day: date, lang: Lang) -> str:
    """A day in a language: 2024年5月6日, or 6 May 2024."""
    if lang == "zh":
        return chinese_date(day)
    return f"{day.day} {text(f'paper.month.{day.month}', lang)} {day.year}"


def chinese_number(number: int) -> str:
    """1 to 99 as 一 to 九十九; other numbers in digits."""
    if not 0 < number < 100:
        return str(number)
    tens, ones = divmod(number, 10)
    ten = "" if tens == 0 else "十" if tens == 1 else f"{_DIGITS[tens]}十"
    return ten + (_DIGITS[ones] if ones else "")


class OfficialDocument:
    """A document that grows from top to bottom.

    Parameters
    ----------
    lang : "zh" or "en"
        Decides numbers of headings, dates and the mark; the layout is the same.
    made_at : datetime, aware
        Written into the properties of the file.
    internal : bool
        Whether every page is marked 内部资料.
    author : str
        The office.

    Examples
    --------
    >>> document = OfficialDocument("zh", made_at=now, internal=True, author="市创城办")
    >>> document.title("创建全国文明城市督查测评通报")
    >>> document.heading1("基本情况")
    >>> document.table(["单位", "红牌"], [["城管局", "红"]], [60, 30], shades={(0, 1): CARD_SHADES["red"]})
    >>> document.signature("市创城办", date(2024, 5, 6))
    >>> path.write_bytes(document.save())
    """

    def __init__(self, lang: Lang, *, made_at: datetime, internal: bool, author: str = "") -> None:
        self.lang = lang
        self._made_at = made_at
        self._document = Document()
        self._title = ""
        self._author = printable(author)
        self._numbers = [0, 0]
        self._page = self._wanted = PORTRAIT
        self._break = False
        for element, xml in (
            (self._document.styles.element, styles_xml()),
            (self._document.settings.element, settings_xml()),
        ):
            element[:] = parse_xml(xml)[:]
        self._set_page(PORTRAIT)
        self._furniture(internal)

    # ------------------------------------------------------------------------------------- words

    def title(self, words: str, subtitle: str = "") -> None:
        """The title with its line breaks, perhaps a line below it such as （2024年第9期）, a free line."""
        self._title = self._title or printable(words)
        self._paragraph(words, "Title")
        if subtitle:
            self._paragraph(subtitle, "Subtitle")
        self._paragraph("", "Recipient")

    def recipient(self, words: str) -> None:
        """Whom it is for, from the margin, with a colon at the end."""
        colon = "：" if self.lang == "zh" else ":"
        self._paragraph(words.rstrip(":：") + colon, "Recipient")

    def heading1(self, words: str, *, numbered: bool = True) -> None:
        """一、 ..., in English 1. ..."""
        self._numbers = [self._numbers[0] + 1, 0] if numbered else [self._numbers[0], 0]
        number = f"{chinese_number(self._numbers[0])}、" if self.lang == "zh" else f"{self._numbers[0]}. "
        self._paragraph((number if numbered else "") + words, "Heading 1")

    def heading2(self, words: str, *, numbered: bool = True) -> None:
        """（一）..., in English (1) ...; counted from one under each first heading."""
        self._numbers[1] += numbered
        number = f"（{chinese_number(self._numbers[1])}）" if self.lang == "zh" else f"({self._numbers[1]}) "
        self._paragraph((number if numbered else "") + words, "Heading 2")

    def paragraph(self, words: str) -> None:
        """Text of the body; every line of `words` is a paragraph."""
        for line in words.splitlines() or [""]:
            self._paragraph(line, "Body Text")

    def note(self, words: str) -> None:
        """A smaller line, such as where the figures of a table come from."""
        for line in words.splitlines():
            self._paragraph(line, "Note")

    def attachments(self, names: Sequence[str]) -> None:
        """附件：1. ... 2. ..., after a free line; the text before stays with them and the signature."""
        if self._document.paragraphs and not self._break:
            self._document.paragraphs[-1].paragraph_format.keep_with_next = True
        self._paragraph("", "Body Text").paragraph_format.keep_with_next = True
        lead = text("paper.attachments", self.lang)
        for number, name in enumerate(names, start=1):
            before = lead if number == 1 else "　" * 3 if self.lang == "zh" else " " * 2 * len(lead)
            line = self._paragraph(f"{before}{number}. {name}", "Body Text")
            line.paragraph_format.keep_with_next = True  # so that the signature never stands alone on a page

    def signature(self, office: str, day: date) -> None:
        """The office and below it the date, to the right.

        In Chinese the office ends two characters from the margin and the date begins two characters after
        it; a date too long for that ends there itself and moves the office. Both are set in from the left,
        so that a font with wide digits changes nothing. In English both end at the margin.
        """
        written = date_words(day, self.lang)
        room = self._wanted.text_width / 25.4 * 72 / BODY_PT
        begins = room - 2 - max(em(printable(office)), em(written) + 2)
        for words, indent in (("", 0.0), (office, begins), (written, begins + 2)):
            paragraph = self._paragraph(words, "Signature")
            paragraph.paragraph_format.keep_with_next = words != written
            if self.lang == "zh":
                paragraph.paragraph_format.left_indent = Pt(max(indent, 0.0) * BODY_PT)
            else:
                paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT

    # --------------------------------------------------------------------------------- tables

    def table(
        self,
        headings: Sequence[str],
        rows: Sequence[Sequence[str | float | None]],
        widths_mm: Sequence[float],
        *,
        shades: Mapping[tuple[int, int], Shade] | None = None,
        aligns: Sequence[Align] | None = None,
        caption: str = "",
    ) -> None:
        """A table whose heading repeats on every page and whose rows do not split.

        One of at most `KEPT_ROWS` rows stays on one page; a longer one leaves no row alone on a page.

        Parameters
        ----------
        headings : n texts
        rows : rows of n values
            None is an empty cell; a line break in a text stays one.
        widths_mm : n widths
            Made smaller in proportion where the page is narrower than their sum.
        shades : {(row, column): Shade}
            Counted from 0, the heading not counted.
        aligns : n of "left", "center", "right"
            By default texts stand left and a column of numbers right.
        caption : str
            Above the table.
        """
        if caption:
            self._paragraph(caption, "Caption").paragraph_format.keep_with_next = True
        self._settle()
        if self._break:
            self._paragraph("", "Spacer")
        room = self._page.text_width
        shrink = min(1.0, room / sum(widths_mm))
        widths = [round(width * shrink * _TWIPS_PER_MM) for width in widths_mm]
        sides = aligns or [_side([row[index] for row in rows]) for index in range(len(headings))]
        marks = shades or {}
        parts = [
            f'<w:tbl {NAMESPACE}><w:tblPr><w:tblStyle w:val="TableGrid"/>',
            f'<w:tblW w:w="{sum(widths)}" w:type="dxa"/><w:jc w:val="center"/><w:tblLayout w:type="fixed"/>',
            "</w:tblPr><w:tblGrid>",
            *(f'<w:gridCol w:w="{width}"/>' for width in widths),
            "</w:tblGrid>",
            _row(
                headings,
                widths,
                ["center"] * len(widths),
                {},
                "TableHeading",
                self._hint,
                heading=True,
                keep=bool(rows),
            ),
        ]
        for number, row in enumerate(rows):
            found = {column: marks.get((number, column)) for column in range(len(row))}
            shaded = {column: shade for column, shade in found.items() if shade is not None}
            parts.append(
                _row(row, widths, sides, shaded, "TableText", self._hint, keep=_kept(number, len(rows)))
            )
        parts.append("</w:tbl>")
        self._document.element.body[-1].addprevious(parse_xml("".join(parts)))
        self._paragraph("", "Spacer")

    # -------------------------------------------------------------------------------- pictures, pages

    def picture(self, png: bytes, width_mm: float, caption: str = "") -> None:
        """A picture in the middle, its caption below; smaller where the page has no room for it."""
        with Image.open(io.BytesIO(png)) as image:
            ratio = image.height / image.width
        self._settle()
        room = self._page.text_height - 2 - (10 if caption else 0)
        width = min(width_mm, self._page.text_width, room / ratio)
        paragraph = self._paragraph("", "Picture")
        paragraph.paragraph_format.keep_with_next = bool(caption)
        paragraph.add_run().add_picture(io.BytesIO(png), width=Mm(width))
        for inline in paragraph._p.iter(qn("wp:inline")):
            for side in "TBLR":  # without these LibreOffice keeps 3 mm free on each side
                inline.set(f"dist{side}", "0")
        for about in paragraph._p.iter(qn("wp:docPr")):
            about.set("descr", printable(caption))
        if caption:
            self._paragraph(caption, "Caption")

    def page_break(self) -> None:
        """What follows begins a page."""
        self._break = True

    @contextmanager
    def landscape(self) -> Iterator[None]:
        """Pages lying on their side, for wide tables."""
        self._wanted = LANDSCAPE
        yield
        self._wanted = PORTRAIT

    @property
    def text_width_mm(self) -> float:
        """How wide a table or a picture may be here."""
        return self._wanted.text_width

    # ------------------------------------------------------------------------------------- the file

    def save(self) -> bytes:
        """The file; the same content gives the same bytes."""
        rels = self._document.part.rels
        package = self._document.part.package.rels
        for kind, found in ((_KEPT, rels), (("/officeDocument", "/core-properties"), package)):
            for key in [key for key, relation in found.items() if not relation.reltype.endswith(kind)]:
                found.pop(key)
        moment = self._made_at.astimezone(UTC).replace(tzinfo=None, microsecond=0)
        about = self._document.core_properties
        about.title, about.author, about.last_modified_by = self._title, self._author, self._author
        about.comments, about.created, about.modified, about.revision = "", moment, moment, 1
        about.language = "zh-CN" if self.lang == "zh" else "en-US"
        raw = io.BytesIO()
        self._document.save(raw)
        return _repacked(raw)

    # ------------------------------------------------------------------------------------- inside

    @property
    def _hint(self) -> str:
        """Quotation marks and dashes belong to both scripts; in Chinese they take the Chinese font."""
        return '<w:rFonts w:hint="eastAsia"/>' if self.lang == "zh" else ""

    def _paragraph(self, words: str, style: str) -> Paragraph:
        self._settle()
        paragraph = self._document.add_paragraph(style=style)
        if words:
            self._write(paragraph, words)
        if self._break:
            paragraph.paragraph_format.page_break_before = True
            self._break = False
        return paragraph

    def _write(self, paragraph: Paragraph, words: str) -> None:
        run = paragraph.add_run(printable(words))
        if self.lang == "zh":
            run._r.get_or_add_rPr().get_or_add_rFonts().set(qn("w:hint"), "eastAsia")

    def _settle(self) -> None:
        """Begin a section where the page is to be turned."""
        if self._wanted is self._page:
            return
        if len(self._document.element.body) > 1:
            self._document.add_section(WD_SECTION.NEW_PAGE)
        self._break = False
        self._set_page(self._wanted)

    def _set_page(self, page: Page) -> None:
        section = self._document.sections[-1]
        section.orientation = WD_ORIENT.LANDSCAPE if page.width > page.height else WD_ORIENT.PORTRAIT
        section.page_width, section.page_height = Mm(page.width), Mm(page.height)
        section.top_margin, section.bottom_margin = Mm(page.top), Mm(page.bottom)
        section.left_margin, section.right_margin = Mm(page.left), Mm(page.right)
        section.header_distance, section.footer_distance = Mm(page.header), Mm(page.footer)
        for grid in section._sectPr.findall(qn("w:docGrid")):
            section._sectPr.remove(grid)
        self._page = page

    def _furniture(self, internal: bool) -> None:
        """The page number outside, one character from the margin, and the mark."""
        section = self._document.sections[0]
        for footer, side in ((section.footer, "right"), (section.even_page_footer, "left")):
            paragraph = footer.paragraphs[0]
            paragraph.style = "Footer"
            paragraph._p.append(parse_xml(_page_number_properties(side)))
            for run in _PAGE_NUMBER:
                paragraph._p.append(parse_xml(f"<w:r {NAMESPACE}>{run}</w:r>"))
        if internal:
            for header in (section.header, section.even_page_header):
                header.paragraphs[0].style = "Header"
                self._write(header.paragraphs[0], text("paper.internal", self.lang))


_PAGE_NUMBER = (
    '<w:t xml:space="preserve">— </w:t>',
    '<w:fldChar w:fldCharType="begin"/>',
    '<w:instrText xml:space="preserve"> PAGE </w:instrText>',
    '<w:fldChar w:fldCharType="separate"/>',
    "<w:t>1</w:t>",
    '<w:fldChar w:fldCharType="end"/>',
    '<w:t xml:space="preserve"> —</w:t>',
)


def _page_number_properties(side: str) -> str:
    return (
        f'<w:pPr {NAMESPACE}><w:pStyle w:val="Footer"/>'
        f'<w:ind w:{side}Chars="100" w:{side}="{twips(PAGE_NUMBER_PT)}"/><w:jc w:val="{side}"/></w:pPr>'
    )


def em(words: str) -> float:
    """How wide words are, in characters of Chinese; others are about half as wide."""
    return sum(1.0 if unicodedata.east_asian_width(sign) in "WF" else 0.5 for sign in words)


def _side(values: Sequence[object]) -> Align:
    """Right for a column of numbers, else left."""
    told = [value for value in values if value is not None and value != ""]
    return "right" if told and all(isinstance(value, int | float) for value in told) else "left"


def _kept(row: int, rows: int) -> bool:
    """Whether a row stays with the next: in a small table all do, else the first and the last but one."""
    return row < rows - 1 if rows <= KEPT_ROWS else row in (0, rows - 2)


def _row(
    cells: Sequence[str | float | None], widths: Sequence[int], sides: Sequence[str],
    shaded: Mapping[int, Shade], style: str, hint: str, *, heading: bool = False,
    keep: bool = False,
) -> str:  # fmt: skip
    parts = [f"<w:tr><w:trPr><w:cantSplit/>{'<w:tblHeader/>' if heading else ''}</w:trPr>"]
    for column, (value, width, side) in enumerate(zip(cells, widths, sides, strict=True)):
        shade = shaded.get(column)
        ground = "" if shade is None else (
            f'<w:shd w:val="{shade.pattern}" w:color="{shade.colour}" w:fill="{shade.fill}"/>'
        )  # fmt: skip
        words = "" if value is None else printable(str(value))
        if shade is not None:
            words = f"{shade.sign} {words}".strip()
        lines = "<w:br/>".join(
            f'<w:t xml:space="preserve">{escape(line)}</w:t>' for line in words.splitlines()
        )
        bold = "<w:b/>" if shade is not None else ""
        run = f"<w:r><w:rPr>{hint}{bold}</w:rPr>{lines}</w:r>" if lines else ""
        stays = "<w:keepNext/>" if keep else ""
        parts.append(
            f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/>{ground}<w:vAlign w:val="center"/></w:tcPr>'
            f'<w:p><w:pPr><w:pStyle w:val="{style}"/>{stays}<w:jc w:val="{side}"/></w:pPr>{run}</w:p></w:tc>'
        )
    parts.append("</w:tr>")
    return "".join(parts)


def _repacked(raw: io.BytesIO) -> bytes:
    """The same parts with fixed times, the table of fonts replaced."""
    out = io.BytesIO()
    with zipfile.ZipFile(raw) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            content: Any = font_table_xml() if name == "word/fontTable.xml" else source.read(name)
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 0
            target.writestr(entry, content)
    return out.getvalue()
