"""Promotions that shops registered, and what forecasts made of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION, JSONB

revision = "2026_11_26_shop_promotions"
down_revision = "2026_11_26_prior_model"
branch_labels = None
depends_on = None

SCHEMA = "syncvalue"


def upgrade() -> None:
    op.create_table(
        "promotions",
        sa.Column("store_id", sa.BigInteger, nullable=False),
        sa.Column("promotion_id", sa.BigInteger, nullable=False),
        sa.Column("first_day", sa.Date, nullable=False),
        sa.Column("last_day", sa.Date, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("store_id", "promotion_id", name="promotions_pkey"),
        sa.UniqueConstraint("store_id", "first_day", "last_day", name="promotions_days"),
        sa.CheckConstraint("first_day <= last_day", name="promotions_days_check"),
        schema=SCHEMA,
        comment="Days on which shops sold or will sell at a special offer, as their merchants registered them.",
    )
    op.add_column(
        "stores", sa.Column("promotions_revision", sa.BigInteger, nullable=False, server_default="0"), schema=SCHEMA
    )
    op.add_column("baselines", sa.Column("history_from", sa.DateTime(timezone=True)), schema=SCHEMA)
    op.add_column(
        "forecasts", sa.Column("promotions_revision", sa.BigInteger, nullable=False, server_default="0"), schema=SCHEMA
    )
    op.add_column(
        "forecasts", sa.Column("promotion_periods", JSONB, nullable=False, server_default="[]"), schema=SCHEMA
    )
    op.add_column("forecasts", sa.Column("promotion_effect", DOUBLE_PRECISION), schema=SCHEMA)


def downgrade() -> None:
    for name in ("promotion_effect", "promotion_periods", "promotions_revision"):
        op.drop_column("forecasts", name, schema=SCHEMA)
    op.drop_column("baselines", "history_from", schema=SCHEMA)
    op.drop_column("stores", "promotions_revision", schema=SCHEMA)
    op.drop_table("promotions", schema=SCHEMA)
