"""The colours and the strokes of teams on a map.

The colours stay apart for readers without red, green or blue cones and stand out from a light map
(tests/service/test_route_colours.py measures both); the strokes stay apart without any colour.
"""

from __future__ import annotations

TEAM_COLOURS = (
    "#0055cc", "#ff0000", "#661122", "#ff2299", "#bb8866", "#551166",
    "#0099ee", "#7700ff", "#990000", "#0011aa", "#339922", "#bb33aa",
)  # fmt: skip
"""Team n (from 0) has the colour n modulo 12; those that come first differ most."""

TEAM_DASHES = (
    "", "14 6", "3 6", "14 5 3 5", "26 8", "8 4",
    "2 10", "26 5 3 5", "14 5 3 5 3 5", "3 3", "26 5 10 5", "8 4 8 12",
)  # fmt: skip
"""Dash arrays (lengths and gaps in pixels, as SVG and Leaflet take them) in the same order; "" is solid."""


def team_colour(team: int) -> str:
    """The colour of a team, counted from 0."""
    return TEAM_COLOURS[team % len(TEAM_COLOURS)]


def colour_of(id_: str) -> str:
    """The colour of a team by its id, which it keeps when another team falls out."""
    return team_colour(int(id_) - 1 if id_.isdecimal() else 0)


def team_dash(team: int) -> str:
    """The stroke of a team, counted from 0."""
    return TEAM_DASHES[team % len(TEAM_DASHES)]
