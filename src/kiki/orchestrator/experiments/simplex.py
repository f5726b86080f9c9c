"""The mixture of columns that comes nearest to a target: least squares over the simplex, exact.

Wolfe's nearest-point algorithm (P. Wolfe, "Finding the nearest point in a polytope", Mathematical Programming 11,
1976): an active-set method that ends, after finitely many steps, on the affine minimizer of the face that holds the
answer, so that the weights are right to rounding and a weight of zero is exactly zero.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kiki.kit.errors import InvalidInput, InvariantBroken

Floats = NDArray[np.float64]

_GAP = 1e-15
"""Where to stop: the duality gap in units of the largest squared distance between a column and the target."""
_NOTHING = 1e-14
_ROUNDS_PER_COLUMN = 20


def nearest_mixture(columns: Floats, target: Floats, *, start: Floats | None = None) -> Floats:
    """Weights w ≥ 0 with sum 1 that minimize ‖target − columns·w‖².

    `columns` is (periods, controls), `target` (periods,); `start` may hold the weights of a similar question, which
    makes the answer faster and never another one. Where the minimizers are many (more controls than periods), one of
    them is returned. Raises `InvalidInput` for shapes that do not fit and for numbers that are not finite.
    """
    _check(columns, target)
    points = columns - target[:, None]
    largest = float(np.max(np.einsum("ij,ij->j", points, points)))
    if largest == 0.0:
        return np.full(columns.shape[1], 1.0 / columns.shape[1])
    points = points / np.sqrt(largest)
    weights, support = _first(points, start)
    weights, support = _settle(points, weights, support)
    for _ in range(_ROUNDS_PER_COLUMN * columns.shape[1] + 20):
        nearest = points @ weights
        slopes = points.T @ nearest
        entering = int(np.argmin(slopes))
        if float(nearest @ nearest) - float(slopes[entering]) <= _GAP or entering in support:
            return weights
        before = set(support)
        weights, support = _settle(points, weights, [*support, entering])
        if set(support) == before:
            return weights
    raise InvariantBroken("the weights of the synthetic control did not settle")


def duality_gap(columns: Floats, target: Floats, weights: Floats) -> float:
    """How far weights are from optimal: an upper bound on ½ of what the squared error could still fall by.

    Zero at the optimum (the Karush-Kuhn-Tucker conditions hold), in squared units of the target.
    """
    points = columns - target[:, None]
    nearest = points @ weights
    return float(nearest @ nearest - np.min(points.T @ nearest))


def _check(columns: Floats, target: Floats) -> None:
    if columns.ndim != 2 or columns.shape[1] == 0 or target.shape != (columns.shape[0],):
        raise InvalidInput(
            f"weights want columns (periods, controls) and a target (periods,), got {columns.shape} and {target.shape}",
            reason="BAD_SHAPE",
        )
    if not (np.isfinite(columns).all() and np.isfinite(target).all()):
        raise InvalidInput("weights want finite numbers, got an infinity or a gap", reason="BAD_NUMBER")


def _first(points: Floats, start: Floats | None) -> tuple[Floats, list[int]]:
    if start is not None and start.shape == (points.shape[1],):
        support = [int(index) for index in np.flatnonzero(start > _NOTHING)]
        if support:
            return np.where(start > _NOTHING, start, 0.0) / start[support].sum(), support
    nearest = int(np.argmin(np.einsum("ij,ij->j", points, points)))
    weights = np.zeros(points.shape[1])
    weights[nearest] = 1.0
    return weights, [nearest]


def _settle(points: Floats, weights: Floats, support: list[int]) -> tuple[Floats, list[int]]:
    """Walk towards the affine minimizer of the support, dropping what would turn negative, until it is inside."""
    weights = weights.copy()
    while True:
        wanted = _affine_minimizer(points[:, support])
        if (wanted > _NOTHING).all():
            weights[:] = 0.0
            weights[support] = wanted
            return weights, support
        now = weights[support]
        leaving = wanted <= _NOTHING
        steps = now[leaving] / np.maximum(now[leaving] - wanted[leaving], _NOTHING)
        step = min(1.0, float(np.min(steps)))
        reached = now + step * (wanted - now)
        reached[np.flatnonzero(leaving)[int(np.argmin(steps))]] = 0.0
        kept = reached > _NOTHING
        support = [index for index, keep in zip(support, kept, strict=True) if keep]
        weights[:] = 0.0
        weights[support] = reached[kept] / reached[kept].sum()


def _affine_minimizer(points: Floats) -> Floats:
    """Weights of any sign with sum 1 that bring the mixture of points nearest to zero."""
    if points.shape[1] == 1:
        return np.ones(1)
    rest = np.linalg.lstsq(points[:, 1:] - points[:, :1], -points[:, 0], rcond=None)[0]
    return np.concatenate(([1.0 - rest.sum()], rest))
