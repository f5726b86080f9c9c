"""Tables of SyncCreate. What is kept about products is public: it stands in the shop's window."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from kiki.kit.migrations import Owner
from kiki.kit.receipts import receipts_table

SCHEMA = "synccreate"
metadata = sa.MetaData(schema=SCHEMA)
_TIME = sa.DateTime(timezone=True)

receipts = receipts_table(metadata)

creatives = sa.Table(
    "creatives",
    metadata,
    sa.Column("store_id", sa.BigInteger, nullable=False),
    sa.Column("creative_id", sa.Text, nullable=False),
    sa.Column("product_id", sa.Text, nullable=False),
    sa.Column("creative_type", sa.SmallInteger, nullable=False),
    sa.Column("ad_network", sa.SmallInteger, nullable=False),
    sa.Column("locale", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("updated_at", _TIME, nullable=False),
    sa.PrimaryKeyConstraint("store_id", "creative_id", name="creatives_pkey"),
    sa.Index("creatives_by_product", "store_id", "product_id"),
    sa.Index("creatives_newest", "store_id", sa.text("updated_at DESC"), "creative_id"),
)

versions = sa.Table(
    "versions",
    metadata,
    sa.Column("store_id", sa.BigInteger, nullable=False),
    sa.Column("creative_id", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("headline", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("action_text", sa.Text, nullable=False),
    sa.Column("product", JSONB, nullable=False),
    sa.Column("cause", sa.Text, nullable=False),
    sa.Column("writer", sa.Text, nullable=False),
    sa.Column("status", sa.SmallInteger, nullable=False),
    sa.Column("failure", sa.Text, nullable=False, server_default=""),
    sa.Column("created_at", _TIME, nullable=False),
    sa.PrimaryKeyConstraint("store_id", "creative_id", "version", name="versions_pkey"),
)

assets = sa.Table(
    "assets",
    metadata,
    sa.Column("store_id", sa.BigInteger, nullable=False),
    sa.Column("asset_key", sa.Text, nullable=False),
    sa.Column("creative_id", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("place", sa.SmallInteger, nullable=False),
    sa.Column("slot", sa.Text, nullable=False),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("content_type", sa.Text, nullable=False),
    sa.Column("content", sa.LargeBinary),
    sa.Column("sha256", sa.LargeBinary),
    sa.Column("rendered_at", _TIME),
    sa.PrimaryKeyConstraint("store_id", "asset_key", name="assets_pkey"),
    sa.Index("assets_by_creative", "store_id", "creative_id", "version"),
)

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("store_id", sa.BigInteger, nullable=False),
    sa.Column("creative_id", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("run_at", _TIME, nullable=False),
    sa.Column("attempts", sa.SmallInteger, nullable=False, server_default="0"),
    sa.Column("lease_token", sa.BigInteger),
    sa.PrimaryKeyConstraint("store_id", "creative_id", "version", name="jobs_pkey"),
    sa.Index("jobs_due", "run_at"),
)
"""Versions that wait to be rendered; a lease moves `run_at` ahead, a settled job is deleted."""

OWNER = Owner(schema=SCHEMA, metadata=metadata, migrations=Path(__file__).parent / "migrations")
