"""Promotions that a merchant registered, over gRPC on PostgreSQL, and what the seasonal forecast makes of them."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

import grpc
import numpy as np
import pytest
from google.type.date_pb2 import Date
from google.type.money_pb2 import Money

from kiki.kit.grpc.status import from_rpc_error
from kiki.kit.grpc.times import time_to_proto
from kiki.rpc.v1 import syncvalue_pb2 as pb

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
CONNECTED = NOW - dt.timedelta(days=2)
FIRST_DAY = dt.date(2024, 1, 1)
LAST_DAY = dt.date(2026, 10, 31)
SALES = [dt.date(2024, 3, 4), dt.date(2024, 9, 16), dt.date(2025, 5, 5), dt.date(2026, 2, 9), dt.date(2026, 8, 3)]
"""First days of promotions of twelve days, at which the shop sold half as much again."""


def promotion(first: dt.date, days: int = 12, name: str = "") -> Any:
    return pb.ShopPromotion(first_day=day(first), last_day=day(first + dt.timedelta(days=days - 1)), name=name)


def day(of: dt.date) -> Any:
    return Date(year=of.year, month=of.month, day=of.day)


def put(event: str, *promotions: Any, store_id: int = 1) -> Any:
    return pb.PutPromotionsRequest(store_id=store_id, event_id=event, promotions=promotions)


def ask(event: str, **more: Any) -> Any:
    return pb.UpdateBaselineMetricsRequest(
        store_id=1,
        event_id=event,
        connected_at=time_to_proto(CONNECTED),
        time_zone="UTC",
        currency="EUR",
        **more,
    )


async def listed(agent: Any, store_id: int = 1) -> Any:
    return (await agent.call("ListPromotions", pb.ListPromotionsRequest(store_id=store_id))).promotions


async def seasonal(agent: Any) -> Any:
    return (await agent.call("GetBaseline", pb.GetBaselineRequest(store_id=1, year=2026, month=12))).baseline.seasonal


async def made_anew(agent: Any, revision: int) -> Any:
    """The forecast of that revision, which is made soon after the call that asked for it."""
    async with asyncio.timeout(60):
        while (found := await seasonal(agent)).revision < revision:
            await asyncio.sleep(0.05)
    return found


async def tell_history(agent: Any) -> None:
    """An order a day, more at promotions, never quite the same."""
    rng = np.random.default_rng(4)
    told = []
    for number in range((LAST_DAY - FIRST_DAY).days + 1):
        date = FIRST_DAY + dt.timedelta(days=number)
        on_sale = any(0 <= (date - first).days < 12 for first in SALES)
        units = round((150 if on_sale else 100) * float(rng.lognormal(0.0, 0.1)))
        at = dt.datetime.combine(date, dt.time(12), dt.UTC)
        money = Money(currency_code="EUR", units=units)
        told.append(
            pb.UpdateCustomerLTVRequest(
                store_id=1,
                event_id=f"o{number}",
                decision_seq=1,
                customer_key=f"c{number}",
                order_id=str(number),
                order_amount=money,
                net_sales=money,
                ordered_at=time_to_proto(at),
                paid_at=time_to_proto(at),
                source=pb.ORDER_SOURCE_HISTORY,
            )
        )
    for begin in range(0, len(told), 300):
        await agent.call("BatchUpdateOrders", pb.BatchUpdateOrdersRequest(requests=told[begin : begin + 300]))


async def test_registered_promotions_are_listed_renamed_and_taken_back(agent: Any) -> None:
    spring, autumn = dt.date(2026, 3, 1), dt.date(2026, 9, 1)
    answer = await agent.call("PutPromotions", put("p1", promotion(autumn), promotion(spring, name="spring")))
    assert [own.promotion_id for own in answer.promotions] == [1, 2]
    assert answer.promotions[0].registered_at == time_to_proto(NOW)
    assert [own.promotion.name for own in await listed(agent)] == ["spring", ""]
    renamed = await agent.call("PutPromotions", put("p2", promotion(autumn, name="autumn"), promotion(spring, 3)))
    assert [own.promotion_id for own in renamed.promotions] == [1, 4]
    assert [own.promotion.name for own in await listed(agent)] == ["", "spring", "autumn"]
    removal = pb.RemovePromotionRequest(store_id=1, event_id="r1", promotion_id=4)
    removed = await agent.call("RemovePromotion", removal)
    assert removed.promotion.promotion == promotion(spring, 3)
    assert [own.promotion_id for own in await listed(agent)] == [2, 1]
    again = await agent.call("PutPromotions", put("p3", promotion(spring, 3)))
    assert again.promotions[0].promotion_id == 6  # Numbers are never used again.
    assert list(await listed(agent, 2)) == []


async def test_an_event_counts_once_and_other_content_is_refused(agent: Any) -> None:
    first = await agent.call("PutPromotions", put("p1", promotion(dt.date(2026, 3, 1))))
    await agent.call("RemovePromotion", pb.RemovePromotionRequest(store_id=1, event_id="r1", promotion_id=1))
    assert await agent.call("PutPromotions", put("p1", promotion(dt.date(2026, 3, 1)))) == first
    assert list(await listed(agent)) == []
    await agent.call("RemovePromotion", pb.RemovePromotionRequest(store_id=1, event_id="r1", promotion_id=1))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await agent.call("PutPromotions", put("p1", promotion(dt.date(2026, 3, 2))))
    assert refused.value.code() == grpc.StatusCode.ALREADY_EXISTS


async def test_what_cannot_be_registered_is_refused_with_a_reason(agent: Any) -> None:
    many = [promotion(dt.date(2020, 1, 1) + dt.timedelta(days=number), 1) for number in range(500)]
    await agent.call("PutPromotions", put("p0", *many))
    start = dt.date(2026, 3, 1)
    for method, request, reason in [
        ("PutPromotions", put("p1"), "NO_PROMOTION"),
        ("PutPromotions", put("", promotion(start)), "BAD_TEXT"),
        ("PutPromotions", put("p1", promotion(start), store_id=0), "BAD_STORE"),
        ("PutPromotions", put("p1", promotion(start, 0)), "BAD_PROMOTION"),
        ("PutPromotions", put("p1", promotion(start, 367)), "BAD_PROMOTION"),
        ("PutPromotions", put("p1", promotion(start, name="n" * 201)), "BAD_PROMOTION"),
        ("PutPromotions", put("p1", pb.ShopPromotion(first_day=Date(year=2026, month=2, day=30))), "BAD_PROMOTION"),
        ("PutPromotions", put("p1", promotion(start)), "TOO_MANY_PROMOTIONS"),
        (
            "RemovePromotion",
            pb.RemovePromotionRequest(store_id=1, event_id="r1", promotion_id=501),
            "PROMOTION_UNKNOWN",
        ),
    ]:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await agent.call(method, request)
        assert from_rpc_error(refused.value).reason == reason
    assert len(await listed(agent)) == 500


@pytest.mark.slow
async def test_the_forecast_is_made_anew_and_shows_what_promotions_did(agent: Any) -> None:
    await tell_history(agent)
    before = (await agent.call("UpdateBaselineMetrics", ask("b1"))).baseline
    assert (before.seasonal.promotions, before.seasonal.HasField("promotion_effect")) == (0, False)
    await agent.call("PutPromotions", put("p1", *(promotion(first, name="sale") for first in SALES)))
    after = await made_anew(agent, 2)
    assert after.promotion_effect == pytest.approx(0.5, abs=0.12)
    assert [own.first_day for own in after.promotion_periods] == [day(first) for first in SALES]
    assert (after.promotions, after.promotion_periods[0].name) == (5, "sale")
    assert after.trained_on == before.seasonal.trained_on

    await agent.call("PutPromotions", put("p2", promotion(dt.date(2026, 12, 1), 24, "planned")))
    planned = await made_anew(agent, 3)
    assert planned.month.expected.units > 1.2 * after.month.expected.units

    removal = pb.RemovePromotionRequest(store_id=1, event_id="r1", promotion_id=6)
    assert (await agent.call("RemovePromotion", removal)).promotion.promotion.name == "planned"
    assert (await made_anew(agent, 4)).month == after.month

    baseline = (await agent.call("GetBaseline", pb.GetBaselineRequest(store_id=1))).baseline
    assert (baseline.revenue, baseline.computed_at) == (before.revenue, before.computed_at)  # What is settled on stays.


async def test_promotions_registered_before_the_baseline_count_with_those_told(agent: Any) -> None:
    await tell_history(agent)
    await agent.call("PutPromotions", put("p1", *(promotion(first) for first in SALES[:3])))
    told = [promotion(first, name="told") for first in SALES[2:]]
    found = (await agent.call("UpdateBaselineMetrics", ask("b1", promotions=told))).baseline.seasonal
    assert [own.first_day for own in found.promotion_periods] == [day(first) for first in SALES]
    assert [own.name for own in found.promotion_periods] == ["", "", "", "told", "told"]
    assert (await seasonal(agent)).revision == 1  # Nothing is stale.
