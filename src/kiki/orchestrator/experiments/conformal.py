"""Inference for one treated series: how odd is what came after the start, and how far may the estimate be off?

The test is conformal (Chernozhukov, Wüthrich and Zhu, "An exact and robust conformal inference method for
counterfactual and synthetic controls", JASA 116, 2021): with no effect, a fit over *all* periods favours none of them,
so the sum of absolute gaps after the start is compared with that of as many periods drawn at random, or of every run of
consecutive periods. The interval is the jackknife+ over periods (Barber, Candès, Ramdas and Tibshirani, "Predictive
inference with the jackknife+", Annals of Statistics 49, 2021): every period before the start is left out and predicted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kiki.orchestrator.experiments.synthetic_control import Fit

Floats = NDArray[np.float64]

DRAWS = 50_000
_CHUNK = 5_000
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class ConformalTest:
    """The chance of gaps as large as seen, or larger, when there is no effect in any period."""

    p_value: float
    """Among periods drawn at random: right when gaps of neighbouring periods do not depend on each other."""
    p_value_blocks: float
    """Among runs of consecutive periods, wrapped around: right also when they do; never under 1 ÷ periods."""


def conformal_test(
    fit: Fit, treated: Floats, controls: Floats, pre: int, *, seed: int, draws: int = DRAWS
) -> ConformalTest:
    """Both tests of no effect."""
    after = len(treated) - pre
    gaps = np.abs(fit(treated, controls, len(treated)).gap)
    seen = float(gaps[pre:].sum()) * (1 - _ROUNDING)
    generator = np.random.default_rng(seed)
    larger = 0
    for first in range(0, draws, _CHUNK):
        order = generator.random((min(_CHUNK, draws - first), len(gaps))).argpartition(after - 1, axis=1)
        larger += int(np.count_nonzero(gaps[order[:, :after]].sum(axis=1) >= seen))
    runs = np.convolve(np.concatenate((gaps, gaps[: after - 1])), np.ones(after), mode="valid")
    return ConformalTest((1 + larger) / (1 + draws), float(np.mean(runs >= seen)))


def jackknife_interval(fit: Fit, treated: Floats, controls: Floats, pre: int, alpha: float) -> tuple[float, float]:
    """An interval of level 1 − alpha for the average effect per period.

    For every period before the start: fit without it, predict it, and move the mean counterfactual after the start by
    the error, up and down; the ends are quantiles over the periods, taken from the observed mean.
    """
    errors, expected = np.empty(pre), np.empty(pre)
    for left_out in range(pre):
        order = [*range(left_out), *range(left_out + 1, pre), left_out, *range(pre, len(treated))]
        without = fit(treated[order], controls[:, order], pre - 1)
        errors[left_out] = abs(without.gap[pre - 1])
        expected[left_out] = without.expected[pre:].mean()
    observed = float(treated[pre:].mean())
    low = observed - float(np.quantile(expected + errors, 1 - alpha / 2))
    return low, observed - float(np.quantile(expected - errors, alpha / 2))
