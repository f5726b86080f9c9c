"""What a hold-out says of confidences without seeing any cause, against the causes that a simulation knows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from kiki.orchestrator.attribution.calibration import brier, expected_calibration_error, reliability
from kiki.orchestrator.attribution.holdout import Holdout
from kiki.orchestrator.attribution.holdout_scores import cross_validated, scores
from kiki.orchestrator.attribution.learned import confidences, fit_learned

RATES = np.array([0.06, 0.20])
CAUSED = np.array([0.50, 0.09])
"""Of the orders of the two kinds of buyers who saw ads."""


def world(seed: int, users: int = 60_000) -> tuple[Holdout, np.ndarray]:
    random = np.random.default_rng(seed)
    kind = (random.random(users) < 0.3).astype(np.int64)
    held_out = random.random(users) < 0.4
    anyhow = random.random(users) < RATES[kind]
    extra = RATES[kind] * CAUSED[kind] / (1 - CAUSED[kind]) / (1 - RATES[kind])
    caused = ~held_out & ~anyhow & (random.random(users) < extra)
    data = Holdout(
        users=(),
        eligible=np.ones(users, dtype=bool),
        held_out=held_out,
        exposed=~held_out,
        ordered=anyhow | caused,
        amount=np.zeros(users),
        names=("kind",),
        features=kind[:, None].astype(np.float64),
        left_out=(),
    )
    return data, caused


def grouped(data: Holdout, seed: int = 0) -> Holdout:
    """The same people, counted by what they have in common."""
    fold = np.random.default_rng(seed).integers(0, 10, len(data))
    table = np.column_stack([data.features, data.held_out, data.exposed, data.ordered, fold])
    rows, counts = np.unique(table, axis=0, return_counts=True)
    return replace(
        data,
        eligible=np.ones(len(rows), dtype=bool),
        held_out=rows[:, 1] > 0,
        exposed=rows[:, 2] > 0,
        ordered=rows[:, 3] > 0,
        amount=np.zeros(len(rows)),
        features=rows[:, :1],
        people=counts.astype(np.float64),
        fold=rows[:, 4].astype(np.int64),
    )


@pytest.mark.parametrize("seed", range(5))
def test_the_score_is_that_of_the_causes_nobody_saw(seed: int) -> None:
    data, caused = world(seed)
    confidence = CAUSED[data.features[:, 0].astype(int)]
    found = scores(confidence, data, confidence)
    orders = data.ordered & ~data.held_out
    truth = caused[orders].astype(np.float64)
    assert found["brier"] == pytest.approx(brier(confidence[orders], truth), abs=0.03)
    assert found["caused_share"] == pytest.approx(truth.mean(), abs=0.06)
    assert found["calibration_p_value"] > 1e-4


@pytest.mark.parametrize("wrong", [CAUSED[::-1], np.array([0.9, 0.5])], ids=["swapped", "too sure"])
def test_confidences_that_are_wrong_show_it(wrong: np.ndarray[Any, Any]) -> None:
    data, _ = world(3)
    kind = data.features[:, 0].astype(int)
    bad, good = (scores(each[kind], data, each[kind]) for each in (wrong, CAUSED))
    assert bad["brier"] > good["brier"] + 0.05
    assert bad["ece"] > 5 * good["ece_by_chance"]
    assert bad["calibration_p_value"] < 1e-6


def test_what_is_learned_beats_the_constant_and_is_calibrated() -> None:
    data, caused = world(8)
    counted = grouped(data)
    parameters = fit_learned(counted)
    found = cross_validated(counted, parameters)
    assert len(found["bins"]) >= 2
    assert found["brier"] < found["brier_constant"]
    assert found["ece"] < 3 * found["ece_by_chance"]
    assert found["order_chance"]["brier"] < found["order_chance"]["brier_constant"]
    orders = data.ordered & ~data.held_out
    truth, said = caused[orders].astype(np.float64), confidences(parameters, data)[orders]
    assert brier(said, truth) < brier(np.full(len(truth), truth.mean()), truth)
    assert expected_calibration_error(said, truth) < 0.05


def test_people_who_are_alike_may_stand_in_one_row() -> None:
    data, _ = world(2)
    fold = np.random.default_rng(0).integers(0, 10, len(data))
    one, many = fit_learned(grouped(data, 0)), fit_learned(replace(data, fold=fold))
    assert (one.treated, one.held_out, one.penalty) == (many.treated, many.held_out, many.penalty)
    for name in ("base", "lift", "slope", "mean_standard_error"):
        assert getattr(one, name) == pytest.approx(getattr(many, name), rel=1e-6)
    assert one.features[0].lift == pytest.approx(many.features[0].lift, rel=1e-6)


def test_weighted_figures_are_those_of_repeated_rows() -> None:
    chance, outcome, times = np.array([0.12, 0.5, 0.55, 0.9]), np.array([0.0, 1.0, 0.0, 1.0]), np.array([3, 1, 2, 5])
    weights, long = times.astype(np.float64), (np.repeat(chance, times), np.repeat(outcome, times))
    assert brier(chance, outcome, weights) == pytest.approx(brier(*long))
    assert expected_calibration_error(chance, outcome, weights=weights) == pytest.approx(
        expected_calibration_error(*long)
    )
    assert reliability(chance, outcome, weights=weights) == reliability(*long)
