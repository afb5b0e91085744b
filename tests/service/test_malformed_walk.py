"""Every malformed and hostile file there is: an answer in time, no row lost, nothing stored of what
is refused, nothing read but the file, nobody asked.

The answers are those of the MANIFEST of the files; where this program judges otherwise, `JUDGED`
says so and why.
"""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import socket
import sqlite3
import tempfile
import threading
import time
import zipfile
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import shapely

from geo.errors import LayerError, ZhoubianError
from layers.batches import NewBatch
from layers.schema import LAYERS
from layers.store import Store
from layers.tables import told_rows
from layers.worker import TASKS, Worker
from service.i18n import LANGS, error_text, fault_text, text
from service.usecases import imports

pytestmark = pytest.mark.testdata

NOW = datetime(2026, 5, 6, 8, tzinfo=UTC)
PORT = 18765
LONGEST_S = 30.0
KINDS = {"points": "anchors", "zones": "compounds", "network": "osm"}
OPTIONS = {"anchors": {"given_class": "school"}}
DATED = ("csv/dates.csv", "xlsx/date_as_number.xlsx")
"""Files that are about dates, and so are read as issues: no other layer has any."""

REASONS = {
    "csv/empty.csv": "file_empty",
    "csv/header_only.csv": "no_rows",
    "csv/no_header.csv": "headings_unknown",
    "csv/only_bom.csv": "file_empty",
    "csv/swapped_axes.csv": "swapped",
    "geojson/deep_gc.geojson": "geometry_broken",
    "geojson/gzip_named.geojson": "file_disguised",
    "geojson/scribble.geojson": "polygon_tangled",
    "geojson/swapped.geojson": "swapped",
    "geojson/truncated.geojson": "file_disguised",
    "geojson/vrt_http.geojson": "file_disguised",
    "geojson/vrt_sql.geojson": "file_disguised",
    "geojson/wrong_root.geojson": "file_disguised",
    "gpkg/cut.gpkg": "file_damaged",
    "gpkg/ext_function_view.gpkg": "file_damaged",
    "gpkg/header_only.gpkg": "file_damaged",
    "gpkg/no_layers.gpkg": "file_no_layer",
    "gpkg/unknown_srs.gpkg": "datum_unusable",
    "kml/billion_laughs.kml": "xml_entities",
    "kml/latlon_swapped.kml": "swapped",
    "kml/not_closed.kml": "file_damaged",
    "kml/quadratic.kml": "xml_entities",
    "kml/xxe_file.kml": "xml_entities",
    "kmz/bomb.kmz": "file_large",
    "kmz/no_kml.kmz": "kmz_empty",
    "osm/noise.osm.pbf": "osm_unreadable",
    "shpzip/bad_prj.zip": "datum_unusable",
    "shpzip/bomb.zip": "file_large",
    "shpzip/cut.zip": "file_disguised",
    "shpzip/many_entries.zip": "zip_entries",
    "shpzip/nested.zip": "zip_nested",
    "shpzip/no_dbf.zip": "zip_parts",
    "shpzip/only_dbf.zip": "zip_parts",
    "shpzip/symlink.zip": "zip_link",
    "shpzip/two_layers.zip": "part_needed",
    "shpzip/vrt_in_zip.zip": "zip_empty",
    "xlsx/billion_laughs.xlsx": "file_damaged",
    "xlsx/bomb_sheet.xlsx": "file_bomb",
    "xlsx/csv_renamed.xlsx": "file_disguised",
    "xlsx/cut.xlsx": "file_disguised",
    "xlsx/header_only.xlsx": "no_rows",
    "xlsx/no_sheet.xlsx": "file_disguised",
}
"""Why each file that the MANIFEST rejects is refused: for its own fault, not by accident."""

JUDGED = {
    "csv/coord_fullwidth.csv": (
        "names row 2 as bad, and allows either: full-width digits are the normal state of an office's"
        " table, so 30.6 is read and the row is counted as taken"
    ),
    "csv/short_long_rows.csv": (
        "good=2 is the number of good rows here (rows 1 and 4), for row 2 is among the bad ones"
    ),
}
"""Where the answer differs from the letter of the MANIFEST, and why."""


@dataclass
class Answer:
    """What an import of one file said and did."""

    error: ZhoubianError | None = None
    defect: BaseException | None = None
    report: imports.ImportReport | None = None
    seconds: float = 0.0
    changed: bool = False
    told: str = ""
    names: list[str | None] = field(default_factory=list)
    nowhere: int = 0

    @property
    def taken(self) -> bool:
        return self.error is None and self.defect is None

    @property
    def refused_rows(self) -> list[int]:
        assert self.report is not None
        return sorted(int(fault.row) for faults in self.report.faults.values() for fault in faults)


@contextmanager
def listener():
    """What asks the address that hostile files name; empty as long as nobody does."""
    asked: list[str] = []
    with socket.create_server(("127.0.0.1", PORT)) as server:
        server.settimeout(0.1)
        ended = threading.Event()

        def listen():
            while not ended.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                with connection:
                    asked.append(repr(connection.recv(200)))

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield asked
        finally:
            ended.set()
            thread.join()


def manifest(made: Path) -> dict[str, dict[str, str]]:
    """The rows of the MANIFEST about files that are imported."""
    with (made / "MANIFEST.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return {row["path"]: row for row in rows if row["kind"] in KINDS}


def checks(row: dict[str, str]) -> dict[str, str]:
    return dict(part.partition("=")[::2] for part in row["check"].split(";") if part)


def numbers(told: str) -> list[int]:
    """``1,3`` or ``1-4``."""
    found: list[int] = []
    for part in told.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def digest(store: Path) -> str:
    return hashlib.sha256(store.read_bytes()).hexdigest()


def import_one(file: Path, kind: str, store: Path) -> Answer:
    """Import a file into a store that holds something already, and keep all that is said."""
    answer = Answer()
    options = imports.Options(kind, **OPTIONS.get(kind, {}))
    if kind == "issues":
        options = imports.Options(kind, columns={"category": "dept", "found_at": "date"})
    workbook = store.with_suffix(".xlsx")
    before = digest(store)
    started = time.monotonic()

    def refused(report, rows):
        imports.refused_workbook(workbook, report.batch, rows, "zh")

    try:
        answer.report = imports.run(store, file, options, now=NOW, refused=refused)
    except ZhoubianError as error:
        answer.error = error
        answer.report = getattr(error, "report", None)
    except BaseException as defect:  # noqa: BLE001 - told by the test, with the others
        answer.defect = defect
    answer.seconds = time.monotonic() - started
    answer.changed = digest(store) != before
    answer.told = everything_told(answer, workbook)
    if answer.report is not None and answer.taken:
        answer.names, answer.nowhere = stored(store)
    return answer


def everything_told(answer: Answer, workbook: Path) -> str:
    """All texts and JSON of an answer, in both languages, and the workbook of refused rows."""
    told: list[str] = []
    if answer.error is not None:
        told += [error_text(answer.error, lang) for lang in LANGS]
        told.append(json.dumps(imports.error_json(answer.error), ensure_ascii=False))
    if answer.report is not None:
        told.append(json.dumps(imports.as_json(answer.report), ensure_ascii=False))
        for lang in LANGS:
            told += [fault_text(fault, lang) for of in answer.report.faults.values() for fault in of]
            told += [text(f"note.{note.code}", lang, **note.facts) for note in answer.report.notes]
    if workbook.exists():
        with zipfile.ZipFile(workbook) as archive:
            told += [archive.read(name).decode() for name in archive.namelist()]
    return "\n".join(told)


def stored(store: Path) -> tuple[list[str | None], int]:
    """Names of the imported rows in their order, and how many rows of the store have no place."""
    names: list[str | None] = []
    nowhere = 0
    with Store.open(store, create=False) as held:
        for layer in LAYERS:
            rows = held.read(layer)
            nowhere += int((rows.geometry.isna() | rows.geometry.is_empty).sum())
            if layer == "anchors":
                names += [name if isinstance(name, str) else None for name in rows["name"]]
    return names, nowhere


@pytest.fixture(scope="module")
def made(test_data) -> Path:
    return test_data / "malformed" / "made"


@pytest.fixture(scope="module")
def cases(made):
    return manifest(made)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Where all of the walk happens, temporary folders of the workers too."""
    place = tmp_path_factory.mktemp("walk")
    (place / "temporary").mkdir()
    known, tempfile.tempdir = tempfile.tempdir, str(place / "temporary")
    yield place
    tempfile.tempdir = known


@pytest.fixture(scope="module")
def begun(place, made):
    """A store that holds an import already."""
    store = place / "begun.db"
    toilets = place / "公厕.csv"
    toilets.write_text("编号,名称,经度,纬度\nT1,广场公厕,115.04,30.2\n", encoding="utf-8")
    imports.run(store, toilets, imports.Options("toilets"), now=NOW)
    return store


@pytest.fixture(scope="module")
def walk(made, cases, place, begun):
    """Every file imported into a store of its own, two at a time; the answers, and who was asked."""

    def one(numbered):
        number, (path, row) = numbered
        store = place / f"{number}.db"
        shutil.copy(begun, store)
        kind = "issues" if path in DATED else KINDS[row["kind"]]
        return path, import_one(made / path, kind, store)

    with listener() as asked, ThreadPoolExecutor(2) as threads:
        answers = dict(threads.map(one, enumerate(cases.items())))
    return answers, asked


@pytest.fixture(scope="module")
def answers(walk):
    return walk[0]


# -- files made for this ---------------------------------------------------------------------------


def test_the_walk_leaves_no_file_out(cases, made):
    on_disk = {file.relative_to(made).as_posix() for file in made.rglob("*") if file.is_file()}
    others = {"MANIFEST.tsv", "filenames.json", "json_values.jsonl"}
    photos = {path for path in on_disk if path.startswith("photo/")}
    assert on_disk - others - photos == set(cases)


def test_no_file_brings_the_program_to_a_defect(answers):
    assert {path: repr(answer.defect) for path, answer in answers.items() if answer.defect} == {}


def test_every_answer_comes_in_time(answers):
    assert {path: answer.seconds for path, answer in answers.items() if answer.seconds > LONGEST_S} == {}


def test_every_file_is_taken_or_refused_as_the_manifest_says(answers, cases):
    wanted = {"accept": (True,), "partial": (True,), "reject": (False,), "accept_or_reject": (True, False)}
    wrong = {
        path: (cases[path]["expect"], answer.told[:300])
        for path, answer in answers.items()
        if answer.taken not in wanted[cases[path]["expect"]]
    }
    assert wrong == {}


def test_what_is_to_be_refused_is_refused_for_its_own_fault(answers, cases):
    found = {}
    for path, answer in answers.items():
        if cases[path]["expect"] == "reject" and answer.error is not None:
            report = answer.report
            codes = {fault.code for faults in report.faults.values() for fault in faults} if report else set()
            found[path] = codes.pop() if len(codes) == 1 else answer.error.code
    assert found == REASONS


def test_accepted_and_fixed_and_refused_are_the_rows(answers, cases):
    wrong = {}
    for path, answer in answers.items():
        if answer.report is None:
            continue
        total = answer.report.total
        if total("accepted") + total("fixed") + total("refused") != total("read"):
            wrong[path] = answer.report.batch.counts
        stated = checks(cases[path]).get("rows")
        if (
            stated is not None
            and (total("read"), len(answer.names)) != (int(stated),) * 2
            and path not in DATED
        ):
            wrong[path] = answer.report.batch.counts
    assert wrong == {}


def test_exactly_the_bad_rows_are_refused(answers, cases):
    wrong = {}
    for path, answer in answers.items():
        stated = checks(cases[path])
        if "bad" not in stated or answer.report is None or path == "csv/coord_fullwidth.csv":
            continue
        heading = 1 if path.startswith(("csv/", "xlsx/")) else 0
        refused = [row - heading for row in answer.refused_rows]
        if refused != numbers(stated["bad"]):
            wrong[path] = refused
        if "good" in stated:
            good = numbers(stated["good"])
            count = good[0] if path == "csv/short_long_rows.csv" else len(good)
            if answer.report.total("accepted") + answer.report.total("fixed") != count:
                wrong[path] = answer.report.batch.counts
    assert wrong == {}


def test_file_with_a_bad_line_that_is_refused_whole_names_the_line(answers, cases):
    told = {
        path: answers[path].error.facts["line"] for path in ("csv/latin1_garbage.csv", "csv/long_line.csv")
    }
    assert told == {path: int(checks(cases[path])["bad"]) + 1 for path in told}


def test_full_width_digits_are_read(answers, cases):
    answer = answers["csv/coord_fullwidth.csv"]
    assert (answer.taken, answer.report.total("read"), answer.report.total("refused")) == (True, 3, 0)


def test_every_judgement_is_about_a_file_of_the_manifest(cases):
    assert set(JUDGED) <= set(cases)


def test_impossible_dates_are_named_by_row_and_none_is_guessed(answers):
    assert answers["csv/dates.csv"].refused_rows == [2, 4]
    assert answers["xlsx/date_as_number.xlsx"].refused_rows == [4]


def test_text_is_stored_as_it_stands_in_the_file(answers, made):
    """Markup, templates and formulas are text: the names are those that Python's csv reads."""
    for path in (
        "csv/markup_and_template.csv",
        "csv/formula_injection.csv",
        "csv/gb18030.csv",
        "csv/bom.csv",
    ):
        raw = (made / path).read_bytes()
        known = raw.decode("gb18030" if "gb18030" in path else "utf-8-sig")
        names = [row["name"] for row in csv.DictReader(known.splitlines())]
        assert answers[path].names == names
    assert answers["shpzip/gbk_no_cpg.zip"].names[0] == "点甲"


def test_bow_tie_keeps_both_triangles(answers, place, cases):
    """Each half is a triangle of 0.02 by 0.01 degrees over two: by hand 2 x 0.0001."""
    number = list(cases).index("geojson/bowtie.geojson")
    with Store.open(place / f"{number}.db", create=False) as store:
        (area,) = shapely.area(store.read("compounds").geometry.to_numpy())
    assert area == pytest.approx(0.0002, rel=1e-9)


def test_which_of_two_tables_was_read_is_told(answers):
    told = {note.code: note.facts for note in answers["kmz/two_docs.kmz"].report.notes}
    assert told["other_layers"] == {"read": "doc.kml", "others": "other.kml"}
    told = {note.code: note.facts for note in answers["xlsx/first_sheet_empty.xlsx"].report.notes}
    assert told["other_sheets"]["others"] == "空表"


def test_links_that_are_not_followed_are_told(answers):
    assert "127.0.0.1" not in answers["kml/icon_href.kml"].told
    answer = answers["kml/networklink.kml"]
    told = [note.code for note in answer.report.notes] if answer.report else [answer.error.code]
    assert set(told) & {"links_ignored", "kml_empty"}


def test_refused_file_leaves_the_store_byte_for_byte(answers):
    assert [path for path, answer in answers.items() if answer.changed and not answer.taken] == []


def test_nothing_without_a_place_is_stored(answers):
    assert {path: answer.nowhere for path, answer in answers.items() if answer.nowhere} == {}


def test_no_canary_is_seen_anywhere(answers, cases, place):
    for path, row in cases.items():
        canary = checks(row).get("canary")
        if canary is not None:
            assert canary not in answers[path].told, path
    for file in place.rglob("*.db"):
        assert b"root:x:0" not in file.read_bytes(), file


def test_nobody_is_asked(walk):
    assert walk[1] == []


def test_no_answer_shows_a_path_or_a_traceback(answers, place, made):
    for path, answer in answers.items():
        for sign in (str(place), str(made), "Traceback", "/vsi", "zhoubian-worker"):
            assert sign not in answer.told, path


def test_nothing_is_left_behind(answers, place, made):
    assert list((place / "temporary").iterdir()) == []
    for folder in (place, made, Path.cwd()):
        assert list(folder.rglob("zb_*")) == []
    for folder in (place.parent, place.parent.parent, Path(place.anchor), Path.home()):
        assert list(folder.glob("zb_*")) == []


def test_hostile_names_of_files_are_never_used_as_paths(made, place, begun):
    """A web page sends any name; the copy has one of ours, and the name as given is only shown."""
    for name in json.loads((made / "filenames.json").read_text(encoding="utf-8")):
        with Worker() as worker:
            taken, _, _ = worker.take_in(made / "csv/utf8_ok.csv", name)
            assert taken.parent == worker.folder
            assert taken.name in ("input.csv", "input.other")
            arguments = {"file": taken.name, "kind": "anchors", "class": "school"}
            if taken.name == "input.csv":
                (*_, end) = worker.run("take", arguments)
                assert end["end"]["read"] == 5
            else:
                with pytest.raises(LayerError) as refusal:
                    list(worker.run("take", arguments))
                assert refusal.value.code == "file_ending"
    assert list((place / "temporary").iterdir()) == []


# -- parts of public test suites -------------------------------------------------------------------

TASKS_OF_WALK = {**TASKS, "take_all": "walk_tasks:take_all"}
AS_KINDS = ("anchors", "back_alleys", "compounds")
BESIDE = (".shx", ".dbf", ".prj", ".cpg")


@dataclass
class Fetched:
    """What became of one file taken as one kind."""

    pieces: list[dict] = field(default_factory=list)
    end: dict | None = None
    refused: str | None = None
    seconds: float = 0.0


@pytest.fixture(scope="module")
def fetched(test_data, place):
    """All files, in two workers, each of which takes its half one after the other."""
    source = test_data / "malformed" / "fetched"
    files = sorted(file for file in source.rglob("*") if file.is_file())

    def half(mine):
        answers: dict[tuple[str, str], Fetched] = {}
        with Worker(tasks=TASKS_OF_WALK) as worker:
            jobs = []
            for number, file in enumerate(mine):
                folder = worker.folder / str(number)
                folder.mkdir()
                for one in {file, *(file.with_suffix(ending) for ending in BESIDE)}:
                    if one == file or (file.suffix == ".shp" and one.exists()):
                        shutil.copy(one, folder / one.name)
                kinds = ("osm",) if file.suffix in (".osm", ".pbf") else AS_KINDS
                jobs.append([f"{number}/{file.name}", kinds])
            current, began = Fetched(), time.monotonic()
            for message in worker.run("take_all", {"files": jobs}):
                if "began" in message:
                    name, kind = message["began"]
                    path = mine[int(name.partition("/")[0])].relative_to(source).as_posix()
                    current, began = answers.setdefault((path, kind), Fetched()), time.monotonic()
                elif "piece" in message:
                    current.pieces.append(message["piece"])
                elif "refused" in message:
                    current.refused = message["refused"]
                elif "end" in message and message["end"] is not None:
                    current.end = message["end"]
                current.seconds = time.monotonic() - began
        return answers

    with listener() as asked, ThreadPoolExecutor(2) as threads:
        found = {}
        for answers in threads.map(half, (files[::2], files[1::2])):
            found |= answers
    return found, asked, len(files)


def test_every_fetched_file_is_answered(fetched, test_data):
    answers, asked, count = fetched
    with (test_data / "malformed" / "FETCHED.tsv").open(encoding="utf-8") as table:
        listed = {line.partition("\t")[0] for line in table} - {"path under fetched/"}
    assert len(listed) == count
    assert {path for path, _ in answers} == listed
    assert [key for key, answer in answers.items() if (answer.end is None) == (answer.refused is None)] == []
    assert asked == []


def test_every_fetched_file_is_answered_in_time(fetched):
    assert {key: answer.seconds for key, answer in fetched[0].items() if answer.seconds > LONGEST_S} == {}


def test_no_row_of_a_fetched_file_is_lost(fetched):
    wrong = {}
    for key, answer in fetched[0].items():
        if answer.end is None or key[1] == "osm":
            continue
        taken = sum(len(piece["labels"]) for piece in answer.pieces)
        refused = sum(len(piece["faults"]) for piece in answer.pieces)
        if taken + refused != answer.end["read"] or answer.end["counted"] not in (None, answer.end["read"]):
            wrong[key] = (taken, refused, answer.end["read"], answer.end["counted"])
    assert wrong == {}


def test_objects_of_a_fetched_osm_file_add_up(fetched):
    for key, answer in fetched[0].items():
        if key[1] == "osm" and answer.end is not None:
            for counts in answer.end["counts"].values():
                assert counts["read"] == counts["accepted"] + counts["refused"], key


def test_what_is_taken_of_fetched_files_has_a_place_and_can_be_stored(fetched, place):
    """Finite, on Earth, not empty; and read back from a store it is as many as went in."""
    wrong = []
    ids: dict[str, dict[str, int]] = defaultdict(dict)
    batch = NewBatch(source="fetched", sha256="0" * 64, imported_at=NOW.isoformat(), kind="osm")
    with Store.open(place / "fetched.db", create=True) as store:
        with store.adding(batch) as adding:
            for key, answer in fetched[0].items():
                for piece in answer.pieces if answer.end is not None else ():
                    shapes = shapely.from_wkb([bytes.fromhex(told) for told in piece["geometry"]])
                    bounds = shapely.bounds(shapes).reshape(-1, 4)
                    if not (np.isfinite(bounds).all() and (np.abs(bounds) <= [180, 90, 180, 90]).all()):
                        wrong.append(key)
                    rows = told_rows(
                        piece["layer"], piece["labels"], piece["values"], piece["geometry"], piece["gates"]
                    )
                    clashes = {fault.row for fault in adding.put(piece["layer"], rows)}
                    for label in set(piece["labels"]) - clashes:
                        ids[piece["layer"]][f"{key}{label}"] = 1
            adding.finish(counts={}, datum="wgs84", licence=None, attribution=None, options={})
        assert wrong == []
        for layer, taken in ids.items():
            held = store.read(layer)
            assert len(held) == len(taken), layer
            assert not (held.geometry.isna() | held.geometry.is_empty).any(), layer
    with closing(sqlite3.connect(place / "fetched.db")) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
