"""Simulated shops and the load generator send over real HTTP what a platform's reader believes."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import sys
from collections import Counter

import pytest

from kiki.commerce.events import OrderObserved
from kiki.platforms.protocol import StoreContext
from kiki.platforms.registry import platforms
from kiki.sandbox.http_server import Answer, Request, serve_http
from kiki.sandbox.sender import Sender
from kiki.sandbox.woocommerce import WooCommerceShop
from kiki.sandbox.world import World, WorldSettings

SECRET = "sandbox secret"
STORE = StoreContext(store_id=1, currency="EUR", timezone="Europe/Berlin")


class FakePortal:
    """Verifies like a portal and keeps what it read."""

    def __init__(self, *, fail_first: int = 0) -> None:
        self.topics: Counter[str] = Counter()
        self.orders: dict[str, OrderObserved] = {}
        self.paths: list[str] = []
        self._failures = fail_first

    async def handle(self, request: Request) -> Answer:
        if self._failures:
            self._failures -= 1
            return Answer(503)
        platform = platforms()[request.path.split("/")[2]]
        envelope = platform.envelope(request.headers)
        self.paths.append(request.path)
        if not platform.verify(request.body, envelope.signature, [SECRET]) or not request.path.endswith(envelope.topic):
            return Answer(401)
        self.topics[envelope.topic] += 1
        for event in platform.events(envelope.topic, request.body, STORE):
            if isinstance(event, OrderObserved):
                self.orders[event.order_id] = event
        return Answer.json({"status": "stored"})


def small_world() -> World:
    shop = WooCommerceShop(url="https://sandbox.example/", secret=SECRET, currency="EUR")
    return World(shop, WorldSettings(purchases=20, start=dt.datetime(2026, 11, 23, 9, tzinfo=dt.UTC)))


async def test_a_world_is_sent_whole() -> None:
    world, portal = small_world(), FakePortal()
    async with serve_http(portal.handle) as port:
        answers = await Sender(f"http://127.0.0.1:{port}", tokens={"woocommerce": "tok"}).send_all(world.run())
    assert answers.acknowledged == world.truth.deliveries == portal.topics.total()
    assert len(portal.orders) == len(world.truth.orders)
    assert all(path.startswith("/webhooks/woocommerce/s/tok/") for path in portal.paths)


async def test_what_was_not_taken_is_sent_again_when_told_so() -> None:
    world, portal = small_world(), FakePortal(fail_first=3)
    async with serve_http(portal.handle) as port:
        answers = await Sender(f"http://127.0.0.1:{port}", attempts=4).send_all(world.run())
    assert answers.retries == 3
    assert answers.acknowledged == world.truth.deliveries


async def test_the_rate_is_kept() -> None:
    world, portal = small_world(), FakePortal()
    deliveries = list(world.run())[:20]
    loop = asyncio.get_running_loop()
    async with serve_http(portal.handle) as port:
        began = loop.time()
        await Sender(f"http://127.0.0.1:{port}").send_all(deliveries, rate=100)
    assert loop.time() - began >= 0.19


@pytest.mark.parametrize("keep_alive_share", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("rate", [None, 400.0], ids=["closed-loop", "fixed-rate"])
async def test_the_load_generator_sends_what_it_reports(keep_alive_share: float, rate: float | None) -> None:
    portal = FakePortal()
    goods = [{"product_id": number, "price_minor": 1000 + number} for number in range(1, 20)]
    promoted = [{"product_id": number, "price_minor": 2000 + number} for number in range(100, 110)]
    shared = {"secret": SECRET, "campaign": "utm-1", "promoted": promoted, "products": goods}
    stores = [
        {"platform": "woocommerce", "store_key": "https://load.example/", **shared},
        {"platform": "shopify", "store_key": "load.myshopify.com", **shared, "path_prefix": "/webhooks/shopify/s/tok"},
    ]
    async with serve_http(portal.handle) as port:
        config = {"port": port, "stores": stores, "purchases": 60, "rate": rate, "keep_alive_share": keep_alive_share}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "kiki.sandbox.load", "--config", json.dumps(config), stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
    report = json.loads(output)
    assert process.returncode == 0
    assert report["statuses"] == {"200": report["sent"]}
    assert report["acknowledged"] == portal.topics.total()
    assert report["connection_errors"] == 0
    assert report["purchases"] == 60
    expected = report["expected"].values()
    assert sum(each["deliveries"] for each in expected) == report["sent"]
    assert portal.topics["order.created"] == portal.topics["orders/create"] == 30
    assert sum(each["net_minor"] for each in expected) >= sum(o.net_sales.minor for o in portal.orders.values()) > 0
    ours = [order for order in portal.orders.values() if order.touch and order.touch.utm_campaign == "utm-1"]
    assert all(int(line.product_id or 0) >= 100 for order in ours for line in order.lines)
    assert {order.total for order in portal.orders.values()}
