"""Issues, the tick and the cards at the command line."""

import csv
import json
import re
from pathlib import Path

import pytest
from follow_town import at, founded
from office import refused, run
from openpyxl import load_workbook

from layers.store import Store
from service import clock
from service.usecases import issue_book


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    return founded(tmp_path_factory.mktemp("commands") / "村.db").read_bytes()


@pytest.fixture
def office(town, tmp_path, monkeypatch):
    """An office at its desk at noon of 6 May; `office(words)` is a later time."""
    (tmp_path / "村.db").write_bytes(town)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZHOUBIAN_STORE", str(tmp_path / "村.db"))

    def later(words):
        monkeypatch.setattr(clock, "now", lambda: at(words))

    later("05-06 12:00")
    return later


def add(capsys, *options, category="HJ01", number="P1", found="2026-05-06 11:00"):
    code, out, err = run(
        capsys,
        "--lang",
        "zh",
        "issue",
        "add",
        category,
        "--site",
        "B1",
        "--id",
        number,
        "--found",
        found,
        *options,
    )
    assert code == 0, err
    return out


def told(capsys, *arguments):
    code, out, err = run(capsys, *arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def test_an_issue_from_the_call_to_the_closing(office, capsys):
    assert (
        add(capsys, "--note", "垃圾外溢") == "P1 HJ01 暴露垃圾：已发卡，白卡，环卫，期限 2026-05-06 17:00\n"
    )
    office("05-06 16:00")
    assert (
        run(capsys, "--lang", "zh", "issue", "report", "P1", "--by", "环卫", "--at", "2026-05-06 15:00")[0]
        == 0
    )
    code, out, _ = run(capsys, "--lang", "en", "issue", "recheck", "P1", "--passed", "--close")
    assert (code, out) == (
        0,
        "P1 HJ01 exposed garbage: 2026-05-06 16:00 re-check passed, closed; now closed, white card,"
        " sanitation service, due 2026-05-06 17:00\n",
    )  # fmt: skip
    shown = told(capsys, "issue", "show", "P1")
    assert [event["action"] for event in shown["history"]] == [
        "found", "assigned", "carded", "reported_fixed", "rechecked", "closed",
    ]  # fmt: skip
    assert shown["history"][3]["who"] == "环卫"
    code, out, _ = run(capsys, "--lang", "zh", "issue", "show", "P1")
    assert "牵头单位" in out
    assert "垃圾外溢" in out


@pytest.mark.parametrize(("lang", "words"), [("zh", "销号后不再重开"), ("en", "is never reopened")])
def test_a_closed_issue_is_not_reopened(office, capsys, lang, words):
    add(capsys, "--fixed")
    assert words in refused(capsys, "issue", "report", "P1", lang=lang)


def test_several_issues_at_once_are_all_done_or_none(office, capsys):
    add(capsys)
    add(capsys, "--fixed", number="P2")
    add(capsys, "--fixed", number="P3")
    assert "2 of 3 issues refuse" in refused(capsys, "issue", "report", "P1", "P2", "P3")
    words = refused(capsys, "issue", "report", "P1", "P2", "P3", lang="zh")
    assert "3 个问题中有 2 个不能这样办理，全部未改动：问题 P2 已销号" in words
    assert "；问题 P3 已销号" in words
    assert told(capsys, "issue", "show", "P1")["issue"]["state"] == "carded"


def test_a_suspension_lasts_to_the_end_of_the_day(office, capsys):
    add(capsys)
    options = ("--approver", "分管领导", "--until", "2026-05-08", "--note", "待施工")
    (case,) = told(capsys, "issue", "suspend", "P1", *options)
    assert case["suspended_until"].startswith("2026-05-08 23:59")
    (case,) = told(capsys, "issue", "resume", "P1")
    assert case["deadline"].startswith("2026-05-06 17:00")


def test_words_corrections_merging_and_withdrawing(office, capsys):
    add(capsys)
    add(capsys, number="P2")
    add(capsys, number="P3")
    assert told(capsys, "issue", "note", "P1", "--note", "已电话催办")[0]["revision"] == 4
    assert told(capsys, "issue", "correct", "P1", "--count", "3")[0]["count"] == 3
    assert told(capsys, "issue", "merge", "P2", "--into", "P1")[0]["merged_into"] == "P1"
    told_ = run(capsys, "--lang", "zh", "issue", "withdraw", "P3")[1]
    assert told_ == "P3 HJ01 暴露垃圾：2026-05-06 12:00 撤销；不再统计，记录保留\n"
    assert [case["issue"] for case in told(capsys, "issue", "list")["issues"]] == ["P1"]
    assert {case["issue"] for case in told(capsys, "issue", "list", "--standing", "gone")["issues"]} == {
        "P2",
        "P3",
    }


def test_handing_over_is_for_the_highest_card(office, capsys):
    add(capsys)
    assert "no card of the highest level" in refused(capsys, "issue", "hand-over", "P1")
    office("05-20 09:00")
    assert told(capsys, "issue", "hand-over", "P1")[0]["handed_over_at"].startswith("2026-05-20 09:00")


def test_what_was_mended_during_the_visit_can_be_said_the_same_day(office, capsys):
    add(capsys)
    assert told(capsys, "issue", "fixed", "P1")[0]["state"] == "closed"


@pytest.mark.parametrize("options", [[], ["--failed", "--close"]])
def test_a_recheck_needs_its_result(office, capsys, options):
    add(capsys)
    assert "--passed or --failed" in refused(capsys, "issue", "recheck", "P1", *options)


def test_a_list_is_filtered_like_the_page(office, capsys):
    add(capsys)
    add(capsys, category="SR01", number="P2")
    add(capsys, category="XF01", number="P3", found="2026-05-06 08:00")

    def listed(*options):
        return {case["issue"] for case in told(capsys, "issue", "list", *options)["issues"]}

    assert listed() == {"P1", "P2", "P3"}
    assert listed("--category", "HJ", "--category", "XF01") == {"P1", "P3"}
    assert listed("--unit", "城管") == {"P2"}  # another name of the bureau
    assert listed("--overdue") == {"P3"}
    assert listed("--since", "2026-05-07") == set()
    assert listed("--colour", "white", "--state", "carded", "--source", "patrol", "--district", "东街") == {
        "P1", "P2", "P3",
    }  # fmt: skip
    assert "no state" in refused(capsys, "issue", "list", "--state", "nowhere")


def test_a_list_opens_in_a_spreadsheet_as_it_is(office, capsys, monkeypatch):
    monkeypatch.setattr(issue_book.Places, "located", with_grid(issue_book.Places.located))
    add(capsys, "--note", "=1+1", number="1-2")
    for file in ("单.csv", "单.xlsx"):
        assert run(capsys, "--lang", "zh", "issue", "list", "--out", file)[0] == 0
    raw = Path("单.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    (row,) = csv.DictReader(raw.decode("utf-8-sig").splitlines())
    assert "420106001001007" in row["网格编码"]
    assert row["网格编码"] != "420106001001007"  # marked as text, Excel would round it
    assert row["备注"] == "'=1+1"
    sheet = load_workbook("单.xlsx").worksheets[0]
    heads = [cell.value for cell in sheet[1]]
    cells = dict(zip(heads, sheet[2], strict=True))
    assert (cells["编号"].value, cells["编号"].data_type) == ("1-2", "s")
    assert (cells["网格编码"].value, cells["网格编码"].data_type) == ("420106001001007", "s")
    assert (cells["备注"].value, cells["备注"].data_type) == ("=1+1", "s")


def with_grid(located):
    """The hamlet has no grid: each issue lies in the same cell."""

    def found(*arguments):
        return [{**facts, "grid": "420106001001007"} for facts in located(*arguments)]

    return found


# ----------------------------------------------------------------------------------------------- tick


def test_time_passes_over_the_cards(office, capsys):
    add(capsys)
    code, out, _ = run(capsys, "--lang", "zh", "tick", "--now", "2026-05-07 12:00")
    assert (code, out) == (
        0, "截至 2026-05-07 12:00：查看到期问题 1 个；升级 黄卡 1 张、红卡 1 张；恢复办理 0 个\n"
        "· 同一问题连续逾期的，可一次升级两级，因此升级次数多于问题数\n",
    )  # fmt: skip
    code, out, _ = run(capsys, "--lang", "en", "tick", "--now", "2026-05-07 12:00")
    assert (code, out) == (0, "by 2026-05-07 12:00: looked at 0 due issues; raised none; resumed 0\n")
    assert "set the clock right" in refused(capsys, "tick", "--now", "2026-05-07 11:00")
    assert "--anyway" in refused(capsys, "tick", "--now", "2026-08-07 11:00")
    assert told(capsys, "tick", "--now", "2026-08-07 11:00", "--anyway")["raised"] == {}


# ---------------------------------------------------------------------------------------------- cards


def test_the_board_counts_the_open_cards_by_colour(office, capsys):
    add(capsys)
    add(capsys, number="P2", category="XF01", found="2026-05-06 08:00")
    add(capsys, number="P3", category="SR07")
    assert run(capsys, "issue", "suspend", "P3", "--approver", "分管领导", "--until", "2026-06-01")[0] == 0
    assert run(capsys, "tick")[0] == 0
    board = told(capsys, "cards")
    assert [(one["level"]["id"], one["open"], one["overdue"], one["suspended"]) for one in board] == [
        ("white", 2, 0, 1), ("yellow", 0, 0, 0), ("red", 1, 0, 0),
    ]  # fmt: skip
    assert [case["issue"] for case in board[0]["nearest"]] == ["P1", "P3"]
    _, out, _ = run(capsys, "--lang", "zh", "cards", "--level", "红卡")
    assert "红卡：未办结 1，逾期 0，缓办 0" in out
    assert "P2" in out
    assert "there is no colour of card 'green'" in refused(capsys, "cards", "--level", "green")


def printed(capsys, *options, lang="zh"):
    code, _, err = run(capsys, "--lang", lang, "cards", *options, "--out", "卡.html")
    assert code == 0, err
    return Path("卡.html").read_text(encoding="utf-8")


def test_a_card_says_what_whose_where_when_and_why(office, capsys):
    add(capsys, "--note", "垃圾外溢", "--photo", "一.jpg", "--photo", "二.jpg", "--count", "2")
    office("05-06 17:30")
    assert run(capsys, "tick")[0] == 0
    page = printed(capsys, "--sheet", "P1")
    for words in (
        "督办卡", "内部资料", "P1", "环卫", "街道办", "HJ01 暴露垃圾", "单元B1", "东街", "垃圾外溢", "一.jpg、二.jpg",
        "2026年5月6日11时", "2026年5月7日11时", "白卡逾期未整改到位", "责任单位、责任单位主要负责人、包保单位",
        "升级为红卡", "<b>黄</b>",
    ):  # fmt: skip
        assert words in page, words
    page = printed(capsys, "--sheet", "P1", lang="en")
    for words in ("<b>YELLOW</b>", "7 May 2026, 11:00", "white card overdue", "Supervision card", "internal"):
        assert words in page, words


def test_a_card_is_one_file_without_a_script_or_a_user_s_markup(office, capsys):
    add(capsys, "--note", "<script>alert(1)</script>&\x07", "--photo", "<img src=x>.jpg")
    page = printed(capsys, "--sheet", "P1")
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&amp;" in page
    assert re.search(
        r"content=\"default-src 'none'; style-src 'sha256-[^']+'; base-uri 'none'", page.replace("&#39;", "'")
    )
    assert "http" not in page.replace("http-equiv", "")


def test_a_colour_is_a_word_and_a_pattern_too(office, capsys):
    add(capsys)
    add(capsys, number="P2")
    office("05-06 17:30")
    run(capsys, "issue", "report", "P2")
    seen = {}
    for number, when in (("P1", "05-06 17:30"), ("P1", "05-07 17:30")):
        office(when)
        run(capsys, "tick")
        page = printed(capsys, "--sheet", number)
        seen[re.search(r"<b>(白|黄|红)</b>", page)[1]] = re.search(r'fill="url\(#pattern-(\w+)\)"', page)[1]
    assert seen == {"黄": "diagonal", "红": "cross"}


def test_a_failed_recheck_and_a_recurrence_are_told_on_the_card(office, capsys):
    add(capsys)
    run(capsys, "issue", "report", "P1")
    run(capsys, "issue", "recheck", "P1", "--failed")
    assert "复核未通过（第 1 次）" in printed(capsys, "--sheet", "P1")
    add(capsys, "--fixed", number="P2", category="HJ04")
    add(capsys, number="P3", category="HJ04", found="2026-05-06 11:30")
    assert "反复出现（原问题 P2）" in printed(capsys, "--sheet", "P3")


def test_all_open_cards_of_a_level_are_one_file(office, capsys):
    add(capsys)
    add(capsys, number="P2", category="SR01")
    add(capsys, number="P3", category="SR03", found="2026-05-06 09:00")
    page = printed(capsys, "--level", "white")
    assert re.findall(r"编号 <b>(P\d)</b>", page) == ["P1", "P2", "P3"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--sheet", "P1", "--out", "卡.html"], "there is no card to print for P1"),
        (["--level", "red", "--out", "卡.html"], "there is no card to print for red"),
        (["--out", "卡.html"], "say which cards"),
        (["--sheet", "P1"], "--out FILE.html"),
        (["--sheet", "P9", "--out", "卡.html"], "there is no issue 'P9'"),
        (["--level", "white", "--out", "卡.pdf"], ".html"),
    ],
)
def test_a_card_that_cannot_be_printed_is_told_in_one_sentence(office, capsys, options, words):
    add(capsys, "--fixed")
    assert words in refused(capsys, "cards", *options)
    assert not Path("卡.html").exists()


def test_a_long_note_leaves_the_card_on_its_page(office, capsys):
    add(capsys, "--note", "很长" * 500)
    page = printed(capsys, "--sheet", "P1")
    assert "很长" * 100 in page
    assert "很长" * 120 not in page
    with Store.open(Path("村.db"), create=False) as store:
        assert len(store.read("issues")["note"].iloc[0]) == 1000


def test_a_refused_issue_names_only_the_faults_it_has(office, capsys):
    english = refused(capsys, "issue", "add", "ZZ99", "--site", "B1", "--id", "P1")
    assert "category not in the rule book: P1 (ZZ99)" in english
    chinese = refused(capsys, "issue", "add", "ZZ99", "--site", "B1", "--id", "P1", lang="zh")
    assert "1 个问题中有 1 处错误，均未登记：规则中没有的类别：P1 (ZZ99)（" in chinese
    for words in ("—", "占用", "晚于现在"):
        assert words not in chinese
    for words in ("—", "already", "after now"):
        assert words not in english


def test_what_is_asked_in_chinese_is_understood(office, capsys):
    add(capsys, "--source", "投诉")
    add(capsys, "--source", "上级反馈", "--fixed", number="P2")
    add(capsys, number="P3", category="XF01", found="2026-05-06 08:00")

    def listed(*options):
        return {case["issue"] for case in told(capsys, "issue", "list", *options)["issues"]}

    assert listed("--source", "群众投诉") == listed("--source", "complaint") == {"P1"}
    assert listed("--source", "投诉，上级反馈") == {"P1", "P2"}
    assert listed("--state", "已发卡") == {"P1", "P3"}
    assert listed("--state", "已销号") == {"P2"}
    assert listed("--colour", "白") == listed("--colour", "白卡") == {"P1", "P3"}
    assert listed("--standing", "逾期") == listed("--standing", "已超期") == {"P3"}
    assert listed("--unit", "环卫") == {"P1", "P2"}


@pytest.mark.parametrize(
    ("option", "zh", "en"),
    [
        ("--source", "来源 没有“谣言”；可用：模拟测评、上级反馈、巡查、媒体、群众投诉", "no source; use one of mission, "),
        ("--state", "办理状态 没有“谣言”；可用：已发现、立行立改、已发卡、", "no state; use one of found, "),
        ("--standing", "办理进度 没有“谣言”；可用：未办结、", "no standing; use one of open, "),
        ("--colour", "督办卡 没有“谣言”；可用：白卡、黄卡、红卡", "no colour; use one of white, yellow, red"),
    ],
)  # fmt: skip
def test_a_word_that_is_no_choice_is_told_the_choices_in_the_language(office, capsys, option, zh, en):
    assert zh in refused(capsys, "issue", "list", option, "谣言", lang="zh")
    assert en in refused(capsys, "issue", "list", option, "谣言")


def test_what_time_did_is_the_system_s(office, capsys):
    add(capsys)
    office("05-06 17:30")
    run(capsys, "tick")
    for lang, word in (("zh", "系统"), ("en", "system")):
        shown = run(capsys, "--lang", lang, "issue", "show", "P1")[1]
        assert word in shown
        assert "zhoubian" not in shown
    assert told(capsys, "issue", "show", "P1")["history"][-1]["who"] == "zhoubian"


def test_an_issue_is_merged_into_what_may_be_the_same(office, capsys):
    add(capsys)
    add(capsys, number="P2", category="SR01")
    assert run(capsys, "issue", "add", "HJ01", "--site", "B2", "--id", "P3")[0] == 0  # 200 m from B1
    there = told(capsys, "issue", "show", "P3")["issue"]
    place = ("--lon", str(there["lon"] + 0.0002), "--lat", str(there["lat"]))  # 17 m from P3, at no site
    assert run(capsys, "issue", "add", "HJ01", *place, "--id", "P4")[0] == 0
    assert "问题 P2（SR01）与 P1（HJ01）类别不同" in refused(
        capsys, "issue", "merge", "P2", "--into", "P1", lang="zh"
    )
    assert "issue P3 and P1 lie 2" in refused(capsys, "issue", "merge", "P3", "--into", "P1")
    assert told(capsys, "issue", "show", "P3")["issue"]["merged_into"] is None
    assert told(capsys, "issue", "merge", "P2", "--into", "P1", "--anyway")[0]["merged_into"] == "P1"
    code, out, _ = run(capsys, "--lang", "zh", "issue", "merge", "P4", "--into", "P3")
    assert (code, out) == (
        0,
        "P4 HJ01 暴露垃圾：2026-05-06 12:00 并入 P3，此后只办理 P3；本问题不再统计，记录保留\n",
    )


def test_an_answer_names_what_was_done_and_when(office, capsys):
    add(capsys)
    _, out, _ = run(capsys, "--lang", "zh", "issue", "correct", "P1", "--count", "3")
    assert (
        out
        == "P1 HJ01 暴露垃圾：2026-05-06 12:00 更正 处数 3；现为已发卡，白卡，环卫，期限 2026-05-06 17:00\n"
    )
    options = ("--approver", "分管领导", "--until", "2026-05-08", "--at", "2026-05-06 11:30")
    _, out, _ = run(capsys, "--lang", "zh", "issue", "suspend", "P1", *options)
    assert "2026-05-06 11:30 缓办；现为缓办 → 2026-05-08 23:59，白卡" in out
