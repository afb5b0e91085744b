"""OSRM and Valhalla against a stub on the loopback that speaks their documented answers.

The stubs know nothing but the coordinates they receive: their network is the crossings at every
thousandth of a degree, and a way between two crossings is longer westward. So any mix-up of
positions, of rows and columns or of lon and lat shows in the numbers.
"""

from __future__ import annotations

import itertools
import json
import math
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from geo.errors import ZhoubianError
from geo.travel import TravelEngine, geodesic
from layers.road_servers import OsrmServer, ValhallaServer, decode_polyline6, road_server

A, B, C = (114.3052, 30.5929), (114.3121, 30.5874), (114.2988, 30.6003)
ISLAND = (114.9, 30.1)
SEA = (120.0, 0.0)

WALK_MS = 4.5 / 3.6
"""Speed of the way between position and network."""


# ---- the stub ----


class Stub(ThreadingHTTPServer):
    """Answers by `reply(path, body)` -> (status, bytes or JSON, headers), and remembers what was asked."""

    daemon_threads = True

    def __init__(self, reply: Callable) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.reply = reply
        self.asked: list[tuple[str, str, dict | None]] = []
        self.over = threading.Event()
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request, client_address):
        """A client that hangs up is part of the tests."""


class Handler(BaseHTTPRequestHandler):
    server: Stub

    def do_GET(self):
        self.answer(None)

    def do_POST(self):
        self.answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def answer(self, body):
        self.server.asked.append((self.command, self.path, body))
        status, content, headers = self.server.reply(self.path, body)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if callable(content):
            content(self)
        else:
            self.wfile.write(content if isinstance(content, bytes) else json.dumps(content).encode())

    def log_message(self, *words):
        """Quiet."""


@pytest.fixture
def stub() -> Iterator[Callable[[Callable], Stub]]:
    running = []

    def start(reply) -> Stub:
        running.append(Stub(reply))
        return running[-1]

    yield start
    for server in running:
        server.over.set()
        server.shutdown()
        server.server_close()


def always(content, status=200, **headers):
    return lambda path, body: (status, content, headers)


# ---- the world of the stubs ----


def crossing(place):
    return round(place[0], 3), round(place[1], 3)


def apart(a, b):
    """The island has no way to anywhere."""
    return (crossing(a) == crossing(ISLAND)) != (crossing(b) == crossing(ISLAND))


def way(a, b):
    """Metres between two crossings, 5 % more to the west."""
    (west, south), (east, north) = crossing(a), crossing(b)
    metres = 96_000 * abs(east - west) + 111_000 * abs(north - south)
    return metres * (1.05 if east < west else 1)


def gap(place):
    return float(geodesic(np.array(place), np.array(crossing(place))))


def osrm_waypoint(place):
    return {
        "hint": "x",
        "distance": round(gap(place), 6),
        "name": "解放大道",
        "location": list(crossing(place)),
    }


def osrm(speed_ms=1.25):
    """An `osrm-routed` of one profile."""

    def reply(path, body):
        url = urlsplit(path)
        _, service, version, _, coordinates = url.path.split("/")
        assert version == "v1"
        assert body is None
        places = [tuple(map(float, pair.split(","))) for pair in coordinates.split(";")]
        if (near_sea := [i for i, place in enumerate(places) if place == SEA]) != []:
            message = f"Could not find a matching segment for coordinate {near_sea[0]}"
            return 400, {"code": "NoSegment", "message": message}, {}
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        return {"nearest": nearest, "table": table, "route": route}[service](places, query)

    def nearest(places, query):
        assert query == {"number": "1"}
        (place,) = places
        return 200, {"code": "Ok", "waypoints": [{**osrm_waypoint(place), "nodes": [2264199819, 0]}]}, {}

    def table(places, query):
        assert query["annotations"] == "duration,distance"
        rows, columns = (
            [places[int(i)] for i in query[name].split(";")] for name in ("sources", "destinations")
        )
        cells = [[None if apart(a, b) else way(a, b) for b in columns] for a in rows]
        return (
            200,
            {
                "code": "Ok",
                "distances": cells,
                "durations": [[None if v is None else v / speed_ms for v in row] for row in cells],
                "sources": [osrm_waypoint(place) for place in rows],
                "destinations": [osrm_waypoint(place) for place in columns],
            },
            {},
        )

    def route(places, query):
        assert query == {"geometries": "geojson", "overview": "full", "steps": "false"}
        a, b = places
        if apart(a, b):
            return 400, {"code": "NoRoute", "message": "Impossible route between points"}, {}
        corner = [crossing(b)[0], crossing(a)[1]]
        line = {"type": "LineString", "coordinates": [list(crossing(a)), corner, list(crossing(b))]}
        metres = way(a, b)
        made = {
            "distance": metres,
            "duration": metres / speed_ms,
            "weight": metres,
            "weight_name": "duration",
            "geometry": line,
            "legs": [{"distance": metres, "duration": metres / speed_ms, "summary": "", "steps": []}],
        }
        return 200, {"code": "Ok", "routes": [made], "waypoints": [osrm_waypoint(a), osrm_waypoint(b)]}, {}

    return reply


def encode6(lonlat):
    """Google's polyline algorithm, six digits, lat first."""
    text, before = "", [0, 0]
    for lon, lat in lonlat:
        for k, value in enumerate((round(lat * 1e6), round(lon * 1e6))):
            step, before[k] = value - before[k], value
            bits = ~(step << 1) if step < 0 else step << 1
            while bits >= 32:
                text += chr((32 | bits & 31) + 63)
                bits >>= 5
            text += chr(bits + 63)
    return text


def valhalla_error(code, words, status=400):
    return status, {"error_code": code, "error": words, "status_code": status, "status": "Bad Request"}, {}


def valhalla(strict=False, speed_ms=1.25):
    """Valhalla; a strict one refuses a matrix in which a pair has no way, as its older releases do."""

    def reply(path, body):
        assert body["costing"] in ("pedestrian", "bicycle", "auto")
        return {"/locate": locate, "/sources_to_targets": matrix, "/route": route}[path](body)

    def places(locations):
        assert all(set(location) == {"lat", "lon"} for location in locations)
        return [(location["lon"], location["lat"]) for location in locations]

    def locate(body):
        return 200, [located(place) for place in places(body["locations"])], {}

    def located(place):
        found = {"input_lon": place[0], "input_lat": place[1]}
        if place == SEA:
            return {**found, "nodes": None, "edges": None}
        lon, lat = crossing(place)
        edge = {"way_id": 12292268, "side_of_street": "left", "percent_along": 0.45505}
        near = {**edge, "correlated_lon": lon, "correlated_lat": lat}
        far = {**edge, "correlated_lon": lon + 0.01, "correlated_lat": lat}
        return {**found, "nodes": [], "edges": [far, near]}

    def matrix(body):
        assert body["units"] == "kilometers"
        rows, columns = places(body["sources"]), places(body["targets"])
        if SEA in rows + columns:
            return valhalla_error(171, "No suitable edges near location")
        lost = [apart(a, b) for a in rows for b in columns]
        if strict and any(lost):
            return valhalla_error(
                170, "Locations are in unconnected regions. Go check/edit the map at osm.org"
            )
        if all(lost):
            return valhalla_error(442, "No path could be found for input")
        return (
            200,
            {
                "sources_to_targets": cells(rows, columns),
                "units": "kilometers",
                "algorithm": "timedistancematrix",
            },
            {},
        )

    def cells(rows, columns):
        return [
            [
                {
                    "from_index": i,
                    "to_index": j,
                    "distance": None if apart(a, b) else round(way(a, b) / 1000, 3),
                    "time": None if apart(a, b) else round(way(a, b) / speed_ms),
                }
                for j, b in enumerate(columns)
            ]
            for i, a in enumerate(rows)
        ]

    def route(body):
        a, b = places(body["locations"])
        if SEA in (a, b):
            return valhalla_error(171, "No suitable edges near location")
        if apart(a, b):
            return valhalla_error(442, "No path could be found for input")
        corner = (crossing(b)[0], crossing(a)[1])
        summary = {"time": way(a, b) / speed_ms, "length": way(a, b) / 1000, "has_toll": False}
        leg = {"summary": summary, "shape": encode6([crossing(a), corner, crossing(b)]), "maneuvers": []}
        trip = {
            "locations": body["locations"],
            "legs": [leg],
            "summary": summary,
            "status": 0,
            "status_message": "Found route between points",
            "units": "kilometers",
            "language": "en-US",
        }
        return 200, {"trip": trip}, {}

    return reply


def expected(sources, targets):
    """Metres and seconds of both stubs, the ways to and from the network on foot."""
    gaps = np.add.outer([gap(a) for a in sources], [gap(b) for b in targets])
    ways = np.array([[math.inf if apart(a, b) else way(a, b) for b in targets] for a in sources])
    return ways + gaps, ways / 1.25 + gaps / WALK_MS


def scattered(count, seed):
    return np.round(np.random.default_rng(seed).uniform((114.2, 30.5), (114.5, 30.7), (count, 2)), 6)


def tuples(lonlat):
    return [tuple(place) for place in lonlat.tolist()]


BOTH = pytest.mark.parametrize(
    ("server", "speak"), [(OsrmServer, osrm), (ValhallaServer, valhalla)], ids=["osrm", "valhalla"]
)


def code_of(call, *arguments):
    with pytest.raises(ZhoubianError) as wrong:
        call(*arguments)
    return wrong.value.code


# ---- both ----


@BOTH
def test_positions_snap_to_the_network(stub, server, speak):
    snapped = server(stub(speak()).url).snap(np.array([A, B]), "walk")
    assert snapped.lonlat.tolist() == [[114.305, 30.593], [114.312, 30.587]]
    # 0.0002 and 0.0001 degrees at 30.6 N: 19.2 m east, 11.1 m north
    assert snapped.gap_m == pytest.approx([math.hypot(19.2, 11.1), math.hypot(9.6, 44.3)], abs=0.1)
    assert snapped.part.tolist() == [-1, -1]


@BOTH
def test_a_position_without_roads_stays_where_it_is_with_an_infinite_gap(stub, server, speak):
    snapped = server(stub(speak()).url).snap(np.array([A, SEA]), "walk")
    assert snapped.lonlat[1].tolist() == list(SEA)
    assert snapped.gap_m[1] == np.inf
    assert np.isfinite(snapped.gap_m[0])


@BOTH
def test_a_table_of_230_by_130_is_put_together_right(stub, server, speak):
    sources, targets = scattered(230, 1), scattered(130, 2)
    server_stub = stub(speak())
    legs = server(server_stub.url).matrix(sources, targets, "walk")
    metres, seconds = expected(tuples(sources), tuples(targets))
    assert legs.metres.shape == (230, 130)
    rounded = 0.51 if server is ValhallaServer else 1e-6  # Valhalla says metres and whole seconds
    np.testing.assert_allclose(legs.metres, metres, atol=rounded)
    np.testing.assert_allclose(legs.seconds, seconds, atol=rounded)


@BOTH
def test_null_is_no_way(stub, server, speak):
    places = np.array([A, ISLAND, B])
    legs = server(stub(speak()).url).matrix(places, places, "walk")
    lost = [[False, True, False], [True, False, True], [False, True, False]]
    assert np.isinf(legs.metres).tolist() == lost
    assert np.isinf(legs.seconds).tolist() == lost


@BOTH
def test_a_position_without_roads_has_no_way_and_spoils_no_other(stub, server, speak):
    sources, targets = np.array([A, SEA, B]), np.array([C, A, SEA])
    legs = server(stub(speak()).url).matrix(sources, targets, "walk")
    metres, _ = expected([A, B], [C, A])
    metres[0, 1] = 0  # from A to A
    np.testing.assert_allclose(legs.metres[np.ix_([0, 2], [0, 1])], metres, atol=0.51)
    assert np.isinf(legs.metres[1, :2]).all()
    assert np.isinf(legs.metres[[0, 2], 2]).all()


@BOTH
def test_from_a_position_to_itself_is_nothing(stub, server, speak):
    legs = server(stub(speak()).url).matrix(np.array([A, B]), np.array([A, B]), "walk")
    assert legs.metres.diagonal().tolist() == [0, 0]
    assert legs.seconds.diagonal().tolist() == [0, 0]


@BOTH
def test_nothing_is_asked_about_nothing(stub, server, speak):
    server_stub = stub(speak())
    engine, none = server(server_stub.url), np.empty((0, 2))
    assert engine.snap(none, "walk").lonlat.shape == (0, 2)
    assert engine.matrix(none, none, "walk").metres.shape == (0, 0)
    assert engine.path(np.array(A), np.array(A), "walk").metres == 0
    assert server_stub.asked == []


@BOTH
def test_a_path_runs_from_position_to_position_and_is_as_long_as_the_matrix_says(stub, server, speak):
    engine = server(stub(speak()).url)
    path = engine.path(np.array(A), np.array(C), "walk")
    line = [A, (114.305, 30.593), (114.299, 30.593), (114.299, 30.6), C]
    np.testing.assert_allclose(path.lonlat, line, atol=1e-9)
    legs = engine.matrix(np.array([A]), np.array([C]), "walk")
    assert path.metres == pytest.approx(legs.metres[0, 0], abs=0.51)
    assert path.seconds == pytest.approx(legs.seconds[0, 0], abs=0.51)


@BOTH
@pytest.mark.parametrize("there", [ISLAND, SEA])
def test_a_path_that_does_not_exist_is_none(stub, server, speak, there):
    assert server(stub(speak()).url).path(np.array(A), np.array(there), "walk") is None


# ---- what is asked ----


def test_osrm_is_asked_lon_first_with_the_profile_of_the_mode(stub):
    server_stub = stub(osrm(speed_ms=4))
    OsrmServer(server_stub.url).snap(np.array([A]), "walk")
    OsrmServer(server_stub.url).matrix(np.array([A]), np.array([B, C]), "bike")
    OsrmServer(f"{server_stub.url}/", profiles={"walk": "foot", "bike": "bike", "drive": "car"}).path(
        np.array(A), np.array(B), "drive"
    )
    assert [path for _, path, _ in server_stub.asked] == [
        "/nearest/v1/foot/114.305200,30.592900?number=1",
        "/table/v1/bike/114.305200,30.592900;114.312100,30.587400;114.298800,30.600300"
        "?annotations=duration,distance&sources=0&destinations=1;2",
        "/route/v1/car/114.305200,30.592900;114.312100,30.587400"
        "?geometries=geojson&overview=full&steps=false",
    ]


def test_osrm_is_asked_for_at_most_100_coordinates(stub):
    server_stub = stub(osrm())
    OsrmServer(server_stub.url).matrix(scattered(230, 1), scattered(130, 2), "walk")
    counts = [len(path.split("?")[0].split(";")) for _, path, _ in server_stub.asked]
    assert max(counts) == 100
    assert len(counts) == 15  # 5 x 3 blocks of 50 x 50


@pytest.mark.parametrize(
    ("n", "m", "asked"), [(10, 90, 1), (90, 10, 1), (1, 250, 3), (250, 1, 3), (51, 49, 1)]
)
def test_a_long_table_takes_few_questions(stub, n, m, asked):
    server_stub = stub(osrm())
    sources, targets = scattered(n, 1), scattered(m, 2)
    legs = OsrmServer(server_stub.url).matrix(sources, targets, "walk")
    assert len(server_stub.asked) == asked
    np.testing.assert_allclose(legs.metres, expected(tuples(sources), tuples(targets))[0], atol=1e-6)


def test_valhalla_is_asked_for_objects_of_lat_and_lon(stub):
    server_stub = stub(valhalla())
    ValhallaServer(server_stub.url).path(np.array(A), np.array(B), "drive")
    method, path, body = server_stub.asked[0]
    assert (method, path) == ("POST", "/route")
    assert body["locations"] == [{"lat": 30.5929, "lon": 114.3052}, {"lat": 30.5874, "lon": 114.3121}]
    assert body["costing"] == "auto"


def test_valhalla_is_asked_for_at_most_50_by_50(stub):
    server_stub = stub(valhalla())
    ValhallaServer(server_stub.url).matrix(scattered(230, 1), scattered(130, 2), "bike")
    asked = [(body["sources"], body["targets"]) for _, path, body in server_stub.asked if path != "/locate"]
    assert sorted((len(sources), len(targets)) for sources, targets in asked)[-1] == (50, 50)
    assert len(asked) == 15
    located = [len(body["locations"]) for _, path, body in server_stub.asked if path == "/locate"]
    assert max(located) <= 20
    assert {body["costing"] for *_, body in server_stub.asked} == {"bicycle"}


def test_a_valhalla_that_refuses_unconnected_positions_is_asked_in_halves(stub):
    places = np.vstack([scattered(7, 3), [ISLAND], scattered(4, 4)])
    legs = ValhallaServer(stub(valhalla(strict=True)).url).matrix(places, places, "walk")
    metres, _ = expected(tuples(places), tuples(places))
    np.fill_diagonal(metres, 0)
    np.testing.assert_allclose(legs.metres, metres, atol=0.51)


def test_a_valhalla_that_found_no_way_at_all_is_asked_once(stub):
    server_stub = stub(valhalla())
    legs = ValhallaServer(server_stub.url).matrix(scattered(4, 1), np.array([ISLAND]), "walk")
    assert np.isinf(legs.metres).all()
    assert [path for _, path, _ in server_stub.asked].count("/sources_to_targets") == 1


def test_a_server_made_for_cars_is_not_believed_about_walking(stub):
    url = stub(osrm(speed_ms=9)).url
    walk = OsrmServer(url).matrix
    with pytest.raises(ZhoubianError, match="at 32 km/h, which is not the speed of walk") as wrong:
        walk(np.array([A]), np.array([B]), "walk")
    assert wrong.value.code == "road_server_profile"
    assert np.isfinite(OsrmServer(url).matrix(np.array([A]), np.array([B]), "drive").seconds).all()


# ---- what may come ----

OK_TABLE = {
    "code": "Ok",
    "distances": [[1886.89]],
    "durations": [[1509.5]],
    "sources": [{"location": [114.305, 30.593], "name": ""}],
    "destinations": [{"location": [114.312, 30.587], "name": ""}],
}
OK_MATRIX = {"distance": 1.887, "time": 1509, "from_index": 0, "to_index": 0}


def osrm_table(answer, status=200):
    return lambda stub: OsrmServer(stub(always(answer, status)).url).matrix(
        np.array([A]), np.array([B]), "walk"
    )


def test_the_table_that_is_spoilt_below_is_right(stub):
    legs = osrm_table(OK_TABLE)(stub)
    assert legs.metres[0, 0] == pytest.approx(1886.89 + gap(A) + gap(B))


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        ({"code": "NoTable", "message": "No table found"}, 400, "road_server_refused"),
        (
            {"code": "InvalidQuery", "message": "Query string malformed close to position 12"},
            400,
            "road_server_refused",
        ),
        ({"code": "TooBig", "message": "Too many table coordinates"}, 400, "road_server_refused"),
        ({"code": "NotImplemented"}, 400, "road_server_refused"),
        ({"message": "no route"}, 404, "road_server_refused"),
        (b"<html>502 Bad Gateway</html>", 502, "road_server_refused"),
        (b"", 500, "road_server_refused"),
        (b"", 200, "road_server_odd"),
        (b"<html>Welcome</html>", 200, "road_server_odd"),
        (b'{"code": "Ok", "distances": [[1', 200, "road_server_odd"),
        (b"[" * 100_000, 200, "road_server_odd"),
        (b"\xff\xfe\x00", 200, "road_server_odd"),
        ({**OK_TABLE, "distances": [[math.nan]]}, 200, "road_server_odd"),
        ({**OK_TABLE, "distances": [[math.inf]]}, 200, "road_server_odd"),
        ([], 200, "road_server_odd"),
        (7, 200, "road_server_odd"),
        ({}, 200, "road_server_odd"),
        ({"code": 3}, 200, "road_server_odd"),
        ({"code": "Ok"}, 200, "road_server_odd"),
        ({**OK_TABLE, "distances": None}, 200, "road_server_odd"),
        ({**OK_TABLE, "distances": []}, 200, "road_server_odd"),
        ({**OK_TABLE, "distances": [[1.0, 2.0]]}, 200, "road_server_odd"),
        ({**OK_TABLE, "distances": [[1.0], [2.0]]}, 200, "road_server_odd"),
        ({**OK_TABLE, "distances": [["12"]]}, 200, "road_server_odd"),
        ({**OK_TABLE, "distances": [[True]]}, 200, "road_server_odd"),
        ({**OK_TABLE, "durations": [[-1]]}, 200, "road_server_odd"),
        ({**OK_TABLE, "durations": [[1e300]]}, 200, "road_server_odd"),
        ({**OK_TABLE, "durations": [5]}, 200, "road_server_odd"),
        ({**OK_TABLE, "sources": []}, 200, "road_server_odd"),
        ({**OK_TABLE, "sources": [None]}, 200, "road_server_odd"),
        ({**OK_TABLE, "destinations": [{"location": [30.6, 114.3]}]}, 200, "road_server_odd"),
        ({**OK_TABLE, "destinations": [{"location": [114.3]}]}, 200, "road_server_odd"),
    ],
)
def test_a_table_of_osrm_that_is_not_as_documented_is_one_clear_error(stub, answer, status, code):
    with pytest.raises(ZhoubianError) as wrong:
        osrm_table(answer, status)(stub)
    assert wrong.value.code == code
    assert set(wrong.value.facts) == {"host", "asked", "came"}
    assert wrong.value.facts["host"].startswith("127.0.0.1:")
    assert wrong.value.facts["asked"] == "/table/v1/foot 1 x 1"


def test_the_words_of_osrm_are_told(stub):
    with pytest.raises(ZhoubianError, match="HTTP 400 TooBig Too many table coordinates"):
        osrm_table({"code": "TooBig", "message": "Too many table coordinates"}, 400)(stub)


def test_words_from_outside_are_short_and_hold_no_control_characters(stub):
    with pytest.raises(ZhoubianError) as wrong:
        osrm_table({"code": "TooBig", "message": "\x1b[31m" + "x" * 10_000}, 400)(stub)
    assert "\x1b" not in str(wrong.value)
    assert len(wrong.value.facts["came"]) < 250


@pytest.mark.parametrize(
    "answer",
    [
        {"code": "Ok"},
        {"code": "Ok", "routes": []},
        {"code": "Ok", "routes": [{"distance": 5, "duration": 5}]},
        {"code": "Ok", "routes": [{"distance": 5, "duration": 5, "geometry": "_p~iF~ps|U"}]},
        {"code": "Ok", "routes": [{"distance": 5, "duration": 5, "geometry": {"coordinates": []}}]},
        {
            "code": "Ok",
            "routes": [{"distance": 5, "duration": 5, "geometry": {"coordinates": [[114.3, "x"]]}}],
        },
        {"code": "Ok", "routes": [{"duration": 5, "geometry": {"coordinates": [[114.3, 30.6]]}}]},
        {
            "code": "Ok",
            "routes": [{"distance": 5, "duration": -5, "geometry": {"coordinates": [[114.3, 30.6]]}}],
        },
    ],
)
def test_a_route_of_osrm_that_is_not_as_documented_is_odd(stub, answer):
    path = OsrmServer(stub(always(answer)).url).path
    assert code_of(path, np.array(A), np.array(B), "walk") == "road_server_odd"


def test_an_osrm_that_finds_a_road_for_each_but_not_for_all_is_refused(stub):
    def reply(path, body):
        if path.startswith("/nearest"):
            return osrm()(path, body)
        return 400, {"code": "NoSegment", "message": "Could not find a matching segment for coordinate 0"}, {}

    matrix = OsrmServer(stub(reply).url).matrix
    assert code_of(matrix, np.array([A]), np.array([B]), "walk") == "road_server_refused"


def valhalla_matrix(answer, status=200):
    def reply(path, body):
        return valhalla()(path, body) if path == "/locate" else (status, answer, {})

    return lambda stub: ValhallaServer(stub(reply).url).matrix(np.array([A]), np.array([B]), "walk")


def test_the_matrix_that_is_spoilt_below_is_right(stub):
    legs = valhalla_matrix({"sources_to_targets": [[OK_MATRIX]], "units": "km"})(stub)
    assert legs.metres[0, 0] == pytest.approx(1887 + gap(A) + gap(B))
    assert legs.seconds[0, 0] == pytest.approx(1509 + (gap(A) + gap(B)) / WALK_MS)


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (valhalla_error(150, "Exceeded max locations: 20")[1], 400, "road_server_refused"),
        (valhalla_error(154, "Path distance exceeds the max distance limit: 200000 meters")[1], 400, "road_server_refused"),
        (valhalla_error(106, "Try any of: '/route' '/locate'", 404)[1], 404, "road_server_refused"),
        ([], 500, "road_server_refused"),
        ({}, 200, "road_server_odd"),
        ({"sources_to_targets": [[OK_MATRIX]]}, 200, "road_server_odd"),
        ({"sources_to_targets": [[OK_MATRIX]], "units": "miles"}, 200, "road_server_odd"),
        ({"sources_to_targets": {"distances": [[1.887]], "durations": [[1509]]}, "units": "kilometers"}, 200, "road_server_odd"),
        ({"sources_to_targets": [], "units": "kilometers"}, 200, "road_server_odd"),
        ({"sources_to_targets": [OK_MATRIX], "units": "kilometers"}, 200, "road_server_odd"),
        ({"sources_to_targets": [[{"time": 1509}]], "units": "kilometers"}, 200, "road_server_odd"),
        ({"sources_to_targets": [[{**OK_MATRIX, "time": -1}]], "units": "kilometers"}, 200, "road_server_odd"),
        ({"sources_to_targets": [[OK_MATRIX, OK_MATRIX]], "units": "kilometers"}, 200, "road_server_odd"),
    ],
)  # fmt: skip
def test_a_matrix_of_valhalla_that_is_not_as_documented_is_one_clear_error(stub, answer, status, code):
    with pytest.raises(ZhoubianError) as wrong:
        valhalla_matrix(answer, status)(stub)
    assert wrong.value.code == code
    assert wrong.value.facts["asked"] == "/sources_to_targets pedestrian 1 x 1"


@pytest.mark.parametrize(
    "answer",
    [{}, [], [{"edges": None}, {"edges": None}], [{"edges": "x"}], [{"edges": [{}]}], [{"edges": [{"correlated_lat": 1}]}]],
)  # fmt: skip
def test_a_locate_of_valhalla_that_is_not_as_documented_is_odd(stub, answer):
    snap = ValhallaServer(stub(always(answer)).url).snap
    assert code_of(snap, np.array([A]), "walk") == "road_server_odd"


GOOD_TRIP = {
    "legs": [{"shape": encode6([A, B])}],
    "summary": {"time": 9, "length": 0.9},
    "units": "kilometers",
}


@pytest.mark.parametrize(
    "trip",
    [
        None,
        {**GOOD_TRIP, "legs": []},
        {**GOOD_TRIP, "legs": [{}]},
        {**GOOD_TRIP, "legs": [{"shape": "?"}]},
        {**GOOD_TRIP, "legs": [{"shape": "路"}]},
        {**GOOD_TRIP, "summary": {"time": 9}},
        {**GOOD_TRIP, "summary": {"time": None, "length": 0.9}},
        {**GOOD_TRIP, "units": "miles"},
    ],
)
def test_a_route_of_valhalla_that_is_not_as_documented_is_odd(stub, trip):
    path = ValhallaServer(stub(always({"trip": trip})).url).path
    assert code_of(path, np.array(A), np.array(B), "walk") == "road_server_odd"


def test_a_shape_is_decoded_with_six_digits_lat_first():
    # Google's own example (38.5, -120.2), (40.7, -120.95), (43.252, -126.453) has five digits: a tenth here
    decoded = decode_polyline6("_p~iF~ps|U_ulLnnqC_mqNvxq`@")
    np.testing.assert_allclose(decoded, [[-12.02, 3.85], [-12.095, 4.07], [-12.6453, 4.3252]], atol=1e-9)


@pytest.mark.parametrize("shape", [None, "", "_", "_p~iF", " ", "~" * 40, 5])
def test_a_broken_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r".+"):
        decode_polyline6(shape)


# ---- the line ----


@BOTH
def test_a_redirect_is_told_and_not_followed(stub, server, speak):
    other = stub(speak())
    here = stub(always(b"", 302, Location=f"{other.url}/nearest/v1/foot/1,2"))
    with pytest.raises(ZhoubianError, match="HTTP 302 -> http://127") as odd:
        server(here.url).snap(np.array([A]), "walk")
    assert odd.value.code == "road_server_odd"
    assert other.asked == []


def endless(handler):
    while not handler.server.over.is_set():
        handler.wfile.write(b" ")


def never(handler):
    handler.wfile.write(b'{"code":')
    handler.server.over.wait()


@BOTH
def test_an_answer_without_end_is_cut_off(stub, server, speak):
    engine = server(stub(always(endless)).url, largest=20_000)
    with pytest.raises(ZhoubianError, match="> 20,000 B") as odd:
        engine.snap(np.array([A]), "walk")
    assert odd.value.code == "road_server_odd"


def test_an_answer_that_drips_is_cut_off_in_time(stub, monkeypatch):
    ticks = itertools.count(0, 20)
    monkeypatch.setattr("layers.road_server_http.monotonic", lambda: next(ticks))
    engine = OsrmServer(stub(always(endless)).url, timeout_s=30, largest=10_000_000)
    with pytest.raises(ZhoubianError, match="> 30 s") as late:
        engine.snap(np.array([A]), "walk")
    assert late.value.code == "road_server_unreachable"


@BOTH
def test_an_answer_that_does_not_come_is_an_error(stub, server, speak):
    engine = server(stub(always(never)).url, timeout_s=0.1)
    assert code_of(engine.snap, np.array([A]), "walk") == "road_server_unreachable"


@BOTH
def test_a_server_that_does_not_run_is_told_with_its_host(server, speak):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    engine: TravelEngine = server(f"http://127.0.0.1:{port}", timeout_s=5)
    with pytest.raises(ZhoubianError, match=f"127.0.0.1:{port}") as wrong:
        engine.path(np.array(A), np.array(B), "walk")
    assert wrong.value.code == "road_server_unreachable"
    assert wrong.value.facts["host"] == f"127.0.0.1:{port}"


def test_a_server_without_a_certificate_is_not_asked_by_https(stub):
    server_stub = stub(osrm())
    engine = road_server(server_stub.url.replace("http", "osrm+https"), timeout_s=5)
    assert code_of(engine.snap, np.array([A]), "walk") == "road_server_unreachable"
    assert server_stub.asked == []


def test_a_proxy_of_the_environment_is_not_used(stub, monkeypatch):
    proxy = stub(osrm())
    monkeypatch.setenv("http_proxy", proxy.url)
    OsrmServer(stub(osrm()).url).snap(np.array([A]), "walk")
    assert proxy.asked == []


def test_a_path_before_the_services_is_kept(stub):
    server_stub = stub(always({"code": "InvalidUrl"}, 400))
    engine = OsrmServer(f"{server_stub.url}/maps/foot/")
    assert code_of(engine.snap, np.array([A]), "walk") == "road_server_refused"
    assert server_stub.asked[0][1].startswith("/maps/foot/nearest/v1/foot/")


# ---- the address ----


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("osrm+http://roads:5000", "osrm"),
        ("osrm+https://roads", "osrm"),
        ("http://192.168.1.20:5000", "osrm"),
        ("https://roads/osrm", "osrm"),
        ("valhalla+http://roads:8002", "valhalla"),
        ("valhalla+https://[::1]:8002/", "valhalla"),
    ],
)
def test_the_word_in_front_of_an_address_names_the_server(url, name):
    engine = road_server(url)
    assert engine.name == name
    assert not engine.estimate


@pytest.mark.parametrize(
    "url",
    [
        "",
        "roads:5000",
        "ftp://roads",
        "file:///etc/passwd",
        "osrm://roads:5000",
        "graphhopper+http://roads",
        "osrm+ftp://roads",
        "http://",
        "http://:5000",
        "http://roads:port",
        "http://roads:99999",
        "http://roads?key=1",
        "http://roads#x",
        "http://roads/a b",
        "http://roads/\nHost: evil",
        "http://路网",
        "http://[::1",
    ],
)
def test_anything_else_is_no_address(url):
    assert code_of(road_server, url) == "road_server_address"


@pytest.mark.parametrize(
    "url",
    [
        "osrm+http://office:s3cret@roads:5000",
        "http://s3cret@roads",
        "http://office:s3/cret@roads",
        "http://roads/?key=s3cret",
        "ftp://office:s3cret@roads",
        "http://office:s3cret@roads:port",
    ],
)
def test_a_password_in_an_address_is_refused_and_never_repeated(url):
    with pytest.raises(ZhoubianError, match="without a user name, a password") as wrong:
        road_server(url)
    assert wrong.value.code == "road_server_address"
    assert "s3" not in str(wrong.value) + str(wrong.value.facts)
    assert "cret" not in str(wrong.value)
