"""What tests have a worker do: all that a foreign file might bring a reader to."""

from __future__ import annotations

import ctypes
import os
import socket
import sys
import time
import urllib.request
from pathlib import Path

from geo.errors import CRSError

PIPE = 3
"""The private way to the parent: the first file a worker opens."""


def echo(arguments, say, step):
    say({"got": arguments})
    return "done"


def chatter(arguments, say, step):
    print("a library prints", flush=True)
    os.write(1, b'["end", "forged"]\n')
    say({"long": "长" * arguments["characters"]})
    say({"hello": 1, "end": 2})


def count(arguments, say, step):
    for number in range(arguments["until"]):
        say({"number": number})


def surroundings(arguments, say, step):
    say({"environment": dict(os.environ), "folder": str(Path.cwd()), "path": sys.path, "pid": os.getpid()})


def heavy(arguments, say, step):
    import pyproj  # noqa: F401, PLC0415
    import shapely  # noqa: F401, PLC0415


def take_memory(arguments, say, step):
    return len(bytearray(arguments["size"]))


def burn(arguments, say, step):
    """So many steps of so many seconds of computing."""
    for _ in range(arguments["steps"]):
        step()
        until = time.process_time() + arguments["seconds"]
        while time.process_time() < until:
            pass
    return "cool"


def sleep(arguments, say, step):
    say({"pid": os.getpid()})
    time.sleep(arguments["seconds"])


def end_badly(arguments, say, step):
    match arguments["how"]:
        case "abort":
            os.abort()
        case "segfault":
            ctypes.string_at(0)
        case "nonsense" | "unknown word" | "half a message":
            say({})  # what follows goes the way of the messages
            os.write(
                PIPE, {"nonsense": b"{\n", "unknown word": b'["obey", 1]\n'}.get(arguments["how"], b'["say"')
            )
            os._exit(0)
        case "exit":
            sys.exit(0)
        case "panic":
            raise PanicError("a Rust library gives up")
        case "bad_alloc":
            os.write(2, b"terminate called after throwing an instance of 'std::bad_alloc'\n")
            os.abort()
        case "defect":
            {}["missing"]


class PanicError(BaseException):
    """As pyo3 brings a panic of Rust to Python: no `Exception`."""


def refuse(arguments, say, step):
    import numpy as np  # noqa: PLC0415

    raise CRSError(
        "input.csv: row 3 {is} in no datum", code="datum_unknown", file="input.csv", row=np.int64(3)
    )


def full(arguments, say, step):
    with Path("big").open("wb") as file:
        file.truncate(3_000_000_000)


def reach_out(arguments, say, step):
    """Every way out that a reader may try; what answered."""
    answered = []
    try:
        socket.create_connection(("127.0.0.1", arguments["port"]), timeout=2).close()
        answered.append("socket")
    except OSError:
        pass
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{arguments['port']}/", timeout=2)
        answered.append("http")
    except OSError:
        pass
    return answered


def litter(arguments, say, step):
    import tempfile  # noqa: PLC0415

    with tempfile.NamedTemporaryFile(delete=False) as file:
        file.write(b"x")
    Path("beside.txt").write_text("x")
    Path("~/at_home.txt").expanduser().write_text("x")
    return [str(path) for path in sorted(Path(os.environ.get("TMPDIR") or os.environ["TEMP"]).iterdir())]


def drivers(arguments, say, step):
    import pyogrio  # noqa: PLC0415

    return sorted(pyogrio.list_drivers())


def check_drivers(arguments, say, step):
    from layers.sandbox import require_allowed_drivers  # noqa: PLC0415

    skipped = os.environ["GDAL_SKIP"].split(",")
    require_allowed_drivers([name for name in arguments["present"] if name not in skipped])
    say({"first": "word"})


def check_stubborn_drivers(arguments, say, step):
    from layers.sandbox import require_allowed_drivers  # noqa: PLC0415

    require_allowed_drivers(arguments["present"])


def read_vectors(arguments, say, step):
    """How many features GDAL finds in each file, or that it refuses."""
    import pyogrio  # noqa: PLC0415

    found = {}
    for name in arguments["files"]:
        try:
            frame = pyogrio.read_dataframe(name)
            found[name] = [len(frame), sorted(map(str, frame.columns))]
        except pyogrio.errors.DataSourceError:
            found[name] = "refused"
    return found
