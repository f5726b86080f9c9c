"""Every operation behind the key answers once for good, and what it answers is what the document says.

The client of every portal in these tests holds each answer to the document (`conforming.py`); here a shop is walked
through all of them, so that an operation which nobody asks is found too.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from schemathesis.core.failures import FailureGroup
from schemathesis.openapi.checks import JsonSchemaError

from e2e.payloads import ago, campaign, woo_order, woo_product
from integration.council.syncvalue.served import Served, store
from integration.portal.conforming import check_answer, document, operation_of
from integration.portal.mesh import addresses_of, running_agents, running_worker
from integration.portal.running import KEY, SECRET, Portal, running_portal, woo_headers
from integration.portal.test_attribution_models import PARAMETERS
from kiki.commerce.exchange.repository import Fetch, note_fetch
from kiki.kit.clock import FixedClock
from kiki.kit.grpc.channel import open_channel
from kiki.orchestrator.calls.accesses import access_intent
from kiki.orchestrator.calls.intents import REQUEST_PURPOSE
from kiki.orchestrator.closing.months import Month
from kiki.rpc.v1.syncvalue_pb2_grpc import SyncValueServiceStub

NOBODY = "http://127.0.0.1:9/"
SITE = "https://walk.example"
ADA = "ada@customer.example"
_OPEN = """
SELECT (SELECT count(*) FROM inbox.queue) + (SELECT count(*) FROM inbox.parked)
    + (SELECT count(*) FROM calls.queue) + (SELECT count(*) FROM calls.parked) AS left
"""
_PARKED = """
INSERT INTO calls.parked (agent, lane, seq, store_id, event_id, method, entity, subject, request, queued_at, attempts,
    retry_at, reason, detail)
VALUES ('syncledger', 2, 1, $1, 'waits', 'RecordRefund', 'order:9', 'order:9', '', '2020-01-01', 1,
    now() + interval '1 hour', 'LATER', '')
"""
_DEAD = """
INSERT INTO calls.dead (store_id, call_id, agent, lane, event_id, method, entity, subject, request, queued_at, died_at,
    attempts, reason, detail)
VALUES ($1, 7, 'syncshield', 2, $2, 'LogDataAccess', 'audit', 'store:1', $3, now(), now(), 1, 'BAD', '')
"""
_REFUSED = """
WITH somebody AS (
    SELECT email_index, min(customer_key) AS customer_key FROM syncengage.contacts
    WHERE store_id = $1 AND email_index IS NOT NULL GROUP BY email_index LIMIT 1
), refused AS (
    INSERT INTO syncengage.bounces SELECT $1, email_index, now(), 'smtp_550 5.1.1', 1, true FROM somebody
)
SELECT customer_key FROM somebody
"""
_CANDIDATE = """
INSERT INTO commerce.attribution_models (store_id, name, fingerprint, fitted_at, source, size, parameters, report)
SELECT store_id, 'candidate', fingerprint, fitted_at, 'experiment', size, parameters, report
FROM commerce.attribution_models WHERE store_id = $1 AND name = 'learned' RETURNING fingerprint
"""
_SHADOWED = """
INSERT INTO commerce.attribution_shadows (store_id, order_id, model, decided_at, model_version, arm, verdict,
    confidence, campaign_id, would_bill_minor, currency)
SELECT $1, number::text, 'candidate', now(), '1:' || $2::text, '', 'incremental', 0.8, 'spring', 100, 'EUR'
FROM generate_series(1, 30) AS number
"""

_DEEDS = {
    "add_shop_promotions": "promotions.put",
    "add_subscription": "subscription.add",
    "add_touchpoints": "touchpoints.add",
    "adopt_candidate": "attribution.adopt_candidate",
    "assign_subjects": "experiment.assign",
    "change_store_settings": "store.change_settings",
    "close_month": "month.close",
    "command_experiment": "experiment.start",
    "command_product_ads": "product_ads.hold",
    "compare_attribution": "job.attribution_compare",
    "connect_store": "store.connect",
    "decide_review": "review.approve",
    "delete_store_credentials": "store.delete_credentials",
    "delete_subscription": "subscription.remove",
    "enable_subscription": "subscription.enable",
    "fit_attribution": "job.attribution_fit",
    "hold_campaign": "campaign.hold",
    "learn_attribution": "job.attribution_learn",
    "lift_bounce": "bounce.lift",
    "move_subscription": "subscription.move",
    "put_ad_network": "ad_network.put",
    "put_attribution_model": "attribution.put_model",
    "put_contract": "contract.put",
    "put_exchange_rates": "exchange_rates.set",
    "put_store_credentials": "store.put_credentials",
    "recalculate_attribution": "job.recalculate_attribution",
    "record_reading": "experiment.record",
    "register_campaigns": "campaign.register",
    "register_experiment": "experiment.register",
    "release_campaign": "campaign.release",
    "remove_shop_promotion": "promotions.remove",
    "replay_dead_calls": "calls.replay",
    "replay_deliveries": "deliveries.replay",
    "replay_delivery": "delivery.replay",
    "rotate_collector_key": "store.rotate_collector_key",
    "rotate_store_secret": "store.rotate_secret",
    "rotate_store_token": "store.rotate_token",
    "rotate_subscription_secret": "subscription.rotate_secret",
    "sync_orders": "job.sync_orders",
    "sync_products": "job.sync_products",
    "withdraw_month_close": "month.withdraw_close",
}
"""What the audit log calls what an operation of this walk did."""


@dataclass
class Walk:
    """A portal with everything behind it, and which of its operations have answered."""

    portal: Portal
    agents: dict[str, Any]
    answered: set[str] = field(default_factory=set)
    store_id: int = 0

    async def ask(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """The answer, which has to be a good one."""
        headers = {"x-internal-api-key": KEY}
        answer = await self.portal.http.request(method, path, headers=headers, json=body, params=query)
        assert answer.is_success, f"{method} {path}: {answer.text}"
        self.answered.add(operation_of(method, answer.request.url.path) or "")
        is_json = answer.content and answer.headers.get("content-type") == "application/json"
        return answer.json() if is_json else None

    async def deliver(self, topic: str, body: bytes) -> None:
        headers = woo_headers(body, x_wc_webhook_source=SITE, x_wc_webhook_topic=topic)
        answer = await self.portal.http.post(f"/webhooks/woocommerce/{topic}", content=body, headers=headers)
        assert answer.status_code == 200, answer.text

    async def settled(self) -> None:
        """Everything that was delivered is decided and told to the agents."""
        async with asyncio.timeout(60):
            while (await self.portal.rows(_OPEN))[0]["left"]:
                await asyncio.sleep(0.05)

    async def done(self, job: Any) -> Any:
        async with asyncio.timeout(60):
            while job["status"] not in ("succeeded", "failed"):
                await asyncio.sleep(0.1)
                job = await self.ask("GET", f"/internal/jobs/{job['job_id']}")
        return job


@pytest.fixture
async def walk(migrated_dsn: str) -> AsyncIterator[Walk]:
    async with running_agents(migrated_dsn) as agents:
        addresses = addresses_of(agents)
        async with (
            running_worker(migrated_dsn, addresses),
            running_portal(migrated_dsn, addresses=addresses) as portal,
        ):
            yield Walk(portal, agents)


@pytest.mark.slow
async def test_every_operation_answers_what_the_document_says(walk: Walk) -> None:
    now = dt.datetime.now(dt.UTC)
    last_month = Month(now.year - (now.month == 1), now.month - 1 or 12)
    await _connect(walk, dt.datetime(last_month.year, last_month.number, 1, tzinfo=dt.UTC))
    await _advertise(walk)
    await _sell(walk)
    await _look_at_the_shop(walk)
    await _exchange(walk)
    await _replay(walk)
    await _experiment(walk, now)
    await _attribute(walk)
    await _value(walk)
    await _bill(walk, last_month)
    guarded = {
        operation["operationId"]
        for path, methods in document()["paths"].items()
        for operation in methods.values()
        if path.startswith(("/internal/", "/reports/"))
    }
    assert walk.answered - {""} == guarded
    await _look_at_who_did_it(walk)


@pytest.mark.parametrize(
    "told",
    [
        {"calls": [], "next_cursor": "", "more": 1},
        {"calls": []},
        {"calls": [{"store_id": 1}], "next_cursor": ""},
        {"calls": [], "next_cursor": None},
    ],
    ids=["a field too many", "a field too few", "a row too short", "another type"],
)
async def test_an_answer_that_the_document_does_not_describe_is_refused(told: Any) -> None:
    with pytest.raises((JsonSchemaError, FailureGroup)):
        await check_answer(_answer(200, told))
    await check_answer(_answer(200, {"calls": [], "next_cursor": ""}))
    with pytest.raises(AssertionError, match="does not name the status 418"):
        await check_answer(_answer(418, {}))


def _answer(status: int, told: Any) -> httpx.Response:
    answer = httpx.Response(status, json=told, request=httpx.Request("GET", "http://portal/internal/dead-calls"))
    answer.elapsed = dt.timedelta()
    return answer


async def _connect(walk: Walk, since: dt.datetime) -> None:
    body = {
        "platform": "woocommerce",
        "store_key": SITE,
        "display_name": "Walk",
        "currency": "EUR",
        "webhook_secret": SECRET,
        "connected_at": since.isoformat(),
    }
    walk.store_id = (await walk.ask("POST", "/internal/stores", body))["store_id"]
    store_path = f"/internal/stores/{walk.store_id}"
    await walk.ask("PATCH", f"{store_path}/settings", {"ad_networks": ["google"], "attribution_shadow": "first"})
    await walk.ask("POST", f"{store_path}/rotate-secret", {"webhook_secret": SECRET})
    await walk.ask("POST", f"{store_path}/rotate-token")
    await walk.ask("GET", f"{store_path}/pixel")
    await walk.ask("POST", f"{store_path}/rotate-collector-key")
    keys = {"base_url": NOBODY, "consumer_key": "ck", "consumer_secret": "cs"}
    await walk.ask("PUT", f"{store_path}/credentials", keys)
    await walk.ask("POST", f"/internal/sync/products/{walk.store_id}")
    await walk.ask("POST", f"/internal/sync/orders/{walk.store_id}", days=30)
    await walk.ask("DELETE", f"{store_path}/credentials")
    await walk.ask("GET", store_path)
    await walk.ask("GET", "/internal/stores")
    subscription = await walk.ask("POST", f"/internal/subscriptions/{walk.store_id}", {"url": f"{NOBODY}events"})
    path = f"/internal/subscriptions/{walk.store_id}/{subscription['subscription_id']}"
    await walk.ask("GET", f"/internal/subscriptions/{walk.store_id}")
    await walk.ask("GET", path)
    await walk.ask("POST", f"{path}/enable")
    await walk.ask("POST", f"{path}/move", {"after": 0})
    await walk.ask("POST", f"{path}/rotate-secret")
    await walk.ask("DELETE", path)


async def _advertise(walk: Walk) -> None:
    path = f"/internal/campaigns/{walk.store_id}"
    await walk.settled()
    await walk.ask("PUT", f"/internal/ad-networks/{walk.store_id}/google", {"base_url": NOBODY, "token": "t"})
    await walk.ask("GET", f"/internal/ad-networks/{walk.store_id}")
    await walk.ask("POST", path, {"campaigns": [campaign("spring", 11), campaign("autumn", 12)]})
    await walk.ask("POST", f"{path}/autumn/hold", {"reason": "a test"})
    await walk.ask("GET", path)
    await walk.ask("POST", f"{path}/autumn/release")
    touch = {"touchpoint_id": "t1", "at": ago(days=1).isoformat(), "email": ADA, "campaign_id": "spring"}
    await walk.ask("POST", f"/internal/touchpoints/{walk.store_id}", {"touchpoints": [touch]})
    await walk.settled()


async def _sell(walk: Walk) -> None:
    """One order with a click, one that only holds what was promoted and waits for a person, one refunded."""
    bodies = [
        ("product.created", woo_product(11)),
        ("order.created", woo_order(1, email=ADA)),
        ("order.created", woo_order(2, email="bob@customer.example", placed=ago(minutes=4))),
        ("product.updated", woo_product(11, stock_status="outofstock", modified=ago(seconds=2))),
    ]
    for topic, body in bodies:
        await walk.deliver(topic, json.dumps(body).encode())
        await walk.settled()
    refunded = woo_order(1, email=ADA, modified=ago(seconds=1), refunds=[(9, "-11.90")])
    await walk.deliver("order.updated", json.dumps(refunded).encode())
    await walk.deliver("order.created", b"no JSON")
    await walk.settled()


async def _look_at_who_did_it(walk: Walk) -> None:
    """Whatever changes something stands in the audit log."""
    await walk.settled()
    done: set[str] = set()
    for store_id in (0, walk.store_id):
        cursor = ""
        while True:
            page = await walk.ask("GET", f"/internal/audit/{store_id}", limit=500, kind="data_access", cursor=cursor)
            done |= {event["action"] for event in page["events"]}
            cursor = page["next_cursor"]
            if not cursor:
                break
    changing = {
        operation["operationId"]
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
        if path.startswith("/internal/") and method != "get"
    }
    assert changing == _DEEDS.keys(), "say what the audit log calls it"
    assert set(_DEEDS.values()) - done == set()


async def _look_at_the_shop(walk: Walk) -> None:
    store_id = walk.store_id
    listed = await walk.ask("GET", f"/internal/orders/{store_id}")
    assert [(row["order_id"], row["verdict"]) for row in listed["orders"]] == [("2", "touched"), ("1", "incremental")]
    shown = await walk.ask("GET", f"/internal/orders/{store_id}/1")
    assert shown["refunds"]
    assert shown["attributions"]
    assert shown["calls"]
    explained = await walk.ask("GET", f"/internal/attribution/explain/{store_id}/1")
    assert explained["touchpoints"]
    assert explained["second_model"]
    (review,) = (await walk.ask("GET", f"/internal/reviews/{store_id}"))["reviews"]
    await walk.ask("POST", f"/internal/reviews/{store_id}/{review['order_id']}", {"decision": "approve"})
    await walk.settled()
    approved = await walk.ask("GET", f"/internal/orders/{store_id}/{review['order_id']}")
    assert (approved["verdict"], approved["review"]["status"]) == ("incremental", "approved")
    (product,) = (await walk.ask("GET", f"/internal/products/{store_id}"))["products"]
    assert product["ads"] == "paused"
    assert (await walk.ask("GET", f"/internal/products/{store_id}/11"))["inventory_events"]
    await walk.ask("GET", f"/internal/products/{store_id}/11/ads")
    await walk.ask("POST", f"/internal/products/{store_id}/11/ads/hold", {"reason": "a test"})
    assert (await walk.ask("GET", f"/internal/campaigns/{store_id}/actions"))["actions"]
    assert (await walk.ask("GET", f"/internal/events/{store_id}"))["events"]
    assert (await walk.ask("GET", f"/internal/creatives/{store_id}"))["creatives"]


async def _exchange(walk: Walk) -> None:
    """Two orders in other currencies: the rate of one is known, the other waits."""
    path, today = "/internal/exchange-rates", dt.datetime.now(dt.UTC).date().isoformat()
    rate = {"base": "USD", "quote": "EUR", "day": today, "rate": "0.8662"}
    kept = await walk.ask("PUT", path, {"rates": [rate, {**rate, "day": ago(days=1).date().isoformat()}]})
    assert kept["added"] == 2
    for number, currency in ((3, "USD"), (4, "GBP")):
        order = woo_order(number, email=f"{number}@customer.example", currency=currency)
        await walk.deliver("order.created", json.dumps(order).encode())
    await walk.settled()
    async with walk.portal.database.transaction() as connection:
        await note_fetch(connection, Fetch("rates.example", ago(days=1), problem="HTTP_TIMEOUT: no answer"))
    assert len((await walk.ask("GET", path, base="USD", limit=1))["rates"]) == 1
    assert (await walk.ask("GET", f"{path}/EUR/USD/{today}"))["source"] == "manual"
    (missing,) = (await walk.ask("GET", f"{path}/missing", store_id=walk.store_id))["missing"]
    assert (missing["currency"], missing["orders"], missing["older_rate_day"]) == ("GBP", 1, None)
    assert (await walk.ask("GET", f"{path}/fetches"))["fetches"]
    orders = [(await walk.ask("GET", f"/internal/orders/{walk.store_id}/{number}"))["exchange"] for number in (1, 3, 4)]
    assert orders[0] is None
    assert (orders[1]["rate"], orders[2]["rate"]) == ("0.8662", None)


async def _replay(walk: Walk) -> None:
    found = (await walk.ask("GET", "/internal/deliveries", limit=5))["deliveries"]
    (dead,) = (await walk.ask("GET", "/internal/dead-letters"))["deliveries"]
    for row in (found[0], dead):
        shown = await walk.ask("GET", f"/internal/deliveries/{row['delivery_id']}", body=True)
        assert shown["runs"]
    await walk.ask("POST", f"/internal/deliveries/{dead['delivery_id']}/replay")
    await walk.settled()
    await walk.ask("POST", "/internal/deliveries/replay", {"status": "dead"})
    access = access_intent(
        store_id=walk.store_id,
        actor="walk",
        action="read",
        resource_type="store",
        resource_id="1",
        occurred_at=dt.datetime.now(dt.UTC),
    )
    async with walk.portal.database.transaction() as connection:
        sealed = walk.portal.sealer.seal(access.request, store_id=walk.store_id, purpose=REQUEST_PURPOSE)
        await connection.execute(_DEAD, walk.store_id, access.event_id, sealed)
    (call,) = (await walk.ask("GET", "/internal/dead-calls"))["calls"]
    await walk.ask("GET", f"/internal/dead-calls/{call['call_id']}")
    await walk.ask("POST", f"/internal/dead-calls/{walk.store_id}/replay", {})
    await walk.settled()
    (refused,) = await walk.portal.rows(_REFUSED, walk.store_id)
    (bounce,) = (await walk.ask("GET", f"/internal/bounces/{walk.store_id}"))["bounces"]
    assert bounce["customer_key"] == refused["customer_key"]
    path = f"/internal/bounces/{walk.store_id}/{bounce['customer_key']}/lift"
    assert (await walk.ask("POST", path))["lifted"] is True
    deeds = await walk.ask("GET", f"/internal/audit/{walk.store_id}", kind="data_access", limit=5)
    assert {"actor", "hash"} <= deeds["events"][0].keys()
    assert (await walk.ask("GET", f"/internal/audit/{walk.store_id}/verification"))["ok"]


async def _experiment(walk: Walk, now: dt.datetime) -> None:
    body = {
        "experiment_id": "walk",
        "holdout": "0.5",
        "starts_at": (now - dt.timedelta(days=1)).isoformat(),
        "ends_at": (now + dt.timedelta(days=20)).isoformat(),
        "minimum_effect": "5",
        "planned_users": 40,
        "expected_mean": 20.0,
        "expected_deviation": 40.0,
    }
    path = f"/internal/experiments/{walk.store_id}"
    await walk.ask("POST", path, body)
    await walk.ask("POST", f"{path}/walk/start")
    keys = [row["customer_key"] for row in await walk.portal.rows("SELECT customer_key FROM commerce.customers")]
    await walk.ask("POST", f"{path}/walk/assign", {"kind": "customer", "subjects": keys})
    await walk.ask("POST", f"{path}/walk/assign", {"subjects": [f"visitor-{number}" for number in range(40)]})
    assert (await walk.ask("GET", f"{path}/walk/reading"))["exposure"] is not None
    await walk.ask("POST", f"{path}/walk/readings")
    shown = await walk.ask("GET", f"{path}/walk")
    assert shown["readings"]
    await walk.ask("GET", path)


async def _attribute(walk: Walk) -> None:
    store_id, path = walk.store_id, "/internal/attribution"
    job = await walk.done(await walk.ask("POST", f"{path}/recalculate/{store_id}", {"model": "first"}))
    assert job["status"] == "succeeded", job
    await walk.ask("GET", f"/internal/jobs/{job['job_id']}/diff")
    compared = await walk.done(await walk.ask("POST", f"{path}/compare/{store_id}"))
    assert compared["result"]["models"]
    fitted = await walk.done(await walk.ask("POST", f"{path}/fit/{store_id}"))
    assert fitted["result"]["fingerprint"]
    await walk.done(await walk.ask("POST", f"{path}/learn/{store_id}", {"experiment_id": "walk"}))
    await walk.ask("PUT", f"{path}/models/{store_id}/learned", {"parameters": PARAMETERS, "size": 10_000})
    async with walk.portal.database.transaction() as connection:
        fingerprint = await connection.fetchval(_CANDIDATE, store_id)
        await connection.execute(_SHADOWED, store_id, fingerprint)
    await walk.ask("POST", f"{path}/models/{store_id}/candidate/adopt")
    assert len((await walk.ask("GET", f"{path}/models/{store_id}"))["fits"]) == 3
    await walk.ask("GET", "/internal/jobs")


async def _value(walk: Walk) -> None:
    """SyncValue is told of enough purchases to fit a model."""
    agent, path = walk.agents["syncvalue"], f"/internal/stores/{walk.store_id}"
    channel = open_channel(f"127.0.0.1:{agent.port}")
    stub: Any = SyncValueServiceStub(channel)  # type: ignore[no-untyped-call]  # generated code
    await Served(stub, agent, FixedClock(dt.datetime.now(dt.UTC)), KEY).tell(store(), walk.store_id)
    await agent.refits.fit(walk.store_id)
    await channel.close()
    assert (await walk.ask("GET", f"{path}/value/models"))["models"]
    assert (await walk.ask("GET", f"{path}/value"))["accuracy"]
    friday = {"first_day": "2026-11-27", "last_day": "2026-11-30", "name": "Friday"}
    (kept,) = (await walk.ask("POST", f"{path}/promotions", {"promotions": [friday]}))["promotions"]
    await walk.ask("GET", f"{path}/promotions")
    await walk.ask("DELETE", f"{path}/promotions/{kept['promotion_id']}")


async def _bill(walk: Walk, last_month: Month) -> None:
    store_id, now = walk.store_id, dt.datetime.now(dt.UTC)
    await walk.settled()
    assert (await walk.ask("GET", f"/internal/ledger/{store_id}/verification"))["ok"]
    await walk.ask("GET", f"/internal/contracts/{store_id}")
    await walk.ask("PUT", f"/internal/contracts/{store_id}", {"fee_rate": "0.2"})
    path = f"/internal/months/{store_id}/{last_month.text}"
    await walk.ask("GET", path)
    async with walk.portal.database.transaction() as connection:
        await connection.execute(_PARKED, store_id)
    await walk.ask("POST", f"{path}/close", {"why": "a test"})
    await walk.ask("DELETE", f"{path}/close", why="a test")
    async with walk.portal.database.transaction() as connection:
        await connection.execute("DELETE FROM calls.parked WHERE event_id = 'waits'")
    await walk.ask("GET", "/internal/months")
    report = f"/reports/oaas/monthly/{store_id}"
    stated = await walk.ask("GET", report, year=now.year, month=now.month)
    assert stated["orders"]
    for form in ("csv", "pdf"):
        await walk.ask("GET", report, year=now.year, month=now.month, format=form)
