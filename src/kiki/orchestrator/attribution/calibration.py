"""How good probabilities are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kiki.kit.errors import InvalidInput
from kiki.orchestrator.attribution.paths import Floats

BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """Probabilities of about the same size, and how often what they speak of was so."""

    low: float
    high: float
    count: int
    mean_probability: float
    rate: float


def brier(probability: Floats, outcome: Floats, weights: Floats | None = None) -> float:
    """Mean squared difference of probability and outcome (Brier 1950), 0 to 1; 0 of nothing."""
    return float(np.average((probability - outcome) ** 2, weights=weights)) if len(outcome) else 0.0


def expected_calibration_error(
    probability: Floats, outcome: Floats, bins: int = BINS, weights: Floats | None = None
) -> float:
    """Mean absolute gap of probability and rate over bins of equal width, weighted by count (Naeini et al. 2015)."""
    table = reliability(probability, outcome, bins, weights)
    total = sum(row.count for row in table)
    return sum(row.count * abs(row.mean_probability - row.rate) for row in table) / total if total else 0.0


def reliability(probability: Floats, outcome: Floats, bins: int = BINS, weights: Floats | None = None) -> list[Bin]:
    """The bins that hold anything; a bin includes its lower edge, the last one also 1. `weights`: cases per row."""
    if len(probability) and not (probability.min() >= 0 and probability.max() <= 1):
        raise InvalidInput("probabilities lie between 0 and 1", reason="BAD_PROBABILITY")
    bin_of = np.minimum((probability * bins).astype(np.int64), bins - 1)
    each = np.ones(len(probability)) if weights is None else weights
    counts, sums, hits = (
        np.bincount(bin_of, column, minlength=bins) for column in (each, each * probability, each * outcome)
    )
    return [
        Bin(at / bins, (at + 1) / bins, int(counts[at]), float(sums[at] / counts[at]), float(hits[at] / counts[at]))
        for at in np.flatnonzero(counts).tolist()
    ]
