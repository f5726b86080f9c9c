"""Where a customer's purchases and spend of the horizon will lie: predictive intervals.

The predictive distribution of the count is the model's own, averaged over where the parameters may be (the 2k points
of the unscented rule on the logarithms, Julier, Uhlmann 1997). Given n purchases at ν ~ Gamma(q', v'), spend S has
S / (S + v') ~ Beta(p·n, q'), so the distribution function of spend is a sum over n; its quantiles
are found numerically.

An interval of level 0.9 is [0, quantile 0.9] for who may well buy nothing (P(0) above 5 %), and from the quantile 0.05
to the quantile 0.95 otherwise. Spend holds its level exactly but for customers with P(0) above it; a count is whole, so
its interval holds at least its level, and `purchases_mass` says how much by the model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, gammaincinv

from kiki.council.syncvalue.models import gammagamma
from kiki.council.syncvalue.models.errors import BadModel
from kiki.council.syncvalue.models.estimate import FittedModel
from kiki.council.syncvalue.models.histories import Floats, Histories, Integers, Spend, group_with_places
from kiki.council.syncvalue.models.transactions import transaction_model

_CELLS = 400_000
"""Probabilities held at a time."""
_MOST = 20_000
_ATOMS = 48
_RARE = 1e-5
_STEPS = 24
_CLOSE = 2e-3
"""Relative precision of an end."""
_REST = 1e-4
"""Probability that a customer's rate lies beyond what is counted for."""
_CERTAIN = 0.1
"""Standard errors of the logarithms below this leave the distribution as it is."""
_LONGEST_STEP = 1.5


@dataclass(frozen=True, slots=True)
class Intervals:
    """Lower and upper ends, one element per customer; spend is `None` without a model of it."""

    level: float
    purchases_low: Floats
    purchases_high: Floats
    purchases_mass: Floats
    """Probability, by the model, that the count lies in its interval."""
    p_none: Floats
    """Probability of no purchase at all."""
    spend_low: Floats | None
    spend_high: Floats | None


def parameter_points(model: FittedModel) -> list[Floats]:
    """Parameters, equally likely, that stand for what is known of them: the estimate alone where it is sharp."""
    errors = np.sqrt(np.diag(model.covariance))
    if errors.max() < _CERTAIN:
        return [model.vector]
    values, vectors = np.linalg.eigh(model.covariance)
    steps = (vectors * np.sqrt(np.maximum(values, 0.0) * len(values))).T
    longest = np.abs(steps).max(axis=1, keepdims=True)
    steps = steps * np.minimum(1.0, _LONGEST_STEP / np.maximum(longest, 1e-300))
    return [np.asarray(model.vector * np.exp(sign * step)) for step in steps for sign in (1.0, -1.0)]


def predictive_intervals(
    model: FittedModel,
    of: Histories,
    horizon: float,
    *,
    level: float = 0.9,
    spend_model: FittedModel | None = None,
    spend: Spend | None = None,
) -> Intervals:
    """Intervals in the customers' order; `horizon` and `of` in the model's unit, spend not discounted."""
    if not 0.5 <= level < 1:
        raise BadModel(f"an interval's level must be from 0.5 to below 1, got {level}")
    known = spend if spend is not None else Spend(np.zeros(len(of)), np.zeros(len(of)))
    result = np.zeros((6, len(of)))
    distinct, places = group_with_places(of)
    limits = _limits(model, distinct, horizon)
    points = parameter_points(model)
    for rows in _portions(limits[places]):
        here, back = np.unique(places[rows], return_inverse=True)
        counts = _counts(model, points, distinct.take(here), horizon, int(limits[here].max()))
        result[:4, rows] = _count_interval(counts, level)[:, back]
        if spend_model is not None:
            result[4:, rows] = _spend_interval(spend_model, counts[back], known.take(rows), level)
    low, high, mass, none, spend_low, spend_high = result
    if spend_model is None:
        return Intervals(level, low, high, mass, none, None, None)
    return Intervals(level, low, high, mass, none, spend_low, spend_high)


def count_distribution(model: FittedModel, of: Histories, horizon: float, limit: int) -> Floats:
    """P(Y = n), n = 0 … limit, of each customer, averaged over the parameters' points."""
    return _counts(model, parameter_points(model), of, horizon, limit)


def _counts(model: FittedModel, points: list[Floats], of: Histories, horizon: float, limit: int) -> Floats:
    what = transaction_model(model.name)
    total = np.zeros((len(of), limit + 1))
    for point in points:
        total += what.counts(point, of, horizon, limit)
    return np.clip(total / len(points), 0.0, 1.0)


def _limits(model: FittedModel, of: Histories, horizon: float) -> Integers:
    """Counts beyond which next to nothing lies, rounded up so that many customers share one."""
    r, alpha = model.parameters["r"], model.parameters["alpha"]
    shape, reach = r + of.x, horizon / (alpha + of.age)
    mean = gammaincinv(shape, 1.0 - _REST) * reach
    far = mean + 4.0 * np.sqrt(mean) + 3.0
    rounded = np.exp2(np.ceil(np.log2(far) * 4.0) / 4.0)
    return np.asarray(np.minimum(rounded, _MOST).astype(np.int64))


def _portions(limits: Integers) -> list[NDArray[np.intp]]:
    """Rows that share a limit, so many at a time that their distributions stay within bounds."""
    portions: list[NDArray[np.intp]] = []
    for limit in np.unique(limits).tolist():
        rows = np.flatnonzero(limits == limit)
        width = max(1, _CELLS // (limit + 1))
        portions += [rows[start : start + width] for start in range(0, len(rows), width)]
    return portions


def _count_interval(counts: Floats, level: float) -> Floats:
    """Low, high, mass between and P(0), shape (4, customers)."""
    tail = (1.0 - level) / 2.0
    below = np.cumsum(counts, axis=1)
    from_none = counts[:, 0] > tail
    low = np.where(from_none, 0, (below < tail).sum(axis=1))
    high = np.where(from_none, (below < level).sum(axis=1), (below < 1.0 - tail).sum(axis=1))
    high = np.minimum(high, counts.shape[1] - 1)
    rows = np.arange(len(counts))
    mass = below[rows, high] - np.where(low > 0, below[rows, np.maximum(low - 1, 0)], 0.0)
    return np.stack([low.astype(np.float64), high.astype(np.float64), mass, counts[:, 0]])


def _spend_interval(spend_model: FittedModel, counts: Floats, known: Spend, level: float) -> Floats:
    """Low and high, shape (2, customers)."""
    tail = (1.0 - level) / 2.0
    none = counts[:, 0]
    shape_per_purchase, shape, scale = gammagamma.posterior(spend_model.vector, known)
    atoms, weights = _atoms(counts)
    distribution = _Spending(shape_per_purchase * atoms, shape, scale, none, weights)
    from_none = none > tail
    low = np.where(from_none, 0.0, distribution.quantile(np.where(from_none, 0.0, tail)))
    high = distribution.quantile(np.where(from_none, level, 1.0 - tail))
    return np.stack([low, high])


def _atoms(counts: Floats) -> tuple[Floats, Floats]:
    """Counts from 1 and their probabilities; of large counts, neighbours within a few per cent together."""
    weights = counts[:, 1:]
    used = int(np.flatnonzero(weights.max(axis=0) > _RARE).max(initial=0)) + 1
    n = np.arange(1.0, used + 1.0)
    if used <= _ATOMS:
        return n, weights[:, :used]
    starts = np.unique(np.geomspace(_ATOMS, used, _ATOMS).astype(np.int64) - 1)
    starts = np.concatenate([np.arange(_ATOMS - 1), starts])
    sizes = np.diff(np.append(starts, used))
    return np.add.reduceat(n, starts) / sizes, np.add.reduceat(weights[:, :used], starts, axis=1)


@dataclass(frozen=True, slots=True)
class _Spending:
    """The distribution of the horizon's spend."""

    shapes: Floats
    shape: Floats
    scale: Floats
    none: Floats
    weights: Floats

    def below(self, odds: Floats) -> Floats:
        """P(S ≤ odds · scale)."""
        share = odds / (1.0 + odds)
        by_count = betainc(self.shapes, self.shape[:, None], share[:, None])
        return np.asarray(self.none + (self.weights * by_count).sum(axis=1))

    def quantile(self, probability: Floats) -> Floats:
        """0 where the probability of no spend suffices; otherwise by regula falsi (Illinois) in log(S)."""
        result = np.zeros(len(self.none))
        rows = np.flatnonzero(probability > self.none)
        if not len(rows):
            return result
        part = _Spending(self.shapes, self.shape[rows], self.scale[rows], self.none[rows], self.weights[rows])
        wanted = np.minimum(probability[rows], part.none + part.weights.sum(axis=1) * (1.0 - 1e-9))
        result[rows] = np.exp(part.root(wanted)) * part.scale
        return result

    def root(self, wanted: Floats) -> Floats:
        """log(S / scale) at which the distribution function reaches `wanted` (Chandrupatla 1997, vectorised)."""
        a, b = np.full(len(wanted), -12.0), np.full(len(wanted), 4.0 + np.log(self.shapes[-1]))
        f_a, f_b = self.below(np.exp(a)) - wanted, self.below(np.exp(b)) - wanted
        share = np.full(len(wanted), 0.5)
        for _ in range(_STEPS):
            new = a + share * (b - a)
            f_new = self.below(np.exp(new)) - wanted
            same = np.sign(f_new) == np.sign(f_a)
            c, f_c = np.where(same, a, b), np.where(same, f_a, f_b)
            b, f_b = np.where(same, b, a), np.where(same, f_b, f_a)
            a, f_a = new, f_new
            if float(np.abs(b - a).max()) < _CLOSE:
                break
            share = _share(a, b, c, f_a, f_b, f_c)
        return np.where(np.abs(f_a) < np.abs(f_b), a, b)


def _share(a: Floats, b: Floats, c: Floats, f_a: Floats, f_b: Floats, f_c: Floats) -> Floats:
    """Where between a and b to look next: by inverse quadratic interpolation where it is safe, or halfway."""
    with np.errstate(divide="ignore", invalid="ignore"):
        xi, phi = (a - b) / (c - b), (f_a - f_b) / (f_c - f_b)
        safe = (phi**2 < xi) & ((1.0 - phi) ** 2 < 1.0 - xi)
        guess = f_a / (f_b - f_a) * f_c / (f_b - f_c) + (c - a) / (b - a) * f_a / (f_c - f_a) * f_b / (f_c - f_b)
    least = _CLOSE / 4.0 / np.maximum(np.abs(b - a), _CLOSE)
    return np.clip(np.where(safe & np.isfinite(guess), guess, 0.5), least, 1.0 - least)
