"""What is in a file, before anything is done with it: its first rows, its columns, and where it lies.

The preview places the same rows under every datum they may be in, over the roads of the store: the
user sees which one is right. Nothing is applied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.crs import parse_datum, to_wgs84
from geo.datum_fit import DEGREES
from geo.errors import LayerError
from layers.columns import PLACE
from layers.faults import Note
from layers.schema import LAYERS
from layers.store import Store
from layers.worker import Worker

from ..features import road_lines
from . import datum_check
from . import layers as layer_cases
from .imports import Options, arguments_of, require_fitting, take_in_parts

IN_PARTS = (".xlsx", ".xls", ".gpkg", ".zip", ".kml", ".kmz", ".gpx")
"""Files that may hold several tables."""

_AROUND = 0.01
"""Degrees around the points of the preview in which roads are drawn, about a kilometre."""

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Place:
    """Where the rows would lie under a datum.

    Parameters
    ----------
    datum : str
        As `geo.crs.parse_datum` returns it.
    lonlat : (n, 2) degrees, EPSG:4326
    """

    datum: str
    lonlat: Points


@dataclass(frozen=True)
class LookReport:
    """A file as it would be read.

    Parameters
    ----------
    file, kind : str
        Its name; one of `imports.KINDS`.
    parts : list of str
        The sheets, layers or files in it; empty where it is one table.
    part : str or None
        The one that was looked at; None where several would do and nobody has said which: nothing
        below is known then.
    encoding : str or None
        Of its text, where it is text.
    headings : list of str
    columns : dict of field to heading
        Which heading holds which field.
    fields : list of str
        What a heading may hold.
    rows, first : list
        The row numbers and cells of the first rows, as they stand.
    counted : int or None
        Records by the second counter.
    stated, datum, datum_fault : str or None
        What the file says of its datum; in which it would be read; why nobody can tell (`datum_needed`,
        `datum_unusable`).
    notes : list of Note
    guess : DatumGuess or None
        None where there are no coordinates.
    read_as : (n, 2) degrees
        Where the rows lie as they would be read.
    places : list of Place
        Where they would lie otherwise.
    roads : list of dict
        Roads around these places as `features.road_lines` tells them.
    attribution : str
        Of the roads.
    """

    file: str
    kind: str
    parts: list[str]
    part: str | None = None
    encoding: str | None = None
    headings: Sequence[str] = ()
    columns: dict[str, str] | None = None
    fields: Sequence[str] = ()
    rows: Sequence[str] = ()
    first: Sequence[Sequence[Any]] = ()
    counted: int | None = None
    stated: str | None = None
    datum: str | None = None
    datum_fault: str | None = None
    notes: Sequence[Note] = ()
    guess: datum_check.DatumGuess | None = None
    read_as: Points | None = None
    places: Sequence[Place] = ()
    roads: Sequence[dict[str, Any]] = ()
    attribution: str = ""

    @property
    def part_needed(self) -> bool:
        """Somebody has to say which part is meant."""
        return self.columns is None and self.kind != "osm"

    def as_json(self) -> dict[str, Any]:
        """The report as JSON values; degrees to six digits."""
        told = {name: getattr(self, name) for name in _PLAIN}
        return {
            **told,
            "part_needed": self.part_needed,
            "notes": [asdict(note) for note in self.notes],
            "guess": None if self.guess is None else self.guess.as_json(),
            "read_as": _degrees(self.read_as),
            "places": [{"datum": place.datum, "lonlat": _degrees(place.lonlat)} for place in self.places],
        }


_PLAIN = (
    "file", "kind", "parts", "part", "encoding", "headings", "columns", "fields", "rows", "first",
    "counted", "stated", "datum", "datum_fault", "roads", "attribution",
)  # fmt: skip


def look(store_path: Path, file: Path, options: Options, *, shown: str | None = None) -> LookReport:
    """Read the beginning of a file and say how it would be imported.

    Parameters
    ----------
    file : Path
        Where it lies, a shapefile with its parts beside it.
    options : Options
        What the user has said so far.
    shown : str, optional
        The file's name as the user knows it; by default the name it has.

    Raises
    ------
    ZhoubianError
        If the options do not fit together or the file cannot be read.
    """
    shown = shown or file.name
    datum = require_fitting(store_path, file, options, shown)
    if options.kind == "osm":  # read as a whole, with rules of its own
        return LookReport(shown, options.kind, [], datum="wgs84")
    with Worker() as worker:
        taken, _ = take_in_parts(worker, file, shown)
        parts: list[str] = []
        if taken.suffix in IN_PARTS:
            parts = _end(worker, "parts", {"file": taken.name})["parts"]
        arguments = arguments_of(store_path, taken.name, options, datum)
        try:
            found = _end(worker, "look", arguments)
        except LayerError as error:
            if error.code == "part_needed":
                return LookReport(shown, options.kind, parts)
            raise
    notes = [Note(**told) for told in found["notes"]]
    return LookReport(
        shown,
        options.kind,
        parts,
        part=_part(options, parts, notes),
        encoding=_fact(notes, "encoding", "encoding"),
        headings=found["headings"],
        columns=found["columns"],
        fields=fields_of(options.kind, spatial=found["spatial"]),
        rows=found["rows"],
        first=found["first"],
        counted=found["counted"],
        stated=found["stated"],
        datum=found["datum"],
        datum_fault=found["datum_fault"],
        notes=notes,
        **_whereabouts(store_path, found, None if datum is None else parse_datum(datum)),
    )


def fields_of(kind: str, *, spatial: bool) -> list[str]:
    """What a heading of a table may hold: the columns of the layer, and where its place is in columns."""
    layer = LAYERS[kind]
    place = [name for name in PLACE if layer.gates or not name.startswith("gate")]
    return [*layer.by_name, *([] if spatial else place)]


def _end(worker: Worker, task: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """What a task returns."""
    found: dict[str, Any] = {}
    for message in worker.run(task, arguments):
        found = message.get("end", found)
    return found


def _fact(notes: Sequence[Note], code: str, fact: str) -> str | None:
    return next((str(note.facts[fact]) for note in notes if note.code == code), None)


def _part(options: Options, parts: Sequence[str], notes: Sequence[Note]) -> str | None:
    """The part that was read: the one asked for, the one chosen, or the only one."""
    chosen = options.part or _fact(notes, "other_sheets", "read") or _fact(notes, "other_layers", "read")
    return chosen or (parts[0] if len(parts) == 1 else None)


def _whereabouts(store_path: Path, found: dict[str, Any], said: str | None) -> dict[str, Any]:
    """The guess and the preview."""
    xy = np.asarray(found["sample"], dtype=np.float64).reshape(-1, 2)
    if not len(xy):
        return {}
    read_as = np.asarray(found["lonlat"], dtype=np.float64).reshape(-1, 2)
    if not store_path.exists():
        guess = datum_check.guess(None, xy, found["names"])
        return {"guess": guess, "read_as": read_as, "places": _places(xy, guess, said)}
    with Store.open(store_path, create=False) as store:
        guess = datum_check.guess(store, xy, found["names"])
        places = _places(xy, guess, said)
        roads = store.read("roads", bbox=_box([read_as, *(place.lonlat for place in places)]))
        return {
            "guess": guess,
            "read_as": read_as,
            "places": places,
            "roads": road_lines(roads if len(roads) else None),
            "attribution": layer_cases.attribution(store, ("roads",)),
        }


def _places(xy: Points, guess: datum_check.DatumGuess, said: str | None) -> list[Place]:
    """The sample under each datum it may be in, and under the one that was said."""
    if guess.systems:
        turned = {system.datum: system.northing_first for system in guess.systems}
        moved = {name: (xy[:, ::-1] if turn else xy) for name, turn in turned.items()}
    else:
        degrees = xy[(np.abs(xy) <= (180.0, 90.0)).all(axis=1)]
        moved = dict.fromkeys(DEGREES, degrees) if len(degrees) else {}
    if said == "cgcs2000":
        moved.pop("wgs84", None)  # the same places
    places = []
    for name, points in moved.items():
        lonlat = np.column_stack(to_wgs84(points[:, 0], points[:, 1], name))
        places.append(Place(name, lonlat[np.isfinite(lonlat).all(axis=1)]))
    return places


def _box(seen: Sequence[Points]) -> tuple[float, float, float, float]:
    """Around nearly all of the points."""
    lonlat = np.concatenate(seen)
    if not len(lonlat):
        return (0.0, 0.0, 0.0, 0.0)
    low, high = np.quantile(lonlat, [0.02, 0.98], axis=0)
    return (
        float(low[0]) - _AROUND,
        float(low[1]) - _AROUND,
        float(high[0]) + _AROUND,
        float(high[1]) + _AROUND,
    )


def _degrees(lonlat: Points | None) -> list[list[float]]:
    return [] if lonlat is None else np.round(lonlat, 6).tolist()
