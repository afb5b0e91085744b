"""What the worker process does to itself before it reads a foreign file.

Nothing but the standard library is imported here, for the limits must stand before any foreign
library is loaded: memory, computing time, files, no network where the system allows it, no life
after the parent. `worker.py` is the other side; the two speak in lines of JSON, never in pickles.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import faulthandler
import importlib
import json
import math
import os
import select
import signal
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO, TypedDict

ALLOWED_DRIVERS = frozenset({"GPKG", "ESRI Shapefile", "MEM", "Memory"})
"""GDAL drivers that foreign files may reach; MEM, once called Memory, holds what others read."""

_SHIPPED = """
GPX, KML, LIBKML,
AAIGrid, ACE2, ADBC, ADRG, AIG, AirSAR, AIVector, AmigoCloud, AVCBin, AVCE00, BMP, BSB, BT, BYN,
CALS, Carto, CEOS, COASP, COG, COSAR, CPG, CSV, CSW, CTG, DAAS, DERIVED, DGN, DIMAP, DOQ1, DOQ2,
DTED, DXF, ECRGTOC, EDIGEO, EEDA, EEDAI, EHdr, EIR, Elasticsearch, ENVI, ERS, ESAT, ESRIC, ESRIJSON,
FAST, FlatGeobuf, GDALG, GenBin, GeoJSON, GeoJSONSeq, GeoRSS, GFF, GML, GNMDatabase, GNMFile,
GPSBabel, GRASSASCIIGrid, GRIB, GS7BG, GSAG, GSBG, GSC, GTFS, GTI, GTiff, GTX, GXF, HF2, HFA, HTTP,
Idrisi, ILWIS, IRIS, ISCE, ISG, ISIS2, ISIS3, JAXAPALSAR, JDEM, JML, JPEG, JSONFG, KMLSUPEROVERLAY,
KRO, L1B, LAN, LCP, Leveller, LIBERTIFF, LOSLAS, LVBAG, MAP, MapInfo File, MapML, MBTiles, MFF,
MFF2, MiraMonRaster, MiraMonVector, MRF, MSGN, MVT, NDF, NGSGEOID, NGW, NITF, NOAA_B, NSIDCbin,
NTv2, NWT_GRC, NWT_GRD, OAPIF, ODS, OGCAPI, OGR_GMT, OGR_PDS, OGR_VRT, OpenFileGDB, OSM, PAux,
PCIDSK, PCRaster, PDF, PDS, PDS4, PGDUMP, PLMOSAIC, PLSCENES, PMTiles, PNG, PNM, PRF, RCM, RIK, RMF,
ROI_PAC, RPFTOC, RRASTER, RS2, RST, S57, SAFE, SAGA, SAR_CEOS, Selafin, SENTINEL2, SIGDEM,
SNAP_TIFF, SNODAS, SQLite, SRP, SRTMHGT, STACIT, STACTA, SXF, Terragen, TGA, TIL, TopoJSON, TSX,
USGSDEM, VDV, VFK, VICAR, VRT, WAsP, WCS, WFS, WMS, WMTS, XLSX, XYZ, Zarr, ZMap
"""
OTHER_DRIVERS = " ".join(_SHIPPED.split()).split(", ")
"""Every other driver of GDAL 3.12 as pyogrio ships it. Some follow what a file tells them to open
(VRT, GDALG, GTI) or fetch (WFS, HTTP, OAPIF), whatever the file is called. What another GDAL has
beyond these, `require_allowed_drivers` finds."""

DEAD_END = "http://127.0.0.1:1"

DISK_BYTES = 2_000_000_000
OPEN_FILES = 256

MESSAGE_BYTES = 32_000_000
"""A longer message is a mistake: rows go into files of the folder."""

NO_ROOM = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
"""Numbers of an OSError that says the disk, or what is allowed of it, is full."""

_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_PR_SET_NO_NEW_PRIVS = 38


class Request(TypedDict):
    """What the parent asks for, the one line on standard input."""

    path: list[str]
    task: str
    arguments: dict[str, Any]
    memory_bytes: int
    cpu_s: int


class DriversOutsideError(BaseException):
    """GDAL has drivers this version does not know to switch off.

    No `Exception`, so that no reader takes it for a fault of its file.
    """

    def __init__(self, names: list[str]) -> None:
        super().__init__(", ".join(names))
        self.names = names


def environment(folder: Path, skip: Iterable[str] = ()) -> dict[str, str]:
    """The whole environment of the worker: nothing of the parent's but what a process needs to start.

    Parameters
    ----------
    folder : Path
        The worker's own folder: home and place of temporary files.
    skip : iterable of str
        Drivers to switch off beyond `OTHER_DRIVERS`.
    """
    drivers = ",".join([*OTHER_DRIVERS, *skip])
    own = dict.fromkeys(("HOME", "TMPDIR", "TEMP", "TMP", "CPL_TMPDIR"), str(folder))
    if sys.platform == "win32":
        root = os.environ.get("SYSTEMROOT", r"C:\Windows")
        own |= dict.fromkeys(("USERPROFILE", "APPDATA", "LOCALAPPDATA"), str(folder))
        own |= {"SYSTEMROOT": root, "PATH": rf"{root}\System32"}
    elif "LD_LIBRARY_PATH" in os.environ:  # where it is set, Python itself may need it to start
        own["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
    proxies = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy")
    return own | {
        "LANG": "C.UTF-8",
        # every thread would take address space for a heap and a stack of its own
        **dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
        "MALLOC_ARENA_MAX": "2",
        "GDAL_NUM_THREADS": "1",
        # GDAL reads these when it is loaded: set later they do nothing
        "GDAL_SKIP": drivers,
        "GDAL_DRIVER_PATH": "disable",
        "GDAL_VRT_ENABLE_PYTHON": "NO",
        "CPL_DEBUG": "OFF",
        **dict.fromkeys(proxies, DEAD_END),
        **({} if sys.platform == "win32" else dict.fromkeys(map(str.upper, proxies), DEAD_END)),
        "GDAL_HTTP_PROXY": DEAD_END,
        "GDAL_HTTPS_PROXY": DEAD_END,
        "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none",
        "PROJ_NETWORK": "OFF",
    }


def require_allowed_drivers(names: Iterable[str]) -> None:
    """Stop before a file is opened if GDAL has drivers outside `ALLOWED_DRIVERS`.

    To be called in the worker once pyogrio is imported, with `pyogrio.list_drivers()`, and before
    the task says its first word: the parent then starts the task anew without those drivers.
    """
    outside = sorted(set(names) - ALLOWED_DRIVERS)
    if outside:
        raise DriversOutsideError(outside)


def main(request: Request) -> None:
    """Shut the process in, run the task, tell how it ended, and leave without looking back."""
    faulthandler.enable()
    speaker = _Speaker(_private_output())
    cpu = _Allowance(request["cpu_s"])
    limits = _limit(request["memory_bytes"]) + cpu.kinds
    network = "none" if _leave_network() else "proxy"
    speaker.tell("hello", {"network": network, "limits": limits})

    def step() -> None:
        cpu.renew()
        speaker.tell("step", None)

    module, _, name = request["task"].partition(":")
    try:
        task = getattr(importlib.import_module(module), name)
        end = task(request["arguments"], lambda message: speaker.tell("say", message), step)
        speaker.tell("end", end)
    except DriversOutsideError as found:
        speaker.tell("restart", found.names)
    except MemoryError:
        speaker.tell("memory", None)
    except Exception as fault:  # noqa: BLE001 - it is raised again on the other side
        speaker.tell(*_told(fault))
    # whatever a foreign library would do at the end of the process is not waited for
    os._exit(0)


class _Speaker:
    """Writes messages as lines ``[kind, content]``."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def tell(self, kind: str, content: Any) -> None:
        line = json.dumps([kind, content], default=_plain).encode("ascii") + b"\n"
        if len(line) > MESSAGE_BYTES:
            raise ValueError(f"a message of {len(line)} bytes is too long; write it into a file")
        self._stream.write(line)
        self._stream.flush()


def _plain(value: Any) -> Any:
    """A numpy scalar as the Python value it stands for, anything else as its text."""
    return value.item() if hasattr(value, "item") else str(value)


def _private_output() -> BinaryIO:
    """The pipe to the parent; standard output goes to the log, where no library's print spoils it."""
    private = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(private, "wb")


def _told(fault: Exception) -> tuple[str, dict[str, Any] | None]:
    """An error of the task as a message: one for the user, or a defect of ours."""
    from geo.errors import ZhoubianError  # noqa: PLC0415 - nothing but the standard library before

    if isinstance(fault, ZhoubianError):
        names = [kind.__name__ for kind in type(fault).__mro__ if kind.__module__ == ZhoubianError.__module__]
        return "error", {
            "kind": names[0],
            "code": fault.code,
            "message": fault.message,
            "facts": fault.facts,
        }
    if isinstance(fault, OSError) and fault.errno in NO_ROOM:
        return "full", None
    frames = traceback.extract_tb(fault.__traceback__)[:0:-1][:5]
    return "defect", {
        "kind": type(fault).__name__,
        "detail": str(fault)[:1000],
        "place": " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames),
        "traceback": "".join(traceback.format_exception(fault))[-20_000:],
    }


class _Allowance:
    """Seconds of computing until the next step; the system ends the process that takes more.

    On Windows the parent looks at the clock of the process instead.
    """

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        self.kinds = [] if sys.platform == "win32" else ["cpu"]
        self.renew()

    def renew(self) -> None:
        """Begin a new step: the seconds count from here."""
        if sys.platform != "win32":
            import resource  # noqa: PLC0415 - Windows has none

            used = resource.getrusage(resource.RUSAGE_SELF)
            until = math.ceil(used.ru_utime + used.ru_stime) + self._seconds
            hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
            soft = until if hard == resource.RLIM_INFINITY else min(until, hard)
            resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _limit(memory_bytes: int) -> list[str]:
    """Set every limit the system has; the names of those that hold."""
    if sys.platform == "win32":
        return []  # the job object of the parent sets them
    import resource  # noqa: PLC0415 - Windows has none

    os.umask(0o077)
    kinds = []
    for kind, which, most in (
        ("memory", resource.RLIMIT_AS, memory_bytes),
        ("core", resource.RLIMIT_CORE, 0),
        ("disk", resource.RLIMIT_FSIZE, DISK_BYTES),
        ("files", resource.RLIMIT_NOFILE, OPEN_FILES),
    ):
        hard = resource.getrlimit(which)[1]
        with contextlib.suppress(ValueError, OSError):  # macOS knows some only by name: not in the list then
            limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(which, (limit, limit))
            kinds.append(kind)
    if sys.platform == "linux":
        if ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
            kinds.append("no_new_rights")
        if _die_with_parent():
            kinds.append("dies_with_parent")
    return kinds


def _die_with_parent() -> bool:
    """Have the kernel kill this process once nobody holds the other end of standard input.

    Not PR_SET_PDEATHSIG: that fires when the *thread* that started this process ends, and a web
    service hands work from thread to thread.
    """
    if sys.platform != "linux":
        return False
    import fcntl  # noqa: PLC0415 - Windows has none

    try:
        fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(0, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) | fcntl.FASYNC)
    except OSError:  # a system that only looks like Linux
        return False
    watch = select.poll()
    watch.register(0, 0)
    if watch.poll(0):  # it went before the kernel was asked to look
        os._exit(1)
    return True


def _leave_network() -> bool:
    """Move into a network of its own that has nothing in it; False where the system does not allow it.

    Rights to files stay as they are: a user namespace changes how the user is called, not who he is.
    """
    if sys.platform != "linux":
        return False
    system = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    if system.unshare(_CLONE_NEWNET) == 0:
        return True
    if system.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) != 0:
        return False
    with contextlib.suppress(OSError):  # without a map the user is shown as nobody, which harms nothing
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1", encoding="ascii")
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1", encoding="ascii")
    return True
