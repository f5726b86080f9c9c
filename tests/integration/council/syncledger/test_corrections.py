"""Corrections of closed months, and terms that may not change under what is booked, over gRPC on PostgreSQL."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

import asyncpg
import pytest

from integration.council.syncledger.test_experiment_billing import ENDS, ON_IT, STARTED, close, leave, reading, refused
from integration.council.syncledger.test_ledger import contract, eur, refund, revenue, verified
from kiki.council.syncledger.tables import OWNER
from kiki.kit.clock import FixedClock
from kiki.kit.grpc.money import money_from_proto
from kiki.kit.grpc.times import time_to_proto
from kiki.kit.migrations import downgrade, upgrade
from kiki.rpc.v1 import syncledger_pb2 as pb

IN_SEPTEMBER = {"paid_at": time_to_proto(STARTED)}
OCTOBER = pb.BillingMonth(year=2026, month=10)


async def test_small_orders_give_back_the_cents_that_the_statement_billed_on_all_of_them(agent: Any) -> None:
    """Five orders of two cents accrue nothing each and are billed two cents together."""
    await agent.call("PutContract", contract())
    for order in "12345":
        small = revenue(order, f"e{order}", charged=eur(2), net=eur(2), **IN_SEPTEMBER)
        await agent.call("RecordIncrementalRevenue", small)
    september = await close(agent, 9)
    assert (september.accrued_fee, september.fee) == (eur(0), eur(2))
    for order in "12345":
        await agent.call("RecordRefund", refund(order, "r", f"r{order}", eur(2)))
    assert (await close(agent, 10)).fee == eur(-2)
    await verified(agent)


async def test_a_refund_of_a_month_whose_rate_changed_gives_back_what_was_billed(agent: Any) -> None:
    """Booked at a fifth, billed at a tenth: the version came into force in the running month."""
    await agent.call("PutContract", contract())
    await agent.call("RecordIncrementalRevenue", revenue("1", "e1", **IN_SEPTEMBER))
    await agent.call(
        "PutContract", contract(1, "c2", fee_rate="0.10", effective_from=pb.BillingMonth(year=2026, month=9))
    )
    assert (await close(agent, 9)).fee == eur(1_000)
    await agent.call("RecordRefund", refund("1", "r", "r1", eur(11_900)))
    assert (await close(agent, 10)).fee == eur(-1_000)
    await verified(agent)


async def test_an_order_from_after_the_end_gives_nothing_back(agent: Any) -> None:
    await agent.call("PutContract", contract(rule=pb.FEE_RULE_ENDED))
    await agent.call("RecordIncrementalRevenue", revenue("1", "e1", **IN_SEPTEMBER))
    assert (await close(agent, 9)).fee == eur(0)
    await agent.call("RecordRefund", refund("1", "r", "r1", eur(11_900)))
    october = await close(agent, 10)
    assert (october.corrected_revenue, october.fee_revenue, october.fee) == (eur(-10_000), eur(0), eur(0))
    await verified(agent)


async def test_a_month_under_the_uplift_rule_gives_back_no_more_than_its_uplift(agent: Any) -> None:
    figures = pb.BaselineFigures(revenue=eur(120_000), monthly_average=eur(10_000), months_available=12)
    await agent.call("PutContract", contract(rule=pb.FEE_RULE_UPLIFT, baseline=figures))
    await agent.call("RecordIncrementalRevenue", revenue("1", "e1", **IN_SEPTEMBER))
    part = 8_639
    figure = pb.RevenueFigures(current_revenue=eur(part + 2_000))
    request = pb.CloseMonthRequest(store_id=1, event_id="c9", year=2026, month=9, figures=figure)
    september = (await agent.call("CloseMonth", request)).statement
    assert (september.baseline_revenue, september.fee) == (eur(part), eur(400)), "622 of 720 hours"
    await agent.call("RecordRefund", refund("1", "r", "r1", eur(5_950)))
    figure.current_revenue.CopyFrom(eur(10_000))
    request = pb.CloseMonthRequest(store_id=1, event_id="c10", year=2026, month=10, figures=figure)
    october = (await agent.call("CloseMonth", request)).statement
    assert (october.fee_revenue, october.fee) == (eur(-2_000), eur(-400)), "of 5,000 only 2,000 were billed"
    await verified(agent)


async def test_what_came_late_and_went_back_later_counts_by_the_month_of_its_payment(
    agent: Any, clock: FixedClock
) -> None:
    """Paid in September, told in October, given back in November: billed nowhere under September's experiment."""
    await agent.call("PutContract", contract(**ON_IT))
    await leave(agent, pb.FEE_RULE_ATTRIBUTED, 10)
    await agent.call("RecordExperimentReading", reading(9, 10_000))
    await close(agent, 9)
    clock.advance(dt.timedelta(minutes=1))
    await agent.call("RecordIncrementalRevenue", revenue("1", "e1", **IN_SEPTEMBER))
    october = await close(agent, 10)
    assert (october.corrected_revenue, october.fee) == (eur(10_000), eur(0))
    await agent.call("RecordRefund", refund("1", "r", "r1", eur(11_900)))
    clock.advance(dt.timedelta(days=31))
    november = await close(agent, 11)
    assert (november.corrected_revenue, november.fee) == (eur(-10_000), eur(0)), "what was not billed is not given back"
    await verified(agent)


async def test_what_came_late_under_attribution_goes_back_though_an_experiment_bills_by_now(
    agent: Any, clock: FixedClock
) -> None:
    await agent.call("PutContract", contract())
    start = contract(1, "c2", **ON_IT, effective_from=OCTOBER)
    await agent.call("PutContract", start)
    await close(agent, 9)
    await agent.call("RecordIncrementalRevenue", revenue("1", "e1", **IN_SEPTEMBER))
    in_october = time_to_proto(ENDS[9] + dt.timedelta(days=1))
    await agent.call("RecordExperimentReading", reading(10, 0, started_at=in_october))
    assert (await close(agent, 10)).fee == eur(2_000), "September was billed as attributed"
    await agent.call("RecordRefund", refund("1", "r", "r1", eur(11_900)))
    clock.advance(dt.timedelta(days=31))
    await agent.call("RecordExperimentReading", reading(11, 0, started_at=in_october))
    assert (await close(agent, 11)).fee == eur(-2_000)
    await verified(agent)


@pytest.mark.parametrize("month", [9, 10], ids=["closed before", "with orders"])
async def test_another_basis_does_not_come_into_force_where_orders_are_booked(agent: Any, month: int) -> None:
    await agent.call("PutContract", contract())
    await agent.call("RecordIncrementalRevenue", revenue("1", "e1"))
    total = {"basis": pb.FEE_BASIS_TOTAL}
    early = contract(1, "c2", **total, effective_from=pb.BillingMonth(year=2026, month=month))
    assert await refused(agent, "PutContract", early) == "BASIS_BOOKED"
    answer = await agent.call("PutContract", contract(1, "c3", **total))
    assert answer.contract.effective_from == pb.BillingMonth(year=2026, month=12), "the month after the running one"
    in_december = time_to_proto(dt.datetime(2026, 12, 2, tzinfo=dt.UTC))
    before = await agent.call("RecordIncrementalRevenue", revenue("2", "e2"))
    after = await agent.call("RecordIncrementalRevenue", revenue("3", "e3", paid_at=in_december))
    assert (before.incremental_revenue, after.incremental_revenue) == (eur(10_000), eur(11_900))
    await verified(agent)


async def test_what_is_written_to_a_closed_month_is_found(agent: Any) -> None:
    """An entry that balances, with its sides and balances: only the closed month tells."""
    await agent.call("PutContract", contract())
    await agent.call("RecordIncrementalRevenue", revenue("1", "e1", **IN_SEPTEMBER))
    await close(agent, 9)
    await verified(agent)
    connection = await asyncpg.connect(agent.dsn)
    try:
        month = await connection.fetchval("SELECT closed_through FROM syncledger.books")
        await connection.execute(
            "INSERT INTO syncledger.transactions VALUES"
            f" (1, 9999, 4, {month}, '', '', false, 0, 'EUR', 0, 7, 0, '', NULL, now())"
        )
        await connection.execute(
            "INSERT INTO syncledger.postings VALUES (1, 9999, 1, 3, 'EUR', 7), (1, 9999, 2, 4, 'EUR', -7)"
        )
        for account, amount in ((3, 7), (4, -7)):
            await connection.execute(
                "UPDATE syncledger.balances SET amount_minor = amount_minor + $1 WHERE account = $2 AND month = $3",
                amount,
                account,
                month,
            )
    finally:
        await connection.close()
    proof = await agent.call("VerifyLedger", pb.VerifyLedgerRequest(store_id=1))
    assert [(problem.kind, problem.detail) for problem in proof.problems] == [
        ("MONTH_DIFFERS", "closed with fees of 2007, billed 2000")
    ]


async def test_another_basis_may_come_into_force_in_a_month_without_orders(agent: Any) -> None:
    await agent.call("PutContract", contract())
    early = contract(1, "c2", basis=pb.FEE_BASIS_TOTAL, effective_from=OCTOBER)
    assert (await agent.call("PutContract", early)).contract.version == 2
    booked = await agent.call("RecordIncrementalRevenue", revenue("1", "e1"))
    assert booked.incremental_revenue == eur(11_900)


async def test_an_experiment_bills_on_one_basis(agent: Any) -> None:
    await agent.call("PutContract", contract(**ON_IT))
    other = contract(1, "c2", **ON_IT, basis=pb.FEE_BASIS_TOTAL)
    assert await refused(agent, "PutContract", other) == "EXPERIMENT_BASIS"
    another = contract(1, "c3", basis=pb.FEE_BASIS_TOTAL, rule=ON_IT["rule"], experiment_id="winter")
    assert (await agent.call("PutContract", another)).contract.version == 2


async def test_a_share_is_taken_of_what_the_contract_counts_in_the_month_of_payment(agent: Any) -> None:
    """Whatever amount the share came with: the store may count another one by now."""
    await agent.call("PutContract", contract())
    await agent.call("PutContract", contract(1, "c2", basis=pb.FEE_BASIS_TOTAL))
    told = {"incremental_share": "0.333", "incremental_amount": eur(3_963)}
    now = await agent.call("RecordIncrementalRevenue", revenue("1", "e1", **told))
    in_december = time_to_proto(dt.datetime(2026, 12, 2, tzinfo=dt.UTC))
    then = await agent.call("RecordIncrementalRevenue", revenue("2", "e2", **told, paid_at=in_december))
    assert (now.incremental_revenue, then.incremental_revenue) == (eur(3_330), eur(3_963))
    for share in ("1.01", "-0.1", "NaN", "a third", "0." + "3" * 40):
        wrong = revenue("3", f"e{share}", incremental_share=share)
        assert await refused(agent, "RecordIncrementalRevenue", wrong) == "BAD_SHARE"


async def test_a_payment_that_turns_out_to_be_of_an_earlier_month_moves_the_correction_there(
    agent: Any, clock: FixedClock
) -> None:
    """Told late for October, billed at a tenth in November's statement; it was September's, at a fifth."""
    await agent.call("PutContract", contract())
    await agent.call("PutContract", contract(1, "c2", fee_rate="0.10", effective_from=OCTOBER))
    for month in (9, 10):
        await close(agent, month)
    await agent.call("RecordIncrementalRevenue", revenue("1", "e1"))
    clock.advance(dt.timedelta(days=10))
    assert (await close(agent, 11)).fee == eur(1_000)
    await agent.call("RecordRefund", refund("1", "r", "r1"))
    await agent.call("RecordIncrementalRevenue", revenue("1", "e2", seq=2, **IN_SEPTEMBER))
    clock.advance(dt.timedelta(days=31))
    december = await close(agent, 12)
    assert [(one.month.month, one.revenue, one.fee) for one in december.corrections] == [
        (9, eur(5_000), eur(1_000)),
        (10, eur(-10_000), eur(-1_000)),
    ]
    assert december.fee == eur(0)
    request = pb.GetMonthlyStatementRequest(store_id=1, year=2026, month=12)
    lines = (await agent.call("GetMonthlyStatement", request)).lines
    assert [(line.corrects.month, line.incremental_revenue) for line in lines] == [
        (10, eur(-5_000)),
        (10, eur(-5_000)),
        (9, eur(10_000)),
        (9, eur(-5_000)),
    ]
    await verified(agent)


async def test_corrections_from_before_their_month_was_kept_are_about_that_of_their_order(agent: Any) -> None:
    await agent.call("PutContract", contract())
    await close(agent, 9)
    await agent.call("RecordIncrementalRevenue", revenue("1", "e1", **IN_SEPTEMBER))
    await downgrade(agent.dsn, OWNER, "2026_11_29_line_sources")
    await upgrade(agent.dsn, [OWNER])
    await agent.call("RecordRefund", refund("1", "r", "r1"))
    request = pb.GetMonthlyStatementRequest(store_id=1, year=2026, month=10)
    october = await agent.call("GetMonthlyStatement", request)
    assert [line.corrects.month for line in october.lines] == [9, 9]
    assert [(one.month.month, one.revenue) for one in october.statement.corrections] == [(9, eur(5_000))]


async def test_a_month_that_closes_while_orders_and_refunds_come_in_loses_and_doubles_none(agent: Any) -> None:
    """Whatever comes before the closing stands in the month, the rest in the next one as corrections."""
    await agent.call("PutContract", contract())

    async def trade(number: int) -> None:
        order = str(number)
        told = revenue(order, f"e{order}", charged=eur(1_001), net=eur(997), **IN_SEPTEMBER)
        await asyncio.gather(*(agent.call("RecordIncrementalRevenue", told) for _ in range(2)))
        for part in "xyz":
            await agent.call("RecordRefund", refund(order, part, f"{part}{order}", eur(101)))

    *_, september = await asyncio.gather(*map(trade, range(12)), *map(trade, range(6, 18)), close(agent, 9))
    pages = [
        await agent.call("GetMonthlyStatement", pb.GetMonthlyStatementRequest(store_id=1, year=2026, month=month))
        for month in (9, 10)
    ]
    assert pages[0].statement == september
    sums = [sum(money_from_proto(line.incremental_revenue).minor for line in page.lines) for page in pages]
    assert [money_from_proto(page.statement.incremental_revenue).minor for page in pages] == sums
    kept = 997 - 302  # of 101 three times of 1,001: 301.79
    assert sum(sums) == 18 * kept
    october = await close(agent, 10)
    fees = [money_from_proto(each.fee).minor for each in (september, october)]
    assert sum(fees) == round(18 * kept * 0.2)
    await verified(agent)


async def test_the_books_of_a_store_with_a_large_number_can_be_proved(agent: Any) -> None:
    proof = await agent.call("VerifyLedger", pb.VerifyLedgerRequest(store_id=2**40))
    assert list(proof.problems) == []
