"""Campaigns, promotions, products, ad networks, actions, work, receipts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from kiki.kit.receipts import create_receipts_table

revision = "2026_11_23_initial"
down_revision = None
branch_labels = None
depends_on = None

_SCHEMA = "syncflow"
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    create_receipts_table(_SCHEMA)
    op.execute("CREATE SEQUENCE syncflow.lease_tokens")
    _create_actions()
    _create_ad_networks()
    _create_campaigns()
    _create_products()
    _create_promotions()
    _create_work()


def downgrade() -> None:
    for name in ("actions", "ad_networks", "campaigns", "products", "promotions", "work", "receipts"):
        op.drop_table(name, schema=_SCHEMA)
    op.execute("DROP SEQUENCE syncflow.lease_tokens")


def _create_actions() -> None:
    op.create_table(
        "actions",
        sa.Column("store_id", sa.BigInteger, nullable=False),
        sa.Column("action_id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("campaign_id", sa.Text, nullable=False),
        sa.Column("product_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("reasons", postgresql.ARRAY(sa.Text), nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("old_bid_minor", sa.BigInteger),
        sa.Column("new_bid_minor", sa.BigInteger),
        sa.Column("requested_at", _TIME, nullable=False),
        sa.Column("applied_at", _TIME),
        sa.Column("attempts", sa.Integer, server_default="0", nullable=False),
        sa.Column("last_error", sa.Text, server_default="", nullable=False),
        sa.Column("decision_seq", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "action_id", name="actions_pkey"),
        schema=_SCHEMA,
    )
    op.create_index(
        "actions_open_idx",
        "actions",
        ["store_id", "campaign_id"],
        schema=_SCHEMA,
        postgresql_where=sa.text("state IN ('pending', 'held')"),
    )


def _create_ad_networks() -> None:
    op.create_table(
        "ad_networks",
        sa.Column("store_id", sa.BigInteger, nullable=False),
        sa.Column("network", sa.Text, nullable=False),
        sa.Column("base_url", sa.Text, nullable=False),
        sa.Column("token", sa.LargeBinary, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "network", name="ad_networks_pkey"),
        schema=_SCHEMA,
    )


def _create_campaigns() -> None:
    op.create_table(
        "campaigns",
        sa.Column("store_id", sa.BigInteger, nullable=False),
        sa.Column("campaign_id", sa.Text, nullable=False),
        sa.Column("network", sa.Text, nullable=False),
        sa.Column("external_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("utm_campaign", sa.Text, nullable=False),
        sa.Column("utm_id", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("daily_budget_minor", sa.BigInteger, nullable=False),
        sa.Column("bid_minor", sa.BigInteger),
        sa.Column("ended", sa.Boolean, nullable=False),
        sa.Column("hold_reason", sa.Text),
        sa.Column("hold_actor", sa.Text),
        sa.Column("held_at", _TIME),
        sa.Column("hold_until", _TIME),
        sa.Column("standing", postgresql.JSONB, nullable=False),
        sa.Column("doubtful", sa.Boolean, nullable=False),
        sa.Column("observed_at", _TIME),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "campaign_id", name="campaigns_pkey"),
        sa.UniqueConstraint("store_id", "network", "external_id", name="campaigns_external_id_key"),
        schema=_SCHEMA,
    )
    op.create_index(
        "campaigns_hold_until_idx",
        "campaigns",
        ["hold_until"],
        schema=_SCHEMA,
        postgresql_where=sa.text("hold_until IS NOT NULL"),
    )
    op.create_index(
        "campaigns_observed_idx", "campaigns", ["observed_at"], schema=_SCHEMA, postgresql_where=sa.text("NOT ended")
    )
    op.create_index("campaigns_updated_idx", "campaigns", ["updated_at", "store_id", "campaign_id"], schema=_SCHEMA)


def _create_products() -> None:
    op.create_table(
        "products",
        sa.Column("store_id", sa.BigInteger, nullable=False),
        sa.Column("product_id", sa.Text, nullable=False),
        sa.Column("sku", sa.Text, server_default="", nullable=False),
        sa.Column("reasons", postgresql.ARRAY(sa.Text), server_default="{}", nullable=False),
        sa.Column("stock_seq", sa.BigInteger, server_default="0", nullable=False),
        sa.Column("bid_seq", sa.BigInteger, server_default="0", nullable=False),
        sa.Column("margin_seq", sa.BigInteger, server_default="0", nullable=False),
        sa.Column("hand", sa.Text, server_default="", nullable=False),
        sa.Column("hand_actor", sa.Text, server_default="", nullable=False),
        sa.Column("hand_note", sa.Text, server_default="", nullable=False),
        sa.Column("hand_until", _TIME),
        sa.Column("factor", sa.Numeric, server_default="1", nullable=False),
        sa.Column("margin", sa.Numeric),
        sa.Column("quantity", sa.BigInteger),
        sa.PrimaryKeyConstraint("store_id", "product_id", name="products_pkey"),
        schema=_SCHEMA,
    )
    op.create_index(
        "products_hand_until_idx",
        "products",
        ["hand_until"],
        schema=_SCHEMA,
        postgresql_where=sa.text("hand_until IS NOT NULL"),
    )


def _create_promotions() -> None:
    op.create_table(
        "promotions",
        sa.Column("store_id", sa.BigInteger, nullable=False),
        sa.Column("campaign_id", sa.Text, nullable=False),
        sa.Column("product_id", sa.Text, nullable=False),
        sa.Column("starts_at", _TIME),
        sa.Column("ends_at", _TIME),
        sa.Column("weight", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "campaign_id", "product_id", name="promotions_pkey"),
        schema=_SCHEMA,
    )
    op.create_index("promotions_product_idx", "promotions", ["store_id", "product_id"], schema=_SCHEMA)


def _create_work() -> None:
    op.create_table(
        "work",
        sa.Column("store_id", sa.BigInteger, nullable=False),
        sa.Column("campaign_id", sa.Text, nullable=False),
        sa.Column("network", sa.Text, nullable=False),
        sa.Column("lane", sa.SmallInteger, nullable=False),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("attempts", sa.Integer, server_default="0", nullable=False),
        sa.Column("lease_owner", sa.Text),
        sa.Column("lease_token", sa.BigInteger, server_default="0", nullable=False),
        sa.Column("lease_until", _TIME),
        sa.PrimaryKeyConstraint("store_id", "campaign_id", name="work_pkey"),
        schema=_SCHEMA,
    )
    op.create_index("work_due_idx", "work", ["lane", "due_at"], schema=_SCHEMA)
