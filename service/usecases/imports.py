"""Take a file into the store, and say what became of every row of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import geopandas as gpd

from geo.crs import parse_datum
from geo.design import ANCHOR_CLASSES
from geo.errors import LayerError
from layers.batches import Batch, NewBatch
from layers.faults import Fault, Note
from layers.osm import read_osm
from layers.read import read_file
from layers.schema import LAYERS
from layers.store import Store
from layers.validate import check

KINDS = (*LAYERS, "osm")
Progress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class ImportReport:
    """What an import did.

    Parameters
    ----------
    batch : Batch
        As stored; `counts` per layer hold read, accepted, refused (read = accepted + refused), and
        merged, the units that the accepted records became.
    faults : dict of layer to list of Fault
        One per refused row.
    notes : list of Note
        What the user should know besides.
    """

    batch: Batch
    faults: dict[str, list[Fault]]
    notes: list[Note] = field(default_factory=list)

    def total(self, what: str) -> int:
        """The sum of one count over the layers."""
        return sum(counts.get(what, 0) for counts in self.batch.counts.values())


class NothingAcceptedError(LayerError):
    """A file of which every row was refused: nothing was stored; what became of it, for the doors to show."""

    code = "nothing_accepted"

    def __init__(self, source: str, parsed: _Parsed) -> None:
        read = sum(counts["read"] for counts in parsed.counts.values())
        super().__init__(
            f"{source}: none of its {read} rows can be taken in, nothing was stored;"
            " mend what is refused and import again",
            file=source, read=read,
        )  # fmt: skip
        self.report = {
            "batch": None,
            "source": source,
            "datum": parsed.datum,
            "licence": parsed.licence,
            "attribution": parsed.attribution,
            **_told(parsed.counts, parsed.notes, parsed.faults),
        }
        self.faults = parsed.faults
        self.notes = parsed.notes


@dataclass(frozen=True)
class _Parsed:
    tables: dict[str, gpd.GeoDataFrame]
    faults: dict[str, list[Fault]]
    counts: dict[str, dict[str, int]]
    notes: list[Note]
    datum: str
    licence: str | None = None
    attribution: str | None = None


def run(
    store_path: Path,
    file: Path,
    kind: str,
    *,
    now: datetime,
    datum: str | None = None,
    anchor_class: str | None = None,
    update: bool = False,
    licence: str | None = None,
    attribution: str | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Read, check and store a file; on any error the store is as it was.

    Parameters
    ----------
    kind : str
        One of `KINDS`: what the rows are.
    datum : str, optional
        As the user writes it; overrules what the file states.
    anchor_class : str, optional
        The class of every row, for anchors without such a column.
    update : bool
        Rows whose id is in the store replace it; otherwise they are refused.

    Raises
    ------
    ZhoubianError
        If the options do not fit together, the file cannot be read, or the store not written.
    """
    if kind not in KINDS:
        raise LayerError(
            f"--as {kind!r} is unknown; use one of {', '.join(KINDS)}",
            code="kind_unknown", given=kind, allowed=", ".join(KINDS),
        )  # fmt: skip
    if anchor_class is not None and (kind != "anchors" or anchor_class not in ANCHOR_CLASSES):
        raise LayerError(
            f"--class {anchor_class} goes with --as anchors and is one of {', '.join(ANCHOR_CLASSES)}",
            code="class_misplaced", given=anchor_class, allowed=", ".join(ANCHOR_CLASSES),
        )  # fmt: skip
    known = None if datum is None else parse_datum(datum)
    is_osm_file = file.name.lower().endswith((".osm", ".osm.pbf", ".pbf"))
    if is_osm_file != (kind == "osm"):
        raise LayerError(
            f"{file.name}: files ending .osm or .osm.pbf, and only these, are imported --as osm",
            code="kind_mismatch", file=file.name, given=kind,
        )  # fmt: skip
    if kind == "osm" and known not in (None, "wgs84"):
        raise LayerError(
            f"{file.name}: OpenStreetMap is WGS-84; leave --datum out", code="osm_datum", file=file.name
        )
    if not file.is_file():
        raise LayerError(
            f"{file.name}: there is no such file; check the name", code="file_missing", file=file.name
        )
    _refuse_store(store_path, file)
    parsed = (
        _osm(file, progress)
        if kind == "osm"
        else _table(store_path, file, kind, known, anchor_class, update=update, progress=progress)
    )
    batch = NewBatch(
        source=file.name,
        sha256=_sha256(file),
        imported_at=now.isoformat(),
        kind=kind,
        datum=parsed.datum,
        licence=licence or parsed.licence,
        attribution=attribution or parsed.attribution,
        options={"class": anchor_class, "update": update},
        counts=parsed.counts,
    )
    if not any(len(table) for table in parsed.tables.values()):
        raise NothingAcceptedError(file.name, parsed)
    with Store.open(store_path, create=True) as store:
        stored = store.add(parsed.tables, batch, parsed.faults, update=update)
    return ImportReport(stored, parsed.faults, parsed.notes)


def _refuse_store(store_path: Path, file: Path) -> None:
    if store_path.exists() and file.samefile(store_path):
        raise LayerError(
            f"{file.name} is the store itself and is not imported; name another file",
            code="file_is_store", file=file.name,
        )  # fmt: skip


def _osm(file: Path, progress: Progress | None) -> _Parsed:
    reading = read_osm(file, progress)
    return _Parsed(
        tables=reading.layers,
        faults={layer: list(faults) for layer, faults in reading.faults.items()},
        counts={
            layer: {"read": n.read, "accepted": n.accepted, "refused": n.refused, "merged": n.merged}
            for layer, n in reading.counts.items()
        },
        notes=[*reading.notes, Note("osm_objects", dict(reading.objects))],
        datum="wgs84",
        licence=reading.licence,
        attribution=reading.attribution,
    )


def _table(
    store_path: Path, file: Path, kind: str, datum: str | None, anchor_class: str | None,
    *, update: bool, progress: Progress | None,
) -> _Parsed:  # fmt: skip
    reading = read_file(file, kind)
    checked = check(reading, kind, datum=datum, anchor_class=anchor_class, progress=progress)
    table, faults = checked.table, list(checked.faults)
    if not update and store_path.exists():
        with Store.open(store_path, create=False) as store:
            known = store.existing_ids(kind, table["id"])
        clash = table["id"].isin(known)
        faults += [
            Fault(
                row=checked.rows[number], column="id", value=str(table["id"].iloc[number]),
                code="id_in_store",
                message="is in the store already; import with --update to replace it, or undo that import",
            )
            for number in clash.to_numpy().nonzero()[0]
        ]  # fmt: skip
        table = table[~clash].reset_index(drop=True)
    counts = {
        "read": checked.read, "accepted": len(table), "refused": len(faults), "merged": len(table),
    }  # fmt: skip
    return _Parsed({kind: table}, {kind: faults}, {kind: counts}, checked.notes, checked.datum)


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def undo(store_path: Path, batch_id: int, *, now: datetime) -> Batch:
    """Take an import out of the store and bring back what it had replaced."""
    with Store.open(store_path, create=False) as store:
        return store.undo(batch_id, now.isoformat())


def history(store_path: Path) -> list[Batch]:
    """All imports, the oldest first."""
    with Store.open(store_path, create=False) as store:
        return store.batches()


def as_json(report: ImportReport) -> dict[str, Any]:
    """The report as JSON values."""
    return {
        "batch": report.batch.id,
        "source": report.batch.source,
        "datum": report.batch.datum,
        "licence": report.batch.licence,
        "attribution": report.batch.attribution,
        **_told(report.batch.counts, report.notes, report.faults),
    }


def _told(
    counts: Mapping[str, Mapping[str, int]], notes: Sequence[Note], faults: Mapping[str, Sequence[Fault]]
) -> dict[str, Any]:
    return {
        "counts": {layer: dict(numbers) for layer, numbers in counts.items()},
        "notes": [{"code": note.code, **note.facts} for note in notes],
        "refused": {
            layer: [
                {"row": f.row, "column": f.column, "value": f.value, "code": f.code, "reason": f.message}
                for f in refused
            ]
            for layer, refused in faults.items()
        },
    }
