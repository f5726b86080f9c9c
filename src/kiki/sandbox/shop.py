"""A simulated shop seen from outside: what it does, and the signed deliveries that its platform sends about it."""

from __future__ import annotations

import base64
import datetime as dt
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from kiki.sandbox.goods import Buyer, GivenBack, Item, Order, Product


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook request, signed, as the platform sends it."""

    platform: str
    topic: str
    headers: Mapping[str, str]
    body: bytes
    at: dt.datetime
    """When the shop sent it, by the world's clock."""
    subject: str
    """What it is about, e.g. `order:17`."""


class Shop(Protocol):
    """One platform's shop. Every verb gives the deliveries that the platform really sends about it, in its order."""

    @property
    def platform(self) -> str: ...

    @property
    def store_key(self) -> str:
        """What the store is connected under: a shop domain or a URL."""
        ...

    @property
    def currency(self) -> str: ...

    @property
    def secret(self) -> str: ...

    def product_created(self, product: Product, at: dt.datetime) -> list[Delivery]: ...

    def product_changed(self, product: Product, at: dt.datetime) -> list[Delivery]: ...

    def product_deleted(self, product: Product, at: dt.datetime) -> list[Delivery]: ...

    def stock_changed(self, product: Product, item: Item, at: dt.datetime) -> list[Delivery]: ...

    def customer_created(self, buyer: Buyer, at: dt.datetime) -> list[Delivery]: ...

    def purchased(self, order: Order, at: dt.datetime) -> list[Delivery]: ...

    def paid(self, order: Order, at: dt.datetime) -> list[Delivery]: ...

    def edited(self, order: Order, at: dt.datetime) -> list[Delivery]: ...

    def cancelled(self, order: Order, at: dt.datetime) -> list[Delivery]: ...

    def refunded(self, order: Order, refund: GivenBack, at: dt.datetime) -> list[Delivery]: ...


def sign(secret: str, body: bytes) -> str:
    """HMAC-SHA256 in base64, as both platforms do."""
    return base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()
