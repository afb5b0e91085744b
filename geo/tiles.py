"""A province tile by tile: pairs of one tile in memory, and of the rest nothing but the result.

The chance at an anchor needs all its candidates, the chance of a unit all anchors that reach it; only
the sizes of the strata are global. So a tile brings, beside its own units, the anchors within the
largest radius of them and the units within the largest radius of those anchors.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .choice import Choice, needs_simulation, sizes_of
from .design import ANCHOR_CLASSES, Design
from .errors import DesignError, FrameError
from .exposure import inner_of, mixed
from .frame import UNIT_LAYERS, Frame
from .mixing import Cells
from .pools import chances_at_anchors, rank_pairs
from .strata import Strata

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Tile:
    """A part of a province with its halo.

    Parameters
    ----------
    frame : Frame
        The tile's units, all anchors within the largest radius of them, and all units within the
        largest radius of those anchors.
    core : dict of layer to (units,) bool
        Which units of `frame` are the tile's own; each belongs to one tile.
    """

    frame: Frame
    core: dict[str, NDArray[np.bool_]]


def _strata(frame: Frame, design: Design, held: Mapping[str, int]) -> Strata:
    classes = frame.anchors["class"].to_numpy(dtype=object)
    drawn, total = np.zeros((2, len(ANCHOR_CLASSES)), dtype=np.int64)
    for number, name in enumerate(ANCHOR_CLASSES):
        total[number] = held.get(name, 0)
        here = int((classes == name).sum())
        if here > total[number]:
            raise FrameError(
                f"class {name}: a tile holds {here} anchors, the whole province {total[number]};"
                " count the whole province",
                code="tile_anchors", name=name, here=here, held=int(total[number]),
            )  # fmt: skip
    for name, number in design.anchors.numbers({name: held.get(name, 0) for name in ANCHOR_CLASSES}).items():
        drawn[ANCHOR_CLASSES.index(name)] = number
    of = np.array([ANCHOR_CLASSES.index(name) for name in classes], dtype=np.int64)
    return Strata(ANCHOR_CLASSES, of, drawn, total)


def exposure_by_tile(
    tiles: Iterable[Tile], design: Design, held: Mapping[str, int]
) -> Iterator[dict[str, tuple[NDArray[np.object_], Floats]]]:
    """Exact exposure of a province, one tile after the other.

    Parameters
    ----------
    tiles : iterable of Tile
        Made when asked for, so that one is in memory at a time.
    design : Design
        Around single anchors, each with its own or a fixed radius.
    held : dict of class to int
        Anchors of the whole province.

    Yields
    ------
    dict of layer to (ids, pi) of the tile's own units

    Raises
    ------
    DesignError
        More anchors asked for than there are, or settings that join what lies in different tiles.
    FrameError
        A tile with more anchors of a class than the province.
    """
    shared = design.radius_per == "round" and design.radius.law != "fixed"
    if design.per != "anchor" or design.duplicate == "redrawn" or shared or design.must_visit:
        raise DesignError(
            "tile by tile needs a draw around single anchors, each with its own or a fixed radius, and"
            " units that are not drawn anew",
            code="tiles_settings",
        )
    for tile in tiles:
        strata = _strata(tile.frame, design, held)
        told = {}
        for layer in UNIT_LAYERS:
            choice, sizes = Choice.of(design, layer), sizes_of(tile.frame, layer)
            if needs_simulation(choice, sizes):
                raise DesignError(
                    "three and more units by size have no exact chance; draw at most two, or equally",
                    code="simulation_needed", what="three and more by size",
                )  # fmt: skip
            units = tile.frame.units[layer]
            ranked = rank_pairs(tile.frame.pairs[layer], len(strata.of), len(units), inner_m=inner_of(design))
            p = chances_at_anchors(ranked, design.radius, choice, sizes)
            cells = Cells.of(ranked.unit, strata.of[ranked.anchor], len(strata.names))
            pi, _ = mixed(p, cells, len(units), strata)
            core = tile.core[layer]
            told[layer] = (units["id"].to_numpy(dtype=object)[core], pi[core])
        yield told
