"""The seasonal forecast beside the baseline, over gRPC on PostgreSQL, computed in a process of its own."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import grpc
import pytest
from google.type.date_pb2 import Date
from google.type.money_pb2 import Money

from kiki.council.syncvalue.domain import Basis
from kiki.council.syncvalue.repository import baselines
from kiki.kit.database import Database
from kiki.kit.grpc.status import from_rpc_error
from kiki.kit.grpc.times import time_to_proto
from kiki.rpc.v1 import syncvalue_pb2 as pb

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
CONNECTED = NOW - dt.timedelta(days=2)


def ask(event: str, **more: Any) -> Any:
    return pb.UpdateBaselineMetricsRequest(
        store_id=1,
        event_id=event,
        connected_at=time_to_proto(CONNECTED),
        time_zone="America/New_York",
        currency="EUR",
        **more,
    )


def order(number: str, at: dt.datetime, units: int, **more: Any) -> Any:
    money = Money(currency_code=more.pop("currency", "EUR"), units=units)
    return pb.UpdateCustomerLTVRequest(
        store_id=1,
        event_id=f"o{number}",
        decision_seq=1,
        customer_key=f"c{number}",
        order_id=number,
        order_amount=money,
        net_sales=money,
        ordered_at=time_to_proto(at),
        paid_at=time_to_proto(at),
        source=pb.ORDER_SOURCE_HISTORY,
        **more,
    )


async def tell_history(agent: Any, days: int) -> None:
    """An order every second day, with a season."""
    first = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC) - dt.timedelta(days=days)
    told = []
    for k in range(0, days, 2):
        at = first + dt.timedelta(days=k)
        told.append(order(str(k), at, round(100 + 60 * math.cos(2 * math.pi * at.timetuple().tm_yday / 365))))
    for begin in range(0, len(told), 300):
        await agent.call("BatchUpdateOrders", pb.BatchUpdateOrdersRequest(requests=told[begin : begin + 300]))


async def test_a_forecast_is_kept_beside_the_plain_average(agent: Any) -> None:
    await tell_history(agent, 1000)
    computed = (await agent.call("UpdateBaselineMetrics", ask("b1"))).baseline
    assert computed.method == pb.BASELINE_METHOD_PLAIN_AVERAGE
    seasonal = computed.seasonal
    assert (seasonal.model, seasonal.problem, seasonal.revision) == ("seasonal-2", "", 1)
    assert seasonal.yearly_season
    assert seasonal.history_months == 32
    assert seasonal.back_test.origins == 3
    assert seasonal.trained_on.end == computed.period.end
    assert seasonal.year.lower.units < seasonal.year.expected.units < seasonal.year.upper.units
    assert seasonal.year.expected.units == pytest.approx(365 / 2 * 100, rel=0.15)
    assert not seasonal.HasField("month")

    december = (await agent.call("GetBaseline", pb.GetBaselineRequest(store_id=1, year=2026, month=12))).baseline
    june = (await agent.call("GetBaseline", pb.GetBaselineRequest(store_id=1, year=2027, month=6))).baseline
    assert december.monthly_average == june.monthly_average == computed.monthly_average
    assert december.seasonal.month.expected.units > 1.5 * june.seasonal.month.expected.units
    assert december.seasonal.month.month == Date(year=2026, month=12, day=1)
    before = (await agent.call("GetBaseline", pb.GetBaselineRequest(store_id=1, year=2026, month=10))).baseline
    assert not before.seasonal.HasField("month")
    again = (await agent.call("UpdateBaselineMetrics", ask("b1"))).baseline
    assert again == computed


async def test_an_earlier_forecast_is_answered_as_it_was(agent: Any) -> None:
    await tell_history(agent, 500)
    first = (await agent.call("UpdateBaselineMetrics", ask("b1"))).baseline
    agent.clock.advance(dt.timedelta(days=40))
    promotion = pb.ShopPromotion(first_day=Date(year=2026, month=3, day=1), last_day=Date(year=2026, month=3, day=20))
    await agent.call("UpdateBaselineMetrics", ask("b2", promotions=[promotion]))
    last = (await agent.call("GetBaseline", pb.GetBaselineRequest(store_id=1))).baseline.seasonal
    assert (last.revision, last.promotions) == (2, 1)
    as_of = time_to_proto(NOW + dt.timedelta(days=1))
    then = (await agent.call("GetBaseline", pb.GetBaselineRequest(store_id=1, as_of=as_of))).baseline.seasonal
    assert then == first.seasonal
    earlier = pb.GetBaselineRequest(store_id=1, as_of=time_to_proto(NOW - dt.timedelta(days=1)))
    assert not (await agent.call("GetBaseline", earlier)).baseline.HasField("seasonal")


async def test_what_cannot_be_forecast_says_why_and_keeps_the_plain_average(agent: Any) -> None:
    nothing = (await agent.call("UpdateBaselineMetrics", ask("b0"))).baseline
    assert (nothing.seasonal.problem, nothing.seasonal.model) == ("NO_HISTORY", "")
    await agent.call("UpdateCustomerLTV", order("1", NOW - dt.timedelta(days=60), 100))
    short = (await agent.call("UpdateBaselineMetrics", ask("b1"))).baseline
    assert short.seasonal.problem == "TOO_SHORT"
    assert short.seasonal.recommended == pb.BASELINE_METHOD_PLAIN_AVERAGE
    assert short.revenue.units == 100


async def test_bad_months_and_promotions_are_refused(agent: Any) -> None:
    bad = pb.ShopPromotion(first_day=Date(year=2026, month=3, day=2), last_day=Date(year=2026, month=3, day=1))
    for method, request, reason in [
        ("GetBaseline", pb.GetBaselineRequest(store_id=1, year=2026, month=13), "BAD_MONTH"),
        ("GetBaseline", pb.GetBaselineRequest(store_id=1, month=3), "BAD_MONTH"),
        ("UpdateBaselineMetrics", ask("b1", promotions=[bad]), "BAD_PROMOTION"),
    ]:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await agent.call(method, request)
        assert from_rpc_error(refused.value).reason == reason


async def test_days_are_those_of_the_store(agent: Any) -> None:
    """Midnight in New York is five hours after midnight UTC."""
    late = dt.datetime(2026, 1, 2, 4, 59, tzinfo=dt.UTC)
    told = [
        order("1", late, 10),
        order("2", late + dt.timedelta(minutes=1), 7),
        order("3", late, 5, currency="USD"),
        order("4", late, 3, cancelled=True),
        order("5", late + dt.timedelta(days=9), 1),
    ]
    await agent.call("BatchUpdateOrders", pb.BatchUpdateOrdersRequest(requests=told))
    edges = [dt.datetime(2026, 1, day, 5, tzinfo=dt.UTC) for day in (1, 2, 3, 4)]
    async with (
        Database.open(agent.dsn, application_name="test", max_size=1) as database,
        database.connection() as connection,
    ):
        found = await baselines.daily_revenue(connection, 1, edges, "EUR", Basis.TOTAL)
    assert found == [1000, 700, 0]
