"""Refused rows keep their cells; which heading holds which field is remembered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("refusals", sa.Column("cells", sa.JSON))
    op.create_table(
        "mappings",
        sa.Column("layer", sa.Text, nullable=False),
        sa.Column("headings", sa.Text, nullable=False),
        sa.Column("columns", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("layer", "headings", name="pk_mappings"),
    )
