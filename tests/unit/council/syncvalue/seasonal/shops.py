"""Daily revenue of made-up shops for the tests."""

from __future__ import annotations

import datetime as dt

import numpy as np

from kiki.council.syncvalue.seasonal.series import Daily, month_after

START = dt.date(2021, 3, 1)


def shop(
    months: int,
    *,
    growth: float = 0.0,
    season: float = 0.0,
    noise: float = 0.1,
    scale: float = 1_000.0,
    seed: int = 1,
) -> tuple[Daily, dt.date]:
    """So many months and twelve more, and the day between them. Growth a year and season on the log scale."""
    origin = month_after(START, months)
    days = (month_after(origin, 12) - START).days
    at = np.arange(days) / 365.25
    chance = np.random.default_rng(seed).normal(-(noise**2) / 2, noise, days)
    revenue = scale * np.exp(growth * at + season * np.cos(2 * np.pi * at) + chance)
    return Daily(START, revenue), origin


def before(series: Daily, day: dt.date) -> Daily:
    """What was known before a day."""
    return series.between(series.start, day)
