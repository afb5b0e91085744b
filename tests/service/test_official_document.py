"""Official documents: GB/T 9704-2012 in numbers, words that stay words, bytes that do not change."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import zipfile
from datetime import UTC, date, datetime

import pytest
from docx import Document
from docx.oxml.ns import qn
from docx.shared import Mm, Pt
from lxml import etree
from PIL import Image

from service.i18n import LANGS
from service.official_document import (
    CARD_SHADES,
    KEPT_ROWS,
    OfficialDocument,
    chinese_date,
    chinese_number,
    date_words,
)

MADE_AT = datetime(2024, 5, 6, 8, 30, tzinfo=UTC)
NASTY = '=1+1 { PAGE } <w:br/> & "引号" \x07\x00\ud800'


def blank(lang="zh", *, internal=True):
    return OfficialDocument(lang, made_at=MADE_AT, internal=internal, author="市创城办")


def png(width=1843, height=1200):
    out = io.BytesIO()
    Image.new("RGB", (width, height), (200, 210, 220)).save(out, "PNG")
    return out.getvalue()


def bulletin(lang="zh", rows=3):
    document = blank(lang)
    document.title("督查测评通报", "（2024年第9期）")
    document.recipient("各县（市、区）")
    document.paragraph("现将有关情况通报如下。")
    document.heading1("总体情况")
    document.heading2("得分")
    document.heading2("问题")
    document.table(
        ["单位", "督办卡", "分值"],
        [["城管局", "红", 1.5]] * rows,
        [80, 30, 20],
        shades={(0, 1): CARD_SHADES["red"]},
        caption="表1",
    )
    document.picture(png(), 156, "图1")
    document.heading1("要求")
    with document.landscape():
        document.table(["甲"], [["乙"]], [300])
    document.signature("市创城办", date(2024, 5, 6))
    return document.save()


def opened(content):
    return Document(io.BytesIO(content))


def parts(content):
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        return {name: file.read(name) for name in file.namelist()}


def test_the_page_is_a4_with_the_margins_of_the_standard():
    section = opened(bulletin()).sections[0]
    sides = (section.top_margin, section.bottom_margin, section.left_margin, section.right_margin)
    assert [round(side.mm, 1) for side in sides] == [37, 35, 28, 26]
    assert (round(section.page_width.mm), round(section.page_height.mm)) == (210, 297)


def test_a_landscape_page_has_as_much_room_as_an_upright_one():
    upright, lying, _ = opened(bulletin()).sections
    assert round(lying.page_width.mm) == 297

    def room(section):
        return (
            round(section.page_width.mm - section.left_margin.mm - section.right_margin.mm),
            round(section.page_height.mm - section.top_margin.mm - section.bottom_margin.mm),
        )

    assert room(upright) == (156, 225)
    assert room(lying) == (225, 156)


@pytest.mark.parametrize(
    ("style", "font", "size"),
    [
        ("Title", "方正小标宋简体", 22),
        ("Body Text", "仿宋_GB2312", 16),
        ("Heading 1", "黑体", 16),
        ("Heading 2", "楷体_GB2312", 16),
        ("Footer", "宋体", 14),
    ],
)
def test_fonts_are_named_for_both_scripts(style, font, size):
    found = opened(bulletin()).styles[style]
    fonts = found.element.rPr.rFonts
    assert fonts.get(qn("w:eastAsia")) == font
    assert fonts.get(qn("w:ascii")) == fonts.get(qn("w:hAnsi")) == "Times New Roman"
    assert found.font.size == Pt(size)


def test_no_style_leans_on_a_theme_that_is_not_there():
    found = parts(bulletin())
    assert b"Theme=" not in found["word/styles.xml"]
    assert not [name for name in found if "theme" in name or "thumbnail" in name]


def test_lines_are_exactly_28_points_and_paragraphs_set_in_by_two_characters():
    document = opened(bulletin())
    for style in ("Body Text", "Heading 1", "Heading 2", "Recipient", "Signature"):
        form = document.styles[style].element.pPr.spacing
        assert (form.get(qn("w:line")), form.get(qn("w:lineRule"))) == ("560", "exact"), style
    indent = document.styles["Body Text"].element.pPr.ind
    assert (indent.get(qn("w:firstLineChars")), indent.get(qn("w:firstLine"))) == ("200", "640")
    # 225 mm hold 22 lines of 28 pt and not 23
    assert 22 * 28 <= 225 / 25.4 * 72 < 23 * 28


def test_each_founders_font_has_a_substitute():
    table = etree.fromstring(parts(bulletin())["word/fontTable.xml"])
    names = {
        font.get(qn("w:name")): [other.get(qn("w:val")) for other in font.iter(qn("w:altName"))]
        for font in table
    }
    assert names["方正小标宋简体"] == ["宋体,SimSun"]
    assert names["仿宋_GB2312"] == ["仿宋,FangSong"]
    assert names["楷体_GB2312"] == ["楷体,KaiTi"]


def test_headings_are_counted_in_chinese_and_in_english():
    words = [paragraph.text for paragraph in opened(bulletin()).paragraphs]
    assert [line for line in words if re.match("[一二三（]", line) and "期" not in line] == [
        "一、总体情况",
        "（一）得分",
        "（二）问题",
        "二、要求",
    ]
    words = [paragraph.text for paragraph in opened(bulletin("en")).paragraphs]
    assert {"1. 总体情况", "(1) 得分", "(2) 问题", "2. 要求"} <= set(words)


@pytest.mark.parametrize(
    ("number", "words"),
    [(1, "一"), (9, "九"), (10, "十"), (11, "十一"), (20, "二十"), (99, "九十九"), (100, "100")],
)
def test_numbers_are_written_as_headings_write_them(number, words):
    assert chinese_number(number) == words


def test_dates_have_no_leading_zeros():
    assert chinese_date(date(2024, 5, 6)) == "2024年5月6日"
    assert date_words(date(2024, 12, 31), "en") == "31 December 2024"


def test_the_heading_of_a_table_repeats_and_no_row_splits():
    table = opened(bulletin(rows=60)).tables[0]
    first, *others = (row._tr.trPr for row in table.rows)
    assert first.find(qn("w:tblHeader")) is not None
    assert all(form.find(qn("w:cantSplit")) is not None for form in (first, *others))
    assert not any(form.find(qn("w:tblHeader")) is not None for form in others)


@pytest.mark.parametrize(
    ("rows", "kept"),
    [
        (1, [True, False]),
        (3, [True, True, True, False]),
        (KEPT_ROWS, [True] * KEPT_ROWS + [False]),
        (KEPT_ROWS + 1, [True, True, *[False] * (KEPT_ROWS - 2), True, False]),
    ],
)
def test_a_small_table_stays_together_and_a_long_one_leaves_no_row_alone(rows, kept):
    document = blank()
    document.table(["单位"], [[f"第{number}家"] for number in range(rows)], [100], caption="各单位")
    found = opened(document.save())
    told = [
        all(paragraph.paragraph_format.keep_with_next for cell in row.cells for paragraph in cell.paragraphs)
        for row in found.tables[0].rows
    ]
    assert told == kept
    caption = next(paragraph for paragraph in found.paragraphs if paragraph.text == "各单位")
    assert caption.paragraph_format.keep_with_next


def test_the_last_words_stay_with_the_attachments_and_the_signature():
    document = blank()
    document.paragraph("请各单位反馈整改情况。")
    document.attachments(["台账"])
    document.signature("创城办", date(2024, 5, 6))
    told = opened(document.save()).paragraphs
    assert all(one.paragraph_format.keep_with_next for one in told[:-1])
    assert not told[-1].paragraph_format.keep_with_next


def test_widths_are_millimetres_and_never_beyond_the_page():
    document = opened(bulletin())
    assert [round(column.width.mm) for column in document.tables[0].columns] == [80, 30, 20]
    assert round(document.tables[1].columns[0].width.mm) == 225  # of the 300 that were asked for


def test_a_shaded_cell_tells_its_colour_by_sign_word_and_pattern():
    cell = opened(bulletin()).tables[0].cell(1, 1)
    ground = cell._tc.tcPr.find(qn("w:shd"))
    assert cell.text == "■ 红"
    assert ground.get(qn("w:val")) == "thinDiagCross"
    told = [(shade.sign, shade.pattern) for shade in CARD_SHADES.values()]
    assert len({sign for sign, _ in told}) == len({pattern for _, pattern in told}) == len(CARD_SHADES)


def test_numbers_stand_right_and_texts_left():
    row = opened(bulletin()).tables[0].rows[1]
    assert [cell.paragraphs[0]._p.pPr.jc.val.name for cell in row.cells] == ["LEFT", "LEFT", "RIGHT"]


def test_the_words_of_a_user_stay_words():
    document = blank()
    document.title(NASTY)
    document.paragraph(NASTY)
    document.table([NASTY], [[NASTY], ["甲\n乙"]], [100], caption=NASTY)
    document.picture(png(), 50, NASTY)
    content = document.save()
    plain = '=1+1 { PAGE } <w:br/> & "引号" '
    found = opened(content)
    assert [paragraph.text for paragraph in found.paragraphs if paragraph.text] == [plain] * 4
    assert [row.cells[0].text for row in found.tables[0].rows] == [plain, plain, "甲\n乙"]
    assert b"instrText" not in parts(content)["word/document.xml"]


def test_a_picture_has_its_width_in_millimetres_but_no_more_than_the_page():
    document = blank()
    document.picture(png(), 100)
    document.picture(png(1000, 4000), 156, "高")
    wide, high = opened(document.save()).inline_shapes
    assert round(wide.width.mm, 1) == 100
    assert high.height <= Mm(225)
    assert high.height == pytest.approx(4 * high.width, rel=1e-3)
    assert {wide._inline.get(f"dist{side}") for side in "TBLR"} == {"0"}


def test_the_page_number_is_a_field_between_dashes_outside_on_both_sides():
    content = bulletin()
    footers = [etree.fromstring(xml) for name, xml in parts(content).items() if "footer" in name]
    assert len(footers) == 2
    for footer in footers:
        assert "".join(footer.itertext()) == "—  PAGE 1 —"
    sides = {footer.find(f".//{qn('w:jc')}").get(qn("w:val")) for footer in footers}
    assert sides == {"left", "right"}
    assert b"evenAndOddHeaders" in parts(content)["word/settings.xml"]


@pytest.mark.parametrize("lang", LANGS)
def test_the_mark_is_a_switch(lang):
    for internal in (True, False):
        document = blank(lang, internal=internal)
        document.paragraph("甲")
        words = opened(document.save()).sections[0].header.paragraphs[0].text
        assert words == (("内部资料" if lang == "zh" else "Internal") if internal else "")


def test_the_date_begins_two_characters_after_the_office():
    def begins(office):
        document = blank()
        document.signature(office, date(2024, 5, 6))
        ends = opened(document.save()).paragraphs[-2:]
        # counted in characters from the right margin, 156 mm from the left
        return [round((Mm(156) - end.paragraph_format.left_indent) / Pt(16), 1) for end in ends]

    # the date is six characters wide: four digits, four signs, two digits
    assert begins("市创建全国文明城市办公室") == [2 + 12, 12]
    assert begins("市创城办") == [2 + 6 + 2, 2 + 6]


def test_a_page_that_is_to_begin_begins_once():
    document = blank()
    document.paragraph("甲")
    document.page_break()
    document.paragraph("乙")
    document.paragraph("丙")
    breaks = [
        paragraph.paragraph_format.page_break_before for paragraph in opened(document.save()).paragraphs
    ]
    assert breaks == [None, True, None]


def test_a_document_that_ends_lying_has_no_empty_page_behind():
    document = blank()
    with document.landscape():
        document.table(["甲"], [["乙"]], [100])
    assert [round(section.page_width.mm) for section in opened(document.save()).sections] == [297]


@pytest.mark.parametrize("lang", LANGS)
def test_the_same_content_gives_the_same_bytes(lang):
    content = bulletin(lang)
    assert content == bulletin(lang)
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        assert {entry.date_time for entry in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    about = opened(content).core_properties
    assert (about.created, about.modified) == (MADE_AT, MADE_AT)
    assert (about.title, about.author) == ("督查测评通报", "市创城办")


def test_nothing_outside_the_file_is_asked_for():
    assert not [name for name, xml in parts(bulletin()).items() if b'TargetMode="External"' in xml]


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice (soffice) is not on the PATH")
def test_libreoffice_opens_it_and_counts_its_pages(tmp_path):
    path = tmp_path / "通报.docx"
    path.write_bytes(bulletin(rows=60))
    command = ["soffice", f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}", "--headless"]
    subprocess.run(
        [*command, "--convert-to", "pdf", "--outdir", str(tmp_path), str(path)],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    pdf = (tmp_path / "通报.pdf").read_bytes()
    # the title, sixty rows over two more pages, the picture, one page lying, the signature
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) in (5, 6)
