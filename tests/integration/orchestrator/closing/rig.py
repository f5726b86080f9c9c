"""Real SyncLedger and SyncValue, real workers, a clock that is moved."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from google.type.money_pb2 import Money

from integration.portal.running import KEYRING
from kiki.clients.council import CouncilClients
from kiki.commerce.stores import NewStore, StoreRepository
from kiki.kit.clock import FixedClock
from kiki.kit.database import Database
from kiki.kit.errors import DeadlineExceeded, FailedPrecondition, KikiError, Unavailable
from kiki.kit.grpc.times import time_to_proto
from kiki.kit.sealing import Sealer
from kiki.orchestrator.closing import repository
from kiki.orchestrator.closing.months import Month
from kiki.orchestrator.closing.repository import MonthRow, State
from kiki.orchestrator.component import open_component
from kiki.orchestrator.inbox.deliveries import NewDelivery, duplicate_key, store_deliveries
from kiki.orchestrator.lanes import Lane
from kiki.orchestrator.settings import OrchestratorSettings
from kiki.platforms.registry import platforms
from kiki.rpc.v1 import common_pb2, syncledger_pb2, syncvalue_pb2

BERLIN = ZoneInfo("Europe/Berlin")
CONNECTED = dt.datetime(2026, 9, 10, tzinfo=BERLIN)
SEPTEMBER, OCTOBER, NOVEMBER = Month(2026, 9), Month(2026, 10), Month(2026, 11)
SETTINGS = OrchestratorSettings(
    poll_seconds=0.05, pace_seconds=0.0, retry_base_seconds=0.05, retry_cap_seconds=0.1, close_grace_days=3
)
Ledger = Callable[[str, Any, Any], Awaitable[Any]]


def at(month: int, day: int, hour: int = 12) -> dt.datetime:
    return dt.datetime(2026, month, day, hour, tzinfo=BERLIN)


@dataclass
class Temper:
    """The clients as they are, but for what a test lets go wrong."""

    clients: CouncilClients
    away: set[str] = field(default_factory=set)
    refusals: list[KikiError] = field(default_factory=list)
    """What the next calls of CloseMonth are refused with."""
    closes: int = 0
    """Calls of CloseMonth."""
    failing: set[str] = field(default_factory=set)
    """Methods that are refused for the moment, whatever they are asked."""
    slow: int = 0
    """How many statements are not read in time."""

    async def call_batch(self, agent: str, method: str, requests: Sequence[bytes]) -> Sequence[Any]:
        if agent in self.away:
            raise Unavailable(f"{agent} is away")
        if method in self.failing:
            return [_Refused(FailedPrecondition("not yet", reason="NOT_YET")) for _ in requests]
        if method == "GetMonthlyStatement" and self.slow:
            self.slow -= 1
            return [_Refused(DeadlineExceeded("too slow")) for _ in requests]
        if method == "CloseMonth":
            self.closes += len(requests)
            if self.refusals:
                return [_Refused(self.refusals.pop(0)) for _ in requests]
        return await self.clients.call_batch(agent, method, requests)


@dataclass(frozen=True)
class _Refused:
    error: KikiError
    response: bytes | None = None


@dataclass
class Rig:
    """Books, revenue, and what the workers are about."""

    dsn: str
    clock: FixedClock
    database: Database
    sealer: Sealer
    temper: Temper

    async def connect(
        self, name: str = "autumn.example", platform: str = "woocommerce", currency: str = "EUR", **more: Any
    ) -> int:
        """A shop with a contract in euros; `currency` is its own."""
        new = NewStore(platform, name, "Autumn", currency, "Europe/Berlin", "a secret", connected_at=CONNECTED)
        async with self.database.transaction() as connection:
            store, _ = await StoreRepository(self.sealer).add(connection, new)
        contract = syncledger_pb2.Contract(
            fee_rate="0.20",
            settlement_currency="EUR",
            time_zone="Europe/Berlin",
            connected_at=time_to_proto(CONNECTED),
            **more,
        )
        request = syncledger_pb2.PutContractRequest(
            store_id=store.store_id, event_id=f"contract-{store.store_id}", contract=contract
        )
        await self.ledger("PutContract", request, syncledger_pb2.PutContractResponse)
        return store.store_id

    async def ledger(self, method: str, request: Any, kind: Any) -> Any:
        return await self.temper.clients.syncledger.call(method, request, kind)

    async def book(self, store_id: int, order_id: str, paid_at: dt.datetime, units: int = 100) -> None:
        """An incremental order, in the books and in SyncValue."""
        amount = Money(currency_code="EUR", units=units)
        revenue = syncledger_pb2.RecordIncrementalRevenueRequest(
            store_id=store_id,
            event_id=f"r{order_id}",
            decision_seq=1,
            order_id=order_id,
            order_amount=amount,
            net_sales=amount,
            confidence=0.8,
            ordered_at=time_to_proto(paid_at),
            paid_at=time_to_proto(paid_at),
        )
        await self.ledger("RecordIncrementalRevenue", revenue, syncledger_pb2.RecordIncrementalRevenueResponse)
        order = self.valued(store_id, order_id, paid_at, amount)
        await self.temper.clients.syncvalue.call("UpdateCustomerLTV", order, syncvalue_pb2.UpdateCustomerLTVResponse)

    @staticmethod
    def valued(store_id: int, order_id: str, paid_at: dt.datetime, amount: Money) -> Any:
        return syncvalue_pb2.UpdateCustomerLTVRequest(
            store_id=store_id,
            event_id=f"v{order_id}",
            customer_key="ada",
            decision_seq=1,
            order_id=order_id,
            order_amount=amount,
            net_sales=amount,
            ordered_at=time_to_proto(paid_at),
            paid_at=time_to_proto(paid_at),
        )

    async def refund(self, store_id: int, order_id: str, refunded_at: dt.datetime, units: int) -> Any:
        request = syncledger_pb2.RecordRefundRequest(
            store_id=store_id,
            event_id=f"refund-{order_id}",
            order_id=order_id,
            refund_id=f"refund-{order_id}",
            amount=Money(currency_code="EUR", units=units),
            refunded_at=time_to_proto(refunded_at),
            kind=syncledger_pb2.RefundKind.REFUND_KIND_REFUND,
        )
        return await self.ledger("RecordRefund", request, syncledger_pb2.RecordRefundResponse)

    async def read(self, store_id: int, month: Month, units: int, as_of: dt.datetime) -> None:
        """What the experiment `autumn` shows up to then, since its start."""
        reading = syncledger_pb2.RecordExperimentReadingRequest(
            store_id=store_id,
            event_id=f"reading-{month.text}",
            experiment_id="autumn",
            month=syncledger_pb2.BillingMonth(year=month.year, month=month.number),
            revision=1,
            estimate=Money(currency_code="EUR", units=units),
            lower_bound=Money(currency_code="EUR", units=units // 2),
            started_at=time_to_proto(CONNECTED),
            as_of=time_to_proto(as_of),
            users=100,
            plan_digest="d" * 64,
        )
        await self.ledger("RecordExperimentReading", reading, syncledger_pb2.RecordExperimentReadingResponse)

    async def remove_app(self, store_id: int, removed_at: dt.datetime) -> None:
        """Shopify's webhook comes in now, and the worker is done with it."""
        await self.deliver(
            store_id, "shopify", "app/uninstalled", b'{"id": 548380009}', removed_at.isoformat(), self.clock.now()
        )
        await self.worked_off()

    async def deliver(
        self, store_id: int, platform: str, topic: str, body: bytes, triggered_at: str, received_at: dt.datetime
    ) -> None:
        """A webhook is stored as one that came in then."""
        delivery = NewDelivery(
            store_id=store_id,
            platform=platform,
            topic=topic,
            key=duplicate_key(topic, "", triggered_at, "", body),
            received_at=received_at,
            triggered_at=triggered_at,
            headers={},
            signature="",
            body=body,
            lane=Lane.LIVE,
            origin="webhook",
        )
        async with self.database.transaction() as connection:
            await store_deliveries(connection, self.sealer, [delivery])

    async def worked_off(self) -> None:
        """Until nothing waits that a month would wait for, so that the clock may be moved."""
        async with asyncio.timeout(20):
            while await self.rows(
                "SELECT 1 FROM inbox.queue UNION ALL SELECT 1 FROM inbox.parked"
                " UNION ALL SELECT 1 FROM calls.queue WHERE agent IN ('syncledger', 'syncvalue')"
                " UNION ALL SELECT 1 FROM calls.parked WHERE agent IN ('syncledger', 'syncvalue')"
            ):
                await asyncio.sleep(0.03)

    async def statement(self, store_id: int, month: Month) -> syncledger_pb2.GetMonthlyStatementResponse:
        request = syncledger_pb2.GetMonthlyStatementRequest(store_id=store_id, year=month.year, month=month.number)
        answer: syncledger_pb2.GetMonthlyStatementResponse = await self.ledger(
            "GetMonthlyStatement", request, syncledger_pb2.GetMonthlyStatementResponse
        )
        return answer

    async def effects(self, store_id: int) -> int:
        """How often SyncLedger closed a month of the store."""
        request = common_pb2.CountEffectsRequest(store_id=store_id)
        answer = await self.ledger("CountEffects", request, common_pb2.CountEffectsResponse)
        return sum(each.count for each in answer.counts if each.method == "CloseMonth")

    async def go(self, moment: dt.datetime) -> None:
        self.clock.advance(moment - self.clock.now())

    async def follows(self, store_id: int, month: Month, state: State, reason: str = "") -> MonthRow:
        """The month, once it is in that state."""
        row: MonthRow | None = None
        async with asyncio.timeout(20):
            while row is None or (row.state, row.reason) != (state, reason):
                async with self.database.connection() as connection:
                    row = await repository.find_month(connection, store_id, month)
                await asyncio.sleep(0.03)
        return row

    async def turns(self) -> None:
        """Let the job look some times."""
        await asyncio.sleep(0.5)

    async def rows(self, query: str, *arguments: Any) -> list[Any]:
        async with self.database.connection() as connection:
            return list(await connection.fetch(query, *arguments))


@asynccontextmanager
async def working(rig: Rig, settings: OrchestratorSettings = SETTINGS, workers: int = 1) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        running = []
        for _ in range(workers):
            worker = await stack.enter_async_context(
                open_component(
                    dsn=rig.dsn,
                    keyring=KEYRING,
                    clients=rig.temper,
                    platforms=platforms(),
                    settings=settings,
                    clock=rig.clock,
                )
            )
            running.append(asyncio.create_task(worker.run()))
        try:
            yield
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
