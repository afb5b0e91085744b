"""The exact chance that each alley and compound is inspected, why, and what to mend first.

Every answer carries the settings it follows from: exposure is their consequence, never a forecast.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from geo.design import WIDEN_TO_M, Design, Radius
from geo.draw import told_on_foot
from geo.errors import NotFoundError
from geo.exposure import Exposure, Ready, exposure, inner_of, prepare
from geo.frame import LAYERS, UNIT_LAYERS, Frame, frame_layers
from geo.rounds import reaching
from layers.rules import categories
from layers.store import Store

from .. import clock
from ..exposure_features import exposure_geometry
from ..recent import Recent
from . import draws, rule_books
from . import layers as layer_cases
from .designs import make_design
from .open_issues import OpenIssues, open_issues

SIMULATION_SEED = 20_261_120
CLASSES = (0.0, 1e-12, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.2, 0.5)
"""Lower edges of the classes of exposure on map and histogram, the same at every setting; the first
holds the units that cannot be drawn."""

_FRAME_SETTINGS = (
    "metric", "alley_rule", "compound_rule", "anchor_rule", "alley_weight", "compound_weight",
    "exclude_status",
)  # fmt: skip
_FRAMES: Recent[tuple[Frame, Ready | None]] = Recent(4)
_ISSUES: Recent[OpenIssues] = Recent(4)


def design_from_query(query: Mapping[str, str]) -> Design:
    """The design of a page's query: the words of the command line."""
    names = {name.replace("-", "_"): value for name, value in query.items() if value}
    given: dict[str, Any] = dict(names)
    for name in ("cooldown_days", "reserves"):
        if name in given:
            given[name] = int(given[name]) if given[name].isdigit() else -1
    for name in ("inner", "min_distance"):
        if name in given:
            given[name] = float(given[name]) if given[name].replace(".", "", 1).isdigit() else -1.0
    if "force_distance" in given:
        given["force_distance"] = given["force_distance"] == "1"
    return make_design(given)


def version(store: Store) -> str:
    """What changes when any layer that exposure looks at changes, or the rules that issues are weighed by."""
    drawn = [(heading.name, heading.state) for heading in store.draws()]  # a cooldown looks at them
    rules = rule_books.current(store, clock.now().date()).version
    state = [store.data_version((*LAYERS, "issues", "roads")), drawn, rules]
    return hashlib.sha256(json.dumps(state).encode()).hexdigest()[:32]


def geometry(store: Store) -> dict[str, Any]:
    """The places of all units and anchors, for the page; no numbers."""
    shown = (*LAYERS, "roads")
    tables = {layer: store.read(layer) for layer in shown}
    return exposure_geometry(tables, attribution=layer_cases.attribution(store, shown))


def frame_of(
    store: Store, design: Design, resting: Mapping[str, Collection[str]] | None = None
) -> tuple[Frame, Ready | None]:
    """The frame out to 2 km at least: another radius, number or count needs no new distances.

    Without those that rest now, or those given.
    """
    wide = replace(
        design, radius=Radius("fixed", (max(design.reach_m, WIDEN_TO_M),)), shape="disc", radius_per="anchor"
    )
    settings = tuple(getattr(design, name) for name in _FRAME_SETTINGS)
    resting = draws.resting(store, design, clock.now()) if resting is None else resting
    key = (
        str(store.path), store.data_version(frame_layers(design)), settings, wide.reach_m,
        inner_of(design), design.per, design.anchors if design.per != "anchor" else None,
        # a layer that is drawn from must not be empty
        tuple(take.chances[-1][0] > 0 for take in (design.alleys, design.compounds)),
        design.must_visit, tuple((layer, tuple(ids)) for layer, ids in sorted(resting.items())),
    )  # fmt: skip

    def make() -> tuple[Frame, Ready | None]:
        frame = draws.frame_now(store, wide, visited=resting)
        return frame, prepare(frame, design)

    return _FRAMES.get(key, make)


def on_foot(store: Store, design: Design) -> dict[str, dict[str, Any]]:
    """Which places the roads do not serve, by layer; nothing for straight distance."""
    return told_on_foot(frame_of(store, design)[0])


def issues_of(store: Store, frame: Frame) -> OpenIssues:
    """The open issues of the units of a frame of this store, by the rules of today."""
    book = rule_books.current(store, clock.now().date())
    # they name rows of the frame, which depend on what is left out
    rows = hash(tuple(tuple(units["id"]) for units in frame.units.values()))
    # the same rules are the same object, see `rule_books`
    key = (str(store.path), store.data_version((*LAYERS, "issues")), rows, id(book))
    return _ISSUES.get(key, lambda: open_issues(store, frame, book))


def reckon(
    store: Store, design: Design, resting: Mapping[str, Collection[str]] | None = None
) -> tuple[Frame, Exposure]:
    """Frame and exposure of a design; simulated parts use a stated seed and tell their error.

    Parameters
    ----------
    resting : dict of layer to ids, optional
        Units left out of the frame, as the record of a draw tells them; else those that rest now.
    """
    frame, ready = frame_of(store, design, resting)
    rng = np.random.default_rng(SIMULATION_SEED)
    return frame, exposure(frame, design, ready=ready, rng=rng)


def numbers(store: Store, design: Design) -> dict[str, Any]:
    """Exposure and priority of every unit, for the page: arrays by layer, no geometry."""
    frame, found = reckon(store, design)
    issues = issues_of(store, frame)
    told: dict[str, Any] = {
        "settings": design.to_mapping(),
        "method": found.method,
        "se": max(float(part.se.max(initial=0.0)) for part in found.layers.values()) or None,
        "anchors_drawn": float(found.strata.drawn.sum()),
        "excluded": frame.excluded,
        "on_foot": told_on_foot(frame),
        "issues_elsewhere": issues.elsewhere,
        "layers": {},
        "expected_distinct": {},
    }
    for layer, part in found.layers.items():
        weight = issues.weights(layer, len(part.pi))
        told["layers"][layer] = {
            "id": frame.units[layer]["id"].tolist(),
            "pi": [float(f"{p:.6g}") for p in part.pi],
            "expected": [float(f"{p:.6g}") for p in part.expected_draws],
            "reach": part.n_reaching.tolist(),
            "issues": weight.tolist(),
            "priority": [float(f"{p:.6g}") for p in part.pi * weight],
        }
        told["expected_distinct"][layer] = round(part.expected_distinct, 4)
    return told


def units(store: Store, design: Design) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Exposure and priority as a table, the likeliest first, and what stands beside it.

    Columns: layer, id, name, district, unit (responsible), pi, expected_draws, reached_by, se,
    open_issues, weight, priority (expected weighted issues met), loss and expected_loss (points of
    100 of the unit's score).
    """
    frame, found = reckon(store, design)
    issues = issues_of(store, frame)
    parts = []
    for layer, part in found.layers.items():
        named = store.read(layer, columns=["id", "name", "district", "unit"]).set_index("id")
        table = pd.DataFrame(named.loc[frame.units[layer]["id"], ["name", "district", "unit"]]).reset_index()
        own = issues.table[issues.table["layer"] == layer]
        n = len(table)
        weight = issues.weights(layer, n)
        loss = 100.0 * np.bincount(own["unit"], own["loss"], minlength=n)
        parts.append(
            table.assign(
                layer=layer, pi=part.pi, expected_draws=part.expected_draws, reached_by=part.n_reaching,
                se=part.se, low=part.pi if part.low is None else part.low,
                high=part.pi if part.high is None else part.high,
                open_issues=np.bincount(own["unit"], minlength=n), weight=weight, priority=part.pi * weight,
                loss=loss, expected_loss=part.pi * loss,
            )
        )  # fmt: skip
    whole = pd.concat(parts, ignore_index=True)
    first = ["layer", "id", "name", "district", "unit", "pi"]
    whole = whole[first + [name for name in whole.columns if name not in first]]
    beside = {
        "settings": design.to_mapping(), "method": found.method, "excluded": frame.excluded,
        "on_foot": told_on_foot(frame),
        "issues_elsewhere": issues.elsewhere, "categories_unknown": issues.unknown,
        "expected_distinct": {layer: part.expected_distinct for layer, part in found.layers.items()},
    }  # fmt: skip
    return whole.sort_values(["pi", "id"], ascending=[False, True], ignore_index=True), beside


def unit_row(frame: Frame, layer: str, unit_id: str) -> int:
    if layer not in UNIT_LAYERS:
        raise NotFoundError(
            f"{layer!r} is no drawn layer; use {' or '.join(UNIT_LAYERS)}",
            code="unit_layer", given=layer, allowed=", ".join(UNIT_LAYERS),
        )  # fmt: skip
    rows = np.flatnonzero(frame.units[layer]["id"] == unit_id)
    if len(rows) == 0:
        raise NotFoundError(
            f"{unit_id!r} is not in the frame of {layer}: unknown, or left out by its status",
            code="unit_unknown", layer=layer, id=unit_id,
        )  # fmt: skip
    return int(rows[0])


def picture(units: pd.DataFrame) -> dict[str, Any]:
    """How the chance is spread: histogram and cumulative curve of each layer.

    Returns
    -------
    dict of layer to dict
        `edges`, `histogram`: units per class of exposure; `curve`: share of the whole chance that the
        likeliest 0, 1, ... 100 % of the units carry; `share`: 0.6; `counts`: how many units (`units`)
        of how many (`all`) carry that share.
    """
    told: dict[str, Any] = {}
    for layer, part in units.groupby("layer"):
        pi = np.sort(part["pi"].to_numpy())[::-1]
        total = pi.sum()
        carried = np.concatenate([[0.0], np.cumsum(pi) / total if total > 0 else np.zeros(len(pi))])
        at = np.linspace(0, len(pi), 101)
        share = 0.6
        told[str(layer)] = {
            "edges": list(CLASSES),
            "histogram": np.histogram(pi, bins=[*CLASSES, np.inf])[0].tolist(),
            "curve": [round(float(c), 6) for c in np.interp(at, np.arange(len(carried)), carried)],
            "share": share,
            "counts": {
                "units": int(np.searchsorted(carried, share - 1e-12)) if total > 0 else 0,
                "all": len(pi),
            },
        }
    return told


def layer_of(store: Store, unit_id: str) -> str:
    """The drawn layer that holds a unit."""
    for layer in UNIT_LAYERS:
        if store.existing_ids(layer, [unit_id]):
            return layer
    raise NotFoundError(
        f"no alley or compound has the id {unit_id!r}; ids stand in `zhoubian exposure --json`",
        code="unit_nowhere",
        id=unit_id,
    )


def why(store: Store, design: Design, layer: str, unit_id: str) -> dict[str, Any]:
    """Who reaches a unit: each anchor, its chance to draw the unit if visited, and its share."""
    frame, found = reckon(store, design)
    row = unit_row(frame, layer, unit_id)
    part = found.layers[layer]
    names = layer_cases.names(store, "anchors")
    reached = reaching(found, layer, row)
    issues = issues_of(store, frame)
    own = issues.table[(issues.table["layer"] == layer) & (issues.table["unit"] == row)]
    anchors = []
    for rows, entry_m, chance, fraction, share in zip(
        reached.anchors, reached.entry_m, reached.chance, reached.fraction, reached.share, strict=True
    ):
        first = frame.anchors.iloc[rows[0]]
        anchors.append(
            {
                "id": first["id"], "name": names.get(first["id"]), "class": first["class"],
                "anchors": len(rows),
                "entry_m": round(float(entry_m), 2), "p": float(chance),
                "pool": _pool_size(found, layer, rows[0], float(entry_m)),
                "visited": float(fraction), "share": float(share),
            }
        )  # fmt: skip
    return {
        "id": unit_id,
        "name": layer_cases.names(store, layer).get(unit_id),
        "layer": layer,
        "settings": design.to_mapping(),
        "method": part.method,
        "pi": float(part.pi[row]),
        "se": float(part.se[row]),
        "low": None if part.low is None else float(part.low[row]),
        "high": None if part.high is None else float(part.high[row]),
        "expected": float(part.expected_draws[row]),
        "anchors": anchors,
        "issues": [_told(issue, float(part.pi[row])) for issue in own.to_dict("records")],
    }


def _told(issue: Mapping[Any, Any], pi: float) -> dict[str, Any]:
    """An open issue, and what fixing it would gain."""
    known = categories().get(issue["category"])
    return {
        "id": issue["id"],
        "category": issue["category"],
        "name": issue["category"] if known is None else known.zh,
        "found_at": issue["found_at"].isoformat(),
        "state": issue["state"] if isinstance(issue["state"], str) else None,
        "weight": issue["weight"],
        "gain": pi * issue["weight"],
        "gain_points": 100.0 * pi * issue["loss"],
    }


def _pool_size(found: Exposure, layer: str, anchor: int, entry_m: float) -> float | None:
    """The units an anchor draws from, on average over the radii that reach a unit `entry_m` away."""
    ready, radius = found.ready, found.design.radius
    if ready is None:
        return None
    ranked = ready.ranked[layer]
    at = int(ready.around.of_anchor[anchor])
    entries = ranked.entry_m[ranked.starts[at] : ranked.starts[at + 1]]
    reached = radius.survival(entry_m)
    chances = (min(radius.survival(float(entry)) / reached, 1.0) for entry in entries)
    return round(sum(chances), 2)


def pool(store: Store, design: Design, anchor_id: str) -> dict[str, Any]:
    """What an anchor can draw, and each unit's chance if the anchor is visited."""
    frame, found = reckon(store, design)
    rows = np.flatnonzero(frame.anchors["id"] == anchor_id)
    if len(rows) == 0:
        raise NotFoundError(
            f"{anchor_id!r} is no anchor of the frame: unknown, or left out by its status",
            code="anchor_unknown", id=anchor_id,
        )  # fmt: skip
    told: dict[str, Any] = {
        "id": anchor_id, "name": layer_cases.names(store, "anchors").get(anchor_id),
        "settings": design.to_mapping(),
        "class": frame.anchors["class"].iloc[rows[0]],
    }  # fmt: skip
    for layer, part in found.layers.items():
        names = layer_cases.names(store, layer)
        told[layer] = []
        if found.ready is None or part.chances is None:
            continue
        ranked = found.ready.ranked[layer]
        at = int(found.ready.around.of_anchor[rows[0]])
        run = slice(int(ranked.starts[at]), int(ranked.starts[at + 1]))
        for unit, entry_m, chance in zip(
            ranked.unit[run], ranked.entry_m[run], part.chances[run], strict=True
        ):
            if chance > 0:
                code = frame.units[layer]["id"].iloc[int(unit)]
                told[layer].append(
                    {
                        "id": code,
                        "name": names.get(code),
                        "entry_m": round(float(entry_m), 2),
                        "p": float(chance),
                    }
                )
    return told
