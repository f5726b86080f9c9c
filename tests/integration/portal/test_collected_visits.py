"""From a browser's beacon to an order's verdict: portal and worker over one database, shops' own payloads."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from integration.portal.running import KEYRING, Portal, running_portal, sign, woo_headers
from integration.portal.test_collector import CLICK, ORIGIN, Page, open_page
from integration.portal.test_database_away import wired_portal
from kiki.commerce.collectors import get_collector_store
from kiki.kit.clock import SystemClock
from kiki.kit.errors import Unavailable
from kiki.orchestrator.component import open_component
from kiki.orchestrator.settings import OrchestratorSettings
from kiki.platforms.shopify.platform import Shopify
from kiki.platforms.woocommerce.platform import WooCommerce
from kiki.portal.collector.proof import identify_secret, proof_of

VISITOR = "0123456789abcdef" * 2


class NobodyAnswers:
    """Agents that are away: their calls wait, decisions do not."""

    async def call_batch(self, agent: str, method: str, requests: Sequence[bytes]) -> Sequence[Any]:
        raise Unavailable(f"{agent} is away")


@asynccontextmanager
async def working(portal_dsn: str, **settings: Any) -> AsyncIterator[Portal]:
    async with (
        running_portal(portal_dsn, shopify_api_secret="acceptance-secret", **settings) as portal,
        open_component(
            dsn=portal_dsn,
            keyring=KEYRING,
            clients=NobodyAnswers(),
            platforms={"shopify": Shopify(), "woocommerce": WooCommerce()},
            settings=OrchestratorSettings(),
            clock=SystemClock(),
        ) as worker,
    ):
        task = asyncio.create_task(worker.run())
        try:
            yield portal
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def register(portal: Portal, store_id: int) -> None:
    """A campaign, as SyncFlow's registry would have told of it."""
    async with portal.database.transaction() as connection:
        await connection.execute(
            """INSERT INTO commerce.campaigns (store_id, campaign_id, network, name, utm_campaign, utm_id, status,
                active, registered_at) VALUES ($1, 'k1', 'google', 'Autumn', 'autumn', '', 'active', true, now())""",
            store_id,
        )


async def verdict_of(portal: Portal, order_id: str, wanted: str) -> dict[str, Any]:
    row: dict[str, Any] = {}
    async with asyncio.timeout(20):
        while row.get("verdict") != wanted:
            rows = await portal.rows(
                "SELECT verdict, confidence, campaign_id FROM commerce.orders WHERE order_id = $1", order_id
            )
            row = rows[0] if rows else {}
            await asyncio.sleep(0.05)
    return row


def woo_order(order_id: int, visitor: str | None, customer_id: int = 0) -> bytes:
    now = (dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%S")
    meta = [{"id": 1, "key": "_kiki_visitor", "value": visitor}] if visitor else []
    return json.dumps(
        {
            "id": order_id,
            "status": "processing",
            "currency": "EUR",
            "total": "20.00",
            "date_created_gmt": now,
            "date_modified_gmt": now,
            "date_paid_gmt": now,
            "customer_id": customer_id,
            "billing": {"email": f"guest-{order_id}@example.com"},
            "meta_data": meta,
            "line_items": [{"id": 1, "name": "Lamp", "product_id": 5, "quantity": 1, "total": "20.00"}],
        }
    ).encode()


async def deliver(portal: Portal, body: bytes) -> None:
    answer = await portal.http.post(
        "/webhooks/woocommerce/order.created", content=body, headers=woo_headers(body, x_wc_webhook_source=ORIGIN)
    )
    assert answer.status_code == 200


@pytest.mark.parametrize("beacon_first", [True, False])
async def test_a_visit_counts_for_the_order_that_carries_the_visitor_id(portal_dsn: str, beacon_first: bool) -> None:
    async with working(portal_dsn) as portal:
        page = await open_page(portal)
        await register(portal, page.store_id)
        beacon = {**CLICK, "visitor": VISITOR, "age_ms": 60_000}
        if beacon_first:
            assert (await page.send(beacon)).headers["x-kiki-collected"] == "stored"
        await deliver(portal, woo_order(1, VISITOR))
        await deliver(portal, woo_order(2, None))
        if not beacon_first:
            await verdict_of(portal, "1", "none")
            assert (await page.send(beacon)).headers["x-kiki-collected"] == "stored"
        touched = await verdict_of(portal, "1", "touched")
        assert (str(touched["confidence"]), touched["campaign_id"]) == ("0.500", "k1")
        await verdict_of(portal, "2", "none")


async def test_a_cart_attribute_of_shopify_does_the_same(portal_dsn: str) -> None:
    async with working(portal_dsn) as portal:
        shop = await portal.add_store("shopify", "lamps.myshopify.com", "")
        await register(portal, shop.store_id)
        keys = await portal.rows("SELECT collector_key FROM commerce.store_connections")
        page = Page(portal, shop.store_id, keys[0]["collector_key"])
        beacon = {**CLICK, "visitor": VISITOR, "consent": "shopify", "age_ms": 60_000}
        assert (await page.send(beacon, origin="https://lamps.myshopify.com")).status_code == 204
        now = (dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1)).isoformat()
        order = {
            "id": 9,
            "created_at": now,
            "updated_at": now,
            "financial_status": "paid",
            "currency": "EUR",
            "total_price": "20.00",
            "email": "guest@example.com",
            "note_attributes": [{"name": "_kiki_visitor", "value": VISITOR}],
            "line_items": [{"id": 1, "title": "Lamp", "product_id": 5, "quantity": 1, "price": "20.00"}],
        }
        body = json.dumps(order).encode()
        headers = {
            "x-shopify-hmac-sha256": sign(body),
            "x-shopify-shop-domain": "lamps.myshopify.com",
            "x-shopify-topic": "orders/create",
        }
        answer = await portal.http.post("/webhooks/shopify/orders/create", content=body, headers=headers)
        assert answer.status_code == 200
        assert (await verdict_of(portal, "9", "touched"))["campaign_id"] == "k1"


async def test_a_database_that_is_gone_is_503_and_the_beacon_counts_once_when_it_comes_again(portal_dsn: str) -> None:
    async with wired_portal(portal_dsn) as (portal, wire):
        page = await open_page(portal)
        assert (await page.send()).status_code == 204
        wire.cut()
        late = {**CLICK, "event_id": "f" * 32}
        answer = await page.send(late)
        assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
        assert answer.headers["retry-after"]
        wire.mend()
        outcomes = [(await page.send(late)).headers.get("x-kiki-collected") for _ in range(2)]
        assert outcomes == ["stored", "known"]
        assert await page.stored() == 2


@pytest.mark.parametrize("kind", ["click", "identify"])
async def test_a_stranger_puts_no_click_to_a_customers_name(portal_dsn: str, kind: str) -> None:
    """Customer ids are counted: whoever tells the collector one after another would have all their orders billed."""
    async with working(portal_dsn) as portal:
        page = await open_page(portal)
        await register(portal, page.store_id)
        await deliver(portal, woo_order(1, None, customer_id=42))
        await verdict_of(portal, "1", "none")
        click = {**CLICK, "visitor": VISITOR}
        beacons = [{**click, "customer_id": "42"}]
        if kind == "identify":
            named = {"kind": "identify", "event_id": "i" * 32, "visitor": VISITOR, "consent": "wp", "customer_id": "42"}
            beacons = [click, named]
        answers = [await page.send(beacon) for beacon in beacons]
        assert answers[0].status_code == 204
        if kind == "identify":
            assert answers[1].json()["reason"] == "NO_PROOF"
        await deliver(portal, woo_order(2, None, customer_id=42))
        await verdict_of(portal, "2", "none")
        assert (await portal.rows("SELECT count(*) FROM inbox.queue"))[0]["count"] == 0

        async with portal.database.connection() as connection:
            store = await get_collector_store(connection, page.store_id)
        proof = proof_of(identify_secret(portal.sealer, store), "42")
        shown = {"kind": "identify", "event_id": "j" * 32, "visitor": VISITOR, "consent": "wp", "customer_id": "42"}
        assert (await page.send({**shown, "proof": proof})).headers["x-kiki-collected"] == "stored"
        await deliver(portal, woo_order(3, None, customer_id=42))
        await verdict_of(portal, "3", "touched")
