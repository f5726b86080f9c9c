"""Fits the structural model of a store's daily revenue.

E[y] = exp(x'β), Var[y] = φ · E[y]^p: a quasi-likelihood (Wedderburn, Biometrika 61 (1974)), which takes days without
revenue as they are. p lies between 1 (the square-root scale) and 2 (the log scale), as the data say. β (`design.py`)
has a Gaussian prior. Penalised iterated weighted least squares with Huber weights; the prior's scales maximise the
marginal likelihood of the working response (Breslow and Clayton, JASA 88 (1993)) under a prior of their own; a lasting
step of the level is added where it pays for itself. A smearing factor makes totals agree (Duan, JASA 78 (1983)).
Deterministic.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import solve_triangular

from kiki.council.syncvalue.errors import CannotForecast
from kiki.council.syncvalue.seasonal import design
from kiki.council.syncvalue.seasonal.design import Layout, Scales
from kiki.council.syncvalue.seasonal.outlook import Promotion
from kiki.council.syncvalue.seasonal.series import Array, Daily, Indices
from kiki.council.syncvalue.seasonal.sparse import evened

SEASON_DAYS = 426
"""Fourteen months: with less, a yearly season cannot be told from the trend."""
LEAST_DAYS = 84
"""Twelve weeks: with less there is no forecast."""
MOST_DAYS = 1_827
"""Five years: what lies before is left out."""

_HUBER = 3.0
_FREAK = 8.0
_ROUNDS = 7
_SEARCH_IN = {3: 2, 5: 1}
"""Rounds in which the scales are searched for, and how many times over all of them."""
_MOVE = 1.5
_STEPS_IN = (1, 2, 3)
_STEP_GAIN = 16.0
_STEP_AWAY = 70
_LAGS = 20
_SMOOTH_DAYS = 57
_START = Scales(level=0.008, slope=0.005, passing=0.03, season=0.15, holiday=0.2)
_GRIDS: dict[str, tuple[float, ...]] = {
    "level": (0.004, 0.008, 0.016, 0.03),
    "slope": (0.0025, 0.005, 0.01, 0.02),
    "passing": (0.015, 0.03, 0.06, 0.12),
    "season": (0.05, 0.15, 0.3, 0.6),
    "holiday": (0.1, 0.2, 0.4, 0.8),
}
_SPREAD = 0.7
"""The scales' own prior: log-normal around `_START` with this deviation of the logarithm."""
_HARMONICS = (2, 4, 6, 8)


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted model: parameters of the log of daily revenue ÷ `unit`, as of `origin`, the day after the last one."""

    origin: dt.date
    days: int
    before: int
    unit: float
    layout: Layout
    harmonics: int
    scales: Scales
    power: float
    dispersion: float
    parameters: Array
    root: Array
    """(columns, columns): the posterior covariance is this times its transpose."""
    smearing: float
    residuals: Array
    """(days,): (revenue − expected) ÷ expected^(power / 2), in units of `unit`, after smearing; freaks cut."""

    @property
    def yearly(self) -> bool:
        """Whether the history is long enough to tell a yearly season."""
        return self.layout.harmonics > 0


@dataclass(slots=True)
class _Working:
    """The weighted least squares of one round, in its normal form."""

    gram: Array
    right: Array
    dispersion: float
    weighted: Array
    """(days, columns): the design times the weights."""
    weighted_response: Array
    weight: Array


@dataclass(slots=True)
class _State:
    """Where the iteration stands; `eta` is the log of expected revenue by day."""

    revenue: Array
    x: Array
    offset: Array
    eta: Array
    power: float
    layout: Layout
    scales: Scales
    harmonics: int
    inflation: float = 1.0

    def working(self) -> _Working:
        """The weighted least squares about `eta`."""
        return _working(self.x, self.revenue, self.eta, self.offset, self.power, self.inflation)


def fit(series: Daily, promotions: Sequence[Promotion] = (), *, months_ahead: int = 24) -> Fit:
    """Fits all days of the series; raises `CannotForecast` when they are fewer than twelve weeks or hold no revenue."""
    series = evened(_usable(series))
    days, origin = len(series.revenue), series.end
    unit = float(series.revenue.mean())
    revenue = series.revenue / unit
    before = design.knots_before(days)
    layout = Layout(before + 1, _most_harmonics(days), promotions=_told(promotions, series))
    x = design.columns(layout, origin=origin, first=-days, days=days, before=before, promotions=promotions)
    eta = _first_guess(revenue, series.start)
    state = _State(
        revenue,
        x,
        design.growth(-days, days),
        eta,
        _power(revenue, np.exp(eta)),
        layout,
        _START,
        min(_HARMONICS[1], layout.harmonics),
    )
    working = _converge(state)
    ahead = replace(state.layout, knots=layout.knots + months_ahead + 1)
    parameters, root = _posterior(_padded(working, state.layout, ahead), ahead, state.scales, state.harmonics)
    expected = np.exp(state.x @ parameters[_kept(state.layout, ahead)] + state.offset)
    smearing, residuals = _smearing(revenue, expected, state.power, working.dispersion)
    return Fit(
        origin=origin,
        days=days,
        before=before,
        unit=unit,
        layout=ahead,
        harmonics=state.harmonics,
        scales=state.scales,
        power=state.power,
        dispersion=working.dispersion,
        parameters=parameters,
        root=root,
        smearing=smearing,
        residuals=residuals,
    )


def _converge(state: _State) -> _Working:
    """Iterates: steps of the level first, then the scales, then to rest; the least squares of the last round."""
    for number in range(_ROUNDS):
        working = state.working()
        if number in _STEPS_IN:
            _add_step(state, working)
            working = state.working()
        for _ in range(_SEARCH_IN.get(number, 0)):
            state.scales, state.harmonics = _search(working, state.layout, state.scales, state.harmonics)
        parameters = _posterior(working, state.layout, state.scales, state.harmonics)[0]
        state.eta = state.eta + np.clip(state.x @ parameters + state.offset - state.eta, -_MOVE, _MOVE)
        state.inflation = _inflation(state.revenue, state.eta, state.power)
    return state.working()


def _usable(series: Daily) -> Daily:
    sold = np.flatnonzero(series.revenue)
    if not sold.size:
        raise CannotForecast("a forecast wants a series with revenue, got none", reason="NO_REVENUE")
    begin = max(int(sold[0]), len(series.revenue) - MOST_DAYS)
    kept = series.between(series.start + dt.timedelta(days=begin), series.end)
    if len(kept.revenue) < LEAST_DAYS:
        raise CannotForecast(
            f"a forecast wants {LEAST_DAYS} days from the first sale on, got {len(kept.revenue)}", reason="TOO_SHORT"
        )
    return kept


def _most_harmonics(days: int) -> int:
    if days < SEASON_DAYS:
        return 0
    return 4 if days < 2 * design.YEAR_DAYS else _HARMONICS[-1]


def _told(promotions: Sequence[Promotion], series: Daily) -> bool:
    return any(promotion.last >= series.start and promotion.first < series.end for promotion in promotions)


def _first_guess(revenue: Array, start: dt.date) -> Array:
    """Log of a moving average times the weekdays' shares."""
    width = min(_SMOOTH_DAYS, len(revenue) // 2 * 2 - 1)
    window = np.ones(width)
    smooth = np.convolve(revenue, window, "same") / np.convolve(np.ones(len(revenue)), window, "same")
    smooth = np.maximum(smooth, 0.02)
    weekday = (start.weekday() + np.arange(len(revenue))) % 7
    share = np.bincount(weekday, revenue, 7) / np.bincount(weekday, smooth, 7)
    return np.asarray(np.log(smooth) + np.log(np.maximum(share, 0.05))[weekday])


def _power(revenue: Array, expected: Array) -> float:
    """Taylor's power law: the slope of log variance on log mean over days alike, drawn to 1.5, within 1 to 2."""
    order = np.argsort(expected, kind="stable")
    bins = np.array_split(order, 12)
    mean = np.log([expected[b].mean() for b in bins])
    spread = np.array([np.mean(np.minimum(np.abs(revenue[b] - expected[b]), 4 * expected[b]) ** 2) for b in bins])
    spread = np.log(np.maximum(spread, 1e-12))
    mean, spread = mean - mean.mean(), spread - spread.mean()
    lean = 0.5
    return float(np.clip((mean @ spread + lean * 1.5) / (mean @ mean + lean), 1.0, 2.0))


def _working(x: Array, revenue: Array, eta: Array, offset: Array, power: float, inflation: float) -> _Working:
    """Working response and weights; the dispersion counts correlated days as fewer."""
    expected = np.exp(eta)
    pearson = (revenue - expected) / expected ** (power / 2)
    deviation = max(float(np.sqrt(np.mean(np.minimum(pearson**2, 25 * np.median(pearson**2) + 1e-9)))), 1e-3)
    trust = np.minimum(1.0, _HUBER * deviation / np.maximum(np.abs(pearson), 1e-12))
    dispersion = max(float(np.mean((trust * pearson) ** 2)), 1e-6)
    weight = trust * expected ** (2 - power) / (dispersion * inflation)
    response = eta - offset + (revenue - expected) / expected
    weighted = x * weight[:, None]
    return _Working(weighted.T @ x, weighted.T @ response, dispersion, weighted, weight * response, weight)


def _inflation(revenue: Array, eta: Array, power: float) -> float:
    """The long-run variance of the residuals against their variance (Newey and West, Econometrica 55 (1987))."""
    expected = np.exp(eta)
    pearson = (revenue - expected) / expected ** (power / 2)
    limit = 3 * float(np.sqrt(np.mean(pearson**2)))
    pearson = np.clip(pearson, -limit, limit)
    pearson = pearson - pearson.mean()
    own = float(pearson @ pearson)
    lags = sum((1 - k / (_LAGS + 1)) * float(pearson[k:] @ pearson[:-k]) for k in range(1, _LAGS + 1))
    return float(np.clip(1 + 2 * lags / own, 1.0, 8.0)) if own > 0 else 1.0


def _add_step(state: _State, working: _Working) -> None:
    """Adds the step of the level that the data ask for most, if they ask for one.

    For every week: twice the gain in log marginal likelihood by one more column, 1 from that day on, in closed form.
    """
    days = len(state.x)
    at = np.arange(_STEP_AWAY, days - _STEP_AWAY, 7)
    if not at.size:
        return
    parameters, root = _posterior(working, state.layout, state.scales, state.harmonics)
    across = _from_day(working.weighted, at)
    free = _from_day(working.weight, at) - np.sum((across @ root) ** 2, axis=1)
    score = _from_day(working.weighted_response, at) - across @ parameters
    gain = score**2 / (free + 1 / design.STEP**2) - np.log1p(design.STEP**2 * free)
    best = int(np.argmax(gain))
    if gain[best] > _STEP_GAIN:
        state.layout = replace(state.layout, steps=(*state.layout.steps, days - int(at[best])))
        state.x = np.column_stack([state.x, np.arange(days) >= at[best]])


def _from_day(values: Array, at: Indices) -> Array:
    """Sums from each of the days on."""
    return np.asarray(np.cumsum(values[::-1], axis=0)[::-1][at], dtype=np.float64)


def _search(working: _Working, layout: Layout, scales: Scales, harmonics: int) -> tuple[Scales, int]:
    """One pass over the scales, each taken to the best of its grid while the others stay."""
    best = _criterion(working, layout, scales, harmonics)
    for name, grid in _GRIDS.items():
        if name == "season" and not layout.harmonics:
            continue
        for value in grid:
            tried = replace(scales, **{name: value})
            if tried != scales and (found := _criterion(working, layout, tried, harmonics)) < best:
                best, scales = found, tried
    for number in _HARMONICS:
        if number <= layout.harmonics and number != harmonics:
            found = _criterion(working, layout, scales, number)
            if found < best:
                best, harmonics = found, number
    return scales, harmonics


def _criterion(working: _Working, layout: Layout, scales: Scales, harmonics: int) -> float:
    """−2 log of the marginal likelihood and the scales' prior, less what does not depend on them."""
    factor, _ = _factor(working, layout, scales, harmonics)
    lower, projected = factor
    usual = sum((math.log(getattr(scales, name) / getattr(_START, name)) / _SPREAD) ** 2 for name in _GRIDS)
    return 2 * float(np.log(np.diag(lower)).sum()) - float(projected @ projected) + usual


def _factor(
    working: _Working, layout: Layout, scales: Scales, harmonics: int
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Cholesky factor of the posterior's precision in units of the prior, and the right side behind it."""
    knots = layout.knots
    trend: Array = np.asarray(np.linalg.cholesky(design.path_covariance(scales, knots)), dtype=np.float64)
    rest = design.effect_deviations(scales, layout)
    rest[2 * harmonics : 2 * layout.harmonics] = 0.0
    precision = np.empty_like(working.gram)
    across = trend.T @ working.gram[:knots]
    precision[:knots, :knots] = across[:, :knots] @ trend
    precision[:knots, knots:] = across[:, knots:] * rest
    precision[knots:, :knots] = precision[:knots, knots:].T
    precision[knots:, knots:] = working.gram[knots:, knots:] * np.outer(rest, rest)
    precision[np.diag_indices_from(precision)] += 1.0
    lower: Array = np.asarray(np.linalg.cholesky(precision), dtype=np.float64)
    right = np.concatenate([trend.T @ working.right[:knots], rest * working.right[knots:]])
    projected: Array = solve_triangular(lower, right, lower=True, check_finite=False)
    return (lower, projected), (trend, rest)


def _posterior(working: _Working, layout: Layout, scales: Scales, harmonics: int) -> tuple[Array, Array]:
    """Mean, and a root of the covariance."""
    (lower, projected), (trend, rest) = _factor(working, layout, scales, harmonics)
    prior = np.zeros_like(lower)
    prior[: layout.knots, : layout.knots] = trend
    at = np.arange(layout.knots, layout.columns)
    prior[at, at] = rest
    root = solve_triangular(lower, prior.T, lower=True, check_finite=False).T
    return root @ projected, root


def _padded(working: _Working, layout: Layout, ahead: Layout) -> _Working:
    """The same with knots ahead, of which the data say nothing."""
    kept = _kept(layout, ahead)
    gram = np.zeros((ahead.columns, ahead.columns))
    gram[np.ix_(kept, kept)] = working.gram
    right = np.zeros(ahead.columns)
    right[kept] = working.right
    return replace(working, gram=gram, right=right)


def _kept(layout: Layout, ahead: Layout) -> Indices:
    return np.concatenate([np.arange(layout.knots), np.arange(ahead.knots, ahead.columns)])


def _smearing(revenue: Array, expected: Array, power: float, dispersion: float) -> tuple[float, Array]:
    """What expected revenue is multiplied with so that totals agree, single freak days cut; and the residuals after."""
    limit = _FREAK * math.sqrt(dispersion)
    cut = np.minimum(revenue, expected + limit * expected ** (power / 2))
    factor = float(cut.sum() / expected.sum())
    expected = expected * factor
    return factor, (cut - expected) / expected ** (power / 2)
