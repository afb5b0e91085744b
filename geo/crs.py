"""Where is it? WGS-84, CGCS2000, GCJ-02, BD-09, and the metric CRS of a city.

Everything is stored as longitude, latitude in EPSG:4326. CGCS2000 geographic coordinates equal
WGS-84 within about a metre and are taken as equal. GCJ-02 and BD-09 exist only on reading and on
drawing. Distances are taken in a conformal plane and divided by the scale at the anchor, so they
agree with the geodesic within 0.05 m up to 2 km; a distance in degrees or Web Mercator raises.

Sources: GCJ-02 forward transform as published in eviltransform and prcoords (Krasovsky 1940
ellipsoid, a = 6378245, e2 = 0.00669342162296594323); inverses by fixed-point iteration.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from pyproj import CRS, Geod, Proj, Transformer
from pyproj.exceptions import CRSError as ProjCRSError

from .errors import CRSError

Floats = NDArray[np.float64]

GEOD = Geod(ellps="GRS80")
"""The ellipsoid of CGCS2000; Karney's geodesics on it are the truth of every distance test."""

WGS84 = "EPSG:4326"
DATUMS = ("wgs84", "cgcs2000", "gcj02", "bd09")

CITY_DEGREES = 3.0
"""No unit of one city lies farther from its middle than this."""

_A = 6378245.0
_E2 = 0.00669342162296594323
_BD = math.pi * 3000.0 / 180.0
_INVERSE_STEPS = 12
"""Each step shrinks the error about 150-fold: six reach 3e-9 m, twelve reach rounding."""


class LonLat(NamedTuple):
    """Longitude and latitude in degrees, arrays of one shape."""

    lon: Floats
    lat: Floats


def _pair(lon: ArrayLike, lat: ArrayLike) -> LonLat:
    return LonLat(np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64))


def inside_china(lon: ArrayLike, lat: ArrayLike) -> NDArray[np.bool_]:
    """Whether GCJ-02 shifts a place: the rectangle 72.004-137.8347 E, 0.8293-55.8271 N.

    The rectangle is the one of the published transform; it is no border.
    """
    lon, lat = _pair(lon, lat)
    inside: NDArray[np.bool_] = (lon >= 72.004) & (lon <= 137.8347) & (lat >= 0.8293) & (lat <= 55.8271)
    return inside


def _gcj_shift(lon: Floats, lat: Floats) -> LonLat:
    """GCJ-02 minus WGS-84 in degrees, for WGS-84 coordinates."""
    x, y = lon - 105.0, lat - 35.0
    root = np.sqrt(np.abs(x))
    common = (20.0 * np.sin(6.0 * x * np.pi) + 20.0 * np.sin(2.0 * x * np.pi)) * 2.0 / 3.0
    dlat = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + common
    dlat += (20.0 * np.sin(y * np.pi) + 40.0 * np.sin(y / 3.0 * np.pi)) * 2.0 / 3.0
    dlat += (160.0 * np.sin(y / 12.0 * np.pi) + 320.0 * np.sin(y * np.pi / 30.0)) * 2.0 / 3.0
    dlon = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + common
    dlon += (20.0 * np.sin(x * np.pi) + 40.0 * np.sin(x / 3.0 * np.pi)) * 2.0 / 3.0
    dlon += (150.0 * np.sin(x / 12.0 * np.pi) + 300.0 * np.sin(x / 30.0 * np.pi)) * 2.0 / 3.0
    phi = np.radians(lat)
    magic = 1.0 - _E2 * np.sin(phi) ** 2
    dlat = dlat * 180.0 / ((_A * (1.0 - _E2)) / (magic * np.sqrt(magic)) * np.pi)
    dlon = dlon * 180.0 / (_A / np.sqrt(magic) * np.cos(phi) * np.pi)
    here = inside_china(lon, lat)
    return LonLat(np.where(here, dlon, 0.0), np.where(here, dlat, 0.0))


def wgs84_to_gcj02(lon: ArrayLike, lat: ArrayLike) -> LonLat:
    """WGS-84 degrees to GCJ-02 degrees; places outside the rectangle stay as they are."""
    lon, lat = _pair(lon, lat)
    shift = _gcj_shift(lon, lat)
    return LonLat(lon + shift.lon, lat + shift.lat)


def gcj02_to_wgs84(lon: ArrayLike, lat: ArrayLike) -> LonLat:
    """GCJ-02 degrees to WGS-84 degrees by fixed-point iteration; round trip below 1e-6 m."""
    target = _pair(lon, lat)
    lon, lat = target
    for _ in range(_INVERSE_STEPS):
        shift = _gcj_shift(lon, lat)
        lon, lat = target.lon - shift.lon, target.lat - shift.lat
    return LonLat(lon, lat)


def _gcj02_to_bd09(lon: Floats, lat: Floats) -> LonLat:
    z = np.hypot(lon, lat) + 0.00002 * np.sin(lat * _BD)
    theta = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * _BD)
    return LonLat(z * np.cos(theta) + 0.0065, z * np.sin(theta) + 0.006)


def gcj02_to_bd09(lon: ArrayLike, lat: ArrayLike) -> LonLat:
    """GCJ-02 degrees to BD-09 degrees; places outside the rectangle stay as they are."""
    lon, lat = _pair(lon, lat)
    moved, here = _gcj02_to_bd09(lon, lat), inside_china(lon, lat)
    return LonLat(np.where(here, moved.lon, lon), np.where(here, moved.lat, lat))


def bd09_to_gcj02(lon: ArrayLike, lat: ArrayLike) -> LonLat:
    """BD-09 degrees to GCJ-02 degrees by fixed-point iteration; round trip below 1e-6 m."""
    target = _pair(lon, lat)
    lon, lat = target
    for _ in range(_INVERSE_STEPS):
        moved = gcj02_to_bd09(lon, lat)
        lon, lat = lon + target.lon - moved.lon, lat + target.lat - moved.lat
    return LonLat(lon, lat)


def wgs84_to_bd09(lon: ArrayLike, lat: ArrayLike) -> LonLat:
    """WGS-84 degrees to BD-09 degrees."""
    return gcj02_to_bd09(*wgs84_to_gcj02(lon, lat))


def bd09_to_wgs84(lon: ArrayLike, lat: ArrayLike) -> LonLat:
    """BD-09 degrees to WGS-84 degrees; round trip below 1e-6 m."""
    return gcj02_to_wgs84(*bd09_to_gcj02(lon, lat))


def parse_datum(text: str) -> str:
    """The canonical name of a datum: one of `DATUMS`, or ``EPSG:n``.

    Raises
    ------
    CRSError
        If the name is none of these or PROJ does not know the code.
    """
    name = text.strip().lower().replace("-", "").replace("_", "").replace(" ", "")
    if name in DATUMS:
        return name
    code = re.fullmatch(r"(?:epsg:?)?(\d{4,6})", name)
    if code:
        try:
            CRS.from_epsg(int(code[1]))
        except ProjCRSError as fault:
            raise CRSError(
                f"EPSG:{code[1]} is not a coordinate system that PROJ knows; check the number",
                code="epsg_unknown",
                epsg=code[1],
            ) from fault
        return {"4326": "wgs84", "4490": "cgcs2000"}.get(code[1], f"EPSG:{code[1]}")
    raise CRSError(
        f"datum {text!r} is unknown; use one of {', '.join(DATUMS)} or EPSG:n",
        code="datum_unknown",
        datum=text,
        known=", ".join(DATUMS),
    )


def to_wgs84(x: ArrayLike, y: ArrayLike, datum: str) -> LonLat:
    """Coordinates of any datum to EPSG:4326 degrees.

    Parameters
    ----------
    x, y : array of float
        Longitude and latitude, or easting and northing: always x first, whatever the order that
        EPSG prints (the registry gives EPSG:4490 as lat, lon and Gauss-Krueger as northing first).
    datum : str
        As `parse_datum` returns it.

    Returns
    -------
    LonLat
        Non-finite where PROJ has no answer; the validator names such rows.
    """
    if datum in ("wgs84", "cgcs2000"):
        return _pair(x, y)
    if datum == "gcj02":
        return gcj02_to_wgs84(x, y)
    if datum == "bd09":
        return bd09_to_wgs84(x, y)
    lon, lat = _transformer(datum).transform(*_pair(x, y))
    return _pair(lon, lat)


def from_wgs84(lon: ArrayLike, lat: ArrayLike, datum: str) -> LonLat:
    """EPSG:4326 degrees to any datum, x (longitude or easting) first: inverse of `to_wgs84`."""
    if datum in ("wgs84", "cgcs2000"):
        return _pair(lon, lat)
    if datum == "gcj02":
        return wgs84_to_gcj02(lon, lat)
    if datum == "bd09":
        return wgs84_to_bd09(lon, lat)
    x, y = _transformer(datum).transform(*_pair(lon, lat), direction="INVERSE")
    return _pair(x, y)


def geometry_to_wgs84(geometry: NDArray[np.object_], datum: str) -> NDArray[np.object_]:
    """An array of shapely geometries in any datum to EPSG:4326; z is dropped."""
    if datum in ("wgs84", "cgcs2000"):
        flat: NDArray[np.object_] = shapely.force_2d(geometry)
        return flat

    def move(xy: Floats) -> Floats:
        return np.column_stack(to_wgs84(xy[:, 0], xy[:, 1], datum))

    moved: NDArray[np.object_] = shapely.transform(shapely.force_2d(geometry), move)
    return moved


@lru_cache(maxsize=64)
def _transformer(source: str) -> Transformer:
    return Transformer.from_crs(source, WGS84, always_xy=True)


@lru_cache(maxsize=64)
def _projector(crs: CRS) -> Transformer:
    return Transformer.from_crs(WGS84, crs, always_xy=True)


def gauss_kruger(lon: float, *, width: int = 3, zone_number: bool = False) -> int:
    """EPSG code of the CGCS2000 Gauss-Krueger zone of a longitude.

    Parameters
    ----------
    lon : float
        Degrees east.
    width : 3 or 6
        Zone width in degrees.
    zone_number : bool
        True: the easting carries the zone number in front (8 digits).

    Notes
    -----
    3 degrees: 4534-4554 for central meridians 75-135 E, 4513-4533 for zones 25-45.
    6 degrees: 4502-4512 for central meridians 75-135 E, 4491-4501 for zones 13-23.
    """
    if width == 3:
        zone = math.floor(lon / 3.0 + 0.5)
        first, base = 25, (4513 if zone_number else 4534)
        last = 45
    else:
        zone = math.floor(lon / 6.0) + 1
        first, base = 13, (4491 if zone_number else 4502)
        last = 23
    if not first <= zone <= last:
        raise CRSError(
            f"longitude {lon:g} lies outside the CGCS2000 {width}-degree zones",
            code="outside_zones",
            lon=lon,
            width=width,
        )
    return base + zone - first


def metric_crs(lon: float, lat: float) -> CRS:
    """The metric CRS of a city: CGCS2000 3-degree Gauss-Krueger in China, else UTM on WGS-84.

    Parameters
    ----------
    lon, lat : float
        The middle of the city, degrees.
    """
    if not (math.isfinite(lon) and math.isfinite(lat) and abs(lon) <= 180 and abs(lat) <= 84):
        raise CRSError(
            f"({lon:g}, {lat:g}) is no place on Earth with a metric plane; check the coordinates",
            code="no_metric_crs",
            lon=lon,
            lat=lat,
        )
    if 73.5 <= lon < 136.5 and 3.0 <= lat <= 54.0:
        return CRS.from_epsg(gauss_kruger(lon))
    zone = min(int((lon + 180.0) // 6.0) + 1, 60)
    return CRS.from_epsg((32600 if lat >= 0 else 32700) + zone)


def require_metric(crs: Any, what: str = "a distance") -> CRS:
    """The CRS, if distances may be taken in it; else an error that says what to do.

    Raises
    ------
    CRSError
        For a missing, geographic, non-metric or (Web) Mercator CRS.
    """
    if crs is None:
        raise CRSError(f"{what} needs a CRS and the table has none", code="crs_missing", what=what)
    known = CRS.from_user_input(crs)
    if known.is_geographic:
        raise CRSError(
            f"{what} cannot be taken in degrees ({known.name}); project to the city's metric CRS first",
            code="crs_degrees",
            what=what,
            crs=known.name,
        )
    operation = known.coordinate_operation
    method = operation.method_name.lower() if operation is not None else ""
    if "mercator" in method and "transverse" not in method:
        raise CRSError(
            f"{what} cannot be taken in {known.name}: its lengths are stretched by 1/cos(latitude)",
            code="crs_mercator",
            what=what,
            crs=known.name,
        )
    if any(axis.unit_conversion_factor != 1.0 for axis in known.axis_info):
        raise CRSError(
            f"{what} needs metres, {known.name} has another unit", code="crs_unit", what=what, crs=known.name
        )
    return known


def scale_at(crs: CRS, lon: ArrayLike, lat: ArrayLike) -> Floats:
    """Plane metres per ground metre at each place; the plane is conformal, so one number serves.

    Parameters
    ----------
    crs : CRS
        Transverse Mercator (Gauss-Krueger, UTM).
    lon, lat : (n,) degrees

    Returns
    -------
    (n,) float, about 0.9996 to 1.0004.
    """
    lon, lat = _pair(lon, lat)
    if lon.size == 0:
        return np.empty(0)
    factors = Proj(crs).get_factors(lon, lat)
    return np.asarray(factors.meridional_scale, dtype=np.float64)


def project(geometry: NDArray[np.object_], crs: CRS) -> NDArray[np.object_]:
    """EPSG:4326 geometries to a metric CRS, x = easting, y = northing."""
    transformer = _projector(crs)

    def move(xy: Floats) -> Floats:
        return np.column_stack(transformer.transform(xy[:, 0], xy[:, 1]))

    moved: NDArray[np.object_] = shapely.transform(geometry, move)
    return moved
