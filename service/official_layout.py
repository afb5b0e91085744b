"""How an official document looks: page, fonts, styles, after GB/T 9704-2012.

A4 with margins of 37, 35, 28 and 26 mm leaves 156 by 225 mm: 22 lines of 28 characters of 16 pt at a
fixed 28 pt. Fonts are named, not embedded; `fontTable.xml` names what may stand in for each, so a machine
without the founders' fonts shows 宋体, 仿宋 and 楷体 of the system instead.
"""

from __future__ import annotations

from dataclasses import dataclass

TITLE_FONT, BODY_FONT, HEAD_FONT, SUBHEAD_FONT = "方正小标宋简体", "仿宋_GB2312", "黑体", "楷体_GB2312"
PLAIN_FONT = "宋体"
LATIN_FONT = "Times New Roman"

BODY_PT, TITLE_PT, PAGE_NUMBER_PT, TABLE_PT, NOTE_PT = 16.0, 22.0, 14.0, 10.5, 12.0
LINE_PT, TITLE_LINE_PT = 28.0, 36.0

_ALTERNATIVES = {
    TITLE_FONT: ("宋体", "SimSun"),
    BODY_FONT: ("仿宋", "FangSong"),
    SUBHEAD_FONT: ("楷体", "KaiTi"),
    HEAD_FONT: ("SimHei",),
    PLAIN_FONT: ("SimSun",),
}
_TRACKING = -5
"""Twentieths of a point between characters of the body: 28 of 16 pt are 158 mm, the page has 156."""

_CLOSE = ("Signature", "TableText", "TableHeading")
"""Styles without the quarter of a character that is put between Chinese and digits."""

_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
NAMESPACE = f'xmlns:w="{_W}"'


@dataclass(frozen=True)
class Page:
    """A page and its margins in millimetres."""

    width: float
    height: float
    top: float
    right: float
    bottom: float
    left: float
    header: float
    footer: float

    @property
    def text_width(self) -> float:
        """Between the margins."""
        return self.width - self.left - self.right

    @property
    def text_height(self) -> float:
        """Between the margins."""
        return self.height - self.top - self.bottom


# the dash of the page number stands 7 mm below the text
PORTRAIT = Page(210, 297, top=37, right=26, bottom=35, left=28, header=24, footer=24.5)
LANDSCAPE = Page(297, 210, top=28, right=35, bottom=26, left=37, header=15, footer=15.5)
"""The same page turned to the left: its upper edge lies at the binding."""


def twips(points: float) -> int:
    """Points as twentieths of a point."""
    return round(points * 20)


def _style(
    ident: str, name: str, font: str, size: float, paragraph: str = "", *,
    line: float | None = LINE_PT, extra: str = "", before: float = 0, after: float = 0,
) -> str:  # fmt: skip
    """One paragraph style; `line` None lets a picture be as high as it is."""
    pitch = f'w:line="{twips(line)}" w:lineRule="exact"' if line else 'w:line="240" w:lineRule="auto"'
    based = "" if ident == "Normal" else '<w:basedOn w:val="Normal"/>'
    default = ' w:default="1"' if ident == "Normal" else ""
    # the order of the elements is the schema's: keepNext, widowControl, ..., spacing, ind, jc, outlineLvl
    keep = "<w:keepNext/>" if "outlineLvl" in paragraph else ""
    close = '<w:autoSpaceDE w:val="0"/><w:autoSpaceDN w:val="0"/>' if ident in _CLOSE else ""
    return (
        f'<w:style w:type="paragraph" w:styleId="{ident}"{default}>'
        f'<w:name w:val="{name}"/>{based}<w:qFormat/>'
        f'<w:pPr>{keep}<w:widowControl w:val="0"/>{close}<w:snapToGrid w:val="0"/>'
        f'<w:spacing w:before="{twips(before)}" w:after="{twips(after)}" {pitch}/>{paragraph}</w:pPr>'
        f'<w:rPr><w:rFonts w:ascii="{LATIN_FONT}" w:hAnsi="{LATIN_FONT}" w:eastAsia="{font}"'
        f' w:cs="{LATIN_FONT}"/>{extra}<w:sz w:val="{round(size * 2)}"/><w:szCs w:val="{round(size * 2)}"/>'
        "</w:rPr></w:style>"
    )


def _indent(size: float, *, chars: int = 2) -> str:
    """The first line set in by whole characters."""
    return f'<w:ind w:firstLineChars="{chars * 100}" w:firstLine="{twips(size * chars)}"/>'


def styles_xml() -> str:
    """The whole `styles.xml`: only what an official document uses."""
    body = _indent(BODY_PT) + '<w:jc w:val="both"/>'
    tracked = f'<w:spacing w:val="{_TRACKING}"/>'
    spoken = '<w:lang w:val="en-US" w:eastAsia="zh-CN"/>'
    edge = '<w:{} w:val="single" w:sz="4" w:space="0" w:color="000000"/>'
    edges = "".join(edge.format(side) for side in ("top", "left", "bottom", "right", "insideH", "insideV"))
    small = TABLE_PT * 1.5
    parts = [
        f"<w:styles {NAMESPACE}><w:docDefaults><w:rPrDefault><w:rPr>",
        f'<w:rFonts w:ascii="{LATIN_FONT}" w:hAnsi="{LATIN_FONT}" w:eastAsia="{BODY_FONT}"/>',
        f"{spoken}</w:rPr></w:rPrDefault><w:pPrDefault/></w:docDefaults>",
        _style("Normal", "Normal", BODY_FONT, BODY_PT),
        '<w:style w:type="character" w:default="1" w:styleId="DefaultParagraphFont">'
        '<w:name w:val="Default Paragraph Font"/></w:style>'
        '<w:style w:type="table" w:default="1" w:styleId="TableNormal">'
        '<w:name w:val="Normal Table"/><w:tblPr>'
        '<w:tblInd w:w="0" w:type="dxa"/><w:tblCellMar><w:top w:w="28" w:type="dxa"/>'
        '<w:left w:w="57" w:type="dxa"/><w:bottom w:w="28" w:type="dxa"/><w:right w:w="57" w:type="dxa"/>'
        "</w:tblCellMar></w:tblPr></w:style>"
        '<w:style w:type="table" w:styleId="TableGrid"><w:name w:val="Table Grid"/>'
        f'<w:basedOn w:val="TableNormal"/><w:tblPr><w:tblBorders>{edges}</w:tblBorders></w:tblPr></w:style>',
        _style("Title", "Title", TITLE_FONT, TITLE_PT, '<w:jc w:val="center"/>', line=TITLE_LINE_PT),
        _style("Subtitle", "Subtitle", SUBHEAD_FONT, BODY_PT, '<w:jc w:val="center"/>'),
        _style("Recipient", "Recipient", BODY_FONT, BODY_PT, extra=tracked),
        _style("BodyText", "Body Text", BODY_FONT, BODY_PT, body, extra=tracked),
        _style("Heading1", "heading 1", HEAD_FONT, BODY_PT, body + '<w:outlineLvl w:val="0"/>'),
        _style("Heading2", "heading 2", SUBHEAD_FONT, BODY_PT, body + '<w:outlineLvl w:val="1"/>'),
        _style("Signature", "Signature", BODY_FONT, BODY_PT),
        _style("Caption", "caption", HEAD_FONT, NOTE_PT, '<w:jc w:val="center"/>', line=20, before=4),
        _style("Note", "Note", BODY_FONT, NOTE_PT, '<w:jc w:val="both"/>', line=18),
        _style("Picture", "Picture", BODY_FONT, NOTE_PT, '<w:jc w:val="center"/>', line=None),
        _style("Spacer", "Spacer", BODY_FONT, 6, line=8),
        _style("TableText", "Table Text", BODY_FONT, TABLE_PT, line=small),
        _style("TableHeading", "Table Heading", HEAD_FONT, TABLE_PT, '<w:jc w:val="center"/>', line=small),
        _style("Header", "header", HEAD_FONT, PAGE_NUMBER_PT, line=20),
        _style("Footer", "footer", PLAIN_FONT, PAGE_NUMBER_PT, line=20),
        "</w:styles>",
    ]
    return "".join(parts)


def settings_xml() -> str:
    """The whole `settings.xml`: page numbers outside on both sides of a leaf."""
    word = "http://schemas.microsoft.com/office/word"
    return (
        f"<w:settings {NAMESPACE}>"
        '<w:zoom w:percent="100"/><w:defaultTabStop w:val="640"/><w:evenAndOddHeaders/>'
        '<w:characterSpacingControl w:val="compressPunctuation"/><w:compat><w:useFELayout/>'
        f'<w:compatSetting w:name="compatibilityMode" w:uri="{word}" w:val="15"/></w:compat>'
        '<w:themeFontLang w:val="en-US" w:eastAsia="zh-CN"/></w:settings>'
    )


def font_table_xml() -> str:
    """The whole `fontTable.xml`: each named font and what may stand in for it."""
    fonts = [f'<w:font w:name="{LATIN_FONT}"><w:family w:val="roman"/><w:pitch w:val="variable"/></w:font>']
    for name, others in _ALTERNATIVES.items():
        fonts.append(
            f'<w:font w:name="{name}"><w:altName w:val="{",".join(others)}"/><w:charset w:val="86"/>'
            f'<w:family w:val="{"modern" if name == HEAD_FONT else "roman"}"/>'
            '<w:pitch w:val="variable"/></w:font>'
        )
    declared = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    return f"{declared}<w:fonts {NAMESPACE}>{''.join(fonts)}</w:fonts>"
