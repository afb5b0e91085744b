"""The encoding of a text file, found by a ladder, and its text in chunks.

The ladder: what the user says, a byte order mark, the zero bytes of UTF-16, strict UTF-8, what the
file states, else GB18030. Chinese offices write GBK or GB18030; a guess by statistics takes short
GBK files for Big5 or Korean, the ladder does not.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path

from geo.errors import LayerError

from .faults import shorten, storable
from .reading import unreadable

_CHUNK = 1 << 20
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_CHINESE = {"gb2312": "gb18030", "gbk": "gb18030", "cp936": "gb18030"}


def known_encoding(path: Path, name: str) -> str:
    """Python's name of a text encoding; GBK is read as GB18030, which holds it.

    Raises
    ------
    LayerError
        `encoding_unknown`.
    """
    try:
        found = codecs.lookup(name).name
        "".encode(found)
    except (LookupError, ValueError) as fault:
        told = storable(shorten(name))
        raise unreadable(
            path,
            f"{told} is no encoding; name utf-8, gb18030, utf-16 or big5",
            code="encoding_unknown",
            encoding=told,
        ) from fault
    return _CHINESE.get(found, found)


def find_encoding(path: Path, wish: str | None, stated: str | None = None) -> str:
    """The encoding by the ladder.

    UTF-8 comes before what the file states, because a text in GBK is hardly ever valid UTF-8 while
    many a file states the encoding it had before somebody saved it anew.
    """
    if wish is not None:
        return known_encoding(path, wish)
    with path.open("rb") as file:
        start = file.read(4096)
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            return encoding
    zeros = start[0::2].count(0), start[1::2].count(0)
    if max(zeros) * 8 > len(start) and min(zeros) == 0:
        return "utf-16-be" if zeros[0] else "utf-16-le"
    if _first_wrong(path, "utf-8") is None:
        return "utf-8"
    return "gb18030" if stated is None else known_encoding(path, stated)


def require_fitting(path: Path, encoding: str) -> None:
    """LayerError `file_encoding`, with byte and line, for the first byte that does not fit."""
    at = _first_wrong(path, encoding)
    if at is not None:
        raise _unfitting(path, at, encoding)


def text_chunks(path: Path, encoding: str) -> Iterator[str]:
    """The text of a file, a megabyte at a time.

    Raises
    ------
    LayerError
        `file_encoding` at the first byte that does not fit.
    """
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("rb") as file:
            while raw := file.read(_CHUNK):
                yield decoder.decode(raw)
            yield decoder.decode(b"", final=True)
    except UnicodeError:
        require_fitting(path, encoding)
        raise


def _first_wrong(path: Path, encoding: str) -> int | None:
    """Position of the first byte that does not fit, None if all do."""
    decoder = codecs.getincrementaldecoder(encoding)()
    done = 0
    with path.open("rb") as file:
        while True:
            raw = file.read(_CHUNK)
            kept = len(decoder.getstate()[0])
            try:
                decoder.decode(raw, final=not raw)
            except UnicodeDecodeError as fault:
                return done - kept + fault.start
            except UnicodeError:  # UTF-16 without the mark that its name promises
                return done
            if not raw:
                return None
            done += len(raw)


def _unfitting(path: Path, at: int, encoding: str) -> LayerError:
    line, left = 1, at
    with path.open("rb") as file:
        while left > 0 and (raw := file.read(min(_CHUNK, left))):
            line += raw.count(b"\n")
            left -= len(raw)
    told = encoding.upper() if encoding != "gb18030" else "UTF-8, UTF-16, GB18030"
    return unreadable(
        path,
        f"byte {at + 1} (line {line}) does not fit {told}; save it as UTF-8, or name its --encoding",
        code="file_encoding",
        byte=at + 1,
        line=line,
        encoding=told,
    )
