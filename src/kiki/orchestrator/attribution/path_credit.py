"""Aggregate credit by channel, over chunks of paths: rules of thumb and Shapley, each linear in the paths.

The credit of a chunk is a sum over its paths, so totals are added chunk by chunk, in any order, on any number of
machines.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from kiki.orchestrator.attribution.paths import Floats, Ints, Paths
from kiki.orchestrator.attribution.touch_models import HALF_LIFE_DAYS, POSITION_BETWEEN, POSITION_ENDS

Divide = Callable[[Paths], Floats]
"""A share per touchpoint; those of a path sum to one."""


def first(paths: Paths) -> Floats:
    """All to the oldest."""
    shares = np.zeros(len(paths.codes))
    shares[paths.offsets[:-1][paths.lengths > 0]] = 1.0
    return shares


def last(paths: Paths) -> Floats:
    """All to the newest."""
    shares = np.zeros(len(paths.codes))
    shares[paths.offsets[1:][paths.lengths > 0] - 1] = 1.0
    return shares


def linear(paths: Paths) -> Floats:
    """The same to each."""
    return 1.0 / paths.lengths[paths.path_of]


def time_decay(paths: Paths) -> Floats:
    """2^(-days / 7), normalised per path."""
    filled = paths.lengths > 0
    nearest = np.zeros(len(paths))
    if filled.any():
        nearest[filled] = np.minimum.reduceat(paths.days, paths.offsets[:-1][filled])
    path_of = paths.path_of
    weights = np.exp2((nearest[path_of] - paths.days) / HALF_LIFE_DAYS)
    return weights / np.bincount(path_of, weights, minlength=len(paths))[path_of]


def position(paths: Paths) -> Floats:
    """40 % first, 40 % last, 20 % between; halves for two, all for one."""
    lengths = paths.lengths
    path_of = paths.path_of
    count = lengths[path_of].astype(np.float64)
    shares = np.where(count > 2, POSITION_BETWEEN / np.maximum(count - 2, 1), 1.0 / count)
    longer = lengths > 2
    shares[paths.offsets[:-1][longer]] = POSITION_ENDS
    shares[paths.offsets[1:][longer] - 1] = POSITION_ENDS
    return shares


def shapley(paths: Paths) -> Floats:
    """The Shapley value of v(S) = conversions of the paths all of whose channels are in S.

    v is a sum over paths of the unanimity game on the path's set of channels, whose Shapley value divides the path's
    conversions equally among its distinct channels (Shapley 1953; Zhao, Mahboobi and Bagheri 2018, eq. 7). It is
    exact for any number of channels, never negative, and sums to the conversions. A channel that occurs several times
    divides its part equally over its occurrences, which gives their ordered variant when it is added up by position.
    """
    path_of = paths.path_of
    width = int(paths.codes.max(initial=0)) + 1
    pairs, inverse, times = np.unique(path_of * width + paths.codes, return_inverse=True, return_counts=True)
    distinct = np.bincount(pairs // width, minlength=len(paths))
    shares: Floats = 1.0 / (distinct[path_of] * times[inverse])
    return shares


RULES: dict[str, Divide] = {
    "first": first,
    "last": last,
    "linear": linear,
    "time_decay": time_decay,
    "position": position,
    "shapley": shapley,
}
"""Every linear model by name."""


@dataclass(slots=True)
class Credit:
    """Conversions and value by channel number, grown as chunks come. Merging is adding."""

    conversions: Floats = field(default_factory=lambda: np.zeros(0))
    value: Floats = field(default_factory=lambda: np.zeros(0))

    def add(self, paths: Paths, shares: Floats, channels: int) -> None:
        """Credit a chunk's conversions and value by touchpoint shares."""
        path_of = paths.path_of
        self.conversions = _summed(self.conversions, paths.codes, shares * paths.conversions[path_of], channels)
        self.value = _summed(self.value, paths.codes, shares * paths.value[path_of], channels)

    def merge(self, other: Credit) -> None:
        """Add what was credited elsewhere under the same channel numbers."""
        self.conversions = grown(self.conversions, len(other.conversions)) + grown(
            other.conversions, len(self.conversions)
        )
        self.value = grown(self.value, len(other.value)) + grown(other.value, len(self.value))


def by_position(paths: Paths, shares: Floats, channels: int, positions: int) -> Floats:
    """Conversions by channel and place on the path, (channels, positions); later places count as the last one."""
    path_of = paths.path_of
    place = np.minimum(np.arange(len(paths.codes)) - paths.offsets[path_of], positions - 1)
    amounts = shares * paths.conversions[path_of]
    found: Floats = np.zeros((channels, positions))
    np.add.at(found, (paths.codes, place), amounts)
    return found


def _summed(sums: Floats, codes: Ints, amounts: Floats, channels: int) -> Floats:
    return grown(sums, channels) + np.bincount(codes, amounts, minlength=max(channels, len(sums)))


def grown(sums: Floats, size: int) -> Floats:
    """The sums with zeros for channels that came later."""
    return sums if len(sums) >= size else np.concatenate([sums, np.zeros((size - len(sums), *sums.shape[1:]))])
