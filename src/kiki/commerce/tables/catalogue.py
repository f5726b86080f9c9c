"""A store and what it sells: its connection, products, variants, stock and holds."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Identity,
    Index,
    LargeBinary,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from kiki.commerce.tables.columns import column, metadata, moment, optional, optional_moment

store_connections = Table(
    "store_connections",
    metadata,
    Column("store_id", BigInteger, Identity(), primary_key=True),
    column("platform", Text),
    column("store_key", Text),
    column("display_name", Text),
    column("currency", Text),
    column("timezone", Text),
    column("status", Text),
    moment("connected_at"),
    optional_moment("uninstalled_at"),
    column("token_hash", LargeBinary),
    optional("secret_sealed", LargeBinary),
    optional("previous_secret_sealed", LargeBinary),
    column("settings", JSONB),
    column("campaigns_revision", BigInteger, "0"),
    optional_moment("erased_at"),
    column("collector_key", Text, "replace(gen_random_uuid()::text, '-', '')"),
    UniqueConstraint("platform", "store_key", name="store_connections_platform_store_key_key"),
    UniqueConstraint("token_hash", name="store_connections_token_hash_key"),
    UniqueConstraint("collector_key", name="store_connections_collector_key_key"),
)

products = Table(
    "products",
    metadata,
    column("store_id", BigInteger),
    column("product_id", Text),
    column("title", Text),
    column("description", Text),
    column("vendor", Text),
    column("category", Text),
    optional("page_url", Text),
    column("image_urls", JSONB),
    moment("created_at"),
    PrimaryKeyConstraint("store_id", "product_id", name="products_pkey"),
)
"""What a product says; rewritten only when the words or pictures change."""

product_states = Table(
    "product_states",
    metadata,
    column("store_id", BigInteger),
    column("product_id", Text),
    column("status", Text),
    column("deleted", Boolean, "false"),
    column("doubtful", Boolean, "false"),
    moment("updated_at"),
    column("triggered_at", Text, "''"),
    column("content_digest", LargeBinary),
    column("image_digest", LargeBinary),
    optional("price_minor", BigInteger),
    optional("price_currency", Text),
    optional("margin", Numeric(6, 4)),
    optional("quantity", BigInteger),
    column("sellable", Boolean, "true"),
    column("ads", Text, "'running'"),
    column("ads_reason", Text, "''"),
    optional_moment("ads_changed_at"),
    optional_moment("resume_at"),
    column("bids_lowered", Boolean, "false"),
    column("decision_seq", BigInteger, "0"),
    column("creative_made", Boolean, "false"),
    optional_moment("variants_at"),
    PrimaryKeyConstraint("store_id", "product_id", name="product_states_pkey"),
    Index("product_states_resume_due", "store_id", "resume_at", postgresql_where=text("resume_at IS NOT NULL")),
    Index("product_states_ads", "store_id", "ads", "product_id", postgresql_where=text("ads <> 'running'")),
    postgresql_with={"fillfactor": "80"},
)
"""What changes with every sale, and what the stock guard decided; slim, so that an update stays on its page."""

variants = Table(
    "variants",
    metadata,
    column("store_id", BigInteger),
    column("product_id", Text),
    column("variant_id", Text),
    column("sku", Text),
    optional("price_minor", BigInteger),
    optional("compare_at_minor", BigInteger),
    optional("cost_minor", BigInteger),
    optional("currency", Text),
    optional("inventory_item_id", Text),
    optional("tracked", Boolean),
    optional("may_oversell", Boolean),
    optional("quantity", BigInteger),
    optional("stock_status", Text),
    column("active", Boolean, "true"),
    column("deleted", Boolean, "false"),
    column("speaks", Boolean, "false"),
    moment("updated_at"),
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
    column("store_id", BigInteger),
    column("inventory_item_id", Text),
    column("tracked", Boolean),
    optional("cost_minor", BigInteger),
    optional("cost_currency", Text),
    column("sku", Text),
    moment("updated_at"),
    column("levels_complete", Boolean, "false"),
    PrimaryKeyConstraint("store_id", "inventory_item_id", name="inventory_items_pkey"),
)

inventory_levels = Table(
    "inventory_levels",
    metadata,
    column("store_id", BigInteger),
    column("inventory_item_id", Text),
    column("location_id", Text),
    optional("available", BigInteger),
    moment("updated_at"),
    column("earlier", JSONB, "'[]'"),
    PrimaryKeyConstraint("store_id", "inventory_item_id", "location_id", name="inventory_levels_pkey"),
    postgresql_with={"fillfactor": "80"},
)

inventory_events = Table(
    "inventory_events",
    metadata,
    column("store_id", BigInteger),
    Column("inventory_event_id", BigInteger, Identity(always=True), nullable=False),
    column("product_id", Text),
    moment("at"),
    column("transition", Text),
    column("cause", Text),
    column("actor", Text, "''"),
    optional("quantity", BigInteger),
    column("decision_seq", BigInteger),
    PrimaryKeyConstraint("store_id", "inventory_event_id", name="inventory_events_pkey"),
    Index("inventory_events_product", "store_id", "product_id", "inventory_event_id"),
)

holds = Table(
    "holds",
    metadata,
    column("store_id", BigInteger),
    column("product_id", Text),
    column("kind", Text),
    column("actor", Text),
    column("reason", Text),
    moment("placed_at"),
    optional_moment("expires_at"),
    PrimaryKeyConstraint("store_id", "product_id", name="holds_pkey"),
)
