"""Write the bulletin of a period with its register and its maps, and keep what was written.

A bulletin has a number of its year that it keeps: written again with nothing changed, the number, the day
and every byte are the same; where something was put right since, the number stays and the day is that of
the new version. A list of what was written stands in the table `bulletins`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from geo.errors import DesignError
from layers import tables
from layers.store import Store
from layers.tables import iso
from layers.workbooks import write_workbook
from layers.write import whole

from .. import clock
from ..bulletin import Sent, document, facts_of
from ..bulletin_maps import maps_of
from ..bulletin_register import sheets
from ..i18n import Lang
from . import bulletin_content
from .bulletin_content import Content
from .bulletin_numbers import number_of
from .bulletin_settings import filled
from .exports import ending_of, refuse_store
from .periods import Period, containing, ended, kind_of


@dataclass(frozen=True, kw_only=True)
class Written:
    """A bulletin that was written.

    Parameters
    ----------
    number : int
        Of the year in which its period ends; 0 for a draft, whose period has not ended.
    version : int
        1, and one more for each time that it was written again with something changed.
    record : mapping
        `figures` {id: value}, `rules`, `digest`, `settings`.
    """

    period: Period
    number: int
    written_at: datetime
    version: int
    record: Mapping[str, Any]

    @property
    def year(self) -> int:
        """The year of its number."""
        return self.period.last.year


@dataclass(frozen=True)
class Files:
    """A bulletin and the files it was written to."""

    written: Written
    document: Path
    register: Path
    maps: tuple[Path, ...]


def period_of(store: Store, *, until: date | None, kind: str | None, now: datetime) -> Period:
    """The period in which a day lies; without one, the last that has ended.

    Raises
    ------
    DesignError
        `period_unknown`, or `period_ahead` for one that has not begun.
    """
    settings = bulletin_content.settings_on(store, (until or now.astimezone(clock.SHANGHAI).date()))
    known = settings.period if kind is None else kind_of(kind)
    if until is None:
        return ended(now, known, settings.start)
    found = containing(until, known, settings.start)
    if found.begins_at > now:
        raise DesignError(
            f"the period from {found.since} to {found.last} has not begun; name a day up to today",
            code="period_ahead", since=str(found.since), until=str(found.last),
        )  # fmt: skip
    return found


def write(
    store: Store, period: Period, out: Path, lang: Lang, *, now: datetime, number: int | None = None
) -> Files:
    """Write the bulletin of a period: ``NAME.docx``, ``NAME.xlsx`` and ``NAME-*.png`` beside it.

    Parameters
    ----------
    number : int, optional
        Of the year, where the office counts otherwise; by default as `bulletin_numbers` says.

    Raises
    ------
    LayerError
        `out_ending`, `out_is_store`, or that a file cannot be written.
    DesignError
        `bulletin_settings`, `bulletin_number`, `bulletin_number_none`, `bulletin_number_kept`.
    """
    ending_of(out, (".docx",))
    refuse_store(store, out)
    content = bulletin_content.content_of(store, period, now=now)
    written = keep(store, content, now=now, number=number)
    register = out.with_suffix(".xlsx")
    sent = Sent(written.year, written.number, written.written_at, register.name)
    maps = maps_of(store, content, lang)
    paths = [out.with_name(f"{out.stem}-{one.file}.png") for one in maps]
    for path, one in zip(paths, maps, strict=True):
        put(path, one.picture.png)
    title = filled(content.settings.title[lang], facts_of(content, sent, lang))
    write_workbook(sheets(content, title, written.written_at, lang), register)
    put(out, document(content, sent, maps, lang))
    return Files(written, out, register, tuple(paths))


def keep(store: Store, content: Content, *, now: datetime, number: int | None = None) -> Written:
    """Give a bulletin its number and its day, and keep its figures; unchanged, it keeps both.

    Of a period that has not ended there is only a draft, which is not kept.
    """
    if not content.is_finished:
        return Written(period=content.period, number=0, written_at=now, version=0, record=_record(content))
    with store.writing() as connection:
        known = _known(connection, content.period)
        if known is not None and number not in (None, known.number):
            raise DesignError(
                f"this bulletin has the number {known.number} and keeps it", code="bulletin_number_kept",
                number=known.number,
            )  # fmt: skip
        if known is not None and known.record["digest"] == content.digest:
            return known
        kept = known.number if known is not None else _number(connection, content.period, number)
        written = Written(
            period=content.period, number=kept, written_at=now,
            version=1 if known is None else known.version + 1, record=_record(content),
        )  # fmt: skip
        _store(connection, written)
        return written


def listing(store: Store) -> list[Written]:
    """The bulletins that were written, by the end of their period."""
    table = tables.bulletins
    with store.reading() as connection:
        rows = connection.execute(select(table).order_by(table.c.until, table.c.period)).fetchall()
    return [_written(dict(row._mapping)) for row in rows]


# -- the table -----------------------------------------------------------------------------------------


def _record(content: Content) -> dict[str, Any]:
    settings = content.settings
    return {
        "rules": content.book.version, "digest": content.digest, "cut": content.cut.isoformat(),
        "start": content.period.start.isoformat(), "missions": list(content.now.scoring),
        "settings": {"score_kinds": list(settings.score_kinds), "revisit_below": settings.revisit_below,
                     "plaque": [settings.plaque_by, settings.plaque_of]},
        "figures": {one.id: one.value for one in content.figures.found.values()},
    }  # fmt: skip


def _number(connection: Connection, period: Period, wanted: int | None) -> int:
    """By the bulletins of its year and kind of period that were written."""
    table = tables.bulletins
    year = str(period.last.year)
    rows = connection.execute(
        select(table.c.number, table.c.until).where(
            table.c.period == period.kind, func.substr(table.c.until, 1, 4) == year,
            table.c.until != period.last.isoformat(),
        )
    )  # fmt: skip
    return number_of(period, {date.fromisoformat(row.until): row.number for row in rows}, wanted)


def _known(connection: Connection, period: Period) -> Written | None:
    table = tables.bulletins
    row = connection.execute(
        select(table).where(table.c.until == period.last.isoformat(), table.c.period == period.kind)
    ).one_or_none()
    found = None if row is None else _written(dict(row._mapping))
    return found if found is None or found.period.since == period.since else None


def _store(connection: Connection, written: Written) -> None:
    table = tables.bulletins
    until, period = written.period.last.isoformat(), written.period.kind
    connection.execute(delete(table).where(table.c.until == until, table.c.period == period))
    connection.execute(
        insert(table).values(
            until=until, period=period, since=written.period.since.isoformat(), number=written.number,
            written_at=iso(written.written_at), record={**written.record, "version": written.version},
        )
    )  # fmt: skip


def _written(row: Mapping[str, Any]) -> Written:
    last = date.fromisoformat(row["until"])
    record = row["record"]
    period = Period(
        row["period"], date.fromisoformat(row["since"]), date.fromordinal(last.toordinal() + 1),
        date.fromisoformat(record["start"]),
    )  # fmt: skip
    return Written(
        period=period, number=row["number"], written_at=datetime.fromisoformat(row["written_at"]).astimezone(
            clock.SHANGHAI
        ),
        version=record["version"], record=record,
    )  # fmt: skip


def put(path: Path, body: bytes) -> None:
    """Write a file, whole or not at all."""
    with whole(path) as temporary:
        temporary.write_bytes(body)
