"""How many users an effect takes, against textbook values and against simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiki.kit.errors import InvalidInput
from kiki.orchestrator.experiments.lift import Arm, compare
from kiki.orchestrator.experiments.power import (
    Design,
    Mean,
    Rate,
    Usual,
    minimum_effect,
    standard_error,
    users_needed,
)

EVEN = Design(0.5)


@pytest.mark.parametrize(
    ("usual", "design", "effect", "users"),
    [
        pytest.param(Mean(0.0, 1.0), EVEN, 0.5, 126, id="half-a-deviation: 63 an arm"),
        pytest.param(Mean(0.0, 1.0), EVEN, 0.2, 785, id="a fifth: 392.5 an arm"),
        pytest.param(Rate(0.1), EVEN, 0.02, 7_677, id="10 to 12 %: 3,838.1 an arm"),
        pytest.param(Mean(0.0, 1.0), Design(0.5, 0.05, 0.9), 0.5, 169, id="power 0.9: 84.1 an arm"),
        pytest.param(Mean(0.0, 1.0), Design(0.1), 0.5, 349, id="a tenth held out: 1 ÷ (4 · 0.09) as many"),
    ],
)
def test_textbook_sizes(usual: Usual, design: Design, effect: float, users: int) -> None:
    assert users_needed(usual, design, effect) == users


shares = st.floats(0.05, 0.95)
usuals = st.one_of(st.builds(Mean, st.floats(-10, 10), st.floats(0.1, 100)), st.builds(Rate, st.floats(0.01, 0.9)))


@given(usuals, shares, st.integers(5_000, 1_000_000))
def test_effect_and_users_answer_each_other(usual: Usual, share: float, users: int) -> None:
    design = Design(share)
    effect = minimum_effect(usual, design, users)
    assert users_needed(usual, design, effect) == pytest.approx(users, rel=1e-6, abs=1)
    assert design.power_at(effect, standard_error(usual, effect, users, share)) == pytest.approx(0.8, abs=1e-3)


def test_the_promised_power_is_had() -> None:
    generator, rate, design, users = np.random.default_rng(2), 0.1, Design(0.2, 0.05, 0.8), 6_000
    effect = minimum_effect(Rate(rate), design, users)
    seen = 0
    for _ in range(600):
        held = Arm.of((generator.random(1_200) < rate).astype(float))
        seen += compare(Arm.of((generator.random(4_800) < rate + effect).astype(float)), held).p_value < 0.05
    assert seen / 600 == pytest.approx(0.8, abs=4 * math.sqrt(0.16 / 600))


def test_a_decrease_takes_users_too() -> None:
    assert users_needed(Rate(0.1), EVEN, -0.02) < users_needed(Rate(0.1), EVEN, 0.02)


@pytest.mark.parametrize(
    ("usual", "effect"),
    [(Rate(0.1), 0.95), (Rate(0.1), -0.2), (Mean(0, 1), 0.0), (Mean(0, 1), math.nan), (Mean(0, 1e9), 1e-6)],
)
def test_an_effect_that_cannot_be_is_refused(usual: Usual, effect: float) -> None:
    with pytest.raises(InvalidInput) as caught:
        users_needed(usual, EVEN, effect)
    assert caught.value.reason == "BAD_EFFECT"


def test_too_few_users_can_show_nothing() -> None:
    with pytest.raises(InvalidInput, match="no increase"):
        minimum_effect(Rate(0.5), EVEN, 4)
    with pytest.raises(InvalidInput):
        minimum_effect(Mean(0, 1), EVEN, 1)


@pytest.mark.parametrize(
    "fields",
    [{"share": 0.0}, {"share": 1.0}, {"share": 0.5, "alpha": 0.0}, {"share": 0.5, "power": 1.0}],
)
def test_a_design_is_made_of_chances(fields: dict[str, float]) -> None:
    with pytest.raises(InvalidInput):
        Design(**fields)


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1])
def test_a_rate_lies_between_0_and_1(rate: float) -> None:
    with pytest.raises(InvalidInput):
        Rate(rate)


@pytest.mark.parametrize(("mean", "deviation"), [(1.0, 0.0), (1.0, -1.0), (math.nan, 1.0)])
def test_a_mean_has_some_spread(mean: float, deviation: float) -> None:
    with pytest.raises(InvalidInput):
        Mean(mean, deviation)
