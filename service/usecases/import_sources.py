"""What there is to import: the files of a folder, the parts of a file, and what each is by its name."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from geo.errors import LayerError
from layers.read import ENDINGS
from layers.resources import data_path
from layers.worker import Worker

from .imports import take_in_parts

OSM = (".osm", ".osm.pbf", ".pbf")


def files_of(path: Path) -> list[Path]:
    """The file itself, or the files of a folder that can be imported, by name.

    Raises
    ------
    LayerError
        `folder_empty` if the folder holds none.
    """
    if not path.is_dir():
        return [path]
    found = sorted(
        file
        for file in path.iterdir()
        if file.is_file()
        and (file.suffix.lower() in ENDINGS or file.name.lower().endswith(OSM))
        and not file.name.startswith((".", "~$"))
    )
    if not found:
        raise LayerError(
            f"the folder {path.name} holds no file that can be imported; endings known are"
            f" {', '.join(ENDINGS)}, .osm and .osm.pbf",
            code="folder_empty", folder=path.name,
        )  # fmt: skip
    return found


def kind_of(name: str) -> str | None:
    """What a file, sheet or layer is by its name; None if the name does not tell one kind.

    The words stand in `data/layer_names.json`; the longest word that occurs decides.
    """
    told = name.lower()
    if told.endswith(OSM):
        return "osm"
    found = {(len(word), kind) for word, kind in _words() if word in told}
    if not found:
        return None
    longest = max(length for length, _ in found)
    kinds = {kind for length, kind in found if length == longest}
    return kinds.pop() if len(kinds) == 1 else None


@cache
def _words() -> list[tuple[str, str]]:
    stated = json.loads(data_path("layer_names.json").read_text(encoding="utf-8"))
    return [(word.lower(), kind) for kind, words in stated.items() for word in words]


def require_kind(name: str) -> str:
    """What a file is by its name (LayerError `kind_needed`)."""
    kind = kind_of(name)
    if kind is None:
        raise LayerError(
            f"{name}: its name does not say what its rows are; say it with --as, for example --as anchors",
            code="kind_needed", file=name,
        )  # fmt: skip
    return kind


def parts_of(file: Path) -> list[str]:
    """The sheets, layers or files in a file; empty where it is one table."""
    with Worker() as worker:
        taken, _ = take_in_parts(worker, file)
        for message in worker.run("parts", {"file": taken.name}):
            if "end" in message:
                return [str(part) for part in message["end"]["parts"]]
    return []
