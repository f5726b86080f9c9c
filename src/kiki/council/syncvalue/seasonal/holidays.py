"""Days on which shops sell more or less than their season explains, by rule: fixed dates and moving ones.

Every occasion is a span of days around an anchor. The anchors are computed for any year of the Gregorian calendar;
nothing is looked up.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_THURSDAY, _SUNDAY = 3, 6


@dataclass(frozen=True, slots=True)
class Occasion:
    """A span of days that recurs every year: from `first` to `last` days after the anchor, both included."""

    name: str
    anchor: Callable[[int], dt.date]
    first: int
    last: int


def easter(year: int) -> dt.date:
    """Easter Sunday of the Gregorian calendar (the anonymous computus, Nature 13 (1876), p. 487)."""
    golden = year % 19
    century, rest = divmod(year, 100)
    leap_centuries, odd = divmod(century, 4)
    moon = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - leap_centuries - moon + 15) % 30
    weekday = (32 + 2 * odd + 2 * (rest // 4) - epact - rest % 4) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return dt.date(year, month, day + 1)


def nth_weekday(year: int, month: int, weekday: int, nth: int) -> dt.date:
    """The nth such weekday (Monday is 0) of a month; the first is 1."""
    first = dt.date(year, month, 1)
    return first + dt.timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))


def black_friday(year: int) -> dt.date:
    """The day after the fourth Thursday of November."""
    return nth_weekday(year, 11, _THURSDAY, 4) + dt.timedelta(days=1)


def mothers_day(year: int) -> dt.date:
    """The second Sunday of May, as in most of the world."""
    return nth_weekday(year, 5, _SUNDAY, 2)


def fathers_day(year: int) -> dt.date:
    """The third Sunday of June."""
    return nth_weekday(year, 6, _SUNDAY, 3)


def _on(month: int, day: int) -> Callable[[int], dt.date]:
    def anchor(year: int) -> dt.date:
        return dt.date(year, month, day)

    return anchor


OCCASIONS = (
    Occasion("new_year", _on(1, 1), 0, 0),
    Occasion("first_week", _on(1, 1), 1, 6),
    Occasion("before_valentine", _on(2, 14), -7, -2),
    Occasion("before_easter", easter, -10, -3),
    Occasion("easter", easter, -2, 1),
    Occasion("before_mothers_day", mothers_day, -8, -2),
    Occasion("before_fathers_day", fathers_day, -8, -2),
    Occasion("whitsun", easter, 48, 50),
    Occasion("halloween", _on(10, 31), -8, -1),
    Occasion("singles_day", _on(11, 11), 0, 0),
    Occasion("black_week", black_friday, -4, -1),
    Occasion("black_friday", black_friday, 0, 0),
    Occasion("black_weekend", black_friday, 1, 2),
    Occasion("cyber_monday", black_friday, 3, 3),
    Occasion("cyber_week", black_friday, 4, 6),
    Occasion("advent", _on(12, 1), 4, 13),
    Occasion("before_christmas", _on(12, 25), -10, -5),
    Occasion("last_before_christmas", _on(12, 25), -4, -2),
    Occasion("christmas", _on(12, 25), -1, 1),
    Occasion("between_the_years", _on(12, 25), 2, 6),
)
"""A day may belong to several."""


def flags(start: dt.date, days: int) -> NDArray[np.float64]:
    """(days, len(OCCASIONS)): 1 where a day belongs to an occasion, else 0."""
    found = np.zeros((days, len(OCCASIONS)))
    end = start + dt.timedelta(days=days)
    for year in range(start.year - 1, end.year + 2):
        for column, (first, last) in enumerate(_spans(year)):
            found[max(first - start.toordinal(), 0) : max(last + 1 - start.toordinal(), 0), column] = 1.0
    return found


@lru_cache(maxsize=256)
def _spans(year: int) -> tuple[tuple[int, int], ...]:
    """First and last day of every occasion of a year, as ordinals."""
    return tuple(
        (day + occasion.first, day + occasion.last)
        for occasion in OCCASIONS
        for day in (occasion.anchor(year).toordinal(),)
    )
