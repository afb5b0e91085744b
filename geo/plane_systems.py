"""What may metres without a stated system be? Every usual plane system and the place it would mean.

An easting of eight digits carries its zone number in front; of six digits it fits every central
meridian; in China the northing comes first and is called X. Beijing 1954 and Xi'an 1980 are not
told apart from CGCS2000: their grids differ by tens of metres, and only a local survey office has the
numbers between them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from pyproj import CRS

from .crs import to_wgs84

MOST_SUGGESTED = 5
NEAR_DEGREES = 1.0
_MIDDLE_OF_CHINA = (114.0, 33.0)
"""Where most people live: without a city the systems are listed outward from here."""
_DEGREES = 360.0


@dataclass(frozen=True)
class PlaneSystem:
    """A system that the coordinates may be in.

    Parameters
    ----------
    datum : str
        ``EPSG:n``.
    northing_first : bool
        The first column is the northing.
    lon, lat : float
        Where the middle of the coordinates would lie, degrees.
    """

    datum: str
    northing_first: bool
    lon: float
    lat: float

    def __str__(self) -> str:
        return f"{self.datum}: {self.lon:.2f}, {self.lat:.2f}"


def plausible_systems(xy: ArrayLike, near: tuple[float, float] | None = None) -> list[PlaneSystem]:
    """The systems under which the middle of the coordinates is a place in China.

    Parameters
    ----------
    xy : (n, 2) float
        The two columns as they stand in the file; no degrees.
    near : (lon, lat) degrees, optional
        The city. With it only systems that land within one degree are given, unless none does.

    Returns
    -------
    list of PlaneSystem
        The nearest to the city first; without a city, to 114 E. Empty for degrees and for numbers
        that are no plane coordinates of China.

    Notes
    -----
    CGCS2000 3-degree zones 4534-4554 and, with zone number, 4513-4533; 6-degree zones with number
    4491-4501 (without number they equal a 3-degree zone); WGS-84 UTM 32643-32653; Web Mercator.
    """
    raw = np.asarray(xy, dtype=np.float64).reshape(-1, 2)
    raw = raw[np.isfinite(raw).all(axis=1)]
    if not len(raw):
        return []
    first, second = np.median(raw, axis=0)
    found = []
    for northing_first, (x, y) in ((False, (first, second)), (True, (second, first))):
        for datum in _by_size(float(x), float(y)):
            lon, lat = (float(at) for at in to_wgs84(x, y, datum))
            if 73.0 <= lon <= 136.0 and 3.0 <= lat <= 54.0:
                found.append(PlaneSystem(datum, northing_first, lon, lat))
    if near is not None:
        here = [s for s in found if max(abs(s.lon - near[0]), abs(s.lat - near[1])) <= NEAR_DEGREES]
        found = here or found
    lon, lat = near or _MIDDLE_OF_CHINA
    return sorted(found, key=lambda s: (abs(s.lon - lon) + abs(s.lat - lat), s.datum))


def _by_size(x: float, y: float) -> Iterator[str]:
    """Systems whose eastings and northings have the size of these numbers."""
    if abs(x) <= _DEGREES and abs(y) <= _DEGREES:
        return
    zone, easting = divmod(x, 1_000_000.0)
    if 300_000 <= y <= 6_100_000 and 100_000 <= easting <= 900_000:
        if zone == 0:
            yield from (f"EPSG:{code}" for code in range(4534, 4555))
            yield from (f"EPSG:{code}" for code in range(32643, 32654))
        elif 25 <= zone <= 45:
            yield f"EPSG:{4513 + int(zone) - 25}"
        elif 13 <= zone <= 23:
            yield f"EPSG:{4491 + int(zone) - 13}"
    if 8_100_000 <= x <= 15_200_000 and 330_000 <= y <= 7_200_000:
        yield "EPSG:3857"


def suggestions(xy: ArrayLike, near: tuple[float, float] | None = None) -> str:
    """At most five systems and where each would put the data: ``EPSG:4547: 114.31, 30.55; ...``."""
    return "; ".join(map(str, plausible_systems(xy, near)[:MOST_SUGGESTED]))


_TELLING = {
    "Longitude of natural origin": "central meridian",
    "Longitude of false origin": "central meridian",
    "False easting": "false easting",
    "Easting at false origin": "false easting",
}


def described(wkt: str) -> str:
    """A system without a number in one line: its name, projection, and where its origin lies.

    ``Transverse Mercator on WGS 84, central meridian 117, false easting 499995.7``
    """
    system = CRS.from_user_input(wkt)
    operation = system.coordinate_operation
    if operation is None:
        return system.name
    below = system.geodetic_crs
    known = [] if below is None else [below.name, below.datum.name if below.datum is not None else "unknown"]
    datum = next((name for name in known if name not in ("unknown", "unnamed")), "an unknown datum")
    named = "" if system.name in ("unknown", "unnamed", operation.method_name) else f"{system.name}: "
    told = [f"{_TELLING[p.name]} {p.value:.10g}" for p in operation.params if p.name in _TELLING]
    return f"{named}{', '.join([f'{operation.method_name} on {datum}', *told])}"
