"""Calendar months: where they begin, and what follows."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiki.orchestrator.closing.months import Month


@pytest.mark.parametrize(
    ("zone", "month"), [("UTC", "2026-09"), ("Europe/Berlin", "2026-10"), ("America/New_York", "2026-09")]
)
def test_a_month_begins_where_the_shop_is(zone: str, month: str) -> None:
    assert Month.at(dt.datetime(2026, 9, 30, 22, 30, tzinfo=dt.UTC), zone).text == month


@given(st.integers(2, 9998), st.integers(1, 12))
def test_twelve_months_on_it_is_the_same_month_of_the_next_year(year: int, number: int) -> None:
    month = Month(year, number)
    assert Month.read(month.text) == month
    for _ in range(12):
        assert month.following > month
        month = month.following
    assert month == Month(year + 1, number)
