"""The first schema: batches, refusals, draws and seven layers."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from layers.sqlite_file import create_boxes
from layers.tables import Geometry, Moment

revision = "0001"
down_revision = None

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "batches",
        sa.Column("id", KEY, nullable=False),
        *_texts("source! sha256! imported_at! kind! datum licence attribution"),
        sa.Column("options", sa.JSON, nullable=False),
        sa.Column("counts", sa.JSON, nullable=False),
        *_texts("undone_at"),
        sa.PrimaryKeyConstraint("id", name="pk_batches"),
    )
    op.create_table(
        "refusals",
        sa.Column("id", KEY, nullable=False),
        sa.Column("batch_id", KEY, nullable=False),
        *_texts("layer! row! column! value! code! message!"),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_refusals"),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name="fk_refusals_batch_id"),
    )
    op.create_index("ix_refusals_batch_id", "refusals", ["batch_id"])
    op.create_table(
        "draws",
        *_texts("name! created_at! state!"),
        sa.Column("record", sa.JSON, nullable=False),
        sa.Column("secret", sa.JSON),
        sa.PrimaryKeyConstraint("name", name="pk_draws"),
    )
    _layer(
        "anchors",
        *_texts("id! name class! subtype cluster district address unit status note"),
        gates=True,
    )
    _layer(
        "back_alleys",
        *_texts("id! name district unit status subtype"),
        sa.Column("pieces", sa.BigInteger),
        *_texts("note"),
    )
    _layer(
        "compounds",
        *_texts("id! name district address unit status subtype"),
        *(sa.Column(name, sa.BigInteger) for name in ("households", "buildings", "built_year")),
        *_texts("note"),
        gates=True,
    )
    _layer("roads", *_texts("id! name class! subtype oneway"))
    _layer("toilets", *_texts("id! name district address unit status kind hours"))
    _layer("areas", *_texts("id! name level! parent unit"))
    _layer(
        "issues",
        *_texts("id! category!"),
        sa.Column("found_at", Moment, nullable=False),
        sa.Column("closed_at", Moment),
        sa.Column("deadline", Moment),
        *_texts("source state site"),
        sa.Column("count", sa.BigInteger),
        *_texts("district address unit note"),
    )


def _texts(names: str) -> list[sa.Column[Any]]:
    """Text columns by name; ``!`` marks one that is never missing."""
    return [sa.Column(name.rstrip("!"), sa.Text, nullable=not name.endswith("!")) for name in names.split()]


def _layer(name: str, *columns: sa.Column[Any], gates: bool = False) -> None:
    op.create_table(
        name,
        sa.Column("fid", KEY, nullable=False),
        sa.Column("batch_id", KEY, nullable=False),
        sa.Column("superseded_by", KEY),
        *columns,
        *([sa.Column("gates", Geometry("MULTIPOINT"))] if gates else []),
        sa.Column("geom", Geometry(), nullable=False),
        sa.PrimaryKeyConstraint("fid", name=f"pk_{name}"),
        sa.UniqueConstraint("batch_id", "id", name=f"uq_{name}_batch_id_id"),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=f"fk_{name}_batch_id"),
        sa.ForeignKeyConstraint(["superseded_by"], ["batches.id"], name=f"fk_{name}_superseded_by"),
    )
    current = sa.text("superseded_by IS NULL")
    op.create_index(
        f"uq_{name}_current", name, ["id"], unique=True, sqlite_where=current, postgresql_where=current
    )
    create_boxes(op.get_bind(), name)
