"""The house holds: imports point inwards, geo knows no world, GDAL never meets the store."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import shapely

from geo.design import Design
from geo.draw import make_record
from geo.frame import build_frame
from geo.lottery import Lottery

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("geo", "layers", "service")
INWARDS = {"geo": {"geo"}, "layers": {"geo", "layers"}, "service": {"geo", "layers", "service"}}
GEO_MAY_IMPORT = {
    "__future__", "collections", "dataclasses", "decimal", "fractions", "functools", "hashlib", "heapq", "itertools", "json",
    "math", "re", "typing", "numpy", "scipy", "pandas", "geopandas", "shapely", "pyproj",
    "importlib", "pyvrp", "types", "vroom", "warnings",
}  # fmt: skip


def sources(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Module names that a file imports from outside its package, with the line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module or "", node.lineno


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_point_inwards_only(package):
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in sources(package)
        for name, line in imports(path)
        if name.split(".")[0] in PACKAGES and name.split(".")[0] not in INWARDS[package]
    ]
    assert not wrong


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_are_relative_inside_a_package(package):
    wrong = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sources(package)
        for name, line in imports(path)
        # Alembic loads its versions by path: they belong to no package
        if name.split(".")[0] == package and path.name != "__main__.py" and path.parent.name != "versions"
    ]
    assert not wrong


def test_geo_imports_no_files_network_clock_or_environment():
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in sources("geo")
        for name, line in imports(path)
        if name.split(".")[0] not in GEO_MAY_IMPORT
    ]
    assert not wrong


def test_only_the_web_door_knows_flask_and_only_the_commands_know_typer():
    homes = {
        "flask": "service/web",
        "waitress": "service/commands",
        "typer": "service/commands",
        "rich": "service/commands",
    }
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in sources(*PACKAGES)
        for name, line in imports(path)
        if (home := homes.get(name.split(".")[0])) and home not in path.as_posix()
    ]
    assert not wrong


def test_one_module_speaks_sqlite_and_few_speak_gdal():
    homes = {
        # the second counts the records of a foreign GeoPackage, which GDAL must not do for itself
        "sqlite3": {"layers/sqlite_file.py", "layers/count_rows.py"},
        "pyogrio": {"layers/read_vector.py", "layers/write.py", "layers/synthetic/office_files.py"},
    }
    found: dict[str, set[str]] = {name: set() for name in homes}
    for path in sources(*PACKAGES):
        for name, _ in imports(path):
            if name.split(".")[0] in homes:
                found[name.split(".")[0]].add(path.relative_to(ROOT).as_posix())
    assert found == homes


def test_use_cases_know_neither_door():
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sources("service/usecases")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        and node.level
        and (node.module or "").split(".")[0] in ("web", "commands")
    ]
    assert not wrong


def test_static_and_data_hold_no_python():
    assert sources("static", "data") == []


def test_no_module_is_named_like_the_standard_library():
    names = {path.stem for path in sources(*PACKAGES)} - {"__init__", "__main__"}
    # inside a package and imported relatively, these two cannot be mistaken
    assert not names & set(sys.stdlib_module_names)


def test_nothing_mends_a_polygon_by_a_buffer_of_zero():
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sources(*PACKAGES)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "buffer"
        and any(isinstance(a, ast.Constant) and a.value == 0 for a in node.args)
    ]
    assert not wrong


@pytest.fixture
def metric_only(monkeypatch):
    """Every distance and buffer taken by shapely must be on a metric plane: no coordinate looks like a degree."""
    taken = []

    def watch(name):
        real = getattr(shapely, name)

        def watched(*args, **kwargs):
            for argument in args:
                coords = (
                    shapely.get_coordinates(argument)
                    if name != "box" and hasattr(argument, "__len__")
                    else []
                )
                if len(coords):
                    assert abs(coords).max() > 360, f"shapely.{name} was called on degrees"
            taken.append(name)
            return real(*args, **kwargs)

        monkeypatch.setattr(shapely, name, watched)

    for name in ("distance", "dwithin", "buffer", "length", "area"):
        watch(name)
    return taken


def test_a_draw_takes_no_distance_in_degrees(metric_only):
    sys.path.insert(0, str(ROOT / "tests" / "geo"))
    from towns import town  # noqa: PLC0415

    tables = town()
    for design in (
        Design(),
        Design(anchor_rule="boundary"),
        Design(alley_weight="length", compound_weight="area"),
    ):
        make_record(build_frame(tables, design), design, Lottery("seed"))
    assert {"distance", "length", "area"} <= set(metric_only)
