"""Corrections of closed months, by the terms of the month that they are about. Pure.

A closed month is stated again with its corrections so far, and again without those of the month at hand; what lies
between is the correction's fee. So corrections sum to what the month would have been billed had they been known, to the
minor unit, and a month gives back no more than it was billed: an ended contract nothing, one that compares with a
baseline no more than it was over it. What was counted before is what the last statement that corrected it says, so that
the sum holds although that one was made by other rules. Months billed on an experiment are left to its readings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kiki.council.syncledger.domain import Books, Rule, Terms
from kiki.council.syncledger.fees import Moved, Stated, fee_on


@dataclass(frozen=True, slots=True)
class MonthCorrected:
    """One closed month, stated again."""

    month: int
    terms: Terms
    moved: Moved
    stated: Stated | None
    before: int | None
    """What it counted for the fee without these corrections; None where an experiment's readings count them."""
    after: int | None
    """The same with them."""

    @property
    def revenue(self) -> int:
        """That counts for the fee."""
        return 0 if self.after is None or self.before is None else self.after - self.before

    @property
    def fee(self) -> int:
        """What lies between the month's fee with these corrections and without."""
        if self.after is None or self.before is None:
            return 0
        return fee_on(self.after, self.terms.fee_rate_ppm) - fee_on(self.before, self.terms.fee_rate_ppm)


@dataclass(frozen=True, slots=True)
class Correction:
    """What a month's corrections come to."""

    months: tuple[MonthCorrected, ...]
    """Oldest first."""

    @property
    def revenue(self) -> int:
        """That counts for the fee."""
        return sum(one.revenue for one in self.months)

    @property
    def fee(self) -> int:
        """In all."""
        return sum(one.fee for one in self.months)

    @property
    def by_reading(self) -> int:
        """Revenue that an experiment's readings count."""
        return sum(one.moved.revenue for one in self.months if one.after is None)


def correct(books: Books, moved: Mapping[int, Moved], stated: Mapping[int, Stated]) -> Correction:
    """The corrections of a month, by the month that they are about."""
    months = []
    for month, one in sorted(moved.items()):
        terms, known = books.terms_for(month), stated.get(month)
        before = after = None
        if not terms.rule.by_experiment:
            before = known.counted if known is not None else None
            if before is None:
                before = _counted(terms, one.before, one.fallen_before, known)
            after = _counted(terms, one.before + one.revenue, one.fallen, known)
        months.append(MonthCorrected(month, terms, one, known, before, after))
    return Correction(tuple(months))


def _counted(terms: Terms, revenue: int, fallen: int, stated: Stated | None) -> int:
    """What a closed month counts for its fee when its orders come to `revenue`.

    What an order comes to less, the shop took less (`fallen`). What one comes to more the shop may have taken already,
    for it was not known to be ours: its revenue stays as stated, so that nothing is billed twice, and an order that is
    found late hides no refund of another.
    """
    if terms.rule is Rule.ENDED:
        return 0
    if not terms.rule.needs_baseline or stated is None or stated.current is None or stated.baseline is None:
        return revenue
    uplift = max(0, stated.current + fallen - stated.baseline)
    return uplift if terms.rule is Rule.UPLIFT else min(revenue, uplift)
