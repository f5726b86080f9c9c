"""Gamma-Gamma: a customer's purchases are worth Gamma(p, ν) each, ν ~ Gamma(q, v) over the store's customers.

Fader, Hardie 2013, "The Gamma-Gamma model of monetary value". With n purchases of mean z (their equation 1a):

    Γ(pn+q) / (Γ(pn) Γ(q)) · v^q z^(pn−1) n^(pn) / (v + n z)^(pn+q)

What a customer spends is taken to be independent of how often they buy; `fitting.spend_frequency_correlation` says how
true that is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, gammaln

from kiki.council.syncvalue.models.histories import Floats, Spend

NAME = "gammagamma"
VERSION = 1
PARAMETER_NAMES = ("p", "q", "v")
LEAST_Q = 1.01
"""At q ≤ 1 the mean spend of an unknown customer is infinite; a fit stops just above."""


@dataclass(frozen=True, slots=True)
class SpendSums:
    """The part of the data that a fit needs: distinct n and their customers, and a row per customer."""

    n: Floats
    mean: Floats
    counts: Floats
    per_count: Floats
    constant: float

    @property
    def customers(self) -> float:
        """How many customers there are."""
        return float(len(self.n))


def sums_of(of: Spend) -> SpendSums:
    """Prepares customers with at least one purchase of more than nothing."""
    counts, per_count = np.unique(of.purchases, return_counts=True)
    return SpendSums(of.purchases, of.mean, counts, per_count.astype(np.float64), float(np.log(of.mean).sum()))


def log_likelihood(parameters: Floats, data: SpendSums) -> tuple[float, Floats]:
    """Log-likelihood of all customers, and its derivative by p, q and v."""
    p, q, v = parameters.tolist()
    n, k = data.counts, data.per_count
    total = v + data.n * data.mean
    log_total, log_share = np.log(total), np.log(data.n * data.mean)
    customers = data.customers
    value = (
        (k * (gammaln(p * n + q) - gammaln(p * n))).sum()
        + customers * (q * np.log(v) - gammaln(q))
        + (p * data.n * (log_share - log_total)).sum()
        - q * log_total.sum()
        - data.constant
    )
    psi = digamma(p * n + q)
    return float(value), np.array(
        [
            (k * n * (psi - digamma(p * n))).sum() + (data.n * (log_share - log_total)).sum(),
            (k * psi).sum() + customers * (np.log(v) - digamma(q)) - log_total.sum(),
            customers * q / v - ((p * data.n + q) / total).sum(),
        ]
    )


def starts(data: SpendSums) -> list[Floats]:
    """Parameters to begin from; v such that the mean spend is the data's."""
    mean = float(data.mean.mean())
    return [np.array([p, q, mean * (q - 1.0) / p]) for p, q in ((5.0, 4.0), (2.0, 2.0), (20.0, 12.0))]


def expected_spend(parameters: Floats, of: Spend) -> Floats:
    """E[M | z, n]: the customer's mean spend per purchase, shrunk to the store's (equation 5). Finite for q > 1."""
    p, q, v = parameters.tolist()
    return np.asarray(p * (v + of.purchases * of.mean) / (p * of.purchases + q - 1.0))


def posterior(parameters: Floats, of: Spend) -> tuple[float, Floats, Floats]:
    """p, and the shape and scale of the customer's ν."""
    p, q, v = parameters.tolist()
    return p, q + p * of.purchases, v + of.purchases * of.mean
