"""The schema `closing` as it begins."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_26_initial"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "closing"


def upgrade() -> None:
    op.create_table(
        "months",
        sa.Column("store_id", sa.BigInteger, nullable=False),
        sa.Column("month", sa.Text, nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closes_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True)),
        sa.Column("closed_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("store_id", "month", name="months_pkey"),
        sa.CheckConstraint("state IN ('open', 'held', 'asked', 'closed')", name="months_state_check"),
        schema=SCHEMA,
        comment="Which month of a store is closed next, and how far that is.",
    )
    op.create_index("months_due", "months", ["due_at"], schema=SCHEMA, postgresql_where=sa.text("state <> 'closed'"))


def downgrade() -> None:
    op.drop_table("months", schema=SCHEMA)
