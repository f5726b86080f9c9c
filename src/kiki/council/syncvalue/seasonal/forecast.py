"""From a fitted model to months ahead: expected revenue, and draws of what it may come to."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kiki.council.syncvalue.seasonal import design
from kiki.council.syncvalue.seasonal.fitting import Fit
from kiki.council.syncvalue.seasonal.outlook import Promotion
from kiki.council.syncvalue.seasonal.series import Array, Indices, month_edges

_DRAWS = 600
_BLOCK_DAYS = 28
_SEED = 20_240_229
_SMALL = 1e-6


@dataclass(frozen=True, slots=True)
class Forecast:
    """Months ahead: `expected` (months,), and `draws` (draws, months) whose spread is the uncertainty."""

    first: dt.date
    expected: Array
    draws: Array

    def total(self, months: int = 12) -> float:
        """Expected revenue of the first so many months."""
        return float(self.expected[:months].sum())


def forecast(fit: Fit, months: int, promotions: Sequence[Promotion] = ()) -> Forecast:
    """So many calendar months from the origin, which is the first day of one.

    Promotions ahead are those told. When none is told, a shop that promoted in both of the last two years is taken to
    go on, spread evenly: on as large a share of days as in the year with fewer.
    """
    edges = month_edges(fit.origin, months)
    days = (edges[-1] - fit.origin).days
    x = design.columns(fit.layout, origin=fit.origin, first=0, days=days, before=fit.before, promotions=promotions)
    if fit.layout.promotions and not any(promotion.first >= fit.origin for promotion in promotions):
        column = fit.layout.promotion.start
        x[:, column] = np.maximum(x[:, column], _habit(fit, promotions))
    expected = np.exp(x @ fit.parameters + design.growth(0, days)) * fit.smearing
    starts = np.array([(edge - fit.origin).days for edge in edges[:-1]])
    monthly = np.add.reduceat(expected, starts)
    shares = np.add.reduceat(x * expected[:, None], starts, axis=0) / monthly[:, None]
    rng = np.random.default_rng(_SEED)
    moves = (shares @ fit.root) @ rng.standard_normal((fit.layout.columns, _DRAWS))
    noise = _noise(fit, expected, starts, rng)
    draws = np.maximum(monthly * np.exp(moves.T) + noise, 0.0)
    return Forecast(fit.origin, monthly * fit.unit, draws * fit.unit)


def _habit(fit: Fit, promotions: Sequence[Promotion]) -> float:
    """The value of the promotion's column that gives a day the mean effect of usual promotions; 0 without a habit."""
    years = [design.promotion_share(promotions, fit.origin, back, fit.days) for back in (1, 2)]
    share, effect = min(years), float(fit.parameters[fit.layout.promotion.start])
    return share if abs(effect) < _SMALL else math.log1p(share * math.expm1(effect)) / effect


def _noise(fit: Fit, expected: Array, starts: Indices, rng: np.random.Generator) -> Array:
    """(draws, months): months' sums of residuals drawn in blocks (Künsch, Annals of Statistics 17 (1989))."""
    days = len(expected)
    blocks = -(-days // _BLOCK_DAYS)
    first = rng.integers(0, max(fit.days - _BLOCK_DAYS, 1), (_DRAWS, blocks))
    index = (first[:, :, None] + np.arange(min(_BLOCK_DAYS, fit.days))).reshape(_DRAWS, -1)[:, :days]
    return np.add.reduceat(fit.residuals[index] * expected ** (fit.power / 2), starts, axis=1)


def log_deviation(draws: Array) -> float:
    """Standard deviation of the draws' logarithm, by the middle 68 %, so that draws near 0 do not matter."""
    low, high = np.quantile(np.maximum(draws, 1e-12), [0.16, 0.84])
    return float(max(np.log(high / low) / 2, 1e-4))


def interval(expected: Array, draws: Array, stretch: float, level: float = 0.9) -> tuple[Array, Array]:
    """Lower and upper end about `expected` (…): the draws' (draws, …) quantiles, log distances times `stretch`."""
    ends = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
    lower = expected * (np.maximum(ends[0], 0) / expected) ** stretch
    upper = expected * np.maximum(ends[1] / expected, 1.0) ** stretch
    return np.minimum(lower, expected), upper
