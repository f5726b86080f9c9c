"""Which days a forecast learns from, and what it says of a month."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from google.type.date_pb2 import Date

from kiki.council.syncvalue.convert_forecast import seasonal_message
from kiki.council.syncvalue.convert_promotions import promotions
from kiki.council.syncvalue.counterfactual import Counterfactual, Expected, days_of, learning_span
from kiki.council.syncvalue.domain import Basis
from kiki.council.syncvalue.errors import BadRequest
from kiki.council.syncvalue.seasonal.outlook import TrackRecord
from kiki.rpc.v1 import syncvalue_pb2

BERLIN = ZoneInfo("Europe/Berlin")
END = dt.datetime(2025, 6, 30, 22, tzinfo=dt.UTC)
"""The first instant of July in Berlin."""


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("history_from", "first_order", "first_day"),
    [
        (None, "2024-03-05T12:00", "2024-03-05"),
        ("2024-03-04T23:00", "2024-03-01T12:00", "2024-03-05"),
        ("2024-03-04T22:00", "2024-03-01T12:00", "2024-03-05"),
        ("2024-01-01T00:00", "2024-03-05T12:00", "2024-03-06"),
        (None, "2010-01-01T12:00", "2020-07-01"),
    ],
    ids=["first order", "midnight", "before midnight", "order after history", "five years"],
)
def test_learning_begins_with_the_first_whole_day_known(
    history_from: str | None, first_order: str, first_day: str
) -> None:
    span = learning_span(END, BERLIN, at(history_from) if history_from else None, at(first_order))
    assert span == (dt.date.fromisoformat(first_day), dt.date(2025, 7, 1))


def test_nothing_before_the_connection_is_nothing_to_learn_from() -> None:
    assert learning_span(END, BERLIN, None, None) is None
    assert learning_span(END, BERLIN, None, at("2025-07-02T00:00")) is None


def test_days_follow_the_clock_of_the_store() -> None:
    edges = days_of(dt.date(2025, 3, 29), dt.date(2025, 3, 31), BERLIN)
    assert [(b - a).total_seconds() / 3600 for a, b in pairwise(edges)] == [24, 23]


FORECAST = Counterfactual(
    store_id=1,
    currency="EUR",
    basis=Basis.NET_SALES,
    time_zone="Europe/Berlin",
    first_month=dt.date(2025, 11, 1),
    promotions=(),
    problem="",
    model="seasonal-1",
    months=tuple(Expected(100 + k, 90, 110 + k) for k in range(24)),
    year=Expected(1266, 1200, 1300),
    tested=TrackRecord(3, 0.04, 0.2, 0.08, 0.25, 1.0),
    seasonal_recommended=True,
)


def test_a_month_is_found_over_the_turn_of_the_year() -> None:
    assert FORECAST.of_month(2025, 11) == Expected(100, 90, 110)
    assert FORECAST.of_month(2026, 2) == Expected(103, 90, 113)
    assert FORECAST.of_month(2025, 10) is None
    assert FORECAST.of_month(2027, 11) is None


def test_the_message_names_the_month_only_when_it_was_forecast() -> None:
    told = seasonal_message(FORECAST, (2026, 2))
    assert (told.month.month, told.month.expected.nanos) == (Date(year=2026, month=2, day=1), 30_000_000)
    assert told.recommended == syncvalue_pb2.BASELINE_METHOD_SEASONAL
    assert (told.back_test.origins, told.back_test.error) == (3, 0.04)
    assert not seasonal_message(FORECAST, (2024, 2)).HasField("month")
    assert not seasonal_message(FORECAST, None).HasField("month")


def test_promotions_need_days_that_exist_in_their_order() -> None:
    def told(first: tuple[int, int, int], last: tuple[int, int, int]) -> syncvalue_pb2.ShopPromotion:
        days = [Date(year=day[0], month=day[1], day=day[2]) for day in (first, last)]
        return syncvalue_pb2.ShopPromotion(first_day=days[0], last_day=days[1])

    assert promotions([told((2025, 1, 1), (2025, 1, 1))])[0].first == dt.date(2025, 1, 1)
    for first, last in [((2025, 2, 30), (2025, 3, 1)), ((2025, 2, 2), (2025, 2, 1)), ((2025, 2, 2), (0, 0, 0))]:
        with pytest.raises(BadRequest) as refused:
            promotions([told(first, last)])
        assert refused.value.reason == "BAD_PROMOTION"
    with pytest.raises(BadRequest):
        promotions([told((2025, 1, 1), (2025, 1, 1))] * 501)
