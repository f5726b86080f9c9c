"""What months bill on an experiment: to the minor unit, never twice, negatives carried forward."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiki.kit.errors import InvalidInput
from kiki.kit.money import Money
from kiki.orchestrator.experiments.billing import (
    Basis,
    Reading,
    bill_months,
    credit_at_end,
    read_readings,
    reading_of,
)

DOLLAR = Money(1, "USD")


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


def readings(estimates: list[int], below: int = 0) -> list[Reading]:
    return [
        Reading(f"20{26 + number // 12}-{number % 12 + 1:02d}", eur(estimate), eur(estimate - below))
        for number, estimate in enumerate(estimates)
    ]


@pytest.mark.parametrize(
    ("to_date", "billed", "carry"),
    [
        pytest.param([100, 250, 300], [100, 150, 50], [0, 0, 0], id="growing"),
        pytest.param([100, 60, 90, 130], [100, 0, 0, 30], [0, -40, -10, 0], id="fallen-and-made-good"),
        pytest.param([-50, -20, 10], [0, 0, 10], [-50, -20, 0], id="negative-first"),
        pytest.param([-5, -9, -30], [0, 0, 0], [-5, -9, -30], id="never-positive"),
        pytest.param([70, 0, -30], [70, 0, 0], [0, -70, -100], id="fallen-for-good"),
    ],
)
def test_a_fall_is_carried_until_it_is_made_good(to_date: list[int], billed: list[int], carry: list[int]) -> None:
    bills = bill_months(readings(to_date), Basis.ESTIMATE)
    assert [bill.billed.minor for bill in bills] == billed
    assert [bill.carry.minor for bill in bills] == carry


amounts = st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=36)


@given(amounts, st.integers(0, 10**9), st.sampled_from(Basis))
def test_billed_and_carried_make_the_target_to_the_minor_unit(to_date: list[int], below: int, basis: Basis) -> None:
    bills = bill_months(readings(to_date, below), basis)
    for bill in bills:
        assert bill.billed_to_date + bill.carry == bill.target
        assert bill.billed.minor >= 0 >= bill.carry.minor
        assert bill.billed.minor == 0 or bill.carry.minor == 0
    targets = [bill.target.minor for bill in bills]
    assert bills[-1].billed_to_date.minor == max(0, *targets)


@given(amounts, st.integers(0, 10**9))
def test_the_lower_bound_never_bills_more(to_date: list[int], below: int) -> None:
    given_ = readings(to_date, below)
    bound, estimate = (bill_months(given_, basis)[-1] for basis in (Basis.LOWER_BOUND, Basis.ESTIMATE))
    assert bound.billed_to_date <= estimate.billed_to_date


@given(amounts)
def test_the_credit_at_the_end_leaves_what_the_experiment_shows(to_date: list[int]) -> None:
    bills = bill_months(readings(to_date), Basis.ESTIMATE)
    kept = bills[-1].billed_to_date - credit_at_end(bills)
    assert kept.minor == max(0, to_date[-1])


@given(amounts, st.integers(1, 35))
def test_a_month_is_billed_the_same_whatever_comes_later(to_date: list[int], known: int) -> None:
    all_of_them = bill_months(readings(to_date), Basis.ESTIMATE)
    assert bill_months(readings(to_date[:known]), Basis.ESTIMATE) == all_of_them[:known]


def test_floats_become_money_at_the_edge_alone() -> None:
    reading = reading_of("2026-01", "EUR", 100.005, 19.999)
    assert (reading.estimate, reading.lower_bound) == (eur(10_000), eur(1_999))
    assert reading_of("2026-01", "EUR", -1.0, -2.001).lower_bound == eur(-201)
    assert reading_of("2026-01", "JPY", 10.6, 10.6).target(Basis.LOWER_BOUND) == Money(10, "JPY")


def test_readings_are_read_from_rows() -> None:
    rows = [{"month": "2026-01", "estimate": "10.50", "lower_bound": "3"}, {"month": "2026-02", "estimate": "12"}]
    assert read_readings(rows, "EUR") == [
        Reading("2026-01", eur(1050), eur(300)),
        Reading("2026-02", eur(1200), eur(1200)),
    ]


@pytest.mark.parametrize("rows", [[], [{"month": "2026-13", "estimate": "1"}], [{"month": "2026-01", "estimate": "x"}]])
def test_rows_that_are_no_readings_are_refused(rows: list[dict[str, str]]) -> None:
    with pytest.raises(InvalidInput):
        read_readings(rows, "EUR")


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param([Reading("2026-01", eur(1), eur(2))], id="bound-over-estimate"),
        pytest.param([Reading("2026-02", eur(1), eur(1)), Reading("2026-01", eur(1), eur(1))], id="order"),
        pytest.param([Reading("2026-01", eur(1), eur(1))] * 2, id="twice"),
        pytest.param([Reading("2026-01", eur(1), eur(1)), Reading("2026-02", DOLLAR, DOLLAR)], id="currency"),
    ],
)
def test_months_that_make_no_contract_are_refused(wrong: list[Reading]) -> None:
    with pytest.raises(InvalidInput):
        bill_months(wrong, Basis.ESTIMATE)


def test_a_contract_without_a_month_has_no_credit() -> None:
    with pytest.raises(InvalidInput):
        credit_at_end([])
