"""How right predictions were: errors against the hold-out, calibration by decile, coverage of intervals."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from kiki.council.syncvalue.models.errors import BadHistory
from kiki.council.syncvalue.models.histories import Floats


@dataclass(frozen=True, slots=True)
class Errors:
    """Expected against actual figures of many customers."""

    customers: int
    mae: float
    rmse: float
    expected_total: float
    actual_total: float

    @property
    def bias(self) -> float | None:
        """Expected over actual total, less one; `None` when nothing happened."""
        return self.expected_total / self.actual_total - 1.0 if self.actual_total else None

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return asdict(self) | {"bias": self.bias}


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """A tenth of the customers, by what was expected of them."""

    decile: int
    """1: the least was expected."""
    customers: int
    expected_mean: float
    actual_mean: float
    standard_error: float
    """Of the actual mean."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many actual figures lay in their interval."""

    level: float
    customers: int
    covered: float
    """Share that did."""
    mean_width: float

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return asdict(self)


def errors(expected: Floats, actual: Floats) -> Errors:
    """Mean absolute error, root of the mean squared error, and totals."""
    _require_same(expected, actual)
    apart = expected - actual
    return Errors(
        len(actual),
        float(np.abs(apart).mean()),
        float(np.sqrt((apart**2).mean())),
        float(expected.sum()),
        float(actual.sum()),
    )


def calibration(expected: Floats, actual: Floats, bins: int = 10) -> list[CalibrationBin]:
    """Customers in `bins` equal parts by what was expected; ties stay in their order; empty parts are left out."""
    _require_same(expected, actual)
    parts = np.array_split(np.argsort(expected, kind="stable"), bins)
    return [
        CalibrationBin(
            decile,
            len(rows),
            float(expected[rows].mean()),
            float(actual[rows].mean()),
            float(actual[rows].std(ddof=1) / np.sqrt(len(rows))) if len(rows) > 1 else 0.0,
        )
        for decile, rows in enumerate(parts, 1)
        if len(rows)
    ]


def coverage(low: Floats, high: Floats, actual: Floats, level: float) -> Coverage:
    """Ends count as inside."""
    _require_same(low, actual)
    inside = (actual >= low) & (actual <= high)
    return Coverage(level, len(actual), float(inside.mean()), float((high - low).mean()))


def _require_same(expected: Floats, actual: Floats) -> None:
    if expected.shape != actual.shape or not len(actual):
        raise BadHistory(f"expected and actual must be as long as each other, got {len(expected)}, {len(actual)}")
