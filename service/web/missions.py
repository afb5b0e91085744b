"""Missions in the browser: what was inspected, how far it is, what it found. A sealed list stays sealed."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, url_for

from .. import issue_words
from ..i18n import Lang, text
from ..usecases import missions
from ..usecases.missions import MissionLine
from .follow_nav import nav
from .pages import opened, page_lang, render

bp = Blueprint("missions", __name__)


@bp.get("/missions")
def page() -> str:
    """All missions, the newest first."""
    lang = page_lang()
    with opened() as store:
        lines = missions.listing(store)
    return render("missions.html", **nav("missions"), rows=[_row(line, lang) for line in reversed(lines)])


def _row(line: MissionLine, lang: Lang) -> dict[str, Any]:
    return {
        "name": line.name,
        "kind": text(f"mission.kind.{line.kind}", lang),
        "starts": issue_words.when(line.starts_at),
        "sealed": line.sealed,
        "sites": line.sites,
        "visited": line.visited,
        "skipped": line.skipped,
        "results": line.results,
        "failed": line.failed,
        "rules": line.rules,
        "scores": url_for("scores.page", mission=line.name) if line.results else None,
        "issues": url_for("issues.page", mission=line.name) if line.failed else None,
    }
