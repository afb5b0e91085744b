"""A stand-in for the use case `exposure`: slow, obvious, and for pages only.

Anchors are taken as visited independently, which is right for one anchor of each class and for all
of them, and near enough to look at in between.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from geo.design import Design, Radius
from geo.errors import NotFoundError
from geo.frame import LAYERS, UNIT_LAYERS, build_frame
from layers.store import Store
from service.exposure_features import SHOWN, exposure_geometry
from service.usecases.designs import make_design
from service.usecases.layers import attribution


def design_from_query(query) -> Design:
    given: dict[str, Any] = dict(query)
    if "inner" in given:
        given["inner"] = float(given["inner"])
    return make_design(given)


def version(store: Store) -> str:
    return store.data_version((*SHOWN, "issues"))


def geometry(store: Store) -> dict[str, Any]:
    return exposure_geometry(
        {name: store.read(name) for name in SHOWN}, attribution=attribution(store, SHOWN)
    )


@lru_cache(maxsize=4)
def _frame(path, state, design):
    with Store.open(path, create=False) as store:
        tables = {layer: store.read(layer) for layer in LAYERS}
        issues = store.read("issues")
    open_ = issues[~issues["state"].isin(["closed", "fixed_on_site"])]
    return build_frame(tables, design), tables, open_


def _reckoned(store: Store, design: Design):
    """Frame, tables, open issues, chance that each anchor is visited, and per layer (M, p) by pair."""
    wide = replace(design, radius=Radius("uniform", (500.0, 2000.0)), shape="disc")
    frame, tables, issues = _frame(store.path, version(store), wide)
    kinds = frame.anchors["class"].to_numpy()
    chance = np.zeros(len(kinds))
    wanted = dict(design.anchors.by_class) or dict.fromkeys(set(kinds), design.anchors.each)
    for kind, number in wanted.items():
        held = (kinds == kind).sum()
        chance[kinds == kind] = 1.0 if number is None else number / held if held else 0.0
    low, high = design.radius.radii_m[0], design.radius.radii_m[-1]
    radii = np.linspace(low, high, 31) if design.radius.law == "uniform" else np.array(design.radius.radii_m)
    found = {}
    for layer in UNIT_LAYERS:
        pairs = frame.pairs[layer]
        take = (design.alleys if layer == "back_alleys" else design.compounds).chances
        p = np.zeros(len(pairs))
        pool = np.zeros(len(pairs))
        times = np.zeros(len(pairs))
        for radius in radii:
            inside = pairs.entry_m <= radius
            if design.shape == "ring":
                inside &= pairs.entry_m >= design.inner_m
            held = np.bincount(pairs.anchor[inside], minlength=len(kinds))[pairs.anchor]
            one = sum(float(c) * np.minimum(k, held) / np.maximum(held, 1) for k, c in take)
            p += np.where(inside, one, 0) / len(radii)
            pool += np.where(inside, held, 0)
            times += inside
        found[layer] = pairs, p, pool / np.maximum(times, 1)
    return frame, tables, issues, chance, found


def numbers(store: Store, design: Design) -> dict[str, Any]:
    frame, _, issues, chance, found = _reckoned(store, design)
    layers = {}
    for layer, (pairs, p, _) in found.items():
        ids, count = frame.units[layer]["id"], len(frame.units[layer])
        hit = np.minimum(chance[pairs.anchor] * p, 1 - 1e-12)
        pi = -np.expm1(np.bincount(pairs.unit, np.log1p(-hit), minlength=count))
        weight = issues["site"].value_counts().reindex(ids).fillna(0).to_numpy(float)
        layers[layer] = {
            "id": ids.tolist(),
            "pi": pi.tolist(),
            "expected": np.bincount(pairs.unit, hit, minlength=count).tolist(),
            "reach": np.bincount(pairs.unit[p > 0], minlength=count).tolist(),
            "issues": weight.tolist(),
            "priority": (pi * weight).tolist(),
        }
    return {
        "settings": design.to_mapping(),
        "method": "exact",
        "on_foot": {},
        "se": None,
        "anchors_drawn": float(chance.sum()),
        "layers": layers,
        "expected_distinct": {layer: sum(layers[layer]["pi"]) for layer in layers},
    }


def _row(ids, ident: str) -> int:
    rows = np.flatnonzero(ids == ident)
    if not len(rows):
        raise NotFoundError(f"there is no {ident[:40]!r} in the frame", code="unit_unknown")
    return int(rows[0])


def why(store: Store, design: Design, layer: str, unit_id: str) -> dict[str, Any]:
    frame, tables, issues, chance, found = _reckoned(store, design)
    pairs, p, pool = found[layer]
    row = _row(frame.units[layer]["id"].to_numpy(), unit_id)
    mine = np.flatnonzero((pairs.unit == row) & (p > 0))
    hit = chance[pairs.anchor[mine]] * p[mine]
    named = tables["anchors"].set_index("id")["name"]
    own = issues[issues["site"] == unit_id]
    anchors = [
        {
            "id": (ident := frame.anchors["id"].iloc[pairs.anchor[k]]),
            "name": named[ident] if isinstance(named[ident], str) else "",
            "class": frame.anchors["class"].iloc[pairs.anchor[k]],
            "entry_m": float(pairs.entry_m[k]),
            "pool": float(pool[k]),
            "p": float(p[k]),
            "share": float(h / hit.sum()) if hit.sum() else 0.0,
        }
        for k, h in zip(mine, hit, strict=True)
    ]
    name = tables[layer].set_index("id")["name"][unit_id]
    return {
        "id": unit_id,
        "name": name if isinstance(name, str) else "",
        "pi": float(1 - np.prod(1 - hit)),
        "expected": float(hit.sum()),
        "anchors": sorted(anchors, key=lambda a: -a["share"]),
        "issues": [
            {"id": i.id, "category": i.category, "found_at": i.found_at.isoformat(), "state": i.state}
            for i in own.itertuples()
        ],
    }


def pool(store: Store, design: Design, anchor_id: str) -> dict[str, Any]:
    frame, tables, _, _, found = _reckoned(store, design)
    row = _row(frame.anchors["id"].to_numpy(), anchor_id)
    anchor = tables["anchors"].set_index("id").loc[anchor_id]
    told: dict[str, Any] = {"id": anchor_id, "name": anchor["name"], "class": anchor["class"]}
    for layer, (pairs, p, _) in found.items():
        mine = np.flatnonzero((pairs.anchor == row) & (p > 0))
        named = tables[layer].set_index("id")["name"]
        told[layer] = [
            {"id": (u := frame.units[layer]["id"].iloc[pairs.unit[k]]), "name": named[u] if isinstance(named[u], str) else "", "entry_m": float(pairs.entry_m[k]), "p": float(p[k])}
            for k in mine[np.argsort(-p[mine])]
        ]  # fmt: skip
    return told


USE_CASES = (design_from_query, version, geometry, numbers, why, pool)
