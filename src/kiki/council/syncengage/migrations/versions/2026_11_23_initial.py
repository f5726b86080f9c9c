"""The first tables of SyncEngage."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from kiki.kit.receipts import create_receipts_table

revision = "2026_11_23_initial"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    create_receipts_table("syncengage")
    op.execute("CREATE SEQUENCE syncengage.identifiers INCREMENT 1000")
    op.create_table(
        "baskets",
        sa.Column("store_id", sa.BigInteger(), nullable=False),
        sa.Column("basket_id", sa.BigInteger(), nullable=False),
        sa.Column("product_ids", sa.Text(), nullable=False),
        sa.Column("titles", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("store_id", "basket_id", name="baskets_pkey"),
        schema="syncengage",
    )
    op.create_table(
        "co_purchases",
        sa.Column("store_id", sa.BigInteger(), nullable=False),
        sa.Column("product_id", sa.Text(), nullable=False),
        sa.Column("other_product_id", sa.Text(), nullable=False),
        sa.Column("orders", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("store_id", "product_id", "other_product_id", name="co_purchases_pkey"),
        schema="syncengage",
    )
    op.create_table(
        "consent_log",
        sa.Column("store_id", sa.BigInteger(), nullable=False),
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_key", sa.Text(), nullable=False),
        sa.Column("channel", sa.SmallInteger(), nullable=False),
        sa.Column("granted", sa.Boolean(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("store_id", "entry_id", name="consent_log_pkey"),
        schema="syncengage",
    )
    op.create_index(
        "consent_log_by_customer",
        "consent_log",
        ["store_id", "customer_key", "entry_id"],
        unique=False,
        schema="syncengage",
    )
    op.create_table(
        "contacts",
        sa.Column("store_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_key", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("sealed_identity", sa.LargeBinary(), nullable=True),
        sa.Column("email_index", sa.LargeBinary(), nullable=True),
        sa.Column("phone_index", sa.LargeBinary(), nullable=True),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("email_consent", sa.Boolean(), nullable=True),
        sa.Column("email_consent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("email_consent_source", sa.Text(), nullable=False),
        sa.Column("sms_consent", sa.Boolean(), nullable=True),
        sa.Column("sms_consent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sms_consent_source", sa.Text(), nullable=False),
        sa.Column("email_unsubscribed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sms_unsubscribed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("observed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("store_id", "customer_key", name="contacts_pkey"),
        schema="syncengage",
    )
    op.create_index(
        "contacts_by_email",
        "contacts",
        ["store_id", "email_index"],
        unique=False,
        schema="syncengage",
        postgresql_where=sa.text("email_index IS NOT NULL"),
    )
    op.create_table(
        "flows",
        sa.Column("store_id", sa.BigInteger(), nullable=False),
        sa.Column("flow_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("held_out", sa.Boolean(), nullable=False),
        sa.Column("holdout_share", sa.Float(), nullable=False),
        sa.Column("customer_key", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("sealed_facts", sa.LargeBinary(), nullable=True),
        sa.Column("suppressed", sa.Text(), nullable=False),
        sa.Column("code_wanted_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("store_id", "flow_id", name="flows_pkey"),
        schema="syncengage",
    )
    op.create_index(
        "flows_by_customer", "flows", ["store_id", "customer_key", "flow_id"], unique=False, schema="syncengage"
    )
    op.create_index(
        "flows_waiting",
        "flows",
        ["code_wanted_by"],
        unique=False,
        schema="syncengage",
        postgresql_where=sa.text("status = 4"),
    )
    op.create_table(
        "messages",
        sa.Column("store_id", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("flow_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_key", sa.Text(), nullable=False),
        sa.Column("channel", sa.SmallInteger(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("marketing", sa.Boolean(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("send_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("lease_token", sa.BigInteger(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("handed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("store_id", "message_id", name="messages_pkey"),
        schema="syncengage",
    )
    op.create_index(
        "messages_by_customer",
        "messages",
        ["store_id", "customer_key", "message_id"],
        unique=False,
        schema="syncengage",
    )
    op.create_index(
        "messages_due",
        "messages",
        ["send_at"],
        unique=False,
        schema="syncengage",
        postgresql_where=sa.text("status <= 2"),
    )
    op.create_table(
        "products",
        sa.Column("store_id", sa.BigInteger(), nullable=False),
        sa.Column("product_id", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("orders", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("store_id", "product_id", name="products_pkey"),
        schema="syncengage",
    )
    op.create_index(
        "products_bestsellers",
        "products",
        ["store_id", sa.literal_column("orders DESC")],
        unique=False,
        schema="syncengage",
    )
    op.create_table(
        "shops",
        sa.Column("store_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("store_id", name="shops_pkey"),
        schema="syncengage",
    )
    # Room for new versions of rows beside the old ones: no index holds what changes, so none has to be touched.
    for table in ("contacts", "co_purchases"):
        op.execute(f"ALTER TABLE syncengage.{table} SET (fillfactor = 80)")
    # A queue: every row is deleted within seconds.
    op.execute(
        "ALTER TABLE syncengage.baskets SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000)"
    )


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("shops", schema="syncengage")
    op.drop_table("products", schema="syncengage")
    op.drop_table("messages", schema="syncengage")
    op.drop_table("flows", schema="syncengage")
    op.drop_table("contacts", schema="syncengage")
    op.drop_table("consent_log", schema="syncengage")
    op.drop_table("co_purchases", schema="syncengage")
    op.drop_table("baskets", schema="syncengage")
    op.drop_table("receipts", schema="syncengage")
    op.execute("DROP SEQUENCE syncengage.identifiers")
