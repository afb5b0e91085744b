"""Areas of responsibility: whether they cover the ground once, and which unit has exactly which area."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from geo import area_owners
from geo.areas import FAULTS, LEVELS, SLIVER_M, TOLERANCE_M2, AreaCheck, check_areas
from geo.crs import WGS84, metric_crs, project
from geo.errors import LayerError
from geo.grid_codes import check_codes
from layers import write
from layers.columns import known_value
from layers.schema import DRAWN
from layers.store import Store

from ..i18n import Lang, text
from .exports import ENDINGS, ending_of, refuse_store

CODE = "code_"
"""Kinds of findings about codes are `geo.grid_codes.WRONG` behind this."""

_OWNER_COLUMNS = (
    "layer", "id", "name", *LEVELS, "area", "area_name", "share", "areas", "split", "owner", "owner_from",
    "why", "state", "nested", "own_unit",
)  # fmt: skip


@dataclass(frozen=True)
class Report:
    """What a check of the areas found.

    Parameters
    ----------
    findings : GeoDataFrame, EPSG:4326
        As `geo.areas.AreaCheck.findings`, and the faults of codes (kind `code_...`); `fault` says
        whether it is one. Faults first, the largest first.
    checked : dict of level to count
    ignored : int
    tolerance_m2, sliver_m : float
        As they were used.
    """

    findings: gpd.GeoDataFrame
    checked: dict[str, int]
    ignored: int
    tolerance_m2: float
    sliver_m: float

    @property
    def faults(self) -> int:
        """How many findings are faults."""
        return int(self.findings["fault"].sum())

    def counts(self) -> list[dict[str, Any]]:
        """Findings by kind and level: `fault`, `kind`, `level`, `count`, `slivers`, `area_m2` in all."""
        grouped = pd.DataFrame(self.findings.drop(columns="geometry")).groupby(
            ["fault", "kind", "level"], sort=False
        )
        told = grouped.agg(count=("kind", "size"), slivers=("sliver", "sum"), area_m2=("area_m2", "sum"))
        return _plain(told.reset_index())

    def rows(self) -> list[dict[str, Any]]:
        """The findings as JSON values, with a point that lies in each."""
        return _plain(_with_point(self.findings))


@dataclass(frozen=True)
class Owners:
    """The proof that each alley and compound has exactly one responsible unit, or where it fails.

    Parameters
    ----------
    proof : GeoDataFrame, EPSG:4326
        One row per alley and compound; the columns of `geo.area_owners.responsible`, with `layer`, the
        names, and `own_unit`, the unit that the row itself states.
    level : str
        The level whose unit owns.
    counts : dict of layer to counts
        As `geo.area_owners.counts`.
    """

    proof: gpd.GeoDataFrame
    level: str
    counts: dict[str, dict[str, int]]

    @property
    def proved(self) -> bool:
        """Whether every unit has exactly one area with an owner."""
        return all(told["one"] == told["n"] for told in self.counts.values())

    def rows(self) -> list[dict[str, Any]]:
        """The proof as JSON values."""
        return _plain(pd.DataFrame(self.proof.drop(columns="geometry")))


def check(store: Store, *, level: str | None = None, tolerance_m2: float = TOLERANCE_M2) -> Report:
    """Gaps, overlaps, areas outside their parent, missing parents and units, wrong codes.

    Parameters
    ----------
    level : str, optional
        One level, in English or Chinese; by default all.

    Raises
    ------
    LayerError
        `areas_none`; `area_level_unknown`; `areas_level` where the store has none of the level.
    """
    wanted = None if level is None else level_named(level)
    areas, crs = on_plane(read_areas(store))
    if wanted is not None:
        require_level(areas, wanted)
    found = check_areas(areas, tolerance_m2=tolerance_m2, levels=LEVELS if wanted is None else (wanted,))
    findings = pd.concat([found.findings, _code_findings(areas, found, crs)], ignore_index=True)
    findings["fault"] = findings["kind"].isin(FAULTS) | findings["kind"].str.startswith(CODE)
    order = findings.assign(size=findings["area_m2"].fillna(0.0)).sort_values(
        ["fault", "size", "kind", "level", "areas"], ascending=[False, False, True, True, True], kind="stable"
    )
    told = gpd.GeoDataFrame(order.drop(columns="size"), geometry="geometry", crs=crs).to_crs(WGS84)
    return Report(told.reset_index(drop=True), found.checked, found.ignored, tolerance_m2, SLIVER_M)


def owners(store: Store, *, level: str | None = None) -> Owners:
    """Which area and which unit is responsible for every alley and every compound.

    Parameters
    ----------
    level : str, optional
        The level whose unit owns, in English or Chinese; by default the finest above the grid.

    Raises
    ------
    LayerError
        As `check`; `units_none` where there is neither an alley nor a compound.
    """
    areas, crs = on_plane(read_areas(store))
    wanted = area_owners.owner_level_of(areas) if level is None else level_named(level)
    require_level(areas, wanted)
    names = dict(zip(areas["id"], areas["name"], strict=True))
    parts: list[gpd.GeoDataFrame] = []
    counts: dict[str, dict[str, int]] = {}
    for layer in DRAWN:
        units = store.read(layer, columns=["name", "unit"])
        if not len(units):
            continue
        moved = gpd.GeoDataFrame(
            {"id": units["id"]}, geometry=project(units.geometry.to_numpy(), crs), crs=crs
        )
        proof = area_owners.responsible(moved, areas, owner_level=wanted)
        counts[layer] = area_owners.counts(proof)
        proof = proof.assign(
            layer=layer, name=units["name"], own_unit=units["unit"], area_name=proof["area"].map(names)
        )
        proof = proof[[name for name in _OWNER_COLUMNS if name in proof]]
        parts.append(gpd.GeoDataFrame(proof, geometry=units.geometry.to_numpy(), crs=WGS84))
    if not parts:
        raise LayerError(
            "there are neither alleys nor compounds, so nothing can have a responsible unit;"
            " import them first",
            code="units_none",
        )
    return Owners(pd.concat(parts, ignore_index=True), wanted, counts)


def write_check(report: Report, out: Path, lang: Lang) -> None:
    """The findings as .geojson, .gpkg, .csv or .xlsx, each with what it means (LayerError `out_ending`)."""
    told = report.findings.assign(
        finding=[kind_words(kind, lang) for kind in report.findings["kind"]],
        advice=[text(f"area.advice.{kind}", lang) for kind in report.findings["kind"]],
    )
    settings = {
        "tolerance_m2": report.tolerance_m2, "sliver_m": report.sliver_m, "ignored": report.ignored,
        **{f"checked.{level}": count for level, count in report.checked.items()},
    }  # fmt: skip
    write_table("areas_check", told, _with_point(told), settings, out)


def write_owners(found: Owners, out: Path, lang: Lang) -> None:
    """The proof as .geojson, .gpkg, .csv or .xlsx, with the reason in words (LayerError `out_ending`)."""
    told = found.proof.assign(
        reason=[
            text(f"area.why.{why}", lang) if state != "no_owner" else text("area.state.no_owner", lang)
            for why, state in zip(found.proof["why"], found.proof["state"], strict=True)
        ]
    )
    told["share"] = told["share"].round(6)
    settings = {"level": found.level} | {
        f"{layer}.{name}": value for layer, counted in found.counts.items() for name, value in counted.items()
    }
    write_table("owners", told, pd.DataFrame(told.drop(columns="geometry")), settings, out)


def write_table(
    name: str, shapes: gpd.GeoDataFrame, cells: pd.DataFrame, settings: Mapping[str, object], out: Path
) -> None:
    """A table by the ending of `out`: with its shapes for a map, with plain cells for a spreadsheet."""
    match ending_of(out, ENDINGS):
        case ".geojson":
            write.write_geojson({name: shapes}, out)
        case ".gpkg":
            write.write_gpkg({name: shapes}, out)
        case ".csv":
            write.write_csv(cells, out)
        case _:
            beside = pd.DataFrame(
                [(key, str(value)) for key, value in settings.items()], columns=["setting", "value"]
            )
            write.write_xlsx({name: cells, "settings": beside}, out)


def require_out(store: Store, out: Path | None, allowed: tuple[str, ...] = ENDINGS) -> None:
    """Refuse a place for a file before the work begins (LayerError `out_ending`, `out_is_store`)."""
    if out is not None:
        ending_of(out, allowed)
        refuse_store(store, out)


def level_named(word: str) -> str:
    """A level by its name in either language (LayerError `area_level_unknown`)."""
    found = known_value("areas", "level", word)
    if found is None:
        raise LayerError(
            f"the level {word} is unknown; use {', '.join(LEVELS)}, or 区县, 街道, 社区, 网格",
            code="area_level_unknown", given=word,
        )  # fmt: skip
    return found


def require_level(areas: gpd.GeoDataFrame, level: str) -> None:
    """LayerError `areas_level` where no area has the level."""
    if not (areas["level"] == level).any():
        wanted = level_words(level)
        known = ", ".join(level_words(name) for name in LEVELS if (areas["level"] == name).any())
        raise LayerError(
            f"there are no areas of the level {wanted}; the levels there are: {known}",
            code="areas_level", level=wanted, known=known,
        )  # fmt: skip


def level_words(level: str) -> str:
    """A level in both languages, for errors."""
    return f"{level} ({text(f'area.level.{level}', 'zh')})"


def kind_words(kind: str, lang: Lang) -> str:
    """A kind of finding in words."""
    return text(f"area.kind.{kind}", lang)


def read_areas(store: Store) -> gpd.GeoDataFrame:
    """All areas (LayerError `areas_none`)."""
    areas = store.read("areas")
    if not len(areas):
        raise LayerError("there are no areas; import the layer areas first", code="areas_none")
    return areas


def on_plane(areas: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, CRS]:
    """Areas in the metric plane of the city."""
    west, south, east, north = areas.total_bounds
    crs = metric_crs(0.5 * (west + east), 0.5 * (south + north))
    return areas.set_geometry(gpd.GeoSeries(project(areas.geometry.to_numpy(), crs), crs=crs)), crs


def _code_findings(areas: gpd.GeoDataFrame, found: AreaCheck, crs: CRS) -> gpd.GeoDataFrame:
    """Faults of the codes of the levels that were checked, as findings."""
    parents = areas["parent"].astype(object).where(areas["parent"].notna(), None).tolist()
    wrong = check_codes(areas["id"].tolist(), areas["level"].tolist(), parents)
    row_of = {name: row for row, name in enumerate(areas["id"])}
    shapes: NDArray[np.object_] = areas.geometry.to_numpy()
    rows = [
        (CODE + fault.kind, fault.level, None, fault.code, fault.detail or None, np.nan, np.nan, False,
         shapes[row_of[fault.code]] if fault.code in row_of else None)
        for fault in wrong
        if fault.level in found.checked
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=list(found.findings.columns))
    return gpd.GeoDataFrame(
        table.astype(found.findings.drop(columns="geometry").dtypes), geometry="geometry", crs=crs
    )


def _with_point(findings: gpd.GeoDataFrame) -> pd.DataFrame:
    """The findings with `lon`, `lat` of a point inside instead of the polygon."""
    spots = shapely.point_on_surface(findings.geometry.to_numpy())
    told = pd.DataFrame(findings.drop(columns="geometry"))
    return told.assign(
        area_m2=told["area_m2"].round(2), width_m=told["width_m"].round(3),
        lon=np.round(shapely.get_x(spots), 7), lat=np.round(shapely.get_y(spots), 7),
    )  # fmt: skip


def _plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON values."""
    held = table.astype(object).where(table.notna(), None)
    return [{str(name): value for name, value in row.items()} for row in held.to_dict("records")]
