"""Protobuf ↔ SyncValue's values. Plain attribute access: this is on the hot path."""

from __future__ import annotations

import datetime as dt

from google.type.money_pb2 import Money as MoneyMessage

from kiki.council.syncvalue.convert_forecast import seasonal_message
from kiki.council.syncvalue.convert_promotions import promotions
from kiki.council.syncvalue.counterfactual import Counterfactual
from kiki.council.syncvalue.domain import (
    AtRisk,
    Baseline,
    BaselineAsked,
    Basis,
    Customer,
    Merge,
    Order,
    OrderTold,
    Revenue,
    Segment,
    Valuation,
)
from kiki.council.syncvalue.errors import BadRequest
from kiki.kit.digest import grown_digests, semantic_digest
from kiki.kit.grpc.money import minor_from_proto, minor_to_proto
from kiki.kit.grpc.times import optional_time_to_proto, time_from_proto, time_to_proto
from kiki.kit.money import check_currency
from kiki.kit.receipts import OnceItem
from kiki.rpc.v1 import common_pb2, syncvalue_pb2

_LATER_ASKED = ("promotions",)
"""Fields that `UpdateBaselineMetrics` got since its first version, in the order of their coming."""
_MAX_TEXT = 512
_MAX_UNITS = 2**31 - 1
_MAX_MINOR = 10**15
"""An order of more is a mistake; sums of thousands of such orders still fit 64 bits."""
_SEGMENTS = {
    Segment.UNKNOWN: syncvalue_pb2.CUSTOMER_SEGMENT_UNSPECIFIED,
    Segment.HIGH: syncvalue_pb2.CUSTOMER_SEGMENT_HIGH,
    Segment.MEDIUM: syncvalue_pb2.CUSTOMER_SEGMENT_MEDIUM,
    Segment.LOW: syncvalue_pb2.CUSTOMER_SEGMENT_LOW,
}
_BASES = {
    Basis.NET_SALES: syncvalue_pb2.REVENUE_BASIS_NET_SALES,
    Basis.TOTAL: syncvalue_pb2.REVENUE_BASIS_TOTAL,
}


def order_item(request: syncvalue_pb2.UpdateCustomerLTVRequest) -> OnceItem[Order]:
    """The order that a request tells. Raises `InvalidInput`."""
    store_id = _store(request.store_id)
    total, currency = minor_from_proto(request.order_amount)
    net, net_currency = minor_from_proto(request.net_sales) if request.HasField("net_sales") else (total, currency)
    if net_currency != currency:
        raise BadRequest("order_amount and net_sales have one currency", reason="CURRENCY_MISMATCH")
    if not (0 <= total <= _MAX_MINOR and 0 <= net <= _MAX_MINOR):
        raise BadRequest("amounts of an order are not negative and below 10^15 minor units", reason="BAD_AMOUNT")
    if not request.HasField("ordered_at"):
        raise BadRequest("ordered_at is missing", reason="BAD_TIME")
    ordered_at = request.ordered_at
    paid_at = request.paid_at if request.HasField("paid_at") else None
    units = 0
    for line in request.items:
        units += line.quantity
    order = Order(
        store_id,
        _text(request.order_id, "order_id"),
        request.decision_seq,
        _text(request.customer_key, "customer_key", empty=True),
        total,
        net,
        currency,
        time_from_proto(ordered_at),
        None if paid_at is None else time_from_proto(paid_at),
        request.source or syncvalue_pb2.ORDER_SOURCE_LIVE,
        min(max(units, 0), _MAX_UNITS),
        request.first_order,
        request.cancelled,
    )
    digest = semantic_digest(
        order[1:7],
        ordered_at.seconds,
        ordered_at.nanos,
        None if paid_at is None else (paid_at.seconds, paid_at.nanos),
        order[9:],
    )
    return OnceItem(store_id, _text(request.event_id, "event_id"), digest, order)


def order_answer(told: OrderTold) -> bytes:
    """The serialized answer to one order."""
    order, customer, valuation = told.order, told.customer, told.valuation
    if customer is None or valuation is None:
        return syncvalue_pb2.UpdateCustomerLTVResponse(
            order_id=order.order_id, customer_key=order.customer_key, applied=told.applied
        ).SerializeToString()
    currency = customer.currency
    answer = syncvalue_pb2.UpdateCustomerLTVResponse(
        order_id=order.order_id,
        customer_key=order.customer_key,
        predicted_ltv=_money(valuation.ltv_minor, currency),
        confidence=valuation.confidence,
        churn_risk=valuation.churn_risk,
        segment=_SEGMENTS[valuation.segment],
        order_count=customer.order_count,
        total_spent=_money(customer.spent_minor, currency),
        applied=told.applied,
        p_alive=valuation.p_alive,
    )
    _tell_prediction(answer, valuation, currency)
    return answer.SerializeToString()


def merge_item(request: syncvalue_pb2.MergeCustomersRequest) -> OnceItem[Merge]:
    """The merge asked for."""
    kept = _text(request.kept_customer_key, "kept_customer_key")
    merged = _text(request.merged_customer_key, "merged_customer_key")
    if kept == merged:
        raise BadRequest("a customer is merged into another one, got the same key twice", reason="SAME_CUSTOMER")
    store_id = _store(request.store_id)
    return OnceItem(
        store_id,
        _text(request.event_id, "event_id"),
        semantic_digest("merge", kept, merged),
        Merge(store_id, kept, merged),
    )


def merge_answer(kept: str, moved: int) -> bytes:
    """The serialized answer to a merge."""
    return syncvalue_pb2.MergeCustomersResponse(customer_key=kept, orders_moved=moved).SerializeToString()


def baseline_item(request: syncvalue_pb2.UpdateBaselineMetricsRequest) -> OnceItem[BaselineAsked]:
    """The baseline asked for."""
    span = _span(request.period) if request.HasField("period") else None
    if span is None and not request.HasField("connected_at"):
        raise BadRequest("connected_at is missing and no period is given", reason="BAD_TIME")
    asked = BaselineAsked(
        store_id=_store(request.store_id),
        span=span,
        connected_at=time_from_proto(request.connected_at),
        time_zone=_text(request.time_zone, "time_zone"),
        currency=check_currency(request.currency),
        basis=basis_of(request.basis),
        history_from=time_from_proto(request.history_from) if request.HasField("history_from") else None,
        promotions=promotions(request.promotions),
    )
    digest, former = grown_digests("baseline", asked, _LATER_ASKED)
    return OnceItem(asked.store_id, _text(request.event_id, "event_id"), digest, asked, former)


def baseline_answer(baseline: Baseline, forecast: Counterfactual | None) -> bytes:
    """The serialized answer to a baseline asked for."""
    return syncvalue_pb2.UpdateBaselineMetricsResponse(
        baseline=baseline_message(baseline, forecast, None)
    ).SerializeToString()


def baseline_message(
    baseline: Baseline, forecast: Counterfactual | None, month: tuple[int, int] | None
) -> syncvalue_pb2.Baseline:
    """A baseline, with the forecast beside it and what that says of a month."""
    currency = baseline.currency
    return syncvalue_pb2.Baseline(
        period=common_pb2.Period(start=time_to_proto(baseline.start), end=time_to_proto(baseline.end)),
        revenue=_money(baseline.revenue_minor, currency),
        monthly_average=_money(baseline.monthly_average_minor, currency),
        average_order_value=_money(baseline.average_order_minor, currency),
        orders=baseline.orders,
        unique_customers=baseline.unique_customers,
        repeat_customer_rate=baseline.repeat_rate,
        months_available=baseline.months_available,
        complete=baseline.complete,
        skipped_orders=baseline.skipped_orders,
        basis=_BASES[baseline.basis],
        time_zone=baseline.time_zone,
        computed_at=time_to_proto(baseline.computed_at),
        method=syncvalue_pb2.BASELINE_METHOD_PLAIN_AVERAGE,
        seasonal=None if forecast is None else seasonal_message(forecast, month),
    )


def as_of(request: syncvalue_pb2.GetCustomerLTVRequest) -> dt.datetime | None:
    """The time asked for, None for now."""
    return time_from_proto(request.as_of) if request.HasField("as_of") else None


def customer_message(
    key: str, customer: Customer, valuation: Valuation, at: dt.datetime
) -> syncvalue_pb2.GetCustomerLTVResponse:
    """A customer's value."""
    answer = syncvalue_pb2.GetCustomerLTVResponse(
        customer_key=key,
        predicted_ltv=_money(valuation.ltv_minor, customer.currency),
        confidence=valuation.confidence,
        churn_risk=valuation.churn_risk,
        segment=_SEGMENTS[valuation.segment],
        order_count=customer.order_count,
        total_spent=_money(customer.spent_minor, customer.currency),
        first_order_at=optional_time_to_proto(customer.first_order_at),
        last_order_at=optional_time_to_proto(customer.last_order_at),
        expected_orders=valuation.expected_orders,
        model=valuation.model_name,
        p_alive=valuation.p_alive,
        valued_at=time_to_proto(at),
    )
    _tell_prediction(answer, valuation, customer.currency)
    return answer


def risk_message(risk: AtRisk) -> syncvalue_pb2.ChurnRisk:
    """A customer at risk."""
    return syncvalue_pb2.ChurnRisk(
        customer_key=risk.customer_key,
        churn_risk=risk.valuation.churn_risk,
        days_since_last_order=risk.days_since_last_order,
        predicted_ltv=_money(risk.valuation.ltv_minor, risk.customer.currency),
        segment=_SEGMENTS[risk.valuation.segment],
        order_count=risk.customer.order_count,
        last_order_at=optional_time_to_proto(risk.customer.last_order_at),
    )


def revenue_message(revenue: Revenue, average_minor: int, currency: str) -> syncvalue_pb2.GetRevenueInPeriodResponse:
    """Revenue of a span."""
    return syncvalue_pb2.GetRevenueInPeriodResponse(
        revenue=_money(revenue.revenue_minor, currency),
        orders=revenue.orders,
        unique_customers=revenue.unique_customers,
        average_order_value=_money(average_minor, currency),
        skipped_orders=revenue.skipped_orders,
    )


def span_of(period: common_pb2.Period) -> tuple[dt.datetime, dt.datetime]:
    """A half-open span that is not empty."""
    return _span(period)


def basis_of(number: int) -> Basis:
    """The basis; unspecified means net sales."""
    return Basis.TOTAL if number == Basis.TOTAL.value else Basis.NET_SALES


def month_of(request: syncvalue_pb2.GetBaselineRequest) -> tuple[int, int] | None:
    """The month asked for, None for none."""
    year, month = request.year, request.month
    if not year and not month:
        return None
    if not (1 <= year <= 9998 and 1 <= month <= 12):
        raise BadRequest(f"a month has a year and a number from 1 to 12, got {year}-{month}", reason="BAD_MONTH")
    return year, month


def _span(period: common_pb2.Period) -> tuple[dt.datetime, dt.datetime]:
    if not (period.HasField("start") and period.HasField("end")):
        raise BadRequest("a period has a start and an end", reason="BAD_PERIOD")
    start, end = time_from_proto(period.start), time_from_proto(period.end)
    if start >= end:
        raise BadRequest("a period ends after its start", reason="BAD_PERIOD")
    return start, end


def _store(store_id: int) -> int:
    if store_id <= 0:
        raise BadRequest(f"store_id is a positive number, got {store_id}", reason="BAD_STORE")
    return store_id


def _text(text: str, field: str, *, empty: bool = False) -> str:
    if (not text and not empty) or len(text) > _MAX_TEXT or "\0" in text:
        raise BadRequest(f"{field} has 1 to {_MAX_TEXT} characters and no NUL, got {len(text)}", reason="BAD_TEXT")
    return text


def _tell_prediction(
    answer: syncvalue_pb2.UpdateCustomerLTVResponse | syncvalue_pb2.GetCustomerLTVResponse,
    valuation: Valuation,
    currency: str,
) -> None:
    """What only a model says: later than twelve months, and how sure."""
    answer.model_version = valuation.model_version
    answer.lifetime_value.CopyFrom(_money(valuation.lifetime_minor, currency))
    answer.interval_low.CopyFrom(_money(valuation.low_minor, currency))
    answer.interval_high.CopyFrom(_money(valuation.high_minor, currency))


def _money(minor: int, currency: str) -> MoneyMessage:
    return minor_to_proto(minor, currency)
