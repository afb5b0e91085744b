"""Files that came over the web: in a folder of the service, under names of its own making.

What a user calls a file is shown and never opened. A file is kept for an hour after it was last
asked for, and all of them together take a gigabyte at most.
"""

from __future__ import annotations

import atexit
import re
import secrets
import shutil
import stat
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from geo.errors import LayerError, NotFoundError
from layers.faults import storable
from layers.worker import ENDINGS

from .usecases.imports import BESIDE_SHP

KEPT_S = 3600.0
MOST_BYTES = 1_000_000_000
_FOLDER = "zhoubian-web-"
_DAY_S = 86_400.0
_NAME = 120

Save = Callable[[Path], None]
"""Writes a file that came in."""


@dataclass
class Upload:
    """A file that came in, a shapefile with its parts beside it.

    Parameters
    ----------
    token : str
        By which the page names it; nobody can guess it.
    file : Path
        Where it lies.
    shown : str
        Its name as the user knows it.
    """

    token: str
    file: Path
    shown: str
    size: int
    asked_s: float = field(default_factory=time.monotonic)
    in_use: int = 0

    @property
    def folder(self) -> Path:
        """For this file alone, and for what is made from it."""
        return self.file.parent


class Uploads:
    """The uploaded files of a service; shared by its threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[str, Upload] = {}
        self._root: Path | None = None

    def take_in(self, files: Sequence[tuple[str, Save]]) -> Upload:
        """Keep a file, or the parts of one shapefile.

        Parameters
        ----------
        files : sequence of (name as the user knows it, writer)

        Raises
        ------
        LayerError
            `upload_none`, `upload_several`.
        """
        known = [(plain_name(name), save) for name, save in files]
        first, parts = _main(known)
        token = secrets.token_urlsafe(16)
        folder = self._home() / token
        folder.mkdir(mode=0o700)
        try:
            size = 0
            for ending, save in parts:
                save(folder / f"input{ending}")
                size += (folder / f"input{ending}").stat().st_size
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        upload = Upload(token, folder / f"input{parts[0][0]}", first, size)
        with self._lock:
            self._make_room(size)
            self._held[token] = upload
        return upload

    def get(self, token: str) -> Upload:
        """The file of that token (NotFoundError `upload_gone`)."""
        with self._lock:
            upload = self._held.get(token)
            if upload is None:
                raise NotFoundError(
                    "the uploaded file is not kept any more (files are kept for an hour); choose it again",
                    code="upload_gone",
                )
            upload.asked_s = time.monotonic()
            return upload

    def use(self, upload: Upload, by: int) -> None:
        """Count the jobs that work with a file: it stays while there are any."""
        with self._lock:
            upload.in_use += by
            upload.asked_s = time.monotonic()

    @contextmanager
    def using(self, upload: Upload) -> Iterator[None]:
        """Keep a file for as long as it is worked with."""
        self.use(upload, +1)
        try:
            yield
        finally:
            self.use(upload, -1)

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder for the moment."""
        with tempfile.TemporaryDirectory(dir=self._home(), ignore_cleanup_errors=True) as folder:
            yield Path(folder)

    def drop(self, upload: Upload) -> None:
        """Delete a file; what was made from it stays its hour."""
        for part in upload.folder.glob("input.*"):
            part.unlink(missing_ok=True)
        with self._lock:
            upload.size = 0

    def sweep(self) -> None:
        """Delete what nobody has asked for during an hour."""
        old = time.monotonic() - KEPT_S
        with self._lock:
            for upload in list(self._held.values()):
                if upload.asked_s < old and not upload.in_use:
                    self._remove(upload)

    def _make_room(self, size: int) -> None:
        """Let the oldest go until the new one fits."""
        idle = sorted((held for held in self._held.values() if not held.in_use), key=lambda u: u.asked_s)
        while idle and sum(held.size for held in self._held.values()) + size > MOST_BYTES:
            self._remove(idle.pop(0))

    def _remove(self, upload: Upload) -> None:
        del self._held[upload.token]
        shutil.rmtree(upload.folder, ignore_errors=True)

    def _home(self) -> Path:
        """The folder of this service, made when it is first needed."""
        with self._lock:
            if self._root is None or not self._root.is_dir():
                _sweep_old()
                self._root = Path(tempfile.mkdtemp(prefix=_FOLDER)).resolve()
                atexit.register(shutil.rmtree, self._root, ignore_errors=True)
            return self._root


def plain_name(name: str) -> str:
    """What a user calls a file as one line of text: its last part, without control characters."""
    last = re.split(r"[/\\]", name)[-1]
    kept = storable(last).replace("\n", " ").replace("\r", " ").replace("\t", " ").strip(" .")
    stem, dot, ending = kept.rpartition(".")
    return kept if len(kept) <= _NAME else f"{stem[: _NAME - 12]}…{dot}{ending[:8]}"


def _main(known: Sequence[tuple[str, Save]]) -> tuple[str, list[tuple[str, Save]]]:
    """The name that stands for all, and the files by their endings, the one to open first."""
    named = [(name, save) for name, save in known if name]
    if len(named) == 1:
        return named[0][0], [(_ending(named[0][0]), named[0][1])]
    shapes = [(name, save) for name, save in named if name.lower().endswith(".shp")]
    if not named:
        raise LayerError("no file was chosen; choose one", code="upload_none")
    if len(shapes) != 1:
        raise LayerError(
            f"{len(named)} files were chosen; choose one file, or the parts of one shapefile together",
            code="upload_several", count=len(named),
        )  # fmt: skip
    beside = {_ending(name): save for name, save in named if _ending(name) in BESIDE_SHP}
    return shapes[0][0], [(".shp", shapes[0][1]), *beside.items()]


def _ending(name: str) -> str:
    return next((ending for ending in ENDINGS if name.lower().endswith(ending)), ".other")


def _sweep_old() -> None:
    """Remove the folders of services that were killed a day ago or more."""
    for entry in Path(tempfile.gettempdir()).glob(f"{_FOLDER}*"):
        with suppress(FileNotFoundError):  # another service sweeps too
            about = entry.lstat()
            if stat.S_ISDIR(about.st_mode) and time.time() - about.st_mtime > _DAY_S:
                shutil.rmtree(entry, ignore_errors=True)
