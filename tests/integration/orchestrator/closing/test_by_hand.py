"""Somebody asks for a month before its grace is over."""

from __future__ import annotations

import asyncio
import datetime as dt

import pytest
from google.type.money_pb2 import Money

from integration.orchestrator.closing.rig import CONNECTED, NOVEMBER, OCTOBER, SEPTEMBER, Rig, at, working
from kiki.kit.errors import FailedPrecondition, InvalidInput
from kiki.orchestrator.calls.intents import CallIntent, enqueue
from kiki.orchestrator.closing import requests, schedule
from kiki.orchestrator.closing.asking import BeforeBooks, NothingAsked, NotNow, TooLate, is_closable, withdraw
from kiki.orchestrator.closing.books import Books
from kiki.orchestrator.closing.months import Month
from kiki.orchestrator.closing.repository import ARRIVING, State, list_months
from kiki.orchestrator.closing.requests import RequestRow
from kiki.orchestrator.lanes import Lane
from kiki.rpc.v1 import syncledger_pb2

pytestmark = pytest.mark.slow


async def ask(rig: Rig, store_id: int, month: Month = SEPTEMBER, why: str = "the books are due") -> bool:
    async with rig.database.transaction() as connection:
        return await requests.ask(connection, store_id, month, actor="user:7", why=why, at=rig.clock.now())


async def settled(rig: Rig, store_id: int, month: Month = SEPTEMBER) -> RequestRow:
    """The request, once something came of it."""
    row: RequestRow | None = None
    async with asyncio.timeout(20):
        while row is None or row.settled_at is None:
            async with rig.database.connection() as connection:
                row = await requests.find_request(connection, store_id, month)
            await asyncio.sleep(0.03)
    return row


async def test_a_month_is_closed_in_its_grace_when_somebody_asks(rig: Rig) -> None:
    store_id, other = await rig.connect(), await rig.connect("other.example")
    await rig.book(store_id, "1", at(9, 20), units=100)
    await rig.go(at(10, 1, 9))
    async with working(rig):
        await rig.follows(store_id, SEPTEMBER, State.OPEN)
        assert await ask(rig, store_id)
        row = await settled(rig, store_id)
        await rig.follows(store_id, SEPTEMBER, State.CLOSED)
        following = await rig.follows(store_id, OCTOBER, State.OPEN)
        await rig.follows(other, SEPTEMBER, State.OPEN)
    assert (row.actor, row.why, row.reason) == ("user:7", "the books are due", "")
    told = await rig.statement(store_id, SEPTEMBER)
    assert (told.statement.closed, told.statement.fee.units) == (True, 20)
    assert following.closes_at == at(11, 4, 0), "the next month has its grace again"
    assert (rig.temper.closes, await rig.effects(store_id)) == (1, 1)


async def test_it_closes_once_however_often_and_by_whomever_it_is_asked_for(rig: Rig) -> None:
    store_id = await rig.connect()
    await rig.go(at(10, 1, 9))
    assert await ask(rig, store_id)
    assert not await ask(rig, store_id, why="again"), "it is asked for already"
    async with working(rig, workers=3):
        await settled(rig, store_id)
        await rig.follows(store_id, SEPTEMBER, State.CLOSED)
        assert await ask(rig, store_id), "too late: the worker finds it closed"
        await rig.go(at(10, 20))
        await settled(rig, store_id)
        await rig.turns()
    assert (rig.temper.closes, await rig.effects(store_id)) == (1, 1)
    events = await rig.rows("SELECT event_id FROM calls.history WHERE method = 'CloseMonth'")
    assert [row[0] for row in events] == [schedule.close_event(store_id, SEPTEMBER)]


async def test_the_worker_hears_of_it_between_its_turns(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    store_id = await rig.connect()
    await rig.go(at(10, 1, 9))
    async with working(rig):
        await rig.follows(store_id, SEPTEMBER, State.OPEN)
        monkeypatch.setattr(schedule, "_EVERY_SECONDS", 3600.0)
        await rig.turns()
        await ask(rig, store_id)
        await settled(rig, store_id)
    assert await rig.effects(store_id) == 1


async def test_work_from_before_is_waited_for_and_later_work_is_not(rig: Rig) -> None:
    store_id = await rig.connect()
    await rig.go(at(10, 1, 9))
    rig.temper.away = {"syncvalue"}
    call = CallIntent(
        store_id=store_id,
        agent="syncvalue",
        method="UpdateCustomerLTV",
        lane=Lane.LIVE,
        entity="customer:ada",
        subject="order:1",
        event_id="v1",
        request=rig.valued(store_id, "1", at(9, 20), Money(currency_code="EUR", units=80)).SerializeToString(),
    )
    async with rig.database.transaction() as connection:
        await enqueue(connection, rig.sealer, [call])
        await connection.execute("UPDATE calls.queue SET queued_at = $1", at(10, 1, 8))
    await ask(rig, store_id)
    async with working(rig):
        async with asyncio.timeout(20):
            while not await rig.rows("SELECT 1 FROM closing.requests WHERE reason = 'WORK_WAITING'"):
                await asyncio.sleep(0.03)
        (row,) = await rig.rows("SELECT state, reason FROM closing.months")
        assert tuple(row) == ("open", ""), "in its grace nothing holds the month"
        rig.temper.away = set()
        await settled(rig, store_id)
    assert (await rig.statement(store_id, SEPTEMBER)).statement.current_revenue.units == 80


@pytest.mark.slow
async def test_a_refusal_tells_who_asked_and_leaves_the_month_to_its_grace(rig: Rig) -> None:
    store_id = await rig.connect()
    rig.temper.refusals = [InvalidInput("no", reason="FIRST")]
    await rig.go(at(10, 1, 9))
    await ask(rig, store_id)
    async with working(rig):
        assert (await settled(rig, store_id)).reason == "FIRST"
        row = await rig.follows(store_id, SEPTEMBER, State.OPEN)
        assert (row.closes_at, row.due_at) == (at(10, 4, 0), at(10, 4, 0) + ARRIVING)
        await rig.turns()
        assert rig.temper.closes == 1, "it is not asked for again by itself"
        await rig.go(at(10, 4, 1))
        await rig.follows(store_id, SEPTEMBER, State.CLOSED)
    assert await rig.effects(store_id) == 1


@pytest.mark.slow
async def test_what_syncledger_refuses_for_the_moment_stays_asked_for(rig: Rig) -> None:
    store_id = await rig.connect()
    rig.temper.refusals = [FailedPrecondition("not yet", reason="READING_EARLY")] * 3
    await rig.go(at(10, 1, 9))
    await ask(rig, store_id)
    async with working(rig):
        await settled(rig, store_id)
    assert (rig.temper.closes, await rig.effects(store_id)) == (4, 1)


async def test_the_worker_refuses_what_was_asked_for_too_soon(rig: Rig) -> None:
    """The portal does not take such a request; a clock that went wrong may."""
    store_id = await rig.connect()
    await rig.go(at(9, 30))
    await ask(rig, store_id)
    async with working(rig):
        assert (await settled(rig, store_id)).reason == "MONTH_NOT_OVER"
        await rig.turns()
    assert rig.temper.closes == 0


async def take_back(rig: Rig, store_id: int, month: Month = SEPTEMBER) -> bool:
    async with rig.database.transaction() as connection:
        return await withdraw(connection, store_id, month, rig.clock.now())


@pytest.mark.slow
async def test_what_is_taken_back_is_left_to_its_grace_and_may_be_asked_for_again(rig: Rig) -> None:
    store_id = await rig.connect()
    await rig.go(at(10, 1, 9))
    with pytest.raises(NothingAsked):
        await take_back(rig, store_id)
    rig.temper.away = {"syncledger"}
    async with working(rig):
        assert await ask(rig, store_id)
        await rig.turns()
        assert await take_back(rig, store_id)
        assert not await take_back(rig, store_id), "once"
        rig.temper.away = set()
        await rig.follows(store_id, SEPTEMBER, State.OPEN)
        await rig.turns()
        row = await settled(rig, store_id)
        assert (row.actor, row.reason, row.settled_at) == ("user:7", "WITHDRAWN", at(10, 1, 9))
        assert rig.temper.closes == 0
        assert await ask(rig, store_id, why="after all")
        assert (await settled(rig, store_id)).reason == ""
        await rig.follows(store_id, SEPTEMBER, State.CLOSED)
        with pytest.raises(TooLate) as refused:
            await take_back(rig, store_id)
    assert (refused.value.reason, await rig.effects(store_id)) == ("MONTH_CLOSED", 1)


async def test_what_syncledger_was_asked_or_refused_is_not_taken_back(rig: Rig) -> None:
    store_id = await rig.connect()
    rig.temper.refusals = [FailedPrecondition("not yet", reason="READING_EARLY")] * 1_000
    await rig.go(at(10, 1, 9))
    await ask(rig, store_id)
    async with working(rig):
        await rig.follows(store_id, SEPTEMBER, State.ASKED, "READING_EARLY")
        with pytest.raises(TooLate) as refused:
            await take_back(rig, store_id)
        assert refused.value.reason == "CLOSING_ASKED"
        rig.temper.refusals = [InvalidInput("no", reason="FIRST")]
        await settled(rig, store_id)
        await rig.follows(store_id, SEPTEMBER, State.OPEN)
        with pytest.raises(TooLate) as refused:
            await take_back(rig, store_id)
        assert refused.value.reason == "REQUEST_SETTLED"


async def test_a_month_that_is_due_was_read_and_taken_back_meanwhile_is_not_closed(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker has the books' answer in its hand when the request is taken back."""
    store_id = await rig.connect()
    await rig.go(at(10, 1, 9))
    found = Books.figures

    async def slowly(self: Books, statement: syncledger_pb2.Statement, shop_currency: str) -> object:
        figures = await found(self, statement, shop_currency)
        assert await take_back(rig, store_id)
        return figures

    async with working(rig):
        await rig.follows(store_id, SEPTEMBER, State.OPEN)
        with monkeypatch.context() as patched:
            patched.setattr(Books, "figures", slowly)
            await ask(rig, store_id)
            assert (await settled(rig, store_id)).reason == "WITHDRAWN"
            await rig.turns()
        await rig.follows(store_id, SEPTEMBER, State.OPEN)
        assert rig.temper.closes == 0
        await rig.go(at(10, 4, 1))
        await rig.follows(store_id, SEPTEMBER, State.CLOSED)
    assert await rig.effects(store_id) == 1


async def test_a_request_outlives_the_worker(rig: Rig) -> None:
    store_id = await rig.connect()
    rig.temper.away = {"syncledger"}
    await rig.go(at(10, 1, 9))
    async with working(rig):
        await ask(rig, store_id)
        await rig.turns()
    rig.temper.away = set()
    async with working(rig):
        await settled(rig, store_id)
    assert await rig.effects(store_id) == 1


@pytest.mark.parametrize(
    ("month", "moment", "reason"),
    [
        (SEPTEMBER, at(9, 30, 23), "MONTH_NOT_OVER"),
        (OCTOBER, at(11, 2), "EARLIER_MONTH_OPEN"),
        (OCTOBER, at(10, 2), "MONTH_NOT_OVER"),
        (Month(2026, 8), at(10, 2), "BEFORE_CONNECTION"),
    ],
    ids=["running", "out of order", "running and out of order", "before the connection"],
)
async def test_what_is_missing_is_said(rig: Rig, month: Month, moment: dt.datetime, reason: str) -> None:
    store_id = await rig.connect()
    with pytest.raises((NotNow, BeforeBooks)) as refused:
        await is_closable(Books(rig.temper), store_id, month, moment, shop_currency="EUR")
    assert refused.value.reason == reason


async def test_a_missing_reading_baseline_or_contract_is_said(rig: Rig) -> None:
    rule = syncledger_pb2.FeeRule.FEE_RULE_EXPERIMENT_ESTIMATE
    store_id = await rig.connect(rule=rule, experiment_id="autumn")
    with pytest.raises(NotNow, match="reading of 2026-09 was not recorded") as refused:
        await is_closable(Books(rig.temper), store_id, SEPTEMBER, at(10, 2), shop_currency="EUR")
    assert refused.value.reason == "READING_MISSING"
    with pytest.raises(NotNow) as unknown:
        await is_closable(Books(rig.temper), 999, SEPTEMBER, at(10, 2), shop_currency="EUR")
    assert unknown.value.reason == "NO_CONTRACT"


async def test_a_closed_month_needs_no_asking(rig: Rig) -> None:
    store_id = await rig.connect()
    await rig.go(at(10, 2))
    assert await is_closable(Books(rig.temper), store_id, SEPTEMBER, at(10, 2), shop_currency="EUR")
    request = syncledger_pb2.CloseMonthRequest(store_id=store_id, event_id="by hand", year=2026, month=9)
    await rig.ledger("CloseMonth", request, syncledger_pb2.CloseMonthResponse)
    assert not await is_closable(Books(rig.temper), store_id, SEPTEMBER, at(10, 2), shop_currency="EUR")


@pytest.mark.slow
async def test_months_of_a_removed_store_can_be_closed_beyond_its_last(rig: Rig) -> None:
    store_id = await rig.connect()
    await rig.rows(
        "UPDATE commerce.store_connections SET status = 'uninstalled', uninstalled_at = $1 RETURNING 1",
        CONNECTED + dt.timedelta(days=1),
    )
    await rig.go(at(12, 20))
    async with working(rig):
        await rig.follows(store_id, OCTOBER, State.CLOSED)
        await ask(rig, store_id, NOVEMBER)
        await settled(rig, store_id, NOVEMBER)
        await rig.turns()
    async with rig.database.connection() as connection:
        found = await list_months(connection, store_id=store_id, state=None, before=None, limit=9)
        older = await list_months(
            connection, store_id=None, state=State.CLOSED, before=(OCTOBER.text, store_id), limit=9
        )
    assert [(row.month, row.state) for row in found] == [
        (month, State.CLOSED) for month in (NOVEMBER, OCTOBER, SEPTEMBER)
    ]
    assert [row.month for row in older] == [SEPTEMBER]
