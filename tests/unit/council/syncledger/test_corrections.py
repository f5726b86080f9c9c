"""Corrections of closed months: what goes back is what was billed, by the closed month's own terms."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiki.council.syncledger.corrections import Correction, correct
from kiki.council.syncledger.domain import Basis, Books, Rule, Terms
from kiki.council.syncledger.fees import Moved, Stated, fee_by_rule, fee_on
from kiki.council.syncledger.months import month_number

CONNECTED = dt.datetime(2026, 1, 10, tzinfo=dt.UTC)
JANUARY = month_number(2026, 1)
MONEY = st.integers(0, 10**6)


def books(rule: Rule, rate: int = 200_000) -> Books:
    experiment = "e" if rule.by_experiment else ""
    first = Terms(
        1, 1, rate, Basis.NET_SALES, rule, "EUR", "Europe/Berlin", CONNECTED, None, JANUARY, experiment_id=experiment
    )
    later = Terms(1, 2, 50_000, Basis.NET_SALES, Rule.ATTRIBUTED, "EUR", "Europe/Berlin", CONNECTED, None, JANUARY + 1)
    return Books(1, JANUARY, (first, later))


def sums(found: Correction) -> tuple[int, int, int]:
    """Revenue that counts, fee, and revenue that readings count."""
    return found.revenue, found.fee, found.by_reading


@given(
    st.sampled_from([rule for rule in Rule if not rule.by_experiment]),
    st.integers(0, 10**6),
    st.lists(MONEY, min_size=1, max_size=4),
    MONEY,
    MONEY,
    st.lists(st.tuples(st.integers(0, 4), st.integers(-(10**5), 10**5)), max_size=8),
)
def test_corrections_come_to_what_the_month_would_have_been_billed(
    rule: Rule, rate: int, orders: list[int], current: int, baseline: int, moves: list[tuple[int, int]]
) -> None:
    """Over any months, in any portions: the bill and its corrections are the bill of a month that knew them."""
    stated = Stated(sum(orders), current, baseline)
    then = [*orders, 0]
    now, fee, counted, fallen = list(then), 0, 0, 0
    for at, move in moves:
        order = at % len(now)
        if now[order] + move < 0:
            continue
        before, now[order] = sum(now), now[order] + move
        fell, fallen = fallen, sum(min(0, held - was) for held, was in zip(now, then, strict=True))
        one = correct(books(rule, rate), {JANUARY: Moved(move, before, fallen, fell)}, {JANUARY: stated})
        fee, counted = fee + one.fee, counted + one.revenue

    def billed(revenue: int, whole: int) -> tuple[int, int]:
        found = fee_by_rule(rule, rate, revenue, current=whole, baseline=baseline, baseline_complete=True)
        return found.fee, found.fee_revenue

    first, knowing = billed(sum(orders), current), billed(sum(now), current + fallen)
    assert (first[0] + fee, first[1] + counted) == knowing
    assert first[0] + fee >= 0, "no more goes back than was billed"


def test_an_order_booked_after_the_end_gives_nothing_back() -> None:
    assert sums(correct(books(Rule.ENDED), {JANUARY: Moved(-500, 800)}, {})) == (0, 0, 0)


def test_a_month_under_its_baseline_was_billed_nothing_and_gives_nothing_back() -> None:
    stated = {JANUARY: Stated(1_000, current=900, baseline=2_000)}
    for rule in (Rule.UPLIFT, Rule.LESSER_OF):
        assert sums(correct(books(rule), {JANUARY: Moved(-500, 1_000, -500)}, stated)) == (0, 0, 0)
    barely = {JANUARY: Stated(1_000, current=2_300, baseline=2_000)}
    assert sums(correct(books(Rule.UPLIFT), {JANUARY: Moved(-500, 1_000, -500)}, barely)) == (-300, -60, 0)


@pytest.mark.parametrize(("rule", "wanted"), [(Rule.UPLIFT, 0), (Rule.LESSER_OF, 60)])
def test_an_order_that_is_found_to_be_ours_later_adds_nothing_to_what_the_shop_took(rule: Rule, wanted: int) -> None:
    """It stood in the shop's revenue already: the uplift stays as it was, and more of it may have been caused."""
    stated = {JANUARY: Stated(1_000, current=3_300, baseline=2_000)}
    late = correct(books(rule), {JANUARY: Moved(500, 1_000)}, stated)
    again = correct(books(rule), {JANUARY: Moved(-500, 1_500)}, stated)
    assert (late.fee, again.fee) == (wanted, -wanted)


@pytest.mark.parametrize(("rule", "wanted"), [(Rule.UPLIFT, -100), (Rule.LESSER_OF, -100), (Rule.ATTRIBUTED, 0)])
def test_an_order_that_is_found_late_hides_no_refund_of_another(rule: Rule, wanted: int) -> None:
    """One of 500 is found, and another of 500 is given back: the orders come to the same, the shop took 500 less."""
    stated = {JANUARY: Stated(3_000, current=4_000, baseline=2_000)}
    assert correct(books(rule), {JANUARY: Moved(0, 3_000, -500)}, stated).fee == wanted


def test_a_correction_goes_on_from_what_the_last_one_counted() -> None:
    """By whatever rules that was made."""
    stated = {JANUARY: Stated(1_000, current=3_000, baseline=2_000, counted=1_500)}
    assert correct(books(Rule.UPLIFT), {JANUARY: Moved(-10, 1_500, -10)}, stated).revenue == 990 - 1_500


def test_small_orders_give_back_the_cent_that_the_statement_billed_on_all_of_them() -> None:
    """Three orders of two cents accrue nothing each, and were billed one cent together."""
    assert fee_on(2, 200_000) == 0
    assert correct(books(Rule.ATTRIBUTED), {JANUARY: Moved(-6, 6)}, {}).fee == -1
    parts = [correct(books(Rule.ATTRIBUTED), {JANUARY: Moved(-2, held)}, {}).fee for held in (6, 4, 2)]
    assert sum(parts) == -1


def test_the_rate_is_the_closed_months() -> None:
    assert correct(books(Rule.ATTRIBUTED, 100_000), {JANUARY: Moved(-500, 500)}, {}).fee == -50


@pytest.mark.parametrize("rule", [Rule.EXPERIMENT_ESTIMATE, Rule.EXPERIMENT_LOWER_BOUND])
def test_corrections_of_months_billed_on_an_experiment_are_left_to_its_reading(rule: Rule) -> None:
    assert sums(correct(books(rule), {JANUARY: Moved(-300, 900)}, {})) == (0, 0, -300)
