"""Values of a store without a fit: sensible, bounded, monotone; baselines and folds."""

from __future__ import annotations

import datetime as dt

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kiki.council.syncvalue.baseline import available_months, divided, month_start, months_before, zone
from kiki.council.syncvalue.domain import Customer, Order, Segment, StoreModel
from kiki.council.syncvalue.fitting import fit
from kiki.council.syncvalue.history import fold
from kiki.council.syncvalue.ltv import value
from kiki.council.syncvalue.models.prior_model import NAME, prior_model

NOW = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
MODEL = StoreModel(mean_spend_minor=5_000)
PRIOR = prior_model()


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
    [found] = value(PRIOR, [someone], [MODEL], NOW)
    assert found.ltv_minor >= 0
    assert 0 <= found.churn_risk <= 1
    assert 0 <= found.confidence <= 1
    assert np.isfinite(found.expected_orders)
    assert 0 <= found.low_minor <= found.high_minor
    assert found.ltv_minor <= found.lifetime_minor + 1
    assert (found.model_version, found.model_name) == (0, NAME)


@given(customers, st.integers(1, 10**8))
def test_value_grows_with_spend(someone: Customer, more: int) -> None:
    richer = someone._replace(spent_minor=someone.spent_minor + more)
    less, most = value(PRIOR, [someone, richer], [MODEL, MODEL], NOW)
    assert most.ltv_minor >= less.ltv_minor
    assert most.high_minor >= less.high_minor


@given(customers, st.floats(1, 1_000))
def test_risk_grows_with_silence(someone: Customer, days: float) -> None:
    now, later = (value(PRIOR, [someone], [MODEL], NOW + dt.timedelta(days=wait))[0] for wait in (0, days))
    assert later.churn_risk >= now.churn_risk - 1e-12


def test_recent_buyers_are_worth_more() -> None:
    recent, long_gone = value(PRIOR, [customer(last=5), customer(last=150)], [MODEL, MODEL], NOW)
    assert recent.ltv_minor > long_gone.ltv_minor
    assert recent.churn_risk < long_gone.churn_risk


def test_the_first_order_ever_is_valued_with_an_interval_and_little_confidence() -> None:
    [found] = value(PRIOR, [customer(1, 8_000, 0, 0)], [StoreModel()], NOW)
    assert 0 == found.low_minor < found.ltv_minor < found.high_minor
    assert found.ltv_minor < found.lifetime_minor
    assert 0 < found.confidence < 0.25


def test_amounts_are_in_the_stores_own_orders() -> None:
    """Customers of a store of a hundred times the prices are worth a hundred times as much."""
    cheap = value(PRIOR, [customer(3, 15_000)], [StoreModel(mean_spend_minor=6_000)], NOW)[0]
    dear = value(PRIOR, [customer(3, 1_500_000)], [StoreModel(mean_spend_minor=600_000)], NOW)[0]
    for name in ("ltv_minor", "lifetime_minor", "high_minor"):
        assert abs(getattr(dear, name) - 100 * getattr(cheap, name)) <= 50
    assert (dear.confidence, dear.churn_risk, dear.segment) == (cheap.confidence, cheap.churn_risk, cheap.segment)


def test_customers_of_many_stores_are_valued_as_each_alone() -> None:
    some = [customer(1 + number % 4, 2_000 * (number + 1), 300, 7 * number) for number in range(12)]
    stores = [StoreModel(mean_spend_minor=1_000 * (number % 3)) for number in range(12)]
    together = value(PRIOR, some, stores, NOW)
    assert together == [value(PRIOR, [own], [store], NOW)[0] for own, store in zip(some, stores, strict=True)]


def test_fit_sets_quantiles_of_the_store() -> None:
    crowd = [customer(1 + i % 5, 1_000 * (i + 1), 300, 10 + i) for i in range(100)]
    model = fit(crowd, known=100, now=NOW, prior=PRIOR, low_share=0.5, high_share=0.2)
    segments = [found.segment for found in value(PRIOR, crowd, [model] * 100, NOW)]
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
