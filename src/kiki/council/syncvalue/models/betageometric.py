"""BG/NBD and MBG/NBD: after a purchase a customer leaves for good with probability p ~ Beta(a, b).

BG/NBD (Fader, Hardie, Lee 2005, "Counting your customers" the easy way, Marketing Science 24(2)) lets a customer leave
after repeat purchases only; MBG/NBD (Batislam, Denizel, Filiztekin 2007, IJRM 24(3); Hoppe, Wagner 2007, Marketing ZFP)
after the first one too. With m = 0 for the former and 1 for the latter, the likelihood of both is

    Γ(r+x) α^r / Γ(r) · B(a, b+x+m) / B(a, b) · [ (α+T)^−(r+x) + a / (b+x+m−1) · (α+t_x)^−(r+x) ]

where the second term is there only if x + m > 0. Given activity at T, p ~ Beta(a, b + x + m).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, expit, gammaln

from kiki.council.syncvalue.models.counting import poisson_gamma
from kiki.council.syncvalue.models.histories import Floats, Grouped, Histories
from kiki.council.syncvalue.models.nodes import log_spaced
from kiki.council.syncvalue.models.quadrature import beta_mean

_TIME_NODES = 20
_FAR = 37.0
"""A discount of exp(−37) is nothing."""


@dataclass(frozen=True, slots=True)
class BetaGeometric:
    """Either model; `leaves_at_first` tells which."""

    name: str
    leaves_at_first: bool
    version: int = 1
    parameter_names: tuple[str, ...] = ("r", "alpha", "a", "b")
    times: tuple[bool, ...] = (False, True, False, False)

    def starts(self, data: Grouped) -> list[Floats]:
        """Rates from the mean rate of the seen, leaving as of a typical shop; then two that lie far away."""
        rate = max(float((data.x * data.count).sum() / max((data.age * data.count).sum(), 1e-12)), 1e-6)
        return [np.array([r, r / (rate * boost), a, b]) for r, a, b, boost in _STARTS]

    def log_likelihood(self, parameters: Floats, data: Grouped) -> tuple[float, Floats]:
        """See `TransactionModel`."""
        r, alpha, a, b = parameters.tolist()
        m = float(self.leaves_at_first)
        x, _, per_x = data.by_x
        n = data.customers
        value = (
            (per_x * (gammaln(r + x) + gammaln(b + x + m) - gammaln(a + b + x + m))).sum()
            + n * (r * np.log(alpha) - gammaln(r) + gammaln(a + b) - gammaln(b))
        )  # fmt: skip
        psi_ab = digamma(a + b + x + m)
        d_r = (per_x * digamma(r + x)).sum() + n * (np.log(alpha) - digamma(r))
        d_a = n * digamma(a + b) - (per_x * psi_ab).sum()
        d_b = n * (digamma(a + b) - digamma(b)) + (per_x * (digamma(b + x + m) - psi_ab)).sum()

        ages, age_of, per_age = data.by_age
        recencies, recency_of, _ = data.by_recency
        log_age, log_recency = np.log(alpha + ages), np.log(alpha + recencies)
        apart = log_age[age_of] - log_recency[recency_of]
        shape = r + data.x
        odds, before = self._left_over_stayed(r, a, b, data, apart)
        small = np.exp(-np.abs(odds))
        left = data.count * np.where(odds > 0, 1.0, small) / (1.0 + small)
        stays = data.count - left
        more = np.maximum(odds, 0.0) + np.log1p(small)
        value += float((data.count * (more - shape * log_age[age_of])).sum())
        d_r += float((left * apart).sum() - (per_age * log_age).sum())
        d_alpha = n * r / alpha - float(
            (np.bincount(age_of, weights=shape * stays) / (alpha + ages)).sum()
            + (np.bincount(recency_of, weights=shape * left) / (alpha + recencies)).sum()
        )
        d_a += left.sum() / a
        d_b -= (left / before).sum()
        return float(value), np.array([d_r, d_alpha, d_a, d_b])

    def _left_over_stayed(
        self, r: float, a: float, b: float, data: Grouped | Histories, apart: Floats
    ) -> tuple[Floats, Floats]:
        """log of (left at t_x) : (active at T), minus infinity where leaving is impossible; and b + x + m − 1.

        `apart` is log(α + T) − log(α + t_x).
        """
        before = b + data.x + (float(self.leaves_at_first) - 1.0)
        if self.leaves_at_first:
            return np.log(a) - np.log(before) + (r + data.x) * apart, before
        possible = data.x > 0
        before = np.where(possible, before, 1.0)
        return np.where(possible, np.log(a) - np.log(before) + (r + data.x) * apart, -np.inf), before

    def p_alive(self, parameters: Floats, of: Histories) -> Floats:
        """See `TransactionModel`."""
        r, alpha, a, b = parameters.tolist()
        odds, _ = self._left_over_stayed(r, a, b, of, np.log(alpha + of.age) - np.log(alpha + of.t_x))
        return np.asarray(expit(-odds))

    def expected(self, parameters: Floats, of: Histories, horizon: Floats) -> Floats:
        """See `TransactionModel`. As the mean over p of (1 − (1 + p·t/(α+T))^−(r+x)) / p: no 2F1, no pole at a = 1."""
        shape, scale, stay = self._posterior(parameters, of)
        reach = horizon / scale

        def purchases(p: Floats) -> Floats:
            safe = np.maximum(p, 1e-300)
            return np.where(
                p > 0, -np.expm1(-shape[:, None] * np.log1p(p * reach[:, None])) / safe, (shape * reach)[:, None]
            )

        fall = np.log(np.maximum(shape * reach, 1e-300) / -np.expm1(-shape * np.log1p(np.maximum(reach, 1e-300))))
        mean = beta_mean(purchases, float(parameters[2]), stay, fall)
        return np.asarray(self.p_alive(parameters, of) * np.maximum(mean, 0.0))

    def discounted(self, parameters: Floats, of: Histories, horizon: float, rate: float) -> Floats:
        """See `TransactionModel`. Expected rate of purchases at each time after T, integrated over time."""
        shape, scale, stay = self._posterior(parameters, of)
        end = np.full(len(of), min(horizon, _FAR / rate if rate > 0 else np.inf))
        times, weights = log_spaced(end, np.minimum(scale / shape, 1.0 / rate if rate > 0 else np.inf), _TIME_NODES)
        reach = times / scale[:, None]

        def still_buying(p: Floats) -> Floats:
            return np.asarray(np.exp(-(shape[:, None, None] + 1.0) * np.log1p(p[:, None, :] * reach[:, :, None])))

        fall = (shape + 1.0) * np.log1p(reach[:, -1])
        rates = beta_mean(still_buying, float(parameters[2]), stay, fall)
        total = (weights * np.exp(-rate * times) * np.maximum(rates, 0.0)).sum(axis=-1)
        return np.asarray(self.p_alive(parameters, of) * shape / scale * total)

    def counts(self, parameters: Floats, of: Histories, horizon: float, limit: int) -> Floats:
        """See `TransactionModel`. Given activity: (1−p)^n · P(n bought), or left at the n-th: p(1−p)^(n−1) · P(≥ n)."""
        shape, scale, stay = self._posterior(parameters, of)
        a = float(parameters[2])
        bought = poisson_gamma(shape, scale, np.asarray(horizon, dtype=np.float64), limit)
        at_least = np.maximum(1.0 - np.cumsum(bought, axis=1)[:, :-1], 0.0)
        n = np.arange(limit, dtype=np.float64)
        stays = np.cumprod((stay[:, None] + n) / (a + stay[:, None] + n), axis=1)
        later = (stay[:, None] + n[:-1]) / (a + stay[:, None] + n[:-1] + 1.0)
        left = np.cumprod(np.concatenate([(a / (a + stay))[:, None], later], axis=1), axis=1)
        given = bought.copy()
        given[:, 1:] = stays * bought[:, 1:] + left * at_least
        alive = self.p_alive(parameters, of)[:, None]
        result = alive * given
        result[:, :1] += 1.0 - alive
        return np.asarray(result)

    def _posterior(self, parameters: Floats, of: Histories) -> tuple[Floats, Floats, Floats]:
        r, alpha, _, b = parameters.tolist()
        return r + of.x, alpha + of.age, b + of.x + float(self.leaves_at_first)


_STARTS = ((0.5, 0.8, 2.5, 1.5), (2.0, 0.2, 0.4, 1.0), (0.1, 3.0, 10.0, 4.0))
BGNBD = BetaGeometric("bgnbd", leaves_at_first=False)
MBGNBD = BetaGeometric("mbgnbd", leaves_at_first=True)
