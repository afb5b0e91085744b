"""What following up costs: tick, figures, assignment and matches for 25,000 and 100,000 issues.

    python tests/bench/bench_follow_up.py [folder]

Promised for 100,000 issues with 600,000 entries of history: tick within 5 s, the data of the page of
figures within 0.3 s, memory within 600 MB; and growth in proportion. Each size runs in a process of its
own, whose peak memory is told; the stores are kept in the folder, if one is named. Beside our figures
stands the same in pandas, read from the store by one plain query, and in the same run.
"""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import follow_up_store as made
import geopandas as gpd
import numpy as np
import pandas as pd

from layers import tables
from layers.ledger import Ledger, changed
from layers.store import Store
from service.usecases import issue_matches, rule_books
from service.usecases.assignment import Assigner
from service.usecases.follow_figures import BY, figures
from service.usecases.tick import tick

SIZES = (25_000, 100_000)
PLACES = 100_000
PROMISED = {"tick": 5.0, "page, after a change": 0.3, "page again": 0.3}
MEMORY_MB = 600


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of computing (the machine may have other work), and what came out."""
    start = time.process_time()
    found = work()
    return time.process_time() - start, found


def page(store: Store) -> dict[str, Any]:
    """The data of a page of figures: all totals, every grouping, the curve, as JSON."""
    told = {by: figures(store, by=by, now=made.END) for by in BY}
    return {
        "total": told["unit"].total.to_dict(),
        "groups": {
            by: [(one.key, one.counts.to_dict()) for one in found.groups] for by, found in told.items()
        },
        "curve": json.dumps([asdict(day) for day in told["unit"].curve], default=str),
    }


def peer(store: Store) -> pd.DataFrame:
    """Due, closed, on time and open by unit: one query and pandas, as somebody would write it in a notebook."""
    query = (
        "SELECT lead_unit, state, found_at, closed_at, fixed_at, first_deadline, suspended_at FROM cases"
        " WHERE withdrawn_at IS NULL AND merged_into IS NULL"
    )
    with store.reading() as connection:
        table = pd.DataFrame(connection.exec_driver_sql(query).fetchall()).set_axis(
            ["unit", "state", "found", "closed", "fixed", "first", "paused"], axis=1
        )
    for name in ("found", "closed", "fixed", "first", "paused"):
        table[name] = pd.to_datetime(table[name], format="ISO8601")
    now = pd.Timestamp(made.END)
    table = table[table["found"] <= now]
    stopped = (table["state"] == "suspended") & table["first"].isna()
    falls = table[["closed", "first"]].min(axis=1).fillna(table["paused"].where(stopped))
    due = falls <= now
    shut = table["closed"] <= now
    late = (table["closed"] > table["first"]) & table["fixed"].isna()
    told = table.assign(due=due, closed=due & shut, on_time=due & shut & ~late, open=~shut)
    return told.groupby("unit")[["due", "closed", "on_time", "open"]].sum()


def measure(path: Path) -> dict[str, float]:
    """Seconds of everything on a copy of a store."""
    told: dict[str, float] = {}
    with Store.open(path, create=False) as store:
        told["page, first time"], first = timed(lambda: page(store))
        told["page again"], _ = timed(lambda: page(store))
        last_month = (made.END - timedelta(days=44)).date()
        since: date = last_month - timedelta(days=13)
        told["two weeks of last month"], _ = timed(
            lambda: figures(store, since=since, until=last_month, by="unit", now=made.END)
        )
        told["pandas, by unit only"], theirs = timed(lambda: peer(store))
        for key, ours in first["groups"]["unit"]:
            assert [ours[name] for name in theirs.columns] == theirs.loc[key].tolist(), key
        told["duplicates"], _ = timed(lambda: issue_matches.duplicates(store, now=made.END))
        told["tick"], report = timed(lambda: tick(store, now=made.END, anyway=True))
        told["  issues raised or resumed"] = len(report.issues)
        told["page, after a tick"], _ = timed(lambda: page(store))
        _change(store)
        told["page, after a change"], _ = timed(lambda: page(store))
    told["peak memory, MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return told


def _change(store: Store) -> None:
    """One entry more."""
    case = Ledger(store).cases(tables.cases.c.state == "carded", limit=1)[0]
    after, event = changed(case, at=made.END, recorded_at=made.END, who=made.WHO, action="noted", note="x")
    Ledger(store).write([after], [event])


def places(path: Path) -> None:
    """Where 100,000 issues lie and who answers for them; beside it geopandas, area level by area level."""
    made.ground(path)
    rng = np.random.default_rng(3)
    lonlat = np.column_stack([made.WEST + 0.2 * rng.random(PLACES), made.SOUTH + 0.2 * rng.random(PLACES)])
    with Store.open(path, create=False) as store:
        book = rule_books.current(store, made.END.date())
        codes = sorted(book.categories)
        chosen = [codes[row] for row in rng.integers(0, len(codes), PLACES)]
        started, assigner = timed(lambda: Assigner(store, book))
        ours, found = timed(lambda: assigner.assign(chosen, [None] * PLACES, lonlat, [None] * PLACES))
        areas, compounds = store.read("areas"), store.read("compounds")
        theirs, cells = timed(lambda: _sjoin(lonlat, areas, compounds))
    assert [where.grid for where, _ in found] == cells
    print(f"{PLACES:,} places in {len(areas):,} areas and {len(compounds):,} compounds: {started:.2f} s to read,"
          f" {ours:.2f} s to place and assign")  # fmt: skip
    print(f"geopandas.sjoin of the same layers alone: {theirs:.2f} s")


def _sjoin(lonlat: Any, areas: gpd.GeoDataFrame, compounds: gpd.GeoDataFrame) -> list[str | None]:
    points = gpd.GeoDataFrame(geometry=gpd.points_from_xy(lonlat[:, 0], lonlat[:, 1]), crs="EPSG:4326")
    for level, part in areas.groupby("level"):
        joined = points.sjoin(part[["id", "geometry"]], how="left", predicate="intersects")
        if level == "grid":
            cells: list[str | None] = joined["id"].groupby(level=0).min().tolist()
    points.sjoin(compounds[["id", "geometry"]], how="left", predicate="intersects")
    return cells


def main() -> None:
    if len(sys.argv) > 2 and sys.argv[1] == "--one":
        print(json.dumps(measure(Path(sys.argv[2]))))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(temporary)
        told = [_of_size(issues, folder, Path(temporary)) for issues in SIZES]
        places(Path(temporary) / "ground.db")
    small, large = told
    print(f"{'':30} {'1x':>10} {'4x':>10} {'growth':>8}  promised")
    for name, value in large.items():
        promise = f"{PROMISED[name]:g} s" if name in PROMISED else ""
        promise = f"{MEMORY_MB} MB" if name.startswith("peak") else promise
        print(f"{name:30} {small[name]:10.3f} {value:10.3f} {value / max(small[name], 1e-9):8.1f}  {promise}")
    ratio = large["pandas, by unit only"] / large["page again"]
    print(f"pandas takes {ratio:.0f} x the time of our page, for four figures of one grouping")


def _of_size(issues: int, folder: Path, temporary: Path) -> dict[str, float]:
    kept = folder / f"follow_up_{issues}.db"
    if not kept.exists():
        _, entries = made.build(kept, issues)
        print(f"{issues:,} issues with {entries:,} entries, {kept.stat().st_size / 1e6:.0f} MB", flush=True)
    copy = temporary / f"copy_{issues}.db"
    shutil.copy(kept, copy)
    found = subprocess.run(
        [sys.executable, __file__, "--one", str(copy)], check=True, stdout=subprocess.PIPE, text=True
    )
    result: dict[str, float] = json.loads(found.stdout.splitlines()[-1])
    return result


if __name__ == "__main__":
    main()
