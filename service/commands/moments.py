"""Moments and days at the command line: read as they are written on paper, shown to the minute."""

from __future__ import annotations

from datetime import date, datetime

from geo.errors import DesignError

from .. import clock


def moment(words: str) -> datetime:
    """``2026-05-06 16:30`` in Asia/Shanghai (DesignError `moment_unreadable`)."""
    try:
        return datetime.fromisoformat(words.strip()).replace(tzinfo=clock.SHANGHAI)
    except ValueError:
        raise DesignError(
            f"{words[:30]!r} is no moment; write it as 2026-05-06 16:30",
            code="moment_unreadable", given=words[:30],
        ) from None  # fmt: skip


def day(words: str) -> date:
    """``2026-05-06`` (DesignError `date_unreadable`)."""
    try:
        return date.fromisoformat(words.strip())
    except ValueError:
        raise DesignError(
            f"{words[:30]!r} is no date; write it as 2026-11-24", code="date_unreadable", given=words[:30]
        ) from None


def moment_or_now(words: str | None) -> datetime:
    """The moment that is told, else the present one."""
    return clock.now() if words is None else moment(words)


def said(when: datetime) -> str:
    """As `moment` reads it."""
    return clock.minute(when)
