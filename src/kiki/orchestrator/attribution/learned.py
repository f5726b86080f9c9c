"""Learning, from a randomised hold-out, how likely ads caused an order.

Among users to whom ads would be served, a logistic model gives P(order | x) with ads, p1, and without, p0; x is known
before any ad. Ads cannot cause the order of somebody who was not exposed (exclusion; Angrist, Imbens and Rubin 1996),
and they are taken never to prevent one (monotonicity). Then, by Bayes' rule over the principal strata (Frangakis and
Rubin 2002),

    P(caused | order, x, exposed) = (p1(x) - p0(x)) / (p1(x) q(x)),   q(x) = P(exposed | order, x, with ads).

What ads themselves change (clicks, visits) is no feature: held-out users have no counterpart, and who clicks is who
intended to buy. No truth is used: p0 is what held-out users did.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import compress

import numpy as np

from kiki.kit.errors import InvalidInput
from kiki.orchestrator.attribution.fitted import Feature, LearnedParameters
from kiki.orchestrator.attribution.holdout import Flags, Holdout
from kiki.orchestrator.attribution.logistic import Trials, fit_logistic, log_likelihood, probabilities
from kiki.orchestrator.attribution.paths import Floats, Ints

FOLDS = 10
_PENALTIES = (np.inf, 1000.0, 300.0, 100.0, 30.0, 10.0, 3.0, 1.0)
_LEAST_PENALTY = 1e-3
_EXPOSURE_PENALTY = 1.0
_LEAST_ORDERS = 10
_STEP = 1e-5


@dataclass(frozen=True, slots=True)
class _Grouped:
    """Users of the same features, arm and fold, counted. Columns: 1, x, eligible, eligible x, ads, ads x."""

    trials: Trials
    fold: Ints
    features: int


def fit_learned(data: Holdout, *, seed: int = 0) -> LearnedParameters:
    """Fit, choose the ridge, and shrink what cross-fitting does not confirm.

    How lift differs between buyers is penalised by a ridge that ten-fold cross-validation chooses. Cross-fitted
    predictions then give those differences a slope between 0 and 1 (Platt scaling of the lift), and the lift's level
    is fitted once more, so that over all eligible users the model says exactly what the arms showed. Raises
    InvalidInput where an arm has fewer than ten orders.
    """
    _refuse_small_arms(data)
    mean, scale = _standards(data)
    x = (data.features - mean) / scale
    grouped = _grouped(data, x, seed)
    penalties = _chosen(grouped)
    fit = fit_logistic(grouped.trials, penalties)
    width = grouped.features
    lift_of = slice(2 * width + 3, None)
    slope = _slope(grouped, penalties) if np.isfinite(penalties[lift_of]).any() else 1.0
    beta = fit.coefficients.copy()
    beta[lift_of] *= slope
    beta[2 * width + 2] = _level(grouped, beta)
    exposure = _exposure(data, x)
    parameters = LearnedParameters(
        features=tuple(
            Feature(
                name=name,
                mean=float(mean[at]),
                scale=float(scale[at]),
                base=float(beta[1 + at] + beta[width + 2 + at]),
                lift=float(beta[2 * width + 3 + at]),
                exposure=float(exposure[1 + at]) if exposure is not None else 0.0,
            )
            for at, name in enumerate(data.names)
        ),
        base=float(beta[0] + beta[width + 1]),
        lift=float(beta[2 * width + 2]),
        exposure=float(exposure[0]) if exposure is not None else None,
        penalty=float(penalties[-1]) if np.isfinite(penalties[lift_of]).any() else None,
        slope=slope,
        treated=data.count(data.eligible & ~data.held_out),
        held_out=data.count(data.eligible & data.held_out),
        mean_standard_error=0.0,
    )
    return replace(parameters, mean_standard_error=_standard_error(parameters, data, fit.covariance, width))


def confidences(parameters: LearnedParameters, data: Holdout) -> Floats:
    """Per user P(caused | ordered); 0 where nobody was exposed. Meant for users who ordered."""
    without, with_ads, seen = chances(parameters, data)
    caused = 1.0 - without / with_ads
    return np.where(data.exposed, np.clip(caused / seen, 0.0, 1.0), 0.0)


def chances(parameters: LearnedParameters, data: Holdout) -> tuple[Floats, Floats, Floats]:
    """Per row P(order | x) without ads and with them, and P(exposed | order, x, with ads)."""
    known = {name: at for at, name in enumerate(data.names)}
    base = np.full(len(data), parameters.base)
    lift = np.full(len(data), parameters.lift)
    exposure = np.full(len(data), parameters.exposure if parameters.exposure is not None else np.inf)
    for feature in parameters.features:
        if feature.name not in known:
            raise InvalidInput(f"the data lack the feature {feature.name}", reason="BAD_FILE")
        x = (data.features[:, known[feature.name]] - feature.mean) / feature.scale
        base, lift = base + feature.base * x, lift + feature.lift * x
        exposure = exposure + feature.exposure * x
    return probabilities(base), probabilities(base + lift), probabilities(exposure)


def cross_fitted(data: Holdout, *, seed: int = 0) -> Floats:
    """Confidences where each user's own outcome took no part in the fit."""
    found = np.zeros(len(data))
    for out, parameters in leave_out(data, seed=seed):
        found[out] = confidences(parameters, subset(data, out))
    return found


def leave_out(data: Holdout, *, seed: int = 0) -> Iterator[tuple[Flags, LearnedParameters]]:
    """Each fold's rows, and what is learned from all others."""
    fold = _folds(data, seed)
    for number in range(FOLDS):
        out = fold == number
        if out.any():
            yield out, fit_learned(subset(data, ~out), seed=seed)


def subset(data: Holdout, rows: Flags) -> Holdout:
    """These rows alone."""
    return replace(
        data,
        users=tuple(compress(data.users, rows.tolist())),
        eligible=data.eligible[rows],
        held_out=data.held_out[rows],
        exposed=data.exposed[rows],
        ordered=data.ordered[rows],
        amount=data.amount[rows],
        features=data.features[rows],
        people=None if data.people is None else data.people[rows],
        fold=None if data.fold is None else data.fold[rows],
    )


def _refuse_small_arms(data: Holdout) -> None:
    for name, arm in (("treated", ~data.held_out), ("held-out", data.held_out)):
        orders = data.count(arm & data.eligible & data.ordered)
        if orders < _LEAST_ORDERS:
            raise InvalidInput(
                f"learning wants {_LEAST_ORDERS} orders of eligible {name} users, got {orders}", reason="NOT_IDENTIFIED"
            )


def _standards(data: Holdout) -> tuple[Floats, Floats]:
    who, weights = data.features[data.eligible], data.weights[data.eligible]
    mean = weights @ who / weights.sum()
    scale = np.sqrt(weights @ (who - mean) ** 2 / weights.sum())
    return mean, np.where(scale > 0, scale, 1.0)


def _folds(data: Holdout, seed: int) -> Ints:
    """A fold per row, drawn balanced within arm and outcome where the data have none."""
    if data.fold is not None:
        return data.fold % FOLDS
    strata = (data.eligible * 4 + data.held_out * 2 + data.ordered).astype(np.int64)
    shuffled = np.random.default_rng(seed).permutation(len(data))
    order = shuffled[np.argsort(strata[shuffled], kind="stable")]
    fold = np.empty(len(data), dtype=np.int64)
    fold[order] = np.arange(len(data)) % FOLDS
    return fold


def _grouped(data: Holdout, x: Floats, seed: int) -> _Grouped:
    eligible, ads = data.eligible.astype(np.float64), (data.eligible & ~data.held_out).astype(np.float64)
    rows = np.column_stack([x, eligible, ads, _folds(data, seed)])
    groups, group_of = np.unique(rows, axis=0, return_inverse=True)
    weights = data.weights
    features, eligible, ads = groups[:, :-3], groups[:, -3:-2], groups[:, -2:-1]
    design = np.column_stack([np.ones(len(groups)), features, eligible, eligible * features, ads, ads * features])
    counts = np.bincount(group_of.ravel(), weights, minlength=len(groups))
    ordered = np.bincount(group_of.ravel(), weights * data.ordered, minlength=len(groups))
    trials = Trials(design, counts.astype(np.float64), ordered.astype(np.float64), np.zeros(len(groups)))
    return _Grouped(trials, groups[:, -1].astype(np.int64), features.shape[1])


def _penalties(grouped: _Grouped, of_targeting: float, of_lift: float) -> Floats:
    """Per column; without ineligible users their columns would repeat the intercept's, and stay at zero."""
    width = grouped.features
    alone = bool(grouped.trials.design[:, width + 1].all())
    return np.array(
        [0.0]
        + [_LEAST_PENALTY] * width
        + [np.inf if alone else 0.0]
        + [np.inf if alone else of_targeting] * width
        + [0.0]
        + [of_lift] * width
    )


def _chosen(grouped: _Grouped) -> Floats:
    """Ridges by cross-validation: first on what targeting changes, then on what differs in lift."""
    if not grouped.features:
        return _penalties(grouped, np.inf, np.inf)
    of_targeting = _best([_validated(grouped, _penalties(grouped, each, np.inf)) for each in _PENALTIES])
    of_lift = _best([_validated(grouped, _penalties(grouped, of_targeting, each)) for each in _PENALTIES])
    return _penalties(grouped, of_targeting, of_lift)


def _best(scores: list[Floats]) -> float:
    """The penalty under which left-out folds are most likely; the strongest among equals."""
    return _PENALTIES[int(np.array(scores).sum(axis=1).argmax())]


def _part(trials: Trials, rows: Flags) -> Trials:
    return Trials(trials.design[rows], trials.trials[rows], trials.successes[rows], trials.offset[rows])


def _validated(grouped: _Grouped, penalties: Floats) -> Floats:
    """Log-likelihood of each fold under the fit of the others."""
    scores = np.empty(FOLDS)
    for number in range(FOLDS):
        out = grouped.fold == number
        fit = fit_logistic(_part(grouped.trials, ~out), penalties)
        scores[number] = log_likelihood(_part(grouped.trials, out), fit.coefficients)
    return scores


def _slope(grouped: _Grouped, penalties: Floats) -> float:
    """How much of the cross-fitted differences in lift the left-out outcomes confirm, 0 to 1."""
    trials, width = grouped.trials, grouped.features
    offset, differences = np.zeros(len(trials.trials)), np.zeros(len(trials.trials))
    for number in range(FOLDS):
        out = grouped.fold == number
        beta = fit_logistic(_part(trials, ~out), penalties).coefficients
        offset[out] = trials.design[out][:, : 2 * width + 2] @ beta[: 2 * width + 2]
        differences[out] = trials.design[out][:, 2 * width + 3 :] @ beta[2 * width + 3 :]
    ads = trials.design[:, 2 * width + 2]
    design = np.column_stack([ads, differences])
    fit = fit_logistic(Trials(design, trials.trials, trials.successes, offset), np.array([_LEAST_PENALTY] * 2))
    return float(np.clip(fit.coefficients[1], 0.0, 1.0))


def _level(grouped: _Grouped, beta: Floats) -> float:
    """The lift's level when everything else stands."""
    trials, at = grouped.trials, 2 * grouped.features + 2
    rest = beta.copy()
    rest[at] = 0.0
    column = trials.design[:, at : at + 1]
    fit = fit_logistic(Trials(column, trials.trials, trials.successes, trials.design @ rest), np.array([0.0]))
    return float(fit.coefficients[0])


def _exposure(data: Holdout, x: Floats) -> Floats | None:
    """Coefficients of P(exposed | order, x, with ads); None when every such buyer was exposed."""
    buyers = data.eligible & ~data.held_out & data.ordered
    if data.exposed[buyers].all():
        return None
    design, weights = np.column_stack([np.ones(int(buyers.sum())), x[buyers]]), data.weights[buyers]
    penalties = np.array([_LEAST_PENALTY] + [_EXPOSURE_PENALTY] * x.shape[1])
    trials = Trials(design, weights, weights * data.exposed[buyers], np.zeros(len(design)))
    return fit_logistic(trials, penalties).coefficients


def _standard_error(parameters: LearnedParameters, data: Holdout, covariance: Floats, width: int) -> float:
    """Of the mean confidence of exposed orders: the delta method over level, base and their differences."""
    buyers = subset(data, data.ordered & data.exposed)
    if not len(buyers):
        return 0.0
    weights = buyers.weights / buyers.weights.sum()
    base = [0, width + 1]
    columns: list[tuple[LearnedParameters, list[int]]] = [
        (replace(parameters, base=parameters.base + _STEP), base),
        (replace(parameters, lift=parameters.lift + _STEP), [2 * width + 2]),
    ]
    for at, feature in enumerate(parameters.features):
        for moved, at_columns in (
            (replace(feature, base=feature.base + _STEP), [1 + at, width + 2 + at]),
            (replace(feature, lift=feature.lift + _STEP), [2 * width + 3 + at]),
        ):
            features = (*parameters.features[:at], moved, *parameters.features[at + 1 :])
            columns.append((replace(parameters, features=features), at_columns))
    now = weights @ confidences(parameters, buyers)
    gradient = np.zeros(covariance.shape[0])
    for moved_parameters, which in columns:
        gradient[which] = (weights @ confidences(moved_parameters, buyers) - now) / _STEP
    return math.sqrt(max(float(gradient @ covariance @ gradient), 0.0))
