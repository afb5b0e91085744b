"""The row of links that the pages of following up share."""

from __future__ import annotations

from typing import Any

from flask import url_for

PAGES = (
    ("issues", "issues.page"),
    ("cards", "issues.board"),
    ("missions", "missions.page"),
    ("scores", "scores.page"),
    ("figures", "figures.page"),
    ("bulletins", "bulletins.page"),
)
"""Name of the page (its text is `web.NAME`) and its endpoint."""


def nav(here: str) -> dict[str, Any]:
    """What `follow_nav.html` shows on the page of that name."""
    return {"here": here, "follow": [(name, url_for(endpoint)) for name, endpoint in PAGES]}
