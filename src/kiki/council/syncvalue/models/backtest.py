"""Chooses a store's model by how well each would have predicted what came next, at several days in the past.

Rule: at each origin every model is fitted to what was known and its expected counts are compared with what followed. A
model's score at an origin is the mean of its MAE and its RMSE, each over the best model's there; its score is the mean
over origins. Models within 1.5 % of the lowest score predict counts equally well; among these the one wins that had
given the highest probability to what happened (logarithmic score), for intervals and P(alive) rest on that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from kiki.council.syncvalue.models.accuracy import Errors, errors
from kiki.council.syncvalue.models.errors import CannotFit
from kiki.council.syncvalue.models.estimate import FittedModel
from kiki.council.syncvalue.models.fitting import fit_transactions
from kiki.council.syncvalue.models.histories import DAYS_PER_UNIT, Floats, Histories, Unit, group_with_places
from kiki.council.syncvalue.models.prediction import expected_purchases
from kiki.council.syncvalue.models.purchases import Purchases, observe, outcome, sample
from kiki.council.syncvalue.models.transactions import MODELS, transaction_model

ORIGINS = (0.5, 0.625, 0.75)
"""Origins, as shares of the time from the first purchase to the last day known."""
LEAST_DAYS = 28
SAMPLE = 50_000
"""So many customers are enough to tell models apart."""
TIE = 0.015
_SCORED = 5_000
_LARGEST_COUNT = 400
_UNLIKELY = 1e-9


@dataclass(frozen=True, slots=True)
class Trial:
    """One model at one origin."""

    model: str
    origin: int
    """The last day that was known."""
    horizon_days: int
    errors: Errors
    relative: float
    """Mean of MAE and RMSE, each over the best model's at this origin."""
    log_score: float
    """Mean logarithm of the probability that the model had given to a customer's count; higher is better."""


@dataclass(frozen=True, slots=True)
class BackTest:
    """What was tried, and which model did best."""

    chosen: str
    scores: dict[str, float]
    log_scores: dict[str, float]
    trials: tuple[Trial, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        trials = [asdict(trial) | {"errors": trial.errors.as_dict()} for trial in self.trials]
        return {"chosen": self.chosen, "scores": self.scores, "log_scores": self.log_scores, "trials": trials}


def back_test(
    of: Purchases,
    *,
    until: int,
    unit: Unit,
    models: Sequence[str] = tuple(MODELS),
    origins: Sequence[float] = ORIGINS,
    customers: int = SAMPLE,
    seed: int = 0,
) -> BackTest:
    """Tries the models on what was known by day `until`, on a sample of the customers where there are many.

    Raises `CannotFit` when the history is shorter than eight weeks, or too small at every origin.
    A model that cannot be fitted at an origin where another could is not chosen.
    """
    drawn = sample(of, customers, seed)
    days = until - drawn.first_day
    if days < 2 * LEAST_DAYS:
        raise CannotFit(f"a back-test needs at least {2 * LEAST_DAYS} days of history, got {days}")
    trials: list[Trial] = []
    for share in origins:
        origin = drawn.first_day + int(days * share)
        if until - origin >= 7:
            trials += _trials(drawn, origin, until, unit, models)
    if not trials:
        raise CannotFit("a back-test needs an origin at which a model can be fitted; there was none")
    most = max(sum(trial.model == name for trial in trials) for name in models)
    everywhere = [name for name in models if sum(trial.model == name for trial in trials) == most]
    scores = {name: _mean(trial.relative for trial in trials if trial.model == name) for name in everywhere}
    log_scores = {name: _mean(trial.log_score for trial in trials if trial.model == name) for name in everywhere}
    good = [name for name in everywhere if scores[name] <= min(scores.values()) * (1.0 + TIE)]
    return BackTest(max(good, key=lambda name: log_scores[name]), scores, log_scores, tuple(trials))


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


def _trials(of: Purchases, origin: int, until: int, unit: Unit, models: Sequence[str]) -> list[Trial]:
    seen = observe(of, origin, unit)
    actual = outcome(of, seen, until).purchases
    horizon = (until - origin) / DAYS_PER_UNIT[unit]
    found: dict[str, tuple[Errors, float]] = {}
    for name in models:
        try:
            fitted = fit_transactions(name, seen.histories, unit)
        except CannotFit:
            continue
        expected = expected_purchases(fitted, seen.histories, horizon)
        found[name] = errors(expected, actual), _log_score(fitted, seen.histories, horizon, actual)
    if not found:
        return []
    mae = max(min(own.mae for own, _ in found.values()), 1e-12)
    rmse = max(min(own.rmse for own, _ in found.values()), 1e-12)
    return [
        Trial(name, origin, until - origin, own, (own.mae / mae + own.rmse / rmse) / 2, log_score)
        for name, (own, log_score) in found.items()
    ]


def _log_score(fitted: FittedModel, of: Histories, horizon: float, actual: Floats) -> float:
    """On a part of the customers, for it costs a whole distribution each."""
    rows = np.unique(np.linspace(0, len(of) - 1, min(len(of), _SCORED)).astype(np.int64))
    happened = np.minimum(actual[rows], _LARGEST_COUNT).astype(np.int64)
    distinct, places = group_with_places(of.take(rows))
    counts = transaction_model(fitted.name).counts(fitted.vector, distinct, horizon, int(happened.max()) + 1)
    return float(np.log(np.maximum(counts[places, happened], _UNLIKELY)).mean())
