"""Protobuf ↔ the seasonal forecast beside a baseline."""

from __future__ import annotations

from google.type.date_pb2 import Date

from kiki.council.syncvalue.convert_promotions import promotion_message
from kiki.council.syncvalue.counterfactual import Counterfactual, Expected
from kiki.council.syncvalue.seasonal.outlook import TrackRecord
from kiki.kit.grpc.money import minor_to_proto
from kiki.kit.grpc.times import time_to_proto
from kiki.rpc.v1 import common_pb2, syncvalue_pb2


def seasonal_message(forecast: Counterfactual, month: tuple[int, int] | None) -> syncvalue_pb2.SeasonalBaseline:
    """A forecast, and what it says of the month when there is one."""
    expected = None if month is None else forecast.of_month(*month)
    recommended = (
        syncvalue_pb2.BASELINE_METHOD_SEASONAL
        if forecast.seasonal_recommended
        else syncvalue_pb2.BASELINE_METHOD_PLAIN_AVERAGE
    )
    message = syncvalue_pb2.SeasonalBaseline(
        model=forecast.model,
        problem=forecast.problem,
        interval_level=forecast.level,
        history_months=forecast.history_months,
        yearly_season=forecast.yearly,
        promotions=len(forecast.promotions),
        promotion_periods=[promotion_message(promotion) for promotion in forecast.promotions],
        promotion_effect=forecast.promotion_effect,
        back_test=None if forecast.tested is None else _back_test(forecast.tested),
        recommended=recommended,
        revision=forecast.revision,
    )
    if expected is not None and month is not None:
        message.month.CopyFrom(_expected(expected, forecast.currency))
        message.month.month.CopyFrom(Date(year=month[0], month=month[1], day=1))
    if forecast.year is not None:
        message.year.CopyFrom(_expected(forecast.year, forecast.currency))
    if forecast.trained_from is not None and forecast.trained_to is not None:
        trained = common_pb2.Period(start=time_to_proto(forecast.trained_from), end=time_to_proto(forecast.trained_to))
        message.trained_on.CopyFrom(trained)
    if forecast.computed_at is not None:
        message.computed_at.CopyFrom(time_to_proto(forecast.computed_at))
    return message


def _expected(span: Expected, currency: str) -> syncvalue_pb2.ExpectedRevenue:
    return syncvalue_pb2.ExpectedRevenue(
        expected=minor_to_proto(span.expected, currency),
        lower=minor_to_proto(span.lower, currency),
        upper=minor_to_proto(span.upper, currency),
    )


def _back_test(tested: TrackRecord) -> syncvalue_pb2.BaselineBackTest:
    return syncvalue_pb2.BaselineBackTest(
        origins=tested.origins,
        error=tested.error,
        plain_error=tested.plain_error,
        month_error=tested.month_error,
        plain_month_error=tested.plain_month_error,
        interval_coverage=tested.covered,
    )
