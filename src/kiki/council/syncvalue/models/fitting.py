"""Fits a store's models by maximum likelihood, or by maximum a posteriori under a prior from other stores."""

from __future__ import annotations

import numpy as np

from kiki.council.syncvalue.models import gammagamma
from kiki.council.syncvalue.models.errors import BadModel, CannotFit
from kiki.council.syncvalue.models.estimate import FittedModel
from kiki.council.syncvalue.models.histories import Floats, Histories, Spend, Unit, group
from kiki.council.syncvalue.models.optimise import LogPrior, Maximum, maximise
from kiki.council.syncvalue.models.pooling import Prior
from kiki.council.syncvalue.models.transactions import TransactionModel, transaction_model

LEAST_CUSTOMERS = 10
"""Without a prior, fewer than this are not fitted."""
_PILOT = 20_000
_AT_BOUND = "a parameter ran to the limit of the search: the data do not bound it"
_FLAT = "the data do not identify every parameter: the standard errors are lower limits"


def fit_transactions(name: str, of: Histories, unit: Unit, prior: Prior | None = None) -> FittedModel:
    """The model `name` fitted to customers whose times are in `unit`.

    Raises `CannotFit` when there is too little to learn from and no prior to lean on.
    """
    model = transaction_model(name)
    if prior is None:
        require_variety(of)
    elif len(of) == 0:
        return _of_prior(prior, unit)
    scale = max(float(of.age.mean()), 1e-9)
    data = group(of)
    scaled = data.rescaled(scale)
    times = np.array(model.times)
    log_prior = _log_prior(prior, name, unit, -np.log(scale) * times)
    starts, pilot = model.starts(scaled), None
    if log_prior is not None:
        starts = [np.exp(log_prior.mean), *starts]
    elif len(of) > 2 * _PILOT:
        pilot = _pilot(model, of, scale)
        starts = [pilot.parameters]
    found = maximise(
        lambda parameters: model.log_likelihood(parameters, scaled),
        starts,
        prior=log_prior,
        curvature=None if pilot is None else _inverse(pilot.log_covariance) * (len(of) / _PILOT),
    )
    parameters = found.parameters * np.where(times, scale, 1.0)
    value = model.log_likelihood(parameters, data)[0]
    return FittedModel(
        name=name,
        version=model.version,
        unit=unit,
        parameters=dict(zip(model.parameter_names, parameters.tolist(), strict=True)),
        log_likelihood=value,
        log_covariance=_rows(found.log_covariance),
        customers=len(of),
        purchases=int(of.x.sum()),
        method="ml" if prior is None else "map",
        own_weight=_own_weight(found.log_covariance, log_prior),
        warnings=_warnings(found),
    )


def fit_spend(of: Spend, unit: Unit, prior: Prior | None = None) -> FittedModel:
    """Gamma-Gamma fitted to the customers with at least one counted purchase of more than nothing."""
    usable = of.take((of.purchases > 0) & (of.mean > 0))
    if prior is None:
        _require_spend(usable)
    elif len(usable) == 0:
        raise CannotFit("nobody has spent anything: the prior needs the store's mean purchase")
    scale = float(usable.mean.mean())
    scaled = gammagamma.sums_of(Spend(usable.purchases, usable.mean / scale))
    in_scale = np.array([0.0, 0.0, -np.log(scale)])
    log_prior = _log_prior(prior, gammagamma.NAME, unit, np.zeros(3))
    starts = gammagamma.starts(scaled) if log_prior is None else [np.exp(log_prior.mean), *gammagamma.starts(scaled)]
    least = np.array([1e-9, gammagamma.LEAST_Q, 1e-9])
    found = maximise(
        lambda parameters: gammagamma.log_likelihood(parameters, scaled), starts, prior=log_prior, least=least
    )
    parameters = found.parameters * np.exp(-in_scale)
    return FittedModel(
        name=gammagamma.NAME,
        version=gammagamma.VERSION,
        unit=unit,
        parameters=dict(zip(gammagamma.PARAMETER_NAMES, parameters.tolist(), strict=True)),
        log_likelihood=gammagamma.log_likelihood(parameters, gammagamma.sums_of(usable))[0],
        log_covariance=_rows(found.log_covariance),
        customers=len(usable),
        purchases=int(usable.purchases.sum()),
        method="ml" if prior is None else "map",
        own_weight=_own_weight(found.log_covariance, log_prior),
        warnings=_warnings(found),
    )


def spend_frequency_correlation(of: Spend) -> float | None:
    """Correlation of mean spend with purchases, which Gamma-Gamma takes to be 0; `None` where it is not defined."""
    usable = of.purchases > 0
    n, mean = of.purchases[usable], of.mean[usable]
    if len(n) < 3 or n.std() == 0 or mean.std() == 0:
        return None
    return float(np.corrcoef(n, mean)[0, 1])


def _pilot(model: TransactionModel, of: Histories, scale: float) -> Maximum:
    """A fit to a part of many customers, from every start: next to the maximum, at a fraction of the work."""
    few = of.take(np.linspace(0, len(of) - 1, _PILOT).astype(np.int64))
    part = group(few).rescaled(scale)
    return maximise(lambda parameters: model.log_likelihood(parameters, part), model.starts(part))


def require_variety(of: Histories) -> None:
    """Raises `CannotFit` when the customers alone, without a prior, do not say enough for a fit."""
    if len(of) < LEAST_CUSTOMERS:
        raise CannotFit(f"a fit needs at least {LEAST_CUSTOMERS} customers, got {len(of)}")
    if not of.x.any():
        raise CannotFit(f"a fit needs repeat purchases; none of {len(of)} customers came back")
    if not (of.age > 0).any():
        raise CannotFit("a fit needs time to have passed since the first purchases; every T is 0")
    if len(group(of).x) == 1:
        raise CannotFit(f"a fit needs customers that differ; all {len(of)} have the same x, t_x and T")


def _require_spend(of: Spend) -> None:
    if len(of) < LEAST_CUSTOMERS:
        raise CannotFit(f"Gamma-Gamma needs at least {LEAST_CUSTOMERS} customers with paid repeats, got {len(of)}")
    if np.ptp(of.mean) == 0:
        raise CannotFit("Gamma-Gamma needs customers that differ; all have the same mean spend")
    if not (of.purchases > 1).any():
        raise CannotFit("Gamma-Gamma needs customers with two or more counted purchases; each has one")


def _log_prior(prior: Prior | None, name: str, unit: Unit, shift: Floats) -> LogPrior | None:
    if prior is None:
        return None
    if prior.name != name:
        raise BadModel(f"a prior of {prior.name!r} cannot serve {name!r}")
    mean, covariance = prior.in_unit(unit)
    return LogPrior(mean + shift, _inverse(covariance))


def _of_prior(prior: Prior, unit: Unit) -> FittedModel:
    mean, covariance = prior.in_unit(unit)
    model = transaction_model(prior.name)
    return FittedModel(
        name=model.name,
        version=model.version,
        unit=unit,
        parameters=dict(zip(model.parameter_names, np.exp(mean).tolist(), strict=True)),
        log_likelihood=0.0,
        log_covariance=_rows(covariance),
        customers=0,
        purchases=0,
        method="map",
        own_weight=0.0,
    )


def _own_weight(log_covariance: Floats, prior: LogPrior | None) -> float:
    """1 minus the mean share of the information that is the prior's."""
    if prior is None:
        return 1.0
    return float(np.clip(1.0 - np.trace(prior.precision @ log_covariance) / len(log_covariance), 0.0, 1.0))


def _inverse(matrix: Floats) -> Floats:
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64)


def _rows(matrix: Floats) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in matrix.tolist())


def _warnings(found: Maximum) -> tuple[str, ...]:
    said = ((found.at_bound, _AT_BOUND), (not found.identified, _FLAT))
    return tuple(text for is_so, text in said if is_so)
