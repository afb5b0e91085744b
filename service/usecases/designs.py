"""The design a user means: the options of the command line and the query of a page are the same words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from geo.design import WIDEN_TO_M, Anchors, Design, Radius, Take
from geo.errors import DesignError


def make_design(given: Mapping[str, Any]) -> Design:
    """The design of the options that were given; the rest keeps its default.

    Raises
    ------
    DesignError
        For unreadable, unknown or impossible settings.
    """
    values = {name: value for name, value in given.items() if value is not None}
    known: dict[str, Any] = {}
    readers = {
        "anchors": Anchors.parse,
        "radius": Radius.parse,
        "alleys": Take.parse,
        "compounds": Take.parse,
    }
    for name, read in readers.items():
        if name in values:
            known[name] = read(values.pop(name))
    if "rule" in values:
        known["alley_rule"] = values.pop("rule")
    if "inner" in values:
        known["inner_m"] = values.pop("inner")
        if values.get("shape") != "ring":
            raise DesignError("--inner belongs to a ring; add --shape ring", code="inner_without_ring")
    if "exclude_status" in values:
        words = [word.strip() for word in values.pop("exclude_status").split(",")]
        known["exclude_status"] = tuple(word for word in words if word and word != "none")
    if "must_visit" in values:
        known["must_visit"] = tuple(
            word.strip() for word in values.pop("must_visit").split(",") if word.strip()
        )
    if "min_distance" in values:
        known["min_distance_m"] = values.pop("min_distance")
    if values.get("shape") == "ring" and "radius" not in known:
        # the stated ring runs from 500 m to 2 km; 1000 m is the default of a disc
        known["radius"] = Radius("fixed", (WIDEN_TO_M,))
    return Design(**known, **values)
