"""Records of an XML file one by one, without entities and without a network.

The parser is expat of the standard library. A file that declares a document type is refused
before any entity is known, so nothing can expand and nothing outside is ever read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET
from xml.parsers import expat

from .decoding import find_encoding, text_chunks
from .faults import shorten, storable
from .reading import Wishes, damaged, not_what_it_says, unreadable

_MAX_DEPTH = 60
_DECLARED = re.compile(rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([\w.-]{1,30})["']""")


@dataclass(frozen=True)
class Record:
    """An element that was asked for, and the names of the folders it lies in."""

    element: ET.Element
    folders: tuple[str, ...]


@dataclass(frozen=True)
class Form:
    """Which elements matter in a kind of file.

    Parameters
    ----------
    wanted : str
        What the file must be, for a person.
    root, records, folders : names without prefix
        `folders` name themselves by a child `name`.
    """

    wanted: str
    root: str
    records: frozenset[str]
    folders: frozenset[str] = frozenset()


@dataclass
class XmlFile:
    """A file of some form; `records` can be gone through again and again."""

    path: Path
    form: Form
    encoding: str
    elements: Counter[str] = field(default_factory=Counter)
    """Names of the elements outside records met on the last way through."""

    def records(self) -> Iterator[Record]:
        """The records in their order.

        Raises
        ------
        LayerError
            `file_disguised`, `file_damaged`, `xml_entities`, `file_encoding`.
        """
        sink = _Sink(self)
        self.elements.clear()
        try:
            for text in text_chunks(self.path, self.encoding):
                sink.parser.Parse(text.encode("utf-8", errors="surrogatepass"))
                yield from sink.taken()
            sink.parser.Parse(b"", True)
        except expat.ExpatError as fault:
            if not sink.rooted:
                raise not_what_it_says(self.path, self.form.wanted) from fault
            raise damaged(self.path, fault) from fault
        yield from sink.taken()


def open_xml(path: Path, form: Form, wishes: Wishes) -> XmlFile:
    """The file with its encoding found."""
    with path.open("rb") as file:
        start = file.read(1024)
    declared = _DECLARED.match(start.removeprefix(b"\xef\xbb\xbf"))
    stated = None if declared is None else declared[1].decode("ascii")
    if stated is not None and stated.lower().replace("-", "").startswith("utf"):
        stated = None
    if not start.lstrip(b"\xef\xbb\xbf \t\r\n\xff\xfe\0").startswith(b"<"):
        raise not_what_it_says(path, form.wanted)
    return XmlFile(path, form, find_encoding(path, wishes.encoding, stated))


class _Sink:
    """What expat reports becomes records."""

    def __init__(self, file: XmlFile) -> None:
        self.file = file
        self.rooted = False
        self.depth = 0
        self.folders: list[tuple[int, str]] = []
        self.naming: list[str] | None = None
        self.builder: ET.TreeBuilder | None = None
        self.begun = 0
        self.found: list[Record] = []
        self.parser = expat.ParserCreate("utf-8")
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text

    def taken(self) -> list[Record]:
        """The records complete by now; they are given once."""
        found, self.found = self.found, []
        return found

    def _doctype(self, *_: object) -> None:
        raise unreadable(
            self.file.path,
            "it declares a document type or entities, which no such file needs; export it again",
            code="xml_entities",
        )

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        form = self.file.form
        if not self.rooted:
            if name != form.root:
                raise not_what_it_says(self.file.path, form.wanted, storable(shorten(name)))
            self.rooted = True
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise damaged(self.file.path, f"more than {_MAX_DEPTH} elements inside each other")
        if self.builder is None and name in form.records:
            self.builder, self.begun = ET.TreeBuilder(), self.depth
        if self.builder is not None:
            self.builder.start(name, attributes)
            return
        self.file.elements[name] += 1
        if name in form.folders:
            self.folders.append((self.depth, ""))
        elif name == "name" and self.folders and self.depth == self.folders[-1][0] + 1:
            self.naming = []

    def _text(self, text: str) -> None:
        if self.builder is not None:
            self.builder.data(text)
        elif self.naming is not None:
            self.naming.append(text)

    def _end(self, tag: str) -> None:
        if self.builder is not None:
            self.builder.end(tag.rpartition(":")[2])
            if self.depth == self.begun:
                folders = tuple(name for _, name in self.folders if name)
                self.found.append(Record(self.builder.close(), folders))
                self.builder = None
        elif self.naming is not None:
            self.folders[-1] = (self.folders[-1][0], "".join(self.naming).strip())
            self.naming = None
        elif self.folders and self.folders[-1][0] == self.depth:
            self.folders.pop()
        self.depth -= 1
