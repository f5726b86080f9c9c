"""What led to orders: campaigns, contacts, decisions with their models, and what waits for a person."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, DateTime, Index, Integer, Numeric, PrimaryKeyConstraint, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from kiki.commerce.tables.columns import EVER, column, metadata, moment, optional, optional_moment

touchpoints = Table(
    "touchpoints",
    metadata,
    column("store_id", BigInteger),
    column("touchpoint_id", Text),
    column("customer_key", Text),
    moment("at"),
    column("kind", Text),
    column("source", Text),
    optional("campaign_id", Text),
    optional("utm_source", Text),
    optional("utm_medium", Text),
    optional("utm_campaign", Text),
    optional("utm_id", Text),
    optional("order_id", Text),
    moment("recorded_at"),
    optional("landing", Text),
    optional("referrer", Text),
    optional("consent", Text),
    PrimaryKeyConstraint("store_id", "touchpoint_id", name="touchpoints_pkey"),
    Index("touchpoints_customer", "store_id", "customer_key", "at"),
    Index("touchpoints_at", "at", postgresql_using="brin"),
)
"""Contacts with campaigns, by person. Addresses and click ids stand in `identities`, as blind indexes."""

attributions = Table(
    "attributions",
    metadata,
    column("store_id", BigInteger),
    column("order_id", Text),
    column("revision", Integer),
    column("model", Text),
    column("model_version", Text),
    moment("decided_at"),
    column("cause", Text),
    column("verdict", Text),
    column("confidence", Numeric(4, 3)),
    optional("campaign_id", Text),
    column("evidence", JSONB),
    PrimaryKeyConstraint("store_id", "order_id", "revision", name="attributions_pkey"),
)
"""Every decision about an order, appended; the newest revision stands on the order too. Untouched orders have none."""

attribution_models = Table(
    "attribution_models",
    metadata,
    column("store_id", BigInteger),
    column("name", Text),
    column("fingerprint", Text),
    moment("fitted_at"),
    column("source", Text),
    column("size", BigInteger),
    column("parameters", JSONB),
    column("report", JSONB),
    PrimaryKeyConstraint("store_id", "name", "fingerprint", name="attribution_models_pkey"),
)
"""Parameters of fitted models, each kept for good; a model speaks by those that were fitted last.

`size` is the number of orders, or of users, that they were fitted on.
"""

attribution_shadows = Table(
    "attribution_shadows",
    metadata,
    column("store_id", BigInteger),
    column("order_id", Text),
    column("model", Text),
    moment("decided_at"),
    column("model_version", Text),
    column("arm", Text),
    column("verdict", Text),
    column("confidence", Numeric(4, 3)),
    optional("campaign_id", Text),
    column("would_bill_minor", BigInteger),
    column("currency", Text),
    PrimaryKeyConstraint("store_id", "order_id", "model", "decided_at", name="attribution_shadows_pkey"),
)
"""What a second model says of the same orders: inserted only, never billed. `arm` is empty without an A/B test."""

attribution_diffs = Table(
    "attribution_diffs",
    metadata,
    column("store_id", BigInteger),
    column("job_id", BigInteger),
    column("order_id", Text),
    column("month", Text),
    column("cause", Text),
    column("currency", Text),
    column("then_model", Text),
    column("then_verdict", Text),
    column("then_confidence", Numeric(4, 3)),
    column("then_minor", BigInteger),
    column("now_model", Text),
    column("now_verdict", Text),
    column("now_confidence", Numeric(4, 3)),
    column("now_minor", BigInteger),
    PrimaryKeyConstraint("store_id", "job_id", "order_id", name="attribution_diffs_pkey"),
)
"""What a recalculation would change, order by order: verdict and amount billed then and now."""

reviews = Table(
    "reviews",
    metadata,
    column("store_id", BigInteger),
    column("order_id", Text),
    column("status", Text),
    column("revision", Integer),
    column("confidence", Numeric(4, 3)),
    moment("opened_at"),
    optional_moment("decided_at"),
    column("actor", Text, "''"),
    column("reason", Text, "''"),
    PrimaryKeyConstraint("store_id", "order_id", name="reviews_pkey"),
    Index("reviews_queue", "store_id", "status", "opened_at", "order_id"),
)

campaigns = Table(
    "campaigns",
    metadata,
    column("store_id", BigInteger),
    column("campaign_id", Text),
    column("network", Text),
    column("name", Text),
    column("utm_campaign", Text),
    column("utm_id", Text),
    column("status", Text),
    column("active", Boolean),
    moment("registered_at"),
    optional_moment("ended_at"),
    column("since_at", DateTime(timezone=True), EVER),
    PrimaryKeyConstraint("store_id", "campaign_id", name="campaigns_pkey"),
)
"""What SyncFlow's registry says, projected: only a touchpoint that leads here counts, for orders that came in since."""

campaign_former_keys = Table(
    "campaign_former_keys",
    metadata,
    column("store_id", BigInteger),
    column("campaign_id", Text),
    moment("until_at"),
    moment("since_at"),
    column("utm_campaign", Text),
    column("utm_id", Text),
    PrimaryKeyConstraint("store_id", "campaign_id", "until_at", name="campaign_former_keys_pkey"),
)
"""What links said before a campaign's keys were changed: contacts from before go on leading to it."""

campaign_backdates = Table(
    "campaign_backdates",
    metadata,
    column("store_id", BigInteger),
    column("campaign_id", Text),
    moment("since_at"),
    moment("told_at"),
    column("actor", Text),
    column("reason", Text),
    PrimaryKeyConstraint("store_id", "campaign_id", "since_at", name="campaign_backdates_pkey"),
)
"""Who had a campaign count since a time before its registration, and why; the audit log has it too."""

campaign_products = Table(
    "campaign_products",
    metadata,
    column("store_id", BigInteger),
    column("product_id", Text),
    column("campaign_id", Text),
    moment("from_at"),
    optional_moment("to_at"),
    column("since_at", DateTime(timezone=True), EVER),
    PrimaryKeyConstraint("store_id", "product_id", "campaign_id", "from_at", name="campaign_products_pkey"),
)
"""Which product was promoted by which campaign, from when to when."""
