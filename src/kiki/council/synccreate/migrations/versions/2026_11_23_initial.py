"""The first tables of SyncCreate."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from kiki.kit.receipts import create_receipts_table

revision = "2026_11_23_initial"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    create_receipts_table("synccreate")
    op.create_table(
        "assets",
        sa.Column("store_id", sa.BigInteger(), nullable=False),
        sa.Column("asset_key", sa.Text(), nullable=False),
        sa.Column("creative_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("place", sa.SmallInteger(), nullable=False),
        sa.Column("slot", sa.Text(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("sha256", sa.LargeBinary(), nullable=True),
        sa.Column("rendered_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("store_id", "asset_key", name="assets_pkey"),
        schema="synccreate",
    )
    op.create_index(
        "assets_by_creative", "assets", ["store_id", "creative_id", "version"], unique=False, schema="synccreate"
    )
    op.create_table(
        "creatives",
        sa.Column("store_id", sa.BigInteger(), nullable=False),
        sa.Column("creative_id", sa.Text(), nullable=False),
        sa.Column("product_id", sa.Text(), nullable=False),
        sa.Column("creative_type", sa.SmallInteger(), nullable=False),
        sa.Column("ad_network", sa.SmallInteger(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("store_id", "creative_id", name="creatives_pkey"),
        schema="synccreate",
    )
    op.create_index("creatives_by_product", "creatives", ["store_id", "product_id"], unique=False, schema="synccreate")
    op.create_index(
        "creatives_newest",
        "creatives",
        ["store_id", sa.literal_column("updated_at DESC"), "creative_id"],
        unique=False,
        schema="synccreate",
    )
    op.create_table(
        "jobs",
        sa.Column("store_id", sa.BigInteger(), nullable=False),
        sa.Column("creative_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("run_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("lease_token", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("store_id", "creative_id", "version", name="jobs_pkey"),
        schema="synccreate",
    )
    op.create_index("jobs_due", "jobs", ["run_at"], unique=False, schema="synccreate")
    op.create_table(
        "versions",
        sa.Column("store_id", sa.BigInteger(), nullable=False),
        sa.Column("creative_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("headline", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("action_text", sa.Text(), nullable=False),
        sa.Column("product", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("writer", sa.Text(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("failure", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("store_id", "creative_id", "version", name="versions_pkey"),
        schema="synccreate",
    )


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("versions", schema="synccreate")
    op.drop_table("jobs", schema="synccreate")
    op.drop_table("creatives", schema="synccreate")
    op.drop_table("assets", schema="synccreate")
    op.drop_table("receipts", schema="synccreate")
