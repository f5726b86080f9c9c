"""Random shops on PostgreSQL: every statement is what the same rules state over entries in memory, line by line.

That model in turn is held against a computation from scratch (tests/unit/council/syncledger/test_all_statements.py).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from kiki.council.syncledger.convert import contract_message
from kiki.council.syncledger.domain import RefundTold, RevenueTold, ReversalTold, Rule, Terms
from kiki.council.syncledger.months import month_parts
from kiki.council.syncledger.statements_convert import line_message
from kiki.kit.clock import FixedClock
from kiki.kit.grpc.money import minor_to_proto
from kiki.kit.grpc.times import time_to_proto
from kiki.rpc.v1 import syncledger_pb2 as pb
from unit.council.syncledger.test_all_statements import FIRST, MONTHS, Fact, Model, Shop, shops

Drawn = tuple[tuple[Terms, ...], list[int], list[Fact | None]]
AFTER = dt.datetime(2027, 3, 1, tzinfo=dt.UTC)
SHOPS = 4
"""In a test; a store of its own each."""


def drawn(number: int, count: int) -> list[Drawn]:
    """Busy shops, always the same for a number. Instead of ending, which no version follows, a contract is plain."""
    found: list[Drawn] = []

    @seed(number)
    @settings(max_examples=10 * count, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(shops())
    def collect(shop: Drawn) -> None:
        versions, currents, told = shop
        if len(told) > 8:
            plain = [replace(one, rule=Rule.ATTRIBUTED) if one.rule is Rule.ENDED else one for one in versions]
            found.append((tuple(plain), currents, told))

    collect()
    return found[-count:]


def request_of(fact: Fact, store_id: int, event_id: str) -> tuple[str, Any]:
    """How a fact is told."""
    common = {"store_id": store_id, "event_id": event_id, "order_id": fact.order_id}
    match fact:
        case RevenueTold():
            assert fact.paid_at is not None
            return "RecordIncrementalRevenue", pb.RecordIncrementalRevenueRequest(
                **common,
                decision_seq=fact.decision_seq,
                order_amount=minor_to_proto(fact.charged_minor, fact.currency),
                net_sales=minor_to_proto(fact.net_minor, fact.currency),
                incremental_share="" if fact.incremental is None else str(fact.incremental),
                confidence=fact.confidence,
                ordered_at=time_to_proto(fact.ordered_at),
                paid_at=time_to_proto(fact.paid_at),
                exchange_rate=fact.exchange_rate,
                rate_source="manual" if fact.exchange_rate else "",
            )
        case RefundTold():
            kind = pb.REFUND_KIND_CANCELLATION if fact.cancellation else pb.REFUND_KIND_REFUND
            return "RecordRefund", pb.RecordRefundRequest(
                **common,
                refund_id=fact.refund_id,
                amount=minor_to_proto(fact.amount_minor, fact.currency),
                refunded_at=time_to_proto(fact.refunded_at),
                kind=kind,
            )
        case ReversalTold():
            return "ReverseOrderRevenue", pb.ReverseOrderRevenueRequest(**common, decision_seq=fact.decision_seq)


def figures_of(statement: pb.Statement) -> pb.Statement:
    """Without what the model in memory does not know."""
    known = pb.Statement()
    known.CopyFrom(statement)
    for name in ("store_id", "closed_at", "contract", "attributed_orders", "mean_confidence"):
        known.ClearField(name)
    return known


def lines_of(lines: Any) -> list[pb.StatementLine]:
    """Without the numbers of entries, which those of closing take part of."""
    found = []
    for line in lines:
        known = pb.StatementLine()
        known.CopyFrom(line)
        for name in ("entry_id", "booking_id", "recorded_at"):
            known.ClearField(name)
        found.append(known)
    return found


async def sign(agent: Any, store_id: int, versions: tuple[Terms, ...]) -> None:
    for one in versions:
        year, month = month_parts(one.effective_month)
        request = pb.PutContractRequest(store_id=store_id, event_id=f"c{one.version}", contract=contract_message(one))
        request.contract.ClearField("version")
        request.contract.effective_from.CopyFrom(pb.BillingMonth(year=year, month=month))
        await agent.call("PutContract", request)


async def close(agent: Any, store_id: int, shop: Shop) -> int:
    """The next month, there and here: equal figures and lines; its fee."""
    month = FIRST if shop.closed is None else shop.closed + 1
    year, number = month_parts(month)
    at, currency = month - FIRST, shop.versions[0].currency
    revenue = minor_to_proto(shop.currents[at] if at < MONTHS else 0, currency)
    request = pb.CloseMonthRequest(store_id=store_id, event_id=f"m{month}", year=year, month=number)
    request.figures.current_revenue.CopyFrom(revenue)
    stated = (await agent.call("CloseMonth", request)).statement
    shop.close()
    assert figures_of(stated) == figures_of(pb.Statement.FromString(shop.frozen[month].body))
    asked = pb.GetMonthlyStatementRequest(store_id=store_id, year=year, month=number, page_size=1000)
    answer = await agent.call("GetMonthlyStatement", asked)
    assert lines_of(answer.lines) == lines_of(line_message(line) for line in shop._lines(month))
    return shop.fees[-1]


async def trade(agent: Any, store_id: int, given_shop: Drawn) -> int:
    """All that is told of a shop, there and here, until nothing is open; how many statements were held."""
    versions, currents, told = given_shop
    shop, model, fees = Shop(versions, currents), Model(versions, currents), 0
    await sign(agent, store_id, versions)
    for number, fact in enumerate([*told, *[None] * (MONTHS + 1)]):
        if fact is None and shop.closed is not None and shop.closed >= FIRST + MONTHS + 1:
            continue
        if fact is None:
            fees += await close(agent, store_id, shop)
            model.close()
        else:
            await agent.call(*request_of(fact, store_id, f"f{number}"))
            shop.tell(fact)
            model.tell(fact)
    left = sum(entry.month > (shop.closed or 0) for entry in shop.recorder.entries)
    assert left or fees == model.owed()
    proof = await agent.call("VerifyLedger", pb.VerifyLedgerRequest(store_id=store_id))
    assert proof.ok, proof.problems
    return len(shop.fees)


@pytest.mark.parametrize("number", [1, 2])
async def test_random_shops_are_stated_by_the_books_as_by_the_rules(agent: Any, clock: FixedClock, number: int) -> None:
    clock.advance(AFTER - clock.now())
    shops_drawn = drawn(number, SHOPS)
    held = [await trade(agent, at, each) for at, each in enumerate(shops_drawn, start=1)]
    assert len(held) == SHOPS
    assert min(held) >= MONTHS
