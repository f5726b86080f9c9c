"""The first model: sensible, bounded, monotone; baselines and folds."""

from __future__ import annotations

import datetime as dt

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kiki.council.syncvalue.baseline import available_months, divided, month_start, months_before, zone
from kiki.council.syncvalue.domain import Customer, Order, Segment, StoreModel
from kiki.council.syncvalue.fitting import fit
from kiki.council.syncvalue.history import fold
from kiki.council.syncvalue.ltv import ShrinkagePredictor, value

NOW = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
MODEL = StoreModel(mean_spend_minor=5_000)
PREDICTOR = ShrinkagePredictor()


def customer(count: int = 3, spent: int = 15_000, first: float = 200, last: float = 20) -> Customer:
    return Customer(
        "EUR",
        count,
        count,
        spent,
        NOW - dt.timedelta(days=first),
        NOW - dt.timedelta(days=last if count > 1 else first),
    )


customers = st.builds(
    lambda count, spent, first, part: customer(count, spent, first, first * part),
    st.integers(1, 200),
    st.integers(0, 10**9),
    st.floats(0, 5_000),
    st.floats(0, 1),
)


@given(customers)
def test_predictions_are_bounded(someone: Customer) -> None:
    [found] = value(PREDICTOR, [someone], [MODEL], NOW)
    assert found.ltv_minor >= 0
    assert 0 <= found.churn_risk <= 1
    assert 0 <= found.confidence <= 1
    assert np.isfinite(found.expected_orders)


@given(customers, st.integers(1, 10**8))
def test_value_grows_with_spend(someone: Customer, more: int) -> None:
    richer = someone._replace(spent_minor=someone.spent_minor + more)
    less, most = value(PREDICTOR, [someone, richer], [MODEL, MODEL], NOW)
    assert most.ltv_minor >= less.ltv_minor


@given(customers, st.floats(1, 1_000))
def test_risk_grows_with_silence(someone: Customer, days: float) -> None:
    now, later = (value(PREDICTOR, [someone], [MODEL], NOW + dt.timedelta(days=wait))[0] for wait in (0, days))
    assert later.churn_risk >= now.churn_risk - 1e-12


def test_recent_buyers_are_worth_more() -> None:
    recent, long_gone = value(PREDICTOR, [customer(last=5), customer(last=150)], [MODEL, MODEL], NOW)
    assert recent.ltv_minor > long_gone.ltv_minor
    assert recent.churn_risk < long_gone.churn_risk


def test_fit_sets_quantiles_of_the_store() -> None:
    crowd = [customer(1 + i % 5, 1_000 * (i + 1), 300, 10 + i) for i in range(100)]
    model = fit(crowd, known=100, now=NOW, predictor=PREDICTOR, low_share=0.5, high_share=0.2)
    segments = [found.segment for found in value(PREDICTOR, crowd, [model] * 100, NOW)]
    assert segments.count(Segment.HIGH) == 20
    assert segments.count(Segment.LOW) == 50


def test_baseline_months_are_whole_and_local() -> None:
    tz = zone("Europe/Berlin")
    months = months_before(dt.datetime(2026, 3, 31, 22, 30, tzinfo=dt.UTC), tz)
    assert month_start(months.start, tz) == dt.datetime(2025, 3, 31, 22, tzinfo=dt.UTC)
    assert len(months) == 12
    assert len(available_months(months, tz, None, None)) == 0
    assert len(available_months(months, tz, dt.datetime(2026, 2, 10, tzinfo=dt.UTC), NOW)) == 1
    assert [divided(5, 2), divided(-5, 2), divided(7, 0)] == [3, -3, 0]


orders = st.builds(
    lambda number, seq, key, total, day, cancelled: Order(
        1, number, seq, key, total, total, "EUR", NOW - dt.timedelta(days=day), None, 1, 1, False, cancelled
    ),
    st.sampled_from(["1", "2", "3"]),
    st.integers(1, 3),
    st.sampled_from(["", "x", "y"]),
    st.integers(0, 1_000),
    st.integers(0, 3),
    st.booleans(),
)


@given(st.lists(orders, max_size=12))
def test_folded_customers_equal_a_recount(told: list[Order]) -> None:
    folded = fold(told, {}, {})
    for ref, found in folded.customers.items():
        if ref in folded.recount:
            continue
        own = [order for order in folded.orders.values() if order.customer_key == ref[1] and not order.cancelled]
        assert found.order_count == len(own)
        assert found.spent_minor == sum(order.total_minor for order in own)
        assert found.last_order_at == max(order.ordered_at for order in own)
