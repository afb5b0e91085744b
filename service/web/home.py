"""The first page: what the store holds. And whether the service is well."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app, jsonify, url_for

from layers.schema import LAYERS
from layers.store import Store

from ..usecases import draws, layers
from .pages import page_lang, render

bp = Blueprint("home", __name__)


@bp.get("/")
def index() -> str:
    """Draws with links to their maps, and layers with their origin."""
    lang = page_lang()
    with Store.open(current_app.config["STORE"], create=False) as store:
        held, drawn = layers.summary(store), draws.listing(store)
    return render(
        "home.html",
        draws=[{**row, "address": url_for("draws.page", name=row["name"])} for row in drawn],
        layers=[
            _origin(row) | {"label": getattr(LAYERS[row["layer"]], lang)} for row in held if row["count"]
        ],
    )


def _origin(row: dict[str, Any]) -> dict[str, Any]:
    return {"count": row["count"], **{part: row.get(part) or "" for part in ("source", "datum", "licence")}}


@bp.get("/health")
def health() -> Response:
    """200 when the store can be read; the error table tells what else."""
    with Store.open(current_app.config["STORE"], create=False) as store:
        store.draws()
    return jsonify({"status": "ok"})
