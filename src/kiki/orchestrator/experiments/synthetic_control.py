"""Synthetic control: the mixture of untreated places that moved like the treated ones before the start.

Abadie, Diamond and Hainmueller, "Synthetic control methods for comparative case studies", JASA 105 (2010), with a
fixed effect per place (Ferman and Pinto, "Synthetic controls with imperfect pretreatment fit", Quantitative Economics
12, 2021): every series is measured from its own mean before the start: levels may differ, movements must fit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kiki.orchestrator.experiments.simplex import nearest_mixture

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """What the treated places would have done, per period and place, and how far it is from what they did."""

    weights: Floats
    """One per control, ≥ 0, sum 1."""
    expected: Floats
    """(periods,): the counterfactual of the mean treated place."""
    gap: Floats
    """(periods,): observed − expected."""
    pre: int
    """How many periods lie before the start."""

    @property
    def att(self) -> float:
        """Average effect on the treated: mean gap after the start, per place and period."""
        return float(self.gap[self.pre :].mean())

    @property
    def l2_imbalance(self) -> float:
        """Root of the summed squared gaps before the start."""
        return float(np.linalg.norm(self.gap[: self.pre]))

    @property
    def error_ratio(self) -> float:
        """Root mean squared gap after the start over that before it; infinite after a perfect fit."""
        before = float(np.sqrt(np.mean(self.gap[: self.pre] ** 2)))
        after = float(np.sqrt(np.mean(self.gap[self.pre :] ** 2)))
        return after / before if before > 0 else float("inf")


Fit = Callable[[Floats, Floats, int], Counterfactual]
"""(treated (periods,), controls (places, periods), periods before the start) → counterfactual."""


def fit_synthetic(treated: Floats, controls: Floats, pre: int, start: Floats | None = None) -> Counterfactual:
    """Weights that fit the movements before the start; `start` as in `nearest_mixture`."""
    moved, moves = _from_own_mean(treated, controls, pre)
    weights = nearest_mixture(moves[:, :pre].T, moved[:pre], start=start)
    return _counterfactual(treated, moved, moves, weights, pre)


def fit_equal(treated: Floats, controls: Floats, pre: int) -> Counterfactual:
    """The same with equal weights: the naive comparison that weights are judged against."""
    moved, moves = _from_own_mean(treated, controls, pre)
    return _counterfactual(treated, moved, moves, np.full(len(controls), 1.0 / len(controls)), pre)


def _from_own_mean(treated: Floats, controls: Floats, pre: int) -> tuple[Floats, Floats]:
    return _moves(treated[None, :], pre)[0], _moves(controls, pre)


def _moves(series: Floats, pre: int) -> Floats:
    """Series less their means before the start; one that did not move has no rounding left that weights could fit."""
    moves = series - series[:, :pre].mean(axis=1, keepdims=True)
    still = np.ptp(series[:, :pre], axis=1) == 0
    moves[still, :pre] = 0.0
    return np.asarray(moves)


def _counterfactual(treated: Floats, moved: Floats, moves: Floats, weights: Floats, pre: int) -> Counterfactual:
    gap = moved - weights @ moves
    return Counterfactual(weights=weights, expected=treated - gap, gap=gap, pre=pre)
