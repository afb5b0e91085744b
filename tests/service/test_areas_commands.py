"""`zhoubian areas`: a village of four cells with known faults, cut, numbered and imported again."""

from __future__ import annotations

import json

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from hamlet import BACK, MIDDLE, add, shape, table
from office import refused, run
from openpyxl import load_workbook

from geo.areas import FAULTS, NOTES
from geo.crs import wgs84_to_gcj02
from geo.grid_codes import WRONG
from layers.store import Store
from service.commands import main
from service.i18n import LANGS, texts
from service.usecases.area_changes import Cutting, cut, number, read_line
from service.usecases.areas import check, owners

TOWN, VILLAGE = "999101001", "999101001001"
CELLS = {"001": (0, 100), "002": (100, 100), "003": (0, 0), "004": (100, 0)}


def square(west, south, east, north):
    return shape((west, south), (east, south), (east, north), (west, north), kind=shapely.Polygon)


def same(one, two):
    """The same polygon within a millimetre, wherever its ring begins."""
    return one.normalize().equals_exact(two.normalize(), 1e-8)


def areas(cells=None, unit="居委会"):
    """A subdistrict and its village of 200 m by 200 m, in four cells of a hectare unless told otherwise."""
    if cells is None:
        cells = {f"{VILLAGE}{serial}": square(x, y, x + 100, y + 100) for serial, (x, y) in CELLS.items()}
    whole = square(0, 0, 200, 200)
    rows = [
        {"id": TOWN, "name": "东街街道", "level": "subdistrict", "unit": "街道办", "geometry": whole},
        {"id": VILLAGE, "name": "槐树社区", "level": "community", "parent": TOWN, "unit": unit, "geometry": whole},
    ]  # fmt: skip
    rows += [
        {"id": name, "name": f"槐树{name[-3:]}网格", "level": "grid", "parent": VILLAGE, "unit": unit, "geometry": cell}
        for name, cell in cells.items()
    ]  # fmt: skip
    return table("areas", rows)


def units():
    lines = {"B1": ((10, 50), (90, 50)), "B2": ((150, 50), (250, 50)), "B3": ((500, 0), (600, 0))}
    return {
        "back_alleys": table("back_alleys", [
            {"id": name, "name": f"{name}巷", "unit": "城管局", "geometry": shape(*spots, kind=shapely.LineString)}
            for name, spots in lines.items()
        ]),
        "compounds": table("compounds", [{"id": "C1", "name": "甲小区", "geometry": square(20, 20, 60, 60)}]),
    }  # fmt: skip


@pytest.fixture
def town(tmp_path, monkeypatch):
    """Makes the store of the current folder of an areas layer; gives its path."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZHOUBIAN_STORE", str(tmp_path / "town.db"))

    def make(held, **layers):
        with Store.open(tmp_path / "town.db", create=True) as store:
            add(store, {"areas": held, **layers})
        return tmp_path / "town.db"

    return make


@pytest.fixture
def village(town):
    return town(areas())


def opened(path):
    return Store.open(path, create=False)


def faults_of(path):
    with opened(path) as store:
        found = check(store).findings
    return found[found["fault"]][["kind", "areas"]].values.tolist()


# -- check -------------------------------------------------------------------------------------------


def test_a_village_without_a_fault_ends_with_nought(village, capsys):
    code, out, _ = run(capsys, "areas", "check")
    assert code == 0
    assert "no gap, no overlap" in out


def test_an_overlap_and_a_gap_are_told_in_square_metres_and_end_with_one(town, capsys):
    held = {f"{VILLAGE}{serial}": square(x, y, x + 100, y + 100) for serial, (x, y) in CELLS.items()}
    held[f"{VILLAGE}001"] = square(0, 100, 110, 200)
    held[f"{VILLAGE}004"] = square(130, 0, 200, 100)
    town(areas(held))
    code, out, _ = run(capsys, "areas", "check", "--json")
    told = json.loads(out)
    assert code == 1
    assert told["faults"] == 2
    found = {row["kind"]: row for row in told["findings"]}
    assert found["gap"]["area_m2"] == pytest.approx(3000, abs=0.1)
    assert found["overlap"]["area_m2"] == pytest.approx(1000, abs=0.1)
    assert found["overlap"]["areas"] == f"{VILLAGE}001 {VILLAGE}002"
    spot = shapely.Point(found["gap"]["lon"], found["gap"]["lat"])
    assert square(100, 0, 130, 100).contains(spot)
    code, out, _ = run(capsys, "--lang", "zh", "areas", "check")
    assert code == 1
    assert "重叠" in out
    assert "空白" in out
    assert run(capsys, "areas", "check", "--level", "社区")[0] == 0


@pytest.mark.parametrize("ending", ["geojson", "gpkg", "xlsx", "csv"])
def test_findings_are_written_for_maps_and_spreadsheets(town, capsys, tmp_path, ending):
    held = {f"{VILLAGE}{serial}": square(x, y, x + 100, y + 100) for serial, (x, y) in CELLS.items()}
    town(areas({**held, f"{VILLAGE}001": square(0, 100, 110, 200)}))
    file = tmp_path / f"检查.{ending}"
    assert run(capsys, "--lang", "zh", "areas", "check", "--out", file)[0] == 1
    if ending in ("geojson", "gpkg"):
        found = gpd.read_file(file)
        assert found.to_crs(4547).area.tolist() == pytest.approx([1000], abs=0.1)
    elif ending == "csv":
        found = pd.read_csv(file, dtype=str)
    else:
        found = pd.read_excel(file, dtype=str, engine="openpyxl")
    assert found["finding"].tolist() == ["重叠"]
    assert found["areas"].tolist() == [f"{VILLAGE}001 {VILLAGE}002"]


def test_units_from_above_are_told_and_are_no_fault(town, capsys):
    town(areas(unit=None))
    code, out, _ = run(capsys, "areas", "check", "--json")
    told = json.loads(out)
    assert (code, told["faults"]) == (0, 0)
    assert {(row["kind"], row["other"]) for row in told["findings"]} == {("unit_inherited", TOWN)}
    assert len(told["findings"]) == 5


def test_codes_saved_as_numbers_are_recognised_and_given_back_where_no_digit_is_lost(town, capsys):
    ids = {"001": "9.99101001001001E+14", "002": f"{VILLAGE}002", "003": f"{VILLAGE}003.0", "004": "1E+15"}
    town(areas({ids[serial]: square(x, y, x + 100, y + 100) for serial, (x, y) in CELLS.items()}))
    code, out, _ = run(capsys, "areas", "check", "--json")
    told = [(row["kind"], row["areas"], row["other"]) for row in json.loads(out)["findings"] if row["fault"]]
    assert code == 1
    assert sorted(told) == [
        ("code_float", "1E+15", None),
        ("code_float_whole", "9.99101001001001E+14", f"{VILLAGE}001"),
        ("code_float_whole", f"{VILLAGE}003.0", f"{VILLAGE}003"),
        ("code_serial_gap", VILLAGE, "001"),
    ]


def test_levels_that_are_unknown_or_absent_are_refused(village, capsys):
    assert "sector" in refused(capsys, "areas", "check", "--level", "sector")
    told = refused(capsys, "areas", "check", "--level", "区县", lang="zh")
    assert "district (区县)" in told
    assert "subdistrict (街道), community (社区), grid (网格)" in told
    assert "区县" in refused(capsys, "areas", "check", "--level", "sector", lang="zh")


def test_a_store_without_areas_says_so(town, capsys):
    town(areas().iloc[:0], **units())
    for command in (
        ("check",),
        ("owners",),
        ("number", "--out", "x.gpkg"),
        ("cut", "1", "--axes", "2x1", "--out", "x.gpkg"),
    ):
        assert "import the layer areas" in refused(capsys, "areas", *command)


# -- owners ------------------------------------------------------------------------------------------


def test_the_proof_names_one_unit_each_and_says_where_it_fails(town, capsys, tmp_path):
    town(areas(unit=None), **units())
    file = tmp_path / "责任.xlsx"
    code, out, _ = run(capsys, "areas", "owners", "--out", file)
    assert code == 1
    assert "not proved: 1 units" in out
    sheet = load_workbook(file)["owners"]
    heads = [cell.value for cell in sheet[1]]
    rows = {
        row[heads.index("id")]: dict(zip(heads, row, strict=True))
        for row in sheet.iter_rows(min_row=2, values_only=True)
    }
    assert rows["B1"]["grid"] == f"{VILLAGE}003"
    assert rows["B1"]["community"] == VILLAGE
    assert (rows["B1"]["owner"], rows["B1"]["owner_from"], rows["B1"]["own_unit"]) == (
        "街道办",
        TOWN,
        "城管局",
    )
    assert (rows["B2"]["why"], rows["B2"]["share"]) == ("partly", pytest.approx(0.5, abs=1e-5))
    assert (rows["B3"]["state"], rows["B3"]["owner"]) == ("outside", None)
    assert rows["C1"]["state"] == "one"


def test_the_counts_of_the_proof_add_up(town):
    path = town(areas(), **units())
    with opened(path) as store:
        found = owners(store)
        by_town = owners(store, level="街道")
    assert found.counts["back_alleys"] == {
        "n": 3, "one": 2, "ambiguous": 0, "outside": 1, "no_owner": 0, "split": 0, "not_nested": 0,
    }  # fmt: skip
    assert found.counts["compounds"]["one"] == 1
    assert not found.proved
    assert set(by_town.proof["owner"].dropna()) == {"街道办"}


def test_a_proof_that_holds_ends_with_nought(town, capsys):
    town(areas(), compounds=units()["compounds"])
    code, out, _ = run(capsys, "areas", "owners")
    assert code == 0
    assert "proved: each of 1" in out


def test_without_alleys_and_compounds_there_is_nothing_to_prove(village, capsys):
    assert "neither alleys nor compounds" in refused(capsys, "areas", "owners")


# -- cut ---------------------------------------------------------------------------------------------


def spots(*metres):
    """Places in metres of the village as ``lon,lat lon,lat``."""
    told = [BACK.transform(MIDDLE[0] + x, MIDDLE[1] + y) for x, y in metres]
    return " ".join(f"{lon:.9f},{lat:.9f}" for lon, lat in told)


def test_a_cell_cut_by_a_line_is_imported_again_without_a_fault(village, capsys, tmp_path):
    file = tmp_path / "切.geojson"
    with opened(village) as store:
        before = store.data_version(["areas"])
    code, out, _ = run(
        capsys, "areas", "cut", f"{VILLAGE}004", "--line", spots((130, -5), (130, 105)), "--out", file
    )
    assert code == 0
    assert "the store is unchanged" in out
    with opened(village) as store:
        assert store.data_version(["areas"]) == before
    assert main(["import", str(file), "--as", "areas", "--update"]) == 0
    assert faults_of(village) == []
    with opened(village) as store:
        held = store.read("areas").set_index("id")
    # the larger piece, 70 m wide, keeps its id; the other has the next serial number
    assert len(held) == 7
    assert same(held.loc[f"{VILLAGE}004"].geometry, square(130, 0, 200, 100))
    assert (
        held.loc[f"{VILLAGE}005"]
        .geometry.normalize()
        .equals_exact(square(100, 0, 130, 100).normalize(), 1e-8)
    )
    assert held.loc[f"{VILLAGE}005", "name"] == "槐树005网格"
    assert held.loc[f"{VILLAGE}005", "unit"] == "居委会"


def test_a_line_is_read_from_a_file_in_the_datum_that_is_said(village, tmp_path):
    wires = shape((100, -5), (100, 205), kind=shapely.LineString)
    lon, lat = wgs84_to_gcj02(*shapely.get_coordinates(wires).T)
    file = tmp_path / "线.geojson"
    gpd.GeoDataFrame(
        {"名称": ["线"]}, geometry=[shapely.LineString(zip(lon, lat, strict=True))], crs=4326
    ).to_file(file)
    assert read_line(str(file), "gcj02").equals_exact(wires, 1e-7)
    with opened(village) as store:
        change = cut(store, VILLAGE, Cutting(line=str(file), datum="gcj02"))
    assert change.ground_m2[:2] == pytest.approx([20_000, 20_000], rel=1e-4)
    # two cells each lie in the western and in the eastern half: those of the new community move
    assert change.moved == 2
    assert change.astride == []
    moved = change.areas[change.areas["level"] == "grid"]
    assert set(moved["parent"]) == {"999101001002"}


def test_cells_below_a_cut_that_crosses_them_are_told(village):
    with opened(village) as store:
        change = cut(store, VILLAGE, Cutting(line=spots((-5, 70), (205, 70))))
    assert change.astride == [f"{VILLAGE}003", f"{VILLAGE}004"]


def test_a_community_is_cut_into_numbered_cells(town, capsys, tmp_path):
    path = town(areas({}))
    file = tmp_path / "网格.gpkg"
    assert run(capsys, "areas", "cut", VILLAGE, "--cells", "10000", "--north", "--out", file)[0] == 0
    assert main(["import", str(file), "--as", "areas"]) == 0
    assert faults_of(path) == []
    with opened(path) as store:
        held = store.read("areas").set_index("id")
    for serial, (x, y) in CELLS.items():
        cell = held.loc[f"{VILLAGE}{serial}"]
        assert same(cell.geometry, square(x, y, x + 100, y + 100))
        assert (cell["level"], cell["parent"]) == ("grid", VILLAGE)


def test_pieces_of_an_area_with_an_id_of_its_own_get_ids_from_it(town):
    path = town(areas({"甲-7": square(0, 0, 200, 200)}))
    with opened(path) as store:
        change = cut(store, "甲-7", Cutting(axes=(3, 1), north=True))
    assert sorted(change.areas["id"]) == ["甲-7", "甲-7-2", "甲-7-3"]
    assert sum(change.ground_m2) == pytest.approx(40_000, rel=1e-6)


def test_corners_that_were_there_keep_every_digit(village):
    with opened(village) as store:
        before = set(map(tuple, shapely.get_coordinates(store.read("areas").geometry.to_numpy())))
        change = cut(store, f"{VILLAGE}001", Cutting(axes=(2, 1), north=True))
    corners = set(map(tuple, shapely.get_coordinates(change.areas.geometry.to_numpy())))
    assert len(corners & before) == 4
    assert len(corners) == 6


def test_a_line_that_ends_inside_is_refused_in_both_languages_and_nothing_is_written(
    village, capsys, tmp_path
):
    file = tmp_path / "x.geojson"
    wanted = ("areas", "cut", VILLAGE, "--line", spots((100, -5), (100, 100)), "--out", file)
    assert "ends inside the area (100" in refused(capsys, *wanted)
    assert "中断" in refused(capsys, *wanted, lang="zh")
    assert not file.exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((VILLAGE,), "one way to cut"),
        ((VILLAGE, "--axes", "2x2", "--cells", "100"), "one way to cut"),
        ((VILLAGE, "--axes", "two"), "3x2"),
        ((VILLAGE, "--axes", "1x1"), "no way to cut"),
        ((VILLAGE, "--axes", "2x1", "--level", "街道"), "wider level"),
        ((VILLAGE, "--axes", "2x1", "--level", "村组"), "unknown"),
        ((VILLAGE, "--cells", "10000"), "divided into 4"),
        ((f"{VILLAGE}001", "--cells", "10000"), "smaller size"),
        (("nowhere", "--axes", "2x1"), "no area with the id"),
        ((VILLAGE, "--line", "114.1,33.1"), "at least two"),
        ((VILLAGE, "--line", "114.1,33.1 114.2,33.2"), "cuts nothing off"),
        ((VILLAGE, "--line", "no such file.geojson"), "no such file"),
        ((VILLAGE, "--line", "114.1,33.1 114.2,33.2", "--datum", "mars"), "mars"),
    ],
)
def test_a_cut_that_cannot_be_made_says_why(village, capsys, tmp_path, arguments, told):
    assert told in refused(capsys, "areas", "cut", *arguments, "--out", tmp_path / "x.gpkg")
    assert not (tmp_path / "x.gpkg").exists()


def test_points_in_a_file_of_lines_are_refused(village, capsys, tmp_path):
    file = tmp_path / "点.geojson"
    gpd.GeoDataFrame(geometry=[shape((1, 1))], crs=4326).to_file(file)
    told = refused(capsys, "areas", "cut", VILLAGE, "--line", file, "--out", tmp_path / "x.gpkg")
    assert "row 1 cannot cut" in told


def test_pieces_are_not_written_where_their_borders_have_no_room_nor_over_the_store(
    village, capsys, tmp_path
):
    assert ".gpkg" in refused(capsys, "areas", "cut", VILLAGE, "--axes", "2x1", "--out", tmp_path / "x.xlsx")
    store = tmp_path / "town.gpkg"
    village.rename(store)
    told = refused(capsys, "--store", store, "areas", "cut", VILLAGE, "--axes", "2x1", "--out", store)
    assert "store itself" in told


# -- number ------------------------------------------------------------------------------------------


def test_cells_numbered_anyhow_are_numbered_again_from_the_north_west(town, capsys, tmp_path):
    anyhow = {"001": "004", "002": "003", "003": "001", "004": "002"}
    path = town(areas({
        f"{VILLAGE}{anyhow[serial]}": square(x, y, x + 100, y + 100) for serial, (x, y) in CELLS.items()
    }))  # fmt: skip
    file = tmp_path / "编码.geojson"
    code, out, _ = run(capsys, "areas", "number", "--out", file)
    assert code == 0
    assert "4 cells numbered, 4 codes changed" in out
    assert main(["import", str(file), "--as", "areas", "--update"]) == 0
    assert faults_of(path) == []
    with opened(path) as store:
        held = store.read("areas").set_index("id")
    for serial, (x, y) in CELLS.items():
        cell = held.loc[f"{VILLAGE}{serial}"]
        assert same(cell.geometry, square(x, y, x + 100, y + 100))
        assert cell["name"] == f"槐树{serial}网格"


def test_ids_that_are_no_codes_would_stay_so_the_file_holds_all_and_says_what_to_take_back(
    town, capsys, tmp_path
):
    path = town(areas({f"W{serial}": square(x, y, x + 100, y + 100) for serial, (x, y) in CELLS.items()}))
    file = tmp_path / "编码.gpkg"
    code, out, _ = run(capsys, "areas", "number", "--community", VILLAGE, "--out", file)
    assert code == 0
    assert "take back import 1" in out
    assert main(["undo", "1"]) == 0
    assert main(["import", str(file), "--as", "areas"]) == 0
    assert faults_of(path) == []
    with opened(path) as store:
        assert sorted(store.read("areas")["id"]) == [
            TOWN,
            VILLAGE,
            *(f"{VILLAGE}{serial}" for serial in CELLS),
        ]


def test_numbering_refuses_what_it_cannot_number(town, capsys, tmp_path):
    out = ("--out", tmp_path / "x.gpkg")
    town(areas({}))
    assert "no grid cells" in refused(capsys, "areas", "number", *out)
    assert "no area with the id" in refused(capsys, "areas", "number", "--community", "nowhere", *out)


def test_a_code_that_another_area_has_is_refused(town):
    held = areas({"W1": square(0, 0, 200, 200)})
    other = {
        "id": f"{VILLAGE}001",
        "level": "grid",
        "parent": "elsewhere",
        "geometry": square(300, 0, 400, 100),
    }
    path = town(pd.concat([held, table("areas", [other])], ignore_index=True))
    with opened(path) as store, pytest.raises(Exception, match="number all communities at once") as caught:
        number(store, [VILLAGE])
    assert caught.value.code == "number_taken"


# -- words -------------------------------------------------------------------------------------------


def test_every_finding_has_its_words_in_both_languages():
    kinds = [*FAULTS, *NOTES, *(f"code_{wrong}" for wrong in WRONG)]
    told = texts()
    assert [kind for kind in kinds if not {f"area.kind.{kind}", f"area.advice.{kind}"} <= told.keys()] == []
    for lang in LANGS:
        assert len({told[f"area.kind.{kind}"][lang] for kind in kinds}) == len(kinds)
