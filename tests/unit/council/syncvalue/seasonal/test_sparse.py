"""A shop that seldom sells is forecast by what it sells, and not by the days on which it does not."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiki.council.syncvalue.seasonal.model import outlook
from kiki.council.syncvalue.seasonal.series import Daily
from kiki.council.syncvalue.seasonal.sparse import evened, usual_span

START = dt.date(2022, 1, 1)


def sales(part: float, days: int = 730, seed: int = 1) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Revenue on so large a part of the days, about 100 a day in the mean."""
    generator = np.random.default_rng(seed)
    return np.where(generator.random(days) < part, generator.gamma(4.0, 25.0, days) / part, 0.0)


@pytest.mark.parametrize(
    ("part", "span"),
    [(1.0, 1), (0.7, 1), (0.2, 7), (0.05, 28), (0.01, 91)],
    ids=["all", "most", "few", "fewer", "least"],
)
def test_the_span_follows_how_often_something_is_sold(part: float, span: int) -> None:
    assert usual_span(sales(part)) == span


def test_a_season_without_sales_does_not_make_a_shop_sparse() -> None:
    revenue = sales(1.0)
    revenue[200:500] = 0.0
    series = Daily(START, revenue)
    assert evened(series) is series


@given(
    st.integers(84, 400),
    st.lists(st.tuples(st.integers(0, 399), st.floats(0.01, 1e6)), min_size=1, max_size=20),
)
def test_spreading_keeps_the_total_and_every_span(days: int, sold: list[tuple[int, float]]) -> None:
    revenue = np.zeros(days)
    for day, amount in sold:
        revenue[day % days] += amount
    spread = evened(Daily(START, revenue))
    assert (spread.start, len(spread.revenue)) == (START, days)
    assert spread.revenue.sum() == pytest.approx(revenue.sum())
    span = usual_span(revenue)
    assert spread.revenue[-span:].sum() == pytest.approx(revenue[-span:].sum())


@pytest.mark.parametrize("part", [0.25, 0.1], ids=["two a week", "three a month"])
def test_a_shop_that_seldom_sells_is_expected_to_sell_as_it_did(part: float) -> None:
    """The model used to cut each sale as a freak: 16 % of the revenue was left at one sale in ten days."""
    found = outlook(Daily(START, sales(part)), months=12)
    assert found.year.expected == pytest.approx(36_500, rel=0.3)
    assert found.year.lower < 36_500 < found.year.upper
