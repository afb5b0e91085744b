"""A city that does not exist, made by chance from a seed, to try everything on.

沐宁市 (Muning) is invented: its place, its names and its complaints. The same seed gives the same
city. `sample_city` returns its seven layers; `write_office_files` writes them as the files an office
really has. ``python -m layers.synthetic FOLDER`` does both with the default seed.
"""

from __future__ import annotations

import geopandas as gpd
from numpy.random import Generator

from .complaints import ISSUES, issues_of
from .division import divide
from .gazetteer import Gazetteer, layer
from .homes import compound_grounds, compounds_on
from .names import CITY, stems
from .office_files import write_office_files
from .sites import anchors_of, toilets_of
from .town import draw_plan
from .ways import back_alleys, lane_names, listed_lanes, roads_of

__all__ = ["CITY", "SEED", "sample_city", "write_office_files"]

SEED = 20261101
"""The seed of the city that ships in `data/sample`: ``numpy.random.default_rng(SEED)``."""


def sample_city(rng: Generator, issues: int = ISSUES) -> dict[str, gpd.GeoDataFrame]:
    """The seven layers of the made-up city.

    Parameters
    ----------
    rng : numpy.random.Generator
        The only source of chance; a generator in the same state gives the same city.
    issues : int
        How many issues its year has.

    Returns
    -------
    dict of GeoDataFrame, EPSG:4326
        `anchors`, `back_alleys`, `compounds`, `roads`, `toilets`, `areas`, `issues`, each as
        `layers.schema` describes it; coordinates are rounded to 1e-7 degree (1 cm).
    """
    plan = draw_plan(rng)
    words = stems(rng)
    division = divide(plan, words)
    names = lane_names(rng, plan, words)
    listed = listed_lanes(rng, plan)
    gazetteer = Gazetteer(plan.outline, division, roads_of(rng, plan, words, names))
    alleys = back_alleys(rng, plan, gazetteer, names, listed)
    taken = compound_grounds(rng, plan)
    compounds = compounds_on(rng, plan, taken, gazetteer, words)
    anchors = anchors_of(rng, plan, taken, compounds, gazetteer, words)
    tables = {
        "anchors": anchors,
        "back_alleys": alleys,
        "compounds": compounds,
        "roads": gazetteer.roads,
        "toilets": toilets_of(rng, plan, anchors, gazetteer),
        "issues": issues_of(rng, plan, anchors, alleys, compounds, gazetteer, issues),
    }
    city = {name: layer(table, name) for name, table in tables.items()}
    return {**city, "areas": division.areas}
