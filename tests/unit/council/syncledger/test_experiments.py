"""Billing on an experiment: the carry, what a month starts from, and which readings count."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiki.council.syncledger.contracts import next_version
from kiki.council.syncledger.domain import Basis, Books, ReadingTold, Rule, Terms, TermsAsked
from kiki.council.syncledger.errors import TermRefused
from kiki.council.syncledger.experiments import (
    READING_MISSING,
    Bill,
    Credit,
    Past,
    Refusal,
    Settled,
    early,
    refusal,
    settle_month,
)
from kiki.council.syncledger.fees import fee_by_rule, fee_on
from kiki.council.syncledger.months import month_number
from kiki.council.syncledger.readings import Readings
from kiki.kit.money import Money
from kiki.orchestrator.experiments import billing

CONNECTED = dt.datetime(2026, 1, 10, tzinfo=dt.UTC)
JANUARY = month_number(2026, 1)


def terms(
    month: int = JANUARY, rule: Rule = Rule.EXPERIMENT_ESTIMATE, experiment: str = "e", version: int = 1
) -> Terms:
    return Terms(1, version, 200_000, Basis.NET_SALES, rule, "EUR", "Europe/Berlin", CONNECTED, None, month, experiment)


def books(*versions: Terms, closed: int | None = None) -> Books:
    return Books(1, closed, versions or (terms(),))


def told(month: int, estimate: int, bound: int | None = None, **more: Any) -> ReadingTold:
    given_values = {
        "store_id": 1,
        "experiment_id": "e",
        "month": month,
        "revision": 1,
        "currency": "EUR",
        "estimate_minor": estimate,
        "lower_bound_minor": estimate if bound is None else bound,
        "started_at": CONNECTED,
        "as_of": dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=31 * (month - JANUARY + 1)),
        "users": 100,
        "final": False,
        "plan_digest": "",
        **more,
    }
    return ReadingTold(**given_values)


def settled(of: Books, readings: Sequence[ReadingTold], months: int) -> list[Settled]:
    """Month after month, each closed before the next."""
    past = Past({}, {})
    found: list[Settled] = []
    for month in range(JANUARY, JANUARY + months):
        closed = Books(of.store_id, month - 1 if month > JANUARY else None, of.versions)
        one = settle_month(closed, Readings(readings), past, month)
        bills = {**past.bills, month: one.bill} if isinstance(one.bill, Bill) else past.bills
        past = Past(bills, {**past.credits, month: one.credit} if one.credit else past.credits)
        found.append(one)
    return found


def chain(of: Books, readings: Sequence[ReadingTold], months: int) -> list[Bill | str | None]:
    return [one.bill for one in settled(of, readings, months)]


def bill_month(of: Books, readings: Readings, month: int) -> Bill | str | None:
    return settle_month(of, readings, Past({}, {}), month).bill


AMOUNTS = st.lists(st.tuples(st.integers(-(10**9), 10**9), st.integers(0, 10**6)), min_size=1, max_size=24)


@given(AMOUNTS, st.sampled_from([Rule.EXPERIMENT_ESTIMATE, Rule.EXPERIMENT_LOWER_BOUND]))
def test_it_bills_as_the_orchestrators_rule_says(amounts: list[tuple[int, int]], rule: Rule) -> None:
    readings = [told(JANUARY + at, estimate, estimate - reach) for at, (estimate, reach) in enumerate(amounts)]
    found = chain(books(terms(rule=rule)), readings, len(readings))
    basis = billing.Basis.ESTIMATE if rule is Rule.EXPERIMENT_ESTIMATE else billing.Basis.LOWER_BOUND
    known = [
        billing.Reading(
            f"{one.month // 12:04d}-{one.month % 12 + 1:02d}",
            Money(one.estimate_minor, "EUR"),
            Money(one.lower_bound_minor, "EUR"),
        )
        for one in readings
    ]
    wanted = billing.bill_months(known, basis)
    assert [(bill.billed, bill.carry) for bill in found if isinstance(bill, Bill)] == [
        (one.billed.minor, one.carry.minor) for one in wanted
    ]


@given(AMOUNTS)
def test_what_was_billed_and_the_carry_are_the_last_reading(amounts: list[tuple[int, int]]) -> None:
    readings = [told(JANUARY + at, estimate) for at, (estimate, _) in enumerate(amounts)]
    found = [bill for bill in chain(books(), readings, len(readings)) if isinstance(bill, Bill)]
    assert all(bill.billed >= 0 >= bill.carry for bill in found)
    assert sum(bill.billed for bill in found) + found[-1].carry == readings[-1].estimate_minor


def test_open_months_are_billed_one_after_another() -> None:
    readings = Readings([told(JANUARY, -500), told(JANUARY + 1, 300), told(JANUARY + 2, 900)])
    last = bill_month(books(), readings, JANUARY + 2)
    assert isinstance(last, Bill)
    assert (last.target_before, last.carry_before, last.billed) == (300, 0, 600)


def test_a_missing_reading_is_said_and_a_final_one_stands_for_later_months() -> None:
    only = Readings([told(JANUARY, 700)])
    assert bill_month(books(), only, JANUARY + 1) == READING_MISSING
    final = Readings([told(JANUARY, 700, final=True)])
    bill = bill_month(books(), final, JANUARY + 1)
    assert isinstance(bill, Bill)
    assert (bill.billed, bill.carry, bill.revision) == (0, 0, 0)


def test_an_experiment_under_way_bills_only_what_it_shows_beyond_the_month_before() -> None:
    """January was billed as attributed: what the experiment showed by then is no news."""
    switched = books(terms(rule=Rule.ATTRIBUTED, experiment=""), terms(JANUARY + 1, version=2), closed=JANUARY)
    readings = [told(JANUARY, 1_000), told(JANUARY + 1, 1_400)]
    bill = bill_month(switched, Readings(readings), JANUARY + 1)
    assert isinstance(bill, Bill)
    assert bill.billed == 400
    assert bill_month(switched, Readings(readings[1:]), JANUARY + 1) == READING_MISSING


def test_the_carry_outlives_another_rule_and_another_experiment() -> None:
    versions = (
        terms(),
        terms(JANUARY + 1, Rule.ATTRIBUTED, "", version=2),
        terms(JANUARY + 2, experiment="f", version=3),
    )
    later = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
    readings = [told(JANUARY, -250), told(JANUARY + 2, 400, experiment_id="f", started_at=later)]
    found = chain(books(*versions), readings, 3)
    assert isinstance(found[0], Bill)
    assert found[1] is None, "another rule bills on no experiment"
    last = found[2]
    assert isinstance(last, Bill)
    assert (last.carry_before, last.billed, last.carry) == (-250, 150, 0)


@pytest.mark.parametrize(
    ("closed", "known", "revision", "wanted"),
    [
        (None, None, 1, Refusal.TAKEN),
        (None, 1, 2, Refusal.TAKEN),
        (None, 2, 2, Refusal.SUPERSEDED),
        (JANUARY, None, 1, Refusal.MONTH_CLOSED),
        (JANUARY, 1, 2, Refusal.MONTH_CLOSED),
    ],
    ids=["first", "newer", "repeated", "closed", "closed and known"],
)
def test_which_readings_are_taken(closed: int | None, known: int | None, revision: int, wanted: Refusal) -> None:
    before = None if known is None else told(JANUARY, 5, revision=known)
    assert refusal(told(JANUARY, 9, revision=revision), before, books(closed=closed)) is wanted


def test_a_closed_month_that_was_billed_otherwise_takes_one_reading_to_start_from() -> None:
    other = books(terms(rule=Rule.ATTRIBUTED, experiment=""), closed=JANUARY)
    assert refusal(told(JANUARY, 9), None, other) is Refusal.TAKEN
    assert refusal(told(JANUARY, 9, revision=2), told(JANUARY, 5), other) is Refusal.MONTH_CLOSED


def test_a_reading_from_before_the_months_end_is_early_unless_it_is_final() -> None:
    before = dt.datetime(2026, 1, 31, 22, 59, tzinfo=dt.UTC)
    assert early(told(JANUARY, 1, as_of=before), terms(), JANUARY)
    assert not early(told(JANUARY, 1, as_of=before + dt.timedelta(minutes=1)), terms(), JANUARY)
    assert not early(told(JANUARY, 1, as_of=before, final=True), terms(), JANUARY)


@given(st.integers(0, 10**9), st.integers(0, 10**6))
def test_the_fee_is_the_rate_on_what_is_billed(billed: int, rate: int) -> None:
    found = fee_by_rule(
        Rule.EXPERIMENT_ESTIMATE, rate, 5_000, current=None, baseline=None, baseline_complete=False, experiment=billed
    )
    assert (found.fee_revenue, found.fee, found.problem) == (billed, fee_on(billed, rate), "")


def test_without_a_reading_the_fee_is_shown_as_attributed_and_says_why() -> None:
    found = fee_by_rule(
        Rule.EXPERIMENT_LOWER_BOUND, 200_000, 5_000, current=None, baseline=None, baseline_complete=False
    )
    assert (found.fee, found.problem) == (1_000, READING_MISSING)


@pytest.mark.parametrize(("rule", "experiment"), [(Rule.EXPERIMENT_ESTIMATE, ""), (Rule.ATTRIBUTED, "e")])
def test_a_rule_and_its_experiment_come_together(rule: Rule, experiment: str) -> None:
    asked = TermsAsked(
        1, 200_000, Basis.NET_SALES, rule, "EUR", "Europe/Berlin", CONNECTED, None, None, experiment_id=experiment
    )
    with pytest.raises(TermRefused) as refused:
        next_version(asked, Books(1, None, ()), CONNECTED)
    assert refused.value.reason == "EXPERIMENT_MISMATCH"


ENDED = terms(JANUARY + 4, Rule.ENDED, "", version=2)
READINGS = st.lists(st.integers(-(10**7), 10**7), min_size=4, max_size=4)


@given(READINGS, READINGS, st.integers(0, 10**6), st.integers(0, 10**6))
def test_after_the_end_nothing_is_billed_that_the_last_reading_does_not_show(
    first: list[int], second: list[int], rate: int, later_rate: int
) -> None:
    """Eight months of an experiment, the rate changing halfway, then the contract ends."""
    versions = (
        replace(terms(), fee_rate_ppm=rate),
        replace(terms(JANUARY + 4, version=2), fee_rate_ppm=later_rate),
        terms(JANUARY + 8, Rule.ENDED, "", version=3),
    )
    amounts = [*first, *second]
    found = settled(books(*versions), [told(JANUARY + at, each) for at, each in enumerate(amounts)], 10)
    bills = [one.bill for one in found if isinstance(one.bill, Bill)]
    credit = found[8].credit
    billed, given = sum(bill.billed for bill in bills), credit.credited if credit else 0
    assert billed - given == max(0, amounts[-1])
    assert (credit.carry if credit else bills[-1].carry) == min(0, amounts[-1])
    assert [one.credit for one in found if one is not found[8]] == [None] * 9
    if credit:
        paid = sum(fee_on(bill.billed, rate if bill.month < JANUARY + 4 else later_rate) for bill in bills)
        assert 0 <= credit.fee <= min(paid, given)
        if amounts[-1] <= 0:
            assert credit.fee == paid, "all that was ever billed is given back, to the minor unit"


def test_what_was_billed_last_is_credited_first_at_its_own_rate() -> None:
    versions = (terms(), replace(terms(JANUARY + 1, version=2), fee_rate_ppm=100_000), replace(ENDED, version=3))
    amounts = [1_000, 1_400, 1_400, 700]
    readings = [told(JANUARY + at, each) for at, each in enumerate(amounts)]
    last = settled(books(*versions), readings, 5)[4]
    assert last == Settled(None, Credit(1, JANUARY + 4, "e", -700, 700, 0, 40 + 60))


def test_a_final_reading_that_fell_is_credited_at_once_and_only_once() -> None:
    readings = [told(JANUARY, 900), told(JANUARY + 1, 500, final=True)]
    found = settled(books(terms(), ENDED), readings, 6)
    assert found[1].credit == Credit(1, JANUARY + 1, "e", -400, 400, 0, 80)
    assert [one.credit for one in found[2:]] == [None] * 4
    carried = [one.bill.carry for one in found[2:4] if isinstance(one.bill, Bill)]
    assert carried == [0, 0]


def test_what_was_never_billed_is_not_credited_and_waits_for_the_next_experiment() -> None:
    versions = (
        terms(),
        terms(JANUARY + 1, Rule.ATTRIBUTED, "", version=2),
        terms(JANUARY + 2, experiment="f", version=3),
    )
    later = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
    readings = [
        told(JANUARY, -250, final=True),
        told(JANUARY + 2, 400, experiment_id="f", started_at=later),
        told(JANUARY + 3, 50, experiment_id="f", started_at=later, final=True),
    ]
    found = settled(books(*versions), readings, 4)
    assert [one.credit for one in found[:3]] == [None] * 3
    assert found[3].credit == Credit(1, JANUARY + 3, "f", -350, 150, -200, 30)


def test_an_open_month_shows_the_credit_that_follows_from_the_open_months_before_it() -> None:
    contract = books(terms(), replace(ENDED, effective_month=JANUARY + 2))
    readings = Readings([told(JANUARY, 900), told(JANUARY + 1, 500)])
    found = settle_month(contract, readings, Past({}, {}), JANUARY + 2)
    assert found.credit is not None
    assert (found.bill, found.credit.credited) == (None, 400)
    assert settle_month(contract, readings, Past({}, {}), JANUARY + 3).credit is None
    missing = Readings([told(JANUARY, 900)])
    assert settle_month(contract, missing, Past({}, {}), JANUARY + 2) == Settled(None, None)
