"""Assigning issues: where each lies, who answers for it, and the decisions of the office that go first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from geo.areas import area_of, units_of
from geo.nearest import NONE
from layers.schema import AREA_LEVELS
from layers.store import Store

from ..supervision.assignment import Where, runs_itself
from ..supervision.rulebook import RuleBook

SITE_LAYERS = {"back_alleys": "back_alley", "compounds": "compound", "toilets": "public_toilet"}
"""Layers whose rows are sites of one type; an anchor's type is its class."""


@dataclass(frozen=True)
class _Site:
    type: str
    owner: str | None
    district: str | None
    shape: Any


class Locator:
    """What the store knows of a place; reads the layers once.

    Parameters
    ----------
    store : Store
    book : RuleBook
        Says which types of site have an operator.
    """

    def __init__(self, store: Store, book: RuleBook) -> None:
        areas = store.read("areas")
        owner = units_of(areas)[0]
        self._levels: dict[str, tuple[gpd.GeoDataFrame, NDArray[np.object_]]] = {}
        for level in AREA_LEVELS:
            rows = np.flatnonzero((areas["level"] == level).to_numpy())
            if len(rows):
                self._levels[level] = areas.iloc[rows].reset_index(drop=True), owner[rows]
        self._book = book
        self._sites: dict[str, _Site] = {}
        for layer, kind in reversed(SITE_LAYERS.items()):
            self._keep(store.read(layer, columns=["unit", "district"]), kind)
        self._keep(store.read("anchors", columns=["class", "unit", "district"]), None)
        named = {name: site for name, site in self._sites.items() if shapely.get_dimensions(site.shape) == 2}
        self._compounds = [name for name, site in named.items() if site.type == "compound"]
        self._yards = [name for name, site in named.items() if runs_itself(site.type, book)]

    def where(self, lonlat: NDArray[np.float64], sites: Sequence[str | None]) -> list[Where]:
        """What is known of each place.

        Parameters
        ----------
        lonlat : (n, 2) float, EPSG:4326
        sites : (n,) str or None
            The site each issue names, by id; one that the store does not know stays as it is.

        Notes
        -----
        A place lies inside a site that is known with its ground if that holds the point; a site known as
        a point only is taken at its word. An issue of a compound lies in that compound wherever its
        point is; one of another site lies in no compound.
        """
        points = np.asarray(lonlat, dtype=np.float64).reshape(-1, 2)
        areas = {level: area_of(points, held) for level, (held, _) in self._levels.items()}
        compound = self._holding(points, self._compounds)
        yard = self._holding(points, self._yards)
        named = {
            level: [column.tolist() for column in (held["id"], _texts(held["name"]), owners)]
            for level, (held, owners) in self._levels.items()
        }
        return [
            self._one(
                site,
                {level: [column[row] for column in named[level]]
                 for level, rows in areas.items() if (row := int(rows[number])) >= 0},
                None if compound[number] == NONE else self._compounds[compound[number]],
                None if yard[number] == NONE else self._yards[yard[number]],
            )
            for number, site in enumerate(sites)
        ]  # fmt: skip

    def _one(
        self, site: str | None, areas: dict[str, list[Any]], compound: str | None, yard: str | None
    ) -> Where:
        known = self._sites.get(site or "")
        if known is not None:
            compound = site if known.type == "compound" else None
            has_ground = shapely.get_dimensions(known.shape) == 2
            if not has_ground and runs_itself(known.type, self._book):
                yard = site
            elif yard != site:
                yard = None
        runs = self._sites.get(yard or compound or "")
        kind = known or runs
        none = (None, None, None)
        district, district_name, area_owner = areas.get("subdistrict", none)
        community, community_name, community_owner = areas.get("community", none)
        return Where(
            site=site, site_type=None if kind is None else kind.type,
            inside_site=yard is not None, inside_compound=yard is None and compound is not None,
            owner=None if runs is None else runs.owner,
            district=district_name or district or (None if kind is None else kind.district),
            community=community_name or community, grid=areas.get("grid", none)[0],
            area_owner=area_owner, compound=compound, community_owner=community_owner,
            areas=tuple(str(areas[level][0]) for level in AREA_LEVELS if level in areas),
        )  # fmt: skip

    def _keep(self, table: gpd.GeoDataFrame, kind: str | None) -> None:
        kinds = table["class"].tolist() if kind is None else [kind] * len(table)
        columns = (kinds, _texts(table["unit"]), _texts(table["district"]), table.geometry.to_numpy())
        self._sites.update(
            (name, _Site(*values))
            for name, *values in zip(table["id"].tolist(), *columns, strict=True)
        )  # fmt: skip

    def _holding(self, points: NDArray[np.float64], names: list[str]) -> NDArray[np.int64]:
        """(n,) row of the site whose ground holds each point, `NONE` outside all."""
        shapes = gpd.GeoDataFrame(
            {"id": names}, geometry=[self._sites[name].shape for name in names], crs="EPSG:4326"
        )
        return area_of(points, shapes)


def _texts(values: Any) -> Any:
    """A column of text with None for what is missing or blank."""
    return values.astype(object).where(values.notna() & (values.str.strip() != ""), None)
