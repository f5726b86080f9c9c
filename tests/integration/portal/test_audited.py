"""Whoever changes or takes away something through the portal stands in the audit log, by the same transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from databases import tables_of
from integration.portal.running import KEY, OWNERS, SITE, Portal, running_portal, woo_headers
from kiki.orchestrator.calls.intents import REQUEST_PURPOSE
from kiki.rpc.v1 import syncshield_pb2 as pb

dsn = tables_of(*OWNERS)
GUARD = {"x-internal-api-key": KEY, "x-actor": "user:7"}
_INTENTS = """
SELECT store_id, method, request FROM calls.queue WHERE agent = 'syncshield' AND method = $1 ORDER BY seq
"""


@pytest.fixture
async def portal(dsn: str) -> AsyncIterator[Portal]:
    async with running_portal(dsn) as running:
        yield running


async def noted(portal: Portal) -> list[tuple[int, str, str, str, str]]:
    """Store, actor, action, resource and purpose of what waits for SyncShield."""
    found = []
    for row in await portal.rows(_INTENTS, "LogDataAccess"):
        opened = portal.sealer.open(row["request"], store_id=row["store_id"], purpose=REQUEST_PURPOSE)
        access = pb.LogDataAccessRequest.FromString(opened)
        resource = f"{access.resource_type}:{access.resource_id}"
        found.append((access.store_id, access.actor, access.action, resource, access.purpose))
    return found


async def ask(portal: Portal, method: str, path: str, body: Any = None) -> Any:
    answer = await portal.http.request(method, f"/internal/{path}", headers=GUARD, json=body)
    assert answer.is_success, answer.text
    return answer.json() if answer.content else None


async def test_replays_are_audited_in_the_store_or_in_the_installation(portal: Portal) -> None:
    shop = await portal.add_store()
    body = b'{"id": 1}'
    headers = woo_headers(body, x_wc_webhook_source=SITE, x_wc_webhook_topic="order.created")
    delivered = await portal.http.post("/webhooks/woocommerce/order.created", content=body, headers=headers)
    assert delivered.status_code == 200, delivered.text
    (delivery,) = (await ask(portal, "GET", "deliveries"))["deliveries"]
    number = delivery["delivery_id"]
    await ask(portal, "POST", f"deliveries/{number}/replay")
    await ask(portal, "POST", "deliveries/replay", {"delivery_ids": [number]})
    await ask(portal, "POST", "deliveries/replay", {"store_id": shop.store_id, "status": "dead"})
    (_, *one), (_, *named), (store_id, *found) = await noted(portal)
    assert one == ["user:7", "delivery.replay", f"delivery:{number}", ""]
    assert named[:3] == ["user:7", "deliveries.replay", f"deliveries:{number}"]
    assert (store_id, found[2], found[3]) == (shop.store_id, "deliveries:status=dead limit=1000", "replayed=0")


async def test_whoever_has_events_told_elsewhere_is_audited(portal: Portal) -> None:
    store_id = (await portal.add_store()).store_id
    path = f"subscriptions/{store_id}"
    added = await ask(portal, "POST", path, {"url": "https://listener.example/events"})
    number = added["subscription_id"]
    await ask(portal, "POST", f"{path}/{number}/rotate-secret")
    await ask(portal, "POST", f"{path}/{number}/move", {"after": 0})
    await ask(portal, "DELETE", f"{path}/{number}")
    found = await noted(portal)
    assert [action for _, _, action, _, _ in found] == [
        f"subscription.{done}" for done in ("add", "rotate_secret", "move", "remove")
    ]
    assert {(store, actor, resource) for store, actor, _, resource, _ in found} == {
        (store_id, "user:7", f"subscription:{number}")
    }


async def test_what_was_refused_is_not_said_to_be_done(portal: Portal) -> None:
    store_id = (await portal.add_store()).store_id
    for method, path in (("DELETE", ""), ("POST", "/enable"), ("POST", "/rotate-secret")):
        answer = await portal.http.request(method, f"/internal/subscriptions/{store_id}/99{path}", headers=GUARD)
        assert answer.status_code == 404
    assert await noted(portal) == []


async def test_jobs_and_contacts_told_by_a_server_are_audited(portal: Portal) -> None:
    store_id = (await portal.add_store()).store_id
    job = await ask(portal, "POST", f"sync/products/{store_id}")
    contact = {
        "touchpoint_id": "t-1",
        "at": "2026-01-02T03:04:05Z",
        "kind": "click",
        "campaign_id": "spring",
        "email": "ada@customer.example",
    }
    for _ in range(2):
        await ask(portal, "POST", f"touchpoints/{store_id}", {"touchpoints": [contact]})
    synced, told = await noted(portal)
    assert synced == (store_id, "user:7", "job.sync_products", f"job:{job['job_id']}", "")
    assert told == (store_id, "user:7", "touchpoints.add", f"store:{store_id}", "count=1")


async def test_requests_without_the_key_are_counted_and_audited_as_one(dsn: str) -> None:
    async with running_portal(dsn, refusal_flush_seconds=0.05) as portal:
        for _ in range(3):
            answer = await portal.http.get("/internal/stores", headers={"x-internal-api-key": "wrong"})
            assert answer.status_code == 403
        rows: list[dict[str, Any]] = []
        while not rows:
            await asyncio.sleep(0.02)
            rows = await portal.rows(_INTENTS, "LogWebhookEvent")
    found = [
        pb.LogWebhookEventRequest.FromString(
            portal.sealer.open(row["request"], store_id=row["store_id"], purpose=REQUEST_PURPOSE)
        )
        for row in rows
    ]
    told = {(each.store_id, each.platform, each.topic) for each in found}
    assert told == {(0, "portal", "refused:WRONG_INTERNAL_KEY")}
    assert not any(each.verified for each in found)
