"""Plans of routes; who may use a road."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("roads", sa.Column("modes", sa.Text))
    op.create_table(
        "plans",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("draw", sa.Text),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.Column("changed_at", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("record", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_plans"),
    )
