"""A small OpenStreetMap file written by hand, in metres east and north of a place in Beijing."""

from __future__ import annotations

import math
from pathlib import Path
from xml.sax.saxutils import quoteattr

LON, LAT = 116.35, 40.0
_M_LAT = 111_035.0  # metres in a degree of latitude and of longitude at 40 N on GRS80
_M_LON = 85_394.0


class Draft:
    """Nodes, ways and relations; every call returns the number of what it made."""

    def __init__(self, lon: float = LON, lat: float = LAT) -> None:
        self.lon, self.lat = lon, lat
        self.nodes: list[str] = []
        self.ways: list[str] = []
        self.relations: list[str] = []
        self.next = {"n": 1, "w": 1, "r": 1}

    def _number(self, kind: str, given: int | None) -> int:
        number = self.next[kind] if given is None else given
        self.next[kind] = max(self.next[kind], number + 1)
        return number

    @staticmethod
    def _tags(tags: dict[str, str]) -> str:
        return "".join(f"<tag k={quoteattr(k)} v={quoteattr(v)}/>" for k, v in tags.items())

    def node(self, x: float, y: float, tags: dict[str, str] | None = None, number: int | None = None) -> int:
        number = self._number("n", number)
        lon = self.lon + x / (_M_LON * math.cos(math.radians(self.lat)) / math.cos(math.radians(LAT)))
        lat = self.lat + y / _M_LAT
        self.nodes.append(
            f'<node id="{number}" lon="{lon:.9f}" lat="{lat:.9f}">{self._tags(tags or {})}</node>'
        )
        return number

    def way(self, refs: list[int], tags: dict[str, str], number: int | None = None) -> int:
        number = self._number("w", number)
        nds = "".join(f'<nd ref="{ref}"/>' for ref in refs)
        self.ways.append(f'<way id="{number}">{nds}{self._tags(tags)}</way>')
        return number

    def line(self, places: list[tuple[float, float]], tags: dict[str, str]) -> int:
        return self.way([self.node(x, y) for x, y in places], tags)

    def box(self, x: float, y: float, wide: float, high: float, tags: dict[str, str]) -> int:
        refs = [self.node(x + dx, y + dy) for dx, dy in ((0, 0), (wide, 0), (wide, high), (0, high))]
        return self.way([*refs, refs[0]], tags)

    def relation(self, members: list[tuple[str, int, str]], tags: dict[str, str]) -> int:
        number = self._number("r", None)
        inside = "".join(f'<member type="{kind}" ref="{ref}" role="{role}"/>' for kind, ref, role in members)
        self.relations.append(f'<relation id="{number}">{inside}{self._tags(tags)}</relation>')
        return number

    def text(self) -> str:
        return f'<osm version="0.6">{"".join(self.nodes + self.ways + self.relations)}</osm>'

    def save(self, folder: Path, name: str = "草图.osm") -> Path:
        path = folder / name
        path.write_text(self.text(), encoding="utf-8")
        return path
