"""What the difference between treated and held-out users is, how sure it is, and what it sums to.

Everything is by intention to treat: all assigned users count, with zero when they bought nothing, in the arm that they
were assigned, whatever they were really shown.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from kiki.kit.errors import InvalidInput

Floats = NDArray[np.float64]

_FEWEST = 2


@dataclass(frozen=True, slots=True)
class Arm:
    """An arm by its moments, which a database can sum."""

    users: int
    mean: float
    variance: float
    """Unbiased."""

    @classmethod
    def of(cls, values: Floats) -> Arm:
        """From one value per user."""
        if len(values) < _FEWEST:
            raise InvalidInput(f"an arm wants at least {_FEWEST} users, got {len(values)}", reason="TOO_FEW_USERS")
        if not np.isfinite(values).all():
            raise InvalidInput("outcomes are finite numbers, got an infinity or a gap", reason="BAD_NUMBER")
        return cls(len(values), float(values.mean()), float(values.var(ddof=1)))

    @classmethod
    def of_sums(cls, users: int, total: float, squares: float) -> Arm:
        """From the number of users, the sum and the sum of squares."""
        if users < _FEWEST:
            raise InvalidInput(f"an arm wants at least {_FEWEST} users, got {users}", reason="TOO_FEW_USERS")
        mean = total / users
        return cls(users, mean, max(0.0, squares - users * mean * mean) / (users - 1))

    @property
    def mean_variance(self) -> float:
        """Variance of the mean."""
        return self.variance / self.users


@dataclass(frozen=True, slots=True)
class Effect:
    """The difference treated − held out per user, with its interval of level 1 − alpha."""

    treated: Arm
    held_out: Arm
    alpha: float
    difference: float
    standard_error: float
    interval: tuple[float, float]
    p_value: float
    lift: float | None
    """Difference ÷ mean of the held out; `None` where that is zero."""
    lift_interval: tuple[float, float] | None
    """By Fieller's method; `None` where the held-out mean is too uncertain for a bounded one."""

    @property
    def incremental(self) -> float:
        """Difference times treated users: what the treatment brought in all."""
        return self.difference * self.treated.users

    @property
    def incremental_error(self) -> float:
        """Standard error of `incremental`."""
        return self.standard_error * self.treated.users

    @property
    def incremental_interval(self) -> tuple[float, float]:
        """Interval of `incremental`."""
        low, high = self.interval
        return low * self.treated.users, high * self.treated.users

    def lower_bound(self, level: float) -> float:
        """The one-sided lower bound of `incremental` at a level such as 0.95."""
        degrees = _degrees(
            self.treated.mean_variance, self.treated.users, self.held_out.mean_variance, self.held_out.users
        )
        return self.incremental - quantile_t(level, degrees) * self.incremental_error


def compare(treated: Arm, held_out: Arm, alpha: float = 0.05) -> Effect:
    """Welch's comparison: arms of unequal size and spread, Satterthwaite's degrees of freedom.

    B. L. Welch, Biometrika 34 (1947). It rests on means being nearly normal, which thousands of users give even for
    revenue with many zeros; `bootstrap_interval` says whether these users are enough.
    """
    if not 0 < alpha < 1:
        raise InvalidInput(f"alpha lies between 0 and 1, got {alpha:g}", reason="BAD_ALPHA")
    ours, theirs = treated.mean_variance, held_out.mean_variance
    difference, error = treated.mean - held_out.mean, math.sqrt(ours + theirs)
    degrees = _degrees(ours, treated.users, theirs, held_out.users)
    critical = quantile_t(1 - alpha / 2, degrees)
    return Effect(
        treated=treated,
        held_out=held_out,
        alpha=alpha,
        difference=difference,
        standard_error=error,
        interval=(difference - critical * error, difference + critical * error),
        p_value=_two_sided(difference, error, degrees),
        lift=difference / held_out.mean if held_out.mean else None,
        lift_interval=_fieller(treated, held_out, critical),
    )


def adjust(values: Floats, before: Floats, is_treated: NDArray[np.bool_]) -> tuple[Floats, float]:
    """CUPED: outcomes less what a covariate from before the assignment predicts, and the share of variance removed.

    Deng, Xu, Kohavi and Walker, "Improving the sensitivity of online controlled experiments by utilizing
    pre-experiment data", WSDM 2013, eq. (4): y − θ (x − x̄) with θ = cov(x, y) ÷ var(x), within arms. The mean effect
    stays the same in expectation; a covariate that the treatment could have changed would bias it.
    """
    if values.shape != before.shape or not np.isfinite(before).all():
        raise InvalidInput("a covariate is one finite number per user", reason="BAD_COVARIATE")
    covariance = spread = variance = 0.0
    for arm in (is_treated, ~is_treated):
        x, y = before[arm] - before[arm].mean(), values[arm] - values[arm].mean()
        covariance, spread, variance = covariance + float(x @ y), spread + float(x @ x), variance + float(y @ y)
    if spread == 0.0 or variance == 0.0:
        return values, 0.0
    theta = covariance / spread
    return values - theta * (before - before.mean()), theta * covariance / variance


def bootstrap_interval(
    treated: Floats, held_out: Floats, *, alpha: float, seed: int, draws: int = 2_000
) -> tuple[float, float]:
    """A studentized bootstrap interval of the difference of means: it follows the skew of heavy-tailed revenue.

    Efron and Tibshirani, "An Introduction to the Bootstrap", chapter 12. Users are drawn with replacement within arms;
    zeros are drawn as a count, which is the same and faster.
    """
    generator = np.random.default_rng(seed)
    difference = float(treated.mean() - held_out.mean())
    error = math.sqrt(Arm.of(treated).mean_variance + Arm.of(held_out).mean_variance)
    if error == 0.0:
        return difference, difference
    ours, our_variance = _resampled(treated, draws, generator)
    theirs, their_variance = _resampled(held_out, draws, generator)
    errors = np.sqrt(our_variance + their_variance)
    ratios = (ours - theirs - difference)[errors > 0] / errors[errors > 0]
    if not len(ratios):
        return difference, difference
    low, high = np.quantile(ratios, [alpha / 2, 1 - alpha / 2])
    return difference - float(high) * error, difference - float(low) * error


def _resampled(values: Floats, draws: int, generator: np.random.Generator) -> tuple[Floats, Floats]:
    """Means, and variances of the mean, of resamples."""
    bought, users = values[values != 0], len(values)
    sums, squares = np.zeros(draws), np.zeros(draws)
    if len(bought):
        counts = generator.binomial(users, len(bought) / users, size=draws)
        for draw, count in enumerate(counts):
            picked = bought[generator.integers(0, len(bought), size=count)]
            sums[draw], squares[draw] = picked.sum(), picked @ picked
    means = sums / users
    return means, np.maximum(squares / users - means**2, 0.0) / (users - 1)


def _fieller(treated: Arm, held_out: Arm, critical: float) -> tuple[float, float] | None:
    """Interval of mean(treated) ÷ mean(held out) − 1 for independent means (E. C. Fieller, JRSS B 16, 1954)."""
    a, b = treated.mean, held_out.mean
    va, vb = treated.mean_variance, held_out.mean_variance
    if b <= 0 or critical * critical * vb >= b * b:
        return None
    g = critical * critical * vb / (b * b)
    ratio = a / b
    reach = critical / b * math.sqrt(max(0.0, va * (1 - g) + ratio * ratio * vb))
    return (ratio - reach) / (1 - g) - 1, (ratio + reach) / (1 - g) - 1


def _degrees(ours: float, our_users: int, theirs: float, their_users: int) -> float:
    below = ours**2 / (our_users - 1) + theirs**2 / (their_users - 1)
    return (ours + theirs) ** 2 / below if below > 0 else float(our_users + their_users - 2)


def quantile_t(level: float, degrees: float) -> float:
    """Student's t quantile."""
    return float(special.stdtrit(degrees, level))


def _two_sided(difference: float, error: float, degrees: float) -> float:
    if error == 0.0:
        return 1.0 if difference == 0.0 else 0.0
    return float(2 * special.stdtr(degrees, -abs(difference) / error))
