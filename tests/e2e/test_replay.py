"""What failed can be tried again, what succeeded is not done again, and integrators hear of it."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from e2e.mesh import AGENTS, Mesh, Shop, until
from e2e.payloads import campaign, woo_order, woo_product
from kiki.orchestrator.events.signing import verify

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def sold(mesh: Mesh, order_id: int) -> Shop:
    """A shop with a billed order of ours."""
    shop = await mesh.add_store("woocommerce")
    campaign_id = f"c-{secrets.token_hex(4)}"
    await mesh.send("POST", f"/internal/campaigns/{shop.store_id}", {"campaigns": [campaign(campaign_id, 11)]})
    await mesh.settled()
    visit = [
        {"id": 1, "key": "_wc_order_attribution_utm_source", "value": "google"},
        {"id": 2, "key": "_wc_order_attribution_utm_campaign", "value": campaign_id},
    ]
    await shop.deliver("order.created", woo_order(order_id, product_id=11, meta_data=visit, refunds=[(7, "-59.50")]))
    await shop.deliver("product.updated", woo_product(11, stock_status="outofstock"))
    await mesh.settled()
    return shop


async def test_a_replay_of_everything_has_no_second_effect(mesh: Mesh) -> None:
    shop = await sold(mesh, 1)
    agents = [agent for agent in AGENTS if agent != "syncshield"]
    before = {agent: await mesh.effects(agent, shop.store_id) for agent in agents}
    assert before["syncledger"]["RecordIncrementalRevenue"] == before["syncledger"]["RecordRefund"] == 1
    answer = await mesh.send("POST", "/internal/deliveries/replay", {"store_id": shop.store_id, "status": "settled"})
    assert answer["replayed"] >= 2
    await mesh.settled()
    assert len(await mesh.endings(shop.store_id)) == 4
    assert {agent: await mesh.effects(agent, shop.store_id) for agent in agents} == before


async def test_a_dead_letter_is_listed_with_its_reason_and_can_be_replayed(mesh: Mesh) -> None:
    shop = await mesh.add_store("woocommerce")
    await shop.deliver("order.created", b'{"id": 12}')
    await mesh.settled()
    (dead,) = (await mesh.get("/internal/dead-letters", store_id=shop.store_id))["deliveries"]
    shown = await mesh.get(f"/internal/deliveries/{dead['delivery_id']}", body="true")
    assert shown["runs"][0]["reason"]
    assert "12" in json.dumps(shown)
    await mesh.send("POST", f"/internal/deliveries/{dead['delivery_id']}/replay")
    await mesh.settled()
    assert [status for status, _ in await mesh.endings(shop.store_id)] == ["dead", "dead"]


async def test_a_subscriber_hears_of_every_decision_once_and_in_order(mesh: Mesh) -> None:
    shop = await mesh.add_store("woocommerce")
    async with subscriber() as (url, heard):
        added = await mesh.send("POST", f"/internal/subscriptions/{shop.store_id}", {"url": url, "types": []})
        for number in (1, 2, 3):
            await shop.deliver("order.created", woo_order(number))
            await mesh.settled()

        async def all_told() -> bool:
            return [message["type"] for _, message, _ in heard].count("OrderCreatedEvent") == 3

        await until(all_told, what="the subscriber has heard of three orders")
    for headers, _, body in heard:
        at = int(headers["webhook-timestamp"])
        assert verify(added["secret"], headers["webhook-id"], at, body, headers["webhook-signature"])
    identifiers = [headers["webhook-id"] for headers, _, _ in heard]
    assert len(set(identifiers)) == len(identifiers)
    log = (await mesh.get(f"/internal/events/{shop.store_id}"))["events"]
    assert [event["seq"] for event in log] == list(range(1, len(log) + 1))


@asynccontextmanager
async def subscriber() -> AsyncIterator[tuple[str, list[tuple[dict[str, str], Any, bytes]]]]:
    """An integrator's endpoint: its address, and what it was sent."""
    heard: list[tuple[dict[str, str], Any, bytes]] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head)}
        body = await reader.readexactly(int(headers["content-length"]))
        heard.append((headers, json.loads(body), body))
        writer.write(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/hook", heard
