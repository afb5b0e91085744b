"""Which rows of a file may be the same thing twice, and which places hold far too many rows?

Only one finding costs a row its place: a record written twice (same name, class and address within
1 m), because a unit counted twice is drawn twice as often. Everything else is told and stays.
Plain arrays in and out; linear in the rows, also where a hostile file gives all of them one name.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from .faults import Fault, Note, shorten
from .nearby import Floats, Ints, earlier_within, grouped, near_known, plane

NEAR_M = 50.0
"""Namesakes this near are told: two gates of a market, two halls of a school, or one site twice."""
SAME_M = 1.0
"""Places this near are one: float noise, and the last digit of coordinates with five decimals."""

PILE_ROWS = 20
PILE_SHARE = 0.01
PILE_TIMES = 10
PILE_ONE_ADDRESS = 0.9

EXAMPLES = 5
_NAME_LENGTH = 200  # a name longer than this is a text; long runs of accents take quadratic time to normalise
_NO_NAME = re.compile(r"[\s()\[\]{}〔〕【】〖〗「」『』〈〉《》\-‐‑–—―·•・_]+")
_ENDINGS = (
    ("市场", ("农贸市场", "集贸市场", "农副产品市场", "菜市场", "菜场")),
    ("公厕", ("公共厕所", "公共卫生间", "公厕")),
)
"""Words for one kind of site: names that differ in nothing else may be one site under two names."""
_ENDING = {word: common for common, words in _ENDINGS for word in words}
_ENDING_WORDS = tuple(sorted(_ENDING, key=len, reverse=True))


@dataclass(frozen=True)
class PileUp:
    """A place with far too many rows: lon and lat in degrees, rows there, their share of the file in
    [0, 1], the label of the first."""

    lon: float
    lat: float
    count: int
    share: float
    first_row: int


@dataclass(frozen=True)
class Told:
    """How many rows a finding concerns, and the first few as ``12/57 name`` (first row/later row)."""

    count: int = 0
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Findings:
    """What `find` found. Every row counts under one heading at most, the first of this order.

    Parameters
    ----------
    repeats : dict of row to row
        A record written twice -> where it stood first. The first is never itself a repeat.
    near_duplicates : Told
        The same rows as `repeats`.
    same_name_near : Told
        Rows with an earlier namesake of their class within 50 m that are no repeat.
    two_names : Told
        Rows whose name differs from an earlier one within 50 m in the word for the kind of site only.
    same_place : Told
        Rows that share their coordinates (to 1e-7 degree) with a row of another name; counted beside
        the others. Pile-ups are left out.
    same_moment : Told
        Issues with an earlier one of the same category, place and minute.
    pile_ups : tuple of PileUp, the largest first
    names : dict of row to name
        Of the rows in `repeats`.
    """

    repeats: dict[int, int]
    near_duplicates: Told
    same_name_near: Told
    two_names: Told
    same_place: Told
    same_moment: Told
    pile_ups: tuple[PileUp, ...]
    names: dict[int, str]

    def notes(self) -> list[Note]:
        """A note per finding that has any rows, with `count` and `examples`."""
        notes = []
        if (told := self.near_duplicates).count:
            notes.append(Note("near_duplicates", {"count": told.count, "examples": "; ".join(told.examples)}))
        if (told := self.same_name_near).count:
            notes.append(Note("same_name_near", {"count": told.count, "examples": "; ".join(told.examples)}))
        if (told := self.two_names).count:
            notes.append(Note("two_names", {"count": told.count, "examples": "; ".join(told.examples)}))
        if (told := self.same_place).count:
            notes.append(Note("same_place", {"count": told.count, "examples": "; ".join(told.examples)}))
        if (told := self.same_moment).count:
            notes.append(Note("same_moment", {"count": told.count, "examples": "; ".join(told.examples)}))
        if self.pile_ups:
            first = self.pile_ups[:EXAMPLES]
            places = (f"{p.lon:.6f}, {p.lat:.6f}: {p.count} ({p.share:.1%}; {p.first_row})" for p in first)
            count = sum(pile.count for pile in self.pile_ups)
            facts = {"count": count, "places": len(self.pile_ups), "examples": "; ".join(places)}
            notes.append(Note("pile_up", facts))
        return notes

    def faults(self, heading: str = "") -> Iterator[Fault]:
        """The refusal of every repeat; `heading` is that of the names in the file."""
        for row, first in self.repeats.items():
            yield Fault(
                str(row), heading, shorten(self.names[row]),
                code="record_twice",
                message=f"has the name, class and place of row {first}: one record twice,"
                " which would be drawn twice as often; delete one, or import with --keep-duplicates",
                facts={"first": first},
            )  # fmt: skip


def find(
    rows: Sequence[int] | Ints,
    names: Sequence[str | None] | None,
    classes: Sequence[str | None] | None,
    lonlat: Floats,
    *,
    addresses: Sequence[str | None] | Ints | None = None,
    categories: Sequence[str | None] | None = None,
    minutes: Ints | None = None,
) -> Findings:
    """Duplicates and pile-ups among the rows of one layer of one file.

    Parameters
    ----------
    rows : (n,) int
        The label of each row, in the order of the file.
    names, classes, addresses, categories : (n,) str or None, optional
        Addresses may be given as their `address_keys`, which take an eighth of the room.
        Names are compared without case, width, spaces, brackets and dashes, by their first 200
        characters. A row without a name has no namesake. Names are for sites, categories for issues:
        an issue is never a duplicate by its place alone.
    lonlat : (n, 2) float
        EPSG:4326, finite; one representative point per row.
    minutes : (n,) int, optional
        When an issue was found, local time in minutes since any midnight. Midnight itself stands for
        a day without a time and is compared with nothing, as are negative values.

    Notes
    -----
    Distances are taken on a plane at the median latitude. Off by relative tan(lat) * d(lat) east-west:
    at most 0.3 m in 50 m for a site half a degree from the middle of a city at 31 N.

    A row whose nearest namesake is a repeat of the first is a repeat of the first too.

    A place is a pile-up if it holds at least 20 rows, at least 1 % of the file, and at least 10 times
    as many rows as nine in ten places do. The last is what tells a geocoder's default from rounded
    coordinates: these raise all places alike, and the crowd of a city centre over its outskirts stays
    below. Where addresses are given, a place of which nine in ten rows name one and the same address
    is a busy place and no pile-up. Repeats are not refused at a pile-up: coordinates are no evidence
    there.
    """
    labels = np.asarray(rows, dtype=np.int64)
    places, counts, first_at = _places(lonlat)
    told_addresses: Ints | None = None
    if isinstance(addresses, np.ndarray):
        told_addresses = addresses
    elif addresses is not None:
        told_addresses = address_keys(addresses)
    piled = _piled(places, counts, told_addresses)
    in_pile = piled[places]
    pile_ups = tuple(
        PileUp(
            float(lon), float(lat), int(counts[at]), int(counts[at]) / len(labels), int(labels[first_at[at]])
        )
        for at in sorted(np.flatnonzero(piled).tolist(), key=lambda at: -int(counts[at]))
        for lon, lat in [lonlat[first_at[at]]]
    )
    xy = plane(lonlat)
    never = np.full(len(labels), -1, dtype=np.int64)
    twice: Ints = never
    near: Ints = never
    alike: Ints = never
    moment: Ints = never
    shared: Ints = never
    if names is not None:
        key, stem = _name_keys(names)
        shared = _other_name(places, key, in_pile)
        del places
        kind = None if classes is None else _hashes(classes)
        near = earlier_within(_joined(key, kind), xy, NEAR_M)
        twice = _twice(np.where(in_pile, 0, _joined(key, kind, told_addresses)), xy)
        if not np.array_equal(key, stem):
            alike = np.where(near < 0, earlier_within(_joined(stem, kind), xy, NEAR_M), -1)
        near = np.where(twice < 0, near, -1)
    if categories is not None and minutes is not None:
        timed = (minutes >= 0) & (minutes % 1440 != 0) & ~in_pile
        what = np.where(timed, _joined(_hashes(categories), minutes), 0)
        moment = earlier_within(what, xy, SAME_M)
    repeated = np.flatnonzero(twice >= 0)
    return Findings(
        repeats=dict(zip(labels[repeated].tolist(), labels[twice[repeated]].tolist(), strict=True)),
        near_duplicates=_told(twice, labels, names),
        same_name_near=_told(near, labels, names),
        two_names=_told(alike, labels, names),
        same_place=_told(shared, labels, names, differing=True),
        same_moment=_told(moment, labels, categories),
        pile_ups=pile_ups,
        names={} if names is None else {int(labels[at]): names[at] or "" for at in repeated.tolist()},
    )


@dataclass(frozen=True)
class Known:
    """Sites of a file that the store has under another id.

    `pairs` : (k, 2) int, position among the new rows and among those of the store, one per new row.
    """

    pairs: Ints
    told: Told

    def notes(self) -> list[Note]:
        """One note with `count` and `examples` (``new id/id in the store name``), or none."""
        if not self.told.count:
            return []
        return [Note("known_nearby", {"count": self.told.count, "examples": "; ".join(self.told.examples)})]


def known_nearby(
    ids: Sequence[str],
    names: Sequence[str | None],
    lonlat: Floats,
    store_ids: Sequence[str],
    store_names: Sequence[str | None],
    store_lonlat: Floats,
) -> Known:
    """New rows whose name stands within 50 m in the store, under an id that the file does not have.

    Rows of the store whose id the file brings are about to be replaced, and are left out. Names that
    differ in the word for the kind of site only (农贸市场, 菜市场) count as the same: two offices have
    two words. Give rows of one layer, and of one class where there are classes.

    Notes
    -----
    Exact up to 20 namesakes in one cell of 35 m in the store; of more, the first 20 are looked at.
    """
    replaced = set(ids)
    old = np.array([at for at, id_ in enumerate(store_ids) if id_ not in replaced], dtype=np.int64)
    if not len(old) or not len(ids):
        return Known(np.empty((0, 2), np.int64), Told())
    kept_names = [store_names[at] for at in old.tolist()]
    xy = plane(np.concatenate([store_lonlat[old], lonlat]))
    found = near_known(
        _name_keys(names)[1], xy[len(old) :], _name_keys(kept_names)[1], xy[: len(old)], NEAR_M
    )
    hit = np.flatnonzero(found >= 0)
    pairs = np.column_stack([hit, old[found[hit]]])
    examples = tuple(
        f"{ids[new]}/{store_ids[known]} {shorten(names[new])}" for new, known in pairs[:EXAMPLES].tolist()
    )
    return Known(pairs, Told(len(pairs), examples))


# -- names -----------------------------------------------------------------------------------------


def plain_name(name: str) -> str:
    """A name as it is compared: NFKC, no case, spaces, brackets or dashes; its first 200 characters."""
    return _NO_NAME.sub("", unicodedata.normalize("NFKC", name[:_NAME_LENGTH]).casefold())


def stem(plain: str) -> str:
    """A plain name with the common word for its kind of site: 沐宁农贸市场 and 沐宁菜市场 -> 沐宁市场."""
    for word in _ENDING_WORDS:
        if plain.endswith(word):
            return plain[: -len(word)] + _ENDING[word]
    return plain


def _plain_all(names: Sequence[str | None]) -> Iterator[str]:
    """`plain_name` of every name, a thousand at a time: the calls cost more than the work."""
    rest = iter(names)
    while part := [(name or "")[:_NAME_LENGTH] for name in islice(rest, 1000)]:
        whole = _NO_NAME.sub("", unicodedata.normalize("NFKC", "\0".join(part)).casefold())
        split = whole.split("\0")
        # a name that holds the separator itself
        yield from split if len(split) == len(part) else map(plain_name, part)


def address_keys(addresses: Sequence[str | None]) -> Ints:
    """64 bits of every address, without case, width, spaces and brackets; 0 where there is none."""
    return _hashes(_plain_all(addresses))


def _hashes(words: Iterable[str | None]) -> Ints:
    """64 bits of every word, 0 where there is none: a chance of 3e-8 that two of a million words meet."""
    return np.fromiter((hash(word) if word else 0 for word in words), dtype=np.int64)


def _name_keys(names: Sequence[str | None]) -> tuple[Ints, Ints]:
    """(key of the plain name, key of its stem), 0 for no name."""
    key = np.empty(len(names), np.int64)
    endings: dict[int, int] = {}
    for at, plain in enumerate(_plain_all(names)):
        key[at] = hash(plain) if plain else 0
        if plain.endswith(_ENDING_WORDS):
            endings[at] = hash(stem(plain))
    stems = key.copy()
    stems[list(endings)] = list(endings.values())
    return key, stems


def _joined(key: Ints, *more: Ints | None) -> Ints:
    """One key of several; 0 where the first is 0, and nowhere else."""
    joined = key.astype(np.uint64)
    for other in more:
        if other is not None:
            # 2^64 / golden ratio: odd, so that no two values become one (Knuth, TAOCP 3, 6.4)
            joined = joined * np.uint64(0x9E3779B97F4A7C15) + (
                other.astype(np.uint64) ^ (joined >> np.uint64(29))
            )
    joined[(joined == 0) & (key != 0)] = 1
    joined[key == 0] = 0
    return joined.view(np.int64)


# -- places ----------------------------------------------------------------------------------------


def _places(lonlat: Floats) -> tuple[Ints, Ints, Ints]:
    """(place of every row, rows per place, first row of each place); one place is 1e-7 degree wide."""
    packed = np.rint(lonlat[:, 0] * 1e7).astype(np.int64) * 1_800_000_001
    packed += np.rint(lonlat[:, 1] * 1e7).astype(np.int64) + 900_000_000
    _, order, start, places = grouped(packed)
    return places, np.diff(start), order[start[:-1]]


def _piled(places: Ints, counts: Ints, addresses: Ints | None) -> NDArray[np.bool_]:
    """Per place: is it a pile-up?"""
    if not len(counts):
        return np.zeros(0, dtype=bool)
    # where all rows lie on one point, no place is ordinary
    ordinary = float(np.quantile(counts, 0.9, method="lower")) if len(counts) > 1 else 0.0
    piled = counts >= max(PILE_ROWS, PILE_SHARE * len(places), PILE_TIMES * ordinary)
    if addresses is not None:
        for at in np.flatnonzero(piled):
            here = addresses[places == at]
            largest = np.unique(here[here != 0], return_counts=True)[1].max(initial=0)
            piled[at] = largest < PILE_ONE_ADDRESS * len(here)
    return piled


def _other_name(places: Ints, key: Ints, in_pile: NDArray[np.bool_]) -> Ints:
    """Per row: the first row of its place (for that row: itself), if names there differ; -1 else."""
    found = np.full(len(key), -1, dtype=np.int64)
    named = np.flatnonzero((key != 0) & ~in_pile)
    if len(named):
        _, order, start, group = grouped(places[named])
        first = order[start[:-1]]
        differs = key[named] != key[named[first]][group]
        mixed = np.bincount(group, weights=differs) > 0
        found[named] = np.where(mixed[group], named[first][group], -1)
    return found


def _twice(record: Ints, xy: Floats) -> Ints:
    """Per row: the first row of the same record within 1 m, -1 for none."""
    earlier = earlier_within(record, xy, SAME_M)
    first = np.where(earlier < 0, np.arange(len(record)), earlier)
    while not np.array_equal(further := first[first], first):
        first = further
    return np.where(earlier < 0, -1, first)


def _told(
    earlier: Ints, labels: Ints, words: Sequence[str | None] | None, *, differing: bool = False
) -> Told:
    """The rows that have an earlier one; `differing`: examples of two names only."""
    hit = np.flatnonzero(earlier >= 0)
    if words is None or not len(hit):
        return Told()
    pairs = ((at, int(earlier[at])) for at in map(int, hit) if at != earlier[at])
    fitting = (pair for pair in pairs if not differing or words[pair[0]] != words[pair[1]])
    first = islice(fitting, EXAMPLES)
    return Told(len(hit), tuple(_example(at, one, labels, words) for at, one in first))


def _example(at: int, first: int, labels: Ints, words: Sequence[str | None]) -> str:
    here, there = shorten(words[at]), shorten(words[first])
    told = here if here == there else f"{there} / {here}"
    return f"{labels[first]}/{labels[at]} {told}"
