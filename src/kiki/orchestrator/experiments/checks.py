"""Whether an experiment may be believed: did the arms fill as planned, and do equal arms look equal?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from kiki.kit.errors import InvalidInput
from kiki.orchestrator.experiments.lift import Arm, compare

Floats = NDArray[np.float64]

SUSPECT = 0.001
"""Under this p-value, arms did not fill as planned, and nothing else about them is to be believed."""


@dataclass(frozen=True, slots=True)
class RatioCheck:
    """How odd the sizes of the arms are when the planned share holds."""

    users: int
    held_out: int
    planned_share: float
    p_value: float

    @property
    def is_suspect(self) -> bool:
        return self.p_value < SUSPECT


@dataclass(frozen=True, slots=True)
class SameTwice:
    """What an A/A check found: false alarms among replays in which nothing was done to anybody."""

    replays: int
    alarms: int
    alpha: float

    @property
    def rate(self) -> float:
        return self.alarms / self.replays

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the true rate of false alarms."""
        z, n = 1.959963984540054, self.replays
        middle = (self.rate + z * z / (2 * n)) / (1 + z * z / n)
        reach = z / (1 + z * z / n) * math.sqrt(self.rate * (1 - self.rate) / n + z * z / (4 * n * n))
        return middle - reach, middle + reach

    @property
    def is_sound(self) -> bool:
        """Whether the promised rate lies in the interval."""
        low, high = self.interval
        return low <= self.alpha <= high


def sample_ratio(held_out: int, users: int, planned_share: float) -> RatioCheck:
    """Sample ratio mismatch: chi-square with one degree of freedom.

    Fabijan et al., "Diagnosing sample ratio mismatch in online controlled experiments", KDD 2019. A mismatch comes from
    lost logs, bots, or outcomes that decide who is counted; it is a defect, never bad luck.
    """
    if not 0 <= held_out <= users or users == 0 or not 0 < planned_share < 1:
        raise InvalidInput(
            f"a ratio wants users, some held out, and a share; got {held_out} of {users}, {planned_share:g}",
            reason="BAD_SHARE",
        )
    expected = users * planned_share
    statistic = (held_out - expected) ** 2 / expected + (held_out - expected) ** 2 / (users - expected)
    return RatioCheck(users, held_out, planned_share, float(special.gammaincc(0.5, statistic / 2)))


def same_twice(values: Floats, share: float, *, alpha: float, replays: int, seed: int) -> SameTwice:
    """An A/A check: deal the same users again and again at random, and count how often the analysis cries wolf.

    `values` are outcomes of users who were all treated alike. Far more alarms than `alpha` mean that the interval is
    too narrow for these outcomes (too few buyers, or one user who decides everything).
    """
    if replays < 1 or not 0 < share < 1:
        raise InvalidInput(f"an A/A check wants replays and a share, got {replays} and {share:g}", reason="BAD_SHARE")
    generator = np.random.default_rng(seed)
    total, squares = float(values.sum()), float(values @ values)
    alarms = 0
    for _ in range(replays):
        held = values[generator.random(len(values)) < share]
        rest = len(values) - len(held)
        ours = Arm.of_sums(rest, total - float(held.sum()), squares - float(held @ held))
        alarms += compare(ours, Arm.of(held), alpha).p_value < alpha
    return SameTwice(replays, alarms, alpha)
