"""Importing against the bare reader of each format, the peers beside us in the same run.

    python tests/bench/bench_import.py [rows]

Promised: at most 1.5 x the bare reader + 20 us a row of checking, store included; memory of parent
and worker together under 600 MB, and flat up to a million rows.
"""

from __future__ import annotations

import csv
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import osmium
import pyogrio
import python_calamine
import shapely
from openpyxl import Workbook

from service.usecases import imports

HEAD = [
    "编号",
    "问题类别",
    "发现时间",
    "整改期限",
    "来源",
    "办理状态",
    "点位编号",
    "处数",
    "所属街道",
    "地址",
    "责任单位",
    "经度",
    "纬度",
    "备注",
]
ROAD_CLASSES = ("primary", "secondary", "residential")
DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def issues(path: Path, rows: int) -> Path:
    some = random.Random(1)
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        out = csv.writer(file)
        out.writerow(HEAD)
        for i in range(rows):
            out.writerow(
                [f"W{i:08d}", some.choice(["HJ01", "HJ02", "HJ03"]),
                 f"2026-0{some.randint(1, 9)}-{some.randint(10, 28)} {some.randint(10, 20)}:{some.randint(10, 59)}",
                 f"2026-10-{some.randint(10, 28)}", some.choice(["patrol", "complaint"]),
                 some.choice(["found", "closed"]), f"u{some.randint(1, 9999)}", some.randint(1, 4),
                 f"街道{some.randint(1, 30)}", f"解放路{i}号", some.choice(["城管局", "住建局"]),
                 f"{114.3 + some.random() / 5:.6f}", f"{30.5 + some.random() / 5:.6f}", "垃圾未清理" if i % 3 else ""]
            )  # fmt: skip
    return path


def workbook(path: Path, table: Path) -> Path:
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    with table.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.reader(file):
            sheet.append(row)
    book.save(path)
    return path


def roads(path: Path, rows: int) -> Path:
    some = np.random.default_rng(1)
    starts = some.random((rows, 2)) / 5 + [114.3, 30.5]
    steps = some.normal(0, 0.001, (rows, 6, 2)).cumsum(axis=1)
    lines = shapely.linestrings(starts[:, None, :] + steps)
    names = np.array([f"道路{i}" for i in range(rows)], dtype=object)
    classes = np.array([ROAD_CLASSES[i % 3] for i in range(rows)], dtype=object)
    ids = np.array([f"r{i}" for i in range(rows)], dtype=object)
    pyogrio.raw.write(
        path, geometry=shapely.to_wkb(lines), field_data=[ids, names, classes], fields=["id", "name", "class"],
        geometry_type="LineString", crs="EPSG:4326", layer="roads", driver="GPKG",
    )  # fmt: skip
    return path


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def bare_csv(path: Path) -> None:
    with path.open(encoding="utf-8-sig", newline="") as file:
        list(csv.reader(file))


def bare_pbf(path: Path) -> None:
    for thing in osmium.FileProcessor(path).with_locations():
        dict(thing.tags)


BARE: dict[str, Callable[[Path], object]] = {
    ".csv": bare_csv,
    ".xlsx": lambda path: python_calamine.load_workbook(str(path)).get_sheet_by_index(0).to_python(),
    ".gpkg": pyogrio.raw.read,
    ".pbf": bare_pbf,
}


def take(file: Path, kind: str, folder: Path) -> imports.ImportReport:
    store = folder / "store.db"
    for old in folder.glob("store.db*"):
        old.unlink()
    now = datetime.now(ZoneInfo("Asia/Shanghai"))
    return imports.run(store, file, imports.Options(kind), now=now)


def compare(file: Path, kind: str, folder: Path) -> None:
    bare, ours = [], []
    rows = 0
    for _ in range(3):  # alternating, so that both see the same machine
        bare.append(seconds(lambda: BARE[file.suffix](file)))
        start = time.perf_counter()
        rows = take(file, kind, folder).total("read")
        ours.append(time.perf_counter() - start)
    allowed = 1.5 * min(bare) + 20e-6 * rows
    print(
        f"{file.name:22} {rows:8,} rows  bare {min(bare):6.2f} s  import {min(ours):6.2f} s"
        f"  allowed {allowed:6.2f} s  ratio to allowed {min(ours) / allowed:5.2f}"
    )


MEASURED = """
import sys, threading, time
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo
from service.usecases import imports
imports.run(Path(sys.argv[1]), Path(sys.argv[2]), imports.Options("issues"), now=datetime.now(ZoneInfo("Asia/Shanghai")))
"""


def resident(pid: int) -> int:
    """Bytes of memory of a process and its children (Linux); what they share counts once."""
    total = 0
    for one in [pid, *children(pid)]:
        try:
            words = Path(f"/proc/{one}/smaps_rollup").read_text().split("\nPss:")
            total += int(words[1].split()[0]) * 1024 if len(words) > 1 else 0
        except OSError:
            continue  # it has ended meanwhile
    return total


def children(pid: int) -> list[int]:
    try:
        told = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    direct = [int(one) for one in told.split()]
    return direct + [grand for one in direct for grand in children(one)]


def memory(file: Path, folder: Path) -> None:
    store = folder / "memory.db"
    for old in folder.glob("memory.db*"):
        old.unlink()
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", MEASURED, str(store), str(file)])
    peak = 0
    while process.poll() is None:
        peak = max(peak, resident(process.pid))
        time.sleep(0.05)
    assert process.returncode == 0
    print(
        f"{file.name:22} parent and worker together at most {peak / 1e6:5.0f} MB, {time.perf_counter() - start:.1f} s"
    )


def worker_start(folder: Path) -> None:
    small = issues(folder / "one.csv", 1)
    times = [seconds(lambda: take(small, "issues", folder)) for _ in range(3)]
    print(f"an import of one row, worker, check and store: {min(times):.2f} s")


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table = issues(folder / "issues.csv", rows)
        worker_start(folder)
        compare(table, "issues", folder)
        compare(workbook(folder / "issues.xlsx", table), "issues", folder)
        compare(roads(folder / "roads.gpkg", rows // 2), "roads", folder)
        country = DATA / "osm_pbf_samples"
        for pbf in sorted(country.glob("*.pbf")) if country.is_dir() else ():
            compare(pbf, "osm", folder)
        if sys.platform == "linux":
            memory(table, folder)
            memory(issues(folder / "million.csv", 10 * rows), folder)


if __name__ == "__main__":
    main()
