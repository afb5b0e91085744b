"""Take a file into the store, and say what became of every row of it.

The file is read and checked by a worker (`layers/intake.py`); here its rows are stored as they come,
in one transaction. A dry run is the same transaction, taken back at its end: what it tells is what
would happen.
"""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from geo.crs import parse_datum
from geo.errors import LayerError, StoreError, ZhoubianError
from layers.batches import Addition, Batch, NewBatch
from layers.columns import header_set
from layers.duplicates import EXAMPLES, known_nearby
from layers.faults import Fault, Note
from layers.intake import PASSED_OVER
from layers.refused_rows import write_refused
from layers.schema import CLASS_COLUMN, LAYERS
from layers.store import Store
from layers.tables import Rows, told_rows
from layers.worker import Worker

from ..i18n import Lang, fault_text, text
from . import datum_check

KINDS = (*LAYERS, "osm")
Progress = Callable[[int, int | None], None]
Messages = Iterator[dict[str, Any]]
RefusedRows = Iterable[tuple[Fault, list[Any] | None]]
Refused = Callable[["ImportReport", RefusedRows], None]

BESIDE_SHP = (".shx", ".dbf", ".prj", ".cpg")
NAMED = ("anchors", "compounds", "back_alleys", "toilets")
"""Layers in which a name is that of a site: pieces of one road share theirs by nature."""

CLASHES = 20_000
"""Rows with an id that is taken, whose cells are kept for correction."""

TOLD = 10_000
"""Refused rows that a report holds; all of them are in the store and in the workbook of refused rows."""


@dataclass(frozen=True)
class Options:
    """What the user says about a file and what is to be done with it.

    Parameters
    ----------
    kind : str
        One of `KINDS`: what the rows are.
    datum : str, optional
        As the user writes it; overrules what the file states.
    given_class : str, optional
        What every row is, for a file without such a column: the class of anchors or roads, the level
        of areas.
    part, encoding : str, optional
        The sheet or layer; the encoding of text.
    columns : dict of field to heading
        Which heading holds which field, before any alias.
    year : int, optional
        Of dates that name none.
    update : bool
        Rows whose id is in the store replace it; otherwise they are refused.
    keep_duplicates : bool
        Keep a record that stands twice under two ids; otherwise the later one is refused.
    dry_run : bool
        Tell all of it and store nothing.
    """

    kind: str
    datum: str | None = None
    given_class: str | None = None
    part: str | None = None
    encoding: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    year: int | None = None
    update: bool = False
    keep_duplicates: bool = False
    licence: str | None = None
    attribution: str | None = None
    dry_run: bool = False


@dataclass(frozen=True)
class ImportReport:
    """What an import did.

    Parameters
    ----------
    batch : Batch
        As stored (in a dry run: as it would be); `counts` per layer hold read, accepted, fixed and
        refused (read = accepted + fixed + refused), and merged, the units that the accepted records
        became.
    faults : dict of layer to list of Fault
        One per refused row, the first `TOLD` of them.
    reasons : dict of layer to dict of code to count
        All refused rows by reason.
    notes : list of Note
        What the user should know besides.
    stored : bool
        False in a dry run and where every row was refused.
    """

    batch: Batch
    faults: dict[str, list[Fault]]
    reasons: dict[str, dict[str, int]]
    notes: list[Note] = field(default_factory=list)
    stored: bool = True

    def total(self, what: str) -> int:
        """The sum of one count over the layers."""
        return sum(counts.get(what, 0) for counts in self.batch.counts.values())


class NothingAcceptedError(LayerError):
    """A file of which every row was refused: nothing was stored; what became of it, for the doors to show."""

    code = "nothing_accepted"

    def __init__(self, report: ImportReport) -> None:
        source, read = report.batch.source, report.total("read")
        super().__init__(
            f"{source}: none of its {read} rows can be taken in, nothing was stored;"
            " mend what is refused and import again",
            file=source, read=read,
        )  # fmt: skip
        self.report = report


def run(
    store_path: Path,
    file: Path,
    options: Options,
    *,
    now: datetime,
    refused: Refused | None = None,
    progress: Progress | None = None,
    shown: str | None = None,
) -> ImportReport:
    """Read, check and store a file; on any error the store is as it was.

    Parameters
    ----------
    refused : callable, optional
        Gets the report and the refused rows that can be corrected, with their cells.
    progress : callable, optional
        Gets the records done and their number, None while it is unknown; what it raises ends the import.
    shown : str, optional
        The file's name as the user knows it; by default the name it has.

    Raises
    ------
    ZhoubianError
        If the options do not fit together, the file cannot be read, or the store not written.
    NothingAcceptedError
        If every row is refused.
    """
    shown = shown or file.name
    datum = require_fitting(store_path, file, options, shown)
    with ExitStack() as stack:
        worker = stack.enter_context(Worker())
        taken, sha256 = take_in_parts(worker, file, shown)
        arguments = arguments_of(store_path, taken.name, options, datum)
        messages, any_accepted = _until_accepted(worker.run("take", arguments))
        where = store_path
        if not store_path.exists() and (options.dry_run or not any_accepted):
            where = worker.folder / "dry.db"  # told in full, and gone with the worker
        batch = NewBatch(
            source=shown, sha256=sha256, imported_at=now.isoformat(), kind=options.kind,
            licence=options.licence, attribution=options.attribution,
        )  # fmt: skip
        store = stack.enter_context(Store.open(where, create=True))
        report: ImportReport | None = None
        with _whole(store, lambda: report), store.adding(batch, update=options.update) as adding:
            report = _put(worker, arguments, messages, _Taking(store, adding, options), progress)
            if refused is not None and report.total("refused"):
                refused(report, _correctable(adding))
            if not report.total("merged"):
                raise NothingAcceptedError(report)
            if options.dry_run:
                raise _DryRunError
        if options.columns and not options.dry_run:
            store.keep_mapping(options.kind, header_set(report.batch.options["headings"]), options.columns)
        return report


def arguments_of(store_path: Path, taken: str, options: Options, datum: str | None) -> dict[str, Any]:
    """What the worker is told: the user's wishes, and what the store knows that helps it."""
    told: dict[str, Any] = {
        "file": taken, "kind": options.kind, "datum": datum, "class": options.given_class,
        "part": options.part, "encoding": options.encoding, "columns": dict(options.columns),
        "year": options.year,
    }  # fmt: skip
    if store_path.exists() and options.kind != "osm":
        with Store.open(store_path, create=False) as store:
            told["remembered"] = store.mappings(options.kind)
            extents = [held["extent"] for held in store.summary() if held["extent"] is not None]
        if extents:
            west, south, east, north = extents[0]
            told["near"] = [0.5 * (west + east), 0.5 * (south + north)]
    return told


def take_in_parts(worker: Worker, file: Path, shown: str | None = None) -> tuple[Path, str]:
    """Copy the file for the worker, a shapefile with its parts; the copy and its SHA-256."""
    taken, sha256, _ = worker.take_in(file, shown)
    if file.suffix.lower() == ".shp":
        for beside in sorted(file.parent.glob(f"{glob.escape(file.stem)}.*")):
            if beside.suffix.lower() in BESIDE_SHP:
                worker.take_in(beside)
    return taken, sha256


def classes_of(kind: str) -> tuple[str, ...]:
    """What `given_class` may be for rows of a kind: classes of anchors and roads, levels of areas."""
    return LAYERS[kind].by_name[CLASS_COLUMN[kind]].allowed if kind in CLASS_COLUMN else ()


def require_fitting(store_path: Path, file: Path, options: Options, shown: str) -> str | None:
    """The datum in the program's words, if options and file fit together."""
    kind, given = options.kind, options.given_class
    if kind not in KINDS:
        raise LayerError(
            f"--as {kind!r} is unknown; use one of {', '.join(KINDS)}",
            code="kind_unknown", given=kind, allowed=", ".join(KINDS),
        )  # fmt: skip
    if given is not None and given not in classes_of(kind):
        fitting = [kind] if kind in CLASS_COLUMN else [*CLASS_COLUMN]
        allowed = ", ".join(dict.fromkeys(word for one in fitting for word in classes_of(one)))
        raise LayerError(
            f"--class {given} does not fit; it goes with --as {', '.join(fitting)} and is one of {allowed}",
            code="class_misplaced", given=given, kinds=", ".join(fitting), allowed=allowed,
        )  # fmt: skip
    known = None if options.datum is None else parse_datum(options.datum)
    is_osm_file = shown.lower().endswith((".osm", ".osm.pbf", ".pbf"))
    if is_osm_file != (kind == "osm"):
        raise LayerError(
            f"{shown}: files ending .osm or .osm.pbf, and only these, are imported --as osm",
            code="kind_mismatch", file=shown, given=kind,
        )  # fmt: skip
    if kind == "osm" and known not in (None, "wgs84"):
        raise LayerError(f"{shown}: OpenStreetMap is WGS-84; leave --datum out", code="osm_datum", file=shown)
    if not file.is_file():
        raise LayerError(f"{shown}: there is no such file; check the name", code="file_missing", file=shown)
    if store_path.exists() and file.samefile(store_path):
        raise LayerError(
            f"{shown} is the store itself and is not imported; name another file",
            code="file_is_store", file=shown,
        )  # fmt: skip
    return known


# -- rows on their way -----------------------------------------------------------------------------


class _DryRunError(Exception):
    """Takes the transaction back when all is told."""


@contextmanager
def _whole(store: Store, report: Callable[[], ImportReport | None]) -> Iterator[None]:
    """Nothing of an import is stored or all of it, and what is said of it is true.

    Ctrl-C while the last page is written comes too late: the import stands, and is reported.
    """
    try:
        with suppress(_DryRunError):
            yield
    except KeyboardInterrupt:
        done = report()
        if done is None or done.batch not in store.batches():
            raise


_AHEAD = 5


def _until_accepted(messages: Messages) -> tuple[Messages, bool]:
    """The messages, and whether an accepted row is among the first pieces: else no store is made yet."""
    seen: list[dict[str, Any]] = []
    pieces = 0
    for message in messages:
        seen.append(message)
        piece = message.get("piece")
        pieces += piece is not None
        if (piece is not None and piece["values"]) or pieces > _AHEAD:
            return chain(seen, messages), True
    return iter(seen), False


class _Taking:
    """Stores the messages of a worker as they come, and keeps count."""

    def __init__(self, store: Store, adding: Addition, options: Options) -> None:
        self.adding = adding
        self.kind = options.kind
        self.options = options
        self.read: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.fixed: set[str] = set()
        self.clashes: list[Fault] = []
        self.nearby = _Nearby(store, options)
        self._store = store

    def piece(self, piece: dict[str, Any]) -> None:
        """Store a piece; a row whose id is taken is refused here."""
        layer = piece["layer"]
        rows = told_rows(layer, piece["labels"], piece["values"], piece["geometry"], piece["gates"])
        clashes = self.adding.put(layer, rows)
        faults = [Fault(**told) for told in piece["faults"]]
        self.adding.refuse(layer, faults, piece["cells"])
        self.read[layer] += piece["read"]
        self.refused[layer] += len(faults) + len(clashes)
        self.fixed |= {*piece["fixed"]} - {fault.row for fault in clashes}
        self._clash(clashes)
        self.nearby.add(layer, rows, piece["values"])

    def _clash(self, clashes: list[Fault]) -> None:
        room = max(0, CLASHES - len(self.clashes))
        self.clashes += clashes[:room]
        self.adding.refuse(self.kind, clashes[room:])

    def withdraw(self, repeats: list[Fault]) -> None:
        """Refuse records that stand twice under two ids."""
        gone = set(self.adding.withdraw(self.kind, (fault.row for fault in repeats)))
        self.fixed -= gone
        self.refused[self.kind] += len(gone)
        self.clashes += [fault for fault in repeats if fault.row in gone]

    def datum_notes(self, end: Mapping[str, Any]) -> list[Note]:
        """How the places fit the roads and the known anchors, where that says anything new.

        Shown in every dry run, and when the datum that the file states, or that was assumed, fits
        worse than another; what the user said is not asked again (`datum_check.warnings` sees it).
        """
        said = self.options.datum is not None and not self.options.dry_run
        if said or self.kind in ("osm", "roads", "areas") or not end["sample"]:
            return []
        guess = datum_check.guess(self._store, np.array(end["sample"]), end["names"])
        winner = guess.verdict.winner if guess.verdict else None
        differs = winner is not None and _same_datum(winner) != _same_datum(end["datum"])
        if differs:
            return [guess.note, Note("datum_differs", {"datum": end["datum"], "fits": winner})]
        return [guess.note] if self.options.dry_run else []

    def counts(self) -> dict[str, dict[str, int]]:
        """Of a table: read = accepted + fixed + refused."""
        stored = self.adding.stored(self.kind)
        return {
            self.kind: {
                "read": self.read[self.kind], "accepted": stored - len(self.fixed),
                "fixed": len(self.fixed), "refused": self.refused[self.kind], "merged": stored,
            }
        }  # fmt: skip


def _put(
    worker: Worker, arguments: dict[str, Any], messages: Messages, taking: _Taking,
    progress: Progress | None,
) -> ImportReport:  # fmt: skip
    """Store the rows as they come, and say what became of each."""
    options, adding, kind = taking.options, taking.adding, taking.kind
    end: dict[str, Any] = {}
    for message in messages:
        if "piece" in message:
            taking.piece(message["piece"])
        elif "progress" in message and progress is not None:
            progress(*message["progress"])
        elif "end" in message:
            end = message["end"]
    if kind == "osm":
        counts = {
            layer: {**told, "fixed": 0} for layer, told in end["counts"].items()
        }  # OSM rules take or refuse an object, they mend none
    else:
        if not options.keep_duplicates:
            taking.withdraw([Fault(**told) for told in end["repeats"]])
        if taking.clashes:
            adding.refuse(kind, taking.clashes, _cells(worker, arguments, taking.clashes))
        counts = taking.counts()
    batch = adding.finish(
        counts=counts,
        datum=end["datum"],
        licence=options.licence or end.get("licence"),
        attribution=options.attribution or end.get("attribution"),
        options={
            "class": options.given_class, "update": options.update, "headings": end.get("headings", []),
            "spatial": end.get("spatial", False),
        },
    )  # fmt: skip
    faults: dict[str, list[Fault]] = {layer: [] for layer in counts}
    for layer, fault, _ in adding.refused(TOLD):
        faults[layer].append(fault)
    notes = [Note(**told) for told in end["notes"]]
    differing = taking.datum_notes(end)
    nearby = taking.nearby.notes(end["datum"])
    if any(note.code == "datum_differs" for note in differing):
        nearby = [note for note in nearby if note.code != "rows_shifted"]
    notes += differing
    accepted = sum(told.get("merged", 0) for told in counts.values())
    return ImportReport(
        batch,
        {layer: sorted(found, key=_row) for layer, found in faults.items()},
        adding.reasons(),
        [*notes, *nearby],
        stored=bool(accepted) and not options.dry_run,
    )


def _same_datum(datum: str) -> str:
    """CGCS2000 and WGS-84 agree within a metre."""
    return "wgs84" if datum in ("cgcs2000", "EPSG:4326", "EPSG:4490") else datum


def _row(fault: Fault) -> tuple[int, str]:
    return (int(fault.row), "") if fault.row.isdigit() else (0, fault.row)


def _cells(worker: Worker, arguments: dict[str, Any], faults: list[Fault]) -> dict[str, list[Any]]:
    """The cells of rows that were found fit by the reader and are refused all the same."""
    wanted = [fault.row for fault in faults]
    found: dict[str, list[Any]] = {}
    for message in worker.run("cells", {**arguments, "rows": wanted}):
        found |= message.get("cells", {})
    return found


class _Nearby:
    """Which rows of the file are, by their name, at a place that the store knows under another id."""

    def __init__(self, store: Store, options: Options) -> None:
        self._kind = options.kind
        self._store = store if options.kind in NAMED else None
        self._told: dict[str, list[Any]] = {
            "ids": [], "rows": [], "names": [], "classes": [], "lonlat": []
        }  # fmt: skip

    def add(self, layer: str, rows: Rows, values: list[list[Any]]) -> None:
        if self._store is None:
            return
        names = list(LAYERS[layer].by_name)
        name, kind = names.index("name"), names.index("class") if "class" in names else None
        self._told["ids"] += [row[0] for row in values]
        self._told["rows"] += rows.labels
        self._told["names"] += [row[name] for row in values]
        self._told["classes"] += [None if kind is None else row[kind] for row in values]
        self._told["lonlat"].append(0.5 * (rows.bounds[:, :2] + rows.bounds[:, 2:]))

    def notes(self, datum: str) -> list[Note]:
        """What the store knows near the rows; and, of a file in WGS-84, which rows are in another datum."""
        if self._store is None or not self._told["ids"]:
            return []
        ids, names = self._told["ids"], self._told["names"]
        mine = set(ids)
        known = self._store.read(self._kind, columns=["name", "class"])
        lonlat = np.concatenate(self._told["lonlat"])
        shifted: list[Note] = []
        if _same_datum(datum) == "wgs84":
            shifted = datum_check.shifted_rows(self._told["rows"], names, lonlat, known)
        known = known[~known["id"].isin(mine)]
        bounds = known.geometry.bounds.to_numpy()
        centre = 0.5 * (bounds[:, :2] + bounds[:, 2:])
        count = 0
        examples: list[str] = []
        classes = np.array([kind or "" for kind in self._told["classes"]], dtype=object)
        theirs = (
            known["class"].fillna("").to_numpy(dtype=object)
            if "class" in known
            else np.full(len(known), "", object)
        )
        for kind in sorted(set(classes)):
            here, there = np.flatnonzero(classes == kind), np.flatnonzero(theirs == kind)
            found = known_nearby(
                [ids[at] for at in here], [names[at] for at in here], lonlat[here],
                known["id"].iloc[there].tolist(), _names(known["name"].iloc[there]), centre[there],
            )  # fmt: skip
            count += found.told.count
            examples += found.told.examples
        if count:
            told = {"count": count, "examples": "; ".join(examples[:EXAMPLES])}
            return [*shifted, Note("known_nearby", told)]
        return shifted


def _names(values: Any) -> list[str | None]:
    return [name if isinstance(name, str) else None for name in values]


# -- refused rows ----------------------------------------------------------------------------------


def _correctable(adding: Addition) -> Iterator[tuple[Fault, list[Any] | None]]:
    return ((fault, cells) for _, fault, cells in adding.refused() if fault.code not in PASSED_OVER)


def refused_workbook(path: Path, batch: Batch, rows: RefusedRows, lang: Lang) -> int:
    """Write refused rows as a workbook to be corrected and imported again; how many it holds."""
    if path.suffix.lower() != ".xlsx":
        raise LayerError(
            f"refused rows are written as a workbook; name a file ending .xlsx, not {path.name}",
            code="refused_ending", file=path.name,
        )  # fmt: skip
    headings = [*batch.options.get("headings", ()), *(["geometry"] if batch.options.get("spatial") else ())]
    title = text(
        "import.refused_title",
        lang,
        source=batch.source,
        kind=batch.kind,
        datum=datum_check.label(batch.datum or ""),
    )
    added = (text("import.refused_reason", lang), text("import.refused_row", lang))
    told = ((fault_text(fault, lang), fault.row, cells) for fault, cells in rows)
    return write_refused(path, title, added, headings, told)


def refused_again(store_path: Path, batch_id: int, path: Path, lang: Lang) -> int:
    """The refused rows of a stored import as a workbook."""
    with Store.open(store_path, create=False) as store:
        batch = store.batch(batch_id)
        rows = (row for row in store.refused_rows(batch_id) if row[0].code not in PASSED_OVER)
        return refused_workbook(path, batch, rows, lang)


# -- history ---------------------------------------------------------------------------------------


def undo(store_path: Path, batch_id: int, *, now: datetime, anyway: bool = False) -> Batch:
    """Take an import out of the store and bring back what it had replaced.

    Raises
    ------
    StoreError
        `batch_needed` if draws were made from its rows and `anyway` is not said: they could not be
        verified or shown any more.
    """
    with Store.open(store_path, create=False) as store:
        needed = [] if anyway else store.draws_needing(batch_id)
        if needed:
            raise StoreError(
                f"{len(needed)} draws were made from the rows of batch {batch_id}: {', '.join(needed[:5])};"
                " without them these draws can no longer be verified; undo it all the same with --anyway",
                code="batch_needed", batch=batch_id, count=len(needed), draws=", ".join(needed[:5]),
            )  # fmt: skip
        return store.undo(batch_id, now.isoformat())


def history(store_path: Path) -> list[Batch]:
    """All imports, the oldest first."""
    with Store.open(store_path, create=False) as store:
        return store.batches()


def as_json(report: ImportReport) -> dict[str, Any]:
    """The report as JSON values."""
    batch = report.batch
    return {
        "batch": batch.id if report.stored else None,
        "source": batch.source,
        "datum": batch.datum,
        "licence": batch.licence,
        "attribution": batch.attribution,
        "counts": {layer: dict(numbers) for layer, numbers in batch.counts.items()},
        "reasons": report.reasons,
        "notes": [{"code": note.code, **note.facts} for note in report.notes],
        "refused": {
            layer: [fault_json(batch.source, fault) for fault in faults]
            for layer, faults in report.faults.items()
        },
    }


def error_json(error: ZhoubianError, sentence: str | None = None) -> dict[str, Any]:
    """A refused file in its machine form; the hint is the part of the sentence that says what to do.

    `sentence` tells the error in another language than English.
    """
    reason, hint = _parted(sentence or error.message)
    row = error.facts.get("row", error.facts.get("line"))
    return {
        "code": error.code, "file": error.facts.get("file"), "row": None if row is None else str(row),
        "field": error.facts.get("columns"), "value": error.facts.get("seen"), "message": reason,
        "hint": hint,
    }  # fmt: skip


def fault_json(file: str, fault: Fault, sentence: str | None = None) -> dict[str, Any]:
    """A refused row in its machine form, as `error_json`."""
    reason, hint = _parted(sentence or fault.message)
    return {
        "code": fault.code, "file": file, "row": fault.row, "field": fault.column, "value": fault.value,
        "message": reason, "hint": hint,
    }  # fmt: skip


def _parted(sentence: str) -> tuple[str, str]:
    """What is wrong, and what to do."""
    reason, _, hint = sentence.replace("；", "; ").partition("; ")
    return reason, hint
