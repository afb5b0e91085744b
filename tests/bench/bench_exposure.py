"""Exposure of a whole city: time beside what others do, cost per pair, memory.

    python tests/bench/bench_exposure.py

A made-up city of 20 x 20 km, 2,000 anchors in six classes, 20,000 alleys, radius anywhere from 500 m
to 2 km, 20 anchors of each class. Every comparison alternates with ours in the same run.
"""

from __future__ import annotations

import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from geo.buffers import PairTable, entry_distances
from geo.design import ANCHOR_CLASSES, Anchors, Design, Radius, Take
from geo.exposure import exposure, prepare
from geo.frame import Frame

PLANE = CRS("EPSG:4547")
RADII = (500.0, 1000.0, 1500.0, 2000.0)
DESIGN = Design(anchors=Anchors.parse("20"), radius=Radius.parse("500:2000"), compounds=Take.parse("0"))


def city(anchors: int, alleys: int, side_m: float) -> tuple[np.ndarray, np.ndarray]:
    """Points and crooked lines of 3 to 6 segments, 170 m long on average."""
    rng = np.random.default_rng(20261120)
    points = shapely.points(rng.uniform(0, side_m, (anchors, 2)) + 400_000)
    pieces = rng.integers(3, 7, alleys)
    step = rng.uniform(90, 250, alleys) / pieces
    owner = np.repeat(np.arange(alleys), pieces)
    turn = np.repeat(rng.uniform(0, 2 * np.pi, alleys), pieces) + rng.normal(0, 0.35, len(owner))
    moves = step[owner, None] * np.column_stack([np.cos(turn), np.sin(turn)])
    starts = rng.uniform(0, side_m, (alleys, 2)) + 400_000
    coords, index = [], []
    first = np.cumsum(pieces) - pieces
    walked = np.cumsum(moves, axis=0)
    walked -= np.repeat(walked[first] - moves[first], pieces, axis=0)
    coords = np.concatenate([starts, starts[owner] + walked])
    index = np.concatenate([np.arange(alleys), owner])
    order = np.argsort(index, kind="stable")
    return points, shapely.linestrings(coords[order], indices=index[order])


def pairs_of(points: np.ndarray, lines: np.ndarray) -> PairTable:
    return entry_distances(points, lines, crs=PLANE, scale=np.ones(len(points)), radius_m=2000.0)


def frame_of(pairs: PairTable, anchors: int, alleys: int) -> Frame:
    none = np.zeros(0, dtype=np.int64)
    return Frame(
        crs=PLANE,
        anchors=pd.DataFrame(
            {"id": np.arange(anchors).astype(str).astype(object),
             "class": np.array(ANCHOR_CLASSES, dtype=object)[np.arange(anchors) % 6],
             "cluster": None}
        ),
        units={"back_alleys": pd.DataFrame({"id": np.arange(alleys), "size": 1}),
               "compounds": pd.DataFrame({"id": none, "size": none})},
        pairs={"back_alleys": pairs, "compounds": PairTable(none, none, np.zeros(0))},
        seals={},
        excluded={},
        reach_m=2000.0,
    )  # fmt: skip


def ours(points: np.ndarray, lines: np.ndarray) -> np.ndarray:
    frame = frame_of(pairs_of(points, lines), len(points), len(lines))
    return exposure(frame, DESIGN).layers["back_alleys"].pi


def joins(points: np.ndarray, lines: np.ndarray) -> int:
    """What a careful user writes, without any chance yet."""
    alleys, total = gpd.GeoDataFrame(geometry=lines, crs=PLANE), 0
    for radius in RADII:
        discs = gpd.GeoDataFrame(geometry=gpd.GeoSeries(points, crs=PLANE).buffer(radius), crs=PLANE)
        total += len(gpd.sjoin(alleys, discs, predicate="intersects"))
    return total


def within(points: np.ndarray, lines: np.ndarray) -> int:
    alleys = gpd.GeoDataFrame(geometry=lines, crs=PLANE)
    anchors = gpd.GeoDataFrame(geometry=points, crs=PLANE)
    return sum(len(gpd.sjoin(alleys, anchors, predicate="dwithin", distance=radius)) for radius in RADII)


def tree(points: np.ndarray, lines: np.ndarray) -> int:
    """STRtree boxes, then distances: all radii at once."""
    boxes = shapely.box(*(shapely.bounds(points) + 2000.0 * np.array([-1, -1, 1, 1])).T)
    a, u = shapely.STRtree(lines).query(boxes)
    return int((shapely.distance(points[a], lines[u]) <= 2000.0).sum())


def duckdb_join(points: np.ndarray, lines: np.ndarray) -> int:
    import duckdb  # noqa: PLC0415 - a peer that may be absent

    base = duckdb.connect()
    base.execute("load spatial; set threads to 1")
    anchors = pd.DataFrame({"a": np.arange(len(points)), "w": shapely.to_wkb(points)})
    alleys = pd.DataFrame({"u": np.arange(len(lines)), "w": shapely.to_wkb(lines)})
    base.register("anchors_t", anchors)
    base.register("alleys_t", alleys)
    base.execute("create table p as select a, ST_GeomFromWKB(w) g from anchors_t")
    base.execute("create table l as select u, ST_GeomFromWKB(w) g from alleys_t")
    return len(
        base.execute(
            "select a, u, ST_Distance(p.g, l.g) from p join l on ST_DWithin(p.g, l.g, 2000.0)"
        ).fetchnumpy()["u"]
    )


def simulate(frame: Frame, count: int, rng: np.random.Generator) -> np.ndarray:
    """Vectorised over the inspections of a class: pools by binary search, units by random rank."""
    pairs = frame.pairs["back_alleys"]
    order = np.lexsort((pairs.entry_m, pairs.anchor))
    entry, unit = pairs.entry_m[order] + 4096.0 * pairs.anchor[order], pairs.unit[order]
    starts = np.searchsorted(pairs.anchor, np.arange(len(frame.anchors)))
    seen = np.zeros(len(frame.units["back_alleys"]))
    classes = frame.anchors["class"].to_numpy()
    rows = [np.flatnonzero(classes == name) for name in ANCHOR_CLASSES]
    for low in range(0, count, 500):
        number = min(500, count - low)
        drawn = np.concatenate(
            [r[np.argpartition(rng.random((number, len(r))), 20, axis=1)[:, :20]] for r in rows], axis=1
        )
        radius = rng.uniform(500, 2000, drawn.shape)
        pool = np.searchsorted(entry, 4096.0 * drawn + radius, side="right") - starts[drawn]
        first = (rng.random(drawn.shape) * pool).astype(np.int64)
        second = (first + 1 + (rng.random(drawn.shape) * (pool - 1)).astype(np.int64)) % np.maximum(pool, 1)
        two = (rng.random(drawn.shape) < 0.5) & (pool > 1)
        owner = np.broadcast_to(np.arange(number)[:, None], drawn.shape)
        hits = np.concatenate(
            [
                (owner * len(seen))[pool > 0] + unit[(starts[drawn] + first)[pool > 0]],
                (owner * len(seen))[two] + unit[(starts[drawn] + second)[two]],
            ]
        )
        seen += np.bincount(np.unique(hits) % len(seen), minlength=len(seen))
    return seen / count


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def alternate(works: dict[str, Callable[[], object]], turns: int) -> dict[str, float]:
    """Median seconds of each, taken in turn."""
    took: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(turns):
        for name, work in works.items():
            took[name].append(timed(work))
    return {name: statistics.median(values) for name, values in took.items()}


def main() -> int:
    """Print the figures; 1 if a promise is broken."""
    broken = []

    def promise(words: str, held: bool) -> None:
        print(f"  {'kept  ' if held else 'BROKEN'} {words}")
        if not held:
            broken.append(words)

    points, lines = city(2000, 20_000, 20_000.0)
    pairs = pairs_of(points, lines)
    frame = frame_of(pairs, len(points), len(lines))
    print(
        f"{len(points)} anchors, {len(lines)} alleys of {shapely.length(lines).mean():.0f} m, {len(pairs)} pairs"
    )
    works: dict[str, Callable[[], object]] = {
        "ours: pairs and exposure": lambda: ours(points, lines),
        "buffers + sjoin, 4 radii": lambda: joins(points, lines),
        "sjoin dwithin, 4 radii": lambda: within(points, lines),
        "STRtree + distance": lambda: tree(points, lines),
    }
    try:
        duckdb_join(points[:10], lines[:10])
        works["DuckDB ST_DWithin + ST_Distance"] = lambda: duckdb_join(points, lines)
    except Exception as absent:  # noqa: BLE001 - any reason to be absent is printed
        print(f"DuckDB with its spatial extension is absent: {type(absent).__name__}")
    took = alternate(works, 5)
    full = took["ours: pairs and exposure"]
    for name, seconds in took.items():
        print(f"  {seconds:7.3f} s  {seconds / full:6.2f} x ours  {name}")
    ratio = full / took["buffers + sjoin, 4 radii"]
    promise(f"pairs and exposure take {ratio:.3f} (at most 0.4) of buffers + sjoin", ratio <= 0.4)

    ready = prepare(frame, DESIGN)
    for name, design in {
        "n": replace(DESIGN, anchors=Anchors.parse("5")),
        "count": replace(DESIGN, alleys=Take.parse("1:0.7,2:0.3")),
        "law": replace(DESIGN, radius=Radius.parse("500,1000,1500,2000")),
    }.items():
        seconds = statistics.median(timed(partial(exposure, frame, design, ready=ready)) for _ in range(7))
        promise(
            f"another {name} answers in {seconds / full:.3f} (at most 0.25) of the full time, {1e3 * seconds:.0f} ms",
            seconds < 0.25 * full,
        )

    exact = exposure(frame, DESIGN).layers["back_alleys"].pi
    exposing = statistics.median(timed(lambda: exposure(frame, DESIGN)) for _ in range(5))
    count = 4000
    rng = np.random.default_rng(1)
    found = [np.zeros(0)]
    seconds = timed(lambda: found.append(simulate(frame, count, rng)))
    z = (found[-1] - exact) / np.sqrt(exact * (1 - exact) / count)
    middle = float(np.median(exact))
    needed = (1 - middle) / middle / 0.01**2
    times = seconds * needed / count / exposing
    print(
        f"  {count} simulated inspections in {seconds:.2f} s; z of all alleys: mean {z.mean():.3f}, sd {z.std():.3f}"
    )
    print(
        f"  1 % at the median alley (pi {middle:.5f}) needs {needed:,.0f} inspections: {seconds * needed / count:,.0f} s by extrapolation"
    )
    promise(
        f"exposure ({exposing:.3f} s, pairs given to both) is {times:,.0f} times (at least 500) as fast",
        times >= 500,
    )

    tracemalloc.start()
    ours(points, lines)
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    promise(f"memory of pairs and exposure peaks at {peak:.0f} MB (at most 300)", peak <= 300)

    costs = {}
    for factor in (1, 2, 4, 8):
        side = 20_000.0 * factor**0.5
        more_points, more_lines = city(2000 * factor, 20_000 * factor, side)
        table = pairs_of(more_points, more_lines)
        big = frame_of(table, len(more_points), len(more_lines))
        seconds = min(timed(partial(exposure, big, DESIGN)) for _ in range(3))
        costs[len(table)] = 1e6 * seconds / len(table)
        print(
            f"  {len(table):>10,} pairs: exposure {seconds:.2f} s, {costs[len(table)]:.3f} microseconds a pair"
        )
    growth = max(costs.values()) / min(costs.values())
    promise(f"the cost of a pair stays within a factor {growth:.2f} (at most 1.5)", growth <= 1.5)
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
