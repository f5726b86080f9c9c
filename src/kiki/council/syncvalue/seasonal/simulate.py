"""Simulated stores for the back-test: order by order, with structure that the model does not know.

What the model has no term for: seasons that are bumps and not sines, whose height and date vary by year; pay-day
swings; weekly patterns that flatten before Christmas; holidays that grow with the years; slopes that change at random
times, in the hold-out too; stock-outs; noise with a memory of days and of months; order values with a Pareto tail.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

from kiki.council.syncvalue.seasonal.holidays import black_friday, easter, mothers_day
from kiki.council.syncvalue.seasonal.outlook import Promotion
from kiki.council.syncvalue.seasonal.series import Array, Daily, month_after, promotion_days

ARCHETYPES = ("growth", "decline", "christmas", "summer", "weekly", "promotions", "small", "level_shift")
_YEAR = 365.25


@dataclass(frozen=True, slots=True)
class SimulatedStore:
    """A store's history with the year after it: `origin` is the first day of the hold-out."""

    archetype: str
    series: Daily
    origin: dt.date
    promotions: tuple[Promotion, ...]
    expected: Array
    """Mean revenue of each day given everything but the order values and counts: what a clairvoyant would say."""

    @property
    def history(self) -> Daily:
        """What is known at the origin."""
        return self.series.between(self.series.start, self.origin)


def stores(count: int, seed: int, roughness: float = 1.0) -> list[SimulatedStore]:
    """So many stores, archetypes in turn; the same for the same seed and roughness."""
    seeds = np.random.SeedSequence(seed).spawn(count)
    kinds = (ARCHETYPES[number % len(ARCHETYPES)] for number in range(count))
    return [store(kind, np.random.default_rng(own), roughness) for kind, own in zip(kinds, seeds, strict=True)]


def store(archetype: str, rng: np.random.Generator, roughness: float = 1.0) -> SimulatedStore:
    """One store with 30 to 48 months of history and a hold-out of twelve months.

    `roughness` multiplies what cannot be foreseen: changes of slope, the seasons' and holidays' variation from year to
    year, and the noise; 1 is a store as they are usually told of, 2 one that is hard.
    """
    start = dt.date(2021, int(rng.integers(1, 13)), 1)
    origin = month_after(start, int(rng.integers(30, 49)))
    days = (month_after(origin, 12) - start).days
    promotions = _promotions(archetype, start, days, rng)
    per_day = (
        float(rng.uniform(1.2, 4.0)) if archetype == "small" else float(np.exp(rng.uniform(np.log(8), np.log(80))))
    )
    log_rate = (
        _trend(archetype, days, (origin - start).days, roughness, rng)
        + _season(archetype, start, days, roughness, rng)
        + _week(archetype, start, days, rng)
        + _occasions(archetype, start, days, roughness, rng)
        + float(rng.uniform(0.25, 0.6)) * promotion_days(promotions, start, days)
        + _noise(days, roughness, rng)
    )
    rate = per_day * np.exp(log_rate - log_rate[:365].mean())
    value, mean_value = _order_values(rng)
    price = np.exp(float(rng.normal(0.025, 0.015)) * np.arange(days) / _YEAR)
    orders = rng.poisson(rate)
    revenue = np.bincount(np.repeat(np.arange(days), orders), weights=value(int(orders.sum())), minlength=days) * price
    revenue += _bulk_orders(days, float(mean_value * rate.mean()), rng)
    return SimulatedStore(archetype, Daily(start, revenue), origin, promotions, rate * mean_value * price)


def _trend(archetype: str, days: int, origin: int, roughness: float, rng: np.random.Generator) -> Array:
    """Piecewise linear: a slope lasts two years on average, the next one keeps half of what was unusual in it."""
    drift = {"growth": rng.uniform(0.12, 0.4), "decline": rng.uniform(-0.3, -0.1)}.get(
        archetype, rng.normal(0.04, 0.08)
    )
    slope = drift + rng.normal(0, 0.04 * roughness)
    slopes = np.empty(days)
    day = 0
    while day < days:
        until = day + 60 + int(rng.exponential(2 * _YEAR))
        slopes[day:until] = slope
        day, slope = until, drift + 0.5 * (slope - drift) + rng.normal(0, 0.04 * roughness)
    trend = np.cumsum(slopes) / _YEAR
    if archetype == "level_shift":
        at = int(rng.uniform(0.25, 0.9) * origin)
        trend[at:] += rng.choice([-1, 1]) * rng.uniform(0.2, 0.45)
    return np.asarray(trend, dtype=np.float64)


def _season(archetype: str, start: dt.date, days: int, roughness: float, rng: np.random.Generator) -> Array:
    """Bumps around days of the year; their height varies by year (8 %), their date by days."""
    strength = {"christmas": 0.7, "summer": 0.2, "weekly": 0.15}.get(archetype, 0.3)
    bumps = [
        (345.0, strength, 22.0),
        (float(rng.uniform(60, 300)), float(rng.normal(0, 0.2)), float(rng.uniform(20, 50))),
    ]
    if archetype == "summer":
        bumps.append((float(rng.uniform(130, 200)), float(rng.uniform(0.6, 1.0)), float(rng.uniform(35, 55))))
    season = np.zeros(days)
    at = np.arange(days) + (start - dt.date(start.year, 1, 1)).days
    for centre, height, width in bumps:
        for year in range(-1, days // 365 + 3):
            peak = centre + year * _YEAR + rng.normal(0, 2 * roughness)
            season += height * (1 + rng.normal(0, 0.08 * roughness)) * np.exp(-0.5 * ((at - peak) / width) ** 2)
    return season


def _week(archetype: str, start: dt.date, days: int, rng: np.random.Generator) -> Array:
    """Seven levels that flatten in December, and a pay-day swing over the month."""
    spread = 0.45 if archetype == "weekly" else 0.15
    levels = rng.normal(0, spread, 7)
    dates = [start + dt.timedelta(days=k) for k in range(days)]
    weekday = np.array([day.weekday() for day in dates])
    month_day = np.array([day.day for day in dates])
    flat = np.array([0.5 if day.month == 12 else 1.0 for day in dates])
    return np.asarray(levels[weekday] * flat + rng.uniform(0, 0.08) * np.cos(2 * np.pi * (month_day - 1) / 30.4))


def _occasions(archetype: str, start: dt.date, days: int, roughness: float, rng: np.random.Generator) -> Array:
    """Black Friday with its weekend, the run-up to Christmas, Easter, Mother's Day; heights vary by year."""
    scale = 1.5 if archetype == "christmas" else 1.0
    friday, run_up, spring, mother = (
        scale * rng.uniform(0.4, 1.2),
        scale * 0.25,
        rng.normal(-0.1, 0.15),
        rng.uniform(0, 0.4),
    )
    growth = rng.uniform(0.0, 0.1)
    effect = np.zeros(days)

    def add(day: dt.date, first: int, last: int, height: float) -> None:
        begin = (day - start).days
        effect[max(begin + first, 0) : max(begin + last + 1, 0)] += height * (1 + rng.normal(0, 0.08 * roughness))

    for year in range(start.year, start.year + days // 365 + 2):
        grown = 1 + growth * (year - start.year)
        add(black_friday(year), -1, -1, 0.3 * friday * grown)
        add(black_friday(year), 0, 0, friday * grown)
        add(black_friday(year), 1, 3, 0.6 * friday * grown)
        add(dt.date(year, 12, 25), -14, -5, run_up)
        add(dt.date(year, 12, 25), -2, 5, -0.45)
        add(easter(year), -3, 1, spring)
        add(mothers_day(year), -9, -3, mother)
    return effect


def _promotions(archetype: str, start: dt.date, days: int, rng: np.random.Generator) -> tuple[Promotion, ...]:
    """Five to nine a year of five to twelve days for a store that lives on them, none for others."""
    if archetype != "promotions":
        return ()
    count = int(rng.integers(5, 10) * days / _YEAR)
    firsts = np.sort(rng.integers(0, days, count))
    return tuple(
        Promotion(start + dt.timedelta(days=int(first)), start + dt.timedelta(days=int(first + rng.integers(4, 12))))
        for first in firsts
    )


def _noise(days: int, roughness: float, rng: np.random.Generator) -> Array:
    """Memory of days (AR 0.7, 9 %), of a month (AR 0.97, 3 %), and a few days of stock-out."""
    noise = _autoregressive(days, 0.7, 0.09 * roughness, rng) + _autoregressive(days, 0.97, 0.03 * roughness, rng)
    for day in rng.integers(0, days, rng.poisson(roughness * days / _YEAR)):
        noise[day : day + int(rng.integers(2, 8))] -= rng.uniform(0.3, 0.9)
    return noise


def _autoregressive(days: int, memory: float, deviation: float, rng: np.random.Generator) -> Array:
    from scipy.signal import lfilter

    shocks = rng.standard_t(5, days) * np.sqrt(3 / 5) * deviation * np.sqrt(1 - memory**2)
    return np.asarray(lfilter([1.0], [1.0, -memory], shocks), dtype=np.float64)


class _Values:
    """Order values: log-normal, one in fifty from a Pareto tail (index 2.5)."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._median = float(np.exp(rng.uniform(np.log(25), np.log(90))))
        self._spread = float(rng.uniform(0.5, 0.9))
        self.mean = 0.98 * self._median * float(np.exp(self._spread**2 / 2)) + 0.02 * 3 * self._median * 2.5 / 1.5

    def __call__(self, count: int) -> Array:
        usual = self._median * np.exp(self._rng.normal(0, self._spread, count))
        large = 3 * self._median * (1 + self._rng.pareto(2.5, count))
        return np.where(self._rng.random(count) < 0.02, large, usual)


def _order_values(rng: np.random.Generator) -> tuple[_Values, float]:
    values = _Values(rng)
    return values, values.mean


def _bulk_orders(days: int, mean_revenue: float, rng: np.random.Generator) -> Array:
    """An order as large as two to eight days' revenue, about every second year."""
    extra = np.zeros(days)
    for day in rng.integers(0, days, rng.poisson(0.5 * days / _YEAR)):
        extra[day] += mean_revenue * rng.uniform(2, 8)
    return extra
