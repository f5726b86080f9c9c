"""Months that somebody asks to close before their grace is over."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_27_requests"
down_revision = "2026_11_26_initial"
branch_labels = None
depends_on = None

SCHEMA = "closing"


def upgrade() -> None:
    op.create_table(
        "requests",
        sa.Column("store_id", sa.BigInteger, nullable=False),
        sa.Column("month", sa.Text, nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("store_id", "month", name="requests_pkey"),
        schema=SCHEMA,
        comment="Months that somebody asked to close before their grace is over; the last asking of each.",
    )
    op.create_index(
        "requests_open", "requests", ["asked_at"], schema=SCHEMA, postgresql_where=sa.text("settled_at IS NULL")
    )


def downgrade() -> None:
    op.drop_table("requests", schema=SCHEMA)
