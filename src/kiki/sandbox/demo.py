"""The demo: two simulated stores send live, signed traffic; an ad network and a mailbox stand beside them.

The story is compressed: goods run out and come back within seconds, orders come through campaigns of ours and of
others, are paid, edited, refunded and cancelled. The shops answer their own APIs as well, with a past of fifteen months
from before they were connected, so that a sync has something to read. It ends when it is cancelled or its time is over.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import httpx

from kiki.kit.clock import SystemClock, monotonic
from kiki.kit.errors import FailedPrecondition
from kiki.sandbox.ad_network import PAUSED, AdNetwork, Campaign, ProductAds, serve_ad_network
from kiki.sandbox.demo_portal import ConnectedStore, DemoPortal, Figures
from kiki.sandbox.demo_shops import NEWEST_SHOWN, serve_shop
from kiki.sandbox.mailbox import Mailbox, serve_mailbox
from kiki.sandbox.sender import Sender
from kiki.sandbox.shop import Delivery, Shop
from kiki.sandbox.shopify import ShopifyShop
from kiki.sandbox.woocommerce import WooCommerceShop
from kiki.sandbox.world import World, WorldSettings

AD_NETWORK_PORT = 8071
MAILBOX_PORT = 8072
_BEYOND_DOUBLES = 2**53
_REPORT_SECONDS = 0.5
_FIGURES_EVERY = 4
_CLICKS_EVERY = 25
_SETTLE_SECONDS = 2.0
_DELIVERIES_PER_PURCHASE = 6
_FEED_LINES = 40
_MILLISECOND = dt.timedelta(milliseconds=1)
_STORES = {
    "shopify": "Demo shop (Shopify)",
    "woocommerce": "Demo shop (WooCommerce)",
}

Report = Callable[[Mapping[str, Any]], None]


def agent_settings() -> dict[str, str]:
    """Environment under which SyncEngage mails to the demo's mailbox, at any hour and soon enough to be watched."""
    return {
        "SYNCENGAGE_SMTP_HOST": "127.0.0.1",
        "SYNCENGAGE_SMTP_PORT": str(MAILBOX_PORT),
        "SYNCENGAGE_SMTP_TLS": "none",
        "SYNCENGAGE_THANKS_DELAY_SECONDS": "5",
        "SYNCENGAGE_QUIET_FROM_HOUR": "0",
        "SYNCENGAGE_QUIET_UNTIL_HOUR": "0",
    }


@dataclass(slots=True)
class DemoProgress:
    """How far the demo is."""

    webhooks_sent: int = 0
    webhooks_acknowledged: int = 0
    webhooks_per_s: float = 0.0
    orders: int = 0
    orders_attributed: int = 0
    campaigns_paused: int = 0
    ads_paused: int = 0
    mails: int = 0
    fee: str = ""
    stores: list[dict[str, Any]] = field(default_factory=list)
    feed: list[str] = field(default_factory=list)

    def state(self) -> dict[str, Any]:
        """Figures, then `stores` and `feed`, as plain values."""
        names = ("webhooks_sent", "webhooks_acknowledged", "webhooks_per_s", "orders", "orders_attributed")
        more = ("campaigns_paused", "ads_paused", "mails", "fee", "stores", "feed")
        return {name: getattr(self, name) for name in (*names, *more)}


@dataclass(slots=True)
class _DemoStore:
    """One simulated store and where the portal keeps it."""

    name: str
    world: World
    connected: ConnectedStore
    figures: Figures | None = None
    sent: int = 0


async def run_demo(
    portal_url: str,
    api_key: str,
    report: Report,
    *,
    seed: int = 7,
    rate: float = 20.0,
    seconds: float | None = None,
    ad_network_port: int = AD_NETWORK_PORT,
    mailbox_port: int = MAILBOX_PORT,
) -> DemoProgress:
    """Run until cancelled, or for `seconds`; `rate` is webhooks per second over both stores.

    `report` hears of the state about twice a second. Raises `FailedPrecondition` when the portal refuses to be set up.
    """
    async with AsyncExitStack() as stack:
        network, mailbox, token = AdNetwork(), Mailbox(), secrets.token_urlsafe(16)
        network_port = await stack.enter_async_context(serve_ad_network(network, token=token, port=ad_network_port))
        await stack.enter_async_context(serve_mailbox(mailbox, port=mailbox_port))
        portal = await stack.enter_async_context(DemoPortal.open(portal_url, api_key))
        stores = [await _connect(portal, shop, seed=seed, rate=rate) for shop in _shops()]
        for store in stores:
            for campaign in store.world.campaigns:
                products = [ProductAds(str(product_id)) for product_id in campaign.product_ids]
                network.put(_campaign(campaign.campaign_id, campaign.name, store.world, products))
            url = f"http://127.0.0.1:{network_port}"
            await portal.register(store.connected, store.world, network_url=url, network_token=token)
            shop = serve_shop(store.world, store.connected.connected_at, seed=seed)
            await portal.keep_credentials(store.connected, await stack.enter_async_context(shop))
        demo = _Demo(portal, stores, network, mailbox, Sender(portal_url, tokens=_tokens(stores), attempts=5))
        return await demo.run(report, rate=rate, seconds=seconds)


class _Demo:
    """The running demo."""

    def __init__(
        self, portal: DemoPortal, stores: list[_DemoStore], network: AdNetwork, mailbox: Mailbox, sender: Sender
    ) -> None:
        self._portal, self._stores = portal, stores
        self._network, self._mailbox, self._sender = network, mailbox, sender
        self._clock = SystemClock()
        self._progress = DemoProgress()
        self._feed: deque[str] = deque(maxlen=_FEED_LINES)
        self._sold_out_at: dict[str, dt.datetime] = {}
        self._changes_told = 0
        products = [product for store in stores for product in store.world.products]
        self._titles = {str(product.product_id): product.title for product in products}
        self._products_of_items = {
            str(item.inventory_item_id): str(product.product_id) for product in products for item in product.items
        }

    async def run(self, report: Report, *, rate: float, seconds: float | None) -> DemoProgress:
        async with asyncio.TaskGroup() as group:
            reporter = group.create_task(self._report(report))
            try:
                async with asyncio.timeout(seconds):
                    await self._sender.stream(self._traffic(), rate=rate)
            except TimeoutError:
                await self._refresh(figures=True)
            finally:
                reporter.cancel()
        report(self._progress.state())
        return self._progress

    async def _traffic(self) -> AsyncIterator[Delivery]:
        """The catalogues first; then both stores by turns, without end."""
        stories = [(store, store.world.run()) for store in self._stores]
        for store, story in stories:
            for _ in range(sum(len(product.items) for product in store.world.products)):
                yield self._sending(store, next(story))
        await asyncio.sleep(_SETTLE_SECONDS)
        turns = 0
        while True:
            turns += 1
            for store, story in stories:
                yield self._sending(store, next(story))
                if turns % _CLICKS_EVERY == 0:
                    with contextlib.suppress(httpx.HTTPError, FailedPrecondition):
                        clicks = store.world.clicks()[:5]
                        await self._portal.add_clicks(store.connected, clicks, self._clock.now())

    def _sending(self, store: _DemoStore, delivery: Delivery) -> Delivery:
        store.sent += 1
        self._progress.webhooks_sent += 1
        kind, _, name = delivery.subject.partition(":")
        product_id = self._products_of_items.get(name, "") if kind == "item" else name
        if kind in {"item", "product"} and product_id.isdecimal():
            self._note_stock(store, product_id)
        return delivery

    def _note_stock(self, store: _DemoStore, product_id: str) -> None:
        sold_out = int(product_id) in store.world.truth.sold_out
        title = self._titles.get(product_id, product_id)
        if sold_out and product_id not in self._sold_out_at:
            self._sold_out_at[product_id] = self._clock.now()
            self._tell_once(f"{title} is sold out")
        elif not sold_out and self._sold_out_at.pop(product_id, None) is not None:
            self._tell_once(f"{title} is back in stock")

    async def _report(self, report: Report) -> None:
        count, before, sent_before = 0, monotonic(), 0
        while True:
            await asyncio.sleep(_REPORT_SECONDS)
            await self._refresh(figures=count % _FIGURES_EVERY == 0)
            now = monotonic()
            speed = (self._progress.webhooks_sent - sent_before) / (now - before)
            self._progress.webhooks_per_s = round(speed, 1)
            before, sent_before, count = now, self._progress.webhooks_sent, count + 1
            report(self._progress.state())

    async def _refresh(self, *, figures: bool) -> None:
        progress = self._progress
        if figures:
            for store in self._stores:
                store.figures = await self._portal.figures(store.connected, self._clock.now()) or store.figures
        self._tell_changes()
        campaigns = self._network.list(limit=500)
        progress.webhooks_acknowledged = self._sender.answers.acknowledged
        progress.orders = sum(len(store.world.truth.orders) for store in self._stores)
        progress.orders_attributed = sum(each.figures.attributed_orders for each in self._stores if each.figures)
        progress.campaigns_paused = sum(campaign.status == PAUSED for campaign in campaigns)
        progress.ads_paused = sum(ads.status == PAUSED for campaign in campaigns for ads in campaign.products)
        progress.mails = len(self._mailbox.mails)
        progress.fee = " + ".join(each.figures.fee for each in self._stores if each.figures)
        progress.stores = [_row(store) for store in self._stores]
        progress.feed = list(self._feed)

    def _tell_changes(self) -> None:
        """What changed at the ad network since the last look."""
        for change in self._network.changes[self._changes_told :]:
            what = self._titles.get(change.product_id or "", "") or self._network.get(change.campaign_id).name
            since = self._sold_out_at.get(change.product_id or "")
            waited = dt.datetime.fromisoformat(change.at) - since if since else dt.timedelta()
            late = f", {waited / _MILLISECOND:.0f} ms after the news" if since and change.new == PAUSED else ""
            if change.field == "bid_minor":
                self._tell_once(f"bid of {what}: {change.old} → {change.new}")
            else:
                self._tell_once(f"ads of {what} {'stand still' if change.new == PAUSED else 'run again'}{late}")
        self._changes_told = len(self._network.changes)

    def _tell_once(self, sentence: str) -> None:
        if sentence not in list(self._feed)[-4:]:
            self._feed.append(sentence)


async def _connect(portal: DemoPortal, shop: Shop, *, seed: int, rate: float) -> _DemoStore:
    name = _STORES[shop.platform]
    connected = await portal.connect(shop, name)
    now = SystemClock().now()
    settings = WorldSettings(
        seed=seed,
        purchases=None,
        start=now + dt.timedelta(seconds=1),
        step=dt.timedelta(seconds=2 * _DELIVERIES_PER_PURCHASE / rate),
        remember=NEWEST_SHOWN,
        # A later run meets what an earlier one left behind; its things have ids of their own.
        first_id=int(now.timestamp()) * 1000 + (_BEYOND_DOUBLES if shop.platform == "shopify" else 0),
    )
    return _DemoStore(name, World(shop, settings), connected)


def _shops() -> list[Shop]:
    return [
        ShopifyShop(domain="kiki-demo.myshopify.com", secret=secrets.token_urlsafe(32), currency="USD"),
        WooCommerceShop(url="https://demo-shop.example/", secret=secrets.token_urlsafe(32), currency="EUR"),
    ]


def _campaign(campaign_id: str, name: str, world: World, products: list[ProductAds]) -> Campaign:
    known = next(campaign for campaign in world.campaigns if campaign.campaign_id == campaign_id)
    return Campaign(
        id=campaign_id,
        name=name,
        currency=world.shop.currency,
        bid_minor=known.bid_minor,
        daily_budget_minor=known.daily_budget_minor,
        products=products,
    )


def _tokens(stores: list[_DemoStore]) -> dict[str, str]:
    return {store.world.shop.platform: store.connected.delivery_token for store in stores}


def _row(store: _DemoStore) -> dict[str, Any]:
    truth, figures = store.world.truth, store.figures
    return {
        "store": store.name,
        "webhooks": store.sent,
        "orders": len(truth.orders),
        "attributed": figures.attributed_orders if figures else 0,
        "incremental": figures.incremental_revenue if figures else "",
        "fee": figures.fee if figures else "",
        "sold_out": len(truth.sold_out),
    }
