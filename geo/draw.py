"""What is inspected: the draw by tickets, its record, and the proof that the record is true."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .balance import balance, pivotal
from .buffers import PairTable
from .design import ANCHOR_CLASSES, WIDEN_TO_M, Design, Take
from .errors import DesignError, FrameError
from .frame import UNIT_LAYERS, Frame, Seal, build_frame, frame_hash, frame_layers, seal
from .lottery import Lottery, canonical_json
from .strata import anchor_strata
from .walking import Walkways

FORMAT = "zhoubian-draw/1"


def commitment(lottery: Lottery, design: Design, frame: str) -> str:
    """SHA-256 over seed, round, settings and frame hash: published before a sealed draw begins.

    Raises
    ------
    DesignError
        If the seed is shorter than 32 characters: a short one can be guessed from its hash.
    """
    if len(lottery.seed) < 32:
        raise DesignError(
            f"a sealed draw needs a seed of at least 128 random bits (32 hexadecimal digits),"
            f" this one has {len(lottery.seed)} characters; leave the seed out to have one made",
            code="seed_short",
            given=len(lottery.seed),
        )
    return hashlib.sha256(
        canonical_json(["zhoubian-seal/1", lottery.seed, lottery.round, design.to_mapping(), frame])
    ).hexdigest()


@dataclass(frozen=True)
class _Pool:
    """The candidates of one surrounding: unit rows with entry distance, nearest anchor, all anchors."""

    unit: NDArray[np.int64]
    entry_m: NDArray[np.float64]
    nearest: NDArray[np.int64]
    reaching: dict[int, list[int]]


@dataclass
class _Surrounding:
    key: str
    rows: list[int]
    radius_m: dict[int, float]


def _strata(frame: Frame, design: Design, lottery: Lottery) -> list[dict[str, Any]]:
    """The anchors of each class, by ticket; must-visit anchors first."""
    asked = anchor_strata(frame, design)
    classes = len(ANCHOR_CLASSES)
    numbers = asked.drawn[:classes] + (asked.drawn[classes:] if design.must_visit else 0)
    named = {name for name, _ in design.anchors.by_class} or set(ANCHOR_CLASSES)
    strata: list[dict[str, Any]] = []
    at = frame.anchors.set_index("id")
    # those that must be visited keep the others away, whatever their class
    taken = [(float(at["x"][unit]), float(at["y"][unit])) for unit in design.must_visit]
    for name, number in zip(ANCHOR_CLASSES, numbers.tolist(), strict=True):
        if name not in named:
            continue
        held = frame.anchors[frame.anchors["class"] == name]
        must = [unit for unit in design.must_visit if unit in set(held["id"])]
        order = _anchor_order(held, design, lottery, name, number, must)
        if design.force_distance:
            order = _far_apart(held, order, len(must), design.min_distance_m, taken)
        drawn = order[:number]
        if len(drawn) < number:
            raise DesignError(
                f"class {name}: only {len(drawn)} of {number} anchors lie {design.min_distance_m:g} m from"
                " all drawn before; ask for a smaller distance or fewer anchors",
                code="distance_short", name=name, found=len(drawn), asked=number,
                distance=f"{design.min_distance_m:g}",
            )  # fmt: skip
        taken.extend((float(at["x"][unit]), float(at["y"][unit])) for unit in drawn)
        reserves = order[number : number + design.reserves]
        strata.append({"stratum": name, "anchors": len(held), "drawn": drawn, "reserves": reserves})
    return strata


def _anchor_order(
    held: pd.DataFrame, design: Design, lottery: Lottery, name: str, number: int, must: list[str]
) -> list[str]:
    """The anchors of a class in the order they are drawn; those beyond `number` are reserves."""
    ids = held["id"].tolist()
    if design.method == "srs":
        return [*must, *(unit for unit in lottery.order(ids, "anchor", name) if unit not in set(must))]
    x, y = held["x"].to_numpy(dtype=float), held["y"].to_numpy(dtype=float)
    drawn = pivotal(lottery, ids, x, y, number, name, always=must)
    return [*drawn, *(unit for unit in lottery.order(ids, "anchor", name) if unit not in set(drawn))]


def _far_apart(
    held: pd.DataFrame, order: list[str], must: int, distance_m: float, taken: list[tuple[float, float]]
) -> list[str]:
    """The order without anchors that are too near to one before them, or to one of another class."""
    at = held.set_index("id")
    kept: list[str] = []
    places = list(taken)
    for number, unit in enumerate(order):
        x, y = float(at["x"][unit]), float(at["y"][unit])
        if number < must or all(np.hypot(x - a, y - b) >= distance_m for a, b in places):
            kept.append(unit)
            places.append((x, y))
    return kept


def near_pairs(frame: Frame, drawn: list[str], distance_m: float) -> list[dict[str, Any]]:
    """Drawn anchors nearer to each other than a distance, over all classes."""
    at = frame.anchors.set_index("id").loc[drawn]
    x, y = at["x"].to_numpy(dtype=float), at["y"].to_numpy(dtype=float)
    gap = np.hypot(x[:, None] - x, y[:, None] - y)
    return [
        {"one": drawn[i], "other": drawn[j], "distance_m": round(float(gap[i, j]), 1)}
        for i, j in np.argwhere(np.triu(gap < distance_m, k=1)).tolist()
    ]


def _spread(frame: Frame, design: Design, strata: list[dict[str, Any]], lottery: Lottery) -> dict[str, Any]:
    """How evenly the drawn anchors lie, beside 200 simple random draws, and which are too near."""
    drawn = [unit for stratum in strata for unit in stratum["drawn"]]
    row_of = {unit: row for row, unit in enumerate(frame.anchors["id"])}
    rng = np.random.default_rng(int.from_bytes(lottery.ticket("balance")[:8]))
    found = balance(
        frame.anchors["x"].to_numpy(dtype=float),
        frame.anchors["y"].to_numpy(dtype=float),
        anchor_strata(frame, design),
        np.array([row_of[unit] for unit in drawn], dtype=np.int64),
        rng,
    )
    return {
        "voronoi": round(found.voronoi, 6),
        "pielou": None if np.isnan(found.pielou) else round(found.pielou, 6),
        "voronoi_random": round(float(found.voronoi_random.mean()), 6),
        "pielou_random": None if np.isnan(found.pielou) else round(float(found.pielou_random.mean()), 6),
        "better_than": round(found.better_than, 4),
        "min_distance_m": design.min_distance_m,
        "near": near_pairs(frame, drawn, design.min_distance_m) if design.min_distance_m else [],
    }


def _surroundings(frame: Frame, design: Design, lottery: Lottery, drawn: list[str]) -> list[_Surrounding]:
    """Groups of drawn anchors that share one draw of units, in the order of their first ticket."""
    row_of = {unit: row for row, unit in enumerate(frame.anchors["id"])}
    label: dict[str, str] = {}
    if design.per == "cluster":
        clusters = frame.anchors["cluster"]
        without = [unit for unit in drawn if pd.isna(clusters.iloc[row_of[unit]])]
        if without:
            raise FrameError(
                f"{len(without)} drawn anchors have no cluster ({', '.join(without[:5])});"
                " fill the column cluster, or draw per anchor or per class",
                code="cluster_missing",
                count=len(without),
                ids=", ".join(without[:5]),
            )
        label = {unit: str(clusters.iloc[row_of[unit]]) for unit in drawn}
    elif design.per == "class":
        label = {unit: str(frame.anchors["class"].iloc[row_of[unit]]) for unit in drawn}
    groups: dict[str, _Surrounding] = {}
    for unit in drawn:
        key = label.get(unit, unit)
        about = ("radius",) if design.radius_per == "round" else ("radius", unit)
        group = groups.setdefault(key, _Surrounding(key, [], {}))
        group.rows.append(row_of[unit])
        group.radius_m[row_of[unit]] = round(design.radius.at(float(lottery.chance(*about))), 3)
    return list(groups.values())


def _pool(pairs: PairTable, group: _Surrounding, inner_m: float) -> _Pool:
    """Units with an entry distance between the inner and the outer radius of some anchor."""
    best: dict[int, tuple[float, int]] = {}
    reaching: dict[int, list[int]] = {}
    for row in group.rows:
        start, stop = np.searchsorted(pairs.anchor, [row, row + 1])
        entry = pairs.entry_m[start:stop]
        inside = (entry <= group.radius_m[row]) & (entry >= inner_m)
        for unit, distance in zip(
            pairs.unit[start:stop][inside].tolist(), entry[inside].tolist(), strict=True
        ):
            reaching.setdefault(unit, []).append(row)
            if unit not in best or distance < best[unit][0]:
                best[unit] = (distance, row)
    units = sorted(best)
    return _Pool(
        np.array(units, dtype=np.int64),
        np.array([best[unit][0] for unit in units]),
        np.array([best[unit][1] for unit in units], dtype=np.int64),
        reaching,
    )


def _widened(
    pairs: PairTable, group: _Surrounding, inner_m: float, number: int
) -> tuple[_Surrounding, float | None]:
    """The group with the smallest common radius that holds `number` units, at most 2 km."""
    entries: dict[int, float] = {}
    for row in group.rows:
        start, stop = np.searchsorted(pairs.anchor, [row, row + 1])
        for unit, distance in zip(
            pairs.unit[start:stop].tolist(), pairs.entry_m[start:stop].tolist(), strict=True
        ):
            if inner_m <= distance <= WIDEN_TO_M:
                entries[unit] = min(distance, entries.get(unit, distance))
    ranked = sorted(entries.values())
    if not ranked:
        return group, None
    radius = ranked[min(number, len(ranked)) - 1]
    if radius <= max(group.radius_m.values()):
        return group, None
    return replace(group, radius_m={row: max(radius, own) for row, own in group.radius_m.items()}), radius


def _pick(
    frame: Frame, design: Design, lottery: Lottery, group: _Surrounding, layer: str, taken: set[int]
) -> tuple[dict[str, Any], _Pool]:
    """The units one surrounding draws of one kind."""
    take: Take = design.alleys if layer == "back_alleys" else design.compounds
    asked = take.at(lottery.chance("count", layer, group.key))
    inner_m = design.inner_m if design.shape == "ring" else 0.0
    pairs, units = frame.pairs[layer], frame.units[layer]
    pool = _pool(pairs, group, inner_m)
    widened: float | None = None
    few = len(pool.unit) < (min(asked, 1) if design.replace == "within_anchor" else asked)
    if few and (design.short_pool if len(pool.unit) else design.empty_pool) == "widen":
        wider, widened = _widened(pairs, group, inner_m, asked)
        pool = _pool(pairs, wider, inner_m)
        few = len(pool.unit) < asked
    note = None
    if few:
        note = "short_pool" if len(pool.unit) else "empty_pool"
    elif widened is not None:
        note = "widened"
    free = [row for row in pool.unit.tolist() if row not in taken]
    ids = units["id"].to_numpy(dtype=object)
    number = 0 if note == "short_pool" and design.short_pool == "skip" else asked
    chosen, reserves = _choose(units, ids, lottery, free, number, design, ("unit", layer, group.key))
    if len(free) < number and note is None and design.replace == "never":
        # units of this pool were drawn before, and `redrawn` does not take them again
        note = "short_pool"
    at = {row: index for index, row in enumerate(pool.unit.tolist())}
    anchors = frame.anchors["id"].to_numpy(dtype=object)

    def told(row: int) -> dict[str, Any]:
        index = at[row]
        return {
            "id": ids[row],
            "entry_m": round(float(pool.entry_m[index]), 2),
            "anchor": anchors[pool.nearest[index]],
        }

    taken.update(chosen)
    return {
        "pool": len(pool.unit),
        "asked": asked,
        "drawn": [told(row) for row in chosen],
        "reserves": [told(row) for row in reserves],
        "note": note,
        "widened_to_m": None if widened is None else round(widened, 2),
    }, pool


def _choose(
    units: pd.DataFrame,
    ids: NDArray[np.object_],
    lottery: Lottery,
    free: list[int],
    number: int,
    design: Design,
    label: tuple[str, ...],
) -> tuple[list[int], list[int]]:
    """Rows drawn, and rows in reserve, by ticket."""
    if number == 0:
        return [], []
    row_of = {str(ids[row]): row for row in free}
    sizes = {unit: int(units["size"].iloc[row]) for unit, row in row_of.items()}
    weighted = len(set(sizes.values())) > 1

    def ordered(*more: str) -> list[int]:
        names = (
            lottery.weighted_order(sizes, *label, *more) if weighted else lottery.order(sizes, *label, *more)
        )
        return [row_of[name] for name in names]

    if design.replace == "within_anchor":
        picks = [ordered(str(turn))[0] for turn in range(number if free else 0)]
        rest = [row for row in ordered() if row not in set(picks)]
        return list(dict.fromkeys(picks)), rest[: design.reserves]
    order = ordered()
    return order[:number], order[number : number + design.reserves]


def draw(frame: Frame, design: Design, lottery: Lottery) -> dict[str, Any]:
    """Draw anchors, then alleys and compounds around each.

    Returns
    -------
    dict
        JSON values: `strata`, `surroundings`, `visits` as the record holds them.

    Raises
    ------
    DesignError
        More anchors asked for than there are.
    FrameError
        A draw per cluster with anchors that have none.
    """
    strata = _strata(frame, design, lottery)
    drawn = [unit for stratum in strata for unit in stratum["drawn"]]
    groups = _surroundings(frame, design, lottery, drawn)
    if design.duplicate == "redrawn":
        groups.sort(key=lambda group: lottery.ticket("turn", group.key))
    ids = frame.anchors["id"].to_numpy(dtype=object)
    classes = frame.anchors["class"].to_numpy(dtype=object)
    taken: dict[str, set[int]] = {layer: set() for layer in UNIT_LAYERS}
    visits: dict[str, dict[str, list[str]]] = {layer: {} for layer in UNIT_LAYERS}
    surroundings = []
    for group in groups:
        told: dict[str, Any] = {
            "key": group.key,
            "anchors": [
                {"id": ids[row], "class": classes[row], "radius_m": group.radius_m[row]} for row in group.rows
            ],
        }
        for layer in UNIT_LAYERS:
            barred = taken[layer] if design.duplicate == "redrawn" else set()
            told[layer], pool = _pick(frame, design, lottery, group, layer, barred)
            rows = {str(frame.units[layer]["id"].iloc[row]): row for row in pool.unit.tolist()}
            for unit in told[layer]["drawn"]:
                reached = [str(ids[row]) for row in pool.reaching[rows[unit["id"]]]]
                visits[layer].setdefault(unit["id"], []).extend(reached)
        surroundings.append(told)
    return {"strata": strata, "surroundings": surroundings, "visits": _visits(visits, design)}


def _visits(found: dict[str, dict[str, list[str]]], design: Design) -> dict[str, list[dict[str, Any]]]:
    """What has to be visited, each unit with the anchors that drew it."""
    told: dict[str, list[dict[str, Any]]] = {}
    for layer, units in found.items():
        told[layer] = []
        for unit, anchors in units.items():
            different = list(dict.fromkeys(anchors))
            if design.duplicate == "twice":
                told[layer].extend({"id": unit, "anchors": [anchor]} for anchor in different)
            else:
                told[layer].append({"id": unit, "anchors": different})
    return told


def told_on_foot(frame: Frame) -> dict[str, dict[str, Any]]:
    """How many places of each layer are far from the roads, cut off, or near their edge, and the first."""
    return {
        layer: {
            "far": len(met.far),
            "far_first": next(iter(met.far), None),
            "apart": len(met.apart),
            "apart_first": next(iter(met.apart), None),
            "edge": met.edge,
            "edge_first": met.edge_first,
        }
        for layer, met in frame.on_foot.items()
    }


def make_record(
    frame: Frame, design: Design, lottery: Lottery, *, visited: Mapping[str, Collection[str]] | None = None
) -> dict[str, Any]:
    """Draw, and write down everything that is needed to repeat it.

    Parameters
    ----------
    visited : dict of layer to ids, optional
        The resting units the frame was built without; they belong to the record.

    Returns
    -------
    dict
        JSON values. The caller adds `name`, `created_at`, `version` and, for a sealed draw,
        `commitment`: they decide nothing.
    """
    drawn = draw(frame, design, lottery)
    return {
        "format": FORMAT,
        "seed": lottery.seed,
        "second": lottery.second,
        "round": lottery.round,
        "design": design.to_mapping(),
        "visited": {layer: sorted(ids) for layer, ids in (visited or {}).items()},
        "frame": {
            "hash": frame.hash,
            "crs": frame.crs.to_string(),
            "layers": {
                layer: {"hash": seal.hash, "count": len(seal.units)} for layer, seal in frame.seals.items()
            },
            "units": {layer: seal.units for layer, seal in frame.seals.items()},
            "excluded": frame.excluded,
            **({"on_foot": told_on_foot(frame)} if frame.on_foot else {}),
        },
        **drawn,
        "spread": _spread(frame, design, drawn["strata"], lottery) if drawn["surroundings"] else None,
    }


@dataclass(frozen=True)
class Verification:
    """What repeating a draw showed.

    Parameters
    ----------
    frame_same : bool
        The layers hold what they held.
    draw_same : bool
        The draw repeated on the layers of today gives the recorded result.
    sealed_true : bool or None
        The commitment fits; None for a draw that was not sealed.
    record_true : bool
        The hashes in the record fit the units it lists.
    changes : dict of layer to dict
        Ids that came, went, moved or changed, where a layer is not the same.
    """

    frame_same: bool
    draw_same: bool
    sealed_true: bool | None
    record_true: bool
    changes: dict[str, dict[str, list[str]]]

    @property
    def same(self) -> bool:
        """Whether the record is confirmed."""
        return self.frame_same and self.draw_same and self.record_true and self.sealed_true is not False


def verify(
    record: Mapping[str, Any],
    tables: Mapping[str, gpd.GeoDataFrame],
    *,
    network: Walkways | None = None,
) -> Verification:
    """Repeat a draw from its record and the layers alone.

    Parameters
    ----------
    record : mapping
        As `make_record` wrote it.
    tables : dict of layer to GeoDataFrame
        The layers of today; `roads` too for a draw by walking distance.
    network : Walkways, optional
        Made of these roads; not looked at for a draw by straight distance.

    Raises
    ------
    FrameError
        If the record has another format or lacks a part.
    """
    if record.get("format") != FORMAT:
        raise FrameError(
            f"the record has the format {record.get('format')!r}, this version reads {FORMAT}",
            code="record_format",
            given=str(record.get("format")),
            known=FORMAT,
        )
    try:
        design = Design.from_mapping(record["design"])
        lottery = Lottery(record["seed"], record["second"], record["round"])
        layers = frame_layers(design)
        kept = {layer: Seal(dict(record["frame"]["units"][layer])) for layer in layers}
        result = {part: record[part] for part in ("strata", "surroundings", "visits")}
        stated = record["frame"]["hash"]
        visited = record["visited"]
    except (KeyError, TypeError, AttributeError) as fault:
        raise FrameError(
            f"the record lacks a part or holds it in another form ({fault}); use the file as it was written",
            code="record_incomplete",
            part=str(fault),
        ) from fault
    try:
        frame = build_frame(tables, design, visited=visited, network=network)
        now, draw_same = frame.seals, canonical_json(draw(frame, design, lottery)) == canonical_json(result)
    except (DesignError, FrameError):
        # the layers of today no longer allow this draw: that is a difference, and `changes` says which
        now, draw_same = {layer: seal(tables[layer], layer) for layer in layers}, False
    changes = {
        layer: kept[layer].changes(now[layer]) for layer in layers if kept[layer].hash != now[layer].hash
    }
    sealed = record.get("commitment")
    return Verification(
        frame_same=not changes,
        draw_same=draw_same,
        sealed_true=None if sealed is None else commitment(lottery, design, stated) == sealed,
        record_true=frame_hash(kept) == stated,
        changes=changes,
    )
