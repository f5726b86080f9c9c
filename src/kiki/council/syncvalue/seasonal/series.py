"""What a forecast is made from: paid revenue by day, and the months of a calendar."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kiki.council.syncvalue.errors import BadRequest
from kiki.council.syncvalue.seasonal.outlook import Promotion

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
MAX_DAYS = 36_600


@dataclass(frozen=True, slots=True)
class Daily:
    """Revenue per day, none left out, in any unit: `revenue[0]` is that of `start`."""

    start: dt.date
    revenue: Array

    @property
    def end(self) -> dt.date:
        """The day after the last one."""
        return self.start + dt.timedelta(days=len(self.revenue))

    def between(self, first: dt.date, end: dt.date) -> Daily:
        """The days from `first` up to `end`, as far as there are any."""
        begin = max(first, self.start)
        return Daily(begin, self.revenue[(begin - self.start).days : max((end - self.start).days, 0)])

    def total(self, first: dt.date, end: dt.date) -> float:
        """Revenue from `first` up to `end`."""
        return float(self.between(first, end).revenue.sum())


def daily(rows: Iterable[tuple[dt.date, float]], end: dt.date | None = None) -> Daily:
    """Sums rows by day; days without one are 0, up to `end` (exclusive) when it is given.

    Raises `BadRequest` for no rows, a figure that is not finite or negative, or a span of more than a hundred years.
    """
    sums: dict[int, float] = {}
    for day, amount in rows:
        if not (np.isfinite(amount) and amount >= 0):
            raise BadRequest(f"revenue of {day} is a number of 0 or more, got {amount}", reason="BAD_REVENUE")
        sums[day.toordinal()] = sums.get(day.toordinal(), 0.0) + amount
    if not sums:
        raise BadRequest("a revenue series has at least one day, got none", reason="NO_REVENUE")
    first, stop = min(sums), max(sums) + 1 if end is None else end.toordinal()
    if not 0 < stop - first <= MAX_DAYS:
        raise BadRequest(f"a revenue series spans 1 to {MAX_DAYS} days, got {stop - first}", reason="BAD_SPAN")
    revenue = np.zeros(stop - first)
    for ordinal, amount in sums.items():
        if ordinal < stop:
            revenue[ordinal - first] += amount
    return Daily(dt.date.fromordinal(first), revenue)


def month_after(day: dt.date, months: int = 1) -> dt.date:
    """The first day of the month that lies `months` after the day's own (0: its own, negative: before)."""
    index = day.year * 12 + day.month - 1 + months
    return dt.date(index // 12, index % 12 + 1, 1)


def month_edges(first: dt.date, months: int) -> list[dt.date]:
    """The first days of so many months from that of `first` on, and of the one after them."""
    return [month_after(first, k) for k in range(months + 1)]


def whole_months(series: Daily) -> Daily:
    """The series from the first month on that it holds whole, up to the last such month's end; may be empty."""
    first = series.start if series.start.day == 1 else month_after(series.start)
    return series.between(first, month_after(series.end, 0))


def from_first_sale(series: Daily) -> Daily:
    """The series without the days before anything was sold; empty when nothing was."""
    sold = np.flatnonzero(series.revenue)
    first = int(sold[0]) if sold.size else len(series.revenue)
    return series.between(series.start + dt.timedelta(days=first), series.end)


def promotion_days(promotions: Sequence[Promotion], start: dt.date, days: int) -> Array:
    """1 on days with a promotion, else 0."""
    found = np.zeros(days)
    for promotion in promotions:
        begin = max((promotion.first - start).days, 0)
        found[begin : max((promotion.last - start).days + 1, 0)] = 1.0
    return found
