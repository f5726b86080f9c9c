"""Chooses a store's model by how well each would have predicted what came next, at several days in the past.

Rule: at each origin every model is fitted to what was known and its expected counts are compared with what followed. A
model's score at an origin is the mean of its MAE and its RMSE, each over the best model's there; its score is the mean
over origins. Models within 1.5 % of the lowest score predict counts equally well; among these the one wins that had
given the highest probability to what happened (logarithmic score), for intervals and P(alive) rest on that.

Each model is tried twice: by maximum likelihood, and under a wide prior of what shops are like (`pooling`). Likelihoods
of leaving are flat, and a short history lets them run to where no shop is; a prior holds them, and says next to nothing
where the customers are many. It is leant on only where it raised the logarithmic score by more than 0.001.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from kiki.council.syncvalue.models.accuracy import Errors, errors
from kiki.council.syncvalue.models.errors import CannotFit
from kiki.council.syncvalue.models.estimate import FittedModel
from kiki.council.syncvalue.models.fitting import fit_transactions, require_variety
from kiki.council.syncvalue.models.histories import DAYS_PER_UNIT, Floats, Histories, Unit, group_with_places
from kiki.council.syncvalue.models.pooling import Prior, default_prior
from kiki.council.syncvalue.models.prediction import expected_purchases
from kiki.council.syncvalue.models.purchases import Purchases, observe, outcome, sample
from kiki.council.syncvalue.models.transactions import MODELS, transaction_model

ORIGINS = (0.5, 0.625, 0.75)
"""Origins, as shares of the time from the first purchase to the last day known."""
LEAST_DAYS = 28
SAMPLE = 50_000
"""So many customers are enough to tell models apart."""
TIE = 0.015
GAIN = 0.001
"""Mean logarithm of the probability of what happened that a prior must gain: about a thousandth of the probability."""
_SCORED = 5_000
_LARGEST_COUNT = 400
_UNLIKELY = 1e-9


@dataclass(frozen=True, slots=True)
class Trial:
    """One model at one origin."""

    model: str
    leans: bool
    """Whether it was fitted under the prior."""
    origin: int
    """The last day that was known."""
    horizon_days: int
    errors: Errors
    relative: float
    """Mean of MAE and RMSE, each over the best model's at this origin."""
    log_score: float
    """Mean logarithm of the probability that the model had given to a customer's count; higher is better."""

    @property
    def label(self) -> str:
        """The model, and whether it leant on the prior."""
        return _label(self.model, self.leans)


@dataclass(frozen=True, slots=True)
class BackTest:
    """What was tried, and which model did best. Scores are by `Trial.label`."""

    chosen: str
    leans: bool
    """Whether the chosen model is to be fitted under the prior."""
    scores: dict[str, float]
    log_scores: dict[str, float]
    trials: tuple[Trial, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        trials = [asdict(trial) | {"errors": trial.errors.as_dict()} for trial in self.trials]
        return {
            "chosen": self.chosen,
            "leans": self.leans,
            "scores": self.scores,
            "log_scores": self.log_scores,
            "trials": trials,
        }


def back_test(
    of: Purchases,
    *,
    until: int,
    unit: Unit,
    models: Sequence[str] = tuple(MODELS),
    priors: Callable[[str], Prior] = default_prior,
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
    candidates = [_Candidate(name, prior) for name in models for prior in (None, priors(name))]
    trials: list[Trial] = []
    for share in origins:
        origin = drawn.first_day + int(days * share)
        if until - origin >= 7:
            trials += _trials(drawn, origin, until, unit, candidates)
    if not trials:
        raise CannotFit("a back-test needs an origin at which a model can be fitted; there was none")
    tried = Counter(trial.label for trial in trials)
    everywhere = [own for own in candidates if tried[own.label] == max(tried.values())]
    scores, log_scores = (
        {own.label: _mean(getattr(trial, what) for trial in trials if trial.label == own.label) for own in everywhere}
        for what in ("relative", "log_score")
    )
    good = [own for own in everywhere if scores[own.label] <= min(scores.values()) * (1.0 + TIE)]
    best = _sparing(max(good, key=lambda own: log_scores[own.label]), good, log_scores)
    return BackTest(best.model, best.prior is not None, scores, log_scores, tuple(trials))


@dataclass(frozen=True, slots=True)
class _Candidate:
    model: str
    prior: Prior | None

    @property
    def label(self) -> str:
        return _label(self.model, self.prior is not None)


def _sparing(best: _Candidate, good: Sequence[_Candidate], log_scores: dict[str, float]) -> _Candidate:
    """The same model by maximum likelihood, where that is as good and the prior gained next to nothing."""
    plain = _Candidate(best.model, None)
    if plain in good and log_scores[best.label] - log_scores[plain.label] <= GAIN:
        return plain
    return best


def _label(model: str, leans: bool) -> str:
    return f"{model}+prior" if leans else model


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


def _trials(of: Purchases, origin: int, until: int, unit: Unit, candidates: Sequence[_Candidate]) -> list[Trial]:
    seen = observe(of, origin, unit)
    try:
        require_variety(seen.histories)
    except CannotFit:
        return []
    actual = outcome(of, seen, until).purchases
    horizon = (until - origin) / DAYS_PER_UNIT[unit]
    found: list[tuple[_Candidate, Errors, float]] = []
    for own in candidates:
        try:
            fitted = fit_transactions(own.model, seen.histories, unit, own.prior)
        except CannotFit:
            continue
        expected = expected_purchases(fitted, seen.histories, horizon)
        found.append((own, errors(expected, actual), _log_score(fitted, seen.histories, horizon, actual)))
    if not found:
        return []
    mae = max(min(wrong.mae for _, wrong, _ in found), 1e-12)
    rmse = max(min(wrong.rmse for _, wrong, _ in found), 1e-12)
    return [
        Trial(
            own.model,
            own.prior is not None,
            origin,
            until - origin,
            wrong,
            (wrong.mae / mae + wrong.rmse / rmse) / 2,
            log_score,
        )
        for own, wrong, log_score in found
    ]


def _log_score(fitted: FittedModel, of: Histories, horizon: float, actual: Floats) -> float:
    """On a part of the customers, for it costs a whole distribution each."""
    rows = np.unique(np.linspace(0, len(of) - 1, min(len(of), _SCORED)).astype(np.int64))
    happened = np.minimum(actual[rows], _LARGEST_COUNT).astype(np.int64)
    distinct, places = group_with_places(of.take(rows))
    counts = transaction_model(fitted.name).counts(fitted.vector, distinct, horizon, int(happened.max()) + 1)
    return float(np.log(np.maximum(counts[places, happened], _UNLIKELY)).mean())
