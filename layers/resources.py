"""Where the files shipped with the program are: `data/` beside the packages, or inside once installed."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).resolve().parent


def data_path(*parts: str) -> Path:
    """The path of a file under `data/`; the name comes from the program, never from a user."""
    installed = _HERE / "data"
    root = installed if installed.is_dir() else _HERE.parent / "data"
    return root.joinpath(*parts)
