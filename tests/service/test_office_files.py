"""Files as offices make them come in at the first try, or with exactly one stated correction."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import openpyxl
import pytest
import shapely
from office_fixtures import (
    ALLEYS,
    ALLEYS_AS_POINTS,
    BOW_TIE,
    CLASSES,
    FILES,
    SIX,
    TRUTH,
    OfficeFile,
    text,
)

from geo.crs import wgs84_to_gcj02
from geo.errors import ZhoubianError
from layers.store import Store
from service.usecases import import_sources, imports

NOW = datetime(2024, 5, 20, 8, tzinfo=UTC)
GUESSES = ("datum_fits", "datum_fits_clear", "datum_fits_names", "datum_fits_alone", "datum_undecided",
           "datum_undecided_names", "datum_few_points", "datum_no_reference", "datum_systems")  # fmt: skip
"""What a dry run tells of the datum though nothing is amiss."""


@pytest.fixture(scope="module")
def begun(tmp_path_factory) -> bytes:
    """A store that knows the six sites already."""
    folder = tmp_path_factory.mktemp("begun")
    known = [["编号", "名称", "类别", "经度", "纬度"]]
    known += [
        [f"K{n}", name, kind, *TRUTH[name]] for n, (name, kind) in enumerate(zip(SIX, CLASSES, strict=True))
    ]
    text(folder / "点位.csv", known, "utf-8")
    imports.run(folder / "s.db", folder / "点位.csv", imports.Options("anchors"), now=NOW)
    return (folder / "s.db").read_bytes()


@pytest.fixture
def store(tmp_path, begun) -> Path:
    path = tmp_path / "office.db"
    path.write_bytes(begun)
    return path


def digest(store: Path) -> str:
    return hashlib.sha256(store.read_bytes()).hexdigest()


def made(office: OfficeFile, folder: Path) -> Path:
    path = folder / "来自 街道办" / office.name
    path.parent.mkdir()
    office.write(path)
    return path


def options(office: OfficeFile, **more) -> imports.Options:
    return imports.Options(office.kind, **more)


def first_try(store: Path, path: Path, office: OfficeFile) -> set[str]:
    """Codes of all that the first try says, as a dry run."""
    try:
        report = imports.run(store, path, options(office, dry_run=True), now=NOW)
    except imports.NothingAcceptedError as error:
        report = error.report
    except ZhoubianError as error:
        return {error.code}
    return {note.code for note in report.notes} | {code for of in report.reasons.values() for code in of}


def told(report: imports.ImportReport) -> dict:
    """The report as JSON, without its number and what a dry run says besides."""
    found = imports.as_json(report)
    found["notes"] = [note for note in found["notes"] if note["code"] not in GUESSES]
    return {name: value for name, value in found.items() if name not in ("batch", "dry_run")}


def counted(office: OfficeFile) -> dict[str, int]:
    return {
        "read": office.read,
        "accepted": office.accepted,
        "fixed": office.fixed,
        "refused": len(office.refused),
    }


@pytest.mark.parametrize("office", FILES, ids=lambda office: office.name)
def test_file_of_an_office_comes_in_with_at_most_one_correction(office, store, tmp_path):
    path = made(office, tmp_path)
    before = digest(store)
    assert len(office.correction) == (office.problem is not None)
    if office.problem is not None:
        assert office.problem in first_try(store, path, office)
    dry = imports.run(store, path, options(office, dry_run=True, **office.correction), now=NOW)
    assert digest(store) == before
    report = imports.run(store, path, options(office, **office.correction), now=NOW)
    assert told(dry) == told(report)
    counts = report.batch.counts[office.kind]
    assert {name: counts[name] for name in counted(office)} == counted(office)
    assert {int(fault.row): fault.code for fault in report.faults[office.kind]} == dict(office.refused)
    assert office.notes <= {note.code for note in report.notes}
    with Store.open(store, create=False) as held:
        rows = held.read(office.kind)
    rows = rows[~rows["id"].str.startswith("K")]
    assert len(rows) == office.accepted + office.fixed
    places = (
        {name: shape.centroid for name, shape in zip(rows["name"], rows.geometry, strict=True)}
        if "name" in rows
        else {}
    )
    for name in office.places:
        np.testing.assert_allclose(places[name].coords[0], TRUTH[name], rtol=0, atol=6e-7)


@pytest.fixture
def take(store, tmp_path):
    """Import one of the files with its correction; the rows it brought."""

    def take(name, **more):
        office = next(office for office in FILES if office.name == name)
        path = made(office, tmp_path)
        imports.run(store, path, options(office, **office.correction, **more), now=NOW)
        with Store.open(store, create=False) as held:
            rows = held.read(office.kind)
        return rows[~rows["id"].str.startswith("K")]

    return take


def test_wide_digits_of_an_id_are_the_same_id(take):
    assert take("六个周边点位.xlsx")["id"].tolist() == ["A01", "A02", "A03", "A04", "A05", "A06", "A07"]


def test_dates_of_an_office_are_the_days_that_were_meant(take):
    rows = take("问题台账.xlsx").set_index("id")
    days = {number: str(moment)[:16] for number, moment in rows["found_at"].items()}
    assert days == {
        "W1": "2024-05-06 08:30",
        **dict.fromkeys(("W2", "W3", "W4", "W5", "W6"), "2024-05-06 00:00"),
    }
    due = {number: str(moment)[:16] for number, moment in rows["deadline"].dropna().items()}
    assert due == {
        "W1": "2024-05-08 00:00",
        "W2": "2024-05-08 00:00",
        "W4": "2024-05-08 00:00",
        "W5": "2024-05-08 17:00",
    }


def test_year_that_a_user_says_is_that_of_days_without_one(take):
    rows = take("巡查问题.csv").set_index("id")
    assert [str(moment)[:16] for moment in rows["found_at"]] == [
        "2024-05-06 00:00",
        "2024-05-06 09:30",
        "2024-12-31 00:00",
    ]
    assert rows["address"].tolist() == ["𠮷祥巷㐂记门前", "䶮园路（东）", "实验小学－北门"]
    assert rows["count"].tolist() == [3, 1, 2]


def test_codes_of_fifteen_digits_keep_their_digits(take):
    assert take("网格.csv")["id"].tolist() == ["420102001001001", "420102001001002", "420102001001006"]


def test_units_in_numbers_are_understood(take):
    rows = take("居民小区.xlsx").set_index("name")
    assert rows.loc["幸福里小区", ["households", "built_year"]].tolist() == [350, 2005]
    assert rows.loc["康居苑", "households"] == 1200


def test_names_of_a_shapefile_in_gbk_are_read(take):
    assert take("街巷.zip")["name"].tolist() == ["槐树一巷", "镕园巷", "码头路（断头）", "十里长巷"]


def test_alley_in_two_pieces_and_long_alley_stay_whole(take):
    lengths = shapely.length(take("背街小巷.geojson").geometry.to_numpy())
    np.testing.assert_allclose(lengths, [line.length for line in ALLEYS.values()], rtol=1e-9)


def test_polygon_that_crosses_itself_keeps_both_halves(take):
    """Two triangles of 0.002 by 0.001 degrees over two."""
    rows = take("小区边界.geojson").set_index("id")
    assert not BOW_TIE.is_valid
    assert rows.geometry["C1"].is_valid
    assert shapely.area(rows.geometry["C1"]) == pytest.approx(2 * 0.002 * 0.001 / 2, rel=1e-6)


def test_alleys_as_points_are_refused_row_by_row_and_leave_the_store_alone(store, tmp_path):
    path = made(ALLEYS_AS_POINTS, tmp_path)
    before = digest(store)
    with pytest.raises(imports.NothingAcceptedError) as refusal:
        imports.run(store, path, options(ALLEYS_AS_POINTS), now=NOW)
    faults = refusal.value.report.faults["back_alleys"]
    assert {int(fault.row): fault.code for fault in faults} == dict(ALLEYS_AS_POINTS.refused)
    assert digest(store) == before


def test_wrong_rows_come_back_as_a_workbook_are_corrected_and_taken(store, tmp_path):
    """What a clerk does: import, open the refused rows, mend the cells, import the same workbook."""
    office = next(office for office in FILES if office.name == "居民小区.xlsx")
    workbook = tmp_path / "退回.xlsx"

    def refused(report, rows):
        assert imports.refused_workbook(workbook, report.batch, rows, "zh") == len(office.refused)

    imports.run(store, made(office, tmp_path), options(office), now=NOW, refused=refused)
    book = openpyxl.load_workbook(workbook)
    sheet = book.active
    heads = [cell.value for cell in sheet[2]]
    assert heads == ["原因", "原行号", "小区名称", "编号", "户数", "建成年代", "经度", "纬度"]
    column = {head: number for number, head in enumerate(heads, start=1)}
    mended = {
        "3": {"编号": "1-2"},
        "7": {"户数": 300},
        "8": {"经度": 114.3105, "纬度": 30.6125},
        "9": {"经度": 114.3111, "纬度": 30.6111},
        "10": {"纬度": 30.6118},
        "11": {"经度": 114.3145, "纬度": 30.6125},
        "13": {"经度": 114.3155, "纬度": 30.6125},
    }
    for row in range(sheet.max_row, 2, -1):
        cells = mended.get(str(sheet.cell(row, column["原行号"]).value))
        assert sheet.cell(row, column["原因"]).value
        if cells is None:
            sheet.delete_rows(row)  # a committee, a dormitory, a record twice: nothing to mend
        for head, value in (cells or {}).items():
            sheet.cell(row, column[head]).value = value
    book.save(workbook)
    again = imports.run(store, workbook, options(office), now=NOW)
    assert (again.total("read"), again.total("accepted"), again.total("refused")) == (7, 7, 0)
    with Store.open(store, create=False) as held:
        rows = held.read("compounds")
    assert sorted(rows["id"], key=lambda told: int(told[2:])) == [
        f"1-{n}" for n in (1, 2, 3, 6, 7, 8, 9, 10, 12)
    ]


def test_drawing_that_was_refused_is_mended_in_the_workbook(store, tmp_path):
    """The geometry stands beside the cells as well-known text: a point becomes the line it should be."""
    office = next(office for office in FILES if office.name == "背街小巷.geojson")
    imports.run(store, made(office, tmp_path), options(office), now=NOW)
    workbook = tmp_path / "退回.xlsx"
    with Store.open(store, create=False) as held:
        number = held.batches()[-1].id
    assert imports.refused_again(store, number, workbook, "zh") == 3
    book = openpyxl.load_workbook(workbook)
    sheet = book.active
    heads = [cell.value for cell in sheet[2]]
    assert heads == ["原因", "原行号", "编号", "名称", "geometry"]
    assert [cell.value for cell in sheet[3]][2:] == [
        "B5", "只有一个点的巷", "POINT (114.31 30.6)",
    ]  # fmt: skip
    for row in range(3, 6):
        sheet.cell(row, 5).value = f"LINESTRING (114.31 30.6, 114.31 30.60{row})"
    book.save(workbook)
    again = imports.run(store, workbook, options(office), now=NOW)
    assert (again.total("accepted"), again.total("refused")) == (3, 0)


def test_folder_of_files_is_taken_file_by_file(store, tmp_path):
    """The names say what the rows are; what a program keeps beside open files is left out."""
    folder = tmp_path / "2024年5月 上报"
    folder.mkdir()
    for name in ("公厕.csv", "居民小区.xlsx", "背街小巷.geojson"):
        next(office for office in FILES if office.name == name).write(folder / name)
    (folder / "~$居民小区.xlsx").write_bytes(b"\x05")
    (folder / "Thumbs.db").write_bytes(b"\xd0\xcf")
    (folder / "通知.docx").write_bytes(b"PK")
    files = import_sources.files_of(folder)
    assert [(file.name, import_sources.kind_of(file.name)) for file in files] == [
        ("公厕.csv", "toilets"), ("居民小区.xlsx", "compounds"), ("背街小巷.geojson", "back_alleys"),
    ]  # fmt: skip
    for file in files:
        imports.run(store, file, imports.Options(import_sources.require_kind(file.name)), now=NOW)
    with Store.open(store, create=False) as held:
        assert {held_["layer"]: held_["count"] for held_ in held.summary() if held_["count"]} == {
            "anchors": 6, "back_alleys": 4, "compounds": 2, "toilets": 2,
        }  # fmt: skip


def test_every_table_of_an_archive_is_named(tmp_path):
    office = next(office for office in FILES if office.name == "上报.zip")
    assert import_sources.parts_of(made(office, tmp_path)) == ["公厕.csv", "小区.xlsx"]


def test_few_rows_of_another_datum_in_a_sheet_are_told(store, tmp_path):
    """Two of eight sites were copied from a map site: their namesakes in the store lie 540 m away."""
    rows: list[list[object]] = [["编号", "名称", "类别", "经度", "纬度"]]
    for number, (name, kind) in enumerate(zip(SIX, CLASSES, strict=True)):
        lon, lat = wgs84_to_gcj02(*TRUTH[name]) if number < 2 else TRUTH[name]
        rows.append([f"M{number}", name, kind, float(lon), float(lat)])
    path = tmp_path / "混合.csv"
    text(path, rows, "utf-8")
    report = imports.run(store, path, imports.Options("anchors"), now=NOW)
    shifted = [note.facts for note in report.notes if note.code == "rows_shifted"]
    assert shifted == [{"count": 2, "datum": "GCJ-02", "examples": "2 第一农贸市场; 3 人民商场"}]
    near = [note.facts["count"] for note in report.notes if note.code == "known_nearby"]
    assert near == [4]


def test_mapping_once_said_is_remembered(store, tmp_path):
    office = next(office for office in FILES if office.name == "物业小区.xlsx")
    path = made(office, tmp_path)
    imports.run(store, path, options(office, **office.correction), now=NOW)
    again = imports.run(store, path, options(office, update=True), now=NOW)
    assert again.total("accepted") == 4
