"""Systems without a number are told in one line."""

from __future__ import annotations

import re

import pytest
from pyproj import CRS

from geo.plane_systems import described


def test_system_without_a_number_is_told_by_its_projection():
    told = described("+proj=tmerc +lon_0=117 +k=0.9996 +x_0=499995.7 +datum=WGS84 +units=m +type=crs")
    assert told == (
        "Transverse Mercator on World Geodetic System 1984, central meridian 117, false easting 499995.7"
    )


@pytest.mark.parametrize(("code", "meridian"), [(4547, 114), (4549, 120)])
def test_name_of_a_system_is_kept_where_it_has_one(code, meridian):
    """The central meridians of the zones are those of the register of EPSG."""
    wkt = re.sub(r',ID\["EPSG",\d+\](?=\]$)', "", CRS.from_epsg(code).to_wkt())
    told = described(wkt)
    assert told.startswith("CGCS2000 / 3-degree Gauss-Kruger CM")
    assert f"central meridian {meridian}, false easting 500000" in told
