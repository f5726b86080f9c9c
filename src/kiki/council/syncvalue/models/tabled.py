"""A fitted model laid out for serving: a few array look-ups per customer, with numpy alone.

Given that a customer is active at T, what is expected of them depends on x and T alone, and smoothly. So a fit is
served from a table over x and log(α + T) made beside it (`tabulate.py`), interpolated linearly; P(alive) is computed as
the model says. The table holds, per x and T,

    expected purchases in the horizon, the same discounted, discounted for ever    each over (r + x) / (α + T)
    −log P(no purchase in the horizon)                                             over r + x

The interval of the horizon's spend is not looked up: the exact one (`intervals.py`) is approximated by a regression of
its ends, calibrated on the store's own customers beside the fit. With P0 the probability of no purchase, ν the
purchases expected of who buys at all, m their mean worth and z the normal quantile of
(probability − P0) / (1 − P0), an end is

    ν · m · exp(c · (1, z, z², log ν, z log ν, log² ν, log(r+x), z log(r+x), log(q+pn), z log(q+pn)))

and 0 where z does not exist. Probabilities are those of `intervals.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np

from kiki.council.syncvalue.models.histories import Floats
from kiki.council.syncvalue.models.silence import log_integral

REPEATS = (*range(11), 12, 14, 17, 20, 25, 30, 40, 50, 70, 100, 150, 200, 300, 500, 1000, 3000)
"""x of the table's rows."""
AGES = 48
"""T of its columns: evenly in log(α + T), from 0 to `OLDEST_DAYS`."""
OLDEST_DAYS = 15_000.0
COLUMNS = 4
TERMS = 10
"""Coefficients of an interval's ends."""
_STEEPEST = 2.5
_LARGEST_EXPONENT = 700.0
_NODES = np.array(REPEATS, dtype=np.float64)
_LOG_NODES = np.log1p(_NODES)
_LOG_STEPS = np.diff(_LOG_NODES)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of customers, one element each; times in days, money in minor units."""

    x: Floats
    t_x: Floats
    age: Floats
    paid: Floats
    """Purchases that `mean` covers."""
    mean: Floats


@dataclass(frozen=True, slots=True)
class Outlook:
    """What an interval of the horizon's spend is made from, one element per customer."""

    none: Floats
    """P0, the probability of no purchase."""
    purchases: Floats
    mean: Floats
    shape: Floats
    """r + x."""
    worth: Floats
    """q + pn."""

    @property
    def buying(self) -> Floats:
        """ν, the purchases of who buys at all."""
        return np.asarray(np.maximum(self.purchases, 1e-12) / np.maximum(1.0 - self.none, 1e-12))

    @property
    def scale(self) -> Floats:
        """What an end is a multiple of."""
        return self.buying * self.mean

    def share(self, probability: Floats) -> Floats:
        """The probability, of who buys at all; 0 or less where no spend suffices."""
        return np.asarray((probability - self.none) / np.maximum(1.0 - self.none, 1e-12))

    def features(self, share: Floats) -> Floats:
        """What the logarithm of an end is regressed on, shape (customers, TERMS)."""
        z = normal(share)
        buying, shape, worth = np.log(np.maximum(self.buying, 1.0)), np.log(self.shape), np.log(self.worth)
        columns = (np.ones(len(z)), z, z * z, buying, z * buying, buying**2, shape, z * shape, worth, z * worth)
        return np.stack(columns, axis=1)


@dataclass(frozen=True, slots=True)
class Served:
    """Predictions, one element per customer."""

    p_alive: Floats
    purchases: Floats
    value: Floats
    lifetime_value: Floats
    low: Floats
    high: Floats
    own_share: Floats
    """How much of the prediction comes from the customer's own purchases and age, 0 to 1."""
    outlook: Outlook


@dataclass(frozen=True, slots=True)
class TabledModel:
    """Made by `tabulate.tabled`; times in days."""

    name: str
    parameters: Floats
    """As the model's, in order."""
    spend: Floats
    """p, q, v of Gamma-Gamma."""
    table: Floats
    """Shape (COLUMNS, len(REPEATS), AGES)."""
    ends: Floats
    """c of the interval, TERMS of them."""
    level: float

    def serve(self, of: Known) -> Served:
        """Predictions of these customers."""
        alive = self.p_alive(of)
        lasting, discounted, forever, quiet = self._at(of.x, of.age)
        r, alpha = self.parameters[:2].tolist()
        p, q, v = self.spend.tolist()
        shape, scale, paid = r + of.x, alpha + of.age, p * of.paid
        rate = alive * shape / scale
        mean = p * (v + of.paid * of.mean) / (paid + (q - 1.0))
        worth = rate * mean
        purchases, often = rate * lasting, paid + q
        outlook = Outlook(1.0 + alive * np.expm1(-quiet * shape), purchases, mean, shape, often)
        low, high = self._interval(outlook)
        share = 0.5 * (paid / often + of.age / scale)
        return Served(alive, purchases, worth * discounted, worth * forever, low, high, share, outlook)

    def p_alive(self, of: Known) -> Floats:
        """P(alive), by the model's own formula."""
        r, alpha, third, fourth = self.parameters.tolist()
        if self.name == "pareto":
            stayed = -(r + of.x) * np.log(alpha + of.age) - third * np.log(fourth + of.age)
            odds = np.log(third) + log_integral(self.parameters, of.x, of.t_x, of.age)[0] - stayed
            return np.asarray(1.0 / (1.0 + np.exp(np.minimum(odds, _LARGEST_EXPONENT))))
        grown = (r + of.x) * (np.log(alpha + of.age) - np.log(alpha + of.t_x))
        grown = np.exp(np.minimum(grown, _LARGEST_EXPONENT))
        if self.name == "mbgnbd":
            return np.asarray(1.0 / (1.0 + third / (fourth + of.x) * grown))
        back = of.x > 0
        return np.asarray(1.0 / (1.0 + np.where(back, third / np.where(back, fourth + of.x - 1.0, 1.0) * grown, 0.0)))

    def _at(self, x: Floats, age: Floats) -> Floats:
        """The table's columns for each customer, shape (COLUMNS, customers)."""
        row = np.minimum(np.searchsorted(_NODES, x, side="right") - 1, len(_NODES) - 2)
        down = np.minimum((np.log1p(x) - _LOG_NODES[row]) / _LOG_STEPS[row], 1.0)
        alpha = float(self.parameters[1])
        first, step = grid(alpha)
        place = np.minimum((np.log(alpha + age) - first) / step, AGES - 1.0)
        column = np.minimum(place.astype(np.int64), AGES - 2)
        along = place - column
        cells = self.table.reshape(COLUMNS, -1)
        at = row * AGES + column
        corners = cells.take(np.concatenate([at, at + 1, at + AGES, at + AGES + 1]), axis=1)
        corners = corners.reshape(COLUMNS, 2, 2, -1)
        sides = corners[:, :, 0] + (corners[:, :, 1] - corners[:, :, 0]) * along
        return np.asarray(sides[:, 0] + (sides[:, 1] - sides[:, 0]) * down)

    def _interval(self, outlook: Outlook) -> tuple[Floats, Floats]:
        """Both ends at once, the logarithm of each a polynomial in z; see `Outlook.features`."""
        tail = (1.0 - self.level) / 2.0
        none, buying = outlook.none, outlook.buying
        probability = np.empty((2, len(none)))
        probability[0], probability[1] = tail, np.where(none > tail, self.level, 1.0 - tail)
        share = outlook.share(probability)
        z = normal(share)
        c = self.ends.tolist()
        often, shape, worth = np.log(np.maximum(buying, 1.0)), np.log(outlook.shape), np.log(outlook.worth)
        level = c[0] + often * (c[3] + c[5] * often) + c[6] * shape + c[8] * worth
        slope = c[1] + c[4] * often + c[7] * shape + c[9] * worth
        ends = buying * outlook.mean * np.exp(level + z * (slope + c[2] * z))
        low, high = np.where(share > 0, ends, 0.0)
        return np.minimum(low, high), high


def normal(probability: Floats) -> Floats:
    """The normal quantile, within 2.5 to each side."""
    probabilities, quantiles = _normal_table()
    return np.asarray(np.interp(probability, probabilities, quantiles))


def grid(alpha: float) -> tuple[float, float]:
    """The first log(α + T) of the table's columns, and the step."""
    first = math.log(alpha)
    return first, (math.log(alpha + OLDEST_DAYS) - first) / (AGES - 1)


@lru_cache(maxsize=1)
def _normal_table() -> tuple[Floats, Floats]:
    quantiles = np.linspace(-_STEEPEST, _STEEPEST, 201)
    return np.array([NormalDist().cdf(z) for z in quantiles.tolist()]), quantiles
