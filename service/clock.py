"""The time of day in Asia/Shanghai; the only place that asks the clock."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")


def now() -> datetime:
    """The present moment to the second, in Asia/Shanghai."""
    return datetime.now(SHANGHAI).replace(microsecond=0)


def minute(moment: datetime) -> str:
    """``2026-05-06 16:30``, in Asia/Shanghai."""
    return f"{moment.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
