"""Refunds that no reading counts: which they are, and what goes back for them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from kiki.council.syncledger.domain import Books, ReadingTold, Rule
from kiki.council.syncledger.experiments import Bill, Past, Settled, settle_month, stints_asked
from kiki.council.syncledger.fees import fee_on
from kiki.council.syncledger.late_refunds import GivenBack, LateCredit, stints_over
from kiki.council.syncledger.readings import Readings
from kiki.kit.money import proportion
from unit.council.syncledger.test_experiments import JANUARY, books, terms, told

LEFT = terms(JANUARY + 2, Rule.ATTRIBUTED, "", version=2)


def closed(
    of: Books, told_readings: Sequence[ReadingTold], months: int, given_back: Mapping[int, GivenBack]
) -> list[Settled]:
    """Month after month, each closed before the next; what refunds have come to by each month's close."""
    readings, past, found = Readings(told_readings), Past({}, {}), list[Settled]()
    for month in range(JANUARY, JANUARY + months):
        at = Books(of.store_id, month - 1 if month > JANUARY else None, of.versions)
        known = given_back.get(month, GivenBack(0, 0))
        one = settle_month(at, readings, past, month, dict.fromkeys(stints_asked(at, readings, month), known))
        bills = {**past.bills, month: one.bill} if isinstance(one.bill, Bill) else past.bills
        given = {**past.credits, month: one.credit} if one.credit else past.credits
        past = Past(bills, given, {**past.late, month: one.late} if one.late else past.late)
        found.append(one)
        again = Books(of.store_id, month, of.versions)
        assert settle_month(again, readings, past, month, {}) == one, "a closed month stays as it is"
    return found


def late(found: Sequence[Settled]) -> list[LateCredit]:
    return [credit for one in found for credit in one.late]


def test_a_refund_after_the_contract_left_its_experiment_goes_back_in_proportion() -> None:
    """1,000 billed on orders of 4,000: a refund of 400 is a tenth of them, and a tenth of the bill."""
    readings = [told(JANUARY, 600), told(JANUARY + 1, 1_000)]
    known = {JANUARY + at: GivenBack(4_000, 400) for at in (2, 3)} | {JANUARY + 4: GivenBack(4_000, 4_000)}
    found = closed(books(terms(), LEFT), readings, 5, known)
    assert [[one.credited for one in month.late] for month in found] == [[], [], [100], [], [900]]
    assert found[2].late[0] == LateCredit(1, JANUARY + 2, JANUARY, "e", JANUARY + 1, 1_000, 4_000, 400, 100, 20)


def test_while_readings_follow_they_count_refunds_themselves() -> None:
    readings = [told(JANUARY + at, 1_000) for at in range(3)]
    assert late(closed(books(), readings, 3, {JANUARY + at: GivenBack(1_000, 500) for at in range(3)})) == []


def test_after_the_last_reading_refunds_go_back_though_the_contract_still_names_the_experiment() -> None:
    readings = [told(JANUARY, 1_000), told(JANUARY + 1, 1_000, final=True)]
    known = {JANUARY + at: GivenBack(2_000, 500) for at in (1, 2, 3)}
    found = closed(books(), readings, 4, known)
    assert [sum(one.credited for one in month.late) for month in found] == [0, 250, 0, 0]


def test_another_experiment_counts_refunds_only_of_orders_since_it_began() -> None:
    later = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
    follows = books(terms(), terms(JANUARY + 2, experiment="f", version=2))
    early, since = told(JANUARY + 1, 900), told(JANUARY + 2, 50, experiment_id="f", started_at=later)
    stints = stints_over(follows, Readings([told(JANUARY, 500), early, since]), JANUARY + 2)
    assert [(one.experiment_id, one.first, one.last, one.reading) for one in stints] == [
        ("e", JANUARY, JANUARY + 1, early)
    ]
    overlapping = since._replace(started_at=early.started_at)
    assert stints_over(follows, Readings([early, overlapping]), JANUARY + 2) == []


def test_refunds_that_another_experiments_readings_counted_start_from_its_last_one() -> None:
    versions = books(terms(), terms(JANUARY + 1, experiment="f", version=2), replace(LEFT, version=3))
    readings = Readings([told(JANUARY, 500), told(JANUARY + 1, 900, experiment_id="f")])
    stints = stints_over(versions, readings, JANUARY + 2)
    assert [(one.experiment_id, one.reading.experiment_id) for one in stints] == [("e", "f"), ("f", "f")]


def test_a_carry_is_credited_first_and_refunds_take_of_what_is_left() -> None:
    readings = [told(JANUARY, 1_000), told(JANUARY + 1, 400)]
    found = closed(books(terms(), LEFT), readings, 3, {JANUARY + 2: GivenBack(2_000, 1_000)})
    assert found[2].credit is not None
    assert (found[2].credit.credited, found[2].late[0].billed, found[2].late[0].credited) == (600, 400, 200)


def test_an_open_month_shows_what_goes_back_in_the_first_month_that_is_open() -> None:
    contract, readings = books(terms(), LEFT, closed=JANUARY), Readings([told(JANUARY, 900), told(JANUARY + 1, 900)])
    past = Past({JANUARY: Bill(1, JANUARY, "e", 1, 0, 900, 0, 900, 0)}, {})
    known = {stint: GivenBack(900, 90) for stint in stints_asked(contract, readings, JANUARY + 3)}
    assert settle_month(contract, readings, past, JANUARY + 2, known).late[0].credited == 90
    assert settle_month(contract, readings, past, JANUARY + 3, known).late == ()


def test_a_contract_that_returns_to_its_experiment_has_its_readings_count_again() -> None:
    """A tenth in March; what came back in April is in its reading; in May a ninth of what was held at that."""
    returns = books(terms(), LEFT, terms(JANUARY + 3, version=3), replace(LEFT, version=4, effective_month=JANUARY + 4))
    readings = [told(JANUARY + at, 1_000) for at in range(4)]
    known = {JANUARY + 2: GivenBack(4_000, 400), JANUARY + 3: GivenBack(1, 1), JANUARY + 4: GivenBack(3_600, 400)}
    found = closed(returns, readings, 5, known)
    assert [[one.credited for one in month.late] for month in found] == [[], [], [100], [], [100]]
    assert (found[4].late[0].read_month, found[4].late[0].billed) == (JANUARY + 3, 900)


_TERMS = st.sampled_from([(Rule.ATTRIBUTED, ""), (Rule.ENDED, ""), *[(Rule.EXPERIMENT_ESTIMATE, one) for one in "efe"]])
_MONTH = st.tuples(_TERMS, st.integers(0, 10**6), st.integers(-(10**6), 10**6), st.booleans(), st.integers(0, 10**6))


@given(st.lists(_MONTH, min_size=2, max_size=12), st.integers(1, 10**6))
def test_whatever_contracts_follow_one_another_no_more_is_credited_than_was_billed(
    drawn: list[tuple[tuple[Rule, str], int, int, bool, int]], attributed: int
) -> None:
    """Any rules, rates, readings (final ones among them) and refunds; `closed` also looks at every month twice."""
    versions = [
        replace(terms(JANUARY + at, rule, name, version=at + 1), fee_rate_ppm=rate)
        for at, ((rule, name), rate, *_) in enumerate(drawn)
    ]
    readings = [
        told(JANUARY + at, estimate, experiment_id=name, final=final and at % 4 == 3)
        for at, (_, _, estimate, final, _) in enumerate(drawn)
        for name in "ef"
    ]
    known = {JANUARY + at: GivenBack(attributed, proportion(attributed, one[4], 10**6)) for at, one in enumerate(drawn)}
    found = closed(books(*versions), readings, len(drawn), known)
    back = fee = billed = paid = 0
    for one, contract in zip(found, versions, strict=True):
        if isinstance(one.bill, Bill):
            billed, paid = billed + one.bill.billed, paid + fee_on(one.bill.billed, contract.fee_rate_ppm)
        for credit in (*([one.credit] if one.credit else []), *one.late):
            back, fee = back + credit.credited, fee + credit.fee
            assert credit.credited > 0
            assert 0 <= credit.fee <= credit.credited
        assert back <= billed, "at every month's end"
        assert fee <= paid


@given(st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=4), st.booleans(), st.integers(0, 4), st.booleans())
def test_months_far_ahead_show_what_the_next_ones_do(
    estimates: list[int], final: bool, months: int, leaves: bool
) -> None:
    """And are as quick to say: months without a reading, or of a later one, are not gone through one by one."""
    readings = Readings(
        told(JANUARY + at, each, final=final and at == len(estimates) - 1) for at, each in enumerate(estimates)
    )
    versions = (terms(), *([replace(LEFT, effective_month=JANUARY + len(estimates))] if leaves else []))
    contract = books(*versions, closed=JANUARY + months - 1 if months < len(estimates) else None)
    past = Past({}, {})
    for month in range(JANUARY, (contract.closed_through or JANUARY - 1) + 1):
        one = settle_month(Books(1, month - 1 if month > JANUARY else None, versions), readings, past, month)
        assert isinstance(one.bill, Bill)
        past = Past({**past.bills, month: one.bill}, past.credits)
    near, far = JANUARY + len(estimates) + 2, JANUARY + 95_000
    shown = [
        settle_month(contract, readings, past, at, dict.fromkeys(stints_asked(contract, readings, at), GivenBack(9, 3)))
        for at in (near, far)
    ]
    bills = [one.bill._replace(month=0) if isinstance(one.bill, Bill) else one.bill for one in shown]
    assert (bills[0], shown[0].credit, shown[0].late) == (bills[1], shown[1].credit, shown[1].late)


SHARES = st.lists(st.integers(0, 10**6), min_size=6, max_size=6)


@given(
    st.lists(st.integers(-(10**7), 10**7), min_size=3, max_size=3),
    st.lists(st.integers(-(10**7), 10**7), min_size=2, max_size=2),
    st.integers(1, 10**7),
    SHARES,
    st.tuples(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6)),
)
def test_never_twice_never_more_than_was_billed(
    first: list[int], second: list[int], attributed: int, shares: list[int], rates: tuple[int, int, int]
) -> None:
    """Two stints, the rate changing within the first; refunds only add up; credits stay within the bills."""
    began = dt.datetime(2026, 5, 2, tzinfo=dt.UTC)
    versions = books(
        replace(terms(), fee_rate_ppm=rates[0]),
        replace(terms(JANUARY + 1, version=2), fee_rate_ppm=rates[1]),
        terms(JANUARY + 3, Rule.ATTRIBUTED, "", version=3),
        replace(terms(JANUARY + 4, experiment="f", version=4), fee_rate_ppm=rates[2]),
        terms(JANUARY + 6, Rule.ENDED, "", version=5),
    )
    readings = [told(JANUARY + at, each) for at, each in enumerate(first)]
    readings += [told(JANUARY + 4 + at, each, experiment_id="f", started_at=began) for at, each in enumerate(second)]
    gone, known = 0, dict[int, GivenBack]()
    for at, share in enumerate(shares, start=3):
        gone += proportion(attributed - gone, share, 10**6)
        known[JANUARY + at] = GivenBack(attributed, gone)
    found = closed(versions, readings, 9, known)
    bills = [one.bill for one in found if isinstance(one.bill, Bill)]
    billed = sum(bill.billed for bill in bills)
    paid = sum(fee_on(bill.billed, versions.terms_for(bill.month).fee_rate_ppm) for bill in bills)
    given = [one.credit for one in found if one.credit]
    back = sum(one.credited for one in given) + sum(one.credited for one in late(found))
    fee = sum(one.fee for one in given) + sum(one.fee for one in late(found))
    assert 0 <= back <= billed
    assert 0 <= fee <= paid
    assert (fee == paid) or back < billed, "all of it back is all of the fee back, to the minor unit"
    assert all(one.credited > 0 and one.given_back <= one.attributed for one in late(found))
    if gone == attributed:
        assert back == billed, "when every order came back, so does every bill"


@given(st.integers(0, 10**7), st.integers(1, 10**7), st.lists(st.integers(0, 10**6), min_size=4, max_size=4))
def test_portions_and_all_at_once_come_to_the_same(target: int, attributed: int, shares: list[int]) -> None:
    readings = [told(JANUARY, target), told(JANUARY + 1, target)]
    gone = [proportion(attributed, share, 10**6) for share in sorted(shares)]
    portions = {JANUARY + 2 + at: GivenBack(attributed, one) for at, one in enumerate(gone)}
    at_once = {JANUARY + 5: GivenBack(attributed, gone[-1])}
    one_by_one = late(closed(books(terms(), LEFT), readings, 6, portions))
    together = late(closed(books(terms(), LEFT), readings, 6, at_once))
    assert sum(one.credited for one in one_by_one) == sum(one.credited for one in together)
    assert sum(one.fee for one in one_by_one) == sum(one.fee for one in together)
    assert sum(one.credited for one in together) == proportion(target, gone[-1], attributed)
