"""How good confidences are as far as a hold-out can tell: no order's cause is seen, and no truth is needed.

Of people of the same features x the caused orders are what the treated have more than the held out. So, with n the
people of the arms, the sum of any f(x) over the caused orders has the unbiased estimate

    sum of f over treated orders - (n treated / n held out) sum of f over held-out orders

(Horvitz and Thompson, JASA 47, 1952, within principal strata), and with f = 1, c and bins of c the Brier score
sum(c^2 - 2 c caused + caused) and the gap per bin follow. Confidences are cross-fitted: each row's by the other folds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from scipy import special

from kiki.orchestrator.attribution.calibration import BINS, brier, expected_calibration_error
from kiki.orchestrator.attribution.fitted import LearnedParameters
from kiki.orchestrator.attribution.holdout import Holdout
from kiki.orchestrator.attribution.learned import chances, confidences, leave_out, subset
from kiki.orchestrator.attribution.paths import Floats

_MEAN_GAP = math.sqrt(2 / math.pi)
"""Of a normal error: its mean absolute value, in standard deviations."""


@dataclass(frozen=True, slots=True)
class CausedBin:
    """Exposed orders of about the same confidence, and what part of them the arms say was caused."""

    low: float
    high: float
    orders: int
    mean_confidence: float
    caused: float
    """May lie outside 0 to 1: it is a difference of two counts."""
    standard_error: float


def cross_validated(data: Holdout, parameters: LearnedParameters, *, seed: int = 0) -> dict[str, Any]:
    """Brier score and calibration error of cross-fitted confidences beside those of the best constant, as plain values.

    `orders` are treated ones, `exposed` those of them with a contact. `order_chance` is the part that is seen outright:
    P(order | x, arm) against who ordered. A calibration error contains the arms' noise: `ece_by_chance` is what a
    perfect model would be expected to show, and `calibration_p_value` how likely it shows as much (chi-square of the
    bins' gaps). Bins are those of the confidences by `parameters`, the fit of all: the folds' own fits differ by noise
    that is opposite to what is left out, and bins of theirs would sort by it.
    """
    confidence, chance = _cross_fitted(data, seed)
    told = confidences(parameters, _as_if_exposed(data))
    return {**scores(confidence, data, told), "order_chance": _order_chance(chance, data)}


def scores(confidence: Floats, data: Holdout, told: Floats) -> dict[str, Any]:
    """The same for any confidences, one per row as if it were exposed; `told` are what bins go by."""
    ours, theirs = data.eligible & ~data.held_out, data.eligible & data.held_out
    weights, ordered = data.weights, data.weights * data.ordered
    ratio = float(weights[ours].sum()) / float(weights[theirs].sum())
    caused = np.where(ours, ordered, 0.0) - ratio * np.where(theirs, ordered, 0.0)
    orders, exposed = float(ordered[ours].sum()), ordered * (ours & data.exposed)
    squares = float(exposed @ confidence**2 - 2 * caused @ confidence + caused.sum())
    base, seen = float(caused.sum()) / orders, float(exposed.sum())
    table = _bins(told, confidence, exposed, caused, ordered * np.where(theirs, ratio * ratio, ours))
    gaps = sum(row.orders * abs(row.mean_confidence - row.caused) for row in table)
    by_chance = _MEAN_GAP * sum(row.orders * row.standard_error for row in table)
    return {
        "orders": round(orders),
        "exposed_orders": round(seen),
        "caused_share": base,
        "brier": squares / orders,
        "brier_constant": base * (1 - base),
        "brier_exposed": squares / seen,
        "brier_exposed_constant": base * orders / seen * (1 - base * orders / seen),
        "ece": gaps / orders,
        "ece_by_chance": by_chance / orders,
        "ece_exposed": gaps / seen,
        "calibration_p_value": _p_value(table),
        "bins": [asdict(row) for row in table],
    }


def _cross_fitted(data: Holdout, seed: int) -> tuple[Floats, Floats]:
    """The confidence that each row would have if it were exposed, and its chance to order in its own arm."""
    confidence, chance = np.zeros(len(data)), np.zeros(len(data))
    for out, parameters in leave_out(data, seed=seed):
        part = subset(data, out)
        confidence[out] = confidences(parameters, _as_if_exposed(part))
        without, with_ads, _ = chances(parameters, part)
        chance[out] = np.where(part.held_out, without, with_ads)
    return confidence, chance


def _as_if_exposed(data: Holdout) -> Holdout:
    return replace(data, exposed=np.ones(len(data), dtype=bool))


def _bins(told: Floats, confidence: Floats, exposed: Floats, caused: Floats, variance: Floats) -> list[CausedBin]:
    bin_of = np.minimum((told * BINS).astype(np.int64), BINS - 1)
    orders, expected, found, spread = (
        np.bincount(bin_of, column, minlength=BINS) for column in (exposed, exposed * confidence, caused, variance)
    )
    return [
        CausedBin(
            at / BINS,
            (at + 1) / BINS,
            round(orders[at]),
            float(expected[at] / orders[at]),
            float(found[at] / orders[at]),
            math.sqrt(spread[at]) / float(orders[at]),
        )
        for at in np.flatnonzero(orders).tolist()
    ]


def _p_value(table: Sequence[CausedBin]) -> float | None:
    """None for a single bin: its level is fitted to the very arms, and only differences between bins are a test."""
    if len(table) < 2:
        return None
    surprise = sum(((row.mean_confidence - row.caused) / row.standard_error) ** 2 for row in table)
    return float(special.chdtrc(len(table) - 1, surprise))


def _order_chance(chance: Floats, data: Holdout) -> dict[str, float]:
    rows = data.eligible
    chance, ordered, weights = chance[rows], data.ordered[rows].astype(np.float64), data.weights[rows]
    rate = float(weights @ ordered / weights.sum())
    return {
        "brier": brier(chance, ordered, weights),
        "brier_constant": rate * (1 - rate),
        "ece": expected_calibration_error(chance, ordered, weights=weights),
    }
