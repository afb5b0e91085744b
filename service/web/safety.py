"""Who may change the store through a browser: only a page of this service.

There is no login yet, so a request that changes anything has to come from one of our own pages (a
foreign page may send a form here, but it can neither add a header nor hide where it comes from), and
imports are shut where other computers are served unless somebody said that they are allowed.
"""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

from flask import current_app, request

from geo.errors import ZhoubianError

HEADER = "X-Zhoubian"
"""Sent by our scripts. No form and no foreign script can send it without asking first."""


class ForbiddenError(ZhoubianError):
    """A request that is not answered, whoever sends it from there."""

    code = "forbidden"


def require_same_origin() -> None:
    """ForbiddenError `cross_site` unless the request comes from a page of this service."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    ours = (
        HEADER in request.headers
        and (site is not None or origin is not None)
        and site in (None, "same-origin")
        and (origin is None or urlsplit(origin).netloc == request.host)
        and _is_own_name(urlsplit(f"//{request.host}").hostname or "")
    )
    if not ours:
        raise _foreign()


def refuse_foreign_links() -> None:
    """ForbiddenError `cross_site` for an address of ours that a foreign page leads to or loads.

    For what is asked for by a link and yet leaves something behind: a bulletin gets its number when it
    is first made. A browser that says nothing of where the request comes from is answered.
    """
    if request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):
        raise _foreign()


def _foreign() -> ForbiddenError:
    return ForbiddenError(
        "this request does not come from a page of this service and was not answered;"
        " open the page anew, by the number of the address or the name of the computer, and try again",
        code="cross_site",
    )


def require_imports_open() -> None:
    """ForbiddenError `import_shut` where imports over the web are not allowed."""
    if not current_app.config["IMPORTS"]:
        raise ForbiddenError(
            "this service is open to other computers, so nothing is imported or undone through its pages;"
            " do it on the computer itself, or start it with zhoubian serve --allow-import",
            code="import_shut",
        )


def _is_own_name(host: str) -> bool:
    """Whether a host is a number or this computer's name: no name of a foreign site that leads here."""
    if current_app.config["HOSTS"] is not None:
        return True  # checked for every request (`app.py`)
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host.lower() in {"localhost", socket.gethostname().lower(), socket.getfqdn().lower()}
    return True
