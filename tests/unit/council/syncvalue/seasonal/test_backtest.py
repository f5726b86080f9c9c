"""The back-test knows only the past, and says who was nearer."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from kiki.council.syncvalue.seasonal.backtest import BackTest, Origin, back_test, benchmark_figures
from kiki.council.syncvalue.seasonal.model import outlook
from kiki.council.syncvalue.seasonal.series import Daily, month_after
from unit.council.syncvalue.seasonal.shops import START, before, shop


def origin(seasonal: float, plain: float, *, actual: float = 100.0, deviation: float = 0.05) -> Origin:
    months = np.full(12, actual)
    return Origin(dt.date(2024, 1, 1), True, months, np.full(12, seasonal), plain, deviation)


def test_origins_lie_three_months_apart_and_a_year_from_both_ends() -> None:
    series, end = shop(36, growth=0.2, season=0.3)
    tested = back_test(before(series, end))
    assert tested is not None
    assert [found.at for found in tested.origins] == [month_after(end, -12 - 3 * k) for k in range(4)]
    assert tested.error < 0.05 < tested.plain_error
    assert tested.seasonal_is_better


def test_what_comes_after_an_origin_does_not_change_what_it_expected() -> None:
    series, end = shop(27, growth=0.1)
    known = before(series, end)
    changed = known.revenue.copy()
    changed[(month_after(end, -12) - START).days :] *= 3
    first, second = back_test(known), back_test(Daily(START, changed))
    assert first is not None
    assert second is not None
    assert first.origins[0].seasonal.tolist() == second.origins[0].seasonal.tolist()
    assert first.origins[0].plain == second.origins[0].plain
    assert second.origins[0].actual.sum() == pytest.approx(3 * first.origins[0].actual.sum())


@pytest.mark.parametrize(("months", "origins"), [(23, 0), (24, 1), (26, 1), (30, 2), (48, 5)])
def test_history_decides_how_often_is_tested(months: int, origins: int) -> None:
    series, end = shop(months)
    tested = back_test(before(series, end))
    assert (0 if tested is None else len(tested.origins)) == origins


def test_the_plain_average_is_recommended_only_when_it_was_nearer_both_ways() -> None:
    assert BackTest((origin(101, 110),)).seasonal_is_better
    assert not BackTest((origin(130, 101),)).seasonal_is_better
    wavy = Origin(dt.date(2024, 1, 1), True, np.array([50.0, 150.0] * 6), np.array([60.0, 160.0] * 6), 99.0, 0.05)
    assert (wavy.error, wavy.plain_error) == pytest.approx((0.1, -0.01))
    assert BackTest((wavy,)).seasonal_is_better


def test_misses_stretch_the_interval_and_hits_let_it_be() -> None:
    hit, miss = (BackTest(tuple(origin(seasonal, 100) for _ in range(5))) for seasonal in (100, 140))
    assert 1.0 <= hit.stretch < 1.2 < miss.stretch <= 3.0
    assert (hit.covered(0.9), miss.covered(0.9)) == (1.0, 0.0)


def test_the_outlook_tells_the_back_test() -> None:
    series, end = shop(30, season=0.4)
    found = outlook(before(series, end))
    tested = back_test(before(series, end))
    assert tested is not None
    assert found.tested is not None
    assert (found.tested.origins, found.tested.error) == (len(tested.origins), tested.error)
    assert found.seasonal_recommended == tested.seasonal_is_better


@pytest.mark.slow
def test_simulated_stores_come_out_near_and_nearer_than_the_average() -> None:
    figures = benchmark_figures(16, seed=7)
    assert figures["median_error"] <= 0.06
    assert figures["median_error"] < figures["plain_median_error"]
    assert figures["recommended_median_error"] < figures["plain_median_error"]
    assert 0.75 <= figures["year_coverage_90"] <= 1.0


def test_the_figures_are_the_same_every_time() -> None:
    assert benchmark_figures(2, seed=7) == benchmark_figures(2, seed=7)
