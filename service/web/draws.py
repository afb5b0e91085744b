"""A draw on its map: the page, its features, its script and its texts."""

from __future__ import annotations

import gzip
import json
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, abort, current_app, url_for

from layers.store import Store

from ..features import draw_features
from ..i18n import LANGS, Lang
from ..maps import draw_page, map_parts, map_texts
from ..usecases import draws
from .pages import addresses, kept, kept_json, page_lang

bp = Blueprint("draws", __name__)

_KEPT = 8


@dataclass(frozen=True)
class StoredMap:
    """A draw as the browser fetches it: its record, and its features as gzipped JSON."""

    etag: str
    record: dict[str, Any]
    packed: bytes


class MapCache:
    """The maps last asked for, each made once for a state of the store; shared by the threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._maps: OrderedDict[str, StoredMap] = OrderedDict()

    def get(self, store: Store, name: str) -> StoredMap:
        """The map of a draw as the layers are now.

        Raises
        ------
        NotFoundError
            If there is no such draw.
        """
        etag = draws.map_version(store, name)
        with self._lock:
            if etag not in self._maps:
                record, layers, attribution = draws.map_data(store, name)
                features = draw_features(record, layers, attribution=attribution)
                plain = json.dumps(features, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
                self._maps[etag] = StoredMap(etag, record, gzip.compress(plain.encode(), 6, mtime=0))
            self._maps.move_to_end(etag)
            while len(self._maps) > _KEPT:
                self._maps.popitem(last=False)
            return self._maps[etag]


def _map(name: str) -> StoredMap:
    cache: MapCache = current_app.extensions["zhoubian_maps"]
    with Store.open(current_app.config["STORE"], create=False) as store:
        return cache.get(store, name)


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


@bp.get("/map/<any(draw, exposure):kind>.<lang>.js")
def map_script(kind: str, lang: str) -> Response:
    """Folium's script of a kind of map, the same whatever it shows."""
    return kept(map_parts(kind, _known(lang)).script.encode(), "text/javascript")


def _known(lang: str) -> Lang:
    if lang not in LANGS:
        abort(404)
    return lang
