"""The demo's shops beside their webhooks: a past from before they were connected, and their own APIs over real HTTP."""

from __future__ import annotations

import asyncio
import datetime as dt
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from kiki.kit.clock import SystemClock
from kiki.sandbox.http_server import Answer, Request, serve_http
from kiki.sandbox.shelf import Joined, Shelf
from kiki.sandbox.shop import Shop
from kiki.sandbox.shopify import ShopifyShop
from kiki.sandbox.shopify_api import ShopifyApi
from kiki.sandbox.woocommerce import WooCommerceShop
from kiki.sandbox.woocommerce_api import WooCommerceApi
from kiki.sandbox.world import World, WorldSettings

NEWEST_SHOWN = 10_000
"""Orders since the connection that a shop's API still lists; the past comes on top."""
_PAST = dt.timedelta(days=460)
_REST = dt.timedelta(days=1)
_PURCHASE_EVERY = dt.timedelta(hours=9, minutes=7)
_COMES_AGAIN_AFTER = dt.timedelta(days=20)
_PAST_MOST = 100_000
_FIRST_ID = 500_000
_BEYOND_DOUBLES = 2**53


def past_of(shop: Shop, connected_at: dt.datetime, *, seed: int) -> World:
    """Fifteen months of a shop's orders up to the day before its connection; nobody was told of them.

    The same for the same connection: a shop that is met again has the past that it had.
    """
    connected_at = connected_at.replace(microsecond=0)
    settings = WorldSettings(
        seed=seed,
        purchases=None,
        start=connected_at - _PAST,
        step=_PURCHASE_EVERY,
        stockouts_every=None,
        revisit_after=_COMES_AGAIN_AFTER,
        campaign_share=0.0,
        remember=_PAST_MOST,
        first_id=_FIRST_ID + (_BEYOND_DOUBLES if shop.platform == "shopify" else 0),
    )
    past = World(shop, settings)
    for _ in past.run():
        if past.now >= connected_at - _REST:
            break
    return past


@asynccontextmanager
async def serve_shop(world: World, connected_at: dt.datetime, *, seed: int) -> AsyncIterator[dict[str, str]]:
    """Serve a shop's own API, over its past and what happens now; gives what the portal keeps to reach it."""
    shelf, now = Shelf([], []), SystemClock().now
    api: WooCommerceApi | ShopifyApi
    if isinstance(world.shop, WooCommerceShop):
        keys = {"consumer_key": f"ck_{secrets.token_hex(20)}", "consumer_secret": f"cs_{secrets.token_hex(20)}"}
        api = WooCommerceApi(world.shop, shelf, keys["consumer_key"], keys["consumer_secret"], now)
    else:
        keys = {"access_token": f"shpat_{secrets.token_hex(16)}"}
        api = ShopifyApi(shelf, keys["access_token"], now)
    opening = _Opening(api, world, lambda: past_of(_silent(world.shop), connected_at, seed=seed))
    async with serve_http(opening.handle) as port:
        yield {"base_url": f"http://127.0.0.1:{port}", **keys}


class _Opening:
    """Fills the shelf when somebody asks for the first time: a past takes a second to make, and few demos need it."""

    def __init__(self, api: WooCommerceApi | ShopifyApi, world: World, make_past: Callable[[], World]) -> None:
        self._api = api
        self._world = world
        self._make_past = make_past
        self._past: World | None = None
        self._lock = asyncio.Lock()

    async def handle(self, request: Request) -> Answer:
        async with self._lock:
            if self._past is None:
                past = self._past = await asyncio.to_thread(self._make_past)
                self._api.shelf.products = Joined(past.products, self._world.products)
                self._api.shelf.orders = Joined(past.orders, self._world.orders)
        return await self._api.handle(request)


def _silent(shop: Shop) -> Shop:
    """The same shop with counters of its own: what is never sent must not number what is."""
    if isinstance(shop, WooCommerceShop):
        return WooCommerceShop(url=shop.store_key, secret=shop.secret, currency=shop.currency)
    return ShopifyShop(domain=shop.store_key, secret=shop.secret, currency=shop.currency)
