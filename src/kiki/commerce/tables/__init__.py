"""The tables of the schema `commerce`, each defined once here, by subject."""

from __future__ import annotations

from pathlib import Path

from kiki.commerce.tables.attribution import (
    attribution_diffs,
    attribution_models,
    attribution_shadows,
    attributions,
    campaign_backdates,
    campaign_former_keys,
    campaign_products,
    campaigns,
    reviews,
    touchpoints,
)
from kiki.commerce.tables.catalogue import (
    holds,
    inventory_events,
    inventory_items,
    inventory_levels,
    product_states,
    products,
    store_connections,
    variants,
)
from kiki.commerce.tables.columns import metadata
from kiki.commerce.tables.exchange import (
    exchange_rate_fetches,
    exchange_rates,
    former_exchange_rates,
    waiting_orders,
)
from kiki.commerce.tables.orders import (
    order_items,
    order_refunds,
    orders,
)
from kiki.commerce.tables.people import (
    customers,
    data_requests,
    identities,
    identity_merges,
)
from kiki.kit.migrations import Owner

__all__ = [
    "OWNER",
    "attribution_diffs",
    "attribution_models",
    "attribution_shadows",
    "attributions",
    "campaign_backdates",
    "campaign_former_keys",
    "campaign_products",
    "campaigns",
    "customers",
    "data_requests",
    "exchange_rate_fetches",
    "exchange_rates",
    "former_exchange_rates",
    "holds",
    "identities",
    "identity_merges",
    "inventory_events",
    "inventory_items",
    "inventory_levels",
    "metadata",
    "order_items",
    "order_refunds",
    "orders",
    "product_states",
    "products",
    "reviews",
    "store_connections",
    "touchpoints",
    "variants",
    "waiting_orders",
]

OWNER = Owner(schema="commerce", metadata=metadata, migrations=Path(__file__).parents[1] / "migrations")
