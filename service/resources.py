"""Where the browser's files are: `static/` beside the packages, or inside `service` once installed."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).resolve().parent


def static_path(*parts: str) -> Path:
    """The path of a file under `static/`; the name comes from the program, never from a user."""
    installed = _HERE / "static"
    root = installed if installed.is_dir() else _HERE.parent / "static"
    return root.joinpath(*parts)
