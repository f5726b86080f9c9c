"""Tables of the schema `syncvalue`."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, DOUBLE_PRECISION, JSONB

from kiki.kit.migrations import Owner
from kiki.kit.receipts import receipts_table

SCHEMA = "syncvalue"
metadata = sa.MetaData(schema=SCHEMA)

stores = sa.Table(
    "stores",
    metadata,
    sa.Column("store_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("rate_shape", DOUBLE_PRECISION, nullable=False, server_default="0.8"),
    sa.Column("rate_scale_days", DOUBLE_PRECISION, nullable=False, server_default="100"),
    sa.Column("leave", DOUBLE_PRECISION, nullable=False, server_default="1"),
    sa.Column("stay", DOUBLE_PRECISION, nullable=False, server_default="1.3"),
    sa.Column("mean_spend_minor", DOUBLE_PRECISION, nullable=False, server_default="0"),
    sa.Column("spend_strength", DOUBLE_PRECISION, nullable=False, server_default="2"),
    sa.Column("low_below_minor", DOUBLE_PRECISION),
    sa.Column("high_from_minor", DOUBLE_PRECISION),
    sa.Column("customers", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("has_merges", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("refreshed_at", sa.DateTime(timezone=True)),
    sa.Column("model_version", sa.Integer, nullable=False, server_default="0"),
    sa.Column("fit_tried_at", sa.DateTime(timezone=True)),
    sa.Column("fit_customers", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("fit_problem", sa.Text, nullable=False, server_default=""),
    sa.Column("promotions_revision", sa.BigInteger, nullable=False, server_default="0"),
    comment="One row per store: the lock under which its history is written, and its model.",
)

orders = sa.Table(
    "orders",
    metadata,
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
    sa.Index("orders_customer", "store_id", "customer_key", postgresql_where=sa.text("customer_key <> ''")),
    sa.Index("orders_paid_at", "paid_at", postgresql_using="brin", postgresql_with={"pages_per_range": 32}),
    comment="Every order as last told; the purchase history. Amounts are what is left after refunds.",
)

customers = sa.Table(
    "customers",
    metadata,
    sa.Column("store_id", sa.BigInteger, nullable=False),
    sa.Column("customer_key", sa.Text, nullable=False),
    sa.Column("currency", sa.CHAR(3), nullable=False),
    sa.Column("order_count", sa.Integer, nullable=False),
    sa.Column("spend_orders", sa.Integer, nullable=False),
    sa.Column("spent_minor", sa.BigInteger, nullable=False),
    sa.Column("first_order_at", sa.DateTime(timezone=True)),
    sa.Column("last_order_at", sa.DateTime(timezone=True)),
    sa.Column("purchase_days", sa.Integer, nullable=False, server_default="0"),
    sa.Column("first_day_minor", sa.BigInteger, nullable=False, server_default="0"),
    sa.PrimaryKeyConstraint("store_id", "customer_key", name="customers_pkey"),
    comment="Running statistics of each customer's purchases; can be recounted from `orders`.",
)

aliases = sa.Table(
    "aliases",
    metadata,
    sa.Column("store_id", sa.BigInteger, nullable=False),
    sa.Column("merged_key", sa.Text, nullable=False),
    sa.Column("kept_key", sa.Text, nullable=False),
    sa.PrimaryKeyConstraint("store_id", "merged_key", name="aliases_pkey"),
    sa.Index("aliases_kept", "store_id", "kept_key"),
    comment="Customers that were absorbed by another one; `kept_key` is never itself merged.",
)

baselines = sa.Table(
    "baselines",
    metadata,
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
    sa.Column("history_from", sa.DateTime(timezone=True)),
    comment="The baseline of each store as computed last.",
)

forecasts = sa.Table(
    "forecasts",
    metadata,
    sa.Column("store_id", sa.BigInteger, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("problem", sa.Text, nullable=False),
    sa.Column("currency", sa.CHAR(3), nullable=False),
    sa.Column("basis", sa.SmallInteger, nullable=False),
    sa.Column("time_zone", sa.Text, nullable=False),
    sa.Column("first_month", sa.Date, nullable=False),
    sa.Column("interval_level", DOUBLE_PRECISION, nullable=False),
    sa.Column("expected_minor", ARRAY(sa.BigInteger), nullable=False),
    sa.Column("lower_minor", ARRAY(sa.BigInteger), nullable=False),
    sa.Column("upper_minor", ARRAY(sa.BigInteger), nullable=False),
    sa.Column("year_minor", ARRAY(sa.BigInteger)),
    sa.Column("trained_from", sa.DateTime(timezone=True)),
    sa.Column("trained_to", sa.DateTime(timezone=True)),
    sa.Column("history_months", sa.Integer, nullable=False),
    sa.Column("yearly_season", sa.Boolean, nullable=False),
    sa.Column("promotions", sa.Integer, nullable=False),
    sa.Column("origins", sa.Integer, nullable=False),
    sa.Column("error", DOUBLE_PRECISION),
    sa.Column("plain_error", DOUBLE_PRECISION),
    sa.Column("month_error", DOUBLE_PRECISION),
    sa.Column("plain_month_error", DOUBLE_PRECISION),
    sa.Column("interval_coverage", DOUBLE_PRECISION),
    sa.Column("seasonal_recommended", sa.Boolean, nullable=False),
    sa.Column("computed_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("promotions_revision", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("promotion_periods", JSONB, nullable=False, server_default="[]"),
    sa.Column("promotion_effect", DOUBLE_PRECISION),
    sa.PrimaryKeyConstraint("store_id", "revision", name="forecasts_pkey"),
    comment="Seasonal forecasts beside the baselines, an array entry per month from `first_month`; appended only.",
)

promotions = sa.Table(
    "promotions",
    metadata,
    sa.Column("store_id", sa.BigInteger, nullable=False),
    sa.Column("promotion_id", sa.BigInteger, nullable=False),
    sa.Column("first_day", sa.Date, nullable=False),
    sa.Column("last_day", sa.Date, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint("store_id", "promotion_id", name="promotions_pkey"),
    sa.UniqueConstraint("store_id", "first_day", "last_day", name="promotions_days"),
    sa.CheckConstraint("first_day <= last_day", name="promotions_days_check"),
    comment="Days on which shops sold or will sell at a special offer, as their merchants registered them.",
)

models = sa.Table(
    "models",
    metadata,
    sa.Column("store_id", sa.BigInteger, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("chosen_by", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("unit", sa.Text, nullable=False),
    sa.Column("currency", sa.CHAR(3), nullable=False),
    sa.Column("parameters", JSONB, nullable=False),
    sa.Column("serving_table", sa.LargeBinary, nullable=False),
    sa.Column("customers", sa.BigInteger, nullable=False),
    sa.Column("purchases", sa.BigInteger, nullable=False),
    sa.Column("log_likelihood", DOUBLE_PRECISION, nullable=False),
    sa.Column("own_weight", DOUBLE_PRECISION, nullable=False),
    sa.Column("prior_stores", sa.Integer, nullable=False),
    sa.Column("back_test", JSONB),
    sa.Column("accuracy", JSONB),
    sa.Column("fitted_at", sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint("store_id", "version", name="models_pkey"),
    comment="Fitted models of lifetime value; the last version serves, earlier ones say what was thought.",
)

receipts = receipts_table(metadata)

OWNER = Owner(schema=SCHEMA, metadata=metadata, migrations=Path(__file__).parent / "migrations")
