"""Who buys: customers, by what they are recognised, and what they asked of their data."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    text,
)

from kiki.commerce.tables.columns import column, metadata, moment, optional, optional_moment

customers = Table(
    "customers",
    metadata,
    column("store_id", BigInteger),
    column("customer_key", Text),
    optional("customer_id", Text),
    optional("email_sealed", LargeBinary),
    optional("phone_sealed", LargeBinary),
    optional("first_name_sealed", LargeBinary),
    optional("last_name_sealed", LargeBinary),
    optional("accepts_email_marketing", Boolean),
    optional("accepts_sms_marketing", Boolean),
    optional("locale", Text),
    column("profile_digest", LargeBinary),
    optional_moment("profile_updated_at"),
    optional_moment("created_at"),
    optional("first_order_id", Text),
    optional_moment("first_order_at"),
    column("first_order_incremental", Boolean, "false"),
    optional_moment("last_order_at"),
    column("orders_count", Integer, "0"),
    optional("ltv_minor", BigInteger),
    optional("ltv_currency", Text),
    optional("ltv_confidence", Numeric(5, 4)),
    optional("churn_risk", Numeric(5, 4)),
    optional("segment", Text),
    optional_moment("valued_at"),
    optional_moment("churn_flow_at"),
    column("contact_revision", Integer, "0"),
    optional_moment("deleted_at"),
    optional_moment("erased_at"),
    optional("merged_into", Text),
    PrimaryKeyConstraint("store_id", "customer_key", name="customers_pkey"),
    Index(
        "customers_at_risk",
        "store_id",
        "churn_risk",
        postgresql_where=text("churn_risk >= 0.5 AND erased_at IS NULL AND merged_into IS NULL"),
    ),
    postgresql_with={"fillfactor": "80"},
)
"""One row per person of a store. Names and addresses are sealed; `customer_key` is opaque."""

identities = Table(
    "identities",
    metadata,
    column("store_id", BigInteger),
    column("kind", SmallInteger),
    column("value", LargeBinary),
    column("customer_key", Text),
    PrimaryKeyConstraint("store_id", "kind", "value", name="identities_pkey"),
    Index("identities_customer", "store_id", "customer_key"),
)
"""Blind indexes by which a person is recognised: shop id, e-mail, phone, visitor id, click id."""

identity_merges = Table(
    "identity_merges",
    metadata,
    column("store_id", BigInteger),
    column("merged_key", Text),
    column("kept_key", Text),
    column("cause", Text),
    moment("merged_at"),
    PrimaryKeyConstraint("store_id", "merged_key", "kept_key", name="identity_merges_pkey"),
    Index("identity_merges_at", "merged_at"),
)

data_requests = Table(
    "data_requests",
    metadata,
    column("store_id", BigInteger),
    column("request_id", Text),
    column("kind", Text),
    optional("customer_key", Text),
    column("status", Text),
    moment("requested_at"),
    optional_moment("finished_at"),
    PrimaryKeyConstraint("store_id", "request_id", name="data_requests_pkey"),
)
