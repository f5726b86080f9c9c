"""Months close by themselves: real SyncLedger and SyncValue, real workers, a clock that is moved."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from google.type.money_pb2 import Money

from integration.portal.mesh import running_council
from integration.portal.running import KEY, KEYRING
from kiki.clients.council import CouncilClients
from kiki.clients.methods import AGENTS
from kiki.commerce.stores import NewStore, StoreRepository
from kiki.kit.clock import FixedClock
from kiki.kit.database import Database
from kiki.kit.errors import DeadlineExceeded, FailedPrecondition, InvalidInput, KikiError, Unavailable
from kiki.kit.grpc.times import time_to_proto
from kiki.kit.sealing import Sealer
from kiki.orchestrator.calls.intents import CallIntent, enqueue
from kiki.orchestrator.closing import repository, schedule
from kiki.orchestrator.closing.months import Month
from kiki.orchestrator.closing.repository import MonthRow, State
from kiki.orchestrator.component import open_component
from kiki.orchestrator.lanes import Lane
from kiki.orchestrator.settings import OrchestratorSettings
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
    slow: int = 0
    """How many statements are not read in time."""

    async def call_batch(self, agent: str, method: str, requests: Sequence[bytes]) -> Sequence[Any]:
        if agent in self.away:
            raise Unavailable(f"{agent} is away")
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

    async def connect(self, name: str = "autumn.example", **more: Any) -> int:
        new = NewStore("woocommerce", name, "Autumn", "EUR", "Europe/Berlin", "a secret", connected_at=CONNECTED)
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
                    platforms={},
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


@pytest.fixture
async def rig(migrated_dsn: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    monkeypatch.setattr(schedule, "_EVERY_SECONDS", 0.1)
    clock = FixedClock(at(9, 11))
    async with (
        running_council(migrated_dsn, clock) as addresses,
        CouncilClients.open({**dict.fromkeys(AGENTS, "127.0.0.1:1"), **addresses}, api_key=KEY) as clients,
        Database.open(migrated_dsn, application_name="test", max_size=3) as database,
    ):
        yield Rig(migrated_dsn, clock, database, Sealer(KEYRING), Temper(clients))


async def test_a_month_is_closed_once_when_its_grace_is_over(rig: Rig) -> None:
    store_id = await rig.connect()
    await rig.book(store_id, "1", at(9, 20), units=100)
    async with working(rig):
        row = await rig.follows(store_id, SEPTEMBER, State.OPEN)
        assert (row.ends_at, row.closes_at) == (at(10, 1, 0), at(10, 4, 0)), "three days, where the shop is"
        await rig.go(at(10, 4, 0) - dt.timedelta(seconds=1))
        await rig.turns()
        assert not (await rig.statement(store_id, SEPTEMBER)).statement.closed
        await rig.go(at(10, 4, 0))
        row = await rig.follows(store_id, SEPTEMBER, State.CLOSED)
        following = await rig.follows(store_id, OCTOBER, State.OPEN)
        await rig.turns()
    told = await rig.statement(store_id, SEPTEMBER)
    assert told.statement.closed
    assert len(told.digest) == 32
    assert (told.statement.fee.units, told.statement.current_revenue.units) == (20, 100)
    assert row.closed_at == told.statement.closed_at.ToDatetime(dt.UTC)
    assert following.closes_at == at(11, 4, 0), "October is an hour longer"
    assert (rig.temper.closes, await rig.effects(store_id)) == (1, 1)
    (call,) = await rig.rows("SELECT event_id, subject, status FROM calls.history WHERE method = 'CloseMonth'")
    assert tuple(call) == (schedule.close_event(store_id, SEPTEMBER), "month:2026-09", "answered")


async def test_several_workers_close_each_month_of_each_store_once(rig: Rig) -> None:
    stores = [await rig.connect(f"shop-{number}.example") for number in range(8)]
    await rig.go(at(12, 10))
    async with working(rig, workers=3):
        for store_id in stores:
            for month in (SEPTEMBER, OCTOBER, NOVEMBER):
                await rig.follows(store_id, month, State.CLOSED)
    assert [await rig.effects(store_id) for store_id in stores] == [3] * 8
    calls = await rig.rows("SELECT count(*), count(DISTINCT event_id) FROM calls.history WHERE method = 'CloseMonth'")
    assert (rig.temper.closes, tuple(calls[0])) == (24, (24, 24))


async def test_a_refund_in_the_grace_counts_in_its_month_and_a_later_one_corrects_the_next(rig: Rig) -> None:
    store_id = await rig.connect()
    for order_id in ("1", "2"):
        await rig.book(store_id, order_id, at(9, 20), units=100)
    async with working(rig):
        await rig.go(at(10, 3))
        await rig.refund(store_id, "1", at(10, 3), 50)
        await rig.go(at(10, 5))
        await rig.follows(store_id, SEPTEMBER, State.CLOSED)
        frozen = await rig.statement(store_id, SEPTEMBER)
        assert (frozen.statement.incremental_revenue.units, frozen.statement.fee.units) == (150, 30)
        late = await rig.refund(store_id, "2", at(10, 6), 50)
        assert (late.billing_month.year, late.billing_month.month) == OCTOBER
        await rig.turns()
    assert (await rig.statement(store_id, SEPTEMBER)).digest == frozen.digest
    corrected = (await rig.statement(store_id, OCTOBER)).statement.corrected_revenue
    assert corrected.units == -50


async def test_a_month_that_was_closed_by_hand_is_left_as_it_is(rig: Rig) -> None:
    store_id = await rig.connect()
    await rig.go(at(10, 2))
    request = syncledger_pb2.CloseMonthRequest(store_id=store_id, event_id="by hand", year=2026, month=9)
    async with working(rig):
        await rig.follows(store_id, SEPTEMBER, State.OPEN)
        by_hand = await rig.ledger("CloseMonth", request, syncledger_pb2.CloseMonthResponse)
        await rig.go(at(10, 20))
        await rig.follows(store_id, SEPTEMBER, State.CLOSED)
        await rig.follows(store_id, OCTOBER, State.OPEN)
    assert (await rig.statement(store_id, SEPTEMBER)).digest == by_hand.digest
    assert rig.temper.closes == 0


async def test_a_month_that_lacks_its_reading_is_held_and_closed_when_it_has_come(rig: Rig) -> None:
    rule = syncledger_pb2.FeeRule.FEE_RULE_EXPERIMENT_ESTIMATE
    store_id = await rig.connect(rule=rule, experiment_id="autumn")
    await rig.go(at(10, 5))
    async with working(rig):
        await rig.follows(store_id, SEPTEMBER, State.HELD, "READING_MISSING")
        reading = syncledger_pb2.RecordExperimentReadingRequest(
            store_id=store_id,
            event_id="reading",
            experiment_id="autumn",
            month=syncledger_pb2.BillingMonth(year=2026, month=9),
            revision=1,
            estimate=Money(currency_code="EUR", units=70),
            lower_bound=Money(currency_code="EUR", units=40),
            started_at=time_to_proto(CONNECTED),
            as_of=time_to_proto(at(10, 1, 0)),
            users=100,
            plan_digest="d" * 64,
        )
        await rig.ledger("RecordExperimentReading", reading, syncledger_pb2.RecordExperimentReadingResponse)
        await rig.turns()
        assert rig.temper.closes == 0, "a held month is not asked about at every turn"
        await rig.go(at(10, 5, 13))
        await rig.follows(store_id, SEPTEMBER, State.CLOSED)
    assert (await rig.statement(store_id, SEPTEMBER)).statement.fee.units == 14
    assert rig.temper.closes == 1


async def test_what_fails_for_the_moment_is_repeated_by_the_queue(rig: Rig) -> None:
    store_id = await rig.connect()
    rig.temper.refusals = [FailedPrecondition("not yet", reason="NOT_YET")] * 3
    await rig.go(at(10, 5))
    async with working(rig):
        await rig.follows(store_id, SEPTEMBER, State.CLOSED)
    assert (rig.temper.closes, await rig.effects(store_id)) == (4, 1)


async def test_a_statement_that_is_not_read_in_time_asks_for_no_second_call(rig: Rig) -> None:
    store_id = await rig.connect()
    rig.temper.refusals = [FailedPrecondition("not yet", reason="NOT_YET")] * 9
    await rig.go(at(10, 5))
    async with working(rig):
        await rig.follows(store_id, SEPTEMBER, State.ASKED, "NOT_YET")
        rig.temper.slow = 2
        await rig.follows(store_id, SEPTEMBER, State.CLOSED)
    assert (rig.temper.slow, rig.temper.closes, await rig.effects(store_id)) == (0, 10, 1)
    assert await rig.rows("SELECT 1 FROM calls.dead") == []


async def test_a_refusal_for_good_holds_the_month_and_it_is_asked_for_again_later(rig: Rig) -> None:
    store_id = await rig.connect()
    rig.temper.refusals = [InvalidInput("no", reason="FIRST"), InvalidInput("no", reason="SECOND")]
    await rig.go(at(10, 5))
    async with working(rig):
        await rig.follows(store_id, SEPTEMBER, State.HELD, "FIRST")
        await rig.go(at(10, 5, 13))
        await rig.follows(store_id, SEPTEMBER, State.HELD, "SECOND")
        assert [row[0] for row in await rig.rows("SELECT reason FROM calls.dead")] == ["SECOND"]
        await rig.go(at(10, 5, 14))
        await rig.follows(store_id, SEPTEMBER, State.CLOSED)
    assert await rig.rows("SELECT 1 FROM calls.dead") == []
    assert await rig.effects(store_id) == 1


async def test_while_syncledger_is_away_nothing_is_lost(rig: Rig) -> None:
    store_id = await rig.connect()
    async with working(rig):
        await rig.follows(store_id, SEPTEMBER, State.OPEN)
        rig.temper.away = {"syncledger"}
        await rig.go(at(10, 5))
        await rig.turns()
        assert not (await rig.statement(store_id, SEPTEMBER)).statement.closed
        rig.temper.away = set()
        await rig.follows(store_id, SEPTEMBER, State.CLOSED)
    assert await rig.effects(store_id) == 1


async def test_what_came_in_time_is_booked_before_its_month_is_closed(rig: Rig) -> None:
    store_id = await rig.connect()
    rig.temper.away = {"syncvalue"}
    request = rig.valued(store_id, "1", at(9, 20), Money(currency_code="EUR", units=80))
    call = CallIntent(
        store_id=store_id,
        agent="syncvalue",
        method="UpdateCustomerLTV",
        lane=Lane.LIVE,
        entity="customer:ada",
        subject="order:1",
        event_id="v1",
        request=request.SerializeToString(),
    )
    async with rig.database.transaction() as connection:
        await enqueue(connection, rig.sealer, [call])
        await connection.execute("UPDATE calls.queue SET queued_at = $1", at(10, 3))
    await rig.go(at(10, 5))
    async with working(rig):
        await rig.follows(store_id, SEPTEMBER, State.HELD, "WORK_WAITING")
        rig.temper.away = set()
        async with asyncio.timeout(20):
            while await rig.rows("SELECT 1 FROM calls.queue UNION ALL SELECT 1 FROM calls.parked"):
                await asyncio.sleep(0.05)
        await rig.go(at(10, 5, 13))
        await rig.follows(store_id, SEPTEMBER, State.CLOSED)
    assert (await rig.statement(store_id, SEPTEMBER)).statement.current_revenue.units == 80


async def test_what_came_after_the_grace_does_not_hold_the_month(rig: Rig) -> None:
    store_id = await rig.connect()
    async with rig.database.transaction() as connection:
        await connection.execute(
            "INSERT INTO calls.parked (agent, lane, seq, store_id, event_id, method, entity, subject, request,"
            " queued_at, attempts, retry_at, reason, detail)"
            " VALUES ('syncledger', 2, 1, $1, 'e', 'RecordRefund', 'order:9', 'order:9', '',"
            " $2, 1, now() + interval '1 hour', 'LATER', '')",
            store_id,
            at(10, 4, 1),
        )
    await rig.go(at(10, 5))
    async with working(rig):
        await rig.follows(store_id, SEPTEMBER, State.CLOSED)


async def test_a_store_that_removed_the_app_gets_its_last_statement_and_no_more(rig: Rig) -> None:
    store_id = await rig.connect()
    await rig.rows(
        "UPDATE commerce.store_connections SET status = 'uninstalled', uninstalled_at = $1 RETURNING 1", at(10, 9)
    )
    await rig.go(at(12, 24))
    async with working(rig):
        await rig.follows(store_id, OCTOBER, State.CLOSED)
        await rig.turns()
    assert (await rig.statement(store_id, OCTOBER)).statement.closed
    rows = await rig.rows("SELECT month, state FROM closing.months ORDER BY month")
    assert [tuple(row) for row in rows] == [("2026-09", "closed"), ("2026-10", "closed")]


async def test_another_grace_moves_the_months_that_nobody_asked_for_yet(rig: Rig) -> None:
    store_id = await rig.connect()
    await rig.go(at(10, 3))
    async with working(rig):
        await rig.follows(store_id, SEPTEMBER, State.OPEN)
    async with working(rig, SETTINGS.model_copy(update={"close_grace_days": 1.5})):
        row = await rig.follows(store_id, SEPTEMBER, State.CLOSED)
    assert row.closes_at == at(10, 2, 12)


async def test_a_store_without_a_contract_is_followed_once_it_has_one(rig: Rig) -> None:
    new = NewStore("shopify", "bare.myshopify.com", "Bare", "EUR", "Europe/Berlin", None, connected_at=CONNECTED)
    async with rig.database.transaction() as connection:
        await StoreRepository(rig.sealer).add(connection, new)
    other = await rig.connect()
    async with working(rig):
        await rig.follows(other, SEPTEMBER, State.OPEN)
        await rig.turns()
    assert [row[0] for row in await rig.rows("SELECT store_id FROM closing.months")] == [other]
