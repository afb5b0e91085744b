"""What a zip file holds: looked at from its directory, then unpacked under names of ours.

Names inside an archive are shown, never used as paths. The directory can lie; what is unpacked
never exceeds what it states.
"""

from __future__ import annotations

import lzma
import re
import shutil
import stat
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from geo.errors import LayerError

from .faults import storable
from .pieces import listed
from .reading import damaged, not_what_it_says, require_unpacked_size, unreadable

SHAPEFILE_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")
_NEEDED = SHAPEFILE_PARTS[:3]
_BESIDE = (
    ".sbn",
    ".sbx",
    ".qix",
    ".qpj",
    ".qmd",
    ".fix",
    ".idx",
    ".ain",
    ".aih",
    ".ixs",
    ".mxs",
    ".xml",
    ".shp.xml",
)
"""What programs put beside a shapefile and nobody misses."""

MAX_ENTRIES = 1_000
_NO_BOMB = 10_000_000
_MAX_RATIO = 100
_ARCHIVES = (".zip", ".rar", ".7z", ".gz", ".tgz", ".tar", ".bz2", ".xz")
_DRIVE = re.compile(r"[A-Za-z]:")
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Entry:
    """A table inside an archive: its shown name, its ending, its parts (one, or those of a shapefile)."""

    name: str
    ending: str
    parts: tuple[tuple[str, zipfile.ZipInfo], ...]


@dataclass(frozen=True)
class Contents:
    """What an archive holds that can be read, and the shown names of what is left aside.

    `unsafe` are those of `ignored` whose names lead out of the archive or stand there twice.
    """

    entries: tuple[Entry, ...]
    ignored: tuple[str, ...]
    unsafe: frozenset[str]


@dataclass(frozen=True)
class Member:
    """A table unpacked: the name shown in the archive, where it lies now, its ending."""

    name: str
    path: Path
    ending: str


def look(path: Path, endings: Collection[str]) -> Contents:
    """The tables of an archive by its directory; nothing is unpacked.

    Parameters
    ----------
    path : Path
    endings : of the formats that can be read, in lower case with the dot

    Raises
    ------
    LayerError
        `file_disguised`, `file_damaged`, `file_large` (500 MB), `file_bomb` (more than a
        hundredfold beyond 10 MB), `zip_entries` (1,000), `zip_locked`, `zip_link`, `zip_nested`.
    """
    with _archive(path) as archive:
        infos = archive.infolist()
    _require_harmless(path, infos)
    kept: dict[str, tuple[str, zipfile.ZipInfo]] = {}
    ignored: list[str] = []
    unsafe: set[str] = set()
    for info in infos:
        name = _shown(info)
        if info.is_dir() or _of_a_mac(name):
            continue
        if _leads_out(name) or name.lower() in kept:
            ignored.append(name)
            unsafe.add(name)
        else:
            kept[name.lower()] = (name, info)
    return _grouped(kept, endings, ignored, unsafe)


def _grouped(
    kept: dict[str, tuple[str, zipfile.ZipInfo]],
    endings: Collection[str],
    ignored: list[str],
    unsafe: set[str],
) -> Contents:
    entries: list[Entry] = []
    stems = {low[:-4] for low in kept if low.endswith((".shp", ".shx"))}
    whole = {stem for stem in stems if f"{stem}.shp" in kept}
    for low, (name, info) in kept.items():
        ending = PurePosixPath(low).suffix
        stem = low.removesuffix(ending)
        if ending == ".shp" and ending in endings:
            parts = tuple((part, kept[stem + part][1]) for part in SHAPEFILE_PARTS if stem + part in kept)
            entries.append(Entry(name, ending, parts))
        elif ending in endings and not low.endswith(".gdalg.json"):
            entries.append(Entry(name, ending, ((ending, info),)))
        elif not (stem.removesuffix(".shp") in whole and ending in (*SHAPEFILE_PARTS, *_BESIDE)):
            ignored.append(name)
    return Contents(tuple(entries), tuple(ignored), frozenset(unsafe))


def unpack(path: Path, entry: Entry, folder: Path, number: int = 0) -> Path:
    """Write an entry as `member<number><ending>` into a folder of ours.

    Raises
    ------
    LayerError
        `file_damaged` where it cannot be unpacked or holds more than the directory states;
        `zip_parts` where a shapefile lacks a part.
    """
    held = {part for part, _ in entry.parts}
    missing = ", ".join(part for part in _NEEDED if part not in held) if entry.ending == ".shp" else ""
    if missing:
        raise lacking(path, missing)
    with _archive(path) as archive:
        for part, info in entry.parts:
            with archive.open(info) as source, Path(folder, f"member{number}{part}").open("xb") as target:
                # zipfile gives no byte more than the directory states, and then misses the checksum
                shutil.copyfileobj(source, target, _CHUNK)
    return Path(folder, f"member{number}{entry.ending}")


def unpack_all(path: Path, folder: Path, endings: Collection[str]) -> list[Member]:
    """Every table of an archive, in its order."""
    return [
        Member(entry.name, unpack(path, entry, folder, number), entry.ending)
        for number, entry in enumerate(look(path, endings).entries)
    ]


@contextmanager
def shown_as(member: Path, shown: str) -> Iterator[None]:
    """A LayerError about a file of ours becomes one about the name the user knows."""
    try:
        yield
    except LayerError as fault:
        facts = {
            name: value.replace(member.name, shown) if isinstance(value, str) else value
            for name, value in fault.facts.items()
        }
        raise LayerError(fault.message.replace(member.name, shown), code=fault.code, **facts) from fault


def lacking(path: Path, missing: str) -> Exception:
    """LayerError `zip_parts`."""
    return unreadable(
        path,
        f"the shapefile lacks its {missing}; put them together in one zip",
        code="zip_parts",
        missing=missing,
    )


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as fault:
        raise not_what_it_says(path, "a zip file") from fault
    with archive:
        try:
            yield archive
        except (
            zipfile.BadZipFile,
            zlib.error,
            lzma.LZMAError,
            EOFError,
            RuntimeError,
            NotImplementedError,
        ) as fault:
            raise damaged(path, storable(str(fault))) from fault


def _require_harmless(path: Path, infos: list[zipfile.ZipInfo]) -> None:
    if len(infos) > MAX_ENTRIES:
        raise unreadable(
            path,
            f"it holds {len(infos)} files, at most {MAX_ENTRIES} can be read; zip the tables alone",
            code="zip_entries",
            count=len(infos),
            limit=MAX_ENTRIES,
        )
    require_unpacked_size(path, infos, ratio=_MAX_RATIO, beyond=_NO_BOMB)
    if any(info.flag_bits & 1 for info in infos):
        raise unreadable(
            path, "it is locked with a password; unpack it and zip it again without", code="zip_locked"
        )
    links = [_shown(info) for info in infos if stat.S_ISLNK(info.external_attr >> 16)]
    if links:
        raise unreadable(
            path,
            f"{listed(links)} only points to another file; zip the files themselves",
            code="zip_link",
            names=listed(links),
        )
    nested = [name for name in map(_shown, infos) if name.lower().endswith(_ARCHIVES) and not _of_a_mac(name)]
    if nested:
        raise unreadable(
            path,
            f"there are archives inside it ({listed(nested)}); unpack them and import them one by one",
            code="zip_nested",
            names=listed(nested),
        )


def _shown(info: zipfile.ZipInfo) -> str:
    """The name with slashes; without the mark of UTF-8 it is what a Chinese Windows wrote."""
    name = info.orig_filename
    if not info.flag_bits & 0x800:
        raw = name.encode("cp437", errors="replace")
        for encoding in ("utf-8", "gb18030"):
            try:
                name = raw.decode(encoding)
                break
            except UnicodeDecodeError:
                continue
    return name.replace("\\", "/")


def _of_a_mac(name: str) -> bool:
    return (
        name.startswith("__MACOSX/")
        or PurePosixPath(name).name in (".DS_Store",)
        or PurePosixPath(name).name.startswith("._")
    )


def _leads_out(name: str) -> bool:
    return name.startswith("/") or _DRIVE.match(name) is not None or ".." in name.split("/") or "\0" in name
