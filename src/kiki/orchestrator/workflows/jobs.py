"""What is due by the clock: damped resumes, hands that expire, customers at risk, the campaign registry."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from kiki.commerce.campaigns import expire_touchpoints
from kiki.commerce.people import orders_of_merges
from kiki.kit.clock import Clock
from kiki.kit.database import Connection
from kiki.kit.grpc.times import time_from_proto, time_to_proto
from kiki.kit.sealing import Sealer
from kiki.orchestrator.calls.protocol import BatchCaller
from kiki.orchestrator.inbox.deliveries import NewDelivery, duplicate_key, store_deliveries
from kiki.orchestrator.inbox.protocol import INTERNAL_PLATFORM, InternalFact
from kiki.orchestrator.lanes import Lane
from kiki.orchestrator.schedules import Guard, Job
from kiki.orchestrator.workflows.answers import campaigns_fact
from kiki.rpc.v1 import syncflow_pb2

_PER_FACT = 200
_MAX_DUE = 5_000
_PAGE = 1_000
_OVERLAP = dt.timedelta(minutes=1)
_MERGES_OVERLAP = dt.timedelta(seconds=15)
"""A batch that is still being written has up to its deadline of 5 s, and clocks differ."""
_MERGES_MISSED = dt.timedelta(days=2)
"""How far a worker that starts looks back for merges that nobody followed."""

_RESUMES_DUE = """
SELECT p.store_id, p.product_id, p.resume_at FROM commerce.product_states p
WHERE p.resume_at IS NOT NULL AND p.resume_at <= $1 AND NOT EXISTS (
    SELECT FROM commerce.holds h
    WHERE h.store_id = p.store_id AND h.product_id = p.product_id AND (h.expires_at IS NULL OR h.expires_at > $1))
ORDER BY p.store_id, p.product_id LIMIT $2
"""
"""What a person's hand is on is judged anew when the hand ends; until then it takes no other product's place."""
_HOLDS_EXPIRED = """
SELECT store_id, product_id, expires_at FROM commerce.holds
WHERE expires_at <= $1 ORDER BY store_id, product_id LIMIT $2
"""
_AT_RISK = """
SELECT c.store_id, c.customer_key, coalesce(c.churn_flow_at, c.valued_at) FROM commerce.store_connections s
JOIN commerce.customers c ON c.store_id = s.store_id
    AND c.churn_risk >= coalesce((s.settings->>'churn_threshold')::numeric, 0.7)
    AND c.churn_risk >= 0.5 AND c.erased_at IS NULL AND c.merged_into IS NULL
WHERE s.status = 'active'
    AND (c.churn_flow_at IS NULL
         OR c.churn_flow_at < $1::timestamptz - make_interval(
            days => coalesce((s.settings->>'churn_flow_interval_days')::int, 30)))
ORDER BY c.store_id, c.customer_key LIMIT $2
"""


def periodic_jobs(*, sealer: Sealer, clients: BatchCaller, clock: Clock) -> list[Job]:
    """The worker's jobs; each finds what is due and hands it to the inbox, where it is decided like everything else."""
    due = _Due(sealer, clock)
    registry = _Registry(sealer, clients, clock)
    return [
        Job("resumes_due", 1.0, due.resumes),
        Job("holds_expired", 5.0, due.holds),
        Job("customers_at_risk", 3600.0, due.risks),
        Job("campaign_registry", 30.0, registry.follow),
        Job("merges", 5.0, _Merges(sealer, clock).follow),
        Job("touchpoints_expired", 3600.0, _Expiry(clock).run, irrevocable=True),
    ]


class _Due:
    def __init__(self, sealer: Sealer, clock: Clock) -> None:
        self._sealer = sealer
        self._clock = clock

    async def resumes(self, guard: Guard) -> None:
        await self._find(guard, _RESUMES_DUE, "resumes_due", "product_ids", Lane.LIVE_STOCK)

    async def holds(self, guard: Guard) -> None:
        await self._find(guard, _HOLDS_EXPIRED, "holds_expired", "product_ids", Lane.LIVE_STOCK)

    async def risks(self, guard: Guard) -> None:
        await self._find(guard, _AT_RISK, "customers_at_risk", "customer_keys", Lane.LIVE)

    async def _find(self, guard: Guard, query: str, kind: str, name: str, lane: Lane) -> None:
        """Facts of what is due. The time that made a row due is part of the fact's identity: found twice, told once."""
        now = self._clock.now()
        async with guard.database.transaction() as connection:
            await guard.lock(connection)
            rows = await connection.fetch(query, now, _MAX_DUE)
            stores: dict[int, list[tuple[str, str]]] = {}
            for row in rows:
                stores.setdefault(row[0], []).append((row[1], row[2].isoformat() if row[2] else ""))
            facts = []
            for store_id, found in stores.items():
                for start in range(0, len(found), _PER_FACT):
                    chunk = found[start : start + _PER_FACT]
                    body: dict[str, Any] = {name: [key for key, _ in chunk], "due": [at for _, at in chunk]}
                    facts.append((store_id, InternalFact(kind, body)))
            await store_facts(connection, self._sealer, facts, lane=lane, now=now)


class _Registry:
    """Follows SyncFlow's registry, as a belt to the answer that a registration brings at once."""

    def __init__(self, sealer: Sealer, clients: BatchCaller, clock: Clock) -> None:
        self._sealer = sealer
        self._clients = clients
        self._clock = clock
        self._newest: Timestamp | None = None

    async def follow(self, guard: Guard) -> None:
        """Everything that changed since the last time, page by page; everything at all the first time."""
        since, token = self._newest, ""
        while True:
            page = await self._page(since, token)
            facts = list(campaigns_fact(page).items())
            now = self._clock.now()
            async with guard.database.transaction() as connection:
                await guard.lock(connection)
                await store_facts(connection, self._sealer, facts, lane=Lane.LIVE, now=now)
            if page.campaigns:
                self._newest = time_to_proto(time_from_proto(page.campaigns[-1].updated_at) - _OVERLAP)
            token = page.next_page_token
            if not token:
                return

    async def _page(self, since: Timestamp | None, token: str) -> syncflow_pb2.ListCampaignsResponse:
        request = syncflow_pb2.ListCampaignsRequest(updated_after=since, page_size=_PAGE, page_token=token)
        (outcome,) = await self._clients.call_batch("syncflow", "ListCampaigns", [request.SerializeToString()])
        if outcome.error is not None:
            raise outcome.error
        return syncflow_pb2.ListCampaignsResponse.FromString(outcome.response or b"")


class _Merges:
    """Two people became one: what was known of the one may speak for earlier orders of the other."""

    def __init__(self, sealer: Sealer, clock: Clock) -> None:
        self._sealer = sealer
        self._clock = clock
        self._since: dt.datetime | None = None

    async def follow(self, guard: Guard) -> None:
        """Some facts per merge: found again, they are told once, unless an order has come since."""
        now = self._clock.now()
        async with guard.database.transaction() as connection:
            await guard.lock(connection)
            merges = await orders_of_merges(connection, self._since or now - _MERGES_MISSED, _MAX_DUE)
            facts = [
                (store_id, InternalFact("orders_reopened", {"order_ids": part, "merged": f"{gone}>{kept}"}))
                for store_id, gone, kept, _, order_ids in merges
                for part in (order_ids[at : at + _PER_FACT] for at in range(0, len(order_ids), _PER_FACT))
            ]
            await store_facts(connection, self._sealer, facts, lane=Lane.LIVE, now=now)
        all_seen = len(merges) < _MAX_DUE
        self._since = now - _MERGES_OVERLAP if all_seen else merges[-1][3] - dt.timedelta(microseconds=1)


class _Expiry:
    """Touchpoints that no decision will ask for again."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def run(self, guard: Guard) -> None:
        while True:
            async with guard.database.transaction() as connection:
                await guard.lock(connection)
                count = await expire_touchpoints(connection, self._clock.now(), _MAX_DUE)
            if count < _MAX_DUE:
                return


async def store_facts(
    connection: Connection,
    sealer: Sealer,
    facts: Sequence[tuple[int, InternalFact]],
    *,
    lane: Lane,
    now: dt.datetime,
) -> None:
    """Put facts into their stores' inboxes; one with the same content as an earlier one is told once."""
    deliveries = []
    for store_id, fact in facts:
        body = fact.encode()
        deliveries.append(
            NewDelivery(
                store_id=store_id,
                platform=INTERNAL_PLATFORM,
                topic=fact.kind,
                key=duplicate_key(fact.kind, "", "", "", body),
                received_at=now,
                triggered_at="",
                headers={},
                signature="",
                body=body,
                lane=lane,
                origin="internal",
            )
        )
    if deliveries:
        await store_deliveries(connection, sealer, deliveries)
