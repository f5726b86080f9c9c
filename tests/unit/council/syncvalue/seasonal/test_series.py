"""Days, months and their sums."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from kiki.council.syncvalue.errors import BadRequest
from kiki.council.syncvalue.seasonal.outlook import Promotion
from kiki.council.syncvalue.seasonal.series import Daily, daily, month_after, promotion_days, whole_months

JAN = dt.date(2024, 1, 1)


def test_rows_of_a_day_are_summed_and_days_without_are_zero() -> None:
    rows = [(dt.date(2024, 1, 3), 5.0), (JAN, 1.0), (dt.date(2024, 1, 3), 2.0)]
    assert daily(rows).revenue.tolist() == [1, 0, 7]
    assert daily(rows, dt.date(2024, 1, 6)).revenue.tolist() == [1, 0, 7, 0, 0]
    assert daily(rows, dt.date(2024, 1, 2)).revenue.tolist() == [1]


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([], "NO_REVENUE"),
        ([(JAN, -1.0)], "BAD_REVENUE"),
        ([(JAN, float("nan"))], "BAD_REVENUE"),
        ([(JAN, 1.0), (dt.date(1800, 1, 1), 1.0)], "BAD_SPAN"),
    ],
    ids=["none", "negative", "not a number", "too long"],
)
def test_rows_that_cannot_be_are_refused(rows: list[tuple[dt.date, float]], reason: str) -> None:
    with pytest.raises(BadRequest) as refused:
        daily(rows)
    assert refused.value.reason == reason


def test_months_go_over_years() -> None:
    assert month_after(dt.date(2024, 11, 30), 2) == dt.date(2025, 1, 1)
    assert month_after(dt.date(2024, 1, 15), -1) == dt.date(2023, 12, 1)
    assert month_after(dt.date(2024, 1, 15), 0) == JAN


def test_whole_months_leave_out_parts() -> None:
    series = Daily(dt.date(2024, 1, 2), np.ones(80))
    whole = whole_months(series)
    assert (whole.start, whole.end) == (dt.date(2024, 2, 1), dt.date(2024, 3, 1))
    assert len(whole_months(Daily(dt.date(2024, 1, 2), np.ones(10))).revenue) == 0


def test_promotions_mark_their_days_also_those_that_began_before() -> None:
    found = promotion_days(
        [Promotion(dt.date(2023, 12, 20), dt.date(2024, 1, 2)), Promotion(dt.date(2023, 1, 1), dt.date(2023, 1, 5))],
        JAN,
        4,
    )
    assert found.tolist() == [1, 1, 0, 0]
