"""WooCommerce as a `Platform`."""

from __future__ import annotations

from collections.abc import Sequence

from kiki.commerce.events import CommerceEvent
from kiki.platforms.protocol import Envelope, Headers, StoreContext
from kiki.platforms.woocommerce import signature as signing
from kiki.platforms.woocommerce.events import ALIKE, STOCK_TOPICS, TOPICS, read_events


class WooCommerce:
    """All of it pure; one instance serves every store."""

    name = "woocommerce"
    topics = frozenset(TOPICS)
    stock_topics = STOCK_TOPICS
    alike = ALIKE

    def envelope(self, headers: Headers) -> Envelope:
        return signing.read_envelope(headers)

    def is_ping(self, headers: Headers, body: bytes) -> bool:
        return signing.is_ping(headers, body)

    def verify(self, body: bytes, signature: str | None, secrets: Sequence[str]) -> bool:
        return signing.verify(body, signature, secrets)

    def normalise_store_key(self, text: str) -> str | None:
        return signing.normalise_url(text)

    def events(self, topic: str, body: bytes, store: StoreContext) -> Sequence[CommerceEvent]:
        return read_events(topic, body, store)
