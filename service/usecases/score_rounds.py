"""How scores differ from one round to the next: over all sites, and over those that both have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import pandas as pd

from geo.errors import DesignError
from layers.store import Store

from ..supervision.site_scores import GroupScore
from . import score_tables
from .score_tables import Row, Scored, grouped


@dataclass(frozen=True)
class Change:
    """A group in two rounds.

    Parameters
    ----------
    before, after : GroupScore or None
        Over all its sites; None where the round has no visit of the group.
    both_before, both_after : GroupScore or None
        Over the sites that have a score in both rounds; None without any.
    """

    group: str | None
    name: str | None
    before: GroupScore | None
    after: GroupScore | None
    both_before: GroupScore | None
    both_after: GroupScore | None

    @property
    def state(self) -> str:
        """`both`, `new` (only in the later round) or `gone` (only in the earlier one)."""
        return "new" if self.before is None else "gone" if self.after is None else "both"

    @property
    def change(self) -> Fraction | None:
        """Rate after less rate before, over all sites: other sites change it too."""
        return _difference(self.before, self.after)

    @property
    def both_change(self) -> Fraction | None:
        """The same over the sites that have a score in both rounds."""
        return _difference(self.both_before, self.both_after)


@dataclass(frozen=True)
class Comparison:
    """Two rounds.

    `whole` is everything together, `changes` the groups with the largest rise of the shared sites
    first; `rules_differ`: the rounds follow different versions of the rules, so a change may come from
    the rules alone.
    """

    before: Scored
    after: Scored
    by: str
    whole: Change
    changes: tuple[Change, ...]

    @property
    def rules_differ(self) -> bool:
        return self.before.versions != self.after.versions


def compare(store: Store, before: Sequence[str], after: Sequence[str], by: str = "type") -> Comparison:
    """Two rounds, each of one or more missions.

    Parameters
    ----------
    by : str
        Any of `score_tables.BY` but `mission`.

    Raises
    ------
    DesignError
        `rounds_same`: a mission stands on both sides; `rounds_by` for `mission`.
    """
    if by == "mission":
        raise DesignError(
            "two rounds are compared by type, district, community, unit or site; leave --by mission out",
            code="rounds_by",
        )
    if twice := sorted(set(before) & set(after)):
        raise DesignError(
            f"{', '.join(twice)} stands on both sides; compare two different rounds",
            code="rounds_same", given=", ".join(twice),
        )  # fmt: skip
    one, two = score_tables.read(store, before), score_tables.read(store, after)
    shared = _scored(one) & _scored(two)
    sides = [_by_group(scored, by) for scored in (one, two)]
    both = [score_tables.only(scored, shared) for scored in (one, two)]
    kept = [_by_group(scored, by) for scored in both]
    groups = list(dict.fromkeys([*sides[0], *sides[1]]))
    changes = [_change(group, sides, kept) for group in groups]
    whole = Change(
        None, None, score_tables.whole(one), score_tables.whole(two),
        *(score_tables.whole(scored) if shared else None for scored in both),
    )  # fmt: skip
    return Comparison(one, two, by, whole, tuple(sorted(changes, key=_order)))


def as_table(comparison: Comparison) -> pd.DataFrame:
    """The groups of a comparison as a table; rates in [0, 1], changes as differences of rates."""
    rows = [
        {
            "group": change.group, "name": change.name, "state": change.state,
            **_side("before", change.before), **_side("after", change.after), "change": _float(change.change),
            "both_sites": 0 if change.both_before is None else change.both_before.sites,
            "both_before": _rate(change.both_before), "both_after": _rate(change.both_after),
            "both_change": _float(change.both_change),
        }
        for change in comparison.changes
    ]  # fmt: skip
    return pd.DataFrame(rows)


def told(comparison: Comparison) -> dict[str, Any]:
    """What stands beside the groups, as JSON values."""
    one, two = comparison.before, comparison.after
    whole = comparison.whole
    assert whole.before is not None and whole.after is not None  # noqa: S101 - both were read
    return {
        "before": score_tables.told(one, whole.before), "after": score_tables.told(two, whole.after),
        "by": comparison.by, "rules_differ": comparison.rules_differ, "change": _float(whole.change),
        "both_change": _float(whole.both_change),
    }  # fmt: skip


def _scored(scored: Scored) -> set[str]:
    return {visit.place for visit in scored.sites() if visit.score.rate is not None}


def _by_group(scored: Scored, by: str) -> dict[str | None, Row]:
    return {row.group: row for row in grouped(scored, by)}


def _change(
    group: str | None, sides: Sequence[dict[str | None, Row]], kept: Sequence[dict[str | None, Row]]
) -> Change:
    before, after = (side.get(group) for side in sides)
    both = [side[group].score if all(group in other for other in kept) else None for side in kept]
    named = after or before
    return Change(
        group, None if named is None else named.name, None if before is None else before.score,
        None if after is None else after.score, both[0], both[1],
    )  # fmt: skip


def _difference(before: GroupScore | None, after: GroupScore | None) -> Fraction | None:
    if before is None or after is None or before.rate is None or after.rate is None:
        return None
    return after.rate - before.rate


def _order(change: Change) -> tuple[bool, Fraction, str]:
    moved = change.both_change if change.both_change is not None else change.change
    return moved is None, -(moved or Fraction(0)), change.group or ""


def _side(name: str, held: GroupScore | None) -> dict[str, object]:
    return {
        name: _rate(held),
        f"sites_{name}": 0 if held is None else held.sites,
        f"items_{name}": 0 if held is None else held.items,
        f"observations_{name}": 0 if held is None else held.observations,
    }


def _rate(held: GroupScore | None) -> float | None:
    return None if held is None else _float(held.rate)


def _float(rate: Fraction | None) -> float | None:
    return None if rate is None else float(rate)
