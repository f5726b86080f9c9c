"""A fitted model as a small value that can be stored, served and compared; and how sure its parameters are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import numpy as np

from kiki.council.syncvalue.models.errors import BadModel
from kiki.council.syncvalue.models.histories import Floats, Unit

NORMAL_95 = 1.959963984540054
Method = Literal["ml", "map"]


@dataclass(frozen=True, slots=True)
class FittedModel:
    """Parameters of one store, and what is known about them.

    `log_covariance` is the covariance of the logarithms of the parameters (inverse observed information), in the order
    of `parameters`. Times are in `unit`; money (Gamma-Gamma's v) is in the unit of the amounts that were fitted.
    """

    name: str
    version: int
    unit: Unit
    parameters: Mapping[str, float]
    log_likelihood: float
    log_covariance: tuple[tuple[float, ...], ...]
    customers: int
    purchases: int
    """Repeat purchases that were seen."""
    method: Method = "ml"
    own_weight: float = 1.0
    """How much of what is known comes from the store itself: 1 all of it, 0 nothing (the rest is the prior's)."""
    warnings: tuple[str, ...] = field(default=())

    @property
    def vector(self) -> Floats:
        """The parameters in order."""
        return np.array(list(self.parameters.values()), dtype=np.float64)

    @property
    def covariance(self) -> Floats:
        """`log_covariance` as a matrix."""
        return np.array(self.log_covariance, dtype=np.float64)

    @property
    def standard_errors(self) -> dict[str, float]:
        """Of the parameters themselves (delta method: parameter times the standard error of its logarithm)."""
        errors = np.sqrt(np.diag(self.covariance)).tolist()
        return {name: value * error for (name, value), error in zip(self.parameters.items(), errors, strict=True)}

    def intervals(self, normal: float = NORMAL_95) -> dict[str, tuple[float, float]]:
        """Intervals on the logarithmic scale, taken back: `normal` standard errors to each side, 95 % if not said."""
        errors = np.sqrt(np.diag(self.covariance)) * normal
        return {
            name: (value * math.exp(-min(error, 700.0)), value * math.exp(min(error, 600.0)))
            for (name, value), error in zip(self.parameters.items(), errors.tolist(), strict=True)
        }

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return {
            "name": self.name,
            "version": self.version,
            "unit": self.unit,
            "parameters": dict(self.parameters),
            "parameter_names": list(self.parameters),
            "log_likelihood": self.log_likelihood,
            "log_covariance": [list(row) for row in self.log_covariance],
            "customers": self.customers,
            "purchases": self.purchases,
            "method": self.method,
            "own_weight": self.own_weight,
            "warnings": list(self.warnings),
        }


def fitted_model(plain: Mapping[str, Any]) -> FittedModel:
    """The inverse of `as_dict`. Raises `BadModel` when something is missing or impossible.

    The order of the parameters is that of `parameter_names` where it is told: not every store of JSON keeps it.
    """
    try:
        names = plain.get("parameter_names", plain["parameters"])
        parameters = {str(name): float(plain["parameters"][name]) for name in names}
        covariance = tuple(tuple(float(value) for value in row) for row in plain["log_covariance"])
        model = FittedModel(
            name=str(plain["name"]),
            version=int(plain["version"]),
            unit=cast("Unit", plain["unit"]),
            parameters=parameters,
            log_likelihood=float(plain["log_likelihood"]),
            log_covariance=covariance,
            customers=int(plain["customers"]),
            purchases=int(plain["purchases"]),
            method=cast("Method", plain["method"]),
            own_weight=float(plain["own_weight"]),
            warnings=tuple(str(text) for text in plain["warnings"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadModel(f"not a fitted model: {type(error).__name__} {error}") from None
    size = len(parameters)
    if len(covariance) != size or any(len(row) != size for row in covariance):
        raise BadModel(f"a model with {size} parameters needs a covariance of {size} by {size}")
    if not all(math.isfinite(value) and value > 0 for value in parameters.values()):
        raise BadModel(f"parameters must be positive and finite, got {parameters}")
    if model.unit not in ("days", "weeks") or model.method not in ("ml", "map"):
        raise BadModel(f"unknown unit {model.unit!r} or method {model.method!r}")
    return model
