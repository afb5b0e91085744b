"""A trap around a live store: whoever hands its path to GDAL, `open` or `shutil` fails the test.

    guard_store(monkeypatch, path_of_the_store)

GDAL carries an SQLite of its own; two in one process, or a descriptor closed by anybody, drop the
locks of the first and destroy the file without an error.
"""

from __future__ import annotations

import builtins
import io
import os
import shutil
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import pyogrio
import pytest

COPIERS = ("copy", "copy2", "copyfile", "copytree", "move")


class StoreTouchedError(AssertionError):
    """Something but SQLite was given the path of the live store."""


def guard_store(monkeypatch: pytest.MonkeyPatch, store: Path) -> None:
    """Until the test ends, no function but SQLite's own takes the path of the store, its -wal or -shm."""
    live = os.path.realpath(store)

    def is_live(argument: object) -> bool:
        if not isinstance(argument, str | bytes | os.PathLike):
            return False
        given = os.fsdecode(argument)
        if "\0" in given or len(given) > 4096:  # contents, not a path
            return False
        # the second look finds it inside `file:...`, `/vsi.../...`, `GPKG:...`
        return os.path.realpath(given).startswith(live) or live in given or str(store.absolute()) in given

    def guarded(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            if any(is_live(argument) for argument in (*args, *kwargs.values())):
                raise StoreTouchedError(f"{function.__module__}.{function.__name__} was given the live store")
            return function(*args, **kwargs)

        return call

    for name in pyogrio.__all__:
        if callable(getattr(pyogrio, name)) and not isinstance(getattr(pyogrio, name), type):
            monkeypatch.setattr(pyogrio, name, guarded(getattr(pyogrio, name)))
    for name in COPIERS:
        monkeypatch.setattr(shutil, name, guarded(getattr(shutil, name)))
    opened = guarded(builtins.open)
    monkeypatch.setattr(builtins, "open", opened)
    monkeypatch.setattr(io, "open", opened)
    monkeypatch.setattr(os, "open", guarded(os.open))
