"""What the load generator sends: purchases as distinct signed requests, and what must follow."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from kiki.sandbox import load_templates as templates
from kiki.sandbox.goods import decimal_text
from kiki.sandbox.shop import Shop, sign
from kiki.sandbox.shopify import ShopifyShop
from kiki.sandbox.woocommerce import WooCommerceShop

_MAX_LINES = 3
_VARYING = ("X-WC-Webhook-Signature", "X-WC-Webhook-Delivery-ID", "X-Shopify-Hmac-SHA256", "X-Shopify-Webhook-Id")
_VARYING_TOO = ("X-Shopify-Event-Id", "X-Shopify-Triggered-At", "Host", "Content-Length")


class LoadProduct(msgspec.Struct, frozen=True):
    """A product that is bought; it should exist in the store, with plenty of stock."""

    product_id: int
    price_minor: int
    variant_id: int = 0
    """Shopify's variant and inventory item; 0: the product's id."""


class LoadStore(msgspec.Struct, frozen=True, kw_only=True):
    """A connected store that is sent to."""

    platform: str
    store_key: str
    secret: str
    currency: str = "EUR"
    path_prefix: str = ""
    """Where to post, without the topic; empty: `/webhooks/{platform}/`."""
    campaign: str = ""
    """`utm_campaign` of a campaign of ours that promotes the promoted products; empty: nobody comes through us."""
    promoted: tuple[LoadProduct, ...] = ()
    """Bought by buyers who come through our campaign, and by nobody else."""
    products: tuple[LoadProduct, ...] = ()
    """Bought by everybody else."""


class Mix(msgspec.Struct, frozen=True, kw_only=True):
    """How purchases are mixed, as shares between 0 and 1."""

    seed: int = 1
    returning_share: float = 0.4
    guest_share: float = 0.2
    campaign_share: float = 0.3
    """Of buyers, for life: such a buyer always comes by a click on our campaign."""
    first_id: int = 1_000_000
    """Orders, customers and lines are numbered from here, so that runs do not meet."""


class Expected(msgspec.Struct):
    """What must be there when everything is done, per store. All orders are paid and none is refunded."""

    deliveries: int = 0
    orders: int = 0
    buyers: int = 0
    accounts: int = 0
    net_minor: int = 0
    incremental_orders: int = 0
    incremental_net_minor: int = 0


class Plan:
    """Purchases of one store, one after another; deterministic by seed but for the times."""

    def __init__(self, store: LoadStore, mix: Mix, *, host: str) -> None:
        self._store, self._mix = store, mix
        self.store_key = store.store_key
        self._random = random.Random(f"{mix.seed}/{store.store_key}")
        self._shop = _shop(store)
        self._secret = store.secret
        self._next_id = mix.first_id
        self._buyers: list[tuple[int, bytes, bool]] = []
        self._stock = {product.product_id: 1_000_000 for product in (*store.promoted, *store.products)}
        self._second, self._at, self._at_local = 0, b"", b""
        self._orders = {
            (lines, guest, visited): templates.order_template(self._shop, lines=lines, guest=guest, visited=visited)
            for lines in range(1, _MAX_LINES + 1)
            for guest in (False, True)
            for visited in (False, True)
        }
        self._product = templates.product_template(self._shop)
        self._customer = templates.customer_template(self._shop)
        self._heads = _heads(self._shop, store, host)
        self.expected = Expected()

    def purchase(self) -> list[tuple[bytes, bytes]]:
        """The requests of one purchase as (head without Connection, body), in the shop's order."""
        lines, ours, buyer_id, email = self._choose()
        self._tick()
        order_id = self._take_id()
        values = self._values(order_id, buyer_id, email, lines)
        body = self._orders[len(lines), buyer_id == 0, ours].fill(values)
        made = [self._request(topic, body) for topic in self._order_topics()]
        product, quantity = lines[0]
        self._stock[product.product_id] -= quantity
        values["stock"] = b"%d" % self._stock[product.product_id]
        made.append(self._request(self._stock_topic(), self._product.fill(values)))
        if buyer_id and self._store.platform == "woocommerce":
            made.append(self._request("customer.updated", self._customer.fill(values)))
        self._expect(lines, ours=ours)
        return made

    def _choose(self) -> tuple[list[tuple[LoadProduct, int]], bool, int, bytes]:
        chance = self._random.random
        if self._buyers and chance() < self._mix.returning_share:
            buyer_id, email, ours = self._buyers[int(chance() * len(self._buyers))]
        else:
            number = self._take_id()
            guest = chance() < self._mix.guest_share
            ours = bool(self._store.campaign) and chance() < self._mix.campaign_share
            buyer_id, email = 0 if guest else number, b"buyer-%d@load.example" % number
            self._buyers.append((buyer_id, email, ours))
            self.expected.buyers += 1
            self.expected.accounts += not guest
        shelf = self._store.promoted if ours else self._store.products
        count = 1 + int(chance() * _MAX_LINES)
        return [(shelf[int(chance() * len(shelf))], 1 + int(chance() * 2)) for _ in range(count)], ours, buyer_id, email

    def _values(
        self, order_id: int, buyer_id: int, email: bytes, lines: list[tuple[LoadProduct, int]]
    ) -> dict[str, bytes]:
        number = b"%d" % order_id
        total = sum(product.price_minor * quantity for product, quantity in lines)
        values = {
            "order_id": number,
            "customer_id": b"%d" % buyer_id,
            "email": email,
            "total": decimal_text(total).encode(),
            "tax": b"0.00",
            "at": self._at,
            "at_local": self._at_local,
            "campaign": self._store.campaign.encode(),
            "click": b"G" + number,
        }
        for index, (product, quantity) in enumerate(lines, start=1):
            values[f"line_{index}"] = b"%d" % (order_id * 10 + index)
            values[f"product_{index}"] = b"%d" % product.product_id
            values[f"variant_{index}"] = b"%d" % (product.variant_id or product.product_id)
            values[f"quantity_{index}"] = b"%d" % quantity
            values[f"price_{index}"] = decimal_text(product.price_minor).encode()
            values[f"total_{index}"] = decimal_text(product.price_minor * quantity).encode()
        return values

    def _request(self, topic: str, body: bytes) -> tuple[bytes, bytes]:
        head, signature_name, has_event = self._heads[topic]
        self.expected.deliveries += 1
        number = self.expected.deliveries
        signature = sign(self._secret, body)
        if has_event:
            name = f"{self._mix.first_id}-{number}"
            identity = f"X-Shopify-Webhook-Id: w-{name}\r\nX-Shopify-Event-Id: e-{name}"
        else:
            # Real ones are shared within a second; here every delivery is one of its own, so that all can be counted.
            identity = f"X-WC-Webhook-Delivery-ID: {self._second << 64 | self._mix.first_id << 32 | number:032x}"
        varying = f"{signature_name}: {signature}\r\n{identity}\r\nContent-Length: {len(body)}\r\n"
        return head + varying.encode(), body

    def _expect(self, lines: list[tuple[LoadProduct, int]], *, ours: bool) -> None:
        net = sum(product.price_minor * quantity for product, quantity in lines)
        self.expected.orders += 1
        self.expected.net_minor += net
        if ours:
            self.expected.incremental_orders += 1
            self.expected.incremental_net_minor += net

    def _order_topics(self) -> tuple[str, ...]:
        if self._store.platform == "shopify":
            return ("orders/create", "orders/paid", "orders/updated")
        return ("order.created", "order.updated")

    def _stock_topic(self) -> str:
        return "inventory_levels/update" if self._store.platform == "shopify" else "product.updated"

    def _take_id(self) -> int:
        self._next_id += 1
        return self._next_id

    def _tick(self) -> None:
        second = int(time.time())
        if second != self._second:
            self._second = second
            self._at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)).encode()
            self._at_local = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second + 3600)).encode()


def _shop(store: LoadStore) -> Shop:
    if store.platform == "shopify":
        return ShopifyShop(domain=store.store_key, secret=store.secret, currency=store.currency)
    return WooCommerceShop(url=store.store_key, secret=store.secret, currency=store.currency)


def _heads(shop: Shop, store: LoadStore, host: str) -> Mapping[str, tuple[bytes, str, bool]]:
    """Topic → (request line and unchanging headers, name of the signature header, whether it is Shopify's)."""
    shopify = store.platform == "shopify"
    name = "X-Shopify-Hmac-SHA256" if shopify else "X-WC-Webhook-Signature"
    prefix = store.path_prefix or f"/webhooks/{store.platform}/"
    found: dict[str, Any] = {}
    for topic, delivery in templates.sample_deliveries(shop).items():
        fixed = templates.header_lines(delivery, without=(*_VARYING, *_VARYING_TOO))
        line = f"POST {prefix.rstrip('/')}/{topic} HTTP/1.1\r\nHost: {host}\r\n".encode()
        found[topic] = (line + fixed, name, shopify)
    return found
