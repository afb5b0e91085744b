"""Inspection routes on their page: a plan is made, solved in the background, edited by hand, and taken away.

Every change names the revision it was made on; on another one it is refused (409) and the page reads the
plan anew. Other computers may plan too: nothing of a layer or a draw is changed here.
"""

from __future__ import annotations

import hashlib
import io
import json
import tempfile
import threading
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import geopandas as gpd
from flask import Blueprint, Response, abort, current_app, jsonify, request, url_for

from geo.errors import StoreError, ZhoubianError
from geo.routes import POINTS, Score
from geo.travel import MODES
from layers.store import Store

from .. import clock, navigation, route_files, route_words
from ..background import Job, Jobs, Report
from ..features import extent, road_lines
from ..i18n import Lang, text
from ..maps import routes_page
from ..navigation import Place
from ..recent import Recent
from ..route_colours import colour_of
from ..route_sheets import sheets as route_sheets
from ..usecases import draws, route_search, routes
from ..usecases import layers as layer_cases
from ..usecases.route_teams import MOST_TEAMS
from .pages import addresses, fresh, kept_json, packed_json, page_lang
from .route_options import object_of, seconds_of, unfit, wanted_of, whole, words
from .safety import require_same_origin
from .words import of_error

bp = Blueprint("routes", __name__)

MOST_JOBS = 8
MOST_BYTES = 300_000
"""Of a request: the ids of thousands of sites."""
SECONDS = (5, 10, 30, 60, 120)
FILES = ("zip", "xlsx", "gpx", "kml", "geojson", "ics")
SHEET_POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
    )
)
"""Beside the stricter one that a sheet carries, which names its style by its hash."""
SHOWN_ROADS = ("roads",)


@dataclass
class Solving:
    """A plan that is being solved: how good the best routes found so far are."""

    plan: str
    best: Mapping[str, Any] | None = None


class Desk:
    """What the service keeps for this page."""

    def __init__(self) -> None:
        self.jobs = Jobs(MOST_JOBS)
        self.grounds: Recent[bytes] = Recent(1)
        self._ids: dict[str, str] = {}
        self._lock = threading.Lock()

    def job(self, plan: str) -> Job | None:
        """The last job of a plan, if it is still known."""
        with self._lock:
            id_ = self._ids.get(plan)
        return None if id_ is None else self.jobs.find(id_)

    def solve(self, plan: str, work: Callable[[Solving, Report], dict[str, Any]]) -> Job:
        """Solve a plan in the background (StoreError `plan_solving` where it is being solved)."""
        with self._lock:
            held = self.jobs.find(self._ids.get(plan, ""))
            if held is not None and held.ended_s is None:
                raise _solving(plan)
            about = Solving(plan)
            job = self.jobs.start(lambda report: work(about, report), about)
            self._ids[plan] = job.id
        return job

    def require_rest(self, plan: str) -> None:
        """StoreError `plan_solving` while a plan is being solved."""
        held = self.job(plan)
        if held is not None and held.ended_s is None:
            raise _solving(plan)


def _solving(plan: str) -> StoreError:
    return StoreError(
        f"the plan {plan!r} is being solved; wait until it is done, or stop it",
        code="plan_solving", name=plan,
    )  # fmt: skip


def _desk() -> Desk:
    return cast(Desk, current_app.extensions["zhoubian_routes"])


def _path() -> Path:
    return cast(Path, current_app.config["STORE"])


def _open() -> Store:
    return Store.open(_path(), create=False)


# -- the page --------------------------------------------------------------------------------------


@bp.get("/routes")
def page() -> Response:
    """A new plan, and the plans there are."""
    with _open() as store:
        return _page(store, None)


@bp.get("/routes/<name>")
def plan_page(name: str) -> Response:
    """The same page, showing a plan."""
    with _open() as store:
        routes.record_of(store, name)
        return _page(store, name)


def _page(store: Store, name: str | None) -> Response:
    lang = page_lang()
    body = routes_page(
        lang,
        plan=name,
        api=url_for("routes.create"),
        pages=url_for("routes.page"),
        ground=url_for("routes.ground"),
        starts=url_for("routes.starts", draw=""),
        amount=url_for("routes.amount", draw=""),
        texts=url_for("draws.texts", lang=lang),
        map_script=url_for("draws.map_script", kind="routes", lang=lang),
        modes=MODES,
        seconds=SECONDS,
        most_teams=MOST_TEAMS,
        draws=[row.name for row in reversed(draws.listing(store)) if row.state == "drawn"],
        plans=[
            {
                "name": row.name,
                "draw": row.draw or "",
                "made_at": row.created_at.replace("T", " ")[:16],
                "address": url_for("routes.plan_page", name=row.name),
            }
            for row in reversed(routes.listing(store))
        ],
        **addresses(),
    )
    return Response(body, mimetype="text/html")


@bp.get("/api/route-ground")
def ground() -> Response:
    """The roads under every plan, whose data they are, and their bounds."""
    with _open() as store:
        version = store.data_version(SHOWN_ROADS)

        def make() -> bytes:
            roads = store.read("roads")
            return packed_json(
                {
                    "roads": road_lines(roads),
                    "attribution": layer_cases.attribution(store, (*SHOWN_ROADS, *route_search.SEARCHED)),
                    "bounds": extent({"roads": roads}),
                }
            )

        return kept_json(_etag(version), _desk().grounds.get(version, make))


@bp.get("/api/route-starts/", defaults={"draw": ""})
@bp.get("/api/route-starts/<draw>")
def starts(draw: str) -> Response:
    """The anchors of a draw, which teams may start from."""
    with _open() as store:
        return fresh(jsonify({"anchors": route_search.starts(store, draw)}))


@bp.get("/api/route-amount/", defaults={"draw": ""})
@bp.get("/api/route-amount/<draw>")
def amount(draw: str) -> Response:
    """How much there is to visit in a draw."""
    with _open() as store:
        return fresh(jsonify(route_search.amount(store, draw)))


# -- a plan ----------------------------------------------------------------------------------------


@bp.get("/api/routes/<name>")
def plan(name: str) -> Response:
    """A plan and what the page says of it in the reader's language."""
    with _open() as store:
        record = routes.record_of(store, name)
    etag = _etag(name, record["created_at"], record["revision"], page_lang())
    return kept_json(etag, packed_json(_answer(record)))


@bp.post("/api/routes")
def create() -> tuple[Response, int]:
    """A new plan: routes in an instant, which are then solved in the background."""
    require_same_origin()
    wanted = wanted_of(_told())
    with _open() as store:
        record = routes.begin(store, wanted, now=clock.now())
    with suppress(StoreError):  # the routes are there; the page offers to solve them later
        _improve(record, {})
    return jsonify(_answer(record)), 201


@bp.post("/api/routes/<name>/<any(move, lock, drop_team, add, remove):action>")
def change(name: str, action: str) -> Response:
    """One change by hand; the times are those of the changed plan."""
    require_same_origin()
    told = _told()
    _desk().require_rest(name)
    with _open() as store:
        record = routes.change(
            store, name, [_CHANGES[action](told)], revision=whole(told, "revision"), now=clock.now()
        )
        return jsonify(_answer(record))


@bp.post("/api/routes/<name>/improve")
def improve(name: str) -> tuple[Response, int]:
    """Solve what is not locked."""
    require_same_origin()
    told = _told()
    with _open() as store:
        record = routes.record_of(store, name)
    _improve(record, told)
    return jsonify(_job(name)), 202


@bp.get("/api/routes/<name>/job")
def job(name: str) -> Response:
    """How far the solving is, and the best so far."""
    return fresh(jsonify(_job(name)))


@bp.post("/api/routes/<name>/job")
def stop(name: str) -> Response:
    """Stop the solving."""
    require_same_origin()
    held = _desk().job(name)
    if held is not None:
        _desk().jobs.cancel(held.id)
    return jsonify(_job(name))


@bp.get("/api/routes/<name>/sites")
def sites(name: str) -> Response:
    """Places that may be added, by a part of their name or id (``?q=``)."""
    with _open() as store:
        known = {site["id"] for site in routes.record_of(store, name)["sites"]}
        found = route_search.search(store, request.args.get("q", "")[:60], known)
    return fresh(jsonify({"sites": found}))


@bp.get("/routes/<name>/files/<any(zip, xlsx, gpx, kml, geojson, ics):kind>")
def file(name: str, kind: str) -> Response:
    """A plan as a file to take away; `zip`: all of them."""
    lang = page_lang()
    with _open() as store:
        record, roads, source = routes.plan_data(store, name)
    if kind == "zip":
        content, media = _zipped(record, roads, source), "application/zip"
    else:
        made = route_files.KINDS[kind]
        content, media = made.make(record, lang), made.media
    answer = Response(content, content_type=media)
    answer.headers.set("Content-Disposition", "attachment", filename=f"{name}.{kind}")
    return fresh(answer)


def _zipped(record: Mapping[str, Any], roads: gpd.GeoDataFrame, source: str) -> bytes:
    with tempfile.TemporaryDirectory() as place:
        written = route_files.write_all(record, Path(place), page_lang(), roads=roads, source=source)
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in written.files:
                archive.write(path, path.name)
    return packed.getvalue()


@bp.get("/routes/<name>/sheets", defaults={"team": None})
@bp.get("/routes/<name>/sheets/<team>")
def sheets(name: str, team: str | None) -> Response:
    """The printed sheets of all teams, or of one by its id; they bring their style, and no script may run."""
    with _open() as store:
        record, roads, source = routes.plan_data(store, name)
    chosen = [row for row, one in enumerate(record["teams"]) if team in (None, one["id"])]
    if not chosen:
        abort(404)
    body = route_sheets(record, roads, page_lang(), source=source, teams=chosen)
    answer = Response(body, mimetype="text/html")
    answer.headers["Content-Security-Policy"] = SHEET_POLICY
    return fresh(answer)


# -- what they share -------------------------------------------------------------------------------


def _answer(record: Mapping[str, Any]) -> dict[str, Any]:
    """A plan with what the page needs beside it: colours, sentences, links, files."""
    lang, name = page_lang(), record["name"]
    return {
        "plan": record,
        "colours": [colour_of(team["id"]) for team in record["teams"]],
        "reasons": {one["site"]: route_words.reason(one, lang) for one in record["dropped"]},
        **_notices(record, lang),
        "links": _links(record),
        "files": _files(record),
        "sheets": [url_for("routes.sheets", name=name, team=team["id"]) for team in record["teams"]],
        "page": url_for("routes.plan_page", name=name),
    }


def _links(record: Mapping[str, Any]) -> dict[str, list[dict[str, str]]]:
    """For each stop, by its site, what leads there from the stop before: kinds and addresses."""
    sites = {site["id"]: site for site in record["sites"]}
    told = {}
    for team, route in zip(record["teams"], record["routes"], strict=True):
        here = None if team["start"] is None else Place(team["start"], team["start_name"] or "")
        for stop in route["stops"]:
            site = sites[stop["site"]]
            name = site["name"] or site["unit"]
            there = Place(stop["enter"], name)
            links = [("amap", navigation.amap(there, team["mode"]))]
            if here is not None:
                links.append(("baidu", navigation.baidu(here, there, team["mode"])))
            links.append(("geo", navigation.geo(stop["enter"])))
            told[site["id"]] = [{"kind": kind, "address": address} for kind, address in links]
            here = Place(stop["exit"], name)
    return told


def _improve(record: Mapping[str, Any], told: Mapping[str, Any]) -> None:
    """Start solving, for as long as the plan was made with unless `seconds` are told."""
    name, path = record["name"], _path()
    seconds = seconds_of(told)

    def work(about: Solving, report: Report) -> dict[str, Any]:
        def progress(best: Score, share: float) -> None:
            about.best = _best(record, best)
            report(round(1000 * share), 1000)

        with Store.open(path, create=False) as store:
            solved = routes.improve(store, name, now=clock.now, seconds=seconds, progress=progress)
        return {"revision": solved["revision"]}

    _desk().solve(name, work)


def _best(record: Mapping[str, Any], best: Score) -> dict[str, Any]:
    """The best so far in the words of the page; `issues` is None where locked teams stand apart."""
    apart = any(route["locked"] for route in record["routes"])
    largest = max((site["priority"] for site in record["sites"]), default=0.0)
    return {
        "issues": None if apart else round(best.points / POINTS * largest, 3),
        "travel_s": best.travel_s,
        "longest_s": best.longest_s,
    }


def _job(name: str) -> dict[str, Any]:
    held = _desk().job(name)
    if held is None:
        return {"state": "none", "share": None, "left_s": None, "best": None, "message": None}
    message = None
    if held.error is not None:
        lang = page_lang()
        known = isinstance(held.error, ZhoubianError)
        message = of_error(cast(ZhoubianError, held.error), lang) if known else text("web.broken", lang)
    return {
        "state": held.state,
        "share": held.done / held.total if held.total else None,
        "left_s": held.as_json()["left_s"],
        "best": cast(Solving, held.about).best,
        "message": message,
    }


def _notices(record: Mapping[str, Any], lang: Lang) -> dict[str, Any]:
    """`estimate` stands above all others, which are folded up; None where travel was measured."""
    told = route_words.warnings(record, lang)
    estimate = text("route.estimate", lang, circuity=record["roads"]["circuity"])
    found = record["roads"]["estimate"]
    return {"estimate": estimate if found else None, "warnings": [one for one in told if one != estimate]}


def _files(record: Mapping[str, Any]) -> list[dict[str, str]]:
    """What can be taken away: no calendar of a plan without a date."""
    name = record["name"]
    told = [{"kind": "sheets", "address": url_for("routes.sheets", name=name)}]
    told += [
        {"kind": kind, "address": url_for("routes.file", name=name, kind=kind)}
        for kind in FILES
        if kind != "ics" or record["date"]
    ]
    return told


def _etag(*told: object) -> str:
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]


def _told() -> Mapping[str, Any]:
    request.max_content_length = MOST_BYTES
    return object_of(request.get_data(as_text=True))


def _move(told: Mapping[str, Any]) -> routes.Edit:
    position = None if told.get("position") is None else whole(told, "position")
    return routes.moving(words(told, "site"), words(told, "team"), position)


def _lock(told: Mapping[str, Any]) -> routes.Edit:
    locked = told.get("locked")
    if not isinstance(locked, bool):
        raise unfit("locked")
    what = words(told, "site") if "site" in told else f"team/{words(told, 'team')}"
    return routes.locking([what], locked)


def _drop_team(told: Mapping[str, Any]) -> routes.Edit:
    return routes.dropping(words(told, "team"))


def _add(told: Mapping[str, Any]) -> routes.Edit:
    return routes.adding(words(told, "site"))


def _remove(told: Mapping[str, Any]) -> routes.Edit:
    return routes.removing(words(told, "site"))


_CHANGES: dict[str, Callable[[Mapping[str, Any]], routes.Edit]] = {
    "move": _move,
    "lock": _lock,
    "drop_team": _drop_team,
    "add": _add,
    "remove": _remove,
}
