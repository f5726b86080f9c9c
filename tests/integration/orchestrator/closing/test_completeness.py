"""A month waits for everything of it that is under way, wherever it is, and for nothing else."""

from __future__ import annotations

import asyncio
import datetime as dt
import json

from e2e.payloads import woo_order
from integration.orchestrator.closing.rig import SEPTEMBER, SETTINGS, Rig, at, working
from kiki.orchestrator.calls.intents import CallIntent, enqueue
from kiki.orchestrator.closing.completeness import Completeness
from kiki.orchestrator.closing.repository import MonthRow, State, look_at_work
from kiki.orchestrator.closing.schedule import close_intent
from kiki.orchestrator.lanes import Lane

PATIENT = SETTINGS.model_copy(update={"retry_attempts": 10_000})
"""What is refused for the moment is not given up while a test looks."""
STUCK = "SELECT 1 FROM calls.parked WHERE agent = 'syncvalue'"


async def told(rig: Rig, store_id: int, order_id: int, received_at: dt.datetime, **more: object) -> None:
    """An order of September is told then."""
    placed = at(9, 20).astimezone(dt.UTC)
    body = json.dumps(woo_order(order_id, placed=placed, **more)).encode()  # type: ignore[arg-type]
    await rig.deliver(store_id, "woocommerce", "order.created", body, "", received_at)


async def appears(rig: Rig, query: str) -> None:
    async with asyncio.timeout(20):
        while not await rig.rows(query):
            await asyncio.sleep(0.03)


async def call(rig: Rig, store_id: int, number: int) -> None:
    """A call of the store to SyncLedger begins to wait."""
    intent = CallIntent(store_id, "syncledger", "RecordRefund", Lane.LIVE, "order:9", "order:9", f"e{number}", b"")
    async with rig.database.transaction() as connection:
        await enqueue(connection, rig.sealer, [intent])


def due(store_id: int, wanted_at: dt.datetime | None = None) -> MonthRow:
    ends_at, closes_at = at(10, 1, 0), at(10, 4, 0)
    return MonthRow(store_id, SEPTEMBER, ends_at, closes_at, closes_at, State.OPEN, "", None, None, wanted_at)


async def behind(rig: Rig, complete: Completeness, row: MonthRow) -> bool:
    async with rig.database.connection() as connection:
        return complete.is_behind(row, (await look_at_work(connection, [row]))[row.store_id])


async def test_what_came_in_time_and_was_decided_hours_after_the_grace_is_in_its_month(rig: Rig) -> None:
    store_id = await rig.connect()
    await told(rig, store_id, 1, at(10, 3))
    await rig.go(at(10, 5))
    rig.temper.failing = {"UpdateCustomerLTV"}
    async with working(rig, PATIENT):
        await appears(rig, STUCK)
        await rig.follows(store_id, SEPTEMBER, State.HELD, "WORK_WAITING")
        await rig.go(at(10, 5, 13))
        await rig.turns()
        assert rig.temper.closes == 0, "its call was written after the grace, and still belongs to the month"
        rig.temper.failing = set()
        await rig.worked_off()
        await rig.go(at(10, 5, 14))
        await rig.follows(store_id, SEPTEMBER, State.CLOSED)
    assert (await rig.statement(store_id, SEPTEMBER)).statement.current_revenue.units == 100


async def test_what_came_after_the_grace_does_not_hold_the_month(rig: Rig) -> None:
    store_id, complete = await rig.connect(), Completeness()
    await told(rig, store_id, 1, at(10, 4, 1))
    assert not await behind(rig, complete, due(store_id)), "it waits, and is not of the month"
    await call(rig, store_id, 1)
    assert not await behind(rig, complete, due(store_id)), "nor are the calls that follow"
    await rig.rows("DELETE FROM calls.queue RETURNING 1")
    await told(rig, store_id, 2, at(10, 3, 23))
    assert await behind(rig, complete, due(store_id))
    assert not await behind(rig, complete, due(store_id, wanted_at=at(10, 2))), "asked for before that came"


async def test_calls_that_follow_from_a_replay_are_waited_for(rig: Rig) -> None:
    store_id, complete = await rig.connect(), Completeness()
    assert not await behind(rig, complete, due(store_id))
    async with rig.database.transaction() as connection:
        await connection.execute("INSERT INTO inbox.replays VALUES ($1, 1, 1, now(), 'user:7')", store_id)
    await call(rig, store_id, 1)
    assert await behind(rig, complete, due(store_id))
    await rig.rows("DELETE FROM calls.queue RETURNING 1")
    assert not await behind(rig, complete, due(store_id))
    await call(rig, store_id, 2)
    assert not await behind(rig, complete, due(store_id)), "one of a later delivery"


async def test_the_closing_of_another_month_is_not_waited_for(rig: Rig) -> None:
    """It is answered before the next month is looked at, and may not be settled yet."""
    store_id, complete = await rig.connect(), Completeness()
    async with rig.database.transaction() as connection:
        await enqueue(connection, rig.sealer, [close_intent(store_id, SEPTEMBER, None)])
    assert not await behind(rig, complete, due(store_id))


async def test_a_month_that_is_closed_without_what_was_given_up_says_so(rig: Rig) -> None:
    store_id, other = await rig.connect(), await rig.connect("other.example")
    for store, received_at in ((store_id, at(9, 20)), (other, at(10, 4, 1))):
        await rig.rows(
            "INSERT INTO inbox.dead_letters VALUES ($1, 1, 0, $2, now(), 1, 'UNREADABLE_PAYLOAD', '') RETURNING 1",
            store,
            received_at,
        )
    await rig.go(at(10, 5))
    async with working(rig):
        await rig.follows(store_id, SEPTEMBER, State.CLOSED, "DEAD_LETTERS")
        await rig.follows(other, SEPTEMBER, State.CLOSED)
