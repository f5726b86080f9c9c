"""Since when campaigns, their former keys and what they promote count; when an order came in.

What is there keeps counting for every order, as it did: no decision that was made changes.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_26_campaigns_count_since"
down_revision = "2026_11_25_attribution_models"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_COUNTING = ("campaigns", "campaign_products")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("orders", sa.Column("recorded_at", _TIME, nullable=True), schema="commerce")
    for table in _COUNTING:
        ever = sa.text("'1970-01-01 00:00:00+00'")
        op.add_column(table, sa.Column("since_at", _TIME, nullable=False, server_default=ever), schema="commerce")
    op.create_table(
        "campaign_former_keys",
        sa.Column("store_id", sa.BigInteger, nullable=False),
        sa.Column("campaign_id", sa.Text, nullable=False),
        sa.Column("until_at", _TIME, nullable=False),
        sa.Column("since_at", _TIME, nullable=False),
        sa.Column("utm_campaign", sa.Text, nullable=False),
        sa.Column("utm_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "campaign_id", "until_at", name="campaign_former_keys_pkey"),
        schema="commerce",
    )


def downgrade() -> None:
    op.drop_table("campaign_former_keys", schema="commerce")
    for table in reversed(_COUNTING):
        op.drop_column(table, "since_at", schema="commerce")
    op.drop_column("orders", "recorded_at", schema="commerce")
