"""The Flask application: settings, languages, headers and errors; the pages stand beside it.

No page runs an inline script, loads anything from another server or shows a stack trace.
"""

from __future__ import annotations

import logging
import mimetypes
from collections.abc import Collection
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, jsonify, request
from werkzeug.exceptions import HTTPException, SecurityError

from geo.errors import ZhoubianError

from ..background import Jobs
from ..city_desk import CityDesk
from ..errors import outcome
from ..i18n import LANGS, Lang, system_lang, text
from ..recent import Recent
from ..resources import static_path
from ..uploads import Uploads
from ..usecases.imports import error_json
from . import (
    bulletins,
    coverage,
    coverage_counts,
    draws,
    exposure,
    figures,
    home,
    hotspots,
    imports,
    issues,
    missions,
    routes,
    scores,
)
from .pages import page_lang, render
from .words import of_error

POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
FILE_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".png": "image/png"}
"""Told outright: Windows takes them from its registry, and with `nosniff` a wrong one stops the page."""

_YEAR_S = 365 * 24 * 3600
_MOST_BYTES = 1_000_000
"""Of a request that brings no file; `imports.look` has a limit of its own."""

log = logging.getLogger(__name__)


def create_app(
    store_path: Path,
    lang: Lang | None = None,
    *,
    hosts: Collection[str] | None = None,
    imports_open: bool = True,
) -> Flask:
    """The service over one store.

    Parameters
    ----------
    store_path : Path
        The store; opened anew by every request that needs it.
    lang : str, optional
        Language of a reader who has chosen none; by default that of the system.
    hosts : collection of str, optional
        The only names under which the service answers; any name if left out. A site that points its
        own name at this computer (DNS rebinding) then reads nothing through a browser here. Flask's
        TRUSTED_HOSTS cannot tell an IPv6 address from its port.
    imports_open : bool
        Files may be imported, and imports undone, through the pages.
    """
    for ending, kind in FILE_TYPES.items():
        mimetypes.add_type(kind, ending)
    app = Flask(__name__, static_folder=str(static_path()), static_url_path="/static", template_folder=None)
    app.config["STORE"] = Path(store_path)
    app.config["LANG"] = lang or system_lang()
    app.config["HOSTS"] = hosts
    app.config["IMPORTS"] = imports_open
    app.config["MAX_CONTENT_LENGTH"] = _MOST_BYTES
    app.extensions["zhoubian_maps"] = Recent(draws.KEPT)
    app.extensions["zhoubian_exposure"] = Recent(exposure.KEPT)
    app.extensions["zhoubian_coverage"] = Recent(coverage.KEPT)
    app.extensions["zhoubian_hotspots"] = hotspots.Hotspots(CityDesk(Path(store_path)))
    app.extensions["zhoubian_routes"] = routes.Desk()
    app.register_blueprint(home.bp)
    app.register_blueprint(draws.bp)
    app.extensions["zhoubian_jobs"] = Jobs()
    app.extensions["zhoubian_uploads"] = Uploads()
    app.register_blueprint(coverage.bp)
    app.register_blueprint(coverage_counts.bp)
    app.register_blueprint(exposure.bp)
    app.register_blueprint(hotspots.bp)
    app.register_blueprint(imports.bp)
    app.register_blueprint(routes.bp)
    for followed in (issues, missions, scores, figures, bulletins):
        app.register_blueprint(followed.bp)
    app.before_request(_require_host)
    app.before_request(app.extensions["zhoubian_uploads"].sweep)
    app.after_request(_finish)
    app.register_error_handler(ZhoubianError, _refused)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _broken)
    return app


def _require_host() -> None:
    hosts = current_app.config["HOSTS"]
    if hosts is not None and urlsplit(f"//{request.host}").hostname not in hosts:
        raise SecurityError


def _finish(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    chosen = request.args.get("lang")
    if chosen in LANGS:
        response.set_cookie("lang", cast(str, chosen), max_age=_YEAR_S, samesite="Lax", httponly=True)
    return response


def _refused(error: ZhoubianError) -> tuple[Response, int]:
    message = of_error(error, page_lang())
    if request.blueprint == imports.bp.name and _is_machine():
        return jsonify({"error": error_json(error, message)}), outcome(error).status
    return _told(message, error.code, outcome(error).status)


def _http(error: HTTPException) -> tuple[Response, int]:
    if isinstance(error, SecurityError):  # no address may be built from such a host, so no page either
        return Response(text("web.bad_host", page_lang()), mimetype="text/plain"), 400
    codes = {404: "no_such_page", 405: "no_such_method", 413: "too_large"}
    status = error.code or 500
    if status < 400:  # a redirect is an exception too
        return cast(Response, error.get_response()), status
    code = codes.get(status, "bad_request" if status < 500 else "broken")
    return _told(text(f"web.{code}", page_lang()), code, status)


def _broken(error: Exception) -> tuple[Response, int]:
    log.exception("%s %s failed", request.method, request.path, exc_info=error)
    return _told(text("web.broken", page_lang()), "broken", 500)


def _told(message: str, code: str, status: int) -> tuple[Response, int]:
    if not _is_machine():
        return Response(render("error.html", message=message), mimetype="text/html"), status
    if request.blueprint == imports.bp.name:
        return jsonify({"error": imports.machine(code, message)}), status
    return jsonify({"error": {"code": code, "message": message}}), status


def _is_machine() -> bool:
    return request.path.startswith(("/api/", "/health"))
