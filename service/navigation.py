"""Links that a phone opens to be led to a stop or along a leg.

Amap takes longitude first and GCJ-02; Baidu takes latitude first, here in GCJ-02 too, which
`coord_type=gcj02` says (it would take numbers without it for BD-09). A `geo:` link is WGS-84, latitude
first (RFC 5870). Coordinates are shifted here and nowhere else; outside China nothing is.

Sources: lbs.amap.com/api/uri-api/guide/travel/route (2025-03), lbsyun.baidu.com, URI API, direction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import quote

from geo.crs import wgs84_to_gcj02
from geo.travel import Mode

AMAP_MODES: dict[Mode, str] = {"walk": "walk", "bike": "ride", "drive": "car"}
BAIDU_MODES: dict[Mode, str] = {"walk": "walking", "bike": "riding", "drive": "driving"}
SOURCE = "zhoubian"

_MARKS = str.maketrans({",": "，", "|": "｜", ":": "：", ";": "；"})
"""Signs that part the fields of a link: a name has their full-width forms instead."""


class Place(NamedTuple):
    """Where to, [lon, lat] in EPSG:4326, and what it is called."""

    lonlat: Sequence[float]
    name: str


def amap(target: Place, mode: Mode, origin: Place | None = None) -> str:
    """A route in Amap's app or on its page; without `origin` from where the phone is.

    Cycling is shown on phones only, as Amap says.
    """
    start = "" if origin is None else f"from={_amap_place(origin)}&"
    return (
        f"https://uri.amap.com/navigation?{start}to={_amap_place(target)}"
        f"&mode={AMAP_MODES[mode]}&src={SOURCE}&coordinate=gaode&callnative=1"
    )


def baidu(origin: Place, target: Place, mode: Mode, region: str = "中国") -> str:
    """A route on Baidu's page or in its app; `region` is the city, or the country where none is known."""
    return (
        f"https://api.map.baidu.com/direction?origin={_baidu_place(origin)}&destination={_baidu_place(target)}"
        f"&mode={BAIDU_MODES[mode]}&coord_type=gcj02&region={quote(region, safe='')}&output=html&src={SOURCE}"
    )


def geo(lonlat: Sequence[float]) -> str:
    """The place alone, for any map on the phone."""
    return f"geo:{lonlat[1]:.6f},{lonlat[0]:.6f}"


def _gcj02(lonlat: Sequence[float]) -> tuple[str, str]:
    """Longitude and latitude in GCJ-02, 6 decimals: 0.1 m."""
    lon, lat = wgs84_to_gcj02(lonlat[0], lonlat[1])
    return f"{float(lon):.6f}", f"{float(lat):.6f}"


def _name(place: Place) -> str:
    return quote(place.name.translate(_MARKS), safe="")


def _amap_place(place: Place) -> str:
    lon, lat = _gcj02(place.lonlat)
    return f"{lon},{lat},{_name(place)}"


def _baidu_place(place: Place) -> str:
    lon, lat = _gcj02(place.lonlat)
    return f"latlng:{lat},{lon}%7Cname:{_name(place)}"
