"""Make a draw, keep its record, prove it, show it."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd

from geo.design import Design
from geo.draw import FORMAT, Verification, commitment, make_record
from geo.draw import verify as verify_record
from geo.errors import DesignError, FrameError, LayerError
from geo.frame import LAYERS, Frame, build_frame, frame_layers
from geo.lottery import Lottery
from layers.missions import sealed_error, sealing
from layers.schema import LAYERS as LAYER_NAMES
from layers.store import DrawHeading, Store

from ..settings import VERSION
from . import layers as layer_cases

if TYPE_CHECKING:
    from geo.network import RoadNetwork

NAME = re.compile(r"[^\x00-\x1f\x7f/\\]{1,60}")
"""What a draw or a plan may be called."""
MAX_RECORD = 100_000_000
MAP_LAYERS = (*LAYERS, "roads")
"""What the map of a draw shows, and so what it depends on."""


@dataclass(frozen=True)
class Made:
    """A draw as it was stored; `seed_made` where the program chose the seed."""

    name: str
    record: dict[str, Any]
    state: str
    seed: str
    seed_made: bool


def _checked_name(store: Store, name: str | None, now: datetime) -> str:
    taken = {heading.name for heading in store.draws()}
    if name is None:
        number = 1
        while (chosen := f"{now:%Y%m%d}-{number}") in taken:
            number += 1
        return chosen
    if not NAME.fullmatch(name) or name != name.strip() or name in (".", ".."):
        raise DesignError(
            f"{name[:40]!r} cannot be the name of a draw; use 1 to 60 letters, digits or Chinese characters"
            " without / or \\",
            code="draw_name", given=name[:40],
        )  # fmt: skip
    if name in LAYER_NAMES or name.lower().endswith(".json"):
        raise DesignError(
            f"{name!r} cannot be the name of a draw: layers are called so, or files of records (.json);"
            " choose another name",
            code="draw_name_reserved", given=name,
        )  # fmt: skip
    return name


def _require_text(words: str | None) -> None:
    """A seed must be the same bytes everywhere; half a character has none."""
    try:
        (words or "").encode()
    except UnicodeEncodeError as error:
        raise DesignError(
            f"a seed or second value holds half a character: {ascii(words)[:40]}; type it again",
            code="seed_text", shown=ascii(words)[:40],
        ) from error  # fmt: skip


def frame_now(store: Store, design: Design, *, visited: Mapping[str, Collection[str]] | None = None) -> Frame:
    """The sampling frame of a design on the layers of the store, and on its roads where it asks for them."""
    return build_frame(_tables(store, design), design, visited=visited, network=_network(store, design))


def _tables(store: Store, design: Design) -> dict[str, gpd.GeoDataFrame]:
    return {layer: store.read(layer) for layer in frame_layers(design)}


def _network(store: Store, design: Design) -> RoadNetwork | None:
    """What the design walks on; None for a straight line, and for a store without roads."""
    if design.metric != "walk":
        return None
    # here, because a draw by straight distance need not wait for the graphs of scipy
    from layers.road_graphs import road_network  # noqa: PLC0415

    return road_network(store, ("walk",))


def visited(store: Store, since: datetime | None = None) -> dict[str, set[str]]:
    """Units that draws of this store visited, all or since a moment, by layer."""
    found: dict[str, set[str]] = {"back_alleys": set(), "compounds": set()}
    for heading in store.draws():
        late = since is None or datetime.fromisoformat(heading.created_at) >= since
        if heading.state == "drawn" and late:
            for layer, visits in store.draw(heading.name).record["visits"].items():
                found[layer].update(visit["id"] for visit in visits)
    return found


def resting(store: Store, design: Design, now: datetime) -> dict[str, list[str]]:
    """Units that earlier draws of this store visited within the cooldown."""
    if design.cooldown_days == 0:
        return {}
    found = visited(store, now - timedelta(days=design.cooldown_days))
    return {layer: sorted(ids) for layer, ids in found.items()}


def run(
    store: Store,
    design: Design,
    *,
    now: datetime,
    seed: str | None = None,
    round_number: int = 1,
    name: str | None = None,
    sealed: bool = False,
    frame: Frame | None = None,
) -> Made:
    """Draw, and store the record.

    Parameters
    ----------
    seed : str, optional
        Any text; without one 128 random bits are taken and told.
    sealed : bool
        Store only the commitment and the frame; `unseal` draws when the second value is known.
    frame : Frame, optional
        That of this design on the layers as they are, for whoever makes many draws from it and leaves
        no unit out for a cooldown; by default it is made.

    Raises
    ------
    ZhoubianError
        For an impossible design, an unusable layer, or a name that is taken. Nothing is stored then.
    """
    chosen = _checked_name(store, name, now)
    _require_text(seed)
    used = secrets.token_hex(16) if seed is None else seed
    lottery = Lottery(used, None, round_number)
    visited = resting(store, design, now)
    frame = frame or frame_now(store, design, visited=visited)
    heading = {"name": chosen, "version": VERSION, "created_at": now.isoformat()}
    if not sealed:
        record = {**heading, **make_record(frame, design, lottery, visited=visited), "commitment": None}
        store.save_draw(chosen, now.isoformat(), record)
        return Made(chosen, record, "drawn", used, seed is None)
    public = {**heading, **_sealed(frame, design, lottery)}
    # drawing now proves that the design can be drawn; the result depends on the second value and is dropped
    make_record(frame, design, Lottery(used, "rehearsal", round_number), visited=visited)
    secret = {"seed": used, "visited": visited}
    store.save_draw(chosen, now.isoformat(), public, state="sealed", secret=secret)
    return Made(chosen, public, "sealed", used, seed is None)


def _sealed(frame: Frame, design: Design, lottery: Lottery) -> dict[str, Any]:
    """What is published before a sealed draw."""
    return {
        "format": FORMAT,
        "round": lottery.round,
        "design": design.to_mapping(),
        "frame": {"hash": frame.hash},
        "commitment": commitment(lottery, design, frame.hash),
    }


def unseal(store: Store, name: str, second: str, *, now: datetime) -> Made:
    """Draw a sealed draw with the second value that somebody else has named.

    Raises
    ------
    FrameError
        If the layers are no longer those of the commitment.
    DesignError
        If the second value is empty, or an unannounced mission keeps the draw sealed until it starts.
    """
    row = store.draw(name)
    if row.state != "sealed" or row.secret is None:
        raise DesignError(f"the draw {name!r} is not sealed", code="draw_not_sealed", name=name)
    if (mission := sealing(store, name, now)) is not None:
        raise sealed_error(mission)
    if not second.strip():
        raise DesignError(
            "the second value is empty; give what was named at the start, for example a lottery result",
            code="second_empty",
        )
    _require_text(second)
    design = Design.from_mapping(row.record["design"])
    lottery = Lottery(row.secret["seed"], second, row.record["round"])
    visited = row.secret["visited"]
    frame = frame_now(store, design, visited=visited)
    if frame.hash != row.record["frame"]["hash"]:
        raise FrameError(
            f"the layers are no longer those that the commitment of {name!r} was published for;"
            " undo the imports made since, or seal a new draw",
            code="sealed_frame_changed", name=name,
        )  # fmt: skip
    record = {
        "name": name,
        "version": VERSION,
        "created_at": row.created_at,
        "unsealed_at": now.isoformat(),
        **make_record(frame, design, lottery, visited=visited),
        "commitment": row.record["commitment"],
    }
    store.update_draw(name, record, state="drawn", secret=None)
    return Made(name, record, "drawn", lottery.seed, seed_made=False)


def listing(store: Store) -> list[DrawHeading]:
    """All draws, the oldest first."""
    return store.draws()


def record_of(store: Store, name: str) -> dict[str, Any]:
    """The record of a draw that has been made."""
    row = store.draw(name)
    if row.state != "drawn":
        raise DesignError(
            f"the draw {name!r} is sealed: it has no result yet; unseal it with the second value",
            code="draw_sealed", name=name,
        )  # fmt: skip
    return row.record


def read_record(file: Path) -> dict[str, Any]:
    """A record from a JSON file, as `export` writes it.

    Raises
    ------
    LayerError
        If the file is missing, too large or no record.
    """
    if not file.is_file():
        raise LayerError(
            f"{file.name}: there is no such file; check the name", code="file_missing", file=file.name
        )
    if file.stat().st_size > MAX_RECORD:
        raise LayerError(f"{file.name} is too large for a record", code="record_large", file=file.name)
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as fault:
        raise _no_record(file) from fault
    if not isinstance(record, dict) or not isinstance(record.get("format"), str):
        raise _no_record(file)
    return record


def _no_record(file: Path) -> LayerError:
    return LayerError(
        f"{file.name} is no draw record; give the .json file that zhoubian export has written",
        code="record_unreadable", file=file.name,
    )  # fmt: skip


def verify(store: Store, record: Mapping[str, Any]) -> Verification:
    """Repeat a draw from its record and the layers of the store alone."""
    # a record that cannot be read is told so by `verify_record`
    walked = isinstance(record.get("design"), Mapping) and record["design"].get("metric") == "walk"
    design = Design(metric="walk" if walked else "straight")
    try:
        network = _network(store, design)
    except LayerError:  # nobody may walk on the roads of today: a difference, which `verify_record` names
        network = None
    return verify_record(record, _tables(store, design), network=network)


def map_version(store: Store, name: str) -> str:
    """A text that changes whenever the map of a draw would look different.

    Raises
    ------
    NotFoundError
        If there is no such draw.
    """
    heading = next((row for row in store.draws() if row.name == name), None)
    if heading is None:
        heading = store.draw(name)  # which says that there is none
    state = [name, heading.created_at, heading.state, store.data_version(MAP_LAYERS)]
    return hashlib.sha256(json.dumps(state).encode()).hexdigest()[:32]


def map_data(store: Store, name: str) -> tuple[dict[str, Any], dict[str, gpd.GeoDataFrame], str]:
    """A draw's record, the layers its map shows, and whose data they are."""
    record = record_of(store, name)
    layers = {layer: store.read(layer) for layer in MAP_LAYERS}
    return record, layers, layer_cases.attribution(store, MAP_LAYERS)


def table(store: Store, record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The draw as rows: one per drawn unit and reserve, and one where a surrounding drew nothing.

    Each row: stratum class, anchor id and name, radius (m), kind of unit, pool size, number asked
    for, role (drawn, reserve, none), unit id and name, entry distance (m), note.
    """
    names = {layer: layer_cases.names(store, layer) for layer in LAYERS}
    rows = []
    for surrounding in record["surroundings"]:
        by_id = {anchor["id"]: anchor for anchor in surrounding["anchors"]}
        first = surrounding["anchors"][0]
        for layer in ("back_alleys", "compounds"):
            pick = surrounding[layer]
            units = [("drawn", unit) for unit in pick["drawn"]] + [
                ("reserve", unit) for unit in pick["reserves"]
            ]
            for role, unit in units or [("none", None)]:
                anchor = first if unit is None else by_id[unit["anchor"]]
                rows.append(
                    {
                        "surrounding": surrounding["key"],
                        "class": anchor["class"],
                        "anchor": anchor["id"],
                        "anchor_name": names["anchors"].get(anchor["id"]),
                        "radius_m": anchor["radius_m"],
                        "kind": layer,
                        "pool": pick["pool"],
                        "asked": pick["asked"],
                        "role": role,
                        "unit": None if unit is None else unit["id"],
                        "unit_name": None if unit is None else names[layer].get(unit["id"]),
                        "entry_m": None if unit is None else unit["entry_m"],
                        "note": pick["note"],
                    }
                )
    return rows
