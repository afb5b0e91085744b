"""热点地图 on its page: what a view of a filter says, its picture, and the list of the worst places.

The issues are read once, in a thread (`city_desk`); until they are there the page asks for the state and
every other address answers 503. All addresses take the same query: the filter (`IssueFilter`), `view`,
`bandwidth`, `before_since`, `before_until`, and `vmax`, which fixes the classes of a surface.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any, cast

from flask import Blueprint, Response, abort, current_app, request, url_for

from geo.errors import DesignError, ZhoubianError

from .. import hotspot_pictures as pictures
from ..city_desk import CityDesk
from ..heat_image import Scale, square_root_scale
from ..hotspot_features import (
    choices,
    ground,
    hexagon_rows,
    issue_points,
    month_frames,
    top_list,
    two_periods,
)
from ..i18n import text
from ..maps import hotspots_page
from ..recent import Recent
from ..usecases import hotspots
from ..usecases.hotspot_city import City
from ..usecases.issue_filters import IssueFilter, day_of
from .pages import addresses, kept_json, opened, packed_json, page_lang
from .words import of_error

bp = Blueprint("hotspots", __name__)

VIEWS = ("density", "hexagons", "spots", "emerging", "change")
BANDWIDTHS_M = {"alley": 75, "street": 150, "district": 400}
BANDWIDTH_M = 150.0
LEAST_M, MOST_M = 10.0, 5000.0
TOP = 20
TILES_FROM = 15
MOST_ZOOM = 22
MOST_ISSUES = 2000
BOX_DEGREES = 0.05
KEPT = 96
KEPT_SURFACES = 2
KEPT_CLASSED = 12
PERIOD_KEYS = ("before_since", "before_until")


class Hotspots:
    """What the service keeps for this page."""

    def __init__(self, desk: CityDesk) -> None:
        self.desk = desk
        self.answers: Recent[bytes] = Recent(KEPT)
        self.lists: Recent[bytes] = Recent(KEPT)  # apart: a list in the making holds up no picture
        self.surfaces: Recent[hotspots.Heat] = Recent(KEPT_SURFACES)
        self.classed: Recent[pictures.Classed] = Recent(KEPT_CLASSED)


def _held() -> Hotspots:
    return cast(Hotspots, current_app.extensions["zhoubian_hotspots"])


def _number(name: str, least: float, most: float) -> float | None:
    given = request.args.get(name, "")
    if not given:
        return None
    try:
        value = float(given)
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise DesignError(
            f"{name} {given[:40]!r} is no number from {least:g} to {most:g}",
            code="hotspots_number", name=name, given=given[:40], least=least, most=most,
        )  # fmt: skip
    return value


def _day(name: str) -> date | None:
    given = request.args.get(name, "")
    return day_of(name, given) if given else None


def _bandwidth() -> float:
    return _number("bandwidth", LEAST_M, MOST_M) or BANDWIDTH_M


def _view() -> str:
    view = request.args.get("view", "") or VIEWS[0]
    if view not in VIEWS:
        raise DesignError(
            f"view {view[:40]!r} is unknown; use one of {', '.join(VIEWS)}",
            code="unknown_option", option="view", given=view[:40], allowed=", ".join(VIEWS),
        )  # fmt: skip
    return view


def _wanted() -> IssueFilter:
    return IssueFilter.from_query(request.args)


def _query(wanted: IssueFilter, **more: Any) -> dict[str, Any]:
    """The parameters of the addresses that belong to this answer."""
    return {**wanted.to_query(), "bandwidth": f"{_bandwidth():g}", **more}


def _heat(city: City, wanted: IssueFilter) -> hotspots.Heat:
    bandwidth = _bandwidth()
    key = (city.version, bandwidth, json.dumps(wanted.to_query(), sort_keys=True))
    return _held().surfaces.get(
        key,
        lambda: hotspots.heat(city, wanted, kernel=hotspots.kernel_of("gaussian", bandwidth)),
    )


def _scale(found: hotspots.Heat) -> Scale:
    return square_root_scale(_number("vmax", 1e-9, 1e12) or pictures.highest(found))


def _etag(city: City, *asked: object) -> str:
    told = json.dumps(
        [city.version, request.endpoint, request.view_args, sorted(request.args.items()), asked]
    )
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def _json(city: City, make: Callable[[], Any], kept: Recent[bytes] | None = None) -> Response:
    """An answer in the reader's language, by what was asked and the data."""
    etag = _etag(city, page_lang())
    return kept_json(etag, (kept or _held().answers).get(etag, lambda: packed_json(make())))


def _png(city: City, make: Callable[[], bytes]) -> Response:
    etag = _etag(city)
    response = Response(_held().answers.get(etag, make), mimetype="image/png")
    response.headers["Cache-Control"] = "no-cache"
    response.set_etag(etag)
    return cast(Response, response.make_conditional(request))


@bp.get("/hotspots")
def page() -> Response:
    """The page; its state stands in its query and is read by its script."""
    lang = page_lang()
    body = hotspots_page(
        lang,
        api=url_for("hotspots.view"),
        texts=url_for("draws.texts", lang=lang),
        map_script=url_for("draws.map_script", kind="hotspots", lang=lang),
        views=VIEWS,
        bandwidths=BANDWIDTHS_M,
        limits_m=(LEAST_M, MOST_M),
        **addresses(),
    )
    return Response(body, mimetype="text/html")


@bp.get("/api/hotspots/state")
def state() -> Response:
    """Whether the issues are there: `reading` with `done` and `total`, `ready`, or `failed` with why."""
    found = _held().desk.look()
    told: dict[str, Any] = {"state": found.state, "done": found.done, "total": found.total}
    if found.error is not None:
        told["message"] = _why(found.error)
    return Response(json.dumps(told, ensure_ascii=False), mimetype="application/json")


def _why(error: Exception) -> str:
    lang = page_lang()
    return of_error(error, lang) if isinstance(error, ZhoubianError) else text("web.broken", lang)


@bp.get("/api/hotspots/choices")
def choice() -> Response:
    """What there is to choose from, with the number of issues."""
    city, lang = _held().desk.city(), page_lang()
    return _json(city, lambda: choices(city, lang))


@bp.get("/api/hotspots/ground")
def background() -> Response:
    """Outline and roads; the same for every view."""
    city = _held().desk.city()

    def make() -> dict[str, Any]:
        with opened() as store:
            return ground(city, store)

    return _json(city, make)


@bp.get("/api/hotspots")
def view() -> Response:
    """Legend, picture and figures of one view."""
    chosen, wanted = _view(), _wanted()
    city = _held().desk.city()
    return _json(city, lambda: {"view": chosen, **_SAID[chosen](city, wanted)})


def _say_density(city: City, wanted: IssueFilter) -> dict[str, Any]:
    found = _heat(city, wanted)
    scale = _scale(found)
    query = _query(wanted, vmax=f"{scale.breaks[-1]:.10g}", v=city.version[:8])
    return {
        "facts": found.facts(),
        "legend": pictures.surface_legend(scale),
        "picture": {
            "address": url_for("hotspots.density", **query),
            "bounds": pictures.surface_bounds(found),
        },
        "tiles": {
            "address": url_for("hotspots.tile", zoom=0, x=0, y=0, **query).replace("/0/0/0", "/{z}/{x}/{y}"),
            "from": TILES_FROM,
        },
    }


def _say_hexagons(city: City, wanted: IssueFilter) -> dict[str, Any]:
    return hexagon_rows(hotspots.hexagons(city, wanted), _number("vmax", 1e-9, 1e12))


def _spots(city: City, wanted: IssueFilter) -> pictures.Classed:
    return pictures.spots_classes(hotspots.spots(city, wanted))


def _emerging(city: City, wanted: IssueFilter) -> pictures.Classed:
    return pictures.emerging_classes(hotspots.emergence(city, wanted))


def _change(city: City, wanted: IssueFilter) -> pictures.Classed:
    after, before = two_periods(city, wanted, _day("before_since"), _day("before_until"))
    return pictures.change_classes(hotspots.comparison(city, after, before))


_CLASSED: dict[str, Callable[[City, IssueFilter], pictures.Classed]] = {
    "spots": _spots,
    "emerging": _emerging,
    "change": _change,
}


def _classed(kind: str, city: City, wanted: IssueFilter) -> pictures.Classed:
    key = (city.version, kind, json.dumps([wanted.to_query(), _periods()], sort_keys=True))
    return _held().classed.get(key, lambda: _CLASSED[kind](city, wanted))


def _periods() -> dict[str, Any]:
    return {name: request.args[name] for name in PERIOD_KEYS if request.args.get(name)}


def _say_classes(city: City, wanted: IssueFilter) -> dict[str, Any]:
    kind = _view()
    found = _classed(kind, city, wanted)
    query: dict[str, Any] = {**wanted.to_query(), **_periods(), "v": city.version[:8]}
    address = url_for("hotspots.classes", kind=kind, **query)
    return {
        "facts": found.facts,
        "legend": found.legend(),
        "picture": {"address": address, "bounds": found.bounds},
    }


@bp.get("/api/hotspots/density.png")
def density() -> Response:
    """The density of the whole city as a picture in Web Mercator."""
    wanted, city = _wanted(), _held().desk.city()

    def make() -> bytes:
        found = _heat(city, wanted)
        return pictures.surface_picture(found, _scale(found))

    return _png(city, make)


@bp.get("/api/hotspots/tile/<int:zoom>/<int:x>/<int:y>.png")
def tile(zoom: int, x: int, y: int) -> Response:
    """A tile of the density, 256 pixels."""
    if zoom > MOST_ZOOM or x >= 2**zoom or y >= 2**zoom:
        abort(404)
    wanted, city = _wanted(), _held().desk.city()

    def make() -> bytes:
        found = _heat(city, wanted)
        return pictures.surface_tile(found, _scale(found), zoom, x, y)

    return _png(city, make)


@bp.get("/api/hotspots/<any(spots, emerging, change):kind>.png")
def classes(kind: str) -> Response:
    """Cells in their classes as a picture in Web Mercator."""
    wanted, city = _wanted(), _held().desk.city()
    return _png(city, lambda: _classed(kind, city, wanted).picture())


@bp.get("/api/hotspots/top")
def top() -> Response:
    """The worst places, and what the hot area of the first half of the period caught of the second."""
    wanted, city, lang = _wanted(), _held().desk.city(), page_lang()

    def make() -> dict[str, Any]:
        found = _heat(city, wanted)
        return top_list(found, hotspots.prediction(city, wanted, kernel=found.surface.kernel), lang, TOP)

    return _json(city, make, _held().lists)


@bp.get("/api/hotspots/frames")
def frames() -> Response:
    """The complete months of the period, each with its picture, all in the classes of the highest of them."""
    wanted, city = _wanted(), _held().desk.city()

    def make() -> dict[str, Any]:
        found = month_frames(city, wanted, hotspots.kernel_of("gaussian", _bandwidth()))
        query = {**_query(wanted, v=city.version[:8]), "vmax": f"{found['vmax']:.10g}"}
        for frame in found["months"]:
            period = {"since": frame["since"], "until": frame["until"]}
            frame["address"] = url_for("hotspots.density", **{**query, **period})
        scale = square_root_scale(found["vmax"])
        return {**found, "legend": pictures.surface_legend(scale)}

    return _json(city, make, _held().lists)


@bp.get("/api/hotspots/sides")
def sides() -> Response:
    """The two periods of a comparison, each as a density, in the same classes."""
    wanted, city = _wanted(), _held().desk.city()

    def make() -> dict[str, Any]:
        after, before = two_periods(city, wanted, _day("before_since"), _day("before_until"))
        found = [
            hotspots.heat(city, replace(after, since=since, until=until),
                          kernel=hotspots.kernel_of("gaussian", _bandwidth()))
            for since, until in (before, (after.since, after.until))
        ]  # fmt: skip
        scale = square_root_scale(max(map(pictures.highest, found)))
        query = _query(wanted, vmax=f"{scale.breaks[-1]:.10g}", v=city.version[:8])
        told = []
        for one in found:
            facts = one.facts()
            period = {"since": facts["since"], "until": facts["until"]}
            address = url_for("hotspots.density", **{**query, **period})
            told.append({"facts": facts, "address": address, "bounds": pictures.surface_bounds(one)})
        return {"sides": told, "legend": pictures.surface_legend(scale)}

    return _json(city, make, _held().lists)


@bp.get("/api/hotspots/issues.json")
def issues() -> Response:
    """Single issues of a small box, at most `MOST_ISSUES`."""
    wanted, city, lang = _wanted(), _held().desk.city(), page_lang()
    box = _box()

    def make() -> dict[str, Any]:
        with opened() as store:
            return issue_points(store, city, wanted, box, lang, MOST_ISSUES)

    return _json(city, make)


def _box() -> tuple[float, float, float, float]:
    given = request.args.get("bbox", "")
    try:
        west, south, east, north = (float(one) for one in given.split(","))
    except ValueError:
        west = south = east = north = math.nan
    if not (0 < east - west <= BOX_DEGREES and 0 < north - south <= BOX_DEGREES):
        raise DesignError(
            f"bbox {given[:60]!r} is no box of at most {BOX_DEGREES:g} degrees; write west,south,east,north",
            code="hotspots_box", given=given[:60], most=BOX_DEGREES,
        )  # fmt: skip
    return west, south, east, north


_SAID: dict[str, Callable[[City, IssueFilter], dict[str, Any]]] = {
    "density": _say_density,
    "hexagons": _say_hexagons,
    "spots": _say_classes,
    "emerging": _say_classes,
    "change": _say_classes,
}
