"""The app is removed: the last statement, and what it left over."""

from __future__ import annotations

import asyncio
import datetime as dt

import pytest
from google.type.money_pb2 import Money

from integration.orchestrator.closing.rig import NOVEMBER, OCTOBER, SEPTEMBER, Rig, at, working
from kiki.commerce.stores import StoreConnection, StoreRepository
from kiki.orchestrator.closing.months import Month
from kiki.orchestrator.closing.repository import State
from kiki.rpc.v1 import syncledger_pb2, syncvalue_pb2

ESTIMATE = syncledger_pb2.FeeRule.FEE_RULE_EXPERIMENT_ESTIMATE
_ORDER = """
INSERT INTO commerce.orders (store_id, order_id, number, status, customer_key, placed_at, updated_at, paid_at,
    triggered_at, currency, total_minor, net_minor, refunded_minor, is_test, live, lines_digest, verdict,
    booked_revision, booked_minor, booked_total_minor, booked_currency, booking_reversed)
VALUES ($1, $2, '', 'paid', 'ada', $3, $3, $3, '', 'EUR', 10000, 10000, 0, false, true, '', 'incremental',
    1, 10000, 10000, 'EUR', false) RETURNING 1
"""


async def store_of(rig: Rig, store_id: int) -> StoreConnection:
    async with rig.database.connection() as connection:
        return await StoreRepository(rig.sealer).get(connection, store_id)


async def contracts(rig: Rig, store_id: int, count: int) -> list[syncledger_pb2.Contract]:
    """All versions, once there are so many and the calls that told of them are settled: a month waits for those."""
    request = syncledger_pb2.GetContractRequest(store_id=store_id)
    async with asyncio.timeout(20):
        while True:
            answer = await rig.ledger("GetContract", request, syncledger_pb2.GetContractResponse)
            if len(answer.versions) >= count:
                break
            await asyncio.sleep(0.05)
    await rig.worked_off()
    return list(answer.versions)


@pytest.mark.slow
async def test_the_month_of_the_removal_is_settled_and_nothing_after_it(rig: Rig) -> None:
    store_id = await rig.connect("autumn.myshopify.com", "shopify")
    await rig.book(store_id, "1", at(9, 20), units=100)
    await rig.go(at(9, 25))
    async with working(rig):
        await rig.remove_app(store_id, at(9, 24))
        _, ended = await contracts(rig, store_id, 2)
        assert (ended.rule, ended.effective_from.month) == (syncledger_pb2.FEE_RULE_ENDED, 10)
        assert (await store_of(rig, store_id)).uninstalled_at == at(9, 24)
        await rig.go(at(10, 4, 1))
        await rig.follows(store_id, SEPTEMBER, State.CLOSED)
        await rig.remove_app(store_id, at(9, 24, 13))
        await rig.go(at(12, 20))
        await rig.follows(store_id, OCTOBER, State.CLOSED)
        await rig.turns()
        assert len(await contracts(rig, store_id, 2)) == 2
    last, after = await rig.statement(store_id, SEPTEMBER), await rig.statement(store_id, OCTOBER)
    assert (last.statement.fee.units, after.statement.fee.units) == (20, 0)
    assert await rig.effects(store_id) == 2


async def test_a_month_of_which_it_was_connected_for_a_part_is_compared_by_that_part(rig: Rig) -> None:
    """Connected from 10 September to 11 October, 00:00: revenue of other days is neither ours nor compared."""
    units = {
        "revenue": Money(currency_code="EUR", units=12_000),
        "monthly_average": Money(currency_code="EUR", units=720),
    }
    figures = syncledger_pb2.BaselineFigures(**units, months_available=12)
    uplift = syncledger_pb2.FEE_RULE_UPLIFT
    store_id = await rig.connect("autumn.myshopify.com", "shopify", rule=uplift, baseline=figures)
    for order_id, placed_at, paid in (
        ("history", at(9, 5), 300),
        ("september", at(9, 20), 600),
        ("october", at(10, 5), 400),
        ("later", at(10, 11, 1), 100),
    ):
        order = rig.valued(store_id, order_id, placed_at, Money(currency_code="EUR", units=paid))
        await rig.temper.clients.syncvalue.call("UpdateCustomerLTV", order, syncvalue_pb2.UpdateCustomerLTVResponse)
    await rig.go(at(10, 12))
    async with working(rig):
        await rig.remove_app(store_id, at(10, 11, 0))
        await contracts(rig, store_id, 2)
        await rig.go(at(12, 20))
        await rig.follows(store_id, NOVEMBER, State.CLOSED)
    september, october, november = [
        (await rig.statement(store_id, month)).statement for month in (SEPTEMBER, OCTOBER, NOVEMBER)
    ]
    assert (september.current_revenue.units, september.baseline_revenue.units) == (600, 504), "21 of 30 days"
    assert (october.current_revenue.units, october.baseline_revenue.units) == (400, 231), "240 of 745 hours"
    assert (september.fee_revenue.units, october.fee_revenue.units) == (96, 168)
    assert october.whole_baseline_revenue.units == 720
    assert (november.current_revenue.units, november.fee.units) == (0, 0)


async def test_what_an_experiment_still_carries_is_credited_after_the_last_month(rig: Rig) -> None:
    store_id = await rig.connect("autumn.myshopify.com", "shopify", rule=ESTIMATE, experiment_id="autumn")
    await rig.read(store_id, SEPTEMBER, 100, at(10, 1, 0))
    await rig.read(store_id, OCTOBER, 70, at(11, 1, 0))
    await rig.go(at(10, 20))
    async with working(rig):
        await rig.follows(store_id, SEPTEMBER, State.CLOSED)
        await rig.remove_app(store_id, at(10, 19))
        await contracts(rig, store_id, 2)
        await rig.go(at(12, 20))
        await rig.follows(store_id, NOVEMBER, State.CLOSED)
    fees = [(await rig.statement(store_id, month)).statement.fee.units for month in (SEPTEMBER, OCTOBER, NOVEMBER)]
    assert fees == [20, 0, -6], "30 too much was billed, and no later month makes it good"


async def test_what_was_booked_before_the_removal_was_known_is_taken_back(rig: Rig) -> None:
    store_id = await rig.connect("autumn.myshopify.com", "shopify")
    for order_id, placed_at in (("before", at(9, 20)), ("after", at(9, 24, 13))):
        await rig.book(store_id, order_id, placed_at, units=100)
        await rig.rows(_ORDER, store_id, order_id, placed_at)
    await rig.go(at(9, 25))
    async with working(rig):
        await rig.remove_app(store_id, at(9, 24))
        async with asyncio.timeout(20):
            while (await rig.statement(store_id, SEPTEMBER)).statement.incremental_revenue.units != 100:
                await asyncio.sleep(0.05)
        await rig.worked_off()
        await rig.go(at(10, 4, 1))
        await rig.follows(store_id, SEPTEMBER, State.CLOSED)
    assert (await rig.statement(store_id, SEPTEMBER)).statement.fee.units == 20
    told = await rig.rows("SELECT count(*) FROM inbox.deliveries WHERE topic = 'contract_ended'")
    assert told[0][0] == 1, "found again and again, it is told once"


@pytest.mark.slow
async def test_months_between_two_connections_close_with_nothing_in_them(rig: Rig) -> None:
    store_id = await rig.connect("autumn.myshopify.com", "shopify")
    await rig.go(at(9, 25))
    async with working(rig):
        await rig.remove_app(store_id, at(9, 24))
        await contracts(rig, store_id, 2)
        await rig.go(at(12, 10))
        await rig.follows(store_id, OCTOBER, State.CLOSED)
        await rig.turns()
        await rig.rows(
            "UPDATE commerce.store_connections SET status = 'active', uninstalled_at = NULL, connected_at = $1"
            " RETURNING 1",
            at(12, 9),
        )
        await rig.follows(store_id, NOVEMBER, State.CLOSED)
        await rig.follows(store_id, Month(2026, 12), State.OPEN)
    november = (await rig.statement(store_id, NOVEMBER)).statement
    assert (november.contract.rule, november.fee.units) == (syncledger_pb2.FEE_RULE_ENDED, 0)
    assert november.closed_at.ToDatetime(dt.UTC) == at(12, 10)
