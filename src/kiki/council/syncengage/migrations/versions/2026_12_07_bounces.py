"""Addresses that mail servers refused for good are remembered, by their blind index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_12_07_bounces"
down_revision = "2026_12_06_availability"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "bounces",
        sa.Column("store_id", sa.BigInteger, nullable=False),
        sa.Column("email_index", sa.LargeBinary, nullable=False),
        sa.Column("refused_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("refusals", sa.Integer, nullable=False),
        sa.Column("suppressed", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "email_index", name="bounces_pkey"),
        schema="syncengage",
    )
    op.create_index("bounces_by_time", "bounces", ["store_id", sa.text("refused_at DESC")], schema="syncengage")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table("bounces", schema="syncengage")
