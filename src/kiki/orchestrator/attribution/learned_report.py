"""What a hold-out taught, and how good it is where somebody knows the truth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from kiki.kit.errors import InvalidInput
from kiki.orchestrator.attribution.calibration import brier, expected_calibration_error, reliability
from kiki.orchestrator.attribution.fitted import LearnedParameters
from kiki.orchestrator.attribution.holdout import USER_COLUMNS, Flags, Holdout
from kiki.orchestrator.attribution.learned import confidences, cross_fitted
from kiki.orchestrator.attribution.model import Rules
from kiki.orchestrator.attribution.paths import Floats

_CAUSED = ("truly_incremental", "caused", "incremental")
_CHANCE = ("p_incremental_given_order",)
_RIGHT_FROM = 0.5


def learned_report(data: Holdout, parameters: LearnedParameters) -> dict[str, Any]:
    """What the hold-out shows and what the model makes of it; no truth is needed."""
    confidence = confidences(parameters, data)
    buyers = data.ordered & ~data.held_out
    exposed = data.ordered & data.exposed
    return {
        "version": f"1:{parameters.fingerprint}",
        "users": data.count(np.ones(len(data), dtype=bool)),
        "eligible_treated": parameters.treated,
        "eligible_held_out": parameters.held_out,
        "order_rate_treated": _rate(data, data.eligible & ~data.held_out),
        "order_rate_held_out": _rate(data, data.eligible & data.held_out),
        "features": list(data.names),
        "left_out": dict(data.left_out),
        "penalty": parameters.penalty,
        "slope": parameters.slope,
        "orders": data.count(buyers),
        "exposed_orders": data.count(exposed),
        "mean_confidence_exposed": _mean(confidence, exposed, data.weights),
        "standard_error": parameters.mean_standard_error,
        "caused_orders": float((confidence * data.weights)[buyers].sum()),
        "caused_revenue": float((confidence * data.amount)[buyers].sum()),
        "revenue": float(data.amount[buyers].sum()),
    }


def read_truth(rows: Iterable[Mapping[str, str]], data: Holdout) -> tuple[Floats, Floats | None]:
    """Per user whether ads caused the order, and the true chance of it where the file tells. Raises InvalidInput."""
    table = list(rows)
    names = list(table[0]) if table else []
    user, caused = (next((name for name in wanted if name in names), None) for wanted in (USER_COLUMNS, _CAUSED))
    if user is None or caused is None:
        raise InvalidInput(
            f"a file of truths has a user_id and one of {', '.join(_CAUSED)}, got {', '.join(names) or 'nothing'}",
            reason="BAD_FILE",
        )
    kept = {row[user].strip(): row for row in table}
    chance = next((name for name in _CHANCE if name in names), None)
    missing = next((user for user in data.users if user not in kept), None)
    if missing is not None:
        raise InvalidInput(f"the file of truths lacks the user {missing}", reason="BAD_FILE")
    truth = _column(kept, data.users, caused)
    return truth, None if chance is None else _column(kept, data.users, chance)


def against_truth(data: Holdout, parameters: LearnedParameters, truth: Floats, chance: Floats | None) -> dict[str, Any]:
    """Figures over all orders, held-out ones too: the model, also cross-fitted, beside a constant and an oracle."""
    orders = data.ordered
    base = _mean(truth, orders)
    confidence = confidences(parameters, data)
    figures = {
        "learned": _figures(confidence, truth, orders, data),
        "learned_cross_fitted": _figures(cross_fitted(data), truth, orders, data),
        "constant": _figures(np.full(len(data), base), truth, orders, data),
    }
    if chance is not None:
        figures["oracle"] = _figures(chance, truth, orders, data)
    return {
        "orders": int(orders.sum()),
        "base_rate": base,
        "true_revenue": float((truth * data.amount)[orders].sum()),
        **figures,
        "reliability": [asdict(row) for row in reliability(confidence[orders], truth[orders])],
    }


def score_figures(confidence: Floats, truth: Floats, data: Holdout) -> dict[str, Any]:
    """The same figures for any other model's confidences, one per user."""
    return _figures(confidence, truth, data.ordered, data)


def _figures(confidence: Floats, truth: Floats, orders: Flags, data: Holdout) -> dict[str, Any]:
    seen = orders & data.exposed
    return {
        "brier": brier(confidence[orders], truth[orders]),
        "ece10": expected_calibration_error(confidence[orders], truth[orders]),
        "ece10_exposed": expected_calibration_error(confidence[seen], truth[seen]),
        "right_at_one_half": _mean(((confidence >= _RIGHT_FROM) == (truth > 0)).astype(np.float64), orders),
        "expected_revenue": float((confidence * data.amount)[orders].sum()),
        "billed_revenue": float(data.amount[orders & (confidence >= float(Rules().threshold))].sum()),
    }


def _column(kept: Mapping[str, Mapping[str, str]], users: Iterable[str], name: str) -> Floats:
    try:
        found = np.array([float(kept[user][name]) for user in users])
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{name} holds numbers between 0 and 1: {error}", reason="BAD_FILE") from None
    if len(found) and not (found.min() >= 0 and found.max() <= 1):
        raise InvalidInput(f"{name} holds numbers between 0 and 1", reason="BAD_FILE")
    return found


def _rate(data: Holdout, rows: Flags) -> float:
    return _mean(data.ordered.astype(np.float64), rows, data.weights)


def _mean(values: Floats, rows: Flags, weights: Floats | None = None) -> float:
    return float(np.average(values[rows], weights=None if weights is None else weights[rows])) if rows.any() else 0.0
