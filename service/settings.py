"""What is set from outside, read once: flag, else environment, else default."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

DEFAULT_STORE = "zhoubian.db"
VERSION = version("zhoubian")


@dataclass(frozen=True)
class Settings:
    """Where the store is."""

    store: Path

    @classmethod
    def read(cls, store: Path | None = None) -> Settings:
        """The store: the flag, else ZHOUBIAN_STORE, else zhoubian.db in the current folder."""
        return cls(store=store or Path(os.environ.get("ZHOUBIAN_STORE") or DEFAULT_STORE))
