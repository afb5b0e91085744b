"""The bulletin of a town reckoned by hand, and every figure of it once more from the register alone."""

from __future__ import annotations

import io
import re
import shutil
import zipfile
from collections import defaultdict
from dataclasses import replace
from datetime import date, datetime

import docx
import openpyxl
import pytest
from bulletin_town import AFTER, LONG, act, at, issue, take, town
from follow_town import imported
from office import run
from PIL import Image

from geo.errors import DesignError
from layers.store import Store
from service import clock
from service.bulletin import Sent, document
from service.bulletin_register import Words, table_sheet
from service.i18n import LANGS
from service.usecases import bulletin_content, bulletins, dispatch_lists, follow_figures, issue_book, plaques
from service.usecases.bulletin_figures import Figures
from service.usecases.bulletin_settings import settings_of
from service.usecases.periods import containing
from service.web.app import create_app

START = date(2026, 1, 5)
PERIOD = containing(date(2026, 11, 20), "fortnight", START)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The store of the town, and the folder with the bulletin that was written first."""
    folder = tmp_path_factory.mktemp("通报 双周")
    path = town(folder / "store.db")
    with Store.open(path, create=False) as store:
        plaques.decide(store, PERIOD.before().since, PERIOD.before().last, now=AFTER)
        files = bulletins.write(store, PERIOD, folder / "通报.docx", "zh", now=AFTER)
    return path, files


@pytest.fixture
def store(made, tmp_path):
    """A copy of the store that a test may change."""
    path = tmp_path / "copy.db"
    shutil.copy(made[0], path)
    with Store.open(path, create=False) as opened:
        yield opened


@pytest.fixture(scope="module")
def figures(made):
    return made[1].written.record["figures"]


@pytest.fixture(scope="module")
def register(made):
    """{sheet: rows as {heading: value}}."""
    book = openpyxl.load_workbook(made[1].register)
    found = {}
    for sheet in book:
        rows = list(sheet.iter_rows(values_only=True))
        found[sheet.title] = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    return found


def told(content):
    """All words of a document, tables too."""
    opened = docx.Document(io.BytesIO(content))
    cells = [cell.text for table in opened.tables for row in table.rows for cell in row.cells]
    return "\n".join([*(paragraph.text for paragraph in opened.paragraphs), *cells])


# -- by hand -------------------------------------------------------------------------------------------


def test_the_figures_of_the_period_are_those_reckoned_by_hand(figures):
    expected = {
        "found": 4, "fixed_on_site": 1, "due": 3, "suspended": 0, "closed": 2, "on_time": 2, "finished": 3, "open": 2,
        "overdue": 1, "rework": 0, "close_rate": 2 / 3, "on_time_rate": 2 / 3,
    }  # fmt: skip
    assert {name: figures[f"issue.now.{name}"] for name in expected} == pytest.approx(expected)


def test_the_period_before_is_told_as_it_was_then(figures):
    # E4 was closed on 12 November: when its period ended it was open, red and overdue
    expected = {"found": 1, "due": 1, "closed": 0, "open": 1, "overdue": 1, "close_rate": 0}
    assert {name: figures[f"issue.before.{name}"] for name in expected} == expected
    assert figures["issue.change.found"] == 3


def test_cards_count_in_the_period_in_which_they_were_issued(figures):
    # white: E2, E3, E5, for E4 got its own before; yellow and red: E3. The withdrawn one counts nowhere
    issued = {level: figures[f"card.{level}.issued"] for level in ("white", "yellow", "red")}
    assert issued == {"white": 3, "yellow": 1, "red": 1}
    assert {level: figures[f"card.{level}.open"] for level in issued} == {"white": 1, "yellow": 0, "red": 1}


def test_the_white_card_of_an_issue_taken_up_from_a_list_counts_as_issued(store):
    listed = [{"id": name, "found_at": "11-18 09:00", "category": "JT06"} for name in ("L1", "L2")]
    imported(store, [*listed, {"id": "L3", "closed_at": "11-19 09:00", "found_at": "11-18 09:00"}])
    issue_book.adopt(store, who="创城办", now=at(20, 10))
    content = bulletin_content.content_of(store, PERIOD, now=at(20, 12))
    # E2, E3 and E5 as before; L3 was closed by the list and never had a card
    assert content.figures["card.white.issued"] == 3 + 2
    cards = content.tables["cards"]
    rows = set(zip(cards["issue"], cards["action"], cards["issued"], strict=True))
    assert {("L1", "adopted", "white"), ("L2", "adopted", "white")} <= rows
    assert "L3" not in cards["issue"]


def test_units_have_their_own_figures(figures):
    names = ("found", "due", "closed", "open", "overdue", "red")
    assert [figures[f"unit.city_mgmt.{name}"] for name in names] == [3, 3, 2, 1, 1, 1]
    # E4 was due the period before; it is in hand, and closed late
    assert [figures[f"unit.sanitation.{name}"] for name in names] == [0, 0, 0, 0, 0, 0]
    assert figures["unit.sanitation.close_rate"] is None
    assert [figures[f"unit.traffic_police.{name}"] for name in names] == [1, 0, 0, 1, 0, 0]


def test_scores_have_their_base_and_the_round_before(figures):
    # the second round: (0.58 + 3 * 1 + 1) / 5 over M1, M3, S1, A1; see score_town.py
    assert figures["score.now.rate"] == pytest.approx(0.916)
    assert [figures[f"score.now.{name}"] for name in ("sites", "items", "observations")] == [4, 6, 7]
    assert figures["score.before.rate"] == pytest.approx(0.530625)
    assert figures["score.change"] == pytest.approx(0.385375)
    assert figures["type.market.now.rate"] == pytest.approx(0.58)
    assert figures["district.东街.now.rate"] == pytest.approx((0.83 + 3) / 4)
    assert figures["district.西街.change"] == pytest.approx((0.33 + 1) / 2 - 0.83)
    assert (figures["site.visited"], figures["site.revisit"]) == (4, 2)  # M1 0.83 and M3 0.33 are below 90 %


def test_the_document_says_the_figures(made):
    words = told(made[1].document.read_bytes())
    for part in (
        "创建全国文明城市双周督查测评通报", "（2026年第24期）", "2026年11月9日至2026年11月22日",
        "2026年11月9日0时起、2026年11月23日0时止", "本期发现问题4个，其中立行立改1个",
        "应办结3个（含经批准缓办0个），已销号2个，办结率66.7%", "未销号问题2个，其中超首次期限1个",
        "点位4处、内容6项、观测7次，得分率91.6%，上一轮为53.1%，上升38.5个百分点",
        "流动黑牌由环卫移交城管局（本期被发红卡1张，为最多）", "期末未销号红卡共1张", "2026年11月23日", "■ 红卡", "★ 城管局",
    ):  # fmt: skip
        assert part in words, part


OLD_WORDS = ("未办结", "已办结", "超期", "按期率", "观测点次", "测评内容")


def test_document_register_and_lists_have_the_words_of_the_page_of_figures(made, store, tmp_path):
    words = [told(made[1].document.read_bytes())]
    paths = [made[1].register]
    for kind in dispatch_lists.DISPATCHES:
        document_, rows = dispatch_lists.write_dispatch(
            store, kind, date(2026, 11, 23), tmp_path / f"{kind}.docx", "zh", now=AFTER
        )
        words.append(told(document_.read_bytes()))
        paths.append(rows)
    for path in paths:
        book = openpyxl.load_workbook(path)
        words += [str(cell.value) for sheet in book for row in sheet.iter_rows() for cell in row]
    assert [word for word in OLD_WORDS if any(word in one for one in words)] == []
    for heading in ("应办结", "已销号", "按期销号", "未销号", "超首次期限", "牵头单位"):
        assert heading in words[0], heading


# -- by the register alone -----------------------------------------------------------------------------


def recomputed(register):
    """Every figure of the sheet of figures from the rows, by what its line says; {id: (told, again)}."""
    found = {}
    for line in register["数据"]:
        rows = [row for row in register[line["工作表"]] if fits(row, line["筛选条件"])]
        how, value = line["算法"], line["数值"] if line["比率"] is None else line["比率"]
        column = re.search("“(.+?)”", how)
        if how == "按筛选条件计行数":
            again = len(rows)
        elif "求和" in how:
            again = sum(row[column[1]] for row in rows)
        elif "不同的值" in how:
            again = len({row[column[1]] for row in rows} - {None})
        elif how.startswith("按筛选条件：逐点位"):
            again = score_of(rows)
        else:
            again = reckoned(how, {ident: pair[0] for ident, pair in found.items()})
        found[line["编号"]] = (value, again)
    return found


def fits(row, conditions):
    for condition in filter(None, (conditions or "").split("；")):
        column, wanted = condition.split("=")
        if row[column] != (None if wanted == "（空）" else wanted):
            return False
    return True


def score_of(rows):
    sites, weights = defaultdict(lambda: [0.0, 0.0]), {}
    for row in rows:
        if row["计分"] == "是":
            points = sites[row["点位类型"], row["点位"]]
            points[0] += row["权重×得分"]
            points[1] += row["权重"]
            weights[row["点位类型"]] = row["类型权重"]
    means = defaultdict(list)
    for (kind, _), (got, possible) in sites.items():
        means[kind].append(got / possible)
    if not means:
        return None
    total = sum(weights[kind] * sum(rates) / len(rates) for kind, rates in means.items())
    return total / sum(weights[kind] for kind in means)


def reckoned(formula, known):
    """``a / b``, ``a / (b - c)``, ``a - b`` with ids of figures."""
    ids = re.findall(r"[^\s()/]+\.[^\s()/]+", formula)
    values = [known[ident] for ident in ids]
    if "/" not in formula:
        return None if None in values else values[0] - values[1]
    base = values[1] - (values[2] if len(values) == 3 else 0)
    return values[0] / base if base > 0 else None


def test_every_figure_comes_out_of_the_register_again(register):
    again = recomputed(register)
    assert len(again) > 100
    wrong = {ident: pair for ident, pair in again.items() if pair[0] != pytest.approx(pair[1])}
    assert not wrong


def test_figures_come_out_of_the_dates_without_the_flags(register):
    begin, end = datetime(2026, 11, 9), datetime(2026, 11, 23)  # noqa: DTZ001 - cells have no zone
    found = due = closed = on_time = still_open = overdue = finished = 0
    for row in register["问题"]:
        first, done = row["首次期限"], row["销号时间"]
        shut = done is not None and done < end
        found += begin <= row["发现时间"] < end
        falls = min(moment for moment in (first, done, end) if moment is not None)
        counts = begin <= falls < end
        due += counts
        closed += counts and shut
        on_time += counts and shut and done <= first
        finished += shut and done >= begin
        still_open += not shut
        overdue += not shut and row["办理状态"] == "已发卡" and first < end
    values = {line["编号"]: line["数值"] for line in register["数据"]}
    told_ = [
        values[f"issue.now.{name}"]
        for name in ("found", "due", "closed", "on_time", "finished", "open", "overdue")
    ]
    assert [found, due, closed, on_time, finished, still_open, overdue] == told_ == [4, 3, 2, 2, 3, 2, 1]


def test_the_register_agrees_with_the_figures_of_following_up(made, figures):
    with Store.open(made[0], create=False) as store:
        told_ = follow_figures.figures(store, since=PERIOD.since, until=PERIOD.last, by="unit", now=AFTER)
    total = told_.total.to_dict()
    for name in (*follow_figures.COUNTED, "close_rate", "on_time_rate"):
        assert figures[f"issue.now.{name}"] == total[name], name
    for group in told_.groups:
        for name in ("found", "due", "closed", "on_time", "open", "overdue", "close_rate"):
            assert figures[f"unit.{group.key}.{name}"] == group.counts.to_dict()[name], (group.key, name)


def test_the_register_has_every_issue_in_hand_and_no_withdrawn_one(register):
    assert [row["编号"] for row in register["问题"]] == ["E4", "E1", "E2", "E3", "E5"]
    assert [row["编号"] for row in register["上期问题"]] == ["E4"]
    # as it was on 8 November
    assert register["上期问题"][0]["办理状态"] == "已发卡"
    assert register["上期问题"][0]["销号时间"] is None
    assert register["问题"][0]["办理状态"] == "已销号"


def test_no_column_hides_another(made):
    with Store.open(made[0], create=False) as store:
        content = bulletin_content.content_of(store, PERIOD, now=AFTER)
    for lang in LANGS:
        words = Words(content.book, lang)
        for name, table in content.tables.items():
            assert len(table_sheet(name, table, words).columns) == len(table), (name, lang)


def test_text_that_looks_like_a_formula_stays_text(made):
    sheet = openpyxl.load_workbook(made[1].register)["问题"]
    cells = [cell for row in sheet.iter_rows() for cell in row if cell.value == "=1+1"]
    assert [(cell.data_type, cell.number_format) for cell in cells] == [("s", "@")]


def test_nobody_who_inspected_or_decided_is_named(made, store):
    # `who` of results, events and missions is in no column
    book = openpyxl.load_workbook(made[1].register)
    headings = {cell.value for sheet in book for cell in sheet[1]}
    assert not headings & {"办理方", "测评人员", "检查人员", "who"}


# -- once more -----------------------------------------------------------------------------------------


def test_written_again_with_nothing_changed_every_byte_is_the_same(made, store, tmp_path):
    again = bulletins.write(store, PERIOD, tmp_path / "通报.docx", "zh", now=at(30, 9))
    assert (again.written.number, again.written.version) == (24, 1)
    assert again.written.written_at == AFTER
    for one, two in zip(
        (made[1].document, made[1].register, *made[1].maps),
        (again.document, again.register, *again.maps),
        strict=True,
    ):
        assert one.read_bytes() == two.read_bytes(), two.name


def test_what_was_put_right_makes_a_new_version_under_the_same_number(store):
    act(store, "E3", "withdraw", at(24, 9))
    content = bulletin_content.content_of(store, PERIOD, now=at(25, 9))
    kept = bulletins.keep(store, content, now=at(25, 9))
    assert (kept.number, kept.version, kept.written_at) == (24, 2, at(25, 9))
    assert kept.record["figures"]["issue.now.found"] == 3
    assert [one.version for one in bulletins.listing(store)] == [2]


def test_what_happens_after_a_period_changes_nothing_in_it(store):
    act(store, "E3", "report", at(24, 9))
    take(store, [issue("E7", LONG, at(24, 9))], now=at(24, 10))
    before = bulletins.listing(store)[0].record["digest"]
    assert bulletin_content.content_of(store, PERIOD, now=at(28, 9)).digest == before


def test_numbers_stand_in_the_order_of_the_periods(store):
    def keep(day, kind, number=None):
        period = containing(day, kind, START)
        content = bulletin_content.content_of(store, period, now=at(1, 9, month=12))
        return bulletins.keep(store, content, now=at(1, 9, month=12), number=number).number

    assert keep(date(2026, 10, 20), "fortnight") == 22
    assert keep(date(2026, 11, 3), "fortnight") == 23
    assert keep(date(2026, 11, 3), "month") == 11
    assert keep(date(2025, 12, 3), "fortnight") == 25
    with pytest.raises(DesignError) as taken:
        keep(date(2026, 9, 20), "fortnight", 23)
    assert taken.value.code == "bulletin_number"
    with pytest.raises(DesignError) as other:
        keep(date(2026, 11, 20), "fortnight", 5)
    assert other.value.code == "bulletin_number_kept"


def test_a_period_that_has_not_ended_says_so_and_moves_no_plaque(store):
    period = containing(date(2026, 11, 24), "fortnight", START)
    content = bulletin_content.content_of(store, period, now=at(24, 9))
    assert not content.is_finished
    assert content.plaque is None
    kept = bulletins.keep(store, content, now=at(24, 9))
    assert (kept.number, [one.number for one in bulletins.listing(store)]) == (0, [24])
    words = told(document(content, Sent(2026, kept.number, at(24, 9), "台账.xlsx"), [], "zh"))
    assert "（2026年草稿，未编号）" in words
    assert "本期尚未结束，以下数据截至2026年11月24日09:00。" in words
    assert "流动黑牌待期末确定" in words
    assert bulletin_content.content_of(store, PERIOD, now=AFTER).is_finished


@pytest.mark.parametrize("lang", LANGS)
def test_an_empty_store_makes_a_bulletin_too(tmp_path, lang):
    with Store.open(tmp_path / "empty.db", create=True) as store:
        files = bulletins.write(store, PERIOD, tmp_path / "空.docx", lang, now=AFTER)
    assert files.maps == ()
    words = told(files.document.read_bytes())
    assert ("本期未开展测评" if lang == "zh" else "No mission was held") in words


def test_maps_are_a4_at_300_dpi(made):
    assert [path.name for path in made[1].maps] == ["通报-cards.png", "通报-scores.png"]
    for path in made[1].maps:
        with Image.open(path) as picture:
            assert picture.width == round(156 / 25.4 * 300)
            assert round(picture.info["dpi"][0]) == 300
    with zipfile.ZipFile(made[1].document) as parts:
        assert sum(name.startswith("word/media/") for name in parts.namelist()) == 2


# -- settings ------------------------------------------------------------------------------------------


def test_all_that_is_wrong_with_the_settings_is_told_at_once(made):
    with Store.open(made[0], create=False) as store:
        book = bulletin_content.content_of(store, PERIOD, now=AFTER).book
    wrong = {
        **book.bulletin, "plaque": {"by": "vote", "of": "unit"}, "listed": 0,
        "next": [{"zh": "{boss}", "en": "x"}], "score_kinds": ["mock", "secret"],
    }  # fmt: skip
    with pytest.raises(DesignError) as refused:
        settings_of(replace(book, bulletin=wrong))
    assert refused.value.code == "bulletin_settings"
    for part in ("plaque.by = vote", "listed = 0", "next.1.zh = {boss}", "score_kinds = secret"):
        assert part in str(refused.value)


def test_a_book_from_before_has_the_settings_of_the_program(made):
    with Store.open(made[0], create=False) as store:
        book = bulletin_content.content_of(store, PERIOD, now=AFTER).book
    old = replace(book, bulletin={"office": "市创建办", "start": "2026-01-12", "internal": False})
    settings = settings_of(old)
    assert (settings.office["zh"], settings.start, settings.internal) == (
        "市创建办",
        date(2026, 1, 12),
        False,
    )
    assert (settings.period, settings.plaque_by) == ("fortnight", "reds")


def test_figures_ask_for_what_is_missing_too():
    asked = Figures({"rows": {"unit": ["a", None, "a", None, "b"], "open": [True, True, False, False, True]}})
    assert asked.count("x", "open", "rows", open=True, unit=None) == 1
    assert asked.distinct("y", "open", "rows", "unit", open=True) == 2
    assert asked.groups("rows", "unit") == ["a", "b", None]


# -- lists ---------------------------------------------------------------------------------------------


def test_the_weekly_list_tells_what_presses(store, tmp_path):
    # Monday, 23 November: E3 red and overdue; E5 is due on 4 December
    told_ = dispatch_lists.dispatch(store, "weekly", date(2026, 11, 23), now=AFTER)
    counts = [told_.figures[f"all.{name}"] for name in ("found", "open", "overdue", "due_soon", "red")]
    assert counts == [0, 2, 1, 0, 1]
    assert [told_.figures.tables["issues"]["issue"][row] for row in told_.pressing] == ["E3"]
    assert told_.units[0] == "city_mgmt"
    later = dispatch_lists.dispatch(store, "weekly", date(2026, 11, 30), now=at(30, 9))
    assert later.figures["all.due_soon"] == 1
    daily = dispatch_lists.dispatch(store, "daily", date(2026, 11, 20), now=AFTER)
    assert (daily.figures["all.found"], daily.figures["all.due_soon"]) == (1, 0)


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("kind", ["weekly", "daily"])
def test_lists_are_written_with_their_rows(store, tmp_path, kind, lang):
    paths = dispatch_lists.write_dispatch(
        store, kind, date(2026, 11, 23), tmp_path / "清单.docx", lang, now=AFTER
    )
    words = told(paths[0].read_bytes())
    assert ("2" in words) and (("■ 红卡" if lang == "zh" else "■ red card") in words)
    book = openpyxl.load_workbook(paths[1])
    assert [row[0].value for row in book.worksheets[1].iter_rows(min_row=2)] == ["E3", "E5"]


def test_the_look_back_list_has_the_sites_that_failed(store, tmp_path):
    found = dispatch_lists.look_back(store, PERIOD, now=AFTER)
    sites = found.figures.tables["sites"]
    assert (sites["site"], sites["failed"]) == (["M3", "M1"], [1, 1])  # the case inside marked lines is none
    paths = dispatch_lists.write_look_back(store, PERIOD, tmp_path / "回头看.docx", "zh", now=AFTER)
    assert "=第三菜市场" in told(paths[0].read_bytes())
    assert [path.suffix for path in paths] == [".docx", ".xlsx"]


# -- the command line ----------------------------------------------------------------------------------


def test_the_command_writes_and_lists(store, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    base = ("--store", store.path, "--lang", "zh")
    code, out, err = run(
        capsys, *base, "bulletin", "--until", "2026-11-20", "--now", "2026-11-23 09:00", "--out", "b.docx"
    )
    assert (code, err) == (0, "")
    assert "2026年第24期，双周" in out
    assert "b-cards.png" in out
    code, out, _ = run(capsys, *base, "bulletins")
    assert code == 0
    assert "2026-24" in out
    code, out, _ = run(capsys, *base, "plaque")
    assert (code, "城管局" in out) == (0, True)
    code, out, _ = run(
        capsys, *base, "bulletin", "--kind", "lookback", "--until", "2026-11-20", "--out", "h.xlsx"
    )
    assert (code, (tmp_path / "h.xlsx").exists()) == (0, True)


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (("--out", "b.pdf"), ".docx"),
        (("--out", "b.docx", "--period", "moon"), "moon"),
        (("--out", "b.docx", "--kind", "poem"), "poem"),
        (("--out", "b.docx", "--until", "soon"), "soon"),
        (("--out", "b.docx", "--until", "2030-01-01", "--now", "2026-11-23 09:00"), "2030"),
    ],
)
def test_what_cannot_be_written_is_one_sentence(store, tmp_path, capsys, monkeypatch, options, part):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, "--store", store.path, "--lang", "en", "bulletin", *options)
    assert (code != 0, out, err.count("\n")) == (True, "", 1)
    assert part in err
    assert not list(tmp_path.glob("b*"))


# -- the page ------------------------------------------------------------------------------------------


@pytest.fixture
def browser(store, monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: AFTER)
    return create_app(store.path, "zh").test_client()


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_no_foreign_page_gives_a_bulletin_its_number(browser, site):
    before = browser.get("/bulletins").text
    answer = browser.get("/bulletins/bulletin.docx?until=2026-11-09", headers={"Sec-Fetch-Site": site})
    assert answer.status_code == 403
    assert browser.get("/bulletins").text == before


def test_the_page_offers_periods_and_tells_what_was_written(browser):
    page = browser.get("/bulletins").get_data(as_text=True)
    for part in ("2026-24", "2026年11月9日至2026年11月22日", "红卡 1 张", "城管局", "（未结束）"):
        assert part in page, part
    assert "/bulletins/bulletin.docx?until=2026-11-09&amp;period=fortnight" in page
    assert browser.get("/issues").get_data(as_text=True).count('href="/bulletins"') == 1


def test_a_link_hands_over_what_was_written(browser, made):
    packed = browser.get("/bulletins/bulletin.zip?until=2026-11-20").data
    with zipfile.ZipFile(io.BytesIO(packed)) as files:
        stem = "bulletin-2026-11-22"
        assert files.namelist() == [f"{stem}-cards.png", f"{stem}-scores.png", f"{stem}.docx", f"{stem}.xlsx"]
        assert files.read(f"{stem}.xlsx") == made[1].register.read_bytes()
        assert "（2026年第24期）" in told(files.read(f"{stem}.docx"))


def test_lists_come_as_document_and_rows(browser):
    answer = browser.get("/bulletins/weekly.docx?until=2026-11-23&lang=en")
    assert "Weekly List" in told(answer.data)
    assert openpyxl.load_workbook(io.BytesIO(browser.get("/bulletins/lookback.xlsx?until=2026-11-20").data))
    assert answer.headers["Content-Disposition"] == 'attachment; filename="weekly.docx"'


@pytest.mark.parametrize("query", ["until=soon", "period=moon", "until=2030-01-01"])
def test_a_period_that_cannot_be_is_refused(browser, query):
    assert browser.get(f"/bulletins/bulletin.docx?{query}").status_code == 400
