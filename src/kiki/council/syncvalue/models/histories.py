"""What the models see of customers: repeat purchases x, recency t_x and age T; and what they spent."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kiki.council.syncvalue.models.errors import BadHistory

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Unit = Literal["days", "weeks"]

DAYS_PER_UNIT: dict[str, float] = {"days": 1.0, "weeks": 7.0}
DAYS_PER_YEAR = 365.0
_ODD = np.uint64(0x9E3779B97F4A7C15)
_SLACK = 1e-9
"""By how much, relative to T, rounding may put a recency past the age."""


@dataclass(frozen=True, slots=True)
class Histories:
    """Sufficient statistics, one element per customer, in one unit of time. Made by `histories`, which verifies."""

    x: Floats
    """Purchases after the first one; whole numbers."""
    t_x: Floats
    """First to last purchase; 0 where x is 0."""
    age: Floats
    """First purchase to the end of the observation (T)."""

    def __len__(self) -> int:
        return len(self.x)

    def take(self, rows: Integers | NDArray[np.bool_]) -> Histories:
        """Some of the customers."""
        return Histories(self.x[rows], self.t_x[rows], self.age[rows])


def histories(x: ArrayLike, t_x: ArrayLike, age: ArrayLike) -> Histories:
    """Verified statistics of customers.

    Raises `BadHistory` naming the first customer (counted from 0) for which x is not a whole number, something is
    negative or not a number, t_x exceeds T, or t_x is not 0 although x is 0.
    """
    columns = [np.atleast_1d(np.asarray(column, dtype=np.float64)) for column in (x, t_x, age)]
    if len({column.shape for column in columns}) != 1 or columns[0].ndim != 1:
        raise BadHistory(f"x, t_x and T must be as long as each other, got {[c.shape for c in columns]}")
    counts, recency, ages = columns
    problems = (
        (~(np.isfinite(counts) & np.isfinite(recency) & np.isfinite(ages)), "x, t_x and T must be finite numbers"),
        ((counts < 0) | (recency < 0) | (ages < 0), "x, t_x and T must not be negative"),
        (counts != np.rint(counts), "x must be a whole number of repeat purchases"),
        (recency > ages * (1 + _SLACK) + _SLACK, "the recency t_x must not exceed the age T"),
        ((counts == 0) & (recency != 0), "without a repeat purchase the recency t_x must be 0"),
    )
    for wrong, wanted in problems:
        if wrong.any():
            row = int(np.argmax(wrong))
            got = f"x={counts[row]:g}, t_x={recency[row]:g}, T={ages[row]:g}"
            raise BadHistory(f"{wanted}; customer {row} has {got}", data={"row": str(row)})
    return Histories(counts, np.asarray(np.minimum(recency, ages)), ages)


@dataclass(frozen=True)
class Grouped:
    """Equal histories once, with how many customers have each; what depends on x alone is computed once per x."""

    x: Floats
    t_x: Floats
    age: Floats
    count: Floats

    @property
    def customers(self) -> float:
        """How many customers there are."""
        return float(self.count.sum())

    @cached_property
    def by_x(self) -> tuple[Floats, NDArray[np.intp], Floats]:
        """Distinct x, where each group's x stands among them, and the customers of each."""
        return _distinct(self.x, self.count)

    @cached_property
    def by_age(self) -> tuple[Floats, NDArray[np.intp], Floats]:
        """The same of T."""
        return _distinct(self.age, self.count)

    @cached_property
    def by_recency(self) -> tuple[Floats, NDArray[np.intp], Floats]:
        """The same of t_x."""
        return _distinct(self.t_x, self.count)

    def rescaled(self, unit: float) -> Grouped:
        """Times divided by `unit`."""
        return Grouped(self.x, self.t_x / unit, self.age / unit, self.count)


def _distinct(values: Floats, count: Floats) -> tuple[Floats, NDArray[np.intp], Floats]:
    distinct, where = np.unique(values, return_inverse=True)
    return distinct, where, np.bincount(where, weights=count, minlength=len(distinct)).astype(np.float64)


def group(of: Histories) -> Grouped:
    """Equal rows together."""
    x, t_x, age, count, _ = _group_rows(of)
    return Grouped(x, t_x, age, count)


def group_with_places(of: Histories) -> tuple[Histories, NDArray[np.intp]]:
    """The distinct histories, and for every customer which of them is theirs."""
    x, t_x, age, _, places = _group_rows(of)
    return Histories(x, t_x, age), places


def _group_rows(of: Histories) -> tuple[Floats, Floats, Floats, Floats, NDArray[np.intp]]:
    order = np.argsort(_digest(of))
    x, t_x, age = of.x[order], of.t_x[order], of.age[order]
    first = np.ones(len(order), dtype=bool)
    first[1:] = (x[1:] != x[:-1]) | (t_x[1:] != t_x[:-1]) | (age[1:] != age[:-1])
    starts = np.flatnonzero(first)
    count = np.diff(np.append(starts, len(order))).astype(np.float64)
    places = np.empty(len(order), dtype=np.intp)
    places[order] = np.cumsum(first) - 1
    return x[starts], t_x[starts], age[starts], count, places


def _digest(of: Histories) -> NDArray[np.uint64]:
    """A number that equal histories share; so may others by chance, and who uses it compares neighbours."""
    digest = np.zeros(len(of), dtype=np.uint64)
    for column in (of.x, of.t_x, of.age):
        digest = (digest ^ (digest >> np.uint64(29)) ^ np.ascontiguousarray(column).view(np.uint64)) * _ODD
    return digest


@dataclass(frozen=True, slots=True)
class Spend:
    """What customers spent per purchase, one element each. Made by `spend`, which verifies them."""

    purchases: Floats
    """How many purchases `mean` covers; 0: none, and the mean is 0."""
    mean: Floats
    """Mean of these, in one currency unit."""

    def __len__(self) -> int:
        return len(self.mean)

    def take(self, rows: Integers | NDArray[np.bool_]) -> Spend:
        """Some of the customers."""
        return Spend(self.purchases[rows], self.mean[rows])


def spend(purchases: ArrayLike, mean: ArrayLike) -> Spend:
    """Verified spend. Raises `BadHistory` for what is negative, not a number, or not as long as the other."""
    counts = np.atleast_1d(np.asarray(purchases, dtype=np.float64))
    means = np.atleast_1d(np.asarray(mean, dtype=np.float64))
    if counts.shape != means.shape or counts.ndim != 1:
        raise BadHistory(f"purchases and mean spend must be as long as each other, got {counts.shape}, {means.shape}")
    wrong = ~(np.isfinite(counts) & np.isfinite(means)) | (counts < 0) | ((counts > 0) & (means < 0))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise BadHistory(
            f"purchases and mean spend must be finite and not negative; "
            f"customer {row} has {counts[row]:g} purchases of {means[row]:g}",
            data={"row": str(row)},
        )
    return Spend(counts, np.where(counts > 0, means, 0.0))
