"""A real Chromium for tests: what it draws, asks for and complains about.

ZHOUBIAN_CHROMIUM names the browser, else it is looked for on the PATH. With CI=true a missing
browser is a failure.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
import waitress
from flask import Flask

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def executable() -> str:
    """Where the browser is; without one the test skips, and fails in CI."""
    names = ("chromium", "chromium-browser", "google-chrome", "msedge")
    found = os.environ.get("ZHOUBIAN_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if found is None:
        reason = "no Chromium on the PATH; set ZHOUBIAN_CHROMIUM to a browser"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@dataclass
class Watch:
    """What a page asked for and complained about."""

    requests: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def foreign(self, *own: str) -> list[str]:
        return [address for address in self.requests if not address.startswith((*own, "data:", "blob:"))]


def painted(page, pane: str) -> int:
    """How many pixels of a pane's canvas are not empty, once what was asked for has been drawn.

    Leaflet draws its canvases in the next animation frame.
    """
    return page.evaluate(
        """async (pane) => {
            await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
            const canvas = document.querySelector('.leaflet-' + pane + '-pane canvas');
            if (!canvas) { return 0; }
            const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
            let count = 0;
            for (let i = 3; i < pixels.length; i += 4) { count += pixels[i] > 0 ? 1 : 0; }
            return count;
        }""",
        pane,
    )


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """The address of a service on a free port of this machine."""
    server = waitress.create_server(app, host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.close()
    thread.join(timeout=10)
