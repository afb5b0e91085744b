"""Which datum is a file in, and do the layers of the store lie beside each other? Told, never applied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from geo.crs import GEOD, Floats, wgs84_to_bd09, wgs84_to_gcj02
from geo.datum_fit import DEGREES, FEWEST_PAIRS, Fit, Pairs, Roads, Verdict, fit, roads_from, same_named
from geo.offset import UNKNOWN, Offset, offset_of_pairs, offset_to_roads
from geo.plane_systems import MOST_SUGGESTED, NEAR_DEGREES, PlaneSystem, described, plausible_systems
from layers.faults import Note
from layers.store import Store

from ..i18n import Lang, text
from ..recent import Recent

CHECKED = ("anchors", "back_alleys", "compounds", "toilets", "issues")
LAYERS_READ = (*CHECKED, "roads")
"""The warnings change only with these layers: `store.data_version(LAYERS_READ)` keys a cache of them."""

LABELS = {"wgs84": "WGS-84", "cgcs2000": "CGCS2000", "gcj02": "GCJ-02", "bd09": "BD-09"}

_REACH = 0.03
"""Degrees around the points in which roads are looked for: twice the largest shift."""
_MOST_PLACES = 20_000
_DEGREES = 180.0
_WARNINGS: Recent[list[OffsetWarning]] = Recent(4)


# -- before an import ------------------------------------------------------------------------------


@dataclass(frozen=True)
class DatumGuess:
    """What the data in the store say about coordinates that are to be imported.

    Parameters
    ----------
    verdict : Verdict or None
        None where the store has nothing to compare with.
    systems : list of PlaneSystem
        For metres: what they may be, at most five; empty for degrees.
    note : Note
        The sentence for the user.
    """

    verdict: Verdict | None
    systems: list[PlaneSystem]
    note: Note

    def as_json(self) -> dict[str, Any]:
        """The guess as JSON values."""
        return {
            "verdict": None if self.verdict is None else asdict(self.verdict),
            "systems": [asdict(system) for system in self.systems],
            "note": {"code": self.note.code, **self.note.facts},
        }


def guess(store: Store | None, xy: ArrayLike, names: Sequence[str | None] = ()) -> DatumGuess:
    """Compare coordinates as they stand in a file with the roads and the anchors of the store.

    Parameters
    ----------
    store : Store or None
        None while there is no store yet.
    xy : (n, 2) float
        The two columns as they stand, degrees or metres.
    names : sequence of str or None, optional
        The name in each row; known anchors of the same name are compared.
    """
    raw = np.asarray(xy, dtype=np.float64).reshape(-1, 2)
    finite = raw[np.isfinite(raw).all(axis=1)]
    if not len(finite):
        return DatumGuess(None, [], Note("datum_no_reference", {}))
    plane = bool(np.median(np.abs(finite)) > _DEGREES)
    roads = None if store is None else roads_from(_lines(store, None if plane else _around(finite))[1])
    anchors = None if store is None else store.read("anchors", columns=["name"])
    systems: list[PlaneSystem] = []
    candidates: Sequence[str] = DEGREES
    if plane:
        near = _city(roads, anchors)
        systems = plausible_systems(finite, near)[:MOST_SUGGESTED]
        candidates = [s.datum for s in systems if near is not None and _lands(s, near)]
        if systems and systems[0].northing_first:
            raw = raw[:, ::-1]
    pairs = None
    if anchors is not None and len(names) == len(raw):
        pairs = same_named(list(names), list(anchors["name"]), _middles(anchors))
    known = roads is not None or (pairs is not None and len(pairs.index) > 0)
    verdict = fit(raw, roads=roads, pairs=pairs, candidates=candidates) if known and candidates else None
    if verdict is not None and not verdict.used and not verdict.pairs:
        verdict = None
    return DatumGuess(verdict, systems, _note(verdict, systems, plane=plane))


def _lands(system: PlaneSystem, near: tuple[float, float]) -> bool:
    return max(abs(system.lon - near[0]), abs(system.lat - near[1])) <= NEAR_DEGREES


def _city(roads: Roads | None, anchors: gpd.GeoDataFrame | None) -> tuple[float, float] | None:
    if roads is not None:
        return roads.middle
    if anchors is None or anchors.empty:
        return None
    lon, lat = np.median(_middles(anchors), axis=0)
    return float(lon), float(lat)


def _around(lonlat: Floats) -> tuple[float, float, float, float]:
    """The box of nearly all points, and of the roads that may be theirs."""
    low, high = np.quantile(lonlat, [0.02, 0.98], axis=0)
    return (low[0] - _REACH, low[1] - _REACH, high[0] + _REACH, high[1] + _REACH)


def _note(verdict: Verdict | None, systems: Sequence[PlaneSystem], *, plane: bool) -> Note:
    if verdict is None:
        if plane and systems:
            return Note("datum_systems", {"systems": "; ".join(map(str, systems))})
        return Note("datum_no_reference", {})
    if verdict.winner is None or verdict.by is None:
        return _undecided(verdict)
    best = next(f for f in verdict.fits if f.datum == verdict.winner)
    others = [f for f in verdict.fits if f is not best]
    told = {"datum": label(best.datum), "figure": _figure(best, verdict.by)}
    if not others:
        return Note("datum_fits_alone", {"datum": told["datum"]})
    count = verdict.pairs if verdict.by == "names" else verdict.used
    return Note(_FITS[verdict.by], {**told, "others": _figures(others, verdict.by), "count": count})


_FITS = {"near": "datum_fits", "clear": "datum_fits_clear", "names": "datum_fits_names"}


def _undecided(verdict: Verdict) -> Note:
    if any(f.road_m is not None for f in verdict.fits):
        return Note("datum_undecided", {"figures": _figures(verdict.fits, "near"), "count": verdict.used})
    if verdict.pairs >= FEWEST_PAIRS:
        return Note(
            "datum_undecided_names", {"figures": _figures(verdict.fits, "names"), "count": verdict.pairs}
        )
    return Note("datum_few_points", {"count": verdict.used, "pairs": verdict.pairs})


def label(datum: str) -> str:
    """A datum as people write it; a definition in full is told by its projection."""
    if datum in LABELS or len(datum) < 20:
        return LABELS.get(datum, datum)
    return described(datum)


def _figure(fit_: Fit, by: str) -> str:
    if by == "clear":
        return "?" if fit_.on_road is None else f"{100.0 * fit_.on_road:.0f} %"
    metres = fit_.named_m if by == "names" else fit_.road_m
    return "?" if metres is None else f"{metres:.0f} m"


def _figures(fits: Sequence[Fit], by: str) -> str:
    return ", ".join(f"{label(f.datum)} {_figure(f, by)}" for f in fits)


_SHIFTED_M = 60.0
"""How near to the shifted place of its namesake a row lies that was copied from a shifted map."""
_UNSHIFTED_M = 200.0


def shifted_rows(
    rows: Sequence[str], names: Sequence[str | None], lonlat: Floats, known: gpd.GeoDataFrame
) -> list[Note]:
    """Rows of a file in WGS-84 that lie where GCJ-02 or BD-09 would have their namesake in the store.

    Parameters
    ----------
    rows, names : sequence of str
        The number and the name of each row.
    lonlat : (n, 2) float, degrees
    known : GeoDataFrame, EPSG:4326
        What the store holds; ``name``.
    """
    pairs = same_named(list(names), list(known["name"]), _middles(known))
    mine, theirs = lonlat[pairs.index], pairs.lonlat
    far = _metres(mine, theirs) > _UNSHIFTED_M
    notes = []
    for datum, shifted in (("gcj02", wgs84_to_gcj02), ("bd09", wgs84_to_bd09)):
        there = np.column_stack(shifted(theirs[:, 0], theirs[:, 1]))
        found = pairs.index[far & (_metres(mine, there) < _SHIFTED_M)].tolist()
        if found:
            examples = "; ".join(f"{rows[at]} {names[at]}" for at in found[:5])
            facts = {"count": len(found), "datum": label(datum), "examples": examples}
            notes.append(Note("rows_shifted", facts))
    return notes


def _metres(one: Floats, other: Floats) -> Floats:
    return np.asarray(GEOD.inv(*one.T, *other.T)[2], dtype=np.float64)


# -- layers in the store ---------------------------------------------------------------------------


@dataclass(frozen=True)
class OffsetWarning:
    """A layer that lies beside another by one step.

    Parameters
    ----------
    layer, against : str
        Keys of `LAYERS`.
    offset : Offset
    """

    layer: str
    against: str
    offset: Offset

    def as_json(self) -> dict[str, Any]:
        """The warning as JSON values."""
        return {"layer": self.layer, "against": self.against, **asdict(self.offset)}

    def told(self, lang: Lang) -> str:
        """The sentence of both doors: which layer, how far, what it looks like, what to do."""
        layer, against = text(f"layer.{self.layer}", lang), text(f"layer.{self.against}", lang)
        metres = f"{self.offset.metres:.0f}"
        direction = text(f"offset.direction.{self.offset.direction}", lang)
        if self.offset.cause == UNKNOWN:
            return text(
                "offset.warning_unknown", lang,
                layer=layer, against=against, metres=metres, direction=direction,
            )  # fmt: skip
        was, taken = self.offset.cause.split("_as_")
        return text(
            "offset.warning", lang,
            layer=layer, against=against, metres=metres, direction=direction,
            was=label(was), taken=label(taken), datum=was,
        )  # fmt: skip


def warnings(store: Store) -> list[OffsetWarning]:
    """The layers of the store that lie 250-1,500 m beside the roads, or beside the anchors they name.

    Without roads the back alleys serve. Costs up to a second: keep the answer for as long as
    `store.data_version(LAYERS_READ)` stays the same.
    """
    against, lines = _lines(store, None)
    roads = roads_from(lines)
    held = {layer: store.read(layer, columns=_naming(layer)) for layer in CHECKED if layer != against}
    held = {layer: table for layer, table in held.items() if len(table)}
    found: dict[str, OffsetWarning] = {}
    if roads is not None:
        for layer, table in held.items():
            offset = offset_to_roads(_places(table), roads)
            if offset is not None:
                found[layer] = OffsetWarning(layer, against, offset)
    if "anchors" not in held or "anchors" in found:
        return list(found.values())
    anchors = held.pop("anchors")
    for layer, table in held.items():
        if layer not in found:
            offset = offset_of_pairs(_middles(table), _namesakes(layer, table, anchors))
            if offset is not None:
                found[layer] = OffsetWarning(layer, "anchors", offset)
    return list(found.values())


def current_warnings(store: Store) -> list[OffsetWarning]:
    """`warnings`, reckoned once for every state of the layers."""
    key = (str(store.path), store.data_version(LAYERS_READ))
    return _WARNINGS.get(key, lambda: warnings(store))


def _naming(layer: str) -> list[str]:
    return ["site"] if layer == "issues" else ["name"]


def _namesakes(layer: str, table: gpd.GeoDataFrame, anchors: gpd.GeoDataFrame) -> Pairs:
    """Issues know their anchor by its id, other rows by its name."""
    middles = _middles(anchors)
    if layer != "issues":
        return same_named(list(table["name"]), list(anchors["name"]), middles)
    row_of = {anchor: row for row, anchor in enumerate(anchors["id"])}
    rows = table["site"].map(row_of)
    index = np.flatnonzero(rows.notna().to_numpy())
    return Pairs(index, middles[rows.iloc[index].to_numpy(dtype=np.int64)])


def _lines(store: Store, bbox: tuple[float, float, float, float] | None) -> tuple[str, NDArray[np.object_]]:
    """The lines to compare with, and of which layer they are."""
    roads = store.read("roads", bbox=bbox, columns=[])
    if len(roads):
        return "roads", roads.geometry.to_numpy()
    return "back_alleys", store.read("back_alleys", bbox=bbox, columns=[]).geometry.to_numpy()


def _middles(table: gpd.GeoDataFrame) -> Floats:
    """(n, 2) degrees: one place per row."""
    corners = shapely.bounds(table.geometry.to_numpy())
    return np.asarray(0.5 * (corners[:, :2] + corners[:, 2:]), dtype=np.float64)


def _places(table: gpd.GeoDataFrame) -> Floats:
    """(n, 2) degrees: points, and the vertices of lines and outlines; of many rows evenly some."""
    shapes = table.geometry.to_numpy()
    if len(shapes) > _MOST_PLACES:
        shapes = shapes[np.linspace(0, len(shapes) - 1, _MOST_PLACES).astype(np.int64)]
    return np.asarray(shapely.get_coordinates(shapes), dtype=np.float64)
