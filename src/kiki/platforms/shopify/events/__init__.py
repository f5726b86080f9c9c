"""Shopify payloads → commerce events. One reader per topic; `TOPICS` is the whole list."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from kiki.commerce.events import CommerceEvent
from kiki.kit.errors import InvalidInput
from kiki.platforms.protocol import StoreContext
from kiki.platforms.shopify.events import customers, orders, products, shop

__all__ = ["ALIKE", "STOCK_TOPICS", "TOPICS", "read_events"]

Reader = Callable[[str, bytes, StoreContext], Sequence[CommerceEvent]]

TOPICS: Mapping[str, Reader] = MappingProxyType(
    {
        "orders/create": orders.observed,
        "orders/updated": orders.observed,
        "orders/paid": orders.observed,
        "orders/cancelled": orders.observed,
        "orders/fulfilled": orders.observed,
        "orders/partially_fulfilled": orders.observed,
        "orders/delete": orders.deleted,
        "refunds/create": orders.refunded,
        # An edit tells differences only, a transaction an amount only: `orders/updated` follows both.
        "orders/edited": shop.acknowledged,
        "order_transactions/create": shop.acknowledged,
        "products/create": products.observed,
        "products/update": products.observed,
        "products/delete": products.deleted,
        "variants/in_stock": products.variant_observed,
        "variants/out_of_stock": products.variant_observed,
        "inventory_levels/update": products.level_observed,
        "inventory_levels/connect": products.level_observed,
        "inventory_levels/disconnect": products.level_observed,
        "inventory_items/create": products.item_observed,
        "inventory_items/update": products.item_observed,
        # A product's own update tells which variants are left.
        "inventory_items/delete": shop.acknowledged,
        "customers/create": customers.observed,
        "customers/update": customers.observed,
        "customers/enable": customers.observed,
        "customers/disable": customers.observed,
        "customers/delete": customers.deleted,
        "customers/merge": customers.merged,
        "customers/data_request": shop.data_requested,
        "customers/redact": shop.customer_redacted,
        "shop/redact": shop.store_redacted,
        "app/uninstalled": shop.uninstalled,
        "app/scopes_update": shop.acknowledged,
        "shop/update": shop.acknowledged,
        "bulk_operations/finish": shop.acknowledged,
    }
)

ALIKE: Mapping[str, str] = MappingProxyType(
    {topic: "order" for topic, read in TOPICS.items() if read is orders.observed and topic != "orders/create"}
)

STOCK_TOPICS = frozenset(topic for topic in TOPICS if topic.startswith(("products/", "variants/", "inventory_")))


def read_events(topic: str, body: bytes, store: StoreContext) -> Sequence[CommerceEvent]:
    """The meaning of one delivery. Raises `InvalidInput`, `UNKNOWN_TOPIC` for a topic outside `TOPICS`."""
    reader = TOPICS.get(topic)
    if reader is None:
        raise InvalidInput("this topic has no meaning here", reason="UNKNOWN_TOPIC")
    return reader(topic, body, store)
