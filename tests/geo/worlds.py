"""Tiny worlds in which every possible inspection can be gone through, in rational numbers.

Written from the words of the draw, slow and obvious, with nothing shared with `geo.exposure`.
"""

import itertools
import math
from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pandas as pd
from pyproj import CRS

from geo.buffers import PairTable
from geo.design import ANCHOR_CLASSES, Anchors, Design, Radius, Take
from geo.frame import Frame

KINDS = ("back_alleys", "compounds")


@dataclass
class World:
    """Entry distances[kind][anchor][unit] in whole metres, None for never; classes, clusters, sizes."""

    classes: list
    clusters: list
    entry: dict
    sizes: dict
    design: Design

    def frame(self):
        pairs = {}
        for kind, table in self.entry.items():
            rows = [
                (a, u, float(r))
                for a, row in enumerate(table)
                for u, r in enumerate(row)
                if r is not None and r <= self.design.reach_m
            ]
            columns = zip(*rows, strict=True) if rows else ([], [], [])
            anchor, unit, entry = (np.array(column) for column in columns)
            pairs[kind] = PairTable(anchor.astype(int), unit.astype(int), entry.astype(float))
        return Frame(
            crs=CRS("EPSG:4547"),
            anchors=pd.DataFrame(
                {
                    "id": [f"a{n}" for n in range(len(self.classes))],
                    "class": self.classes,
                    "cluster": self.clusters,
                }
            ),
            units={
                kind: pd.DataFrame({"id": [f"{kind[0]}{n}" for n in range(len(sizes))], "size": sizes})
                for kind, sizes in self.sizes.items()
            },
            pairs=pairs,
            seals={},
            excluded={},
            reach_m=self.design.reach_m,
        )


def pick_laws(units, sizes, number, repeat):
    """{set of units: chance} of `number` choices one after the other, each in proportion to size."""
    result = defaultdict(Fraction)

    def go(chosen, chance, left):
        free = units if repeat else [u for u in units if u not in chosen]
        if left == 0 or not free:
            result[frozenset(chosen)] += chance
            return
        total = sum(sizes[u] for u in free)
        for u in free:
            go([*chosen, u], chance * Fraction(sizes[u], total), left - 1)

    go([], Fraction(1), number)
    return result


def group_law(world, kind, members):
    """{set of units: chance} of one surrounding; members: [(anchor, radius), ...]."""
    design = world.design
    take = design.alleys if kind == "back_alleys" else design.compounds
    inner = design.inner_m if design.shape == "ring" else 0
    sizes, repeat = world.sizes[kind], design.replace == "within_anchor"
    table = world.entry[kind]

    def pool(radii):
        return sorted(
            {
                u
                for a, radius in radii
                for u, r in enumerate(table[a])
                if r is not None and inner <= r <= radius
            }
        )

    result = defaultdict(Fraction)
    for asked, chance in take.chances:
        held = pool(members)
        few = len(held) < (min(asked, 1) if repeat else asked)
        if few and (design.short_pool if held else design.empty_pool) == "widen":
            nearest = {}
            for a, _ in members:
                for u, r in enumerate(table[a]):
                    if r is not None and inner <= r <= 2000:
                        nearest[u] = min(r, nearest.get(u, r))
            ranked = sorted(nearest.values())
            if ranked:
                wide = ranked[min(asked, len(ranked)) - 1]
                if wide > max(radius for _, radius in members):
                    held = pool([(a, max(wide, radius)) for a, radius in members])
            few = len(held) < asked
        number = 0 if few and held and design.short_pool == "skip" else asked
        for units, part in pick_laws(held, sizes, number, repeat).items():
            result[units] += chance * part
    return result


def radius_law(world):
    """[(chance, radius)]: for a continuous law one radius in each interval between entry distances."""
    radius = world.design.radius
    if radius.law != "uniform":
        return [(Fraction(1, len(radius.radii_m)), Fraction(r)) for r in radius.radii_m]
    low, high = map(Fraction, radius.radii_m)
    every = {Fraction(r) for table in world.entry.values() for row in table for r in row if r is not None}
    edges = [low, *sorted(r for r in every if low < r < high), high]
    return [((b - a) / (high - low), (a + b) / 2) for a, b in itertools.pairwise(edges)]


def anchor_sets(world):
    asked = dict(world.design.anchors.by_class)
    parts = []
    for name in ANCHOR_CLASSES:
        rows = [a for a, c in enumerate(world.classes) if c == name]
        if asked and name not in asked:
            continue
        n = asked[name] if asked else world.design.anchors.each
        n = len(rows) if n is None else min(n, len(rows))
        parts.append(list(itertools.combinations(rows, n)))
    every = list(itertools.product(*parts))
    return [(Fraction(1, len(every)), [a for part in s for a in part]) for s in every]


def cases(world):
    """[(chance, [law of each surrounding])]; a law is {(alleys, compounds): chance}."""
    design, law = world.design, radius_law(world)
    key = {
        "anchor": lambda a: a,
        "class": lambda a: world.classes[a],
        "cluster": lambda a: world.clusters[a],
    }[design.per]
    cache = {}

    def surrounding(anchors, radii):
        """One law of both kinds: the radius is theirs together."""
        total = defaultdict(Fraction)
        if radii is None:
            ways = itertools.product(law, repeat=len(anchors))
        else:
            ways = [[(Fraction(1), r) for r in radii]]
        for way in ways:
            chance = math.prod((w for w, _ in way), start=Fraction(1))
            members = [(a, r) for a, (_, r) in zip(anchors, way, strict=True)]
            one, other = (group_law(world, kind, members) for kind in KINDS)
            for (s, p), (t, q) in itertools.product(one.items(), other.items()):
                total[s, t] += chance * p * q
        return dict(total)

    def cached(anchors, radii):
        at = tuple(anchors), None if radii is None else tuple(radii)
        if at not in cache:
            cache[at] = surrounding(anchors, radii)
        return cache[at]

    shared = law if design.radius_per == "round" else [(Fraction(1), None)]
    for chance, anchors in anchor_sets(world):
        groups = defaultdict(list)
        for a in anchors:
            groups[key(a)].append(a)
        for weight, radius in shared:
            yield (
                chance * weight,
                [cached(m, None if radius is None else [radius] * len(m)) for m in groups.values()],
            )


def inspections(world, kind=None):
    """(chance, [(alleys, compounds) of each surrounding]) of every possible inspection.

    With a kind the other is summed out first, to have fewer.
    """
    for chance, laws in cases(world):
        if kind is not None:
            folded = []
            for law in laws:
                one = defaultdict(Fraction)
                for outcome, p in law.items():
                    kept = [frozenset(), frozenset()]
                    kept[KINDS.index(kind)] = outcome[KINDS.index(kind)]
                    one[tuple(kept)] += p
                folded.append(one)
        else:
            folded = laws
        for way in itertools.product(*(law.items() for law in folded)):
            yield math.prod((p for _, p in way), start=chance), [outcome for outcome, _ in way]


TAKES = ("1-2", "1-2", "1-2", "2", "1", "1:1/3,2:2/3", "0:1/4,1:1/4,2:1/2", "0-3", "3")


def random_world(number, **settings):
    """A world from its number: ties, empty pools, one or two strata, every law of the radius."""
    rng = np.random.default_rng([20261120, number])
    two = rng.random() < 0.6
    m = int(rng.integers(2, 5))
    schools = int(rng.integers(1, 4))
    if "anchors" in settings:  # all of them
        m, schools = 2, 1
    classes = ["market"] * m + (["school"] * schools if two else [])
    n = {"market": int(rng.integers(1, min(m, 3) + 1))}
    if two:
        n["school"] = int(rng.integers(1, 3)) if classes.count("school") > 1 else 1
    while sum(n.values()) > 3:
        n[max(n, key=n.get)] -= 1
    counts = {"back_alleys": int(rng.integers(1, 6)), "compounds": int(rng.integers(1, 4))}
    entry = {}
    for kind, count in counts.items():
        # multiples of 250 m make ties; some are out of every reach
        grid = rng.integers(0, 11, (len(classes), count)) * 250
        away = rng.random((len(classes), count)) < 0.25
        entry[kind] = [
            [None if gone else int(r) for r, gone in zip(row, out, strict=True)]
            for row, out in zip(grid, away, strict=True)
        ]
        if number % 3 == 0:
            entry[kind][0] = [None] * count
    law = ("500:2000", "1000", "500,1000,1500,2000", "750:1750", "500,2000")[(number + number // 23) % 5]
    take = TAKES[int(rng.integers(len(TAKES)))]
    values = {
        "anchors": Anchors(by_class=tuple(n.items())),
        "radius": Radius.parse(law),
        "alleys": Take.parse(take),
        "compounds": Take.parse("1-2"),
        **settings,
    }
    sizes = {kind: [1] * count for kind, count in counts.items()}
    if values.pop("weighted", False):
        sizes = {kind: [int(s) for s in rng.integers(1, 9, count)] for kind, count in counts.items()}
        if values["alleys"].chances[-1][0] > 2:
            values["alleys"] = Take.parse("1-2")
    return World(
        classes, [f"g{int(c)}" for c in rng.integers(0, 2, len(classes))], entry, sizes, Design(**values)
    )


SETTINGS = [
    {},
    {"radius_per": "round"},
    {"shape": "ring", "inner_m": 250.0},
    {"weighted": True},
    {"short_pool": "skip"},
    {"short_pool": "widen"},
    {"empty_pool": "widen"},
    {"short_pool": "widen", "empty_pool": "widen", "shape": "ring", "inner_m": 250.0},
    {"replace": "within_anchor"},
    {"replace": "within_anchor", "empty_pool": "widen", "short_pool": "skip"},
    {"weighted": True, "radius_per": "round", "short_pool": "widen"},
    {"weighted": True, "replace": "within_anchor", "shape": "ring", "inner_m": 250.0},
    {"per": "class"},
    {"per": "class", "radius_per": "round"},
    {"per": "cluster"},
    {"per": "cluster", "radius_per": "round", "weighted": True},
    {"per": "class", "short_pool": "widen", "empty_pool": "widen", "weighted": True},
    {"per": "cluster", "anchors": Anchors(each=None), "radius_per": "round"},
    {"per": "class", "anchors": Anchors(each=None), "radius_per": "round", "empty_pool": "widen"},
    {"duplicate": "twice", "anchors": Anchors(each=None)},
    {"per": "class", "anchors": Anchors(each=None), "radius_per": "round", "shape": "ring", "inner_m": 250.0},
    {
        "per": "cluster",
        "anchors": Anchors(by_class=(("market", None),)),
        "radius_per": "round",
        "shape": "ring",
        "inner_m": 250.0,
    },
    {"per": "cluster", "short_pool": "widen", "shape": "ring", "inner_m": 250.0},
]
