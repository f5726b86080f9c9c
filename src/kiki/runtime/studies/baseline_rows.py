"""What the rows of a file of revenue stand for: days and orders as they are, months or weeks, and returns."""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from kiki.kit.textfile import BadFile
from kiki.runtime.studies.value_returns import net_of_returns

Rows = list[tuple[dt.date, float]]
Each = Literal["day", "week", "month"]
_FEWEST_PERIODS = 6
_WEEK = 7


@dataclass(frozen=True, slots=True)
class DayRows:
    """Revenue by day, and how it was told."""

    rows: Rows
    each: Each
    """What a row of the file was taken for; a day, or an order of one, unless all rows are a month or a week apart."""
    returns: int = 0
    """Rows with less than nothing: each was taken from the sales before it."""


def by_day(rows: Sequence[tuple[dt.date, float]]) -> DayRows:
    """Months and weeks spread evenly over their days, returns taken from the latest sales until their day.

    Rows are months where each month has one at most and all stand on its first day, or all on its last; weeks where
    each is a whole number of weeks from the next and some are one: the days from the row's on. Raises `BadFile` where
    there are returns alone.
    """
    net, returns = _net(rows)
    each = _each([day for day, _ in net])
    if each == "month":
        return DayRows([spread for row in net for spread in _month(*row)], each, returns)
    if each == "week":
        days = [[day + dt.timedelta(days=later) for later in range(_WEEK)] for day, _ in net]
        return DayRows(
            [(day, row[1] / _WEEK) for row, week in zip(net, days, strict=True) for day in week], each, returns
        )
    return DayRows(net, each, returns)


def _net(rows: Sequence[tuple[dt.date, float]]) -> tuple[Rows, int]:
    if all(amount >= 0 for _, amount in rows):
        return list(rows), 0
    days = np.array([day.toordinal() for day, _ in rows], dtype=np.int64)
    left = net_of_returns(np.zeros_like(days), days, np.array([amount for _, amount in rows]))
    if not len(left.day):
        raise BadFile("the file has returns alone (negative amounts), and no revenue")
    told = zip(left.day.tolist(), left.amount.tolist(), strict=True)
    return [(dt.date.fromordinal(day), amount) for day, amount in told], left.returns


def _each(days: Sequence[dt.date]) -> Each:
    if len(days) < _FEWEST_PERIODS or len(set(days)) < len(days):
        return "day"
    if all(day.day == 1 for day in days) or all(day.day == _length(day) for day in days):
        return "month"
    ordered = sorted(days)
    apart = {(later - earlier).days for earlier, later in pairwise(ordered)}
    return "week" if _WEEK in apart and all(days % _WEEK == 0 for days in apart) else "day"


def _month(day: dt.date, amount: float) -> Rows:
    days = _length(day)
    return [(day.replace(day=number), amount / days) for number in range(1, days + 1)]


def _length(day: dt.date) -> int:
    return calendar.monthrange(day.year, day.month)[1]
