"""Who may use a road of OpenStreetMap, where its tags say something else than its class.

The table `[access]` of `data/osm_rules.toml` says what the tags mean; what a class means by itself
stands in `geo/roads.py`. Only differences are written down, so most roads have none.
"""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd

from geo.roads import open_to
from geo.travel import MODES, Mode

from .osm_rules import Access, Tags


def modes(roads: gpd.GeoDataFrame, tags: Sequence[Tags], access: Access) -> list[str | None]:
    """The column `modes`: which of walk, bike and drive may use each road, `none` for nobody.

    Parameters
    ----------
    roads : GeoDataFrame
        `class` and `subtype` of each road.
    tags : sequence of tags
        Of the same roads.

    Returns
    -------
    One text per road; None where the tags say nothing else than class and subtype.
    """
    usual = {mode: open_to(roads, mode).tolist() for mode in MODES}
    told: list[str | None] = []
    for row, given in enumerate(tags):
        known = [mode for mode in MODES if usual[mode][row]]
        may = [mode for mode in MODES if _may(given, mode, access, usual=mode in known)]
        told.append(None if may == known else " ".join(may) or "none")
    return told


def _may(tags: Tags, mode: Mode, access: Access, *, usual: bool) -> bool:
    """The tag nearest to the mode decides: foot before access, motorcar before motor_vehicle, and so on."""
    for key in access.keys[mode]:
        value = tags.get(key)
        if value in access.closes[mode]:
            return False
        if value in access.opens:
            # access=yes on a footway says nothing of cars, motor_vehicle=yes does
            return usual or key in access.own[mode]
    return usual and not any(tags.get(key) in values for key, values in access.closed_by[mode].items())
