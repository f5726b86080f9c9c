"""SyncValue over gRPC on PostgreSQL: histories, idempotency, baseline, risks, merges."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

import grpc
import pytest
from google.type.money_pb2 import Money

from kiki.kit.grpc.status import from_rpc_error
from kiki.kit.grpc.times import time_to_proto
from kiki.rpc.v1 import common_pb2
from kiki.rpc.v1 import syncvalue_pb2 as pb

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)


def order(number: str, event: str, *, key: str = "ann", days: float = 10, units: int = 100, **more: Any) -> Any:
    at = time_to_proto(NOW - dt.timedelta(days=days))
    money = Money(currency_code=more.pop("currency", "EUR"), units=units)
    return pb.UpdateCustomerLTVRequest(
        **{
            "store_id": 1,
            "event_id": event,
            "decision_seq": 1,
            "customer_key": key,
            "order_id": number,
            "order_amount": money,
            "net_sales": money,
            "ordered_at": at,
            "paid_at": at,
            **more,
        }
    )


async def test_orders_make_a_history(agent: Any) -> None:
    first = await agent.call("UpdateCustomerLTV", order("1", "e1", days=100))
    second = await agent.call("UpdateCustomerLTV", order("2", "e2", days=5, units=300))
    assert (first.order_count, second.order_count, second.total_spent.units) == (1, 2, 400)
    assert second.predicted_ltv.units > first.predicted_ltv.units > 0
    found = await agent.call("GetCustomerLTV", pb.GetCustomerLTVRequest(store_id=1, customer_key="ann"))
    assert (found.predicted_ltv, found.churn_risk) == (second.predicted_ltv, second.churn_risk)
    assert found.last_order_at == time_to_proto(NOW - dt.timedelta(days=5))


async def test_event_ids_are_idempotent_and_refuse_other_content(agent: Any) -> None:
    first = await agent.call("UpdateCustomerLTV", order("1", "e1"))
    assert await agent.call("UpdateCustomerLTV", order("1", "e1")) == first
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await agent.call("UpdateCustomerLTV", order("1", "e1", units=5))
    assert from_rpc_error(refused.value).reason == "EVENT_ID_REUSED"
    answers = await asyncio.gather(*(agent.call("UpdateCustomerLTV", order("9", "e9")) for _ in range(10)))
    assert {answer.order_count for answer in answers} == {2}
    counts = await agent.call("CountEffects", common_pb2.CountEffectsRequest(store_id=1))
    assert [(count.method, count.count) for count in counts.counts] == [("UpdateCustomerLTV", 2)]


async def test_bad_item_does_not_hold_up_its_batch(agent: Any) -> None:
    batch = pb.BatchUpdateOrdersRequest(
        requests=[order("1", "e1"), order("", "e2"), order("3", "e3"), order("3", "e3"), order("5", "e5", key="")]
    )
    answer = await agent.call("BatchUpdateOrders", batch)
    assert (answer.processed, answer.failed) == (4, 1)
    assert [result.error.reason for result in answer.results] == ["", "BAD_TEXT", "", "", ""]
    assert [result.response.order_count for result in answer.results] == [1, 0, 2, 2, 0]
    assert not answer.results[4].response.HasField("predicted_ltv")


async def test_revisions_replace_and_older_ones_change_nothing(agent: Any) -> None:
    await agent.call("UpdateCustomerLTV", order("1", "e1", days=50))
    await agent.call("UpdateCustomerLTV", order("2", "e2", days=5))
    refunded = await agent.call("UpdateCustomerLTV", order("2", "e3", days=5, units=50, decision_seq=3))
    assert (refunded.order_count, refunded.total_spent.units) == (2, 150)
    late = await agent.call("UpdateCustomerLTV", order("2", "e4", days=5, units=99, decision_seq=2))
    assert (late.applied, late.total_spent.units) == (False, 150)
    cancelled = await agent.call("UpdateCustomerLTV", order("2", "e5", days=5, cancelled=True, decision_seq=4))
    assert (cancelled.order_count, cancelled.total_spent.units) == (1, 100)
    found = await agent.call("GetCustomerLTV", pb.GetCustomerLTVRequest(store_id=1, customer_key="ann"))
    assert found.last_order_at == time_to_proto(NOW - dt.timedelta(days=50))


async def test_baseline_and_revenue(agent: Any) -> None:
    connected = NOW - dt.timedelta(days=1)
    history = [
        order(str(i), f"h{i}", key=f"c{i % 20}", days=30 * i + 45, units=100, source=pb.ORDER_SOURCE_HISTORY)
        for i in range(24)
    ]
    usd = order("usd", "usd", days=60, currency="USD")
    unpaid = order("unpaid", "unpaid", days=60, paid_at=None)
    await agent.call("BatchUpdateOrders", pb.BatchUpdateOrdersRequest(requests=[*history, usd, unpaid]))
    ask = pb.UpdateBaselineMetricsRequest(
        store_id=1, event_id="b1", connected_at=time_to_proto(connected), time_zone="Europe/Berlin", currency="EUR"
    )
    baseline = (await agent.call("UpdateBaselineMetrics", ask)).baseline
    assert baseline.complete
    assert baseline.revenue.units == baseline.orders * 100 == baseline.unique_customers * 100
    assert baseline.skipped_orders == 1
    assert baseline.monthly_average.units == baseline.revenue.units // 12
    kept = await agent.call("GetBaseline", pb.GetBaselineRequest(store_id=1))
    assert kept.baseline == baseline
    revenue = await agent.call(
        "GetRevenueInPeriod", pb.GetRevenueInPeriodRequest(store_id=1, period=baseline.period, currency="EUR")
    )
    assert (revenue.revenue, revenue.orders) == (baseline.revenue, baseline.orders)
    short = pb.UpdateBaselineMetricsRequest(history_from=time_to_proto(NOW - dt.timedelta(days=70)))
    short.MergeFrom(ask)
    short.event_id = "b2"
    partial = (await agent.call("UpdateBaselineMetrics", short)).baseline
    assert (partial.complete, partial.months_available) == (False, 1)


async def test_risks_are_paged(agent: Any) -> None:
    requests = [order(str(i), f"e{i}", key=f"c{i:02d}", days=2 if i % 2 else 900) for i in range(20)]
    await agent.call("BatchUpdateOrders", pb.BatchUpdateOrdersRequest(requests=requests))
    seen: list[str] = []
    token = ""
    while True:
        page = await agent.call(
            "ListChurnRisks",
            pb.ListChurnRisksRequest(store_id=1, min_churn_risk=0.7, page_size=4, page_token=token),
        )
        seen += [risk.customer_key for risk in page.risks]
        token = page.next_page_token
        if not token:
            break
    assert seen == [f"c{i:02d}" for i in range(0, 20, 2)]


async def test_merged_customers_count_as_one(agent: Any) -> None:
    await agent.call("UpdateCustomerLTV", order("1", "e1", key="ann"))
    await agent.call("UpdateCustomerLTV", order("2", "e2", key="guest"))
    merged = await agent.call(
        "MergeCustomers",
        pb.MergeCustomersRequest(store_id=1, event_id="m", kept_customer_key="ann", merged_customer_key="guest"),
    )
    assert merged.orders_moved == 1
    later = await agent.call("UpdateCustomerLTV", order("3", "e3", key="guest"))
    assert (later.customer_key, later.order_count) == ("ann", 3)
    found = await agent.call("GetCustomerLTV", pb.GetCustomerLTVRequest(store_id=1, customer_key="guest"))
    assert (found.customer_key, found.order_count) == ("ann", 3)


async def test_yen_has_no_minor_unit(agent: Any) -> None:
    answer = await agent.call("UpdateCustomerLTV", order("1", "e1", units=1_000, currency="JPY"))
    assert (answer.predicted_ltv.currency_code, answer.predicted_ltv.nanos) == ("JPY", 0)


async def test_unknown_customers_and_baselines_are_not_found(agent: Any) -> None:
    for method, request in [
        ("GetCustomerLTV", pb.GetCustomerLTVRequest(store_id=1, customer_key="nobody")),
        ("GetBaseline", pb.GetBaselineRequest(store_id=1)),
    ]:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await agent.call(method, request)
        assert refused.value.code() == grpc.StatusCode.NOT_FOUND
