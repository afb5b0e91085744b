"""What the store does when the world is against it: killed, locked, full, read-only, not a store."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine
from store_samples import alleys, many_alleys, new_batch
from test_store import NOON, RECORD, assert_same, refusal

from geo.errors import NotFoundError, StoreError, ZhoubianError
from layers.faults import Fault
from layers.sqlite_file import open_engine
from layers.store import Store

HERE = Path(__file__).resolve().parent


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with Store.open(tmp_path / "周边.db", create=True) as store:
        store.add({"back_alleys": alleys(["a", "b"])}, new_batch(), {"back_alleys": [FAULT]})
        store.save_draw("第一次", NOON, RECORD)
    return tmp_path / "周边.db"


FAULT = Fault("3", "编号", "", "id_missing", "no id", {})


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def assert_as_it_was(path: Path) -> None:
    """The store of the fixture, sound and with nothing more in it."""
    with Store.open(path, create=False) as store:
        assert_same(store.read("back_alleys"), alleys(["a", "b"]))
        assert [batch.id for batch in store.batches()] == [1]
        assert store.refusals(1) == {"back_alleys": [FAULT]}
        assert store.draw("第一次").record == RECORD
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert file.execute("PRAGMA foreign_key_check").fetchall() == []
        assert file.execute("SELECT rtreecheck('back_alleys_boxes')").fetchone() == ("ok",)
        assert file.execute("SELECT count(*) FROM back_alleys_boxes").fetchone() == (2,)


def python(script: str, *arguments: object) -> list[str]:
    return [sys.executable, "-c", script, *map(str, arguments)]


SURROUNDINGS = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parents[1])])}


# --------------------------------------------------------------- settings and place


def test_every_connection_is_durable_and_the_file_is_in_wal_mode(path):
    engine = open_engine(path, create=False, timeout=7)
    with engine.connect() as first, engine.connect() as second:
        for connection in (first, second):
            found = [
                connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("synchronous", "journal_mode", "foreign_keys", "busy_timeout")
            ]
            assert found == [2, "wal", 1, 7000]  # 2 is FULL
    engine.dispose()


def test_closed_store_is_one_file(path):
    assert [file.name for file in path.parent.iterdir()] == ["周边.db"]


def test_missing_store_is_not_made_by_looking_for_it(tmp_path):
    with pytest.raises(NotFoundError, match=r"no store at .*new\.db; import a file first") as error:
        Store.open(tmp_path / "new.db", create=False)
    assert refusal(error) == "store_missing"
    assert list(tmp_path.iterdir()) == []


def test_empty_file_is_no_store_until_something_is_imported(tmp_path):
    empty = tmp_path / "empty.db"
    empty.touch()
    with pytest.raises(NotFoundError) as error:
        Store.open(empty, create=False)
    assert refusal(error) == "store_missing"
    assert empty.stat().st_size == 0
    Store.open(empty, create=True).close()
    with Store.open(empty, create=False) as store:
        assert store.batches() == []


def spreadsheet(file: Path) -> None:
    file.write_text("编号,名称\n1,槐树巷\n", encoding="gb18030")


def other_database(file: Path) -> None:
    with closing(sqlite3.connect(file)) as database:
        database.execute("CREATE TABLE alembic_version (version_num TEXT)")


def other_application(file: Path) -> None:
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA application_id=1196444487")  # GeoPackage


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize("made", [spreadsheet, other_database, other_application])
def test_file_of_something_else_is_refused_and_left_alone(tmp_path, made, create):
    file = tmp_path / "other.db"
    made(file)
    before = digest(file)
    with pytest.raises(StoreError) as error:
        Store.open(file, create=create)
    assert refusal(error) == "not_a_store"
    assert digest(file) == before


@pytest.mark.parametrize(
    ("place", "code"),
    [("", "store_is_folder"), ("no/where.db", "store_folder_missing"), ("长" * 300, "store_readonly")],
)
def test_place_that_can_hold_no_store_is_told(tmp_path, place, code):
    with pytest.raises(ZhoubianError) as error:
        Store.open(tmp_path / place, create=True)
    assert refusal(error) == code


def test_newer_store_is_refused_and_left_alone(path):
    with closing(sqlite3.connect(path)) as file:
        file.execute("UPDATE alembic_version SET version_num = '0999'")
        file.commit()
    before = digest(path)
    with pytest.raises(StoreError, match=r"newer zhoubian \(version 0999, this one knows 0004\)") as error:
        Store.open(path, create=True)
    assert refusal(error) == "store_newer"
    assert digest(path) == before


def test_copy_made_by_sqlite_opens_as_a_store(path, tmp_path):
    copy = tmp_path / "copy.db"  # not in WAL mode
    with closing(sqlite3.connect(path)) as file:
        file.execute("VACUUM INTO ?", (str(copy),))
    assert_as_it_was(copy)
    with closing(sqlite3.connect(copy)) as file:
        assert file.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_damaged_store_is_told(path):
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    with pytest.raises(StoreError) as error, Store.open(path, create=False) as store:
        store.read("back_alleys")
    assert refusal(error) == "store_damaged"


# -------------------------------------------------------------------------- killed

KILLED = """
import os, sys
from pathlib import Path
from sqlalchemy import event
from sqlalchemy.engine import Engine
from layers.faults import Fault
from layers.store import Store
from store_samples import alleys, many_alleys, new_batch
import pandas as pd

path, moment = Path(sys.argv[1]), sys.argv[2]
if moment == "COMMIT":
    event.listen(Engine, "commit", lambda connection: os._exit(9))
elif moment:
    def killed(connection, cursor, statement, *_):
        if " ".join(statement.split()).startswith(moment):
            os._exit(9)
    event.listen(Engine, "after_cursor_execute", killed)
with Store.open(path, create=True) as store:
    rows = pd.concat([many_alleys(int(sys.argv[3])), alleys(["a"])])
    fault = Fault("1", "", "", "odd", "odd", {})
    store.add({"back_alleys": rows}, new_batch(), {"back_alleys": [fault]}, update=True)
"""

MOMENTS = (
    "BEGIN IMMEDIATE",
    "INSERT INTO batches",
    "SELECT max(back_alleys.fid)",
    "SELECT id, batch_id, fid FROM",
    "UPDATE back_alleys",
    'INSERT INTO "back_alleys" ',
    'INSERT INTO "back_alleys_boxes"',
    "INSERT INTO refusals",
    "UPDATE batches",
    "SELECT batches.id",
    "COMMIT",
)


def test_import_killed_at_any_moment_leaves_the_store_as_it_was(path):
    for moment in MOMENTS:
        # enough rows to overflow the page cache, so that uncommitted pages really reach the disk
        run = python(KILLED, path, moment, 12_000)
        assert subprocess.run(run, env=SURROUNDINGS, check=False).returncode == 9, moment
        assert_as_it_was(path)


@pytest.mark.parametrize(
    "moment", ["CREATE TABLE roads", "INSERT INTO alembic_version", "PRAGMA application_id=", "COMMIT"]
)
def test_creation_killed_half_way_is_done_again(tmp_path, moment):
    path = tmp_path / "new.db"
    killed = subprocess.run(python(KILLED, path, moment, 5), env=SURROUNDINGS, check=False)
    assert killed.returncode == 9
    with pytest.raises(NotFoundError):
        Store.open(path, create=False)
    with Store.open(path, create=True) as store:
        store.add({"back_alleys": alleys(["a"])}, new_batch(), {})
        assert store.count("back_alleys") == 1


# -------------------------------------------------------------------------- at once

WRITER = """
import sys
from pathlib import Path
from layers.store import Store
from store_samples import alleys, new_batch

print("ready", flush=True)
sys.stdin.readline()
with Store.open(Path(sys.argv[1]), create=True) as store:
    for number in range(15):
        ids = [f"{sys.argv[2]}-{number}-{row}" for row in range(20)]
        store.add({"back_alleys": alleys(ids)}, new_batch(sys.argv[2]), {})
        assert store.existing_ids("back_alleys", ids) == set(ids)
"""


def test_two_processes_make_and_fill_one_store_at_once(tmp_path):
    path = tmp_path / "shared.db"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    writers = [
        subprocess.Popen(python(WRITER, path, name), env=SURROUNDINGS, **pipes)
        for name in ("first", "second")
    ]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate(timeout=120)
    assert [writer.returncode for writer in writers] == [0, 0]
    with Store.open(path, create=False) as store:
        assert store.count("back_alleys") == 2 * 15 * 20
        assert sorted(batch.source for batch in store.batches()) == ["first"] * 15 + ["second"] * 15


def test_store_kept_by_another_program_is_told_and_usable_afterwards(path):
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with Store.open(path, create=False, timeout=0.05) as store:
            assert store.count("back_alleys") == 2  # reading goes on
            with pytest.raises(StoreError, match=r"kept it for more than 0.05 s") as error:
                store.add({"back_alleys": alleys(["c"])}, new_batch(), {})
            assert refusal(error) == "store_locked"
            other.execute("ROLLBACK")
            store.add({"back_alleys": alleys(["c"])}, new_batch(), {})
            assert store.count("back_alleys") == 3


# --------------------------------------------------------------------- rights, space


@contextmanager
def without_power() -> Iterator[None]:
    """As a user who may not overrule the rights of a file."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def read_only(path: Path) -> Iterator[Path]:
    """A sound store and its folder, both of which only the owner may write and everybody may read."""
    if os.name == "nt":
        pytest.skip("the rights of a folder work differently on Windows")
    folder = Path(tempfile.mkdtemp())
    store = Path(shutil.copy(path, folder / path.name))
    store.chmod(0o444)
    folder.chmod(0o555)
    yield store
    folder.chmod(0o755)
    shutil.rmtree(folder)


def closed_folder(store: Path) -> Path:
    store.parent.chmod(0o000)
    return store


@pytest.mark.parametrize(
    "place",
    [lambda store: store, lambda store: store.with_name("new.db"), closed_folder],
    ids=["file", "new", "closed"],
)
def test_store_that_may_not_be_written_is_told_with_its_folder(read_only, place):
    before = digest(read_only)
    wanted = place(read_only)
    with without_power(), pytest.raises(StoreError) as error:
        Store.open(wanted, create=True)
    assert refusal(error) == "store_readonly"
    assert str(read_only.parent) in error.value.message
    read_only.parent.chmod(0o555)
    assert [file.name for file in read_only.parent.iterdir()] == [read_only.name]
    assert digest(read_only) == before


def test_full_disk_is_told_and_nothing_is_stored(path):
    def no_more_pages(connection: sqlite3.Connection, _: object) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={pages + 20}")

    event.listen(Engine, "connect", no_more_pages)
    try:
        with Store.open(path, create=False) as store:
            with pytest.raises(StoreError) as error:
                store.add({"back_alleys": many_alleys(3_000)}, new_batch(), {})
            store.add({"back_alleys": alleys(["c"])}, new_batch(), {})  # what fits is still taken
            store.undo(2, NOON)
    finally:
        event.remove(Engine, "connect", no_more_pages)
    assert refusal(error) == "store_full"
    with Store.open(path, create=False) as store:
        assert_same(store.read("back_alleys"), alleys(["a", "b"]))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    if mount is None or sys.platform != "linux":
        pytest.skip("a small disk can be made on Linux only")
    mounted = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=2m", "tmpfs", place], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"mounting a small disk is not permitted: {mounted.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", place], check=True)


def test_disk_that_fills_up_loses_nothing_and_recovers(path, small_disk):
    store_path = Path(shutil.copy(path, small_disk / path.name))
    with Store.open(store_path, create=False) as store, pytest.raises(StoreError) as error:
        store.add({"back_alleys": many_alleys(8_000)}, new_batch(), {})
    assert refusal(error) == "store_full"
    assert_as_it_was(store_path)
    filler = small_disk / "filler"
    with pytest.raises(OSError, match="No space"):
        filler.write_bytes(b"\0" * 2**21)
    with pytest.raises(StoreError) as error, Store.open(store_path, create=False) as store:
        store.add({"back_alleys": alleys(["c"])}, new_batch(), {})
    assert refusal(error) in {"store_full", "store_io"}
    filler.unlink()
    assert_as_it_was(store_path)
