"""How many users an effect takes, and what effect so many users can show.

Two-sided comparison of two means with unequal arms, normal approximation; see for instance Chow, Shao, Wang and
Lokhnygina, "Sample size calculations in clinical research", chapters 3 and 4 (unpooled variance for proportions).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

from kiki.kit.errors import InvalidInput

_MANY = 10**12
_HALVINGS = 200


def effect_reach(alpha: float, power: float) -> float:
    """z(1 − α/2) + z(power): how many standard errors an effect must be to be seen with that power."""
    return NormalDist().inv_cdf(1 - alpha / 2) + NormalDist().inv_cdf(power)


@dataclass(frozen=True, slots=True)
class Design:
    """Who is held out, and how sure the answer must be."""

    share: float
    """Of users held out, a fraction."""
    alpha: float = 0.05
    power: float = 0.8

    def __post_init__(self) -> None:
        for name, value in (("share", self.share), ("alpha", self.alpha), ("power", self.power)):
            if not 0 < value < 1:
                raise InvalidInput(f"{name} lies between 0 and 1, got {value:g}", reason="BAD_DESIGN")
        if self.power <= self.alpha / 2:
            raise InvalidInput(f"power exceeds half of alpha, got {self.power:g}", reason="BAD_DESIGN")

    @property
    def reach(self) -> float:
        """How many standard errors an effect must be."""
        return effect_reach(self.alpha, self.power)

    def power_at(self, effect: float, error: float) -> float:
        """The chance of seeing an effect whose estimate has this standard error, either way."""
        critical = NormalDist().inv_cdf(1 - self.alpha / 2)
        normal = NormalDist()
        return normal.cdf(effect / error - critical) + normal.cdf(-effect / error - critical)


@dataclass(frozen=True, slots=True)
class Mean:
    """An outcome per user with this mean and standard deviation in both arms (zeros included)."""

    mean: float
    deviation: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.mean) and math.isfinite(self.deviation) and self.deviation > 0):
            raise InvalidInput(
                f"a mean is finite and its deviation over 0, got {self.mean:g} and {self.deviation:g}",
                reason="BAD_MEAN",
            )

    @property
    def level(self) -> float:
        return self.mean

    @property
    def largest_effect(self) -> float:
        return math.inf

    def variances(self, _effect: float) -> tuple[float, float]:
        """Variance per user: treated, held out."""
        return self.deviation**2, self.deviation**2


@dataclass(frozen=True, slots=True)
class Rate:
    """An outcome that happens or not, with this chance when held out."""

    rate: float

    def __post_init__(self) -> None:
        if not 0 < self.rate < 1:
            raise InvalidInput(f"a rate lies between 0 and 1, got {self.rate:g}", reason="BAD_RATE")

    @property
    def level(self) -> float:
        return self.rate

    @property
    def largest_effect(self) -> float:
        return 1 - self.rate

    def variances(self, effect: float) -> tuple[float, float]:
        """Variance per user: treated, held out."""
        treated = self.rate + effect
        return treated * (1 - treated), self.rate * (1 - self.rate)


Usual = Mean | Rate
"""What held-out users do."""


def standard_error(usual: Usual, effect: float, users: float, share: float) -> float:
    """Of the difference of means, with `users` in both arms together."""
    treated, held_out = usual.variances(effect)
    return math.sqrt(treated / (users * (1 - share)) + held_out / (users * share))


def minimum_effect(usual: Usual, design: Design, users: int) -> float:
    """The smallest increase that so many users show with the design's power, in the outcome's unit.

    Raises `InvalidInput` where no effect is large enough to be seen.
    """
    if users < 2:
        raise InvalidInput(f"at least 2 users are wanted, got {users}", reason="TOO_FEW_USERS")

    def lacking(effect: float) -> bool:
        return effect < design.reach * standard_error(usual, effect, users, design.share)

    top = usual.largest_effect
    if math.isinf(top):
        return design.reach * standard_error(usual, 0.0, users, design.share)
    if lacking(top):
        raise InvalidInput(
            f"{users} users can show no increase at all of a rate of {usual.level:g}", reason="TOO_FEW_USERS"
        )
    return _boundary(lacking, 0.0, top)


def users_needed(usual: Usual, design: Design, effect: float) -> int:
    """The fewest users, both arms together, that show this effect with the design's power.

    An effect may be negative: a decrease. Raises `InvalidInput` for zero, and for one that a rate cannot have.
    """
    if not math.isfinite(effect) or effect == 0:
        raise InvalidInput(f"an effect is a number other than 0, got {effect:g}", reason="BAD_EFFECT")
    if isinstance(usual, Rate) and not 0 <= usual.rate + effect <= 1:
        raise InvalidInput(
            f"a rate of {usual.rate:g} cannot change by {effect:g} and stay between 0 and 1", reason="BAD_EFFECT"
        )
    treated, held_out = usual.variances(effect)
    needed = (design.reach / effect) ** 2 * (treated / (1 - design.share) + held_out / design.share)
    if needed > _MANY:
        raise InvalidInput(f"the effect {effect:g} is too small to be shown by anybody", reason="BAD_EFFECT")
    smallest = math.ceil(1 / min(design.share, 1 - design.share))
    return max(math.ceil(needed - 1e-9), smallest)


def _boundary(is_below: Callable[[float], bool], low: float, high: float) -> float:
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if is_below(middle) else (low, middle)
    return high
