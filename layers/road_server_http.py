"""One question to a road server, one answer in JSON.

The address is the office's own setting. Nothing leads away from it: a redirect is told and not
followed, no proxy of the environment is used, and an address with a name and a password is refused.
An answer has a limit in bytes and in seconds.
"""

from __future__ import annotations

import json
import re
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from geo.errors import ZhoubianError

TIMEOUT_S = 30.0
LARGEST = 32 * 1024 * 1024
"""Bytes of an answer: a table of 50 x 50 has about 0.2 MB."""

KINDS = ("osrm", "valhalla")
EXAMPLE = "osrm+http://192.168.1.20:5000"

DEFAULT_PORT = {"http": 80, "https": 443}

_PIECE = 1 << 16
_SHOWN = 200


Json = dict[str, Any] | list[Any]


class RoadServerHTTP:
    """An address, and how to ask it.

    Parameters
    ----------
    url : str
        ``http(s)://host[:port][/path]``, with ``osrm+`` or ``valhalla+`` in front or not.
    timeout_s : float
        For connecting, and for the whole answer.
    largest : int
        Bytes of an answer.

    Raises
    ------
    ZhoubianError
        ``road_server_address`` for anything else, above all an address with a password in it.
    """

    def __init__(self, url: str, *, timeout_s: float = TIMEOUT_S, largest: int = LARGEST) -> None:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as fault:
            raise _address(url) from fault
        kind, plus, scheme = parts.scheme.rpartition("+")
        wrong = (
            scheme not in DEFAULT_PORT
            or (plus and kind not in KINDS)
            or "@" in parts.netloc
            or "?" in url
            or "#" in url
            or not re.fullmatch(r"[!-~]+", url)
        )
        if not host or wrong:
            raise _address(url)
        self.kind = kind or "osrm"
        self.host = host if port is None else f"{host}:{port}"
        """Named in every error."""
        self._where = (host, DEFAULT_PORT[scheme] if port is None else port)
        self._secure = scheme == "https"
        self._path = parts.path.rstrip("/")
        self._timeout_s = timeout_s
        self._largest = largest

    def ask(self, path: str, asked: str, body: dict[str, Any] | None = None) -> tuple[int, Json]:
        """The status and the JSON of an answer; GET, or POST if there is a body.

        Parameters
        ----------
        path : str
            From the address on, with its query.
        asked : str
            What this is about, in a few characters: it stands in the errors.

        Raises
        ------
        ZhoubianError
            `road_server_unreachable`, `road_server_refused` (an error without JSON), `road_server_odd`
            (a redirect, no HTTP, no JSON, too much).
        """
        until = monotonic() + self._timeout_s
        connect = HTTPSConnection if self._secure else HTTPConnection
        connection = connect(*self._where, timeout=self._timeout_s)
        try:
            connection.request(
                "GET" if body is None else "POST",
                self._path + path,
                body=None if body is None else json.dumps(body, separators=(",", ":")),
                headers={
                    "Accept": "application/json",
                    "Content-Type": "application/json",
                    "User-Agent": "zhoubian",
                },
            )
            with connection.getresponse() as response:
                if 300 <= response.status < 400:
                    raise self.odd(asked, f"HTTP {response.status} -> {response.getheader('Location', '')}")
                content = self._read(response, asked, until)
        except (OSError, UnicodeError) as fault:
            raise ZhoubianError(
                f"the road server {self.host} did not answer {asked}: {shown(fault)};"
                " see whether it runs and whether the address in the settings is right",
                code="road_server_unreachable",
                host=self.host,
                asked=asked,
                came=shown(fault),
            ) from fault
        except HTTPException as fault:
            raise self.odd(asked, f"{type(fault).__name__} {fault}") from fault
        finally:
            connection.close()
        return response.status, self._json(response, content, asked)

    def _read(self, response: HTTPResponse, asked: str, until: float) -> bytes:
        content = bytearray()
        while piece := response.read1(_PIECE):
            content += piece
            if len(content) > self._largest:
                raise self.odd(asked, f"> {self._largest:,} B")
            if monotonic() > until:
                raise TimeoutError(f"> {self._timeout_s:g} s")
        return bytes(content)

    def _json(self, response: HTTPResponse, content: bytes, asked: str) -> Json:
        try:
            answer = json.loads(content)
        except (ValueError, RecursionError):
            answer = None
        if isinstance(answer, dict | list):
            return answer
        if response.status >= 400:
            raise self.refused(asked, f"HTTP {response.status} {response.reason}")
        raise self.odd(
            asked, f"HTTP {response.status}, no JSON object: {content[:60].decode('utf-8', 'replace')}"
        )

    def refused(self, asked: str, came: str) -> ZhoubianError:
        """The server says that it cannot: to be raised."""
        return ZhoubianError(
            f"the road server {self.host} refused {asked}: {shown(came)}",
            code="road_server_refused",
            host=self.host,
            asked=asked,
            came=shown(came),
        )

    def odd(self, asked: str, came: str) -> ZhoubianError:
        """The answer is not the documented one, so no number of it is used: to be raised."""
        return ZhoubianError(
            f"the road server {self.host} answered {asked} in a way that is not understood: {shown(came)};"
            " see whether the address in the settings is that of an OSRM or Valhalla server",
            code="road_server_odd",
            host=self.host,
            asked=asked,
            came=shown(came),
        )


def shown(words: object) -> str:
    """What came from outside, short and without control characters."""
    text = "".join(letter if letter.isprintable() else " " for letter in str(words)[: 4 * _SHOWN])
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _address(url: str) -> ZhoubianError:
    # a password or a key may stand before an @ or after a ?: neither is ever repeated
    bare = shown(re.sub(r"[?#].*", "?…", re.sub(r"//.*@", "//…@", url, flags=re.S), flags=re.S))
    return ZhoubianError(
        f"{bare} is not the address of a road server: write it like {EXAMPLE} or valhalla+http://host:8002,"
        " http or https, without a user name, a password, ? or #",
        code="road_server_address",
        address=bare,
        example=EXAMPLE,
    )
