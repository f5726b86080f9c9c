"""The tables of the schema `commerce`, each defined once here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from kiki.kit.migrations import Owner

metadata = MetaData(schema="commerce")


def _column(name: str, kind: TypeEngine[Any] | type[TypeEngine[Any]], default: str | None = None) -> Column[Any]:
    """A column that always has a value."""
    return Column(name, kind, nullable=False, server_default=None if default is None else text(default))


def _optional(name: str, kind: TypeEngine[Any] | type[TypeEngine[Any]]) -> Column[Any]:
    return Column(name, kind, nullable=True)


def _at(name: str) -> Column[Any]:
    return _column(name, DateTime(timezone=True))


def _optional_at(name: str) -> Column[Any]:
    return _optional(name, DateTime(timezone=True))


store_connections = Table(
    "store_connections",
    metadata,
    Column("store_id", BigInteger, Identity(), primary_key=True),
    _column("platform", Text),
    _column("store_key", Text),
    _column("display_name", Text),
    _column("currency", Text),
    _column("timezone", Text),
    _column("status", Text),
    _at("connected_at"),
    _optional_at("uninstalled_at"),
    _column("token_hash", LargeBinary),
    _optional("secret_sealed", LargeBinary),
    _optional("previous_secret_sealed", LargeBinary),
    _column("settings", JSONB),
    _column("campaigns_revision", BigInteger, "0"),
    _optional_at("erased_at"),
    _column("collector_key", Text, "replace(gen_random_uuid()::text, '-', '')"),
    UniqueConstraint("platform", "store_key", name="store_connections_platform_store_key_key"),
    UniqueConstraint("token_hash", name="store_connections_token_hash_key"),
    UniqueConstraint("collector_key", name="store_connections_collector_key_key"),
)

products = Table(
    "products",
    metadata,
    _column("store_id", BigInteger),
    _column("product_id", Text),
    _column("title", Text),
    _column("description", Text),
    _column("vendor", Text),
    _column("category", Text),
    _optional("page_url", Text),
    _column("image_urls", JSONB),
    _at("created_at"),
    PrimaryKeyConstraint("store_id", "product_id", name="products_pkey"),
)
"""What a product says; rewritten only when the words or pictures change."""

product_states = Table(
    "product_states",
    metadata,
    _column("store_id", BigInteger),
    _column("product_id", Text),
    _column("status", Text),
    _column("deleted", Boolean, "false"),
    _column("doubtful", Boolean, "false"),
    _at("updated_at"),
    _column("triggered_at", Text, "''"),
    _column("content_digest", LargeBinary),
    _column("image_digest", LargeBinary),
    _optional("price_minor", BigInteger),
    _optional("price_currency", Text),
    _optional("margin", Numeric(6, 4)),
    _optional("quantity", BigInteger),
    _column("sellable", Boolean, "true"),
    _column("ads", Text, "'running'"),
    _column("ads_reason", Text, "''"),
    _optional_at("ads_changed_at"),
    _optional_at("resume_at"),
    _column("bids_lowered", Boolean, "false"),
    _column("decision_seq", BigInteger, "0"),
    _column("creative_made", Boolean, "false"),
    _optional_at("variants_at"),
    PrimaryKeyConstraint("store_id", "product_id", name="product_states_pkey"),
    Index("product_states_resume_due", "store_id", "resume_at", postgresql_where=text("resume_at IS NOT NULL")),
    Index("product_states_ads", "store_id", "ads", "product_id", postgresql_where=text("ads <> 'running'")),
    postgresql_with={"fillfactor": "80"},
)
"""What changes with every sale, and what the stock guard decided; slim, so that an update stays on its page."""

variants = Table(
    "variants",
    metadata,
    _column("store_id", BigInteger),
    _column("product_id", Text),
    _column("variant_id", Text),
    _column("sku", Text),
    _optional("price_minor", BigInteger),
    _optional("compare_at_minor", BigInteger),
    _optional("cost_minor", BigInteger),
    _optional("currency", Text),
    _optional("inventory_item_id", Text),
    _optional("tracked", Boolean),
    _optional("may_oversell", Boolean),
    _optional("quantity", BigInteger),
    _optional("stock_status", Text),
    _column("active", Boolean, "true"),
    _column("deleted", Boolean, "false"),
    _column("speaks", Boolean, "false"),
    _at("updated_at"),
    PrimaryKeyConstraint("store_id", "product_id", "variant_id", name="variants_pkey"),
    Index(
        "variants_inventory_item",
        "store_id",
        "inventory_item_id",
        postgresql_where=text("inventory_item_id IS NOT NULL"),
    ),
    postgresql_with={"fillfactor": "80"},
)

inventory_items = Table(
    "inventory_items",
    metadata,
    _column("store_id", BigInteger),
    _column("inventory_item_id", Text),
    _column("tracked", Boolean),
    _optional("cost_minor", BigInteger),
    _optional("cost_currency", Text),
    _column("sku", Text),
    _at("updated_at"),
    PrimaryKeyConstraint("store_id", "inventory_item_id", name="inventory_items_pkey"),
)

inventory_levels = Table(
    "inventory_levels",
    metadata,
    _column("store_id", BigInteger),
    _column("inventory_item_id", Text),
    _column("location_id", Text),
    _optional("available", BigInteger),
    _at("updated_at"),
    PrimaryKeyConstraint("store_id", "inventory_item_id", "location_id", name="inventory_levels_pkey"),
    postgresql_with={"fillfactor": "80"},
)

inventory_events = Table(
    "inventory_events",
    metadata,
    _column("store_id", BigInteger),
    Column("inventory_event_id", BigInteger, Identity(always=True), nullable=False),
    _column("product_id", Text),
    _at("at"),
    _column("transition", Text),
    _column("cause", Text),
    _column("actor", Text, "''"),
    _optional("quantity", BigInteger),
    _column("decision_seq", BigInteger),
    PrimaryKeyConstraint("store_id", "inventory_event_id", name="inventory_events_pkey"),
    Index("inventory_events_product", "store_id", "product_id", "inventory_event_id"),
)

holds = Table(
    "holds",
    metadata,
    _column("store_id", BigInteger),
    _column("product_id", Text),
    _column("kind", Text),
    _column("actor", Text),
    _column("reason", Text),
    _at("placed_at"),
    _optional_at("expires_at"),
    PrimaryKeyConstraint("store_id", "product_id", name="holds_pkey"),
)

customers = Table(
    "customers",
    metadata,
    _column("store_id", BigInteger),
    _column("customer_key", Text),
    _optional("customer_id", Text),
    _optional("email_sealed", LargeBinary),
    _optional("phone_sealed", LargeBinary),
    _optional("first_name_sealed", LargeBinary),
    _optional("last_name_sealed", LargeBinary),
    _optional("accepts_email_marketing", Boolean),
    _optional("accepts_sms_marketing", Boolean),
    _optional("locale", Text),
    _column("profile_digest", LargeBinary),
    _optional_at("profile_updated_at"),
    _optional_at("created_at"),
    _optional("first_order_id", Text),
    _optional_at("first_order_at"),
    _column("first_order_incremental", Boolean, "false"),
    _optional_at("last_order_at"),
    _column("orders_count", Integer, "0"),
    _optional("ltv_minor", BigInteger),
    _optional("ltv_currency", Text),
    _optional("ltv_confidence", Numeric(5, 4)),
    _optional("churn_risk", Numeric(5, 4)),
    _optional("segment", Text),
    _optional_at("valued_at"),
    _optional_at("churn_flow_at"),
    _column("contact_revision", Integer, "0"),
    _optional_at("deleted_at"),
    _optional_at("erased_at"),
    _optional("merged_into", Text),
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
    _column("store_id", BigInteger),
    _column("kind", SmallInteger),
    _column("value", LargeBinary),
    _column("customer_key", Text),
    PrimaryKeyConstraint("store_id", "kind", "value", name="identities_pkey"),
    Index("identities_customer", "store_id", "customer_key"),
)
"""Blind indexes by which a person is recognised: shop id, e-mail, phone, visitor id, click id."""

identity_merges = Table(
    "identity_merges",
    metadata,
    _column("store_id", BigInteger),
    _column("merged_key", Text),
    _column("kept_key", Text),
    _column("cause", Text),
    _at("merged_at"),
    PrimaryKeyConstraint("store_id", "merged_key", "kept_key", name="identity_merges_pkey"),
    Index("identity_merges_at", "merged_at"),
)

orders = Table(
    "orders",
    metadata,
    _column("store_id", BigInteger),
    _column("order_id", Text),
    _column("number", Text),
    _column("status", Text),
    _column("customer_key", Text),
    _at("placed_at"),
    _optional_at("paid_at"),
    _optional_at("cancelled_at"),
    _optional_at("deleted_at"),
    _at("updated_at"),
    _column("triggered_at", Text, "''"),
    _column("currency", Text),
    _column("total_minor", BigInteger),
    _column("net_minor", BigInteger),
    _column("refunded_minor", BigInteger, "0"),
    _optional("settlement_currency", Text),
    _optional("exchange_rate", Text),
    _column("is_test", Boolean),
    _column("live", Boolean),
    _column("lines_digest", LargeBinary),
    _column("verdict", Text, "'none'"),
    _column("confidence", Numeric(4, 3), "0"),
    _optional("campaign_id", Text),
    _column("attribution_revision", Integer, "0"),
    _optional("booked_revision", Integer),
    _optional("booked_minor", BigInteger),
    _optional("booked_total_minor", BigInteger),
    _optional("booked_currency", Text),
    _optional("booked_attribution", Integer),
    _column("booking_reversed", Boolean, "false"),
    _column("cancellation_booked", Boolean, "false"),
    _optional_at("billable_at"),
    _column("told_revision", Integer, "0"),
    _column("welcomed", Boolean, "false"),
    _column("upsold", Boolean, "false"),
    _optional("fee_minor", BigInteger),
    _optional("fee_currency", Text),
    PrimaryKeyConstraint("store_id", "order_id", name="orders_pkey"),
    Index("orders_placed", "store_id", "placed_at", "order_id"),
    Index("orders_customer", "store_id", "customer_key", "placed_at"),
    Index("orders_verdict", "store_id", "verdict", "placed_at", "order_id", postgresql_where=text("verdict <> 'none'")),
    postgresql_with={"fillfactor": "85"},
)

order_items = Table(
    "order_items",
    metadata,
    _column("store_id", BigInteger),
    _column("order_id", Text),
    _column("line_id", Text),
    _optional("product_id", Text),
    _optional("variant_id", Text),
    _column("sku", Text),
    _column("title", Text),
    _column("quantity", BigInteger),
    _column("net_minor", BigInteger),
    _column("currency", Text),
    _column("gift_card", Boolean, "false"),
    PrimaryKeyConstraint("store_id", "order_id", "line_id", name="order_items_pkey"),
)

order_refunds = Table(
    "order_refunds",
    metadata,
    _column("store_id", BigInteger),
    _column("order_id", Text),
    _column("refund_id", Text),
    _column("amount_minor", BigInteger),
    _column("currency", Text),
    _at("refunded_at"),
    _at("seen_at"),
    _column("pending", Boolean),
    _column("booked", Boolean, "false"),
    PrimaryKeyConstraint("store_id", "order_id", "refund_id", name="order_refunds_pkey"),
)
"""Refunds are facts, each once. `pending`: its order has not been seen yet."""

touchpoints = Table(
    "touchpoints",
    metadata,
    _column("store_id", BigInteger),
    _column("touchpoint_id", Text),
    _column("customer_key", Text),
    _at("at"),
    _column("kind", Text),
    _column("source", Text),
    _optional("campaign_id", Text),
    _optional("utm_source", Text),
    _optional("utm_medium", Text),
    _optional("utm_campaign", Text),
    _optional("utm_id", Text),
    _optional("order_id", Text),
    _at("recorded_at"),
    _optional("landing", Text),
    _optional("referrer", Text),
    _optional("consent", Text),
    PrimaryKeyConstraint("store_id", "touchpoint_id", name="touchpoints_pkey"),
    Index("touchpoints_customer", "store_id", "customer_key", "at"),
    Index("touchpoints_at", "at", postgresql_using="brin"),
)
"""Contacts with campaigns, by person. Addresses and click ids stand in `identities`, as blind indexes."""

attributions = Table(
    "attributions",
    metadata,
    _column("store_id", BigInteger),
    _column("order_id", Text),
    _column("revision", Integer),
    _column("model", Text),
    _column("model_version", Text),
    _at("decided_at"),
    _column("cause", Text),
    _column("verdict", Text),
    _column("confidence", Numeric(4, 3)),
    _optional("campaign_id", Text),
    _column("evidence", JSONB),
    PrimaryKeyConstraint("store_id", "order_id", "revision", name="attributions_pkey"),
)
"""Every decision about an order, appended; the newest revision stands on the order too. Untouched orders have none."""

attribution_models = Table(
    "attribution_models",
    metadata,
    _column("store_id", BigInteger),
    _column("name", Text),
    _column("fingerprint", Text),
    _at("fitted_at"),
    _column("source", Text),
    _column("size", BigInteger),
    _column("parameters", JSONB),
    _column("report", JSONB),
    PrimaryKeyConstraint("store_id", "name", "fingerprint", name="attribution_models_pkey"),
)
"""Parameters of fitted models, each kept for good; a model speaks by those that were fitted last.

`size` is the number of orders, or of users, that they were fitted on.
"""

attribution_shadows = Table(
    "attribution_shadows",
    metadata,
    _column("store_id", BigInteger),
    _column("order_id", Text),
    _column("model", Text),
    _at("decided_at"),
    _column("model_version", Text),
    _column("arm", Text),
    _column("verdict", Text),
    _column("confidence", Numeric(4, 3)),
    _optional("campaign_id", Text),
    _column("would_bill_minor", BigInteger),
    _column("currency", Text),
    PrimaryKeyConstraint("store_id", "order_id", "model", "decided_at", name="attribution_shadows_pkey"),
)
"""What a second model says of the same orders: inserted only, never billed. `arm` is empty without an A/B test."""

attribution_diffs = Table(
    "attribution_diffs",
    metadata,
    _column("store_id", BigInteger),
    _column("job_id", BigInteger),
    _column("order_id", Text),
    _column("month", Text),
    _column("cause", Text),
    _column("currency", Text),
    _column("then_model", Text),
    _column("then_verdict", Text),
    _column("then_confidence", Numeric(4, 3)),
    _column("then_minor", BigInteger),
    _column("now_model", Text),
    _column("now_verdict", Text),
    _column("now_confidence", Numeric(4, 3)),
    _column("now_minor", BigInteger),
    PrimaryKeyConstraint("store_id", "job_id", "order_id", name="attribution_diffs_pkey"),
)
"""What a recalculation would change, order by order: verdict and amount billed then and now."""

reviews = Table(
    "reviews",
    metadata,
    _column("store_id", BigInteger),
    _column("order_id", Text),
    _column("status", Text),
    _column("revision", Integer),
    _column("confidence", Numeric(4, 3)),
    _at("opened_at"),
    _optional_at("decided_at"),
    _column("actor", Text, "''"),
    _column("reason", Text, "''"),
    PrimaryKeyConstraint("store_id", "order_id", name="reviews_pkey"),
    Index("reviews_queue", "store_id", "status", "opened_at", "order_id"),
)

campaigns = Table(
    "campaigns",
    metadata,
    _column("store_id", BigInteger),
    _column("campaign_id", Text),
    _column("network", Text),
    _column("name", Text),
    _column("utm_campaign", Text),
    _column("utm_id", Text),
    _column("status", Text),
    _column("active", Boolean),
    _at("registered_at"),
    _optional_at("ended_at"),
    PrimaryKeyConstraint("store_id", "campaign_id", name="campaigns_pkey"),
)
"""What SyncFlow's registry says, projected: only a touchpoint that leads here counts."""

campaign_products = Table(
    "campaign_products",
    metadata,
    _column("store_id", BigInteger),
    _column("product_id", Text),
    _column("campaign_id", Text),
    _at("from_at"),
    _optional_at("to_at"),
    PrimaryKeyConstraint("store_id", "product_id", "campaign_id", "from_at", name="campaign_products_pkey"),
)
"""Which product was promoted by which campaign, from when to when."""

data_requests = Table(
    "data_requests",
    metadata,
    _column("store_id", BigInteger),
    _column("request_id", Text),
    _column("kind", Text),
    _optional("customer_key", Text),
    _column("status", Text),
    _at("requested_at"),
    _optional_at("finished_at"),
    PrimaryKeyConstraint("store_id", "request_id", name="data_requests_pkey"),
)

OWNER = Owner(schema="commerce", metadata=metadata, migrations=Path(__file__).parent / "migrations")
