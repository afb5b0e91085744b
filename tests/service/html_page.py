"""An HTML page taken apart, for tests."""

from __future__ import annotations

from html.parser import HTMLParser


class Page(HTMLParser):
    """The elements of a page: addresses, text by element, inline scripts and styles."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.text: dict[str, str] = {}
        self.tags: list[str] = []
        self.handlers: list[str] = []
        self.given: dict[str, str] = {}
        self._open = ""
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self._open = f"{tag}-{len(self.tags)}"
        for name, value in attrs:
            if name in ("src", "href"):
                self.addresses.append(value)
            if name.startswith("data-"):
                self.given[name] = value
            if name.startswith("on"):
                self.handlers.append(name)

    def handle_endtag(self, tag):
        self._open = ""

    def handle_data(self, data):
        self.text[self._open] = self.text.get(self._open, "") + data

    def of(self, tag: str) -> list[str]:
        return [text for key, text in self.text.items() if key.startswith(f"{tag}-")]
