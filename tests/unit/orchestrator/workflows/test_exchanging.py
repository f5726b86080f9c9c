"""Whatever becomes known in whatever order: a foreign order is never told without a rate, and never at two."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from kiki.commerce.events import OrderObserved
from kiki.commerce.exchange.rates import LOOK_BACK, Rate, RateTable
from kiki.kit.money import Money
from kiki.orchestrator.lanes import Lane
from kiki.orchestrator.workflows import orders
from kiki.orchestrator.workflows.batch import Batch
from kiki.rpc.v1 import syncledger_pb2
from properties import examples
from unit.orchestrator.workflows.test_reordering import MINUTE, T0, batch_with_a_click, item, snapshot

DAY = dt.timedelta(days=1)
PAID = (T0 + MINUTE).date()
FACT = {"orders": [{"order_id": "1"}]}


def in_dollars(minute: int, *, paid: bool, cents: int, own: str | None) -> OrderObserved:
    """The order as the shop tells it at a minute; `own`: with a rate of the platform's."""
    told = snapshot(minute, paid=paid)
    return msgspec.structs.replace(
        told,
        currency="USD",
        total=Money(2 * cents, "USD"),
        net_sales=Money(cents, "USD"),
        lines=tuple(msgspec.structs.replace(line, net_total=Money(cents, "USD")) for line in told.lines),
        settlement_currency=None if own is None else "EUR",
        exchange_rate=own,
    )


SNAPSHOTS = st.builds(
    in_dollars,
    st.integers(0, 9),
    paid=st.booleans(),
    cents=st.integers(1, 3).map(lambda euros: euros * 10_000),
    own=st.sampled_from([None, None, "0.5", "0.55", "nonsense", "0"]),
)
TOLD = st.builds(
    Rate,
    st.just("USD"),
    st.just("EUR"),
    st.integers(-9, 2).map(lambda days: PAID + days * DAY),
    st.sampled_from(["0.8", "0.81", "0.82"]).map(Decimal),
    st.sampled_from(["ecb", "manual"]),
)
STEPS = st.lists(SNAPSHOTS | TOLD | st.just(DAY), max_size=12)


def fold(steps: Sequence[OrderObserved | Rate | dt.timedelta]) -> tuple[Batch, list[Rate]]:
    """Orders, rates and days as they come; after each rate and day the worker looks what waits."""
    batch, view = batch_with_a_click()
    known: list[Rate] = []
    for number, step in enumerate(steps):
        if isinstance(step, OrderObserved):
            batch.identities_of[id(step)] = []
            orders.order_observed(batch, view, item(step, number), step)
            continue
        if isinstance(step, Rate):
            known.append(step)
            batch.rates = RateTable(known)
        else:
            batch.now += step
        orders.rates_known(batch, view, item(snapshot(0, paid=False), number), FACT)
    return batch, known


def told(batch: Batch) -> list[tuple[str, dt.date, str]]:
    """Rate, day and source of each booking."""
    requests = [
        syncledger_pb2.RecordIncrementalRevenueRequest.FromString(call.request)
        for call in batch.out.calls
        if call.method == "RecordIncrementalRevenue"
    ]
    dates = [request.rate_date for request in requests]
    return [
        (request.exchange_rate, dt.date(date.year, date.month, date.day), request.rate_source)
        for request, date in zip(requests, dates, strict=True)
    ]


@given(STEPS)
@settings(max_examples=examples(400))
def test_an_order_is_booked_at_one_rate_of_its_week_or_waits(
    steps: Sequence[OrderObserved | Rate | dt.timedelta],
) -> None:
    batch, known = fold(steps)
    bookings = told(batch)
    assert len(set(bookings)) <= 1, "once used, a rate stays"
    for rate, day, source in bookings:
        if source == "platform":
            assert (rate in ("0.5", "0.55"), day) == (True, PAID)
        else:
            assert PAID - LOOK_BACK <= day <= PAID
            assert any((str(one.rate), one.day, one.source) == (rate, day, source) for one in known)
    order = batch.orders.get((1, "1"))
    waits = batch.out.waiting.get((1, "1")) is not None
    if order is not None and order.paid_at is not None and order.verdict == "incremental":
        assert (order.exchange_rate is None) == waits
        assert bool(bookings) == (not waits)
    assert not (waits and bookings)


@given(STEPS)
@settings(max_examples=examples(200))
def test_the_worker_that_looks_again_changes_nothing(steps: Sequence[OrderObserved | Rate | dt.timedelta]) -> None:
    batch, _ = fold(steps)
    calls = len(batch.out.calls)
    orders.rates_known(batch, batch.stores[1], item(snapshot(0, paid=False), 99), FACT)
    assert (len(batch.out.calls), batch.lane) == (calls, Lane.LIVE)
