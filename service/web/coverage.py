"""Toilet coverage on its map: the page, the roads behind it (once), an answer per setting, the file."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, current_app, request, send_file, url_for

from geo.coverage import RULES
from layers.store import Store

from .. import clock
from ..coverage_features import coverage_ground
from ..coverage_page import coverage_file, coverage_page, told
from ..recent import Recent
from ..usecases import coverage_toilets as toilets
from ..usecases import layers as layer_cases
from .coverage_counts import others
from .pages import addresses, kept_json, opened, packed_json, page_lang

bp = Blueprint("coverage", __name__)

KEPT = 12
"""Answers that the service keeps."""


def _answer(store: Store, asked: list[Any], make: Callable[[], dict[str, Any]]) -> Response:
    """An answer by what was asked and the state of the store."""
    words = json.dumps([toilets.version(store), request.endpoint, *asked], sort_keys=True)
    etag = hashlib.sha256(words.encode()).hexdigest()[:32]
    answers: Recent[bytes] = current_app.extensions["zhoubian_coverage"]
    return kept_json(etag, answers.get(etag, lambda: packed_json(make())))


@bp.get("/coverage")
def page() -> Response:
    """The page; the settings stand in its query and are read by its script."""
    lang = page_lang()
    with opened() as store:
        default = toilets.asked_of(store, clock.now().date())
    body = coverage_page(
        lang,
        ground=url_for("coverage.ground"),
        api=url_for("coverage.answer"),
        download=url_for("coverage.download"),
        texts=url_for("draws.texts", lang=lang),
        map_script=url_for("draws.map_script", kind="coverage", lang=lang),
        rules=RULES,
        defaults=default,
        others=others(),
        **addresses(),
    )
    return Response(body, mimetype="text/html")


@bp.get("/api/coverage/roads")
def ground() -> Response:
    """The roads, the same for every setting."""
    with opened() as store:
        return _answer(
            store, [],
            lambda: coverage_ground(store.read("roads"), layer_cases.attribution(store, toilets.LAYERS)),
        )  # fmt: skip


@bp.get("/api/coverage/toilets")
def answer() -> Response:
    """Gaps, covered streets, toilets and next places under the settings of the query."""
    lang, places = page_lang(), toilets.places_in(request.args)
    with opened() as store:
        asked = toilets.asked_in(store, clock.now().date(), request.args)
        return _answer(
            store, [lang, asked.to_mapping(), places],
            lambda: told(toilets.coverage(store, asked, places), lang),
        )  # fmt: skip


@bp.get("/coverage/map.html")
def download() -> Response:
    """The map of the settings of the query as one file."""
    lang, places = page_lang(), toilets.places_in(request.args)
    with opened() as store:
        asked = toilets.asked_in(store, clock.now().date(), request.args)
        body = coverage_file(toilets.coverage(store, asked, places), store.read("roads"), lang)
    return send_file(
        io.BytesIO(body.encode()), mimetype="text/html", as_attachment=True,
        download_name=f"coverage-{asked.rule}.html",
    )  # fmt: skip
