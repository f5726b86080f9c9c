"""Pareto/NBD: a customer stays active for a time that is exponential with a rate μ ~ Gamma(s, β).

Schmittlein, Morrison, Colombo 1987, "Counting your customers", Management Science 33(1); Fader, Hardie 2005, "A note on
deriving the Pareto/NBD model and related expressions". The likelihood of a customer is, before it is written with 2F1,

    Γ(r+x) α^r β^s / Γ(r) · [ (α+T)^−(r+x) (β+T)^−s + s · ∫ (α+τ)^−(r+x) (β+τ)^−(s+1) dτ ]        t_x ≤ τ ≤ T

and the integral is computed as it stands: its integrand is positive and falls, so nothing cancels, α and β may be
equal, and the derivatives go under the integral. Given activity at T, μ ~ Gamma(s, β + T).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, expit, gammaln

from kiki.council.syncvalue.models.counting import poisson_gamma
from kiki.council.syncvalue.models.histories import Floats, Grouped, Histories
from kiki.council.syncvalue.models.nodes import log_spaced
from kiki.council.syncvalue.models.silence import log_integral

_TIME_NODES = 24
_COUNT_NODES = 16
_ROWS = 20_000
_FAR = 37.0


@dataclass(frozen=True, slots=True)
class ParetoNBD:
    """The model that the module describes."""

    name: str = "pareto"
    version: int = 1
    parameter_names: tuple[str, ...] = ("r", "alpha", "s", "beta")
    times: tuple[bool, ...] = (False, True, False, True)

    def starts(self, data: Grouped) -> list[Floats]:
        """Rates from the mean rate of the seen, and a life as long as they were seen; then two that lie far away."""
        rate = max(float((data.x * data.count).sum() / max((data.age * data.count).sum(), 1e-12)), 1e-6)
        age = max(float((data.age * data.count).sum() / data.customers), 1e-6)
        return [
            np.array([r, r / (rate * boost), s, age * life])
            for r, boost, s, life in ((0.6, 1.5, 0.6, 0.5), (1.5, 1.2, 1.5, 3.0), (0.2, 3.0, 0.3, 0.1))
        ]

    def log_likelihood(self, parameters: Floats, data: Grouped) -> tuple[float, Floats]:
        """See `TransactionModel`."""
        r, alpha, s, beta = parameters.tolist()
        x, _, per_x = data.by_x
        n = data.customers
        value = float((per_x * gammaln(r + x)).sum()) + n * (r * np.log(alpha) + s * np.log(beta) - gammaln(r))
        gradient = np.array(
            [
                (per_x * digamma(r + x)).sum() + n * (np.log(alpha) - digamma(r)),
                n * r / alpha,
                n * np.log(beta),
                n * s / beta,
            ]
        )
        for start in range(0, len(data.x), _ROWS):
            rows = slice(start, start + _ROWS)
            more, slope = _bracket(parameters, data.x[rows], data.t_x[rows], data.age[rows], data.count[rows])
            value += more
            gradient += slope
        return float(value), gradient

    def p_alive(self, parameters: Floats, of: Histories) -> Floats:
        """See `TransactionModel`."""
        r, alpha, s, beta = parameters.tolist()
        stayed = -(r + of.x) * np.log(alpha + of.age) - s * np.log(beta + of.age)
        left = np.log(s) + log_integral(parameters, of.x, of.t_x, of.age)[0]
        return np.asarray(expit(stayed - left))

    def expected(self, parameters: Floats, of: Histories, horizon: Floats) -> Floats:
        """See `TransactionModel`. Fader, Hardie 2005, equation 41, in a form without the pole at s = 1."""
        r, alpha, s, beta = parameters.tolist()
        log_ratio = np.log1p(horizon / (beta + of.age))
        excess = (s - 1.0) * log_ratio
        near = np.abs(excess) < 1e-12
        time = (beta + of.age) * log_ratio * np.where(near, 1.0, -np.expm1(-excess) / np.where(near, 1.0, excess))
        return np.asarray(self.p_alive(parameters, of) * (r + of.x) / (alpha + of.age) * time)

    def discounted(self, parameters: Floats, of: Histories, horizon: float, rate: float) -> Floats:
        """See `TransactionModel`. Mean rate times the discounted time for which the customer goes on."""
        r, alpha, s, beta = parameters.tolist()
        scale = beta + of.age
        end = np.full(len(of), min(horizon, _FAR / rate if rate > 0 else np.inf))
        times, weights = log_spaced(end, np.minimum(scale / s, 1.0 / rate if rate > 0 else np.inf), _TIME_NODES)
        time = (weights * np.exp(-rate * times - s * np.log1p(times / scale[:, None]))).sum(axis=-1)
        return np.asarray(self.p_alive(parameters, of) * (r + of.x) / (alpha + of.age) * time)

    def counts(self, parameters: Floats, of: Histories, horizon: float, limit: int) -> Floats:
        """See `TransactionModel`. Given activity: bought n and stayed, or bought n and then left."""
        r, alpha, s, beta = parameters.tolist()
        shape, scale, life = r + of.x, alpha + of.age, beta + of.age
        end = np.full(len(of), horizon)
        times, weights = log_spaced(end, np.minimum(scale / shape, life / (s + 1.0)), _COUNT_NODES)
        leaves = weights * np.exp(-(s + 1.0) * np.log1p(times / life[:, None])) * s / life[:, None]
        given = np.exp(-s * np.log1p(horizon / life))[:, None] * poisson_gamma(shape, scale, end, limit)
        for node in range(_COUNT_NODES):
            given += leaves[:, node, None] * poisson_gamma(shape, scale, times[:, node], limit)
        alive = self.p_alive(parameters, of)[:, None]
        result = alive * given
        result[:, :1] += 1.0 - alive
        return np.asarray(result)


def _bracket(parameters: Floats, x: Floats, t_x: Floats, age: Floats, count: Floats) -> tuple[float, Floats]:
    """The logarithm of the likelihood's square bracket, summed, and its gradient."""
    r, alpha, s, beta = parameters.tolist()
    shape = r + x
    log_age, log_life = np.log(alpha + age), np.log(beta + age)
    stayed = -shape * log_age - s * log_life
    integral, shares, growth_alpha, growth_beta, after = log_integral(parameters, x, t_x, age)
    left_log = np.log(s) + integral
    value = float((count * np.logaddexp(stayed, left_log)).sum())
    left = count * expit(left_log - stayed)
    stays = count - left
    tau = t_x[:, None] + after
    mean_alpha = np.log(alpha + t_x) + (shares * growth_alpha).sum(axis=-1)
    mean_beta = np.log(beta + t_x) + (shares * growth_beta).sum(axis=-1)
    gradient = np.array(
        [
            -(stays * log_age + left * mean_alpha).sum(),
            -(shape * (stays / (alpha + age) + left * (shares / (alpha + tau)).sum(axis=-1))).sum(),
            -(stays * log_life).sum() + (left * (1.0 / s - mean_beta)).sum(),
            -(stays * s / (beta + age)).sum() - (left * (s + 1.0) * (shares / (beta + tau)).sum(axis=-1)).sum(),
        ]
    )
    return value, gradient


PARETO_NBD = ParetoNBD()
