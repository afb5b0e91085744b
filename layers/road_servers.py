"""Travel by a road server of the office: OSRM or Valhalla, behind the same three functions.

OSRM: HTTP API v5, services nearest, table and route (project-osrm.org/docs); Valhalla: locate,
sources_to_targets and route (valhalla.github.io). Both leave out the way from a position to the
network and back; it is added here, straight and on foot in every mode.

A null of a table is "no way": infinite. Everything else that is not as documented is an error.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from geo.errors import ZhoubianError
from geo.travel import SPEED_KMH, Legs, Mode, Path, Snapped, TravelEngine, geodesic

from .road_server_http import LARGEST, TIMEOUT_S, Json, RoadServerHTTP

Floats = NDArray[np.float64]

OSRM_PROFILES: Mapping[Mode, str] = MappingProxyType({"walk": "foot", "bike": "bike", "drive": "driving"})
OSRM_COORDINATES = 100
"""In one table, sources and targets together: `--max-table-size` is 100 unless the office says otherwise."""

VALHALLA_COSTING: Mapping[Mode, str] = MappingProxyType(
    {"walk": "pedestrian", "bike": "bicycle", "drive": "auto"}
)
VALHALLA_LOCATIONS = 50
"""Sources, and targets, of one matrix: 50 x 50 is the usual `max_matrix_location_pairs` of 2,500."""
VALHALLA_LOCATE = 20
"""Positions of one locate: the least usual `max_locations`, that of `auto`."""

PLAUSIBLE_KMH: Mapping[Mode, tuple[float, float]] = MappingProxyType(
    {"walk": (1.0, 9.0), "bike": (5.0, 28.0), "drive": (9.0, 150.0)}
)
"""Mean speed of a table: an OSRM server made for cars answers questions about walking without a word."""

_JUDGED_M = 1000.0
_NO_PATH, _APART, _NO_EDGE = 442, 170, 171


def road_server(url: str, *, timeout_s: float = TIMEOUT_S) -> TravelEngine:
    """The engine of an address: ``osrm+http://host:5000``, ``valhalla+http://host:8002``.

    ``http://`` without a word in front is OSRM. ``https`` works alike.

    Raises
    ------
    ZhoubianError
        ``road_server_address`` for another scheme, or with a user name or password. The server is not
        asked yet.
    """
    if RoadServerHTTP(url).kind == "valhalla":
        return ValhallaServer(url, timeout_s=timeout_s)
    return OsrmServer(url, timeout_s=timeout_s)


class OsrmServer:
    """OSRM by HTTP.

    Parameters
    ----------
    url : str
        `osrm-routed` serves one profile and ignores the name in the question, so an office that walks
        and cycles runs two servers, or one address that leads to several by the name of the profile.
    profiles : mapping of mode to the name in the question
    timeout_s, largest
        Of one answer; see `RoadServerHTTP`.
    coordinates : int
        Of one table, at least 2.
    """

    def __init__(
        self,
        url: str,
        *,
        profiles: Mapping[Mode, str] = OSRM_PROFILES,
        timeout_s: float = TIMEOUT_S,
        largest: int = LARGEST,
        coordinates: int = OSRM_COORDINATES,
    ) -> None:
        self.name = "osrm"
        self.estimate = False
        self._http = RoadServerHTTP(url, timeout_s=timeout_s, largest=largest)
        self._profiles = {mode: quote(name, safe="") for mode, name in profiles.items()}
        self._coordinates = coordinates

    def snap(self, lonlat: Floats, mode: Mode) -> Snapped:
        """One question per position."""
        lonlat = _positions(lonlat)
        place, gap = lonlat.copy(), np.full(len(lonlat), np.inf)
        asked = f"/nearest/v1/{self._profiles[mode]}"
        for i in range(len(lonlat)):
            answer = self._ask(f"{asked}/{_osrm(lonlat[i : i + 1])}?number=1", asked, "NoSegment")
            if answer is not None:
                place[i] = self._locations(answer, "waypoints", asked, 1)[0]
                gap[i] = geodesic(lonlat[i], place[i])
        return Snapped(place, gap, np.full(len(lonlat), -1))

    def matrix(self, sources: Floats, targets: Floats, mode: Mode) -> Legs:
        """Fastest ways, by tables of at most `coordinates` positions."""
        sources, targets = _positions(sources), _positions(targets)
        legs = _empty(len(sources), len(targets))
        n, m, most = len(sources), len(targets), self._coordinates
        high = min(n, max(most // 2, most - m))
        for rows, columns in _blocks(n, m, high, most - high):
            block = self._block(sources[rows], targets[columns], mode)
            legs.metres[rows, columns], legs.seconds[rows, columns] = block.metres, block.seconds
        return _nowhere_to_go(legs, sources, targets)

    def path(self, source: Floats, target: Floats, mode: Mode) -> Path | None:
        """The fastest way in full detail."""
        ends = _positions([source, target])
        if np.array_equal(source, target):
            return Path(ends, 0.0, 0.0)
        asked = f"/route/v1/{self._profiles[mode]}"
        answer = self._ask(
            f"{asked}/{_osrm(ends)}?geometries=geojson&overview=full&steps=false",
            asked,
            "NoRoute",
            "NoSegment",
        )
        if answer is None:
            return None
        routes = answer.get("routes")
        route = routes[0] if isinstance(routes, list) and routes else None
        geometry = route.get("geometry") if isinstance(route, dict) else None
        line = geometry.get("coordinates") if isinstance(geometry, dict) else None
        if not isinstance(route, dict) or not isinstance(line, list) or not line:
            raise self._http.odd(asked, "routes[0].geometry.coordinates: -")
        lonlat = np.array([_lonlat(self._http, pair, asked, "routes[0].geometry") for pair in line])
        metres, seconds = (
            _length(self._http, route.get(name), asked, name) for name in ("distance", "duration")
        )
        return _with_ends(ends, lonlat, metres, seconds)

    def _block(self, sources: Floats, targets: Floats, mode: Mode) -> Legs:
        """One table, the ways to and from the network in it."""
        n, m = len(sources), len(targets)
        legs = _empty(n, m)
        if not n or not m:
            return legs
        profile = self._profiles[mode]
        asked = f"/table/v1/{profile} {n} x {m}"
        answer = self._ask(
            f"/table/v1/{profile}/{_osrm(np.vstack([sources, targets]))}?annotations=duration,distance"
            f"&sources={_indexes(0, n)}&destinations={_indexes(n, n + m)}",
            asked,
            "NoSegment",
        )
        if answer is None:  # one position without a road spoils the table: do without those
            near = np.isfinite(self.snap(np.vstack([sources, targets]), mode).gap_m)
            if near.all():
                raise self._http.refused(asked, "NoSegment")
            rest = np.ix_(near[:n], near[n:])
            some = self._block(sources[near[:n]], targets[near[n:]], mode)
            legs.metres[rest], legs.seconds[rest] = some.metres, some.seconds
            return legs
        metres, seconds = (
            _table(self._http, answer.get(name), n, m, asked, name) for name in ("distances", "durations")
        )
        self._judge(metres, seconds, mode, asked)
        out = geodesic(sources, self._locations(answer, "sources", asked, n))
        back = geodesic(targets, self._locations(answer, "destinations", asked, m))
        return _with_gaps(metres, seconds, out, back)

    def _judge(self, metres: Floats, seconds: Floats, mode: Mode, asked: str) -> None:
        """Whether the speed is one of the mode at all."""
        known = np.isfinite(metres) & np.isfinite(seconds)
        length, time = metres[known].sum(), seconds[known].sum()
        slow, fast = PLAUSIBLE_KMH[mode]
        if length >= _JUDGED_M and not slow * time <= 3.6 * length <= fast * time:
            speed = f"{3.6 * length / time:.0f}" if time else "∞"
            raise ZhoubianError(
                f"the road server {self._http.host} answers {asked} at {speed} km/h,"
                f" which is not the speed of {mode} ({slow:g}-{fast:g}): an OSRM server serves the one"
                " profile that it was prepared with; use the address of one prepared for this mode",
                code="road_server_profile",
                host=self._http.host,
                asked=asked,
                speed=speed,
                mode=mode,
                slow=slow,
                fast=fast,
            )

    def _locations(self, answer: dict[str, Any], name: str, asked: str, count: int) -> Floats:
        """The places on the network of a list of waypoints."""
        found = answer.get(name)
        if not isinstance(found, list) or len(found) != count:
            raise self._http.odd(asked, f"{name}: {len(found) if isinstance(found, list) else '-'} / {count}")
        return np.array(
            [
                _lonlat(self._http, each.get("location") if isinstance(each, dict) else None, asked, name)
                for each in found
            ]
        )

    def _ask(self, path: str, asked: str, *nothing: str) -> dict[str, Any] | None:
        """The answer if its code is Ok; None for a code of `nothing`."""
        status, answer = self._http.ask(path, asked)
        code = answer.get("code") if isinstance(answer, dict) else None
        if not isinstance(answer, dict) or not isinstance(code, str):
            if status >= 400:
                raise self._http.refused(asked, f"HTTP {status}")
            raise self._http.odd(asked, "code: -")
        if code in nothing:
            return None
        if code != "Ok" or status >= 400:
            raise self._http.refused(asked, f"HTTP {status} {code} {answer.get('message', '')}")
        return answer


class ValhallaServer:
    """Valhalla by HTTP.

    Parameters
    ----------
    url : str
    timeout_s, largest
        Of one answer; see `RoadServerHTTP`.
    locations : int
        Sources, and targets, of one matrix.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float = TIMEOUT_S,
        largest: int = LARGEST,
        locations: int = VALHALLA_LOCATIONS,
    ) -> None:
        self.name = "valhalla"
        self.estimate = False
        self._http = RoadServerHTTP(url, timeout_s=timeout_s, largest=largest)
        self._locations = locations

    def snap(self, lonlat: Floats, mode: Mode) -> Snapped:
        """The nearest of the edges that the server would take."""
        lonlat = _positions(lonlat)
        place, gap = lonlat.copy(), np.full(len(lonlat), np.inf)
        for first in range(0, len(lonlat), VALHALLA_LOCATE):
            some = lonlat[first : first + VALHALLA_LOCATE]
            asked = f"/locate {VALHALLA_COSTING[mode]} {len(some)}"
            body = {"locations": _valhalla(some), "costing": VALHALLA_COSTING[mode], "verbose": False}
            answer = self._ask("/locate", asked, body)
            if not isinstance(answer, list) or len(answer) != len(some):
                raise self._http.odd(
                    asked, f"{len(answer) if isinstance(answer, list) else '-'} / {len(some)}"
                )
            for i, found in enumerate(answer, first):
                edges = found.get("edges") if isinstance(found, dict) else ()
                if not isinstance(edges, list | None):
                    raise self._http.odd(asked, f"[{i - first}].edges: -")
                if edges:
                    ends = np.array([self._correlated(edge, asked) for edge in edges])
                    far = geodesic(lonlat[i], ends)
                    place[i], gap[i] = ends[far.argmin()], far.min()
        return Snapped(place, gap, np.full(len(lonlat), -1))

    def matrix(self, sources: Floats, targets: Floats, mode: Mode) -> Legs:
        """Ways of least cost, by matrices of at most `locations` x `locations`."""
        sources, targets = _positions(sources), _positions(targets)
        out, back = self.snap(sources, mode).gap_m, self.snap(targets, mode).gap_m
        legs = _empty(len(sources), len(targets))
        # a position without a road would make the whole matrix an error
        rows, columns = np.flatnonzero(np.isfinite(out)), np.flatnonzero(np.isfinite(back))
        for some, others in _blocks(len(rows), len(columns), self._locations, self._locations):
            here = np.ix_(rows[some], columns[others])
            block = self._block(sources[rows[some]], targets[columns[others]], mode)
            legs.metres[here], legs.seconds[here] = block.metres, block.seconds
        return _nowhere_to_go(_with_gaps(legs.metres, legs.seconds, out, back), sources, targets)

    def path(self, source: Floats, target: Floats, mode: Mode) -> Path | None:
        """The way of least cost in full detail."""
        ends = _positions([source, target])
        if np.array_equal(source, target):
            return Path(ends, 0.0, 0.0)
        asked = f"/route {VALHALLA_COSTING[mode]}"
        body = {
            "locations": _valhalla(ends),
            "costing": VALHALLA_COSTING[mode],
            "units": "kilometers",
            "directions_type": "maneuvers",
        }
        answer = self._ask("/route", asked, body, _NO_PATH, _APART, _NO_EDGE)
        if isinstance(answer, int):
            return None
        trip = answer.get("trip") if isinstance(answer, dict) else None
        legs = trip.get("legs") if isinstance(trip, dict) else None
        leg = legs[0] if isinstance(legs, list) and len(legs) == 1 else None
        summary = trip.get("summary") if isinstance(trip, dict) else None
        if not isinstance(trip, dict) or not isinstance(leg, dict) or not isinstance(summary, dict):
            raise self._http.odd(asked, "trip.legs, trip.summary: -")
        self._in_kilometres(trip, asked)
        try:
            lonlat = decode_polyline6(leg.get("shape"))
        except ValueError as fault:
            raise self._http.odd(asked, f"trip.legs[0].shape: {fault}") from fault
        metres = 1000 * _length(self._http, summary.get("length"), asked, "trip.summary.length")
        return _with_ends(
            ends, lonlat, metres, _length(self._http, summary.get("time"), asked, "trip.summary.time")
        )

    def _block(self, sources: Floats, targets: Floats, mode: Mode) -> Legs:
        """One matrix, from network to network."""
        n, m = len(sources), len(targets)
        asked = f"/sources_to_targets {VALHALLA_COSTING[mode]} {n} x {m}"
        body = {
            "sources": _valhalla(sources),
            "targets": _valhalla(targets),
            "costing": VALHALLA_COSTING[mode],
            "units": "kilometers",
        }
        answer = self._ask("/sources_to_targets", asked, body, _NO_PATH, _APART, _NO_EDGE)
        if isinstance(answer, int):
            return self._apart(answer, sources, targets, mode)
        rows = answer.get("sources_to_targets") if isinstance(answer, dict) else None
        if not isinstance(answer, dict) or not isinstance(rows, list):
            raise self._http.odd(asked, "sources_to_targets: -")
        self._in_kilometres(answer, asked)
        metres, seconds = (
            _table(self._http, [_column(row, name) for row in rows], n, m, asked, name)
            for name in ("distance", "time")
        )
        return Legs(1000 * metres, seconds)

    def _apart(self, code: int, sources: Floats, targets: Floats, mode: Mode) -> Legs:
        """442: no pair has a way. 170, 171: some pair has none, so the matrix is halved until it shows."""
        n, m = len(sources), len(targets)
        if code == _NO_PATH or n == m == 1:
            return _empty(n, m)
        half = max(n, m) // 2
        if n >= m:
            halves = [self._block(part, targets, mode) for part in (sources[:half], sources[half:])]
        else:
            halves = [self._block(sources, part, mode) for part in (targets[:half], targets[half:])]
        axis = 0 if n >= m else 1
        return Legs(
            np.concatenate([each.metres for each in halves], axis),
            np.concatenate([each.seconds for each in halves], axis),
        )

    def _correlated(self, edge: object, asked: str) -> tuple[float, float]:
        pair = [edge.get("correlated_lon"), edge.get("correlated_lat")] if isinstance(edge, dict) else None
        return _lonlat(self._http, pair, asked, "edges.correlated_lon, correlated_lat")

    def _in_kilometres(self, answer: dict[str, Any], asked: str) -> None:
        if answer.get("units") not in ("kilometers", "km"):
            raise self._http.odd(asked, f"units: {answer.get('units')}")

    def _ask(self, path: str, asked: str, body: dict[str, Any], *nothing: int) -> Json | int:
        """The answer; the code of the error if it is one of `nothing`."""
        status, answer = self._http.ask(path, asked, body)
        code = answer.get("error_code") if isinstance(answer, dict) else None
        if isinstance(code, int) and code in nothing:
            return code
        if code is not None or status >= 400:
            words = answer.get("error", "") if isinstance(answer, dict) else ""
            raise self._http.refused(asked, f"HTTP {status} {'' if code is None else code} {words}")
        return answer


def decode_polyline6(shape: object) -> Floats:
    """The positions (k, 2) lon, lat of an encoded polyline of six digits (Google's algorithm; lat first).

    Raises
    ------
    ValueError
        For anything else, with the place.
    """
    if not isinstance(shape, str) or not shape:
        raise ValueError("-")
    numbers, value, shift = [], 0, 0
    for place, letter in enumerate(shape):
        bits = ord(letter) - 63
        if not 0 <= bits < 64 or shift > 30:
            raise ValueError(f"[{place}]")
        value |= (bits & 31) << shift
        shift += 5
        if bits < 32:
            numbers.append(~(value >> 1) if value & 1 else value >> 1)
            value, shift = 0, 0
    if shift or len(numbers) % 2:
        raise ValueError(f"[{len(shape)}]")
    latlon: Floats = np.cumsum(np.array(numbers, dtype=np.int64).reshape(-1, 2), axis=0) / 1e6
    if (np.abs(latlon) > [90, 180]).any():
        raise ValueError("> 180")
    return latlon[:, ::-1].copy()


def _positions(lonlat: Any) -> Floats:
    return np.asarray(lonlat, dtype=np.float64).reshape(-1, 2)


def _osrm(lonlat: Floats) -> str:
    return ";".join(f"{lon:.6f},{lat:.6f}" for lon, lat in lonlat)


def _valhalla(lonlat: Floats) -> list[dict[str, float]]:
    return [{"lat": round(float(lat), 6), "lon": round(float(lon), 6)} for lon, lat in lonlat]


def _indexes(first: int, end: int) -> str:
    return ";".join(str(index) for index in range(first, end))


def _blocks(n: int, m: int, high: int, wide: int) -> Iterator[tuple[slice, slice]]:
    """A table of n x m in blocks of at most high x wide; none if it is empty."""
    for row in range(0, n, high or 1):
        for column in range(0, m, wide):
            yield slice(row, min(row + high, n)), slice(column, min(column + wide, m))


def _empty(n: int, m: int) -> Legs:
    return Legs(np.full((n, m), np.inf), np.full((n, m), np.inf))


def _with_gaps(metres: Floats, seconds: Floats, out: Floats, back: Floats) -> Legs:
    """Tables from network to network with the ways to and from it; without a way if either says so."""
    gap = out[:, None] + back[None, :]
    known = np.isfinite(metres) & np.isfinite(seconds)
    on_foot = gap / (SPEED_KMH["walk"] / 3.6)
    return Legs(np.where(known, metres + gap, np.inf), np.where(known, seconds + on_foot, np.inf))


def _with_ends(ends: Floats, lonlat: Floats, metres: float, seconds: float) -> Path:
    gap = float(geodesic(ends, lonlat[[0, -1]]).sum())
    return Path(
        np.vstack([ends[:1], lonlat, ends[1:]]), metres + gap, seconds + gap / (SPEED_KMH["walk"] / 3.6)
    )


def _nowhere_to_go(legs: Legs, sources: Floats, targets: Floats) -> Legs:
    """Nothing between a position and itself, however far the network is."""
    same = (sources[:, None, :] == targets[None, :, :]).all(axis=2)
    return Legs(np.where(same, 0.0, legs.metres), np.where(same, 0.0, legs.seconds))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= 1e9


def _length(http: RoadServerHTTP, value: Any, asked: str, name: str) -> float:
    if not _is_number(value) or value < 0:
        raise http.odd(asked, f"{name}: {value}")
    return float(value)


def _lonlat(http: RoadServerHTTP, pair: Any, asked: str, name: str) -> tuple[float, float]:
    right = isinstance(pair, list) and len(pair) >= 2 and _is_number(pair[0]) and _is_number(pair[1])
    if not right or not (abs(pair[0]) <= 180 and abs(pair[1]) <= 90):
        raise http.odd(asked, f"{name}: {pair}")
    return float(pair[0]), float(pair[1])


def _column(row: Any, name: str) -> list[Any] | None:
    """A field of every cell of a row; a cell without it counts as odd, not as no way."""
    if not isinstance(row, list):
        return None
    return [cell.get(name, "-") if isinstance(cell, dict) else "-" for cell in row]


def _table(http: RoadServerHTTP, rows: Any, n: int, m: int, asked: str, name: str) -> Floats:
    """(n, m) numbers of at least 0; null is infinite."""
    if not isinstance(rows, list) or len(rows) != n:
        raise http.odd(asked, f"{name}: {len(rows) if isinstance(rows, list) else '-'} / {n}")
    table = np.empty((n, m))
    for i, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != m:
            raise http.odd(asked, f"{name}[{i}]: {len(row) if isinstance(row, list) else '-'} / {m}")
        for j, value in enumerate(row):
            if value is not None and (not _is_number(value) or value < 0):
                raise http.odd(asked, f"{name}[{i}][{j}]: {value}")
        table[i] = [math.inf if value is None else value for value in row]
    return table
