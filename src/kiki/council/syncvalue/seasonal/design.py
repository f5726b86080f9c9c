"""What a day's expected revenue is made of: columns of the linear predictor, and how far each may move.

The predictor is the logarithm of expected revenue. The trend is given by its value at knots a month apart, counted
back and forth from the origin, and is linear between them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kiki.council.syncvalue.seasonal import holidays
from kiki.council.syncvalue.seasonal.outlook import Promotion
from kiki.council.syncvalue.seasonal.series import Array, promotion_days

YEAR_DAYS = 365.2425
KNOT_DAYS = YEAR_DAYS / 12
_WEEKDAYS = 7


@dataclass(frozen=True, slots=True)
class Layout:
    """How many columns each part has, in their order: knots, season, week, holidays, promotions."""

    knots: int
    harmonics: int
    promotions: bool
    steps: tuple[int, ...] = ()
    """Days before the origin on which the level moved at once and for good."""

    @property
    def season(self) -> slice:
        """The yearly season: a cosine and a sine per harmonic."""
        return slice(self.knots, self.knots + 2 * self.harmonics)

    @property
    def week(self) -> slice:
        """One column per weekday."""
        return slice(self.season.stop, self.season.stop + _WEEKDAYS)

    @property
    def holidays(self) -> slice:
        """One column per occasion."""
        return slice(self.week.stop, self.week.stop + len(holidays.OCCASIONS))

    @property
    def promotion(self) -> slice:
        """One column, or none."""
        return slice(self.holidays.stop, self.holidays.stop + int(self.promotions))

    @property
    def step(self) -> slice:
        """One column per step."""
        return slice(self.promotion.stop, self.promotion.stop + len(self.steps))

    @property
    def columns(self) -> int:
        """All of them."""
        return int(self.step.stop)


def knots_before(days: int) -> int:
    """Knots that so many days before the origin need, that of the origin itself not counted."""
    return int(np.ceil(days / KNOT_DAYS))


def columns(
    layout: Layout, *, origin: dt.date, first: int, days: int, before: int, promotions: Sequence[Promotion]
) -> Array:
    """(days, layout.columns) from `first` days after the origin on (negative: before); `before` knots lie before it."""
    at = np.arange(first, first + days, dtype=np.float64)
    start = origin + dt.timedelta(days=first)
    found = np.zeros((days, layout.columns))
    place = at / KNOT_DAYS + before
    left = np.clip(np.floor(place).astype(int), 0, layout.knots - 2)
    share = place - left
    rows = np.arange(days)
    found[rows, left] = 1.0 - share
    found[rows, left + 1] = share
    found[:, layout.season] = fourier(start, days, layout.harmonics)
    found[rows, layout.week.start + (start.weekday() + rows) % _WEEKDAYS] = 1.0
    found[:, layout.holidays] = holidays.flags(start, days)
    if layout.promotions:
        found[:, layout.promotion.start] = promotion_days(promotions, start, days)
    found[:, layout.step] = at[:, None] >= -np.array(layout.steps, dtype=np.float64)
    return found


def fourier(start: dt.date, days: int, harmonics: int) -> Array:
    """(days, 2 · harmonics): cosine and sine of the yearly cycle, in step with the calendar."""
    angle = 2 * np.pi * ((start.toordinal() + np.arange(days)) % (4 * YEAR_DAYS)) / YEAR_DAYS
    turns = np.outer(angle, np.arange(1, harmonics + 1))
    return np.stack([np.cos(turns), np.sin(turns)], axis=2).reshape(days, 2 * harmonics)


@dataclass(frozen=True, slots=True)
class Scales:
    """Standard deviations, on the log scale, of what the parts may do.

    `level` per √month of a permanent move, `slope` of the monthly growth about its lasting value, `passing` of a
    month's deviation that fades, `season` of the first harmonic, `holiday` of one occasion.
    """

    level: float
    slope: float
    passing: float
    season: float
    holiday: float


_START = 2.0
_SLOPE_MEMORY = 0.97
_DRIFT = 0.02
_USUAL_GROWTH = 0.03
_PASSING_MEMORY = 0.5
_WEEK = 0.5
_PROMOTION = 0.5
STEP = 0.4
"""Prior deviations of weekdays, promotions and steps."""


def path_covariance(scales: Scales, knots: int) -> Array:
    """(knots, knots): prior covariance of the trend at its knots.

    A level, a lasting growth, a random walk, the sum of a mean-reverting slope (an integrated Ornstein-Uhlenbeck
    process: growth that is unusual is damped ahead), and a passing deviation (first-order autoregression).
    """
    index = np.arange(knots)
    apart = np.abs(index[:, None] - index[None, :])
    walk = scales.level**2 * np.minimum(index[:, None], index[None, :])
    slopes = scales.slope**2 * _SLOPE_MEMORY ** apart[1:, 1:]
    grown = np.zeros((knots, knots))
    grown[1:, 1:] = np.cumsum(np.cumsum(slopes, axis=0), axis=1)
    passing = scales.passing**2 * _PASSING_MEMORY**apart
    drift = _DRIFT**2 * np.outer(index, index)
    return np.asarray(_START**2 + drift + walk + grown + passing + 1e-8 * np.eye(knots))


def effect_deviations(scales: Scales, layout: Layout) -> Array:
    """(columns − knots,): prior standard deviations of everything but the trend; harmonic k by 1 / k."""
    harmonic = np.repeat(scales.season / np.arange(1, layout.harmonics + 1), 2)
    return np.concatenate(
        [
            harmonic,
            np.full(_WEEKDAYS, _WEEK),
            np.full(len(holidays.OCCASIONS), scales.holiday),
            np.full(int(layout.promotions), _PROMOTION),
            np.full(len(layout.steps), STEP),
        ]
    )


def promotion_share(promotions: Sequence[Promotion], origin: dt.date, years_back: int, known_days: int) -> float:
    """Part of the days with a promotion in the so many-th year before the origin; 0 when not all of it is known."""
    days = 365
    if known_days < days * years_back:
        return 0.0
    return float(promotion_days(promotions, origin - dt.timedelta(days=days * years_back), days).mean())


def growth(first: int, days: int) -> Array:
    """The growth that a store is taken to have before anything is known of it: 3 % a year; log, 0 at the origin."""
    return np.asarray(_USUAL_GROWTH / YEAR_DAYS * np.arange(first, first + days), dtype=np.float64)
