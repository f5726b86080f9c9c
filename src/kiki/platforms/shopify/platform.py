"""Shopify as a `Platform`."""

from __future__ import annotations

from collections.abc import Sequence

from kiki.commerce.events import CommerceEvent
from kiki.platforms.protocol import Envelope, Headers, StoreContext
from kiki.platforms.shopify import signature as signing
from kiki.platforms.shopify.events import ALIKE, STOCK_TOPICS, TOPICS, read_events


class Shopify:
    """All of it pure; one instance serves every store."""

    name = "shopify"
    topics = frozenset(TOPICS)
    stock_topics = STOCK_TOPICS
    alike = ALIKE

    def envelope(self, headers: Headers) -> Envelope:
        return signing.read_envelope(headers)

    def is_ping(self, headers: Headers, body: bytes) -> bool:  # noqa: ARG002 - the protocol's arguments
        """Shopify sends none."""
        return False

    def verify(self, body: bytes, signature: str | None, secrets: Sequence[str]) -> bool:
        return signing.verify(body, signature, secrets)

    def normalise_store_key(self, text: str) -> str | None:
        return signing.normalise_shop(text)

    def events(self, topic: str, body: bytes, store: StoreContext) -> Sequence[CommerceEvent]:
        return read_events(topic, body, store)
