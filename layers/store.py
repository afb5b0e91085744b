"""The live store: layers in batches that can be undone, refusals, draws and plans, in one file.

A batch is one import. Its rows are never changed: an update supersedes them, undoing the update
brings them back. Nothing here reads the clock; whoever calls says what time it is (ISO 8601 text).
Every method is one transaction. SQLite itself stands in `sqlite_file.py`, the tables in `tables.py`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypedDict

import geopandas as gpd
import numpy as np
import shapely
from sqlalchemy import Connection, Engine, Table, delete, func, insert, inspect, select, text
from sqlalchemy import update as sql_update

from geo.errors import NotFoundError, StoreError

from . import batches, migrations, schema, sqlite_file, tables
from .batches import Batch, NewBatch
from .faults import Fault
from .sqlite_file import BBox

DrawState = Literal["drawn", "sealed"]


@dataclass(frozen=True)
class DrawHeading:
    """A stored draw by name; sealed until its seed is told."""

    name: str
    created_at: str
    state: DrawState


@dataclass(frozen=True)
class DrawRow(DrawHeading):
    """A stored draw: the public record and, while it is sealed, what only the office may see."""

    record: dict[str, Any]
    secret: dict[str, Any] | None


@dataclass(frozen=True)
class PlanHeading:
    """A stored plan of routes by name.

    `draw` names the draw it serves, if it serves one. `revision` is 1 when it is made, one more after
    each change; `changed_at` is then the time of that change.
    """

    name: str
    draw: str | None
    created_at: str
    changed_at: str
    revision: int


@dataclass(frozen=True)
class PlanRow(PlanHeading):
    """A stored plan with its record."""

    record: dict[str, Any]


_PLAN_HEADING = tuple(field.name for field in fields(PlanHeading))


class LayerSummary(TypedDict):
    """What the store holds of a layer: current rows, their bounds in degrees, the batches they came with."""

    layer: str
    count: int
    extent: BBox | None
    batches: list[Batch]


class Store:
    """An open store; a context manager, safe to share between threads. Made by `Store.open`."""

    def __init__(self, path: Path, engine: Engine, timeout: float) -> None:
        self.path = path
        self._engine = engine
        self._timeout = timeout

    @classmethod
    def open(cls, path: Path, *, create: bool, timeout: float = 10.0) -> Store:
        """Open the store at a path, bringing an older one to the present version.

        Parameters
        ----------
        path : Path
            The file; its folder must be there.
        create : bool
            Make the store if there is none.
        timeout : float
            Seconds to wait, here and in every later call, for another program that writes.

        Raises
        ------
        NotFoundError
            `store_missing`, `store_folder_missing`.
        StoreError
            `store_is_folder`, `not_a_store`, `store_newer`, `store_readonly`, `store_locked`,
            `store_full`, `store_io`, `store_damaged`; the file is as it was. All but the first three
            may come from any other method too.
        """
        path = Path(path).absolute()
        _require_place(path, create=create)
        engine = sqlite_file.open_engine(path, create=create, timeout=timeout)
        store = cls(path, engine, timeout)
        try:
            with sqlite_file.told(path, timeout):
                sqlite_file.require_store(engine, path, create=create)
            store._bring_to_head()
            with sqlite_file.told(path, timeout):
                sqlite_file.ensure_wal(engine, timeout)
        except BaseException:
            store.close()
            raise
        return store

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ------------------------------------------------------------------ layers

    def add(
        self,
        layers: Mapping[str, gpd.GeoDataFrame],
        batch: NewBatch,
        faults: Mapping[str, Sequence[Fault]],
        *,
        update: bool = False,
    ) -> Batch:
        """Store an import: all of it or, on any error, nothing.

        Parameters
        ----------
        layers : {layer: GeoDataFrame, EPSG:4326}
        batch : NewBatch
        faults : {layer: faults}
            The refused rows and why.
        update : bool
            Rows whose id is in the store supersede it; without, they are an error.

        Raises
        ------
        StoreError
            `ids_exist`, `ids_twice`, `rows_incomplete`, `store_text`.
        """
        prepared = {layer: tables.to_rows(rows, layer) for layer, rows in layers.items()}
        with self.adding(batch, update=update) as adding:
            for layer, rows in prepared.items():
                known = adding.put(layer, rows)
                if known:
                    raise _ids_exist(layer, known)
                adding.refuse(layer, faults.get(layer, ()))
            for layer in faults.keys() - prepared.keys():
                adding.refuse(layer, faults[layer])
            return adding.finish(counts=batch.counts)

    @contextmanager
    def adding(self, batch: NewBatch, *, update: bool = False) -> Iterator[batches.Addition]:
        """An import piece by piece: stored when the block ends, and not at all if an error leaves it."""
        with self.writing() as connection:
            yield batches.Addition(connection, batch, update=update)

    def undo(self, batch_id: int, undone_at: str) -> Batch:
        """Take the rows of a batch out and bring back what they had superseded.

        A row that a still later batch supersedes stays superseded, by that batch. The batch itself
        and its refusals are kept.

        Raises
        ------
        NotFoundError
            `batch_unknown`.
        StoreError
            `batch_undone`: it was undone before. `batch_followed`: issues of it have a history.
        """
        with self.writing() as connection:
            batch = batches.one(connection, batch_id)
            if batch.undone_at is not None:
                raise StoreError(
                    f"batch {batch_id} ({batch.source}) was already undone at {batch.undone_at};"
                    " there is nothing left to undo",
                    code="batch_undone",
                    batch=batch_id,
                    source=batch.source,
                    undone_at=batch.undone_at,
                )
            _require_no_history(connection, batch_id)
            for table in tables.LAYER_TABLES.values():
                batches.take_out(connection, table, batch_id)
            connection.execute(
                sql_update(tables.batches).where(tables.batches.c.id == batch_id).values(undone_at=undone_at)
            )
            return batches.one(connection, batch_id)

    def read(
        self, layer: str, *, bbox: BBox | None = None, columns: Iterable[str] | None = None
    ) -> gpd.GeoDataFrame:
        """The current rows of a layer, in the order they were stored.

        Parameters
        ----------
        layer : str
            A key of `LAYERS`.
        bbox : (minx, miny, maxx, maxy), degrees, optional
            Only rows whose geometry meets this box.
        columns : iterable of str, optional
            Only these columns (`gates` may be one), in the order of the schema; `id` and the
            geometry always come along.

        Returns
        -------
        GeoDataFrame, EPSG:4326, index 0..n-1, with the dtypes of the schema.
        """
        table = _table(layer)
        wanted = None if columns is None else {"id", *columns}
        gates = ["gates"] if schema.LAYERS[layer].gates else []
        held = [*schema.LAYERS[layer].by_name, *gates]
        names = [name for name in held if wanted is None or name in wanted]
        query = select(*(table.c[name] for name in names), table.c.geom).where(
            table.c.superseded_by.is_(None)
        )
        if bbox is not None:
            query = query.where(sqlite_file.in_box(table, bbox))
        with self.reading() as connection:
            rows = connection.execute(query.order_by(table.c.fid)).fetchall()
        found = tables.from_rows(rows, layer, names)
        if bbox is None:
            return found
        meets = shapely.intersects(found.geometry.to_numpy(), _window(bbox))
        return found[meets].reset_index(drop=True)

    def stream(
        self, layer: str, columns: Sequence[str], size: int = 1_000
    ) -> Iterator[tuple[list[list[Any]], list[bytes]]]:
        """The current rows as they are stored, piece by piece: values by column, and WKB in EPSG:4326.

        For layers too long to be a table; moments are ISO 8601 text at +08:00. The rows come straight
        from the driver and in pieces that stay in the processor's cache: half the time for a million.
        """
        table = _table(layer)
        query = select(*(table.c[name] for name in columns), table.c.geom).where(
            table.c.superseded_by.is_(None)
        )
        with self.reading() as connection:
            found = connection.execute(query.order_by(table.c.fid))
            while rows := found.cursor.fetchmany(size):
                *values, wkb = (list(column) for column in zip(*rows, strict=True))
                yield values, wkb

    def existing_ids(self, layer: str, ids: Iterable[str]) -> set[str]:
        """Those of the ids that are current in the store."""
        _table(layer)
        with self.reading() as connection:
            return batches.current_ids(connection, layer, list(ids))

    def count(self, layer: str) -> int:
        """How many current rows the layer has."""
        table = _table(layer)
        query = select(func.count()).select_from(table).where(table.c.superseded_by.is_(None))
        with self.reading() as connection:
            return connection.execute(query).scalar_one()

    def summary(self) -> list[LayerSummary]:
        """Every layer of the schema, the empty ones too, in its order."""
        with self.reading() as connection:
            return [_summary(connection, layer) for layer in tables.LAYER_TABLES]

    def came_with(self, layers: Iterable[str]) -> list[Batch]:
        """The imports that current rows of the layers came with, layer by layer in the schema's order."""
        wanted = set(layers)
        with self.reading() as connection:
            return [
                batch
                for layer in tables.LAYER_TABLES
                if layer in wanted
                for batch in _came_with(connection, layer)
            ]

    def data_version(self, layers: Iterable[str]) -> str:
        """A text that is another one after any change of any of the layers; an ETag."""
        wanted = set(layers)
        touching = [batch for batch in self.batches() if wanted & batch.counts.keys()]
        told = json.dumps([migrations.HEAD, *map(asdict, touching)], sort_keys=True)
        if "issues" in wanted:  # they follow their history, see `ledger.py`
            with self.reading() as connection:
                told += f" {connection.execute(select(func.max(tables.events.c.id))).scalar_one()}"
        return hashlib.sha256(told.encode()).hexdigest()[:32]

    # ----------------------------------------------------------------- batches

    def batches(self) -> list[Batch]:
        """Every import in its order, the undone ones too."""
        with self.reading() as connection:
            return batches.found(connection, select(tables.batches))

    def batch(self, batch_id: int) -> Batch:
        """The import of that number (NotFoundError `batch_unknown`)."""
        with self.reading() as connection:
            return batches.one(connection, batch_id)

    def draws_needing(self, batch_id: int) -> list[str]:
        """The names of the later draws whose frame holds units of a batch."""
        with self.reading() as connection:
            batch = batches.one(connection, batch_id)
            layers = {layer: batches.ids_of(connection, layer, batch_id) for layer in tables.LAYER_TABLES}
            draws = tables.draws
            records = connection.execute(
                select(draws.c.name, draws.c.record)
                .where(draws.c.created_at >= batch.imported_at)
                .order_by(draws.c.created_at)
            )
            return [name for name, record in records if _rests_on(record, layers)]

    def refusals(self, batch_id: int) -> dict[str, list[Fault]]:
        """The refused rows of a batch by layer, in the order they were given."""
        faults: dict[str, list[Fault]] = {}
        with self.reading() as connection:
            batches.one(connection, batch_id)
            for layer, fault, _ in batches.refused(connection, batch_id):
                faults.setdefault(layer, []).append(fault)
        return faults

    def refused_rows(self, batch_id: int) -> Iterator[tuple[Fault, list[Any] | None]]:
        """The refused rows of a batch with their cells, where they came from a table."""
        with self.reading() as connection:
            batches.one(connection, batch_id)
            for _, fault, cells in batches.refused(connection, batch_id):
                yield fault, cells

    # ---------------------------------------------------------------- mappings

    def mappings(self, layer: str) -> dict[str, dict[str, str]]:
        """Header set -> field -> heading, as last said of tables with these headings."""
        table = tables.mappings
        query = select(table.c.headings, table.c.columns).where(table.c.layer == layer)
        with self.reading() as connection:
            return {row.headings: row.columns for row in connection.execute(query)}

    def keep_mapping(self, layer: str, headings: str, columns: Mapping[str, str]) -> None:
        """Remember which heading holds which field in tables with these headings."""
        table = tables.mappings
        with self.writing() as connection:
            connection.execute(delete(table).where(table.c.layer == layer, table.c.headings == headings))
            if columns:
                connection.execute(
                    insert(table).values(layer=layer, headings=headings, columns=dict(columns))
                )

    # ------------------------------------------------------------------- draws

    def save_draw(
        self,
        name: str,
        created_at: str,
        record: dict[str, Any],
        *,
        state: DrawState = "drawn",
        secret: dict[str, Any] | None = None,
    ) -> None:
        """Store a draw under a name that no other has (StoreError `draw_exists`)."""
        with self.writing() as connection:
            if name in _names(connection, tables.draws):
                raise StoreError(
                    f"there is already a draw named {name!r}; choose another name",
                    code="draw_exists",
                    name=name,
                )
            values = {"created_at": created_at, "record": record, "state": state, "secret": secret}
            connection.execute(insert(tables.draws).values(name=name, **values))

    def update_draw(
        self,
        name: str,
        record: dict[str, Any],
        *,
        state: DrawState = "drawn",
        secret: dict[str, Any] | None = None,
    ) -> None:
        """Put the record of a sealed draw in its place; a drawn one is final (StoreError `draw_final`)."""
        table = tables.draws
        with self.writing() as connection:
            if _draw(connection, name).state != "sealed":
                raise StoreError(
                    f"the draw {name!r} is not sealed and its record is final; make a new draw",
                    code="draw_final",
                    name=name,
                )
            connection.execute(
                sql_update(table)
                .where(table.c.name == name)
                .values(record=record, state=state, secret=secret)
            )

    def draw(self, name: str) -> DrawRow:
        """The draw of that name (NotFoundError `draw_unknown`, which tells the names there are)."""
        with self.reading() as connection:
            return _draw(connection, name)

    def draws(self) -> list[DrawHeading]:
        """Every draw by name, the oldest first; the records, which may be large, are left to `draw`."""
        table = tables.draws
        query = select(table.c.name, table.c.created_at, table.c.state)
        with self.reading() as connection:
            rows = connection.execute(query.order_by(table.c.created_at, table.c.name))
            return [DrawHeading(*row) for row in rows]

    # ------------------------------------------------------------------- plans

    def save_plan(self, name: str, draw: str | None, created_at: str, record: dict[str, Any]) -> None:
        """Store a plan under a name that no other has (StoreError `plan_exists`), as its revision 1."""
        with self.writing() as connection:
            if name in _names(connection, tables.plans):
                raise StoreError(
                    f"there is already a plan named {name!r}; choose another name",
                    code="plan_exists",
                    name=name,
                )
            values = {"draw": draw, "created_at": created_at, "changed_at": created_at, "revision": 1}
            connection.execute(insert(tables.plans).values(name=name, record=record, **values))

    def update_plan(self, name: str, record: dict[str, Any], changed_at: str, *, revision: int) -> int:
        """Put a changed plan in the place of the revision it was made from.

        Parameters
        ----------
        revision : int
            The revision that was read before the change.

        Returns
        -------
        The new revision, one more.

        Raises
        ------
        NotFoundError
            `plan_unknown`.
        StoreError
            `plan_changed`: somebody else has changed the plan since; nothing is stored.
        """
        table = tables.plans
        with self.writing() as connection:
            stored = _plan(connection, name).revision
            if stored != revision:
                raise StoreError(
                    f"the plan {name!r} was changed in the meantime (it is at revision {stored}, the change"
                    f" was made to revision {revision}); repeat the change on the plan as it is now",
                    code="plan_changed",
                    name=name,
                    stored=stored,
                    given=revision,
                )
            values = {"record": record, "changed_at": changed_at, "revision": revision + 1}
            connection.execute(sql_update(table).where(table.c.name == name).values(**values))
        return revision + 1

    def plan(self, name: str) -> PlanRow:
        """The plan of that name (NotFoundError `plan_unknown`, which tells the names there are)."""
        with self.reading() as connection:
            return _plan(connection, name)

    def plans(self) -> list[PlanHeading]:
        """Every plan by name, the oldest first; the records, which may be large, are left to `plan`."""
        table = tables.plans
        query = select(*(table.c[name] for name in _PLAN_HEADING))
        with self.reading() as connection:
            rows = connection.execute(query.order_by(table.c.created_at, table.c.name))
            return [PlanHeading(*row) for row in rows]

    def remove_plan(self, name: str) -> None:
        """Take a plan out for good (NotFoundError `plan_unknown`)."""
        table = tables.plans
        with self.writing() as connection:
            _plan(connection, name)
            connection.execute(delete(table).where(table.c.name == name))

    # ------------------------------------------------------------ transactions

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that only reads; for the other tables of the store (`ledger.py`, `missions.py`)."""
        with sqlite_file.told(self.path, self._timeout), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes: all of it or, on any error, nothing."""
        with sqlite_file.told(self.path, self._timeout), self._engine.connect() as connection:
            connection.execution_options(writes=True)
            with connection.begin():
                yield connection

    def _bring_to_head(self) -> None:
        with self.reading() as connection:
            version = _version(connection)
        if version == migrations.HEAD:
            return
        with self.writing() as connection:
            version = _version(connection)  # again: another program may have been faster
            if version is not None and version > migrations.HEAD:
                raise StoreError(
                    f"the store at {self.path} was written by a newer zhoubian (version {version}, this one"
                    f" knows {migrations.HEAD}); update the program, the store is as it was",
                    code="store_newer",
                    path=str(self.path),
                    version=version,
                    known=migrations.HEAD,
                )
            if version != migrations.HEAD:
                migrations.upgrade(connection)
                sqlite_file.mark(connection)


def _require_no_history(connection: Connection, batch_id: int) -> None:
    """A history is kept for ever, so its issue must stay."""
    issues, cases = tables.LAYER_TABLES["issues"], tables.cases
    count = connection.execute(
        select(func.count())
        .select_from(issues.join(cases, cases.c.issue == issues.c.id))
        .where(issues.c.batch_id == batch_id)
    ).scalar_one()
    if count:
        raise StoreError(
            f"batch {batch_id} holds {count} issues that are followed up, and a history is never taken back;"
            " withdraw or correct the issues instead (zhoubian issue)",
            code="batch_followed",
            batch=batch_id,
            count=count,
        )


def _require_place(path: Path, *, create: bool) -> None:
    try:
        folder, parent, there = path.is_dir(), path.parent.is_dir(), path.exists()
    except OSError as error:  # a folder on the way that may not be entered, a name too long
        raise sqlite_file.unwritable(path) from error
    if folder:
        raise StoreError(
            f"{path} is a folder; name a file with --store", code="store_is_folder", path=str(path)
        )
    if not parent:
        raise NotFoundError(
            f"the folder {path.parent} is not there; make it or name another store with --store",
            code="store_folder_missing",
            folder=str(path.parent),
        )
    if not there and not create:
        raise sqlite_file.missing(path)


def _rests_on(record: Mapping[str, Any], ids: Mapping[str, set[str]]) -> bool:
    """Whether the frame of a draw holds any of the ids; a sealed draw tells hashes only and may hold them."""
    units = record.get("frame", {}).get("units")
    if units is None:
        walked = record.get("design", {}).get("metric") == "walk"
        return any(ids[layer] for layer in ("anchors", *schema.DRAWN, *(("roads",) if walked else ())))
    return any(not held.isdisjoint(units.get(layer, ())) for layer, held in ids.items() if held)


def _ids_exist(layer: str, known: Sequence[Fault]) -> StoreError:
    first = ", ".join(fault.value for fault in known[:5])
    return StoreError(
        f"{layer}: {len(known)} ids are already in the store, the first are {first};"
        " import with --update to replace them or undo the earlier import",
        code="ids_exist",
        layer=layer,
        count=len(known),
        first=first,
    )


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _table(layer: str) -> Table:
    if layer not in tables.LAYER_TABLES:
        known = ", ".join(tables.LAYER_TABLES)
        raise NotFoundError(
            f"there is no layer {layer!r}; the layers are {known}",
            code="store_layer_unknown",
            layer=layer,
            known=known,
        )
    return tables.LAYER_TABLES[layer]


def _window(bbox: BBox) -> shapely.Geometry:
    minx, miny, maxx, maxy = bbox
    # a polygon without area misses what it touches
    if minx == maxx and miny == maxy:
        return shapely.Point(minx, miny)
    if minx == maxx or miny == maxy:
        return shapely.LineString([(minx, miny), (maxx, maxy)])
    return shapely.box(*bbox)


def _summary(connection: Connection, layer: str) -> LayerSummary:
    table = tables.LAYER_TABLES[layer]
    current = table.c.superseded_by.is_(None)
    wkb = np.array(connection.scalars(select(table.c.geom).where(current)).all(), dtype=object)
    return {
        "layer": layer,
        "count": len(wkb),
        "extent": tuple(shapely.total_bounds(shapely.from_wkb(wkb)).tolist()) if len(wkb) else None,
        "batches": _came_with(connection, layer),
    }


def _came_with(connection: Connection, layer: str) -> list[Batch]:
    table = tables.LAYER_TABLES[layer]
    ids = select(table.c.batch_id).where(table.c.superseded_by.is_(None))
    return batches.found(connection, select(tables.batches).where(tables.batches.c.id.in_(ids)))


def _names(connection: Connection, table: Table) -> list[str]:
    return list(connection.scalars(select(table.c.name).order_by(table.c.name)))


def _draw(connection: Connection, name: str) -> DrawRow:
    table = tables.draws
    query = select(table.c.name, table.c.created_at, table.c.state, table.c.record, table.c.secret)
    row = connection.execute(query.where(table.c.name == name)).one_or_none()
    if row is None:
        known = ", ".join(_names(connection, table)) or "-"
        raise NotFoundError(
            f"there is no draw named {name!r}; the draws are: {known}",
            code="draw_unknown",
            name=name,
            known=known,
        )
    return DrawRow(*row)


def _plan(connection: Connection, name: str) -> PlanRow:
    table = tables.plans
    query = select(*(table.c[column] for column in (*_PLAN_HEADING, "record")))
    row = connection.execute(query.where(table.c.name == name)).one_or_none()
    if row is None:
        known = ", ".join(_names(connection, table)) or "-"
        raise NotFoundError(
            f"there is no plan named {name!r}; the plans are: {known}",
            code="plan_unknown",
            name=name,
            known=known,
        )
    return PlanRow(*row)
