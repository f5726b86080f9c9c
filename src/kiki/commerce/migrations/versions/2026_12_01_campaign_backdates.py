"""Who had a campaign count since a time before its registration, and why.

What was told before this table was there stands in the audit log alone.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_12_01_campaign_backdates"
down_revision = "2026_11_30_exchange_rates"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "campaign_backdates",
        sa.Column("store_id", sa.BigInteger, nullable=False),
        sa.Column("campaign_id", sa.Text, nullable=False),
        sa.Column("since_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "campaign_id", "since_at", name="campaign_backdates_pkey"),
        schema="commerce",
    )


def downgrade() -> None:
    op.drop_table("campaign_backdates", schema="commerce")
