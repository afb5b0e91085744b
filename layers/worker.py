"""Foreign files are read in a process of their own.

A file from outside may crash its reader, fill the memory, never come to an end, or ask the reader
to open other files and addresses. So it is read by a worker: a process with a clean environment,
its own folder, limits on memory and computing time, and no network where the system allows it
(`sandbox.py`; `windows_job.py` on Windows). Parent and worker speak in lines of JSON; whatever
becomes of the worker, the parent gets an error that a user can act on, and nothing stays behind.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import queue
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from geo import errors
from geo.errors import LayerError, ZhoubianError

from . import sandbox
from .child import LIMITS, Child, Limits
from .reading import require_size, unreadable

log = logging.getLogger(__name__)

TASKS = {
    "take": "layers.intake:take",
    "look": "layers.intake:look",
    "cells": "layers.intake:cells",
    "parts": "layers.intake:parts",
    "grid": "layers.grids:grid",
}
"""What a worker may be asked to do, as ``module:function``.

A task is called with its arguments, with `say` to send a message (a dict of JSON values) and with
`step` to begin a new step of computing; what it returns is the end.
"""

ENDINGS = (
    *(".osm.pbf", ".osm", ".csv", ".tsv", ".txt", ".xlsx", ".xls", ".geojson", ".json", ".gpkg", ".zip"),
    *(".kml", ".kmz", ".gpx", ".shp", ".shx", ".dbf", ".prj", ".cpg"),
)  # fmt: skip
"""Endings a file keeps when it is taken in; any other becomes ``.other``."""

_FOLDER = "zhoubian-worker-"
_OLD_S = 86_400
"""Folders of parents that were killed are swept after a day."""

_CHUNK = 1 << 20
_LOOK_S = 0.25
"""How often a silent worker is looked after."""

_OUT_OF_MEMORY = (b"bad_alloc", b"memory allocation of", b"MemoryError", b"out of memory", b"Out of memory")
"""Last words of libraries that end the process when memory ends: C++, Rust, Python, SQLite, GDAL."""

_KINDS = ("hello", "say", "step", "end", "error", "memory", "full", "restart", "defect")

_ERRORS = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, ZhoubianError)
}

_unexpected: set[str] = set()
"""Drivers a worker met that `sandbox.OTHER_DRIVERS` does not name; the next one starts without them."""


class _RestartError(Exception):
    def __init__(self, names: list[str]) -> None:
        super().__init__(names)
        self.names = names


class Worker:
    """A folder for foreign files, and a process that reads them; use it in a ``with``.

    Parameters
    ----------
    limits : Limits
        What a task may take.
    tasks : mapping of name to ``module:function``
        What it may be asked; only these are ever called.

    Attributes
    ----------
    folder : Path
        For this worker alone; it goes with it.
    hello : dict
        What the last process said of itself: ``network`` ("none", or "proxy" where only the
        proxies lead nowhere) and ``limits``, the names of those the system keeps.
    """

    def __init__(self, limits: Limits = LIMITS, *, tasks: Mapping[str, str] = TASKS) -> None:
        _sweep()
        self.limits = limits
        self.folder = Path(tempfile.mkdtemp(prefix=_FOLDER)).resolve()
        self.hello: dict[str, Any] = {}
        self._tasks = tasks
        self._shown: dict[str, str] = {}
        self._child: Child | None = None
        self._closed = False
        self._starting = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def take_in(self, file: Path, shown: str | None = None) -> tuple[Path, str, int]:
        """Copy a file into the folder under a name of the server's making.

        The parts of a shapefile come to lie beside each other, as ``input.shp``, ``input.dbf`` and
        so on; a second file of the same ending is an error of the caller.

        Parameters
        ----------
        file : Path
            Where it lies.
        shown : str, optional
            Its name as the user knows it, told in errors; by default the name it has.

        Returns
        -------
        path, SHA-256 in hexadecimal, size in bytes

        Raises
        ------
        LayerError
            If there is no such file, it cannot be read, or it is too large.
        """
        shown = shown or file.name
        known = Path(shown)
        ending = next((ending for ending in ENDINGS if shown.lower().endswith(ending)), ".other")
        target = self.folder / f"input{ending}"
        if not file.is_file():
            raise unreadable(known, "there is no such file; check the name", code="file_missing")
        digest, size = hashlib.sha256(), 0
        try:
            with file.open("rb") as source, target.open("xb") as copy:
                require_size(known, os.fstat(source.fileno()).st_size)
                while chunk := source.read(_CHUNK):
                    size += len(chunk)
                    require_size(known, size)
                    digest.update(chunk)
                    copy.write(chunk)
        except FileExistsError:
            raise
        except OSError as fault:
            if fault.errno in sandbox.NO_ROOM:
                raise _full(shown) from fault
            reason = fault.strerror or str(fault)
            raise unreadable(
                known,
                f"it cannot be read ({reason}); check your rights to it",
                code="file_locked",
                detail=reason,
            ) from fault
        self._shown[target.name] = shown
        return target, digest.hexdigest(), size

    def run(
        self, task: str, arguments: Mapping[str, Any], *, shown: str | None = None
    ) -> Iterator[dict[str, Any]]:
        """Do a task in a new process and pass on what it says.

        Parameters
        ----------
        task : str
            A name of `tasks`.
        arguments : mapping of JSON values
        shown : str, optional
            Name of the file in errors; by default that of the file first taken in.

        Yields
        ------
        dict
            The messages of the task in their order, at last ``{"end": what it returned}``.

        Raises
        ------
        LayerError
            `file_memory`, `file_slow`, `file_crashed`, `reading_stopped`, `temporary_full`,
            `drivers_outside`.
        ZhoubianError
            The one the task raised: same class, code, message and facts.
        RuntimeError
            If the task failed by a defect of ours; the notes hold the traceback of the worker.
        """
        target = self._tasks[task]
        file = shown or next(iter(self._shown.values()), task)
        try:
            yield from self._attempt(target, arguments, file)
        except _RestartError as first:
            _unexpected.update(first.names)
            try:
                yield from self._attempt(target, arguments, file)
            except _RestartError as second:
                drivers = ", ".join(second.names)
                raise LayerError(
                    f"{file}: GDAL here has drivers that cannot be switched off ({drivers}), so foreign"
                    " files cannot be read safely; install pyogrio again with pip",
                    code="drivers_outside",
                    file=file,
                    drivers=drivers,
                ) from None

    def close(self) -> None:
        """End the process at once, whatever it does, and remove the folder; from any thread."""
        with self._starting:
            self._closed = True
        if self._child is not None:
            self._child.kill()
        _remove(self.folder)

    def _attempt(self, target: str, arguments: Mapping[str, Any], file: str) -> Iterator[dict[str, Any]]:
        with self._starting:
            if self._closed:
                raise _stopped(file)
            self._child = child = Child(self.folder, self.limits, target, arguments, sorted(_unexpected))
        try:
            while True:
                kind, content = self._next(child, file)
                if kind == "say":
                    yield content
                elif kind == "hello":
                    self.hello = {**content, "limits": [*content["limits"], *child.kinds]}
                elif kind == "step":
                    child.begin_step()
                elif kind == "end":
                    yield {"end": content}
                    return
                else:
                    raise self._raised(kind, content, file)
        finally:
            child.kill()

    def _next(self, child: Child, file: str) -> tuple[str, Any]:
        """The next message; an error if none can come any more."""
        patience = time.monotonic() + self.limits.silence_s
        while True:
            if child.step_s() > self.limits.cpu_s:
                raise _slow(file, self.limits.cpu_s)
            try:
                line = child.messages.get(timeout=_LOOK_S)
            except queue.Empty:
                if time.monotonic() > patience:
                    raise _slow(file, self.limits.silence_s) from None
                if child.speaks():
                    continue
                line = b""
            message = _parsed(line)
            if message is None:
                raise self._ended(child, file)
            return message

    def _ended(self, child: Child, file: str) -> ZhoubianError:
        """Why a process that did not say so has ended."""
        code = child.wait()
        if self._closed:
            return _stopped(file)
        words = child.last_words()
        if sys.platform != "win32" and code == -signal.SIGXCPU:
            return _slow(file, self.limits.cpu_s)
        # nobody but the system sends SIGKILL: its memory has come to an end
        killed = sys.platform != "win32" and code == -signal.SIGKILL
        if killed or any(sign in words for sign in _OUT_OF_MEMORY):
            return _memory(file, self.limits)
        error = LayerError(
            f"{file}: reading it brought the reader down; the file is damaged or made to do harm,"
            " nothing of it was stored; save it in another format and try again",
            code="file_crashed",
            file=file,
        )
        error.add_note(f"exit code {code}\n{words.decode('utf-8', 'replace')}")
        return error

    def _raised(self, kind: str, content: Any, file: str) -> Exception:
        """What the task told of its failure, as the error it is here."""
        if kind == "error":
            return self._again(content)
        if kind == "memory":
            return _memory(file, self.limits)
        if kind == "restart":
            return _RestartError(content)
        if kind == "full":
            return _full(file)
        defect = RuntimeError(f"{content['kind']}: {content['detail']} ({content['place']})")
        defect.add_note(content["traceback"])
        return defect

    def _again(self, content: dict[str, Any]) -> ZhoubianError:
        """The error of the task, with the names of files as the user knows them."""
        message = content["message"]
        for name, shown in self._shown.items():
            message = message.replace(name, shown)
        error = _ERRORS[content["kind"]](message, code=content["code"])
        error.facts = {
            name: self._shown.get(value, value) if isinstance(value, str) else value
            for name, value in content["facts"].items()
        }
        return error


def _parsed(line: bytes) -> tuple[str, Any] | None:
    """A message of the worker; None if it is none, as when the worker ended in the middle of it."""
    try:
        kind, content = json.loads(line)
    except (ValueError, TypeError, RecursionError):
        return None
    return (kind, content) if kind in _KINDS else None


def _slow(file: str, seconds: float) -> LayerError:
    return LayerError(
        f"{file}: one step of reading it took more than {seconds:g} s and was stopped, nothing of it was"
        " stored; split the file or save it in another format and try again",
        code="file_slow",
        file=file,
        seconds=f"{seconds:g}",
    )


def _memory(file: str, limits: Limits) -> LayerError:
    limit = round(limits.memory_bytes / 1e6)
    return LayerError(
        f"{file}: reading it needs more memory than the {limit} MB it may take, nothing of it was stored;"
        " split the file and import the parts",
        code="file_memory",
        file=file,
        limit=limit,
    )


def _full(file: str) -> LayerError:
    return LayerError(
        f"{file}: reading it needs more room for temporary files than there is, nothing of it was stored;"
        " free some disk space and try again",
        code="temporary_full",
        file=file,
    )


def _stopped(file: str) -> LayerError:
    return LayerError(
        f"{file}: reading it was stopped, nothing of it was stored", code="reading_stopped", file=file
    )


def _remove(folder: Path) -> None:
    """Remove a folder; if the system holds on to it, say so in the log and leave it to `_sweep`."""
    for wait_s in (0.05, 0.2, 0.5, 0.0):  # Windows lets go of files a moment after the process
        try:
            shutil.rmtree(folder)
        except FileNotFoundError:
            return
        except OSError as fault:
            held = fault
            time.sleep(wait_s)
        else:
            return
    log.warning("the temporary folder %s could not be removed: %s", folder, held)


def _sweep() -> None:
    """Remove the folders that parents left who were killed themselves a day ago or more."""
    now = time.time()
    for entry in os.scandir(tempfile.gettempdir()):
        if entry.name.startswith(_FOLDER) and entry.is_dir(follow_symlinks=False):
            with contextlib.suppress(FileNotFoundError):  # another process sweeps too
                about = entry.stat(follow_symlinks=False)
                mine = sys.platform == "win32" or about.st_uid == os.getuid()
                if mine and now - about.st_mtime > _OLD_S:
                    _remove(Path(entry.path))
