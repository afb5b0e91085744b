"""A whole draw: the command on the sample city, and how it grows with the city.

    python tests/bench/bench_draw.py

Promised: under 2 s and 400 MB including the start of the process; linear from 1x to 16x.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import geopandas as gpd
import numpy as np
import shapely
from cities import CRS, SIDE_M, alleys, anchors

from geo.design import ANCHOR_CLASSES, Anchors, Design, Radius
from geo.draw import make_record
from geo.frame import build_frame
from geo.lottery import Lottery
from service.usecases import demo

NOW = datetime(2026, 11, 20, 10, tzinfo=ZoneInfo("Asia/Shanghai"))
PEAK = """
import resource, sys
from service.commands import main
code = main(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, file=sys.stderr)
sys.exit(code)
"""


def command(store: Path, number: int) -> tuple[float, float]:
    """Seconds and megabytes of one `zhoubian draw` as a process of its own."""
    arguments = ["--store", str(store), "draw", "--seed", "bench", "--name", f"bench-{number}", "--json"]
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", PEAK, *arguments], capture_output=True, text=True, check=True, env=os.environ
    )
    took = time.perf_counter() - start
    assert json.loads(done.stdout)["name"] == f"bench-{number}"
    return took, float(done.stderr.strip().splitlines()[-1])


def town(times: int) -> dict[str, gpd.GeoDataFrame]:
    """500 x times anchors, 5,000 x times alleys and compounds at one density."""
    side = SIDE_M / 2 * times**0.5
    units = 5000 * times

    def layer(letter: str, shapes: np.ndarray, **columns: object) -> gpd.GeoDataFrame:
        ids = [f"{letter}{n}" for n in range(len(shapes))]
        return gpd.GeoDataFrame({"id": ids, **columns}, geometry=shapes, crs=CRS).to_crs("EPSG:4326")

    points = anchors(500 * times, side_m=side)
    homes = shapely.buffer(anchors(units, seed=5, side_m=side), 50.0, quad_segs=2)
    return {
        "anchors": layer("a", points, **{"class": [ANCHOR_CLASSES[n % 6] for n in range(len(points))]}),
        "back_alleys": layer("b", alleys(units, side_m=side)),
        "compounds": layer("c", homes),
    }


def main() -> int:
    """Print the figures; 1 if a promise is broken."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, kind, options in demo.missing(folder):
            demo.take_in(folder, file, kind, options, now=NOW)
        runs = [command(demo.store_path(folder), number) for number in range(6)][1:]
    seconds, megabytes = sorted(s for s, _ in runs)[len(runs) // 2], max(m for _, m in runs)
    print(f"sample city, whole process: {seconds:.2f} s (promised 2), {megabytes:.0f} MB (promised 400)")
    design = Design(anchors=Anchors.parse("5"), radius=Radius.parse("500:2000"))
    costs = []
    for times in (1, 4, 16):
        tables = town(times)
        samples = []
        for _ in range(3):
            start = time.process_time()
            frame = build_frame(tables, design)
            make_record(frame, design, Lottery("bench"))
            samples.append(time.process_time() - start)
        took = sorted(samples)[1]
        costs.append(took / times)
        pairs = sum(len(table) for table in frame.pairs.values())
        print(f"{times:>3}x: {500 * times:,} anchors, {10_000 * times:,} units, {pairs:,} pairs: {took:.2f} s,"
              f" {took / times / costs[0]:.2f} x the cost per unit of 1x")  # fmt: skip
    return 0 if seconds < 2 and megabytes < 400 and costs[-1] < 1.5 * costs[0] else 1


if __name__ == "__main__":
    raise SystemExit(main())
