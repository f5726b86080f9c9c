"""Who was exposed against the deal, and what the effect is on those whom the deal exposed. Pure.

The estimate stays by intention to treat. Beside it: contamination (held-out people who were exposed), compliance
(treated ones who were), and the complier average causal effect, the intention-to-treat difference over the difference
in exposure (Angrist, Imbens and Rubin, JASA 91, 1996). It rests on ads doing nothing to people without a contact, and
on no one being exposed because of being held out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

CONTAMINATED_FROM = 0.05
"""Of held-out people exposed: from here on a reading warns."""


@dataclass(frozen=True, slots=True)
class ExposedArm:
    """An arm's outcome and exposure by their moments."""

    users: int
    mean: float
    variance: float
    """Unbiased."""
    exposed: int
    exposed_sum: float
    """The outcome of the exposed, a sum."""

    @property
    def rate(self) -> float:
        """Part of the arm that was exposed."""
        return self.exposed / self.users

    @property
    def rate_variance(self) -> float:
        """Unbiased, per person."""
        return self.rate * (1 - self.rate) * self.users / (self.users - 1)

    @property
    def covariance(self) -> float:
        """Of outcome and exposure, unbiased, per person."""
        return (self.exposed_sum / self.users - self.mean * self.rate) * self.users / (self.users - 1)


@dataclass(frozen=True, slots=True)
class ComplierEffect:
    """The effect per person whom being treated exposed."""

    effect: float
    standard_error: float
    """By the delta method."""
    interval: tuple[float, float] | None
    """None where the arms differ too little in exposure for a bounded one."""
    compliers: float
    """Their part of all people: the difference in exposure."""


def complier_effect(treated: ExposedArm, held_out: ExposedArm, critical: float) -> ComplierEffect | None:
    """The effect on compliers, with the interval of Anderson and Rubin; None where nobody more was exposed by treating.

    The interval holds each effect t under which outcome − t · exposure differs between the arms by at most `critical`
    standard errors (T. Anderson and H. Rubin, Annals of Mathematical Statistics 20, 1949): right also where few comply.
    """
    apart, more = treated.mean - held_out.mean, treated.rate - held_out.rate
    if more <= 0:
        return None
    outcome = treated.variance / treated.users + held_out.variance / held_out.users
    exposure = treated.rate_variance / treated.users + held_out.rate_variance / held_out.users
    both = treated.covariance / treated.users + held_out.covariance / held_out.users
    effect = apart / more
    error = math.sqrt(max(outcome - 2 * effect * both + effect * effect * exposure, 0.0)) / more
    return ComplierEffect(effect, error, _interval(apart, more, outcome, exposure, both, critical), more)


def rate_interval(part: int, whole: int, critical: float) -> tuple[float, float]:
    """Wilson's interval of a rate (E. Wilson, JASA 22, 1927)."""
    rate, square = part / whole, critical * critical
    middle = (rate + square / (2 * whole)) / (1 + square / whole)
    reach = critical * math.sqrt(rate * (1 - rate) / whole + square / (4 * whole * whole)) / (1 + square / whole)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def _interval(
    apart: float, more: float, outcome: float, exposure: float, both: float, critical: float
) -> tuple[float, float] | None:
    """Where (apart − t more)² ≤ critical² (outcome − 2 t both + t² exposure)."""
    square = critical * critical
    a, half_b, c = more * more - square * exposure, apart * more - square * both, apart * apart - square * outcome
    inside = half_b * half_b - a * c
    if a <= 0 or inside < 0:
        return None
    reach = math.sqrt(inside)
    return (half_b - reach) / a, (half_b + reach) / a
