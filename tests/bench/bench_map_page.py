"""A second view of a draw's map: all its requests together, in server time.

    python tests/bench/bench_map_page.py

The made-up city with one draw; the first view makes the features, the second must stay under 50 ms.
"""

from __future__ import annotations

import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from geo.design import Anchors, Design
from layers.batches import NewBatch
from layers.store import Store
from layers.synthetic import SEED, sample_city
from service.maps import DRAW
from service.usecases import draws
from service.web.app import create_app

LIMIT_MS = 50.0
NOW = datetime(2026, 11, 20, 10, tzinfo=ZoneInfo("Asia/Shanghai"))


def main() -> int:
    """Print the times of three views of two draws; 1 if a second view is too slow."""
    city = sample_city(np.random.default_rng(SEED))
    slow = False
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "city.db"
        batch = NewBatch(source="city", sha256="0" * 64, imported_at=NOW.isoformat(), kind="osm")
        with Store.open(path, create=True) as store:
            store.add(
                {name: city[name] for name in ("anchors", "back_alleys", "compounds", "roads")}, batch, {}
            )
            draws.run(store, Design(), now=NOW, seed="1", name="six")
            draws.run(store, Design(anchors=Anchors(each=None)), now=NOW, seed="1", name="all")
        client = create_app(path, "zh").test_client()
        for name in ("six", "all"):
            addresses = [
                f"/draws/{name}",
                f"/api/draws/{name}",
                "/texts/zh.json",
                "/map/draw.zh.js",
                *(f"/static/{file}" for file in (*DRAW.styles, *DRAW.scripts)),
            ]
            for view in (1, 2, 3):
                start = time.perf_counter()
                for address in addresses:
                    client.get(address, headers={"Accept-Encoding": "gzip"}, buffered=True)
                took_ms = 1e3 * (time.perf_counter() - start)
                slow |= view > 1 and took_ms > LIMIT_MS
                print(f"{name}: view {view}: {len(addresses)} requests in {took_ms:.1f} ms")
    return int(slow)


if __name__ == "__main__":
    sys.exit(main())
