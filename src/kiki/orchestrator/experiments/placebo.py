"""Placebo inference: the same estimate where nothing happened, at other places and at earlier times.

In space as in Abadie, Diamond and Hainmueller (JASA 105, 2010): every control (or every group of as many controls as
places were treated) takes its turn as if treated. In time: the start is moved back to before it really was.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kiki.orchestrator.experiments.synthetic_control import Counterfactual, Fit

Floats = NDArray[np.float64]

MAX_GROUPS = 200
_FEWEST_CONTROLS = 2
_FEWEST_PERIODS = 3


@dataclass(frozen=True, slots=True)
class SpacePlacebo:
    """What groups of untreated places show."""

    groups: int
    p_value: float
    """Share of groups, the treated one included, whose error ratio after ÷ before is as large as the treated one's."""
    lift_deviation: float
    """Root mean square of the groups' lifts, a fraction: the spread of the estimate when nothing happens.

    Not a number where no group has a level over zero.
    """


@dataclass(frozen=True, slots=True)
class TimePlacebo:
    """What a start before the real one shows."""

    start: int
    """Position of the supposed start."""
    att: float
    lift: float


def in_space(
    fit: Fit, controls: Floats, seen: Counterfactual, treated_places: int, *, seed: int
) -> SpacePlacebo | None:
    """Placebos over groups of controls; `None` where too few controls are left to compare with."""
    pre = seen.pre
    if len(controls) - treated_places < _FEWEST_CONTROLS:
        return None
    fits = [_as_if_treated(fit, controls, group, pre) for group in _groups(len(controls), treated_places, seed)]
    ratios = np.array([one.error_ratio for one in fits])
    lifts = np.array([lift for lift in map(lift_of, fits) if math.isfinite(lift)])
    as_large = int(np.count_nonzero(ratios >= seen.error_ratio))
    return SpacePlacebo(
        groups=len(fits),
        p_value=(1 + as_large) / (1 + len(fits)),
        lift_deviation=float(np.sqrt(np.mean(lifts**2))) if len(lifts) else float("nan"),
    )


def in_time(fit: Fit, treated: Floats, controls: Floats, pre: int) -> list[TimePlacebo]:
    """Starts moved back by one, two, … lengths of the test, as long as enough lies before them; latest first."""
    length = len(treated) - pre
    found = []
    for start in range(pre - length, max(length, _FEWEST_PERIODS) - 1, -length):
        end = start + length
        moved = fit(treated[:end], controls[:, :end], start)
        found.append(TimePlacebo(start=start, att=moved.att, lift=lift_of(moved)))
    return found


def lift_of(fit: Counterfactual) -> float:
    """Effect ÷ counterfactual after the start; not a number where that is not over zero."""
    expected = float(fit.expected[fit.pre :].mean())
    return fit.att / expected if expected > 0 else float("nan")


def _as_if_treated(fit: Fit, controls: Floats, group: Sequence[int], pre: int) -> Counterfactual:
    rest = np.delete(controls, list(group), axis=0)
    return fit(controls[list(group)].mean(axis=0), rest, pre)


def _groups(controls: int, size: int, seed: int) -> Iterator[tuple[int, ...]]:
    """All groups, or a random selection of them where they are many."""
    if math.comb(controls, size) <= MAX_GROUPS:
        yield from itertools.combinations(range(controls), size)
        return
    generator = np.random.default_rng(seed)
    known: set[tuple[int, ...]] = set()
    while len(known) < MAX_GROUPS:
        group = tuple(sorted(int(index) for index in generator.choice(controls, size, replace=False)))
        if group not in known:
            known.add(group)
            yield group
