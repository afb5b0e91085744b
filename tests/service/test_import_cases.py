"""Importing as the doors call it: what is counted, remembered, asked, undone, and what a broken-off import leaves."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import openpyxl
import pytest
import shapely
from office import ANCHORS, furnish, is_written, write_anchors, write_compounds
from small_town import NOON

from geo.crs import from_wgs84
from geo.errors import LayerError, StoreError
from layers.resources import data_path
from layers.store import Store
from service.commands import main
from service.i18n import LANGS
from service.usecases import import_sources, imports

TOILETS = ["编号", "名称", "经度", "纬度"]
ONE = ["1", "甲公厕", "114.31", "30.51"]


def table(path: Path, *rows: list[object], encoding: str = "utf-8") -> Path:
    with path.open("w", newline="", encoding=encoding) as file:
        csv.writer(file).writerows(rows)
    return path


def take(store: Path, file: Path, kind: str = "toilets", **options: object) -> imports.ImportReport:
    return imports.run(store, file, imports.Options(kind, **options), now=NOON)


def held(store: Path, layer: str = "toilets") -> list[str]:
    with Store.open(store, create=False) as opened:
        return opened.read(layer)["id"].tolist()


@pytest.fixture
def store(tmp_path):
    return tmp_path / "s.db"


# -- what is counted -------------------------------------------------------------------------------


def test_accepted_and_fixed_and_refused_are_the_rows_of_the_file(tmp_path, store):
    rows = [
        ["某区公厕一览表", "", "", ""],
        TOILETS,
        ["1", "甲公厕", "114.31", "30.51"],
        ["２", "乙公厕", "114.32", "30.52"],  # a wide digit: fixed
        ["1", "丙公厕", "114.33", "30.53"],  # the id of row 3
        ["", "", "", ""],
        ["4", "丁公厕", "北纬", "30.54"],
        ["合计", "4", "", ""],
        ["5", "戊公厕", "114°21′", "30.55"],
    ]
    done = take(store, table(tmp_path / "x.csv", *rows))
    counts = done.batch.counts["toilets"]
    assert {name: counts[name] for name in ("read", "accepted", "fixed", "refused")} == {
        "read": 7, "accepted": 2, "fixed": 1, "refused": 4,
    }  # fmt: skip
    assert [(fault.row, fault.code) for fault in done.faults["toilets"]] == [
        ("5", "id_twice"), ("6", "row_empty"), ("7", "not_a_number"), ("8", "row_total"),
    ]  # fmt: skip
    assert done.faults["toilets"][0].facts == {"first": "3"}
    assert held(store) == ["1", "2", "5"]


def test_ids_are_compared_across_the_pieces_of_a_long_file(tmp_path, store, monkeypatch):
    rows = [[f"{n}", f"厕{n}", 114.3 + n / 1e5, 30.5] for n in range(10_400)]
    rows[10_300][0] = "7"
    done = take(store, table(tmp_path / "x.csv", TOILETS, *rows))
    (fault,) = done.faults["toilets"]
    assert (fault.row, fault.code, fault.facts) == ("10302", "id_twice", {"first": "9"})
    assert done.batch.counts["toilets"]["accepted"] == 10_399


def test_a_record_written_twice_is_refused_unless_it_is_to_be_kept(tmp_path, store):
    file = table(tmp_path / "x.csv", TOILETS, ONE, ["2", "甲公厕", "114.3100001", "30.51"])
    done = take(store, file)
    assert [(fault.row, fault.code) for fault in done.faults["toilets"]] == [("3", "record_twice")]
    assert held(store) == ["1"]
    other = tmp_path / "other.db"
    kept = take(other, file, keep_duplicates=True)
    assert (kept.total("accepted"), held(other)) == (2, ["1", "2"])
    assert "near_duplicates" in {note.code for note in kept.notes}


def test_a_record_written_twice_brings_back_what_it_had_replaced(tmp_path, store):
    take(store, table(tmp_path / "a.csv", TOILETS, ["2", "旧", "114.4", "30.5"]))
    take(store, table(tmp_path / "b.csv", TOILETS, ONE, ["2", "甲公厕", "114.31", "30.51"]), update=True)
    with Store.open(store, create=False) as opened:
        found = opened.read("toilets").sort_values("id")
        assert found["name"].tolist() == ["甲公厕", "旧"]
        assert [batch.counts["toilets"]["updated"] for batch in opened.batches()] == [0, 0]


def test_a_site_known_under_another_id_is_told(tmp_path, store):
    take(store, table(tmp_path / "a.csv", TOILETS, ONE))
    done = take(store, table(tmp_path / "b.csv", TOILETS, ["x", "甲公厕", "114.3102", "30.51"]))
    assert [note.facts["count"] for note in done.notes if note.code == "known_nearby"] == [1]


def test_the_refused_cells_come_back_as_they_stood_in_the_file(tmp_path, store):
    file = table(tmp_path / "x.csv", TOILETS, ONE, ["1", "乙", "114.32", "30.52"], ["3", "丙", "abc", "30.5"])
    take(store, file)
    out = tmp_path / "退回.xlsx"
    assert imports.refused_again(store, 1, out, "zh") == 2
    title, heads, *rows = openpyxl.load_workbook(out).active.iter_rows(values_only=True)
    assert "x.csv" in title[0]
    assert heads == ("原因", "原行号", *TOILETS)
    assert [row[1:] for row in sorted(rows, key=lambda row: row[1])] == [
        ("3", "1", "乙", "114.32", "30.52"), ("4", "3", "丙", "abc", "30.5"),
    ]  # fmt: skip
    assert all(row[0] for row in rows)


# -- what is remembered and asked ------------------------------------------------------------------


def test_a_mapping_is_remembered_for_tables_with_the_same_headings(tmp_path, store):
    strange = ["Nr", "叫什么", "横向", "纵向"]
    file = table(tmp_path / "a.csv", strange, ONE)
    with pytest.raises(LayerError) as caught:
        take(store, file)
    assert caught.value.code == "headings_unknown"
    said = {"id": "Nr", "name": "叫什么", "lon": "横向", "lat": "纵向"}
    assert take(store, file, columns=said).total("accepted") == 1
    again = take(
        store, table(tmp_path / "b.csv", ["叫什么", "NR", "横向", "纵向"], ["乙", "2", "114.4", "30.5"])
    )
    assert again.total("accepted") == 1
    assert "columns_chosen" in {note.code for note in again.notes}
    assert held(store) == ["1", "2"]


def test_two_sheets_that_could_be_meant_are_a_question(tmp_path, store):
    book = openpyxl.Workbook()
    for name, number in (("东区", "1"), ("西区", "2")):
        sheet = book.create_sheet(name)
        sheet.append(TOILETS)
        sheet.append([number, f"{name}公厕", 114.31, 30.51])
    book.save(tmp_path / "公厕.xlsx")
    with pytest.raises(LayerError, match="东区, 西区") as caught:
        take(store, tmp_path / "公厕.xlsx")
    assert caught.value.code == "part_needed"
    assert import_sources.parts_of(tmp_path / "公厕.xlsx") == ["Sheet", "东区", "西区"]
    assert take(store, tmp_path / "公厕.xlsx", part="西区").total("accepted") == 1
    assert held(store) == ["2"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [("固定点位.xlsx", "anchors"), ("背街小巷（东区）.zip", "back_alleys"), ("居民小区.geojson", "compounds"),
     ("Roads_2026.gpkg", "roads"), ("helsinki.osm.pbf", "osm"), ("公厕_GCJ02.csv", "toilets"),
     ("表1.xlsx", None), ("小区公厕.csv", None)],
)  # fmt: skip
def test_what_a_file_is_by_its_name(name, kind):
    assert import_sources.kind_of(name) == kind


def test_a_folder_is_taken_in_file_by_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "各单位报送"
    folder.mkdir()
    write_anchors(folder / "固定点位.xlsx")
    write_compounds(folder / "居民小区.geojson")
    table(folder / "公厕.csv", TOILETS, ONE, encoding="gb18030")
    table(folder / "公厕（坏）.csv", ["a", "b"], ["1", "2"])
    (folder / "说明.docx").write_bytes(b"PK")
    (folder / "~$固定点位.xlsx").write_bytes(b"x")
    assert main(["import", str(folder), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert [(one["source"], one.get("error", {}).get("code")) for one in told] == [
        ("公厕.csv", None), ("公厕（坏）.csv", "headings_unknown"), ("固定点位.xlsx", None), ("居民小区.geojson", None),
    ]  # fmt: skip
    assert set(told[1]["error"]) == {"code", "file", "row", "field", "value", "message", "hint"}
    assert len(held(tmp_path / "zhoubian.db", "anchors")) == len(ANCHORS)


def test_all_parts_of_a_file_are_taken_in_one_by_one(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, number in (("东区", "1"), ("西区", "2")):
        sheet = book.create_sheet(name)
        sheet.append(TOILETS)
        sheet.append([number, f"{name}公厕", 114.31, 30.51])
    book.save("公厕.xlsx")
    assert main(["import", "公厕.xlsx", "--part", "all"]) == 0
    capsys.readouterr()
    assert held(tmp_path / "zhoubian.db") == ["1", "2"]


# -- the datum -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def streets(tmp_path_factory):
    path = tmp_path_factory.mktemp("streets") / "s.db"
    take(path, data_path("sample", "道路.gpkg"), "roads")
    return path


def test_points_of_another_datum_are_told_and_never_moved(tmp_path, streets):
    with Store.open(streets, create=False) as opened:
        lines = opened.read("roads").geometry.to_numpy()[::7]
    ends = shapely.get_coordinates(shapely.line_interpolate_point(lines, 0.5, normalized=True))
    lon, lat = from_wgs84(ends[:, 0], ends[:, 1], "gcj02")
    rows = [[f"{n}", f"厕{n}", f"{x:.7f}", f"{y:.7f}"] for n, (x, y) in enumerate(zip(lon, lat, strict=True))]
    file = table(tmp_path / "x.csv", TOILETS, *rows)
    wrong = take(streets, file, dry_run=True)
    (differs,) = [note.facts for note in wrong.notes if note.code == "datum_differs"]
    assert differs == {"datum": "wgs84", "fits": "gcj02"}
    assert not wrong.stored
    right = take(streets, file, datum="gcj02", dry_run=True)
    assert "datum_differs" not in {note.code for note in right.notes}


# -- undo ------------------------------------------------------------------------------------------


def test_an_import_that_a_later_draw_rests_on_is_undone_only_when_that_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    furnish(tmp_path)
    assert main(["draw", "--seed", "1", "--name", "七月"]) == 0
    with pytest.raises(StoreError, match="七月") as caught:
        imports.undo(tmp_path / "zhoubian.db", 1, now=NOON)
    assert caught.value.code == "batch_needed"
    capsys.readouterr()
    assert main(["undo", "1"]) == 1
    assert "七月" in capsys.readouterr().err
    assert main(["undo", "1", "--anyway"]) == 0


def test_an_import_after_a_draw_is_undone_without_a_word(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    furnish(tmp_path)
    assert main(["draw", "--seed", "1", "--name", "七月"]) == 0
    table(tmp_path / "公厕.csv", TOILETS, ONE)
    assert main(["import", "公厕.csv"]) == 0
    assert main(["undo", "4"]) == 0


# -- broken off ------------------------------------------------------------------------------------

LONG = """
import sys
from pathlib import Path
from service.commands import main
raise SystemExit(main(["--store", sys.argv[1], "import", sys.argv[2], "--as", "toilets"]))
"""


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT], ids=["killed", "cancelled"])
@pytest.mark.skipif(sys.platform == "win32", reason="signals of this kind are not of Windows")
def test_an_import_broken_off_leaves_the_store_as_it_was_and_no_reader_behind(tmp_path, store, sign):
    take(store, table(tmp_path / "a.csv", TOILETS, ONE))
    rows = [[f"w{n}", f"厕{n}", 114.3 + n / 1e6, 30.5] for n in range(150_000)]
    file = table(tmp_path / "b.csv", TOILETS, *rows)
    environment = {**os.environ, "TMPDIR": str(tmp_path / "t")}
    (tmp_path / "t").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", LONG, str(store), str(file)], env=environment, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 30
    while not is_written(store):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(sign)
    process.communicate(timeout=30)
    assert process.returncode == (-9 if sign == signal.SIGKILL else 130)
    assert held(store) == ["1"]
    assert len(imports.history(store)) == 1
    while time.monotonic() < deadline:
        if not readers(tmp_path / "t"):
            break
        time.sleep(0.05)
    assert readers(tmp_path / "t") == []


def test_an_interruption_after_the_last_page_does_not_deny_the_import(tmp_path, store, monkeypatch):
    adding = Store.adding

    @contextmanager
    def too_late(*args, **options):
        with adding(*args, **options) as found:
            yield found
        raise KeyboardInterrupt

    monkeypatch.setattr(Store, "adding", too_late)
    done = take(store, table(tmp_path / "a.csv", TOILETS, ONE))
    assert (done.stored, held(store)) == (True, ["1"])


def readers(folder: Path) -> list[str]:
    """Processes whose own folder lies in this one."""
    found = []
    for one in Path("/proc").glob("[0-9]*"):
        try:
            if (one / "cwd").resolve().is_relative_to(folder):
                found.append(one.name)
        except OSError:
            continue
    return found


def test_a_failing_file_makes_no_store(tmp_path, store):
    with pytest.raises(LayerError):
        take(store, table(tmp_path / "x.csv", ["a", "b"], ["1", "2"]))
    with pytest.raises(imports.NothingAcceptedError):
        take(store, table(tmp_path / "y.csv", TOILETS, ["1", "甲", "x", "y"]))
    assert take(store, table(tmp_path / "z.csv", TOILETS, ONE), dry_run=True).total("accepted") == 1
    assert not store.exists()


@pytest.mark.parametrize("lang", LANGS)
def test_the_report_on_the_screen_says_fixed_and_what_need_not_be_mended(tmp_path, monkeypatch, capsys, lang):
    monkeypatch.chdir(tmp_path)
    table(
        tmp_path / "公厕.csv",
        TOILETS,
        ONE,
        ["", "", "", ""],
        ["合计", "1", "", ""],
        ["２", "乙", "114.4", "30.5"],
    )
    assert main(["--lang", lang, "import", "公厕.csv"]) == 0
    out = capsys.readouterr().out
    assert {"zh": "修正", "en": "fixed"}[lang] in out
    assert {"zh": "1 个空行、1 个合计行", "en": "1 empty rows and 1 totals"}[lang] in out
