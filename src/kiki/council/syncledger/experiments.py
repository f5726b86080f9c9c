"""Billing on an experiment: what its readings to date bill month by month, a fall carried forward. Pure.

    open   = carry of the month before + (target - target of the month before)
    billed = max(0, open),  carry = min(0, open)

so that what was billed plus the carry is what the readings say, to the minor unit. The target is the estimate to date
or its lower bound, by the contract's rule. The carry belongs to the store: it outlives a change of experiment. Months
under another rule bill by that, and the experiment's later ones only what it shows beyond the reading at their end.

Months bill by their own rule. Where that turns from the estimate to the lower bound, the carry is taken down by what
lies between the two at the end of the month before, so that nothing is billed until the bound is over all that was
billed; back again it is taken up, to zero at most, so that no month is billed anew. That part of a carry is never given
back: what was billed on the estimate was owed by the terms of its month.

A carry that no later month can make good is given back, as far as it was billed: in the month that is billed on an
experiment's final reading, and in the first one under a rule that bills on none. What was billed last goes back first,
each part at the rate at which it was billed; the rest was never billed and stays carried. What refunds take back that
no reading counts any more is given back beside it (`late_refunds.py`).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from kiki.council.syncledger.domain import Books, ReadingTold, Rule, Terms
from kiki.council.syncledger.fees import fee_on
from kiki.council.syncledger.late_refunds import GivenBack, LateCredit, Stint, stints_over
from kiki.council.syncledger.months import month_of, month_span, zone
from kiki.council.syncledger.readings import Readings
from kiki.kit.money import proportion

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
    late: tuple[LateCredit, ...] = ()


class Past(NamedTuple):
    """What closed months billed on experiments and gave back, by month."""

    bills: Mapping[int, Bill]
    credits: Mapping[int, Credit]
    late: Mapping[int, tuple[LateCredit, ...]] = MappingProxyType({})


def refusal(told: ReadingTold, known: ReadingTold | None, books: Books) -> Refusal:
    """Whether a reading is taken.

    That of a closed month is taken once where the month was not billed on the experiment: later ones start from it.
    """
    if books.closed_through is not None and told.month <= books.closed_through:
        billed_on_it = books.terms_for(told.month).experiment_id == told.experiment_id
        if billed_on_it or known is not None:
            return Refusal.MONTH_CLOSED
    return Refusal.SUPERSEDED if known is not None and told.revision <= known.revision else Refusal.TAKEN


def stints_asked(books: Books, readings: Readings, month: int) -> list[Stint]:
    """The stints of which `settle_month` wants to know what became of their orders; none for a closed month."""
    found = {stint: None for at in _open_months(books, readings, month) for stint in stints_over(books, readings, at)}
    return list(found)


def settle_month(
    books: Books,
    readings: Readings,
    past: Past,
    month: int,
    given: Mapping[Stint, GivenBack] = MappingProxyType({}),
) -> Settled:
    """What a month bills and gives back: as frozen, or after the open months before it."""
    unknown = READING_MISSING if books.terms_for(month).rule.by_experiment else None
    if month in past.bills or (books.closed_through is not None and month <= books.closed_through):
        return Settled(past.bills.get(month, unknown), past.credits.get(month), past.late.get(month, ()))
    account = _Account(books, past, readings)
    settled = Settled(unknown, None)
    for at in _open_months(books, readings, month):
        terms = books.terms_for(at)
        bill: Bill | str | None = None
        if terms.rule.by_experiment:
            bill = _bill(terms, readings, at, account)
            if isinstance(bill, str):
                return Settled(unknown, None)
            account.add(bill)
        credit = account.give_back(at) if _is_over(readings, terms, at) else None
        late = [account.give_back_late(at, stint, given.get(stint)) for stint in stints_over(books, readings, at)]
        settled = Settled(bill, credit, tuple(one for one in late if one is not None))
    return settled


def _open_months(books: Books, readings: Readings, month: int) -> list[int]:
    """The open months up to a month in which anything is billed or given back: none between the newest and it."""
    first = books.open_month(books.versions[0].effective_month)
    newest = max(first, *(version.effective_month for version in books.versions), readings.last_month) + 1
    months = list(range(first, min(month, newest) + 1))
    return months if month <= newest else [*months, month]


def _is_over(readings: Readings, terms: Terms, month: int) -> bool:
    """Whether what is carried after a month cannot be made good by its experiment any more."""
    reading = readings.of_month(terms.experiment_id, month) if terms.rule.by_experiment else None
    return not terms.rule.by_experiment or (reading is not None and reading.final)


@dataclass(slots=True)
class _Part:
    """What one month billed on an experiment."""

    month: int
    rate_ppm: int
    held: int
    """Not given back."""


class _Account:
    """What was billed on experiments and not given back, newest last, and what is carried."""

    def __init__(self, books: Books, past: Past, readings: Readings) -> None:
        self._books = books
        self._readings = readings
        self._held_back = 0
        self._parts: list[_Part] = []
        self._late: dict[tuple[int, int], int] = {}
        self._experiment = ""
        self.carry = 0
        for month in sorted({*past.bills, *past.credits, *past.late}):
            if month in past.bills:
                self.add(past.bills[month])
            if month in past.credits:
                self._take(self._parts, past.credits[month].credited)
                self.carry = past.credits[month].carry
            for late in past.late.get(month, ()):
                self._take_late(late.first_month, late.experiment_id, late.read_month, late.credited)

    def into(self, month: int) -> tuple[int, int]:
        """What is carried into a month by its rule, and how much of that a stricter rule holds back."""
        terms = self._books.terms_for(month)
        reading = self._readings.of_month(terms.experiment_id, month - 1)
        former = self._books.terms_for(month - 1)
        goes_on = former.experiment_id == terms.experiment_id and month > self._books.versions[0].effective_month
        carry, held_back = (self.carry, self._held_back) if goes_on else (self.carry + self._held_back, 0)
        if reading is not None and _starts_before(reading, terms, month):
            stood = target_of(reading, former.rule) if goes_on else reading.estimate_minor
            stricter = stood - target_of(reading, terms.rule)
            carry, held_back = carry - stricter, held_back + stricter
        return min(0, carry), max(0, held_back)

    def add(self, bill: Bill) -> None:
        self._held_back = min(self.into(bill.month)[1], -bill.carry)
        self.carry, self._experiment = bill.carry, bill.experiment_id
        rate = self._books.terms_for(bill.month).fee_rate_ppm
        self._parts.append(_Part(bill.month, rate, bill.billed))

    def give_back(self, month: int) -> Credit | None:
        """The credit of what is carried, as far as it was billed; None where there is nothing to credit."""
        before = self.carry
        credited = min(-before - self._held_back, sum(part.held for part in self._parts))
        if not credited:
            return None
        fee = self._take(self._parts, credited)
        self.carry = before + credited
        return Credit(self._books.store_id, month, self._experiment, before, credited, self.carry, fee)

    def give_back_late(self, month: int, stint: Stint, given: GivenBack | None) -> LateCredit | None:
        """The credit for refunds that no reading counts; None where there is nothing to credit."""
        first, experiment, read = stint.first, stint.experiment_id, stint.reading.month
        before = self._late.get((first, read), 0)
        billed = sum(part.held for part in self._of(first, experiment)) + before
        due = 0 if given is None else proportion(billed, given.given_back, given.attributed)
        if given is None or due <= before:
            return None
        fee = self._take_late(first, experiment, read, due - before)
        store = self._books.store_id
        return LateCredit(store, month, first, experiment, read, billed, *given, due - before, fee)

    def _take_late(self, first: int, experiment_id: str, read_month: int, revenue: int) -> int:
        self._late[first, read_month] = self._late.get((first, read_month), 0) + revenue
        return self._take(self._of(first, experiment_id), revenue)

    def _of(self, first: int, experiment_id: str) -> list[_Part]:
        """The parts of a stint: the experiment's months on end, from its first one on."""
        parts: list[_Part] = []
        for part in self._parts:
            if part.month == first + len(parts) and self._books.terms_for(part.month).experiment_id == experiment_id:
                parts.append(part)
        return parts

    def _take(self, parts: Sequence[_Part], revenue: int) -> int:
        """Take off what was billed last; the fee on it. A part that is taken bit by bit gives back its fee exactly."""
        fee = 0
        for part in reversed(parts):
            taken = min(part.held, revenue)
            fee += fee_on(part.held, part.rate_ppm) - fee_on(part.held - taken, part.rate_ppm)
            part.held -= taken
            revenue -= taken
        return fee


def early(reading: ReadingTold, terms: Terms, month: int) -> bool:
    """Whether a reading is from before the month's end and may still change."""
    return not reading.final and reading.as_of < month_span(month, zone(terms.time_zone))[1]


def target_of(reading: ReadingTold, rule: Rule) -> int:
    """What may be billed to date."""
    return reading.lower_bound_minor if rule is Rule.EXPERIMENT_LOWER_BOUND else reading.estimate_minor


def _starts_before(reading: ReadingTold, terms: Terms, month: int) -> bool:
    return month_of(reading.started_at, zone(terms.time_zone)) < month


def _bill(terms: Terms, readings: Readings, month: int, account: _Account) -> Bill | str:
    reading = readings.of_month(terms.experiment_id, month)
    if reading is None:
        return READING_MISSING
    before = 0
    if _starts_before(reading, terms, month):
        earlier = readings.of_month(terms.experiment_id, month - 1)
        if earlier is None:
            return READING_MISSING
        before = target_of(earlier, terms.rule)
    target, carry = target_of(reading, terms.rule), account.carry
    before += carry - account.into(month)[0]
    outstanding = carry + target - before
    revision = reading.revision if reading.month == month else 0
    billed = max(0, outstanding)
    return Bill(
        terms.store_id, month, terms.experiment_id, revision, before, target, carry, billed, min(0, outstanding)
    )
