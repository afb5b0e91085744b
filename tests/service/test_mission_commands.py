"""`zhoubian mission` and `zhoubian results`: an office from the list of sites to the issues, at the terminal."""

from __future__ import annotations

import json

import pytest
import route_town
from mission_town import NOW, START, at, copied, filled, made
from office import refused, run
from openpyxl import load_workbook

from layers.store import Store
from service import clock
from service.i18n import LANGS
from service.usecases import draws

ROW = ("B1", "back_alley-06")


@pytest.fixture(scope="module")
def templates(tmp_path_factory):
    folder = tmp_path_factory.mktemp("commands")
    town = folder / "镇.db"
    route_town.stored(town, roads=False)
    with Store.open(town, create=False) as store:
        draws.run(store, route_town.DESIGN, now=START, seed="a5" * 16, name="暗抽", sealed=True)
    return {"hamlet": made(folder), "town": town}


@pytest.fixture
def office(templates, tmp_path, monkeypatch):
    """A folder with the store of the hamlet, at six in the evening of the mission's day."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZHOUBIAN_STORE", str(copied(templates["hamlet"], tmp_path)))
    monkeypatch.setattr(clock, "now", lambda: NOW)
    return tmp_path


@pytest.fixture
def town(templates, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZHOUBIAN_STORE", str(copied(templates["town"], tmp_path)))
    return lambda moment: monkeypatch.setattr(clock, "now", lambda: moment)


@pytest.mark.parametrize("lang", LANGS)
def test_from_the_mission_to_the_issue_and_back(office, capsys, lang):
    code, out, err = run(capsys, "--lang", lang, "mission", "new", "第二轮", "--must", "M1，B1",
                         "--starts", "2026-05-06 08:00")  # fmt: skip
    assert code == 0, err
    assert "点位M1" in out
    assert ("必查" if lang == "zh" else "must") in out
    assert run(capsys, "--lang", "zh", "mission", "sheet", "第二轮", "--out", "结果.xlsx")[0] == 0
    filled(office / "结果.xlsx", {ROW: {"结果": "不符合", "检查时间": "2026-05-06 09:30"}})
    take = ("--lang", lang, "results", "take", "结果.xlsx", "--mission", "第二轮", "--by", "一组")
    code, out, err = run(capsys, *take, "--dry-run")
    assert (code, err) == (0, "")
    assert ("未录入" if lang == "zh" else "nothing was stored") in out
    code, out, _ = run(capsys, *take)
    assert code == 0
    assert ("新立 1 个" if lang == "zh" else "1 taken up") in out
    told = json.loads(run(capsys, *take, "--json")[1])
    assert (told["unchanged"], told["new"], told["taken_up"]) == (1, 0, [])
    shown = json.loads(run(capsys, "results", "show", "第二轮", "--json")[1])
    assert [(one["site"], one["item"], one["verdict"], one["cases"], one["who"]) for one in shown] == [
        (*ROW, "no", 1, "一组")
    ]
    code, out, _ = run(capsys, "--lang", lang, "mission", "list")
    assert code == 0
    assert "第二轮" in out
    [line] = [
        one for one in json.loads(run(capsys, "mission", "list", "--json")[1]) if one["name"] == "第二轮"
    ]
    assert (line["sites"], line["visited"], line["results"], line["failed"]) == (2, 1, 1, 1)


def test_a_single_result_can_be_set_and_corrected(office, capsys):
    said = ("results", "set", "第一轮", "B1", "back_alley-08")
    code, _, _ = run(capsys, *said, "不符合", "--cases", "2", "--note", "占道", "--at", "2026-05-06 10:00")
    assert code == 0
    by_name = [word if word != "B1" else "单元B1" for word in said]
    told = json.loads(run(capsys, *by_name, "no", "--cases", "3", "--note", "占道", "--json")[1])
    assert (told["changed"], told["corrected"]) == (1, ["第一轮/B1/back_alley-08"])
    told = json.loads(
        run(capsys, *said, "no", "--cases", "3", "--inside-lines", "--note", "占道", "--json")[1]
    )
    assert told["withdrawn"] == ["第一轮/B1/back_alley-08"]
    [one] = json.loads(run(capsys, "results", "show", "第一轮", "--site", "单元B1", "--json")[1])
    assert (one["cases"], one["inside_lines"], one["at"]) == (3, True, at(6, 10).isoformat())


@pytest.mark.parametrize("lang", LANGS)
def test_faults_come_as_one_table_one_sentence_and_exit_code_1(office, capsys, lang):
    run(capsys, "--lang", "zh", "mission", "sheet", "第一轮", "--out", "结果.xlsx")
    filled(office / "结果.xlsx", {ROW: {"结果": "差不多"}, ("M1", "market-01"): {"结果": "符合", "处数": 2}})
    code, out, err = run(
        capsys,
        "--lang",
        lang,
        "results",
        "take",
        "结果.xlsx",
        "--mission",
        "第一轮",
        "--refused",
        "有误.xlsx",
    )
    assert code == 1
    assert "差不多" in out
    assert ("处错误" if lang == "zh" else "faults") in out
    assert err.count("\n") == 1
    assert (office / "有误.xlsx").exists()
    assert json.loads(run(capsys, "results", "show", "第一轮", "--json")[1]) == []


def test_results_are_written_as_a_workbook_and_as_text(office, capsys):
    run(capsys, "results", "set", "第一轮", "B1", "back_alley-06", "no", "--note", "=1+1")
    assert run(capsys, "results", "show", "第一轮", "--out", "结果.xlsx")[0] == 0
    told = json.loads(run(capsys, "results", "take", "结果.xlsx", "--mission", "第一轮", "--json")[1])
    assert told["unchanged"] == 1
    assert run(capsys, "results", "show", "第一轮", "--site", "B1", "--out", "结果.csv")[0] == 0
    text = (office / "结果.csv").read_bytes()
    assert text.startswith(b"\xef\xbb\xbf")
    assert "'=1+1" in text.decode("utf-8-sig")
    told = json.loads(run(capsys, "results", "take", "结果.csv", "--mission", "第一轮", "--json")[1])
    assert told["unchanged"] == 1
    assert "xlsx" in refused(capsys, "results", "show", "第一轮", "--out", "结果.pdf")


def test_a_stop_is_skipped_with_a_reason(office, capsys):
    assert "--why" in refused(capsys, "mission", "status", "第一轮", "S1", "skipped")
    code, out, _ = run(
        capsys, "--lang", "zh", "mission", "status", "第一轮", "S1", "skipped", "--why", "放假"
    )
    assert code == 0
    assert "跳过" in out
    assert "放假" in run(capsys, "--lang", "zh", "mission", "show", "第一轮")[1]
    code, out, _ = run(capsys, "--lang", "zh", "mission", "new", "补", "--kind", "makeup", "--of", "第一轮")
    assert code == 0
    assert "单元B1" in out


def test_an_unannounced_mission_stays_sealed_until_its_start(town, capsys):
    town(at(6, 8))
    new = (
        "mission",
        "new",
        "暗访",
        "--kind",
        "unannounced",
        "--draw",
        "暗抽",
        "--starts",
        "2026-05-07 09:00",
    )
    code, out, _ = run(capsys, "--lang", "zh", *new)
    assert code == 0
    assert "封存至 2026-05-07 09:00" in out
    for command in (
        ("mission", "show", "暗访", "--by", "某街道"), ("mission", "sheet", "暗访", "--out", "x.xlsx"),
        ("mission", "start", "暗访", "--second", "开奖"), ("unseal", "暗抽", "--second", "开奖"),
        ("results", "show", "暗访"),
    ):  # fmt: skip
        assert "2026-05-07 09:00" in refused(capsys, *command, lang="zh")
    assert "封存" in run(capsys, "--lang", "zh", "mission", "list")[1]
    town(at(7, 9))
    begun = json.loads(run(capsys, "mission", "start", "暗访", "--second", "开奖", "--json")[1])
    assert len(begun["record"]["sites"]) >= 8
    assert (
        run(capsys, "--lang", "zh", "mission", "sheet", "暗访", "--out", "暗访.xlsx", "--by", "二组")[0] == 0
    )
    code, out, _ = run(capsys, "--lang", "zh", "mission", "access", "暗访")
    assert code == 0
    assert out.count("已拒绝") == 4
    assert "某街道" in out
    assert "二组" in out


def test_every_page_of_an_unannounced_list_says_who_wrote_it_and_when(town, capsys, tmp_path):
    town(at(7, 9))
    run(capsys, "mission", "new", "暗访", "--kind", "unannounced", "--draw", "暗抽")
    run(capsys, "mission", "start", "暗访", "--second", "开奖")
    run(capsys, "--lang", "zh", "mission", "sheet", "暗访", "--out", "暗访.xlsx", "--by", "二组")
    page = load_workbook(tmp_path / "暗访.xlsx").worksheets[0]
    mark = "暗访名单，不得外传 · 二组 于 2026-05-07 09:00 导出"
    assert page.oddHeader.center.text == mark
    assert mark in [cell.value for cell in page["A"][:4]]
    run(capsys, "results", "set", "暗访", "a0", "market-01", "no")
    run(capsys, "--lang", "zh", "results", "show", "暗访", "--out", "暗访.csv", "--by", "二组")
    assert mark in (tmp_path / "暗访.csv").read_text(encoding="utf-8-sig")


def test_words_that_are_no_result_are_refused_before_anything_else(office, capsys):
    assert "差不多" in refused(capsys, "results", "set", "第一轮", "B1", "back_alley-06", "差不多", lang="zh")
    assert "B2" in refused(capsys, "results", "set", "第一轮", "B2", "back_alley-06", "no", lang="zh")
    assert "2026-05-06 16:30" in refused(
        capsys, "results", "set", "第一轮", "B1", "back_alley-06", "no", "--at", "昨天"
    )
