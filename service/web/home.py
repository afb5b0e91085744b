"""The first page: what the store holds. And whether the service is well."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, url_for

from ..usecases import draws, layers
from . import follow_nav
from .pages import opened, page_lang, render

bp = Blueprint("home", __name__)

DOORS = (
    ("exposure", "exposure.page"),
    ("hotspots", "hotspots.page"),
    ("routes", "routes.page"),
    ("coverage", "coverage.page"),
)
"""Name of a page (its texts are `web.NAME` and `web.NAME_door`) and its endpoint."""
NEWEST = 10
"""Draws that are shown at once; the older ones unfold."""


@bp.get("/")
def index() -> str:
    """Draws with links to their maps, and layers with their origin."""
    with opened() as store:
        held, drawn = layers.summary(store), draws.listing(store)
    return render(
        "home.html",
        doors=[(name, url_for(endpoint)) for name, endpoint in (*DOORS, *follow_nav.PAGES)] if held else [],
        imports=url_for("imports.history"),
        draws=[
            {
                "name": row.name,
                "made_at": row.created_at.replace("T", " ")[:16],
                "sealed": row.state == "sealed",
                "address": url_for("draws.page", name=row.name),
            }
            for row in reversed(drawn)
        ],
        newest=NEWEST,
        layers=[_line(row) for row in held],
    )


def _line(held: dict[str, Any]) -> dict[str, Any]:
    """A layer as a row; what its imports have in common stands once."""
    told = {
        part: "; ".join(dict.fromkeys(source[part] for source in held["sources"] if source[part]))
        for part in ("source", "datum", "licence", "attribution")
    }
    return {"label": held[page_lang()], "count": held["count"], **told}


@bp.get("/health")
def health() -> Response:
    """200 when the store can be read; the error table tells what else."""
    with opened() as store:
        store.draws()
    return jsonify({"status": "ok"})
