"""A town of one avenue with four toilets, small enough to know every gap by hand.

Metres. 东大街 runs from (0, 0) to (2000, 0), class primary; a service road of 150 m leads north from its end;
西街, residential, 400 m long, lies apart at y = 600. Toilets: T1 public at (300, 10), T2 opened by an office
at (700, -30), T3 under works at (1400, 0), T4 public at (1000, 400), where no street is near.

========================= ===================== ================================
reading                   gaps of 东大街        because
========================= ===================== ================================
window                    700-2000              T2 is the last one beside it
window without offices    300-2000              T1 is
walk                      1170-2000             T2 is 30 m off: 470 m are left
========================= ===================== ================================

On foot 西街 is bare too: no toilet is nearer to it than to 东大街 but T4, 600 m from its end. T4 is 200 m
from 西街 (its end at (400, 600) is 632 m away) and 400 m from the avenue: it is snapped to the avenue.
"""

from __future__ import annotations

from pathlib import Path

import shapely
from hamlet import NOON, shape, table

from layers.batches import NewBatch
from layers.store import Store

HOSTILE = "</script><img src=x onerror=alert(1)>{{7*7}}"
ATTRIBUTION = "© OpenStreetMap contributors & 某街道办"


def roads():
    def road(ident, name, kind, *spots):
        return {"id": ident, "name": name, "class": kind, "geometry": shape(*spots, kind=shapely.LineString)}

    return table("roads", [
        road("r1", "东大街", "primary", (0, 0), (1000, 0), (2000, 0)),
        road("r2", None, "service", (2000, 0), (2000, 150)),
        road("r3", "西街", "residential", (0, 600), (400, 600)),
    ])  # fmt: skip


def toilets():
    def toilet(ident, name, kind, status, x, y):
        return {"id": ident, "name": name, "kind": kind, "status": status, "geometry": shape((x, y))}

    return table("toilets", [
        toilet("T1", HOSTILE, "public", "open", 300, 10),
        toilet("T2", "=机关公厕", "office", None, 700, -30),
        toilet("T3", "施工公厕", "public", "works", 1400, 0),
        toilet("T4", "远处公厕", None, "open", 1000, 400),
    ])  # fmt: skip


def stored(path: Path, *, without: tuple[str, ...] = ()) -> Path:
    """A store with the town."""
    held = {name: made for name, made in (("roads", roads()), ("toilets", toilets())) if name not in without}
    batch = NewBatch(
        source="镇.gpkg", sha256="ab" * 32, imported_at=NOON.isoformat(), kind="osm", datum="wgs84",
        licence="ODbL", attribution=ATTRIBUTION,
    )  # fmt: skip
    with Store.open(path, create=True) as store:
        store.add(held, batch, {})
    return path
