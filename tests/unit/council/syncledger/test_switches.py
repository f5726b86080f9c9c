"""A contract that turns from an experiment's estimate to its lower bound, and back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kiki.council.syncledger.domain import Rule
from kiki.council.syncledger.experiments import Bill, target_of
from unit.council.syncledger.test_experiments import JANUARY, books, chain, settled, terms, told

ESTIMATE, BOUND = Rule.EXPERIMENT_ESTIMATE, Rule.EXPERIMENT_LOWER_BOUND
MONTHS = st.lists(
    st.tuples(st.sampled_from([ESTIMATE, BOUND]), st.integers(-(10**6), 10**6), st.integers(0, 10**6)),
    min_size=1,
    max_size=10,
)


def billed(rules: list[Rule], readings: list[tuple[int, int]]) -> list[int]:
    versions = [terms(JANUARY + at, rule, version=at + 1) for at, rule in enumerate(rules)]
    told_of = [told(JANUARY + at, estimate, bound) for at, (estimate, bound) in enumerate(readings)]
    found = chain(books(*versions), told_of, len(rules))
    return [bill.billed for bill in found if isinstance(bill, Bill)]


def test_the_bound_bills_nothing_until_it_is_over_all_that_was_billed_on_the_estimate() -> None:
    """That the interval narrows is no revenue."""
    readings = [(1_000, -5_000), (1_800, -1_000), (2_500, 900), (3_000, 1_300)]
    assert billed([ESTIMATE, BOUND, BOUND, BOUND], readings) == [1_000, 0, 0, 300]


def test_the_estimate_bills_no_month_anew_that_was_billed_on_the_bound() -> None:
    readings = [(1_000, 300), (1_800, 900), (2_000, 1_000)]
    assert billed([BOUND, ESTIMATE, ESTIMATE], readings) == [300, 800, 200]
    wide = [(1_000, -5_000), (1_800, -1_000)]
    assert billed([BOUND, ESTIMATE], wide) == [0, 800], "the width of the interval is no debt either"
    fallen = [(1_000, 1_000), (600, 500), (900, 800), (1_300, 900)]
    assert billed([BOUND, BOUND, ESTIMATE, ESTIMATE], fallen) == [1_000, 0, 0, 300]


def test_there_and_back_is_as_if_the_estimate_had_been_billed_but_for_what_the_bound_left_out() -> None:
    readings = [(1_000, 200), (1_500, 700), (2_100, 900)]
    assert billed([ESTIMATE, BOUND, ESTIMATE], readings) == [1_000, 0, 600]


@given(MONTHS)
def test_nothing_is_billed_over_what_the_months_own_rule_shows_to_date(months: list[tuple[Rule, int, int]]) -> None:
    versions = [terms(JANUARY + at, rule, version=at + 1) for at, (rule, _, _) in enumerate(months)]
    readings = [told(JANUARY + at, estimate, estimate - width) for at, (_, estimate, width) in enumerate(months)]
    held, left = 0, 0
    for at, one in enumerate(settled(books(*versions), readings, len(months))):
        bill = one.bill
        assert isinstance(bill, Bill)
        assert bill.billed >= 0 >= bill.carry
        assert bill.carry_before == left
        assert bill.billed + bill.carry == bill.carry_before + bill.target - bill.target_before
        held, left = held + bill.billed, bill.carry
        assert not bill.billed or held <= target_of(readings[at], months[at][0])


def test_at_the_end_only_what_the_estimate_itself_lost_is_given_back() -> None:
    """Of 1,000 billed on the estimate the bound shows 300: that is no error of the bill."""
    versions = (terms(), terms(JANUARY + 1, BOUND, version=2), terms(JANUARY + 2, Rule.ENDED, "", version=3))
    stands = [told(JANUARY, 1_000, 300), told(JANUARY + 1, 1_000, 500)]
    *_, last = settled(books(*versions), stands, 3)
    assert last.credit is None
    falls = [told(JANUARY, 1_000, 300), told(JANUARY + 1, 600, -100)]
    *_, last = settled(books(*versions), falls, 3)
    assert last.credit is not None
    assert (last.credit.credited, last.credit.carry) == (400, -700)


def test_a_bound_that_comes_to_an_experiment_under_way_starts_from_its_estimate() -> None:
    versions = (terms(rule=Rule.ATTRIBUTED, experiment=""), terms(JANUARY + 1, BOUND, version=2))
    readings = [told(JANUARY, 1_000, -5_000), told(JANUARY + 1, 1_400, -900), told(JANUARY + 2, 2_000, 1_200)]
    found = [bill for bill in chain(books(*versions), readings, 3) if isinstance(bill, Bill)]
    assert [bill.billed for bill in found] == [0, 200]
