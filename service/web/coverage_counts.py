"""Posters, households and school zones on their maps: the pages, their features, their files."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, jsonify, request, send_file, url_for

from layers.store import Store

from .. import clock
from ..count_features import features, ground
from ..count_page import SUBJECTS, count_page
from ..usecases import coverage_count_files as files
from ..usecases import coverage_households, coverage_posters, coverage_schools, rule_books
from ..usecases.issue_filters import day_of
from .pages import addresses, fresh, opened, page_lang

bp = Blueprint("coverage_counts", __name__)

KINDS = ("xlsx", "csv", "geojson", "html")
_SUBJECT = f"<any({', '.join(SUBJECTS)}):subject>"


def others() -> list[tuple[str, str]]:
    """Name of each page (its text is `web.NAME`) and its address."""
    return [(f"counts_{name}", url_for("coverage_counts.page", subject=name)) for name in SUBJECTS]


@bp.get(f"/coverage/{_SUBJECT}")
def page(subject: str) -> Response:
    """The page of a subject."""
    lang = page_lang()
    query: dict[str, Any] = {"until": request.args["until"]} if request.args.get("until") else {}
    body = count_page(
        subject,
        lang,
        api=url_for("coverage_counts.answer", subject=subject, lang=lang, **query),
        ground=url_for("coverage_counts.roads", subject=subject, **query),
        texts=url_for("draws.texts", lang=lang),
        map_script=url_for("draws.map_script", kind=f"counts_{subject}", lang=lang),
        files=[
            (f".{kind}", url_for("coverage_counts.file", subject=subject, kind=kind, lang=lang, **query))
            for kind in KINDS
        ],
        others=[("coverage", url_for("coverage.page")), *others()],
        **addresses(),
    )
    return Response(body, mimetype="text/html")


@bp.get(f"/api/coverage/{_SUBJECT}")
def answer(subject: str) -> Response:
    """Places by class, with their words."""
    with opened() as store:
        book = rule_books.current(store, clock.now().date())
        return fresh(jsonify(features(_answer(store, subject), book, page_lang())))


@bp.get(f"/api/coverage/{_SUBJECT}/ground")
def roads(subject: str) -> Response:
    """The roads behind them."""
    with opened() as store:
        return fresh(jsonify(ground(store.read("roads"), _answer(store, subject))))


@bp.get(f"/coverage/{_SUBJECT}.<any({', '.join(KINDS)}):kind>")
def file(subject: str, kind: str) -> Response:
    """The answer as a file."""
    with opened() as store, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{subject}.{kind}"
        book = rule_books.current(store, clock.now().date())
        files.write_answer(store, _answer(store, subject), book, path, page_lang())
        body = path.read_bytes()
    return fresh(send_file(io.BytesIO(body), as_attachment=True, download_name=f"{subject}.{kind}"))


def _answer(store: Store, subject: str) -> files.Answer:
    now = clock.now()
    if subject == "posters":
        return coverage_posters.coverage(store, now=now)
    if subject == "households":
        told = request.args.get("until")
        until = day_of("until", told) if told else None
        return coverage_households.coverage(store, now=now, until=until)
    return coverage_schools.zones(store, now=now)
