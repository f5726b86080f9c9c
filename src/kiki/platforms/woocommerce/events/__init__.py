"""WooCommerce payloads → commerce events. One reader per topic; `TOPICS` is the whole list.

A payload is rendered when the shop's queue runs, not when the event happened: every delivery says how a thing looks
now, and `created` or `updated` in the topic says little.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from kiki.commerce.events import CommerceEvent
from kiki.kit.errors import InvalidInput
from kiki.platforms.protocol import StoreContext
from kiki.platforms.woocommerce.events import customers, orders, products, resource

__all__ = ["ALIKE", "STOCK_TOPICS", "TOPICS", "read_events"]

Reader = Callable[[str, bytes, StoreContext], Sequence[CommerceEvent]]

TOPICS: Mapping[str, Reader] = MappingProxyType(
    {
        "order.created": orders.observed,
        "order.updated": orders.observed,
        "order.restored": orders.observed,
        "order.deleted": orders.deleted,
        "product.created": products.observed,
        "product.updated": products.observed,
        "product.restored": products.observed,
        "product.published": products.observed,
        "product.deleted": products.deleted,
        "customer.created": customers.observed,
        "customer.updated": customers.observed,
        "customer.deleted": customers.deleted,
        "coupon.created": resource.acknowledged,
        "coupon.updated": resource.acknowledged,
        "coupon.restored": resource.acknowledged,
        "coupon.deleted": resource.acknowledged,
    }
)

ALIKE: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("order.created", "order.updated", "order.restored"), "order"),
        **dict.fromkeys(("product.updated", "product.restored", "product.published"), "product"),
        **dict.fromkeys(("customer.created", "customer.updated"), "customer"),
    }
)

STOCK_TOPICS = frozenset(topic for topic in TOPICS if topic.startswith("product."))


def read_events(topic: str, body: bytes, store: StoreContext) -> Sequence[CommerceEvent]:
    """The meaning of one delivery. Raises `InvalidInput`, `UNKNOWN_TOPIC` for a topic outside `TOPICS`."""
    reader = TOPICS.get(topic)
    if reader is None:
        raise InvalidInput("this topic has no meaning here", reason="UNKNOWN_TOPIC")
    return reader(topic, body, store)
