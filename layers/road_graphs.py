"""The road network of a store, made once for a state of its roads.

A graph is kept in memory and, beside the store, in a file per mode: `NAME-roads-walk.npz`. The file
holds numbers and short texts only, is written whole or not at all, and is never trusted: one that is
damaged, of other roads, of another version or not ours is made anew. A folder that may not be
written costs time and is no error.
"""

from __future__ import annotations

import contextlib
import json
import struct
import threading
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.exceptions import ProjError

from geo.errors import LayerError
from geo.network import RoadNetwork
from geo.roads import RoadGraph, build_graph
from geo.travel import MODES, Mode

from . import write
from .store import Store

FORMAT = "zhoubian-roads/1"
"""Changes whenever the same roads would make another graph: older files are then made anew."""

_TYPES: dict[str, tuple[str, int]] = {
    "x": ("<f8", 1), "y": ("<f8", 1), "u": ("<i4", 1), "v": ("<i4", 1), "length_m": ("<f8", 1),
    "seconds": ("<f8", 1), "forward": ("|b1", 1), "backward": ("|b1", 1), "row": ("<i4", 1),
    "vertices": ("<f8", 2), "starts": ("<i8", 1), "part": ("<i4", 1), "part_m": ("<f8", 1),
}  # fmt: skip
"""Type and dimensions of each array of a graph."""

_UNREADABLE = (
    OSError, EOFError, ValueError, KeyError, TypeError, RuntimeError, MemoryError,
    zipfile.BadZipFile, zlib.error, struct.error, ProjError,
)  # fmt: skip
"""What numpy, zipfile and json raise on bytes that are no such file."""

_NETWORKS = 2
_kept: OrderedDict[tuple[str, str], tuple[RoadNetwork, dict[Mode, RoadGraph]]] = OrderedDict()
_one_at_a_time = threading.Lock()


def version(store: Store) -> str:
    """Another text after any change of the roads of a store, or of how graphs are made."""
    return f"{FORMAT} {store.data_version(('roads',))}"


def road_network(store: Store, modes: Iterable[Mode] = MODES) -> RoadNetwork | None:
    """The network of the roads as the store holds them now, for some modes; None without roads.

    Rows of its graphs are those of `store.read("roads")`. It serves as long as somebody holds it,
    whatever becomes of the store. The last few are kept for whoever asks again.

    Raises
    ------
    LayerError
        `roads_none`: no road is open to a mode.
    """
    wanted = tuple(modes)
    with _one_at_a_time:
        state = version(store)
        if store.count("roads") == 0:
            return None
        key = (str(store.path), state)
        if key not in _kept:
            graphs: dict[Mode, RoadGraph] = {}
            _kept[key] = (RoadNetwork(graphs.__getitem__), graphs)
        _kept.move_to_end(key)
        while len(_kept) > _NETWORKS:
            _kept.popitem(last=False)
        network, held = _kept[key]
        _fill(store, state, held, [mode for mode in wanted if mode not in held])
        return network


def _fill(store: Store, state: str, held: dict[Mode, RoadGraph], missing: list[Mode]) -> None:
    """Read or make the graphs of some modes."""
    roads = None
    for mode in missing:
        file = graph_file(store.path, mode)
        graph = read_graph(file, mode, state)
        if graph is None:
            roads = store.read("roads") if roads is None else roads
            graph = build_graph(roads, mode)
            # whoever cannot write a file here only waits longer next time
            with contextlib.suppress(LayerError):
                write_graph(file, graph, state)
        held[mode] = graph


def graph_file(store: Path, mode: Mode) -> Path:
    """Where the graph of a mode is kept."""
    return store.with_name(f"{store.stem}-roads-{mode}.npz")


def write_graph(file: Path, graph: RoadGraph, state: str) -> None:
    """Write a graph with the state of the roads it was made from; LayerError if that cannot be done."""
    words = {"state": state, "mode": graph.mode, "crs": graph.crs.to_string(), "counts": dict(graph.counts)}
    arrays = {name: np.asarray(getattr(graph, name), dtype=kind) for name, (kind, _) in _TYPES.items()}
    with write.whole(file) as temporary:
        np.savez(temporary, words=np.array(json.dumps(words)), **arrays)  # type: ignore[arg-type]


def read_graph(file: Path, mode: Mode, state: str) -> RoadGraph | None:
    """The graph of a file, or None where the file is not that of this state, or damaged."""
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as held:
            words = json.loads(str(held["words"]))
            if words["state"] != state or words["mode"] != mode:
                return None
            arrays = {name: held[name] for name in _TYPES}
            return _checked(words, arrays, mode)
    except _UNREADABLE:
        return None


def _checked(words: dict[str, Any], arrays: dict[str, NDArray[Any]], mode: Mode) -> RoadGraph | None:
    """The graph, if its arrays fit each other: a wrong index would take a way through another place."""
    if any((arrays[name].dtype.str, arrays[name].ndim) != told for name, told in _TYPES.items()):
        return None
    nodes, edges, parts = len(arrays["x"]), len(arrays["u"]), len(arrays["part_m"])
    of_edges = ("v", "length_m", "seconds", "forward", "backward", "row")
    starts, vertices = arrays["starts"], arrays["vertices"]
    fits = (
        len(arrays["y"]) == len(arrays["part"]) == nodes
        and all(len(arrays[name]) == edges for name in of_edges)
        and len(starts) == edges + 1
        and vertices.shape == (int(starts[-1]), 2)
        and int(starts[0]) == 0
        and bool((np.diff(starts) >= 2).all())
        and all(_within(arrays[name], nodes) for name in ("u", "v"))
        and _within(arrays["part"], parts)
        and all(np.isfinite(arrays[name]).all() for name in ("x", "y", "length_m", "seconds", "vertices"))
    )
    if not fits:
        return None
    return RoadGraph(crs=CRS.from_user_input(words["crs"]), mode=mode, counts=words["counts"], **arrays)


def _within(numbers: NDArray[Any], count: int) -> bool:
    return bool(((numbers >= 0) & (numbers < count)).all())
