"""Occasions fall on the days that calendars print."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiki.council.syncvalue.seasonal.holidays import (
    OCCASIONS,
    black_friday,
    easter,
    fathers_day,
    flags,
    mothers_day,
    nth_weekday,
)


@pytest.mark.parametrize(
    "day",
    ["1818-03-22", "1943-04-25", "1961-04-02", "2000-04-23", "2024-03-31", "2025-04-20", "2026-04-05", "2038-04-25"],
)
def test_easter_is_on_the_printed_day(day: str) -> None:
    assert easter(int(day[:4])) == dt.date.fromisoformat(day)


@given(st.integers(1600, 4000))
def test_easter_is_a_sunday_in_its_five_weeks(year: int) -> None:
    day = easter(year)
    assert day.weekday() == 6
    assert dt.date(year, 3, 22) <= day <= dt.date(year, 4, 25)


def test_moving_days_of_some_years() -> None:
    assert [black_friday(year).day for year in (2023, 2024, 2025, 2026)] == [24, 29, 28, 27]
    assert [mothers_day(year).day for year in (2023, 2024, 2025)] == [14, 12, 11]
    assert fathers_day(2025) == dt.date(2025, 6, 15)
    assert nth_weekday(2024, 9, 6, 1) == dt.date(2024, 9, 1)


def test_flags_mark_each_occasion_once_a_year() -> None:
    found = flags(dt.date(2021, 1, 1), 365 * 4 + 1)
    days = [occasion.last - occasion.first + 1 for occasion in OCCASIONS]
    assert found.sum(axis=0).tolist() == [4.0 * each for each in days]


@given(st.dates(dt.date(1990, 1, 1), dt.date(2100, 1, 1)), st.integers(1, 60), st.integers(0, 60))
def test_flags_of_a_part_are_part_of_the_flags(start: dt.date, days: int, later: int) -> None:
    whole = flags(start, days + later)
    assert (flags(start + dt.timedelta(days=later), days) == whole[later:]).all()
