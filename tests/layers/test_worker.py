"""Whatever a foreign file does to its reader, the program gets an answer and nothing stays behind."""

from __future__ import annotations

import ctypes
import hashlib
import http.server
import os
import re
import select
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import geopandas as gpd
import pyogrio
import pytest
import worker_tasks
from shapely import Point

from geo.errors import CRSError, LayerError
from layers import sandbox, windows_job, worker
from layers.child import LIMITS, Limits
from layers.worker import Worker

ROOT = Path(__file__).resolve().parents[2]

TASKS = {
    name: f"worker_tasks:{name}"
    for name, task in vars(worker_tasks).items()
    if callable(task) and getattr(task, "__module__", "") == "worker_tasks"
}

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="Windows has neither this limit nor signals")
windows_only = pytest.mark.skipif(sys.platform != "win32", reason="job objects are of Windows")


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """A place for temporary folders where nobody else leaves any; it is empty when a test ends."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    yield place
    assert list(place.iterdir()) == []


@pytest.fixture
def in_worker():
    """Do a task in a worker; what it said, and the worker."""

    def do(task, limits=LIMITS, **arguments):
        with Worker(limits, tasks=TASKS) as reader:
            said = list(reader.run(task, arguments, shown="点位.xlsx"))
        assert not reader.folder.exists()
        assert reader._child._process.returncode is not None
        return said, reader

    return do


def refused(in_worker, task, code, limits=LIMITS, **arguments):
    """The error of a task: of this code, and about the file as the user knows it."""
    with pytest.raises(LayerError) as caught:
        in_worker(task, limits, **arguments)
    assert caught.value.code == code
    assert caught.value.facts["file"] == "点位.xlsx"
    assert caught.value.message.startswith("点位.xlsx: ")
    return caught.value


def gone(pid, patience_s=5):
    """Whether a process ends within the time."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([process], [], [], patience_s)[0])
    finally:
        os.close(process)


# what is said


def test_a_task_gets_its_arguments_and_says_what_it_has_to_say(in_worker):
    said, reader = in_worker("echo", name="第一中学", half="\ud800")
    assert said == [{"got": {"name": "第一中学", "half": "\ud800"}}, {"end": "done"}]
    assert reader.hello["network"] in ("none", "proxy")


def test_only_tasks_of_the_list_are_done(in_worker):
    with pytest.raises(KeyError):
        in_worker("os:getpid")


def test_what_a_library_prints_and_messages_of_five_megabytes_do_not_disturb(in_worker):
    said, _ = in_worker("chatter", characters=900_000)  # a Chinese character takes six bytes in JSON
    assert said == [{"long": "长" * 900_000}, {"hello": 1, "end": 2}, {"end": None}]


def test_a_slow_listener_loses_nothing():
    with Worker(tasks=TASKS) as reader:
        said = reader.run("count", {"until": 50_000})
        assert next(said) == {"number": 0}
        ahead = reader._child.messages
        assert [message.get("number") for message in said][:-1] == list(range(1, 50_000))
        assert ahead.maxsize == 16


def test_two_tasks_share_a_folder_and_no_process():
    with Worker(tasks=TASKS) as reader:
        pids = [next(reader.run("surroundings", {}))["pid"] for _ in range(2)]
        folder = next(reader.run("surroundings", {}))["folder"]
    assert pids[0] != pids[1]
    assert folder == str(reader.folder)


def test_a_worker_starts_at_once(in_worker):
    def seconds(task):
        began = time.perf_counter()
        in_worker(task)
        return time.perf_counter() - began

    assert min(seconds("echo") for _ in range(3)) < 0.3
    assert min(seconds("heavy") for _ in range(3)) < 1.0


# how it fails


def test_an_error_of_the_task_arrives_as_it_was_with_the_name_the_user_knows(tmp_path):
    (tmp_path / "城区点位.csv").write_text("x")
    with Worker(tasks=TASKS) as reader:
        reader.take_in(tmp_path / "城区点位.csv")
        with pytest.raises(CRSError) as caught:
            list(reader.run("refuse", {}))
    error = caught.value
    assert type(error) is CRSError
    assert (error.code, error.message) == ("datum_unknown", "城区点位.csv: row 3 {is} in no datum")
    assert error.facts == {"file": "城区点位.csv", "row": 3}


def test_a_file_that_needs_too_much_memory_is_refused(in_worker):
    limits = Limits(memory_bytes=400_000_000)
    assert in_worker("take_memory", limits, size=200_000_000)[0] == [{"end": 200_000_000}]
    error = refused(in_worker, "take_memory", "file_memory", limits, size=400_000_000)
    assert error.facts["limit"] == 400


def test_a_library_that_dies_for_want_of_memory_is_told_from_a_damaged_file(in_worker):
    refused(in_worker, "end_badly", "file_memory", how="bad_alloc")


def test_a_step_that_computes_too_long_is_ended(in_worker):
    error = refused(in_worker, "burn", "file_slow", Limits(cpu_s=1), steps=1, seconds=60)
    assert error.facts["seconds"] == "1"


def test_every_step_has_an_allowance_of_its_own(in_worker):
    # 2.4 s in all: were they counted together, the limit of 1 s would end it after 2 s at the latest
    assert in_worker("burn", Limits(cpu_s=1), steps=4, seconds=0.6)[0] == [{"end": "cool"}]


def test_a_silent_worker_is_given_up(in_worker):
    error = refused(in_worker, "sleep", "file_slow", Limits(silence_s=0.5), seconds=60)
    assert error.facts["seconds"] == "0.5"


@pytest.mark.parametrize(
    "how", ["abort", "segfault", "exit", "panic", "nonsense", "unknown word", "half a message"]
)
def test_a_file_that_brings_its_reader_down_is_refused(in_worker, how):
    error = refused(in_worker, "end_badly", "file_crashed", how=how)
    assert str(ROOT) not in error.message


def test_a_defect_of_ours_is_told_as_one_with_its_place(in_worker):
    with pytest.raises(RuntimeError, match=r"^KeyError: 'missing' \(worker_tasks.py:\d+\)") as caught:
        in_worker("end_badly", how="defect")
    assert "Traceback" in caught.value.__notes__[0]


@linux_only
def test_a_file_that_would_fill_the_disk_is_refused(in_worker):
    refused(in_worker, "full", "temporary_full")


# what it can reach


def test_the_worker_knows_nothing_of_the_parents_environment(in_worker, monkeypatch):
    monkeypatch.setenv("ZHOUBIAN_STORE", "postgresql://office:s3cret@db/zhoubian")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    monkeypatch.setenv("PYTHONPATH", "/s3cret")
    monkeypatch.setenv("GDAL_SKIP", "GPKG")
    found = in_worker("surroundings")[0][0]
    assert "s3cret" not in str(found["environment"])
    assert {"ZHOUBIAN_STORE", "AWS_SECRET_ACCESS_KEY", "PYTHONPATH", "USER", "LOGNAME"}.isdisjoint(
        found["environment"]
    )
    assert "GPKG" not in found["environment"]["GDAL_SKIP"].split(",")


def test_no_module_is_looked_for_beside_the_foreign_file(in_worker, monkeypatch):
    monkeypatch.syspath_prepend("")
    found = in_worker("surroundings")[0][0]
    assert [entry for entry in found["path"] if not Path(entry).is_absolute()] == []
    assert found["folder"] not in found["path"]


@pytest.fixture
def listener():
    """A web server on this machine; the ways it was asked."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    class Server(http.server.HTTPServer):
        def get_request(self):
            taken = super().get_request()
            asked.append("connection")
            return taken

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.server_port, asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_worker_reaches_no_address(in_worker, listener):
    port, asked = listener
    said, reader = in_worker("reach_out", port=port)
    ways_out = {"none": [], "proxy": ["socket"]}[reader.hello["network"]]
    assert said == [{"end": ways_out}]
    assert asked == ["connection"] * len(ways_out)


def test_the_proxies_alone_lead_nowhere(listener, tmp_path):
    port, asked = listener
    ask = f"import urllib.request; urllib.request.urlopen('http://127.0.0.1:{port}/', timeout=2)"
    environment = sandbox.environment(tmp_path)
    turned_away = subprocess.run(
        [sys.executable, "-I", "-c", ask], env=environment, capture_output=True, check=False
    )
    assert turned_away.returncode != 0
    assert asked == []
    open_way = {name: value for name, value in environment.items() if "proxy" not in name.lower()}
    subprocess.run([sys.executable, "-I", "-c", ask], env=open_way, check=True)
    assert asked == ["connection", "/"]


def test_gdal_too_asks_no_address(listener, tmp_path):
    port, asked = listener
    ask = f"import pyogrio; pyogrio.read_info('/vsicurl/http://127.0.0.1:{port}/a.none')"
    command, environment = [sys.executable, "-c", ask], sandbox.environment(tmp_path)
    assert subprocess.run(command, env=environment, capture_output=True, check=False).returncode != 0
    assert asked == []


def test_what_a_worker_writes_goes_with_it(in_worker, temporary):
    said, reader = in_worker("litter")
    written = {Path(path).name: Path(path).parent for path in said[0]["end"]}
    assert {"beside.txt", "at_home.txt"} < set(written)
    assert set(written.values()) == {reader.folder}
    assert reader.folder.parent == temporary.resolve()


@linux_only
def test_the_system_keeps_every_limit(in_worker):
    _, reader = in_worker("echo")
    assert reader.hello["limits"] == [
        *("memory", "core", "disk", "files", "no_new_rights", "dies_with_parent", "cpu")
    ]


@windows_only
def test_the_job_keeps_the_limits_of_windows(in_worker):
    _, reader = in_worker("echo")
    assert reader.hello["limits"] == ["memory", "cpu", "processes", "dies_with_parent"]


def test_the_job_of_windows_is_laid_out_as_its_header_says():
    # winnt.h, 64 bits: 2 LARGE_INTEGER, 3 DWORD padded, 3 pointers wide; 6 counters; 4 sizes
    assert ctypes.sizeof(windows_job.ExtendedLimits) == 64 + 48 + 32
    assert ctypes.sizeof(windows_job.Accounting) == 4 * 8 + 4 * 4


# GDAL


def test_gdal_has_no_other_drivers_than_allowed(in_worker):
    present = set(in_worker("drivers")[0][0]["end"])
    assert {"GPKG", "ESRI Shapefile"} <= present <= sandbox.ALLOWED_DRIVERS


def test_every_driver_of_this_gdal_is_allowed_or_switched_off():
    known = sandbox.ALLOWED_DRIVERS | set(sandbox.OTHER_DRIVERS)
    assert sandbox.ALLOWED_DRIVERS.isdisjoint(sandbox.OTHER_DRIVERS)
    assert set(pyogrio.list_drivers()) <= known


def test_a_driver_nobody_knew_is_switched_off_by_starting_anew(in_worker, monkeypatch):
    monkeypatch.setattr(worker, "_unexpected", set())
    said, _ = in_worker("check_drivers", present=["GPKG", "Holodeck", "VRT"])
    assert said == [{"first": "word"}, {"end": None}]
    assert worker._unexpected == {"Holodeck"}


def test_a_driver_that_cannot_be_switched_off_is_told(in_worker, monkeypatch):
    monkeypatch.setattr(worker, "_unexpected", set())
    error = refused(in_worker, "check_stubborn_drivers", "drivers_outside", present=["GPKG", "Holodeck"])
    assert error.facts["drivers"] == "Holodeck"


VRT = """<OGRVRTDataSource><OGRVRTLayer name="canary"><SrcDataSource>{canary}</SrcDataSource>
<GeometryType>wkbPoint</GeometryType><GeometryField encoding="PointFromColumns" x="x" y="y"/>
</OGRVRTLayer></OGRVRTDataSource>"""


def test_a_file_cannot_have_another_one_read(tmp_path):
    canary = tmp_path / "canary.csv"
    canary.write_text("x,y,secret\n1,2,canary\n")
    names = []
    with Worker(tasks=TASKS) as reader:
        for ending in (".gpkg", ".kml", ".kmz", ".gpx", ".shp", ".zip", ".geojson", ".csv", ".json"):
            disguised = tmp_path / f"disguised{ending}"
            disguised.write_text(VRT.format(canary=canary))
            names.append(reader.take_in(disguised)[0].name)
        assert pyogrio.read_dataframe(disguised)["secret"].tolist() == ["canary"]  # outside, it does
        said = list(reader.run("read_vectors", {"files": names}))
    assert said == [{"end": dict.fromkeys(names, "refused")}]


def test_honest_files_are_read(tmp_path):
    points = gpd.GeoDataFrame({"name": ["甲", "乙"]}, geometry=[Point(0, 0), Point(1, 1)], crs=4326)
    with Worker(tasks=TASKS) as reader:
        for ending, driver in ((".gpkg", "GPKG"), (".shp", "ESRI Shapefile")):
            points.to_file(tmp_path / f"points{ending}", driver=driver, engine="pyogrio")
        for file in sorted(tmp_path.glob("points.*")):
            reader.take_in(file)
        said = list(reader.run("read_vectors", {"files": ["input.gpkg", "input.shp"]}))
    found = said[0]["end"]
    assert {name: count for name, (count, _) in found.items()} == dict.fromkeys(found, 2)
    assert found["input.shp"][1] == ["geometry", "name"]  # the .dbf beside it is found


# taking files in


def test_a_file_is_taken_in_under_a_name_of_ours(tmp_path):
    content = bytes(range(256)) * 10_000
    given = tmp_path / "../x; rm -rf ~.Osm.PBF".replace("/", "_")
    given.write_bytes(content)
    with Worker(tasks=TASKS) as reader:
        path, digest, size = reader.take_in(given)
        assert (path.name, path.parent, path.read_bytes()) == ("input.osm.pbf", reader.folder, content)
        assert (digest, size) == (hashlib.sha256(content).hexdigest(), 2_560_000)
        assert reader.take_in(given, shown="上传.exe")[0].name == "input.other"
        if sys.platform != "win32":
            assert stat.S_IMODE(reader.folder.stat().st_mode) == 0o700


def test_a_file_that_is_not_there_or_too_large_is_refused_by_its_name(tmp_path, monkeypatch):
    monkeypatch.setattr("layers.reading.MAX_BYTES", 1_000_000)
    large = tmp_path / "large.csv"
    large.write_bytes(bytes(1_000_001))
    with Worker(tasks=TASKS) as reader:
        for file, shown, code in (
            (tmp_path / "none.csv", "点位.csv", "file_missing"),
            (tmp_path, "点位.csv", "file_missing"),
            (large, "点位.csv", "file_large"),
        ):
            with pytest.raises(LayerError, match=re.escape(shown)) as caught:
                reader.take_in(file, shown)
            assert (caught.value.code, caught.value.facts["file"]) == (code, shown)


def test_folders_left_by_the_killed_are_swept_after_a_day(temporary):
    old, young, foreign = (temporary / name for name in ("zhoubian-worker-a", "zhoubian-worker-b", "other"))
    for folder in (old, young, foreign):
        folder.mkdir()
    day_ago = time.time() - 90_000
    for folder in (old, foreign):
        os.utime(folder, (day_ago, day_ago))
    Worker(tasks=TASKS).close()
    assert sorted(temporary.iterdir()) == [foreign, young]
    young.rmdir()
    foreign.rmdir()


# cancelling


def test_closing_from_another_thread_ends_the_task_at_once():
    reader = Worker(tasks=TASKS)
    said = reader.run("sleep", {"seconds": 60}, shown="点位.csv")
    next(said)
    errors = []

    def listen():
        try:
            list(said)
        except LayerError as error:
            errors.append(error)

    listening = threading.Thread(target=listen)
    listening.start()
    reader.close()
    listening.join(2)
    assert not listening.is_alive()
    assert [(error.code, error.facts) for error in errors] == [("reading_stopped", {"file": "点位.csv"})]
    with pytest.raises(LayerError):
        list(reader.run("echo", {}))


@linux_only
def test_a_task_nobody_listens_to_any_more_is_ended():
    with Worker(tasks=TASKS) as reader:
        for message in reader.run("sleep", {"seconds": 60}):
            pid = message["pid"]
            break
    assert gone(pid, patience_s=0)


def test_a_talkative_task_nobody_listens_to_leaves_no_thread_behind():
    with Worker(tasks=TASKS) as reader:
        assert next(reader.run("count", {"until": 50_000})) == {"number": 0}
    assert [thread.name for thread in threading.enumerate() if thread.name == "worker messages"] == []


PARENT = """
import sys, tempfile
sys.path[:0] = sys.argv[1:3]
tempfile.tempdir = sys.argv[3]
from layers.worker import Worker
with Worker(tasks={"sleep": "worker_tasks:sleep"}) as reader:
    for message in reader.run("sleep", {"seconds": 60}):
        print(message["pid"], flush=True)
"""


@linux_only
@pytest.mark.parametrize("ending", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_the_worker_ends_with_its_parent(temporary, ending):
    command = [sys.executable, "-c", PARENT, str(ROOT), str(ROOT / "tests/layers"), str(temporary)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    ) as parent:
        pid = int(parent.stdout.readline())
        assert not gone(pid, patience_s=0)
        parent.send_signal(signal.Signals[ending])
        assert gone(pid)
        parent.wait(5)
    left = list(temporary.iterdir())
    if ending == "SIGINT":
        assert left == []
    for folder in left:  # swept after a day
        worker._remove(folder)
