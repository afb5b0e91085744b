"""The browser that the tests of the pages share."""

from __future__ import annotations

import pytest
from chromium import ARGUMENTS, Watch, executable


@pytest.fixture(scope="session")
def chromium():
    """One Chromium for all tests."""
    sync_api = pytest.importorskip("playwright.sync_api")
    found = executable()
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def page(chromium):
    """A fresh tab that keeps what it asked for and complained about."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    tab = context.new_page()
    tab.watch = Watch()
    tab.on("request", lambda request: tab.watch.requests.append(request.url))
    tab.on(
        "console",
        lambda said: tab.watch.faults.append(said.text) if said.type in ("error", "warning") else None,
    )
    tab.on("pageerror", lambda fault: tab.watch.faults.append(str(fault)))
    yield tab
    context.close()
