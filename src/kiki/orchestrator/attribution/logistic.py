"""Logistic regression with a ridge, by Newton's method on grouped rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kiki.kit.errors import InvalidInput
from kiki.orchestrator.attribution.paths import Floats

_MAX_STEPS = 60
_MAX_HALVINGS = 30
_TOLERANCE = 1e-11


@dataclass(frozen=True, slots=True)
class Trials:
    """Rows of the same features: how many were tried and how many succeeded."""

    design: Floats
    """(rows, columns)."""
    trials: Floats
    successes: Floats
    offset: Floats
    """Added to the log-odds as it is."""


@dataclass(frozen=True, slots=True)
class LogisticFit:
    """The maximum of the penalised log-likelihood."""

    coefficients: Floats
    covariance: Floats
    """The inverse of the penalised information."""
    log_likelihood: float
    """Without the penalty."""


def fit_logistic(data: Trials, penalties: Floats) -> LogisticFit:
    """Maximise the log-likelihood less sum(penalty b^2) / 2, with log-odds X b + offset.

    Newton steps, which are iteratively reweighted least squares (McCullagh and Nelder 1989, 2.5), halved until they
    do not lose. A column whose penalty is infinite stays at zero. Raises InvalidInput when the data do not determine
    the coefficients: a ridge would.
    """
    free = np.isfinite(penalties)
    ridge, used = penalties[free], Trials(data.design[:, free], data.trials, data.successes, data.offset)
    beta = np.zeros(int(free.sum()))
    reached = _objective(used, ridge, beta)
    for _ in range(_MAX_STEPS):
        gradient, information = _derivatives(used, ridge, beta)
        beta, after = _climbed(used, ridge, beta, _solve(information, gradient), reached)
        gained, reached = after - reached, after
        if gained <= _TOLERANCE * (1.0 + abs(reached)):
            break
    covariance = np.zeros((len(free), len(free)))
    covariance[np.ix_(free, free)] = _solve(_derivatives(used, ridge, beta)[1], np.eye(len(beta)))
    coefficients = np.zeros(len(free))
    coefficients[free] = beta
    return LogisticFit(coefficients, covariance, log_likelihood(data, coefficients))


def log_likelihood(data: Trials, coefficients: Floats) -> float:
    """sum(y eta - n log(1 + e^eta)); the binomial coefficients are left out."""
    eta = data.design @ coefficients + data.offset
    return float(data.successes @ eta - data.trials @ np.logaddexp(0.0, eta))


def probabilities(log_odds: Floats) -> Floats:
    """1 / (1 + e^-x), without overflow."""
    return np.exp(-np.logaddexp(0.0, -log_odds))


def _objective(data: Trials, ridge: Floats, beta: Floats) -> float:
    return log_likelihood(data, beta) - 0.5 * float(ridge @ beta**2)


def _derivatives(data: Trials, ridge: Floats, beta: Floats) -> tuple[Floats, Floats]:
    chance = probabilities(data.design @ beta + data.offset)
    gradient = data.design.T @ (data.successes - data.trials * chance) - ridge * beta
    information = (data.design.T * (data.trials * chance * (1.0 - chance))) @ data.design + np.diag(ridge)
    return gradient, information


def _climbed(data: Trials, ridge: Floats, beta: Floats, step: Floats, reached: float) -> tuple[Floats, float]:
    for _ in range(_MAX_HALVINGS):
        after = _objective(data, ridge, beta + step)
        if after >= reached:
            return beta + step, after
        step = step / 2.0
    return beta, reached


def _solve(information: Floats, right: Floats) -> Floats:
    try:
        solved: Floats = np.linalg.solve(information, right).astype(np.float64)
    except np.linalg.LinAlgError:
        solved = np.full_like(right, np.nan)
    if not np.isfinite(solved).all():
        raise InvalidInput("the data do not determine the model's coefficients", reason="NOT_IDENTIFIED")
    return solved
