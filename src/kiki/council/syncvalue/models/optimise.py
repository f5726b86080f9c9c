"""Maximum of a log-likelihood over positive parameters, and the curvature there.

Quasi-Newton (BFGS) over the logarithms, begun with the true curvature, by differences of the analytic gradient. With
three or four parameters that takes some fifteen evaluations, and next to no time beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from kiki.council.syncvalue.models.errors import CannotFit
from kiki.council.syncvalue.models.histories import Floats

Objective = Callable[[Floats], tuple[float, Floats]]
"""Parameters to the value that is to be largest, and its gradient."""

_BOUND = 14.0
_DIFFERENCE = 1e-4
_FLAT = 1e-6
"""Eigenvalues of the information are taken to be no smaller than this: a standard error of a logarithm is finite."""
_UNKNOWN = 0.01
"""Below this the data say next to nothing in that direction: a standard error of 10 is a factor of 22,000."""
_SHARP = 0.25
"""Above this a peak is taken for the only one: a standard error under 2. Below it the other starts are tried too."""
_EDGE = 1.0
"""A logarithm nearer than this to the end of the search stands at the end: a ridge is left a little before it.

Not so a limit that was asked for (`least`): that is reached.
"""
_ROUNDS = 300
_LONGEST_STEP = 2.0
_NEAR = 1e-13
"""Squared distance to the maximum, in standard errors, at which the search ends."""


_NOTHING, _PATIENCE = 1e-10, 3
"""A ridge is left after so many rounds that gained next to nothing."""
_MOST_NOTHING, _ROUNDING = 1e-6, 1e-13
"""However large the value, more than this and its rounding is something."""


@dataclass(frozen=True, slots=True)
class LogPrior:
    """Normal prior of the logarithms of the parameters."""

    mean: Floats
    precision: Floats

    def __call__(self, logs: Floats) -> tuple[float, Floats]:
        """Log-density without its constant, and its gradient."""
        pull = self.precision @ (logs - self.mean)
        return -0.5 * float((logs - self.mean) @ pull), -pull


@dataclass(frozen=True, slots=True)
class Maximum:
    """Where the maximum is, and how sharp."""

    parameters: Floats
    value: float
    """Of the likelihood alone, without the prior."""
    log_covariance: Floats
    identified: bool
    at_bound: bool


@dataclass(frozen=True, slots=True)
class _Search:
    """What is climbed: the objective and the prior over logarithms, from `bottom` to 14."""

    objective: Objective
    prior: LogPrior | None
    bottom: Floats

    def __call__(self, logs: Floats) -> tuple[float, Floats]:
        parameters = np.exp(logs)
        value, gradient = self.objective(parameters)
        gradient = gradient * parameters
        if self.prior is not None:
            more, slope = self.prior(logs)
            value, gradient = value + more, gradient + slope
        return value, gradient

    def inside(self, logs: Floats) -> Floats:
        return np.clip(logs, self.bottom, _BOUND)

    def at_bound(self, logs: Floats) -> bool:
        edge = np.where(self.bottom > -_BOUND, 1e-6, _EDGE)
        return bool(((logs <= self.bottom + edge) | (logs >= _BOUND - _EDGE)).any())

    def is_sharp(self, logs: Floats) -> bool:
        """Whether the value falls clearly in every direction; where it does not, another peak may lie higher."""
        return bool(np.linalg.eigvalsh(self.information(logs)).min() > _SHARP)

    def information(self, logs: Floats) -> Floats:
        """Negative second derivative, by central differences of the gradient."""
        size = len(logs)
        rows = np.empty((size, size))
        for row, step in enumerate(np.eye(size) * _DIFFERENCE):
            rows[row] = (self(logs - step)[1] - self(logs + step)[1]) / (2 * _DIFFERENCE)
        return np.asarray((rows + rows.T) / 2)


def maximise(
    objective: Objective,
    starts: Sequence[Floats],
    *,
    prior: LogPrior | None = None,
    least: Floats | None = None,
    curvature: Floats | None = None,
) -> Maximum:
    """The parameters at which `objective` (plus the prior) is largest.

    Searches over logarithms between −14 and 14, or from the log of `least` where given. Starts are tried in turn until
    one ends on a peak in the inside; the best found is the answer. `curvature` is a guess of the information at the
    first start. Raises `CannotFit` when none gives a finite value.
    """
    bottom = np.full(len(starts[0]), -_BOUND)
    search = _Search(objective, prior, bottom if least is None else np.maximum(np.log(least), bottom))
    best: tuple[float, Floats] | None = None
    for number, start in enumerate(starts):
        value, logs, found = _climb(search, search.inside(np.log(start)), curvature if number == 0 else None)
        if np.isfinite(value) and (best is None or value > best[0]):
            best = (value, logs)
        if found and not search.at_bound(logs) and search.is_sharp(logs):
            break
    if best is None:
        raise CannotFit("the likelihood is not finite anywhere that the fit began")
    logs = best[1]
    values, vectors = np.linalg.eigh(search.information(logs))
    covariance = (vectors / np.maximum(values, _FLAT)) @ vectors.T
    return Maximum(
        np.exp(logs), objective(np.exp(logs))[0], covariance, bool(values.min() > _UNKNOWN), search.at_bound(logs)
    )


def _climb(search: _Search, logs: Floats, curvature: Floats | None) -> tuple[float, Floats, bool]:
    """The value and place reached from `logs`, and whether it is a maximum."""
    value, gradient = search(logs)
    if not np.isfinite(value):
        return value, logs, False
    curvature = _positive(search.information(logs) if curvature is None else curvature)
    idle = 0
    for _ in range(_ROUNDS):
        step = _step(search, curvature, logs, gradient)
        if float(step @ gradient) < _NEAR or idle == _PATIENCE:
            return value, logs, True
        reached = _line_search(search, logs, value, gradient, step)
        if reached is None:
            return value, logs, False
        new, gained, slope = reached
        nothing = min(_NOTHING * (1.0 + abs(value)), _MOST_NOTHING) + _ROUNDING * abs(value)
        idle = idle + 1 if gained - value < nothing else 0
        value = gained
        curvature = _updated(curvature, new - logs, gradient - slope)
        logs, gradient = new, slope
    return value, logs, False


def _step(search: _Search, curvature: Floats, logs: Floats, gradient: Floats) -> Floats:
    """Newton's step over the parameters that are not held at a bound, shortened where it is long."""
    held = ((logs <= search.bottom) & (gradient < 0)) | ((logs >= _BOUND) & (gradient > 0))
    free = np.flatnonzero(~held)
    step = np.zeros(len(logs))
    if len(free):
        step[free] = np.linalg.solve(curvature[np.ix_(free, free)], gradient[free])
    return step / max(1.0, float(np.abs(step).max()) / _LONGEST_STEP)


def _line_search(
    search: _Search, logs: Floats, value: float, gradient: Floats, step: Floats
) -> tuple[Floats, float, Floats] | None:
    """The first of ever shorter steps that gains enough (Armijo), up to rounding; `None` when none does."""
    slack = _ROUNDING * abs(value)
    for halvings in range(40):
        new = search.inside(logs + step * 0.5**halvings)
        reached, slope = search(new)
        if np.isfinite(reached) and reached >= value + 1e-4 * float(gradient @ (new - logs)) - slack:
            return new, reached, slope
    return None


def _updated(curvature: Floats, moved: Floats, fell: Floats) -> Floats:
    """The BFGS update, left out where it would not keep the curvature positive."""
    along = float(moved @ fell)
    product = curvature @ moved
    across = float(moved @ product)
    if along <= 1e-10 * across or across <= 0:
        return curvature
    return np.asarray(curvature - np.outer(product, product) / across + np.outer(fell, fell) / along)


def _positive(matrix: Floats) -> Floats:
    """The matrix with its eigenvalues made positive."""
    values, vectors = np.linalg.eigh(matrix)
    values = np.maximum(np.abs(values), max(1e-4 * float(np.abs(values).max()), 1e-8))
    return np.asarray((vectors * values) @ vectors.T)
