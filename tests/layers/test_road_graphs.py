"""A network is made once for a state of the roads; a file beside the store is never trusted."""

from __future__ import annotations

import gc
import pickle
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from store_samples import NOON, new_batch

from geo.errors import LayerError
from layers import road_graphs
from layers.road_graphs import graph_file, read_graph, road_network, version
from layers.schema import conform
from layers.store import Store

# a kilometre north, then one east; and a road that is only walked
PLACES = {"a": [(114.3, 30.6), (114.3, 30.609)], "b": [(114.3, 30.609), (114.31, 30.609)]}
START, END = np.array([[114.3, 30.6]]), np.array([[114.31, 30.609]])


def roads(lines=PLACES, **columns) -> gpd.GeoDataFrame:
    shapes = [shapely.LineString(line) for line in lines.values()]
    table = gpd.GeoDataFrame(
        {"id": list(lines), "class": "residential", **columns}, geometry=shapes, crs=4326
    )
    return conform(table, "roads")


@pytest.fixture(autouse=True)
def nothing_kept():
    road_graphs._kept.clear()
    yield
    road_graphs._kept.clear()


@pytest.fixture
def path(tmp_path) -> Path:
    with Store.open(tmp_path / "周边.db", create=True) as store:
        store.add({"roads": roads()}, new_batch(), {})
    return tmp_path / "周边.db"


def metres(network) -> float:
    return float(network.matrix(START, END, "walk").metres[0, 0])


@pytest.fixture
def built(monkeypatch) -> list[str]:
    """The modes for which a graph was made rather than read."""
    made: list[str] = []
    make = road_graphs.build_graph
    monkeypatch.setattr(
        road_graphs, "build_graph", lambda table, mode: made.append(mode) or make(table, mode)
    )
    return made


def again(path):
    """What a program started anew gets."""
    road_graphs._kept.clear()
    with Store.open(path, create=False) as store:
        return road_network(store, ("walk",))


def test_a_store_without_roads_has_no_network(tmp_path):
    with Store.open(tmp_path / "leer.db", create=True) as store:
        assert road_network(store) is None


def test_a_network_serves_after_its_store_is_closed_and_is_made_once(path, built):
    with Store.open(path, create=False) as store:
        network = road_network(store, ("walk",))
        assert road_network(store, ("walk",)) is network
        assert road_network(store, ("bike", "walk")) is network
    # 30.6 to 30.609 and 114.30 to 114.31 at 30.6 N on the ellipsoid: 997.8 m and 958.9 m
    assert metres(network) == pytest.approx(997.8 + 958.9, abs=1.0)
    assert built == ["walk", "bike"]


def test_the_next_program_reads_the_graph_from_its_file(path, built):
    first, second = again(path), again(path)
    assert built == ["walk"]
    for name in road_graphs._TYPES:
        np.testing.assert_array_equal(getattr(first.graph("walk"), name), getattr(second.graph("walk"), name))
    one, two = first.graph("walk"), second.graph("walk")
    assert (one.crs, one.mode, dict(one.counts)) == (two.crs, two.mode, two.counts)
    assert metres(first) == metres(second)


def test_other_roads_are_another_network(path, built):
    before = again(path)
    with Store.open(path, create=False) as store:
        bent = roads({"b": [(114.3, 30.609), (114.3, 30.618), (114.31, 30.609)]})
        store.add({"roads": bent}, new_batch(), {}, update=True)
        after = road_network(store, ("walk",))
        assert metres(after) > metres(before) + 900
        store.undo(2, NOON)
        assert metres(road_network(store, ("walk",))) == metres(before)
    assert len(built) == 3
    assert len(list(path.parent.glob("*.npz"))) == 1  # one file per mode, of the last state


def test_another_layer_does_not_change_the_network(path, built):
    with Store.open(path, create=False) as store:
        network, state = road_network(store, ("walk",)), version(store)
        shop = gpd.GeoDataFrame({"id": ["m"], "class": ["market"]}, geometry=shapely.points(START), crs=4326)
        store.add({"anchors": conform(shop, "anchors")}, new_batch(), {})
        assert version(store) == state
        assert road_network(store, ("walk",)) is network


def test_another_version_of_the_graphs_does_not_read_the_old_file(path, built, monkeypatch):
    again(path)
    monkeypatch.setattr(road_graphs, "FORMAT", "zhoubian-roads/0")
    again(path)
    assert built == ["walk", "walk"]


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\x03\x04", b"\x93NUMPY", "不是文件".encode(), pickle.dumps({"words": 1})],
    ids=["empty", "zip", "npy", "text", "pickle"],
)
def test_a_foreign_file_is_made_anew(path, built, content):
    expected = metres(again(path))
    file = graph_file(path, "walk")
    file.write_bytes(content)
    assert metres(again(path)) == expected
    assert metres(again(path)) == expected
    assert built == ["walk", "walk"]


def test_a_graph_of_another_mode_is_not_taken(path, built):
    again(path)
    graph_file(path, "walk").replace(graph_file(path, "bike"))
    with Store.open(path, create=False) as store:
        road_graphs._kept.clear()
        assert road_network(store, ("bike",)).graph("bike").mode == "bike"
    assert built == ["walk", "bike"]


def test_no_changed_byte_makes_another_graph(path):
    network = again(path)
    graph, file = network.graph("walk"), graph_file(path, "walk")
    with Store.open(path, create=False) as store:
        state = version(store)
    whole = file.read_bytes()
    rng = np.random.default_rng(6)
    for at in rng.integers(0, len(whole), 400).tolist():
        damaged = bytearray(whole)
        damaged[at] ^= int(rng.integers(1, 256))
        file.write_bytes(damaged)
        found = read_graph(file, "walk", state)
        assert found is None or all(
            np.array_equal(getattr(found, name), getattr(graph, name)) for name in road_graphs._TYPES
        )
    for stop in rng.integers(0, len(whole), 40).tolist():
        file.write_bytes(whole[:stop])
        assert read_graph(file, "walk", state) is None


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("u", lambda u: u + 100),
        ("v", lambda v: v - 100),
        ("x", lambda x: x[:-1]),
        ("x", lambda x: x * np.nan),
        ("length_m", lambda m: m.astype("f4")),
        ("starts", lambda s: s + 1),
        ("part", lambda p: p + 9),
    ],
)
def test_a_whole_file_whose_numbers_do_not_fit_is_made_anew(path, name, change, monkeypatch):
    graph, file = again(path).graph("walk"), graph_file(path, "walk")
    with Store.open(path, create=False) as store:
        state = version(store)
    arrays = {known: getattr(graph, known) for known in road_graphs._TYPES}
    with np.load(file) as held:
        words = held["words"]
    np.savez(file, words=words, **arrays)
    assert read_graph(file, "walk", state) is not None
    np.savez(file, words=words, **{**arrays, name: change(arrays[name])})
    assert read_graph(file, "walk", state) is None


def test_a_file_that_cannot_be_put_in_place_is_no_error(path, built):
    graph_file(path, "walk").mkdir()
    expected = metres(again(path))
    assert metres(again(path)) == expected
    assert built == ["walk", "walk"]
    assert not list(path.parent.glob(".zhoubian-*"))


def test_only_the_last_networks_are_kept(tmp_path):
    for number in range(5):
        with Store.open(tmp_path / f"{number}.db", create=True) as store:
            store.add({"roads": roads()}, new_batch(), {})
            road_network(store, ("walk",))
    gc.collect()
    assert len(road_graphs._kept) == 2


def test_roads_that_nobody_may_walk_are_told(path):
    with Store.open(path, create=False) as store:
        store.add({"roads": roads(modes="drive")}, new_batch(), {}, update=True)
        with pytest.raises(LayerError) as error:
            road_network(store, ("walk",))
        assert error.value.code == "roads_none"
        assert road_network(store, ("drive",)) is not None
