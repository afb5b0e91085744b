"""What an inspection as a whole is likely to meet: bad units, issues found, pairs of units, rounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from geo.design import Design
from geo.draw import told_on_foot
from geo.errors import DesignError
from geo.exposure import exposure
from geo.findings import bad_visits, expected_issues
from geo.frame import UNIT_LAYERS
from geo.rounds import independent_rounds, joint, remaining, rounds_until_seen, without_repetition
from layers.store import Store

from .draws import record_of
from .exposure import SIMULATION_SEED, frame_of, issues_of, layer_of, unit_row

ROUNDS_MAX = 1000


def odds(
    store: Store,
    design: Design,
    *,
    units: Sequence[str] = (),
    rounds: int = 1,
    after: str | None = None,
    detect: float = 1.0,
) -> dict[str, Any]:
    """The chances of one inspection, or of several rounds.

    Parameters
    ----------
    units : ids
        Up to two alleys or compounds to follow: each by itself, and both together.
    rounds : int
        Rounds for the followed units: independent of each other, and without repeating an anchor.
    after : str, optional
        The name of a draw: its anchors and units are taken out first, so the chances are those given
        what was drawn then.
    detect : float in (0, 1]
        Chance that a visit finds an issue that is there.

    Returns
    -------
    dict
        `settings`; `on_foot`: places that the roads do not serve; `expected_distinct` by layer; `bad`:
        units with open issues, chance to meet at least one, expected visits to one and their
        distribution; `issues_found`: expected number found; `units`, `together`; every part with
        `method` and standard error.
    """
    if not 1 <= rounds <= ROUNDS_MAX:
        raise DesignError(
            f"{rounds} rounds are out of range; give 1 to {ROUNDS_MAX}",
            code="option_range", option="rounds", given=rounds, low=1, high=ROUNDS_MAX,
        )  # fmt: skip
    if len(units) > 2:
        raise DesignError(
            f"{len(units)} units are named; follow one or two", code="units_many", given=len(units)
        )
    frame, ready = frame_of(store, design)
    whole = frame
    if after is not None:
        record = record_of(store, after)
        drawn = {layer: [visit["id"] for visit in visits] for layer, visits in record["visits"].items()}
        drawn["anchors"] = [unit for stratum in record["strata"] for unit in stratum["drawn"]]
        held = {"anchors": frame.anchors, **frame.units}
        # what has left the frame since then is out already
        out = {layer: set(ids) & set(held[layer]["id"]) for layer, ids in drawn.items()}
        frame, ready = remaining(frame, out), None
    rng = np.random.default_rng(SIMULATION_SEED)
    found = exposure(frame, design, ready=ready, rng=rng, detect=detect)
    sure = found if detect == 1.0 else exposure(frame, design, ready=ready, rng=rng)
    issues = issues_of(store, whole)
    counts, bad = {}, {}
    for layer in UNIT_LAYERS:
        row_of = {unit: row for row, unit in enumerate(frame.units[layer]["id"])}
        own = issues.table[issues.table["layer"] == layer]
        named = whole.units[layer]["id"].to_numpy(dtype=object)[own["unit"].to_numpy(dtype=np.int64)]
        number = np.zeros(len(row_of))
        for unit, cases in zip(named, own["count"], strict=True):
            if unit in row_of:
                number[row_of[unit]] += cases
        counts[layer], bad[layer] = number, number > 0
    met = bad_visits(frame, design, bad, ready=found.ready, rng=rng)
    told: dict[str, Any] = {
        "settings": design.to_mapping(),
        "on_foot": told_on_foot(whole),
        "after": after,
        "method": found.method,
        "expected_distinct": {layer: part.expected_distinct for layer, part in sure.layers.items()},
        "bad": {
            "units": {layer: int(flags.sum()) for layer, flags in bad.items()},
            "at_least_one": met.at_least_one, "se": met.at_least_one_se, "expected_visits": met.mean,
            "law": [float(chance) for chance in met.law],
            "method": "approximate" if found.method == "approximate" else met.method,
        },
        "detect": detect,
        "issues_found": expected_issues(found, counts),
        "units": [],
        "together": None,
    }  # fmt: skip
    rows = [(layer, unit_row(frame, layer, unit)) for unit in units for layer in [layer_of(store, unit)]]
    series = None if rounds == 1 or not units else exposure(frame, without_repetition(frame, design, rounds))
    for unit, (layer, row) in zip(units, rows, strict=True):
        pi = sure.layers[layer].pi[row]
        told["units"].append(
            {
                "id": unit, "layer": layer, "pi": float(pi), "rounds": rounds,
                "independent": float(independent_rounds(np.array([pi]), rounds)[0]),
                "no_repeat": None if series is None else float(series.layers[layer].pi[row]),
                "rounds_until_95": _finite(rounds_until_seen(np.array([pi]))[0]),
            }
        )  # fmt: skip
    if len(rows) == 2:
        chance, se = joint(frame, design, rows[0], rows[1], ready=found.ready, rng=rng)
        told["together"] = {"chance": chance, "se": se}
    return told


def _finite(number: float) -> int | None:
    return int(number) if np.isfinite(number) else None
