"""Long work with progress: done in a thread, asked after by its id, stopped on request.

Jobs of a sort are done one after the other (a store takes one import at a time, and solving wants a
core for itself); what is asked for beyond the most that may wait is refused at once. What a job has
left behind is kept for an hour.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from geo.errors import NotFoundError, StoreError, ZhoubianError

MOST = 2
"""Jobs under way, the waiting ones too."""
KEPT_S = 3600.0

State = Literal["waiting", "running", "done", "failed", "cancelled"]
Report = Callable[[int, int | None], None]
Work = Callable[[Report], dict[str, Any]]


log = logging.getLogger(__name__)


class CancelledError(Exception):
    """Raised by the report of progress once somebody has asked to stop."""


@dataclass
class Job:
    """A piece of work and how far it is.

    Parameters
    ----------
    id : str
        Nobody can guess it.
    about : object
        What whoever started it wants to know of it.
    state : str
    done, total : int, int or None
        Records; None while their number is unknown.
    result : dict or None
        What the work returned, once it is done.
    error : Exception or None
        What it raised.
    """

    id: str
    work: Work
    about: Any = None
    state: State = "waiting"
    done: int = 0
    total: int | None = None
    result: dict[str, Any] | None = None
    error: Exception | None = None
    began_s: float | None = None
    ended_s: float | None = None
    stop: threading.Event = field(default_factory=threading.Event)

    def report(self, done: int, total: int | None) -> None:
        """Take note of progress; `CancelledError` where the job is to stop."""
        if self.stop.is_set():
            raise CancelledError
        self.done, self.total = done, total

    def as_json(self) -> dict[str, Any]:
        """State, records done and in all, records a second, seconds left (None: nobody can tell)."""
        rate = left_s = None
        if self.began_s is not None and self.done:
            spent_s = max((self.ended_s or time.monotonic()) - self.began_s, 0.001)
            rate = self.done / spent_s
            if self.total is not None and self.state == "running":
                left_s = max(self.total - self.done, 0) / rate
        return {
            "id": self.id, "state": self.state, "done": self.done, "total": self.total,
            "rate": None if rate is None else round(rate),
            "left_s": None if left_s is None else round(left_s, 1),
        }  # fmt: skip


class Jobs:
    """Jobs of one sort, at most `most` of them under way; shared by the threads of a service."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()
        self._turn = threading.Lock()

    def start(self, work: Work, about: Any = None, *, then: Callable[[], None] = lambda: None) -> Job:
        """Do a piece of work in a thread, and `then` what is to be done however it ends.

        Raises
        ------
        StoreError
            `jobs_full`; nothing is done then.
        """
        job = Job(secrets.token_urlsafe(16), work, about)
        with self._lock:
            self._sweep()
            under_way = [known for known in self._jobs.values() if known.ended_s is None]
            if len(under_way) >= self._most:
                raise StoreError(
                    f"{len(under_way)} jobs are under way; wait until one of them is done",
                    code="jobs_full", count=len(under_way),
                )  # fmt: skip
            self._jobs[job.id] = job
        # a daemon: what it has not stored when the service ends is not stored at all
        threading.Thread(target=self._do, args=(job, then), name="job", daemon=True).start()
        return job

    def get(self, id_: str) -> Job:
        """The job of that id (NotFoundError `job_unknown`)."""
        with self._lock:
            self._sweep()
            if id_ not in self._jobs:
                raise NotFoundError(
                    "this job is not known any more: what became of it is kept for an hour;"
                    " load the page anew to see what is stored",
                    code="job_unknown",
                )
            return self._jobs[id_]

    def find(self, id_: str) -> Job | None:
        """The job of that id, if it is still known."""
        with self._lock:
            self._sweep()
            return self._jobs.get(id_)

    def cancel(self, id_: str) -> Job:
        """Ask a job to stop at its next sign of life; one that has ended stays as it is."""
        job = self.get(id_)
        job.stop.set()
        return job

    def _do(self, job: Job, then: Callable[[], None]) -> None:
        with self._turn:
            job.began_s = time.monotonic()
            try:
                job.report(0, None)
                job.state = "running"
                job.result = job.work(job.report)
                state: State = "done"
            except CancelledError:
                state = "cancelled"
            except ZhoubianError as error:
                job.error, state = error, "failed"
            except Exception as error:
                log.exception("a job failed")
                job.error, state = error, "failed"
            then()
            job.state = state
            job.ended_s = time.monotonic()

    def _sweep(self) -> None:
        old = time.monotonic() - KEPT_S
        for id_, job in list(self._jobs.items()):
            if job.ended_s is not None and job.ended_s < old:
                del self._jobs[id_]
