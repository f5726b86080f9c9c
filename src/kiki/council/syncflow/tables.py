"""Tables of SyncFlow."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from kiki.kit.migrations import Owner
from kiki.kit.receipts import receipts_table

SCHEMA = "syncflow"
metadata = sa.MetaData(schema=SCHEMA)

_time = sa.DateTime(timezone=True)
receipts = receipts_table(metadata)

lease_tokens = sa.Sequence("lease_tokens", metadata=metadata)
"""Fencing tokens: each lease has a higher one than every lease before it."""

ad_networks = sa.Table(
    "ad_networks",
    metadata,
    sa.Column("store_id", sa.BigInteger, nullable=False),
    sa.Column("network", sa.Text, nullable=False),
    sa.Column("base_url", sa.Text, nullable=False),
    sa.Column("token", sa.LargeBinary, nullable=False),
    sa.Column("updated_at", _time, nullable=False),
    sa.PrimaryKeyConstraint("store_id", "network", name="ad_networks_pkey"),
)

campaigns = sa.Table(
    "campaigns",
    metadata,
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
    sa.Column("held_at", _time),
    sa.Column("hold_until", _time),
    sa.Column("standing", postgresql.JSONB, nullable=False),
    sa.Column("doubtful", sa.Boolean, nullable=False),
    sa.Column("observed_at", _time),
    sa.Column("updated_at", _time, nullable=False),
    sa.PrimaryKeyConstraint("store_id", "campaign_id", name="campaigns_pkey"),
    sa.UniqueConstraint("store_id", "network", "external_id", name="campaigns_external_id_key"),
)
sa.Index("campaigns_updated_idx", campaigns.c.updated_at, campaigns.c.store_id, campaigns.c.campaign_id)
sa.Index("campaigns_observed_idx", campaigns.c.observed_at, postgresql_where=sa.text("NOT ended"))
sa.Index("campaigns_hold_until_idx", campaigns.c.hold_until, postgresql_where=sa.text("hold_until IS NOT NULL"))

promotions = sa.Table(
    "promotions",
    metadata,
    sa.Column("store_id", sa.BigInteger, nullable=False),
    sa.Column("campaign_id", sa.Text, nullable=False),
    sa.Column("product_id", sa.Text, nullable=False),
    sa.Column("starts_at", _time),
    sa.Column("ends_at", _time),
    sa.Column("weight", sa.Integer, nullable=False),
    sa.PrimaryKeyConstraint("store_id", "campaign_id", "product_id", name="promotions_pkey"),
)
sa.Index("promotions_product_idx", promotions.c.store_id, promotions.c.product_id)

products = sa.Table(
    "products",
    metadata,
    sa.Column("store_id", sa.BigInteger, nullable=False),
    sa.Column("product_id", sa.Text, nullable=False),
    sa.Column("sku", sa.Text, nullable=False, server_default=""),
    sa.Column("reasons", postgresql.ARRAY(sa.Text), nullable=False, server_default="{}"),
    sa.Column("stock_seq", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("bid_seq", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("margin_seq", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("hand", sa.Text, nullable=False, server_default=""),
    sa.Column("hand_actor", sa.Text, nullable=False, server_default=""),
    sa.Column("hand_note", sa.Text, nullable=False, server_default=""),
    sa.Column("hand_until", _time),
    sa.Column("factor", sa.Numeric, nullable=False, server_default="1"),
    sa.Column("margin", sa.Numeric),
    sa.Column("quantity", sa.BigInteger),
    sa.PrimaryKeyConstraint("store_id", "product_id", name="products_pkey"),
)
sa.Index("products_hand_until_idx", products.c.hand_until, postgresql_where=sa.text("hand_until IS NOT NULL"))

actions = sa.Table(
    "actions",
    metadata,
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
    sa.Column("requested_at", _time, nullable=False),
    sa.Column("applied_at", _time),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("last_error", sa.Text, nullable=False, server_default=""),
    sa.Column("decision_seq", sa.BigInteger, nullable=False),
    sa.PrimaryKeyConstraint("store_id", "action_id", name="actions_pkey"),
)
sa.Index(
    "actions_open_idx",
    actions.c.store_id,
    actions.c.campaign_id,
    postgresql_where=sa.text("state IN ('pending', 'held')"),
)

work = sa.Table(
    "work",
    metadata,
    sa.Column("store_id", sa.BigInteger, nullable=False),
    sa.Column("campaign_id", sa.Text, nullable=False),
    sa.Column("network", sa.Text, nullable=False),
    sa.Column("lane", sa.SmallInteger, nullable=False),
    sa.Column("due_at", _time, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("lease_owner", sa.Text),
    sa.Column("lease_token", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("lease_until", _time),
    sa.PrimaryKeyConstraint("store_id", "campaign_id", name="work_pkey"),
)
sa.Index("work_due_idx", work.c.lane, work.c.due_at)

OWNER = Owner(schema=SCHEMA, metadata=metadata, migrations=Path(__file__).parent / "migrations")
