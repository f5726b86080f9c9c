"""The demo's shops answer their own APIs: a sync against them reads the past that they have, and bills nobody."""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from integration.portal.mesh import running_council, running_flow, running_worker
from integration.portal.running import KEY, running_portal
from integration.portal.test_sync import count, get
from kiki.cli import exits
from kiki.cli.main import run
from kiki.kit.clock import SystemClock
from kiki.portal.jobs import history, runner
from kiki.sandbox.demo import run_demo
from kiki.sandbox.demo_shops import past_of, serve_shop
from kiki.sandbox.shop import Shop
from kiki.sandbox.shopify import ShopifyShop
from kiki.sandbox.woocommerce import WooCommerceShop
from kiki.sandbox.world import World, WorldSettings

CONNECTED = dt.datetime(2026, 11, 20, 10, tzinfo=dt.UTC)


def shop(platform: str) -> Shop:
    if platform == "shopify":
        return ShopifyShop(domain="past.myshopify.com", secret="s", currency="USD")
    return WooCommerceShop(url="https://past.example/", secret="s", currency="EUR")


each_platform = pytest.mark.parametrize("platform", ["shopify", "woocommerce"])


@pytest.mark.slow
@each_platform
def test_a_shop_that_is_met_again_has_the_past_that_it_had(platform: str) -> None:
    first, again = (past_of(shop(platform), CONNECTED, seed=7) for _ in range(2))
    assert list(first.orders) == list(again.orders)
    placed = [order.placed_at for order in first.orders]
    assert CONNECTED - min(placed) > dt.timedelta(days=396), "thirteen months, as the baseline wants"
    assert max(placed) < CONNECTED
    months = {(at.year, at.month) for at in placed}
    assert len(months) >= 15


@each_platform
async def test_a_shop_shows_its_past_and_what_it_has_sold_since_to_who_has_the_key(platform: str) -> None:
    start = SystemClock().now()
    world = World(shop(platform), WorldSettings(purchases=None, start=start, remember=5, first_id=1))
    for _ in itertools.islice(world.run(), 100):
        pass
    assert len(world.orders) == 5
    async with serve_shop(world, start, seed=7) as given, httpx.AsyncClient(base_url=given["base_url"]) as http:
        path = "/admin/api/2026-04/orders/count.json" if platform == "shopify" else "/wp-json/wc/v3/orders"
        assert (await http.get(path)).status_code == 401
        if platform == "shopify":
            headers = {"x-shopify-access-token": given["access_token"]}
            answer = await http.get(path, params={"status": "any"}, headers=headers)
            assert answer.json()["count"] == 5 + len(past_of(shop(platform), start, seed=7).orders)


def ignore(state: Mapping[str, Any]) -> None:
    """Nobody watches."""


async def kiki(line: str, capsys: pytest.CaptureFixture[str]) -> Any:
    """What a command prints as JSON, run beside the portal's loop, whose log lines stand around it."""
    assert await asyncio.to_thread(run, [*line.split(), "--json"]) == exits.OK
    printed = capsys.readouterr().out
    return json.JSONDecoder().raw_decode(printed[printed.index("{\n") :])[0]


@pytest.mark.slow
async def test_the_demos_stores_are_synced_beside_their_live_traffic(
    migrated_dsn: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(runner, "_POLL_SECONDS", 0.05)
    monkeypatch.setattr(history, "_LOOK_SECONDS", 0.1)
    async with (
        running_council(migrated_dsn) as council,
        running_flow(migrated_dsn) as flow,
        running_worker(migrated_dsn, council | flow),
        running_portal(migrated_dsn, addresses=council | flow) as portal,
    ):
        monkeypatch.setenv("KIKI_DATA_DIR", str(tmp_path))
        monkeypatch.setenv("KIKI_PORTAL_URL", f"http://127.0.0.1:{portal.port}")
        monkeypatch.setenv("KIKI_INTERNAL_API_KEY", KEY)
        url = f"http://127.0.0.1:{portal.port}"
        demo = asyncio.create_task(run_demo(url, KEY, ignore, rate=10, ad_network_port=0, mailbox_port=0))
        try:
            while await count(portal, "portal.store_credentials") < 2:
                assert not demo.done(), demo.exception()
                await asyncio.sleep(0.1)
            for store in (await get(portal, "/internal/stores"))["stores"]:
                store_id = store["store_id"]
                products = await kiki(f"stores sync {store_id} products", capsys)
                assert (products["status"], products["done"]) == ("succeeded", 24), products
                orders = await kiki(f"stores sync {store_id} orders", capsys)
                baseline = orders["result"]["baseline"]
                assert (baseline["months_available"], baseline["complete"]) == (12, True)
                assert (orders["result"]["contract"], orders["result"]["dead_letters"]) == ("told", 0)
                past = f"store_id = {store_id} AND placed_at < now() - interval '12 hours'"
                assert await count(portal, "commerce.orders", past) > 900
                assert await count(portal, "commerce.orders", f"{past} AND live") == 0
            assert not demo.done(), demo.exception()
        finally:
            demo.cancel()
            await asyncio.gather(demo, return_exceptions=True)
