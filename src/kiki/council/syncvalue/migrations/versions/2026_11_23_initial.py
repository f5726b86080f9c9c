"""The first tables of SyncValue."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION

from kiki.kit.receipts import create_receipts_table

revision = "2026_11_23_initial"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "syncvalue"


def upgrade() -> None:
    op.create_table(
        "stores",
        sa.Column("store_id", sa.BigInteger, primary_key=True, autoincrement=False),
        *(
            sa.Column(name, DOUBLE_PRECISION, nullable=False)
            for name in ("rate_shape", "rate_scale_days", "leave", "stay", "mean_spend_minor", "spend_strength")
        ),
        sa.Column("low_below_minor", DOUBLE_PRECISION),
        sa.Column("high_from_minor", DOUBLE_PRECISION),
        sa.Column("customers", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("has_merges", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("refreshed_at", sa.DateTime(timezone=True)),
        schema=SCHEMA,
        comment="One row per store: the lock under which its history is written, and its model.",
    )
    op.create_table(
        "orders",
        sa.Column("store_id", sa.BigInteger, nullable=False),
        sa.Column("order_id", sa.Text, nullable=False),
        sa.Column("decision_seq", sa.BigInteger, nullable=False),
        sa.Column("customer_key", sa.Text, nullable=False),
        sa.Column("total_minor", sa.BigInteger, nullable=False),
        sa.Column("net_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True)),
        sa.Column("source", sa.SmallInteger, nullable=False),
        sa.Column("units", sa.Integer, nullable=False),
        sa.Column("first_order", sa.Boolean, nullable=False),
        sa.Column("cancelled", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "order_id", name="orders_pkey"),
        sa.CheckConstraint("total_minor >= 0 AND net_minor >= 0", name="orders_amounts_check"),
        schema=SCHEMA,
        comment="Every order as last told; the purchase history. Amounts are what is left after refunds.",
    )
    op.create_index(
        "orders_customer",
        "orders",
        ["store_id", "customer_key"],
        schema=SCHEMA,
        postgresql_where=sa.text("customer_key <> ''"),
    )
    op.create_index(
        "orders_paid_at",
        "orders",
        ["paid_at"],
        schema=SCHEMA,
        postgresql_using="brin",
        postgresql_with={"pages_per_range": 32},
    )
    op.create_table(
        "customers",
        sa.Column("store_id", sa.BigInteger, nullable=False),
        sa.Column("customer_key", sa.Text, nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("order_count", sa.Integer, nullable=False),
        sa.Column("spend_orders", sa.Integer, nullable=False),
        sa.Column("spent_minor", sa.BigInteger, nullable=False),
        sa.Column("first_order_at", sa.DateTime(timezone=True)),
        sa.Column("last_order_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("store_id", "customer_key", name="customers_pkey"),
        schema=SCHEMA,
        comment="Running statistics of each customer's purchases; can be recounted from `orders`.",
    )
    op.create_table(
        "aliases",
        sa.Column("store_id", sa.BigInteger, nullable=False),
        sa.Column("merged_key", sa.Text, nullable=False),
        sa.Column("kept_key", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "merged_key", name="aliases_pkey"),
        schema=SCHEMA,
        comment="Customers that were absorbed by another one; `kept_key` is never itself merged.",
    )
    op.create_index("aliases_kept", "aliases", ["store_id", "kept_key"], schema=SCHEMA)
    op.create_table(
        "baselines",
        sa.Column("store_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("start_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("end_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("time_zone", sa.Text, nullable=False),
        sa.Column("basis", sa.SmallInteger, nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("revenue_minor", sa.BigInteger, nullable=False),
        sa.Column("monthly_average_minor", sa.BigInteger, nullable=False),
        sa.Column("average_order_minor", sa.BigInteger, nullable=False),
        sa.Column("orders", sa.BigInteger, nullable=False),
        sa.Column("unique_customers", sa.BigInteger, nullable=False),
        sa.Column("repeat_customers", sa.BigInteger, nullable=False),
        sa.Column("months_available", sa.Integer, nullable=False),
        sa.Column("skipped_orders", sa.BigInteger, nullable=False),
        sa.Column("computed_at", sa.DateTime(timezone=True), nullable=False),
        schema=SCHEMA,
        comment="The baseline of each store as computed last.",
    )
    create_receipts_table(SCHEMA)
    for table in ("orders", "customers"):
        op.execute(f"ALTER TABLE {SCHEMA}.{table} SET (fillfactor = 85)")


def downgrade() -> None:
    for table in ("receipts", "baselines", "aliases", "customers", "orders", "stores"):
        op.drop_table(table, schema=SCHEMA)
