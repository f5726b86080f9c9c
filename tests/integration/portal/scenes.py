"""Simulated shops with a past, their APIs over real HTTP, and how they are connected to a portal."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from integration.portal.running import KEY, Portal
from kiki.kit.clock import SystemClock
from kiki.portal.jobs.sync import PAID_WITHIN
from kiki.sandbox.goods import Order
from kiki.sandbox.shelf import Shelf
from kiki.sandbox.shop import Shop
from kiki.sandbox.shopify import ShopifyShop
from kiki.sandbox.shopify_api import CallBucket, ShopifyApi, serve_shopify_api
from kiki.sandbox.woocommerce import WooCommerceShop
from kiki.sandbox.woocommerce_api import WooCommerceApi, serve_woocommerce_api
from kiki.sandbox.world import World, WorldSettings

HEADERS = {"x-internal-api-key": KEY}
BERLIN = ZoneInfo("Europe/Berlin")
NOW = SystemClock().now()
CONNECTED = (NOW - dt.timedelta(days=5)).replace(microsecond=0)
FIFTEEN_MONTHS = dt.timedelta(days=460)


@dataclass
class Scene:
    """A simulated shop with its past, its API, and where that is served."""

    world: World
    api: Any
    address: str

    @property
    def credentials(self) -> dict[str, str]:
        if isinstance(self.api, ShopifyApi):
            return {"base_url": self.address, "access_token": self.api.token}
        return {
            "base_url": self.address,
            "consumer_key": self.api.consumer_key,
            "consumer_secret": self.api.consumer_secret,
        }

    def baseline(self) -> tuple[dt.datetime, dt.datetime]:
        """The twelve whole months before the connection, in Berlin."""
        month = CONNECTED.astimezone(BERLIN).replace(day=1, hour=0, minute=0, second=0)
        return month.replace(year=month.year - 1), month

    def baseline_minor(self) -> int:
        """What was earned in them: net sales of paid, real orders, less the part that was given back, half up."""
        begin, end = self.baseline()
        total = 0
        for order in self.world.orders:
            charged, given = order.total_minor, min(order.total_minor, order.refunded_minor)
            paid_at = self._told_paid_at(order)
            if paid_at and begin <= paid_at < end and not order.is_test and not order.cancelled_at:
                total += order.net_minor - (2 * order.net_minor * given + charged) // (2 * charged)
        return total

    def _told_paid_at(self, order: Order) -> dt.datetime | None:
        """Shopify tells of history when it changed last, and no time of payment."""
        if order.paid_at is None or not isinstance(self.api, ShopifyApi):
            return order.paid_at
        return order.placed_at if order.updated_at - order.placed_at > PAID_WITHIN else order.updated_at


def past(platform: str, age: dt.timedelta = FIFTEEN_MONTHS) -> World:
    """A shop's life, up to the connection."""
    shop: Shop = (
        ShopifyShop(domain="past.myshopify.com", secret="a secret", currency="EUR")
        if platform == "shopify"
        else WooCommerceShop(url="https://past.example/", secret="a secret", currency="EUR")
    )
    settings = WorldSettings(
        seed=11,
        purchases=None,
        start=CONNECTED - age,
        step=dt.timedelta(days=3, minutes=7),
        revisit_after=dt.timedelta(days=20),
        stockouts_every=None,
        remember=100_000,
        first_id=9_007_199_254_741_000 if platform == "shopify" else 1000,
    )
    world = World(shop, settings)
    for _ in world.run():
        if world.now >= CONNECTED - dt.timedelta(days=3):
            break
    return world


@asynccontextmanager
async def scene_of(platform: str, *, age: dt.timedelta = FIFTEEN_MONTHS, **how: Any) -> AsyncIterator[Scene]:
    world = past(platform, age)
    shelf = Shelf(world.products, world.orders)
    async with AsyncExitStack() as stack:
        if platform == "shopify":
            api: Any = ShopifyApi(shelf, "shpat_right", SystemClock().now, bucket=CallBucket(400), **how)
            address = await stack.enter_async_context(serve_shopify_api(api))
        else:
            assert isinstance(world.shop, WooCommerceShop)
            api = WooCommerceApi(world.shop, shelf, "ck_right", "cs_right", SystemClock().now, **how)
            address = await stack.enter_async_context(serve_woocommerce_api(api))
        yield Scene(world, api, address)


async def connect(portal: Portal, scene: Scene, **credentials: str) -> int:
    """Connect the shop as it was connected five days ago."""
    body = {
        "platform": scene.world.shop.platform,
        "store_key": scene.world.shop.store_key,
        "currency": "EUR",
        "timezone": "Europe/Berlin",
        "connected_at": CONNECTED.isoformat(),
    }
    added = await portal.http.post("/internal/stores", headers=HEADERS, json=body)
    assert added.status_code == 201, added.text
    store_id: int = added.json()["store_id"]
    kept = await portal.http.put(
        f"/internal/stores/{store_id}/credentials", headers=HEADERS, json={**scene.credentials, **credentials}
    )
    assert kept.status_code == 204, kept.text
    return store_id
