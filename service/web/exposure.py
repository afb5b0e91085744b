"""Exposure on its map: the page, its geometry (once), its numbers (per setting), and why."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, get_args

from flask import Blueprint, Response, current_app, request, url_for

from geo.buffers import ALLEY_RULES
from geo.design import Design, Metric
from geo.errors import DesignError
from layers.schema import DRAWN
from layers.store import Store

from ..design_words import circle_settings, design_settings, foot_settings
from ..maps import exposure_page
from ..recent import Recent
from ..usecases import exposure
from .pages import addresses, kept_json, opened, packed_json, page_lang

bp = Blueprint("exposure", __name__)

RADII_M = (200, 2000, 50)
"""The slider: lowest, highest, step."""
UNKNOWN_RADIUS = "500:2000"
ANCHORS = ("1", "2", "3", "all")
PAGE_KEYS = frozenset({"lang", "by", "units", "layer", "id"})
"""Keys of the query that are no settings of the design."""

KEPT = 64
"""Answers that the service keeps."""


@contextmanager
def _store() -> Iterator[Store]:
    with opened() as store:
        yield store


def _design() -> Design:
    return exposure.design_from_query(
        {key: value for key, value in request.args.items() if key not in PAGE_KEYS}
    )


def _answer(store: Store, asked: list[Any], make: Callable[[], dict[str, Any]]) -> Response:
    """An answer by what was asked and the state of the store."""
    told = json.dumps([exposure.version(store), request.endpoint, *asked], sort_keys=True)
    etag = hashlib.sha256(told.encode()).hexdigest()[:32]
    answers: Recent[bytes] = current_app.extensions["zhoubian_exposure"]
    return kept_json(etag, answers.get(etag, lambda: packed_json(make())))


@bp.get("/exposure")
def page() -> Response:
    """The page; the settings stand in its query and are read by its script."""
    lang = page_lang()
    body = exposure_page(
        lang,
        geometry=url_for("exposure.geometry"),
        numbers=url_for("exposure.numbers"),
        why=url_for("exposure.why"),
        pool=url_for("exposure.pool"),
        texts=url_for("draws.texts", lang=lang),
        map_script=url_for("draws.map_script", kind="exposure", lang=lang),
        anchors=ANCHORS,
        radii_m=RADII_M,
        unknown_radius=UNKNOWN_RADIUS,
        rules=ALLEY_RULES,
        metrics=get_args(Metric),
        **addresses(),
    )
    return Response(body, mimetype="text/html")


@bp.get("/api/exposure/geometry")
def geometry() -> Response:
    """Units, anchors and roads, the same for every setting."""
    with _store() as store:
        return _answer(store, [], lambda: exposure.geometry(store))


@bp.get("/api/exposure/numbers")
def numbers() -> Response:
    """Exposure of every unit under the settings of the query, with the settings in words."""
    lang, design = page_lang(), _design()

    def make() -> dict[str, Any]:
        found = exposure.numbers(store, design)
        words = design_settings(found["settings"], lang) + foot_settings(found["on_foot"], lang)
        return {**found, "words": words + circle_settings(found["settings"], lang)}

    with _store() as store:
        return _answer(store, [lang, design.to_mapping()], make)


@bp.get("/api/exposure/why")
def why() -> Response:
    """One unit: its anchors with their shares, its open issues."""
    design, layer, unit = _design(), request.args.get("layer", ""), request.args.get("id", "")
    if layer not in DRAWN:
        raise DesignError(
            f"layer {layer[:40]!r} is not drawn; use one of {', '.join(DRAWN)}",
            code="unknown_option", option="layer", given=layer[:40], allowed=", ".join(DRAWN),
        )  # fmt: skip
    with _store() as store:
        return _answer(
            store, [design.to_mapping(), layer, unit], lambda: exposure.why(store, design, layer, unit)
        )


@bp.get("/api/exposure/pool")
def pool() -> Response:
    """One anchor: the units that it reaches."""
    design, anchor = _design(), request.args.get("id", "")
    with _store() as store:
        return _answer(store, [design.to_mapping(), anchor], lambda: exposure.pool(store, design, anchor))
