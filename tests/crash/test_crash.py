"""Whatever is killed or frozen, and whenever: what was answered 200 happens once.

`KIKI_CRASH_SECONDS` says how long the processes are tormented (25 by default), `KIKI_CRASH_SEED` repeats a run.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import os
import random
import secrets
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from e2e.mesh import NETWORK_TOKEN, Mesh, Shop, running_mesh, until
from e2e.payloads import ago, campaign, woo_order, woo_product, woo_time
from kiki.kit.settings import read_variable
from kiki.rpc.v1 import common_pb2 as common
from kiki.rpc.v1 import syncledger_pb2 as ledger
from kiki.rpc.v1 import syncvalue_pb2 as value
from kiki.sandbox.ad_network import Campaign, ProductAds

SECONDS = float(read_variable("KIKI_CRASH_SECONDS") or 25)
SEED = int(read_variable("KIKI_CRASH_SEED") or secrets.randbelow(2**31))
SENDERS = 8
CAMPAIGN = "autumn"
STEADY, FLAPPING = 11, 12
ZOMBIE = "second worker"
_LEASE_SECONDS = 4
_FREEZE_SECONDS = 8
"""Longer than a lease, so that the other worker takes over meanwhile."""


@dataclass
class Truth:
    """What must have happened, noted when a delivery was answered 200."""

    deliveries: set[str] = field(default_factory=set)
    orders: set[int] = field(default_factory=set)
    incremental: set[int] = field(default_factory=set)
    halved: set[int] = field(default_factory=set)
    refunded: set[int] = field(default_factory=set)
    """Incremental and halved."""


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.timeout(SECONDS * 4 + 300)
async def test_everything_that_was_accepted_happens_once() -> None:
    _tell(f"KIKI_CRASH_SEED={SEED} KIKI_CRASH_SECONDS={SECONDS:g}")
    chance = random.Random(SEED)
    settings = {"SYNCWORKER_LEASE_SECONDS": str(_LEASE_SECONDS), "KIKI_LOG_LEVEL": "ERROR"}
    async with running_mesh("few", settings) as mesh, mesh.serving("worker", ZOMBIE):
        shop = await mesh.add_store("woocommerce", settings={"resume_damping_seconds": 0})
        await _advertise(mesh, shop)
        truth = Truth()
        end = asyncio.get_running_loop().time() + SECONDS
        async with asyncio.TaskGroup() as tasks:
            for sender in range(SENDERS):
                tasks.create_task(_buy(mesh, shop, truth, sender, random.Random(f"{SEED}/{sender}"), end))
            tasks.create_task(_flap(mesh, shop, truth, end))
            tasks.create_task(_torment(mesh, chance, end))
        await _everything_runs(mesh)
        await mesh.settled(180)
        await _check(mesh, shop, truth)


async def _advertise(mesh: Mesh, shop: Shop) -> None:
    ads = [ProductAds(str(STEADY)), ProductAds(str(FLAPPING))]
    mesh.network.put(Campaign(CAMPAIGN, "Autumn", "EUR", 120, 5000, ads))
    connection = {"base_url": mesh.network_url, "token": NETWORK_TOKEN}
    await mesh.send("PUT", f"/internal/ad-networks/{shop.store_id}/google", connection)
    body = {"campaigns": [campaign(CAMPAIGN, STEADY, FLAPPING)]}
    await mesh.send("POST", f"/internal/campaigns/{shop.store_id}", body)
    await mesh.settled()


async def _buy(mesh: Mesh, shop: Shop, truth: Truth, sender: int, chance: random.Random, end: float) -> None:
    """Purchases one after another: created and updated in any order, repeated, some refunded by half."""
    number = 0
    while asyncio.get_running_loop().time() < end:
        number += 1
        order_id = sender * 1_000_000 + number
        ours, refunded = chance.random() < 0.5, chance.random() < 0.3
        placed = ago(minutes=chance.randint(2, 600))
        # Whom we acquired is ours again: customers of one kind never buy as the other.
        name = f"{'led' if ours else 'other'}-{chance.randint(1, 40)}-{sender}"
        more: dict[str, Any] = {"placed": placed, "email": f"{name}@customer.example"}
        if ours:
            more["meta_data"] = [_visit("utm_source", "google"), _visit("utm_campaign", CAMPAIGN)]
        product_id = STEADY if ours else 999
        order = woo_order(order_id, product_id=product_id, **more)
        story = [("order.created", order), ("order.updated", order)]
        if refunded:
            half = woo_order(
                order_id, product_id=product_id, refunds=[(order_id * 10, "-59.50")], modified=ago(minutes=1), **more
            )
            story += [("order.updated", half), ("order.updated", {**half, "customer_note": "told again"})]
        if chance.random() < 0.3:
            story.append(story[0])
        chance.shuffle(story)
        for topic, payload in story:
            await _until_accepted(
                mesh,
                shop,
                truth,
                topic,
                payload,
                f"{topic}/{order_id}/{payload.get('customer_note')}/{len(payload['refunds'])}",
            )
        truth.orders.add(order_id)
        if ours:
            truth.incremental.add(order_id)
        if refunded:
            truth.halved.add(order_id)
        if refunded and ours:
            truth.refunded.add(order_id)


async def _flap(mesh: Mesh, shop: Shop, truth: Truth, end: float) -> None:
    """Stock that comes and goes, told out of order; the newest word is "in stock"."""
    step, start = 0, ago(days=1)
    while asyncio.get_running_loop().time() < end:
        step += 2
        for part in (step + 1, step):
            sold_out = part % 2 == 0
            product = woo_product(FLAPPING, stock_status="outofstock" if sold_out else "instock")
            product["date_modified_gmt"] = woo_time(start.replace(second=0) + part * (ago(seconds=0) - ago(seconds=1)))
            await _until_accepted(mesh, shop, truth, "product.updated", product, f"product/{part}")
        await asyncio.sleep(0.05)


async def _until_accepted(mesh: Mesh, shop: Shop, truth: Truth, topic: str, payload: Any, name: str) -> None:
    """Send until it is answered 200, as a reconciling sender would; the delivery id stays the same."""
    headers = {"X-WC-Webhook-Delivery-ID": name.encode().hex()[:120]}
    while True:
        mesh.assert_runs()
        with contextlib.suppress(httpx.HTTPError):
            answer = await shop.deliver(topic, payload, headers=headers, by_token=True)
            if answer.status_code == 200:
                truth.deliveries.add(name)
                return
            assert answer.status_code == 503, answer.text
        await asyncio.sleep(0.1)


async def _torment(mesh: Mesh, chance: random.Random, end: float) -> None:
    """Kill or freeze something every few seconds."""
    ways: list[tuple[str, Callable[[], Any]]] = [
        ("worker", lambda: mesh.kill("worker")),
        ("second worker", lambda: mesh.kill(ZOMBIE)),
        ("council", lambda: mesh.kill("syncvalue")),
        ("studio", lambda: mesh.kill("synccreate")),
        ("portal", lambda: mesh.kill("portal")),
        ("postgresql", lambda: _kill_postmaster(mesh)),
        ("worker, which freezes", lambda: _freeze(mesh, "worker")),
        ("second worker, which freezes", lambda: _freeze(mesh, ZOMBIE)),
    ]
    thawing: list[asyncio.Task[None]] = []
    turn = 0
    while asyncio.get_running_loop().time() < end:
        if turn % len(ways) == 0:
            chance.shuffle(ways)
        name, strike = ways[turn % len(ways)]
        turn += 1
        await asyncio.sleep(chance.uniform(0.8, 3))
        with contextlib.suppress(ProcessLookupError, StopIteration):
            done = strike()
            _tell(f"struck {name}")
            if isinstance(done, asyncio.Task):
                thawing.append(done)
    await asyncio.gather(*thawing)


def _freeze(mesh: Mesh, worker: str) -> asyncio.Task[None]:
    pid = mesh.kill(worker, signal.SIGSTOP)

    async def thaw() -> None:
        await asyncio.sleep(_FREEZE_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    return asyncio.create_task(thaw())


def _kill_postmaster(mesh: Mesh) -> None:
    """Raises `ProcessLookupError` while the server is down from the last time."""
    try:
        first_line = (mesh.folder / "data" / "postgres" / "postmaster.pid").read_text().split("\n", 1)[0]
    except FileNotFoundError as error:
        raise ProcessLookupError from error
    if not first_line:
        raise ProcessLookupError
    os.kill(int(first_line), signal.SIGKILL)


async def _everything_runs(mesh: Mesh) -> None:
    async def ready() -> bool:
        answer = await mesh.http.get("/readyz")
        healthy = [await mesh.clients[agent].healthy() for agent in ("syncvalue", "synccreate")]
        return answer.status_code == 200 and all(healthy)

    await until(ready, timeout_seconds=60, what="everything runs again")


async def _check(mesh: Mesh, shop: Shop, truth: Truth) -> None:
    assert truth.orders, "nothing was bought"
    _tell(f"{len(truth.deliveries)} deliveries, {len(truth.orders)} orders")
    _tell(f"{len(truth.incremental)} billed, {len(truth.refunded)} refunded")
    await _every_delivery_finished_once(mesh, shop, truth)
    await _every_agent_did_its_part(mesh, shop, truth)
    await _the_money_is_right(mesh, shop, truth)

    async def advertised() -> bool:
        return mesh.network.is_running(CAMPAIGN, str(FLAPPING))

    await until(advertised, what="the newest word on stock holds at the network")


async def _every_delivery_finished_once(mesh: Mesh, shop: Shop, truth: Truth) -> None:
    assert await mesh.kept(shop.store_id) == len(truth.deliveries)
    endings = await mesh.endings(shop.store_id)
    assert collections.Counter(endings) == {("settled", ""): len(truth.deliveries)}
    assert await mesh.sql("SELECT count(*) FROM inbox.dead_letters WHERE store_id = $1", shop.store_id) == 0
    dead = await mesh.rows("SELECT agent, method, reason, count(*) FROM calls.dead GROUP BY 1, 2, 3")
    assert [tuple(row) for row in dead] == []


async def _every_agent_did_its_part(mesh: Mesh, shop: Shop, truth: Truth) -> None:
    store = shop.store_id
    engage, booked = await mesh.effects("syncengage", store), await mesh.effects("syncledger", store)
    assert engage["TriggerPostPurchaseFlow"] == len(truth.orders)
    # An order whose buyer's earlier one arrives later is decided anew, and told again under its next revision.
    standing = (
        "SELECT (count(*), sum(booked_revision)) FROM commerce.orders WHERE store_id = $1 AND NOT booking_reversed"
    )
    orders, revisions = await mesh.sql(f"{standing} AND booked_revision IS NOT NULL", store)
    assert (orders, booked["RecordIncrementalRevenue"]) == (len(truth.incremental), revisions)
    assert booked["RecordRefund"] == len(truth.refunded)
    assert "ReverseOrderRevenue" not in booked
    assert (await mesh.effects("syncshield", store))["LogWebhookEvent"] == len(truth.deliveries)
    told = await mesh.sql("SELECT count(*) FROM events.log WHERE store_id = $1 AND type = 'OrderCreatedEvent'", store)
    assert told == len(truth.orders)
    last, known = await mesh.sql("SELECT (max(seq), count(*)) FROM events.log WHERE store_id = $1", store)
    assert last == known, "the event log has no gap"


async def _the_money_is_right(mesh: Mesh, shop: Shop, truth: Truth) -> None:
    period = common.Period(start=ago(days=40), end=ago(days=-1))
    asked = value.GetRevenueInPeriodRequest(
        store_id=shop.store_id, period=period, currency="EUR", basis=value.REVENUE_BASIS_NET_SALES
    )
    sold = await mesh.clients.syncvalue.call("GetRevenueInPeriod", asked, value.GetRevenueInPeriodResponse)
    assert (sold.orders, sold.revenue.units) == (len(truth.orders), 100 * len(truth.orders) - 50 * len(truth.halved))

    fee_of = ledger.CalculateSuccessFeeRequest(store_id=shop.store_id, period=period)
    owed = await mesh.clients.syncledger.call("CalculateSuccessFee", fee_of, ledger.CalculateSuccessFeeResponse)
    assert owed.incremental_revenue.units == 100 * len(truth.incremental) - 50 * len(truth.refunded)
    assert owed.fee.units == 20 * len(truth.incremental) - 10 * len(truth.refunded)

    request = ledger.VerifyLedgerRequest(store_id=shop.store_id)
    verified = await mesh.clients.syncledger.call("VerifyLedger", request, ledger.VerifyLedgerResponse)
    assert verified.ok, verified


def _visit(name: str, value: str) -> dict[str, Any]:
    return {"id": 1, "key": f"_wc_order_attribution_{name}", "value": value}


def _tell(line: str) -> None:
    """Shown with a failure, and with `-s` as it happens."""
    sys.stdout.write(f"{line}\n")
