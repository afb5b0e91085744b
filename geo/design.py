"""Every choice that decides a draw, in one value that is stored with its result.

The rule says: around the fixed points of the six surroundings, within 500 m to 2 km, 1-2 back
alleys and 1-2 compounds are drawn at random. What it leaves open (shape, radius, distance, number
per what, ...) is a field here, with the default of the domain reference §5.2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from fractions import Fraction
from typing import Any, Literal, get_args

from .buffers import ALLEY_RULES, AlleyRule
from .errors import DesignError

RADIUS_MIN_M, RADIUS_MAX_M = 10.0, 5000.0
WIDEN_TO_M = 2000.0
"""The upper end of the stated range: an asked-for widening never goes beyond it."""
TAKE_MAX = 20

Law = Literal["fixed", "uniform", "list"]
CompoundRule = Literal["gate", "boundary", "centroid"]
AnchorRule = Literal["gate", "centroid", "boundary"]
Shape = Literal["disc", "ring"]
Per = Literal["anchor", "class", "cluster"]
Duplicate = Literal["merged", "twice", "redrawn"]
ShortPool = Literal["take_all", "skip", "widen"]
EmptyPool = Literal["keep", "widen"]
Replace = Literal["never", "within_anchor"]
AlleyWeight = Literal["equal", "length"]
CompoundWeight = Literal["equal", "area", "households"]
RadiusPer = Literal["anchor", "round"]
Metric = Literal["straight", "walk"]
Method = Literal["srs", "balanced"]

ANCHOR_CLASSES = ("market", "mall", "school", "hospital", "transit", "community")
"""The six surroundings, in the order of the rule; each class is a stratum."""
STATUSES_EXCLUDED = ("closed", "works", "restricted", "outside")


def _number(text: str, what: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise DesignError(
            f"{what}: {text!r} is not a number; write metres in digits, such as 1000 or 500:2000",
            code="not_a_number",
            what=what,
            given=text,
        ) from None


@dataclass(frozen=True)
class Radius:
    """How large a surrounding is, in metres.

    Parameters
    ----------
    law : str
        `fixed`: one radius. `uniform`: anywhere between two. `list`: each of several, equal chance.
    radii_m : tuple of float
        One, two (low, high) or several radii, ascending.
    """

    law: Law
    radii_m: tuple[float, ...]

    def __post_init__(self) -> None:
        wanted = {"fixed": (1, 1), "uniform": (2, 2), "list": (2, 100)}
        if self.law not in wanted:
            raise DesignError(
                f"radius law {self.law!r} is unknown; use one of {', '.join(get_args(Law))}",
                code="unknown_option", option="radius.law", given=self.law, allowed=", ".join(get_args(Law)),
            )  # fmt: skip
        low, high = wanted[self.law]
        if not low <= len(self.radii_m) <= high:
            raise DesignError(
                f"a {self.law} radius needs {low} to {high} values, {len(self.radii_m)} were given",
                code="radius_count", law=self.law, low=low, high=high, given=len(self.radii_m),
            )  # fmt: skip
        for radius in self.radii_m:
            if not RADIUS_MIN_M <= radius <= RADIUS_MAX_M:
                raise DesignError(
                    f"a radius of {radius:g} m is out of range;"
                    f" give {RADIUS_MIN_M:g} to {RADIUS_MAX_M:g} m (the rule says 500 to 2000)",
                    code="radius_range", given=f"{radius:g}",
                    low=f"{RADIUS_MIN_M:g}", high=f"{RADIUS_MAX_M:g}",
                )  # fmt: skip
        if list(self.radii_m) != sorted(set(self.radii_m)):
            raise DesignError(
                f"radii {', '.join(f'{r:g}' for r in self.radii_m)} must ascend and differ;"
                " write the smaller first",
                code="radius_order", given=", ".join(f"{r:g}" for r in self.radii_m),
            )  # fmt: skip

    @classmethod
    def parse(cls, text: str) -> Radius:
        """``1000``, ``500:2000`` (uniform) or ``500,1000,2000`` (one of these)."""
        clean = text.strip().lower().replace("m", "")
        if ":" in clean:
            return cls("uniform", tuple(_number(part, "radius") for part in clean.split(":")))
        values = tuple(_number(part, "radius") for part in clean.split(","))
        return cls("fixed" if len(values) == 1 else "list", values)

    @property
    def max_m(self) -> float:
        """The largest radius that can occur."""
        return self.radii_m[-1]

    def at(self, chance: float) -> float:
        """The radius at a point of [0, 1): the inverse of its distribution."""
        if self.law == "uniform":
            low, high = self.radii_m
            return low + (high - low) * chance
        return self.radii_m[int(chance * len(self.radii_m))]

    def survival(self, distance_m: float) -> float:
        """Chance that the radius is at least a distance."""
        if self.law == "uniform":
            low, high = self.radii_m
            return min(max((high - distance_m) / (high - low), 0.0), 1.0)
        return sum(radius >= distance_m for radius in self.radii_m) / len(self.radii_m)

    def words(self) -> str:
        """As `parse` reads it."""
        return (":" if self.law == "uniform" else ",").join(f"{radius:g}" for radius in self.radii_m)


@dataclass(frozen=True)
class Take:
    """How many units are drawn, and with which chance.

    Parameters
    ----------
    chances : tuple of (int, Fraction)
        Ascending numbers with chances that sum to 1.
    """

    chances: tuple[tuple[int, Fraction], ...]

    def __post_init__(self) -> None:
        numbers = [number for number, _ in self.chances]
        if not numbers or numbers != sorted(set(numbers)) or numbers[0] < 0 or numbers[-1] > TAKE_MAX:
            raise DesignError(
                f"the number of units must ascend from 0 to at most {TAKE_MAX}, not {numbers}",
                code="take_range", given=", ".join(map(str, numbers)), high=TAKE_MAX,
            )  # fmt: skip
        if any(chance <= 0 for _, chance in self.chances) or sum(c for _, c in self.chances) != 1:
            raise DesignError(
                f"the chances of {self.words()} must be positive and sum to 1",
                code="take_chances", given=self.words(),
            )  # fmt: skip

    @classmethod
    def parse(cls, text: str) -> Take:
        """``1-2`` (each with the same chance), ``2``, or ``1:0.7,2:0.3``."""
        clean = text.strip().replace("－", "-").replace("–", "-")
        span = re.fullmatch(r"(\d{1,3})-(\d{1,3})", clean)
        if span:
            low, high = int(span[1]), int(span[2])
            if low > high:
                raise DesignError(
                    f"{text} runs backwards; write the smaller number first, {high}-{low}",
                    code="take_backwards", given=text, low=high, high=low,
                )  # fmt: skip
            if high > TAKE_MAX:
                raise DesignError(
                    f"{text}: at most {TAKE_MAX} units can be drawn in one surrounding",
                    code="take_range", given=text, high=TAKE_MAX,
                )  # fmt: skip
            return cls(tuple((number, Fraction(1, high - low + 1)) for number in range(low, high + 1)))
        if re.fullmatch(r"\d{1,3}", clean):
            return cls(((int(clean), Fraction(1)),))
        pairs = [re.fullmatch(r"\s*(\d{1,3}):([0-9./]{1,20})\s*", part) for part in clean.split(",")]
        try:
            return cls(tuple((int(pair[1]), Fraction(pair[2])) for pair in pairs))  # type: ignore[index]
        except (TypeError, ValueError, ZeroDivisionError):
            raise DesignError(
                f"{text!r} is not a number of units; write 1-2, 2, or 1:0.7,2:0.3",
                code="take_unreadable", given=text,
            ) from None  # fmt: skip

    def at(self, chance: Fraction) -> int:
        """The number at a point of [0, 1)."""
        total = Fraction(0)
        for number, part in self.chances:
            total += part
            if chance < total:
                return number
        return self.chances[-1][0]

    def words(self) -> str:
        """As `parse` reads it."""
        numbers = [number for number, _ in self.chances]
        equal = len({chance for _, chance in self.chances}) == 1
        if equal and numbers == list(range(numbers[0], numbers[-1] + 1)):
            return f"{numbers[0]}" if len(numbers) == 1 else f"{numbers[0]}-{numbers[-1]}"
        return ",".join(f"{number}:{chance}" for number, chance in self.chances)


@dataclass(frozen=True)
class Anchors:
    """How many anchors of each class are visited.

    Parameters
    ----------
    each : int or None
        The same number of every class that exists; None: all of them.
    by_class : tuple of (class, int or None), optional
        Only these classes; None: all of the class. Takes the place of `each`.
    """

    each: int | None = 1
    by_class: tuple[tuple[str, int | None], ...] = ()

    def __post_init__(self) -> None:
        for number in (self.each, *(n for _, n in self.by_class)):
            if number is not None and number < 0:
                raise DesignError(
                    f"{number} anchors cannot be visited; give 1 or more, or all",
                    code="anchors_negative", given=number,
                )  # fmt: skip
        if (self.each == 0 and not self.by_class) or (
            self.by_class and all(number == 0 for _, number in self.by_class)
        ):
            raise DesignError("no anchor would be visited; ask for at least one", code="anchors_none")

    @classmethod
    def parse(cls, text: str) -> Anchors:
        """``all``, ``2`` (of every class), or ``market=1,school=all``."""
        clean = text.strip().lower()
        if clean == "all":
            return cls(each=None)
        if re.fullmatch(r"\d{1,6}", clean):
            return cls(each=int(clean))
        chosen: dict[str, int | None] = {}
        for part in clean.split(","):
            name, _, number = (piece.strip() for piece in part.partition("="))
            if name not in ANCHOR_CLASSES:
                raise DesignError(
                    f"anchor class {name!r} is unknown; the classes are {', '.join(ANCHOR_CLASSES)}",
                    code="class_unknown", given=name, allowed=", ".join(ANCHOR_CLASSES),
                )  # fmt: skip
            if name in chosen:
                raise DesignError(f"anchor class {name} is given twice", code="class_twice", given=name)
            if number != "all" and not re.fullmatch(r"\d{1,6}", number):
                raise DesignError(
                    f"{part!r} is not a number of anchors; write {name}=1 or {name}=all",
                    code="anchors_unreadable", given=part, name=name,
                )  # fmt: skip
            chosen[name] = None if number == "all" else int(number)
        return cls(each=None, by_class=tuple(chosen.items()))

    def numbers(self, held: Mapping[str, int]) -> dict[str, int]:
        """How many anchors of each class are drawn, where so many are held.

        Raises
        ------
        DesignError
            More asked for than there are, unless a class has none and was not asked for by name.
        """
        asked = dict(self.by_class)
        told: dict[str, int] = {}
        for name, have in held.items():
            if asked and name not in asked:
                continue
            wanted = asked[name] if asked else self.each
            if wanted is not None and wanted > have and (have or asked):
                raise DesignError(
                    f"class {name}: {wanted} anchors are asked for, {have} can be drawn;"
                    " ask for fewer or import more",
                    code="anchors_too_many", name=name, asked=wanted, held=have,
                )  # fmt: skip
            told[name] = have if wanted is None else min(wanted, have)
        return told

    def words(self) -> str:
        """As `parse` reads it."""
        if not self.by_class:
            return "all" if self.each is None else str(self.each)
        return ",".join(f"{name}={'all' if number is None else number}" for name, number in self.by_class)


_CHOICES: dict[str, tuple[str, ...]] = {
    "shape": get_args(Shape),
    "radius_per": get_args(RadiusPer),
    "metric": get_args(Metric),
    "alley_rule": ALLEY_RULES,
    "compound_rule": get_args(CompoundRule),
    "anchor_rule": get_args(AnchorRule),
    "per": get_args(Per),
    "duplicate": get_args(Duplicate),
    "short_pool": get_args(ShortPool),
    "empty_pool": get_args(EmptyPool),
    "replace": get_args(Replace),
    "alley_weight": get_args(AlleyWeight),
    "compound_weight": get_args(CompoundWeight),
    "method": get_args(Method),
}


@dataclass(frozen=True)
class Design:
    """All settings of a draw; the defaults are those of the domain reference §5.2.

    Parameters
    ----------
    anchors : Anchors
        How many anchors of each class (stratum), equal chance, without replacement.
    radius : Radius
        Radius of a surrounding; for a ring its outer radius.
    radius_per : str
        `anchor`: each anchor has its own radius; `round`: one for all.
    shape : str
        `disc`, or `ring` from `inner_m` to the radius.
    metric : str
        `straight`: straight line on the ground; `walk`: the way on foot along the roads.
    alley_rule, compound_rule, anchor_rule : str
        Where the distance ends and begins; see `buffers.entry_distances`. `gate`: nearest gate of a
        compound (else its boundary), main gate of an anchor (else its centroid).
    alleys, compounds : Take
        Units drawn per surrounding; the two draws are independent.
    per : str
        What a surrounding is: one drawn `anchor`, all drawn anchors of a `class`, or of a `cluster`.
    duplicate : str
        A unit drawn in several surroundings: `merged` (one visit), visited `twice`, or `redrawn`.
    short_pool, empty_pool : str
        Fewer units than asked: take all, skip, or widen the radius up to 2 km; none: keep or widen.
    replace : str
        Whether one surrounding may draw the same unit again.
    alley_weight, compound_weight : str
        Chance inside a pool: equal, or in proportion to a size (drawn one after the other).
    exclude_status : tuple of str
        Statuses that take a unit or an anchor out of the frame.
    cooldown_days : int
        Units visited by an earlier draw within so many days are left out.
    reserves : int
        The next tickets named as replacements, for anchors and units.
    method : str
        How the anchors of a class are drawn: `srs`, simple random sampling, or `balanced`, spread
        over the city by the local pivotal method with the same chance for each.
    must_visit : tuple of str
        Anchors that are drawn with certainty; they count among the anchors of their class.
    min_distance_m : float
        Drawn anchors nearer to each other than this, by air, are told, over all classes; 0 tells none.
    force_distance : bool
        Pass over an anchor that is too near to one drawn before: exposure is then no longer exact.
    """

    anchors: Anchors = field(default_factory=Anchors)
    radius: Radius = Radius("fixed", (1000.0,))
    radius_per: RadiusPer = "anchor"
    shape: Shape = "disc"
    inner_m: float = 500.0
    metric: Metric = "straight"
    alley_rule: AlleyRule = "intersects"
    compound_rule: CompoundRule = "gate"
    anchor_rule: AnchorRule = "gate"
    alleys: Take = Take(((1, Fraction(1, 2)), (2, Fraction(1, 2))))
    compounds: Take = Take(((1, Fraction(1, 2)), (2, Fraction(1, 2))))
    per: Per = "anchor"
    duplicate: Duplicate = "merged"
    short_pool: ShortPool = "take_all"
    empty_pool: EmptyPool = "keep"
    replace: Replace = "never"
    alley_weight: AlleyWeight = "equal"
    compound_weight: CompoundWeight = "equal"
    exclude_status: tuple[str, ...] = STATUSES_EXCLUDED
    cooldown_days: int = 0
    reserves: int = 0
    method: Method = "srs"
    must_visit: tuple[str, ...] = ()
    min_distance_m: float = 0.0
    force_distance: bool = False

    def __post_init__(self) -> None:
        for name, allowed in _CHOICES.items():
            given = getattr(self, name)
            if given not in allowed:
                raise DesignError(
                    f"{name.replace('_', ' ')} {given!r} is unknown; use one of {', '.join(allowed)}",
                    code="unknown_option", option=name, given=given, allowed=", ".join(allowed),
                )  # fmt: skip
        self._require_walkable()
        unknown = [status for status in self.exclude_status if status not in STATUSES_EXCLUDED]
        if unknown:
            raise DesignError(
                f"status {unknown[0]!r} cannot be excluded; use some of {', '.join(STATUSES_EXCLUDED)}",
                code="unknown_option", option="exclude_status", given=unknown[0],
                allowed=", ".join(STATUSES_EXCLUDED),
            )  # fmt: skip
        if self.shape == "ring" and not 0 < self.inner_m < self.radius.radii_m[0] + (
            self.radius.law == "uniform"
        ):
            raise DesignError(
                f"a ring from {self.inner_m:g} m needs outer radii beyond it,"
                f" not {self.radius.words()} m; give a larger radius or a smaller inner one",
                code="ring_inside_out", inner=f"{self.inner_m:g}", radius=self.radius.words(),
            )  # fmt: skip
        for name, high in (("cooldown_days", 3650), ("reserves", 100)):
            given = getattr(self, name)
            if not 0 <= given <= high:
                raise DesignError(
                    f"{name.replace('_', ' ')} must be 0 to {high}, not {given}",
                    code="option_range", option=name, given=given, low=0, high=high,
                )  # fmt: skip
        if not 0 <= self.min_distance_m <= 50_000:
            raise DesignError(
                f"a least distance of {self.min_distance_m:g} m is impossible; give 0 to 50000 m",
                code="option_range", option="min_distance", given=f"{self.min_distance_m:g}",
                low=0, high=50_000,
            )  # fmt: skip
        if self.force_distance and (self.min_distance_m == 0 or self.method == "balanced"):
            raise DesignError(
                "forcing a distance needs a least distance, and a simple random draw: give --min-distance,"
                " and leave --method balanced out",
                code="force_distance",
            )
        if self.must_visit and self.per != "anchor":
            raise DesignError(
                "anchors that must be visited need a draw per anchor; leave --per or --must-visit out",
                code="must_visit_per",
            )
        if len(set(self.must_visit)) != len(self.must_visit):
            raise DesignError("an anchor that must be visited is named twice", code="must_visit_twice")
        if self.alleys.chances[-1][0] == 0 and self.compounds.chances[-1][0] == 0:
            raise DesignError("neither alleys nor compounds would be drawn", code="nothing_drawn")

    def _require_walkable(self) -> None:
        """A way on foot leads from a position to a position: not along a boundary, nor to half an alley."""
        if self.metric != "walk":
            return
        if self.anchor_rule == "boundary":
            raise DesignError(
                "walking distance is measured from the gate or the centroid of an anchor, not from its"
                " boundary; choose --anchor-rule gate or centroid",
                code="walk_anchor_rule",
            )
        if self.alley_rule in ("majority", "part"):
            raise DesignError(
                f"by walking distance an alley counts by its nearest point, its middle or all of it, not by"
                f" {self.alley_rule}; choose --rule intersects, midpoint or within",
                code="walk_alley_rule", rule=self.alley_rule,
            )  # fmt: skip

    @property
    def reach_m(self) -> float:
        """The largest distance at which a unit can be a member."""
        widens = self.short_pool == "widen" or self.empty_pool == "widen"
        return max(self.radius.max_m, WIDEN_TO_M) if widens else self.radius.max_m

    def to_mapping(self) -> dict[str, Any]:
        """Plain JSON values; `from_mapping` gives the same design back."""
        plain = asdict(self)
        plain["anchors"] = self.anchors.words()
        plain["radius"] = {"law": self.radius.law, "radii_m": list(self.radius.radii_m)}
        for name in ("alleys", "compounds"):
            plain[name] = {str(n): str(chance) for n, chance in getattr(self, name).chances}
        plain["exclude_status"] = list(self.exclude_status)
        plain["must_visit"] = list(self.must_visit)
        return plain

    @classmethod
    def from_mapping(cls, plain: Mapping[str, Any]) -> Design:
        """The design that `to_mapping` wrote, checked again.

        Raises
        ------
        DesignError
            For unknown names or impossible values.
        """
        known = {item.name for item in fields(cls)}
        unknown = sorted(set(plain) - known)
        if unknown:
            raise DesignError(
                f"the design has settings this version does not know: {', '.join(unknown)}",
                code="design_unknown", names=", ".join(unknown),
            )  # fmt: skip
        values = dict(plain)
        if "anchors" in values:
            values["anchors"] = Anchors.parse(values["anchors"])
        if "radius" in values:
            radius = values["radius"]
            values["radius"] = Radius(radius["law"], tuple(float(r) for r in radius["radii_m"]))
        for name in ("alleys", "compounds"):
            if name in values:
                values[name] = Take(tuple((int(n), Fraction(c)) for n, c in values[name].items()))
        if "exclude_status" in values:
            values["exclude_status"] = tuple(values["exclude_status"])
        if "must_visit" in values:
            values["must_visit"] = tuple(values["must_visit"])
        return cls(**values)
