"""The fixed points of six classes, in clusters, and the public toilets of the made-up city."""

from __future__ import annotations

from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.random import Generator
from numpy.typing import NDArray
from shapely import MultiPoint

from .gazetteer import Gazetteer, numbered
from .names import CITY, Stems, village_name, with_rare
from .plane import CRS_METRIC, Geometries, points_at, when
from .town import Plan

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

CLUSTER = 8
TOILETS = 500
_OFFICE_TOILETS = 90


class Kind(NamedTuple):
    """How many anchors of a class, how far apart at least, their kinds with shares, who answers for them."""

    number: int
    apart_m: float
    subtypes: dict[str, float]
    units: tuple[str, ...]


KINDS = {
    "market": Kind(
        250, 330,
        {
            "农贸市场": 0.55, "菜市场": 0.3, "集贸市场": 0.12, "农产品批发市场": 0.03,
        },
        ("市市场监管局",),
    ),
    "mall": Kind(
        350, 190,
        {
            "超市": 0.55, "生活超市": 0.2, "商场": 0.13, "购物中心": 0.08,
            "百货大楼": 0.04,
        },
        ("市商务局",),
    ),
    "school": Kind(
        420, 230,
        {
            "幼儿园": 0.42, "小学": 0.3, "初级中学": 0.14, "学校": 0.06,
            "高级中学": 0.05, "职业技术学校": 0.02, "学院": 0.01,
        },
        ("市教育局",),
    ),
    "hospital": Kind(
        180, 330,
        {
            "社区卫生服务站": 0.5, "社区卫生服务中心": 0.22, "医院": 0.18, "中医院": 0.04,
            "妇幼保健院": 0.02, "口腔医院": 0.04,
        },
        ("市卫生健康委",),
    ),
    "transit": Kind(
        250, 160,
        {
            "公交首末站": 0.5, "公交换乘站": 0.34, "公交停保场": 0.1, "汽车客运站": 0.04,
            "火车站": 0.02,
        },
        ("市交通运输局", "市公共交通集团",),
    ),
    "community": Kind(
        550, 0,
        {
            "社区服务站": 0.45, "社区党群服务中心": 0.0, "新时代文明实践站": 0.3, "社区文化服务中心": 0.25,
        },
        (),
    ),
}  # fmt: skip
"""The six surroundings; every community has one 社区党群服务中心, the rest by share."""


def anchors_of(
    rng: Generator, plan: Plan, taken: Ints, homes: gpd.GeoDataFrame, gazetteer: Gazetteer, words: Stems
) -> gpd.GeoDataFrame:
    """About 2,000 anchors; points in the metric CRS, the gate where there is one."""
    free = plan.grounds.drop(index=taken).reset_index(drop=True)
    shapes = free.geometry.to_numpy()
    area = shapely.area(shapes)
    inner = np.exp(-shapely.distance(shapes, plan.old_town) / 3500)
    wide = plan.streets[plan.streets["class"].isin(["primary", "secondary"])].geometry.to_numpy()
    by_road = shapely.STRtree(wide).query_nearest(shapes, all_matches=False, return_distance=True)[1] < 35
    lived = free["quarter"].map({"old": 1.6, "village": 2.0, "east": 0.4}).fillna(1.0).to_numpy(dtype=float)
    size = np.clip(area, 2000, 20000)
    wishes = {
        "school": inner * lived * size,
        "hospital": inner * lived * size * (0.3 + by_road),
        "market": inner * lived * size * (area < 30000),
        "mall": inner * size * (0.15 + by_road) * (area < 45000),
    }
    inside = shapely.point_on_surface(shapes)
    left = np.ones(len(free), dtype=bool)
    parts: list[tuple[str, Geometries, list[MultiPoint] | None]] = []
    for name, wish in wishes.items():
        rows = _spaced(rng, inside, np.where(left, wish, 0.0), KINDS[name])
        left[rows] = False
        parts.append((name, inside[rows], gazetteer.gates(rng, shapes[rows])))
    parts.append(("transit", _roadside(rng, plan, wide), None))
    parts.append(("community", _community_centres(rng, homes, gazetteer), None))
    table = pd.concat([_rows(*part) for part in parts], ignore_index=True)
    return _described(rng, table, gazetteer, words)


def _rows(name: str, points: Geometries, gates: list[MultiPoint] | None) -> pd.DataFrame:
    main = [None] * len(points) if gates is None else [MultiPoint([gate.geoms[0]]) for gate in gates]
    return pd.DataFrame({"class": name, "point": points, "gates": pd.Series(main, dtype=object)})


def _spaced(rng: Generator, points: Geometries, weight: Floats, kind: Kind) -> Ints:
    """Rows drawn by weight, each at least `kind.apart_m` from those before it."""
    likely = np.flatnonzero(weight > 0)
    order = rng.choice(likely, len(likely), replace=False, p=weight[likely] / weight.sum())
    xy = shapely.get_coordinates(points)
    kept: list[int] = []
    for row in order:
        if not kept or np.hypot(*(xy[kept] - xy[row]).T).min() > kind.apart_m:
            kept.append(int(row))
        if len(kept) == kind.number:
            break
    return np.sort(kept)


def _roadside(rng: Generator, plan: Plan, wide: Geometries) -> Geometries:
    """Stations beside wide roads, denser towards the old town."""
    middle = shapely.line_interpolate_point(wide, rng.uniform(0.2, 0.8, len(wide)), normalized=True)
    points = points_at(shapely.get_coordinates(middle) + rng.choice([-24.0, 24.0], (len(wide), 2)))
    weight = np.exp(-shapely.distance(points, plan.old_town) / 4500) * shapely.contains(plan.outline, points)
    return np.asarray(points[_spaced(rng, points, weight, KINDS["transit"])])


def _community_centres(rng: Generator, homes: gpd.GeoDataFrame, gazetteer: Gazetteer) -> Geometries:
    """One centre in every community, the other stations by chance; most stand inside a compound."""
    shapes = homes.geometry.to_numpy()
    inside = shapely.point_on_surface(shapes)
    community = gazetteer.division.community_of(inside)
    order = rng.permutation(len(homes))
    first = order[np.sort(np.unique(community[order], return_index=True)[1])]
    rest = np.setdiff1d(order, first, assume_unique=True)
    rows = np.concatenate([first, rng.permutation(rest)[: KINDS["community"].number - len(first)]])
    gate = points_at([shapely.get_coordinates(gates)[0] for gates in homes["gates"].iloc[rows]])
    indoors = rng.random(len(rows)) < 0.6
    return np.asarray(np.where(indoors, inside[rows], gate), dtype=object)


def _described(rng: Generator, table: pd.DataFrame, gazetteer: Gazetteer, words: Stems) -> gpd.GeoDataFrame:
    points = table["point"].to_numpy(dtype=object)
    where = gazetteer.locate(points)
    subtype = np.empty(len(table), dtype=object)
    for name, kind in KINDS.items():
        rows = np.flatnonzero(table["class"] == name)
        shares = np.array(list(kind.subtypes.values()))
        subtype[rows] = rng.choice(list(kind.subtypes), len(rows), p=shares / shares.sum())
    centre = (table["class"] == "community") & ~where["code"].where(
        table["class"] == "community"
    ).duplicated()
    subtype[centre.to_numpy()] = "社区党群服务中心"
    names = _names(rng, table["class"], subtype, where, words)
    kind_units = {name: kind.units for name, kind in KINDS.items()}
    units = [
        f"{community}居委会" if name == "community" else str(rng.choice(list(kind_units[name])))
        for name, community in zip(table["class"], where["community"], strict=True)
    ]
    status = gazetteer.statuses(rng, points)
    return gpd.GeoDataFrame(
        {
            "id": numbered("DW", len(table)),
            "name": names,
            "class": table["class"],
            "subtype": subtype,
            "cluster": _clusters(points, where["district"]),
            "district": where["district"],
            "address": where["address"],
            "unit": units,
            "status": status,
            "note": when(status == "works", "提升改造中"),
            "gates": table["gates"],
        },
        geometry=points, crs=CRS_METRIC,
    )  # fmt: skip


def _names(rng: Generator, classes: Any, subtype: Any, where: pd.DataFrame, words: Stems) -> list[str]:
    """Names by the kind of site: numbered schools, communities' own stations, villages' markets."""
    used: dict[str, int] = {}
    made = []
    stems = [words.fair[i] for i in rng.permutation(len(words.fair))]
    for i, (name, kind) in enumerate(zip(classes, subtype, strict=True)):
        stem = stems[i % len(stems)]
        if name == "community":
            full = f"{where['community'].iloc[i]}{kind.removeprefix('社区')}"
        elif name == "hospital" and kind.startswith("社区"):
            full = f"{where['community'].iloc[i].removesuffix('社区')}{kind}"
        elif kind in ("农贸市场", "集贸市场") and rng.random() < 0.25:
            full = village_name(rng) + kind
        elif kind in ("小学", "初级中学", "高级中学", "火车站") and rng.random() < 0.5:
            full = f"{CITY}{stem}{kind}"
        else:
            full = stem + kind
        used[full] = used.get(full, 0) + 1
        made.append(full if used[full] == 1 else f"{full}({used[full]})")
    return with_rare(made)


def _clusters(points: Geometries, district: pd.Series) -> NDArray[np.object_]:
    """Labels of neighbouring anchors: each subdistrict's anchors halved until a cluster holds about eight."""
    xy = shapely.get_coordinates(points)
    label = np.empty(len(points), dtype=object)
    for name, rows in district.groupby(district, sort=True).indices.items():
        todo, groups = [np.asarray(rows)], []
        while todo:
            here = todo.pop()
            if len(here) <= CLUSTER + CLUSTER // 2:
                groups.append(here)
                continue
            axis = int(np.argmax(np.ptp(xy[here], axis=0)))
            order = here[np.argsort(xy[here, axis], kind="stable")]
            todo += [order[: len(order) // 2], order[len(order) // 2 :]]
        for i, group in enumerate(groups, 1):
            label[group] = f"{str(name).removesuffix('街道')}{i:02d}群"
    return label


def toilets_of(
    rng: Generator, plan: Plan, anchors: gpd.GeoDataFrame, gazetteer: Gazetteer
) -> gpd.GeoDataFrame:
    """Public toilets by markets, in the crooked quarters and along streets; offices that open theirs."""
    markets = anchors[anchors["class"] == "market"].geometry.to_numpy()
    offices = anchors[anchors["class"].isin(["community", "hospital"])].geometry.to_numpy()
    crooked = plan.lanes[plan.lanes["quarter"].isin(["old", "village"])].geometry.to_numpy()
    planned = plan.streets[~plan.streets["quarter"].isin(["bridge", "ring"])].geometry.to_numpy()
    inner = np.exp(-shapely.distance(planned, plan.old_town) / 2500)
    along = rng.choice(len(planned), 190, replace=False, p=inner / inner.sum())
    roads = np.concatenate([crooked[rng.permutation(len(crooked))[:110]], planned[along]])
    beside = shapely.get_coordinates(
        shapely.line_interpolate_point(roads, rng.uniform(0.1, 0.9, 300), normalized=True)
    )
    near = shapely.get_coordinates(markets[rng.permutation(len(markets))[: TOILETS - 300 - _OFFICE_TOILETS]])
    inside = shapely.get_coordinates(offices[rng.permutation(len(offices))[:_OFFICE_TOILETS]])
    shifts = (
        rng.choice([-7.0, 7.0], beside.shape),
        rng.uniform(-45, 45, near.shape),
        rng.uniform(-8, 8, inside.shape),
    )
    points = points_at(np.concatenate([beside + shifts[0], near + shifts[1], inside + shifts[2]]))
    where = gazetteer.locate(points)
    office = np.arange(len(points)) >= TOILETS - _OFFICE_TOILETS
    street = where["address"].str.removeprefix(CITY).str.replace(r"\d+号$", "", regex=True)
    count = street.groupby(street).cumcount() + 1
    names = street + np.where(count > 1, count.astype(str), "") + np.where(office, "对外开放卫生间", "公厕")
    hours = rng.choice(["全天开放", "06:00-22:00", "05:30-23:00"], len(points), p=[0.4, 0.4, 0.2])
    return gpd.GeoDataFrame(
        {
            "id": numbered("GC", len(points)),
            "name": with_rare(list(names)),
            "district": where["district"],
            "address": where["address"],
            "unit": np.where(office, where["community"] + "居委会", "市环境卫生管理处"),
            "status": np.where(rng.random(len(points)) < 0.04, "works", "open"),
            "kind": np.where(office, "office", "public"),
            "hours": np.where(office, "08:30-17:30", hours),
        },
        geometry=points, crs=CRS_METRIC,
    )  # fmt: skip
