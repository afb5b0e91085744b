"""What every page shares: its language, its addresses, its frame."""

from __future__ import annotations

import gzip
import json
from typing import Any, cast

from flask import Response, current_app, request, url_for

from layers.store import Store

from ..i18n import LANGS, Lang, text
from ..maps import templates


def opened() -> Store:
    """The store that the service shows, open until the end of a `with`."""
    return Store.open(current_app.config["STORE"], create=False)


def page_lang() -> Lang:
    """``?lang=``, else the reader's cookie, else the language of the service."""
    for chosen in (request.args.get("lang"), request.cookies.get("lang")):
        if chosen in LANGS:
            return chosen
    return cast(Lang, current_app.config["LANG"])


def static(name: str) -> str:
    """The address of a file of `static/`."""
    return url_for("static", filename=name)


def addresses() -> dict[str, Any]:
    """Where the links of every page lead."""
    other = "en" if page_lang() == "zh" else "zh"
    known = request.endpoint is not None and request.method == "GET"
    here = (
        url_for(cast(str, request.endpoint), **(request.view_args or {})) if known else url_for("home.index")
    )
    return {
        "static": static,
        "home": url_for("home.index"),
        "import_page": url_for("imports.page"),
        "warnings": url_for("imports.warnings"),
        "other_lang": f"{here}?lang={other}",
    }


def render(template: str, **values: Any) -> str:
    """A page of `templates/` in the reader's language; every value is escaped."""
    lang = page_lang()
    shared = {"lang": lang, "t": lambda code: text(f"web.{code}", lang), **addresses()}
    return templates().get_template(template).render(**shared, **values)


def kept(body: bytes, mimetype: str) -> Response:
    """A body that the browser keeps and asks after."""
    response = Response(body, mimetype=mimetype)
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    return cast(Response, response.make_conditional(request))


def fresh(answer: Response) -> Response:
    """An answer that the browser asks for anew each time."""
    answer.headers["Cache-Control"] = "no-store"
    return answer


def packed_json(value: Any) -> bytes:
    """JSON values as they are sent, gzipped; no value that a browser cannot read."""
    plain = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return gzip.compress(plain.encode(), 5, mtime=0)


def kept_json(etag: str, gzipped: bytes) -> Response:
    """Gzipped JSON that the browser keeps and asks after; plain for whoever takes no gzip."""
    response = Response(mimetype="application/json")
    response.headers["Cache-Control"] = "no-cache"
    response.vary.add("Accept-Encoding")
    response.set_etag(etag)
    if request.accept_encodings["gzip"] > 0:
        response.headers["Content-Encoding"] = "gzip"
        response.data = gzipped
    else:
        response.data = gzip.decompress(gzipped)
    return cast(Response, response.make_conditional(request))
