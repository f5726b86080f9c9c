"""Corrections of closed months, by the terms of the month that they are about. Pure.

A closed month is stated again with its corrections so far, and again without those of the month at hand; what lies
between is the correction's fee. So corrections sum to what the month would have been billed had they been known, to the
minor unit, and a month gives back no more than it was billed: an ended contract nothing, one that compares with a
baseline no more than it was over it. Months that were billed on an experiment are left to its readings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kiki.council.syncledger.domain import Books, Rule, Terms
from kiki.council.syncledger.fees import Moved, Stated, fee_on


@dataclass(frozen=True, slots=True)
class Correction:
    """What a month's corrections come to."""

    revenue: int
    """That counts for the fee."""
    fee: int
    by_reading: int
    """Revenue that an experiment's readings count."""


def correct(books: Books, moved: Mapping[int, Moved], stated: Mapping[int, Stated]) -> Correction:
    """The corrections of a month, by the month that they are about."""
    revenue = fee = by_reading = 0
    for month, one in moved.items():
        terms = books.terms_for(month)
        if terms.rule.by_experiment:
            by_reading += one.revenue
            continue
        before = _counted(terms, one.before, stated.get(month))
        after = _counted(terms, one.before + one.revenue, stated.get(month))
        revenue += after - before
        fee += fee_on(after, terms.fee_rate_ppm) - fee_on(before, terms.fee_rate_ppm)
    return Correction(revenue, fee, by_reading)


def _counted(terms: Terms, revenue: int, stated: Stated | None) -> int:
    """What a closed month counts for its fee when its orders come to `revenue`."""
    if terms.rule is Rule.ENDED:
        return 0
    if not terms.rule.needs_baseline or stated is None or stated.current is None or stated.baseline is None:
        return revenue
    uplift = max(0, stated.current + revenue - stated.revenue - stated.baseline)
    return uplift if terms.rule is Rule.UPLIFT else min(revenue, uplift)
