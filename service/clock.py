"""The time of day in Asia/Shanghai; the only place that asks the clock."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")


def now() -> datetime:
    """The present moment to the second, in Asia/Shanghai."""
    return datetime.now(SHANGHAI).replace(microsecond=0)
