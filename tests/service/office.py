"""A small office with its files: what a new user has in a folder before the first command."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from openpyxl import Workbook

from service.commands import main
from service.i18n import text

LON, LAT = 116.30, 39.95

ANCHORS = (
    ("A1", "第一菜市场", "market", LON, LAT),
    ("A2", "人民商场", "mall", LON + 0.004, LAT),
    ("A3", "实验小学", "school", LON + 0.008, LAT),
    ("A4", "市医院", "hospital", LON, LAT + 0.004),
    ("A5", "客运站", "transit", LON + 0.004, LAT + 0.004),
    ("A6", "槐树社区", "community", LON + 0.008, LAT + 0.004),
)


def write_anchors(file: Path, extra: tuple[tuple[object, ...], ...] = ()) -> Path:
    """Six good anchors, one of each class, and whatever rows a test adds."""
    book = Workbook()
    sheet = book.active
    sheet.append(["编号", "名称", "类别", "经度", "纬度"])
    for row in (*ANCHORS, *extra):
        sheet.append(list(row))
    book.save(file)
    return file


def write_alleys(file: Path, east: float = 0.0, count: int = 8) -> Path:
    """Alleys across the middle of the town, the first of them `east` degrees further east."""
    features = []
    for number in range(count):
        lon = LON + 0.001 * number + (east if number == 0 else 0.0)
        line = [[lon, LAT + 0.001], [lon + 0.0002, LAT + 0.002]]
        features.append(_feature(f"B{number}", f"槐树{number}巷", "LineString", line))
    return _collection(file, features)


def write_compounds(file: Path) -> Path:
    """Five compounds north of the alleys."""
    features = []
    for number in range(5):
        lon, lat = LON + 0.0015 * number, LAT + 0.0025
        ring = [[lon, lat], [lon + 0.001, lat], [lon + 0.001, lat + 0.001], [lon, lat + 0.001], [lon, lat]]
        features.append(_feature(f"C{number}", f"幸福{number}小区", "Polygon", [ring]))
    return _collection(file, features)


def _feature(unit: str, name: str, kind: str, coordinates: object) -> dict[str, object]:
    return {
        "type": "Feature",
        "properties": {"id": unit, "name": name},
        "geometry": {"type": kind, "coordinates": coordinates},
    }


def _collection(file: Path, features: list[dict[str, object]]) -> Path:
    text = json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)
    file.write_text(text, encoding="utf-8")
    return file


def furnish(folder: Path) -> None:
    """Import the three layers of the town into the store of the current folder."""
    files = (
        (write_anchors(folder / "点位.xlsx"), "anchors"),
        (write_alleys(folder / "小巷.geojson"), "back_alleys"),
        (write_compounds(folder / "小区.geojson"), "compounds"),
    )
    for file, kind in files:
        assert main(["import", str(file), "--as", kind]) == 0


def is_written(store: Path) -> bool:
    """Whether another program is in the middle of a change."""
    with closing(sqlite3.connect(store, timeout=0, isolation_level=None)) as other:
        try:
            other.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        other.execute("ROLLBACK")
        return False


def run(capsys, *arguments):
    """Exit code, standard output and standard error of a command."""
    capsys.readouterr()
    code = main([str(argument) for argument in arguments])
    told = capsys.readouterr()
    return code, told.out, told.err


def refused(capsys, *arguments, lang="en"):
    """The sentence of a call that must fail."""
    code, out, err = run(capsys, "--lang", lang, *arguments)
    assert code in (1, 2), (out, err)
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith(text("cli.error", lang))
    assert "Traceback" not in err
    return err
