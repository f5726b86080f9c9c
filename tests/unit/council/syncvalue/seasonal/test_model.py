"""What the forecast promises of any series, and what it learns from some."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiki.council.syncvalue.errors import CannotForecast
from kiki.council.syncvalue.seasonal.fitting import fit
from kiki.council.syncvalue.seasonal.forecast import forecast
from kiki.council.syncvalue.seasonal.model import outlook
from kiki.council.syncvalue.seasonal.outlook import Promotion
from kiki.council.syncvalue.seasonal.series import Daily, month_after
from properties import examples
from unit.council.syncvalue.seasonal.shops import START, before, shop


def year_of(series: Daily, origin: dt.date) -> float:
    return series.total(origin, month_after(origin, 12))


@pytest.mark.parametrize(
    ("growth", "season"), [(0.0, 0.0), (0.3, 0.0), (-0.25, 0.2), (0.15, 0.5)], ids=["flat", "up", "down", "both"]
)
def test_trend_and_season_are_carried_on(growth: float, season: float) -> None:
    series, origin = shop(36, growth=growth, season=season)
    found = outlook(before(series, origin))
    assert found.year.expected == pytest.approx(year_of(series, origin), rel=0.04)
    months = [series.total(month_after(origin, k), month_after(origin, k + 1)) for k in range(12)]
    assert [span.expected for span in found.months[:12]] == pytest.approx(months, rel=0.12)
    assert found.yearly
    assert found.first == origin
    assert len(found.months) == 24
    assert found.year.lower <= year_of(series, origin) <= found.year.upper


def test_weekdays_without_sales_stay_without() -> None:
    series, origin = shop(30)
    weekend = (series.start.weekday() + np.arange(len(series.revenue))) % 7 >= 5
    closed = replace(series, revenue=np.where(weekend, 0.0, series.revenue))
    found = outlook(before(closed, origin))
    assert found.year.expected == pytest.approx(year_of(closed, origin), rel=0.05)


def test_black_friday_moves_with_its_date() -> None:
    series, _ = shop(36, noise=0.05)
    revenue = series.revenue.copy()
    for day in (dt.date(2021, 11, 26), dt.date(2022, 11, 25), dt.date(2023, 11, 24)):
        revenue[(day - START).days] *= 5
    fitted = fit(before(Daily(START, revenue), dt.date(2024, 3, 1)))
    quiet = fit(before(series, dt.date(2024, 3, 1)))
    november = [forecast(found, 12).expected[8] for found in (fitted, quiet)]
    assert november[0] - november[1] == pytest.approx(4 * series.revenue.mean(), rel=0.25)


def test_a_told_promotion_of_the_past_does_not_raise_what_is_expected() -> None:
    series, origin = shop(30, noise=0.05)
    first = origin - dt.timedelta(days=40)
    promotion = Promotion(first, first + dt.timedelta(days=29))
    revenue = series.revenue.copy()
    revenue[(first - START).days : (first - START).days + 30] *= 2
    raised = before(Daily(START, revenue), origin)
    plain = outlook(before(series, origin)).year.expected
    assert outlook(raised, [promotion]).year.expected == pytest.approx(plain, rel=0.02)
    assert outlook(raised).year.expected > 1.03 * plain
    planned = Promotion(origin, origin + dt.timedelta(days=29))
    month = outlook(raised, [promotion, planned]).months[0].expected
    assert month == pytest.approx(2 * outlook(raised, [promotion]).months[0].expected, rel=0.1)


def test_a_shop_that_promotes_every_year_is_taken_to_go_on() -> None:
    series, origin = shop(36, noise=0.05)
    revenue = series.revenue.copy()
    starts = range(10, len(revenue) - 10, 60)
    for day in starts:
        revenue[day : day + 10] *= 1.8
    promotions = [Promotion(START + dt.timedelta(days=k), START + dt.timedelta(days=k + 9)) for k in starts]
    told = [promotion for promotion in promotions if promotion.first < origin]
    habitual = Daily(START, revenue)
    truth = year_of(habitual, origin)
    fitted = fit(before(habitual, origin), told)
    assert forecast(fitted, 12, told).total() == pytest.approx(truth, rel=0.04)
    assert forecast(fitted, 12, promotions).total() == pytest.approx(truth, rel=0.04)
    once = Promotion(month_after(origin, 20), month_after(origin, 21))
    assert forecast(fitted, 12, [*told, once]).total() < 0.93 * truth


def test_one_freak_day_moves_little() -> None:
    series, origin = shop(30)
    revenue = series.revenue.copy()
    revenue[-500] *= 200
    plain = outlook(before(series, origin)).year.expected
    freak = outlook(before(Daily(START, revenue), origin)).year.expected
    assert freak == pytest.approx(plain, rel=0.05)


def test_a_lasting_step_is_followed() -> None:
    series, origin = shop(36)
    revenue = series.revenue.copy()
    revenue[(origin - START).days - 240 :] *= 0.6
    stepped = Daily(START, revenue)
    fitted = fit(before(stepped, origin))
    assert len(fitted.layout.steps) == 1
    assert fitted.layout.steps[0] == pytest.approx(240, abs=14)
    assert forecast(fitted, 12).total() == pytest.approx(year_of(stepped, origin), rel=0.05)


def test_totals_of_the_past_agree_after_smearing() -> None:
    rng = np.random.default_rng(3)
    orders = rng.poisson(1.5, 900)
    revenue = np.array([rng.lognormal(4, 1, count).sum() for count in orders])
    fitted = fit(Daily(START, revenue).between(START, month_after(START, 29)))
    residuals = fitted.residuals
    assert abs(residuals.mean()) < 0.2 * residuals.std()
    year = forecast(fitted, 12).total()
    assert year == pytest.approx(365 * 1.5 * np.exp(4.5), rel=0.15)


def test_less_than_fourteen_months_has_no_yearly_season() -> None:
    series, _ = shop(30, season=0.4)
    short, longer = (outlook(before(series, month_after(START, months))) for months in (13, 15))
    assert (short.yearly, longer.yearly) == (False, True)
    assert short.tested is None
    assert not short.seasonal_recommended
    assert (short.history_months, longer.history_months) == (13, 15)


def test_too_little_is_refused() -> None:
    series, _ = shop(12)
    for months, reason in ((2, "TOO_SHORT"), (0, "NO_REVENUE")):
        with pytest.raises(CannotForecast) as refused:
            outlook(before(series, month_after(START, months)))
        assert refused.value.reason == reason
    with pytest.raises(CannotForecast) as empty:
        outlook(Daily(START, np.zeros(400)))
    assert empty.value.reason == "NO_REVENUE"


def test_days_before_the_first_sale_and_the_last_part_of_a_month_do_not_count() -> None:
    series, origin = shop(26)
    known = before(series, origin)
    early = Daily(START - dt.timedelta(days=200), np.concatenate([np.zeros(200), known.revenue]))
    late = before(series, origin + dt.timedelta(days=11))
    assert outlook(early) == outlook(known) == outlook(late)


def test_the_interval_widens_with_the_noise_and_ahead() -> None:
    calm, wild = (outlook(before(*shop(36, noise=noise))) for noise in (0.05, 0.6))
    assert wild.year.upper - wild.year.lower > 1.5 * (calm.year.upper - calm.year.lower)
    width = [(span.upper - span.lower) / span.expected for span in calm.months]
    assert np.mean(width[12:]) > np.mean(width[:12])


@settings(max_examples=examples(20), deadline=None)
@given(st.floats(1e-3, 1e9), st.integers(0, 10**6))
def test_the_unit_of_money_does_not_matter(factor: float, seed: int) -> None:
    series, origin = shop(16, growth=0.2, season=0.3, noise=0.4, seed=seed)
    known = before(series, origin)
    ours, theirs = outlook(known), outlook(Daily(START, known.revenue * factor))
    assert [s.expected * factor for s in ours.months] == pytest.approx([s.expected for s in theirs.months], rel=1e-6)
    assert ours.year.lower * factor == pytest.approx(theirs.year.lower, rel=1e-6)


@settings(max_examples=examples(40), deadline=None)
@given(st.data())
def test_any_series_gives_ordered_finite_figures_or_a_clear_refusal(data: st.DataObject) -> None:
    days = data.draw(st.integers(84, 1_000))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    share = data.draw(st.sampled_from([0.01, 0.1, 0.7, 1.0]))
    revenue = rng.lognormal(data.draw(st.floats(-5, 20)), data.draw(st.floats(0, 4)), days) * (rng.random(days) < share)
    if data.draw(st.booleans()):
        revenue[data.draw(st.integers(0, days - 1)) :] = 0.0
    promotions = [Promotion(START + dt.timedelta(days=int(k)), START + dt.timedelta(days=int(k) + 9)) for k in (5, 300)]
    try:
        found = outlook(Daily(START, revenue), promotions)
    except CannotForecast:
        return
    for span in (*found.months, found.year):
        assert 0 <= span.lower <= span.expected <= span.upper
        assert np.isfinite(span.upper)
    assert outlook(Daily(START, revenue), promotions) == found


def test_the_power_is_that_of_the_days_own_spread() -> None:
    rng = np.random.default_rng(5)
    weekly = np.tile([4.0, 8.0, 16.0, 32.0, 64.0, 32.0, 8.0], 130)
    counted = np.array([rng.lognormal(4, 0.3, count).sum() for count in rng.poisson(weekly)])
    swaying = weekly * 100 * rng.lognormal(0, 0.3, weekly.size)
    powers = [fit(Daily(START, days).between(START, month_after(START, 29))).power for days in (counted, swaying)]
    assert powers[0] < 1.3, "orders that come one by one vary with the mean"
    assert powers[1] > 1.7, "a trade that sways as a whole varies with its square"
