"""`zhoubian score` and `cycle` at the command line: what they print, write and refuse, in both languages."""

from __future__ import annotations

import copy
import json
import shutil

import pytest
from hamlet import NOON, stored
from office import refused, run
from openpyxl import load_workbook
from score_town import hold, keep_rules, rules, town

from layers.rule_tables import shipped
from layers.store import Store
from service import score_words
from service.i18n import LANGS, text, texts
from service.usecases.score_tables import BY


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """The town for tests that only look."""
    return town(tmp_path_factory.mktemp("town") / "store.db")


@pytest.fixture
def store(shown, tmp_path):
    """A town of its own for a test that changes it."""
    return shutil.copy(shown, tmp_path / "store.db")


@pytest.fixture(scope="module")
def hamlet(tmp_path_factory):
    return stored(tmp_path_factory.mktemp("hamlet") / "hamlet.db")


def told(capsys, store, *arguments, lang="en"):
    code, out, err = run(capsys, "--store", store, "--lang", lang, *arguments)
    assert code == 0, err
    return out


# -- tables


def test_a_table_stands_with_its_base_as_published_reports_have_it(capsys, shown):
    out = told(capsys, shown, "score", "table", "--mission", "一轮", lang="zh")
    assert "测评点位 3 个、内容 5 项、观测 7 次，得分率 53.1%；另有 1 个点位没有可评项目" in out
    assert "规则版本：试行-1" in out
    assert [line.split() for line in out.splitlines() if "农贸市场" in line] == [
        ["1", "农贸市场", "62.3", "2", "3", "5"]
    ]


@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize("lang", LANGS)
def test_every_grouping_has_a_table_in_both_languages(capsys, shown, by, lang):
    out = told(capsys, shown, "score", "table", "--by", by, "--mission", "二轮，一轮", lang=lang)
    assert text(f"score.by.{by}", lang) in out
    assert f"{text('score.missions', lang)}{'：' if lang == 'zh' else ': '}一轮" in out


def test_a_table_as_json_tells_numbers_and_their_base(capsys, shown):
    held = json.loads(told(capsys, shown, "score", "table", "--mission", "一轮", "--json"))
    assert (held["missions"], held["rules"], held["rate"], held["percent"]) == (
        ["一轮"],
        ["试行-1"],
        0.530625,
        "53.1",
    )
    assert (held["sites"], held["without"], held["items"], held["observations"]) == (3, 1, 5, 7)
    rows = {row["group"]: row for row in held["rows"]}
    assert (rows["market"]["rate"], rows["market"]["rank"], rows["back_alley"]["rate"]) == (0.6225, 1, None)


def test_a_table_as_a_workbook_has_numbers_and_no_formula(capsys, shown, tmp_path):
    file = tmp_path / "得分.xlsx"
    told(capsys, shown, "score", "table", "--by", "site", "--mission", "二轮", "--out", file, lang="zh")
    book = load_workbook(file)
    head, *rows = [[cell.value for cell in row] for row in book["得分"]]
    assert head[:4] == ["编号", "名称", "名次", "得分率 %"]
    assert ["M3", "=第三菜市场", 4, 33] in [row[:4] for row in rows]
    assert all(cell.data_type != "f" for row in book["得分"] for cell in row)
    beside = {row[0].value: row[1].value for row in book["说明"]}
    assert beside["基数"] == "测评点位 4 个、内容 6 项、观测 7 次，得分率 91.6%"


def test_a_table_as_csv_carries_its_base_in_every_row(capsys, shown, tmp_path):
    file = tmp_path / "scores.csv"
    told(capsys, shown, "score", "compare", "一轮", "二轮", "--out", file)
    lines = file.read_text("utf-8-sig").splitlines()
    assert len(lines) == 4
    assert all("earlier round" in line for line in lines[1:])


def test_a_site_tells_each_item_with_grade_and_points(capsys, shown):
    out = told(capsys, shown, "score", "site", "M1", "--mission", "一轮", lang="zh")
    assert "得 1.66 分，满分 4 分，得分率 41.5%（观测 3 次）" in out
    rows = [line.split() for line in out.splitlines() if "market-" in line]
    assert [(row[0], row[-1]) for row in rows] == [
        ("market-01", "1.00"),
        ("market-02", "0.66"),
        ("market-03", "0.00"),
    ]
    (visit,) = json.loads(told(capsys, shown, "score", "site", "S1", "--mission", "二轮", "--json"))
    second = visit["items"][1]
    assert (second["inside_lines"], second["cases"], second["grade"], second["points"]) == (True, 4, "A", 1.0)
    assert "no applicable item" in told(capsys, shown, "score", "site", "A1", "--mission", "一轮")


def test_a_comparison_says_both_all_sites_and_shared_ones(capsys, shown):
    out = told(capsys, shown, "score", "compare", "一轮", "二轮", lang="zh")
    row = next(line.split() for line in out.splitlines() if "农贸市场" in line)
    assert row == ["农贸市场", "62.3", "58.0", "-4.3", "1", "41.5", "83.0", "+41.5"]
    row = next(line.split() for line in out.splitlines() if "合计" in line)
    # 91.6 - 53.0625 = 38.5375; 95.75 - 47.875 = 47.875
    assert row == ["合计", "53.1", "91.6", "+38.5", "2", "47.9", "95.8", "+47.9"]
    by_site = told(capsys, shown, "score", "compare", "一轮", "二轮", "--by", "site", lang="zh")
    assert next(line for line in by_site.splitlines() if "第二菜市场" in line).split()[-1] == "本轮没有"
    assert next(line for line in by_site.splitlines() if "第三菜市场" in line).split()[-1] == "新增"


def test_different_rules_are_said_beside_a_comparison(capsys, store):
    book = rules()
    book["rules"]["version"] = "试行-2"
    with Store.open(store, create=False) as held:
        keep_rules(held, book)
        with held.writing() as connection:
            connection.exec_driver_sql("UPDATE missions SET rules = '试行-2' WHERE name = '二轮'")
    assert "different versions" in told(capsys, store, "score", "compare", "一轮", "二轮")
    assert (
        json.loads(told(capsys, store, "score", "compare", "一轮", "二轮", "--json"))["rules_differ"] is True
    )


def test_rounds_without_a_shared_site_are_said_to_be_so(capsys, store):
    with Store.open(store, create=False) as held:
        hold(held, "三轮", NOON, (("M2", "market-01", "yes", 0, False),))
    assert "两轮没有共同的点位" in told(capsys, store, "score", "compare", "二轮", "三轮", lang="zh")
    assert "两轮没有共同的点位" not in told(capsys, store, "score", "compare", "一轮", "二轮", lang="zh")


@pytest.mark.parametrize(
    "arguments",
    [
        ("table", "--mission", "九轮"),
        ("table", "--by", "person"),
        ("table", "--out", "x.pdf"),
        ("site", "X9", "--mission", "一轮"),
        ("compare", "一轮", "一轮"),
        ("compare", "一轮", "二轮", "--by", "mission"),
        ("annual", "--set", "25", "desk", "80"),
        ("annual", "--set", "2025", "desk", "180"),
        ("annual", "--set", "2025", "desk", "viel"),
        ("annual", "--set", "2025", "人员", "80"),
        ("annual", "--cycle-from", "0"),
        ("negative", "--remove", "7"),
        ("negative", "--add", " "),
    ],
)
@pytest.mark.parametrize("lang", LANGS)
def test_what_cannot_be_done_is_refused_in_one_sentence(capsys, shown, arguments, lang):
    words = refused(capsys, "--store", shown, "score", *arguments, lang=lang)
    assert words.isascii() is False or lang == "en"


# -- gains


def test_the_gains_stand_with_their_settings_and_are_no_forecast(capsys, hamlet):
    out = told(capsys, hamlet, "score", "gains", "--radius", "500", "--fixes", "2", lang="zh")
    assert "不是对真实测评的预测" in out
    assert "500" in out
    rows = [line.split() for line in out.splitlines() if line.split()[1:2] in (["I3"], ["I1"])]
    # 0.34 * 100 / 2 / 14 and 0.66 * 100 / 4 / 14
    assert [(row[0], row[1], row[-2], row[-1]) for row in rows] == [
        ("1", "I3", "1.214", "1.214"), ("2", "I1", "1.179", "2.393"),
    ]  # fmt: skip
    assert "合计挽回 2.393 分" in out


def test_a_list_that_gains_nothing_more_is_shorter_and_says_so(capsys, hamlet):
    out = told(capsys, hamlet, "score", "gains", "--radius", "500", "--fixes", "30")
    assert "30 were asked for, the list has 5" in out


def test_gains_as_json_and_as_a_file(capsys, hamlet, tmp_path):
    file = tmp_path / "gains.csv"
    arguments = ("score", "gains", "--radius", "500", "--json", "--out", file)
    held = json.loads(told(capsys, hamlet, *arguments))
    assert held["settings"]["radius"] == {"law": "fixed", "radii_m": [500.0]}
    assert {row["id"] for row in held["rows"]} == {"I1", "I2", "I3", "I7", "I9"}
    assert (held["fixes"], held["gain"], held["without_item"]) == (None, None, 1)
    assert len(file.read_text("utf-8-sig").splitlines()) == 6
    refused(capsys, "--store", hamlet, "score", "gains", "--fixes", "0")
    refused(capsys, "--store", hamlet, "score", "gains", "--fixes", "100000", lang="zh")


# -- years


def test_years_are_typed_in_and_the_cycle_is_told(capsys, store):
    told(capsys, store, "score", "annual", "--set", "2024年", "全年", "80", lang="zh")
    for part, score in (("网上申报", "90"), ("field", "80"), ("survey", "80")):
        out = told(
            capsys,
            store,
            "score",
            "annual",
            "--set",
            "2025",
            part,
            score,
            "--note",
            "文明办〔2026〕1号",
            lang="zh",
        )
    assert "84.00" in out
    assert "90.00 (40 %)" in out
    out = told(capsys, store, "score", "annual", "--cycle-from", "2024", "--target", "88")
    assert "91.67" in out
    out = told(capsys, store, "score", "annual", "--cycle-from", "2024", "--target", "99")
    assert "not reachable" in out
    held = json.loads(told(capsys, store, "score", "annual", "--cycle-from", "2024", "--json"))
    assert [(year["year"], year["score"]) for year in held["years"]] == [(2024, 80.0), (2025, 84.0)]
    assert (held["cycle"]["target"], held["cycle"]["reachable"]) == (90.0, True)


def test_an_unfinished_year_tells_its_range_and_a_typed_whole_that_differs_is_said(capsys, store):
    assert "no score of a year" in told(capsys, store, "score", "annual")
    out = told(capsys, store, "score", "annual", "--set", "2025", "desk", "90")
    assert "36.00 to 96.00" in out
    told(capsys, store, "score", "annual", "--set", "2025", "field", "80")
    told(capsys, store, "score", "annual", "--set", "2025", "survey", "75")
    out = told(capsys, store, "score", "annual", "--set", "2025", "year", "84.5")
    assert "typed as 84.50, its parts come to 83.00" in out


def test_the_negative_list_stands_beside_a_year(capsys, store):
    told(capsys, store, "score", "annual", "--set", "2025", "year", "84")
    told(capsys, store, "score", "negative", "--add", "发生较大安全事故", "--year", "2025", lang="zh")
    out = told(capsys, store, "score", "annual", lang="zh")
    assert "发生较大安全事故" in out
    assert "84.00" in out
    assert "不从成绩中扣分" in out
    told(capsys, store, "score", "negative", "--remove", "1")
    assert json.loads(told(capsys, store, "score", "negative", "--json")) == []
    assert len(json.loads(told(capsys, store, "score", "negative", "--all", "--json"))) == 1


def test_the_cycle_weighs_by_the_rules_of_the_store(capsys, tmp_path):
    book = copy.deepcopy(dict(shipped()))
    book["rules"]["version"] = "平均"
    book["scoring"]["cycle"] = {"weights": [1, 1, 2], "target": 85}
    with Store.open(tmp_path / "own.db", create=True) as held:
        keep_rules(held, book)
    assert "85.00" in told(capsys, tmp_path / "own.db", "cycle", "80,80,90")  # (80 + 80 + 180) / 4
    assert "86.00" in told(capsys, tmp_path / "none.db", "cycle", "80,80,90")  # 12 + 20 + 54


# -- words


@pytest.mark.parametrize(
    "names", [score_words.TABLE, score_words.ITEMS, score_words.CHANGES, ("group", "beside", "what", "told")]
)
def test_every_heading_has_a_text(names):
    assert [name for name in names if f"score.head.{name}" not in texts()] == []


def test_every_word_of_a_score_has_a_text():
    families = {
        "score.by": BY, "score.state": ("both", "new", "gone"), "score.verdict": ("yes", "no", "na", "unseen"),
        "score.part": score_words.PARTS,
    }  # fmt: skip
    assert [
        f"{name}.{word}"
        for name, words in families.items()
        for word in words
        if f"{name}.{word}" not in texts()
    ] == []
