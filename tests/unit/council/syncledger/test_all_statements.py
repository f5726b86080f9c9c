"""All statements of a shop together bill what its orders come to in the end, whatever came when.

Held against a model that knows no entries, bookings or corrections: of each order the newest decision, less the part
that its refunds are of its charge; of each month the sum of the orders paid in it, times the month's rate, rounded.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from kiki.council.syncledger.domain import (
    Basis,
    Books,
    EntryKind,
    RefundTold,
    RevenueTold,
    ReversalTold,
    Rule,
    Terms,
)
from kiki.council.syncledger.fees import MonthFigures, MonthSums, Moved
from kiki.council.syncledger.months import month_number, month_span, zone
from kiki.council.syncledger.recording import Recorder
from kiki.council.syncledger.statement import StoreRevenue, closing_entries, state_month
from properties import examples

ZONE = "Pacific/Auckland"
"""Its summer begins in September and ends in April: both months have a change of clocks."""
FIRST = month_number(2026, 8)
MONTHS = 4
CONNECTED = month_span(FIRST, zone(ZONE))[0]
RATES = (200_000, 100_000, 333_333, 125_000)
Fact = RevenueTold | RefundTold | ReversalTold


def terms(rules: Sequence[Rule]) -> tuple[Terms, ...]:
    return tuple(
        Terms(1, at + 1, RATES[at], Basis.NET_SALES, rule, "EUR", ZONE, CONNECTED, None, FIRST + at)
        for at, rule in enumerate(rules)
    )


def moment(month: int, *, last: bool) -> dt.datetime:
    """The first instant of a month, or the last one."""
    start, end = month_span(FIRST + month, zone(ZONE))
    return end - dt.timedelta(microseconds=1) if last else start


def revenue(order: str, seq: int, month: int, last: bool, charged: int, net: int) -> RevenueTold:
    at = moment(month, last=last)
    return RevenueTold(1, order, seq, "EUR", charged, min(net, charged), None, 0.8, CONNECTED, at, "", False, b"")


def refund(order: str, number: str, amount: int, cancellation: bool) -> RefundTold:
    return RefundTold(1, order, number, amount, "EUR", cancellation, CONNECTED)


@dataclass
class Shop:
    """The real rules over entries in memory: what is told, and the closing of months."""

    versions: tuple[Terms, ...]
    recorder: Recorder = field(init=False)
    closed: int | None = None
    fees: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.recorder = Recorder({}, {}, {}, 1)
        self._open()

    def tell(self, fact: Fact) -> None:
        match fact:
            case RevenueTold():
                self.recorder.revenue(fact)
            case RefundTold():
                self.recorder.refund(fact)
            case ReversalTold():
                self.recorder.reversal(fact)

    def close(self) -> None:
        """The next month: its statement's fee, which the entries of closing bring the month's accruals to."""
        month = FIRST if self.closed is None else self.closed + 1
        books = self.recorder.books[1]
        own = corrected = accrued = 0
        moved: dict[int, int] = defaultdict(int)
        for entry in self.recorder.entries:
            if entry.month != month:
                continue
            accrued += entry.fee_minor
            if entry.correction:
                assert entry.about_month is not None
                assert entry.about_month < month
                moved[entry.about_month] += entry.revenue_minor
                corrected += entry.revenue_minor
            else:
                own += entry.revenue_minor
        assert own >= 0
        corrections = {about: Moved(move, self._before(about, month)) for about, move in moved.items()}
        sums = MonthSums(own, accrued, corrected, 0)
        figures = MonthFigures(sums, 0, 0, 0, 0.0, corrections)
        stated = state_month(books, month, figures, StoreRevenue())
        assert stated.accrued + stated.true_up == stated.fee
        assert sum(entry.fee_minor for entry in closing_entries(stated, 1)) + accrued == stated.fee
        assert sum(entry.billed_minor for entry in closing_entries(stated, 1)) == stated.fee
        self.fees.append(stated.fee)
        self.closed = month
        self._open()

    def _before(self, about: int, month: int) -> int:
        entries = [entry for entry in self.recorder.entries if entry.month < month]
        own = sum(entry.revenue_minor for entry in entries if entry.month == about and not entry.correction)
        return own + sum(entry.revenue_minor for entry in entries if entry.about_month == about)

    def _open(self) -> None:
        self.recorder.books = {1: Books(1, self.closed, self.versions)}


@dataclass
class Model:
    """What the shop owes in the end, by exact fractions."""

    decisions: dict[str, RevenueTold | ReversalTold] = field(default_factory=dict)
    refunds: dict[tuple[str, str], tuple[int, bool]] = field(default_factory=dict)

    def tell(self, fact: Fact) -> None:
        if isinstance(fact, RefundTold):
            amount, cancelled = self.refunds.get((fact.order_id, fact.refund_id), (0, False))
            told = max(amount, fact.amount_minor), cancelled or fact.cancellation
            self.refunds[fact.order_id, fact.refund_id] = told
        elif fact.order_id not in self.decisions or self.decisions[fact.order_id].decision_seq < fact.decision_seq:
            self.decisions[fact.order_id] = fact

    def held(self, told: RevenueTold) -> int:
        given = [known for (order, _), known in self.refunds.items() if order == told.order_id]
        back = sum(amount for amount, _ in given)
        if any(cancelled for _, cancelled in given) or (back and back >= told.charged_minor):
            return 0
        taken = Fraction(told.net_minor * back, told.charged_minor) if back else Fraction(0)
        return told.net_minor - half_up(taken)

    def owed(self, versions: Sequence[Terms]) -> int:
        by_month: dict[int, int] = defaultdict(int)
        for told in self.decisions.values():
            if isinstance(told, RevenueTold):
                assert told.paid_at is not None
                by_month[local_month(told.paid_at)] += self.held(told)
        return sum(
            half_up(Fraction(by_month[one.effective_month] * one.fee_rate_ppm, 10**6))
            for one in versions
            if one.rule is Rule.ATTRIBUTED
        )


def half_up(exact: Fraction) -> int:
    assert exact >= 0
    return int((Decimal(exact.numerator) / Decimal(exact.denominator)).quantize(Decimal(1), ROUND_HALF_UP))


def local_month(at: dt.datetime) -> int:
    local = at.astimezone(zone(ZONE))
    return month_number(local.year, local.month)


ORDERS = st.sampled_from(["a", "b", "c"])
AMOUNTS = st.one_of(st.integers(0, 12), st.integers(0, 100_000))
REVENUES = st.builds(
    revenue, ORDERS, st.integers(0, 6), st.integers(0, MONTHS - 1), st.booleans(), AMOUNTS, st.integers(0, 100_000)
)
REFUNDS = st.builds(
    refund, ORDERS, st.sampled_from(["r1", "r2", "r3"]), AMOUNTS, st.sampled_from([False, False, False, True])
)
REVERSALS = st.builds(ReversalTold, st.just(1), ORDERS, st.integers(0, 6), st.just(""))
RULES = st.lists(st.sampled_from([Rule.ATTRIBUTED, Rule.ATTRIBUTED, Rule.ENDED]), min_size=MONTHS, max_size=MONTHS)


@settings(max_examples=examples(300))
@given(RULES, st.lists(st.one_of(REVENUES, REFUNDS, REFUNDS, REVERSALS, st.none()), max_size=24))
def test_all_statements_bill_what_the_orders_come_to_in_the_end(rules: list[Rule], facts: list[Fact | None]) -> None:
    """A `None` closes a month."""
    shop, model = Shop(terms(rules)), Model()
    for fact in facts:
        if fact is None:
            shop.close()
        else:
            shop.tell(fact)
            model.tell(fact)
    while shop.closed is None or shop.closed <= FIRST + MONTHS:
        shop.close()
    shop.close()
    assert sum(shop.fees) == model.owed(shop.versions)


@given(st.integers(0, 10**6), st.integers(1, 10**6), st.lists(st.integers(1, 10**5), max_size=8))
def test_partial_refunds_take_back_together_what_one_of_their_sum_does(
    net: int, charged: int, parts: list[int]
) -> None:
    shop = Shop(terms([Rule.ATTRIBUTED] * MONTHS))
    shop.tell(revenue("a", 1, 0, False, charged, net))
    for number, part in enumerate(parts):
        shop.tell(refund("a", f"r{number}", part, False))
        if number % 3 == 2:
            shop.close()
    taken = [entry.revenue_minor for entry in shop.recorder.entries if entry.kind is EntryKind.REFUND]
    booked, back = min(net, charged), sum(parts)
    assert all(amount <= 0 for amount in taken)
    assert -sum(taken) == (booked if back >= charged else half_up(Fraction(booked * back, charged)))
