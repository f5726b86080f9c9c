"""What the portal and the orchestrator ask of a platform."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

import msgspec

from kiki.commerce.events import CommerceEvent
from kiki.kit.errors import InvalidInput

Headers = Mapping[str, str]
"""Header names in lower case."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a delivery's headers say, before anything is trusted."""

    topic: str
    """In the platform's own form, e.g. `orders/create`, `order.created`; empty when the header is absent."""
    store_key: str | None
    """The normalised name by which the store can be found (shop domain, source URL), None when absent."""
    signature: str | None
    event_id: str
    webhook_id: str
    delivery_id: str
    """The platform's identifiers as present, else empty: parts of the duplicate key."""
    triggered_at: str
    """The platform's own trigger time as text, else empty."""


@dataclass(frozen=True, slots=True)
class StoreContext:
    """What a payload's meaning depends on besides the payload."""

    store_id: int
    currency: str
    """The store's main currency, for payloads that carry amounts without one."""
    timezone: str
    """IANA name, for payloads with local times."""
    connected_at: dt.datetime | None = None
    """What was placed before is history; None: nothing is."""


class Platform(Protocol):
    """One store platform. Everything here is pure and safe to call from several tasks."""

    @property
    def name(self) -> str:
        """The word in the URL: `shopify`, `woocommerce`, …"""
        ...

    @property
    def topics(self) -> frozenset[str]:
        """Topics that `events` has a meaning for."""
        ...

    @property
    def stock_topics(self) -> frozenset[str]:
        """The subset that travels in the live-stock lane."""
        ...

    @property
    def alike(self) -> Mapping[str, str]:
        """Topics under which equal bytes mean the same, with a word for each group; absent: like no other.

        Shops tell one purchase under several topics; what is alike is read once.
        """
        ...

    def envelope(self, headers: Headers) -> Envelope:
        """Read the headers. Never raises on what a sender wrote."""
        ...

    def is_ping(self, headers: Headers, body: bytes) -> bool:
        """Whether this is the platform's unsigned creation ping, to be answered 200 with nothing stored."""
        ...

    def verify(self, body: bytes, signature: str | None, secrets: Sequence[str]) -> bool:
        """Whether the signature over the raw bytes is right under any of the secrets; constant-time."""
        ...

    def normalise_store_key(self, text: str) -> str | None:
        """A shop's domain or URL in the form that `Envelope.store_key` uses; None when it is not one."""
        ...

    def events(self, topic: str, body: bytes, store: StoreContext) -> Sequence[CommerceEvent]:
        """The meaning of a delivery. Empty: valid, and nothing follows (a draft, a coupon).

        Raises `InvalidInput` (`UNREADABLE_PAYLOAD`, `REST_ERROR_PAYLOAD`, `MISSING_FIELD`, …) with a message that says
        what was got and what was wanted and holds no personal data; `UNKNOWN_TOPIC` for a topic without a meaning.
        """
        ...


class Resource(Enum):
    """What of a shop can be synced."""

    PRODUCTS = "products"
    ORDERS = "orders"


class StoreCredentials(msgspec.Struct, frozen=True, kw_only=True):
    """What a shop's API wants; which fields are set depends on the platform."""

    access_token: str = ""
    consumer_key: str = ""
    consumer_secret: str = ""

    def __repr__(self) -> str:
        return "StoreCredentials(…)"


@dataclass(frozen=True, slots=True)
class StoreApi:
    """How a shop's own API is reached."""

    base_url: str
    credentials: StoreCredentials = field(repr=False)


class CursorRefused(InvalidInput):
    """The shop does not know the place any more; reading starts anew, and what was read already is known."""

    reason = "SHOP_CURSOR_REFUSED"


@dataclass(frozen=True, slots=True)
class ShopObject:
    """One object, as a delivery of this topic would carry it."""

    topic: str
    body: bytes


@dataclass(frozen=True, slots=True)
class ShopPage:
    """Some objects, and where the next page begins."""

    objects: Sequence[ShopObject]
    count: int
    """How many of the resource; `objects` may hold their parts besides (variations, inventory items)."""
    next_cursor: str | None
    """None at the end."""
    total: int | None
    """How many there are in all, where the shop says so; only of the first page."""
    notes: Sequence[str] = ()
    """What could not be read, for people; empty when nothing is missing."""


class ShopReader(Protocol):
    """One platform's way of paging through a shop, every object once, however the shop goes on meanwhile."""

    @property
    def page_size(self) -> int:
        """The most objects that a page may have."""
        ...

    async def reach(self, resource: Resource, now: dt.datetime) -> dt.datetime | None:
        """From when on the API shows everything with the rights that were given; None: from the beginning."""
        ...

    async def page(self, resource: Resource, cursor: str, since: dt.datetime | None, limit: int) -> ShopPage:
        """The page at a cursor, the first at the empty text; `since` bounds the time of creation.

        Raises `CursorRefused`; a `KikiError` that says what a person can do; never shows a key.
        """
        ...
