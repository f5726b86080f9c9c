"""What is left of an order: the same minor unit in the books as in what SyncValue is told."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from hypothesis import example, given
from hypothesis import strategies as st

from kiki.commerce.orders import OrderRow
from kiki.council.syncledger.domain import Basis, Books, RefundTold, RevenueTold, Rule, Terms
from kiki.council.syncledger.recording import Recorder
from kiki.kit.grpc.money import money_to_proto
from kiki.kit.money import Money, exchanged, proportion
from kiki.orchestrator import settlement
from kiki.orchestrator.workflows.valuing import left

AT = dt.datetime(2026, 3, 10, tzinfo=dt.UTC)
CURRENCIES = st.sampled_from(["JPY", "EUR", "KWD"])
AMOUNTS = st.integers(0, 10**9) | st.integers(0, 20)
RATES = st.decimals("0.000001", "10000", places=6).map(str)


def order(currency: str, total: int, net: int, refunded: int) -> OrderRow:
    return OrderRow(
        store_id=1,
        order_id="a",
        number="",
        status="",
        customer_key="",
        placed_at=AT,
        paid_at=AT,
        cancelled_at=None,
        deleted_at=None,
        updated_at=AT,
        triggered_at=AT,
        currency=currency,
        total_minor=total,
        net_minor=net,
        refunded_minor=refunded,
        settlement_currency=None,
        exchange_rate=None,
        is_test=False,
        live=True,
        lines_digest=b"",
    )


def booked(basis: Basis, currency: str, into: str, rate: str, total: int, net: int, refunds: list[int]) -> int:
    """What SyncLedger holds of the order after its refunds, told one by one."""
    terms = Terms(1, 1, 200_000, basis, Rule.ATTRIBUTED, into, "Europe/Berlin", AT, None, 2026 * 12 + 2)
    recorder = Recorder({1: Books(1, None, (terms,))}, {}, {}, 1)
    recorder.revenue(RevenueTold(1, "a", 1, currency, total, net, None, 0.8, AT, AT, rate, False, b""))
    for number, amount in enumerate(refunds):
        recorder.refund(RefundTold(1, "a", f"r{number}", amount, currency, False, AT))
    state = recorder.orders[1, "a"]
    assert sum(entry.revenue_minor for entry in recorder.entries) == state.booked_revenue - state.reversed_revenue
    return state.booked_revenue - state.reversed_revenue


@given(
    st.sampled_from(list(Basis)),
    CURRENCIES,
    CURRENCIES,
    RATES,
    AMOUNTS,
    AMOUNTS,
    st.lists(AMOUNTS | st.integers(0, 3), max_size=4),
)
@example(Basis.NET_SALES, "EUR", "EUR", "1", 2, 1, [1])
@example(Basis.NET_SALES, "EUR", "KWD", "0.333333", 11_900, 10_000, [5_951])
def test_the_books_keep_of_an_order_what_syncvalue_is_told(
    basis: Basis, currency: str, into: str, rate: str, total: int, net: int, refunds: list[int]
) -> None:
    row = order(currency, total, net, sum(refunds))
    own = net if basis is Basis.NET_SALES else total
    amount = own if currency == into else exchanged(own, currency, into, Decimal(rate))
    assert settlement.kept(row, amount) == booked(basis, currency, into, rate, total, net, refunds)


@given(AMOUNTS, AMOUNTS, st.lists(AMOUNTS, max_size=4))
def test_what_is_kept_is_never_negative_nor_more_than_before(total: int, net: int, refunds: list[int]) -> None:
    kept = [settlement.kept_amounts(order("EUR", total, net, sum(refunds[:told]))) for told in range(len(refunds) + 1)]
    assert kept[0] == (total, net)
    assert kept == sorted(kept, reverse=True)
    assert all(left_total >= 0 and left_net >= 0 for left_total, left_net in kept)
    assert kept[-1][0] == max(0, total - sum(refunds))


@given(st.integers(0, 10**15), st.integers(-5, 10**15), st.integers(-5, 10**15))
def test_a_proportion_lies_between_nothing_and_all(minor: int, part: int, whole: int) -> None:
    taken = proportion(minor, part, whole)
    assert 0 <= taken <= minor
    if 0 < part < whole:
        assert abs(2 * (taken * whole - minor * part)) <= whole
    else:
        assert taken == (minor if part > 0 else 0)


def test_what_syncvalue_is_told_in_the_stores_currency_is_what_is_booked() -> None:
    """One cent of two comes back, at a rate of 0.5: the one cent that was booked goes, though half a cent is left."""

    class _Store:
        currency = "EUR"

    class _View:
        store = _Store()

    row = order("USD", 2, 2, 1)
    told = left(_View(), row, row.net_minor, Decimal("0.5"))  # type: ignore[arg-type]  # all that it reads of a view
    assert told == money_to_proto(Money(booked(Basis.NET_SALES, "USD", "EUR", "0.5", 2, 2, [1]), "EUR"))
