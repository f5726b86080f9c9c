"""SyncLedger over gRPC on PostgreSQL: idempotency, refunds, revisions, months, proof."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
from typing import Any

import asyncpg
import grpc
import pytest
from google.type.money_pb2 import Money

from kiki.council.syncledger.convert import contract_item
from kiki.kit.digest import semantic_digest
from kiki.kit.grpc.status import from_rpc_error
from kiki.kit.grpc.times import time_to_proto
from kiki.rpc.v1 import common_pb2
from kiki.rpc.v1 import syncledger_pb2 as pb

CONNECTED = dt.datetime(2026, 9, 5, tzinfo=dt.UTC)
PAID = dt.datetime(2026, 10, 10, 12, tzinfo=dt.UTC)


def eur(cents: int, currency: str = "EUR") -> Money:
    scale = 1 if currency == "JPY" else 100
    sign = -1 if cents < 0 else 1
    units, rest = divmod(abs(cents), scale)
    return Money(currency_code=currency, units=sign * units, nanos=sign * rest * (10**9 // scale))


def contract(store: int = 1, event: str = "c1", currency: str = "EUR", **terms: Any) -> pb.PutContractRequest:
    return pb.PutContractRequest(
        store_id=store,
        event_id=event,
        contract=pb.Contract(
            **{
                "fee_rate": "0.20",
                "settlement_currency": currency,
                "time_zone": "Europe/Berlin",
                "connected_at": time_to_proto(CONNECTED),
                **terms,
            }
        ),
    )


def revenue(
    order: str, event: str, *, seq: int = 1, charged: Money | None = None, net: Money | None = None, **more: Any
) -> pb.RecordIncrementalRevenueRequest:
    return pb.RecordIncrementalRevenueRequest(
        **{
            "store_id": 1,
            "event_id": event,
            "decision_seq": seq,
            "order_id": order,
            "order_amount": charged or eur(11_900),
            "net_sales": net or eur(10_000),
            "confidence": 0.8,
            "campaign_id": "camp-1",
            "touchpoints": [pb.Touchpoint(touchpoint_id="t1", signal="click", weight=0.5)],
            "model": "default",
            "ordered_at": time_to_proto(PAID),
            "paid_at": time_to_proto(PAID),
            **more,
        }
    )


def refund(order: str, number: str, event: str, amount: Money | None = None, **more: Any) -> pb.RecordRefundRequest:
    return pb.RecordRefundRequest(
        **{
            "store_id": 1,
            "event_id": event,
            "order_id": order,
            "refund_id": number,
            "amount": amount or eur(5_950),
            "refunded_at": time_to_proto(PAID),
            **more,
        }
    )


async def verified(agent: Any) -> pb.VerifyLedgerResponse:
    proof = await agent.call("VerifyLedger", pb.VerifyLedgerRequest())
    assert proof.ok, proof
    return proof


async def test_paid_order_is_billed_to_the_cent_and_half_refund_reverses_half_once(agent: Any) -> None:
    await agent.call("PutContract", contract())
    booked = await agent.call("RecordIncrementalRevenue", revenue("1", "e1"))
    assert (booked.counted, booked.fee, booked.incremental_revenue) == (True, eur(2_000), eur(10_000))
    first = await agent.call("RecordRefund", refund("1", "r1", "f1"))
    second = await agent.call("RecordRefund", refund("1", "r1", "f2"))
    assert (first.reversed_revenue, first.reversed_fee) == (eur(5_000), eur(1_000))
    assert (second.already_known, second.reversed_revenue.units) == (True, 0)
    found = await agent.call("GetOrderAttribution", pb.GetOrderAttributionRequest(store_id=1, order_id="1"))
    assert (found.fee, found.attributed, found.campaign_id) == (eur(1_000), True, "camp-1")
    assert found.touchpoints[0].touchpoint_id == "t1"
    await verified(agent)


async def test_refund_before_revenue_is_kept_and_applied(agent: Any) -> None:
    await agent.call("PutContract", contract())
    early = await agent.call("RecordRefund", refund("1", "r1", "f1"))
    assert early.pending
    booked = await agent.call("RecordIncrementalRevenue", revenue("1", "e1"))
    assert (booked.reversed_revenue, booked.reversed_fee) == (eur(5_000), eur(1_000))
    cancelled = await agent.call(
        "RecordRefund", refund("1", "cancel", "f3", kind=pb.REFUND_KIND_CANCELLATION, amount=eur(0))
    )
    assert cancelled.reversed_revenue == eur(5_000)
    await verified(agent)


async def test_a_decision_that_says_what_stands_takes_the_place_of_refunds_and_cancellation(agent: Any) -> None:
    await agent.call("PutContract", contract())
    await agent.call("RecordIncrementalRevenue", revenue("1", "e1"))
    await agent.call("RecordRefund", refund("1", "r1", "f1"))
    await agent.call("RecordRefund", refund("1", "r2", "f2", eur(1_190)))
    await agent.call("RecordRefund", refund("1", "cancellation", "f3", kind=pb.REFUND_KIND_CANCELLATION, amount=None))

    async def standing(seq: int, *amounts: tuple[str, int], **more: Any) -> tuple[Money, Money]:
        kept = [
            pb.StandingRefund(refund_id=name, amount=eur(cents), refunded_at=time_to_proto(PAID))
            for name, cents in amounts
        ]
        asked = revenue("1", f"e{seq}", seq=seq, standing=pb.StandingRefunds(refunds=kept, **more))
        for _ in range(2):
            await agent.call("RecordIncrementalRevenue", asked)
        found = await agent.call("GetOrderAttribution", pb.GetOrderAttributionRequest(store_id=1, order_id="1"))
        await verified(agent)
        return found.fee, found.refunded

    assert await standing(2, ("r2", 1_190)) == (eur(1_800), eur(1_190)), "r1 was deleted, and it is not cancelled"
    await agent.call("RecordRefund", refund("1", "r3", "f4", eur(1_190)))
    assert await standing(3, ("r2", 1_190), ("r3", 1_190), cancelled=True) == (eur(0), eur(2_380))
    assert await standing(4, ("r1", 5_950)) == (eur(1_000), eur(5_950))
    assert (await standing(5))[0] == eur(2_000)
    late = await agent.call("RecordIncrementalRevenue", revenue("1", "late", seq=2, standing=pb.StandingRefunds()))
    assert late.reason == pb.NOT_COUNTED_REASON_SUPERSEDED


async def test_an_order_moves_to_another_currency_with_what_stands(agent: Any) -> None:
    await agent.call("PutContract", contract())
    await agent.call("RecordIncrementalRevenue", revenue("1", "e1"))
    await agent.call("RecordRefund", refund("1", "r1", "f1"))
    moved: dict[str, Any] = {
        "seq": 2,
        "charged": eur(11_900, "USD"),
        "net": eur(10_000, "USD"),
        "exchange_rate": "0.5",
    }
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await agent.call("RecordIncrementalRevenue", revenue("1", "e2", **moved))
    assert from_rpc_error(refused.value).reason == "CURRENCY_MISMATCH"
    back = pb.StandingRefund(refund_id="r1", amount=eur(5_950, "USD"), refunded_at=time_to_proto(PAID))
    await agent.call(
        "RecordIncrementalRevenue", revenue("1", "e3", **moved, standing=pb.StandingRefunds(refunds=[back]))
    )
    found = await agent.call("GetOrderAttribution", pb.GetOrderAttributionRequest(store_id=1, order_id="1"))
    assert (found.fee, found.refunded) == (eur(500), eur(5_950, "USD"))
    await verified(agent)


async def test_event_ids_are_idempotent_and_refuse_other_content(agent: Any) -> None:
    await agent.call("PutContract", contract())
    first = await agent.call("RecordIncrementalRevenue", revenue("1", "e1"))
    assert await agent.call("RecordIncrementalRevenue", revenue("1", "e1")) == first
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await agent.call("RecordIncrementalRevenue", revenue("1", "e1", charged=eur(5)))
    assert from_rpc_error(refused.value).reason == "EVENT_ID_REUSED"
    counts = await agent.call("CountEffects", common_pb2.CountEffectsRequest(store_id=1))
    assert {count.method: count.count for count in counts.counts} == {"PutContract": 1, "RecordIncrementalRevenue": 1}


async def test_same_event_at_the_same_moment_books_once(agent: Any) -> None:
    await agent.call("PutContract", contract())
    answers = await asyncio.gather(
        *(agent.call("RecordIncrementalRevenue", revenue("1", "e1")) for _ in range(12)),
        *(agent.call("RecordRefund", refund("1", "r1", f"f{i}")) for i in range(6)),
    )
    assert len({answer.entry_id for answer in answers[:12]}) == 1
    found = await agent.call("GetOrderAttribution", pb.GetOrderAttributionRequest(store_id=1, order_id="1"))
    assert found.fee == eur(1_000)
    await verified(agent)


async def test_bad_item_does_not_hold_up_its_batch(agent: Any) -> None:
    await agent.call("PutContract", contract())
    batch = pb.BatchRecordIncrementalRevenueRequest(
        requests=[
            revenue("1", "e1"),
            revenue("2", "e2", confidence=7),
            revenue("3", "e3", charged=eur(100, "USD"), net=eur(100, "USD")),
            revenue("4", "e4", store_id=9),
            revenue("5", "e5"),
        ]
    )
    results = (await agent.call("BatchRecordIncrementalRevenue", batch)).results
    assert [result.error.reason for result in results] == ["", "BAD_CONFIDENCE", "BAD_EXCHANGE_RATE", "NO_CONTRACT", ""]
    assert results[3].error.code == grpc.StatusCode.FAILED_PRECONDITION.value[0]
    await verified(agent)


async def test_uncounted_orders_say_why(agent: Any) -> None:
    await agent.call("PutContract", contract())
    before = time_to_proto(CONNECTED - dt.timedelta(days=1))
    cases = [
        ({"ordered_at": before}, pb.NOT_COUNTED_REASON_BEFORE_CONNECTION),
        ({"paid_at": None}, pb.NOT_COUNTED_REASON_NOT_PAID),
        ({"test_order": True}, pb.NOT_COUNTED_REASON_TEST_ORDER),
        ({"incremental_amount": eur(0)}, pb.NOT_COUNTED_REASON_NOTHING_INCREMENTAL),
    ]
    for number, (more, reason) in enumerate(cases):
        answer = await agent.call("RecordIncrementalRevenue", revenue(f"o{number}", f"e{number}", **more))
        assert (answer.counted, answer.reason) == (False, reason)


async def test_new_decision_reverses_and_books_anew_and_an_older_one_is_ignored(agent: Any) -> None:
    await agent.call("PutContract", contract())
    await agent.call("RecordIncrementalRevenue", revenue("1", "e1", seq=1))
    await agent.call("RecordRefund", refund("1", "r1", "f1"))
    again = await agent.call("RecordIncrementalRevenue", revenue("1", "e3", seq=3, net=eur(8_000)))
    assert (again.fee, again.reversed_fee) == (eur(1_600), eur(800))
    late = await agent.call("RecordIncrementalRevenue", revenue("1", "e2", seq=2, net=eur(1)))
    assert late.reason == pb.NOT_COUNTED_REASON_SUPERSEDED
    gone = await agent.call(
        "ReverseOrderRevenue", pb.ReverseOrderRevenueRequest(store_id=1, event_id="v", order_id="1", decision_seq=4)
    )
    assert (gone.applied, gone.reversed_revenue) == (True, eur(4_000))
    entries = (await agent.call("ListEntries", pb.ListEntriesRequest(store_id=1, order_id="1"))).entries
    assert [entry.kind for entry in entries] == [1, 2, 3, 1, 2, 3]
    assert sum(p.amount.units for entry in entries for p in entry.postings) == 0
    await verified(agent)


async def test_yen_and_foreign_currencies(agent: Any) -> None:
    await agent.call("PutContract", contract())
    yen = await agent.call(
        "RecordIncrementalRevenue",
        revenue("1", "e1", charged=eur(10_000, "JPY"), net=eur(10_000, "JPY"), exchange_rate="0.0061"),
    )
    assert (yen.incremental_revenue, yen.fee) == (eur(6_100), eur(1_220))
    await agent.call("PutContract", contract(store=2, currency="JPY"))
    settled = await agent.call(
        "RecordIncrementalRevenue",
        revenue("1", "e1", store_id=2, charged=eur(1_003, "JPY"), net=eur(1_003, "JPY")),
    )
    assert settled.fee == eur(201, "JPY")
    await verified(agent)


async def test_month_closes_frozen_and_later_refunds_land_in_the_next(agent: Any) -> None:
    await agent.call("PutContract", contract())
    await agent.call("RecordIncrementalRevenue", revenue("1", "e1", net=eur(10_001)))
    await agent.call("RecordIncrementalRevenue", revenue("2", "e2", net=eur(10_001)))
    await agent.call("RecordIncrementalRevenue", revenue("3", "e3", net=eur(10_001)))
    october = pb.GetMonthlyStatementRequest(store_id=1, year=2026, month=10, page_size=2)
    page = await agent.call("GetMonthlyStatement", october)
    assert (page.statement.accrued_fee, page.statement.fee, page.statement.true_up) == (eur(6_000), eur(6_001), eur(1))
    assert (len(page.lines), page.statement.line_count, bool(page.next_page_token)) == (2, 3, True)

    def close(month: int, event: str) -> pb.CloseMonthRequest:
        figures = pb.RevenueFigures(current_revenue=eur(50_000), baseline_revenue=eur(40_000))
        return pb.CloseMonthRequest(store_id=1, event_id=event, year=2026, month=month, figures=figures)

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await agent.call("CloseMonth", close(10, "m10"))
    assert from_rpc_error(refused.value).reason == "EARLIER_MONTH_OPEN"
    await agent.call("CloseMonth", close(9, "m9"))
    closed = await agent.call("CloseMonth", close(10, "m10"))
    assert (closed.statement.closed, closed.statement.growth_percent) == (True, 25.0)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await agent.call("CloseMonth", close(11, "m11"))
    assert from_rpc_error(refused.value).reason == "MONTH_NOT_OVER"

    late = await agent.call("RecordRefund", refund("1", "r1", "f1"))
    assert late.billing_month == pb.BillingMonth(year=2026, month=11)
    moved = await agent.call("RecordIncrementalRevenue", revenue("4", "e4"))
    assert moved.moved_to_open_month
    frozen = await agent.call("GetMonthlyStatement", pb.GetMonthlyStatementRequest(store_id=1, year=2026, month=10))
    assert (frozen.statement, frozen.digest) == (closed.statement, closed.digest)
    assert [line.order_id for line in frozen.lines] == ["1", "2", "3"]
    assert frozen.lines[0].touchpoints[0].signal == "click"
    november = await agent.call("GetMonthlyStatement", pb.GetMonthlyStatementRequest(store_id=1, year=2026, month=11))
    assert [line.correction for line in november.lines] == [True, True]
    assert november.statement.fee == eur(7_000 - 6_001), "October's fee on 35,002, less what it was billed"
    proof = await verified(agent)
    billed = [b.balance for b in proof.balances if b.account == pb.LEDGER_ACCOUNT_BILLED_FEES]
    assert billed == [eur(6_001)]


async def test_statement_of_a_month_long_ago_is_empty(agent: Any) -> None:
    await agent.call("PutContract", contract())
    page = await agent.call("GetMonthlyStatement", pb.GetMonthlyStatementRequest(store_id=1, year=2024, month=1))
    assert (page.statement.fee, page.statement.closed) == (eur(0), False)


async def test_fee_of_a_period_and_uplift(agent: Any) -> None:
    baseline = pb.BaselineFigures(revenue=eur(120_000), monthly_average=eur(10_000), months_available=12)
    short = pb.BaselineFigures(revenue=eur(120_000), monthly_average=eur(10_000), months_available=11)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await agent.call("PutContract", contract(rule=pb.FEE_RULE_UPLIFT, baseline=short))
    assert from_rpc_error(refused.value).reason == "BASELINE_INCOMPLETE"
    await agent.call("PutContract", contract(rule=pb.FEE_RULE_UPLIFT, baseline=baseline))
    await agent.call("RecordIncrementalRevenue", revenue("1", "e1"))
    fee = await agent.call(
        "CalculateSuccessFee",
        pb.CalculateSuccessFeeRequest(
            store_id=1,
            period=common_pb2.Period(
                start=time_to_proto(dt.datetime(2026, 9, 30, 22, tzinfo=dt.UTC)),
                end=time_to_proto(dt.datetime(2026, 10, 31, 23, tzinfo=dt.UTC)),
            ),
            figures=pb.RevenueFigures(current_revenue=eur(15_000)),
        ),
    )
    assert (fee.baseline_revenue, fee.fee, fee.growth_percent) == (eur(10_000), eur(1_000), 50.0)
    assert (fee.attributed_orders, fee.mean_confidence) == (1, 0.8)


async def test_the_first_and_the_last_month_are_compared_with_a_part_of_the_baseline(agent: Any) -> None:
    """Connected on 5 September, 02:00 in Berlin, and removed on 11 October, 00:00, the tenth part less an hour."""
    baseline = pb.BaselineFigures(revenue=eur(120_000), monthly_average=eur(10_000), months_available=12)
    await agent.call("PutContract", contract(rule=pb.FEE_RULE_UPLIFT, baseline=baseline))
    removed_at = time_to_proto(dt.datetime(2026, 10, 10, 22, tzinfo=dt.UTC))
    november = pb.BillingMonth(year=2026, month=11)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await agent.call("PutContract", contract(event="c2", ended_at=removed_at, effective_from=november))
    assert from_rpc_error(refused.value).reason == "END_MISMATCH"
    ending = contract(event="c3", rule=pb.FEE_RULE_ENDED, ended_at=removed_at, effective_from=november)
    assert (await agent.call("PutContract", ending)).contract.ended_at == removed_at

    statements = {}
    for month in (9, 10):
        figures = pb.RevenueFigures(current_revenue=eur(9_000))
        request = pb.CloseMonthRequest(store_id=1, event_id=f"m{month}", year=2026, month=month, figures=figures)
        statements[month] = (await agent.call("CloseMonth", request)).statement
    september, october = statements[9], statements[10]
    assert [(part.start, part.end) for part in september.compared] == [(time_to_proto(CONNECTED), september.period.end)]
    assert [(part.start, part.end) for part in october.compared] == [(october.period.start, removed_at)]
    assert (september.baseline_revenue, september.fee_revenue) == (eur(8_639), eur(361)), "622 of 720 hours"
    assert (october.baseline_revenue, october.fee_revenue) == (eur(3_221), eur(5_779)), "240 of 745 hours"
    assert {september.whole_baseline_revenue.units, october.whole_baseline_revenue.units} == {100}
    assert october.fee == eur(1_156)
    span = common_pb2.Period(start=september.period.start, end=october.period.end)
    request = pb.CalculateSuccessFeeRequest(
        store_id=1, period=span, figures=pb.RevenueFigures(current_revenue=eur(18_000))
    )
    assert (await agent.call("CalculateSuccessFee", request)).baseline_revenue == eur(8_639 + 3_221)
    after = await agent.call("GetMonthlyStatement", pb.GetMonthlyStatementRequest(store_id=1, year=2026, month=11))
    assert [part.start == part.end for part in after.statement.compared] == [True]
    await verified(agent)


async def test_contract_versions_are_frozen_where_they_must_be(agent: Any) -> None:
    await agent.call("PutContract", contract())
    newer = await agent.call("PutContract", contract(event="c2", fee_rate="0.25"))
    assert newer.contract.effective_from == pb.BillingMonth(year=2026, month=12)
    now = await agent.call("GetContract", pb.GetContractRequest(store_id=1))
    assert (now.contract.fee_rate, len(now.versions)) == ("0.20", 2)
    for event, terms, reason in [
        ("c3", {"time_zone": "UTC"}, "TIME_ZONE_FROZEN"),
        ("c4", {"settlement_currency": "USD"}, "CURRENCY_FROZEN"),
        ("c5", {"fee_rate": "1.5"}, "BAD_FEE_RATE"),
    ]:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await agent.call("PutContract", contract(event=event, **terms))
        assert from_rpc_error(refused.value).reason == reason


async def test_an_end_wins_over_versions_for_later_months_and_they_stay_visible(agent: Any) -> None:
    await agent.call("PutContract", contract())
    january = pb.BillingMonth(year=2027, month=1)
    await agent.call("PutContract", contract(event="c2", fee_rate="0.10", effective_from=january))
    december = pb.BillingMonth(year=2026, month=12)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await agent.call("PutContract", contract(event="c3", fee_rate="0.30", effective_from=december))
    assert from_rpc_error(refused.value).reason == "VERSION_ORDER"
    await agent.call("PutContract", contract(event="c4", rule=pb.FEE_RULE_ENDED, effective_from=december))
    found = await agent.call("GetContract", pb.GetContractRequest(store_id=1, month=january))
    assert (found.contract.rule, found.contract.superseded_by) == (pb.FEE_RULE_ENDED, 0)
    assert [version.superseded_by for version in found.versions] == [0, 3, 0]
    back = time_to_proto(dt.datetime(2026, 11, 23, 11, tzinfo=dt.UTC))
    anew = contract(event="c5", connected_at=back, effective_from=december)
    assert (await agent.call("PutContract", anew)).contract.version == 4
    found = await agent.call("GetContract", pb.GetContractRequest(store_id=1, month=january))
    assert (found.contract.connected_at, [version.superseded_by for version in found.versions]) == (back, [0, 3, 4, 0])


async def test_a_contract_told_before_an_upgrade_may_be_told_again_after_it(agent: Any) -> None:
    """The receipt holds the digest of a version that knew nothing of experiments and ends."""
    first = await agent.call("PutContract", contract())
    known = contract_item(contract()).command
    later = ("experiment_id", "ended_at")
    names = [field.name for field in dataclasses.fields(known) if field.name not in later]
    before = dataclasses.make_dataclass("Terms", names)(*(getattr(known, name) for name in names))
    connection = await asyncpg.connect(agent.dsn)
    for kept in (semantic_digest("contract", before), semantic_digest("contract", known)):
        await connection.execute("UPDATE syncledger.receipts SET digest = $1 WHERE event_id = 'c1'", kept)
        assert await agent.call("PutContract", contract()) == first
        with pytest.raises(grpc.aio.AioRpcError, match="other content"):
            await agent.call("PutContract", contract(experiment_id="e1"))
    await connection.close()
    assert len((await agent.call("GetContract", pb.GetContractRequest(store_id=1))).versions) == 1


async def test_database_refuses_unbalanced_postings_and_changes_and_verify_finds_tampering(agent: Any) -> None:
    await agent.call("PutContract", contract())
    await agent.call("RecordIncrementalRevenue", revenue("1", "e1"))
    connection = await asyncpg.connect(agent.dsn)
    try:
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute("INSERT INTO syncledger.postings VALUES (1, 77, 1, 1, 'EUR', 5)")
        for statement in (
            "UPDATE syncledger.postings SET amount_minor = 1",
            "DELETE FROM syncledger.transactions",
            "TRUNCATE syncledger.postings",
            "UPDATE syncledger.contracts SET fee_rate_ppm = 1",
        ):
            with pytest.raises(asyncpg.RestrictViolationError):
                await connection.execute(statement)
        await connection.execute("UPDATE syncledger.balances SET amount_minor = amount_minor + 1 WHERE account = 2")
    finally:
        await connection.close()
    proof = await agent.call("VerifyLedger", pb.VerifyLedgerRequest(store_id=1))
    assert [problem.kind for problem in proof.problems] == ["BALANCE_DIFFERS"]


async def test_the_pages_of_an_open_month_show_what_its_first_page_summed(agent: Any) -> None:
    """Orders and refunds that come in while somebody reads belong to the next reading, not to its last pages."""
    await agent.call("PutContract", contract())
    for order in "123":
        await agent.call("RecordIncrementalRevenue", revenue(order, f"e{order}"))
    asked = pb.GetMonthlyStatementRequest(store_id=1, year=2026, month=10, page_size=2)
    first = await agent.call("GetMonthlyStatement", asked)
    await agent.call("RecordIncrementalRevenue", revenue("4", "e4"))
    await agent.call("RecordRefund", refund("1", "r1", "f1"))
    asked.page_token = first.next_page_token
    second = await agent.call("GetMonthlyStatement", asked)
    assert [line.order_id for line in (*first.lines, *second.lines)] == ["1", "2", "3"]
    assert (first.statement.incremental_revenue, second.next_page_token) == (eur(30_000), "")
    for token in ("o1", "o1.", "o.5", "o1.2.3", "o-1.5", "c0", "x1.2"):
        asked.page_token = token
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await agent.call("GetMonthlyStatement", asked)
        assert from_rpc_error(refused.value).reason == "BAD_PAGE_TOKEN", token
    await verified(agent)
