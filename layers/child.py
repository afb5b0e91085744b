"""The process that a worker works in, seen from the parent: start it, hear it, end it.

Limits that the process cannot set for itself (Windows) are set from here. Messages come through a
thread, for a pipe of Windows cannot be waited on with a time limit.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import sandbox

_NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)

_MESSAGES = 16
"""Messages read ahead; then the pipe fills, and the worker waits for the parent."""

_GOODBYE_S = 5.0

_LOG = "worker.log"
_LOG_BYTES = 20_000

_BOOTSTRAP = """
import json, sys
request = json.loads(sys.stdin.buffer.readline())
sys.path[:] = request["path"]
from layers.sandbox import main
main(request)
"""


@dataclass(frozen=True)
class Limits:
    """What reading a file may take.

    Parameters
    ----------
    memory_bytes : int
        Address space of the worker; on Windows, memory it commits.
    cpu_s : int
        Seconds of computing in one step.
    silence_s : float
        Seconds without a word before the worker is given up.
    """

    memory_bytes: int = 1_500_000_000
    cpu_s: int = 30
    silence_s: float = 60.0


LIMITS = Limits()


class Child:
    """The process of a task, and the thread that reads what it says."""

    def __init__(
        self,
        folder: Path,
        limits: Limits,
        target: str,
        arguments: Mapping[str, Any],
        skip: Iterable[str],
    ) -> None:
        self._log = folder / _LOG
        self.messages: queue.Queue[bytes] = queue.Queue(_MESSAGES)
        with self._log.open("wb") as words:
            self._process = subprocess.Popen(  # noqa: S603 - the interpreter and a constant
                [_python(), "-I", "-B", "-X", "utf8", "-c", _BOOTSTRAP],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=words,
                cwd=folder,
                env=sandbox.environment(folder, skip),
                start_new_session=True,
                creationflags=_NO_WINDOW,
            )
        self._pump = threading.Thread(target=self._read, name="worker messages", daemon=True)
        self.kinds: tuple[str, ...] = ()  # limits that the parent keeps
        self._step_began_s = 0.0
        try:
            if sys.platform == "win32":
                from .windows_job import Job  # noqa: PLC0415 - there is none elsewhere

                self._job = Job(self._process.pid, limits.memory_bytes)
                self.kinds = Job.kinds
            self._pump.start()
            self._ask(limits, target, arguments)
        except BaseException:
            self.kill()
            raise

    def _ask(self, limits: Limits, target: str, arguments: Mapping[str, Any]) -> None:
        request = sandbox.Request(
            path=_path(),
            task=target,
            arguments=dict(arguments),
            memory_bytes=limits.memory_bytes,
            cpu_s=limits.cpu_s,
        )
        assert self._process.stdin is not None  # noqa: S101 - for mypy
        try:
            self._process.stdin.write(json.dumps(request).encode("ascii") + b"\n")
            self._process.stdin.flush()  # and left open: its end tells the worker that the parent is gone
        except BrokenPipeError:
            return  # it has ended already: reading what it says will tell why

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - for mypy
        while line := self._process.stdout.readline(sandbox.MESSAGE_BYTES):
            self.messages.put(line)
        self.messages.put(b"")

    def speaks(self) -> bool:
        """Whether a message may still come."""
        return self._pump.is_alive() or not self.messages.empty()

    def step_s(self) -> float:
        """Seconds computed in this step, where the parent has to look; elsewhere the system does."""
        if sys.platform == "win32":
            return self._job.cpu_s() - self._step_began_s
        return 0.0

    def begin_step(self) -> None:
        """The worker has begun a new step."""
        if sys.platform == "win32":
            self._step_began_s = self._job.cpu_s()

    def wait(self) -> int | None:
        """The exit code of a process that has nothing more to say; None if it does not end."""
        try:
            return self._process.wait(_GOODBYE_S)
        except subprocess.TimeoutExpired:
            return None

    def last_words(self) -> bytes:
        """The end of what libraries printed."""
        try:
            with self._log.open("rb") as words:
                words.seek(max(0, self._log.stat().st_size - _LOG_BYTES))
                return words.read()
        except FileNotFoundError:  # the folder went with a worker closed from another thread
            return b""

    def kill(self) -> None:
        """End the process and whatever it started; a second time does nothing."""
        if sys.platform == "win32":
            if self.kinds:
                self._job.close()
            else:  # the job could not be made
                self._process.kill()
        else:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        patience = time.monotonic() + _GOODBYE_S
        while self._pump.is_alive() and time.monotonic() < patience:
            with contextlib.suppress(queue.Empty):  # the thread may stand before a full queue
                self.messages.get(timeout=0.01)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None and not self._pump.is_alive():
                with contextlib.suppress(BrokenPipeError):  # a request nobody read any more
                    pipe.close()


def _python() -> str:
    """The interpreter; on Windows the one behind a virtual environment, whose own only starts another."""
    if sys.platform == "win32":
        return getattr(sys, "_base_executable", None) or sys.executable
    return sys.executable


def _path() -> list[str]:
    """Where the parent finds its modules, for a worker that stands in another folder."""
    found = [str(Path(entry).resolve()) for entry in sys.path]
    house = str(Path(__file__).resolve().parents[1])
    return found if house in found else [*found, house]
