"""Refunds that no reading counts any more, over gRPC on PostgreSQL."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import asyncpg
import pytest

from integration.council.syncledger.test_experiment_billing import (
    ENDS,
    ON_IT,
    STARTED,
    close,
    entries,
    leave,
    reading,
    statement,
)
from integration.council.syncledger.test_ledger import contract, eur, refund, revenue, verified
from kiki.kit.clock import FixedClock
from kiki.kit.grpc.times import time_to_proto
from kiki.rpc.v1 import syncledger_pb2 as pb


async def _orders(agent: Any, *orders: str) -> None:
    for order in orders:
        await agent.call("RecordIncrementalRevenue", revenue(order, f"e{order}", paid_at=time_to_proto(STARTED)))


async def billed_and_left(agent: Any, clock: FixedClock, rule: int) -> None:
    """September bills 10,000 on the experiment, with orders of 40,000. From October on another rule is in force."""
    await agent.call("PutContract", contract(**ON_IT))
    await _orders(agent, "1", "2", "3", "4")
    clock.advance(dt.timedelta(minutes=1))
    await agent.call("RecordExperimentReading", reading(9, 10_000))
    clock.advance(dt.timedelta(minutes=1))
    await leave(agent, rule, 10)


def late(order: str, number: str, event: str, cents: int, **more: Any) -> pb.RecordRefundRequest:
    """A refund from after September's end."""
    return refund(order, number, event, eur(cents), refunded_at=time_to_proto(ENDS[9] + dt.timedelta(hours=1)), **more)


@pytest.mark.parametrize("rule", [pb.FEE_RULE_ATTRIBUTED, pb.FEE_RULE_ENDED], ids=["attributed", "ended"])
async def test_a_refund_after_the_contract_left_its_experiment_is_credited_in_proportion(
    agent: Any, clock: FixedClock, rule: int
) -> None:
    await billed_and_left(agent, clock, rule)
    september = await close(agent, 9)
    assert (september.fee, list(september.experiment_refunds)) == (eur(2_000), [])
    await agent.call("RecordRefund", late("1", "r1", "f1", 5_950))
    await agent.call("RecordRefund", late("1", "r1", "f2", 5_950))
    await agent.call("RecordRefund", late("2", "c", "f3", 0, kind=pb.REFUND_KIND_CANCELLATION))
    shown = await statement(agent, 10)
    (credit,) = shown.experiment_refunds
    assert (credit.experiment_id, credit.first_month.month, credit.last_reading.month) == ("autumn", 9, 9)
    assert (credit.billed_revenue, credit.attributed_revenue) == (eur(10_000), eur(40_000))
    assert (credit.given_back_revenue, credit.credited_revenue, credit.fee) == (eur(15_000), eur(3_750), eur(750))
    assert (shown.corrected_revenue, shown.corrections_by_reading) == (eur(-15_000), eur(-15_000))
    october = await close(agent, 10)
    assert list(october.experiment_refunds) == [credit]
    assert (october.fee_revenue, october.fee, october.accrued_fee) == (eur(-3_750), eur(-750), eur(-3_750))
    booked = {
        (entry.kind, entry.reason): [side.amount for side in entry.postings] for entry in await entries(agent, 10)
    }
    assert booked[pb.ENTRY_KIND_EXPERIMENT_CREDIT, "late_refunds"] == [eur(-750), eur(750)]
    await agent.call("RecordRefund", late("1", "r2", "f4", 9_999))
    clock.advance(dt.timedelta(days=31))
    assert await statement(agent, 9) == september, "a closed month stays as it is"
    november = await close(agent, 11)
    assert [one.credited_revenue for one in november.experiment_refunds] == [eur(1_250)], "the rest of the order, once"
    assert await statement(agent, 10) == october
    await verified(agent)


async def test_a_refund_from_between_the_reading_and_the_close_is_credited_too(agent: Any, clock: FixedClock) -> None:
    """It lands in September itself, whose reading ends with the month."""
    await billed_and_left(agent, clock, pb.FEE_RULE_ATTRIBUTED)
    await agent.call("RecordRefund", late("1", "r1", "f1", 11_900))
    assert (await close(agent, 9)).fee == eur(2_000)
    assert [one.credited_revenue for one in (await close(agent, 10)).experiment_refunds] == [eur(2_500)]
    await verified(agent)


async def test_a_refund_that_the_last_reading_counted_is_not_credited_again(agent: Any, clock: FixedClock) -> None:
    await agent.call("PutContract", contract(**ON_IT))
    await _orders(agent, "1", "2")
    await agent.call("RecordRefund", refund("1", "r1", "f1", refunded_at=time_to_proto(STARTED)))
    await agent.call("RecordExperimentReading", reading(9, 10_000))
    clock.advance(dt.timedelta(minutes=1))
    await leave(agent, pb.FEE_RULE_ATTRIBUTED, 10)
    await close(agent, 9)
    assert list((await statement(agent, 10)).experiment_refunds) == []
    await agent.call("RecordRefund", late("1", "r2", "f2", 2_975))
    (credit,) = (await close(agent, 10)).experiment_refunds
    assert (credit.attributed_revenue, credit.given_back_revenue) == (eur(15_000), eur(2_500))
    await verified(agent)


@pytest.mark.parametrize("lost", ["order_deleted", "not_paid"])
async def test_an_order_decided_anew_is_no_refund_and_a_lost_one_is(agent: Any, clock: FixedClock, lost: str) -> None:
    await billed_and_left(agent, clock, pb.FEE_RULE_ATTRIBUTED)
    await close(agent, 9)
    for order, reason in (("1", "attribution_changed"), ("2", lost)):
        request = pb.ReverseOrderRevenueRequest(
            store_id=1, event_id=f"v{order}", order_id=order, decision_seq=2, reason=reason
        )
        await agent.call("ReverseOrderRevenue", request)
    again = revenue("3", "e3-2", seq=2, net=eur(9_000), paid_at=time_to_proto(STARTED))
    await agent.call("RecordIncrementalRevenue", again)
    (credit,) = (await close(agent, 10)).experiment_refunds
    assert (credit.given_back_revenue, credit.credited_revenue) == (eur(10_000), eur(2_500))
    await verified(agent)


async def test_refunds_after_the_final_reading_are_credited_while_the_contract_stays(
    agent: Any, clock: FixedClock
) -> None:
    await agent.call("PutContract", contract(**ON_IT))
    await _orders(agent, "1", "2")
    clock.advance(dt.timedelta(minutes=1))
    await agent.call("RecordExperimentReading", reading(9, 8_000, final=True))
    clock.advance(dt.timedelta(minutes=1))
    await close(agent, 9)
    await agent.call("RecordRefund", late("1", "r1", "f1", 11_900))
    found = await close(agent, 10)
    assert [one.credited_revenue for one in found.experiment_refunds] == [eur(4_000)]
    assert (found.fee, found.experiment.billed_revenue) == (eur(-800), eur(0))
    await verified(agent)


async def test_what_was_credited_for_late_refunds_is_append_only_and_proved(agent: Any, clock: FixedClock) -> None:
    await billed_and_left(agent, clock, pb.FEE_RULE_ATTRIBUTED)
    await close(agent, 9)
    await agent.call("RecordRefund", late("1", "r1", "f1", 11_900))
    await close(agent, 10)
    connection = await asyncpg.connect(agent.dsn)
    try:
        with pytest.raises(asyncpg.PostgresError, match="facts are appended"):
            await connection.execute("DELETE FROM syncledger.experiment_refunds")
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute(
                "INSERT INTO syncledger.experiment_refunds VALUES (1, 99999, 1, 'autumn', 1, 10, 10, 11, 5, 1, now())"
            )
        await connection.execute(
            "INSERT INTO syncledger.experiment_refunds VALUES (1, 99999, 1, 'autumn', 1, 9000, 10, 10, 9000, 1, now())"
        )
    finally:
        await connection.close()
    proof = await agent.call("VerifyLedger", pb.VerifyLedgerRequest(store_id=1))
    assert [problem.kind for problem in proof.problems] == ["EXPERIMENT_DIFFERS"] * 2, "no entry, and over the bills"


@pytest.mark.parametrize("seed", range(3))
async def test_the_credit_is_the_same_in_whatever_order_and_however_often_refunds_are_told(
    agent: Any, clock: FixedClock, seed: int
) -> None:
    """Two stores are told the same, one in order and once, one shuffled and with repetitions under other events."""
    chance = random.Random(seed)
    told = [
        late(str(order), f"r{number}", "", chance.choice([1, 700, 3_333, 11_900]))
        for order in range(1, 6)
        for number in range(chance.randrange(4))
    ]
    told.append(late("1", "c", "", 0, kind=pb.REFUND_KIND_CANCELLATION))
    again = [*told, *chance.choices(told, k=4)]
    chance.shuffle(again)
    nets = [chance.randrange(9_000) + 1 for _ in range(5)]
    for store in (1, 2):
        await agent.call("PutContract", contract(store, f"c{store}", **ON_IT))
        for order, net in enumerate(nets, start=1):
            booked = revenue(str(order), f"e{order}", store_id=store, net=eur(net), paid_at=time_to_proto(STARTED))
            await agent.call("RecordIncrementalRevenue", booked)
    clock.advance(dt.timedelta(minutes=1))
    for store in (1, 2):
        await agent.call("RecordExperimentReading", reading(9, 7_777, store_id=store))
    clock.advance(dt.timedelta(minutes=1))
    credited: list[list[pb.ExperimentRefundCredit]] = []
    for store, facts in ((1, told), (2, again)):
        left = contract(store, "left", effective_from=pb.BillingMonth(year=2026, month=10))
        await agent.call("PutContract", left)
        for at, fact in enumerate(facts):
            request = pb.RecordRefundRequest()
            request.CopyFrom(fact)
            request.store_id, request.event_id = store, f"f{at}"
            await agent.call("RecordRefund", request)
        for month in (9, 10):
            closing = pb.CloseMonthRequest(store_id=store, event_id=f"close-{month}", year=2026, month=month)
            found = (await agent.call("CloseMonth", closing)).statement
        credited.append(list(found.experiment_refunds))
    assert credited[0] == credited[1]
    (credit,) = credited[0]
    assert 0 < credit.credited_revenue.units * 100 + credit.credited_revenue.nanos // 10**7 <= 7_777
    await verified(agent)
