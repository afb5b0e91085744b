"""Links lead where the plan says: opposite orders, one shift, names that stay names."""

from __future__ import annotations

import itertools
import re
from urllib.parse import parse_qs, urlsplit

import pytest

from geo.crs import GEOD, gcj02_to_wgs84
from geo.travel import MODES
from service.navigation import Place, amap, baidu, geo

CHINA = (114.888676, 32.994906)
SINGAPORE = (103.851959, 1.290270)  # inside the published rectangle, which is no border
LISBON = (-9.139337, 38.722252)
NAMES = ["明山农贸市场", "A&B=1+1", "<script>", "一,二|三:四;五", "#1 ?x=1&to=0,0", "100 %", ""]


def fields(link: str) -> dict[str, str]:
    return {
        name: values[0] for name, values in parse_qs(urlsplit(link).query, keep_blank_values=True).items()
    }


def amap_lonlat(field: str) -> tuple[float, float]:
    lon, lat, _ = field.split(",")
    return float(lon), float(lat)


def baidu_lonlat(field: str) -> tuple[float, float]:
    found = re.fullmatch(r"latlng:(-?[\d.]+),(-?[\d.]+)\|name:(.*)", field, flags=re.DOTALL)
    return float(found[2]), float(found[1])


def metres(shifted: tuple[float, float], true: tuple[float, float]) -> float:
    lon, lat = gcj02_to_wgs84(*shifted)
    return GEOD.inv(float(lon), float(lat), *true)[2]


@pytest.mark.parametrize("place", [CHINA, SINGAPORE, LISBON, (73.6, 39.5), (134.7, 48.4)])
def test_each_link_leads_back_within_a_metre(place):
    start = (place[0] + 0.01, place[1] - 0.01)
    here, there = Place(start, "a"), Place(place, "b")
    links = fields(amap(there, "walk", here)), fields(baidu(here, there, "walk"))
    assert metres(amap_lonlat(links[0]["from"]), start) < 1
    assert metres(amap_lonlat(links[0]["to"]), place) < 1
    assert metres(baidu_lonlat(links[1]["origin"]), start) < 1
    assert metres(baidu_lonlat(links[1]["destination"]), place) < 1
    lat, lon = map(float, geo(place).removeprefix("geo:").split(","))
    assert GEOD.inv(lon, lat, *place)[2] < 0.1


def test_amap_has_longitude_first_and_baidu_latitude_and_the_numbers_are_the_same():
    # GCJ-02 of 114.888676, 32.994906: shifted by 0.0053 and -0.0021 degrees at this place
    lon, lat, _ = fields(amap(Place(CHINA, "x"), "walk"))["to"].split(",")
    assert 114.89 < float(lon) < 114.90
    assert 32.99 < float(lat) < 33.00
    link = fields(baidu(Place(CHINA, "x"), Place(CHINA, "x"), "walk"))
    assert link["origin"] == link["destination"] == f"latlng:{lat},{lon}|name:x"
    assert link["coord_type"] == "gcj02"
    assert geo(CHINA) == "geo:32.994906,114.888676"


def test_in_china_the_shift_is_there_and_outside_nothing_is_shifted():
    lon, lat = amap_lonlat(fields(amap(Place(CHINA, "x"), "walk"))["to"])
    assert 300 < GEOD.inv(lon, lat, *CHINA)[2] < 700
    assert amap_lonlat(fields(amap(Place(LISBON, "x"), "walk"))["to"]) == LISBON
    assert baidu_lonlat(fields(baidu(Place(LISBON, "x"), Place(LISBON, "x"), "walk"))["origin"]) == LISBON


@pytest.mark.parametrize("name", NAMES)
def test_a_name_cannot_add_a_field_or_part_one(name):
    place = Place(CHINA, name)
    amap_fields, baidu_fields = fields(amap(place, "bike", place)), fields(baidu(place, place, "bike"))
    assert set(amap_fields) == {"from", "to", "mode", "src", "coordinate", "callnative"}
    assert set(baidu_fields) == {"origin", "destination", "mode", "coord_type", "region", "output", "src"}
    assert len(amap_fields["to"].split(",")) == 3
    assert baidu_fields["origin"].count("|") == 1
    assert baidu_fields["origin"].count(":") == 2
    assert amap(place, "bike").isascii()
    assert baidu(place, place, "bike").isascii()
    shown = amap_fields["to"].split(",")[2]
    assert shown.translate(str.maketrans("，｜：；", ",|:;")) == name


def test_the_modes_are_those_that_the_two_services_document():
    place = Place(CHINA, "x")
    told = {
        mode: (fields(amap(place, mode))["mode"], fields(baidu(place, place, mode))["mode"]) for mode in MODES
    }
    assert told == {"walk": ("walk", "walking"), "bike": ("ride", "riding"), "drive": ("car", "driving")}


def test_without_an_origin_amap_starts_where_the_phone_is():
    assert "from" not in fields(amap(Place(CHINA, "x"), "walk"))


def test_the_links_of_different_places_differ():
    links = [amap(Place((114.0 + i / 1000, 33.0), ""), "walk") for i in range(5)]
    assert all(a != b for a, b in itertools.combinations(links, 2))
