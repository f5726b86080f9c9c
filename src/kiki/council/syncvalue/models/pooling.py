"""What stores have in common: a normal prior of the logarithms of the parameters, which a young store borrows from.

Empirical Bayes in two stages. A store's estimate is taken as normal around its true parameters with the covariance of
its fit, these as normal around the pool's mean; mean and covariance are found by expectation maximisation (Dempster,
Laird, Rubin 1977; Morris 1983, JASA 78). Times are carried in days; Gamma-Gamma's v in multiples of the store's mean
purchase, so that currencies do not matter.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kiki.council.syncvalue.models import gammagamma, typical
from kiki.council.syncvalue.models.errors import BadModel, CannotFit
from kiki.council.syncvalue.models.estimate import FittedModel
from kiki.council.syncvalue.models.histories import DAYS_PER_UNIT, Floats, Unit
from kiki.council.syncvalue.models.transactions import transaction_model

LEAST_STORES = 3
_ROUNDS = 200
_TYPICAL = {**typical.TRANSACTIONS, gammagamma.NAME: typical.SPEND}
_SPREAD_WEIGHT = 2.0
"""That spread counts as much as so many stores."""


@dataclass(frozen=True, slots=True)
class Prior:
    """Mean and covariance of the logarithms of a model's parameters over stores; times in days."""

    name: str
    log_mean: tuple[float, ...]
    log_covariance: tuple[tuple[float, ...], ...]
    stores: int

    def in_unit(self, unit: Unit) -> tuple[Floats, Floats]:
        """Mean and covariance, times in `unit`."""
        shift = math.log(DAYS_PER_UNIT[unit]) * _times(self.name)
        return np.array(self.log_mean) - shift, np.array(self.log_covariance)


def default_prior(name: str) -> Prior:
    """What is taken for granted when no other store is known: a typical shop, widely spread."""
    if name not in _TYPICAL:
        raise BadModel(f"unknown model {name!r}; known are {', '.join(_TYPICAL)}")
    mean = np.log(_TYPICAL[name])
    return _prior(name, mean, np.eye(len(mean)) * typical.SPREAD**2, stores=0)


def pool(fitted: Sequence[FittedModel], mean_spends: Sequence[float] | None = None) -> Prior:
    """The prior that these stores imply. For Gamma-Gamma give each store's mean purchase, to put v in its terms.

    Estimates under a prior (`map`) are left out, for they hold the pool already. Raises `CannotFit` for fewer than
    3 stores, `BadModel` for a mixture of models.
    """
    names = {model.name for model in fitted}
    if len(names) > 1:
        raise BadModel(f"stores of one model can be pooled, got {', '.join(sorted(names))}")
    spends = [1.0] * len(fitted) if mean_spends is None else mean_spends
    own = [(model, spend) for model, spend in zip(fitted, spends, strict=True) if model.method == "ml"]
    if len(own) < LEAST_STORES:
        raise CannotFit(f"a prior needs at least {LEAST_STORES} stores with fits of their own, got {len(own)}")
    name = own[0][0].name
    means = np.array([_normalised(model, spend) for model, spend in own])
    covariances = np.array([model.covariance for model, _ in own])
    mean, covariance = _between(means, covariances)
    return _prior(name, mean, covariance, stores=len(own))


def _prior(name: str, mean: Floats, covariance: Floats, *, stores: int) -> Prior:
    return Prior(name, tuple(mean.tolist()), tuple(tuple(row) for row in covariance.tolist()), stores)


def _normalised(model: FittedModel, mean_spend: float) -> Floats:
    logs = np.log(model.vector) + math.log(DAYS_PER_UNIT[model.unit]) * _times(model.name)
    if model.name == gammagamma.NAME:
        logs[2] -= math.log(mean_spend)
    return logs


def _times(name: str) -> Floats:
    if name == gammagamma.NAME:
        return np.zeros(3)
    return np.array(transaction_model(name).times, dtype=np.float64)


def _between(means: Floats, within: Floats) -> tuple[Floats, Floats]:
    """Mean and covariance of the true parameters, by expectation maximisation."""
    stores, size = means.shape
    spread = np.eye(size) * typical.SPREAD**2
    mean, covariance = np.median(means, axis=0), spread
    precision_within = np.linalg.inv(within)
    for _ in range(_ROUNDS):
        precision = np.linalg.inv(covariance)
        posterior = np.linalg.inv(precision + precision_within)
        pulled = precision_within @ means[..., None] + (precision @ mean)[None, :, None]
        true = (posterior @ pulled)[..., 0]
        new = true.mean(axis=0)
        apart = true - new
        scatter = posterior.sum(axis=0) + apart.T @ apart
        covariance = (scatter + _SPREAD_WEIGHT * spread) / (stores + _SPREAD_WEIGHT)
        done = bool(np.abs(new - mean).max() < 1e-9)
        mean = new
        if done:
            break
    return mean, covariance
