"""Months close by themselves."""

from __future__ import annotations

import asyncio
import datetime as dt

import pytest
from google.type.money_pb2 import Money

from integration.orchestrator.closing.rig import CONNECTED, NOVEMBER, OCTOBER, SEPTEMBER, SETTINGS, Rig, at, working
from kiki.commerce.stores import NewStore, StoreRepository
from kiki.kit.errors import FailedPrecondition, InvalidInput
from kiki.orchestrator.calls.intents import CallIntent, enqueue
from kiki.orchestrator.closing import schedule
from kiki.orchestrator.closing.repository import ARRIVING, State
from kiki.orchestrator.lanes import Lane
from kiki.rpc.v1 import syncledger_pb2


async def test_a_month_is_closed_once_when_its_grace_is_over(rig: Rig) -> None:
    store_id = await rig.connect()
    await rig.book(store_id, "1", at(9, 20), units=100)
    async with working(rig):
        row = await rig.follows(store_id, SEPTEMBER, State.OPEN)
        assert (row.ends_at, row.closes_at) == (at(10, 1, 0), at(10, 4, 0)), "three days, where the shop is"
        await rig.go(at(10, 4, 0) + ARRIVING - dt.timedelta(seconds=1))
        await rig.turns()
        assert not (await rig.statement(store_id, SEPTEMBER)).statement.closed
        await rig.go(at(10, 4, 0) + ARRIVING)
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


@pytest.mark.slow
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


@pytest.mark.parametrize(("currency", "known"), [("EUR", True), ("USD", False)])
async def test_revenue_stands_on_the_statement_where_the_shop_is_counted_in_its_currency(
    rig: Rig, currency: str, known: bool
) -> None:
    store_id = await rig.connect(currency=currency)
    await rig.book(store_id, "1", at(9, 20), units=100)
    async with working(rig):
        await rig.go(at(10, 5))
        await rig.follows(store_id, SEPTEMBER, State.CLOSED)
    statement = (await rig.statement(store_id, SEPTEMBER)).statement
    assert (statement.HasField("current_revenue"), statement.fee.units, statement.problem) == (known, 20, "")
    assert statement.current_revenue.units == (100 if known else 0)


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
        await rig.read(store_id, SEPTEMBER, 70, at(10, 1, 0))
        await rig.turns()
        assert rig.temper.closes == 0, "a held month is not asked about at every turn"
        await rig.go(at(10, 5, 13))
        await rig.follows(store_id, SEPTEMBER, State.CLOSED)
    assert (await rig.statement(store_id, SEPTEMBER)).statement.fee.units == 14
    assert rig.temper.closes == 1


@pytest.mark.slow
async def test_what_fails_for_the_moment_is_repeated_by_the_queue(rig: Rig) -> None:
    store_id = await rig.connect()
    rig.temper.refusals = [FailedPrecondition("not yet", reason="NOT_YET")] * 3
    await rig.go(at(10, 5))
    async with working(rig):
        await rig.follows(store_id, SEPTEMBER, State.CLOSED)
    assert (rig.temper.closes, await rig.effects(store_id)) == (4, 1)


@pytest.mark.slow
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


@pytest.mark.slow
async def test_a_store_that_removed_the_app_gets_its_last_statement_and_what_that_left_over(rig: Rig) -> None:
    store_id = await rig.connect()
    await rig.rows(
        "UPDATE commerce.store_connections SET status = 'uninstalled', uninstalled_at = $1 RETURNING 1", at(9, 19)
    )
    await rig.go(at(12, 24))
    async with working(rig):
        await rig.follows(store_id, OCTOBER, State.CLOSED)
        await rig.turns()
    assert (await rig.statement(store_id, OCTOBER)).statement.closed
    rows = await rig.rows("SELECT month, state FROM closing.months ORDER BY month")
    assert [tuple(row) for row in rows] == [("2026-09", "closed"), ("2026-10", "closed")]
    await rig.rows("UPDATE commerce.store_connections SET uninstalled_at = NULL RETURNING 1")
    async with working(rig):
        await rig.follows(store_id, NOVEMBER, State.CLOSED)


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
