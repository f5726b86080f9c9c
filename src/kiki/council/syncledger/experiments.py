"""Billing on an experiment: what its readings to date bill month by month, a fall carried forward. Pure.

    open   = carry of the month before + (target - target of the month before)
    billed = max(0, open),  carry = min(0, open)

so that what was billed plus the carry is what the readings say, to the minor unit. The target is the estimate to date
or its lower bound, by the contract's rule. The carry belongs to the store: it outlives a change of experiment. Months
under another rule bill by that, and the experiment's later ones only what it shows beyond the reading at their end.

A carry that no later month can make good is given back, as far as it was billed: in the month that is billed on an
experiment's final reading, and in the first one under a rule that bills on none. What was billed last goes back first,
each part at the rate at which it was billed; the rest was never billed and stays carried.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from kiki.council.syncledger.domain import Books, ReadingTold, Rule, Terms
from kiki.council.syncledger.fees import MonthFigures, MonthSums, fee_on
from kiki.council.syncledger.months import month_of, month_span, zone

READING_MISSING = "READING_MISSING"
READING_EARLY = "READING_EARLY"


class Refusal(enum.IntEnum):
    """Why a reading changes nothing; numbers as in the contract."""

    TAKEN = 0
    SUPERSEDED = 1
    MONTH_CLOSED = 2


class Bill(NamedTuple):
    """What a month bills on an experiment, in minor units of the settlement currency."""

    store_id: int
    month: int
    experiment_id: str
    revision: int
    """Of the month's reading; 0 where an earlier final one stood for it."""
    target_before: int
    target: int
    carry_before: int
    billed: int
    carry: int


class Credit(NamedTuple):
    """What a month gives back of a carry, in minor units of the settlement currency."""

    store_id: int
    month: int
    experiment_id: str
    """Of the month that billed last."""
    carry_before: int
    credited: int
    carry: int
    fee: int


class Settled(NamedTuple):
    """A month on experiments."""

    bill: Bill | str | None
    """Why it cannot be said in place of a bill; None under a rule that bills on none."""
    credit: Credit | None


class Past(NamedTuple):
    """What closed months billed on experiments and gave back, by month."""

    bills: Mapping[int, Bill]
    credits: Mapping[int, Credit]


class Readings:
    """A store's readings, the newest revision of each month."""

    def __init__(self, told: Iterable[ReadingTold]) -> None:
        self._told = {(reading.experiment_id, reading.month): reading for reading in told}

    def of_month(self, experiment_id: str, month: int) -> ReadingTold | None:
        """The month's own, or the last final one before it."""
        own = self._told.get((experiment_id, month))
        if own is not None:
            return own
        earlier = [told for (name, at), told in self._told.items() if name == experiment_id and at < month]
        last = max(earlier, key=lambda told: told.month, default=None)
        return last if last is not None and last.final else None


def refusal(told: ReadingTold, known: ReadingTold | None, books: Books) -> Refusal:
    """Whether a reading is taken.

    That of a closed month is taken once where the month was not billed on the experiment: later ones start from it.
    """
    if books.closed_through is not None and told.month <= books.closed_through:
        billed_on_it = books.terms_for(told.month).experiment_id == told.experiment_id
        if billed_on_it or known is not None:
            return Refusal.MONTH_CLOSED
    return Refusal.SUPERSEDED if known is not None and told.revision <= known.revision else Refusal.TAKEN


def settle_month(books: Books, readings: Readings, past: Past, month: int) -> Settled:
    """What a month bills and gives back: as frozen, or after the open months before it."""
    unknown = READING_MISSING if books.terms_for(month).rule.by_experiment else None
    if month in past.bills or (books.closed_through is not None and month <= books.closed_through):
        return Settled(past.bills.get(month, unknown), past.credits.get(month))
    account = _Account(books, past)
    settled = Settled(unknown, None)
    for at in range(books.open_month(books.versions[0].effective_month), month + 1):
        terms = books.terms_for(at)
        bill: Bill | str | None = None
        if terms.rule.by_experiment:
            bill = _bill(terms, readings, at, account.carry)
            if isinstance(bill, str):
                return Settled(unknown, None)
            account.add(bill)
        settled = Settled(bill, account.give_back(at) if _is_over(readings, terms, at) else None)
    return settled


def _is_over(readings: Readings, terms: Terms, month: int) -> bool:
    """Whether what is carried after a month cannot be made good by its experiment any more."""
    reading = readings.of_month(terms.experiment_id, month) if terms.rule.by_experiment else None
    return not terms.rule.by_experiment or (reading is not None and reading.final)


class _Account:
    """What was billed on experiments and not given back, newest last, and what is carried."""

    def __init__(self, books: Books, past: Past) -> None:
        self._books = books
        self._billed: list[tuple[int, int]] = []
        self._experiment = ""
        self.carry = 0
        for month in sorted({*past.bills, *past.credits}):
            if month in past.bills:
                self.add(past.bills[month])
            if month in past.credits:
                self._take(past.credits[month].credited)
                self.carry = past.credits[month].carry

    def add(self, bill: Bill) -> None:
        self.carry, self._experiment = bill.carry, bill.experiment_id
        if bill.billed:
            self._billed.append((bill.billed, self._books.terms_for(bill.month).fee_rate_ppm))

    def give_back(self, month: int) -> Credit | None:
        """The credit of what is carried, as far as it was billed; None where there is nothing to credit."""
        before = self.carry
        credited = min(-before, sum(revenue for revenue, _ in self._billed))
        if not credited:
            return None
        fee = self._take(credited)
        self.carry = before + credited
        return Credit(self._books.store_id, month, self._experiment, before, credited, self.carry, fee)

    def _take(self, revenue: int) -> int:
        """Take off what was billed last; the fee on it. A part that is taken bit by bit gives back its fee exactly."""
        fee = 0
        while revenue:
            held, rate = self._billed.pop()
            part = min(held, revenue)
            fee += fee_on(held, rate) - fee_on(held - part, rate)
            revenue -= part
            if held > part:
                self._billed.append((held - part, rate))
        return fee


def early(reading: ReadingTold, terms: Terms, month: int) -> bool:
    """Whether a reading is from before the month's end and may still change."""
    return not reading.final and reading.as_of < month_span(month, zone(terms.time_zone))[1]


def corrections_by_reading(books: Books, figures: MonthFigures) -> tuple[int, int]:
    """Revenue and fee of corrections of months that were billed on an experiment: its readings count them."""
    found = [sums for month, sums in figures.corrections.items() if books.terms_for(month).rule.by_experiment]
    return sum(revenue for revenue, _ in found), sum(fee for _, fee in found)


def without(sums: MonthSums, corrections: tuple[int, int]) -> MonthSums:
    """A month's sums less such corrections."""
    revenue, fee = corrections
    return MonthSums(sums.revenue, sums.fee, sums.corrected_revenue - revenue, sums.corrected_fee - fee)


def target_of(reading: ReadingTold, rule: Rule) -> int:
    """What may be billed to date."""
    return reading.lower_bound_minor if rule is Rule.EXPERIMENT_LOWER_BOUND else reading.estimate_minor


def _bill(terms: Terms, readings: Readings, month: int, carry: int) -> Bill | str:
    reading = readings.of_month(terms.experiment_id, month)
    if reading is None:
        return READING_MISSING
    before = 0
    if month_of(reading.started_at, zone(terms.time_zone)) < month:
        earlier = readings.of_month(terms.experiment_id, month - 1)
        if earlier is None:
            return READING_MISSING
        before = target_of(earlier, terms.rule)
    target = target_of(reading, terms.rule)
    outstanding = carry + target - before
    revision = reading.revision if reading.month == month else 0
    billed = max(0, outstanding)
    return Bill(
        terms.store_id, month, terms.experiment_id, revision, before, target, carry, billed, min(0, outstanding)
    )
