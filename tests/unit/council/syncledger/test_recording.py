"""The rules of the books, over any sequence of facts."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from kiki.council.syncledger.domain import Basis, Books, EntryKind, RefundTold, RevenueTold, Rule, Terms
from kiki.council.syncledger.fees import FeeByRule, convert, fee_by_rule, fee_on, parse_rate, rate_text
from kiki.council.syncledger.months import month_of, month_span, zone
from kiki.council.syncledger.postings import check_balanced, postings_of
from kiki.council.syncledger.recording import Recorder
from kiki.kit.money import proportion, rounded

AT = dt.datetime(2026, 3, 10, tzinfo=dt.UTC)
TERMS = Terms(1, 1, 200_000, Basis.NET_SALES, Rule.ATTRIBUTED, "EUR", "Europe/Berlin", AT, None, 2026 * 12 + 2)
BOOKS = {1: Books(1, None, (TERMS,))}


def revenue(order: str, seq: int, charged: int, net: int) -> RevenueTold:
    at = AT + dt.timedelta(days=1)
    return RevenueTold(1, order, seq, "EUR", charged, net, None, 0.8, at, at, "", False, b"")


def refund(order: str, number: str, amount: int, *, cancellation: bool = False) -> RefundTold:
    return RefundTold(1, order, number, amount, "EUR", cancellation, AT + dt.timedelta(days=2))


def play(facts: list[RevenueTold | RefundTold]) -> Recorder:
    recorder = Recorder(BOOKS, {}, {}, 1)
    for fact in facts:
        if isinstance(fact, RevenueTold):
            recorder.revenue(fact)
        else:
            recorder.refund(fact)
        for state in recorder.orders.values():
            assert 0 <= state.reversed_revenue <= state.booked_revenue
            assert 0 <= state.reversed_fee <= state.booked_fee
    return recorder


def held(recorder: Recorder) -> dict[str, tuple[int, int]]:
    sums: dict[str, tuple[int, int]] = {}
    for entry in recorder.entries:
        revenue_minor, fee = sums.get(entry.order_id, (0, 0))
        sums[entry.order_id] = (revenue_minor + entry.revenue_minor, fee + entry.fee_minor)
    return {order: amounts for order, amounts in sums.items() if amounts != (0, 0)}


orders = st.sampled_from(["a", "b"])
revenues = st.builds(revenue, orders, st.integers(1, 4), st.integers(0, 10_000), st.integers(0, 9_000))
refunds = st.builds(
    lambda order, number, amount, all_of_it: refund(order, number, amount, cancellation=all_of_it),
    orders,
    st.sampled_from(["r1", "r2", "r3"]),
    st.integers(0, 9_000),
    st.booleans(),
)


@given(st.lists(st.one_of(revenues, refunds), max_size=20))
def test_postings_balance_for_any_sequence(facts: list[RevenueTold | RefundTold]) -> None:
    recorder = play(facts)
    check_balanced(postings_of(recorder.entries))
    for (_, order), state in recorder.orders.items():
        expected = (state.booked_revenue - state.reversed_revenue, state.booked_fee - state.reversed_fee)
        assert held(recorder).get(order, (0, 0)) == expected


@given(st.lists(st.one_of(revenues, refunds), max_size=20))
def test_entries_keep_what_their_amounts_follow_from(facts: list[RevenueTold | RefundTold]) -> None:
    """As the statement shows them: from what an entry keeps, and what was taken back before, follow revenue and fee."""
    facts = [fact for fact in facts if isinstance(fact, RefundTold) or fact.decision_seq == 1]
    charged: dict[str, int] = {}
    for fact in facts:
        if isinstance(fact, RevenueTold):
            charged.setdefault(fact.order_id, fact.charged_minor)
    taken: dict[int, tuple[int, int]] = {}
    booked: dict[int, tuple[int, int]] = {}
    for entry in play(facts).entries:
        if entry.kind is EntryKind.REVENUE:
            assert entry.counted_minor == entry.revenue_minor, "all of the net sales, in the settlement currency"
            assert entry.fee_rate_ppm is not None
            assert entry.fee_minor == fee_on(entry.revenue_minor, entry.fee_rate_ppm)
            booked[entry.entry_id], taken[entry.entry_id] = (entry.revenue_minor, entry.fee_minor), (0, 0)
            continue
        assert entry.returned_minor is not None
        due = [
            amount
            if entry.returned_minor >= charged[entry.order_id]
            else proportion(amount, entry.returned_minor, charged[entry.order_id])
            for amount in booked[entry.about]
        ]
        before = taken[entry.about]
        assert (-entry.revenue_minor, -entry.fee_minor) == (due[0] - before[0], due[1] - before[1])
        taken[entry.about] = (due[0], due[1])


@given(st.data())
def test_order_of_arrival_does_not_matter(data: st.DataObject) -> None:
    decisions = {(fact.order_id, fact.decision_seq): fact for fact in data.draw(st.lists(revenues, max_size=5))}
    facts: list[RevenueTold | RefundTold] = [*decisions.values(), *data.draw(st.lists(refunds, max_size=6))]
    shuffled = data.draw(st.permutations(facts))
    assert held(play(facts)) == held(play(list(shuffled)))


@given(st.lists(st.one_of(revenues, refunds), max_size=12))
def test_told_again_moves_nothing(facts: list[RevenueTold | RefundTold]) -> None:
    assert held(play(facts)) == held(play([*facts, *facts]))


def test_half_refund_told_twice_reverses_half_once() -> None:
    recorder = play([revenue("a", 1, 11_900, 10_000), refund("a", "r1", 5_950), refund("a", "r1", 5_950)])
    assert held(recorder) == {"a": (5_000, 1_000)}


def test_refunds_over_the_charge_reverse_all_and_no_more() -> None:
    recorder = play([revenue("a", 1, 1_000, 999), refund("a", "r1", 700), refund("a", "r2", 700)])
    assert held(recorder) == {}


def test_closed_month_bills_in_the_next_open_one() -> None:
    recorder = Recorder({1: Books(1, 2026 * 12 + 2, (TERMS,))}, {}, {}, 1)
    booked = recorder.revenue(revenue("a", 1, 1_000, 1_000))
    assert booked.state.billing_month == 2026 * 12 + 3
    assert recorder.entries[0].correction


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**9))
def test_rounding_is_half_away_from_zero(numerator: int, denominator: int) -> None:
    value = rounded(numerator, denominator)
    assert abs(2 * value * denominator - 2 * numerator) <= denominator
    assert rounded(-numerator, denominator) == -value


def test_fee_rates_and_conversions() -> None:
    assert [parse_rate("0.20"), parse_rate("0.125")] == [200_000, 125_000]
    assert [rate_text(200_000), rate_text(125_000), rate_text(0), rate_text(1_000_000)] == [
        "0.20",
        "0.125",
        "0.00",
        "1.00",
    ]
    assert fee_on(12_345, 200_000) == 2_469
    assert convert(10_000, "JPY", "EUR", "0.0061") == 6_100
    assert convert(6_100, "EUR", "JPY", "163.93") == 10_000


def test_fee_rules() -> None:
    known = {"current": 300_000, "baseline": 220_000, "baseline_complete": True}
    unknown = {"current": None, "baseline": None, "baseline_complete": False}
    assert fee_by_rule(Rule.ATTRIBUTED, 200_000, 100_000, **unknown).fee == 20_000
    assert fee_by_rule(Rule.ENDED, 200_000, 100_000, **unknown) == FeeByRule(0, 0, "")
    assert fee_by_rule(Rule.UPLIFT, 200_000, 100_000, **known).fee == 16_000
    assert fee_by_rule(Rule.LESSER_OF, 200_000, 100_000, **known).fee_revenue == 80_000
    short = fee_by_rule(Rule.UPLIFT, 200_000, 100_000, current=1, baseline=1, baseline_complete=False)
    assert short.problem == "BASELINE_INCOMPLETE"


def test_months_follow_the_store_zone() -> None:
    tz = zone("Europe/Berlin")
    assert month_of(dt.datetime(2026, 3, 31, 22, 30, tzinfo=dt.UTC), tz) == 2026 * 12 + 3
    assert month_span(2026 * 12 + 2, tz)[1] == dt.datetime(2026, 3, 31, 22, tzinfo=dt.UTC)
