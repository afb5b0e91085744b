"""A draw on its map: the page, its features, its script and its texts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, abort, current_app, url_for

from ..features import draw_features
from ..i18n import LANGS, Lang
from ..maps import draw_page, map_parts, map_texts
from ..recent import Recent
from ..usecases import draws
from .pages import addresses, kept, kept_json, opened, packed_json, page_lang

bp = Blueprint("draws", __name__)

KEPT = 8
"""Maps that the service keeps."""


@dataclass(frozen=True)
class StoredMap:
    """A draw as the browser fetches it: its record, and its features as gzipped JSON."""

    etag: str
    record: dict[str, Any]
    packed: bytes


def _map(name: str) -> StoredMap:
    """The map of a draw as the layers are now."""
    maps: Recent[StoredMap] = current_app.extensions["zhoubian_maps"]
    with opened() as store:
        etag = draws.map_version(store, name)

        def make() -> StoredMap:
            record, layers, attribution = draws.map_data(store, name)
            features = draw_features(record, layers, attribution=attribution)
            return StoredMap(etag, record, packed_json(features))

        return maps.get(etag, make)


@bp.get("/draws/<name>")
def page(name: str) -> Response:
    """The map page of a draw."""
    lang = page_lang()
    body = draw_page(
        _map(name).record,
        lang,
        api=url_for("draws.features", name=name),
        texts=url_for("draws.texts", lang=lang),
        map_script=url_for("draws.map_script", kind="draw", lang=lang),
        plan_routes=url_for("routes.page", draw=name),
        **addresses(),
    )
    return Response(body, mimetype="text/html")


@bp.get("/api/draws/<name>")
def features(name: str) -> Response:
    """What the map of a draw shows, as JSON."""
    found = _map(name)
    return kept_json(found.etag, found.packed)


@bp.get("/texts/<lang>.json")
def texts(lang: str) -> Response:
    """The texts that the scripts show."""
    return kept(json.dumps(map_texts(_known(lang)), ensure_ascii=False).encode(), "application/json")


@bp.get(
    "/map/<any(draw, exposure, hotspots, routes, coverage, counts_posters, counts_households, counts_schools)"
    ":kind>.<lang>.js"
)
def map_script(kind: str, lang: str) -> Response:
    """Folium's script of a kind of map, the same whatever it shows."""
    return kept(map_parts(kind, _known(lang)).script.encode(), "text/javascript")


def _known(lang: str) -> Lang:
    if lang not in LANGS:
        abort(404)
    return lang
